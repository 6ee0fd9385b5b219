package postgres

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// suspect marks a connection that was idle for so long that something between may
// have dropped it without a word.
const suspect = "amogate.suspect"

// watch makes a pool ask a connection that was idle before it is used, within a
// part of the time that there is for getting one. When one does not answer, the
// others that are idle are dropped as well: they have gone the same way, and to
// find that out of one after the other would take too long.
func watch(config *pgxpool.Config, acquire time.Duration, drop func()) {
	patience := acquire / 4
	config.ConnConfig.ConnectTimeout = acquire
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: acquire}
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &line{Conn: conn, patience: patience}, nil
	}
	config.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool {
		p.Conn.PgConn().CustomData()[suspect] = p.IdleDuration > acquire/2
		return false // PrepareConn does.
	}
	config.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
		if idle, ok := conn.PgConn().CustomData()[suspect].(bool); !ok || !idle {
			return true, nil
		}
		brief, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if conn.Ping(brief) == nil {
			return true, nil
		}
		if ctx.Err() == nil { // Else it is the caller who did not wait.
			drop()
		}
		return false, nil
	}
}

// line is a connection to the server whose end nobody waits for long: while pgx
// says goodbye to a server that does not answer, the connection takes up a place
// in the pool.
type line struct {
	net.Conn

	patience time.Duration
}

// SetDeadline implements net.Conn.
func (l *line) SetDeadline(t time.Time) error {
	if latest := time.Now().Add(l.patience); t.After(latest) {
		t = latest
	}
	return l.Conn.SetDeadline(t)
}
