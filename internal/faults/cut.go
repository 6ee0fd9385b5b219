package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/emulator"
)

// reset is an upstream that resets the connection in the middle of a body.
type reset struct {
	next http.Handler
	// left is how many of the requests for pages it still resets, seen how many
	// there were.
	left, seen atomic.Int64
}

func (r *reset) inFront(next http.Handler) http.Handler {
	r.next = next
	return r
}

// ServeHTTP implements http.Handler.
func (r *reset) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if !isPage(req) {
		r.next.ServeHTTP(w, req)
		return
	}
	r.seen.Add(1)
	if r.left.Add(-1) < 0 {
		r.next.ServeHTTP(w, req)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return // the row sees an answer that it does not want
	}
	// Without lingering a close is a reset.
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/hal+json\r\nContent-Length: 5000\r\n\r\n" + `{"_embedded":{"items":[`)
	_ = buffered.Flush()
	_ = conn.Close()
}

// isPage tells requests for a page of a list.
func isPage(r *http.Request) bool {
	query := r.URL.Query()
	return r.Method == http.MethodGet && (query.Has("limit_rows") || query.Has("limit"))
}

// resetInBody has upstream reset connections in the middle of answers.
func resetInBody(ctx context.Context, tries int64) (string, error) {
	var upstream *reset
	config := stackConfig{upstream: func(next http.Handler) http.Handler {
		upstream = &reset{}
		return upstream.inFront(next)
	}}
	return onBoth(ctx, config, func(s *stack, _ upstreamAPI) (string, error) {
		upstream.left.Store(1)
		if _, err := s.firstPage(ctx); err != nil {
			return "", fmt.Errorf("one reset: %w", err)
		}
		if seen := upstream.seen.Swap(0); seen != 2 {
			return "", fmt.Errorf("one reset: %d requests", seen)
		}
		upstream.left.Store(1000)
		_, err := s.firstPage(ctx)
		if err := failureOf(err).want(codes.Unavailable, "UPSTREAM_BAD_RESPONSE"); err != nil {
			return "", fmt.Errorf("resets only: %w", err)
		}
		seen := upstream.seen.Load()
		if seen > tries {
			return "", fmt.Errorf("resets only: %d requests, want at most %d", seen, tries)
		}
		return fmt.Sprintf("OK in 2 requests, given up after %d", seen), nil
	})
}

// cutShort are the ways in which an answer can end too early: the connection
// breaks, or the server ends a document in its middle and calls it whole.
func cutShort() []emulator.Action {
	some := 40
	return []emulator.Action{{Cut: &some}, {Body: `{"_embedded":{"items":[{"id":5,"na`}, {Garbled: true}}
}

// truncated has upstream answer reads with half a document.
func truncated(ctx context.Context, tries int64) (string, error) {
	var measured []string
	for i, action := range cutShort() {
		text, err := onBothInBubble(ctx, bubbleConfig{}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
			return s.unreadable(ctx, api, action, tries)
		})
		if err != nil {
			return "", fmt.Errorf("answer %d: %w", i, err)
		}
		measured = append(measured, text)
	}
	return strings.Join(measured, "; "), nil
}

// unreadable has upstream answer the first page of a list with what is no data,
// once and then always.
func (s *bubbleStack) unreadable(ctx context.Context, api upstreamAPI, action emulator.Action, tries int64) (string, error) {
	if _, err := s.firstPage(ctx); err != nil {
		return "", err
	}
	asked := func(times int) (int64, error) {
		if err := s.script(emulator.Rule{Match: emulator.Match{Operation: api.list, To: times}, Action: action}); err != nil {
			return 0, err
		}
		before := s.requests(api.list)
		rows, err := s.firstPage(ctx)
		if err == nil && len(rows) == 0 {
			err = errors.New("the answer was taken for an empty list")
		}
		return s.requests(api.list) - before, err
	}
	if _, err := asked(1); err != nil {
		return "", fmt.Errorf("once: %w", err)
	}
	took, err := asked(0)
	want := failure{code: codes.Unavailable, reason: "UPSTREAM_BAD_RESPONSE"}
	if err := failureOf(err).want(want.code, want.reason); err != nil {
		return "", fmt.Errorf("always: %w", err)
	}
	if took > tries {
		return "", fmt.Errorf("always: %d requests, want at most %d", took, tries)
	}
	if err := s.wantREST(ctx, http.MethodGet, "/v1/customers", "", http.StatusServiceUnavailable, want); err != nil {
		return "", err
	}
	return fmt.Sprintf("given up after %d requests", took), nil
}

// pageForData has upstream answer reads with a page of its web server.
func pageForData(ctx context.Context, tries int64) (string, error) {
	return onBothInBubble(ctx, bubbleConfig{}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		return s.unreadable(ctx, api, emulator.Action{HTML: true}, tries)
	})
}
