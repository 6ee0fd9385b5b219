package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ErrNoBouncer says that there is no PgBouncer.
var ErrNoBouncer = errors.New("no PgBouncer: install Debian's package pgbouncer")

// sessions is how many connections PgBouncer has for all its clients: so few that
// a client seldom gets the same one twice.
const sessions = 4

// Bouncer is a PgBouncer of our own in transaction mode. It ends with the process,
// if not before.
type Bouncer struct {
	// URL is that of the database, by way of it.
	URL string

	daemon *daemon
}

// NewBouncer starts PgBouncer in front of a database. Its error is ErrNoBouncer
// when there is none.
func NewBouncer(ctx context.Context, database string) (*Bouncer, error) {
	program, err := find("pgbouncer", "/usr/sbin/pgbouncer")
	if err != nil {
		return nil, ErrNoBouncer
	}
	config, err := pgx.ParseConfig(database)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(database)
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	d, err := newDaemon()
	if err != nil {
		return nil, err
	}
	u.User, u.Host, u.RawQuery = url.User("anybody"), net.JoinHostPort("127.0.0.1", port), ""
	b := &Bouncer{URL: u.String(), daemon: d}
	if err := b.start(ctx, program, config, port); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Bouncer) start(ctx context.Context, program string, config *pgx.ConnConfig, port string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	server := fmt.Sprintf("host=%s port=%d user=%s", quoted(config.Host), config.Port, quoted(config.User))
	if config.Password != "" {
		server += " password=" + quoted(config.Password)
	}
	ini := fmt.Sprintf(`[databases]
* = %s

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = %d
max_client_conn = 500
`, server, port, sessions)
	file := filepath.Join(b.daemon.dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(ini), 0o600); err != nil {
		return err
	}
	if account := b.daemon.account; account != nil {
		if err := os.Chown(file, int(account.Uid), int(account.Gid)); err != nil {
			return err
		}
	}
	return b.daemon.start(ctx, func(ctx context.Context) error { return ping(ctx, b.URL) }, program, file)
}

// Close ends it.
func (b *Bouncer) Close() error { return b.daemon.stop("") }

// quoted is a value as pgbouncer.ini takes it.
func quoted(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }
