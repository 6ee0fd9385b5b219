package amo

import (
	"cmp"
	"context"
	"net/http"
	"slices"

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
	limit  int
	class  limit.Class
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
	// full says that the page has as many rows as were asked for, announced that
	// upstream said that another follows.
	full, announced bool
	// last says that nothing follows, whatever upstream would answer.
	last  bool
	usage usage
	// limit is the page size that worked.
	limit int
}

// fetchPage reads a page of the collection. Where that is too much it asks for
// less.
func (c *Collection[T, F]) fetchPage(ctx context.Context, d driver.Resource[T, F], filter F, want wanted) (fetched[T], error) {
	env, err := c.client.env(ctx, d.Generation, accountLife)
	if err != nil {
		return fetched[T]{}, err
	}
	var total usage
	offset, limit := want.offset, want.limit
	if d.Whole && offset > 0 {
		return fetched[T]{next: offset, last: true, limit: limit}, nil
	}
	resized := false
	for {
		begin := offset
		if d.Paged {
			// Upstream counts pages: the rows before the position are read again.
			begin -= offset % int64(limit)
		}
		call, err := d.List(env, filter, begin, limit)
		if err != nil {
			return fetched[T]{}, err
		}
		smaller := smallerPage(limit)
		page, u, err := c.page(ctx, d, request{call: call, class: want.class, left: want.left, splittable: smaller > 0})
		total.add(u)
		if err != nil {
			e := asError(err)
			if tooMuch := e.Status == http.StatusGatewayTimeout || e.Kind == KindTooLarge; tooMuch && smaller > 0 && e.Op == call.Name {
				total.retries++
				limit = smaller
				continue
			}
			return fetched[T]{usage: total}, err
		}
		if size := len(page.Rows); d.Paged && !resized && ignoresLimit(size, limit, page.Next) && size <= d.MaxPage {
			// Pages of another size begin elsewhere: numbered by ours, rows between
			// them would never be asked for.
			resized = true
			total.retries++
			limit = size
			continue
		}
		f := fetched[T]{full: len(page.Rows) >= limit, announced: page.Next, usage: total, limit: limit}
		f.next = max(offset, begin+int64(len(page.Rows)))
		switch {
		case d.Whole:
			f.last = true
		case d.Paged && page.Next && len(page.Rows) > 0:
			// A page can be short and another follow.
			f.next = begin + int64(limit)
		case d.Paged && !f.full && len(page.Rows) > 0:
			f.last = true
		}
		f.rows = page.Rows[min(int(offset-begin), len(page.Rows)):]
		for i := range f.rows {
			f.offsets = append(f.offsets, offset+int64(i)+1)
		}
		return f, nil
	}
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
	f := fetched[T]{next: offset + int64(len(chunk)), limit: want.limit}
	f.last = f.next == int64(len(ids))
	if len(chunk) == 0 {
		return f, nil
	}
	call := d.ByIDs(chunk)
	call.Name = c.name + "." + string(driver.OpList)
	page, u, err := c.page(ctx, d, request{call: call, class: want.class, left: want.left})
	f.usage = u
	if err != nil && len(chunk) == 1 && IsKind(err, KindNotFound) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	f.rows = page.Rows
	slices.SortFunc(f.rows, func(a, b T) int { return cmp.Compare(recordID(a), recordID(b)) })
	for _, row := range f.rows {
		i, ok := slices.BinarySearch(chunk, recordID(row))
		if !ok {
			return f, notAsked(call.Name, recordID(row))
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
