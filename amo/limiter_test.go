package amo

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// grants collects when and in which order waiters got their slots.
type grants struct {
	mu    sync.Mutex
	names []string
	times []time.Duration
}

func (g *grants) add(name string, since time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names = append(g.names, name)
	g.times = append(g.times, time.Since(since))
}

func TestLimiter_spacesSlotsExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(5)
		start := time.Now()
		var got grants
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := l.wait(t.Context(), classInteractive); err != nil {
					t.Error(err)
				}
				got.add("", start)
			})
		}
		wg.Wait()
		slices.Sort(got.times)
		for i, at := range got.times {
			if want := time.Duration(i) * 200 * time.Millisecond; at != want {
				t.Errorf("slot %d came after %v, want %v", i, at, want)
			}
		}
	})
}

func TestLimiter_doesNotSaveUnusedSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(5)
		if err := l.wait(t.Context(), classInteractive); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		start := time.Now()
		for range 2 {
			if err := l.wait(t.Context(), classInteractive); err != nil {
				t.Fatal(err)
			}
		}
		if got := time.Since(start); got != 200*time.Millisecond {
			t.Errorf("two slots after a long rest took %v, want 200ms: burst is 1", got)
		}
	})
}

func TestLimiter_servesUrgentClassesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1)
		start := time.Now()
		if err := l.wait(t.Context(), classSync); err != nil {
			t.Fatal(err)
		}
		var got grants
		var wg sync.WaitGroup
		enqueue := func(name string, class class) {
			wg.Go(func() {
				if err := l.wait(t.Context(), class); err != nil {
					t.Error(err)
				}
				got.add(name, start)
			})
			synctest.Wait()
		}
		enqueue("sync 1", classSync)
		enqueue("sync 2", classSync)
		enqueue("interactive", classInteractive)
		enqueue("login", classLogin)
		wg.Wait()
		if want := []string{"login", "interactive", "sync 1", "sync 2"}; !slices.Equal(got.names, want) {
			t.Errorf("order %q, want %q", got.names, want)
		}
	})
}

func TestLimiter_refusesWhatCannotMeetItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { _ = l.wait(t.Context(), classInteractive) })
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		err := l.wait(ctx, classInteractive)
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindQueueFull || e.RetryAfter != 3*time.Second {
			t.Errorf("wait = %v, want KindQueueFull with RetryAfter 3s", err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the refusal came after %v, want at once", waited)
		}
		wg.Wait()
	})
}

func TestLimiter_passesSlotsOfCancelledWaitersOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1)
		start := time.Now()
		if err := l.wait(t.Context(), classInteractive); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var got grants
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := l.wait(ctx, classInteractive); !IsKind(err, KindCancelled) {
				t.Errorf("the cancelled waiter got %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if err := l.wait(t.Context(), classInteractive); err != nil {
				t.Error(err)
			}
			got.add("", start)
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		if got.times[0] != time.Second {
			t.Errorf("the waiter behind got its slot after %v, want 1s", got.times[0])
		}
	})
}

func TestLimiter_holdsEverythingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(5)
		start := time.Now()
		var got grants
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if err := l.wait(t.Context(), classInteractive); err != nil {
					t.Error(err)
				}
				got.add("", start)
			})
		}
		synctest.Wait() // one has its slot, two wait
		l.hold(start.Add(7 * time.Second))
		wg.Wait()
		slices.Sort(got.times)
		want := []time.Duration{0, 7 * time.Second, 7*time.Second + 200*time.Millisecond}
		if !slices.Equal(got.times, want) {
			t.Errorf("slots at %v, want %v", got.times, want)
		}
	})
}
