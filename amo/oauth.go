package amo

import (
	"context"

	"github.com/amogate/amogate/amo/custody"
)

// Integration is an OAuth integration of upstream's. It prints as ***.
type Integration struct {
	// ClientID and ClientSecret are the integration's id and secret.
	ClientID, ClientSecret string
	// RedirectURL is the address that upstream sends browsers back to, exactly as
	// the integration has it.
	RedirectURL string
}

// String hides the secret.
func (Integration) String() string { return "***" }

// GoString hides the secret.
func (Integration) GoString() string { return "***" }

// MarshalText hides the secret from encoders and logs.
func (Integration) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Kept are credentials of any kind that a keeper keeps: a pair of tokens that is
// renewed, a long-lived token, a login.
type Kept struct {
	// Kind is the kind of the credentials.
	Kind custody.Kind
	// Keeper is the configuration of the keeper that the client makes; Exchange
	// is the client's.
	Keeper custody.Config
	// Integration is the one that renews pairs of tokens; the zero value = none.
	Integration Integration
	// Moved is told once that the account lives on another host. It checks the
	// host, stores it, and calls Client.Move; an error says that the host is none
	// to go to.
	Moved func(ctx context.Context, host string) error
}

// Keeper returns the keeper of a client whose Auth is Kept, else nil. The client
// does not close it.
func (c *Client) Keeper() *custody.Keeper { panic("not yet") }

// ExchangeCode exchanges an authorization code for the first pair of tokens, at
// the host of config, in a slot of its Limiter. Auth is not read. Its error is an
// *Error: KindInvalid = the code is not accepted, KindMisconfigured = the
// integration is not.
func ExchangeCode(ctx context.Context, config Config, i Integration, code string) (custody.Pair, error) {
	panic("not yet")
}
