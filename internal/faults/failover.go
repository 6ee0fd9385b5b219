package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/amogate/amogate/amo/custody"
)

// The row of an account's credentials is put aside, and put back as a server does
// that takes over and has not got the last commits.
const (
	putAside = "CREATE TABLE amogate.aside AS SELECT * FROM amogate.credentials"
	putBack  = `UPDATE amogate.credentials AS c SET (generation, key_id, sealed, issued_at, expires_at, state, reason,
		lease_owner, lease_epoch, lease_until, unsettled, failures, retry_at) =
		(a.generation, a.key_id, a.sealed, a.issued_at, a.expires_at, a.state, a.reason,
		a.lease_owner, a.lease_epoch, a.lease_until, a.unsettled, a.failures, a.retry_at)
		FROM amogate.aside AS a WHERE a.account = c.account`
)

// lostCommits takes the last refresh back from the store: once while its replica
// lives, once while it does not. The tokens before are worth nothing by then.
func (x *executable) lostCommits(ctx context.Context, within time.Duration) (string, error) {
	return x.onPostgres(ctx, farmConfig{}, func(f *farm) (string, error) {
		config := f.config()
		h, err := f.hire(ctx, config)
		if err != nil {
			return "", err
		}
		if err := errors.Join(h.call(ctx), execute(ctx, f.url, putAside)); err != nil {
			return "", err
		}
		renew := func() error {
			f.emulator.ExpireAccess()
			return h.call(ctx)
		}
		if err := errors.Join(renew(), f.wantGeneration(ctx, 2), execute(ctx, f.url, putBack), f.wantGeneration(ctx, 1)); err != nil {
			return "", err
		}
		if err := h.call(ctx); err != nil {
			return "", fmt.Errorf("on the tokens that the store has lost: %w", err)
		}
		// Who needs the store gives it back what it has lost, and goes on from there.
		if err := errors.Join(renew(), f.wantGeneration(ctx, 3), f.wantTokens(2, 0)); err != nil {
			return "", fmt.Errorf("a replica that lives: %w", err)
		}
		h.kill()
		if err := errors.Join(execute(ctx, f.url, putBack), f.wantGeneration(ctx, 1)); err != nil {
			return "", err
		}
		begun := time.Now()
		if h, err = f.hire(ctx, config); err != nil {
			return "", err
		}
		took := time.Since(begun)
		if err := f.wantGeneration(ctx, 3); err != nil {
			return "", fmt.Errorf("the journal of a replica that starts: %w", err)
		}
		if err := errors.Join(h.call(ctx), renew(), f.wantGeneration(ctx, 4), f.wantTokens(3, 0)); err != nil {
			return "", fmt.Errorf("a replica that starts: %w", err)
		}
		if took > within {
			return "", fmt.Errorf("it serves after %s", round(took))
		}
		return fmt.Sprintf("2 generations given back, those of the journal within %s; 3 token calls, none refused", round(took)), nil
	})
}

// wantGeneration returns an error unless the stored credentials of shop are OK and
// of a generation.
func (f *farm) wantGeneration(ctx context.Context, generation int64) error {
	r, err := f.stored(ctx)
	if err != nil {
		return err
	}
	if r.Generation != generation || r.State != custody.StateOK {
		return fmt.Errorf("the stored credentials are generation %d and %s (%s), want generation %d and ok", r.Generation, r.State, r.Reason, generation)
	}
	return nil
}
