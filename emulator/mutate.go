package emulator

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// CreateCustomer makes a customer of a name as another user of the account does, without a request: with a new id, now,
// with a purchase to expect, and told by an event. It returns the customer as stored.
func (e *Emulator) CreateCustomer(name string) Customer {
	st := e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	return *e.createCustomer(name, e.now()).clone()
}

// TouchCustomer gives a customer another name as another user does, without a request, and sets updated_at to now by the
// account's clock, wherever that stands. It reports whether there is such a customer.
func (e *Emulator) TouchCustomer(id int64) bool {
	st := e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	return e.touchCustomer(id, e.now())
}

// RandomCustomer returns the id of one of the customers there are, each as likely as any other, false when there are
// none. It costs no more in a large account than in a small one.
func (e *Emulator) RandomCustomer(from *rand.Rand) (id int64, ok bool) {
	st := e.customers
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.random(from)
}

func (st *customerStore) random(from *rand.Rand) (id int64, ok bool) {
	n := st.byID.count()
	if n == 0 {
		return 0, false
	}
	row, position, _ := st.byID.seek(from.IntN(n)).next()
	if row != nil {
		return row.ID, true
	}
	return st.seed.idAt(position), true
}

// createCustomer makes a customer at a time by the account's clock. The caller holds the store's lock.
func (e *Emulator) createCustomer(name string, at time.Time) *Customer {
	st, user, now := e.customers, e.config.UserID, at.Unix()
	cu := &Customer{
		ID: st.takeID(), Name: name, ResponsibleUserID: user, CreatedBy: user, UpdatedBy: user, CreatedAt: now, UpdatedAt: now,
	}
	if e.CustomersMode() == ModePeriodicity {
		cu.PeriodID, cu.NextDate = st.firstStatus(), at.AddDate(0, 1, 0).Unix()
	}
	e.addCustomer(cu, at)
	return cu
}

// touchCustomer changes a customer at a time by the account's clock. The caller holds the store's lock.
func (e *Emulator) touchCustomer(id int64, at time.Time) bool {
	st := e.customers
	old := st.find(id)
	if old == nil {
		return false
	}
	cu := st.shown(old)
	st.touched++
	cu.Name = "Touched " + digits(st.touched)
	cu.UpdatedAt, cu.UpdatedBy = at.Unix(), e.config.UserID
	e.changeCustomer(old, cu, at)
	return true
}

// Mutation is what other users do to the customers of the account, in customers a second.
type Mutation struct {
	Updates, Inserts, Deletes float64
	Seed                      uint64 // chooses whom: equal seeds choose alike among equal customers
}

// Mutated counts what was done.
type Mutated struct {
	Updates int64 `json:"updates"`
	Inserts int64 `json:"inserts"`
	Deletes int64 `json:"deletes"`
}

// mutator is another user at work. Nothing runs: what is due by the time somebody looks is done then, as of the time it
// was due, which to whoever looks is the same.
type mutator struct {
	mu      sync.Mutex
	working atomic.Bool
	rates   [3]float64 // a second: updates, inserts, deletes
	done    [3]int64
	began   time.Time
	random  *rand.Rand
}

// Mutate lets other users change customers from now on, in the place of what an earlier Mutate let them do. Every request
// and Customers meet the account as it is by then.
func (e *Emulator) Mutate(m Mutation) error {
	rates := [3]float64{m.Updates, m.Inserts, m.Deletes}
	for i, name := range []string{"updates", "inserts", "deletes"} {
		if !(rates[i] >= 0 && rates[i] <= maxMutations) { // so that what is no number is refused too
			return fmt.Errorf("emulator: mutate: %s: %v a second are outside 0 to %d", name, rates[i], maxMutations)
		}
	}
	if rates == [3]float64{} {
		return errors.New("emulator: mutate: nothing to do")
	}
	e.StopMutating()
	mu := &e.mutator
	mu.mu.Lock()
	defer mu.mu.Unlock()
	mu.rates, mu.done, mu.began = rates, [3]int64{}, time.Now()
	mu.random = rand.New(rand.NewPCG(m.Seed, 0x3a7a)) //nolint:gosec // a run must come again with its seed
	mu.working.Store(true)
	return nil
}

// maxMutations bounds what one kind of change may cost.
const maxMutations = 100_000

// StopMutating ends what Mutate began and returns what was done until now.
func (e *Emulator) StopMutating() Mutated {
	e.mutate()
	mu := &e.mutator
	mu.mu.Lock()
	defer mu.mu.Unlock()
	mu.working.Store(false)
	return Mutated{Updates: mu.done[0], Inserts: mu.done[1], Deletes: mu.done[2]}
}

// mutate does what is due.
func (e *Emulator) mutate() {
	mu := &e.mutator
	if !mu.working.Load() {
		return
	}
	mu.mu.Lock()
	defer mu.mu.Unlock()
	if !mu.working.Load() {
		return
	}
	offset := time.Duration(e.clock.offset.Load())
	for now := time.Since(mu.began); ; {
		kind, due := mu.next()
		if due > now {
			return
		}
		e.mutateOnce(kind, mu.began.Add(due+offset))
		mu.done[kind]++
	}
}

// next returns which change is the next one, and when after the beginning.
func (mu *mutator) next() (kind int, due time.Duration) {
	var times [3]time.Duration
	for i, rate := range mu.rates {
		times[i] = math.MaxInt64
		if rate > 0 {
			if seconds := float64(mu.done[i]+1) / rate; seconds < math.MaxInt64/float64(time.Second)/2 {
				times[i] = time.Duration(seconds * float64(time.Second))
			}
		}
	}
	kind = slices.Index(times[:], slices.Min(times[:]))
	return kind, times[kind]
}

func (e *Emulator) mutateOnce(kind int, at time.Time) {
	st := e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	id, ok := st.random(e.mutator.random)
	switch {
	case kind == 1:
		e.createCustomer("Inserted "+digits(e.mutator.done[kind]+1), at)
	case !ok: // nobody is there
	case kind == 0:
		e.touchCustomer(id, at)
	default:
		e.removeCustomer(id, at)
	}
}
