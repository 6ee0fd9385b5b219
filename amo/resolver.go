package amo

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/settings"
)

// minGone is how many times at least a name must not have existed before its
// account counts as gone.
const minGone = 3

// Lookup finds the addresses of a host name. Its errors are those of package
// net: a *net.DNSError that says whether the name does not exist.
type Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

// resolver finds the addresses of host names, and keeps the last ones for the
// time in which name servers fail. It is safe for concurrent use.
type resolver struct {
	lookup   Lookup
	settings settings.Settings

	mu    sync.Mutex
	names map[string]*name
}

// name is what is known of a host name.
type name struct {
	addresses []netip.Addr
	// found is when the addresses were last told.
	found time.Time
	// missing is when the name was first told not to exist, misses how often it
	// was since. Both start again when it exists.
	missing time.Time
	misses  int
}

// newResolver returns a resolver over lookup; nil = that of the system.
func newResolver(lookup Lookup, s settings.Settings) *resolver {
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	return &resolver{lookup: lookup, settings: s, names: map[string]*name{}}
}

// resolve returns the addresses of a host in the order to try them. Its error is
// KindDNS, or KindHostGone once the name has not existed for long.
func (r *resolver) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	addresses, err := r.lookup(ctx, host)
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.names[host]
	if known == nil {
		known = &name{}
		r.names[host] = known
	}
	now := time.Now()
	if err == nil && len(addresses) > 0 {
		for i, ip := range addresses {
			if ip.Is4In6() && ip.Zone() == "" {
				addresses[i] = ip.Unmap() // some resolvers tell plain IPv4 addresses so
			}
		}
		*known = name{addresses: addresses, found: now}
		return slices.Clone(addresses), nil
	}
	if missing, ok := errors.AsType[*net.DNSError](err); ok && missing.IsNotFound {
		return nil, r.miss(known, now, err)
	}
	if known.addresses != nil && now.Sub(known.found) < r.settings.DNSLife {
		return slices.Clone(known.addresses), nil
	}
	return nil, &Error{Kind: KindDNS, Message: "the name servers do not tell the address of the account's host", Err: err}
}

// miss counts that a name does not exist.
func (r *resolver) miss(known *name, now time.Time, err error) error {
	if known.misses == 0 {
		known.missing = now
	}
	known.misses++
	if known.misses < minGone || now.Sub(known.missing) < r.settings.HostGoneAfter {
		return &Error{Kind: KindDNS, Message: "the account's host name does not resolve", Err: err}
	}
	return &Error{Kind: KindHostGone, Message: "the account's host name does not exist; was the account renamed or closed? Correct its URL", Err: err}
}
