package emulator

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestFaultKinds(t *testing.T) {
	for kind, want := range map[Kind]string{KindRead: "x...", KindWrite: ".x..", KindToken: "..x.", KindLogin: "...x"} {
		e := open(t, Config{})
		script(t, e, fmt.Sprintf(`{"match":{"kind":%q},"action":{"status":402}}`, kind))
		var got []byte
		for _, a := range []answered{
			ask(t, e, http.MethodGet, accountV4, ""),
			ask(t, e, http.MethodPost, "/api/v2/customers", `{"add":[{"name":"A","next_date":5}]}`),
			refresh(t, e, issuePair(t, e).RefreshToken),
			send(t, e, newRequest(t, http.MethodPost, loginPath+"&"+rightPair, "")),
		} {
			if a.status == http.StatusPaymentRequired {
				got = append(got, 'x')
			} else {
				got = append(got, '.')
			}
		}
		if string(got) != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
}

func TestProbability(t *testing.T) {
	const n = 2000
	play := func(p string, seed int) []bool {
		e := open(t, Config{})
		script(t, e, fmt.Sprintf(`{"match":{"probability":%s,"seed":%d},"action":{"status":500}}`, p, seed))
		got := make([]bool, n)
		for i := range got {
			got[i] = visit(t, e, accountV4, DefaultToken) == http.StatusInternalServerError
		}
		return got
	}
	count := func(hits []bool) (sum int) {
		for _, hit := range hits {
			if hit {
				sum++
			}
		}
		return sum
	}
	first := play("0.05", 1)
	if got := count(first); got < 70 || got > 130 {
		t.Errorf("5 %% of %d: %d", n, got)
	}
	if diff := cmp.Diff(first, play("0.05", 1)); diff != "" {
		t.Error("one seed gave two courses")
	}
	if cmp.Equal(first, play("0.05", 2)) {
		t.Error("two seeds gave one course")
	}
	if got := count(play("1", 1)); got != n {
		t.Errorf("100 %%: %d of %d", got, n)
	}
}

// TestFaultsOfTheTokenEndpoint shows for each way an exchange can end in the dark whether it used the token up.
func TestFaultsOfTheTokenEndpoint(t *testing.T) {
	for _, test := range []struct {
		action string
		status int // 0: no answer
		used   bool
	}{
		{`{"cut":10}`, 200, true},
		{`{"cut":10,"reset":true}`, 200, true},
		{`{"status":502,"html":true,"apply":true}`, 502, true},
		{`{"status":502,"html":true}`, 502, false},
		{`{"drop":true,"apply":true}`, 0, true},
		{`{"drop":true}`, 0, false},
		{`{"drop":true,"reset":true}`, 0, false},
		{`{"status":403,"html":true}`, 403, false},
		{`{"html":true}`, 200, false},
		{`{"status":302,"header":{"Location":"http://elsewhere.test/"}}`, 302, false},
	} {
		e := open(t, Config{})
		script(t, e, `{"match":{"operation":"oauth.token","nth":1},"action":`+test.action+`}`)
		token := issuePair(t, e).RefreshToken
		r := newRequest(t, http.MethodPost, tokenPath, jsonBody(t, exchangeForm(grantRefresh, token)))
		resp, err := e.Transport().RoundTrip(r)
		status := 0
		if err == nil {
			status = resp.StatusCode
			_, err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
		broken := strings.Contains(test.action, "cut") || strings.Contains(test.action, "drop")
		reset := strings.Contains(test.action, "reset") || strings.Contains(test.action, "drop")
		if status != test.status || (err != nil) != broken || errors.Is(err, syscall.ECONNRESET) != reset {
			t.Errorf("%s: status %d, %v", test.action, status, err)
		}
		if e.Exchangeable(token) == test.used {
			t.Errorf("%s: the token is used: %v", test.action, !test.used)
		}
		if again := refresh(t, e, token).status; (again == http.StatusOK) == test.used {
			t.Errorf("%s: once more: status %d", test.action, again)
		}
	}
}

func TestHardBodies(t *testing.T) {
	for _, test := range []struct {
		action string
		check  func(body string) bool
	}{
		{`{"depth":10000}`, func(s string) bool { return s == strings.Repeat("[", 10000)+strings.Repeat("]", 10000) }},
		{`{"keys":1000}`, func(s string) bool { return strings.Count(s, `":0`) == 1000 && strings.HasPrefix(s, `{"k0":0,`) }},
		{`{"bad_text":true}`, func(s string) bool {
			return !utf8.ValidString(s) && strings.Count(s, "\xff\\ud800") >= 5 && strings.HasSuffix(s, "}")
		}},
		{`{"body":"{\"id\":1e999999}"}`, func(s string) bool { return s == `{"id":1e999999}` }},
	} {
		e := open(t, Config{Customers: 5})
		script(t, e, `{"match":{},"action":`+test.action+`}`)
		a := ask(t, e, http.MethodGet, "/api/v4/customers", "")
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/hal+json" || !test.check(a.body) {
			t.Errorf("%s: status %d, type %q, %d bytes", test.action, a.status, a.header.Get("Content-Type"), len(a.body))
		}
	}
}

func TestRedirectsAndDates(t *testing.T) {
	e := open(t, Config{})
	script(t, e, `{"match":{"nth":1},"action":{"status":301,"header":{"Location":"http://elsewhere.test/"}}},
		{"match":{"nth":2},"action":{"header":{"Date":"Mon, 02 Jan 2006 15:04:05 GMT"}}}`)
	a := ask(t, e, http.MethodGet, accountV4, "")
	if a.status != http.StatusMovedPermanently || a.header.Get("Location") != "http://elsewhere.test/" {
		t.Errorf("status %d to %q", a.status, a.header.Get("Location"))
	}
	if a = ask(t, e, http.MethodGet, accountV4, ""); a.status != 200 || a.header.Get("Date") != "Mon, 02 Jan 2006 15:04:05 GMT" {
		t.Errorf("status %d at %q", a.status, a.header.Get("Date"))
	}
}

// TestResetOverASocket tells a reset from a closed connection on the wire, plain and under TLS.
func TestResetOverASocket(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, action := range []string{`{"drop":true,"reset":true}`, `{"cut":5,"reset":true}`, `{"drop":true}`} {
			e := open(t, Config{Customers: 40})
			script(t, e, `{"match":{},"action":`+action+`}`)
			server := httptest.NewUnstartedServer(e)
			if secure {
				server.StartTLS()
			} else {
				server.Start()
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/v4/customers", strings.NewReader(`[{"name":"A"}]`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+DefaultToken)
			resp, err := server.Client().Do(r)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			wantReset := strings.Contains(action, "reset")
			if err == nil || errors.Is(err, syscall.ECONNRESET) != wantReset {
				t.Errorf("secure %v, %s: %v", secure, action, err)
			}
			server.Close()
		}
	}
}

// TestChanceOverASocket cuts and refuses a share of the writes, before and after they happen: what the caller saw and
// what is stored differ by exactly those that happened in the dark.
func TestChanceOverASocket(t *testing.T) {
	e := open(t, Config{})
	script(t, e, `
		{"match":{"kind":"write","probability":0.1,"seed":1},"action":{"drop":true}},
		{"match":{"kind":"write","probability":0.1,"seed":2},"action":{"drop":true,"apply":true,"reset":true}},
		{"match":{"kind":"write","probability":0.1,"seed":3},"action":{"status":503,"html":true}},
		{"match":{"kind":"write","probability":0.1,"seed":4},"action":{"status":503,"html":true,"apply":true}}`)
	server := httptest.NewServer(e)
	defer server.Close()
	const n = 300
	told, dark, refused := 0, 0, 0
	for i := range n {
		body := fmt.Sprintf(`[{"name":"C%d","next_date":5}]`, i)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/v4/customers", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+DefaultToken)
		resp, err := server.Client().Do(r)
		if err != nil {
			if _, ok := errors.AsType[net.Error](err); !ok {
				t.Errorf("%v", err)
			}
			dark++
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			told++
		} else {
			refused++
		}
	}
	stored := e.CustomersByName()
	if told == 0 || dark < n/10 || refused < n/10 || len(stored) <= told || len(stored) >= n {
		t.Errorf("told %d, dark %d, refused %d, stored %d", told, dark, refused, len(stored))
	}
	for name, count := range stored {
		if count != 1 {
			t.Errorf("%s is stored %d times", name, count)
		}
	}
	if got := e.Stats().Faulted; got != int64(dark+refused) {
		t.Errorf("%d faults, %d seen", got, dark+refused)
	}
}
