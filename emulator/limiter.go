package emulator

import (
	"slices"
	"sync"
	"time"
)

// verdict is what the limiter says to a request.
type verdict int

const (
	admitted verdict = iota
	tooMany
	banned
)

// limiter counts the requests of an account in a sliding window of one second. Refused requests count too, so a
// caller that keeps pushing stays refused. Its methods are safe for concurrent use.
type limiter struct {
	limit    int // negative: none
	banAfter int // negative: never
	banSpan  time.Duration
	banFor   time.Duration

	mu          sync.Mutex
	arrivals    []time.Time // of the last second, oldest first
	fullest     int
	violations  []time.Time // of the last banSpan, oldest first
	bannedUntil time.Time
}

// arrive records a request and judges it.
func (l *limiter) arrive(now time.Time) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.arrivals); n > 0 && now.Before(l.arrivals[n-1]) {
		now = l.arrivals[n-1] // callers read the clock before they get here, and can pass each other
	}
	l.arrivals = append(since(l.arrivals, now.Add(-time.Second)), now)
	l.fullest = max(l.fullest, len(l.arrivals))
	if now.Before(l.bannedUntil) {
		return banned
	}
	if l.limit < 0 || len(l.arrivals) <= l.limit {
		return admitted
	}
	l.violations = append(since(l.violations, now.Add(-l.banSpan)), now)
	if l.banAfter >= 0 && len(l.violations) >= l.banAfter {
		l.bannedUntil = now.Add(l.banFor)
		l.violations = l.violations[:0]
	}
	return tooMany
}

func (l *limiter) fullestWindow() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fullest
}

func (l *limiter) resetFullest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fullest = 0
}

// since drops the instants at or before start: two requests exactly a span apart do not share a window.
func since(times []time.Time, start time.Time) []time.Time {
	i := slices.IndexFunc(times, func(t time.Time) bool { return t.After(start) })
	if i < 0 {
		return times[:0]
	}
	return slices.Delete(times, 0, i)
}
