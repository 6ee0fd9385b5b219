package emulator

import (
	"flag"
	"net/http"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestSeedIsStable compares the first rows of one seed with a golden file: a base somebody wrote tests against must
// not change under them.
func TestSeedIsStable(t *testing.T) {
	e := open(t, Config{Customers: 1200, Seed: 42})
	a := ask(t, e, http.MethodGet, "/api/v2/customers?limit_rows=3&limit_offset=600&with=catalog_elements_links", "")
	const golden = "testdata/seed_42.golden.json"
	if *update {
		if err := os.WriteFile(golden, []byte(a.body+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(readFile(t, golden), a.body+"\n"); diff != "" {
		t.Errorf("seeded rows (-golden +got):\n%s", diff)
	}
}

func TestSeedDependsOnItsSettings(t *testing.T) {
	rows := func(c Config) string {
		return ask(t, open(t, c), http.MethodGet, "/api/v2/customers?limit_rows=20", "").body
	}
	base := Config{Customers: 500, Seed: 1}
	first := rows(base)
	if again := rows(base); again != first {
		t.Error("equal settings give different rows")
	}
	if first == rows(Config{Customers: 500, Seed: 2}) {
		t.Error("different seeds give equal rows")
	}
}

// TestSeedShowsEverything looks for each shape a client must be able to read in a small base.
func TestSeedShowsEverything(t *testing.T) {
	e := open(t, Config{Customers: 200})
	found := map[string]bool{}
	names := map[int64]FieldType{}
	for _, f := range e.Fields() {
		names[f.ID] = f.Type
	}
	types := map[FieldType]bool{}
	var lastUpdated, lastID int64
	idsAscend := true
	for c := range e.Customers() {
		for _, f := range c.CustomFields {
			types[names[f.ID]] = true
		}
		found["no tags"] = found["no tags"] || len(c.Tags) == 0
		found["tags"] = found["tags"] || len(c.Tags) > 1
		found["no contacts"] = found["no contacts"] || len(c.ContactIDs) == 0
		found["contacts"] = found["contacts"] || len(c.ContactIDs) > 1
		found["company"] = found["company"] || c.CompanyID != 0
		found["negative task"] = found["negative task"] || c.ClosestTaskAt < 0
		found["no task"] = found["no task"] || c.ClosestTaskAt == 0
		found["no periodicity"] = found["no periodicity"] || c.Periodicity == 0
		found["elements"] = found["elements"] || len(c.CatalogElements) > 0
		found["equal times"] = found["equal times"] || c.UpdatedAt == lastUpdated
		if c.UpdatedAt < lastUpdated || c.UpdatedAt == lastUpdated && c.ID <= lastID {
			t.Errorf("customer %d comes after %d", c.ID, lastID)
		}
		if c.CreatedAt > c.UpdatedAt || c.UpdatedAt > seedEnd.Unix() {
			t.Errorf("customer %d: created %d, updated %d", c.ID, c.CreatedAt, c.UpdatedAt)
		}
		idsAscend = idsAscend && c.ID > lastID
		lastUpdated, lastID = c.UpdatedAt, c.ID
	}
	if idsAscend {
		t.Error("the order by updated_at is the order by id: a client that confuses them would not be noticed")
	}
	for _, f := range seedFields {
		if !types[f.Type] {
			t.Errorf("no row has a field of type %d", f.Type)
		}
	}
	for what, there := range found {
		if !there {
			t.Errorf("no row with: %s", what)
		}
	}
}

// TestSeedIDsAreInvertible checks that ids are unique, ascending by position, and lead back to their row.
func TestSeedIDsAreInvertible(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(rt, "n")
		s := newSeed(Config{Customers: n, Seed: rapid.Uint64().Draw(rt, "seed"), SeedEnd: seedEnd}.withDefaults(seedEnd))
		var last int64
		for id := s.endID(); id > 0 && id >= seedFirst-5; id-- {
			if i, ok := s.indexOf(id); ok && s.id(i) != id {
				rt.Fatalf("id %d is said to be of row %d, which has %d", id, i, s.id(i))
			}
		}
		for p := range n {
			i := s.row(p)
			if i < 0 || i >= n || s.position(i) != p {
				rt.Fatalf("position %d has row %d at position %d", p, i, s.position(i))
			}
			if s.idAt(p) <= last || s.idAt(p) >= s.endID() {
				rt.Fatalf("id %d at position %d follows %d, end %d", s.idAt(p), p, last, s.endID())
			}
			last = s.idAt(p)
			if got, ok := s.indexOf(last); !ok || got != i {
				rt.Fatalf("id %d belongs to row %d, got %d %v", last, i, got, ok)
			}
			if i > 0 {
				a, b := sortKey{s.updatedAt(i - 1), s.id(i - 1)}, sortKey{s.updatedAt(i), s.id(i)}
				if a.compare(b) >= 0 {
					rt.Fatalf("row %d %v is not after %v", i, b, a)
				}
			}
			if h := s.head(i); h.created > h.updated || h.created < s.start || h.updated > seedEnd.Unix() {
				rt.Fatalf("row %d: created %d updated %d", i, h.created, h.updated)
			}
		}
	})
}

// TestMillionCustomersCostNothing bounds what a start and pages at any depth allocate.
func TestMillionCustomersCostNothing(t *testing.T) {
	var e *Emulator
	start := testing.AllocsPerRun(1, func() { e = open(t, Config{Customers: 1_000_000}) })
	if start > 1000 {
		t.Errorf("a start makes %v allocations", start)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	big := open(t, Config{Customers: 1_000_000})
	for _, offset := range []string{"0", "499999", "999990"} {
		if got := len(list(t, big, "limit_rows=10&limit_offset="+offset)); got != 10 {
			t.Errorf("%d rows at offset %s", got, offset)
		}
	}
	if got := list(t, big, "limit_rows=10&limit_offset=1000000"); got != nil {
		t.Errorf("rows %v behind the end", got)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("a million customers hold %d bytes", grown)
	}
	last := list(t, e, "limit_rows=1&limit_offset=999999")
	page := testing.AllocsPerRun(5, func() { e.customers.page(listQuery{rows: 1, offset: 999_999}) })
	if page > 100 {
		t.Errorf("a row at offset 999,999 makes %v allocations", page)
	}
	if c, ok := e.Customer(last[0]); !ok || c.ID != last[0] {
		t.Errorf("the last row is not found by its id: %v", ok)
	}
	runtime.KeepAlive(big)
}

func TestSeedIsNeverInTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock starts in 2000
		for c := range open(t, Config{Customers: 100}).Customers() {
			if c.UpdatedAt > time.Now().Unix() {
				t.Fatalf("customer %d was updated at %s", c.ID, time.Unix(c.UpdatedAt, 0).UTC())
			}
		}
	})
}

func TestNewRefusesSettings(t *testing.T) {
	for name, config := range map[string]Config{
		"negative size":    {Customers: -1},
		"too many":         {Customers: MaxCustomers + 1},
		"zone":             {TimeZone: "Mars/Olympus"},
		"negative latency": {Latency: -time.Second},
		"base path":        {BasePath: "crm"},
	} {
		if _, err := New(config); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
