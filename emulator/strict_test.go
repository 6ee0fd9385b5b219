package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// wrong is a request that must be refused.
type wrong struct {
	name   string
	method string // POST when there is a body, else GET
	target string // customers unless set
	body   string
	header []string
	status int    // 400 unless set
	code   string // "400" unless set
}

func (w wrong) send(t *testing.T, e *Emulator) answered {
	t.Helper()
	if w.method == "" {
		w.method = http.MethodGet
		if w.body != "" {
			w.method = http.MethodPost
		}
	}
	if w.target == "" {
		w.target = "/api/v2/customers"
	}
	return ask(t, e, w.method, w.target, w.body, w.header...)
}

const (
	form  = "application/x-www-form-urlencoded"
	plain = `"name":"A","next_date":1700000000`
)

func addWith(members string) string { return `{"add":[{` + plain + `,` + members + `}]}` }

func fieldWith(id int, values string) string {
	return addWith(`"custom_fields":[{"id":` + strconv.Itoa(id) + `,"values":` + values + `}]`)
}

// refused are requests the service refuses; nothing of them may be stored.
var refused = []wrong{
	{name: "broken JSON", body: `{"add":[`, code: "102"},
	{name: "text after the JSON", body: `{"add":[{` + plain + `}]}x`, code: "102"},
	{name: "invalid UTF-8", body: "{\"add\":[{\"name\":\"\xff\"}]}", code: "102"},
	{name: "JSON nested without end", body: strings.Repeat("[", 2000), code: "102"},
	{name: "no body", method: http.MethodPost, code: "103"},
	{name: "blank body", body: "  \n", code: "103"},
	{name: "body is text", body: `"add"`, header: []string{"Content-Type", "application/json"}},
	{name: "nothing to do", body: `{}`},
	{name: "empty lists", body: `{"add":[],"update":[],"delete":[]}`},
	{name: "add is text", body: `{"add":"A"}`},
	{name: "add is a bool", body: `{"add":true}`},
	{name: "item is text", body: `{"add":["A"]}`},
	{name: "item is null", body: `{"add":[null]}`},
	{name: "501 items", body: `{"delete":[1` + strings.Repeat(",1", 500) + `]}`},
	{name: "501 items over all lists", body: `{"add":[{` + plain + `}],"delete":[1` + strings.Repeat(",1", 499) + `]}`},
	{name: "delete of a word", body: `{"delete":["all"]}`},
	{name: "delete of zero", body: `{"delete":[0]}`},
	{name: "delete of objects", body: `{"delete":[{"id":1}]}`},
	{name: "delete as text", body: `{"delete":"1,2"}`},
	{name: "update without id", body: `{"update":[{"updated_at":1700000000}]}`},
	{name: "update with a word as id", body: `{"update":[{"id":"x","updated_at":1700000000}]}`},
	{name: "name is a list", body: `{"add":[{"name":["A"],"next_date":1700000000}]}`},
	{name: "next_date is a date", body: `{"add":[{"name":"A","next_date":"2024-01-01"}]}`},
	{name: "next_date in milliseconds", body: `{"add":[{"name":"A","next_date":1700000000000}]}`},
	{name: "next_date is negative", body: `{"add":[{"name":"A","next_date":-1}]}`},
	{name: "next_price with kopecks", body: addWith(`"next_price":"10.50"`)},
	{name: "next_price is a word", body: addWith(`"next_price":"ten"`)},
	{name: "next_price is a bool", body: addWith(`"next_price":true`)},
	{name: "periodicity is a list", body: addWith(`"periodicity":[7]`)},
	{name: "updated_at is a word", body: addWith(`"updated_at":"now"`)},
	{name: "responsible user is a name", body: addWith(`"responsible_user_id":"Anna"`)},
	{name: "contacts_id is a number", body: addWith(`"contacts_id":1`)},
	{name: "contacts_id holds a word", body: addWith(`"contacts_id":["x"]`)},
	{name: "tags hold objects", body: addWith(`"tags":[{"name":"x"}]`)},
	{name: "request_id is a list", body: addWith(`"request_id":[1]`)},
	{name: "unlink is a number", body: `{"update":[{"id":1,"updated_at":1,"unlink":5}]}`},
	{name: "unlink of words", body: `{"update":[{"id":1,"updated_at":1,"unlink":{"contacts_id":["x"]}}]}`},
	{name: "catalogue elements as list of ids", body: addWith(`"catalog_elements_id":[5]`)},
	{name: "catalogue quantity is a word", body: addWith(`"catalog_elements_id":{"1":{"2":"many"}}`)},
	{name: "custom_fields is text", body: addWith(`"custom_fields":"x"`)},
	{name: "custom field without id", body: addWith(`"custom_fields":[{"values":[{"value":"x"}]}]`)},
	{name: "unknown custom field", body: fieldWith(99, `[{"value":"x"}]`)},
	{name: "values is text", body: fieldWith(1250001, `"x"`)},
	{name: "text as a bare value", body: fieldWith(1250001, `["x"]`)},
	{name: "two texts", body: fieldWith(1250001, `[{"value":"x"},{"value":"y"}]`)},
	{name: "text is an object", body: fieldWith(1250001, `[{"value":{"x":1}}]`)},
	{name: "number is a word", body: fieldWith(1250003, `[{"value":"ten"}]`)},
	{name: "number with a comma", body: fieldWith(1250003, `[{"value":"1,5"}]`)},
	{name: "number with an exponent", body: fieldWith(1250003, `[{"value":1e3}]`)},
	{name: "checkbox is yes", body: fieldWith(1250005, `[{"value":"yes"}]`)},
	{name: "checkbox is 2", body: fieldWith(1250005, `[{"value":2}]`)},
	{name: "select by its text", body: fieldWith(1250007, `[{"value":"Сайт"}]`)},
	{name: "select of another field's option", body: fieldWith(1250007, `[{"value":3690011}]`)},
	{name: "multiselect of an unknown option", body: fieldWith(1250009, `[3690011,1]`)},
	{name: "date is a word", body: fieldWith(1250011, `[{"value":"tomorrow"}]`)},
	{name: "date that does not exist", body: fieldWith(1250011, `[{"value":"31.02.2024"}]`)},
	{name: "date is a number", body: fieldWith(1250011, `[{"value":1700000000}]`)},
	{name: "phone of an unknown kind", body: fieldWith(1250015, `[{"value":"+7900","enum":"CAR"}]`)},
	{name: "phone with another field's kind", body: fieldWith(1250015, `[{"value":"+7900","enum":3690041}]`)},
	{name: "two delivery options", body: fieldWith(1250021, `[{"value":3690051},{"value":3690053}]`)},
	{name: "address part without subtype", body: fieldWith(1250025, `[{"value":"Berlin"}]`)},
	{name: "address part of an unknown subtype", body: fieldWith(1250025, `[{"value":"Berlin","subtype":"town"}]`)},
	{name: "address part number seven", body: fieldWith(1250025, `[{"value":"Berlin","subtype":"7"}]`)},
	{name: "country by its name", body: fieldWith(1250025, `[{"value":"Germany","subtype":"country"}]`)},
	{name: "birthday of a word", body: fieldWith(1250027, `[{"value":"May"}]`)},
	{name: "legal entity is text", body: fieldWith(1250029, `[{"value":"Ltd"}]`)},
	{name: "legal entity with a list inside", body: fieldWith(1250029, `[{"value":{"name":["x"]}}]`)},
	{name: "legal entity type is a word", body: fieldWith(1250029, `[{"value":{"entity_type":"company"}}]`)},
	{name: "item is text", body: fieldWith(1250031, `["tea"]`)},
	{name: "item price is a word", body: fieldWith(1250031, `[{"description":"tea","unit_price":"cheap"}]`)},
	{name: "item discount is a number", body: fieldWith(1250031, `[{"description":"tea","discount":5}]`)},
	{name: "date-time is a word", body: fieldWith(1250035, `[{"value":"noon"}]`)},
	{name: "JSON sent as a form", body: `{"add":[{` + plain + `}]}`, header: []string{"Content-Type", form}},
	{
		name: "form with an unknown custom field", body: "add[0][name]=A&add[0][next_date]=1700000000&add[0][custom_fields][0][id]=99",
		header: []string{"Content-Type", form},
	},
	{name: "form with a list of words", body: "delete[]=a&delete[]=b", header: []string{"Content-Type", form}},

	{name: "PUT", method: http.MethodPut, body: `{"add":[{` + plain + `}]}`, status: 405, code: "405"},
	{name: "PATCH", method: http.MethodPatch, body: `{"update":[{"id":1}]}`, status: 405, code: "405"},
	{name: "DELETE", method: http.MethodDelete, status: 405, code: "405"},
	{name: "POST to the account", target: "/api/v2/account", body: `{"name":"x"}`, status: 405, code: "405"},
	{name: "one customer by path", target: "/api/v2/customers/466001", status: 404, code: "104"},
	{name: "unknown method", target: "/api/v2/customer", status: 404, code: "104"},
	{name: "a method of another generation's name", target: "/api/v2/customers/statuses", status: 404, code: "104"},
}

// ignoredInput are requests the service accepts by leaving the odd part aside; in strict mode they are refused.
var ignoredInput = []wrong{
	{name: "unknown parameter", target: "/api/v2/customers?page=2"},
	{name: "v4 parameter", target: "/api/v2/customers?limit=50"},
	{name: "misspelt filter", target: "/api/v2/customers?filter[main_users][]=1"},
	{name: "filter without brackets", target: "/api/v2/customers?filter=x"},
	{name: "unknown key of a date filter", target: "/api/v2/customers?filter[date][type]=create&filter[date][since]=1.1.2020"},
	{name: "unknown date type", target: "/api/v2/customers?filter[date][type]=delete&filter[date][from]=01.01.2020"},
	{name: "date without type", target: "/api/v2/customers?filter[date][from]=01.01.2020"},
	{name: "date type without from", target: "/api/v2/customers?filter[date][type]=create"},
	{name: "to without from", target: "/api/v2/customers?filter[next_date][to]=01.01.2020"},
	{name: "date nobody can read", target: "/api/v2/customers?filter[next_date][from]=soon"},
	{name: "date that does not exist", target: "/api/v2/customers?filter[next_date][from]=31.02.2020"},
	{name: "responsible user by name", target: "/api/v2/customers?filter[main_user][]=Anna"},
	{name: "offset without rows", target: "/api/v2/customers?limit_offset=5"},
	{name: "rows is a word", target: "/api/v2/customers?limit_rows=all"},
	{name: "rows is zero", target: "/api/v2/customers?limit_rows=0"},
	{name: "rows above 500", target: "/api/v2/customers?limit_rows=501"},
	{name: "offset is a word", target: "/api/v2/customers?limit_rows=5&limit_offset=x"},
	{name: "offset is negative", target: "/api/v2/customers?limit_rows=5&limit_offset=-1"},
	{name: "unknown with", target: "/api/v2/customers?with=leads"},
	{name: "query is a list", target: "/api/v2/customers?query[]=x"},
	{name: "unknown parameter of the account", target: "/api/v2/account?limit_rows=1"},
	{name: "unknown part of the account", target: "/api/v2/account?with=amojo_id"},
	{name: "unknown parameter of a write", target: "/api/v2/customers?limit_rows=1", body: `{"add":[{` + plain + `}]}`},
	{name: "unknown list", body: `{"add":[{` + plain + `}],"replace":[]}`},
	{name: "misspelt key", body: addWith(`"nextprice":5`)},
	{name: "v4 key", body: addWith(`"custom_fields_values":[]`)},
	{name: "output-only key", body: addWith(`"account_id":5`)},
	{name: "unlink in an add", body: addWith(`"unlink":{"company_id":5}`)},
	{name: "id in an add", body: addWith(`"id":5`)},
	{name: "unknown key of a custom field", body: addWith(`"custom_fields":[{"id":1250001,"field_id":1,"values":[{"value":"x"}]}]`)},
	{name: "unknown key of a value", body: fieldWith(1250001, `[{"value":"x","enum_id":5}]`)},
	{name: "subtype of a text", body: fieldWith(1250001, `[{"value":"x","subtype":"city"}]`)},
	{name: "enum of a text", body: fieldWith(1250001, `[{"value":"x","enum":5}]`)},
	{name: "unknown key of a legal entity", body: fieldWith(1250029, `[{"value":{"name":"x","inn":"1"}}]`)},
	{name: "unknown key of an item", body: fieldWith(1250031, `[{"description":"x","price":1}]`)},
}

func TestWrongRequestsAreRefused(t *testing.T) {
	for _, test := range refused {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, Config{Customers: 5})
			checkRefused(t, test, test.send(t, e))
			if s := e.Stats(); s.Added+s.Updated+s.Deleted > 0 || e.CountCustomers() != 5 {
				t.Errorf("the refused call changed something: %+v", s)
			}
		})
	}
}

func TestIgnoredInputIsRefusedOnlyWhenStrict(t *testing.T) {
	for _, test := range ignoredInput {
		t.Run(test.name, func(t *testing.T) {
			if a := test.send(t, open(t, Config{Customers: 5})); a.status != http.StatusOK {
				t.Errorf("by default: status %d: %s", a.status, a.body)
			} else if strings.Contains(a.body, `"errors"`) {
				t.Errorf("by default: %s", a.body)
			}
			e := open(t, Config{Customers: 5, Strict: true})
			checkRefused(t, test, test.send(t, e))
			if e.CountCustomers() != 5 {
				t.Error("the refused call changed something")
			}
		})
	}
}

// TestStrictAcceptsWhatIsRight sends every parameter and key there is.
func TestStrictAcceptsWhatIsRight(t *testing.T) {
	e := open(t, Config{Customers: 5, Strict: true})
	for _, test := range []wrong{
		{target: "/api/v2/account?with=custom_fields,users,pipelines,groups,note_types,task_types&free_users=Y"},
		{target: "/api/v2/account/?USER_LOGIN=" + DefaultLogin + "&USER_HASH=" + DefaultAPIKey},
		{target: "/api/v2/customers?limit_rows=5&limit_offset=0&with=catalog_elements_links&query=&login=a&api_key=b"},
		{target: "/api/v2/customers/?id=" + strconv.FormatInt(e.customers.seed.id(0), 10) + "&limit_rows=1&limit_offset=0"},
		{target: "/api/v2/customers?filter[main_user][]=7204833&filter[main_user][]=7204836&filter[main_user][]=7204844" +
			"&filter[main_user][]=7204845&filter[date][type]=modify&filter[date][from]=01.01.2000&filter[date][to]=01.01.2030" +
			"&filter[next_date][from]=01.01.2000&filter[next_date][to]=01.01.2030"},
		{body: `{"add":[{` + plain + `,"created_at":1,"updated_at":2,"responsible_user_id":3,"created_by":4,"next_price":5,
			"periodicity":6,"tags":"a,b","period_id":7,"contacts_id":[8,9],"company_id":10,"main_contact_id":9,
			"catalog_elements_id":{"11":{"12":13}},"request_id":14,"custom_fields":[
			{"id":1250001,"values":[{"value":"x","enum":null,"subtype":null}]},{"id":1250009,"values":[3690011,"3690013"]},
			{"id":1250015,"values":[{"value":"+7900","enum":"MOB"},{"value":"+7901","enum":3690021}]},
			{"id":1250025,"values":[{"value":"Berlin","subtype":"city"},{"value":"DE","subtype":6}]},
			{"id":1250029,"values":[{"value":{"name":"x","entity_type":"1"}}]},
			{"id":1250031,"values":[{"description":"tea","quantity":1.5,"discount":{"type":"amount","value":3}}]},
			{"id":1250033,"values":[{"value":{"name":"x","bank_code":"1"}}]}]}],"update":[],"delete":[]}`},
		{body: `{"update":[{"id":` + strconv.FormatInt(e.customers.seed.id(0), 10) + `,"updated_at":1800000000,
			"unlink":{"contacts_id":[1],"company_id":2}}]}`},
	} {
		if a := test.send(t, e); a.status != http.StatusOK || strings.Contains(a.body, `"errors"`) {
			t.Errorf("%s %s: status %d: %s", test.target, test.body, a.status, a.body)
		}
	}
}

func checkRefused(t *testing.T, w wrong, a answered) {
	t.Helper()
	if w.status == 0 {
		w.status = http.StatusBadRequest
	}
	if w.code == "" {
		w.code = "400"
	}
	if a.status != w.status || errorCode(a) != w.code {
		t.Errorf("status %d code %q, want %d %q: %s", a.status, errorCode(a), w.status, w.code, a.body)
	}
}
