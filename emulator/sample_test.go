package emulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// difference is a value of a documented answer that the emulator answers otherwise.
type difference struct{ Documented, Answered any }

// TestDocumentedSamples puts the emulator into the state a documented sample implies, sends the sample's request and
// compares the answer with the documented one. Only the differences named here are allowed, and all of them must be
// there: one that is no longer needed fails the test.
func TestDocumentedSamples(t *testing.T) {
	// What the documents print where recordings show something else is behind switches.
	asDocumented := Config{EnumAsText: true, RequestIDAlways: true}
	const created = "/api/v2/customers?filter[date][type]=create&filter[date][from]=10.10.2017"
	// The document asks for customer 46879 and answers purchases of 466791.
	const purchases = transactionsPath + "?limit_rows=50&customer_id=466791"
	for _, test := range []struct {
		name    string
		config  Config
		method  string
		target  string
		request string
		reply   string
		slips   map[string]difference
	}{
		{
			name: "add", config: asDocumented, method: http.MethodPost, target: "/api/v2/customers",
			request: "customers_add_request", reply: "customers_add_reply",
		},
		{
			name: "add as recorded", method: http.MethodPost, target: "/api/v2/customers",
			request: "customers_add_request", reply: "customers_add_reply",
			slips: map[string]difference{
				// Recorded answers carry a request_id only when the client sent one.
				"/_embedded/items/0/request_id": {Documented: 0.0},
			},
		},
		{
			name: "update", config: asDocumented, method: http.MethodPost, target: "/api/v2/customers",
			request: "customers_update_request", reply: "customers_update_reply",
		},
		{
			name: "update as recorded", method: http.MethodPost, target: "/api/v2/customers",
			request: "customers_update_request", reply: "customers_update_reply",
			slips: map[string]difference{
				"/_embedded/items/0/request_id": {Documented: 466791.0},
			},
		},
		{
			name: "delete", config: asDocumented, method: http.MethodPost, target: "/api/v2/customers",
			request: "customers_delete_request", reply: "customers_delete_reply",
			slips: map[string]difference{
				// The document deletes 466812 and 466811 and answers two ids nobody sent.
				"/_embedded/items/deleted/0/id": {Documented: 466815.0, Answered: 466812.0},
				"/_embedded/items/deleted/1/id": {Documented: 466816.0, Answered: 466811.0},
			},
		},
		{
			name: "list", config: asDocumented, method: http.MethodGet, target: created, reply: "customers_list_reply",
			slips: map[string]difference{
				// The answer's own link repeats the query; the document left it out.
				"/_links/self/href": {Documented: "/api/v2/customers", Answered: created},
			},
		},
		{
			name: "list as recorded", method: http.MethodGet, target: created, reply: "customers_list_reply",
			slips: map[string]difference{
				"/_links/self/href": {Documented: "/api/v2/customers", Answered: created},
				// Enums are numbers in recorded answers.
				"/_embedded/items/0/custom_fields/1/values/0/enum": {Documented: "3692471", Answered: 3692471.0},
				"/_embedded/items/0/custom_fields/1/values/1/enum": {Documented: "3692472", Answered: 3692472.0},
				"/_embedded/items/0/custom_fields/1/values/2/enum": {Documented: "3692473", Answered: 3692473.0},
			},
		},
		{
			name: "add a transaction", method: http.MethodPost, target: transactionsPath,
			request: "transactions_add_request", reply: "transactions_add_reply",
		},
		{
			name: "comment on a transaction", method: http.MethodPost, target: transactionsPath + "/",
			request: "transactions_comment_request", reply: "transactions_comment_reply",
		},
		{
			name: "comment at its own path", method: http.MethodPost, target: commentPath,
			request: "transactions_comment_request", reply: "transactions_comment_reply",
			slips: map[string]difference{ // the document does not know the path
				"/_links/self/href": {Documented: transactionsPath, Answered: commentPath},
			},
		},
		{
			name: "list transactions", method: http.MethodGet, target: purchases, reply: "transactions_list_reply",
			slips: map[string]difference{
				"/_links/self/href": {Documented: transactionsPath, Answered: purchases},
			},
		},
		{
			name: "list periods", method: http.MethodGet, target: periodsPath, reply: "periods_list_reply",
		},
		{
			name: "replace periods", method: http.MethodPost, target: periodsPath,
			request: "periods_update_request", reply: "periods_update_reply",
			slips: map[string]difference{
				// The document changes period 15563 and answers another one, with other values.
				"/_embedded/items/0/id":        {Documented: 112805.0, Answered: 15563.0},
				"/_embedded/items/0/period":    {Documented: 60.0, Answered: 5.0},
				"/_embedded/items/0/after_buy": {Documented: 60.0, Answered: 5.0},
				"/_embedded/items/0/color":     {Documented: "#fd5598", Answered: "#000000"},
				"/_embedded/items/0/sort":      {Documented: 0.0, Answered: 1.0},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := documentedAccount(t, test.config, test.reply)
			body := ""
			if test.request != "" {
				body = readFile(t, "testdata/"+test.request+".json")
			}
			a := ask(t, e, test.method, test.target, body, "Content-Type", "application/json")
			if a.status != http.StatusOK {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			if got := a.header.Get("Content-Type"); got != "application/hal+json" {
				t.Errorf("Content-Type = %q", got)
			}
			got := differences(flatten(t, readFile(t, "testdata/"+test.reply+".json")), flatten(t, a.body))
			want := test.slips
			if want == nil {
				want = map[string]difference{}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("differences from the document (-named +found):\n%s", diff)
			}
		})
	}
}

// TestDocumentedWritesAreStored reads back what the documented add and update wrote.
func TestDocumentedWritesAreStored(t *testing.T) {
	e := documentedAccount(t, Config{}, "customers_add_reply")
	ask(t, e, http.MethodPost, "/api/v2/customers", readFile(t, "testdata/customers_add_request.json"))
	got, ok := e.Customer(466812)
	if !ok {
		t.Fatal("the added customer is not there")
	}
	want := Customer{
		ID: 466812, Name: "Ecosports LLC", ResponsibleUserID: 504141, CreatedBy: 504141, UpdatedBy: 504141,
		CreatedAt: 1508533200, UpdatedAt: got.UpdatedAt, MainContactID: 496531, ContactIDs: []int64{496531},
		CompanyID: 475621, NextPrice: 5000, PeriodID: 15489654, Periodicity: 7, NextDate: 1508878800,
		Tags: []Tag{{61871, "sales"}, {61872, "markers"}},
		CustomFields: []CustomField{
			{4400017, []FieldValue{{Value: "A very important customer"}}},
			{4400021, []FieldValue{{Value: "3", Enum: 3692471}, {Value: "4", Enum: 3692472}}},
			{4399655, []FieldValue{
				{Value: "Madison st, 1", Subtype: "address_line_1"},
				{Value: "Washington", Subtype: "city"},
				{Value: "20011", Subtype: "zip"},
				{Value: "US", Subtype: "country"},
			}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stored customer (-want +got):\n%s", diff)
	}
}

// TestDocumentedTransactionsAreStored reads back what the documented add, comment and delete do.
func TestDocumentedTransactionsAreStored(t *testing.T) {
	e := documentedAccount(t, Config{}, "transactions_add_reply")
	ask(t, e, http.MethodPost, transactionsPath, readFile(t, "testdata/transactions_add_request.json"))
	ask(t, e, http.MethodPost, transactionsPath, readFile(t, "testdata/transactions_comment_request.json"))
	got, ok := e.Transaction(5396)
	if !ok {
		t.Fatal("the added transaction is not there")
	}
	want := Transaction{
		ID: 5396, CustomerID: 466791, CreatedBy: 504141, UpdatedBy: 504141, CreatedAt: got.CreatedAt,
		UpdatedAt: got.CreatedAt, Date: 1507582800, Price: 15000, Comment: "Draw up a contract",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stored transaction (-want +got):\n%s", diff)
	}
	if cu := stored(t, e, 466791); cu.NextDate != 1508878800 || cu.NextPrice != 20000 {
		t.Errorf("the customer's plan is %d on %d", cu.NextPrice, cu.NextDate)
	}
	mustPurchase(t, e, Transaction{ID: 4588, CustomerID: 466791})
	a := ask(t, e, http.MethodPost, transactionsPath, readFile(t, "testdata/transactions_delete_request.json"))
	if diff := cmp.Diff(map[string]any{"items": map[string]any{"deleted": []any{map[string]any{"id": 4588.0}}}}, embedded(t, a)); diff != "" {
		t.Errorf("answer to the documented delete (-want +got):\n%s", diff)
	}
	if _, ok := e.Transaction(4588); ok {
		t.Error("the deleted transaction is still there")
	}
}

// documentedAccount is the account of the vendor's customers reference, in the state before the sample of that answer.
func documentedAccount(t *testing.T, config Config, sample string) *Emulator {
	t.Helper()
	config.AccountID, config.UserID = 13667499, 504141
	e := open(t, config)
	for _, f := range []Field{
		{ID: 4400017, Name: "Remarks", Type: FieldText},
		{ID: 4400021, Name: "Multi-select", Type: FieldMultiselect, Enums: []Enum{
			{3692471, "3"}, {3692472, "4"}, {3692473, "5"},
		}},
		{ID: 4399655, Name: "Address", Type: FieldSmartAddress},
	} {
		if err := e.AddField(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, tag := range []Tag{{61869, "Sales"}, {61870, "Markers"}} {
		if err := e.AddTag(tag); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.AddCompany(1099180, "SpetsGorStroy LLC"); err != nil {
		t.Fatal(err)
	}
	switch sample {
	case "customers_add_reply":
		mustAdd(t, e, Customer{ID: 466811, Name: "Jennifer"})
	case "customers_delete_reply":
		mustAdd(t, e, Customer{ID: 466812, Name: "Elizabeth"})
		mustAdd(t, e, Customer{ID: 466811, Name: "Jennifer"})
	case "customers_update_reply":
		mustAdd(t, e, Customer{ID: 466791, Name: "Catherine", UpdatedAt: 1508500193})
	case "customers_list_reply":
		mustAdd(t, e, Customer{
			ID: 466791, Name: "Catherine", ResponsibleUserID: 504141, CreatedBy: 504141, UpdatedBy: 504141,
			CreatedAt: 1508500193, UpdatedAt: 1508659120, MainContactID: 1099181, ContactIDs: []int64{1099181},
			CompanyID: 1099180, Tags: []Tag{{61869, "Sales"}, {61870, "Markers"}},
			CustomFields: []CustomField{
				{4400017, []FieldValue{{Value: "Delayed payment"}}},
				{4400021, []FieldValue{
					{Value: "3", Enum: 3692471}, {Value: "4", Enum: 3692472}, {Value: "5", Enum: 3692473},
				}},
			},
			NextPrice: 1508706000, ClosestTaskAt: 1508705940, PeriodID: 112804, NextDate: 1508878800,
		})
	case "transactions_add_reply", "transactions_comment_reply":
		mustAdd(t, e, Customer{ID: 466791, Name: "Catherine"})
		id := int64(5396)
		if sample == "transactions_add_reply" {
			id--
		}
		mustPurchase(t, e, Transaction{ID: id, CustomerID: 466791})
	case "transactions_list_reply":
		mustAdd(t, e, Customer{ID: 466791, Name: "Catherine"})
		mustAdd(t, e, Customer{ID: 466792, Name: "Jennifer"})
		for _, p := range []Transaction{
			{ID: 5399, CustomerID: 466791, Price: 15000, CreatedAt: 1508665872, Date: 1507582800},
			{ID: 5400, CustomerID: 466791, Price: 55555, CreatedAt: 1508671514, Date: 1508360400},
			{ID: 5401, CustomerID: 466792, Price: 1, CreatedAt: 1508671515, Date: 1508360400},
		} {
			p.CreatedBy, p.UpdatedBy, p.UpdatedAt = 504141, 504141, p.CreatedAt
			mustPurchase(t, e, p)
		}
	case "periods_list_reply":
		mustSetPeriods(t, e,
			Period{ID: 112805, Kind: PeriodAfter, Days: 60, Color: "#fd5598"},
			Period{ID: 112815, Kind: PeriodBefore, Days: 5, Color: "#e6e8ea", Sort: 1})
	case "periods_update_reply":
		mustSetPeriods(t, e, Period{ID: 15563, Kind: PeriodAfter, Days: 60, Color: "#fd5598"})
	}
	return e
}

func flatten(t *testing.T, doc string) map[string]any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	flat := map[string]any{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			flat[path+"/"] = "object"
			for k, m := range v {
				walk(path+"/"+k, m)
			}
		case []any:
			flat[path+"/"] = "list"
			for i, m := range v {
				walk(path+"/"+strconv.Itoa(i), m)
			}
		default:
			flat[path] = v
		}
	}
	walk("", v)
	return flat
}

func differences(documented, answered map[string]any) map[string]difference {
	found := map[string]difference{}
	for path, want := range documented {
		if got := answered[path]; got != want {
			found[path] = difference{Documented: want, Answered: got}
		}
	}
	for path, got := range answered {
		if _, ok := documented[path]; !ok {
			found[path] = difference{Answered: got}
		}
	}
	return found
}
