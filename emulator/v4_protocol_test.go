package emulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// hal is a decoded list of generation v4.
type hal struct {
	Page  int `json:"_page"`
	Total int `json:"_total_items"`
	Links map[string]struct {
		Href string `json:"href"`
	} `json:"_links"`
	Embedded map[string][]map[string]any `json:"_embedded"`
}

func readHAL(t *testing.T, a answered) hal {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	var h hal
	if err := json.Unmarshal([]byte(a.body), &h); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return h
}

// listV4 asks for customers and returns their ids; nil for an empty page.
func listV4(t *testing.T, e *Emulator, query string) []int64 {
	t.Helper()
	a := ask(t, e, http.MethodGet, v4CustomersPath+"?"+query, "")
	if a.status == http.StatusNoContent {
		if a.body != "" || a.header.Get("Content-Type") != "" {
			t.Fatalf("list %s: 204 with %q of type %q", query, a.body, a.header.Get("Content-Type"))
		}
		return nil
	}
	var ids []int64
	for _, id := range numbersOf(t, readHAL(t, a).Embedded["customers"], "id") {
		ids = append(ids, int64(id))
	}
	return ids
}

// numbersOf returns a number of every row.
func numbersOf(t *testing.T, rows []map[string]any, key string) []float64 {
	t.Helper()
	var all []float64
	for _, row := range rows {
		number, ok := row[key].(float64)
		if !ok {
			t.Fatalf("%s of %v is no number", key, row)
		}
		all = append(all, number)
	}
	return all
}

// problemDoc is a decoded error of generation v4.
type problemDoc struct {
	Title      string `json:"title"`
	Type       string `json:"type"`
	Status     int    `json:"status"`
	Detail     string `json:"detail"`
	RetryAfter int    `json:"retry_after"`
	TraceID    string `json:"trace_id"`
}

// readProblem decodes an error and checks what every one of them has.
func readProblem(t *testing.T, a answered) problemDoc {
	t.Helper()
	var p problemDoc
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type = %q", got)
	}
	if want := "https://httpstatus.es/" + strconv.Itoa(a.status); p.Status != a.status || p.Type != want || p.Title == "" {
		t.Errorf("status %d says %s", a.status, a.body)
	}
	return p
}

func TestV4Routes_answersOtherPathsAndVerbs(t *testing.T) {
	e := open(t, Config{Customers: 3})
	for _, test := range []struct {
		method, target string
		status         int
		detail         string
	}{
		{http.MethodGet, "/api/v4/nothing", 404, "Cannot GET https://example.amocrm.ru/api/v4/nothing"},
		{http.MethodPost, "/api/v4/tasks?x=1", 404, "Cannot POST https://example.amocrm.ru/api/v4/tasks?x=1"},
		{http.MethodGet, "/api/v4/customers/first", 404, "Cannot GET https://example.amocrm.ru/api/v4/customers/first"},
		{http.MethodGet, "/api/v4/customers/0", 404, "Cannot GET https://example.amocrm.ru/api/v4/customers/0"},
		{http.MethodGet, "/api/v4/customers/99999999999999999999", 404, "Cannot GET https://example.amocrm.ru/api/v4/customers/99999999999999999999"},
		{http.MethodDelete, "/api/v4/customers", 405, "Method Not Allowed"},
		{http.MethodDelete, "/api/v4/customers/466001", 405, "Method Not Allowed"},
		{http.MethodPut, "/api/v4/customers/466001/link", 405, "Method Not Allowed"},
		{http.MethodPost, "/api/v4/account", 405, "Method Not Allowed"},
	} {
		a := ask(t, e, test.method, test.target, "")
		if p := readProblem(t, a); a.status != test.status || p.Detail != test.detail {
			t.Errorf("%s %s: status %d: %s", test.method, test.target, a.status, a.body)
		}
	}
	if got := e.Stats().ByOperation[OpUnknown]; got != 9 {
		t.Errorf("%d requests are unknown", got)
	}
}

func TestV4Routes_countsOperations(t *testing.T) {
	e := open(t, Config{Customers: 3})
	var id string
	for cu := range e.Customers() {
		id = digits(cu.ID)
		break
	}
	want := map[string]int64{}
	for _, test := range []struct{ method, target, op string }{
		{http.MethodGet, "/api/v4/account", OpV4Account},
		{http.MethodGet, "/api/v4/customers", OpV4CustomersList},
		{http.MethodGet, "/api/v4/customers/", OpV4CustomersList},
		{http.MethodPost, "/api/v4/customers", OpV4CustomersCreate},
		{http.MethodPatch, "/api/v4/customers", OpV4CustomersUpdate},
		{http.MethodGet, "/api/v4/customers/" + id, OpV4CustomersGet},
		{http.MethodPatch, "/api/v4/customers/" + id, OpV4CustomersUpdateOne},
		{http.MethodGet, "/api/v4/customers/" + id + "/links", OpV4CustomersLinks},
		{http.MethodPost, "/api/v4/customers/" + id + "/link", OpV4CustomersLink},
		{http.MethodPost, "/api/v4/customers/" + id + "/unlink", OpV4CustomersUnlink},
		{http.MethodGet, "/api/v4/customers/links", OpV4CustomersLinksMany},
		{http.MethodPost, "/api/v4/customers/link", OpV4CustomersLinkMany},
		{http.MethodPost, "/api/v4/customers/unlink", OpV4CustomersUnlinkMany},
		{http.MethodGet, "/api/v4/customers/" + id + "/subscriptions", OpV4CustomersSubscriptions},
		{http.MethodGet, "/api/v4/customers/custom_fields", OpV4CustomFieldsList},
		{http.MethodGet, "/api/v4/customers/custom_fields/1250001", OpV4CustomFieldsGet},
	} {
		ask(t, e, test.method, test.target, "")
		want[test.op]++
	}
	if diff := cmp.Diff(want, e.Stats().ByOperation); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	for op := range want {
		if err := e.Script(Rule{Match: Match{Operation: op}, Action: Action{Empty: true}}); err != nil {
			t.Errorf("a rule cannot name %s: %v", op, err)
		}
	}
}

func TestV4Auth_takesABearerTokenOnly(t *testing.T) {
	e := open(t, Config{Customers: 1})
	withSession := newRequest(t, http.MethodGet, v4CustomersPath, "")
	for _, cookie := range e.sessions.start(time.Now()) {
		withSession.AddCookie(cookie)
	}
	for name, r := range map[string]*http.Request{
		"nothing":     newRequest(t, http.MethodGet, v4CustomersPath, ""),
		"wrong token": newRequest(t, http.MethodGet, v4CustomersPath, "", "Authorization", "Bearer x"),
		"basic":       newRequest(t, http.MethodGet, v4CustomersPath, "", "Authorization", "Basic "+DefaultToken),
		"in the query": newRequest(t, http.MethodGet,
			v4CustomersPath+"?USER_LOGIN="+DefaultLogin+"&USER_HASH="+DefaultAPIKey, ""),
		"a session":    withSession,
		"another host": newRequest(t, http.MethodGet, "/api/v4/nothing", ""),
	} {
		a := send(t, e, r)
		if p := readProblem(t, a); a.status != http.StatusUnauthorized || p.Title != "Unauthorized" || p.Detail != "Invalid user name or password" {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		}
	}
	other := open(t, Config{Host: "north.amocrm.ru"})
	if a := ask(t, other, http.MethodGet, v4CustomersPath, ""); a.status != http.StatusUnauthorized {
		t.Errorf("another host: status %d", a.status)
	}
}

func TestV4Errors_speakRussian(t *testing.T) {
	e := open(t, Config{RussianErrors: true, CustomersMode: ModeDisabled})
	for target, want := range map[string][2]string{
		v4CustomersPath:                    {"Некорректный запрос", "Код ошибки 426."},
		v4CustomersPath + "/custom_fields": {"Unprocessable Entity", "Покупатели отключены"},
	} {
		p := readProblem(t, ask(t, e, http.MethodGet, target, ""))
		if got := [2]string{p.Title, p.Detail}; got != want {
			t.Errorf("%s: %q", target, got)
		}
	}
	p := readProblem(t, send(t, e, newRequest(t, http.MethodGet, v4CustomersPath, "")))
	if p.Title != "Unauthorized" || p.Detail != "Неверный логин или пароль" { // the title stays English
		t.Errorf("401 says %q, %q", p.Title, p.Detail)
	}
}

func TestV4Replies_haveARequestIDOfTheirOwn(t *testing.T) {
	e := open(t, Config{Customers: 1})
	pattern := regexp.MustCompile(`^[0-9a-f]{32}$`)
	seen := map[string]bool{}
	for _, target := range []string{v4CustomersPath, v4CustomersPath + "/1", "/api/v4/nothing"} {
		id := ask(t, e, http.MethodGet, target, "").header.Get("X-Request-Id")
		if !pattern.MatchString(id) || seen[id] {
			t.Errorf("%s: X-Request-Id %q", target, id)
		}
		seen[id] = true
	}
	if id := ask(t, e, http.MethodGet, "/api/v2/account", "").header.Get("X-Request-Id"); id != "" {
		t.Errorf("v2 has X-Request-Id %q", id)
	}
}

func TestV4Limit_refusesWithEveryBody(t *testing.T) {
	for _, test := range []struct {
		name        string
		body        LimitBody
		contentType string
		want        string
	}{
		{"page", LimitHTML, "text/html; charset=UTF-8", "429 Too Many Requests"},
		{"text", LimitText, "text/plain; charset=UTF-8", "Too Many Requests"},
		{"nothing", LimitEmpty, "", ""},
		{"problem", LimitError, "application/problem+json", `"title":"Too Many Requests"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := open(t, Config{Window: 1, LimitBody: test.body})
				ask(t, e, http.MethodGet, v4CustomersPath, "")
				a := ask(t, e, http.MethodGet, v4CustomersPath, "")
				if a.status != 429 || a.header.Get("Content-Type") != test.contentType || !strings.Contains(a.body, test.want) {
					t.Errorf("status %d, %q: %s", a.status, a.header.Get("Content-Type"), a.body)
				}
				if test.body == LimitError && readProblem(t, a).RetryAfter != 300 {
					t.Errorf("no retry_after in %s", a.body)
				}
			})
		})
	}
}

func TestV4Ban_isAPageOfTheWebServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Window: 1, BanAfter: 1})
		ask(t, e, http.MethodGet, v4CustomersPath, "")
		ask(t, e, http.MethodGet, v4CustomersPath, "")
		a := ask(t, e, http.MethodGet, v4CustomersPath, "")
		if a.status != http.StatusForbidden || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("status %d, %q", a.status, a.header.Get("Content-Type"))
		}
	})
}

func TestV4Page_linksItsNeighbours(t *testing.T) {
	const list = "https://example.amocrm.ru/api/v4/customers"
	e := open(t, Config{Customers: 7})
	for _, test := range []struct {
		query string
		page  int
		rows  int
		links map[string]string
	}{
		{"limit=2&page=2", 2, 2, map[string]string{
			"self": list + "?limit=2&page=2", "next": list + "?limit=2&page=3",
			"first": list + "?limit=2&page=1", "prev": list + "?limit=2&page=1",
		}},
		{"limit=3&page=3", 3, 1, map[string]string{
			"self": list + "?limit=3&page=3", "first": list + "?limit=3&page=1", "prev": list + "?limit=3&page=2",
		}},
		{"limit=7", 1, 7, map[string]string{ // full, so a next page is promised that is empty
			"self": list + "?limit=7&page=1", "next": list + "?limit=7&page=2",
		}},
		{"", 1, 7, map[string]string{"self": list + "?page=1&limit=50"}},
		{"with=contacts&page=1", 1, 7, map[string]string{"self": list + "?with=contacts&page=1&limit=50"}},
	} {
		h := readHAL(t, ask(t, e, http.MethodGet, v4CustomersPath+"?"+test.query, ""))
		got := map[string]string{}
		for name, link := range h.Links {
			got[name] = link.Href
		}
		if diff := cmp.Diff(test.links, got); diff != "" || h.Page != test.page || len(h.Embedded["customers"]) != test.rows {
			t.Errorf("%q: page %d of %d rows, links (-want +got):\n%s", test.query, h.Page, len(h.Embedded["customers"]), diff)
		}
	}
	for _, query := range []string{"limit=7&page=2", "page=1000000000000"} {
		if rows := listV4(t, e, query); rows != nil {
			t.Errorf("%q: %v", query, rows)
		}
	}
}

func TestV4Page_readsLimitAsTheServiceDoes(t *testing.T) {
	e := open(t, Config{Customers: 300})
	for query, want := range map[string]int{
		"": 50, "limit=250": 250, "limit=1": 1, "limit=251": 50, "limit=500": 50, "limit=0": 50, "limit=-1": 50,
		"limit=x": 50, "limit=250&page=2": 50, "limit=250&page=0": 250, "limit=250&page=-3": 250,
	} {
		if got := len(listV4(t, e, query)); got != want {
			t.Errorf("%q: %d rows, want %d", query, got, want)
		}
	}
	strict := open(t, Config{Customers: 3, Strict: true})
	for _, query := range []string{"limit=251", "limit=x", "page=0", "page=x"} {
		if a := ask(t, strict, http.MethodGet, v4CustomersPath+"?"+query, ""); a.status != http.StatusBadRequest {
			t.Errorf("strict %q: status %d", query, a.status)
		}
	}
}

func TestV4Page_hasNextByPolicy(t *testing.T) {
	for policy, want := range map[NextLinks][2]bool{ // of a full and of a short page
		NextAsRecorded: {true, false},
		NextFull:       {true, false},
		NextAlways:     {true, true},
		NextNever:      {false, false},
	} {
		e := open(t, Config{Customers: 3, NextLinks: policy})
		for i, query := range []string{"limit=2", "limit=2&page=2"} {
			_, got := readHAL(t, ask(t, e, http.MethodGet, v4CustomersPath+"?"+query, "")).Links["next"]
			if got != want[i] {
				t.Errorf("policy %d, %s: next %v", policy, query, got)
			}
		}
	}
}

func TestV4Faults_actOnPages(t *testing.T) {
	e := open(t, Config{Customers: 9})
	all := listV4(t, e, "")
	for _, test := range []struct {
		name   string
		action Action
		query  string
		want   []int64
	}{
		{"empty", Action{Empty: true}, "limit=3", nil},
		{"duplicate", Action{Duplicate: 1}, "limit=3", []int64{all[0], all[0], all[1], all[2]}},
		{"shift", Action{Shift: 1}, "limit=3&page=2", all[4:7]},
		{"shift back", Action{Shift: -1}, "limit=3&page=2", all[2:5]},
		{"endless", Action{Endless: true}, "limit=3&page=90", all[:3]},
	} {
		e.ClearFaults()
		if err := e.Script(Rule{Match: Match{Operation: OpV4CustomersList}, Action: test.action}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, listV4(t, e, test.query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestV4Faults_answerProblems(t *testing.T) {
	e := open(t, Config{Customers: 1})
	for status, title := range map[int]string{
		402: "Payment Required", 403: "Forbidden", 429: "Too Many Requests", 500: "ErrInternalServer", 504: "Gateway Timeout",
	} {
		e.ClearFaults()
		if err := e.Script(Rule{Action: Action{Status: status}}); err != nil {
			t.Fatal(err)
		}
		a := ask(t, e, http.MethodGet, v4CustomersPath, "")
		p := readProblem(t, a)
		if a.status != status || p.Title != title || (p.TraceID != "") != (status == 500) {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
	e.ClearFaults()
	if err := e.Script(Rule{Action: Action{Status: 504, HTML: true, Apply: true}}); err != nil {
		t.Fatal(err)
	}
	if a := ask(t, e, http.MethodPost, v4CustomersPath, `[{"name":"A","next_date":1700000000}]`); a.status != 504 {
		t.Errorf("status %d", a.status)
	}
	if got := e.CountCustomers(); got != 2 {
		t.Errorf("%d customers after a write that happened and said it did not", got)
	}
}

func TestV4Faults_answerMilliseconds(t *testing.T) {
	e := open(t, Config{})
	cu := mustAdd(t, e, Customer{Name: "A"})
	if err := e.Script(Rule{Action: Action{UpdatedAtMillis: true}}); err != nil {
		t.Fatal(err)
	}
	for target, body := range map[string]string{
		customerPath(cu.ID): `{"updated_at":1700000000}`,
		v4CustomersPath:     `[{"id":` + digits(cu.ID) + `,"updated_at":1700000000}]`,
	} {
		if a := ask(t, e, http.MethodPatch, target, body); !strings.Contains(a.body, `"updated_at":1700000000000`) {
			t.Errorf("%s: %s", target, a.body)
		}
	}
}

func TestV4Strict_refusesWhatIsIgnored(t *testing.T) {
	strict, tolerant := open(t, Config{Customers: 3, Strict: true}), open(t, Config{Customers: 3})
	for _, test := range []struct {
		method, target, body string
		header               []string
	}{
		{target: v4CustomersPath + "?limit_rows=5"},
		{target: v4CustomersPath + "?filter[colour]=x"},
		{target: v4CustomersPath + "?filter=x"},
		{target: v4CustomersPath + "?filter[updated_at][since]=1"},
		{target: v4CustomersPath + "?filter[updated_at][from]=x"},
		{target: v4CustomersPath + "?order[name]=asc"},
		{target: v4CustomersPath + "?order[id]=up"},
		{target: v4CustomersPath + "?order=id"},
		{target: v4CustomersPath + "?with=leads"},
		{target: v4CustomersPath + "?USER_LOGIN=" + DefaultLogin},
		{target: v4CustomersPath, header: []string{"If-Modified-Since", "Mon, 01 Aug 2022 07:07:23 GMT"}},
		{target: "/api/v4/account?with=users"},
		{target: "/api/v4/account?page=1"},
		{method: http.MethodPost, target: v4CustomersPath, body: `[{"name":"A","next_date":1700000000,"colour":"red"}]`},
		{method: http.MethodPost, target: v4CustomersPath, body: `[{"name":"A","next_date":1700000000,"tags_to_add":[{"id":61801,"name":"x"}]}]`},
	} {
		if test.method == "" {
			test.method = http.MethodGet
		}
		if a := ask(t, strict, test.method, test.target, test.body, test.header...); a.status != http.StatusBadRequest {
			t.Errorf("strict %s %s: status %d", test.method, test.target, a.status)
		}
		if a := ask(t, tolerant, test.method, test.target, test.body, test.header...); a.status != http.StatusOK {
			t.Errorf("tolerant %s %s: status %d: %s", test.method, test.target, a.status, a.body)
		}
	}
}

func TestProblem_hasEveryShape(t *testing.T) {
	e := open(t, Config{})
	c := &call{e: e}
	for _, test := range []struct {
		name string
		p    problem
		want string
	}{
		{
			"by entity",
			problem{status: 400, detail: "Invalid request body", entities: []entityProblem{{7, "no"}}},
			`{"errors":{"7":"no"},"title":"Bad Request","type":"https://httpstatus.es/400","status":400,"detail":"Invalid request body"}`,
		},
		{
			"items",
			problem{status: 400, detail: "Invalid request items", items: []invalidItem{{"0", violation{"EntityNotFound", "id", "x"}}}},
			`{"errors":[{"request_id":"0","errors":{"code":"EntityNotFound","path":"id","detail":"x"}}],"title":"Bad Request","type":"https://httpstatus.es/400","status":400,"detail":"Invalid request items"}`,
		},
		{
			"titles",
			problem{status: 400, detail: "x", titles: []string{"Entity not found"}},
			`{"errors":[{"title":"Entity not found"}],"title":"Bad Request","type":"https://httpstatus.es/400","status":400,"detail":"x"}`,
		},
		{
			"hint",
			problem{status: 402, detail: "x", hint: "y"},
			`{"title":"Payment Required","type":"https://httpstatus.es/402","status":402,"detail":"x","hint":"y"}`,
		},
	} {
		got := string(c.problemReply(&test.p).body)
		if diff := cmp.Diff(map[string]difference{}, differences(flatten(t, test.want), flatten(t, got))); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
	}
}
