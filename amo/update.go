package amo

import (
	"cmp"
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
)

// Update is one item of an update.
type Update[T any] struct {
	ID int64
	// Value holds the new values; it may be nil when only tags change.
	Value T
	// Paths are the top-level fields of Value to write; one that is not set is
	// cleared.
	Paths []string
	// AddTags and RemoveTags change the set of tags instead of replacing it.
	AddTags, RemoveTags []string
	// ExpectedUpdateTime, in unix seconds, makes the write conditional; 0 = not.
	ExpectedUpdateTime int64
	// ReadBack reads the record after the write.
	ReadBack bool
}

func (u Update[T]) changesTags() bool { return len(u.AddTags)+len(u.RemoveTags) > 0 }

// Update changes records in as few requests as upstream allows and answers one
// result each, in order. No two items may name the same record. One bad item
// does not cost the others. An item that upstream refuses as older than the
// record is read and tried once more, unless it is conditional.
func (c *Collection[T, F]) Update(ctx context.Context, items []Update[T]) []Result[T] {
	results := make([]Result[T], len(items))
	items = slices.Clone(items)
	for i, item := range items {
		if !item.Value.ProtoReflect().IsValid() {
			items[i].Value = newRecord[T]()
		}
	}
	parts := c.divide(ctx, driver.OpUpdate, results, func(i int) (driver.Resource[T, F], error) {
		paths := items[i].Paths
		if items[i].changesTags() {
			paths = append(slices.Clone(paths), string(tagsField))
		}
		return c.writeRoute(ctx, driver.OpUpdate, items[i].Value, paths, items[i].ExpectedUpdateTime != 0)
	}, func(i int) (T, []string) { return items[i].Value, items[i].Paths })
	var failure error
	for _, part := range parts {
		run := &updateRun[T, F]{
			Collection: c, d: part.d, env: part.env, items: items, results: results, failure: &failure,
			before: map[int64]T{}, sent: make([]int64, len(items)), ambiguous: make([]bool, len(items)),
		}
		pending := part.pending
		for range 2 {
			refused, silent := run.round(ctx, pending)
			pending = run.examine(ctx, refused, silent)
		}
		for _, i := range pending {
			results[i].Err = stale(run.op(), items[i].ID)
		}
		c.readBack(ctx, results, part.pending, func(i int) bool { return items[i].ReadBack })
	}
	c.explain(driver.OpUpdate, results, func(i int) T { return items[i].Value })
	return results
}

// updateRun is one Update under way.
type updateRun[T, F proto.Message] struct {
	*Collection[T, F]
	d       driver.Resource[T, F]
	env     *driver.Env
	items   []Update[T]
	results []Result[T]
	failure *error
	// before are records as upstream had them, by id.
	before map[int64]T
	// sent are the times of change that were sent last, by item; ambiguous says
	// that a try of this round may have been carried out.
	sent      []int64
	ambiguous []bool
}

func (r *updateRun[T, F]) op() string { return r.name + "." + string(driver.OpUpdate) }

// round writes the pending items once. It returns those that upstream refused
// as stale and those it said nothing of; the others have their results.
func (r *updateRun[T, F]) round(ctx context.Context, pending []int) (refused, silent []int) {
	pending = r.readBefore(ctx, pending)
	for _, i := range pending {
		r.ambiguous[i] = false
	}
	id := func(i int) int64 { return r.items[i].ID }
	inBatches(r.results, pending, fixed(cmp.Or(r.d.MaxUpdate, r.d.MaxBatch)), id, r.failure, func(chunk []int) error {
		changes := make(map[int]driver.Change[T], len(chunk))
		for _, i := range chunk {
			changes[i] = r.change(i)
			r.sent[i] = changes[i].UpdateTime.Unix()
		}
		reply, err := r.send(ctx, chunk, changes)
		if IsKind(err, KindResponseLost) {
			return r.reconcile(ctx, chunk, changes, asError(err))
		}
		if err != nil {
			return err
		}
		written := make(map[int64]driver.WriteItem, len(reply.Items))
		for _, item := range reply.Items {
			written[item.ID] = item
		}
		errors := refusals(reply.Errors)
		var done []int
		for _, i := range chunk {
			refusal := errors[r.items[i].ID]
			item, ok := written[r.items[i].ID]
			switch {
			case refusal != nil && refusal.Stale:
				refused = append(refused, i)
			case refusal != nil:
				r.results[i].Err = refusal.Err
			case ok || reply.All:
				r.results[i].Value = r.answer(changes[i], item)
				done = append(done, i)
			default:
				silent = append(silent, i)
			}
		}
		r.link(ctx, done, changes)
		return nil
	})
	return refused, silent
}

// send writes what one update can say of the changes of chunk. A change that has
// only links is as good as written.
func (r *updateRun[T, F]) send(ctx context.Context, chunk []int, changes map[int]driver.Change[T]) (driver.WriteReply, error) {
	var batch []driver.Change[T]
	var places []int // in chunk, of the changes in batch
	var linked []driver.WriteItem
	for k, i := range chunk {
		if links, rest := r.linked(changes[i]); links && !rest {
			linked = append(linked, driver.WriteItem{ID: changes[i].ID})
			continue
		}
		batch = append(batch, changes[i])
		places = append(places, k)
	}
	if len(batch) == 0 {
		return driver.WriteReply{Items: linked}, nil
	}
	call, err := r.d.Update(r.env, batch)
	if err != nil {
		return driver.WriteReply{}, err
	}
	reply, u, err := r.write(ctx, r.d, driver.OpUpdate, call, nil)
	for _, i := range chunk {
		r.ambiguous[i] = r.ambiguous[i] || u.ambiguous
	}
	reply.Items = append(reply.Items, linked...)
	// Refusals beside what was written are told apart by record.
	for n, refusal := range reply.Errors {
		switch {
		case refusal.ID != 0:
		case refusal.Index >= 0 && refusal.Index < len(batch):
			reply.Errors[n].ID = batch[refusal.Index].ID
		case len(batch) == 1:
			reply.Errors[n].ID = batch[0].ID
		}
	}
	if err != nil {
		e := asError(err)
		for n, item := range e.Items {
			e.Items[n].Index = -1
			if item.Index >= 0 && item.Index < len(places) {
				e.Items[n].Index = places[item.Index]
			}
		}
	}
	return reply, err
}

// readBefore reads the records that have to be known before they are written,
// and returns the items that can go on.
func (r *updateRun[T, F]) readBefore(ctx context.Context, pending []int) []int {
	needs := func(i int) bool {
		_, known := r.before[r.items[i].ID]
		item := r.items[i]
		return !known && (item.changesTags() && !r.d.TagChanges || item.ExpectedUpdateTime != 0 && !r.d.Locks || r.expectsFuture(item) ||
			r.behavior.belongs != nil || r.d.NeedsBefore(item.Value, item.Paths))
	}
	var ids []int64
	for _, i := range pending {
		if needs(i) {
			ids = append(ids, r.items[i].ID)
		}
	}
	if len(ids) == 0 {
		return pending
	}
	found, err := r.read(ctx, r.d, driver.OpUpdate, ids)
	return slices.DeleteFunc(slices.Clone(pending), func(i int) bool {
		if !needs(i) {
			return false
		}
		item := r.items[i]
		record, ok := found[item.ID]
		switch {
		case err != nil:
			r.results[i].Err = err
		case !ok || r.behavior.belongs != nil && !r.behavior.belongs(item.Value, record):
			r.results[i].Err = r.notFound(driver.OpUpdate, item.ID)
		case item.ExpectedUpdateTime != 0 && recordUpdateTime(record) > item.ExpectedUpdateTime:
			r.results[i].Err = stale(r.op(), item.ID)
		default:
			r.before[item.ID] = record
			if r.d.CheckChange != nil {
				r.results[i].Err = r.d.CheckChange(r.change(i))
			}
			return r.results[i].Err != nil
		}
		return true
	})
}

// expectsFuture says whether a condition names a time that has not come.
func (r *updateRun[T, F]) expectsFuture(item Update[T]) bool {
	return item.ExpectedUpdateTime > r.client.upstreamNow().Unix()
}

// change describes the write of item i.
func (r *updateRun[T, F]) change(i int) driver.Change[T] {
	item := r.items[i]
	before, known := r.before[item.ID]
	change := driver.Change[T]{ID: item.ID, Value: item.Value, Paths: item.Paths, Before: before}
	switch {
	case item.changesTags() && r.d.TagChanges:
		change.AddTags, change.RemoveTags = item.AddTags, item.RemoveTags
	case item.changesTags():
		tags := r.behavior.applyTags(before, item.AddTags, item.RemoveTags)
		change.Value = only(item.Value, item.Paths)
		proto.Merge(change.Value, tags)
		change.Paths = append(slices.Clone(item.Paths), string(tagsField))
	}
	// Upstream writes only what is newer than the record: a second after the
	// expected time is refused exactly when the record changed since. It keeps
	// what it is sent: an expectation of the future, whose record is known, must
	// not become the record's time.
	switch now := r.client.upstreamNow().Unix(); {
	case item.ExpectedUpdateTime != 0 && known:
		change.UpdateTime = time.Unix(min(item.ExpectedUpdateTime+1, max(now, recordUpdateTime(before)+1)), 0)
	case item.ExpectedUpdateTime != 0:
		change.UpdateTime = time.Unix(item.ExpectedUpdateTime+1, 0)
	case known:
		change.UpdateTime = time.Unix(max(now, recordUpdateTime(before)+1), 0)
	default:
		change.UpdateTime = time.Unix(now, 0)
	}
	return change
}

// answer is the record as sent, with what upstream gave it.
func (r *updateRun[T, F]) answer(change driver.Change[T], item driver.WriteItem) T {
	value := only(change.Value, change.Paths)
	if r.d.Locks && !r.behavior.keepsUpdateTime {
		setRecordUpdateTime(value, change.UpdateTime.Unix())
	}
	item.ID = change.ID
	overlay(value, item)
	return value
}

// examine reads the records of items that were not written, settles what can be
// settled and returns the items to write again.
func (r *updateRun[T, F]) examine(ctx context.Context, refused, silent []int) []int {
	if len(refused)+len(silent) == 0 {
		return nil
	}
	var ids []int64
	for _, i := range slices.Concat(refused, silent) {
		ids = append(ids, r.items[i].ID)
	}
	found, err := r.read(ctx, r.d, driver.OpUpdate, ids)
	var again []int
	for _, i := range refused {
		item := r.items[i]
		record, ok := found[item.ID]
		switch {
		case err == nil && !ok:
			r.results[i].Err = r.notFound(driver.OpUpdate, item.ID)
		case err == nil && r.ambiguous[i] && recordUpdateTime(record) == r.sent[i]:
			// The try before, whose answer was lost, did it.
			r.results[i].Value = r.answer(r.change(i), driver.WriteItem{})
			setRecordUpdateTime(r.results[i].Value, r.sent[i])
		case err != nil && r.ambiguous[i]:
			r.results[i].Err = unsaid(r.op(), item.ID)
		case err != nil || item.ExpectedUpdateTime != 0:
			r.results[i].Err = stale(r.op(), item.ID)
		default:
			r.before[item.ID] = record
			again = append(again, i)
		}
	}
	for _, i := range silent {
		if _, ok := found[r.items[i].ID]; err == nil && !ok {
			r.results[i].Err = r.notFound(driver.OpUpdate, r.items[i].ID)
			continue
		}
		r.results[i].Err = unsaid(r.op(), r.items[i].ID)
	}
	return again
}
