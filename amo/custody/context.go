package custody

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
)

// asError returns err as a *driver.Error; an Exchange should return nothing else.
func asError(err error) *driver.Error {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e
	}
	return &driver.Error{Kind: driver.KindBug, Message: "an error without a kind", Err: err}
}

// contextError is the error of a caller that went away or ran out of time.
func contextError(ctx context.Context) *driver.Error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) {
		return &driver.Error{Kind: driver.KindDeadline, Message: "the deadline passed before the account's credentials were there", Err: cause}
	}
	return &driver.Error{Kind: driver.KindCancelled, Message: "the call was cancelled", Err: cause}
}

// errClosed is the error of work that was not begun since the keeper is closed.
func errClosed() error {
	return &driver.Error{Kind: driver.KindCancelled, Message: "the account is closed"}
}

// contain makes a panic of work an error.
func contain(work func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &driver.Error{Kind: driver.KindBug, Message: "a panic while the account's credentials were made", Err: fmt.Errorf("panic: %v\n%s", v, debug.Stack())}
		}
	}()
	return work()
}

// fits says whether a pause ends before ctx's deadline. Without a deadline nobody
// waits: the pause may be a long one.
func fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) > pause
}

// sleep waits for d, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}
