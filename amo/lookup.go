package amo

import (
	"context"
	"slices"

	"github.com/amogate/amogate/amo/internal/driver"
)

// lookup is the work of one record of a read by ids.
type lookup[T any] struct {
	id int64
	// found is the record; isThere says that upstream shows it.
	found   T
	isThere bool
}

// read returns the records with these ids that upstream has. Reads that wait for a
// slot at the same time go by one request, and who asks for a record that is being
// read, and was not written from here since, gets the same answer. Several records
// are read over v2 where v4 would take a request for each.
func (c *Collection[T, F]) read(ctx context.Context, d driver.Resource[T, F], op driver.Op, ids []int64) (map[int64]T, error) {
	// What a page is decoded by is there before anything waits for a slot.
	if _, err := c.client.account(ctx, d.Generation); err != nil {
		return nil, err
	}
	size, err := c.idsAtOnce(ctx, d)
	if err != nil {
		return nil, err
	}
	if size == 1 && len(ids) > 1 && c.client.config.Generation == Auto {
		if other, ok := c.drivers[V2]; ok {
			d, size = other, other.MaxIDs
		}
	}
	p := newParty(ctx, &c.lookups, driver.Read)
	lined := make([]*item[*lookup[T]], len(ids))
	for n, id := range ids {
		lined[n] = &item[*lookup[T]]{work: &lookup[T]{id: id}, place: n}
	}
	// Only a plain read takes the answer to one that left before it.
	c.lookups.join(p, d.Generation, string(op), c.carryLookups(d, op, size), lined)
	found := make(map[int64]T, len(ids))
	p.await(func(answered []*item[*lookup[T]]) {
		for _, it := range answered {
			switch {
			case it.err != nil && err == nil:
				err = it.err
			case it.err == nil && it.work.isThere:
				found[it.work.id] = it.work.found
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// carryLookups returns how records are read, at most so many at once.
func (c *Collection[T, F]) carryLookups(d driver.Resource[T, F], op driver.Op, size int) carrier[*lookup[T]] {
	return carrier[*lookup[T]]{
		client: c.client, most: size, isSteady: true, isShared: op == driver.OpGet,
		same: func(l *lookup[T]) int64 { return l.id },
		carry: func(b *batch[*lookup[T]]) {
			b.carryOut(nil, func(take func() []*item[*lookup[T]]) ([]*item[*lookup[T]], error) {
				return c.lookUp(b, d, op, take)
			})
			c.share(b)
		},
	}
}

// lookUp reads the records of the items that take returns by one request.
func (c *Collection[T, F]) lookUp(b *batch[*lookup[T]], d driver.Resource[T, F], op driver.Op, take func() []*item[*lookup[T]]) (items []*item[*lookup[T]], err error) {
	var ids []int64
	name := c.name + "." + string(op)
	r := b.request(take, func(taken []*item[*lookup[T]]) (driver.Call, error) {
		items = taken
		for _, it := range items {
			if !slices.Contains(ids, it.work.id) {
				ids = append(ids, it.work.id)
			}
		}
		call := d.ByIDs(ids)
		call.Name = name
		return call, nil
	}, nil)
	r.call = driver.Call{Name: name, Effect: driver.Read}
	page, u, err := c.page(b.ctx, d, r)
	b.measure(items, u, err)
	if err != nil && len(ids) == 1 && IsKind(err, KindNotFound) {
		page, err = driver.Page[T]{}, nil // of several ids upstream would leave this one out
	}
	if err != nil {
		return items, err
	}
	rows := make(map[int64]T, len(page.Rows))
	for _, row := range page.Rows {
		if d.FilteredIDs && !slices.Contains(ids, recordID(row)) {
			// The records that were asked for may be missing, and not because
			// there are none.
			return items, notAsked(name, recordID(row))
		}
		rows[recordID(row)] = row
	}
	answered := c.takeAlong(b, items)
	given := map[int64]bool{}
	b.answerEach(answered, func(n int) error {
		work := answered[n].work
		row, ok := rows[work.id]
		if !ok || answered[n].hasEnded {
			return nil
		}
		if given[work.id] {
			row = cloneOf(row) // what one caller does to its record the other does not see
		}
		given[work.id] = true
		work.found, work.isThere = row, true
		return nil
	})
	return items, nil
}

// takeAlong returns items and those that came to share their answers; there will be
// no more of these.
func (c *Collection[T, F]) takeAlong(b *batch[*lookup[T]], items []*item[*lookup[T]]) []*item[*lookup[T]] {
	c.lookups.mu.Lock()
	defer c.lookups.mu.Unlock()
	ids := map[int64]bool{}
	for _, it := range items {
		ids[it.work.id] = true
		delete(b.shared, it.work.id)
	}
	return slices.DeleteFunc(slices.Clone(b.items), func(it *item[*lookup[T]]) bool { return it.hasEnded || !ids[it.work.id] })
}

// share gives those who came to share the answer to a read that failed the same
// error.
func (c *Collection[T, F]) share(b *batch[*lookup[T]]) {
	c.lookups.mu.Lock()
	b.shared = nil
	judged := map[int64]error{}
	var late []*item[*lookup[T]]
	for _, it := range b.items {
		switch {
		case it.isJudged:
			judged[it.work.id] = it.judged
		case !it.hasEnded:
			late = append(late, it)
		}
	}
	c.lookups.mu.Unlock()
	for _, it := range late {
		if err := judged[it.work.id]; err != nil {
			b.answer(err, it)
		}
	}
}

// changed notes that a write of a record was answered: whoever asks for it from now
// on gets no answer to a request that left before.
func (c *Collection[T, F]) changed(id int64) {
	c.lookups.mu.Lock()
	defer c.lookups.mu.Unlock()
	for _, l := range c.lookups.lanes {
		for _, b := range l.flying {
			delete(b.shared, id)
		}
	}
}
