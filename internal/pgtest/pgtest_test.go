package pgtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/amogate/amogate/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// count runs a statement that returns one number.
func count(t *testing.T, url, statement string) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	var n int
	if err := conn.QueryRow(t.Context(), statement, pgx.QueryExecModeExec).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDatabase_isEmptyAndItsOwn(t *testing.T) {
	first, ok := pgtest.Database(t)
	if !ok {
		return
	}
	second, _ := pgtest.Database(t)
	if first == second {
		t.Errorf("one database for two: %s", first)
	}
	if n := count(t, first, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"); n != 0 {
		t.Errorf("%d tables in a new database", n)
	}
}

func TestCluster_recoversFromACrash(t *testing.T) {
	c, ok := pgtest.Own(t)
	if !ok {
		return
	}
	count(t, c.URL, "WITH made AS (SELECT 1) SELECT count(*) FROM made")
	conn, err := pgx.Connect(t.Context(), c.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1); CREATE UNLOGGED TABLE lost (n int); INSERT INTO lost VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(pgtest.Immediate); err != nil {
		t.Fatal(err)
	}
	if _, err := pgx.Connect(t.Context(), c.URL); err == nil {
		t.Fatal("a stopped cluster answers")
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kept, lost := count(t, c.URL, "SELECT count(*) FROM kept"), count(t, c.URL, "SELECT count(*) FROM lost"); kept != 1 || lost != 0 {
		t.Errorf("%d rows of a logged table and %d of another after a crash, want 1 and 0", kept, lost)
	}
}

func TestBounced_sharesSessions(t *testing.T) {
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	bounced, ok := pgtest.Bounced(t, database)
	if !ok {
		return
	}
	// More clients than PgBouncer has sessions, all connected at once.
	for range 12 {
		conn, err := pgx.Connect(t.Context(), bounced)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		var n int
		if err := conn.QueryRow(t.Context(), "SELECT 1", pgx.QueryExecModeExec).Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, database, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); n > 4 {
		t.Errorf("%d sessions for 12 clients", n)
	}
}

func TestFlaky_breaks(t *testing.T) {
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	p := pgtest.Flaky(t, database, 1)
	conn, err := pgx.Connect(t.Context(), p.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	p.Freeze()
	brief, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := conn.Ping(brief); err == nil {
		t.Error("a frozen connection answers")
	}
	other, err := pgx.Connect(t.Context(), p.URL)
	if err != nil {
		t.Fatal("nothing gets through after Freeze: ", err)
	}
	defer func() { _ = other.Close(context.WithoutCancel(t.Context())) }()
	p.Break(1)
	if err := other.Ping(t.Context()); err == nil {
		t.Error("a broken connection answers")
	}
}
