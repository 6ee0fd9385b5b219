package emulator

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWindowSlides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Window: 7})
		status := func() int { return ask(t, e, http.MethodGet, "/api/v2/account", "").status }
		for i := range 7 {
			if got := status(); got != http.StatusOK {
				t.Fatalf("request %d: status %d", i+1, got)
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(299 * time.Millisecond) // 999 ms after the first
		if got := status(); got != http.StatusTooManyRequests {
			t.Errorf("the eighth within 999 ms: status %d", got)
		}
		time.Sleep(101 * time.Millisecond) // the first two are a second old; the refused one counts
		if got := status(); got != http.StatusOK {
			t.Errorf("with six left in the window: status %d", got)
		}
		s := e.Stats()
		if s.Requests != 9 || s.TooMany != 1 || s.FullestWindow != 8 || s.Banned != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestArrivalsOutOfOrder has one caller read the clock before another and reach the limiter after it.
func TestArrivalsOutOfOrder(t *testing.T) {
	l := limiter{limit: 2, banAfter: -1}
	start := time.Now()
	for _, after := range []time.Duration{time.Millisecond, 0, time.Second + time.Millisecond} {
		if got := l.arrive(start.Add(after), true); got != admitted {
			t.Errorf("after %s: verdict %d", after, got)
		}
	}
	if got := len(l.arrivals); got != 1 {
		t.Errorf("%d arrivals in the last window", got)
	}
}

func TestSecondApartIsNotOneWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Window: 1})
		for range 5 {
			if a := ask(t, e, http.MethodGet, "/api/v2/account", ""); a.status != http.StatusOK {
				t.Fatalf("status %d", a.status)
			}
			time.Sleep(time.Second)
		}
		if got := e.Stats().FullestWindow; got != 1 {
			t.Errorf("fullest window %d", got)
		}
	})
}

func TestAbuseIsBanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Window: 7})
		ask := func() answered { return ask(t, e, http.MethodGet, "/api/v2/account", "") }
		for range 7 + 10 {
			ask()
		}
		time.Sleep(time.Minute) // the window is empty again
		a := ask()
		if a.status != http.StatusForbidden || errorCode(a) != "403" {
			t.Errorf("banned call: status %d, type %q", a.status, a.header.Get("Content-Type"))
		}
		login := send(t, e, newRequest(t, http.MethodPost,
			"/private/api/auth.php?type=json&USER_LOGIN="+DefaultLogin+"&USER_HASH="+DefaultAPIKey, ""))
		if login.status != http.StatusForbidden {
			t.Errorf("a login under a ban: status %d", login.status)
		}
		time.Sleep(14*time.Minute - time.Nanosecond)
		if a := ask(); a.status != http.StatusForbidden {
			t.Errorf("just before the end of the ban: status %d", a.status)
		}
		time.Sleep(time.Nanosecond)
		if a := ask(); a.status != http.StatusOK {
			t.Errorf("after the ban: status %d", a.status)
		}
		if s := e.Stats(); s.TooMany != 10 || s.Banned != 3 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestViolationsBeforeABanAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Window: 1, BanAfter: 2, BanSpan: time.Hour, BanFor: 10 * time.Second})
		status := func() int { return ask(t, e, http.MethodGet, "/api/v2/account", "").status }
		got := []int{status(), status(), status(), status()}
		time.Sleep(11 * time.Second)
		got = append(got, status(), status())
		time.Sleep(time.Second)
		got = append(got, status())
		if diff := cmp.Diff([]int{200, 429, 429, 403, 200, 429, 200}, got); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
	})
}

func TestSpreadViolationsAreNotBanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Window: 1})
		for range 30 { // a violation every 1.5 seconds: seven in ten seconds
			ask(t, e, http.MethodGet, "/api/v2/account", "")
			ask(t, e, http.MethodGet, "/api/v2/account", "")
			time.Sleep(1500 * time.Millisecond)
		}
		if s := e.Stats(); s.TooMany != 30 || s.Banned != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestBodyOf429(t *testing.T) {
	for _, test := range []struct {
		name        string
		config      Config
		contentType string
		body        string
		retryAfter  string
	}{
		{"html", Config{}, "text/html; charset=UTF-8", "<h1>429 Too Many Requests</h1>", ""},
		{"empty", Config{LimitBody: LimitEmpty}, "", "", ""},
		{"error", Config{LimitBody: LimitError}, "application/json", `"error_code":"429"`, ""},
		{"retry after", Config{LimitBody: LimitEmpty, RetryAfter: 1500 * time.Millisecond}, "", "", "2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.config.Window = 1
				e := open(t, test.config)
				ask(t, e, http.MethodGet, "/api/v2/account", "")
				a := ask(t, e, http.MethodGet, "/api/v2/account", "")
				if a.status != http.StatusTooManyRequests {
					t.Fatalf("status %d", a.status)
				}
				if got := a.header.Get("Content-Type"); got != test.contentType {
					t.Errorf("Content-Type %q", got)
				}
				if got := a.header.Get("Retry-After"); got != test.retryAfter {
					t.Errorf("Retry-After %q", got)
				}
				if !strings.Contains(a.body, test.body) || test.body == "" && a.body != "" {
					t.Errorf("body %q", a.body)
				}
			})
		})
	}
}

func TestAdminPathsTakeNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Window: 1})
		for range 5 {
			if a := send(t, e, newRequest(t, http.MethodGet, "/__emulator/stats", "")); a.status != http.StatusOK {
				t.Fatalf("status %d", a.status)
			}
		}
		if a := ask(t, e, http.MethodGet, "/api/v2/account", ""); a.status != http.StatusOK {
			t.Errorf("status %d", a.status)
		}
		a := send(t, e, newRequest(t, http.MethodGet, "/__emulator/stats", ""))
		if !strings.Contains(a.body, `"requests":1,`) || !strings.Contains(a.body, `"in_flight":0,`) ||
			!strings.Contains(a.body, `"by_operation":{"account":1}`) {
			t.Errorf("stats %s", a.body)
		}
		send(t, e, newRequest(t, http.MethodDelete, "/__emulator/stats", ""))
		if s := e.Stats(); s.Requests != 0 || s.FullestWindow != 0 {
			t.Errorf("stats after a reset %+v", s)
		}
		if a := send(t, e, newRequest(t, http.MethodGet, "/__emulator/other", "")); a.status != http.StatusNotFound {
			t.Errorf("unknown admin path: status %d", a.status)
		}
	})
}
