package limit

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// distant is a store that is a while away.
type distant struct {
	*Memory
	way time.Duration
}

func (d distant) Reserve(ctx context.Context, r Reservation) (Slot, error) {
	time.Sleep(d.way)
	defer time.Sleep(d.way)
	return d.Memory.Reserve(ctx, r)
}

func (d distant) Return(ctx context.Context, key string, slot Slot, interval time.Duration) error {
	time.Sleep(d.way)
	defer time.Sleep(d.way)
	return d.Memory.Return(ctx, key, slot, interval)
}

func (d distant) Delay(ctx context.Context, key string, by time.Duration) error {
	time.Sleep(d.way)
	defer time.Sleep(d.way)
	return d.Memory.Delay(ctx, key, by)
}

func (d distant) Load(ctx context.Context, keys ...string) (time.Time, []Stored, error) {
	time.Sleep(d.way)
	defer time.Sleep(d.way)
	return d.Memory.Load(ctx, keys...)
}

func TestLimiter_goesOnWithASlowStore(t *testing.T) {
	for way, least := range map[time.Duration]int{
		5 * time.Millisecond: 118, 15 * time.Millisecond: 118, 25 * time.Millisecond: 118, 60 * time.Millisecond: 80, 200 * time.Millisecond: 25,
	} {
		for _, callers := range []int{1, 12} {
			for _, lead := range []time.Duration{0, time.Second} {
				synctest.Test(t, func(t *testing.T) {
					l := rig(t, distant{open(), way}, Config{})
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					defer cancel()
					got := newLog()
					var wg sync.WaitGroup
					for range callers {
						wg.Go(func() {
							for sendFor(ctx, l, Request{Class: Interactive, Lead: lead}, 50*time.Millisecond, Answered) == nil {
								got.add("")
							}
						})
					}
					wg.Wait()
					time.Sleep(time.Second) // what was asked of the store ends
					times := got.sorted()
					if len(times) < least || fullest(times) > 7 {
						t.Errorf("%v there, %d callers, a lead of %v: %d requests in 20s, up to %d in one; want at least %d, up to 7",
							way, callers, lead, len(times), fullest(times), least)
					}
				})
			}
		}
	}
}
