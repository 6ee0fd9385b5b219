package amo

import (
	"context"
	"fmt"
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

// limiter grants slots: the right to send one request now. Two slots are never
// closer than interval, so burst is 1: with the vendor's limit of 7 in any
// second, a rate of 6 leaves room for 150 ms of jitter on the way. A slot is
// granted the moment it is due, not reserved ahead, so it is always the last
// thing a request waits for.
type limiter struct {
	interval time.Duration

	mu sync.Mutex
	// due is the earliest time of the next slot.
	due   time.Time
	queue [classCount][]*waiter
	// timer fires at due while somebody waits.
	timer *time.Timer
}

// waiter is one request in the queue.
type waiter struct {
	granted chan struct{}
}

// newLimiter returns a limiter of rate slots a second.
func newLimiter(rate float64) *limiter {
	return &limiter{interval: time.Duration(float64(time.Second) / rate)}
}

// wait returns nil when the caller has a slot, which it has to use at once. It
// refuses with KindQueueFull, without waiting, when the queue is longer than
// ctx's deadline; RetryAfter is then the length of the queue.
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
	if ahead == 0 && !now.Before(l.due) {
		l.due = now.Add(l.interval)
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
		return nil
	case <-ctx.Done():
		l.leave(w, class)
		return contextError(ctx)
	}
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

// arm sets the timer to the next slot if anybody waits for it.
func (l *limiter) arm(now time.Time) {
	if l.empty() {
		return
	}
	wait := max(l.due.Sub(now), 0)
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.grant)
		return
	}
	l.timer.Reset(wait)
}

// grant gives the slot that is due to the first waiter of the most urgent class.
func (l *limiter) grant() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Before(l.due) {
		// hold moved the slot after the timer had fired.
		l.arm(now)
		return
	}
	for c := range l.queue {
		if len(l.queue[c]) == 0 {
			continue
		}
		w := l.queue[c][0]
		l.queue[c] = l.queue[c][1:]
		l.due = now.Add(l.interval)
		close(w.granted)
		break
	}
	l.arm(now)
}

// leave takes w out of the queue. A slot that was granted in the same moment
// goes to the next waiter.
func (l *limiter) leave(w *waiter, class class) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, other := range l.queue[class] {
		if other == w {
			l.queue[class] = append(l.queue[class][:i:i], l.queue[class][i+1:]...)
			return
		}
	}
	now := time.Now()
	l.due = now
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
