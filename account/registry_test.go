package account_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/keyring"
)

// names returns the names of a list.
func names(t *testing.T, registry *account.Registry) string {
	t.Helper()
	list, err := registry.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, a := range list {
		all = append(all, a.Name)
	}
	return strings.Join(all, " ")
}

func TestClient_choosesTheAccount(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		if _, err := r.Client(t.Context(), ""); !errors.Is(err, account.ErrNone) {
			t.Errorf("of an empty store: %v, want ErrNone", err)
		}
		if _, err := r.Client(t.Context(), "shop"); !errors.Is(err, account.ErrNone) {
			t.Errorf("of an empty store, by name: %v, want ErrNone", err)
		}
		r.shop()
		r.emulate("north.kommo.com", emulator.Config{AccountID: 1002})
		r.addToken("shop", "shop.amocrm.ru")
		client, err := r.Client(t.Context(), "")
		if err != nil || client.Account() != "shop" {
			t.Errorf("the only one: %v", err)
		}
		r.addToken("north", "north.kommo.com")
		if _, err := r.Client(t.Context(), ""); !errors.Is(err, account.ErrUnnamed) {
			t.Errorf("one of two: %v, want ErrUnnamed", err)
		}
		if _, err := r.Client(t.Context(), "south"); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("one that there is not: %v, want ErrNotFound", err)
		}
		for range 2 {
			again, err := r.Client(t.Context(), "shop")
			if err != nil || again != client {
				t.Errorf("the second time another client (%v)", err)
			}
		}
	})
}

func TestClient_takesTheDefaultAccount(t *testing.T) {
	runWith(t, func(c *account.Config) { c.Default = "north" }, func(r *rig) {
		t := r.t
		r.shop()
		r.addToken("shop", "shop.amocrm.ru")
		if _, err := r.Client(t.Context(), ""); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("a default account that there is not: %v, want ErrNotFound", err)
		}
		r.emulate("north.kommo.com", emulator.Config{AccountID: 1002})
		r.addToken("north", "north.kommo.com")
		client, err := r.Client(t.Context(), "")
		if err != nil || client.Account() != "north" {
			t.Errorf("client %v, want that of north", err)
		}
	})
}

// static is an account of the flags at shop.amocrm.ru.
func static(c *account.Config) {
	host, err := amo.ParseHost("shop.amocrm.ru", false)
	if err != nil {
		panic(err)
	}
	c.Static = &account.Static{Host: host, Auth: amo.BearerToken(emulator.DefaultToken)}
}

func TestStatic_isAnAccountThatIsNotStored(t *testing.T) {
	runWith(t, static, func(r *rig) {
		t := r.t
		r.shop()
		if err := call(t, r.Registry, ""); err != nil {
			t.Fatal(err)
		}
		a, err := r.Get(t.Context(), account.FlagName)
		if err != nil || !a.FromFlags || a.URL != "https://shop.amocrm.ru" || a.LastSuccess.IsZero() || a.Credentials.Kind != custody.KindToken {
			t.Errorf("Get = %+v, %v", a, err)
		}
		if status, err := r.Limiter(t.Context(), account.FlagName); err != nil || status.Configured != amo.DefaultRate {
			t.Errorf("Limiter = %+v, %v", status, err)
		}
		if stored, err := r.store.Accounts(t.Context()); err != nil || len(stored) != 0 {
			t.Errorf("stored: %v, %v", stored, err)
		}
		if err := r.Remove(t.Context(), account.FlagName); !errors.Is(err, account.ErrFromFlags) {
			t.Errorf("Remove = %v, want ErrFromFlags", err)
		}
		_, err = r.Add(t.Context(), account.Addition{Name: account.FlagName, URL: "https://shop.amocrm.ru", Given: account.Given{Token: "t"}, Replace: true})
		if !errors.Is(err, account.ErrFromFlags) {
			t.Errorf("Add = %v, want ErrFromFlags", err)
		}
		if _, err := r.BeginAuthorization(t.Context(), account.FlagName, ""); !errors.Is(err, account.ErrFromFlags) {
			t.Errorf("BeginAuthorization = %v, want ErrFromFlags", err)
		}
		r.emulate("north.kommo.com", emulator.Config{AccountID: 1002})
		r.addToken("north", "north.kommo.com")
		if got := names(t, r.Registry); got != "default north" {
			t.Errorf("accounts %q", got)
		}
		if _, err := r.Client(t.Context(), ""); !errors.Is(err, account.ErrUnnamed) {
			t.Errorf("one of two: %v, want ErrUnnamed", err)
		}
	})
}

func TestRate_ofMeasurementsIsForEmulatedAccountsAlone(t *testing.T) {
	measure := func(c *account.Config) { c.AllowInsecure, c.Client.Rate = true, 500 }
	runWith(t, measure, func(r *rig) {
		t := r.t
		r.shop()
		r.emulate("emulator.test", emulator.Config{AccountID: 1002})
		r.addToken("shop", "shop.amocrm.ru")
		r.addToken("emulated", "emulator.test")
		for name, want := range map[string]float64{"shop": 7, "emulated": 500} {
			if err := call(t, r.Registry, name); err != nil {
				t.Fatal(err)
			}
			if status, err := r.Limiter(t.Context(), name); err != nil || status.Configured != want {
				t.Errorf("Limiter of %s = %+v, %v, want %v requests a second", name, status, err, want)
			}
		}
	})
}

func TestStatic_isRefusedBesideAStoredAccountOfItsName(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		r.shop()
		r.addToken(account.FlagName, "shop.amocrm.ru")
		if _, err := r.tryOpen(static); !errors.Is(err, account.ErrNameTaken) {
			t.Errorf("New = %v, want ErrNameTaken", err)
		}
	})
}

func TestNew_refusesARingThatOpensNothing(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		other, err := keyring.Generate(filepath.Join(t.TempDir(), "keyring"))
		if err != nil {
			t.Fatal(err)
		}
		withOther := func(c *account.Config) { c.Ring = other }
		empty, err := r.tryOpen(withOther)
		if err != nil {
			t.Fatalf("an empty store: %v", err)
		}
		if err := empty.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.shop()
		r.addToken("shop", "shop.amocrm.ru")
		if _, err := r.tryOpen(withOther); !errors.Is(err, account.ErrNoKeyFits) {
			t.Errorf("New = %v, want ErrNoKeyFits", err)
		}
	})
}

func TestNew_oneRowThatDoesNotOpenIsThatAccountsTrouble(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		r.shop()
		r.emulate("north.kommo.com", emulator.Config{AccountID: 1002})
		r.addToken("shop", "shop.amocrm.ru")
		r.addToken("north", "north.kommo.com")
		// The ciphertext of one in the place of the other: both are sealed with the
		// same key.
		shop, err := r.store.Credentials(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		north, err := r.store.Credentials(t.Context(), "north")
		if err != nil {
			t.Fatal(err)
		}
		swapped := custody.Sealed{Generation: north.Generation + 1, KeyID: north.KeyID, Data: shop.Sealed}
		if ok, err := r.store.PutCredentials(t.Context(), "north", custody.KindToken, swapped); err != nil || !ok {
			t.Fatal(ok, err)
		}

		again := r.open(func(*account.Config) {})
		defer func() { _ = again.Close(t.Context()) }()
		if err := call(t, again, "shop"); err != nil {
			t.Errorf("the other account: %v", err)
		}
		if err := call(t, again, "north"); !amo.IsKind(err, amo.KindUndecryptable) {
			t.Errorf("the account: %v, want KindUndecryptable", err)
		}
		a, err := again.Get(t.Context(), "north")
		if err != nil || !a.Credentials.Undecryptable || a.Credentials.Reason == "" {
			t.Errorf("Get = %+v, %v", a.Credentials, err)
		}
	})
}

func TestScan_seesWhatOtherProcessesDo(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		r.shop()
		other := r.open(func(c *account.Config) { c.Owner = "other" })
		defer func() { _ = other.Close(t.Context()) }()
		if err := call(t, other, "shop"); !errors.Is(err, account.ErrNone) {
			t.Fatalf("before: %v", err)
		}
		look := func() { time.Sleep(6 * time.Second); synctest.Wait() }

		r.addToken("shop", "shop.amocrm.ru")
		look()
		if err := call(t, other, "shop"); err != nil {
			t.Errorf("added: %v", err)
		}
		before, err := other.Client(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}

		_, err = r.Add(t.Context(), account.Addition{
			Name: "shop", Replace: true,
			Given: account.Given{Session: account.Session{Login: emulator.DefaultLogin, APIKey: emulator.DefaultAPIKey}},
		})
		if err != nil {
			t.Fatal(err)
		}
		look()
		after, err := other.Client(t.Context(), "shop")
		if err != nil || after == before {
			t.Errorf("new credentials: the same client (%v)", err)
		}
		if err := call(t, other, "shop"); err != nil {
			t.Errorf("new credentials: %v", err)
		}

		if err := r.store.MoveAccount(t.Context(), "shop", "https://north.amocrm.ru", 0); err != nil {
			t.Fatal(err)
		}
		north := r.emulate("north.amocrm.ru", emulator.Config{AccountID: 1001})
		look()
		if err := call(t, other, "shop"); err != nil || north.Stats().Requests == 0 {
			t.Errorf("moved: %v, %d requests at the new host", err, north.Stats().Requests)
		}

		if err := r.Remove(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		if err := call(t, r.Registry, "shop"); !errors.Is(err, account.ErrNone) {
			t.Errorf("removed, here: %v, want ErrNone", err)
		}
		look()
		if err := call(t, other, "shop"); !errors.Is(err, account.ErrNone) {
			t.Errorf("removed: %v, want ErrNone", err)
		}
	})
}

func TestScan_withoutTheStoreTheAccountsStay(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		r.shop()
		r.addToken("shop", "shop.amocrm.ru")
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Fatal(err)
		}
		r.store.away.Store(true)
		time.Sleep(time.Minute)
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Errorf("with the store away: %v", err)
		}
		if _, err := r.List(t.Context()); !amo.IsKind(err, amo.KindStoreUnavailable) {
			t.Errorf("List = %v, want KindStoreUnavailable", err)
		}
		r.store.away.Store(false)
	})
}

func TestRemove_letsCallsInFlightEnd(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.emulate("shop.amocrm.ru", emulator.Config{AccountID: 1001, Latency: 3 * time.Second})
		r.addPair("shop", "shop.amocrm.ru", e)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		client, err := r.Client(ctx, "shop")
		if err != nil {
			t.Fatal(err)
		}
		answered := make(chan error)
		go func() {
			_, err := client.Identify(ctx)
			answered <- err
		}()
		time.Sleep(2 * time.Second)
		if err := r.Remove(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil {
			t.Errorf("the call in flight: %v", err)
		}
		if err := r.Remove(t.Context(), "shop"); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("removed twice: %v, want ErrNotFound", err)
		}
		if _, err := r.store.Credentials(t.Context(), "shop"); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("its credentials: %v, want ErrNotFound", err)
		}
	})
}

func TestTend_renewsTokensEarly(t *testing.T) {
	runWith(t, calm, func(r *rig) {
		t := r.t
		e := r.shop()
		r.addPair("shop", "shop.amocrm.ru", e)
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Hour)
		if got := e.Stats().Tokens.Refreshes; got != 0 {
			t.Errorf("%d refreshes after ten hours, want none yet", got)
		}
		time.Sleep(4 * time.Hour)
		if got := e.Stats().Tokens.Refreshes; got != 1 {
			t.Errorf("%d refreshes after fourteen hours, want 1", got)
		}
	})
}

func TestTend_renewsTokensThatNobodyUsesOnceAWeek(t *testing.T) {
	runWith(t, calm, func(r *rig) {
		t := r.t
		e := r.shop()
		r.addPair("shop", "shop.amocrm.ru", e)
		r.close()
		// A short life of the test: the process comes back now and then only.
		time.Sleep(6 * 24 * time.Hour)
		r.Registry = r.open(calm)
		time.Sleep(2 * time.Minute)
		if got := e.Stats().Tokens.Refreshes; got != 0 {
			t.Errorf("%d refreshes after six days, want none yet", got)
		}
		r.close()
		time.Sleep(2 * 24 * time.Hour)
		r.Registry = r.open(calm)
		time.Sleep(2 * time.Minute)
		if got := e.Stats().Tokens.Refreshes; got != 1 {
			t.Errorf("%d refreshes after eight days, want 1", got)
		}
	})
}

func TestTend_storesTokensOnceTheStoreTakesThem(t *testing.T) {
	runWith(t, calm, func(r *rig) {
		t := r.t
		e := r.shop()
		r.addPair("shop", "shop.amocrm.ru", e)
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Fatal(err)
		}
		r.store.unsaved.Store(true)
		time.Sleep(14 * time.Hour)
		if e.Stats().Tokens.Refreshes != 1 || r.journal.Pending() != 1 {
			t.Fatalf("%d refreshes, %d pairs in the journal, want one each", e.Stats().Tokens.Refreshes, r.journal.Pending())
		}
		// The next process finds the pair, and the store takes it.
		r.close()
		r.store.unsaved.Store(false)
		r.Registry = r.open(func(c *account.Config) { calm(c); c.Owner = "next" })
		if r.journal.Pending() != 0 {
			t.Errorf("%d pairs in the journal after the start", r.journal.Pending())
		}
		a, err := r.Get(t.Context(), "shop")
		if err != nil || a.Credentials.Generation != 2 {
			t.Errorf("generation %d, %v; want 2", a.Credentials.Generation, err)
		}
		time.Sleep(24 * time.Hour)
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Error(err)
		}
		if got := e.Stats().Tokens.Revoked; got != 0 {
			t.Errorf("%d refused refresh tokens, want none", got)
		}
	})
}

func TestMove_followsARenamedAccount(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.shop()
		r.hosts.by["api-b.amocrm.ru"] = e.Transport()
		r.hosts.by["store.amocrm.ru"] = e.Transport()
		r.addPair("shop", "shop.amocrm.ru", e)
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Fatal(err)
		}
		e.Rename("store.amocrm.ru")
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Errorf("after the move: %v", err)
		}
		a, err := r.Get(t.Context(), "shop")
		if err != nil || a.URL != "https://store.amocrm.ru" {
			t.Errorf("stored %q, %v", a.URL, err)
		}
	})
}

func TestMove_goesToNoForeignHost(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.shop()
		evil := r.emulate("evil.example.com", emulator.Config{AccountID: 1001})
		r.hosts.by["api-b.amocrm.ru"] = e.Transport()
		r.addPair("shop", "shop.amocrm.ru", e)
		e.Rename("evil.example.com")
		if err := call(t, r.Registry, "shop"); err == nil {
			t.Error("a call after the move succeeded")
		}
		if got := evil.Stats().Requests; got != 0 {
			t.Errorf("%d requests to a host that is none of upstream's", got)
		}
		if a, err := r.Get(t.Context(), "shop"); err != nil || a.URL != "https://shop.amocrm.ru" {
			t.Errorf("stored %q, %v", a.URL, err)
		}
	})
}
