package amo

import (
	"cmp"
	"net/url"
	"testing"
	"time"

	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
)

// defaults are the settings of every bench unless it has its own.
var defaults = settings.Default()

// bench is an emulated account and a client of it. It is made for bubbles of
// testing/synctest: nothing opens a socket.
type bench struct {
	*emulator.Emulator
	client *Client
	// slots are those of the client's limiter; the first one is at once.
	slots *limit.Memory
}

// hold lets nothing leave for d.
func (b *bench) hold(t *testing.T, d time.Duration) {
	t.Helper()
	if err := b.slots.Delay(t.Context(), b.client.Account(), d); err != nil {
		t.Fatal(err)
	}
}

// inFlight counts the tickets of the limiter in use.
func (b *bench) inFlight(t *testing.T) int {
	t.Helper()
	status, err := b.client.limiter.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return status.InFlight
}

// newBench starts an emulator and a client. The base URL has a path, so that a
// request that forgets the base fails.
func newBench(tb testing.TB, account emulator.Config, config Config) *bench {
	tb.Helper()
	config.Generation = cmp.Or(config.Generation, V2)
	return newAutoBench(tb, account, config)
}

// newAutoBench is newBench with the generation that the configuration has, be it
// Auto.
func newAutoBench(tb testing.TB, account emulator.Config, config Config) *bench {
	tb.Helper()
	account.BasePath = "/base"
	account.Strict = true
	e, err := emulator.New(account)
	if err != nil {
		tb.Fatal(err)
	}
	config.Account = "test"
	config.BaseURL = &url.URL{Scheme: "https", Host: "example.amocrm.ru", Path: "/base"}
	config.Transport = e.Transport()
	if config.Auth == nil {
		config.Auth = BearerToken(emulator.DefaultToken)
	}
	slots := limit.NewMemory(0)
	if config.Settings == (settings.Settings{}) {
		config.Settings = defaults
	}
	if config.Limiter == nil {
		config.Limiter, err = limit.New(limit.Config{Account: config.Account, Rate: cmp.Or(config.Rate, DefaultRate), Store: slots, Settings: config.Settings})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(config.Limiter.Close)
	}
	c, err := New(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return &bench{e, c, slots}
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
