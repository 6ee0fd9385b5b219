package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/amogate/amogate/admin"
	"github.com/amogate/amogate/amo"
	adminv1 "github.com/amogate/amogate/gen/amogate/admin/v1"
	"github.com/amogate/amogate/store"
)

// defaultAdminAddr is where serve listens unless it is told otherwise.
const defaultAdminAddr = "127.0.0.1:9100"

// storeKey is the header in which the administration tells whose it is.
const storeKey = "amogate-store"

// administration is a connection to an AdminService: that of a running serve, or
// one of this process over a store that nobody else holds.
type administration struct {
	adminv1.AdminServiceClient

	// direct says that the service is this process's, shared that other
	// processes may serve the same store.
	direct, shared bool
	ends           []func(context.Context) error
}

// close ends the connection, and the service if it is this process's.
func (a *administration) close(ctx context.Context) error {
	var errs []error
	for _, end := range slices.Backward(a.ends) {
		errs = append(errs, end(ctx))
	}
	return errors.Join(errs...)
}

// connect finds the administration of the store: at the address that was given,
// in the process that holds the SQLite file, at the usual address when its
// accounts are those of the same PostgreSQL database, or here.
func (f *adminFlags) connect(ctx context.Context, out streams, makes bool) (*administration, error) {
	p := f.check()
	if err := p.err(); err != nil {
		return nil, err
	}
	if f.AdminAddr != "" {
		a, _, err := dialAdmin(ctx, f.AdminAddr)
		if err != nil {
			return nil, &exitError{exitUnavailable, fmt.Errorf("--admin-addr: no amogate serve answers at %s: %w; "+
				"start it, or leave the address out to open the store here", f.AdminAddr, err)}
		}
		return a, nil
	}
	s := stateSettings{
		store: f.State.read(&p), integration: f.OAuth.read(&p),
		allowInsecureUpstream: f.AllowInsecureUpstream,
		client:                amo.Config{Rate: f.Rate, UserAgent: userAgent()},
	}
	if !makes && s.store.file != "" && !exists(s.store.file) {
		p.add("store", "%q does not exist yet; add an account, or give the --data-dir or the --store of serve, or its --admin-addr", s.store.file)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	if s.store.file == "" {
		a, name, err := dialAdmin(ctx, defaultAdminAddr)
		switch {
		case err == nil && name == s.store.name():
			return a, nil
		case err == nil:
			// Somebody's, but not the one of this store.
			if err := a.close(ctx); err != nil {
				return nil, err
			}
		}
	}
	a, err := direct(ctx, s, out)
	held, ok := errors.AsType[*store.HeldError](err)
	if !ok {
		return a, err
	}
	if held.AdminAddr == "" {
		return nil, &exitError{exitHeld, err}
	}
	a, name, err := dialAdmin(ctx, held.AdminAddr)
	switch {
	case err != nil:
		return nil, &exitError{exitHeld, fmt.Errorf("%w; it does not answer: %w", held, err)}
	case !isStoreOf(s.store, name):
		// The holder may live in a container, where the same address is its own.
		err = fmt.Errorf("%w; the amogate serve that answers at this address has the store %s: give the --admin-addr at which the holder is reached from here", held, name)
		return nil, &exitError{exitHeld, errors.Join(err, a.close(ctx))}
	}
	return a, nil
}

// isStoreOf says that the name of an administration's store is that of a SQLite
// file, which may have several.
func isStoreOf(c storeConfig, name string) bool {
	u, err := url.Parse(name)
	if err != nil || u.Scheme != "sqlite" {
		return false
	}
	theirs, err := os.Stat(u.Path)
	if err != nil {
		return false
	}
	ours, err := os.Stat(c.file)
	return err == nil && os.SameFile(ours, theirs)
}

// dialAdmin connects to the administration at an address, if one answers, and
// tells the name of its store.
func dialAdmin(ctx context.Context, address string) (*administration, string, error) {
	conn, err := grpc.NewClient("passthrough:"+reachable(address),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// A proxy is not for the administration.
		grpc.WithNoProxy())
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var header metadata.MD
	_, err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: adminv1.AdminService_ServiceDesc.ServiceName},
		grpc.Header(&header))
	if err != nil {
		// What matters is why nobody answered.
		_ = conn.Close()
		return nil, "", errors.New(status.Convert(err).Message())
	}
	return &administration{
		AdminServiceClient: adminv1.NewAdminServiceClient(conn),
		ends:               []func(context.Context) error{func(context.Context) error { return conn.Close() }},
	}, strings.Join(header.Get(storeKey), ""), nil
}

// reachable returns the address at which this host reaches a listener: one of
// every interface means this host.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1" // in an image without a hosts file, too
	}
	return net.JoinHostPort(host, port)
}

// pipeBytes is the buffer between a command and the administration it serves
// itself; its answers are small.
const pipeBytes = 64 << 10

// direct opens the store and serves its administration on a pipe, so that
// commands take the same way as with a running serve.
func direct(ctx context.Context, s stateSettings, out streams) (*administration, error) {
	var p problems
	// Whoever types a command reads its answer; a log is for what goes wrong.
	s.logger = p.readLogger("warn", "text", out.stderr)
	s.client.Logger = s.logger
	opened, err := openState(ctx, s)
	if err != nil {
		return nil, err
	}
	answers, err := admin.New(opened.registry)
	if err != nil {
		return nil, errors.Join(err, opened.close(ctx))
	}
	service := newAdminGRPC(answers, s.store.name(), s.logger)
	pipe := bufconn.Listen(pipeBytes)
	done := make(chan error, 1)
	go func() { done <- service.Serve(pipe) }()
	a := &administration{direct: true, shared: s.store.file == "", ends: []func(context.Context) error{
		opened.close,
		func(context.Context) error {
			service.Stop()
			return <-done
		},
	}}
	conn, err := grpc.NewClient("passthrough:admin",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect: %w", err), a.close(ctx))
	}
	a.AdminServiceClient = adminv1.NewAdminServiceClient(conn)
	a.ends = append(a.ends, func(context.Context) error { return conn.Close() })
	return a, nil
}

// exitCodes are those of the administration's errors that are no plain failures.
var exitCodes = map[codes.Code]int{codes.InvalidArgument: exitUsage, codes.Unavailable: exitUnavailable}

// adminError makes an error of the administration one line with an exit code.
func adminError(err error) error {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	code, ok := exitCodes[s.Code()]
	if !ok {
		code = exitFailed
	}
	message := s.Message()
	if s.Code() == codes.DeadlineExceeded {
		message = "no answer within --timeout; the log of serve tells what became of it"
	}
	if found := violations(s); found != "" {
		message = found
	}
	return &exitError{code, errors.New(message)}
}
