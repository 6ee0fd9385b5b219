package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/server"
)

// hold is an upstream that does not answer some requests.
type hold struct {
	next http.Handler
	// holds says whether a request waits until its caller leaves.
	holds func(*http.Request) bool
	// arrived and left tell of every request that waits.
	arrived chan struct{}
	left    chan time.Time
	// seen counts all requests.
	seen atomic.Int64
}

func newHold(holds func(*http.Request) bool) *hold {
	// More room than any row has requests: upstream must not wait for the row.
	return &hold{holds: holds, arrived: make(chan struct{}, 64), left: make(chan time.Time, 64)}
}

func (h *hold) inFront(next http.Handler) http.Handler {
	h.next = next
	return h
}

// ServeHTTP implements http.Handler.
func (h *hold) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.seen.Add(1)
	if !h.holds(r) {
		h.next.ServeHTTP(w, r)
		return
	}
	h.arrived <- struct{}{}
	<-r.Context().Done()
	h.left <- time.Now()
}

// await returns what a channel brings, or an error when ctx ends first.
func await[T any](ctx context.Context, c <-chan T, what string) (T, error) {
	select {
	case v := <-c:
		return v, nil
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("%s: %w", what, ctx.Err())
	}
}

// withoutFilters makes lists over API v4 go by pages instead of windows.
func withoutFilters(c *emulator.Config) { c.FiltersOff = true }

// cancelInStream cancels streams that wait for upstream, over gRPC and REST,
// and then streams that wait for a slot of the limiter.
func cancelInStream(ctx context.Context, bound time.Duration) (string, error) {
	const (
		rate     = 4
		interval = time.Second / rate
		queued   = 8
	)
	upstream := newHold(func(r *http.Request) bool { return r.URL.Query().Get("page") == "2" })
	return onStack(ctx, stackConfig{upstream: upstream.inFront, rate: rate, emulated: withoutFilters}, func(s *stack) (string, error) {
		id, err := s.firstID(ctx)
		if err != nil {
			return "", err
		}
		var slowest time.Duration
		for transport, open := range map[string]func(context.Context) error{"gRPC": s.openStream, "REST": s.openRESTStream} {
			callCtx, cancel := context.WithCancel(ctx)
			err := open(callCtx)
			if err == nil {
				_, err = await(ctx, upstream.arrived, "upstream was not asked for the second page")
			}
			begun := time.Now()
			cancel()
			if err != nil {
				return "", fmt.Errorf("%s: %w", transport, err)
			}
			left, err := await(ctx, upstream.left, "upstream's request goes on")
			if err != nil {
				return "", fmt.Errorf("%s: %w", transport, err)
			}
			took := left.Sub(begun)
			if took > bound {
				return "", fmt.Errorf("%s: upstream was left %s after the cancel", transport, round(took))
			}
			slowest = max(slowest, took)
		}

		callCtx, cancel := context.WithCancel(ctx)
		defer cancel()
		seen := upstream.seen.Load()
		for range queued {
			stream, err := s.customers.ListCustomers(callCtx, &amogatev1.ListCustomersRequest{})
			if err != nil {
				return "", fmt.Errorf("list: %w", err)
			}
			// From its header on a list waits for its slot.
			if _, err := stream.Header(); err != nil {
				return "", fmt.Errorf("list: %w", err)
			}
		}
		cancel()
		begun := time.Now()
		if _, err := s.customers.GetCustomer(ctx, &amogatev1.GetCustomerRequest{Id: id}); err != nil {
			return "", fmt.Errorf("the call after the cancel: %w", err)
		}
		took := time.Since(begun)
		// Some slots may have been used just before the cancels arrived; all of them
		// would take longer.
		if took > queued*3/4*interval {
			return "", fmt.Errorf("the call after %d cancelled ones took %s: they kept their slots", queued, round(took))
		}
		if asked := upstream.seen.Load() - seen; asked > queued/2 {
			return "", fmt.Errorf("%d requests went upstream for %d cancelled calls: they did not wait for slots", asked, queued)
		}
		return fmt.Sprintf("left after %s; the call after %d cancelled ones took %s at %d requests a second", round(slowest), queued, round(took), rate), nil
	})
}

// openStream starts a list and takes its first row.
func (s *stack) openStream(ctx context.Context) error {
	stream, err := s.customers.ListCustomers(ctx, &amogatev1.ListCustomersRequest{})
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	if _, err := stream.Recv(); err != nil {
		return fmt.Errorf("list: %w", err)
	}
	return nil
}

// openRESTStream starts a list and takes its first byte.
func (s *stack) openRESTStream(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.rest+"/v1/customers:stream", nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	resp, err := http.DefaultClient.Do(req) //nolint:bodyclose // the cancel of ctx closes it
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("list: %w", err)
	}
	return nil
}

// noDeadline makes calls without a deadline while upstream does not answer.
func noDeadline(ctx context.Context, standard time.Duration) (string, error) {
	const (
		shortened = 300 * time.Millisecond
		// late is the most a busy machine may add.
		late = 5 * time.Second
	)
	if server.DefaultUnaryTimeout != standard {
		return "", fmt.Errorf("the default is %s, not %s", server.DefaultUnaryTimeout, standard)
	}
	upstream := newHold(func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/v4/customers")
	})
	return onStack(ctx, stackConfig{upstream: upstream.inFront, unaryTimeout: shortened}, func(s *stack) (string, error) {
		// The row's own deadline must not reach the server.
		free, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()

		begun := time.Now()
		_, err := s.customers.GetCustomer(free, &amogatev1.GetCustomerRequest{Id: 1})
		took := time.Since(begun)
		if err := failureOf(err).want(codes.DeadlineExceeded, "DEADLINE_EXCEEDED"); err != nil {
			return "", fmt.Errorf("gRPC: %w", err)
		}
		if took < shortened || took > shortened+late {
			return "", fmt.Errorf("gRPC: ended after %s", round(took))
		}
		begun = time.Now()
		status, failed, err := restCall(free, http.MethodGet, s.rest+"/v1/customers/1", "", nil)
		tookREST := time.Since(begun)
		if err := errors.Join(err, failed.want(codes.DeadlineExceeded, "DEADLINE_EXCEEDED")); err != nil {
			return "", fmt.Errorf("REST: %w", err)
		}
		if status != http.StatusGatewayTimeout || tookREST < shortened || tookREST > shortened+late {
			return "", fmt.Errorf("REST: ended with status %d after %s", status, round(tookREST))
		}
		return fmt.Sprintf("default %s; shortened to %s it ended after %s over gRPC and %s over REST", standard, shortened, round(took), round(tookREST)), nil
	})
}
