package amo

import (
	"context"
	"errors"
	"net/http"
)

// Auth are the credentials of an account: BearerToken, Session or Kept.
type Auth interface {
	validate() error
	// takenBy says whether a generation of the API takes such credentials.
	takenBy(generation Generation) bool
	credentials(c *Client) (credentials, error)
}

// credentials authorize requests.
type credentials interface {
	// apply adds the credentials to req, after making them if need be, and
	// returns a mark of those it added.
	apply(ctx context.Context, req *http.Request) (mark uint64, err error)
	// renew makes new credentials after upstream refused those of mark. It does
	// nothing when they are newer already. An error says that it cannot.
	renew(ctx context.Context, mark uint64) error
	// accepted says that upstream took the credentials of mark.
	accepted(mark uint64)
}

// BearerToken is an access token that is not renewed here, for instance a
// long-lived one. Both generations of the API take it.
type BearerToken string

// String hides the token.
func (BearerToken) String() string { return "***" }

// GoString hides the token.
func (BearerToken) GoString() string { return "***" }

// MarshalText hides the token from encoders and logs.
func (BearerToken) MarshalText() ([]byte, error) { return []byte("***"), nil }

func (t BearerToken) validate() error {
	if t == "" {
		return errors.New("auth: the token is empty")
	}
	for _, r := range t {
		if r <= ' ' || r > '~' {
			return errors.New("auth: the token has a character that no token has; is there a line break in it?")
		}
	}
	return nil
}

func (BearerToken) takenBy(Generation) bool { return true }

func (t BearerToken) credentials(*Client) (credentials, error) { return bearer{token: string(t)}, nil }

// bearer are the credentials of a BearerToken.
type bearer struct{ token string }

func (b bearer) apply(_ context.Context, req *http.Request) (uint64, error) {
	req.Header.Set("Authorization", "Bearer "+b.token)
	return 0, nil
}

func (b bearer) renew(context.Context, uint64) error {
	return &Error{Kind: KindReauth, Message: "upstream does not accept the account's token; give amogate a new one", Status: http.StatusUnauthorized}
}

func (bearer) accepted(uint64) {}
