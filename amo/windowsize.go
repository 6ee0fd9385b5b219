package amo

import "math"

// windowSize chooses how many seconds of changes make one page, from the windows
// that came. A page that is not full wastes the room that is left in it, one that
// is full the request: two more take its place. How full to aim at depends on how
// far the counts of rows stray, which is measured, too. Times of change that have
// nothing to do with each other stray by the square root of their number: of 250
// rows 218 are the best, and 84 % of the room is used; evenly spread ones leave
// nearly none of it.
type windowSize struct {
	// rows came in so many seconds; what is long ago counts less.
	rows, seconds float64
	// stray is the mean square of how far the counts were off, as a share.
	stray float64
	// fulls is how many windows on end were full.
	fulls int
}

const (
	// strays is by how many standard deviations the aim lies below a full page.
	// Simulated: between 1.8 and 2.4 it makes no difference.
	strays = 2.1
	// minFill and maxFill bound the aim. A sudden change of density spoils a few
	// windows whatever they aim at.
	minFill, maxFill = 0.5, 0.98
	// keepSteady and keepSudden are what the past counts for when a window comes,
	// the second where it is off by more than chance explains.
	keepSteady, keepSudden = 0.8, 0.3
	// leastStray and mostStray bound what is believed of the first page.
	leastStray, mostStray = 0.0001, 0.05
	// strayWeight is what one window counts for in stray.
	strayWeight = 0.1
)

// seed begins with so many rows in so many seconds.
func (s *windowSize) seed(rows int, seconds int64) {
	s.rows, s.seconds = float64(rows), float64(max(seconds, 1))
}

// spreadParts are the parts of a page that are compared with each other.
const spreadParts = 10

// spread begins with a page of rows that changed at these times, in their order.
// Its parts stray as pages do, and more by as much as they have fewer rows.
func (s *windowSize) spread(times []int64) {
	first, seconds := times[0], times[len(times)-1]-times[0]+1
	s.seed(len(times), seconds)
	var parts [spreadParts]float64
	for _, at := range times {
		parts[(at-first)*spreadParts/seconds]++
	}
	mean := float64(len(times)) / spreadParts
	square := 0.0
	for _, rows := range parts {
		square += (rows - mean) * (rows - mean) / spreadParts
	}
	s.stray = min(max(square/(mean*mean)/spreadParts, leastStray), mostStray)
}

// expects is how many rows so many seconds are likely to have.
func (s *windowSize) expects(seconds int64) float64 {
	if s.seconds == 0 {
		return 0
	}
	return s.rows / s.seconds * float64(seconds)
}

// fill is the share of a page to aim at.
func (s *windowSize) fill(limit int) float64 {
	if s.stray == 0 {
		s.stray = 1 / float64(limit)
	}
	return min(max(1/(1+strays*math.Sqrt(s.stray)), minFill), maxFill)
}

// next is how many seconds the next window is to have.
func (s *windowSize) next(limit int) int64 {
	rate := max(s.rows, 0.5) / s.seconds
	return int64(min(max(s.fill(limit)*float64(limit)/rate, 1), math.MaxInt32))
}

// observe takes into account that a window had so many rows, or at least so many
// where it was full.
func (s *windowSize) observe(rows int, seconds int64, full bool) {
	if s.seconds == 0 {
		s.seed(rows, seconds)
		return
	}
	expected := s.expects(seconds)
	came := float64(rows)
	if full {
		// How many more there are is not known: a few, unless that goes on.
		s.fulls++
		came = max(came, expected) * min(1+0.1*float64(s.fulls*s.fulls), 2)
	} else {
		s.fulls = 0
	}
	keep := keepSteady
	switch off := math.Abs(came - expected); {
	case off > 4*math.Sqrt(expected)+1:
		keep = keepSudden
	case expected > 1:
		s.stray += strayWeight * (off*off/(expected*expected) - s.stray)
	}
	s.rows, s.seconds = keep*s.rows+came, keep*s.seconds+float64(seconds)
}
