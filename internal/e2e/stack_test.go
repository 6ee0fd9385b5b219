package e2e

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/idempotency"
	"github.com/amogate/amogate/internal/telemetry"
	"github.com/amogate/amogate/server"
	"github.com/amogate/amogate/server/gateway"
	"github.com/amogate/amogate/store"
)

// upstreamBase is the path that the account's API lives below, so that a
// request which forgets the base URL's path fails.
const upstreamBase = "/base"

// restBase is where the gateway is mounted, since proxies mount it anywhere.
const restBase = "/crm"

// setup describes a stack; its zero value is an empty account.
type setup struct {
	emulator emulator.Config
	rules    []emulator.Rule
	// client holds the settings of the client that matter to a test; account,
	// URL and transport are the stack's.
	client amo.Config
	// wire puts HTTP between client and emulator, which the emulator's own
	// transport does without.
	wire bool
	// upstream wraps the way to the emulator.
	upstream  func(http.RoundTripper) http.RoundTripper
	logger    *slog.Logger
	telemetry *telemetry.Telemetry
	// repeats lets calls have request ids.
	repeats bool
}

// stack is a whole amogate with its account. It opens no socket.
type stack struct {
	emulator *emulator.Emulator
	client   *amo.Client
	server   *server.Server
	// conn is the connection of a gRPC caller.
	conn *grpc.ClientConn
	api  amogatev1.CustomerServiceClient
	// rest is an HTTP caller, base the URL that REST paths are put behind.
	rest *http.Client
	base string
}

// newStack starts a stack, which ends with the test. Within a bubble it has to
// be called from the bubble.
func newStack(t *testing.T, with setup) *stack {
	t.Helper()
	s := &stack{base: "http://amogate.test" + restBase}
	with.emulator.BasePath = upstreamBase
	with.emulator.Strict = true
	var err error
	if s.emulator, err = emulator.New(with.emulator); err != nil {
		t.Fatal(err)
	}
	if err := s.emulator.Script(with.rules...); err != nil {
		t.Fatal(err)
	}
	if with.logger == nil {
		with.logger = slog.New(slog.DiscardHandler)
	}

	config := with.client
	config.Account = "default"
	config.BaseURL = &url.URL{Scheme: "https", Host: "example.amocrm.ru", Path: upstreamBase}
	config.Transport = s.emulator.Transport()
	if with.wire {
		config.Transport = serveHTTP(t, s.emulator, with.logger)
		config.BaseURL.Scheme = "http"
	}
	if with.upstream != nil {
		config.Transport = with.upstream(config.Transport)
	}
	config.Logger = with.logger
	if config.Auth == nil {
		config.Auth = amo.BearerToken(emulator.DefaultToken)
	}
	if config.Settings == (settings.Settings{}) {
		config.Settings = settings.Default()
	}
	if config.Limiter == nil {
		// Nothing ran before that could have filled the first second.
		config.Limiter, err = limit.New(limit.Config{
			Account: config.Account, Rate: cmp.Or(config.Rate, amo.DefaultRate), Store: limit.NewMemory(0), Settings: config.Settings,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(config.Limiter.Close)
	}
	if s.client, err = amo.New(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)

	options := server.Config{
		Accounts:   server.StaticAccounts{Clients: map[string]*amo.Client{"default": s.client}},
		Logger:     with.logger,
		DrainDelay: -1,
	}
	if with.telemetry != nil {
		options.Stats, options.ConnStats = with.telemetry.ServerStats(), with.telemetry.ClientStats()
	}
	if with.repeats {
		options.Requests = keepRequests(t)
	}
	if s.server, err = server.New(options); err != nil {
		t.Fatal(err)
	}
	s.conn = s.connect(t)
	s.api = amogatev1.NewCustomerServiceClient(s.conn)
	s.serveREST(t, with)
	return s
}

// keepRequests returns what keeps calls with request ids, for as long as the test.
func keepRequests(t *testing.T) *idempotency.Keeper {
	t.Helper()
	opened, err := store.Open(t.Context(), "sqlite:", store.Options{Dir: t.TempDir(), Settings: settings.Default()})
	if err != nil {
		t.Fatal(err)
	}
	keeper := idempotency.New(t.Context(), idempotency.Config{Store: opened, Owner: "test", Settings: settings.Default()})
	t.Cleanup(func() {
		if err := errors.Join(keeper.Close(context.WithoutCancel(t.Context())), opened.Close()); err != nil {
			t.Error(err)
		}
	})
	return keeper
}

// connect serves a connection of its own.
func (s *stack) connect(t *testing.T) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(64 << 10)
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:amogate",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("close connection: %v", err)
		}
		s.server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return conn
}

// serveREST serves the gateway over pipes.
func (s *stack) serveREST(t *testing.T, with setup) {
	t.Helper()
	handler, err := gateway.New(t.Context(), s.server.Conn(), gateway.Options{Ready: s.server.Ready, Logger: with.logger})
	if err != nil {
		t.Fatal(err)
	}
	if with.telemetry != nil {
		handler = with.telemetry.Handler(handler)
	}
	s.rest = &http.Client{Transport: serveHTTP(t, http.StripPrefix(restBase, handler), with.logger)}
}

// serveHTTP serves a handler over pipes and returns the way to it.
func serveHTTP(t *testing.T, handler http.Handler, logger *slog.Logger) http.RoundTripper {
	t.Helper()
	listener := newPipeListener()
	web := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	transport := &http.Transport{DialContext: listener.dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := web.Close(); err != nil {
			t.Errorf("close HTTP server: %v", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve HTTP: %v", err)
		}
	})
	return transport
}

// pipeListener hands out the ends of net.Pipe. Unlike bufconn its connections
// have deadlines, which net/http needs.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// reply is an HTTP answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// do sends one REST request; headers are pairs.
func (s *stack) do(t *testing.T, method, target, body string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.base+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Add(pair[0], pair[1])
	}
	resp, err := s.rest.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read answer of %s %s: %v", method, target, err)
	}
	return reply{resp.StatusCode, resp.Header, string(data)}
}
