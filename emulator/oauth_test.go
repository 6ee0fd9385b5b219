package emulator

import (
	"encoding/json"
	"fmt"
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
