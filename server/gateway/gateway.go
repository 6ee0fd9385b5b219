package gateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Options are the settings of a gateway. The zero value works.
type Options struct {
	// Ready tells whether the process wants traffic; /readyz shows it. Nil =
	// always.
	Ready func() bool
	// Stall is how long a client may take nothing of an answer that is ready for
	// it before its connection is cut. 0 = 60 s.
	Stall time.Duration
	// Logger receives panics and failures whose cause callers must not see. Nil
	// = slog.Default.
	Logger *slog.Logger
}

// gateway is the handler that New returns.
type gateway struct {
	ready    func() bool
	stall    time.Duration
	log      *slog.Logger
	bindings bindings
	mux      *runtime.ServeMux
	origins  *http.CrossOriginProtection
}

// New makes the REST handler over conn, a connection to the gRPC server. The
// handler is safe for concurrent use; it does not close conn. ctx bounds
// nothing but New itself.
func New(ctx context.Context, conn grpc.ClientConnInterface, opts Options) (http.Handler, error) {
	g := &gateway{
		ready:   opts.Ready,
		stall:   cmp.Or(opts.Stall, defaultStall),
		log:     opts.Logger,
		origins: http.NewCrossOriginProtection(),
	}
	if g.ready == nil {
		g.ready = func() bool { return true }
	}
	if g.log == nil {
		g.log = slog.Default()
	}
	var err error
	if g.bindings, err = readBindings(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.mux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, newMarshaler(g.bindings)),
		runtime.WithMiddlewares(g.check),
		runtime.WithIncomingHeaderMatcher(incomingHeader),
		runtime.WithOutgoingHeaderMatcher(outgoingHeader),
		runtime.WithMetadata(implicitMask),
		runtime.WithMetadata(remoteAddress),
		runtime.WithForwardResponseOption(startStream),
		runtime.WithErrorHandler(g.callError),
		runtime.WithStreamErrorHandler(g.streamError),
		runtime.WithRoutingErrorHandler(g.routingError),
		// A POST of a form would stand for another verb.
		runtime.WithDisablePathLengthFallback(),
		// net/http chooses the transfer encoding, which HTTP/2 does not have.
		runtime.WithDisableChunkedEncoding(),
	)
	if err := register(ctx, g.mux, callConn{conn}); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return g, nil
}

// register routes the services, one line each.
func register(ctx context.Context, mux *runtime.ServeMux, conn grpc.ClientConnInterface) error {
	return errors.Join(
		amogatev1.RegisterCustomerServiceHandlerClient(ctx, mux, amogatev1.NewCustomerServiceClient(conn)),
		amogatev1.RegisterTransactionServiceHandlerClient(ctx, mux, amogatev1.NewTransactionServiceClient(conn)),
		amogatev1.RegisterPeriodServiceHandlerClient(ctx, mux, amogatev1.NewPeriodServiceClient(conn)),
		amogatev1.RegisterNoteServiceHandlerClient(ctx, mux, amogatev1.NewNoteServiceClient(conn)),
		amogatev1.RegisterCustomerStatusServiceHandlerClient(ctx, mux, amogatev1.NewCustomerStatusServiceClient(conn)),
		amogatev1.RegisterCustomerSegmentServiceHandlerClient(ctx, mux, amogatev1.NewCustomerSegmentServiceClient(conn)),
		amogatev1.RegisterCustomersModeServiceHandlerClient(ctx, mux, amogatev1.NewCustomersModeServiceClient(conn)),
	)
}

// ServeHTTP implements [http.Handler].
func (g *gateway) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := &response{ResponseWriter: rw, stall: g.stall}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	r = r.Clone(r.Context())
	// To a client that takes trailers the runtime would send the server's, all of
	// them. No answer of this API has any.
	r.Header.Del("TE")
	if r.Header.Get(requestIDHeader) == "" {
		// The server would make one up, but the answers that are born here need
		// it too.
		r.Header.Set(requestIDHeader, rand.Text())
	}
	defer w.finish()
	defer g.recover(w, r)

	switch r.URL.Path {
	case "/healthz", "/readyz", "/openapi.json":
		g.serveOwn(w, r)
		return
	}
	if r.Method == http.MethodOptions {
		g.serveOptions(w, r)
		return
	}
	g.mux.ServeHTTP(w, r)
}

// recover answers for a handler that panicked.
func (g *gateway) recover(w *response, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares the panic value itself
		panic(v)
	}
	g.log.ErrorContext(r.Context(), "gateway panicked",
		slog.Any("panic", v),
		slog.String("path", r.URL.Path),
		slog.String("request_id", r.Header.Get(requestIDHeader)),
		slog.String("stack", string(debug.Stack())))
	if w.started {
		// Part of an answer is out. Cutting the connection is the only way left
		// to say that the rest is missing.
		panic(http.ErrAbortHandler)
	}
	g.write(w, r, fault(codes.Internal, amogatev1.ErrorReason_ERROR_REASON_PANIC,
		"internal error; the request id finds it in the log"), 0)
}

// serveOptions tells the verbs of a path. It allows no foreign origin: without
// CORS headers browsers keep their pages away.
func (g *gateway) serveOptions(w http.ResponseWriter, r *http.Request) {
	allow := g.bindings.allow(r.URL.Path)
	if allow == "" {
		g.routeNotFound(w, r)
		return
	}
	w.Header().Set("Allow", allow)
	w.WriteHeader(http.StatusNoContent)
}
