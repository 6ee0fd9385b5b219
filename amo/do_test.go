package amo

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
	"github.com/amogate/amogate/emulator"
)

func TestAttempt_slowBodyDoesNotMoveTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList, Nth: 1},
			Action: emulator.Action{Drip: &emulator.Drip{Bytes: 400, Every: 2 * time.Second}},
		})
		start := time.Now()
		if _, err := b.client.Customers().Get(t.Context(), customerIDs(b, 1)[0]); err != nil {
			t.Fatal(err)
		}
		if took, skew := time.Since(start), time.Until(b.client.upstreamNow()); took < 4*time.Second || skew != 0 {
			t.Errorf("a body of %v moved the clock by %v", took, skew)
		}
	})
}

func TestAttempt_deadlineInMidBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1}, Config{})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList},
			Action: emulator.Action{Drip: &emulator.Drip{Bytes: 1, Every: time.Second}},
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := b.client.Customers().Get(ctx, customerIDs(b, 1)[0]); !IsKind(err, KindDeadline) {
			t.Errorf("Get = %v, want KindDeadline", err)
		}
	})
}

func TestAttempt_takesUpstreamsClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for late, want := range map[time.Duration]time.Duration{0: 0, time.Second: 0, -time.Second: 0, -2500 * time.Millisecond: -2500 * time.Millisecond, time.Hour: time.Hour, -time.Minute: -time.Minute} {
			b := newBench(t, emulator.Config{Customers: 1}, Config{})
			b.client.http.Transport = clock{b.client.http.Transport, late}
			if _, err := b.client.Customers().Get(t.Context(), customerIDs(b, 1)[0]); err != nil {
				t.Fatal(err)
			}
			if got := time.Until(b.client.upstreamNow()); (got - want).Abs() > time.Second {
				t.Errorf("a clock that is %v late is taken for %v", late, got)
			} else if want == 0 && got != 0 {
				t.Errorf("a clock that is %v late is taken for %v: truncation explains it", late, got)
			}
		}
	})
}

// clock answers by a clock that is late.
type clock struct {
	next http.RoundTripper
	late time.Duration
}

func (c clock) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil {
		resp.Header.Set("Date", time.Now().Add(c.late).UTC().Format(http.TimeFormat))
	}
	return resp, err
}

// net/http would send a read again by itself, past the limiter.
func TestAttempt_repeatsNothingBehindTheLimiter(t *testing.T) {
	var seen atomic.Int64
	c := dropper(t, func() bool { return seen.Add(1) == 2 }) // on a connection that has served before
	var requests int64
	for range 2 {
		u, err := c.send(t.Context(), request{call: v2.AccountCall(), decode: func(driver.Response) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		requests += u.requests
	}
	if got := seen.Load(); got != 3 || requests != got {
		t.Errorf("upstream saw %d requests of %d, want 3 of 3", got, requests)
	}
}

func TestAttempt_writeWhoseConnectionBrokeIsNotRepeated(t *testing.T) {
	var seen atomic.Int64
	c := dropper(t, func() bool { return seen.Add(1) > 0 })
	call := driver.Call{Name: "customers.create", Method: http.MethodPost, Path: "/api", Body: []byte("{}"), Effect: driver.Create, Query: url.Values{"query": {"canary"}}}
	_, err := c.send(t.Context(), request{call: call, decode: unavailable})
	if !IsKind(err, KindOutcomeUnknown) || seen.Load() != 1 {
		t.Errorf("%v after %d requests, want KindOutcomeUnknown after one", err, seen.Load())
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the error shows what is searched for: %v", err)
	}
}

// dropper returns a client of a server that breaks the connections of the
// requests for which drop says so.
func dropper(t *testing.T, drop func() bool) *Client {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !drop() {
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	}))
	t.Cleanup(upstream.Close)
	base, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Account: "test", BaseURL: base, Generation: V2, Auth: BearerToken("t"), AllowInsecure: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAttempt_boundsTheRequestsOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 60}, Config{NoCoalescing: true})
		ids := customerIDs(b, 60)
		if _, err := b.client.Customers().Get(t.Context(), ids[0]); err != nil {
			t.Fatal(err)
		}
		// Upstream stalls and answers all at once in the end.
		stalled := time.Now()
		b.client.http.Transport = stall{b.client.http.Transport, stalled.Add(25 * time.Second)}
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() {
				if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		// 16 were on their way; the 44 others leave at the rate.
		if took, want := time.Since(stalled), 25*time.Second+43*time.Second/DefaultRate; took < want-time.Millisecond || took > want+time.Second {
			t.Errorf("took %v, want %v: what waited in the stall leaves at the rate", took, want)
		}
	})
}

// stall holds the answers back until a time.
type stall struct {
	next  http.RoundTripper
	until time.Time
}

func (s stall) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(r)
	time.Sleep(time.Until(s.until))
	return resp, err
}

func TestAttempt_writeWithoutAConnectionWasNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int64
		c, err := New(Config{
			Account: "test", BaseURL: &url.URL{Scheme: "http", Host: "example.amocrm.ru"}, Generation: V2, Auth: BearerToken("t"),
			Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				dials.Add(1)
				<-ctx.Done()
				return nil, ctx.Err()
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), defaults.AttemptTimeout+5*time.Second)
		defer cancel()
		call := v2.AccountCall()
		call.Method, call.Effect, call.Body = http.MethodPost, driver.Create, []byte("{}")
		if _, err := c.send(ctx, request{call: call, decode: unavailable}); !IsKind(err, KindDeadline) {
			t.Errorf("send = %v, want KindDeadline: nothing was sent", err)
		}
		if dials.Load() != 2 {
			t.Errorf("%d dials, want 2: what reached nobody is tried again", dials.Load())
		}
	})
}
