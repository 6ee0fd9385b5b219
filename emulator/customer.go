package emulator

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Customer is a stored customer. Times are unix seconds, 0 (or less) for none; NextPrice is in whole units of the
// account's currency; Periodicity is in days.
type Customer struct {
	ID                int64
	Name              string
	ResponsibleUserID int64
	CreatedBy         int64
	UpdatedBy         int64
	CreatedAt         int64
	UpdatedAt         int64
	MainContactID     int64 // one of ContactIDs, or 0
	ContactIDs        []int64
	CompanyID         int64
	Tags              []Tag
	CustomFields      []CustomField
	NextPrice         int64
	// NextPriceThousandths are those of a unit beyond NextPrice, 0 to 999; generation v2 does not know them.
	NextPriceThousandths int64
	ClosestTaskAt        int64
	PeriodID             int64 // in generation v4 the status
	Periodicity          int64
	NextDate             int64
	CatalogElements      []CatalogElement
	SegmentIDs           []int64 // each once
	BonusPoints          int64
}

// Tag is a tag of a customer.
type Tag struct {
	ID   int64
	Name string
}

// CustomField holds the values of one custom field; a customer lists only fields that have some.
type CustomField struct {
	ID     int64
	Values []FieldValue
}

// FieldValue is one value of a custom field as it is read: the text of an option with its Enum, a part of an address
// with its Subtype, or for legal entities, organisations and items an Object of strings, int64s, json.Numbers, nested
// maps and nils.
type FieldValue struct {
	Value   string
	Enum    int64
	Subtype string
	Object  map[string]any
}

// CatalogElement is a quantity of a catalogue's element linked to a customer or bought by one. Thousandths, 0 to 999,
// are what it has beyond Quantity, and PriceID is the field its price stands in, 0 for none; generation v2 knows
// neither.
type CatalogElement struct {
	CatalogID, ElementID, Quantity int64
	Thousandths                    int64
	PriceID                        int64
}

func (el CatalogElement) quantity() amount { return amount{el.Quantity, el.Thousandths} }

// clone copies c so deep that a change of the copy cannot be seen through c.
func (c *Customer) clone() *Customer {
	d := *c
	d.ContactIDs = slices.Clone(c.ContactIDs)
	d.Tags = slices.Clone(c.Tags)
	d.CatalogElements = slices.Clone(c.CatalogElements)
	d.SegmentIDs = slices.Clone(c.SegmentIDs)
	d.CustomFields = cloneFields(c.CustomFields)
	return &d
}

func cloneFields(fields []CustomField) []CustomField {
	fields = slices.Clone(fields)
	for i, f := range fields {
		values := slices.Clone(f.Values)
		for j, v := range values {
			values[j].Object = maps.Clone(v.Object)
		}
		fields[i].Values = values
	}
	return fields
}

// customerStore is the state of the account's customers. Rows it hands out are shared and must not be changed.
type customerStore struct {
	mu   sync.RWMutex
	seed *seed
	rows map[int64]*Customer // changed and added
	gone map[int64]struct{}  // seeded rows that were changed or deleted
	customerOrders
	listed    listing
	nextID    int64
	tagIDs    map[string]int64
	tagNames  map[int64]string
	nextTagID int64
	companies map[int64]string // named by AddCompany

	// Guarded by mu too: a purchase changes its customer, a period that goes takes its customers elsewhere, a segment
	// knows how many it has, notes go with their customer.
	purchases *transactionStore
	periods   *periodStore
	segments  *segmentStore
	parents   *parentStore
	notes     noteStore
	events    eventStore

	touched int64 // customers renamed by touchCustomer
}

func newCustomerStore(s *seed, c Config) *customerStore {
	st := &customerStore{
		seed:      s,
		rows:      map[int64]*Customer{},
		gone:      map[int64]struct{}{},
		nextID:    s.endID(),
		tagIDs:    map[string]int64{},
		tagNames:  map[int64]string{},
		companies: map[int64]string{},
		purchases: newTransactionStore(s, c.TransactionsOldestFirst),
		periods:   newPeriodStore(seedPeriods, c.Language == "ru"),
		segments:  newSegmentStore(s),
		parents:   newParentStore(s, c.Parents),
		events:    eventStore{keep: c.Events},
	}
	st.notes = newNoteStore(c, st.parents)
	st.customerOrders = newCustomerOrders(s)
	st.listed = listing{customerOrders: &st.customerOrders, delay: c.ListDelay}
	if c.ListDelay > 0 {
		orders := newCustomerOrders(s)
		st.listed.customerOrders = &orders
	}
	for _, t := range seedTags {
		st.putTag(t)
	}
	return st
}

// find returns the customer with an id, nil when there is none. The caller holds the lock.
func (st *customerStore) find(id int64) *Customer {
	if c, ok := st.rows[id]; ok {
		return c
	}
	if _, ok := st.gone[id]; ok {
		return nil
	}
	if i, ok := st.seed.indexOf(id); ok {
		return st.seed.customer(i)
	}
	return nil
}

// put stores c, which must not be changed afterwards. The caller holds the lock.
func (st *customerStore) put(c *Customer) {
	st.take(c.ID)
	st.rows[c.ID] = c
	st.segments.count(c.SegmentIDs, 1)
	st.reorder(func(o *customerOrders) { o.insert(c) })
	st.nextID = max(st.nextID, c.ID+1)
}

// take removes the customer from both orders. The caller holds the lock.
func (st *customerStore) take(id int64) {
	if old, ok := st.rows[id]; ok {
		st.reorder(func(o *customerOrders) { o.remove(old) })
		delete(st.rows, id)
		st.segments.count(old.SegmentIDs, -1)
	}
	i, ok := st.seed.indexOf(id)
	if _, gone := st.gone[id]; !ok || gone {
		return
	}
	position := st.seed.position(i)
	st.reorder(func(o *customerOrders) { o.hide(i, position) })
	st.gone[id] = struct{}{}
	st.segments.count(st.seed.segmentsAt(position), -1)
}

// remove deletes a customer, its purchases and its notes. The caller holds the lock.
func (st *customerStore) remove(id int64) {
	st.take(id)
	st.purchases.takeOf(id)
	st.notes[ParentCustomer].takeOf(id)
}

// takeID returns an id nobody had. The caller holds the lock.
func (st *customerStore) takeID() int64 {
	id := st.nextID
	st.nextID++
	return id
}

// putTag registers a tag with its id. The caller holds the lock.
func (st *customerStore) putTag(t Tag) {
	st.tagIDs[t.Name], st.tagNames[t.ID] = t.ID, t.Name
	st.nextTagID = max(st.nextTagID, t.ID+1)
}

// tagNamed returns the tag of that name and makes it when there is none. The caller holds the lock.
func (st *customerStore) tagNamed(name string) Tag {
	id, ok := st.tagIDs[name]
	if !ok {
		id = st.nextTagID
		st.putTag(Tag{ID: id, Name: name})
	}
	return Tag{ID: id, Name: name}
}

// companyName returns the name of a company, false for one nobody named. The caller holds the lock.
func (st *customerStore) companyName(id int64) (string, bool) {
	if name, ok := st.companies[id]; ok {
		return name, true
	}
	return st.seed.companyName(id)
}

// shown returns a copy of a stored customer as the account shows it: in the period its own one gave way to, and only in
// segments there are. The caller holds the lock.
func (st *customerStore) shown(c *Customer) *Customer {
	c = c.clone()
	c.PeriodID = st.periods.current(c.PeriodID)
	c.SegmentIDs = st.segments.present(c.SegmentIDs)
	return c
}

func (st *customerStore) shownLocking(c *Customer) *Customer {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.shown(c)
}

// AddCustomer stores a customer as if it had always been there: no event tells of it, no field is required, nothing is checked but that the
// id is free and not negative, absent times stay 0. An ID of 0 takes the next one, a tag without an id the tag of that name. It returns
// the customer as stored.
func (e *Emulator) AddCustomer(c Customer) (Customer, error) {
	st := e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	n := c.clone()
	switch {
	case n.ID < 0:
		return Customer{}, fmt.Errorf("emulator: add customer: id %d is negative", n.ID)
	case n.ID == 0:
		n.ID = st.takeID()
	case st.find(n.ID) != nil:
		return Customer{}, fmt.Errorf("emulator: add customer: id %d is taken", n.ID)
	}
	st.resolveTags(n)
	st.put(n)
	return *n.clone(), nil
}

func (st *customerStore) resolveTags(c *Customer) {
	for i, t := range c.Tags {
		if t.ID == 0 {
			c.Tags[i] = st.tagNamed(t.Name)
		} else {
			st.putTag(t)
		}
	}
}

// Customer returns a customer, false when there is none with that id.
func (e *Emulator) Customer(id int64) (Customer, bool) {
	st := e.customers
	st.mu.RLock()
	defer st.mu.RUnlock()
	c := st.find(id)
	if c == nil {
		return Customer{}, false
	}
	return *st.shown(c), true
}

// UpdateCustomer changes a customer as another user of the account would, without a request. It sets updated_at to
// now, or a second after the stored time if that is later, unless change sets it. The id cannot be changed, and change
// must not call the emulator.
func (e *Emulator) UpdateCustomer(id int64, change func(*Customer)) error {
	st := e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	old := st.find(id)
	if old == nil {
		return fmt.Errorf("emulator: update customer: no customer %d", id)
	}
	c, now := st.shown(old), e.now()
	change(c)
	c.ID = id
	if c.UpdatedAt == old.UpdatedAt {
		c.UpdatedAt = max(now.Unix(), old.UpdatedAt+1)
	}
	st.resolveTags(c)
	e.changeCustomer(old, c, now)
	return nil
}

// DeleteCustomer removes a customer with its transactions and reports whether there was one.
func (e *Emulator) DeleteCustomer(id int64) bool {
	st := e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.find(id) == nil {
		return false
	}
	e.removeCustomer(id, e.now())
	return true
}

// CountCustomers returns how many customers there are.
func (e *Emulator) CountCustomers() int {
	st := e.customers
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.byID.count()
}

// Customers returns all customers as they are now, in the order lists have. Changes made during the walk may or may not be seen, as
// when paging through the list.
func (e *Emulator) Customers() iter.Seq[Customer] {
	return func(yield func(Customer) bool) {
		e.mutate()
		for offset := 0; ; offset += maxRows {
			page := e.customers.pageNow(listQuery{rows: maxRows, offset: offset, byID: e.config.ListByID})
			for _, c := range page {
				if !yield(*e.customers.shownLocking(c)) {
					return
				}
			}
			if len(page) < maxRows {
				return
			}
		}
	}
}

// AddCompany names a company customers can be tied to.
func (e *Emulator) AddCompany(id int64, name string) error {
	if id <= 0 || strings.TrimSpace(name) == "" {
		return errors.New("emulator: add company: needs an id above zero and a name")
	}
	e.customers.mu.Lock()
	defer e.customers.mu.Unlock()
	e.customers.companies[id] = name
	return nil
}

// AddTag registers a tag, so that an account's own tag ids can be had.
func (e *Emulator) AddTag(t Tag) error {
	if t.ID <= 0 || t.Name == "" {
		return errors.New("emulator: add tag: needs an id above zero and a name")
	}
	e.customers.mu.Lock()
	defer e.customers.mu.Unlock()
	e.customers.putTag(t)
	return nil
}
