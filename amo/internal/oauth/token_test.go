package oauth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/internal/driver"
)

var integration = Client{ID: "id", Secret: "client-secret", RedirectURL: "https://us.example/cb"}

func TestCalls_areForms(t *testing.T) {
	for name, test := range map[string]struct {
		call driver.Call
		want url.Values
	}{
		"refresh": {RefreshCall(integration, "r+/="), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"r+/="}}},
		"code":    {CodeCall(integration, "c&d"), url.Values{"grant_type": {"authorization_code"}, "code": {"c&d"}}},
	} {
		t.Run(name, func(t *testing.T) {
			test.want.Set("client_id", "id")
			test.want.Set("client_secret", "client-secret")
			test.want.Set("redirect_uri", "https://us.example/cb")
			got, err := url.ParseQuery(string(test.call.Body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("form (-want +got):\n%s", diff)
			}
			if test.call.Method != http.MethodPost || test.call.Path != "/oauth2/access_token" || test.call.Effect != driver.Create || test.call.Query != nil {
				t.Errorf("call %+v", test.call)
			}
		})
	}
}

func TestDecodeTokens_readsThePair(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want Tokens
	}{
		"documented":         {`{ "token_type": "Bearer", "expires_in": 86400, "access_token": "a.b.c", "refresh_token": "def5" }`, Tokens{"a.b.c", "def5", 24 * time.Hour}},
		"server time":        {`{"access_token":"a","refresh_token":"r","expires_in":"60","server_time":1700000000}`, Tokens{"a", "r", time.Minute}},
		"no life":            {`{"access_token":"a","refresh_token":"r"}`, Tokens{"a", "r", 0}},
		"a life gone by":     {`{"access_token":"a","refresh_token":"r","expires_in":-5}`, Tokens{"a", "r", 0}},
		"a life beyond time": {`{"access_token":"a","refresh_token":"r","expires_in":9223372036854775807}`, Tokens{"a", "r", maxLife}},
	} {
		got, err := DecodeTokens(driver.Response{Status: 200, Body: []byte(test.body)})
		if err != nil || got != test.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, test.want)
		}
	}
}

// problem returns an error body as recorded: titles are Russian, the type is the
// same for all.
func problem(status int, hint string) string {
	if hint != "" {
		hint = fmt.Sprintf(`"hint": %q, `, hint)
	}
	return fmt.Sprintf(`{ %s"title": "Некорректный запрос", "type": "https://developers.amocrm.ru/v3/errors/OAuthProblemJson", "status": %d, "detail": "В запросе отсутствует ряд параметров или параметры невалидны" }`, hint, status)
}

func TestDecodeTokens_classifiesByStatusAndHint(t *testing.T) {
	const page = "<html><head><title>403 Forbidden</title></head></html>"
	for _, test := range []struct {
		name   string
		status int
		body   string
		want   driver.Kind
	}{
		{"invalid client", 401, `{"title":"Некорректный клиент","type":"https://developers.amocrm.ru/v3/errors/OAuthProblemJson","status":401,"detail":"Авторизация клиента не прошла"}`, driver.KindMisconfigured},
		{"client id", 400, problem(400, "Check the `client_id` parameter"), driver.KindMisconfigured},
		{"client secret", 400, problem(400, "Check the `client_secret` parameter"), driver.KindMisconfigured},
		{"redirect URI", 400, problem(400, "Redirect URI is not associated with client"), driver.KindMisconfigured},
		{"wrong host", 400, problem(400, "Invalid account"), driver.KindMoved},
		{"no such host", 404, "", driver.KindMoved},
		{"code expired", 400, problem(400, "Authorization code has expired"), driver.KindInvalid},
		{"code used", 400, problem(400, "Authorization code has been revoked"), driver.KindInvalid},
		{"code broken", 400, problem(400, "Cannot decrypt the authorization code"), driver.KindInvalid},
		{"token malformed", 400, problem(400, "Invalid refresh token"), driver.KindReauth},
		{"token malformed, 401", 401, problem(401, "Invalid refresh token"), driver.KindReauth},
		{"token used", 401, problem(401, "Token has been revoked"), driver.KindReauth},
		{"token used, 400", 400, problem(400, "Token has been revoked"), driver.KindReauth},
		{"standard code", 400, `{"error":"invalid_grant"}`, driver.KindReauth},
		{"standard client", 401, `{"error":"invalid_client"}`, driver.KindMisconfigured},
		{"block", 403, page, driver.KindBlocked},
		{"block without a body", 403, "", driver.KindBlocked},
		{"rights", 403, problem(403, ""), driver.KindForbidden},
		{"a hint beside a block", 403, problem(403, "Token has been revoked"), driver.KindForbidden},
		{"unpaid", 402, problem(402, ""), driver.KindPaymentRequired},
		{"flood", 429, "", driver.KindRateLimited},
		{"down", 503, page, driver.KindUnavailable},
		{"a hint beside a failure", 500, problem(500, "Token has been revoked"), driver.KindUnavailable},
		{"unknown hint", 400, problem(400, "Something new"), driver.KindBadResponse},
		{"unknown hint, 401", 401, problem(401, "Something new"), driver.KindBadResponse},
		{"page for an answer", 401, page, driver.KindBadResponse},
		{"error in a success", 200, problem(401, "Token has been revoked"), driver.KindReauth},
		{"page in a success", 200, page, driver.KindBadResponse},
		{"nothing in a success", 200, "", driver.KindBadResponse},
		{"cut success", 200, `{"access_token":"a","refresh_tok`, driver.KindBadResponse},
		{"success without a refresh token", 200, `{"access_token":"a"}`, driver.KindBadResponse},
		{"token that is none", 200, `{"access_token":"a\r\nb","refresh_token":"r"}`, driver.KindBadResponse},
		{"list", 200, `[]`, driver.KindBadResponse},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := DecodeTokens(driver.Response{Status: test.status, Body: []byte(test.body), Header: http.Header{}})
			e, ok := errors.AsType[*driver.Error](err)
			if !ok || e.Kind != test.want {
				t.Fatalf("%v, want kind %d", err, test.want)
			}
			if e.Message == "" {
				t.Error("no message")
			}
		})
	}
}

func TestDecodeTokens_misconfiguredNamesBothCauses(t *testing.T) {
	_, err := DecodeTokens(driver.Response{Status: 401, Body: []byte(problem(401, ""))})
	for _, want := range []string{"redirect URL", "not paid"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestDecodeTokens_showsNoToken(t *testing.T) {
	const token = "def502000123456789abcdef0123456789"
	for _, body := range []string{problem(400, token), problem(401, "token "+token+" has been revoked"), `{"access_token":"` + token, `{"access_token":"` + token + `\n","refresh_token":"` + token + `"}`} {
		for _, status := range []int{200, 400, 401, 500} {
			_, err := DecodeTokens(driver.Response{Status: status, Body: []byte(body), Header: http.Header{}})
			if err == nil || strings.Contains(err.Error(), token) {
				t.Errorf("status %d, %s: %v", status, body, err)
			}
		}
	}
}

func TestDecodeTokens_readsRetryAfter(t *testing.T) {
	date := http.Header{"Date": {"Sun, 06 Nov 1994 08:49:37 GMT"}, "Retry-After": {"Sun, 06 Nov 1994 08:50:37 GMT"}}
	for want, header := range map[time.Duration]http.Header{30 * time.Second: {"Retry-After": {"30"}}, time.Minute: date, 0: {"Retry-After": {"soon"}}} {
		_, err := DecodeTokens(driver.Response{Status: 429, Header: header})
		if e, ok := errors.AsType[*driver.Error](err); !ok || e.RetryAfter != want {
			t.Errorf("%v: %+v, want %v", header, err, want)
		}
	}
}

func TestDecodeTokens_redirectsAreNotFollowed(t *testing.T) {
	asked := &url.URL{Scheme: "https", Host: "north.amocrm.ru"}
	for location, want := range map[string]driver.Kind{
		"https://south.amocrm.ru/oauth2/access_token": driver.KindMoved,
		"https://NORTH.amocrm.ru/":                    driver.KindBadResponse,
		"http://south.amocrm.ru/":                     driver.KindBadResponse,
		"/login":                                      driver.KindBadResponse,
		"":                                            driver.KindBadResponse,
		"%zz":                                         driver.KindBadResponse,
	} {
		_, err := DecodeTokens(driver.Response{URL: asked, Status: 302, Header: http.Header{"Location": {location}}})
		if e, ok := errors.AsType[*driver.Error](err); !ok || e.Kind != want || want == driver.KindMoved && e.Host != "south.amocrm.ru" {
			t.Errorf("%q: %+v, want kind %d", location, err, want)
		}
	}
}

func TestDecodeDomain(t *testing.T) {
	got, err := DecodeDomain(driver.Response{Status: 200, Body: []byte(`{ "id": 30123456, "subdomain": "north", "domain": "North.amocrm.ru", "top_level_domain": "ru" }`)})
	if want := (Domain{AccountID: 30123456, Host: "north.amocrm.ru"}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, body := range []string{`{}`, `{"domain":"a b"}`, `{"domain":"user@host/"}`, `{"domain":["x"]}`, `<html>`} {
		if got, err := DecodeDomain(driver.Response{Status: 200, Body: []byte(body)}); err == nil {
			t.Errorf("%s: %+v, want an error", body, got)
		}
	}
	call := DomainCall("refresh")
	if call.Header.Get("X-Refresh-Token") != "refresh" || call.Query != nil || call.Effect != driver.Read {
		t.Errorf("call %+v", call)
	}
}

func FuzzDecodeTokens(f *testing.F) {
	f.Add(200, `{"expires_in":86400,"access_token":"a","refresh_token":"r"}`)
	f.Add(401, problem(401, "Token has been revoked"))
	f.Add(403, "<html>")
	f.Fuzz(func(t *testing.T, status int, body string) {
		r := driver.Response{Status: status, Body: []byte(body), Header: http.Header{}}
		got, err := DecodeTokens(r)
		if err == nil && (!isToken(got.Access) || !isToken(got.Refresh) || got.Access == "" || got.Refresh == "" || got.Life < 0 || status < 200 || status > 299) {
			t.Errorf("%+v of status %d", got, status)
		}
		if e, ok := errors.AsType[*driver.Error](err); err != nil && (!ok || e.Message == "") {
			t.Errorf("error %#v", err)
		}
		if d, err := DecodeDomain(r); err == nil && d.Host == "" {
			t.Error("no host and no error")
		}
	})
}
