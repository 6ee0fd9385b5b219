package amo

import (
	"cmp"
	"net/url"
	"testing"

	"github.com/amogate/amogate/emulator"
)

// bench is an emulated account and a client of it. It is made for bubbles of
// testing/synctest: nothing opens a socket.
type bench struct {
	*emulator.Emulator
	client *Client
}

// newBench starts an emulator and a client. The base URL has a path, so that a
// request that forgets the base fails.
func newBench(t *testing.T, account emulator.Config, config Config) *bench {
	t.Helper()
	config.Generation = cmp.Or(config.Generation, V2)
	return newAutoBench(t, account, config)
}

// newAutoBench is newBench with the generation that the configuration has, be it
// Auto.
func newAutoBench(t *testing.T, account emulator.Config, config Config) *bench {
	t.Helper()
	account.BasePath = "/base"
	account.Strict = true
	e, err := emulator.New(account)
	if err != nil {
		t.Fatal(err)
	}
	config.Account = "test"
	config.BaseURL = &url.URL{Scheme: "https", Host: "example.amocrm.ru", Path: "/base"}
	config.Transport = e.Transport()
	if config.Auth == nil {
		config.Auth = BearerToken(emulator.DefaultToken)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &bench{e, c}
}

// script adds fault rules.
func (b *bench) script(t *testing.T, rules ...emulator.Rule) {
	t.Helper()
	if err := b.Script(rules...); err != nil {
		t.Fatal(err)
	}
}

// checkWindow fails when upstream saw more than the vendor's limit.
func (b *bench) checkWindow(t *testing.T) {
	t.Helper()
	if s := b.Stats(); s.FullestWindow > 7 || s.TooMany > 0 {
		t.Errorf("upstream saw %d requests in a second and answered %d times 429", s.FullestWindow, s.TooMany)
	}
}
