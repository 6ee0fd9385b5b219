package drivertest_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

const (
	listedCustomers = 28 // whole pages of 7
	unknownID       = 7_777_777_777
)

func customerIDs(a *account) []int64 {
	var ids []int64
	for c := range a.Customers() {
		ids = append(ids, c.ID)
	}
	return ids
}

func TestCustomers_pages(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		for _, n := range []int{0, 5, listedCustomers, listedCustomers + 1} {
			for _, links := range []emulator.NextLinks{emulator.NextLinks(0), emulator.NextLinks(1), emulator.NextLinks(2)} {
				a := newAccount(t, emulator.Config{Customers: n, NextLinks: links})
				c := newCollection(t, a, g, g.customers)
				ids := customerIDs(a)
				if links == 0 {
					testPages(t, c, nil, ids)
					testIDs(t, c, ids, unknownID)
				} else if got := idsOf(c.rows(t, nil, 7)); len(got) != n {
					t.Errorf("%s, links %d: got %d of %d rows", g, links, len(got), n)
				}
			}
		}
	}
}

// Reads show what is stored, as far as the generation shows it at all.
func TestCustomers_showWhatIsStored(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		for _, config := range []emulator.Config{
			{Customers: 40},
			{Customers: 40, Empty: emulator.EmptyList},
			{Customers: 40, Empty: emulator.EmptyMissing, EnumAsText: true, SubtypeDigits: true, FieldTypeID: true},
			{Customers: 40, NoMinorUnits: true},
		} {
			a := newAccount(t, config)
			c := newCollection(t, a, g, g.customers)
			for _, got := range c.rows(t, nil, 10) {
				stored, ok := a.Customer(got.GetId())
				if !ok {
					t.Fatalf("customer %d is not there", got.GetId())
				}
				want := storedCustomer(a, g, stored)
				want.AccountId = &c.env.AccountID
				// Of accounts that show them; custom fields have a test of their own.
				got.CustomFields, got.AverageCheck = nil, nil
				hidden := customerHides[g.number]
				if g == second {
					hidden = append(slices.Clone(hidden), "status_id", "ltv", "purchases_count")
				}
				for _, name := range hidden {
					copyField(&amogatev1.Customer{}, want, name)
				}
				if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
					t.Fatalf("%s (-stored +shown):\n%s", g, diff)
				}
			}
		}
	}
}

func between(r *amogatev1.TimeRange, at *timestamppb.Timestamp) bool {
	if r == nil {
		return true
	}
	return at != nil && (r.GetStartTime() == nil || at.GetSeconds() >= r.GetStartTime().GetSeconds()) &&
		(r.GetEndTime() == nil || at.GetSeconds() < r.GetEndTime().GetSeconds())
}

// wanted says whether the contract has a customer in the list of a filter
// without a search text.
func wanted(f *amogatev1.CustomerFilter, c *amogatev1.Customer) bool {
	return (len(f.GetIds()) == 0 || slices.Contains(f.GetIds(), c.GetId())) &&
		(len(f.GetResponsibleUserIds()) == 0 || slices.Contains(f.GetResponsibleUserIds(), c.GetResponsibleUserId())) &&
		between(f.GetCreateTime(), c.GetCreateTime()) && between(f.GetUpdateTime(), c.GetUpdateTime()) &&
		between(f.GetNextPurchaseTime(), c.GetNextPurchaseTime())
}

func drawRange(rt *rapid.T, times []*timestamppb.Timestamp, label string) *amogatev1.TimeRange {
	r := &amogatev1.TimeRange{}
	a := rapid.SampledFrom(times).Draw(rt, label+" start").GetSeconds() + rapid.Int64Range(-1, 1).Draw(rt, label+" start beside")
	b := rapid.SampledFrom(times).Draw(rt, label+" end").GetSeconds() + rapid.Int64Range(0, 2).Draw(rt, label+" end beside")
	shape := rapid.IntRange(0, 2).Draw(rt, label+" ends")
	if shape != 1 {
		r.StartTime = &timestamppb.Timestamp{Seconds: max(1, min(a, b))}
	}
	if shape != 2 {
		r.EndTime = &timestamppb.Timestamp{Seconds: max(a, b) + 1}
	}
	return r
}

// A list holds all that its filter asks for, and nothing else but what the
// fields that are left to the caller let in.
func TestCustomers_filters(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		for _, off := range []bool{false, true} {
			a := newAccount(t, emulator.Config{Customers: 40, FiltersOff: off})
			c := newCollection(t, a, g, g.customers)
			if g == fourth && c.env.Filters == off {
				t.Errorf("the account has paid for filters: %t, want %t", c.env.Filters, !off)
			}
			all := c.rows(t, nil, 100)
			rapid.Check(t, func(rt *rapid.T) { testCustomerFilter(rt, c, all, g == second || !off) })
		}
	}
}

func testCustomerFilter(rt *rapid.T, c *collection[*amogatev1.Customer, *amogatev1.CustomerFilter], all []*amogatev1.Customer, exact bool) {
	var ids, users []int64
	var created, updated, next []*timestamppb.Timestamp
	for _, row := range all {
		ids = append(ids, row.GetId())
		users = append(users, row.GetResponsibleUserId())
		created = append(created, row.GetCreateTime())
		updated = append(updated, row.GetUpdateTime())
		next = append(next, row.GetNextPurchaseTime())
	}
	slices.Sort(users)
	users = slices.Compact(users)
	filter := &amogatev1.CustomerFilter{}
	if rapid.Bool().Draw(rt, "by user") {
		filter.ResponsibleUserIds = some(rt, users, "users")
	}
	if rapid.Bool().Draw(rt, "by creation") {
		filter.CreateTime = drawRange(rt, created, "created")
	}
	if rapid.Bool().Draw(rt, "by change") {
		filter.UpdateTime = drawRange(rt, updated, "updated")
	}
	if rapid.Bool().Draw(rt, "by next purchase") {
		filter.NextPurchaseTime = drawRange(rt, next, "next")
	}
	// Ids alone are a read of their own over v2, which takes no filter beside.
	if c.codec.Generation == fourth.number && rapid.Bool().Draw(rt, "by id") {
		filter.Ids = some(rt, ids, "ids")
	}
	var want []int64
	for _, row := range all {
		if wanted(filter, row) {
			want = append(want, row.GetId())
		}
	}
	slices.Sort(want)
	got := c.rows(rt, filter, 10)
	for _, id := range want {
		if !slices.Contains(idsOf(got), id) {
			rt.Errorf("customer %d is missing", id)
		}
	}
	if !exact {
		return
	}
	// Without what is left to the caller the filter has to be exact.
	for _, path := range c.codec.Local(filter) {
		copyField(&amogatev1.CustomerFilter{}, filter, path)
	}
	for _, row := range got {
		if !wanted(filter, row) {
			rt.Errorf("customer %d is not what was asked for", row.GetId())
		}
	}
}

// A search finds a name whole.
func TestCustomers_search(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		a := newAccount(t, emulator.Config{Customers: 10})
		c := newCollection(t, a, g, g.customers)
		id := c.make(t, &amogatev1.Customer{Name: "Zebra & Quagga", NextPurchaseTime: &timestamppb.Timestamp{Seconds: 2e9}})
		if got := idsOf(c.rows(t, &amogatev1.CustomerFilter{Query: "quagga"}, 10)); !slices.Equal(got, []int64{id}) {
			t.Errorf("%s: got %v, want %d", g, got, id)
		}
		if got := c.rows(t, &amogatev1.CustomerFilter{Query: "no such customer"}, 10); len(got) != 0 {
			t.Errorf("%s: got %d rows", g, len(got))
		}
	}
}
