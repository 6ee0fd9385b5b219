package drivertest_test

import (
	"testing"

	"google.golang.org/genproto/googleapis/type/money"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// attempts are one call of each operation that a collection serves, by
// operation; what it answers matters only as an error.
func attempts[T message, F any](c *collection[T, F], filter F, value T, path string) map[driver.Op]func(rapid.TB) error {
	all := map[driver.Op]func(rapid.TB) error{
		driver.OpList: func(tb rapid.TB) error {
			_, err := c.page(tb, filter, 0, 10)
			return err
		},
		driver.OpGet: func(tb rapid.TB) error {
			_, err := c.read(tb, 5)
			return err
		},
		driver.OpCreate: func(tb rapid.TB) error {
			_, err := c.create(tb, value)
			return err
		},
	}
	if c.codec.Update != nil {
		all[driver.OpUpdate] = func(tb rapid.TB) error {
			_, err := c.update(tb, driver.Change[T]{ID: 5, Value: value, Paths: []string{path}})
			return err
		}
	}
	if c.codec.Delete != nil {
		all[driver.OpDelete] = func(tb rapid.TB) error {
			_, err := c.delete(tb, 5)
			return err
		}
	}
	return all
}

// wantRefused holds every operation of a collection to fail with a kind.
func wantRefused[T message, F any](t *testing.T, c *collection[T, F], filter F, value T, path string, kinds ...driver.Kind) {
	t.Helper()
	for op, try := range attempts(c, filter, value, path) {
		t.Run(c.codec.Name+" "+string(op), func(t *testing.T) { failure(t, try(t), kinds...) })
	}
}

// Customers that are off say so whatever is asked, and why.
func TestModes_customersAreOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config emulator.Config
		kinds  []driver.Kind
	}{
		{"disabled", emulator.Config{CustomersMode: emulator.ModeDisabled}, []driver.Kind{driver.KindCustomersDisabled}},
		{"not in the plan", emulator.Config{CustomersMode: emulator.ModeUnavailable}, []driver.Kind{driver.KindCustomersNotInPlan}},
		{"unpaid", emulator.Config{CustomersState: emulator.CustomersUnpaid}, []driver.Kind{driver.KindCustomersNotInPlan, driver.KindPaymentRequired}},
		{"no rights", emulator.Config{CustomersState: emulator.CustomersNoRights}, []driver.Kind{driver.KindForbidden}},
	} {
		for _, g := range generations {
			t.Run(c.name+" "+g.String(), func(t *testing.T) {
				t.Parallel()
				a := newAccount(t, c.config)
				wantRefused(t, newCollection(t, a, g, g.customers), nil, newCustomer("New"), "name", c.kinds...)
				purchase := &amogatev1.Transaction{CustomerId: 5, Price: &money.Money{Units: 1}, Comment: "x"}
				wantRefused(t, newCollection(t, a, g, g.transactions), nil, purchase, "comment", c.kinds...)
				t.Run("periods", func(t *testing.T) {
					failure(t, g.periods.DecodeError(a.do(t, g.periods.List())), c.kinds...)
				})
				if g == second {
					return
				}
				wantRefused(t, newCollection(t, a, g, statuses), nil, newStatus("New"), "name", c.kinds...)
				wantRefused(t, newCollection(t, a, g, segments), nil, &amogatev1.CustomerSegment{Name: "New"}, "name", c.kinds...)
			})
		}
	}
}

// Statuses are of accounts that work by periodicity, segments of the others.
func TestModes_otherMode(t *testing.T) {
	t.Parallel()
	for _, mode := range []emulator.CustomersMode{emulator.ModeSegments, emulator.ModeDynamic} {
		a := newAccount(t, emulator.Config{CustomersMode: mode, Customers: 3})
		c := newCollection(t, a, fourth, statuses)
		wantRefused(t, c, nil, newStatus("New"), "name", driver.KindCustomersMode)
		_, err := c.page(t, nil, 0, 10)
		if e := asFailure(t, err, driver.KindCustomersMode); e.Needed != string(emulator.ModePeriodicity) {
			t.Errorf("statuses need mode %q, want %q", e.Needed, emulator.ModePeriodicity)
		}
		for _, g := range generations {
			// Nothing but a name is needed there.
			customers := newCollection(t, a, g, g.customers)
			customers.get(t, customers.make(t, &amogatev1.Customer{Name: "Only a name"}))
		}
	}
	a := newAccount(t, emulator.Config{Customers: 3})
	c := newCollection(t, a, fourth, segments)
	wantRefused(t, c, nil, &amogatev1.CustomerSegment{Name: "New"}, "name", driver.KindCustomersMode)
	_, err := c.page(t, nil, 0, 10)
	if e := asFailure(t, err, driver.KindCustomersMode); e.Needed != string(emulator.ModeSegments) {
		t.Errorf("segments need mode %q, want %q", e.Needed, emulator.ModeSegments)
	}
}
