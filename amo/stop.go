package amo

import "context"

// stopKey is the key of contexts for what stops writes.
type stopKey struct{}

// errStopping is why the rest of a write is not sent.
var errStopping = &Error{Kind: KindCancelled, Message: "the server is stopping"}

// WithStop returns a context whose writes stop when stop ends, once a request has
// taken some of their items along: those that are left are not attempted, what was
// sent is waited for. A write of which nothing was sent goes on.
func WithStop(ctx, stop context.Context) context.Context {
	return context.WithValue(ctx, stopKey{}, stop)
}

// stopOf returns what is closed when the writes of a context stop; nil = nothing.
func stopOf(ctx context.Context) <-chan struct{} {
	if stop, ok := ctx.Value(stopKey{}).(context.Context); ok {
		return stop.Done()
	}
	return nil
}
