package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // The driver, registered as "sqlite".

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/store/internal/engine"
)

// readers is how many connections read at once.
const readers = 4

// Store is a store in a file. It is safe for concurrent use.
type Store struct {
	engine.Rules

	options engine.Options
	metrics *engine.Metrics
	lock    *lock
	began   time.Time
	reading *sql.DB
	writer  *writer
	memory  *limit.Memory

	ended   atomic.Bool
	closing sync.Once
	closed  error
}

// Open opens or makes the file at path, in a directory that only its owner may
// read, and migrates it. Its error is a *engine.HeldError while another process
// has the file open.
func Open(ctx context.Context, path string, o engine.Options) (_ *Store, err error) {
	path, err = place(path)
	if err != nil {
		return nil, err
	}
	metrics, err := engine.NewMetrics()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("store: the directory of the SQLite file cannot be made: %w", err)
	}
	lock, err := hold(path, o.AdminAddr)
	if err != nil {
		return nil, err
	}
	s := &Store{options: o, metrics: metrics, lock: lock, began: time.Now(), memory: limit.NewMemory(o.Settings.FirstSlot)}
	s.Change = s.change
	defer func() {
		if err != nil {
			err = errors.Join(err, s.shut(lock.unclean))
		}
	}()
	if err := create(path); err != nil {
		return nil, err
	}
	s.reading, err = sql.Open("sqlite", dsn(path, o, true))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s.reading.SetMaxOpenConns(readers)
	s.reading.SetMaxIdleConns(readers)
	writing, err := sql.Open("sqlite", dsn(path, o, false))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s.writer = newWriter(writing, o.Log())
	if lock.unclean {
		if err := s.check(ctx, path); err != nil {
			return nil, err
		}
	}
	if err := s.migrate(ctx, path); err != nil {
		return nil, err
	}
	if err := s.abandonLeases(ctx); err != nil {
		return nil, err
	}
	if err := s.remember(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Ping says whether the file can be read.
func (s *Store) Ping(ctx context.Context) error {
	return s.read(ctx, "store.ping", func(ctx context.Context, q querier) error {
		var n int
		return q.QueryRowContext(ctx, "SELECT count(*) FROM migrations").Scan(&n)
	})
}

// Close waits for the changes under way and gives the file to the next owner.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.ended.Store(true)
		s.closed = s.shut(false)
	})
	return s.closed
}

// open says whether there is a store to ask and somebody who waits.
func (s *Store) open(ctx context.Context, op string) error {
	switch {
	case ctx.Err() != nil:
		return engine.Ended(ctx, op)
	case s.ended.Load():
		return engine.Closed(op)
	}
	return nil
}

// shut closes what is open. The next owner checks the file if this one leaves it
// unclean.
func (s *Store) shut(unclean bool) error {
	var errs []error
	if s.reading != nil {
		errs = append(errs, s.reading.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	return errors.Join(append(errs, s.lock.release(unclean))...)
}

// now is the store's clock.
func (s *Store) now() time.Time { return s.began.Add(time.Since(s.began)) }

// querier is a connection or a pool of them.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// read runs queries that change nothing.
func (s *Store) read(ctx context.Context, op string, run func(context.Context, querier) error) (err error) {
	began := time.Now()
	defer func() { s.metrics.Observe(ctx, op, began, err) }()
	limited, cancel := context.WithTimeout(ctx, s.options.Settings.StatementTimeout)
	defer cancel()
	if err := run(limited, s.reading); err != nil {
		return failure(ctx, op, err)
	}
	return nil
}

// write has a change made and durable. after, unless nil, runs before anybody
// learns of it.
func (s *Store) write(ctx context.Context, op string, run func(context.Context, querier) error, after func()) (err error) {
	began := time.Now()
	defer func() { s.metrics.Observe(ctx, op, began, err) }()
	if err := s.writer.do(ctx, op, run, after); err != nil {
		return failure(ctx, op, err)
	}
	return nil
}

// check reads the whole file after its last owner left it without a word.
func (s *Store) check(ctx context.Context, path string) error {
	began := time.Now()
	var verdict string
	if err := s.reading.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return failure(ctx, "store.open", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("store: %s is damaged: %s: put a backup in its place", path, verdict)
	}
	s.options.Log().InfoContext(ctx, "the store was not closed by its last owner; its file is sound", "duration", time.Since(began))
	return nil
}

// abandonLeases ends the leases of owners before: they are gone, since the file
// was free. A disk that is full does not keep the store from being read.
func (s *Store) abandonLeases(ctx context.Context) error {
	records, err := s.AllCredentials(ctx)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.LeaseUntil.IsZero() {
			continue
		}
		_, err := s.change(ctx, "store.open", r.Account, func(r *custody.Record, _ time.Time) bool { return engine.Abandon(r) })
		if amo.IsKind(err, amo.KindStoreFull) {
			s.options.Log().WarnContext(ctx, "the lease of a process that is gone stays until its end: the disk is full", "account", r.Account)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// place returns the path of a file as every process knows it: one that is reached
// by two names has one lock.
func place(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	return target, nil
}

// create makes the file, so that SQLite finds one that only its owner may read;
// it gives its other files the same mode.
func create(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // The path is the operator's.
	if err != nil {
		return fmt.Errorf("store: the SQLite file cannot be opened: %w", err)
	}
	defer func() { _ = file.Close() }() // Nothing was written.
	if err := file.Chmod(0o600); err != nil {
		return fmt.Errorf("store: the SQLite file must be readable by its owner alone: %w", err)
	}
	return nil
}

// dsn names the file for the driver, with the settings of a connection.
func dsn(path string, o engine.Options, readOnly bool) string {
	busy := "busy_timeout(" + strconv.FormatInt(o.Settings.BusyTimeout.Milliseconds(), 10) + ")"
	pragmas := url.Values{"_pragma": {busy, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}}
	if readOnly {
		pragmas.Add("_pragma", "query_only(1)")
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: pragmas.Encode()}).String()
}
