package amo

import (
	"context"
	"math"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/limit"
)

// readAhead are the pages of a list on their way.
type readAhead[T proto.Message] struct {
	*ahead[wanted, fetched[T]]
	list *Listing[T]
	plan *pagePlan
}

func newReadAhead[T proto.Message](ctx context.Context, l *Listing[T]) *readAhead[T] {
	plan := &pagePlan{}
	fetch := func(ctx context.Context, want wanted, trip trip) (fetched[T], []wanted, error) {
		want.left = trip.left
		page, err := l.fetch(ctx, want)
		if err == nil && page.open == nil && !page.full {
			plan.ends(want.offset)
		}
		return page, nil, err
	}
	return &readAhead[T]{ahead: newAhead(ctx, &pace{rate: l.rate}, fetch, plan.next), list: l, plan: plan}
}

// read fetches the page behind an offset, and so many rows before it, and nothing
// behind it before follow.
func (a *readAhead[T]) read(offset, back int64, class limit.Class) {
	a.drop()
	want := wanted{offset: offset, back: back, limit: a.list.limit, class: class}
	a.plan.set(none, want, 0)
	a.start(want)
}

// take waits for the first page and reads it.
func (a *readAhead[T]) take(ctx context.Context) (wanted, fetched[T], error) {
	want, page, err := a.ahead.take()
	if err == nil && page.open != nil {
		page, err = page.open(ctx)
	}
	return want, page, err
}

// follow fetches what follows page, which was asked for as want. Behind a full
// page more full ones are likely; behind one that is not the list probably ends.
func (a *readAhead[T]) follow(want wanted, page fetched[T]) {
	d := near
	if page.full {
		d = far
	}
	back := a.list.back()
	if page.next != want.behind() {
		a.drop() // the page has fewer rows than was expected
		a.plan.set(d, wanted{offset: page.next - int64(page.limit), limit: page.limit}, back)
	} else {
		a.plan.reach(d, back)
	}
	a.start()
}

// drop gives up the pages that nobody wants. Their requests count all the same.
func (a *readAhead[T]) drop() {
	for _, page := range a.ahead.drop() {
		a.list.end.Requests += page.usage.requests
		a.list.end.Retries += page.usage.retries
	}
}

// distance is how far ahead of the reader pages are fetched.
type distance int

const (
	// none: no page, near: the next page, far: as many as the pace needs.
	none distance = iota
	near
	far
)

// pagePlan names the pages of a list, one behind the other. It is safe for
// concurrent use.
type pagePlan struct {
	mu       sync.Mutex
	distance distance
	// back is how many rows pages begin before the end of the one before.
	back int64
	// last is the page that was named last, end the offset of the first one known
	// to have fewer rows than it could.
	last wanted
	end  int64
}

// set makes the plan go on behind last.
func (p *pagePlan) set(d distance, last wanted, back int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.distance, p.back, p.last, p.end = d, back, last, math.MaxInt64
}

// reach changes how far the plan reaches.
func (p *pagePlan) reach(d distance, back int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.distance, p.back = d, back
	if d == near {
		p.end = math.MaxInt64 // that was the page just taken
	}
}

// ends takes note that the page at offset has fewer rows than it could.
func (p *pagePlan) ends(offset int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = min(p.end, offset)
}

// next returns the next page, if the plan reaches so far.
func (p *pagePlan) next(untaken int) (wanted, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.distance == none || p.distance == near && untaken > 0 || p.last.behind() > p.end {
		return wanted{}, false
	}
	p.last = wanted{offset: p.last.behind(), back: p.back, limit: p.last.limit, class: limit.Sync}
	return p.last, true
}
