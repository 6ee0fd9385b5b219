package amo

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"iter"
	"net/http"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
)

// pageSizes are what a list asks for after a 504, which means that the page was
// too much for upstream: the next smaller size, and in the end a single row.
var pageSizes = []int{500, 250, 125, 25, 5, 1}

// Cursor is the position behind one row of a list.
type Cursor struct {
	// Generation that the list was begun on; 0 = from the start.
	Generation Generation
	// Offset counts the rows before the position; in a list by ids it is the
	// index in the ascending distinct ids.
	Offset int64
	// LastID is the id of the row before the position; 0 = none.
	LastID int64
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
	// err is why the list cannot run.
	err error
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

// wanted is one upstream page to read.
type wanted struct {
	offset int64
	limit  int
	class  class
	// left is called when its request leaves; repetitions call it again.
	left func()
}

// fetched is one upstream page.
type fetched[T any] struct {
	rows []T
	// offsets[i] is the position behind rows[i].
	offsets []int64
	// next is the position behind the page.
	next int64
	// full says that the page has as many rows as were asked for.
	full bool
	// last says that nothing follows, whatever upstream would answer.
	last  bool
	usage usage
	// limit is the page size that worked.
	limit int
}

// List prepares a list; nothing is sent before its rows are asked for.
func (c *Collection[T, F]) List(filter F, options ListOptions) *Listing[T] {
	d, err := c.driver(driver.OpList)
	if err == nil && options.From.Generation != 0 && options.From.Generation != d.Generation {
		d, err = c.resume(options.From.Generation)
	}
	l := &Listing[T]{err: err, options: options, cursor: options.From}
	if err != nil {
		return l
	}
	l.cursor.Generation = d.Generation
	l.end.Local = d.Local(filter)
	l.limit = min(c.client.config.PageSize, d.MaxPage)
	if options.Rows > 0 && len(l.end.Local) == 0 {
		l.limit = min(l.limit, options.Rows)
	}
	l.matches = func(row T) bool { return c.behavior.matches(filter, row) }
	if c.behavior.byIDsAlone(filter) {
		ids := distinct(c.behavior.ids(filter))
		l.limit = min(l.limit, d.MaxIDs)
		l.fetch = func(ctx context.Context, want wanted) (fetched[T], error) {
			return c.fetchIDs(ctx, d, ids, want)
		}
		return l
	}
	l.fetch = func(ctx context.Context, want wanted) (fetched[T], error) {
		return c.fetchPage(ctx, d, filter, want)
	}
	return l
}

// resume returns the codec of the generation that a cursor belongs to, even if
// lists begin on another.
func (c *Collection[T, F]) resume(generation Generation) (driver.Resource[T, F], error) {
	d, ok := c.drivers[generation]
	if forced := c.client.config.Generation; !ok || (forced != Auto && forced != generation) {
		return d, &Error{
			Kind:       KindUnsupported,
			Op:         c.name + "." + string(driver.OpList),
			Generation: generation,
			Message:    fmt.Sprintf("the list was begun over the upstream API %s, which is not in use; start it again", generation),
		}
	}
	return d, nil
}

// fetchPage reads a page of the collection. After a 504 it asks for less.
func (c *Collection[T, F]) fetchPage(ctx context.Context, d driver.Resource[T, F], filter F, want wanted) (fetched[T], error) {
	env, err := c.client.env(ctx, accountLife)
	if err != nil {
		return fetched[T]{}, err
	}
	var total usage
	offset, limit := want.offset, want.limit
	for {
		call, err := d.List(env, filter, offset, limit)
		if err != nil {
			return fetched[T]{}, err
		}
		smaller := smallerPage(limit)
		page, u, err := c.page(ctx, d, request{call: call, class: want.class, left: want.left, splittable: smaller > 0})
		total.add(u)
		if err != nil {
			if e := asError(err); smaller > 0 && e.Status == http.StatusGatewayTimeout && e.Op == call.Name {
				total.retries++
				limit = smaller
				continue
			}
			return fetched[T]{usage: total}, err
		}
		f := fetched[T]{rows: page.Rows, next: offset + int64(len(page.Rows)), full: len(page.Rows) >= limit, usage: total, limit: limit}
		for i := range page.Rows {
			f.offsets = append(f.offsets, offset+int64(i)+1)
		}
		return f, nil
	}
}

// fetchIDs reads a page of the records with these ids, in ascending order.
func (c *Collection[T, F]) fetchIDs(ctx context.Context, d driver.Resource[T, F], ids []int64, want wanted) (fetched[T], error) {
	offset := min(want.offset, int64(len(ids)))
	chunk := ids[offset:min(offset+int64(want.limit), int64(len(ids)))]
	f := fetched[T]{next: offset + int64(len(chunk)), limit: want.limit}
	f.last = f.next == int64(len(ids))
	if len(chunk) == 0 {
		return f, nil
	}
	call := d.ByIDs(chunk)
	call.Name = c.name + "." + string(driver.OpList)
	page, u, err := c.page(ctx, d, request{call: call, class: want.class, left: want.left})
	f.usage = u
	if err != nil {
		return f, err
	}
	f.rows = page.Rows
	slices.SortFunc(f.rows, func(a, b T) int { return cmp.Compare(recordID(a), recordID(b)) })
	for _, row := range f.rows {
		i, ok := slices.BinarySearch(chunk, recordID(row))
		if !ok {
			return f, &Error{Kind: KindBadResponse, Op: call.Name, ID: recordID(row), Message: "upstream answered a record that was not asked for"}
		}
		f.offsets = append(f.offsets, offset+int64(i)+1)
	}
	return f, nil
}

// Rows reads upstream and yields the rows that match. An error, always an
// *Error, is the last thing it yields. It may be ranged over once.
func (l *Listing[T]) Rows(ctx context.Context) iter.Seq2[Row[T], error] {
	return func(yield func(Row[T], error) bool) {
		if l.err != nil {
			yield(Row[T]{}, l.err)
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

// maxAhead is the most pages of a list that are on their way at a time. At the
// default rate a slot comes every 167 ms: upstream may take a second for a page
// before a list falls behind the rate.
const maxAhead = 6

// pages reads upstream page by page to the end of the list. While the reader
// has a page in hand the next ones are on their way.
func (l *Listing[T]) pages(ctx context.Context) iter.Seq2[fetched[T], error] {
	return func(yield func(fetched[T], error) bool) {
		ahead := readAhead[T]{list: l}
		// The pages ahead must not outlive the list.
		defer ahead.drop()
		ahead.start(ctx, l.cursor.Offset, classInteractive)
		bounded := l.options.MaxPages > 0
		guard := loopGuard{}
		full, reasked := false, false
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
				ahead.start(ctx, page.next, classSync)
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
				ahead.start(ctx, page.next, classSync)
			}
			full, reasked = page.full, false
		}
	}
}

// readAhead are the pages of a list on their way, in order.
type readAhead[T proto.Message] struct {
	list  *Listing[T]
	queue []reading[T]
}

// reading is one page on its way.
type reading[T any] struct {
	offset int64
	cancel context.CancelFunc
	// left is closed when its request has left.
	left   chan struct{}
	result chan readResult[T]
}

// readResult is a page, or why there is none.
type readResult[T any] struct {
	fetched[T]
	err error
}

// start fetches one more page in the background, as soon as the request before
// it has left: pages come in order, and a list never holds more than one place
// in the queue of the limiter.
func (a *readAhead[T]) start(ctx context.Context, offset int64, class class) {
	ctx, cancel := context.WithCancel(ctx) //nolint:gosec // take calls cancel, and drop takes what is left
	r := reading[T]{offset: offset, cancel: cancel, left: make(chan struct{}), result: make(chan readResult[T], 1)}
	left := sync.OnceFunc(func() { close(r.left) })
	want := wanted{offset: offset, limit: a.list.limit, class: class, left: left}
	var before chan struct{}
	if len(a.queue) > 0 {
		before = a.queue[len(a.queue)-1].left
	}
	go func() {
		defer left()
		if before != nil {
			select {
			case <-before:
			case <-ctx.Done(): // fetch tells
			}
		}
		var got readResult[T]
		got.err = contain(func() (err error) {
			got.fetched, err = a.list.fetch(ctx, want)
			return err
		})
		r.result <- got
	}()
	a.queue = append(a.queue, r)
}

// take waits for the first page and returns it with its offset.
func (a *readAhead[T]) take() (int64, readResult[T]) {
	r := a.queue[0]
	a.queue = a.queue[1:]
	got := <-r.result
	r.cancel()
	got.err = release(got.err)
	return r.offset, got
}

// fill starts what follows page. Behind a full page more full ones are likely;
// behind one that is not the list probably ends.
func (a *readAhead[T]) fill(ctx context.Context, page fetched[T]) {
	if len(a.queue) > 0 && a.queue[0].offset != page.next {
		a.drop() // the page has fewer rows than was expected
	}
	if len(a.queue) == 0 {
		a.start(ctx, page.next, classSync)
	}
	for page.full && len(a.queue) < maxAhead {
		a.start(ctx, a.queue[len(a.queue)-1].offset+int64(page.limit), classSync)
	}
}

// drop gives up the pages that nobody wants. Their requests count all the same.
func (a *readAhead[T]) drop() {
	for _, r := range a.queue {
		r.cancel()
	}
	for len(a.queue) > 0 {
		_, got := a.take()
		a.list.end.Requests += got.usage.requests
		a.list.end.Retries += got.usage.retries
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

// smallerPage returns the page size below limit; 0 = there is none.
func smallerPage(limit int) int {
	for _, size := range pageSizes {
		if size < limit {
			return size
		}
	}
	return 0
}

// distinct returns the ids in ascending order, each once.
func distinct(ids []int64) []int64 {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// loopGuard holds the pages of a list, to recognize one that comes again.
type loopGuard map[uint64]struct{}

// seenBefore says whether a page with the same records, unchanged, came before.
func seenBefore[T proto.Message](guard loopGuard, rows []T) bool {
	if len(rows) == 0 {
		return false
	}
	hash := fnv.New64a()
	var buf []byte
	for _, row := range rows {
		buf = binary.AppendVarint(buf[:0], recordID(row))
		buf = binary.AppendVarint(buf, recordUpdateTime(row))
		_, _ = hash.Write(buf) // never fails
	}
	_, seen := guard[hash.Sum64()]
	guard[hash.Sum64()] = struct{}{}
	return seen
}

// idSet is a set of ids, one bit each, in blocks of 64 neighbours.
type idSet struct {
	blocks map[int64]uint64
}

// add adds id and says whether it was there.
func (s *idSet) add(id int64) bool {
	if s.blocks == nil {
		s.blocks = make(map[int64]uint64)
	}
	block, bit := id>>6, uint64(1)<<(id&63)
	was := s.blocks[block]&bit != 0
	s.blocks[block] |= bit
	return was
}
