package emulator

import "time"

// customerOrders are the orders customers are listed in.
type customerOrders struct{ byUpdated, byID index[Customer] }

func newCustomerOrders(s *seed) customerOrders {
	return customerOrders{
		byUpdated: newIndex(s.n,
			func(j int) sortKey { return sortKey{s.updatedAt(j), s.id(j)} },
			func(c *Customer) sortKey { return sortKey{c.UpdatedAt, c.ID} },
		),
		byID: newIndex(s.n,
			func(p int) sortKey { return sortKey{id: s.idAt(p)} },
			func(c *Customer) sortKey { return sortKey{id: c.ID} },
		),
	}
}

func (o *customerOrders) insert(c *Customer) {
	o.byUpdated.insert(c)
	o.byID.insert(c)
}

func (o *customerOrders) remove(c *Customer) {
	o.byUpdated.remove(c)
	o.byID.remove(c)
}

// inOrder is the order a query asks for.
func (o *customerOrders) inOrder(q listQuery) *index[Customer] {
	if q.byID {
		return &o.byID
	}
	return &o.byUpdated
}

// hide takes seeded row i, whose place in the order by id is position, out of both.
func (o *customerOrders) hide(i, position int) {
	o.byUpdated.hide(i)
	o.byID.hide(position)
}

// listing is what lists show of the customers: all of them or, with Config.ListDelay, those of a while ago.
type listing struct {
	*customerOrders
	delay time.Duration
	late  []lateChange // in the order they are due
}

// lateChange is a change lists do not show yet.
type lateChange struct {
	due    time.Time
	change func(*customerOrders)
}

// reorder makes a change in the orders, and in those of lists when it is due there. The caller holds the lock.
func (st *customerStore) reorder(change func(*customerOrders)) {
	change(&st.customerOrders)
	if l := &st.listed; l.delay > 0 {
		l.late = append(l.late, lateChange{time.Now().Add(l.delay), change})
	}
}

// lockForList locks the store for reading, with lists as they are by now.
func (st *customerStore) lockForList() {
	if l := &st.listed; l.delay > 0 {
		st.mu.Lock()
		now, due := time.Now(), 0
		for due < len(l.late) && !l.late[due].due.After(now) {
			l.late[due].change(l.customerOrders)
			due++
		}
		l.late = append(l.late[:0], l.late[due:]...)
		st.mu.Unlock()
	}
	st.mu.RLock()
}
