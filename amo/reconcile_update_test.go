package amo

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// lostUpdates loses every answer to an update of customers.
func lostUpdates(action emulator.Action) []emulator.Rule {
	var rules []emulator.Rule
	for _, op := range []string{emulator.OpCustomersWrite, emulator.OpV4CustomersUpdate, emulator.OpV4CustomersUpdateOne} {
		rules = append(rules, emulator.Rule{Match: emulator.Match{Operation: op}, Action: action})
	}
	return rules
}

func TestUpdate_whoseAnswersAreAllLostIsRead(t *testing.T) {
	for _, generation := range []Generation{V2, V4} {
		t.Run(generation.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := creatorBench(t, emulator.Config{}, generation)
				fields := filledFields(t, b)
				cleared := &amogatev1.CustomField{FieldId: fields[0].GetFieldId()}
				first := b.client.Customers().Create(t.Context(), []customerCreate{{Value: &amogatev1.Customer{
					Name: "Anna", NextPurchaseTime: due, NextPrice: &money.Money{Units: 5}, CustomFields: fields,
				}}, {Value: dated("Maria")}})
				if first[0].Err != nil || first[1].Err != nil {
					t.Fatal(first[0].Err, first[1].Err)
				}
				b.script(t, lostUpdates(emulator.Action{Cut: new(10)})...)
				items := []customerUpdate{
					{
						ID: first[0].Value.GetId(), Paths: []string{"name", "next_price", "tags", "contact_ids", "custom_fields"},
						Value: &amogatev1.Customer{
							Name: "Anna 2", Tags: []*amogatev1.Tag{{Name: "b"}, {Name: "a"}}, ContactIds: []int64{12}, CustomFields: []*amogatev1.CustomField{cleared, fields[1]},
						},
					},
					{ID: first[1].Value.GetId(), AddTags: []string{"new"}, RemoveTags: []string{"old"}},
				}
				results := b.client.Customers().Update(t.Context(), items)
				b.ClearFaults()
				for i, r := range results {
					if r.Err != nil {
						t.Fatalf("item %d: %v", i, r.Err)
					}
					read, err := b.client.Customers().Get(t.Context(), items[i].ID)
					if err != nil {
						t.Fatal(err)
					}
					// Links follow the update, and change its time.
					ignore := protocmp.IgnoreFields(&amogatev1.Customer{}, "update_time", "main_contact_id")
					if diff := cmp.Diff(read, r.Value, protocmp.Transform(), ignore); diff != "" {
						t.Errorf("item %d is not the record (-stored +answered):\n%s", i, diff)
					}
				}
			})
		})
	}
}

func TestUpdate_whoseAnswersAreAllLostAndThatIsNotShownStaysLost(t *testing.T) {
	for name, test := range map[string]struct {
		action emulator.Action
		item   customerUpdate
	}{
		"not written":     {emulator.Action{HTML: true}, customerUpdate{Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Anna 2"}}},
		"not cleared":     {emulator.Action{HTML: true}, customerUpdate{Paths: []string{"next_price"}}},
		"tag not added":   {emulator.Action{HTML: true}, customerUpdate{AddTags: []string{"new"}}},
		"tag not removed": {emulator.Action{HTML: true}, customerUpdate{RemoveTags: []string{"old"}}},
	} {
		for _, generation := range []Generation{V2, V4} {
			t.Run(name+" "+generation.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := creatorBench(t, emulator.Config{}, generation)
					first := b.client.Customers().Create(t.Context(), []customerCreate{{Value: &amogatev1.Customer{
						Name: "Anna", NextPurchaseTime: due, NextPrice: &money.Money{Units: 5}, Tags: []*amogatev1.Tag{{Name: "old"}},
					}}})
					if first[0].Err != nil {
						t.Fatal(first[0].Err)
					}
					b.script(t, lostUpdates(test.action)...)
					test.item.ID = first[0].Value.GetId()
					if r := updateOne(t.Context(), b, test.item); !IsKind(r.Err, KindResponseLost) {
						t.Errorf("%v, want KindResponseLost", r.Err)
					}
				})
			})
		}
	}
}

func TestUpdate_thatCannotBeReadAfterALostAnswerStaysLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := creatorBench(t, emulator.Config{}, V4)
		b.script(t, lostUpdates(emulator.Action{Cut: new(10)})...)
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpV4CustomersGet}, Action: emulator.Action{Status: 403}})
		r := updateOne(t.Context(), b, customerUpdate{ID: buyer, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "x"}})
		if !IsKind(r.Err, KindResponseLost) {
			t.Errorf("%v, want KindResponseLost", r.Err)
		}
	})
}

func TestUpdate_ofACommentWhoseAnswersAreAllLostIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := creatorBench(t, emulator.Config{}, V2)
		made := createTransactions(t.Context(), b.client, "before")[0]
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpTransactionsWrite}, Action: emulator.Action{Cut: new(10)}})
		r := b.client.Transactions().Update(t.Context(), []Update[*amogatev1.Transaction]{{ID: made.id, Paths: []string{"comment"}, Value: &amogatev1.Transaction{Comment: "after"}}})[0]
		if r.Err != nil || r.Value.GetComment() != "after" || r.Value.GetPrice().GetUnits() != 5 {
			t.Errorf("%v, %v, want the whole transaction", r.Value, r.Err)
		}
	})
}
