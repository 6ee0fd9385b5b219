package account_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/store"
)

// The whole of a consent over sockets, with a browser that follows redirects, and
// the checks that need a network.
func TestConsent_overSockets(t *testing.T) {
	dir := t.TempDir()
	quick := settings.Default().Divided(20)
	opened, err := store.Open(t.Context(), "sqlite://"+filepath.Join(dir, "amogate.db"), store.Options{
		Dir: dir, Settings: quick, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.Close() }()
	ring, err := keyring.Generate(filepath.Join(dir, "keyring"))
	if err != nil {
		t.Fatal(err)
	}
	journal, err := custody.OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = journal.Close() }()

	var registry *account.Registry
	callback := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { registry.Callback().ServeHTTP(w, r) }))
	defer callback.Close()
	back := integration
	back.RedirectURL = callback.URL + account.CallbackPath
	e, err := emulator.New(emulator.Config{Customers: 10, AccountID: 1001, OAuth: emulator.OAuth{RedirectURL: back.RedirectURL}})
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(e)
	defer upstream.Close()
	e.SetAddress(upstream.Listener.Addr().String())
	e.Rename(upstream.Listener.Addr().String())

	registry, err = account.New(t.Context(), account.Config{
		Store: opened, Limits: opened, Ring: ring, Journal: journal, Owner: "test",
		Integration: back, AllowInsecure: true, Settings: quick,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := registry.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	consent, err := registry.BeginAuthorization(t.Context(), "shop", upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, consent.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Request.URL.String(), back.RedirectURL) {
		t.Fatalf("%d at %s", response.StatusCode, response.Request.URL.Redacted())
	}
	a, err := registry.Get(t.Context(), "shop")
	if err != nil || a.URL != upstream.URL || a.UpstreamID != 1001 {
		t.Fatalf("Get = %+v, %v", a, err)
	}
	checks, err := registry.Check(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	var results []string
	for _, c := range checks {
		results = append(results, c.Name+"="+resultNames[c.Result])
	}
	want := "dns=ok tls=skipped token=ok rights=ok rate=ok clock=ok pages=ok tokens=ok"
	if got := strings.Join(results, " "); got != want {
		t.Errorf("checks %s, want %s\n%+v", got, want, checks)
	}
	upstream.Close()
	if checks, err = registry.Check(t.Context(), "shop"); err != nil || checks[1].Result != account.ResultFailed || checks[2].Result != account.ResultSkipped {
		t.Errorf("with nobody at the address: %+v, %v", checks, err)
	}
}
