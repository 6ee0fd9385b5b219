package store_test

import (
	"net/url"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/amogate/amogate/internal/pgtest"
	"github.com/amogate/amogate/store"
	"github.com/amogate/amogate/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a store with the settings of the suite.
func open(t testing.TB, url string) store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, store.Options{Settings: storetest.Settings(), Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// file returns the URL of a SQLite store that goes with the test.
func file(t testing.TB) string {
	t.Helper()
	return (&url.URL{Scheme: "sqlite", Path: filepath.Join(t.TempDir(), "data", store.File)}).String()
}

func TestSQLite_conforms(t *testing.T) {
	storetest.Run(t, storetest.Engine{Fresh: func(t *testing.T) func(*testing.T) store.Store {
		url := file(t)
		return func(t *testing.T) store.Store { return open(t, url) }
	}})
}

func TestPostgres_conforms(t *testing.T) {
	if _, ok := pgtest.Database(t); !ok {
		return
	}
	storetest.Run(t, storetest.Engine{Fresh: func(t *testing.T) func(*testing.T) store.Store {
		url, _ := pgtest.Database(t)
		return func(t *testing.T) store.Store { return open(t, url) }
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
		database, _ := pgtest.Database(t)
		url, _ := pgtest.Bounced(t, database)
		return func(t *testing.T) store.Store { return open(t, url) }
	}})
}
