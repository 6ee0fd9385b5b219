package emulator

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBonusPointsAreEarnedAndRedeemed(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7, UpdatedAt: 5, BonusPoints: 500})
	for _, step := range []struct {
		body, want string
		status     int
	}{
		{`{"earn":34}`, `{"bonus_points":534}`, 200}, // the documented answer
		{`{"redeem":535}`, "", 400},
		{`{"redeem":534}`, `{"bonus_points":0}`, 200},
		{`{"redeem":1}`, "", 400},
	} {
		a := ask(t, e, http.MethodPost, "/api/v4/customers/7/bonus_points", step.body)
		if a.status != step.status || step.want != "" && a.body != step.want || step.want == "" && problemDetail(a) != fewBonusDetail {
			t.Errorf("%s: status %d: %s", step.body, a.status, a.body)
		}
	}
	if c := stored(t, e, 7); c.BonusPoints != 0 || c.UpdatedAt != 5 {
		t.Errorf("stored %+v", c)
	}
}

func TestBonusRefusals(t *testing.T) {
	for _, test := range []struct {
		name, target, body string
		config             Config
		status             int
		want               string // detail, or the only violation
	}{
		{"both", "7", `{"earn":1,"redeem":1}`, Config{}, 400, oneBonusDetail},
		{"neither", "7", `{"points":1}`, Config{}, 400, oneBonusDetail},
		{"nothing", "7", ``, Config{}, 400, emptyBodyDetail},
		{"a list", "7", `[{"earn":1}]`, Config{}, 400, invalidBodyDetail},
		{"as text", "7", `{"earn":"1"}`, Config{}, 400, "0 InvalidType earn"},
		{"a fraction", "7", `{"earn":1.5}`, Config{}, 400, "0 InvalidType earn"},
		{"none", "7", `{"redeem":0}`, Config{}, 400, "0 InvalidType redeem"},
		{"negative", "7", `{"earn":-1}`, Config{}, 400, "0 InvalidType earn"},
		{"too many", "7", `{"earn":1000000000001}`, Config{}, 400, "0 InvalidType earn"},
		{"unknown customer", "9", `{"earn":1}`, Config{}, 404, noCustomerDetail},
		{"no loyalty cards", "7", `{"earn":1}`, Config{NoLoyalty: true}, 400, noLoyaltyDetail},
		{"customers off", "7", `{"earn":1}`, Config{CustomersMode: ModeDisabled}, 400, "Error 426."},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, test.config)
			mustAdd(t, e, Customer{ID: 7, BonusPoints: 5})
			a := ask(t, e, http.MethodPost, "/api/v4/customers/"+test.target+"/bonus_points", test.body)
			if test.want[0] == '0' {
				if diff := cmp.Diff([]string{test.want}, violations(t, a)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			} else if a.status != test.status || problemDetail(a) != test.want {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if got := stored(t, e, 7).BonusPoints; got != 5 {
				t.Errorf("%d points", got)
			}
		})
	}
}
