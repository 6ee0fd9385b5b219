package drivertest_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func segmentsConfig() emulator.Config {
	return emulator.Config{Customers: 12, CustomersMode: emulator.ModeSegments}
}

func TestSegments_fields(t *testing.T) {
	a := newAccount(t, segmentsConfig())
	c := newCollection(t, a, fourth, segments)
	id := c.make(t, &amogatev1.CustomerSegment{Name: "Old"})
	colors := []string{"#10599d", "#2176ff", "#6610f2", "#bf2600"}
	tr := &trial[*amogatev1.CustomerSegment, *amogatev1.ListCustomerSegmentsRequest]{
		collection: c,
		scene:      &scene{account: a, generation: fourth},
		fields: map[string]field[*amogatev1.CustomerSegment]{
			"name":  {clearing: refused, draw: func(rt *rapid.T, _ *scene, s *amogatev1.CustomerSegment) { s.Name = drawText(rt, "name") }},
			"color": {clearing: refused, draw: func(rt *rapid.T, _ *scene, s *amogatev1.CustomerSegment) { s.Color = drawColor(rt, colors...) }},
			"available_products_price_types": {draw: func(rt *rapid.T, _ *scene, s *amogatev1.CustomerSegment) {
				s.AvailableProductsPriceTypes = rapid.SliceOfNDistinct(rapid.Int64Range(1, 1000), 1, 4, rapid.ID[int64]).Draw(rt, "price types")
			}},
			"custom_fields": {clearing: keeps, merge: mergeCustomFields[*amogatev1.CustomerSegment], draw: func(rt *rapid.T, s *scene, segment *amogatev1.CustomerSegment) {
				segment.CustomFields = drawCustomFields(rt, s)
			}},
		},
		draw: func(rt *rapid.T) *amogatev1.CustomerSegment {
			return &amogatev1.CustomerSegment{Name: drawText(rt, "name")}
		},
		old: func(*rapid.T) int64 { return id },
		plain: func(s *amogatev1.CustomerSegment) *amogatev1.CustomerSegment {
			s.CustomFields = plainCustomFields(a, s.GetCustomFields())
			return s
		},
	}
	t.Run("capabilities", tr.testCapabilities)
	for _, name := range []string{"available_products_price_types", "color", "name"} {
		t.Run("update "+name, func(t *testing.T) { tr.testUpdate(t, name) })
		t.Run("clear "+name, func(t *testing.T) { tr.testClear(t, name) })
	}
}

func TestSegments_lifeCycle(t *testing.T) {
	t.Parallel()
	for _, missing := range []bool{false, true} {
		config := segmentsConfig()
		config.Missing204 = missing
		a := newAccount(t, config)
		c := newCollection(t, a, fourth, segments)
		for range 40 {
			c.make(t, &amogatev1.CustomerSegment{Name: "One of many"})
		}
		var ids []int64
		for _, stored := range a.Segments() {
			ids = append(ids, stored.ID)
			got := c.get(t, stored.ID)
			if got.GetName() != stored.Name || stored.Color != "" && got.GetColor() != "#"+stored.Color || got.CustomersCount == nil ||
				len(got.GetAvailableProductsPriceTypes()) != len(stored.PriceTypes) || got.GetCreateTime().GetSeconds() != stored.CreatedAt ||
				got.GetUpdateTime().GetSeconds() != stored.UpdatedAt || got.GetAccountId() != c.env.AccountID {
				t.Errorf("got %v, want %+v", got, stored)
			}
		}
		testPages(t, c, nil, ids)
		testIDs(t, c, ids, unknownID)
		id := ids[0]
		customers := newCollection(t, a, fourth, fourth.customers)
		before := customers.rows(t, nil, 50)
		if _, err := c.delete(t, id); err != nil {
			t.Fatal(err)
		}
		if rows, err := c.read(t, id); err != nil || len(rows) != 0 {
			t.Errorf("a deleted segment is shown: %v", err)
		}
		after := customers.rows(t, nil, 50)
		if len(before) != len(after) {
			t.Errorf("%d of %d customers went with a segment", len(before)-len(after), len(before))
		}
		for _, customer := range after {
			for _, segment := range customer.GetSegments() {
				if segment.GetId() == id {
					t.Errorf("customer %d is in the deleted segment", customer.GetId())
				}
			}
		}
		_, err := c.delete(t, id)
		failure(t, err, driver.KindNotFound)
		_, err = c.update(t, driver.Change[*amogatev1.CustomerSegment]{ID: unknownID, Value: &amogatev1.CustomerSegment{Name: "x"}, Paths: []string{"name"}})
		failure(t, err, driver.KindNotFound)
	}
	for field, value := range map[string]*amogatev1.CustomerSegment{
		"name":  {Color: "#10599d"},
		"color": {Name: "x", Color: "red"},
	} {
		wantNamed(t, segments.Check(&driver.Env{}, driver.OpCreate, value, writable(value, driver.OpCreate)), field, driver.KindInvalid)
	}
}

// Customers are put into segments and out of them.
func TestSegments_ofCustomers(t *testing.T) {
	tr := newCustomerTrial(t, fourth, segmentsConfig())
	tr.draw = func(rt *rapid.T) *amogatev1.Customer { return &amogatev1.Customer{Name: drawText(rt, "name")} }
	for _, name := range []string{"segments", "tags", "next_price"} {
		t.Run("create "+name, func(t *testing.T) { tr.testCreate(t, name) })
		t.Run("update "+name, func(t *testing.T) { tr.testUpdate(t, name) })
		t.Run("clear "+name, func(t *testing.T) { tr.testClear(t, name) })
	}
}
