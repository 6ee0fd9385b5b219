package amo

import (
	"net/netip"
	"testing"
)

func TestPublic_isTheOpenInternetOnly(t *testing.T) {
	for text, want := range map[string]bool{
		"5.188.140.1":             true,
		"93.184.216.34":           true,
		"172.32.0.1":              true,
		"100.128.0.1":             true,
		"2a02:6b8::1":             true,
		"2606:2800:220:1::1":      true,
		"0.0.0.0":                 false,
		"0.1.2.3":                 false,
		"10.0.0.1":                false,
		"100.64.0.1":              false,
		"100.127.255.255":         false,
		"127.0.0.1":               false,
		"127.255.255.254":         false,
		"169.254.169.254":         false,
		"172.16.0.1":              false,
		"172.31.255.255":          false,
		"192.0.0.8":               false,
		"192.168.1.1":             false,
		"198.18.0.1":              false,
		"203.0.113.7":             false,
		"224.0.0.1":               false,
		"239.255.255.250":         false,
		"240.0.0.1":               false,
		"255.255.255.255":         false,
		"::":                      false,
		"::1":                     false,
		"::7f00:1":                false,
		"::ffff:127.0.0.1":        false,
		"::ffff:93.184.216.34":    false,
		"::ffff:0:127.0.0.1":      false,
		"64:ff9b::7f00:1":         false,
		"64:ff9b::5db8:d822":      false,
		"64:ff9b:1::a00:1":        false,
		"100::1":                  false,
		"2001::1":                 false,
		"2001:0:4136:e378::1":     false,
		"2001:db8::1":             false,
		"2002:7f00:1::":           false,
		"2002:5db8:d822::1":       false,
		"fc00::1":                 false,
		"fd00::1":                 false,
		"fe80::1":                 false,
		"fe80::1%eth0":            false,
		"2a02:6b8::1%eth0":        false,
		"fec0::1":                 false,
		"ff02::1":                 false,
		"ff0e::1":                 false,
		"2001:1ff:ffff:ffff::1":   false,
		"2001:4860:4860::8888":    true,
		"2001:67c:1234::1":        true,
		"fd12:3456:789a:1::1":     false,
		"::ffff:10.0.0.1":         false,
		"::ffff:169.254.169.254":  false,
		"64:ff9b::169.254.169.25": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("public(%s) = %v", text, got)
		}
	}
}
