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
