package amo

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// v4IDs returns the ids of all customers in the order of v4's lists.
func v4IDs(b *bench) []int64 {
	ids := storedIDs(b, nil)
	slices.Sort(ids)
	return ids
}

// Pages of v4 are numbered: a position inside one costs the rows before it, and
// never loses or repeats a row, whatever the size of the pages then and now.
func TestListingV4_resumesInsideAPage(t *testing.T) {
	for _, size := range []int{1, 7, 20, 23, 500} {
		t.Run(fmt.Sprintf("pages of %d", size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 23, Window: -1, FiltersOff: true}, Config{Generation: V4, PageSize: size})
				want := v4IDs(b)
				rows, _ := rowsOf(t, b, nil, ListOptions{})
				if got := idsOf(rows); !slices.Equal(got, want) {
					t.Fatalf("rows %v, want %v", got, want)
				}
				for i, row := range rows {
					for _, then := range []int{0, 5} {
						tail, _ := rowsOf(t, b, nil, ListOptions{From: row.Cursor, Rows: then})
						if got := idsOf(tail); !slices.Equal(got, want[i+1:]) {
							t.Fatalf("resumed after row %d: %v, want %v", i, got, want[i+1:])
						}
					}
				}
			})
		})
	}
}

// The end of a v4 list is an empty page, or a short one that announces no other.
func TestListingV4_ends(t *testing.T) {
	type count struct{ pages, retries int64 }
	tests := map[string]struct {
		account emulator.Config
		rules   []emulator.Rule
		want    count
	}{
		"a short page without next":                {emulator.Config{Customers: 45}, nil, count{5, 0}},
		"a full last page":                         {emulator.Config{Customers: 40}, nil, count{8, 2}},
		"no customers at all":                      {emulator.Config{}, nil, count{1, 0}},
		"every page announces another":             {emulator.Config{Customers: 45, NextLinks: emulator.NextAlways}, nil, count{7, 1}},
		"no page announces another":                {emulator.Config{Customers: 45, NextLinks: emulator.NextNever}, nil, count{5, 0}},
		"a stray empty page behind a full one":     {emulator.Config{Customers: 45}, []emulator.Rule{stray(3)}, count{6, 1}},
		"a stray empty page where the last should": {emulator.Config{Customers: 45}, []emulator.Rule{stray(5)}, count{6, 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.account.FiltersOff = true // or windows show all at once
				b := newBench(t, test.account, Config{Generation: V4, PageSize: 10})
				b.script(t, test.rules...)
				rows, end := rowsOf(t, b, nil, ListOptions{})
				if got, want := idsOf(rows), v4IDs(b); !slices.Equal(got, want) {
					t.Errorf("%d rows, want %d", len(got), len(want))
				}
				if got := (count{end.Pages, end.Retries}); got != test.want {
					t.Errorf("pages and retries %v, want %v", got, test.want)
				}
			})
		})
	}
}

// stray answers the page with this number as if the list had ended, once.
func stray(page int) emulator.Rule {
	return emulator.Rule{
		Match:  emulator.Match{Operation: emulator.OpV4CustomersList, Query: fmt.Sprintf("page=%d", page), Nth: 1},
		Action: emulator.Action{Empty: true},
	}
}

// Without the paid option v4 answers a filter with everything: Auto asks v2, a
// forced v4 checks every row.
func TestListingV4_filtersThatUpstreamIgnores(t *testing.T) {
	for _, generation := range []Generation{Auto, V4} {
		for _, off := range []bool{false, true} {
			t.Run(fmt.Sprintf("generation %d, filters off %v", generation, off), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newAutoBench(t, emulator.Config{Customers: 60, FiltersOff: off, Window: -1}, Config{Generation: generation, PageSize: 25})
					want := v4IDs(b)[10:13]
					rows, _ := rowsOf(t, b, &amogatev1.CustomerFilter{Ids: want}, ListOptions{})
					if got := idsOf(rows); !slices.Equal(got, want) {
						t.Errorf("ids %v, want %v", got, want)
					}
					user := rows[0].Value.GetResponsibleUserId()
					var mine int
					for c := range b.Customers() {
						if c.ResponsibleUserID == user {
							mine++
						}
					}
					rows, _ = rowsOf(t, b, &amogatev1.CustomerFilter{ResponsibleUserIds: []int64{user}}, ListOptions{})
					if len(rows) != mine {
						t.Errorf("%d customers of user %d, want %d", len(rows), user, mine)
					}
					overV2 := b.Stats().ByOperation[emulator.OpCustomersList]
					if asked := overV2 > 0; asked != (generation == Auto && off) {
						t.Errorf("v2 was asked %d times", overV2)
					}
				})
			})
		}
	}
}

// fixedSize is an upstream that takes no size of a page, but has one of its own.
type fixedSize struct {
	next http.RoundTripper
	size string
}

func (f fixedSize) RoundTrip(req *http.Request) (*http.Response, error) {
	if query := req.URL.Query(); query.Has("limit") {
		req = req.Clone(req.Context())
		query.Set("limit", f.size)
		req.URL.RawQuery = query.Encode()
	}
	return f.next.RoundTrip(req)
}

// Where upstream makes pages of another size than was asked for, none of its rows
// is passed over, be it after a smaller page was asked for or in the middle.
func TestListingV4_losesNothingWhereUpstreamIgnoresTheLimit(t *testing.T) {
	for _, size := range []int{10, 120, 250} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 330, Window: -1}, Config{Generation: V4, PageSize: size})
				b.client.http.Transport = fixedSize{b.client.http.Transport, "50"}
				b.script(t, emulator.Rule{
					Match:  emulator.Match{Operation: emulator.OpV4CustomersList, Nth: 3},
					Action: emulator.Action{Status: http.StatusGatewayTimeout},
				})
				want := v4IDs(b)
				rows, _ := rowsOf(t, b, nil, ListOptions{})
				seen := map[int64]bool{}
				for _, row := range rows {
					seen[row.Value.GetId()] = true
				}
				if len(seen) != len(want) {
					t.Errorf("%d customers, want %d", len(seen), len(want))
				}
			})
		})
	}
}

// A position that was told with pages of one size holds with another.
func TestListingV4_resumesWhereUpstreamIgnoresTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 330, Window: -1, FiltersOff: true}, Config{Generation: V4})
		b.client.http.Transport = fixedSize{b.client.http.Transport, "50"}
		want := v4IDs(b)
		rows, _ := rowsOf(t, b, nil, ListOptions{})
		if got := idsOf(rows); !slices.Equal(got, want) {
			t.Fatalf("%d rows, want %d", len(got), len(want))
		}
		for _, i := range []int{30, 49, 50, 99, 130, 261, 328} {
			rest, _ := rowsOf(t, b, nil, ListOptions{From: rows[i].Cursor})
			if got := idsOf(rest); !slices.Equal(got, want[i+1:]) {
				t.Errorf("resumed after row %d: %d rows, want %d", i, len(got), len(want)-i-1)
			}
		}
	})
}

// Of several records read one by one, one that upstream says is not there is left
// out.
func TestListingV4_aMissingIDEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 3, FiltersOff: true}, Config{Generation: V4})
		ids := v4IDs(b)
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpV4CustomersGet, Nth: 2},
			Action: emulator.Action{Status: http.StatusNotFound},
		})
		rows, _ := rowsOf(t, b, &amogatev1.CustomerFilter{Ids: ids}, ListOptions{})
		if got, want := idsOf(rows), []int64{ids[0], ids[2]}; !slices.Equal(got, want) {
			t.Errorf("ids %v, want %v", got, want)
		}
	})
}
