package amo

import (
	"net/http"
	"testing"
)

// redirecting answers every request with one Location.
type redirecting struct {
	location string
	closed   *bool
}

func (r redirecting) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusFound, Header: http.Header{"Location": {r.location}}, Body: http.NoBody, Request: req,
	}, nil
}

func (r redirecting) CloseIdleConnections() { *r.closed = true }

func TestUnfollowed_answersWithWhatCannotBeRead(t *testing.T) {
	for location, want := range map[string]string{"://": "", "https://other.amocrm.ru/": "https://other.amocrm.ru/"} {
		closed := false
		client := &http.Client{
			Transport:     unfollowed{redirecting{location, &closed}},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://shop.amocrm.ru/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatalf("%q: %v", location, err)
		}
		if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusFound || got != want {
			t.Errorf("%q: got status %d to %q", location, resp.StatusCode, got)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		client.CloseIdleConnections()
		if !closed {
			t.Error("idle connections stay open")
		}
	}
}
