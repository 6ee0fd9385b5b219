package limit

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// take reserves a slot and returns how far away it is.
func take(t *testing.T, m *Memory, within time.Duration) (Slot, time.Duration) {
	t.Helper()
	slot, err := m.Reserve(t.Context(), Reservation{Key: "shop", Interval: time.Second, Within: within})
	if err != nil {
		t.Fatal(err)
	}
	return slot, slot.At.Sub(slot.Now)
}

func TestMemory_givesEachSlotOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(time.Second)
		for i, within := range []time.Duration{time.Second, 2 * time.Second, 2 * time.Second} {
			slot, in := take(t, m, within)
			if want := time.Duration(min(i, 2)+1) * time.Second; slot.Granted != (i < 2) || in != want {
				t.Errorf("reservation %d: %+v in %v, want in %v", i, slot, in, want)
			}
		}
		time.Sleep(time.Minute)
		if slot, in := take(t, m, 0); !slot.Granted || in != 0 {
			t.Errorf("after a rest: %+v in %v, want now", slot, in)
		}
	})
}

func TestMemory_takesTheLastSlotBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(0)
		first, _ := take(t, m, 0)
		second, _ := take(t, m, time.Minute)
		_ = m.Return(t.Context(), "shop", first, time.Second) // a later one is reserved
		if _, in := take(t, m, 0); in != 2*time.Second {
			t.Errorf("the next slot is in %v, want 2s", in)
		}
		_ = m.Return(t.Context(), "shop", second, time.Second)
		if _, in := take(t, m, 0); in != time.Second {
			t.Errorf("the next slot is in %v, want the one that came back", in)
		}
		_ = m.Delay(t.Context(), "shop", time.Minute)
		_ = m.Delay(t.Context(), "shop", time.Second)
		if _, in := take(t, m, 0); in != time.Minute {
			t.Errorf("the next slot is in %v, want 1m", in)
		}
	})
}

func TestMemory_keepsStatesByVersion(t *testing.T) {
	ctx, m := t.Context(), NewMemory(0)
	for _, step := range []struct {
		version int64
		want    bool
	}{{1, false}, {0, true}, {0, false}, {1, true}} {
		if ok, err := m.Save(ctx, "shop", step.version, []byte{byte(step.version)}); ok != step.want || err != nil {
			t.Errorf("save over version %d: %v, %v", step.version, ok, err)
		}
	}
	_, states, err := m.Load(ctx, "shop", EgressKey)
	if diff := cmp.Diff([]Stored{{Version: 2, Data: []byte{1}}, {}}, states); diff != "" || err != nil {
		t.Errorf("states (-want +got), %v:\n%s", err, diff)
	}
	for _, r := range []struct {
		version, egress int64
		stale           bool
	}{{2, 0, false}, {1, 0, true}, {2, 1, true}} {
		slot, err := m.Reserve(ctx, Reservation{Key: "shop", Interval: time.Second, Within: time.Hour, Version: r.version, EgressVersion: r.egress})
		if err != nil || slot.Stale != r.stale || slot.Granted == r.stale {
			t.Errorf("versions %d and %d: %+v, %v", r.version, r.egress, slot, err)
		}
	}
	m.Put("shop", Stored{Version: 1})
	m.Put(EgressKey, Stored{Version: 7, Data: []byte("x")})
	_, states, _ = m.Load(ctx, "shop", EgressKey)
	if states[0].Version != 2 || states[1].Version != 7 {
		t.Errorf("after Put: %+v; want newer ones only", states)
	}
	m.Forget("shop")
	if _, states, _ = m.Load(ctx, "shop"); states[0].Version != 0 {
		t.Errorf("after Forget: %+v", states)
	}
}

// However slow answers are, and however our clock differs, a moment of the store's
// is known to within half of the fastest answer, and what has drifted since.
func TestClock_knowsTheStoresTime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		millis := func(most int, label string) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(rt, label)) * time.Millisecond
		}
		offset := time.Duration(rapid.IntRange(-3600, 3600).Draw(rt, "offset")) * time.Second
		var c clock
		now := time.Unix(1e9, 0)
		best := time.Hour
		for range rapid.IntRange(1, 20).Draw(rt, "answers") {
			to, from := millis(100, "to"), millis(100, "from")
			c.sample(now, now.Add(to+from), now.Add(to+offset))
			now = now.Add(to + from)
			best = min(best, to+from)
			if off := (c.at(now).Sub(now) - offset).Abs(); off > best/2+20*time.Millisecond {
				rt.Fatalf("the clock is off by %v where an answer took %v", off, best)
			}
			if back := c.moment(c.at(now)); !back.Equal(now) {
				rt.Fatalf("%v became %v", now, back)
			}
			now = now.Add(millis(1000, "pause"))
		}
		// The store's clock is set.
		offset += time.Hour
		c.sample(now, now.Add(50*time.Millisecond), now.Add(offset))
		if off := (c.at(now).Sub(now) - offset).Abs(); off > 50*time.Millisecond {
			rt.Fatalf("after the store's clock was set ours is off by %v", off)
		}
	})
}

// A state that is read back is the one that was written, and what cannot be read
// is none.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"held_until":"2026-01-01T00:00:00Z","limited":3,"cut_rate":2.5,"ban":{"since":"2026-01-01T00:00:00Z"}}`))
	f.Add([]byte(`{"held_until":12}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := decodeState(data)
		if diff := cmp.Diff(s, decodeState(s.encode())); diff != "" {
			t.Errorf("written and read back (-want +got):\n%s", diff)
		}
	})
}

func TestState_mergeKeepsWhatForbidsMore(t *testing.T) {
	at := func(minute int) time.Time { return time.Unix(1e9, 0).Add(time.Duration(minute) * time.Minute) }
	mine := state{
		HeldUntil: at(5), LimitedAt: at(1), Limited: 1, CutRate: 3, Ban: breaker{Since: at(1), ProbeAt: at(16)},
		Banned: map[string]time.Time{"a": at(1)},
	}
	other := state{
		HeldUntil: at(4), LimitedAt: at(3), Limited: 2, CutRate: 1.5, UnpaidReads: breaker{Since: at(2), ProbeAt: at(62)},
		Banned: map[string]time.Time{"a": at(0), "b": at(2)},
	}
	want := state{
		HeldUntil: at(5), LimitedAt: at(3), Limited: 2, CutRate: 1.5,
		Ban: breaker{Since: at(1), ProbeAt: at(16)}, UnpaidReads: breaker{Since: at(2), ProbeAt: at(62)},
		Banned: map[string]time.Time{"a": at(1), "b": at(2)},
	}
	mine.merge(other)
	if diff := cmp.Diff(want, mine); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	var empty state
	empty.merge(want)
	if diff := cmp.Diff(want, empty); diff != "" {
		t.Errorf("merged into none (-want +got):\n%s", diff)
	}
}

func TestNew_tellsEverythingThatIsWrong(t *testing.T) {
	_, err := New(Config{Rate: 7.5, InFlight: -1})
	for _, part := range []string{"account", "rate 7.5", "in flight", "store", "Beat"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v: nothing about %s", err, part)
		}
	}
}

func TestParseClass(t *testing.T) {
	for name, want := range map[string]Class{"interactive": Interactive, "sync": Sync, "export": Export} {
		if got, ok := ParseClass(name); !ok || got != want || got.String() != name {
			t.Errorf("%q is %v, %v", name, got, ok)
		}
	}
	for _, name := range []string{"login", "", "unknown"} {
		if c, ok := ParseClass(name); ok {
			t.Errorf("%q is %v, want none", name, c)
		}
	}
	if Class(-1).String() != "unknown" || Login.String() != "login" {
		t.Error("names of classes that nobody may ask for")
	}
}
