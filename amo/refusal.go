package amo

import (
	"errors"
	"slices"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
)

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
