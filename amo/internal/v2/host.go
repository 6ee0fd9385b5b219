package v2

import (
	"errors"
	"net/url"
	"strings"
)

var errLocation = errors.New("not an address of a web server")

// parseLocation reads a Location header: an absolute URL of http or https, or a
// reference without a host.
func parseLocation(location string) (*url.URL, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, err
	}
	if u.Host != "" && u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" {
		return nil, errLocation
	}
	return u, nil
}

// hostName returns host, with its port if any, when it looks like one; upstream
// could send anything, and it is shown to people.
func hostName(host string) string {
	host = strings.ToLower(strings.TrimSpace(host))
	// The length of a DNS name and a port.
	if len(host) > 253+6 {
		return ""
	}
	for _, r := range host {
		isName := r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune(".-:[]", r)
		if !isName {
			return ""
		}
	}
	return host
}
