package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// payload is in the request of a call that panics, and in the panic.
const payload = "+7 912 345-67-89"

// panicInHandler lets the handlers of one unary and one stream method panic
// with what the caller sent.
func panicInHandler(ctx context.Context) (string, error) {
	config := stackConfig{options: []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if create, ok := req.(*amogatev1.CreateCustomerRequest); ok {
				panic(fmt.Sprintf("cannot make %s", create.GetCustomer().GetName()))
			}
			return handler(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(any, grpc.ServerStream, *grpc.StreamServerInfo, grpc.StreamHandler) error {
			panic(errors.New(payload))
		}),
	}}
	return onStack(ctx, config, func(s *stack) (string, error) {
		_, err := s.customers.CreateCustomer(ctx, &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{Name: payload}})
		if err := failureOf(err).want(codes.Internal, "PANIC"); err != nil {
			return "", fmt.Errorf("unary: %w", err)
		}
		if strings.Contains(err.Error(), payload) {
			return "", errors.New("unary: the caller is told the panic's value")
		}
		stream, err := s.customers.ListCustomers(ctx, &amogatev1.ListCustomersRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		if err := failureOf(err).want(codes.Internal, "PANIC"); err != nil {
			return "", fmt.Errorf("stream: %w", err)
		}
		if _, err := s.firstID(ctx); err != nil {
			return "", fmt.Errorf("the next call: %w", err)
		}
		log := s.log.String()
		switch {
		case strings.Count(log, "panicInHandler") < 2:
			return "", errors.New("the log has no stacks")
		case strings.Contains(log, payload):
			return "", errors.New("the log has the payload")
		}
		return "a unary call and a stream; the next call OK", nil
	})
}
