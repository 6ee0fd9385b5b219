// Package inprocess is a gRPC connection whose server is the same process.
//
// A call behaves as over a wire: it runs the interceptors of the server in a
// goroutine of its own; metadata, deadlines, cancellation and statuses cross,
// and no other value of the caller's context does; a stream is held back by a
// reader that is slow. But messages are handed over and not encoded: who sends
// one does not touch it afterwards.
//
// Calls that send more than one message are not served, and of the call options
// only those that ask for header and trailer of a unary call have an effect.
package inprocess

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// Config is the configuration of a Conn.
type Config struct {
	// Unary and Stream are the interceptors of the server, the first outermost.
	Unary  []grpc.UnaryServerInterceptor
	Stream []grpc.StreamServerInterceptor
	// ServerStats and ClientStats are told when calls begin and end; nil = nobody
	// is. They see no messages.
	ServerStats, ClientStats stats.Handler
	// MaxCalls is how many calls run at once; others wait.
	MaxCalls int
}

// Conn is a connection and its server. Services are registered before the first
// call; from then on it is safe for concurrent use.
type Conn struct {
	config Config
	unary  map[string]unaryMethod
	stream map[string]streamMethod
	// places are taken by running calls.
	places chan struct{}
	// stopped ends when calls have to.
	stopped context.Context //nolint:containedctx // the life of the server, not of a call
	stop    context.CancelFunc

	mu       sync.Mutex
	draining bool
	running  sync.WaitGroup
}

type unaryMethod struct {
	service any
	handler grpc.MethodHandler
}

type streamMethod struct {
	service any
	desc    grpc.StreamDesc
}

var (
	_ grpc.ServiceRegistrar    = (*Conn)(nil)
	_ grpc.ClientConnInterface = (*Conn)(nil)
)

// New returns a connection without services.
func New(config Config) *Conn {
	c := &Conn{
		config: config,
		unary:  map[string]unaryMethod{},
		stream: map[string]streamMethod{},
		places: make(chan struct{}, config.MaxCalls),
	}
	c.stopped, c.stop = context.WithCancel(context.Background())
	return c
}

// RegisterService implements [grpc.ServiceRegistrar].
func (c *Conn) RegisterService(desc *grpc.ServiceDesc, service any) {
	name := func(method string) string { return "/" + desc.ServiceName + "/" + method }
	for _, m := range desc.Methods {
		c.unary[name(m.MethodName)] = unaryMethod{service, m.Handler}
	}
	for _, m := range desc.Streams {
		if !m.ClientStreams {
			c.stream[name(m.StreamName)] = streamMethod{service, m}
		}
	}
}

// GracefulStop refuses further calls and waits for those that run.
func (c *Conn) GracefulStop() {
	c.drain()
	c.running.Wait()
}

// Stop refuses further calls and cancels those that run.
func (c *Conn) Stop() {
	c.drain()
	c.stop()
}

func (c *Conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
}

// begin admits a call. The caller calls end when its handler has returned.
func (c *Conn) begin(ctx context.Context) (end func(), err error) {
	select {
	case c.places <- struct{}{}:
	case <-ctx.Done():
		return nil, contextError(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		<-c.places
		return nil, status.Error(codes.Unavailable, "the server is stopping")
	}
	c.running.Add(1)
	return func() { <-c.places; c.running.Done() }, nil
}

// serverContext returns the context of a handler: of the caller's it has the
// metadata, the deadline and the end.
func (c *Conn) serverContext(client context.Context, t grpc.ServerTransportStream) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(c.stopped)
	if deadline, ok := client.Deadline(); ok {
		ctx, cancel = context.WithDeadline(c.stopped, deadline)
	}
	detach := context.AfterFunc(client, cancel)
	md, _ := metadata.FromOutgoingContext(client) // a copy
	ctx = metadata.NewIncomingContext(ctx, md)
	ctx = grpc.NewContextWithServerTransportStream(ctx, t)
	return ctx, func() { detach(); cancel() }
}

// Invoke implements [grpc.ClientConnInterface].
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	m, ok := c.unary[method]
	if !ok {
		return unknown(method)
	}
	ctx, observed := observe(ctx, c.config.ClientStats, stats.Begin{Client: true}, method)
	t := &transport{method: method, sent: make(chan struct{})}
	answer, err := c.serve(ctx, m, t, args)
	if err == nil {
		err = hand(answer, reply)
	}
	for _, opt := range opts {
		switch opt := opt.(type) {
		case grpc.HeaderCallOption:
			*opt.HeaderAddr = t.header()
		case grpc.TrailerCallOption:
			*opt.TrailerAddr = t.trailer()
		}
	}
	observed(err)
	return err
}

// serve runs the handler of a unary call and waits for it, or for the end of
// the caller.
func (c *Conn) serve(ctx context.Context, m unaryMethod, t *transport, args any) (any, error) {
	end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	var answer any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer end()
		server, cancel := c.serverContext(ctx, t)
		defer cancel()
		server, observed := observe(server, c.config.ServerStats, stats.Begin{}, t.method)
		answer, err = m.handler(m.service, server, func(req any) error { return hand(args, req) }, chainUnary(c.config.Unary))
		err = statusError(err)
		observed(err)
	}()
	select {
	case <-done:
		return answer, err
	case <-ctx.Done():
		return nil, contextError(ctx)
	}
}

// observe tells a stats handler that a call begins; what it returns tells that
// the call has ended.
func observe(ctx context.Context, h stats.Handler, begin stats.Begin, method string) (context.Context, func(error)) {
	if h == nil {
		return ctx, func(error) {}
	}
	ctx = h.TagRPC(ctx, &stats.RPCTagInfo{FullMethodName: method})
	begin.BeginTime = time.Now()
	h.HandleRPC(ctx, &begin)
	return ctx, func(err error) {
		h.HandleRPC(ctx, &stats.End{Client: begin.Client, BeginTime: begin.BeginTime, EndTime: time.Now(), Error: err})
	}
}

// chainUnary makes one interceptor of many.
func chainUnary(all []grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		for _, interceptor := range slices.Backward(all) {
			next := handler
			handler = func(ctx context.Context, req any) (any, error) { return interceptor(ctx, req, info, next) }
		}
		return handler(ctx, req)
	}
}

// unknown refuses a method that no service has.
func unknown(method string) error {
	return status.Errorf(codes.Unimplemented, "unknown method %s", strings.TrimPrefix(method, "/"))
}

// contextError is the status of a call whose caller has ended.
func contextError(ctx context.Context) error { return status.FromContextError(ctx.Err()).Err() }

// statusError makes a status of the error of a handler.
func statusError(err error) error {
	st, ok := status.FromError(err)
	if !ok {
		st = status.FromContextError(err)
	}
	return st.Err()
}
