package amo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/oauth"
	"github.com/amogate/amogate/amo/limit"
)

// Integration is an OAuth integration of upstream's. It prints as ***.
type Integration struct {
	// ClientID and ClientSecret are the integration's id and secret.
	ClientID, ClientSecret string
	// RedirectURL is the address that upstream sends browsers back to, exactly as
	// the integration has it.
	RedirectURL string
}

// Format hides the secret, whatever the verb.
func (Integration) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// MarshalText hides the secret from encoders and logs.
func (Integration) MarshalText() ([]byte, error) { return []byte("***"), nil }

func (i Integration) validate() error {
	if i.ClientID == "" || i.ClientSecret == "" || i.RedirectURL == "" {
		return errors.New("auth: an integration has an id, a secret and a redirect URL; give all three or none")
	}
	return nil
}

// client returns the integration as the codec knows it.
func (i Integration) client() oauth.Client {
	return oauth.Client{ID: i.ClientID, Secret: i.ClientSecret, RedirectURL: i.RedirectURL}
}

// fingerprint tells integrations apart without a secret.
func (i Integration) fingerprint() string {
	sum := sha256.Sum256([]byte(i.ClientID + "\x00" + i.RedirectURL + "\x00" + i.ClientSecret))
	return hex.EncodeToString(sum[:6])
}

// ExchangeCode exchanges an authorization code for the first pair of tokens, at
// the host of config, in a slot of its Limiter. Auth is not read. Its error is an
// *Error: KindInvalid = the code is not accepted, KindMisconfigured = the
// integration is not, KindOutcomeUnknown and KindResponseLost = the code may be
// used up, so that the authorization has to be begun again.
func ExchangeCode(ctx context.Context, config Config, i Integration, code string) (custody.Pair, error) {
	if err := i.validate(); err != nil {
		return custody.Pair{}, &Error{Kind: KindMisconfigured, Message: err.Error()}
	}
	config.Auth = nobody{}
	c, err := New(config)
	if err != nil {
		return custody.Pair{}, err
	}
	defer c.Close()
	return c.exchangeTokens(ctx, oauth.CodeCall(i.client(), code))
}

// renewal returns how an integration renews pairs of tokens.
func (c *Client) renewal(i Integration, moved func(ctx context.Context, host string) error) custody.Exchange {
	return func(ctx context.Context, old custody.Secret) (custody.Pair, error) {
		call := oauth.RefreshCall(i.client(), old.Refresh)
		pair, err := c.exchangeTokens(ctx, call)
		if err == nil || moved == nil || !mayHaveMoved(asError(err)) {
			return pair, err
		}
		found, lookup := c.follow(ctx, old, moved)
		switch {
		case found:
			return c.exchangeTokens(ctx, call)
		case lookup != nil && asError(err).Kind != KindReauth:
			// Whether the integration is at fault or the host is not known yet.
			late := *asError(lookup)
			late.Status = asError(err).Status // the token endpoint was asked
			return custody.Pair{}, &late
		}
		return custody.Pair{}, err
	}
}

// mayHaveMoved says that a refusal may come from a host that the account has left.
func mayHaveMoved(err *Error) bool {
	return err.Kind == KindMoved || err.Status == http.StatusUnauthorized || err.Status == http.StatusNotFound
}

// follow looks up where the account lives and moves there. It says false when that
// is where we are, or when upstream does not tell; an error says that it could not
// be found out, or that the host is none to go to.
func (c *Client) follow(ctx context.Context, old custody.Secret, moved func(ctx context.Context, host string) error) (bool, error) {
	claims, err := oauth.DecodeClaims(old.Access)
	if err != nil || claims.APIDomain == "" {
		return false, nil //nolint:nilerr // a token need not tell
	}
	// The claim is data: the refresh token goes to a host of upstream's only.
	at, err := ParseHost(claims.APIDomain, c.config.AllowInsecure)
	if err != nil {
		return false, &Error{Kind: KindMoved, Message: "the account's token names an api_domain that is none of upstream's", Err: err}
	}
	domain, err := c.lookUp(ctx, at.URL(), old.Refresh)
	if err != nil {
		if e := asError(err); e.Status == http.StatusUnauthorized {
			return false, nil // there is no such account any more, or the token is dead
		}
		return false, err
	}
	if domain.Host == c.base.Load().Host {
		return false, nil
	}
	if err := moved(ctx, domain.Host); err != nil {
		return false, &Error{Kind: KindMoved, Message: "the account has moved to a host that is not taken", Host: domain.Host, Err: err}
	}
	return true, nil
}

// lookUp asks for the account's host.
func (c *Client) lookUp(ctx context.Context, at *url.URL, refresh string) (oauth.Domain, error) {
	var domain oauth.Domain
	_, err := c.send(ctx, request{
		call: oauth.DomainCall(refresh), root: at, class: limit.Login, open: true,
		decode: func(r driver.Response) (err error) {
			domain, err = oauth.DecodeDomain(r)
			return err
		},
	})
	return domain, err
}

// exchangeTokens calls the token endpoint, once.
func (c *Client) exchangeTokens(ctx context.Context, call driver.Call) (custody.Pair, error) {
	var tokens oauth.Tokens
	_, err := c.send(ctx, request{
		call: call, class: limit.Login, open: true, once: true,
		decode: func(r driver.Response) (err error) {
			tokens, err = oauth.DecodeTokens(r)
			return err
		},
	})
	if err != nil {
		return custody.Pair{}, err
	}
	return custody.Pair{Access: tokens.Access, Refresh: tokens.Refresh, Life: tokens.Life}, nil
}

// nobody are no credentials, for requests that bring their own.
type nobody struct{}

func (nobody) validate() error                            { return nil }
func (nobody) takenBy(Generation) bool                    { return true }
func (n nobody) credentials(*Client) (credentials, error) { return n, nil }
func (nobody) renew(context.Context, uint64) error        { return errNobody() }
func (nobody) accepted(uint64)                            {}

func (nobody) apply(context.Context, *http.Request) (uint64, error) { return 0, errNobody() }

func errNobody() error {
	return &Error{Kind: KindBug, Message: "a request without credentials to a client that has none"}
}
