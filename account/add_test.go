package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
)

func TestAdd_storesWhatUpstreamAccepts(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.shop()
		long, err := e.IssueLongLived(30 * 24 * time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			given account.Given
			kind  custody.Kind
			ends  bool
		}{
			"token":   {account.Given{Token: emulator.DefaultToken}, custody.KindToken, false},
			"long":    {account.Given{Token: amo.BearerToken(long)}, custody.KindToken, true},
			"session": {account.Given{Session: account.Session{Login: emulator.DefaultLogin, APIKey: emulator.DefaultAPIKey}}, custody.KindSession, false},
			"code":    {account.Given{Code: account.Code(e.IssueCode())}, custody.KindOAuth, true},
		} {
			a, err := r.Add(t.Context(), account.Addition{Name: name, URL: "https://shop.amocrm.ru/", Given: test.given})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if a.Name != name || a.URL != "https://shop.amocrm.ru" || a.UpstreamID != 1001 || a.CreatedAt.IsZero() || a.FromFlags {
				t.Errorf("%s: %+v", name, a.Record)
			}
			c := a.Credentials
			if c.Kind != test.kind || c.State != custody.StateOK || c.Generation != 1 || c.KeyID != r.ring.Active() || c.ExpiresAt.IsZero() == test.ends {
				t.Errorf("%s: %+v", name, c)
			}
			if (c.Kind == custody.KindOAuth) == c.RefreshAt.IsZero() {
				t.Errorf("%s: renewed at %v", name, c.RefreshAt)
			}
			if err := call(t, r.Registry, name); err != nil {
				t.Errorf("%s: a call: %v", name, err)
			}
		}
	})
}

func TestAdd_storesNothingThatIsRefused(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		r.shop()
		for name, test := range map[string]struct {
			addition account.Addition
			field    string
			kind     amo.Kind
		}{
			"no name":            {addition: account.Addition{URL: "https://shop.amocrm.ru", Given: account.Given{Token: "t"}}, field: "name"},
			"a name of capitals": {addition: account.Addition{Name: "Shop", URL: "https://shop.amocrm.ru", Given: account.Given{Token: "t"}}, field: "name"},
			"a long name":        {addition: account.Addition{Name: strings.Repeat("a", 65), URL: "https://shop.amocrm.ru", Given: account.Given{Token: "t"}}, field: "name"},
			"no URL":             {addition: account.Addition{Name: "shop", Given: account.Given{Token: "t"}}, field: "url"},
			"a foreign URL":      {addition: account.Addition{Name: "shop", URL: "https://shop.example.com", Given: account.Given{Token: "t"}}, field: "url"},
			"plain http":         {addition: account.Addition{Name: "shop", URL: "http://shop.amocrm.ru", Given: account.Given{Token: "t"}}, field: "url"},
			"no credentials":     {addition: account.Addition{Name: "shop", URL: "https://shop.amocrm.ru"}, field: "session"},
			"half a session":     {addition: account.Addition{Name: "shop", URL: "https://shop.amocrm.ru", Given: account.Given{Session: account.Session{Login: "a"}}}, field: "session"},
			"a broken token":     {addition: account.Addition{Name: "shop", URL: "https://shop.amocrm.ru", Given: account.Given{Token: "canary\n"}}, field: "access_token"},
			"a broken code":      {addition: account.Addition{Name: "shop", URL: "https://shop.amocrm.ru", Given: account.Given{Code: "canary canary"}}, field: "authorization_code"},
			"a wrong token":      {addition: account.Addition{Name: "shop", URL: "https://shop.amocrm.ru", Given: account.Given{Token: "canary"}}, kind: amo.KindReauth},
			"a wrong key": {
				addition: account.Addition{Name: "shop", URL: "https://shop.amocrm.ru", Given: account.Given{Session: account.Session{Login: emulator.DefaultLogin, APIKey: "canary"}}},
				kind:     amo.KindReauth,
			},
			"a code that is none": {addition: account.Addition{Name: "shop", URL: "https://shop.amocrm.ru", Given: account.Given{Code: "canary"}}, kind: amo.KindInvalid},
			"no such host":        {addition: account.Addition{Name: "shop", URL: "https://north.amocrm.ru", Given: account.Given{Token: "canary"}}, kind: amo.KindUnavailable},
		} {
			_, err := r.Add(t.Context(), test.addition)
			field, isField := errors.AsType[*account.FieldError](err)
			switch {
			case err == nil:
				t.Errorf("%s: added", name)
				continue
			case isField && field.Field != test.field, !isField && test.field != "":
				t.Errorf("%s: %v, want one about %s", name, err, test.field)
			case !isField && !amo.IsKind(err, test.kind):
				t.Errorf("%s: %v, want kind %d", name, err, test.kind)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: the error shows a secret: %v", name, err)
			}
		}
		if stored, err := r.store.Accounts(t.Context()); err != nil || len(stored) != 0 {
			t.Errorf("stored: %v, %v", stored, err)
		}
		if stored, err := r.store.AllCredentials(t.Context()); err != nil || len(stored) != 0 {
			t.Errorf("stored credentials: %v, %v", stored, err)
		}
		if strings.Contains(r.log.String(), "canary") {
			t.Errorf("the log shows a secret:\n%s", r.log)
		}
	})
}

func TestAdd_storesNothingWhileTheStoreIsAway(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		r.shop()
		r.store.away.Store(true)
		_, err := r.Add(t.Context(), account.Addition{Name: "shop", URL: "https://shop.amocrm.ru", Given: account.Given{Token: emulator.DefaultToken}})
		if !amo.IsKind(err, amo.KindStoreUnavailable) {
			t.Errorf("Add = %v, want KindStoreUnavailable", err)
		}
		r.store.away.Store(false)
		if got := names(t, r.Registry); got != "" {
			t.Errorf("accounts %q", got)
		}
	})
}

func TestAdd_replacesOnlyWhenAsked(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.shop()
		r.addPair("shop", "shop.amocrm.ru", e)
		addition := account.Addition{Name: "shop", URL: "https://shop.amocrm.ru", Given: account.Given{Token: emulator.DefaultToken}}
		if _, err := r.Add(t.Context(), addition); !errors.Is(err, account.ErrExists) {
			t.Errorf("Add = %v, want ErrExists", err)
		}
		addition.Replace, addition.URL = true, ""
		a, err := r.Add(t.Context(), addition)
		if err != nil || a.Credentials.Kind != custody.KindToken || a.Credentials.Generation != 2 {
			t.Errorf("Add = %+v, %v; want a token of generation 2", a.Credentials, err)
		}
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Error(err)
		}
	})
}

func TestAdd_refusesCredentialsOfAnotherAccount(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		r.shop()
		r.emulate("north.kommo.com", emulator.Config{AccountID: 1002})
		r.addToken("shop", "shop.amocrm.ru")
		_, err := r.Add(t.Context(), account.Addition{
			Name: "shop", URL: "https://north.kommo.com", Given: account.Given{Token: emulator.DefaultToken}, Replace: true,
		})
		other, ok := errors.AsType[*account.OtherAccountError](err)
		if !ok || other.Stored != 1001 || other.Given != 1002 {
			t.Errorf("Add = %v, want an OtherAccountError of 1001 and 1002", err)
		}
		if a, err := r.Get(t.Context(), "shop"); err != nil || a.URL != "https://shop.amocrm.ru" || a.Credentials.Generation != 1 {
			t.Errorf("stored: %+v, %v", a, err)
		}
	})
}

func TestAdd_mendsAnAccountThatNeedsAPerson(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.shop()
		r.addPair("shop", "shop.amocrm.ru", e)
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Fatal(err)
		}
		e.Disconnect()
		if err := call(t, r.Registry, "shop"); !amo.IsKind(err, amo.KindReauth) {
			t.Fatalf("after the disconnection: %v, want KindReauth", err)
		}
		if a, err := r.Get(t.Context(), "shop"); err != nil || a.Credentials.State != custody.StateRevoked || a.Credentials.Reason == "" {
			t.Errorf("Get = %+v, %v; want revoked", a.Credentials, err)
		}
		_, err := r.Add(t.Context(), account.Addition{Name: "shop", Given: account.Given{Code: account.Code(e.IssueCode())}, Replace: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Errorf("authorized again: %v", err)
		}
	})
}

func TestAdd_takesSlotsOfTheAccountsLimiter(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.emulate("shop.amocrm.ru", emulator.Config{AccountID: 1001, Window: 7})
		r.addToken("shop", "shop.amocrm.ru")
		for range 20 {
			_, err := r.Add(t.Context(), account.Addition{Name: "shop", Given: account.Given{Token: emulator.DefaultToken}, Replace: true})
			if err != nil {
				t.Fatal(err)
			}
		}
		if s := e.Stats(); s.FullestWindow > 7 || s.TooMany != 0 {
			t.Errorf("%d requests in a second, %d refused", s.FullestWindow, s.TooMany)
		}
	})
}
