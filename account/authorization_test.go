package account_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
)

// begin begins a consent.
func (r *rig) begin(name, rootURL string) account.Consent {
	r.t.Helper()
	consent, err := r.BeginAuthorization(r.t.Context(), name, rootURL)
	if err != nil {
		r.t.Fatal(err)
	}
	return consent
}

// consent opens the page of a consent, as a browser does, and returns the address
// it is sent back to.
func (r *rig) consent(e *emulator.Emulator, page string) *url.URL {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, page, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	response, err := e.Transport().RoundTrip(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	back, err := response.Location()
	if err != nil {
		r.t.Fatalf("%s: %d, %v", page, response.StatusCode, err)
	}
	return back
}

// visit sends a browser to the callback.
func (r *rig) visit(back *url.URL) *httptest.ResponseRecorder {
	r.t.Helper()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(r.t.Context(), http.MethodGet, account.CallbackPath+"?"+back.RawQuery, nil)
	r.Callback().ServeHTTP(recorder, request)
	return recorder
}

func TestConsent_addsTheAccount(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.shop()
		for name, rootURL := range map[string]string{"any": "", "asked": "https://shop.amocrm.ru"} {
			consent := r.begin(name, rootURL)
			if !strings.HasPrefix(consent.URL, "https://www.amocrm.ru/oauth?") || !consent.ExpiresAt.Equal(time.Now().Add(20*time.Minute)) {
				t.Errorf("consent at %s until %v", consent.URL, consent.ExpiresAt)
			}
			back := r.consent(e, consent.URL)
			answer := r.visit(back)
			if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "Account connected") {
				t.Fatalf("%s: %d\n%s", name, answer.Code, answer.Body)
			}
			a, err := r.Get(t.Context(), name)
			if err != nil || a.URL != "https://shop.amocrm.ru" || a.UpstreamID != 1001 || a.Credentials.Kind != custody.KindOAuth {
				t.Errorf("%s: %+v, %v", name, a, err)
			}
			if err := call(t, r.Registry, name); err != nil {
				t.Errorf("%s: a call: %v", name, err)
			}
			for header, want := range map[string]string{
				"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8",
			} {
				if got := answer.Header().Get(header); got != want {
					t.Errorf("%s: %s: %q, want %q", name, header, got, want)
				}
			}
			for _, secret := range []string{back.Query().Get("code"), back.Query().Get("state")} {
				if strings.Contains(answer.Body.String(), secret) || strings.Contains(r.log.String(), secret) {
					t.Errorf("%s: the page or the log shows %q", name, secret)
				}
			}
		}
	})
}

func TestConsent_isAskedForInTheAccountsDomain(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		for rootURL, want := range map[string]string{
			"":                        "www.amocrm.ru",
			"https://shop.amocrm.ru":  "www.amocrm.ru",
			"https://shop.amocrm.com": "www.amocrm.com",
			"https://shop.kommo.com":  "www.kommo.com",
		} {
			page, err := url.Parse(r.begin("shop", rootURL).URL)
			if err != nil {
				t.Fatal(err)
			}
			q := page.Query()
			if page.Scheme != "https" || page.Host != want || page.Path != "/oauth" || q.Get("client_id") != emulator.DefaultClientID || len(q.Get("state")) < 22 {
				t.Errorf("consent of %q at %s", rootURL, page)
			}
		}
		// Of a stored account, in its domain.
		r.emulate("north.kommo.com", emulator.Config{AccountID: 1002})
		r.addToken("north", "north.kommo.com")
		if page := r.begin("north", "").URL; !strings.HasPrefix(page, "https://www.kommo.com/oauth?") {
			t.Errorf("consent of a stored account at %s", page)
		}
	})
}

func TestConsent_ofTestsIsAskedForAtTheGivenHost(t *testing.T) {
	runWith(t, func(c *account.Config) { c.AllowInsecure, c.Zone = true, "kommo.com" }, func(r *rig) {
		t := r.t
		if page := r.begin("shop", "http://127.0.0.1:8080").URL; !strings.HasPrefix(page, "http://127.0.0.1:8080/oauth?") {
			t.Errorf("consent at %s", page)
		}
		if page := r.begin("shop", "").URL; !strings.HasPrefix(page, "https://www.kommo.com/oauth?") {
			t.Errorf("consent at %s", page)
		}
	})
}

func TestConsent_authorizesAgain(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.shop()
		r.addPair("shop", "shop.amocrm.ru", e)
		e.Disconnect()
		if err := call(t, r.Registry, "shop"); !amo.IsKind(err, amo.KindReauth) {
			t.Fatalf("after the disconnection: %v", err)
		}
		if answer := r.visit(r.consent(e, r.begin("shop", "").URL)); answer.Code != http.StatusOK {
			t.Fatalf("%d\n%s", answer.Code, answer.Body)
		}
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Error(err)
		}
	})
}

func TestConsent_ofAnotherAccountDoesNotReplace(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.shop()
		north := r.emulate("north.amocrm.ru", emulator.Config{AccountID: 1002})
		r.addPair("shop", "shop.amocrm.ru", e)
		answer := r.visit(r.consent(north, r.begin("shop", "").URL))
		if answer.Code != http.StatusConflict || !strings.Contains(answer.Body.String(), "1002") {
			t.Errorf("%d\n%s", answer.Code, answer.Body)
		}
		if a, err := r.Get(t.Context(), "shop"); err != nil || a.UpstreamID != 1001 || a.Credentials.Generation != 1 {
			t.Errorf("stored: %+v, %v", a, err)
		}
		if err := call(t, r.Registry, "shop"); err != nil {
			t.Error(err)
		}
	})
}

func TestConsent_refusesWhatDoesNotBelongToIt(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.shop()
		evil := r.emulate("evil.example.com", emulator.Config{AccountID: 1002})
		north := r.emulate("north.amocrm.ru", emulator.Config{AccountID: 1003})
		good := func() url.Values {
			return r.consent(e, r.begin("shop", "https://shop.amocrm.ru").URL).Query()
		}
		without := func(key string) url.Values { q := good(); q.Del(key); return q }
		with := func(key string, values ...string) url.Values { q := good(); q[key] = values; return q }
		used := good()
		r.visit(&url.URL{RawQuery: used.Encode()})
		if err := r.Remove(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		late := good()
		time.Sleep(20*time.Minute + time.Second)
		e.ResetStats()
		for name, test := range map[string]struct {
			query url.Values
			want  string
		}{
			"nothing":                       {url.Values{}, "no state"},
			"no state":                      {without("state"), "no state"},
			"a state of somebody else":      {with("state", "somebody"), "unknown, was used already, or is too old"},
			"a state with markup":           {with("state", "<script>alert(1)</script>"), "unknown"},
			"two states":                    {with("state", "a", "b"), "state twice"},
			"a state that was used":         {used, "used already"},
			"a state that is too old":       {late, "too old"},
			"no code":                       {without("code"), "neither a code nor an error"},
			"a code that is none":           {with("code", "a b"), "code that is none"},
			"a wrong code":                  {with("code", "canary"), "Nothing was stored"},
			"no referer":                    {without("referer"), "no referer"},
			"a foreign referer":             {with("referer", "evil.example.com"), "not an account of amoCRM"},
			"a referer with markup":         {with("referer", "<b>.amocrm.ru"), "not an account of amoCRM"},
			"a referer with a user":         {with("referer", "shop.amocrm.ru@evil.example.com"), "not an account of amoCRM"},
			"a referer with a path":         {with("referer", "shop.amocrm.ru/x"), "not an account of amoCRM"},
			"the referer of another":        {with("referer", "north.amocrm.ru"), "north.amocrm.ru, and shop.amocrm.ru was asked for"},
			"a refusal":                     {url.Values{"state": good()["state"], "error": {"access_denied"}}, "refused at amoCRM"},
			"an error":                      {url.Values{"state": good()["state"], "error": {"<script>"}}, "an error instead of a code"},
			"an account that is not theirs": {with("referer", "none.kommo.com"), "was asked for"},
		} {
			answer := r.visit(&url.URL{RawQuery: test.query.Encode()})
			body := answer.Body.String()
			if answer.Code < 400 || answer.Code > 599 || !strings.Contains(body, test.want) || !strings.Contains(body, "Account not connected") {
				t.Errorf("%s: %d\n%s\nwant %q", name, answer.Code, body, test.want)
			}
			if strings.Contains(body, "<script>") || strings.Contains(body, "<b>") || strings.Contains(body, "canary") {
				t.Errorf("%s: the page repeats what was sent:\n%s", name, body)
			}
		}
		if got := names(t, r.Registry); got != "" {
			t.Errorf("accounts %q", got)
		}
		if got := evil.Stats().Requests + north.Stats().Requests; got != 0 {
			t.Errorf("%d requests to hosts that nobody asked for", got)
		}
	})
}

func TestConsent_usesItsStateUpWhateverComesOfIt(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.shop()
		back := r.consent(e, r.begin("shop", "").URL)
		q := back.Query()
		q.Set("referer", "evil.example.com")
		r.visit(&url.URL{RawQuery: q.Encode()})
		if answer := r.visit(back); answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), "used already") {
			t.Errorf("%d\n%s", answer.Code, answer.Body)
		}
	})
}

func TestConsent_theStoreKeepsNoState(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		a := r.begin("shop", "").URL
		b := r.begin("shop", "").URL
		if a == b {
			t.Error("two consents have one state")
		}
		if strings.Contains(r.log.String(), "state=") {
			t.Error("the log shows a state")
		}
	})
}

func TestConsent_needsAnIntegration(t *testing.T) {
	runWith(t, func(c *account.Config) { c.Integration = amo.Integration{} }, func(r *rig) {
		t := r.t
		r.shop()
		if _, err := r.BeginAuthorization(t.Context(), "shop", ""); !errors.Is(err, account.ErrNoIntegration) {
			t.Errorf("BeginAuthorization = %v, want ErrNoIntegration", err)
		}
		_, err := r.Add(t.Context(), account.Addition{Name: "shop", URL: "https://shop.amocrm.ru", Given: account.Given{Code: "code"}})
		if !errors.Is(err, account.ErrNoIntegration) {
			t.Errorf("Add = %v, want ErrNoIntegration", err)
		}
	})
}

func TestBeginAuthorization_refusesWrongNamesAndURLs(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		for _, test := range []struct{ name, url, field string }{
			{"Shop", "", "name"},
			{"", "", "name"},
			{"shop", "https://shop.example.com", "url"},
			{"shop", "shop.amocrm.ru", "url"},
		} {
			_, err := r.BeginAuthorization(t.Context(), test.name, test.url)
			if field, ok := errors.AsType[*account.FieldError](err); !ok || field.Field != test.field {
				t.Errorf("%q at %q: %v, want an error about %s", test.name, test.url, err, test.field)
			}
		}
	})
}

func TestAdd_aCodeBelongsToTheConsentThatWasBegun(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		e := r.shop()
		r.begin("shop", "https://shop.amocrm.ru")
		a, err := r.Add(t.Context(), account.Addition{Name: "shop", Given: account.Given{Code: account.Code(e.IssueCode())}})
		if err != nil || a.URL != "https://shop.amocrm.ru" {
			t.Errorf("Add = %+v, %v", a, err)
		}
		r.begin("late", "https://shop.amocrm.ru")
		time.Sleep(20*time.Minute + time.Second)
		_, err = r.Add(t.Context(), account.Addition{Name: "late", Given: account.Given{Code: account.Code(e.IssueCode())}})
		if field, ok := errors.AsType[*account.FieldError](err); !ok || field.Field != "url" {
			t.Errorf("Add = %v, want an error about url", err)
		}
	})
}

func TestCallback_takesGETOnly(t *testing.T) {
	run(t, func(r *rig) {
		t := r.t
		recorder := httptest.NewRecorder()
		r.Callback().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, account.CallbackPath, nil))
		if recorder.Code != http.StatusMethodNotAllowed || recorder.Header().Get("Allow") != http.MethodGet {
			t.Errorf("POST: %d, Allow %q", recorder.Code, recorder.Header().Get("Allow"))
		}
		if answer := r.visit(&url.URL{RawQuery: "state=" + strings.Repeat("a", 20<<10)}); answer.Code != http.StatusRequestURITooLong {
			t.Errorf("a long address: %d", answer.Code)
		}
	})
}
