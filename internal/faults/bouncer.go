package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/internal/pgtest"
)

// throughBouncer runs amogate with two replicas on a database that they reach by
// a PgBouncer in transaction mode: from its migration on.
func (x *executable) throughBouncer(ctx context.Context, within time.Duration) (measured string, err error) {
	database, drop, err := x.databases.create(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, drop()) }()
	bouncer, err := pgtest.NewBouncer(ctx, database)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, bouncer.Close()) }()
	return onFarm(ctx, farmConfig{url: bouncer.URL}, func(f *farm) (string, error) {
		hands, err := x.serveFarm(ctx, f, 2)
		if err != nil {
			return "", err
		}
		// Nothing leaves in the first second of a process, which is scaled here;
		// upstream's is not.
		if err := pause(ctx, settings.Default().FirstSlot); err != nil {
			return "", err
		}
		const rounds = 5
		for range rounds {
			f.emulator.ExpireAccess()
			for n, h := range hands {
				if err := h.patient(ctx); err != nil {
					return "", fmt.Errorf("replica %d: %w", n, err)
				}
			}
		}
		if err := f.wantTokens(rounds, 0); err != nil {
			return "", err
		}
		code := filepath.Join(f.dir, "code")
		if err := os.WriteFile(code, []byte(f.emulator.IssueCode()), 0o600); err != nil {
			return "", err
		}
		admin := "--admin-addr=" + hands[0].admin
		if err := x.succeeds(ctx, "account", "add", garden, "--url="+f.upstream.URL, "--code-file="+code, admin); err != nil {
			return "", err
		}
		seen, err := until(ctx, within, func() (bool, error) {
			return callAccount(ctx, hands[1].customers, garden) == nil, nil
		})
		if err != nil {
			return "", fmt.Errorf("the other replica does not know a new account: %w", err)
		}
		if err := x.succeeds(ctx, "keyring", "rotate", admin); err != nil {
			return "", err
		}
		for n, h := range hands {
			if err := h.patient(ctx); err != nil {
				return "", fmt.Errorf("replica %d after the rotation of keys: %w", n, err)
			}
		}
		if err := x.succeeds(ctx, "account", "remove", garden, admin); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d token calls in %d rounds of 2 replicas; the other one calls a new account after %s", rounds, rounds, round(seen)), f.wantTokens(rounds, 0)
	})
}

// patient is call for a caller who comes again when the queue is too long: the
// horizon of processes is scaled, and the rate is not.
func (h *farmhand) patient(ctx context.Context) (err error) {
	_, waited := until(ctx, settings.Default().Horizon, func() (bool, error) {
		err = h.call(ctx)
		return failureOf(err).reason != "ACCOUNT_QUEUE_FULL", nil
	})
	return errors.Join(waited, err)
}

// succeeds runs a command that has to end with 0.
func (x *executable) succeeds(ctx context.Context, args ...string) error {
	r, err := x.refused(ctx, nil, args)
	if err != nil {
		return err
	}
	if err := r.want(0); err != nil {
		return fmt.Errorf("amogate %s: %w", strings.Join(args[:2], " "), err)
	}
	return nil
}

// serveFarm starts so many processes of amogate itself on the store of a farm, with
// more flags, which replace those that it has by itself.
func (x *executable) serveFarm(ctx context.Context, f *farm, n int, flags ...string) ([]*farmhand, error) {
	secret := filepath.Join(f.dir, "secret")
	if err := os.WriteFile(secret, []byte(emulator.DefaultClientSecret), 0o600); err != nil {
		return nil, err
	}
	var hands []*farmhand
	for range n {
		c, err := x.serve(ctx, []string{"AMOGATE_STORE=" + f.url}, append([]string{
			"--keyring-file=" + f.ring, "--allow-insecure-upstream", fmt.Sprintf("--time-scale=%d", scale),
			"--oauth-client-id=" + emulator.DefaultClientID, "--oauth-client-secret-file=" + secret, "--oauth-redirect-url=" + emulator.DefaultRedirectURL,
		}, flags...))
		if err != nil {
			return nil, err
		}
		f.onClose(func() error { c.kill(); return nil })
		h, err := f.connect(c)
		if err != nil {
			return nil, err
		}
		hands = append(hands, h)
	}
	return hands, nil
}
