package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Segment is a group of customers in an account that has segments instead of periods. Times are unix seconds.
type Segment struct {
	ID           int64
	Name         string
	Color        string // six hex digits without #
	CreatedAt    int64
	UpdatedAt    int64
	PriceTypes   []int64 // products are sold at to its customers; nil: not set
	CustomFields []CustomField
}

func (s *Segment) clone() *Segment {
	d := *s
	d.PriceTypes = slices.Clone(s.PriceTypes)
	d.CustomFields = cloneFields(s.CustomFields)
	return &d
}

const (
	seedSegmentIDs = 50 // segment ids begin above it
	// seedSegmentCycle is after how many customers, by id, their segments repeat.
	seedSegmentCycle = 5
	// maxSegments is the most segments an account has.
	maxSegments = 100
)

// seedSegments are the segments of every seeded account.
var seedSegments = []Segment{
	{ID: seedSegmentIDs + 1, Name: "Cafes", Color: "6610f2", PriceTypes: []int64{917}},
	{ID: seedSegmentIDs + 2, Name: "Розница", Color: "10599d"},
	{ID: seedSegmentIDs + 3, Name: "R&D, \"север/юг\"", Color: "bf2600", PriceTypes: []int64{}},
}

// seedSegmentFields are the custom fields of the segments of every seeded account.
var seedSegmentFields = []Field{
	{ID: 1251001, Name: "Менеджер", Type: FieldText},
	{ID: 1251003, Name: "Скидка, %", Type: FieldNumeric},
	{ID: 1251005, Name: "Канал", Type: FieldSelect, Enums: []Enum{{3691001, "Розница"}, {3691003, "Wholesale"}}},
	{ID: 1251007, Name: "Регионы", Type: FieldMultiselect, Enums: []Enum{{3691011, "Север"}, {3691013, "Юг"}}},
	{ID: 1251009, Name: "Действует", Type: FieldCheckbox},
}

// segmentsAt returns the segments of the customer at a place of the order by id: of every five one is in each of the
// three, one in the first two and one in none.
func (s *seed) segmentsAt(position int) []int64 {
	switch k := position % seedSegmentCycle; k {
	case len(seedSegments):
		return []int64{seedSegments[0].ID, seedSegments[1].ID}
	case len(seedSegments) + 1:
		return nil
	default:
		return []int64{seedSegments[k].ID}
	}
}

// segmentStore is the state of the account's segments. It has no lock: that of the customers guards it. Rows it hands
// out are shared and must not be changed.
type segmentStore struct {
	rows   []*Segment      // ascending by id
	counts map[int64]int64 // of the customers in each
	nextID int64
}

func newSegmentStore(s *seed) *segmentStore {
	st := &segmentStore{counts: map[int64]int64{}, nextID: seedSegmentIDs + 1}
	for i := range seedSegments {
		n := seedSegments[i].clone()
		n.CreatedAt = s.start
		n.UpdatedAt = s.start
		st.put(n)
	}
	for k := range seedSegmentCycle {
		st.count(s.segmentsAt(k), int64((s.n+seedSegmentCycle-1-k)/seedSegmentCycle))
	}
	return st
}

// find returns the segment with an id, nil when there is none.
func (st *segmentStore) find(id int64) *Segment {
	at, found := st.search(id)
	if !found {
		return nil
	}
	return st.rows[at]
}

func (st *segmentStore) search(id int64) (int, bool) {
	return slices.BinarySearchFunc(st.rows, id, func(s *Segment, id int64) int { return cmp.Compare(s.ID, id) })
}

// put stores s, which must not be changed afterwards.
func (st *segmentStore) put(s *Segment) {
	at, found := st.search(s.ID)
	if found {
		st.rows[at] = s
		return
	}
	st.rows = slices.Insert(st.rows, at, s)
	st.nextID = max(st.nextID, s.ID+1)
}

func (st *segmentStore) take(id int64) {
	if at, found := st.search(id); found {
		st.rows = slices.Delete(st.rows, at, at+1)
	}
}

// takeID returns an id nobody had.
func (st *segmentStore) takeID() int64 {
	id := st.nextID
	st.nextID++
	return id
}

// count adds n customers to segments.
func (st *segmentStore) count(ids []int64, n int64) {
	for _, id := range ids {
		st.counts[id] += n
	}
}

// present returns those of a customer's segments that there are: who was in a removed one is in it no longer.
func (st *segmentStore) present(ids []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return st.find(id) == nil })
}

// AddSegment stores a segment as if it had always been there: nothing is checked but that its id is free and not
// negative. An ID of 0 takes the next one. It returns the segment as stored.
func (e *Emulator) AddSegment(s Segment) (Segment, error) {
	e.customers.mu.Lock()
	defer e.customers.mu.Unlock()
	st := e.customers.segments
	n := s.clone()
	switch {
	case n.ID < 0:
		return Segment{}, errors.New("emulator: add segment: the id is negative")
	case st.find(n.ID) != nil:
		return Segment{}, fmt.Errorf("emulator: add segment: id %d is taken", n.ID)
	case n.ID == 0:
		n.ID = st.takeID()
	}
	st.put(n)
	return *n.clone(), nil
}

// AddSegmentField adds a custom field to the segments of the account, replacing one of the same id.
func (e *Emulator) AddSegmentField(f Field) error {
	if f.ID <= 0 || v4FieldTypes[f.Type] == "" {
		return fmt.Errorf("emulator: add segment field: id %d or type %d is unknown", f.ID, f.Type)
	}
	e.segmentFields.put(f)
	return nil
}

// Segments returns the segments by id.
func (e *Emulator) Segments() []Segment {
	e.customers.mu.RLock()
	defer e.customers.mu.RUnlock()
	all := make([]Segment, 0, len(e.customers.segments.rows))
	for _, s := range e.customers.segments.rows {
		all = append(all, *s.clone())
	}
	return all
}
