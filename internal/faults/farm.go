package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/store"
)

// farm is an amogate whose replicas are processes, with an emulated account that
// a person has authorized. Its durations are scaled.
type farm struct {
	dir string
	// url is that of the store, ring the file with its keys.
	url, ring string
	emulator  *emulator.Emulator
	upstream  *httptest.Server

	closers []func() error
	started int
}

// farmConfig tells how a farm departs from the ordinary.
type farmConfig struct {
	// url is that of the store, which is migrated; empty = a SQLite file.
	url string
	// accounts are names of accounts that share the emulated one; nil = shop.
	accounts []string
	// emulated changes the emulated account; nil = it is as it is.
	emulated func(*emulator.Config)
}

// onPostgres runs a row on a farm over a database of its own.
func (x *executable) onPostgres(ctx context.Context, config farmConfig, row func(*farm) (string, error)) (measured string, err error) {
	url, drop, err := x.databases.create(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, drop()) }()
	config.url = url
	return onFarm(ctx, config, row)
}

// onFarm runs a row on a farm of its own.
func onFarm(ctx context.Context, config farmConfig, row func(*farm) (string, error)) (string, error) {
	f := &farm{url: config.url}
	if err := f.start(ctx, config); err != nil {
		return "", errors.Join(fmt.Errorf("start: %w", err), f.close())
	}
	measured, err := row(f)
	if err := errors.Join(err, f.close()); err != nil {
		return "", err
	}
	return measured, nil
}

func (f *farm) start(ctx context.Context, config farmConfig) (err error) {
	if f.dir, err = os.MkdirTemp("", "faults-farm-"); err != nil {
		return err
	}
	f.onClose(func() error { return os.RemoveAll(f.dir) })
	if f.url == "" {
		f.url = "sqlite://" + filepath.Join(f.dir, store.File)
	}
	emulated := emulator.Config{Customers: 3, Strict: true}
	if len(config.accounts) > 1 {
		emulated.Window = -1 // each has a limiter of its own
	}
	if config.emulated != nil {
		config.emulated(&emulated)
	}
	if f.emulator, err = emulator.New(emulated); err != nil {
		return err
	}
	f.upstream = httptest.NewServer(f.emulator)
	f.onClose(func() error { f.upstream.Close(); return nil })
	f.emulator.SetAddress(f.upstream.Listener.Addr().String())
	f.ring = filepath.Join(f.dir, "keyring")
	if _, err := keyring.Generate(f.ring); err != nil {
		return err
	}
	accounts := config.accounts
	if accounts == nil {
		accounts = []string{shop}
	}
	return f.authorize(ctx, accounts)
}

func (f *farm) onClose(closer func() error) { f.closers = append(f.closers, closer) }

func (f *farm) close() error {
	var errs []error
	for len(f.closers) > 0 {
		last := len(f.closers) - 1
		errs = append(errs, f.closers[last]())
		f.closers = f.closers[:last]
	}
	return errors.Join(errs...)
}

// within uses the store with a member in this process.
func (f *farm) within(ctx context.Context, use func(*member, store.Store, *keyring.Ring) error) error {
	opened, err := store.Open(ctx, f.url, store.Options{Dir: f.dir, Settings: scaled(), Migrate: true})
	if err != nil {
		return err
	}
	ring, err := keyring.Load(f.ring)
	if err != nil {
		return errors.Join(err, opened.Close())
	}
	m, err := newMember(ctx, memberConfig{
		name: "here", dir: filepath.Join(f.dir, "here"), store: opened, ring: ring, settings: scaled(), integration: integration,
		rate: 7, insecure: true, log: &lockedBuffer{},
	})
	if err != nil {
		return errors.Join(err, opened.Close())
	}
	return errors.Join(use(m, opened, ring), m.stop(ctx), opened.Close())
}

// authorize adds the accounts, as consents do.
func (f *farm) authorize(ctx context.Context, accounts []string) error {
	return f.within(ctx, func(m *member, _ store.Store, _ *keyring.Ring) error {
		for _, name := range accounts {
			_, err := m.registry.Add(ctx, account.Addition{
				Name: name, URL: f.upstream.URL, Given: account.Given{Code: account.Code(f.emulator.IssueCode())},
			})
			if err != nil {
				return fmt.Errorf("add %s: %w", name, err)
			}
		}
		return nil
	})
}

// farmhand is a process of a farm, with a connection to it.
type farmhand struct {
	*child
	conn      *grpc.ClientConn
	customers amogatev1.CustomerServiceClient
}

// call reads a page of the account shop.
func (h *farmhand) call(ctx context.Context) error { return callAccount(ctx, h.customers, shop) }

// config is that of one more replica, in a directory of its own.
func (f *farm) config() replicaConfig {
	name := "replica" + strconv.Itoa(f.started)
	f.started++
	return replicaConfig{Name: name, Dir: filepath.Join(f.dir, name), Store: f.url, Ring: f.ring}
}

// replica starts a replica that nothing happens to.
func (f *farm) replica(ctx context.Context) (*farmhand, error) { return f.hire(ctx, f.config()) }

// doomed starts a replica that sends itself a signal at a point of its first
// refresh.
func (f *farm) doomed(ctx context.Context, point custody.Point, signal syscall.Signal) (*farmhand, replicaConfig, error) {
	config := f.config()
	config.Point, config.Signal = point, signal
	h, err := f.hire(ctx, config)
	config.Point = ""
	return h, config, err
}

// hire starts a replica. It ends with the farm.
func (f *farm) hire(ctx context.Context, config replicaConfig) (*farmhand, error) {
	c, err := startReplica(ctx, config)
	if err != nil {
		return nil, err
	}
	f.onClose(func() error { c.kill(); return nil })
	return f.connect(c)
}

// connect connects to a process until the farm closes.
func (f *farm) connect(c *child) (*farmhand, error) {
	conn, err := dial(c.grpc)
	if err != nil {
		return nil, err
	}
	f.onClose(conn.Close)
	return &farmhand{child: c, conn: conn, customers: amogatev1.NewCustomerServiceClient(conn)}, nil
}

// age makes the access tokens so old that it is time to refresh them, and end
// after so long by what is stored; upstream takes them for longer. No process may
// have the store of a SQLite file open.
func (f *farm) age(ctx context.Context, left time.Duration) error {
	return f.ageTo(ctx, 30*time.Hour, left)
}

// ageTo makes the access tokens as old as that.
func (f *farm) ageTo(ctx context.Context, old, left time.Duration) error {
	if strings.HasPrefix(f.url, "postgres") {
		return execute(ctx, f.url, "UPDATE amogate.credentials SET issued_at = clock_timestamp() - make_interval(secs => $1), "+
			"expires_at = clock_timestamp() + make_interval(secs => $2)", old.Seconds(), left.Seconds())
	}
	return f.onFile(ctx, "UPDATE credentials SET issued_at = ?, expires_at = ?", time.Now().Add(-old).UnixMicro(), time.Now().Add(left).UnixMicro())
}

// onFile runs a statement on a SQLite file that nobody has open.
func (f *farm) onFile(ctx context.Context, statement string, arguments ...any) error {
	db, err := sql.Open("sqlite", strings.TrimPrefix(f.url, "sqlite://"))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement, arguments...)
	return errors.Join(err, db.Close())
}

// wantTokens returns an error unless the token endpoint was called so often to
// refresh, with no refresh token sent twice, unless so many were refused.
func (f *farm) wantTokens(calls, refused int64) error {
	t := f.emulator.Stats().Tokens
	if n := t.ByGrant["refresh_token"]; n != calls || t.Revoked != refused {
		return fmt.Errorf("%d token calls with %d refused, want %d with %d", n, t.Revoked, calls, refused)
	}
	return nil
}

// stored returns the credentials of the account shop as they are stored.
func (f *farm) stored(ctx context.Context) (custody.Record, error) { return f.storedOf(ctx, shop) }

// storedOf is stored for another account.
func (f *farm) storedOf(ctx context.Context, name string) (r custody.Record, err error) {
	err = f.peek(ctx, func(s store.Store) error {
		r, err = s.Credentials(ctx, name)
		return err
	})
	return r, err
}

// peek opens the store of a farm beside its processes.
func (f *farm) peek(ctx context.Context, use func(store.Store) error) error {
	opened, err := store.Open(ctx, f.url, store.Options{Dir: f.dir, Settings: scaled()})
	if err != nil {
		return err
	}
	return errors.Join(use(opened), opened.Close())
}

// callPause is between the calls of a caller: no more than upstream takes.
const callPause = 200 * time.Millisecond

// calling calls an account by a replica again and again, until stop is called.
// That returns how often, and the first call that check has not let pass.
func calling(ctx context.Context, h *farmhand, name string, check func(error) error) (stop func() (int, error)) {
	ctx, cancel := context.WithCancel(ctx)
	var calls int
	var failed error
	var running sync.WaitGroup
	running.Go(func() {
		for {
			err := callAccount(ctx, h.customers, name)
			if ctx.Err() != nil {
				return
			}
			calls++
			if failed == nil {
				failed = check(err)
			}
			if pause(ctx, callPause) != nil {
				return
			}
		}
	})
	return func() (int, error) {
		cancel()
		running.Wait()
		return calls, failed
	}
}

// until waits until something holds, or for so long at most.
func until(ctx context.Context, within time.Duration, holds func() (bool, error)) (took time.Duration, err error) {
	begun := time.Now()
	for {
		ok, err := holds()
		took = time.Since(begun)
		switch {
		case err != nil:
			return took, err
		case ok:
			return took, nil
		case took > within:
			return took, fmt.Errorf("not within %s", within)
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return took, err
		}
	}
}
