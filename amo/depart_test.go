package amo

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
	"github.com/amogate/amogate/amo/limit"
)

// farUpstream is an upstream behind connections that take their time to be made, all
// inside a bubble.
type farUpstream struct {
	client  *Client
	limiter *limit.Limiter
	// transport makes a connection for every request, unless it is told to keep some.
	transport *http.Transport
	start     time.Time

	mu sync.Mutex
	// dials and arrivals are when connections were asked for and when requests
	// came.
	dials, arrivals []time.Duration
}

// newFarUpstream returns a client whose connections take so long to be made.
func newFarUpstream(t *testing.T, connecting time.Duration, rate float64) *farUpstream {
	t.Helper()
	w := &farUpstream{start: time.Now()}
	accepted := make(chan net.Conn)
	served := &http.Server{ReadHeaderTimeout: time.Hour, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.arrivals = append(w.arrivals, time.Since(w.start))
	})}
	listener := &pipes{conns: accepted, closed: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() { _ = served.Serve(listener) })
	var err error
	w.limiter, err = limit.New(limit.Config{Account: "test", Rate: rate, Store: limit.NewMemory(0), Settings: defaults})
	if err != nil {
		t.Fatal(err)
	}
	w.transport = &http.Transport{
		MaxIdleConnsPerHost: -1,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			w.mu.Lock()
			w.dials = append(w.dials, time.Since(w.start))
			w.mu.Unlock()
			if err := sleep(ctx, connecting); err != nil {
				return nil, err
			}
			ours, theirs := net.Pipe()
			accepted <- theirs
			return ours, nil
		},
	}
	w.client, err = New(Config{
		Account: "test", BaseURL: &url.URL{Scheme: "http", Host: "example.amocrm.ru"}, Generation: V2,
		Auth: BearerToken("t"), Transport: w.transport, Limiter: w.limiter,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.client.Close()
		w.limiter.Close()
		w.transport.CloseIdleConnections()
		_ = served.Close()
		wg.Wait()
	})
	return w
}

// pipes is a listener of connections inside the process.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// send sends a read.
func (w *farUpstream) send(ctx context.Context) error {
	_, err := w.client.send(ctx, request{call: v2.AccountCall(), class: limit.Interactive, decode: func(driver.Response) error { return nil }})
	return err
}

func TestDeparture_connectsAheadOfTheSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFarUpstream(t, 100*time.Millisecond, 5)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if err := w.send(t.Context()); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		// The slot of the first has passed when its connection is there; it takes
		// another one.
		want := []time.Duration{200, 400, 600, 800, 1000}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if !slices.Equal(w.arrivals, want) {
			t.Errorf("requests came at %v, want %v", w.arrivals, want)
		}
		if !slices.Equal(w.dials, make([]time.Duration, 5)) {
			t.Errorf("connections were begun at %v, want all at once", w.dials)
		}
	})
}

func TestDeparture_keepsAConnectionThatCameTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFarUpstream(t, 2*time.Second, 5)
		if err := w.send(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(w.arrivals, []time.Duration{2 * time.Second}) || len(w.dials) != 1 {
			t.Errorf("requests at %v over %d connections, want one after 2s over the first", w.arrivals, len(w.dials))
		}
	})
}

func TestDeparture_nothingLeavesWhenTheAccountIsClosedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFarUpstream(t, 500*time.Millisecond, 5)
		ticket, err := w.limiter.Wait(t.Context(), limit.Request{Class: limit.Interactive})
		if err != nil {
			t.Fatal(err)
		}
		if ready, err := ticket.Ready(t.Context()); !ready || err != nil {
			t.Fatal(ready, err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			call := v2.AccountCall()
			call.Method, call.Effect, call.Body = http.MethodPost, driver.Create, []byte("{}")
			_, err := w.client.send(t.Context(), request{call: call, class: limit.Interactive, decode: func(driver.Response) error { return nil }})
			if e := asError(err); e.Kind != KindBlocked || e.RetryAfter != defaults.BlockProbe-250*time.Millisecond {
				t.Errorf("got %v with RetryAfter %v, want KindBlocked: it was not sent", err, e.RetryAfter)
			}
		})
		time.Sleep(250 * time.Millisecond)
		ticket.Observe(t.Context(), limit.Banned, 0)
		ticket.Done()
		wg.Wait()
		if len(w.arrivals) != 0 {
			t.Errorf("%d requests came, want none", len(w.arrivals))
		}
		if s, err := w.limiter.Status(t.Context()); err != nil || s.InFlight != 0 {
			t.Errorf("%d tickets in use, %v", s.InFlight, err)
		}
	})
}

func TestDeparture_callerThatLeavesWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFarUpstream(t, 10*time.Millisecond, 1)
		if err := w.send(t.Context()); err != nil { // a little late, in the first slot
			t.Fatal(err)
		}
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(500*time.Millisecond, func() { cancel(gone) })
		if err := w.send(ctx); !IsKind(err, KindCancelled) || !errors.Is(err, gone) {
			t.Errorf("got %v, want KindCancelled with its cause", err)
		}
		// Its slot is not lost.
		if err := w.send(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []time.Duration{10 * time.Millisecond, time.Second}; !slices.Equal(w.arrivals, want) {
			t.Errorf("requests came at %v, want %v", w.arrivals, want)
		}
	})
}

// A request whose connection is there gets its ticket right before its slot, so that
// tickets that wait keep nobody from theirs.
func TestDeparture_takesNoTicketLongBeforeItsSlotWhenItIsConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFarUpstream(t, 100*time.Millisecond, 1)
		w.transport.MaxIdleConnsPerHost = 1
		for range 15 {
			if err := w.send(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := w.send(t.Context()); err != nil {
				t.Error(err)
			}
		})
		for before, want := range map[time.Duration]int{100 * time.Millisecond: 0, 2 * time.Millisecond: 1} {
			time.AfterFunc(time.Second-before, func() {
				if s, err := w.limiter.Status(t.Context()); err != nil || s.InFlight != want {
					t.Errorf("%s before the slot %d tickets are in use, %v, want %d", before, s.InFlight, err, want)
				}
			})
		}
		wg.Wait()
		if len(w.dials) != 1 {
			t.Errorf("%d connections, want 1", len(w.dials))
		}
	})
}

func TestConnecting_isWhatConnectionsTookOfLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c connecting
		check := func(want time.Duration) {
			t.Helper()
			if got := c.lead(time.Second); got != want {
				t.Errorf("a lead of %s, want %s", got, want)
			}
		}
		check(time.Second)
		c.note(100 * time.Millisecond)
		check(200 * time.Millisecond)
		c.note(0)
		check(150 * time.Millisecond)
		for range 20 {
			c.note(0)
		}
		check(connectFloor)
		c.note(5 * time.Second)
		check(time.Second)
		c.note(0)
		time.Sleep(connectRest + 1)
		check(time.Second)
	})
}
