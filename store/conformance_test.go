package store_test

import (
	"net/url"
	"path/filepath"
	"testing"

	"github.com/amogate/amogate/internal/pgtest"
	"github.com/amogate/amogate/store"
	"github.com/amogate/amogate/store/storetest"
)

// open opens a store with the settings of the suite.
func open(tb testing.TB, url string) store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), url, store.Options{Settings: storetest.Settings(), Migrate: true})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// file returns the URL of a SQLite store that goes with the test.
func file(tb testing.TB) string {
	tb.Helper()
	return (&url.URL{Scheme: "sqlite", Path: filepath.Join(tb.TempDir(), "data", store.File)}).String()
}

func TestSQLite_conforms(t *testing.T) {
	storetest.Run(t, storetest.Engine{Fresh: func(t *testing.T) func(*testing.T) store.Store {
		t.Helper()
		url := file(t)
		return func(t *testing.T) store.Store {
			t.Helper()
			return open(t, url)
		}
	}})
}

func TestPostgres_conforms(t *testing.T) {
	if _, ok := pgtest.Database(t); !ok {
		return
	}
	storetest.Run(t, storetest.Engine{Fresh: func(t *testing.T) func(*testing.T) store.Store {
		t.Helper()
		url, _ := pgtest.Database(t)
		return func(t *testing.T) store.Store {
			t.Helper()
			return open(t, url)
		}
	}})
}

func TestPgBouncer_conforms(t *testing.T) {
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	if _, ok := pgtest.Bounced(t, database); !ok {
		return
	}
	storetest.Run(t, storetest.Engine{Fresh: func(t *testing.T) func(*testing.T) store.Store {
		t.Helper()
		database, _ := pgtest.Database(t)
		url, _ := pgtest.Bounced(t, database)
		return func(t *testing.T) store.Store {
			t.Helper()
			return open(t, url)
		}
	}})
}
