package limit

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/settings"
)

// kindOf returns the kind of an error and its RetryAfter.
func kindOf(err error) (driver.Kind, time.Duration) {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return driver.KindBug, 0
	}
	return e.Kind, e.RetryAfter
}

// answer sends a request that is answered so, and returns the outcome.
func answer(t *testing.T, l *Limiter, r Request, o Outcome, hold time.Duration) (Outcome, time.Duration) {
	t.Helper()
	ticket, err := l.Wait(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer ticket.Done()
	if ready, err := ticket.Ready(t.Context()); !ready || err != nil {
		t.Fatal(ready, err)
	}
	return ticket.Observe(t.Context(), o, hold)
}

func TestLimited_nothingLeavesBeforeTheWaitIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := open()
		l, other := rig(t, store, Config{}), rig(t, store, Config{})
		// The other replica has slots of the time before, and a ticket.
		early, err := other.Wait(t.Context(), Request{Class: Interactive, Lead: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		early.Done()
		got := newLog()
		var wg sync.WaitGroup
		answered := make(chan struct{})
		wg.Go(func() {
			_, pause := answer(t, l, Request{Class: Interactive}, Limited, 7*time.Second)
			if pause != 7*time.Second {
				t.Errorf("a pause of %v, want 7s", pause)
			}
			close(answered)
		})
		for i := range 12 {
			of := l
			if i%2 == 0 {
				of = other
			}
			wg.Go(func() {
				<-answered
				if err := send(t.Context(), of, Request{Class: Interactive, Lead: time.Second}); err != nil {
					t.Error(err)
				}
				got.add("")
			})
		}
		wg.Wait()
		times := got.sorted()
		if times[0] < 7*time.Second || times[0] > 7200*time.Millisecond {
			t.Errorf("the first left after %v, want 7s", times[0])
		}
		for i := 1; i < len(times); i++ {
			if apart := times[i] - times[i-1]; apart != time.Second/3 {
				t.Errorf("%v apart, want at half the rate", apart)
			}
		}
	})
}

// Slots that were reserved before a 429 are in other replicas' hands when it
// comes.
func TestLimited_reachesSlotsThatOtherReplicasHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := open()
		l, other := rig(t, store, Config{}), rig(t, store, Config{})
		ticket, err := l.Wait(t.Context(), Request{Class: Interactive})
		if err != nil {
			t.Fatal(err)
		}
		defer ticket.Done()
		if ready, _ := ticket.Ready(t.Context()); !ready {
			t.Fatal("not ready")
		}
		got := newLog()
		refused := 0
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() {
				// Half of the slots are gone, and who cannot be served is told.
				if send(t.Context(), other, Request{Class: Interactive, Lead: time.Second}) == nil {
					got.add("")
					return
				}
				mu.Lock()
				defer mu.Unlock()
				refused++
			})
		}
		synctest.Wait()
		time.Sleep(time.Second + 100*time.Millisecond) // between two slots
		ticket.Observe(t.Context(), Limited, 3*time.Second)
		limited := time.Since(got.since)
		wg.Wait()
		times, before := got.sorted(), 0
		for _, at := range times {
			if at > limited && at < limited+3*time.Second {
				t.Errorf("a request left %v after the 429, want 3s", at-limited)
			}
			if at <= limited {
				before++
			}
		}
		if before != 6 || len(times) < 30 || len(times)+refused != 60 {
			t.Errorf("%d left before the 429, %d in all, %d were refused; want 6 and at least 30", before, len(times), refused)
		}
		if most := fullest(times[before:]); most > 4 {
			t.Errorf("a second with %d requests after the 429, want half of the rate", most)
		}
	})
}

func TestLimited_ticketsThatWereGivenAreWorthNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := open()
		l, other := rig(t, store, Config{}), rig(t, store, Config{})
		ticket, err := l.Wait(t.Context(), Request{Class: Interactive, Lead: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if ready, _ := ticket.Ready(t.Context()); !ready {
			t.Fatal("not ready")
		}
		var tickets []*Ticket
		for _, of := range []*Limiter{l, other} {
			later, err := of.Wait(t.Context(), Request{Class: Interactive, Lead: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			tickets = append(tickets, later)
		}
		ticket.Observe(t.Context(), Limited, time.Second)
		ticket.Done()
		for i, later := range tickets {
			if ready, err := later.Ready(t.Context()); ready || err != nil {
				t.Errorf("ticket %d: ready %v, %v; want not", i, ready, err)
			}
			later.Done()
		}
	})
}

func TestLimited_refusesAtOnceWhoCannotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{})
		answer(t, l, Request{Class: Interactive}, Limited, 20*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := l.Wait(ctx, Request{Class: Interactive})
		if kind, after := kindOf(err); kind != driver.KindRateLimited || after != 20*time.Second || time.Since(start) != 0 {
			t.Errorf("%v with RetryAfter %v after %v, want KindRateLimited with 20s at once", err, after, time.Since(start))
		}
	})
}

// Those who wait when the 429 comes are told at once, too.
func TestLimited_refusesWaitersWhoCannotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 1})
		ticket, err := l.Wait(t.Context(), Request{Class: Interactive})
		if err != nil {
			t.Fatal(err)
		}
		if ready, _ := ticket.Ready(t.Context()); !ready {
			t.Fatal("not ready")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			start := time.Now()
			_, err := l.Wait(ctx, Request{Class: Interactive})
			if kind, _ := kindOf(err); kind != driver.KindRateLimited || time.Since(start) != 100*time.Millisecond {
				t.Errorf("%v after %v, want KindRateLimited as soon as it is known", err, time.Since(start))
			}
		})
		time.Sleep(100 * time.Millisecond)
		ticket.Observe(t.Context(), Limited, time.Minute)
		ticket.Done()
		wg.Wait()
	})
}

func TestLimited_growsWithoutARetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{})
		for n := range 8 {
			_, pause := answer(t, l, Request{Class: Login}, Limited, 0)
			whole := min(2*time.Second<<n, 30*time.Second)
			if pause < whole/2 || pause > whole {
				t.Errorf("pause %d is %v, want between a half and the whole of %v", n+1, pause, whole)
			}
		}
		answer(t, l, Request{Class: Login}, Answered, 0)
		if _, pause := answer(t, l, Request{Class: Login}, Limited, 0); pause > 2*time.Second {
			t.Errorf("the pause after a success is %v, want a first one", pause)
		}
	})
}

func TestLimited_isBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{})
		if _, pause := answer(t, l, Request{Class: Interactive}, Limited, 24*time.Hour); pause != 15*time.Minute {
			t.Errorf("a wrong Retry-After silences the account for %v, want 15m", pause)
		}
	})
}

func TestLimited_answersOfOneBurstAreOneEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{})
		var tickets []*Ticket
		for range 4 {
			ticket, err := l.Wait(t.Context(), Request{Class: Interactive})
			if err != nil {
				t.Fatal(err)
			}
			if ready, _ := ticket.Ready(t.Context()); !ready {
				t.Fatal("not ready")
			}
			tickets = append(tickets, ticket)
		}
		for i, ticket := range tickets {
			ticket.Observe(t.Context(), Limited, time.Duration(i)*time.Second)
			ticket.Done()
		}
		s, err := l.Status(t.Context())
		if err != nil || s.Rate != 3 || s.Hold != 3*time.Second {
			t.Errorf("rate %v, hold %v (%v); want one cut to 3 and the longest wait, 3s", s.Rate, s.Hold, err)
		}
	})
}

func TestState_rateRecoversStepByStep(t *testing.T) {
	c, now := settings.Default(), time.Unix(1e9, 0)
	var s state
	if got := s.rate(now, 6, c); got != 6 {
		t.Errorf("rate %v before any 429, want 6", got)
	}
	s.limit(now, now, time.Second, 6, c)
	end := now.Add(time.Second)
	for _, test := range []struct {
		after time.Duration
		want  float64
	}{
		{0, 3},
		{time.Minute, 3},
		{2*time.Minute - 1, 3},
		{2 * time.Minute, 3.5},
		{3 * time.Minute, 4},
		{6 * time.Minute, 5.5},
		{7 * time.Minute, 6},
		{time.Hour, 6},
	} {
		if got := s.rate(end.Add(test.after), 6, c); got != test.want {
			t.Errorf("%v after the wait the rate is %v, want %v", test.after, got, test.want)
		}
	}
	for range 10 {
		now = now.Add(time.Minute)
		s.limit(now, now, time.Second, 6, c)
	}
	if got := s.rate(now, 6, c); got != c.MinRate {
		t.Errorf("rate %v after many 429s, want %v", got, c.MinRate)
	}
	if got := s.rate(now, 0.2, c); got != 0.2 {
		t.Errorf("rate %v where less is configured, want 0.2", got)
	}
}

func TestBan_letsOneRequestTryNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := open()
		replicas := []*Limiter{rig(t, store, Config{}), rig(t, store, Config{})}
		o, probe := answer(t, replicas[0], Request{Class: Interactive}, Banned, 0)
		if o != Banned || probe != 15*time.Minute {
			t.Errorf("outcome %v, probe in %v, want 15m", o, probe)
		}
		sent := newLog()
		var wg sync.WaitGroup
		hour := time.Now().Add(time.Hour - 11*time.Second)
		for i := range 6 {
			wg.Go(func() {
				for time.Now().Before(hour) {
					err := sendFor(t.Context(), replicas[i%2], Request{Class: Interactive, Write: i > 3}, 0, Banned)
					if kind, after := kindOf(err); err == nil {
						sent.add("")
					} else if kind != driver.KindBlocked || after > 15*time.Minute {
						t.Errorf("got %v, RetryAfter %v; want KindBlocked until the probe", err, after)
					}
					time.Sleep(10 * time.Second)
				}
			})
		}
		wg.Wait()
		if len(sent.times) != 3 {
			t.Errorf("%d requests in an hour of a ban, want 3: one in 15 minutes", len(sent.times))
		}
		// A restart finds the ban in the store.
		restarted := rig(t, store, Config{})
		if _, err := restarted.Wait(t.Context(), Request{Class: Interactive}); err == nil {
			t.Error("after a restart a request left")
		}
		time.Sleep(15 * time.Minute)
		for i, l := range []*Limiter{restarted, restarted, replicas[0], replicas[1]} {
			if err := send(t.Context(), l, Request{Class: Interactive}); err != nil {
				t.Errorf("request %d after the ban: %v", i, err)
			}
			time.Sleep(time.Second) // the other replicas look now and then
		}
	})
}

func TestBan_aProbeThatIsNotSentIsLeftToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{})
		answer(t, l, Request{Class: Interactive}, Banned, 0)
		time.Sleep(15 * time.Minute)
		ticket, err := l.Wait(t.Context(), Request{Class: Interactive})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Wait(t.Context(), Request{Class: Interactive}); err == nil {
			t.Error("two requests try at a time")
		}
		ticket.Done()
		if err := send(t.Context(), l, Request{Class: Interactive}); err != nil {
			t.Errorf("the next one: %v, want it to try", err)
		}
		if err := send(t.Context(), l, Request{Class: Interactive}); err != nil {
			t.Errorf("after the success: %v", err)
		}
	})
}

func TestBan_tellsThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 1})
		ticket, err := l.Wait(t.Context(), Request{Class: Interactive})
		if err != nil {
			t.Fatal(err)
		}
		if ready, _ := ticket.Ready(t.Context()); !ready {
			t.Fatal("not ready")
		}
		var wg sync.WaitGroup
		for _, class := range []Class{Login, Interactive, Sync, Export} {
			wg.Go(func() {
				_, err := l.Wait(t.Context(), Request{Class: class})
				if kind, after := kindOf(err); kind != driver.KindBlocked || after != 15*time.Minute {
					t.Errorf("class %v: %v with RetryAfter %v, want KindBlocked with 15m", class, err, after)
				}
			})
		}
		synctest.Wait()
		ticket.Observe(t.Context(), Banned, 0)
		ticket.Done()
		wg.Wait()
	})
}

func TestBan_isA403RightAfter429s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{})
		if o, _ := answer(t, l, Request{Class: Interactive}, Forbidden, 0); o != Answered {
			t.Errorf("a 403 in JSON is %v, want Answered", o)
		}
		answer(t, l, Request{Class: Interactive}, Limited, time.Second)
		if o, probe := answer(t, l, Request{Class: Interactive}, Forbidden, 0); o != Banned || probe != 15*time.Minute {
			t.Errorf("a 403 right after a 429 is %v with a probe in %v, want Banned", o, probe)
		}
	})
}

func TestBan_ofTwoAccountsIsOneOfTheAddress(t *testing.T) {
	for apart, want := range map[time.Duration]driver.Kind{59 * time.Second: driver.KindEgressBlocked, 61 * time.Second: driver.KindBug} {
		synctest.Test(t, func(t *testing.T) {
			store := open()
			a, b, c := rig(t, store, Config{Account: "a"}), rig(t, store, Config{Account: "b"}), rig(t, store, Config{Account: "c"})
			if err := send(t.Context(), c, Request{Class: Interactive}); err != nil {
				t.Fatal(err)
			}
			answer(t, a, Request{Class: Interactive}, Banned, 0)
			time.Sleep(apart)
			answer(t, b, Request{Class: Interactive}, Banned, 0)
			if kind, _ := kindOf(send(t.Context(), c, Request{Class: Interactive})); kind != want {
				t.Errorf("%v apart: a third account gets kind %v, want %v", apart, kind, want)
			}
			if want == driver.KindBug {
				return
			}
			time.Sleep(15 * time.Minute)
			// One request of all accounts tries, and when it is let in all are.
			if err := send(t.Context(), c, Request{Class: Interactive}); err != nil {
				t.Errorf("the probe: %v", err)
			}
			for _, l := range []*Limiter{a, b, c} {
				if err := send(t.Context(), l, Request{Class: Interactive}); err != nil {
					t.Errorf("after the probe: %v", err)
				}
			}
		})
	}
}

func TestUnpaid_closesWhatIsNotPaid(t *testing.T) {
	for _, write := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := rig(t, open(), Config{})
			if o, probe := answer(t, l, Request{Class: Interactive, Write: write}, Unpaid, 0); o != Unpaid || probe != time.Hour {
				t.Errorf("outcome %v, probe in %v, want 1h", o, probe)
			}
			kind, after := kindOf(send(t.Context(), l, Request{Class: Interactive, Write: write}))
			if kind != driver.KindPaymentRequired || after > time.Hour {
				t.Errorf("write %v: kind %v, RetryAfter %v, want KindPaymentRequired", write, kind, after)
			}
			for _, r := range []Request{{Class: Interactive, Write: !write}, {Class: Login, Write: true}} {
				if err := send(t.Context(), l, r); err != nil {
					t.Errorf("write %v closed: %+v got %v", write, r, err)
				}
			}
			time.Sleep(time.Hour)
			for range 2 {
				if err := send(t.Context(), l, Request{Class: Interactive, Write: write}); err != nil {
					t.Errorf("write %v after the probe: %v", write, err)
				}
			}
		})
	}
}

func TestStatus_tellsWhatKeepsRequestsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rig(t, open(), Config{Rate: 4})
		answer(t, l, Request{Class: Interactive}, Limited, 10*time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { _ = send(ctx, l, Request{Class: Export}) })
		}
		synctest.Wait()
		s, err := l.Status(t.Context())
		if err != nil || s.Configured != 4 || s.Rate != 2 || s.Hold != 10*time.Second || s.Queue[Export] != 3 || !s.Shared || len(s.Breakers) != 0 {
			t.Errorf("status %+v, %v", s, err)
		}
		cancel()
		wg.Wait()
		time.Sleep(10 * time.Second)
		answer(t, l, Request{Class: Interactive, Write: true}, Unpaid, 0)
		answer(t, l, Request{Class: Interactive}, Banned, 0)
		time.Sleep(time.Minute)
		if s, err = l.Status(t.Context()); err != nil || len(s.Breakers) != 2 {
			t.Fatalf("status %+v, %v", s, err)
		}
		if b := s.Breakers[0]; b.Name != "ban" || b.ProbeIn != 14*time.Minute {
			t.Errorf("breaker %+v, want the ban with its probe in 14m", b)
		}
		if b := s.Breakers[1]; b.Name != "unpaid_writes" {
			t.Errorf("breaker %+v, want the one of writes", b)
		}
	})
}
