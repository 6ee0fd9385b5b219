package pgtest

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync"
	"testing"
)

// server is the server of the process, found once. A throw-away cluster ends with
// the process.
var server = sync.OnceValues(func() (*Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*startTime)
	defer cancel()
	return Find(ctx)
})

// Must says whether a missing engine is a failure: in CI every test runs.
func Must() bool {
	ci, err := strconv.ParseBool(os.Getenv("CI"))
	return err == nil && ci
}

// Database returns the URL of an empty database, which goes with the test. Where
// there is no PostgreSQL it fails the test if CI is set; else it says so in the
// log, and the caller tests what it can without.
func Database(t testing.TB) (_ string, ok bool) {
	t.Helper()
	s, err := server()
	if errors.Is(err, ErrNone) && !Must() {
		t.Log(err)
		return "", false
	}
	if err != nil {
		t.Fatal(err)
	}
	database, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Drop(context.WithoutCancel(t.Context()), database); err != nil {
			t.Error(err)
		}
	})
	return database, true
}

// Bounced returns the URL of a database by way of a PgBouncer of its own. Where
// there is none it does as Database.
func Bounced(t testing.TB, database string) (_ string, ok bool) {
	t.Helper()
	b, err := NewBouncer(t.Context(), database)
	if errors.Is(err, ErrNoBouncer) && !Must() {
		t.Log(err)
		return "", false
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b.URL, true
}

// Own returns a cluster that the test may stop and start. Where there is no
// PostgreSQL it does as Database.
func Own(t testing.TB) (_ *Cluster, ok bool) {
	t.Helper()
	c, err := NewCluster(t.Context())
	if errors.Is(err, ErrNone) && !Must() {
		t.Log(err)
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, true
}

// Flaky returns a proxy in front of a database, which goes with the test.
func Flaky(t testing.TB, database string, seed uint64) *Proxy {
	t.Helper()
	p, err := NewProxy(t.Context(), database, seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}
