package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
)

// accountName is the host name of the account in the rows about names.
const accountName = "shop.amocrm.ru"

// The failures of name servers.
var (
	errServerFailure = &net.DNSError{Err: "server misbehaving", Name: accountName, IsTemporary: true}
	errNoAnswer      = &net.DNSError{Err: "i/o timeout", Name: accountName, IsTimeout: true, IsTemporary: true}
	errNoSuchHost    = &net.DNSError{Err: "no such host", Name: accountName, IsNotFound: true}
)

// nameServer tells addresses, or fails.
type nameServer struct {
	mu        sync.Mutex
	addresses []netip.Addr
	err       error
	asked     int
}

// tell changes what the name server answers.
func (n *nameServer) tell(err error, addresses ...netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err, n.addresses = err, addresses
}

// lookup is an amo.Lookup.
func (n *nameServer) lookup(context.Context, string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	return n.addresses, n.err
}

// take returns how often it was asked since the last call.
func (n *nameServer) take() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	asked := n.asked
	n.asked = 0
	return asked
}

// closing has upstream close each connection behind its answer, so that every
// request asks for the name.
func closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		next.ServeHTTP(w, r)
	})
}

// nameLost has the name servers fail: the last address serves for life, which
// stands for standard.
func nameLost(ctx context.Context, failures []error, standard, life time.Duration) (string, error) {
	if got := settings.Default().DNSLife; got != standard {
		return "", fmt.Errorf("an address is kept for %s, not %s", got, standard)
	}
	short := settings.Default()
	short.DNSLife = life
	loopback := netip.MustParseAddr("127.0.0.1")
	want := failure{code: codes.Unavailable, reason: "UPSTREAM_DNS"}
	served := 0
	for _, lost := range failures {
		names := &nameServer{}
		names.tell(nil, loopback)
		config := stackConfig{upstream: closing, host: accountName, sockets: amo.TransportConfig{
			Settings: short, Lookup: names.lookup, AllowInsecure: true,
		}}
		if _, err := onStack(ctx, config, func(s *stack) (string, error) {
			if _, err := s.firstPage(ctx); err != nil {
				return "", err
			}
			told := time.Now()
			names.tell(lost)
			for time.Since(told) < life-time.Second/2 {
				if _, err := s.firstPage(ctx); err != nil {
					return "", fmt.Errorf("%s after the last address: %w", round(time.Since(told)), err)
				}
				served++
				if err := pause(ctx, 10*time.Millisecond); err != nil {
					return "", err
				}
			}
			if err := pause(ctx, life-time.Since(told)+time.Second/2); err != nil {
				return "", err
			}
			names.take()
			_, err := s.firstPage(ctx)
			if err := failureOf(err).want(want.code, want.reason); err != nil {
				return "", fmt.Errorf("%s after the last address: %w", round(time.Since(told)), err)
			}
			if asked := names.take(); asked < 2 || asked > outageTries {
				return "", fmt.Errorf("asked %d times for a read that failed, want 2 to %d", asked, outageTries)
			}
			before := s.emulator.Stats().Requests
			_, err = s.customers.CreateCustomer(ctx, newCustomers(1)[0])
			if err := failureOf(err).want(want.code, want.reason); err != nil {
				return "", fmt.Errorf("write: %w", err)
			}
			status, failed, err := restCall(ctx, http.MethodGet, s.rest+"/v1/customers", "", nil)
			if err := errors.Join(err, failed.want(want.code, want.reason)); err != nil {
				return "", fmt.Errorf("REST: %w", err)
			}
			if status != http.StatusServiceUnavailable || s.emulator.Stats().Requests != before {
				return "", fmt.Errorf("REST: status %d, %d requests sent", status, s.emulator.Stats().Requests-before)
			}
			names.tell(nil, loopback)
			_, err = s.firstPage(ctx)
			return "", err
		}); err != nil {
			return "", fmt.Errorf("%s: %w", lost.Error(), err)
		}
	}
	return fmt.Sprintf("%d kinds of failures, %d calls served by the last address", len(failures), served), nil
}

// nameGone has the account's name stop to exist.
func nameGone(ctx context.Context, standard time.Duration) (string, error) {
	return inBubble(ctx, func(ctx context.Context) (string, error) {
		names := &nameServer{}
		names.tell(errNoSuchHost)
		sockets, err := amo.NewTransport(amo.TransportConfig{Lookup: names.lookup})
		if err != nil {
			return "", err
		}
		config := bubbleConfig{stackConfig: stackConfig{transport: func(http.RoundTripper) http.RoundTripper { return sockets }}}
		return runBubbleStack(ctx, config, func(s *bubbleStack) (string, error) {
			begun := time.Now()
			calls := 0
			for {
				names.take()
				_, err := s.firstPage(ctx)
				calls++
				if failureOf(err).want(codes.FailedPrecondition, "ACCOUNT_HOST_GONE") == nil {
					break
				}
				if err := failureOf(err).want(codes.Unavailable, "UPSTREAM_DNS"); err != nil {
					return "", fmt.Errorf("call %d: %w", calls, err)
				}
				if asked := names.take(); asked > outageTries {
					return "", fmt.Errorf("call %d: asked %d times", calls, asked)
				}
				if time.Since(begun) > 2*standard {
					return "", fmt.Errorf("after %s the account does not count as gone", time.Since(begun))
				}
				time.Sleep(time.Minute)
			}
			took := time.Since(begun)
			if took < standard || calls < 3 {
				return "", fmt.Errorf("the account counts as gone after %s and %d calls", took, calls)
			}
			if asked := names.take(); asked != 1 {
				return "", fmt.Errorf("asked %d times about an account that is gone", asked)
			}
			want := failure{code: codes.FailedPrecondition, reason: "ACCOUNT_HOST_GONE"}
			if err := s.wantREST(ctx, http.MethodGet, "/v1/customers", "", http.StatusFailedDependency, want); err != nil {
				return "", err
			}
			names.tell(nil) // no addresses at all
			_, err := s.firstPage(ctx)
			if err := failureOf(err).want(codes.Unavailable, "UPSTREAM_DNS"); err != nil {
				return "", fmt.Errorf("the name is back: %w", err)
			}
			return fmt.Sprintf("gone after %s", took.Round(time.Second)), nil
		})
	})
}

// insideAddresses are addresses of somebody's own network, and spellings of them.
var insideAddresses = []string{
	"127.0.0.1", "127.8.9.10", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
	"::1", "::", "fd00::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1",
}

// namesInside has the account's name lead inside.
func namesInside(ctx context.Context, addresses []string, reason string) (string, error) {
	const refusals = "amogate.egress.refused"
	names := &nameServer{}
	var connections *kept
	config := stackConfig{
		host: accountName, sockets: amo.TransportConfig{Lookup: names.lookup},
		emulated: func(c *emulator.Config) { c.Customers = 1 },
		listener: func(l net.Listener) net.Listener { connections = &kept{Listener: l}; return connections },
	}
	before, err := counted(ctx, refusals)
	if err != nil {
		return "", err
	}
	return onStack(ctx, config, func(s *stack) (string, error) {
		want := failure{code: codes.FailedPrecondition, reason: reason}
		for _, address := range addresses {
			names.tell(nil, netip.MustParseAddr(address))
			names.take()
			_, err := s.firstPage(ctx)
			if err := failureOf(err).want(want.code, want.reason); err != nil {
				return "", fmt.Errorf("%s: %w", address, err)
			}
			if asked := names.take(); asked != 1 {
				return "", fmt.Errorf("%s: tried %d times", address, asked)
			}
		}
		status, failed, err := restCall(ctx, http.MethodGet, s.rest+"/v1/customers", "", nil)
		if err := errors.Join(err, failed.want(want.code, want.reason)); err != nil {
			return "", fmt.Errorf("REST: %w", err)
		}
		if status != http.StatusFailedDependency {
			return "", fmt.Errorf("REST: status %d", status)
		}
		if n := connections.count.Load(); n != 0 {
			return "", fmt.Errorf("upstream got %d connections", n)
		}
		after, err := counted(ctx, refusals)
		if err != nil {
			return "", err
		}
		if refused := after - before; refused < int64(len(addresses)) {
			return "", fmt.Errorf("%d refusals were counted for %d addresses", refused, len(addresses))
		}
		return fmt.Sprintf("%d addresses refused and counted, 0 connections", len(addresses)), nil
	})
}
