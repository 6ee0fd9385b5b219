package amo

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// A page that is not needed yet is looked at when its turn comes: what is wrong
// with it then is repaired as it would have been at once.
func TestListing_repairsPagesThatTurnOutBadLate(t *testing.T) {
	fourth := func(action emulator.Action) emulator.Rule {
		return emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Query: "limit_offset=750", To: 1}, Action: action}
	}
	cut := 10_000
	tests := map[string]emulator.Action{
		"garbled":        {Garbled: true},
		"garbled, plain": {Garbled: true, Header: map[string]string{"Content-Encoding": "identity"}},
		"a long page":    {HTML: true, Body: "<html>" + strings.Repeat("<p>maintenance</p>", 1000)},
		"an error":       {Status: 200, Body: `{"title":"Error","status":503,"detail":"` + strings.Repeat("busy ", 2000) + `"}`},
		"cut":            {Cut: &cut},
		"a bomb":         {BombBytes: maxBody + 1},
	}
	for name, action := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 1600, Latency: time.Second}, Config{PageSize: 250})
				b.script(t, fourth(action))
				rows, end := rowsOf(t, b, nil, ListOptions{})
				if got, want := idsOf(rows), storedIDs(b, nil); !slices.Equal(got, want) {
					t.Errorf("%d rows, want %d", len(got), len(want))
				}
				if end.Retries != 1 {
					t.Errorf("end %+v, want one retry", end)
				}
			})
		})
	}
}

func TestListing_givesAPageThatStaysBadAsManyTriesAsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1600, Latency: time.Second}, Config{PageSize: 250})
		asked := 0
		b.client.http.Transport = transportFunc(func(req *http.Request) (*http.Response, error) {
			if strings.Contains(req.URL.RawQuery, "limit_offset=750") {
				asked++
			}
			return b.Transport().RoundTrip(req)
		})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList, Query: "limit_offset=750"},
			Action: emulator.Action{Garbled: true},
		})
		n := 0
		var last error
		for _, err := range b.client.Customers().List(nil, ListOptions{}).Rows(t.Context()) {
			if last = err; err == nil {
				n++
			}
		}
		if !IsKind(last, KindBadResponse) || n != 750 || asked != readTries {
			t.Errorf("%d rows, %d tries and %v; want 750, %d and KindBadResponse", n, asked, last, readTries)
		}
	})
}

// transportFunc is a round tripper.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestFetchPage_keepsLargePagesAsReceived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for customers, kept := range map[int]bool{1: false, 500: true} {
			b := newBench(t, emulator.Config{Customers: customers}, Config{})
			c := b.client.Customers()
			page, err := c.fetchPage(t.Context(), c.drivers[V2], &amogatev1.CustomerFilter{}, wanted{limit: 500})
			if err != nil {
				t.Fatal(err)
			}
			if got := page.open != nil; got != kept {
				t.Errorf("a page of %d rows: kept as received %v, want %v", customers, got, kept)
			}
			if page.open != nil {
				page, err = page.open(t.Context())
			}
			if err != nil || len(page.rows) != customers {
				t.Errorf("%d rows with %v, want %d", len(page.rows), err, customers)
			}
		}
	})
}

// What one reader does not take costs another nothing.
func TestListing_stalledReaderLeavesTheRateToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := func(stalled bool) time.Duration {
			b := newBench(t, emulator.Config{Customers: 999, Latency: 500 * time.Millisecond}, Config{PageSize: 10})
			if stalled {
				for _, err := range b.client.Customers().List(nil, ListOptions{}).Rows(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Minute) // what it has ahead has come by then
					began := time.Now()
					rowsOf(t, b, nil, ListOptions{})
					return time.Since(began)
				}
			}
			rowsOf(t, b, nil, ListOptions{}) // the account is known, as above
			began := time.Now()
			rowsOf(t, b, nil, ListOptions{})
			return time.Since(began)
		}
		alone, beside := took(false), took(true)
		if beside > alone*105/100 {
			t.Errorf("a list took %v beside a stalled one, %v alone", beside, alone)
		}
	})
}

// What is known of a row before it is sent is that it is there.
func TestListing_sendsTheRowsBeforeOneThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 3}, Config{Generation: V2})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList},
			Action: emulator.Action{Status: 200, Body: `{"_embedded":{"items":[{"id":1},{"id":2},{"id":3,"created_at":"x"},{"id":4}]}}`},
		})
		var ids []int64
		var last error
		for row, err := range b.client.Customers().List(nil, ListOptions{}).Rows(t.Context()) {
			if last = err; err == nil {
				ids = append(ids, row.Value.GetId())
			}
		}
		if !IsKind(last, KindBadResponse) || asError(last).Op != "customers.list" || !slices.Equal(ids, []int64{1, 2}) {
			t.Errorf("rows %v and %v, want 1, 2 and KindBadResponse of customers.list", ids, last)
		}
	})
}
