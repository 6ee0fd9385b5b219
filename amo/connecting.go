package amo

import (
	"sync"
	"time"
)

const (
	// connectFloor is the least time before its slot in which a request gets its
	// ticket: it is made of what waits, and goes by a connection that is there.
	connectFloor = 5 * time.Millisecond
	// connectRest is how long after the last one connections count as lost: servers
	// keep those that rest for as little as that.
	connectRest = 30 * time.Second
)

// connecting tells how long before its slot a request needs its ticket, by what
// connections took of late. A ticket that comes too early keeps others from theirs,
// and what comes after it waits for the next slot; one that comes too late loses its
// slot. The zero value has seen nothing.
type connecting struct {
	mu sync.Mutex
	// need is the time, as of the moment at.
	need time.Duration
	at   time.Time
}

// note takes note that a connection took so long to get. One that had to be made
// counts at once, with as much again for the next one that takes longer; those that
// were there, little by little: where some requests find one others do not.
func (c *connecting) note(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.need, c.at = max(2*took, c.need-c.need/4), time.Now()
}

// lead is how long before its slot the next request needs its ticket, at most so
// long, which it is while nothing is known.
func (c *connecting) lead(most time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) > connectRest {
		return most
	}
	return min(max(c.need, connectFloor), most)
}
