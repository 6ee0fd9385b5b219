package idempotency

import (
	"context"
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	implv1 "github.com/amogate/amogate/gen/amogate/impl/v1"
)

// Call is one call with a request id. Its methods are for one goroutine.
type Call struct {
	keeper *Keeper
	key    Key
	id     string
	// isOurs says that it is carried out here.
	isOurs    bool
	since     time.Time
	isDoubted bool

	known map[int]*implv1.ItemOutcome
	// open are items of which nobody knows any more what became of them.
	open map[int]bool

	mu sync.Mutex
	// unsaved are outcomes that are not stored.
	unsaved []*implv1.ItemOutcome
	// noted, unless nil, wakes up who saves along.
	noted chan struct{}
}

// Since is before anything of the call was sent, by the clock of its first owner.
func (c *Call) Since() time.Time { return c.since }

// IsOurs says whether the call is carried out here; else every item is known.
func (c *Call) IsOurs() bool { return c.isOurs }

// Known returns what is known of an item; nil = nothing.
func (c *Call) Known(index int) *implv1.ItemOutcome { return c.known[index] }

// ItemName returns a name of an item that no item of another call has.
func (c *Call) ItemName(index int) string {
	return string(binary.AppendUvarint(c.key[:nameBytes:nameBytes], uint64(index))) //nolint:gosec // an index is not negative
}

// nameBytes is how much of a key is part of a name.
const nameBytes = 16

// IsDoubted says whether an item may have been sent by an owner before, and nothing
// else is known of it.
func (c *Call) IsDoubted(index int) bool { return c.isDoubted && c.known[index] == nil }

// Note notes what became of an item.
func (c *Call) Note(outcome *implv1.ItemOutcome) {
	add(c.known, outcome)
	c.mu.Lock()
	c.unsaved = append(c.unsaved, outcome)
	c.mu.Unlock()
	select {
	case c.noted <- struct{}{}:
	default: // Nobody saves along, or is awake already.
	}
}

// SaveAlong begins to make durable what is noted, while the call goes on. Stop ends
// it.
func (c *Call) SaveAlong(ctx context.Context) (stop func()) {
	c.noted = make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range c.noted {
			c.Save(ctx)
		}
	}()
	return func() {
		close(c.noted)
		<-done
		c.noted = nil
	}
}

// Leave notes that an item may have been sent, and that nobody waits any more for
// what becomes of it: it is looked for when the call is repeated.
func (c *Call) Leave(index int) { c.open[index] = true }

// Save makes durable what was noted. What cannot be stored is told to the log: the
// item is looked for when the call is repeated.
func (c *Call) Save(ctx context.Context) { c.save(ctx, Open) }

// End ends a call of n items. Those of which nothing was noted were certainly not
// sent.
func (c *Call) End(ctx context.Context, n int) {
	if !c.isOurs {
		return
	}
	defer c.keeper.land(c.key)
	state := Done
	for i := range n {
		outcome := c.known[i]
		if outcome != nil && !outcome.GetUnsent() {
			continue
		}
		state = Rest
		if outcome == nil && len(c.open) > 0 && !c.open[i] {
			c.Note(&implv1.ItemOutcome{Index: int32(i), Result: &implv1.ItemOutcome_Unsent{Unsent: true}})
		}
	}
	switch {
	case len(c.open) > 0:
		c.Save(ctx)
	case len(c.known) == 0:
		c.forget(ctx)
	default:
		c.save(ctx, state)
	}
}

// save adds what was noted to the stored outcome, even when the caller is gone.
func (c *Call) save(ctx context.Context, state State) {
	c.mu.Lock()
	unsaved := c.unsaved
	c.unsaved = nil
	c.mu.Unlock()
	if len(unsaved) == 0 && state == Open {
		return
	}
	part, err := encode(unsaved)
	if err == nil {
		ctx, cancel := c.keeper.saving(ctx)
		defer cancel()
		err = c.keeper.config.Store.SaveRequest(ctx, c.key, c.id, part, state)
	}
	if err == nil {
		return
	}
	c.mu.Lock()
	c.unsaved = append(unsaved, c.unsaved...)
	c.mu.Unlock()
	c.keeper.config.Logger.LogAttrs(ctx, slog.LevelWarn, "the outcome of a call was not stored; it is looked for when the call is repeated",
		slog.Int("items", len(unsaved)), slog.String("error", err.Error()))
}

// forget removes the call, of which nothing was sent.
func (c *Call) forget(ctx context.Context) {
	ctx, cancel := c.keeper.saving(ctx)
	defer cancel()
	if err := c.keeper.config.Store.ForgetRequest(ctx, c.key, c.id); err != nil {
		c.keeper.config.Logger.LogAttrs(ctx, slog.LevelWarn, "a call that was not sent was not removed; it is looked for when it is repeated",
			slog.String("error", err.Error()))
		// Nothing was sent under this intent: it can be wished again.
		c.keeper.sure(c.key, c.id, err)
	}
}

// saving returns the context of what is stored whether its caller waits or not.
func (k *Keeper) saving(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), k.config.Settings.StatementTimeout)
}
