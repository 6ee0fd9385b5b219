package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/idempotency"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/store"
)

// stateSettings say what state is opened, and how.
type stateSettings struct {
	store storeConfig
	// adminAddr is told to others who want the same SQLite file; "" = nobody can
	// be asked.
	adminAddr             string
	integration           *integration // nil = none
	static                *flagAccount // nil = none
	defaultAccount        string
	allowInsecureUpstream bool
	client                amo.Config
	logger                *slog.Logger
}

// state is everything durable of a process, and the accounts over it.
type state struct {
	store    store.Store
	journal  *custody.Journal
	registry *account.Registry
	requests *idempotency.Keeper
}

// openState opens the store, the key ring and the journal, in this order: who
// holds the store alone may make a ring.
func openState(ctx context.Context, s stateSettings) (*state, error) {
	if err := makeDataDir(s.store.dir); err != nil {
		return nil, err
	}
	opened, err := store.Open(ctx, s.store.url, store.Options{
		Dir: s.store.dir, AdminAddr: s.adminAddr, Settings: s.store.settings, Logger: s.logger,
	})
	if err != nil {
		return nil, storeError(err)
	}
	st := &state{store: opened}
	if err := st.openAccounts(ctx, s); err != nil {
		return nil, errors.Join(err, st.close(ctx))
	}
	return st, nil
}

func (st *state) openAccounts(ctx context.Context, s stateSettings) error {
	ring, err := openRing(ctx, s, st.store)
	if err != nil {
		return err
	}
	if st.journal, err = custody.OpenJournal(s.store.dir); err != nil {
		return &exitError{exitConfig, fmt.Errorf("--data-dir: %w", err)}
	}
	owner := ownerName()
	st.requests = idempotency.New(ctx, idempotency.Config{Store: st.store, Owner: owner, Settings: s.store.settings, Logger: s.logger})
	config := account.Config{
		Store: st.store, Limits: st.store, Ring: ring, Journal: st.journal,
		Owner:         owner,
		AllowInsecure: s.allowInsecureUpstream,
		Default:       s.defaultAccount,
		Client:        s.client,
		Settings:      s.store.settings,
		Logger:        s.logger,
	}
	if s.integration != nil {
		config.Zone = s.integration.zone
		config.Integration = amo.Integration{
			ClientID: s.integration.clientID, ClientSecret: s.integration.clientSecret, RedirectURL: s.integration.redirectURL,
		}
	}
	if s.static != nil {
		config.Static = &account.Static{Host: s.static.host, Auth: s.static.auth}
	}
	st.registry, err = account.New(ctx, config)
	switch {
	case errors.Is(err, account.ErrNoKeyFits), errors.Is(err, account.ErrNameTaken):
		return &exitError{exitConfig, err}
	case err != nil:
		return storeError(err)
	}
	return nil
}

// close closes what is open, from the accounts to the store. New tokens are
// durable afterwards, or the error says that they are not.
func (st *state) close(ctx context.Context) error {
	var errs []error
	if st.requests != nil {
		errs = append(errs, st.requests.Close(ctx))
	}
	if st.registry != nil {
		errs = append(errs, st.registry.Close(ctx))
	}
	if st.journal != nil {
		errs = append(errs, st.journal.Close())
	}
	return errors.Join(append(errs, st.store.Close())...)
}

// ownerName names this process among the replicas: the host and the number for
// people, the rest to be unique.
func ownerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown" // the rest is unique alone
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text())
}

// makeDataDir makes the data directory, for this user alone.
func makeDataDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &exitError{exitConfig, fmt.Errorf("--data-dir: cannot make it: %w; give a directory that this user may write", err)}
	}
	return nil
}

// openRing returns the key ring. A SQLite store without credentials gets one
// when there is none; any other may have been sealed with a ring that exists
// somewhere.
func openRing(ctx context.Context, s stateSettings, opened store.Store) (*keyring.Ring, error) {
	if s.store.ring != "" {
		ring, err := keyring.Parse(s.store.ring)
		if err != nil {
			return nil, &exitError{exitConfig, fmt.Errorf("%s: %w", keyringVariable, err)}
		}
		return ring, nil
	}
	path := s.store.ringFile
	ring, err := keyring.Load(path)
	switch {
	case err == nil:
		return ring, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, &exitError{exitConfig, fmt.Errorf("--keyring-file: %w", err)}
	case s.store.file == "":
		return nil, &exitError{exitConfig, fmt.Errorf("--keyring-file: %q does not exist, and replicas need one key ring: make it once with "+
			"`amogate keyring generate FILE` and give it to each, or its content in %s", path, keyringVariable)}
	}
	records, err := opened.AllCredentials(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	if len(records) > 0 {
		return nil, &exitError{exitConfig, fmt.Errorf("--keyring-file: %q does not exist, and %d accounts in the store are sealed with it: "+
			"restore it from the backup, or give its content in %s", path, len(records), keyringVariable)}
	}
	ring, err = keyring.Generate(path)
	if err != nil {
		return nil, &exitError{exitConfig, fmt.Errorf("--keyring-file: %w", err)}
	}
	s.logger.WarnContext(ctx, "made a key ring; keep a copy of it apart from the store: without it no token can be read", "file", path, "key", ring.Active())
	return ring, nil
}

// storeError gives an error of a store its exit code.
func storeError(err error) error {
	if _, ok := errors.AsType[*store.HeldError](err); ok {
		return &exitError{exitHeld, err}
	}
	_, badSchema := errors.AsType[*store.SchemaError](err)
	_, badURL := errors.AsType[*store.URLError](err)
	if badSchema || badURL {
		return &exitError{exitConfig, err}
	}
	return &exitError{exitUnavailable, oneLineError{fmt.Errorf("--store: %w", err)}}
}

// oneLineError is an error whose text has no line breaks: drivers tell of each address
// they tried in a line of its own.
type oneLineError struct{ error }

func (e oneLineError) Error() string { return strings.ReplaceAll(e.error.Error(), "\n", "; ") }
func (e oneLineError) Unwrap() error { return e.error }
