package custody

import (
	"cmp"
	"context"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
)

// unsaved is a received pair that the store has not taken yet.
type unsaved struct {
	entry  entry
	secret Secret
	kind   Kind
	// leased is when the lease was asked for, by our clock.
	leased time.Time
	// journalled says that it is on disk.
	journalled bool
	// done is closed when it is as durable as this process can make it.
	done chan struct{}
}

// save makes a received pair durable, first in the journal, then in the store, and
// holds it. Where that takes longer than one try it goes on in the background, and
// an error says so.
func (k *Keeper) save(l *lease, pair Pair) error {
	r := l.record
	secret := Secret{Access: pair.Access, Refresh: pair.Refresh}
	sealed, err := Seal(k.config.Ring, r.Account, r.Generation+1, secret, 0)
	if err != nil {
		return &driver.Error{Kind: driver.KindBug, Message: "the new tokens cannot be sealed", Err: err}
	}
	u := &unsaved{secret: secret, kind: r.Kind, leased: l.asked, done: make(chan struct{}), entry: entry{
		Account: r.Account, From: r.Generation, Epoch: r.LeaseEpoch, Replaced: digest(r.Sealed),
		// The life counts from the lease, which was before the answer: by that the
		// token counts as ended a little before it ends, never after.
		LeasedAt: r.Now, Life: cmp.Or(pair.Life, sealed.Life),
		KeyID: sealed.KeyID, Data: sealed.Data,
	}}
	k.metrics.refreshed("ok")
	k.journal(u)
	k.step(AfterJournal)
	done, err := k.offer(u)
	if done {
		return nil
	}
	k.mu.Lock()
	k.unsaved = u
	k.mu.Unlock()
	k.config.Logger.Error("new tokens wait for the store and are not used before it has them", "account", r.Account, "on_disk", u.journalled, "error", err)
	go k.keepOffering(u)
	return k.unsavedError()
}

// journal writes a pair to disk, unless it is there.
func (k *Keeper) journal(u *unsaved) {
	if u.journalled {
		return
	}
	if err := k.config.Journal.append(u.entry); err != nil {
		k.config.Logger.Error("the journal does not take new tokens; mend the data directory", "account", k.config.Account, "error", err)
		return
	}
	u.journalled = true
}

// keepOffering offers a pair until the store has it or a newer one. After Close it
// is enough that the journal has it: the next process goes on.
func (k *Keeper) keepOffering(u *unsaved) {
	defer close(u.done)
	for {
		wait := k.life
		if k.life.Err() != nil {
			if u.journalled {
				return
			}
			wait = context.WithoutCancel(k.life) // until one of them takes it
		}
		_ = sleep(wait, k.config.Settings.JournalRetry) // Close makes it a last try
		k.journal(u)
		if done, _ := k.offer(u); done {
			k.mu.Lock()
			k.unsaved = nil
			k.mu.Unlock()
			return
		}
	}
}

// offer offers a pair to the store, and holds what the store has when that is
// done.
func (k *Keeper) offer(u *unsaved) (done bool, err error) {
	ctx, cancel := k.storeContext()
	defer cancel()
	done, taken, err := k.commit(ctx, u)
	if !done {
		return false, err
	}
	k.config.Journal.settled(u.entry, taken)
	if !taken {
		if err := k.read(); err != nil {
			k.config.Logger.Warn("the account's newer credentials were not read", "account", k.config.Account, "error", err)
		}
		return true, nil
	}
	k.step(AfterCommit)
	e := u.entry
	r := Record{Account: e.Account, Kind: u.kind, Generation: e.From + 1, KeyID: e.KeyID, State: StateOK, LeaseEpoch: e.Epoch, IssuedAt: e.LeasedAt, Now: e.LeasedAt}
	if e.Life > 0 {
		r.ExpiresAt = e.LeasedAt.Add(e.Life)
	}
	k.take(u.secret, r, u.leased)
	k.config.Logger.Info("the account's tokens are new", "account", e.Account, "generation", r.Generation)
	return true, nil
}

// commit replaces the generation of our lease, or whatever else is older.
func (k *Keeper) commit(ctx context.Context, u *unsaved) (done, taken bool, err error) {
	e := u.entry
	taken, err = k.config.Store.Commit(ctx, e.Account, e.From, e.Epoch, e.sealed(time.Since(u.leased)))
	if err != nil || taken {
		return taken, taken, err
	}
	return settle(ctx, k.config.Store, e)
}
