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

// rotating gives the bench a ring that can be changed. Behind the next use of a
// method of the store it seals the record anew and prunes the key before, as a
// rotation does whose caller was between reading a record and opening it.
func (b *bench) rotating() (rotateBehind func(method string)) {
	b.t.Helper()
	ring, err := keyring.Generate(filepath.Join(b.t.TempDir(), "keyring"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.ring = ring
	b.put(custody.KindOAuth, pair(1), 2, b.issuer.life)
	var behind string
	b.After = func(_ context.Context, method string) error {
		if method != behind {
			return nil
		}
		behind = ""
		old := ring.Active()
		_, err := ring.Add(true)
		sealed, needed, resealErr := custody.Reseal(ring, b.record())
		if err := errors.Join(err, resealErr); err != nil || !needed {
			b.t.Errorf("sealed anew: %v, %v", needed, err)
		}
		done, err := b.Reseal(context.WithoutCancel(b.t.Context()), account, sealed.Generation, old, sealed)
		if err := errors.Join(err, ring.Prune(old)); err != nil || !done {
			b.t.Errorf("rotated: %v, %v", done, err)
		}
		return nil
	}
	return func(method string) { behind = method }
}

func TestCurrent_readsAgainWhatARotationSealedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		rotateBehind := b.rotating()
		k, other := b.keeper(), b.keeper()
		rotateBehind("Credentials")
		b.want(k, 1)
		time.Sleep(25 * time.Hour)
		b.want(other, 2)
		rotateBehind("Lease") // whose answer is the pair of the other replica
		b.want(k, 2)
		b.wantCalls(1)
	})
}

func TestReseal_isForTheActiveKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newIssuer(false))
		r := b.record()
		if _, changed, err := custody.Reseal(b.ring, r); changed || err != nil {
			t.Errorf("Reseal = %v, %v, want nothing to do", changed, err)
		}
		if _, _, err := custody.Reseal(newRing(t, "k2", 2), r); !isKind(err, driver.KindUndecryptable) {
			t.Errorf("Reseal = %v, want KindUndecryptable", err)
		}
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
