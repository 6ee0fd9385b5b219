package server

import (
	"slices"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// A field that breaks two rules, the length and the pattern of a tag for
// instance, has two violations.
func TestViolations_everyOneWithItsPath(t *testing.T) {
	t.Parallel()
	rose := func(change func(*amogatev1.Customer)) *amogatev1.CreateCustomerRequest {
		c := &amogatev1.Customer{Name: "Rose"}
		if change != nil {
			change(c)
		}
		return &amogatev1.CreateCustomerRequest{Customer: c}
	}
	many := func(n int) []*amogatev1.CreateCustomerRequest {
		return slices.Repeat([]*amogatev1.CreateCustomerRequest{rose(nil)}, n)
	}
	for name, c := range map[string]struct {
		req   proto.Message
		want  []string
		items map[int][]string
	}{
		"a good create":           {req: rose(nil)},
		"no customer":             {req: &amogatev1.CreateCustomerRequest{}, want: []string{"customer"}},
		"no name":                 {req: &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{}}, want: []string{"customer.name"}},
		"an update needs no name": {req: &amogatev1.UpdateCustomerRequest{Id: 1, Customer: &amogatev1.Customer{}}},
		"all at once": {
			req: rose(func(c *amogatev1.Customer) {
				c.Name = ""
				c.Periodicity = proto.Int32(-1)
				c.Tags = []*amogatev1.Tag{{Name: "ok"}, {Name: ""}}
				c.ContactIds = []int64{1, 0}
				c.CustomFields = []*amogatev1.CustomField{{}}
				c.NextPurchaseTime = &timestamppb.Timestamp{Seconds: 1 << 50}
			}),
			want: []string{
				"customer.contact_ids[1]", "customer.custom_fields[0].field_id", "customer.name",
				"customer.next_purchase_time", "customer.periodicity", "customer.tags[1].name", "customer.tags[1].name",
			},
		},
		"an id of zero":            {req: &amogatev1.GetCustomerRequest{}, want: []string{"id"}},
		"an update without an id":  {req: &amogatev1.UpdateCustomerRequest{AddTags: []string{""}}, want: []string{"add_tags[0]", "add_tags[0]", "id"}},
		"a negative page size":     {req: &amogatev1.ListCustomersPageRequest{PageSize: -1}, want: []string{"page_size"}},
		"a huge page size":         {req: &amogatev1.ListCustomersPageRequest{PageSize: 1 << 30}},
		"a token that is too long": {req: &amogatev1.ListCustomersRequest{PageToken: strings.Repeat("A", 513)}, want: []string{"page_token"}},
		"a range without ends": {
			req:  &amogatev1.ListCustomersRequest{Filter: &amogatev1.CustomerFilter{UpdateTime: &amogatev1.TimeRange{}}},
			want: []string{"filter.update_time"},
		},
		"an empty range": {
			req: &amogatev1.ListCustomersRequest{Filter: &amogatev1.CustomerFilter{UpdateTime: &amogatev1.TimeRange{
				StartTime: timestamppb.New(timestamp(5)), EndTime: timestamppb.New(timestamp(5)),
			}}},
			want: []string{"filter.update_time"},
		},
		"an instant that is none": {
			req: &amogatev1.ListCustomersRequest{Filter: &amogatev1.CustomerFilter{CreateTime: &amogatev1.TimeRange{
				StartTime: &timestamppb.Timestamp{Nanos: -1},
			}}},
			want: []string{"filter.create_time.start_time"},
		},
		"an empty batch":   {req: &amogatev1.BatchCreateCustomersRequest{}, want: []string{"requests"}},
		"a batch of 1,000": {req: &amogatev1.BatchCreateCustomersRequest{Requests: many(1000)}},
		"a batch of 1,001": {req: &amogatev1.BatchCreateCustomersRequest{Requests: many(1001)}, want: []string{"requests"}},
		"a batch with bad items": {
			req: &amogatev1.BatchCreateCustomersRequest{Requests: []*amogatev1.CreateCustomerRequest{
				rose(nil),
				{},
				rose(nil),
				rose(func(c *amogatev1.Customer) { c.Name = ""; c.Tags = []*amogatev1.Tag{{}} }),
				rose(func(c *amogatev1.Customer) { c.CreateTime = &timestamppb.Timestamp{Seconds: -1 << 50} }),
			}},
			items: map[int][]string{
				1: {"requests[1].customer"},
				3: {"requests[3].customer.name", "requests[3].customer.tags[0].name", "requests[3].customer.tags[0].name"},
				4: {"requests[4].customer.create_time"},
			},
		},
		"a batch of updates with bad items": {
			req: &amogatev1.BatchUpdateCustomersRequest{Requests: []*amogatev1.UpdateCustomerRequest{
				{Id: 1}, {Id: -1}, {Id: 2, RemoveTags: []string{" a"}},
			}},
			items: map[int][]string{1: {"requests[1].id"}, 2: {"requests[2].remove_tags[0]"}},
		},
		"a good transaction":             {req: &amogatev1.CreateTransactionRequest{CustomerId: 1, Transaction: &amogatev1.Transaction{}}},
		"no transaction":                 {req: &amogatev1.CreateTransactionRequest{CustomerId: 1}, want: []string{"transaction"}},
		"a customer below zero":          {req: &amogatev1.ListTransactionsRequest{CustomerId: -1}, want: []string{"customer_id"}},
		"a customer of a filter":         {req: &amogatev1.ListTransactionsPageRequest{Filter: &amogatev1.TransactionFilter{CustomerId: -1}}, want: []string{"filter.customer_id"}},
		"a comment of 64 KiB":            {req: &amogatev1.UpdateTransactionRequest{Id: 1, Transaction: &amogatev1.Transaction{Comment: strings.Repeat("a", 65536)}}, want: []string{"transaction.comment"}},
		"no such instant of a purchase":  {req: &amogatev1.CreateTransactionRequest{Transaction: &amogatev1.Transaction{CompleteTime: &timestamppb.Timestamp{Seconds: 1 << 50}}}, want: []string{"transaction.complete_time"}},
		"a set without periods":          {req: &amogatev1.ReplacePeriodsRequest{}, want: []string{"periods"}},
		"a set with bad periods":         {req: &amogatev1.ReplacePeriodsRequest{Periods: []*amogatev1.Period{{LengthDays: 1, Color: "#fffeb2"}, {Color: "red", Id: -1, Sort: -1}}}, want: []string{"periods[1].color", "periods[1].id", "periods[1].length_days", "periods[1].sort"}},
		"a period to delete named twice": {req: &amogatev1.ReplacePeriodsRequest{Periods: []*amogatev1.Period{{LengthDays: 1, Color: "#fffeb2"}}, DeleteIds: []int64{3, 3}}, want: []string{"delete_ids"}},
		"a batch with bad transactions": {
			req: &amogatev1.BatchCreateTransactionsRequest{Requests: []*amogatev1.CreateTransactionRequest{
				{Transaction: &amogatev1.Transaction{}}, {}, {Transaction: &amogatev1.Transaction{CustomerId: -1}},
			}},
			items: map[int][]string{1: {"requests[1].transaction"}, 2: {"requests[2].transaction.customer_id"}},
		},
		"a bad id to delete": {req: &amogatev1.BatchDeleteCustomersRequest{Ids: []int64{1, 0, 2}}, items: map[int][]string{1: {"ids[1]"}}},
		"no ids to delete":   {req: &amogatev1.BatchDeleteCustomersRequest{}, want: []string{"ids"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields, items, err := violations(protovalidate.GlobalValidator, c.req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, paths(fields)); diff != "" {
				t.Errorf("of the call (-want +got):\n%s", diff)
			}
			got := map[int][]string{}
			for i, fields := range items {
				got[i] = paths(fields)
			}
			if len(c.items)+len(got) > 0 {
				if diff := cmp.Diff(c.items, got); diff != "" {
					t.Errorf("of items (-want +got):\n%s", diff)
				}
			}
			for _, v := range fields {
				if v.GetDescription() == "" {
					t.Errorf("%s: no description", v.GetField())
				}
			}
		})
	}
}

// paths returns the sorted paths of violations.
func paths(fields []*violation) []string {
	var out []string
	for _, v := range fields {
		out = append(out, v.GetField())
	}
	slices.Sort(out)
	return out
}
