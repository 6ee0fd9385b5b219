package emulator

import (
	"cmp"
	"math"
	"slices"
)

// page returns the rows a query asks for, in the ascending order. The rows are shared and must not be changed.
func (st *customerStore) page(q listQuery) []*Customer {
	st.lockForList()
	defer st.mu.RUnlock()
	if q.ids != nil {
		return st.pageOfIDs(q.ids)
	}
	return st.pageIn(st.listed.customerOrders, q)
}

// pageNow returns rows as they are, whatever lists show.
func (st *customerStore) pageNow(q listQuery) []*Customer {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.pageIn(&st.customerOrders, q)
}

// pageIn returns the rows a query finds in the given orders, in the ascending order. The caller holds the lock for
// reading.
func (st *customerStore) pageIn(orders *customerOrders, q listQuery) []*Customer {
	x := &orders.byUpdated
	if q.byID {
		x = &orders.byID
	}
	if !q.filtered() {
		return st.collect(x.seek(q.offset), q, 0, anyTime.to)
	}
	first, skip, last := 0, q.offset, anyTime.to
	if !q.byID { // the order itself narrows a filter by update time
		if q.updated != nil {
			first, last = x.before(sortKey{primary: q.updated.from}), q.updated.to
		}
		if q.since != 0 {
			first = max(first, x.before(sortKey{primary: q.since + 1}))
		}
		if q.onlyUpdated() { // then every row of the range matches
			first, skip = first+skip, 0
		}
	}
	return st.collect(x.seek(first), q, skip, last)
}

// pageV4 returns the rows a query asks for. Unlike in v2 other filters hold beside ids, and the order may be reversed.
func (st *customerStore) pageV4(q listQuery) []*Customer {
	st.lockForList()
	defer st.mu.RUnlock()
	orders := st.listed.customerOrders
	switch {
	case q.ids != nil:
		return st.someV4(q)
	case q.updated != nil && (q.byID || q.desc || !q.onlyUpdated()):
		if rows, ok := st.window(orders, q); ok {
			return rows
		}
	}
	if !q.desc {
		return st.pageIn(orders, q)
	}
	// The orders are walked from their beginning, so the last rows are found by counting all of them.
	all := q
	all.rows, all.offset = 0, 0
	rest := st.count(orders, all) - q.offset
	if rest <= 0 {
		return nil
	}
	q.offset, q.rows = max(0, rest-q.rows), min(q.rows, rest)
	rows := st.pageIn(orders, q)
	slices.Reverse(rows)
	return rows
}

// windowShare is how many times a filtered range of time must fit into the account for its rows to be looked at alone.
const windowShare = 4

// window returns the rows of a query that filters by update time, whatever its order and its other filters, by looking at
// those of that time alone. ok is false when they are so many that a walk in the order that is asked for is better. The
// caller holds the lock for reading.
func (st *customerStore) window(orders *customerOrders, q listQuery) (rows []*Customer, ok bool) {
	x := &orders.byUpdated
	first := x.before(sortKey{primary: q.updated.from})
	size := x.before(sortKey{q.updated.to, math.MaxInt64}) - first
	if size*windowShare > x.count() && size > maxRows {
		return nil, false
	}
	type candidate struct {
		id  int64
		row *Customer // nil: seeded row j
		j   int
	}
	found := make([]candidate, 0, max(0, size))
	for cur := x.seek(first); size > 0; size-- {
		row, j, ok := cur.next()
		if !ok {
			break
		}
		h := st.headOf(row, j)
		if !q.match(h) {
			continue
		}
		if q.text != "" || q.keep != nil {
			if row = st.rowOf(row, j); !q.judge(row) {
				continue
			}
		}
		found = append(found, candidate{h.id, row, j})
	}
	if q.byID {
		slices.SortFunc(found, func(a, b candidate) int { return cmp.Compare(a.id, b.id) })
	}
	if q.desc {
		slices.Reverse(found)
	}
	found = found[min(q.offset, len(found)):]
	for _, c := range found[:min(q.rows, len(found))] {
		rows = append(rows, st.rowOf(c.row, c.j))
	}
	return rows, true
}

// headOf is the head of a row that is stored or, when it is nil, of seeded row j.
func (st *customerStore) headOf(row *Customer, j int) head {
	if row != nil {
		return row.head()
	}
	return st.seed.head(j)
}

// rowOf is a row that is stored or, when it is nil, seeded row j.
func (st *customerStore) rowOf(row *Customer, j int) *Customer {
	if row != nil {
		return row
	}
	return st.seed.customer(j)
}

// judge reports whether a query finds a row whose head matches.
func (q *listQuery) judge(cu *Customer) bool {
	return (q.text == "" || cu.contains(q.text)) && (q.keep == nil || q.keep(cu))
}

// count returns how many rows a query finds. The caller holds the lock for reading.
func (st *customerStore) count(orders *customerOrders, q listQuery) int {
	if !q.filtered() {
		return orders.byID.count()
	}
	if q.updated != nil && q.onlyUpdated() {
		x := &orders.byUpdated
		return x.before(sortKey{q.updated.to, math.MaxInt64}) - x.before(sortKey{primary: q.updated.from})
	}
	n := 0
	q.rows = 1
	keep := q.keep
	q.keep = func(cu *Customer) bool {
		if keep == nil || keep(cu) {
			n++
		}
		return false
	}
	x := &orders.byUpdated
	if q.byID {
		x = &orders.byID
	}
	st.collect(x.seek(0), q, 0, anyTime.to)
	return n
}

// someV4 returns those of the rows with the ids of a query that it finds, as they are now, whatever lists show. The
// caller holds the lock for reading.
func (st *customerStore) someV4(q listQuery) []*Customer {
	ids := slices.Clone(q.ids)
	slices.Sort(ids)
	var rows []*Customer
	for _, id := range slices.Compact(ids) {
		cu := st.find(id)
		if cu != nil && q.match(cu.head()) && q.judge(cu) {
			rows = append(rows, cu)
		}
	}
	if !q.byID {
		slices.SortStableFunc(rows, func(a, b *Customer) int { return cmp.Compare(a.UpdatedAt, b.UpdatedAt) })
	}
	if q.desc {
		slices.Reverse(rows)
	}
	rows = rows[min(q.offset, len(rows)):]
	return rows[:min(q.rows, len(rows))]
}
