package amo

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/emulator"
)

// Every slot is used from the first page's answer on. What a list takes besides
// are five latencies: the account, the first page, the last one, the empty one
// behind it and over v4 the events. Of 2,000 pages, a million rows of v2, that is 2.9 % at 2 s.
func TestListing_usesEverySlotAtEveryLatency(t *testing.T) {
	const pages, size = 200, 2
	for _, generation := range []Generation{V2, V4} {
		for _, latency := range []time.Duration{0, 150 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second} {
			t.Run(fmt.Sprintf("%s/%s", generation, latency), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBench(t, emulator.Config{Customers: pages*size - 1, Latency: latency, FiltersOff: true}, Config{Generation: generation, PageSize: size})
					began := time.Now()
					rows, end := rowsOf(t, b, nil, ListOptions{})
					took := time.Since(began)
					if len(rows) != pages*size-1 {
						t.Errorf("%d rows, want %d", len(rows), pages*size-1)
					}
					if want := 5*latency + (pages+1)*time.Second/DefaultRate + time.Millisecond; took > want {
						t.Errorf("%d pages took %v, want at most %v", pages, took, want)
					}
					// Where the end is not known before it is reached, requests behind it
					// have left.
					if want := pages + 2 + int64(latency*DefaultRate/time.Second); end.Requests > want {
						t.Errorf("%d requests for %d pages, want at most %d", end.Requests, pages, want)
					}
					b.checkWindow(t)
				})
			})
		}
	}
}
