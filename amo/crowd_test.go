package amo

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Rows that leave a second between two of its pages move others over the border,
// where a pass does not see them. It is read until nothing moves, or else nothing is
// promised.
func TestWindows_readACrowdedSecondUntilItStandsStill(t *testing.T) {
	for name, test := range map[string]struct {
		// restless are the passes in which rows leave.
		restless int
		want     amogatev1.Completeness
		// seconds are how often the second page of the second is asked for.
		seconds int
	}{
		"nothing moves":           {0, amogatev1.Completeness_COMPLETENESS_WINDOWED, 2},
		"rows leave once":         {1, amogatev1.Completeness_COMPLETENESS_WINDOWED, 3},
		"rows leave twice":        {2, amogatev1.Completeness_COMPLETENESS_WINDOWED, 4},
		"rows leave all the time": {100, amogatev1.Completeness_COMPLETENESS_BEST_EFFORT, maxPasses},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Window: -1}, Config{Generation: V4, PageSize: 50})
				addChanged(t, b, burst(time.Now().Add(-time.Hour), 180, 0))
				ids := storedIDs(b, nil)
				next := b.client.http.Transport
				seconds := 0
				b.client.http.Transport = transportFunc(func(req *http.Request) (*http.Response, error) {
					if query := req.URL.Query(); !query.Has("filter[updated_at][to]") || query.Get("page") != "2" {
						return next.RoundTrip(req)
					}
					seconds++
					for _, id := range ids[:10] {
						if seconds <= test.restless && !b.TouchCustomer(id) {
							return nil, fmt.Errorf("there is no customer %d", id)
						}
					}
					if seconds <= test.restless {
						ids = ids[10:]
					}
					return next.RoundTrip(req)
				})
				got := copied{}
				end, _ := copyList(t, b, got, nil, ListOptions{}, 0)
				wantCompleteness(t, end, test.want)
				if seconds != test.seconds {
					t.Errorf("the second was read %d times, want %d", seconds, test.seconds)
				}
				if test.want == amogatev1.Completeness_COMPLETENESS_WINDOWED {
					wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
				}
			})
		})
	}
}

// Who stops among rows that two passes have not seen gets the rest of them.
func TestWindows_goOnInACrowdedSecondThatDoesNotStandStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Window: -1}, Config{Generation: V4, PageSize: 50})
		addChanged(t, b, burst(time.Now().Add(-time.Hour), 180, 0))
		ids := storedIDs(b, nil)
		next := b.client.http.Transport
		var asked []string
		b.client.http.Transport = transportFunc(func(req *http.Request) (*http.Response, error) {
			query := req.URL.Query()
			page := query.Get("page")
			if !query.Has("filter[updated_at][to]") || page == "1" {
				return next.RoundTrip(req)
			}
			asked = append(asked, page)
			leaving := 0
			switch {
			case page == "3" && len(ids) == 180:
				leaving = 10 // the 100th row and nine behind it are on no page of the first pass
			case page == "2" && len(ids) == 170:
				leaving = 50 // nor of the second
			}
			for _, id := range ids[:leaving] {
				b.TouchCustomer(id)
			}
			ids = ids[leaving:]
			return next.RoundTrip(req)
		})
		got := copied{}
		_, from := copyList(t, b, got, nil, ListOptions{}, 171)
		if len(ids) != 120 {
			t.Fatalf("%d rows have left, pages %v", 180-len(ids), asked)
		}
		end, _ := copyList(t, b, got, nil, ListOptions{From: from}, 0)
		wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
		wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
	})
}
