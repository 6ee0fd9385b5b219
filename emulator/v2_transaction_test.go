package emulator

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// shop is an account with two customers and four purchases.
func shop(t *testing.T, config Config) *Emulator {
	t.Helper()
	e := open(t, config)
	mustAdd(t, e, Customer{ID: 1, Name: "A", UpdatedAt: 1000, NextDate: 10, NextPrice: 20})
	mustAdd(t, e, Customer{ID: 2, Name: "B", UpdatedAt: 1000})
	for _, p := range []Transaction{
		{ID: 11, CustomerID: 1, Price: 100, Date: 500, CreatedAt: 600, UpdatedAt: 600, Comment: "first"},
		{ID: 12, CustomerID: 2, Price: 200, Date: 400, CreatedAt: 700, UpdatedAt: 700},
		{ID: 13, CustomerID: 1, Price: 300, Date: 300, CreatedAt: 800, UpdatedAt: 800},
		{ID: 14, CustomerID: 1, Price: 400, Date: 200, CreatedAt: 900, UpdatedAt: 900},
	} {
		mustPurchase(t, e, p)
	}
	return e
}

// purchase sends a write of transactions.
func purchase(t *testing.T, e *Emulator, body string) answered {
	t.Helper()
	a := ask(t, e, http.MethodPost, transactionsPath, body, "Content-Type", "application/json")
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	return a
}

func bought(t *testing.T, e *Emulator, id int64) Transaction {
	t.Helper()
	p, ok := e.Transaction(id)
	if !ok {
		t.Fatalf("no transaction %d", id)
	}
	return p
}

func TestTransactionParameters(t *testing.T) {
	all := []int64{14, 13, 12, 11}
	for query, want := range map[string][]int64{
		"":                                          all,
		"limit_rows=2":                              {14, 13},
		"limit_rows=2&limit_offset=1":               {13, 12},
		"limit_rows=2&limit_offset=3":               {11},
		"limit_rows=2&limit_offset=4":               nil,
		"limit_rows=2&limit_offset=99999999999":     nil,
		"limit_offset=3":                            all,
		"limit_rows=0&limit_offset=3":               all,
		"limit_rows=100000":                         all,
		"page=2":                                    all,
		"customer_id=1":                             {14, 13, 11},
		"customer_id=1&limit_rows=1":                {14},
		"customer_id=1&limit_rows=2&limit_offset=1": {13, 11},
		"customer_id=1&limit_rows=2&limit_offset=3": nil,
		"customer_id=1&limit_rows=2&limit_offset=9": nil,
		"customer_id=3":                             nil,
		"customer_id=":                              all,
		"customer_id=A":                             all,
		"customer_id=1,2":                           all,
		"id=12":                                     {12},
		"id=11,14,11":                               {14, 11},
		"id[]=11&id[]=12":                           {12, 11},
		"id=99":                                     nil,
		"id=99,12":                                  {12},
		"id=x":                                      nil,
		"id=12&customer_id=1":                       {12},
		"id=12&limit_rows=1&limit_offset=1":         {12},
	} {
		if diff := cmp.Diff(want, listOf(t, shop(t, Config{}), transactionsPath, query)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
		want = slices.Clone(want)
		slices.Reverse(want)
		if strings.Contains(query, "limit_rows") {
			continue
		}
		if diff := cmp.Diff(want, listOf(t, shop(t, Config{TransactionsOldestFirst: true}), transactionsPath, query)); diff != "" {
			t.Errorf("%q, oldest first (-want +got):\n%s", query, diff)
		}
	}
}

func TestCustomerNarrowsIDsBySwitch(t *testing.T) {
	for query, want := range map[string][]int64{
		"id=11,12,14&customer_id=1": {14, 11},
		"id=12&customer_id=1":       nil,
		"id=11,12":                  {12, 11},
	} {
		if diff := cmp.Diff(want, listOf(t, shop(t, Config{CustomerNarrowsIDs: true, Strict: true}), transactionsPath, query)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
}

func TestUnknownTransactionsOfADeleteAreToldBySwitch(t *testing.T) {
	a := purchase(t, shop(t, Config{DeleteTellsUnknown: true}), `{"delete":[99,13]}`)
	if !strings.Contains(a.body, `"items":{"deleted":[{"id":13}]},"errors":{"delete":{"99":"Transaction is not found"}}`) {
		t.Errorf("%s", a.body)
	}
}

func TestAddedTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		for _, test := range []struct {
			name, item string
			config     Config
			want       Transaction
			plan       [3]int64 // next date, next price, updated at
		}{
			{
				name: "smallest", item: `{"customer_id":1,"price":5}`,
				want: Transaction{Price: 5, Date: now}, plan: [3]int64{10, 20, 1000},
			},
			{
				name: "everything", item: `{"customer_id":"1","price":"5","date":"7","comment":"x","next_date":"8",
					"next_price":"9","elements":{"3":{"4":2}}}`,
				want: Transaction{
					Price: 5, Date: 7, Comment: "x",
					Elements: []CatalogElement{{CatalogID: 3, ElementID: 4, Quantity: 2}},
				},
				plan: [3]int64{8, 9, now},
			},
			{
				name: "planned price alone", item: `{"customer_id":1,"price":0,"next_price":0}`,
				want: Transaction{Date: now}, plan: [3]int64{10, 0, now},
			},
			{
				name: "planned date emptied", item: `{"customer_id":1,"price":5,"next_date":0}`,
				want: Transaction{Price: 5, Date: now}, plan: [3]int64{10, 20, 1000},
			},
			{
				name: "plan left alone by switch", item: `{"customer_id":1,"price":5,"next_date":8,"next_price":9}`,
				config: Config{PurchaseLeavesPlan: true},
				want:   Transaction{Price: 5, Date: now}, plan: [3]int64{10, 20, 1000},
			},
		} {
			e := shop(t, test.config)
			a := purchase(t, e, `{"add":[`+test.item+`],"update":[],"delete":[]}`)
			want := test.want
			want.ID, want.CustomerID, want.CreatedBy, want.UpdatedBy, want.CreatedAt, want.UpdatedAt = 5000, 1, 7204833, 7204833, now, now
			items := embedded(t, a)["items"]
			if want := []any{itemOf(want.ID)}; !cmp.Equal(want, items) {
				t.Errorf("%s: %s", test.name, a.body)
			}
			ids := listOf(t, e, transactionsPath, "customer_id=1&limit_rows=1")
			if diff := cmp.Diff(want, bought(t, e, ids[0])); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
			cu := stored(t, e, 1)
			if plan := [3]int64{cu.NextDate, cu.NextPrice, cu.UpdatedAt}; plan != test.plan {
				t.Errorf("%s: the customer's next date, price and update are %v, want %v", test.name, plan, test.plan)
			}
		}
	})
}

func itemOf(id int64) any {
	href := fmt.Sprintf("/api/v2/transactions?id=%d", id)
	return map[string]any{"id": float64(id), "_links": map[string]any{"self": map[string]any{"href": href, "method": "get"}}}
}

// TestPurchaseIsNewsOfItsCustomer: whoever reads customers by update time must meet the one whose plan changed, even
// when the stored time is ahead of the clock.
func TestPurchaseIsNewsOfItsCustomer(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 1, UpdatedAt: 4_000_000_000})
	purchase(t, e, `{"add":[{"customer_id":1,"price":5,"next_price":6}]}`)
	if got := stored(t, e, 1); got.UpdatedAt != 4_000_000_001 || got.UpdatedBy != 7204833 {
		t.Errorf("updated at %d by %d", got.UpdatedAt, got.UpdatedBy)
	}
}

func TestRefusedTransactionsAreToldBesideTheOthers(t *testing.T) {
	e := shop(t, Config{})
	a := purchase(t, e, `{"add":[{"price":5},{"customer_id":1,"price":5},{"customer_id":1},{"customer_id":99,"price":5}],
		"update":[{"transaction_id":11,"comment":"x"},{"transaction_id":12},{"transaction_id":98,"comment":"x"}],
		"delete":[13,97]}`)
	want := map[string]any{
		"items": map[string]any{
			"0": itemOf(5000), "1": itemOf(11), "deleted": []any{map[string]any{"id": 13.0}},
		},
		"errors": map[string]any{
			"add": []any{
				map[string]any{"code": 400.0, "message": "Field customer_id is required"},
				map[string]any{"code": 400.0, "message": "Field price is required"},
				map[string]any{"code": 404.0, "message": "Customer is not found"},
			},
			"update": map[string]any{"12": "Field comment is required", "98": "Transaction is not found"},
		},
	}
	if diff := cmp.Diff(want, embedded(t, a)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s := e.Stats()
	if s.Added != 1 || s.Updated != 1 || s.Deleted != 1 || s.ItemErrors != 5 || s.ByOperation[OpTransactionsWrite] != 1 {
		t.Errorf("stats %+v", s)
	}
	if got := e.CountTransactions(); got != 4 {
		t.Errorf("%d transactions", got)
	}
}

func TestCommentIsAllThatChanges(t *testing.T) {
	for _, path := range []string{transactionsPath, transactionsPath + "/", commentPath, commentPath + "/"} {
		for _, test := range []struct {
			name, item, contentType string
			config                  Config
			want                    string
		}{
			{"text", `{"update":[{"transaction_id":11,"comment":"second"}]}`, "application/json", Config{}, "second"},
			{"emptied", `{"update":[{"transaction_id":"11","comment":""}]}`, "application/json", Config{}, ""},
			{"price and date are ignored", `{"update":[{"transaction_id":11,"comment":"x","price":9,"date":9}]}`, "application/json", Config{}, "x"},
			{"form", "update[0][transaction_id]=11&update[0][comment]=a+b", form, Config{}, "a b"},
			{"other spelling", `{"update":[{"transaction_id":11,"comments":"x"}]}`, "application/json", Config{}, "first"},
			{"other spelling by switch", `{"update":[{"transaction_id":11,"comments":"x"}]}`, "application/json", Config{CommentsAlias: true}, "x"},
			{"both by switch", `{"update":[{"transaction_id":11,"comment":"y","comments":"x"}]}`, "application/json", Config{CommentsAlias: true}, "y"},
		} {
			e := shop(t, test.config)
			want := bought(t, e, 11)
			want.Comment = test.want
			a := ask(t, e, http.MethodPost, path, test.item, "Content-Type", test.contentType)
			refused := strings.Contains(a.body, "Field comment is required")
			if a.status != http.StatusOK || refused != (test.want == "first") {
				t.Errorf("%s %s: status %d: %s", path, test.name, a.status, a.body)
			}
			if diff := cmp.Diff(want, bought(t, e, 11)); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", path, test.name, diff)
			}
			if got := stored(t, e, 1).UpdatedAt; got != 1000 {
				t.Errorf("%s %s: the customer was updated at %d", path, test.name, got)
			}
		}
	}
}

func TestShapesOfDeletedTransactions(t *testing.T) {
	for _, test := range []struct {
		style DeletedStyle
		items string
	}{
		{DeletedList, `{"deleted":[{"id":13},{"id":11}]}`},
		{DeletedMap, `{"deleted":{"13":{"id":13,"date":300,"price":300,"customer_id":1},"11":{"id":11,"date":500,"price":100,"customer_id":1}}}`},
		{DeletedItems, `[{"id":13,"_links":{"self":{"href":"\/api\/v2\/transactions?id=13","method":"get"}}},` +
			`{"id":11,"_links":{"self":{"href":"\/api\/v2\/transactions?id=11","method":"get"}}}]`},
	} {
		e := shop(t, Config{TransactionsDeleted: test.style})
		a := purchase(t, e, `{"delete":["13",99,11,13]}`)
		if !strings.Contains(a.body, `"_embedded":{"items":`+test.items+`}`) {
			t.Errorf("style %d: %s", test.style, a.body)
		}
		if got := listOf(t, e, transactionsPath, "id=11,12,13"); !slices.Equal(got, []int64{12}) {
			t.Errorf("style %d: left %v", test.style, got)
		}
		if a := purchase(t, e, `{"update":[{"transaction_id":13,"comment":"x"}]}`); !strings.Contains(a.body, "not found") {
			t.Errorf("style %d: a deleted transaction took a comment: %s", test.style, a.body)
		}
	}
	a := purchase(t, shop(t, Config{TransactionsDeleted: DeletedMap}), `{"delete":[99]}`)
	if !strings.Contains(a.body, `"items":{"deleted":[]}`) {
		t.Errorf("nothing deleted: %s", a.body)
	}
}

func TestDeletedCustomerTakesItsTransactions(t *testing.T) {
	for name, remove := range map[string]func(t *testing.T, e *Emulator, id int64){
		"by request": func(t *testing.T, e *Emulator, id int64) {
			t.Helper()
			write(t, e, fmt.Sprintf(`{"delete":[%d]}`, id))
		},
		"directly": func(t *testing.T, e *Emulator, id int64) {
			t.Helper()
			if !e.DeleteCustomer(id) {
				t.Fatalf("no customer %d", id)
			}
		},
	} {
		e := open(t, Config{Customers: 100})
		var seeded Transaction
		for seeded = range e.Transactions() {
			break
		}
		added := mustPurchase(t, e, Transaction{CustomerID: seeded.CustomerID})
		own := listOf(t, e, transactionsPath, fmt.Sprint("customer_id=", seeded.CustomerID))
		before := e.CountTransactions()
		remove(t, e, seeded.CustomerID)
		if got := e.CountTransactions(); got != before-len(own) || len(own) < 2 {
			t.Errorf("%s: %d of %d left, %d were the customer's", name, got, before, len(own))
		}
		for _, query := range []string{
			fmt.Sprint("customer_id=", seeded.CustomerID), fmt.Sprintf("id=%d,%d", seeded.ID, added.ID),
		} {
			if got := listOf(t, e, transactionsPath, query); got != nil {
				t.Errorf("%s: %s finds %v", name, query, got)
			}
		}
		for p := range e.Transactions() {
			if p.CustomerID == seeded.CustomerID {
				t.Errorf("%s: transaction %d is listed", name, p.ID)
			}
		}
		a := purchase(t, e, fmt.Sprintf(`{"add":[{"customer_id":%d,"price":1}]}`, seeded.CustomerID))
		if !strings.Contains(a.body, "Customer is not found") {
			t.Errorf("%s: bought all the same: %s", name, a.body)
		}
	}
}

func TestChangedCustomerKeepsItsTransactions(t *testing.T) {
	e := open(t, Config{Customers: 100})
	for p := range e.Transactions() {
		query := fmt.Sprint("customer_id=", p.CustomerID)
		before := listOf(t, e, transactionsPath, query)
		if err := e.UpdateCustomer(p.CustomerID, func(c *Customer) { c.Name = "new" }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, listOf(t, e, transactionsPath, query)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
		break
	}
}

func TestListOfTransactionIDsHoldsFiveHundred(t *testing.T) {
	e := open(t, Config{Customers: 600})
	var ids []string
	for p := range e.Transactions() {
		ids = append(ids, digits(p.ID))
	}
	if got := len(listOf(t, e, transactionsPath, "id="+strings.Join(ids, ","))); got != 500 {
		t.Errorf("%d rows for %d ids", got, len(ids))
	}
}

// TestTransactionsAgreeWithModel adds, comments and deletes at random and compares every list with a plain map.
func TestTransactionsAgreeWithModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		oldestFirst := rapid.Bool().Draw(rt, "oldest first")
		e, err := New(Config{
			Customers: rapid.IntRange(1, 60).Draw(rt, "customers"), Seed: rapid.Uint64().Draw(rt, "seed"),
			TransactionsOldestFirst: oldestFirst,
		})
		if err != nil {
			rt.Fatal(err)
		}
		model := map[int64]int64{} // customer by transaction
		for p := range e.Transactions() {
			model[p.ID] = p.CustomerID
		}
		var customers []int64
		for c := range e.Customers() {
			customers = append(customers, c.ID)
		}
		slices.Sort(customers)
		for range rapid.IntRange(0, 30).Draw(rt, "steps") {
			customer := rapid.SampledFrom(customers).Draw(rt, "customer")
			kind := rapid.IntRange(0, 9).Draw(rt, "kind")
			_, exists := e.Customer(customer)
			switch {
			case kind < 4:
				p, err := e.AddTransaction(Transaction{CustomerID: customer})
				if (err == nil) != exists {
					rt.Fatalf("buy for %d, which exists %v: %v", customer, exists, err)
				}
				if exists {
					model[p.ID] = customer
				}
			case kind < 9 && len(model) > 0:
				id := rapid.SampledFrom(slices.Sorted(maps.Keys(model))).Draw(rt, "transaction")
				if !e.DeleteTransaction(id) || e.DeleteTransaction(id) {
					rt.Fatalf("delete of %d", id)
				}
				delete(model, id)
			case kind == 9:
				e.DeleteCustomer(customer)
				maps.DeleteFunc(model, func(_, of int64) bool { return of == customer })
			}
		}
		want := slices.Sorted(maps.Keys(model))
		if !oldestFirst {
			slices.Reverse(want)
		}
		if got := e.CountTransactions(); got != len(want) {
			rt.Fatalf("%d transactions, want %d", got, len(want))
		}
		rows := rapid.IntRange(1, 9).Draw(rt, "rows")
		for offset := 0; offset <= len(want)+1; offset++ {
			page := e.customers.purchases.page(transactionQuery{rows: rows, offset: offset})
			if diff := cmp.Diff(want[min(offset, len(want)):min(offset+rows, len(want))], idsOf(page), cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("page at %d (-want +got):\n%s", offset, diff)
			}
		}
		for _, customer := range customers {
			own := slices.DeleteFunc(slices.Clone(want), func(id int64) bool { return model[id] != customer })
			page := e.customers.purchases.page(transactionQuery{customer: customer, rows: maxRows})
			if diff := cmp.Diff(own, idsOf(page), cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("transactions of %d (-want +got):\n%s", customer, diff)
			}
		}
	})
}

func idsOf(page []*Transaction) []int64 {
	ids := make([]int64, 0, len(page))
	for _, p := range page {
		ids = append(ids, p.ID)
	}
	return ids
}

func TestAddTransactionRefuses(t *testing.T) {
	e := shop(t, Config{})
	for name, p := range map[string]Transaction{
		"no customer":           {},
		"unknown customer":      {CustomerID: 99},
		"taken id":              {ID: 11, CustomerID: 1},
		"negative id":           {ID: -1, CustomerID: 1},
		"negative thousandths":  {CustomerID: 1, PriceThousandths: -1},
		"a unit in thousandths": {CustomerID: 1, PriceThousandths: 1000},
	} {
		if _, err := e.AddTransaction(p); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if e.CountTransactions() != 4 {
		t.Errorf("%d transactions", e.CountTransactions())
	}
	if p := mustPurchase(t, e, Transaction{CustomerID: 1, PriceThousandths: 999}); bought(t, e, p.ID).PriceThousandths != 999 {
		t.Errorf("stored %+v", p)
	}
}

func TestTransactionsOutsideCannotBeChanged(t *testing.T) {
	e := shop(t, Config{})
	elements := []CatalogElement{{CatalogID: 1, ElementID: 2, Quantity: 3}}
	p := mustPurchase(t, e, Transaction{CustomerID: 1, Elements: elements})
	elements[0].Quantity, p.Elements[0].Quantity = 4, 5
	if got := bought(t, e, p.ID).Elements[0].Quantity; got != 3 {
		t.Errorf("quantity %d", got)
	}
}

func TestSwitchedOffCustomersHaveNoTransactionsAndPeriods(t *testing.T) {
	for state, refusal := range customersRefusals {
		e := open(t, Config{CustomersState: state, Customers: 5})
		for _, path := range []string{transactionsPath, commentPath, periodsPath} {
			for method, body := range map[string]string{http.MethodGet: "", http.MethodPost: `{"update":[{}]}`} {
				if path == commentPath && method == http.MethodGet {
					continue
				}
				a := ask(t, e, method, path, body)
				if a.status != refusal.status || errorCode(a) != strconv.Itoa(refusal.code) {
					t.Errorf("%s %s: status %d: %s", method, path, a.status, a.body)
				}
			}
		}
	}
}

func TestFaultsOfTransactions(t *testing.T) {
	for action, want := range map[string][]int64{
		`{"duplicate":1}`:                {12, 12, 11},
		`{"shift":1}`:                    {11},
		`{"endless":true}`:               {14, 13},
		`{"endless":true,"duplicate":2}`: {14, 13, 14, 13},
	} {
		e := shop(t, Config{})
		script(t, e, `{"match":{"operation":"`+OpTransactionsList+`"},"action":`+action+`}`)
		if diff := cmp.Diff(want, listOf(t, e, transactionsPath, "limit_rows=2&limit_offset=2")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", action, diff)
		}
	}
}

func TestOperationsOfPurchases(t *testing.T) {
	e := shop(t, Config{})
	for _, r := range [][2]string{
		{http.MethodGet, transactionsPath},
		{http.MethodPost, transactionsPath + "/"},
		{http.MethodPost, commentPath},
		{http.MethodGet, periodsPath},
		{http.MethodPost, periodsPath},
		{http.MethodPut, periodsPath},
	} {
		ask(t, e, r[0], r[1], "")
	}
	want := map[string]int64{
		OpTransactionsList: 1, OpTransactionsWrite: 2, OpPeriodsList: 1, OpPeriodsWrite: 1, OpUnknown: 1,
	}
	if diff := cmp.Diff(want, e.Stats().ByOperation); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
