package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/internal/pgtest"
	"github.com/amogate/amogate/store"
	"github.com/amogate/amogate/store/storetest"
)

// openWith opens a migrated store with settings and closes it with the test.
func openWith(t *testing.T, url string, s settings.Settings) store.Store {
	t.Helper()
	opened, err := store.Open(t.Context(), url, store.Options{Settings: s, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}

// session returns a connection past the store.
func session(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func run(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// add adds an account with credentials of generation 1.
func add(t *testing.T, s store.Store, name string) {
	t.Helper()
	err := s.CreateAccount(t.Context(), account.Record{Name: name}, custody.KindOAuth, custody.Sealed{Generation: 1, KeyID: "k", Data: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
}

// withOption returns the same URL with another option.
func withOption(t *testing.T, raw, name, value string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestPostgres_migratesOnCommandOnly(t *testing.T) {
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	database = withOption(t, database, "password", "hunter2")
	o := store.Options{Settings: storetest.Settings()}
	for range 2 {
		_, err := store.Open(t.Context(), database, o)
		var schema *store.SchemaError
		if !errors.As(err, &schema) || schema.Version != 0 || !strings.Contains(err.Error(), "run `amogate migrate --store="+store.Masked(database)+"`") || strings.Contains(err.Error(), "hunter2") {
			t.Fatalf("opening an empty database: %v", err)
		}
		pending, err := store.Pending(t.Context(), database, o)
		if err != nil || len(pending) != 2 || !strings.Contains(pending[0].SQL, "CREATE TABLE amogate.accounts") {
			t.Fatalf("%+v, %v", pending, err)
		}
	}
	var log bytes.Buffer
	o.Migrate, o.Logger = true, slog.New(slog.NewTextHandler(&log, nil))
	for _, want := range []bool{true, false} {
		log.Reset()
		s, err := store.Open(t.Context(), database, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if got := strings.Contains(log.String(), "the store was migrated"); got != want {
			t.Errorf("the log says %q", &log)
		}
	}
	o.Migrate = false
	s, err := store.Open(t.Context(), database, o)
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if pending, err := store.Pending(t.Context(), database, o); err != nil || len(pending) != 0 {
		t.Errorf("%+v, %v", pending, err)
	}

	conn := session(t, database)
	run(t, conn, "INSERT INTO amogate.migrations VALUES (99, 'x', 'x', now())")
	refused(t, database, func(e *store.SchemaError) bool { return e.Version == 99 && e.Newest == 2 })
	run(t, conn, "DELETE FROM amogate.migrations WHERE version = 99; UPDATE amogate.migrations SET checksum = 'x'")
	refused(t, database, func(e *store.SchemaError) bool { return e.Altered == 1 })
}

// refused opens a database of another schema, with and without migrations.
func refused(t *testing.T, database string, want func(*store.SchemaError) bool) {
	t.Helper()
	for _, migrate := range []bool{false, true} {
		_, err := store.Open(t.Context(), database, store.Options{Settings: storetest.Settings(), Migrate: migrate})
		var schema *store.SchemaError
		if !errors.As(err, &schema) || !want(schema) {
			t.Errorf("migrate %v: %v", migrate, err)
		}
	}
}

func TestPostgres_migratesOnce(t *testing.T) {
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			s, err := store.Open(t.Context(), database, store.Options{Settings: storetest.Settings(), Migrate: true})
			if err != nil {
				t.Error(err)
				return
			}
			_ = s.Close()
		})
	}
	all.Wait()
	var n int
	if err := session(t, database).QueryRow(t.Context(), "SELECT count(*) FROM amogate.migrations").Scan(&n); err != nil || n != 2 {
		t.Errorf("%d migrations, %v", n, err)
	}
}

func TestPostgres_waitsForALockNotLong(t *testing.T) {
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	quick := storetest.Settings()
	quick.LockTimeout = 50 * time.Millisecond
	s := openWith(t, database, quick)
	add(t, s, "shop")
	if _, err := s.Reserve(t.Context(), limit.Reservation{Key: "shop", Interval: time.Millisecond, Within: time.Hour}); err != nil {
		t.Fatal(err)
	}
	stranger := session(t, database)
	run(t, stranger, "BEGIN; SELECT * FROM amogate.credentials FOR UPDATE; SELECT * FROM amogate.limiter_slots FOR UPDATE")
	began := time.Now()
	_, _, err := s.Lease(t.Context(), "shop", 1, "me", time.Hour)
	if took := time.Since(began); !amo.IsKind(err, amo.KindStoreBusy) || took < 3*quick.LockTimeout {
		t.Errorf("a lease under a stranger's lock: %v after %v, want busy after three tries", err, took)
	}
	_, err = s.Reserve(t.Context(), limit.Reservation{Key: "shop", Interval: time.Millisecond, Within: time.Hour})
	if !amo.IsKind(err, amo.KindStoreBusy) {
		t.Errorf("a reservation under a stranger's lock: %v", err)
	}
	if r, err := s.Credentials(t.Context(), "shop"); err != nil || r.LeaseEpoch != 0 {
		t.Errorf("reading does not wait for locks: %+v, %v", r, err)
	}
	run(t, stranger, "ROLLBACK")
	if _, ok, err := s.Lease(t.Context(), "shop", 1, "me", time.Hour); err != nil || !ok {
		t.Errorf("after it: %v, %v", ok, err)
	}
}

func TestPostgres_waitsForAConnectionNotLong(t *testing.T) {
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	quick := storetest.Settings()
	quick.AcquireTimeout = 300 * time.Millisecond
	s := openWith(t, withOption(t, database, "pool_max_conns", "1"), quick)
	add(t, s, "shop")
	stranger := session(t, database)
	run(t, stranger, "BEGIN; SELECT * FROM amogate.credentials FOR UPDATE")
	held := make(chan error, 1)
	go func() {
		_, err := s.Mark(t.Context(), "shop", 1, custody.StateOK, "")
		held <- err
	}()
	// The only connection is taken once its session waits for the lock.
	for waiting := 0; waiting == 0; {
		err := stranger.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted").Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Ping(t.Context()); !amo.IsKind(err, amo.KindStoreBusy) {
		t.Errorf("without a connection: %v", err)
	}
	run(t, stranger, "ROLLBACK")
	if err := <-held; err != nil {
		t.Error(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPostgres_asksAnIdleConnectionFirst(t *testing.T) {
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	line := pgtest.Flaky(t, database, 1)
	quick := storetest.Settings()
	quick.AcquireTimeout = time.Second
	s := openWith(t, line.URL, quick)
	add(t, s, "shop")
	ping := func() error { return s.Ping(t.Context()) }
	if errs := eight(ping); errs != nil {
		t.Fatal(errs)
	}
	for _, callers := range []func(func() error) error{one, eight} {
		// More than half of AcquireTimeout passes by the database's clock.
		run(t, session(t, database), "SELECT pg_sleep(0.6)")
		line.Freeze()
		began := time.Now()
		if err := callers(ping); err != nil {
			t.Errorf("over lines that were dropped: %v", err)
		}
		if took := time.Since(began); took > quick.AcquireTimeout {
			t.Errorf("it took %v", took)
		}
		if err := eight(ping); err != nil {
			t.Errorf("after that: %v", err)
		}
	}
	began := time.Now()
	if err := s.Close(); err != nil || time.Since(began) > quick.AcquireTimeout {
		t.Errorf("closing took %v, %v", time.Since(began), err)
	}
}

func one(call func() error) error { return call() }

// eight makes eight calls at once, so that as many connections are in use.
func eight(call func() error) error {
	var errs [8]error
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = call() })
	}
	all.Wait()
	return errors.Join(errs[:]...)
}

func TestPostgres_outlivesACrash(t *testing.T) {
	c, ok := pgtest.Own(t)
	if !ok {
		return
	}
	s := openWith(t, c.URL, storetest.Settings())
	add(t, s, "shop")
	beat := func() error { _, err := s.Beat(t.Context(), "replica", time.Minute); return err }
	reserve := func() error {
		slot, err := s.Reserve(t.Context(), limit.Reservation{Key: "shop", Interval: time.Millisecond, Within: time.Hour, Version: 1})
		if err == nil && (!slot.Granted || slot.Stale) {
			t.Errorf("got %+v", slot)
		}
		return err
	}
	if ok, err := s.Save(t.Context(), "shop", 0, []byte("banned")); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := errors.Join(beat(), reserve()); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(pgtest.Immediate); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, _, leaseErr := s.Lease(t.Context(), "shop", 1, "me", time.Hour)
	for what, err := range map[string]error{"ping": s.Ping(t.Context()), "lease": leaseErr, "reserve": reserve(), "beat": beat()} {
		if !amo.IsKind(err, amo.KindStoreUnavailable) {
			t.Errorf("%s without a database: %v", what, err)
		}
	}
	if took := time.Since(began); took > 4*storetest.Settings().AcquireTimeout {
		t.Errorf("four refusals took %v", took)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Fatalf("the store does not come back by itself: %v", err)
	}
	if _, states, err := s.Load(t.Context(), "shop"); err != nil || states[0].Version != 1 || string(states[0].Data) != "banned" {
		t.Errorf("the state is %+v, %v", states, err)
	}
	if r, err := s.Credentials(t.Context(), "shop"); err != nil || r.Generation != 1 {
		t.Errorf("the credentials are %+v, %v", r, err)
	}
	// What was reserved is forgotten: once that is said, so that nobody relies on it.
	for what, ask := range map[string]func() error{"reserve": reserve, "beat": beat} {
		if err := ask(); !amo.IsKind(err, amo.KindStoreUnavailable) {
			t.Errorf("the first %s after a crash: %v", what, err)
		}
		if err := ask(); err != nil {
			t.Errorf("the second %s after a crash: %v", what, err)
		}
	}
}

// TestPostgres_keepsItsWordOverBadLines lets one of twenty pieces break its
// connection, under reservations and refreshes of several stores.
func TestPostgres_keepsItsWordOverBadLines(t *testing.T) {
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	const interval = time.Millisecond
	for seed := range uint64(3) {
		line := pgtest.Flaky(t, database, seed)
		var stores [3]store.Store
		for i := range stores {
			stores[i] = openWith(t, line.URL, storetest.Settings())
		}
		name := "shop-" + string(rune('a'+seed))
		add(t, stores[0], name)
		line.Break(0.05)
		var mu sync.Mutex
		var at []time.Time
		var committed, failed atomic.Int64
		var all sync.WaitGroup
		for i, s := range stores {
			owner := string(rune('a' + i))
			all.Go(func() {
				for range 60 {
					slot, err := s.Reserve(t.Context(), limit.Reservation{Key: name, Interval: interval, Within: time.Hour})
					if err != nil {
						failed.Add(1)
						unavailable(t, err)
						continue
					}
					mu.Lock()
					at = append(at, slot.At)
					mu.Unlock()
				}
			})
			all.Go(func() {
				for range 60 {
					r, err := s.Credentials(t.Context(), name)
					var leased bool
					if err == nil {
						r, leased, err = s.Lease(t.Context(), name, r.Generation, owner, 20*time.Millisecond)
					}
					if err == nil && leased {
						var ok bool
						ok, err = s.Commit(t.Context(), name, r.Generation, r.LeaseEpoch, custody.Sealed{Generation: r.Generation + 1, KeyID: "k", Data: []byte(owner)})
						if ok {
							committed.Add(1)
						}
					}
					if err != nil {
						failed.Add(1)
						unavailable(t, err)
					}
				}
			})
		}
		all.Wait()
		line.Break(0)
		line.Cut()
		var r custody.Record
		for {
			var err error
			if r, err = stores[0].Credentials(t.Context(), name); err == nil {
				break
			}
			unavailable(t, err)
		}
		// A commit whose answer was lost was made and not counted.
		if made := r.Generation - 1; made < committed.Load() || made > committed.Load()+failed.Load() {
			t.Errorf("seed %d: generation %d after %d commits and %d failures", seed, r.Generation, committed.Load(), failed.Load())
		}
		slices.SortFunc(at, time.Time.Compare)
		for i := 1; i < len(at); i++ {
			if d := at[i].Sub(at[i-1]); d < interval {
				t.Errorf("seed %d: two slots are %v apart", seed, d)
			}
		}
		if failed.Load() == 0 || len(at) < 20 || committed.Load() == 0 {
			t.Errorf("seed %d: %d failures, %d slots, %d commits", seed, failed.Load(), len(at), committed.Load())
		}
	}
}

// unavailable fails unless an error is one of a store that does not answer.
func unavailable(t *testing.T, err error) {
	t.Helper()
	if !amo.IsKind(err, amo.KindStoreUnavailable) {
		t.Errorf("over a bad line: %v", err)
	}
}

func TestPostgres_showsNoPassword(t *testing.T) {
	o := store.Options{Settings: storetest.Settings()}
	_, err := store.Open(t.Context(), "postgres://me:hunter2@127.0.0.1:1/amogate?sslpassword=hunter2", o)
	if !amo.IsKind(err, amo.KindStoreUnavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("nobody listens: %v", err)
	}
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(u.User.Username(), "hunter2")
	u.Path = "/nowhere"
	_, err = store.Open(t.Context(), u.String(), o)
	if err == nil || !strings.Contains(err.Error(), "--store") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("no such database: %v", err)
	}
}
