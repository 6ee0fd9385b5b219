package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// statusesV4 reads the board through v4.
func statusesV4(t *testing.T, e *Emulator) []Status {
	t.Helper()
	a := ask(t, e, http.MethodGet, v4StatusesPath, "")
	var doc struct {
		Total    int `json:"_total_items"`
		Embedded struct {
			Statuses []struct {
				ID, Sort   int64
				Name       string
				Color      string
				Type       StatusType
				Default    bool `json:"is_default"`
				Conditions json.RawMessage
			}
		} `json:"_embedded"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	var board []Status
	for _, s := range doc.Embedded.Statuses {
		one := Status{ID: s.ID, Name: s.Name, Sort: s.Sort, Type: s.Type, Color: s.Color, Conditions: string(s.Conditions)}
		if one.IsDefault() != s.Default {
			t.Errorf("status %d of type %d: is_default is %v", s.ID, s.Type, s.Default)
		}
		board = append(board, one)
	}
	if doc.Total != len(board) {
		t.Errorf("%d items in all, %d listed", doc.Total, len(board))
	}
	return board
}

func statusIDs(board []Status) []int64 {
	ids := make([]int64, 0, len(board))
	for _, s := range board {
		ids = append(ids, s.ID)
	}
	return ids
}

// The places of the system.
const (
	recentID, expectedID, notBoughtID, closedID = seedPeriodIDs - 3, seedPeriodIDs - 2, seedPeriodIDs - 1, seedPeriodIDs
)

func TestSampleOfStatus(t *testing.T) {
	e := open(t, samples(Config{}))
	mustSetPeriods(t, e)
	sameJSON(t, ask(t, e, http.MethodGet, fmt.Sprint(v4StatusesPath, "/", expectedID), ""), http.StatusOK, "v4_status_reply")
}

// TestBoardOfPeriods takes the example of v2: stretches of 10, 20 and 60 days lie 10, 30 and 90 days before the purchase.
func TestBoardOfPeriods(t *testing.T) {
	before := func(days int) string {
		return fmt.Sprintf(`[[{"type":"before_purchase","match":{"value":%d},"conditions":[{"value":%[1]d}]}]]`, days)
	}
	after := strings.ReplaceAll(before(60), "before_purchase", "after_today")
	e := board(t, Config{Language: "en"})
	want := []Status{
		{ID: recentID, Name: "Bought recently", Sort: 1, Type: StatusBoughtRecently, Color: "#ccff66", Conditions: "[]"},
		{ID: 3, Name: "90 days before the purchase", Sort: 2, Color: "#ccc8f9", Conditions: before(90)},
		{ID: 2, Name: "30 days before the purchase", Sort: 3, Color: "#ffdc7f", Conditions: before(30)},
		{ID: 1, Name: "10 days before the purchase", Sort: 4, Color: "#fffd7f", Conditions: before(10)},
		{ID: expectedID, Name: "Expected purchase", Sort: 5, Type: StatusExpected, Color: "#99ccff", Conditions: before(0)},
		{ID: 4, Name: "Did not buy", Sort: 6, Type: StatusNotBought, Color: "#fd5598", Conditions: "[]"},
		{ID: closedID, Name: "Closed", Sort: 7, Type: StatusClosed, Color: "#d5d8db", Conditions: after},
	}
	if diff := cmp.Diff(want, statusesV4(t, e)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, e.Statuses()); diff != "" {
		t.Errorf("Statuses (-want +got):\n%s", diff)
	}
}

func TestPeriodsAfterThePurchaseTakeThePlacesOfTheSystem(t *testing.T) {
	after := func(id, days int64) Period { return Period{ID: id, Kind: PeriodAfter, Days: days, Sort: id} }
	for _, test := range []struct {
		periods []Period
		want    []int64 // behind the expected purchase
		closed  string  // days until a customer is closed
	}{
		{nil, []int64{notBoughtID, closedID}, "60"},
		{[]Period{after(1, 45)}, []int64{1, closedID}, "45"},
		{[]Period{after(1, 45), after(2, 30)}, []int64{1, 2}, "45"},
		{[]Period{after(1, 45), after(2, 30), after(3, 9)}, []int64{1, 2, 3}, "75"},
	} {
		e := open(t, Config{})
		mustSetPeriods(t, e, test.periods...)
		got := statusesV4(t, e)
		if diff := cmp.Diff(test.want, statusIDs(got)[2:]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		last := got[len(got)-1]
		if last.Type != StatusClosed || !strings.Contains(last.Conditions, `"after_today","match":{"value":`+test.closed+"}") {
			t.Errorf("the last one is %+v", last)
		}
	}
}

func TestStatusesAreMade(t *testing.T) {
	e := board(t, Config{})
	a := ask(t, e, http.MethodPost, v4StatusesPath, `[{"name":"Near","sort":100,"request_id":"n"},{"name":"Far","sort":2,"color":"#deff81"},
		{"name":"Between","sort":4}]`)
	rows, _ := embedded(t, a)["statuses"].([]any)
	href := func(id int) map[string]any {
		return map[string]any{"self": map[string]any{"href": fmt.Sprint("https://example.amocrm.ru/api/v4/customers/statuses/", id)}}
	}
	want := []any{
		map[string]any{"id": 112807.0, "request_id": "n", "_links": href(112807)},
		map[string]any{"id": 112808.0, "request_id": "1", "_links": href(112808)},
		map[string]any{"id": 112809.0, "request_id": "2", "_links": href(112809)},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	got := statusesV4(t, e)
	if diff := cmp.Diff([]int64{recentID, 112808, 3, 112809, 2, 1, 112807, expectedID, 4, closedID}, statusIDs(got)); diff != "" {
		t.Errorf("board (-want +got):\n%s", diff)
	}
	for i, s := range got {
		if s.Sort != int64(i+1) {
			t.Errorf("status %d is sorted at %d, not %d", s.ID, s.Sort, i+1)
		}
	}
	if far := got[1]; far.Name != "Far" || far.Color != "#deff81" || far.Conditions != "[]" || far.Type != StatusOwn {
		t.Errorf("got %+v", far)
	}
	wantPeriods := []Period{ // counted from the purchase
		{ID: 112807, Kind: PeriodBefore, Color: "#fffeb2", Sort: 1, Name: "Near"},
		{ID: 1, Kind: PeriodBefore, Days: 10, Color: "#fffd7f", Sort: 2},
		{ID: 2, Kind: PeriodBefore, Days: 20, Color: "#ffdc7f", Sort: 3},
		{ID: 112809, Kind: PeriodBefore, Color: "#fffeb2", Sort: 4, Name: "Between"},
		{ID: 3, Kind: PeriodBefore, Days: 60, Color: "#ccc8f9", Sort: 5},
		{ID: 112808, Kind: PeriodBefore, Color: "#deff81", Sort: 6, Name: "Far"},
		{ID: 4, Kind: PeriodAfter, Days: 60, Color: "#fd5598", Sort: 0},
	}
	if diff := cmp.Diff(wantPeriods, e.Periods()); diff != "" {
		t.Errorf("periods (-want +got):\n%s", diff)
	}
	if s := e.Stats(); s.Added != 3 {
		t.Errorf("stats %+v", s)
	}
}

// TestStatusGetsItsConditionsThroughV2 names a status in one generation and gives it days in the other.
func TestStatusGetsItsConditionsThroughV2(t *testing.T) {
	e := board(t, Config{})
	ask(t, e, http.MethodPost, v4StatusesPath, `[{"name":"Far","sort":2}]`)
	replacePeriods(t, e, `{"id":1},{"id":112807,"period":40},{"id":4}`)
	s := statusesV4(t, e)[1]
	if s.Name != "Far" || !strings.Contains(s.Conditions, `{"value":50}`) {
		t.Errorf("got %+v", s)
	}
	if a := ask(t, e, http.MethodGet, v4StatusesPath+"/2", ""); a.status != http.StatusNotFound || problemDetail(a) != noStatusDetail {
		t.Errorf("a removed period: status %d: %s", a.status, a.body)
	}
}

func TestStatusIsChanged(t *testing.T) {
	for _, test := range []struct {
		name, body string
		id         int64
		want       string // of the answer
		board      []int64
	}{
		{"name", `{"name":"Soon","request_id":"r"}`, 2, `"name":"Soon","sort":3,`, []int64{3, 2, 1}},
		{"color", `{"color":"#deff81"}`, 2, `"color":"#deff81","type":0,"account_id":30117249,"request_id":"0",`, []int64{3, 2, 1}},
		{"its own color", `{"color":"#ccff66"}`, recentID, `"color":"#ccff66"`, []int64{3, 2, 1}},
		{"sort to the front", `{"sort":1}`, 1, `"sort":2,`, []int64{1, 3, 2}},
		{"sort to the end", `{"sort":1000}`, 3, `"sort":4,`, []int64{2, 1, 3}},
		{"sort to the middle", `{"sort":3}`, 3, `"sort":3,`, []int64{2, 3, 1}},
		{"sort to where it is", `{"sort":3}`, 2, `"sort":3,`, []int64{3, 2, 1}},
		{"sort of the system's", `{"sort":2}`, expectedID, `"sort":5,`, []int64{3, 2, 1}},
		{"name of the system's", `{"name":"Today"}`, expectedID, `"name":"Today"`, []int64{3, 2, 1}},
		{"name of a period after", `{"name":"Lost"}`, 4, `"name":"Lost"`, []int64{3, 2, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := board(t, Config{})
			target := fmt.Sprint(v4StatusesPath, "/", test.id)
			a := ask(t, e, http.MethodPatch, target, test.body)
			if a.status != http.StatusOK || !strings.Contains(a.body, test.want) {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			if got := statusIDs(statusesV4(t, e))[1:4]; !slices.Equal(got, test.board) {
				t.Errorf("own statuses %v, want %v", got, test.board)
			}
			var answered, read map[string]any
			if err := json.Unmarshal([]byte(a.body), &answered); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(ask(t, e, http.MethodGet, target, "").body), &read); err != nil {
				t.Fatal(err)
			}
			delete(answered, "request_id")
			if diff := cmp.Diff(answered, read); diff != "" {
				t.Errorf("read afterwards (-answered +read):\n%s", diff)
			}
		})
	}
}

// TestCustomersOfADeletedStatusMoveOn lets them go at once and, as the service says, later.
func TestCustomersOfADeletedStatusMoveOn(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			e := board(t, Config{StatusMoveDelay: delay})
			e.SetClock(time.Hour) // a wrong clock is the account's own, and moves nobody later
			for _, id := range []int64{3, 2, 1} {
				if a := ask(t, e, http.MethodDelete, fmt.Sprint(v4StatusesPath, "/", id), ""); a.status != http.StatusNoContent {
					t.Fatalf("status %d: %s", a.status, a.body)
				}
			}
			if delay > 0 {
				time.Sleep(delay - time.Nanosecond)
				for id := int64(1); id <= 3; id++ {
					if got := stored(t, e, id).PeriodID; got != id {
						t.Errorf("customer %d is in %d too early", id, got)
					}
				}
				time.Sleep(time.Nanosecond)
			}
			for id := int64(1); id <= 4; id++ {
				if got := stored(t, e, id).PeriodID; got != 4 {
					t.Errorf("customer %d is in %d", id, got)
				}
				a := ask(t, e, http.MethodGet, fmt.Sprint("/api/v2/customers?id=", id), "")
				if !strings.Contains(a.body, `"period_id":4,`) {
					t.Errorf("v2 shows %s", a.body)
				}
			}
			if got := e.Periods(); len(got) != 1 {
				t.Errorf("periods %+v", got)
			}
		})
	}
}

// TestDeletedStatus_takesNobody puts customers where no status is any longer.
func TestDeletedStatus_takesNobody(t *testing.T) {
	e := board(t, Config{})
	if a := ask(t, e, http.MethodDelete, v4StatusesPath+"/2", ""); a.status != http.StatusNoContent {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	for method, body := range map[string]string{
		http.MethodPost:  `[{"name":"A","next_date":5,"status_id":2}]`,
		http.MethodPatch: `[{"id":1,"status_id":2}]`,
	} {
		got := violations(t, ask(t, e, method, v4CustomersPath, body))
		if diff := cmp.Diff([]string{"0 NotSupportedChoice status_id"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", method, diff)
		}
	}
}

// TestListsWithoutPages_repeatRows sends the first rows of lists that come whole twice.
func TestListsWithoutPages_repeatRows(t *testing.T) {
	e := board(t, Config{})
	cu := mustAdd(t, e, Customer{ContactIDs: []int64{5, 6}})
	if err := e.Script(Rule{Action: Action{Duplicate: 1}}); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{
		v4StatusesPath:                 `"id":` + digits(recentID) + `,`,
		customerPath(cu.ID) + "/links": `"to_entity_id":5,`,
		periodsPath:                    `"id":1,`,
	} {
		if a := ask(t, e, http.MethodGet, target, ""); strings.Count(a.body, want) != 2 {
			t.Errorf("%s: %s", target, a.body)
		}
	}
}

func TestCustomersOfTheLastStatusExpectAPurchase(t *testing.T) {
	e := open(t, Config{})
	mustSetPeriods(t, e, Period{ID: 1, Kind: PeriodBefore, Days: 5})
	mustAdd(t, e, Customer{ID: 7, PeriodID: 1})
	ask(t, e, http.MethodDelete, v4StatusesPath+"/1", "")
	if got := stored(t, e, 7).PeriodID; got != expectedID {
		t.Errorf("the customer is in %d", got)
	}
}

func TestStatusRefusals(t *testing.T) {
	many := "[" + strings.Repeat(`{"name":"x","sort":1},`, 23) + `{"name":"x","sort":1}]`
	for _, test := range []struct {
		name, method, target, body string
		config                     Config
		status                     int
		want                       string // detail, or the only violation
	}{
		{"no name", http.MethodPost, "", `[{"sort":1}]`, Config{}, 400, "0 FieldMissing name"},
		{"blank name", http.MethodPost, "", `[{"name":" ","sort":1}]`, Config{}, 400, "0 NotBlank name"},
		{"no sort", http.MethodPost, "", `[{"name":"x"}]`, Config{}, 400, "0 FieldMissing sort"},
		{"sort as text", http.MethodPost, "", `[{"name":"x","sort":"1"}]`, Config{}, 400, "0 InvalidType sort"},
		{"color of the system's", http.MethodPost, "", `[{"name":"x","sort":1,"color":"#ccff66"}]`, Config{}, 400, "0 NotSupportedChoice color"},
		{"color without #", http.MethodPatch, "/1", `{"color":"deff81"}`, Config{}, 400, "0 NotSupportedChoice color"},
		{"one object", http.MethodPost, "", `{"name":"x","sort":1}`, Config{}, 400, invalidBodyDetail},
		{"a list for one", http.MethodPatch, "/1", `[{"name":"x"}]`, Config{}, 400, invalidBodyDetail},
		{"no change", http.MethodPatch, "/1", `{"request_id":"x"}`, Config{}, 400, nothingToDoDetail},
		{"nothing", http.MethodPatch, "/1", `{}`, Config{}, 400, emptyBodyDetail},
		{"more than thirty", http.MethodPost, "", many, Config{}, 422, manyStatusesDetail},
		{"unknown one changed", http.MethodPatch, "/99", `{"name":"x"}`, Config{}, 404, noStatusDetail},
		{"unknown one deleted", http.MethodDelete, "/99", "", Config{}, 404, noStatusDetail},
		{"the system's deleted", http.MethodDelete, fmt.Sprint("/", recentID), "", Config{}, 400, defaultStatusDetail},
		{"a period after deleted", http.MethodDelete, "/4", "", Config{}, 400, defaultStatusDetail},
		{"batch change", http.MethodPatch, "", `[{"id":1,"name":"x"}]`, Config{}, 405, "Method Not Allowed"},
		{"made by a user", http.MethodPost, "", `[{"name":"x","sort":1}]`, Config{NotAdmin: true}, 403, forbiddenDetail},
		{"changed by a user", http.MethodPatch, "/1", `{"name":"x"}`, Config{NotAdmin: true}, 403, forbiddenDetail},
		{"deleted by a user", http.MethodDelete, "/1", "", Config{NotAdmin: true}, 403, forbiddenDetail},
		{"listed in segments", http.MethodGet, "", "", Config{CustomersMode: ModeSegments}, 422, notPeriodicityDetail},
		{"read in segments", http.MethodGet, "/1", "", Config{CustomersMode: ModeDynamic}, 422, notPeriodicityDetail},
		{"made in segments", http.MethodPost, "", `[{"name":"x","sort":1}]`, Config{CustomersMode: ModeSegments}, 422, notPeriodicityDetail},
		{"listed while off", http.MethodGet, "", "", Config{CustomersMode: ModeDisabled}, 422, disabledDetail},
		{"unknown parameter", http.MethodGet, "?page=1", "", Config{Strict: true}, 400, `unknown query parameter "page"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := board(t, test.config)
			before := e.Statuses()
			a := ask(t, e, test.method, v4StatusesPath+test.target, test.body)
			if test.status == 400 && strings.HasPrefix(test.want, "0 ") {
				if diff := cmp.Diff([]string{test.want}, violations(t, a)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			} else if a.status != test.status || problemDetail(a) != test.want {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if diff := cmp.Diff(before, e.Statuses()); diff != "" {
				t.Errorf("the refused call changed something (-before +after):\n%s", diff)
			}
		})
	}
	if a := ask(t, board(t, Config{NotAdmin: true}), http.MethodGet, v4StatusesPath, ""); a.status != http.StatusOK {
		t.Errorf("a user's list: status %d", a.status)
	}
	if a := ask(t, board(t, Config{Missing204: true}), http.MethodGet, v4StatusesPath+"/99", ""); a.status != http.StatusNoContent {
		t.Errorf("an unknown one: status %d", a.status)
	}
}

// TestStatusesAreUpdatedDirectly gives a status conditions no period implies, which clients must bear.
func TestStatusesAreUpdatedDirectly(t *testing.T) {
	e := board(t, Config{})
	const groups = `[[{"type":"tag","options":{"name":"Tags"},"logic_operator":"or","match":{"value":[174],"logic":"or"}}],[]]`
	if err := e.UpdateStatus(2, func(s *Status) { s.Conditions = groups }); err != nil {
		t.Fatal(err)
	}
	if err := e.UpdateStatus(closedID, func(s *Status) { s.Name, s.Color = "Gone", "#000000" }); err != nil {
		t.Fatal(err)
	}
	got := statusesV4(t, e)
	if got[2].Conditions != groups || got[6].Name != "Gone" || got[6].Color != "#000000" {
		t.Errorf("got %+v", got)
	}
	mustSetPeriods(t, e, Period{ID: 2, Kind: PeriodBefore, Days: 3}) // what nobody changed still follows from the place
	if s := statusesV4(t, e)[1]; s.Name != "За 3 дн. до покупки" {
		t.Errorf("got %+v", s)
	}
	if err := e.UpdateStatus(99, func(*Status) {}); err == nil {
		t.Error("an unknown status is updated")
	}
	for _, bad := range []string{"", "{", `"x"`} {
		if err := e.UpdateStatus(2, func(s *Status) { s.Conditions = bad }); err == nil {
			t.Errorf("conditions %q are accepted", bad)
		}
	}
	if err := e.SetPeriods(Period{ID: closedID, Kind: PeriodBefore}); err == nil {
		t.Error("a period has the id of a status of the system")
	}
}

func TestStatusesAreMadeAtTheSameTime(t *testing.T) {
	e := open(t, Config{})
	mustSetPeriods(t, e)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				r := newRequest(t, http.MethodPost, v4StatusesPath, `[{"name":"x","sort":1}]`)
				r.Header.Set("Authorization", "Bearer "+DefaultToken)
				resp, err := e.Transport().RoundTrip(r)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%v %v", resp, err)
					return
				}
				if err := resp.Body.Close(); err != nil {
					t.Error(err)
				}
				e.Statuses()
			}
		})
	}
	wg.Wait()
	ids := statusIDs(e.Statuses())
	slices.Sort(ids)
	if got := len(slices.Compact(ids)); got != 24 {
		t.Errorf("%d statuses", got)
	}
}
