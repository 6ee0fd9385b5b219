package custody_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/internal/driver"
)

func TestRenew_oneRefreshForAllWhoWereRefused(t *testing.T) {
	bothIssuers(t, func(b *bench) {
		t, i := b.t, b.issuer
		i.latency = time.Second
		k := b.keeper()
		b.want(k, 1)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if err := k.Renew(t.Context(), 1); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b.want(k, 2)
		if err := k.Renew(t.Context(), 1); err != nil { // a latecomer
			t.Error(err)
		}
		b.wantCalls(1)
	})
}

func TestRenew_findsWhatAnotherReplicaMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		k, other := b.keeper(), b.keeper()
		b.want(k, 1)
		b.want(other, 1)
		if err := other.Renew(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if err := k.Renew(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		b.want(k, 2)
		b.wantCalls(1)
	})
}

func TestRenew_stopsAfterTwoFreshOnesWereRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		k := b.keeper()
		for n := int64(1); n <= 2; n++ {
			b.want(k, int(n))
			if err := k.Renew(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.Renew(t.Context(), 3); !isKind(err, driver.KindReauth) {
			t.Errorf("Renew = %v, want KindReauth", err)
		}
		b.wantState(custody.StateRevoked)
		for range 24 {
			b.wantKind(k, driver.KindReauth) // nothing is sent with what was refused
			if err := k.Renew(t.Context(), 3); !isKind(err, driver.KindReauth) {
				t.Errorf("Renew = %v, want KindReauth", err)
			}
			time.Sleep(time.Hour)
		}
		b.wantCalls(2)
		b.put(custody.KindOAuth, pair(3), 4, 24*time.Hour)
		b.want(k, 3)
	})
}

func TestRenew_acceptedCredentialsStartTheCountAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		k := b.keeper()
		for n := int64(1); n <= 10; n++ {
			b.want(k, int(n))
			k.Accepted(n)
			if err := k.Renew(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		b.wantCalls(10)
		b.wantState(custody.StateOK)
	})
}

func TestRenew_storeThatCannotBeToldIsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.put(custody.KindToken, custody.Secret{Access: "long"}, 2, 0)
		k := b.keeper()
		failing := &failing{}
		b.Before = failing.before
		if _, err := b.get(k, time.Second); err != nil {
			t.Fatal(err)
		}
		failing.set("Mark")
		for range 2 {
			if err := k.Renew(t.Context(), 2); !isKind(err, driver.KindReauth) {
				t.Errorf("Renew = %v, want KindReauth", err)
			}
		}
		b.wantKind(k, driver.KindReauth)
		b.wantState(custody.StateOK)
		failing.set("")
		time.Sleep(time.Second)
		b.wantKind(k, driver.KindReauth)
		b.wantState(custody.StateRevoked)
	})
}

func TestRenew_tokensThatCannotBeRenewedHaveASecondChance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.put(custody.KindToken, custody.Secret{Access: "long"}, 2, 0)
		k := b.keeper()
		use := func() {
			t.Helper()
			if got, err := b.get(k, time.Second); err != nil || got.Access != "long" {
				t.Errorf("Current = %v, want the token", err)
			}
		}
		refuse := func() {
			t.Helper()
			if err := k.Renew(t.Context(), 2); !isKind(err, driver.KindReauth) {
				t.Errorf("Renew = %v, want KindReauth", err)
			}
		}
		use()
		refuse()
		b.wantState(custody.StateOK)
		use()
		k.Accepted(2)
		refuse()
		use()
		refuse()
		b.wantState(custody.StateRevoked)
		b.wantKind(k, driver.KindReauth)
		b.wantCalls(0)
	})
}

func TestTend_warnsOfTheEndOfALongLivedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		end := time.Now().Add(40 * 24 * time.Hour)
		b.put(custody.KindToken, custody.Secret{Access: jwt(end)}, 2, 0)
		k := b.keeper()
		var days []int
		for day := range 41 {
			before := strings.Count(b.log.String(), "ends soon")
			for range 24 {
				if err := k.Tend(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
			}
			if strings.Count(b.log.String(), "ends soon") > before {
				days = append(days, 40-day)
			}
		}
		if len(days) != 3 || days[0] != 30 || days[1] != 7 || days[2] != 1 {
			t.Errorf("warned %v days before, want 30, 7 and 1", days)
		}
		if strings.Contains(b.log.String(), jwt(end)) {
			t.Error("the log shows the token")
		}
		if _, err := b.get(k, time.Second); err != nil {
			t.Errorf("after its end: %v; it is for upstream to refuse it", err)
		}
	})
}
