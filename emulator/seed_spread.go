package emulator

import (
	"slices"
	"time"
)

// SeedSpread is how the updated_at of the seeded customers are spread.
type SeedSpread int

// The spreads of updated_at. The even one needs no memory, the other 12 bytes a customer.
const (
	SeedEven   SeedSpread = iota // over three years, rows in nearly equal distances and nearly in the order of their ids
	SeedRandom                   // over Config.SeedSpan, every row at a second of its own choice
)

// spread are update times that have no formula: they are drawn at the start.
type spread struct {
	from int64    // unix seconds
	rows []uint64 // of row i: seconds after from, and in the lower half its place in the order by id
	at   []uint32 // the row at a place in the order by id
}

// seedBurstEvery is how many groups of Config.SeedBurst customers there are for one that was updated in one second.
const seedBurstEvery = 4

func newSpread(s *seed, c Config) *spread {
	span := int64(c.SeedSpan / time.Second)
	sp := &spread{from: c.SeedEnd.Unix() - span + 1, rows: make([]uint64, s.n), at: make([]uint32, s.n)}
	for position := range sp.rows {
		d := s.dice(saltSpread, position)
		if c.SeedBurst > 0 && position/c.SeedBurst%seedBurstEvery == 1 {
			d = s.dice(saltBurst, position/c.SeedBurst)
		}
		sp.rows[position] = uint64(d.below(span))<<32 | uint64(position) //nolint:gosec // neither is negative
	}
	slices.Sort(sp.rows)
	for i := range sp.rows {
		sp.at[sp.position(i)] = uint32(i)
	}
	return sp
}

func (sp *spread) position(i int) int    { return int(uint32(sp.rows[i])) } //nolint:gosec // its lower half
func (sp *spread) updatedAt(i int) int64 { return sp.from + int64(sp.rows[i]>>32) }
