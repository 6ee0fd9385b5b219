package limit

import (
	"context"
	"time"
)

// Ticket is the right to send one request at one moment.
type Ticket struct {
	limiter *Limiter
	request Request
	slot    slot
	began   time.Time
	probes  []string

	// sent is when the request left; zero = it has not.
	sent  time.Time
	ended bool
}

// Ready waits for the moment. It says false when the moment has passed by more
// than Settings.SlotUse, or when since the ticket was given upstream has asked
// for a pause or closed: then nothing may be sent, and the caller ends the ticket
// and waits again. After true the request has to leave at once.
func (t *Ticket) Ready(ctx context.Context) (bool, error) {
	l, s := t.limiter, t.limiter.config.Settings
	l.mu.Lock()
	check := t.slot.due.Add(-max(s.CheckLead, l.lead()))
	l.mu.Unlock()
	if err := sleepUntil(ctx, check); err != nil {
		return false, err
	}
	l.mu.Lock()
	known := !l.confirmed.Before(check) || l.fallback != nil
	l.mu.Unlock()
	if !known {
		// Another replica may have had a 429 since the slot was reserved.
		if err := l.load(ctx); ctx.Err() != nil {
			return false, err
		}
	}
	if err := sleepUntil(ctx, t.slot.due); err != nil {
		return false, err
	}
	if l.config.Presence.away() {
		l.lose(t.slot.epoch, errAway)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(t.slot.due) > s.SlotUse || t.slot.epoch != l.epoch || l.changing > 0 {
		return false, nil
	}
	stored := l.storeNow()
	if l.account.HeldUntil.After(stored) || l.blocked(t.request, t.probes, stored) != nil {
		return false, nil
	}
	t.sent = now
	waited := now.Sub(t.began)
	l.lastWait[t.request.Class] = waited
	l.metrics.waited(ctx, t.request.Class, waited)
	return true, nil
}

// Done ends the use of the ticket, whether something was sent or not. A slot that
// was not used goes to the next who waits.
func (t *Ticket) Done() {
	l := t.limiter
	l.mu.Lock()
	if t.ended {
		l.mu.Unlock()
		return
	}
	t.ended = true
	l.inUse--
	if t.sent.IsZero() && t.slot.epoch == l.epoch && l.changing == 0 {
		l.keep(t.slot)
	}
	l.proceed()
	l.mu.Unlock()
	if t.sent.IsZero() && len(t.probes) > 0 {
		l.release(t.probes)
	}
}

// Outcome is what an answer says to the limiter.
type Outcome int

// The outcomes.
const (
	// Answered is any answer that shows that we are let in.
	Answered Outcome = iota
	// Limited is a 429.
	Limited
	// Banned is a block: a 403 page of the web server.
	Banned
	// Forbidden is a 403 in JSON: a user lacks a right, unless it comes right
	// after 429s; then it is a block.
	Forbidden
	// Unpaid is a 402.
	Unpaid
	// Silent is no answer at all, or one that tells nothing, as a 503 does.
	Silent
)

// Observe takes the answer to the request into account, for all replicas. After
// Limited nothing leaves for hold, or for a growing pause where hold is 0, or
// until a pause before it ends. It returns the outcome as the limiter sees it,
// since a Forbidden may be Banned, and for Limited the pause, for Banned and
// Unpaid the time until one request tries again.
func (t *Ticket) Observe(ctx context.Context, o Outcome, hold time.Duration) (Outcome, time.Duration) {
	l := t.limiter
	l.mu.Lock()
	sent := l.clock.at(t.sent)
	if o == Forbidden {
		o = Answered
		if l.account.Limited > 0 && sent.After(l.account.LimitedAt) {
			o = Banned
		}
	}
	bad := o == Limited || o == Banned || o == Unpaid
	if bad {
		l.changing++
	}
	l.mu.Unlock()
	switch o {
	case Answered, Forbidden:
		l.answered(ctx, t, sent)
	case Limited:
		hold = l.limited(ctx, sent, hold)
	case Banned:
		hold = l.banned(ctx, sent)
	case Unpaid:
		hold = l.unpaid(ctx, t.request, sent)
	case Silent:
	}
	if bad {
		l.mu.Lock()
		l.changing--
		l.proceed()
		l.mu.Unlock()
	}
	return o, hold
}

// answered ends a row of 429s and closes the breakers that the request tried.
func (l *Limiter) answered(ctx context.Context, t *Ticket, sent time.Time) {
	l.mu.Lock()
	limited := l.account.Limited > 0
	l.mu.Unlock()
	if limited {
		l.change(ctx, l.config.Account, func(s *state, _ time.Time) bool {
			if s.Limited == 0 || !sent.After(s.LimitedAt) {
				return false
			}
			s.Limited = 0
			return true
		})
	}
	if len(t.probes) > 0 {
		l.settle(ctx, t.probes, func(b *breaker, _ time.Time) { *b = breaker{} })
		l.config.Logger.InfoContext(ctx, "upstream lets us in again", "account", l.config.Account, "breakers", t.probes)
	}
}

// limited takes a 429 into account and returns how long nothing leaves.
func (l *Limiter) limited(ctx context.Context, sent time.Time, hold time.Duration) time.Duration {
	s := l.config.Settings
	l.metrics.limited(ctx)
	l.change(ctx, l.config.Account, func(st *state, now time.Time) bool {
		before := *st
		st.limit(now, sent, hold, l.config.Rate, s)
		return st.LimitedAt != before.LimitedAt || st.HeldUntil != before.HeldUntil
	})
	l.mu.Lock()
	now := l.storeNow()
	hold = l.account.hold(now)
	rate := l.account.rate(now, l.config.Rate, s)
	l.mu.Unlock()
	store, epoch := l.store()
	bounded, cancel := l.storeContext(context.WithoutCancel(ctx))
	defer cancel()
	if err := store.Delay(bounded, l.config.Account, hold); err != nil {
		l.lose(epoch, err)
	}
	l.config.Logger.WarnContext(ctx, "upstream answered 429", "account", l.config.Account, "pause", hold.String(), "rate", rate)
	return hold
}

// banned takes a ban into account, of the account and as one of the address, and
// returns how long until one request tries.
func (l *Limiter) banned(ctx context.Context, sent time.Time) time.Duration {
	s := l.config.Settings
	l.change(ctx, l.config.Account, func(st *state, now time.Time) bool {
		// Those that were on their way when it opened tell nothing new.
		if st.Ban.open() && sent.Before(st.Ban.Since) {
			return false
		}
		st.Ban.trip(now, s.BlockProbe)
		return true
	})
	l.change(ctx, EgressKey, func(st *state, now time.Time) bool {
		if at, ok := st.Banned[l.config.Account]; ok && sent.Before(at) {
			return false
		}
		st.banned(now, l.config.Account, s)
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.storeNow()
	probe := max(l.account.Ban.ProbeAt.Sub(now), 0)
	egress := l.egress.Ban.open()
	l.config.Logger.ErrorContext(ctx, "upstream has blocked the account", "account", l.config.Account, "address", egress, "probe_in", probe.String())
	return probe
}

// unpaid takes a 402 into account and returns how long until one request tries.
func (l *Limiter) unpaid(ctx context.Context, r Request, sent time.Time) time.Duration {
	name := breakerUnpaidReads
	if r.Write {
		name = breakerUnpaidWrites
	}
	l.change(ctx, l.config.Account, func(st *state, now time.Time) bool {
		b := of(st, name)
		if b.open() && sent.Before(b.Since) {
			return false
		}
		b.trip(now, l.config.Settings.PaymentProbe)
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.config.Logger.WarnContext(ctx, "upstream answered 402: the subscription has ended", "account", l.config.Account, "breaker", name)
	return max(of(&l.account, name).ProbeAt.Sub(l.storeNow()), 0)
}

// sleepUntil waits for a moment, or returns the error of ctx.
func sleepUntil(ctx context.Context, moment time.Time) error {
	wait := time.Until(moment)
	if wait <= 0 {
		if ctx.Err() != nil {
			return contextError(ctx)
		}
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}
