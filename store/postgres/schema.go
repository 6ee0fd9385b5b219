package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/amogate/amogate/store/internal/engine"
)

//go:embed migrations/*.sql
var files embed.FS

const (
	// oldest is the oldest version of the schema that this binary serves.
	oldest = 2
	// oldestServer is the oldest version of PostgreSQL, as it numbers them.
	oldestServer = 140000
	// migrationLock is the key of the lock that one migration holds, a number of
	// our own.
	migrationLock = 0x616d6f67617465
)

// querier is a connection, a pool of them or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// schema returns the versions that this binary knows and those of the database.
func (s *Store) schema(ctx context.Context) (known engine.Schema, before []engine.Applied, err error) {
	known, err = load()
	if err != nil {
		return known, nil, err
	}
	err = s.try(ctx, "store.open", harmless, func(ctx context.Context, conn *pgxpool.Conn) error {
		before, err = applied(ctx, conn)
		return err
	})
	return known, before, err
}

func load() (engine.Schema, error) {
	dir, err := fs.Sub(files, "migrations")
	if err != nil {
		return engine.Schema{}, err
	}
	return engine.LoadSchema(dir, oldest)
}

// applied returns the migrations of a database; none of one that is empty.
func applied(ctx context.Context, q querier) ([]engine.Applied, error) {
	var exists bool
	err := q.QueryRow(ctx, "SELECT to_regclass('amogate.migrations') IS NOT NULL").Scan(&exists)
	if err != nil || !exists {
		return nil, err
	}
	rows, err := q.Query(ctx, "SELECT version, checksum FROM amogate.migrations ORDER BY version")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[engine.Applied])
}

// supported says whether the server is new enough.
func (s *Store) supported(ctx context.Context, shown string) error {
	var number int
	var version string
	err := s.ask(ctx, "store.open", harmless, func(b *pgx.Batch) {
		b.Queue("SELECT current_setting('server_version_num')::int, current_setting('server_version')").
			QueryRow(func(row pgx.Row) error { return row.Scan(&number, &version) })
	})
	if err == nil && number < oldestServer {
		return &engine.URLError{URL: shown, Problem: "the server is PostgreSQL " + version + ": want 14 or newer"}
	}
	return err
}

// migrate brings the database to the newest version, all or nothing. Of several
// processes the others wait for the first and find nothing to do.
func (s *Store) migrate(ctx context.Context, shown string) error {
	known, err := load()
	if err != nil {
		return err
	}
	var done []engine.Migration
	err = s.try(ctx, "store.migrate", once, func(_ context.Context, conn *pgxpool.Conn) error {
		// A migration may take as long as the caller lets it.
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			done, err = migrateWithin(ctx, tx, known, shown)
			return err
		})
	})
	if err != nil {
		return err
	}
	for _, m := range done {
		s.options.Log().InfoContext(ctx, "the store was migrated", "version", m.Version, "migration", m.Name)
	}
	return nil
}

func migrateWithin(ctx context.Context, tx pgx.Tx, known engine.Schema, shown string) ([]engine.Migration, error) {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
		return nil, err
	}
	before, err := applied(ctx, tx)
	if err != nil {
		return nil, err
	}
	pending, err := known.Pending(shown, before)
	if err != nil || len(pending) == 0 {
		return nil, err
	}
	// Somebody with more rights may have made the schema for us.
	var made bool
	if err := tx.QueryRow(ctx, "SELECT to_regnamespace('amogate') IS NOT NULL").Scan(&made); err != nil {
		return nil, err
	}
	if !made {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA amogate"); err != nil {
			return nil, err
		}
	}
	_, err = tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS amogate.migrations (
			version integer NOT NULL PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL)`)
	if err != nil {
		return nil, err
	}
	for _, m := range pending {
		if _, err := tx.Exec(ctx, m.SQL); err != nil {
			return nil, fmt.Errorf("migration %d: %w", m.Version, err)
		}
		_, err := tx.Exec(ctx, "INSERT INTO amogate.migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, clock_timestamp())",
			m.Version, m.Name, m.Checksum())
		if err != nil {
			return nil, err
		}
	}
	return pending, nil
}

// Pending returns the migrations that a database lacks.
func Pending(ctx context.Context, dbURL, shown string, o engine.Options) ([]engine.Migration, error) {
	s, err := connect(ctx, dbURL, shown, o)
	if err != nil {
		return nil, err
	}
	defer s.pool.Close()
	if err := s.supported(ctx, shown); err != nil {
		return nil, err
	}
	known, before, err := s.schema(ctx)
	if err != nil {
		return nil, err
	}
	return known.Pending(shown, before)
}
