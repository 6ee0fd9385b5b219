package custody

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
)

// held are the credentials that this process uses. It does not change.
type held struct {
	secret Secret
	// record has no ciphertext.
	record Record
	// expires, dueUsed and dueIdle are by the monotonic clock of this process, so
	// that no wrong clock matters: when the access token ends, and when to refresh
	// while the account is used or not. Zero = never.
	expires, dueUsed, dueIdle time.Time
	// refused says that upstream does not accept the access token, and that there
	// is no way to a better one.
	refused bool
}

// serves says whether the credentials can be sent. Those with a state other than
// OK go on until the access token ends, unless upstream refuses it.
func (h *held) serves(now time.Time) bool {
	return !h.refused && (h.expires.IsZero() || now.Before(h.expires))
}

// verdict is what upstream said of a generation.
type verdict struct {
	generation int64
	state      State
	reason     string
}

// look returns what is held, nil = nothing yet.
func (k *Keeper) look() *held {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held
}

// use returns what is held, and notes that somebody wants it.
func (k *Keeper) use() *held {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.used = true
	return k.held
}

// canRenew says whether there is a way from h to newer credentials.
func (k *Keeper) canRenew(h *held) bool {
	return k.config.Exchange != nil && h.record.Kind == KindOAuth
}

// isDue says whether it is time for an early refresh.
func (k *Keeper) isDue(h *held) bool {
	k.mu.Lock()
	used := k.used
	k.mu.Unlock()
	due := h.dueIdle
	if used {
		due = h.dueUsed
	}
	return h.record.State == StateOK && !h.refused && !due.IsZero() && !time.Now().Before(due) && k.canRenew(h)
}

// read reads the record and holds what is in it.
func (k *Keeper) read() error {
	ctx, cancel := k.storeContext()
	defer cancel()
	r, err := k.config.Store.Credentials(ctx, k.config.Account)
	if err != nil {
		return storeError(err)
	}
	if r, err = k.reconsider(ctx, r); err != nil {
		return err
	}
	k.mu.Lock()
	k.lookAgain = time.Now().Add(k.config.Settings.TokenPoll)
	k.mu.Unlock()
	return k.hold(r)
}

// reconsider changes a state that has another reason by now: one that the store
// could not be told, and one of an integration that this process does not use.
func (k *Keeper) reconsider(ctx context.Context, r Record) (Record, error) {
	k.mu.Lock()
	v := k.verdict
	k.mu.Unlock()
	var (
		state  State
		reason string
	)
	switch {
	case r.State == StateOK && v.generation == r.Generation:
		state, reason = v.state, v.reason
	case r.State == StateMisconfigured && k.config.Exchange != nil && !strings.Contains(r.Reason, k.integrationMark()):
		state, reason = StateOK, ""
	default:
		return r, nil
	}
	changed, err := k.config.Store.Mark(ctx, r.Account, r.Generation, state, reason)
	if err != nil && state == StateOK {
		return r, storeError(err)
	}
	if changed && v.generation == r.Generation {
		k.mu.Lock()
		k.verdict = verdict{}
		k.mu.Unlock()
	}
	r.State, r.Reason = state, reason
	return r, nil
}

// integrationMark is how a reason names this process' integration.
func (k *Keeper) integrationMark() string { return "(integration " + k.config.Integration + ")" }

// judge records what upstream said of a generation: here at once, in the store as
// soon as it can be told.
func (k *Keeper) judge(generation int64, state State, reason string) {
	k.mu.Lock()
	k.verdict = verdict{generation, state, reason}
	if k.held != nil && k.held.record.Generation == generation {
		judged := *k.held
		judged.record.State, judged.record.Reason = state, reason
		k.held = &judged
	}
	k.mu.Unlock()
	k.tell(generation, state, reason)
}

// tell tells the store of a verdict.
func (k *Keeper) tell(generation int64, state State, reason string) {
	ctx, cancel := k.storeContext()
	defer cancel()
	_, err := k.config.Store.Mark(ctx, k.config.Account, generation, state, reason)
	if err != nil {
		k.config.Logger.Warn("the store was not told of an account's state", "account", k.config.Account, "state", state, "error", err)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.verdict = verdict{}
}

// hold holds what is in a record. Where the store has less than we hold, it has
// lost commits, as a fail-over to a replica that lags does: it gets them again.
func (k *Keeper) hold(r Record) error {
	now := time.Now()
	if h := k.look(); h != nil && h.precedes(r) {
		return k.heal(h, r.Generation)
	}
	secret, r, err := k.open(r)
	if err != nil {
		return err
	}
	k.take(secret, r, now)
	return nil
}

// open opens a record and returns it as it was opened.
func (k *Keeper) open(r Record) (Secret, Record, error) {
	ctx, cancel := k.storeContext()
	defer cancel()
	secret, opened, err := OpenStored(ctx, k.config.Ring, k.config.Store, r)
	if opened.Generation == r.Generation {
		opened.State, opened.Reason = r.State, r.Reason // as reconsidered
	}
	return secret, opened, err
}

// precedes says that a record is older than h. That of an account which was removed
// and added again counts from 1 and is younger all the same.
func (h *held) precedes(r Record) bool {
	return r.Generation < h.record.Generation && !r.IssuedAt.After(h.record.IssuedAt)
}

// heal gives the store credentials that it has lost.
func (k *Keeper) heal(h *held, generation int64) error {
	if h.refused || h.record.State != StateOK {
		return nil
	}
	life := time.Duration(0)
	if !h.expires.IsZero() {
		life = max(time.Until(h.expires), time.Millisecond)
	}
	sealed, err := Seal(k.config.Ring, k.config.Account, h.record.Generation, h.secret, life)
	if err != nil {
		return &driver.Error{Kind: driver.KindBug, Message: "the tokens cannot be sealed", Err: err}
	}
	ctx, cancel := k.storeContext()
	defer cancel()
	restored, err := k.config.Store.Restore(ctx, k.config.Account, sealed)
	if err != nil {
		return storeError(err)
	}
	if !restored {
		return nil
	}
	k.config.Logger.Warn("the store had lost an account's tokens and got them again", "account", k.config.Account, "generation", h.record.Generation, "had", generation)
	given := Record{Account: k.config.Account, Generation: sealed.Generation, KeyID: sealed.KeyID}
	if _, err := Reseal(ctx, k.config.Ring, k.config.Store, given, h.secret); err != nil {
		return storeError(err)
	}
	return nil
}

// take holds credentials whose record was read at a time of this process.
func (k *Keeper) take(secret Secret, r Record, at time.Time) {
	r.Sealed = nil
	h := &held{secret: secret, record: r}
	s := k.config.Settings
	if r.Kind == KindOAuth {
		if !r.ExpiresAt.IsZero() {
			h.expires = at.Add(r.ExpiresAt.Sub(r.Now))
		}
		idle := r.IssuedAt.Add(s.IdleRefresh).Sub(r.Now)
		used := idle
		if life := r.ExpiresAt.Sub(r.IssuedAt); !r.ExpiresAt.IsZero() && life > 0 {
			// Replicas spread by chance: the first refreshes, the others find it done.
			share := s.RefreshAt * (1 + s.RefreshJitter*(2*rand.Float64()-1)) //nolint:gosec // spreads refreshes, guards nothing
			used = min(idle, time.Duration(float64(life)*share)-r.Now.Sub(r.IssuedAt))
		}
		h.dueUsed, h.dueIdle = at.Add(used), at.Add(idle)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.held == nil:
	case k.held.precedes(r):
		return // an answer that was overtaken
	case k.held.record.Generation == r.Generation:
		h.refused = k.held.refused
		if r.State == StateOK && k.verdict.generation == r.Generation {
			h.record.State, h.record.Reason = k.verdict.state, k.verdict.reason
		}
		// What was told first counts: the store's clock may have jumped since.
		h.expires, h.dueUsed, h.dueIdle = k.held.expires, k.held.dueUsed, k.held.dueIdle
	default:
		k.used, k.warned = false, 0
		if r.Generation < k.held.record.Generation {
			k.renewed, k.accepted, k.refusals = 0, 0, 0 // another account of the name
		}
	}
	k.held = h
}

// storeContext bounds one use of the store: one that hangs must not hold all who
// wait for the work that it is part of.
func (k *Keeper) storeContext() (context.Context, context.CancelFunc) {
	s := k.config.Settings
	return context.WithTimeout(context.WithoutCancel(k.life), s.AcquireTimeout+s.StatementTimeout)
}

// stateError is the error of credentials that a person must see to.
func (k *Keeper) stateError(h *held) error {
	e := &driver.Error{}
	switch h.record.State {
	case StateLost:
		e.Kind, e.Message = driver.KindTokenLost, "the tokens that replaced the account's were lost on their way; authorize the account again, unless the replica that has them comes back"
	case StateMisconfigured:
		e.Kind, e.Message = driver.KindMisconfigured, "upstream does not accept the integration's id, secret or redirect URL, or the account is not paid for; correct the integration of this process and restart it, or pay and authorize the account again"
	case StateOK, StateRevoked:
		e.Kind, e.Message = driver.KindReauth, "upstream does not accept the account's credentials; authorize the account again, or give it new ones"
	}
	return e
}

// storeError returns an error of the store, which was asked within storeContext, as
// the *driver.Error that it is to callers: the deadline that passed is none of theirs.
func storeError(err error) error {
	if errors.Is(err, ErrNotFound) {
		return &driver.Error{Kind: driver.KindReauth, Message: "the account has no credentials; authorize it, or give it a token", Err: err}
	}
	e, ok := errors.AsType[*driver.Error](err)
	switch {
	case ok && (e.Kind == driver.KindDeadline || e.Kind == driver.KindCancelled):
		return &driver.Error{Kind: driver.KindStoreBusy, Message: "the store did not answer in time", Err: err}
	case ok:
		return e
	}
	return &driver.Error{Kind: driver.KindStoreUnavailable, Message: "the store did not answer", Err: err}
}
