package amo

import (
	"math"
	"time"

	"github.com/amogate/amogate/amo/limit"
)

// pace tells how many requests of a list have to be on their way for upstream's
// latency not to show: the rate times the time that an answer takes.
type pace struct {
	// rate is the present rate, requests a second.
	rate func() float64
	// average is the time from departure to answer, stray how far it is off on
	// average.
	average, stray time.Duration
	observed       bool
}

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

// depth is how many: one more than are flying, for the next slot, and no more than
// the limiter lets fly.
func (p *pace) depth() int {
	flying := math.Ceil(p.rate() * (p.average + p.stray).Seconds())
	return int(min(max(flying, 1)+1, limit.DefaultInFlight))
}
