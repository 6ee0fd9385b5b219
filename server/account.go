package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Accounts finds the account of a call.
type Accounts interface {
	// Client returns the client of the account that the call names; name is
	// empty when it names none. Errors should come from [ErrNoAccount],
	// [ErrAccountRequired] and [ErrAccountNotAllowed]; any other is answered as
	// an internal error.
	Client(ctx context.Context, name string) (*amo.Client, error)
}

// StaticAccounts are accounts that do not change while the server runs. The
// zero value holds none: calls are answered with NO_ACCOUNT.
type StaticAccounts struct {
	// Default is the account of calls that name none; empty = the only one.
	Default string
	// Clients holds the client of each account by the account's name.
	Clients map[string]*amo.Client
}

var _ Accounts = StaticAccounts{}

// Client implements [Accounts].
func (a StaticAccounts) Client(_ context.Context, name string) (*amo.Client, error) {
	if len(a.Clients) == 0 {
		return nil, ErrNoAccount()
	}
	if name == "" {
		name = a.Default
	}
	if name == "" {
		if len(a.Clients) > 1 {
			return nil, ErrAccountRequired()
		}
		for _, client := range a.Clients {
			return client, nil
		}
	}
	client, ok := a.Clients[name]
	if !ok {
		return nil, ErrAccountNotAllowed(name)
	}
	return client, nil
}

// RegisteredAccounts are those of a registry, which change while the server runs.
type RegisteredAccounts struct{ Registry *account.Registry }

var _ Accounts = RegisteredAccounts{}

// Client implements [Accounts].
func (a RegisteredAccounts) Client(ctx context.Context, name string) (*amo.Client, error) {
	client, err := a.Registry.Client(ctx, name)
	switch {
	case errors.Is(err, account.ErrNone):
		return nil, ErrNoAccount()
	case errors.Is(err, account.ErrUnnamed):
		return nil, ErrAccountRequired()
	case errors.Is(err, account.ErrNotFound):
		return nil, ErrAccountNotAllowed(name)
	}
	return client, err
}

// ErrNoAccount returns the error of a server without accounts.
func ErrNoAccount() error {
	return &fault{
		reason: amogatev1.ErrorReason_ERROR_REASON_NO_ACCOUNT,
		message: "there is no account: add one with " +
			"`amogate account add NAME --url=https://SUBDOMAIN.amocrm.ru --token-file=FILE`, " +
			"or with `amogate account add NAME --oauth` by consent",
	}
}

// ErrAccountRequired returns the error of a call that has to name its account.
func ErrAccountRequired() error {
	return &fault{
		reason: amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_REQUIRED,
		message: "several accounts are configured and none is the default: name one in the metadata key " +
			"(REST: header) amogate-account, or start the server with --default-account",
	}
}

// ErrAccountNotAllowed returns the error of a call that names an account which
// does not exist or is not open to the caller; the two are not told apart.
func ErrAccountNotAllowed(name string) error {
	return &fault{
		reason:   amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_ALLOWED,
		message:  fmt.Sprintf("account %q is unknown or not open to this caller", clip(name)),
		metadata: map[string]string{"account": clip(name)},
	}
}
