package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/internal/pgtest"
	"github.com/amogate/amogate/store"
)

// TestEngines_areAlike makes the same random calls of both engines and compares
// what they answer, but for times.
func TestEngines_areAlike(t *testing.T) {
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	engines := [2]store.Store{open(t, file(t)), open(t, database)}
	for _, s := range engines {
		defer func() { _ = s.Close() }()
	}
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		names := [2]string{fmt.Sprintf("a-%d", run), fmt.Sprintf("b-%d", run)}
		small := rapid.Int64Range(0, 3)
		credentials := rapid.Custom(func(rt *rapid.T) custody.Sealed {
			return custody.Sealed{
				Generation: small.Draw(rt, "generation"), KeyID: rapid.SampledFrom([]string{"k1", "k2"}).Draw(rt, "key"),
				Data: rapid.SliceOfN(rapid.Byte(), 1, 4).Draw(rt, "data"), Life: rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(rt, "life"),
			}
		})
		for range rapid.IntRange(1, 12).Draw(rt, "calls") {
			name := rapid.SampledFrom(names[:]).Draw(rt, "name")
			next, from, epoch := credentials.Draw(rt, "next"), small.Draw(rt, "from"), small.Draw(rt, "epoch")
			state := rapid.SampledFrom([]custody.State{custody.StateOK, custody.StateLost, custody.StateRevoked}).Draw(rt, "state")
			ttl := rapid.SampledFrom([]time.Duration{-time.Hour, time.Hour}).Draw(rt, "ttl")
			counted := rapid.Bool().Draw(rt, "counted")
			call := rapid.IntRange(0, 9).Draw(rt, "call")
			var answers [2]string
			for i, s := range engines {
				answers[i] = answer(rt, s, call, name, next, from, epoch, state, ttl, counted)
			}
			if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
				rt.Fatalf("call %d (-SQLite +PostgreSQL):\n%s", call, diff)
			}
		}
	})
}

// answer makes one call and describes all that can be seen of it.
func answer(t *rapid.T, s store.Store, call int, name string, next custody.Sealed, from, epoch int64, state custody.State, ttl time.Duration, counted bool) string {
	ctx := t.Context()
	var ok bool
	var err error
	switch call {
	case 0, 1:
		err = s.CreateAccount(ctx, account.Record{Name: name, URL: "https://x", UpstreamID: from}, custody.KindOAuth, next)
	case 2:
		err = s.MoveAccount(ctx, name, "https://y", from)
	case 3:
		err = s.RemoveAccount(ctx, name)
	case 4:
		ok, err = s.PutCredentials(ctx, name, custody.KindToken, next)
	case 5:
		var r custody.Record
		r, ok, err = s.Lease(ctx, name, from, "owner", ttl)
		ok = ok && r.LeaseOwner == "owner"
	case 6:
		ok, err = s.Commit(ctx, name, from, epoch, next)
	case 7:
		ok, err = s.Restore(ctx, name, next)
	case 8:
		ok, err = s.Fail(ctx, name, from, epoch, custody.Failure{State: state, Reason: "r", Unsettled: counted, NotCounted: counted, RetryIn: -ttl})
	case 9:
		if counted {
			ok, err = s.Mark(ctx, name, from, state, "marked")
		} else {
			ok, err = s.Reseal(ctx, name, from, "k1", next)
		}
	}
	a, accountErr := s.Account(ctx, name)
	r, recordErr := s.Credentials(ctx, name)
	return fmt.Sprint(ok, err, " ", accountErr, recordErr, a.Name, a.URL, a.UpstreamID, a.Revision, " ",
		string(r.Kind), r.Generation, r.KeyID, string(r.Sealed), string(r.State), r.Reason, r.LeaseOwner, r.LeaseEpoch, r.Unsettled, r.Failures,
		r.ExpiresAt.IsZero(), r.LeaseUntil.IsZero(), r.RetryAt.IsZero())
}
