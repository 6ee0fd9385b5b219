package amo

import (
	"context"
	"slices"

	"github.com/amogate/amogate/amo/internal/wire"
)

// Upstream is known to answer an empty page by mistake, so that an empty window may
// have rows. Nothing behind it is sent before it was asked for again. Empty windows
// in a row are asked for again at once, and along with a row beside them that is
// known to be there: while even that one does not come the answer is a mistake.

// pass delivers the page of a window, or holds the window while it is in doubt.
func (w *windowList[T]) pass(ctx context.Context, k window, page windowPage[T], err error, whole bool, send func(Row[T]) bool) error {
	if err != nil || k.newest || k.pass == 0 && page.full {
		return w.tally(k, page, err) // there is nothing to send
	}
	if k.pass == 0 && page.empty() {
		if !w.hasty {
			w.hold(k.span)
		}
		return w.tally(k, page, nil)
	}
	beside := w.seen
	if k.pass == 0 {
		beside = firstWitness(k, page.times)
	}
	if err := w.dispel(ctx, beside, whole, send); err != nil {
		return err
	}
	return w.deliver(ctx, k, page, nil, whole, send)
}

// hold adds the span behind those that are held.
func (w *windowList[T]) hold(s span) {
	if w.doubt.first == 0 {
		w.doubt.first = s.first
	}
	w.doubt.last = s.last
}

// dispel asks again for the empty windows that are held, along with the rows beside
// them.
func (w *windowList[T]) dispel(ctx context.Context, beside witness, whole bool, send func(Row[T]) bool) error {
	if w.doubt.first == 0 {
		return nil
	}
	queue := []window{{span: w.doubt, measured: true, witness: beside.second()}}
	w.doubt = span{}
	for len(queue) > 0 {
		k := queue[0]
		page, behind, err := w.fetch(ctx, k, whole, trip{})
		if err := w.deliver(ctx, k, page, err, whole, send); err != nil {
			return err
		}
		if k.witness != 0 && page.full && len(k.inside(page.times)) == 0 {
			// What is beside it takes the whole page: it has to be asked for alone.
			queue[0].witness, queue[0].again = 0, true
			continue
		}
		if queue = append(behind, queue[1:]...); len(queue) > 0 && queue[0].pass == 0 {
			queue[0].witness, queue[0].again = w.seen.second(), true
		}
	}
	return nil
}

// close ends the windows of s. The tail asks for all that nobody has asked for, or
// that is in doubt, along with what changed since; it cannot where it asks for
// other rows.
func (w *windowList[T]) close(ctx context.Context, s span, whole bool, send func(Row[T]) bool) error {
	if s.last == wire.MaxUnix {
		return nil // nothing follows
	}
	if w.planned < s.last {
		w.hold(span{w.planned + 1, s.last})
	}
	if w.filtered {
		return w.dispel(ctx, w.seen, whole, send)
	}
	return nil
}

// withDoubt extends a tail to what is in doubt before it.
func (w *windowList[T]) withDoubt(tail span) span {
	if w.doubt.first != 0 {
		tail.first = min(tail.first, w.doubt.first)
	}
	return tail
}

// settle ends the doubt that the tail was extended to. Page has the rows before it.
func (w *windowList[T]) settle(ctx context.Context, page windowPage[T], send func(Row[T]) bool) error {
	if w.doubt.first == 0 {
		return nil
	}
	if page.full {
		return w.dispel(ctx, w.seen, false, send)
	}
	k := window{span: w.doubt}
	w.doubt = span{}
	return w.sendRows(ctx, k, page, false, send)
}

// maxWitnesses is how many rows of one second may be read once more for the sake of
// what they show.
const maxWitnesses = 50

// witness are the rows of one second that are known to be there.
type witness struct {
	at   int64
	rows int
}

// note takes a row into account that comes behind the others.
func (w *witness) note(second int64) {
	if w.at != second {
		*w = witness{at: second}
	}
	w.rows++
}

// second is when they changed; 0 = there are none, or they take too much room.
func (w witness) second() int64 {
	if w.rows > maxWitnesses {
		return 0
	}
	return w.at
}

// firstWitness returns the first rows of a window, which changed at these times and
// others.
func firstWitness(k window, times []int64) witness {
	var first witness
	for _, at := range slices.Sorted(slices.Values(times)) {
		if at < k.first || first.at != 0 && at > first.at {
			continue
		}
		first.note(at)
	}
	return first
}
