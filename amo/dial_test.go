package amo

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/settings"
)

// answers is a name server that tells one answer after the other, the last one
// for ever.
type answers struct {
	mu    sync.Mutex
	asked int
	list  []answer
}

type answer struct {
	ip  string
	err error
}

var (
	errServFail = &net.DNSError{Err: "server misbehaving", Name: "shop.amocrm.ru", IsTemporary: true}
	errTimeout  = &net.DNSError{Err: "i/o timeout", Name: "shop.amocrm.ru", IsTimeout: true, IsTemporary: true}
	errNXDomain = &net.DNSError{Err: "no such host", Name: "shop.amocrm.ru", IsNotFound: true}
)

func (a *answers) lookup(context.Context, string) ([]netip.Addr, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := a.list[min(a.asked, len(a.list)-1)]
	a.asked++
	if next.err != nil {
		return nil, next.err
	}
	return []netip.Addr{netip.MustParseAddr(next.ip)}, nil
}

func TestDial_refusesAddressesThatAreNotPublic(t *testing.T) {
	for _, ip := range []string{
		"127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255",
		"::1", "::", "fd00::1", "fe80::1", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001::1", "::7f00:1", "2001:db8::1",
	} {
		dns := &answers{list: []answer{{ip: ip}}}
		c, err := New(Config{
			Account: "test", BaseURL: &url.URL{Scheme: "https", Host: "shop.amocrm.ru"}, Generation: V2,
			Auth: BearerToken("t"), Lookup: dns.lookup, Rate: 7,
		})
		if err != nil {
			t.Fatal(err)
		}
		results := c.Customers().Create(t.Context(), creates(1))
		if !IsKind(results[0].Err, KindHostGone) {
			t.Errorf("a name that leads to %s: %v, want KindHostGone", ip, results[0].Err)
		}
		if dns.asked != 1 {
			t.Errorf("a name that leads to %s was resolved %d times, want once", ip, dns.asked)
		}
		c.Close()
	}
}

func TestDial_refusesAnIPv4AddressInIPv6(t *testing.T) {
	d := newTestDialer(t, TransportConfig{})
	if err := d.check(t.Context(), "[::ffff:127.0.0.1]:443"); !IsKind(err, KindHostGone) {
		t.Errorf("check = %v, want KindHostGone", err)
	}
	if err := d.check(t.Context(), "nonsense"); !IsKind(err, KindHostGone) {
		t.Errorf("check = %v, want KindHostGone", err)
	}
	if err := d.check(t.Context(), "93.184.216.34:443"); err != nil {
		t.Errorf("check = %v", err)
	}
}

func newTestDialer(t *testing.T, config TransportConfig) *dialer {
	t.Helper()
	config.Settings = settings.Default()
	refused, err := newRefused()
	if err != nil {
		t.Fatal(err)
	}
	return &dialer{config: config, resolver: newResolver(config.Lookup, config.Settings), refused: refused}
}

func TestDial_triesEveryAddress(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	d := newTestDialer(t, TransportConfig{AllowInsecure: true, Lookup: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")}, nil
	}})
	conn, err := d.dial(t.Context(), "tcp", net.JoinHostPort("shop.amocrm.ru", port))
	if err != nil {
		t.Fatal(err)
	}
	if got := conn.RemoteAddr().String(); got != server.Listener.Addr().String() {
		t.Errorf("connected to %s", got)
	}
	_ = conn.Close()
}

func TestDial_connectsToTheProxyOfTheEnvironment(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	d := newTestDialer(t, TransportConfig{})
	if _, err := d.dial(t.Context(), "tcp", server.Listener.Addr().String()); !IsKind(err, KindHostGone) {
		t.Errorf("dial of a private address = %v, want KindHostGone", err)
	}
	d.proxies.Store("127.0.0.1", true)
	conn, err := d.dial(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestResolver_keepsTheLastAddressWhileNameServersFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, failure := range []error{errServFail, errTimeout, context.DeadlineExceeded} {
			dns := &answers{list: []answer{{ip: "93.184.216.34"}, {err: failure}}}
			r := newResolver(dns.lookup, settings.Default())
			if _, err := r.resolve(t.Context(), "shop.amocrm.ru"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5*time.Minute - time.Second)
			if got, err := r.resolve(t.Context(), "shop.amocrm.ru"); err != nil || len(got) != 1 {
				t.Errorf("after %v: %v, %v; want the last address", failure, got, err)
			}
			time.Sleep(time.Second)
			if _, err := r.resolve(t.Context(), "shop.amocrm.ru"); !IsKind(err, KindDNS) {
				t.Errorf("after %v and five minutes: %v, want KindDNS", failure, err)
			}
		}
	})
}

func TestResolver_hasNothingToKeepAtFirst(t *testing.T) {
	dns := &answers{list: []answer{{err: errServFail}}}
	r := newResolver(dns.lookup, settings.Default())
	if _, err := r.resolve(t.Context(), "shop.amocrm.ru"); !IsKind(err, KindDNS) || !errors.Is(err, errServFail) {
		t.Errorf("resolve = %v, want KindDNS for that reason", err)
	}
}

func TestResolver_aNameMustBeMissingForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &answers{list: []answer{{ip: "93.184.216.34"}, {err: errNXDomain}}}
		r := newResolver(dns.lookup, settings.Default())
		ask := func() error {
			_, err := r.resolve(t.Context(), "shop.amocrm.ru")
			return err
		}
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if err := ask(); !IsKind(err, KindDNS) {
				t.Fatalf("at first: %v, want KindDNS", err)
			}
		}
		time.Sleep(5 * time.Minute)
		if err := ask(); !IsKind(err, KindHostGone) {
			t.Errorf("after five minutes: %v, want KindHostGone", err)
		}
		dns.list = []answer{{ip: "93.184.216.34"}}
		if err := ask(); err != nil {
			t.Errorf("the name is back: %v", err)
		}
		dns.list = []answer{{err: errNXDomain}}
		if err := ask(); !IsKind(err, KindDNS) {
			t.Errorf("missing anew: %v, want KindDNS", err)
		}
		time.Sleep(6 * time.Minute)
		if err := ask(); !IsKind(err, KindDNS) {
			t.Errorf("missing twice: %v, want KindDNS", err)
		}
		if err := ask(); !IsKind(err, KindHostGone) {
			t.Errorf("missing thrice over six minutes: %v, want KindHostGone", err)
		}
	})
}

func TestClient_moves(t *testing.T) {
	var hosts []string
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		hosts = append(hosts, r.URL.Host)
		return nil, &tls.CertificateVerificationError{Err: errors.New("unknown")} // which is not tried again
	})
	c, err := New(Config{
		Account: "test", BaseURL: &url.URL{Scheme: "https", Host: "old.amocrm.ru"}, Generation: V2,
		Auth: BearerToken("t"), Transport: transport, Rate: 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask := func() { c.Customers().Create(t.Context(), creates(1)) }
	ask()
	to, err := ParseHost("new.amocrm.ru", false)
	if err != nil {
		t.Fatal(err)
	}
	c.Move(to)
	ask()
	if len(hosts) != 2 || hosts[0] != "old.amocrm.ru" || hosts[1] != "new.amocrm.ru" {
		t.Errorf("requests went to %v", hosts)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
