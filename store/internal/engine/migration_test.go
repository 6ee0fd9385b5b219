package engine_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/store/internal/engine"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestLoadSchema(t *testing.T) {
	got, err := engine.LoadSchema(fstest.MapFS{"0002_more_of_it.sql": file("b"), "0001_first.sql": file("a"), "doc.txt": file("c")}, 1)
	want := engine.Schema{Oldest: 1, Migrations: []engine.Migration{
		{Version: 1, Name: "first", SQL: "a"}, {Version: 2, Name: "more of it", SQL: "b"},
	}}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

func TestLoadSchema_refusesGaps(t *testing.T) {
	for _, c := range []struct {
		files  fstest.MapFS
		oldest int
	}{
		{fstest.MapFS{}, 1},
		{fstest.MapFS{"0002_b.sql": file("b")}, 1},
		{fstest.MapFS{"0001_a.sql": file("a"), "0003_c.sql": file("c")}, 1},
		{fstest.MapFS{"first.sql": file("a")}, 1},
		{fstest.MapFS{"0001_a.sql": file("a")}, 2},
		{fstest.MapFS{"0001_a.sql": file("a")}, 0},
	} {
		if s, err := engine.LoadSchema(c.files, c.oldest); err == nil {
			t.Errorf("%v, oldest %d: %+v", c.files, c.oldest, s)
		}
	}
}

// history is what a database has that was migrated with some migrations.
func history(migrations ...engine.Migration) []engine.Applied {
	var applied []engine.Applied
	for _, m := range migrations {
		applied = append(applied, engine.Applied{Version: m.Version, Checksum: m.Checksum()})
	}
	return applied
}

func TestSchema_servesItsRangeOnly(t *testing.T) {
	a, b, c, d := engine.Migration{Version: 1, SQL: "a"}, engine.Migration{Version: 2, SQL: "b"}, engine.Migration{Version: 3, SQL: "c"}, engine.Migration{Version: 4, SQL: "d"}
	other := engine.Migration{Version: 2, SQL: "other"}
	s := engine.Schema{Migrations: []engine.Migration{a, b, c}, Oldest: 2}
	const url = "postgres://me:***@db/amogate"
	for name, test := range map[string]struct {
		applied []engine.Applied
		pending int
		// open and migrate are parts of the errors; empty = none.
		open, migrate string
	}{
		"empty":      {nil, 3, "has version 0 and this binary serves versions 2 to 3: run `amogate migrate --store=" + url + "`", ""},
		"too old":    {history(a), 2, "has version 1 and this binary serves versions 2 to 3: run `amogate migrate --store=" + url + "`", ""},
		"old enough": {history(a, b), 1, "", ""},
		"newest":     {history(a, b, c), 0, "", ""},
		"newer":      {history(a, b, c, d), 0, "has version 4 and this binary serves versions 2 to 3: install a newer amogate", "install a newer amogate"},
		"altered":    {history(a, other), 0, "migration 2 of " + url + " is not the one", "another build"},
		"with a gap": {history(a, c), 0, "migration 2", "another build"},
	} {
		pending, err := s.Pending(url, test.applied)
		wants(t, name+", to migrate", err, test.migrate)
		if len(pending) != test.pending {
			t.Errorf("%s: %d pending, want %d", name, len(pending), test.pending)
		}
		wants(t, name+", to open", s.Check(url, test.applied), test.open)
	}
}

func wants(t *testing.T, what string, err error, part string) {
	t.Helper()
	var schema *engine.SchemaError
	switch {
	case part == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case part != "" && (!errors.As(err, &schema) || !strings.Contains(err.Error(), part)):
		t.Errorf("%s: %v, want a SchemaError with %q", what, err, part)
	}
}
