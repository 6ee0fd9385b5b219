package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Variable is the environment variable that names the server to use.
const Variable = "AMOGATE_TEST_POSTGRES"

// local is the server that is tried without the variable.
const local = "postgres://postgres@127.0.0.1:5432/postgres?connect_timeout=2"

// ErrNone says that there is no PostgreSQL.
var ErrNone = errors.New("no PostgreSQL: set " + Variable + " to a URL, start a server on 127.0.0.1:5432 that trusts the user postgres, or install one with its initdb")

// Server is a server on which databases may be made.
type Server struct {
	// URL is that of a database for administration.
	URL string

	cluster *Cluster
}

// Find returns the server of AMOGATE_TEST_POSTGRES, else that of 127.0.0.1:5432,
// else a throw-away cluster. Its error is ErrNone when there is none of them.
func Find(ctx context.Context) (*Server, error) {
	if set := os.Getenv(Variable); set != "" {
		if err := ping(ctx, set); err != nil {
			return nil, fmt.Errorf("%s: %w", Variable, err)
		}
		return &Server{URL: set}, nil
	}
	if ping(ctx, local) == nil {
		return &Server{URL: local}, nil
	}
	cluster, err := NewCluster(ctx)
	if err != nil {
		return nil, err
	}
	return &Server{URL: cluster.URL, cluster: cluster}, nil
}

// Close ends a throw-away cluster.
func (s *Server) Close() error {
	if s.cluster == nil {
		return nil
	}
	return s.cluster.Close()
}

// Create makes an empty database of a random name and returns its URL.
func (s *Server) Create(ctx context.Context) (string, error) {
	name := "amogate_test_" + strings.ToLower(rand.Text())
	if err := run(ctx, s.URL, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		return "", err
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return "", fmt.Errorf("%s: not a URL", Variable)
	}
	u.Path = "/" + name
	return u.String(), nil
}

// Drop removes a database that Create made, with its connections.
func (s *Server) Drop(ctx context.Context, database string) error {
	u, err := url.Parse(database)
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(u.Path, "/")
	return run(ctx, s.URL, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
}

// ping says whether a server answers.
func ping(ctx context.Context, database string) error { return run(ctx, database, "SELECT 1") }

// run runs a statement on a connection of its own.
func run(ctx context.Context, database, statement string) (err error) {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, statement)
	return err
}
