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

// updateRounds is how often an item is sent that upstream refuses as stale.
const updateRounds = 2

func (u Update[T]) changesTags() bool { return len(u.AddTags)+len(u.RemoveTags) > 0 }

// Update changes records in as few requests as upstream allows, together with those
// of other callers, and answers one result each, in order. No two items may name
// the same record; updates and deletions of one by several callers go one after the
// other. One bad item does not cost the others. An item that upstream refuses as
// older than the record is read and tried once more, unless it is conditional. The
// values must not change any more.
func (c *Collection[T, F]) Update(ctx context.Context, items []Update[T]) []Result[T] {
	results := make([]Result[T], len(items))
	items = withValues(items)
	parts := c.divideUpdates(ctx, results, items)
	told := c.teller(ctx, driver.OpUpdate, results, func(i int) T { return items[i].Value })
	p := newParty(ctx, &c.updates, driver.Set)
	runs := map[int]*updateRun[T, F]{}
	var pending []int
	for _, part := range parts {
		run := &updateRun[T, F]{Collection: c, d: part.d, env: part.env, party: p, items: items, results: results, works: map[int]*item[*revision[T]]{}}
		for _, i := range part.pending {
			runs[i] = run
		}
		pending = append(pending, part.pending...)
	}
	slices.Sort(pending)
	records := inOrder(p, &c.order, pending, func(i int) int64 { return items[i].ID })
	// each calls f with the places of each run, and ends those that it returns.
	each := func(places []int, f func(run *updateRun[T, F], places []int) []int) {
		for _, part := range partition(places, func(i int) *updateRun[T, F] { return runs[i] }) {
			for _, i := range f(runs[part[0]], part) {
				records.end(i)
				told(i)
			}
		}
	}
	records.run(func(places []int) {
		each(places, func(run *updateRun[T, F], places []int) []int {
			for _, i := range places {
				run.works[i] = &item[*revision[T]]{work: &revision[T]{item: items[i]}, place: i, abandoned: records.abandon(i)}
			}
			return run.start(ctx, places)
		})
	}, func(answered []*item[*revision[T]]) {
		places := make([]int, len(answered))
		for n, it := range answered {
			places[n] = it.place
		}
		each(places, func(run *updateRun[T, F], places []int) []int { return run.finish(ctx, places) })
	}, func(i int, err error) {
		results[i].Err = err
		told(i)
	})
	for _, part := range parts {
		c.readBack(ctx, results, part.pending, func(i int) bool { return items[i].ReadBack })
	}
	return results
}

// divideUpdates divides updates as divide does.
func (c *Collection[T, F]) divideUpdates(ctx context.Context, results []Result[T], items []Update[T]) []writing[T, F] {
	return c.divide(ctx, driver.OpUpdate, results, func(i int) (driver.Resource[T, F], error) {
		paths := items[i].Paths
		if items[i].changesTags() {
			paths = append(slices.Clone(paths), string(tagsField))
		}
		return c.writeRoute(ctx, driver.OpUpdate, items[i].Value, paths, items[i].ExpectedUpdateTime != 0)
	}, func(i int) (T, []string) { return items[i].Value, items[i].Paths })
}

// revision is the work of one item of an Update. Its batch alone writes what is
// below change while it has it.
type revision[T any] struct {
	item Update[T]
	// before is the record as upstream had it; isKnown says that it was read.
	before  T
	isKnown bool
	// rounds counts how often the item was sent.
	rounds int

	// change is what was sent last.
	change driver.Change[T]
	// ambiguous says that a try before the last may have been carried out.
	ambiguous bool
	// written is what upstream told of it; nil = it did not. isStale says that it
	// was refused as older than the record, lost is why the answer to it cannot be
	// read.
	written *driver.WriteItem
	isStale bool
	lost    *Error
}

// updateRun is the part of an Update that one generation serves.
type updateRun[T, F proto.Message] struct {
	*Collection[T, F]
	d       driver.Resource[T, F]
	env     *driver.Env
	party   *party[*revision[T]]
	items   []Update[T]
	results []Result[T]
	// works are the items by their places.
	works map[int]*item[*revision[T]]
}

func (r *updateRun[T, F]) op() string { return r.name + "." + string(driver.OpUpdate) }

// start sends the items at places, whose records are theirs, and returns those that
// have their results already.
func (r *updateRun[T, F]) start(ctx context.Context, places []int) (ended []int) {
	pending := r.readBefore(ctx, places)
	for _, i := range places {
		if r.results[i].Err != nil {
			ended = append(ended, i)
		}
	}
	// What has only links is as good as written.
	var rest, linked []int
	for _, i := range pending {
		change := r.change(r.works[i].work)
		if links, other := r.linked(change); links && !other {
			r.works[i].work.change = change
			r.results[i].Value = r.answer(change, driver.WriteItem{})
			linked = append(linked, i)
			continue
		}
		rest = append(rest, i)
	}
	r.send(rest)
	r.link(ctx, linked)
	return append(ended, linked...)
}

// send lets the items at places join those of others.
func (r *updateRun[T, F]) send(places []int) {
	if len(places) == 0 {
		return
	}
	lined := make([]*item[*revision[T]], len(places))
	for n, i := range places {
		lined[n] = r.works[i]
		r.works[i].work.rounds++
	}
	r.updates.join(r.party, r.d.Generation, "", r.carryUpdates(writing[T, F]{d: r.d, env: r.env}), lined)
}

// carryUpdates returns how records are changed.
func (c *Collection[T, F]) carryUpdates(part writing[T, F]) carrier[*revision[T]] {
	return carrier[*revision[T]]{
		client: c.client, env: part.env, most: cmp.Or(part.d.MaxUpdate, part.d.MaxBatch),
		carry: func(b *batch[*revision[T]]) {
			id := func(r *revision[T]) int64 { return r.item.ID }
			b.carryOut(id, func(take func() []*item[*revision[T]]) ([]*item[*revision[T]], error) {
				return c.writeUpdates(b, part.d, take)
			})
		},
	}
}

// writeUpdates changes the records of the items that take returns by one request.
func (c *Collection[T, F]) writeUpdates(b *batch[*revision[T]], d driver.Resource[T, F], take func() []*item[*revision[T]]) (items []*item[*revision[T]], err error) {
	reply, u, err := c.send(b.ctx, d, driver.OpUpdate, b.request(take, func(taken []*item[*revision[T]]) (driver.Call, error) {
		items = taken
		run := &updateRun[T, F]{Collection: c, d: d}
		changes := make([]driver.Change[T], len(items))
		for n, it := range items {
			work := it.work
			work.change = run.change(work)
			work.ambiguous, work.written, work.isStale, work.lost = false, nil, false, nil
			changes[n] = work.change
		}
		return d.Update(b.env, changes)
	}, nil))
	b.measure(items, u, err)
	for _, it := range items {
		it.work.ambiguous = it.work.ambiguous || u.ambiguous
		c.changed(it.work.item.ID)
	}
	if IsKind(err, KindResponseLost) {
		for _, it := range items {
			it.work.lost = asError(err)
		}
		b.answer(nil, items...)
		return items, nil
	}
	if err != nil {
		return items, err
	}
	// Refusals beside what was written are told apart by record.
	for n, refusal := range reply.Errors {
		switch {
		case refusal.ID != 0:
		case refusal.Index >= 0 && refusal.Index < len(items):
			reply.Errors[n].ID = items[refusal.Index].work.item.ID
		case len(items) == 1:
			reply.Errors[n].ID = items[0].work.item.ID
		}
	}
	written := make(map[int64]driver.WriteItem, len(reply.Items))
	for _, item := range reply.Items {
		written[item.ID] = item
	}
	refused := refusals(reply.Errors)
	b.answerEach(items, func(n int) error {
		work := items[n].work
		refusal := refused[work.item.ID]
		if refusal != nil && !refusal.Stale {
			return refusal.Err
		}
		work.isStale = refusal != nil
		if item, ok := written[work.item.ID]; ok || reply.All {
			work.written = &item
		}
		return nil
	})
	return items, nil
}

// finish gives the items at places their results, or sends them once more, and
// returns those that have them.
func (r *updateRun[T, F]) finish(ctx context.Context, places []int) (ended []int) {
	var done, refused, silent []int
	lost := map[*Error][]int{}
	for _, i := range places {
		it := r.works[i]
		work := it.work
		switch {
		case it.err != nil:
			r.results[i].Err = it.err
		case work.lost != nil:
			lost[work.lost] = append(lost[work.lost], i)
		case work.isStale:
			refused = append(refused, i)
		case work.written != nil:
			r.results[i].Value = r.answer(work.change, *work.written)
			done = append(done, i)
		default:
			silent = append(silent, i)
		}
	}
	for cause, items := range lost {
		done = append(done, r.reconcile(ctx, items, cause)...)
	}
	r.link(ctx, done)
	again := r.examine(ctx, refused, silent)
	r.send(again)
	return slices.DeleteFunc(places, func(i int) bool { return slices.Contains(again, i) })
}

// readBefore reads the records that have to be known before they are written,
// and returns the items that can go on.
func (r *updateRun[T, F]) readBefore(ctx context.Context, pending []int) []int {
	needs := func(i int) bool {
		item := r.items[i]
		return item.changesTags() && !r.d.TagChanges || item.ExpectedUpdateTime != 0 && !r.d.Locks || r.expectsFuture(item) ||
			r.behavior.belongs != nil || r.d.NeedsBefore(item.Value, item.Paths)
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
		item, work := r.items[i], r.works[i].work
		record, ok := found[item.ID]
		switch {
		case err != nil:
			r.results[i].Err = err
		case !ok || r.behavior.belongs != nil && !r.behavior.belongs(item.Value, record):
			r.results[i].Err = r.notFound(driver.OpUpdate, item.ID)
		case item.ExpectedUpdateTime != 0 && recordUpdateTime(record) > item.ExpectedUpdateTime:
			r.results[i].Err = stale(r.op(), item.ID)
		default:
			work.before, work.isKnown = record, true
			if r.d.CheckChange != nil {
				r.results[i].Err = r.d.CheckChange(r.change(work))
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

// change describes the write of an item at this time.
func (r *updateRun[T, F]) change(work *revision[T]) driver.Change[T] {
	item, before, known := work.item, work.before, work.isKnown
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
		item, work := r.items[i], r.works[i].work
		record, ok := found[item.ID]
		switch {
		case err == nil && !ok:
			r.results[i].Err = r.notFound(driver.OpUpdate, item.ID)
		case err == nil && work.ambiguous && recordUpdateTime(record) == work.change.UpdateTime.Unix():
			// The try before, whose answer was lost, did it.
			r.results[i].Value = r.answer(work.change, driver.WriteItem{})
			setRecordUpdateTime(r.results[i].Value, work.change.UpdateTime.Unix())
		case err != nil && work.ambiguous:
			r.results[i].Err = unsaid(r.op(), item.ID)
		case err != nil || item.ExpectedUpdateTime != 0 || work.rounds == updateRounds:
			r.results[i].Err = stale(r.op(), item.ID)
		default:
			work.before, work.isKnown = record, true
			again = append(again, i)
		}
	}
	for _, i := range silent {
		if _, ok := found[r.items[i].ID]; err == nil && !ok {
			r.results[i].Err = r.notFound(driver.OpUpdate, r.items[i].ID)
			continue
		}
		failure := unsaid(r.op(), r.items[i].ID)
		if err != nil {
			failure = unlooked(failure)
		}
		r.results[i].Err = failure
	}
	return again
}
