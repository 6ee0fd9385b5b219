package amo

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/amogate/amogate/amo/settings"
)

func TestTry_tellsHowFarAHostIsReached(t *testing.T) {
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + listener.Addr().String()
	_ = listener.Close()
	missing := func(context.Context, string) ([]netip.Addr, error) { return nil, errNXDomain }
	inside := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
	}
	for name, test := range map[string]struct {
		url                 string
		lookup              Lookup
		insecure            bool
		resolved, connected Kind // KindCount = no error
	}{
		"plain http":                     {plain.URL, nil, true, KindCount, KindCount},
		"no certificate that is trusted": {untrusted.URL, nil, true, KindCount, KindTLS},
		"nobody listens":                 {nobody, nil, true, KindCount, KindUnavailable},
		"no such name":                   {"https://shop.amocrm.ru", missing, false, KindDNS, KindCount},
		"an address inside":              {"https://shop.amocrm.ru", inside, false, KindCount, KindHostGone},
	} {
		host, err := ParseURL(test.url, test.insecure)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Try(t.Context(), host, TransportConfig{Settings: settings.Default(), Lookup: test.lookup, AllowInsecure: test.insecure})
		if err != nil {
			t.Fatal(err)
		}
		if !isKindOrNone(got.Lookup, test.resolved) || !isKindOrNone(got.Connection, test.connected) || got.Proxy || (test.resolved == KindCount) != (len(got.Addresses) == 1) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func isKindOrNone(err error, kind Kind) bool {
	if kind == KindCount {
		return err == nil
	}
	return IsKind(err, kind)
}
