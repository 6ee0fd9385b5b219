package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// tries is how often something is asked when the database says that it was undone.
const tries = 3

// repeat says whether a statement may be made again when nobody knows if it was.
type repeat bool

const (
	// harmless: a second time changes nothing, or nothing that matters.
	harmless repeat = true
	// once: a second time could mean another thing.
	once repeat = false
)

// ask sends statements in one piece, which the database takes as a transaction.
func (s *Store) ask(ctx context.Context, op string, again repeat, queue func(*pgx.Batch)) error {
	return s.try(ctx, op, again, func(ctx context.Context, conn *pgxpool.Conn) error {
		b := s.batch()
		queue(b)
		return conn.SendBatch(ctx, b).Close()
	})
}

// batch returns a batch that begins with the time-outs.
func (s *Store) batch() *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue("SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true)",
		millis(s.options.Settings.LockTimeout), millis(s.options.Settings.StatementTimeout)).Exec(ignore)
	return b
}

// change makes a change in a transaction of several steps.
func (s *Store) change(ctx context.Context, op string, run func(context.Context, pgx.Tx) error) error {
	return s.try(ctx, op, once, func(ctx context.Context, conn *pgxpool.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, s.begin, func(tx pgx.Tx) error { return run(ctx, tx) })
	})
}

// try does something with a connection, again if that is safe.
func (s *Store) try(ctx context.Context, op string, again repeat, run func(context.Context, *pgxpool.Conn) error) (err error) {
	began := time.Now()
	defer func() { s.metrics.Observe(ctx, op, began, err) }()
	for n := 1; ; n++ {
		err := s.connected(ctx, run)
		if err == nil {
			return nil
		}
		safe := undone(err) || bool(again) && cut(err)
		if n == tries || ctx.Err() != nil || !safe {
			return failure(ctx, op, err)
		}
	}
}

// connected runs something with a connection of the pool, within the time-outs.
// The database's own are shorter: what it ends it also tells.
func (s *Store) connected(ctx context.Context, run func(context.Context, *pgxpool.Conn) error) error {
	conn, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	limited, cancel := context.WithTimeout(ctx, s.options.Settings.StatementTimeout+s.options.Settings.LockTimeout)
	defer cancel()
	return run(limited, conn)
}

// errExhausted says that every connection of the pool was in use for too long.
var errExhausted = errors.New("every connection of the pool is in use")

func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, s.options.Settings.AcquireTimeout)
	defer cancel()
	conn, err := s.pool.Acquire(limited)
	if err == nil {
		return conn, nil
	}
	stat := s.pool.Stat()
	if limited.Err() != nil && ctx.Err() == nil && stat.AcquiredConns() == stat.MaxConns() {
		return nil, errExhausted
	}
	return nil, err
}

// ignore is for statements whose result nobody needs.
func ignore(pgconn.CommandTag) error { return nil }
