package limit

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/amogate/amogate/amo/settings"
)

// state is what the store keeps of an account, and of the address under
// EgressKey. Its times are those of the store's clock.
type state struct {
	// HeldUntil is the end of the wait after the last 429.
	HeldUntil time.Time `json:"held_until,omitzero"`
	// Limited counts the 429s in a row, LimitedAt is when the last one came.
	Limited   int       `json:"limited,omitzero"`
	LimitedAt time.Time `json:"limited_at,omitzero"`
	// CutRate is the rate right after it, requests a second.
	CutRate float64 `json:"cut_rate,omitzero"`
	// Ban is open while upstream lets nothing in: nothing of the account, or
	// under EgressKey nothing from this address.
	Ban breaker `json:"ban,omitzero"`
	// UnpaidReads and UnpaidWrites are open after a 402.
	UnpaidReads  breaker `json:"unpaid_reads,omitzero"`
	UnpaidWrites breaker `json:"unpaid_writes,omitzero"`
	// Banned are the accounts that were banned lately, and when; under EgressKey
	// only.
	Banned map[string]time.Time `json:"banned,omitempty"`
}

// breaker is open from Since on, unless that is zero. From ProbeAt on one request
// may find out whether it has to be.
type breaker struct {
	Since   time.Time `json:"since,omitzero"`
	ProbeAt time.Time `json:"probe_at,omitzero"`
}

func (b breaker) open() bool { return !b.Since.IsZero() }

// trip opens the breaker, or keeps it open, until a probe at least.
func (b *breaker) trip(now time.Time, probe time.Duration) {
	if !b.open() {
		b.Since = now
	}
	b.ProbeAt = now.Add(probe)
}

// decodeState reads what a store has. What cannot be read counts as nothing: an
// account must not be silent for good.
func decodeState(data []byte) state {
	var s state
	if len(data) > 0 && json.Unmarshal(data, &s) != nil {
		return state{}
	}
	return s
}

func (s state) encode() []byte {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // a struct of times and numbers
	}
	return data
}

// clone returns a copy that shares nothing.
func (s state) clone() state {
	s.Banned = maps.Clone(s.Banned)
	return s
}

// bound takes back what lies further ahead than it can have been set, which shows
// that the store's clock was set back since: an account must not be silent for as
// long, and a 429 must not pass for an old one.
func (s *state) bound(now time.Time, c settings.Settings) {
	s.HeldUntil = earlier(s.HeldUntil, now.Add(c.MaxHold))
	s.LimitedAt = earlier(s.LimitedAt, now)
	s.Ban.bound(now, c.BlockProbe)
	s.UnpaidReads.bound(now, c.PaymentProbe)
	s.UnpaidWrites.bound(now, c.PaymentProbe)
	for account, at := range s.Banned {
		s.Banned[account] = earlier(at, now)
	}
}

func (b *breaker) bound(now time.Time, probe time.Duration) {
	b.Since, b.ProbeAt = earlier(b.Since, now), earlier(b.ProbeAt, now.Add(probe))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// hold is how long nothing leaves after a 429.
func (s state) hold(now time.Time) time.Duration { return max(s.HeldUntil.Sub(now), 0) }

// rate is the rate at a time, which recovers step by step after a cut. The cut
// counts from the end of the wait: before it nothing leaves anyway.
func (s state) rate(now time.Time, configured float64, c settings.Settings) float64 {
	if s.LimitedAt.IsZero() {
		return configured
	}
	rate := s.CutRate
	if since := now.Sub(s.HeldUntil) - c.CutFor; since > 0 {
		rate += float64(since/c.RecoverEvery) * c.RecoverStep
	}
	return min(rate, configured)
}

// limit takes a 429 into account that answers a request of a time. Those that
// were on their way together are one event.
func (s *state) limit(now, sent time.Time, hold time.Duration, configured float64, c settings.Settings) {
	if sent.After(s.LimitedAt) {
		rate := s.rate(now, configured, c)
		s.CutRate = max(rate/2, min(c.MinRate, configured))
		s.LimitedAt = now
		s.Limited++
		if hold <= 0 {
			base := min(c.LimitedBase<<min(s.Limited-1, 16), c.LimitedMax)
			hold = base/2 + jitter(base/2)
		}
	}
	if until := now.Add(min(hold, c.MaxHold)); until.After(s.HeldUntil) {
		s.HeldUntil = until
	}
}

// banned takes a ban of an account into account, and opens the breaker of the
// address when it is not the only one.
func (s *state) banned(now time.Time, account string, c settings.Settings) {
	if s.Banned == nil {
		s.Banned = map[string]time.Time{}
	}
	maps.DeleteFunc(s.Banned, func(_ string, at time.Time) bool { return now.Sub(at) > c.EgressWindow })
	s.Banned[account] = now
	if len(s.Banned) > 1 {
		s.Ban.trip(now, c.BlockProbe)
	}
}

// merge adds what another state forbids, learned while the store was away.
func (s *state) merge(other state) {
	if other.LimitedAt.After(s.LimitedAt) {
		s.Limited, s.LimitedAt, s.CutRate = other.Limited, other.LimitedAt, other.CutRate
	}
	if other.HeldUntil.After(s.HeldUntil) {
		s.HeldUntil = other.HeldUntil
	}
	for mine, theirs := range map[*breaker]breaker{&s.Ban: other.Ban, &s.UnpaidReads: other.UnpaidReads, &s.UnpaidWrites: other.UnpaidWrites} {
		if theirs.ProbeAt.After(mine.ProbeAt) {
			*mine = theirs
		}
	}
	for account, at := range other.Banned {
		if s.Banned == nil {
			s.Banned = map[string]time.Time{}
		}
		if at.After(s.Banned[account]) {
			s.Banned[account] = at
		}
	}
}

// jitter returns a random duration below limit.
func jitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit) //nolint:gosec // spreads requests, guards nothing
}
