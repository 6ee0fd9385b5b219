package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// answerTimeout is how long a process of this host is waited for. It is below
// what container engines wait by default (3 s and more), so that the answer of
// healthcheck comes from here.
const answerTimeout = 2 * time.Second

type healthcheckCommand struct {
	GRPCAddr string `name:"grpc-addr" env:"AMOGATE_GRPC_ADDR" default:"127.0.0.1:9090" help:"Address of the gRPC server to ask. An address of every interface means this host."`

	unreadable problems
}

func (c *healthcheckCommand) refuse(unreadable problems) { c.unreadable = unreadable }

func (c *healthcheckCommand) run(ctx context.Context, _ streams) error {
	p := c.unreadable
	p.checkAddress("grpc-addr", c.GRPCAddr)
	if err := p.err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	conn, err := grpc.NewClient(reachable(c.GRPCAddr),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// A proxy is not for the server of this host.
		grpc.WithNoProxy())
	if err != nil {
		return fmt.Errorf("ask %s: %w", c.GRPCAddr, err)
	}
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(false))
	// The answer decides; the process ends with the connection.
	_ = conn.Close()
	if err != nil {
		return fmt.Errorf("ask %s: %w", c.GRPCAddr, err)
	}
	if s := answer.GetStatus(); s != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("ask %s: the server is %s", c.GRPCAddr, s)
	}
	return nil
}
