package amo

import (
	"slices"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
)

// queue is where the items of one operation on a collection wait for the requests
// that take them along: those of every caller, in order of arrival. No request is
// delayed for the sake of others; what comes while one waits for its slot goes with
// it.
//
// W is the work that an item is. The zero value is empty.
type queue[W any] struct {
	mu    sync.Mutex
	lanes map[laneKey]*lane[W]
	// sizes tell how many items a request is to have, tempos how long it takes.
	sizes  map[Generation]*sizing
	tempos map[Generation]*tempo
	// suspects are callers whose items were refused lately.
	suspects suspects
}

// laneKey tells apart the items that cannot, or are not to, go by one request.
// Callers of less urgency have lanes of their own: an item of an export would make
// the request of those who wait larger and slower.
type laneKey struct {
	generation Generation
	// group is what items must have in common to go together.
	group   string
	class   limit.Class
	isApart bool
	// alone is the only party that the lane is for; nil = it is for all.
	alone any
}

// lane is a line of items that go by the same requests.
type lane[W any] struct {
	queue *queue[W]
	key   laneKey
	carrier[W]
	// waiting are the items of the line that no batch has taken along.
	waiting []*item[W]
	// open is the batch that waits for its slot; nil = none. Flying are those that
	// have left.
	open   *batch[W]
	flying []*batch[W]
	// forecast is when the open batch leaves; zero = not known yet.
	forecast limit.Forecast
}

// carrier is how the items of a lane are carried out.
type carrier[W any] struct {
	client *Client
	env    *driver.Env
	// most is the most items of a request. isSteady says that it may have as many
	// at once, and not only after requests of fewer were answered.
	most     int
	isSteady bool
	// same, if set, is equal for works that are one to upstream.
	same func(W) int64
	// isShared says that an item takes the answer to the same work of a request that
	// has left.
	isShared bool
	// carry sends what the batch takes along, and answers it.
	carry func(b *batch[W])
}

// join lets items of a call wait in a lane.
func (q *queue[W]) join(p *party[W], generation Generation, group string, how carrier[W], items []*item[W]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	key := laneKey{generation: generation, group: group, class: p.class, isApart: q.suspects.has(p.caller, now)}
	if how.client.config.NoCoalescing {
		key.alone = p
	}
	l := q.lane(key)
	l.carrier = how
	before := len(l.waiting)
	for _, it := range items {
		it.party, it.lane, it.batch, it.since = p, l, nil, now
		it.hasEnded, it.isSealed, it.isJudged, it.err, it.judged = false, false, false, nil, nil
		p.items = append(p.items, it)
		switch {
		case p.failure != nil:
			p.end(it, p.unsent(p.failure))
		case l.attach(it):
		default:
			l.waiting = append(l.waiting, it)
		}
	}
	if l.open != nil {
		l.open.extend(p.deadline)
	}
	isClean := !l.refuseLate(before)
	l.proceed()
	if !isClean || l.open == nil {
		q.clean()
	}
}

func (q *queue[W]) lane(key laneKey) *lane[W] {
	if q.lanes == nil {
		q.lanes = map[laneKey]*lane[W]{}
	}
	l, ok := q.lanes[key]
	if !ok {
		l = &lane[W]{queue: q, key: key}
		q.lanes[key] = l
	}
	return l
}

// clean drops what is over: items that have their answers, batches that nobody
// waits for any more, lanes that are empty.
func (q *queue[W]) clean() {
	for key, l := range q.lanes {
		l.waiting = slices.DeleteFunc(l.waiting, func(it *item[W]) bool { return it.hasEnded })
		if l.open != nil && len(l.waiting) == 0 {
			l.open.cancel(errUnwanted)
			l.open = nil
		}
		if l.open == nil && len(l.flying)+len(l.waiting) == 0 {
			delete(q.lanes, key)
		}
	}
}

// proceed opens a batch where items wait and none is open.
func (l *lane[W]) proceed() {
	if l.open == nil && l.ready() != nil {
		l.forecast = limit.Forecast{}
		l.open = newBatch(l, l.ready().party)
		go l.open.run()
	}
}

// ready returns the first item that can go; nil = none.
func (l *lane[W]) ready() *item[W] {
	for _, it := range l.waiting {
		if it.party.doubts == 0 {
			return it
		}
	}
	return nil
}

// size is how many items the next request is to have.
func (l *lane[W]) size() int {
	if l.isSteady {
		return l.most
	}
	return l.sizing().size(l.most)
}

func (l *lane[W]) sizing() *sizing {
	q := l.queue
	if q.sizes == nil {
		q.sizes = map[Generation]*sizing{}
	}
	s, ok := q.sizes[l.key.generation]
	if !ok {
		s = &sizing{}
		q.sizes[l.key.generation] = s
	}
	return s
}

func (l *lane[W]) tempo() *tempo {
	q := l.queue
	if q.tempos == nil {
		q.tempos = map[Generation]*tempo{}
	}
	p, ok := q.tempos[l.key.generation]
	if !ok {
		p = &tempo{}
		q.tempos[l.key.generation] = p
	}
	return p
}

// foresee takes note of when the open batch leaves.
func (l *lane[W]) foresee(b *batch[W], f limit.Forecast) {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	if l.open != b {
		return
	}
	l.forecast = f
	if l.refuseLate(0) {
		l.queue.clean()
	}
}

// refuseLate refuses the calls whose first item is from that place on in the line
// and would leave after their deadline, or later than anybody is to wait. It says
// whether there are such.
func (l *lane[W]) refuseLate(from int) bool {
	if l.forecast.Due.IsZero() {
		return false
	}
	size, isLate := l.size(), false
	for n := from; n < len(l.waiting); n++ {
		it := l.waiting[n]
		p := it.party
		if it.hasEnded || p.hasBegun || p.items[0] != it {
			continue
		}
		if err := l.forecast.Refusal(p.deadline, n/size); err != nil {
			noteWait(p.ctx, time.Since(it.since))
			p.turnAway(err)
			isLate = true
		}
	}
	return isLate
}

// turn takes out of the line what b, a request of so many items, takes along.
func (l *lane[W]) turn(b *batch[W], now time.Time, size int) []*item[W] {
	tempo := l.tempo()
	var able []*item[W]
	for _, it := range slices.Clone(l.waiting) {
		p := it.party
		switch {
		case it.hasEnded || p.doubts > 0:
		case p.effect != driver.Read && p.hasBegun && p.ends(now.Add(tempo.within(1))):
			p.end(it, notAttempted(errTooLate))
		default:
			able = append(able, it)
		}
	}
	taken := l.first(l.urgent(able, now, size), size)
	for _, it := range taken {
		it.batch = b
	}
	l.waiting = slices.DeleteFunc(l.waiting, func(it *item[W]) bool { return it.hasEnded || it.batch != nil })
	return taken
}

// ends says whether the call's deadline is before a moment.
func (p *party[W]) ends(moment time.Time) bool {
	return !p.deadline.IsZero() && p.deadline.Before(moment)
}

// urgent returns the items that must not wait for the answer to as many as there
// are, if a request of these alone would be in time; else all.
func (l *lane[W]) urgent(able []*item[W], now time.Time, size int) []*item[W] {
	tempo := l.tempo()
	end := now.Add(tempo.within(min(size, len(able))))
	var hurried []*item[W]
	for _, it := range able {
		if it.party.ends(end) {
			hurried = append(hurried, it)
		}
	}
	sooner := now.Add(tempo.within(len(hurried)))
	if len(hurried) == 0 || !sooner.Before(end) {
		return able
	}
	hurried = slices.DeleteFunc(hurried, func(it *item[W]) bool { return it.party.ends(sooner) })
	if len(hurried) == 0 {
		return able
	}
	return hurried
}

// first returns the first items of as many works as a request can have.
func (l *lane[W]) first(items []*item[W], size int) []*item[W] {
	if l.same == nil {
		return items[:min(size, len(items))]
	}
	works := map[int64]bool{}
	var taken []*item[W]
	for _, it := range items {
		key := l.same(it.work)
		if !works[key] && len(works) == size {
			continue
		}
		works[key] = true
		taken = append(taken, it)
	}
	return taken
}

// attach gives an item to a batch under way that is about the same, and says
// whether there is one.
func (l *lane[W]) attach(it *item[W]) bool {
	if !l.isShared {
		return false
	}
	for _, b := range l.flying {
		if b.shared[l.same(it.work)] && b.extend(it.party.deadline) {
			it.batch, it.isSealed, it.party.hasBegun = b, true, true
			b.items = append(b.items, it)
			return true
		}
	}
	return false
}
