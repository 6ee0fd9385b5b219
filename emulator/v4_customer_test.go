package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// customerV4 reads one customer.
func customerV4(t *testing.T, e *Emulator, id int64) map[string]any {
	t.Helper()
	a := ask(t, e, http.MethodGet, customerPath(id)+"?with=contacts,companies,catalog_elements", "")
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	return flatten(t, a.body)
}

// mustPatch changes one customer.
func mustPatch(t *testing.T, e *Emulator, id int64, body string) {
	t.Helper()
	if a := ask(t, e, http.MethodPatch, customerPath(id), body); a.status != http.StatusOK {
		t.Fatalf("%s: status %d: %s", body, a.status, a.body)
	}
}

func TestV4Customer_whichIsNotThereIsNoContent(t *testing.T) {
	e := open(t, Config{Customers: 2})
	if a := ask(t, e, http.MethodGet, customerPath(1), ""); a.status != http.StatusNoContent || a.body != "" {
		t.Errorf("status %d: %q", a.status, a.body)
	}
	for method, path := range map[string]string{
		http.MethodPatch: customerPath(1), http.MethodPost: customerPath(1) + "/link", http.MethodGet: customerPath(1) + "/links",
	} {
		if a := ask(t, e, method, path, `{}`); a.status != http.StatusNotFound && a.status != http.StatusBadRequest {
			t.Errorf("%s %s: status %d", method, path, a.status)
		}
	}
	if a := ask(t, e, http.MethodPatch, customerPath(1), `{"name":"A"}`); a.status != http.StatusNotFound {
		t.Errorf("PATCH: status %d", a.status)
	}
	if a := ask(t, e, http.MethodGet, customerPath(1)+"/subscriptions", ""); a.status != http.StatusNotFound {
		t.Errorf("subscriptions: status %d", a.status)
	}
}

func TestV4Customers_listsInEveryOrder(t *testing.T) {
	e := open(t, Config{Customers: 130})
	var byID, byUpdated []int64
	for cu := range e.Customers() { // in the order of updated_at, then id
		byUpdated = append(byUpdated, cu.ID)
		byID = append(byID, cu.ID)
	}
	slices.Sort(byID)
	reversed := func(ids []int64) []int64 {
		ids = slices.Clone(ids)
		slices.Reverse(ids)
		return ids
	}
	for query, want := range map[string][]int64{
		"":                         byID,
		"&order[id]=asc":           byID,
		"&order[id]=desc":          reversed(byID),
		"&order[updated_at]=asc":   byUpdated,
		"&order[updated_at]=desc":  reversed(byUpdated),
		"&order%5Bid%5D=desc":      reversed(byID),
		"&order[created_at]=desc":  byID, // no such order
		"&order[id]=sideways":      byID,
		"&filter[id][from]=7&with": {}, // no such filter of ids: finds nothing
	} {
		for _, limit := range []int{7, 65, 130, 250} {
			got := []int64{}
			for page := 1; ; page++ {
				rows := listV4(t, e, "limit="+strconv.Itoa(limit)+"&page="+strconv.Itoa(page)+query)
				if rows == nil {
					break
				}
				got = append(got, rows...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q by %d (-want +got):\n%s", query, limit, diff)
			}
		}
	}
}

func TestV4Customers_filter(t *testing.T) {
	config := Config{Customers: 200, Seed: 7}
	e := open(t, config)
	mustAdd(t, e, Customer{
		ID: 7, Name: "Bakery, on Lenina", ResponsibleUserID: 5, CreatedBy: 6, UpdatedBy: 8, CreatedAt: 100, UpdatedAt: 200,
		NextPrice: 50, NextDate: 300, ClosestTaskAt: 400, PeriodID: 112801,
		CustomFields: []CustomField{
			{1250001, []FieldValue{{Value: "remark, one"}}},
			{1250003, []FieldValue{{Value: "12.5"}}},
			{1250005, []FieldValue{{Value: "1"}}},
			{1250007, []FieldValue{{Value: "Сайт", Enum: 3690001}}},
			{1250011, []FieldValue{{Value: "2024-06-02 00:00:00"}}},
		},
	})
	type test struct {
		query string
		match func(Customer) bool
	}
	is := func(ok func(Customer) bool) func(Customer) bool { return ok }
	only := is(func(cu Customer) bool { return cu.ID == 7 })
	none := is(func(Customer) bool { return false })
	for _, test := range []test{
		{"filter[id]=7", only},
		{"filter[id][]=7&filter[id][]=8", only},
		{"filter[id][0]=7", only},
		{"filter[id]=7,466001", is(func(cu Customer) bool { return cu.ID == 7 || cu.ID == 466001 })},
		{"filter[id]=x", none},
		{"filter[id]=7&filter[updated_at][from]=201", none},
		{"filter[id]=7&filter[status_id]=112802", none},
		{"filter[id]=7&query=lenina", only},
		{"filter[id]=7&query=nobody", none},
		{"filter[name]=Bakery, on Lenina", only},
		{"filter[name][]=x&filter[name][]=Bakery,%20on%20Lenina", only},
		{"filter[name]=Bakery", none},
		{"filter[next_price][from]=50&filter[next_price][to]=250", is(func(cu Customer) bool { return cu.NextPrice <= 250 })},
		{"filter[next_price]=50", only},
		{"filter[next_date]=300", only},
		{"filter[next_date][to]=300", only},
		{"filter[closest_task_at][from]=400&filter[closest_task_at][to]=400", only},
		{"filter[status_id]=112801", is(func(cu Customer) bool { return cu.PeriodID == 112801 })},
		{"filter[status_id][]=112801&filter[status_id][]=112803", is(func(cu Customer) bool { return cu.PeriodID == 112801 || cu.PeriodID == 112803 })},
		{"filter[created_by]=6", only},
		{"filter[updated_by]=8", only},
		{"filter[responsible_user_id]=5", only},
		{"filter[responsible_user_id]=x", none},
		{"filter[responsible_user_id][]=7204833&filter[responsible_user_id][]=5", is(func(cu Customer) bool { return cu.ResponsibleUserID == 7204833 || cu.ResponsibleUserID == 5 })},
		{"filter[created_at][to]=100", only},
		{"filter[created_at]=100", only},
		{"filter[updated_at]=200", only}, // a bare number is that very second here
		{"filter[updated_at]=199", none},
		{"filter[updated_at][to]=200", only},
		{"filter[updated_at][from]=1700000000", is(func(cu Customer) bool { return cu.UpdatedAt >= 1700000000 })},
		{"filter[updated_at][from]=1690000000&filter[updated_at][to]=1720000000", is(func(cu Customer) bool { return cu.UpdatedAt >= 1690000000 && cu.UpdatedAt <= 1720000000 })},
		{"filter[custom_fields_values][1250001]=remark, one", only},
		{"filter[custom_fields_values][1250001]=remark", none},
		{"filter[custom_fields_values][1250003][from]=12.5&filter[custom_fields_values][1250003][to]=12.5", only},
		{"filter[custom_fields_values][1250003]=12.5", only},
		{"filter[custom_fields_values][1250005]=1", is(func(cu Customer) bool {
			return slices.ContainsFunc(cu.CustomFields, func(cf CustomField) bool { return cf.ID == 1250005 })
		})},
		{"filter[custom_fields_values][1250007][]=3690001&filter[custom_fields_values][1250001]=remark, one", only},
		{"filter[custom_fields_values][1250011][from]=1717275600&filter[custom_fields_values][1250011][to]=1717275600", only},
		{"filter[custom_fields_values][9]=x", none},
		{"filter[custom_fields_values][x]=x", none},
		{"query=lenina", only},
		{"query=%20%20", is(func(Customer) bool { return true })},
	} {
		var want []int64
		for cu := range e.Customers() {
			if test.match(cu) {
				want = append(want, cu.ID)
			}
		}
		slices.Sort(want)
		for _, order := range []string{"", "&order[id]=desc", "&order[updated_at]=asc"} {
			got := listV4(t, e, "limit=250&"+strings.ReplaceAll(test.query, ", ", ",%20")+order)
			if order == "&order[id]=desc" {
				slices.Reverse(got)
			} else {
				slices.Sort(got)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s%s (-want +got):\n%s", test.query, order, diff)
			}
		}
	}
}

func TestV4Customers_pageThroughAFilterBackwards(t *testing.T) {
	e := open(t, Config{Customers: 100})
	want := listV4(t, e, "limit=250&filter[responsible_user_id]=7204833")
	slices.Reverse(want)
	var got []int64
	for page := 1; ; page++ {
		rows := listV4(t, e, "limit=3&filter[responsible_user_id]=7204833&order[id]=desc&page="+strconv.Itoa(page))
		if rows == nil {
			break
		}
		got = append(got, rows...)
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) < 4 {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestV4Customer_hasItsPeriodicityInPeriodsOnly switches an account to segments and back.
func TestV4Customer_hasItsPeriodicityInPeriodsOnly(t *testing.T) {
	e := open(t, Config{})
	cu := mustAdd(t, e, Customer{Name: "A", Periodicity: 30})
	for _, test := range []struct {
		mode string
		want float64
	}{{"periodicity", 30}, {"segments", 0}, {"periodicity", 30}} {
		ask(t, e, http.MethodPatch, v4CustomersPath+"/mode", `{"mode":"`+test.mode+`","is_enabled":true}`)
		if got := customerV4(t, e, cu.ID)["/periodicity"]; got != test.want {
			t.Errorf("%s: %v", test.mode, got)
		}
	}
}

// TestV4Customers_pageThroughTimesBackwards expects the same rows of a span of times from either end.
func TestV4Customers_pageThroughTimesBackwards(t *testing.T) {
	e := open(t, Config{Customers: 100})
	var times []int64
	for cu := range e.Customers() {
		times = append(times, cu.UpdatedAt)
	}
	mustPatch(t, e, listV4(t, e, "limit=1&order[updated_at]=asc")[0], `{"updated_at":`+digits(times[50])+`}`) // two of one second
	span := "&filter[updated_at][from]=" + digits(times[30]) + "&filter[updated_at][to]=" + digits(times[60])
	for _, order := range []string{"updated_at", "id"} {
		want := listV4(t, e, "limit=250&order["+order+"]=asc"+span)
		slices.Reverse(want)
		var got []int64
		for page := 1; ; page++ {
			rows := listV4(t, e, "limit=7&order["+order+"]=desc&page="+strconv.Itoa(page)+span)
			if rows == nil {
				break
			}
			got = append(got, rows...)
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) != 32 {
			t.Errorf("by %s: %d rows (-want +got):\n%s", order, len(got), diff)
		}
	}
	if rows := listV4(t, e, "order[updated_at]=desc&filter[updated_at][from]=9&filter[updated_at][to]=8"); rows != nil {
		t.Errorf("a span that ends before it begins has %v", rows)
	}
}

func TestV4Customers_ignoreFiltersNobodyPaidFor(t *testing.T) {
	e := open(t, Config{Customers: 20, FiltersOff: true})
	if got := len(listV4(t, e, "filter[id]=466001&filter[updated_at][from]=9999999999")); got != 20 {
		t.Errorf("%d rows", got)
	}
	if a := ask(t, e, http.MethodGet, "/api/v4/account?with=is_api_filter_enabled", ""); !strings.Contains(a.body, `"is_api_filter_enabled":false`) {
		t.Errorf("the account says %s", a.body)
	}
}

func TestV4Customers_linksRepeatTheQuery(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7, CompanyID: 3})
	const query = "?with=companies&limit=5"
	flat := flatten(t, ask(t, e, http.MethodGet, v4CustomersPath+query, "").body)
	for path, want := range map[string]string{
		"/_embedded/customers/0/_links/self/href":                       "https://example.amocrm.ru/api/v4/customers/7" + query,
		"/_embedded/customers/0/_embedded/companies/0/_links/self/href": "https://example.amocrm.ru/api/v4/companies/3" + query,
	} {
		if flat[path] != want {
			t.Errorf("%s = %v", path, flat[path])
		}
	}
	for _, absent := range []string{"contacts", "catalog_elements"} { // not asked for
		if _, ok := flat["/_embedded/customers/0/_embedded/"+absent+"/"]; ok {
			t.Errorf("%s is there", absent)
		}
	}
}

func rowWith(members string) string { return `[{"name":"A","next_date":1700000000,` + members + `}]` }

// TestV4Customers_refuse holds that what is malformed is refused with its code and path, and that nothing of the call
// is stored.
func TestV4Customers_refuse(t *testing.T) {
	config := Config{DeactivatedUsers: []int64{99}, Customers: 3, NoMinorUnits: true}
	for _, test := range []struct {
		name, body string
		want       []string
	}{
		{"no name", `[{"next_date":1700000000}]`, []string{"0 FieldMissing name"}},
		{"blank name", `[{"name":" ","next_date":1700000000}]`, []string{"0 NotBlank name"}},
		{"name is a number", `[{"name":5,"next_date":1700000000}]`, []string{"0 InvalidType name"}},
		{"name is null", `[{"name":null,"next_date":1700000000}]`, []string{"0 NotNullable name"}},
		{"no next_date", `[{"name":"A"}]`, []string{"0 FieldMissing next_date"}},
		{"next_date is 0", `[{"name":"A","next_date":0}]`, []string{"0 NotBlank next_date"}},
		{"next_date is null", `[{"name":"A","next_date":null}]`, []string{"0 NotNullable next_date"}},
		{"next_date is text", `[{"name":"A","next_date":"1700000000"}]`, []string{"0 InvalidType next_date"}},
		{"next_date is a fraction", `[{"name":"A","next_date":1700000000.5}]`, []string{"0 InvalidType next_date"}},
		{"next_date in milliseconds", `[{"name":"A","next_date":1700000000000}]`, []string{"0 InvalidType next_date"}},
		{"next_date before 1970", `[{"name":"A","next_date":-1}]`, []string{"0 InvalidType next_date"}},
		{"next_price is text", rowWith(`"next_price":"10"`), []string{"0 InvalidType next_price"}},
		{"next_price is negative", rowWith(`"next_price":-1`), []string{"0 InvalidType next_price"}},
		{"next_price is a bool", rowWith(`"next_price":true`), []string{"0 InvalidType next_price"}},
		{"responsible user is text", rowWith(`"responsible_user_id":"7"`), []string{"0 InvalidType responsible_user_id"}},
		{"responsible user is deactivated", rowWith(`"responsible_user_id":99`), []string{"0 NotSupportedChoice responsible_user_id"}},
		{"creator is deactivated", rowWith(`"created_by":99`), []string{"0 NotSupportedChoice created_by"}},
		{"price with a fraction", rowWith(`"next_price":10.5`), []string{"0 InvalidType next_price"}},
		{"unknown status", rowWith(`"status_id":5`), []string{"0 NotSupportedChoice status_id"}},
		{"periodicity is a list", rowWith(`"periodicity":[7]`), []string{"0 InvalidType periodicity"}},
		{"contacts in a POST", rowWith(`"_embedded":{"contacts":[{"id":1}]}`), []string{"0 FieldNotExpected _embedded.contacts"}},
		{"_embedded is a list", rowWith(`"_embedded":[1]`), []string{"0 InvalidType _embedded"}},
		{"tags are text", rowWith(`"_embedded":{"tags":"a,b"}`), []string{"0 InvalidType _embedded.tags"}},
		{"a tag is text", rowWith(`"tags_to_add":["a"]`), []string{"0 InvalidType tags_to_add.0"}},
		{"a tag with a color", rowWith(`"_embedded":{"tags":[{"id":61801,"color":null}]}`), []string{"0 FieldNotExpected _embedded.tags.0.color"}},
		{"a tag with nothing", rowWith(`"tags_to_add":[{}]`), []string{"0 FieldMissing tags_to_add.0.name"}},
		{"a tag with a blank name", rowWith(`"tags_to_add":[{"name":""}]`), []string{"0 NotBlank tags_to_add.0.name"}},
		{"an unknown tag", rowWith(`"tags_to_add":[{"id":1}]`), []string{"0 NotSupportedChoice tags_to_add.0.id"}},
		{"a segment without id", rowWith(`"_embedded":{"segments":[{}]}`), []string{"0 FieldMissing _embedded.segments.0.id"}},
		{"an unknown segment", rowWith(`"_embedded":{"segments":[{"id":51},{"id":1}]}`), []string{"0 NotSupportedChoice _embedded.segments.1.id"}},
		{"request_id is 0", rowWith(`"request_id":0`), []string{"0 NotBlank request_id"}},
		{"request_id is empty", rowWith(`"request_id":""`), []string{" NotBlank request_id"}},
		{"request_id is a list", rowWith(`"request_id":[1]`), []string{"0 InvalidType request_id"}},
		{"a row is a number", `[5]`, []string{"0 InvalidType "}},
		{"a row is a list", `[[5]]`, []string{"0 InvalidType "}},
		{
			"several rows", `[{"name":"A","next_date":1700000000},{"name":5,"request_id":"r-2"},{"next_date":1700000000}]`,
			[]string{"r-2 InvalidType name", "r-2 FieldMissing next_date", "2 FieldMissing name"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, config)
			a := ask(t, e, http.MethodPost, v4CustomersPath, test.body)
			if diff := cmp.Diff(test.want, violations(t, a)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := e.CountCustomers(); got != 3 {
				t.Errorf("%d customers afterwards", got)
			}
		})
	}
}

func TestV4Customers_refuseBodies(t *testing.T) {
	e := open(t, Config{Customers: 1})
	tooMany := "[" + strings.Repeat(`{"name":"A","next_date":1700000000},`, 250) + `{"name":"A","next_date":1700000000}]`
	for _, test := range []struct {
		name, method, target, body string
		status                     int
		detail                     string
	}{
		{"nothing", http.MethodPost, v4CustomersPath, "", 400, "Request data can not be empty"},
		{"blank", http.MethodPost, v4CustomersPath, " \n", 400, "Request data can not be empty"},
		{"no rows", http.MethodPost, v4CustomersPath, "[]", 400, "Request data can not be empty"},
		{"no keys", http.MethodPatch, customerPath(466001), "{}", 400, "Request data can not be empty"},
		{"half a body", http.MethodPost, v4CustomersPath, `[{"name":`, 400, "Invalid request body"},
		{"text", http.MethodPost, v4CustomersPath, `"A"`, 400, "Invalid request body"},
		{"an object for a list", http.MethodPost, v4CustomersPath, `{"name":"A","next_date":1700000000}`, 400, "Invalid request body"},
		{"a list for an object", http.MethodPatch, customerPath(466001), `[{"name":"A"}]`, 400, "Invalid request body"},
		{"a form", http.MethodPost, v4CustomersPath, `0[name]=A`, 400, "Invalid request body"},
		{"251 rows", http.MethodPost, v4CustomersPath, tooMany, 422, "Limit 250 per page"},
	} {
		a := ask(t, e, test.method, test.target, test.body)
		if p := readProblem(t, a); a.status != test.status || p.Detail != test.detail {
			t.Errorf("%s: status %d: %s", test.name, a.status, a.body)
		}
	}
	if got := e.CountCustomers(); got != 1 {
		t.Errorf("%d customers afterwards", got)
	}
}

func TestV4Customers_refuseAnUpdateOfOneUnknown(t *testing.T) {
	e := open(t, Config{})
	cu := mustAdd(t, e, Customer{Name: "A"})
	a := ask(t, e, http.MethodPatch, v4CustomersPath, `[{"id":`+digits(cu.ID)+`,"name":"B"},{"id":5,"name":"C"},{"name":"D"},{"id":"7"}]`)
	want := []string{"1 EntityNotFound id", "2 FieldMissing id", "3 InvalidType id", "3 EntityNotFound id"}
	if diff := cmp.Diff(want, violations(t, a)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := stored(t, e, cu.ID); got.Name != "A" {
		t.Errorf("the name is %q", got.Name)
	}
}

func TestV4Customers_echoRequestIDs(t *testing.T) {
	const body = `[{"name":"A","next_date":1700000000},{"name":"A","next_date":1700000000,"request_id":"r"},
		{"name":"A","next_date":1700000000,"request_id":17},{"name":"A","next_date":1700000000,"request_id":"18"}]`
	for _, test := range []struct {
		name   string
		config Config
		want   []any
	}{
		{"as sent", Config{}, []any{"0", "r", 17.0, "18"}},
		{"as numbers", Config{RequestIDAsNumber: true}, []any{0.0, "r", 17.0, 18.0}},
	} {
		e := open(t, test.config)
		var got []any
		for _, row := range readHAL(t, ask(t, e, http.MethodPost, v4CustomersPath, body)).Embedded["customers"] {
			got = append(got, row["request_id"])
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	e := open(t, Config{})
	cu := mustAdd(t, e, Customer{Name: "A"})
	many := ask(t, e, http.MethodPatch, v4CustomersPath, `[{"id":`+digits(cu.ID)+`}]`)
	if got := readHAL(t, many).Embedded["customers"][0]["request_id"]; got != "0" {
		t.Errorf("an update of many answers %v", got)
	}
	for body, want := range map[string]any{`{"name":"B"}`: nil, `{"name":"B","request_id":"r"}`: "r"} {
		if got := flatten(t, ask(t, e, http.MethodPatch, customerPath(cu.ID), body).body)["/request_id"]; got != want {
			t.Errorf("%s answers %v", body, got)
		}
	}
}

func TestV4Customers_answerWritesInEveryShape(t *testing.T) {
	e := open(t, Config{ShortAnswers: true, PatchSaysLeads: true})
	row := readHAL(t, ask(t, e, http.MethodPost, v4CustomersPath, `[{"name":"A","next_date":1700000000,"request_id":"r"}]`)).Embedded["customers"][0]
	delete(row, "_links")
	if diff := cmp.Diff(map[string]any{"id": 466001.0, "request_id": "r"}, row); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	h := readHAL(t, ask(t, e, http.MethodPatch, v4CustomersPath, `[{"id":466001,"name":"B"}]`))
	if len(h.Embedded["leads"]) != 1 || h.Embedded["customers"] != nil {
		t.Errorf("%v", h.Embedded)
	}
}

func TestV4Customers_storeWhatIsSent(t *testing.T) {
	e := open(t, Config{})
	ask(t, e, http.MethodPost, v4CustomersPath, `[{"name":"A","next_price":5000.25,"next_date":1700000000,"responsible_user_id":5,
		"status_id":112802,"periodicity":7,"created_by":0,"updated_by":6,"created_at":100,"updated_at":200,
		"tags_to_add":[{"name":"new"},{"id":61801}],"_embedded":{"tags":[{"name":"VIP"},{"name":"VIP"}],"segments":[{"id":51},{"id":51}]}}]`)
	want := Customer{
		ID: 466001, Name: "A", NextPrice: 5000, NextPriceThousandths: 250, NextDate: 1700000000, ResponsibleUserID: 5,
		PeriodID: 112802, Periodicity: 7, UpdatedBy: 6, CreatedAt: 100, UpdatedAt: 200,
		Tags: []Tag{{61803, "VIP"}, {61811, "new"}, {61801, "опт"}}, SegmentIDs: []int64{51},
	}
	if diff := cmp.Diff(want, stored(t, e, 466001)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	mustPatch(t, e, 466001, `{"next_price":null,"next_date":null,"updated_at":300,"updated_by":7}`)
	want.NextPrice, want.NextPriceThousandths, want.NextDate, want.UpdatedAt, want.UpdatedBy = 0, 0, 0, 300, 7
	if diff := cmp.Diff(want, stored(t, e, 466001)); diff != "" {
		t.Errorf("after the update (-want +got):\n%s", diff)
	}
	mustPatch(t, e, 466001, `{"name":"B"}`)
	if got := stored(t, e, 466001); got.UpdatedAt <= 300 || got.UpdatedBy != 7204833 {
		t.Errorf("updated at %d by %d", got.UpdatedAt, got.UpdatedBy)
	}
}

func TestV4Customers_standAtTheExpectedPurchaseAtFirst(t *testing.T) {
	e := open(t, Config{})
	ask(t, e, http.MethodPost, v4CustomersPath, `[{"name":"A","next_date":1700000000}]`)
	var want int64
	for _, s := range e.Statuses() {
		if s.Type == StatusExpected {
			want = s.ID
		}
	}
	if got := stored(t, e, 466001).PeriodID; got != want || want == 0 {
		t.Errorf("status %d, want %d", got, want)
	}
}

func TestV4Tags_replaceAddAndDelete(t *testing.T) {
	e := open(t, Config{})
	cu := mustAdd(t, e, Customer{Name: "A", Tags: []Tag{{61801, "опт"}, {61803, "VIP"}}})
	for _, test := range []struct {
		body string
		want []string
	}{
		{`{"tags_to_add":[{"name":"new"},{"id":61803}]}`, []string{"опт", "VIP", "new"}},
		{`{"tags_to_delete":[{"id":61801},{"name":"new"},{"name":"never"}]}`, []string{"VIP"}},
		{`{"tags_to_add":[{"name":"a"}],"tags_to_delete":[{"name":"VIP"}]}`, []string{"a"}},
		{`{"name":"B"}`, []string{"a"}},
		{`{"_embedded":{"tags":[{"name":"b"},{"id":61803}]}}`, []string{"b", "VIP"}},
		{`{"_embedded":{"segments":[]}}`, []string{"b", "VIP"}},
		{`{"_embedded":{"tags":null}}`, nil},
		{`{"_embedded":{"tags":[{"name":"c"}]},"tags_to_add":[{"name":"d"}]}`, []string{"c", "d"}},
		{`{"_embedded":{"tags":[]}}`, nil},
	} {
		mustPatch(t, e, cu.ID, test.body)
		var got []string
		for _, tag := range stored(t, e, cu.ID).Tags {
			got = append(got, tag.Name)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.body, diff)
		}
	}
}

func TestV4Segments_ofACustomerAreReplaced(t *testing.T) {
	for _, ignored := range []bool{false, true} {
		e := open(t, Config{SegmentsIgnoredOnPatch: ignored, CustomersMode: ModeSegments})
		ask(t, e, http.MethodPost, v4CustomersPath, `[{"name":"A","_embedded":{"segments":[{"id":51}]}}]`)
		mustPatch(t, e, 466001, `{"_embedded":{"segments":[{"id":52},{"id":53}]}}`)
		want := []int64{52, 53}
		if ignored {
			want = []int64{51}
		}
		if diff := cmp.Diff(want, stored(t, e, 466001).SegmentIDs); diff != "" {
			t.Errorf("ignored %v (-want +got):\n%s", ignored, diff)
		}
	}
}

func TestV4Emoji_cutNames(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   string
	}{{Config{}, "A 👍 B"}, {Config{EmojiCut: true}, "A "}} {
		e := open(t, test.config)
		ask(t, e, http.MethodPost, v4CustomersPath, rowWith(`"custom_fields_values":[{"field_id":1250001,"values":[{"value":"A 👍 B"}]}],"name":"A 👍 B"`))
		got := stored(t, e, 466001)
		if got.Name != test.want || got.CustomFields[0].Values[0].Value != test.want {
			t.Errorf("%+v: %+v", test.config, got)
		}
	}
}

func TestV4Emoji_atTheBeginningLeaveNoField(t *testing.T) {
	e := open(t, Config{EmojiCut: true})
	ask(t, e, http.MethodPost, v4CustomersPath, rowWith(`"custom_fields_values":[{"field_id":1250001,"values":[{"value":"👍 A"}]}]`))
	if got := stored(t, e, 466001).CustomFields; len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestBothGenerationsSeeOneState writes by one generation and reads by the other.
func TestBothGenerationsSeeOneState(t *testing.T) {
	e := open(t, Config{})
	ask(t, e, http.MethodPost, "/api/v2/customers", `{"add":[{"name":"From v2","next_date":1700000000,"next_price":100,"period_id":112802,
		"tags":"VIP","contacts_id":[11,12],"company_id":3,"catalog_elements_id":{"4521":{"890001":2}},
		"custom_fields":[{"id":1250011,"values":[{"value":"2024-06-02"}]},{"id":1250005,"values":[{"value":1}]},
			{"id":1250025,"values":[{"value":"Kazan","subtype":"city"}]}]}]}`)
	ask(t, e, http.MethodPost, transactionsPath, `{"add":[{"customer_id":466001,"price":300}]}`)
	got := customerV4(t, e, 466001)
	for path, want := range map[string]any{
		"/name": "From v2", "/next_date": 1700000000.0, "/next_price": 100.0, "/status_id": 112802.0,
		"/ltv": 300.0, "/purchases_count": 1.0, "/average_check_with_minor_units": 300.0,
		"/_embedded/tags/0/id": 61803.0, "/_embedded/contacts/0/id": 11.0, "/_embedded/contacts/0/is_main": true,
		"/_embedded/contacts/1/is_main": false, "/_embedded/companies/0/id": 3.0,
		"/_embedded/catalog_elements/0/id": 890001.0, "/_embedded/catalog_elements/0/metadata/quantity": 2.0,
		"/custom_fields_values/0/values/0/value": 1717275600.0, // that midnight in Moscow
		"/custom_fields_values/1/values/0/value": true,
		"/custom_fields_values/2/values/0/value": "Kazan", "/custom_fields_values/2/values/0/enum_id": 3.0,
		"/custom_fields_values/2/values/0/enum_code": "city",
	} {
		if got[path] != want {
			t.Errorf("v4 shows %s = %v, want %v", path, got[path], want)
		}
	}

	mustPatch(t, e, 466001, `{"name":"From v4","next_price":99.9,"status_id":112803,"tags_to_add":[{"name":"опт"}],"custom_fields_values":[
		{"field_id":1250011,"values":[{"value":1717362000}]},{"field_id":1250007,"values":[{"enum_id":3690007}]},
		{"field_code":"PHONE","values":[{"value":"+7900","enum_code":"MOB"}]},{"field_id":1250005,"values":null}]}`)
	if a := ask(t, e, http.MethodPost, customerPath(466001)+"/link", `[{"to_entity_id":12,"to_entity_type":"contacts","metadata":{"is_main":true}}]`); a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	old := flatten(t, ask(t, e, http.MethodGet, "/api/v2/customers?id=466001", "").body)
	const item = "/_embedded/items/0"
	for path, want := range map[string]any{
		"/name": "From v4", "/next_price": 99.0, "/period_id": 112803.0, "/main_contact/id": 12.0, "/tags/1/name": "опт",
		"/custom_fields/0/values/0/value": "2024-06-03 00:00:00",
		"/custom_fields/1/values/0/value": "Kazan",
		"/custom_fields/2/values/0/value": "Trade fair", "/custom_fields/2/values/0/enum": 3690007.0,
		"/custom_fields/3/values/0/value": "+7900", "/custom_fields/3/values/0/enum": 3690025.0,
	} {
		if old[item+path] != want {
			t.Errorf("v2 shows %s = %v, want %v", path, old[item+path], want)
		}
	}

	// A write of v2 knows whole units only, and its lock sees the change v4 made.
	updated := stored(t, e, 466001).UpdatedAt
	stale := ask(t, e, http.MethodPost, "/api/v2/customers", `{"update":[{"id":466001,"updated_at":`+digits(updated)+`,"next_price":5}]}`)
	if !strings.Contains(stale.body, staleText) {
		t.Errorf("a stale update is answered %s", stale.body)
	}
	ask(t, e, http.MethodPost, "/api/v2/customers", `{"update":[{"id":466001,"updated_at":`+digits(updated+1)+`,"next_price":5}]}`)
	if got := customerV4(t, e, 466001)["/next_price_with_minor_units"]; got != 5.0 {
		t.Errorf("next_price is %v", got)
	}
	ask(t, e, http.MethodPost, "/api/v2/customers", `{"delete":[466001]}`)
	if a := ask(t, e, http.MethodGet, customerPath(466001), ""); a.status != http.StatusNoContent {
		t.Errorf("a deleted customer: status %d", a.status)
	}
}

func TestModes_ruleBothGenerations(t *testing.T) {
	add := func(e *Emulator) int {
		return ask(t, e, http.MethodPost, v4CustomersPath, `[{"name":"A"}]`).status
	}
	for _, test := range []struct {
		name           string
		config         Config
		mode           CustomersMode
		list, fields   int // of v4
		detail         string
		v2             string // code of v2
		addWithoutDate int
	}{
		{"default", Config{}, ModePeriodicity, 200, 200, "", "", 400},
		{"date not needed", Config{AddNeedsOnlyName: true}, ModePeriodicity, 200, 200, "", "", 200},
		{"segments", Config{CustomersMode: ModeSegments}, ModeSegments, 200, 200, "", "", 200},
		{"segments the old way", Config{Segments: true}, ModeSegments, 200, 200, "", "", 200},
		{"dynamic", Config{CustomersMode: ModeDynamic}, ModeDynamic, 200, 200, "", "", 200},
		{"disabled", Config{CustomersMode: ModeDisabled}, ModeDisabled, 400, 422, "Error 426.", "426", 400},
		{"off the old way", Config{CustomersState: CustomersOff}, ModeDisabled, 400, 422, "Error 426.", "426", 400},
		{"unavailable", Config{CustomersMode: ModeUnavailable}, ModeUnavailable, 400, 400, "Error 425.", "425", 400},
		{"unpaid", Config{CustomersState: CustomersUnpaid}, ModeUnavailable, 402, 402, "Error 402.", "402", 402},
		{"no rights", Config{CustomersState: CustomersNoRights}, ModePeriodicity, 400, 400, "Error 288.", "288", 400},
		{"no rights in segments", Config{CustomersState: CustomersNoRights, CustomersMode: ModeSegments}, ModeSegments, 400, 400, "Error 288.", "288", 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.config.Customers = 1
			e := open(t, test.config)
			if got := flatten(t, ask(t, e, http.MethodGet, "/api/v4/account", "").body)["/customers_mode"]; got != string(test.mode) {
				t.Errorf("the account is in mode %v", got)
			}
			a := ask(t, e, http.MethodGet, v4CustomersPath, "")
			if a.status != test.list || problemDetail(a) != test.detail {
				t.Errorf("customers: status %d: %s", a.status, a.body)
			}
			if a := ask(t, e, http.MethodGet, v4CustomersPath+"/custom_fields", ""); a.status != test.fields {
				t.Errorf("fields: status %d: %s", a.status, a.body)
			}
			if got := errorCode(ask(t, e, http.MethodGet, "/api/v2/customers", "")); got != test.v2 {
				t.Errorf("v2: code %q", got)
			}
			if got := add(e); got != test.addWithoutDate {
				t.Errorf("a customer without next_date: status %d", got)
			}
		})
	}
}

func TestModes_thatContradictAreErrors(t *testing.T) {
	for _, config := range []Config{
		{CustomersMode: "on"},
		{CustomersMode: ModePeriodicity, Segments: true},
		{CustomersMode: ModeSegments, CustomersState: CustomersOff},
		{CustomersMode: ModeDisabled, CustomersState: CustomersUnpaid},
		{CustomersMode: ModePeriodicity, CustomersState: CustomersNoRights, Segments: true},
	} {
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), "customers mode") {
			t.Errorf("%q, state %d, segments %v: %v", config.CustomersMode, config.CustomersState, config.Segments, err)
		}
	}
}

// TestV4Customers_areSafeForConcurrentUse lets both generations write and read one account at once.
func TestV4Customers_areSafeForConcurrentUse(t *testing.T) {
	e := open(t, Config{Customers: 50})
	id := listV4(t, e, "limit=1")[0]
	var wg sync.WaitGroup
	for range 4 {
		for _, r := range []struct{ method, target, body string }{
			{http.MethodPost, v4CustomersPath, `[{"name":"A","next_date":1700000000,"tags_to_add":[{"name":"x"}]}]`},
			{http.MethodPatch, customerPath(id), `{"name":"B","custom_fields_values":[{"field_id":1250001,"values":[{"value":"x"}]}]}`},
			{http.MethodPost, customerPath(id) + "/link", `[{"to_entity_id":1,"to_entity_type":"contacts"}]`},
			{http.MethodGet, v4CustomersPath + "?with=contacts&order[updated_at]=desc&filter[name]=B", ""},
			{http.MethodGet, customerPath(id) + "/links", ""},
			{http.MethodGet, "/api/v2/customers?query=B", ""},
			{http.MethodPost, "/api/v2/customers", `{"add":[{"name":"C","next_date":1700000000}]}`},
		} {
			wg.Go(func() {
				for range 5 {
					if a := ask(t, e, r.method, r.target, r.body); a.status >= 400 {
						t.Errorf("%s %s: status %d: %s", r.method, r.target, a.status, a.body)
					}
				}
			})
		}
	}
	wg.Wait()
	if got := e.CountCustomers(); got != 50+40 {
		t.Errorf("%d customers", got)
	}
}
