package v2_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// unreadTransactionFields are taken by upstream and never shown.
var unreadTransactionFields = map[protoreflect.Name]bool{
	"next_price": true, "next_purchase_time": true, "catalog_elements": true, "accrue_bonus": true,
}

func TestSample_transactionList(t *testing.T) {
	t.Parallel()
	page, err := transactions.DecodeList(testEnv(t), readTestdata(t, "transaction_list_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := &amogatev1.ListTransactionsPageResponse{}
	if err := protojson.Unmarshal(readTestdata(t, "transaction_list.golden.json"), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.GetTransactions(), page.Rows, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if len(page.UnknownFields) != 0 || page.Next {
		t.Errorf("unknown fields %v, next %v; want none", page.UnknownFields, page.Next)
	}
}

func decodeTransaction(t *testing.T, item string) *amogatev1.Transaction {
	t.Helper()
	page, err := transactions.DecodeList(testEnv(t), []byte(`{"_embedded":{"items":[`+item+`]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Rows) != 1 {
		t.Fatalf("got %d rows", len(page.Rows))
	}
	return page.Rows[0]
}

func TestTransactions_DecodeList_readsEveryKeyInItsOtherSpelling(t *testing.T) {
	t.Parallel()
	got := decodeTransaction(t, `{
		"id": "7", "created_by": "0", "created_at": "1508671514", "updated_at": 1508671515000, "account_id": "13667499",
		"updated_by": 12, "is_deleted": "1", "comment": 5, "price": "99.950000000000003", "date": "1508360400",
		"customer": {"id": "466791", "_links": []}, "planet": {"unknown": [1]}, "_links": {}
	}`)
	want := &amogatev1.Transaction{
		Id:           7,
		CustomerId:   466791,
		Price:        &money.Money{CurrencyCode: "USD", Units: 99, Nanos: 950_000_000},
		CompleteTime: &timestamppb.Timestamp{Seconds: 1508360400},
		Comment:      "5",
		Deleted:      new(true),
		CreateTime:   &timestamppb.Timestamp{Seconds: 1508671514},
		UpdateTime:   &timestamppb.Timestamp{Seconds: 1508671515},
		CreatedBy:    new(int64(0)),
		UpdatedBy:    new(int64(12)),
		AccountId:    new(int64(13667499)),
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	// A field that is new in the proto has to come from somewhere.
	m := got.ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		if m.Has(f) == unreadTransactionFields[f.Name()] {
			t.Errorf("%s is set: %t, by a reply that has every key", f.Name(), m.Has(f))
		}
		if transactions.Supports(driver.OpGet, string(f.Name())) == unreadTransactionFields[f.Name()] {
			t.Errorf("%s: the answer of Supports is not what a read shows", f.Name())
		}
	}
}

func TestTransactions_DecodeList_readsEverySpellingOfNothing(t *testing.T) {
	t.Parallel()
	for _, item := range []string{
		`{"id":1}`,
		`{"id":1,"customer":{},"comment":"","price":"","date":0,"is_deleted":null}`,
		`{"id":1,"customer":[],"comment":null,"price":null,"date":"-62169993017","created_by":{}}`,
		`{"id":1,"customer":{"id":0},"updated_at":"","updated_by":null}`,
		`{"id":1,"customer":{"id":-1},"comment":[],"created_at":false}`,
	} {
		t.Run(item, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(&amogatev1.Transaction{Id: 1}, decodeTransaction(t, item), protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTransactions_DecodeList_keepsZeros(t *testing.T) {
	t.Parallel()
	want := &amogatev1.Transaction{
		Id: 1, Price: &money.Money{CurrencyCode: "USD"}, Deleted: new(false), CreatedBy: new(int64(0)), UpdatedBy: new(int64(0)),
	}
	got := decodeTransaction(t, `{"id":1,"price":0,"is_deleted":0,"created_by":0,"updated_by":"0"}`)
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestTransactions_DecodeList_mendsBadStrings(t *testing.T) {
	t.Parallel()
	if got := decodeTransaction(t, `{"id":1,"comment":"a\ud800b"}`); got.GetComment() != "a\uFFFDb" {
		t.Errorf("got %q", got.GetComment())
	}
}

func TestTransactions_DecodeList_emptyPage(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, " \r\n", `{"_embedded":{"items":[]}}`, `{"_embedded":{"items":{}}}`,
		`{"response":{"error":"Nothing found","error_code":"2002"}}`,
	} {
		page, err := transactions.DecodeList(testEnv(t), []byte(body))
		if err != nil || len(page.Rows) != 0 {
			t.Errorf("%q: got %d rows and error %v, want none", body, len(page.Rows), err)
		}
	}
}

func TestTransactions_DecodeList_refusesGarbledAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`<html></html>`, `{}`, `[]`, `null`, `{"_embedded":{}}`,
		`{"_embedded":{"items":[{"id":1}]}`,
		`{"_embedded":{"items":[{"id":1},null]}}`,
		`{"_embedded":{"items":[{"id":1},{}]}}`,
		`{"_embedded":{"items":[{"id":1},{"id":-1}]}}`,
		`{"_embedded":{"items":[{"id":1,"price":"a lot"}]}}`,
		`{"_embedded":{"items":[{"id":1},{"id":2,"price":99999999999999999999}]}}`,
		`{"_embedded":{"items":[{"id":1,"customer":5}]}}`,
		`{"_embedded":{"items":[{"id":1,"date":"yesterday"}]}}`,
		`{"_embedded":{"items":[{"id":1,"comment":{"a":1}}]}}`,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			page, err := transactions.DecodeList(testEnv(t), []byte(body))
			e := asError(t, err, driver.KindBadResponse)
			if len(page.Rows) != 0 || e.Op != "transactions.list" || e.Message == "" {
				t.Errorf("got %d rows, operation %q, message %q", len(page.Rows), e.Op, e.Message)
			}
		})
	}
}

func TestTransactions_List(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		filter *amogatev1.TransactionFilter
		// want is the query behind limit_rows and limit_offset.
		want  string
		local []string
	}{
		{"nothing", nil, "", nil},
		{"empty filter", &amogatev1.TransactionFilter{}, "", nil},
		{"of one customer", &amogatev1.TransactionFilter{CustomerId: 46879}, "customer_id=46879", nil},
		{"ids of one customer", &amogatev1.TransactionFilter{Ids: []int64{1}, CustomerId: 46879}, "customer_id=46879", []string{"customer_id"}},
		{"ids", &amogatev1.TransactionFilter{Ids: []int64{1}}, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			call, err := transactions.List(testEnv(t), c.filter, 1500, 50)
			if err != nil {
				t.Fatal(err)
			}
			query, err := url.ParseQuery("limit_rows=50&limit_offset=1500&" + c.want)
			if err != nil {
				t.Fatal(err)
			}
			want := driver.Call{Name: "transactions.list", Method: "GET", Path: "/api/v2/transactions", Query: query, Effect: driver.Read}
			if diff := cmp.Diff(want, call); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.local, transactions.Local(c.filter)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A field that is new in the filter is either sent or left to the caller.
func TestTransactions_List_everyFilterFieldCounts(t *testing.T) {
	t.Parallel()
	known := map[protoreflect.Name]bool{"ids": true, "customer_id": true}
	fields := (&amogatev1.TransactionFilter{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if name := fields.Get(i).Name(); !known[name] {
			t.Errorf("nothing is known of filter field %s", name)
		}
	}
}

func TestTransactions_List_refusesImpossiblePages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		offset int64
		limit  int
	}{{0, 0}, {0, 501}, {-1, 5}} {
		_, err := transactions.List(testEnv(t), nil, c.offset, c.limit)
		if e := asError(t, err, driver.KindBug); e.Op != "transactions.list" {
			t.Errorf("operation is %q", e.Op)
		}
	}
}

func TestTransactions_ByIDs(t *testing.T) {
	t.Parallel()
	want := driver.Call{
		Name: "transactions.get", Method: "GET", Path: "/api/v2/transactions", Effect: driver.Read,
		Query: url.Values{"id": {"3,1,2"}, "limit_rows": {"3"}, "limit_offset": {"0"}},
	}
	if diff := cmp.Diff(want, transactions.ByIDs([]int64{3, 1, 2})); diff != "" {
		t.Error(diff)
	}
}

func TestTransactions_limits(t *testing.T) {
	t.Parallel()
	got := []any{transactions.Name, transactions.Generation, transactions.MaxPage, transactions.MaxIDs, transactions.MaxBatch}
	if diff := cmp.Diff([]any{"transactions", driver.V2, 500, 250, 250}, got); diff != "" {
		t.Error(diff)
	}
}

// sectionErrors are the codes of the customers section, which its resources
// share, and those that all of upstream has.
var sectionErrors = []struct {
	name   string
	status int
	body   string
	kind   driver.Kind
}{
	{"no rights", 403, legacy("288"), driver.KindForbidden},
	{"no rights, status 200", 200, legacy("288"), driver.KindForbidden},
	{"function not paid", 402, legacy("402"), driver.KindCustomersNotInPlan},
	{"subscription over", 402, "", driver.KindPaymentRequired},
	{"function unavailable", 403, legacy("425"), driver.KindCustomersNotInPlan},
	{"function switched off", 403, legacy("426"), driver.KindCustomersDisabled},
	{"function switched off, as text", 400, `{"title":"Bad Request","status":400,"detail":"Error 426."}`, driver.KindCustomersDisabled},
	{"session over", 401, legacy("110"), driver.KindReauth},
	{"bad value", 400, `{"title":"Bad Request","status":400,"detail":"x"}`, driver.KindUpstreamInvalid},
	{"code of a custom field", 400, legacy("204"), driver.KindUpstreamInvalid},
	{"unknown path", 404, "", driver.KindBadResponse},
	{"too many requests", 429, "", driver.KindRateLimited},
	{"batch too large", 504, page, driver.KindUnavailable},
	{"a page in a success", 200, page, driver.KindBadResponse},
}

func TestTransactions_DecodeError(t *testing.T) {
	t.Parallel()
	for _, c := range sectionErrors {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := transactions.DecodeError(driver.Response{Status: c.status, Body: []byte(c.body)})
			if e == nil || e.Kind != c.kind || e.Status != c.status || len(e.Fields) != 0 {
				t.Errorf("got %+v, want kind %d", e, c.kind)
			}
		})
	}
	for _, body := range []string{``, `{"_embedded":{"items":[]}}`, `{"response":{"error_code":"2002"}}`} {
		if e := transactions.DecodeError(driver.Response{Status: 200, Body: []byte(body)}); e != nil {
			t.Errorf("%s: got %v", body, e)
		}
	}
}

// The names are those of a transaction: upstream's "date" is none of a
// customer's.
func TestTransactions_DecodeError_namesTheFaultyField(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Wrong date":             "complete_time",
		"price must be a number": "price",
		"comments is required":   "comment",
		"Customer not found":     "customer_id",
		"customer_id: unknown":   "customer_id",
		"bad next_date":          "next_purchase_time",
		"bad next_price":         "next_price",
		"bad elements":           "catalog_elements",
		"bad custom_fields":      "",
	} {
		e := transactions.DecodeError(driver.Response{Status: 400, Body: []byte(`{"error":"` + text + `"}`)})
		if got := fieldPaths(e); got != want {
			t.Errorf("%q names %q, want %q", text, got, want)
		}
	}
}
