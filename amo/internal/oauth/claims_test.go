package oauth

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// token returns a JWT of these claims.
func token(claims string) string {
	return "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2lnbmF0dXJl"
}

func TestDecodeClaims(t *testing.T) {
	got, err := DecodeClaims(token(`{"aud":"id","jti":"j","iat":1700000000,"exp":1700086400,"sub":"7204833","grant_type":"","account_id":30123456,"base_domain":"amocrm.ru","version":2,"scopes":["crm"],"api_domain":"api-b.amocrm.ru"}`))
	want := Claims{AccountID: 30123456, APIDomain: "api-b.amocrm.ru", ExpiresAt: time.Unix(1700086400, 0)}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if got, err := DecodeClaims(token(`{"api_domain":"evil.example/x?"}`)); err != nil || got.APIDomain != "" {
		t.Errorf("%+v, %v: what is no host is none", got, err)
	}
	for _, bad := range []string{"", "opaque", "a.b", "a.b.c", "..", token("[1]"), token(`{"exp":"soon"}`), "a." + strings.Repeat("A", 100<<10) + ".c"} {
		if got, err := DecodeClaims(bad); err == nil {
			t.Errorf("%.40q: %+v, want an error", bad, got)
		}
	}
}

func FuzzDecodeClaims(f *testing.F) {
	f.Add(token(`{"exp":1700086400,"account_id":1,"api_domain":"api-b.amocrm.ru"}`))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := DecodeClaims(text)
		if err != nil && c != (Claims{}) {
			t.Errorf("%+v beside %v", c, err)
		}
		if hostOf(c.APIDomain) != c.APIDomain {
			t.Errorf("api_domain %q", c.APIDomain)
		}
	})
}
