package account_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// integration is the one that every emulator knows.
var integration = amo.Integration{
	ClientID: emulator.DefaultClientID, ClientSecret: emulator.DefaultClientSecret, RedirectURL: emulator.DefaultRedirectURL,
}

// hosts sends requests to the emulator of their host.
type hosts struct {
	mu sync.Mutex
	by map[string]http.RoundTripper
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	next, ok := h.by[r.URL.Host]
	h.mu.Unlock()
	if !ok {
		return nil, errors.New("nobody lives at " + r.URL.Host)
	}
	return next.RoundTrip(r)
}

// flaky is a store that can be away for some of its work.
type flaky struct {
	store.Store
	// away fails everything that reads or changes accounts and credentials, unsaved
	// the commits of new tokens.
	away, unsaved atomic.Bool
	// behind, if set, is called once behind the next read of credentials, ahead
	// before those that a person gave are stored, taken once they are.
	behind, ahead, taken atomic.Pointer[func()]
}

// once calls what is set, if anything is, and forgets it.
func once(hook *atomic.Pointer[func()]) {
	if call := hook.Swap(nil); call != nil {
		(*call)()
	}
}

// read ends a read of credentials.
func (f *flaky) read() { once(&f.behind) }

var errAway = &amo.Error{Kind: amo.KindStoreUnavailable, Message: "the store does not answer"}

func (f *flaky) Accounts(ctx context.Context) ([]account.Record, error) {
	if f.away.Load() {
		return nil, errAway
	}
	return f.Store.Accounts(ctx)
}

func (f *flaky) Credentials(ctx context.Context, name string) (custody.Record, error) {
	if f.away.Load() {
		return custody.Record{}, errAway
	}
	defer f.read()
	return f.Store.Credentials(ctx, name)
}

func (f *flaky) AllCredentials(ctx context.Context) ([]custody.Record, error) {
	defer f.read()
	return f.Store.AllCredentials(ctx)
}

func (f *flaky) CreateAccount(ctx context.Context, r account.Record, kind custody.Kind, first custody.Sealed) error {
	if f.away.Load() {
		return errAway
	}
	once(&f.ahead)
	defer once(&f.taken)
	return f.Store.CreateAccount(ctx, r, kind, first)
}

func (f *flaky) PutCredentials(ctx context.Context, name string, kind custody.Kind, next custody.Sealed) (bool, error) {
	once(&f.ahead)
	defer once(&f.taken)
	return f.Store.PutCredentials(ctx, name, kind, next)
}

func (f *flaky) Commit(ctx context.Context, name string, from, epoch int64, next custody.Sealed) (bool, error) {
	if f.unsaved.Load() {
		return false, errAway
	}
	return f.Store.Commit(ctx, name, from, epoch, next)
}

func (f *flaky) Restore(ctx context.Context, name string, next custody.Sealed) (bool, error) {
	if f.unsaved.Load() {
		return false, errAway
	}
	return f.Store.Restore(ctx, name, next)
}

// logs is a log that tests read.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// rig is a registry over a real store and emulated accounts. It is made for
// bubbles of testing/synctest.
type rig struct {
	t       *testing.T
	dir     string
	store   *flaky
	ring    *keyring.Ring
	journal *custody.Journal
	hosts   *hosts
	log     *logs
	*account.Registry
}

// run runs a test in a bubble, with a registry over an empty store.
func run(t *testing.T, test func(r *rig)) {
	t.Helper()
	runWith(t, func(*account.Config) {}, test)
}

// calm looks at the store rarely, for tests of many hours.
func calm(c *account.Config) {
	c.Settings.Beat, c.Settings.AccountScan, c.Settings.RefreshScan = time.Minute, time.Minute, time.Minute
}

// runWith is run with another configuration.
func runWith(t *testing.T, change func(*account.Config), test func(r *rig)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, dir: dir, hosts: &hosts{by: map[string]http.RoundTripper{}}, log: &logs{}}
		opened, err := store.Open(t.Context(), "sqlite://"+filepath.Join(dir, "amogate.db"), store.Options{
			Dir: dir, Settings: settings.Default(), Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = opened.Close() }()
		r.store = &flaky{Store: opened}
		if r.ring, err = keyring.Generate(filepath.Join(dir, "keyring")); err != nil {
			t.Fatal(err)
		}
		if r.journal, err = custody.OpenJournal(dir); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.journal.Close() }()
		r.Registry = r.open(change)
		defer r.checkLog()
		defer r.close()
		test(r)
	})
}

// open opens a registry over the store; several are several processes.
func (r *rig) open(change func(*account.Config)) *account.Registry {
	r.t.Helper()
	registry, err := r.tryOpen(change)
	if err != nil {
		r.t.Fatal(err)
	}
	return registry
}

func (r *rig) tryOpen(change func(*account.Config)) (*account.Registry, error) {
	config := account.Config{
		Store: r.store, Limits: r.store, Ring: r.ring, Journal: r.journal, Owner: "test",
		Integration: integration, Settings: settings.Default(),
		Client: amo.Config{Transport: r.hosts},
		Logger: slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	change(&config)
	return account.New(r.t.Context(), config)
}

func (r *rig) close() {
	if err := r.Close(context.WithoutCancel(r.t.Context())); err != nil {
		r.t.Error(err)
	}
}

// checkLog fails when the log shows a secret.
func (r *rig) checkLog() {
	r.t.Helper()
	for _, secret := range []string{emulator.DefaultToken, emulator.DefaultAPIKey, emulator.DefaultClientSecret, "eyJ"} {
		if strings.Contains(r.log.String(), secret) {
			r.t.Errorf("the log shows %q:\n%s", secret, r.log)
		}
	}
}

// emulate lets an account live at a host.
func (r *rig) emulate(host string, config emulator.Config) *emulator.Emulator {
	r.t.Helper()
	config.Subdomain, _, _ = strings.Cut(host, ".")
	config.Host = host
	e, err := emulator.New(config)
	if err != nil {
		r.t.Fatal(err)
	}
	r.hosts.mu.Lock()
	defer r.hosts.mu.Unlock()
	r.hosts.by[host] = e.Transport()
	return e
}

// shop is an account at shop.amocrm.ru.
func (r *rig) shop() *emulator.Emulator {
	return r.emulate("shop.amocrm.ru", emulator.Config{Customers: 300, AccountID: 1001})
}

// addToken adds an account by a token.
func (r *rig) addToken(name, host string) account.Account {
	r.t.Helper()
	a, err := r.Add(r.t.Context(), account.Addition{
		Name: name, URL: "https://" + host, Given: account.Given{Token: emulator.DefaultToken},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// addPair adds an account by a code.
func (r *rig) addPair(name, host string, e *emulator.Emulator) account.Account {
	r.t.Helper()
	a, err := r.Add(r.t.Context(), account.Addition{
		Name: name, URL: "https://" + host, Given: account.Given{Code: account.Code(e.IssueCode())},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// call reads the account with a client, as a call of a program does.
func call(t *testing.T, registry *account.Registry, name string) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client, err := registry.Client(ctx, name)
	if err != nil {
		return err
	}
	_, err = client.Identify(ctx)
	return err
}
