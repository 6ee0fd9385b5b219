package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody/custodytest"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/keyring"
	"github.com/amogate/amogate/server"
	"github.com/amogate/amogate/server/gateway"
)

// mainAccount is the account of calls that name none.
const mainAccount = "default"

// bubbleConfig tells how a bubbleStack departs from the ordinary.
type bubbleConfig struct {
	stackConfig
	// replicas is how many processes share the accounts; 0 = one.
	replicas int
	// others are the names of accounts beside the main one.
	others []string
	// store is around what the limiters of all replicas share; nil = nothing is.
	store func(limit.Store) limit.Store
	// kept keeps a pair of tokens that all replicas renew, instead of a token that
	// lives for ever.
	kept bool
}

// bubbleStack is a stack without sockets, for rows with a clock of their own:
// the settings are those of production, and what is measured is exact.
type bubbleStack struct {
	// stack is that of the first replica and the main account.
	stack
	// emulators are all accounts by name, replicas all processes.
	emulators map[string]*emulator.Emulator
	replicas  []*replica
	// store is what their limiters share.
	store limit.Store
	// kept is where they keep their credentials.
	kept custodytest.Store
	ring *keyring.Ring
	// config is that of the replicas.
	config bubbleConfig
}

// replica is one of the processes that share accounts.
type replica struct {
	conn      *grpc.ClientConn
	customers amogatev1.CustomerServiceClient
	// clients are those of the accounts, by name.
	clients map[string]*amo.Client
	// rest is the gateway in the process, http makes REST calls to it.
	rest http.Handler
	http *http.Client
}

// page reads a page of one customer.
func (r *replica) page(ctx context.Context) (*amogatev1.ListCustomersPageResponse, error) {
	return r.customers.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageSize: 1})
}

// restRoot is the address of REST without sockets.
const restRoot = "http://replica"

// inBubbleStack runs a row on a stack of its own, with a clock of its own.
func inBubbleStack(ctx context.Context, config bubbleConfig, row func(context.Context, *bubbleStack) (string, error)) (string, error) {
	return inBubble(ctx, func(ctx context.Context) (string, error) {
		return runBubbleStack(ctx, config, func(s *bubbleStack) (string, error) { return row(ctx, s) })
	})
}

// runBubbleStack runs a row that has a clock of its own on a stack.
func runBubbleStack(ctx context.Context, config bubbleConfig, row func(*bubbleStack) (string, error)) (string, error) {
	s := &bubbleStack{stack: stack{log: &lockedBuffer{}}, emulators: map[string]*emulator.Emulator{}}
	if err := s.start(ctx, config); err != nil {
		return "", errors.Join(fmt.Errorf("start: %w", err), s.stop())
	}
	measured, err := row(s)
	if err := errors.Join(err, s.stop()); err != nil {
		return "", err
	}
	return measured, nil
}

// onBothInBubble runs a row over each generation of the upstream API, each with
// a stack and a clock of its own.
func onBothInBubble(ctx context.Context, config bubbleConfig, row func(context.Context, *bubbleStack, upstreamAPI) (string, error)) (string, error) {
	var measured []string
	for _, api := range upstreamAPIs {
		config.generation = api.generation
		text, err := inBubbleStack(ctx, config, func(ctx context.Context, s *bubbleStack) (string, error) { return row(ctx, s, api) })
		if err != nil {
			return "", fmt.Errorf("%s: %w", api.generation, err)
		}
		measured = append(measured, api.generation.String()+" "+text)
	}
	return strings.Join(measured, "; "), nil
}

func (s *bubbleStack) start(ctx context.Context, config bubbleConfig) error {
	for _, name := range append([]string{mainAccount}, config.others...) {
		account := emulator.Config{Customers: 1200, Window: -1, Strict: true}
		if config.emulated != nil {
			config.emulated(&account)
		}
		e, err := emulator.New(account)
		if err != nil {
			return err
		}
		s.emulators[name] = e
	}
	s.emulator, s.config = s.emulators[mainAccount], config
	s.store = limit.NewMemory(settings.Default().FirstSlot)
	if config.store != nil {
		s.store = config.store(s.store)
	}
	if config.kept {
		if err := s.keep(ctx); err != nil {
			return err
		}
	}
	for i := range max(config.replicas, 1) {
		r, err := s.startReplica(ctx, config, strconv.Itoa(i))
		if err != nil {
			return err
		}
		s.replicas = append(s.replicas, r)
	}
	s.conn, s.customers, s.rest = s.replicas[0].conn, s.replicas[0].customers, restRoot
	return nil
}

func (s *bubbleStack) startReplica(ctx context.Context, config bubbleConfig, name string) (*replica, error) {
	logger := slog.New(slog.NewJSONHandler(s.log, nil))
	presence := limit.NewPresence(s.store, name, calm())
	beating, still := context.WithCancel(context.Background())
	var beats sync.WaitGroup
	beats.Go(func() { presence.Run(beating) })
	s.onClose(func() error { still(); beats.Wait(); return nil })
	clients := map[string]*amo.Client{}
	for account, e := range s.emulators {
		transport := e.Transport()
		if config.transport != nil {
			transport = config.transport(transport)
		}
		limiter, err := limit.New(limit.Config{
			Account: account, Rate: cmp.Or(config.rate, amo.DefaultRate), Store: s.store, Presence: presence, Settings: settings.Default(), Logger: logger,
		})
		if err != nil {
			return nil, err
		}
		s.onClose(func() error { limiter.Close(); return nil })
		auth, err := s.auth(account, name)
		if err != nil {
			return nil, err
		}
		client, err := amo.New(amo.Config{
			Account:    account,
			BaseURL:    &url.URL{Scheme: "https", Host: "shop.amocrm.ru"},
			Auth:       auth,
			Transport:  transport,
			Limiter:    limiter,
			Generation: config.generation,
			PageSize:   config.pageSize,
			Logger:     logger,
		})
		if err != nil {
			return nil, err
		}
		s.onClose(func() error {
			client.Close()
			if keeper := client.Keeper(); keeper != nil {
				return keeper.Close(context.Background())
			}
			return nil
		})
		clients[account] = client
	}
	services, err := server.New(server.Config{
		Accounts:     server.StaticAccounts{Clients: clients, Default: mainAccount},
		Logger:       logger,
		UnaryTimeout: config.unaryTimeout,
		Unary:        config.interceptors,
	})
	if err != nil {
		return nil, err
	}
	pipe := bufconn.Listen(1 << 16)
	var serving sync.WaitGroup
	serving.Go(func() { _ = services.Serve(pipe) }) // calls show it when it does not
	s.onClose(func() error { services.Stop(); serving.Wait(); return nil })
	conn, err := grpc.NewClient("passthrough:replica",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	s.onClose(conn.Close)
	rest, err := gateway.New(ctx, services.Conn(), gateway.Options{Ready: services.Ready, Logger: logger})
	if err != nil {
		return nil, err
	}
	return &replica{
		conn:      conn,
		customers: amogatev1.NewCustomerServiceClient(conn),
		clients:   clients,
		rest:      rest,
		http:      &http.Client{Transport: handlerTransport{rest}},
	}, nil
}

// handlerTransport answers requests by a handler in the process, each at once
// and whole.
type handlerTransport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	// The handler is a server: the request has a body, and the path of its URL
	// as the request line has it.
	incoming := r.Clone(r.Context())
	incoming.RequestURI = r.URL.RequestURI()
	if incoming.Body == nil {
		incoming.Body = io.NopCloser(&bytes.Reader{})
	}
	recorder := httptest.NewRecorder()
	t.handler.ServeHTTP(recorder, incoming)
	return recorder.Result(), nil
}

// wantREST makes a REST call to the first replica and returns an error unless
// it fails with the status, the code and the reason.
func (s *bubbleStack) wantREST(ctx context.Context, method, path, body string, status int, want failure) error {
	got, failed, err := restCallBy(ctx, s.replicas[0].http, method, restRoot+path, body, nil)
	if err != nil {
		return fmt.Errorf("REST: %w", err)
	}
	if err := failed.want(want.code, want.reason); err != nil {
		return fmt.Errorf("REST: %w", err)
	}
	if got != status {
		return fmt.Errorf("REST: status %d, want %d", got, status)
	}
	return nil
}

// onAccount has a call be about an account that is not the main one.
func onAccount(ctx context.Context, name string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "amogate-account", name)
}
