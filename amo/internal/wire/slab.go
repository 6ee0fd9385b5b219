package wire

// Slab hands out the parts of the rows of one page, many from one allocation. A
// part that is kept keeps up to 63 others in memory. The zero value is ready.
type Slab[T any] struct {
	free []T
	size int
}

// Sizes of what a slab takes at once: little for the only row of an answer.
const (
	firstSlab = 4
	maxSlab   = 64
)

// New returns a new zero value.
func (s *Slab[T]) New() *T {
	if len(s.free) == 0 {
		s.size = min(max(firstSlab, 2*s.size), maxSlab)
		s.free = make([]T, s.size)
	}
	v := &s.free[0]
	s.free = s.free[1:]
	return v
}
