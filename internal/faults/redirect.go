package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/amogate/amogate/emulator"
)

// redirectStatuses are all of them.
var redirectStatuses = []int{
	http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
	http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
}

// redirectElsewhere has upstream redirect reads and writes to another host,
// which must not learn of it.
func redirectElsewhere(ctx context.Context, statuses []int, code codes.Code, reason string) (string, error) {
	var asked atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer other.Close()
	return onBoth(ctx, stackConfig{}, func(s *stack, api upstreamAPI) (string, error) {
		if _, err := s.firstPage(ctx); err != nil {
			return "", err
		}
		for _, redirect := range statuses {
			if err := s.script(redirectRules(api, redirect, other.URL+"/api/v4/customers?page=2")...); err != nil {
				return "", err
			}
			before := s.requests(api.list) + s.requests(api.create)
			err := s.redirected(ctx, code, reason, http.StatusFailedDependency)
			if err != nil {
				return "", fmt.Errorf("status %d: %w", redirect, err)
			}
			if took := s.requests(api.list) + s.requests(api.create) - before; took != 3 {
				return "", fmt.Errorf("status %d: %d requests for 3 calls", redirect, took)
			}
			_, err = s.firstPage(ctx)
			if host := metadataOf(err)["location_host"]; "http://"+host != other.URL {
				return "", fmt.Errorf("status %d: the new host is told as %q", redirect, host)
			}
		}
		if n := asked.Load(); n != 0 {
			return "", fmt.Errorf("the other host got %d requests", n)
		}
		return fmt.Sprintf("%d statuses, 0 requests at the other host", len(statuses)), nil
	})
}

// redirectRules redirect every list and every write.
func redirectRules(api upstreamAPI, status int, location string) []emulator.Rule {
	action := emulator.Action{Status: status, Header: map[string]string{"Location": location}}
	return []emulator.Rule{
		{Match: emulator.Match{Operation: api.list}, Action: action},
		{Match: emulator.Match{Operation: api.create}, Action: action},
	}
}

// redirected makes a read, a write and a read over REST, and returns an error
// unless all fail so.
func (s *stack) redirected(ctx context.Context, code codes.Code, reason string, restStatus int) error {
	_, err := s.firstPage(ctx)
	if err := failureOf(err).want(code, reason); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	_, err = s.customers.CreateCustomer(ctx, newCustomers(1)[0])
	if err := failureOf(err).want(code, reason); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	got, failed, err := restCall(ctx, http.MethodGet, s.rest+"/v1/customers", "", nil)
	if err := errors.Join(err, failed.want(code, reason)); err != nil {
		return fmt.Errorf("REST: %w", err)
	}
	if got != restStatus {
		return fmt.Errorf("REST: status %d, want %d", got, restStatus)
	}
	return nil
}

// metadataOf returns what the error of a call tells beside its reason.
func metadataOf(err error) map[string]string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetMetadata()
		}
	}
	return nil
}

// nowhereTo are redirects that lead nowhere from https://shop.amocrm.ru: to
// where they come from, or down to plain HTTP.
var nowhereTo = []string{
	"https://shop.amocrm.ru/api/v4/customers?limit=250&page=1", "/api/v2/customers", "https://SHOP.amocrm.ru/",
	"http://shop.amocrm.ru/api/v4/customers", "http://other.amocrm.ru/api/v4/customers", "http://127.0.0.1/", "://", "",
}

// redirectNowhere has upstream redirect to places that cannot be followed.
func redirectNowhere(ctx context.Context, locations []string) (string, error) {
	want := failure{code: codes.Unavailable, reason: "UPSTREAM_BAD_RESPONSE"}
	return onBothInBubble(ctx, bubbleConfig{}, func(ctx context.Context, s *bubbleStack, api upstreamAPI) (string, error) {
		if _, err := s.firstPage(ctx); err != nil {
			return "", err
		}
		for _, location := range locations {
			if err := s.script(redirectRules(api, http.StatusFound, location)...); err != nil {
				return "", err
			}
			before := s.emulator.Stats().Requests
			_, err := s.firstPage(ctx)
			if err := failureOf(err).want(want.code, want.reason); err != nil {
				return "", fmt.Errorf("to %q: read: %w", location, err)
			}
			_, err = s.customers.CreateCustomer(ctx, newCustomers(1)[0])
			if err := failureOf(err).want(want.code, want.reason); err != nil {
				return "", fmt.Errorf("to %q: write: %w", location, err)
			}
			if err := s.wantREST(ctx, http.MethodGet, "/v1/customers", "", http.StatusServiceUnavailable, want); err != nil {
				return "", fmt.Errorf("to %q: %w", location, err)
			}
			if took := s.emulator.Stats().Requests - before; took != 3 {
				return "", fmt.Errorf("to %q: %d requests for 3 calls", location, took)
			}
		}
		return fmt.Sprintf("%d places, a request for each call", len(locations)), nil
	})
}
