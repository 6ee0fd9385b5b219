package amo

import "context"

// callerKey is the key of contexts for the caller's name.
type callerKey struct{}

// WithCaller returns a context whose writes are those of a caller of this name,
// whatever names callers: their connection, their address. Callers whose items are
// refused do not go by the same requests as others for a while. Without it all
// calls are those of one caller.
func WithCaller(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, callerKey{}, name)
}

// callerOf returns the name of the caller.
func callerOf(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}
