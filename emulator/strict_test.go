package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	for p := range e.Transactions() { // rows name a customer who bought something, and what
		names := strings.NewReplacer(
			"TRANSACTION", strconv.FormatInt(p.ID, 10), "CUSTOMER", strconv.FormatInt(p.CustomerID, 10),
		)
		w.body, w.target = names.Replace(w.body), names.Replace(w.target)
		break
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
	{name: "date in unix seconds", body: fieldWith(1250011, `[{"value":"1700000000"}]`)},
	{name: "date with the month first", body: fieldWith(1250011, `[{"value":"10/26/2017"}]`)},
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
	{name: "add of a transaction is text", target: transactionsPath, body: `{"add":["x"]}`},
	{name: "transactions without a list", target: transactionsPath, body: `{}`},
	{name: "transactions as a bare list", target: transactionsPath, body: `[{"customer_id":1,"price":1}]`},
	{name: "price with kopecks", target: transactionsPath, body: purchaseWith(`"price":"10.50"`)},
	{name: "price is a word", target: transactionsPath, body: purchaseWith(`"price":"ten"`)},
	{name: "price is negative", target: transactionsPath, body: purchaseWith(`"price":-1`)},
	{name: "price is an object", target: transactionsPath, body: purchaseWith(`"price":{"units":1}`)},
	{name: "customer is a name", target: transactionsPath, body: purchaseWith(`"customer_id":"Anna"`)},
	{name: "customer is a list", target: transactionsPath, body: purchaseWith(`"customer_id":[1]`)},
	{name: "date of a purchase is a date", target: transactionsPath, body: purchaseWith(`"date":"10.10.2017"`)},
	{name: "date of a purchase in milliseconds", target: transactionsPath, body: purchaseWith(`"date":1507582800000`)},
	{name: "planned date is a word", target: transactionsPath, body: purchaseWith(`"next_date":"soon"`)},
	{name: "planned price is a bool", target: transactionsPath, body: purchaseWith(`"next_price":true`)},
	{name: "comment is a list", target: transactionsPath, body: purchaseWith(`"comment":["x"]`)},
	{name: "elements as a list of ids", target: transactionsPath, body: purchaseWith(`"elements":[5]`)},
	{name: "element quantity is a word", target: transactionsPath, body: purchaseWith(`"elements":{"1":{"2":"many"}}`)},
	{name: "comment without its transaction", target: transactionsPath, body: `{"update":[{"comment":"x"}]}`},
	{name: "comment with the id under id", target: transactionsPath, body: `{"update":[{"id":5000,"comment":"x"}]}`},
	{name: "comment on transaction zero", target: transactionsPath, body: `{"update":[{"transaction_id":0,"comment":"x"}]}`},
	{name: "changed comment is an object", target: transactionsPath, body: `{"update":[{"transaction_id":5000,"comment":{}}]}`},
	{name: "delete of a transaction by a word", target: transactionsPath, body: `{"delete":["x"]}`},
	{name: "delete of transactions as objects", target: transactionsPath, body: `{"delete":[{"id":5000}]}`},
	{name: "501 transactions", target: transactionsPath, body: `{"delete":[1` + strings.Repeat(",1", 500) + `]}`},
	{name: "add at the path of comments", target: commentPath, body: `{"add":[{"customer_id":1,"price":1}]}`},
	{name: "delete at the path of comments", target: commentPath, body: `{"delete":[5000]}`},
	{name: "no body for transactions", method: http.MethodPost, target: transactionsPath, code: "103"},
	{name: "one transaction by path", target: transactionsPath + "/5000", status: 404, code: "104"},
	{name: "GET of the path of comments", target: commentPath, status: 405, code: "405"},
	{name: "DELETE of transactions", method: http.MethodDelete, target: transactionsPath, status: 405, code: "405"},
	{name: "purchases of a customer by path", target: "/api/v2/customers/466001/transactions", status: 404, code: "104"},

	{name: "no periods", target: periodsPath, body: `{"update":[]}`},
	{name: "periods as a bare list", target: periodsPath, body: `[{"period":5,"color":"#000000","sort":1}]`},
	{name: "period is a number", target: periodsPath, body: `{"update":[5]}`},
	{name: "period left out that lies after the purchase", target: periodsPath, body: `{"update":[{"id":112805}]}`},
	{name: "all periods after the purchase left out", target: periodsPath, body: `{"update":[{"id":112801},{"id":112802}]}`},
	{name: "new period after the purchase", target: periodsPath, body: periodsWith(`{"type":"after","period":5,"color":"#000000","sort":2}`)},
	{name: "unknown period", target: periodsPath, body: periodsWith(`{"id":15563,"period":5,"color":"#000000","sort":1}`)},
	{name: "period twice", target: periodsPath, body: periodsWith(`{"id":112805,"period":5}`)},
	{name: "period id is a word", target: periodsPath, body: periodsWith(`{"id":"x","period":5,"color":"#000000","sort":1}`)},
	{name: "new period without length", target: periodsPath, body: periodsWith(`{"color":"#000000","sort":1}`)},
	{name: "new period without color", target: periodsPath, body: periodsWith(`{"period":5,"sort":1}`)},
	{name: "new period without sort", target: periodsPath, body: periodsWith(`{"period":5,"color":"#000000"}`)},
	{name: "length of a period is a word", target: periodsPath, body: periodsWith(`{"period":"week","color":"#000000","sort":1}`)},
	{name: "length of a period is negative", target: periodsPath, body: periodsWith(`{"period":-5,"color":"#000000","sort":1}`)},
	{name: "length of a period is without end", target: periodsPath, body: periodsWith(`{"period":36501,"color":"#000000","sort":1}`)},
	{name: "sort is half a number", target: periodsPath, body: periodsWith(`{"period":5,"color":"#000000","sort":1.5}`)},
	{name: "color is a name", target: periodsPath, body: periodsWith(`{"period":5,"color":"red","sort":1}`)},
	{name: "color of three digits", target: periodsPath, body: periodsWith(`{"period":5,"color":"#fff","sort":1}`)},
	{name: "color without a hash", target: periodsPath, body: periodsWith(`{"period":5,"color":"ffffff","sort":1}`)},
	{name: "color emptied", target: periodsPath, body: periodsWith(`{"id":112801,"color":""}`)},
	{name: "color is a list", target: periodsPath, body: periodsWith(`{"period":5,"color":["#000000"],"sort":1}`)},
	{name: "eleven periods", target: periodsPath, body: periodsWith(newPeriods(9))},
	{name: "DELETE of periods", method: http.MethodDelete, target: periodsPath, status: 405, code: "405"},
	{name: "PUT of periods", method: http.MethodPut, target: periodsPath, body: periodsWith(newPeriods(1)), status: 405, code: "405"},
	{name: "one period by path", target: periodsPath + "/112801", status: 404, code: "104"},
}

// purchaseWith is an add of a transaction with one more member, which replaces one of the same name.
func purchaseWith(members string) string {
	return `{"add":[{"customer_id":1,"price":1,` + members + `}]}`
}

// periodsWith is a list of periods that keeps those after the purchase, and holds more.
func periodsWith(items string) string {
	return `{"update":[{"id":112805},{"id":112806},` + items + `]}`
}

func newPeriods(n int) string {
	items := make([]string, 0, n)
	for i := range n {
		items = append(items, `{"period":5,"color":"#000000","sort":`+strconv.Itoa(i)+`}`)
	}
	return strings.Join(items, ",")
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
	{name: "unknown parameter of transactions", target: transactionsPath + "?page=2"},
	{name: "filter of transactions", target: transactionsPath + "?filter[customer_id]=5"},
	{name: "customer by name", target: transactionsPath + "?customer_id=Anna"},
	{name: "several customers", target: transactionsPath + "?customer_id=466001,466004"},
	{name: "customers as a list", target: transactionsPath + "?customer_id[]=466001"},
	{name: "customer zero", target: transactionsPath + "?customer_id=0"},
	{name: "offset of transactions without rows", target: transactionsPath + "?limit_offset=1"},
	{name: "rows of transactions above 500", target: transactionsPath + "?limit_rows=501"},
	{name: "parameter of a purchase", target: transactionsPath + "?id=1", body: `{"delete":[1]}`},
	{name: "unknown list of transactions", target: transactionsPath, body: `{"delete":[1],"remove":[2]}`},
	{name: "delete beside comments", target: commentPath, body: `{"update":[{"transaction_id":TRANSACTION,"comment":"x"}],"delete":[TRANSACTION]}`},
	{name: "request_id of a transaction", target: transactionsPath, body: `{"add":[{"customer_id":CUSTOMER,"price":1,"request_id":5}]}`},
	{name: "id of a new transaction", target: transactionsPath, body: `{"add":[{"customer_id":CUSTOMER,"price":1,"id":5}]}`},
	{name: "elements under the customers' key", target: transactionsPath, body: `{"add":[{"customer_id":CUSTOMER,"price":1,"catalog_elements_id":{"1":{"2":3}}}]}`},
	{name: "updated_at of a comment", target: transactionsPath, body: `{"update":[{"transaction_id":TRANSACTION,"comment":"x","updated_at":5}]}`},
	{name: "new price of a transaction", target: transactionsPath, body: `{"update":[{"transaction_id":TRANSACTION,"comment":"x","price":5}]}`},
	{name: "comment in the spelling of one table too", target: transactionsPath, body: `{"update":[{"transaction_id":TRANSACTION,"comment":"x","comments":"y"}]}`},
	{name: "parameter of periods", target: periodsPath + "?id=112801"},
	{name: "paging of periods", target: periodsPath + "?limit_rows=1"},
	{name: "parameter of a replacement", target: periodsPath + "?id=1", body: periodsWith(newPeriods(1))},
	{name: "add of periods", target: periodsPath, body: `{"add":[],` + periodsWith(newPeriods(1))[1:]},
	{name: "type of a period", target: periodsPath, body: periodsWith(`{"id":112801,"type":"before"}`)},
	{name: "name of a period", target: periodsPath, body: periodsWith(`{"id":112801,"name":"x"}`)},
	{name: "output-only key of a period", target: periodsPath, body: periodsWith(`{"id":112801,"before_buy":5}`)},
	{name: "filter beside id", target: "/api/v2/customers?id=CUSTOMER&filter[main_user][]=1"},
	{name: "search beside id", target: "/api/v2/customers?id=CUSTOMER&query=x"},
	{name: "customer beside id", target: transactionsPath + "?id=TRANSACTION&customer_id=1"},
	{name: "time of customers", header: []string{"If-Modified-Since", "Tue, 01 Aug 2017 07:07:23 GMT"}},
	{name: "time of transactions", target: transactionsPath, header: []string{"If-Modified-Since", "Tue, 01 Aug 2017 07:07:23 GMT"}},
	{name: "main contact", body: addWith(`"contacts_id":[1,2],"main_contact_id":2`)},
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
			if diff := cmp.Diff(seedPeriods, e.Periods()); diff != "" {
				t.Errorf("the refused call changed periods:\n%s", diff)
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
			if s := e.Stats(); s.Added+s.Updated+s.Deleted > 0 || e.CountCustomers() != 5 {
				t.Errorf("the refused call changed something: %+v", s)
			}
		})
	}
}

// TestStrictAcceptsWhatIsRight sends every parameter and key there is.
func TestStrictAcceptsWhatIsRight(t *testing.T) {
	e := open(t, Config{Customers: 5, Strict: true})
	var bought Transaction
	for bought = range e.Transactions() {
		break
	}
	for _, test := range []wrong{
		{target: "/api/v2/account?with=custom_fields,users,pipelines,groups,note_types,task_types&free_users=Y"},
		{target: "/api/v2/account/?USER_LOGIN=" + DefaultLogin + "&USER_HASH=" + DefaultAPIKey},
		{target: "/api/v2/customers?limit_rows=5&limit_offset=0&with=catalog_elements_links&query=&login=a&api_key=b"},
		{target: "/api/v2/customers/?id=" + strconv.FormatInt(e.customers.seed.id(0), 10) + "&limit_rows=1&limit_offset=0"},
		{target: "/api/v2/customers?filter[main_user][]=7204833&filter[main_user][]=7204836&filter[main_user][]=7204844" +
			"&filter[main_user][]=7204845&filter[date][type]=modify&filter[date][from]=01.01.2000&filter[date][to]=01.01.2030" +
			"&filter[next_date][from]=01.01.2000&filter[next_date][to]=01.01.2030"},
		{body: `{"add":[{` + plain + `,"created_at":1,"updated_at":2,"responsible_user_id":3,"created_by":4,"next_price":5,
			"periodicity":6,"tags":"a,b","period_id":7,"contacts_id":[8,9],"company_id":10,
			"catalog_elements_id":{"11":{"12":13}},"request_id":14,"custom_fields":[
			{"id":1250001,"values":[{"value":"x","enum":null,"subtype":null}]},{"id":1250009,"values":[3690011,"3690013"]},
			{"id":1250015,"values":[{"value":"+7900","enum":"MOB"},{"value":"+7901","enum":3690021}]},
			{"id":1250025,"values":[{"value":"Berlin","subtype":"city"},{"value":"DE","subtype":6}]},
			{"id":1250029,"values":[{"value":{"name":"x","entity_type":"1"}}]},
			{"id":1250031,"values":[{"description":"tea","quantity":1.5,"discount":{"type":"amount","value":3}}]},
			{"id":1250033,"values":[{"value":{"name":"x","bank_code":"1"}}]}]}],"update":[],"delete":[]}`},
		{body: `{"update":[{"id":` + strconv.FormatInt(e.customers.seed.id(0), 10) + `,"updated_at":1800000000,
			"unlink":{"contacts_id":[1],"company_id":2}}]}`},
		{target: transactionsPath + "?limit_rows=5&limit_offset=0&USER_LOGIN=a&USER_HASH=b"},
		{target: transactionsPath + "/?customer_id=" + strconv.FormatInt(bought.CustomerID, 10)},
		{target: transactionsPath + "?id=" + strconv.FormatInt(bought.ID, 10) + "&limit_rows=1&limit_offset=0"},
		{target: transactionsPath, body: `{"add":[{"customer_id":CUSTOMER,"date":1,"price":"2","comment":"x","next_date":3,
			"next_price":4,"elements":{"5":{"6":7}}}],"update":[{"transaction_id":"TRANSACTION","comment":""}],"delete":[]}`},
		{target: commentPath + "/", body: `{"update":{"250":{"transaction_id":TRANSACTION,"comment":"x"}}}`},
		{target: periodsPath + "/"},
		{target: periodsPath, body: periodsWith(`{"id":"112801","period":"5","color":"#FFfd7f","sort":"1"},` + newPeriods(7))},
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
