package limit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/settings"
)

// fragile is a store that can be away.
type fragile struct {
	*Memory
	away atomic.Bool
}

var errGone = &driver.Error{Kind: driver.KindStoreUnavailable, Message: "gone"}

func (f *fragile) failure() error {
	if f.away.Load() {
		return errGone
	}
	return nil
}

func (f *fragile) Reserve(ctx context.Context, r Reservation) (Slot, error) {
	if err := f.failure(); err != nil {
		return Slot{}, err
	}
	return f.Memory.Reserve(ctx, r)
}

func (f *fragile) Return(ctx context.Context, key string, slot Slot, interval time.Duration) error {
	if err := f.failure(); err != nil {
		return err
	}
	return f.Memory.Return(ctx, key, slot, interval)
}

func (f *fragile) Delay(ctx context.Context, key string, d time.Duration) error {
	if err := f.failure(); err != nil {
		return err
	}
	return f.Memory.Delay(ctx, key, d)
}

func (f *fragile) Load(ctx context.Context, keys ...string) (time.Time, []Stored, error) {
	if err := f.failure(); err != nil {
		return time.Time{}, nil, err
	}
	return f.Memory.Load(ctx, keys...)
}

func (f *fragile) Save(ctx context.Context, key string, version int64, data []byte) (bool, error) {
	if err := f.failure(); err != nil {
		return false, err
	}
	return f.Memory.Save(ctx, key, version, data)
}

func (f *fragile) Beat(ctx context.Context, replica string, age time.Duration) (int, error) {
	if err := f.failure(); err != nil {
		return 0, err
	}
	return f.Memory.Beat(ctx, replica, age)
}

// replicas starts n processes on a store, which end with the test.
func replicas(t *testing.T, store Store, n int) []*Limiter {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	var all []*Limiter
	for i := range n {
		p := NewPresence(store, fmt.Sprint("replica ", i), settings.Default())
		wg.Go(func() {
			time.Sleep(time.Duration(i) * 300 * time.Millisecond) // they start one after the other
			p.Run(ctx)
		})
		all = append(all, rig(t, store, Config{Presence: p}))
	}
	return all
}

func TestShare_isKeptWhileTheStoreIsAway(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 7} {
		synctest.Test(t, func(t *testing.T) {
			store := &fragile{Memory: NewMemory(time.Second)}
			all := replicas(t, store, n)
			got := newLog()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			var wg sync.WaitGroup
			for i := range 8 * n {
				wg.Go(func() {
					for {
						err := sendFor(ctx, all[i%n], Request{Class: Class(1 + i%3)}, 0, Answered)
						if err == nil {
							got.add("")
						} else if ctx.Err() != nil {
							return
						}
						time.Sleep(time.Millisecond)
					}
				})
			}
			time.Sleep(30 * time.Second)
			store.away.Store(true)
			time.Sleep(30 * time.Second)
			store.away.Store(false)
			wg.Wait()
			times := got.sorted()
			// Arrivals vary by 150 ms, which is what the interval allows for; here
			// they are exact.
			if most := fullest(times); most > 7 {
				t.Errorf("%d replicas: a second with %d requests", n, most)
			}
			during, after := 0, 0
			for _, at := range times {
				if at >= 30*time.Second && at < time.Minute {
					during++
				}
				if at >= 65*time.Second {
					after++
				}
			}
			least := 90
			if n == 1 {
				least = 60 // its share is that of one of two
			}
			if during < least {
				t.Errorf("%d replicas: %d requests in 30s without the store, want at least %d", n, during, least)
			}
			if after < 6*55*95/100 {
				t.Errorf("%d replicas: %d requests in 55s after it, want the whole rate", n, after)
			}
			cancel()
		})
	}
}

func TestShare_intervals(t *testing.T) {
	for live := 1; live <= 20; live++ {
		interval := ownInterval(6, live)
		if share := time.Duration(max(live, 2)) * time.Second / 6; interval < share {
			t.Errorf("%d replicas: an interval of %v, want at least the share's %v", live, interval, share)
		}
		if live <= MaxRate {
			// The most of any replica in a second with its jitter, of all of them.
			most := live * (int((time.Second+spread-1)/interval) + 1)
			if most > MaxRate {
				t.Errorf("%d replicas: up to %d requests in a second", live, most)
			}
		}
	}
}

func TestShare_whatIsLearnedWithoutTheStoreIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &fragile{Memory: open()}
		l, other := rig(t, store, Config{}), rig(t, store, Config{})
		for _, of := range []*Limiter{l, other} {
			if err := send(t.Context(), of, Request{Class: Interactive}); err != nil {
				t.Fatal(err)
			}
		}
		store.away.Store(true)
		answer(t, l, Request{Class: Interactive}, Unpaid, 0)
		answer(t, l, Request{Class: Interactive, Write: true}, Limited, 5*time.Second)
		s, err := l.Status(t.Context())
		if err != nil || s.Shared || s.Rate != 3 || len(s.Breakers) != 1 {
			t.Errorf("status %+v, %v; want it without the store", s, err)
		}
		store.away.Store(false)
		time.Sleep(time.Second)
		if err := send(t.Context(), l, Request{Class: Interactive, Write: true}); err != nil {
			t.Error(err)
		}
		if s, err = other.Status(t.Context()); err != nil || !s.Shared || s.Rate != 3 || len(s.Breakers) != 1 {
			t.Errorf("another replica has %+v, %v; want what was learned", s, err)
		}
	})
}

func TestShare_anAccountThatIsNotKnownWaitsForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &fragile{Memory: open()}
		store.away.Store(true)
		l := rig(t, store, Config{})
		if err := send(t.Context(), l, Request{Class: Interactive}); !errors.Is(err, errGone) {
			t.Errorf("got %v, want the store's error: it may be banned", err)
		}
		store.away.Store(false)
		if err := send(t.Context(), l, Request{Class: Interactive}); err != nil {
			t.Error(err)
		}
	})
}

func TestPresence_countsTheLiving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &fragile{Memory: open()}
		a, b := NewPresence(store, "a", settings.Default()), NewPresence(store, "b", settings.Default())
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { a.Run(ctx) })
		shortly, leave := context.WithTimeout(ctx, 5*time.Second)
		defer leave()
		wg.Go(func() { b.Run(shortly) })
		time.Sleep(2500 * time.Millisecond)
		if a.Live() != 2 || b.Live() != 2 || a.away() {
			t.Errorf("%d and %d live, want 2", a.Live(), b.Live())
		}
		time.Sleep(8 * time.Second)
		if a.Live() != 1 {
			t.Errorf("%d live after one has left, want 1", a.Live())
		}
		store.away.Store(true)
		time.Sleep(2 * time.Second)
		if a.Live() != 1 || !a.away() {
			t.Errorf("%d live, away %v without the store", a.Live(), a.away())
		}
		var alone *Presence
		if alone.Live() != 1 || alone.away() {
			t.Error("without a presence nobody is alone")
		}
		cancel()
		wg.Wait()
	})
}
