package emulator

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	loginPath = "/private/api/auth.php?type=json"
	rightPair = "USER_LOGIN=admin%40example.com&USER_HASH=" + DefaultAPIKey
)

func TestLoginEncodings(t *testing.T) {
	var multi bytes.Buffer
	w := multipart.NewWriter(&multi)
	for name, value := range map[string]string{"USER_LOGIN": DefaultLogin, "USER_HASH": DefaultAPIKey} {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, method, query, contentType, body string }{
		{"form", http.MethodPost, "", form, rightPair},
		{"JSON", http.MethodPost, "", "application/json", `{"USER_LOGIN":"` + DefaultLogin + `","USER_HASH":"` + DefaultAPIKey + `"}`},
		{"multipart", http.MethodPost, "", w.FormDataContentType(), multi.String()},
		{"query by GET", http.MethodGet, "&" + rightPair, "", ""},
		{"query by POST", http.MethodPost, "&" + rightPair, "", ""},
		{"login in capitals", http.MethodPost, "", form, strings.Replace(rightPair, "admin", "Admin", 1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, Config{Strict: true})
			a := send(t, e, newRequest(t, test.method, loginPath+test.query, test.body, "Content-Type", test.contentType))
			if a.status != http.StatusOK || !strings.HasPrefix(a.body, `{"response":{"auth":true,"accounts":[{"id":"30117249",`) ||
				!strings.Contains(a.body, `"timezone":"Europe\/Moscow"`) || !strings.Contains(a.body, `"server_time":`) {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if got := len(a.header.Values("Set-Cookie")); got != 2 {
				t.Errorf("%d cookies", got)
			}
			if s := e.Stats(); s.Logins != 1 || s.LoginFailures != 0 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

func TestLoginWithoutTypeIsXML(t *testing.T) {
	e := open(t, Config{})
	a := send(t, e, newRequest(t, http.MethodPost, "/private/api/auth.php", rightPair, "Content-Type", form))
	if a.status != http.StatusOK || !strings.Contains(a.body, "<root><auth>true</auth></root>") {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	a = send(t, e, newRequest(t, http.MethodPost, "/private/api/auth.php", "USER_LOGIN=x", "Content-Type", form))
	if a.status != http.StatusUnauthorized || !strings.Contains(a.body, "<root><auth>false</auth></root>") ||
		!strings.HasPrefix(a.header.Get("Content-Type"), "text/xml") {
		t.Errorf("status %d: %s", a.status, a.body)
	}
}

func TestLoginRefusals(t *testing.T) {
	for _, test := range []struct {
		name, body string
		config     Config
		status     int
		code       string
	}{
		{"wrong key", "USER_LOGIN=admin@example.com&USER_HASH=x", Config{}, http.StatusUnauthorized, "110"},
		{"wrong login", "USER_LOGIN=x&USER_HASH=" + DefaultAPIKey, Config{}, http.StatusUnauthorized, "110"},
		{"key as a list", "USER_LOGIN=admin@example.com&USER_HASH[]=" + DefaultAPIKey, Config{}, http.StatusUnauthorized, "110"},
		{"nothing", "", Config{}, http.StatusUnauthorized, "110"},
		{"another key is configured", rightPair, Config{APIKey: "other"}, http.StatusUnauthorized, "110"},
		{"disabled user", rightPair, Config{LoginState: LoginUserDisabled}, http.StatusUnauthorized, "112"},
		{"address", rightPair, Config{LoginState: LoginIPRefused}, http.StatusForbidden, "113"},
		{"other server", rightPair, Config{LoginState: LoginOtherServer}, http.StatusUnauthorized, "401"},
		{"other account", rightPair, Config{Host: "another.amocrm.test"}, http.StatusUnauthorized, "101"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t, test.config)
			a := send(t, e, newRequest(t, http.MethodPost, loginPath, test.body, "Content-Type", form))
			if a.status != test.status || errorCode(a) != test.code {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if a.header.Get("Set-Cookie") != "" {
				t.Error("a refused login sets cookies")
			}
			if !strings.HasPrefix(a.body, `{"response":{"auth":false,"error":`) {
				t.Errorf("not a login's refusal: %s", a.body)
			}
			if test.code == "401" && !strings.Contains(a.body, `"domain":"example.amocrm.com"`) {
				t.Errorf("no domain in %s", a.body)
			}
		})
	}
}

func TestCaptchaAfterFailures(t *testing.T) {
	e := open(t, Config{CaptchaAfter: 3})
	login := func(body string) string {
		return errorCode(send(t, e, newRequest(t, http.MethodPost, loginPath, body, "Content-Type", form)))
	}
	for _, want := range []string{"110", "110"} {
		if got := login("USER_LOGIN=x"); got != want {
			t.Errorf("code %q", got)
		}
	}
	if got := login(rightPair); got != "" {
		t.Errorf("the right key after two failures: code %q", got)
	}
	for _, want := range []string{"110", "110", "110", "111"} {
		if got := login("USER_LOGIN=x"); got != want {
			t.Errorf("code %q, want %q", got, want)
		}
	}
	if got := login(rightPair); got != "111" {
		t.Errorf("the right key behind a captcha: code %q", got)
	}
	e.SolveCaptcha()
	if got := login(rightPair); got != "" {
		t.Errorf("after the captcha: code %q", got)
	}
}

func TestWaysToAuthenticate(t *testing.T) {
	for _, test := range []struct {
		name, query string
		header      []string
		status      int
		cookies     int
	}{
		{"nothing", "", nil, http.StatusUnauthorized, 0},
		{"token", "", []string{"Authorization", "Bearer " + DefaultToken}, http.StatusOK, 0},
		{"token, scheme in small letters", "", []string{"Authorization", "bearer " + DefaultToken}, http.StatusOK, 0},
		{"wrong token", "", []string{"Authorization", "Bearer x"}, http.StatusUnauthorized, 0},
		{"wrong token beside right credentials", "?" + rightPair, []string{"Authorization", "Bearer x"}, http.StatusUnauthorized, 0},
		{"other scheme", "", []string{"Authorization", "Basic " + DefaultToken}, http.StatusUnauthorized, 0},
		{"USER_LOGIN", "?" + rightPair, nil, http.StatusOK, 2},
		{"login", "?login=admin@example.com&api_key=" + DefaultAPIKey, nil, http.StatusOK, 2},
		{"wrong query", "?login=admin@example.com&api_key=x", nil, http.StatusUnauthorized, 0},
		{"half a query", "?USER_LOGIN=admin@example.com", nil, http.StatusUnauthorized, 0},
		{"mixed spellings", "?USER_LOGIN=admin@example.com&api_key=" + DefaultAPIKey, nil, http.StatusUnauthorized, 0},
		{"unknown session", "", []string{"Cookie", "session_id=x; session_key=y"}, http.StatusUnauthorized, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := send(t, open(t, Config{}), newRequest(t, http.MethodGet, "/api/v2/account"+test.query, "", test.header...))
			if a.status != test.status || len(a.header.Values("Set-Cookie")) != test.cookies {
				t.Errorf("status %d, cookies %v: %s", a.status, a.header.Values("Set-Cookie"), a.body)
			}
			if a.status != http.StatusOK && errorCode(a) != "110" {
				t.Errorf("body %s", a.body)
			}
		})
	}
}

func TestSessionLastsFifteenMinutesFromTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{})
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: e.Transport(), Jar: jar}
		status := func(method, path, body string) int {
			resp, err := client.Do(newRequest(t, method, path, body, "Content-Type", form))
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			return resp.StatusCode
		}
		if got := status(http.MethodPost, loginPath, rightPair); got != http.StatusOK {
			t.Fatalf("login: status %d", got)
		}
		for range 14 { // using it does not prolong it
			time.Sleep(time.Minute)
			if got := status(http.MethodGet, "/api/v2/account", ""); got != http.StatusOK {
				t.Fatalf("status %d", got)
			}
		}
		home, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		kept := jar.Cookies(home)
		time.Sleep(time.Minute)
		r := newRequest(t, http.MethodGet, "/api/v2/account", "")
		for _, c := range kept {
			r.AddCookie(c)
		}
		if a := send(t, e, r); a.status != http.StatusUnauthorized || errorCode(a) != "110" {
			t.Errorf("after fifteen minutes: status %d: %s", a.status, a.body)
		}
	})
}

func TestSlidingSessionLastsAsLongAsItIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{SessionSlides: true})
		login := send(t, e, newRequest(t, http.MethodGet, loginPath+"&"+rightPair, ""))
		status := func() int {
			r := newRequest(t, http.MethodGet, "/api/v2/account", "")
			for _, c := range (&http.Response{Header: login.header}).Cookies() {
				if c.MaxAge != 0 {
					t.Errorf("cookie %s ends after %d s", c.Name, c.MaxAge)
				}
				r.AddCookie(c)
			}
			return send(t, e, r).status
		}
		for range 3 {
			time.Sleep(14 * time.Minute)
			if got := status(); got != http.StatusOK {
				t.Fatalf("used after 14 minutes: status %d", got)
			}
		}
		time.Sleep(15 * time.Minute)
		if got := status(); got != http.StatusUnauthorized {
			t.Errorf("used after 15 minutes: status %d", got)
		}
	})
}

func TestEndedSessionsAreForgotten(t *testing.T) {
	s := sessions{lifetime: time.Minute}
	start := time.Now()
	for i := range 1000 {
		s.start(start.Add(time.Duration(i) * time.Second))
	}
	if got := len(s.open); got > 2*60+64 {
		t.Errorf("%d sessions are kept, 60 are open", got)
	}
}

func TestLoginIDsAsNumbers(t *testing.T) {
	a := send(t, open(t, Config{LoginIDsAsNumbers: true}), newRequest(t, http.MethodGet, loginPath+"&"+rightPair, ""))
	for _, want := range []string{`"accounts":[{"id":30117249,`, `"user":{"id":7204833,`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("%s is not in %s", want, a.body)
		}
	}
}

func TestSessionNeedsAllItsCookies(t *testing.T) {
	e := open(t, Config{})
	a := send(t, e, newRequest(t, http.MethodGet, loginPath+"&"+rightPair, ""))
	cookies := (&http.Response{Header: a.header}).Cookies()
	for mask, want := range []int{http.StatusUnauthorized, http.StatusUnauthorized, http.StatusUnauthorized, http.StatusOK} {
		r := newRequest(t, http.MethodGet, "/api/v2/account", "")
		for i, c := range cookies {
			if mask&(1<<i) != 0 {
				r.AddCookie(c)
			}
		}
		if got := send(t, e, r).status; got != want {
			t.Errorf("cookies %b: status %d", mask, got)
		}
	}
	r := newRequest(t, http.MethodGet, "/api/v2/account", "", "Cookie", cookies[0].Name+"="+cookies[0].Value+"; "+cookieKey+"=other")
	if got := send(t, e, r).status; got != http.StatusUnauthorized {
		t.Errorf("with another session's key: status %d", got)
	}
	e.ExpireSessions()
	r = newRequest(t, http.MethodGet, "/api/v2/account", "")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	if got := send(t, e, r).status; got != http.StatusUnauthorized {
		t.Errorf("after ExpireSessions: status %d", got)
	}
}

func TestErrorStyles(t *testing.T) {
	for _, test := range []struct {
		style             ErrorStyle
		contentType, body string
	}{
		{ErrorLegacy, "application/json", `{"response":{"error":"Unauthorized","error_code":"110","server_time":`},
		{ErrorProblem, "application/problem+json", `{"title":"Error","type":"https:\/\/httpstatus.es\/401","status":401,"detail":"Unauthorized"}`},
		{ErrorBare, "application/json", `{"error":"Unauthorized"}`},
	} {
		r := newRequest(t, http.MethodGet, "/api/v2/account", "", "Authorization", "Bearer x")
		a := send(t, open(t, Config{ErrorStyle: test.style}), r)
		if a.header.Get("Content-Type") != test.contentType || !strings.HasPrefix(a.body, test.body) {
			t.Errorf("style %d: %q %s", test.style, a.header.Get("Content-Type"), a.body)
		}
	}
}

func TestHost(t *testing.T) {
	e := open(t, Config{Host: "Example.amocrm.test"})
	for url, want := range map[string]int{
		base + "/api/v2/account":                          http.StatusOK,
		"https://EXAMPLE.amocrm.test:8443/api/v2/account": http.StatusOK,
		"https://www.example.amocrm.test/api/v2/account":  http.StatusUnauthorized,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		r.Header.Set("Authorization", "Bearer "+DefaultToken)
		if a := send(t, e, r); a.status != want || want != http.StatusOK && errorCode(a) != "101" {
			t.Errorf("%s: status %d: %s", url, a.status, a.body)
		}
	}
}
