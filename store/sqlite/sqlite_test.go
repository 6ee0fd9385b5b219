package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/store/internal/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options() engine.Options { return engine.Options{Settings: settings.Default()} }

// opened returns an open store at a new path.
func opened(t *testing.T, o engine.Options) (s *Store, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "data", "amogate.db")
	return reopened(t, path, o), path
}

func reopened(t *testing.T, path string, o engine.Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// add adds an account whose credentials have so many bytes.
func add(ctx context.Context, s *Store, name string, size int) error {
	return s.CreateAccount(ctx, account.Record{Name: name, URL: "https://shop.amocrm.ru"}, custody.KindOAuth,
		custody.Sealed{Generation: 1, KeyID: "key-1", Data: make([]byte, size)})
}

func TestOpen_makesPrivateFiles(t *testing.T) {
	s, path := opened(t, options())
	if err := add(t.Context(), s, "shop", 10); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]fs.FileMode{filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, path + ".lock": 0o600} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", filepath.Base(file), info.Mode(), err, want)
		}
	}
}

func TestOpen_tightensAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "amogate.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	reopened(t, path, options())
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestOpen_isDurable(t *testing.T) {
	s, _ := opened(t, options())
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		for name, db := range map[string]*sql.DB{"reader": s.reading, "writer": s.writer.db} {
			var got string
			if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s is %s, %v; want %s", name, pragma, got, err, want)
			}
		}
	}
}

func TestOpen_namesTheHolder(t *testing.T) {
	o := options()
	o.AdminAddr = "127.0.0.1:9464"
	s, path := opened(t, o)
	for what, again := range map[string]func() error{
		"open":    func() error { _, err := Open(t.Context(), path, options()); return err },
		"pending": func() error { _, err := Pending(t.Context(), path, options()); return err },
	} {
		err := again()
		var held *engine.HeldError
		if !errors.As(err, &held) || held.PID != os.Getpid() || held.AdminAddr != "127.0.0.1:9464" || held.Path != path {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("the holder was disturbed: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	reopened(t, path, options())
}

func TestOpen_aLinkIsTheSameFile(t *testing.T) {
	_, path := opened(t, options())
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for what, again := range map[string]func() error{
		"open":    func() error { _, err := Open(t.Context(), link, options()); return err },
		"pending": func() error { _, err := Pending(t.Context(), link, options()); return err },
	} {
		err := again()
		var held *engine.HeldError
		if !errors.As(err, &held) || held.Path != path {
			t.Errorf("%s over a link: %v, want that %s is held", what, err, path)
		}
	}
}

func TestOpen_checksAfterAnUncleanEnd(t *testing.T) {
	s, path := opened(t, options())
	for i := range 50 {
		if err := add(t.Context(), s, "shop-"+string(rune('a'+i)), 4000); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	o := options()
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	again := func() error {
		log.Reset()
		s, err := Open(t.Context(), path, o)
		if err != nil {
			return err
		}
		return s.Close()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil || strings.Contains(log.String(), "not closed") {
		t.Errorf("after a clean end: %v, %s", err, &log)
	}

	// The text of a holder that has not taken it away.
	unclean := func() {
		t.Helper()
		if err := os.WriteFile(path+".lock", []byte(`{"pid":1}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	unclean()
	if err := again(); err != nil || !strings.Contains(log.String(), "was not closed by its last owner") {
		t.Errorf("after an unclean end: %v, %s", err, &log)
	}

	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(bytes.Repeat([]byte{0xa5}, int(info.Size()-8192)), 8192); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	unclean()
	for range 2 { // It stays unclean.
		if err := again(); err == nil || !strings.Contains(err.Error(), "damaged") && !amo.IsKind(err, amo.KindStoreUnavailable) {
			t.Errorf("a damaged file: %v", err)
		}
	}
}

func TestOpen_endsLeasesOfOwnersBefore(t *testing.T) {
	s, path := opened(t, options())
	if err := add(t.Context(), s, "shop", 10); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Lease(t.Context(), "shop", 1, "before", time.Hour); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopened(t, path, options())
	r, ok, err := s.Lease(t.Context(), "shop", 1, "after", time.Hour)
	if err != nil || !ok || !r.Unsettled || r.LeaseEpoch != 2 {
		t.Errorf("%+v, %v, %v", r, ok, err)
	}
}

func TestOpen_refusesAnotherSchema(t *testing.T) {
	for what, c := range map[string]struct {
		change string
		check  func(*engine.SchemaError) bool
	}{
		"newer":   {"INSERT INTO migrations VALUES (99, 'x', 'x', 0)", func(e *engine.SchemaError) bool { return e.Version == 99 && e.Newest == 2 }},
		"altered": {"UPDATE migrations SET checksum = 'x'", func(e *engine.SchemaError) bool { return e.Altered == 1 }},
	} {
		s, path := opened(t, options())
		if _, err := s.writer.db.ExecContext(t.Context(), c.change); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for range 2 { // The lock is free again after the first time.
			_, err := Open(t.Context(), path, options())
			var schema *engine.SchemaError
			if !errors.As(err, &schema) || !c.check(schema) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

func TestPending(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "amogate.db")
	before, err := Pending(t.Context(), path, options())
	if err != nil || len(before) != 2 || !strings.Contains(before[0].SQL, "CREATE TABLE accounts") {
		t.Errorf("%+v, %v", before, err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a look has made the directory: %v", err)
	}
	if err := reopened(t, path, options()).Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := Pending(t.Context(), path, options()); err != nil || len(after) != 0 {
		t.Errorf("%+v, %v", after, err)
	}
}

// exec runs a statement on the connection of the writer, which keeps it.
func exec(t *testing.T, s *Store, statement string) {
	t.Helper()
	if _, err := s.writer.db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestStore_readsWhileTheDiskIsFull(t *testing.T) {
	s, _ := opened(t, options())
	if err := add(t.Context(), s, "shop", 10); err != nil {
		t.Fatal(err)
	}
	var pages string
	if err := s.writer.db.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	exec(t, s, "PRAGMA max_page_count = "+pages)
	for range 3 {
		if err := add(t.Context(), s, "large", 1<<20); !amo.IsKind(err, amo.KindStoreFull) {
			t.Errorf("adding to a full disk: %v", err)
		}
	}
	if r, err := s.Credentials(t.Context(), "shop"); err != nil || r.Generation != 1 {
		t.Errorf("reading from a full disk: %+v, %v", r, err)
	}
	if _, err := s.Account(t.Context(), "large"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a half of the account is there: %v", err)
	}
	exec(t, s, "PRAGMA max_page_count = 1073741823")
	if err := add(t.Context(), s, "large", 1<<20); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestStore_readsWhileTheDiskIsReadOnly(t *testing.T) {
	s, _ := opened(t, options())
	if err := add(t.Context(), s, "shop", 10); err != nil {
		t.Fatal(err)
	}
	exec(t, s, "PRAGMA query_only = 1")
	if err := add(t.Context(), s, "other", 10); !amo.IsKind(err, amo.KindStoreUnavailable) || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("adding to a disk that is read-only: %v", err)
	}
	if _, err := s.Credentials(t.Context(), "shop"); err != nil {
		t.Error(err)
	}
	exec(t, s, "PRAGMA query_only = 0")
	if err := add(t.Context(), s, "other", 10); err != nil {
		t.Errorf("when it takes changes again: %v", err)
	}
}

func TestStore_waitsForAStranger(t *testing.T) {
	o := options()
	o.Settings.BusyTimeout = 20 * time.Millisecond
	s, path := opened(t, o)
	stranger, err := sql.Open("sqlite", dsn(path, o, false))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Close() }()
	conn, err := stranger.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if err := add(t.Context(), s, "shop", 10); !amo.IsKind(err, amo.KindStoreBusy) {
		t.Errorf("while a stranger locks the file: %v", err)
	}
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := add(t.Context(), s, "shop", 10); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestStore_livesByAClockOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), filepath.Join(dir, "amogate.db"), options())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		if err := add(t.Context(), s, "shop", 10); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := s.Lease(t.Context(), "shop", 1, "first", time.Minute); err != nil || !ok {
			t.Fatal(ok, err)
		}
		time.Sleep(time.Minute - time.Millisecond)
		if _, ok, err := s.Lease(t.Context(), "shop", 1, "second", time.Minute); err != nil || ok {
			t.Errorf("before the end of the lease: %v, %v", ok, err)
		}
		time.Sleep(time.Millisecond)
		if r, ok, err := s.Lease(t.Context(), "shop", 1, "second", time.Minute); err != nil || !ok || !r.Unsettled {
			t.Errorf("at the end of the lease: %+v, %v, %v", r, ok, err)
		}
	})
}
