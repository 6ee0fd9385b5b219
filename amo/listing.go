package amo

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Cursor is the position behind one row of a list.
type Cursor struct {
	// Generation that the list was begun on; 0 = from the start.
	Generation Generation
	// Offset counts the rows before the position; in a list by ids it is the
	// index in the ascending distinct ids.
	Offset int64
	// LastID is the id of the row before the position; 0 = none.
	LastID int64
	// Kind is the number of the kind that the position is in, in a list of several
	// kinds; 0 in others.
	Kind int32
	// Window is the position in a list by windows; the zero value elsewhere.
	Window WindowPosition
	// Signpost is upstream's time when a list in the order of ids began, in unix
	// seconds, from which on deletions count; 0 = not known.
	Signpost int64
}

// Row is one row of a list, or a deletion, and the position behind it.
type Row[T any] struct {
	Value T
	// Deleted is the id of a record that is gone; Value is then not set. 0 = this is
	// a row. The record was sent before, by this run or by an earlier one.
	Deleted int64
	Cursor  Cursor
}

// ListOptions tell how to list.
type ListOptions struct {
	// From is where to go on; the zero Cursor is the start.
	From Cursor
	// MaxPages bounds the upstream pages of one run; 0 = no bound. A run that
	// stops there has not ended: Listing.End tells. A bounded run reads no page
	// ahead of the reader.
	MaxPages int
	// Rows is how many rows the reader wants of a bounded run, so that upstream
	// is not asked for more; 0 = unknown.
	Rows int
}

// ListEnd is what a finished list tells of itself.
type ListEnd struct {
	// Pages counts the upstream pages, empty ones included; Requests, all
	// requests they took; Retries, those of them that repeated another.
	Pages, Requests, Retries int64
	// Resent counts the rows that came again because they had changed, Deleted the
	// deletions.
	Resent, Deleted int64
	// Windows counts the windows of the time of change that were read, SplitWindows
	// those of them that did not fit a page.
	Windows, SplitWindows int64
	// RepairedBorders counts the page borders over which rows had moved, or may
	// have, so that they were looked for.
	RepairedBorders int64
	// Completeness is what the list promises.
	Completeness amogatev1.Completeness
	// Local are the paths of the filter fields that were applied here.
	Local []string
}

// Listing is one list about to run.
type Listing[T proto.Message] struct {
	// prepare asks for the codec and sets what depends on it.
	prepare func(ctx context.Context) error
	// fetch reads the page behind an offset.
	fetch func(ctx context.Context, want wanted) (fetched[T], error)
	// matches says whether a row is yielded.
	matches func(T) bool
	// rate is the present rate of the account, requests a second.
	rate func() float64

	// windows runs the list; nil = it cannot be read by windows.
	windows *windowList[T]
	// deletions reads what was deleted since a second by upstream's clock.
	deletions func(ctx context.Context, since int64) ([]deletion, bool, usage, error)
	// tellsDeletions says that it is of use to ask for them, filtered that the filter
	// asks for anything: then rows that change can move others, too.
	tellsDeletions, filtered bool
	// overlap is how many seconds before the moment that counts things are asked
	// for.
	overlap int64

	// moves says that pages are read so that it shows when rows have moved between
	// them, numbered that upstream counts pages and not rows.
	moves, numbered bool
	// unsorted says that the ids do not ascend.
	unsorted bool

	options ListOptions
	limit   int
	cursor  Cursor
	sent    sentRows
	end     ListEnd
	ended   bool
}

// List prepares a list; nothing is sent before its rows are asked for.
func (c *Collection[T, F]) List(filter F, options ListOptions) *Listing[T] {
	l := &Listing[T]{options: options, cursor: options.From}
	l.prepare = func(ctx context.Context) error { return c.prepare(ctx, l, filter) }
	return l
}

// prepare chooses the codec of a list and sets what depends on it.
func (c *Collection[T, F]) prepare(ctx context.Context, l *Listing[T], filter F) error {
	var d driver.Resource[T, F]
	var err error
	if from := l.options.From.Generation; from != 0 {
		d, err = c.resume(from)
	} else {
		d, err = c.listRoute(ctx, filter)
	}
	if err != nil {
		return err
	}
	l.cursor.Generation = d.Generation
	l.rate = c.client.limiter.Rate
	l.limit = min(c.client.config.PageSize, d.MaxPage)
	l.matches = func(row T) bool { return c.behavior.matches == nil || c.behavior.matches(filter, row) }
	if d.Local != nil {
		l.end.Local = d.Local(filter)
	}
	if l.options.Rows > 0 && len(l.end.Local) == 0 {
		l.limit = min(l.limit, l.options.Rows)
	}
	l.deletions, l.tellsDeletions = c.deletions, c.tellsDeletions()
	l.overlap = overlapSeconds(c.client.config.Settings)
	l.filtered = !proto.Equal(filter, newRecord[F]()) && filter.ProtoReflect().IsValid()
	if l.windows, err = c.windows(ctx, l, d, filter); err != nil {
		return err
	}
	if c.behavior.byIDsAlone != nil && c.behavior.byIDsAlone(filter) {
		atOnce, err := c.idsAtOnce(ctx, d)
		if err != nil {
			return err
		}
		l.tellsDeletions = false // what is asked for by id is not moved by anything
		ids := distinct(c.behavior.ids(filter))
		l.limit = min(l.limit, atOnce)
		l.fetch = func(ctx context.Context, want wanted) (fetched[T], error) {
			return c.fetchIDs(ctx, d, ids, want)
		}
		return nil
	}
	l.moves, l.numbered = l.options.MaxPages == 0 && !d.Whole, d.Paged
	l.fetch = func(ctx context.Context, want wanted) (fetched[T], error) {
		return c.fetchPage(ctx, d, filter, want)
	}
	return nil
}

// resume returns the codec of the generation that a cursor belongs to, even if
// lists begin on another.
func (c *Collection[T, F]) resume(generation Generation) (driver.Resource[T, F], error) {
	d, ok := c.drivers[generation]
	if forced := c.client.config.Generation; !ok || (forced != Auto && forced != generation) || !c.client.config.Auth.takenBy(generation) {
		return d, &Error{
			Kind:       KindCursor,
			Op:         c.name + "." + string(driver.OpList),
			Generation: generation,
			Message:    fmt.Sprintf("the list was begun over the upstream API %s, which is not in use; start it again", generation),
		}
	}
	return d, nil
}

// Rows reads upstream and yields the rows that match, and deletions of rows that
// were yielded before. An error, always an *Error, is the last thing it yields. It
// may be ranged over once.
func (l *Listing[T]) Rows(ctx context.Context) iter.Seq2[Row[T], error] {
	return func(yield func(Row[T], error) bool) {
		err := l.prepare(ctx)
		if err == nil {
			err = l.run(ctx, func(row Row[T]) bool { return yield(row, nil) })
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(Row[T]{}, err)
		}
	}
}

// run sends the list in the best way that there is.
func (l *Listing[T]) run(ctx context.Context, send func(Row[T]) bool) error {
	if l.windows == nil {
		return l.inOrder(ctx, send)
	}
	err := l.windows.run(ctx, send)
	guarantee := amogatev1.Completeness_COMPLETENESS_WINDOWED
	switch {
	case errors.Is(err, errDisobeyed), errors.Is(err, errNoTime):
		l.leaveWindows()
		return l.inOrder(ctx, send)
	case errors.Is(err, errRestless), err == nil && l.windows.unsure:
		guarantee = amogatev1.Completeness_COMPLETENESS_BEST_EFFORT
	case err != nil:
		return err
	case l.windows.atOnce:
		l.finish(guarantee)
		return nil
	}
	return l.tell(ctx, l.windows.horizon(), guarantee, l.windows.resumed(), send)
}

// tell sends what was deleted since a second, of all records or of those that were
// sent, and ends the list. Where that cannot be known nothing is guaranteed.
func (l *Listing[T]) tell(ctx context.Context, since int64, guarantee amogatev1.Completeness, all bool, send func(Row[T]) bool) error {
	if l.options.MaxPages > 0 {
		l.finish(amogatev1.Completeness_COMPLETENESS_BEST_EFFORT) // there is no place for deletions
		return nil
	}
	told, known, cost, err := l.deletions(ctx, since)
	l.countDropped(cost)
	if err != nil {
		return err
	}
	if !known {
		guarantee = amogatev1.Completeness_COMPLETENESS_BEST_EFFORT
	}
	return l.tellOf(told, guarantee, all, send)
}

// tellOf sends deletions and ends the list.
func (l *Listing[T]) tellOf(told []deletion, guarantee amogatev1.Completeness, all bool, send func(Row[T]) bool) error {
	var done idSet
	for _, d := range told {
		if !all && !l.sent.has(d.id) || done.add(d.id) {
			continue
		}
		l.end.Deleted++
		if !send(Row[T]{Deleted: d.id, Cursor: l.cursor}) {
			return errStopped
		}
	}
	l.finish(guarantee)
	return nil
}

func (l *Listing[T]) finish(guarantee amogatev1.Completeness) {
	l.end.Completeness, l.ended = guarantee, true
}

// leaveWindows makes a list that cannot be read by windows after all go on in the
// order of ids, from its beginning.
func (l *Listing[T]) leaveWindows() {
	l.cursor = Cursor{Generation: l.cursor.Generation, Signpost: l.cursor.Window.Signpost}
}

// countDropped counts what was spent on anything but a page that was taken.
func (l *Listing[T]) countDropped(u usage) {
	l.end.Requests += u.requests
	l.end.Retries += u.retries
}

// back is how many rows before its position a page is to begin: one, if it can, as
// the last row of the page before shows whether rows have moved. That is of use
// where the order is that of ids alone.
func (l *Listing[T]) back() int64 {
	if !l.moves || l.unsorted || l.numbered || l.limit == 1 {
		return 0
	}
	return 1
}

// backAtFirst is back of the first page of a run that goes on behind a row. That
// may cost a page where upstream counts them.
func (l *Listing[T]) backAtFirst() int64 {
	if l.moves && l.numbered && l.cursor.LastID > 0 {
		return min(l.cursor.Offset, 1)
	}
	if l.cursor.LastID > 0 {
		return min(l.cursor.Offset, l.back())
	}
	return 0
}

// pages reads upstream page by page to the end of the list, and has each page noted
// before it asks for more. While the reader has a page in hand the next ones are
// on their way.
func (l *Listing[T]) pages(ctx context.Context, note func(fetched[T])) iter.Seq2[fetched[T], error] {
	return func(yield func(fetched[T], error) bool) {
		ahead := newReadAhead(ctx, l)
		// The pages ahead must not outlive the list.
		defer ahead.drop()
		ahead.read(l.cursor.Offset, l.backAtFirst(), limit.Interactive)
		bounded := l.options.MaxPages > 0
		guard := loopGuard{}
		// Behind a cursor the page before may well have been full.
		full := l.cursor.Offset > 0
		// before is the full page before, if this run has read it; empty counts how
		// often nothing was behind it.
		before, empty := wanted{}, 0
		for {
			want, page, err := ahead.take(ctx)
			l.count(page.usage)
			isReread := before.limit > 0 && want.offset == before.offset
			if err == nil && !isReread && seenBefore(guard, page.rows[min(int(want.offset-page.from), len(page.rows)):]) {
				err = &Error{Kind: KindLoop, Message: "upstream sent a page of this list twice"}
			}
			if err != nil {
				yield(fetched[T]{}, err)
				return
			}
			// An empty page of a list by ids is not its end: it passes the ids.
			last := page.last || page.idle
			if last && full && !page.last {
				// Upstream is known to answer an empty page by mistake: it is asked for
				// again, and then once more from the page before on.
				empty++
				from, back := page.next, want.back
				if empty == 2 {
					from, back = before.offset, 0
				}
				if empty == 1 || empty == 2 && before.limit > 0 {
					l.end.Retries++
					ahead.read(from, back, limit.Sync)
					continue
				}
			}
			l.limit = page.limit
			note(page)
			if !last && !bounded {
				ahead.follow(want, page)
			}
			if !yield(page, nil) {
				return
			}
			if last {
				l.ended = true
				return
			}
			if bounded {
				if l.end.Pages >= int64(l.options.MaxPages) {
					return
				}
				ahead.read(page.next, 0, limit.Sync)
			}
			full = page.full || page.announced
			if !isReread {
				empty, before = 0, wanted{}
			}
			// Where upstream announces pages, one that it did not is not missing.
			if page.full && (page.announced || l.cursor.Generation == V2) && !bounded {
				before = wanted{offset: want.offset, limit: page.limit}
			}
		}
	}
}

func (l *Listing[T]) count(u usage) {
	if u.requests > 0 {
		l.end.Pages++
	}
	l.end.Requests += u.requests
	l.end.Retries += u.retries
}

// Cursor is the position behind everything that was read, matching or not.
func (l *Listing[T]) Cursor() Cursor { return l.cursor }

// End returns the account of the list, and whether it came to its end.
func (l *Listing[T]) End() (ListEnd, bool) { return l.end, l.ended }
