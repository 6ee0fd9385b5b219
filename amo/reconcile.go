package amo

import (
	"cmp"
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
)

// looks is how many reads are spent on a create of unknown outcome.
const looks = 2

// contents returns new records as they can be compared, with keys that are equal
// for equal ones; "" for one that cannot be found.
func (c *Collection[T, F]) contents(values []T) (contents []T, keys []string) {
	contents, keys = make([]T, len(values)), make([]string, len(values))
	if c.behavior.recent == nil {
		return contents, keys
	}
	for k, value := range values {
		contents[k] = content(value)
		// One of an explicit time of creation cannot be told from an older record.
		if !value.ProtoReflect().Has(field(value, createTimeField)) {
			keys[k] = contentKey(contents[k])
		}
	}
	return contents, keys
}

// settle gives the items of a create of unknown outcome their results: those that
// are found upstream were made, of the others nothing is known. The items after
// them go on, unless upstream cannot be asked or this was the second such create
// on end.
func (r *createRun[T, F]) settle(ctx context.Context, contents []T, entry *creation, cause *Error) {
	open := make([]int, len(r.items))
	for k := range open {
		open[k] = k
	}
	settled := r.batch.doubt(r.items, cause)
	r.ledger.land(entry, nil, open)
	found, hasLooked := r.find(ctx, contents, entry, 0)
	if !hasLooked && r.behavior.recent != nil {
		cause = unlooked(cause)
	}
	for k := range r.items {
		if row, ok := found[k]; ok {
			r.results[k].Value = r.made(k, row)
			continue
		}
		r.results[k].Err = ownError(cause)
	}
	r.client.config.Logger.WarnContext(ctx, "the answer to a create was lost", "account", r.client.config.Account,
		"operation", r.name+"."+string(driver.OpCreate), "items", len(r.items), "found", len(found), "error", cause)
	r.answer()
	settled(func(k int) bool { return r.results[k].Err == nil }, hasLooked)
}

// settleUnsaid does the same for the items of which an answer did not say what
// became of them.
func (r *createRun[T, F]) settleUnsaid(ctx context.Context, contents []T, entry *creation) {
	var ids []int64
	var open []int
	for k := range r.items {
		switch {
		case r.results[k].Err == nil:
			ids = append(ids, recordID(r.results[k].Value))
		case IsKind(r.results[k].Err, KindResponseLost):
			open = append(open, k)
		}
	}
	r.ledger.land(entry, ids, slices.Clone(open))
	if len(open) == 0 {
		return
	}
	found, hasLooked := r.find(ctx, contents, entry, 0)
	for _, k := range open {
		row, ok := found[k]
		switch {
		case ok:
			r.results[k] = Result[T]{Value: r.made(k, row)}
		case !hasLooked && r.behavior.recent != nil:
			r.results[k].Err = unlooked(asError(r.results[k].Err))
		}
	}
}

// made is the record of the kth item as sent, overlaid with what an answer would
// have told of the row that it became.
func (r *createRun[T, F]) made(k int, row T) T {
	value := r.values[k]
	overlay(value, driver.WriteItem{ID: recordID(row), Told: only(row, []string{string(createTimeField), string(updateTimeField), "account_id"})})
	return value
}

// find looks upstream for the records that the open items of a create became, and
// says whether it got an answer. It reads looks pages, and as many more as older
// rows fill.
func (r *createRun[T, F]) find(ctx context.Context, contents []T, entry *creation, older int) (found map[int]T, hasLooked bool) {
	found = map[int]T{}
	config := r.client.config.Settings
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-config.LookMargin))
		defer cancel()
	}
	if r.behavior.recent == nil || ctx.Err() != nil {
		return found, false
	}
	// What others may make of the same content is part of the reckoning: their
	// answers first.
	rivals, since := r.ledger.rivals(entry)
	for _, rival := range rivals {
		select {
		case <-rival.landed:
		case <-ctx.Done():
			return found, false
		}
	}
	look, err := r.newLook(ctx, contents, since)
	if err != nil {
		return found, false
	}
	for n := range looks + older/look.limit {
		if n > 0 && look.isWhole {
			if sleep(ctx, config.LookPause) != nil {
				break
			}
			look.rows, look.offset = nil, 0
		}
		if err := look.read(ctx); err != nil {
			r.client.config.Logger.DebugContext(ctx, "the look for created records failed", "account", r.client.config.Account, "operation", r.name, "error", err)
			return found, hasLooked
		}
		hasLooked = true
		if !look.isWhole {
			continue
		}
		claimed, open := r.ledger.claim(entry, look.matches)
		for k, id := range claimed {
			found[k] = look.rows[slices.IndexFunc(look.rows, func(row T) bool { return recordID(row) == id })]
		}
		if open == 0 {
			break
		}
	}
	return found, hasLooked
}

// look is the view of the records that were made upstream lately.
type look[T, F proto.Message] struct {
	*Collection[T, F]
	d        driver.Resource[T, F]
	env      *driver.Env
	filter   F
	contents []T
	since    int64
	limit    int

	offset int64
	rows   []T
	// isWhole says that rows are all there are.
	isWhole bool
}

// newLook returns a view of the records since an instant, over the generation that
// made them unless the other one can tell them by their time.
func (r *createRun[T, F]) newLook(ctx context.Context, contents []T, since time.Time) (*look[T, F], error) {
	l := &look[T, F]{Collection: r.Collection, d: r.d, env: r.env, contents: contents, since: since.Unix()}
	l.filter = r.behavior.recent(contents, since, false)
	if r.behavior.paid != nil && r.behavior.paid(l.filter) {
		var err error
		if l.d, err = r.listRoute(ctx, l.filter); err != nil {
			return nil, err
		}
		if l.env, err = r.client.account(ctx, l.d.Generation); err != nil {
			return nil, err
		}
		l.filter = r.behavior.recent(contents, since, !l.env.Filters)
	}
	l.limit = min(r.client.config.PageSize, l.d.MaxPage)
	return l, nil
}

// read reads the next page.
func (l *look[T, F]) read(ctx context.Context) error {
	call, err := l.d.List(l.env, l.filter, l.offset, l.limit)
	if err != nil {
		return err
	}
	page, _, err := l.page(ctx, l.d, request{call: call, class: limit.Interactive, splittable: true})
	if err != nil {
		return err
	}
	l.offset += int64(l.limit)
	l.rows = append(l.rows, page.Rows...)
	l.isWhole = l.isEnd(page)
	return nil
}

// isEnd says whether no record of interest can follow a page: it is not full, or
// the newest come first and its last is too old. Upstream announces further pages
// where there are none.
func (l *look[T, F]) isEnd(page driver.Page[T]) bool {
	size := len(page.Rows)
	if size == 0 || size < l.limit && !ignoresLimit(size, l.limit, page.Next) {
		return true
	}
	isNewestFirst := slices.IsSortedFunc(page.Rows, func(a, b T) int { return cmp.Compare(recordID(b), recordID(a)) })
	return size > 1 && isNewestFirst && recordCreateTime(page.Rows[size-1]) < l.since
}

// matches returns the ids of the rows that item k can have become, ascending.
func (l *look[T, F]) matches(k int) []int64 {
	shown := only(l.contents[k], l.visible(l.contents[k]))
	var ids []int64
	for _, row := range l.rows {
		if l.isNew(row) && l.isOurs(row, shown) && shows(row.ProtoReflect(), shown.ProtoReflect()) && l.hasNoMore(row, shown) {
			ids = append(ids, recordID(row))
		}
	}
	return distinct(ids)
}

// visible are the fields of content that a read shows.
func (l *look[T, F]) visible(content T) []string {
	return slices.DeleteFunc(writable(content), func(path string) bool { return !l.d.Supports(driver.OpList, path) })
}

// isNew says whether a row came into being in the time in question.
func (l *look[T, F]) isNew(row T) bool {
	at := recordCreateTime(row)
	return at >= l.since && at <= l.client.upstreamNow().Add(l.client.config.Settings.LookSlack).Unix()
}

// isOurs says whether the account's own user can have made a row, or whoever the
// item names. Upstream shows what came over a token as made by user 0, too.
func (l *look[T, F]) isOurs(row, shown T) bool {
	if shown.ProtoReflect().Has(field(shown, createdByField)) || l.env.UserID == 0 {
		return true
	}
	by := row.ProtoReflect().Get(field(row, createdByField)).Int()
	return by == 0 || by == l.env.UserID
}

// hasNoMore says whether a row has nothing that a new record has only when it was
// sent.
func (l *look[T, F]) hasNoMore(row, shown T) bool {
	m := row.ProtoReflect()
	for _, name := range l.behavior.given {
		f := field(row, protoreflect.Name(name))
		if m.Has(f) && !shown.ProtoReflect().Has(f) && l.d.Supports(driver.OpList, name) && !blank(f, m.Get(f)) {
			return false
		}
	}
	return true
}
