package v4_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/amogate/amogate/amo/internal/driver"
	v4 "github.com/amogate/amogate/amo/internal/v4"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Both keys are required, so that a flag that is false goes along.
func TestSetCustomersMode_call(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode    string
		enabled bool
		body    string
	}{
		{"segments", true, `{"mode":"segments","is_enabled":true}`},
		{"periodicity", false, `{"mode":"periodicity","is_enabled":false}`},
	} {
		want := driver.Call{Name: "customers_mode.update", Method: "PATCH", Path: "/api/v4/customers/mode", Effect: driver.Set, Body: []byte(c.body)}
		if diff := cmp.Diff(want, v4.SetCustomersMode(c.mode, c.enabled).Call); diff != "" {
			t.Error(diff)
		}
	}
}

// Customers that are off are in the mode that the account tells of itself.
func TestSetCustomersMode_Decode(t *testing.T) {
	t.Parallel()
	x := v4.SetCustomersMode("segments", true)
	for body, want := range map[string]*amogatev1.CustomersModeState{
		`{"mode":"segments","is_enabled":true}`:         {Mode: amogatev1.CustomersMode_CUSTOMERS_MODE_SEGMENTS, ModeCode: "segments"},
		`{"mode":"periodicity","is_enabled":"1"}`:       {Mode: amogatev1.CustomersMode_CUSTOMERS_MODE_PERIODICITY, ModeCode: "periodicity"},
		`{"mode":"periodicity","is_enabled":false}`:     {Mode: amogatev1.CustomersMode_CUSTOMERS_MODE_DISABLED, ModeCode: "disabled"},
		`{"is_enabled":0}`:                              {Mode: amogatev1.CustomersMode_CUSTOMERS_MODE_DISABLED, ModeCode: "disabled"},
		`{"mode":"dynamic"}`:                            {Mode: amogatev1.CustomersMode_CUSTOMERS_MODE_DYNAMIC, ModeCode: "dynamic"},
		`{"mode":"unavailable"}`:                        {Mode: amogatev1.CustomersMode_CUSTOMERS_MODE_UNAVAILABLE, ModeCode: "unavailable"},
		`{"mode":"disabled"}`:                           {Mode: amogatev1.CustomersMode_CUSTOMERS_MODE_DISABLED, ModeCode: "disabled"},
		`{"mode":"lunar","is_enabled":true,"_links":1}`: {ModeCode: "lunar"},
	} {
		got, err := x.Decode(sectionEnv("segments"), []byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	for _, body := range []string{``, `{}`, `[]`, `<html></html>`, `{"is_enabled":true}`, `{"mode":{"a":1}}`} {
		got, err := x.Decode(sectionEnv("segments"), []byte(body))
		if e := sectionError(t, err, driver.KindBadResponse); got != nil || e.Op != "customers_mode.update" {
			t.Errorf("%s: got %v, operation %q", body, got, e.Op)
		}
	}
}

func TestSetCustomersMode_DecodeError(t *testing.T) {
	t.Parallel()
	x := v4.SetCustomersMode("segments", true)
	for _, c := range []struct {
		status int
		body   []byte
		kind   driver.Kind
	}{
		{400, problem("400", "x"), driver.KindUpstreamInvalid},
		{401, problem("401", "x"), driver.KindReauth},
		{402, problem("402", ""), driver.KindCustomersNotInPlan},
		{402, nil, driver.KindCustomersNotInPlan},
		{403, problem("403", "x"), driver.KindForbidden},
		{403, []byte("<html></html>"), driver.KindBlocked},
		{429, nil, driver.KindRateLimited},
	} {
		if e := x.DecodeError(driver.Response{Status: c.status, Body: c.body}); e == nil || e.Kind != c.kind || e.Message == "" || e.Status != c.status {
			t.Errorf("%d: got %+v", c.status, e)
		}
	}
	body := `{"validation-errors":[{"errors":[{"code":"FieldMissing","path":"is_enabled"},{"code":"NotSupportedChoice","path":"mode"}]}],"status":400}`
	if e := x.DecodeError(driver.Response{Status: 400, Body: []byte(body)}); sectionPaths(e) != "enabled mode" {
		t.Errorf("got %+v", e)
	}
	if e := x.DecodeError(driver.Response{Status: 200, Body: []byte(`{"mode":"segments","is_enabled":true}`)}); e != nil {
		t.Errorf("got %v", e)
	}
}

func FuzzSetCustomersMode(f *testing.F) {
	f.Add([]byte(`{"mode":"segments","is_enabled":true}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		state, err := v4.SetCustomersMode("segments", true).Decode(sectionEnv("segments"), body)
		checkDecoded(t, err)
		if err == nil && state.GetModeCode() == "" {
			t.Error("neither a mode nor an error")
		}
	})
}
