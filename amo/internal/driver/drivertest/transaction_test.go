package drivertest_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// transactionLacks are the fields of transactions that a generation cannot
// write.
var transactionLacks = map[driver.Generation]map[driver.Op][]string{
	driver.V2: {driver.OpCreate: {"accrue_bonus"}},
	driver.V4: {driver.OpUpdate: {"comment"}},
}

// transactionHides are the fields of transactions that a generation cannot show.
var transactionHides = map[driver.Generation][]string{
	driver.V2: {"next_price", "next_purchase_time", "catalog_elements"},
	driver.V4: {"next_price", "next_purchase_time"},
}

// transactionFields are the fields of a transaction that the contract lets
// callers write.
func transactionFields(g *generation) map[string]field[*amogatev1.Transaction] {
	return map[string]field[*amogatev1.Transaction]{
		"customer_id": {draw: func(rt *rapid.T, s *scene, tr *amogatev1.Transaction) {
			tr.CustomerId = some(rt, customerIDs(s.account), "customer")[0]
		}},
		"price": {draw: func(rt *rapid.T, s *scene, tr *amogatev1.Transaction) {
			tr.Price = drawMoney(rt, s.minorUnits(), "price")
		}},
		"complete_time": {draw: func(rt *rapid.T, _ *scene, tr *amogatev1.Transaction) { tr.CompleteTime = drawTime(rt, "completion") }},
		"comment":       {draw: func(rt *rapid.T, _ *scene, tr *amogatev1.Transaction) { tr.Comment = drawText(rt, "comment") }},
		"next_price": {unread: true, draw: func(rt *rapid.T, s *scene, tr *amogatev1.Transaction) {
			tr.NextPrice = drawMoney(rt, s.minorUnits(), "next price")
		}},
		"next_purchase_time": {unread: true, draw: func(rt *rapid.T, _ *scene, tr *amogatev1.Transaction) {
			tr.NextPurchaseTime = drawTime(rt, "next purchase")
		}},
		"catalog_elements": {unread: g == second, draw: func(rt *rapid.T, s *scene, tr *amogatev1.Transaction) {
			tr.CatalogElements = drawElements(rt, s.minorUnits())
		}},
		"accrue_bonus": {unread: true, draw: func(rt *rapid.T, _ *scene, tr *amogatev1.Transaction) {
			tr.AccrueBonus = new(rapid.Bool().Draw(rt, "bonus"))
		}},
	}
}

func plainTransaction(tr *amogatev1.Transaction) *amogatev1.Transaction {
	tr.Price = plainMoney(tr.GetPrice())
	sortElements(tr.GetCatalogElements())
	return tr
}

func TestTransactions_fields(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, emulator.Config{Customers: 3})
			c := newCollection(t, a, g, g.transactions)
			customers := customerIDs(a)
			draw := func(rt *rapid.T) *amogatev1.Transaction {
				return &amogatev1.Transaction{CustomerId: customers[0], Price: drawMoney(rt, g.minorUnits(), "price"), CompleteTime: drawTime(rt, "completion")}
			}
			tr := &trial[*amogatev1.Transaction, *amogatev1.TransactionFilter]{
				collection: c,
				scene:      &scene{account: a, generation: g},
				fields:     transactionFields(g),
				lacks:      transactionLacks[g.number],
				hides:      transactionHides[g.number],
				draw:       draw,
				old:        func(rt *rapid.T) int64 { return c.make(rt, draw(rt)) },
				plain:      plainTransaction,
				given:      []string{"id", "create_time", "update_time"},
			}
			tr.run(t)
		})
	}
}

// What a purchase plans is written to its customer.
func TestTransactions_planTheNextPurchase(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		a := newAccount(t, emulator.Config{Customers: 1})
		c, customers := newCollection(t, a, g, g.transactions), newCollection(t, a, g, g.customers)
		id := customerIDs(a)[0]
		rapid.Check(t, func(rt *rapid.T) {
			plan := &amogatev1.Transaction{
				CustomerId: id, Price: &money.Money{Units: 5},
				NextPrice: drawMoney(rt, g.minorUnits(), "next price"), NextPurchaseTime: drawTime(rt, "next purchase"),
			}
			c.make(rt, plan)
			got := customers.get(rt, id)
			if diff := cmp.Diff(plainMoney(plan.GetNextPrice()), plainMoney(got.GetNextPrice()), protocmp.Transform()); diff != "" {
				rt.Errorf("%s: next price (-want +got):\n%s", g, diff)
			}
			if want := plan.GetNextPurchaseTime().GetSeconds(); got.GetNextPurchaseTime().GetSeconds() != want {
				rt.Errorf("%s: the next purchase is due at %v, want %d", g, got.GetNextPurchaseTime(), want)
			}
		})
	}
}

func TestTransactions_lists(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		for _, config := range []emulator.Config{
			{Customers: 20}, {Customers: 20, TransactionsOldestFirst: true, NewestTransactionsFirst: true, NoTransactions204: true, Missing204: true}, {},
		} {
			a := newAccount(t, config)
			c := newCollection(t, a, g, g.transactions)
			var ids []int64
			byCustomer := map[int64][]int64{}
			for stored := range a.Transactions() {
				ids = append(ids, stored.ID)
				byCustomer[stored.CustomerID] = append(byCustomer[stored.CustomerID], stored.ID)
			}
			testPages(t, c, nil, ids)
			testIDs(t, c, ids, unknownID)
			for _, customer := range customerIDs(a) {
				want := byCustomer[customer]
				slices.Sort(want)
				if got := idsOf(c.rows(t, &amogatev1.TransactionFilter{CustomerId: customer}, 3)); !slices.Equal(got, want) {
					t.Errorf("%s: customer %d: got %v, want %v", g, customer, got, want)
				}
			}
			for _, got := range c.rows(t, nil, 50) {
				stored, ok := a.Transaction(got.GetId())
				if !ok {
					t.Fatalf("transaction %d is not there", got.GetId())
				}
				want := &amogatev1.Transaction{
					Id: stored.ID, CustomerId: stored.CustomerID, Price: g.storedMoney(stored.Price, stored.PriceThousandths),
					CompleteTime: storedTime(stored.Date), Comment: stored.Comment, Deleted: new(false), CreateTime: storedTime(stored.CreatedAt),
					UpdateTime: storedTime(stored.UpdatedAt), CreatedBy: &stored.CreatedBy, UpdatedBy: &stored.UpdatedBy, AccountId: &c.env.AccountID,
				}
				for _, element := range stored.Elements {
					if g == fourth {
						want.CatalogElements = append(want.CatalogElements, g.storedElement(element))
					}
				}
				if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
					t.Fatalf("%s (-stored +shown):\n%s", g, diff)
				}
			}
		}
	}
}

func TestTransactions_failures(t *testing.T) {
	t.Parallel()
	purchase := func(customer int64) *amogatev1.Transaction {
		return &amogatev1.Transaction{CustomerId: customer, Price: &money.Money{Units: 10}}
	}
	for _, g := range generations {
		for _, strict := range []bool{false, true} {
			a := newAccount(t, emulator.Config{Customers: 1, UnknownCustomer400: strict})
			c := newCollection(t, a, g, g.transactions)
			reply, err := c.create(t, purchase(unknownID))
			item := single(t, reply, err)
			refused := item.Err.Kind == driver.KindUpstreamInvalid && names(item.Err, "customer_id")
			if item.Err.Kind != driver.KindNotFound && !refused {
				t.Errorf("%s: a purchase of an unknown customer: %v", g, item.Err)
			}
			id := c.make(t, purchase(customerIDs(a)[0]))
			if reply, err := c.delete(t, id); err != nil || len(reply.Errors) != 0 || !reply.All && (len(reply.Items) != 1 || reply.Items[0].ID != id) {
				t.Errorf("%s: delete: %v, %v", g, reply, err)
			}
			if rows, err := c.read(t, id); err != nil || len(rows) != 0 {
				t.Errorf("%s: a deleted transaction is shown", g)
			}
			if reply, err := c.delete(t, unknownID); err == nil && (len(reply.Items) != 0 || reply.All) {
				t.Errorf("%s: an unknown transaction was deleted", g)
			} else if err != nil {
				failure(t, err, driver.KindNotFound)
			}
			if c.codec.Update == nil {
				continue
			}
			reply, err = c.update(t, driver.Change[*amogatev1.Transaction]{ID: unknownID, Value: &amogatev1.Transaction{Comment: "x"}, Paths: []string{"comment"}})
			if item := single(t, reply, err); item.Err.Kind != driver.KindNotFound {
				t.Errorf("%s: update of an unknown transaction: %v", g, item.Err)
			}
		}
		a := newAccount(t, emulator.Config{Customers: 1})
		c := newCollection(t, a, g, g.transactions)
		for field, value := range map[string]*amogatev1.Transaction{
			"price":       {CustomerId: 5},
			"customer_id": {Price: &money.Money{Units: 5}},
		} {
			_, err := c.create(t, value)
			wantNamed(t, err, field, driver.KindInvalid)
		}
		halves := purchase(customerIDs(a)[0])
		halves.Price.Nanos = 500_000_000
		if err := c.codec.Check(c.env, driver.OpCreate, halves, []string{"price"}); g == second {
			wantNamed(t, err, "price.nanos", driver.KindInexpressible)
		} else if err != nil {
			t.Error(err)
		}
	}
}

// Purchases of one group go in one call; of several they do not.
func TestTransactions_groups(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		a := newAccount(t, emulator.Config{Customers: 2})
		c := newCollection(t, a, g, g.transactions)
		before := a.CountTransactions()
		groups := map[string][]*amogatev1.Transaction{}
		for i, customer := range slices.Repeat(customerIDs(a), 3) {
			value := &amogatev1.Transaction{CustomerId: customer, Price: &money.Money{Units: int64(i + 1)}}
			group := ""
			if c.codec.Group != nil {
				group = c.codec.Group(value)
			}
			groups[group] = append(groups[group], value)
		}
		if (len(groups) == 1) != (g == second) {
			t.Errorf("%s: purchases of two customers make %d groups", g, len(groups))
		}
		for _, values := range groups {
			reply, err := c.create(t, values...)
			if err != nil || len(reply.Items) != len(values) {
				t.Fatalf("%s: got %d of %d, %v", g, len(reply.Items), len(values), err)
			}
		}
		if n := a.CountTransactions() - before; n != 6 {
			t.Errorf("%s: %d transactions were made, want 6", g, n)
		}
	}
}
