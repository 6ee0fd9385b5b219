package custody_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/internal/driver"
)

// bothIssuers runs a test on a bench with a strict issuer and on one with a grace.
func bothIssuers(t *testing.T, test func(b *bench)) {
	t.Helper()
	for name, grace := range map[string]bool{"strict": false, "grace": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(newBench(t, newIssuer(grace))) })
		})
	}
}

func TestCurrent_refreshesAtHalfOfLifeAndNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.issuer.latency = 10 * time.Second
		k := b.keeper()
		start := time.Now()
		for time.Since(start) < 14*time.Hour {
			asked := time.Now()
			if _, err := b.get(k, time.Second); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(asked); waited != 0 {
				t.Fatalf("a caller waited %v while the token was alive", waited)
			}
			time.Sleep(time.Minute)
		}
		b.want(k, 2)
		b.wantCalls(1)
		after := b.issuer.callTimes()[0].Sub(start)
		if low, high := 12*time.Hour*9/10, 12*time.Hour*11/10+time.Minute; after < low || after > high {
			t.Errorf("refreshed after %v, want half of the life: %v to %v", after, low, high)
		}
	})
}

func TestCurrent_spreadsEarlyRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		seen := map[time.Duration]bool{}
		start := time.Now()
		for n := range 20 {
			k := b.keeper()
			for calls := 0; calls <= n; calls, _ = b.issuer.counts() {
				if _, err := b.get(k, time.Second); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
			}
			seen[b.issuer.callTimes()[n].Sub(start).Truncate(10*time.Minute)] = true
			start = b.issuer.callTimes()[n]
		}
		if len(seen) < 5 {
			t.Errorf("20 refreshes after %v alone: they do not spread", seen)
		}
	})
}

func TestCurrent_oneCallServesEverybody(t *testing.T) {
	for _, replicas := range []int{1, 16} {
		bothIssuers(t, func(b *bench) {
			t, i := b.t, b.issuer
			i.latency = 2 * time.Second
			time.Sleep(25 * time.Hour) // the token has ended
			var wg sync.WaitGroup
			for range replicas {
				k := b.keeper()
				for range 16 {
					wg.Go(func() {
						if got, err := b.get(k, 10*time.Second); err != nil || got != pair(2) {
							t.Errorf("Current = %s, %v, want pair 2", got.Access, err)
						}
					})
				}
			}
			wg.Wait()
			b.wantCalls(1)
			if r := b.record(); r.Generation != 2 || r.State != custody.StateOK || !r.LeaseUntil.IsZero() {
				t.Errorf("the store has generation %d, %s, lease until %v", r.Generation, r.State, r.LeaseUntil)
			}
		})
	}
}

func TestCurrent_replicasRefreshOnceForHundredsOfRounds(t *testing.T) {
	bothIssuers(t, func(b *bench) {
		t, i := b.t, b.issuer
		const rounds, replicas = 100, 8
		i.latency = 50 * time.Millisecond
		var wg sync.WaitGroup
		for range replicas {
			k := b.keeper()
			wg.Go(func() {
				for range rounds {
					generation := int64(0)
					for ctx := t.Context(); ; {
						secret, g, err := k.Current(ctx)
						if err != nil {
							t.Error(err)
							return
						}
						i.use(secret)
						k.Accepted(g)
						if g > generation && generation > 0 {
							break
						}
						generation = g
						if err := k.Renew(ctx, g); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		calls, revoked := i.counts()
		if g := int(b.record().Generation); calls != g-1 || revoked != 0 {
			t.Errorf("%d token calls with %d revoked for %d generations, want one each", calls, revoked, g-1)
		}
	})
}

func TestCurrent_callersObeyTheirDeadlinesAndEndNoRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.issuer.latency = 14 * time.Second
		k := b.keeper()
		time.Sleep(25 * time.Hour)
		start := time.Now()
		if _, err := b.get(k, time.Second); !isKind(err, driver.KindDeadline) || time.Since(start) != time.Second {
			t.Errorf("Current = %v after %v, want KindDeadline after 1s", err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := k.Current(ctx); !isKind(err, driver.KindCancelled) {
			t.Errorf("a caller that left got %v, want KindCancelled", err)
		}
		if got, err := b.get(k, time.Minute); err != nil || got != pair(2) || time.Since(start) != b.issuer.latency {
			t.Errorf("the next caller got %s, %v after %v; want pair 2 of the call that went on", got.Access, err, time.Since(start))
		}
		b.wantCalls(1)
	})
}

func TestCurrent_slowEndpointIsNotCalledTwice(t *testing.T) {
	// The endpoint needs longer than we wait for it, and carries the call out.
	bothIssuers(t, func(b *bench) {
		t, i := b.t, b.issuer
		i.latency = 20 * time.Second
		k, other := b.keeper(), b.keeper()
		time.Sleep(13*time.Hour + 30*time.Minute)
		start := time.Now()
		for time.Since(start) < 19*time.Second {
			b.want(k, 1)
			b.want(other, 1)
			time.Sleep(time.Second)
		}
		if calls, _ := i.counts(); calls != 1 {
			t.Errorf("%d calls while the first one hung, want 1", calls)
		}
		i.latency = 0
		time.Sleep(time.Minute)
		b.want(k, 1)
		synctest.Wait()
		if i.grace {
			b.want(k, 3)
			b.wantState(custody.StateOK)
		} else {
			b.want(k, 1)
			b.wantState(custody.StateLost)
		}
	})
}

func TestRefresh_revokedStopsUntilNewCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.issuer.refuse = func(int) error { return errRevoked() }
		k, other := b.keeper(), b.keeper()
		time.Sleep(14 * time.Hour)
		b.want(k, 1) // begins the refresh
		synctest.Wait()
		b.wantState(custody.StateRevoked)
		for range 9 {
			b.want(k, 1)
			b.want(other, 1)
			time.Sleep(time.Hour)
		}
		time.Sleep(time.Hour) // the access token has ended
		for range 24 {
			b.wantKind(k, driver.KindReauth)
			b.wantKind(other, driver.KindReauth)
			if err := k.Tend(t.Context()); err != nil {
				t.Error(err)
			}
			if err := other.Renew(t.Context(), 1); !isKind(err, driver.KindReauth) {
				t.Errorf("Renew = %v, want KindReauth", err)
			}
			time.Sleep(time.Hour)
		}
		if calls, _ := b.issuer.counts(); calls != 1 {
			t.Errorf("%d token calls, want the one that was refused", calls)
		}
		b.issuer.refuse = nil
		b.put(custody.KindOAuth, pair(1), 2, 24*time.Hour)
		b.want(k, 1)
		b.want(other, 1)
		b.wantState(custody.StateOK)
	})
}

func TestRefresh_pausedHolderSendsNothingAfterItsLease(t *testing.T) {
	bothIssuers(t, func(b *bench) {
		t := b.t
		paused := b.keeper(pauseAt(custody.BeforeCall))
		other := b.keeper()
		time.Sleep(14 * time.Hour)
		b.want(paused, 1)
		synctest.Wait()
		b.want(other, 1)
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		b.want(other, 2)
		if err := paused.Reload(t.Context()); err != nil {
			t.Error(err)
		}
		b.want(paused, 2)
		b.wantCalls(1)
		b.wantState(custody.StateOK)
	})
}

func TestRefresh_pausedHolderRepairsAProvisionalLoss(t *testing.T) {
	for _, point := range []custody.Point{custody.AfterCall, custody.AfterJournal} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, newIssuer(false))
			paused := b.keeper(pauseAt(point))
			other := b.keeper()
			time.Sleep(14 * time.Hour)
			b.want(paused, 1)
			synctest.Wait()
			b.want(other, 1)
			time.Sleep(55 * time.Second)
			b.wantState(custody.StateLost)
			b.want(other, 1) // until it ends
			time.Sleep(6 * time.Second)
			b.wantState(custody.StateOK)
			b.want(paused, 2)
			time.Sleep(10 * time.Hour)
			b.want(other, 2)
			if calls, revoked := b.issuer.counts(); calls > 3 || revoked != 1 {
				t.Errorf("%d calls, %d revoked: want the successor's one", calls, revoked)
			}
		})
	}
}

func TestRefresh_pausedHolderLetsANewerPairBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(true))
		paused := b.keeper(pauseAt(custody.AfterCall))
		other := b.keeper()
		time.Sleep(14 * time.Hour)
		b.want(paused, 1)
		synctest.Wait()
		b.want(other, 1)
		time.Sleep(2 * time.Minute)
		b.want(other, 3)
		b.want(paused, 3)
		b.wantCalls(2)
		if g := b.record().Generation; g != 2 {
			t.Errorf("generation %d, want 2: one pair for it counts", g)
		}
	})
}

// pauseAt stops a replica for a minute when its first refresh reaches a point.
func pauseAt(point custody.Point) func(*custody.Config) {
	return func(c *custody.Config) {
		var once sync.Once
		c.Step = func(p custody.Point) {
			if p == point {
				once.Do(func() { time.Sleep(time.Minute) })
			}
		}
	}
}

func TestRefresh_lostAnswerIsALossUnderAStrictIssuer(t *testing.T) {
	bothIssuers(t, func(b *bench) {
		t, i := b.t, b.issuer
		i.lose = func(n int) bool { return n == 1 }
		k := b.keeper()
		time.Sleep(14 * time.Hour)
		b.want(k, 1)
		time.Sleep(time.Minute)
		if i.grace {
			b.want(k, 1)
			synctest.Wait()
			b.want(k, 3)
			b.wantState(custody.StateOK)
			return
		}
		for range 9 {
			b.want(k, 1) // hours of notice
			time.Sleep(time.Hour)
		}
		b.wantState(custody.StateLost)
		time.Sleep(time.Hour)
		b.wantKind(k, driver.KindTokenLost)
		if calls, _ := i.counts(); calls != 2 {
			t.Errorf("%d token calls, want 2", calls)
		}
	})
}

func TestRefresh_failuresBackOffAndStayBelowTwelveAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		errs := []*driver.Error{
			{Kind: driver.KindOutcomeUnknown, Message: "upstream failed", Status: 503},
			{Kind: driver.KindRateLimited, Message: "too many", Status: 429},
			{Kind: driver.KindOutcomeUnknown, Message: "no answer"},
			{Kind: driver.KindBadResponse, Message: "odd", Status: 400},
		}
		b.issuer.refuse = func(n int) error { return errs[n%len(errs)] }
		replicas := []*custody.Keeper{b.keeper(), b.keeper(), b.keeper()}
		time.Sleep(14 * time.Hour)
		start := time.Now()
		for time.Since(start) < 8*time.Hour {
			for _, k := range replicas {
				b.want(k, 1)
			}
			time.Sleep(time.Second)
		}
		calls := b.issuer.callTimes()
		if len(calls) < 8*11-2 || len(calls) > 8*12 {
			t.Errorf("%d calls in 8 hours, want nearly 12 an hour", len(calls))
		}
		for i := 12; i < len(calls); i++ {
			if d := calls[i].Sub(calls[i-12]); d < time.Hour {
				t.Fatalf("calls %d to %d within %v: more than 12 an hour", i-11, i+1, d)
			}
		}
		for i, want := range []time.Duration{5, 10, 20, 40, 80, 160, 300} {
			if got := calls[i+1].Sub(calls[i]); got < want*time.Second || got > want*time.Second*11/10+3*time.Second {
				t.Errorf("pause %d is %v, want %v s and a tenth at most", i+1, got, want)
			}
		}
		b.issuer.refuse = nil
		time.Sleep(6 * time.Minute)
		b.want(replicas[0], 1)
		synctest.Wait()
		b.want(replicas[0], 2)
		if f := b.record().Failures; f != 0 {
			t.Errorf("%d failures are counted after a success", f)
		}
	})
}

func TestRefresh_expiredTokenIsTriedAgainWithinTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.issuer.refuse = func(n int) error {
			if n < 3 {
				return &driver.Error{Kind: driver.KindUnavailable, Message: "upstream failed", Status: 503}
			}
			return nil
		}
		k := b.keeper()
		time.Sleep(25 * time.Hour)
		if _, err := b.get(k, 3*time.Second); !isKind(err, driver.KindUnavailable) {
			t.Errorf("Current = %v, want KindUnavailable at once: the pause does not fit", err)
		}
		if got, err := b.get(k, time.Minute); err != nil || got != pair(2) {
			t.Errorf("Current = %s, %v, want pair 2 of the third call", got.Access, err)
		}
	})
}

func TestRefresh_otherReplicasTellWhyTheyWait(t *testing.T) {
	for _, kind := range []driver.Kind{driver.KindMoved, driver.KindHostGone, driver.KindPaymentRequired, driver.KindUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, newIssuer(false))
			b.issuer.refuse = func(int) error { return &driver.Error{Kind: kind, Message: "not for now", Status: 404} }
			time.Sleep(25 * time.Hour) // the token has ended
			for n := range 3 {
				_, err := b.get(b.keeper(), time.Second)
				if e, ok := errors.AsType[*driver.Error](err); !ok || e.Kind != kind {
					t.Errorf("replica %d: %v, want kind %d", n, err, kind)
				}
			}
			b.wantCalls(1)
		})
	}
}

func TestRefresh_misconfiguredEndsWithAnotherIntegration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.issuer.refuse = func(int) error {
			return &driver.Error{Kind: driver.KindMisconfigured, Message: "upstream does not accept the integration", Status: 401}
		}
		k := b.keeper()
		time.Sleep(14 * time.Hour)
		b.want(k, 1)
		synctest.Wait()
		b.wantState(custody.StateMisconfigured)
		b.want(k, 1)
		time.Sleep(11 * time.Hour)
		b.wantKind(k, driver.KindMisconfigured)
		b.wantKind(b.keeper(), driver.KindMisconfigured) // a restart changes nothing
		b.wantCalls(1)

		b.issuer.refuse = nil
		b.want(b.keeper(func(c *custody.Config) { c.Integration = "3c4d" }), 2)
		time.Sleep(defaults.TokenPoll)
		b.want(k, 2)
		b.wantState(custody.StateOK)
	})
}

func TestRefresh_blockLeavesTheTokensAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.issuer.refuse = func(int) error {
			return &driver.Error{Kind: driver.KindBlocked, Message: "upstream has blocked this address", Status: 403, RetryAfter: 15 * time.Minute}
		}
		k := b.keeper()
		time.Sleep(25 * time.Hour)
		b.wantKind(k, driver.KindBlocked)
		r := b.record()
		if r.State != custody.StateOK || r.Unsettled || r.RetryAt.Sub(r.Now) != 15*time.Minute {
			t.Errorf("state %s, unsettled %v, next call in %v; want it untouched", r.State, r.Unsettled, r.RetryAt.Sub(r.Now))
		}
		b.issuer.refuse = nil
		time.Sleep(15 * time.Minute)
		b.want(k, 2)
		b.wantCalls(2)
	})
}

func TestRefresh_panicIsAnErrorOfThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(true))
		panics := true
		k := b.keeper(func(c *custody.Config) {
			c.Exchange = func(ctx context.Context, old custody.Secret) (custody.Pair, error) {
				if panics {
					panic("of the exchange")
				}
				return b.issuer.exchange(ctx, old)
			}
		})
		time.Sleep(25 * time.Hour)
		b.wantKind(k, driver.KindUnavailable)
		if r := b.record(); !r.Unsettled || r.Failures != 1 {
			t.Errorf("unsettled %v, %d failures: a panic may come after the call", r.Unsettled, r.Failures)
		}
		panics = false
		time.Sleep(time.Minute)
		b.want(k, 2)
	})
}

func TestRefresh_answerWithoutTokensIsALostOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		k := b.keeper(func(c *custody.Config) {
			c.Exchange = func(context.Context, custody.Secret) (custody.Pair, error) { return custody.Pair{}, nil }
		})
		time.Sleep(25 * time.Hour)
		b.wantKind(k, driver.KindUnavailable)
		if !b.record().Unsettled {
			t.Error("the generation counts as settled")
		}
	})
}

func TestRefresh_shortLivedTokensAreNotRefreshedInALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.issuer.life, b.issuer.latency = time.Second, 2*time.Second
		k := b.keeper()
		time.Sleep(25 * time.Hour)
		if got, err := b.get(k, 3*time.Second); err != nil || got != pair(2) {
			t.Errorf("Current = %s, %v, want the pair that was made", got.Access, err)
		}
		b.wantCalls(1)
	})
}

func TestTend_refreshesIdleAccountsWeekly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		k := b.keeper()
		start := time.Now()
		for time.Since(start) < 29*24*time.Hour {
			if err := k.Tend(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(defaults.RefreshScan)
		}
		b.wantCalls(4)
		b.want(k, 6) // its token has ended, and it is used from now on
		start = time.Now()
		for time.Since(start) < 13*time.Hour+15*time.Minute {
			if err := k.Tend(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(defaults.RefreshScan)
		}
		b.wantCalls(6) // at half of the life
	})
}

func TestCurrent_needsAnIntegrationToRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		k := b.keeper(func(c *custody.Config) { c.Exchange = nil })
		b.want(k, 1)
		time.Sleep(25 * time.Hour)
		b.wantKind(k, driver.KindMisconfigured)
		b.wantState(custody.StateOK)
	})
}

func TestCurrent_clocksOfOthersDoNotMatter(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 48 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, newIssuer(false))
			k := b.keeper()
			b.want(k, 1)
			b.Advance(jump)
			if err := k.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Hour)
			b.want(k, 1)
			b.wantCalls(0)
			time.Sleep(4 * time.Hour)
			b.want(k, 1)
			synctest.Wait()
			b.want(k, 2)
			b.wantCalls(1)
		})
	}
}

func TestCurrent_accountWithoutCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.Remove(account)
		_, err := b.get(b.keeper(), time.Second)
		if !isKind(err, driver.KindReauth) || !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("Current = %v, want KindReauth of ErrNotFound", err)
		}
	})
}

func TestNew_saysWhatIsMissing(t *testing.T) {
	if _, err := custody.New(custody.Config{}); err == nil {
		t.Error("no error")
	}
}
