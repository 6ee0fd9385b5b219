package limit

import "time"

// clock tells the store's time between its answers. Its best guess is the answer
// that came fastest, and our own monotonic clock since.
type clock struct {
	// local and store are the same moment by both clocks, known to within spread.
	local, store time.Time
	spread       time.Duration
}

// sample takes an answer of the store into account.
func (c *clock) sample(sent, received, store time.Time) {
	spread := received.Sub(sent)
	local := sent.Add(spread / 2)
	if !c.local.IsZero() {
		// Clocks drift by less than a thousandth; what is further off was set.
		known := c.spread + local.Sub(c.local)/1000
		off := c.at(local).Sub(store).Abs()
		if spread > known && off <= (spread+known)/2 {
			return
		}
	}
	*c = clock{local: local, store: store, spread: spread}
}

// at is the store's time at a moment of ours.
func (c *clock) at(local time.Time) time.Time { return c.store.Add(local.Sub(c.local)) }

// moment is our moment of a time of the store's.
func (c *clock) moment(store time.Time) time.Time { return c.local.Add(store.Sub(c.store)) }
