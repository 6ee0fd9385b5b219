package emulator

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func script(t *testing.T, e *Emulator, rules string) {
	t.Helper()
	if err := e.LoadFaults(strings.NewReader(`{"rules":[` + rules + `]}`)); err != nil {
		t.Fatal(err)
	}
}

func TestFaultAnswersInThePlaceOfTheService(t *testing.T) {
	for _, test := range []struct {
		action, contentType, body string
		status                    int
	}{
		{`{"status":504}`, "application/json", `{"response":{"error":"Gateway Timeout","error_code":"504"`, 504},
		{`{"status":502,"html":true}`, "text/html; charset=UTF-8", "<h1>502 Bad Gateway</h1>", 502},
		{`{"html":true}`, "text/html; charset=UTF-8", "<h1>200 OK</h1>", 200},
		{`{"body":"{\"_embedded\":{\"items\":[]}}"}`, "application/hal+json", `{"_embedded":{"items":[]}}`, 200},
		{`{"status":400,"body":"no"}`, "application/hal+json", "no", 400},
		{`{"status":429,"header":{"Retry-After":"3","Content-Type":"text/plain"}}`, "text/plain", "429", 429},
		{`{"status":204}`, "", "", 204},
		{`{"empty":true}`, "", "", 204},
		{`{"expire_session":true}`, "application/json", `"error_code":"110"`, 401},
	} {
		e := open(t, Config{Customers: 5})
		script(t, e, `{"match":{},"action":`+test.action+`}`)
		// Without credentials: the service never sees the request.
		a := send(t, e, newRequest(t, http.MethodGet, "/api/v2/customers", ""))
		if a.status != test.status || a.header.Get("Content-Type") != test.contentType || !strings.Contains(a.body, test.body) {
			t.Errorf("%s: status %d, type %q: %s", test.action, a.status, a.header.Get("Content-Type"), a.body)
		}
		if want := map[int]string{429: "3"}[a.status]; a.header.Get("Retry-After") != want {
			t.Errorf("%s: Retry-After %q", test.action, a.header.Get("Retry-After"))
		}
		s := e.Stats()
		if s.Faulted != 1 || s.Requests != 1 || s.FullestWindow != 1 || s.ByStatus[test.status] != 1 {
			t.Errorf("%s: stats %+v", test.action, s)
		}
	}
}

func TestFaultWithApplyHappensAllTheSame(t *testing.T) {
	for _, apply := range []bool{false, true} {
		e := open(t, Config{})
		script(t, e, fmt.Sprintf(`{"match":{"operation":"customers.write"},"action":{"status":504,"apply":%v}}`, apply))
		a := ask(t, e, http.MethodPost, "/api/v2/customers", `{"add":[{"name":"A","next_date":5}]}`)
		if a.status != http.StatusGatewayTimeout {
			t.Errorf("status %d", a.status)
		}
		if got := e.CountCustomers() == 1; got != apply {
			t.Errorf("apply %v: stored %v", apply, got)
		}
	}
}

func TestFaultConditions(t *testing.T) {
	const n = 6
	for match, want := range map[string]string{
		`{}`:                                       "xxxxxx",
		`{"nth":3}`:                                "..x...",
		`{"from":3}`:                               "..xxxx",
		`{"to":2}`:                                 "xx....",
		`{"from":2,"to":4}`:                        ".xxx..",
		`{"every":2}`:                              ".x.x.x",
		`{"every":2,"from":3}`:                     "...x.x",
		`{"method":"POST"}`:                        "......",
		`{"method":"GET","nth":1}`:                 "x.....",
		`{"path":"/api/v2/customers"}`:             "xxxxxx",
		`{"path":"/api/v2/customer"}`:              "......",
		`{"operation":"customers.list","nth":6}`:   ".....x",
		`{"operation":"account"}`:                  "......",
		`{"query":"limit_offset=2"}`:               "..x...",
		`{"query":"filter[main_user][]=","nth":2}`: ".x....",
		`{"body":"add"}`:                           "......",
	} {
		e := open(t, Config{Customers: 9})
		script(t, e, `{"match":`+match+`,"action":{"status":503}}`)
		var got []byte
		for i := range n {
			a := ask(t, e, http.MethodGet, fmt.Sprintf("/api/v2/customers?limit_rows=1&limit_offset=%d&filter%%5Bmain_user%%5D[]=", i), "")
			if a.status == http.StatusServiceUnavailable {
				got = append(got, 'x')
			} else {
				got = append(got, '.')
			}
		}
		if string(got) != want {
			t.Errorf("%s: %s, want %s", match, got, want)
		}
	}
}

func TestFirstRuleThatAppliesActs(t *testing.T) {
	e := open(t, Config{})
	if err := e.Script(
		Rule{Match: Match{Nth: 2}, Action: Action{Status: 500}},
		Rule{Match: Match{From: 2}, Action: Action{Status: 502}},
	); err != nil {
		t.Fatal(err)
	}
	var got []int
	for i := range 4 {
		if i == 3 {
			e.ClearFaults()
		}
		got = append(got, ask(t, e, http.MethodGet, "/api/v2/account", "").status)
	}
	if diff := cmp.Diff([]int{200, 500, 502, 200}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestFaultsOfLists(t *testing.T) {
	for _, test := range []struct {
		action string
		want   []int // places of the rows in the whole list
	}{
		{`{"duplicate":1}`, []int{4, 4, 5}},
		{`{"duplicate":9}`, []int{4, 5, 4, 5}},
		{`{"shift":1}`, []int{5, 6}},
		{`{"shift":-3}`, []int{1, 2}},
		{`{"shift":-9}`, []int{0, 1}},
		{`{"endless":true}`, []int{0, 1}},
	} {
		e := open(t, Config{Customers: 9})
		all := list(t, e, "")
		script(t, e, `{"match":{"query":"limit_offset=4"},"action":`+test.action+`}`)
		want := make([]int64, 0, len(test.want))
		for _, place := range test.want {
			want = append(want, all[place])
		}
		if diff := cmp.Diff(want, list(t, e, "limit_rows=2&limit_offset=4")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.action, diff)
		}
	}
}

func TestFaultOfWriteEcho(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7})
	script(t, e, `{"match":{"body":"\"id\":7"},"action":{"updated_at_millis":true}}`)
	if a := write(t, e, `{"update":[{"id":7,"updated_at":1619342253}]}`); !strings.Contains(a.body, `"updated_at":1619342253000`) {
		t.Errorf("%s", a.body)
	}
}

func TestExpireSessionFaultIsOneLogin(t *testing.T) {
	e := open(t, Config{})
	a := send(t, e, newRequest(t, http.MethodGet, loginPath+"&"+rightPair, ""))
	status := func() int {
		r := newRequest(t, http.MethodGet, "/api/v2/account", "")
		for _, c := range (&http.Response{Header: a.header}).Cookies() {
			r.AddCookie(c)
		}
		return send(t, e, r).status
	}
	script(t, e, `{"match":{"operation":"account","nth":2},"action":{"expire_session":true}}`)
	before := []int{status(), status(), status()}
	a = send(t, e, newRequest(t, http.MethodGet, loginPath+"&"+rightPair, ""))
	if diff := cmp.Diff([]int{200, 401, 401, 200}, append(before, status())); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestGarbledBodyIsNotJSON(t *testing.T) {
	e := open(t, Config{Customers: 5})
	whole := ask(t, e, http.MethodGet, "/api/v2/customers", "")
	script(t, e, `{"match":{},"action":{"garbled":true}}`)
	a := ask(t, e, http.MethodGet, "/api/v2/customers", "")
	if a.status != http.StatusOK || len(a.body) != len(whole.body) || json.Valid([]byte(a.body)) {
		t.Errorf("status %d, %d bytes of %d", a.status, len(a.body), len(whole.body))
	}
}

func TestCutBody(t *testing.T) {
	for _, bytes := range []int{0, 100} {
		e := open(t, Config{Customers: 5})
		script(t, e, fmt.Sprintf(`{"match":{},"action":{"cut":%d}}`, bytes))
		r := newRequest(t, http.MethodGet, "/api/v2/customers", "", "Authorization", "Bearer "+DefaultToken)
		resp, err := e.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(body) != bytes || resp.ContentLength <= 100 {
			t.Errorf("cut %d: %d bytes of %d, %v", bytes, len(body), resp.ContentLength, err)
		}
	}
}

func TestDroppedConnection(t *testing.T) {
	e := open(t, Config{})
	script(t, e, `{"match":{},"action":{"drop":true,"apply":true}}`)
	r := newRequest(t, http.MethodPost, "/api/v2/customers", `{"add":[{"name":"A","next_date":5}]}`, "Authorization", "Bearer "+DefaultToken)
	if err := fails(t, e, r); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	if e.CountCustomers() != 1 {
		t.Error("the write was not applied")
	}
}

func TestDelayAndDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Customers: 5, Latency: 50 * time.Millisecond})
		script(t, e, `{"match":{"nth":2},"action":{"delay":"2s","drip":{"bytes":100,"every":"10ms"}}}`)
		ask(t, e, http.MethodGet, "/api/v2/customers", "")
		start := time.Now()
		r := newRequest(t, http.MethodGet, "/api/v2/customers", "", "Authorization", "Bearer "+DefaultToken)
		resp, err := e.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != 2050*time.Millisecond {
			t.Errorf("the head came after %s", got)
		}
		start = time.Now()
		n, err := io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err != nil || n != resp.ContentLength {
			t.Fatalf("%d bytes of %d, %v", n, resp.ContentLength, err)
		}
		if got, want := time.Since(start), time.Duration((n+99)/100)*10*time.Millisecond; got != want {
			t.Errorf("%d bytes took %s, want %s", n, got, want)
		}
	})
}

func TestDripEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Customers: 5})
		script(t, e, `{"match":{},"action":{"drip":{"bytes":1,"every":"1s"}}}`)
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		r := newRequest(t, http.MethodGet, "/api/v2/customers", "", "Authorization", "Bearer "+DefaultToken).WithContext(ctx)
		resp, err := e.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if !errors.Is(err, context.DeadlineExceeded) || len(body) != 2 {
			t.Errorf("%d bytes, %v", len(body), err)
		}
		if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("reading on: %v", err)
		}
		_ = resp.Body.Close()
		if s := e.Stats(); s.Cancelled != 1 || s.InFlight != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestGzipFaults(t *testing.T) {
	e := open(t, Config{Customers: 5})
	script(t, e, `{"match":{"nth":1},"action":{"gzip":true}},{"match":{"nth":2},"action":{"bomb_bytes":1000000}}`)
	for _, check := range []func(string) bool{
		func(s string) bool { return json.Valid([]byte(s)) },
		func(s string) bool { return s == strings.Repeat("\x00", 1000000) },
	} {
		a := ask(t, e, http.MethodGet, "/api/v2/customers", "")
		z, err := gzip.NewReader(strings.NewReader(a.body))
		if err != nil || a.header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%v, encoding %q", err, a.header.Get("Content-Encoding"))
		}
		body, err := io.ReadAll(z)
		if err != nil || !check(string(body)) || len(a.body) > 10000 {
			t.Errorf("%d bytes unpack to %d, %v", len(a.body), len(body), err)
		}
	}
}

func TestFaultsMeetNoRefusedRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Window: 1})
		script(t, e, `{"match":{"nth":2},"action":{"status":502}}`)
		var got []int
		for range 3 {
			got = append(got, ask(t, e, http.MethodGet, "/api/v2/account", "").status)
			if len(got) == 2 {
				time.Sleep(time.Second)
			}
		}
		if diff := cmp.Diff([]int{200, 429, 502}, got); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
	})
}

func TestBadFaultFiles(t *testing.T) {
	rule := func(match, action string) string {
		return "{\n \"rules\": [\n  {\"match\": " + match + ",\n   \"action\": " + action + "}\n ]\n}"
	}
	const ok = `{"status":500}`
	for _, test := range []struct{ file, want string }{
		{``, "line 1: not JSON"},
		{`[]`, "line 1: the file must be an object"},
		{"{\"rules\":[]}\nx", "line 2: text after the rules"},
		{"{\n\"rule\":[]}", `line 2: unknown key "rule"; there are rules`},
		{`{"rules":{}}`, "line 1: rules must be a list"},
		{"{\"rules\":[\n1]}", "line 2: rules[0] must be an object"},
		{"{\"rules\":[\n{\"match\":}]}", "line 2: not JSON"},
		{"{\"rules\":[\n{\"match\":{\n\"method\":\"GET", "line 3: not JSON"},
		{"{\"rules\":[\n{\"match\":{}", "line 2: not JSON"},
		{rule(`{"methods":"GET"}`, ok), `line 3: unknown key "rules[0].match.methods"; there are method, path,`},
		{rule(`{}`, `{"stauts":500}`), `line 4: unknown key "rules[0].action.stauts"`},
		{rule(`{}`, `{"status":500,"status":501}`), `line 4: key "rules[0].action.status" stands there twice`},
		{rule(`{}`, `{}`), "line 4: rules[0].action: does nothing"},
		{"{\"rules\":[\n{\"match\":{}}]}", "line 2: rules[0].action: does nothing"},
		{rule(`{}`, `{"apply":true}`), "line 4: rules[0].action.apply: needs an answer"},
		{rule(`{}`, `{"status":99}`), "line 4: rules[0].action.status: 99 is outside 200 to 599"},
		{rule(`{}`, `{"status":"500"}`), "line 4: rules[0].action.status: must be a whole number, not string"},
		{rule(`{}`, `{"html":1}`), "line 4: rules[0].action.html: must be true or false, not number"},
		{rule(`{}`, `{"header":[]}`), "line 4: rules[0].action.header: must be an object, not array"},
		{rule(`{}`, `{"delay":2}`), `line 4: rules[0].action.delay: must be a duration such as "2s", not number`},
		{rule(`{}`, `{"delay":"2 seconds"}`), `line 4: rules[0].action.delay: "2 seconds" is not a duration such as "2s"`},
		{rule(`{}`, `{"delay":"-2s"}`), "line 4: rules[0].action.delay: must not be negative"},
		{rule(`{}`, `{"cut":-1}`), "line 4: rules[0].action.cut: must not be negative"},
		{rule(`{}`, `{"drip":{"bytes":0,"every":"1s"}}`), "line 4: rules[0].action.drip.bytes: must be above 0"},
		{rule(`{}`, `{"drip":{"bytes":1,"every":"-1s"}}`), "line 4: rules[0].action.drip.every: must not be negative"},
		{rule(`{}`, `{"drip":{"byte":1}}`), `line 4: unknown key "rules[0].action.drip.byte"; there are bytes, every`},
		{rule(`{"method":5}`, ok), "line 3: rules[0].match.method: must be text, not number"},
		{rule(`{"nth":-1}`, ok), "line 3: rules[0].match.nth: must not be negative"},
		{rule(`{"from":3,"to":2}`, ok), "line 3: rules[0].match.to: 2 is before from, 3"},
		{rule(`{"probability":1.5}`, ok), "line 3: rules[0].match.probability: 1.5 is outside 0 to 1"},
		{rule(`{"probability":"x"}`, ok), "line 3: rules[0].match.probability: must be a number, not string"},
		{rule(`{"kind":"reads"}`, ok), `line 3: rules[0].match.kind: "reads" is unknown; there are read, write`},
		{rule(`{}`, `{"depth":-1}`), "line 4: rules[0].action.depth: must not be negative"},
		{rule(`{}`, `{"keys":-1}`), "line 4: rules[0].action.keys: must not be negative"},
		{rule(`{}`, `{"status":500,"reset":true}`), "line 4: rules[0].action.reset: needs drop or cut"},
		{rule(`{"operation":"customers.read"}`, ok), `line 3: rules[0].match.operation: "customers.read" is unknown; there are auth,`},
	} {
		e := open(t, Config{})
		err := e.LoadFaults(strings.NewReader(test.file))
		if err == nil || !strings.HasPrefix(err.Error(), "emulator: read faults: "+test.want) {
			t.Errorf("%s: %v, want %s", test.file, err, test.want)
		}
		if len(e.faults.rules) != 0 {
			t.Errorf("%s left rules", test.file)
		}
	}
}

func TestScriptRefusesAWrongRuleWithAll(t *testing.T) {
	e := open(t, Config{})
	err := e.Script(Rule{Action: Action{Status: 500}}, Rule{Action: Action{Status: 1}})
	if err == nil || err.Error() != "emulator: fault rule 2: action.status: 1 is outside 200 to 599" || len(e.faults.rules) != 0 {
		t.Errorf("%v, %d rules", err, len(e.faults.rules))
	}
}

func FuzzFaultFile(f *testing.F) {
	for _, seed := range []string{
		`{"rules":[{"match":{"operation":"customers.list","query":"limit_offset=500","nth":1},"action":{"empty":true}}]}`,
		`{"rules":[{"match":{"method":"POST","every":10},"action":{"status":504,"html":true,"apply":true}}]}`,
		`{"rules":[{"action":{"delay":"2s","cut":1000,"drip":{"bytes":1,"every":"10ms"},"header":{"A":"b"}}}]}`,
		`{"rules":[{"action":{"drip":null,"cut":null}}]}`, "{\n\"rules\":[{]", `{"rules":[{"match":{"":1}}]}`, `null`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		rules, err := readFaults(strings.NewReader(file))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "line ") || rules != nil {
				t.Fatalf("%q: %v, %d rules", file, err, len(rules))
			}
			return
		}
		for _, r := range rules {
			if err := r.validate(); err != nil {
				t.Fatalf("%q: accepted a rule that is none: %v", file, err)
			}
		}
	})
}
