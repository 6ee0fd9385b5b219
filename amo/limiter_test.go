package amo

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
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
		l := newLimiter(5, 100)
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
		l := newLimiter(5, 100)
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
		l := newLimiter(1, 100)
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
		l := newLimiter(1, 100)
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
		l := newLimiter(1, 100)
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
		l := newLimiter(5, 100)
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

func TestLimiter_boundsTheSlotsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(5, 2)
		start := time.Now()
		var got grants
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := l.wait(t.Context(), classInteractive); err != nil {
					t.Error(err)
				}
				got.add("", start)
				time.Sleep(time.Minute)
				l.release()
			})
		}
		wg.Wait()
		want := []time.Duration{0, 200 * time.Millisecond, time.Minute, time.Minute + 200*time.Millisecond}
		if !slices.Equal(got.times, want) {
			t.Errorf("slots at %v, want %v: two in use at a time, and none saved up", got.times, want)
		}
	})
}

func TestLimiter_urgentClassesDoNotStarveTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1, 100)
		start := time.Now()
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
		enqueue("first", classInteractive)
		for range 2 {
			enqueue("sync", classSync)
		}
		for range 3 * maxPassed {
			enqueue("interactive", classInteractive)
		}
		wg.Wait()
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

// leaver is the context of a caller that leaves in the moment of its slot: the
// slot is seen first.
type leaver struct {
	context.Context //nolint:containedctx // it is a context
	left            atomic.Bool
}

func (l *leaver) Err() error {
	if l.left.Load() {
		return context.Canceled
	}
	return l.Context.Err()
}

func TestLimiter_passesTheSlotOfACallerThatLeavesJustThenOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1, 2)
		start := time.Now()
		_ = l.wait(t.Context(), classInteractive)
		ctx := &leaver{Context: t.Context()}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := l.wait(ctx, classInteractive); !IsKind(err, KindCancelled) {
				t.Errorf("wait = %v, want KindCancelled", err)
			}
		})
		synctest.Wait()
		ctx.left.Store(true)
		wg.Wait()
		if err := l.wait(t.Context(), classInteractive); err != nil || time.Since(start) != time.Second {
			t.Errorf("the next caller: %v after %v, want the same slot after 1s", err, time.Since(start))
		}
	})
}

func TestLimiter_timerThatFiresLateGrantsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, meanwhile := range map[string]func(l *limiter){
			"all in use": func(l *limiter) { l.inUse = 1 },
			"held":       func(l *limiter) { l.due = time.Now().Add(time.Minute) },
			"nobody":     func(l *limiter) { l.queue[classSync] = nil },
		} {
			l := newLimiter(1, 1)
			w := &waiter{granted: make(chan struct{})}
			l.queue[classSync] = []*waiter{w}
			meanwhile(l)
			l.grant()
			select {
			case <-w.granted:
				t.Errorf("%s: a slot was granted", name)
			default:
			}
			if l.timer != nil {
				l.timer.Stop()
			}
		}
	})
}

// A slot that comes back must not undo what happened since it was granted.
func TestLimiter_slotThatComesBack(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(l *limiter)
		want      time.Duration // from the grant to the next slot
	}{
		"soon":          {func(*limiter) { time.Sleep(100 * time.Millisecond) }, 100 * time.Millisecond},
		"after a hold":  {func(l *limiter) { l.hold(time.Now().Add(time.Minute)) }, time.Minute},
		"after another": {func(l *limiter) { _ = l.wait(context.Background(), classSync) }, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLimiter(1, 2)
				w := &waiter{granted: make(chan struct{})}
				l.queue[classInteractive] = append(l.queue[classInteractive], w)
				granted := time.Now()
				l.grant()
				test.meanwhile(l)
				l.leave(w, classInteractive)
				if err := l.wait(t.Context(), classInteractive); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(granted); got != test.want {
					t.Errorf("the next slot came after %v, want %v", got, test.want)
				}
			})
		})
	}
}

// Whatever callers come, leave and hold, slots keep their distance, no hold is
// broken, the bound of slots in use is kept and no slot is lost.
func TestLimiter_storm(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const interval = 250 * time.Millisecond
		capacity := rapid.IntRange(1, 4).Draw(rt, "capacity")
		// On a grid of half an interval what callers do falls on the moments of slots.
		step := rapid.Map(rapid.IntRange(0, 40), func(n int) time.Duration { return time.Duration(n) * interval / 2 })
		type caller struct {
			Arrives, Leaves, Uses, Holds time.Duration
			Class                        class
		}
		callers := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) caller {
			return caller{
				Arrives: step.Draw(rt, "arrives"), Leaves: step.Draw(rt, "leaves"), Uses: step.Draw(rt, "uses") / 4,
				Holds: step.Draw(rt, "holds") / 8, Class: class(rapid.IntRange(0, int(classCount)-1).Draw(rt, "class")),
			}
		}), 1, 40).Draw(rt, "callers")

		synctest.Test(t, func(t *testing.T) {
			l := newLimiter(4, capacity)
			var mu sync.Mutex
			var last, held, since time.Time
			inUse := 0
			var wg sync.WaitGroup
			for i, c := range callers {
				wg.Go(func() {
					time.Sleep(c.Arrives)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if i%2 == 0 {
						time.AfterFunc(c.Leaves, cancel)
					}
					if l.wait(ctx, c.Class) != nil {
						return
					}
					mu.Lock()
					now := time.Now()
					if !last.IsZero() && now.Sub(last) < interval {
						t.Errorf("two slots within %v", now.Sub(last))
					}
					// In the moment of a hold either may have been first.
					if now.After(since) && now.Before(held) {
						t.Errorf("a slot %v before the end of a hold", held.Sub(now))
					}
					if inUse++; inUse > capacity {
						t.Errorf("%d slots in use, want at most %d", inUse, capacity)
					}
					last = now
					mu.Unlock()
					time.Sleep(c.Uses)
					mu.Lock()
					if i%3 == 0 {
						until := time.Now().Add(c.Holds)
						l.hold(until)
						if until.After(held) {
							held, since = until, time.Now()
						}
					}
					inUse--
					l.release()
					mu.Unlock()
				})
			}
			wg.Wait() // the bubble would not end were a slot lost
			if l.inUse != 0 || !l.empty() {
				t.Errorf("%d slots in use and waiters %v in the end", l.inUse, !l.empty())
			}
			time.Sleep(time.Until(l.due))
			start := time.Now()
			if err := l.wait(t.Context(), classSync); err != nil || time.Since(start) != 0 {
				t.Errorf("the slot behind the storm: %v after %v", err, time.Since(start))
			}
		})
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}
