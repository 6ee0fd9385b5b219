package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/amogate/amogate/internal/process"
)

// pair is an emulator and a server of its account.
type pair struct {
	emulator *process.Emulator
	server   *process.Server
}

// upstream describes an emulated account.
type upstream struct {
	customers int
	latency   time.Duration
	// unlimited lets it take any number of requests.
	unlimited bool
	// noFilters leaves the paid filters out, byID lists in the order of ids.
	noFilters, byID bool
}

func (u upstream) flags() []string {
	flags := []string{"--customers=" + strconv.Itoa(u.customers), "--notes=0", "--latency=" + u.latency.String()}
	if u.unlimited {
		flags = append(flags, "--window=0")
	}
	if u.noFilters {
		flags = append(flags, "--no-filters")
	}
	if u.byID {
		flags = append(flags, "--list-by-id")
	}
	return flags
}

// startPair starts an emulated account and a server of it.
func (b *bench) startPair(ctx context.Context, u upstream, flags ...string) (*pair, error) {
	e, err := process.StartEmulator(ctx, b.binary, b.dir, u.flags()...)
	if err != nil {
		return nil, err
	}
	s, err := e.StartServer(ctx, b.binary, b.dir, flags...)
	if err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	return &pair{e, s}, nil
}

func (p *pair) stop() error { return errors.Join(p.server.Stop(), p.emulator.Stop()) }

// rateFlag sets the requests a second.
func rateFlag(perSecond int) string { return "--rate=" + strconv.Itoa(perSecond) }

// dial connects to a server over gRPC.
func dial(address string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// pause waits for d.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
