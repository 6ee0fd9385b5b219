package limit

import (
	"context"
	"time"
)

// EgressKey is the key of the state that all accounts share: whether this
// address is banned.
const EgressKey = "*egress*"

// Store is what limiters share: within a process, or over all replicas of one
// database. Its clock is the only one that counts, so every time it takes or
// gives is one of its own. Implementations: Memory here, and the engines of
// package store. Errors are *driver.Error of a KindStore….
type Store interface {
	// Reserve takes the next slot of an account, unless it is further away than
	// the caller wants to wait, or the caller's states are out of date. It is one
	// atomic step.
	Reserve(ctx context.Context, r Reservation) (Slot, error)
	// Return gives a reserved slot back that will not be used. It has an effect
	// only while no later slot has been reserved.
	Return(ctx context.Context, key string, slot Slot, interval time.Duration) error
	// Delay lets the next slot of an account be no earlier than in d.
	Delay(ctx context.Context, key string, d time.Duration) error
	// Load returns the durable states of the keys, in their order, and the time
	// by the store's clock. A key that was never saved has version 0 and no data.
	Load(ctx context.Context, keys ...string) (now time.Time, states []Stored, err error)
	// Save replaces the state of a key if it still has the version, and says
	// whether it did. It is durable when it returns. The new version is one more.
	Save(ctx context.Context, key string, version int64, data []byte) (bool, error)
	// Beat says that a replica lives and returns how many have within age,
	// this one included.
	Beat(ctx context.Context, replica string, age time.Duration) (live int, err error)
}

// Reservation asks for a slot.
type Reservation struct {
	// Key is the account's name.
	Key string
	// Interval is the time between two slots.
	Interval time.Duration
	// Ahead is how far away the slot has to be at least, Within how far it may
	// be.
	Ahead, Within time.Duration
	// Version and EgressVersion are those of the states of Key and EgressKey
	// that Interval and the decision to ask rest on.
	Version, EgressVersion int64
}

// Slot is the answer to a Reservation.
type Slot struct {
	// Granted says that the slot at At is the caller's.
	Granted bool
	// Stale says that nothing was reserved since a state has another version by
	// now: load it and ask again.
	Stale bool
	// At is the time of the slot that was granted, or of the next one that could
	// have been.
	At time.Time
	// Now is the time by the store's clock when it answered.
	Now time.Time
}

// Stored is one durable state.
type Stored struct {
	// Version counts the saves; 0 = never saved.
	Version int64
	// Data is what was saved.
	Data []byte
}
