package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// departures is a ResponseWriter that notes what leaves when.
type departures struct {
	header  http.Header
	begun   time.Time
	waiting int
	left    []departure
	err     error
	// deadline is that of writes, writes how long each of them had.
	deadline time.Time
	writes   []time.Duration
}

type departure struct {
	after time.Duration
	bytes int
}

func (d *departures) Header() http.Header { return d.header }
func (d *departures) WriteHeader(int)     {}

func (d *departures) Write(b []byte) (int, error) {
	d.waiting += len(b)
	d.writes = append(d.writes, time.Until(d.deadline))
	return len(b), d.err
}

func (d *departures) SetWriteDeadline(deadline time.Time) error {
	d.deadline = deadline
	return nil
}

func (d *departures) FlushError() error {
	d.left = append(d.left, departure{time.Since(d.begun), d.waiting})
	d.waiting = 0
	return nil
}

// send writes rows of the given size, each after a pause, and returns what left
// when until the end of the list.
func send(t *testing.T, size int, pauses ...time.Duration) []departure {
	t.Helper()
	d := &departures{header: http.Header{}, begun: time.Now()}
	w := &response{ResponseWriter: d, stall: time.Minute}
	if err := w.FlushError(); err != nil {
		t.Fatal(err)
	}
	for _, pause := range pauses {
		time.Sleep(pause)
		if _, err := w.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if err := w.FlushError(); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Millisecond)
	w.finish()
	return d.left
}

func TestResponse_sendsRowsTogether(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		size   int
		pauses []time.Duration
		want   []departure
	}{
		"headers and the first row at once": {100, []time.Duration{0}, []departure{{0, 0}, {0, 100}}},
		"rows after a pause at once":        {100, []time.Duration{0, 5 * ms, 9 * ms}, []departure{{0, 0}, {0, 100}, {5 * ms, 100}, {14 * ms, 100}}},
		"rows that come fast, in 5 ms":      {100, []time.Duration{0, 1 * ms, 1 * ms, 1 * ms, 7 * ms}, []departure{{0, 0}, {0, 100}, {5 * ms, 300}, {10 * ms, 100}}},
		"the rest at the end":               {100, []time.Duration{0, 1 * ms, 1 * ms}, []departure{{0, 0}, {0, 100}, {3 * ms, 200}}},
		"a piece that is full":              {16 << 10, []time.Duration{0, 1 * ms, 1 * ms}, []departure{{0, 0}, {0, 16 << 10}, {2 * ms, 32 << 10}}},
		"a row of many pieces":              {100 << 10, []time.Duration{0}, []departure{{0, 0}, {0, 100 << 10}}},
		"a list without rows":               {0, nil, []departure{{0, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := send(t, c.size, c.pauses...)
				if len(got) != len(c.want) {
					t.Fatalf("left %v, want %v", got, c.want)
				}
				for i := range got {
					if got[i] != c.want[i] {
						t.Errorf("left %v, want %v", got, c.want)
					}
				}
			})
		})
	}
}

// What a timer could not send is told with the next row.
func TestResponse_tellsOfAFailureInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &departures{header: http.Header{}}
		w := &response{ResponseWriter: d, stall: time.Minute}
		defer w.finish()
		write := func() error {
			_, err := w.Write([]byte("row"))
			return errors.Join(err, w.FlushError())
		}
		if err := errors.Join(w.FlushError(), write()); err != nil {
			t.Fatal(err)
		}
		d.err = errors.New("gone")
		if err := write(); err != nil {
			t.Fatalf("a row that waits = %v, want no error yet", err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if err := write(); !errors.Is(err, d.err) {
			t.Errorf("the next row = %v, want %v", err, d.err)
		}
	})
}

// stalledClient asks for a list and reads nothing of it.
func stalledClient(t *testing.T, srv *httptest.Server) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "GET /v1/customers:stream HTTP/1.1\r\nHost: amogate\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

func TestGateway_cutsAClientThatTakesNothing(t *testing.T) {
	ended := make(chan error, 1)
	row := customerRow(1, strings.Repeat("t", 60<<10))
	f := &fakeServer{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
		for {
			if err := s.Send(row); err != nil {
				ended <- s.Context().Err()
				return err
			}
		}
	}}
	srv := httptest.NewServer(newHandler(t, f, Options{Stall: 50 * time.Millisecond}))
	defer srv.Close()
	stalledClient(t, srv)
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the list ended with %v, want it cancelled", err)
	}
}

// A list that has nothing to send for longer than a stall is none.
func TestResponse_hasADeadlineOnlyWhileItWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &departures{header: http.Header{}}
		w := &response{ResponseWriter: d, stall: time.Minute}
		if err := w.FlushError(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := w.Write(make([]byte, 2*pieceBytes)); err != nil {
				t.Fatal(err)
			}
			if err := w.FlushError(); err != nil {
				t.Fatal(err)
			}
			if !d.deadline.IsZero() {
				t.Errorf("the deadline is %v between rows, want none", d.deadline)
			}
			time.Sleep(time.Hour)
		}
		if len(d.writes) != 4 {
			t.Fatalf("%d writes, want 4 pieces", len(d.writes))
		}
		for i, left := range d.writes {
			if left != time.Minute {
				t.Errorf("write %d had %v, want a minute", i, left)
			}
		}
		w.finish()
		if got := time.Until(d.deadline); got != time.Minute {
			t.Errorf("what follows the handler has %v, want a minute", got)
		}
	})
}
