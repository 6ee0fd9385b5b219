package amo

import (
	"net/http"
	"net/url"
)

// unfollowed is a transport whose redirects are answers like others. For an
// address that cannot be read [http.Client] would tell an error as if there had
// been no answer, and a write would count as sent: without the address it is a
// redirect to nowhere.
type unfollowed struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (u unfollowed) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := u.next.RoundTrip(r)
	if err != nil || resp.StatusCode < 300 || resp.StatusCode >= 400 {
		return resp, err
	}
	if _, err := url.Parse(resp.Header.Get("Location")); err != nil {
		resp.Header.Del("Location")
	}
	return resp, nil
}

// CloseIdleConnections is what [http.Client] looks for.
func (u unfollowed) CloseIdleConnections() {
	if next, ok := u.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}
