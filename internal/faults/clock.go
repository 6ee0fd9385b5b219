package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// elsewhere is a store of limiters whose clock is not ours.
type elsewhere struct {
	limit.Store
	offset time.Duration
}

// Reserve implements limit.Store.
func (e elsewhere) Reserve(ctx context.Context, r limit.Reservation) (limit.Slot, error) {
	slot, err := e.Store.Reserve(ctx, r)
	slot.At, slot.Now = slot.At.Add(e.offset), slot.Now.Add(e.offset)
	return slot, err
}

// Return implements limit.Store.
func (e elsewhere) Return(ctx context.Context, key string, slot limit.Slot, interval time.Duration) error {
	slot.At, slot.Now = slot.At.Add(-e.offset), slot.Now.Add(-e.offset)
	return e.Store.Return(ctx, key, slot, interval)
}

// Load implements limit.Store.
func (e elsewhere) Load(ctx context.Context, keys ...string) (time.Time, []limit.Stored, error) {
	now, states, err := e.Store.Load(ctx, keys...)
	return now.Add(e.offset), states, err
}

// wrongClocks are how far upstream's clock and the store's are ahead of ours.
var wrongClocks = []struct{ upstream, store time.Duration }{
	{time.Hour, time.Hour}, {-time.Hour, -time.Hour}, {time.Hour, 0}, {0, time.Hour},
}

// wrongClock runs replicas for longer than an access token lives while their
// clocks are wrong. Tokens have to be renewed once for every half of their life.
func wrongClock(ctx context.Context, refreshes int64) (string, error) {
	const day, every = 27 * time.Hour, 30 * time.Minute
	calls := 0
	clocks := unlessWatched(wrongClocks, wrongClocks[2:3])
	for _, c := range clocks {
		log := &arrivals{}
		config := paced(log)
		config.kept = true
		config.store = func(s limit.Store) limit.Store { return elsewhere{s, c.store} }
		config.emulated = func(e *emulator.Config) { e.Latency, e.Window = upstreamLatency, 7 }
		if _, err := onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
			s.kept.Advance(c.store)
			s.emulator.SetClock(c.upstream)
			for begun := time.Now(); time.Since(begun) < day; time.Sleep(every) {
				for i, r := range s.replicas {
					calls++
					if _, err := r.page(ctx); err != nil {
						return "", fmt.Errorf("replica %d, %s later: %w", i, time.Since(begun), err)
					}
					if err := r.clients[mainAccount].Keeper().Tend(ctx); err != nil {
						return "", fmt.Errorf("replica %d, %s later: %w", i, time.Since(begun), err)
					}
				}
			}
			stats := s.emulator.Stats()
			switch n := s.tokenCalls(); {
			case n != refreshes:
				return "", fmt.Errorf("%d refreshes in %s, want %d", n, day, refreshes)
			case stats.ByStatus[http.StatusUnauthorized] != 0:
				return "", fmt.Errorf("%d requests were sent with an expired token", stats.ByStatus[http.StatusUnauthorized])
			case stats.TooMany != 0:
				return "", fmt.Errorf("%d answers of 429", stats.TooMany)
			}
			if err := s.pauseKept(ctx, api, log); err != nil {
				return "", err
			}
			return "", s.stamped(ctx, api, c.upstream)
		}); err != nil {
			return "", fmt.Errorf("upstream's clock %s ahead, the store's %s: %w", c.upstream, c.store, err)
		}
	}
	return fmt.Sprintf("%d calls OK under %d pairs of clocks, %d refreshes a day", calls, len(clocks), refreshes), nil
}

// pauseKept has upstream ask for a pause, which is neither longer nor shorter for
// clocks that are wrong.
func (s *bubbleStack) pauseKept(ctx context.Context, api upstreamAPI, log *arrivals) error {
	log.reset()
	if err := s.script(emulator.Rule{Match: emulator.Match{Operation: api.list, Nth: 1}, Action: limitedUntil("7")}); err != nil {
		return err
	}
	if _, err := s.replicas[1].page(ctx); err != nil {
		return fmt.Errorf("a pause: %w", err)
	}
	first := log.of(http.StatusTooManyRequests)
	if len(first) != 1 {
		return fmt.Errorf("a pause: %d answers of 429", len(first))
	}
	next := log.between(first[0].answered, time.Now())
	if len(next) == 0 {
		return errors.New("a pause: nothing left behind it")
	}
	if waited := next[0].at.Sub(first[0].answered); waited < askedPause || waited > askedPause+time.Second {
		return fmt.Errorf("a pause of %s became %s", askedPause, waited)
	}
	return nil
}

// stamped changes a customer: its time of change is upstream's.
func (s *bubbleStack) stamped(ctx context.Context, api upstreamAPI, ahead time.Duration) error {
	page, err := s.firstPage(ctx)
	if err != nil {
		return err
	}
	id := page[0].GetId()
	if _, err := s.customers.UpdateCustomer(ctx, &amogatev1.UpdateCustomerRequest{Id: id, Customer: &amogatev1.Customer{Name: "Stamped"}}); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	stored, _ := s.emulator.Customer(id)
	if off := time.Unix(stored.UpdatedAt, 0).Sub(time.Now().Add(ahead)); off.Abs() > 3*time.Second {
		return fmt.Errorf("an update over %s was stamped %s off upstream's clock", api.generation, off)
	}
	return nil
}
