package emulator

import (
	"maps"
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
	windows     map[int]int64 // requests by how many the second that ended with them held
	violations  []time.Time   // of the last banSpan, oldest first
	bannedUntil time.Time
	bans        int64
}

// arrive records a request and judges it. One that is not counted takes no place in the window, but meets a ban.
func (l *limiter) arrive(now time.Time, counted bool) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.arrivals); n > 0 && now.Before(l.arrivals[n-1]) {
		now = l.arrivals[n-1] // callers read the clock before they get here, and can pass each other
	}
	if !counted {
		if now.Before(l.bannedUntil) {
			return banned
		}
		return admitted
	}
	l.arrivals = append(since(l.arrivals, now.Add(-time.Second)), now)
	l.fullest = max(l.fullest, len(l.arrivals))
	if l.windows == nil {
		l.windows = map[int]int64{}
	}
	l.windows[len(l.arrivals)]++
	if now.Before(l.bannedUntil) {
		return banned
	}
	if l.limit < 0 || len(l.arrivals) <= l.limit {
		return admitted
	}
	l.violations = append(since(l.violations, now.Add(-l.banSpan)), now)
	if l.banAfter >= 0 && len(l.violations) >= l.banAfter {
		l.bannedUntil = now.Add(l.banFor)
		l.bans++
		l.violations = l.violations[:0]
	}
	return tooMany
}

// tell adds what the limiter counted to the statistics.
func (l *limiter) tell(s *Stats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.FullestWindow, s.Bans = l.fullest, l.bans
	s.ByWindow = maps.Clone(l.windows)
	if s.ByWindow == nil {
		s.ByWindow = map[int]int64{}
	}
}

// reset forgets what was counted; the window, violations and a ban stay.
func (l *limiter) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fullest, l.bans, l.windows = 0, 0, nil
}

// SetWindow changes Config.Window: 0 and negative admit any number. What other programs take of an account's share is
// had that way.
func (e *Emulator) SetWindow(n int) {
	if n == 0 {
		n = -1
	}
	e.limiter.mu.Lock()
	defer e.limiter.mu.Unlock()
	e.limiter.limit = n
}

// Ban bans the account for so long, from now on, whatever it did: every call is answered 403.
func (e *Emulator) Ban(d time.Duration) {
	e.limiter.mu.Lock()
	defer e.limiter.mu.Unlock()
	e.limiter.bannedUntil = time.Now().Add(d)
	e.limiter.bans++
}

// Unban ends a ban and forgets what led to it.
func (e *Emulator) Unban() {
	e.limiter.mu.Lock()
	defer e.limiter.mu.Unlock()
	e.limiter.bannedUntil, e.limiter.violations = time.Time{}, nil
}

// since drops the instants at or before start: two requests exactly a span apart do not share a window.
func since(times []time.Time, start time.Time) []time.Time {
	i := slices.IndexFunc(times, func(t time.Time) bool { return t.After(start) })
	if i < 0 {
		return times[:0]
	}
	return slices.Delete(times, 0, i)
}
