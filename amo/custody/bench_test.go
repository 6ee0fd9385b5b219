package custody_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/custody/custodytest"
	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/keyring"
)

const account = "shop"

// bench is a store with one account, its issuer, and replicas that share both.
type bench struct {
	*custodytest.Store

	t      *testing.T
	issuer *issuer
	ring   *keyring.Ring
	log    lockedBuffer

	mu       sync.Mutex
	replicas int
}

// newBench returns a bench whose account holds a fresh pair.
func newBench(t *testing.T, i *issuer) *bench {
	t.Helper()
	b := &bench{Store: &custodytest.Store{}, t: t, issuer: i, ring: newRing(t, "k1", 1)}
	b.put(custody.KindOAuth, pair(1), 1, i.life)
	return b
}

func newRing(t *testing.T, id string, key byte) *keyring.Ring {
	t.Helper()
	r, err := keyring.Parse(id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{key}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// put gives the account new credentials, as a person does.
func (b *bench) put(kind custody.Kind, secret custody.Secret, generation int64, life time.Duration) {
	b.t.Helper()
	sealed, err := custody.Seal(b.ring, account, generation, secret, life)
	if err != nil {
		b.t.Fatal(err)
	}
	if ok, err := b.PutCredentials(b.t.Context(), account, kind, sealed); err != nil || !ok {
		b.t.Fatalf("PutCredentials = %v, %v", ok, err)
	}
}

// keeper returns the keeper of another replica, with a journal of its own unless
// configure names one. It is closed with the test.
func (b *bench) keeper(configure ...func(*custody.Config)) *custody.Keeper {
	b.t.Helper()
	b.mu.Lock()
	b.replicas++
	owner := fmt.Sprintf("replica-%d", b.replicas)
	b.mu.Unlock()
	config := custody.Config{
		Account: account, Owner: owner, Store: b.Store, Ring: b.ring, Exchange: b.issuer.exchange, Integration: "1a2b",
		Logger: slog.New(slog.NewTextHandler(&b.log, nil)),
	}
	for _, c := range configure {
		c(&config)
	}
	if config.Journal == nil {
		config.Journal = b.journal(b.t.TempDir())
	}
	k, err := custody.New(config)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := k.Close(context.WithoutCancel(b.t.Context())); err != nil {
			b.t.Error(err)
		}
	})
	return k
}

// journal opens a journal that is closed with the test.
func (b *bench) journal(dir string) *custody.Journal {
	b.t.Helper()
	j, err := custody.OpenJournal(dir)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = j.Close() })
	return j
}

// record returns what the store has.
func (b *bench) record() custody.Record {
	b.t.Helper()
	r, err := b.Credentials(context.WithoutCancel(b.t.Context()), account)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// want asks for the credentials, within a second, and fails unless they are those
// of pair n.
func (b *bench) want(k *custody.Keeper, n int) {
	b.t.Helper()
	got, err := b.get(k, time.Second)
	if err != nil {
		b.t.Errorf("Current = %v, want pair %d", err, n)
	} else if got != pair(n) {
		b.t.Errorf("Current = %s, want pair %d", got.Access, n)
	}
}

// wantKind asks for the credentials, within a second, and fails unless the error
// is of the kind.
func (b *bench) wantKind(k *custody.Keeper, kind driver.Kind) {
	b.t.Helper()
	if got, err := b.get(k, time.Second); !isKind(err, kind) {
		b.t.Errorf("Current = %s, %v, want kind %d", got.Access, err, kind)
	}
}

// get asks for the credentials and uses them.
func (b *bench) get(k *custody.Keeper, within time.Duration) (custody.Secret, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.t.Context()), within)
	defer cancel()
	secret, _, err := k.Current(ctx)
	if err == nil {
		b.issuer.use(secret)
	}
	return secret, err
}

// wantCalls fails unless the issuer saw so many calls, and none with a token that
// had been used up.
func (b *bench) wantCalls(calls int) {
	b.t.Helper()
	if got, revoked := b.issuer.counts(); got != calls || revoked != 0 {
		b.t.Errorf("%d token calls, %d of them revoked; want %d and none", got, revoked, calls)
	}
}

// wantState fails unless the store has the state.
func (b *bench) wantState(state custody.State) {
	b.t.Helper()
	if r := b.record(); r.State != state {
		b.t.Errorf("state %s (%s), want %s", r.State, r.Reason, state)
	}
}

func isKind(err error, kind driver.Kind) bool {
	e, ok := err.(*driver.Error) //nolint:errorlint // Current returns nothing else
	return ok && e.Kind == kind
}

// defaults are the settings of the keepers.
var defaults = settings.Default()

// errStore is the error of a store that is down.
func errStore() error {
	return &driver.Error{Kind: driver.KindStoreUnavailable, Message: "the store does not answer"}
}

// down makes the methods of the bench's store fail while it is on.
type down struct {
	mu sync.Mutex
	on bool
}

func (d *down) set(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.on = on
}

func (d *down) before(context.Context, string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.on {
		return errStore()
	}
	return nil
}

// lockedBuffer is a log.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// failing makes one method of the bench's store fail.
type failing struct {
	mu     sync.Mutex
	method string
}

func (f *failing) set(method string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.method = method
}

func (f *failing) before(_ context.Context, method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.method == method {
		return errStore()
	}
	return nil
}

// jwt returns an access token that tells its end.
func jwt(end time.Time) string {
	claims := fmt.Sprintf(`{"exp":%d,"account_id":30123456,"api_domain":"api-b.amocrm.ru"}`, end.Unix())
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}
