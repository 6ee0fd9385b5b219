package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/store"
)

// flags are those of `amogate serve` on the farm, in a data directory of its own.
func (f *farm) flags(more ...string) []string {
	return append([]string{
		"--data-dir=" + f.config().Dir, "--store=" + f.url, "--keyring-file=" + f.ring,
		"--allow-insecure-upstream", "--rate=7", "--drain-delay=0s",
	}, more...)
}

// serve starts `amogate serve` on the farm. It ends with the farm.
func (f *farm) serve(ctx context.Context, x *executable, more ...string) (*farmhand, error) {
	c, err := x.serve(ctx, nil, f.flags(more...))
	if err != nil {
		return nil, err
	}
	f.onClose(func() error { c.kill(); return nil })
	return f.connect(c)
}

// refused runs `amogate serve` on the farm, which has to exit with a code, before
// it serves, and to say something.
func (f *farm) refused(ctx context.Context, x *executable, code int, want string, more ...string) error {
	args := append([]string{"serve", "--rest-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0", "--admin-addr=127.0.0.1:0"}, f.flags(more...)...)
	cmd, err := x.command(ctx, nil, args)
	if err != nil {
		return err
	}
	output, err := cmd.CombinedOutput()
	switch got := cmd.ProcessState.ExitCode(); {
	case got != code:
		return fmt.Errorf("exit code %d, want %d: %w: %s", got, code, err, output)
	case strings.Contains(string(output), `"msg":"serving"`):
		return errors.New("it served before it ended")
	case !strings.Contains(string(output), want):
		return fmt.Errorf("it says %q and nothing of %q", output, want)
	}
	return nil
}

// wrongKeys starts amogate with keys that are not those of the store.
func (x *executable) wrongKeys(ctx context.Context, code int) (string, error) {
	return onFarm(ctx, farmConfig{accounts: []string{shop, garden}}, func(f *farm) (string, error) {
		own := f.ring
		f.ring = filepath.Join(f.dir, "another")
		if err := f.refused(ctx, x, code, "does not exist"); err != nil {
			return "", fmt.Errorf("no ring: %w", err)
		}
		if _, err := keyring.Generate(f.ring); err != nil {
			return "", err
		}
		if err := f.refused(ctx, x, code, "no key of the key ring opens any"); err != nil {
			return "", fmt.Errorf("another ring: %w", err)
		}
		another, err := keyring.Load(f.ring)
		if err != nil {
			return "", err
		}
		f.ring = own
		// One account is sealed with the other ring.
		if err := f.peek(ctx, func(s store.Store) error {
			sealed, err := custody.Seal(another, garden, 2, custody.Secret{Access: "x", Refresh: "y"}, time.Hour)
			if err != nil {
				return err
			}
			_, err = s.PutCredentials(ctx, garden, custody.KindOAuth, sealed)
			return err
		}); err != nil {
			return "", err
		}
		h, err := f.serve(ctx, x)
		if err != nil {
			return "", err
		}
		if err := h.call(ctx); err != nil {
			return "", fmt.Errorf("the account whose key is there: %w", err)
		}
		err = callAccount(ctx, h.customers, garden)
		if err := failureOf(err).want(undecryptable.code, undecryptable.reason); err != nil {
			return "", fmt.Errorf("the account whose key is not there: %w", err)
		}
		return fmt.Sprintf("exit code %d without a ring and with another; one row: the other account is OK", code), nil
	})
}

// swapped exchanges the ciphertexts of two accounts.
func (x *executable) swapped(ctx context.Context, swap string) (string, error) {
	return x.onPostgres(ctx, farmConfig{accounts: []string{shop, garden, orchard}}, func(f *farm) (string, error) {
		if err := execute(ctx, f.url, swap); err != nil {
			return "", err
		}
		h, err := f.serve(ctx, x)
		if err != nil {
			return "", err
		}
		before := f.emulator.Stats().Requests
		for _, name := range []string{garden, orchard} {
			for range 3 {
				err := callAccount(ctx, h.customers, name)
				if err := failureOf(err).want(undecryptable.code, undecryptable.reason); err != nil {
					return "", fmt.Errorf("%s: %w", name, err)
				}
			}
		}
		if n := f.emulator.Stats().Requests - before; n > 0 {
			return "", fmt.Errorf("%d requests were sent with the tokens of another account", n)
		}
		return "0 requests; the third account is OK", h.call(ctx)
	})
}

// swapSealed is SQL that exchanges what is sealed of two accounts of one key.
const swapSealed = `UPDATE amogate.credentials a SET sealed = b.sealed FROM amogate.credentials b
	WHERE (a.account, b.account) IN (('garden', 'orchard'), ('orchard', 'garden'))`

// rotated rotates the keys while callers go on and tokens are refreshed.
func (x *executable) rotated(ctx context.Context, keys int) (string, error) {
	return onFarm(ctx, farmConfig{accounts: []string{shop, garden, orchard}}, func(f *farm) (string, error) {
		secret := filepath.Join(f.dir, "secret")
		if err := os.WriteFile(secret, []byte(integration.ClientSecret), 0o600); err != nil {
			return "", err
		}
		h, err := f.serve(ctx, x, "--oauth-client-id="+integration.ClientID, "--oauth-client-secret-file="+secret, "--oauth-redirect-url="+integration.RedirectURL)
		if err != nil {
			return "", err
		}
		var stops []func() (int, error)
		for _, name := range []string{shop, garden, orchard} {
			stops = append(stops, calling(ctx, h, name, allOK))
		}
		begun := time.Now()
		// Nobody refreshes yet, so that the old key has to go.
		err = errors.Join(f.rotate(ctx, x), f.wantOneKey())
		for range keys {
			f.emulator.ExpireAccess()
			// Old keys stay where a refresh is under way at this moment.
			err = errors.Join(err, f.rotate(ctx, x), pause(ctx, 2*time.Second))
		}
		took := time.Since(begun)
		calls := 0
		for _, stop := range stops {
			n, failed := stop()
			calls += n
			err = errors.Join(err, failed)
		}
		if err != nil {
			return "", err
		}
		if err := errors.Join(h.terminate(), h.wait(ctx)); err != nil {
			return "", err
		}
		// Every refresh has ended with the process: what stayed can go.
		if err := errors.Join(f.rotate(ctx, x, "--reseal-only"), f.wantOneKey()); err != nil {
			return "", err
		}
		ring, err := keyring.Load(f.ring)
		if err != nil {
			return "", err
		}
		for _, name := range []string{shop, garden, orchard} {
			r, err := f.storedOf(ctx, name)
			if err != nil {
				return "", err
			}
			if _, err := custody.Open(ring, r); err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
		}
		return fmt.Sprintf("%d rotations, %d of them with refreshes, in %s, %d calls OK", keys+1, keys, round(took), calls), nil
	})
}

// rotate runs `amogate keyring rotate --prune`.
func (f *farm) rotate(ctx context.Context, x *executable, more ...string) error {
	args := []string{"keyring", "rotate", "--prune", "--data-dir=" + f.dir, "--store=" + f.url, "--keyring-file=" + f.ring}
	cmd, err := x.command(ctx, nil, append(args, more...))
	if err != nil {
		return err
	}
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("rotate: %w: %s", err, output)
	}
	return nil
}

// wantOneKey fails unless one key is left in the ring.
func (f *farm) wantOneKey() error {
	ring, err := keyring.Load(f.ring)
	if err != nil {
		return err
	}
	if n := len(ring.IDs()); n != 1 {
		return fmt.Errorf("%d keys are left in the ring, want the last one", n)
	}
	return nil
}
