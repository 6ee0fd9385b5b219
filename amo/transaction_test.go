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
