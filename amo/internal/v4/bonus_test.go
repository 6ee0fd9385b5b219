package v4_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/internal/driver"
	v4 "github.com/amogate/amogate/amo/internal/v4"
)

// A change counts each time it arrives, and names one of the two keys.
func TestBonusPoints_call(t *testing.T) {
	t.Parallel()
	for body, x := range map[string]driver.Exchange[int64]{
		`{"earn":34}`:   v4.BonusPoints(701244, 34, 0),
		`{"redeem":34}`: v4.BonusPoints(701244, 0, 34),
	} {
		want := driver.Call{Name: "bonus_points.update", Method: "POST", Path: "/api/v4/customers/701244/bonus_points", Effect: driver.Create, Body: []byte(body)}
		if diff := cmp.Diff(want, x.Call); diff != "" {
			t.Error(diff)
		}
	}
}

func TestBonusPoints_Decode(t *testing.T) {
	t.Parallel()
	x := v4.BonusPoints(701244, 34, 0)
	for body, want := range map[string]int64{
		string(sectionFile(t, "bonus_reply.json")): 534,
		`{"bonus_points":"534"}`:                   534,
		`{"bonus_points":534.0}`:                   534,
		`{"bonus_points":0}`:                       0,
	} {
		got, err := x.Decode(sectionEnv("segments"), []byte(body))
		if err != nil || got != want {
			t.Errorf("%s: got %d %v", body, got, err)
		}
	}
	for _, body := range []string{``, `{}`, `[]`, `{"bonus_points":null}`, `{"bonus_points":"many"}`, `<html></html>`} {
		_, err := x.Decode(sectionEnv("segments"), []byte(body))
		if e := sectionError(t, err, driver.KindBadResponse); e.Op != "bonus_points.update" {
			t.Errorf("%s: operation %q", body, e.Op)
		}
	}
}

func TestBonusPoints_DecodeError(t *testing.T) {
	t.Parallel()
	x := v4.BonusPoints(701244, 0, 1000)
	for _, c := range []struct {
		status int
		body   []byte
		kind   driver.Kind
	}{
		{400, problem("400", "Not enough points"), driver.KindUpstreamInvalid},
		{400, problem("400", "Error 426."), driver.KindCustomersDisabled},
		{401, problem("401", "x"), driver.KindReauth},
		{404, problem("404", "Customer not found"), driver.KindNotFound},
		{404, problem("404", "Cannot POST https://north.amocrm.ru/api/v4/x"), driver.KindBadResponse},
		{500, nil, driver.KindUnavailable},
	} {
		if e := x.DecodeError(driver.Response{Status: c.status, Body: c.body}); e == nil || e.Kind != c.kind || e.Status != c.status {
			t.Errorf("%d %s: got %+v", c.status, c.body, e)
		}
	}
	body := `{"validation-errors":[{"errors":[{"code":"TooHigh","path":"redeem"}]}],"status":400}`
	if e := x.DecodeError(driver.Response{Status: 400, Body: []byte(body)}); sectionPaths(e) != "redeem" {
		t.Errorf("got %+v", e)
	}
}

func FuzzBonusPoints(f *testing.F) {
	f.Add(sectionFile(f, "bonus_reply.json"))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := v4.BonusPoints(1, 1, 0).Decode(sectionEnv("segments"), body)
		checkDecoded(t, err)
	})
}
