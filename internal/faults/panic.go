package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// payload is in the request of a call that panics, and in the panic.
const payload = "+7 912 345-67-89"

// pageBefore is the page that comes before the panic, the largest of API v4.
const pageBefore = 250

// culprit panics on the way upstream when the second page of a list is read,
// which is ahead of the call.
type culprit struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (c culprit) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("page") == "2" {
		panic(payload)
	}
	return c.RoundTripper.RoundTrip(r)
}

// panicInHandler lets a unary call panic in its handler, with what the caller
// sent, and a stream in what works for it.
func panicInHandler(ctx context.Context) (string, error) {
	config := stackConfig{
		emulated:  withoutFilters,
		transport: func(next http.RoundTripper) http.RoundTripper { return culprit{next} },
		interceptors: []grpc.UnaryServerInterceptor{
			func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				if create, ok := req.(*amogatev1.CreateCustomerRequest); ok {
					panic("cannot make " + create.GetCustomer().GetName())
				}
				return handler(ctx, req)
			},
		},
	}
	return onStack(ctx, config, func(s *stack) (string, error) {
		_, err := s.customers.CreateCustomer(ctx, &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{Name: payload}})
		if err := failureOf(err).want(codes.Internal, "PANIC"); err != nil {
			return "", fmt.Errorf("unary: %w", err)
		}
		if strings.Contains(err.Error(), payload) {
			return "", errors.New("unary: the caller is told the panic's value")
		}
		conn, err := dial(s.address)
		if err != nil {
			return "", err
		}
		defer conn.Close() //nolint:errcheck // the row is over
		cut, err := list(ctx, conn, "", nil)
		if err != nil {
			return "", err
		}
		if err := cut.failed.want(codes.Internal, "PANIC"); err != nil {
			return "", fmt.Errorf("stream: %w", err)
		}
		if len(cut.ids) != pageBefore || cut.ended {
			return "", fmt.Errorf("stream: %d rows came before the panic, want %d", len(cut.ids), pageBefore)
		}
		if _, err := s.firstID(ctx); err != nil {
			return "", fmt.Errorf("the next call: %w", err)
		}
		log := s.log.String()
		switch {
		case !strings.Contains(log, "panicInHandler"), !strings.Contains(log, "culprit.RoundTrip"):
			return "", errors.New("the log has no stacks")
		case strings.Contains(log, payload):
			return "", errors.New("the log has the payload")
		}
		return fmt.Sprintf("in a handler, and behind a stream after %d rows; the next call OK", pageBefore), nil
	})
}
