package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/amogate/amogate/store/internal/engine"
)

//go:embed migrations/*.sql
var files embed.FS

// oldest is the oldest version of the schema that this binary serves.
const oldest = 2

// schema returns the versions that this binary knows.
func schema() (engine.Schema, error) {
	dir, err := fs.Sub(files, "migrations")
	if err != nil {
		return engine.Schema{}, err
	}
	return engine.LoadSchema(dir, oldest)
}

// applied returns the migrations of a file; none of a file that is empty.
func applied(ctx context.Context, q querier) (_ []engine.Applied, err error) {
	var tables int
	err = q.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'").Scan(&tables)
	if err != nil || tables == 0 {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, "SELECT version, checksum FROM migrations ORDER BY version")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var all []engine.Applied
	for rows.Next() {
		var a engine.Applied
		if err := rows.Scan(&a.Version, &a.Checksum); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// migrate brings the file to the newest version, all or nothing.
func (s *Store) migrate(ctx context.Context, path string) error {
	known, err := schema()
	if err != nil {
		return err
	}
	var done []engine.Migration
	err = s.write(ctx, "store.migrate", func(ctx context.Context, q querier) error {
		before, err := applied(ctx, q)
		if err != nil {
			return err
		}
		pending, err := known.Pending("sqlite://"+path, before)
		if err != nil || len(pending) == 0 {
			return err
		}
		_, err = q.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS migrations (
			version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT`)
		if err != nil {
			return err
		}
		for _, m := range pending {
			if _, err := q.ExecContext(ctx, m.SQL); err != nil {
				return fmt.Errorf("migration %d: %w", m.Version, err)
			}
			_, err := q.ExecContext(ctx, "INSERT INTO migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
				m.Version, m.Name, m.Checksum(), micros(s.now()))
			if err != nil {
				return err
			}
		}
		done = pending
		return nil
	}, nil)
	if err != nil {
		return err
	}
	for _, m := range done {
		s.options.Log().InfoContext(ctx, "the store was migrated", "version", m.Version, "migration", m.Name)
	}
	return nil
}

// Pending returns the migrations that the file at path lacks: all, if there is no
// such file.
func Pending(ctx context.Context, path string, o engine.Options) (_ []engine.Migration, err error) {
	known, err := schema()
	if err != nil {
		return nil, err
	}
	path, err = place(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return known.Migrations, nil
	}
	lock, err := hold(path, o.AdminAddr)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.release(lock.unclean)) }()
	db, err := sql.Open("sqlite", dsn(path, o, true))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	before, err := applied(ctx, db)
	if err != nil {
		return nil, failure(ctx, "store.pending", err)
	}
	return known.Pending("sqlite://"+path, before)
}
