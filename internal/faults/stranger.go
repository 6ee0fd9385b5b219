package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/internal/pgtest"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/store"
)

// storeBusy is what callers are told of a store that does not answer in time.
var storeBusy = failure{code: codes.Unavailable, reason: "STORE_BUSY"}

// slack is what a loaded machine may add to the time-outs of the store.
const slack = time.Second

// stranger opens a session past amogate, until the farm closes.
func (f *farm) stranger(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, f.url)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	f.onClose(func() error { return conn.Close(context.WithoutCancel(ctx)) })
	return conn, nil
}

// lockRow has a stranger lock the credentials of an account until free is called.
func (f *farm) lockRow(ctx context.Context, name string) (free func() error, err error) {
	conn, err := f.stranger(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, "SELECT FROM amogate.credentials WHERE account = $1 FOR UPDATE", name); err != nil {
		return nil, err
	}
	return func() error { return tx.Rollback(ctx) }, nil
}

// join has a member in this process share the store, which it reaches by url,
// until the farm closes.
func (f *farm) join(ctx context.Context, url string, s settings.Settings) (*member, error) {
	name := "member" + strconv.Itoa(f.started)
	f.started++
	dir := filepath.Join(f.dir, name)
	opened, err := store.Open(ctx, url, store.Options{Dir: dir, Settings: s})
	if err != nil {
		return nil, err
	}
	f.onClose(opened.Close)
	ring, err := keyring.Load(f.ring)
	if err != nil {
		return nil, err
	}
	m, err := newMember(ctx, memberConfig{
		name: name, dir: dir, store: opened, ring: ring, settings: s, integration: integration,
		rate: 7, insecure: true, log: &lockedBuffer{},
	})
	if err != nil {
		return nil, err
	}
	f.onClose(func() error { return m.stop(ctx) })
	return m, m.pipe()
}

// wantTold returns an error unless a call fails as wanted, no later than within.
func wantTold(want failure, within time.Duration, call func() error) (took time.Duration, err error) {
	begun := time.Now()
	err = call()
	took = time.Since(begun)
	if err := failureOf(err).want(want.code, want.reason); err != nil {
		return took, err
	}
	if took > within {
		return took, fmt.Errorf("%s came after %s, want %s", want, round(took), round(within))
	}
	return took, nil
}

// lockedRow has a stranger lock the row of an account whose access token has
// ended, for so long.
func (x *executable) lockedRow(ctx context.Context, lasts, within time.Duration) (string, error) {
	return x.onPostgres(ctx, farmConfig{accounts: []string{shop, garden}}, func(f *farm) (string, error) {
		h, err := f.replica(ctx)
		if err != nil {
			return "", err
		}
		if err := errors.Join(callAccount(ctx, h.customers, garden), h.call(ctx)); err != nil {
			return "", err
		}
		free, err := f.lockRow(ctx, shop)
		if err != nil {
			return "", err
		}
		// Both need the store then: garden finds a row that nobody locks.
		f.emulator.ExpireAccess()
		if err := callAccount(ctx, h.customers, garden); err != nil {
			return "", fmt.Errorf("an account beside it: %w", err)
		}
		var slowest time.Duration
		calls := 0
		for begun := time.Now(); time.Since(begun) < lasts; calls++ {
			took, err := wantTold(storeBusy, within, func() error { return h.call(ctx) })
			if err != nil {
				return "", err
			}
			slowest = max(slowest, took)
			if err := callAccount(ctx, h.customers, garden); err != nil {
				return "", fmt.Errorf("an account beside it: %w", err)
			}
		}
		if err := f.wantTokens(1, 0); err != nil {
			return "", fmt.Errorf("while the row is locked: %w", err)
		}
		if err := free(); err != nil {
			return "", err
		}
		if err := h.call(ctx); err != nil {
			return "", fmt.Errorf("with the row free: %w", err)
		}
		return fmt.Sprintf("%s to %d calls, after %s at most; then OK", storeBusy, calls, round(slowest)), f.wantTokens(2, 0)
	})
}

// poolExhausted has the only connection of a pool wait for a stranger's lock.
func (x *executable) poolExhausted(ctx context.Context, within time.Duration) (string, error) {
	return x.onPostgres(ctx, farmConfig{accounts: []string{shop, garden}}, func(f *farm) (string, error) {
		one, err := withOption(f.url, "pool_max_conns", "1")
		if err != nil {
			return "", err
		}
		s := scaled()
		s.LockTimeout, s.StatementTimeout = 20*time.Second, 20*time.Second
		m, err := f.join(ctx, one, s)
		if err != nil {
			return "", err
		}
		if err := errors.Join(m.call(ctx, garden), m.call(ctx, shop)); err != nil {
			return "", err
		}
		free, err := f.lockRow(ctx, garden)
		if err != nil {
			return "", err
		}
		waiting := make(chan error, 1)
		go func() { waiting <- m.registry.Remove(ctx, garden) }()
		watch, err := f.stranger(ctx)
		if err != nil {
			return "", err
		}
		if _, err := until(ctx, 10*time.Second, func() (bool, error) {
			var waits bool
			err := watch.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted").Scan(&waits)
			return waits, err
		}); err != nil {
			return "", fmt.Errorf("the connection waits for no lock: %w", err)
		}
		if err := m.call(ctx, shop); err != nil {
			return "", fmt.Errorf("with a token that lives: %w", err)
		}
		f.emulator.ExpireAccess()
		begun := time.Now()
		_, err = m.registry.BeginAuthorization(ctx, shop, "")
		acquired := time.Since(begun)
		if !amo.IsKind(err, amo.KindStoreBusy) || acquired > within {
			return "", fmt.Errorf("a consent was begun within %s: %w", round(acquired), err)
		}
		// The limiter may look for the store as well.
		took, err := wantTold(storeBusy, 2*within, func() error { return m.call(ctx, shop) })
		if err != nil {
			return "", err
		}
		if err := f.wantTokens(0, 0); err != nil {
			return "", err
		}
		if err := errors.Join(free(), <-waiting); err != nil {
			return "", err
		}
		if err := m.call(ctx, shop); err != nil {
			return "", fmt.Errorf("with a connection again: %w", err)
		}
		return fmt.Sprintf("OK on a token that lives; else %s after %s, to a call after %s; then OK", storeBusy, round(acquired), round(took)), f.wantTokens(1, 0)
	})
}

// withOption returns a URL with one more option.
func withOption(raw, name, value string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// halfOpen drops the connections to the database without a word, as a load
// balancer does that has forgotten them.
func (x *executable) halfOpen(ctx context.Context, within time.Duration) (string, error) {
	return x.onPostgres(ctx, farmConfig{}, func(f *farm) (string, error) {
		line, err := pgtest.NewProxy(ctx, f.url, 1)
		if err != nil {
			return "", err
		}
		f.onClose(line.Close)
		config := f.config()
		config.Store = line.URL
		h, err := f.hire(ctx, config)
		if err != nil {
			return "", err
		}
		const rounds = 3
		var slowest time.Duration
		for n := range rounds {
			// As many calls at once fill the pool; then it is idle.
			var calling sync.WaitGroup
			var failed [8]error
			for i := range failed {
				calling.Go(func() { failed[i] = h.call(ctx) })
			}
			calling.Wait()
			if err := errors.Join(failed[:]...); err != nil {
				return "", err
			}
			if err := pause(ctx, time.Duration(n)*scaled().AcquireTimeout/2); err != nil {
				return "", err
			}
			line.Freeze()
			f.emulator.ExpireAccess()
			begun := time.Now()
			if err := h.call(ctx); err != nil {
				return "", fmt.Errorf("after the connections were dropped: %w", err)
			}
			if took := time.Since(begun); took > within {
				return "", fmt.Errorf("a call took %s after the connections were dropped", round(took))
			} else if took > slowest {
				slowest = took
			}
		}
		return fmt.Sprintf("%d times OK with a refresh, after %s at most", rounds, round(slowest)), f.wantTokens(rounds, 0)
	})
}
