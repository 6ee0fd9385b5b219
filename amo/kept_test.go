package amo

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/custody/custodytest"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/keyring"
)

var testIntegration = Integration{ClientID: emulator.DefaultClientID, ClientSecret: emulator.DefaultClientSecret, RedirectURL: emulator.DefaultRedirectURL}

// keptBench is an emulated account whose credentials are kept in a store, and the
// replicas of it.
type keptBench struct {
	*emulator.Emulator

	t     *testing.T
	store *custodytest.Store
	ring  *keyring.Ring
	slots *limit.Memory
	log   bytes.Buffer
	// auth is the Kept of the replicas, without its keeper.
	auth Kept
	// transport carries the requests of the replicas.
	transport http.RoundTripper
	secrets   []string
}

func newKeptBench(t *testing.T, account emulator.Config, kind custody.Kind) *keptBench {
	t.Helper()
	account.Strict = true
	e, err := emulator.New(account)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Parse("k1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	b := &keptBench{Emulator: e, t: t, store: &custodytest.Store{}, ring: ring, slots: limit.NewMemory(0), transport: e.Transport()}
	b.auth = Kept{Kind: kind, Integration: testIntegration}
	b.secrets = []string{testIntegration.ClientSecret}
	return b
}

// put stores credentials as a person gives them.
func (b *keptBench) put(generation int64, secret custody.Secret, life time.Duration) {
	b.t.Helper()
	sealed, err := custody.Seal(b.ring, "test", generation, secret, life)
	if err != nil {
		b.t.Fatal(err)
	}
	if ok, err := b.store.PutCredentials(b.t.Context(), "test", b.auth.Kind, sealed); !ok || err != nil {
		b.t.Fatalf("PutCredentials = %v, %v", ok, err)
	}
	b.secrets = append(b.secrets, secret.Access, secret.Refresh, secret.APIKey)
}

// putPair stores a fresh pair of the account.
func (b *keptBench) putPair() {
	b.t.Helper()
	p, err := b.IssuePair()
	if err != nil {
		b.t.Fatal(err)
	}
	b.put(1, custody.Secret{Access: p.AccessToken, Refresh: p.RefreshToken}, time.Duration(p.ExpiresIn)*time.Second)
}

// client returns the client of another replica.
func (b *keptBench) client() *Client {
	b.t.Helper()
	journal, err := custody.OpenJournal(b.t.TempDir())
	if err != nil {
		b.t.Fatal(err)
	}
	host, err := ParseURL("https://north.amocrm.ru", false)
	if err != nil {
		b.t.Fatal(err)
	}
	limiter, err := limit.New(limit.Config{Account: "test", Rate: DefaultRate, Store: b.slots, Settings: defaults})
	if err != nil {
		b.t.Fatal(err)
	}
	auth := b.auth
	auth.Keeper = custody.Config{Account: "test", Owner: fmt.Sprintf("replica-%p", journal), Store: b.store, Ring: b.ring, Journal: journal}
	c, err := New(Config{
		Account: "test", BaseURL: host.URL(), Auth: auth, Transport: b.transport, Limiter: limiter, Settings: defaults,
		Logger: slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		c.Close()
		limiter.Close()
		err := errors.Join(c.Keeper().Close(context.WithoutCancel(b.t.Context())), journal.Close())
		if err != nil {
			b.t.Error(err)
		}
	})
	return c
}

// state returns the state of the credentials in the store.
func (b *keptBench) state() custody.State {
	b.t.Helper()
	r, err := b.store.Credentials(b.t.Context(), "test")
	if err != nil {
		b.t.Fatal(err)
	}
	return r.State
}

// checkSecrets fails when the log or an error shows a credential.
func (b *keptBench) checkSecrets(errs ...error) {
	b.t.Helper()
	text := b.log.String() + fmt.Sprint(errs)
	for _, secret := range b.secrets {
		if secret != "" && strings.Contains(text, secret) {
			b.t.Errorf("%q is shown", secret)
		}
	}
}

func (b *keptBench) wantTokenCalls(n int64) {
	b.t.Helper()
	if got := b.Stats().ByOperation[emulator.OpOAuthToken]; got != n {
		b.t.Errorf("%d token calls, want %d", got, n)
	}
}

func TestKept_sixteenCallersOfAnEndedTokenCostOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newKeptBench(t, emulator.Config{Latency: 100 * time.Millisecond}, custody.KindOAuth)
		b.putPair()
		replicas := []*Client{b.client(), b.client()}
		time.Sleep(25 * time.Hour)
		var wg sync.WaitGroup
		for n := range 16 {
			wg.Go(func() {
				if _, err := replicas[n%2].Identify(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b.wantTokenCalls(1)
		if s := b.Stats(); s.ByStatus[401] != 0 || s.FullestWindow > 7 {
			t.Errorf("%d times 401, fullest second %d", s.ByStatus[401], s.FullestWindow)
		}
		b.checkSecrets()
	})
}

func TestKept_a401IsOneRefreshAndOneReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newKeptBench(t, emulator.Config{}, custody.KindOAuth)
		b.putPair()
		c, other := b.client(), b.client()
		for _, client := range []*Client{c, other} {
			if _, err := client.Identify(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.ExpireAccess()
		b.ResetStats()
		for _, client := range []*Client{c, other} {
			if _, err := client.Identify(t.Context()); err != nil {
				t.Error(err)
			}
		}
		b.wantTokenCalls(1) // the other replica reads the store
		if got := b.Stats().ByStatus[401]; got != 2 {
			t.Errorf("%d times 401, want one of each replica", got)
		}
	})
}

// TestKept_aCallThatIsAlwaysRefusedBurnsNoTokens has one operation that upstream
// answers with 401 whatever the token, and another one that it takes.
func TestKept_aCallThatIsAlwaysRefusedBurnsNoTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newKeptBench(t, emulator.Config{}, custody.KindOAuth)
		b.putPair()
		c := b.client()
		if err := b.Script(emulator.Rule{Match: emulator.Match{Operation: emulator.OpPeriodsList}, Action: emulator.Action{Status: 401}}); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		for time.Since(begun) < time.Hour {
			if _, err := c.Identify(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Periods().List(t.Context()); !IsKind(err, KindReauth) {
				t.Fatalf("List = %v, want KindReauth", err)
			}
			time.Sleep(5 * time.Second)
		}
		if got := b.Stats().ByOperation[emulator.OpOAuthToken]; got < 2 || got > int64(defaults.TokenCalls)+1 {
			t.Errorf("%d token calls in an hour, want some and at most %d", got, defaults.TokenCalls)
		}
		if got := b.state(); got != custody.StateOK {
			t.Errorf("state %s: other calls are taken", got)
		}
		// Tokens that have ended for everybody are renewed at once all the same.
		b.ClearFaults()
		b.ExpireAccess()
		if _, err := c.Identify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestKept_freshTokensThatAreRefusedEndTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newKeptBench(t, emulator.Config{}, custody.KindOAuth)
		b.putPair()
		c := b.client()
		if err := b.Script(emulator.Rule{Match: emulator.Match{Operation: emulator.OpV4Account}, Action: emulator.Action{Status: 401}}); err != nil {
			t.Fatal(err)
		}
		for n := range 10 {
			if _, err := c.Identify(t.Context()); !IsKind(err, KindReauth) {
				t.Errorf("call %d: %v, want KindReauth", n, err)
			}
			time.Sleep(time.Minute)
		}
		if b.state() != custody.StateRevoked {
			t.Errorf("state %s, want revoked", b.state())
		}
		b.wantTokenCalls(2)
		b.ResetStats()
		time.Sleep(time.Hour)
		if _, err := c.Identify(t.Context()); !IsKind(err, KindReauth) || b.Stats().Requests != 0 {
			t.Errorf("%v with %d requests, want KindReauth with none", err, b.Stats().Requests)
		}
	})
}

func TestKept_revokedTokenIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newKeptBench(t, emulator.Config{}, custody.KindOAuth)
		b.putPair()
		c := b.client()
		b.Disconnect()
		_, err := c.Identify(t.Context())
		if !IsKind(err, KindReauth) {
			t.Errorf("Identify = %v, want KindReauth", err)
		}
		for range 24 {
			time.Sleep(time.Hour)
			if _, err := c.Identify(t.Context()); !IsKind(err, KindReauth) {
				t.Errorf("Identify = %v, want KindReauth", err)
			}
			if err := c.Keeper().Tend(t.Context()); err != nil {
				t.Error(err)
			}
		}
		b.wantTokenCalls(1)
		b.checkSecrets(err)
	})
}

func TestKept_wrongSecretIsTheIntegrationsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newKeptBench(t, emulator.Config{}, custody.KindOAuth)
		b.auth.Integration.ClientSecret = "wrong"
		b.putPair()
		c := b.client()
		time.Sleep(25 * time.Hour)
		for range 5 {
			if _, err := c.Identify(t.Context()); !IsKind(err, KindMisconfigured) {
				t.Errorf("Identify = %v, want KindMisconfigured", err)
			}
			time.Sleep(time.Hour)
		}
		b.wantTokenCalls(1)
		b.auth.Integration = testIntegration
		if _, err := b.client().Identify(t.Context()); err != nil {
			t.Errorf("with the right secret: %v", err)
		}
	})
}

func TestKept_blockAtTheTokenEndpointIsNoRevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newKeptBench(t, emulator.Config{}, custody.KindOAuth)
		b.putPair()
		c := b.client()
		time.Sleep(25 * time.Hour)
		rule := emulator.Rule{Match: emulator.Match{Operation: emulator.OpOAuthToken, Nth: 1}, Action: emulator.Action{Status: 403, HTML: true}}
		if err := b.Script(rule); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Identify(t.Context()); !IsKind(err, KindBlocked) || b.state() != custody.StateOK {
			t.Errorf("Identify = %v with state %s, want KindBlocked and ok", err, b.state())
		}
		time.Sleep(2 * defaults.BlockProbe)
		if _, err := c.Identify(t.Context()); err != nil {
			t.Errorf("after the block: %v", err)
		}
	})
}

func TestKept_lostAnswers(t *testing.T) {
	cut := 20
	for name, action := range map[string]emulator.Action{
		"dropped":        {Apply: true, Drop: true},
		"cut":            {Cut: &cut},
		"an error after": {Apply: true, Status: 502, HTML: true},
		"a page":         {Apply: true, HTML: true},
	} {
		for _, grace := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, grace %v", name, grace), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newKeptBench(t, emulator.Config{OAuth: emulator.OAuth{Grace: grace}}, custody.KindOAuth)
					b.putPair()
					c := b.client()
					if err := b.Script(emulator.Rule{Match: emulator.Match{Operation: emulator.OpOAuthToken, Nth: 1}, Action: action}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(25 * time.Hour)
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					_, err := c.Identify(ctx)
					if grace && err != nil {
						t.Errorf("Identify = %v: the old token works until the new pair is used", err)
					}
					if !grace && (!IsKind(err, KindTokenLost) || b.state() != custody.StateLost) {
						t.Errorf("Identify = %v, state %s, want KindTokenLost", err, b.state())
					}
					b.wantTokenCalls(2)
				})
			})
		}
	}
}

func TestKept_followsAnAccountThatWasRenamed(t *testing.T) {
	for _, test := range []struct {
		notFound bool
		// age of the token when the account is renamed.
		age time.Duration
	}{{false, 25 * time.Hour}, {true, 25 * time.Hour}, {false, time.Hour}, {true, time.Hour}} {
		synctest.Test(t, func(t *testing.T) {
			b := newKeptBench(t, emulator.Config{Host: "north.amocrm.ru", MovedNotFound: test.notFound}, custody.KindOAuth)
			b.putPair()
			var hosts []string
			var c *Client
			b.auth.Moved = func(_ context.Context, host string) error {
				hosts = append(hosts, host)
				to, err := ParseHost(host, false)
				if err != nil {
					return err
				}
				c.Move(to)
				return nil
			}
			c = b.client()
			time.Sleep(test.age)
			b.Rename("south.amocrm.ru")
			if _, err := c.Identify(t.Context()); err != nil {
				t.Errorf("%+v: %v", test, err)
			}
			if len(hosts) != 1 || hosts[0] != "south.amocrm.ru" {
				t.Errorf("moved to %q, want south.amocrm.ru once", hosts)
			}
			if s := b.Stats(); s.ByOperation[emulator.OpOAuthSubdomain] != 1 || s.FullestWindow > 7 {
				t.Errorf("%d look-ups, fullest second %d", s.ByOperation[emulator.OpOAuthSubdomain], s.FullestWindow)
			}
			b.checkSecrets()
		})
	}
}

func TestKept_goesToNoForeignHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newKeptBench(t, emulator.Config{Host: "north.amocrm.ru"}, custody.KindOAuth)
		b.putPair()
		b.auth.Moved = func(_ context.Context, host string) error {
			_, err := ParseHost(host, false)
			return err
		}
		c := b.client()
		time.Sleep(25 * time.Hour)
		b.Rename("evil.example.com")
		_, err := c.Identify(t.Context())
		if !IsKind(err, KindMoved) || b.state() != custody.StateOK {
			t.Errorf("Identify = %v with state %s, want KindMoved and ok", err, b.state())
		}
		b.wantTokenCalls(1)
	})
}

func TestKept_sendsNoTokenToAForeignAPIDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newKeptBench(t, emulator.Config{Host: "north.amocrm.ru", OAuth: emulator.OAuth{APIDomain: "api.evil.example"}}, custody.KindOAuth)
		b.putPair()
		b.auth.Moved = func(context.Context, string) error { return errors.New("not reached") }
		c := b.client()
		time.Sleep(25 * time.Hour)
		b.Rename("south.amocrm.ru")
		if _, err := c.Identify(t.Context()); !IsKind(err, KindMoved) {
			t.Errorf("Identify = %v, want KindMoved", err)
		}
		if got := b.Stats().ByOperation[emulator.OpOAuthSubdomain]; got != 0 {
			t.Errorf("%d look-ups at a foreign host", got)
		}
	})
}

func TestKept_tokenIsRefusedTwiceBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newKeptBench(t, emulator.Config{}, custody.KindToken)
		long, err := b.IssueLongLived(365 * 24 * time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		b.put(1, custody.Secret{Access: long}, 0)
		c := b.client()
		if _, err := c.Identify(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // what was read this instant is as good as new
		b.ExpireAccess()
		for n, want := range []custody.State{custody.StateOK, custody.StateRevoked} {
			if _, err := c.Identify(t.Context()); !IsKind(err, KindReauth) || b.state() != want {
				t.Errorf("call %d: %v with state %s, want KindReauth and %s", n+1, err, b.state(), want)
			}
		}
		b.wantTokenCalls(0)
	})
}

func TestKept_sessionIsThatOfTheKeptLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newKeptBench(t, emulator.Config{}, custody.KindSession)
		b.put(1, custody.Secret{Login: emulator.DefaultLogin, APIKey: "wrong"}, 0)
		c := b.client()
		call := func() error {
			_, err := c.Identify(t.Context())
			return err
		}
		for range 3 {
			if err := call(); !IsKind(err, KindReauth) {
				t.Errorf("Identify = %v, want KindReauth", err)
			}
		}
		if b.state() != custody.StateOK {
			t.Errorf("state %s after one refused login", b.state())
		}
		time.Sleep(defaults.LoginPause)
		if err := call(); !IsKind(err, KindReauth) || b.state() != custody.StateRevoked {
			t.Errorf("Identify = %v with state %s, want the second refusal to end it", err, b.state())
		}
		time.Sleep(time.Hour)
		_ = call()
		if got := b.Stats().LoginFailures; got != 2 {
			t.Errorf("%d refused logins, want 2", got)
		}

		b.put(2, custody.Secret{Login: emulator.DefaultLogin, APIKey: emulator.DefaultAPIKey}, 0)
		time.Sleep(defaults.TokenPoll)
		for range 3 {
			if err := call(); err != nil {
				t.Error(err)
			}
		}
		b.ExpireSessions()
		if err := call(); err != nil {
			t.Error(err)
		}
		if got := b.Stats().Logins; got != 2 {
			t.Errorf("%d logins, want 2", got)
		}
		b.checkSecrets()
	})
}

func TestExchangeCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newKeptBench(t, emulator.Config{}, custody.KindOAuth)
		host, err := ParseURL("https://north.amocrm.ru", false)
		if err != nil {
			t.Fatal(err)
		}
		config := Config{Account: "test", BaseURL: host.URL(), Transport: b.transport}
		code := b.IssueCode()
		pair, err := ExchangeCode(t.Context(), config, testIntegration, code)
		if err != nil || pair.Life != 24*time.Hour || !b.Exchangeable(pair.Refresh) {
			t.Fatalf("ExchangeCode = life %v, %v", pair.Life, err)
		}
		if _, err := ExchangeCode(t.Context(), config, testIntegration, code); !IsKind(err, KindInvalid) || strings.Contains(err.Error(), code) {
			t.Errorf("a used code: %v, want KindInvalid", err)
		}
		wrong := testIntegration
		wrong.RedirectURL += "/other"
		if _, err := ExchangeCode(t.Context(), config, wrong, b.IssueCode()); !IsKind(err, KindMisconfigured) {
			t.Errorf("another redirect URL: %v, want KindMisconfigured", err)
		}
		if _, err := ExchangeCode(t.Context(), config, Integration{ClientID: "id"}, b.IssueCode()); !IsKind(err, KindMisconfigured) {
			t.Errorf("half an integration: %v, want KindMisconfigured", err)
		}
	})
}

func TestIntegration_printsAsStars(t *testing.T) {
	i := Integration{ClientID: "canary", ClientSecret: "canary", RedirectURL: "canary"}
	if text := fmt.Sprintf("%v %+v %#v %s %d", i, &i, i, i, i); strings.Contains(text, "canary") {
		t.Errorf("an integration prints as %s", text)
	}
}

func TestKept_saysWhatIsWrong(t *testing.T) {
	for name, auth := range map[string]Kept{
		"kind":        {Kind: "other"},
		"integration": {Kind: custody.KindOAuth, Integration: Integration{ClientID: "id"}},
		"keeper":      {Kind: custody.KindOAuth},
	} {
		host, err := ParseURL("https://north.amocrm.ru", false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(Config{Account: "test", BaseURL: host.URL(), Auth: auth, Transport: http.DefaultTransport}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
