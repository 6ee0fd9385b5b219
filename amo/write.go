package amo

import (
	"context"
	"fmt"
	"slices"

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

// inBatches calls write with chunks of at most size of the pending items. Write
// sets the results of its items, or returns why the request failed as a whole:
// a refusal of the data is narrowed down to the guilty item by halving, since
// upstream does not say which it is; after any other failure the rest is not
// attempted.
func inBatches[T any](results []Result[T], pending []int, size int, write func(chunk []int) error) {
	var failure error
	var run func(chunk []int)
	run = func(chunk []int) {
		if failure != nil {
			for _, i := range chunk {
				results[i].Err = notAttempted(failure)
			}
			return
		}
		err := write(chunk)
		if err == nil {
			return
		}
		refused := IsKind(err, KindUpstreamInvalid)
		if refused && len(chunk) > 1 {
			half := len(chunk) / 2
			run(chunk[:half])
			run(chunk[half:])
			return
		}
		for _, i := range chunk {
			results[i].Err = err
		}
		if !refused {
			failure = err
		}
	}
	for chunk := range slices.Chunk(pending, size) {
		run(chunk)
	}
}

func notAttempted(failure error) *Error {
	return &Error{Kind: KindNotAttempted, Message: "not attempted, because an earlier request of the batch failed: " + asError(failure).Message, Err: failure}
}

// write sends one write and decodes its answer.
func (c *Collection[T, F]) write(ctx context.Context, d driver.Resource[T, F], op driver.Op, call driver.Call) (driver.WriteReply, usage, error) {
	var reply driver.WriteReply
	u, err := c.client.send(ctx, request{
		call:  call,
		class: classInteractive,
		decode: func(resp driver.Response) error {
			if err := d.DecodeError(resp); err != nil {
				return err
			}
			var err error
			reply, err = d.DecodeWrite(op, resp.Body)
			return err
		},
	})
	return reply, u, err
}

// readBack replaces the values of written records by what upstream has. It
// costs one read for as many records as one read can hold.
func (c *Collection[T, F]) readBack(ctx context.Context, d driver.Resource[T, F], results []Result[T], wanted func(i int) bool) {
	var ids []int64
	for i, r := range results {
		if r.Err == nil && wanted(i) {
			ids = append(ids, recordID(r.Value))
		}
	}
	if len(ids) == 0 {
		return
	}
	found, err := c.read(ctx, d, driver.OpGet, ids)
	for i, r := range results {
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
	d, err := c.driver(driver.OpDelete)
	if err != nil {
		return failAll(results, err)
	}
	pending := make([]int, len(ids))
	for i := range ids {
		pending[i] = i
	}
	inBatches(results, pending, d.MaxBatch, func(chunk []int) error {
		batch := make([]int64, len(chunk))
		for k, i := range chunk {
			batch[k] = ids[i]
		}
		reply, u, err := c.write(ctx, d, driver.OpDelete, d.Delete(batch))
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
			switch {
			// After an ambiguous first try the record may be gone already, which
			// is what was asked for.
			case ok || u.ambiguous && (refusal == nil || refusal.Err.Kind == KindNotFound):
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

// check returns the items whose values can be written; the others get their
// errors.
func check[T, F proto.Message](env *driver.Env, d driver.Resource[T, F], op driver.Op, results []Result[T], item func(i int) (T, []string)) []int {
	var pending []int
	for i := range results {
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
