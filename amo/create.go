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
}

// Create makes records in as few requests as upstream allows and answers one
// result each, in order. One bad item does not cost the others.
func (c *Collection[T, F]) Create(ctx context.Context, items []Create[T]) []Result[T] {
	results := make([]Result[T], len(items))
	values := make([]T, len(items))
	for i, item := range items {
		values[i] = only(item.Value, writable(item.Value))
	}
	item := func(i int) (T, []string) { return values[i], writable(values[i]) }
	parts := c.divide(ctx, driver.OpCreate, results, func(i int) (driver.Resource[T, F], error) {
		return c.writeRoute(ctx, driver.OpCreate, values[i], writable(values[i]), false)
	}, item)
	var failure error
	for _, part := range parts {
		run := &createRun[T, F]{Collection: c, d: part.d, env: part.env, values: values, results: results, failure: &failure}
		run.all(ctx, part.pending)
		c.readBack(ctx, results, part.pending, func(i int) bool { return items[i].ReadBack })
	}
	c.explain(driver.OpCreate, results, func(i int) T { return values[i] })
	return results
}

// createRun is the part of a Create that one generation serves.
type createRun[T, F proto.Message] struct {
	*Collection[T, F]
	d       driver.Resource[T, F]
	env     *driver.Env
	values  []T
	results []Result[T]
	failure *error
	// isDoubted says that the create before left items of unknown outcome.
	isDoubted bool
}

// all makes the pending records.
func (r *createRun[T, F]) all(ctx context.Context, pending []int) {
	group := func(i int) string {
		if r.d.Group == nil {
			return ""
		}
		return r.d.Group(r.values[i])
	}
	size := func() int { return r.ledger.size(r.d.MaxBatch) }
	for _, pending := range partition(pending, group) {
		inBatches(r.results, pending, size, nil, r.failure, func(chunk []int) error { return r.chunk(ctx, chunk) })
	}
}

// chunk makes the records of chunk by one request.
func (r *createRun[T, F]) chunk(ctx context.Context, chunk []int) error {
	batch := make([]T, len(chunk))
	for k, i := range chunk {
		batch[k] = r.values[i]
	}
	call, err := r.d.Create(r.env, batch)
	if err != nil {
		return err
	}
	config := r.client.config.Settings
	contents, keys := r.contents(batch)
	entry := r.ledger.begin(keys, config.CreateMemory)
	defer r.ledger.abandon(entry)
	reply, _, err := r.write(ctx, r.d, driver.OpCreate, call, func() {
		r.ledger.left(entry, r.client.upstreamNow().Add(-config.LookSlack).Truncate(time.Second))
	})
	if IsKind(err, KindOutcomeUnknown) || IsKind(err, KindResponseLost) {
		r.ledger.shrink(r.d.MaxBatch)
		r.settle(ctx, chunk, contents, entry, asError(err))
		return nil
	}
	if err != nil {
		r.ledger.land(entry, nil, nil)
		if r.orphan(err) && r.d.Group != nil {
			// The items of a group have their parent in common: none of them
			// can be made.
			for _, i := range chunk {
				r.results[i].Err = err
			}
			return nil
		}
		return err
	}
	r.ledger.grow()
	r.isDoubted = false
	r.assign(r.results, r.values, chunk, reply, func(ids []int64) (map[int64]T, error) {
		return r.read(ctx, r.d, driver.OpCreate, ids)
	})
	r.settleUnsaid(ctx, chunk, contents, entry)
	return nil
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

// explain lets the resource complete upstream's refusals of items.
func (c *Collection[T, F]) explain(op driver.Op, results []Result[T], value func(i int) T) {
	if c.behavior.explain == nil {
		return
	}
	for i, result := range results {
		if IsKind(result.Err, KindUpstreamInvalid) {
			c.behavior.explain(op, value(i), asError(result.Err))
		}
	}
}
