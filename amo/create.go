package amo

import (
	"context"

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
	d, err := c.driver(driver.OpCreate)
	if err != nil {
		return failAll(results, err)
	}
	env, err := c.client.env(ctx, accountLife)
	if err != nil {
		return failAll(results, err)
	}
	values := make([]T, len(items))
	for i, item := range items {
		values[i] = only(item.Value, writable(item.Value))
	}
	pending := check(env, d, driver.OpCreate, results, func(i int) (T, []string) {
		return values[i], writable(values[i])
	})
	inBatches(results, pending, d.MaxBatch, func(chunk []int) error {
		batch := make([]T, len(chunk))
		for k, i := range chunk {
			batch[k] = values[i]
		}
		call, err := d.Create(env, batch)
		if err != nil {
			return err
		}
		reply, _, err := c.write(ctx, d, driver.OpCreate, call)
		if err != nil {
			if len(chunk) == 1 {
				c.explain(batch[0], err)
			}
			return err
		}
		c.assign(results, values, chunk, reply)
		return nil
	})
	c.readBack(ctx, d, results, func(i int) bool { return items[i].ReadBack })
	return results
}

// assign gives the items of chunk their results. Created records are matched by
// request id, or by position where every item succeeded; refusals by index, or
// in order where they are as many as the items left.
func (c *Collection[T, F]) assign(results []Result[T], values []T, chunk []int, reply driver.WriteReply) {
	left := make(map[int]bool, len(chunk))
	for k := range chunk {
		left[k] = true
	}
	created := func(k int, id int64) {
		value := values[chunk[k]]
		setRecordID(value, id)
		results[chunk[k]].Value = value
		delete(left, k)
	}
	byPosition := len(reply.Items) == len(chunk) && len(reply.Errors) == 0
	for position, item := range reply.Items {
		switch k := int(item.RequestID) - 1; {
		case item.RequestID > 0 && left[k]:
			created(k, item.ID)
		case item.RequestID == 0 && byPosition && left[position]:
			created(position, item.ID)
		}
	}
	refused := func(k int, refusal *Error) {
		c.explain(values[chunk[k]], refusal)
		results[chunk[k]].Err = refusal
		delete(left, k)
	}
	var rest []*Error
	for _, e := range reply.Errors {
		if left[e.Index] {
			refused(e.Index, e.Err)
			continue
		}
		rest = append(rest, e.Err)
	}
	inOrder := len(rest) == len(left)
	for k, i := range chunk {
		if !left[k] {
			continue
		}
		if inOrder && len(rest) > 0 {
			refused(k, rest[0])
			rest = rest[1:]
			continue
		}
		results[i].Err = unsaid(c.name+"."+string(driver.OpCreate), 0)
	}
}

// explain lets the resource complete a refusal.
func (c *Collection[T, F]) explain(value T, err error) {
	if e := asError(err); e.Kind == KindUpstreamInvalid {
		c.behavior.explain(value, e)
	}
}
