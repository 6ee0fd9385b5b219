package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Key names a call: the hash of its account, its method and its request id.
type Key [sha256.Size]byte

// NewKey returns the key of a call. account tells the account from every other,
// those before it that had its name included.
func NewKey(account, method, requestID string) Key {
	var b []byte
	for _, part := range []string{account, method, requestID} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}

// Hash is the hash of a request.
type Hash [sha256.Size]byte

// State is how far a call has come.
type State int

// The states.
const (
	// Open: its owner is at it, or is dead and left items of which nobody knows.
	Open State = iota
	// Rest: it ended; items without an outcome were certainly not sent.
	Rest
	// Done: it ended; every item has its outcome.
	Done
)

// Intent is the wish to carry out a call.
type Intent struct {
	Key  Key
	Hash Hash
	// Owner is the process that wishes it. ID tells this wish from all others: who
	// does not know whether it was taken down wishes it again.
	Owner, ID string
	// Since is the owner's time before anything is sent.
	Since time.Time
	// Life is how long the call is remembered.
	Life time.Duration
}

// Record is a call as it is stored.
type Record struct {
	Intent
	State State
	// Doubted says that an owner before this one left without a word: what has no
	// outcome may have been sent.
	Doubted bool
	// Outcome is an encoded implv1.Outcome.
	Outcome []byte
	// ExpiresAt is the end of its life, by the clock of the store.
	ExpiresAt time.Time
}

// Claim is the answer to an intent.
type Claim int

// The answers.
const (
	// Taken: the call is the caller's, to carry out what has no outcome, or, where
	// that is doubted, to look at what became of it.
	Taken Claim = iota
	// Ended: the call ended with an outcome of every item.
	Ended
	// Held: an owner that lives is at it.
	Held
	// Reused: the call was another one.
	Reused
)

// Store keeps calls durably. Its errors are *amo.Error of a KindStore…, or
// KindCancelled and KindDeadline when the caller did not wait.
type Store interface {
	// ClaimRequest takes down an intent, and returns the call as it is stored then.
	ClaimRequest(ctx context.Context, i Intent) (Record, Claim, error)
	// SaveRequest adds part to the outcome of a call. Its state changes, too, if
	// the call is still that of the intent id. A call that is not there stays away.
	SaveRequest(ctx context.Context, key Key, id string, part []byte, state State) error
	// ForgetRequest removes a call of which nothing was sent: one without an
	// outcome that is that of the intent id.
	ForgetRequest(ctx context.Context, key Key, id string) error
	// HoldRequests says that the owner lives, for so long.
	HoldRequests(ctx context.Context, owner string, life time.Duration) error
	// SweepRequests removes at most so many calls whose life has ended, and
	// returns how many it found.
	SweepRequests(ctx context.Context, most int) (int, error)
}
