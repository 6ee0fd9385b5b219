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
func Database(tb testing.TB) (_ string, ok bool) {
	tb.Helper()
	s, err := server()
	if errors.Is(err, ErrNone) && !Must() {
		tb.Log(err)
		return "", false
	}
	if err != nil {
		tb.Fatal(err)
	}
	database, err := s.Create(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Drop(context.WithoutCancel(tb.Context()), database); err != nil {
			tb.Error(err)
		}
	})
	return database, true
}

// Bounced returns the URL of a database by way of a PgBouncer of its own. Where
// there is none it does as Database.
func Bounced(tb testing.TB, database string) (_ string, ok bool) {
	tb.Helper()
	b, err := NewBouncer(tb.Context(), database)
	if errors.Is(err, ErrNoBouncer) && !Must() {
		tb.Log(err)
		return "", false
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := b.Close(); err != nil {
			tb.Error(err)
		}
	})
	return b.URL, true
}

// Own returns a cluster that the test may stop and start. Where there is no
// PostgreSQL it does as Database.
func Own(tb testing.TB) (_ *Cluster, ok bool) {
	tb.Helper()
	c, err := NewCluster(tb.Context())
	if errors.Is(err, ErrNone) && !Must() {
		tb.Log(err)
		return nil, false
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c, true
}

// Flaky returns a proxy in front of a database, which goes with the test.
func Flaky(tb testing.TB, database string, seed uint64) *Proxy {
	tb.Helper()
	p, err := NewProxy(tb.Context(), database, seed)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := p.Close(); err != nil {
			tb.Error(err)
		}
	})
	return p
}
