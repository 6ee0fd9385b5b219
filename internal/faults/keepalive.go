package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// kept is a listener that keeps the connections it has accepted.
type kept struct {
	net.Listener

	mu    sync.Mutex
	conns []*net.TCPConn
	count atomic.Int64
}

// Accept implements net.Listener.
func (k *kept) Accept() (net.Conn, error) {
	conn, err := k.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.conns = append(k.conns, tcp)
	}
	k.count.Add(1)
	return conn, nil
}

// halfClose ends what upstream sends on every connection, while it still
// listens to what comes.
func (k *kept) halfClose() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, conn := range k.conns {
		_ = conn.CloseWrite() // it may be closed already
	}
	k.conns = nil
}

// halfClosed has upstream half-close the connection that a call is about to
// use, again and again, and close it behind a request that it has read.
func halfClosed(ctx context.Context, rounds int, unknown string) (string, error) {
	var connections *kept
	config := stackConfig{emulated: emptyAccount, listener: func(l net.Listener) net.Listener {
		connections = &kept{Listener: l}
		return connections
	}}
	return onBoth(ctx, config, func(s *stack, api upstreamAPI) (string, error) {
		if _, err := s.customers.CreateCustomer(ctx, newCustomers(1)[0]); err != nil {
			return "", err
		}
		opened := connections.count.Load()
		for i := range rounds {
			connections.halfClose()
			if _, err := s.firstPage(ctx); err != nil {
				return "", fmt.Errorf("round %d: read: %w", i, err)
			}
			connections.halfClose()
			sent := s.requests(api.create)
			// Nothing was written yet, so it is not even doubtful.
			if _, err := s.customers.CreateCustomer(ctx, namedCustomer(fmt.Sprintf("Round %d", i))); err != nil {
				return "", fmt.Errorf("round %d: create: %w", i, err)
			}
			if took := s.requests(api.create) - sent; took > 1 {
				return "", fmt.Errorf("round %d: the create was sent %d times", i, took)
			}
		}
		if opened = connections.count.Load() - opened; opened < int64(rounds) {
			return "", fmt.Errorf("%d connections in %d rounds: none was closed under a call", opened, rounds)
		}
		if stored := s.emulator.CountCustomers(); stored != rounds+1 {
			return "", fmt.Errorf("%d customers are stored, %d were made", stored, rounds+1)
		}
		if err := s.closedBehindRequest(ctx, api, unknown); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d rounds of a read and a create, %d connections", rounds, opened), nil
	})
}

// closedBehindRequest has upstream read requests on a kept connection and close
// it instead of an answer.
func (s *stack) closedBehindRequest(ctx context.Context, api upstreamAPI, unknown string) error {
	drop := func(operation string, applies bool) error {
		return s.script(emulator.Rule{
			Match:  emulator.Match{Operation: operation, Nth: 1},
			Action: emulator.Action{Drop: true, Apply: applies},
		})
	}
	if err := drop(api.list, false); err != nil {
		return err
	}
	if _, err := s.firstPage(ctx); err != nil {
		return fmt.Errorf("closed behind a read: %w", err)
	}
	for name, applies := range map[string]bool{"Carried out": true, "Not carried out": false} {
		stored, sent := s.emulator.CountCustomers(), s.requests(api.create)
		if err := drop(api.create, applies); err != nil {
			return err
		}
		got, err := s.customers.CreateCustomer(ctx, namedCustomer(name))
		if applies {
			if _, ok := s.emulator.Customer(got.GetId()); err != nil || !ok {
				return errors.Join(fmt.Errorf("closed behind a create that was carried out: it has the id %d", got.GetId()), err)
			}
			stored++
		} else if err := failureOf(err).want(codes.Unknown, unknown); err != nil {
			return fmt.Errorf("closed behind a create that was not carried out: %w", err)
		}
		if n := s.requests(api.create) - sent; n != 1 || s.emulator.CountCustomers() != stored {
			return fmt.Errorf("closed behind a create: sent %d times, %d customers are stored, want %d", n, s.emulator.CountCustomers(), stored)
		}
	}
	return nil
}

// namedCustomer makes a customer of this name.
func namedCustomer(name string) *amogatev1.CreateCustomerRequest {
	one := newCustomers(1)[0]
	one.Customer.Name = name
	return one
}
