package amo

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
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

// batchContext is the context of a request of a batch. Its deadline is the latest of
// those whom it is for. Before the batch leaves, others may come, so that it tells
// the deadline and does not end by it.
type batchContext struct {
	context.Context //nolint:containedctx // this is one
	cancel          context.CancelCauseFunc
	deadline        atomic.Pointer[time.Time]
	timer           *time.Timer
}

// Deadline implements context.Context.
func (c *batchContext) Deadline() (time.Time, bool) {
	if at := c.deadline.Load(); at != nil {
		return *at, true
	}
	return time.Time{}, false
}

// tell sets the deadline; zero = none.
func (c *batchContext) tell(at time.Time) {
	if at.IsZero() {
		c.deadline.Store(nil)
		return
	}
	c.deadline.Store(&at)
}

// newBatchContext returns the context of a request of a batch with this life, which
// tells a deadline.
func newBatchContext(life context.Context, deadline time.Time) *batchContext {
	inner, cancel := context.WithCancelCause(life)
	c := &batchContext{Context: inner, cancel: cancel}
	c.tell(deadline)
	return c
}

// end sets the deadline and ends by it. It says whether that is in time: the one
// before has not passed.
func (c *batchContext) end(at time.Time) bool {
	if c.timer != nil && !c.timer.Stop() {
		return false
	}
	c.tell(at)
	c.timer = nil
	if !at.IsZero() {
		c.timer = time.AfterFunc(time.Until(at), func() { c.cancel(context.DeadlineExceeded) })
	}
	return true
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

// carryOut lets write send items: those that take returns. Write answers them, or
// returns why the request failed as a whole, with the items that it was about.
// Where that is a refusal of the data, the items that upstream named get it and the
// rest is sent again; where it named none, or says that a record is not there, the
// guilty one is found by halving. After any other failure the callers' other items
// are not attempted. Id returns the record that a work is about; nil = none yet.
func (b *batch[W]) carryOut(id func(W) int64, write func(take func() []*item[W]) ([]*item[W], error)) {
	b.attempt(b.seal, nil, id, write)
}

func (b *batch[W]) attempt(take func() []*item[W], before []*item[W], id func(W) int64, write func(take func() []*item[W]) ([]*item[W], error)) {
	items, err := write(take)
	if err == nil || errors.Is(err, errUnwanted) {
		return
	}
	if len(items) == 0 {
		b.turnAway(before, err)
		return
	}
	var idOf func(int) int64
	if id != nil {
		idOf = func(n int) int64 { return id(items[n].work) }
	}
	places := make([]int, len(items))
	for n := range items {
		places[n] = n
	}
	refused, isRead := IsKind(err, KindUpstreamInvalid), items[0].party.effect == driver.Read
	if guilty := named(asError(err), places, idOf); refused && !isRead && len(guilty) > 0 {
		var rest []*item[W]
		for n, it := range items {
			if guilty[n] == nil {
				rest = append(rest, it)
				continue
			}
			b.suspect(it)
			b.answer(guilty[n], it)
		}
		b.resend(rest, id, write)
		return
	}
	// A record that is not there says nothing of the others, and neither does an
	// item that cannot be said.
	missing := IsKind(err, KindNotFound) && !isRead || IsKind(err, KindInvalid) || IsKind(err, KindUnsupported) || IsKind(err, KindInexpressible)
	switch {
	case !refused && !missing:
		b.fail(err, items...)
	case len(items) > 1:
		half := len(items) / 2
		b.unseal(items)
		b.resend(items[:half], id, write)
		b.resend(items[half:], id, write)
	default:
		b.suspect(items[0])
		b.answer(err, items[0])
	}
}

// resend sends items of a request that did nothing.
func (b *batch[W]) resend(items []*item[W], id func(W) int64, write func(take func() []*item[W]) ([]*item[W], error)) {
	if b.unseal(items) {
		b.attempt(b.again(items), items, id, write)
	}
}

// unseal notes that nothing became of items, and says whether anybody waits for
// them.
func (b *batch[W]) unseal(items []*item[W]) bool {
	q := b.lane.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	isWanted := false
	for _, it := range items {
		it.isSealed, it.since = false, time.Now()
		isWanted = isWanted || !it.hasEnded
	}
	// Whom the request before was for may have had less time than these.
	b.ctx.end(time.Time{})
	b.ctx.cancel(errUnwanted)
	b.ctx = newBatchContext(b.life, time.Time{})
	b.ctx.end(latest(items))
	return isWanted
}

// fail answers items by an error that is none of theirs: what else their callers
// have to send is not attempted.
func (b *batch[W]) fail(err error, items ...*item[W]) {
	b.answer(err, items...)
	q := b.lane.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range items {
		it.party.giveUp(err)
	}
	q.clean()
}

// turnAway tells those whose turn did not come why: items, nil = all who wait.
func (b *batch[W]) turnAway(items []*item[W], err error) {
	q := b.lane.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if items == nil && b.lane.open == b {
		b.lane.open = nil
		items = b.lane.waiting
	}
	for _, it := range items {
		p := it.party
		if it.hasEnded {
			continue
		}
		noteWait(p.ctx, time.Since(it.since))
		p.end(it, p.unsent(err))
		p.turnAway(err)
	}
	q.clean()
}

// suspect lets the caller of an item go apart for a while.
func (b *batch[W]) suspect(it *item[W]) {
	l, q := b.lane, b.lane.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.suspects.add(it.party.caller, l.client.config.Settings.ApartFor)
	if l.key.isApart || l.key.alone != nil {
		return
	}
	key := l.key
	key.isApart = true
	apart := q.lane(key)
	apart.carrier = l.carrier
	l.waiting = slices.DeleteFunc(l.waiting, func(other *item[W]) bool {
		if other.party.caller != it.party.caller || other.hasEnded {
			return false
		}
		other.lane = apart
		apart.waiting = append(apart.waiting, other)
		return true
	})
	apart.proceed()
	q.clean()
}

// doubt tells that it is being found out what became of items. What else their
// callers have to send waits for that, and who has no time for it is told unknown.
// The function that it returns ends that: isFound says of which items it is known,
// and hasLooked whether upstream could be asked.
func (b *batch[W]) doubt(items []*item[W], unknown error) (settled func(isFound func(n int) bool, hasLooked bool)) {
	q := b.lane.queue
	margin := b.how.client.config.Settings.LookMargin
	parties := map[*party[W]][]int{}
	q.mu.Lock()
	for n, it := range items {
		parties[it.party] = append(parties[it.party], n)
	}
	var timers []*time.Timer
	for p, places := range parties {
		p.doubts++
		if p.deadline.IsZero() {
			continue
		}
		timers = append(timers, time.AfterFunc(time.Until(p.deadline.Add(-margin)), func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			for _, n := range places {
				if it := items[n]; !it.hasEnded {
					it.isLeft = true
					p.end(it, unlooked(asError(unknown)))
				}
			}
		}))
	}
	q.mu.Unlock()
	return func(isFound func(n int) bool, hasLooked bool) {
		for _, timer := range timers {
			timer.Stop()
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		for p, places := range parties {
			p.doubts--
			isDoubted := false
			for _, n := range places {
				isDoubted = isDoubted || !isFound(n)
			}
			if isDoubted && (p.isDoubted || !hasLooked) {
				p.giveUp(unknown)
			}
			p.isDoubted = isDoubted
		}
		for _, l := range q.lanes {
			l.proceed()
		}
		q.clean()
	}
}
