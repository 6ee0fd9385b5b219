package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/amogate/amogate/internal/pgtest"
)

// databases are PostgreSQL servers, found or made when the first row asks. A row
// that needs one fails where there is none.
type databases struct {
	mu     sync.Mutex
	server *pgtest.Server
	own    *pgtest.Cluster
}

// create makes an empty database and returns its URL and what removes it.
func (d *databases) create(ctx context.Context) (url string, drop func() error, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server == nil {
		if d.server, err = pgtest.Find(ctx); err != nil {
			return "", nil, err
		}
	}
	if url, err = d.server.Create(ctx); err != nil {
		return "", nil, err
	}
	return url, func() error { return d.server.Drop(context.WithoutCancel(ctx), url) }, nil
}

// cluster returns the server that rows may stop. They leave it running.
func (d *databases) cluster(ctx context.Context) (*pgtest.Cluster, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.own == nil {
		own, err := pgtest.NewCluster(ctx)
		if err != nil {
			return nil, err
		}
		d.own = own
	}
	return d.own, nil
}

// stoppable makes an empty database on the server that rows may stop.
func (d *databases) stoppable(ctx context.Context) (*pgtest.Cluster, string, error) {
	cluster, err := d.cluster(ctx)
	if err != nil {
		return nil, "", err
	}
	server := &pgtest.Server{URL: cluster.URL}
	url, err := server.Create(ctx)
	return cluster, url, err
}

func (d *databases) close() {
	// What stays behind of a throw-away server does no harm.
	if d.server != nil {
		_ = d.server.Close()
	}
	if d.own != nil {
		_ = d.own.Close()
	}
}

// execute runs a statement on a connection of its own.
func execute(ctx context.Context, url, statement string, arguments ...any) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, statement, arguments...)
	return err
}
