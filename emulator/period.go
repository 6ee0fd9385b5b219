package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// PeriodKind tells on which side of the purchase a period lies.
type PeriodKind string

// The kinds of periods.
const (
	PeriodBefore PeriodKind = "before"
	PeriodAfter  PeriodKind = "after" // of the system's own; can be changed, but neither made nor removed by requests
)

// Period is a stretch of a customer's life between two purchases.
type Period struct {
	ID    int64
	Kind  PeriodKind
	Days  int64 // its own length, not its distance from the purchase
	Color string
	Sort  int64 // counted from the day of the purchase, for each kind
}

// periodStore is the state of the account's periods. It has no lock: that of the customers guards it.
type periodStore struct {
	rows   []Period        // before, then after, each by sort
	moved  map[int64]int64 // of a removed period to the one that has its customers now
	nextID int64
}

func newPeriodStore(periods []Period) *periodStore {
	st := &periodStore{moved: map[int64]int64{}}
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

// replace makes rows the periods. Customers of a period that goes move on to the next one that stays, in the direction
// of time: to the purchase, then away from it. When none follows they go to the last one before.
func (st *periodStore) replace(rows []Period) {
	old := st.timeline()
	st.set(rows)
	stays := func(p Period) bool { return st.has(p.ID) }
	for i, gone := range old {
		if stays(gone) {
			continue
		}
		heir := slices.IndexFunc(old[i:], stays)
		if heir >= 0 {
			st.move(gone.ID, old[i+heir].ID)
			continue
		}
		before := slices.Clone(old[:i])
		slices.Reverse(before)
		if heir = slices.IndexFunc(before, stays); heir >= 0 {
			st.move(gone.ID, before[heir].ID)
			continue
		}
		st.move(gone.ID, st.timeline()[0].ID)
	}
}

func (st *periodStore) move(from, to int64) {
	for id, heir := range st.moved {
		if heir == from {
			st.moved[id] = to
		}
	}
	st.moved[from] = to
}

// timeline returns the periods as a customer passes them: from the farthest before the purchase to the farthest after.
func (st *periodStore) timeline() []Period {
	line := slices.Clone(st.rows)
	after := slices.IndexFunc(line, func(p Period) bool { return p.Kind == PeriodAfter })
	if after < 0 {
		after = len(line)
	}
	slices.Reverse(line[:after])
	return line
}

func (st *periodStore) has(id int64) bool {
	return slices.ContainsFunc(st.rows, func(p Period) bool { return p.ID == id })
}

// current returns the period whose customers those of a period are now: itself unless it was removed.
func (st *periodStore) current(id int64) int64 {
	if heir, ok := st.moved[id]; ok {
		return heir
	}
	return id
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
