package amo

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amogate/amogate/internal/cputime"
	"github.com/amogate/amogate/internal/samplepage"
)

// takingUpstream takes every create over v2 at once and keeps nothing, so that the
// processor time is the client's.
type takingUpstream struct {
	mu sync.Mutex
	// requests and items are those of writes.
	requests, items int
}

// RoundTrip implements http.RoundTripper.
func (u *takingUpstream) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := samplepage.V2Account()
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		answer = u.take(bytes.Count(body, []byte(`"request_id":`)))
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header:        http.Header{"Content-Type": {"application/hal+json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body:          io.NopCloser(bytes.NewReader(answer)),
		ContentLength: int64(len(answer)),
	}, nil
}

// take answers a write of n items, which are numbered from 1.
func (u *takingUpstream) take(n int) []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id":%d,"request_id":%d}`, 1_000_000+u.items+i, i+1)
	}
	u.requests++
	u.items += n
	return []byte(`{"_embedded":{"items":[` + strings.Join(items, ",") + `]}}`)
}

// BenchmarkCreate is the processor time of single creates of many callers, whose
// requests they share or not, over an upstream without latency.
func BenchmarkCreate(b *testing.B) {
	const each = 4
	for _, callers := range []int{64, 1000} {
		for _, way := range []struct {
			name  string
			alone bool
		}{{"together", false}, {"alone", true}} {
			b.Run(fmt.Sprintf("%d callers %s", callers, way.name), func(b *testing.B) {
				up := &takingUpstream{}
				fast := defaults
				fast.FirstSlot = time.Nanosecond
				c, err := New(Config{
					Account: "taking", BaseURL: &url.URL{Scheme: "https", Host: "example.amocrm.ru"}, Auth: BearerToken("t"),
					Transport: up, Generation: V2, Rate: 1000, AllowInsecure: true, Settings: fast, NoCoalescing: way.alone,
				})
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				b.ReportAllocs()
				cputime.PerRow(b, callers*each, func() {
					for b.Loop() {
						var wg sync.WaitGroup
						for range callers {
							wg.Go(func() {
								for range each {
									if r := c.Customers().Create(b.Context(), creates(1))[0]; r.Err != nil {
										b.Error(r.Err)
									}
								}
							})
						}
						wg.Wait()
					}
				})
				if want := b.N * callers * each; up.items != want {
					b.Errorf("%d items came, want %d", up.items, want)
				}
				b.ReportMetric(float64(up.items)/float64(up.requests), "items/request")
			})
		}
	}
}
