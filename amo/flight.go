package amo

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/singleflight"
)

// flight runs a function once for all who need its result at the same time.
// The function does not end with the caller that began it, since others wait
// for it too; each caller waits no longer than its own deadline. A panic of the
// function is one of each of them.
type flight struct {
	group singleflight.Group
}

// do runs fn, or waits for the run in progress. Where the limiter holds requests
// back for longer than shared work may take, each caller waits as long as it can.
func (f *flight) do(ctx context.Context, c *Client, fn func(context.Context) error) error {
	for {
		err := f.join(ctx, c, fn)
		held := IsKind(err, KindQueueFull) || IsKind(err, KindRateLimited) && asError(err).Status == 0
		if !held || !fits(ctx, asError(err).RetryAfter) {
			return err
		}
		if err := sleep(ctx, asError(err).RetryAfter); err != nil {
			return err
		}
	}
}

func (f *flight) join(ctx context.Context, c *Client, fn func(context.Context) error) error {
	timeout := c.config.Settings.SharedTimeout
	done := f.group.DoChan("", func() (any, error) {
		// The caller's deadline and priority are not those of the others.
		shared, cancel := context.WithTimeout(urgent(context.WithoutCancel(ctx)), timeout)
		defer cancel()
		defer context.AfterFunc(c.life, cancel)()
		err := contain(func() error { return fn(shared) })
		if err != nil && errors.Is(context.Cause(shared), context.DeadlineExceeded) {
			// It is not the callers' deadline that passed.
			err = &Error{Kind: KindUnavailable, Message: fmt.Sprintf("upstream did not answer within %s", timeout), Err: err}
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
