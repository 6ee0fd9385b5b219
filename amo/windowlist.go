package amo

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/amo/settings"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// maxRounds is how often the tail of a list is read at most. An account that
// always changes faster than it can be read has no end.
const maxRounds = 10

// windowList runs a list by windows of the time of change. What changed up to the
// moment in which the list began, by upstream's clock, comes window by window;
// then what has changed since, the tail, until one page shows that nothing is
// left. Every row that changes leaves its place for the tail, so that it is seen
// in one of the two.
type windowList[T proto.Message] struct {
	windowReader[T]
	list *Listing[T]
	// pace learns from the looks, too, so that the first windows use every slot.
	pace *pace
	// within are the times of change that the filter asks for, filtered says that it
	// asks for anything at all.
	within   span
	filtered bool
	// start is the position that the run began at.
	start WindowPosition
	// atOnce says that one page showed all there is, before which nothing was sent:
	// nothing that was sent can have been deleted since.
	atOnce bool
	// setBack says that upstream's clock turned out to have been set back between the
	// run before and this one, so that all is to be read again.
	setBack bool

	// turn is that of the page which is being looked through.
	turn sync.Mutex

	// doubt are windows in a row that came empty; its first second is 0 where there
	// are none. Seen is the row before them.
	doubt span
	seen  witness
	// hasty says that no window is in doubt any more: those that lay ahead of upstream's
	// clock fill with what changes, and asking for them again has no end.
	hasty bool

	// crowd is the second that is read page by page; unsure says that one of them
	// never stood still.
	crowd  crowd
	unsure bool
}

// errStopped says that the reader of a list has had enough.
var errStopped = errors.New("the reader has stopped")

// errPageTwice says that upstream's pages have no end.
func errPageTwice() error {
	return &Error{Kind: KindLoop, Message: "upstream sent a page of this list twice"}
}

// errRestless says that a list came to no end: too much changes.
var errRestless = errors.New("upstream changes faster than it can be read")

// run sends the rows of the list from its cursor on. It returns errStopped,
// errDisobeyed, errNoTime, errRestless or an *Error.
func (w *windowList[T]) run(ctx context.Context, send func(Row[T]) bool) error {
	at := &w.list.cursor.Window
	w.start = *at
	if at.ID > 0 {
		w.seen.note(at.Second + 1) // the row that was sent last
	}
	since := max(at.Second+1, at.Signpost) - w.list.overlap
	if !at.Tail {
		whole, err := w.past(ctx, send)
		if whole || err != nil {
			return err
		}
		since, w.setBack = w.horizon(), false
	}
	for round := 1; ; round++ {
		// A run that is bounded has no time for rounds.
		last := round == maxRounds || w.isBounded()
		whole, err := w.tail(ctx, max(since, 1), last, send)
		if whole || err != nil {
			return err
		}
		if last {
			return errRestless
		}
		since = w.clock.round - w.list.overlap
		if w.setBack {
			since, w.setBack = 1, false
		}
	}
}

// isBounded says that the run stops behind some pages, to go on another time.
func (w *windowList[T]) isBounded() bool { return w.list.options.MaxPages > 0 }

// resumed says that an earlier run may have sent rows.
func (w *windowList[T]) resumed() bool { return w.start.Signpost > 0 }

// horizon is the second from which on rows may have changed while the list ran.
func (w *windowList[T]) horizon() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return earlier(w.list.cursor.Window.Signpost, w.clock.low) - w.list.overlap
}

// past sends what changed before the list began. It says whether nothing can have
// been missed: one page held all that there was at that moment.
func (w *windowList[T]) past(ctx context.Context, send func(Row[T]) bool) (whole bool, err error) {
	at := &w.list.cursor.Window
	s := span{max(w.within.first, 1), w.within.last}
	if w.resumed() {
		s.first = max(s.first, min(at.Second+1, at.Signpost-w.list.overlap))
	}
	w.clock.begin()
	head, err := w.look(ctx, s, windowQuery{class: limit.Interactive, again: w.resumed(), witness: w.seen.second()})
	w.observe(head.usage)
	if err == nil && head.departure == 0 {
		err = errNoTime
	}
	if err == nil && !w.resumed() {
		*at = WindowPosition{Signpost: head.departure, Second: s.first - 1}
	}
	if err := w.deliver(ctx, window{span: s}, head, err, false, send); err != nil {
		return false, err
	}
	if head.full {
		s.last = min(s.last, at.Signpost)
		return false, w.windows(ctx, s, head, false, send)
	}
	// What an earlier run has sent may have changed since.
	w.atOnce = !w.resumed()
	return w.atOnce, nil
}

// tail sends what changed since a second. It says whether that was all: otherwise
// there is a tail behind it. What no longer is what the filter asks for is sent
// once more where it may have been sent, so the filter has no part in it. In the
// last round rows come, too, whose times lie ahead of upstream's clock: a few are
// on the page that ends the tail, but more than a page of them keep it from ending.
func (w *windowList[T]) tail(ctx context.Context, since int64, last bool, send func(Row[T]) bool) (whole bool, err error) {
	at := &w.list.cursor.Window
	s := span{since, forever}
	query := windowQuery{whole: w.filtered, class: limit.Sync, again: true}
	if !w.filtered {
		// Beside the last row there was the tail of a quiet account is not empty.
		query.witness = w.seen.second()
	}
	w.clock.begin()
	head, err := w.look(ctx, w.withDoubt(s), query)
	w.observe(head.usage)
	if err == nil && head.departure == 0 {
		err = errNoTime
	}
	if err := w.tally(window{span: s}, head, err); err != nil {
		return false, err
	}
	before, tail := head.divide(since)
	if err := w.settle(ctx, before, send); err != nil {
		return false, err
	}
	*at = WindowPosition{Signpost: earlier(at.Signpost, w.clock.low), Second: since - 1, Tail: true}
	if err := w.sendRows(ctx, window{span: s}, tail, w.filtered, send); err != nil {
		return false, err
	}
	head.release()
	if !head.full {
		// A clock that was set back shows when the answer is there: what changed
		// since then was not asked for.
		return head.departure >= since && !w.setBack, nil
	}
	s.last = head.departure
	if last {
		s.last, w.hasty = wire.MaxUnix, !w.isBounded()
	}
	return false, w.windows(ctx, s, head, w.filtered, send)
}

// observe tells the pace how long a look took, and notes a clock that shows less
// than it did when the run before read: what changed since then can have any time,
// so that the list goes on as if it had begun with all time.
func (w *windowList[T]) observe(look usage) {
	at := &w.list.cursor.Window
	if !look.date.IsZero() && look.date.Unix() < w.start.clock()-w.list.overlap && at.Signpost > 1 && !w.isBounded() {
		at.Signpost, w.setBack = 1, true
	}
	if !look.left.IsZero() && look.came.After(look.left) {
		w.pace.observe(look.came.Sub(look.left))
	}
}

// windows sends what changed within s, window by window. Head is a full page of the
// first rows of s, if upstream keeps to the order that it was asked for.
func (w *windowList[T]) windows(ctx context.Context, s span, head windowPage[T], whole bool, send func(Row[T]) bool) error {
	if s.seconds() < 1 {
		return nil
	}
	w.gap, w.settled, w.seen = 0, 0, firstWitness(window{span: s}, head.times)
	first, err := w.measure(ctx, s, head, whole, send)
	if err != nil {
		return err
	}
	w.planned, w.last = first.last, s.last
	if first.seconds() < 1 {
		var ok bool
		if first, ok = w.next(0); !ok {
			return nil
		}
	}
	if w.isBounded() {
		return w.few(ctx, s, first, whole, send)
	}
	fetch := func(ctx context.Context, k window, trip trip) (windowPage[T], []window, error) {
		return w.fetch(ctx, k, whole, trip)
	}
	ahead := newAhead(ctx, w.pace, fetch, w.next)
	defer func() {
		for _, page := range ahead.drop() {
			w.list.countDropped(page.usage)
		}
	}()
	ahead.start(first)
	if !w.filtered && !w.list.cursor.Window.Tail {
		ahead.start(window{span: s, newest: true})
	}
	for ahead.more() {
		k, page, err := ahead.take()
		if err := w.pass(ctx, k, page, err, whole, send); err != nil {
			return err
		}
	}
	return w.close(ctx, s, whole, send)
}

// few is windows for a run that is bounded: one by one, until that are enough and
// the position has moved.
func (w *windowList[T]) few(ctx context.Context, s span, first window, whole bool, send func(Row[T]) bool) error {
	for queue := []window{first}; len(queue) > 0; {
		k := queue[0]
		page, behind, err := w.fetch(ctx, k, whole, trip{})
		if err := w.pass(ctx, k, page, err, whole, send); err != nil {
			return err
		}
		if len(behind) > 0 && behind[0].pass > 0 {
			if err := w.second(ctx, k, behind, whole, send); err != nil {
				return err
			}
			behind = nil
		}
		if w.list.end.Pages >= int64(w.list.options.MaxPages) && w.list.cursor.Window.after(w.start) {
			return errStopped
		}
		queue = append(behind, queue[1:]...)
		if len(queue) == 0 {
			if next, ok := w.next(0); ok {
				queue = append(queue, next)
			}
		}
	}
	return w.close(ctx, s, whole, send)
}

// second reads a second that is too much for one page to its end before it sends any
// of it: a run that stops in it goes on by the ids, in whose order pages by number
// need not come.
func (w *windowList[T]) second(ctx context.Context, k window, queue []window, whole bool, send func(Row[T]) bool) error {
	var all windowPage[T]
	rows := map[int64]pageRow[T]{}
	for len(queue) > 0 {
		page, behind, err := w.fetch(ctx, queue[0], whole, trip{})
		if err := w.tally(queue[0], page, err); err != nil {
			return err
		}
		for _, row := range page.rows {
			rows[row.id] = row
		}
		all.departure = page.departure
		if another, ok := w.crowd.anotherPass(queue[0], page.ends); ok {
			behind = append(behind, another)
		}
		queue = append(behind, queue[1:]...)
	}
	all.rows = slices.SortedFunc(maps.Values(rows), byTime)
	if err := w.dispel(ctx, w.seen, whole, send); err != nil {
		return err
	}
	if err := w.sendRows(ctx, k, all, whole, send); err != nil {
		return err
	}
	all.release()
	return nil
}

// measure finds out how many seconds of s make a page, and returns the first window
// to read; one without a second = the rows of its first ones were sent. Where
// upstream keeps to the order of times, head shows it. Elsewhere head shows some
// rows out of all, and less is asked for until it fits.
func (w *windowList[T]) measure(ctx context.Context, s span, head windowPage[T], whole bool, send func(Row[T]) bool) (window, error) {
	for !slices.IsSorted(head.times) && s.seconds() > 1 {
		s, _ = s.halves(median(head.times)) // the last second has a row
		var err error
		head, err = w.look(ctx, s, windowQuery{whole: whole, class: limit.Sync, witness: s.last})
		if err := w.deliver(ctx, window{span: s}, head, err, whole, send); err != nil {
			return window{}, err
		}
		if !head.full {
			began := s.first
			if len(head.times) > 0 {
				began = max(began, slices.Min(head.times)) // not at the beginning of time
			}
			w.size.seed(max(len(head.times), 1), s.last-began+1)
			return window{span: span{s.last + 1, s.last}}, nil
		}
	}
	times := slices.Sorted(slices.Values(head.times))
	first, last := times[0], times[len(times)-1]
	w.size.spread(times)
	// All rows of head have a place in the first window but those of its last second,
	// of which there may be more, and of one before it, in case ends are outside.
	end := max(last-2, first)
	return window{span: span{s.first, min(max(end, s.first), s.last)}, measured: true}, nil
}

// gallop is how many times larger a gap is taken to be with every window. Simulated:
// smaller ones take more windows over years, larger ones more halvings behind them.
const gallop = 4

// next plans the window behind those that were planned.
func (w *windowList[T]) next(int) (window, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.planned >= w.last {
		return window{}, false
	}
	width := w.size.next(w.limit)
	if w.gap > 0 {
		// Nothing tells how far it is to the next row: the gap is taken to be several
		// times what was looked at.
		width = max(width, (gallop-1)*(w.planned-w.gap+1))
	}
	s := span{w.planned + 1, min(w.planned+width, w.last)}
	w.planned = s.last
	return window{span: s}, true
}

// deliver takes a page into account and sends its rows. Behind the last page of a
// crowded second that does not stand still it reads that again.
func (w *windowList[T]) deliver(ctx context.Context, k window, page windowPage[T], err error, whole bool, send func(Row[T]) bool) error {
	if err := w.tally(k, page, err); err != nil {
		return err
	}
	if err := w.sendRows(ctx, k, page, whole, send); err != nil {
		return err
	}
	page.release()
	another, ok := w.crowd.anotherPass(k, page.ends)
	if !ok {
		return nil
	}
	for queue := []window{another}; len(queue) > 0; {
		k := queue[0]
		page, behind, err := w.fetch(ctx, k, whole, trip{})
		if err := w.deliver(ctx, k, page, err, whole, send); err != nil {
			return err
		}
		queue = append(behind, queue[1:]...)
	}
	return nil
}

// tally takes a page into account.
func (w *windowList[T]) tally(k window, page windowPage[T], err error) error {
	l := w.list
	l.count(page.usage)
	if err == nil && k.pass > 0 && noteCrowd(&w.crowd, k, page.rows) {
		err = errPageTwice()
	}
	if page.ends && k.pass == maxPasses && !w.crowd.stands() {
		w.unsure = true
	}
	if err == nil && k.pass == 0 && !k.newest {
		l.end.Windows++
		if page.full {
			l.end.SplitWindows++
		}
	}
	return err
}

// sendRows sends the rows of a page.
func (w *windowList[T]) sendRows(ctx context.Context, k window, page windowPage[T], whole bool, send func(Row[T]) bool) error {
	l := w.list
	horizon := w.horizon()
	at := &l.cursor.Window
	at.Signpost = horizon + l.overlap // clocks that were set back are set back for those who go on, too
	reader := rowReader[T]{rows: page.rows}
	for i, row := range page.rows {
		id, second := row.id, row.changed
		w.seen.note(second)
		if (!at.Tail || w.start.Tail && w.isBounded()) && w.start.holds(second, id) {
			continue // an earlier run has sent it
		}
		if k.pass == 0 {
			w.moveTo(second-1, id, page.departure)
		}
		value, err := reader.at(ctx, i)
		if err != nil {
			return err
		}
		if !l.matches(value) && (!whole || !w.resumed() && !l.sent.has(id)) {
			continue
		}
		fresh, again := l.sent.add(value, id, second, horizon)
		if !fresh {
			continue
		}
		if again {
			l.end.Resent++
		}
		if !send(Row[T]{Value: value, Cursor: l.cursor}) {
			return errStopped
		}
	}
	_, another := w.crowd.anotherPass(k, page.ends)
	if k.last != forever && (k.pass == 0 && !page.full || page.ends && !another) {
		w.moveTo(k.last, 0, page.departure)
	}
	return nil
}

// moveTo moves the position behind rows that were sent. In a tail it does not get
// ahead of upstream's clock, even where rows do: what changes next comes before
// them. A run that is bounded has no other way to get on.
func (w *windowList[T]) moveTo(second, id, clock int64) {
	at := &w.list.cursor.Window
	if at.Tail && clock != 0 && second > clock && !w.isBounded() {
		second, id = clock, 0
	}
	at.Second, at.ID = second, id
}

// windows returns what runs a list by windows; nil = it runs in the order of ids.
// A list of pages begins in that order, since one page of it shows the oldest rows
// and costs one request; what was begun by windows goes on by windows.
func (c *Collection[T, F]) windows(ctx context.Context, l *Listing[T], d driver.Resource[T, F], filter F) (*windowList[T], error) {
	from := l.options.From
	begun := from.Window.Signpost > 0
	if d.Window == nil || c.behavior.window == nil || !begun && (from.Generation != 0 || l.options.MaxPages > 0) {
		return nil, nil
	}
	if begun && !from.Window.possible(c.client.upstreamNow().Unix(), l.overlap) {
		return nil, &Error{
			Kind: KindCursor, Op: c.name + "." + string(driver.OpList), Generation: d.Generation,
			Message: "the position in the list is none that there can be; start it again",
		}
	}
	within, filtered, ok := c.behavior.window(filter)
	if !ok || seconds(within).seconds() < 1 {
		return nil, nil
	}
	env, err := c.client.account(ctx, d.Generation)
	if err != nil {
		return nil, err
	}
	if !env.Filters {
		if begun {
			// The account has lost its filters since.
			l.leaveWindows()
		}
		return nil, nil
	}
	w := &windowList[T]{
		list: l, filtered: filtered, within: seconds(within),
		pace: &pace{rate: c.client.limiter.Rate},
	}
	w.limit = min(c.client.config.PageSize, d.MaxPage)
	nothing := newRecord[F]()
	w.page = func(ctx context.Context, q windowQuery) (sentPage[T], usage, error) {
		asked := filter
		if q.whole {
			asked = nothing
		}
		call, err := d.Window(env, asked, q.Window, q.offset, q.limit)
		if err != nil {
			return sentPage[T]{}, usage{}, err
		}
		u := c.ask(ctx, d, request{call: call, class: q.class, left: q.left, splittable: q.splittable, turn: &w.turn, mustWait: q.mustWait})
		cost, err := u.read(ctx)
		if err != nil {
			return sentPage[T]{}, cost, err
		}
		return sentPage[T]{rows: u.rows(), next: u.next()}, cost, nil
	}
	return w, nil
}

// overlapSeconds is the overlap of lists in the unit of upstream's times.
func overlapSeconds(s settings.Settings) int64 { return int64(math.Ceil(s.ListOverlap.Seconds())) }

// seconds returns the whole seconds of a half-open range; nil is all time.
func seconds(r *amogatev1.TimeRange) span {
	s := span{1, forever}
	if start := r.GetStartTime(); start != nil {
		s.first = start.GetSeconds()
		if start.GetNanos() > 0 {
			s.first++
		}
		s.first = max(s.first, 1) // there are no rows before
	}
	if end := r.GetEndTime(); end != nil {
		s.last = end.GetSeconds() - 1
		if end.GetNanos() > 0 {
			s.last++
		}
	}
	return s
}
