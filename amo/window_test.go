package amo

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/wire"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/race"
)

// seeds is how many accounts the lists of busy accounts are tried with: a few small
// ones, or twenty and more of 60,000 rows.
var seeds = flag.Int("seeds", 2, "busy accounts whose lists are compared with the source")

// busy is what other users do to an account, in customers a second.
var busy = emulator.Mutation{Updates: 20, Inserts: 2, Deletes: 1}

// copied is what a reader has that applies a list in order.
type copied map[int64]*amogatev1.Customer

func (c copied) apply(row Row[*amogatev1.Customer]) {
	if row.Deleted != 0 {
		delete(c, row.Deleted)
		return
	}
	c[row.Value.GetId()] = row.Value
}

// snapshots keeps what an account held when the last page of a list was asked for.
type snapshots struct {
	next http.RoundTripper
	// isLast says that a request may be for the last page.
	isLast func(*http.Request) bool

	mu    sync.Mutex
	take  func() map[int64]emulator.Customer
	state map[int64]emulator.Customer
}

func (s *snapshots) RoundTrip(req *http.Request) (*http.Response, error) {
	if s.isLast(req) {
		s.mu.Lock()
		s.state = s.take()
		s.mu.Unlock()
	}
	return s.next.RoundTrip(req)
}

// isTail says that a request asks for everything that changed since a second.
func isTail(req *http.Request) bool {
	query := req.URL.Query()
	return strings.HasSuffix(req.URL.Path, "/api/v4/customers") && query.Has("filter[updated_at][from]") && !query.Has("filter[updated_at][to]") &&
		query.Get("filter[updated_at][from]") != "1"
}

// customersOf returns all customers of an account by id.
func customersOf(e *emulator.Emulator) map[int64]emulator.Customer {
	all := make(map[int64]emulator.Customer, e.CountCustomers())
	for c := range e.Customers() {
		all[c.ID] = c
	}
	return all
}

// snapshot makes a bench keep snapshots.
func snapshot(b *bench, isLast func(*http.Request) bool) *snapshots {
	s := &snapshots{next: b.client.http.Transport, isLast: isLast, take: func() map[int64]emulator.Customer { return customersOf(b.Emulator) }}
	b.client.http.Transport = s
	return s
}

// differs tells in what a row is not the customer; "" = it is.
func differs(row *amogatev1.Customer, c emulator.Customer) string {
	var tags, wantTags []string
	for _, tag := range row.GetTags() {
		tags = append(tags, tag.GetName())
	}
	for _, tag := range c.Tags {
		wantTags = append(wantTags, tag.Name)
	}
	got := fmt.Sprint(row.GetName(), row.GetUpdateTime().GetSeconds(), row.GetCreateTime().GetSeconds(), row.GetResponsibleUserId(), row.GetUpdatedBy(),
		row.GetNextPrice().GetUnits(), max(row.GetNextPurchaseTime().GetSeconds(), 0), row.GetPeriodicity(), row.GetCompanyId(), row.GetContactIds(), tags, len(row.GetCustomFields()))
	want := fmt.Sprint(c.Name, c.UpdatedAt, c.CreatedAt, c.ResponsibleUserID, c.UpdatedBy,
		c.NextPrice, max(c.NextDate, 0), c.Periodicity, c.CompanyID, c.ContactIDs, wantTags, len(c.CustomFields))
	if got == want {
		return ""
	}
	return fmt.Sprintf("got  %s\nwant %s", got, want)
}

// wantCopy compares a copy with what the account held. What was deleted since may
// be gone from the copy.
func wantCopy(t *testing.T, e *emulator.Emulator, got copied, want map[int64]emulator.Customer) {
	t.Helper()
	var missing, stale, ghosts int
	var example string
	for id, c := range want {
		row, ok := got[id]
		if !ok {
			if _, lives := e.Customer(id); lives {
				missing++
				example = cmp.Or(example, fmt.Sprintf("%+v", c))
			}
			continue
		}
		if d := differs(row, c); d != "" {
			stale++
			example = cmp.Or(example, d)
		}
	}
	for id, row := range got {
		if _, ok := want[id]; !ok {
			ghosts++
			example = cmp.Or(example, row.String())
		}
	}
	if missing+stale+ghosts > 0 {
		t.Errorf("of %d rows %d are missing, %d stale, %d ghosts; for instance\n%s", len(want), missing, stale, ghosts, example)
	}
}

// copyList runs a list and applies it to a copy; stop, if above 0, is the number of
// rows after which the reader goes away. It returns the last cursor.
func copyList(t *testing.T, b *bench, into copied, filter *amogatev1.CustomerFilter, options ListOptions, stop int) (ListEnd, Cursor) {
	t.Helper()
	l := b.client.Customers().List(filter, options)
	var rows, deleted int64
	var last Cursor
	for row, err := range l.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		into.apply(row)
		last = row.Cursor
		if row.Deleted != 0 {
			deleted++
		} else if rows++; rows == int64(stop) {
			return ListEnd{}, last
		}
	}
	end, ended := l.End()
	if !ended {
		t.Fatal("the list stopped before its end")
	}
	if end.Deleted != deleted {
		t.Errorf("the end tells %d deletions of %d", end.Deleted, deleted)
	}
	return end, last
}

func wantCompleteness(t *testing.T, end ListEnd, want amogatev1.Completeness) {
	t.Helper()
	if end.Completeness != want {
		t.Errorf("completeness %v, want %v; end %+v", end.Completeness, want, end)
	}
}

// Applied in order, a list of a busy account is what the account held when its
// last page was asked for, be it read in one go or by two readers one after the
// other.
func TestWindows_appliedInOrderAreTheSource(t *testing.T) {
	for seed := range uint64(*seeds) {
		for _, resumed := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed %d, resumed %v", seed, resumed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					rows := 60_000
					if *seeds < 20 {
						rows = 3_000
					}
					account := emulator.Config{Customers: rows, Seed: seed, Latency: 150 * time.Millisecond, SeedSpread: emulator.SeedSpread(seed % 2)}
					b := newBench(t, account, Config{Generation: V4})
					if err := b.Mutate(emulator.Mutation{Updates: busy.Updates, Inserts: busy.Inserts, Deletes: busy.Deletes, Seed: seed}); err != nil {
						t.Fatal(err)
					}
					source := snapshot(b, isTail)
					got := copied{}
					from := Cursor{}
					if resumed {
						random := rand.New(rand.NewPCG(seed, 1))
						_, from = copyList(t, b, got, nil, ListOptions{}, 1+random.IntN(rows-1000))
						time.Sleep(time.Duration(random.IntN(60)) * time.Second)
					}
					end, _ := copyList(t, b, got, nil, ListOptions{From: from}, 0)
					wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
					wantCopy(t, b.Emulator, got, source.state)
					done := b.StopMutating()
					if end.Deleted == 0 || done.Updates == 0 || end.Resent == 0 && !resumed {
						t.Errorf("end %+v of an account in which %+v was done", end, done)
					}
					b.checkWindow(t)
				})
			})
		}
	}
}

// What one page shows is what there was at one moment: nothing has to follow.
func TestWindows_ofASmallAccountAreOneRequest(t *testing.T) {
	for _, n := range []int{0, 1, 49, 249} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, emulator.Config{Customers: n}, Config{Generation: V4})
			got := copied{}
			end, _ := copyList(t, b, got, nil, ListOptions{}, 0)
			wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
			wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
			if end.Requests != 1 || end.Windows != 1 || end.SplitWindows != 0 {
				t.Errorf("%d rows: end %+v, want one request", n, end)
			}
		})
	}
}

// Whatever upstream makes of what it is asked for, no row is lost.
func TestWindows_holdWhateverUpstreamDoes(t *testing.T) {
	windowed := amogatev1.Completeness_COMPLETENESS_WINDOWED
	for name, test := range map[string]struct {
		account emulator.Config
		rules   []emulator.Rule
		want    amogatev1.Completeness
		check   func(end ListEnd) bool
	}{
		"as documented": {want: windowed, check: func(end ListEnd) bool { return end.SplitWindows < 4 }},
		"order ignored": {
			account: emulator.Config{OrderIgnored: true}, want: windowed,
			check: func(end ListEnd) bool { return end.Pages < 50 },
		},
		"last second outside": {account: emulator.Config{UpdatedToExcluded: true}, want: windowed},
		"times at random":     {account: emulator.Config{SeedSpread: emulator.SeedRandom}, want: windowed},
		"seconds of 240 rows": {
			account: emulator.Config{SeedSpread: emulator.SeedRandom, SeedBurst: 240}, want: windowed,
			check: func(end ListEnd) bool { return end.Resent == 0 },
		},
		"seconds of 240 rows, last second outside": {
			account: emulator.Config{SeedSpread: emulator.SeedRandom, SeedBurst: 240, UpdatedToExcluded: true}, want: windowed,
		},
		"next on every page":     {account: emulator.Config{NextLinks: emulator.NextAlways}, want: windowed},
		"next on no page":        {account: emulator.Config{NextLinks: emulator.NextNever}, want: windowed},
		"events refused":         {account: emulator.Config{EventsState: emulator.EventsForbidden}, want: amogatev1.Completeness_COMPLETENESS_BEST_EFFORT},
		"events not in the plan": {account: emulator.Config{EventsState: emulator.EventsUnpaid}, want: amogatev1.Completeness_COMPLETENESS_BEST_EFFORT},
		"stray empty pages": {
			rules: []emulator.Rule{{Match: emulator.Match{Operation: emulator.OpV4CustomersList, Query: "filter", Every: 5}, Action: emulator.Action{Empty: true}}},
			want:  windowed,
		},
		"pages that are too much": {
			rules: []emulator.Rule{{Match: emulator.Match{Operation: emulator.OpV4CustomersList, Query: "limit=50"}, Action: emulator.Action{Status: http.StatusGatewayTimeout}}},
			want:  windowed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.account.Customers, test.account.Window = 500, -1
				b := newBench(t, test.account, Config{Generation: V4, PageSize: 50})
				b.script(t, test.rules...)
				got := copied{}
				end, _ := copyList(t, b, got, nil, ListOptions{}, 0)
				wantCompleteness(t, end, test.want)
				wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
				if test.check != nil && !test.check(end) {
					t.Errorf("end %+v", end)
				}
			})
		})
	}
}

// unfiltered is an upstream that forgets the filter by time of change after some
// requests.
type unfiltered struct {
	next  http.RoundTripper
	after int

	mu    sync.Mutex
	asked int
}

func (u *unfiltered) RoundTrip(req *http.Request) (*http.Response, error) {
	query := req.URL.Query()
	if query.Has("filter[updated_at][from]") {
		u.mu.Lock()
		u.asked++
		forget := u.asked > u.after
		u.mu.Unlock()
		if forget {
			req = req.Clone(req.Context())
			query.Del("filter[updated_at][from]")
			query.Del("filter[updated_at][to]")
			req.URL.RawQuery = query.Encode()
		}
	}
	return u.next.RoundTrip(req)
}

// An account that says that it can filter and does not is listed by ids, from the
// moment on in which that shows.
func TestWindows_leaveAnUpstreamThatIgnoresTheFilter(t *testing.T) {
	for _, after := range []int{0, 1, 5, 13} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, emulator.Config{Customers: 600, Window: -1}, Config{Generation: V4, PageSize: 50})
			b.client.http.Transport = &unfiltered{next: b.client.http.Transport, after: after}
			got := copied{}
			rows := 0
			l := b.client.Customers().List(nil, ListOptions{})
			for row, err := range l.Rows(t.Context()) {
				if err != nil {
					t.Fatalf("after %d requests and %d rows: %v; %+v", after, rows, err, l.end)
				}
				rows++
				got.apply(row)
			}
			end, _ := l.End()
			wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_ID_ORDER_REPAIRED)
			wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
			if rows != 600 || end.Resent != 0 {
				t.Errorf("after %d requests: %d rows, %d re-sent; want each once", after, rows, end.Resent)
			}
		})
	}
}

// Without upstream's time nothing tells where the tail begins, be it missing from the
// first page or from the tail.
func TestWindows_leaveAnUpstreamThatDoesNotTellTheTime(t *testing.T) {
	for name, test := range map[string]struct {
		isMute func(req *http.Request) bool
		want   amogatev1.Completeness
	}{
		"ever":        {func(*http.Request) bool { return true }, amogatev1.Completeness_COMPLETENESS_BEST_EFFORT},
		"in the tail": {isTail, amogatev1.Completeness_COMPLETENESS_ID_ORDER_REPAIRED},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 600, Window: -1}, Config{Generation: V4, PageSize: 50})
				next := b.client.http.Transport
				b.client.http.Transport = transportFunc(func(req *http.Request) (*http.Response, error) {
					resp, err := next.RoundTrip(req)
					if err == nil && test.isMute(req) {
						resp.Header.Del("Date")
					}
					return resp, err
				})
				got := copied{}
				end, _ := copyList(t, b, got, nil, ListOptions{}, 0)
				wantCompleteness(t, end, test.want)
				wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
				if end.Windows > 0 && name == "ever" {
					t.Errorf("%d windows count", end.Windows)
				}
			})
		})
	}
}

// An account that loses its filters between two readers is gone on with by ids:
// what the first one has got comes no second time.
func TestWindows_goOnWithoutFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := emulator.Config{Customers: 400, Window: -1}
		b := newBench(t, account, Config{Generation: V4, PageSize: 50})
		got := copied{}
		_, from := copyList(t, b, got, nil, ListOptions{}, 140)
		account.FiltersOff = true
		without := newBench(t, account, Config{Generation: V4, PageSize: 50})
		rest := copied{}
		copyList(t, without, rest, nil, ListOptions{From: from}, 0)
		if len(got)+len(rest) != 400 {
			t.Errorf("%d rows and %d after them, want 400", len(got), len(rest))
		}
	})
}

// While the list runs upstream's clock is set back: what changes then has times
// that are past.
func TestWindows_seeWhatChangesAfterTheClockWasSetBack(t *testing.T) {
	for _, at := range []time.Duration{300 * time.Millisecond, 2 * time.Second, 4 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, emulator.Config{Customers: 1_200, Latency: 150 * time.Millisecond}, Config{Generation: V4, PageSize: 50})
			if err := b.Mutate(emulator.Mutation{Updates: 5, Seed: 3}); err != nil {
				t.Fatal(err)
			}
			source := snapshot(b, isTail)
			time.AfterFunc(at, func() { b.SetClock(-10 * time.Minute) })
			got := copied{}
			end, _ := copyList(t, b, got, nil, ListOptions{}, 0)
			wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
			wantCopy(t, b.Emulator, got, source.state)
		})
	}
}

// A row that was sent and is no longer what the filter asks for comes once more,
// as it is now.
func TestWindows_tellWhatNoLongerMatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 2_000, Window: -1}, Config{Generation: V4})
		user := int64(0)
		for c := range b.Customers() {
			user = c.ResponsibleUserID
			break
		}
		filter := &amogatev1.CustomerFilter{ResponsibleUserIds: []int64{user}}
		l := b.client.Customers().List(filter, ListOptions{})
		got := copied{}
		moved := int64(0)
		for row, err := range l.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got.apply(row)
			if len(got) == 5 && moved == 0 {
				moved = row.Value.GetId()
				err := b.UpdateCustomer(moved, func(c *emulator.Customer) { c.ResponsibleUserID, c.UpdatedAt = user+1, time.Now().Unix() })
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		end, _ := l.End()
		if got[moved].GetResponsibleUserId() == user || end.Resent != 1 {
			t.Errorf("the row that was given to another shows user %d; end %+v", got[moved].GetResponsibleUserId(), end)
		}
	})
}

// How much of what the account allows is used, at a latency of a second, apart from
// the four answers that a list waits for whatever its length: the account's, the
// first page's, the tail's and the events'. Where times are spread by chance it
// depends on them how many windows are split: accounts differ by six points at
// 40,000 rows, so that several are taken together.
func TestWindows_useTheRate(t *testing.T) {
	for _, c := range []struct {
		spread emulator.SeedSpread
		rows   int
		seeds  uint64
		want   float64
	}{
		{emulator.SeedEven, 20_000, 1, 0.85},
		{emulator.SeedRandom, 40_000, 4, 0.75},
	} {
		if race.Enabled {
			if c.spread == emulator.SeedEven {
				continue
			}
			c.seeds = 1
		}
		var rows, took, requests float64
		for seed := range c.seeds {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: c.rows, Latency: time.Second, SeedSpread: c.spread, Seed: seed}, Config{Generation: V4})
				start := time.Now()
				got := copied{}
				end, _ := copyList(t, b, got, nil, ListOptions{}, 0)
				rows, requests = rows+float64(len(got)), requests+float64(end.Requests)
				took += (time.Since(start) - 4*time.Second).Seconds()
				b.checkWindow(t)
			})
		}
		share, used := rows/took/(DefaultRate*250), requests/took/DefaultRate
		t.Logf("spread %d: %.1f%% of the rows, %.1f%% of the requests", c.spread, 100*share, 100*used)
		if share < c.want {
			t.Errorf("spread %d: %.1f%% of the rows that the accounts allow, want %.0f%%", c.spread, 100*share, 100*c.want)
		}
	}
}

// departures keeps when the requests for customers left.
type departures struct {
	next http.RoundTripper

	mu   sync.Mutex
	left []time.Time
}

func (d *departures) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/customers") {
		d.mu.Lock()
		d.left = append(d.left, time.Now())
		d.mu.Unlock()
	}
	return d.next.RoundTrip(req)
}

// The first look tells how long answers take: from then on every slot is used up to
// the tail.
func TestWindows_useEverySlotFromTheSecondLatencyOn(t *testing.T) {
	for _, latency := range []time.Duration{time.Second, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, emulator.Config{Customers: 2_000, Latency: latency}, Config{Generation: V4, PageSize: 50})
			sent := &departures{next: b.client.http.Transport}
			b.client.http.Transport = sent
			copyList(t, b, copied{}, nil, ListOptions{}, 0)
			began, used := sent.left[0].Add(latency), 0
			end := began
			for _, at := range sent.left[1:] {
				if at.Sub(end) >= latency {
					break // the tail
				}
				used, end = used+1, at
			}
			share := float64(used) / (end.Sub(began).Seconds()*DefaultRate + 1)
			t.Logf("latency %v: %d requests in %v, %.1f%% of the slots", latency, used, end.Sub(began), 100*share)
			if used < 40 || share < 0.97 {
				t.Errorf("latency %v: %d requests used %.1f%% of the slots, want 40 and 97%%", latency, used, 100*share)
			}
		})
	}
}

// A position that no list can have come to is refused, not read around.
func TestWindows_refuseImpossiblePositions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 10}, Config{Generation: V4})
		now := time.Now().Unix()
		for name, at := range map[string]WindowPosition{
			"of next week":              {Signpost: now + 7*24*60*60, Second: 1},
			"in a tail before it began": {Signpost: now, Second: now - 60, Tail: true},
			"behind all time":           {Signpost: now, Second: wire.MaxUnix + 1},
			"in a tail without end":     {Signpost: now, Second: math.MaxInt64, Tail: true},
			"without end":               {Signpost: math.MaxInt64, Second: 1},
		} {
			for _, err := range b.client.Customers().List(nil, ListOptions{From: Cursor{Generation: V4, Window: at}}).Rows(t.Context()) {
				if !IsKind(err, KindCursor) {
					t.Errorf("%s: %v, want a refusal of the cursor", name, err)
				}
			}
		}
		end, _ := copyList(t, b, copied{}, nil, ListOptions{From: Cursor{Generation: V4, Window: WindowPosition{Signpost: now, Second: 1}}}, 0)
		wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
	})
}

// Pages go on by windows where a stream left off, and come to their end.
func TestWindows_goOnInPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 2_000, Window: -1}, Config{Generation: V4})
		got := copied{}
		_, from := copyList(t, b, got, nil, ListOptions{}, 900)
		for calls := 0; ; calls++ {
			l := b.client.Customers().List(nil, ListOptions{From: from, MaxPages: 4})
			for row, err := range l.Rows(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				got.apply(row)
			}
			end, ended := l.End()
			if ended {
				break
			}
			from = l.Cursor()
			if end.Pages > 6 || calls > 20 {
				t.Fatalf("call %d read %d pages to %+v", calls, end.Pages, from)
			}
		}
		wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
	})
}

// Upstream is known to answer an empty page by mistake, in the middle of the events,
// too.
func TestWindows_tellDeletionsBehindAStrayEmptyPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 600, Window: -1}, Config{Generation: V4, PageSize: 50})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpV4EventsList, Query: "page=2", Nth: 1},
			Action: emulator.Action{Empty: true},
		})
		ids := storedIDs(b, nil)
		got := copied{}
		l := b.client.Customers().List(nil, ListOptions{})
		for row, err := range l.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if got.apply(row); len(got) == 550 && row.Deleted == 0 {
				for _, id := range ids[:300] {
					b.DeleteCustomer(id)
				}
			}
		}
		end, _ := l.End()
		wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
		wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
	})
}

// Deletions are told, too, where the filter fails behind the last window and one page
// shows all that is left.
func TestWindows_tellDeletionsToWhoLeavesThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 60, Window: -1}, Config{Generation: V4, PageSize: 50})
		ids := storedIDs(b, nil)
		got := copied{}
		l := b.client.Customers().List(nil, ListOptions{})
		for row, err := range l.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if got.apply(row); len(got) == len(ids) && row.Deleted == 0 {
				b.client.http.Transport = &unfiltered{next: b.client.http.Transport}
				for _, id := range ids[10:40] {
					if !b.DeleteCustomer(id) {
						t.Fatalf("there is no customer %d", id)
					}
				}
			}
		}
		end, _ := l.End()
		wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_ID_ORDER_REPAIRED)
		wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
	})
}

// A row that changes twice in the second in which the list begins comes as it is in
// the end.
func TestWindows_tellChangesOfOneSecondApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Window: -1}, Config{Generation: V4})
		addChanged(t, b, burst(time.Now().Add(-300*time.Minute), 300, time.Minute))
		id := storedIDs(b, nil)[2]
		if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // the account is read
		began := time.Now()
		got := copied{}
		l := b.client.Customers().List(nil, ListOptions{})
		sent := 0
		for row, err := range l.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if got.apply(row); len(got) == 1 {
				b.rename(t, id, "once", began)
			}
			if row.Value.GetId() == id {
				if sent++; row.Value.GetName() == "once" {
					// The emulator takes the time that a row has for none at all.
					b.rename(t, id, "twice", began.Add(time.Second))
					b.rename(t, id, "twice", began)
				}
			}
		}
		end, _ := l.End()
		wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
		wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
		if sent != 3 || end.Resent != 2 {
			t.Errorf("the row came %d times; end %+v", sent, end)
		}
	})
}

// More rows than a page holds whose times lie ahead of upstream's clock keep a list
// from being sure of its end, but not from sending them.
func TestWindows_sendWhatLiesAheadOfTheClock(t *testing.T) {
	for _, filter := range []*amogatev1.CustomerFilter{nil, {CreateTime: &amogatev1.TimeRange{StartTime: &timestamppb.Timestamp{Seconds: 1}}}} {
		for _, apart := range []time.Duration{0, time.Second, 100 * day} {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 80, Window: -1}, Config{Generation: V4, PageSize: 50})
				addChanged(t, b, burst(time.Now().Add(10*time.Minute), 120, apart))
				got := copied{}
				end, last := copyList(t, b, got, filter, ListOptions{}, 0)
				wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_BEST_EFFORT)
				wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
				if now := time.Now().Unix(); last.Window.Second > now {
					t.Errorf("the list would go on from %d s ahead", last.Window.Second-now)
				}
			})
		}
	}
}

// Pages of a second that become too much for upstream are read in smaller ones,
// whatever size they were begun in.
func TestWindows_shrinkThePagesOfASecond(t *testing.T) {
	for _, size := range []int{50, 60} {
		synctest.Test(t, func(t *testing.T) {
			account := emulator.Config{Customers: 1_000, SeedSpread: emulator.SeedRandom, SeedBurst: 240, Window: -1}
			b := newBench(t, account, Config{Generation: V4, PageSize: size})
			b.script(t, emulator.Rule{
				Match:  emulator.Match{Operation: emulator.OpV4CustomersList, Query: "page=3&", From: 2},
				Action: emulator.Action{Status: http.StatusGatewayTimeout},
			})
			got := copied{}
			end, _ := copyList(t, b, got, nil, ListOptions{}, 0)
			wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
			wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
		})
	}
}

// A filter may begin at any time, be it before there were rows.
func TestWindows_holdFromTheBeginningOfTime(t *testing.T) {
	for _, start := range []int64{-1, 0, 1} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, emulator.Config{Customers: 120, Window: -1}, Config{Generation: V4, PageSize: 50})
			filter := &amogatev1.CustomerFilter{UpdateTime: &amogatev1.TimeRange{StartTime: &timestamppb.Timestamp{Seconds: start}}}
			got := copied{}
			end, _ := copyList(t, b, got, filter, ListOptions{}, 0)
			wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
			wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
		})
	}
}

// What is outside of a span does not say where to divide it.
func TestSpan_middle(t *testing.T) {
	for name, test := range map[string]struct {
		times []int64
		want  int64
	}{
		"of what is inside":     {[]int64{18, 11, 12}, 12},
		"more of it is outside": {[]int64{1, 1, 1, 1, 12, 14, 18, 30, 30}, 14},
		"all of it is outside":  {[]int64{1, 1, 30}, 15},
		"there is nothing":      {nil, 15},
	} {
		if got := (span{10, 20}).middle(test.times); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
