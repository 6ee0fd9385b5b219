package custody_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/internal/driver"
)

// points are all points of a refresh.
var points = []custody.Point{custody.BeforeLease, custody.AfterLease, custody.BeforeCall, custody.AfterCall, custody.AfterJournal, custody.AfterCommit}

// crashAt ends the refresh when it reaches a point for the first time, like a
// crash: nothing after it is done.
func crashAt(point custody.Point) func(*custody.Config) {
	return func(c *custody.Config) {
		var once sync.Once
		c.Step = func(p custody.Point) {
			if p == point {
				once.Do(runtime.Goexit)
			}
		}
	}
}

func TestRefresh_survivesACrashAtEveryPoint(t *testing.T) {
	for _, point := range points {
		bothIssuers(t, func(b *bench) {
			t, i := b.t, b.issuer
			dir := t.TempDir()
			var reached []custody.Point
			journal := b.journal(dir)
			dying := b.keeper(func(c *custody.Config) {
				c.Journal = journal
				crashAt(point)(c)
				crash := c.Step
				c.Step = func(p custody.Point) {
					reached = append(reached, p)
					crash(p)
				}
			})
			time.Sleep(14 * time.Hour)
			b.want(dying, 1)
			synctest.Wait()
			if last := reached[len(reached)-1]; last != point || len(reached) != index(point)+1 {
				t.Fatalf("the refresh reached %q, want it to end at %q", reached, point)
			}
			if err := journal.Close(); err != nil {
				t.Fatal(err)
			}

			next := b.journal(dir)
			restored, err := next.Replay(t.Context(), b.Store)
			if err != nil {
				t.Fatal(err)
			}
			if want := point == custody.AfterJournal; (restored == 1) != want {
				t.Errorf("%d pairs replayed, want one: %v", restored, want)
			}
			k := b.keeper(func(c *custody.Config) { c.Journal = next })
			for range 100 { // longer than any lease: the old token goes on meanwhile
				if _, err := b.get(k, time.Second); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
			if point == custody.AfterCall && !i.grace {
				b.wantState(custody.StateLost)
				b.want(k, 1)
				time.Sleep(11 * time.Hour)
				b.wantKind(k, driver.KindTokenLost)
				return
			}
			b.wantState(custody.StateOK)
			b.wantCalls(1 + b2i(point == custody.AfterCall))
			b.want(k, 2+b2i(point == custody.AfterCall))
		})
	}
}

func index(point custody.Point) int {
	for n, p := range points {
		if p == point {
			return n
		}
	}
	return -1
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestRefresh_isNotBegunWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		store := &down{}
		b.Before = store.before
		k := b.keeper()
		b.want(k, 1)
		store.set(true)
		time.Sleep(14 * time.Hour)
		for range 9 {
			b.want(k, 1)
			time.Sleep(time.Hour)
		}
		time.Sleep(time.Hour)
		b.wantKind(k, driver.KindStoreUnavailable)
		if err := k.Renew(t.Context(), 1); !isKind(err, driver.KindStoreUnavailable) {
			t.Errorf("Renew = %v, want KindStoreUnavailable", err)
		}
		if err := k.Tend(t.Context()); !isKind(err, driver.KindStoreUnavailable) {
			t.Errorf("Tend = %v, want KindStoreUnavailable", err)
		}
		b.wantCalls(0)
		store.set(false)
		b.want(k, 2)
		b.wantCalls(1)
	})
}

func TestCurrent_aStoreThatHangsIsNotTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.Before = func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return &driver.Error{Kind: driver.KindDeadline, Message: "the deadline passed while the store was asked", Err: ctx.Err()}
		}
		k := b.keeper()
		if _, err := b.get(k, time.Minute); !isKind(err, driver.KindStoreBusy) {
			t.Errorf("Current = %v, want KindStoreBusy: the caller has most of a minute left", err)
		}
		if _, err := b.get(k, time.Second); !isKind(err, driver.KindDeadline) {
			t.Errorf("Current = %v, want KindDeadline: the caller's own has passed", err)
		}
	})
}

func TestRefresh_pairWaitsForTheStore(t *testing.T) {
	bothIssuers(t, func(b *bench) {
		t := b.t
		store := &down{}
		b.Before = store.before
		k := b.keeper(func(c *custody.Config) {
			c.Step = func(p custody.Point) {
				if p == custody.AfterCall {
					store.set(true)
				}
			}
		})
		time.Sleep(14 * time.Hour)
		for range 60 {
			b.want(k, 1) // the new pair is not used before the store has it
			time.Sleep(time.Second)
		}
		time.Sleep(11 * time.Hour)
		b.wantKind(k, driver.KindStoreUnavailable)
		if err := k.Renew(t.Context(), 1); !isKind(err, driver.KindStoreUnavailable) {
			t.Errorf("Renew = %v, want KindStoreUnavailable", err)
		}
		store.set(false)
		time.Sleep(2 * time.Second)
		// The pair has lived 11 hours by now; it is due again after one more.
		b.want(k, 2)
		b.wantCalls(1)
		if r := b.record(); r.ExpiresAt.Sub(r.Now) > 13*time.Hour+time.Minute {
			t.Errorf("the store believes in %v more, as if the wait had not been", r.ExpiresAt.Sub(r.Now))
		}
	})
}

func TestClose_leavesThePairToTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		store := &down{}
		b.Before = store.before
		dir := t.TempDir()
		journal := b.journal(dir)
		k := b.keeper(func(c *custody.Config) {
			c.Journal = journal
			c.Step = func(p custody.Point) {
				if p == custody.AfterCall {
					store.set(true)
				}
			}
		})
		time.Sleep(14 * time.Hour)
		b.want(k, 1)
		time.Sleep(time.Minute)
		if got := journal.Pending(); got != 1 {
			t.Errorf("%d pairs pending, want 1", got)
		}
		if err := k.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := journal.Close(); err != nil {
			t.Fatal(err)
		}
		store.set(false)
		next := b.journal(dir)
		if restored, err := next.Replay(t.Context(), b.Store); restored != 1 || err != nil {
			t.Fatalf("Replay = %d, %v, want 1", restored, err)
		}
		b.want(b.keeper(), 2)
		b.wantCalls(1)
	})
}

func TestClose_waitsUntilOneOfThemHasThePair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		store := &down{}
		b.Before = store.before
		journal := b.journal(t.TempDir())
		k := b.keeper(func(c *custody.Config) {
			c.Journal = journal
			c.Step = func(p custody.Point) {
				if p == custody.AfterCall {
					store.set(true)
					_ = journal.Close() // like a full disk
				}
			}
		})
		time.Sleep(14 * time.Hour)
		b.want(k, 1)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := k.Close(ctx); !isKind(err, driver.KindStoreUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v, want an error after an hour", err)
		}
		time.AfterFunc(time.Minute, func() { store.set(false) })
		if err := k.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if r := b.record(); r.Generation != 2 {
			t.Errorf("generation %d after Close, want 2", r.Generation)
		}
		b.wantCalls(1)
	})
}

func TestClose_waitsForTheCallUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		b.issuer.latency = 10 * time.Second
		k := b.keeper()
		time.Sleep(14 * time.Hour)
		b.want(k, 1)
		synctest.Wait()
		start := time.Now()
		if err := k.Close(t.Context()); err != nil || time.Since(start) != 10*time.Second {
			t.Errorf("Close = %v after %v, want nil after the answer", err, time.Since(start))
		}
		if r := b.record(); r.Generation != 2 {
			t.Errorf("generation %d, want 2", r.Generation)
		}
		if err := k.Renew(t.Context(), 2); !isKind(err, driver.KindCancelled) {
			t.Errorf("Renew after Close = %v, want KindCancelled", err)
		}
	})
}

func TestClose_doesNotWaitForAnothersLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		if _, ok, err := b.Lease(t.Context(), account, 1, "another", time.Hour); !ok || err != nil {
			t.Fatal(err)
		}
		k := b.keeper()
		time.Sleep(14*time.Hour - time.Minute)
		if _, ok, err := b.Lease(t.Context(), account, 1, "another", time.Hour); !ok || err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.want(k, 1)
		synctest.Wait()
		start := time.Now()
		if err := k.Close(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("Close = %v after %v", err, time.Since(start))
		}
	})
}

func TestStoreThatLostCommits_getsThemAgain(t *testing.T) {
	for name, renew := range map[string]bool{"by a keeper": true, "by the journal": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, newIssuer(false))
				journal := b.journal(t.TempDir())
				k := b.keeper(func(c *custody.Config) { c.Journal = journal })
				before := b.record()
				time.Sleep(14 * time.Hour)
				b.want(k, 1)
				synctest.Wait()
				b.want(k, 2)
				b.Rollback(before)
				if renew {
					time.Sleep(14 * time.Hour)
					b.want(k, 2) // it is time for the next one
					time.Sleep(time.Minute)
					b.want(k, 2)
					synctest.Wait()
					b.want(k, 3)
					b.wantCalls(2)
					return
				}
				if restored, err := journal.Replay(t.Context(), b.Store); restored != 1 || err != nil {
					t.Errorf("Replay = %d, %v, want 1", restored, err)
				}
				b.want(b.keeper(), 2)
				b.wantCalls(1)
			})
		})
	}
}

func TestKeeper_takesAnAccountThatWasAddedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		journal := b.journal(t.TempDir())
		k := b.keeper(func(c *custody.Config) { c.Journal = journal })
		time.Sleep(14 * time.Hour)
		b.want(k, 1)
		synctest.Wait()
		b.want(k, 2)
		b.Remove(account)
		time.Sleep(time.Hour)
		b.put(custody.KindOAuth, custody.Secret{Access: "other", Refresh: "other"}, 1, 24*time.Hour)
		if restored, err := journal.Replay(t.Context(), b.Store); restored != 0 || err != nil {
			t.Errorf("Replay = %d, %v: the pair of the account before is none of this one", restored, err)
		}
		if err := k.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := b.get(k, time.Second); err != nil || got.Access != "other" {
			t.Errorf("Current = %s, %v, want the new account's", got.Access, err)
		}
	})
}

// TestKeeper_losesNothingToAStoreThatFails draws failures of the store, before and
// after its work, and pauses of the replicas: as soon as it works again every
// replica has the last pair, and no token was used twice.
func TestKeeper_losesNothingToAStoreThatFails(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		before := rapid.SliceOfN(rapid.IntRange(0, 9), 400, 400).Draw(r, "failures")
		pauses := rapid.SliceOfN(rapid.IntRange(0, 70), 40, 40).Draw(r, "pauses")
		strict := rapid.Bool().Draw(r, "strict")
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, newIssuer(!strict))
			var mu sync.Mutex
			on, n, steps := true, 0, 0
			fail := func(what int) error {
				mu.Lock()
				defer mu.Unlock()
				n++
				if on && before[n%len(before)] == what {
					return errStore()
				}
				return nil
			}
			b.Before = func(context.Context, string) error { return fail(0) }
			b.After = func(context.Context, string) error { return fail(1) }
			var replicas []*custody.Keeper
			for range 3 {
				replicas = append(replicas, b.keeper(func(c *custody.Config) {
					// Before the call alone: a pause after it is a loss until it ends.
					c.Step = func(p custody.Point) {
						if p != custody.AfterLease && p != custody.BeforeCall {
							return
						}
						mu.Lock()
						steps++
						d := time.Duration(pauses[steps%len(pauses)]) * time.Second
						if !on {
							d = 0
						}
						mu.Unlock()
						time.Sleep(d)
					}
				}))
			}
			for range 40 {
				time.Sleep(3 * time.Hour)
				for _, k := range replicas {
					_, _ = b.get(k, time.Minute)
				}
			}
			mu.Lock()
			on = false
			mu.Unlock()
			time.Sleep(10 * time.Minute)
			b.wantState(custody.StateOK)
			for _, k := range replicas {
				if _, err := b.get(k, 10*time.Minute); err != nil {
					t.Error(err)
				}
			}
			generation := int(b.record().Generation)
			calls, revoked := b.issuer.counts()
			// One that has just become due is between its call and the store.
			for tries := 0; generation != calls+1 && tries < 60; tries++ {
				time.Sleep(time.Second)
				generation = int(b.record().Generation)
				calls, revoked = b.issuer.counts()
			}
			if generation != calls+1 || revoked != 0 || calls == 0 {
				t.Errorf("generation %d after %d calls, %d of them with a used token", generation, calls, revoked)
			}
		})
		if t.Failed() {
			r.FailNow()
		}
	})
}
