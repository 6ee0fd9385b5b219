package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// StatusType is the part a status has on the board.
type StatusType int64

// The types of statuses. All but StatusOwn belong to the system.
const (
	StatusOwn            StatusType = 0 // between the recent and the expected purchase
	StatusExpected       StatusType = 1
	StatusNotBought      StatusType = 2
	StatusClosed         StatusType = 3
	StatusBoughtRecently StatusType = 4
)

// Status is a place of the board that customers of an account with periods stand on: what generation v4 has for a
// period, plus the places of the system that v2 does not list.
type Status struct {
	ID         int64
	Name       string
	Sort       int64 // its place on the board, from 1
	Type       StatusType
	Color      string
	Conditions string // JSON: a list of groups of conditions
}

// IsDefault tells whether the status is the system's, which cannot be removed.
func (s Status) IsDefault() bool { return s.Type != StatusOwn }

const (
	// maxStatuses is the most statuses a board holds, the system's included.
	maxStatuses = 30
	// closedAfter is after how many days without a purchase a customer is closed where no period tells.
	closedAfter = 60
)

// systemStatuses are the statuses of the system by type. Periods after the purchase take the places of the two last.
var systemStatuses = [...]Period{
	StatusExpected:       {ID: seedPeriodIDs - 2, Color: "#99ccff"},
	StatusNotBought:      {ID: seedPeriodIDs - 1, Color: "#fd5598"},
	StatusClosed:         {ID: seedPeriodIDs, Color: "#d5d8db"},
	StatusBoughtRecently: {ID: seedPeriodIDs - 3, Color: "#ccff66"},
}

// statusNames are the names of statuses nobody named, in English and Russian.
var statusNames = [...][2]string{
	StatusOwn:            {"%d days before the purchase", "За %d дн. до покупки"},
	StatusExpected:       {"Expected purchase", "Ожидается покупка"},
	StatusNotBought:      {"Did not buy", "Не купили"},
	StatusClosed:         {"Closed", "Закрыты"},
	StatusBoughtRecently: {"Bought recently", "Купили недавно"},
}

// board returns the statuses in their order: the recent purchase, the periods before the next one from the farthest
// on, the expected purchase, and what follows where it does not come.
func (st *periodStore) board() []Status {
	var line []Status
	put := func(p Period, kind StatusType) {
		line = append(line, Status{
			ID: p.ID, Name: cmp.Or(p.Name, st.defaultName(p, kind)), Sort: int64(len(line) + 1), Type: kind, Color: p.Color,
			Conditions: cmp.Or(p.Conditions, st.conditions(p, kind)),
		})
	}
	put(st.system[StatusBoughtRecently], StatusBoughtRecently)
	split := countBefore(st.rows)
	for i := range split {
		put(st.rows[split-1-i], StatusOwn)
	}
	put(st.system[StatusExpected], StatusExpected)
	after := st.rows[split:]
	if len(after) == 0 {
		put(st.system[StatusNotBought], StatusNotBought)
	}
	for i, p := range after {
		if i > 0 && i == len(after)-1 {
			put(p, StatusClosed)
		} else {
			put(p, StatusNotBought)
		}
	}
	if len(after) < 2 {
		put(st.system[StatusClosed], StatusClosed)
	}
	return line
}

// countBefore returns how many of the rows lie before the purchase; they are the first.
func countBefore(rows []Period) int {
	split := slices.IndexFunc(rows, func(p Period) bool { return p.Kind == PeriodAfter })
	if split < 0 {
		return len(rows)
	}
	return split
}

func (st *periodStore) defaultName(p Period, kind StatusType) string {
	name := statusNames[kind][0]
	if st.russian {
		name = statusNames[kind][1]
	}
	if kind == StatusOwn {
		return fmt.Sprintf(name, st.distance(p))
	}
	return name
}

// conditions tells when the system moves a customer to a status: so many days before the purchase, so many after the
// day that saw none. Nothing moves customers to a status without a length of its own.
func (st *periodStore) conditions(p Period, kind StatusType) string {
	switch {
	case kind == StatusOwn && p.Days > 0:
		return condition("before_purchase", st.distance(p))
	case kind == StatusExpected:
		return condition("before_purchase", 0)
	case kind == StatusClosed:
		var days int64
		for _, o := range st.rows[countBefore(st.rows):] {
			if o.ID != p.ID { // it begins where the last of the others ends
				days += o.Days
			}
		}
		return condition("after_today", cmp.Or(days, closedAfter))
	}
	return "[]"
}

func condition(kind string, days int64) string {
	value := strconv.FormatInt(days, 10)
	return `[[{"type":"` + kind + `","match":{"value":` + value + `},"conditions":[{"value":` + value + `}]}]]`
}

// status returns the status with an id.
func (st *periodStore) status(id int64) (Status, bool) {
	board := st.board()
	at := slices.IndexFunc(board, func(s Status) bool { return s.ID == id })
	if at < 0 {
		return Status{}, false
	}
	return board[at], true
}

// stored returns the record behind a status, nil when there is none.
func (st *periodStore) stored(id int64) *Period {
	for i := range st.rows {
		if st.rows[i].ID == id {
			return &st.rows[i]
		}
	}
	for i := range st.system {
		if id != 0 && st.system[i].ID == id {
			return &st.system[i]
		}
	}
	return nil
}

// place puts a period before the purchase on a place of the board, or as near to it as other own statuses reach, and
// numbers them anew. Rows before it are those of the board without it.
func (st *periodStore) place(p Period, sort int64) {
	rows := slices.DeleteFunc(slices.Clone(st.rows), func(o Period) bool { return o.ID == p.ID })
	own := countBefore(rows)
	fromFar := min(max(sort-2, 0), int64(own)) // the first place is the system's
	p.Kind = PeriodBefore
	rows = slices.Insert(rows, own-int(fromFar), p)
	for i := range rows[:own+1] {
		rows[i].Sort = int64(i + 1)
	}
	st.set(rows)
}

// takeID returns an id no period had.
func (st *periodStore) takeID() int64 {
	id := st.nextID
	st.nextID++
	return id
}

// Statuses returns the board of an account with periods, in its order.
func (e *Emulator) Statuses() []Status {
	e.customers.mu.RLock()
	defer e.customers.mu.RUnlock()
	return e.customers.periods.board()
}

// UpdateStatus changes the name, the color and the conditions of a status, the system's ones too; its other properties
// follow from its place among the periods.
func (e *Emulator) UpdateStatus(id int64, change func(*Status)) error {
	e.customers.mu.Lock()
	defer e.customers.mu.Unlock()
	s, ok := e.customers.periods.status(id)
	if !ok {
		return fmt.Errorf("emulator: update status: no status %d", id)
	}
	old := s
	change(&s)
	if n, err := parseJSON([]byte(s.Conditions)); err != nil || !n.isArray() {
		return errors.New("emulator: update status: conditions must be a JSON list")
	}
	p := e.customers.periods.stored(id)
	p.Color = s.Color
	if s.Name != old.Name {
		p.Name = s.Name
	}
	if s.Conditions != old.Conditions {
		p.Conditions = s.Conditions
	}
	return nil
}
