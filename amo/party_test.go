package amo

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Writes of many callers leave what they would one by one: those of a record in the
// order in which they came, all others in any.
func TestQueue_leavesWhatSingleWritesLeave(t *testing.T) {
	// final is the names that are left after the same calls, by how many there are.
	final := func(t *testing.T, seed uint64, noCoalescing bool) (names map[string]int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			const shared, callers, steps = 5, 12, 8
			b := newBench(t, emulator.Config{Customers: shared, Latency: 300 * time.Millisecond}, Config{NoCoalescing: noCoalescing})
			ids := customerIDs(b, shared)
			update := func(id int64, name string) {
				if r := updateOne(t.Context(), b, customerUpdate{ID: id, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: name}}); r.Err != nil {
					t.Errorf("update of %d: %v", id, r.Err)
				}
			}
			var wg sync.WaitGroup
			for caller := range callers {
				random := rand.New(rand.NewPCG(seed, uint64(caller)))
				wg.Go(func() {
					for step := range steps {
						name := fmt.Sprintf("%d/%d", caller, step)
						made := b.client.Customers().Create(t.Context(), []customerCreate{{Value: &amogatev1.Customer{Name: name, NextPurchaseTime: creates(1)[0].Value.GetNextPurchaseTime()}}})[0]
						if made.Err != nil {
							t.Errorf("create of %s: %v", name, made.Err)
							return
						}
						switch random.IntN(3) {
						case 0:
							update(made.Value.GetId(), name+" changed")
						case 1:
							if r := b.client.Customers().Delete(t.Context(), []int64{made.Value.GetId()})[0]; r.Err != nil {
								t.Errorf("deletion of %s: %v", name, r.Err)
							}
						}
					}
				})
			}
			// Updates of shared records come in an order that is known.
			for step := range steps * 4 {
				wg.Go(func() {
					time.Sleep(time.Duration(step) * 100 * time.Millisecond)
					update(ids[(step+int(seed))%shared], fmt.Sprint("shared ", step))
				})
			}
			wg.Wait()
			names = b.CustomersByName()
		})
		return names
	}
	for seed := range uint64(3) {
		on, off := final(t, seed, false), final(t, seed, true)
		if len(on) == 0 || !maps.Equal(on, off) {
			t.Errorf("seed %d: %v\nis left with shared requests, and without\n%v", seed, on, off)
		}
	}
}

// A full batch of many callers is carried out and answered 504: who is found is OK,
// items that look like one of a stranger are of unknown outcome, and nothing is made
// twice.
func TestCreate_ofManyCallersAnswered504AfterItWasCarriedOut(t *testing.T) {
	const twin = 7 // somebody else makes a customer of this content
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Latency: 100 * time.Millisecond}, Config{})
		if _, err := b.client.Customers().Get(t.Context(), 1); !IsKind(err, KindNotFound) {
			t.Fatal(err) // it reads the account, too
		}
		b.hold(t, time.Second)
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Nth: 1}, Action: emulator.Action{Status: 504, HTML: true, Apply: true, Delay: 2 * time.Second}})
		content := func(n int) *amogatev1.Customer {
			return &amogatev1.Customer{Name: fmt.Sprint("caller ", n), NextPurchaseTime: creates(1)[0].Value.GetNextPurchaseTime()}
		}
		var wg sync.WaitGroup
		for n := range firstSize {
			wg.Go(func() {
				r := b.client.Customers().Create(t.Context(), []customerCreate{{Value: content(n)}})[0]
				if n == twin {
					if !IsKind(r.Err, KindOutcomeUnknown) {
						t.Errorf("caller %d: %v, want KindOutcomeUnknown: there are two such records", n, r.Err)
					}
					return
				}
				stored, ok := b.Customer(r.Value.GetId())
				if r.Err != nil || !ok || stored.Name != content(n).GetName() {
					t.Errorf("caller %d: %v and the id of %q, want OK with its own", n, r.Err, stored.Name)
				}
			})
		}
		wg.Go(func() {
			time.Sleep(2 * time.Second)
			now := time.Now().Unix()
			_, err := b.AddCustomer(emulator.Customer{
				Name: content(twin).GetName(), NextDate: content(twin).GetNextPurchaseTime().GetSeconds(),
				CreatedAt: now, UpdatedAt: now,
			})
			if err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if got, writes := b.CountCustomers(), b.Stats().ByOperation[emulator.OpCustomersWrite]; got != firstSize+1 || writes != 1 {
			t.Errorf("%d customers by %d writes, want %d by 1", got, writes, firstSize+1)
		}
	})
}

// A call sends no further request when its deadline is nearer than an answer.
func TestCreate_deadlineInMidBatchLeavesTheRestUnattempted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Latency: time.Second}, Config{Rate: 1})
		b.client.Customers().Create(t.Context(), creates(1))
		ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
		defer cancel()
		counts := map[Kind]int{}
		for i, r := range b.client.Customers().Create(ctx, creates(1000)) {
			switch {
			case r.Err == nil:
				counts[-1]++
			case IsKind(r.Err, KindNotAttempted):
				counts[KindNotAttempted]++
			default:
				t.Errorf("item %d: %v", i, r.Err)
			}
		}
		if ctx.Err() != nil {
			t.Error("it ended after its deadline")
		}
		if made := b.CountCustomers() - 1; counts[-1] == 0 || counts[KindNotAttempted] == 0 || counts[-1] != made {
			t.Errorf("%d OK, %d not attempted, %d made", counts[-1], counts[KindNotAttempted], made)
		}
	})
}

// A request that is refused whole is sent in halves: the time of one of them is that
// of its own callers.
func TestCreate_ofHalvesWithDeadlinesOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Latency: 100 * time.Millisecond}, Config{})
		if _, err := b.client.Customers().Get(t.Context(), 1); !IsKind(err, KindNotFound) {
			t.Fatal(err) // it reads the account, too
		}
		b.hold(t, time.Second)
		b.script(t,
			emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Body: "bad"}, Action: emulator.Action{Status: 400}},
			emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Body: "slow"}, Action: emulator.Action{Delay: 10 * time.Second}})
		var wg sync.WaitGroup
		for n, c := range []struct {
			name string
			kind Kind
		}{{"slow", KindOutcomeUnknown}, {"good", -1}, {"bad", KindUpstreamInvalid}} {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * 10 * time.Millisecond)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				if c.name == "slow" {
					ctx, cancel = context.WithTimeout(t.Context(), 4*time.Second)
				}
				defer cancel()
				item := creates(1)
				item[0].Value.Name = c.name
				if r := b.client.Customers().Create(ctx, item)[0]; c.kind >= 0 && !IsKind(r.Err, c.kind) || c.kind < 0 && r.Err != nil {
					t.Errorf("%s: %v", c.name, r.Err)
				}
			})
		}
		wg.Wait()
	})
}

// A caller that goes away before its request leaves is taken out of it, and costs
// those who stay nothing; one that goes away later learns nothing of its write.
func TestCreate_ofACallerThatGoesAway(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		kind  Kind
		made  int
	}{
		"before it is sent": {500 * time.Millisecond, KindCancelled, 9},
		"after it was sent": {1500 * time.Millisecond, KindOutcomeUnknown, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Latency: time.Second}, Config{})
				if _, err := b.client.Customers().Get(t.Context(), 1); !IsKind(err, KindNotFound) {
					t.Fatal(err)
				}
				b.hold(t, time.Second)
				var wg sync.WaitGroup
				for n := range 10 {
					wg.Go(func() {
						ctx, cancel := context.WithCancel(t.Context())
						defer cancel()
						if n == 0 {
							time.AfterFunc(c.after, cancel)
						}
						r := b.client.Customers().Create(ctx, creates(1))[0]
						if n == 0 && !IsKind(r.Err, c.kind) || n > 0 && r.Err != nil {
							t.Errorf("caller %d: %v", n, r.Err)
						}
					})
				}
				wg.Wait()
				if got, writes := b.CountCustomers(), b.Stats().ByOperation[emulator.OpCustomersWrite]; got != c.made || writes != 1 {
					t.Errorf("%d customers by %d writes, want %d by 1", got, writes, c.made)
				}
			})
		})
	}
}

// A request that nobody waits for any more ends, unless it may have written: what
// becomes of that has to be known.
func TestRequest_endsWithItsLastCallerUnlessItWrites(t *testing.T) {
	for name, c := range map[string]struct {
		call func(ctx context.Context, b *bench) error
		left int64
	}{
		"read": {func(ctx context.Context, b *bench) error {
			_, err := b.client.Customers().Get(ctx, customerIDs(b, 1)[0])
			return err
		}, 0},
		"write": {func(ctx context.Context, b *bench) error {
			return b.client.Customers().Create(ctx, creates(1))[0].Err
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 1, Latency: 10 * time.Second}, Config{})
				if err := c.call(t.Context(), b); err != nil { // it reads the account, too
					t.Fatal(err)
				}
				b.hold(t, time.Second) // both go by one request
				var wg sync.WaitGroup
				for _, stays := range []time.Duration{3 * time.Second, 5 * time.Second} {
					wg.Go(func() {
						ctx, cancel := context.WithCancel(t.Context())
						defer time.AfterFunc(stays, cancel).Stop()
						if err := c.call(ctx, b); err == nil {
							t.Error("an answer came before its time")
						}
					})
				}
				time.Sleep(4 * time.Second)
				if got := b.Stats().InFlight; got != 1 {
					t.Errorf("%d requests are under way for the caller that stays, want 1", got)
				}
				wg.Wait()
				synctest.Wait()
				if got := b.Stats().InFlight; got != c.left {
					t.Errorf("%d requests are under way for nobody, want %d", got, c.left)
				}
			})
		})
	}
}

// Closing the client leaves nobody without an answer, be its request under way or
// not.
func TestClose_answersEverybody(t *testing.T) {
	for name, after := range map[string]time.Duration{"before they are sent": 500 * time.Millisecond, "after they were sent": 1500 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Latency: time.Second}, Config{})
				b.hold(t, time.Second)
				time.AfterFunc(after, b.client.Close)
				var wg sync.WaitGroup
				ok := 0
				var mu sync.Mutex
				for range 10 {
					wg.Go(func() {
						r := b.client.Customers().Create(t.Context(), creates(1))[0]
						mu.Lock()
						defer mu.Unlock()
						if r.Err == nil {
							ok++
						}
					})
				}
				wg.Wait()
				if got := b.CountCustomers(); got != ok {
					t.Errorf("%d customers and %d who know of them", got, ok)
				}
			})
		})
	}
}
