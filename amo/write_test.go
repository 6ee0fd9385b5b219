package amo

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

type (
	customerCreate = Create[*amogatev1.Customer]
	customerUpdate = Update[*amogatev1.Customer]
)

var due = &timestamppb.Timestamp{Seconds: 1_800_000_000}

// creates returns n new customers.
func creates(n int) []customerCreate {
	items := make([]customerCreate, n)
	for i := range items {
		items[i].Value = &amogatev1.Customer{Name: fmt.Sprintf("Клиент %d", i), NextPurchaseTime: due}
	}
	return items
}

func TestCreate_answersTheRecordAsSentWithItsID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		sent := &amogatev1.Customer{
			Id: 7, UpdateTime: due, // output-only: ignored
			Name: "Анна", NextPurchaseTime: due, ContactIds: []int64{11, 12}, Tags: []*amogatev1.Tag{{Name: "vip"}},
		}
		results := b.client.Customers().Create(t.Context(), []customerCreate{{Value: sent}})
		if err := results[0].Err; err != nil {
			t.Fatal(err)
		}
		id := storedIDs(b, nil)[0]
		want := &amogatev1.Customer{Id: id, Name: "Анна", NextPurchaseTime: due, ContactIds: []int64{11, 12}, Tags: []*amogatev1.Tag{{Name: "vip"}}}
		if diff := cmp.Diff(want, results[0].Value, protocmp.Transform()); diff != "" {
			t.Errorf("the answer differs (-want +got):\n%s", diff)
		}
		if got := b.Stats().Requests; got != 2 {
			t.Errorf("%d requests, want 2: the account and the write", got)
		}
	})
}

func TestCreate_splitsBatchesAndKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		results := b.client.Customers().Create(t.Context(), creates(600))
		for i, r := range results {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			stored, ok := b.Customer(r.Value.GetId())
			if want := fmt.Sprintf("Клиент %d", i); !ok || stored.Name != want {
				t.Fatalf("result %d is %q, want %q", i, stored.Name, want)
			}
		}
		if got := b.Stats().ByOperation[emulator.OpCustomersWrite]; got != 4 {
			t.Errorf("%d writes, want 4: of 50, 100, 200 and 250", got)
		}
	})
}

func TestCreate_oneBadItemDoesNotCostTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		items := creates(100)
		items[3].Value.CustomFields = []*amogatev1.CustomField{{FieldId: 424242, Value: &amogatev1.CustomField_Text{Text: "x"}}}
		items[40].Value.NextPurchaseTime = nil // upstream refuses it
		results := b.client.Customers().Create(t.Context(), items)
		for i, r := range results {
			switch i {
			case 3:
				if !IsKind(r.Err, KindInvalid) || asError(r.Err).Fields[0].Path != "custom_fields[0].field_id" {
					t.Errorf("item 3: %v, want its field named", r.Err)
				}
			case 40:
				if !IsKind(r.Err, KindUpstreamInvalid) || asError(r.Err).Fields[0].Path != "next_purchase_time" {
					t.Errorf("item 40: %v, want next_purchase_time named", r.Err)
				}
			default:
				if r.Err != nil {
					t.Errorf("item %d: %v", i, r.Err)
				}
			}
		}
		if got := b.CountCustomers(); got != 98 {
			t.Errorf("%d customers stored, want 98", got)
		}
	})
}

func TestCreate_narrowsAWholeRefusalDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersWrite, Body: "Клиент 33"},
			Action: emulator.Action{Status: 400},
		})
		results := b.client.Customers().Create(t.Context(), creates(50))
		for i, r := range results {
			if (r.Err != nil) != (i == 33) {
				t.Errorf("item %d: %v", i, r.Err)
			}
		}
		if got := b.CountCustomers(); got != 49 {
			t.Errorf("%d customers stored, want 49", got)
		}
		if got := b.Stats().ByOperation[emulator.OpCustomersWrite]; got > 13 {
			t.Errorf("%d writes, want at most 1 + 2·log₂ 50", got)
		}
	})
}

func TestCreate_isNeverReplayedOnceItMayHaveHappened(t *testing.T) {
	tests := map[string]struct {
		action emulator.Action
		want   Kind // -1 = success
		stored int
	}{
		"504 after the write": {emulator.Action{Status: 504, HTML: true, Apply: true}, -1, 1},
		"502 before it":       {emulator.Action{Status: 502, HTML: true}, KindOutcomeUnknown, 0},
		"connection dropped":  {emulator.Action{Drop: true}, KindOutcomeUnknown, 0},
		"answer cut":          {emulator.Action{Cut: new(20)}, -1, 1},
		"answer garbled":      {emulator.Action{Garbled: true}, -1, 1},
		"html with 200":       {emulator.Action{HTML: true, Apply: true}, -1, 1},
		"html instead of it":  {emulator.Action{HTML: true}, KindResponseLost, 0},
		"404 page":            {emulator.Action{Status: 404, HTML: true}, KindBadResponse, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{}, Config{})
				b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite}, Action: test.action})
				results := b.client.Customers().Create(t.Context(), creates(1))
				if err := results[0].Err; err == nil != (test.want < 0) || err != nil && !IsKind(err, test.want) {
					t.Errorf("%v, want kind %d", err, test.want)
				}
				if got := b.Stats().ByOperation[emulator.OpCustomersWrite]; got != 1 {
					t.Errorf("%d writes, want 1", got)
				}
				if got := b.CountCustomers(); got != test.stored {
					t.Errorf("%d stored, want %d", got, test.stored)
				}
			})
		})
	}
}

func TestCreate_isReplayedWhenItWasNotExecuted(t *testing.T) {
	for name, action := range map[string]emulator.Action{
		"429": {Status: 429, HTML: true},
		"401": {ExpireSession: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{}, Config{Auth: testSession})
				b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Nth: 1}, Action: action})
				if results := b.client.Customers().Create(t.Context(), creates(1)); results[0].Err != nil {
					t.Error(results[0].Err)
				}
				if got := b.CountCustomers(); got != 1 {
					t.Errorf("%d stored, want 1", got)
				}
			})
		})
	}
}

// One create of unknown outcome says little of the next: they go on in smaller
// batches. Two on end, or a read that fails as well, say that upstream is down.
func TestCreate_afterAFailureTheRestIsNotAttempted(t *testing.T) {
	lost := emulator.Action{Status: 504, HTML: true}
	write := func(match emulator.Match) emulator.Rule {
		match.Operation = emulator.OpCustomersWrite
		return emulator.Rule{Match: match, Action: lost}
	}
	for name, test := range map[string]struct {
		rules []emulator.Rule
		want  []int // items that succeed, of unknown outcome, not attempted
		sizes int64 // writes
	}{
		"one":             {[]emulator.Rule{write(emulator.Match{Nth: 2})}, []int{650, 100, 0}, 6},
		"two on end":      {[]emulator.Rule{write(emulator.Match{From: 2, To: 3})}, []int{50, 150, 550}, 3},
		"one, unreadable": {[]emulator.Rule{write(emulator.Match{Nth: 2}), {Match: emulator.Match{Operation: emulator.OpCustomersList}, Action: lost}}, []int{50, 100, 600}, 2},
		"a 403":           {[]emulator.Rule{{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Nth: 2}, Action: emulator.Action{Status: 403}}}, []int{50, 0, 600}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{}, Config{})
				b.script(t, test.rules...)
				got := []int{0, 0, 0}
				for _, r := range b.client.Customers().Create(t.Context(), creates(750)) {
					switch {
					case r.Err == nil:
						got[0]++
					case IsKind(r.Err, KindOutcomeUnknown):
						got[1]++
					case IsKind(r.Err, KindNotAttempted):
						got[2]++
					}
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("made, unknown and not attempted: %v, want %v", got, test.want)
				}
				if n := b.Stats().ByOperation[emulator.OpCustomersWrite]; n != test.sizes {
					t.Errorf("%d writes, want %d", n, test.sizes)
				}
			})
		})
	}
}

func TestCreate_deadlineInMidWriteLeavesTheOutcomeUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Latency: 10 * time.Second}, Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		results := b.client.Customers().Create(ctx, creates(1))
		if !IsKind(results[0].Err, KindOutcomeUnknown) {
			t.Errorf("%v, want KindOutcomeUnknown", results[0].Err)
		}
		if got := b.CountCustomers(); got != 1 {
			t.Errorf("%d stored, want 1", got)
		}
	})
}

func TestCreate_readBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		items := creates(3)
		items[0].ReadBack, items[2].ReadBack = true, true
		results := b.client.Customers().Create(t.Context(), items)
		for i, r := range results {
			if r.Err != nil || r.ReadBackErr != nil {
				t.Fatal(r.Err, r.ReadBackErr)
			}
			if read := r.Value.GetCreateTime() != nil; read != (i != 1) {
				t.Errorf("item %d read back: %v", i, read)
			}
		}
		if got := b.Stats().ByOperation[emulator.OpCustomersList]; got != 1 {
			t.Errorf("%d reads, want 1 for the batch", got)
		}
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList}, Action: emulator.Action{Status: 403}})
		results = b.client.Customers().Create(t.Context(), items[:1])
		if results[0].Err != nil || results[0].ReadBackErr == nil || results[0].Value.GetName() != "Клиент 0" {
			t.Errorf("a failed read after the write: %+v", results[0])
		}
	})
}

// updateOne runs one update.
func updateOne(ctx context.Context, b *bench, item customerUpdate) Result[*amogatev1.Customer] {
	return b.client.Customers().Update(ctx, []customerUpdate{item})[0]
}

// addCustomer stores a customer that was last changed at the given time.
func addCustomer(t *testing.T, b *bench, updated time.Time) emulator.Customer {
	t.Helper()
	c, err := b.AddCustomer(emulator.Customer{
		Name: "Анна", NextDate: 1_800_000_000, CreatedAt: 1, UpdatedAt: updated.Unix(),
		ContactIDs: []int64{1, 2, 3}, MainContactID: 1, CompanyID: 9, Tags: []emulator.Tag{{Name: "vip"}, {Name: "опт"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestUpdate_changesWhatTheMaskNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		before := addCustomer(t, b, time.Now().Add(-time.Hour))
		got := updateOne(t.Context(), b, customerUpdate{
			ID: before.ID, Paths: []string{"name"},
			Value: &amogatev1.Customer{Name: "Мария", NextPurchaseTime: due, ContactIds: []int64{5}},
		})
		if got.Err != nil {
			t.Fatal(got.Err)
		}
		want := &amogatev1.Customer{Id: before.ID, Name: "Мария", UpdateTime: timestamppb.New(time.Now().Truncate(time.Second))}
		if diff := cmp.Diff(want, got.Value, protocmp.Transform()); diff != "" {
			t.Errorf("the answer differs (-want +got):\n%s", diff)
		}
		after, _ := b.Customer(before.ID)
		before.Name, before.UpdatedAt, before.UpdatedBy = after.Name, after.UpdatedAt, after.UpdatedBy
		if diff := cmp.Diff(before, after); diff != "" || after.Name != "Мария" {
			t.Errorf("more than the name changed (-before +after):\n%s", diff)
		}
		if n := b.Stats().ByOperation[emulator.OpCustomersList]; n != 0 {
			t.Errorf("%d reads, want none", n)
		}
	})
}

func TestUpdate_sendsTheDifferenceOfLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		id := addCustomer(t, b, time.Now().Add(-time.Hour)).ID
		got := updateOne(t.Context(), b, customerUpdate{
			ID: id, Paths: []string{"contact_ids", "company_id"}, Value: &amogatev1.Customer{ContactIds: []int64{3, 4}},
		})
		if got.Err != nil {
			t.Fatal(got.Err)
		}
		after, _ := b.Customer(id)
		if !slices.Equal(after.ContactIDs, []int64{3, 4}) || after.CompanyID != 0 {
			t.Errorf("contacts %v and company %d, want [3 4] and none", after.ContactIDs, after.CompanyID)
		}
	})
}

func TestUpdate_addsAndRemovesTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		id := addCustomer(t, b, time.Now().Add(-time.Hour)).ID
		got := updateOne(t.Context(), b, customerUpdate{ID: id, AddTags: []string{"новый", "vip"}, RemoveTags: []string{"опт"}})
		if got.Err != nil {
			t.Fatal(got.Err)
		}
		after, _ := b.Customer(id)
		names := make([]string, len(after.Tags))
		for i, tag := range after.Tags {
			names[i] = tag.Name
		}
		if !slices.Equal(names, []string{"vip", "новый"}) {
			t.Errorf("tags %q, want vip and новый", names)
		}
	})
}

func TestUpdate_condition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		stored := addCustomer(t, b, time.Now().Add(-time.Hour))
		item := customerUpdate{ID: stored.ID, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Мария"}}
		item.ExpectedUpdateTime = stored.UpdatedAt - 1
		if got := updateOne(t.Context(), b, item); !IsKind(got.Err, KindConflict) {
			t.Errorf("an older expectation: %v, want KindConflict", got.Err)
		}
		item.ExpectedUpdateTime = stored.UpdatedAt
		if got := updateOne(t.Context(), b, item); got.Err != nil {
			t.Errorf("the exact expectation: %v", got.Err)
		}
		if got := updateOne(t.Context(), b, item); !IsKind(got.Err, KindConflict) {
			t.Errorf("the same expectation again: %v, want KindConflict", got.Err)
		}
	})
}

// Upstream keeps the time that it is sent: later writers, who send their own
// now, would be refused until then.
func TestUpdate_anExpectationOfTheFutureIsNotTheRecordsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		stored := addCustomer(t, b, time.Now().Add(-time.Hour))
		got := updateOne(t.Context(), b, customerUpdate{
			ID: stored.ID, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Мария"}, ExpectedUpdateTime: time.Now().AddDate(4, 0, 0).Unix(),
		})
		if got.Err != nil {
			t.Fatal(got.Err)
		}
		read, err := b.client.Customers().Get(t.Context(), stored.ID)
		if err != nil {
			t.Fatal(err)
		}
		if at := read.GetUpdateTime().AsTime(); read.GetName() != "Мария" || at.After(time.Now()) {
			t.Errorf("%q changed at %v, which is yet to come", read.GetName(), at)
		}
		// A record of the future is another matter: what is newer is later still.
		future := addCustomer(t, b, time.Now().Add(time.Hour))
		item := customerUpdate{ID: future.ID, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Мария"}, ExpectedUpdateTime: future.UpdatedAt}
		if got := updateOne(t.Context(), b, item); got.Err != nil {
			t.Errorf("the exact expectation of a record of the future: %v", got.Err)
		}
	})
}

func TestUpdate_conditionThatTheReadBeforeRefutesCostsNoWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		stored := addCustomer(t, b, time.Now().Add(-time.Hour))
		got := updateOne(t.Context(), b, customerUpdate{ID: stored.ID, AddTags: []string{"новый"}, ExpectedUpdateTime: stored.UpdatedAt - 1})
		if n := b.Stats().ByOperation[emulator.OpCustomersWrite]; !IsKind(got.Err, KindConflict) || n != 0 {
			t.Errorf("%v with %d writes, want KindConflict with none", got.Err, n)
		}
	})
}

func TestUpdate_aRecordOfTheFutureCostsOneReadAndOneSecondTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		stored := addCustomer(t, b, time.Now().Add(time.Hour))
		item := customerUpdate{ID: stored.ID, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Мария"}}
		got := updateOne(t.Context(), b, item)
		if got.Err != nil || got.Value.GetUpdateTime().GetSeconds() != stored.UpdatedAt+1 {
			t.Errorf("%+v, want the name written a second after the stored time", got)
		}
		s := b.Stats()
		if reads, writes := s.ByOperation[emulator.OpCustomersList], s.ByOperation[emulator.OpCustomersWrite]; reads != 1 || writes != 2 {
			t.Errorf("%d reads and %d writes, want 1 and 2", reads, writes)
		}
	})
}

func TestUpdate_lostAnswerIsRepeatedAndRecognized(t *testing.T) {
	for _, conditional := range []bool{false, true} {
		t.Run(fmt.Sprintf("conditional %v", conditional), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Latency: 3 * time.Second}, Config{})
				stored := addCustomer(t, b, time.Now().Add(-time.Hour))
				b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Nth: 1}, Action: emulator.Action{Cut: new(10)}})
				item := customerUpdate{ID: stored.ID, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Мария"}}
				if conditional {
					item.ExpectedUpdateTime = stored.UpdatedAt
				}
				got := updateOne(t.Context(), b, item)
				after, _ := b.Customer(stored.ID)
				if got.Err != nil || got.Value.GetUpdateTime().GetSeconds() != after.UpdatedAt || after.Name != "Мария" {
					t.Errorf("%v with %v, stored %q at %d", got.Err, got.Value, after.Name, after.UpdatedAt)
				}
			})
		})
	}
}

func TestUpdate_lostAnswerOfTheSecondTryIsRecognizedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		stored := addCustomer(t, b, time.Now().Add(time.Hour)) // the first try is refused
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Nth: 2}, Action: emulator.Action{Cut: new(10)}})
		got := updateOne(t.Context(), b, customerUpdate{ID: stored.ID, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Мария"}})
		after, _ := b.Customer(stored.ID)
		if got.Err != nil || got.Value.GetUpdateTime().GetSeconds() != after.UpdatedAt || after.Name != "Мария" {
			t.Errorf("%v with %v, stored %q at %d", got.Err, got.Value, after.Name, after.UpdatedAt)
		}
	})
}

func TestUpdate_lostAnswerBeforeARefusalOfTheWholeBatchIsRecognized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		var items []customerUpdate
		for range 2 {
			stored := addCustomer(t, b, time.Now().Add(-time.Hour))
			items = append(items, customerUpdate{
				ID: stored.ID, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Мария"}, ExpectedUpdateTime: stored.UpdatedAt,
			})
		}
		write := func(nth int, action emulator.Action) emulator.Rule {
			return emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Nth: nth}, Action: action}
		}
		b.script(t, write(1, emulator.Action{Cut: new(10)}), write(2, emulator.Action{Status: 400}))
		for i, r := range b.client.Customers().Update(t.Context(), items) {
			if r.Err != nil {
				t.Errorf("item %d: %v, want what the first try wrote recognized", i, r.Err)
			}
		}
	})
}

func TestUpdate_thatIsRefusedTwiceIsAConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		stored := addCustomer(t, b, time.Now().Add(time.Hour))
		b.script(t, emulator.Rule{
			Match: emulator.Match{Operation: emulator.OpCustomersWrite, Nth: 2},
			Action: emulator.Action{Status: 200, Body: fmt.Sprintf(
				`{"_embedded":{"items":[],"errors":{"update":{"%d":"Last modified date is older than in database"}}}}`, stored.ID)},
		})
		got := updateOne(t.Context(), b, customerUpdate{ID: stored.ID, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Мария"}})
		if !IsKind(got.Err, KindConflict) {
			t.Errorf("%v, want KindConflict", got.Err)
		}
		if n := b.Stats().ByOperation[emulator.OpCustomersWrite]; n != 2 {
			t.Errorf("%d writes, want 2", n)
		}
	})
}

func TestUpdate_batch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		old := addCustomer(t, b, time.Now().Add(-time.Hour))
		future := addCustomer(t, b, time.Now().Add(time.Hour))
		name := []string{"name"}
		value := &amogatev1.Customer{Name: "Мария"}
		results := b.client.Customers().Update(t.Context(), []customerUpdate{
			{ID: old.ID, Value: value, Paths: name},
			{ID: 5, Value: value, Paths: name},
			{ID: future.ID, Value: value, Paths: name, ExpectedUpdateTime: old.UpdatedAt},
			{ID: 6, AddTags: []string{"vip"}},
		})
		want := []Kind{-1, KindNotFound, KindConflict, KindNotFound}
		for i, r := range results {
			if want[i] < 0 && r.Err != nil || want[i] >= 0 && !IsKind(r.Err, want[i]) {
				t.Errorf("item %d: %v, want kind %d", i, r.Err, want[i])
			}
		}
	})
}

func TestDelete_tellsWhatWasDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		stored := addCustomer(t, b, time.Now())
		results := b.client.Customers().Delete(t.Context(), []int64{stored.ID, 5})
		if results[0].Err != nil || results[0].Value.GetName() != "Анна" {
			t.Errorf("the deleted one: %+v", results[0])
		}
		if !IsKind(results[1].Err, KindNotFound) {
			t.Errorf("an unknown id: %v, want KindNotFound", results[1].Err)
		}
	})
}

func TestDelete_lostAnswerIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		stored := addCustomer(t, b, time.Now())
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Nth: 1}, Action: emulator.Action{Cut: new(10)}})
		if results := b.client.Customers().Delete(t.Context(), []int64{stored.ID}); results[0].Err != nil {
			t.Error(results[0].Err)
		}
		if b.CountCustomers() != 0 {
			t.Error("the customer is still there")
		}
	})
}

func TestDelete_ofWhatALostTryDeletedSucceeds(t *testing.T) {
	for _, lost := range []bool{true, false} {
		t.Run(fmt.Sprintf("lost %v", lost), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{}, Config{})
				if lost {
					b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersWrite, Nth: 1}, Action: emulator.Action{Status: 502, HTML: true}})
				}
				b.script(t, emulator.Rule{
					Match:  emulator.Match{Operation: emulator.OpCustomersWrite},
					Action: emulator.Action{Status: 200, Body: `{"_embedded":{"items":[],"errors":{"delete":{"5":"Customer not found"}}}}`},
				})
				err := b.client.Customers().Delete(t.Context(), []int64{5})[0].Err
				if lost && err != nil || !lost && !IsKind(err, KindNotFound) {
					t.Errorf("Delete = %v", err)
				}
			})
		})
	}
}

func TestForcedGeneration_thatServesNothingSaysSo(t *testing.T) {
	b := newBench(t, emulator.Config{}, Config{Generation: V4})
	if err := b.client.Customers().Delete(t.Context(), []int64{1})[0].Err; !IsKind(err, KindUnsupported) {
		t.Errorf("Delete = %v, want KindUnsupported", err)
	}
	if got := b.Stats().Requests; got != 0 {
		t.Errorf("%d requests, want none", got)
	}
}
