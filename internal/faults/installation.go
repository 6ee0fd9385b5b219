package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/store"
)

// shop is the account of most rows about tokens, garden another one.
const (
	shop   = "shop"
	garden = "garden"
)

// installationConfig tells how an installation departs from the ordinary.
type installationConfig struct {
	// members is how many replicas there are; 0 = one.
	members int
	// accounts are their names; nil = shop. Each lives at its name in amocrm.ru.
	accounts []string
	// emulated changes the emulated accounts; nil = they are as they are.
	emulated func(*emulator.Config)
	// store is around what the members share; nil = nothing is.
	store func(store.Store) store.Store
	// transport is in front of all accounts; nil = nothing is.
	transport func(http.RoundTripper) http.RoundTripper
}

// installation is an amogate with accounts that a person has authorized, without
// sockets and for a clock of its own: its durations are those of production. The
// members are replicas that share a SQLite store, each with a data directory.
type installation struct {
	config    installationConfig
	dir       string
	store     store.Store
	ring      *keyring.Ring
	hosts     *hosts
	log       *lockedBuffer
	emulators map[string]*emulator.Emulator
	// emulator is that of the account shop.
	emulator *emulator.Emulator
	members  []*member
	started  int
}

// inInstallation runs a row on an installation of its own, with a clock of its
// own.
func inInstallation(ctx context.Context, config installationConfig, row func(context.Context, *installation) (string, error)) (string, error) {
	return inBubble(ctx, func(ctx context.Context) (string, error) {
		i, err := newInstallation(ctx, config)
		if err != nil {
			return "", fmt.Errorf("start: %w", err)
		}
		measured, err := row(ctx, i)
		if err := errors.Join(err, i.stop(ctx)); err != nil {
			return "", err
		}
		return measured, nil
	})
}

func newInstallation(ctx context.Context, config installationConfig) (*installation, error) {
	i := &installation{config: config, log: &lockedBuffer{}, emulators: map[string]*emulator.Emulator{}, hosts: &hosts{by: map[string]http.RoundTripper{}}}
	if err := i.start(ctx); err != nil {
		return nil, errors.Join(err, i.stop(ctx))
	}
	return i, nil
}

func (i *installation) start(ctx context.Context) (err error) {
	if i.dir, err = os.MkdirTemp("", "faults-installation-"); err != nil {
		return err
	}
	i.store, err = store.Open(ctx, "sqlite://"+filepath.Join(i.dir, store.File), store.Options{Dir: i.dir, Settings: calm()})
	if err != nil {
		return err
	}
	if i.config.store != nil {
		i.store = i.config.store(i.store)
	}
	if i.ring, err = keyring.Generate(filepath.Join(i.dir, "keyring")); err != nil {
		return err
	}
	for range max(i.config.members, 1) {
		if _, err := i.join(ctx, integration, nil); err != nil {
			return err
		}
	}
	accounts := i.config.accounts
	if accounts == nil {
		accounts = []string{shop}
	}
	for _, name := range accounts {
		if err := i.authorize(ctx, name); err != nil {
			return fmt.Errorf("add %s: %w", name, err)
		}
	}
	i.emulator = i.emulators[shop]
	// All members have seen the accounts by then.
	time.Sleep(calm().AccountScan + time.Second)
	return nil
}

// join starts one more member.
func (i *installation) join(ctx context.Context, integration amo.Integration, step func(custody.Point)) (*member, error) {
	name := "member" + strconv.Itoa(i.started)
	i.started++
	transport := http.RoundTripper(i.hosts)
	if i.config.transport != nil {
		transport = i.config.transport(transport)
	}
	m, err := newMember(ctx, memberConfig{
		name: name, dir: filepath.Join(i.dir, name), store: i.store, ring: i.ring, settings: calm(),
		integration: integration, transport: transport, step: step, log: i.log,
	})
	if err != nil {
		return nil, err
	}
	i.members = append(i.members, m)
	return m, m.pipe()
}

// leave ends all members.
func (i *installation) leave(ctx context.Context) error {
	var errs []error
	for _, m := range i.members {
		errs = append(errs, m.stop(ctx))
	}
	i.members = nil
	return errors.Join(errs...)
}

// authorize lets an account live in amocrm.ru and a person consent.
func (i *installation) authorize(ctx context.Context, name string) error {
	host := name + ".amocrm.ru"
	api := "api-" + name + ".amocrm.ru" // where its tokens say that it can be looked up
	config := emulator.Config{Customers: 3, Host: host, Subdomain: name, AccountID: int64(1001 + len(i.emulators)), Strict: true, OAuth: emulator.OAuth{APIDomain: api}}
	if i.config.emulated != nil {
		i.config.emulated(&config)
	}
	e, err := emulator.New(config)
	if err != nil {
		return err
	}
	i.emulators[name] = e
	i.hosts.set(host, e.Transport())
	i.hosts.set(api, e.Transport())
	return i.consent(ctx, name, false)
}

// consent gives an account the pair of tokens of a new consent.
func (i *installation) consent(ctx context.Context, name string, replace bool) error {
	_, err := i.members[0].registry.Add(ctx, account.Addition{
		Name: name, URL: "https://" + name + ".amocrm.ru", Replace: replace,
		Given: account.Given{Code: account.Code(i.emulators[name].IssueCode())},
	})
	return err
}

// stop ends what has been started.
func (i *installation) stop(ctx context.Context) error {
	err := i.leave(ctx)
	if i.store != nil {
		err = errors.Join(err, i.store.Close())
	}
	return errors.Join(err, os.RemoveAll(i.dir))
}

// credentials returns what is stored of an account's credentials.
func (i *installation) credentials(ctx context.Context, name string) (custody.Record, error) {
	return i.store.Credentials(ctx, name)
}

// wantOK returns an error unless an account's credentials are good and of this
// generation.
func (i *installation) wantOK(ctx context.Context, name string, generation int64) error {
	r, err := i.credentials(ctx, name)
	if err != nil {
		return err
	}
	if r.State != custody.StateOK || r.Generation != generation {
		return fmt.Errorf("the credentials of %s are generation %d and %s (%s), want generation %d", name, r.Generation, r.State, r.Reason, generation)
	}
	return nil
}

// refreshes is how often the token endpoint of an account was called to refresh.
func refreshes(e *emulator.Emulator) int64 { return e.Stats().Tokens.ByGrant["refresh_token"] }

// everyMember calls an account by every member in turn, again and again at an
// interval for so long, and hands each outcome to check until that fails.
func (i *installation) everyMember(ctx context.Context, name string, lasts, every time.Duration, check func(since, took time.Duration, err error) error) error {
	begun := time.Now()
	for next := begun; next.Sub(begun) < lasts; next = next.Add(every) {
		time.Sleep(time.Until(next))
		for n, m := range i.members {
			called := time.Now()
			err := m.call(ctx, name)
			if err := check(called.Sub(begun), time.Since(called), err); err != nil {
				return fmt.Errorf("member %d after %s: %w", n, called.Sub(begun).Round(time.Second), err)
			}
		}
	}
	return nil
}

// isOK is a check of everyMember.
func isOK(_, _ time.Duration, err error) error { return err }

// fails returns a check of everyMember for an error of callers.
func fails(want failure) func(since, took time.Duration, err error) error {
	return func(_, _ time.Duration, err error) error { return failureOf(err).want(want.code, want.reason) }
}

// hosts carries requests to what lives at their hosts.
type hosts struct {
	mu sync.Mutex
	by map[string]http.RoundTripper
	// strangers are the requests to hosts where nobody lives.
	strangers int
}

func (h *hosts) set(host string, to http.RoundTripper) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.by[host] = to
}

// RoundTrip implements http.RoundTripper.
func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	to, ok := h.by[strings.ToLower(r.URL.Host)]
	if !ok {
		h.strangers++
	}
	h.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("nobody lives at %s", r.URL.Host)
	}
	return to.RoundTrip(r)
}
