package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWindowsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{}) // no limit, and yet counted
		for _, burst := range []int{3, 1, 5} {
			for range burst {
				visit(t, e, accountV4, DefaultToken)
			}
			time.Sleep(time.Second)
		}
		s := e.Stats()
		if diff := cmp.Diff(map[int]int64{1: 3, 2: 2, 3: 2, 4: 1, 5: 1}, s.ByWindow); diff != "" {
			t.Errorf("by window (-want +got):\n%s", diff)
		}
		for n, want := range map[int]int64{0: 9, 2: 4, 4: 1, 5: 0} {
			if got := s.WindowsOver(n); got != want {
				t.Errorf("over %d: %d, want %d", n, got, want)
			}
		}
		e.ResetStats()
		if got := e.Stats().WindowsOver(0); got != 0 {
			t.Errorf("after a reset: %d", got)
		}
	})
}

// TestBanAfterFive is the rule a client must never trip: five requests too many within a span close everything, the
// token endpoint too, with a page of the web server.
func TestBanAfterFive(t *testing.T) {
	for _, html := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			e := open(t, Config{Window: 7, BanAfter: 5, BanSpan: time.Minute, BanFor: time.Hour, BanHTML: html})
			token := issuePair(t, e).RefreshToken
			tooMany := func(n int) {
				for range 7 + n {
					visit(t, e, accountV4, DefaultToken)
				}
				time.Sleep(2 * time.Second)
			}
			tooMany(2)
			tooMany(2)
			if s := e.Stats(); s.TooMany != 4 || s.Bans != 0 {
				t.Fatalf("stats before the fifth %+v", s)
			}
			tooMany(1)
			for _, a := range []answered{
				ask(t, e, http.MethodGet, accountV2, ""), ask(t, e, http.MethodGet, accountV4, ""), refresh(t, e, token),
				send(t, e, newRequest(t, http.MethodGet, subdomainPath, "")),
			} {
				page := strings.HasPrefix(a.header.Get("Content-Type"), "text/html")
				v2 := errorCode(a) == "403"
				if a.status != http.StatusForbidden || page == v2 || html && !page {
					t.Errorf("status %d, type %q: %s", a.status, a.header.Get("Content-Type"), a.body)
				}
			}
			if !e.Exchangeable(token) {
				t.Error("an exchange during a ban used the token up")
			}
			if s := e.Stats(); s.Bans != 1 || s.Banned != 4 || s.TooMany != 5 || s.Tokens.Calls != 0 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

func TestCallersAreCounted(t *testing.T) {
	e := open(t, Config{CallerHeader: "X-Caller"})
	for _, caller := range []string{"a", "b", "a", ""} {
		send(t, e, newRequest(t, http.MethodGet, accountV4, "", "X-Caller", caller))
	}
	if diff := cmp.Diff(map[string]int64{"a": 2, "b": 1, "": 1}, e.Stats().ByCaller); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i := range maxCallers + 5 {
		send(t, e, newRequest(t, http.MethodGet, accountV4, "", "X-Caller", "n"+strconv.Itoa(i)))
	}
	got := e.Stats().ByCaller
	if len(got) != maxCallers+1 || got[otherCallers] != 8 || got["a"] != 2 {
		t.Errorf("%d callers, %d others", len(got), got[otherCallers])
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(Config{Customers: 1000}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestUnbanForgets has a ban lifted one violation before the next.
func TestUnbanForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Window: 1, BanAfter: 2, BanSpan: time.Hour})
		for range 3 { // each a violation, and no two of them without a pardon between
			visit(t, e, accountV4, DefaultToken)
			if got := visit(t, e, accountV4, DefaultToken); got != http.StatusTooManyRequests {
				t.Errorf("status %d", got)
			}
			e.Unban()
			time.Sleep(time.Second)
		}
		if got := e.Stats().Bans; got != 0 {
			t.Errorf("%d bans", got)
		}
	})
}
