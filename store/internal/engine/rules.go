package engine

import (
	"context"
	"time"

	"github.com/amogate/amogate/amo/custody"
)

// Rules are the methods of custody.Store that apply one rule to one record. An
// engine embeds them and says how a record is changed.
type Rules struct {
	// Change reads the record of an account, applies a rule to it and stores what it
	// made of it, all in one transaction; it returns what the rule says.
	Change func(ctx context.Context, op, account string, rule func(*custody.Record, time.Time) bool) (bool, error)
}

// Lease implements custody.Store.
func (r Rules) Lease(ctx context.Context, account string, generation int64, owner string, ttl time.Duration) (custody.Record, bool, error) {
	var leased custody.Record
	ok, err := r.Change(ctx, "credentials.lease", account, func(c *custody.Record, now time.Time) bool {
		ok := Lease(c, generation, owner, ttl, now)
		leased = Shown(*c, now)
		return ok
	})
	if err != nil {
		return custody.Record{}, false, err
	}
	return leased, ok, nil
}

// Commit implements custody.Store.
func (r Rules) Commit(ctx context.Context, account string, from, epoch int64, next custody.Sealed) (bool, error) {
	return r.Change(ctx, "credentials.commit", account, func(c *custody.Record, now time.Time) bool {
		return Commit(c, from, epoch, next, now)
	})
}

// Restore implements custody.Store.
func (r Rules) Restore(ctx context.Context, account string, next custody.Sealed) (bool, error) {
	return r.Change(ctx, "credentials.restore", account, func(c *custody.Record, now time.Time) bool {
		return Restore(c, next, now)
	})
}

// Fail implements custody.Store.
func (r Rules) Fail(ctx context.Context, account string, generation, epoch int64, f custody.Failure) (bool, error) {
	return r.Change(ctx, "credentials.fail", account, func(c *custody.Record, now time.Time) bool {
		return Fail(c, generation, epoch, f, now)
	})
}

// Mark implements custody.Store.
func (r Rules) Mark(ctx context.Context, account string, generation int64, state custody.State, reason string) (bool, error) {
	return r.Change(ctx, "credentials.mark", account, func(c *custody.Record, _ time.Time) bool {
		return Mark(c, generation, state, reason)
	})
}

// Reseal implements custody.Store.
func (r Rules) Reseal(ctx context.Context, account string, generation int64, from string, next custody.Sealed) (bool, error) {
	return r.Change(ctx, "credentials.reseal", account, func(c *custody.Record, _ time.Time) bool {
		return Reseal(c, generation, from, next)
	})
}
