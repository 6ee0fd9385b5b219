package amo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
)

var (
	// errUnwanted is why nothing is sent, or something is given up.
	errUnwanted = errors.New("nobody waits for it any more")
	// errTooLate is why no further item of a call is sent.
	errTooLate = &Error{Kind: KindDeadline, Message: "the deadline is nearer than an answer"}
)

// batch is what goes by one request, and by those that follow from it where
// upstream refuses it. It has a goroutine of its own and does not end with any of
// its callers. Its fields are guarded by the queue.
type batch[W any] struct {
	lane *lane[W]
	// how is the lane's carrier of the moment in which the batch was opened: the
	// lane has another with each caller.
	how carrier[W]
	// env is that of the caller who came last.
	env *driver.Env
	// life ends with the batch or when it is given up, ctx also by the deadline of
	// those whom the request under way is for.
	life   context.Context //nolint:containedctx // a batch has no caller of its own
	cancel context.CancelCauseFunc
	ctx    *batchContext
	// items are those that it took along.
	items []*item[W]
	// allowed is how many it could have, isFull says that it had no room for those
	// who waited.
	allowed int
	isFull  bool
	// shared are the works, by lane.same, that others may take the answers of.
	shared map[int64]bool
	// waits are those of its requests, of which counted were told before it left.
	waits   Waits
	counted time.Duration
	left    time.Time
}

// newBatch returns a batch that waits for its slot. What is logged of it is logged
// for the call of first.
func newBatch[W any](l *lane[W], first *party[W]) *batch[W] {
	b := &batch[W]{lane: l, how: l.carrier}
	b.life, b.cancel = context.WithCancelCause(WithWaits(context.WithoutCancel(first.ctx), &b.waits))
	b.ctx = newBatchContext(b.life, latest(l.waiting))
	return b
}

// latest returns the latest deadline of the calls of items; zero = there is none.
func latest[W any](items []*item[W]) time.Time {
	var at time.Time
	for _, it := range items {
		if it.party.deadline.IsZero() {
			return time.Time{}
		}
		if it.party.deadline.After(at) {
			at = it.party.deadline
		}
	}
	return at
}

// run carries the batch out.
func (b *batch[W]) run() {
	defer context.AfterFunc(b.how.client.life, func() {
		b.lane.queue.mu.Lock()
		defer b.lane.queue.mu.Unlock()
		b.missed()
	})()
	err := contain(func() error {
		b.how.carry(b)
		return nil
	})
	if err == nil {
		err = &Error{Kind: KindBug, Message: "an item was left without an answer"}
	}
	b.finish(err)
}

// finish ends the batch. Err is that of items without an answer.
func (b *batch[W]) finish(err error) {
	q := b.lane.queue
	q.mu.Lock()
	items := b.items
	if b.lane.open == b {
		// It did not come to its turn, and nobody was told why: it panicked.
		b.lane.open = nil
		for _, it := range b.lane.waiting {
			if !it.hasEnded {
				it.party.end(it, err)
			}
		}
	}
	b.lane.flying = slices.DeleteFunc(b.lane.flying, func(other *batch[W]) bool { return other == b })
	b.ctx.end(time.Time{})
	b.cancel(errUnwanted)
	b.lane.proceed()
	q.clean()
	q.mu.Unlock()
	b.answer(err, items...)
}

// answer gives items their answers; err is nil where their works say it.
func (b *batch[W]) answer(err error, items ...*item[W]) {
	b.answerEach(items, func(int) error { return err })
}

// answerEach is answer with an error of its own for the nth item.
func (b *batch[W]) answerEach(items []*item[W], errOf func(n int) error) {
	var abandoned []func()
	q := b.lane.queue
	q.mu.Lock()
	for n, it := range items {
		err := errOf(n)
		if b.shared != nil {
			// Who comes from now on gets no answer that was given before.
			delete(b.shared, b.how.same(it.work))
		}
		if !it.isJudged {
			it.isJudged, it.judged = true, err
		}
		switch {
		case !it.hasEnded:
			it.isSealed = false
			it.party.end(it, ownError(err))
		case it.isLeft && it.abandoned != nil:
			abandoned = append(abandoned, it.abandoned)
			it.abandoned = nil
		}
	}
	q.mu.Unlock()
	for _, f := range abandoned {
		f()
	}
}

// missed ends a batch whose callers have all gone, unless it may have written: what
// becomes of that is found out while the client lives.
func (b *batch[W]) missed() {
	for _, it := range b.items {
		if !it.hasEnded {
			return
		}
	}
	if len(b.items) > 0 && (b.items[0].party.effect == driver.Read || b.how.client.life.Err() != nil) {
		b.cancel(errUnwanted)
	}
}

// seal takes along the items whose turn it is. The request has its slot.
func (b *batch[W]) seal() []*item[W] {
	l, q := b.lane, b.lane.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if l.open != b {
		return nil
	}
	l.open, b.env = nil, l.env
	b.allowed = l.size()
	b.items = l.turn(b, time.Now(), b.allowed)
	b.isFull = len(b.items) >= b.allowed && l.ready() != nil
	b.depart(b.items)
	if len(b.items) > 0 {
		l.flying = append(l.flying, b)
		if l.isShared {
			b.shared = map[int64]bool{}
			for _, it := range b.items {
				b.shared[l.same(it.work)] = true
			}
		}
	}
	l.proceed()
	q.clean()
	return b.items
}

// again returns what seals items of a request that did nothing once more.
func (b *batch[W]) again(items []*item[W]) func() []*item[W] {
	return func() []*item[W] {
		q := b.lane.queue
		q.mu.Lock()
		defer q.mu.Unlock()
		end := time.Now().Add(b.lane.tempo().within(1))
		var able []*item[W]
		for _, it := range items {
			p := it.party
			switch {
			case it.hasEnded:
			case p.failure != nil:
				p.end(it, p.unsent(p.failure))
			case p.effect != driver.Read && p.ends(end):
				p.end(it, notAttempted(errTooLate))
			default:
				able = append(able, it)
			}
		}
		b.depart(able)
		return able
	}
}

// depart notes that a request takes items along.
func (b *batch[W]) depart(items []*item[W]) {
	now := time.Now()
	waited := map[*party[W]]bool{}
	for _, it := range items {
		p := it.party
		it.isSealed, p.hasBegun = true, true
		if !waited[p] {
			waited[p] = true
			noteWait(p.ctx, now.Sub(it.since))
		}
	}
	for p := range waited {
		if p.isStopping {
			p.turnAway(errStopping)
		}
	}
	b.ctx.end(latest(items))
	b.counted = b.waits.Sum()
}

// extend lets somebody with this deadline go with the batch, and says whether it is
// not too late for that.
func (b *batch[W]) extend(deadline time.Time) bool {
	at, ok := b.ctx.Deadline()
	switch {
	case b.ctx.Err() != nil:
		return false
	case !ok || !deadline.IsZero() && !deadline.After(at):
	case b.items == nil:
		b.ctx.tell(deadline)
	default:
		return b.ctx.end(deadline)
	}
	return true
}

// request returns the request of the items that take returns in its slot: call
// makes it of them. Left, if set, is called when it leaves.
func (b *batch[W]) request(take func() []*item[W], call func(items []*item[W]) (driver.Call, error), left func()) request {
	return request{
		build: func() (driver.Call, error) {
			items := take()
			if len(items) == 0 {
				return driver.Call{}, &Error{Kind: KindCancelled, Message: errUnwanted.Error(), Err: errUnwanted}
			}
			return call(items)
		},
		foresee: func(f limit.Forecast) { b.lane.foresee(b, f) },
		left: func() {
			b.left = time.Now()
			if left != nil {
				left()
			}
		},
		class: b.lane.key.class,
	}
}

// measure takes note of how a request of items went: how long it took, and whether
// the next ones are to be larger or smaller.
func (b *batch[W]) measure(items []*item[W], u usage, err error) {
	q := b.lane.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	noted := map[*party[W]]bool{}
	for _, it := range items {
		if !noted[it.party] {
			noted[it.party] = true
			noteWait(it.party.ctx, b.waits.Sum()-b.counted)
		}
	}
	if len(items) == 0 || b.how.isSteady {
		return
	}
	if err == nil {
		for p := range noted {
			p.isDoubted = false
		}
	}
	isUnknown := IsKind(err, KindOutcomeUnknown) || IsKind(err, KindResponseLost)
	switch sizing := b.lane.sizing(); {
	case isUnknown || u.ambiguous:
		sizing.shrink(b.allowed)
	case err == nil:
		if u.requests == 1 {
			b.lane.tempo().note(len(items), time.Since(b.left))
		}
		sizing.grow(b.allowed, b.how.most, b.isFull)
	}
}
