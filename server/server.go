package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"buf.build/go/protovalidate"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/stats"

	"github.com/amogate/amogate/amo/settings"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/idempotency"
	"github.com/amogate/amogate/internal/inprocess"
)

// Defaults of Config.
const (
	// DefaultDrainDelay is how long load balancers get to notice that the
	// server is not to be used any more.
	DefaultDrainDelay = 5 * time.Second
	// DefaultStopTimeout leaves unary calls 25 s after the drain delay.
	DefaultStopTimeout = 30 * time.Second
	// DefaultUnaryTimeout is the deadline of unary calls that bring none.
	DefaultUnaryTimeout = 60 * time.Second
)

// Limits of a connection.
const (
	maxReceiveBytes      = 4 << 20
	maxConcurrentStreams = 1000
	// pingEvery and pingTimeout find connections whose other end is gone.
	pingEvery   = 60 * time.Second
	pingTimeout = 20 * time.Second
	// minPing is how often clients may ping, also without a call in flight.
	minPing = 10 * time.Second
	// maxConnectionAge makes clients connect again, so that replicas share the
	// load. Calls in flight end in their own time: a long list is not cut.
	maxConnectionAge = 10 * time.Minute
	// cutGrace is how long before the end of StopTimeout unary calls are
	// cancelled. A write in flight can then still say that its outcome is not
	// known; a connection that breaks would look like a call to be repeated.
	cutGrace = time.Second
)

// Config is the configuration of a Server. The zero value of a field means its
// default.
type Config struct {
	// Accounts finds the account of a call. Default: no account at all.
	Accounts Accounts
	// Requests keeps the calls with a request id. Default: none; they are refused.
	Requests *idempotency.Keeper
	// Logger gets a line for each call. Default: none.
	Logger *slog.Logger
	// DrainDelay is how long Drain goes on serving while health says
	// NOT_SERVING. Default 5 s; negative = none.
	DrainDelay time.Duration
	// StopTimeout bounds the whole of Drain, its delay included. Default 30 s.
	StopTimeout time.Duration
	// UnaryTimeout is the deadline of unary calls that bring none. Default 60 s.
	UnaryTimeout time.Duration
	// StreamStall is how long the reader of a stream may take nothing before the
	// stream ends. Default: that of settings.Default.
	StreamStall time.Duration
	// Stats is told of every call, ConnStats of those over Conn, as a client sees
	// them: for telemetry. Default: nobody is told.
	Stats, ConnStats stats.Handler
	// Unary and Stream are interceptors that run inside those of this package.
	Unary  []grpc.UnaryServerInterceptor
	Stream []grpc.StreamServerInterceptor
}

// withDefaults returns the configuration with every default filled in.
func (c Config) withDefaults() Config {
	if c.Accounts == nil {
		c.Accounts = StaticAccounts{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.DrainDelay == 0 {
		c.DrainDelay = DefaultDrainDelay
	}
	c.DrainDelay = max(c.DrainDelay, 0)
	if c.StopTimeout == 0 {
		c.StopTimeout = DefaultStopTimeout
	}
	if c.UnaryTimeout == 0 {
		c.UnaryTimeout = DefaultUnaryTimeout
	}
	if c.StreamStall == 0 {
		c.StreamStall = settings.Default().StreamStall
	}
	return c
}

// validate returns everything that is wrong with a configuration.
func (c Config) validate() error {
	var errs []error
	if c.StopTimeout <= c.DrainDelay {
		errs = append(errs, fmt.Errorf("stop timeout %v: must be longer than the drain delay of %v", c.StopTimeout, c.DrainDelay))
	}
	if c.UnaryTimeout < 0 {
		errs = append(errs, fmt.Errorf("unary timeout %v: must not be negative", c.UnaryTimeout))
	}
	if c.StreamStall < 0 {
		errs = append(errs, fmt.Errorf("stream stall %v: must not be negative", c.StreamStall))
	}
	return errors.Join(errs...)
}

// Server is the gRPC server of amogate. It is safe for concurrent use.
type Server struct {
	config    Config
	grpc      *grpc.Server
	conn      *inprocess.Conn
	health    *health.Server
	validator protovalidate.Validator
	// methods are the full names of the methods of this API.
	methods map[string]bool

	serving, stopping atomic.Bool
	// draining ends when streams have to, cutting when unary calls have to.
	draining, cutting context.Context //nolint:containedctx // the life of the server, not of a call
	drain, cut        context.CancelFunc
}

// New returns a server that is not listening yet.
func New(config Config) (*Server, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{config: config, health: health.NewServer(), methods: map[string]bool{}}
	s.draining, s.drain = context.WithCancel(context.Background())
	s.cutting, s.cut = context.WithCancel(context.Background())

	panics := recovery.WithRecoveryHandlerContext(recovered)
	unary := append([]grpc.UnaryServerInterceptor{
		s.callUnary, recovery.UnaryServerInterceptor(panics), s.admitUnary, s.validateUnary, s.onceUnary,
	}, config.Unary...)
	stream := append([]grpc.StreamServerInterceptor{
		s.callStream, recovery.StreamServerInterceptor(panics), s.admitStream, s.validateStream,
	}, config.Stream...)
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(maxReceiveBytes),
		grpc.MaxConcurrentStreams(maxConcurrentStreams),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time:             pingEvery,
			Timeout:          pingTimeout,
			MaxConnectionAge: maxConnectionAge,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.UnknownServiceHandler(unknownMethod),
		grpc.ChainUnaryInterceptor(unary...),
		grpc.ChainStreamInterceptor(stream...),
	}
	if config.Stats != nil {
		options = append(options, grpc.StatsHandler(config.Stats))
	}
	s.grpc = grpc.NewServer(options...)
	s.conn = inprocess.New(inprocess.Config{
		Unary:       unary,
		Stream:      stream,
		ServerStats: config.Stats,
		ClientStats: config.ConnStats,
		MaxCalls:    maxConcurrentStreams,
	})

	register(s.grpc)
	register(s.conn)
	s.learn()
	var err error
	if s.validator, err = preparedRules(); err != nil {
		return nil, fmt.Errorf("server: validation rules: %w", err)
	}

	s.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
	for name := range s.grpc.GetServiceInfo() {
		s.health.SetServingStatus(name, grpc_health_v1.HealthCheckResponse_SERVING)
	}
	grpc_health_v1.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)
	return s, nil
}

// learn notes the methods of the registered services.
func (s *Server) learn() {
	for name, service := range s.grpc.GetServiceInfo() {
		for _, method := range service.Methods {
			s.methods[fmt.Sprintf("/%s/%s", name, method.Name)] = true
		}
	}
}

// Serve answers calls on a listener, which it closes, until the server stops.
// It may run on several listeners at once. It returns nil when Drain or Stop
// ended it, or came before it.
func (s *Server) Serve(listener net.Listener) error {
	s.serving.Store(true)
	if err := s.grpc.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve gRPC on %s: %w", listener.Addr(), err)
	}
	return nil
}

// Conn is a connection to the server for callers in its process, such as the
// gateway: calls pass the same interceptors as all others and end with them, but
// messages are not encoded, nor is a listener needed. It offers the services of
// the API only, without health and reflection.
func (s *Server) Conn() grpc.ClientConnInterface { return s.conn }

// Ready says whether the server takes calls and is not about to stop.
func (s *Server) Ready() bool { return s.serving.Load() && !s.stopping.Load() }

// SetServing sets the health of a service that is not one of the API's, for
// instance of something that calls may need. The health of the server does not
// depend on it.
func (s *Server) SetServing(service string, serving bool) {
	state := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if serving {
		state = grpc_health_v1.HealthCheckResponse_SERVING
	}
	s.health.SetServingStatus(service, state)
}

// Drain stops the server without hurting callers. Health says NOT_SERVING at
// once; for the drain delay everything goes on, so that load balancers can turn
// away; then streams end with UNAVAILABLE/SERVER_DRAINING, every row that was
// sent having brought its resume token, and unary calls are waited for. A second
// before StopTimeout ends, or when ctx does, those that are left are cancelled,
// and Drain says so.
func (s *Server) Drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.StopTimeout)
	defer cancel()
	grace := min(cutGrace, (s.config.StopTimeout-s.config.DrainDelay)/2)
	patience, cancel := context.WithTimeout(ctx, s.config.StopTimeout-grace)
	defer cancel()
	s.stopping.Store(true)
	s.health.Shutdown()

	delay := time.NewTimer(s.config.DrainDelay)
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-ctx.Done():
	}
	s.drain()

	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		var calls sync.WaitGroup
		calls.Go(s.grpc.GracefulStop)
		calls.Go(s.conn.GracefulStop)
		calls.Wait()
	}()
	select {
	case <-stopped:
		return nil
	case <-patience.Done():
	}
	s.cut()
	select {
	case <-stopped:
	case <-ctx.Done():
		s.Stop()
	}
	return fmt.Errorf("drain: calls in flight were cut: %w", patience.Err())
}

// Stop ends the server and every call at once.
func (s *Server) Stop() {
	s.stopping.Store(true)
	s.drain()
	s.cut()
	s.conn.Stop()
	s.grpc.Stop()
}

// The services are complete when they implement every method.
var (
	_ amogatev1.CustomerServiceServer        = customerServer{}
	_ amogatev1.TransactionServiceServer     = transactionServer{}
	_ amogatev1.PeriodServiceServer          = periodServer{}
	_ amogatev1.NoteServiceServer            = noteServer{}
	_ amogatev1.CustomerStatusServiceServer  = customerStatusServer{}
	_ amogatev1.CustomerSegmentServiceServer = customerSegmentServer{}
	_ amogatev1.CustomersModeServiceServer   = customersModeServer{}
)
