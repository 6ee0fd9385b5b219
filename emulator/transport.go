package emulator

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ServeHTTP answers one request. A fault that breaks the connection panics with http.ErrAbortHandler, which net/http
// turns into a closed connection.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer e.enter(r)()
	rep := e.answer(r)
	if err := wait(r.Context(), rep.delay); err != nil {
		e.cancelled()
		return
	}
	if rep.drop {
		rep.abort(w)
		return
	}
	maps.Copy(w.Header(), rep.header)
	if rep.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(rep.body)))
	}
	if rep.header.Get("Content-Type") == "" {
		w.Header()["Content-Type"] = nil // net/http must not guess one
	}
	w.WriteHeader(rep.status)
	flush := http.NewResponseController(w).Flush
	if rep.cut >= 0 && flush() != nil { // the head arrives, however little of the body does
		e.cancelled()
		return
	}
	body := rep.reader(r.Context())
	piece := make([]byte, 32<<10)
	for {
		n, err := body.Read(piece)
		if n > 0 {
			if _, err := w.Write(piece[:n]); err != nil {
				e.cancelled()
				return
			}
			if rep.drip.bytes > 0 || rep.cut >= 0 {
				if err := flush(); err != nil {
					e.cancelled()
					return
				}
			}
		}
		switch {
		case err == nil:
		case err == io.EOF: //nolint:errorlint // io.Reader's own contract: EOF comes unwrapped.
			return
		case r.Context().Err() != nil:
			e.cancelled()
			return
		default:
			rep.abort(w)
			return
		}
	}
}

// abort breaks the connection.
func (r *reply) abort(w http.ResponseWriter) {
	if !r.reset {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2 has but streams to reset, and does so
		panic(http.ErrAbortHandler)
	}
	inner := conn
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS would say goodbye
		inner = wrapped.NetConn()
	}
	if tcp, ok := inner.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // where that fails the connection is closed, which breaks it too
	}
	_ = inner.Close() // nothing is left to be told
}

// Transport returns a round tripper that answers without sockets. It starts no goroutine: latency passes inside
// RoundTrip, the pieces of a dripping body inside Read, so it can be used in a testing/synctest bubble. A request whose
// context ends meanwhile fails with the context's error; what it asked for has been done all the same. Like a wire, it
// does not decompress: only a caller that asks for gzip gets it.
func (e *Emulator) Transport() http.RoundTripper { return &transport{e} }

type transport struct{ e *Emulator }

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }() // a request body is read here to its end; its Close has nothing to tell
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	defer t.e.enter(r)()
	rep := t.e.answer(r)
	if err := wait(r.Context(), rep.delay); err != nil {
		t.e.cancelled()
		return nil, err
	}
	if rep.drop {
		return nil, resetError()
	}
	if rep.status != http.StatusNoContent {
		rep.header.Set("Content-Length", strconv.Itoa(len(rep.body)))
	}
	reader := rep.reader(r.Context())
	reader.left = t.e.cancelled
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", rep.status, http.StatusText(rep.status)),
		StatusCode:    rep.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        rep.header,
		Body:          reader,
		ContentLength: int64(len(rep.body)),
		Request:       r,
	}, nil
}

func resetError() error {
	return &net.OpError{Op: "read", Net: "emulator", Err: syscall.ECONNRESET}
}

// enter counts a request in flight; the result ends it.
func (e *Emulator) enter(r *http.Request) func() {
	if path, ok := e.trimBase(r.URL.Path); !ok || strings.HasPrefix(path, adminPrefix) {
		return func() {}
	}
	e.counters.change(func(s *Stats) {
		s.InFlight++
		s.InFlightMax = max(s.InFlightMax, s.InFlight)
	})
	return func() { e.counters.change(func(s *Stats) { s.InFlight-- }) }
}

func (e *Emulator) cancelled() { e.counters.change(func(s *Stats) { s.Cancelled++ }) }

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// bodyReader delivers a body as the reply says: at once or in pieces, whole or cut.
type bodyReader struct {
	rest  []byte
	drip  drip
	short error                     // that ends a rest which is not all there was to come
	sleep func(time.Duration) error // ends early with the request's context
	err   func() error              // the request's context
	left  func()                    // called once when the caller left before the end
}

func (r *reply) reader(ctx context.Context) *bodyReader {
	b := &bodyReader{
		rest:  r.body,
		drip:  r.drip,
		sleep: func(d time.Duration) error { return wait(ctx, d) },
		err:   ctx.Err,
		left:  func() {},
	}
	if r.cut >= 0 && r.cut < len(r.body) {
		b.rest, b.short = r.body[:r.cut], io.ErrUnexpectedEOF
		if r.reset {
			b.short = resetError()
		}
	}
	return b
}

// Read implements io.Reader.
func (b *bodyReader) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		if b.short != nil {
			return 0, b.short
		}
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	piece := len(b.rest)
	err := b.err()
	if b.drip.bytes > 0 && err == nil {
		piece = min(piece, b.drip.bytes)
		err = b.sleep(b.drip.every)
	}
	if err != nil {
		b.leave()
		return 0, err
	}
	n := copy(p, b.rest[:piece])
	b.rest = b.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (b *bodyReader) Close() error {
	b.rest, b.short = nil, nil
	return nil
}

func (b *bodyReader) leave() {
	if b.left != nil {
		b.left()
		b.left = nil
	}
}
