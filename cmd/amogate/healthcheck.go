package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// healthcheckTimeout is below what container engines wait by default (3 s and
// more), so that the answer comes from here.
const healthcheckTimeout = 2 * time.Second

type healthcheckCommand struct {
	GRPCAddr string `name:"grpc-addr" env:"AMOGATE_GRPC_ADDR" default:"127.0.0.1:9090" help:"Address of the gRPC server to ask. An address of every interface means this host."`

	unreadable problems
}

func (c *healthcheckCommand) run(ctx context.Context, _ streams) error {
	p := c.unreadable
	host, port, err := net.SplitHostPort(c.GRPCAddr)
	if err != nil {
		p.add("grpc-addr", "%q is not an address; give HOST:PORT, for instance 127.0.0.1:9090", c.GRPCAddr)
	}
	if err := p.err(); err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1" // in an image without a hosts file, too
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	conn, err := grpc.NewClient(net.JoinHostPort(host, port),
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
