package amo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"syscall"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/amo/settings"
)

// TransportConfig is the configuration of NewTransport.
type TransportConfig struct {
	// Settings are the time-outs. The zero value means settings.Default.
	Settings settings.Settings
	// Lookup finds addresses. Default: the resolver of the system.
	Lookup Lookup
	// AllowInsecure lets connections go to addresses that are not public, for
	// tests and the sandbox.
	AllowInsecure bool
}

// NewTransport returns the transport that carries requests to accounts. It
// refuses to connect to an address that is not one of the open internet,
// whichever name led there, unless it is that of a proxy of the environment,
// which its operator chose; KindHostGone is the error. Proxies resolve names
// themselves.
func NewTransport(config TransportConfig) (*http.Transport, error) {
	if config.Settings == (settings.Settings{}) {
		config.Settings = settings.Default()
	}
	refused, err := newRefused()
	if err != nil {
		return nil, fmt.Errorf("amo: metrics: %w", err)
	}
	d := &dialer{config: config, resolver: newResolver(config.Lookup, config.Settings), refused: refused}
	return &http.Transport{
		Proxy:                 d.proxy,
		DialContext:           d.dial,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   limit.DefaultInFlight,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   config.Settings.TLSTimeout,
		ExpectContinueTimeout: time.Second,
	}, nil
}

// newRefused counts the connections that check refused.
func newRefused() (metric.Int64Counter, error) {
	return otel.Meter(scope).Int64Counter("amogate.egress.refused",
		metric.WithDescription("Connections that were not made since the account's name led to an address that is not public."))
}

// dialer connects to accounts.
type dialer struct {
	config   TransportConfig
	resolver *resolver
	refused  metric.Int64Counter

	// proxies are the addresses of proxies that were chosen.
	proxies sync.Map
}

// proxy chooses the proxy of a request, and remembers that it may be connected to.
func (d *dialer) proxy(req *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(req)
	if proxy != nil {
		d.proxies.Store(proxy.Hostname(), true)
	}
	return proxy, err
}

// dial connects to the first address of a host that answers. Each gets an equal
// share of the time that is left.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.config.Settings.DialTimeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	_, isProxy := d.proxies.Load(host)
	asking, enough := withShare(ctx, 2) // time is left for the last known address
	addresses, err := d.resolver.resolve(asking, host)
	enough()
	if err != nil {
		return nil, err
	}
	var plain net.Dialer
	if !d.config.AllowInsecure && !isProxy {
		plain.Control = func(_, address string, _ syscall.RawConn) error { return d.check(ctx, address) }
	}
	var first error
	for i, ip := range addresses {
		share, end := withShare(ctx, len(addresses)-i)
		conn, err := plain.DialContext(share, network, net.JoinHostPort(ip.String(), port))
		end()
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// check refuses an address that is about to be connected to, unless it is public.
func (d *dialer) check(ctx context.Context, address string) error {
	target, err := netip.ParseAddrPort(address)
	if err == nil && public(target.Addr()) {
		return nil
	}
	d.refused.Add(ctx, 1)
	return &Error{
		Kind:    KindHostGone,
		Message: "the account's host name leads to an address that is not public, so nothing was sent; correct its URL, or the name server",
		Err:     fmt.Errorf("connection to %s refused", address),
	}
}

// withShare returns ctx with the nth part of the time that is left.
func withShare(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(n))
}
