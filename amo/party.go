package amo

import (
	"context"
	"slices"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
)

// party is one call whose items go through the lanes of a queue. What changes of it
// is guarded by the queue.
type party[W any] struct {
	queue  *queue[W]
	ctx    context.Context //nolint:containedctx // the one of the call that it stands for
	caller string
	class  limit.Class
	// deadline is the call's; zero = none.
	deadline time.Time
	effect   driver.Effect

	// items are those that have no answer yet, answered those whose answer the call
	// has not taken.
	items, answered []*item[W]
	// signal has room for one: there is something new.
	signal chan struct{}

	// hasBegun says that a request has taken some of its items along: those that are
	// not sent after that were not attempted.
	hasBegun bool
	// failure is why the items that have not been sent are not to be.
	failure error
	// stop is closed when no further request is to take items along, and then nil;
	// isStopping says so.
	stop       <-chan struct{}
	isStopping bool
	// doubts counts the requests of which it is being found out what became of its
	// items; the others wait for that. isDoubted says that the one before left some
	// of unknown outcome.
	doubts    int
	isDoubted bool
}

// item is one item of a call. What changes of it is guarded by the queue; the
// batch that has it alone writes its work.
type item[W any] struct {
	work W
	// place is that in the call.
	place int
	party *party[W]
	lane  *lane[W]
	// batch is the one that took it along; nil = it waits.
	batch *batch[W]
	// since is when it began to wait.
	since time.Time
	// isSealed says that a request with it may be on its way or carried out.
	isSealed bool
	// hasEnded says that it has its answer: err, or what its work says.
	hasEnded bool
	err      error
	// isJudged says that it is known what became of it, be it that its caller has
	// gone by then: judged.
	isJudged bool
	judged   error
	// isLeft says that its caller left it to its batch, which calls abandoned, if
	// that is set, when it knows what became of it.
	isLeft    bool
	abandoned func()
}

// newParty returns a party without items.
func newParty[W any](ctx context.Context, q *queue[W], effect driver.Effect) *party[W] {
	p := &party[W]{
		queue: q, ctx: ctx, caller: callerOf(ctx), class: classOf(ctx, limit.Interactive), effect: effect,
		signal: make(chan struct{}, 1),
	}
	p.deadline, _ = ctx.Deadline()
	if effect != driver.Read {
		p.stop = stopOf(ctx)
	}
	return p
}

// wake tells the call that there is something new.
func (p *party[W]) wake() {
	select {
	case p.signal <- struct{}{}:
	default:
	}
}

// wait waits for something new, or for the end of the call.
func (p *party[W]) wait() {
	select {
	case <-p.signal:
	case <-p.stop:
		p.halt()
	case <-p.ctx.Done():
		p.leave()
	}
}

// halt keeps items from being sent beside those of the requests that have taken
// some along, or of the next one.
func (p *party[W]) halt() {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	p.stop, p.isStopping = nil, true
	if p.hasBegun {
		p.turnAway(errStopping)
		p.queue.clean()
	}
}

// stopped is why nothing of the call is to be sent any more; nil = it may.
func (p *party[W]) stopped() error {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	switch {
	case p.failure != nil:
		return p.unsent(p.failure)
	case p.ctx.Err() != nil:
		return p.unsent(contextError(p.ctx))
	}
	return nil
}

// take returns the items that were answered since, and whether none is left.
func (p *party[W]) take() (answered []*item[W], isEmpty bool) {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	answered, p.answered = p.answered, nil
	return answered, len(p.items) == 0
}

// await calls each with the items that are answered, until all are. A panic of the
// goroutine that worked for them goes on here.
func (p *party[W]) await(each func(answered []*item[W])) {
	for {
		answered, isEmpty := p.take()
		for _, it := range answered {
			it.err = release(it.err)
		}
		if len(answered) > 0 {
			each(answered)
			continue
		}
		if isEmpty {
			return
		}
		p.wait()
	}
}

// end gives an item its answer.
func (p *party[W]) end(it *item[W], err error) {
	it.hasEnded, it.err = true, err
	p.items = slices.Delete(p.items, slices.Index(p.items, it), slices.Index(p.items, it)+1)
	p.answered = append(p.answered, it)
	p.wake()
}

// fail keeps what was not sent from being sent.
func (p *party[W]) fail(failure error) {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	p.giveUp(failure)
	p.queue.clean()
}

// giveUp is fail for those who hold the lock and clean up.
func (p *party[W]) giveUp(failure error) {
	p.hasBegun = true
	p.turnAway(failure)
}

// turnAway ends the items that wait.
func (p *party[W]) turnAway(reason error) {
	for _, it := range slices.Clone(p.items) {
		if it.batch == nil {
			p.end(it, p.unsent(reason))
		}
	}
	if p.failure == nil {
		p.failure = reason
	}
}

// unsent is the error of an item that was not sent for a reason: its own, unless
// others of the call were.
func (p *party[W]) unsent(reason error) error {
	if p.effect == driver.Read || !p.hasBegun {
		return ownError(reason)
	}
	return notAttempted(reason)
}

// leave ends the call's part in the queue: items that were not sent never are, and
// what becomes of the others nobody waits for.
func (p *party[W]) leave() {
	q := p.queue
	reason := contextError(p.ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range slices.Clone(p.items) {
		if it.isSealed {
			it.isLeft = true
			p.end(it, verdict(p.effect, outcome{sent: true, err: reason}, false))
			it.batch.missed()
			continue
		}
		p.end(it, p.unsent(reason))
	}
	q.clean()
}

// ownError returns a copy of an error that many callers get: what one of them adds
// to its own is not the others'.
func ownError(err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // a wrapped one is nobody's to change
		own := *e
		own.Fields = slices.Clone(e.Fields)
		return &own
	}
	return err
}
