package amo

import (
	"testing"
	"testing/synctest"

	"google.golang.org/genproto/googleapis/type/money"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestTransactions_oneBadItemDoesNotCostTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 3}, Config{})
		var items []Create[*amogatev1.Transaction]
		for i, id := range customerIDs(b, 3) {
			if i == 1 {
				id = 5 // nobody
			}
			items = append(items, Create[*amogatev1.Transaction]{Value: &amogatev1.Transaction{CustomerId: id, Price: &money.Money{Units: int64(100 + i)}}})
		}
		results := b.client.Transactions().Create(t.Context(), items)
		for i, r := range results {
			if i == 1 {
				if !IsKind(r.Err, KindUpstreamInvalid) {
					t.Errorf("an unknown customer: %v, want KindUpstreamInvalid", r.Err)
				}
				continue
			}
			if r.Err != nil {
				t.Errorf("item %d: %v", i, r.Err)
				continue
			}
			stored, ok := b.Transaction(r.Value.GetId())
			if !ok || stored.Price != int64(100+i) {
				t.Errorf("item %d was answered with the id of another: %+v", i, stored)
			}
		}
	})
}

func TestTransactions_areListedWhateverThePageSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var want []int64
		for _, size := range []int{500, 7, 1} {
			b := newBench(t, emulator.Config{Customers: 20, Window: -1}, Config{PageSize: size})
			var got []int64
			list := b.client.Transactions().List(nil, ListOptions{})
			for row, err := range list.Rows(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, row.Value.GetId())
			}
			if _, ended := list.End(); !ended || len(got) == 0 {
				t.Fatalf("%d transactions, ended %v", len(got), ended)
			}
			if want == nil {
				want = got
			}
			if len(got) != len(want) {
				t.Errorf("%d transactions by pages of %d, want %d", len(got), size, len(want))
			}
		}
	})
}

// A comment changes no time of change. Of a row that was sent the newer comment is
// not sent, even where upstream shows the row again: the list promises nothing of
// rows that change. One that is still to come is sent as it is then.
func TestTransactions_commentsThatChangeWhileTheyAreListed(t *testing.T) {
	for name, c := range map[string]struct {
		generation Generation
		list       string
	}{
		"v2": {V2, emulator.OpTransactionsList},
		"v4": {Auto, emulator.OpV4TransactionsList},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newAutoBench(t, emulator.Config{Customers: 60}, Config{Generation: c.generation, PageSize: 10})
				comment := func(row *amogatev1.Transaction, text string) {
					t.Helper()
					value := &amogatev1.Transaction{Comment: text}
					if r := b.client.Transactions().Update(t.Context(), []Update[*amogatev1.Transaction]{{ID: row.GetId(), Value: value, Paths: []string{"comment"}}}); r[0].Err != nil {
						t.Fatal(r[0].Err)
					}
				}
				last := lastTransaction(t, b)
				// The sixth page shows rows of the first again, in the place of its own.
				b.script(t, emulator.Rule{Match: emulator.Match{Operation: c.list, Nth: 6}, Action: emulator.Action{Shift: -44}})
				list := b.client.Transactions().List(nil, ListOptions{})
				sent := map[int64][]string{}
				var early *amogatev1.Transaction
				for row, err := range list.Rows(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					sent[row.Value.GetId()] = append(sent[row.Value.GetId()], row.Value.GetComment())
					if len(sent) == 9 {
						early = row.Value
						comment(early, "newer")
						comment(last, "newer")
					}
				}
				end, ended := list.End()
				if !ended || end.Pages < 8 || end.Resent != 0 || end.Completeness != amogatev1.Completeness_COMPLETENESS_BEST_EFFORT {
					t.Errorf("end %+v, %v; want no row again, and no promise", end, ended)
				}
				if got := sent[early.GetId()]; len(got) != 1 || got[0] == "newer" {
					t.Errorf("the row that was sent before its comment changed: %q", got)
				}
				if got := sent[last.GetId()]; len(got) != 1 || got[0] != "newer" {
					t.Errorf("the row that was still to come: %q", got)
				}
			})
		})
	}
}

// lastTransaction returns the last row of the list of transactions.
func lastTransaction(t *testing.T, b *bench) (last *amogatev1.Transaction) {
	t.Helper()
	for row, err := range b.client.Transactions().List(nil, ListOptions{}).Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		last = row.Value
	}
	return last
}
