package amo

import (
	"context"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/limit"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// maxStale is the most pages in a row without a row that is new or has changed:
// so many show that a list does not end.
const maxStale = 2

// orderedList runs a list in the order of upstream's pages, which is meant to be
// that of ids. A record that is deleted while the list runs moves those behind it
// forward, and one of them over the border of a page into the one that was read
// already.
//
// Where pages begin one row early that shows at once: they do not begin with the
// row that was the last before. What is missing is looked for and sent before
// anything else. Elsewhere the borders are noted, and upstream is asked in the end
// which records were deleted: between pages that may have moved rows are looked
// for again.
type orderedList[T proto.Message] struct {
	list *Listing[T]
	// from is the position that the run began at.
	from  Cursor
	clock signpost
	// borders are those between the pages that came of which it is not known whether
	// rows have moved over them; before is the last page.
	borders []border
	before  pageEnd
	// moved is the border before the page at hand if rows have moved over it, read
	// the position before which all rows were read when it came.
	moved *border
	read  int64
	// first is when the first page came, by upstream's clock.
	first int64
	// timely says that every page told the time, broken that a border could not be
	// repaired, so that no other is tried, unsure that nothing can be promised, though
	// they may be.
	timely, broken, unsure bool
	// seen are the rows of all pages, stale counts the pages in a row that held rows
	// that had come before, as they were, and no others.
	seen  idSet
	stale int
}

// pageEnd is where a page ended.
type pageEnd struct {
	// id is that of its last row, offset the position behind it.
	id, offset int64
	limit      int
	// asked and came are the seconds of upstream's between which it was read.
	asked, came int64
}

// border is what lies between two pages.
type border struct {
	pageEnd
	// next is the id of the first row behind it.
	next int64
}

// movedBy says whether a deletion may have moved rows over the border while the
// pages at its sides were read. Lists may lag behind deletions.
func (b border) movedBy(d deletion, lag int64) bool {
	return d.id <= b.id && b.asked-lag <= d.second && d.second <= b.came
}

// inOrder sends the list in upstream's order, page by page.
func (l *Listing[T]) inOrder(ctx context.Context, send func(Row[T]) bool) error {
	o := &orderedList[T]{list: l, from: l.cursor, timely: true}
	o.before = pageEnd{id: l.cursor.LastID, offset: l.cursor.Offset, limit: l.limit}
	pages, alone := 0, false
	for page, err := range l.pages(ctx, o.note) {
		if err != nil {
			return err
		}
		pages++
		alone = pages == 1 && page.last && l.options.From == Cursor{} && !l.sent.ids.any()
		if o.moved != nil && !l.unsorted && !o.broken {
			if err := o.repair(ctx, *o.moved, send); err != nil {
				return err
			}
		}
		if err := o.sendPage(ctx, page, send); err != nil {
			return err
		}
	}
	switch {
	case !l.ended:
		return nil
	case alone && l.tellsDeletions:
		// One page showed all there is.
		l.finish(amogatev1.Completeness_COMPLETENESS_ID_ORDER_REPAIRED)
		return nil
	case l.cursor.Signpost == 0 || !l.tellsDeletions || l.options.MaxPages > 0:
		l.finish(amogatev1.Completeness_COMPLETENESS_BEST_EFFORT)
		return nil
	}
	l.ended = false
	return o.finish(ctx, send)
}

// note notes the border before a page, and whether the ids ascend.
func (o *orderedList[T]) note(page fetched[T]) {
	departure := o.clock.note(page.usage)
	end := pageEnd{limit: page.limit, asked: departure, came: page.usage.date.Unix() + 1}
	if departure == 0 {
		o.timely = false
	}
	o.list.cursor.Signpost = earlier(o.list.cursor.Signpost, o.clock.low)
	if departure != 0 && page.usage.date.Unix() < o.from.Signpost-o.list.overlap {
		// The clock was set back since the run before: what was deleted then can have any
		// time.
		o.list.cursor.Signpost = 1
	}
	if o.first == 0 {
		o.first = end.came
	}
	// Nothing behind the last row can have moved before it unseen: a page that was
	// full hides what follows it.
	next := int64(math.MaxInt64)
	if len(page.rows) > 0 {
		next = page.rows[0].id
	}
	b := border{o.before, next}
	o.moved, o.read = nil, o.before.offset
	switch {
	case b.id == 0:
	case page.from >= b.offset:
		b.asked, b.came = min(b.asked, end.asked), max(b.came, end.came)
		o.borders = append(o.borders, b)
	case b.id < next:
		b.limit = page.limit
		o.moved = &b
	}
	if len(page.rows) == 0 {
		return
	}
	last := int64(0)
	for i, row := range page.rows {
		if page.offsets[i] > b.offset {
			last = max(last, b.id)
		}
		o.list.unsorted = o.list.unsorted || row.id <= last
		last = row.id
	}
	end.id, end.offset = last, page.offsets[len(page.offsets)-1]
	o.before = end
}

// sendPage sends the rows of a page that were not sent before.
func (o *orderedList[T]) sendPage(ctx context.Context, page fetched[T], send func(Row[T]) bool) error {
	l := o.list
	further, fresh := false, false
	reader := rowReader[T]{rows: page.rows}
	for i, row := range page.rows {
		id, offset := row.id, page.offsets[i]
		if offset <= o.from.Offset && (id == o.from.LastID || !l.unsorted && id < o.from.LastID) {
			continue // an earlier run has sent it
		}
		l.cursor.Offset, l.cursor.LastID = offset, id
		isFresh, err := o.sendRow(ctx, &reader, i, send)
		if err != nil {
			return err
		}
		further = further || offset > o.read
		// What windows have sent comes here for the first time.
		fresh = !o.seen.add(id) || fresh || isFresh
	}
	reader.release()
	l.cursor.Offset = page.next
	switch {
	case fresh:
		o.stale = 0
	case further:
		o.stale++
	}
	if o.stale == maxStale {
		l.ended = false
		return &Error{Kind: KindLoop, Message: "upstream sends rows of this list again and again"}
	}
	return nil
}

// sendRow sends row i of those that reader reads, if it matches and was not sent
// before as it is. It says whether the row is new in the list.
func (o *orderedList[T]) sendRow(ctx context.Context, reader *rowReader[T], i int, send func(Row[T]) bool) (fresh bool, err error) {
	l, row := o.list, reader.rows[i]
	if from := l.options.From.Window; row.changed < from.Signpost-l.overlap && from.holds(row.changed, row.id) {
		return true, nil // an earlier run has sent it, and it has not changed since
	}
	value, err := reader.at(ctx, i)
	if err != nil {
		return false, err
	}
	if !l.matches(value) {
		return true, nil
	}
	fresh, again := l.sent.add(value, row.id, row.changed, o.clock.low-l.overlap)
	if !fresh {
		return false, nil
	}
	if again {
		l.end.Resent++
	}
	if !send(Row[T]{Value: value, Cursor: l.cursor}) {
		return true, errStopped
	}
	return true, nil
}

// finish repairs the borders, tells the deletions and ends the list.
func (o *orderedList[T]) finish(ctx context.Context, send func(Row[T]) bool) error {
	l := o.list
	since := earlier(l.cursor.Signpost, o.clock.low) - l.overlap
	told, known, cost, err := l.deletions(ctx, since)
	l.countDropped(cost)
	if err != nil {
		return err
	}
	if !known {
		l.finish(amogatev1.Completeness_COMPLETENESS_BEST_EFFORT)
		return nil
	}
	// Rows that change can leave what a filter asks for, which no event tells.
	o.broken = o.broken || len(o.borders) > 0 && (!o.timely || l.filtered)
	at, repaired := l.cursor, false
	for _, b := range o.borders {
		moved := func(d deletion) bool { return b.movedBy(d, l.overlap) }
		if l.unsorted || o.broken || b.next == b.id+1 || !slices.ContainsFunc(told, moved) {
			continue
		}
		repaired = true
		if err := o.repair(ctx, b, send); err != nil {
			return err
		}
	}
	l.cursor = at
	if repaired {
		// What was sent by now may be gone as well.
		told, known, cost, err = l.deletions(ctx, since)
		l.countDropped(cost)
		if err != nil {
			return err
		}
	}
	guarantee := amogatev1.Completeness_COMPLETENESS_BEST_EFFORT
	if known && !l.unsorted && !o.broken && !o.unsure && !o.movedBefore(told) {
		guarantee = amogatev1.Completeness_COMPLETENESS_ID_ORDER_REPAIRED
	}
	return l.tellOf(told, guarantee, l.options.From != Cursor{}, send)
}

// movedBefore says whether an earlier run may have missed rows before the position
// that this one began at: its borders ended with it where they do not show at once.
func (o *orderedList[T]) movedBefore(told []deletion) bool {
	return o.list.numbered && slices.ContainsFunc(told, func(d deletion) bool { return d.id <= o.from.LastID && d.second <= o.first })
}

// maxSteps is how many pages back rows that have moved are looked for. More mean
// that upstream is not in the order of ids, or that it is quicker to begin anew.
const maxSteps = 100

// repair looks for the rows that have moved over a border and sends them. Rows only
// move forward: what was behind the border is now before it, as far as anything has
// moved. The position of each row is where the list would go on behind it.
func (o *orderedList[T]) repair(ctx context.Context, b border, send func(Row[T]) bool) error {
	l := o.list
	l.end.RepairedBorders++
	size := int64(b.limit)
	begin := b.offset - size
	if l.numbered {
		begin = (b.offset - 1) / size * size
	}
	found := map[int64]int64{} // positions by id
	var rows []pageRow[T]
	again := false
	for steps := 1; ; steps++ {
		begin = max(begin, 0)
		page, err := l.fetch(ctx, wanted{offset: begin, limit: b.limit, class: limit.Sync, left: func() {}})
		if err == nil && page.open != nil {
			page, err = page.open(ctx)
		}
		l.count(page.usage)
		if err != nil {
			return err
		}
		o.clock.note(page.usage)
		l.unsorted = l.unsorted || !slices.IsSortedFunc(page.rows, byID[T])
		for i, row := range page.rows {
			if _, twice := found[row.id]; row.id > b.id && row.id < b.next && !twice {
				found[row.id] = page.offsets[i]
				rows = append(rows, row)
			}
		}
		// A smaller page leaves a gap behind it.
		o.unsure = o.unsure || page.limit != b.limit
		isEmpty := len(page.rows) == 0
		if isEmpty && !again {
			again = true // upstream is known to answer an empty page by mistake
			l.end.Retries++
			continue
		}
		if begin == 0 || !isEmpty && page.rows[0].id <= b.id {
			break
		}
		if steps == maxSteps || l.unsorted {
			o.broken = true
			break
		}
		begin, again = begin-size, false
	}
	slices.SortFunc(rows, byID)
	reader := rowReader[T]{rows: rows}
	for i, row := range rows {
		l.cursor.Offset, l.cursor.LastID = found[row.id], row.id
		if _, err := o.sendRow(ctx, &reader, i, send); err != nil {
			return err
		}
	}
	return nil
}
