package emulator

import (
	"net/http"
	"os"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSeededTransactionsAreStable(t *testing.T) {
	e := open(t, Config{Customers: 1200, Seed: 42})
	a := ask(t, e, http.MethodGet, "/api/v2/transactions?limit_rows=4&limit_offset=900", "")
	const golden = "testdata/seed_42_transactions.golden.json"
	if *update {
		if err := os.WriteFile(golden, []byte(a.body+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(readFile(t, golden), a.body+"\n"); diff != "" {
		t.Errorf("seeded rows (-golden +got):\n%s", diff)
	}
}

// TestSeededTransactionsAreOneSequence counts customer by customer what the closed forms claim of the whole account.
func TestSeededTransactionsAreOneSequence(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 200).Draw(rt, "customers")
		s := newSeed(Config{Customers: n, Seed: rapid.Uint64().Draw(rt, "seed"), SeedEnd: seedEnd}.withDefaults(seedEnd))
		j := 0
		var last Transaction
		for position := range n {
			customer := s.idAt(position)
			i, _ := s.indexOf(customer)
			ids := s.transactionsOf(customer)
			if len(ids) > seedPurchaseMax {
				rt.Fatalf("customer %d has %d transactions", customer, len(ids))
			}
			for _, id := range ids {
				p := s.transaction(j)
				if p.ID != id || s.transactionID(j) != id || p.CustomerID != customer || id <= last.ID {
					rt.Fatalf("transaction %d is %d of customer %d, want %d of %d after %d", j, p.ID, p.CustomerID, id, customer, last.ID)
				}
				if p.CreatedAt < last.CreatedAt || p.CreatedAt <= s.createdAt(i) || p.CreatedAt > seedEnd.Unix() || p.Date > p.CreatedAt {
					rt.Fatalf("transaction %d of %d, after %d, is of %d", id, p.CreatedAt, last.CreatedAt, p.Date)
				}
				if at, ok := s.transactionIndex(id); !ok || at != j {
					rt.Fatalf("id %d is number %d, %v, want %d", id, at, ok, j)
				}
				last = *p
				j++
			}
		}
		if got := s.countTransactions(); got != j {
			rt.Fatalf("%d transactions, want %d", got, j)
		}
		found := 0
		for id := seedTransactions - int64(3); id < s.endTransactionID()+3; id++ {
			if _, ok := s.transactionIndex(id); ok {
				found++
			}
		}
		if found != j {
			rt.Fatalf("%d ids lead to a transaction, want %d", found, j)
		}
	})
}

func TestSeededTransactionsShowEverything(t *testing.T) {
	found := map[string]bool{}
	numbers := map[int64]int{}
	e := open(t, Config{Customers: 200})
	for p := range e.Transactions() {
		found["comment"] = found["comment"] || p.Comment != ""
		found["no comment"] = found["no comment"] || p.Comment == ""
		found["a time of purchase that is not that of entry"] = p.Date != p.CreatedAt
		numbers[p.CustomerID]++
	}
	for c := range e.Customers() {
		found[[...]string{"nobody's", "one", "two", "three"}[numbers[c.ID]]] = true
	}
	for _, what := range []string{
		"comment", "no comment", "a time of purchase that is not that of entry", "nobody's", "one", "two", "three",
	} {
		if !found[what] {
			t.Errorf("not found: %s", what)
		}
	}
}

// TestTransactionsOfAMillionCustomersCostNothing bounds what pages at any depth allocate.
func TestTransactionsOfAMillionCustomersCostNothing(t *testing.T) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	e := open(t, Config{Customers: 1_000_000})
	if got := e.CountTransactions(); got != 1_500_000 {
		t.Errorf("%d transactions", got)
	}
	for offset, want := range map[string]int{"0": 10, "750000": 10, "1499995": 5, "1500000": 0} {
		if got := listOf(t, e, transactionsPath, "limit_rows=10&limit_offset="+offset); len(got) != want {
			t.Errorf("%d rows at offset %s, want %d", len(got), offset, want)
		}
	}
	page := testing.AllocsPerRun(5, func() { e.customers.purchases.all(1_499_999, 1) })
	if page > 200 {
		t.Errorf("a row at offset 1,499,999 makes %v allocations", page)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("a million customers' transactions hold %d bytes", grown)
	}
	runtime.KeepAlive(e)
}
