package emulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// order sends a request to a path below /__emulator/.
func order(t *testing.T, e *Emulator, method, path, body string) answered {
	t.Helper()
	return send(t, e, newRequest(t, method, adminPrefix+path, body))
}

func TestAdmin_tokens(t *testing.T) {
	e := open(t, Config{})
	var code struct{ Code string }
	if err := json.Unmarshal([]byte(order(t, e, http.MethodPost, "oauth/code", "").body), &code); err != nil {
		t.Fatal(err)
	}
	pairOf(t, trade(t, e, exchangeForm(grantCode, code.Code)))
	p := pairOf(t, order(t, e, http.MethodPost, "oauth/pair", ""))
	if a := order(t, e, http.MethodGet, "oauth/live", ""); a.body != "{\"pairs\":2}\n" {
		t.Errorf("live pairs: %s", a.body)
	}
	var long struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(order(t, e, http.MethodPost, "oauth/long-lived?life=48h", "").body), &long); err != nil {
		t.Fatal(err)
	}
	alive := func() []bool {
		return []bool{
			visit(t, e, accountV4, p.AccessToken) == 200, e.Exchangeable(p.RefreshToken), visit(t, e, accountV4, long.AccessToken) == 200,
		}
	}
	steps := []struct {
		path string
		want []bool // access, refresh, long-lived
	}{
		{"unban", []bool{true, true, true}},
		{"oauth/expire", []bool{false, true, false}},
		{"oauth/revoke", []bool{false, false, false}},
	}
	for _, step := range steps {
		if a := order(t, e, http.MethodPost, step.path, ""); a.status != http.StatusNoContent {
			t.Errorf("%s: status %d", step.path, a.status)
		}
		if diff := cmp.Diff(step.want, alive()); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", step.path, diff)
		}
	}
	p = issuePair(t, e)
	order(t, e, http.MethodPost, "oauth/disconnect", "")
	if visit(t, e, accountV4, p.AccessToken) == 200 || e.Exchangeable(p.RefreshToken) {
		t.Error("a token survived the end of the integration")
	}
	order(t, e, http.MethodPost, "oauth/secret?secret=other", "")
	if a := trade(t, e, exchangeForm(grantCode, e.IssueCode())); a.status != http.StatusUnauthorized {
		t.Errorf("the secret before: status %d", a.status)
	}
}

func TestAdmin_accountAndFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{})
		status := func() int { return visit(t, e, accountV4, DefaultToken) }
		order(t, e, http.MethodPost, "ban?for=10s", "")
		got := []int{status()}
		order(t, e, http.MethodPost, "unban", "")
		got = append(got, status())
		order(t, e, http.MethodPost, "ban", "")
		time.Sleep(15*time.Minute - time.Nanosecond)
		got = append(got, status())
		time.Sleep(time.Nanosecond)
		got = append(got, status())
		order(t, e, http.MethodPost, "faults", `{"rules":[{"action":{"status":502}}]}`)
		got = append(got, status())
		order(t, e, http.MethodDelete, "faults", "")
		got = append(got, status())
		order(t, e, http.MethodPost, "rename?host=south.amocrm.ru", "")
		got = append(got, status())
		if diff := cmp.Diff([]int{403, 200, 403, 200, 502, 200, 401}, got); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		if s := e.Stats(); s.Bans != 2 || s.Banned != 2 || s.Requests != 7 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestSetWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Window: 7})
		for _, test := range []struct {
			limit   string
			refused int64 // of ten
		}{{"2", 8}, {"0", 0}, {"9", 1}, {"2147483647", 0}} {
			if a := order(t, e, http.MethodPost, "window?limit="+test.limit, ""); a.status != http.StatusNoContent {
				t.Errorf("window of %s: status %d: %s", test.limit, a.status, a.body)
			}
			for range 10 {
				visit(t, e, accountV4, DefaultToken)
			}
			if got := e.Stats().TooMany; got != test.refused {
				t.Errorf("window of %s: %d refused, want %d", test.limit, got, test.refused)
			}
			e.ResetStats()
			time.Sleep(time.Minute)
		}
	})
}

func TestAdmin_refuses(t *testing.T) {
	e := open(t, Config{})
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{http.MethodPost, "oauth/long-lived", "", 400, `life: "" is not a duration`},
		{http.MethodPost, "oauth/long-lived?life=1ms", "", 400, "below a second"},
		{http.MethodPost, "oauth/secret", "", 400, "secret: is missing"},
		{http.MethodPost, "rename", "", 400, "host: is missing"},
		{http.MethodPost, "clock?offset=soon", "", 400, `offset: "soon" is not a duration`},
		{http.MethodPost, "window?limit=-1", "", 400, `limit: "-1" is not a number of requests`},
		{http.MethodPost, "window?limit=2147483648", "", 400, `limit: "2147483648" is not a number of requests`},
		{http.MethodPost, "ban?for=x", "", 400, `for: "x" is not a duration`},
		{http.MethodPost, "faults", `{"rules":[{}]}`, 400, "line 1: rules[0].action: does nothing"},
		{http.MethodGet, "oauth/pair", "", 405, ""},
		{http.MethodPost, "stats", "", 405, ""},
		{http.MethodGet, "oauth", "", 404, ""},
	} {
		if a := order(t, e, test.method, test.path, test.body); a.status != test.status || !strings.Contains(a.body, test.want) {
			t.Errorf("%s %s: status %d: %s", test.method, test.path, a.status, a.body)
		}
	}
	if got := e.Stats().Bans; got != 0 {
		t.Errorf("%d bans by requests that were refused", got)
	}
}

func TestAdmin_dumpsRows(t *testing.T) {
	e := open(t, Config{})
	for _, name := range []string{"A", "B", "A"} {
		c := mustAdd(t, e, Customer{Name: name, CreatedAt: 5, UpdatedAt: 6})
		mustPurchase(t, e, Transaction{CustomerID: c.ID, Price: 70, Date: 9, Comment: "of " + name})
	}
	if diff := cmp.Diff(map[string]int{"A": 2, "B": 1}, e.CustomersByName()); diff != "" {
		t.Errorf("customers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"of A": 2, "of B": 1}, e.TransactionsByComment()); diff != "" {
		t.Errorf("transactions (-want +got):\n%s", diff)
	}
	for path, want := range map[string]string{
		"customers":    `"name":"B","created_at":5,"updated_at":6}`,
		"transactions": `"price":70,"date":9,"comment":"of B"}`,
	} {
		a := order(t, e, http.MethodGet, path, "")
		lines := strings.Split(strings.TrimSuffix(a.body, "\n"), "\n")
		found := 0
		for _, line := range lines {
			var row struct {
				ID int64 `json:"id"`
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil || row.ID == 0 {
				t.Errorf("%s: %v in %s", path, err, line)
			}
			if strings.HasSuffix(line, want) {
				found++
			}
		}
		if len(lines) != 3 || found != 1 || a.header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}

// TestSetClock moves the account's clock: its dates and the lives of its tokens follow, the limiter does not.
func TestSetClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Window: 2, OAuth: OAuth{AccessLife: time.Hour}})
		p := issuePair(t, e)
		for _, offset := range []time.Duration{0, -10 * time.Minute, 59 * time.Minute} {
			order(t, e, http.MethodPost, "clock?offset="+offset.String(), "")
			a := send(t, e, newRequest(t, http.MethodGet, accountV4, "", "Authorization", "Bearer "+p.AccessToken))
			date, err := http.ParseTime(a.header.Get("Date"))
			if err != nil || a.status != http.StatusOK && a.status != http.StatusTooManyRequests {
				t.Fatalf("status %d, %v", a.status, err)
			}
			if got := time.Until(date); got != offset {
				t.Errorf("date is off by %s, want %s", got, offset)
			}
		}
		if s := e.Stats(); s.TooMany != 1 || s.FullestWindow != 3 {
			t.Errorf("the limiter followed the clock: %+v", s)
		}
		time.Sleep(time.Minute)
		if got := visit(t, e, accountV4, p.AccessToken); got != http.StatusUnauthorized {
			t.Errorf("an hour later by that clock: status %d", got)
		}
		write := `[{"name":"A","next_date":5}]`
		a := ask(t, e, http.MethodPost, "/api/v4/customers", write, "Content-Type", "application/json")
		for c := range e.Customers() {
			if want := time.Now().Add(59 * time.Minute).Unix(); c.CreatedAt != want {
				t.Errorf("created at %d, want %d", c.CreatedAt, want)
			}
		}
		if a.status != http.StatusOK || e.CountCustomers() != 1 {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	})
}
