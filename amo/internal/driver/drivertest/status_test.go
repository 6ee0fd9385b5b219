package drivertest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func newStatus(name string) *amogatev1.CustomerStatus {
	return &amogatev1.CustomerStatus{Name: name, Sort: new(int32(3)), Color: "#fffeb2"}
}

func drawColor(rt *rapid.T, palette ...string) string {
	return rapid.SampledFrom(palette).Draw(rt, "color")
}

func TestStatuses_fields(t *testing.T) {
	a := newAccount(t, emulator.Config{Customers: 3})
	c := newCollection(t, a, fourth, statuses)
	id := c.make(t, newStatus("Old"))
	colors := []string{"#fffeb2", "#fffd7f", "#fff000", "#98cbff"}
	tr := &trial[*amogatev1.CustomerStatus, *amogatev1.ListCustomerStatusesRequest]{
		collection: c,
		scene:      &scene{account: a, generation: fourth},
		fields: map[string]field[*amogatev1.CustomerStatus]{
			"name": {clearing: refused, draw: func(rt *rapid.T, _ *scene, s *amogatev1.CustomerStatus) { s.Name = drawText(rt, "name") }},
			// Upstream numbers statuses anew.
			"sort": {clearing: refused, moves: []string{"sort"}, draw: func(rt *rapid.T, _ *scene, s *amogatev1.CustomerStatus) {
				s.Sort = new(rapid.Int32Range(1, 9).Draw(rt, "sort"))
			}},
			"color": {clearing: refused, draw: func(rt *rapid.T, _ *scene, s *amogatev1.CustomerStatus) { s.Color = drawColor(rt, colors...) }},
		},
		old:   func(*rapid.T) int64 { return id },
		plain: func(s *amogatev1.CustomerStatus) *amogatev1.CustomerStatus { return s },
	}
	tr.draw = func(rt *rapid.T) *amogatev1.CustomerStatus { return newStatus(drawText(rt, "name")) }
	t.Run("capabilities", tr.testCapabilities)
	for _, name := range []string{"name", "sort", "color"} {
		t.Run("update "+name, func(t *testing.T) { tr.testUpdate(t, name) })
		t.Run("clear "+name, func(t *testing.T) { tr.testClear(t, name) })
	}
}

func TestStatuses_lifeCycle(t *testing.T) {
	t.Parallel()
	for _, missing := range []bool{false, true} {
		a := newAccount(t, emulator.Config{Customers: 3, Missing204: missing})
		c := newCollection(t, a, fourth, statuses)
		var ids []int64
		for i, got := range c.rows(t, nil, 50) {
			stored := a.Statuses()[i]
			ids = append(ids, stored.ID)
			want := &amogatev1.CustomerStatus{
				Id: stored.ID, Name: stored.Name, Sort: new(int32(stored.Sort)), Color: stored.Color, System: new(stored.IsDefault()),
				AccountId: &c.env.AccountID,
			}
			if diff := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreFields(want, "conditions", "kind", "kind_code")); diff != "" {
				t.Errorf("(-stored +shown):\n%s", diff)
			}
			if want := string(rune('0' + stored.Type)); got.GetKindCode() != want || int64(got.GetKind()) != int64(stored.Type)+1 {
				t.Errorf("status %d is of kind %s (%s), want %s", stored.ID, got.GetKind(), got.GetKindCode(), want)
			}
			if got.GetConditions() == nil {
				t.Errorf("status %d shows no conditions", stored.ID)
			}
		}
		testPages(t, c, nil, ids)
		testIDs(t, c, ids, unknownID)
		value := newStatus("New")
		id := c.make(t, value)
		got := c.get(t, id)
		if got.GetName() != "New" || got.GetColor() != value.GetColor() || got.GetSystem() {
			t.Errorf("got %v", got)
		}
		if _, err := c.delete(t, id); err != nil {
			t.Fatal(err)
		}
		if rows, err := c.read(t, id); err != nil || len(rows) != 0 {
			t.Errorf("a deleted status is shown: %v", err)
		}
		_, err := c.delete(t, id)
		failure(t, err, driver.KindNotFound)
		_, err = c.delete(t, a.Statuses()[0].ID)
		failure(t, err, driver.KindUpstreamInvalid)
		_, err = c.update(t, driver.Change[*amogatev1.CustomerStatus]{ID: unknownID, Value: value, Paths: []string{"name"}})
		failure(t, err, driver.KindNotFound)
	}
	for field, value := range map[string]*amogatev1.CustomerStatus{
		"name":  {Sort: new(int32(3))},
		"sort":  {Name: "x"},
		"color": {Name: "x", Sort: new(int32(3)), Color: "red"},
	} {
		wantNamed(t, statuses.Check(&driver.Env{}, driver.OpCreate, value, writable(value, driver.OpCreate)), field, driver.KindInvalid)
	}
	a := newAccount(t, emulator.Config{NotAdmin: true})
	_, err := newCollection(t, a, fourth, statuses).create(t, newStatus("New"))
	failure(t, err, driver.KindForbidden)
}
