package emulator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ParentKind is a kind of record that notes hang on. Its value is the number generation v2 has for it.
type ParentKind int

// The kinds of parents.
const (
	ParentContact  ParentKind = 1
	ParentLead     ParentKind = 2
	ParentCompany  ParentKind = 3
	ParentTask     ParentKind = 4
	ParentCustomer ParentKind = 12
)

// parentKinds are all of them, in the order in which a record named by its id alone is looked for.
var parentKinds = []ParentKind{ParentContact, ParentLead, ParentCompany, ParentTask, ParentCustomer}

// String is the word generation v2 has for a kind.
func (k ParentKind) String() string {
	switch k {
	case ParentContact:
		return "contact"
	case ParentLead:
		return "lead"
	case ParentCompany:
		return "company"
	case ParentTask:
		return "task"
	case ParentCustomer:
		return "customer"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// plural is the word generation v4 has for a kind in its paths, "" for tasks, whose notes it does not serve.
func (k ParentKind) plural() string {
	switch k {
	case ParentContact:
		return "contacts"
	case ParentLead:
		return "leads"
	case ParentCompany:
		return "companies"
	case ParentCustomer:
		return "customers"
	case ParentTask:
	}
	return ""
}

// parentNamed returns the kind with a word of generation v2.
func parentNamed(word string) (ParentKind, bool) {
	i := slices.IndexFunc(parentKinds, func(k ParentKind) bool { return k.String() == word })
	if i < 0 {
		return 0, false
	}
	return parentKinds[i], true
}

// parentOfPath returns the kind with a word of generation v4.
func parentOfPath(word string) (ParentKind, bool) {
	i := slices.IndexFunc(parentKinds, func(k ParentKind) bool { return k.plural() != "" && k.plural() == word })
	if i < 0 {
		return 0, false
	}
	return parentKinds[i], true
}

// Parent is a contact, a lead, a company or a task: as much of it as notes need. Customers are records of their own.
// CreatedAt is in unix seconds.
type Parent struct {
	Kind      ParentKind
	ID        int64
	Name      string
	CreatedAt int64
}

// parentStore holds the account's parents but for the customers. It has no lock: that of the customers guards it.
type parentStore struct {
	seed  *seed
	least int // seeded records of a kind
	rows  map[ParentKind]map[int64]Parent
}

func newParentStore(s *seed, least int) *parentStore {
	return &parentStore{seed: s, least: max(0, least), rows: map[ParentKind]map[int64]Parent{}}
}

// seeded returns how many seeded records of a kind there are. The contacts and companies that seeded customers are
// tied to are among them.
func (st *parentStore) seeded(kind ParentKind) int {
	n := st.seed.n
	switch {
	case kind == ParentCustomer:
		return n
	case kind == ParentContact && n > 0:
		return max(st.least, 4*n+14)
	case kind == ParentCompany:
		return max(st.least, n)
	}
	return st.least
}

// seededID returns the id of seeded record i of a kind.
func (st *parentStore) seededID(kind ParentKind, i int) int64 {
	if kind == ParentCustomer {
		return st.seed.idAt(i)
	}
	return seedParentIDs[kind] + int64(i)
}

// seededIndex is the inverse of seededID.
func (st *parentStore) seededIndex(kind ParentKind, id int64) (int, bool) {
	if kind == ParentCustomer {
		i, ok := st.seed.indexOf(id)
		if !ok {
			return 0, false
		}
		return st.seed.position(i), true
	}
	i := id - seedParentIDs[kind]
	return int(i), i >= 0 && i < int64(st.seeded(kind))
}

// find returns a parent that is no customer.
func (st *parentStore) find(kind ParentKind, id int64) (Parent, bool) {
	if p, ok := st.rows[kind][id]; ok {
		return p, true
	}
	if i, ok := st.seededIndex(kind, id); ok {
		return st.seed.parent(kind, i, id), true
	}
	return Parent{}, false
}

func (st *parentStore) put(p Parent) {
	if st.rows[p.Kind] == nil {
		st.rows[p.Kind] = map[int64]Parent{}
	}
	st.rows[p.Kind][p.ID] = p
}

// parent returns a parent of any kind. The caller holds the lock.
func (st *customerStore) parent(kind ParentKind, id int64) (Parent, bool) {
	if kind == ParentCustomer {
		c := st.find(id)
		if c == nil {
			return Parent{}, false
		}
		return Parent{Kind: kind, ID: id, Name: c.Name, CreatedAt: c.CreatedAt}, true
	}
	p, ok := st.parents.find(kind, id)
	if name, named := st.companies[id]; named && kind == ParentCompany {
		p.Kind, p.ID, p.Name = kind, id, name
		return p, true
	}
	return p, ok
}

// AddParent stores a contact, a lead, a company or a task that notes can hang on; one that is there is replaced.
// Customers are made by AddCustomer.
func (e *Emulator) AddParent(p Parent) error {
	switch {
	case p.Kind == ParentCustomer:
		return errors.New("emulator: add parent: a customer is made by AddCustomer")
	case !slices.Contains(parentKinds, p.Kind):
		return fmt.Errorf("emulator: add parent: %s is unknown", p.Kind)
	case p.ID <= 0 || strings.TrimSpace(p.Name) == "":
		return errors.New("emulator: add parent: needs an id above zero and a name")
	}
	e.customers.mu.Lock()
	defer e.customers.mu.Unlock()
	e.customers.parents.put(p)
	return nil
}

// Parent returns a record that notes can hang on, false when there is none.
func (e *Emulator) Parent(kind ParentKind, id int64) (Parent, bool) {
	e.customers.mu.RLock()
	defer e.customers.mu.RUnlock()
	return e.customers.parent(kind, id)
}

// SeededParents returns the ids of the first seeded records of a kind, n at most.
func (e *Emulator) SeededParents(kind ParentKind, n int) []int64 {
	e.customers.mu.RLock()
	defer e.customers.mu.RUnlock()
	st := e.customers.parents
	var ids []int64
	for i := range min(n, st.seeded(kind)) {
		ids = append(ids, st.seededID(kind, i))
	}
	return ids
}
