package v2_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func decodeOne(t *testing.T, item string) *amogatev1.Customer {
	t.Helper()
	page, err := customers.DecodeList(testEnv(t), []byte(`{"_embedded":{"items":[`+item+`]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Rows) != 1 {
		t.Fatalf("got %d rows", len(page.Rows))
	}
	return page.Rows[0]
}

func TestCustomers_DecodeList_readsEveryKeyInItsOtherSpelling(t *testing.T) {
	t.Parallel()
	page, err := customers.DecodeList(testEnv(t), readTestdata(t, "full_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := &amogatev1.Customer{
		Id:                7,
		Name:              "Ирина & Co",
		NextPurchaseTime:  &timestamppb.Timestamp{Seconds: 1508878800},
		NextPrice:         &money.Money{CurrencyCode: "USD", Units: 99, Nanos: 950_000_000},
		ResponsibleUserId: new(int64(11)),
		PeriodId:          new(int64(112804)),
		StatusId:          new(int64(55)),
		Periodicity:       new(int32(30)),
		Tags:              []*amogatev1.Tag{{Id: 31, Name: "a"}, {Id: 32, Name: "b"}},
		ContactIds:        []int64{22, 21},
		MainContactId:     new(int64(21)),
		CompanyId:         new(int64(41)),
		CompanyName:       new("Shop"),
		CustomFields: []*amogatev1.CustomField{{
			FieldId: textField, Name: "Remarks", Code: "NOTE", TypeCode: "1",
			Type:  amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_TEXT,
			Value: &amogatev1.CustomField_Text{Text: "x"},
		}},
		CatalogElements: []*amogatev1.CatalogElementLink{{CatalogId: 1077, ElementId: 61, Quantity: 2.5}},
		ClosestTaskTime: &timestamppb.Timestamp{Seconds: 1508705940},
		Deleted:         new(true),
		CreateTime:      &timestamppb.Timestamp{Seconds: 1508500193},
		UpdateTime:      &timestamppb.Timestamp{Seconds: 1508659120},
		CreatedBy:       new(int64(0)),
		UpdatedBy:       new(int64(12)),
		AccountId:       new(int64(13667499)),
		Ltv:             &money.Money{CurrencyCode: "USD", Units: 100},
		PurchasesCount:  new(int64(3)),
		AverageCheck:    &money.Money{CurrencyCode: "USD", Units: 33, Nanos: 500_000_000},
	}
	if diff := cmp.Diff([]*amogatev1.Customer{want}, page.Rows, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	// A field that is new in the proto has to come from somewhere.
	m := page.Rows[0].ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		if m.Has(f) == unreadFields[f.FullName()] {
			t.Errorf("%s is set: %t, by a reply that has every key", f.Name(), m.Has(f))
		}
		if customers.Supports(driver.OpGet, string(f.Name())) == unreadFields[f.FullName()] {
			t.Errorf("%s: the answer of Supports is not what a read shows", f.Name())
		}
	}
}

// unreadFields are the fields below a customer that API v2 never shows; messages
// stand for all their fields.
var unreadFields = map[protoreflect.FullName]bool{
	"amogate.v1.Customer.segments":           true,
	"amogate.v1.SegmentLink":                 true,
	"amogate.v1.CatalogElementLink.price_id": true,
	"amogate.v1.CustomField.linked_entity":   true,
	"amogate.v1.LinkedEntity":                true,
	"amogate.v1.CustomField.chained_list":    true,
	"amogate.v1.ChainedList":                 true,
	"amogate.v1.ChainedListValue":            true,
	"amogate.v1.CustomField.file":            true,
	"amogate.v1.File":                        true,
	"amogate.v1.CustomField.payer":           true,
	"amogate.v1.Payer":                       true,
	"amogate.v1.CustomField.supplier":        true,
	"amogate.v1.Supplier":                    true,
}

// Between them, the custom fields of the tests set every field of every message
// that a customer can hold.
func TestCustomers_DecodeList_fillsEveryFieldOfEveryMessage(t *testing.T) {
	t.Parallel()
	seen := map[protoreflect.FullName]bool{}
	reachable := map[protoreflect.FullName]bool{}
	walkFields(decodeOne(t, `{"id":1}`).ProtoReflect().Descriptor(), reachable, map[protoreflect.FullName]bool{})
	page, err := customers.DecodeList(testEnv(t), readTestdata(t, "full_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	markSet(page.Rows[0].ProtoReflect(), seen)
	for _, c := range fieldCases {
		field, _ := readField(t, c.id, c.read)
		markSet(field.ProtoReflect(), seen)
	}
	for id, values := range map[int64]string{
		fileField:        `[{"value":"x"}]`,
		legalEntityField: `[{"value":{"name":"A","planet":1}}]`,
		orgField:         `[{"value":{"name":"A","planet":1}}]`,
		itemsField:       `[{"description":"A","planet":1}]`,
	} {
		field, _ := readField(t, id, values)
		markSet(field.ProtoReflect(), seen)
	}
	for name := range reachable {
		if isUnread := unreadFields[name] || unreadFields[name.Parent()]; seen[name] == isUnread {
			t.Errorf("%s is set: %t", name, seen[name])
		}
	}
}

// walkFields adds the fields of d and of our messages below it.
func walkFields(d protoreflect.MessageDescriptor, fields, done map[protoreflect.FullName]bool) {
	if done[d.FullName()] || !strings.HasPrefix(string(d.FullName()), "amogate.v1.") {
		return
	}
	done[d.FullName()] = true
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		fields[f.FullName()] = true
		if f.Message() != nil {
			walkFields(f.Message(), fields, done)
		}
	}
}

// markSet adds the fields that are set in m and below.
func markSet(m protoreflect.Message, seen map[protoreflect.FullName]bool) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		seen[f.FullName()] = true
		switch {
		case f.Message() == nil || f.IsMap():
		case f.IsList():
			for i := range v.List().Len() {
				markSet(v.List().Get(i).Message(), seen)
			}
		default:
			markSet(v.Message(), seen)
		}
		return true
	})
}

func TestCustomers_DecodeList_readsEverySpellingOfNothing(t *testing.T) {
	t.Parallel()
	bare := &amogatev1.Customer{Id: 1}
	for _, nothing := range []string{`{}`, `[]`, `null`, `""`, `false`} {
		t.Run(nothing, func(t *testing.T) {
			t.Parallel()
			var item strings.Builder
			item.WriteString(`{"id":1`)
			for _, key := range []string{"main_contact", "tags", "custom_fields", "contacts", "company", "_embedded"} {
				fmt.Fprintf(&item, `,%q:%s`, key, nothing)
			}
			got := decodeOne(t, item.String()+`}`)
			if diff := cmp.Diff(bare, got, protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, item := range []string{
		`{"id":1}`,
		`{"id":1,"closest_task_at":0,"next_date":0,"created_at":null,"updated_at":""}`,
		`{"id":1,"closest_task_at":-62169993017,"next_date":"-5"}`,
		`{"id":1,"name":null,"next_price":null,"periodicity":"","is_deleted":null,"updated_by":{}}`,
		`{"id":1,"period_id":0,"status_id":"0"}`,
		`{"id":1,"main_contact":{"id":null},"company":{"id":0,"name":"x"},"contacts":{"id":[]}}`,
		`{"id":1,"contacts":{"id":{}},"_embedded":{"catalog_elements_links":{}}}`,
	} {
		t.Run(item, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(bare, decodeOne(t, item), protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCustomers_DecodeList_companyWithoutName(t *testing.T) {
	t.Parallel()
	got := decodeOne(t, `{"id":1,"company":{"id":5,"name":null}}`)
	if got.GetCompanyId() != 5 || got.CompanyName != nil {
		t.Errorf("got %v", got)
	}
}

func TestCustomers_DecodeList_keepsZeros(t *testing.T) {
	t.Parallel()
	got := decodeOne(t, `{"id":1,"created_by":0,"updated_by":"0","next_price":0,"periodicity":0,"is_deleted":0}`)
	want := &amogatev1.Customer{
		Id: 1, CreatedBy: new(int64(0)), UpdatedBy: new(int64(0)), NextPrice: &money.Money{CurrencyCode: "USD"},
		Periodicity: new(int32(0)), Deleted: new(false),
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

// One bad string must not cost the row, nor the page.
func TestCustomers_DecodeList_mendsBadStrings(t *testing.T) {
	t.Parallel()
	for _, name := range []string{`a\ud800b`, "a\xffb", `a\udc00b`} {
		if got := decodeOne(t, `{"id":1,"name":"`+name+`"}`); got.GetName() != "a\uFFFDb" {
			t.Errorf("%q became %q", name, got.GetName())
		}
	}
}

func TestCustomers_DecodeList_emptyPage(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, " \r\n", `{"_embedded":{"items":[]}}`, `{"_embedded":{"items":{}}}`,
		`{"_links":{},"_embedded":{"items":[]}}`,
		`{"response":{"error":"Nothing found","error_code":"2002"}}`,
	} {
		page, err := customers.DecodeList(testEnv(t), []byte(body))
		if err != nil || len(page.Rows) != 0 {
			t.Errorf("%q: got %d rows and error %v, want none", body, len(page.Rows), err)
		}
	}
	if page, err := customers.DecodeList(testEnv(t), nil); err != nil || len(page.Rows) != 0 {
		t.Errorf("no body: got %d rows and error %v", len(page.Rows), err)
	}
}

func TestCustomers_DecodeList_objectOfItems(t *testing.T) {
	t.Parallel()
	page, err := customers.DecodeList(testEnv(t), []byte(`{"_embedded":{"items":{"10":{"id":3},"9":{"id":2},"0":{"id":1}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, row := range page.Rows {
		ids = append(ids, row.GetId())
	}
	if diff := cmp.Diff([]int64{1, 2, 3}, ids); diff != "" {
		t.Error(diff)
	}
}

// A row that cannot be read fails the page: skipped, it would be missing from
// somebody's books.
func TestCustomers_DecodeList_refusesGarbledAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`<html><body>502 Bad Gateway</body></html>`,
		`{"_embedded":{"items":[{"id":1},`,
		`{"_embedded":{"items":[{"id":1}]}`,
		`{"_embedded":{"items":[{"id":1}]}} trailing`,
		`{}`, `[]`, `null`, `5`, `"text"`,
		`{"_embedded":{}}`, `{"_embedded":[]}`, `{"_embedded":null}`,
		`{"_embedded":{"items":[{"id":1},5]}}`,
		`{"_embedded":{"items":[{"id":1},null]}}`,
		`{"_embedded":{"items":[{"id":1},[]]}}`,
		`{"_embedded":{"items":[{"id":1},{}]}}`,
		`{"_embedded":{"items":[{"id":1},{"name":"no id"}]}}`,
		`{"_embedded":{"items":[{"id":0}]}}`,
		`{"_embedded":{"items":[{"id":-1}]}}`,
		`{"_embedded":{"items":[{"id":"seven"}]}}`,
		`{"_embedded":{"items":[{"id":1,"name":{"first":"A"}}]}}`,
		`{"_embedded":{"items":[{"id":1,"created_at":"yesterday"}]}}`,
		`{"_embedded":{"items":[{"id":1,"next_price":"a lot"}]}}`,
		`{"_embedded":{"items":[{"id":1,"next_price":99999999999999999999}]}}`,
		`{"_embedded":{"items":[{"id":1,"periodicity":2147483648}]}}`,
		`{"_embedded":{"items":[{"id":1,"contacts":{"id":["a"]}}]}}`,
		`{"_embedded":{"items":[{"id":1,"custom_fields":[{"values":[]}]}]}}`,
		`{"_embedded":{"items":[{"id":1,"_embedded":{"catalog_elements_links":[{"id":1,"quantity":1e999}]}}]}}`,
		`{"response":{"error":"something else","error_code":"203"}}`,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			page, err := customers.DecodeList(testEnv(t), []byte(body))
			e := asError(t, err, driver.KindBadResponse)
			if len(page.Rows) != 0 {
				t.Errorf("got %d rows beside the error", len(page.Rows))
			}
			if e.Op != "customers.list" || e.Message == "" {
				t.Errorf("got operation %q, message %q", e.Op, e.Message)
			}
		})
	}
	deep := `{"_embedded":{"items":[{"id":1,"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}]}}`
	_, err := customers.DecodeList(testEnv(t), []byte(deep))
	wantKind(t, err, driver.KindTooLarge)
}

func TestCustomers_DecodeList_needsNoEnv(t *testing.T) {
	t.Parallel()
	page, err := customers.DecodeList(nil, readTestdata(t, "list_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{textField, multiselectField}, page.UnknownFields); diff != "" {
		t.Error(diff)
	}
}
