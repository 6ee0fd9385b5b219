package amo

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// made is what became of one create.
type made struct {
	id  int64
	err error
}

func madeOf[T interface{ GetId() int64 }](results []Result[T]) []made {
	all := make([]made, len(results))
	for i, r := range results {
		if all[i].err = r.Err; r.Err == nil {
			all[i].id = r.Value.GetId()
		}
	}
	return all
}

// creator makes records of one resource that differ by a text.
type creator struct {
	generation Generation
	// write and list are the emulator's operations.
	write, list string
	create      func(ctx context.Context, c *Client, texts ...string) []made
	// stored are the texts of the records by id; add stores one by somebody else.
	stored func(b *bench) map[int64]string
	add    func(t *testing.T, b *bench, text string)
}

const buyer, lead = 1, 77

func createCustomers(ctx context.Context, c *Client, texts ...string) []made {
	var items []customerCreate
	for _, text := range texts {
		items = append(items, customerCreate{Value: &amogatev1.Customer{
			Name: text, NextPurchaseTime: due, NextPrice: &money.Money{CurrencyCode: "RUB", Units: 12},
			Tags: []*amogatev1.Tag{{Name: "vip"}, {Name: "a"}},
		}})
	}
	return madeOf(c.Customers().Create(ctx, items))
}

func createTransactions(ctx context.Context, c *Client, texts ...string) []made {
	var items []Create[*amogatev1.Transaction]
	for _, text := range texts {
		items = append(items, Create[*amogatev1.Transaction]{Value: &amogatev1.Transaction{
			CustomerId: buyer, Comment: text, Price: &money.Money{Units: 5}, NextPrice: &money.Money{Units: 7},
		}})
	}
	return madeOf(c.Transactions().Create(ctx, items))
}

func createNotes(ctx context.Context, c *Client, texts ...string) []made {
	var items []Create[*amogatev1.Note]
	for _, text := range texts {
		items = append(items, Create[*amogatev1.Note]{Value: &amogatev1.Note{
			Parent:  &amogatev1.Note_LeadId{LeadId: lead},
			Content: &amogatev1.Note_Text{Text: text},
		}})
	}
	return madeOf(c.Notes().Create(ctx, items))
}

func storedCustomers(b *bench) map[int64]string {
	texts := map[int64]string{}
	for c := range b.Customers() {
		if c.ID != buyer {
			texts[c.ID] = c.Name
		}
	}
	return texts
}

func storedTransactions(b *bench) map[int64]string {
	texts := map[int64]string{}
	for t := range b.Transactions() {
		texts[t.ID] = t.Comment
	}
	return texts
}

func storedLeadNotes(b *bench) map[int64]string {
	texts := map[int64]string{}
	for n := range b.Notes(emulator.ParentLead) {
		texts[n.ID], _ = n.Params["text"].(string)
	}
	return texts
}

func addLikeCustomer(t *testing.T, b *bench, text string) {
	t.Helper()
	if _, err := b.AddCustomer(emulator.Customer{
		Name: text, NextDate: due.GetSeconds(), NextPrice: 12, Tags: []emulator.Tag{{Name: "a"}, {Name: "vip"}},
		CreatedAt: time.Now().Unix(), UpdatedAt: time.Now().Unix(), CreatedBy: 7204833,
	}); err != nil {
		t.Fatal(err)
	}
}

func addLikeTransaction(t *testing.T, b *bench, text string) {
	t.Helper()
	now := time.Now().Unix()
	if _, err := b.AddTransaction(emulator.Transaction{CustomerID: buyer, Comment: text, Price: 5, Date: now, CreatedAt: now, UpdatedAt: now, CreatedBy: 7204833}); err != nil {
		t.Fatal(err)
	}
}

func addLikeNote(t *testing.T, b *bench, text string) {
	t.Helper()
	now := time.Now().Unix()
	if _, err := b.AddNote(emulator.Note{
		Kind: emulator.ParentLead, ParentID: lead, Type: "common", Params: map[string]any{"text": text}, CreatedAt: now, UpdatedAt: now, CreatedBy: 7204833,
	}); err != nil {
		t.Fatal(err)
	}
}

var creators = map[string]creator{
	"customers v2":    {V2, emulator.OpCustomersWrite, emulator.OpCustomersList, createCustomers, storedCustomers, addLikeCustomer},
	"customers v4":    {V4, emulator.OpV4CustomersCreate, emulator.OpV4CustomersList, createCustomers, storedCustomers, addLikeCustomer},
	"transactions v2": {V2, emulator.OpTransactionsWrite, emulator.OpTransactionsList, createTransactions, storedTransactions, addLikeTransaction},
	"transactions v4": {V4, emulator.OpV4TransactionsCreate, emulator.OpV4TransactionsListOfCustomer, createTransactions, storedTransactions, addLikeTransaction},
	"notes v2":        {V2, emulator.OpNotesWrite, emulator.OpNotesList, createNotes, storedLeadNotes, addLikeNote},
	"notes v4":        {V4, emulator.OpV4NotesCreateOfEntity, emulator.OpV4NotesListOfEntity, createNotes, storedLeadNotes, addLikeNote},
}

// creatorTest is what a test of one creator works with.
type creatorTest struct {
	*testing.T
	*bench
	creator
}

// eachCreator runs test for every resource and generation in a bubble of its own.
func eachCreator(t *testing.T, test func(creatorTest)) {
	t.Helper()
	for name, c := range creators {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(creatorTest{t, creatorBench(t, emulator.Config{}, c.generation), c})
			})
		})
	}
}

// creatorBench is a bench with a customer and a lead, whose clock is somewhere
// inside of a second.
func creatorBench(t *testing.T, account emulator.Config, generation Generation) *bench {
	t.Helper()
	time.Sleep(time.Hour + 700*time.Millisecond)
	b := newBench(t, account, Config{Generation: generation})
	if _, err := b.AddCustomer(emulator.Customer{ID: buyer, Name: "buyer", NextDate: due.GetSeconds(), CreatedAt: 1, UpdatedAt: 1}); err != nil {
		t.Fatal(err)
	}
	if err := b.AddParent(emulator.Parent{Kind: emulator.ParentLead, ID: lead, Name: "lead"}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (c creator) lose(action emulator.Action) emulator.Rule {
	return emulator.Rule{Match: emulator.Match{Operation: c.write}, Action: action}
}

// applied are the ways in which the answer to a create that happened gets lost.
var applied = map[string]emulator.Action{
	"504":    {Status: 504, HTML: true, Apply: true},
	"502":    {Status: 502, HTML: true, Apply: true},
	"cut":    {Cut: new(20)},
	"closed": {Drop: true, Apply: true},
}

func TestCreate_whoseAnswerIsLostIsFound(t *testing.T) {
	for name, action := range applied {
		t.Run(name, func(t *testing.T) {
			eachCreator(t, func(on creatorTest) {
				t, b, c := on.T, on.bench, on.creator
				b.script(t, c.lose(action))
				for _, texts := range [][]string{{"alone"}, {"a", "b", "a", "c", "a"}} {
					b.ResetStats()
					time.Sleep(10 * time.Second)
					results := c.create(t.Context(), b.client, texts...)
					stored := c.stored(b)
					seen := map[int64]bool{}
					for i, r := range results {
						if r.err != nil {
							t.Fatalf("item %d: %v", i, r.err)
						}
						if stored[r.id] != texts[i] || seen[r.id] {
							t.Errorf("item %d has id %d, of %q, twice: %v", i, r.id, stored[r.id], seen[r.id])
						}
						seen[r.id] = true
					}
					s := b.Stats().ByOperation
					if s[c.write] != 1 || s[c.list] != 1 {
						t.Errorf("%d writes and %d reads, want one each", s[c.write], s[c.list])
					}
				}
			})
		})
	}
}

func TestCreate_thatIsNotFoundStaysUnknown(t *testing.T) {
	for name, test := range map[string]struct {
		action emulator.Action
		want   Kind
	}{
		"504":    {emulator.Action{Status: 504, HTML: true}, KindOutcomeUnknown},
		"closed": {emulator.Action{Drop: true}, KindOutcomeUnknown},
		"empty":  {emulator.Action{Status: 200, Body: "{"}, KindResponseLost},
	} {
		t.Run(name, func(t *testing.T) {
			eachCreator(t, func(on creatorTest) {
				t, b, c := on.T, on.bench, on.creator
				b.script(t, c.lose(test.action))
				for i, r := range c.create(t.Context(), b.client, "a", "b") {
					if !IsKind(r.err, test.want) {
						t.Errorf("item %d: %v, want kind %d", i, r.err, test.want)
					}
				}
				s := b.Stats().ByOperation
				if s[c.write] != 1 || s[c.list] != 2 {
					t.Errorf("%d writes and %d reads, want 1 and 2", s[c.write], s[c.list])
				}
			})
		})
	}
}

// The write may still be under way when its answer is lost, and lists lag.
func TestCreate_thatShowsLateIsFoundByTheSecondLook(t *testing.T) {
	eachCreator(t, func(on creatorTest) {
		t, b, c := on.T, on.bench, on.creator
		b.script(t, c.lose(applied["504"]), emulator.Rule{Match: emulator.Match{Operation: c.list, Nth: 1}, Action: emulator.Action{Empty: true}})
		if r := c.create(t.Context(), b.client, "late")[0]; r.err != nil || c.stored(b)[r.id] != "late" {
			t.Errorf("%d, %v, want it found", r.id, r.err)
		}
	})
}

func TestCreate_thatListsHideStaysUnknown(t *testing.T) {
	eachCreator(t, func(on creatorTest) {
		t, b, c := on.T, on.bench, on.creator
		b.script(t, c.lose(applied["504"]), emulator.Rule{Match: emulator.Match{Operation: c.list}, Action: emulator.Action{Empty: true}})
		if r := c.create(t.Context(), b.client, "hidden")[0]; !IsKind(r.err, KindOutcomeUnknown) {
			t.Errorf("%d, %v, want KindOutcomeUnknown", r.id, r.err)
		}
	})
}

// One row more or less than items of its content, and none of them can be told.
func TestCreate_thatAStrangerMadeTooIsUnknown(t *testing.T) {
	eachCreator(t, func(on creatorTest) {
		t, b, c := on.T, on.bench, on.creator
		c.add(t, b, "twice")
		b.script(t, c.lose(applied["504"]))
		results := c.create(t.Context(), b.client, "twice", "mine", "twice")
		for i, want := range []bool{false, true, false} {
			if r := results[i]; (r.err == nil) != want || r.err != nil && !IsKind(r.err, KindOutcomeUnknown) {
				t.Errorf("item %d: %d, %v, want it found: %v", i, r.id, r.err, want)
			}
		}
	})
}

// What a stranger made before the sending, or what differs in anything, is not
// taken for a record that was not made.
func TestCreate_takesNothingElseForItsOwn(t *testing.T) {
	eachCreator(t, func(on creatorTest) {
		t, b, c := on.T, on.bench, on.creator
		c.add(t, b, "old")
		c.add(t, b, "other text")
		time.Sleep(10 * time.Second)
		c.add(t, b, "other")
		b.script(t, c.lose(emulator.Action{Status: 504, HTML: true}))
		for i, r := range c.create(t.Context(), b.client, "old", "other text", "Other") {
			if !IsKind(r.err, KindOutcomeUnknown) {
				t.Errorf("item %d: %d, %v, want KindOutcomeUnknown", i, r.id, r.err)
			}
		}
	})
}

func TestCreate_takesNoRecordOfAnotherAnswerForItsOwn(t *testing.T) {
	eachCreator(t, func(on creatorTest) {
		t, b, c := on.T, on.bench, on.creator
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: c.write, Nth: 2}, Action: emulator.Action{Status: 504, HTML: true}})
		first := c.create(t.Context(), b.client, "same")[0]
		second := c.create(t.Context(), b.client, "same")[0]
		third := c.create(t.Context(), b.client, "same")[0]
		if first.err != nil || third.err != nil {
			t.Fatal(first.err, third.err)
		}
		if !IsKind(second.err, KindOutcomeUnknown) {
			t.Errorf("%d, %v, want KindOutcomeUnknown: the only record is the first one's, %d", second.id, second.err, first.id)
		}
	})
}

// Two creates of one content at once: no record is given to both, and what one of
// them cannot know the other does not know either.
func TestCreate_concurrentTwinsShareNoRecord(t *testing.T) {
	notApplied := emulator.Action{Status: 504, HTML: true}
	for name, test := range map[string]struct {
		first, second emulator.Action
		found         int
	}{
		"both made":        {applied["504"], applied["cut"], 2},
		"only the first":   {applied["504"], notApplied, 0},
		"only the second":  {notApplied, applied["504"], 0},
		"one answered":     {emulator.Action{Delay: 5 * time.Second}, notApplied, 1},
		"one answered too": {emulator.Action{Delay: 5 * time.Second}, applied["504"], 2},
	} {
		t.Run(name, func(t *testing.T) {
			eachCreator(t, func(on creatorTest) {
				t, b, c := on.T, on.bench, on.creator
				b.client.config.NoCoalescing = true // else they would be one request
				b.script(t,
					emulator.Rule{Match: emulator.Match{Operation: c.write, Nth: 1}, Action: test.first},
					emulator.Rule{Match: emulator.Match{Operation: c.write, Nth: 2}, Action: test.second})
				var wg sync.WaitGroup
				results := make([]made, 2)
				for i := range results {
					wg.Go(func() { results[i] = c.create(t.Context(), b.client, "twin")[0] })
				}
				wg.Wait()
				var ids []int64
				for _, r := range results {
					if r.err == nil {
						ids = append(ids, r.id)
					}
				}
				if len(ids) != test.found || len(ids) == 2 && ids[0] == ids[1] {
					t.Errorf("found %v, want %d of their own: %v", ids, test.found, results)
				}
			})
		})
	}
}

func TestCreate_looksOnlyInTheCallersTime(t *testing.T) {
	eachCreator(t, func(on creatorTest) {
		t, b, c := on.T, on.bench, on.creator
		c.create(t.Context(), b.client, "first") // reads the account
		slow := applied["504"]
		slow.Delay = 5 * time.Second
		b.script(t, c.lose(slow))
		b.ResetStats()
		ctx, cancel := context.WithTimeout(t.Context(), 5400*time.Millisecond)
		defer cancel()
		start := time.Now()
		r := c.create(ctx, b.client, "a")[0]
		if s := b.Stats().ByOperation; !IsKind(r.err, KindOutcomeUnknown) || s[c.list] != 0 {
			t.Errorf("%v after %v with %d reads, want KindOutcomeUnknown without", r.err, time.Since(start), s[c.list])
		}
	})
}

// After a create of unknown outcome the next ones are half as large, and double
// again with each that is answered.
func TestCreate_halvesBatchesAfterAnUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := creatorBench(t, emulator.Config{}, V4)
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpV4CustomersCreate, Nth: 1}, Action: applied["504"]})
		texts := func(n int) []string {
			all := make([]string, n)
			for i := range all {
				all[i] = fmt.Sprintf("%d of %d", i, n)
			}
			return all
		}
		// 50, 25 and 50.
		for i, r := range createCustomers(t.Context(), b.client, texts(125)...) {
			if r.err != nil {
				t.Fatalf("item %d: %v", i, r.err)
			}
		}
		if n := b.Stats().ByOperation[emulator.OpV4CustomersCreate]; n != 3 {
			t.Errorf("%d writes, want 3", n)
		}
		if n := len(storedCustomers(b)); n != 125 {
			t.Errorf("%d stored, want 125", n)
		}
	})
}

// An item that names its own time of creation looks like an old record.
func TestCreate_ofTheirOwnTimeStaysUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := creatorBench(t, emulator.Config{}, V4)
		b.script(t, creators["customers v4"].lose(applied["504"]))
		value := dated("Anna")
		value.CreateTime = timestamppb.New(time.Now().Truncate(time.Second))
		if r := b.client.Customers().Create(t.Context(), []customerCreate{{Value: value}})[0]; !IsKind(r.Err, KindOutcomeUnknown) {
			t.Errorf("%v, want KindOutcomeUnknown", r.Err)
		}
	})
}

func TestCreate_ofAnotherUserIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := creatorBench(t, emulator.Config{}, V4)
		b.script(t, creators["customers v4"].lose(emulator.Action{Status: 504, HTML: true}))
		now := time.Now().Unix()
		if _, err := b.AddCustomer(emulator.Customer{Name: "Anna", NextDate: 2_000_000_000, CreatedAt: now, UpdatedAt: now, CreatedBy: 5}); err != nil {
			t.Fatal(err)
		}
		items := []customerCreate{{Value: dated("Anna")}, {Value: dated("Anna")}}
		items[1].Value.CreatedBy = new(int64(5))
		results := b.client.Customers().Create(t.Context(), items)
		if !IsKind(results[0].Err, KindOutcomeUnknown) || results[1].Err != nil {
			t.Errorf("%v and %v, want KindOutcomeUnknown and nothing", results[0].Err, results[1].Err)
		}
	})
}

// Without the paid filters v4 would answer everybody: the day's customers are read
// over v2, and one name by a search.
func TestCreate_isFoundWithoutPaidFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, texts := range [][]string{{"Anna"}, {"Anna", "Maria"}} {
			b := creatorBench(t, emulator.Config{FiltersOff: true, Customers: 600}, Auto)
			b.script(t, creators["customers v4"].lose(applied["504"]))
			for i, r := range createCustomers(t.Context(), b.client, texts...) {
				if stored, ok := b.Customer(r.id); r.err != nil || !ok || stored.Name != texts[i] {
					t.Errorf("item %d is %q: %v", i, stored.Name, r.err)
				}
			}
		}
	})
}

// Upstream's clock counts, whatever ours says: with one an hour behind, the record
// of an hour ago is new and that of our now not yet made.
func TestCreate_isFoundByUpstreamsClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := creatorBench(t, emulator.Config{}, V4)
		then := time.Now().Add(-time.Hour)
		header := map[string]string{"Date": then.UTC().Format(http.TimeFormat)}
		lost := emulator.Action{Status: 504, HTML: true, Apply: true, Header: header}
		b.script(t, creators["customers v4"].lose(lost), emulator.Rule{Action: emulator.Action{Header: header}})
		if _, err := b.AddCustomer(emulator.Customer{Name: "Anna", NextDate: 2_000_000_000, CreatedAt: then.Unix(), UpdatedAt: then.Unix()}); err != nil {
			t.Fatal(err)
		}
		r := b.client.Customers().Create(t.Context(), []customerCreate{{Value: dated("Anna")}})[0]
		if stored, _ := b.Customer(r.Value.GetId()); r.Err != nil || stored.CreatedAt != then.Unix() {
			t.Errorf("%v, made at %d, want the one of %d", r.Err, stored.CreatedAt, then.Unix())
		}
	})
}

func TestCreate_ofWhichAnAnswerLeavesSomeOutFindsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := creatorBench(t, emulator.Config{}, V2)
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpCustomersWrite},
			Action: emulator.Action{Status: 200, Apply: true, Body: `{"_embedded":{"items":[{"id":2,"request_id":1}]}}`},
		})
		results := createCustomers(t.Context(), b.client, "a", "b", "c")
		stored := storedCustomers(b)
		for i, text := range []string{"b", "c"} {
			if r := results[i+1]; r.err != nil || stored[r.id] != text {
				t.Errorf("item %d is %d, %q: %v", i+1, r.id, stored[r.id], r.err)
			}
		}
	})
}

// Customers with everything that can be compared: links, elements, custom fields,
// in another order and spelling than upstream shows.
func TestCreate_isFoundByAllItsContent(t *testing.T) {
	for _, generation := range []Generation{V2, V4} {
		t.Run(generation.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := creatorBench(t, emulator.Config{}, generation)
				write := emulator.OpCustomersWrite
				if generation == V4 {
					write = emulator.OpV4CustomersCreate
				}
				b.script(t, emulator.Rule{Match: emulator.Match{Operation: write}, Action: applied["504"]})
				value := dated("Anna")
				value.Periodicity = new(int32(30))
				value.ResponsibleUserId = new(int64(7204833))
				value.Tags = []*amogatev1.Tag{{Name: "z"}, {Name: "a"}}
				if generation == V2 {
					value.ContactIds, value.CompanyId = []int64{12, 11}, new(int64(9))
					value.CatalogElements = []*amogatev1.CatalogElementLink{{CatalogId: 3, ElementId: 4, Quantity: 2}}
				}
				value.CustomFields = filledFields(t, b)
				other := dated("Anna")
				other.CustomFields = value.GetCustomFields()[:1]
				items := []customerCreate{{Value: value}, {Value: other}, {Value: dated("Anna")}}
				for i, r := range b.client.Customers().Create(t.Context(), items) {
					if r.Err != nil {
						t.Fatalf("item %d: %v", i, r.Err)
					}
					read, err := b.client.Customers().Get(t.Context(), r.Value.GetId())
					if err != nil || len(read.GetTags()) != len(items[i].Value.GetTags()) || len(read.GetCustomFields()) != len(items[i].Value.GetCustomFields()) {
						t.Errorf("item %d became %v, %v", i, read, err)
					}
				}
			})
		})
	}
}

// filledFields are custom fields of several shapes, as a caller writes them.
func filledFields(t *testing.T, b *bench) []*amogatev1.CustomField {
	t.Helper()
	var fields []*amogatev1.CustomField
	done := map[emulator.FieldType]bool{}
	for _, f := range b.Fields() {
		field := &amogatev1.CustomField{FieldId: f.ID, Name: "of the caller's"}
		switch f.Type {
		case emulator.FieldText:
			field.Value = &amogatev1.CustomField_Text{Text: "слово"}
		case emulator.FieldNumeric:
			field.Value = &amogatev1.CustomField_Number{Number: "12.50"}
		case emulator.FieldSelect:
			field.Value = &amogatev1.CustomField_Choice{Choice: &amogatev1.Choice{OptionId: f.Enums[0].ID}}
		case emulator.FieldMultiselect:
			field.Value = &amogatev1.CustomField_Choices{Choices: &amogatev1.Choices{Choices: []*amogatev1.Choice{{OptionId: f.Enums[1].ID}, {OptionId: f.Enums[0].ID}}}}
		case emulator.FieldDateTime:
			field.Value = &amogatev1.CustomField_DateTime{DateTime: due}
		default:
			continue
		}
		if !done[f.Type] {
			done[f.Type] = true
			fields = append(fields, field)
		}
	}
	if len(fields) < 4 {
		t.Fatalf("the account has fields of %v only", done)
	}
	slices.Reverse(fields)
	return fields
}

// Small sets have no time of creation: nothing is looked for.
func TestCreate_ofAStatusIsNotLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := creatorBench(t, emulator.Config{}, V4)
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpV4StatusesCreate}, Action: applied["504"]})
		items := []Create[*amogatev1.CustomerStatus]{{Value: &amogatev1.CustomerStatus{Name: "new", Sort: new(int32(30))}}}
		if r := b.client.Statuses().Create(t.Context(), items)[0]; !IsKind(r.Err, KindOutcomeUnknown) {
			t.Errorf("%v, want KindOutcomeUnknown", r.Err)
		}
		if n := b.Stats().ByOperation[emulator.OpV4StatusesList]; n != 0 {
			t.Errorf("%d reads, want none", n)
		}
	})
}

// Two pages are read at most; records behind them could be ours as well.
func TestCreate_looksAtTwoPages(t *testing.T) {
	for strangers, isFound := range map[int]bool{3: true, 8: true, 9: false, 20: false} {
		eachCreator(t, func(on creatorTest) {
			t, b, c := on.T, on.bench, on.creator
			if c.generation == V2 && c.write == emulator.OpCustomersWrite || c.write == emulator.OpTransactionsWrite {
				return // one name is searched for; the newest purchases come first
			}
			b.client.config.PageSize = 5
			for i := range strangers {
				c.add(t, b, fmt.Sprintf("stranger %d", i))
			}
			b.script(t, c.lose(applied["504"]))
			r := c.create(t.Context(), b.client, "mine")[0]
			if isFound != (r.err == nil) || r.err != nil && !IsKind(r.err, KindOutcomeUnknown) {
				t.Errorf("beside %d others: %d, %v, want it found: %v", strangers, r.id, r.err, isFound)
			}
		})
	}
}

// Where the newest come first one page tells all, however many there are.
func TestCreate_isFoundAmongManyOldPurchases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := creatorBench(t, emulator.Config{}, V2), creators["transactions v2"]
		b.client.config.PageSize = 5
		for i := range 30 {
			c.add(t, b, fmt.Sprintf("old %d", i))
		}
		time.Sleep(10 * time.Second)
		b.script(t, c.lose(applied["504"]))
		r := c.create(t.Context(), b.client, "mine")[0]
		if n := b.Stats().ByOperation[c.list]; r.err != nil || c.stored(b)[r.id] != "mine" || n != 1 {
			t.Errorf("%d, %v after %d reads, want it after one", r.id, r.err, n)
		}
	})
}
