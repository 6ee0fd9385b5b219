package drivertest_test

import (
	"slices"
	"testing"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// uncrossedCustomer are the fields of a customer that one of the generations
// cannot show.
var uncrossedCustomer = []string{
	"status_id", "period_id", "segments", "company_name", "ltv", "purchases_count", "average_check",
}

// A customer that one generation writes is the same through the other.
func TestCustomers_cross(t *testing.T) {
	t.Parallel()
	for _, writer := range generations {
		for _, reader := range generations {
			tr := newCustomerTrial(t, writer, emulator.Config{Customers: 2})
			other := newCollection(t, tr.account, reader, reader.customers)
			rapid.Check(t, func(rt *rapid.T) {
				id := tr.old(rt)
				// What each generation writes alone the other shows in its way.
				tr.set(rt, id, &amogatev1.Customer{NextPrice: &money.Money{Units: rapid.Int64Range(1, 1e12).Draw(rt, "units")}}, "next_price")
				written := &amogatev1.Customer{CatalogElements: drawElements(rt, false)}
				tr.set(rt, id, written, "catalog_elements")
				tr.compare(rt, crossed(tr.get(rt, id)), crossed(other.get(rt, id)), uncrossedCustomer)
			})
		}
	}
}

// crossed leaves out of the custom fields what is not known to be one over both
// generations: the key of a legal entity's id in another system, and how v4 shows
// an organisation.
func crossed(c *amogatev1.Customer) *amogatev1.Customer {
	c.CustomFields = slices.DeleteFunc(c.GetCustomFields(), func(f *amogatev1.CustomField) bool { return f.GetOrganisation() != nil })
	for _, f := range c.GetCustomFields() {
		for _, entity := range f.GetLegalEntities().GetLegalEntities() {
			entity.ExternalUid = ""
		}
	}
	return c
}

// A status is a period.
func TestCustomers_crossStatus(t *testing.T) {
	t.Parallel()
	a := newAccount(t, emulator.Config{Customers: 5})
	old, later := newCollection(t, a, second, second.customers), newCollection(t, a, fourth, fourth.customers)
	id := customerIDs(a)[0]
	for _, p := range a.Periods() {
		old.set(t, id, &amogatev1.Customer{PeriodId: &p.ID}, "period_id")
		if got := later.get(t, id).GetStatusId(); got != p.ID {
			t.Errorf("period %d is status %d", p.ID, got)
		}
	}
	for _, s := range a.Statuses() {
		later.set(t, id, &amogatev1.Customer{StatusId: &s.ID}, "status_id")
		if got := later.get(t, id).GetStatusId(); got != s.ID {
			t.Errorf("status %d is %d", s.ID, got)
		}
		old.get(t, id)
	}
}

// Parts of a unit that v4 writes are cut off over v2, and kept by a change of
// something else there.
func TestCustomers_crossMinorUnits(t *testing.T) {
	t.Parallel()
	a := newAccount(t, emulator.Config{Customers: 1})
	old, later := newCollection(t, a, second, second.customers), newCollection(t, a, fourth, fourth.customers)
	id := customerIDs(a)[0]
	later.set(t, id, &amogatev1.Customer{NextPrice: &money.Money{Units: 12, Nanos: 340_000_000}}, "next_price")
	if got := old.get(t, id).GetNextPrice(); got.GetUnits() != 12 || got.GetNanos() != 0 {
		t.Errorf("v2 shows %v", got)
	}
	old.set(t, id, &amogatev1.Customer{Name: "Renamed"}, "name")
	if got := later.get(t, id).GetNextPrice(); got.GetUnits() != 12 || got.GetNanos() != 340_000_000 {
		t.Errorf("v4 shows %v after a change of the name", got)
	}
	old.set(t, id, &amogatev1.Customer{NextPrice: &money.Money{Units: 12}}, "next_price")
	if got := later.get(t, id).GetNextPrice(); got.GetUnits() != 12 || got.GetNanos() != 0 {
		t.Errorf("v4 shows %v after v2 wrote 12", got)
	}
}

// A purchase that one generation writes is the same through the other.
func TestTransactions_cross(t *testing.T) {
	t.Parallel()
	for _, writer := range generations {
		for _, reader := range generations {
			a := newAccount(t, emulator.Config{Customers: 2})
			from, to := newCollection(t, a, writer, writer.transactions), newCollection(t, a, reader, reader.transactions)
			tr := &trial[*amogatev1.Transaction, *amogatev1.TransactionFilter]{plain: plainTransaction}
			rapid.Check(t, func(rt *rapid.T) {
				want := &amogatev1.Transaction{
					CustomerId: some(rt, customerIDs(a), "customer")[0], Price: drawMoney(rt, false, "price"), Comment: drawText(rt, "comment"),
					CompleteTime: drawTime(rt, "completion"), CatalogElements: drawElements(rt, false),
				}
				id := from.make(rt, want)
				got := to.get(rt, id)
				want.Id, want.Deleted = id, new(false)
				if reader == second {
					want.CatalogElements = nil
				}
				tr.compare(rt, want, got, []string{"create_time", "update_time", "created_by", "updated_by", "account_id"})
			})
		}
	}
}

// What one generation deletes is gone from the other.
func TestDeletions_cross(t *testing.T) {
	t.Parallel()
	a := newAccount(t, emulator.Config{Customers: 3})
	old, later := newCollection(t, a, second, second.customers), newCollection(t, a, fourth, fourth.customers)
	id := customerIDs(a)[0]
	purchase := newCollection(t, a, fourth, fourth.transactions).make(t, &amogatev1.Transaction{CustomerId: id, Price: &money.Money{Units: 1}})
	if _, err := old.delete(t, id); err != nil {
		t.Fatal(err)
	}
	if rows, err := later.read(t, id); err != nil || len(rows) != 0 {
		t.Errorf("a deleted customer is shown: %v", err)
	}
	for _, g := range generations {
		if rows, err := newCollection(t, a, g, g.transactions).read(t, purchase); err != nil || len(rows) != 0 {
			t.Errorf("%s: a purchase of a deleted customer is shown: %v", g, err)
		}
	}
}

// A write that v4 makes is later than what v2 read: v2's lock refuses.
func TestCustomers_crossLock(t *testing.T) {
	t.Parallel()
	a := newAccount(t, emulator.Config{Customers: 1})
	old, later := newCollection(t, a, second, second.customers), newCollection(t, a, fourth, fourth.customers)
	id := customerIDs(a)[0]
	read := old.get(t, id).GetUpdateTime()
	later.set(t, id, &amogatev1.Customer{Name: "Meanwhile"}, "name")
	if got := later.get(t, id).GetUpdateTime(); got.GetSeconds() <= read.GetSeconds() {
		t.Fatalf("a write left the time of change at %v", got)
	}
	at := &timestamppb.Timestamp{Seconds: read.GetSeconds() + 1}
	reply, err := old.update(t, driver.Change[*amogatev1.Customer]{ID: id, Value: &amogatev1.Customer{Name: "Stale"}, Paths: []string{"name"}, UpdateTime: at.AsTime()})
	if item := single(t, reply, err); !item.Stale {
		t.Errorf("got %v, want a stale write", item.Err)
	}
}
