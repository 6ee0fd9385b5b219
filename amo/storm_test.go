package amo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/amogate/amogate/emulator"
)

// What a reader got is the beginning of the list, whatever happens on the way;
// all of it when no error came.
func TestListing_storm(t *testing.T) {
	actions := []emulator.Action{
		{Status: 503, HTML: true},
		{Status: 504, HTML: true},
		{Status: 429, HTML: true},
		{Garbled: true},
		{Drop: true},
		{Delay: 5 * time.Second},
		{ExpireSession: true},
		{Cut: new(30)},
	}
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(1, 9).Draw(rt, "page size")
		customers := rapid.IntRange(0, 60).Draw(rt, "customers")
		stop := rapid.IntRange(0, 90).Draw(rt, "rows wanted")
		patience := time.Duration(rapid.IntRange(1, 90).Draw(rt, "patience")) * time.Second
		spread := rapid.SampledFrom([]emulator.SeedSpread{emulator.SeedEven, emulator.SeedRandom}).Draw(rt, "order of times")
		var rules []emulator.Rule
		for _, nth := range rapid.SliceOfNDistinct(rapid.IntRange(1, 40), 0, 12, rapid.ID).Draw(rt, "faulty requests") {
			rules = append(rules, emulator.Rule{
				Match:  emulator.Match{Operation: emulator.OpCustomersList, Nth: nth},
				Action: rapid.SampledFrom(actions).Draw(rt, "fault"),
			})
		}
		if page := rapid.IntRange(0, 5).Draw(rt, "empty page"); page > 0 {
			rules = append(rules, emulator.Rule{
				Match:  emulator.Match{Operation: emulator.OpCustomersList, Query: fmt.Sprintf("limit_offset=%d&", page*size), To: 1},
				Action: emulator.Action{Empty: true},
			})
		}
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, emulator.Config{Customers: customers, Latency: 150 * time.Millisecond, Window: -1, SeedSpread: spread}, Config{PageSize: size, Auth: testSession})
			b.script(t, rules...)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var got []int64
			var failure error
			list := b.client.Customers().List(nil, ListOptions{})
			for row, err := range list.Rows(ctx) {
				if failure = err; err != nil {
					break
				}
				if got = append(got, row.Value.GetId()); len(got) == stop {
					break
				}
			}
			want := storedIDs(b, nil)
			if _, ended := list.End(); ended != (failure == nil && len(got) != stop) && len(got) != len(want) {
				t.Errorf("ended %v after %d rows with %v", ended, len(got), failure)
			}
			if failure == nil && len(got) != stop && len(got) != len(want) || !slices.Equal(got, want[:min(len(got), len(want))]) {
				t.Errorf("rows %v with %v, want %v from the beginning", got, failure, want)
			}
			time.Sleep(defaults.SharedTimeout) // work for other callers goes on
			synctest.Wait()
			if s := b.Stats(); s.InFlight != 0 || b.inFlight(t) != 0 {
				t.Errorf("%d requests and %d slots outlive the list", s.InFlight, b.inFlight(t))
			}
		})
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}

// However sessions end and callers leave, those that stay are served, by one
// login for each session.
func TestSession_storm(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type caller struct{ Arrives, Leaves time.Duration }
		moment := rapid.Map(rapid.IntRange(0, 200), func(n int) time.Duration { return time.Duration(n) * 50 * time.Millisecond })
		callers := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) caller {
			return caller{moment.Draw(rt, "arrives"), moment.Draw(rt, "leaves")}
		}), 1, 30).Draw(rt, "callers")
		ends := rapid.SliceOfN(moment, 0, 3).Draw(rt, "sessions end")
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, emulator.Config{Customers: 1, Latency: 50 * time.Millisecond}, Config{Auth: testSession})
			id := customerIDs(b, 1)[0]
			var wg sync.WaitGroup
			for _, end := range ends {
				wg.Go(func() {
					time.Sleep(end)
					b.ExpireSessions()
				})
			}
			for i, c := range callers {
				wg.Go(func() {
					time.Sleep(c.Arrives)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					leaves := i%2 == 0
					if leaves {
						time.AfterFunc(c.Leaves, cancel)
					}
					_, err := b.client.Customers().Get(ctx, id)
					// A call whose replay met the end of the next session fails.
					expected := leaves && IsKind(err, KindCancelled) || len(ends) > 1 && IsKind(err, KindReauth)
					if err != nil && !expected {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			time.Sleep(time.Second) // a login whose callers left goes on
			if s := b.Stats(); s.Logins > int64(len(ends))+1 || s.InFlight != 0 {
				t.Errorf("%d logins for %d sessions, %d requests left", s.Logins, len(ends)+1, s.InFlight)
			}
			b.checkWindow(t)
		})
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}
