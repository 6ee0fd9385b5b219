package amo

import (
	"math"
	"time"
)

// signpost follows upstream's clock through the answers of one list, so that what
// changes while the list runs is asked for by upstream's own time. Our clock only
// measures how long things take. The zero signpost knows nothing.
type signpost struct {
	// low is the earliest that upstream's clock can have been since the list began,
	// and round since the last call of begin, in unix seconds; 0 = no answer told
	// the time. They never rise: when upstream's clock is set back, what changes
	// then has times that are past.
	low, round int64
	// latest is when the last answer came, by our clock.
	latest time.Time
}

// begin begins a new round.
func (s *signpost) begin() { s.round = 0 }

// note takes an answer into account. It returns the second that upstream's clock had
// not passed when the request left; 0 = the answer tells no time.
func (s *signpost) note(answer usage) int64 {
	if answer.date.IsZero() {
		return 0
	}
	low := answer.since(answer.left)
	if s.latest.Before(answer.left) && !s.latest.IsZero() && s.round != 0 {
		// The clock may have been set back right after the answer before.
		low = answer.since(s.latest)
	}
	s.low, s.round = earlier(s.low, low), earlier(s.round, low)
	if answer.came.After(s.latest) {
		s.latest = answer.came
	}
	return answer.since(answer.left)
}

// since is the second that upstream's clock had not passed at an instant of ours
// before the answer came, if it was not set meanwhile.
func (u usage) since(instant time.Time) int64 {
	return u.date.Unix() - int64(math.Ceil(u.came.Sub(instant).Seconds()))
}

// earlier returns the earlier of two seconds, of which 0 is none.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
