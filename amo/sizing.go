package amo

import (
	"math/bits"
	"time"
)

// firstSize is how many items a request has at first. Larger ones are slower, and
// lose more when their answer is lost.
const firstSize = 50

// sizing tells how many items a write is to have: twice as many after a full one
// was answered while others waited, half as many after one of unknown outcome. The
// zero value begins with firstSize.
type sizing struct {
	// now is the size, 0 = firstSize.
	now int
}

// size returns how many items a write is to have of the most that upstream takes.
func (s *sizing) size(most int) int {
	if s.now == 0 {
		s.now = firstSize
	}
	return max(1, min(s.now, most))
}

// grow takes note of the answer to a write that was allowed so many items; of
// several of one size, that were under way at the same time, only the first counts.
func (s *sizing) grow(allowed, most int, isFull bool) {
	if isFull && allowed == s.size(most) {
		s.now = min(2*allowed, most)
	}
}

// shrink takes note of a write, allowed so many items, whose outcome is not known.
func (s *sizing) shrink(allowed int) { s.now = max(1, min(s.now, allowed/2)) }

// tempo is how long requests of a number of items take, by what was seen. The zero
// value has seen nothing.
type tempo struct {
	// seen are requests by the length of their number of items in bits.
	seen [12]duration
}

// duration is a mean with its mean deviation; zero = nothing is known.
type duration struct{ mean, deviation time.Duration }

// note takes note of one request.
func (p *tempo) note(items int, took time.Duration) {
	d := &p.seen[min(bits.Len(uint(items)), len(p.seen)-1)]
	if d.mean == 0 {
		d.mean, d.deviation = took, took/4
		return
	}
	off := took - d.mean
	d.mean += off / 8
	d.deviation += (off.Abs() - d.deviation) / 4
}

// within is how long a request of so many items takes at most, one in a hundred
// aside; 0 = nothing was seen. Where none of about that size was, it is that of the
// next smaller ones, or else of the next larger.
func (p *tempo) within(items int) time.Duration {
	at := min(bits.Len(uint(items)), len(p.seen)-1)
	for n := at; n >= 0; n-- {
		if d := p.seen[n]; d.mean > 0 {
			return d.mean + 4*d.deviation
		}
	}
	for _, d := range p.seen[at:] {
		if d.mean > 0 {
			return d.mean + 4*d.deviation
		}
	}
	return 0
}

// suspects are callers whose items were refused lately. The zero value has none.
type suspects struct{ until map[string]time.Time }

// add makes a caller a suspect for a while.
func (s *suspects) add(caller string, life time.Duration) {
	now := time.Now()
	if s.until == nil {
		s.until = map[string]time.Time{}
	}
	for name, until := range s.until {
		if now.After(until) {
			delete(s.until, name)
		}
	}
	s.until[caller] = now.Add(life)
}

// has says whether a caller is one.
func (s *suspects) has(caller string, now time.Time) bool { return now.Before(s.until[caller]) }
