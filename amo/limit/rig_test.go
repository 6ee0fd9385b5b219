package limit

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/amogate/amogate/amo/settings"
)

// rig returns a limiter over a store, whose name is "shop" unless config says
// otherwise.
func rig(t *testing.T, store Store, config Config) *Limiter {
	t.Helper()
	if config.Account == "" {
		config.Account = "shop"
	}
	if config.Rate == 0 {
		config.Rate = 6
	}
	if config.Settings == (settings.Settings{}) {
		config.Settings = settings.Default()
	}
	config.Store = store
	l, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// open returns a store whose first slot is now.
func open() *Memory { return NewMemory(0) }

// send waits for a slot, and says that the request was answered.
func send(ctx context.Context, l *Limiter, r Request) error {
	return sendFor(ctx, l, r, 0, Answered)
}

// sendFor waits for a slot, and is answered so after a latency.
func sendFor(ctx context.Context, l *Limiter, r Request, latency time.Duration, o Outcome) error {
	for {
		ticket, err := l.Wait(ctx, r)
		if err != nil {
			return err
		}
		ready, err := ticket.Ready(ctx)
		if err != nil {
			ticket.Done()
			return err
		}
		if !ready {
			ticket.Done()
			continue
		}
		time.Sleep(latency)
		ticket.Observe(ctx, o, 0)
		ticket.Done()
		return nil
	}
}

// log collects when requests left.
type log struct {
	since time.Time
	mu    sync.Mutex
	names []string
	times []time.Duration
}

func newLog() *log { return &log{since: time.Now()} }

func (g *log) add(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names = append(g.names, name)
	g.times = append(g.times, time.Since(g.since))
}

// sorted returns the times in order.
func (g *log) sorted() []time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Sorted(slices.Values(g.times))
}

// fullest is the most requests of any second.
func fullest(times []time.Duration) int {
	most, from := 0, 0
	for to := range times {
		for times[to]-times[from] >= time.Second {
			from++
		}
		most = max(most, to-from+1)
	}
	return most
}
