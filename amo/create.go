package amo

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
)

// Create is one item of a create.
type Create[T any] struct {
	// Value is the new record; its output-only fields are ignored.
	Value T
	// ReadBack reads the record after the write.
	ReadBack bool
	// Name tells the item from all others, so that RecallCreate of an item of this
	// name knows what became of it here. Empty = nothing is known.
	Name string
}

// Create makes records in as few requests as upstream allows, together with those
// of other callers, and answers one result each, in order. One bad item does not
// cost the others. The values must not change any more.
func (c *Collection[T, F]) Create(ctx context.Context, items []Create[T]) []Result[T] {
	results := make([]Result[T], len(items))
	values := make([]T, len(items))
	for i, item := range items {
		values[i] = only(item.Value, writable(item.Value))
	}
	parts := c.divideCreates(ctx, results, values)
	told := c.teller(ctx, driver.OpCreate, results, func(i int) T { return values[i] })
	p := newParty(ctx, &c.creates, driver.Create)
	for _, part := range parts {
		group := func(i int) string {
			if part.d.Group == nil {
				return ""
			}
			return part.d.Group(values[i])
		}
		for _, pending := range partition(part.pending, group) {
			lined := make([]*item[*addition[T]], len(pending))
			for k, i := range pending {
				lined[k] = &item[*addition[T]]{work: &addition[T]{value: values[i], name: items[i].Name}, place: i}
			}
			c.creates.join(p, part.d.Generation, group(pending[0]), c.carryCreates(part), lined)
		}
	}
	p.await(func(answered []*item[*addition[T]]) {
		for _, it := range answered {
			results[it.place] = Result[T]{Err: it.err}
			if it.err == nil {
				results[it.place].Value = it.work.made
			}
			told(it.place)
		}
	})
	for _, part := range parts {
		c.readBack(ctx, results, part.pending, func(i int) bool { return items[i].ReadBack })
	}
	return results
}

// divideCreates divides new records as divide does.
func (c *Collection[T, F]) divideCreates(ctx context.Context, results []Result[T], values []T) []writing[T, F] {
	return c.divide(ctx, driver.OpCreate, results, func(i int) (driver.Resource[T, F], error) {
		return c.writeRoute(ctx, driver.OpCreate, values[i], writable(values[i]), false)
	}, func(i int) (T, []string) { return values[i], writable(values[i]) })
}

// addition is the work of one item of a Create.
type addition[T any] struct {
	value T
	name  string
	// made is the record as it is answered.
	made T
}

// carryCreates returns how new records are made.
func (c *Collection[T, F]) carryCreates(part writing[T, F]) carrier[*addition[T]] {
	return carrier[*addition[T]]{
		client: c.client, env: part.env, most: part.d.MaxBatch,
		carry: func(b *batch[*addition[T]]) {
			b.carryOut(nil, func(take func() []*item[*addition[T]]) ([]*item[*addition[T]], error) {
				run := &createRun[T, F]{Collection: c, batch: b, d: part.d}
				err := run.write(take)
				return run.items, err
			})
		},
	}
}

// createRun is one create under way.
type createRun[T, F proto.Message] struct {
	*Collection[T, F]
	batch   *batch[*addition[T]]
	d       driver.Resource[T, F]
	env     *driver.Env
	items   []*item[*addition[T]]
	values  []T
	names   []string
	results []Result[T]
}

// write makes the records of the items that take returns by one request.
func (r *createRun[T, F]) write(take func() []*item[*addition[T]]) error {
	b, config := r.batch, r.client.config.Settings
	var contents []T
	var entry *creation
	reply, u, err := r.send(b.ctx, r.d, driver.OpCreate, b.request(take, func(items []*item[*addition[T]]) (driver.Call, error) {
		r.items, r.env = items, b.env
		for _, it := range items {
			r.values = append(r.values, it.work.value)
			r.names = append(r.names, it.work.name)
		}
		r.results = make([]Result[T], len(items))
		var keys []string
		contents, keys = r.contents(r.values)
		call, err := r.d.Create(r.env, r.values)
		if err == nil {
			entry = r.ledger.begin(keys, r.names, config.CreateMemory)
		}
		return call, err
	}, func() {
		r.ledger.left(entry, r.client.upstreamNow().Add(-config.LookSlack).Truncate(time.Second))
	}))
	b.measure(r.items, u, err)
	if entry == nil {
		return err
	}
	defer r.ledger.abandon(entry)
	if IsKind(err, KindOutcomeUnknown) || IsKind(err, KindResponseLost) {
		r.settle(b.ctx, contents, entry, asError(err))
		return nil
	}
	if err != nil {
		r.ledger.land(entry, nil, nil)
		if r.orphan(err) && r.d.Group != nil {
			// The items of a group have their parent in common: none of them
			// can be made.
			b.answer(err, r.items...)
			return nil
		}
		return err
	}
	places := make([]int, len(r.items))
	for k := range places {
		places[k] = k
	}
	r.assign(r.results, r.values, places, reply, func(ids []int64) (map[int64]T, error) {
		return r.read(b.ctx, r.d, driver.OpCreate, ids)
	})
	r.settleUnsaid(b.ctx, contents, entry)
	for _, result := range r.results {
		if result.Err == nil {
			r.changed(recordID(result.Value))
		}
	}
	r.answer()
	return nil
}

// answer answers the items by the results.
func (r *createRun[T, F]) answer() {
	for k, it := range r.items {
		it.work.made = r.results[k].Value
	}
	r.batch.answerEach(r.items, func(k int) error { return r.results[k].Err })
	for k, it := range r.items {
		if it.isLeft && r.results[k].Err == nil {
			r.ledger.tell(it.work.name, recordID(r.results[k].Value))
		}
	}
}

// assign gives the items of chunk their results. Refusals are matched by index;
// created records by request id, or, where upstream echoes none, in order: that
// is certain only when they are as many as the items left. Where refusals
// without an index stand between, the created records are read to tell whose
// they are.
func (c *Collection[T, F]) assign(results []Result[T], values []T, chunk []int, reply driver.WriteReply, read func(ids []int64) (map[int64]T, error)) {
	left := make(map[int]bool, len(chunk))
	for k := range chunk {
		left[k] = true
	}
	next := func() int {
		for k := range chunk {
			if left[k] {
				return k
			}
		}
		return -1
	}
	created := func(k int, item driver.WriteItem) {
		value := values[chunk[k]]
		overlay(value, item)
		results[chunk[k]].Value = value
		delete(left, k)
	}
	refused := func(k int, refusal *Error) {
		results[chunk[k]].Err = refusal
		delete(left, k)
	}

	var unnamed []driver.WriteItem
	for _, item := range reply.Items {
		if k := int(item.RequestID) - 1; left[k] {
			created(k, item)
			continue
		}
		unnamed = append(unnamed, item)
	}
	var unplaced []*Error
	for _, e := range reply.Errors {
		if left[e.Index] {
			refused(e.Index, e.Err)
			continue
		}
		unplaced = append(unplaced, e.Err)
	}
	if len(unplaced) > 0 && len(unnamed) > 0 && len(unplaced)+len(unnamed) == len(left) {
		unnamed = c.recognize(values, chunk, left, unnamed, created, read)
	}
	switch {
	case len(unplaced) == 0 && len(unnamed) == len(left):
		for _, item := range unnamed {
			created(next(), item)
		}
	case len(unnamed) == 0 && len(unplaced) == len(left):
		for _, refusal := range unplaced {
			refused(next(), refusal)
		}
	}
	for k := range left {
		results[chunk[k]].Err = unsaid(c.name+"."+string(driver.OpCreate), 0)
	}
}

// recognize reads created records and gives each to the first item left, in
// order, that it could be. It returns the records that are nobody's.
func (c *Collection[T, F]) recognize(values []T, chunk []int, left map[int]bool, unnamed []driver.WriteItem, created func(k int, item driver.WriteItem), read func(ids []int64) (map[int64]T, error)) []driver.WriteItem {
	if c.behavior.same == nil {
		return unnamed
	}
	ids := make([]int64, len(unnamed))
	for i, item := range unnamed {
		ids[i] = item.ID
	}
	found, err := read(ids)
	if err != nil {
		return unnamed
	}
	k := 0
	for i, id := range ids {
		stored, ok := found[id]
		for ok && k < len(chunk) && (!left[k] || !c.behavior.same(values[chunk[k]], stored)) {
			k++
		}
		if !ok || k == len(chunk) {
			return unnamed[i:]
		}
		created(k, unnamed[i])
		k++
	}
	return nil
}

// overlay writes what upstream told of a record over it.
func overlay[T proto.Message](value T, item driver.WriteItem) {
	setRecordID(value, item.ID)
	if item.Told != nil {
		proto.Merge(value, item.Told)
	}
}

// orphan makes a refusal of the data of an error that says that the record is
// not there which the new ones belong to, and says whether it is one.
func (c *Collection[T, F]) orphan(err error) bool {
	e := asError(err)
	if e.Kind != KindNotFound || c.behavior.parent == "" {
		return false
	}
	e.Kind, e.Message = KindUpstreamInvalid, "upstream refused the request"
	e.Fields = []FieldError{{Path: c.behavior.parent, Description: "there is no such record, or the account's user may not see it"}}
	return true
}

// teller returns the function that hears that results have become final: it lets the
// resource complete upstream's refusals and tells who listens. Those that are final
// already it tells at once.
func (c *Collection[T, F]) teller(ctx context.Context, op driver.Op, results []Result[T], value func(i int) T) func(i int) {
	told := outcomesOf[T](ctx)
	final := func(i int) {
		if c.behavior.explain != nil && IsKind(results[i].Err, KindUpstreamInvalid) {
			c.behavior.explain(op, value(i), asError(results[i].Err))
		}
		told(i, results[i])
	}
	for i, result := range results {
		if result.Err != nil {
			final(i)
		}
	}
	return final
}
