package limit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
)

// driverError is the error of those who are refused.
type driverError = driver.Error

// The names of the breakers.
const (
	breakerEgress       = "egress"
	breakerBan          = "ban"
	breakerUnpaidReads  = "unpaid_reads"
	breakerUnpaidWrites = "unpaid_writes"
)

// namedBreaker is a breaker as it is known, with the key of its state.
type namedBreaker struct {
	breaker

	name, key string
}

// breakers returns every breaker. The address comes first: who may try it is the
// one who may try the rest.
func (l *Limiter) breakers() []namedBreaker {
	return []namedBreaker{
		{l.egress.Ban, breakerEgress, EgressKey},
		{l.account.Ban, breakerBan, l.config.Account},
		{l.account.UnpaidReads, breakerUnpaidReads, l.config.Account},
		{l.account.UnpaidWrites, breakerUnpaidWrites, l.config.Account},
	}
}

// of returns the breaker of a name within the state that it belongs to.
func of(s *state, name string) *breaker {
	switch name {
	case breakerUnpaidReads:
		return &s.UnpaidReads
	case breakerUnpaidWrites:
		return &s.UnpaidWrites
	default:
		return &s.Ban
	}
}

// probe is how long after it opened, and after each try, a breaker is tried.
func (l *Limiter) probe(name string) time.Duration {
	if name == breakerUnpaidReads || name == breakerUnpaidWrites {
		return l.config.Settings.PaymentProbe
	}
	return l.config.Settings.BlockProbe
}

// concerns says whether a breaker keeps a request back. A login is neither a read
// nor a write, and whoever tries one of these needs it.
func concerns(name string, r Request) bool {
	switch name {
	case breakerUnpaidReads:
		return r.Class != Login && !r.Write
	case breakerUnpaidWrites:
		return r.Class != Login && r.Write
	default:
		return true
	}
}

// blocked returns why a request that probes some of the breakers must not leave;
// nil = it may.
func (l *Limiter) blocked(r Request, probes []string, now time.Time) *driver.Error {
	for _, b := range l.breakers() {
		if b.open() && concerns(b.name, r) && !slices.Contains(probes, b.name) {
			return refusal(b.name, max(b.ProbeAt.Sub(now), 0))
		}
	}
	return nil
}

// refusal is the error of a request that a breaker keeps back.
func refusal(name string, in time.Duration) *driver.Error {
	wait := in.Round(time.Second)
	err := &driver.Error{RetryAfter: in}
	switch name {
	case breakerEgress:
		err.Kind = driver.KindEgressBlocked
		err.Message = fmt.Sprintf("upstream blocks the address of this service: ask its support to lift the block; one request finds out in %s; nothing was sent", wait)
	case breakerBan:
		err.Kind = driver.KindBlocked
		err.Message = fmt.Sprintf("upstream has blocked the account: ask its support to lift the block; one request finds out in %s; nothing was sent", wait)
	default:
		what := "reads"
		if name == breakerUnpaidWrites {
			what = "writes"
		}
		err.Kind = driver.KindPaymentRequired
		err.Message = fmt.Sprintf("the account's subscription has ended and upstream refuses %s: pay for it; one request finds out in %s; nothing was sent", what, wait)
	}
	return err
}

// admit says whether a request may wait at all, and which breakers it is to try.
func (l *Limiter) admit(ctx context.Context, r Request) ([]string, error) {
	for {
		if err := l.refresh(ctx); err != nil {
			return nil, err
		}
		l.mu.Lock()
		now, local := l.storeNow(), time.Now()
		var due []namedBreaker
		var err *driver.Error
		for _, b := range l.breakers() {
			switch {
			case !b.open() || !concerns(b.name, r):
			case b.ProbeAt.After(now):
				err = refusal(b.name, b.ProbeAt.Sub(now))
			default:
				due = append(due, b)
			}
			if err != nil {
				break
			}
		}
		hold := l.account.hold(now)
		l.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if deadline, ok := ctx.Deadline(); ok && hold > 0 && local.Add(hold).After(deadline) {
			return nil, rateLimited(hold)
		}
		if len(due) == 0 {
			return nil, nil
		}
		if probes := l.claim(ctx, due); probes != nil {
			return probes, nil
		}
	}
}

// refresh reads the states when they never were, and while a breaker is open now
// and then: another replica may have closed it.
func (l *Limiter) refresh(ctx context.Context) error {
	l.mu.Lock()
	loaded, lost := l.loaded, l.fallback != nil
	open := slices.ContainsFunc(l.breakers(), func(b namedBreaker) bool { return b.open() })
	old := time.Since(l.confirmed) >= l.config.Settings.Beat
	l.mu.Unlock()
	switch {
	case !loaded:
		return l.load(ctx)
	case open && old && !lost:
		if err := l.load(ctx); ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// claim makes the caller the one who tries the breakers that are due, over all
// replicas. It returns nil when another one was faster.
func (l *Limiter) claim(ctx context.Context, due []namedBreaker) []string {
	var probes []string
	for _, d := range due {
		mine := false
		l.change(ctx, d.key, func(s *state, now time.Time) bool {
			b := of(s, d.name)
			mine = b.open() && !b.ProbeAt.After(now)
			if mine {
				b.trip(now, l.probe(d.name))
			}
			return mine
		})
		if !mine {
			l.release(probes)
			return nil
		}
		probes = append(probes, d.name)
	}
	return probes
}

// release lets the next caller try the breakers of a probe that was not sent.
func (l *Limiter) release(probes []string) {
	l.settle(context.Background(), probes, func(b *breaker, now time.Time) { b.ProbeAt = now })
}

// settle changes the breakers of a probe that are still open.
func (l *Limiter) settle(ctx context.Context, probes []string, change func(b *breaker, now time.Time)) {
	for _, name := range probes {
		key := l.config.Account
		if name == breakerEgress {
			key = EgressKey
		}
		l.change(ctx, key, func(s *state, now time.Time) bool {
			b := of(s, name)
			if !b.open() {
				return false
			}
			change(b, now)
			return true
		})
	}
}
