package account_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/keyring"
)

// keysInUse returns the keys that seal something.
func (r *rig) keysInUse() []string {
	r.t.Helper()
	all, err := r.store.AllCredentials(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	var keys []string
	for _, c := range all {
		keys = append(keys, c.KeyID)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func TestRotate_sealsEverythingAnewWhileCallsGoOn(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		const accounts = 5
		for i := range accounts {
			host := "shop" + strconv.Itoa(i) + ".amocrm.ru"
			e := r.emulate(host, emulator.Config{AccountID: 1001 + int64(i)})
			r.addPair("shop"+strconv.Itoa(i), host, e)
		}
		old := r.ring.Active()
		ctx, stop := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		for i := range accounts {
			calls.Go(func() {
				for ctx.Err() == nil {
					if err := call(t, r.Registry, "shop"+strconv.Itoa(i)); err != nil {
						t.Errorf("a call while keys rotate: %v", err)
						return
					}
					time.Sleep(10 * time.Millisecond) // an account read in the same instant is new enough
				}
			})
		}
		time.Sleep(time.Second)
		rotation, err := r.Rotate(t.Context(), false, false)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		stop()
		calls.Wait()
		if rotation.Active == old || rotation.Active != r.ring.Active() || rotation.Resealed != accounts || !slices.Equal(rotation.Keys, []string{old, rotation.Active}) {
			t.Errorf("rotation %+v from %q", rotation, old)
		}
		if got := r.keysInUse(); !slices.Equal(got, []string{rotation.Active}) {
			t.Errorf("sealed with %q, want %q alone", got, rotation.Active)
		}

		again, err := r.Rotate(t.Context(), true, true)
		if err != nil || again.Resealed != 0 || !slices.Equal(again.Keys, []string{rotation.Active}) {
			t.Errorf("pruned: %+v, %v", again, err)
		}
		next := r.open(func(c *account.Config) { c.Owner = "next" })
		defer func() { _ = next.Close(t.Context()) }()
		if err := call(t, next, "shop0"); err != nil {
			t.Errorf("the next process: %v", err)
		}
	})
}

func TestRotate_keepsKeysThatSealSomething(t *testing.T) {
	runWith(t, calm, func(r *rig) {
		t := r.t
		e := r.shop()
		r.addPair("shop", "shop.amocrm.ru", e)
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Fatal(err)
		}
		// A refresh that only the journal has is sealed with the old key.
		old := r.ring.Active()
		r.store.unsaved.Store(true)
		time.Sleep(14 * time.Hour)
		if r.journal.Pending() != 1 {
			t.Fatalf("%d pairs in the journal, want 1", r.journal.Pending())
		}
		rotation, err := r.Rotate(t.Context(), false, true)
		if err != nil || !slices.Contains(rotation.Keys, old) {
			t.Errorf("rotation %+v, %v; want %q kept for the journal", rotation, err, old)
		}
		r.store.unsaved.Store(false)
		time.Sleep(5 * time.Minute)
		rotation, err = r.Rotate(t.Context(), true, true)
		if err != nil || slices.Contains(rotation.Keys, old) || r.journal.Pending() != 0 {
			t.Errorf("rotation %+v, %v; want %q gone with %d pairs in the journal", rotation, err, old, r.journal.Pending())
		}
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Error(err)
		}
	})
}

func TestRotate_keepsEveryKeyWhileARefreshIsUnderWay(t *testing.T) {
	runWith(t, calm, func(r *rig) {
		t := r.t
		r.addPair("shop", "shop.amocrm.ru", r.shop())
		old := r.ring.Active()
		// Another replica refreshes: its pair may be sealed already.
		leased, granted, err := r.store.Lease(t.Context(), "shop", 1, "another", time.Minute)
		if err != nil || !granted {
			t.Fatalf("Lease = %v, %v", granted, err)
		}
		rotation, err := r.Rotate(t.Context(), false, true)
		if err != nil || !slices.Contains(rotation.Keys, old) {
			t.Errorf("rotation %+v, %v; want %q kept for the refresh under way", rotation, err, old)
		}
		time.Sleep(2 * time.Minute)
		if rotation, err = r.Rotate(t.Context(), true, true); err != nil || !slices.Contains(rotation.Keys, old) {
			t.Errorf("rotation %+v, %v; want %q kept: nobody knows how the refresh ended", rotation, err, old)
		}
		if ok, err := r.store.Fail(t.Context(), "shop", 1, leased.LeaseEpoch, custody.Failure{State: custody.StateOK}); err != nil || !ok {
			t.Fatalf("Fail = %v, %v", ok, err)
		}
		if rotation, err = r.Rotate(t.Context(), true, true); err != nil || slices.Contains(rotation.Keys, old) {
			t.Errorf("rotation %+v, %v; want %q gone", rotation, err, old)
		}
	})
}

func TestRotate_aFixedRingIsChangedElsewhere(t *testing.T) {
	const first = "k1:nPyLI6mcsSAGcTVyIZ+0GeVsPO3mDNcJZr7ZSdtdYwU="
	const second = "k2:9H2pXVbKt1xnGjFQ3Xh9rYtF8vQY1m0m9m1b3x0aZ4E="
	ring := func(t *testing.T, text string) *keyring.Ring {
		t.Helper()
		parsed, err := keyring.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	runWith(t, func(c *account.Config) { c.Ring = ring(t, first) }, func(r *rig) {
		t := r.t
		r.shop()
		r.addToken("shop", "shop.amocrm.ru")
		for _, prune := range []bool{false, true} {
			if _, err := r.Rotate(t.Context(), prune, prune); !errors.Is(err, account.ErrFixedRing) {
				t.Errorf("Rotate = %v, want ErrFixedRing", err)
			}
		}
		if got := r.keysInUse(); !slices.Equal(got, []string{"k1"}) {
			t.Errorf("sealed with %q", got)
		}
		// Restarted with a second key, the remedy of the error.
		next := r.open(func(c *account.Config) { c.Ring = ring(t, first+","+second) })
		defer func() { _ = next.Close(t.Context()) }()
		rotation, err := next.Rotate(t.Context(), true, false)
		if err != nil || rotation.Active != "k2" || rotation.Resealed != 1 {
			t.Errorf("Rotate = %+v, %v", rotation, err)
		}
		if got := r.keysInUse(); !slices.Equal(got, []string{"k2"}) {
			t.Errorf("sealed with %q", got)
		}
	})
}

func TestRotate_passesByWhatNothingOpens(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		r.shop()
		r.emulate("north.kommo.com", emulator.Config{AccountID: 1002})
		other, err := keyring.Generate(filepath.Join(t.TempDir(), "keyring"))
		if err != nil {
			t.Fatal(err)
		}
		foreign := r.open(func(c *account.Config) { c.Ring = other })
		_, err = foreign.Add(t.Context(), account.Addition{Name: "north", URL: "https://north.kommo.com", Given: account.Given{Token: emulator.DefaultToken}})
		if err := errors.Join(err, foreign.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		r.addToken("shop", "shop.amocrm.ru")
		rotation, err := r.Rotate(t.Context(), false, true)
		if err != nil || rotation.Resealed != 1 {
			t.Errorf("Rotate = %+v, %v", rotation, err)
		}
		want := []string{other.Active(), rotation.Active}
		slices.Sort(want)
		if got := r.keysInUse(); !slices.Equal(got, want) {
			t.Errorf("sealed with %q, want %q", got, want)
		}
	})
}

// A record is opened after it was read. Another process that rotates and prunes
// between the two has sealed it anew.
func TestRotate_behindAReadOfCredentials(t *testing.T) {
	runWith(t, calm, func(r *rig) {
		t := r.t
		r.shop()
		r.addToken("shop", "shop.amocrm.ru")
		ring, err := keyring.Load(r.ring.Path())
		if err != nil {
			t.Fatal(err)
		}
		other := r.open(func(c *account.Config) { calm(c); c.Ring, c.Owner = ring, "other" })
		defer func() { _ = other.Close(t.Context()) }()
		rotate := func() {
			if _, err := other.Rotate(t.Context(), false, true); err != nil {
				t.Error(err)
			}
		}
		// The key of the record that is read is one that this process has not seen.
		rotateTwice := func() {
			rotate()
			r.store.behind.Store(&rotate)
		}
		wantOpen := func(method string, c account.Credentials) {
			t.Helper()
			if c.Undecryptable || c.KeyID != ring.Active() || len(ring.IDs()) != 1 {
				t.Errorf("%s: %+v, keys %q", method, c, ring.IDs())
			}
		}

		rotateTwice()
		a, err := r.Get(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		wantOpen("Get", a.Credentials)

		rotateTwice()
		all, err := r.List(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("List = %+v, %v", all, err)
		}
		wantOpen("List", all[0].Credentials)

		rotateTwice()
		next, err := r.tryOpen(func(c *account.Config) { calm(c); c.Owner = "next" })
		if err != nil {
			t.Fatalf("New = %v", err)
		}
		if err := next.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
