package main

import (
	"net"
	"net/netip"
	"strconv"
)

// checkAddress checks an address of another process.
func (p *problems) checkAddress(flag, address string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		p.add(flag, "%q is not an address; give HOST:PORT, for instance 127.0.0.1:9090", address)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		p.add(flag, "port %q is not a number from 1 to 65535", port)
	}
}

// checkListening checks an address to listen on. Callers are not asked for
// credentials, so only programs of this host may reach it, unless open.
func (p *problems) checkListening(flag, address string, open bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		p.add(flag, "%q is not an address; give HOST:PORT, for instance 127.0.0.1:8080", address)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		p.add(flag, "port %q is not a number from 0 to 65535; 0 takes any free port", port)
	}
	if !isLoopback(host) && !open {
		p.add(flag, "%q can be reached from other hosts and callers are not asked for credentials; "+
			"listen on 127.0.0.1, or let a proxy check callers and add --insecure-no-auth", address)
	}
}

// isLoopback says whether a host is this one by its spelling alone. An empty
// host is every interface.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
