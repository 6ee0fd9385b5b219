package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/store"
)

// Engine is an engine that is tested.
type Engine struct {
	// Fresh makes a place for an empty store, which goes with the test, and
	// returns what opens it, with Settings.
	Fresh func(t *testing.T) (open func(t *testing.T) store.Store)
}

// Settings are those that the suite expects of an open store: those of production,
// but for a first slot that is near.
func Settings() settings.Settings {
	s := settings.Default()
	s.FirstSlot = 300 * time.Millisecond
	return s
}

// Run tests an engine.
func Run(t *testing.T, e Engine) {
	t.Helper()
	t.Run("accounts", func(t *testing.T) { accounts(t, e) })
	t.Run("credentials", func(t *testing.T) { credentials(t, e) })
	t.Run("leases", func(t *testing.T) { leases(t, e) })
	t.Run("authorizations", func(t *testing.T) { authorizations(t, e) })
	t.Run("slots", func(t *testing.T) { slots(t, e) })
	t.Run("states", func(t *testing.T) { states(t, e) })
	t.Run("requests", func(t *testing.T) { requests(t, e) })
	t.Run("life", func(t *testing.T) { life(t, e) })
}

// opened returns an open, empty store that goes with the test.
func opened(t *testing.T, e Engine) store.Store {
	t.Helper()
	s := e.Fresh(t)(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// name is the name of an account for a test alone.
func name(t *testing.T) string {
	t.Helper()
	return strings.ToLower(t.Name()[strings.LastIndex(t.Name(), "/")+1:])
}

// sealed are credentials of a generation that live an hour.
func sealed(generation int64) custody.Sealed {
	return custody.Sealed{
		Generation: generation, KeyID: "key-1", Life: time.Hour,
		Data: fmt.Appendf(nil, "\x00\xff'%d", generation),
	}
}

// added adds an account with credentials of generation 1 and returns its name.
func added(t *testing.T, s store.Store) string {
	t.Helper()
	name := name(t)
	if err := s.CreateAccount(t.Context(), account.Record{Name: name, URL: "https://shop.amocrm.ru"}, custody.KindOAuth, sealed(1)); err != nil {
		t.Fatal(err)
	}
	return name
}

// get returns the record of an account's credentials.
func get(t *testing.T, s store.Store, name string) custody.Record {
	t.Helper()
	r, err := s.Credentials(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// yes fails unless a change was made.
func yes(t *testing.T, what string, ok bool, err error) {
	t.Helper()
	if err != nil || !ok {
		t.Fatalf("%s: %v, %v; want it done", what, ok, err)
	}
}

// no fails unless a change was refused without an error.
func no(t *testing.T, what string, ok bool, err error) {
	t.Helper()
	if err != nil || ok {
		t.Fatalf("%s: %v, %v; want it refused", what, ok, err)
	}
}

// is fails unless an error is the wanted one.
func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// isKind fails unless an error is of a kind.
func isKind(t *testing.T, what string, err error, kind amo.Kind) {
	t.Helper()
	if !amo.IsKind(err, kind) {
		t.Errorf("%s: %v, want an error of kind %d", what, err, kind)
	}
}

// near fails unless two times are as good as one.
func near(t *testing.T, what string, got, want time.Time) {
	t.Helper()
	if d := got.Sub(want); d < -time.Millisecond || d > time.Millisecond {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// until asks again and again until the store's own clock has come so far.
func until(t *testing.T, what string, ask func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !ask() {
		if ctx.Err() != nil {
			t.Fatalf("%s: not in time", what)
		}
	}
}

// together runs something so many times at once.
func together(n int, run func(i int)) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			run(i)
		})
	}
	close(start)
	all.Wait()
}
