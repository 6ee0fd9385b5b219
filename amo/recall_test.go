package amo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/type/money"

	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// successor returns a client of the bench's account in another process.
func successor(t *testing.T, b *bench) *Client {
	t.Helper()
	config := b.client.config
	var err error
	config.Limiter, err = limit.New(limit.Config{Account: config.Account, Rate: DefaultRate, Store: b.slots, Settings: config.Settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(config.Limiter.Close)
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// outcomes writes results down: an id, "?" for an unknown outcome, or the error.
func outcomes[T interface{ GetId() int64 }](results []Result[T]) []string {
	var texts []string
	for _, r := range results {
		switch {
		case IsKind(r.Err, KindOutcomeUnknown):
			texts = append(texts, "?")
		case r.Err != nil:
			texts = append(texts, r.Err.Error())
		default:
			texts = append(texts, strconv.FormatInt(r.Value.GetId(), 10))
		}
	}
	return texts
}

func TestRecallCreate_findsWhatAnotherProcessMade(t *testing.T) {
	for _, generation := range []Generation{V2, V4} {
		t.Run(generation.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := creatorBench(t, emulator.Config{}, generation)
				items := creates(300)
				items[1], items[2] = items[0], items[0] // three of one content
				since := time.Now()
				first := b.client.Customers().Create(t.Context(), items[:298])
				time.Sleep(time.Minute)
				writes := writesOf(b)
				got := outcomes(successor(t, b).Customers().RecallCreate(t.Context(), items, since))
				ids := map[string]bool{}
				for i, text := range got {
					switch {
					case i >= 298:
						if text != "?" {
							t.Errorf("item %d was never sent: %s, want an unknown outcome", i, text)
						}
					case i > 2 && text != strconv.FormatInt(first[i].Value.GetId(), 10):
						t.Errorf("item %d is %s, want %d", i, text, first[i].Value.GetId())
					}
					ids[text] = true
				}
				if len(ids) != 299 {
					t.Errorf("%d distinct outcomes, want 299: no record is two", len(ids))
				}
				if after := writesOf(b); after != writes {
					t.Errorf("recalling sent %d writes", after-writes)
				}
			})
		})
	}
}

// writesOf counts the requests that change customers.
func writesOf(b *bench) int64 {
	n := int64(0)
	for _, op := range []string{emulator.OpCustomersWrite, emulator.OpV4CustomersCreate, emulator.OpV4CustomersUpdate, emulator.OpV4CustomersUpdateOne} {
		n += b.Stats().ByOperation[op]
	}
	return n
}

func TestRecallCreate_ofTooManyOrOldRecordsIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := creatorBench(t, emulator.Config{}, V4)
		b.client.Customers().Create(t.Context(), creates(1))
		time.Sleep(time.Minute)
		since := time.Now()
		other := successor(t, b)
		if got := outcomes(other.Customers().RecallCreate(t.Context(), creates(1), since))[0]; got != "?" {
			t.Errorf("%s: the record is older than the call", got)
		}
		b.client.Customers().Create(t.Context(), []customerCreate{creates(1)[0], creates(1)[0]})
		if got := outcomes(successor(t, b).Customers().RecallCreate(t.Context(), creates(1), since))[0]; got != "?" {
			t.Errorf("%s: there are two such records, and one was sent", got)
		}
	})
}

// A look that upstream did not answer can be repeated.
func TestRecallCreate_canBeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := creatorBench(t, emulator.Config{}, V4)
		since := time.Now()
		made := b.client.Customers().Create(t.Context(), creates(1))
		other := successor(t, b)
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpV4CustomersList}, Action: emulator.Action{Status: 403}})
		if got := outcomes(other.Customers().RecallCreate(t.Context(), creates(1), since))[0]; got != "?" {
			t.Fatal(got)
		}
		b.ClearFaults()
		if got := outcomes(other.Customers().RecallCreate(t.Context(), creates(1), since))[0]; got != strconv.FormatInt(made[0].Value.GetId(), 10) {
			t.Errorf("%s, want the record", got)
		}
	})
}

func TestRecallUpdate_comparesWithTheRecord(t *testing.T) {
	for _, generation := range []Generation{V2, V4} {
		t.Run(generation.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := creatorBench(t, emulator.Config{}, generation)
				id := b.client.Customers().Create(t.Context(), creates(1))[0].Value.GetId()
				done := customerUpdate{
					ID: id, Paths: []string{"name", "next_price", "contact_ids"}, AddTags: []string{"vip"},
					Value: &amogatev1.Customer{Name: "Анна", NextPrice: &money.Money{Units: 5}, ContactIds: []int64{12}},
				}
				if r := updateOne(t.Context(), b, done); r.Err != nil {
					t.Fatal(r.Err)
				}
				writes := writesOf(b)
				other := successor(t, b).Customers()
				if got := other.RecallUpdate(t.Context(), []customerUpdate{done}, time.Now())[0]; got.Err != nil || got.Value.GetName() != "Анна" || got.Value.GetUpdateTime() == nil {
					t.Errorf("%v, %v, want the record as sent with its times", got.Value, got.Err)
				}
				for name, lacking := range map[string]customerUpdate{
					"another name":    {ID: id, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Мария"}},
					"not linked":      {ID: id, Paths: []string{"contact_ids"}, Value: &amogatev1.Customer{ContactIds: []int64{11}}},
					"tag not there":   {ID: id, AddTags: []string{"new"}},
					"tag still there": {ID: id, RemoveTags: []string{"vip"}},
					"no record":       {ID: 999, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "Анна"}},
				} {
					if got := outcomes(other.RecallUpdate(t.Context(), []customerUpdate{lacking}, time.Now()))[0]; got != "?" {
						t.Errorf("%s: %s, want an unknown outcome", name, got)
					}
				}
				if after := writesOf(b); after != writes {
					t.Errorf("recalling sent %d writes", after-writes)
				}
			})
		})
	}
}

func TestRecallDelete_findsRecordsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		made := b.client.Customers().Create(t.Context(), creates(2))
		gone, there := made[0].Value.GetId(), made[1].Value.GetId()
		if r := b.client.Customers().Delete(t.Context(), []int64{gone})[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
		got := outcomes(successor(t, b).Customers().RecallDelete(t.Context(), []int64{gone, there}, time.Now()))
		if got[0] != strconv.FormatInt(gone, 10) || got[1] != "?" {
			t.Errorf("%v, want the first gone and of the second nothing known", got)
		}
	})
}

func TestWithOutcomes_tellsEveryItemOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		items := creates(120)
		items[7].Value.NextPurchaseTime = nil                                                                                    // upstream refuses it
		items[9].Value.CustomFields = []*amogatev1.CustomField{{FieldId: 424242, Value: &amogatev1.CustomField_Text{Text: "x"}}} // never sent
		told := map[int]Result[*amogatev1.Customer]{}
		ctx := WithOutcomes(t.Context(), func(i int, r Result[*amogatev1.Customer]) {
			if _, ok := told[i]; ok {
				t.Errorf("item %d is told twice", i)
			}
			told[i] = r
		})
		for i, r := range b.client.Customers().Create(ctx, items) {
			if !errors.Is(told[i].Err, r.Err) || told[i].Value.GetId() != r.Value.GetId() {
				t.Errorf("item %d was told as %v, %v, and is %v, %v", i, told[i].Value, told[i].Err, r.Value, r.Err)
			}
		}
	})
}

func TestWithOutcomes_tellsNotesOfSeveralKindsByTheirPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := creatorBench(t, emulator.Config{}, V2)
		var items []Create[*amogatev1.Note]
		for i := range 4 {
			note := &amogatev1.Note{Content: &amogatev1.Note_Text{Text: strconv.Itoa(i)}, Parent: &amogatev1.Note_LeadId{LeadId: lead}}
			if i%2 == 1 {
				note.Parent = &amogatev1.Note_CustomerId{CustomerId: buyer}
			}
			items = append(items, Create[*amogatev1.Note]{Value: note})
		}
		texts := make([]string, len(items))
		b.client.Notes().Create(WithOutcomes(t.Context(), func(i int, r Result[*amogatev1.Note]) {
			if r.Err != nil {
				t.Error(r.Err)
			}
			texts[i] = r.Value.GetText()
		}), items)
		if got := fmt.Sprint(texts); got != "[0 1 2 3]" {
			t.Errorf("told %s, want every note at its place", got)
		}
	})
}

// What this process sent for a caller who did not wait is found by its name, be it
// answered later or not.
func TestRecallCreate_findsWhatItsCallerDidNotWaitFor(t *testing.T) {
	for name, answer := range map[string]emulator.Action{
		"answered": {Delay: 5 * time.Second},
		"lost":     {Delay: 5 * time.Second, Status: 504, HTML: true, Apply: true},
	} {
		for _, generation := range []Generation{V2, V4} {
			t.Run(name+" "+generation.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := creatorBench(t, emulator.Config{}, generation)
					b.hold(t, time.Second)
					b.script(t, emulator.Rule{Match: emulator.Match{Kind: emulator.KindWrite}, Action: answer})
					var wg sync.WaitGroup
					var given sync.Map
					for n := range 3 {
						items := creates(1) // of one content
						items[0].Name = strconv.Itoa(n)
						// With the last one the request goes on after the others.
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(4+n/2*60)*time.Second)
						defer cancel()
						wg.Go(func() {
							since := time.Now()
							if got := outcomes(b.client.Customers().Create(ctx, items))[0]; n < 2 && got != "?" {
								t.Errorf("%s while the answer is not there", got)
							}
							var ids [2]string
							for i := range ids {
								ids[i] = outcomes(b.client.Customers().RecallCreate(t.Context(), items, since))[0]
								time.Sleep(20 * time.Second)
							}
							id, _ := strconv.ParseInt(ids[0], 10, 64)
							if other, isGiven := given.LoadOrStore(id, n); isGiven {
								t.Errorf("record %d is that of callers %d and %d", id, other, n)
							}
							if stored, ok := b.Customer(id); n < 2 && (!ok || stored.Name != items[0].Value.GetName() || ids[1] != ids[0]) {
								t.Errorf("caller %d is told %s", n, ids)
							}
						})
					}
					wg.Wait()
				})
			})
		}
	}
}

// Only what was looked for and not found is unknown for good.
func TestIsUnlooked(t *testing.T) {
	for name, c := range map[string]struct {
		patience time.Duration
		rules    []emulator.Rule
		want     bool
	}{
		"not found": {time.Minute, []emulator.Rule{{Match: emulator.Match{Kind: emulator.KindWrite}, Action: emulator.Action{Status: 504}}}, false},
		"no time to look": {2 * time.Second, []emulator.Rule{
			{Match: emulator.Match{Kind: emulator.KindWrite}, Action: emulator.Action{Status: 504, Apply: true, Delay: time.Second}},
			{Match: emulator.Match{Kind: emulator.KindRead}, Action: emulator.Action{Delay: time.Minute}},
		}, true},
		"no time to answer": {2 * time.Second, []emulator.Rule{{Match: emulator.Match{Kind: emulator.KindWrite}, Action: emulator.Action{Delay: time.Minute}}}, true},
		"nobody to ask": {time.Minute, []emulator.Rule{
			{Match: emulator.Match{Kind: emulator.KindWrite}, Action: emulator.Action{Status: 504, Apply: true}},
			{Match: emulator.Match{Kind: emulator.KindRead}, Action: emulator.Action{Status: 403}},
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := creatorBench(t, emulator.Config{}, V4)
				if _, err := b.client.Customers().Get(t.Context(), buyer); err != nil {
					t.Fatal(err) // it reads the account, too
				}
				time.Sleep(time.Second)
				b.script(t, c.rules...)
				items := creates(1)
				items[0].Name = "a"
				since := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), c.patience)
				defer cancel()
				made := b.client.Customers().Create(ctx, items)[0]
				if !IsKind(made.Err, KindOutcomeUnknown) || IsUnlooked(made.Err) != c.want {
					t.Errorf("%v, unlooked: %v", made.Err, IsUnlooked(made.Err))
				}
				b.ClearFaults()
				time.Sleep(time.Minute)
				if got := outcomes(b.client.Customers().RecallCreate(t.Context(), items, since))[0]; (got != "?") != c.want {
					t.Errorf("then %s", got)
				}
			})
		})
	}
}
