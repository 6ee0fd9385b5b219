// Package custody keeps the credentials of accounts: sealed at rest, renewed by
// one replica at a time, never lost while a disk or a database takes them.
package custody

import (
	"context"
	"log/slog"
	"time"

	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/keyring"
)

// Table is the table of keyring.Context for credentials.
const Table = "credentials"

// Secret are credentials in clear. Only the fields of its kind are set. It
// prints as ***.
type Secret struct {
	// Access and Refresh are the pair of KindOAuth; Access is the token of
	// KindToken.
	Access, Refresh string
	// Login and APIKey are those of KindSession.
	Login, APIKey string
}

// Pair is the answer of a token endpoint.
type Pair struct {
	// Access and Refresh are the new tokens.
	Access, Refresh string
	// Life is the life of Access.
	Life time.Duration
}

// Exchange asks the token endpoint for a new pair. Its error is a *driver.Error:
// KindReauth = the refresh token is not accepted, KindMisconfigured = the
// integration is not, KindBlocked = a block, anything else = try again later;
// Uncertain errors are those after which the call may have been carried out.
type Exchange func(ctx context.Context, refresh string) (Pair, error)

// Config is the configuration of a Keeper.
type Config struct {
	// Account is the account's name.
	Account string
	// Owner names this process in leases; it is unique.
	Owner string
	// Store keeps the records, Ring seals them.
	Store Store
	Ring  *keyring.Ring
	// Journal keeps pairs that the store has not taken yet.
	Journal *Journal
	// Exchange asks the token endpoint. nil = credentials that are not renewed.
	Exchange Exchange
	// Settings are the durations.
	Settings settings.Settings
	// Logger gets refreshes and losses, never a token.
	Logger *slog.Logger
	// Step, if set, is called when a refresh reaches a point; crash tests end
	// the process there.
	Step func(Point)
}

// Point is a point of a refresh.
type Point string

// The points, in order.
const (
	BeforeLease  Point = "before-lease"
	AfterLease   Point = "after-lease"
	BeforeCall   Point = "before-call"
	AfterCall    Point = "after-call"
	AfterJournal Point = "after-journal"
	AfterCommit  Point = "after-commit"
)

// Keeper keeps the credentials of one account. It is safe for concurrent use.
type Keeper struct{}

// New returns a keeper. It reads nothing yet.
func New(config Config) (*Keeper, error) { panic("not yet") }

// Current returns the credentials and their generation. It refreshes first when
// the access token has expired; while it is valid the caller never waits for a
// refresh, nor for the store.
func (k *Keeper) Current(ctx context.Context) (Secret, int64, error) { panic("not yet") }

// Renew makes credentials newer than generation, whose access token upstream
// refused with 401, or finds that another replica has made them. When upstream
// refuses the fresh ones of this process too, the state becomes StateRevoked.
func (k *Keeper) Renew(ctx context.Context, generation int64) error { panic("not yet") }

// Tend refreshes early if it is time; it is called now and then for accounts
// that nobody uses, too.
func (k *Keeper) Tend(ctx context.Context) error { panic("not yet") }

// Status returns the record, without its ciphertext.
func (k *Keeper) Status(ctx context.Context) (Record, error) { panic("not yet") }

// Close waits until every received pair is durable somewhere, and ends the
// keeper's background work.
func (k *Keeper) Close(ctx context.Context) error { panic("not yet") }

// Journal is the spill journal of a process: a file of its own in the data
// directory, 0600, in which every pair is on disk before it is used.
type Journal struct{}

// OpenJournal opens the journal of a directory. Entries of processes before are
// kept until Replay.
func OpenJournal(dir string) (*Journal, error) { panic("not yet") }

// Replay offers every entry to the store, as after a start or when the store has
// come back, and forgets those that it has or does not need.
func (j *Journal) Replay(ctx context.Context, s Store) (restored int, err error) { panic("not yet") }

// Pending counts the entries that the store does not have yet.
func (j *Journal) Pending() int { panic("not yet") }

// Close closes the file.
func (j *Journal) Close() error { panic("not yet") }
