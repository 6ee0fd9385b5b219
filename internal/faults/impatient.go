package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// impatient makes calls whose deadlines are before their slots: so many others
// wait before them.
func impatient(ctx context.Context, others int, bound time.Duration) (string, error) {
	const deadline = 500 * time.Millisecond
	want := failure{code: codes.ResourceExhausted, reason: "ACCOUNT_QUEUE_FULL"}
	return onBothInBubble(ctx, bubbleConfig{}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		if _, err := s.firstID(ctx); err != nil {
			return "", err
		}
		waiting, stop := context.WithCancel(ctx)
		var queue sync.WaitGroup
		defer queue.Wait()
		defer stop()
		for i := range others {
			queue.Go(func() {
				// It is asked for something of its own, so that nobody shares it.
				_, _ = s.customers.ListCustomersPage(waiting, &amogatev1.ListCustomersPageRequest{Filter: &amogatev1.CustomerFilter{Query: fmt.Sprint("other ", i)}})
			})
		}
		time.Sleep(time.Millisecond)
		before := s.requests(api.create)
		var longest time.Duration
		for name, call := range map[string]func(context.Context) error{
			"read": func(ctx context.Context) error { _, err := s.replicas[0].page(ctx); return err },
			"create": func(ctx context.Context) error {
				_, err := s.customers.CreateCustomer(ctx, newCustomers(1)[0])
				return err
			},
			"read over REST": func(ctx context.Context) error {
				return s.wantREST(ctx, http.MethodGet, "/v1/customers?page_size=1", "", http.StatusTooManyRequests, want)
			},
		} {
			short, cancel := context.WithTimeout(ctx, deadline)
			begun := time.Now()
			err := call(short)
			took := time.Since(begun)
			cancel()
			longest = max(longest, took)
			if name == "read over REST" {
				if err != nil {
					return "", err
				}
				continue
			}
			if err := failureOf(err).want(want.code, want.reason); err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
			if retryIn(err) <= 0 {
				return "", fmt.Errorf("%s: nobody told how long to wait", name)
			}
		}
		switch {
		case longest > bound:
			return "", fmt.Errorf("refused after %s", longest)
		case s.requests(api.create) != before:
			return "", errors.New("a create that was refused was sent")
		}
		return fmt.Sprintf("refused within %s", longest), nil
	})
}
