package emulator

import (
	"net"
	"net/http"
	"strings"
	"sync"
)

// hostStore knows where the account lives. It has a lock of its own, under which no other is taken.
type hostStore struct {
	mu      sync.RWMutex
	name    string // with a port where it was told one; empty: everywhere
	renamed bool
	address string // that SetAddress told
}

// wrongHost is what a request to a host of another account meets.
type wrongHost struct {
	refusal *refusal
	moved   bool // the account has been there
}

func (st *hostStore) get() (name string, renamed bool) {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.name, st.renamed
}

// refuses judges the host of a request, which has no port.
func (st *hostStore) refuses(host string, notFound bool) *wrongHost {
	name, renamed := st.get()
	if name == "" || strings.EqualFold(host, withoutPort(name)) {
		return nil
	}
	status := http.StatusUnauthorized
	if renamed && notFound {
		status = http.StatusNotFound
	}
	return &wrongHost{&refusal{status: status, code: 101, text: "Account not found"}, renamed}
}

func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// Rename moves the account to another host, given with a port where clients need one: requests to any other are refused
// from then on, and the look-ups of the domain tell the new one. The first label is the new subdomain.
func (e *Emulator) Rename(host string) {
	e.hosts.mu.Lock()
	defer e.hosts.mu.Unlock()
	e.hosts.name, e.hosts.renamed = host, true
}

// SetAddress tells the host and port the emulator is reached at, for access tokens made later: their claim api_domain
// names it unless Config.OAuth.APIDomain is set. New cannot know the port of a server that is started after it.
func (e *Emulator) SetAddress(hostPort string) {
	e.hosts.mu.Lock()
	defer e.hosts.mu.Unlock()
	e.hosts.address = hostPort
}

// apiDomain is what access tokens say about where the look-up of the domain is.
func (e *Emulator) apiDomain() string {
	e.hosts.mu.RLock()
	defer e.hosts.mu.RUnlock()
	switch {
	case e.config.OAuth.APIDomain != "":
		return e.config.OAuth.APIDomain
	case e.hosts.address != "":
		return e.hosts.address
	case e.config.OAuth.Platform == 2:
		return "api-c.kommo.com"
	}
	return "api-b.amocrm.ru"
}

// baseDomain is the zone of the account.
func (e *Emulator) baseDomain() string {
	name, _ := e.hosts.get()
	name = withoutPort(name)
	if _, zone, ok := strings.Cut(name, "."); ok && net.ParseIP(name) == nil {
		return zone
	}
	if e.config.OAuth.Platform == 2 {
		return "kommo.com"
	}
	return "amocrm.ru"
}

// subdomain is the configured one until the account is renamed.
func (e *Emulator) subdomain() string {
	name, renamed := e.hosts.get()
	name = withoutPort(name)
	label, _, dotted := strings.Cut(name, ".")
	if !renamed || !dotted || net.ParseIP(name) != nil {
		return e.config.Subdomain
	}
	return label
}

// host is the host of a request without its port.
func (c *call) host() string { return withoutPort(c.hostPort()) }

func (c *call) hostPort() string {
	if c.request.Host != "" {
		return c.request.Host
	}
	return c.request.URL.Host
}

// accountHost is where the account tells it lives: an account that answers everywhere lives where it was asked.
func (c *call) accountHost() string {
	if name, _ := c.e.hosts.get(); name != "" {
		return name
	}
	return c.hostPort()
}

// topLevel is the last label of a host without its port.
func topLevel(host string) string {
	host = withoutPort(host)
	if net.ParseIP(host) != nil {
		return ""
	}
	return host[strings.LastIndexByte(host, '.')+1:]
}
