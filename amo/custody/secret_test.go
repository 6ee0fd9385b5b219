package custody_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/keyring"
)

func TestSecrets_printAsStars(t *testing.T) {
	secret := custody.Secret{Access: "canary", Refresh: "canary", Login: "canary", APIKey: "canary"}
	fresh := custody.Pair{Access: "canary", Refresh: "canary"}
	for _, value := range []any{secret, &secret, fresh, &fresh} {
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%v %+v %#v %s %d %x %q ", value, value, value, value, value, value, value) + string(encoded)
		if strings.Contains(text, "canary") || strings.Contains(text, "63616e617279") || strings.Count(text, "***") != 8 {
			t.Errorf("%T prints as %s", value, text)
		}
	}
}

func TestOpen_refusesOtherRowsAndKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		r := b.record()
		if got, err := custody.Open(b.ring, r); err != nil || got != pair(1) {
			t.Fatalf("Open = %v", err)
		}
		moved, older := r, r
		moved.Account = "another"
		older.Generation++
		for name, record := range map[string]custody.Record{"another account": moved, "another generation": older} {
			if _, err := custody.Open(b.ring, record); !isKind(err, driver.KindUndecryptable) {
				t.Errorf("%s: %v, want KindUndecryptable", name, err)
			}
		}
		for name, ring := range map[string]struct {
			id   string
			want string
		}{"another ring's key of the name": {"k1", "does not open"}, "another key": {"k2", `"k1"`}} {
			_, err := custody.Open(newRing(t, ring.id, 9), r)
			if !isKind(err, driver.KindUndecryptable) || !strings.Contains(err.Error(), ring.want) {
				t.Errorf("%s: %v, want KindUndecryptable with %q", name, err, ring.want)
			}
		}
	})
}

func TestCurrent_undecryptableIsOneOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		k := b.keeper(func(c *custody.Config) { c.Ring = newRing(t, "k2", 2) })
		time.Sleep(25 * time.Hour)
		b.wantKind(k, driver.KindUndecryptable)
		b.wantCalls(0)
		b.want(b.keeper(), 2) // whoever has the key goes on
	})
}

// rotating gives the bench a ring that can be changed, and returns a rotation: it
// seals the record anew and prunes the key before.
func (b *bench) rotating() (rotate func()) {
	b.t.Helper()
	ring, err := keyring.Generate(filepath.Join(b.t.TempDir(), "keyring"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.ring = ring
	b.put(custody.KindOAuth, pair(1), 2, b.issuer.life)
	return func() {
		b.t.Helper()
		old, r := ring.Active(), b.record()
		secret, err := custody.Open(ring, r)
		_, addErr := ring.Add(true)
		if err := errors.Join(err, addErr); err != nil {
			b.t.Fatal(err)
		}
		done, err := custody.Reseal(context.WithoutCancel(b.t.Context()), ring, b.Store, r, secret)
		if err := errors.Join(err, ring.Prune(old)); err != nil || !done {
			b.t.Errorf("rotated: %v, %v", done, err)
		}
	}
}

// at is a hook that calls fn once, at the next use of a method of the store.
func at(next string, fn func()) func(context.Context, string) error {
	return func(_ context.Context, method string) error {
		if method == next {
			next = ""
			fn()
		}
		return nil
	}
}

func TestCurrent_readsAgainWhatARotationSealedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		rotate := b.rotating()
		k, other := b.keeper(), b.keeper()
		b.After = at("Credentials", rotate)
		b.want(k, 1)
		time.Sleep(25 * time.Hour)
		b.want(other, 2)
		b.After = at("Lease", rotate) // whose answer is the pair of the other replica
		b.want(k, 2)
		b.wantCalls(1)
	})
}

func TestStoreThatLostCommits_getsThemWithAKeyThatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		rotate := b.rotating()
		before := b.record()
		b.put(custody.KindOAuth, pair(2), 3, b.issuer.life)
		k := b.keeper()
		b.want(k, 2)
		b.Rollback(before)
		b.Before = at("Restore", rotate)
		if err := k.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := b.record(); r.Generation != 3 {
			t.Errorf("generation %d, want the one that was lost", r.Generation)
		}
		b.want(b.keeper(), 2)
	})
}

func TestReseal_isForTheActiveKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		rotate := b.rotating()
		wantSealed := func(when string, want bool) {
			t.Helper()
			r := b.record()
			secret, err := custody.Open(b.ring, r)
			if err != nil {
				t.Fatal(err)
			}
			life := r.ExpiresAt
			done, err := custody.Reseal(t.Context(), b.ring, b.Store, r, secret)
			if err != nil || done != want {
				t.Errorf("%s: Reseal = %v, %v, want %v", when, done, err, want)
			}
			if r = b.record(); r.KeyID != b.ring.Active() || !r.ExpiresAt.Equal(life) {
				t.Errorf("%s: sealed with %q, until %v", when, r.KeyID, r.ExpiresAt)
			}
		}
		wantSealed("at once", false)
		if _, err := b.ring.Add(true); err != nil {
			t.Fatal(err)
		}
		wantSealed("with a new key", true)

		// The next key becomes active before the store is told.
		if _, err := b.ring.Add(true); err != nil {
			t.Fatal(err)
		}
		b.Before = at("Reseal", func() {
			if _, err := b.ring.Add(true); err != nil {
				t.Error(err)
			}
		})
		wantSealed("with two new keys", true)

		if _, err := b.ring.Add(true); err != nil {
			t.Fatal(err)
		}
		b.Before = at("Reseal", rotate)
		wantSealed("with another rotation", false)
	})
}

func TestSeal_countsTheShorterLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := newRing(t, "k1", 1)
		for _, test := range []struct {
			name        string
			token       string
			given, want time.Duration
		}{
			{"no JWT", "opaque", time.Hour, time.Hour},
			{"unknown", "opaque", 0, 0},
			{"the token's", jwt(time.Now().Add(time.Minute)), time.Hour, time.Minute},
			{"the given", jwt(time.Now().Add(time.Hour)), time.Minute, time.Minute},
			{"only the token's", jwt(time.Now().Add(time.Hour)), 0, time.Hour},
			{"ended", jwt(time.Now().Add(-time.Hour)), 0, time.Millisecond},
		} {
			sealed, err := custody.Seal(ring, account, 1, custody.Secret{Access: test.token}, test.given)
			if err != nil || sealed.Life != test.want {
				t.Errorf("%s: life %v (%v), want %v", test.name, sealed.Life, err, test.want)
			}
		}
	})
}
