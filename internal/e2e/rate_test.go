package e2e

import (
	"bufio"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
)

// arrivals notes when requests leave for upstream.
type arrivals struct {
	next http.RoundTripper

	mu    sync.Mutex
	times []time.Time
}

// RoundTrip implements http.RoundTripper.
func (a *arrivals) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	a.times = append(a.times, time.Now())
	a.mu.Unlock()
	return a.next.RoundTrip(r)
}

// rate is the number of requests a second from the first to the last.
func (a *arrivals) rate() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	span := a.times[len(a.times)-1].Sub(a.times[0])
	return float64(len(a.times)-1) / span.Seconds()
}

// TestRate_isTheConfiguredOneInALongList is the main job in virtual time: the
// account's latency must not slow a list down, and no second may hold more
// requests than upstream allows. Small pages make as many requests of fewer
// rows.
func TestRate_isTheConfiguredOneInALongList(t *testing.T) {
	t.Parallel()
	const customers, pageSize = 400, 10
	overGRPC := func(t *testing.T, s *stack) int { t.Helper(); return len(s.stream(t, "").ids) }
	overREST := func(t *testing.T, s *stack) int { t.Helper(); return s.countLines(t) - 1 }
	for _, c := range []struct {
		name       string
		generation amo.Generation
		rows       func(t *testing.T, s *stack) int
		windows    bool
	}{
		{"gRPC over v2", amo.V2, overGRPC, false},
		{"REST over v2", amo.V2, overREST, false},
		{"gRPC over v4", amo.V4, overGRPC, false},
		{"REST over v4", amo.V4, overREST, false},
		{"gRPC", amo.Auto, overGRPC, false},
		{"gRPC by windows", amo.Auto, overGRPC, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				upstream := &arrivals{}
				s := newStack(t, setup{
					emulator: emulator.Config{Customers: customers, Latency: 120 * time.Millisecond, FiltersOff: !c.windows},
					client:   amo.Config{Generation: c.generation, PageSize: pageSize},
					upstream: func(next http.RoundTripper) http.RoundTripper { upstream.next = next; return upstream },
				})
				if got := c.rows(t, s); got != customers {
					t.Errorf("%d rows, want %d", got, customers)
				}
				if got, want := upstream.rate(), 0.95*amo.DefaultRate; got < want {
					t.Errorf("%.2f requests a second, want at least %.2f", got, want)
				}
				want := customers/pageSize + 5
				if c.generation != amo.V2 {
					want++ // which customers were deleted meanwhile
				}
				if got := len(upstream.times); got != want && !c.windows {
					t.Errorf("%d requests, want %d: the account, the pages, twice the empty one, and the last page and the empty one again", got, want)
				}
				s.checkLimit(t)
			})
		})
	}
}

// countLines counts the lines of a list over REST.
func (s *stack) countLines(t *testing.T) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+"/v1/customers:stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.rest.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	n := 0
	for lines.Scan() {
		n++
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}
