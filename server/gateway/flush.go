package gateway

import (
	"net/http"
	"sync"
	"time"
)

const (
	// pieceBytes is the most that is written at once, and what the rows of a list
	// are gathered to.
	pieceBytes = 32 << 10
	// flushDelay is how long a row waits at most for others to leave with it: a
	// chunk and a system call for each row cost more than the row.
	flushDelay = 5 * time.Millisecond
	// defaultStall is Options.Stall by default.
	defaultStall = 60 * time.Second
)

// response is the ResponseWriter of one request. It knows whether the header
// has left, gathers the rows of a list, and gives up a client that takes
// nothing. Until finish it is used by one goroutine.
type response struct {
	http.ResponseWriter

	stall   time.Duration
	started bool
	// rows is set from the headers of a list on.
	rows *rows
}

// WriteHeader implements [http.ResponseWriter]. A second call does nothing: the
// runtime sets a status for an error in mid-stream, when it is too late.
func (w *response) WriteHeader(status int) {
	if w.started {
		return
	}
	w.started = true
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *response) Write(b []byte) (int, error) {
	w.started = true
	if w.rows != nil {
		return w.rows.Write(b)
	}
	return w.send(b)
}

// FlushError is what [http.ResponseController] calls. Only lists flush: first
// their headers, which leave at once, then every row.
func (w *response) FlushError() error {
	w.started = true
	if w.rows != nil {
		return w.rows.flush()
	}
	w.rows = &rows{out: w}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets [http.ResponseController] reach deadlines.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// send writes b in pieces, for each of which the client has the time of a stall.
// Outside of a write there is no deadline: a list may wait for its next row.
func (w *response) send(b []byte) (int, error) {
	written := 0
	for {
		w.deadline(time.Now().Add(w.stall))
		n, err := w.ResponseWriter.Write(b[written:min(len(b), written+pieceBytes)])
		written += n
		if err != nil {
			return written, err
		}
		if written == len(b) {
			break
		}
	}
	if w.rows == nil {
		return written, nil
	}
	err := http.NewResponseController(w.ResponseWriter).Flush()
	w.deadline(time.Time{})
	return written, err
}

// finish sends what is left. The deadline stays for what net/http writes after
// the handler; it has none of its own.
func (w *response) finish() {
	if w.rows != nil {
		w.rows.finish()
	}
	w.deadline(time.Now().Add(w.stall))
}

// deadline sets the deadline of writes.
func (w *response) deadline(t time.Time) {
	// The recorders of tests have none, and of a connection that is gone the
	// write tells.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}

// rows gathers the rows of a list. They leave when they make a piece, and a row
// that none follows soon no later than flushDelay after it came. A row that
// comes after a pause leaves at once.
type rows struct {
	out *response

	mu  sync.Mutex
	buf []byte
	// left is when rows left last.
	left time.Time
	// later sends what waits; nil = nothing does.
	later *time.Timer
	// err is why rows cannot be sent any more.
	err      error
	finished bool
}

// Write implements io.Writer.
func (r *rows) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0, r.err
	}
	r.buf = append(r.buf, b...)
	return len(b), nil
}

// flush is called after each row.
func (r *rows) flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	pause := time.Since(r.left)
	switch {
	case len(r.buf) >= pieceBytes || pause >= flushDelay:
		r.send()
	case r.later == nil:
		r.later = time.AfterFunc(flushDelay-pause, r.flushLate)
	}
	return r.err
}

// flushLate sends the rows that waited for others.
func (r *rows) flushLate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.finished {
		r.send()
	}
}

// finish sends what is left; nothing is written after it.
func (r *rows) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finished = true
	r.send()
}

// send sends what is there.
func (r *rows) send() {
	if r.later != nil {
		r.later.Stop()
		r.later = nil
	}
	if len(r.buf) == 0 || r.err != nil {
		return
	}
	waiting := r.buf
	r.buf = r.buf[:0]
	_, r.err = r.out.send(waiting)
	r.left = time.Now()
}
