package engine

import (
	"time"

	"github.com/amogate/amogate/idempotency"
)

// Claim is the rule of idempotency.Store for an intent that meets a call: it says
// whose the call is, and whether the record was changed. lives says whether the
// owner of a record lives.
func Claim(r *idempotency.Record, i idempotency.Intent, lives bool, now time.Time) (claim idempotency.Claim, changed bool) {
	switch {
	case !r.ExpiresAt.After(now):
		*r = Begun(i, now)
		return idempotency.Taken, true
	case r.Hash != i.Hash:
		return idempotency.Reused, false
	case r.State == idempotency.Done:
		return idempotency.Ended, false
	case r.ID == i.ID:
		return idempotency.Taken, false // whose answer was lost
	case r.State == idempotency.Rest:
		r.Since, r.Doubted = i.Since, false
	case lives && r.Owner != i.Owner:
		return idempotency.Held, false
	default:
		// The earlier instant stays: something may have been sent since.
		r.Doubted = true
	}
	r.Owner, r.ID, r.State = i.Owner, i.ID, idempotency.Open
	return idempotency.Taken, true
}

// Begun is the record of a call that was never seen.
func Begun(i idempotency.Intent, now time.Time) idempotency.Record {
	return idempotency.Record{Intent: i, ExpiresAt: now.Add(i.Life)}
}
