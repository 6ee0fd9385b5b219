package server

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func timestamp(seconds int64) time.Time { return time.Unix(seconds, 0) }

func TestUpdateOf_choosesTheFieldsToWrite(t *testing.T) {
	t.Parallel()
	full := &amogatev1.Customer{
		Id: 5, Name: "Rose", NextPrice: &money.Money{Units: 3}, Periodicity: proto.Int32(0),
		CreateTime: timestamppb.New(timestamp(1)), UpdateTime: timestamppb.New(timestamp(2)),
		CreatedBy: proto.Int64(1), Deleted: new(false), AccountId: proto.Int64(1),
	}
	for name, c := range map[string]struct {
		customer *amogatev1.Customer
		mask     []string
		implicit bool
		want     []string
	}{
		"no mask: what is set and can be written":    {customer: full, want: []string{"name", "next_price", "periodicity"}},
		"set to the zero value counts as set":        {customer: &amogatev1.Customer{CompanyId: proto.Int64(0)}, want: []string{"company_id"}},
		"an empty message counts as set":             {customer: &amogatev1.Customer{NextPrice: &money.Money{}}, want: []string{"next_price"}},
		"in the mask and not set is cleared":         {customer: &amogatev1.Customer{}, mask: []string{"next_price"}, want: []string{"next_price"}},
		"in the mask without a customer is cleared":  {mask: []string{"company_id"}, want: []string{"company_id"}},
		"outside of the mask is kept":                {customer: full, mask: []string{"name"}, want: []string{"name"}},
		"below a message counts as its field":        {customer: full, mask: []string{"next_price.units", "next_price.nanos"}, want: []string{"next_price"}},
		"below an instant too":                       {customer: full, mask: []string{"next_purchase_time.seconds"}, want: []string{"next_purchase_time"}},
		"doubles count once, in the message's order": {customer: full, mask: []string{"tags", "name", "tags"}, want: []string{"name", "tags"}},
		"an implicit mask loses what is read only": {
			customer: full, implicit: true,
			mask: []string{"id", "name", "create_time", "update_time", "created_by", "deleted", ""}, want: []string{"name"},
		},
		"an implicit mask keeps null": {customer: &amogatev1.Customer{}, implicit: true, mask: []string{"company_id"}, want: []string{"company_id"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := &amogatev1.UpdateCustomerRequest{Id: 5}
			if c.customer != nil {
				req.Customer, _ = proto.Clone(c.customer).(*amogatev1.Customer)
			}
			if c.mask != nil {
				req.UpdateMask = &fieldmaskpb.FieldMask{Paths: c.mask}
			}
			got, faulty := updateOf(req, "customer", req.GetCustomer(), c.implicit)
			if len(faulty) > 0 {
				t.Fatalf("refused: %v", faulty)
			}
			if diff := cmp.Diff(c.want, got.Paths); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
			if got.Value == nil {
				t.Error("the value is nil")
			}
			if got.ID != 5 || got.Value.GetId() != 0 || got.Value.GetUpdateTime() != nil {
				t.Errorf("id %d with the output-only fields of %v", got.ID, got.Value)
			}
		})
	}
}

func TestUpdateOf_refuses(t *testing.T) {
	t.Parallel()
	named := &amogatev1.Customer{Name: "Rose"}
	mask := func(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }
	for name, c := range map[string]struct {
		req      *amogatev1.UpdateCustomerRequest
		implicit bool
		want     []string
	}{
		"nothing":                               {req: &amogatev1.UpdateCustomerRequest{}, want: []string{"update_mask"}},
		"an empty mask and nothing set":         {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask(), Customer: &amogatev1.Customer{}}, want: []string{"update_mask"}},
		"only what is read only":                {req: &amogatev1.UpdateCustomerRequest{Customer: &amogatev1.Customer{Deleted: new(true)}}, want: []string{"update_mask"}},
		"an implicit mask of nothing":           {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("")}, implicit: true, want: []string{"update_mask"}},
		"an implicit mask of read only":         {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("update_time")}, implicit: true, want: []string{"update_mask"}},
		"an implicit mask of an unknown field":  {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("nickname")}, implicit: true, want: []string{"update_mask"}},
		"a star":                                {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("*"), Customer: named}, want: []string{"update_mask"}},
		"an implicit star":                      {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("*"), Customer: named}, implicit: true, want: []string{"update_mask"}},
		"the empty path":                        {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask(""), Customer: named}, want: []string{"update_mask"}},
		"an unknown field":                      {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("name", "nickname"), Customer: named}, want: []string{"update_mask"}},
		"a JSON name":                           {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("nextPrice"), Customer: named}, want: []string{"update_mask"}},
		"a path below a scalar":                 {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("name.first"), Customer: named}, want: []string{"update_mask"}},
		"a path below a list":                   {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("tags.name"), Customer: named}, want: []string{"update_mask"}},
		"an unknown path below a message":       {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("next_price.cents"), Customer: named}, want: []string{"update_mask"}},
		"an output-only field":                  {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("update_time"), Customer: named}, want: []string{"update_mask"}},
		"an immutable field":                    {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("create_time"), Customer: named}, want: []string{"update_mask"}},
		"the id in the mask":                    {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("id"), Customer: named}, want: []string{"update_mask"}},
		"every bad path is told":                {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("*", "a", "id"), Customer: named}, want: []string{"update_mask", "update_mask", "update_mask"}},
		"another id in the customer":            {req: &amogatev1.UpdateCustomerRequest{Customer: &amogatev1.Customer{Id: 6, Name: "Rose"}}, want: []string{"customer.id"}},
		"tags and add_tags":                     {req: &amogatev1.UpdateCustomerRequest{Customer: &amogatev1.Customer{Tags: []*amogatev1.Tag{{Name: "a"}}}, AddTags: []string{"b"}}, want: []string{"add_tags"}},
		"tags in the mask and remove_tags":      {req: &amogatev1.UpdateCustomerRequest{UpdateMask: mask("tags"), RemoveTags: []string{"b"}}, want: []string{"remove_tags"}},
		"a tag added and removed":               {req: &amogatev1.UpdateCustomerRequest{AddTags: []string{"a", "b"}, RemoveTags: []string{"c", "b"}}, want: []string{"remove_tags[1]"}},
		"a condition with fractions":            {req: &amogatev1.UpdateCustomerRequest{Customer: named, ExpectedUpdateTime: &timestamppb.Timestamp{Seconds: 5, Nanos: 1}}, want: []string{"expected_update_time"}},
		"a condition that would be none at all": {req: &amogatev1.UpdateCustomerRequest{Customer: named, ExpectedUpdateTime: &timestamppb.Timestamp{}}, want: []string{"expected_update_time"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, _ := proto.Clone(c.req).(*amogatev1.UpdateCustomerRequest)
			req.Id = 5
			_, faulty := updateOf(req, "customer", req.GetCustomer(), c.implicit)
			var got []string
			for _, v := range faulty {
				got = append(got, v.GetField())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("violations %v (-want +got):\n%s", faulty, diff)
			}
		})
	}
}

func TestUpdateOf_takesTagsAloneAndTheCondition(t *testing.T) {
	t.Parallel()
	req := &amogatev1.UpdateCustomerRequest{
		Id: 5, AddTags: []string{"a"}, RemoveTags: []string{"b"}, ReadBack: true,
		ExpectedUpdateTime: &timestamppb.Timestamp{Seconds: 1546300800},
	}
	got, faulty := updateOf(req, "customer", req.GetCustomer(), false)
	if len(faulty) > 0 {
		t.Fatal(faulty)
	}
	if !cmp.Equal(got.AddTags, []string{"a"}) || !cmp.Equal(got.RemoveTags, []string{"b"}) || !got.ReadBack ||
		got.ExpectedUpdateTime != 1546300800 || len(got.Paths) != 0 {
		t.Errorf("got %+v", got)
	}
}

// Each field is either writable or refused, by its annotations alone.
func TestMaskPaths_everyFieldOfACustomer(t *testing.T) {
	t.Parallel()
	writable := map[string]bool{
		"name": true, "next_purchase_time": true, "next_price": true, "responsible_user_id": true, "period_id": true,
		"periodicity": true, "tags": true, "contact_ids": true, "company_id": true, "custom_fields": true, "catalog_elements": true,
		"status_id": true, "segments": true,
	}
	m := (&amogatev1.Customer{}).ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		name := string(m.Descriptor().Fields().Get(i).Name())
		paths, faulty := maskPaths(m, []string{name}, false)
		if got := len(paths) == 1 && len(faulty) == 0; got != writable[name] {
			t.Errorf("%s: writable %t, want %t (%v)", name, got, writable[name], faulty)
		}
	}
}

func TestMaskPaths_everyFieldOfATransaction(t *testing.T) {
	t.Parallel()
	m := (&amogatev1.Transaction{}).ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		name := string(m.Descriptor().Fields().Get(i).Name())
		paths, faulty := maskPaths(m, []string{name}, false)
		if got := len(paths) == 1 && len(faulty) == 0; got != (name == "comment") {
			t.Errorf("%s: writable %t (%v)", name, got, faulty)
		}
	}
}

// An update of a transaction has neither tags nor a condition.
func TestUpdateOf_aTransaction(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		transaction *amogatev1.Transaction
		mask        []string
		implicit    bool
		want        []string
		faulty      []string
	}{
		"a comment":                           {transaction: &amogatev1.Transaction{Comment: "a"}, want: []string{"comment"}},
		"no comment":                          {mask: []string{"comment"}, want: []string{"comment"}},
		"an empty comment with a mask":        {transaction: &amogatev1.Transaction{}, mask: []string{"comment"}, want: []string{"comment"}},
		"one that was read":                   {transaction: &amogatev1.Transaction{Id: 5, CustomerId: 3, Price: &money.Money{Units: 2}, Comment: "a"}, want: []string{"comment"}},
		"one that was read, by the gateway":   {transaction: &amogatev1.Transaction{Comment: "a"}, mask: []string{"id", "price", "comment"}, implicit: true, want: []string{"comment"}},
		"a price":                             {transaction: &amogatev1.Transaction{Price: &money.Money{Units: 2}}, faulty: []string{"update_mask"}},
		"a price in the mask":                 {transaction: &amogatev1.Transaction{Comment: "a"}, mask: []string{"comment", "price"}, want: []string{"comment"}, faulty: []string{"update_mask"}},
		"another transaction":                 {transaction: &amogatev1.Transaction{Id: 6, Comment: "a"}, want: []string{"comment"}, faulty: []string{"transaction.id"}},
		"nothing":                             {faulty: []string{"update_mask"}},
		"an empty comment without a mask":     {transaction: &amogatev1.Transaction{}, faulty: []string{"update_mask"}},
		"the catalog elements of a REST body": {transaction: &amogatev1.Transaction{}, mask: []string{"catalog_elements"}, implicit: true, faulty: []string{"update_mask"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := &amogatev1.UpdateTransactionRequest{Id: 5, Transaction: c.transaction, ReadBack: true}
			if c.mask != nil {
				req.UpdateMask = &fieldmaskpb.FieldMask{Paths: c.mask}
			}
			got, faulty := updateOf(req, "transaction", req.GetTransaction(), c.implicit)
			if diff := cmp.Diff(c.want, got.Paths); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.faulty, paths(faulty)); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
			if got.ID != 5 || got.ExpectedUpdateTime != 0 || !got.ReadBack {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestParentOf_thePathWinsAndAnotherIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		beside, inside, want int64
		faulty               []string
	}{
		"nowhere":     {},
		"in the path": {beside: 7, want: 7},
		"in the body": {inside: 7, want: 7},
		"in both":     {beside: 7, inside: 7, want: 7},
		"different":   {beside: 7, inside: 8, want: 7, faulty: []string{"filter.customer_id"}},
	} {
		got, faulty := parentOf("filter.customer_id", c.beside, c.inside)
		if got != c.want || !slices.Equal(paths(faulty), c.faulty) {
			t.Errorf("%s: got %d, %v; want %d, %v", name, got, faulty, c.want, c.faulty)
		}
	}
}

func TestClearOutputOnly_atEveryDepth(t *testing.T) {
	t.Parallel()
	customer := &amogatev1.Customer{
		Id: 5, Name: "Rose", UpdateTime: timestamppb.New(timestamp(2)), MainContactId: proto.Int64(3),
		CreateTime: timestamppb.New(timestamp(1)), CreatedBy: proto.Int64(9),
		Tags: []*amogatev1.Tag{{Id: 7, Name: "vip"}},
		CustomFields: []*amogatev1.CustomField{{
			FieldId: 1, Code: "X", Name: "Size", Type: amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_MULTISELECT, TypeCode: "5",
			Value: &amogatev1.CustomField_Choices{Choices: &amogatev1.Choices{Choices: []*amogatev1.Choice{{OptionId: 4, Name: "L"}}}},
		}},
	}
	clearOutputOnly(customer.ProtoReflect())
	want := &amogatev1.Customer{
		Name: "Rose", CreateTime: timestamppb.New(timestamp(1)), CreatedBy: proto.Int64(9),
		Tags: []*amogatev1.Tag{{Name: "vip"}},
		CustomFields: []*amogatev1.CustomField{{
			FieldId: 1,
			Value:   &amogatev1.CustomField_Choices{Choices: &amogatev1.Choices{Choices: []*amogatev1.Choice{{OptionId: 4}}}},
		}},
	}
	if diff := cmp.Diff(want, customer, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCreateOf_dropsWhatOnlyUpstreamKnows(t *testing.T) {
	t.Parallel()
	req := &amogatev1.CreateCustomerRequest{
		Customer: &amogatev1.Customer{Id: 9, Name: "Rose", Tags: []*amogatev1.Tag{{Id: 7, Name: "vip"}}, CreatedBy: proto.Int64(3)},
		ReadBack: true,
	}
	got := createOf(req, req.GetCustomer())
	want := &amogatev1.Customer{Name: "Rose", Tags: []*amogatev1.Tag{{Name: "vip"}}, CreatedBy: proto.Int64(3)}
	if diff := cmp.Diff(want, got.Value, protocmp.Transform()); diff != "" || !got.ReadBack {
		t.Errorf("read back %t (-want +got):\n%s", got.ReadBack, diff)
	}
	// In a batch an item without a customer is refused later.
	if got := createOf(req, (*amogatev1.Customer)(nil)); got.Value != nil {
		t.Errorf("nothing became %v", got.Value)
	}
}

func TestFieldOfPath_neverPanics(t *testing.T) {
	t.Parallel()
	m := (&amogatev1.Customer{}).ProtoReflect().Descriptor()
	for _, path := range []string{"", ".", "..", "name.", ".name", "next_price..units", "\x00", "имя"} {
		if f := fieldOfPath(m, path); f != nil {
			t.Errorf("%q is %s", path, f.FullName())
		}
	}
}

func TestUpdateOf_aRecordMayBeSentBackAsItWasRead(t *testing.T) {
	t.Parallel()
	read := func() *amogatev1.Customer {
		return &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{
			{FieldId: 1, Name: "Текст", Value: &amogatev1.CustomField_Text{Text: "a"}},
			{FieldId: 2, Value: &amogatev1.CustomField_Raw{Raw: structpb.NewStringValue("b")}},
			{FieldId: 3},
		}}
	}
	mask := []string{"custom_fields"}
	for name, c := range map[string]struct {
		mask     []string
		implicit bool
		want     []int64
	}{
		"no mask":             {nil, false, []int64{1, 3}},
		"mask of the gateway": {mask, true, []int64{1, 3}},
		// The raw value stays, for the codec to refuse: cleared it must not be.
		"mask of the caller": {mask, false, []int64{1, 2, 3}},
	} {
		req := &amogatev1.UpdateCustomerRequest{Id: 1, Customer: read(), UpdateMask: &fieldmaskpb.FieldMask{Paths: c.mask}}
		update, faulty := updateOf(req, "customer", req.GetCustomer(), c.implicit)
		if len(faulty) > 0 {
			t.Errorf("%s: %v", name, faulty)
		}
		var got []int64
		for _, field := range update.Value.GetCustomFields() {
			got = append(got, field.GetFieldId())
			if field.GetFieldId() == 2 && field.GetRaw() == nil || field.GetName() != "" {
				t.Errorf("%s: field %v", name, field)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: fields %v, want %v", name, got, c.want)
		}
	}
}
