package amo

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/limit"
)

// maxAhead is the most pages of a list that are on their way at a time. At the
// default rate a slot comes every 167 ms: upstream may take a second for a page
// before a list falls behind the rate.
const maxAhead = 6

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
func (a *readAhead[T]) start(ctx context.Context, offset int64, class limit.Class) {
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
			<-before // at the latest when its page has ended
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
		a.start(ctx, page.next, limit.Sync)
	}
	for page.full && len(a.queue) < maxAhead {
		a.start(ctx, a.queue[len(a.queue)-1].offset+int64(page.limit), limit.Sync)
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
