package amo

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// library is a dictionary whose reading takes a second and counts itself.
type library struct {
	dictionary[int]

	client *Client
	reads  int
	err    error
}

func newLibrary(t *testing.T) *library {
	t.Helper()
	return &library{client: newBench(t, emulator.Config{}, Config{}).client}
}

func (l *library) ask(ctx context.Context, age time.Duration) (int, error) {
	return l.get(ctx, l.client, age, func(context.Context) (int, error) {
		l.reads++ // one at a time
		n := l.reads
		time.Sleep(time.Second)
		return n, l.err
	})
}

func (l *library) want(ctx context.Context, t *testing.T, age time.Duration, want int) {
	t.Helper()
	if got, err := l.ask(ctx, age); err != nil || got != want {
		t.Errorf("got reading %d and error %v, want reading %d", got, err, want)
	}
}

func TestDictionary_isReadOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLibrary(t)
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() { l.want(t.Context(), t, time.Minute, 1) })
		}
		callers.Wait()
		l.want(t.Context(), t, time.Minute, 1)
	})
}

func TestDictionary_getsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLibrary(t)
		l.want(t.Context(), t, time.Minute, 1)
		time.Sleep(59 * time.Second) // its reading began a minute ago
		l.want(t.Context(), t, time.Minute, 1)
		time.Sleep(time.Nanosecond)
		l.want(t.Context(), t, time.Minute, 2)
		l.want(t.Context(), t, 0, 3)
	})
}

func TestDictionary_readsNowForWhomDemandsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLibrary(t)
		l.want(t.Context(), t, time.Minute, 1)
		time.Sleep(10 * time.Second)
		l.want(WithMaxAge(t.Context(), 11*time.Second), t, time.Minute, 1)
		l.want(WithMaxAge(t.Context(), 10*time.Second), t, time.Minute, 2)
		l.want(WithMaxAge(t.Context(), time.Hour), t, time.Minute, 2)
		// An age that is demanded counts from the beginning of the call.
		call := WithMaxAge(t.Context(), 0)
		l.want(call, t, time.Minute, 3)
		time.Sleep(5 * time.Second)
		l.want(call, t, time.Minute, 3)
		// Even a longer life is no reason to answer what is older.
		time.Sleep(time.Hour)
		l.want(WithMaxAge(t.Context(), 2*time.Hour), t, time.Minute, 4)
	})
}

// A reading that was under way when something was changed is good enough for
// those who asked before, and not for those who ask after it.
func TestDictionary_isNotRefilledByAReadingUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLibrary(t)
		var before, after sync.WaitGroup
		before.Go(func() { l.want(t.Context(), t, time.Minute, 1) })
		synctest.Wait()
		l.forget() // at the very instant that the reading began
		for range 10 {
			after.Go(func() { l.want(t.Context(), t, time.Minute, 2) })
		}
		before.Wait()
		after.Wait()
		l.want(t.Context(), t, time.Minute, 2)
	})
}

func TestDictionary_answersNothingStaleForAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLibrary(t)
		l.want(t.Context(), t, time.Minute, 1)
		time.Sleep(time.Hour)
		l.err = &Error{Kind: KindUnavailable, Message: "down"}
		if got, err := l.ask(t.Context(), time.Minute); !errors.Is(err, l.err) || got != 0 {
			t.Errorf("got %d, %v; want the error", got, err)
		}
		// The next caller tries again.
		l.err = nil
		l.want(t.Context(), t, time.Minute, 3)
	})
}

func TestAges_areThoseOfTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, other := newLibrary(t), newLibrary(t)
		l.want(t.Context(), t, time.Minute, 1) // takes a second
		time.Sleep(20 * time.Second)
		var ages Ages
		ctx := WithAges(t.Context(), &ages)
		if age, ok := ages.Oldest(); ok {
			t.Errorf("nothing was taken, and it is %v old", age)
		}
		other.want(ctx, t, time.Minute, 1)
		if age, ok := ages.Oldest(); !ok || age != time.Second {
			t.Errorf("got %v, %v; want a second, which the reading took", age, ok)
		}
		for range 2 {
			l.want(ctx, t, time.Minute, 1)
			other.want(ctx, t, time.Minute, 1)
		}
		if age, ok := ages.Oldest(); !ok || age != 22*time.Second {
			t.Errorf("got %v, %v; want 22s", age, ok)
		}
	})
}

func TestPeriods_List_isRemembered(t *testing.T) {
	for _, generation := range []Generation{V2, V4} {
		t.Run(generation.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{}, Config{Generation: generation})
				other := newBench(t, emulator.Config{}, Config{Generation: generation})
				list := func(b *bench) []*amogatev1.Period {
					t.Helper()
					periods, err := b.client.Periods().List(t.Context())
					if err != nil || len(periods) == 0 {
						t.Fatalf("%d periods, %v", len(periods), err)
					}
					return periods
				}
				requests := func(b *bench) int { return int(b.Stats().Requests) }
				first := list(b)
				once := requests(b)
				first[0].LengthDays = 99 // is nobody else's
				if again := list(b); again[0].GetLengthDays() == 99 || requests(b) != once {
					t.Errorf("%d requests, want %d; first period %v", requests(b), once, again[0])
				}
				list(other)
				if requests(other) != once {
					t.Error("another account was answered from memory")
				}
				time.Sleep(defaults.PeriodLife + time.Nanosecond)
				list(b)
				if got := requests(b); got != once+1 {
					t.Errorf("%d requests, want %d: they are too old", got, once+1)
				}
			})
		})
	}
}

func TestPeriods_List_showsOwnChangesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{Generation: V2})
		before, err := b.client.Periods().List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var changed []*amogatev1.Period
		for _, p := range before {
			changed = append(changed, written(p))
		}
		changed[0].LengthDays = 77
		if _, err := b.client.Periods().Replace(t.Context(), changed, nil); err != nil {
			t.Fatal(err)
		}
		after, err := b.client.Periods().List(t.Context())
		if err != nil || len(after) != len(before) || after[0].GetLengthDays() != 77 {
			t.Errorf("got %v, %v; want the first of 77 days", after, err)
		}
	})
}

// Over v4 the periods are statuses, and there are some in one mode only.
func TestPeriods_areForgottenWithStatusesAndMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{Generation: V4})
		known := b.client.Periods().known[V4]
		for i, change := range []func(){
			func() {
				b.client.Statuses().Create(t.Context(), []Create[*amogatev1.CustomerStatus]{{Value: &amogatev1.CustomerStatus{Name: "new", Sort: new(int32(30))}}})
			},
			func() {
				b.client.Statuses().Update(t.Context(), []Update[*amogatev1.CustomerStatus]{{ID: 1, Paths: []string{"name"}, Value: &amogatev1.CustomerStatus{Name: "new"}}})
			},
			func() { b.client.Statuses().Delete(t.Context(), []int64{1}) },
			func() {
				_, _ = b.client.SetCustomersMode(t.Context(), amogatev1.CustomersMode_CUSTOMERS_MODE_SEGMENTS, true)
			},
		} {
			before := known.epoch
			change()
			if known.epoch == before {
				t.Errorf("change %d is not noticed", i)
			}
		}
	})
}

// A change that nobody waits for any more is one all the same.
func TestPeriods_areForgottenWhenAChangeIsAnsweredLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{Generation: V4})
		known := b.client.Periods().known[V4]
		epoch := func() uint64 {
			known.mu.Lock()
			defer known.mu.Unlock()
			return known.epoch
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		b.script(t, emulator.Rule{Match: emulator.Match{Kind: emulator.KindWrite}, Action: emulator.Action{Delay: 5 * time.Second}})
		r := b.client.Statuses().Update(ctx, []Update[*amogatev1.CustomerStatus]{{ID: 1, Paths: []string{"name"}, Value: &amogatev1.CustomerStatus{Name: "new"}}})[0]
		if !IsKind(r.Err, KindOutcomeUnknown) {
			t.Fatal(r.Err)
		}
		before := epoch()
		time.Sleep(10 * time.Second)
		if epoch() == before {
			t.Error("the answer is not noticed")
		}
	})
}
