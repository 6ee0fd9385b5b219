package limit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
)

// maxPassed is the most slots in a row that pass a less urgent waiter by: under
// any load a list goes on, by a slot a second at the default rate.
const maxPassed = 5

// waiter is one request that waits for a slot.
type waiter struct {
	request Request
	arrived time.Time
	// deadline is its caller's; zero = none.
	deadline time.Time
	// probes are the breakers that it is to try.
	probes []string
	// done is closed when it has its ticket or its error.
	done   chan struct{}
	ticket *Ticket
	err    *driver.Error
	// foretold is the moment that its Foresee was told last.
	foretold time.Time
}

func newWaiter(ctx context.Context, r Request) *waiter {
	w := &waiter{request: r, arrived: time.Now(), done: make(chan struct{})}
	w.deadline, _ = ctx.Deadline()
	return w
}

// patient waiters are not refused because the queue is long.
func (w *waiter) patient() bool { return w.request.Class >= Sync }

// fits says whether a wait ends before the caller's deadline.
func (w *waiter) fits(until time.Time) bool { return w.deadline.IsZero() || !until.After(w.deadline) }

func (w *waiter) fail(err *driver.Error) {
	w.err = err
	close(w.done)
}

// slot is a reserved slot.
type slot struct {
	// Slot is what the store gave, interval with what in mind.
	Slot
	interval time.Duration
	// due is its moment by our clock.
	due time.Time
	// epoch of the store that gave it.
	epoch int
}

// enqueue lets w wait.
func (l *Limiter) enqueue(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue[w.request.Class] = append(l.queue[w.request.Class], w)
	l.proceed()
}

// leave takes w out of the queue, unless it has its ticket or its error.
func (l *Limiter) leave(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for class := range l.queue {
		if i := slices.Index(l.queue[class], w); i >= 0 {
			l.queue[class] = slices.Delete(l.queue[class], i, i+1)
			close(w.done)
			l.proceed()
			return
		}
	}
}

func (l *Limiter) waiting() int {
	n := 0
	for class := range l.queue {
		n += len(l.queue[class])
	}
	return n
}

// urgent counts those for whom slots are reserved as far ahead as it takes.
func (l *Limiter) urgent() int { return len(l.queue[Login]) + len(l.queue[Interactive]) }

// promote moves those who have waited for long to the interactive ones.
func (l *Limiter) promote(now time.Time) {
	for class := Sync; class < ClassCount; class++ {
		for len(l.queue[class]) > 0 && now.Sub(l.queue[class][0].arrived) >= l.config.Settings.Aging {
			l.queue[Interactive] = append(l.queue[Interactive], l.queue[class][0])
			l.queue[class] = l.queue[class][1:]
			l.askAgain = time.Time{} // it may reserve further ahead now
		}
	}
}

// turn returns the class whose turn it is: the most urgent that waits; once in a
// while, the least.
func (l *Limiter) turn() Class {
	first, last := l.span()
	if l.passed >= maxPassed {
		return last
	}
	return first
}

// span returns the most and the least urgent class that waits.
func (l *Limiter) span() (first, last Class) {
	first, last = ClassCount, Login
	for c := range ClassCount {
		if len(l.queue[c]) > 0 {
			first, last = min(first, c), c
		}
	}
	return first, last
}

// takeTurn takes the waiter whose turn it is out of the queue.
func (l *Limiter) takeTurn() *waiter {
	first, last := l.span()
	class := l.turn()
	if first == last || class == last {
		l.passed = 0
	} else {
		l.passed++
	}
	w := l.queue[class][0]
	l.queue[class] = l.queue[class][1:]
	return w
}

// place returns which slot from now the nth urgent waiter gets, both counted from
// 0: now and then one goes to those behind.
func (l *Limiter) place(n int) int {
	return n + min(l.waiting()-l.urgent(), (l.passed+n)/maxPassed)
}

// refuseLate refuses the urgent waiters whose slot comes after their deadline, and
// foretells the others theirs.
func (l *Limiter) refuseLate(now time.Time) {
	for n := 0; n < l.urgent() && l.place(n) < len(l.pool); {
		w, due := l.urgentAt(n), l.pool[l.place(n)].due
		if !w.fits(due) {
			l.refuse(w, due.Sub(now))
			continue
		}
		if w.request.Foresee != nil && !due.Equal(w.foretold) {
			w.foretold = due
			w.request.Foresee(Forecast{Due: due, Interval: l.interval(), hold: l.account.hold(l.storeNow()), horizon: l.config.Settings.Horizon})
		}
		n++
	}
}

// urgentAt returns the nth urgent waiter.
func (l *Limiter) urgentAt(n int) *waiter {
	if n < len(l.queue[Login]) {
		return l.queue[Login][n]
	}
	return l.queue[Interactive][n-len(l.queue[Login])]
}

// refuse refuses w, who would wait so long.
func (l *Limiter) refuse(w *waiter, wait time.Duration) {
	for class := range l.queue {
		if i := slices.Index(l.queue[class], w); i >= 0 {
			l.queue[class] = slices.Delete(l.queue[class], i, i+1)
			break
		}
	}
	now := time.Now()
	if hold := l.account.hold(l.storeNow()); hold > 0 && !w.fits(now.Add(hold)) {
		w.fail(rateLimited(hold))
		return
	}
	than := theHorizon
	if !w.fits(now.Add(wait)) {
		than = theDeadline
	}
	w.fail(queueFull(wait, than))
}

// refuseAll refuses everybody who waits and is no probe.
func (l *Limiter) refuseAll(why func(w *waiter) *driver.Error) {
	for class := range l.queue {
		l.queue[class] = slices.DeleteFunc(l.queue[class], func(w *waiter) bool {
			err := why(w)
			if err != nil {
				w.fail(err)
			}
			return err != nil
		})
	}
}

// What a queue is longer than.
const (
	theHorizon  = "the horizon"
	theDeadline = "the deadline"
)

func queueFull(wait time.Duration, than string) *driver.Error {
	return &driver.Error{
		Kind:       driver.KindQueueFull,
		Message:    fmt.Sprintf("the account's queue is %s long, longer than %s; nothing was sent", wait.Round(time.Millisecond), than),
		RetryAfter: wait,
	}
}

func rateLimited(hold time.Duration) *driver.Error {
	return &driver.Error{
		Kind:       driver.KindRateLimited,
		Message:    fmt.Sprintf("upstream answered 429: nothing leaves for %s, longer than the deadline; nothing was sent", hold.Round(time.Millisecond)),
		RetryAfter: hold,
	}
}

// proceed does whatever can be done now: hands slots out, and asks for those that
// are missing.
func (l *Limiter) proceed() {
	now := time.Now()
	l.promote(now)
	l.refuseLate(now)
	l.deliver(now)
	if !l.asking && l.waiting()+len(l.pool) > 0 {
		l.asking = true
		go l.ask()
	}
}

// deliver hands out the slots that are due.
func (l *Limiter) deliver(now time.Time) {
	stop(l.delivery)
	for l.dropPassed(now); len(l.pool) > 0 && l.waiting() > 0 && l.free(); {
		w := l.queue[l.turn()][0]
		lead := max(l.lead(), w.request.Lead)
		first := l.pool[0]
		if wait := first.due.Add(-lead).Sub(now); wait > 0 {
			l.delivery = after(l.delivery, wait, l.wake)
			return
		}
		l.pool = l.pool[1:]
		w = l.takeTurn()
		l.inUse++
		w.ticket = &Ticket{limiter: l, request: w.request, slot: first, began: w.arrived, probes: w.probes}
		close(w.done)
	}
}

// free says that another ticket may be in use.
func (l *Limiter) free() bool { return l.inUse < l.config.InFlight && l.changing == 0 }

// dropPassed drops the slots that nobody took, and those in a hold.
func (l *Limiter) dropPassed(now time.Time) {
	held := l.clock.moment(l.account.HeldUntil)
	l.pool = slices.DeleteFunc(l.pool, func(s slot) bool {
		return now.Sub(s.due) > l.config.Settings.SlotUse || l.loaded && s.due.Before(held)
	})
}

// wake is what timers call.
func (l *Limiter) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proceed()
}

// after lets a timer, which may be nil, call f in d.
func after(timer *time.Timer, d time.Duration, f func()) *time.Timer {
	if timer == nil {
		return time.AfterFunc(d, f)
	}
	timer.Reset(d)
	return timer
}

func stop(timer *time.Timer) {
	if timer != nil {
		timer.Stop()
	}
}
