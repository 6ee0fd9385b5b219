package inprocess

import (
	"context"
	"io"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
)

// aheadMessages is how many messages a handler may be ahead of its reader, about
// as much as the buffers of a connection hold.
const aheadMessages = 32

// call is a stream of messages from a server to its client.
type call struct {
	transport

	request  chan any
	messages chan any
	// ended is closed when the handler has returned. A message may still be on
	// its way from a goroutine that the handler left behind.
	ended chan struct{}
	// err is how the call ended; it is set before ended is closed.
	err error
}

// NewStream implements [grpc.ClientConnInterface].
func (c *Conn) NewStream(ctx context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	m, ok := c.stream[method]
	if !ok {
		return nil, unknown(method)
	}
	end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	ctx, observed := observe(ctx, c.config.ClientStats, stats.Begin{Client: true, IsServerStream: true}, method)
	s := &call{
		transport: transport{method: method, sent: make(chan struct{})},
		request:   make(chan any, 1),
		messages:  make(chan any, aheadMessages),
		ended:     make(chan struct{}),
	}
	var once sync.Once
	client := &clientStream{call: s, ctx: ctx, finish: func(err error) { once.Do(func() { observed(err) }) }}
	// A client that goes away does not read to the end.
	client.detach = context.AfterFunc(ctx, func() { client.finish(contextError(ctx)) })
	go func() {
		defer end()
		c.run(ctx, m, s)
	}()
	return client, nil
}

// run runs the handler of a stream.
func (c *Conn) run(client context.Context, m streamMethod, s *call) {
	ctx, cancel := c.serverContext(client, s)
	defer cancel()
	ctx, observed := observe(ctx, c.config.ServerStats, stats.Begin{IsServerStream: true}, s.method)
	info := &grpc.StreamServerInfo{FullMethod: s.method, IsServerStream: true}
	err := chainStream(c.config.Stream)(m.service, &serverStream{call: s, ctx: ctx}, info, m.desc.Handler)
	s.err = statusError(err)
	observed(s.err)
	s.send()
	cancel() // what the handler left behind sends no more
	close(s.ended)
}

// chainStream makes one interceptor of many.
func chainStream(all []grpc.StreamServerInterceptor) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		for _, interceptor := range slices.Backward(all) {
			next := handler
			handler = func(srv any, stream grpc.ServerStream) error { return interceptor(srv, stream, info, next) }
		}
		return handler(srv, stream)
	}
}

// serverStream is a call as its handler sees it.
type serverStream struct {
	*call

	ctx context.Context //nolint:containedctx // a stream hands its context to its handler
}

var _ grpc.ServerStream = (*serverStream)(nil)

// Context implements [grpc.ServerStream].
func (s *serverStream) Context() context.Context { return s.ctx }

// SetTrailer implements [grpc.ServerStream].
func (s *serverStream) SetTrailer(md metadata.MD) { _ = s.call.SetTrailer(md) } // it cannot fail

// SendMsg implements [grpc.ServerStream].
func (s *serverStream) SendMsg(m any) error {
	s.send()
	if s.ctx.Err() != nil {
		return contextError(s.ctx)
	}
	select {
	case s.messages <- m:
		return nil
	case <-s.ctx.Done():
		return contextError(s.ctx)
	}
}

// RecvMsg implements [grpc.ServerStream].
func (s *serverStream) RecvMsg(m any) error {
	select {
	case request, ok := <-s.request:
		if !ok {
			return io.EOF
		}
		return hand(request, m)
	case <-s.ctx.Done():
		return contextError(s.ctx)
	}
}

// clientStream is a call as its caller sees it.
type clientStream struct {
	*call

	ctx context.Context //nolint:containedctx // a stream has the context of its call
	// finish notes how the call ended, once.
	finish func(error)
	// detach gives up waiting for the end of ctx.
	detach func() bool
}

var _ grpc.ClientStream = (*clientStream)(nil)

// Context implements [grpc.ClientStream].
func (s *clientStream) Context() context.Context { return s.ctx }

// Header implements [grpc.ClientStream].
func (s *clientStream) Header() (metadata.MD, error) {
	select {
	case <-s.sent:
		return s.header(), nil
	case <-s.ctx.Done():
		return nil, contextError(s.ctx)
	}
}

// Trailer implements [grpc.ClientStream].
func (s *clientStream) Trailer() metadata.MD { return s.trailer() }

// SendMsg implements [grpc.ClientStream]; it is called once.
func (s *clientStream) SendMsg(m any) error {
	s.request <- m
	return nil
}

// CloseSend implements [grpc.ClientStream].
func (s *clientStream) CloseSend() error {
	close(s.request)
	return nil
}

// RecvMsg implements [grpc.ClientStream].
func (s *clientStream) RecvMsg(m any) error {
	select {
	case message := <-s.messages:
		return hand(message, m)
	case <-s.ctx.Done():
		return contextError(s.ctx)
	case <-s.ended:
	}
	select {
	case message := <-s.messages:
		return hand(message, m)
	default:
	}
	s.detach()
	s.finish(s.err)
	if s.err == nil {
		return io.EOF
	}
	return s.err
}
