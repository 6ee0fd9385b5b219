package account

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/amogate/amogate/amo/custody"
)

// maxTended is how many accounts are tended at a time: a token endpoint that
// hangs delays no more than that.
const maxTended = 8

// begin starts what runs in the background.
func (r *Registry) begin() {
	r.tasks.Go(func() { r.presence.Run(r.life) })
	r.every(r.config.Settings.AccountScan, r.scan)
	r.every(r.config.Settings.RefreshScan, r.tendAll)
}

// every calls task again and again until the registry closes.
func (r *Registry) every(pause time.Duration, task func(context.Context)) {
	r.tasks.Go(func() {
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				task(r.life)
			case <-r.life.Done():
				return
			}
		}
	})
}

// scan looks for what other processes have changed, and offers the store the
// tokens that it did not take before.
func (r *Registry) scan(ctx context.Context) {
	if err := r.refresh(ctx); err != nil {
		r.config.Logger.DebugContext(ctx, "accounts not read", "error", err)
		return
	}
	if r.config.Journal.Pending() == 0 {
		return
	}
	restored, err := r.config.Journal.Replay(ctx, r.config.Store)
	switch {
	case err != nil:
		r.config.Logger.WarnContext(ctx, "tokens are in the journal only: the store does not take them", "pending", r.config.Journal.Pending(), "error", err)
	case restored > 0:
		r.config.Logger.InfoContext(ctx, "tokens from the journal stored", "accounts", restored)
	}
}

// stored is an account of the store.
type stored struct {
	Record
	// kind is that of its credentials.
	kind custody.Kind
}

// read reads the accounts of the store.
func (r *Registry) read(ctx context.Context) (map[string]stored, error) {
	list, err := r.config.Store.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("account: list accounts: %w", err)
	}
	r.mu.Lock()
	known := r.records
	r.mu.Unlock()
	records := map[string]stored{}
	for _, record := range list {
		if old, ok := known[record.Name]; ok && old.Revision == record.Revision && old.CreatedAt.Equal(record.CreatedAt) {
			records[record.Name] = stored{record, old.kind}
			continue
		}
		c, err := r.config.Store.Credentials(ctx, record.Name)
		switch {
		case errors.Is(err, custody.ErrNotFound):
			continue // removed meanwhile
		case err != nil:
			return nil, fmt.Errorf("account: read credentials: %w", err)
		}
		records[record.Name] = stored{record, c.Kind}
	}
	return records, nil
}

// refresh reads the accounts of the store, and lets go of the clients of those
// that were changed elsewhere or are gone.
func (r *Registry) refresh(ctx context.Context) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	records, err := r.read(ctx)
	if err != nil {
		return err
	}
	if r.config.Static != nil {
		delete(records, FlagName) // another process may have none of this name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = records
	for _, name := range slices.Collect(maps.Keys(r.handles)) {
		record, ok := records[name]
		if h := r.handles[name]; !r.isStatic(name) && (!ok || record.Revision != h.revision || !record.CreatedAt.Equal(h.created)) {
			r.config.Logger.InfoContext(ctx, "account changed", "account", name, "removed", !ok)
			r.retire(name)
		}
	}
	return nil
}

// tendAll renews the tokens of every account whose time has come, used or not.
func (r *Registry) tendAll(ctx context.Context) {
	var tending errgroup.Group
	tending.SetLimit(maxTended)
	for _, keeper := range r.keepers(ctx) {
		tending.Go(func() error {
			// The keeper logs what matters, and the next round tries again.
			_ = keeper.Tend(ctx)
			return nil
		})
	}
	_ = tending.Wait()
}

// keepers returns the keepers of all stored accounts.
func (r *Registry) keepers(ctx context.Context) []*custody.Keeper {
	r.mu.Lock()
	defer r.mu.Unlock()
	var keepers []*custody.Keeper
	for name := range r.records {
		h, err := r.handle(name)
		if err != nil {
			r.config.Logger.ErrorContext(ctx, "account cannot be opened", "account", name, "error", err)
			continue
		}
		if h.keeper != nil {
			keepers = append(keepers, h.keeper)
		}
	}
	return keepers
}
