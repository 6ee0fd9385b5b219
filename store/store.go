// Package store keeps everything durable: accounts, sealed credentials, the state
// of limiters, what became of calls with a request id. Two engines do it alike, SQLite for one process and PostgreSQL for
// several replicas; package storetest holds what both must do.
//
// Errors are those that the interfaces name, or *amo.Error: KindStoreUnavailable,
// KindStoreBusy and KindStoreFull when the store is at fault, KindCancelled and
// KindDeadline, which wrap the context's own, when the caller did not wait. After
// such an error a change may have been stored or not.
package store

import (
	"context"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/idempotency"
	"github.com/amogate/amogate/store/internal/engine"
	"github.com/amogate/amogate/store/postgres"
	"github.com/amogate/amogate/store/sqlite"
)

// Store is all that an engine offers: what its consumers declare, and the life of
// the store itself.
type Store interface {
	account.Store
	limit.Store
	idempotency.Store
	// Ping says whether the store answers.
	Ping(ctx context.Context) error
	// Close ends the store; what was answered is durable.
	Close() error
}

// Options are those of Open.
type Options = engine.Options

// URLError is the error of Open for a URL that names no store. It never holds a
// password.
type URLError = engine.URLError

// HeldError is the error of Open for a SQLite file that another process has open.
type HeldError = engine.HeldError

// SchemaError is the error of Open for a schema that this binary does not serve.
type SchemaError = engine.SchemaError

// Migration is one version of the schema.
type Migration = engine.Migration

// Open opens the store that a URL names: sqlite:///path/amogate.db,
// sqlite: for a file in Options.Dir, or postgres://…. Its error is a *URLError, a
// *HeldError, a *SchemaError, or an *amo.Error when the store does not answer.
func Open(ctx context.Context, url string, o Options) (Store, error) {
	place, err := engine.Parse(url, o.Dir)
	if err != nil {
		return nil, err
	}
	if place.File != "" {
		return opened(sqlite.Open(ctx, place.File, o))
	}
	return opened(postgres.Open(ctx, place.URL, engine.Masked(url), o))
}

// opened returns a store, or nil with an error: the nil pointer of an engine
// would be a Store that is not nil.
func opened(s Store, err error) (Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Pending returns the migrations that a store lacks, without applying them. Of a
// SQLite file that is open elsewhere its error is a *HeldError: a file is migrated
// when it is opened, so none is missing there.
func Pending(ctx context.Context, url string, o Options) ([]Migration, error) {
	place, err := engine.Parse(url, o.Dir)
	if err != nil {
		return nil, err
	}
	if place.File != "" {
		return sqlite.Pending(ctx, place.File, o)
	}
	return postgres.Pending(ctx, place.URL, engine.Masked(url), o)
}

// File is the name of the SQLite file in a data directory.
const File = engine.File

// Masked returns a store's URL as it may be shown: every password is ***. Of what
// is no URL only the scheme is left, for nobody knows where its password ends.
func Masked(url string) string { return engine.Masked(url) }
