package amo

import (
	"context"
	"fmt"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
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
}

// Row is one row of a list and the position behind it.
type Row[T any] struct {
	Value  T
	Cursor Cursor
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
	// Resent counts the rows that came again because they had changed.
	Resent int64
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

	options ListOptions
	limit   int
	cursor  Cursor
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
	l.limit = min(c.client.config.PageSize, d.MaxPage)
	l.matches = func(row T) bool { return c.behavior.matches == nil || c.behavior.matches(filter, row) }
	if d.Local != nil {
		l.end.Local = d.Local(filter)
	}
	if l.options.Rows > 0 && len(l.end.Local) == 0 {
		l.limit = min(l.limit, l.options.Rows)
	}
	if c.behavior.byIDsAlone != nil && c.behavior.byIDsAlone(filter) {
		atOnce, err := c.idsAtOnce(ctx, d)
		if err != nil {
			return err
		}
		ids := distinct(c.behavior.ids(filter))
		l.limit = min(l.limit, atOnce)
		l.fetch = func(ctx context.Context, want wanted) (fetched[T], error) {
			return c.fetchIDs(ctx, d, ids, want)
		}
		return nil
	}
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

// Rows reads upstream and yields the rows that match. An error, always an
// *Error, is the last thing it yields. It may be ranged over once.
func (l *Listing[T]) Rows(ctx context.Context) iter.Seq2[Row[T], error] {
	return func(yield func(Row[T], error) bool) {
		if err := l.prepare(ctx); err != nil {
			yield(Row[T]{}, err)
			return
		}
		var sent idSet
		for page, err := range l.pages(ctx) {
			if err != nil {
				yield(Row[T]{}, err)
				return
			}
			for i, row := range page.rows {
				l.cursor.Offset, l.cursor.LastID = page.offsets[i], recordID(row)
				if !l.matches(row) {
					continue
				}
				if sent.add(recordID(row)) {
					l.end.Resent++
				}
				if !yield(Row[T]{Value: row, Cursor: l.cursor}, nil) {
					return
				}
			}
			l.cursor.Offset = page.next
		}
	}
}

// pages reads upstream page by page to the end of the list. While the reader
// has a page in hand the next ones are on their way.
func (l *Listing[T]) pages(ctx context.Context) iter.Seq2[fetched[T], error] {
	return func(yield func(fetched[T], error) bool) {
		ahead := readAhead[T]{list: l}
		// The pages ahead must not outlive the list.
		defer ahead.drop()
		ahead.start(ctx, l.cursor.Offset, limit.Interactive)
		bounded := l.options.MaxPages > 0
		guard := loopGuard{}
		// Behind a cursor the page before may well have been full.
		full, reasked := l.cursor.Offset > 0, false
		for {
			offset, page := ahead.take()
			l.count(page.usage)
			if page.err == nil && seenBefore(guard, page.rows) {
				page.err = &Error{Kind: KindLoop, Message: "upstream sent a page of this list twice"}
			}
			if page.err != nil {
				yield(fetched[T]{}, page.err)
				return
			}
			// An empty page of a list by ids is not its end: it passes the ids.
			last := page.last || page.next == offset
			if last && full && !reasked && !page.last {
				// Upstream is known to answer an empty page by mistake.
				reasked = true
				l.end.Retries++
				ahead.drop()
				ahead.start(ctx, page.next, limit.Sync)
				continue
			}
			l.limit = page.limit
			if !last && !bounded {
				ahead.fill(ctx, page.fetched)
			}
			if !yield(page.fetched, nil) {
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
				ahead.start(ctx, page.next, limit.Sync)
			}
			full, reasked = page.full || page.announced, false
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
