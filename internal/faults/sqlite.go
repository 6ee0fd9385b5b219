package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/store"
)

// lockedFile has another handle lock the SQLite file of a member whose access
// token ends meanwhile. patience is the member's for such locks.
func lockedFile(ctx context.Context, patience, within time.Duration) (string, error) {
	return onFarm(ctx, farmConfig{}, func(f *farm) (string, error) {
		s := scaled()
		s.BusyTimeout = patience
		m, err := f.join(ctx, f.url, s)
		if err != nil {
			return "", err
		}
		if err := m.call(ctx, shop); err != nil {
			return "", err
		}
		file, err := sql.Open("sqlite", strings.TrimPrefix(f.url, "sqlite://"))
		if err != nil {
			return "", err
		}
		f.onClose(file.Close)
		stranger, err := file.Conn(ctx)
		if err != nil {
			return "", err
		}
		f.onClose(stranger.Close)
		if _, err := stranger.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			return "", err
		}
		if err := m.call(ctx, shop); err != nil {
			return "", fmt.Errorf("with a token that lives: %w", err)
		}
		f.emulator.ExpireAccess()
		took, err := wantTold(storeBusy, within, func() error { return m.call(ctx, shop) })
		if err != nil {
			return "", err
		}
		if err := f.wantTokens(0, 0); err != nil {
			return "", err
		}
		if _, err := stranger.ExecContext(ctx, "ROLLBACK"); err != nil {
			return "", err
		}
		if err := m.call(ctx, shop); err != nil {
			return "", fmt.Errorf("with the file free: %w", err)
		}
		return fmt.Sprintf("OK on a token that lives; else %s after %s; then OK", storeBusy, round(took)), f.wantTokens(1, 0)
	})
}

// ownWriters has many writers and readers use one SQLite store that does not wait
// for locks: none of them may meet one.
func ownWriters(ctx context.Context, writers int) (string, error) {
	return inTempDir(func(dir string) (string, error) {
		s := settings.Default()
		s.BusyTimeout = time.Nanosecond
		opened, err := store.Open(ctx, "sqlite:", store.Options{Dir: dir, Settings: s})
		if err != nil {
			return "", err
		}
		const changes = 20
		failed := make([]error, writers)
		var writing sync.WaitGroup
		for n := range failed {
			writing.Go(func() {
				for i := range changes {
					a := account.Authorization{StateHash: sha256.Sum256([]byte(fmt.Sprint(n, i))), Account: shop}
					_, err := opened.Accounts(ctx)
					if failed[n] = errors.Join(err, opened.PutAuthorization(ctx, a, time.Hour)); failed[n] != nil {
						return
					}
				}
			})
		}
		writing.Wait()
		if err := errors.Join(errors.Join(failed...), opened.Close()); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d changes of %d writers met no lock", changes*writers, writers), nil
	})
}
