package v4_test

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// sampleTransaction is what transaction_list_reply.json tells.
func sampleTransaction() *amogatev1.Transaction {
	return &amogatev1.Transaction{
		Id:              9140011,
		CustomerId:      701244,
		Price:           &money.Money{CurrencyCode: "RUB", Units: 4200},
		CompleteTime:    &timestamppb.Timestamp{Seconds: 1717405200},
		Comment:         "June order",
		CatalogElements: []*amogatev1.CatalogElementLink{{CatalogId: 4521, ElementId: 20411, Quantity: 10}},
		Deleted:         new(false),
		CreateTime:      &timestamppb.Timestamp{Seconds: 1717405201},
		UpdateTime:      &timestamppb.Timestamp{Seconds: 1717405201},
		CreatedBy:       new(int64(0)),
		UpdatedBy:       new(int64(0)),
		AccountId:       new(int64(30123456)),
	}
}

// The documented page announces another though it is the last.
func TestTransactions_DecodeList_sample(t *testing.T) {
	t.Parallel()
	page, err := transactions.DecodeList(sectionEnv("segments"), sectionFile(t, "transaction_list_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*amogatev1.Transaction{sampleTransaction()}, page.Rows, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if !page.Next || len(page.UnknownFields) != 0 {
		t.Errorf("next %t, unknown fields %v", page.Next, page.UnknownFields)
	}
}

func oneTransaction(t *testing.T, row string) *amogatev1.Transaction {
	t.Helper()
	page, err := transactions.DecodeList(sectionEnv("segments"), []byte(`{"_embedded":{"transactions":[`+row+`]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Rows) != 1 || page.Next {
		t.Fatalf("got %d rows, next %t", len(page.Rows), page.Next)
	}
	return page.Rows[0]
}

func TestTransactions_DecodeList_readsEveryKeyInItsOtherSpelling(t *testing.T) {
	t.Parallel()
	got := oneTransaction(t, `{
		"id":"7","price":99,"price_with_minor_units":99.95,"next_price":"5","next_price_with_minor_units":5.5,"next_date":"1719781200",
		"comment":5,"completed_at":"1717405200","created_by":"0","updated_by":"12","created_at":1717405201000,"updated_at":"1717405202",
		"is_deleted":1,"account_id":"30123456","planet":{"x":[1]},"_links":[],
		"_embedded":{"customer":{"id":"701244"},"catalog_elements":{"3":{"id":"20411","catalog_id":"4521","quantity":"1.5"},"4":{"id":2,"metadata":{"quantity":0.5,"catalog_id":7,"price_id":917}}}}
	}`)
	want := &amogatev1.Transaction{
		Id: 7, CustomerId: 701244,
		Price:            &money.Money{CurrencyCode: "RUB", Units: 99, Nanos: 950_000_000},
		NextPrice:        &money.Money{CurrencyCode: "RUB", Units: 5, Nanos: 500_000_000},
		CompleteTime:     &timestamppb.Timestamp{Seconds: 1717405200},
		NextPurchaseTime: &timestamppb.Timestamp{Seconds: 1719781200},
		Comment:          "5",
		CatalogElements: []*amogatev1.CatalogElementLink{
			{CatalogId: 4521, ElementId: 20411, Quantity: 1.5},
			{CatalogId: 7, ElementId: 2, Quantity: 0.5, PriceId: new(int64(917))},
		},
		Deleted: new(true), CreatedBy: new(int64(0)), UpdatedBy: new(int64(12)), AccountId: new(int64(30123456)),
		CreateTime: &timestamppb.Timestamp{Seconds: 1717405201},
		UpdateTime: &timestamppb.Timestamp{Seconds: 1717405202},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

// The plan of the next purchase is the customer's, and whether points were
// earned nobody tells.
func TestTransactions_DecodeList_setsEveryFieldThatAReadShows(t *testing.T) {
	t.Parallel()
	checkEveryField(t, sampleTransaction(), transactions.Supports, "next_price", "next_purchase_time", "accrue_bonus")
}

func TestTransactions_DecodeList_readsEverySpellingOfNothing(t *testing.T) {
	t.Parallel()
	for _, row := range []string{
		`{"id":1}`,
		`{"id":1,"comment":null,"price":null,"completed_at":0,"is_deleted":null,"_embedded":[]}`,
		`{"id":1,"comment":"","price":"","customer_id":0,"_embedded":{"customer":[],"catalog_elements":null}}`,
		`{"id":1,"customer_id":-5,"created_by":null,"_embedded":{"customer":null,"catalog_elements":{}}}`,
	} {
		if diff := cmp.Diff(&amogatev1.Transaction{Id: 1}, oneTransaction(t, row), protocmp.Transform()); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
	}
}

func TestTransactions_DecodeList_prefersMinorUnits(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]*money.Money{
		`"price":0,"price_with_minor_units":0.1`:                 {CurrencyCode: "RUB", Nanos: 100_000_000},
		`"price":99999999,"price_with_minor_units":99999999.999`: {CurrencyCode: "RUB", Units: 99999999, Nanos: 999_000_000},
		`"price":4200,"price_with_minor_units":null`:             {CurrencyCode: "RUB", Units: 4200},
		`"price":4200.5`:                            {CurrencyCode: "RUB", Units: 4200, Nanos: 500_000_000},
		`"price":9007199254740993`:                  {CurrencyCode: "RUB", Units: 9007199254740993},
		`"price":-3,"price_with_minor_units":-3.25`: {CurrencyCode: "RUB", Units: -3, Nanos: -250_000_000},
		`"price":0`:                                 {CurrencyCode: "RUB"},
		`"price":99,"price_with_minor_units":99.95000000000000284`: {CurrencyCode: "RUB", Units: 99, Nanos: 950_000_000},
	} {
		if diff := cmp.Diff(want, oneTransaction(t, `{"id":1,`+keys+`}`).GetPrice(), protocmp.Transform()); diff != "" {
			t.Errorf("%s: %s", keys, diff)
		}
	}
}

// What an empty list looks like depends on the account: 204, or 404 with a text
// of its own, which accounts without customers answer as well.
func TestTransactions_emptyList(t *testing.T) {
	t.Parallel()
	notFound := problem("404", "Transactions not found")
	for _, c := range []struct {
		name, mode string
		status     int
		body       []byte
		// kind 0 = no rows and no error.
		kind driver.Kind
	}{
		{"204", "segments", 204, nil, 0},
		{"empty list", "segments", 200, []byte(`{"_page":1,"_embedded":{"transactions":[]}}`), 0},
		{"no rows at all", "segments", 200, []byte(`{"_page":1,"_embedded":[]}`), 0},
		{"404, segments", "segments", 404, notFound, 0},
		{"404, periodicity", "periodicity", 404, notFound, 0},
		{"404, mode not known", "", 404, notFound, 0},
		{"404 with a stop", "segments", 404, problem("404", "transactions not found."), 0},
		{"404, disabled", "disabled", 404, notFound, driver.KindCustomersDisabled},
		{"404, unavailable", "unavailable", 404, notFound, driver.KindCustomersNotInPlan},
		{"404 of a customer", "segments", 404, problem("404", "Customer not found"), driver.KindNotFound},
		{"404 without a text", "segments", 404, problem("404", ""), driver.KindNotFound},
		{"404 of an address", "segments", 404, problem("404", "Cannot GET https://north.amocrm.ru/api/v4/x"), driver.KindBadResponse},
		{"404 of a page", "segments", 404, []byte("<html>Transactions not found</html>"), driver.KindBadResponse},
		{"the text beside another status", "segments", 400, problem("400", "Transactions not found"), driver.KindUpstreamInvalid},
		{"the body of another status", "segments", 404, problem("401", "Transactions not found"), driver.KindNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var page driver.Page[*amogatev1.Transaction]
			var err error
			if e := transactions.DecodeError(driver.Response{Status: c.status, Body: c.body}); e != nil {
				err = e
			} else {
				page, err = transactions.DecodeList(sectionEnv(c.mode), c.body)
			}
			if len(page.Rows) != 0 || page.Next {
				t.Errorf("got %v", page)
			}
			if c.kind != 0 {
				if e := sectionError(t, err, c.kind); e.Status != c.status {
					t.Errorf("status %d", e.Status)
				}
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTransactions_DecodeList_refusesGarbledAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`<html></html>`, `{}`, `null`, `5`, `{"_embedded":{"leads":[{"id":1}]}}`,
		`{"_embedded":{"transactions":[{"id":1}]}`,
		`{"_embedded":{"transactions":[{"id":1},null]}}`,
		`{"_embedded":{"transactions":[{"id":1},{}]}}`,
		`{"_embedded":{"transactions":[{"id":1},{"id":-1}]}}`,
		`{"_embedded":{"transactions":[{"id":1,"price":"a lot"}]}}`,
		`{"_embedded":{"transactions":[{"id":1},{"id":2,"price":99999999999999999999}]}}`,
		`{"_embedded":{"transactions":[{"id":1,"next_price":99999999999999999999}]}}`,
		`{"_embedded":{"transactions":[{"id":1,"_embedded":{"catalog_elements":[{"metadata":{}}]}}]}}`,
		`{"_embedded":{"transactions":[{"id":1,"_embedded":{"catalog_elements":[7]}}]}}`,
		`{"_embedded":{"transactions":[{"id":1,"_embedded":{"catalog_elements":[{"id":1,"quantity":"1e999"}]}}]}}`,
		`{"_embedded":{"transactions":[{"id":1,"comment":{"a":1}}]}}`,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			page, err := transactions.DecodeList(sectionEnv("segments"), []byte(body))
			if e := sectionError(t, err, driver.KindBadResponse); len(page.Rows) != 0 || e.Op != "transactions.list" {
				t.Errorf("got %d rows, operation %q", len(page.Rows), e.Op)
			}
		})
	}
}

func TestTransactions_List(t *testing.T) {
	t.Parallel()
	many := make([]int64, 101)
	for i := range many {
		many[i] = int64(i + 1)
	}
	const account, customer = "/api/v4/customers/transactions", "/api/v4/customers/701244/transactions"
	for _, c := range []struct {
		name   string
		filter *amogatev1.TransactionFilter
		path   string
		// want is the query behind limit and page.
		want  string
		local []string
	}{
		{"nothing", nil, account, "", nil},
		{"of one customer", &amogatev1.TransactionFilter{CustomerId: 701244}, customer, "", nil},
		{"ids", &amogatev1.TransactionFilter{Ids: []int64{3, 1}}, account, "filter[id][]=3&filter[id][]=1", nil},
		{"ids of one customer", &amogatev1.TransactionFilter{Ids: []int64{3}, CustomerId: 701244}, customer, "filter[id][]=3", nil},
		{"more ids than a URL holds", &amogatev1.TransactionFilter{Ids: many}, account, "", []string{"ids"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			call, err := transactions.List(sectionEnv("segments"), c.filter, 500, 250)
			if err != nil {
				t.Fatal(err)
			}
			query, err := url.ParseQuery("limit=250&page=3&" + c.want)
			if err != nil {
				t.Fatal(err)
			}
			want := driver.Call{Name: "transactions.list", Method: "GET", Path: c.path, Query: query, Effect: driver.Read}
			if diff := cmp.Diff(want, call); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.local, transactions.Local(c.filter)); diff != "" {
				t.Error(diff)
			}
		})
	}
	known := map[protoreflect.Name]bool{"ids": true, "customer_id": true}
	fields := (&amogatev1.TransactionFilter{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if name := fields.Get(i).Name(); !known[name] {
			t.Errorf("nothing is known of filter field %s", name)
		}
	}
	for _, c := range []struct {
		offset int64
		limit  int
	}{{0, 0}, {0, 251}, {-250, 250}, {7, 250}} {
		_, err := transactions.List(sectionEnv("segments"), nil, c.offset, c.limit)
		wantSectionError(t, err, driver.KindBug)
	}
}

// The path of one transaction is not used: an unknown id has to be no rows.
func TestTransactions_ByIDs(t *testing.T) {
	t.Parallel()
	want := driver.Call{
		Name: "transactions.get", Method: "GET", Path: "/api/v4/customers/transactions", Effect: driver.Read,
		Query: url.Values{"filter[id][]": {"3", "1"}, "limit": {"2"}, "page": {"1"}},
	}
	if diff := cmp.Diff(want, transactions.ByIDs([]int64{3, 1})); diff != "" {
		t.Error(diff)
	}
	want = driver.Call{Name: "transactions.get", Method: "GET", Path: "/api/v4/customers/transactions/3", Effect: driver.Read}
	if diff := cmp.Diff(want, transactions.ByIDs([]int64{3})); diff != "" {
		t.Error(diff)
	}
}

func TestTransactions_limits(t *testing.T) {
	t.Parallel()
	r := transactions
	got := []any{r.Name, r.Generation, r.MaxPage, r.MaxIDs, r.MaxBatch, r.MaxDelete, r.Paged, r.Whole, r.FilteredIDs, r.Locks, r.TagChanges}
	want := []any{"transactions", driver.V4, 250, 100, 250, 1, true, false, false, false, false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.Update != nil || r.Links != nil {
		t.Error("a transaction can be changed")
	}
	if r.NeedsBefore(nil, []string{"comment"}) || r.CheckChange(driver.Change[*amogatev1.Transaction]{}) != nil {
		t.Error("a transaction needs the record before")
	}
}

func TestTransactions_Create_sample(t *testing.T) {
	t.Parallel()
	env := sectionEnv("segments")
	value := &amogatev1.Transaction{
		CustomerId:       701244,
		Price:            &money.Money{Units: 4200, CurrencyCode: "RUB"},
		Comment:          "June order",
		CompleteTime:     &timestamppb.Timestamp{Seconds: 1717405200},
		NextPrice:        &money.Money{Units: 5000},
		NextPurchaseTime: &timestamppb.Timestamp{Seconds: 1719781200},
		CatalogElements:  []*amogatev1.CatalogElementLink{{CatalogId: 4521, ElementId: 20411, Quantity: 10}},
	}
	if err := transactions.Check(env, driver.OpCreate, value, nil); err != nil {
		t.Fatal(err)
	}
	call, err := transactions.Create(env, []*amogatev1.Transaction{value})
	if err != nil {
		t.Fatal(err)
	}
	// Named differences: the sample has a request id of another make, and sends
	// who made the transaction, which is upstream's to tell.
	var want []map[string]any
	if err := json.Unmarshal(sectionFile(t, "transaction_add_request.json"), &want); err != nil {
		t.Fatal(err)
	}
	delete(want[0], "created_by")
	want[0]["request_id"] = "1"
	if diff := cmp.Diff([]any{want[0]}, plain(t, call.Body)); diff != "" {
		t.Error(diff)
	}
	call.Body = nil
	wantCall := driver.Call{
		Name: "transactions.create", Method: "POST", Path: "/api/v4/customers/701244/transactions",
		Query: url.Values{"accrue_bonus": {"true"}}, Effect: driver.Create,
	}
	if diff := cmp.Diff(wantCall, call); diff != "" {
		t.Error(diff)
	}
}

// transactionCases tell for each field of a transaction what a create with it
// sends beside the required ones. A field without a case cannot be created.
var transactionCases = map[string]struct {
	value *amogatev1.Transaction
	want  string
}{
	"customer_id":        {&amogatev1.Transaction{}, `{}`},
	"price":              {&amogatev1.Transaction{}, `{}`},
	"complete_time":      {&amogatev1.Transaction{CompleteTime: &timestamppb.Timestamp{Seconds: 5}}, `{"completed_at":5}`},
	"comment":            {&amogatev1.Transaction{Comment: "x"}, `{"comment":"x"}`},
	"next_price":         {&amogatev1.Transaction{NextPrice: &money.Money{Units: 5, Nanos: 50_000_000}}, `{"next_price":5.05}`},
	"next_purchase_time": {&amogatev1.Transaction{NextPurchaseTime: &timestamppb.Timestamp{Seconds: 5}}, `{"next_date":5}`},
	"catalog_elements": {
		&amogatev1.Transaction{CatalogElements: []*amogatev1.CatalogElementLink{{CatalogId: 7, ElementId: 1, Quantity: 2}, {CatalogId: 7, ElementId: 3, Quantity: 1.5}}},
		`{"_embedded":{"catalog_elements":[{"id":1,"metadata":{"catalog_id":7,"quantity":2}},{"id":3,"metadata":{"catalog_id":7,"quantity":1.5}}]}}`,
	},
	"accrue_bonus": {&amogatev1.Transaction{AccrueBonus: new(true)}, `{}`},
}

func TestTransactions_Create_writesEachField(t *testing.T) {
	t.Parallel()
	fields := (&amogatev1.Transaction{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		path := string(fields.Get(i).Name())
		c, ok := transactionCases[path]
		if got := transactions.Supports(driver.OpCreate, path); got != ok {
			t.Errorf("%s: supported is %t, and there is a case is %t", path, got, ok)
		}
		if !ok {
			continue
		}
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			c.value.CustomerId, c.value.Price = 77, &money.Money{Units: 9}
			if err := transactions.Check(sectionEnv("segments"), driver.OpCreate, c.value, nil); err != nil {
				t.Error(err)
			}
			call, err := transactions.Create(sectionEnv("segments"), []*amogatev1.Transaction{c.value})
			if err != nil {
				t.Fatal(err)
			}
			var sent []map[string]any
			if err := json.Unmarshal(call.Body, &sent); err != nil {
				t.Fatal(err)
			}
			if len(sent) != 1 || sent[0]["price"] != 9.0 || sent[0]["request_id"] != "1" || call.Path != "/api/v4/customers/77/transactions" {
				t.Errorf("got %s %s", call.Path, call.Body)
			}
			delete(sent[0], "price")
			delete(sent[0], "request_id")
			if diff := cmp.Diff(plain(t, []byte(c.want)), any(sent[0])); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// One call holds transactions of one customer that all earn points or none.
func TestTransactions_Group(t *testing.T) {
	t.Parallel()
	price := &money.Money{}
	plainOne := &amogatev1.Transaction{CustomerId: 7, Price: price}
	earning := &amogatev1.Transaction{CustomerId: 7, Price: price, AccrueBonus: new(true)}
	silent := &amogatev1.Transaction{CustomerId: 7, Price: price, AccrueBonus: new(false)}
	other := &amogatev1.Transaction{CustomerId: 8, Price: price}
	group := transactions.Group
	if group(plainOne) != group(earning) || group(plainOne) == group(silent) || group(plainOne) == group(other) {
		t.Errorf("got %q, %q, %q, %q", group(plainOne), group(earning), group(silent), group(other))
	}
	_, err := transactions.Create(sectionEnv("segments"), []*amogatev1.Transaction{plainOne, other})
	wantSectionError(t, err, driver.KindBug)
	call, err := transactions.Create(sectionEnv("segments"), []*amogatev1.Transaction{silent, silent})
	if err != nil || call.Query.Get("accrue_bonus") != "false" || string(call.Body) != `[{"price":0,"request_id":"1"},{"price":0,"request_id":"2"}]` {
		t.Errorf("got %v %s %v", call.Query, call.Body, err)
	}
}

// Whole amounts go without a point: servers before 2026 refuse one.
func TestTransactions_Create_price(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		price *money.Money
		want  string
	}{
		{&money.Money{}, "0"},
		{&money.Money{Units: 9007199254740993}, "9007199254740993"},
		{&money.Money{Units: 99, Nanos: 950_000_000}, "99.95"},
		{&money.Money{Nanos: 10_000_000}, "0.01"},
		{&money.Money{Units: 1, Nanos: 1}, "1.000000001"},
	} {
		call, err := transactions.Create(sectionEnv("segments"), []*amogatev1.Transaction{{CustomerId: 7, Price: c.price}})
		if want := `[{"price":` + c.want + `,"request_id":"1"}]`; err != nil || string(call.Body) != want {
			t.Errorf("got %s and error %v, want %s", call.Body, err, want)
		}
	}
}

// What was read can be sent as a new one: output-only fields are left out.
func TestTransactions_Create_ignoresOutputOnlyFields(t *testing.T) {
	t.Parallel()
	env := sectionEnv("segments")
	value := sampleTransaction()
	if err := transactions.Check(env, driver.OpCreate, value, nil); err != nil {
		t.Error(err)
	}
	call, err := transactions.Create(env, []*amogatev1.Transaction{value})
	want := `[{"price":4200,"comment":"June order","completed_at":1717405200,"_embedded":{"catalog_elements":[{"id":20411,"metadata":{"catalog_id":4521,"quantity":10}}]},"request_id":"1"}]`
	if err != nil || string(call.Body) != want {
		t.Errorf("got %s and error %v, want %s", call.Body, err, want)
	}
}

func TestTransactions_Check(t *testing.T) {
	t.Parallel()
	type transaction = amogatev1.Transaction
	with := func(change func(*transaction)) *transaction {
		value := &transaction{CustomerId: 7, Price: &money.Money{Units: 1}}
		change(value)
		return value
	}
	element := func(e *amogatev1.CatalogElementLink) *transaction {
		return with(func(v *transaction) { v.CatalogElements = []*amogatev1.CatalogElementLink{e} })
	}
	for _, c := range []struct {
		name  string
		op    driver.Op
		value *transaction
		paths []string
		// kind 0 = it can be written.
		kind driver.Kind
		path string
	}{
		{"the least", driver.OpCreate, with(func(*transaction) {}), nil, 0, ""},
		{"no customer", driver.OpCreate, with(func(v *transaction) { v.CustomerId = 0 }), nil, driver.KindInvalid, "customer_id"},
		{"no price", driver.OpCreate, with(func(v *transaction) { v.Price = nil }), nil, driver.KindInvalid, "price"},
		{"price of nothing", driver.OpCreate, with(func(v *transaction) { v.Price = &money.Money{} }), nil, 0, ""},
		{"part of a unit", driver.OpCreate, with(func(v *transaction) { v.Price.Nanos = 1_000_000 }), nil, 0, ""},
		{"account's currency", driver.OpCreate, with(func(v *transaction) { v.Price.CurrencyCode = "rub" }), nil, 0, ""},
		{"another currency", driver.OpCreate, with(func(v *transaction) { v.Price.CurrencyCode = "EUR" }), nil, driver.KindInvalid, "price.currency_code"},
		{"negative price", driver.OpCreate, with(func(v *transaction) { v.Price.Units = -1 }), nil, driver.KindInvalid, "price.units"},
		{"mixed signs", driver.OpCreate, with(func(v *transaction) { v.NextPrice = &money.Money{Units: 1, Nanos: -1} }), nil, driver.KindInvalid, "next_price.nanos"},
		{"purchase in fractions", driver.OpCreate, with(func(v *transaction) { v.CompleteTime = &timestamppb.Timestamp{Seconds: 1, Nanos: 1} }), nil, driver.KindInvalid, "complete_time"},
		{"next purchase at 0", driver.OpCreate, with(func(v *transaction) { v.NextPurchaseTime = &timestamppb.Timestamp{} }), nil, driver.KindInvalid, "next_purchase_time"},
		{"element of no catalog", driver.OpCreate, element(&amogatev1.CatalogElementLink{ElementId: 1}), nil, driver.KindInvalid, "catalog_elements[0].catalog_id"},
		{"no element", driver.OpCreate, element(&amogatev1.CatalogElementLink{CatalogId: 1}), nil, driver.KindInvalid, "catalog_elements[0].element_id"},
		{"less than nothing", driver.OpCreate, element(&amogatev1.CatalogElementLink{CatalogId: 1, ElementId: 1, Quantity: -1}), nil, driver.KindInvalid, "catalog_elements[0].quantity"},
		{"price of an element", driver.OpCreate, element(&amogatev1.CatalogElementLink{CatalogId: 1, ElementId: 1, PriceId: new(int64(5))}), nil, driver.KindUnsupported, "catalog_elements[0].price_id"},
		{"element twice", driver.OpCreate, with(func(v *transaction) {
			v.CatalogElements = []*amogatev1.CatalogElementLink{{CatalogId: 1, ElementId: 1}, {CatalogId: 1, ElementId: 1}}
		}), nil, driver.KindInvalid, "catalog_elements[1].element_id"},
		{"unknown field", driver.OpCreate, with(func(*transaction) {}), []string{"planet"}, driver.KindInvalid, "planet"},
		{"output-only field", driver.OpCreate, with(func(*transaction) {}), []string{"deleted"}, 0, ""},
		{"a change", driver.OpUpdate, with(func(*transaction) {}), []string{"comment"}, driver.KindUnsupported, "comment"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := transactions.Check(sectionEnv("segments"), c.op, c.value, c.paths)
			if c.kind == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := sectionError(t, err, c.kind)
			if sectionPaths(e) != c.path || e.Fields[0].Description == "" || e.Op != "transactions."+string(c.op) {
				t.Errorf("got %v, want %s", e, c.path)
			}
		})
	}
}

func TestTransactions_Supports(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op   driver.Op
		path string
		want bool
	}{
		{driver.OpList, "", true},
		{driver.OpList, "catalog_elements", true},
		{driver.OpGet, "next_price", false},
		{driver.OpGet, "planet", false},
		{driver.OpCreate, "", true},
		{driver.OpCreate, "created_by", false},
		{driver.OpUpdate, "", false},
		{driver.OpUpdate, "comment", false},
		{driver.OpDelete, "", true},
		{driver.OpDelete, "comment", false},
		{"dance", "", false},
	} {
		if got := transactions.Supports(c.op, c.path); got != c.want {
			t.Errorf("%s %q: got %t", c.op, c.path, got)
		}
	}
}

func TestTransactions_Delete(t *testing.T) {
	t.Parallel()
	want := driver.Call{Name: "transactions.delete", Method: "DELETE", Path: "/api/v4/customers/transactions/9140011", Effect: driver.Set}
	if diff := cmp.Diff(want, transactions.Delete([]int64{9140011})); diff != "" {
		t.Error(diff)
	}
	reply, err := transactions.DecodeWrite(driver.OpDelete, nil)
	if diff := cmp.Diff(driver.WriteReply{All: true}, reply); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
	// What has been deleted already can look like an empty list.
	body := problem("404", "Transactions not found")
	if e := transactions.DecodeError(driver.Response{Status: 404, Body: body}); e != nil {
		t.Errorf("got %v", e)
	}
	_, err = transactions.DecodeWrite(driver.OpDelete, body)
	if e := sectionError(t, err, driver.KindNotFound); e.Status != 404 || e.Op != "transactions.delete" {
		t.Errorf("got %+v", e)
	}
}

// The reference prints another key than the recorded answers have.
func TestTransactions_DecodeWrite_created(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want []driver.WriteItem
	}{
		"recorded":          {string(sectionFile(t, "transaction_add_reply.json")), []driver.WriteItem{{ID: 9140011}}},
		"reference":         {`{"_embedded":{"customers":[{"id":5,"request_id":"1"},{"id":"6","request_id":2}]}}`, []driver.WriteItem{{ID: 5, RequestID: 1}, {ID: 6, RequestID: 2}}},
		"both keys":         {`{"_embedded":{"customers":[{"id":7}],"transactions":[{"id":5,"request_id":["1"]}]}}`, []driver.WriteItem{{ID: 5, RequestID: 1}}},
		"counted upstream":  {`{"_embedded":{"transactions":[{"id":5,"request_id":"0"},{"id":6,"request_id":"1"}]}}`, []driver.WriteItem{{ID: 5}, {ID: 6}}},
		"out of order":      {`{"_embedded":{"transactions":[{"id":6,"request_id":"2"},{"id":5,"request_id":"1"}]}}`, []driver.WriteItem{{ID: 6, RequestID: 2}, {ID: 5, RequestID: 1}}},
		"list as an object": {`{"_embedded":{"transactions":{"0":{"id":5}}}}`, []driver.WriteItem{{ID: 5}}},
		"whole record": {
			`{"_embedded":{"transactions":[{"id":5,"request_id":"1","price":5,"created_by":0,"created_at":7,"completed_at":7,"account_id":30,"is_deleted":false,"_embedded":{"catalog_elements":[{"id":1}]}}]}}`,
			[]driver.WriteItem{{ID: 5, RequestID: 1, Told: &amogatev1.Transaction{
				CreateTime: &timestamppb.Timestamp{Seconds: 7}, CompleteTime: &timestamppb.Timestamp{Seconds: 7},
				CreatedBy: new(int64(0)), AccountId: new(int64(30)), Deleted: new(false),
			}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply, err := transactions.DecodeWrite(driver.OpCreate, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(driver.WriteReply{Items: c.want}, reply, protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, body := range []string{`{}`, `<html></html>`, `{"_embedded":{"transactions":[{"id":0}]}}`, `{"_embedded":{"transactions":[null]}}`, `{"_embedded":{"leads":[{"id":5}]}}`} {
		_, err := transactions.DecodeWrite(driver.OpCreate, []byte(body))
		if e := sectionError(t, err, driver.KindBadResponse); e.Op != "transactions.create" {
			t.Errorf("%s: operation %q", body, e.Op)
		}
	}
}

func TestTransactions_DecodeError(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"price":                           "price",
		"completed_at":                    "complete_time",
		"next_date":                       "next_purchase_time",
		"next_price":                      "next_price",
		"comment":                         "comment",
		"_embedded.catalog_elements":      "catalog_elements",
		"_embedded.catalog_elements.2":    "catalog_elements[2]",
		"_embedded.catalog_elements.0.id": "catalog_elements[0].element_id",
		"_embedded.catalog_elements.0.metadata.catalog_id": "catalog_elements[0].catalog_id",
		"_embedded.catalog_elements.1.metadata.quantity":   "catalog_elements[1].quantity",
		"_embedded.catalog_elements.1.metadata.price_id":   "catalog_elements[1]",
		"planet": "",
	} {
		body := `{"validation-errors":[{"request_id":"2","errors":[{"code":"InvalidType","path":"` + path + `","detail":"d"}]}],"status":400,"detail":"Request validation failed"}`
		e := transactions.DecodeError(driver.Response{Status: 400, Body: []byte(body)})
		if e == nil || e.Kind != driver.KindUpstreamInvalid || sectionPaths(e) != want || len(e.Items) != 1 || e.Items[0].Index != 1 {
			t.Errorf("%s: got %+v", path, e)
		}
	}
	for _, c := range []struct {
		status int
		body   []byte
		kind   driver.Kind
	}{
		{400, problem("400", "Error 426."), driver.KindCustomersDisabled},
		{400, problem("400", "Error 288."), driver.KindForbidden},
		{422, problem("422", "Limit 250 per page"), driver.KindUpstreamInvalid},
		{422, problem("422", "Customers disabled"), driver.KindCustomersDisabled},
		{401, problem("401", "x"), driver.KindReauth},
		{504, nil, driver.KindUnavailable},
	} {
		if e := transactions.DecodeError(driver.Response{Status: c.status, Body: c.body}); e == nil || e.Kind != c.kind {
			t.Errorf("%d %s: got %v", c.status, c.body, e)
		}
	}
}

// A valid transaction, written and read back as upstream shows it, is the same.
func TestTransactions_surviveUpstream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		env := sectionEnv("segments")
		want := drawTransaction(rt)
		if err := transactions.Check(env, driver.OpCreate, want, nil); err != nil {
			rt.Fatal(err)
		}
		call, err := transactions.Create(env, []*amogatev1.Transaction{want})
		if err != nil {
			rt.Fatal(err)
		}
		var sent []map[string]jsontext.Value
		if err := json.Unmarshal(call.Body, &sent); err != nil {
			rt.Fatal(err)
		}
		// Upstream adds the ids, and drops what is the customer's.
		sent[0]["id"] = jsontext.Value("5")
		sent[0]["customer_id"] = jsontext.Value(strconv.FormatInt(want.GetCustomerId(), 10))
		delete(sent[0], "next_price")
		delete(sent[0], "next_date")
		row, err := json.Marshal(sent[0])
		if err != nil {
			rt.Fatal(err)
		}
		page, err := transactions.DecodeList(env, []byte(`{"_embedded":{"transactions":[`+string(row)+`]}}`))
		if err != nil {
			rt.Fatal(err)
		}
		want.Id, want.NextPrice, want.NextPurchaseTime, want.AccrueBonus = 5, nil, nil, nil
		if diff := cmp.Diff([]*amogatev1.Transaction{want}, page.Rows, protocmp.Transform()); diff != "" {
			rt.Fatalf("%s\n%s", call.Body, diff)
		}
	})
}

func drawTransaction(rt *rapid.T) *amogatev1.Transaction {
	id := rapid.Int64Range(1, 1<<62)
	amount := rapid.Custom(func(rt *rapid.T) *money.Money {
		return &money.Money{
			CurrencyCode: "RUB",
			Units:        rapid.Int64Range(0, 1<<62).Draw(rt, "units"),
			Nanos:        1_000_000 * rapid.Int32Range(0, 999).Draw(rt, "thousandths"),
		}
	})
	instant := rapid.Custom(func(rt *rapid.T) *timestamppb.Timestamp {
		return &timestamppb.Timestamp{Seconds: rapid.Int64Range(1, 253402300799).Draw(rt, "seconds")}
	})
	value := &amogatev1.Transaction{
		CustomerId:       id.Draw(rt, "customer"),
		Price:            amount.Draw(rt, "price"),
		CompleteTime:     instant.Draw(rt, "completed"),
		Comment:          rapid.String().Draw(rt, "comment"),
		NextPrice:        amount.Draw(rt, "next price"),
		NextPurchaseTime: instant.Draw(rt, "next purchase"),
	}
	for range rapid.IntRange(0, 3).Draw(rt, "elements") {
		value.CatalogElements = append(value.CatalogElements, &amogatev1.CatalogElementLink{
			CatalogId: id.Draw(rt, "catalog"), ElementId: int64(len(value.GetCatalogElements()) + 1), Quantity: rapid.Float64Range(0, 1e15).Draw(rt, "quantity"),
		})
	}
	return value
}

func FuzzDecodeTransactions(f *testing.F) {
	for _, file := range []string{"transaction_list_reply.json", "transaction_add_reply.json"} {
		f.Add(sectionFile(f, file))
	}
	f.Add(problem("404", "Transactions not found"))
	f.Add([]byte(`{"_embedded":{"customers":{"2":{"id":"1","price":"1e3"}}},"_links":{"next":{"href":"x"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := transactions.DecodeList(sectionEnv("disabled"), body)
		checkDecoded(t, err)
		if err != nil && len(page.Rows) != 0 {
			t.Error("rows beside an error")
		}
		for _, row := range page.Rows {
			checkRow(t, row, row.GetId())
		}
		for _, op := range []driver.Op{driver.OpCreate, driver.OpDelete} {
			reply, err := transactions.DecodeWrite(op, body)
			checkDecoded(t, err)
			for _, item := range reply.Items {
				if item.ID <= 0 || item.RequestID < 0 {
					t.Errorf("got %+v", item)
				}
			}
		}
		for _, status := range []int{200, 404} {
			r := driver.Response{Status: status, Body: body}
			if e := transactions.DecodeError(r); e != nil && (e.Message == "" || e.Status != status) {
				t.Errorf("got %+v", e)
			}
		}
	})
}
