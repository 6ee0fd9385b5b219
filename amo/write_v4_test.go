package amo

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// dated is a customer that every account takes.
func dated(name string) *amogatev1.Customer {
	return &amogatev1.Customer{Name: name, NextPurchaseTime: timestamppb.New(time.Unix(2_000_000_000, 0))}
}

// V4 refuses a whole batch for one bad item, but says which it is: the others are
// sent once more, and each of the bad ones gets its own fields.
func TestCreateV4_aBadItemCostsOneMoreRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{Generation: V4})
		var items []Create[*amogatev1.Customer]
		for i := range 250 {
			customer := dated(fmt.Sprintf("Customer %d", i))
			if i%100 == 7 {
				customer.CustomFields = []*amogatev1.CustomField{{FieldId: 999_999_999, Value: &amogatev1.CustomField_Text{Text: "x"}}}
			}
			items = append(items, Create[*amogatev1.Customer]{Value: customer})
		}
		results := b.client.Customers().Create(t.Context(), items)
		for i, result := range results {
			if bad := i%100 == 7; bad != (result.Err != nil) {
				t.Errorf("item %d: %v", i, result.Err)
			}
			if result.Err == nil {
				if stored, ok := b.Customer(result.Value.GetId()); !ok || stored.Name != items[i].Value.GetName() {
					t.Errorf("item %d became %q", i, stored.Name)
				}
				continue
			}
			if e := asError(result.Err); e.Kind != KindUpstreamInvalid || len(e.Fields) != 1 || !strings.HasPrefix(e.Fields[0].Path, "custom_fields[0]") {
				t.Errorf("item %d: %v, want KindUpstreamInvalid at custom_fields[0]", i, e)
			}
		}
		if got := b.CountCustomers(); got != 247 {
			t.Errorf("%d customers stored, want 247", got)
		}
		// Writes begin with 50 items, so that there are five at most; three had a bad
		// one.
		if got := b.Stats().ByOperation[emulator.OpV4CustomersCreate]; got < 3+1 || got > 5+3 {
			t.Errorf("%d requests, want 4 to 8", got)
		}
	})
}

func TestUpdateV4_changesWhatTheMaskNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 2}, Config{Generation: V4})
		id := v4IDs(b)[0]
		before, err := b.client.Customers().Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		result := b.client.Customers().Update(t.Context(), []Update[*amogatev1.Customer]{{
			ID:       id,
			Value:    &amogatev1.Customer{NextPrice: &money.Money{Units: 10, Nanos: 500_000_000}},
			Paths:    []string{"next_price"},
			ReadBack: true,
		}})[0]
		if result.Err != nil || result.ReadBackErr != nil {
			t.Fatal(result.Err, result.ReadBackErr)
		}
		want := proto.CloneOf(before)
		want.NextPrice = &money.Money{CurrencyCode: before.GetNextPrice().GetCurrencyCode(), Units: 10, Nanos: 500_000_000}
		ignore := protocmp.IgnoreFields(&amogatev1.Customer{}, "update_time", "updated_by")
		if diff := cmp.Diff(want, result.Value, protocmp.Transform(), ignore); diff != "" {
			t.Errorf("read back (-want +got):\n%s", diff)
		}
	})
}

// V4 has no lock: the record is read, and a newer one is a conflict.
func TestUpdateV4_aConditionReadsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Generation: V4})
		id := v4IDs(b)[0]
		stored, _ := b.Customer(id)
		update := Update[*amogatev1.Customer]{
			ID: id, Value: &amogatev1.Customer{Name: "Мария"}, Paths: []string{"name"}, ExpectedUpdateTime: stored.UpdatedAt - 1,
		}
		if err := b.client.Customers().Update(t.Context(), []Update[*amogatev1.Customer]{update})[0].Err; !IsKind(err, KindConflict) {
			t.Errorf("of an older record: %v, want KindConflict", err)
		}
		if after, _ := b.Customer(id); after.Name != stored.Name {
			t.Errorf("the name is %q, want it untouched", after.Name)
		}
		update.ExpectedUpdateTime = stored.UpdatedAt
		if err := b.client.Customers().Update(t.Context(), []Update[*amogatev1.Customer]{update})[0].Err; err != nil {
			t.Error(err)
		}
		if after, _ := b.Customer(id); after.Name != "Мария" {
			t.Errorf("the name is %q", after.Name)
		}
	})
}

// Tags change by themselves: nothing is read, and what somebody else adds stays.
func TestUpdateV4_tagsNeedNoRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{Generation: V4})
		customer := dated("Anna")
		customer.Tags = []*amogatev1.Tag{{Name: "old"}, {Name: "kept"}}
		created := b.client.Customers().Create(t.Context(), []Create[*amogatev1.Customer]{{Value: customer}})[0]
		if created.Err != nil {
			t.Fatal(created.Err)
		}
		b.ResetStats()
		result := b.client.Customers().Update(t.Context(), []Update[*amogatev1.Customer]{{
			ID: created.Value.GetId(), AddTags: []string{"new"}, RemoveTags: []string{"old"},
		}})[0]
		if result.Err != nil {
			t.Fatal(result.Err)
		}
		if got := b.Stats().Requests; got != 1 {
			t.Errorf("%d requests, want 1", got)
		}
		after, err := b.client.Customers().Get(t.Context(), created.Value.GetId())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, tag := range after.GetTags() {
			names = append(names, tag.GetName())
		}
		if diff := cmp.Diff([]string{"kept", "new"}, names); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
	})
}

// A single tag is enough for a PATCH beside the links.
func TestUpdateV4_tagsAndLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, change := range map[string]customerUpdate{
			"one more": {AddTags: []string{"new"}},
			"one less": {RemoveTags: []string{"old"}},
		} {
			b := newBench(t, emulator.Config{Customers: 1}, Config{Generation: V4})
			change.ID = v4IDs(b)[0]
			if r := updateOne(t.Context(), b, customerUpdate{ID: change.ID, AddTags: []string{"old"}}); r.Err != nil {
				t.Fatal(r.Err)
			}
			before, _ := b.Customer(change.ID)
			contact := b.SeededParents(emulator.ParentContact, 1)[0]
			change.Paths, change.Value = []string{"contact_ids"}, &amogatev1.Customer{ContactIds: []int64{contact}}
			if r := updateOne(t.Context(), b, change); r.Err != nil {
				t.Fatal(r.Err)
			}
			after, _ := b.Customer(change.ID)
			if got, want := len(after.Tags)-len(before.Tags), len(change.AddTags)-len(change.RemoveTags); got != want || !slices.Equal(after.ContactIDs, []int64{contact}) {
				t.Errorf("%s: %d tags more and the contacts %v, want %d and %d alone", name, got, after.ContactIDs, want, contact)
			}
		}
	})
}

// What a PATCH cannot say follows in requests of its own.
func TestUpdateV4_linksFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 3}, Config{Generation: V4})
		ids := v4IDs(b)
		contacts := b.SeededParents(emulator.ParentContact, 2)
		company := b.SeededParents(emulator.ParentCompany, 1)[0]
		for _, n := range []int{1, 3} {
			var items []Update[*amogatev1.Customer]
			for _, id := range ids[:n] {
				items = append(items, Update[*amogatev1.Customer]{
					ID:    id,
					Value: &amogatev1.Customer{Name: "Linked", ContactIds: contacts[:n/3+1], CompanyId: new(company)},
					Paths: []string{"company_id", "contact_ids", "name"},
				})
			}
			for i, result := range b.client.Customers().Update(t.Context(), items) {
				if result.Err != nil {
					t.Fatalf("%d of %d: %v", i, n, result.Err)
				}
				got, err := b.client.Customers().Get(t.Context(), items[i].ID)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(contacts[:n/3+1], got.GetContactIds()); diff != "" || got.GetCompanyId() != company || got.GetName() != "Linked" {
					t.Errorf("%d of %d: name %q, company %d, contacts (-want +got):\n%s", i, n, got.GetName(), got.GetCompanyId(), diff)
				}
			}
		}
		// Links alone: no PATCH, and unlinking works.
		b.ResetStats()
		result := b.client.Customers().Update(t.Context(), []Update[*amogatev1.Customer]{{ID: ids[0], Value: &amogatev1.Customer{}, Paths: []string{"company_id", "contact_ids"}}})[0]
		if result.Err != nil {
			t.Fatal(result.Err)
		}
		s := b.Stats().ByOperation
		if s[emulator.OpV4CustomersUpdateOne]+s[emulator.OpV4CustomersUpdate] != 0 || s[emulator.OpV4CustomersUnlink] != 1 {
			t.Errorf("requests %v, want one that unlinks and no PATCH", s)
		}
		if got, err := b.client.Customers().Get(t.Context(), ids[0]); err != nil || len(got.GetContactIds()) != 0 || got.CompanyId != nil {
			t.Errorf("still linked: %v, %v", got, err)
		}
	})
}

// A batch may hold changes of links alone, which no PATCH carries: the items that
// upstream names are still the right ones.
func TestUpdateV4_aBadItemBesideLinksAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 3}, Config{Generation: V4})
		ids := v4IDs(b)
		contacts := b.SeededParents(emulator.ParentContact, 1)
		bad := []*amogatev1.CustomField{{FieldId: 999_999_999, Value: &amogatev1.CustomField_Text{Text: "x"}}}
		results := b.client.Customers().Update(t.Context(), []Update[*amogatev1.Customer]{
			{ID: ids[0], Value: &amogatev1.Customer{ContactIds: contacts}, Paths: []string{"contact_ids"}},
			{ID: ids[1], Value: &amogatev1.Customer{Name: "Renamed"}, Paths: []string{"name"}},
			{ID: ids[2], Value: &amogatev1.Customer{CustomFields: bad}, Paths: []string{"custom_fields"}},
		})
		if results[0].Err != nil || results[1].Err != nil || !IsKind(results[2].Err, KindUpstreamInvalid) {
			t.Errorf("%v; %v; %v: want the last one alone refused", results[0].Err, results[1].Err, results[2].Err)
		}
		if got, err := b.client.Customers().Get(t.Context(), ids[0]); err != nil || !slices.Equal(got.GetContactIds(), contacts) {
			t.Errorf("contacts %v, %v, want %v", got.GetContactIds(), err, contacts)
		}
	})
}

func TestDeleteV4_transactionsOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 4}, Config{Generation: V4})
		var ids []int64
		for transaction := range b.Transactions() {
			ids = append(ids, transaction.ID)
		}
		ids = []int64{ids[0], 1, ids[1]}
		results := b.client.Transactions().Delete(t.Context(), ids)
		if results[0].Err != nil || results[2].Err != nil || !IsKind(results[1].Err, KindNotFound) {
			t.Errorf("%v; %v; %v: want the middle one not found and the others deleted", results[0].Err, results[1].Err, results[2].Err)
		}
		for _, i := range []int{0, 2} {
			if _, ok := b.Transaction(ids[i]); ok {
				t.Errorf("transaction %d is still there", ids[i])
			}
		}
	})
}

// A purchase of a customer who is not there costs those of others nothing.
func TestCreateV4_aPurchaseOfNobodyIsABadCustomerID(t *testing.T) {
	for _, status := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, emulator.Config{Customers: 1, UnknownCustomer400: status}, Config{Generation: V4})
			item := func(customer int64) Create[*amogatev1.Transaction] {
				return Create[*amogatev1.Transaction]{Value: &amogatev1.Transaction{CustomerId: customer, Price: &money.Money{Units: 1}}}
			}
			results := b.client.Transactions().Create(t.Context(), []Create[*amogatev1.Transaction]{item(1), item(1), item(v4IDs(b)[0])})
			for _, result := range results[:2] {
				if e := asError(result.Err); e.Kind != KindUpstreamInvalid || len(e.Fields) != 1 || e.Fields[0].Path != "customer_id" {
					t.Errorf("of nobody: %v, want KindUpstreamInvalid at customer_id", result.Err)
				}
			}
			if results[2].Err != nil {
				t.Errorf("of somebody: %v", results[2].Err)
			}
		})
	}
}

// Transactions of one request have one customer on v4.
func TestCreateV4_groupsTransactionsByCustomer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 2}, Config{Generation: V4})
		customers := v4IDs(b)
		var items []Create[*amogatev1.Transaction]
		for i := range 6 {
			items = append(items, Create[*amogatev1.Transaction]{Value: &amogatev1.Transaction{
				CustomerId: customers[i%2], Price: &money.Money{Units: int64(i), Nanos: 250_000_000}, Comment: strconv.Itoa(i),
			}, ReadBack: true})
		}
		for i, result := range b.client.Transactions().Create(t.Context(), items) {
			if result.Err != nil || result.ReadBackErr != nil {
				t.Fatal(i, result.Err, result.ReadBackErr)
			}
			got := result.Value
			if got.GetCustomerId() != customers[i%2] || got.GetComment() != strconv.Itoa(i) || got.GetPrice().GetUnits() != int64(i) || got.GetPrice().GetNanos() != 250_000_000 {
				t.Errorf("item %d became %v", i, got)
			}
		}
		if got := b.Stats().ByOperation["v4.transactions.create"]; got != 2 {
			t.Errorf("%d requests, want one a customer", got)
		}
	})
}

// Upstream can take some changes and tell the others beside them: each gets its
// own error, and is not said to be lost.
func TestUpdateV4_refusalsBesideWhatWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 2}, Config{Generation: V4})
		ids := v4IDs(b)
		body := fmt.Sprintf(`{"_embedded":{"customers":[{"id":%d,"updated_at":1700000000,"request_id":"1"}],`+
			`"errors":[{"request_id":"2","errors":[{"code":"NotBlank","path":"name","detail":"empty"}]}]}}`, ids[0])
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpV4CustomersUpdate},
			Action: emulator.Action{Status: http.StatusOK, Body: body},
		})
		results := b.client.Customers().Update(t.Context(), []Update[*amogatev1.Customer]{
			{ID: ids[0], Value: &amogatev1.Customer{Name: "Anna"}, Paths: []string{"name"}},
			{ID: ids[1], Value: &amogatev1.Customer{Name: "-"}, Paths: []string{"name"}},
		})
		if results[0].Err != nil {
			t.Errorf("the first: %v", results[0].Err)
		}
		e := asError(results[1].Err)
		if results[1].Err == nil || e.Kind != KindUpstreamInvalid || len(e.Fields) != 1 || e.Fields[0].Path != "name" {
			t.Errorf("the second: %v, want KindUpstreamInvalid at name", results[1].Err)
		}
	})
}

// linksOnly are changes of nothing but the contacts of customers.
func linksOnly(ids, contacts []int64) []Update[*amogatev1.Customer] {
	var items []Update[*amogatev1.Customer]
	for _, id := range ids {
		items = append(items, Update[*amogatev1.Customer]{
			ID: id, Value: &amogatev1.Customer{ContactIds: contacts}, Paths: []string{"contact_ids"},
		})
	}
	return items
}

// newContacts are contacts that none of these customers is linked with.
func newContacts(t *testing.T, b *bench, customers []int64) []int64 {
	t.Helper()
	contacts := b.SeededParents(emulator.ParentContact, 9)
	for _, id := range customers {
		stored, _ := b.Customer(id)
		contacts = slices.DeleteFunc(contacts, func(id int64) bool { return slices.Contains(stored.ContactIDs, id) })
	}
	if len(contacts) < 2 {
		t.Fatal("the customers are linked with all contacts")
	}
	return contacts[:2]
}

// Where links of many are refused those of each follow. Upstream fails when it
// links again what is linked, so that what the first requests did is left out.
func TestUpdateV4_linksOfOneDoNotCostThoseOfOthers(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusNotFound} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 3, RelinkFails: true}, Config{Generation: V4})
				ids := v4IDs(b)
				contacts := newContacts(t, b, ids)
				b.script(t,
					emulator.Rule{
						Match:  emulator.Match{Operation: emulator.OpV4CustomersLinkMany},
						Action: emulator.Action{Status: status, Apply: true},
					},
					emulator.Rule{
						Match:  emulator.Match{Operation: emulator.OpV4CustomersLink},
						Action: emulator.Action{Status: status},
					})
				for i, result := range b.client.Customers().Update(t.Context(), linksOnly(ids, contacts)) {
					if result.Err != nil {
						t.Errorf("item %d: %v", i, result.Err)
					}
					if got, err := b.client.Customers().Get(t.Context(), ids[i]); err != nil || !slices.Equal(got.GetContactIds(), contacts) {
						t.Errorf("item %d has contacts %v, %v, want %v", i, got.GetContactIds(), err, contacts)
					}
				}
			})
		})
	}
}

// A link whose answer was lost is there: reading tells it from one that is not.
func TestUpdateV4_readsWhatBecameOfLinks(t *testing.T) {
	for _, applied := range []bool{false, true} {
		t.Run(fmt.Sprintf("applied %v", applied), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 1, RelinkFails: true}, Config{Generation: V4})
				ids := v4IDs(b)
				contacts := newContacts(t, b, ids)
				b.script(t, emulator.Rule{
					Match:  emulator.Match{Operation: emulator.OpV4CustomersLink},
					Action: emulator.Action{Status: http.StatusGatewayTimeout, Apply: applied},
				})
				err := b.client.Customers().Update(t.Context(), linksOnly(ids, contacts))[0].Err
				if applied && err != nil || !applied && !IsKind(err, KindOutcomeUnknown) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// Errors can stand in an answer that says 200: the links they are about were not
// made.
func TestUpdateV4_errorsBesideLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Generation: V4})
		b.script(t, emulator.Rule{
			Match: emulator.Match{Operation: emulator.OpV4CustomersLink},
			Action: emulator.Action{
				Status: http.StatusOK,
				Body:   `{"_total_items":0,"_embedded":{"links":[],"errors":[{"code":"EntityNotFound","path":"to_entity_id","detail":"Entity not found"}]}}`,
			},
		})
		err := b.client.Customers().Update(t.Context(), linksOnly(v4IDs(b), newContacts(t, b, v4IDs(b))))[0].Err
		if !IsKind(err, KindUpstreamInvalid) {
			t.Errorf("%v, want KindUpstreamInvalid", err)
		}
	})
}

// One record that is not there costs the others of its request nothing, whatever
// upstream answers to all of them.
func TestUpdateV4_aMissingRecordCostsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 2}, Config{Generation: V4})
		ids := v4IDs(b)
		b.script(t,
			emulator.Rule{
				Match:  emulator.Match{Operation: emulator.OpV4CustomersUpdate, Body: "999999999"},
				Action: emulator.Action{Status: http.StatusNotFound},
			},
			emulator.Rule{
				Match:  emulator.Match{Path: "/api/v4/customers/999999999"},
				Action: emulator.Action{Status: http.StatusNotFound},
			})
		var items []Update[*amogatev1.Customer]
		for _, id := range []int64{ids[0], 999_999_999, ids[1]} {
			items = append(items, Update[*amogatev1.Customer]{ID: id, Value: &amogatev1.Customer{Name: "Anna"}, Paths: []string{"name"}})
		}
		results := b.client.Customers().Update(t.Context(), items)
		if results[0].Err != nil || results[2].Err != nil || !IsKind(results[1].Err, KindNotFound) {
			t.Errorf("%v; %v; %v: want the middle one alone not found", results[0].Err, results[1].Err, results[2].Err)
		}
	})
}

// All purchases of a request have the customer in common who is not there: it is
// not asked about each of them.
func TestCreateV4_purchasesOfNobodyCostOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Generation: V4})
		var items []Create[*amogatev1.Transaction]
		for range 20 {
			items = append(items, Create[*amogatev1.Transaction]{Value: &amogatev1.Transaction{CustomerId: 1, Price: &money.Money{Units: 1}}})
		}
		for _, result := range b.client.Transactions().Create(t.Context(), items) {
			if e := asError(result.Err); e.Kind != KindUpstreamInvalid || len(e.Fields) != 1 || e.Fields[0].Path != "customer_id" {
				t.Errorf("%v, want KindUpstreamInvalid at customer_id", result.Err)
			}
		}
		if got := b.Stats().ByOperation["v4.transactions.create"]; got != 1 {
			t.Errorf("%d requests, want 1", got)
		}
	})
}

// What a new record's answer says beside its id does not cost the id.
func TestCreateV4_oddTellingsLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Generation: V4})
		b.script(t, emulator.Rule{
			Match: emulator.Match{Operation: "v4.transactions.create"},
			Action: emulator.Action{
				Status: http.StatusOK,
				Body:   `{"_embedded":{"transactions":[{"id":77,"request_id":"1","account_id":"none","created_at":"soon"}]}}`,
			},
		})
		result := b.client.Transactions().Create(t.Context(), []Create[*amogatev1.Transaction]{{
			Value: &amogatev1.Transaction{CustomerId: v4IDs(b)[0], Price: &money.Money{Units: 1}},
		}})[0]
		if result.Err != nil || result.Value.GetId() != 77 {
			t.Errorf("%v, %v, want transaction 77", result.Value, result.Err)
		}
	})
}

// A refusal inside of a success is the one of the only record of the request.
func TestDeleteV4_aRefusalInsideOfASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{Generation: V4})
		b.script(t, emulator.Rule{
			Match: emulator.Match{Operation: "v4.transactions.delete"},
			Action: emulator.Action{
				Status: http.StatusOK,
				Body:   `{"_embedded":{"errors":[{"code":"Locked","path":"price","detail":"paid"}]}}`,
			},
		})
		if err := b.client.Transactions().Delete(t.Context(), []int64{77})[0].Err; !IsKind(err, KindUpstreamInvalid) {
			t.Errorf("%v, want KindUpstreamInvalid", err)
		}
	})
}
