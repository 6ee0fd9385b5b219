package oauth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

// Domain is where an account lives.
type Domain struct {
	// AccountID is upstream's number of the account; 0 = it does not tell.
	AccountID int64
	// Host is the account's host: shop.amocrm.ru.
	Host string
}

// DomainCall describes the look-up of an account's host at the api_domain that
// its access token names. The refresh token is not used up by it.
func DomainCall(refresh string) driver.Call {
	return driver.Call{
		Name:   "oauth.domain",
		Method: http.MethodGet,
		Path:   "/oauth2/account/current/subdomain",
		Header: http.Header{"X-Refresh-Token": {refresh}},
		Effect: driver.Read,
	}
}

var errNoDomain = errors.New("it names no host")

// DecodeDomain returns what the look-up found. The host is data: it has to be
// checked before anything is sent to it.
func DecodeDomain(r driver.Response) (Domain, error) {
	if err := decodeError(r); err != nil {
		return Domain{}, err
	}
	var document struct {
		ID     wire.Int  `json:"id"`
		Domain wire.Text `json:"domain"`
	}
	if err := wire.Unmarshal(r.Body, &document); err != nil {
		return Domain{}, withStatus(err, r.Status)
	}
	host := hostOf(document.Domain.Value)
	if host == "" {
		return Domain{}, badResponse(r.Status, errNoDomain)
	}
	return Domain{AccountID: document.ID.Value, Host: host}, nil
}

// hostOf returns a host, with its port if any, in lower case, when it looks like
// one.
func hostOf(host string) string {
	const maxHost = 253 + len(":65535")
	host = strings.ToLower(strings.TrimSpace(host))
	isForeign := func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-:[]", r)
	}
	if len(host) > maxHost || strings.ContainsFunc(host, isForeign) {
		return ""
	}
	return host
}
