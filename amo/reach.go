package amo

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Reach is how far connections to a host come.
type Reach struct {
	// Addresses are those that the host's name leads to, and Lookup why there are
	// none.
	Addresses []netip.Addr
	Lookup    error
	// Connection is why no connection came about, or no certificate was trusted.
	Connection error
	// Expires is the end of the host's certificate; zero without one.
	Expires time.Time
	// Proxy says that a proxy of the environment is in between. It resolves and
	// connects, so that none of that is known here.
	Proxy bool
}

// Try connects to a host and sends nothing. It is for finding out why requests do
// not arrive.
func Try(ctx context.Context, host Host, config TransportConfig) (Reach, error) {
	transport, err := NewTransport(config)
	if err != nil {
		return Reach{}, err
	}
	defer transport.CloseIdleConnections()
	if proxy, err := transport.Proxy(&http.Request{URL: host.URL()}); err != nil || proxy != nil {
		return Reach{Proxy: true}, nil
	}
	target := host.URL()
	r := Reach{}
	r.Addresses, r.Lookup = newResolver(config.Lookup, config.Settings).resolve(ctx, target.Hostname())
	if r.Lookup != nil {
		return r, nil
	}
	port := target.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[target.Scheme]
	}
	conn, err := transport.DialContext(ctx, "tcp", net.JoinHostPort(target.Hostname(), port))
	if err != nil {
		r.Connection = transportError(ctx, err)
		return r, nil
	}
	defer func() { _ = conn.Close() }()
	if target.Scheme != "https" {
		return r, nil
	}
	handshake := tls.Client(conn, &tls.Config{ServerName: target.Hostname(), MinVersion: tls.VersionTLS12})
	ctx, cancel := context.WithTimeout(ctx, transport.TLSHandshakeTimeout)
	defer cancel()
	if err := handshake.HandshakeContext(ctx); err != nil {
		r.Connection = transportError(context.WithoutCancel(ctx), err)
		return r, nil
	}
	certificates := handshake.ConnectionState().PeerCertificates
	if len(certificates) == 0 {
		r.Connection = &Error{Kind: KindTLS, Message: "the account's host shows no certificate", Err: errors.New("no certificate")}
		return r, nil
	}
	r.Expires = certificates[0].NotAfter
	return r, nil
}
