package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

const (
	// readHeaderTimeout ends connections that send their headers too slowly to
	// mean it.
	readHeaderTimeout = 10 * time.Second
	// idleTimeout is above the 60 s after which common load balancers let go of
	// idle connections, so that they are not cut while being used again.
	idleTimeout = 120 * time.Second
	// maxHeaderBytes admits the longest filter in a query: 10,000 ids of 19 digits
	// are 310 kB.
	maxHeaderBytes = 512 << 10
)

// newHTTPServer returns a server without a write timeout: a list takes as long
// as the account is large.
func newHTTPServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// stopHTTP waits for the requests in flight, within ctx, and then cuts them.
func stopHTTP(ctx context.Context, s *http.Server) error {
	err := s.Shutdown(ctx)
	if err == nil {
		return nil
	}
	// The listener is closed and its error told; Close only cuts.
	_ = s.Close()
	return fmt.Errorf("stop HTTP: requests in flight were cut: %w", err)
}

func writeStatus(w http.ResponseWriter, code int, status string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	// A prober that left does not read.
	_, _ = fmt.Fprintf(w, "{\"status\":%q}\n", status)
}
