package emulator

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const modePath = "/api/v4/customers/mode"

// TestModeIsChanged switches a live account and looks at it through both generations.
func TestModeIsChanged(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7, PeriodID: seedPeriodIDs + 1, SegmentIDs: []int64{51}})
	for _, step := range []struct {
		body                              string
		mode                              CustomersMode
		statuses, segments, periods, list int // HTTP statuses
		period                            string
	}{
		{`{"mode":"segments","is_enabled":true}`, ModeSegments, 422, 200, 204, 200, `"period_id":0,`},
		{`{"mode":"segments","is_enabled":false}`, ModeDisabled, 422, 422, 403, 403, ""},
		{`{"mode":"periodicity","is_enabled":false}`, ModeDisabled, 422, 422, 403, 403, ""},
		{`{"mode":"periodicity","is_enabled":true}`, ModePeriodicity, 200, 422, 200, 200, `"period_id":112801,`},
	} {
		a := ask(t, e, http.MethodPatch, modePath, step.body)
		if a.status != http.StatusOK || a.body != step.body {
			t.Errorf("%s: status %d: %s", step.body, a.status, a.body)
		}
		if got := e.CustomersMode(); got != step.mode {
			t.Errorf("%s: the mode is %q", step.body, got)
		}
		for path, want := range map[string]int{
			v4StatusesPath: step.statuses, v4SegmentsPath: step.segments, periodsPath: step.periods, "/api/v2/customers?id=7": step.list,
		} {
			a := ask(t, e, http.MethodGet, path, "")
			if a.status != want || strings.HasPrefix(path, "/api/v2/customers?") && !strings.Contains(a.body, step.period) {
				t.Errorf("%s: %s: status %d, want %d: %s", step.body, path, a.status, want, a.body)
			}
		}
	}
}

func TestModeRefusals(t *testing.T) {
	for _, test := range []struct {
		name, body string
		config     Config
		status     int
		want       []string // violations
	}{
		{"an old one", `{"mode":"dynamic","is_enabled":true}`, Config{}, 400, []string{"0 NotSupportedChoice mode"}},
		{"no mode", `{"is_enabled":true}`, Config{}, 400, []string{"0 FieldMissing mode"}},
		{"neither on nor off", `{"mode":"segments"}`, Config{}, 400, []string{"0 FieldMissing is_enabled"}},
		{"on as text", `{"mode":"segments","is_enabled":"true"}`, Config{}, 400, []string{"0 InvalidType is_enabled"}},
		{"on as number", `{"mode":"segments","is_enabled":1}`, Config{}, 400, []string{"0 InvalidType is_enabled"}},
		{"no object", `["segments",true]`, Config{}, 400, nil},
		{"a user", `{"mode":"segments","is_enabled":true}`, Config{NotAdmin: true}, 403, nil},
		{"not in the plan", `{"mode":"segments","is_enabled":true}`, Config{CustomersMode: ModeUnavailable}, 402, nil},
		{"not paid for", `{"mode":"segments","is_enabled":true}`, Config{CustomersState: CustomersUnpaid}, 402, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, test.config)
			before := e.CustomersMode()
			a := ask(t, e, http.MethodPatch, modePath, test.body)
			if a.status != test.status {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			if test.want != nil {
				if diff := cmp.Diff(test.want, violations(t, a)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			if got := e.CustomersMode(); got != before {
				t.Errorf("the mode is %q", got)
			}
		})
	}
	if a := ask(t, open(t, Config{}), http.MethodGet, modePath, ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("a GET: status %d: %s", a.status, a.body)
	}
}
