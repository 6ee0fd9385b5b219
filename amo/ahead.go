package amo

import (
	"context"
	"slices"
	"sync"
	"time"
)

// maxWaiting is the most values in a row that wait for the reader before nothing
// more is fetched for it: a slow reader slows the fetching, not the account.
const maxWaiting = 2

// ahead fetches in the background what a reader needs next, as many values at a
// time as it takes to use every slot of the limiter, and hands them over in order.
//
// It begins with the keys given to start and goes on with those that next names.
// A fetch begins when the request of the one before it has left, so that a list
// never has more than one place in the limiter's queue; its key is asked for no
// sooner, and next can make it of all that is known by then. A fetch may answer
// keys besides its value: what is right behind it. They are fetched before
// anything that next names and delivered before what was fetched meanwhile: so
// a window that turns out too large is replaced by its halves.
//
//	a := newAhead(ctx, pace, fetch, next)
//	defer a.drop()
//	a.start(first)
//	for a.more() {
//		key, value, err := a.take()
//		…
//	}
//
// All methods are called by the reader's goroutine. Fetch and next are called by
// others: fetch by several at a time, next by one and never while drop or start
// runs, so that what both of them use needs a lock.
type ahead[K, V any] struct {
	// ctx is the reader's; what is on its way ends with it.
	ctx  context.Context //nolint:containedctx // the life of the list, not of a call
	pace *pace
	// fetch gets the value of a key. It calls left of its trip when its request
	// leaves. A value counts even beside an error: it tells what the fetch cost. An
	// error ends the fetching; what is on its way is delivered up to the error.
	fetch func(ctx context.Context, key K, trip trip) (value V, behind []K, err error)
	// next returns the key behind all that were fetched so far, of which so many
	// have not been taken; false = none for now. It is asked again whenever a
	// request has left, a value has come or one was taken. It must not call
	// methods of the ahead. Nil = only what start and fetch name is fetched.
	next func(untaken int) (K, bool)

	mu sync.Mutex
	// queue are the fetches that the reader has not taken, in its order.
	queue []*fetching[K, V]
	// leaving is the fetch whose request has yet to leave; nil = none.
	leaving *fetching[K, V]
	// awaited says that the reader waits for the first of the queue.
	awaited bool
	// taken is when the reader got the last value; zero = it has got none.
	taken time.Time
	// stopped says that nothing more is to begin.
	stopped bool
}

// trip is what a fetch tells while it is under way, and what it can ask. The zero
// value is that of a fetch that nothing is ahead of.
type trip struct {
	// left, if set, is called when the request leaves, and may be called again when
	// it is repeated.
	left func()
	// awaited, if set, says whether the reader waits for what is fetched; it does if
	// it is not.
	awaited func() bool
}

// mustWait says that what is fetched has to wait for its reader.
func (t trip) mustWait() bool { return t.awaited != nil && !t.awaited() }

// fetching is one fetch: planned until it has begun, and flying until it has come.
type fetching[K, V any] struct {
	key         K
	begun, come bool
	cancel      context.CancelFunc
	// left is when its request left for the last time; zero = not yet.
	left time.Time
	// done is closed when it has come.
	done  chan struct{}
	value V
	err   error
}

func newAhead[K, V any](
	ctx context.Context, pace *pace,
	fetch func(ctx context.Context, key K, trip trip) (V, []K, error), next func(untaken int) (K, bool),
) *ahead[K, V] {
	return &ahead[K, V]{ctx: ctx, pace: pace, fetch: fetch, next: next, stopped: true}
}

// start fetches keys behind all that were fetched so far, and from then on what
// next names.
func (a *ahead[K, V]) start(keys ...K) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = false
	a.queue = append(a.queue, planned[K, V](keys)...)
	a.fill()
}

// more says that there is something to take.
func (a *ahead[K, V]) more() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fill() // the reader may have changed what next answers
	return len(a.queue) > 0
}

// take waits for the first of what was fetched.
func (a *ahead[K, V]) take() (K, V, error) {
	a.mu.Lock()
	if !a.taken.IsZero() {
		a.pace.read(time.Since(a.taken))
	}
	first := a.queue[0]
	a.awaited = true
	a.mu.Unlock()
	<-first.done
	a.mu.Lock()
	a.awaited = false
	a.taken = time.Now()
	// It is removed from the array, too, so that its value goes with the reader.
	a.queue = slices.Delete(a.queue, 0, 1)
	a.fill()
	a.mu.Unlock()
	return first.key, first.value, release(first.err)
}

// drop gives up what was not taken, and returns what came of it: requests that
// have left count all the same. Nothing is fetched until the next start.
func (a *ahead[K, V]) drop() []V {
	a.mu.Lock()
	dropped := a.queue
	a.queue, a.leaving, a.stopped = nil, nil, true
	a.mu.Unlock()
	dropped = slices.DeleteFunc(dropped, func(f *fetching[K, V]) bool { return !f.begun })
	for _, f := range dropped {
		f.cancel()
	}
	values := make([]V, len(dropped))
	var panicked error
	for i, f := range dropped {
		<-f.done
		values[i] = f.value
		if p, ok := f.err.(*PanicError); ok { //nolint:errorlint // as contain returns it
			panicked = p
		}
	}
	_ = release(panicked)
	return values
}

// fill begins what can begin now. What is planned takes the place of something
// that was on its way, so that it asks for no room.
func (a *ahead[K, V]) fill() {
	for a.leaving == nil {
		i := slices.IndexFunc(a.queue, func(f *fetching[K, V]) bool { return !f.begun || f.err != nil })
		if i >= 0 && a.queue[i].begun {
			return // nobody gets behind an error
		}
		if i < 0 {
			if a.stopped || a.next == nil || !a.hasRoom() {
				return
			}
			key, ok := a.next(len(a.queue))
			if !ok {
				return
			}
			i = len(a.queue)
			a.queue = append(a.queue, planned[K, V]([]K{key})...)
		}
		a.begin(a.queue[i])
	}
}

// hasRoom says whether one more fetch is of use: fewer are on their way or wait
// for the reader than the pace needs. What waits behind a late one is not the
// reader's fault, and as many again may.
func (a *ahead[K, V]) hasRoom() bool {
	flying, waiting, late := 0, 0, false
	for _, f := range a.queue {
		switch {
		case !f.come:
			flying++
			late = true
		case !late:
			waiting++
		}
	}
	depth := a.pace.depth()
	return waiting < maxWaiting && waiting+flying < depth && len(a.queue) < 2*depth
}

// begin begins a fetch.
func (a *ahead[K, V]) begin(f *fetching[K, V]) {
	ctx, cancel := context.WithCancel(a.ctx)
	f.begun, f.cancel = true, cancel
	a.leaving = f
	go func() {
		defer cancel()
		var value V
		var behind []K
		err := contain(func() (err error) {
			value, behind, err = a.fetch(ctx, f.key, trip{left: func() { a.left(f) }, awaited: func() bool { return a.isAwaited(f) }})
			return err
		})
		a.landed(f, value, behind, err)
	}()
}

// left lets the next fetch begin.
func (a *ahead[K, V]) left(f *fetching[K, V]) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f.left = time.Now()
	a.free(f)
	a.fill()
}

// isAwaited says whether the reader waits for a fetch.
func (a *ahead[K, V]) isAwaited(f *fetching[K, V]) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.awaited && len(a.queue) > 0 && a.queue[0] == f
}

// landed takes note of what came of a fetch.
func (a *ahead[K, V]) landed(f *fetching[K, V], value V, behind []K, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer close(f.done)
	f.come, f.value, f.err = true, value, err
	i := slices.Index(a.queue, f)
	if i < 0 {
		return // dropped
	}
	a.free(f)
	if err != nil {
		a.stopped = true
	} else if !f.left.IsZero() {
		a.pace.observe(time.Since(f.left))
	}
	a.queue = slices.Insert(a.queue, i+1, planned[K, V](behind)...)
	a.fill()
}

// free takes note that f no longer waits for its slot.
func (a *ahead[K, V]) free(f *fetching[K, V]) {
	if a.leaving == f {
		a.leaving = nil
	}
}

func planned[K, V any](keys []K) []*fetching[K, V] {
	fetches := make([]*fetching[K, V], len(keys))
	for i, key := range keys {
		fetches[i] = &fetching[K, V]{key: key, done: make(chan struct{})}
	}
	return fetches
}
