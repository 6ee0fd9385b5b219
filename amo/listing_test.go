package amo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/wire"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// rowsOf runs a list to its end.
func rowsOf(t *testing.T, b *bench, filter *amogatev1.CustomerFilter, options ListOptions) ([]Row[*amogatev1.Customer], ListEnd) {
	t.Helper()
	l := b.client.Customers().List(filter, options)
	var rows []Row[*amogatev1.Customer]
	for row, err := range l.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	end, ended := l.End()
	if !ended {
		t.Fatal("the list stopped before its end")
	}
	return rows, end
}

func idsOf(rows []Row[*amogatev1.Customer]) []int64 {
	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = row.Value.GetId()
	}
	return ids
}

// storedIDs returns the ids of all customers, in upstream's order.
func storedIDs(b *bench, keep func(emulator.Customer) bool) []int64 {
	var ids []int64
	for c := range b.Customers() {
		if keep == nil || keep(c) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func TestListing_readsEverythingAtTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 2_000, Latency: 120 * time.Millisecond}, Config{PageSize: 50})
		start := time.Now()
		rows, end := rowsOf(t, b, nil, ListOptions{})
		took := time.Since(start)
		if !slices.Equal(idsOf(rows), storedIDs(b, nil)) {
			t.Errorf("the %d rows are not the stored ones in order", len(rows))
		}
		// 40 full pages and the empty one behind them, which is asked for again, and
		// once more from the page before on; the account took a request too.
		if want := (ListEnd{Pages: 44, Requests: 44, Retries: 2}); end.Pages != want.Pages || end.Requests != want.Requests || end.Retries != want.Retries {
			t.Errorf("end = %+v, want %+v", end, want)
		}
		requests := b.Stats().Requests
		if want := time.Duration(requests-1)*time.Second/DefaultRate + 120*time.Millisecond; took > want+time.Millisecond {
			t.Errorf("%d requests took %v, want %v: every slot used", requests, took, want)
		}
		b.checkWindow(t)
	})
}

func TestListing_hidesASlowUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1_000, Latency: 900 * time.Millisecond}, Config{PageSize: 20})
		start := time.Now()
		rows, end := rowsOf(t, b, nil, ListOptions{})
		took := time.Since(start)
		if !slices.Equal(idsOf(rows), storedIDs(b, nil)) {
			t.Errorf("the %d rows are not the stored ones in order", len(rows))
		}
		if got := b.Stats().ByOperation[emulator.OpCustomersList]; got != end.Requests || end.Pages != 54 {
			t.Errorf("end = %+v, want 54 pages and the %d requests that upstream saw", end, got)
		}
		// The account, the first page, the empty one again, the page before it and
		// what follows that take the latency each; one after another the 54 pages
		// would take 49 s.
		if want := 5*900*time.Millisecond + 54*time.Second/DefaultRate + 900*time.Millisecond; took > want {
			t.Errorf("took %v, want at most %v", took, want)
		}
		b.checkWindow(t)
	})
}

func TestListing_doesNotDependOnThePageSize(t *testing.T) {
	for _, size := range []int{1, 2, 7, 500} {
		t.Run(fmt.Sprintf("pages of %d", size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 23, Window: -1}, Config{PageSize: size})
				rows, _ := rowsOf(t, b, nil, ListOptions{})
				want := storedIDs(b, nil)
				if got := idsOf(rows); !slices.Equal(got, want) {
					t.Fatalf("rows %v, want %v", got, want)
				}
				for i, row := range rows {
					tail, _ := rowsOf(t, b, nil, ListOptions{From: row.Cursor})
					if got := idsOf(tail); !slices.Equal(got, want[i+1:]) {
						t.Fatalf("resumed after row %d: %v, want %v", i, got, want[i+1:])
					}
				}
			})
		})
	}
}

func TestListing_byIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 700, Window: -1}, Config{})
		stored := storedIDs(b, nil)
		ids := append(slices.Clone(stored[:600]), 1, 2, stored[0])
		rows, end := rowsOf(t, b, &amogatev1.CustomerFilter{Ids: ids}, ListOptions{})
		want := slices.Clone(stored[:600])
		slices.Sort(want)
		if !slices.Equal(idsOf(rows), want) {
			t.Errorf("%d rows, want the 600 that exist, ascending", len(rows))
		}
		if end.Requests != 3 {
			t.Errorf("%d requests, want 3 of at most 250 ids", end.Requests)
		}
		// A page of ids that nobody has is not the end.
		few := b.client.Customers().List(&amogatev1.CustomerFilter{Ids: append(absent(600), stored[0])}, ListOptions{})
		n := 0
		for _, err := range few.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if _, ended := few.End(); n != 1 || !ended {
			t.Errorf("%d rows, ended %v; want the one behind 600 unknown ids", n, ended)
		}
		for _, i := range []int{0, 249, 250, 599} {
			tail, _ := rowsOf(t, b, &amogatev1.CustomerFilter{Ids: ids}, ListOptions{From: rows[i].Cursor})
			if !slices.Equal(idsOf(tail), want[i+1:]) {
				t.Errorf("resumed after row %d: %d rows, want %d", i, len(tail), len(want)-i-1)
			}
		}
	})
}

// absent returns ids that no seeded customer has.
func absent(n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	return ids
}

func TestListing_appliesFiltersExactly(t *testing.T) {
	at := func(unix int64) *timestamppb.Timestamp { return timestamppb.New(time.Unix(unix, 0)) }
	synctest.Test(t, func(t *testing.T) {
		for _, zone := range []string{"Europe/Moscow", "America/Los_Angeles", "Pacific/Kiritimati"} {
			b := newBench(t, emulator.Config{Customers: 400, Window: -1, TimeZone: zone}, Config{})
			var all []emulator.Customer
			for c := range b.Customers() {
				all = append(all, c)
			}
			from, to := all[100], all[300]
			users := []int64{all[7].ResponsibleUserID}
			tests := []struct {
				name   string
				filter *amogatev1.CustomerFilter
				keep   func(emulator.Customer) bool
				local  []string
			}{
				{
					"update time", &amogatev1.CustomerFilter{UpdateTime: &amogatev1.TimeRange{StartTime: at(from.UpdatedAt), EndTime: at(to.UpdatedAt)}},
					func(c emulator.Customer) bool { return c.UpdatedAt >= from.UpdatedAt && c.UpdatedAt < to.UpdatedAt },
					[]string{"update_time"},
				},
				{
					"create time to", &amogatev1.CustomerFilter{CreateTime: &amogatev1.TimeRange{EndTime: at(to.CreatedAt)}},
					func(c emulator.Customer) bool { return c.CreatedAt < to.CreatedAt },
					[]string{"create_time"},
				},
				{
					"both times", &amogatev1.CustomerFilter{
						CreateTime: &amogatev1.TimeRange{StartTime: at(from.CreatedAt)},
						UpdateTime: &amogatev1.TimeRange{EndTime: at(to.UpdatedAt)},
					},
					func(c emulator.Customer) bool { return c.CreatedAt >= from.CreatedAt && c.UpdatedAt < to.UpdatedAt },
					[]string{"create_time", "update_time"},
				},
				{
					"next purchase", &amogatev1.CustomerFilter{NextPurchaseTime: &amogatev1.TimeRange{StartTime: at(from.NextDate)}},
					func(c emulator.Customer) bool { return c.NextDate >= from.NextDate },
					[]string{"next_purchase_time"},
				},
				{
					"user", &amogatev1.CustomerFilter{ResponsibleUserIds: users},
					func(c emulator.Customer) bool { return c.ResponsibleUserID == users[0] }, nil,
				},
				{
					"ids and user", &amogatev1.CustomerFilter{Ids: []int64{all[7].ID, all[8].ID, all[9].ID}, ResponsibleUserIds: users},
					func(c emulator.Customer) bool {
						return slices.Contains([]int64{all[7].ID, all[8].ID, all[9].ID}, c.ID) && c.ResponsibleUserID == users[0]
					},
					[]string{"responsible_user_ids"},
				},
			}
			for _, test := range tests {
				rows, end := rowsOf(t, b, test.filter, ListOptions{})
				got, want := idsOf(rows), storedIDs(b, test.keep)
				slices.Sort(got)
				slices.Sort(want)
				if len(want) == 0 || !slices.Equal(got, want) {
					t.Errorf("%s, %s: %d rows, want %d", zone, test.name, len(got), len(want))
				}
				if !slices.Equal(end.Local, test.local) {
					t.Errorf("%s: applied here %q, want %q", test.name, end.Local, test.local)
				}
			}
		}
	})
}

func TestListing_boundedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 100}, Config{PageSize: 10})
		l := b.client.Customers().List(nil, ListOptions{MaxPages: 4, Rows: 10})
		n := 0
		for _, err := range l.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		_, ended := l.End()
		if n != 40 || ended || l.Cursor().Offset != 40 {
			t.Errorf("%d rows to offset %d, ended %v; want 40 to 40 and not ended", n, l.Cursor().Offset, ended)
		}
		if got := b.Stats().ByOperation[emulator.OpCustomersList]; got != 4 {
			t.Errorf("%d pages read, want 4: a bounded run reads none ahead", got)
		}
	})
}

func TestListing_boundedRunThatFiltersHereReadsWholePages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 30}, Config{})
		filter := &amogatev1.CustomerFilter{UpdateTime: &amogatev1.TimeRange{StartTime: &timestamppb.Timestamp{}}}
		rows, end := rowsOf(t, b, filter, ListOptions{MaxPages: 4, Rows: 2})
		if len(rows) != 30 || end.Pages != 2 {
			t.Errorf("%d rows in %d pages, want 30 in one and the empty one behind it", len(rows), end.Pages)
		}
	})
}

func TestListing_cursorPassesIDsThatNobodyHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		filter := &amogatev1.CustomerFilter{Ids: absent(20)}
		l := b.client.Customers().List(filter, ListOptions{MaxPages: 1, Rows: 15})
		for row, err := range l.Rows(t.Context()) {
			t.Errorf("got row %v with %v", row, err)
		}
		if _, ended := l.End(); ended || l.Cursor().Offset != 15 {
			t.Errorf("ended %v at %d, want a cursor behind the 15 ids of the page", ended, l.Cursor().Offset)
		}
		if _, end := rowsOf(t, b, filter, ListOptions{From: Cursor{Offset: 21}}); end.Pages != 0 || end.Retries != 0 {
			t.Errorf("end %+v behind the last id, want no pages", end)
		}
	})
}

// A row that upstream sends twice is one row, unless it has changed.
func TestListing_sendsNoRowTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 25}, Config{PageSize: 10})
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: 1}, Action: emulator.Action{Duplicate: 2}})
		if rows, end := rowsOf(t, b, nil, ListOptions{}); len(rows) != 25 || end.Resent != 0 {
			t.Errorf("%d rows with end %+v, want 25, none of them twice", len(rows), end)
		}
		b.ClearFaults()
		// The third page begins two rows early.
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: 3}, Action: emulator.Action{Shift: -2}})
		rows, end := rowsOf(t, b, nil, ListOptions{})
		if got, want := idsOf(rows), storedIDs(b, nil); !slices.Equal(got, want) || end.Resent != 0 {
			t.Errorf("rows %v with end %+v, want %v", got, end, want)
		}
	})
}

func TestListing_readsOnePageBehindAShortOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 5, Latency: 2 * time.Second}, Config{PageSize: 10})
		if _, end := rowsOf(t, b, nil, ListOptions{}); end.Requests != 2 {
			t.Errorf("%d requests, want 2: the page and the empty one behind it", end.Requests)
		}
	})
}

func TestListing_halvesThePageAfterA504(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 600}, Config{})
		for _, limit := range []string{"limit_rows=500", "limit_rows=250"} {
			b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Query: limit}, Action: emulator.Action{Status: 504, HTML: true}})
		}
		rows, end := rowsOf(t, b, nil, ListOptions{})
		if !slices.Equal(idsOf(rows), storedIDs(b, nil)) {
			t.Error("rows were lost")
		}
		// 500 and 250 fail once, then five pages of 125, the last of them short.
		if want := int64(2 + 5 + 1); end.Requests != want || end.Retries != 2 {
			t.Errorf("end = %+v, want %d requests with 2 retries", end, want)
		}
	})
}

func TestListing_asksForLessAfterAnAnswerThatIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 260}, Config{})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList, Query: "limit_rows=500"},
			Action: emulator.Action{BombBytes: maxBody + 1},
		})
		rows, end := rowsOf(t, b, nil, ListOptions{})
		if !slices.Equal(idsOf(rows), storedIDs(b, nil)) || end.Retries != 1 {
			t.Errorf("%d rows with end %+v, want 260 with one retry", len(rows), end)
		}
	})
}

func TestListing_asksAnEmptyPageAgainOnlyAfterAFullOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 30}, Config{PageSize: 10})
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: 2}, Action: emulator.Action{Empty: true}})
		rows, _ := rowsOf(t, b, nil, ListOptions{})
		if len(rows) != 30 {
			t.Errorf("%d rows, want 30 in spite of a spurious 204", len(rows))
		}
		b.ClearFaults()
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: 1}, Action: emulator.Action{Empty: true}})
		rows, end := rowsOf(t, b, nil, ListOptions{})
		if len(rows) != 0 || end.Requests != 1 {
			t.Errorf("%d rows in %d requests, want 0 in 1: the first page is never asked again", len(rows), end.Requests)
		}
	})
}

func TestListing_readsThePlaceBeforeEmptyPagesOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 35, Latency: 2 * time.Second, SeedSpread: emulator.SeedRandom}, Config{PageSize: 10})
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Query: "limit_offset=20", To: 2}, Action: emulator.Action{Empty: true}})
		rows, end := rowsOf(t, b, nil, ListOptions{})
		if got, want := idsOf(rows), storedIDs(b, nil); !slices.Equal(got, want) {
			t.Errorf("rows %v, want %v in spite of two empty pages", got, want)
		}
		if end.Retries != 2 || end.Resent != 0 {
			t.Errorf("end %+v, want two retries and no row sent twice", end)
		}
		b.ClearFaults()
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Query: "limit_offset=20"}, Action: emulator.Action{Empty: true}})
		if rows, _ := rowsOf(t, b, nil, ListOptions{}); len(rows) != 20 {
			t.Errorf("%d rows, want 20: a page that stays empty is the end", len(rows))
		}
	})
}

func TestListing_asksAnEmptyPageBehindACursorAgain(t *testing.T) {
	for name, options := range map[string]ListOptions{"whole list": {}, "one page": {MaxPages: 4, Rows: 10}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 20}, Config{PageSize: 10})
				rows, _ := rowsOf(t, b, nil, ListOptions{})
				b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: 1}, Action: emulator.Action{Empty: true}})
				options.From = rows[9].Cursor
				tail, end := rowsOf(t, b, nil, options)
				if !slices.Equal(idsOf(tail), idsOf(rows[10:])) {
					t.Errorf("%d rows, want 10 in spite of a spurious 204 where the list goes on", len(tail))
				}
				if end.Retries == 0 {
					t.Error("the repetition was not counted")
				}
			})
		})
	}
}

func TestListing_stopsWhenNothingNewComes(t *testing.T) {
	// In the order of ids pages overlap.
	for name, test := range map[string]struct {
		spread emulator.SeedSpread
		pages  int64
	}{
		"in the order of ids":  {emulator.SeedEven, 4},
		"in the order of time": {emulator.SeedRandom, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 30, Latency: time.Second, SeedSpread: test.spread}, Config{PageSize: 10})
				b.client.http.Transport = rewinding{b.client.http.Transport}
				n, pages := 0, int64(0)
				l := b.client.Customers().List(nil, ListOptions{})
				for _, err := range l.Rows(t.Context()) {
					if err != nil {
						if !IsKind(err, KindLoop) {
							t.Errorf("the list ended with %v, want KindLoop", err)
						}
						end, _ := l.End()
						pages = end.Pages
						break
					}
					n++
				}
				if _, ended := l.End(); n != 30 || pages != test.pages+maxStale || ended {
					t.Errorf("%d rows of %d pages, ended %v; want 30 of %d and no end", n, pages, ended, test.pages+maxStale)
				}
			})
		})
	}
}

// rewinding answers old rows where the last of thirty rows would come, in pages that are never the
// same.
type rewinding struct{ next http.RoundTripper }

func (r rewinding) RoundTrip(req *http.Request) (*http.Response, error) {
	query := req.URL.Query()
	if offset, _ := strconv.Atoi(query.Get("limit_offset")); offset >= 28 {
		req = req.Clone(req.Context())
		query.Set("limit_offset", strconv.Itoa(1+offset/10))
		req.URL.RawQuery = query.Encode()
	}
	return r.next.RoundTrip(req)
}

func TestListing_stopsAtAPageThatComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 30}, Config{PageSize: 10})
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList}, Action: emulator.Action{Endless: true}})
		var last Row[*amogatev1.Customer]
		n := 0
		for row, err := range b.client.Customers().List(nil, ListOptions{}).Rows(t.Context()) {
			if err != nil {
				if !IsKind(err, KindLoop) {
					t.Errorf("the list ended with %v, want KindLoop", err)
				}
				break
			}
			last, n = row, n+1
		}
		if n != 10 || last.Cursor.Offset != 10 {
			t.Errorf("%d rows to offset %d, want the 10 of one page", n, last.Cursor.Offset)
		}
	})
}

func TestListing_retriesReads(t *testing.T) {
	tests := map[string]struct {
		action emulator.Action
		times  int
		want   Kind
	}{
		"503 twice":          {emulator.Action{Status: 503, HTML: true}, 2, -1},
		"503 thrice":         {emulator.Action{Status: 503, HTML: true}, 3, KindUnavailable},
		"garbled twice":      {emulator.Action{Garbled: true}, 2, -1},
		"garbled thrice":     {emulator.Action{Garbled: true}, 3, KindBadResponse},
		"cut":                {emulator.Action{Cut: new(40)}, 1, -1},
		"connection dropped": {emulator.Action{Drop: true}, 2, -1},
		"html with 200":      {emulator.Action{HTML: true}, 3, KindBadResponse},
		"429 twice":          {emulator.Action{Status: 429, HTML: true}, 2, -1},
		"404":                {emulator.Action{Status: 404}, 1, KindBadResponse},
		"403 page":           {emulator.Action{Status: 403, HTML: true}, 1, KindBlocked},
		"302":                {emulator.Action{Status: 302, HTML: true, Header: map[string]string{"Location": "https://other.kommo.com/"}}, 1, KindMoved},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 30, SeedSpread: emulator.SeedRandom}, Config{PageSize: 10})
				b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Query: "limit_offset=10&", To: test.times}, Action: test.action})
				got := Kind(-1)
				var rows []Row[*amogatev1.Customer]
				for row, err := range b.client.Customers().List(nil, ListOptions{}).Rows(t.Context()) {
					if err != nil {
						got = asError(err).Kind
						break
					}
					rows = append(rows, row)
				}
				if got != test.want {
					t.Fatalf("kind %d, want %d", got, test.want)
				}
				want := storedIDs(b, nil)
				if test.want >= 0 {
					want = want[:10]
				}
				if !slices.Equal(idsOf(rows), want) {
					t.Errorf("%d rows, want %d: no row may be skipped", len(rows), len(want))
				}
				if s := b.Stats(); s.ByStatus[429] > int64(test.times) {
					t.Errorf("%d times 429", s.ByStatus[429])
				}
			})
		})
	}
}

func TestListing_after429NothingLeavesBeforeTheWaitIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 30}, Config{PageSize: 10})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList, Nth: 2},
			Action: emulator.Action{Status: 429, HTML: true, Header: map[string]string{"Retry-After": "20"}},
		})
		start := time.Now()
		for _, err := range b.client.Customers().List(nil, ListOptions{}).Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // meanwhile the second page meets its 429
			if _, err := b.client.Customers().Get(t.Context(), 1); !IsKind(err, KindNotFound) {
				t.Fatal(err)
			}
			break
		}
		if waited := time.Since(start); waited < 20*time.Second {
			t.Errorf("another call left after %v, want 20s", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		synctest.Wait() // the slot of the page that nobody wants is given back
		b.hold(t, time.Minute)
		var e *Error
		if _, err := b.client.Customers().Get(ctx, 1); !errors.As(err, &e) || e.Kind != KindQueueFull || e.RetryAfter != time.Minute {
			t.Errorf("a call without time to wait got %v, want KindQueueFull with RetryAfter 1m", err)
		}
	})
}

func TestListing_cancelReachesUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1000, Latency: 10 * time.Second}, Config{PageSize: 10})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(35 * time.Second) // in the midst of pages
			cancel()
		}()
		start := time.Now()
		n := 0
		for _, err := range b.client.Customers().List(nil, ListOptions{}).Rows(ctx) {
			if err != nil {
				if !IsKind(err, KindCancelled) {
					t.Errorf("the list ended with %v, want KindCancelled", err)
				}
				break
			}
			n++
		}
		const flying = limit.DefaultInFlight
		if took, want := time.Since(start), 10+10*flying; took != 35*time.Second || n != want {
			t.Errorf("%d rows in %v, want %d in 35s: the first page, then %d on their way at a time", n, took, want, flying)
		}
		if s := b.Stats(); s.Cancelled != flying || s.InFlight != 0 {
			t.Errorf("upstream saw %d callers leave and %d stay, want %d and 0", s.Cancelled, s.InFlight, flying)
		}
	})
}

func TestListing_readsTheAccountAgainForAnUnknownField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		rowsOf(t, b, nil, ListOptions{})
		if err := b.AddField(emulator.Field{ID: 9001, Name: "Источник", Type: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.AddCustomer(emulator.Customer{
			Name: "Анна", NextDate: 1_700_000_000,
			CustomFields: []emulator.CustomField{{ID: 9001, Values: []emulator.FieldValue{{Value: "сайт"}}}},
		}); err != nil {
			t.Fatal(err)
		}
		text := func() string {
			rows, _ := rowsOf(t, b, nil, ListOptions{})
			return rows[0].Value.GetCustomFields()[0].GetText()
		}
		if got := text(); got != "" {
			t.Errorf("the field is known before the account was read again: %q", got)
		}
		time.Sleep(defaults.AccountRest)
		if got := text(); got != "сайт" {
			t.Errorf("text = %q, want it decoded by the account read again", got)
		}
	})
}

// Wherever a token says that a list goes on, it comes to its end, or is refused.
func FuzzListing_endsFromAnyCursor(f *testing.F) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix() // as a bubble begins
	f.Add(false, int64(3), int64(466_010), int64(0), int64(0), int64(0), int64(0), false)
	f.Add(true, int64(math.MaxInt64), int64(math.MaxInt64), now, int64(0), int64(0), int64(0), false)
	f.Add(true, int64(0), int64(0), int64(0), now, now-3, int64(466_010), true)
	f.Add(true, int64(0), int64(0), int64(0), now, int64(wire.MaxUnix), int64(math.MaxInt64), false)
	f.Add(true, int64(0), int64(0), int64(0), now, int64(math.MaxInt64), int64(0), true)
	f.Fuzz(func(t *testing.T, isV4 bool, offset, lastID, signpost, first, second, id int64, isTail bool) {
		if min(offset, lastID, signpost, first, second, id) < 0 {
			return // no token holds it
		}
		from := Cursor{
			Generation: V2, Offset: offset, LastID: lastID, Signpost: signpost,
			Window: WindowPosition{Signpost: first, Second: second, ID: id, Tail: isTail},
		}
		if isV4 {
			from.Generation = V4
		}
		synctest.Test(t, func(t *testing.T) {
			b := newAutoBench(t, emulator.Config{Customers: 60, Window: -1}, Config{PageSize: 10})
			for _, options := range []ListOptions{{From: from}, {From: from, MaxPages: 4, Rows: 7}} {
				l := b.client.Customers().List(nil, options)
				rows := 0
				for row, err := range l.Rows(t.Context()) {
					if err != nil && !IsKind(err, KindCursor) {
						t.Errorf("from %+v: %v", from, err)
					}
					if rows++; row.Cursor.Offset < 0 || row.Cursor.LastID < 0 || row.Cursor.Window.Second < 0 || row.Cursor.Window.ID < 0 {
						t.Errorf("from %+v: a row at %+v", from, row.Cursor)
					}
				}
				// Rows that have moved are looked for a hundred pages back, each of them twice.
				if end, _ := l.End(); end.Requests > 250 || rows > 200 {
					t.Errorf("from %+v: %d rows, end %+v", from, rows, end)
				}
			}
		})
	})
}
