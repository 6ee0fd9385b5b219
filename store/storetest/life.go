package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/idempotency"
	"github.com/amogate/amogate/store"
)

// calls are all methods of a store, with arguments that would be good, for an
// account that is there.
func calls(s store.Store, name string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Ping":     s.Ping,
		"Accounts": func(ctx context.Context) error { _, err := s.Accounts(ctx); return err },
		"Account":  func(ctx context.Context) error { _, err := s.Account(ctx, name); return err },
		"CreateAccount": func(ctx context.Context) error {
			return s.CreateAccount(ctx, account.Record{Name: "other"}, custody.KindToken, sealed(1))
		},
		"MoveAccount":   func(ctx context.Context) error { return s.MoveAccount(ctx, name, "https://moved", 9) },
		"RemoveAccount": func(ctx context.Context) error { return s.RemoveAccount(ctx, name) },
		"PutAuthorization": func(ctx context.Context) error {
			return s.PutAuthorization(ctx, account.Authorization{StateHash: [32]byte{9}}, time.Hour)
		},
		"TakeAuthorization": func(ctx context.Context) error { _, err := s.TakeAuthorization(ctx, [32]byte{8}); return err },
		"Credentials":       func(ctx context.Context) error { _, err := s.Credentials(ctx, name); return err },
		"AllCredentials":    func(ctx context.Context) error { _, err := s.AllCredentials(ctx); return err },
		"PutCredentials": func(ctx context.Context) error {
			_, err := s.PutCredentials(ctx, name, custody.KindToken, sealed(9))
			return err
		},
		"Lease":   func(ctx context.Context) error { _, _, err := s.Lease(ctx, name, 1, "r", time.Hour); return err },
		"Commit":  func(ctx context.Context) error { _, err := s.Commit(ctx, name, 1, 1, sealed(2)); return err },
		"Restore": func(ctx context.Context) error { _, err := s.Restore(ctx, name, sealed(9)); return err },
		"Fail": func(ctx context.Context) error {
			_, err := s.Fail(ctx, name, 1, 1, custody.Failure{State: custody.StateOK})
			return err
		},
		"Mark":   func(ctx context.Context) error { _, err := s.Mark(ctx, name, 1, custody.StateRevoked, "x"); return err },
		"Reseal": func(ctx context.Context) error { _, err := s.Reseal(ctx, name, 1, "key-1", sealed(1)); return err },
		"Reserve": func(ctx context.Context) error {
			_, err := s.Reserve(ctx, limit.Reservation{Key: name, Interval: time.Second, Within: time.Hour})
			return err
		},
		"Return": func(ctx context.Context) error { return s.Return(ctx, name, limit.Slot{At: time.Now()}, time.Second) },
		"Delay":  func(ctx context.Context) error { return s.Delay(ctx, name, time.Second) },
		"Load":   func(ctx context.Context) error { _, _, err := s.Load(ctx, name); return err },
		"Save":   func(ctx context.Context) error { _, err := s.Save(ctx, name, 0, []byte("x")); return err },
		"ClaimRequest": func(ctx context.Context) error {
			_, _, err := s.ClaimRequest(ctx, intent("other", "a", "2"))
			return err
		},
		"SaveRequest": func(ctx context.Context) error {
			return s.SaveRequest(ctx, idempotency.Key{}, "1", nil, idempotency.Done)
		},
		"ForgetRequest": func(ctx context.Context) error { return s.ForgetRequest(ctx, idempotency.Key{}, "1") },
		"HoldRequests":  func(ctx context.Context) error { return s.HoldRequests(ctx, "a", time.Hour) },
		"SweepRequests": func(ctx context.Context) error { _, err := s.SweepRequests(ctx, 1); return err },
		"Beat":          func(ctx context.Context) error { _, err := s.Beat(ctx, "r", time.Second); return err },
	}
}

func life(t *testing.T, e Engine) {
	t.Helper()
	t.Run("durable", func(t *testing.T) {
		open := e.Fresh(t)
		s := open(t)
		name := added(t, s)
		lease(t, s, name, time.Millisecond)
		ok, err := s.Save(t.Context(), name, 0, []byte("banned"))
		yes(t, "save", ok, err)
		authorization := account.Authorization{StateHash: [32]byte{7}, Account: name}
		if err := s.PutAuthorization(t.Context(), authorization, time.Hour); err != nil {
			t.Fatal(err)
		}
		call := intent("durable", "a", "1")
		claim(t, s, "a call", call, idempotency.Taken)
		save(t, s, call, "one", idempotency.Done)
		before := get(t, s, name)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		s = open(t)
		defer func() { _ = s.Close() }()
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if a, err := s.Account(t.Context(), name); err != nil || a.URL != "https://shop.amocrm.ru" {
			t.Errorf("the account is %+v, %v", a, err)
		}
		after := get(t, s, name)
		if string(after.Sealed) != string(before.Sealed) || !after.ExpiresAt.Equal(before.ExpiresAt) || after.LeaseEpoch != 1 {
			t.Errorf("the credentials were %+v and are %+v", before, after)
		}
		until(t, "what the holder did is unsettled", func() bool { return get(t, s, name).Unsettled })
		if r := claim(t, s, "the call again", intent("durable", "b", "2"), idempotency.Ended); string(r.Outcome) != "one" {
			t.Errorf("the call is %+v", r)
		}
		_, got, err := s.Load(t.Context(), name)
		if err != nil || got[0].Version != 1 || string(got[0].Data) != "banned" {
			t.Errorf("the state is %+v, %v", got, err)
		}
		if slot := reserve(t, s, name, time.Second, time.Hour); !slot.Stale {
			t.Errorf("a slot without a look at the state: %+v", slot)
		}
		if _, err := s.TakeAuthorization(t.Context(), authorization.StateHash); err != nil {
			t.Error(err)
		}
	})

	t.Run("cancelled", func(t *testing.T) {
		s := opened(t, e)
		name := added(t, s)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		late, stop := context.WithTimeout(t.Context(), 0)
		defer stop()
		for method, call := range calls(s, name) {
			err := call(gone)
			is(t, method, err, context.Canceled)
			isKind(t, method, err, amo.KindCancelled)
			err = call(late)
			is(t, method, err, context.DeadlineExceeded)
			isKind(t, method, err, amo.KindDeadline)
		}
		if r := get(t, s, name); r.Generation != 1 || r.State != custody.StateOK || r.LeaseEpoch != 0 {
			t.Errorf("a call of nobody has changed %+v", r)
		}
		if all, err := s.Accounts(t.Context()); err != nil || len(all) != 1 || all[0].Revision != 1 {
			t.Errorf("a call of nobody has changed %+v, %v", all, err)
		}
	})

	t.Run("closed", func(t *testing.T) {
		s := e.Fresh(t)(t)
		name := added(t, s)
		for range 2 { // Twice is no error.
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for method, call := range calls(s, name) {
			isKind(t, method, call(t.Context()), amo.KindStoreUnavailable)
		}
	})
}
