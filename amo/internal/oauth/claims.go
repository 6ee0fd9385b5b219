package oauth

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/amogate/amogate/amo/internal/wire"
)

// Claims are what an access token tells. They are not verified: upstream
// publishes no key. All of them may be missing.
type Claims struct {
	// AccountID is upstream's number of the account.
	AccountID int64
	// APIDomain is the host of the look-up of the account's host.
	APIDomain string
	// ExpiresAt is when the token ends.
	ExpiresAt time.Time
}

var errNoJWT = errors.New("the token is no JWT")

// maxToken is the most bytes of a token whose claims are read.
const maxToken = 64 << 10

// DecodeClaims reads the claims of an access token. Its errors show nothing of
// the token.
func DecodeClaims(token string) (Claims, error) {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, found := strings.Cut(rest, ".")
	if !found || len(token) > maxToken {
		return Claims{}, errNoJWT
	}
	body, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(payload, "="))
	if err != nil {
		return Claims{}, errNoJWT
	}
	var document struct {
		Expires   wire.Unix `json:"exp"`
		AccountID wire.Int  `json:"account_id"`
		APIDomain wire.Text `json:"api_domain"`
	}
	if wire.Unmarshal(body, &document) != nil {
		return Claims{}, errNoJWT
	}
	c := Claims{AccountID: document.AccountID.Value, APIDomain: hostOf(document.APIDomain.Value)}
	if document.Expires.Set {
		c.ExpiresAt = time.Unix(document.Expires.Seconds, 0)
	}
	return c, nil
}
