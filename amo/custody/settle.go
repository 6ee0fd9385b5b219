package custody

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// settle offers a received pair to the store. It is done when the store has the
// pair or one that is newer, or has no use for it; restored says that it took it
// now. It is not done while another replica holds the lease: its call may be
// answered, by issuers with a grace, with a pair that outlives ours.
func settle(ctx context.Context, s Store, e entry) (done, restored bool, err error) {
	r, err := s.Credentials(ctx, e.Account)
	if errors.Is(err, ErrNotFound) {
		return true, false, nil // the account was removed
	}
	if err != nil {
		return false, false, err
	}
	if r.Generation > e.From || foreign(r, e) {
		return true, false, nil
	}
	next := e.sealed(r.Now.Sub(e.LeasedAt))
	committed, err := s.Commit(ctx, e.Account, e.From, e.Epoch, next)
	if err != nil || committed {
		return committed, committed, err
	}
	if r.Generation == e.From && r.LeaseUntil.After(r.Now) {
		return false, false, nil
	}
	restored, err = s.Restore(ctx, e.Account, next)
	return err == nil, restored, err
}

// foreign says that a record is not of the credentials that the pair of e
// replaces: those were removed, and others added under the same name after the
// lease. A record that the store took back to an older generation is not foreign.
func foreign(r Record, e entry) bool {
	return digest(r.Sealed) != e.Replaced && r.IssuedAt.After(e.LeasedAt)
}

// digest returns the start of the digest of a ciphertext.
func digest(sealed []byte) string {
	sum := sha256.Sum256(sealed)
	return hex.EncodeToString(sum[:8])
}
