package emulator

import (
	"cmp"
	"slices"
	"sort"
)

// sortKey is the place of a row in a list: the order's own value, then the id.
type sortKey struct{ primary, id int64 }

func (k sortKey) compare(o sortKey) int {
	return cmp.Or(cmp.Compare(k.primary, o.primary), cmp.Compare(k.id, o.id))
}

// index is one order of all records of a kind: the seeded rows, which exist only as a function, merged with the rows
// that were changed or added since. Any offset is found in logarithmic time.
type index[R any] struct {
	seeded int                 // number of seeded rows
	key    func(j int) sortKey // of seeded row j in this order; strictly increasing
	keyOf  func(*R) sortKey    // of any row in this order
	hidden []int               // seeded rows that were changed or deleted, ascending
	rows   []*R                // changed and added rows, ascending
}

// hide takes seeded row j out of the order.
func (x *index[R]) hide(j int) {
	if at, found := slices.BinarySearch(x.hidden, j); !found {
		x.hidden = slices.Insert(x.hidden, at, j)
	}
}

func (x *index[R]) insert(row *R) {
	at := x.rowsBelow(x.keyOf(row))
	x.rows = slices.Insert(x.rows, at, row)
}

func (x *index[R]) remove(row *R) {
	k := x.keyOf(row)
	at := x.rowsBelow(k)
	if at < len(x.rows) && x.keyOf(x.rows[at]) == k {
		x.rows = slices.Delete(x.rows, at, at+1)
	}
}

// rowsBelow is the number of changed or added rows before k.
func (x *index[R]) rowsBelow(k sortKey) int {
	at, _ := slices.BinarySearchFunc(x.rows, k, func(row *R, k sortKey) int { return x.keyOf(row).compare(k) })
	return at
}

// rank is the number of rows before seeded row j.
func (x *index[R]) rank(j int) int {
	hidden, _ := slices.BinarySearch(x.hidden, j)
	return j - hidden + x.rowsBelow(x.key(j))
}

// before is the number of rows whose key is below k.
func (x *index[R]) before(k sortKey) int {
	j := sort.Search(x.seeded, func(j int) bool { return x.key(j).compare(k) >= 0 })
	hidden, _ := slices.BinarySearch(x.hidden, j)
	return j - hidden + x.rowsBelow(k)
}

// seek returns a cursor that has passed offset rows.
func (x *index[R]) seek(offset int) *cursor[R] {
	j := sort.Search(x.seeded, func(j int) bool { return x.rank(j) > offset }) - 1
	if j < 0 {
		return x.cursor(0, offset)
	}
	below := x.rowsBelow(x.key(j))
	skip := offset - x.rank(j)
	if _, hidden := slices.BinarySearch(x.hidden, j); !hidden && skip > 0 {
		j, skip = j+1, skip-1
	}
	return x.cursor(j, below+skip) // all that is left to skip lies between two seeded rows
}

func (x *index[R]) cursor(j, row int) *cursor[R] {
	h, _ := slices.BinarySearch(x.hidden, j)
	return &cursor[R]{x: x, j: j, h: h, row: min(row, len(x.rows))}
}

// cursor walks an index. It is good until the index changes.
type cursor[R any] struct {
	x    *index[R]
	j, h int // next seeded row, and where in hidden it would be
	row  int // next changed or added row
}

// next returns the next row: a changed or added one, or the number of a seeded one. ok is false at the end.
func (c *cursor[R]) next() (row *R, j int, ok bool) {
	for c.h < len(c.x.hidden) && c.x.hidden[c.h] == c.j {
		c.h++
		c.j++
	}
	seeded, added := c.j < c.x.seeded, c.row < len(c.x.rows)
	if seeded && added {
		added = c.x.keyOf(c.x.rows[c.row]).compare(c.x.key(c.j)) < 0
		seeded = !added
	}
	switch {
	case added:
		c.row++
		return c.x.rows[c.row-1], 0, true
	case seeded:
		c.j++
		return nil, c.j - 1, true
	}
	return nil, 0, false
}
