package server

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// watchedStream notes when it is about to send, so that a reader that takes
// nothing is noticed.
type watchedStream struct {
	contextStream
	// begun is when the stream began, since when after that the message that is
	// being sent was handed over, in nanoseconds; 0 = none is. A clock that is set
	// stalls nobody.
	begun time.Time
	since atomic.Int64
}

// SendMsg implements grpc.ServerStream.
func (w *watchedStream) SendMsg(m any) error {
	w.since.Store(int64(max(time.Since(w.begun), 1)))
	defer w.since.Store(0)
	return w.ServerStream.SendMsg(m)
}

// patience is how much longer the reader has until it counts as stalled.
func (w *watchedStream) patience(stall time.Duration) time.Duration {
	since := w.since.Load()
	if since == 0 {
		return stall
	}
	return stall - (time.Since(w.begun) - time.Duration(since))
}

// unlessStalled runs send, which sends on the stream it is given, and returns its
// error; or, when the reader has taken nothing for as long as stall, at once that
// it has stalled. Nothing can interrupt a send that waits for the reader but the
// end of the call, so send runs in a goroutine of its own: it is left behind, its
// context ends, and its send fails as soon as the handler has returned.
func unlessStalled(stream grpc.ServerStream, stall time.Duration, send func(grpc.ServerStream) error) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	watched := &watchedStream{contextStream: contextStream{ServerStream: stream, ctx: ctx}, begun: time.Now()}
	done := make(chan error, 1)
	go func() {
		var err error
		defer func() {
			if p := recover(); p != nil {
				err = panicElsewhere(p)
			}
			done <- err
		}()
		err = send(watched)
	}()
	timer := time.NewTimer(stall)
	defer timer.Stop()
	for {
		select {
		case err := <-done:
			if p, ok := err.(*amo.PanicError); ok { //nolint:errorlint // as it was made above
				panic(p) // in the goroutine of the call, where it is recovered
			}
			return err
		case <-timer.C:
		}
		left := watched.patience(stall)
		if left <= 0 {
			return errStalled(stall)
		}
		timer.Reset(left)
	}
}

func errStalled(stall time.Duration) *fault {
	return &fault{
		reason:  amogatev1.ErrorReason_ERROR_REASON_STREAM_STALLED,
		message: "the reader took nothing for " + stall.String() + ": go on with the last resume token",
	}
}

// panicElsewhere is the panic of another goroutine than the call's.
func panicElsewhere(p any) *amo.PanicError {
	if elsewhere, ok := p.(*amo.PanicError); ok {
		return elsewhere
	}
	return &amo.PanicError{Value: p, Stack: debug.Stack()}
}
