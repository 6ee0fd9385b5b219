package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/keyring"
)

// Rotation is the result of Rotate.
type Rotation struct {
	// Active is the key that seals.
	Active string
	// Resealed counts the credentials that were sealed anew.
	Resealed int
	// Keys are the keys of the ring, in its order.
	Keys []string
}

// maxPasses bounds how often credentials are looked through for old keys while
// replicas that have not seen the new one go on sealing.
const maxPasses = 10

// Rotate makes a new key the active one, or takes the one that is when
// resealOnly is set, and seals all credentials with it while calls go on. With
// prune it removes every key from the ring that seals nothing any more, unless a
// refresh is under way or its outcome is not known: the new pair may be on its way,
// or in the journal of a replica, sealed with an old key. Its error
// is ErrFixedRing for a ring that cannot be changed here, or an *amo.Error of the
// store. What was done stays done; Rotate can be called again.
func (r *Registry) Rotate(ctx context.Context, resealOnly, prune bool) (Rotation, error) {
	r.rotating.Lock()
	defer r.rotating.Unlock()
	ring := r.config.Ring
	if prune && ring.Path() == "" {
		return Rotation{}, ErrFixedRing
	}
	if !resealOnly {
		_, err := ring.Add(true)
		switch {
		case errors.Is(err, keyring.ErrFixed):
			return Rotation{}, ErrFixedRing
		case err != nil:
			return Rotation{}, fmt.Errorf("account: add a key: %w", err)
		}
	}
	rotation := Rotation{Active: ring.Active(), Keys: ring.IDs()}
	used, err := r.resealAll(ctx, &rotation)
	if err != nil {
		return rotation, err
	}
	if prune {
		if err := r.prune(ctx, used); err != nil {
			return rotation, err
		}
		rotation.Keys = ring.IDs()
	}
	r.config.Logger.InfoContext(ctx, "credentials sealed anew", "key", rotation.Active, "accounts", rotation.Resealed, "keys", len(rotation.Keys))
	return rotation, nil
}

// resealAll seals everything with the active key and returns the keys that still
// seal something.
func (r *Registry) resealAll(ctx context.Context, rotation *Rotation) (used []string, err error) {
	for range maxPasses {
		stored, err := r.config.Store.AllCredentials(ctx)
		if err != nil {
			return nil, fmt.Errorf("account: list credentials: %w", err)
		}
		used = nil
		missed := false
		for _, c := range stored {
			done, err := r.reseal(ctx, c)
			switch {
			case err != nil:
				return nil, err
			case done:
				rotation.Resealed++
			case c.KeyID != rotation.Active:
				if _, err := custody.Open(r.config.Ring, c); err == nil {
					missed = true // refreshed meanwhile
				}
				used = append(used, c.KeyID)
			}
		}
		if !missed {
			return used, nil
		}
	}
	return used, nil
}

// reseal seals one record with the active key. It says false when there is
// nothing to do, when the record was changed meanwhile, or when nothing opens it.
func (r *Registry) reseal(ctx context.Context, c custody.Record) (bool, error) {
	if c.KeyID == r.config.Ring.Active() {
		return false, nil
	}
	secret, err := custody.Open(r.config.Ring, c)
	if err != nil {
		r.config.Logger.ErrorContext(ctx, "credentials cannot be sealed anew", "account", c.Account, "key", c.KeyID, "error", err)
		return false, nil
	}
	done, err := custody.Reseal(ctx, r.config.Ring, r.config.Store, c, secret)
	if err != nil {
		return false, fmt.Errorf("account: store credentials: %w", err)
	}
	return done, nil
}

// prune takes the keys out of the ring that seal nothing, in the store, at the
// first look or now, or in the journal.
func (r *Registry) prune(ctx context.Context, used []string) error {
	old := r.oldKeys()
	// What leaves the journal goes to the store, which is looked at behind it.
	used = append(used, r.config.Journal.KeyIDs()...)
	all, err := r.config.Store.AllCredentials(ctx)
	if err != nil {
		return fmt.Errorf("account: list credentials: %w", err)
	}
	for _, c := range all {
		used = append(used, c.KeyID)
		if c.LeaseUntil.After(c.Now) || c.Unsettled {
			r.config.Logger.WarnContext(ctx, "no key was removed: a refresh may have sealed new tokens with an old one; prune again after the account's next refresh", "account", c.Account)
			return nil
		}
	}
	unused := slices.DeleteFunc(old, func(id string) bool { return slices.Contains(used, id) })
	if len(unused) == 0 {
		return nil
	}
	if err := r.config.Ring.Prune(unused...); err != nil {
		return fmt.Errorf("account: remove old keys: %w", err)
	}
	return nil
}

// oldKeys returns the keys that are not active any more. What is sealed with them
// still is on its way since before: who stores it looks at the ring once more, see
// custody.Reseal. So they are to be read before the store is looked at, and the
// active one after the others: a key that is new in between is none of them.
func (r *Registry) oldKeys() []string {
	ids := r.config.Ring.IDs()
	active := r.config.Ring.Active()
	return slices.DeleteFunc(ids, func(id string) bool { return id == active })
}
