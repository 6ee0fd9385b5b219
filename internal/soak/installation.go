package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/internal/pgtest"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/store"
)

// installation is what the processes of one installation share.
type installation struct {
	// dir has the directories of its processes.
	dir string
	// store is the URL of the store, ring the file of the key ring.
	store, ring string
}

// newInstallation makes an installation below dir with a store at a URL; without
// one it is a SQLite file.
func newInstallation(ctx context.Context, dir, storeURL string) (*installation, error) {
	dir, err := os.MkdirTemp(dir, "installation-")
	if err != nil {
		return nil, err
	}
	if storeURL == "" {
		storeURL = (&url.URL{Scheme: "sqlite", Path: filepath.Join(dir, store.File)}).String()
	}
	in := &installation{dir: dir, store: storeURL, ring: filepath.Join(dir, "keyring")}
	if _, err := keyring.Generate(in.ring); err != nil {
		return nil, err
	}
	opened, err := store.Open(ctx, storeURL, store.Options{Migrate: true, Settings: settings.Default()})
	if err != nil {
		return nil, err
	}
	return in, opened.Close()
}

// inDatabase makes an installation with a database of its own on a cluster.
func inDatabase(ctx context.Context, dir string, cluster *pgtest.Cluster) (*installation, error) {
	database, err := (&pgtest.Server{URL: cluster.URL}).Create(ctx)
	if err != nil {
		return nil, err
	}
	return newInstallation(ctx, dir, database)
}

// add adds an account with a pair of tokens of upstream's.
func (in *installation) add(ctx context.Context, name string, up *upstream) (err error) {
	pair, err := up.account.IssuePair()
	if err != nil {
		return err
	}
	ring, err := keyring.Load(in.ring)
	if err != nil {
		return err
	}
	secret := custody.Secret{Access: pair.AccessToken, Refresh: pair.RefreshToken}
	first, err := custody.Seal(ring, name, 1, secret, time.Duration(pair.ExpiresIn)*time.Second)
	if err != nil {
		return err
	}
	opened, err := store.Open(ctx, in.store, store.Options{Settings: settings.Default()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return opened.CreateAccount(ctx, account.Record{Name: name, URL: up.server.URL}, custody.KindOAuth, first)
}

// flags are those of a serve of this installation.
func (in *installation) flags() ([]string, error) {
	secret := filepath.Join(in.dir, "secret")
	if err := os.WriteFile(secret, []byte(emulator.DefaultClientSecret), 0o600); err != nil {
		return nil, err
	}
	return []string{
		"--store=" + in.store, "--keyring-file=" + in.ring, "--oauth-client-id=" + emulator.DefaultClientID,
		"--oauth-client-secret-file=" + secret, "--oauth-redirect-url=" + emulator.DefaultRedirectURL,
	}, nil
}
