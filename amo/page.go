package amo

import (
	"context"
	"net/http"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
)

// pageSizes are what a list asks for after a 504, which means that the page was
// too much for upstream, or after an answer that is too much for us: the next
// smaller size, and in the end a single row.
var pageSizes = []int{500, 250, 125, 25, 5, 1}

// plainPage is how many rows a page has that was asked for without a size.
// Upstream falls back to it where it does not take the size.
const plainPage = 50

// wanted is one upstream page to read.
type wanted struct {
	offset int64
	// back is how many rows before offset are read once more.
	back  int64
	limit int
	class limit.Class
	// left is called when its request leaves; repetitions call it again.
	left func()
}

// behind is the offset behind the page, if it is full.
func (w wanted) behind() int64 { return w.offset - w.back + int64(w.limit) }

// fetched is one upstream page.
type fetched[T proto.Message] struct {
	// from is the position before the rows.
	from int64
	rows []pageRow[T]
	// offsets[i] is the position behind rows[i].
	offsets []int64
	// next is the position behind the page, idle says that it is where the page was
	// to begin: there are no more rows.
	next int64
	idle bool
	// full says that the page has as many rows as were asked for, announced that
	// upstream said that another follows.
	full, announced bool
	// last says that nothing follows, whatever upstream would answer.
	last  bool
	usage usage
	// limit is the page size that worked.
	limit int
	// open, if set, reads the page, which was kept as received: all that is known
	// of it before is its limit and what it has cost so far.
	open func(ctx context.Context) (fetched[T], error)
}

// pageFetch is one page of a collection being fetched.
type pageFetch[T, F proto.Message] struct {
	collection *Collection[T, F]
	driver     driver.Resource[T, F]
	filter     F
	want       wanted

	// limit is the page size asked for now; resized says that it is upstream's own.
	limit   int
	resized bool
	usage   usage
	unread  *unread[T, F]
}

// fetchPage fetches a page of the collection, and keeps it as received unless it
// is small.
func (c *Collection[T, F]) fetchPage(ctx context.Context, d driver.Resource[T, F], filter F, want wanted) (fetched[T], error) {
	if d.Whole && want.offset > 0 {
		return fetched[T]{from: want.offset, next: want.offset, last: true, limit: want.limit}, nil
	}
	p := &pageFetch[T, F]{collection: c, driver: d, filter: filter, want: want, limit: want.limit}
	if err := p.ask(ctx, true); err != nil {
		return fetched[T]{}, err
	}
	if p.unread.isKept() {
		return fetched[T]{limit: p.limit, usage: p.unread.sending.usage, open: p.read}, nil
	}
	return p.read(ctx)
}

// from is the position before the rows that are wanted. A page of a single row has
// no room for the one before.
func (p *pageFetch[T, F]) from() int64 {
	if !p.driver.Paged && int64(p.limit) <= p.want.back {
		return p.want.offset
	}
	return p.want.offset - p.want.back
}

// begin is the offset that upstream is asked for.
func (p *pageFetch[T, F]) begin() int64 {
	if p.driver.Paged {
		// Upstream counts pages: the rows before the position are read again.
		return p.from() - p.from()%int64(p.limit)
	}
	return p.from()
}

// ask asks for the page in its present size.
func (p *pageFetch[T, F]) ask(ctx context.Context, keep bool) error {
	env, err := p.collection.client.account(ctx, p.driver.Generation)
	if err != nil {
		return err
	}
	call, err := p.driver.List(env, p.filter, p.begin(), p.limit)
	if err != nil {
		return err
	}
	p.unread = p.collection.ask(ctx, p.driver, request{
		call: call, class: p.want.class, left: p.want.left, splittable: smallerPage(p.limit) > 0, keep: keep,
	})
	return nil
}

// read reads the page that was asked for. Where that is too much, or of another
// size, it asks again.
func (p *pageFetch[T, F]) read(ctx context.Context) (fetched[T], error) {
	for {
		cost, err := p.unread.read(ctx)
		p.usage.add(cost)
		var rows []pageRow[T]
		if err == nil {
			rows = p.unread.rows()
		}
		limit := p.otherLimit(len(rows), err)
		if limit == 0 && err != nil {
			return fetched[T]{usage: p.usage}, err
		}
		if limit == 0 {
			return p.settle(rows), nil
		}
		p.usage.retries++
		p.limit = limit
		if err := p.ask(ctx, false); err != nil {
			return fetched[T]{usage: p.usage}, err
		}
	}
}

// otherLimit returns the size in which the page is to be asked for again; 0 = it is
// not.
func (p *pageFetch[T, F]) otherLimit(size int, err error) int {
	if err != nil {
		e := asError(err)
		if tooMuch := e.Status == http.StatusGatewayTimeout || e.Kind == KindTooLarge; tooMuch && e.Op == p.unread.sending.call.Name {
			return smallerPage(p.limit)
		}
		return 0
	}
	if p.driver.Paged && !p.resized && ignoresLimit(size, p.limit, p.unread.next()) && size <= p.driver.MaxPage {
		// Pages of another size begin elsewhere: numbered by ours, rows between
		// them would never be asked for.
		p.resized = true
		return size
	}
	return 0
}

// settle says what of the rows of the page is wanted and what follows them.
func (p *pageFetch[T, F]) settle(rows []pageRow[T]) fetched[T] {
	begin := p.begin()
	f := fetched[T]{from: p.from(), full: len(rows) >= p.limit, announced: p.unread.next(), usage: p.usage, limit: p.limit}
	f.rows = rows[min(int(f.from-begin), len(rows)):]
	f.offsets = positions(f.rows, f.from)
	f.next = p.want.offset
	if n := len(f.offsets); n > 0 {
		f.next = max(f.next, f.offsets[n-1])
	}
	f.idle = f.next == p.want.offset
	switch d := p.driver; {
	case d.Whole:
		f.last = true
	case d.Paged && len(rows) > 0:
		// A page can be short and another follow.
		f.last = !f.announced && !f.full
		if !f.last {
			f.next, f.idle = begin+int64(p.limit), false
		}
	}
	return f
}

// positions returns the positions behind rows, the first of which is at offset. A
// row that comes twice has one: rows that follow may be read again, but none is
// passed over.
func positions[T proto.Message](rows []pageRow[T], offset int64) []int64 {
	offsets := make([]int64, len(rows))
	ids := make(map[int64]struct{}, len(rows))
	for i, row := range rows {
		ids[row.id] = struct{}{}
		offsets[i] = offset + int64(len(ids))
	}
	return offsets
}

// ignoresLimit says whether a page of size rows is of a size that upstream chose
// itself and not the limit that it was asked for: it is larger, or of the size of
// pages that are asked for without any, while more follow.
func ignoresLimit(size, limit int, next bool) bool {
	return size > limit || size == plainPage && size < limit && next
}

// fetchIDs reads a page of the records with these ids, in ascending order.
func (c *Collection[T, F]) fetchIDs(ctx context.Context, d driver.Resource[T, F], ids []int64, want wanted) (fetched[T], error) {
	offset := min(want.offset, int64(len(ids)))
	chunk := ids[offset:min(offset+int64(want.limit), int64(len(ids)))]
	f := fetched[T]{from: offset, next: offset + int64(len(chunk)), limit: want.limit}
	f.last = f.next == int64(len(ids))
	if len(chunk) == 0 {
		return f, nil
	}
	call := d.ByIDs(chunk)
	call.Name = c.name + "." + string(driver.OpList)
	page := c.ask(ctx, d, request{call: call, class: want.class, left: want.left, keep: true})
	read := func(ctx context.Context) (fetched[T], error) { return readIDs(ctx, page, f, chunk, offset) }
	if page.isKept() {
		return fetched[T]{limit: want.limit, usage: page.sending.usage, open: read}, nil
	}
	return read(ctx)
}

// readIDs reads the page of the records chunk, which begins at offset; what is
// known of it before is f.
func readIDs[T, F proto.Message](ctx context.Context, u *unread[T, F], f fetched[T], chunk []int64, offset int64) (fetched[T], error) {
	cost, err := u.read(ctx)
	f.usage = cost
	if err != nil && len(chunk) == 1 && IsKind(err, KindNotFound) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	f.rows = u.rows()
	slices.SortFunc(f.rows, byID)
	for _, row := range f.rows {
		i, ok := slices.BinarySearch(chunk, row.id)
		if !ok {
			return f, notAsked(u.sending.call.Name, row.id)
		}
		f.offsets = append(f.offsets, offset+int64(i)+1)
	}
	return f, nil
}

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
