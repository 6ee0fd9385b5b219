package process

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

func TestWatch_seesTheFirstAndTheLastRequest(t *testing.T) {
	var requests, resets atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			resets.Add(1)
		}
		_, _ = fmt.Fprintf(w, `{"requests":%d,"by_operation":{"account":2},"responses_429":1,"fullest_window":4,"added":5}`, requests.Load())
	}))
	defer server.Close()
	w, err := WatchUpstream(t.Context(), server.URL, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	requests.Store(1)
	waitFor(t, func() bool { return time.Since(begun) > 20*time.Millisecond })
	requests.Store(3)
	seen, err := w.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if resets.Load() != 1 || seen.Requests != 3 || seen.TooMany != 1 || seen.FullestWindow != 4 || seen.Added != 5 || seen.ByOperation["account"] != 2 {
		t.Errorf("%d resets, seen %+v", resets.Load(), seen)
	}
	if seen.Span() <= 0 || seen.Last.Before(seen.First) {
		t.Errorf("from %v to %v", seen.First, seen.Last)
	}
}

// waitFor waits for a condition that time makes true.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	for !done() {
		<-ticks.C
	}
}

func TestSeen_rate(t *testing.T) {
	begun := time.Now()
	seen := Seen{Stats: Stats{Requests: 61}, First: begun, Last: begun.Add(10 * time.Second)}
	if got := seen.Rate(); got != 6 {
		t.Errorf("Rate = %v, want 6", got)
	}
	if got := (Seen{Stats: Stats{Requests: 1}, First: begun, Last: begun}).Rate(); got != 0 {
		t.Errorf("Rate of one request = %v, want 0", got)
	}
}
