package amo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

const day = 24 * time.Hour

// addChanged gives an account customers that changed at these times.
func addChanged(t *testing.T, b *bench, times []time.Time) {
	t.Helper()
	for i, at := range times {
		c := emulator.Customer{Name: fmt.Sprint("Customer ", i), CreatedAt: at.Unix(), UpdatedAt: at.Unix()}
		if _, err := b.AddCustomer(c); err != nil {
			t.Fatal(err)
		}
	}
}

// burst are so many times, some seconds apart.
func burst(from time.Time, n int, apart time.Duration) []time.Time {
	times := make([]time.Time, n)
	for i := range times {
		times[i] = from.Add(time.Duration(i) * apart)
	}
	return times
}

// Where nothing changed for years, few requests tell so.
func TestWindows_areFewOverGaps(t *testing.T) {
	for name, test := range map[string]struct {
		times func(now time.Time) []time.Time
		// most are the requests at no latency, at that of the sandbox and at a second, when
		// one more or less may be on its way that turns out not to be needed.
		most [3]int64
	}{
		"three years, then nothing": {
			func(now time.Time) []time.Time { return burst(now.Add(-1785*day), 1_200, 3*365*day/1_200) }, [3]int64{9, 9, 12},
		},
		"imported in an hour": {
			func(now time.Time) []time.Time { return burst(now.Add(-3*365*day), 1_200, 3*time.Second) }, [3]int64{9, 9, 12},
		},
		"imported twice": {
			func(now time.Time) []time.Time {
				return append(burst(now.Add(-3*365*day), 600, 3*time.Second), burst(now.Add(-day), 600, 3*time.Second)...)
			}, [3]int64{24, 24, 30},
		},
	} {
		for i, latency := range []time.Duration{0, 120 * time.Millisecond, time.Second} {
			t.Run(fmt.Sprint(name, latency), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBench(t, emulator.Config{Latency: latency}, Config{Generation: V4})
					addChanged(t, b, test.times(time.Now()))
					got := copied{}
					end, _ := copyList(t, b, got, nil, ListOptions{}, 0)
					wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
					wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
					t.Logf("%d requests", end.Requests)
					if end.Requests > test.most[i] || end.Retries > 0 {
						t.Errorf("%d requests, %d retries, want at most %d and none", end.Requests, end.Retries, test.most[i])
					}
				})
			})
		}
	}
}

// emptied is an upstream that answers the request for customers with a number as if
// there were none, and so often those that equal it.
type emptied struct {
	next          http.RoundTripper
	number, times int

	mu      sync.Mutex
	asked   int
	strayed string
}

func (s *emptied) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(req)
	if err != nil || !strings.HasSuffix(req.URL.Path, "/customers") {
		return resp, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked++; s.asked == s.number {
		s.strayed = req.URL.String()
	}
	if s.times > 0 && s.strayed == req.URL.String() {
		s.times--
		_ = resp.Body.Close()
		resp.StatusCode, resp.Body = http.StatusNoContent, http.NoBody
		resp.Header.Del("Content-Length")
		resp.ContentLength = 0
	}
	return resp, nil
}

// Whichever page comes empty by mistake, once or twice in a row, no row is lost: not
// to who reads all, nor to two readers one after the other.
func TestWindows_loseNothingToAStrayEmptyPage(t *testing.T) {
	for number := 2; number <= 24; number++ {
		for _, stop := range []int{0, 10, 130, 260, 305} {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Window: -1}, Config{Generation: V4, PageSize: 50})
				now := time.Now()
				addChanged(t, b, burst(now.Add(-900*day), 130, time.Minute))
				addChanged(t, b, burst(now.Add(-300*day), 130, 12*time.Hour))
				addChanged(t, b, burst(now.Add(-100*day), 60, time.Second))
				b.client.http.Transport = &emptied{next: b.client.http.Transport, number: number, times: 1 + number%2}
				got := copied{}
				var from Cursor
				if stop > 0 {
					_, from = copyList(t, b, got, nil, ListOptions{}, stop)
				}
				end, _ := copyList(t, b, got, nil, ListOptions{From: from}, 0)
				wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
				wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
				if t.Failed() {
					t.Fatalf("request %d stray, the first reader stops behind %d rows", number, stop)
				}
			})
		}
	}
}

// A page that announces itself as the next one is no reason to divide the window
// that is in doubt second by second.
func TestWindows_breakOffWhenPagesHaveNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 600, Window: -1}, Config{Generation: V4, PageSize: 50})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		rows := 0
		var failed error
		for _, err := range b.client.Customers().List(nil, ListOptions{}).Rows(ctx) {
			if rows++; rows == 60 {
				b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpV4CustomersList}, Action: emulator.Action{Endless: true}})
			}
			failed = err
		}
		if !IsKind(failed, KindLoop) {
			t.Errorf("the list ended with %v, want %v", failed, KindLoop)
		}
	})
}

// rename makes somebody else change a customer at an instant.
func (b *bench) rename(t *testing.T, id int64, name string, at time.Time) {
	t.Helper()
	if err := b.UpdateCustomer(id, func(c *emulator.Customer) { c.Name, c.UpdatedAt = name, at.Unix() }); err != nil {
		t.Fatal(err)
	}
}

// Rows of the last window that was in doubt come on one page with what has changed
// since.
func TestWindows_sendWhatWasInDoubtAlongWithTheTail(t *testing.T) {
	for number := 2; number <= 12; number++ {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, emulator.Config{Window: -1}, Config{Generation: V4, PageSize: 50})
			addChanged(t, b, burst(time.Now().Add(-day), 130, time.Minute))
			changed := storedIDs(b, nil)[2]
			b.client.http.Transport = &emptied{next: b.client.http.Transport, number: number, times: 1}
			got := copied{}
			l := b.client.Customers().List(nil, ListOptions{})
			for row, err := range l.Rows(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if got.apply(row); len(got) == 90 {
					b.rename(t, changed, "changed", time.Now())
				}
			}
			end, _ := l.End()
			wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
			wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
		})
	}
}

// Where upstream ignores the order of times, half of what a page shows is known to be
// there: it is asked for again until it comes.
func TestWindows_loseNothingToAStrayEmptyPageWithoutOrder(t *testing.T) {
	for number := 2; number <= 8; number++ {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, emulator.Config{Window: -1, OrderIgnored: true}, Config{Generation: V4, PageSize: 50})
			times := burst(time.Now().Add(-day), 230, time.Minute)
			for i := range times {
				j := i * 7 % len(times)
				times[i], times[j] = times[j], times[i]
			}
			addChanged(t, b, times)
			b.client.http.Transport = &emptied{next: b.client.http.Transport, number: number, times: 2}
			got := copied{}
			end, _ := copyList(t, b, got, nil, ListOptions{}, 0)
			wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
			wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
		})
	}
}

// strangers are rows of which nothing but the ids and the times is to be read.
type strangers struct{}

func (strangers) row(context.Context, int) (*amogatev1.Customer, error) {
	return nil, errors.New("a row that nobody wants was read")
}

func (strangers) release() {}

// Where more rows than anybody knows of are beside what is in doubt, a page of them
// alone tells nothing of it, and it is asked for alone.
func TestWindows_askForDoubtsAloneBesideACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Window: -1}, Config{Generation: V4, PageSize: 50})
		now := time.Now()
		addChanged(t, b, append(burst(now.Add(-30*day), 60, time.Minute), burst(now.Add(-day), 60, time.Minute)...))
		list := b.client.Customers().List(nil, ListOptions{})
		prepare, crowded := list.prepare, 0
		list.prepare = func(ctx context.Context) error {
			if err := prepare(ctx); err != nil {
				return err
			}
			read := list.windows.page
			list.windows.page = func(ctx context.Context, query windowQuery) (sentPage[*amogatev1.Customer], usage, error) {
				page, cost, err := read(ctx, query)
				if err != nil || query.witness == 0 || query.whole || query.ByTime {
					return page, cost, err
				}
				if crowded++; crowded > 100 {
					t.Fatal("it is asked for without an end")
				}
				crowd := make([]pageRow[*amogatev1.Customer], query.limit)
				for i := range crowd {
					crowd[i] = pageRow[*amogatev1.Customer]{id: int64(1_000_000 + i), changed: query.witness, page: strangers{}}
				}
				return sentPage[*amogatev1.Customer]{rows: crowd}, cost, nil
			}
			return nil
		}
		got := copied{}
		for row, err := range list.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got.apply(row)
		}
		end, _ := list.End()
		wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
		wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
		if crowded == 0 {
			t.Error("nothing was in doubt")
		}
		t.Logf("%d pages of a crowd", crowded)
	})
}
