package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	adminv1 "github.com/amogate/amogate/gen/amogate/admin/v1"
)

// newAdminGRPC returns the gRPC server of the administration of a store. name
// tells the store to clients, which look for the administration of theirs.
func newAdminGRPC(service adminv1.AdminServiceServer, name string, logger *slog.Logger) *grpc.Server {
	s := grpc.NewServer(grpc.ChainUnaryInterceptor(
		logAdmin(logger),
		recovery.UnaryServerInterceptor(recovery.WithRecoveryHandlerContext(func(ctx context.Context, cause any) error {
			logger.ErrorContext(ctx, "administration panicked", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			return status.Error(codes.Internal, "internal error; the log tells more")
		})),
		func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			// It fails only after the header has left, which it has not.
			_ = grpc.SetHeader(ctx, metadata.Pairs(storeKey, name))
			return handle(ctx, request)
		},
	))
	adminv1.RegisterAdminServiceServer(s, service)
	states := health.NewServer()
	states.SetServingStatus(adminv1.AdminService_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(s, states)
	reflection.Register(s)
	return s
}

// logAdmin logs a line for each call that looks at an account or changes one.
// Requests hold secrets; their account's name is all that is shown.
func logAdmin(logger *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		begun := time.Now()
		answer, err := handle(ctx, request)
		if !strings.HasPrefix(info.FullMethod, "/"+adminv1.AdminService_ServiceDesc.ServiceName+"/") {
			return answer, err
		}
		attrs := []slog.Attr{
			slog.String("method", info.FullMethod),
			slog.String("code", status.Code(err).String()),
			slog.Float64("duration_ms", float64(time.Since(begun).Microseconds())/1000),
		}
		if named, ok := request.(interface{ GetName() string }); ok {
			attrs = append(attrs, slog.String("account", clip(named.GetName())))
		}
		if err != nil {
			attrs = append(attrs, slog.String("error", status.Convert(err).Message()))
		}
		logger.LogAttrs(ctx, slog.LevelInfo, "administration", attrs...)
		return answer, err
	}
}

// clip bounds a text of a caller for the log.
func clip(text string) string {
	const most = 64
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// adminMux is the handler of the admin address. It answers health from the
// start, and the administration from opens to closes.
type adminMux struct {
	pages http.Handler

	mu sync.RWMutex
	// grpc is the administration; nil = not open.
	grpc http.Handler
	// calls are those that run.
	calls sync.WaitGroup
}

// newAdminMux returns the handler. It holds no profiler and no command line:
// they tell secrets.
func newAdminMux(metrics http.Handler, ready func() bool) *adminMux {
	pages := http.NewServeMux()
	pages.Handle("GET /metrics", metrics)
	pages.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeStatus(w, http.StatusOK, "alive")
	})
	pages.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if ready() {
			writeStatus(w, http.StatusOK, "ready")
			return
		}
		writeStatus(w, http.StatusServiceUnavailable, "not_ready")
	})
	return &adminMux{pages: pages}
}

// open lets calls of the administration in.
func (m *adminMux) open(administration http.Handler) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.grpc = administration
}

// close lets no more calls in and waits for those that run, within ctx.
func (m *adminMux) close(ctx context.Context) error {
	m.mu.Lock()
	m.grpc = nil
	m.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.calls.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop administration: calls in flight are cut: %w", ctx.Err())
	}
}

// begin returns the administration and notes that a call runs; nil = not open.
func (m *adminMux) begin() http.Handler {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.grpc != nil {
		m.calls.Add(1)
	}
	return m.grpc
}

// ServeHTTP implements [http.Handler].
func (m *adminMux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 2 || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		m.pages.ServeHTTP(w, r)
		return
	}
	administration := m.begin()
	if administration == nil {
		// gRPC without a body: the status is in the header.
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", strconv.FormatUint(uint64(codes.Unavailable), 10))
		w.Header().Set("Grpc-Message", "amogate is starting or stopping; try again in a moment")
		w.WriteHeader(http.StatusOK)
		return
	}
	defer m.calls.Done()
	administration.ServeHTTP(w, r)
}

// newAdminServer returns the server of the admin address, which speaks HTTP/1
// and, for gRPC, HTTP/2 in clear.
func newAdminServer(handler http.Handler, logger *slog.Logger) *http.Server {
	s := newHTTPServer(handler, logger)
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}
