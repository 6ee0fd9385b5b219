package limit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
)

func TestLimiter_spacesSlotsExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 5, InFlight: 100})
		got := newLog()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := send(t.Context(), l, Request{Class: Interactive}); err != nil {
					t.Error(err)
				}
				got.add("")
			})
		}
		wg.Wait()
		for i, at := range got.sorted() {
			if want := time.Duration(i) * 200 * time.Millisecond; at != want {
				t.Errorf("slot %d came after %v, want %v", i, at, want)
			}
		}
	})
}

func TestLimiter_startsAfterTheFirstSlotOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, NewMemory(time.Second), Config{})
		start := time.Now()
		if err := send(t.Context(), l, Request{Class: Interactive}); err != nil || time.Since(start) != time.Second {
			t.Errorf("the first request: %v after %v, want 1s", err, time.Since(start))
		}
	})
}

func TestLimiter_doesNotSaveUnusedSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 5})
		if err := send(t.Context(), l, Request{Class: Interactive}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		start := time.Now()
		for range 2 {
			if err := send(t.Context(), l, Request{Class: Interactive}); err != nil {
				t.Fatal(err)
			}
		}
		if got := time.Since(start); got != 200*time.Millisecond {
			t.Errorf("two slots after a long rest took %v, want 200ms: burst is 1", got)
		}
	})
}

// queue lets callers wait one after the other and returns in which order they
// were served, and how to wait for them all.
func queue(t *testing.T, l *Limiter, got *log) (enqueue func(name string, class Class), wait func()) {
	t.Helper()
	var wg sync.WaitGroup
	return func(name string, class Class) {
		wg.Go(func() {
			if err := send(t.Context(), l, Request{Class: class}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			got.add(name)
		})
		synctest.Wait()
	}, wg.Wait
}

func TestLimiter_servesUrgentClassesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 1})
		got := newLog()
		enqueue, wait := queue(t, l, got)
		enqueue("first", Sync)
		enqueue("export", Export)
		enqueue("sync 1", Sync)
		enqueue("sync 2", Sync)
		enqueue("interactive", Interactive)
		enqueue("login", Login)
		wait()
		if want := []string{"first", "login", "interactive", "sync 1", "sync 2", "export"}; !slices.Equal(got.names, want) {
			t.Errorf("order %q, want %q", got.names, want)
		}
		want := []time.Duration{0, 1, 2, 3, 4, 5}
		for i, at := range got.times {
			if at != want[i]*time.Second {
				t.Errorf("served at %v, want one a second", got.times)
				break
			}
		}
	})
}

func TestLimiter_urgentClassesDoNotStarveTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 2})
		got := newLog()
		enqueue, wait := queue(t, l, got)
		enqueue("first", Interactive)
		for range 2 {
			enqueue("sync", Sync)
		}
		for range 3 * maxPassed {
			enqueue("interactive", Interactive)
		}
		wait()
		var turns []int
		for i, name := range got.names {
			if name == "sync" {
				turns = append(turns, i)
			}
		}
		if want := []int{maxPassed + 1, 2*maxPassed + 2}; !slices.Equal(turns, want) {
			t.Errorf("lists had slots %v, want %v: one behind %d others", turns, want, maxPassed)
		}
	})
}

func TestLimiter_refusesWhatCannotMeetItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 1})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { _ = send(t.Context(), l, Request{Class: Interactive}) })
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		_, err := l.Wait(ctx, Request{Class: Interactive})
		var e *driver.Error
		if !errors.As(err, &e) || e.Kind != driver.KindQueueFull || e.RetryAfter != 3*time.Second {
			t.Errorf("wait = %v, want KindQueueFull with RetryAfter 3s", err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the refusal came after %v, want at once", waited)
		}
		wg.Wait()
	})
}

func TestLimiter_refusesBeyondTheHorizonExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 5, InFlight: 1000})
		var mu sync.Mutex
		served, refused := 0, 0
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				err := send(t.Context(), l, Request{Class: Interactive})
				mu.Lock()
				defer mu.Unlock()
				var e *driver.Error
				switch {
				case err == nil:
					served++
				case errors.As(err, &e) && e.Kind == driver.KindQueueFull && e.RetryAfter == 12*time.Second+200*time.Millisecond:
					refused++
				default:
					t.Errorf("got %v, want KindQueueFull with RetryAfter 12.2s", err)
				}
			})
		}
		wg.Wait()
		// A slot now, and 60 within 12 seconds.
		if served != 61 || refused != 139 {
			t.Errorf("%d served and %d refused, want 61 and 139", served, refused)
		}
	})
}

// The wait that is told is the one that there is.
func TestLimiter_tellsTheRealWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{})
		var wg sync.WaitGroup
		defer wg.Wait()
		for range 30 {
			wg.Go(func() { _ = send(t.Context(), l, Request{Class: Interactive}) })
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := l.Wait(ctx, Request{Class: Interactive})
		var e *driver.Error
		if !errors.As(err, &e) {
			t.Fatalf("got %v, want a refusal", err)
		}
		start := time.Now()
		if err := send(t.Context(), l, Request{Class: Interactive}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); (took - e.RetryAfter).Abs() > took/5 {
			t.Errorf("told to wait %v where the wait was %v", e.RetryAfter, took)
		}
	})
}

func TestLimiter_passesTheSlotOfACallerThatLeavesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 1})
		got := newLog()
		enqueue, wait := queue(t, l, got)
		enqueue("first", Interactive)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			var e *driver.Error
			if _, err := l.Wait(ctx, Request{Class: Interactive}); !errors.As(err, &e) || e.Kind != driver.KindCancelled {
				t.Errorf("the cancelled waiter got %v", err)
			}
		})
		synctest.Wait()
		enqueue("behind", Interactive)
		cancel()
		wg.Wait()
		wait()
		if got.times[1] != time.Second {
			t.Errorf("the waiter behind got its slot after %v, want 1s", got.times[1])
		}
	})
}

func TestLimiter_givesTheSlotOfACallerThatLeavesBackToTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := open()
		l, other := rig(t, store, Config{Rate: 1}), rig(t, store, Config{Rate: 1})
		if err := send(t.Context(), l, Request{Class: Interactive}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = l.Wait(ctx, Request{Class: Interactive}) })
		synctest.Wait()
		cancel()
		wg.Wait()
		synctest.Wait()
		start := time.Now()
		if err := send(t.Context(), other, Request{Class: Interactive}); err != nil || time.Since(start) != time.Second {
			t.Errorf("another replica: %v after %v, want the slot after 1s", err, time.Since(start))
		}
	})
}

func TestLimiter_passesTheSlotOfATicketThatIsNotUsedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 1})
		got := newLog()
		enqueue, wait := queue(t, l, got)
		enqueue("first", Interactive)
		ticket, err := l.Wait(t.Context(), Request{Class: Interactive, Lead: time.Second})
		if err != nil || time.Since(got.since) != 0 {
			t.Fatalf("the ticket came with %v after %v, want it a second before its slot", err, time.Since(got.since))
		}
		enqueue("behind", Interactive)
		time.Sleep(500 * time.Millisecond)
		ticket.Done()
		wait()
		if got.times[1] != time.Second {
			t.Errorf("the waiter behind got its slot after %v, want 1s", got.times[1])
		}
	})
}

func TestTicket_isWorthNothingWhenItIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for late, want := range map[time.Duration]bool{0: true, 15 * time.Millisecond: true, 16 * time.Millisecond: false} {
			l := rig(t, open(), Config{Rate: 1})
			ticket, err := l.Wait(t.Context(), Request{Class: Interactive, Lead: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(late)
			if ready, err := ticket.Ready(t.Context()); ready != want || err != nil {
				t.Errorf("%v late: ready %v, %v, want %v", late, ready, err, want)
			}
			ticket.Done()
			ticket.Done() // once is enough
			if s, err := l.Status(t.Context()); err != nil || s.InFlight != 0 {
				t.Errorf("%d tickets in use (%v)", s.InFlight, err)
			}
		}
	})
}

func TestTicket_comesEarlyForAConnectionAndIsReadyInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 0.5})
		if err := send(t.Context(), l, Request{Class: Interactive}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		ticket, err := l.Wait(t.Context(), Request{Class: Interactive, Lead: time.Second})
		if err != nil || time.Since(start) != time.Second {
			t.Fatalf("the ticket came with %v after %v, want 1s before its slot", err, time.Since(start))
		}
		defer ticket.Done()
		time.Sleep(300 * time.Millisecond)
		if ready, err := ticket.Ready(t.Context()); !ready || err != nil || time.Since(start) != 2*time.Second {
			t.Errorf("ready %v, %v after %v, want the slot after 2s", ready, err, time.Since(start))
		}
		if waited := l.lastWait[Interactive]; waited != 2*time.Second {
			t.Errorf("waited %v, want 2s", waited)
		}
	})
}

func TestLimiter_boundsTheTicketsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 5, InFlight: 2})
		got := newLog()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				ticket, err := l.Wait(t.Context(), Request{Class: Interactive})
				if err != nil {
					t.Error(err)
					return
				}
				defer ticket.Done()
				if ready, err := ticket.Ready(t.Context()); !ready || err != nil {
					t.Error(ready, err)
				}
				got.add("")
				time.Sleep(time.Minute)
			})
		}
		wg.Wait()
		want := []time.Duration{0, 200 * time.Millisecond, time.Minute, time.Minute + 200*time.Millisecond}
		if !slices.Equal(got.times, want) {
			t.Errorf("slots at %v, want %v: two in use at a time, and none saved up", got.times, want)
		}
	})
}

func TestLimiter_listsAndExportsReserveOnlySoFarAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := open()
		for name, test := range map[string]struct {
			class Class
			want  time.Duration // of another replica's slot behind many of this class
		}{
			"sync":   {Sync, 3 * time.Second},
			"export": {Export, 2 * time.Second},
		} {
			l, other := rig(t, store, Config{Account: name, Rate: 1}), rig(t, store, Config{Account: name, Rate: 1})
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for range 9 {
				wg.Go(func() { _ = send(ctx, l, Request{Class: test.class}) })
			}
			synctest.Wait()
			start := time.Now()
			if err := send(t.Context(), other, Request{Class: Interactive}); err != nil || time.Since(start) != test.want {
				t.Errorf("%s: %v after %v, want %v", name, err, time.Since(start), test.want)
			}
			cancel()
			wg.Wait()
		}
	})
}

func TestLimiter_whoHasWaitedForLongReservesLikeInteractiveOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := open()
		busy, l := rig(t, store, Config{Rate: 1}), rig(t, store, Config{Rate: 1})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 20 { // the other replica has more than it can send
			wg.Go(func() {
				for send(ctx, busy, Request{Class: Interactive}) == nil || ctx.Err() == nil {
					time.Sleep(time.Millisecond)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		if err := send(t.Context(), l, Request{Class: Export}); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < 10*time.Second || took > 23*time.Second {
			t.Errorf("the export got its slot after %v, want soon after 10s and the horizon of 12s", took)
		}
		cancel()
		wg.Wait()
	})
}

func TestLimiter_isFairToEqualCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := open()
		replicas := []*Limiter{rig(t, store, Config{}), rig(t, store, Config{})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var counts [10]float64
		var wg sync.WaitGroup
		for i := range counts {
			wg.Go(func() {
				for sendFor(ctx, replicas[i%2], Request{Class: Interactive}, 100*time.Millisecond, Answered) == nil {
					counts[i]++
				}
			})
		}
		wg.Wait()
		var sum, squares float64
		for _, n := range counts {
			sum += n
			squares += n * n
		}
		if jain := sum * sum / (float64(len(counts)) * squares); jain < 0.95 {
			t.Errorf("Jain index %.3f of %v, want at least 0.95", jain, counts)
		}
		if sum < 0.95*6*60 {
			t.Errorf("%v requests in a minute, want at least 95 %% of 360", sum)
		}
	})
}

func TestLimiter_interactiveCallsPassExportsOfAllReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := open()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var replicas []*Limiter
		for range 3 {
			l := rig(t, store, Config{})
			replicas = append(replicas, l)
			for range 6 { // pages ahead
				wg.Go(func() {
					for sendFor(ctx, l, Request{Class: Export}, 200*time.Millisecond, Answered) == nil {
					}
				})
			}
		}
		time.Sleep(5 * time.Second)
		var waits []time.Duration
		for i := range 200 {
			start := time.Now()
			if err := send(ctx, replicas[i%3], Request{Class: Interactive}); err != nil {
				t.Fatal(err)
			}
			waits = append(waits, time.Since(start))
			time.Sleep(time.Duration(300+i) * time.Millisecond)
		}
		cancel()
		wg.Wait()
		slices.Sort(waits)
		if p99 := waits[len(waits)*99/100]; p99 > 600*time.Millisecond {
			t.Errorf("p99 of interactive calls is %v, want at most 600ms", p99)
		}
	})
}

// Whatever arrives how late on its way: no second holds more than 7, a restart
// into the middle of one included, and little of the rate is lost.
func TestLimiter_noSecondHoldsMoreThanUpstreamAllows(t *testing.T) {
	for _, replicas := range []int{1, 4, 16} {
		synctest.Test(t, func(t *testing.T) {
			store := NewMemory(time.Second)
			var limiters []*Limiter
			for range replicas {
				limiters = append(limiters, rig(t, store, Config{}))
			}
			arrived := newLog()
			run := func(l *Limiter, until time.Duration) func() {
				return func() {
					ctx, cancel := context.WithTimeout(t.Context(), until-time.Since(arrived.since))
					defer cancel()
					var way sync.WaitGroup
					for send(ctx, l, Request{Class: Sync}) == nil {
						way.Go(func() {
							time.Sleep(jitter(150 * time.Millisecond))
							arrived.add("")
						})
					}
					way.Wait()
				}
			}
			var wg sync.WaitGroup
			for _, l := range limiters {
				for range 2 {
					wg.Go(run(l, 30*time.Second+300*time.Millisecond))
				}
			}
			wg.Wait()
			// The process starts anew and knows nothing.
			l := rig(t, NewMemory(time.Second), Config{})
			for range 2 {
				wg.Go(run(l, 61*time.Second))
			}
			wg.Wait()
			times := arrived.sorted()
			if most := fullest(times); most > 7 {
				t.Errorf("%d replicas: a second with %d requests", replicas, most)
			}
			if want := 95 * 6 * 59 / 100; len(times) < want {
				t.Errorf("%d replicas: %d requests in a minute, want at least %d", replicas, len(times), want)
			}
		})
	}
}
