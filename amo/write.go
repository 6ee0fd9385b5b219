package amo

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
)

// Result is what became of one item of a write.
type Result[T any] struct {
	// Value is the record as sent, overlaid with what upstream answered, or as
	// read back. It is set when Err is nil.
	Value T
	// Err is an *Error.
	Err error
	// ReadBackErr says that the write succeeded and only the read after it did
	// not.
	ReadBackErr error
}

// failAll gives the items of results that have no result yet this error.
func failAll[T any](results []Result[T], err error) []Result[T] {
	for i := range results {
		results[i].Err = err
	}
	return results
}

// named returns the errors of the items of chunk that upstream named when it
// refused all of it.
func named(refusal *Error, chunk []int, id func(i int) int64) map[int]*Error {
	found := map[int]*Error{}
	for _, item := range refusal.Items {
		switch {
		case item.Index >= 0 && item.Index < len(chunk):
			found[chunk[item.Index]] = item.Err
		case len(chunk) == 1:
			found[chunk[0]] = item.Err
		case id != nil && item.ID != 0:
			for _, i := range chunk {
				if id(i) == item.ID {
					found[i] = item.Err
				}
			}
		}
	}
	return found
}

// partition divides the pending items by what key says of them, in order.
func partition[K comparable](pending []int, key func(i int) K) [][]int {
	var parts [][]int
	place := map[K]int{}
	for _, i := range pending {
		k := key(i)
		at, ok := place[k]
		if !ok {
			at = len(parts)
			place[k] = at
			parts = append(parts, nil)
		}
		parts[at] = append(parts[at], i)
	}
	return parts
}

func notAttempted(failure error) *Error {
	return &Error{Kind: KindNotAttempted, Message: "not attempted, since the rest of the call ended before: " + asError(failure).Message, Err: failure}
}

// send sends one write and decodes its answer.
func (c *Collection[T, F]) send(ctx context.Context, d driver.Resource[T, F], op driver.Op, r request) (driver.WriteReply, usage, error) {
	var reply driver.WriteReply
	r.call = driver.Call{Name: c.name + "." + string(op), Effect: effectOf(op)}
	r.reread = op == driver.OpUpdate
	r.decode = func(resp driver.Response) error {
		if err := d.DecodeError(resp); err != nil {
			return err
		}
		var err error
		reply, err = d.DecodeWrite(op, resp.Body)
		return err
	}
	u, err := c.client.send(ctx, r)
	if c.behavior.written != nil {
		c.behavior.written()
	}
	return reply, u, c.client.confirm(ctx, d.Generation, err)
}

// effectOf says what sending a write of op twice does.
func effectOf(op driver.Op) driver.Effect {
	if op == driver.OpCreate {
		return driver.Create
	}
	return driver.Set
}

// readBack replaces the values of the records of part that were written by what
// upstream has. It costs one read for as many records as one read can hold.
func (c *Collection[T, F]) readBack(ctx context.Context, results []Result[T], part []int, wanted func(i int) bool) {
	var ids []int64
	for _, i := range part {
		if results[i].Err == nil && wanted(i) {
			ids = append(ids, recordID(results[i].Value))
		}
	}
	if len(ids) == 0 {
		return
	}
	// Who reads is who shows most, whoever wrote.
	d, err := c.driver(driver.OpGet, asked{})
	var found map[int64]T
	if err == nil {
		found, err = c.read(ctx, d, driver.OpGet, ids)
	}
	for _, i := range part {
		r := results[i]
		if r.Err != nil || !wanted(i) {
			continue
		}
		record, ok := found[recordID(r.Value)]
		switch {
		case err != nil:
			results[i].ReadBackErr = err
		case !ok:
			results[i].ReadBackErr = c.notFound(driver.OpGet, recordID(r.Value))
		default:
			results[i].Value = record
		}
	}
}

// refusals returns the refused items by record id.
func refusals(errors []driver.ItemError) map[int64]*driver.ItemError {
	byID := make(map[int64]*driver.ItemError, len(errors))
	for k, e := range errors {
		if e.ID != 0 {
			byID[e.ID] = &errors[k]
		}
	}
	return byID
}

// writing are items of a write that one generation serves.
type writing[T, F proto.Message] struct {
	d       driver.Resource[T, F]
	env     *driver.Env
	pending []int
}

// divide gives every item of a write to the generation that route says, and
// checks it. Items that cannot be written get their errors.
func (c *Collection[T, F]) divide(ctx context.Context, op driver.Op, results []Result[T], route func(i int) (driver.Resource[T, F], error), item func(i int) (T, []string)) []writing[T, F] {
	drivers := make([]driver.Resource[T, F], len(results))
	var routed []int
	for i := range results {
		if drivers[i], results[i].Err = route(i); results[i].Err == nil {
			routed = append(routed, i)
		}
	}
	var parts []writing[T, F]
	for _, part := range partition(routed, func(i int) Generation { return drivers[i].Generation }) {
		w := writing[T, F]{d: drivers[part[0]]}
		var err error
		if w.env, err = c.client.account(ctx, w.d.Generation); err != nil {
			for _, i := range part {
				results[i].Err = err
			}
			continue
		}
		w.pending = check(w.env, w.d, op, results, part, item)
		parts = append(parts, w)
	}
	return parts
}

// check returns the items of part whose values can be written; the others get
// their errors.
func check[T, F proto.Message](env *driver.Env, d driver.Resource[T, F], op driver.Op, results []Result[T], part []int, item func(i int) (T, []string)) []int {
	var pending []int
	for _, i := range part {
		value, paths := item(i)
		if err := d.Check(env, op, value, paths); err != nil {
			results[i].Err = err
			continue
		}
		pending = append(pending, i)
	}
	return pending
}

func unsaid(op string, id int64) *Error {
	return &Error{Kind: KindResponseLost, Op: op, ID: id, Message: "upstream took the request and did not say what became of this item; look before you send it again"}
}

func stale(op string, id int64) *Error {
	return &Error{Kind: KindConflict, Op: op, ID: id, Message: fmt.Sprintf("record %d was changed in the meantime; read it and decide again", id)}
}
