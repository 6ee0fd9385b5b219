package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, e *Emulator, body string) answered {
	t.Helper()
	a := ask(t, e, http.MethodPost, "/api/v2/customers", body, "Content-Type", "application/json")
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	return a
}

func stored(t *testing.T, e *Emulator, id int64) Customer {
	t.Helper()
	c, ok := e.Customer(id)
	if !ok {
		t.Fatalf("no customer %d", id)
	}
	return c
}

func TestLock(t *testing.T) {
	const refusal = `"errors":{"update":{"7":"Last modified date is older than in database"}}`
	for _, test := range []struct {
		name      string
		config    Config
		updatedAt string
		refused   bool
	}{
		{"newer", Config{}, `,"updated_at":1001`, false},
		{"newer as text", Config{}, `,"updated_at":"1001"`, false},
		{"equal", Config{}, `,"updated_at":1000`, true},
		{"equal with the switch", Config{LockAllowsEqual: true}, `,"updated_at":1000`, false},
		{"older", Config{}, `,"updated_at":999`, true},
		{"older with the switch", Config{LockAllowsEqual: true}, `,"updated_at":999`, true},
		{"missing", Config{}, ``, true},
		{"null", Config{}, `,"updated_at":null`, true},
		{"missing with the switch", Config{LockAllowsEqual: true}, ``, true},
		{"in the future", Config{}, `,"updated_at":4000000000`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, test.config)
			mustAdd(t, e, Customer{ID: 7, Name: "old", UpdatedAt: 1000})
			a := write(t, e, `{"update":[{"id":7,"name":"new"`+test.updatedAt+`}]}`)
			if got := strings.Contains(a.body, refusal); got != test.refused {
				t.Errorf("refused %v: %s", got, a.body)
			}
			if got := stored(t, e, 7).Name == "old"; got != test.refused {
				t.Errorf("kept the old name: %v", got)
			}
		})
	}
}

func TestUpdateWithoutATimeBySwitch(t *testing.T) {
	e := open(t, Config{LockMissingRefusesCall: true})
	mustAdd(t, e, Customer{ID: 7, Name: "old", UpdatedAt: 1000})
	a := ask(t, e, http.MethodPost, "/api/v2/customers", `{"add":[{"name":"A","next_date":5}],"update":[{"id":7,"name":"new"}]}`)
	if a.status != http.StatusBadRequest || stored(t, e, 7).Name != "old" || e.CountCustomers() != 1 {
		t.Errorf("status %d, %d customers: %s", a.status, e.CountCustomers(), a.body)
	}
}

func TestTimeOfAnUpdateIsTheClocksBySwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{UpdatedAtIsClock: true, UpdatedAtEchoMillis: true})
		now := time.Now().Unix()
		mustAdd(t, e, Customer{ID: 7, UpdatedAt: now - 100})
		a := write(t, e, fmt.Sprintf(`{"update":[{"id":7,"updated_at":%d}]}`, now-50))
		if got := stored(t, e, 7).UpdatedAt; got != now || !strings.Contains(a.body, fmt.Sprintf(`"updated_at":%d000`, now)) {
			t.Errorf("stored %d, want %d: %s", got, now, a.body)
		}
	})
}

func TestMainContactCannotBeChosen(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7, ContactIDs: []int64{1, 2}, MainContactID: 2})
	write(t, e, `{"update":[{"id":7,"updated_at":5,"main_contact_id":1}]}`)
	if got := stored(t, e, 7).MainContactID; got != 2 {
		t.Errorf("main contact %d", got)
	}
}

func TestUpdateIsPartial(t *testing.T) {
	e := open(t, Config{Customers: 50})
	before := *e.customers.seed.customer(7)
	sent := before.UpdatedAt + 5
	write(t, e, fmt.Sprintf(`{"update":[{"id":%d,"updated_at":%d,"next_price":12}]}`, before.ID, sent))
	want := *before.clone()
	want.UpdatedAt, want.NextPrice, want.UpdatedBy = sent, 12, e.config.UserID
	if diff := cmp.Diff(want, stored(t, e, before.ID)); diff != "" {
		t.Errorf("after a partial update (-want +got):\n%s", diff)
	}
}

func TestItemErrorsLeaveTheOthersAlone(t *testing.T) {
	const body = `{"add":[{"name":"A","next_date":5,"request_id":1},{"name":"no date","request_id":2},{"next_date":5}],` +
		`"update":[{"id":7,"updated_at":2000,"name":"B","request_id":"4"},{"id":8,"updated_at":1,"request_id":5},{"id":99,"updated_at":5}]}`
	const stale = "Last modified date is older than in database"
	const lost = "Customer is not found"
	const noDate, noName = "Field next_date is required", "Field name is required"
	for _, test := range []struct {
		name  string
		shape ItemErrors
		want  string
	}{
		{"recorded", ItemErrorsRecorded, `{"add":[{"code":400,"message":"` + noDate + `","request_id":2},{"code":400,"message":"` + noName + `"}],` +
			`"update":{"8":"` + stale + `","99":"` + lost + `"}}`},
		{"objects", ItemErrorsObjects, `{"add":[{"code":400,"message":"` + noDate + `","request_id":2},{"code":400,"message":"` + noName + `"}],` +
			`"update":[{"id":8,"code":400,"message":"` + stale + `","request_id":5},{"id":99,"code":404,"message":"` + lost + `"}]}`},
		{"texts", ItemErrorsTexts, `{"add":["` + noDate + `","` + noName + `"],"update":["` + stale + `","` + lost + `"]}`},
		{"indexed", ItemErrorsIndexed, `{"add":{"1":"` + noDate + `","2":"` + noName + `"},"update":{"1":"` + stale + `","2":"` + lost + `"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, Config{ItemErrors: test.shape})
			mustAdd(t, e, Customer{ID: 7, UpdatedAt: 1000})
			mustAdd(t, e, Customer{ID: 8, UpdatedAt: 1000})
			got := embedded(t, write(t, e, body))
			var want any
			if err := json.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got["errors"]); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			link := func(id string) map[string]any {
				return map[string]any{"self": map[string]any{"href": "/api/v2/customers?id=" + id, "method": "get"}}
			}
			items := []any{
				map[string]any{"id": 466001.0, "request_id": 1.0, "_links": link("466001")},
				map[string]any{"id": 7.0, "request_id": 4.0, "_links": link("7")},
			}
			if diff := cmp.Diff(any(items), got["items"]); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if s := e.Stats(); s.Added != 1 || s.Updated != 1 || s.ItemErrors != 4 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

func TestRequiredFields(t *testing.T) {
	for _, test := range []struct {
		item     string
		onlyName bool
		want     string
	}{
		{`{"name":"A","next_date":"5"}`, false, ""},
		{`{"name":"A"}`, false, "next_date"},
		{`{"name":"A","next_date":0}`, false, "next_date"},
		{`{"name":"A","next_date":null}`, false, "next_date"},
		{`{"name":"  ","next_date":5}`, false, "name"},
		{`{"next_date":5}`, true, "name"},
		{`{"name":"A"}`, true, ""},
	} {
		a := write(t, open(t, Config{AddNeedsOnlyName: test.onlyName}), `{"add":[`+test.item+`]}`)
		refused := strings.Contains(a.body, `"errors"`)
		if refused != (test.want != "") || refused && !strings.Contains(a.body, "Field "+test.want+" is required") {
			t.Errorf("%s, only name %v: %s", test.item, test.onlyName, a.body)
		}
	}
}

func TestAddDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Customers: 3})
		time.Sleep(time.Hour)
		write(t, e, `{"add":[{"name":"A","next_date":5}]}`)
		id := int64(466010)
		now := time.Now().Unix()
		want := Customer{
			ID: id, Name: "A", NextDate: 5, CreatedAt: now, UpdatedAt: now,
			ResponsibleUserID: 7204833, CreatedBy: 7204833, UpdatedBy: 7204833,
		}
		if diff := cmp.Diff(want, stored(t, e, id)); diff != "" {
			t.Errorf("added customer (-want +got):\n%s", diff)
		}
		if got := list(t, e, ""); len(got) != 4 || got[3] != id {
			t.Errorf("list %v, want the added one last", got)
		}
	})
}

func TestDelete(t *testing.T) {
	e := open(t, Config{Customers: 10})
	a, b := e.customers.seed.customer(2), e.customers.seed.customer(5)
	got := embedded(t, write(t, e, fmt.Sprintf(`{"delete":["%d",4,%d]}`, a.ID, b.ID)))
	want := map[string]any{"items": map[string]any{"deleted": []any{
		map[string]any{"id": float64(a.ID), "name": a.Name}, map[string]any{"id": float64(b.ID), "name": b.Name},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if got := list(t, e, fmt.Sprint("id=", a.ID)); got != nil {
		t.Errorf("the deleted customer is found: %v", got)
	}
	if got := len(list(t, e, "")); got != 8 {
		t.Errorf("%d customers left", got)
	}
	got = embedded(t, write(t, e, fmt.Sprintf(`{"delete":[%d]}`, a.ID)))
	if diff := cmp.Diff(map[string]any{"items": map[string]any{"deleted": []any{}}}, got); diff != "" {
		t.Errorf("deleting it again (-want +got):\n%s", diff)
	}
}

func TestAddAndDeleteShareOneObject(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7, Name: "gone"})
	items := embedded(t, write(t, e, `{"add":[{"name":"A","next_date":5,"request_id":9}],"delete":[7]}`))["items"]
	object, ok := items.(map[string]any)
	if !ok {
		t.Fatalf("items %v", items)
	}
	if first, ok := object["0"].(map[string]any); !ok || first["request_id"] != 9.0 {
		t.Errorf("items %v", items)
	}
	if diff := cmp.Diff([]any{map[string]any{"id": 7.0, "name": "gone"}}, object["deleted"]); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

// TestBodySpellings sends one add in every encoding the service takes and expects one and the same customer.
func TestBodySpellings(t *testing.T) {
	const target = "/api/v2/customers"
	values := url.Values{
		"add[0][name]": {"Чай & Кофе"}, "add[0][next_date]": {"1700000000"}, "add[0][next_price]": {"50"},
		"add[0][contacts_id][]":                        {"3", "4"},
		"add[0][custom_fields][0][id]":                 {"1250009"},
		"add[0][custom_fields][0][values][]":           {"3690011", "3690013"},
		"add[0][custom_fields][1][id]":                 {"1250025"},
		"add[0][custom_fields][1][values][0][value]":   {"Berlin"},
		"add[0][custom_fields][1][values][0][subtype]": {"3"},
		"add[0][catalog_elements_id][4521][890001]":    {"2"},
	}
	for name, test := range map[string]struct{ contentType, body string }{
		"JSON with numbers": {"application/json", `{"add":[{"name":"Чай & Кофе","next_date":1700000000,"next_price":50,"contacts_id":[3,4],
			"custom_fields":[{"id":1250009,"values":[3690011,3690013]},{"id":1250025,"values":[{"value":"Berlin","subtype":"city"}]}],
			"catalog_elements_id":{"4521":{"890001":2}}}],"update":[],"delete":[]}`},
		"JSON with text, lists as objects": {"application/json; charset=utf-8", `{"add":{"250":{"name":"Чай & Кофе","next_date":"1700000000",
			"next_price":"50","contacts_id":{"1":"3","2":"4"},"custom_fields":{"7":{"id":"1250009","values":{"5":"3690011","6":"3690013"}},
			"8":{"id":"1250025","values":{"0":{"value":"Berlin","subtype":3,"enum":null}}}},
			"catalog_elements_id":{"4521":{"890001":"2"}}}},"update":{},"delete":null}`},
		"JSON without a type": {"", `{"add":[{"name":"Чай & Кофе","next_date":1700000000,"next_price":50,"contacts_id":[3,4],"tags":"",
			"custom_fields":[{"id":1250009,"values":[{"value":3690011},{"value":"Кофе","enum":3690013,"subtype":null}]},
			{"id":1250025,"values":[{"value":"Berlin","subtype":"city"}]}],"catalog_elements_id":{"4521":{"890001":2}}}]}`},
		"form":            {form, values.Encode()},
		"form, unescaped": {form, strings.NewReplacer("%5B", "[", "%5D", "]").Replace(values.Encode())},
	} {
		t.Run(name, func(t *testing.T) {
			e := open(t, Config{})
			header := []string{"Content-Type", test.contentType}
			if test.contentType == "" {
				header = nil
			}
			if a := ask(t, e, http.MethodPost, target, test.body, header...); a.status != http.StatusOK {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			got := stored(t, e, 466001)
			want := Customer{
				ID: 466001, Name: "Чай & Кофе", NextDate: 1700000000, NextPrice: 50, CreatedAt: got.CreatedAt, UpdatedAt: got.UpdatedAt,
				ResponsibleUserID: 7204833, CreatedBy: 7204833, UpdatedBy: 7204833, ContactIDs: []int64{3, 4}, MainContactID: 3,
				CustomFields: []CustomField{
					{1250009, []FieldValue{{Value: "Чай", Enum: 3690011}, {Value: "Кофе", Enum: 3690013}}},
					{1250025, []FieldValue{{Value: "Berlin", Subtype: "city"}}},
				},
				CatalogElements: []CatalogElement{{CatalogID: 4521, ElementID: 890001, Quantity: 2}},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFieldValues writes each spelling of each type and reads it back as the service shows it.
func TestFieldValues(t *testing.T) {
	const cleared = `{}`
	for _, test := range []struct {
		name, id, values, want string
	}{
		{"text", "1250001", `[{"value":"a\nb"}]`, `[{"value":"a\nb"}]`},
		{"text from a number", "1250001", `[{"value":5}]`, `[{"value":"5"}]`},
		{"numeric", "1250003", `[{"value":10.50}]`, `[{"value":"10.50"}]`},
		{"numeric text", "1250003", `[{"value":"-7"}]`, `[{"value":"-7"}]`},
		{"checkbox", "1250005", `[{"value":1}]`, `[{"value":"1"}]`},
		{"checkbox true", "1250005", `[{"value":true}]`, `[{"value":"1"}]`},
		{"checkbox off", "1250005", `[{"value":0}]`, cleared},
		{"checkbox false", "1250005", `[{"value":false}]`, cleared},
		{"select", "1250007", `[{"value":"3690005"}]`, `[{"value":"Розница &quot;у дома&quot;","enum":3690005}]`},
		{"multiselect", "1250009", `[3690013,"3690011"]`, `[{"value":"Кофе","enum":3690013},{"value":"Чай","enum":3690011}]`},
		{"date with time", "1250011", `[{"value":"2017-10-26 00:00:00"}]`, `[{"value":"2017-10-26 00:00:00"}]`},
		{"date", "1250011", `[{"value":"2017-10-26"}]`, `[{"value":"2017-10-26 00:00:00"}]`},
		{"date keeps no time", "1250011", `[{"value":"2017-10-26 13:45:00"}]`, `[{"value":"2017-10-26 00:00:00"}]`},
		{"date with dots", "1250011", `[{"value":"14.06.2014"}]`, `[{"value":"2014-06-14 00:00:00"}]`},
		{"date with slashes", "1250011", `[{"value":"1999/10/21"}]`, `[{"value":"1999-10-21 00:00:00"}]`},
		{"url", "1250013", `[{"value":"https://example.com/?a=b"}]`, `[{"value":"https://example.com/?a=b"}]`},
		{"phone by kind", "1250015", `[{"value":"+7900","enum":"MOB"}]`, `[{"value":"+7900","enum":3690025}]`},
		{
			"phone by enum", "1250015", `[{"value":"+7900","enum":"3690027"},{"value":"+7901"}]`,
			`[{"value":"+7900","enum":3690027},{"value":"+7901","enum":3690021}]`,
		},
		{"text area", "1250019", `[{"value":"x"}]`, `[{"value":"x"}]`},
		{"radio button", "1250021", `[{"value":3690053}]`, `[{"value":"Курьер","enum":3690053}]`},
		{"street address", "1250023", `[{"value":"x"}]`, `[{"value":"x"}]`},
		{
			"smart address", "1250025", `[{"value":"a","subtype":"1"},{"value":"","subtype":"state"},{"value":"RU","subtype":"country"}]`,
			`[{"value":"a","subtype":"address_line_1"},{"value":"RU","subtype":"country"}]`,
		},
		{"birthday", "1250027", `[{"value":"21.10.1999"}]`, `[{"value":"1999-10-21 00:00:00"}]`},
		{
			"legal entity", "1250029", `[{"value":{"kpp":"1","name":"x","entity_type":"2","vat_id":77}}]`,
			`[{"value":{"name":"x","entity_type":2,"vat_id":"77","kpp":"1"}}]`,
		},
		{
			"items", "1250031", `[{"description":"x","unit_price":1.50,"discount":{"value":2,"type":"amount"}},{"quantity":"3"}]`,
			`[[{"description":"x","unit_price":1.50,"discount":{"type":"amount","value":2}},{"quantity":3}]]`,
		},
		{
			"organisation", "1250033", `[{"value":{"name":"x","line1":"y"}}]`,
			`[{"value":{"name":"x","entity_type":null,"vat_id":null,"tax_registration_reason_code":null,"address":null,"kpp":null,` +
				`"external_uid":null,"line1":"y","line2":null,"city":null,"state":null,"zip":null,"country":null}}]`,
		},
		{
			"organisation's bank", "1250033", `[{"value":{"bank_code":"044525225"}}]`,
			`[{"value":{"name":null,"entity_type":null,"vat_id":null,"tax_registration_reason_code":null,"address":null,"kpp":null,` +
				`"external_uid":null,"line1":null,"line2":null,"city":null,"state":null,"zip":null,"country":null,"bank_code":"044525225"}}]`,
		},
		{"date and time", "1250035", `[{"value":"2024-02-29 13:45"}]`, `[{"value":"2024-02-29 13:45:00"}]`},
		{"no values", "1250001", `[]`, cleared},
		{"null values", "1250001", `null`, cleared},
		{"empty value", "1250001", `[{"value":""}]`, cleared},
		{"null value", "1250001", `[{"value":null}]`, cleared},
		{"empty choice", "1250009", `[""]`, cleared},
		{"empty legal entity", "1250029", `[{"value":{}}]`, cleared},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, Config{})
			id, err := strconv.ParseInt(test.id, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			mustAdd(t, e, Customer{ID: 7, CustomFields: []CustomField{{id, []FieldValue{{Value: "old"}}}}})
			write(t, e, `{"update":[{"id":7,"updated_at":5,"custom_fields":[{"id":`+test.id+`,"values":`+test.values+`}]}]}`)
			a := ask(t, e, http.MethodGet, "/api/v2/customers?id=7", "")
			var doc struct {
				Embedded struct {
					Items []struct {
						Fields json.RawMessage `json:"custom_fields"`
					} `json:"items"`
				} `json:"_embedded"`
			}
			if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
				t.Fatal(err)
			}
			got := string(doc.Embedded.Items[0].Fields)
			if test.want == cleared {
				if got != cleared {
					t.Errorf("custom_fields %s, want none", got)
				}
				return
			}
			var fields []struct{ Values json.RawMessage }
			if err := json.Unmarshal([]byte(got), &fields); err != nil || len(fields) != 1 {
				t.Fatalf("%v in %s", err, got)
			}
			if diff := cmp.Diff(flatten(t, test.want), flatten(t, string(fields[0].Values))); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAddressPartsNotSentAreErased(t *testing.T) {
	e := open(t, Config{})
	keep := CustomField{ID: 1250001, Values: []FieldValue{{Value: "kept"}}}
	mustAdd(t, e, Customer{ID: 7, CustomFields: []CustomField{
		{1250025, []FieldValue{{Value: "Berlin", Subtype: "city"}, {Value: "10115", Subtype: "zip"}}}, keep,
	}})
	write(t, e, `{"update":[{"id":7,"updated_at":5,"custom_fields":[{"id":1250025,"values":[{"value":"Bonn","subtype":"city"}]}]}]}`)
	want := []CustomField{{1250025, []FieldValue{{Value: "Bonn", Subtype: "city"}}}, keep}
	if diff := cmp.Diff(want, stored(t, e, 7).CustomFields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestTags(t *testing.T) {
	for _, test := range []struct {
		tags string
		want []Tag
	}{
		{`"VIP, new one ,, VIP"`, []Tag{{61803, "VIP"}, {61811, "new one"}}},
		{`["VIP","new one"]`, []Tag{{61803, "VIP"}, {61811, "new one"}}},
		{`[61803,"61804"]`, []Tag{{61803, "VIP"}, {61804, "wholesale"}}},
		{`["2024"]`, []Tag{{61811, "2024"}}},
		{`"61803"`, []Tag{{61811, "61803"}}},
		{`""`, nil},
		{`[]`, nil},
		{`null`, []Tag{{61801, "опт"}}},
	} {
		e := open(t, Config{})
		mustAdd(t, e, Customer{ID: 7, Tags: []Tag{{Name: "опт"}}})
		write(t, e, `{"update":[{"id":7,"updated_at":5,"tags":`+test.tags+`}]}`)
		if diff := cmp.Diff(test.want, stored(t, e, 7).Tags); diff != "" {
			t.Errorf("tags %s (-want +got):\n%s", test.tags, diff)
		}
	}
}

func TestLinks(t *testing.T) {
	type links struct {
		Contacts      []int64
		Main, Company int64
	}
	for _, test := range []struct {
		name, sent string
		want       links
	}{
		{"nothing", `"name":"x"`, links{[]int64{1, 2}, 2, 5}},
		{"another contact", `"contacts_id":[3,2]`, links{[]int64{1, 2, 3}, 2, 5}},
		{"unlink a contact", `"unlink":{"contacts_id":["1"]}`, links{[]int64{2}, 2, 5}},
		{"unlink the main contact", `"unlink":{"contacts_id":[2]}`, links{[]int64{1}, 1, 5}},
		{"unlink all", `"unlink":{"contacts_id":[1,2]}`, links{[]int64{}, 0, 5}},
		{"unlink and link", `"unlink":{"contacts_id":[1,2]},"contacts_id":[9]`, links{[]int64{9}, 9, 5}},
		{"main contact", `"main_contact_id":1`, links{[]int64{1, 2}, 1, 5}},
		{"main contact of those that are linked now", `"contacts_id":[3],"main_contact_id":3`, links{[]int64{1, 2, 3}, 3, 5}},
		{"main contact that is not linked", `"main_contact_id":77`, links{[]int64{1, 2}, 2, 5}},
		{"another company", `"company_id":6`, links{[]int64{1, 2}, 2, 6}},
		{"no company is not another", `"company_id":0`, links{[]int64{1, 2}, 2, 5}},
		{"unlink the company", `"unlink":{"company_id":5}`, links{[]int64{1, 2}, 2, 0}},
		{"unlink a company that is not linked", `"unlink":{"company_id":6}`, links{[]int64{1, 2}, 2, 5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, Config{MainContactWritable: true})
			mustAdd(t, e, Customer{ID: 7, ContactIDs: []int64{1, 2}, MainContactID: 2, CompanyID: 5})
			write(t, e, `{"update":[{"id":7,"updated_at":5,`+test.sent+`}]}`)
			c := stored(t, e, 7)
			if diff := cmp.Diff(test.want, links{c.ContactIDs, c.MainContactID, c.CompanyID}); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCatalogElements(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7, CatalogElements: []CatalogElement{{CatalogID: 1, ElementID: 2, Quantity: 3}, {CatalogID: 1, ElementID: 4, Quantity: 5}}})
	write(t, e, `{"update":[{"id":7,"updated_at":5,"catalog_elements_id":{"1":{"2":0,"6":7}}}]}`)
	item := func(query string) string {
		return ask(t, e, http.MethodGet, "/api/v2/customers?id=7"+query, "").body
	}
	const want = `"_embedded":{"catalog_elements_links":[{"id":4,"catalog_id":1,"quantity":5},{"id":6,"catalog_id":1,"quantity":7}]}`
	if got := item("&with=catalog_elements_links"); !strings.Contains(got, want) {
		t.Errorf("with elements: %s", got)
	}
	if got := item(""); strings.Contains(got, "catalog_elements_links") {
		t.Errorf("without: %s", got)
	}
}

func TestWriteSwitches(t *testing.T) {
	tooMany := `{"delete":[1` + strings.Repeat(",1", 500) + `]}`
	if a := ask(t, open(t, Config{BigBatchTimesOut: true}), http.MethodPost, "/api/v2/customers", tooMany); a.status != http.StatusGatewayTimeout {
		t.Errorf("too many items: status %d", a.status)
	}
	if a := write(t, open(t, Config{NoErrorsAsList: true}), `{"add":[{"name":"A","next_date":5}]}`); !strings.Contains(a.body, `}],"errors":[]}}`) {
		t.Errorf("no errors: %s", a.body)
	}
	for shape, want := range map[ItemErrors]string{
		ItemErrorsRecorded: `{"99":"Customer is not found"}`,
		ItemErrorsObjects:  `[{"id":99,"code":404,"message":"Customer is not found"}]`,
		ItemErrorsTexts:    `["Customer is not found"]`,
		ItemErrorsIndexed:  `{"1":"Customer is not found"}`,
	} {
		e := open(t, Config{DeleteTellsUnknown: true, ItemErrors: shape})
		mustAdd(t, e, Customer{ID: 7, Name: "A"})
		if a := write(t, e, `{"delete":[7,99]}`); !strings.Contains(a.body, `"items":{"deleted":[{"id":7,"name":"A"}]},"errors":{"delete":`+want+`}`) {
			t.Errorf("unknown id of a delete, shape %d: %s", shape, a.body)
		}
		if s := e.Stats(); s.Deleted != 1 || s.ItemErrors != 1 {
			t.Errorf("stats %+v", s)
		}
	}
	e := open(t, Config{RequestIDAlways: true, UpdatedAtEchoMillis: true})
	mustAdd(t, e, Customer{ID: 7})
	a := write(t, e, `{"add":[{"name":"A","next_date":5}],"update":[{"id":7,"updated_at":5}]}`)
	for _, want := range []string{`"request_id":0,`, `"id":7,"request_id":7,"updated_at":5000,`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("%s is not in %s", want, a.body)
		}
	}
}

func TestCustomersFunctionStates(t *testing.T) {
	for _, test := range []struct {
		state  CustomersState
		status int
		code   string
	}{
		{CustomersOff, http.StatusForbidden, "426"},
		{CustomersUnavailable, http.StatusForbidden, "425"},
		{CustomersUnpaid, http.StatusPaymentRequired, "402"},
		{CustomersNoRights, http.StatusForbidden, "288"},
	} {
		e := open(t, Config{Customers: 1, CustomersState: test.state})
		for _, a := range []answered{
			ask(t, e, http.MethodGet, "/api/v2/customers", ""),
			ask(t, e, http.MethodPost, "/api/v2/customers", `{"delete":[1]}`),
		} {
			if a.status != test.status || errorCode(a) != test.code {
				t.Errorf("state %d: status %d, %s", test.state, a.status, a.body)
			}
		}
		if a := ask(t, e, http.MethodGet, "/api/v2/account", ""); a.status != http.StatusOK {
			t.Errorf("state %d: account status %d", test.state, a.status)
		}
		e = open(t, Config{CustomersState: test.state, CustomersStatus: http.StatusBadRequest})
		if a := ask(t, e, http.MethodGet, "/api/v2/customers", ""); a.status != http.StatusBadRequest || errorCode(a) != test.code {
			t.Errorf("state %d with a status of its own: %d, %s", test.state, a.status, a.body)
		}
	}
}

func TestAddCustomerRefusesATakenID(t *testing.T) {
	e := open(t, Config{Customers: 3})
	seeded := e.customers.seed.id(1)
	if _, err := e.AddCustomer(Customer{ID: seeded}); err == nil {
		t.Error("a seeded id was taken twice")
	}
	if _, err := e.AddCustomer(Customer{ID: -1}); err == nil {
		t.Error("a negative id was taken")
	}
	e.DeleteCustomer(seeded)
	mustAdd(t, e, Customer{ID: seeded, Name: "again"})
	if got := stored(t, e, seeded).Name; got != "again" || e.CountCustomers() != 3 {
		t.Errorf("name %q, %d customers", got, e.CountCustomers())
	}
	if !e.DeleteCustomer(seeded) || e.DeleteCustomer(seeded) || e.CountCustomers() != 2 {
		t.Errorf("%d customers after the second delete", e.CountCustomers())
	}
}
