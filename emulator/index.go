package emulator

import (
	"cmp"
	"sort"
)

// sortKey is the place of a row in a list: the order's own value, then the id.
type sortKey struct{ primary, id int64 }

func (k sortKey) compare(o sortKey) int {
	return cmp.Or(cmp.Compare(k.primary, o.primary), cmp.Compare(k.id, o.id))
}

// index is one order of all records of a kind: the seeded rows, which exist only as a function, merged with the rows
// that were changed or added since. Any offset is found without a walk.
type index[R any] struct {
	seeded int                 // number of seeded rows
	key    func(j int) sortKey // of seeded row j in this order; strictly increasing
	hidden hiddenRows          // seeded rows that were changed or deleted
	rows   sortedRows[R]       // changed and added rows
}

func newIndex[R any](seeded int, key func(j int) sortKey, keyOf func(*R) sortKey) index[R] {
	return index[R]{seeded: seeded, key: key, rows: sortedRows[R]{keyOf: keyOf}}
}

// hide takes seeded row j out of the order.
func (x *index[R]) hide(j int) { x.hidden.hide(j, x.seeded) }

func (x *index[R]) insert(row *R) { x.rows.insert(row) }
func (x *index[R]) remove(row *R) { x.rows.remove(row) }

// count is the number of all rows.
func (x *index[R]) count() int { return x.seeded - x.hidden.count + x.rows.count }

// rank is the number of rows before seeded row j.
func (x *index[R]) rank(j int) int { return j - x.hidden.below(j) + x.rows.below(x.key(j)) }

// before is the number of rows whose key is below k.
func (x *index[R]) before(k sortKey) int {
	j := sort.Search(x.seeded, func(j int) bool { return x.key(j).compare(k) >= 0 })
	return j - x.hidden.below(j) + x.rows.below(k)
}

// seek returns a cursor that has passed offset rows.
func (x *index[R]) seek(offset int) *cursor[R] {
	j := sort.Search(x.seeded, func(j int) bool { return x.rank(j) > offset }) - 1
	if j < 0 {
		return x.cursor(0, offset)
	}
	below := x.rows.below(x.key(j))
	skip := offset - x.rank(j)
	if !x.hidden.has(j) && skip > 0 {
		j, skip = j+1, skip-1
	}
	return x.cursor(j, below+skip) // all that is left to skip lies between two seeded rows
}

func (x *index[R]) cursor(j, row int) *cursor[R] {
	return &cursor[R]{x: x, j: j, row: x.rows.place(row)}
}

// cursor walks an index. It is good until the index changes.
type cursor[R any] struct {
	x   *index[R]
	j   int      // next seeded row, hidden or not
	row sortedAt // before the next changed or added row
}

// next returns the next row: a changed or added one, or the number of a seeded one. ok is false at the end.
func (c *cursor[R]) next() (row *R, j int, ok bool) {
	x := c.x
	for c.j < x.seeded && x.hidden.has(c.j) {
		c.j++
	}
	row = x.rows.behind(c.row)
	switch {
	case row != nil && (c.j >= x.seeded || x.rows.keyOf(row).compare(x.key(c.j)) < 0):
		c.row = x.rows.after(c.row)
		return row, 0, true
	case c.j < x.seeded:
		c.j++
		return nil, c.j - 1, true
	}
	return nil, 0, false
}
