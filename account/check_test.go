package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
)

var resultNames = map[account.Result]string{
	account.ResultOK: "ok", account.ResultWarning: "warning", account.ResultFailed: "failed", account.ResultSkipped: "skipped",
}

// check returns the results of the checks, in order, and the checks by name.
func (r *rig) check(name string) (string, map[string]account.Check) {
	r.t.Helper()
	checks, err := r.Check(r.t.Context(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	var results []string
	by := map[string]account.Check{}
	for _, c := range checks {
		results = append(results, c.Name+"="+resultNames[c.Result])
		by[c.Name] = c
		if c.Finding == "" || c.Result == account.ResultFailed && c.Remedy == "" {
			r.t.Errorf("%s finds %q with the remedy %q", c.Name, c.Finding, c.Remedy)
		}
	}
	return strings.Join(results, " "), by
}

func TestCheck_findsWhatIsWrong(t *testing.T) {
	const good = "dns=skipped tls=skipped token=ok rights=ok rate=ok clock=ok pages=ok tokens=ok"
	for name, test := range map[string]struct {
		config emulator.Config
		script []emulator.Rule
		harm   func(*testing.T, *rig, *emulator.Emulator)
		want   string
	}{
		"nothing": {want: good},
		"no rows": {config: emulator.Config{Customers: -1}, want: good},
		"the token": {
			harm: func(_ *testing.T, _ *rig, e *emulator.Emulator) { e.Disconnect() },
			want: "dns=skipped tls=skipped token=failed rights=skipped rate=ok clock=skipped pages=skipped tokens=failed",
		},
		"the rights": {
			script: []emulator.Rule{{
				Match:  emulator.Match{Path: "/api/v4/customers"},
				Action: emulator.Action{Status: 403, Body: `{"title":"Forbidden","status":403,"detail":"no access"}`, Header: map[string]string{"Content-Type": "application/problem+json"}},
			}},
			want: "dns=skipped tls=skipped token=ok rights=failed rate=ok clock=ok pages=skipped tokens=ok",
		},
		"no customers": {
			config: emulator.Config{CustomersState: emulator.CustomersOff},
			want:   "dns=skipped tls=skipped token=ok rights=warning rate=ok clock=ok pages=skipped tokens=ok",
		},
		"the rate": {
			script: []emulator.Rule{{Match: emulator.Match{Path: "/api/v4/account", Nth: 1}, Action: emulator.Action{Status: 429, Body: "slower", Header: map[string]string{"Retry-After": "1"}}}},
			want:   "dns=skipped tls=skipped token=ok rights=ok rate=warning clock=ok pages=ok tokens=ok",
		},
		"a ban": {
			harm: func(_ *testing.T, _ *rig, e *emulator.Emulator) { e.Ban(time.Hour) },
			want: "dns=skipped tls=skipped token=failed rights=skipped rate=failed clock=skipped pages=skipped tokens=ok",
		},
		"the clock": {
			harm: func(_ *testing.T, _ *rig, e *emulator.Emulator) { e.SetClock(10 * time.Minute) },
			want: "dns=skipped tls=skipped token=ok rights=ok rate=ok clock=warning pages=ok tokens=ok",
		},
		"a page": {
			script: []emulator.Rule{{Match: emulator.Match{Path: "/api/v4/customers", From: 2}, Action: emulator.Action{HTML: true, Status: 502}}},
			want:   "dns=skipped tls=skipped token=ok rights=ok rate=ok clock=ok pages=failed tokens=ok",
		},
		"the key": {
			harm: func(t *testing.T, r *rig, _ *emulator.Emulator) {
				t.Helper()
				c, err := r.store.Credentials(t.Context(), "shop")
				if err != nil {
					t.Fatal(err)
				}
				lost := custody.Sealed{Generation: c.Generation + 1, KeyID: "lost", Data: c.Sealed}
				if ok, err := r.store.PutCredentials(t.Context(), "shop", custody.KindOAuth, lost); err != nil || !ok {
					t.Fatal(ok, err)
				}
			},
			want: "dns=skipped tls=skipped token=failed rights=skipped rate=ok clock=skipped pages=skipped tokens=failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(r *rig) {
				t := r.t
				config := test.config
				config.AccountID = 1001
				if config.Customers == 0 {
					config.Customers = 300
				}
				config.Customers = max(config.Customers, 0)
				e := r.emulate("shop.amocrm.ru", config)
				r.addPair("shop", "shop.amocrm.ru", e)
				if test.harm != nil {
					test.harm(t, r, e)
				}
				if err := e.Script(test.script...); err != nil {
					t.Fatal(err)
				}
				got, checks := r.check("shop")
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("checks (-want +got):\n%s\n%+v", diff, checks)
				}
			})
		})
	}
}

func TestCheck_ofAnAccountThatIsNotThere(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		if _, err := r.Check(t.Context(), "shop"); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("Check = %v, want ErrNotFound", err)
		}
	})
}

func TestCheck_ofTheAccountOfTheFlags(t *testing.T) {
	runWith(t, static, func(r *rig) {
		t := r.t
		r.shop()
		got, _ := r.check(account.FlagName)
		if want := "dns=skipped tls=skipped token=ok rights=ok rate=ok clock=ok pages=ok tokens=ok"; got != want {
			t.Errorf("checks %s", got)
		}
	})
}
