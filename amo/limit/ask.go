package limit

import (
	"context"
	"slices"
	"time"
)

// ask does what those who wait need of the store, until that is nothing.
func (l *Limiter) ask() {
	for {
		l.mu.Lock()
		now := time.Now()
		l.promote(now)
		errand := l.next(now)
		if errand == nil {
			l.asking = false
			l.setAlarm(now)
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		// The store gets its own time: those who wait watch their deadlines.
		ctx, cancel := l.storeContext(context.Background())
		errand(ctx)
		cancel()
	}
}

// storeContext bounds a call of the store, by which a lost one is noticed.
func (l *Limiter) storeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, l.config.Settings.AcquireTimeout)
}

// next returns what the store is needed for now; nil = nothing.
func (l *Limiter) next(now time.Time) func(context.Context) {
	switch {
	case len(l.pool) > l.waiting():
		last := l.pool[len(l.pool)-1]
		l.pool = l.pool[:len(l.pool)-1]
		return func(ctx context.Context) { l.giveBack(ctx, last) }
	case l.waiting() == 0, !l.free():
		return nil
	case l.fallback == nil && l.config.Presence.away():
		epoch := l.epoch
		return func(context.Context) { l.lose(epoch, errAway) }
	case l.fallback != nil && !now.Before(l.tryStore):
		return l.find
	}
	within, ok := l.within(now)
	if !ok {
		return nil
	}
	r := Reservation{
		Key: l.config.Account, Interval: l.interval(), Within: within,
		Version: l.accountVersion, EgressVersion: l.egressVersion,
	}
	if l.trip > l.config.Settings.SlotUse {
		// A slot that is now would have passed when we hear of it.
		r.Ahead, r.Within = l.trip, max(within, l.trip)
	}
	return func(ctx context.Context) { l.reserve(ctx, r) }
}

// within returns how far ahead a slot is wanted, by the most patient of those
// who have none in the pool.
func (l *Limiter) within(now time.Time) (time.Duration, bool) {
	within, wanted := time.Duration(0), false
	for _, w := range l.unslotted() {
		if w.patient() && now.Before(l.askAgain) {
			continue
		}
		within, wanted = max(within, l.patience(w, now)), true
	}
	return within, wanted
}

// unslotted returns those for whom a slot is missing: the urgent ones behind the
// pool, else the first of the others.
func (l *Limiter) unslotted() []*waiter {
	var missing []*waiter
	for n := l.urgent() - 1; n >= 0 && l.place(n) >= len(l.pool); n-- {
		missing = append(missing, l.urgentAt(n))
	}
	if len(missing) > 0 || len(l.pool) >= l.waiting() {
		return missing
	}
	for class := Sync; class < ClassCount; class++ {
		if len(l.queue[class]) > 0 {
			return l.queue[class][:1]
		}
	}
	return nil
}

// patience is how far ahead a slot may be reserved for w, the wait after a 429
// not counted.
func (l *Limiter) patience(w *waiter, now time.Time) time.Duration {
	s := l.config.Settings
	patience := s.Horizon
	if w.patient() {
		ahead := time.Duration(slotsAhead(w.request.Class)) * l.interval()
		if now.Sub(w.arrived) < s.Aging {
			patience = ahead
		} else {
			// A little further than the interactive ones, so that it is its turn when
			// there are always too many of these.
			patience += ahead
		}
	}
	patience += l.account.hold(l.storeNow())
	if !w.deadline.IsZero() {
		patience = min(patience, w.deadline.Sub(now))
	}
	return max(patience, 0)
}

// interval is the time between two slots: of the account while the store paces
// us, of our share while it does not.
func (l *Limiter) interval() time.Duration {
	rate := l.account.rate(l.storeNow(), l.config.Rate, l.config.Settings)
	if l.fallback == nil {
		return time.Duration(float64(time.Second) / rate)
	}
	return ownInterval(rate, l.config.Presence.Live())
}

// ownInterval is the interval of one of so many replicas that do not know of each
// other's slots. Whatever their slots are, no second holds more than MaxRate
// requests of up to seven replicas together; of more they are no more on average.
func ownInterval(rate float64, live int) time.Duration {
	live = max(live, 2)
	share := time.Duration(float64(time.Second) * float64(live) / rate)
	second := time.Second + spread
	if live > MaxRate {
		return max(share, second*time.Duration(live)/MaxRate)
	}
	return max(share, second/time.Duration(MaxRate/live)+1) // rounded up
}

// reserve asks for a slot and hands it out, or refuses those for whom it would be
// too late.
func (l *Limiter) reserve(ctx context.Context, r Reservation) {
	store, epoch := l.store()
	sent := time.Now()
	got, err := store.Reserve(ctx, r)
	received := time.Now()
	if err != nil {
		l.lose(epoch, err)
		return
	}
	if got.Stale {
		_ = l.load(context.WithoutCancel(ctx)) // an error has been dealt with there
		return
	}
	l.mu.Lock()
	if epoch != l.epoch {
		l.mu.Unlock()
		return
	}
	l.answers(sent, received, got.Now)
	if !got.Granted {
		l.refused(received, got)
		l.mu.Unlock()
		return
	}
	hold := l.account.HeldUntil.Sub(got.At)
	if hold > 0 {
		// Whoever got the 429 has not told the store yet.
		left := l.account.hold(got.Now)
		l.mu.Unlock()
		if err := store.Delay(ctx, r.Key, left); err != nil {
			l.lose(epoch, err)
		}
		return
	}
	l.keep(slot{Slot: got, interval: r.Interval, due: l.clock.moment(got.At), epoch: epoch})
	l.refuseLate(received)
	l.deliver(time.Now())
	l.mu.Unlock()
}

// keep adds a slot to the pool.
func (l *Limiter) keep(s slot) {
	i, _ := slices.BinarySearchFunc(l.pool, s, func(a, b slot) int { return a.due.Compare(b.due) })
	l.pool = slices.Insert(l.pool, i, s)
}

// refused deals with the answer that the next slot is too far away: those whom it
// does not serve are refused, the others ask when it is near enough.
func (l *Limiter) refused(now time.Time, got Slot) {
	wait := got.At.Sub(got.Now)
	l.askAgain = now.Add(wait)
	for _, w := range l.unslotted() {
		patience := l.patience(w, now)
		if w.patient() && w.fits(now.Add(wait)) {
			// Later than now, since the wait is longer than what was asked for.
			if again := now.Add(wait - patience); again.Before(l.askAgain) {
				l.askAgain = again
			}
			continue
		}
		if wait > patience {
			l.refuse(w, wait)
		}
	}
}

// giveBack returns a slot that nobody here wants.
func (l *Limiter) giveBack(ctx context.Context, s slot) {
	store, epoch := l.store()
	if s.epoch != epoch {
		return
	}
	if err := store.Return(ctx, l.config.Account, s.Slot, s.interval); err != nil {
		l.lose(epoch, err)
	}
}

// setAlarm sets the alarm to when there is something to do without anybody coming
// or leaving.
func (l *Limiter) setAlarm(now time.Time) {
	stop(l.alarm)
	if l.waiting() == 0 {
		return
	}
	var at time.Time
	earlier := func(t time.Time) {
		if t.After(now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	earlier(l.askAgain)
	for class := Sync; class < ClassCount; class++ {
		if len(l.queue[class]) > 0 {
			earlier(l.queue[class][0].arrived.Add(l.config.Settings.Aging))
		}
	}
	if l.fallback != nil {
		earlier(l.tryStore)
	}
	if !at.IsZero() {
		l.alarm = after(l.alarm, at.Sub(now), l.wake)
	}
}
