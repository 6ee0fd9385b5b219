package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// outageStatuses are what servers in front of upstream answer while it is away.
var outageStatuses = []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable}

// outageTries is the most requests for one read.
const outageTries = 3

// outageOnRead has upstream fail reads, some of them so often that the caller
// hears of it.
func outageOnRead(ctx context.Context, statuses []int, tries int64) (string, error) {
	var measured []string
	for _, status := range statuses {
		text, err := onBothInBubble(ctx, bubbleConfig{}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
			return s.outageOnRead(ctx, api, status, tries)
		})
		if err != nil {
			return "", fmt.Errorf("status %d: %w", status, err)
		}
		measured = append(measured, fmt.Sprintf("%d: %s", status, text))
	}
	return strings.Join(measured, "; "), nil
}

func (s *bubbleStack) outageOnRead(ctx context.Context, api upstreamAPI, status int, tries int64) (string, error) {
	if _, err := s.firstPage(ctx); err != nil { // the account is known now
		return "", err
	}
	asked := func(failures int) (int64, error) {
		if err := s.script(emulator.Rule{
			Match:  emulator.Match{Operation: api.list, To: failures},
			Action: emulator.Action{Status: status},
		}); err != nil {
			return 0, err
		}
		before := s.requests(api.list)
		_, err := s.firstPage(ctx)
		return s.requests(api.list) - before, err
	}
	took, err := asked(outageTries - 1)
	if err != nil {
		return "", fmt.Errorf("%d failures: %w", outageTries-1, err)
	}
	if took != outageTries {
		return "", fmt.Errorf("%d failures: %d requests", outageTries-1, took)
	}
	begun := time.Now()
	took, err = asked(0)
	lasted := time.Since(begun)
	want := failure{code: codes.Unavailable, reason: "UPSTREAM_UNAVAILABLE"}
	if err := failureOf(err).want(want.code, want.reason); err != nil {
		return "", err
	}
	if took > tries {
		return "", fmt.Errorf("%d requests for a read that fails, want at most %d", took, tries)
	}
	if err := s.wantREST(ctx, http.MethodGet, "/v1/customers", "", http.StatusServiceUnavailable, want); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d requests in %s", took, round(lasted)), nil
}

// outageStorm has upstream fail everything while callers go on, and returns an
// error when it gets more requests for each of them than share.
func outageStorm(ctx context.Context, share float64) (string, error) {
	const (
		warm, whole = 10 * time.Second, 60 * time.Second
		every       = 250 * time.Millisecond
	)
	return onBothInBubble(ctx, bubbleConfig{}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		if _, err := s.firstPage(ctx); err != nil {
			return "", err
		}
		if err := s.script(emulator.Rule{
			Match:  emulator.Match{Operation: api.list},
			Action: emulator.Action{Status: http.StatusServiceUnavailable},
		}); err != nil {
			return "", err
		}
		var calling sync.WaitGroup
		var mu sync.Mutex
		var wrong error
		calls, before := 0, int64(0)
		for begun := time.Now(); time.Since(begun) < whole; time.Sleep(every) {
			if time.Since(begun) >= warm {
				if calls == 0 {
					before = s.requests(api.list)
				}
				calls++
			}
			calling.Go(func() {
				_, err := s.firstPage(ctx)
				mu.Lock()
				defer mu.Unlock()
				if wrong == nil {
					wrong = failureOf(err).want(codes.Unavailable, "UPSTREAM_UNAVAILABLE")
				}
			})
		}
		calling.Wait()
		if wrong != nil {
			return "", wrong
		}
		got := float64(s.requests(api.list)-before) / float64(calls)
		// One more may have been saved up.
		if got > share+1/float64(calls) {
			return "", fmt.Errorf("%.2f requests for each of %d calls, want at most %.2f", got, calls, share)
		}
		return fmt.Sprintf("%.2f requests a call", got), nil
	})
}

// heavyPage has upstream not manage pages above a size, and then none at all.
func heavyPage(ctx context.Context, most int) (string, error) {
	return onBothInBubble(ctx, bubbleConfig{}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		heavy := func(sizes ...int) error {
			var rules []emulator.Rule
			for _, size := range sizes {
				rules = append(rules, emulator.Rule{
					Match:  emulator.Match{Operation: api.list, Query: api.size(size)},
					Action: emulator.Action{Status: http.StatusGatewayTimeout},
				})
			}
			return s.script(rules...)
		}
		sizes := slices.DeleteFunc([]int{500, 250, 125, 25, 5, 1}, func(size int) bool { return size > api.largest })
		above := slices.DeleteFunc(slices.Clone(sizes), func(size int) bool { return size <= most })
		if err := heavy(above...); err != nil {
			return "", err
		}
		before := s.requests(api.list)
		got, err := list(ctx, s.conn, "", nil)
		if err != nil {
			return "", err
		}
		whole := s.requests(api.list) - before
		if !got.ended || len(got.ids) != s.emulator.CountCustomers() {
			return "", fmt.Errorf("%d rows of %d came, then %s", len(got.ids), s.emulator.CountCustomers(), got.failed)
		}
		if err := heavy(sizes...); err != nil {
			return "", err
		}
		before = s.requests(api.list)
		_, err = s.customers.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageSize: 500})
		if err := failureOf(err).want(codes.Unavailable, "UPSTREAM_UNAVAILABLE"); err != nil {
			return "", fmt.Errorf("nothing passes: %w", err)
		}
		took := s.requests(api.list) - before
		if bound := int64(len(sizes) + outageTries - 1); took > bound {
			return "", fmt.Errorf("nothing passes: %d requests, want at most %d", took, bound)
		}
		return fmt.Sprintf("%d rows in %d requests; %d where nothing passes", len(got.ids), whole, took), nil
	})
}
