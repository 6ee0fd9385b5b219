package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPageFaults_changeLists lets pages of both generations be other than was asked for.
func TestPageFaults_changeLists(t *testing.T) {
	const n = 120
	all := listV4(t, open(t, Config{Customers: n}), "limit=250")
	byUpdated := list(t, open(t, Config{Customers: n}), "")
	for _, test := range []struct {
		action string
		v4, v2 []int64 // of the second page of twenty
		next   bool
	}{
		{`"rows":7`, all[7:14], byUpdated[20:27], true},
		{`"rows":50`, all[50:100], byUpdated[20:70], true},
		{`"endless":true`, all[:20], byUpdated[:20], true},
		{`"no_next":true`, all[20:40], byUpdated[20:40], false},
		{`"duplicate":3`, slices.Concat(all[20:23], all[20:40]), slices.Concat(byUpdated[20:23], byUpdated[20:40]), true},
		{`"shift":2`, all[22:42], byUpdated[22:42], true},
		{`"empty":true`, nil, nil, false},
	} {
		e := open(t, Config{Customers: n})
		script(t, e, `{"match":{"kind":"read"},"action":{`+test.action+`}}`)
		if got := listV4(t, e, "limit=20&page=2"); !slices.Equal(got, test.v4) {
			t.Errorf("%s, v4: %v", test.action, got)
		}
		if got := list(t, e, "limit_rows=20&limit_offset=20"); !slices.Equal(got, test.v2) {
			t.Errorf("%s, v2: %v", test.action, got)
		}
		if a := ask(t, e, http.MethodGet, v4CustomersPath+"?limit=20&page=2", ""); strings.Contains(a.body, `"next"`) != test.next {
			t.Errorf("%s: a next link %v", test.action, !test.next)
		}
	}
	e := open(t, Config{Customers: 5})
	script(t, e, `{"action":{"endless":true}}`)
	if a := ask(t, e, http.MethodGet, v4CustomersPath+"?limit=20&page=2", ""); !strings.Contains(a.body, `"next"`) {
		t.Errorf("an endless list that is short ends: %s", a.body[:200])
	}
}

// TestLatency_growsWithItems counts the items of writes of both generations.
func TestLatency_growsWithItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const row = `{"name":"A","next_date":5}`
		for _, test := range []struct {
			path, body string
			items      int
		}{
			{v4CustomersPath, "[" + strings.Repeat(row+",", 249) + row + "]", 250},
			{"/api/v2/customers", `{"add":[` + row + "," + row + `],"delete":[1]}`, 3},
			{"/api/v2/customers", `{"add":7}`, 0},
		} {
			e := open(t, Config{Latency: time.Second, LatencyPerItem: 2 * time.Millisecond})
			script(t, e, `{"match":{"nth":2},"action":{"delay":"3s","delay_per_item":"10ms"}}`)
			for _, want := range []time.Duration{
				time.Second + time.Duration(test.items)*2*time.Millisecond,
				4*time.Second + time.Duration(test.items)*12*time.Millisecond,
			} {
				begin := time.Now()
				ask(t, e, http.MethodPost, test.path, test.body)
				if took := time.Since(begin); took != want {
					t.Errorf("%d items took %s, want %s", test.items, took, want)
				}
			}
		}
	})
}

// TestTimeoutAfterCommit_ofABatch answers 504 to writes that happened.
func TestTimeoutAfterCommit_ofABatch(t *testing.T) {
	e := open(t, Config{})
	script(t, e, `{"match":{"kind":"write"},"action":{"status":504,"html":true,"apply":true}}`)
	for path, body := range map[string]string{v4CustomersPath: "[%s]", "/api/v2/customers": `{"add":[%s]}`} {
		rows := strings.TrimSuffix(strings.Repeat(`{"name":"A","next_date":5},`, 250), ",")
		if a := ask(t, e, http.MethodPost, path, fmt.Sprintf(body, rows)); a.status != http.StatusGatewayTimeout {
			t.Errorf("%s: status %d", path, a.status)
		}
	}
	if got := e.CountCustomers(); got != 500 {
		t.Errorf("%d customers", got)
	}
	if got := len(listEvents(t, e, "limit=100&page=5")); got != 100 {
		t.Errorf("%d events", got)
	}
}

// TestClock_jumpsBack answers with the other date, and writes it.
func TestClock_jumpsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Customers: 1})
		before := ask(t, e, http.MethodGet, v4CustomersPath, "").header.Get("Date")
		e.SetClock(-10 * time.Minute)
		after := ask(t, e, http.MethodGet, v4CustomersPath, "").header.Get("Date")
		first, err := http.ParseTime(before)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := http.ParseTime(after); err != nil || first.Sub(second) != 10*time.Minute {
			t.Errorf("%s, then %s: %v", before, after, err)
		}
		if cu := e.CreateCustomer("A"); cu.UpdatedAt != first.Unix()-600 {
			t.Errorf("made at %d", cu.UpdatedAt-first.Unix())
		}
	})
}
