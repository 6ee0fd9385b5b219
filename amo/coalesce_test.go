package amo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/limit"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/race"
)

// Single creates of many callers fill the requests that the rate allows, whatever
// the latency, over either generation.
func TestCreate_ofManyCallersFillsTheRate(t *testing.T) {
	const warmUp = 8 * time.Second
	all := []time.Duration{0, 150 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}
	crowds := []struct {
		generation Generation
		operation  string
		callers    int
		latencies  []time.Duration
	}{
		{V2, emulator.OpCustomersWrite, 64, all},
		{V2, emulator.OpCustomersWrite, 2000, all},
		{V4, emulator.OpV4CustomersCreate, 2000, []time.Duration{500 * time.Millisecond}},
	}
	if race.Enabled {
		crowds[0].latencies, crowds[1].latencies, crowds[2].callers = all[2:3], all[4:], 500
	}
	for _, crowd := range crowds {
		callers := crowd.callers
		for _, latency := range crowd.latencies {
			t.Run(fmt.Sprintf("%s, %d callers at %s", crowd.generation, callers, latency), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBench(t, emulator.Config{Latency: latency}, Config{Generation: crowd.generation})
					// Answers come in bursts: several rounds of them make a rate.
					run := 6 * time.Second
					if callers == 64 {
						run = max(run, 12*(latency+time.Second/DefaultRate))
					}
					ctx, cancel := context.WithTimeout(t.Context(), warmUp+run)
					defer cancel()
					begun := time.Now()
					var created, writes atomic.Int64
					var wg sync.WaitGroup
					for range callers {
						wg.Go(func() {
							for ctx.Err() == nil {
								r := b.client.Customers().Create(context.WithoutCancel(ctx), creates(1))[0]
								if r.Err != nil {
									t.Error(r.Err)
									return
								}
								if since := time.Since(begun); since > warmUp && since <= warmUp+run {
									created.Add(1)
								}
							}
						})
					}
					time.Sleep(warmUp)
					before := b.Stats().ByOperation[crowd.operation]
					time.Sleep(run)
					writes.Store(b.Stats().ByOperation[crowd.operation] - before)
					wg.Wait()
					b.checkWindow(t)
					slot := time.Second / DefaultRate
					most := min(float64(callers)/(latency+slot).Seconds(), DefaultRate*float64(min(callers, 250)))
					got := float64(created.Load()) / run.Seconds()
					t.Logf("%.0f a second of %.0f (%.1f %%), %.1f items a request", got, most, 100*got/most, float64(created.Load())/float64(max(1, writes.Load())))
					if got < 0.95*most {
						t.Errorf("%.0f creates a second, want 95 %% of %.0f", got, most)
					}
				})
			})
		}
	}
}

// Every tenth item is bad: the good ones are made, and each bad one is told its own
// field.
func TestCreate_badItemsOfSomeCallersCostNoOther(t *testing.T) {
	unknown := &amogatev1.CustomField{FieldId: 999_999_999, Value: &amogatev1.CustomField_Text{Text: "x"}}
	type bad struct {
		field string
		// spoil is given a field that is good.
		spoil func(c *amogatev1.Customer, good *amogatev1.CustomField)
	}
	for generation, spoilt := range map[Generation][]bad{
		V2: {{"next_purchase_time", func(c *amogatev1.Customer, _ *amogatev1.CustomField) { c.NextPurchaseTime = nil }}},
		V4: {
			{"custom_fields[0]", func(c *amogatev1.Customer, _ *amogatev1.CustomField) {
				c.CustomFields = []*amogatev1.CustomField{unknown}
			}},
			{"custom_fields[1]", func(c *amogatev1.Customer, good *amogatev1.CustomField) {
				c.CustomFields = []*amogatev1.CustomField{good, unknown}
			}},
		},
	} {
		t.Run(generation.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{}, Config{Generation: generation})
				good := filledFields(t, b)[0]
				var wg sync.WaitGroup
				for n := range 64 {
					wg.Go(func() {
						ctx := WithCaller(t.Context(), strconv.Itoa(n))
						for k := range 10 {
							item := creates(1)
							isBad := (64*k+n)%10 == 0
							bad := spoilt[(64*k+n)/10%len(spoilt)]
							if isBad {
								bad.spoil(item[0].Value, good)
							}
							r := b.client.Customers().Create(ctx, item)[0]
							switch {
							case !isBad && r.Err != nil:
								t.Errorf("a good item of caller %d: %v", n, r.Err)
							case isBad && (!IsKind(r.Err, KindUpstreamInvalid) || len(asError(r.Err).Fields) != 1 || !strings.HasPrefix(asError(r.Err).Fields[0].Path, bad.field)):
								t.Errorf("a bad item of caller %d: %v, want its %s named", n, r.Err, bad.field)
							}
						}
					})
				}
				wg.Wait()
				if got := b.CountCustomers(); got != 64*9 {
					t.Errorf("%d customers, want %d", got, 64*9)
				}
			})
		})
	}
}

// A caller whose item was refused does not go by the requests of others for a
// minute.
func TestCreate_ofACallerWhoseItemWasRefusedGoesApart(t *testing.T) {
	for pause, want := range map[time.Duration]int64{0: 2, 50 * time.Second: 2, 70 * time.Second: 1} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, emulator.Config{}, Config{Generation: V4})
			clumsy, other := WithCaller(t.Context(), "clumsy"), WithCaller(t.Context(), "other")
			bad := creates(1)
			bad[0].Value.CustomFields = []*amogatev1.CustomField{{FieldId: 999_999_999, Value: &amogatev1.CustomField_Text{Text: "x"}}}
			if r := b.client.Customers().Create(clumsy, bad)[0]; !IsKind(r.Err, KindUpstreamInvalid) {
				t.Fatalf("%v, want a refusal", r.Err)
			}
			time.Sleep(pause)
			before := b.Stats().ByOperation[emulator.OpV4CustomersCreate]
			b.hold(t, time.Second)
			var wg sync.WaitGroup
			for _, ctx := range []context.Context{clumsy, other, other} {
				wg.Go(func() {
					if r := b.client.Customers().Create(ctx, creates(1))[0]; r.Err != nil {
						t.Error(r.Err)
					}
				})
			}
			wg.Wait()
			if got := b.Stats().ByOperation[emulator.OpV4CustomersCreate] - before; got != want {
				t.Errorf("%s later: %d writes, want %d", pause, got, want)
			}
		})
	}
}

// Who cannot wait for the answer to as many items as there are goes by a smaller
// request, and costs the others one.
func TestCreate_whoIsInAHurryGoesByASmallerRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{LatencyPerItem: 100 * time.Millisecond}, Config{})
		for _, n := range []int{firstSize, 1} { // how long they take is known
			for _, r := range b.client.Customers().Create(t.Context(), creates(n)) {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
			}
		}
		before := b.Stats().ByOperation[emulator.OpCustomersWrite]
		b.hold(t, time.Second)
		var wg sync.WaitGroup
		for n := range firstSize {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				if n == firstSize/2 {
					ctx, cancel = context.WithTimeout(t.Context(), 3*time.Second)
				}
				defer cancel()
				if r := b.client.Customers().Create(ctx, creates(1))[0]; r.Err != nil {
					t.Errorf("caller %d: %v", n, r.Err)
				}
			})
		}
		wg.Wait()
		if got := b.Stats().ByOperation[emulator.OpCustomersWrite] - before; got != 2 {
			t.Errorf("%d writes, want 2", got)
		}
	})
}

// Reads of neighbours go by one list where upstream filters by ids, over either
// generation.
func TestGet_neighboursGoByOneRequest(t *testing.T) {
	for generation, operations := range map[Generation][]string{
		V2: {emulator.OpCustomersList},
		V4: {emulator.OpV4CustomersList, emulator.OpV4CustomersGet},
	} {
		t.Run(generation.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 60}, Config{Generation: generation})
				ids := append(customerIDs(b, 60), 99999)
				var wg sync.WaitGroup
				for _, id := range append(ids, ids[0]) {
					wg.Go(func() {
						record, err := b.client.Customers().Get(t.Context(), id)
						switch {
						case id == 99999 && !IsKind(err, KindNotFound):
							t.Errorf("%v, want KindNotFound", err)
						case id != 99999 && (err != nil || record.GetId() != id):
							t.Errorf("got %d, %v, want %d", record.GetId(), err, id)
						}
					})
				}
				wg.Wait()
				reads := int64(0)
				for _, operation := range operations {
					reads += b.Stats().ByOperation[operation]
				}
				if reads != 1 {
					t.Errorf("%d reads, want 1", reads)
				}
			})
		})
	}
}

// Who asks for a record that is being read waits for that answer, and has a record
// of its own.
func TestGet_ofWhatIsBeingReadIsNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1, Latency: time.Second}, Config{})
		id := customerIDs(b, 1)[0]
		if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
			t.Fatal(err) // it reads the account, too
		}
		time.Sleep(time.Second)
		before, begun := b.Stats().ByOperation[emulator.OpCustomersList], time.Now()
		records := make([]*amogatev1.Customer, 3)
		var wg sync.WaitGroup
		for n := range records {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * 300 * time.Millisecond)
				var err error
				if records[n], err = b.client.Customers().Get(t.Context(), id); err != nil || records[n].GetId() != id || time.Since(begun) != time.Second {
					t.Errorf("caller %d: %v, %v after %s", n, records[n].GetId(), err, time.Since(begun))
				}
			})
		}
		wg.Wait()
		if got := b.Stats().ByOperation[emulator.OpCustomersList] - before; got != 1 {
			t.Errorf("%d reads, want 1", got)
		}
		if records[0] == records[1] || records[1] == records[2] {
			t.Error("callers share a record")
		}
	})
}

// A read that begins after a write was answered is no older than that.
func TestGet_afterAWriteIsNotAnOlderAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1, Latency: 100 * time.Millisecond}, Config{})
		id := customerIDs(b, 1)[0]
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: 1}, Action: emulator.Action{Delay: 5 * time.Second}})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = b.client.Customers().Get(t.Context(), id) })
		time.Sleep(time.Second)
		if r := updateOne(t.Context(), b, customerUpdate{ID: id, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: "new"}}); r.Err != nil {
			t.Fatal(r.Err)
		}
		record, err := b.client.Customers().Get(t.Context(), id)
		if err != nil || record.GetName() != "new" {
			t.Errorf("%q, %v, want what was written", record.GetName(), err)
		}
		wg.Wait()
	})
}

// Who asks for a record just when the only one who was waiting for it gives up gets
// it all the same.
func TestGet_justAfterAnotherGaveUp(t *testing.T) {
	for name, life := range map[string]time.Duration{"by itself": time.Hour, "by its deadline": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Customers: 1, Latency: time.Second}, Config{})
				id := customerIDs(b, 1)[0]
				if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
					t.Fatal(err)
				}
				b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpCustomersList, Nth: 1}, Action: emulator.Action{Delay: 10 * time.Second}})
				ctx, cancel := context.WithTimeout(t.Context(), life)
				defer cancel()
				gone := make(chan error)
				go func() {
					_, err := b.client.Customers().Get(ctx, id)
					gone <- err
				}()
				time.AfterFunc(2500*time.Millisecond, cancel)
				if err := <-gone; !IsKind(err, KindCancelled) && !IsKind(err, KindDeadline) {
					t.Fatal(err)
				}
				if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What is written beside the record itself is a change of it, too.
func TestGet_afterALinkOrAPinIsNotAnOlderAnswer(t *testing.T) {
	t.Run("link", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, emulator.Config{Customers: 1, Latency: 100 * time.Millisecond}, Config{Generation: V4})
			id := customerIDs(b, 1)[0]
			b.script(t,
				emulator.Rule{Match: emulator.Match{Operation: emulator.OpV4CustomersUnlink}, Action: emulator.Action{Delay: 3 * time.Second}},
				emulator.Rule{Match: emulator.Match{Operation: emulator.OpV4CustomersGet, Nth: 2}, Action: emulator.Action{Delay: 6 * time.Second}})
			var wg sync.WaitGroup
			wg.Go(func() {
				time.Sleep(2 * time.Second) // the record is written, its links are not
				_, _ = b.client.Customers().Get(t.Context(), id)
			})
			change := customerUpdate{ID: id, Paths: []string{"name", "contact_ids"}, Value: &amogatev1.Customer{Name: "new", ContactIds: []int64{11}}}
			if r := updateOne(t.Context(), b, change); r.Err != nil {
				t.Fatal(r.Err)
			}
			record, err := b.client.Customers().Get(t.Context(), id)
			if err != nil || len(record.GetContactIds()) != 1 {
				t.Errorf("%v, %v, want what was linked", record.GetContactIds(), err)
			}
			wg.Wait()
		})
	})
	t.Run("pin", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := creatorBench(t, emulator.Config{Latency: 100 * time.Millisecond}, V4)
			const kind = amogatev1.ParentKind_PARENT_KIND_LEAD
			id := createNotes(t.Context(), b.client, "text")[0].id
			b.script(t,
				emulator.Rule{Match: emulator.Match{Operation: emulator.OpV4NotesGet, Nth: 1}, Action: emulator.Action{Delay: 2 * time.Second}},
				emulator.Rule{Match: emulator.Match{Operation: emulator.OpV4NotesGet, Nth: 2}, Action: emulator.Action{Delay: 6 * time.Second}})
			slow := WithPriority(t.Context(), limit.Sync)
			var wg sync.WaitGroup
			wg.Go(func() {
				time.Sleep(time.Second) // the note is looked at before it is pinned
				_, _ = b.client.Notes().Get(slow, kind, lead, id)
			})
			if err := b.client.Notes().Pin(t.Context(), kind, lead, id, true); err != nil {
				t.Fatal(err)
			}
			note, err := b.client.Notes().Get(slow, kind, lead, id)
			if err != nil || !note.GetPinned() {
				t.Errorf("%v, %v, want a note that is pinned", note, err)
			}
			wg.Wait()
		})
	})
}

// Updates of one record go one after the other, in order of arrival.
func TestUpdate_ofOneRecordKeepsItsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Customers: 1, Latency: time.Second}, Config{})
		id := customerIDs(b, 1)[0]
		if _, err := b.client.Customers().Get(t.Context(), id); err != nil {
			t.Fatal(err) // it reads the account, too, for which all would wait
		}
		var wg sync.WaitGroup
		for n := range 10 {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * time.Millisecond)
				r := updateOne(t.Context(), b, customerUpdate{ID: id, Paths: []string{"name"}, Value: &amogatev1.Customer{Name: strconv.Itoa(n)}})
				if r.Err != nil {
					t.Error(r.Err)
				}
			})
		}
		wg.Wait()
		if stored, _ := b.Customer(id); stored.Name != "9" {
			t.Errorf("the record ends as %q, want the last update", stored.Name)
		}
	})
}

// A deadline that is before the slot is refused at once, and costs no other.
func TestCreate_refusesADeadlineBeforeItsSlotAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		b.client.Customers().Create(t.Context(), creates(1))
		b.hold(t, 5*time.Second)
		var wg sync.WaitGroup
		wg.Go(func() {
			if r := b.client.Customers().Create(t.Context(), creates(1))[0]; r.Err != nil {
				t.Error(r.Err)
			}
		})
		synctest.Wait()
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		r := b.client.Customers().Create(ctx, creates(1))[0]
		if took := time.Since(begun); !IsKind(r.Err, KindQueueFull) || asError(r.Err).RetryAfter <= 0 || took > 5*time.Millisecond {
			t.Errorf("%v after %s, want KindQueueFull with a wait at once", r.Err, took)
		}
		wg.Wait()
		if got := b.CountCustomers(); got != 2 {
			t.Errorf("%d customers, want 2", got)
		}
	})
}

// An idle account lets a write wait for nothing.
func TestCreate_onAnIdleAccountTakesTheLatencyAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency = 100 * time.Millisecond
		b := newBench(t, emulator.Config{Latency: latency}, Config{})
		b.client.Customers().Create(t.Context(), creates(1))
		time.Sleep(time.Minute)
		begun := time.Now()
		if r := b.client.Customers().Create(t.Context(), creates(1))[0]; r.Err != nil || time.Since(begun) != latency {
			t.Errorf("%v after %s, want OK after %s", r.Err, time.Since(begun), latency)
		}
	})
}

// A batch that has failed and is about to end is nobody's any more: who comes in
// that moment asks upstream anew.
func TestGet_takesNoAnswerThatWasGivenBefore(t *testing.T) {
	for name, failure := range map[string]error{"failed": errUnwanted, "answered": nil} {
		q := &queue[*lookup[*amogatev1.Customer]]{}
		how := carrier[*lookup[*amogatev1.Customer]]{isShared: true, same: func(l *lookup[*amogatev1.Customer]) int64 { return l.id }}
		l := &lane[*lookup[*amogatev1.Customer]]{queue: q, carrier: how}
		of := func(id int64) *item[*lookup[*amogatev1.Customer]] {
			it := &item[*lookup[*amogatev1.Customer]]{work: &lookup[*amogatev1.Customer]{id: id}, lane: l, party: newParty(t.Context(), q, driver.Read)}
			it.party.items = append(it.party.items, it)
			return it
		}
		first, second := of(1), of(2)
		b := &batch[*lookup[*amogatev1.Customer]]{lane: l, how: how, ctx: &batchContext{Context: t.Context()}, shared: map[int64]bool{1: true, 2: true}}
		b.items = append(b.items, first, second)
		l.flying = append(l.flying, b)
		b.answer(failure, first)
		if l.attach(of(1)) {
			t.Errorf("%s: a read of 1 took the answer of the one before", name)
		}
		if !l.attach(of(2)) {
			t.Errorf("%s: a read of 2 asks upstream although it is being asked", name)
		}
	}
}
