package amo

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// errAttemptTimeout ends an attempt that takes too long.
var errAttemptTimeout = errors.New("upstream did not answer in time")

// attempt is one request on its way: the time it may take, its span, and what the
// transport tells of its connection.
type attempt struct {
	departure *departure
	ctx       context.Context //nolint:containedctx // the life of the request
	cancel    context.CancelCauseFunc
	timer     *time.Timer
	timeout   time.Duration
	left      func()
	finish    func(status int)

	// wanted is when a connection was asked for; zero = it was not. Got says that it
	// came and that the request's moment did, wrote that the transport began to
	// write.
	wanted time.Time
	got    bool
	wrote  atomic.Bool
	// refused is why the request must not leave.
	refused error
}

// begin begins an attempt. Its time runs from now on, and again from the moment
// in which the request leaves.
func (c *Client) begin(ctx context.Context, method, name string, d *departure) *attempt {
	a := &attempt{departure: d, timeout: c.config.Settings.AttemptTimeout}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	a.timer = time.AfterFunc(a.timeout, func() { a.cancel(errAttemptTimeout) })
	a.ctx, a.left, a.finish = c.metrics.begin(a.ctx, method, name)
	if c.connects {
		a.ctx = httptrace.WithClientTrace(a.ctx, &httptrace.ClientTrace{
			GetConn: func(string) { a.wanted = time.Now() },
			GotConn: func(info httptrace.GotConnInfo) {
				c.connecting.note(time.Since(a.wanted))
				a.connected(ctx, info)
			},
			// Called when all of the header is written, or HTTP/2 could not.
			WroteHeaders: func() { a.wrote.Store(true) },
		})
	}
	return a
}

// end ends what the attempt holds.
func (a *attempt) end() {
	a.timer.Stop()
	a.cancel(nil)
}

// leave waits for the moment to leave.
func (a *attempt) leave(ctx context.Context) error {
	if !a.timer.Stop() {
		return errAttemptTimeout // the transport is giving up
	}
	if err := a.departure.leave(ctx); err != nil {
		return err
	}
	a.left()
	a.timer.Reset(a.timeout)
	return nil
}

// connected is called by the transport when it has a connection and is about to
// write. The slot is taken as the last thing, so this waits for it.
func (a *attempt) connected(ctx context.Context, info httptrace.GotConnInfo) {
	err := a.leave(ctx)
	if err == nil {
		a.got = true
		return
	}
	a.refused = err
	a.cancel(err)
	// HTTP/1 would write all the same; HTTP/2 looks at the context first, and
	// others use its connection.
	if secured, ok := info.Conn.(*tls.Conn); !ok || secured.ConnectionState().NegotiatedProtocol != "h2" {
		_ = info.Conn.Close()
	}
}

// failed says that the request did not leave: there was no connection, or it broke
// before anything could be carried out, as one does that was kept for too long. A
// transport that tells nothing may have sent it.
func (a *attempt) failed() bool { return !a.wanted.IsZero() && (!a.got || !a.wrote.Load()) }
