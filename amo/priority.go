package amo

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/amogate/amogate/amo/limit"
)

// priorityKey and waitsKey are keys of contexts.
type (
	priorityKey struct{}
	waitsKey    struct{}
)

// WithPriority returns a context whose requests wait for a slot with at most this
// priority. It cannot raise one: what follows the first page of a list stays
// limit.Sync. Logins stay what they are, since others wait for them too.
func WithPriority(ctx context.Context, c limit.Class) context.Context {
	return context.WithValue(ctx, priorityKey{}, c)
}

// urgent returns a context without the priority of its caller.
func urgent(ctx context.Context) context.Context {
	if _, ok := ctx.Value(priorityKey{}).(limit.Class); !ok {
		return ctx
	}
	return WithPriority(ctx, limit.Login)
}

// classOf is the priority of a request that is c by itself.
func classOf(ctx context.Context, c limit.Class) limit.Class {
	lowered, ok := ctx.Value(priorityKey{}).(limit.Class)
	if !ok || c == limit.Login {
		return c
	}
	return max(c, lowered)
}

// Waits sums up what the requests of a call waited for slots of the limiter. It is
// safe for concurrent use.
type Waits struct{ nanos atomic.Int64 }

// WithWaits returns a context whose requests tell w what they wait.
func WithWaits(ctx context.Context, w *Waits) context.Context {
	return context.WithValue(ctx, waitsKey{}, w)
}

// Sum is the sum of the waits so far; those of requests at the same time count
// each.
func (w *Waits) Sum() time.Duration { return time.Duration(w.nanos.Load()) }

// noteWait adds a wait to the sum of the call.
func noteWait(ctx context.Context, wait time.Duration) {
	if w, ok := ctx.Value(waitsKey{}).(*Waits); ok {
		w.nanos.Add(int64(wait))
	}
}
