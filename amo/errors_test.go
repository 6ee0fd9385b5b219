package amo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
)

func TestErrors_ofTheAccount(t *testing.T) {
	tests := map[string]struct {
		account emulator.Config
		auth    Auth
		want    Kind
	}{
		"customers off":         {emulator.Config{CustomersState: emulator.CustomersOff}, nil, KindCustomersDisabled},
		"customers unavailable": {emulator.Config{CustomersState: emulator.CustomersUnavailable}, nil, KindCustomersNotInPlan},
		"customers unpaid":      {emulator.Config{CustomersState: emulator.CustomersUnpaid}, nil, KindCustomersNotInPlan},
		"no rights":             {emulator.Config{CustomersState: emulator.CustomersNoRights}, nil, KindForbidden},
		"wrong token":           {emulator.Config{}, BearerToken("wrong"), KindReauth},
		"wrong key":             {emulator.Config{}, Session{Login: emulator.DefaultLogin, APIKey: "wrong"}, KindReauth},
		"user disabled":         {emulator.Config{LoginState: emulator.LoginUserDisabled}, testSession, KindReauth},
		"address refused":       {emulator.Config{LoginState: emulator.LoginIPRefused}, testSession, KindBlocked},
		"account elsewhere":     {emulator.Config{LoginState: emulator.LoginOtherServer}, testSession, KindMoved},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, test.account, Config{Auth: test.auth})
				if _, err := b.client.Customers().Get(t.Context(), 1); !IsKind(err, test.want) {
					t.Errorf("Get = %v, want kind %d", err, test.want)
				}
				// A refusal is definite for a write too.
				if results := b.client.Customers().Create(t.Context(), creates(1)); !IsKind(results[0].Err, test.want) {
					t.Errorf("Create = %v, want kind %d", results[0].Err, test.want)
				}
			})
		})
	}
}

func TestErrors_ofTheConnection(t *testing.T) {
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	_ = listener.Close()

	tests := map[string]struct {
		url   string
		dial  func(ctx context.Context, network, address string) (net.Conn, error)
		want  Kind
		tries int64
	}{
		"no certificate that is trusted": {untrusted.URL, nil, KindTLS, 1},
		"nobody listens":                 {closed, nil, KindUnavailable, 3},
		"no such host": {"https://shop.amocrm.ru", func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "shop.amocrm.ru", IsNotFound: true}
		}, KindDNS, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int64
			dial := test.dial
			if dial == nil {
				dial = (&net.Dialer{}).DialContext
			}
			transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				tries.Add(1)
				return dial(ctx, network, address)
			}}
			base, err := url.Parse(test.url)
			if err != nil {
				t.Fatal(err)
			}
			c, err := New(Config{Account: "test", BaseURL: base, Generation: V2, Auth: BearerToken("t"), Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			// A create that reached nobody is safe to repeat and fails as definitely
			// as a read.
			results := c.Customers().Create(t.Context(), creates(1))
			if !IsKind(results[0].Err, test.want) {
				t.Errorf("Create = %v, want kind %d", results[0].Err, test.want)
			}
			if got := tries.Load(); got != test.tries {
				t.Errorf("%d connections, want %d", got, test.tries)
			}
		})
	}
}

func TestErrors_giveNoSecretAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret = "canary-7c1d"
		for _, auth := range []Auth{BearerToken(secret), Session{Login: emulator.DefaultLogin, APIKey: secret}} {
			b := newBench(t, emulator.Config{}, Config{Auth: auth})
			_, err := b.client.Customers().Get(t.Context(), 1)
			for _, text := range []string{err.Error(), fmt.Sprintf("%v %+v %#v %s", auth, auth, auth, auth)} {
				if strings.Contains(text, secret) {
					t.Errorf("the secret shows in %q", text)
				}
			}
		}
	})
}

func TestErrors_attemptThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList, Nth: 1},
			Action: emulator.Action{Drip: &emulator.Drip{Bytes: 1, Every: time.Second}},
		})
		start := time.Now()
		if _, err := b.client.Customers().Get(t.Context(), customerIDs(b, 1)[0]); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < defaults.AttemptTimeout || took > defaults.AttemptTimeout+time.Second {
			t.Errorf("the call took %v, want one attempt of %v and a good second one", took, defaults.AttemptTimeout)
		}
	})
}

func TestErrors_sharedWorkThatHangsIsUpstreamsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Latency: time.Hour}, Config{})
		start := time.Now()
		_, err := b.client.Customers().Get(t.Context(), 1)
		if !IsKind(err, KindUnavailable) || time.Since(start) != defaults.SharedTimeout {
			t.Errorf("Get = %v after %v, want KindUnavailable after %v", err, time.Since(start), defaults.SharedTimeout)
		}
	})
}

func TestNew_tellsEverythingThatIsWrong(t *testing.T) {
	_, err := New(Config{
		BaseURL: &url.URL{Scheme: "ftp", Host: "x"}, Auth: Session{}, Rate: 8, PageSize: 501, Generation: 3,
	})
	if err == nil {
		t.Fatal("New accepted it")
	}
	for _, part := range []string{"account", "base url", "login is empty", "key is empty", "rate 8", "page size 501", "generation"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not tell of %q", err, part)
		}
	}
	if _, err := New(Config{Account: "a", BaseURL: &url.URL{Scheme: "https", Host: "x"}, Auth: BearerToken("a\nb")}); err == nil || strings.Contains(err.Error(), "a\nb") {
		t.Errorf("a token with a line break: %v", err)
	}
}

func TestClose_endsWhatServesManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Latency: time.Minute}, Config{Auth: testSession})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.client.Customers().Get(ctx, 1); !IsKind(err, KindDeadline) {
			t.Errorf("Get = %v, want KindDeadline at the caller's own deadline", err)
		}
		b.client.Close() // the login still under way ends, or the bubble would not
		synctest.Wait()
		if got := b.Stats().InFlight; got != 0 {
			t.Errorf("%d requests outlive the client", got)
		}
	})
}

func TestContextError_keepsTheCause(t *testing.T) {
	cause := errors.New("draining")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := contextError(ctx); err.Kind != KindCancelled || !errors.Is(err, cause) {
		t.Errorf("contextError = %v, want KindCancelled with its cause", err)
	}
}
