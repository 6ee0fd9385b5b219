package postgres

import (
	"context"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/amogate/amogate/store/internal/engine"
)

// connections is the size of the pool unless the URL has pool_max_conns.
const connections = 8

// Store is a store in a database. It is safe for concurrent use.
type Store struct {
	engine.Rules

	options engine.Options
	metrics *engine.Metrics
	pool    *pgxpool.Pool
	begin   pgx.TxOptions

	mu sync.Mutex
	// beats and slots are the replicas and accounts whose rows were seen.
	beats, slots map[string]bool
}

// Open opens the store in a database. shown is the URL without passwords. Unless
// the options say so it migrates nothing: the error is a *engine.SchemaError for a
// schema that this binary does not serve.
func Open(ctx context.Context, dbURL, shown string, o engine.Options) (_ *Store, err error) {
	s, err := connect(ctx, dbURL, shown, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.pool.Close()
		}
	}()
	if err := s.supported(ctx, shown); err != nil {
		return nil, err
	}
	if o.Migrate {
		if err := s.migrate(ctx, shown); err != nil {
			return nil, err
		}
	}
	known, before, err := s.schema(ctx)
	if err != nil {
		return nil, err
	}
	if err := known.Check(shown, before); err != nil {
		return nil, err
	}
	return s, nil
}

// connect returns a store whose schema nobody has looked at.
func connect(ctx context.Context, dbURL, shown string, o engine.Options) (*Store, error) {
	metrics, err := engine.NewMetrics()
	if err != nil {
		return nil, err
	}
	config, err := poolConfig(dbURL, shown, o)
	if err != nil {
		return nil, err
	}
	s := &Store{
		options: o, metrics: metrics,
		begin: pgx.TxOptions{BeginQuery: "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '" + millis(o.Settings.LockTimeout) +
			"'; SET LOCAL statement_timeout = '" + millis(o.Settings.StatementTimeout) + "'"},
		beats: make(map[string]bool), slots: make(map[string]bool),
	}
	s.Change = s.rule
	watch(config, o.Settings.AcquireTimeout, func() { s.pool.Reset() })
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, engine.Unavailable("store.open", hide(err))
	}
	return s, nil
}

// poolConfig returns the pool's configuration. What pgx says about a URL that it
// does not understand can hold a password: the error is ours.
func poolConfig(dbURL, shown string, o engine.Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dbURL)
	if err != nil {
		return nil, &engine.URLError{URL: shown, Problem: "not understood: check the port and the options, sslmode and its files among them"}
	}
	if u, err := url.Parse(dbURL); err == nil && !u.Query().Has("pool_max_conns") {
		config.MaxConns = connections
	}
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ConnConfig.StatementCacheCapacity = 0
	config.ConnConfig.DescriptionCacheCapacity = 0
	config.ConnConfig.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		o.Log().Debug("notice of the database", "severity", n.Severity, "code", n.Code, "message", n.Message)
	}
	return config, nil
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.ask(ctx, "store.ping", harmless, func(b *pgx.Batch) {
		b.Queue("SELECT 1").Exec(ignore)
	})
}

// Close closes the connections.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// millis is a duration as PostgreSQL takes it, at least one millisecond: 0 would
// be no bound.
func millis(d time.Duration) string {
	return strconv.FormatInt(max(d.Milliseconds(), 1), 10) + "ms"
}
