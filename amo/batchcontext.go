package amo

import (
	"context"
	"sync/atomic"
	"time"
)

// batchContext is the context of a request of a batch. Its deadline is the latest of
// those whom it is for. Before the batch leaves, others may come, so that it tells
// the deadline and does not end by it.
type batchContext struct {
	context.Context //nolint:containedctx // this is one
	cancel          context.CancelCauseFunc
	deadline        atomic.Pointer[time.Time]
	timer           *time.Timer
}

// Deadline implements context.Context.
func (c *batchContext) Deadline() (time.Time, bool) {
	if at := c.deadline.Load(); at != nil {
		return *at, true
	}
	return time.Time{}, false
}

// tell sets the deadline; zero = none.
func (c *batchContext) tell(at time.Time) {
	if at.IsZero() {
		c.deadline.Store(nil)
		return
	}
	c.deadline.Store(&at)
}

// newBatchContext returns the context of a request of a batch with this life, which
// tells a deadline.
func newBatchContext(life context.Context, deadline time.Time) *batchContext {
	inner, cancel := context.WithCancelCause(life)
	c := &batchContext{Context: inner, cancel: cancel}
	c.tell(deadline)
	return c
}

// end sets the deadline and ends by it. It says whether that is in time: the one
// before has not passed.
func (c *batchContext) end(at time.Time) bool {
	if c.timer != nil && !c.timer.Stop() {
		return false
	}
	c.tell(at)
	c.timer = nil
	if !at.IsZero() {
		c.timer = time.AfterFunc(time.Until(at), func() { c.cancel(context.DeadlineExceeded) })
	}
	return true
}
