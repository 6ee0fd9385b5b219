package amo

import (
	"cmp"
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
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

// inBatches calls write with chunks of the pending items, each of at most what
// size says by then, which have the given record ids (nil = they have none yet). Write sets the results of
// its items, or returns why the request failed as a whole. Where that is a
// refusal of the data the items that upstream named get it and the rest is sent
// again; where it named none, or says that a record is not there, the guilty one
// is found by halving. After any other failure, told by failure, the rest is not
// attempted.
func inBatches[T any](results []Result[T], pending []int, size func() int, id func(i int) int64, failure *error, write func(chunk []int) error) {
	var run func(chunk []int)
	run = func(chunk []int) {
		if *failure != nil {
			for _, i := range chunk {
				results[i].Err = notAttempted(*failure)
			}
			return
		}
		err := write(chunk)
		if err == nil {
			return
		}
		refused := IsKind(err, KindUpstreamInvalid)
		if guilty := named(asError(err), chunk, id); refused && len(guilty) > 0 {
			var rest []int
			for _, i := range chunk {
				if guilty[i] != nil {
					results[i].Err = guilty[i]
					continue
				}
				rest = append(rest, i)
			}
			if len(rest) > 0 {
				run(rest)
			}
			return
		}
		// A record that is not there says nothing of the others.
		missing := IsKind(err, KindNotFound)
		if (refused || missing) && len(chunk) > 1 {
			half := len(chunk) / 2
			run(chunk[:half])
			run(chunk[half:])
			return
		}
		for _, i := range chunk {
			results[i].Err = err
		}
		if !refused && !missing {
			*failure = err
		}
	}
	for len(pending) > 0 {
		n := min(size(), len(pending))
		run(pending[:n])
		pending = pending[n:]
	}
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
	return &Error{Kind: KindNotAttempted, Message: "not attempted, because an earlier request of the batch failed: " + asError(failure).Message, Err: failure}
}

// fixed is a size of chunks that stays.
func fixed(size int) func() int { return func() int { return size } }

// write sends one write and decodes its answer. It calls left, if that is set,
// whenever the request is about to leave.
func (c *Collection[T, F]) write(ctx context.Context, d driver.Resource[T, F], op driver.Op, call driver.Call, left func()) (driver.WriteReply, usage, error) {
	var reply driver.WriteReply
	u, err := c.client.send(ctx, request{
		call:   call,
		class:  limit.Interactive,
		left:   left,
		reread: op == driver.OpUpdate,
		decode: func(resp driver.Response) error {
			if err := d.DecodeError(resp); err != nil {
				return err
			}
			var err error
			reply, err = d.DecodeWrite(op, resp.Body)
			return err
		},
	})
	return reply, u, c.client.confirm(ctx, d.Generation, err)
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

// Delete deletes records and answers one result each, in order. The values hold
// the ids and what upstream tells of the records.
func (c *Collection[T, F]) Delete(ctx context.Context, ids []int64) []Result[T] {
	results := make([]Result[T], len(ids))
	d, err := c.driver(driver.OpDelete, asked{})
	if err != nil {
		return failAll(results, err)
	}
	var failure error
	pending := make([]int, len(ids))
	for i := range ids {
		pending[i] = i
	}
	id := func(i int) int64 { return ids[i] }
	inBatches(results, pending, fixed(cmp.Or(d.MaxDelete, d.MaxBatch)), id, &failure, func(chunk []int) error {
		batch := make([]int64, len(chunk))
		for k, i := range chunk {
			batch[k] = ids[i]
		}
		reply, u, err := c.write(ctx, d, driver.OpDelete, d.Delete(batch), nil)
		if len(batch) == 1 && u.ambiguous && IsKind(err, KindNotFound) {
			reply, err = driver.WriteReply{All: true}, nil
		}
		if err != nil {
			return err
		}
		deleted := make(map[int64]driver.WriteItem, len(reply.Items))
		for _, item := range reply.Items {
			deleted[item.ID] = item
		}
		refused := refusals(reply.Errors)
		for _, i := range chunk {
			item, ok := deleted[ids[i]]
			refusal := refused[ids[i]]
			if refusal == nil && len(batch) == 1 && len(reply.Errors) == 1 {
				refusal = &reply.Errors[0] // of the only record, be it named or not
			}
			switch {
			// After an ambiguous first try the record may be gone already, which
			// is what was asked for.
			case ok || reply.All || u.ambiguous && (refusal == nil || refusal.Err.Kind == KindNotFound):
				record := newRecord[T]()
				setRecordID(record, ids[i])
				setRecordName(record, item.Name)
				results[i].Value = record
			case refusal != nil:
				results[i].Err = refusal.Err
			default:
				results[i].Err = c.notFound(driver.OpDelete, ids[i])
			}
		}
		return nil
	})
	return results
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
		if w.env, err = c.client.env(ctx, w.d.Generation, accountLife); err != nil {
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
