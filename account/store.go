package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amogate/amogate/amo/custody"
)

// Errors of a Store.
var (
	// ErrNotFound: there is no such account.
	ErrNotFound = errors.New("account: there is no such account")
	// ErrExists: there is an account of this name already.
	ErrExists = errors.New("account: there is an account of this name already")
	// ErrStateInvalid: the state of an authorization is unknown, used or too old.
	ErrStateInvalid = errors.New("account: the state of the authorization is unknown, used or too old")
)

// Record is an account as it is stored.
type Record struct {
	// Name is the account's name in this installation.
	Name string
	// URL is the root of its API: https://shop.amocrm.ru.
	URL string
	// UpstreamID is upstream's number of the account, which outlives its name;
	// 0 = not known yet.
	UpstreamID int64
	// CreatedAt is when it was added.
	CreatedAt time.Time
	// Revision counts the changes, those of its credentials by a person included.
	Revision int64
}

// identity tells the account from others that have had its name: by upstream's
// number where that is known, else by when it was added.
func (r Record) identity() string {
	if r.UpstreamID != 0 {
		return fmt.Sprintf("%s %d", r.Name, r.UpstreamID)
	}
	return fmt.Sprintf("%s added %d", r.Name, r.CreatedAt.UnixMicro())
}

// Authorization is a consent that was begun and has not come back.
type Authorization struct {
	// StateHash is the SHA-256 of the state.
	StateHash [32]byte
	// Account is the name of the account that is to be added, or to be
	// authorized again.
	Account string
	// URL is the root of the account's API when it was given; empty = whichever
	// account answers.
	URL string
}

// Store keeps accounts durably. Beside the named errors it returns *amo.Error of
// a KindStore….
type Store interface {
	custody.Store
	// Accounts returns every account, by name.
	Accounts(ctx context.Context) ([]Record, error)
	// Account returns one account.
	Account(ctx context.Context, name string) (Record, error)
	// CreateAccount adds an account with its first credentials, both or none.
	CreateAccount(ctx context.Context, r Record, kind custody.Kind, first custody.Sealed) error
	// MoveAccount changes an account's URL and, unless 0, upstream's id.
	MoveAccount(ctx context.Context, name, url string, upstreamID int64) error
	// RemoveAccount removes an account with all that is stored of it.
	RemoveAccount(ctx context.Context, name string) error
	// PutAuthorization keeps an authorization for its life.
	PutAuthorization(ctx context.Context, a Authorization, life time.Duration) error
	// TakeAuthorization returns an authorization and forgets it: a state works once.
	TakeAuthorization(ctx context.Context, stateHash [32]byte) (Authorization, error)
}
