package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/settings"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/idempotency"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/server"
	"github.com/amogate/amogate/store"
)

// stopPatience bounds the end of a member, by its own clock.
const stopPatience = time.Minute

// memberConfig is what a member is made of.
type memberConfig struct {
	// name is that of the replica, dir its data directory.
	name, dir string
	store     store.Store
	ring      *keyring.Ring
	settings  settings.Settings
	// integration renews tokens.
	integration amo.Integration
	// transport carries requests; nil = sockets to any address.
	transport http.RoundTripper
	// rate is that of each account; 0 = the default.
	rate float64
	// insecure allows accounts at any host.
	insecure bool
	step     func(custody.Point)
	// requests lets calls have request ids.
	requests bool
	log      io.Writer
}

// member is one of the replicas of an installation: the accounts of the store,
// and the gRPC server in front of them.
type member struct {
	registry *account.Registry
	journal  *custody.Journal
	requests *idempotency.Keeper // nil = calls have no request ids
	services *server.Server

	conn      *grpc.ClientConn
	customers amogatev1.CustomerServiceClient
	serving   sync.WaitGroup
}

// newMember starts a member. Nothing listens yet.
func newMember(ctx context.Context, config memberConfig) (_ *member, err error) {
	logger := slog.New(slog.NewJSONHandler(config.log, nil))
	m := &member{}
	if m.journal, err = custody.OpenJournal(config.dir); err != nil {
		return nil, err
	}
	m.registry, err = account.New(ctx, account.Config{
		Store: config.store, Limits: config.store, Ring: config.ring, Journal: m.journal, Owner: config.name,
		Integration: config.integration, AllowInsecure: config.insecure, Settings: config.settings,
		Client: amo.Config{Transport: config.transport, Rate: config.rate}, Logger: logger, Step: config.step,
	})
	if err != nil {
		return nil, errors.Join(err, m.journal.Close())
	}
	if config.requests {
		m.requests = idempotency.New(ctx, idempotency.Config{Store: config.store, Owner: config.name, Settings: config.settings, Logger: logger})
	}
	m.services, err = server.New(server.Config{Accounts: server.RegisteredAccounts{Registry: m.registry}, Requests: m.requests, Logger: logger})
	if err != nil {
		return nil, errors.Join(err, m.registry.Close(ctx), m.journal.Close())
	}
	return m, nil
}

// serve serves a listener until stop.
func (m *member) serve(listener net.Listener) {
	m.serving.Go(func() { _ = m.services.Serve(listener) }) // calls show it when it does not
}

// pipe lets callers in this process reach the member without sockets.
func (m *member) pipe() error {
	pipe := bufconn.Listen(1 << 16)
	m.serve(pipe)
	conn, err := grpc.NewClient("passthrough:member",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	m.conn, m.customers = conn, amogatev1.NewCustomerServiceClient(conn)
	return nil
}

// stop ends the member in the order of serve. The error says whether new tokens
// are not durable.
func (m *member) stop(ctx context.Context) error {
	var err error
	if m.conn != nil {
		err = m.conn.Close()
	}
	m.services.Stop()
	m.serving.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	if m.requests != nil {
		err = errors.Join(err, m.requests.Close(ctx))
	}
	return errors.Join(err, m.registry.Close(ctx), m.journal.Close())
}

// call reads a page of an account.
func (m *member) call(ctx context.Context, name string) error {
	return callAccount(ctx, m.customers, name)
}

// callAccount reads a page of an account.
func callAccount(ctx context.Context, customers amogatev1.CustomerServiceClient, name string) error {
	_, err := customers.ListCustomersPage(onAccount(ctx, name), &amogatev1.ListCustomersPageRequest{PageSize: 1})
	return err
}
