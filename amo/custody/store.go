package custody

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound is the error of a Store that has no credentials of an account.
var ErrNotFound = errors.New("custody: no credentials of this account are stored")

// Kind is the kind of an account's credentials.
type Kind string

// The kinds.
const (
	// KindOAuth is a pair of an access token and a single-use refresh token.
	KindOAuth Kind = "oauth"
	// KindToken is one long-lived access token.
	KindToken Kind = "token"
	// KindSession is a login and an API key of generation v2.
	KindSession Kind = "session"
)

// State says what an account's credentials are good for.
type State string

// The states.
const (
	// StateOK: they work as far as is known.
	StateOK State = "ok"
	// StateRevoked: upstream does not accept them any more; a person must
	// authorize again.
	StateRevoked State = "revoked"
	// StateLost: the pair that replaced them was lost on its way; a person must
	// authorize again, unless the replica that has it comes back.
	StateLost State = "lost"
	// StateMisconfigured: upstream does not accept the integration's own id,
	// secret or redirect URL. It ends when those of the process change.
	StateMisconfigured State = "misconfigured"
)

// Record is what a Store has of an account's credentials.
type Record struct {
	// Account is the account's name.
	Account string
	// Kind is the kind of the credentials.
	Kind Kind
	// Generation counts the credentials of this account, from 1. Each refresh
	// and each authorization is a new one.
	Generation int64
	// KeyID names the key of the ring that seals Sealed.
	KeyID string
	// Sealed are the credentials, encrypted.
	Sealed []byte
	// IssuedAt and ExpiresAt are the life of the access token by the store's
	// clock. ExpiresAt is zero when it does not expire or nobody knows.
	IssuedAt, ExpiresAt time.Time
	// State says what they are good for, Reason why in words that hold no secret.
	State  State
	Reason string
	// LeaseOwner may refresh alone until LeaseUntil, LeaseEpoch counts the leases.
	// LeaseUntil is zero when nobody has one.
	LeaseOwner string
	LeaseEpoch int64
	LeaseUntil time.Time
	// Unsettled says that a token call of this generation may have been carried
	// out without anybody knowing its answer. In the answer of Lease it is about
	// the leases before.
	Unsettled bool
	// Failures counts the failed token calls in a row, and RetryAt is the
	// earliest time of the next.
	Failures int
	RetryAt  time.Time
	// Now is the store's clock when the record was read.
	Now time.Time
}

// Sealed are new credentials, encrypted.
type Sealed struct {
	// Generation is that of the credentials inside.
	Generation int64
	// KeyID names the key that sealed them.
	KeyID string
	// Data is the ciphertext.
	Data []byte
	// Life is the life of the access token from now; 0 = it does not expire.
	Life time.Duration
}

// Failure is how a lease ended without new credentials.
type Failure struct {
	// State of the credentials from now on.
	State State
	// Reason in words that hold no secret.
	Reason string
	// Unsettled says that the token call may have been carried out.
	Unsettled bool
	// RetryIn is how long nobody may try again.
	RetryIn time.Duration
	// NotCounted says that Failures stays as it is: upstream was not asked.
	NotCounted bool
}

// Store keeps credentials durably. What a method has changed is durable when it
// returns. Errors other than ErrNotFound are *driver.Error of a KindStore….
type Store interface {
	// Credentials returns the record of an account.
	Credentials(ctx context.Context, account string) (Record, error)
	// AllCredentials returns every record, by account.
	AllCredentials(ctx context.Context) ([]Record, error)
	// PutCredentials replaces the credentials of an account after a person has
	// given new ones: the state is OK again, and every lease has ended. It fails
	// with false when next's generation is not higher than the stored one.
	PutCredentials(ctx context.Context, account string, kind Kind, next Sealed) (bool, error)
	// Lease gives owner the right to refresh a generation alone for ttl. It says
	// false when the generation is another, when somebody has the right, when the
	// state is not OK, or when it is too early; the record is then the current one.
	Lease(ctx context.Context, account string, generation int64, owner string, ttl time.Duration) (Record, bool, error)
	// Commit replaces generation from by the next one. It says false unless the
	// lease of epoch is still the last one, or the state is StateLost: a valid
	// pair always beats a provisional loss.
	Commit(ctx context.Context, account string, from, epoch int64, next Sealed) (bool, error)
	// Restore replaces any generation that is older than next's. It is for pairs
	// that were received and could not be committed.
	Restore(ctx context.Context, account string, next Sealed) (bool, error)
	// Fail ends a lease without new credentials. It says false when the lease of
	// epoch is not the last one, or the generation is another.
	Fail(ctx context.Context, account string, generation, epoch int64, f Failure) (bool, error)
	// Mark changes the state of a generation outside of a lease, after upstream
	// refused its access token. It says false when the generation is another.
	Mark(ctx context.Context, account string, generation int64, state State, reason string) (bool, error)
	// Reseal replaces the ciphertext of a generation if it is still sealed with
	// key from.
	Reseal(ctx context.Context, account string, generation int64, from string, next Sealed) (bool, error)
}
