package v4

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/internal/driver"
)

var testPaths = pathMap{
	"next_date":                       "next_purchase_time",
	"custom_fields_values":            "custom_fields",
	"custom_fields_values.#":          "custom_fields[#]",
	"custom_fields_values.#.field_id": "custom_fields[#].field_id",
}

func TestDecodeError_kinds(t *testing.T) {
	t.Parallel()
	problem := func(detail string) string {
		return `{"title":"T","type":"https://httpstatus.es/400","status":400,"detail":"` + detail + `"}`
	}
	const page = `<html><head><title>403 Forbidden</title></head></html>`
	for _, c := range []struct {
		name   string
		status int
		body   string
		// reader is the resource's; needed only where it matters.
		reader errorReader
		want   driver.Kind
	}{
		{"validation", 400, `{"validation-errors":[{"request_id":"1","errors":[{"code":"InvalidType","path":"x","detail":"d"}]}],"status":400,"detail":"Request validation failed"}`, errorReader{}, driver.KindUpstreamInvalid},
		{"empty body", 400, problem("Request data can not be empty"), errorReader{}, driver.KindUpstreamInvalid},
		{"400 without json", 400, "Bad Request", errorReader{}, driver.KindBadResponse},
		{"customers off", 400, problem("Error 426."), errorReader{ofCustomers: true}, driver.KindCustomersDisabled},
		{"customers off, Russian", 400, problem("Код ошибки 426. Функционал отключен"), errorReader{ofCustomers: true}, driver.KindCustomersDisabled},
		{"426 elsewhere", 400, problem("Error 426."), errorReader{}, driver.KindUpstreamInvalid},
		{"not in the plan 425", 400, problem("Error 425."), errorReader{ofCustomers: true}, driver.KindCustomersNotInPlan},
		{"not in the plan 402", 400, problem("Error 402."), errorReader{ofCustomers: true}, driver.KindCustomersNotInPlan},
		{"no right 288", 400, problem("Error 288."), errorReader{ofCustomers: true}, driver.KindForbidden},
		{"no right 244", 400, problem("Код ошибки 244. Недостаточно прав"), errorReader{}, driver.KindForbidden},
		{"a number that is no code", 400, problem("Error 40000."), errorReader{ofCustomers: true}, driver.KindUpstreamInvalid},
		{"401", 401, `{"title":"Unauthorized","status":401,"detail":"Неверный логин или пароль"}`, errorReader{}, driver.KindReauth},
		{"401 html", 401, page, errorReader{}, driver.KindReauth},
		{"no account here", 401, `{"response":{"error":"Аккаунт не найден","error_code":"101"}}`, errorReader{}, driver.KindMoved},
		{"moved account", 401, `{"response":{"error":"moved","error_code":"401","domain":"south.amocrm.ru"}}`, errorReader{}, driver.KindMoved},
		{"subscription", 402, `{"title":"Payment Required","status":402}`, errorReader{ofCustomers: true}, driver.KindPaymentRequired},
		{"function", 402, `{"title":"Payment Required","status":402,"detail":"Customers are not available"}`, errorReader{ofCustomers: true}, driver.KindCustomersNotInPlan},
		{"402 html", 402, page, errorReader{}, driver.KindPaymentRequired},
		{"right", 403, `{"title":"Forbidden","status":403,"detail":"Access denied"}`, errorReader{}, driver.KindForbidden},
		{"block", 403, page, errorReader{}, driver.KindBlocked},
		{"block without a body", 403, "", errorReader{}, driver.KindBlocked},
		{"address not listed", 403, `{"error_code":113,"title":"Forbidden","status":403}`, errorReader{}, driver.KindBlocked},
		{"route", 404, `{"title":"Not Found","status":404,"detail":"Cannot GET https://north.amocrm.ru/api/v4/notes"}`, errorReader{}, driver.KindBadResponse},
		{"route with a suffix", 404, `{"title":"Not Found","status":404,"detail":"Cannot POST https://north.amocrm.ru/api/v4/notes!"}`, errorReader{}, driver.KindBadResponse},
		{"record", 404, `{"title":"Not Found","status":404,"detail":"Entity not found"}`, errorReader{}, driver.KindNotFound},
		{"404 html", 404, page, errorReader{}, driver.KindBadResponse},
		{"405", 405, `{"title":"Method Not Allowed","status":405}`, errorReader{}, driver.KindBadResponse},
		{"too large a batch", 422, problem("Limit 250 per page"), errorReader{ofCustomers: true, needed: "segments"}, driver.KindUpstreamInvalid},
		{"422 customers off", 422, problem("Customers disabled"), errorReader{ofCustomers: true, needed: "segments"}, driver.KindCustomersDisabled},
		{"422 mode", 422, problem("Unprocessable Entity"), errorReader{ofCustomers: true, needed: "segments"}, driver.KindCustomersMode},
		{"422 elsewhere", 422, problem("Talk is closed"), errorReader{}, driver.KindUpstreamInvalid},
		{"422 html", 422, page, errorReader{ofCustomers: true}, driver.KindBadResponse},
		{"429", 429, "Too Many Requests", errorReader{}, driver.KindRateLimited},
		{"408", 408, "", errorReader{}, driver.KindUnavailable},
		{"413", 413, page, errorReader{}, driver.KindUpstreamInvalid},
		{"499", 499, "", errorReader{}, driver.KindUnavailable},
		{"500", 500, `{"title":"ErrInternalServer","status":500,"detail":"x","trace_id":"y"}`, errorReader{}, driver.KindUnavailable},
		{"502", 502, page, errorReader{}, driver.KindUnavailable},
		{"504", 504, "", errorReader{}, driver.KindUnavailable},
		{"418", 418, "", errorReader{}, driver.KindBadResponse},
		{"error in a success", 200, `{"title":"Unauthorized","status":401,"detail":"x"}`, errorReader{}, driver.KindReauth},
		{"errors in a success", 200, `{"errors":[{"title":"Entity not found"}]}`, errorReader{}, driver.KindUpstreamInvalid},
		{"page in a success", 200, page, errorReader{}, driver.KindBadResponse},
		{"search failed", 400, problem("Error 219."), errorReader{}, driver.KindUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := c.reader.decode(driver.Response{Status: c.status, Body: []byte(c.body)})
			if e == nil {
				t.Fatal("got a success")
			}
			if e.Kind != c.want || e.Status != c.status || e.Message == "" {
				t.Errorf("got kind %d, status %d, %q; want kind %d", e.Kind, e.Status, e.Message, c.want)
			}
			if (e.Needed != "") != (e.Kind == driver.KindCustomersMode) {
				t.Errorf("needed mode is %q", e.Needed)
			}
		})
	}
}

func TestDecodeError_successes(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "[]", `{"_page":1,"_embedded":{"customers":[]}}`, `{"id":1,"status":404}`, `{"bonus_points":534}`,
		`{"mode":"segments","is_enabled":true}`, `{"errors":[],"_total_items":0,"_embedded":{}}`,
		`{"errors":[{"code":"X"}],"_embedded":{"customers":[]}}`, `no json`,
	} {
		if e := DecodeError(driver.Response{Status: 200, Body: []byte(body)}); e != nil {
			t.Errorf("%s: got %v", body, e)
		}
	}
}

func TestDecodeError_rows(t *testing.T) {
	t.Parallel()
	type row struct {
		ID     int64
		Index  int
		Kind   driver.Kind
		Fields []driver.FieldError
	}
	for _, c := range []struct {
		name, body string
		// kind is that of the whole, which is not that of a row that has a name.
		kind   driver.Kind
		fields []driver.FieldError
		rows   []row
	}{
		{
			"documented sample",
			`{"validation-errors":[{"request_id":"2","errors":[{"code":"NotSupportedChoice","path":"custom_fields_values.0.field_id","detail":"no valid choice."},{"code":"InvalidType","path":"next_date","detail":"should be int."}]}],"title":"Bad Request","status":400,"detail":"Request validation failed"}`,
			driver.KindUpstreamInvalid,
			[]driver.FieldError{
				{Path: "custom_fields[0].field_id", Description: "upstream refuses it: NotSupportedChoice: no valid choice."},
				{Path: "next_purchase_time", Description: "upstream refuses it: InvalidType: should be int."},
			},
			[]row{{Index: 1, Kind: driver.KindUpstreamInvalid, Fields: []driver.FieldError{
				{Path: "custom_fields[0].field_id", Description: "upstream refuses it: NotSupportedChoice: no valid choice."},
				{Path: "next_purchase_time", Description: "upstream refuses it: InvalidType: should be int."},
			}}},
		},
		{
			"ids as number and list, two rows",
			`{"validation-errors":[{"request_id":1,"errors":{"code":"TooFew","path":"custom_fields_values.1.values"}},{"request_id":["3"],"errors":[{"code":"X","path":"unheard"}]}],"status":400}`,
			driver.KindUpstreamInvalid,
			nil,
			[]row{
				{Index: 0, Kind: driver.KindUpstreamInvalid, Fields: []driver.FieldError{{Path: "custom_fields[1]", Description: "upstream refuses it: TooFew"}}},
				{Index: 2, Kind: driver.KindUpstreamInvalid},
			},
		},
		{
			"by the id of the record",
			`{"errors":{"701244":"Loss reason is wrong","701245":"Error 288."},"status":400,"detail":"Invalid request body"}`,
			driver.KindUpstreamInvalid,
			nil,
			[]row{{ID: 701244, Index: -1, Kind: driver.KindUpstreamInvalid}, {ID: 701245, Index: -1, Kind: driver.KindForbidden}},
		},
		{
			"a record that is missing",
			`{"errors":[{"request_id":"1","errors":{"code":"EntityNotFound","path":"id","detail":"d"}}],"status":400,"detail":"Invalid request items"}`,
			driver.KindUpstreamInvalid,
			nil,
			[]row{{Index: 0, Kind: driver.KindNotFound}},
		},
		{
			"a row without a name hides the others",
			`{"validation-errors":[{"request_id":"1","errors":[{"code":"X","path":"next_date"}]},{"errors":[{"code":"Y","path":"next_date"}]}],"status":400}`,
			driver.KindUpstreamInvalid,
			[]driver.FieldError{{Path: "next_purchase_time", Description: "upstream refuses it: Y"}},
			nil,
		},
		{
			"an id of upstream's own making",
			`{"validation-errors":[{"request_id":"0","errors":[{"code":"X","path":"next_date"}]}],"status":400}`,
			driver.KindUpstreamInvalid,
			[]driver.FieldError{{Path: "next_purchase_time", Description: "upstream refuses it: X"}},
			nil,
		},
		{
			"a record that is missing, without a name",
			`{"errors":[{"errors":{"code":"EntityNotFound","path":"id","detail":"d"}}],"status":400}`,
			driver.KindNotFound,
			nil,
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := errorReader{field: testPaths.field}.decode(driver.Response{Status: 400, Body: []byte(c.body)})
			if diff := cmp.Diff(c.fields, e.Fields); diff != "" {
				t.Error(diff)
			}
			if e.Kind != c.kind {
				t.Errorf("kind is %d, want %d", e.Kind, c.kind)
			}
			var rows []row
			for _, item := range e.Items {
				rows = append(rows, row{item.ID, item.Index, item.Err.Kind, item.Err.Fields})
				if item.Err.Message == "" || item.Err.ID != item.ID {
					t.Errorf("got %+v", item.Err)
				}
			}
			if diff := cmp.Diff(c.rows, rows); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeError_retryAfter(t *testing.T) {
	t.Parallel()
	const now = "Sun, 06 Nov 1994 08:49:37 GMT"
	for _, c := range []struct {
		header http.Header
		body   string
		want   time.Duration
	}{
		{nil, `{"retry_after":300,"status":429}`, 5 * time.Minute},
		{http.Header{"Retry-After": {"7"}}, "", 7 * time.Second},
		{http.Header{"Retry-After": {"7"}}, `{"retry_after":300}`, 5 * time.Minute},
		{http.Header{"Retry-After": {"Sun, 06 Nov 1994 08:49:40 GMT"}, "Date": {now}}, "", 3 * time.Second},
		{http.Header{"Retry-After": {"Sun, 06 Nov 1994 08:49:30 GMT"}, "Date": {now}}, "", 0},
		{http.Header{"Retry-After": {"Sun, 06 Nov 1994 08:49:40 GMT"}}, "", 0},
		{http.Header{"Retry-After": {"-1"}}, `{"retry_after":"soon"}`, 0},
	} {
		e := DecodeError(driver.Response{Status: 429, Header: c.header, Body: []byte(c.body)})
		if e.RetryAfter != c.want {
			t.Errorf("%v %s: got %v, want %v", c.header, c.body, e.RetryAfter, c.want)
		}
	}
}

func TestDecodeError_redirects(t *testing.T) {
	t.Parallel()
	asked, err := url.Parse("https://north.amocrm.ru/api/v4/customers")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		location string
		kind     driver.Kind
		host     string
	}{
		{"https://South.kommo.com/api/v4/customers", driver.KindMoved, "south.kommo.com"},
		{"//south.kommo.com/", driver.KindMoved, "south.kommo.com"},
		{"https://NORTH.amocrm.ru/login", driver.KindBadResponse, ""},
		{"/login", driver.KindBadResponse, ""},
		{"http://south.kommo.com/", driver.KindBadResponse, ""},
		{"ftp://south.kommo.com/", driver.KindBadResponse, ""},
		{"mailto:x@y", driver.KindBadResponse, ""},
		{":", driver.KindBadResponse, ""},
		{"", driver.KindBadResponse, ""},
	} {
		header := http.Header{}
		if c.location != "" {
			header.Set("Location", c.location)
		}
		e := DecodeError(driver.Response{URL: asked, Status: 302, Header: header})
		if e.Kind != c.kind || e.Host != c.host {
			t.Errorf("%q: got kind %d and host %q", c.location, e.Kind, e.Host)
		}
	}
}

func TestClean_keepsSecretsBack(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Cannot GET https://a.b/c?access_token=x&y=1": "Cannot GET https://a.b/c?…",
		"token 0123456789abcdef0123456789abcdef":      "token …",
		"client_secret=abc is wrong":                  "… is wrong",
		"Bearer abc.def":                              "…",
		"a\nb\x00c":                                   "a bc",
		"<b>no</b>":                                   "",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
