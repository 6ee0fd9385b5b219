package emulator

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConsent(t *testing.T) {
	for _, test := range []struct {
		name, query string
		config      Config
		status      int
		want        url.Values // of the redirect; a code of "*" is any
	}{
		{"agreed", "client_id=" + DefaultClientID + "&state=s%26t&mode=popup", Config{Host: "north.amocrm.ru"}, 302, url.Values{
			"code": {"*"}, "referer": {"north.amocrm.ru"}, "state": {"s&t"}, "platform": {"1"}, "client_id": {DefaultClientID},
		}},
		{"without state", "client_id=" + DefaultClientID, Config{OAuth: OAuth{Platform: 2}}, 302, url.Values{
			"code": {"*"}, "referer": {"example.amocrm.test"}, "platform": {"2"}, "client_id": {DefaultClientID},
		}},
		{"a redirect with a query", "client_id=" + DefaultClientID, Config{OAuth: OAuth{RedirectURL: "https://x.test/cb?a=b"}}, 302, url.Values{
			"a": {"b"}, "code": {"*"}, "referer": {"example.amocrm.test"}, "platform": {"1"}, "client_id": {DefaultClientID},
		}},
		{"denied", "client_id=" + DefaultClientID + "&state=x", Config{OAuth: OAuth{ConsentDenied: true}}, 302, url.Values{
			"error": {"access_denied"}, "state": {"x"}, "client_id": {DefaultClientID},
		}},
		{"foreign client", "client_id=x", Config{}, 400, nil},
		{"unknown mode, strict", "client_id=" + DefaultClientID + "&mode=window", Config{Strict: true}, 400, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, test.config)
			a := send(t, e, newRequest(t, http.MethodGet, consentPath+"?"+test.query, ""))
			if a.status != test.status {
				t.Fatalf("status %d", a.status)
			}
			if test.want == nil {
				return
			}
			target, err := url.Parse(a.header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			got := target.Query()
			if code := got.Get("code"); code != "" {
				form := exchangeForm(grantCode, code)
				form["redirect_uri"] = e.config.OAuth.RedirectURL
				got.Set("code", "*")
				account := newRequest(t, http.MethodPost, tokenPath, jsonBody(t, form))
				account.Host = e.config.Host
				pairOf(t, send(t, e, account))
			}
			if diff := cmp.Diff(test.want, got); diff != "" || !strings.HasPrefix(a.header.Get("Location"), strings.Split(e.config.OAuth.RedirectURL, "?")[0]+"?") {
				t.Errorf("%s (-want +got):\n%s", a.header.Get("Location"), diff)
			}
		})
	}
}

func TestSubdomain_asDocumented(t *testing.T) {
	e := open(t, Config{Host: "north.amocrm.ru", Subdomain: "north", AccountID: 30123456})
	p := issuePair(t, e)
	want := decodeJSON(t, readFile(t, "testdata/oauth_subdomain_reply.json"))
	current := func(token string) answered {
		return send(t, e, newRequest(t, http.MethodGet, subdomainPath, "", "X-Refresh-Token", token))
	}
	deprecated := func(token string) answered {
		return send(t, e, newRequest(t, http.MethodGet, deprecatedDomainPath, "", "Authorization", "Bearer "+token))
	}
	for _, a := range []answered{current(p.RefreshToken), deprecated(p.AccessToken)} { // at a host that is another's
		if a.status != http.StatusOK {
			t.Fatalf("status %d: %s", a.status, a.body)
		}
		if diff := cmp.Diff(want, decodeJSON(t, a.body)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if !e.Exchangeable(p.RefreshToken) {
		t.Error("a look-up used the refresh token up")
	}
	e.Disconnect()
	for _, a := range []answered{current(p.RefreshToken), current("x"), current(""), deprecated(p.AccessToken), deprecated("")} {
		if a.status != http.StatusUnauthorized {
			t.Errorf("without a live token: status %d", a.status)
		}
	}
}

func TestRename(t *testing.T) {
	for _, test := range []struct {
		notFound bool
		status   int
	}{{false, 401}, {true, 404}} {
		e := open(t, Config{Host: "north.amocrm.ru", MovedNotFound: test.notFound})
		p := issuePair(t, e)
		at := func(host, method, path, body string) answered {
			r := newRequest(t, method, path, body, "Authorization", "Bearer "+p.AccessToken, "X-Refresh-Token", p.RefreshToken)
			r.Host = host
			return send(t, e, r)
		}
		form := jsonBody(t, exchangeForm(grantRefresh, p.RefreshToken))
		if a := at("south.amocrm.ru", http.MethodPost, tokenPath, form); a.status != 400 || hintOf(a) != hintAccount {
			t.Errorf("at a host of nobody: %d %s", a.status, a.body)
		}
		e.Rename("south.amocrm.ru:8443")
		for _, path := range []string{accountV2, accountV4} {
			if a := at("north.amocrm.ru", http.MethodGet, path, ""); a.status != test.status {
				t.Errorf("%s at the old host: status %d", path, a.status)
			}
			if a := at("south.amocrm.ru:8443", http.MethodGet, path, ""); a.status != 200 || !strings.Contains(a.body, `"subdomain":"south"`) {
				t.Errorf("%s at the new host: %d %s", path, a.status, a.body)
			}
		}
		if a := at("north.amocrm.ru", http.MethodPost, tokenPath, form); a.status != test.status || e.Stats().Tokens.Refused["account"] != 1 {
			t.Errorf("an exchange at the old host: %d %s", a.status, a.body)
		}
		if a := at("north.amocrm.ru", http.MethodGet, subdomainPath, ""); !strings.Contains(a.body, `"subdomain":"south","domain":"south.amocrm.ru:8443","top_level_domain":"ru"`) {
			t.Errorf("the look-up: %d %s", a.status, a.body)
		}
		pairOf(t, at("south.amocrm.ru:8443", http.MethodPost, tokenPath, form))
	}
}

// TestRename_onLoopback moves an account that answers everywhere, as one behind a socket does.
func TestRename_onLoopback(t *testing.T) {
	e := open(t, Config{})
	e.Rename("localhost:4711")
	r := newRequest(t, http.MethodGet, accountV4, "", "Authorization", "Bearer "+DefaultToken)
	r.Host = "127.0.0.1:4711"
	if a := send(t, e, r); a.status != http.StatusUnauthorized {
		t.Errorf("at the address: status %d", a.status)
	}
	r = newRequest(t, http.MethodGet, accountV4, "", "Authorization", "Bearer "+DefaultToken)
	r.Host = "localhost:4711"
	if a := send(t, e, r); a.status != http.StatusOK || !strings.Contains(a.body, `"subdomain":"example"`) {
		t.Errorf("at the name: %d %s", a.status, a.body)
	}
}
