package main

import "time"

// answers counts what was answered to one caller.
type answers struct {
	count       int
	first, last time.Time
}

func (a *answers) add(when time.Time) {
	if a.count == 0 || when.Before(a.first) {
		a.first = when
	}
	if when.After(a.last) {
		a.last = when
	}
	a.count++
}

// perSecond is the number of answers a second from the first to the last; 0 when
// there are not two.
func (a *answers) perSecond() float64 {
	span := a.last.Sub(a.first).Seconds()
	if span <= 0 {
		return 0
	}
	return float64(a.count-1) / span
}
