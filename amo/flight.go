package amo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"
)

// flightTimeout bounds work that serves many callers at once, so that a hanging
// upstream cannot hold them all.
const flightTimeout = 45 * time.Second

// flight runs a function once for all who need its result at the same time.
// The function does not end with the caller that began it, since others wait
// for it too; each caller waits no longer than its own deadline. A panic of the
// function is one of each of them.
type flight struct {
	group singleflight.Group
}

// do runs fn, or waits for the run in progress. Where the limiter holds requests
// back for longer than shared work may take, each caller waits as long as it can.
func (f *flight) do(ctx, life context.Context, fn func(context.Context) error) error {
	for {
		err := f.join(ctx, life, fn)
		if !IsKind(err, KindQueueFull) || !fits(ctx, asError(err).RetryAfter) {
			return err
		}
		if err := sleep(ctx, asError(err).RetryAfter); err != nil {
			return err
		}
	}
}

func (f *flight) join(ctx, life context.Context, fn func(context.Context) error) error {
	done := f.group.DoChan("", func() (any, error) {
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTimeout)
		defer cancel()
		defer context.AfterFunc(life, cancel)()
		err := contain(func() error { return fn(shared) })
		if err != nil && errors.Is(context.Cause(shared), context.DeadlineExceeded) {
			// It is not the callers' deadline that passed.
			err = &Error{Kind: KindUnavailable, Message: fmt.Sprintf("upstream did not answer within %s", flightTimeout), Err: err}
		}
		return nil, err
	})
	select {
	case result := <-done:
		return release(result.Err)
	case <-ctx.Done():
		return contextError(ctx)
	}
}
