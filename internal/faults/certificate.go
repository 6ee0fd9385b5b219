package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// badCertificate is what is wrong with upstream's certificate.
type badCertificate struct {
	name string
	// host is whose it is, from and to its life from now.
	host     string
	from, to time.Duration
	// trusted says that we know who signed it.
	trusted bool
}

const upstreamHost = "127.0.0.1"

var badCertificates = []badCertificate{
	{"unknown CA", upstreamHost, -time.Hour, time.Hour, false},
	{"expired", upstreamHost, -2 * time.Hour, -time.Hour, true},
	{"not valid yet", upstreamHost, time.Hour, 2 * time.Hour, true},
	{"of another host", "127.0.0.2", -time.Hour, time.Hour, true},
}

// sign makes the certificate, which signs itself.
func (b badCertificate) sign() (tls.Certificate, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("make key: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "upstream"},
		NotBefore:    now.Add(b.from), NotAfter: now.Add(b.to),
		IPAddresses: []net.IP{net.ParseIP(b.host)},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("make certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("read certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, leaf, nil
}

// untrusted has upstream show certificates that must not be trusted.
func untrusted(ctx context.Context, certificates []badCertificate) (string, error) {
	for _, bad := range certificates {
		if err := bad.refused(ctx); err != nil {
			return "", fmt.Errorf("%s: %w", bad.name, err)
		}
	}
	return fmt.Sprintf("%d certificates, one handshake a call, 0 requests", len(certificates)), nil
}

func (b badCertificate) refused(ctx context.Context) error {
	certificate, leaf, err := b.sign()
	if err != nil {
		return err
	}
	var handshakes atomic.Int64
	config := stackConfig{tls: &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			handshakes.Add(1)
			return &certificate, nil
		},
	}}
	if b.trusted {
		config.trusted = x509.NewCertPool()
		config.trusted.AddCert(leaf)
	}
	_, err = onBoth(ctx, config, func(s *stack, _ upstreamAPI) (string, error) {
		const reason = "UPSTREAM_TLS"
		handshakes.Store(0)
		var trailer metadata.MD
		_, err := s.customers.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{}, grpc.Trailer(&trailer))
		if err := failureOf(err).want(codes.Unavailable, reason); err != nil {
			return "", fmt.Errorf("read: %w", err)
		}
		if got := trailer.Get("grpc-retry-pushback-ms"); !slices.Equal(got, []string{"-1"}) {
			return "", fmt.Errorf("pushback %q", got)
		}
		_, err = s.customers.CreateCustomer(ctx, newCustomers(1)[0])
		if err := failureOf(err).want(codes.Unavailable, reason); err != nil {
			return "", fmt.Errorf("write: %w", err)
		}
		status, failed, err := restCall(ctx, http.MethodGet, s.rest+"/v1/customers", "", nil)
		if err := errors.Join(err, failed.want(codes.Unavailable, reason)); err != nil {
			return "", fmt.Errorf("REST: %w", err)
		}
		if status != http.StatusServiceUnavailable {
			return "", fmt.Errorf("REST: status %d", status)
		}
		if n := handshakes.Load(); n != 3 {
			return "", fmt.Errorf("%d handshakes for 3 calls", n)
		}
		if n := s.emulator.Stats().Requests; n != 0 {
			return "", fmt.Errorf("upstream got %d requests", n)
		}
		return "", nil
	})
	return err
}
