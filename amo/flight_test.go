package amo

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
)

func TestFlight_callersWithTimeOutlastALongHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Auth: testSession})
		b.hold(t, 2*defaults.SharedTimeout)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), defaults.SharedTimeout+time.Second)
		defer cancel()
		if _, err := b.client.Customers().Get(ctx, 1); !IsKind(err, KindQueueFull) || time.Since(start) != 0 {
			t.Errorf("a caller without the time: %v after %v, want KindQueueFull at once", err, time.Since(start))
		}
		rows, _ := rowsOf(t, b, nil, ListOptions{})
		if len(rows) != 1 || time.Since(start) < 2*defaults.SharedTimeout {
			t.Errorf("a caller with time got %d rows after %v, want them behind the hold", len(rows), time.Since(start))
		}
	})
}

func TestFlight_outlivesTheCallerThatBeganIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1, Latency: 10 * time.Second}, Config{Auth: testSession})
		id := customerIDs(b, 1)[0]
		var wg sync.WaitGroup
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := b.client.Customers().Get(ctx, id); !IsKind(err, KindDeadline) {
				t.Errorf("Get = %v, want KindDeadline", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if got := b.Stats().ByOperation[emulator.OpAuth]; got != 1 {
			t.Errorf("%d logins, want the one that the first caller began", got)
		}
	})
}
