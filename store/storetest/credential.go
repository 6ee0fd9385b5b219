package storetest

import (
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/store"
)

// lease takes a lease of the first generation that must be given.
func lease(t *testing.T, s store.Store, name string, ttl time.Duration) custody.Record {
	t.Helper()
	r, ok, err := s.Lease(t.Context(), name, 1, "replica-1", ttl)
	yes(t, "lease", ok, err)
	return r
}

func credentials(t *testing.T, e Engine) {
	t.Helper()
	s := opened(t, e)

	t.Run("first", func(t *testing.T) {
		name := added(t, s)
		got := get(t, s, name)
		near(t, "the end of the token", got.ExpiresAt, got.IssuedAt.Add(time.Hour))
		if age := got.Now.Sub(got.IssuedAt); age < 0 || age > time.Minute {
			t.Errorf("issued %v ago", age)
		}
		want := custody.Record{
			Account: name, Kind: custody.KindOAuth, Generation: 1, KeyID: "key-1", Sealed: sealed(1).Data, State: custody.StateOK,
			IssuedAt: got.IssuedAt, ExpiresAt: got.ExpiresAt, Now: got.Now,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
	})

	t.Run("unknown", func(t *testing.T) {
		const nobody = "nobody"
		calls := map[string]func() error{
			"get": func() error { _, err := s.Credentials(t.Context(), nobody); return err },
			"put": func() error {
				_, err := s.PutCredentials(t.Context(), nobody, custody.KindToken, sealed(1))
				return err
			},
			"lease":   func() error { _, _, err := s.Lease(t.Context(), nobody, 1, "replica-1", time.Minute); return err },
			"commit":  func() error { _, err := s.Commit(t.Context(), nobody, 1, 1, sealed(2)); return err },
			"restore": func() error { _, err := s.Restore(t.Context(), nobody, sealed(2)); return err },
			"fail":    func() error { _, err := s.Fail(t.Context(), nobody, 1, 1, custody.Failure{}); return err },
			"mark":    func() error { _, err := s.Mark(t.Context(), nobody, 1, custody.StateRevoked, ""); return err },
			"reseal":  func() error { _, err := s.Reseal(t.Context(), nobody, 1, "key-1", sealed(1)); return err },
		}
		for what, call := range calls {
			is(t, what, call(), custody.ErrNotFound)
		}
	})

	t.Run("put", func(t *testing.T) {
		name := added(t, s)
		lease(t, s, name, time.Hour)
		for _, generation := range []int64{0, 1} {
			ok, err := s.PutCredentials(t.Context(), name, custody.KindToken, sealed(generation))
			no(t, "a generation that is not higher", ok, err)
		}
		next := sealed(5)
		next.Life = 0
		ok, err := s.PutCredentials(t.Context(), name, custody.KindToken, next)
		yes(t, "put", ok, err)
		r := get(t, s, name)
		if r.Kind != custody.KindToken || r.Generation != 5 || r.State != custody.StateOK || !r.LeaseUntil.IsZero() || r.LeaseOwner != "" || !r.ExpiresAt.IsZero() || r.Unsettled {
			t.Errorf("got %+v", r)
		}
		a, err := s.Account(t.Context(), name)
		if err != nil || a.Revision != 2 {
			t.Errorf("revision %d, %v; want 2", a.Revision, err)
		}
	})

	t.Run("restore", func(t *testing.T) {
		name := added(t, s)
		ok, err := s.Mark(t.Context(), name, 1, custody.StateRevoked, "refused")
		yes(t, "mark", ok, err)
		for _, generation := range []int64{0, 1} {
			ok, err := s.Restore(t.Context(), name, sealed(generation))
			no(t, "a pair that is not newer", ok, err)
		}
		ok, err = s.Restore(t.Context(), name, sealed(4))
		yes(t, "restore", ok, err)
		r := get(t, s, name)
		if r.Generation != 4 || r.State != custody.StateOK || r.Reason != "" || r.Kind != custody.KindOAuth {
			t.Errorf("got %+v", r)
		}
		a, err := s.Account(t.Context(), name)
		if err != nil || a.Revision != 1 {
			t.Errorf("revision %d, %v; want 1: nobody has changed the account", a.Revision, err)
		}
	})

	t.Run("mark", func(t *testing.T) {
		name := added(t, s)
		held := lease(t, s, name, time.Hour)
		ok, err := s.Mark(t.Context(), name, 2, custody.StateRevoked, "x")
		no(t, "another generation", ok, err)
		ok, err = s.Mark(t.Context(), name, 1, custody.StateMisconfigured, "the client id is unknown")
		yes(t, "mark", ok, err)
		r := get(t, s, name)
		if r.State != custody.StateMisconfigured || r.Reason != "the client id is unknown" || r.LeaseEpoch != held.LeaseEpoch || r.LeaseUntil.IsZero() {
			t.Errorf("got %+v", r)
		}
		ok, err = s.Fail(t.Context(), name, 1, held.LeaseEpoch, custody.Failure{State: custody.StateMisconfigured, RetryIn: time.Hour})
		yes(t, "fail", ok, err)
		ok, err = s.Mark(t.Context(), name, 1, custody.StateOK, "")
		yes(t, "mark as good", ok, err)
		if r := get(t, s, name); r.State != custody.StateOK || r.Failures != 0 || !r.RetryAt.IsZero() {
			t.Errorf("what is good again has to wait: %+v", r)
		}
	})

	t.Run("reseal", func(t *testing.T) {
		name := added(t, s)
		before := get(t, s, name)
		next := custody.Sealed{Generation: 1, KeyID: "key-2", Data: []byte("other"), Life: time.Minute}
		ok, err := s.Reseal(t.Context(), name, 2, "key-1", next)
		no(t, "another generation", ok, err)
		ok, err = s.Reseal(t.Context(), name, 1, "key-0", next)
		no(t, "another key", ok, err)
		ok, err = s.Reseal(t.Context(), name, 1, "key-1", next)
		yes(t, "reseal", ok, err)
		want := before
		want.KeyID, want.Sealed = "key-2", []byte("other")
		got := get(t, s, name)
		want.Now = got.Now
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
		ok, err = s.Reseal(t.Context(), name, 1, "key-1", next)
		no(t, "a second time", ok, err)
	})
}

func leases(t *testing.T, e Engine) {
	t.Helper()
	s := opened(t, e)

	t.Run("one_holder", func(t *testing.T) {
		name := added(t, s)
		var held atomic.Int32
		together(16, func(i int) {
			owner := strconv.Itoa(i)
			r, ok, err := s.Lease(t.Context(), name, 1, owner, time.Hour)
			switch {
			case err != nil:
				t.Error(err)
			case ok && r.LeaseOwner != owner, r.LeaseEpoch != 1, r.LeaseUntil.IsZero():
				t.Errorf("%s got %v with %+v", owner, ok, r)
			case ok:
				held.Add(1)
			}
		})
		if held.Load() != 1 {
			t.Errorf("%d holders", held.Load())
		}
	})

	t.Run("record", func(t *testing.T) {
		name := added(t, s)
		r := lease(t, s, name, time.Minute)
		near(t, "the end of the lease", r.LeaseUntil, r.Now.Add(time.Minute))
		if r.LeaseOwner != "replica-1" || r.LeaseEpoch != 1 || r.Unsettled || r.Generation != 1 || len(r.Sealed) == 0 {
			t.Errorf("got %+v", r)
		}
		stored := get(t, s, name)
		near(t, "the stored end", stored.LeaseUntil, r.LeaseUntil)
		if stored.LeaseOwner != "replica-1" || stored.Unsettled {
			t.Errorf("stored %+v", stored)
		}
		other, ok, err := s.Lease(t.Context(), name, 1, "replica-2", time.Minute)
		no(t, "a second lease", ok, err)
		if other.LeaseOwner != "replica-1" {
			t.Errorf("the loser sees %+v", other)
		}
	})

	t.Run("another_generation", func(t *testing.T) {
		name := added(t, s)
		r, ok, err := s.Lease(t.Context(), name, 2, "replica-1", time.Minute)
		no(t, "lease", ok, err)
		if r.Generation != 1 {
			t.Errorf("the record is %+v", r)
		}
	})

	t.Run("not_good", func(t *testing.T) {
		name := added(t, s)
		for _, state := range []custody.State{custody.StateRevoked, custody.StateLost, custody.StateMisconfigured} {
			ok, err := s.Mark(t.Context(), name, 1, state, "x")
			yes(t, "mark", ok, err)
			_, ok, err = s.Lease(t.Context(), name, 1, "replica-1", time.Minute)
			no(t, "a lease while "+string(state), ok, err)
		}
	})

	t.Run("lapsed", func(t *testing.T) {
		name := added(t, s)
		first := lease(t, s, name, time.Microsecond)
		until(t, "the lease is shown as lapsed", func() bool { return get(t, s, name).Unsettled })
		second := lease(t, s, name, time.Hour)
		if !second.Unsettled || second.LeaseEpoch != 2 {
			t.Errorf("the successor sees %+v", second)
		}
		ok, err := s.Commit(t.Context(), name, 1, first.LeaseEpoch, sealed(2))
		no(t, "a commit by the one before", ok, err)
		ok, err = s.Fail(t.Context(), name, 1, first.LeaseEpoch, custody.Failure{State: custody.StateRevoked})
		no(t, "a failure by the one before", ok, err)
		ok, err = s.Commit(t.Context(), name, 1, second.LeaseEpoch, sealed(2))
		yes(t, "commit", ok, err)
		if r := get(t, s, name); r.Unsettled || r.LeaseEpoch != 2 {
			t.Errorf("after the commit: %+v", r)
		}
	})

	t.Run("late_commit", func(t *testing.T) {
		name := added(t, s)
		r := lease(t, s, name, time.Microsecond)
		until(t, "the lease lapses", func() bool { return get(t, s, name).Unsettled })
		ok, err := s.Commit(t.Context(), name, 1, r.LeaseEpoch, sealed(2))
		yes(t, "a commit after the lease, which is still the last", ok, err)
	})

	t.Run("commit", func(t *testing.T) {
		name := added(t, s)
		ok, err := s.Commit(t.Context(), name, 1, 0, sealed(2))
		no(t, "without a lease", ok, err)
		r := lease(t, s, name, time.Hour)
		ok, err = s.Commit(t.Context(), name, 0, r.LeaseEpoch, sealed(2))
		no(t, "another generation", ok, err)
		next := sealed(2)
		next.KeyID, next.Life = "key-2", 2*time.Hour
		ok, err = s.Commit(t.Context(), name, 1, r.LeaseEpoch, next)
		yes(t, "commit", ok, err)
		got := get(t, s, name)
		near(t, "the end of the token", got.ExpiresAt, got.IssuedAt.Add(2*time.Hour))
		want := custody.Record{
			Account: name, Kind: custody.KindOAuth, Generation: 2, KeyID: "key-2", Sealed: next.Data, State: custody.StateOK,
			IssuedAt: got.IssuedAt, ExpiresAt: got.ExpiresAt, LeaseEpoch: 1, Now: got.Now,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
		ok, err = s.Commit(t.Context(), name, 1, r.LeaseEpoch, next)
		no(t, "a second time", ok, err)
		ok, err = s.Commit(t.Context(), name, 2, r.LeaseEpoch+1, sealed(3))
		no(t, "a lease that nobody had", ok, err)
	})

	t.Run("loss_is_provisional", func(t *testing.T) {
		name := added(t, s)
		first := lease(t, s, name, time.Microsecond)
		until(t, "the lease lapses", func() bool { return get(t, s, name).Unsettled })
		second := lease(t, s, name, time.Hour)
		ok, err := s.Fail(t.Context(), name, 1, second.LeaseEpoch, custody.Failure{State: custody.StateLost, Reason: "the pair was lost"})
		yes(t, "fail", ok, err)
		ok, err = s.Commit(t.Context(), name, 0, first.LeaseEpoch, sealed(2))
		no(t, "a pair of another generation", ok, err)
		ok, err = s.Commit(t.Context(), name, 1, first.LeaseEpoch, sealed(2))
		yes(t, "the pair that was taken for lost", ok, err)
		if r := get(t, s, name); r.State != custody.StateOK || r.Reason != "" || r.Generation != 2 {
			t.Errorf("got %+v", r)
		}
	})

	t.Run("fail", func(t *testing.T) {
		name := added(t, s)
		r := lease(t, s, name, time.Hour)
		busy := custody.Failure{State: custody.StateOK, Reason: "the token endpoint is busy", Unsettled: true, RetryIn: 50 * time.Millisecond}
		ok, err := s.Fail(t.Context(), name, 2, r.LeaseEpoch, busy)
		no(t, "another generation", ok, err)
		ok, err = s.Fail(t.Context(), name, 1, r.LeaseEpoch+1, busy)
		no(t, "another lease", ok, err)
		for range 2 { // The second time is one whose first answer was lost.
			ok, err = s.Fail(t.Context(), name, 1, r.LeaseEpoch, busy)
			yes(t, "fail", ok, err)
		}
		got := get(t, s, name)
		if got.Failures != 1 || !got.Unsettled || got.Reason != busy.Reason || !got.LeaseUntil.IsZero() || got.LeaseOwner != "" || got.RetryAt.IsZero() {
			t.Errorf("got %+v", got)
		}
		early, ok, err := s.Lease(t.Context(), name, 1, "replica-2", time.Hour)
		if ok && early.Now.Before(got.RetryAt) || err != nil {
			t.Errorf("leased at %v, before %v; %v", early.Now, got.RetryAt, err)
		}
		until(t, "the pause passes", func() bool {
			if !ok {
				early, ok, err = s.Lease(t.Context(), name, 1, "replica-2", time.Hour)
			}
			return ok
		})
		if early.Now.Before(got.RetryAt) || !early.Unsettled {
			t.Errorf("leased %+v after a pause until %v", early, got.RetryAt)
		}
		ok, err = s.Fail(t.Context(), name, 1, early.LeaseEpoch, custody.Failure{State: custody.StateOK, NotCounted: true})
		yes(t, "fail without a call", ok, err)
		if got := get(t, s, name); got.Failures != 1 || !got.Unsettled || !got.RetryAt.IsZero() {
			t.Errorf("after a lease that asked nothing: %+v", got)
		}
	})

	t.Run("each_generation_once", func(t *testing.T) {
		name := added(t, s)
		const last = 40
		var leased, committed atomic.Int32
		together(8, func(i int) {
			owner := strconv.Itoa(i)
			for {
				r, err := s.Credentials(t.Context(), name)
				if err != nil || r.Generation >= last {
					if err != nil {
						t.Error(err)
					}
					return
				}
				r, ok, err := s.Lease(t.Context(), name, r.Generation, owner, time.Hour)
				if err != nil {
					t.Error(err)
					return
				}
				if !ok {
					continue
				}
				leased.Add(1)
				ok, err = s.Commit(t.Context(), name, r.Generation, r.LeaseEpoch, sealed(r.Generation+1))
				if err != nil || !ok {
					t.Error(errors.Join(errors.New("a holder could not commit"), err))
					return
				}
				committed.Add(1)
			}
		})
		if leased.Load() != last-1 || committed.Load() != last-1 {
			t.Errorf("%d leases and %d commits for %d generations", leased.Load(), committed.Load(), last-1)
		}
	})
}
