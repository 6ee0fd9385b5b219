package custody

import (
	"context"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
)

// lease is the right to refresh a generation alone.
type lease struct {
	record Record
	// asked is when it was asked for, by our clock.
	asked time.Time
	// until is when nothing may be sent any more, by our clock; it lies before the
	// end by the store's.
	until time.Time
}

// refresh makes the generation after from, alone among all replicas, or finds it
// made. It is work of a flight.
func (k *Keeper) refresh(from int64) error {
	if err := k.unsavedError(); err != nil {
		return err
	}
	if h := k.look(); h != nil && h.record.Generation == from && !k.canRenew(h) {
		return &driver.Error{Kind: driver.KindMisconfigured, Message: "the account's access token has expired, and this process has no integration to renew it with; give it the integration's id, secret and redirect URL"}
	}
	l, err := k.lease(from)
	if err != nil || l == nil {
		return err
	}
	k.step(AfterLease)
	secret, err := Open(k.config.Ring, l.record)
	if err != nil {
		k.release(l, err.Error())
		return err
	}
	pair, err := k.call(l, secret)
	if err != nil {
		return k.fail(l, asError(err))
	}
	return k.save(l, pair)
}

// lease waits for the lease of a generation. It is nil when another replica has
// refreshed meanwhile.
func (k *Keeper) lease(from int64) (*lease, error) {
	s := k.config.Settings
	k.step(BeforeLease)
	for {
		if k.life.Err() != nil {
			return nil, errClosed()
		}
		asked := time.Now()
		r, granted, err := k.askLease(from)
		if err != nil {
			// Nothing was sent: the store has to be written before.
			return nil, storeError(err)
		}
		switch {
		case granted:
			return &lease{record: r, asked: asked, until: asked.Add(s.Lease - s.LeaseMargin)}, nil
		case r.Generation != from:
			return nil, k.hold(r)
		case r.State != StateOK:
			if err := k.hold(r); err != nil {
				return nil, err
			}
			return nil, k.stateError(k.look())
		case r.RetryAt.After(r.Now):
			return nil, tooEarly(r)
		}
		if err := sleep(k.life, s.TokenPoll); err != nil {
			return nil, errClosed()
		}
	}
}

func (k *Keeper) askLease(from int64) (Record, bool, error) {
	ctx, cancel := k.storeContext()
	defer cancel()
	return k.config.Store.Lease(ctx, k.config.Account, from, k.config.Owner, k.config.Settings.Lease)
}

// tooEarly is the error while the token endpoint is not to be called after a
// failure.
func tooEarly(r Record) error {
	return &driver.Error{
		Kind:       kindOfReason(r.Reason),
		Message:    "the account's tokens cannot be renewed for now: " + r.Reason,
		RetryAfter: r.RetryAt.Sub(r.Now),
	}
}

// call calls the token endpoint. It ends before the lease does, whatever happens
// to the callers: the answer is somebody's only way into the account.
func (k *Keeper) call(l *lease, old Secret) (Pair, error) {
	k.step(BeforeCall)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.life), k.config.Settings.TokenTimeout)
	defer cancel()
	ctx, cancelLease := context.WithDeadline(ctx, l.until)
	defer cancelLease()
	ctx, span := k.metrics.begin(ctx)
	defer span.End()
	if ctx.Err() != nil {
		return Pair{}, &driver.Error{Kind: driver.KindDeadline, Message: "the lease of the refresh ended before anything was sent"}
	}
	var pair Pair
	err := contain(func() (err error) {
		pair, err = k.config.Exchange(ctx, old)
		return err
	})
	k.step(AfterCall)
	if err == nil && (pair.Access == "" || pair.Refresh == "") {
		err = &driver.Error{Kind: driver.KindResponseLost, Message: "the token endpoint answered without tokens"}
	}
	return pair, err
}

// fail ends a lease without new tokens and returns the error for those who wait.
func (k *Keeper) fail(l *lease, e *driver.Error) error {
	r := l.record
	f := Failure{State: StateOK, Reason: e.Message + mark(e.Kind)}
	var outcome string
	switch e.Kind {
	case driver.KindReauth:
		outcome, f.State = "revoked", StateRevoked
		f.Reason = "the token endpoint does not accept the refresh token: " + e.Message
		if r.Unsettled {
			outcome, f.State = "lost", StateLost
			f.Reason = "an earlier refresh was carried out and its answer lost: " + e.Message
		}
	case driver.KindMisconfigured:
		outcome, f.State, f.Reason = "misconfigured", StateMisconfigured, e.Message+" "+k.integrationMark()
	case driver.KindOutcomeUnknown, driver.KindResponseLost, driver.KindBug:
		outcome, f.Unsettled = "unknown", true
	case driver.KindBlocked, driver.KindEgressBlocked:
		outcome = "blocked"
	default:
		outcome = "failed"
	}
	if f.State == StateOK {
		s := k.config.Settings
		f.RetryIn = s.TokenRetryBase
		f.NotCounted = e.Status == 0 && !f.Unsettled
		if !f.NotCounted {
			f.RetryIn = pause(s, r.Failures+1)
		}
		f.RetryIn = max(f.RetryIn, min(e.RetryAfter, s.MaxHold))
	}
	k.metrics.refreshed(outcome)
	moved, err := k.endLease(r, f)
	switch {
	case err != nil && f.State != StateOK:
		k.judge(r.Generation, f.State, f.Reason)
	case err != nil:
		k.config.Logger.Warn("the store was not told of a failed refresh", "account", k.config.Account, "error", err)
	case moved:
		// Somebody else's answer counts.
		return k.after(r.Generation)
	default:
		k.settleState(r.Generation, f)
	}
	if f.State == StateOK {
		return &driver.Error{Kind: kindOfFailure(e), Message: "the account's tokens cannot be renewed for now: " + e.Message, Status: e.Status, RetryAfter: f.RetryIn, Err: e}
	}
	k.config.Logger.Error("the account needs a person", "account", k.config.Account, "state", f.State, "reason", f.Reason, "access_token_left", k.left().String())
	if f.State == StateLost {
		k.metrics.lostTokens()
	}
	return k.stateError(k.look())
}

// endLease tells the store how a lease ended. It says moved when the lease was not
// ours any more.
func (k *Keeper) endLease(r Record, f Failure) (moved bool, err error) {
	ctx, cancel := k.storeContext()
	defer cancel()
	ok, err := k.config.Store.Fail(ctx, r.Account, r.Generation, r.LeaseEpoch, f)
	return !ok && err == nil, err
}

// after holds what the store has by now, after a lease of a generation was
// overtaken: nil when there is a newer one.
func (k *Keeper) after(generation int64) error {
	if err := k.read(); err != nil {
		return err
	}
	h := k.look()
	switch {
	case h.record.Generation > generation:
		return nil
	case h.record.State != StateOK:
		return k.stateError(h)
	}
	return &driver.Error{Kind: driver.KindUnavailable, Message: "another replica refreshes the account's tokens", RetryAfter: k.config.Settings.TokenPoll}
}

// settleState holds the state that a refresh of a generation ended in.
func (k *Keeper) settleState(generation int64, f Failure) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held == nil || k.held.record.Generation != generation {
		return
	}
	settled := *k.held
	settled.record.State, settled.record.Reason = f.State, f.Reason
	k.held = &settled
}

// release ends a lease after which nothing was sent.
func (k *Keeper) release(l *lease, reason string) {
	_, err := k.endLease(l.record, Failure{State: StateOK, Reason: reason, RetryIn: k.config.Settings.TokenRetryBase, NotCounted: true})
	if err != nil {
		k.config.Logger.Warn("a lease was not given back; it ends by itself", "account", k.config.Account, "error", err)
	}
}

// left is how long the access token goes on.
func (k *Keeper) left() time.Duration {
	h := k.look()
	if h == nil || h.expires.IsZero() || h.refused {
		return 0
	}
	return max(time.Until(h.expires), 0).Round(time.Second)
}

// kindOfFailure is the kind of an error that ends by itself, to those who wait for
// tokens.
func kindOfFailure(e *driver.Error) driver.Kind {
	switch e.Kind {
	case driver.KindBlocked, driver.KindEgressBlocked, driver.KindPaymentRequired, driver.KindRateLimited,
		driver.KindQueueFull, driver.KindDNS, driver.KindTLS, driver.KindHostGone, driver.KindMoved:
		return e.Kind
	default:
		return driver.KindUnavailable
	}
}

// unsavedError is why nobody refreshes while a pair waits for the store; nil =
// none does.
func (k *Keeper) unsavedError() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.unsaved == nil {
		return nil
	}
	return &driver.Error{Kind: driver.KindStoreUnavailable, Message: "the account's new tokens wait for the store, which does not take them", RetryAfter: k.config.Settings.JournalRetry}
}
