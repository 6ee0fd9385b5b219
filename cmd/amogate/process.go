package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/admin"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/internal/telemetry"
	"github.com/amogate/amogate/server"
	"github.com/amogate/amogate/server/gateway"
)

const (
	// flushTimeout bounds the export of the last spans.
	flushTimeout = 3 * time.Second
)

// listeners are the sockets of one process.
type listeners struct{ rest, grpc, admin, sandbox net.Listener }

// listen opens every socket or none, and tells of all that failed.
func listen(ctx context.Context, s settings) (*listeners, error) {
	var l listeners
	var errs []error
	open := func(to *net.Listener, flag, address string) {
		var config net.ListenConfig
		opened, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
			return
		}
		*to = opened
	}
	open(&l.rest, "rest-addr", s.rest)
	open(&l.grpc, "grpc-addr", s.grpc)
	open(&l.admin, "admin-addr", s.admin)
	if s.sandbox != nil {
		open(&l.sandbox, "sandbox", "127.0.0.1:0")
	}
	if err := errors.Join(errs...); err != nil {
		l.close()
		return nil, &exitError{exitUnavailable, fmt.Errorf("listen: %w", err)}
	}
	return &l, nil
}

// close closes what is open; a listener that its server has closed already says
// so, which is of no interest.
func (l *listeners) close() {
	for _, opened := range []net.Listener{l.rest, l.grpc, l.admin, l.sandbox} {
		if opened != nil {
			_ = opened.Close()
		}
	}
}

// process is everything that runs in one serve.
type process struct {
	listeners *listeners
	state     *state
	server    *server.Server
	rest      *http.Server
	mux       *adminMux
	adminGRPC *grpc.Server
	admin     *http.Server
	sandbox   *http.Server // nil = no sandbox
	// sandboxDir is the data directory of the sandbox, "" without one.
	sandboxDir string
	watch      *storeWatch
	tasks      tasks
	// ready is whether the server takes calls.
	ready atomic.Bool
}

// serve runs until ctx is done or a part fails, then stops in good order.
func serve(ctx context.Context, s settings, out streams) error {
	b := readBuild()
	tel, err := telemetry.Start(ctx, telemetry.Config{Version: b.version, Commit: b.commit, Logger: s.logger})
	if err != nil {
		return &exitError{exitConfig, err}
	}
	err = serveWith(ctx, s, tel, out)
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if stopErr := tel.Shutdown(flush); stopErr != nil {
		// The calls are served; a collector that is away is not our failure.
		s.logger.WarnContext(ctx, "telemetry is incomplete", "error", stopErr)
	}
	return err
}

func serveWith(ctx context.Context, s settings, tel *telemetry.Telemetry, out streams) error {
	opened, err := listen(ctx, s)
	if err != nil {
		return err
	}
	defer opened.close()
	p := &process{listeners: opened, tasks: newTasks()}
	if err := p.build(ctx, s, tel); err != nil {
		if err = errors.Join(err, p.close(context.WithoutCancel(ctx), s)); errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return nil // a signal came before there was anything to stop
		}
		return err
	}
	p.start()
	p.announce(ctx, s, out)

	var failed error
	select {
	case <-ctx.Done():
	case failed = <-p.tasks.failed:
		s.logger.ErrorContext(ctx, "failed", "error", failed)
	}
	s.logger.InfoContext(ctx, "stopping", "drain_delay", s.drainDelay.String(), "stop_timeout", s.stopTimeout.String())
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.stopTimeout)
	defer cancel()
	if err := errors.Join(failed, p.stop(bounded)); err != nil {
		return err
	}
	s.logger.InfoContext(ctx, "stopped")
	return nil
}

// build makes the parts from the store outwards: the state with its accounts,
// gRPC server, gateway. The admin address answers from the start, so that a start
// that waits for the store can be looked at.
func (p *process) build(ctx context.Context, s settings, tel *telemetry.Telemetry) error {
	p.mux = newAdminMux(tel.MetricsHandler(), p.isReady)
	p.admin = newAdminServer(p.mux, s.logger)
	p.tasks.add(func() error { return p.admin.Serve(p.listeners.admin) })
	p.tasks.start()
	if s.sandbox != nil {
		if err := p.buildSandbox(&s); err != nil {
			return err
		}
	}
	var err error
	if p.state, err = openState(ctx, s.state(p.listeners.admin.Addr().String())); err != nil {
		return err
	}
	drainDelay := s.drainDelay
	if drainDelay == 0 {
		drainDelay = -1 // the server's zero is its default
	}
	p.server, err = server.New(server.Config{
		Accounts:    server.RegisteredAccounts{Registry: p.state.registry},
		Requests:    p.state.requests,
		Logger:      s.logger,
		DrainDelay:  drainDelay,
		StopTimeout: s.stopTimeout,
		StreamStall: s.store.settings.StreamStall,
		Stats:       tel.ServerStats(),
		ConnStats:   tel.ClientStats(),
	})
	if err != nil {
		return err
	}
	p.watch = newStoreWatch(p.state.store, s.store.settings, s.logger, p.server.SetServing)
	answers, err := admin.New(p.state.registry)
	if err != nil {
		return err
	}
	p.adminGRPC = newAdminGRPC(answers, s.store.name(), s.logger)
	return p.buildREST(ctx, s, tel)
}

// isReady says whether calls are taken: not before the store is open, and not
// while the server drains. A store that goes away later does not change it.
func (p *process) isReady() bool { return p.ready.Load() && p.server.Ready() }

// buildSandbox puts an emulated account behind a socket of its own, so that the
// path to it is the one to a real account, and the state into a directory that
// does not outlive the process.
func (p *process) buildSandbox(s *settings) error {
	e, err := emulator.New(*s.sandbox)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	host, err := amo.ParseURL("http://"+p.listeners.sandbox.Addr().String(), true)
	if err != nil {
		return err
	}
	if p.sandboxDir, err = os.MkdirTemp("", "amogate-sandbox-"); err != nil {
		return &exitError{exitUnavailable, fmt.Errorf("--sandbox: %w", err)}
	}
	p.sandbox = newHTTPServer(e, s.logger)
	s.account = &flagAccount{host: host, auth: amo.BearerToken(emulator.DefaultToken)}
	s.allowInsecureUpstream = true
	s.store = sandboxStore(p.sandboxDir, s.store)
	return nil
}

// buildREST puts the gateway before the gRPC server: REST calls pass the same
// interceptors as all others. Browsers that come back from a consent pass it by.
func (p *process) buildREST(ctx context.Context, s settings, tel *telemetry.Telemetry) error {
	rest, err := gateway.New(ctx, p.server.Conn(), gateway.Options{
		Ready:  p.isReady,
		Stall:  s.store.settings.StreamStall,
		Logger: s.logger,
	})
	if err != nil {
		return fmt.Errorf("build gateway: %w", err)
	}
	callback := p.state.registry.Callback()
	p.rest = newHTTPServer(tel.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == account.CallbackPath {
			callback.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})), s.logger)
	return nil
}

func (p *process) start() {
	if p.sandbox != nil {
		p.tasks.add(func() error { return p.sandbox.Serve(p.listeners.sandbox) })
	}
	p.tasks.add(func() error { return p.server.Serve(p.listeners.grpc) })
	p.tasks.add(func() error { return p.rest.Serve(p.listeners.rest) })
	p.tasks.add(p.watch.run)
	p.mux.open(p.adminGRPC)
	p.ready.Store(true)
	p.tasks.start()
}

// announce tells the addresses, which with port 0 nobody else knows.
func (p *process) announce(ctx context.Context, s settings, out streams) {
	attributes := []any{
		"rest", p.listeners.rest.Addr().String(),
		"grpc", p.listeners.grpc.Addr().String(),
		"admin", p.listeners.admin.Addr().String(),
		"version", readBuild().version,
	}
	if s.sandbox == nil {
		attributes = append(attributes, "store", s.store.name())
	}
	if s.account != nil {
		attributes = append(attributes, "account_url", s.account.host.String(), "rate", s.rate)
	}
	if p.sandbox == nil {
		s.logger.InfoContext(ctx, "serving", attributes...)
		return
	}
	stats := "http://" + p.listeners.sandbox.Addr().String() + "/__emulator/stats"
	s.logger.InfoContext(ctx, "serving", append(attributes, "sandbox", true, "sandbox_stats", stats)...)
	// For people only; who cannot read it loses nothing.
	_, _ = fmt.Fprintf(out.stderr, "sandbox with %d customers; what it saw: curl %s\ntry: curl 'http://%s/v1/customers?page_size=2'\n",
		s.sandbox.Customers, stats, p.listeners.rest.Addr())
}

// stop ends the parts from the callers inwards: gRPC with its streams, which
// REST hangs on, then REST, the administration, the accounts with their tokens
// and the store, and last the admin address, so that probes and scrapes see the
// end. All but the tokens end with ctx.
func (p *process) stop(ctx context.Context) error {
	errs := []error{
		p.server.Drain(ctx),
		stopHTTP(ctx, p.rest),
		p.mux.close(ctx),
	}
	p.watch.stop()
	// Tokens that are on their way are waited for beyond ctx: who does not get
	// them needs a person to authorize the account again.
	errs = append(errs, p.state.close(context.WithoutCancel(ctx)))
	if p.sandbox != nil {
		errs = append(errs, stopHTTP(ctx, p.sandbox), os.RemoveAll(p.sandboxDir))
	}
	p.adminGRPC.Stop()
	errs = append(errs, stopHTTP(ctx, p.admin))
	p.tasks.wait()
	return errors.Join(errs...)
}

// close lets go of what build made before it failed.
func (p *process) close(ctx context.Context, s settings) error {
	ctx, cancel := context.WithTimeout(ctx, s.stopTimeout)
	defer cancel()
	var errs []error
	if p.state != nil {
		errs = append(errs, p.state.close(ctx))
	}
	if p.adminGRPC != nil {
		p.adminGRPC.Stop()
	}
	if p.sandboxDir != "" {
		errs = append(errs, os.RemoveAll(p.sandboxDir))
	}
	errs = append(errs, stopHTTP(ctx, p.admin))
	p.tasks.wait()
	return errors.Join(errs...)
}
