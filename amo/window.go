package amo

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
)

// span are the seconds from first to last, both inside.
type span struct{ first, last int64 }

// forever is the last second of a span without an end.
const forever = math.MaxInt64

// seconds is how many there are.
func (s span) seconds() int64 { return s.last - s.first + 1 }

// inside returns those of seconds that are in the span.
func (s span) inside(seconds []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(seconds), func(at int64) bool { return at < s.first || at > s.last })
}

// halves splits a span of two seconds or more behind a second, which is moved
// inside.
func (s span) halves(behind int64) (left, right span) {
	behind = min(max(behind, s.first), s.last-1)
	return span{s.first, behind}, span{behind + 1, s.last}
}

// window is one page to read: the whole of a span, or a page by number of a
// single second that is too much for one.
type window struct {
	span
	// measured says that how many rows it has is known, so that it teaches nothing:
	// the first window reaches back to the beginning of time.
	measured bool
	// newest asks for its newest rows, which are not sent: they tell where it ends.
	newest bool
	// again asks once more where it is empty, witness is the second of a row beside it
	// that is known to be there; 0 = none.
	again   bool
	witness int64
	// pass says for the which time a second is read page by page; 0 = it is not.
	pass int
	// page is the number of the page, from 0, planned that of the last one that is
	// on its way, and size the rows of a page.
	page, planned, size int
}

// windowPage is what came of a window.
type windowPage[T proto.Message] struct {
	// rows are those of the window, by time of change and id.
	rows []pageRow[T]
	// times are when the rows changed, in the order in which upstream sent them,
	// those around the window included.
	times []int64
	// full says that upstream may have more rows. Then there are none here, unless
	// the window is a page by number.
	full bool
	// ends says that the page by number ends a pass behind which none is planned.
	ends bool
	// departure is the second that upstream's clock had not passed when the window
	// was asked for; 0 = not known.
	departure int64
	usage     usage
}

// empty says that upstream has none of the rows that were asked for.
func (p windowPage[T]) empty() bool { return !p.full && len(p.times) == 0 }

// divide divides the rows of a page at a second.
func (p windowPage[T]) divide(second int64) (before, behind windowPage[T]) {
	at := slices.IndexFunc(p.rows, func(row pageRow[T]) bool { return row.changed >= second })
	if at < 0 {
		at = len(p.rows)
	}
	before, behind = p, p
	before.rows, behind.rows = p.rows[:at], p.rows[at:]
	return before, behind
}

// release gives up the page when its rows were sent, those on both sides of a
// division.
func (p windowPage[T]) release() { releaseRows(p.rows) }

// errDisobeyed says that upstream does not apply the filter: rows are outside of
// their window.
var errDisobeyed = errors.New("upstream ignores the filter by time of change")

// errNoTime says that upstream's answers do not tell the time.
var errNoTime = errors.New("upstream does not tell the time")

// windowReader reads windows. Its methods may be called by several at a time.
type windowReader[T proto.Message] struct {
	// page reads one page of a window; whole says that only the time counts of what
	// the filter asks for.
	page func(ctx context.Context, query windowQuery) (sentPage[T], usage, error)

	mu sync.Mutex
	// limit is the page size that works.
	limit int
	// firstInside and lastInside say that rows were seen right at the ends that
	// were asked for. While it is not known whether the ends are inside, a second
	// more is asked for.
	firstInside, lastInside bool
	// idleNext says that upstream announces another page where there is none.
	idleNext bool
	// plain counts the pages on end that were of a size that upstream chooses.
	plain int
	size  windowSize
	clock signpost
	// gap is where the empty windows began behind which nothing is known yet, and
	// settled the last second of the windows that were not empty; 0 = none.
	gap, settled int64
	// planned is the last second of the windows that were planned, last that of
	// those that are to be.
	planned, last int64
}

// windowQuery is one page of a window to ask for.
type windowQuery struct {
	driver.Window
	// whole leaves out what the filter asks for beside the time of change.
	whole  bool
	offset int64
	limit  int
	class  limit.Class
	trip
	splittable bool
	// again asks once more after an empty page: upstream is known to answer one by
	// mistake. Where a row of the second witness is asked for, too, that is known to
	// be there, none is one, and it is asked for up to three times.
	again   bool
	witness int64
}

// look reads what changed in a span and does not say what to do about a full
// page: the first look at a span whose size is not known. Upstream is asked for
// the order of times, which is worth knowing and not relied on.
func (r *windowReader[T]) look(ctx context.Context, s span, query windowQuery) (windowPage[T], error) {
	query.ByTime = true
	for cost := (usage{}); ; {
		page, err := r.read(ctx, window{span: s}, query)
		cost.add(page.usage)
		page.usage = cost
		if err != nil || !page.full || len(page.times) > 0 {
			return page, err
		}
		// The page was too much for upstream.
	}
}

// fetch reads a window. What is to be read in its place, or behind it in the same
// second, is answered too.
func (r *windowReader[T]) fetch(ctx context.Context, w window, whole bool, trip trip) (windowPage[T], []window, error) {
	switch {
	case w.pass > 0:
		return r.fetchPart(ctx, w, whole, trip)
	case w.newest:
		page, err := r.fetchNewest(ctx, w, trip)
		return page, nil, err
	}
	page, err := r.read(ctx, w, windowQuery{whole: whole, class: limit.Sync, trip: trip, again: w.again, witness: w.witness})
	if err != nil {
		return page, nil, err
	}
	size := r.learn(w, page)
	switch {
	case !page.full:
		return page, nil, nil
	case w.seconds() == 1:
		// Nothing divides a second: it is read again from its first page on.
		return page, []window{{span: w.span, pass: 1, size: size}}, nil
	}
	left0, right := w.halves(w.middle(page.times))
	return page, []window{{span: left0}, {span: right}}, nil
}

// fetchNewest finds out where the rows of a span end: behind them no windows are
// needed. Where upstream does not keep to the order that it is asked for, nothing
// is learnt.
func (r *windowReader[T]) fetchNewest(ctx context.Context, w window, trip trip) (windowPage[T], error) {
	query := windowQuery{class: limit.Sync, trip: trip}
	query.ByTime, query.NewestFirst = true, true
	page, err := r.read(ctx, w, query)
	descends := slices.IsSortedFunc(page.times, func(a, b int64) int { return cmp.Compare(b, a) })
	if err == nil && len(page.times) > 0 && descends {
		r.mu.Lock()
		r.last = min(r.last, page.times[0])
		r.mu.Unlock()
	}
	return page, err
}

// learn takes note of what a window shows of the density of changes, and returns
// the page size that works.
func (r *windowReader[T]) learn(w window, page windowPage[T]) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case w.measured:
	case page.empty() && w.first > r.settled:
		if r.gap == 0 || w.first < r.gap {
			r.gap = w.first
		}
	case !page.empty():
		r.size.observe(len(page.times), w.seconds(), page.full)
		r.settled = max(r.settled, w.last)
		if r.gap < w.first {
			r.gap = 0
		}
	}
	return r.limit
}

// middle is the second in the middle of the times of change that are in the span;
// where there are none, the span's own.
func (s span) middle(times []int64) int64 {
	if inside := s.inside(times); len(inside) > 0 {
		return median(inside)
	}
	return s.first + (s.last-s.first)/2
}

// median is the second in the middle of the times of change; 0 = there are none.
func median(times []int64) int64 {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[(len(sorted)-1)/2]
}

// maxPlanned is the most pages of a second that are planned at a time.
const maxPlanned = 8

// fetchPart reads a page by number of a second.
func (r *windowReader[T]) fetchPart(ctx context.Context, w window, whole bool, trip trip) (windowPage[T], []window, error) {
	query := windowQuery{whole: whole, class: limit.Sync, trip: trip}
	var all windowPage[T]
	// After a page that is too much for upstream it is read in smaller ones.
	for offset, end := int64(w.page)*int64(w.size), int64(w.page+1)*int64(w.size); offset < end; {
		query.offset = offset
		query.limit = r.fitting(w.size)
		part, err := r.read(ctx, w, query)
		all.usage.add(part.usage)
		all.departure = part.departure
		if err != nil {
			return all, nil, err
		}
		if part.full && len(part.times) == 0 {
			continue // it has to be smaller
		}
		all.rows = append(all.rows, part.rows...)
		all.full = part.full
		if !part.full {
			break
		}
		offset += int64(query.limit)
	}
	if w.page < w.planned {
		return all, nil, nil
	}
	var behind []window
	if all.full {
		last := w.planned + min(w.planned+1, maxPlanned)
		for page := w.planned + 1; page <= last; page++ {
			behind = append(behind, window{span: w.span, pass: w.pass, page: page, planned: last, size: w.size})
		}
		return all, behind, nil
	}
	if w.pass >= passes {
		all.ends = true
		return all, nil, nil
	}
	for page := range w.page + 1 {
		behind = append(behind, window{span: w.span, pass: w.pass + 1, page: page, planned: w.page, size: w.size})
	}
	return all, behind, nil
}

// fitting is the largest page size that works and divides size, as all sizes do
// that follow one another.
func (r *windowReader[T]) fitting(size int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	smaller := size
	for smaller > r.limit || size%smaller != 0 {
		smaller = smallerPage(smaller)
	}
	return smaller
}

// read reads one page of a window and checks its rows.
func (r *windowReader[T]) read(ctx context.Context, w window, query windowQuery) (windowPage[T], error) {
	r.mu.Lock()
	if query.limit == 0 {
		query.limit = r.limit
	}
	query.First = w.first
	if !r.firstInside {
		query.First--
	}
	query.First = max(query.First, 1)
	if w.last != forever {
		query.Last = w.last
		if !r.lastInside {
			query.Last++
		}
	}
	if query.witness != 0 {
		query.First = min(query.First, query.witness)
		if query.Last != 0 {
			query.Last = max(query.Last, query.witness)
		}
	}
	r.mu.Unlock()
	query.splittable = smallerPage(query.limit) > 0

	page, cost, err := r.page(ctx, query)
	for doubts := query.doubts(); err == nil && len(page.rows) == 0 && doubts > 0; doubts-- {
		var more usage
		page, more, err = r.page(ctx, query)
		cost.add(more)
		cost.retries++
	}
	idle := false
	if err == nil && w.pass == 0 && page.next && len(page.rows) > 0 && len(page.rows) < query.limit && !r.ignoresNext() {
		behind := query
		behind.offset = int64(query.limit)
		more, spent, failed := r.page(ctx, behind)
		cost.add(spent)
		err = failed
		idle = err == nil && len(more.rows) == 0
		if guard := (loopGuard{}); err == nil && !seenBefore(guard, page.rows) && seenBefore(guard, more.rows) {
			err = errPageTwice()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idleNext = r.idleNext || idle
	got := windowPage[T]{usage: cost}
	if err != nil {
		e := asError(err)
		if tooMuch := e.Status == http.StatusGatewayTimeout || e.Kind == KindTooLarge; !tooMuch || !query.splittable {
			return got, err
		}
		r.limit = min(r.limit, smallerPage(query.limit))
		got.full = true
		return got, nil
	}
	got.departure = r.clock.note(cost)
	for _, row := range page.rows {
		second := row.changed
		got.times = append(got.times, second)
		r.firstInside = r.firstInside || second == query.First
		r.lastInside = r.lastInside || query.Last != 0 && second == query.Last
		// A row that changed while the page was made shows the time of that, and
		// comes once more.
		late := query.Last != 0 && second > query.Last && r.clock.low > 0 && second >= r.clock.low
		if second < query.First || query.Last != 0 && second > query.Last && !late {
			return got, errDisobeyed
		}
		if second >= w.first && second <= w.last {
			got.rows = append(got.rows, row)
		}
	}
	got.full = r.mayLack(len(page.rows), query.limit, page.next)
	if got.full && w.pass == 0 {
		got.rows = nil
	}
	if len(got.rows) == 0 {
		releaseRows(page.rows)
	}
	slices.SortFunc(got.rows, byTime)
	return got, nil
}

// ignoresNext says that an announced page is none.
func (r *windowReader[T]) ignoresNext() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.idleNext
}

// doubts is how often an empty page is asked for again.
func (q windowQuery) doubts() int {
	switch {
	case q.witness != 0:
		return 2
	case q.again:
		return 1
	}
	return 0
}

// mayLack says whether upstream may have more rows than a page of this size shows.
// It is not believed that a page is not full when it has the size that upstream
// gives pages that are asked for without one; when that is no accident, no larger
// ones are asked for any more.
func (r *windowReader[T]) mayLack(rows, limit int, next bool) bool {
	if rows >= limit || next && rows > 0 && !r.idleNext {
		return true
	}
	if rows != plainPage {
		if rows > plainPage {
			r.plain = 0
		}
		return false
	}
	r.plain++
	if r.plain > 1 {
		r.limit = min(r.limit, plainPage)
	}
	return true
}
