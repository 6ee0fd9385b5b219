package v2_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestSample_transactionAdd(t *testing.T) {
	t.Parallel()
	env := testEnv(t)
	value := &amogatev1.Transaction{
		CustomerId:       466791,
		Price:            &money.Money{Units: 15000, CurrencyCode: "USD"},
		CompleteTime:     &timestamppb.Timestamp{Seconds: 1507582800},
		Comment:          "Everything went well",
		NextPurchaseTime: &timestamppb.Timestamp{Seconds: 1508878800},
		NextPrice:        &money.Money{Units: 20000},
	}
	if err := transactions.Check(env, driver.OpCreate, value, nil); err != nil {
		t.Fatal(err)
	}
	call, err := transactions.Create(env, []*amogatev1.Transaction{value})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(normalise(t, readTestdata(t, "transaction_add_request.json")), normalise(t, call.Body)); diff != "" {
		t.Error(diff)
	}
	checkCall(t, call, "transactions.create", "/api/v2/transactions", driver.Create)
}

func TestSample_transactionComment(t *testing.T) {
	t.Parallel()
	call, err := transactions.Update(testEnv(t), []driver.Change[*amogatev1.Transaction]{{
		ID: 5396, Value: &amogatev1.Transaction{Comment: "Draw up a contract"}, Paths: []string{"comment"}, UpdateTime: time.Unix(1508619600, 0),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(normalise(t, readTestdata(t, "transaction_comment_request.json")), normalise(t, call.Body)); diff != "" {
		t.Error(diff)
	}
	checkCall(t, call, "transactions.update", "/api/v2/transactions", driver.Set)
}

func TestSample_transactionDelete(t *testing.T) {
	t.Parallel()
	call := transactions.Delete([]int64{4589, 4588, 4587})
	if diff := cmp.Diff(normalise(t, readTestdata(t, "transaction_delete_request.json")), normalise(t, call.Body)); diff != "" {
		t.Error(diff)
	}
	checkCall(t, call, "transactions.delete", "/api/v2/transactions", driver.Set)
}

// The answer to a comment has the id of the transaction, though the reference's
// table calls it the comment's.
func TestSample_transactionReplies(t *testing.T) {
	t.Parallel()
	for op, file := range map[driver.Op]string{
		driver.OpCreate: "transaction_add_reply.json",
		driver.OpUpdate: "transaction_comment_reply.json",
	} {
		reply, err := transactions.DecodeWrite(op, readTestdata(t, file))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(driver.WriteReply{Items: []driver.WriteItem{{ID: 5396}}}, reply); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
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
	"complete_time":      {&amogatev1.Transaction{CompleteTime: &timestamppb.Timestamp{Seconds: 5}}, `{"date":5}`},
	"comment":            {&amogatev1.Transaction{Comment: "x"}, `{"comment":"x"}`},
	"next_price":         {&amogatev1.Transaction{NextPrice: &money.Money{Units: 5}}, `{"next_price":5}`},
	"next_purchase_time": {&amogatev1.Transaction{NextPurchaseTime: &timestamppb.Timestamp{Seconds: 5}}, `{"next_date":5}`},
	"catalog_elements": {
		&amogatev1.Transaction{CatalogElements: []*amogatev1.CatalogElementLink{{CatalogId: 7, ElementId: 1, Quantity: 2}, {CatalogId: 7, ElementId: 3, Quantity: 1.5}}},
		`{"elements":{"7":{"1":2,"3":1.5}}}`,
	},
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
			if err := transactions.Check(testEnv(t), driver.OpCreate, c.value, []string{"customer_id", "price", path}); err != nil {
				t.Error(err)
			}
			call, err := transactions.Create(testEnv(t), []*amogatev1.Transaction{c.value})
			if err != nil {
				t.Fatal(err)
			}
			item := object(t, list(t, object(t, decode(t, call.Body))["add"])[0])
			if item["customer_id"] != 77.0 || item["price"] != 9.0 {
				t.Errorf("got %v", item)
			}
			delete(item, "customer_id")
			delete(item, "price")
			if diff := cmp.Diff(decode(t, []byte(c.want)), any(item)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What was read can be sent as a new one: output-only fields are left out.
func TestTransactions_Create_ignoresOutputOnlyFields(t *testing.T) {
	t.Parallel()
	value := &amogatev1.Transaction{
		Id: 5, CustomerId: 7, Price: &money.Money{}, Deleted: new(false), AccountId: new(int64(5)), CreatedBy: new(int64(5)), UpdatedBy: new(int64(5)),
		CreateTime: &timestamppb.Timestamp{Seconds: 5}, UpdateTime: &timestamppb.Timestamp{Seconds: 5},
	}
	if err := transactions.Check(testEnv(t), driver.OpCreate, value, nil); err != nil {
		t.Error(err)
	}
	call, err := transactions.Create(testEnv(t), []*amogatev1.Transaction{value, {CustomerId: 8, Price: &money.Money{Units: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"add":[{"customer_id":7,"price":0},{"customer_id":8,"price":1}]}`
	if string(call.Body) != want {
		t.Errorf("got %s, want %s", call.Body, want)
	}
}

func TestTransactions_Update_writesCommentsOnly(t *testing.T) {
	t.Parallel()
	fields := (&amogatev1.Transaction{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		path := string(fields.Get(i).Name())
		isComment := path == "comment"
		if transactions.Supports(driver.OpUpdate, path) != isComment {
			t.Errorf("%s: the answer of Supports is wrong", path)
		}
		err := transactions.Check(testEnv(t), driver.OpUpdate, &amogatev1.Transaction{}, []string{path})
		if isComment {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if e := asError(t, err, driver.KindInvalid); len(e.Fields) != 1 || e.Fields[0].Path != path || e.Op != "transactions.update" {
			t.Errorf("got %v", e)
		}
	}
	call, err := transactions.Update(testEnv(t), []driver.Change[*amogatev1.Transaction]{
		{ID: 1, Value: &amogatev1.Transaction{Comment: "a", Price: &money.Money{Units: 5}}, Paths: []string{"comment"}, UpdateTime: time.Unix(5, 0)},
		{ID: 2, Value: &amogatev1.Transaction{}, Paths: []string{"comment"}, UpdateTime: time.Unix(5, 0)},
	})
	want := `{"update":[{"transaction_id":1,"comment":"a"},{"transaction_id":2,"comment":""}]}`
	if err != nil || string(call.Body) != want {
		t.Errorf("got %s and error %v, want %s", call.Body, err, want)
	}
	// A change of nothing must not clear the comment.
	_, err = transactions.Update(testEnv(t), []driver.Change[*amogatev1.Transaction]{{ID: 1, Value: &amogatev1.Transaction{}}})
	wantKind(t, err, driver.KindBug)
}

func TestTransactions_NeedsBefore_never(t *testing.T) {
	t.Parallel()
	if transactions.NeedsBefore(&amogatev1.Transaction{}, []string{"comment"}) {
		t.Error("a comment needs the record")
	}
	if err := transactions.CheckChange(driver.Change[*amogatev1.Transaction]{}); err != nil {
		t.Error(err)
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
		{driver.OpList, "price", true},
		{driver.OpGet, "next_price", false},
		{driver.OpGet, "planet", false},
		{driver.OpCreate, "", true},
		{driver.OpUpdate, "", true},
		{driver.OpUpdate, "price", false},
		{driver.OpDelete, "", true},
		{driver.OpDelete, "comment", false},
		{"dance", "", false},
	} {
		if got := transactions.Supports(c.op, c.path); got != c.want {
			t.Errorf("%s %q: got %t", c.op, c.path, got)
		}
	}
}

func TestTransactions_Check(t *testing.T) {
	t.Parallel()
	type transaction = amogatev1.Transaction
	// with returns a transaction that can be created, changed.
	with := func(change func(*transaction)) *transaction {
		value := &transaction{CustomerId: 7, Price: &money.Money{Units: 1}}
		change(value)
		return value
	}
	for _, c := range []struct {
		name  string
		value *transaction
		paths []string
		// kind 0 = it can be written.
		kind driver.Kind
		path string
	}{
		{"the least", with(func(*transaction) {}), nil, 0, ""},
		{"no customer", with(func(v *transaction) { v.CustomerId = 0 }), nil, driver.KindInvalid, "customer_id"},
		{"negative customer", with(func(v *transaction) { v.CustomerId = -7 }), nil, driver.KindInvalid, "customer_id"},
		{"no price", with(func(v *transaction) { v.Price = nil }), nil, driver.KindInvalid, "price"},
		{"price of nothing", with(func(v *transaction) { v.Price = &money.Money{} }), nil, 0, ""},
		{"account's currency", with(func(v *transaction) { v.Price.CurrencyCode = "usd" }), nil, 0, ""},
		{"another currency", with(func(v *transaction) { v.Price.CurrencyCode = "EUR" }), nil, driver.KindInvalid, "price.currency_code"},
		{"part of a unit", with(func(v *transaction) { v.Price.Nanos = 1 }), nil, driver.KindInexpressible, "price.nanos"},
		{"negative price", with(func(v *transaction) { v.Price.Units = -1 }), nil, driver.KindInvalid, "price.units"},
		{"mixed signs", with(func(v *transaction) { v.Price.Nanos = -1 }), nil, driver.KindInvalid, "price.nanos"},
		{"next price in another currency", with(func(v *transaction) { v.NextPrice = &money.Money{CurrencyCode: "EUR"} }), nil, driver.KindInvalid, "next_price.currency_code"},
		{"part of a unit of the next price", with(func(v *transaction) { v.NextPrice = &money.Money{Nanos: 1} }), nil, driver.KindInexpressible, "next_price.nanos"},
		{"purchase in fractions", with(func(v *transaction) { v.CompleteTime = &timestamppb.Timestamp{Seconds: 1, Nanos: 1} }), nil, driver.KindInvalid, "complete_time"},
		{"purchase at 0", with(func(v *transaction) { v.CompleteTime = &timestamppb.Timestamp{} }), nil, driver.KindInvalid, "complete_time"},
		{"purchase in the year 10000", with(func(v *transaction) { v.CompleteTime = &timestamppb.Timestamp{Seconds: 253402300800} }), nil, driver.KindInvalid, "complete_time"},
		{"next purchase in fractions", with(func(v *transaction) { v.NextPurchaseTime = &timestamppb.Timestamp{Seconds: 1, Nanos: 1} }), nil, driver.KindInvalid, "next_purchase_time"},
		{"element of no catalog", with(func(v *transaction) { v.CatalogElements = []*amogatev1.CatalogElementLink{{ElementId: 1}} }), nil, driver.KindInvalid, "catalog_elements[0].catalog_id"},
		{"bonus points", with(func(v *transaction) { v.AccrueBonus = new(false) }), nil, driver.KindUnsupported, "accrue_bonus"},
		{"bonus points, named", with(func(v *transaction) { v.AccrueBonus = new(true) }), []string{"price", "accrue_bonus"}, driver.KindUnsupported, "accrue_bonus"},
		{"price of an element", with(func(v *transaction) {
			v.CatalogElements = []*amogatev1.CatalogElementLink{{CatalogId: 1, ElementId: 2, PriceId: new(int64(3))}}
		}), nil, driver.KindUnsupported, "catalog_elements[0].price_id"},
		{"unknown field", with(func(*transaction) {}), []string{"planet"}, driver.KindInvalid, "planet"},
		{"output-only field", with(func(*transaction) {}), []string{"deleted"}, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := transactions.Check(testEnv(t), driver.OpCreate, c.value, c.paths)
			if c.kind == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := asError(t, err, c.kind)
			if len(e.Fields) != 1 || e.Fields[0].Path != c.path || e.Fields[0].Description == "" {
				t.Errorf("got fields %v, want %s", e.Fields, c.path)
			}
			if e.Op != "transactions.create" || strings.Contains(e.Message, "customer") {
				t.Errorf("operation %q, message %q", e.Op, e.Message)
			}
		})
	}
}

// The answer to a delete is not documented; these are what clients and the
// older API know.
func TestTransactions_DecodeWrite_deletions(t *testing.T) {
	t.Parallel()
	want := driver.WriteReply{Items: []driver.WriteItem{{ID: 4588}, {ID: 4589}}}
	for _, items := range []string{
		`{"deleted":[{"id":4588},{"id":"4589"}]}`,
		`{"deleted":[4588,"4589"]}`,
		`{"deleted":{"4588":{"id":4588},"4589":{"id":4589}}}`,
		`{"delete":{"4588":{"date":1,"price":5,"customer_id":7},"4589":true}}`,
		`[{"id":4588,"_links":{}},{"id":4589}]`,
		`{"0":{"id":4588},"1":{"id":4589}}`,
		`{"4588":{"date":1,"price":5,"customer_id":7},"4589":{"id":4589}}`,
		`[4588,4589]`,
	} {
		t.Run(items, func(t *testing.T) {
			t.Parallel()
			reply, err := transactions.DecodeWrite(driver.OpDelete, []byte(`{"_embedded":{"items":`+items+`,"errors":[]}}`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, reply); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// No request ids are sent, so what upstream makes up for them, 0 or the new id,
// must not be taken for one.
func TestTransactions_DecodeWrite_goesByPosition(t *testing.T) {
	t.Parallel()
	reply, err := transactions.DecodeWrite(driver.OpCreate, []byte(`{"_embedded":{
		"items":[{"id":9,"request_id":9},{"id":8,"request_id":1}],
		"errors":{"add":{"1":"bad price","3":{"request_id":7,"code":288}}}
	}}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]driver.WriteItem{{ID: 9}, {ID: 8}}, reply.Items); diff != "" {
		t.Error(diff)
	}
	var got []itemRefusal
	for _, e := range reply.Errors {
		got = append(got, itemRefusal{e.ID, e.Index, e.Stale, e.Err.Kind, e.Err.Code})
	}
	want := []itemRefusal{{0, 1, false, driver.KindUpstreamInvalid, ""}, {0, 3, false, driver.KindForbidden, "288"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A new record cannot be missing; what it refers to can.
func TestTransactions_DecodeWrite_notFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op     driver.Op
		errors string
		kind   driver.Kind
		path   string
	}{
		{driver.OpCreate, `{"add":["Customer not found"]}`, driver.KindUpstreamInvalid, "customer_id"},
		{driver.OpUpdate, `{"update":{"5":"Transaction not found"}}`, driver.KindNotFound, ""},
		{driver.OpDelete, `{"delete":{"5":"Transaction not found"}}`, driver.KindNotFound, ""},
	} {
		reply, err := transactions.DecodeWrite(c.op, []byte(`{"_embedded":{"items":[],"errors":`+c.errors+`}}`))
		if err != nil {
			t.Fatal(err)
		}
		e := reply.Errors[0]
		if e.Err.Kind != c.kind || fieldPaths(e.Err) != c.path || e.Err.Op != "transactions."+string(c.op) {
			t.Errorf("%s: got %+v", c.errors, e.Err)
		}
	}
}

func TestTransactions_DecodeWrite_refusesGarbledAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `{}`, `[]`, `<html></html>`, `{"_embedded":{}}`, `{"_embedded":{"items":[{"id":0}]}}`, `{"_embedded":{"items":[null]}}`} {
		_, err := transactions.DecodeWrite(driver.OpUpdate, []byte(body))
		if e := asError(t, err, driver.KindBadResponse); e.Op != "transactions.update" {
			t.Errorf("%s: operation %q", body, e.Op)
		}
	}
}
