package amo

import "google.golang.org/protobuf/proto"

// passes is how often a second that is too much for a page is read at least, page by
// page, and maxPasses how often at most. Rows that change leave it and move others
// over a page border, where a pass does not see them. Two passes in a row that show
// the same rows show all.
const (
	passes    = 2
	maxPasses = 6
)

// crowd is a second that is read page by page.
type crowd struct {
	// of tells the second, and the pass over it.
	of    window
	pages loopGuard
	// shown is the sum of the rows that the pass has shown, before that of the pass
	// before it.
	shown, before uint64
}

// noteCrowd takes a page of a pass into account, and says whether it came before.
func noteCrowd[T proto.Message](c *crowd, k window, rows []pageRow[T]) bool {
	if of := (window{span: k.span, pass: k.pass}); c.of != of {
		*c = crowd{of: of, pages: loopGuard{}, before: c.shown}
	}
	c.shown += sumOf(rows)
	return seenBefore(c.pages, rows)
}

// stands says that the pass has shown what the one before it has.
func (c *crowd) stands() bool { return c.shown == c.before }

// anotherPass is the pass to read behind a page, if it ends one and there is to be
// another.
func (c *crowd) anotherPass(k window, ends bool) (window, bool) {
	another := ends && k.pass < maxPasses && !c.stands()
	return window{span: k.span, pass: k.pass + 1, size: k.size}, another
}
