package emulator

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// freshPeriod is the first id behind the seeded periods.
const freshPeriod = seedPeriodIDs + 7

// board is an account with four periods and a customer in each.
func board(t *testing.T, config Config) *Emulator {
	t.Helper()
	e := open(t, config)
	mustSetPeriods(t, e,
		Period{ID: 1, Kind: PeriodBefore, Days: 10, Color: "#fffd7f", Sort: 1},
		Period{ID: 2, Kind: PeriodBefore, Days: 20, Color: "#ffdc7f", Sort: 2},
		Period{ID: 3, Kind: PeriodBefore, Days: 60, Color: "#ccc8f9", Sort: 3},
		Period{ID: 4, Kind: PeriodAfter, Days: 60, Color: "#fd5598", Sort: 0})
	for id := range int64(4) {
		mustAdd(t, e, Customer{ID: id + 1, PeriodID: id + 1})
	}
	return e
}

func replacePeriods(t *testing.T, e *Emulator, items string) []any {
	t.Helper()
	a := ask(t, e, http.MethodPost, periodsPath, `{"update":[`+items+`]}`)
	rows, ok := embedded(t, a)["items"].([]any)
	if !ok {
		t.Fatalf("no items in %s", a.body)
	}
	return rows
}

// TestDistanceOfPeriods takes the documented example: stretches of 10, 20 and 60 days lie 10, 30 and 90 days before the
// purchase.
func TestDistanceOfPeriods(t *testing.T) {
	a := ask(t, board(t, Config{}), http.MethodGet, periodsPath, "")
	const want = `"_embedded":{"items":[` +
		`{"id":1,"type":"before","period":10,"color":"#fffd7f","sort":1,"before_buy":10},` +
		`{"id":2,"type":"before","period":20,"color":"#ffdc7f","sort":2,"before_buy":30},` +
		`{"id":3,"type":"before","period":60,"color":"#ccc8f9","sort":3,"before_buy":90},` +
		`{"id":4,"type":"after","period":60,"color":"#fd5598","sort":0,"after_buy":60}]}`
	if !strings.Contains(a.body, want) {
		t.Errorf("got %s", a.body)
	}
}

func TestNoPeriodsAreAnEmptyList(t *testing.T) {
	e := open(t, Config{})
	mustSetPeriods(t, e)
	if a := ask(t, e, http.MethodGet, periodsPath, ""); a.status != http.StatusNoContent || a.body != "" {
		t.Errorf("status %d: %s", a.status, a.body)
	}
}

func TestPeriodsAreReplaced(t *testing.T) {
	e := board(t, Config{})
	rows := replacePeriods(t, e, `{"id":"4","period":"45","color":"#000000","sort":"1"},
		{"period":"7","color":"#FFD6EA","sort":"2"},{"id":1},{"id":2,"sort":5}`)
	self := map[string]any{"self": map[string]any{"href": periodsPath, "method": "get"}}
	answered := []any{ // in the order sent
		map[string]any{"id": 4.0, "type": "after", "period": 45.0, "color": "#000000", "sort": 1.0, "after_buy": 45.0, "_links": self},
		map[string]any{"id": 112807.0, "type": "before", "period": 7.0, "color": "#FFD6EA", "sort": 2.0, "before_buy": 17.0, "_links": self},
		map[string]any{"id": 1.0, "type": "before", "period": 10.0, "color": "#fffd7f", "sort": 1.0, "before_buy": 10.0, "_links": self},
		map[string]any{"id": 2.0, "type": "before", "period": 20.0, "color": "#ffdc7f", "sort": 5.0, "before_buy": 37.0, "_links": self},
	}
	if diff := cmp.Diff(answered, rows); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	want := []Period{
		{ID: 1, Kind: PeriodBefore, Days: 10, Color: "#fffd7f", Sort: 1},
		{ID: freshPeriod, Kind: PeriodBefore, Days: 7, Color: "#FFD6EA", Sort: 2},
		{ID: 2, Kind: PeriodBefore, Days: 20, Color: "#ffdc7f", Sort: 5},
		{ID: 4, Kind: PeriodAfter, Days: 45, Color: "#000000", Sort: 1},
	}
	if diff := cmp.Diff(want, e.Periods()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if s := e.Stats(); s.Added != 1 || s.Updated != 3 || s.Deleted != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestPeriodsAsForm(t *testing.T) {
	e := board(t, Config{})
	a := ask(t, e, http.MethodPost, periodsPath, "update[0][id]=4&update[7][period]=3&update[7][color]=%23d6eaff&update[7][sort]=1",
		"Content-Type", form)
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if got := e.Periods(); len(got) != 2 || got[0].Color != "#d6eaff" || got[0].ID != freshPeriod {
		t.Errorf("periods %v", got)
	}
}

func TestIDsOfPeriodsAreNotUsedAgain(t *testing.T) {
	e := board(t, Config{})
	const fresh = `{"id":4},{"period":7,"color":"#000000","sort":1}`
	for _, want := range []int64{freshPeriod, freshPeriod + 1, freshPeriod + 2} {
		replacePeriods(t, e, fresh)
		if got := e.Periods()[0].ID; got != want {
			t.Errorf("the new period has id %d, want %d", got, want)
		}
	}
}

// TestCustomersOfARemovedPeriodMoveOn follows them towards the purchase.
func TestCustomersOfARemovedPeriodMoveOn(t *testing.T) {
	const fresh = `{"period":7,"color":"#000000","sort":9}`
	for _, test := range []struct {
		name  string
		steps []string
		want  []int64 // periods of customers 1 to 4
	}{
		{"nothing removed", []string{`{"id":1},{"id":2},{"id":3},{"id":4}`}, []int64{1, 2, 3, 4}},
		{"to the next before the purchase", []string{`{"id":1},{"id":2},{"id":4}`}, []int64{1, 2, 2, 4}},
		{"past another removed one", []string{`{"id":1},{"id":4}`}, []int64{1, 1, 1, 4}},
		{"over the purchase", []string{`{"id":2},{"id":3},{"id":4}`}, []int64{4, 2, 3, 4}},
		{"new ones do not count", []string{`{"id":1},{"id":4},` + fresh}, []int64{1, 1, 1, 4}},
		{"step by step", []string{`{"id":1},{"id":2},{"id":4}`, `{"id":1},{"id":4}`, `{"id":4}`}, []int64{4, 4, 4, 4}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := board(t, Config{})
			for _, step := range test.steps {
				replacePeriods(t, e, step)
			}
			var got []int64
			for c := range e.Customers() {
				if one := stored(t, e, c.ID); one.PeriodID != c.PeriodID {
					t.Errorf("customer %d is in period %d and in %d", c.ID, c.PeriodID, one.PeriodID)
				}
				a := ask(t, e, http.MethodGet, fmt.Sprint("/api/v2/customers?id=", c.ID), "")
				if !strings.Contains(a.body, fmt.Sprintf(`"period_id":%d,`, c.PeriodID)) {
					t.Errorf("customer %d is not shown in period %d: %s", c.ID, c.PeriodID, a.body)
				}
				if c.UpdatedAt != 0 {
					t.Errorf("customer %d was updated", c.ID)
				}
				got = append(got, c.PeriodID)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCustomersOfARemovedPeriodWithoutANextMoveBack(t *testing.T) {
	for _, test := range []struct {
		name, steps string
		want        []int64
	}{
		{"to the one before", `{"id":2},{"id":3}`, []int64{2, 2, 3}},
		{
			"to the new one farthest from the purchase", newPeriods(2),
			[]int64{freshPeriod + 1, freshPeriod + 1, freshPeriod + 1},
		},
	} {
		e := board(t, Config{})
		mustSetPeriods(t, e, e.Periods()[:3]...) // nothing lies after the purchase
		replacePeriods(t, e, test.steps)
		for i, want := range test.want {
			if got := stored(t, e, int64(i+1)).PeriodID; got != want {
				t.Errorf("%s: customer %d is in period %d, want %d", test.name, i+1, got, want)
			}
		}
	}
}

func TestChangedCustomerStaysWhereItWasMoved(t *testing.T) {
	e := board(t, Config{})
	replacePeriods(t, e, `{"id":1},{"id":4}`)
	write(t, e, `{"update":[{"id":3,"updated_at":5,"name":"x"},{"id":2,"updated_at":5,"period_id":4}]}`)
	if a, b := stored(t, e, 3).PeriodID, stored(t, e, 2).PeriodID; a != 1 || b != 4 {
		t.Errorf("periods %d and %d", a, b)
	}
}

func TestMovedCustomerIsSeenWhereItIs(t *testing.T) {
	e := board(t, Config{})
	rows := e.Periods()
	replacePeriods(t, e, `{"id":1},{"id":4}`)
	err := e.UpdateCustomer(3, func(c *Customer) {
		if c.PeriodID != 1 {
			t.Errorf("the change finds it in period %d", c.PeriodID)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	mustSetPeriods(t, e, rows...) // whom the change wrote stays, whom nothing touched was never moved
	if a, b := stored(t, e, 3).PeriodID, stored(t, e, 2).PeriodID; a != 1 || b != 2 {
		t.Errorf("periods %d and %d", a, b)
	}
}

func TestSeededCustomersAreInSeededPeriods(t *testing.T) {
	e := open(t, Config{Customers: 200})
	ids := map[int64]bool{}
	for _, p := range e.Periods() {
		ids[p.ID] = false
	}
	for c := range e.Customers() {
		if _, ok := ids[c.PeriodID]; !ok {
			t.Fatalf("customer %d is in period %d", c.ID, c.PeriodID)
		}
		ids[c.PeriodID] = true
	}
	for id, used := range ids {
		if !used {
			t.Errorf("nobody is in period %d", id)
		}
	}
}

func TestBoardHoldsTenPeriods(t *testing.T) {
	for _, test := range []struct {
		made   int
		config Config
		status int
	}{
		{9, Config{}, http.StatusOK},
		{10, Config{}, http.StatusBadRequest},
		{10, Config{TenPeriodsBefore: true}, http.StatusOK},
		{11, Config{TenPeriodsBefore: true}, http.StatusBadRequest},
	} {
		e := board(t, test.config)
		a := ask(t, e, http.MethodPost, periodsPath, `{"update":[{"id":4},`+newPeriods(test.made)+`]}`)
		if a.status != test.status {
			t.Errorf("one after the purchase and %d before it, all but the system's %v: status %d: %s",
				test.made, test.config.TenPeriodsBefore, a.status, a.body)
		}
	}
}

func TestSegmentsHaveNoPeriods(t *testing.T) {
	e := board(t, Config{Segments: true})
	if a := ask(t, e, http.MethodGet, periodsPath, ""); a.status != http.StatusNoContent {
		t.Errorf("list: status %d: %s", a.status, a.body)
	}
	if a := ask(t, e, http.MethodPost, periodsPath, `{"update":[{"id":4}]}`); a.status != http.StatusForbidden || errorCode(a) != "425" {
		t.Errorf("write: status %d: %s", a.status, a.body)
	}
	if a := write(t, e, `{"add":[{"name":"A"}]}`); strings.Contains(a.body, `"errors"`) {
		t.Errorf("an add without next_date: %s", a.body)
	}
	a := ask(t, e, http.MethodGet, "/api/v2/customers?id=1", "")
	if !strings.Contains(a.body, `"period_id":0,"periodicity":0,"next_date":0,`) {
		t.Errorf("a customer: %s", a.body)
	}
}

func TestPeriodsAreTheAdministrators(t *testing.T) {
	e := board(t, Config{NotAdmin: true})
	for _, test := range []struct{ method, body string }{{http.MethodGet, ""}, {http.MethodPost, `{"update":[{"id":4}]}`}} {
		if a := ask(t, e, test.method, periodsPath, test.body); a.status != http.StatusForbidden || errorCode(a) != "288" {
			t.Errorf("%s: status %d: %s", test.method, a.status, a.body)
		}
	}
	if len(e.Periods()) != 4 {
		t.Error("the refused call changed something")
	}
	if a := ask(t, e, http.MethodGet, "/api/v2/customers", ""); a.status != http.StatusOK {
		t.Errorf("customers: status %d", a.status)
	}
}

func TestSetPeriodsRefuses(t *testing.T) {
	for name, periods := range map[string][]Period{
		"no id":         {{Kind: PeriodBefore}},
		"id twice":      {{ID: 1, Kind: PeriodBefore}, {ID: 1, Kind: PeriodAfter}},
		"no kind":       {{ID: 1}},
		"negative days": {{ID: 1, Kind: PeriodAfter, Days: -1}},
		"negative sort": {{ID: 1, Kind: PeriodAfter, Sort: -1}},
	} {
		e := board(t, Config{})
		if err := e.SetPeriods(periods...); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if len(e.Periods()) != 4 {
			t.Errorf("%s: changed the periods", name)
		}
	}
}
