// Package store keeps everything durable: accounts, sealed credentials, the state
// of limiters. Two engines do it alike, SQLite for one process and PostgreSQL for
// several replicas; package storetest holds what both must do.
package store

import (
	"context"
	"log/slog"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/amo/settings"
)

// Store is all that an engine offers: what its consumers declare, and the life of
// the store itself.
type Store interface {
	account.Store
	limit.Store
	// Ping says whether the store answers.
	Ping(ctx context.Context) error
	// Close ends the store; what was answered is durable.
	Close() error
}

// Options are those of Open.
type Options struct {
	// Dir is the data directory, for a SQLite URL without a path.
	Dir string
	// AdminAddr is told to a second owner of a SQLite file, so that it can ask us.
	AdminAddr string
	// Migrate applies missing migrations; without it a schema that is too old is
	// an error. SQLite is always migrated.
	Migrate bool
	// Settings are the time-outs.
	Settings settings.Settings
	// Logger gets migrations, integrity checks, lost connections.
	Logger *slog.Logger
}

// HeldError is the error of Open for a SQLite file that another process has open.
type HeldError struct {
	// Path of the file.
	Path string
	// PID and AdminAddr are those of the holder; 0 and "" when it does not tell.
	PID       int
	AdminAddr string
}

// Error implements error.
func (e *HeldError) Error() string { panic("not yet") }

// SchemaError is the error of Open for a schema that this binary does not serve.
type SchemaError struct {
	// Version is that of the schema, Oldest and Newest the range of this binary.
	Version, Oldest, Newest int
}

// Error implements error.
func (e *SchemaError) Error() string { panic("not yet") }

// Open opens the store that a URL names: sqlite:///path/amogate.db, or
// postgres://….
func Open(ctx context.Context, url string, o Options) (Store, error) { panic("not yet") }

// Migration is one version of the schema.
type Migration struct {
	// Version counts from 1.
	Version int
	// Name says what it does.
	Name string
	// SQL is what is run.
	SQL string
}

// Pending returns the migrations that a store lacks, without applying them.
func Pending(ctx context.Context, url string, o Options) ([]Migration, error) { panic("not yet") }
