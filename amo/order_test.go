package amo

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// idOrders are the ways in which lists come in the order of ids.
var idOrders = []struct {
	name    string
	account emulator.Config
	client  Config
	filter  *amogatev1.CustomerFilter
	promise amogatev1.Completeness
}{
	{
		name: "v4", account: emulator.Config{FiltersOff: true}, client: Config{Generation: V4, PageSize: 10},
		promise: amogatev1.Completeness_COMPLETENESS_ID_ORDER_REPAIRED,
	},
	{
		// Only v4 knows what was deleted, and only v2 filters.
		name: "v2 beside v4", account: emulator.Config{ListByID: true, FiltersOff: true}, client: Config{PageSize: 10},
		filter:  &amogatev1.CustomerFilter{CreateTime: &amogatev1.TimeRange{StartTime: &timestamppb.Timestamp{Seconds: 1}}},
		promise: amogatev1.Completeness_COMPLETENESS_ID_ORDER_REPAIRED,
	},
	{
		name: "v2", account: emulator.Config{ListByID: true}, client: Config{Generation: V2, PageSize: 10},
		promise: amogatev1.Completeness_COMPLETENESS_BEST_EFFORT,
	},
}

// wantAllThatStays fails when a customer is missing that has been there all the
// time, and returns how many ids there are no longer.
func wantAllThatStays(t *testing.T, b *bench, before map[int64]emulator.Customer, got copied) (ghosts int) {
	t.Helper()
	missing := 0
	for id := range before {
		if _, lives := b.Customer(id); lives && got[id] == nil {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d rows are missing", missing, len(before))
	}
	for id := range got {
		if _, lives := b.Customer(id); !lives {
			ghosts++
		}
	}
	return ghosts
}

// In the order of ids no row is missing that was there all the time, and where
// deletions are known what was sent and is gone is told.
func TestOrder_missesNothingThatStays(t *testing.T) {
	for _, order := range idOrders {
		for seed := range uint64(2) {
			t.Run(fmt.Sprintf("%s, seed %d", order.name, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					account := order.account
					account.Customers, account.Seed, account.Latency = 200, seed, 150*time.Millisecond
					b := newAutoBench(t, account, order.client)
					before := customersOf(b.Emulator)
					if err := b.Mutate(emulator.Mutation{Updates: 5, Inserts: 1, Deletes: 6, Seed: seed}); err != nil {
						t.Fatal(err)
					}
					got := copied{}
					end, _ := copyList(t, b, got, order.filter, ListOptions{}, 0)
					wantCompleteness(t, end, order.promise)
					ghosts := wantAllThatStays(t, b, before, got)
					told := order.promise == amogatev1.Completeness_COMPLETENESS_ID_ORDER_REPAIRED
					// Between the last events and now somebody may have gone.
					if end.RepairedBorders == 0 || told && (ghosts > 1 || end.Deleted == 0) {
						t.Errorf("%d ghosts; end %+v", ghosts, end)
					}
					b.checkWindow(t)
				})
			})
		}
	}
}

// A run that goes on where another left off finds its place, however many rows
// before it were deleted meanwhile, the one at it included.
func TestOrder_goesOnBehindRowsThatWereDeleted(t *testing.T) {
	for _, order := range idOrders {
		for _, sent := range []int{26, 80} {
			for _, deleted := range []int{0, 1, 9, 24} {
				t.Run(fmt.Sprintf("%s, %d rows, %d deleted", order.name, sent, deleted), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						account := order.account
						account.Customers, account.Window = 80, -1
						b := newAutoBench(t, account, order.client)
						got := copied{}
						_, from := copyList(t, b, got, order.filter, ListOptions{}, sent)
						ids := storedIDs(b, nil)
						slices.Sort(ids)
						for _, id := range ids[max(sent-deleted, 0):sent] {
							if !b.DeleteCustomer(id) {
								t.Fatalf("there is no customer %d", id)
							}
						}
						rest := copied{}
						end, _ := copyList(t, b, rest, order.filter, ListOptions{From: from}, 0)
						promise := order.promise
						if order.client.Generation == V4 && deleted > 0 {
							// Before its end the first run cannot have looked for anything.
							promise = amogatev1.Completeness_COMPLETENESS_BEST_EFFORT
						}
						wantCompleteness(t, end, promise)
						if want := ids[sent:]; len(rest) != len(want) || slices.ContainsFunc(want, func(id int64) bool { return rest[id] == nil }) {
							t.Errorf("%d rows behind %d of 80; end %+v", len(rest), sent, end)
						}
						if moved := deleted > 0; end.RepairedBorders > 0 != moved {
							t.Errorf("end %+v with %d deleted", end, deleted)
						}
					})
				})
			}
		}
	}
}

// The token behind a row that was looked for leads to all that follow it, and none
// is missing before it.
func TestOrder_goesOnFromEveryRow(t *testing.T) {
	for _, order := range idOrders[1:] {
		t.Run(order.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				account := order.account
				account.Customers, account.Window, account.Latency = 60, -1, 100*time.Millisecond
				b := newAutoBench(t, account, order.client)
				ids := storedIDs(b, nil)
				slices.Sort(ids)
				var rows []Row[*amogatev1.Customer]
				l := b.client.Customers().List(order.filter, ListOptions{})
				for row, err := range l.Rows(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					if len(rows) == 4 {
						for _, id := range ids[:3] {
							if !b.DeleteCustomer(id) {
								t.Fatalf("there is no customer %d", id)
							}
						}
					}
					if row.Deleted == 0 {
						rows = append(rows, row)
					}
				}
				if end, _ := l.End(); end.RepairedBorders == 0 {
					t.Errorf("no border had moved: %+v", end)
				}
				for n := 0; n < len(rows); n += 4 {
					got := copied{}
					for _, row := range rows[:n+1] {
						got.apply(row)
					}
					copyList(t, b, got, order.filter, ListOptions{From: rows[n].Cursor}, 0)
					if ghosts := wantAllThatStays(t, b, customersOf(b.Emulator), got); ghosts > 0 && order.promise == amogatev1.Completeness_COMPLETENESS_ID_ORDER_REPAIRED {
						t.Errorf("from row %d on: %d ghosts", n, ghosts)
					}
				}
			})
		})
	}
}

// Where upstream is not in the order of ids, none is looked for.
func TestOrder_looksForNothingWithoutTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1_500, Latency: 150 * time.Millisecond}, Config{Generation: V2, PageSize: 50})
		if err := b.Mutate(emulator.Mutation{Updates: 5, Deletes: 6}); err != nil {
			t.Fatal(err)
		}
		end, _ := copyList(t, b, copied{}, nil, ListOptions{}, 0)
		wantCompleteness(t, end, amogatev1.Completeness_COMPLETENESS_BEST_EFFORT)
		if end.RepairedBorders > 0 || end.Pages > 40 {
			t.Errorf("end %+v", end)
		}
	})
}

// Where pages have to become so small that they have no room for the row before,
// the list goes on without it.
func TestOrder_goesOnInSingleRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 30, ListByID: true, Window: -1}, Config{Generation: V2, PageSize: 5})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersList, Query: "limit_rows=5", From: 2},
			Action: emulator.Action{Status: http.StatusGatewayTimeout},
		})
		if rows, _ := rowsOf(t, b, nil, ListOptions{}); !slices.Equal(idsOf(rows), storedIDs(b, nil)) {
			t.Errorf("%d rows of 30", len(rows))
		}
	})
}

// Nothing is promised of rows that were looked for on a page that was too much for
// upstream, and nothing is missing because a page came empty by mistake.
func TestOrder_looksForRowsOnPagesThatFail(t *testing.T) {
	for name, action := range map[string]emulator.Action{
		"too much": {Status: http.StatusGatewayTimeout},
		"empty":    {Empty: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				order := idOrders[1]
				account := order.account
				account.Customers, account.Window = 80, -1
				b := newAutoBench(t, account, order.client)
				before := customersOf(b.Emulator)
				got := copied{}
				_, from := copyList(t, b, got, order.filter, ListOptions{}, 40)
				ids := storedIDs(b, nil)
				slices.Sort(ids)
				for _, id := range ids[20:35] {
					if !b.DeleteCustomer(id) {
						t.Fatalf("there is no customer %d", id)
					}
				}
				// The page before the position has none of the rows that came before it.
				b.script(t, emulator.Rule{
					Match:  emulator.Match{Operation: emulator.OpCustomersList, Query: "limit_offset=30", Nth: 1},
					Action: action,
				})
				end, _ := copyList(t, b, got, order.filter, ListOptions{From: from}, 0)
				if end.Completeness == order.promise {
					wantAllThatStays(t, b, before, got)
				} else if action.Empty {
					wantCompleteness(t, end, order.promise)
				}
				if end.RepairedBorders != 1 || end.Retries != 1 {
					t.Errorf("end %+v, want one border and one retry", end)
				}
			})
		})
	}
}
