package amo

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// dictionary is something small that upstream keeps and that changes rarely. It
// is read once for all who ask for it at the same time, and its value is used
// until it is older than the caller takes. A reading that fails is an error: what
// is too old to be used is not used instead.
type dictionary[T any] struct {
	load flight

	mu    sync.Mutex
	value T
	// read is when the reading of value began; zero = never.
	read time.Time
	// epoch counts the changes that were made from here, seen is the count when
	// the reading of value began: it may be older than a change since.
	epoch, seen uint64
}

// get returns the value as it was age ago or later, and not before the last
// forget. fetch reads it where what is known is older.
func (d *dictionary[T]) get(ctx context.Context, c *Client, age time.Duration, fetch func(context.Context) (T, error)) (T, error) {
	oldest := time.Now().Add(-age)
	if demanded, ok := ctx.Value(maxAgeKey{}).(time.Time); ok && demanded.After(oldest) {
		oldest = demanded
	}
	d.mu.Lock()
	epoch := d.epoch
	d.mu.Unlock()
	for {
		if value, read, ok := d.current(oldest, epoch); ok {
			noteAge(ctx, time.Since(read))
			return value, nil
		}
		// A reading that was under way is joined, and may prove too old.
		err := d.load.do(ctx, c, func(ctx context.Context) error {
			if _, _, ok := d.current(oldest, epoch); ok {
				return nil
			}
			return d.refresh(ctx, fetch)
		})
		if err != nil {
			return *new(T), err
		}
	}
}

// current returns the value and when it was read, if that is not before oldest
// and not before the change that epoch counts.
func (d *dictionary[T]) current(oldest time.Time, epoch uint64) (value T, read time.Time, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.value, d.read, !d.read.IsZero() && !d.read.Before(oldest) && d.seen >= epoch
}

func (d *dictionary[T]) refresh(ctx context.Context, fetch func(context.Context) (T, error)) error {
	d.mu.Lock()
	began, seen := time.Now(), d.epoch
	d.mu.Unlock()
	value, err := fetch(ctx)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.value, d.read, d.seen = value, began, seen
	return nil
}

// forget is called when a change was made from here: whoever asks after it gets a
// value whose reading began after it. Those who wait already get what they asked
// for.
func (d *dictionary[T]) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.epoch++
}

// maxAgeKey and agesKey are keys of contexts.
type (
	maxAgeKey struct{}
	agesKey   struct{}
)

// WithMaxAge returns a context whose calls use nothing that was read of the
// account, its custom fields or its periods longer than age before now; 0 reads
// it now. What is used without that is no older than settings say, so an age
// beyond changes nothing.
func WithMaxAge(ctx context.Context, age time.Duration) context.Context {
	return context.WithValue(ctx, maxAgeKey{}, time.Now().Add(-max(age, 0)))
}

// Ages keeps how old the oldest value is that a call took from memory. It is safe
// for concurrent use.
type Ages struct{ nanos atomic.Int64 }

// WithAges returns a context whose calls tell a how old the values are that they
// use.
func WithAges(ctx context.Context, a *Ages) context.Context {
	return context.WithValue(ctx, agesKey{}, a)
}

// Oldest is the age of the oldest value when it was used, from when its reading
// began; ok says whether any was used.
func (a *Ages) Oldest() (age time.Duration, ok bool) {
	// Zero stands for none: a value that was read this instant is 1 ns old.
	nanos := a.nanos.Load()
	return time.Duration(nanos), nanos > 0
}

func noteAge(ctx context.Context, age time.Duration) {
	a, ok := ctx.Value(agesKey{}).(*Ages)
	if !ok {
		return
	}
	for {
		known := a.nanos.Load()
		if int64(age) <= known && known > 0 || a.nanos.CompareAndSwap(known, max(int64(age), 1)) {
			return
		}
	}
}
