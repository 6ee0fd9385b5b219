package oauth

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

// maxLife is the longest life of an access token that is believed: the vendor's
// longest-lived tokens end after five years.
const maxLife = 10 * 365 * 24 * time.Hour

// Client is the integration that asks for tokens.
type Client struct {
	// ID and Secret are those of the integration, RedirectURL the one that it was
	// registered with: all three belong together.
	ID, Secret, RedirectURL string
}

// Tokens are the answer of the token endpoint.
type Tokens struct {
	Access, Refresh string
	// Life is the life of Access; 0 = upstream did not tell.
	Life time.Duration
}

// RefreshCall describes the exchange of a refresh token for the next pair.
func RefreshCall(c Client, refresh string) driver.Call {
	return tokenCall("oauth.refresh", c, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
}

// CodeCall describes the exchange of an authorization code for the first pair.
func CodeCall(c Client, code string) driver.Call {
	return tokenCall("oauth.code", c, url.Values{"grant_type": {"authorization_code"}, "code": {code}})
}

func tokenCall(name string, c Client, form url.Values) driver.Call {
	form.Set("client_id", c.ID)
	form.Set("client_secret", c.Secret)
	form.Set("redirect_uri", c.RedirectURL)
	return driver.Call{
		Name:        name,
		Method:      http.MethodPost,
		Path:        "/oauth2/access_token",
		Body:        []byte(form.Encode()),
		ContentType: "application/x-www-form-urlencoded",
		// What is exchanged works once: a call that may have arrived is not repeated
		// here, and its outcome is not known.
		Effect: driver.Create,
	}
}

var (
	errNoTokens = errors.New("it has no pair of tokens")
	errNoToken  = errors.New("a token has characters that no header takes")
)

// DecodeTokens returns the pair of an answer, or an *driver.Error:
//
//   - KindReauth: the refresh token was used already, is revoked or damaged;
//   - KindInvalid: the same of an authorization code;
//   - KindMisconfigured: id, secret and redirect URL do not belong together, or
//     the account is not paid for, which upstream does not tell apart;
//   - KindMoved: there is no such account on this host;
//   - KindBlocked: a block of the account or of this address, which says nothing
//     of the tokens;
//   - KindBadResponse beside a status of success: the exchange was carried out.
func DecodeTokens(r driver.Response) (Tokens, error) {
	if err := decodeError(r); err != nil {
		return Tokens{}, err
	}
	var document struct {
		Access  wire.Text `json:"access_token"`
		Refresh wire.Text `json:"refresh_token"`
		Expires wire.Int  `json:"expires_in"`
	}
	if err := wire.Unmarshal(r.Body, &document); err != nil {
		return Tokens{}, withStatus(err, r.Status)
	}
	t := Tokens{Access: document.Access.Value, Refresh: document.Refresh.Value}
	switch {
	case t.Access == "" || t.Refresh == "":
		return Tokens{}, badResponse(r.Status, errNoTokens)
	case !isToken(t.Access) || !isToken(t.Refresh):
		return Tokens{}, badResponse(r.Status, errNoToken)
	}
	if seconds := document.Expires.Value; seconds > 0 {
		t.Life = min(time.Duration(min(seconds, int64(maxLife/time.Second)))*time.Second, maxLife)
	}
	return t, nil
}

// isToken says whether a token can stand in a header.
func isToken(token string) bool {
	return !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}

func badResponse(status int, err error) *driver.Error {
	return &driver.Error{Kind: driver.KindBadResponse, Message: "upstream's answer cannot be understood", Status: status, Err: err}
}

// withStatus adds the status to an error of package wire.
func withStatus(err error, status int) error {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		e.Status = status
	}
	return err
}
