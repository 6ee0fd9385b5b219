package amo

import (
	"math"
	"slices"
	"time"

	"github.com/amogate/amogate/amo/limit"
)

// pace tells how many requests of a list have to be on their way for upstream's
// latency not to show: the rate times the time that an answer takes. A reader who
// takes longer for a value than a slot is the rate.
type pace struct {
	// rate is the present rate, requests a second.
	rate func() float64
	// average is the time from departure to answer, stray how far it is off on
	// average.
	average, stray time.Duration
	observed       bool
	// reads are how long the reader took for the last values, reading how many
	// there were.
	reads   [lastReads]time.Duration
	reading int
}

// lastReads is how many values on end a reader has to be slow for: one who rests
// once is not.
const lastReads = 4

// observe takes the time of one answer into account. The weights are those by
// which TCP estimates round trips.
func (p *pace) observe(took time.Duration) {
	if !p.observed {
		p.average, p.observed = took, true
		return
	}
	off := took - p.average
	p.average += off / 8
	p.stray += (off.Abs() - p.stray) / 4
}

// read takes note of how long the reader took for a value.
func (p *pace) read(took time.Duration) {
	p.reads[p.reading%lastReads] = took
	p.reading++
}

// depth is how many: one more than are flying, for the next slot, and no more than
// the limiter lets fly.
func (p *pace) depth() int {
	rate := p.rate()
	if slow := slices.Min(p.reads[:]).Seconds(); p.reading >= lastReads && slow > 0 {
		rate = min(rate, 1/slow)
	}
	flying := math.Ceil(rate * (p.average + p.stray).Seconds())
	return int(min(max(flying, 1)+1, limit.DefaultInFlight))
}
