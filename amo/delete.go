package amo

import (
	"cmp"
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
)

// removal is the work of one item of a Delete.
type removal[T any] struct {
	id int64
	// gone is what is answered of the record.
	gone T
}

// Delete deletes records in as few requests as upstream allows, together with those
// of other callers, and answers one result each, in order. The values hold the ids
// and what upstream tells of the records. Updates and deletions of one record go one
// after the other.
func (c *Collection[T, F]) Delete(ctx context.Context, ids []int64) []Result[T] {
	results := make([]Result[T], len(ids))
	told := outcomesOf[T](ctx)
	d, err := c.driver(driver.OpDelete, asked{})
	if err != nil {
		results = failAll(results, err)
		for i, result := range results {
			told(i, result)
		}
		return results
	}
	pending := make([]int, len(ids))
	for i := range ids {
		pending[i] = i
	}
	p := newParty(ctx, &c.deletes, driver.Set)
	records := inOrder(p, &c.order, pending, func(i int) int64 { return ids[i] })
	end := func(i int, result Result[T]) {
		results[i] = result
		records.end(i)
		told(i, result)
	}
	records.run(func(places []int) {
		lined := make([]*item[*removal[T]], len(places))
		for n, i := range places {
			lined[n] = &item[*removal[T]]{work: &removal[T]{id: ids[i]}, place: i, abandoned: records.abandon(i)}
		}
		c.deletes.join(p, d.Generation, "", c.carryDeletes(d), lined)
	}, func(answered []*item[*removal[T]]) {
		for _, it := range answered {
			result := Result[T]{Err: it.err}
			if it.err == nil {
				result.Value = it.work.gone
			}
			end(it.place, result)
		}
	}, func(i int, err error) { end(i, Result[T]{Err: err}) })
	return results
}

// carryDeletes returns how records are deleted.
func (c *Collection[T, F]) carryDeletes(d driver.Resource[T, F]) carrier[*removal[T]] {
	return carrier[*removal[T]]{
		client: c.client, most: cmp.Or(d.MaxDelete, d.MaxBatch),
		carry: func(b *batch[*removal[T]]) {
			id := func(r *removal[T]) int64 { return r.id }
			b.carryOut(id, func(take func() []*item[*removal[T]]) ([]*item[*removal[T]], error) {
				return writeDeletes(c, b, d, take)
			})
		},
	}
}

// writeDeletes deletes the records of the items that take returns by one request.
func writeDeletes[T, F proto.Message](c *Collection[T, F], b *batch[*removal[T]], d driver.Resource[T, F], take func() []*item[*removal[T]]) (items []*item[*removal[T]], err error) {
	reply, u, err := c.send(b.ctx, d, driver.OpDelete, b.request(take, func(taken []*item[*removal[T]]) (driver.Call, error) {
		items = taken
		ids := make([]int64, len(items))
		for n, it := range items {
			ids[n] = it.work.id
		}
		return d.Delete(ids), nil
	}, nil))
	b.measure(items, u, err)
	for _, it := range items {
		c.changed(it.work.id)
	}
	if len(items) == 1 && u.ambiguous && IsKind(err, KindNotFound) {
		reply, err = driver.WriteReply{All: true}, nil
	}
	if err != nil {
		return items, err
	}
	deleted := make(map[int64]driver.WriteItem, len(reply.Items))
	for _, item := range reply.Items {
		deleted[item.ID] = item
	}
	refused := refusals(reply.Errors)
	b.answerEach(items, func(n int) error {
		work := items[n].work
		item, ok := deleted[work.id]
		refusal := refused[work.id]
		if refusal == nil && len(items) == 1 && len(reply.Errors) == 1 {
			refusal = &reply.Errors[0] // of the only record, be it named or not
		}
		switch {
		// After an ambiguous first try the record may be gone already, which
		// is what was asked for.
		case ok || reply.All || u.ambiguous && (refusal == nil || refusal.Err.Kind == KindNotFound):
			work.gone = newRecord[T]()
			setRecordID(work.gone, work.id)
			setRecordName(work.gone, item.Name)
			return nil
		case refusal != nil:
			return refusal.Err
		}
		return c.notFound(driver.OpDelete, work.id)
	})
	return items, nil
}
