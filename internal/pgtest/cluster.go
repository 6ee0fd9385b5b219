package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// startTime bounds the start of a server.
const startTime = 30 * time.Second

// Mode is how a cluster is stopped.
type Mode string

// The modes.
const (
	// Fast ends the connections and writes everything down.
	Fast Mode = "fast"
	// Immediate is a crash: the next start recovers from the log, and tables that
	// are not logged are empty.
	Immediate Mode = "immediate"
)

// Cluster is a PostgreSQL of our own, which trusts everybody on loopback. It ends
// with the process, if not before.
type Cluster struct {
	// URL is that of the database postgres; it stays over restarts.
	URL string

	daemon   *daemon
	postgres string
	port     string
}

// NewCluster makes and starts a cluster with the installed initdb. Its error is
// ErrNone when there is none.
func NewCluster(ctx context.Context) (*Cluster, error) {
	initdb, err := find("initdb", "/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return nil, ErrNone
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	d, err := newDaemon()
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		URL: "postgres://postgres@127.0.0.1:" + port + "/postgres", daemon: d,
		postgres: filepath.Join(filepath.Dir(initdb), "postgres"), port: port,
	}
	out, err := d.command(ctx, initdb, "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync").CombinedOutput()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), c.Close())
	}
	if err := c.Start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Start starts a cluster that was stopped, on its old port, and waits until it
// answers.
func (c *Cluster) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return c.daemon.start(ctx, func(ctx context.Context) error { return ping(ctx, c.URL) },
		c.postgres, "-D", c.data(), "-p", c.port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections=300")
}

// Stop ends the server and leaves its data.
func (c *Cluster) Stop(mode Mode) error { return c.daemon.stop(string(mode)) }

// Close ends the server and removes its data.
func (c *Cluster) Close() error { return c.daemon.stop("") }

func (c *Cluster) data() string { return filepath.Join(c.daemon.dir, "data") }

// find returns a program of the path, or the last of those that a pattern names.
func find(name, pattern string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.EvalSymlinks(path)
	}
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		return "", errors.Join(fmt.Errorf("%s is not installed", name), err)
	}
	return slices.Max(paths), nil
}
