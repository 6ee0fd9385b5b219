package amo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
)

// request is one Call and how to carry it out.
type request struct {
	call driver.Call
	// build, if set, makes the call when an attempt has its ticket, so that what
	// comes up to then goes along; until then call has its name and its effect. It
	// is called once: further attempts send the same.
	build func() (driver.Call, error)
	// foresee, if set, is told when the request will leave.
	foresee func(limit.Forecast)
	class   limit.Class
	// open sends without credentials.
	open bool
	// decode takes the complete answer, whatever its status, and returns the
	// *Error that it stands for. It may be called once an attempt.
	decode func(driver.Response) error
	// turn, if set, is held while an answer is unpacked and decoded: of several that
	// come at the same time one is, and the others take no more memory than they came
	// in.
	turn sync.Locker
	// mustWait, if set, says of an answer that was decoded that nobody waits for it.
	mustWait func() bool
	// keep lets the answer of a page that is not needed yet be kept as received:
	// see Client.open.
	keep bool
	// left, if set, is called when an attempt has its slot.
	left func()
	// root, if set, is asked in place of the account's host.
	root *url.URL
	// once is sent once, whatever comes of it.
	once bool
	// splittable requests are not repeated after a 504: the caller asks for less.
	splittable bool
	// extra requests ask for what the account may lack: being refused says nothing
	// of its subscription, nor of a ban.
	extra bool
	// reread requests are writes that are not repeated after a success that cannot
	// be read: the caller looks at what became of them.
	reread bool
}

// usage counts what a request cost.
type usage struct {
	requests, retries int64
	// ambiguous says that an attempt before the last may have been carried out.
	ambiguous bool
	// date is upstream's clock in the last answer; zero = it did not tell. The
	// request left and its answer came at these times by our clock.
	date, left, came time.Time
}

func (u *usage) add(other usage) {
	u.requests += other.requests
	u.retries += other.retries
	u.ambiguous = u.ambiguous || other.ambiguous
	u.date, u.left, u.came = other.date, other.left, other.came
}

// outcome is how one attempt ended.
type outcome struct {
	// mark of the credentials that were used.
	mark uint64
	// sent says that upstream may have received the request.
	sent bool
	// unready says that there are no credentials to send it with; what can be
	// tried again to get them was.
	unready bool
	// unbuilt says that there was nothing to send, or that it could not be said.
	unbuilt bool
	err     *Error
}

// attempt sends r once. The slot of the limiter is the last thing it waits for.
func (c *Client) attempt(ctx context.Context, s *sending) outcome {
	r, u := &s.request, &s.usage
	req, err := c.newHTTPRequest(ctx, cmp.Or(r.root, c.base.Load()))
	if err != nil {
		return outcome{err: &Error{Kind: KindBug, Message: "the request cannot be built", Err: err}}
	}
	var mark uint64
	if !r.open {
		if mark, err = c.credentials.apply(ctx, req); err != nil {
			return outcome{unready: true, err: asError(err)}
		}
		// While the credentials were made the account may have turned out to have
		// moved.
		root := c.base.Load()
		req.URL.Scheme, req.URL.Host, req.Host = root.Scheme, root.Host, root.Host
	}
	d := &departure{limiter: c.limiter, request: c.slotFor(ctx, r)}
	left := false
	d.leaves = func() {
		if left {
			return // on a connection that broke at once
		}
		left = true
		u.left = time.Now()
		u.requests++
		if u.requests == 1 {
			// What is tried again earns nothing: an outage would feed itself.
			c.retries.earn()
			c.config.Retries.earn()
		}
		if r.left != nil {
			r.left()
		}
	}
	defer d.end()
	waiting := ctx
	if r.build != nil {
		waiting = timeless{ctx} // those who come while it waits may have more time
	}
	if err := d.wait(waiting); err != nil {
		return outcome{mark: mark, err: asError(err)}
	}
	if r.build != nil {
		call, err := r.build()
		if err != nil {
			return outcome{mark: mark, unbuilt: true, err: asError(err)}
		}
		r.call, r.build = call, nil
	}
	describe(req, r.call)
	a, sent, err := c.roundTrip(ctx, req, r.call.Name, d)
	if err == nil {
		u.date, _ = http.ParseTime(a.Header.Get("Date"))
		u.came = time.Now()
	}
	var failure *Error
	switch {
	case err != nil:
		failure = asError(err)
	case r.keep && a.isKept():
		s.kept = a
	default:
		failure = s.read(a)
	}
	switch {
	case left && r.extra && failure != nil && refusesEvents(failure):
		_ = d.observe(ctx, nil)
	case left:
		failure = d.observe(ctx, failure)
	}
	return outcome{mark: mark, sent: sent, err: failure}
}

// read unpacks and decodes an answer.
func (s *sending) read(a *rawAnswer) *Error {
	if s.turn != nil {
		s.turn.Lock()
		defer s.turn.Unlock()
	}
	s.answer = a
	if err := a.unpack(); err != nil && a.Status != http.StatusTooManyRequests {
		return err // of a 429 the limiter has to hear, whatever became of its body
	}
	err := s.decode(a.Response)
	if err == nil {
		return nil
	}
	e := asError(err)
	e.Status = cmp.Or(e.Status, a.Status)
	return e
}

// slotFor returns what r asks the limiter for.
func (c *Client) slotFor(ctx context.Context, r *request) limit.Request {
	slot := limit.Request{Class: classOf(ctx, r.class), Write: r.call.Effect != driver.Read, Foresee: r.foresee}
	if c.connects {
		slot.Lead = c.connecting.lead(c.config.Settings.ConnectLead)
	}
	return slot
}

// newHTTPRequest returns a request to the account's host that says nothing yet.
func (c *Client) newHTTPRequest(ctx context.Context, root *url.URL) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, root.JoinPath("/").String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/hal+json, application/json")
	// Asked for by us, it is unpacked by us: when and as far as we want.
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("User-Agent", c.config.UserAgent)
	return req, nil
}

// describe makes req say what call describes.
func describe(req *http.Request, call driver.Call) {
	req.Method = call.Method
	req.URL = req.URL.JoinPath(call.Path)
	req.URL.RawQuery = call.Query.Encode()
	for key, values := range call.Header {
		req.Header[key] = slices.Clone(values)
	}
	if call.Body == nil {
		// net/http by itself repeats a GET whose connection broke, past the
		// limiter, but not one with a body that cannot be read again: this one is
		// empty, and nothing of it is sent.
		req.Body, req.GetBody, req.ContentLength = io.NopCloser(bytes.NewReader(nil)), nil, 0
		return
	}
	body := call.Body
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = req.GetBody() // it cannot fail
	req.ContentLength = int64(len(body))
	req.Header.Set("Content-Type", cmp.Or(call.ContentType, "application/json"))
}

// roundTrip sends req in the slot of d and reads the whole answer. It reports
// whether upstream may have received the request, which is certain not to be the
// case only when no connection came about or the slot was not to be had.
func (c *Client) roundTrip(ctx context.Context, req *http.Request, name string, d *departure) (*rawAnswer, bool, error) {
	attempt := c.begin(ctx, req.Method, name, d)
	defer attempt.end()
	if !c.connects {
		// Nothing tells when the connection is there.
		if err := attempt.leave(ctx); err != nil {
			attempt.finish(0)
			return nil, false, err
		}
	}
	resp, err := c.http.Do(req.WithContext(attempt.ctx))
	if err != nil {
		attempt.finish(0)
		if attempt.refused != nil {
			return nil, false, attempt.refused
		}
		return nil, !attempt.failed(), transportError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	c.noteClock(resp.Header) // before the body, which may take its time
	body, tooLarge, err := readBody(resp.Body, maxBody)
	attempt.finish(resp.StatusCode)
	c.noteSuccess(resp.StatusCode)
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		// Whatever became of its body, the limiter has to hear of it.
	case err != nil && ctx.Err() != nil:
		return nil, true, contextError(ctx)
	case err != nil:
		return nil, true, answerCut(resp.StatusCode, err)
	case tooLarge:
		return nil, true, answerTooLarge(resp.StatusCode)
	}
	return &rawAnswer{
		Response: driver.Response{URL: req.URL, Status: resp.StatusCode, Header: resp.Header},
		received: body, gzip: isGzip(resp.Header),
	}, true, nil
}

// transportError is the error of a request that got no answer.
func transportError(ctx context.Context, err error) *Error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // the URL shows what callers search for
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own // of the dialer
	}
	var (
		dns         *net.DNSError
		unknownCA   x509.UnknownAuthorityError
		invalid     x509.CertificateInvalidError
		hostname    x509.HostnameError
		verify      *tls.CertificateVerificationError
		recordError tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &dns):
		return &Error{Kind: KindDNS, Message: "the account's host name does not resolve", Err: err}
	case errors.As(err, &unknownCA), errors.As(err, &invalid), errors.As(err, &hostname), errors.As(err, &verify), errors.As(err, &recordError):
		return &Error{Kind: KindTLS, Message: "the account's host has no certificate that is trusted here", Err: err}
	}
	return &Error{Kind: KindUnavailable, Message: "upstream did not answer", Err: err}
}

// contextError is the error of a caller that went away or ran out of time.
func contextError(ctx context.Context) *Error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) {
		return &Error{Kind: KindDeadline, Message: "the deadline passed before upstream answered", Err: cause}
	}
	return &Error{Kind: KindCancelled, Message: "the call was cancelled", Err: cause}
}

// asError returns err as an *Error; codecs and credentials return nothing else.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: KindBug, Message: "an error without a kind", Err: err}
}
