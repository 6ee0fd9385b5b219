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
	x := orders.inOrder(q)
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
	switch {
	case !q.desc:
		return st.pageIn(orders, q)
	case q.filtered() && (q.byID || !q.onlyUpdated()):
		return st.pageOf(slices.Collect(st.found(orders.inOrder(q).seek(0), q, 0, anyTime.to)), q)
	}
	// The order by update time tells how many rows there are, and so which page from its beginning the last ones make.
	x := &orders.byUpdated
	rest := x.count()
	if q.updated != nil {
		rest = x.before(sortKey{q.updated.to, math.MaxInt64}) - x.before(sortKey{primary: q.updated.from})
	}
	rest -= q.offset
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
	inTime := q
	inTime.byID = false
	found := slices.Collect(st.found(x.seek(first), inTime, 0, q.updated.to))
	if q.byID {
		slices.SortFunc(found, func(a, b foundCustomer) int { return cmp.Compare(a.id, b.id) })
	}
	return st.pageOf(found, q), true
}

// pageOf returns the page a query asks for of all the rows it finds, which come in the ascending order.
func (st *customerStore) pageOf(found []foundCustomer, q listQuery) []*Customer {
	if q.desc {
		slices.Reverse(found)
	}
	found = found[min(q.offset, len(found)):]
	var rows []*Customer
	for _, f := range found[:min(q.rows, len(found))] {
		rows = append(rows, st.rowOf(f.row, f.j))
	}
	return rows
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
