package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/amogate/amogate/emulator"
)

// watch is a transport that notes how long each request lasted, with its body.
type watch struct {
	next http.RoundTripper

	mu sync.Mutex
	// lasted are the requests that ended, in their order.
	lasted []time.Duration
}

func (w *watch) inFront(next http.RoundTripper) http.RoundTripper {
	w.next = next
	return w
}

// RoundTrip implements http.RoundTripper.
func (w *watch) RoundTrip(r *http.Request) (*http.Response, error) {
	begun := time.Now()
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		w.note(begun)
		return nil, err
	}
	resp.Body = &watchedBody{ReadCloser: resp.Body, ended: sync.OnceFunc(func() { w.note(begun) })}
	return resp, nil
}

func (w *watch) note(begun time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lasted = append(w.lasted, time.Since(begun))
}

// take returns the requests that have ended since the last call.
func (w *watch) take() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	lasted := w.lasted
	w.lasted = nil
	return lasted
}

// watchedBody is a body whose end is noted.
type watchedBody struct {
	io.ReadCloser
	ended func()
}

// Close implements io.Closer.
func (b *watchedBody) Close() error {
	b.ended()
	return b.ReadCloser.Close()
}

// slowAnswer has upstream answer much later than callers want to know.
func slowAnswer(ctx context.Context, bound time.Duration) (string, error) {
	const deadline, late = 5 * time.Second, 25 * time.Second
	requests := &watch{}
	config := bubbleConfig{stackConfig: stackConfig{transport: requests.inFront, unaryTimeout: deadline}}
	return onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		if _, err := s.firstPage(ctx); err != nil {
			return "", err
		}
		if err := s.script(emulator.Rule{Match: emulator.Match{Operation: api.list}, Action: emulator.Action{Delay: late}}); err != nil {
			return "", err
		}
		requests.take()
		want := failure{code: codes.DeadlineExceeded, reason: "DEADLINE_EXCEEDED"}
		var slowest time.Duration
		for name, call := range map[string]func() error{
			"caller's deadline": func() error {
				short, cancel := context.WithTimeout(ctx, deadline)
				defer cancel()
				_, err := s.firstPage(short)
				return failureOf(err).want(want.code, want.reason)
			},
			"server's deadline": func() error {
				_, err := s.firstPage(ctx)
				return failureOf(err).want(want.code, want.reason)
			},
			"over REST": func() error {
				return s.wantREST(ctx, http.MethodGet, "/v1/customers", "", http.StatusGatewayTimeout, want)
			},
		} {
			begun := time.Now()
			if err := call(); err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
			took := time.Since(begun)
			if took > bound {
				return "", fmt.Errorf("%s: ended after %s", name, took)
			}
			slowest = max(slowest, took)
			// The request may end a moment behind the call.
			time.Sleep(time.Millisecond)
			lasted := requests.take()
			if len(lasted) != 1 || lasted[0] > bound {
				return "", fmt.Errorf("%s: requests lasted %v, want one of at most %s", name, lasted, bound)
			}
		}
		return fmt.Sprintf("ended after at most %s", slowest), nil
	})
}

// slowConnection is slowAnswer over sockets: upstream sees its connection end.
func slowConnection(ctx context.Context, bound time.Duration) (string, error) {
	const deadline = 250 * time.Millisecond
	upstream := newHold(func(r *http.Request) bool { return r.URL.Query().Has("limit_rows") || r.URL.Query().Has("limit") })
	return onBoth(ctx, stackConfig{upstream: upstream.inFront}, func(s *stack, _ upstreamAPI) (string, error) {
		// On a busy machine the deadline may come before upstream is asked.
		var begun time.Time
		for asked := false; !asked; {
			begun = time.Now()
			short, cancel := context.WithTimeout(ctx, deadline)
			_, err := s.firstPage(short)
			cancel()
			// Nor need the answer that tells of it come before the caller's own.
			if status.Code(err) != codes.DeadlineExceeded {
				return "", fmt.Errorf("got %w, want %s", err, codes.DeadlineExceeded)
			}
			soon, stop := context.WithTimeout(ctx, time.Second)
			_, err = await(soon, upstream.arrived, "upstream was not asked")
			stop()
			if ctx.Err() != nil {
				return "", err
			}
			asked = err == nil
		}
		left, err := await(ctx, upstream.left, "upstream's connection stays")
		if err != nil {
			return "", err
		}
		took := left.Sub(begun)
		if took > deadline+bound {
			return "", fmt.Errorf("the connection was closed after %s, the deadline was %s", round(took), deadline)
		}
		return fmt.Sprintf("connection closed after %s with a deadline of %s", round(took), deadline), nil
	})
}

// dripping has the bodies of upstream come a byte a second.
func dripping(ctx context.Context, attempt time.Duration) (string, error) {
	const deadline = 5 * time.Minute
	requests := &watch{}
	config := bubbleConfig{stackConfig: stackConfig{transport: requests.inFront, unaryTimeout: deadline}}
	return onBothInBubble(ctx, config, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		if _, err := s.firstPage(ctx); err != nil {
			return "", err
		}
		drip := func(times int) error {
			return s.script(emulator.Rule{
				Match:  emulator.Match{Operation: api.list, To: times},
				Action: emulator.Action{Drip: &emulator.Drip{Bytes: 1, Every: time.Second}},
			})
		}
		if err := drip(1); err != nil {
			return "", err
		}
		requests.take()
		if _, err := s.firstPage(ctx); err != nil {
			return "", fmt.Errorf("one slow answer: %w", err)
		}
		if lasted := requests.take(); len(lasted) != 2 || lasted[0] != attempt {
			return "", fmt.Errorf("one slow answer: requests lasted %v, want %s and less", lasted, attempt)
		}
		if err := drip(0); err != nil {
			return "", err
		}
		_, err := s.firstPage(ctx)
		if err := failureOf(err).want(codes.Unavailable, "UPSTREAM_BAD_RESPONSE"); err != nil {
			return "", fmt.Errorf("every answer slow: %w", err)
		}
		lasted := requests.take()
		for _, l := range lasted {
			if l != attempt {
				return "", fmt.Errorf("every answer slow: requests lasted %v, want %s each", lasted, attempt)
			}
		}
		if len(lasted) > outageTries {
			return "", fmt.Errorf("every answer slow: %d requests", len(lasted))
		}
		short, cancel := context.WithTimeout(ctx, attempt/2)
		defer cancel()
		begun := time.Now()
		_, err = s.firstPage(short)
		if err := failureOf(err).want(codes.DeadlineExceeded, "DEADLINE_EXCEEDED"); err != nil {
			return "", fmt.Errorf("a deadline before the end of the attempt: %w", err)
		}
		took := time.Since(begun)
		if took > attempt/2 {
			return "", fmt.Errorf("a deadline before the end of the attempt: ended after %s", took)
		}
		return fmt.Sprintf("%d requests of %s; with a deadline of %s ended after %s", len(lasted), attempt, attempt/2, took), nil
	})
}
