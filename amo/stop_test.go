package amo

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
)

// When the server stops, what has left is answered and the rest of its call is not
// attempted; a call of which nothing has left goes on.
func TestWithStop_sendsNothingMoreOfACall(t *testing.T) {
	for name, c := range map[string]struct {
		items, sent int
		// after is how many requests have left when it stops.
		after int64
	}{
		"in the middle of a batch": {120, firstSize, 1},
		"before a batch":           {120, firstSize, 0},
		"before a single write":    {1, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Latency: time.Second}, Config{Rate: 1})
				stopping, stop := context.WithCancel(t.Context())
				defer stop()
				go func() {
					for b.Stats().ByOperation[emulator.OpCustomersWrite] < c.after {
						time.Sleep(10 * time.Millisecond)
					}
					stop()
				}()
				for i, r := range b.client.Customers().Create(WithStop(t.Context(), stopping), creates(c.items)) {
					if i < c.sent && r.Err != nil || i >= c.sent && !IsKind(r.Err, KindNotAttempted) {
						t.Errorf("item %d: %v", i, r.Err)
					}
				}
				if got := b.CountCustomers(); got != c.sent {
					t.Errorf("%d customers, want %d", got, c.sent)
				}
			})
		})
	}
}
