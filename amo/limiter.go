package amo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// class is the priority of a request in the queue for slots.
type class int

// The classes, most urgent first.
const (
	// classLogin is a login: everything else waits for it.
	classLogin class = iota
	// classInteractive is a unary call, or the first page of a list.
	classInteractive
	// classSync is the rest of a list.
	classSync

	classCount
)

// maxPassed is the most slots in a row that pass a less urgent waiter by: under
// any load a list goes on, by a slot a second at the default rate.
const maxPassed = 5

// limiter grants slots: the right to send one request now. Two slots are never
// closer than interval, so burst is 1: with the vendor's limit of 7 in any
// second, a rate of 6 leaves room for 150 ms of jitter on the way. A slot is
// granted the moment it is due, not reserved ahead, so it is always the last
// thing a request waits for. It is in use until its request has ended: were
// there no bound to that, requests that wait for a connection while upstream
// stalls would leave all at once when it goes on.
type limiter struct {
	interval time.Duration
	capacity int

	mu sync.Mutex
	// due is the earliest time of the next slot.
	due time.Time
	// inUse counts the slots in use, at most capacity.
	inUse int
	queue [classCount][]*waiter
	// passed counts the slots since one went to the least urgent waiter.
	passed int
	// timer fires at due while somebody waits.
	timer *time.Timer
}

// waiter is one request in the queue.
type waiter struct {
	granted chan struct{}
	// due is the time of the slot behind the granted one.
	due time.Time
}

// newLimiter returns a limiter of rate slots a second, of which at most capacity
// are in use at a time.
func newLimiter(rate float64, capacity int) *limiter {
	return &limiter{interval: time.Duration(float64(time.Second) / rate), capacity: capacity}
}

// wait returns nil when the caller has a slot, which it has to use at once and
// to release when its request has ended. It refuses with KindQueueFull, without
// waiting, when the queue is longer than ctx's deadline; RetryAfter is then the
// length of the queue.
func (l *limiter) wait(ctx context.Context, class class) error {
	if err := ctx.Err(); err != nil {
		return contextError(ctx)
	}
	l.mu.Lock()
	now := time.Now()
	ahead := 0
	for c := range class + 1 {
		ahead += len(l.queue[c])
	}
	if ahead == 0 && l.inUse < l.capacity && !now.Before(l.due) {
		l.take(now)
		l.mu.Unlock()
		return nil
	}
	wait := max(l.due.Sub(now), 0) + time.Duration(ahead)*l.interval
	if deadline, ok := ctx.Deadline(); ok && now.Add(wait).After(deadline) {
		l.mu.Unlock()
		return &Error{
			Kind:       KindQueueFull,
			Message:    fmt.Sprintf("the account's queue is %s long, longer than the deadline; nothing was sent", wait.Round(time.Millisecond)),
			RetryAfter: wait,
		}
	}
	w := &waiter{granted: make(chan struct{})}
	l.queue[class] = append(l.queue[class], w)
	l.arm(now)
	l.mu.Unlock()

	select {
	case <-w.granted:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		return nil
	}
	l.leave(w, class)
	return contextError(ctx)
}

// release ends the use of a slot.
func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse--
	l.arm(time.Now())
}

// hold lets nothing leave before until.
func (l *limiter) hold(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.After(l.due) {
		l.due = until
		l.arm(time.Now())
	}
}

// take uses the slot that is due.
func (l *limiter) take(now time.Time) {
	l.due = now.Add(l.interval)
	l.inUse++
}

// arm sets the timer to the next slot if anybody waits for it and can have it.
func (l *limiter) arm(now time.Time) {
	if l.empty() || l.inUse >= l.capacity {
		return
	}
	wait := max(l.due.Sub(now), 0)
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.grant)
		return
	}
	l.timer.Reset(wait)
}

// grant gives the slot that is due to the first waiter of the class whose turn
// it is.
func (l *limiter) grant() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	// The slot may have been taken or moved after the timer had fired.
	if !l.empty() && l.inUse < l.capacity && !now.Before(l.due) {
		c := l.turn()
		w := l.queue[c][0]
		l.queue[c] = l.queue[c][1:]
		l.take(now)
		w.due = l.due
		close(w.granted)
	}
	l.arm(now)
}

// turn returns the most urgent class that waits; once in a while, the least.
func (l *limiter) turn() class {
	first, last := classCount, classLogin
	for c := range classCount {
		if len(l.queue[c]) > 0 {
			first, last = min(first, c), c
		}
	}
	if first == last || l.passed >= maxPassed {
		l.passed = 0
		return last
	}
	l.passed++
	return first
}

// leave takes w out of the queue. A slot that was granted in the same moment
// goes to the next waiter, unless the one behind it has been granted or moved
// already.
func (l *limiter) leave(w *waiter, class class) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.queue[class], w); i >= 0 {
		l.queue[class] = slices.Delete(l.queue[class], i, i+1)
		return
	}
	now := time.Now()
	l.inUse--
	if l.due.Equal(w.due) {
		l.due = now
	}
	l.arm(now)
}

func (l *limiter) empty() bool {
	for c := range l.queue {
		if len(l.queue[c]) > 0 {
			return false
		}
	}
	return true
}
