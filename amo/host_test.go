package amo

import (
	"net/url"
	"strings"
	"testing"
)

// hostileURLs are spellings that must not become the address of a request.
var hostileURLs = []string{
	"", "https://", "https:", "https:///", "//shop.amocrm.ru", "shop.amocrm.ru", "/shop.amocrm.ru",
	"http://shop.amocrm.ru", "ftp://shop.amocrm.ru", "file:///etc/passwd", "javascript:alert(1)", "https:shop.amocrm.ru",
	"https://amocrm.ru", "https://kommo.com", "https://www.amocrm.ru", "https://WWW.kommo.com",
	"https://.amocrm.ru", "https://shop..amocrm.ru", "https://shop.amocrm.ru.", "https://a.b.amocrm.ru",
	"https://-shop.amocrm.ru", "https://shop-.amocrm.ru", "https://sh_op.amocrm.ru", "https://sh*p.amocrm.ru",
	"https://" + strings.Repeat("a", 64) + ".amocrm.ru",
	"https://shop.amocrm.ru.evil.com", "https://shop.amocrm.ru.evil.com/", "https://evil.com", "https://shopamocrm.ru",
	"https://shop.amocrm.rux", "https://shop.amocrm.com.ru", "https://shop.amocrm.org", "https://shop.kommo.ru",
	"https://evil.com#.amocrm.ru", "https://evil.com#shop.amocrm.ru", "https://shop.amocrm.ru#", "https://shop.amocrm.ru#x",
	"https://evil.com?.amocrm.ru", "https://shop.amocrm.ru?", "https://shop.amocrm.ru?x=1",
	"https://evil.com/.amocrm.ru", "https://shop.amocrm.ru/api", "https://shop.amocrm.ru//evil.com", "https://shop.amocrm.ru/..",
	"https://shop.amocrm.ru/%2e%2e/", "https://evil.com\\.amocrm.ru", "https://evil.com\\@shop.amocrm.ru",
	"https://user@shop.amocrm.ru", "https://user:secret@shop.amocrm.ru", "https://shop.amocrm.ru@evil.com", "https://@shop.amocrm.ru",
	"https://shop.amocrm.ru:80", "https://shop.amocrm.ru:8443", "https://shop.amocrm.ru:", "https://shop.amocrm.ru:443:443",
	"https://shop.amocrm.ru:0443", "https://shop.amocrm.ru:x",
	"https://127.0.0.1", "https://10.0.0.1", "https://169.254.169.254", "https://2130706433", "https://0x7f000001", "https://0177.0.0.1",
	"https://127.1", "https://[::1]", "https://[::ffff:127.0.0.1]", "https://[fd00::1]:443", "https://[fe80::1%25eth0]", "https://localhost",
	"https://shop.amocrm.ru ", " https://shop.amocrm.ru", "https://shop .amocrm.ru", "https://shop.amocrm.ru\n", "https://shop.amocrm.ru\r\nHost: evil.com",
	"https://shop.amocrm.ru\x00.evil.com", "https://shop%00.amocrm.ru", "https://shop%2eevil.amocrm.ru", "https://shop.amocrm.ru%23.evil.com",
	"https://shop。amocrm。ru", "https://ѕhop.amocrm.ru", "https://shop.аmocrm.ru", "https://shop.\u212Aommo.com", "https://ﬆore.amocrm.ru", "https://ＳＨＯＰ.amocrm.ru",
}

func TestParseURL_refusesHostileSpellings(t *testing.T) {
	if len(hostileURLs) < 60 {
		t.Fatalf("%d spellings, want 60 or more", len(hostileURLs))
	}
	for _, text := range hostileURLs {
		h, err := ParseURL(text, false)
		if err == nil {
			t.Errorf("ParseURL(%q) = %q", text, h)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseURL(%q) shows the credentials: %v", text, err)
		}
	}
}

func TestParseHost_refusesHostileSpellings(t *testing.T) {
	hosts := []string{"shop.amocrm.ru:443", "shop.amocrm.ru/", "https://shop.amocrm.ru", "user@shop.amocrm.ru", "x.evil.com#", "a.b@evil"}
	for _, text := range hostileURLs {
		hosts = append(hosts, strings.TrimPrefix(strings.TrimPrefix(text, "https:"), "//"))
	}
	for _, text := range hosts {
		if text == "shop.amocrm.ru" {
			continue // the spelling was hostile for want of a scheme
		}
		if h, err := ParseHost(text, false); err == nil {
			t.Errorf("ParseHost(%q) = %q", text, h)
		}
	}
}

func TestParseURL_takesAccounts(t *testing.T) {
	for text, want := range map[string]struct{ url, zone string }{
		"https://shop.amocrm.ru":                            {"https://shop.amocrm.ru", "amocrm.ru"},
		"https://shop.amocrm.com/":                          {"https://shop.amocrm.com", "amocrm.com"},
		"https://Shop-2.Kommo.com":                          {"https://shop-2.kommo.com", "kommo.com"},
		"https://shop.amocrm.ru:443":                        {"https://shop.amocrm.ru", "amocrm.ru"},
		"https://a.amocrm.ru":                               {"https://a.amocrm.ru", "amocrm.ru"},
		"https://" + strings.Repeat("a", 63) + ".amocrm.ru": {"https://" + strings.Repeat("a", 63) + ".amocrm.ru", "amocrm.ru"},
	} {
		h, err := ParseURL(text, false)
		if err != nil {
			t.Errorf("ParseURL(%q) = %v", text, err)
			continue
		}
		if h.String() != want.url || h.URL().String() != want.url || h.Zone() != want.zone || h.IsZero() {
			t.Errorf("ParseURL(%q) = %q in %q, want %q in %q", text, h, h.Zone(), want.url, want.zone)
		}
		if again, err := ParseHost(h.Name(), false); err != nil || again != h {
			t.Errorf("ParseHost(%q) = %v, %v", h.Name(), again, err)
		}
	}
}

func TestParseURL_insecureTakesAnyHost(t *testing.T) {
	for text, want := range map[string]string{
		"http://127.0.0.1:8080":  "http://127.0.0.1:8080",
		"http://[::1]:8080/":     "http://[::1]:8080",
		"https://localhost":      "https://localhost",
		"https://shop.amocrm.ru": "https://shop.amocrm.ru",
	} {
		if h, err := ParseURL(text, true); err != nil || h.String() != want {
			t.Errorf("ParseURL(%q) = %q, %v; want %q", text, h, err, want)
		}
	}
	for _, text := range []string{"http://user:secret@127.0.0.1", "http://127.0.0.1/api", "http://127.0.0.1?x", "ftp://127.0.0.1", "http://:8080", "http://127.0.0.1#"} {
		if h, err := ParseURL(text, true); err == nil {
			t.Errorf("ParseURL(%q) = %q", text, h)
		}
	}
	if h, err := ParseHost("127.0.0.1:8080", true); err != nil || h.String() != "http://127.0.0.1:8080" {
		t.Errorf("ParseHost = %q, %v", h, err)
	}
	if h, err := ParseHost("127.0.0.1:8080/api", true); err == nil {
		t.Errorf("ParseHost = %q", h)
	}
}

// FuzzParseURL: what passes is an account's root and nothing else, and is read
// again as itself.
func FuzzParseURL(f *testing.F) {
	for _, text := range hostileURLs {
		f.Add(text)
	}
	f.Add("https://shop.amocrm.ru")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ParseURL(text, false)
		if err != nil {
			return
		}
		u, err := url.Parse(h.String())
		if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("ParseURL(%q) = %q", text, h)
		}
		name, zone, _ := strings.Cut(u.Host, ".")
		if zone != h.Zone() || !subdomain.MatchString(name) || (zone != "amocrm.ru" && zone != "amocrm.com" && zone != "kommo.com") {
			t.Fatalf("ParseURL(%q) = %q", text, h)
		}
		if again, err := ParseURL(h.String(), false); err != nil || again != h {
			t.Fatalf("%q is read again as %q, %v", h, again, err)
		}
	})
}
