package amo

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
)

// RecallCreate finds out what became of a Create that may have been carried out since
// an instant, by our clock: by a process that has ended, or by this one for a caller
// who did not wait. It only reads. The results are those of the items, in order: the
// record as Create answers it, where as many records of its content were made since
// as there are items of it; else KindOutcomeUnknown, also where nothing is found,
// since upstream's lists lag. Items that Create would refuse without sending them
// have the error of that.
func (c *Collection[T, F]) RecallCreate(ctx context.Context, items []Create[T], since time.Time) []Result[T] {
	results := make([]Result[T], len(items))
	values := make([]T, len(items))
	for i, item := range items {
		values[i] = only(item.Value, writable(item.Value))
	}
	for _, part := range c.divideCreates(ctx, results, values) {
		run := &createRun[T, F]{Collection: c, d: part.d, env: part.env}
		for _, i := range part.pending {
			run.values = append(run.values, values[i])
			run.names = append(run.names, items[i].Name)
		}
		found, hasLooked := run.recall(ctx, since)
		for k, i := range part.pending {
			if row, ok := found[k]; ok {
				results[i].Value = run.made(k, row)
				continue
			}
			results[i].Err = forgotten(c.name+"."+string(driver.OpCreate), 0, hasLooked)
		}
	}
	return results
}

// recall looks for what the values became since an instant, and says whether upstream
// could be asked.
func (r *createRun[T, F]) recall(ctx context.Context, since time.Time) (found map[int]T, hasLooked bool) {
	if len(r.values) == 0 {
		return nil, true
	}
	contents, keys := r.contents(r.values)
	entry := r.ledger.begin(keys, r.names, r.client.config.Settings.CreateMemory)
	r.ledger.left(entry, r.sentAt(since))
	r.ledger.land(entry, nil, entry.open)
	found, hasLooked = r.find(ctx, contents, entry, len(r.values))
	if !hasLooked {
		r.ledger.land(entry, nil, nil) // who asks again is not to be its rival
	}
	return found, hasLooked || r.behavior.recent == nil
}

// RecallUpdate finds out what became of an Update, as RecallCreate does: a record
// that shows all of its item was written.
func (c *Collection[T, F]) RecallUpdate(ctx context.Context, items []Update[T], _ time.Time) []Result[T] {
	results := make([]Result[T], len(items))
	items = withValues(items)
	for _, part := range c.divideUpdates(ctx, results, items) {
		run := &updateRun[T, F]{Collection: c, d: part.d, env: part.env, items: items, results: results}
		found, err := c.recalled(ctx, driver.OpUpdate, part.d, part.pending, func(i int) int64 { return items[i].ID })
		for _, i := range part.pending {
			item := items[i]
			record, ok := found[item.ID]
			change := driver.Change[T]{ID: item.ID, Value: item.Value, Paths: item.Paths, AddTags: item.AddTags, RemoveTags: item.RemoveTags, Before: record}
			isSame := ok && (c.behavior.belongs == nil || c.behavior.belongs(item.Value, record))
			if err != nil || !isSame || !run.shown(record, change) || !run.isLinked(change) {
				results[i].Err = forgotten(run.op(), item.ID, err == nil)
				continue
			}
			value := only(item.Value, item.Paths)
			overlay(value, driver.WriteItem{ID: item.ID, Told: only(record, []string{string(createTimeField), string(updateTimeField), "account_id"})})
			results[i].Value = value
		}
	}
	return results
}

// isLinked says whether upstream has all the links of a change, whose Before is the
// record.
func (r *updateRun[T, F]) isLinked(change driver.Change[T]) bool {
	if links, _ := r.linked(change); !links {
		return true
	}
	calls, err := r.d.Links(r.env, []driver.Change[T]{change})
	return err == nil && len(calls) == 0
}

// RecallDelete finds out what became of a Delete, as RecallCreate does: a record
// that upstream does not show any more was deleted.
func (c *Collection[T, F]) RecallDelete(ctx context.Context, ids []int64, _ time.Time) []Result[T] {
	results := make([]Result[T], len(ids))
	d, err := c.driver(driver.OpDelete, asked{})
	if err != nil {
		return failAll(results, err)
	}
	pending := make([]int, len(ids))
	for i := range ids {
		pending[i] = i
	}
	found, err := c.recalled(ctx, driver.OpDelete, d, pending, func(i int) int64 { return ids[i] })
	for i, id := range ids {
		if _, ok := found[id]; err != nil || ok {
			results[i].Err = forgotten(c.name+"."+string(driver.OpDelete), id, err == nil)
			continue
		}
		record := newRecord[T]()
		setRecordID(record, id)
		results[i].Value = record
	}
	return results
}

// recalled reads the records of items.
func (c *Collection[T, F]) recalled(ctx context.Context, op driver.Op, d driver.Resource[T, F], pending []int, id func(i int) int64) (map[int64]T, error) {
	ids := make([]int64, len(pending))
	for k, i := range pending {
		ids[k] = id(i)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return c.read(ctx, d, op, distinct(ids))
}

// sentAt is the earliest time that a record can bear which was sent at an instant
// by our clock.
func (c *Collection[T, F]) sentAt(instant time.Time) time.Time {
	return instant.Add(time.Duration(c.client.skew.Load()) - c.client.config.Settings.LookSlack).Truncate(time.Second)
}

// withValues returns items that all have a value.
func withValues[T proto.Message](items []Update[T]) []Update[T] {
	items = slices.Clone(items)
	for i, item := range items {
		if !item.Value.ProtoReflect().IsValid() {
			items[i].Value = newRecord[T]()
		}
	}
	return items
}

// forgotten is the error of a write that may have been sent before.
func forgotten(op string, id int64, hasLooked bool) *Error {
	e := &Error{Kind: KindOutcomeUnknown, Op: op, ID: id, Message: "whoever sent this request did not wait for its answer, and it cannot be told what became of it; look before you send it again"}
	if !hasLooked {
		e = unlooked(e)
		e.Message = "whoever sent this request did not wait for its answer, and upstream could not be asked what became of it; repeat the call with its request id"
	}
	return e
}
