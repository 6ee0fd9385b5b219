package emulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// exchangeForm is a right request of a grant, whose credential comes under the key of the grant.
func exchangeForm(grant, credential string) map[string]string {
	form := map[string]string{
		"client_id": DefaultClientID, "client_secret": DefaultClientSecret, "redirect_uri": DefaultRedirectURL, "grant_type": grant,
	}
	if grant == grantCode {
		form["code"] = credential
	} else {
		form["refresh_token"] = credential
	}
	return form
}

func jsonBody(t *testing.T, v any) string {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// trade sends an exchange.
func trade(t *testing.T, e *Emulator, form map[string]string) answered {
	t.Helper()
	return send(t, e, newRequest(t, http.MethodPost, tokenPath, jsonBody(t, form), "Content-Type", "application/json"))
}

// refresh exchanges a refresh token.
func refresh(t *testing.T, e *Emulator, token string) answered {
	t.Helper()
	return trade(t, e, exchangeForm(grantRefresh, token))
}

// pairOf reads an answer that must be a pair.
func pairOf(t *testing.T, a answered) Pair {
	t.Helper()
	var p Pair
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status != http.StatusOK || p.AccessToken == "" || p.RefreshToken == "" {
		t.Fatalf("no pair: status %d, %v: %s", a.status, err, a.body)
	}
	return p
}

// hintOf reads the hint of a refused exchange.
func hintOf(a answered) string {
	var doc struct{ Hint string }
	_ = json.Unmarshal([]byte(a.body), &doc) // what is not JSON has no hint
	return doc.Hint
}

func issuePair(t *testing.T, e *Emulator) Pair {
	t.Helper()
	p, err := e.IssuePair()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// visit calls the account with a bearer token and returns the status.
func visit(t *testing.T, e *Emulator, path, token string) int {
	t.Helper()
	return send(t, e, newRequest(t, http.MethodGet, path, "", "Authorization", "Bearer "+token)).status
}

const (
	accountV2 = "/api/v2/account"
	accountV4 = "/api/v4/account"
)

func decodeJSON(t *testing.T, text string) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return doc
}

func TestExchange_bodiesAndPair(t *testing.T) {
	for _, kind := range []string{"application/json", "application/x-www-form-urlencoded", ""} {
		e := open(t, Config{Strict: true})
		form := exchangeForm(grantCode, e.IssueCode())
		body := jsonBody(t, form)
		if kind == "application/x-www-form-urlencoded" {
			values := url.Values{}
			for k, v := range form {
				values.Set(k, v)
			}
			body = values.Encode()
		}
		a := send(t, e, newRequest(t, http.MethodPost, tokenPath, body, "Content-Type", kind))
		first := pairOf(t, a)
		got, want := decodeJSON(t, a.body), decodeJSON(t, readFile(t, "testdata/oauth_pair_reply.json"))
		got["access_token"], got["refresh_token"] = want["access_token"], want["refresh_token"]
		if diff := cmp.Diff(want, got); diff != "" || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%q: type %q (-want +got):\n%s", kind, a.header.Get("Content-Type"), diff)
		}
		second := pairOf(t, refresh(t, e, first.RefreshToken))
		if second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken {
			t.Errorf("%q: a refresh brought the old tokens", kind)
		}
		for _, path := range []string{accountV2, accountV4} {
			if got := visit(t, e, path, second.AccessToken); got != http.StatusOK {
				t.Errorf("%q: %s with the new token: status %d", kind, path, got)
			}
			if got := visit(t, e, path, first.AccessToken); got != http.StatusOK {
				t.Errorf("%q: %s with the token before it: status %d", kind, path, got)
			}
			if got := visit(t, e, path, second.RefreshToken); got != http.StatusUnauthorized {
				t.Errorf("%q: %s with a refresh token: status %d", kind, path, got)
			}
		}
	}
}

// TestExchange_refusals has a row for every documented cause.
func TestExchange_refusals(t *testing.T) {
	used := func(e *Emulator) string {
		token := issuePair(t, e).RefreshToken
		pairOf(t, refresh(t, e, token))
		return token
	}
	usedCode := func(e *Emulator) string {
		code := e.IssueCode()
		pairOf(t, trade(t, e, exchangeForm(grantCode, code)))
		return code
	}
	set := func(key, value string) func(map[string]string) {
		return func(form map[string]string) { form[key] = value }
	}
	drop := func(key string) func(map[string]string) {
		return func(form map[string]string) { delete(form, key) }
	}
	none := func(map[string]string) {}
	for _, test := range []struct {
		name   string
		oauth  OAuth
		grant  string
		get    func(*Emulator) string // the credential; nil: a good one
		change func(map[string]string)
		status int
		hint   string
	}{
		{"no client", OAuth{}, grantRefresh, nil, drop("client_id"), 400, hintClientID},
		{"foreign client", OAuth{}, grantRefresh, nil, set("client_id", "x"), 400, hintClientID},
		{"no secret", OAuth{}, grantRefresh, nil, drop("client_secret"), 400, hintClientSecret},
		{"wrong secret", OAuth{}, grantRefresh, nil, set("client_secret", "x"), 401, ""},
		{"wrong secret, hinted", OAuth{ClientErrors: ClientErrorsHinted}, grantRefresh, nil, set("client_secret", "x"), 400, hintClientSecret},
		{"wrong secret, bare", OAuth{ClientErrors: ClientErrorsBare}, grantRefresh, nil, set("client_secret", "x"), 401, ""},
		{"no redirect uri", OAuth{}, grantRefresh, nil, drop("redirect_uri"), 400, hintRedirect},
		{"wrong redirect uri", OAuth{}, grantRefresh, nil, set("redirect_uri", DefaultRedirectURL+"/"), 400, hintNotOfClient},
		{"wrong redirect uri, hinted", OAuth{ClientErrors: ClientErrorsHinted}, grantRefresh, nil, set("redirect_uri", "x"), 400, hintNotOfClient},
		{"wrong redirect uri, bare", OAuth{ClientErrors: ClientErrorsBare}, grantRefresh, nil, set("redirect_uri", "x"), 401, ""},
		{"unpaid", OAuth{Unpaid: true}, grantRefresh, nil, none, 401, ""},
		{"no grant", OAuth{}, grantRefresh, nil, drop("grant_type"), 400, hintGrantType},
		{"unknown grant", OAuth{}, grantRefresh, nil, set("grant_type", "password"), 400, hintGrantType},
		{"no code", OAuth{}, grantCode, nil, drop("code"), 400, hintCode},
		{"broken code", OAuth{}, grantCode, nil, set("code", "def50200"), 400, hintCodeBroken},
		{"used code", OAuth{}, grantCode, usedCode, none, 400, hintCodeUsed},
		{"no refresh token", OAuth{}, grantRefresh, nil, drop("refresh_token"), 400, hintRefresh},
		{"malformed refresh token", OAuth{}, grantRefresh, nil, set("refresh_token", "x"), 400, hintInvalid},
		{"malformed refresh token, 401", OAuth{InvalidStatus: 401}, grantRefresh, nil, set("refresh_token", "x"), 401, hintInvalid},
		{"access token", OAuth{}, grantRefresh, func(e *Emulator) string { return issuePair(t, e).AccessToken }, none, 400, hintInvalid},
		{"used refresh token", OAuth{}, grantRefresh, used, none, 401, hintRevoked},
		{"used refresh token, 400", OAuth{RevokedStatus: 400}, grantRefresh, used, none, 400, hintRevoked},
		{"unknown key", OAuth{}, grantRefresh, nil, set("scope", "crm"), 400, "Check the `scope` parameter"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, Config{OAuth: test.oauth, Strict: true})
			var credential string
			switch {
			case test.get != nil:
				credential = test.get(e)
			case test.grant == grantCode:
				credential = e.IssueCode()
			default:
				credential = issuePair(t, e).RefreshToken
			}
			e.ResetStats()
			form := exchangeForm(test.grant, credential)
			test.change(form)
			a := trade(t, e, form)
			if a.status != test.status || hintOf(a) != test.hint || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("status %d, hint %q, type %q: %s", a.status, hintOf(a), a.header.Get("Content-Type"), a.body)
			}
			cause := test.hint
			if cause == "" {
				cause = "client"
			}
			s := e.Stats().Tokens
			if s.Calls != 1 || s.Pairs != 0 || s.Refused[cause] != 1 || (s.Revoked == 1) != (test.hint == hintRevoked) {
				t.Errorf("stats %+v", s)
			}
			if test.get == nil && test.oauth == (OAuth{}) && test.name != "unknown key" { // a refusal uses nothing up
				e.config.OAuth.Unpaid = false
				pairOf(t, trade(t, e, exchangeForm(test.grant, credential)))
			}
		})
	}
}

func TestExchange_refusalsAsRecorded(t *testing.T) {
	e := open(t, Config{})
	spent := issuePair(t, e).RefreshToken
	pairOf(t, refresh(t, e, spent))
	wrong := exchangeForm(grantRefresh, spent)
	wrong["client_secret"] = "x"
	for file, a := range map[string]answered{
		"testdata/oauth_revoked_reply.json": refresh(t, e, spent),
		"testdata/oauth_client_reply.json":  trade(t, e, wrong),
	} {
		if diff := cmp.Diff(decodeJSON(t, readFile(t, file)), decodeJSON(t, a.body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
	e = open(t, Config{OAuth: OAuth{EnglishErrors: true, ServerTime: true}})
	if a := refresh(t, e, "x"); !strings.Contains(a.body, `"title":"Bad Request"`) {
		t.Errorf("in English: %s", a.body)
	}
	if a := refresh(t, e, issuePair(t, e).RefreshToken); !strings.Contains(a.body, `"server_time":`) {
		t.Errorf("without server_time: %s", a.body)
	}
}

func TestExchange_takesOnlyPOST(t *testing.T) {
	e := open(t, Config{})
	for _, path := range []string{tokenPath, tokenPath + "/"} {
		if a := send(t, e, newRequest(t, http.MethodGet, path, "")); a.status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: status %d", path, a.status)
		}
	}
	for _, path := range []string{consentPath, subdomainPath, deprecatedDomainPath} {
		if a := send(t, e, newRequest(t, http.MethodPost, path, "")); a.status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: status %d", path, a.status)
		}
	}
}

func TestLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{})
		code := e.IssueCode()
		time.Sleep(20*time.Minute - time.Nanosecond)
		p := pairOf(t, trade(t, e, exchangeForm(grantCode, code)))
		late := e.IssueCode()
		time.Sleep(20 * time.Minute)
		if a := trade(t, e, exchangeForm(grantCode, late)); a.status != 400 || hintOf(a) != hintCodeExpired {
			t.Errorf("a code after 20 minutes: %d %s", a.status, a.body)
		}
		time.Sleep(24*time.Hour - 20*time.Minute - time.Nanosecond)
		if got := visit(t, e, accountV4, p.AccessToken); got != http.StatusOK {
			t.Errorf("just before the end of an access token: status %d", got)
		}
		time.Sleep(time.Nanosecond)
		for _, path := range []string{accountV2, accountV4} {
			if got := visit(t, e, path, p.AccessToken); got != http.StatusUnauthorized {
				t.Errorf("%s after a day: status %d", path, got)
			}
		}
		if got := e.Stats().DeadTokens; got != 2 {
			t.Errorf("%d calls with a dead token", got)
		}
		time.Sleep(89*24*time.Hour - time.Nanosecond)
		p = pairOf(t, refresh(t, e, p.RefreshToken))
		time.Sleep(90 * 24 * time.Hour)
		if a := refresh(t, e, p.RefreshToken); a.status != 401 || hintOf(a) != hintRevoked {
			t.Errorf("a refresh token after 90 days: %d %s", a.status, a.body)
		}
	})
}

// TestGrace holds both texts about what becomes of a refresh token: dead once exchanged, or alive until its successor
// is used.
func TestGrace(t *testing.T) {
	for _, grace := range []bool{false, true} {
		for _, use := range []string{"access", "refresh"} {
			e := open(t, Config{OAuth: OAuth{Grace: grace}})
			first := issuePair(t, e)
			lost := pairOf(t, refresh(t, e, first.RefreshToken))
			again := refresh(t, e, first.RefreshToken)
			if !grace {
				if again.status != 401 || hintOf(again) != hintRevoked {
					t.Errorf("strict: a second exchange: %d %s", again.status, again.body)
				}
				continue
			}
			second := pairOf(t, again)
			if got := visit(t, e, accountV4, lost.AccessToken); got != http.StatusUnauthorized {
				t.Errorf("the pair of the exchange before: status %d", got)
			}
			if !e.Exchangeable(first.RefreshToken) || e.LivePairs() != 2 {
				t.Errorf("the old token is dead before the new pair is used: %d live", e.LivePairs())
			}
			if use == "access" {
				visit(t, e, accountV4, second.AccessToken)
			} else {
				pairOf(t, refresh(t, e, second.RefreshToken))
			}
			if a := refresh(t, e, first.RefreshToken); a.status != 401 || hintOf(a) != hintRevoked {
				t.Errorf("after a use of the new %s token: %d %s", use, a.status, a.body)
			}
		}
	}
}

func TestEndedTokens(t *testing.T) {
	for name, test := range map[string]struct {
		end              func(*Emulator)
		access, exchange bool // alive afterwards
	}{
		"expire":       {(*Emulator).ExpireAccess, false, true},
		"revoke":       {(*Emulator).RevokeRefresh, true, false},
		"disconnect":   {(*Emulator).Disconnect, false, false},
		"a new secret": {func(e *Emulator) { e.ReplaceClientSecret("other") }, false, false},
		"nothing":      {func(*Emulator) {}, true, true},
	} {
		e := open(t, Config{})
		p := issuePair(t, e)
		test.end(e)
		if got := visit(t, e, accountV4, p.AccessToken) == http.StatusOK; got != test.access {
			t.Errorf("%s: access token alive: %v", name, got)
		}
		if got := e.Exchangeable(p.RefreshToken); got != test.exchange {
			t.Errorf("%s: refresh token alive: %v", name, got)
		}
		if got := visit(t, e, accountV4, DefaultToken); got != http.StatusOK {
			t.Errorf("%s: the configured token: status %d", name, got)
		}
	}
	e := open(t, Config{OAuth: OAuth{RefreshEndsAccess: true}})
	p := issuePair(t, e)
	next := pairOf(t, refresh(t, e, p.RefreshToken))
	if old, fresh := visit(t, e, accountV4, p.AccessToken), visit(t, e, accountV4, next.AccessToken); old != 401 || fresh != 200 {
		t.Errorf("a refresh that ends the access token: old %d, new %d", old, fresh)
	}
}

func TestReplaceClientSecret(t *testing.T) {
	e := open(t, Config{})
	e.ReplaceClientSecret("other")
	form := exchangeForm(grantCode, e.IssueCode())
	if a := trade(t, e, form); a.status != http.StatusUnauthorized {
		t.Errorf("the old secret: status %d", a.status)
	}
	form["client_secret"] = "other"
	pairOf(t, trade(t, e, form))
}

func TestLongLived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{})
		token, err := e.IssueLongLived(48 * time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if got := tokenClaims(t, token); got.GrantType != "" || got.Exp-got.Iat != 48*3600 {
			t.Errorf("claims %+v", got)
		}
		time.Sleep(48*time.Hour - time.Nanosecond)
		before := visit(t, e, accountV4, token)
		time.Sleep(time.Nanosecond)
		if after := visit(t, e, accountV4, token); before != 200 || after != 401 {
			t.Errorf("before its end %d, after it %d", before, after)
		}
		if e.LivePairs() != 0 {
			t.Error("it has a refresh token")
		}
	})
	if _, err := open(t, Config{}).IssueLongLived(0); err == nil {
		t.Error("a token without a life was issued")
	}
}

// tokenClaims reads an access token as its holders do.
func tokenClaims(t *testing.T, token string) claims {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	var header map[string]string
	var body claims
	for i, to := range []any{&header, &body} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, to); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		t.Errorf("signature: %v", err)
	}
	if header["typ"] != "JWT" || header["alg"] != "RS256" || header["jti"] != body.Jti {
		t.Errorf("header %v", header)
	}
	return body
}

func TestAccessToken_claims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Host: "north.amocrm.ru", OAuth: OAuth{AccessLife: time.Hour}})
		got := tokenClaims(t, issuePair(t, e).AccessToken)
		if len(got.HashUUID) != 36 || len(got.Jti) != 80 {
			t.Errorf("hash_uuid %q, jti %q", got.HashUUID, got.Jti)
		}
		got.HashUUID, got.Jti = "", ""
		now := time.Now().Unix()
		want := claims{
			Aud: DefaultClientID, Iat: now, Nbf: now, Exp: now + 3600, Sub: "7204833", GrantType: grantCode, AccountID: 30117249,
			BaseDomain: "amocrm.ru", Version: 2, Scopes: []string{"push_notifications", "files", "crm", "files_delete", "notifications"},
			APIDomain: "api-b.amocrm.ru",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAccessToken_apiDomain(t *testing.T) {
	for _, test := range []struct {
		oauth   OAuth
		address string
		want    string
	}{
		{OAuth{}, "", "api-b.amocrm.ru"},
		{OAuth{Platform: 2}, "", "api-c.kommo.com"},
		{OAuth{}, "127.0.0.1:4711", "127.0.0.1:4711"},
		{OAuth{APIDomain: "api.test"}, "127.0.0.1:4711", "api.test"},
	} {
		e := open(t, Config{OAuth: test.oauth})
		if test.address != "" {
			e.SetAddress(test.address)
		}
		if got := tokenClaims(t, issuePair(t, e).AccessToken).APIDomain; got != test.want {
			t.Errorf("%+v, address %q: %q", test.oauth, test.address, got)
		}
	}
}

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

func TestTokenStats(t *testing.T) {
	e := open(t, Config{})
	p := pairOf(t, trade(t, e, exchangeForm(grantCode, e.IssueCode())))
	for range 3 {
		p = pairOf(t, refresh(t, e, p.RefreshToken))
	}
	spent := p.RefreshToken
	pairOf(t, refresh(t, e, spent))
	refresh(t, e, spent)
	refresh(t, e, spent)
	refresh(t, e, "x")
	trade(t, e, map[string]string{})
	want := TokenStats{
		Calls: 9, ByGrant: map[string]int64{grantCode: 1, grantRefresh: 7, "unknown": 1},
		Refused: map[string]int64{hintRevoked: 2, hintInvalid: 1, hintClientID: 1},
		Revoked: 2, Pairs: 5, Refreshes: 4, ByPair: map[int64]int64{1: 1, 2: 1, 3: 1, 4: 3}, PresentedTwice: 1,
	}
	got := e.Stats().Tokens
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	maps.Copy(got.Refused, map[string]int64{"x": 1})
	if e.Stats().Tokens.Refused["x"] != 0 || e.LivePairs() != 1 {
		t.Error("a copy of the statistics is none, or another refresh token lives")
	}
	e.ResetStats()
	if diff := cmp.Diff(newTokenStats(), e.Stats().Tokens); diff != "" {
		t.Errorf("after a reset (-want +got):\n%s", diff)
	}
}

// TestExchange_onlyOneOfManyWins has callers send one refresh token at once.
func TestExchange_onlyOneOfManyWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{})
		token := issuePair(t, e).RefreshToken
		const callers = 16
		statuses := make(chan int, callers)
		for range callers {
			go func() { statuses <- refresh(t, e, token).status }()
		}
		got := map[int]int{}
		for range callers {
			got[<-statuses]++
		}
		if diff := cmp.Diff(map[int]int{200: 1, 401: callers - 1}, got); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		if s := e.Stats().Tokens; s.ByPair[1] != callers || s.PresentedTwice != 1 || s.Refreshes != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestExchange_andTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, uncounted := range []bool{false, true} {
			e := open(t, Config{Window: 1, OAuth: OAuth{Uncounted: uncounted}})
			token := issuePair(t, e).RefreshToken
			for range 3 { // a browser's
				send(t, e, newRequest(t, http.MethodGet, consentPath+"?client_id="+DefaultClientID, ""))
			}
			visit(t, e, accountV4, DefaultToken)
			want := http.StatusTooManyRequests
			if uncounted {
				want = http.StatusOK
			}
			if a := refresh(t, e, token); a.status != want {
				t.Errorf("uncounted %v: status %d", uncounted, a.status)
			}
			e.Ban(time.Minute)
			if a := refresh(t, e, token); a.status != http.StatusForbidden || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
				t.Errorf("uncounted %v: during a ban status %d, type %q", uncounted, a.status, a.header.Get("Content-Type"))
			}
			if a := send(t, e, newRequest(t, http.MethodGet, consentPath+"?client_id="+DefaultClientID, "")); a.status != http.StatusFound {
				t.Errorf("the consent page during a ban: status %d", a.status)
			}
		}
	})
}

func TestOAuthConfig_refuses(t *testing.T) {
	_, err := New(Config{OAuth: OAuth{
		RedirectURL: "here", AccessLife: time.Millisecond, RefreshLife: -1, CodeLife: -1, RevokedStatus: 402, InvalidStatus: 500, Platform: 3,
	}})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"redirect url", "access life", "refresh life", "code life", "402", "500", "platform"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing is told of %s: %v", want, err)
		}
	}
}

// FuzzExchange sends bodies of every kind: the answer is always JSON of one of three statuses, and no token but the
// right one brings a pair.
func FuzzExchange(f *testing.F) {
	for _, grant := range []string{grantCode, grantRefresh, "password"} {
		body, err := json.Marshal(exchangeForm(grant, "x"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add("application/json", string(body))
	}
	f.Add("application/x-www-form-urlencoded", "client_id="+DefaultClientID+"&client_secret[]=a&grant_type=refresh_token")
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\n1\r\n--x--\r\n")
	f.Add("", `{"client_id":{"a":[1,null]}}`)
	f.Add("text/html", "\xff\x00[")
	f.Fuzz(func(t *testing.T, kind, body string) {
		e := open(t, Config{})
		issuePair(t, e)
		a := send(t, e, newRequest(t, http.MethodPost, tokenPath, body, "Content-Type", kind))
		if a.status != 400 && a.status != 401 || !json.Valid([]byte(a.body)) {
			t.Fatalf("%q %q: status %d: %s", kind, body, a.status, a.body)
		}
		if s := e.Stats().Tokens; s.Calls != 1 || s.Pairs != 0 || e.LivePairs() != 1 {
			t.Fatalf("%q %q: stats %+v, %d live", kind, body, s, e.LivePairs())
		}
	})
}

func ExampleEmulator_IssueCode() {
	e, err := New(Config{})
	if err != nil {
		panic(err)
	}
	form := url.Values{
		"client_id": {DefaultClientID}, "client_secret": {DefaultClientSecret}, "redirect_uri": {DefaultRedirectURL},
		"grant_type": {"authorization_code"}, "code": {e.IssueCode()},
	}
	client := &http.Client{Transport: e.Transport()}
	for range 2 { // a code is good for one exchange
		resp, err := client.PostForm("https://example.amocrm.ru/oauth2/access_token", form) //nolint:noctx // an example
		if err != nil {
			panic(err)
		}
		_ = resp.Body.Close()
		fmt.Println(resp.StatusCode)
	}
	fmt.Println(e.Stats().Tokens.Pairs, "pair")
	// Output:
	// 200
	// 400
	// 1 pair
}
