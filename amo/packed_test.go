package amo

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// customerPage is a page of customers.
type customerPage = unread[*amogatev1.Customer, *amogatev1.CustomerFilter]

// watchPages makes a list by windows tell of the pages that it reads. Meanwhile
// returns them.
func watchPages(t *testing.T, b *bench) (list *Listing[*amogatev1.Customer], meanwhile func() []*customerPage) {
	t.Helper()
	list = b.client.Customers().List(nil, ListOptions{})
	prepare := list.prepare
	var mu sync.Mutex
	var pages []*customerPage
	list.prepare = func(ctx context.Context) error {
		if err := prepare(ctx); err != nil {
			return err
		}
		read := list.windows.page
		list.windows.page = func(ctx context.Context, query windowQuery) (sentPage[*amogatev1.Customer], usage, error) {
			page, cost, err := read(ctx, query)
			if len(page.rows) > 0 {
				mu.Lock()
				defer mu.Unlock()
				pages = append(pages, page.rows[0].page.(*customerPage)) //nolint:errcheck,forcetypeassert // there is no other
			}
			return page, cost, err
		}
		return nil
	}
	return list, func() []*customerPage {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(pages)
	}
}

// Of the pages of windows that wait for a slow reader there is what upstream sent,
// and none of what that unpacks to.
func TestWindows_waitPacked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 5_000, Latency: time.Second}, Config{Generation: V4})
		list, pages := watchPages(t, b)
		got, most := copied{}, 0
		for row, err := range list.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got.apply(row)
			if len(got)%500 != 0 {
				continue
			}
			time.Sleep(time.Minute) // what is ahead has come by then
			waiting, unpacked := 0, 0
			for _, page := range pages() {
				switch {
				case page.packed != nil && (page.body != nil || page.scanned.Read != nil):
					t.Error("a page is both packed and unpacked")
				case page.body != nil:
					unpacked++
				case page.packed != nil:
					waiting++
					if held := cap(page.packed.received) + cap(page.packed.Body); held > 128<<10 {
						t.Errorf("a page of %d rows that waits holds %d bytes", len(page.scanned.Heads), held)
					}
				}
			}
			most = max(most, waiting)
			if unpacked > 1 {
				t.Errorf("behind %d rows %d pages are unpacked, want no more than the reader's", len(got), unpacked)
			}
		}
		if most < maxWaiting {
			t.Errorf("at most %d pages waited, want %d: they were not seen", most, maxWaiting)
		}
		wantCopy(t, b.Emulator, got, customersOf(b.Emulator))
	})
}

// What cannot be unpacked again ends the list.
func TestWindows_tellThatAPageCannotBeUnpackedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 2_000, Latency: time.Second}, Config{Generation: V4})
		list, pages := watchPages(t, b)
		rows, spoilt := 0, 0
		var failed error
		for _, err := range list.Rows(t.Context()) {
			if failed = err; err != nil {
				break
			}
			if rows++; rows != 10 {
				continue
			}
			time.Sleep(time.Minute)
			for _, page := range pages() {
				if page.packed != nil {
					page.packed.received = page.packed.received[:len(page.packed.received)/2]
					spoilt++
				}
			}
		}
		if spoilt == 0 || !IsKind(failed, KindBadResponse) || !strings.HasPrefix(asError(failed).Op, "customers.") {
			t.Errorf("%d pages were spoilt, and the list ended with %v behind %d rows, want KindBadResponse of a call", spoilt, failed, rows)
		}
	})
}
