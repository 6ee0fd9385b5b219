package amo

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Whatever the row behind which a reader goes on, what changed since the list began
// comes: in the second in which it began, and behind rows whose times lie ahead of
// upstream's clock.
func TestWindows_goOnToWhatChangedMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		// rows changed long ago, one more so much after the list began.
		rows  int
		after time.Duration
		rest  time.Duration
	}{
		"in the same second":                   {rows: 10},
		"on one page, behind a later row":      {rows: 10, after: time.Hour, rest: time.Minute},
		"on several pages, behind a later row": {rows: 120, after: time.Hour, rest: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Window: -1}, Config{Generation: V4, PageSize: 50})
				now := time.Now()
				addChanged(t, b, burst(now.Add(-day), test.rows, time.Minute))
				addChanged(t, b, []time.Time{now.Add(test.after)})
				got := copied{}
				_, from := copyList(t, b, got, nil, ListOptions{}, test.rows+1)
				time.Sleep(test.rest)
				b.rename(t, storedIDs(b, nil)[2], "changed", time.Now())
				time.Sleep(test.rest)
				end, _ := copyList(t, b, got, nil, ListOptions{From: from}, 0)
				wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
				wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
			})
		})
	}
}

// A clock that is set back while a list runs is set back for those who go on with it.
// Where it was set back before they came, they read all of it once more.
func TestWindows_goOnAfterTheClockWasSetBack(t *testing.T) {
	for _, test := range []struct {
		seen bool
		stop int
	}{{true, 375}, {false, 375}, {false, 380}} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Window: -1}, Config{Generation: V4, PageSize: 50})
				const back = 10 * time.Minute
				now := time.Now()
				addChanged(t, b, burst(now.Add(-day), 360, time.Minute))
				addChanged(t, b, burst(now.Add(-100*time.Second), 20, time.Second))
				got := copied{}
				l := b.client.Customers().List(nil, ListOptions{})
				for row, err := range l.Rows(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					got.apply(row)
					if test.seen && len(got) == 10 {
						b.SetClock(-back)
					}
					if len(got) == test.stop {
						break
					}
				}
				b.SetClock(-back)
				time.Sleep(10 * time.Second)
				b.rename(t, storedIDs(b, nil)[2], "changed", time.Now().Add(-back))
				time.Sleep(10 * time.Second)
				_, from := copyList(t, b, got, nil, ListOptions{From: l.Cursor()}, 10)
				end, _ := copyList(t, b, got, nil, ListOptions{From: from}, 0)
				wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_WINDOWED)
				wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
			})
		})
	}
}

// An account that has lost its filters shows what changed since the list began, too,
// wherever it was gone on with.
func TestWindows_goOnWithoutFiltersToWhatChangedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var accounts [2]*bench
		for i, off := range []bool{false, true} {
			accounts[i] = newBench(t, emulator.Config{Customers: 40, FiltersOff: off, Window: -1}, Config{Generation: V4, PageSize: 50})
			addChanged(t, accounts[i], []time.Time{time.Now().Add(time.Hour)})
		}
		got := copied{}
		_, from := copyList(t, accounts[0], got, nil, ListOptions{}, 41)
		time.Sleep(time.Minute)
		b := accounts[1]
		b.rename(t, storedIDs(b, nil)[2], "changed", time.Now())
		copyList(t, b, got, nil, ListOptions{From: from}, 0)
		wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
	})
}

// copyPages goes on with a list in calls for pages, as the server does, until one
// comes to the end.
func copyPages(t *testing.T, b *bench, into copied, from Cursor, size, most int) {
	t.Helper()
	for calls := 1; ; calls++ {
		l := b.client.Customers().List(nil, ListOptions{From: from, MaxPages: 4, Rows: size})
		rows := 0
		for row, err := range l.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			into.apply(row)
			if rows++; rows == size {
				break
			}
		}
		if _, ended := l.End(); ended {
			return
		}
		if from = l.Cursor(); calls == most {
			t.Fatalf("%d calls for %d rows each have come to %+v", calls, size, from)
		}
	}
}

// Calls for pages come to the end of a list, through seconds that are too much for
// a page, what changed as the list began and rows whose times lie ahead.
func TestWindows_comeToTheEndInPages(t *testing.T) {
	for name, test := range map[string]struct {
		account emulator.Config
		// late are how many rows changed around the time that lies so much ahead.
		late  int
		ahead time.Duration
	}{
		"seconds of 240 rows": {account: emulator.Config{Customers: 500, SeedSpread: emulator.SeedRandom, SeedBurst: 240}},
		"seconds of 240 rows, order ignored": {
			account: emulator.Config{Customers: 500, SeedSpread: emulator.SeedRandom, SeedBurst: 240, OrderIgnored: true},
		},
		"changed as the list began": {account: emulator.Config{Customers: 120}, late: 40},
		"a few ahead":               {account: emulator.Config{Customers: 120}, late: 40, ahead: 10 * time.Minute},
		"many ahead":                {account: emulator.Config{Customers: 120}, late: 120, ahead: 10 * time.Minute},
	} {
		for _, size := range []int{20, 100} {
			t.Run(fmt.Sprintf("%s, pages of %d", name, size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					test.account.Window = -1
					b := newBench(t, test.account, Config{Generation: V4, PageSize: 50})
					addChanged(t, b, burst(time.Now().Add(test.ahead-4*time.Second), test.late, 100*time.Millisecond))
					got := copied{}
					_, from := copyList(t, b, got, nil, ListOptions{}, 10)
					copyPages(t, b, got, from, size, 120)
					wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
				})
			})
		}
	}
}
