package emulator

import "iter"

// scanned is how many rows a list looks at before it lets writers in.
const scanned = 4096

// foundCustomer is a row that a walk came by.
type foundCustomer struct {
	id  int64
	row *Customer // nil: seeded row j
	j   int
}

// found walks from a cursor over the rows a query finds, past skip of them, and stops behind a row updated after last.
// The caller holds the lock for reading; a long walk gives it up between rows and goes on behind the last one, so a
// search through a large base does not stop every write. A row that is moved meanwhile to where the walk comes by again
// is found once.
func (st *customerStore) found(cur *cursor[Customer], q listQuery, skip int, last int64) iter.Seq[foundCustomer] {
	return func(yield func(foundCustomer) bool) {
		passed := map[int64]struct{}{}
		for n := 1; ; n++ {
			if n%scanned == 0 {
				cur = st.pause(cur)
			}
			row, j, ok := cur.next()
			if !ok {
				return
			}
			if row == nil && q.byID {
				j = st.seed.row(j)
			}
			h := st.headOf(row, j)
			if h.updated > last {
				return
			}
			if !q.match(h) || (q.text != "" || q.keep != nil) && !q.judge(st.rowOf(row, j)) {
				continue
			}
			if skip > 0 {
				skip--
				continue
			}
			if _, moved := passed[h.id]; moved {
				continue
			}
			passed[h.id] = struct{}{}
			if !yield(foundCustomer{h.id, row, j}) {
				return
			}
		}
	}
}

// collect returns the rows of a page that begins behind skip of those a query finds from a cursor on, as found does.
func (st *customerStore) collect(cur *cursor[Customer], q listQuery, skip int, last int64) []*Customer {
	page := make([]*Customer, 0, min(q.rows, maxRows))
	for f := range st.found(cur, q, skip, last) {
		page = append(page, st.rowOf(f.row, f.j))
		if len(page) == q.rows {
			break
		}
	}
	return page
}

// pause lets waiting writers in and returns a cursor at the row the old one was at, or at the next if it is gone.
func (st *customerStore) pause(cur *cursor[Customer]) *cursor[Customer] {
	ahead := *cur
	c, j, ok := ahead.next()
	if !ok {
		return cur
	}
	x := cur.x
	var key sortKey
	if c != nil {
		key = x.rows.keyOf(c)
	} else {
		key = x.key(j)
	}
	st.mu.RUnlock()
	st.mu.RLock()
	return x.seek(x.before(key))
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
