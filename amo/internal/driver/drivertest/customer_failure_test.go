package drivertest_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

type customerChange = driver.Change[*amogatev1.Customer]

func newCustomer(name string) *amogatev1.Customer {
	return &amogatev1.Customer{Name: name, NextPurchaseTime: &timestamppb.Timestamp{Seconds: 2e9}}
}

func TestCustomers_unknown(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		a := newAccount(t, emulator.Config{Customers: 3})
		c := newCollection(t, a, g, g.customers)
		ids := customerIDs(a)
		rename := func(id int64) customerChange {
			return customerChange{ID: id, Value: &amogatev1.Customer{Name: "Renamed"}, Paths: []string{"name"}}
		}
		reply, err := c.update(t, rename(unknownID))
		if item := single(t, reply, err); item.Err.Kind != driver.KindNotFound {
			t.Errorf("%s: update of an unknown customer: %v", g, item.Err)
		}
		reply, err = c.update(t, rename(ids[0]), rename(unknownID), rename(ids[1]))
		item := single(t, reply, err)
		if item.Err.Kind != driver.KindNotFound || item.ID != unknownID && item.Index != 1 {
			t.Errorf("%s: got index %d, id %d, %v; want the unknown customer", g, item.Index, item.ID, item.Err)
		}
		if c.codec.Delete == nil {
			continue
		}
		reply, err = c.delete(t, ids[2], unknownID)
		if err != nil || len(reply.Items) != 1 || reply.Items[0].ID != ids[2] || reply.Items[0].Name == "" {
			t.Errorf("%s: delete of a known and an unknown customer: %v, %v", g, reply, err)
		}
		if rows, err := c.read(t, ids[2]); err != nil || len(rows) != 0 {
			t.Errorf("%s: a deleted customer is shown", g)
		}
	}
}

// One bad item of a batch is named, and its field; the codec tells which others
// were taken.
func TestCustomers_badItem(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		a := newAccount(t, emulator.Config{})
		c := newCollection(t, a, g, g.customers)
		bad, field := newCustomer("Bad"), "next_purchase_time"
		if g == second {
			bad.NextPurchaseTime = nil
		} else {
			bad.CustomFields = []*amogatev1.CustomField{{FieldId: unknownID, Value: &amogatev1.CustomField_Text{Text: "x"}}}
			field = "custom_fields[0]"
		}
		reply, err := c.create(t, newCustomer("First"), bad, newCustomer("Last"))
		item := single(t, reply, err)
		if item.Index != 1 {
			t.Errorf("%s: the refusal is of item %d, want 1", g, item.Index)
		}
		wantNamed(t, item.Err, field, driver.KindUpstreamInvalid)
		if err != nil {
			if n := a.CountCustomers(); n != 0 {
				t.Errorf("%s: the batch was refused and %d customers are there", g, n)
			}
			continue
		}
		var requests []int64
		for _, created := range reply.Items {
			requests = append(requests, created.RequestID)
			c.get(t, created.ID)
		}
		if slices.Sort(requests); !slices.Equal(requests, []int64{1, 3}) {
			t.Errorf("%s: items %v were made, want 1 and 3", g, requests)
		}
	}
}

func TestCustomers_batch(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		a := newAccount(t, emulator.Config{})
		c := newCollection(t, a, g, g.customers)
		var values []*amogatev1.Customer
		for range c.codec.MaxBatch {
			values = append(values, newCustomer("Customer "+string(rune('A'+len(values)%26))))
		}
		reply, err := c.create(t, values...)
		if err != nil || len(reply.Items) != len(values) {
			t.Fatalf("%s: got %d of %d customers, %v", g, len(reply.Items), len(values), err)
		}
		for _, item := range reply.Items {
			stored, ok := a.Customer(item.ID)
			if want := values[item.RequestID-1].GetName(); !ok || stored.Name != want {
				t.Errorf("%s: request %d made %q, want %q", g, item.RequestID, stored.Name, want)
			}
		}
	}
}

// A write that is not later than the last one is refused as stale where the
// generation locks.
func TestCustomers_stale(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		a := newAccount(t, emulator.Config{Customers: 2})
		c := newCollection(t, a, g, g.customers)
		ids := customerIDs(a)
		for _, back := range []time.Duration{0, time.Hour} {
			stored := c.get(t, ids[0])
			late := stored.GetUpdateTime().AsTime().Add(-back)
			reply, err := c.update(t,
				customerChange{ID: ids[1], Value: &amogatev1.Customer{Name: "Fresh"}, Paths: []string{"name"}},
				customerChange{ID: ids[0], Value: &amogatev1.Customer{Name: "Stale"}, Paths: []string{"name"}, UpdateTime: late})
			if !c.codec.Locks {
				if err != nil || len(reply.Errors) != 0 || c.get(t, ids[0]).GetName() != "Stale" {
					t.Errorf("%s: a write without a lock: %v %v", g, err, itemErrors(reply))
				}
				continue
			}
			if item := single(t, reply, err); !item.Stale || item.ID != ids[0] {
				t.Errorf("%s: stale %t, id %d (%v); want a stale write of %d", g, item.Stale, item.ID, item.Err, ids[0])
			}
			if name := c.get(t, ids[0]).GetName(); name != stored.GetName() {
				t.Errorf("%s: a stale write made the name %q", g, name)
			}
		}
	}
	if !second.customers.Locks || fourth.customers.Locks {
		t.Error("only v2 locks")
	}
}

// Values that an account or a generation does not take are refused at their
// path, by the codec or by upstream.
func TestCustomers_badValues(t *testing.T) {
	t.Parallel()
	text := func(id int64) *amogatev1.CustomField {
		return &amogatev1.CustomField{FieldId: id, Value: &amogatev1.CustomField_Text{Text: "x"}}
	}
	const textField, numericField, selectField = 1250001, 1250003, 1250007
	for _, c := range []struct {
		name, field string
		value       *amogatev1.Customer
		only        *generation
		kinds       []driver.Kind
	}{
		{
			name: "unknown custom field", field: "custom_fields[1]",
			value: &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{text(textField), text(unknownID)}},
		},
		{
			name: "arm of another type", field: "custom_fields[0]",
			value: &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{text(numericField)}},
		},
		{
			name: "option that does not exist", field: "custom_fields[0]",
			value: &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{
				{FieldId: selectField, Value: &amogatev1.CustomField_Choice{Choice: &amogatev1.Choice{OptionId: 5}}},
			}},
		},
		{
			name: "field listed twice", field: "custom_fields[1].field_id", kinds: []driver.Kind{driver.KindInvalid},
			value: &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{text(textField), text(textField)}},
		},
		{
			name: "number with a word", field: "custom_fields[0].number", kinds: []driver.Kind{driver.KindInvalid},
			value: &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{
				{FieldId: numericField, Value: &amogatev1.CustomField_Number{Number: "twelve"}},
			}},
		},
		{
			name: "raw value", field: "custom_fields[0].raw", kinds: []driver.Kind{driver.KindUnsupported},
			value: &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{{FieldId: textField, Value: &amogatev1.CustomField_Raw{}}}},
		},
		{
			name: "organisation", field: "custom_fields[0].organisation", kinds: []driver.Kind{driver.KindUnsupported}, only: fourth,
			value: &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{
				{FieldId: 1250033, Value: &amogatev1.CustomField_Organisation{Organisation: &amogatev1.Organisation{Name: "x"}}},
			}},
		},
		{
			name: "parts of a unit", field: "next_price.nanos", kinds: []driver.Kind{driver.KindInexpressible}, only: second,
			value: &amogatev1.Customer{NextPrice: &money.Money{Units: 1, Nanos: 500_000_000}},
		},
		{
			name: "other currency", field: "next_price.currency_code", kinds: []driver.Kind{driver.KindInvalid},
			value: &amogatev1.Customer{NextPrice: &money.Money{Units: 1, CurrencyCode: "USD"}},
		},
		{
			name: "negative amount", field: "next_price.units", kinds: []driver.Kind{driver.KindInvalid},
			value: &amogatev1.Customer{NextPrice: &money.Money{Units: -1}},
		},
		{
			name: "part of a second", field: "next_purchase_time", kinds: []driver.Kind{driver.KindInvalid},
			value: &amogatev1.Customer{NextPurchaseTime: &timestamppb.Timestamp{Seconds: 5, Nanos: 1}},
		},
		{
			name: "price of an element", field: "catalog_elements[0].price_id", kinds: []driver.Kind{driver.KindUnsupported}, only: second,
			value: &amogatev1.Customer{CatalogElements: []*amogatev1.CatalogElementLink{{CatalogId: 1, ElementId: 1, Quantity: 1, PriceId: new(int64(3))}}},
		},
		{
			name: "status that does not exist", field: "status_id", kinds: []driver.Kind{driver.KindUpstreamInvalid}, only: fourth,
			value: &amogatev1.Customer{StatusId: new(int64(unknownID))},
		},
	} {
		for _, g := range generations {
			if c.only != nil && c.only != g {
				continue
			}
			t.Run(c.name+" "+g.String(), func(t *testing.T) {
				t.Parallel()
				a := newAccount(t, emulator.Config{Customers: 1})
				col := newCollection(t, a, g, g.customers)
				id := customerIDs(a)[0]
				before := col.get(t, id)
				kinds := c.kinds
				if kinds == nil {
					kinds = []driver.Kind{driver.KindInvalid, driver.KindUpstreamInvalid}
				}
				reply, err := col.update(t, customerChange{ID: id, Value: c.value, Paths: writable(c.value, driver.OpUpdate)})
				wantNamed(t, single(t, reply, err).Err, c.field, kinds...)
				if after := col.get(t, id); after.GetUpdateTime().GetSeconds() != before.GetUpdateTime().GetSeconds() {
					t.Error("the refused change was written")
				}
			})
		}
	}
}
