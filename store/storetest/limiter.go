package storetest

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/store"
)

// reserve asks for a slot of a key whose states were never saved.
func reserve(t *testing.T, s store.Store, key string, interval, within time.Duration) limit.Slot {
	t.Helper()
	slot, err := s.Reserve(t.Context(), limit.Reservation{Key: key, Interval: interval, Within: within})
	if err != nil {
		t.Fatal(err)
	}
	return slot
}

func slots(t *testing.T, e Engine) {
	t.Helper()
	s := opened(t, e)
	const interval = time.Second / 3 // No whole number of microseconds.

	t.Run("first_is_away", func(t *testing.T) {
		// Some engines count from their start: a machine on which that alone takes so
		// long shows nothing.
		for range 20 {
			began := time.Now()
			slot := reserve(t, opened(t, e), name(t), interval, time.Hour)
			if time.Since(began) >= Settings().FirstSlot {
				continue
			}
			if ahead := slot.At.Sub(slot.Now); !slot.Granted || ahead <= 0 || ahead > Settings().FirstSlot {
				t.Errorf("the first slot is %v away: %+v", ahead, slot)
			}
			return
		}
		t.Fatalf("no store opens within %v", Settings().FirstSlot)
	})

	t.Run("spaced", func(t *testing.T) {
		key := name(t)
		var mu sync.Mutex
		var at []time.Time
		together(32, func(int) {
			for range 4 {
				slot, err := s.Reserve(t.Context(), limit.Reservation{Key: key, Interval: interval, Within: time.Hour})
				if err != nil || !slot.Granted || slot.Stale {
					t.Errorf("%+v, %v", slot, err)
					return
				}
				mu.Lock()
				at = append(at, slot.At)
				mu.Unlock()
			}
		})
		slices.SortFunc(at, time.Time.Compare)
		for i := 1; i < len(at); i++ {
			if d := at[i].Sub(at[i-1]); d < interval || d > interval+time.Microsecond {
				t.Errorf("slots %d and %d are %v apart, want %v", i-1, i, d, interval)
			}
		}
		if len(at) != 128 {
			t.Errorf("%d slots", len(at))
		}
	})

	t.Run("too_far", func(t *testing.T) {
		key := name(t)
		first := reserve(t, s, key, time.Hour, time.Hour)
		for range 3 { // A refusal takes nothing.
			slot := reserve(t, s, key, time.Hour, time.Minute)
			if slot.Granted || slot.Stale || slot.At.Before(first.At.Add(time.Hour)) || slot.At.After(first.At.Add(time.Hour+time.Microsecond)) {
				t.Errorf("got %+v after %+v", slot, first)
			}
		}
		if slot := reserve(t, s, key, time.Hour, 2*time.Hour); !slot.Granted {
			t.Errorf("got %+v", slot)
		}
	})

	t.Run("never_in_the_past", func(t *testing.T) {
		key := name(t)
		last := reserve(t, s, key, time.Microsecond, time.Hour)
		until(t, "the slot passes", func() bool {
			slot := reserve(t, s, key, time.Microsecond, time.Hour)
			if slot.At.Before(slot.Now) || slot.At.Before(last.At) {
				t.Fatalf("got %+v after %+v", slot, last)
			}
			return slot.Now.After(last.At.Add(10 * time.Millisecond))
		})
	})

	t.Run("never_sooner_than_asked", func(t *testing.T) {
		key := name(t)
		slot, err := s.Reserve(t.Context(), limit.Reservation{Key: key, Interval: interval, Ahead: time.Minute, Within: time.Hour})
		if err != nil || !slot.Granted || slot.At.Sub(slot.Now) != time.Minute {
			t.Fatalf("got %+v, %v; want a slot in a minute", slot, err)
		}
		if next := reserve(t, s, key, interval, time.Hour); next.At.Sub(slot.At) < interval {
			t.Errorf("the next slot is %v after it, want %v", next.At.Sub(slot.At), interval)
		}
	})

	t.Run("keys_apart", func(t *testing.T) {
		a, b := name(t)+"-a", name(t)+"-b"
		for range 10 {
			reserve(t, s, a, time.Hour, 100*time.Hour)
		}
		if slot := reserve(t, s, b, time.Hour, time.Second); !slot.Granted {
			t.Errorf("one account waits for another: %+v", slot)
		}
	})

	t.Run("given_back", func(t *testing.T) {
		key := name(t)
		first := reserve(t, s, key, time.Hour, 100*time.Hour)
		second := reserve(t, s, key, time.Hour, 100*time.Hour)
		give := func(slot limit.Slot) {
			t.Helper()
			if err := s.Return(t.Context(), key, slot, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		give(first) // There is a later one.
		if third := reserve(t, s, key, time.Hour, 100*time.Hour); !third.At.After(second.At) {
			t.Errorf("a slot was given twice: %v after %v", third.At, second.At)
		} else {
			give(third)
			if again := reserve(t, s, key, time.Hour, 100*time.Hour); !again.At.Equal(third.At) {
				t.Errorf("got %v, want the slot %v that was given back", again.At, third.At)
			}
		}
		if err := s.Return(t.Context(), key+"-unknown", first, time.Hour); err != nil {
			t.Errorf("a slot of nobody: %v", err)
		}
	})

	t.Run("delayed", func(t *testing.T) {
		for _, key := range []string{name(t) + "-new", name(t)} {
			if key == name(t) {
				reserve(t, s, key, time.Millisecond, time.Hour)
			}
			for _, d := range []time.Duration{time.Hour, time.Second} { // A shorter one changes nothing.
				if err := s.Delay(t.Context(), key, d); err != nil {
					t.Fatal(err)
				}
			}
			slot := reserve(t, s, key, time.Second, time.Minute)
			if ahead := slot.At.Sub(slot.Now); slot.Granted || ahead < 59*time.Minute || ahead > time.Hour {
				t.Errorf("%s: the next slot is %v away: %+v", key, ahead, slot)
			}
		}
	})

	t.Run("stale", func(t *testing.T) {
		key := name(t)
		ask := func(version, egress int64) limit.Slot {
			t.Helper()
			slot, err := s.Reserve(t.Context(), limit.Reservation{Key: key, Interval: time.Hour, Within: 100 * time.Hour, Version: version, EgressVersion: egress})
			if err != nil {
				t.Fatal(err)
			}
			return slot
		}
		first := ask(0, 0)
		ok, err := s.Save(t.Context(), key, 0, []byte("slower"))
		yes(t, "save", ok, err)
		for _, versions := range [][2]int64{{0, 0}, {2, 0}, {1, 1}} {
			if slot := ask(versions[0], versions[1]); slot.Granted || !slot.Stale {
				t.Errorf("versions %v: %+v", versions, slot)
			}
		}
		ok, err = s.Save(t.Context(), limit.EgressKey, 0, []byte("banned"))
		yes(t, "save", ok, err)
		if slot := ask(1, 0); slot.Granted || !slot.Stale {
			t.Errorf("a ban of the address was not seen: %+v", slot)
		}
		// Those that were refused have taken no slot.
		if slot := ask(1, 1); !slot.Granted || slot.At.Sub(first.At) > time.Hour+time.Microsecond {
			t.Errorf("got %+v after %+v", slot, first)
		}
	})

	t.Run("replicas", func(t *testing.T) {
		beat := func(replica string, age time.Duration) int {
			t.Helper()
			live, err := s.Beat(t.Context(), replica, age)
			if err != nil {
				t.Fatal(err)
			}
			return live
		}
		for i, replica := range []string{"r1", "r2", "r2", "r3"} {
			if live, want := beat(replica, time.Hour), []int{1, 2, 2, 3}[i]; live != want {
				t.Errorf("%d live after %s, want %d", live, replica, want)
			}
		}
		until(t, "the others are too old", func() bool { return beat("r1", time.Microsecond) == 1 })
	})
}

func states(t *testing.T, e Engine) {
	t.Helper()
	s := opened(t, e)

	t.Run("never_saved", func(t *testing.T) {
		now, got, err := s.Load(t.Context(), "nobody", limit.EgressKey)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]limit.Stored{{}, {}}, got); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		if later := reserve(t, s, "nobody", 0, 0).Now; now.After(later) || later.Sub(now) > time.Minute {
			t.Errorf("the time is %v, and %v a moment later", now, later)
		}
	})

	t.Run("in_order", func(t *testing.T) {
		for _, key := range []string{"a", "b", "c"} {
			ok, err := s.Save(t.Context(), key, 0, []byte{0, 0xff, key[0]})
			yes(t, "save", ok, err)
		}
		_, got, err := s.Load(t.Context(), "c", "none", "a", "b", "c")
		if err != nil {
			t.Fatal(err)
		}
		state := func(key byte) limit.Stored { return limit.Stored{Version: 1, Data: []byte{0, 0xff, key}} }
		if diff := cmp.Diff([]limit.Stored{state('c'), {}, state('a'), state('b'), state('c')}, got); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})

	t.Run("compared_and_swapped", func(t *testing.T) {
		key := name(t)
		for version := range int64(3) {
			for _, wrong := range []int64{version - 1, version + 1} {
				ok, err := s.Save(t.Context(), key, wrong, []byte("wrong"))
				no(t, "another version", ok, err)
			}
			ok, err := s.Save(t.Context(), key, version, []byte{byte(version)})
			yes(t, "save", ok, err)
			_, got, err := s.Load(t.Context(), key)
			if err != nil || got[0].Version != version+1 || got[0].Data[0] != byte(version) {
				t.Errorf("got %+v, %v after version %d", got, err, version)
			}
		}
	})

	t.Run("one_winner", func(t *testing.T) {
		key := name(t)
		for version := range int64(3) {
			var saved atomic.Int32
			together(16, func(i int) {
				ok, err := s.Save(t.Context(), key, version, []byte(strconv.Itoa(i)))
				if err != nil {
					t.Error(err)
				}
				if ok {
					saved.Add(1)
				}
			})
			if saved.Load() != 1 {
				t.Errorf("version %d was saved %d times", version+1, saved.Load())
			}
		}
	})
}
