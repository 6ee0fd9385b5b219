package v4

import (
	"net/url"
	"strings"

	"github.com/amogate/amogate/amo/internal/driver"
)

// decodeRedirect tells a moved account from redirects that lead nowhere: to the
// host that sent them, or from TLS down to plain HTTP.
func decodeRedirect(r driver.Response) *driver.Error {
	e := &driver.Error{Kind: driver.KindBadResponse, Status: r.Status}
	location := r.Header.Get("Location")
	if location == "" {
		e.Message = "upstream redirects to nowhere"
		return e
	}
	target, err := url.Parse(location)
	isWeb := err == nil && target.Opaque == "" && (target.Host == "" || target.Scheme == "" || target.Scheme == "http" || target.Scheme == "https")
	switch {
	case !isWeb:
		e.Message = "upstream redirects to an address that cannot be understood"
	case target.Host == "" || r.URL != nil && strings.EqualFold(target.Host, r.URL.Host):
		e.Message = "upstream redirects to itself"
	case target.Scheme == "http" && (r.URL == nil || r.URL.Scheme != "http"):
		e.Message = "upstream redirects to plain http"
	default:
		e.Kind = driver.KindMoved
		e.Host = hostName(target.Host)
		e.Message = summaries[driver.KindMoved]
	}
	return e
}

// hostName returns host, with its port if any, when it looks like one; upstream
// could send anything, and it is shown to people.
func hostName(host string) string {
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
