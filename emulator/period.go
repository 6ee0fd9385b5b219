package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// PeriodKind tells on which side of the purchase a period lies.
type PeriodKind string

// The kinds of periods.
const (
	PeriodBefore PeriodKind = "before"
	PeriodAfter  PeriodKind = "after" // of the system's own; can be changed, but neither made nor removed by requests
)

// Period is a stretch of a customer's life between two purchases. Generation v4 calls it a status, and gives it a name
// and conditions where it has none of its own.
type Period struct {
	ID         int64
	Kind       PeriodKind
	Days       int64 // its own length, not its distance from the purchase
	Color      string
	Sort       int64  // counted from the day of the purchase, for each kind
	Name       string // "": told by its place
	Conditions string // JSON; "": told by its place
}

// periodStore is the state of the account's periods. It has no lock: that of the customers guards it.
type periodStore struct {
	rows    []Period       // before, then after, each by sort
	system  []Period       // by StatusType
	moved   map[int64]heir // of a removed period
	nextID  int64
	russian bool             // names of statuses nobody named
	now     func() time.Time // by the account's clock
}

// heir is the period that has the customers of a removed one.
type heir struct {
	id int64
	at time.Time // when they are there
}

func newPeriodStore(periods []Period, russian bool) *periodStore {
	st := &periodStore{moved: map[int64]heir{}, system: slices.Clone(systemStatuses[:]), russian: russian, now: time.Now}
	st.set(slices.Clone(periods))
	return st
}

// set replaces the periods and keeps the rows.
func (st *periodStore) set(rows []Period) {
	slices.SortStableFunc(rows, func(a, b Period) int {
		return cmp.Or(-cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Sort, b.Sort)) // "before" is above "after"
	})
	st.rows = rows
	for _, p := range rows {
		delete(st.moved, p.ID)
		st.nextID = max(st.nextID, p.ID+1)
	}
}

// replace makes rows the periods. Customers of a period that goes move on, at the given time, to the next one that
// stays, in the direction of time: to the purchase, then away from it. When none follows they go to the last one before.
func (st *periodStore) replace(rows []Period, at time.Time) {
	old := st.timeline()
	st.set(rows)
	stays := func(p Period) bool { return st.has(p.ID) }
	for i, gone := range old {
		if stays(gone) {
			continue
		}
		next := slices.IndexFunc(old[i:], stays)
		if next >= 0 {
			st.moved[gone.ID] = heir{old[i+next].ID, at}
			continue
		}
		before := slices.Clone(old[:i])
		slices.Reverse(before)
		if next = slices.IndexFunc(before, stays); next >= 0 {
			st.moved[gone.ID] = heir{before[next].ID, at}
			continue
		}
		if line := st.timeline(); len(line) > 0 {
			st.moved[gone.ID] = heir{line[0].ID, at}
		} else {
			st.moved[gone.ID] = heir{st.system[StatusExpected].ID, at}
		}
	}
}

// timeline returns the periods as a customer passes them: from the farthest before the purchase to the farthest after.
func (st *periodStore) timeline() []Period {
	line := slices.Clone(st.rows)
	slices.Reverse(line[:countBefore(line)])
	return line
}

func (st *periodStore) has(id int64) bool {
	return slices.ContainsFunc(st.rows, func(p Period) bool { return p.ID == id })
}

// current returns the period whose customers those of a period are now: itself unless it was removed.
func (st *periodStore) current(id int64) int64 {
	for now := st.now(); ; {
		next, ok := st.moved[id]
		if !ok || now.Before(next.at) {
			return id
		}
		id = next.id // which may have been removed in its turn; a period that is there has no heir, so this ends
	}
}

// distance returns how many days the far end of a period is away from the purchase: its own length and those of its
// kind that lie nearer.
func (st *periodStore) distance(of Period) int64 {
	var days int64
	for _, p := range st.rows {
		if p.Kind == of.Kind {
			days += p.Days
		}
		if p.ID == of.ID {
			break
		}
	}
	return days
}

// Periods returns the periods in the order the list has: those before the purchase, then those after it, each by Sort.
func (e *Emulator) Periods() []Period {
	e.customers.mu.RLock()
	defer e.customers.mu.RUnlock()
	return slices.Clone(e.customers.periods.rows)
}

// SetPeriods replaces the periods without a request, those after the purchase too. Customers stay in the periods they
// were put in, whether there still are such ones or not; those of a period that had been removed are back in it.
func (e *Emulator) SetPeriods(periods ...Period) error {
	ids := map[int64]bool{}
	for _, p := range periods {
		switch {
		case slices.ContainsFunc(systemStatuses[:], func(s Period) bool { return p.ID > 0 && s.ID == p.ID }):
			return fmt.Errorf("emulator: set periods: id %d is that of a status of the system", p.ID)
		case p.ID <= 0 || ids[p.ID]:
			return fmt.Errorf("emulator: set periods: id %d is not above zero or used twice", p.ID)
		case p.Kind != PeriodBefore && p.Kind != PeriodAfter:
			return fmt.Errorf("emulator: set periods: kind %q of period %d is unknown", p.Kind, p.ID)
		case p.Days < 0 || p.Sort < 0:
			return errors.New("emulator: set periods: days and sort must not be negative")
		}
		ids[p.ID] = true
	}
	e.customers.mu.Lock()
	defer e.customers.mu.Unlock()
	e.customers.periods.set(slices.Clone(periods))
	return nil
}
