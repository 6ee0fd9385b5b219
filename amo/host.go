package amo

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Zones are the domains that accounts live in. Whoever owns another domain would
// be handed the account's credentials.
var zones = []string{"amocrm.ru", "amocrm.com", "kommo.com"}

// subdomain is what upstream takes as the name of an account.
var subdomain = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// hostRemedy ends the errors of hosts.
const hostRemedy = "give https://SUBDOMAIN.amocrm.ru, .amocrm.com or .kommo.com"

// Host is the root of an account's API: https and the host of an account, and
// nothing else. ParseURL and ParseHost alone make one, so that whoever has a Host
// need not look at it again. The zero value is no host.
type Host struct {
	scheme, host, zone string
}

// ParseURL reads the root of an account's API as a person writes it:
// https://shop.amocrm.ru, with or without a slash at the end. Anything but a
// subdomain of upstream's own domains is refused, as are user information,
// another port than 443, a path, a query and a fragment. With insecure, which is
// for tests, plain http and any host and port are taken, too. The error shows the
// host at most: people put credentials into URLs.
func ParseURL(text string, insecure bool) (Host, error) {
	if !printable(text) {
		return Host{}, errors.New("the URL has characters that no account's URL has; " + hostRemedy)
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Opaque != "" || (u.Scheme != "https" && u.Scheme != "http") {
		return Host{}, errors.New("cannot be read as a URL; " + hostRemedy)
	}
	switch {
	case u.User != nil:
		return Host{}, errors.New("the URL holds credentials; give them apart from it")
	case strings.Trim(u.Path, "/") != "" || u.RawPath != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return Host{}, fmt.Errorf("the URL has more than a host; give %s://%s", u.Scheme, u.Host)
	}
	host := strings.ToLower(u.Host)
	if insecure {
		if u.Hostname() == "" {
			return Host{}, errors.New("the URL has no host; " + hostRemedy)
		}
		return insecureHost(u.Scheme, host), nil
	}
	if u.Scheme != "https" {
		return Host{}, fmt.Errorf("plain http to %q would send credentials and data in clear; give https://%s", host, host)
	}
	return ParseHost(strings.TrimSuffix(host, ":443"), false)
}

// ParseHost reads the host of an account as upstream tells it, in the answer to a
// consent or after a move: shop.amocrm.ru and nothing around it. With insecure
// any host and port are taken, over plain http.
func ParseHost(text string, insecure bool) (Host, error) {
	if !printable(text) {
		return Host{}, errors.New("the host has characters that no account's host has; " + hostRemedy)
	}
	host := strings.ToLower(text)
	if name, zone, ok := strings.Cut(host, "."); ok && slices.Contains(zones, zone) && subdomain.MatchString(name) && !reserved(name) {
		return Host{scheme: "https", host: host, zone: zone}, nil
	}
	if insecure {
		u, err := url.Parse("http://" + host)
		if err == nil && u.Host == host && u.Hostname() != "" {
			return insecureHost("http", host), nil
		}
	}
	return Host{}, fmt.Errorf("%q is not an account of amoCRM; %s", shorten(text), hostRemedy)
}

// insecureHost is a host that nobody has checked.
func insecureHost(scheme, host string) Host {
	h := Host{scheme: scheme, host: host}
	if _, zone, ok := strings.Cut(host, "."); ok && slices.Contains(zones, zone) {
		h.zone = zone
	}
	return h
}

// reserved says that a name in upstream's domains is its own: www serves every
// account, and takes credentials of none.
func reserved(name string) bool { return name == "www" }

// printable says that a text is ASCII without blanks and controls. Letters beyond
// that have lower cases and normal forms inside ASCII.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// shorten bounds what an error repeats.
func shorten(text string) string {
	const most = 100
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// IsZero says that h is no host.
func (h Host) IsZero() bool { return h.host == "" }

// URL returns the root of the account's API. It is the caller's own.
func (h Host) URL() *url.URL { return &url.URL{Scheme: h.scheme, Host: h.host} }

// String returns the root of the account's API; empty for no host.
func (h Host) String() string {
	if h.IsZero() {
		return ""
	}
	return h.scheme + "://" + h.host
}

// Name returns the host without its scheme, as upstream tells it.
func (h Host) Name() string { return h.host }

// Zone returns the domain of upstream's that the account lives in: amocrm.ru,
// amocrm.com or kommo.com; empty for a host outside of them.
func (h Host) Zone() string { return h.zone }
