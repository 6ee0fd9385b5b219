package amo

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"
)

// source is what an ahead fetches from in tests: slots an interval apart, and an
// answer a latency after each.
type source struct {
	interval time.Duration
	latency  func(key int) time.Duration
	// behind are keys that are answered besides the value of one.
	behind map[int][]int
	// failing is the key whose fetch fails; 0 = none.
	failing int

	mu sync.Mutex
	// slot is the next one.
	slot time.Time
	// queued counts those that wait for a slot, flying those that have left; most
	// is the most of these.
	queued, flying, most int
	crowded              bool
	// departed are the keys whose requests left, in order.
	departed []int
	// waited are the keys of those that had to wait for the reader, in the order in
	// which they came.
	waited []int
}

var errSource = errors.New("it fails")

func (s *source) fetch(ctx context.Context, key int, trip trip) (int, []int, error) {
	s.mu.Lock()
	s.queued++
	s.crowded = s.crowded || s.queued > 1
	wait := time.Until(s.slot)
	s.mu.Unlock()
	err := sleep(ctx, wait)
	s.mu.Lock()
	s.queued--
	if err != nil {
		s.mu.Unlock()
		return 0, nil, err
	}
	s.slot = time.Now().Add(s.interval)
	s.departed = append(s.departed, key)
	s.flying++
	s.most = max(s.most, s.flying)
	s.mu.Unlock()
	trip.left()
	err = sleep(ctx, s.latency(key))
	s.mu.Lock()
	s.flying--
	s.mu.Unlock()
	if trip.mustWait() {
		s.mu.Lock()
		s.waited = append(s.waited, key)
		s.mu.Unlock()
	}
	if err == nil && key == s.failing {
		err = errSource
	}
	return key, s.behind[key], err
}

// aheadOf returns an ahead that fetches the numbers from 1 to last.
func aheadOf(ctx context.Context, s *source, last int) *ahead[int, int] {
	s.slot = time.Now()
	rate := func() float64 { return float64(time.Second) / float64(s.interval) }
	n := 0
	return newAhead(ctx, &pace{rate: rate}, s.fetch, func(int) (int, bool) {
		if n == last {
			return 0, false
		}
		n++
		return n, true
	})
}

func constantly(d time.Duration) func(int) time.Duration {
	return func(int) time.Duration { return d }
}

const slotEvery = 100 * time.Millisecond

func TestAhead_usesEverySlotWhateverTheLatency(t *testing.T) {
	for _, latency := range []time.Duration{0, 30 * time.Millisecond, 100 * time.Millisecond, 150 * time.Millisecond, time.Second, 1300 * time.Millisecond} {
		t.Run(latency.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{interval: slotEvery, latency: constantly(latency)}
				a := aheadOf(t.Context(), s, 200)
				a.start()
				began := time.Now()
				for want := 1; a.more(); want++ {
					if key, value, err := a.take(); key != want || value != want || err != nil {
						t.Fatalf("took %d = %d with %v, want %d", key, value, err, want)
					}
				}
				// As long as nothing is known of the latency, two are on their way.
				if took, want := time.Since(began), 199*slotEvery+2*latency; took > want {
					t.Errorf("took %v, want at most %v", took, want)
				}
				if s.crowded {
					t.Error("two fetches waited for a slot at a time")
				}
				if most := int(latency/slotEvery) + 2; s.most > most {
					t.Errorf("%d were on their way at a time, want at most %d", s.most, most)
				}
			})
		})
	}
}

func TestAhead_hidesLatencyThatVaries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		latency := func(int) time.Duration {
			return 300*time.Millisecond + time.Duration(random.Int64N(int64(600*time.Millisecond)))
		}
		var mu sync.Mutex
		s := &source{interval: slotEvery, latency: func(key int) time.Duration { mu.Lock(); defer mu.Unlock(); return latency(key) }}
		a := aheadOf(t.Context(), s, 1000)
		a.start()
		began := time.Now()
		for want := 1; a.more(); want++ {
			if key, _, _ := a.take(); key != want {
				t.Fatalf("took %d, want %d", key, want)
			}
		}
		if took, want := time.Since(began), 1000*slotEvery*103/100; took > want {
			t.Errorf("took %v, want at most %v", took, want)
		}
	})
}

func TestAhead_deliversWhatIsBehindInItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{
			interval: slotEvery, latency: constantly(450 * time.Millisecond),
			behind: map[int][]int{3: {31, 32}, 31: {311, 312}, 9: {91, 92}},
		}
		a := aheadOf(t.Context(), s, 12)
		a.start()
		var took []int
		for a.more() {
			key, _, err := a.take()
			if err != nil {
				t.Fatal(err)
			}
			took = append(took, key)
		}
		if want := []int{1, 2, 3, 31, 311, 312, 32, 4, 5, 6, 7, 8, 9, 91, 92, 10, 11, 12}; !slices.Equal(took, want) {
			t.Errorf("took %v, want %v", took, want)
		}
		if i, j := slices.Index(s.departed, 31), slices.Index(s.departed, 32); j != i+1 {
			t.Errorf("departed %v: want 32 right behind 31", s.departed)
		}
		if s.crowded {
			t.Error("two fetches waited for a slot at a time")
		}
	})
}

func TestAhead_slowReaderSlowsTheFetching(t *testing.T) {
	for latency, most := range map[time.Duration]int{0: maxWaiting, 50 * time.Millisecond: maxWaiting, 550 * time.Millisecond: 7} {
		t.Run(latency.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{interval: slotEvery, latency: constantly(latency)}
				a := aheadOf(t.Context(), s, 100)
				a.start()
				for range 20 {
					_, _, _ = a.take()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := len(s.departed) - 20; got > most {
					t.Errorf("%d were fetched for a reader that takes none, want at most %d", got, most)
				}
				for want := 21; a.more(); want++ {
					if key, _, _ := a.take(); key != want {
						t.Fatalf("took %d, want %d", key, want)
					}
				}
				if len(s.departed) != 100 {
					t.Errorf("%d were fetched, want all 100", len(s.departed))
				}
			})
		})
	}
}

// What a reader takes a second for need not be there six times a second; one that
// rests once gets as much as before.
func TestAhead_fetchesAsFastAsItsReaderTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{interval: slotEvery, latency: constantly(time.Second)}
		a := aheadOf(t.Context(), s, 200)
		a.start()
		take := func(n int, each time.Duration) {
			for range n {
				_, _, _ = a.take()
				time.Sleep(each)
			}
		}
		take(40, time.Second)
		synctest.Wait()
		if got := len(s.departed) - 40; got > 4 {
			t.Errorf("%d are ahead of a reader that takes one a second, want at most 4", got)
		}
		take(10, 0)
		take(1, time.Minute)
		take(20, 0) // what was ahead, and the first answers behind that
		began := time.Now()
		take(60, 0)
		if share := 60 * slotEvery.Seconds() / time.Since(began).Seconds(); share < 0.97 {
			t.Errorf("%.0f %% of the slots after a rest, want 97 %%", 100*share)
		}
		a.drop()
	})
}

// A fetch is told whether the reader waits for it.
func TestAhead_tellsWhatHasToWait(t *testing.T) {
	late := func(key int) time.Duration {
		if key == 3 {
			return time.Second
		}
		return 150 * time.Millisecond
	}
	for name, test := range map[string]struct {
		latency func(key int) time.Duration
		// pause is how long the reader takes for a value.
		pause time.Duration
		want  []int
	}{
		"a fast reader":                {constantly(150 * time.Millisecond), 0, nil},
		"a slow reader":                {constantly(150 * time.Millisecond), time.Second, []int{2, 3, 4, 5, 6}},
		"a fast reader of a late page": {late, 0, []int{4, 5, 6}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{interval: slotEvery, latency: test.latency}
				a := aheadOf(t.Context(), s, 6)
				a.start()
				for a.more() {
					_, _, _ = a.take()
					time.Sleep(test.pause)
				}
				if !slices.Equal(s.waited, test.want) {
					t.Errorf("%v had to wait, want %v", s.waited, test.want)
				}
			})
		})
	}
}

func TestAhead_dropEndsWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{interval: slotEvery, latency: constantly(time.Second)}
		a := aheadOf(t.Context(), s, 100)
		a.start()
		for range 30 {
			_, _, _ = a.take()
		}
		synctest.Wait()
		began := time.Now()
		dropped := a.drop()
		if took := time.Since(began); took > 0 {
			t.Errorf("dropping took %v", took)
		}
		if len(dropped) != 11 || s.flying != 0 || s.queued != 0 {
			t.Errorf("dropped %d, left %d flying and %d queued; want 11, 0, 0", len(dropped), s.flying, s.queued)
		}
		departed := len(s.departed)
		time.Sleep(time.Minute)
		if a.more() || len(s.departed) != departed {
			t.Error("something was fetched after the drop")
		}
		a.start(1000)
		if key, _, err := a.take(); key != 1000 || err != nil {
			t.Errorf("took %d with %v, want the key that was started", key, err)
		}
		a.drop()
	})
}

func TestAhead_deliversUpToAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{interval: slotEvery, latency: constantly(450 * time.Millisecond), behind: map[int][]int{4: {41, 42}}, failing: 5}
		a := aheadOf(t.Context(), s, 100)
		a.start()
		var took []int
		for a.more() {
			key, _, err := a.take()
			took = append(took, key)
			if err != nil {
				break
			}
		}
		if want := []int{1, 2, 3, 4, 41, 42, 5}; !slices.Equal(took, want) {
			t.Errorf("took %v, want %v", took, want)
		}
		departed := len(s.departed)
		time.Sleep(time.Minute)
		if len(s.departed) != departed {
			t.Error("something was fetched behind the error")
		}
		a.drop()
	})
}

func TestAhead_panicsInTheReader(t *testing.T) {
	for name, read := range map[string]func(a *ahead[int, int]){
		"take": func(a *ahead[int, int]) { _, _, _ = a.take() },
		"drop": func(a *ahead[int, int]) { synctest.Wait(); a.drop() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAhead(t.Context(), &pace{rate: func() float64 { return 1 }},
					func(context.Context, int, trip) (int, []int, error) { panic("of a codec") }, nil)
				a.start(1)
				defer func() {
					if p, ok := recover().(*PanicError); !ok || p.Value != "of a codec" {
						t.Errorf("recovered %v", p)
					}
				}()
				read(a)
			})
		})
	}
}

func TestAhead_doesNotKeepWhatWasTaken(t *testing.T) {
	a := newAhead(t.Context(), &pace{rate: func() float64 { return 1000 }},
		func(_ context.Context, _ int, trip trip) (*[1 << 10]byte, []int, error) {
			trip.left()
			return new([1 << 10]byte), nil, nil
		}, nil)
	defer a.drop()
	a.start(make([]int, 20)...)
	var taken []weak.Pointer[[1 << 10]byte]
	for len(taken) < 10 {
		_, value, err := a.take()
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, weak.Make(value))
	}
	runtime.GC()
	for i, value := range taken {
		if value.Value() != nil {
			t.Errorf("value %d is still there", i)
		}
	}
	runtime.KeepAlive(a)
}
