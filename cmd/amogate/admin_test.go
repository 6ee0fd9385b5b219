package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "github.com/amogate/amogate/gen/amogate/admin/v1"
)

// serveAdmin serves an admin address and returns it.
func serveAdmin(t *testing.T, mux *adminMux) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newAdminServer(mux, slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	t.Cleanup(func() {
		_ = s.Close() // its error is that of a listener which is closed already
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// slowAdmin answers when it is let.
type slowAdmin struct {
	adminv1.UnimplementedAdminServiceServer
	entered, let chan struct{}
}

func (s *slowAdmin) ListAccounts(ctx context.Context, _ *adminv1.ListAccountsRequest) (*adminv1.ListAccountsResponse, error) {
	s.entered <- struct{}{}
	select {
	case <-s.let:
	case <-ctx.Done():
	}
	return &adminv1.ListAccountsResponse{}, ctx.Err()
}

func (s *slowAdmin) GetAccount(context.Context, *adminv1.GetAccountRequest) (*adminv1.Account, error) {
	panic("no luck")
}

func (m *adminMux) isOpen() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.grpc != nil
}

func TestAdminMux_admitsTheAdministrationWhileItIsOpen(t *testing.T) {
	ready := false
	mux := newAdminMux(http.NotFoundHandler(), func() bool { return ready })
	address := serveAdmin(t, mux)
	client := adminv1.NewAdminServiceClient(dial(t, address))
	ask := func() error {
		_, err := client.ListAccounts(t.Context(), &adminv1.ListAccountsRequest{})
		return err
	}
	if err := ask(); status.Code(err) != codes.Unavailable || !strings.Contains(status.Convert(err).Message(), "starting or stopping") {
		t.Errorf("before it is open: %v", err)
	}
	get(t, "http://"+address+"/healthz", http.StatusOK)
	get(t, "http://"+address+"/readyz", http.StatusServiceUnavailable)
	ready = true
	get(t, "http://"+address+"/readyz", http.StatusOK)

	slow := &slowAdmin{entered: make(chan struct{}), let: make(chan struct{})}
	service := newAdminGRPC(slow, "", slog.New(slog.DiscardHandler))
	defer service.Stop()
	mux.open(service)
	answered := make(chan error, 1)
	go func() { answered <- ask() }()
	<-slow.entered
	closed := make(chan error, 1)
	go func() { closed <- mux.close(t.Context()) }()
	for mux.isOpen() {
		runtime.Gosched()
	}
	if err := ask(); status.Code(err) != codes.Unavailable {
		t.Errorf("a call is let in while the administration closes: %v", err)
	}
	close(slow.let)
	if err := <-answered; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestAdminMux_doesNotWaitForEver(t *testing.T) {
	mux := newAdminMux(http.NotFoundHandler(), func() bool { return true })
	client := adminv1.NewAdminServiceClient(dial(t, serveAdmin(t, mux)))
	slow := &slowAdmin{entered: make(chan struct{}), let: make(chan struct{})}
	service := newAdminGRPC(slow, "", slog.New(slog.DiscardHandler))
	defer service.Stop()
	mux.open(service)
	answered := make(chan error, 1)
	go func() {
		_, err := client.ListAccounts(t.Context(), &adminv1.ListAccountsRequest{})
		answered <- err
	}()
	<-slow.entered
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := mux.close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: %v", err)
	}
	close(slow.let)
	if err := <-answered; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
}

func TestAdmin_survivesAPanic(t *testing.T) {
	mux := newAdminMux(http.NotFoundHandler(), func() bool { return true })
	client := adminv1.NewAdminServiceClient(dial(t, serveAdmin(t, mux)))
	service := newAdminGRPC(&slowAdmin{}, "", slog.New(slog.DiscardHandler))
	defer service.Stop()
	mux.open(service)
	_, err := client.GetAccount(t.Context(), &adminv1.GetAccountRequest{Name: "shop"})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "luck") {
		t.Errorf("error %v, want INTERNAL without the cause", err)
	}
}

func TestReachable(t *testing.T) {
	for address, want := range map[string]string{
		":9100": "127.0.0.1:9100", "0.0.0.0:9100": "127.0.0.1:9100", "[::]:9100": "127.0.0.1:9100",
		"10.0.0.1:9100": "10.0.0.1:9100", "amogate:9100": "amogate:9100",
	} {
		if got := reachable(address); got != want {
			t.Errorf("%q is reached at %q, want %q", address, got, want)
		}
	}
}
