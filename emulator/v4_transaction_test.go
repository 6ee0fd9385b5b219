package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// samples is the account of the samples.
func samples(config Config) Config {
	config.Subdomain, config.AccountID, config.UserID, config.Language = "north", 30123456, 612007, "en"
	return config
}

// sameJSON compares an answer with a sample in testdata.
func sameJSON(t *testing.T, a answered, status int, sample string) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	var want, got any
	if err := json.Unmarshal([]byte(readFile(t, "testdata/"+sample+".json")), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-sample +got):\n%s", diff)
	}
}

// violations returns what a 400 finds wrong, as "request_id code path".
func violations(t *testing.T, a answered) []string {
	t.Helper()
	var doc struct {
		Rows []struct {
			RequestID string `json:"request_id"`
			Errors    []struct{ Code, Path, Detail string }
		} `json:"validation-errors"`
		Status int
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	if a.status != http.StatusBadRequest || doc.Status != a.status {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	var all []string
	for _, r := range doc.Rows {
		for _, e := range r.Errors {
			if e.Detail == "" {
				t.Errorf("%s at %s has no detail", e.Code, e.Path)
			}
			all = append(all, r.RequestID+" "+e.Code+" "+e.Path)
		}
	}
	return all
}

// problemDetail returns the detail of an error, "" for anything else.
func problemDetail(a answered) string {
	var doc struct {
		Status int
		Detail string
	}
	if json.Unmarshal([]byte(a.body), &doc) != nil || doc.Status != a.status {
		return ""
	}
	return doc.Detail
}

// transactionsPage is a page of transactions as a client reads it.
type transactionsPage struct {
	Page     int `json:"_page"`
	Embedded struct {
		Transactions []struct {
			ID    int64
			Price int64
			Exact json.Number `json:"price_with_minor_units"`
		}
	} `json:"_embedded"`
	Links struct{ Next, Prev, First *struct{ Href string } } `json:"_links"`
}

func (p transactionsPage) ids() []int64 {
	ids := make([]int64, 0, len(p.Embedded.Transactions))
	for _, t := range p.Embedded.Transactions {
		ids = append(ids, t.ID)
	}
	return ids
}

func transactionsV4(t *testing.T, e *Emulator, target string) transactionsPage {
	t.Helper()
	a := ask(t, e, http.MethodGet, target, "")
	if a.status != http.StatusOK {
		t.Fatalf("%s: status %d: %s", target, a.status, a.body)
	}
	var page transactionsPage
	if err := json.Unmarshal([]byte(a.body), &page); err != nil {
		t.Fatal(err)
	}
	return page
}

// newTransaction is a row of the answer to new transactions.
type newTransaction struct {
	ID        int64
	RequestID string `json:"request_id"`
}

// newTransactions reads that answer.
func newTransactions(t *testing.T, a answered) []newTransaction {
	t.Helper()
	var doc struct {
		Embedded struct{ Transactions []newTransaction } `json:"_embedded"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	return doc.Embedded.Transactions
}

// buy sends one purchase and returns its id.
func buy(t *testing.T, e *Emulator, customer int64, query, row string) int64 {
	t.Helper()
	target := fmt.Sprintf("/api/v4/customers/%d/transactions%s", customer, query)
	rows := newTransactions(t, ask(t, e, http.MethodPost, target, "["+row+"]"))
	if len(rows) != 1 {
		t.Fatalf("answer %v", rows)
	}
	return rows[0].ID
}

func TestSampleOfTransactionsList(t *testing.T) {
	e := open(t, samples(Config{NoMinorUnits: true}))
	mustAdd(t, e, Customer{ID: 701244})
	mustPurchase(t, e, Transaction{
		ID: 9140011, CustomerID: 701244, CreatedAt: 1717405201, UpdatedAt: 1717405201, Date: 1717405200, Price: 4200,
		Comment: "June order", Elements: []CatalogElement{{CatalogID: 4521, ElementID: 20411, Quantity: 10}},
	})
	a := ask(t, e, http.MethodGet, "/api/v4/customers/701244/transactions?page=1&limit=50", "")
	sameJSON(t, a, http.StatusOK, "v4_transactions_list_reply")
	if got := a.header.Get("Content-Type"); got != "application/hal+json" {
		t.Errorf("type %q", got)
	}
	a = ask(t, e, http.MethodGet, "/api/v4/customers/701244/transactions?page=2&limit=50", "")
	sameJSON(t, a, http.StatusNotFound, "v4_transactions_empty_reply")
}

func TestSampleOfNewTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, samples(Config{}))
		mustAdd(t, e, Customer{ID: 701244, Name: "Bakery"})
		mustPurchase(t, e, Transaction{ID: 9140010, CustomerID: 701244, Price: 1}) // so that the sample's id comes next
		target := "/api/v4/customers/701244/transactions?accrue_bonus=true"
		a := ask(t, e, http.MethodPost, target, readFile(t, "testdata/v4_transactions_add_request.json"))
		sameJSON(t, a, http.StatusOK, "v4_transactions_add_reply")

		now := time.Now().Unix()
		p, _ := e.Transaction(9140011)
		want := Transaction{
			ID: 9140011, CustomerID: 701244, CreatedAt: now, UpdatedAt: now, Date: 1717405200, Price: 4200,
			Comment: "June order", BonusPoints: 210,
			Elements: []CatalogElement{{CatalogID: 4521, ElementID: 20411, Quantity: 10}},
		}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		wantCustomer := Customer{
			ID: 701244, Name: "Bakery", UpdatedBy: 612007, UpdatedAt: now, NextPrice: 5000, NextDate: 1719781200, BonusPoints: 210,
		}
		c := stored(t, e, 701244)
		if c.UpdatedAt != now || c.NextPrice != 5000 || c.NextDate != 1719781200 || c.BonusPoints != 210 || c.UpdatedBy != 612007 {
			t.Errorf("customer (-want +got):\n%s", cmp.Diff(wantCustomer, c))
		}
		if s := e.Stats(); s.Added != 1 || s.ByOperation[OpV4TransactionsCreate] != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestDocumentedAnswerToNewTransactionsHasBareIDs(t *testing.T) {
	e := open(t, Config{DocumentedTransactions: true})
	mustAdd(t, e, Customer{ID: 7})
	mustPurchase(t, e, Transaction{ID: 100_000, CustomerID: 7})
	a := ask(t, e, http.MethodPost, "/api/v4/customers/7/transactions", `[{"price":1},{"price":2}]`)
	if want := `{"_total_items":2,"_embedded":{"customers":[{"id":100001},{"id":100002}]}}`; a.body != want {
		t.Errorf("got %s", a.body)
	}
}

// TestTransactionsArePagedByNumber walks a base whose lists v2 has in the other order, in both directions.
func TestTransactionsArePagedByNumber(t *testing.T) {
	for _, newest := range []bool{false, true} {
		for _, oldestFirst := range []bool{false, true} {
			e := open(t, Config{Customers: 40, NewestTransactionsFirst: newest, TransactionsOldestFirst: oldestFirst})
			mustPurchase(t, e, Transaction{CustomerID: list(t, e, "limit_rows=1")[0], Price: 3})
			e.DeleteTransaction(seedTransactions + 4)
			var want []int64
			for p := range e.Transactions() {
				want = append(want, p.ID)
			}
			slices.Sort(want)
			if newest {
				slices.Reverse(want)
			}
			for _, limit := range []int{1, 7, 50, 250} {
				var got []int64
				target := fmt.Sprintf("/api/v4/customers/transactions?limit=%d&page=", limit)
				pages := (len(want) + limit - 1) / limit
				for number := 1; number <= pages; number++ {
					page := transactionsV4(t, e, fmt.Sprint(target, number))
					if page.Page != number || page.Links.Next == nil || (page.Links.Prev != nil) != (number > 1) {
						t.Errorf("limit %d, page %d: %+v", limit, number, page.Links)
					}
					got = append(got, page.ids()...)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("newest %v, limit %d (-want +got):\n%s", newest, limit, diff)
				}
				if a := ask(t, e, http.MethodGet, fmt.Sprint(target, pages+1), ""); a.status != http.StatusNotFound {
					t.Errorf("behind the end: status %d", a.status)
				}
			}
		}
	}
}

func TestTransactionsAreFiltered(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7})
	mustAdd(t, e, Customer{ID: 8})
	for id := range int64(6) {
		mustPurchase(t, e, Transaction{ID: id + 1, CustomerID: 7 + id%2})
	}
	for target, want := range map[string][]int64{
		"transactions":                                      {1, 2, 3, 4, 5, 6},
		"transactions?filter[id]=4":                         {4},
		"transactions?filter[id][]=5&filter[id][]=2":        {2, 5},
		"transactions?filter[id][0]=5&filter[id][1]=99":     {5},
		"transactions?filter%5Bid%5D%5B%5D=6&limit=1":       {6},
		"transactions?limit=2&page=2":                       {3, 4},
		"transactions?limit=900":                            {1, 2, 3, 4, 5, 6},
		"7/transactions":                                    {1, 3, 5},
		"8/transactions?limit=2&page=2":                     {6},
		"8/transactions?filter[id][]=1&filter[id][]=2":      {2},
		"transactions?filter[id][]=1&filter[id][]=2&page=0": {1, 2},
	} {
		if diff := cmp.Diff(want, transactionsV4(t, e, "/api/v4/customers/"+target).ids()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
}

func TestNoTransactionsAre404(t *testing.T) {
	for _, test := range []struct {
		name, target string
		config       Config
		detail       string // of the 404, "" for 204
	}{
		{"nobody bought", "transactions", Config{}, noTransactionsDetail},
		{"the customer bought nothing", "7/transactions", Config{}, noTransactionsDetail},
		{"nobody has the id", "transactions?filter[id]=4", Config{}, noTransactionsDetail},
		{"there is no such customer", "9/transactions", Config{}, noTransactionsDetail},
		{"customers are off", "transactions", Config{CustomersMode: ModeDisabled}, noTransactionsDetail},
		{"customers are off, of one", "7/transactions", Config{CustomersMode: ModeDisabled}, noTransactionsDetail},
		{"switched to 204", "transactions", Config{NoTransactions204: true}, ""},
		{"one there is not", "transactions/4", Config{}, noTransactionDetail},
		{"one there is not, of a customer", "7/transactions/4", Config{}, noTransactionDetail},
		{"one there is not, switched to 204", "transactions/4", Config{Missing204: true}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, test.config)
			mustAdd(t, e, Customer{ID: 7})
			a := ask(t, e, http.MethodGet, "/api/v4/customers/"+test.target, "")
			if test.detail == "" {
				if a.status != http.StatusNoContent || a.body != "" {
					t.Errorf("status %d: %s", a.status, a.body)
				}
				return
			}
			if a.status != http.StatusNotFound || problemDetail(a) != test.detail {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if got := a.header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("type %q", got)
			}
		})
	}
}

func TestTransactionIsReadAtBothPaths(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7})
	mustAdd(t, e, Customer{ID: 8})
	mustPurchase(t, e, Transaction{ID: 4, CustomerID: 7, Price: 12, PriceThousandths: 500})
	const want = `"price":12,"price_with_minor_units":12.5,"comment":null,`
	all := ask(t, e, http.MethodGet, "/api/v4/customers/transactions/4", "")
	own := ask(t, e, http.MethodGet, "/api/v4/customers/7/transactions/4", "")
	if all.status != http.StatusOK || all.body != own.body || !strings.Contains(all.body, want) {
		t.Errorf("status %d: %s\n%s", all.status, all.body, own.body)
	}
	if strings.Contains(all.body, "catalog_elements") {
		t.Error("a purchase without elements lists some")
	}
	if a := ask(t, e, http.MethodGet, "/api/v4/customers/8/transactions/4", ""); a.status != http.StatusNotFound {
		t.Errorf("of another customer: status %d", a.status)
	}
}

func TestNewTransactionRefusals(t *testing.T) {
	for _, test := range []struct {
		name, body string
		config     Config
		want       []string
	}{
		{name: "no price", body: `[{"comment":"x"}]`, want: []string{"0 FieldMissing price"}},
		{name: "price as text", body: `[{"price":"5"}]`, want: []string{"0 InvalidType price"}},
		{name: "negative price", body: `[{"price":-5}]`, want: []string{"0 InvalidType price"}},
		{name: "fraction before 2026", body: `[{"price":5.5}]`, config: Config{NoMinorUnits: true}, want: []string{"0 InvalidType price"}},
		{name: "null price", body: `[{"price":null}]`, want: []string{"0 NotNullable price"}},
		{name: "comment that is a number", body: `[{"price":5,"comment":5}]`, want: []string{"0 InvalidType comment"}},
		{name: "time as text", body: `[{"price":5,"completed_at":"5"}]`, want: []string{"0 InvalidType completed_at"}},
		{name: "milliseconds", body: `[{"price":5,"next_date":1717405200000000}]`, want: []string{"0 InvalidType next_date"}},
		{
			name: "second row of two", body: `[{"price":5},{"request_id":"b","next_price":"1"}]`,
			want: []string{"b FieldMissing price", "b InvalidType next_price"},
		},
		{
			name: "nested key nobody knows", body: `[{"price":5,"_embedded":{"catalog_elements":[{"id":1,"metadata":{"catalog_id":2,"quantity":1,"price_id":3}}]}}]`,
			want: []string{"0 FieldNotExpected _embedded.catalog_elements.0.metadata.price_id"},
		},
		{
			name: "element without its catalogue", body: `[{"price":5,"_embedded":{"catalog_elements":[{"id":1,"metadata":{"quantity":1}}]}}]`,
			want: []string{"0 FieldMissing _embedded.catalog_elements.0.metadata.catalog_id"},
		},
		{
			name: "key nobody knows", body: `[{"price":5,"date":1}]`, config: Config{Strict: true},
			want: []string{"0 FieldNotExpected date"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, test.config)
			mustAdd(t, e, Customer{ID: 7})
			got := violations(t, ask(t, e, http.MethodPost, "/api/v4/customers/7/transactions", test.body))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if e.CountTransactions() != 0 {
				t.Error("something was stored")
			}
		})
	}
}

func TestNewTransactionIsRefusedWhole(t *testing.T) {
	many := "[" + strings.Repeat(`{"price":1},`, v4MaxBatch) + `{"price":1}]`
	for _, test := range []struct {
		name, method, target, body string
		config                     Config
		status                     int
		detail                     string
	}{
		{"nothing", http.MethodPost, "7/transactions", "", Config{}, 400, emptyBodyDetail},
		{"one object", http.MethodPost, "7/transactions", `{"price":1}`, Config{}, 400, invalidBodyDetail},
		{"too many", http.MethodPost, "7/transactions", many, Config{}, 422, limitDetail},
		{"unknown customer", http.MethodPost, "9/transactions", `[{"price":1}]`, Config{}, 404, noCustomerDetail},
		{"unknown customer as 400", http.MethodPost, "9/transactions", `[{"price":1}]`, Config{UnknownCustomer400: true}, 400, validationDetail},
		{"customers off", http.MethodPost, "7/transactions", `[{"price":1}]`, Config{CustomersMode: ModeDisabled}, 400, "Error 426."},
		{"without a customer", http.MethodPost, "transactions", `[{"price":1}]`, Config{}, 405, "Method Not Allowed"},
		{"a change", http.MethodPatch, "7/transactions", `[{"id":4,"price":1}]`, Config{}, 405, "Method Not Allowed"},
		{"a change of one", http.MethodPatch, "7/transactions/4", `{"price":1}`, Config{}, 405, "Method Not Allowed"},
		{"unknown one deleted", http.MethodDelete, "transactions/5", "", Config{}, 404, noTransactionDetail},
		{"another customer's deleted", http.MethodDelete, "8/transactions/4", "", Config{}, 404, noTransactionDetail},
		{"deleted while off", http.MethodDelete, "transactions/4", "", Config{CustomersMode: ModeDisabled}, 400, "Error 426."},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, test.config)
			mustAdd(t, e, Customer{ID: 7})
			mustAdd(t, e, Customer{ID: 8})
			mustPurchase(t, e, Transaction{ID: 4, CustomerID: 7})
			a := ask(t, e, test.method, "/api/v4/customers/"+test.target, test.body)
			if a.status != test.status || problemDetail(a) != test.detail {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if e.CountTransactions() != 1 {
				t.Error("something was changed")
			}
		})
	}
}

// TestTransactionsOfBothGenerationsAreOneState writes through one and reads through the other.
func TestTransactionsOfBothGenerationsAreOneState(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7, UpdatedAt: 5})
	id := buy(t, e, 7, "", `{"price":99999999.999,"next_price":10.5,"comment":"x"}`)
	v2 := ask(t, e, http.MethodGet, fmt.Sprintf("%s?id=%d", transactionsPath, id), "")
	if !strings.Contains(v2.body, `"comment":"x","price":99999999,`) {
		t.Errorf("v2 shows %s", v2.body)
	}
	if a := ask(t, e, http.MethodGet, "/api/v2/customers?id=7", ""); !strings.Contains(a.body, `"next_price":10,`) {
		t.Errorf("v2 shows %s", a.body)
	}
	page := transactionsV4(t, e, "/api/v4/customers/7/transactions")
	if got := page.Embedded.Transactions[0]; got.Price != 99999999 || got.Exact != "99999999.999" {
		t.Errorf("v4 shows %+v", got)
	}
	a := ask(t, e, http.MethodPost, transactionsPath, `{"add":[{"customer_id":7,"price":3,"next_price":20}]}`)
	if a.status != http.StatusOK {
		t.Fatal(a.body)
	}
	if c := stored(t, e, 7); c.NextPrice != 20 || c.NextPriceThousandths != 0 {
		t.Errorf("planned %d and %d thousandths", c.NextPrice, c.NextPriceThousandths)
	}
	if got := e.customers.purchases.totalsOf(7); got.purchases != 2 || got.sum != (amount{100000002, 999}) || got.average() != (amount{50000001, 499}) {
		t.Errorf("totals %+v, on average %v", got, got.average())
	}
	comment := ask(t, e, http.MethodPost, commentPath, fmt.Sprintf(`{"update":[{"transaction_id":%d,"comment":"y"}]}`, id))
	one := ask(t, e, http.MethodGet, fmt.Sprintf("/api/v4/customers/transactions/%d", id), "")
	if comment.status != http.StatusOK || !strings.Contains(one.body, `"price_with_minor_units":99999999.999,"comment":"y"`) {
		t.Errorf("%s\n%s", comment.body, one.body)
	}
	if a := ask(t, e, http.MethodDelete, fmt.Sprintf("/api/v4/customers/7/transactions/%d", id), ""); a.status != http.StatusNoContent || a.body != "" {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if got := listOf(t, e, transactionsPath, "customer_id=7"); len(got) != 1 || got[0] == id {
		t.Errorf("v2 lists %v", got)
	}
	if got := e.customers.purchases.totalsOf(7); got.purchases != 1 || got.sum != (amount{3, 0}) {
		t.Errorf("totals %+v", got)
	}
	if s := e.Stats(); s.Added != 2 || s.Deleted != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestPurchaseChangesItsCustomer(t *testing.T) {
	const row = `{"price":150.5,"next_date":1717405200,"next_price":7.25}`
	for _, test := range []struct {
		name, query string
		config      Config
		want        Customer
	}{
		{"as sent", "", Config{}, Customer{NextDate: 1717405200, NextPrice: 7, NextPriceThousandths: 250, PeriodID: 2}},
		{"without the plan", "", Config{PurchaseLeavesPlan: true}, Customer{PeriodID: 2}},
		{
			"with points", "?accrue_bonus=true",
			Config{PurchaseLeavesPlan: true},
			Customer{PeriodID: 2, BonusPoints: 7},
		},
		{
			"with more points", "?accrue_bonus=1",
			Config{PurchaseLeavesPlan: true, BonusPercent: 10},
			Customer{PeriodID: 2, BonusPoints: 15},
		},
		{"without points", "?accrue_bonus=false", Config{PurchaseLeavesPlan: true}, Customer{PeriodID: 2}},
		{"points switched off", "?accrue_bonus=true", Config{PurchaseLeavesPlan: true, BonusPercent: -1}, Customer{PeriodID: 2}},
		{"no loyalty cards", "?accrue_bonus=true", Config{PurchaseLeavesPlan: true, NoLoyalty: true}, Customer{PeriodID: 2}},
		{
			"to another status", "",
			Config{PurchaseLeavesPlan: true, PurchaseMovesStatus: true},
			Customer{PeriodID: systemStatuses[StatusBoughtRecently].ID},
		},
		{
			"no status in segments", "",
			Config{PurchaseLeavesPlan: true, PurchaseMovesStatus: true, Segments: true},
			Customer{PeriodID: 2},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := open(t, test.config)
				mustAdd(t, e, Customer{ID: 7, PeriodID: 2})
				id := buy(t, e, 7, test.query, row)
				want := test.want
				want.ID, want.UpdatedAt, want.UpdatedBy = 7, time.Now().Unix(), e.config.UserID
				if diff := cmp.Diff(want, stored(t, e, 7)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if !e.DeleteTransaction(id) || stored(t, e, 7).BonusPoints != 0 {
					t.Error("the points stay without the purchase")
				}
			})
		})
	}
}

func TestAccrueBonusMustBeTrueOrFalse(t *testing.T) {
	for _, test := range []struct {
		strict bool
		status int
	}{{false, http.StatusOK}, {true, http.StatusBadRequest}} {
		e := open(t, Config{Strict: test.strict})
		mustAdd(t, e, Customer{ID: 7})
		a := ask(t, e, http.MethodPost, "/api/v4/customers/7/transactions?accrue_bonus=yes", `[{"price":1}]`)
		if a.status != test.status {
			t.Errorf("strict %v: status %d: %s", test.strict, a.status, a.body)
		}
	}
}

// TestRowsOfOneCallAddUp sends purchases that each change the customer.
func TestRowsOfOneCallAddUp(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7})
	body := "[" + strings.Repeat(`{"price":100},`, 249) + `{"price":100,"next_price":1}]`
	a := ask(t, e, http.MethodPost, "/api/v4/customers/7/transactions?accrue_bonus=true", body)
	rows := newTransactions(t, a)
	for i, r := range rows {
		if r.RequestID != strconv.Itoa(i) {
			t.Errorf("row %d has request_id %q", i, r.RequestID)
		}
	}
	if c := stored(t, e, 7); len(rows) != 250 || c.BonusPoints != 1250 || c.NextPrice != 1 {
		t.Errorf("%d rows, customer %+v", len(rows), c)
	}
}

func TestPurchasesAtTheSameTimeAllCount(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 10 {
				r := newRequest(t, http.MethodPost, "/api/v4/customers/7/transactions?accrue_bonus=true", `[{"price":100.5}]`)
				if i%2 == 1 {
					r = newRequest(t, http.MethodPost, transactionsPath, `{"add":[{"customer_id":7,"price":100}]}`)
				}
				r.Header.Set("Authorization", "Bearer "+DefaultToken)
				resp, err := e.Transport().RoundTrip(r)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%v %v", resp, err)
					return
				}
				if err := resp.Body.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := e.customers.purchases.totalsOf(7); got.purchases != 80 || got.sum != (amount{8020, 0}) {
		t.Errorf("totals %+v", got)
	}
	if got := stored(t, e, 7).BonusPoints; got != 200 {
		t.Errorf("%d points", got)
	}
}

// TestFaultsReachTransactionsOfV4 lets a list fail as lists of v2 can.
func TestFaultsReachTransactionsOfV4(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7})
	for id := range int64(4) {
		mustPurchase(t, e, Transaction{ID: id + 1, CustomerID: 7})
	}
	for _, test := range []struct {
		action Action
		query  string
		want   []int64
	}{
		{Action{Duplicate: 1}, "limit=2", []int64{1, 1, 2}},
		{Action{Shift: 1}, "limit=2", []int64{2, 3}},
		{Action{Endless: true}, "limit=2&page=9", []int64{1, 2}},
	} {
		e.ClearFaults()
		if err := e.Script(Rule{Match: Match{Operation: OpV4TransactionsList}, Action: test.action}); err != nil {
			t.Fatal(err)
		}
		got := transactionsV4(t, e, "/api/v4/customers/transactions?"+test.query).ids()
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.action, diff)
		}
	}
}
