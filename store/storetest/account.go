package storetest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
)

func accounts(t *testing.T, e Engine) {
	t.Helper()
	t.Run("listed_by_name", func(t *testing.T) {
		s := opened(t, e)
		empty, err := s.Accounts(t.Context())
		if err != nil || len(empty) != 0 {
			t.Fatalf("a new store has %v, %v", empty, err)
		}
		want := []account.Record{
			{Name: "a", URL: "https://a.amocrm.ru", Revision: 1},
			{Name: "b-2", URL: "https://b2.kommo.com", UpstreamID: 1 << 40, Revision: 1},
			{Name: "b0", URL: "https://b0.amocrm.ru", Revision: 1},
			{Name: "b_1", URL: "https://b1.amocrm.ru", Revision: 1},
		}
		for _, i := range []int{2, 0, 3, 1} {
			if err := s.CreateAccount(t.Context(), want[i], custody.KindToken, sealed(1)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Accounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(account.Record{}, "CreatedAt")); diff != "" {
			t.Errorf("accounts (-want +got):\n%s", diff)
		}
		now := get(t, s, "a").Now
		for _, r := range got {
			if age := now.Sub(r.CreatedAt); age < 0 || age > time.Minute {
				t.Errorf("account %s was added %v ago", r.Name, age)
			}
		}
		all, err := s.AllCredentials(t.Context())
		if err != nil || len(all) != len(want) {
			t.Fatalf("%d credentials, %v; want %d", len(all), err, len(want))
		}
		for i, r := range all {
			if r.Account != want[i].Name {
				t.Errorf("credentials %d are those of %s, want %s", i, r.Account, want[i].Name)
			}
		}
	})

	s := opened(t, e)

	t.Run("got_alone", func(t *testing.T) {
		name := added(t, s)
		got, err := s.Account(t.Context(), name)
		if err != nil || got.Name != name || got.URL != "https://shop.amocrm.ru" || got.Revision != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
		_, err = s.Account(t.Context(), "nobody")
		is(t, "an unknown account", err, account.ErrNotFound)
	})

	t.Run("created_once", func(t *testing.T) {
		name := name(t)
		var created, existed atomic.Int32
		together(16, func(int) {
			switch err := s.CreateAccount(t.Context(), account.Record{Name: name}, custody.KindOAuth, sealed(1)); {
			case err == nil:
				created.Add(1)
			case errors.Is(err, account.ErrExists):
				existed.Add(1)
			default:
				t.Error(err)
			}
		})
		if created.Load() != 1 || existed.Load() != 15 {
			t.Errorf("created %d times, existed %d times; want 1 and 15", created.Load(), existed.Load())
		}
		is(t, "the same name again", s.CreateAccount(t.Context(), account.Record{Name: name, URL: "https://other"}, custody.KindToken, sealed(7)), account.ErrExists)
		if r := get(t, s, name); r.Generation != 1 || r.Kind != custody.KindOAuth {
			t.Errorf("the refused one left its credentials: %+v", r)
		}
	})

	t.Run("moved", func(t *testing.T) {
		name := added(t, s)
		move := func(url string, id int64) account.Record {
			t.Helper()
			if err := s.MoveAccount(t.Context(), name, url, id); err != nil {
				t.Fatal(err)
			}
			r, err := s.Account(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := move("https://new.amocrm.ru", 42); r.URL != "https://new.amocrm.ru" || r.UpstreamID != 42 || r.Revision != 2 {
			t.Errorf("got %+v", r)
		}
		if r := move("https://newer.amocrm.ru", 0); r.URL != "https://newer.amocrm.ru" || r.UpstreamID != 42 || r.Revision != 3 {
			t.Errorf("without an id: %+v", r)
		}
		is(t, "an unknown account", s.MoveAccount(t.Context(), "nobody", "https://x", 1), account.ErrNotFound)
	})

	t.Run("removed_with_everything", func(t *testing.T) {
		gone := added(t, s)
		stays := "removed-not"
		if err := s.CreateAccount(t.Context(), account.Record{Name: stays}, custody.KindOAuth, sealed(1)); err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{gone, stays} {
			ok, err := s.Save(t.Context(), name, 0, []byte("state"))
			yes(t, "save", ok, err)
			if err := s.PutAuthorization(t.Context(), account.Authorization{StateHash: [32]byte{1, byte(i)}, Account: name}, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.RemoveAccount(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		_, err := s.Account(t.Context(), gone)
		is(t, "its record", err, account.ErrNotFound)
		_, err = s.Credentials(t.Context(), gone)
		is(t, "its credentials", err, custody.ErrNotFound)
		_, err = s.TakeAuthorization(t.Context(), [32]byte{1, 0})
		is(t, "its authorization", err, account.ErrStateInvalid)
		_, states, err := s.Load(t.Context(), gone, stays)
		if err != nil || states[0].Version != 0 || len(states[0].Data) != 0 || states[1].Version != 1 {
			t.Errorf("the states are %+v, %v", states, err)
		}
		if _, err := s.TakeAuthorization(t.Context(), [32]byte{1, 1}); err != nil {
			t.Errorf("another account's authorization is gone as well: %v", err)
		}
		get(t, s, stays)
		is(t, "a second time", s.RemoveAccount(t.Context(), gone), account.ErrNotFound)
		if err := s.CreateAccount(t.Context(), account.Record{Name: gone}, custody.KindToken, sealed(1)); err != nil {
			t.Errorf("it cannot be added again: %v", err)
		}
	})
}

func authorizations(t *testing.T, e Engine) {
	t.Helper()
	s := opened(t, e)

	t.Run("used_once", func(t *testing.T) {
		want := account.Authorization{StateHash: [32]byte{2, 0, 0xff}, Account: "shop", URL: "https://shop.amocrm.ru"}
		if err := s.PutAuthorization(t.Context(), want, time.Hour); err != nil {
			t.Fatal(err)
		}
		var taken atomic.Int32
		together(16, func(int) {
			got, err := s.TakeAuthorization(t.Context(), want.StateHash)
			switch {
			case err == nil && got == want:
				taken.Add(1)
			case !errors.Is(err, account.ErrStateInvalid):
				t.Errorf("got %+v, %v", got, err)
			}
		})
		if taken.Load() != 1 {
			t.Errorf("taken %d times", taken.Load())
		}
	})

	t.Run("unknown", func(t *testing.T) {
		_, err := s.TakeAuthorization(t.Context(), [32]byte{3})
		is(t, "a state that nobody put", err, account.ErrStateInvalid)
	})

	t.Run("too_old", func(t *testing.T) {
		old := account.Authorization{StateHash: [32]byte{4}, Account: "shop"}
		if err := s.PutAuthorization(t.Context(), old, time.Nanosecond); err != nil {
			t.Fatal(err)
		}
		_, err := s.TakeAuthorization(t.Context(), old.StateHash)
		is(t, "a state after its life", err, account.ErrStateInvalid)
		// The next one sweeps it away, so that its hash is free.
		for range 2 {
			if err := s.PutAuthorization(t.Context(), old, time.Nanosecond); err != nil {
				t.Errorf("what is too old was not removed: %v", err)
			}
		}
	})
}
