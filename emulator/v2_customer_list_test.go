package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// at is an instant in Moscow, which is three hours ahead of UTC.
func at(text string) int64 {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", text, time.FixedZone("", 3*3600))
	if err != nil {
		panic(err)
	}
	return t.Unix()
}

func TestDateFilters(t *testing.T) {
	customers := []Customer{
		{ID: 1, CreatedAt: at("2017-10-09 23:59:59"), UpdatedAt: 11, NextDate: at("2017-11-01 00:00:00")},
		{ID: 2, CreatedAt: at("2017-10-10 00:00:00"), UpdatedAt: 12, NextDate: at("2017-11-01 23:59:59")},
		{ID: 3, CreatedAt: at("2017-10-10 12:30:00"), UpdatedAt: 13, NextDate: at("2017-11-02 00:00:00")},
		{ID: 4, CreatedAt: at("2017-10-11 00:00:00"), UpdatedAt: 14},
	}
	all := []int64{1, 2, 3, 4}
	for _, test := range []struct {
		name   string
		config Config
		filter string
		want   []int64
	}{
		{"from is inclusive", Config{}, "date.type=create date.from=10.10.2017", []int64{2, 3, 4}},
		{"to takes the whole day", Config{}, "date.type=create date.from=09.10.2017 date.to=10.10.2017", []int64{1, 2, 3}},
		{"to at midnight by switch", Config{ToIsMidnight: true}, "date.type=create date.from=09.10.2017 date.to=10.10.2017", []int64{1, 2}},
		{"to with a time is inclusive", Config{}, "date.type=create date.from=09.10.2017 date.to=10.10.2017 12:30:00", []int64{1, 2, 3}},
		{"to with an earlier time", Config{}, "date.type=create date.from=09.10.2017 date.to=10.10.2017 12:29", []int64{1, 2}},
		{"dashes", Config{}, "date.type=create date.from=2017-10-11", []int64{4}},
		{"dashes and a time", Config{}, "date.type=create date.from=2017-10-10 12:00:00", []int64{3, 4}},
		{"dashes, T and a time", Config{}, "date.type=create date.from=2017-10-10T12:00", []int64{3, 4}},
		{"month first with slashes", Config{}, "date.type=create date.from=10/11/2017", []int64{4}},
		{"year first with slashes", Config{}, "date.type=create date.from=2017/10/11", []int64{4}},
		{"unix seconds", Config{}, fmt.Sprint("date.type=create date.from=", at("2017-10-10 12:30:00")), []int64{3, 4}},
		{"bounds are excluded by switch", Config{BoundsExcluded: true}, "date.type=create date.from=10.10.2017 date.to=11.10.2017 12:30", []int64{3, 4}},
		{"a bound at the second is excluded by switch", Config{BoundsExcluded: true}, "date.type=modify date.from=11 date.to=14", []int64{2, 3}},
		{"unix seconds are ignored by switch", Config{NoUnixDates: true}, "date.type=modify date.from=12 date.to=13", all},
		{"milliseconds are ignored", Config{}, "date.type=create date.from=1507627800000", all},
		{"milliseconds in to are ignored", Config{}, "date.type=create date.from=10.10.2017 date.to=1507627800000", []int64{2, 3, 4}},
		{"in UTC", Config{TimeZone: "UTC"}, "date.type=create date.from=10.10.2017", []int64{3, 4}},
		{"in New York", Config{TimeZone: "America/New_York"}, "date.type=create date.from=10.10.2017", []int64{3, 4}},
		{"in Tokyo", Config{TimeZone: "Asia/Tokyo"}, "date.type=create date.from=10.10.2017", all},
		{"modify", Config{}, "date.type=modify date.from=12 date.to=13", []int64{2, 3}},
		{"modify in the order by id", Config{ListByID: true}, "date.type=modify date.from=12 date.to=13", []int64{2, 3}},
		{"next date", Config{}, "next_date.from=01.11.2017 next_date.to=01.11.2017", []int64{1, 2}},
		{"next date from", Config{}, "next_date.from=02.11.2017", []int64{3}},
		{"both", Config{}, "next_date.from=01.11.2017 date.type=create date.from=10.10.2017", []int64{2, 3}},
		{"nothing found", Config{}, "next_date.from=01.11.2027", nil},
		{"to alone is ignored", Config{}, "next_date.to=01.01.2000", all},
		{"type alone is ignored", Config{}, "date.type=create", all},
		{"no type is ignored", Config{}, "date.from=01.01.2030", all},
		{"unknown type is ignored", Config{}, "date.type=close date.from=01.01.2030", all},
		{"unreadable from is ignored", Config{}, "next_date.from=soon next_date.to=01.01.2000", all},
		{"hour where a day should be is ignored", Config{}, "next_date.from=10/99/2030", all},
		{"unreadable to is ignored", Config{}, "next_date.from=02.11.2017 next_date.to=later", []int64{3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, test.config)
			for _, c := range customers {
				mustAdd(t, e, c)
			}
			values := url.Values{} // a time of day belongs to its date, every other blank parts two conditions
			for pair := range strings.SplitSeq(strings.ReplaceAll(test.filter, " 12:", "_12:"), " ") {
				name, value, _ := strings.Cut(pair, "=")
				group, key, _ := strings.Cut(name, ".")
				values.Set("filter["+group+"]["+key+"]", strings.ReplaceAll(value, "_", " "))
			}
			if diff := cmp.Diff(test.want, list(t, e, values.Encode())); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.filter, diff)
			}
		})
	}
}

func TestDayOfADaylightSavingChangeIsWhole(t *testing.T) {
	e := open(t, Config{TimeZone: "Europe/Berlin"})
	end := time.Date(2024, time.March, 31, 21, 59, 59, 0, time.UTC).Unix() // the day has 23 hours
	mustAdd(t, e, Customer{ID: 1, NextDate: end})
	mustAdd(t, e, Customer{ID: 2, NextDate: end + 1})
	if diff := cmp.Diff([]int64{1}, list(t, e, "filter[next_date][from]=31.03.2024&filter[next_date][to]=31.03.2024")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestListParameters(t *testing.T) {
	e := open(t, Config{})
	// The order by updated_at is not the order by id; 4 and 1 tie.
	for _, c := range []Customer{
		{ID: 1, UpdatedAt: 30, ResponsibleUserID: 7, Name: "Ecosports LLC"},
		{ID: 2, UpdatedAt: 20, ResponsibleUserID: 8, Name: "Пётр Иванов", CustomFields: []CustomField{
			{1250015, []FieldValue{{Value: "+7 (900) 123-45-67", Enum: 3690021}}},
			{1250001, []FieldValue{{Value: "Звонить ПОСЛЕ обеда"}}},
		}},
		{ID: 3, UpdatedAt: 10, ResponsibleUserID: 9, Name: "C", CustomFields: []CustomField{
			{1250029, []FieldValue{{Object: map[string]any{"name": "Ромашка", "vat_id": "7701234567"}}}},
		}},
		{ID: 4, UpdatedAt: 30, ResponsibleUserID: 7, Name: "D"},
	} {
		mustAdd(t, e, c)
	}
	all := []int64{3, 2, 1, 4}
	for query, want := range map[string][]int64{
		"":                                      all,
		"limit_rows=2":                          {3, 2},
		"limit_rows=2&limit_offset=2":           {1, 4},
		"limit_rows=2&limit_offset=3":           {4},
		"limit_rows=2&limit_offset=4":           nil,
		"limit_rows=2&limit_offset=99999999999": nil,
		"limit_offset=3":                        all,
		"limit_rows=0&limit_offset=3":           all,
		"limit_rows=x":                          all,
		"limit_rows=100000":                     all,
		"page=2&orderby=":                       all,
		"id=4":                                  {4},
		"id=4,1,4":                              {1, 4},
		"id=1%2C4":                              {1, 4},
		"id[]=4&id[]=1":                         {1, 4},
		"id[0]=4&id[7]=2":                       {2, 4},
		"id%5B%5D=3":                            {3},
		"id=99":                                 nil,
		"id=99,3":                               {3},
		"id=x":                                  nil,
		"id=":                                   all,
		"id=3&filter[main_user][]=7":            {3},
		"id=3&limit_rows=1&limit_offset=1":      {3},
		"id=3&query=nothing":                    {3},
		"filter[main_user][]=7":                 {1, 4},
		"filter[main_user][]=7&filter[main_user][]=9":       {3, 1, 4},
		"filter[main_user][0]=7&filter[main_user][1]=8":     {2, 1, 4},
		"filter[main_user]=8,9":                             {3, 2},
		"filter[main_user][]=77":                            nil,
		"filter[main_user][]=Anna":                          all,
		"filter[main_user][]=7&limit_rows=1&limit_offset=1": {4},
		"query=ecosports":                                   {1},
		"query=иванов":                                      {2},
		"query=после":                                       {2},
		"query=9001234567":                                  {2},
		"query=%2B79001234567":                              {2},
		"query=900-123":                                     {2},
		"query=ромашка":                                     {3},
		"query=7701234567":                                  {3},
		"query=4-5":                                         nil,
		"query=nobody":                                      nil,
		"query=+":                                           all,
		"query=ecosports&filter[main_user][]=8":             nil,
	} {
		if diff := cmp.Diff(want, list(t, e, query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestListByIDSwitch(t *testing.T) {
	e := open(t, Config{Customers: 300, ListByID: true})
	moved := e.customers.seed.id(3)
	if err := e.UpdateCustomer(moved, func(*Customer) {}); err != nil {
		t.Fatal(err)
	}
	var last int64
	for offset := 0; offset < 300; offset += 70 {
		for _, id := range list(t, e, fmt.Sprintf("limit_rows=70&limit_offset=%d", offset)) {
			if id <= last {
				t.Fatalf("%d follows %d", id, last)
			}
			last = id
		}
	}
	var byFilter []int64
	for offset := 0; offset < 300; offset += 70 {
		byFilter = append(byFilter, list(t, e, fmt.Sprintf("limit_rows=70&limit_offset=%d&filter[next_date][from]=01.01.2000", offset))...)
	}
	if diff := cmp.Diff(list(t, e, ""), byFilter); diff != "" {
		t.Errorf("the order depends on the filter (-plain +filtered):\n%s", diff)
	}
}

func TestPagesAreTheWholeAtAnySize(t *testing.T) {
	e := open(t, Config{Customers: 700})
	var want []int64
	for c := range e.Customers() {
		want = append(want, c.ID)
	}
	if len(want) != 700 {
		t.Fatalf("%d customers", len(want))
	}
	for _, rows := range []int{7, 250, 500} {
		var got []int64
		for offset := 0; ; offset += rows {
			page := list(t, e, fmt.Sprintf("limit_rows=%d&limit_offset=%d", rows, offset))
			if page == nil {
				break
			}
			got = append(got, page...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d rows a page (-want +got):\n%s", rows, diff)
		}
	}
	if got := len(list(t, e, "")); got != 500 {
		t.Errorf("%d rows without a limit", got)
	}
	if got := len(list(t, e, "limit_rows=501")); got != 500 {
		t.Errorf("%d rows at a limit of 501", got)
	}
}

func TestChangedRowMovesToTheEnd(t *testing.T) {
	e := open(t, Config{Customers: 10})
	before := list(t, e, "")
	if err := e.UpdateCustomer(before[2], func(c *Customer) { c.Name = "moved" }); err != nil {
		t.Fatal(err)
	}
	want := append(append(append([]int64{}, before[:2]...), before[3:]...), before[2])
	if diff := cmp.Diff(want, list(t, e, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEmptyListHasNoBody(t *testing.T) {
	a := ask(t, open(t, Config{}), http.MethodGet, "/api/v2/customers", "")
	if a.status != http.StatusNoContent || a.body != "" || a.header.Get("Content-Type") != "" {
		t.Errorf("status %d, type %q, body %q", a.status, a.header.Get("Content-Type"), a.body)
	}
}

func TestSpellingsOfEmptiness(t *testing.T) {
	keys := []string{"main_contact", "tags", "custom_fields", "contacts", "company"}
	for style, spelling := range map[EmptyStyle]string{EmptyObject: "{}", EmptyList: "[]", EmptyMissing: ""} {
		e := open(t, Config{Empty: style})
		mustAdd(t, e, Customer{ID: 7})
		body := ask(t, e, http.MethodGet, "/api/v2/customers", "").body
		for _, key := range keys {
			if spelling == "" && strings.Contains(body, `"`+key+`"`) ||
				spelling != "" && !strings.Contains(body, `"`+key+`":`+spelling+",") {
				t.Errorf("style %d, key %s: %s", style, key, body)
			}
		}
	}
}

func TestReadSwitches(t *testing.T) {
	customer := Customer{ID: 7, CompanyID: 5, CustomFields: []CustomField{
		{1250015, []FieldValue{{Value: "+7900", Enum: 3690021}}},
		{1250025, []FieldValue{{Value: "a", Subtype: "address_line_2"}}},
	}}
	for _, test := range []struct {
		name   string
		config Config
		want   []string
	}{
		{"as recorded", Config{}, []string{
			`"code":"PHONE","values":[{"value":"+7900","enum":3690021}],"is_system":true`, `"subtype":"address_line_2"`,
			`"company":{"id":5,"name":null,`,
		}},
		{"enum as text", Config{EnumAsText: true}, []string{`"enum":"3690021"`}},
		{"digits", Config{SubtypeDigits: true}, []string{`"subtype":"2"`}},
		{"type id", Config{FieldTypeID: true}, []string{`"type_id":8,"values"`, `"type_id":13,"values"`}},
	} {
		e := open(t, test.config)
		mustAdd(t, e, customer)
		body := ask(t, e, http.MethodGet, "/api/v2/customers", "").body
		for _, want := range test.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: %s is not in %s", test.name, want, body)
			}
		}
	}
}

func TestIfModifiedSince(t *testing.T) {
	instant := time.Date(2017, time.August, 1, 7, 7, 23, 0, time.UTC)
	for _, test := range []struct {
		header string
		config Config
		want   int
	}{
		{"Tue, 01 Aug 2017 07:07:23", Config{}, 3},
		{"Mon, 01 Aug 2017 07:07:23", Config{HonourIfModifiedSince: true}, 1},
		{"Tue, 01 Aug 2017 07:07:22 UTC", Config{HonourIfModifiedSince: true}, 2},
		{"Tue, 01 Aug 2017 07:07:22 GMT", Config{HonourIfModifiedSince: true, ListByID: true}, 2},
		{"Tue, 01 Aug 2017 10:07:22 +0300", Config{HonourIfModifiedSince: true}, 2},
		{digits(instant.Unix()), Config{HonourIfModifiedSince: true}, 1},
		{digits(instant.Unix() + 1), Config{HonourIfModifiedSince: true}, 0},
		{"yesterday", Config{HonourIfModifiedSince: true}, 3},
	} {
		e := open(t, test.config)
		for i := range int64(3) {
			mustAdd(t, e, Customer{UpdatedAt: instant.Unix() - 1 + i})
		}
		a := ask(t, e, http.MethodGet, "/api/v2/customers", "", "If-Modified-Since", test.header)
		got := strings.Count(a.body, `"is_deleted"`)
		if got != test.want || got == 0 && a.status != http.StatusNoContent {
			t.Errorf("%q, honoured %v: status %d, %d rows, want %d", test.header, test.config.HonourIfModifiedSince, a.status, got, test.want)
		}
	}
}

func TestStrictReadsIfModifiedSinceWhereItCounts(t *testing.T) {
	e := open(t, Config{Customers: 3, Strict: true, HonourIfModifiedSince: true})
	for _, test := range []struct {
		path, header string
		status       int
	}{
		{"/api/v2/customers", "Tue, 01 Aug 2017 07:07:23 GMT", http.StatusOK},
		{"/api/v2/customers", "yesterday", http.StatusBadRequest},
		{"/api/v2/account", "Tue, 01 Aug 2017 07:07:23 GMT", http.StatusBadRequest},
		{periodsPath, "Tue, 01 Aug 2017 07:07:23 GMT", http.StatusBadRequest},
	} {
		if a := ask(t, e, http.MethodGet, test.path, "", "If-Modified-Since", test.header); a.status != test.status {
			t.Errorf("%s since %s: status %d: %s", test.path, test.header, a.status, a.body)
		}
	}
}

func TestOwnLinkEchoesTheQuery(t *testing.T) {
	e := open(t, Config{Customers: 1})
	r := newRequest(t, http.MethodGet, "/api/v2/customers/?limit_rows=1&login="+DefaultLogin+"&api_key="+DefaultAPIKey, "")
	want := `"href":"\/api\/v2\/customers?limit_rows=1&login=` + DefaultLogin + "&api_key=" + DefaultAPIKey + `"`
	if a := send(t, e, r); !strings.Contains(a.body, want) {
		t.Errorf("%s is not in %s", want, a.body)
	}
}

func TestAnswersLookLikePHP(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7, Name: "Чай/Кофе \"1\" 👍\n\b\f\\\x01\x7f"})
	a := ask(t, e, http.MethodGet, "/api/v2/customers", "")
	const want = `"name":"\u0427\u0430\u0439\/\u041a\u043e\u0444\u0435 \"1\" \ud83d\udc4d\n\b\f\\\u0001` + "\x7f\""
	if !strings.Contains(a.body, want) {
		t.Errorf("%s is not in %s", want, a.body)
	}
	for _, name := range []string{"Date", "Runtime-Timestamp"} {
		if a.header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
}

func TestPagesOfAnUpdateTimeFilter(t *testing.T) {
	e := open(t, Config{HonourIfModifiedSince: true})
	for id := range int64(9) {
		mustAdd(t, e, Customer{ID: id + 1, UpdatedAt: 100 + id})
	}
	for query, want := range map[string][]int64{
		"filter[date][type]=modify&filter[date][from]=102&filter[date][to]=106&limit_rows=2":                {3, 4},
		"filter[date][type]=modify&filter[date][from]=102&filter[date][to]=106&limit_rows=2&limit_offset=2": {5, 6},
		"filter[date][type]=modify&filter[date][from]=102&filter[date][to]=106&limit_rows=2&limit_offset=4": {7},
		"filter[date][type]=modify&filter[date][from]=102&filter[date][to]=106&limit_rows=2&limit_offset=5": nil,
	} {
		if diff := cmp.Diff(want, list(t, e, query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	a := ask(t, e, http.MethodGet, "/api/v2/customers?limit_rows=1&limit_offset=1", "", "If-Modified-Since", "102")
	if !strings.Contains(a.body, `"id":5,`) {
		t.Errorf("the second row after 102: status %d: %s", a.status, a.body)
	}
}

func TestListOfIDsHoldsFiveHundred(t *testing.T) {
	e := open(t, Config{Customers: 600})
	var ids []string
	for c := range e.Customers() {
		ids = append(ids, digits(c.ID))
	}
	if got := len(list(t, e, "id="+strings.Join(ids, ","))); got != 500 {
		t.Errorf("%d rows for %d ids", got, len(ids))
	}
}
