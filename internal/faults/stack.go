package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/server"
	"github.com/amogate/amogate/server/gateway"
)

// stackConfig tells how a stack departs from the ordinary.
type stackConfig struct {
	// upstream stands in front of the emulated account; nil = nothing does.
	upstream func(next http.Handler) http.Handler
	// transport is between the account's client and its sockets; nil = nothing is.
	transport func(next http.RoundTripper) http.RoundTripper
	// rate is that of the account's client; 0 = with sockets requests leave at
	// once, without them it is the default.
	rate float64
	// unaryTimeout is the deadline of calls without one; 0 = the default.
	unaryTimeout time.Duration
	// interceptors of unary calls run inside those of the server.
	interceptors []grpc.UnaryServerInterceptor
	// generation is forced on the account's client; 0 = the route table chooses.
	generation amo.Generation
	// pageSize is that of the account's client; 0 = the largest.
	pageSize int
	// emulated changes the emulated account; nil = it is as it is.
	emulated func(*emulator.Config)
	// listener is around the one of upstream; nil = nothing is.
	listener func(net.Listener) net.Listener
	// tls is that of upstream; nil = it speaks plain HTTP.
	tls *tls.Config
	// trusted signs certificates of upstream; nil = the system's roots do.
	trusted *x509.CertPool
	// sockets are those of the account's client. Without a name server of a row's
	// own they go to any address.
	sockets amo.TransportConfig
	// host is the host name of the account; empty = upstream's address.
	host string
}

// stack is everything that `amogate serve --sandbox` runs, in this process.
type stack struct {
	// address is that of gRPC, rest the root of REST.
	address, rest string
	customers     amogatev1.CustomerServiceClient
	// conn is the connection of customers.
	conn     *grpc.ClientConn
	log      *lockedBuffer
	emulator *emulator.Emulator

	closers []func() error
}

// newStack starts a stack with 1,200 customers.
func newStack(ctx context.Context, config stackConfig) (*stack, error) {
	s := &stack{log: &lockedBuffer{}}
	if err := s.start(ctx, config); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stack) start(ctx context.Context, config stackConfig) error {
	logger := slog.New(slog.NewJSONHandler(s.log, nil))
	var err error
	// The limiter's own rows are not here; an upstream without a window keeps
	// them out.
	account := emulator.Config{Customers: 1200, Window: -1, Strict: true}
	if config.emulated != nil {
		config.emulated(&account)
	}
	if s.emulator, err = emulator.New(account); err != nil {
		return err
	}
	handler := http.Handler(s.emulator)
	if config.upstream != nil {
		handler = config.upstream(handler)
	}
	upstream, err := s.serveHTTP(ctx, handler, config.onUpstream)
	if err != nil {
		return err
	}
	if config.sockets.Lookup == nil {
		config.sockets.AllowInsecure = true
	}
	if config.sockets.Settings == (settings.Settings{}) {
		config.sockets.Settings = settings.Default()
	}
	sockets, err := amo.NewTransport(config.sockets)
	if err != nil {
		return err
	}
	root := &url.URL{Scheme: "http", Host: upstream}
	if config.tls != nil {
		root.Scheme = "https"
		sockets.TLSClientConfig = &tls.Config{RootCAs: config.trusted, MinVersion: tls.VersionTLS12}
	}
	if config.host != "" {
		root.Host = config.host + root.Host[strings.LastIndexByte(root.Host, ':'):]
	}
	transport := http.RoundTripper(sockets)
	if config.transport != nil {
		transport = config.transport(transport)
	}
	limiter, err := limit.New(limit.Config{
		Account: mainAccount, Rate: cmp.Or(config.rate, limit.MaxRate), Store: config.slots(), Settings: config.sockets.Settings, Logger: logger,
	})
	if err != nil {
		return err
	}
	s.onClose(func() error { limiter.Close(); return nil })
	client, err := amo.New(amo.Config{
		Account:    mainAccount,
		BaseURL:    root,
		Auth:       amo.BearerToken(emulator.DefaultToken),
		Transport:  transport,
		Limiter:    limiter,
		Settings:   config.sockets.Settings,
		Generation: config.generation,
		PageSize:   config.pageSize,
		Logger:     logger,
	})
	if err != nil {
		return err
	}
	s.onClose(func() error { client.Close(); sockets.CloseIdleConnections(); return nil })
	services, err := server.New(server.Config{
		Accounts:     server.StaticAccounts{Clients: map[string]*amo.Client{mainAccount: client}},
		Logger:       logger,
		UnaryTimeout: config.unaryTimeout,
		StreamStall:  config.sockets.Settings.StreamStall,
		Unary:        config.interceptors,
	})
	if err != nil {
		return err
	}
	listener, err := listen(ctx)
	if err != nil {
		return err
	}
	s.address = listener.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() { _ = services.Serve(listener) }) // calls show it when it does not
	s.onClose(func() error { services.Stop(); serving.Wait(); return nil })
	conn, err := dial(s.address)
	if err != nil {
		return err
	}
	s.onClose(conn.Close)
	s.conn, s.customers = conn, amogatev1.NewCustomerServiceClient(conn)
	rest, err := gateway.New(ctx, services.Conn(), gateway.Options{Ready: services.Ready, Stall: config.sockets.Settings.StreamStall, Logger: logger})
	if err != nil {
		return err
	}
	address, err := s.serveHTTP(ctx, rest, nil)
	s.rest = "http://" + address
	return err
}

// slots are those of the account's client. No process before filled the first
// second.
func (c stackConfig) slots() limit.Store {
	slots := limit.NewMemory(0)
	if c.rate == 0 {
		return unpaced{slots}
	}
	return slots
}

// unpaced is a store of limiters whose slots are all now, for rows
// with sockets that are not about the pace.
type unpaced struct{ limit.Store }

// Reserve implements limit.Store.
func (u unpaced) Reserve(ctx context.Context, r limit.Reservation) (limit.Slot, error) {
	r.Interval = 0
	return u.Store.Reserve(ctx, r)
}

// onUpstream puts what the configuration wants around upstream's listener.
func (c stackConfig) onUpstream(listener net.Listener) net.Listener {
	if c.listener != nil {
		listener = c.listener(listener)
	}
	if c.tls != nil {
		listener = tls.NewListener(listener, c.tls)
	}
	return listener
}

// serveHTTP serves a handler and returns its address. What is around the
// listener may be nil.
func (s *stack) serveHTTP(ctx context.Context, handler http.Handler, around func(net.Listener) net.Listener) (string, error) {
	listener, err := listen(ctx)
	if err != nil {
		return "", err
	}
	address := listener.Addr().String()
	if around != nil {
		listener = around(listener)
	}
	// Handshakes that fail are for the client to tell.
	h := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	var serving sync.WaitGroup
	serving.Go(func() { _ = h.Serve(listener) }) // calls show it when it does not
	s.onClose(func() error {
		err := h.Close()
		serving.Wait()
		return err
	})
	return address, nil
}

func listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return listener, nil
}

func (s *stack) onClose(f func() error) { s.closers = append(s.closers, f) }

// close stops the parts in the reverse order of their start.
func (s *stack) close() error {
	err := s.stop()
	http.DefaultClient.CloseIdleConnections()
	return err
}

// stop is close for a stack that no sockets of callers lead to.
func (s *stack) stop() error {
	var errs []error
	for _, closer := range slices.Backward(s.closers) {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}

// firstID returns the id of a customer, and has the client learn the account
// on the way.
func (s *stack) firstID(ctx context.Context) (int64, error) {
	page, err := s.customers.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{PageSize: 1})
	if err != nil {
		return 0, fmt.Errorf("list one customer: %w", err)
	}
	if len(page.GetCustomers()) != 1 {
		return 0, fmt.Errorf("list one customer: got %d", len(page.GetCustomers()))
	}
	return page.GetCustomers()[0].GetId(), nil
}

// onStack runs a row on a stack of its own.
func onStack(ctx context.Context, config stackConfig, row func(*stack) (string, error)) (string, error) {
	s, err := newStack(ctx, config)
	if err != nil {
		return "", fmt.Errorf("start: %w", err)
	}
	measured, err := row(s)
	if err := errors.Join(err, s.close()); err != nil {
		return "", err
	}
	return measured, nil
}
