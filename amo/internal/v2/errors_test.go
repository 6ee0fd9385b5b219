package v2_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/internal/driver"
	v2 "github.com/amogate/amogate/amo/internal/v2"
)

func legacy(code string) string {
	return `{"response":{"error":"text","error_code":"` + code + `","server_time":1508320306}}`
}

const page = "<html><head><title>502 Bad Gateway</title></head></html>"

func TestCustomers_DecodeError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		kind   driver.Kind
		code   string
	}{
		{"wrong key", 401, legacy("110"), driver.KindReauth, "110"},
		{"code as a number", 401, `{"response":{"error":"x","error_code":110}}`, driver.KindReauth, "110"},
		{"captcha", 401, legacy("111"), driver.KindReauth, "111"},
		{"user disabled", 401, legacy("112"), driver.KindReauth, "112"},
		{"address not allowed", 403, legacy("113"), driver.KindBlocked, "113"},
		{"no such account", 401, legacy("101"), driver.KindMoved, "101"},
		{"account on another server", 401, `{"response":{"error":"x","error_code":"401","domain":"shop.amocrm.com","ip":"1.2.3.4"}}`, driver.KindMoved, "401"},
		{"code that repeats the status", 401, legacy("401"), driver.KindReauth, "401"},
		{"session over, no body", 401, "", driver.KindReauth, ""},
		{"session over, a page", 401, page, driver.KindReauth, ""},
		{"problem 401", 401, `{"title":"Unauthorized","type":"https://example.com/","status":401,"detail":"Wrong user credentials"}`, driver.KindReauth, ""},
		{"bare error", 401, `{"error":"Unauthorized"}`, driver.KindReauth, ""},
		{"function not paid", 402, legacy("402"), driver.KindCustomersNotInPlan, "402"},
		{"function not paid, status 400", 400, legacy("402"), driver.KindCustomersNotInPlan, "402"},
		{"subscription over", 402, "", driver.KindPaymentRequired, ""},
		{"subscription over, a problem", 402, `{"title":"Payment Required","status":402,"detail":"Payment required"}`, driver.KindPaymentRequired, ""},
		{"subscription named beside the code", 402, `{"response":{"error":"Subscription has expired","error_code":"402"}}`, driver.KindPaymentRequired, "402"},
		{"customers named in a problem", 402, `{"title":"Error","status":402,"detail":"Customers must be paid for"}`, driver.KindCustomersNotInPlan, ""},
		{"function unavailable", 403, legacy("425"), driver.KindCustomersNotInPlan, "425"},
		{"function switched off", 403, legacy("426"), driver.KindCustomersDisabled, "426"},
		{"function switched off, as text", 400, `{"title":"Bad Request","status":400,"detail":"Error 426."}`, driver.KindCustomersDisabled, ""},
		{"function not paid, as text", 400, `{"title":"Bad Request","status":400,"detail":"Error 402."}`, driver.KindCustomersNotInPlan, ""},
		{"function switched off, bare text", 400, `{"error":"Error 426."}`, driver.KindCustomersDisabled, ""},
		{"function switched off, as status", 426, "", driver.KindCustomersDisabled, ""},
		{"no rights", 403, legacy("288"), driver.KindForbidden, "288"},
		{"no rights, status 200", 200, legacy("288"), driver.KindForbidden, "288"},
		{"no rights to add", 400, legacy("244"), driver.KindForbidden, "244"},
		{"blocked, a page", 403, page, driver.KindBlocked, ""},
		{"blocked, nothing", 403, "", driver.KindBlocked, ""},
		{"blocked, the documented code", 403, legacy("403"), driver.KindBlocked, "403"},
		{"problem 403", 403, `{"title":"Forbidden","status":403,"detail":"no"}`, driver.KindForbidden, ""},
		{"custom field not found", 400, legacy("204"), driver.KindUpstreamInvalid, "204"},
		{"custom field not found on update", 400, legacy("211"), driver.KindUpstreamInvalid, "211"},
		{"wrong custom field id", 400, legacy("240"), driver.KindUpstreamInvalid, "240"},
		{"empty request", 400, legacy("206"), driver.KindUpstreamInvalid, "206"},
		{"code in a flat object", 400, `{"status":"fail","error":"x","error_code":222,"_links":{}}`, driver.KindUpstreamInvalid, "222"},
		{"error as an object", 400, `{"error":{"code":240,"message":"x"}}`, driver.KindUpstreamInvalid, "240"},
		{"bad structure", 400, `{"title":"Bad Request","status":400,"detail":"x"}`, driver.KindUpstreamInvalid, ""},
		{"code and message alone", 400, `{"code":244,"message":"no rights"}`, driver.KindForbidden, "244"},
		{"code and message in a success", 200, `{"message":"no rights","code":"288"}`, driver.KindForbidden, "288"},
		{"failure in a success, without a reason", 200, `{"status":"fail"}`, driver.KindUpstreamInvalid, ""},
		{"another status in the body", 400, `{"title":"Error","status":401}`, driver.KindUpstreamInvalid, ""},
		{"too large, a page", 413, page, driver.KindUpstreamInvalid, ""},
		{"unprocessable", 422, `{"title":"Unprocessable","status":422}`, driver.KindUpstreamInvalid, ""},
		{"a page as 400", 400, page, driver.KindBadResponse, ""},
		{"unknown method", 404, legacy("104"), driver.KindBadResponse, "104"},
		{"not found", 404, page, driver.KindBadResponse, ""},
		{"wrong verb", 405, "", driver.KindBadResponse, ""},
		{"gone", 410, "", driver.KindBadResponse, ""},
		{"too many requests", 429, "", driver.KindRateLimited, ""},
		{"too many requests in a success", 200, legacy("429"), driver.KindRateLimited, "429"},
		{"search failed", 400, legacy("219"), driver.KindUnavailable, "219"},
		{"request timed out", 408, "", driver.KindUnavailable, ""},
		{"server error", 500, `{"response":{"error":"oops"}}`, driver.KindUnavailable, ""},
		{"bad gateway", 502, page, driver.KindUnavailable, ""},
		{"out of service", 503, "", driver.KindUnavailable, ""},
		{"batch too large", 504, page, driver.KindUnavailable, ""},
		{"problem in a success", 200, `{"title":"Error","status":401,"detail":"x"}`, driver.KindReauth, ""},
		{"problem 403 in a success", 200, `{"title":"Error","status":403,"detail":"x"}`, driver.KindForbidden, ""},
		{"server error in a success", 200, `{"title":"Error","status":500}`, driver.KindUnavailable, ""},
		{"bare error in a success", 200, `{"error":"something"}`, driver.KindUpstreamInvalid, ""},
		{"expired login in a success", 200, `{"response":{"auth":false,"error":"x","error_code":"110"}}`, driver.KindReauth, "110"},
		{"a page in a success", 200, "\ufeff \n" + page, driver.KindBadResponse, ""},
		{"cut error", 400, `{"response":{"error":"x`, driver.KindBadResponse, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := customers.DecodeError(driver.Response{Status: c.status, Body: []byte(c.body)})
			if e == nil {
				t.Fatal("taken for a success")
			}
			if e.Kind != c.kind || e.Code != c.code || e.Status != c.status || e.Message == "" {
				t.Errorf("got kind %d, code %q, status %d, message %q; want kind %d, code %q", e.Kind, e.Code, e.Status, e.Message, c.kind, c.code)
			}
		})
	}
}

func TestCustomers_DecodeError_tellsUpstreamsText(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"response":{"error":"no rights","error_code":"288"}}`,
		`{"title":"Error","status":400,"detail":"no rights"}`,
		`{"title":"no rights","status":400}`,
		`{"error":"no rights"}`,
		`{"error":{"code":288,"message":"no rights"}}`,
		`{"code":288,"message":"no rights"}`,
		`{"code":288,"msg":"no rights"}`,
		`{"message":"other","detail":"no rights"}`,
	} {
		e := customers.DecodeError(driver.Response{Status: 400, Body: []byte(body)})
		if e == nil || !strings.HasSuffix(e.Message, ": no rights") {
			t.Errorf("%s: got %v", body, e)
		}
	}
}

func TestCustomers_DecodeError_success(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, `{"_embedded":{"items":[]}}`, `{"_links":{"self":{}},"_embedded":{"items":[],"errors":{"update":{"1":"x"}}}}`,
		`{"response":{"auth":true,"accounts":[],"server_time":1}}`,
		`{"response":{"error":"Nothing found","error_code":"2002"}}`,
		`{"id":5,"name":"x","error":"a field of that name"}`,
		`{"response":{"auth":true,"error":false,"error_code":false}}`, `{"error":[],"_embedded":{"items":[]}}`, `{"error":{}}`,
		// What is no data is for the decoder of the data to refuse.
		`[]`, `{}`, `{"_links":`, `nonsense`,
	} {
		for _, status := range []int{200, 201, 202, 204} {
			if e := customers.DecodeError(driver.Response{Status: status, Body: []byte(body)}); e != nil {
				t.Errorf("%d %s: got %v", status, body, e)
			}
		}
	}
}

func TestDecodeError_knowsNoCustomers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		kind   driver.Kind
	}{
		{402, legacy("402"), driver.KindPaymentRequired},
		{403, legacy("288"), driver.KindForbidden},
		{401, legacy("110"), driver.KindReauth},
		{200, `{"id":1,"_embedded":{}}`, -1},
	} {
		e := v2.DecodeError(driver.Response{Status: c.status, Body: []byte(c.body)})
		if c.kind < 0 && e != nil || c.kind >= 0 && (e == nil || e.Kind != c.kind) {
			t.Errorf("%d %s: got %v, want kind %d", c.status, c.body, e, c.kind)
		}
	}
}

func TestCustomers_DecodeError_moved(t *testing.T) {
	t.Parallel()
	asked := &url.URL{Scheme: "https", Host: "shop.amocrm.ru", Path: "/api/v2/customers"}
	local := &url.URL{Scheme: "http", Host: "127.0.0.1:8080"}
	for _, c := range []struct {
		name     string
		url      *url.URL
		status   int
		location string
		kind     driver.Kind
		host     string
	}{
		{"another host", asked, 301, "https://shop.kommo.com/api/v2/customers?id=1", driver.KindMoved, "shop.kommo.com"},
		{"without a scheme", asked, 302, "//Shop.Kommo.com/x", driver.KindMoved, "shop.kommo.com"},
		{"nobody knows from where", nil, 301, "https://shop.kommo.com/", driver.KindMoved, "shop.kommo.com"},
		{"from plain http to plain http", local, 301, "http://127.0.0.1:9090/", driver.KindMoved, "127.0.0.1:9090"},
		{"to itself", asked, 302, "https://SHOP.amocrm.ru/login", driver.KindBadResponse, ""},
		{"a path", asked, 302, "/login", driver.KindBadResponse, ""},
		{"down to plain http", asked, 301, "http://shop.kommo.com/", driver.KindBadResponse, ""},
		{"another protocol", asked, 301, "ftp://shop.kommo.com/", driver.KindBadResponse, ""},
		{"script", asked, 301, "javascript:alert(1)", driver.KindBadResponse, ""},
		{"garbage", asked, 301, "https://%zz", driver.KindBadResponse, ""},
		{"nowhere", asked, 304, "", driver.KindBadResponse, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := driver.Response{URL: c.url, Status: c.status, Header: http.Header{}}
			if c.location != "" {
				r.Header.Set("Location", c.location)
			}
			e := customers.DecodeError(r)
			if e == nil || e.Kind != c.kind || e.Host != c.host || e.Status != c.status {
				t.Errorf("got %+v, want kind %d and host %q", e, c.kind, c.host)
			}
		})
	}
	e := customers.DecodeError(driver.Response{Status: 401, Body: []byte(`{"response":{"error":"x","error_code":"401","domain":"Shop.amocrm.com"}}`)})
	if e == nil || e.Host != "shop.amocrm.com" {
		t.Errorf("got %+v", e)
	}
	e = customers.DecodeError(driver.Response{Status: 401, Body: []byte(`{"response":{"error":"x","error_code":"401","domain":"<script>"}}`)})
	if e == nil || e.Host != "" {
		t.Errorf("got %+v", e)
	}
}

func TestCustomers_DecodeError_retryAfter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		after, date string
		want        time.Duration
	}{
		{"5", "", 5 * time.Second},
		{"0", "", 0},
		{"-5", "", 0},
		{"", "", 0},
		{"soon", "", 0},
		{"Sat, 21 Nov 2026 10:00:30 GMT", "Sat, 21 Nov 2026 10:00:00 GMT", 30 * time.Second},
		{"Sat, 21 Nov 2026 10:00:00 GMT", "Sat, 21 Nov 2026 10:00:30 GMT", 0},
		{"Sat, 21 Nov 2026 10:00:30 GMT", "", 0},
	} {
		for _, status := range []int{429, 503} {
			header := http.Header{"Retry-After": {c.after}, "Date": {c.date}}
			e := customers.DecodeError(driver.Response{Status: status, Header: header})
			if e == nil || e.RetryAfter != c.want {
				t.Errorf("%d %q: got %+v, want %s", status, c.after, e, c.want)
			}
		}
	}
}

func TestCustomers_DecodeError_namesTheFaultyField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body string
		want []string
	}{
		{legacy("204"), []string{"custom_fields"}},
		{`{"title":"Bad Request","status":400,"detail":"next_date: required; next_date and name"}`, []string{"next_purchase_time", "name"}},
		{`{"error":"no idea"}`, nil},
	} {
		e := customers.DecodeError(driver.Response{Status: 400, Body: []byte(c.body)})
		var got []string
		for _, f := range e.Fields {
			got = append(got, f.Path)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.body, diff)
		}
	}
}

// Upstream echoes credentials in links, and texts may hold anything.
func TestCustomers_DecodeError_showsNoSecrets(t *testing.T) {
	t.Parallel()
	const hash = "0123456789abcdef0123456789abcdef"
	for _, text := range []string{
		"see /api/v2/customers?login=a@example.com&api_key=" + hash,
		"see https://shop.amocrm.ru/private?q=short for more",
		"USER_HASH=" + hash + " is wrong",
		"user_login: a@example.com, key " + hash,
		"Bearer " + hash,
		"access_token=short",
		"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghijklmnopqrstuvwxyz",
		"<b>" + hash + "</b>",
	} {
		body := `{"response":{"error":"` + text + `","error_code":"204"},"_links":{"self":{"href":"/?api_key=` + hash + `"}}}`
		e := customers.DecodeError(driver.Response{Status: 400, Body: []byte(body)})
		// The text of an error has its fields, too.
		shown := e.Error()
		for _, secret := range []string{hash, "a@example.com", "short", "eyJhbGciOiJSUzI1NiJ9.eyJz", "<b>", "api_key="} {
			if strings.Contains(shown, secret) {
				t.Errorf("%q shows %q", shown, secret)
			}
		}
	}
}

func TestCustomers_DecodeError_messagesAreShort(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("я", 5000)
	e := customers.DecodeError(driver.Response{Status: 400, Body: []byte(`{"error":"` + text + `\n\u0007end"}`)})
	if n := utf8.RuneCountInString(e.Message); n > 200+len("upstream refused a value: ") {
		t.Errorf("message has %d runes", n)
	}
	e = customers.DecodeError(driver.Response{Status: 400, Body: []byte(`{"error":"two\n lines\u0007"}`)})
	if want := "upstream refused a value: two lines"; e.Message != want {
		t.Errorf("got %q, want %q", e.Message, want)
	}
}
