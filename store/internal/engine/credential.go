package engine

import (
	"time"

	"github.com/amogate/amogate/amo/custody"
)

// The functions here are the rules of custody.Store. Both engines read a record
// under a lock, apply one of them and write the record back, so that they cannot
// differ. Each says whether the record was changed.

// First returns the record of an account that is added.
func First(account string, kind custody.Kind, first custody.Sealed, now time.Time) custody.Record {
	r := custody.Record{Account: account, Kind: kind}
	replace(&r, first, now)
	return r
}

// Put replaces credentials by those that a person has given.
func Put(r *custody.Record, kind custody.Kind, next custody.Sealed, now time.Time) bool {
	if next.Generation <= r.Generation {
		return false
	}
	r.Kind = kind
	replace(r, next, now)
	return true
}

// Lease gives owner the right to refresh. A lease that ended without a word
// leaves the generation unsettled: its holder may have made the call.
func Lease(r *custody.Record, generation int64, owner string, ttl time.Duration, now time.Time) bool {
	if r.Generation != generation || r.State != custody.StateOK || r.LeaseUntil.After(now) || r.RetryAt.After(now) {
		return false
	}
	r.Unsettled = r.Unsettled || !r.LeaseUntil.IsZero()
	r.LeaseOwner = owner
	r.LeaseEpoch++
	r.LeaseUntil = now.Add(ttl)
	return true
}

// Commit replaces a generation under its last lease, or after a provisional loss.
func Commit(r *custody.Record, from, epoch int64, next custody.Sealed, now time.Time) bool {
	leased := epoch > 0 && r.LeaseEpoch == epoch
	if r.Generation != from || !leased && r.State != custody.StateLost {
		return false
	}
	replace(r, next, now)
	return true
}

// Restore replaces any older generation.
func Restore(r *custody.Record, next custody.Sealed, now time.Time) bool {
	if r.Generation >= next.Generation {
		return false
	}
	replace(r, next, now)
	return true
}

// Fail ends a lease. Said twice, as after an answer that was lost, it counts once.
func Fail(r *custody.Record, generation, epoch int64, f custody.Failure, now time.Time) bool {
	if r.Generation != generation || epoch <= 0 || r.LeaseEpoch != epoch {
		return false
	}
	if !r.LeaseUntil.IsZero() && !f.NotCounted {
		r.Failures++
	}
	r.State, r.Reason = f.State, f.Reason
	r.Unsettled = r.Unsettled || f.Unsettled
	r.LeaseOwner, r.LeaseUntil = "", time.Time{}
	r.RetryAt = time.Time{}
	if f.RetryIn > 0 {
		r.RetryAt = now.Add(f.RetryIn)
	}
	return true
}

// Mark changes the state outside of a lease. What is good again may be tried at
// once.
func Mark(r *custody.Record, generation int64, state custody.State, reason string) bool {
	if r.Generation != generation {
		return false
	}
	r.State, r.Reason = state, reason
	if state == custody.StateOK {
		r.Failures, r.RetryAt = 0, time.Time{}
	}
	return true
}

// Reseal replaces the ciphertext alone.
func Reseal(r *custody.Record, generation int64, from string, next custody.Sealed) bool {
	if r.Generation != generation || r.KeyID != from {
		return false
	}
	r.KeyID, r.Sealed = next.KeyID, next.Data
	return true
}

// Abandon ends the lease of a holder that is known to be gone.
func Abandon(r *custody.Record) bool {
	if r.LeaseUntil.IsZero() {
		return false
	}
	r.Unsettled = true
	r.LeaseOwner, r.LeaseUntil = "", time.Time{}
	return true
}

// Shown returns a stored record as readers see it at a time: a lease that has
// lapsed is one whose outcome nobody knows.
func Shown(r custody.Record, now time.Time) custody.Record {
	r.Now = now
	if !r.LeaseUntil.IsZero() && !r.LeaseUntil.After(now) {
		r.Unsettled = true
	}
	return r
}

// replace puts new credentials into a record. The epoch goes on counting, so that
// no lease of a generation before can be taken for one of this.
func replace(r *custody.Record, next custody.Sealed, now time.Time) {
	r.Generation, r.KeyID, r.Sealed = next.Generation, next.KeyID, next.Data
	r.IssuedAt, r.ExpiresAt = now, time.Time{}
	if next.Life > 0 {
		r.ExpiresAt = now.Add(next.Life)
	}
	r.State, r.Reason = custody.StateOK, ""
	r.LeaseOwner, r.LeaseUntil = "", time.Time{}
	r.Unsettled, r.Failures, r.RetryAt = false, 0, time.Time{}
}
