package emulator

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestIndexAgreesWithSortedSlice changes, adds and deletes rows at random and compares every page of both orders with
// a plain sorted slice of all rows.
func TestIndexAgreesWithSortedSlice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 150).Draw(rt, "seeded")
		e, err := New(Config{Customers: n, Seed: rapid.Uint64().Draw(rt, "seed")})
		if err != nil {
			rt.Fatal(err)
		}
		model := map[int64]sortKey{}
		var ids []int64
		for i := range n {
			c := e.customers.seed.customer(i)
			model[c.ID] = sortKey{c.UpdatedAt, c.ID}
			ids = append(ids, c.ID)
		}
		times := rapid.OneOf(
			rapid.Int64Range(1, 5), // before all seeded rows
			rapid.Custom(func(rt *rapid.T) int64 { // on or beside one
				return e.customers.seed.updatedAt(rapid.IntRange(0, max(0, n-1)).Draw(rt, "row")) +
					rapid.Int64Range(-1, 1).Draw(rt, "beside")
			}),
			rapid.Int64Range(5e9, 5e9+3), // behind all
		)
		for range rapid.IntRange(0, 40).Draw(rt, "steps") {
			at := times.Draw(rt, "at")
			if len(ids) == 0 || rapid.IntRange(0, 3).Draw(rt, "kind") == 0 {
				c, err := e.AddCustomer(Customer{Name: "added", UpdatedAt: at})
				if err != nil {
					rt.Fatal(err)
				}
				ids = append(ids, c.ID)
				model[c.ID] = sortKey{at, c.ID}
				continue
			}
			id := rapid.SampledFrom(ids).Draw(rt, "id")
			_, there := model[id]
			if rapid.Bool().Draw(rt, "delete") {
				if e.DeleteCustomer(id) != there {
					rt.Fatalf("delete %d: was it there: %v", id, there)
				}
				delete(model, id)
				continue
			}
			err := e.UpdateCustomer(id, func(c *Customer) { c.UpdatedAt = at })
			if (err == nil) != there {
				rt.Fatalf("update %d: %v, was it there: %v", id, err, there)
			}
			if there {
				c, _ := e.Customer(id)
				model[id] = sortKey{c.UpdatedAt, id}
			}
		}
		if got := e.CountCustomers(); got != len(model) {
			rt.Fatalf("%d customers, want %d", got, len(model))
		}
		for _, byID := range []bool{false, true} {
			keys := make([]sortKey, 0, len(model))
			for id, k := range model {
				if byID {
					k = sortKey{id: id}
				}
				keys = append(keys, k)
			}
			slices.SortFunc(keys, sortKey.compare)
			rows := rapid.IntRange(1, 9).Draw(rt, "rows")
			for offset := 0; offset <= len(keys)+2; offset += rapid.IntRange(1, 20).Draw(rt, "stride") {
				var got, want []int64
				for _, c := range e.customers.page(listQuery{rows: rows, offset: offset, byID: byID}) {
					got = append(got, c.ID)
				}
				for _, k := range keys[min(offset, len(keys)):min(offset+rows, len(keys))] {
					want = append(want, k.id)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					rt.Fatalf("page at %d, by id %v (-want +got):\n%s", offset, byID, diff)
				}
			}
		}
		span := span{times.Draw(rt, "from"), times.Draw(rt, "to")}
		var got, want []int64
		for _, c := range e.customers.page(listQuery{rows: 500, updated: &span}) {
			got = append(got, c.ID)
		}
		for id, k := range model {
			if span.contains(k.primary) {
				want = append(want, id)
			}
		}
		slices.SortFunc(want, func(a, b int64) int { return model[a].compare(model[b]) })
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("updated in %v (-want +got):\n%s", span, diff)
		}
	})
}
