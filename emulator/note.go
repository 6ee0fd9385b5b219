package emulator

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
)

// Note is a stored note. Kind and ID together name it: two kinds of parents may have notes with one id. Type is the
// word of generation v4. Params are those of generation v4: strings, int64s, bools, nils, and maps and slices of them.
// Times are unix seconds.
type Note struct {
	Kind              ParentKind
	ParentID          int64
	ID                int64
	Type              string
	Params            map[string]any
	Attachment        string // the file's name at the service, of an older file
	ResponsibleUserID int64
	GroupID           int64
	CreatedBy         int64 // 0: the service itself
	UpdatedBy         int64
	CreatedAt         int64
	UpdatedAt         int64
	Pinned            bool
	Locked            bool // may not be changed, whatever its type
}

// clone copies n; values within Params are shared, nobody changes them.
func (n *Note) clone() *Note {
	d := *n
	d.Params = maps.Clone(n.Params)
	return &d
}

// text is the param that generation v2 shows as the note's own text.
func (n *Note) text(t *noteType) string {
	if s, ok := n.Params["text"].(string); ok {
		return s
	}
	return t.fixed
}

// editableOld tells whether generation v2 may change the note, editable whether v4 may.
func (n *Note) editableOld() bool { return n.Type == noteCommon && !n.Locked }

func (n *Note) editable() bool {
	t := noteTypeNamed(n.Type)
	return t != nil && t.editable && !n.Locked
}

// noteStore is the state of the account's notes. It has no lock: that of the customers guards it. Rows it hands out are
// shared and must not be changed.
type noteStore map[ParentKind]*noteTable

func newNoteStore(c Config, parents *parentStore) noteStore {
	st := noteStore{}
	for i, kind := range parentKinds {
		st[kind] = newNoteTable(newNoteSeed(c, kind, i, parents))
	}
	return st
}

// noteTable holds the notes of one kind of parents.
type noteTable struct {
	seed      *noteSeed
	rows      map[int64]*Note    // changed and added
	gone      map[int64]struct{} // seeded rows that were changed or deleted
	byParent  map[int64][]int64  // ids of rows
	byUpdated index[Note]
	byID      index[Note]
	nextID    int64
}

func newNoteTable(s *noteSeed) *noteTable {
	return &noteTable{
		seed: s, rows: map[int64]*Note{}, gone: map[int64]struct{}{}, byParent: map[int64][]int64{}, nextID: s.endNoteID(),
		byUpdated: newIndex(s.rows.n,
			func(j int) sortKey { return sortKey{s.rows.updatedAt(j), s.noteID(j)} },
			func(n *Note) sortKey { return sortKey{n.UpdatedAt, n.ID} },
		),
		byID: newIndex(s.rows.n,
			func(p int) sortKey { return sortKey{id: s.noteIDAt(p)} },
			func(n *Note) sortKey { return sortKey{id: n.ID} },
		),
	}
}

// find returns the note with an id, nil when there is none.
func (tb *noteTable) find(id int64) *Note {
	if n, ok := tb.rows[id]; ok {
		return n
	}
	if _, ok := tb.gone[id]; ok {
		return nil
	}
	if j, ok := tb.seed.noteIndex(id); ok {
		return tb.seed.note(j)
	}
	return nil
}

// put stores n, which must not be changed afterwards.
func (tb *noteTable) put(n *Note) {
	tb.take(n.ID)
	tb.rows[n.ID] = n
	tb.byParent[n.ParentID] = append(tb.byParent[n.ParentID], n.ID)
	tb.byUpdated.insert(n)
	tb.byID.insert(n)
	tb.nextID = max(tb.nextID, n.ID+1)
}

func (tb *noteTable) take(id int64) {
	if old, ok := tb.rows[id]; ok {
		tb.byUpdated.remove(old)
		tb.byID.remove(old)
		delete(tb.rows, id)
		rest := slices.DeleteFunc(tb.byParent[old.ParentID], func(other int64) bool { return other == id })
		if len(rest) == 0 {
			delete(tb.byParent, old.ParentID)
		} else {
			tb.byParent[old.ParentID] = rest
		}
	}
	if j, ok := tb.seed.noteIndex(id); ok {
		tb.byUpdated.hide(j)
		tb.byID.hide(tb.seed.rows.position(j))
		tb.gone[id] = struct{}{}
	}
}

// takeOf removes the notes of a parent.
func (tb *noteTable) takeOf(parent int64) {
	for _, n := range tb.of(parent) {
		tb.take(n.ID)
	}
}

// takeID returns an id no note of the kind had.
func (tb *noteTable) takeID() int64 {
	id := tb.nextID
	tb.nextID++
	return id
}

// of returns the notes of a parent in no order.
func (tb *noteTable) of(parent int64) []*Note {
	var all []*Note
	for _, id := range tb.byParent[parent] {
		all = append(all, tb.rows[id])
	}
	for _, id := range tb.seed.notesOf(parent) {
		if _, gone := tb.gone[id]; !gone {
			all = append(all, tb.find(id))
		}
	}
	return all
}

// count returns how many notes there are.
func (tb *noteTable) count() int { return tb.byID.count() }

// noteOfCustomer makes the note the service makes of what happens to a customer and returns its id. It is to be seen
// only where Config.SystemNotes wants it. The caller holds the store's lock.
func (e *Emulator) noteOfCustomer(word string, cu *Customer, params map[string]any, at time.Time) int64 {
	tb := e.customers.notes[ParentCustomer]
	id := tb.takeID()
	if e.config.SystemNotes {
		now, user := at.Unix(), e.config.UserID
		tb.put(&Note{
			ID: id, Kind: ParentCustomer, ParentID: cu.ID, Type: word, Params: params, ResponsibleUserID: cu.ResponsibleUserID,
			CreatedBy: user, UpdatedBy: user, CreatedAt: now, UpdatedAt: now,
		})
	}
	return id
}

// AddNote stores a note as if it had always been there: nothing is checked but that its type is known, its parent exists
// and its id is free among the notes of its kind. An ID of 0 takes the next one. It returns the note as stored.
func (e *Emulator) AddNote(n Note) (Note, error) {
	st := e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	stored := n.clone()
	tb := st.notes[n.Kind]
	switch {
	case tb == nil:
		return Note{}, fmt.Errorf("emulator: add note: %s is unknown", n.Kind)
	case noteTypeNamed(n.Type) == nil:
		return Note{}, fmt.Errorf("emulator: add note: type %q is unknown", n.Type)
	case n.ID < 0:
		return Note{}, fmt.Errorf("emulator: add note: id %d is negative", n.ID)
	case tb.find(n.ID) != nil:
		return Note{}, fmt.Errorf("emulator: add note: id %d of a %s is taken", n.ID, n.Kind)
	case n.ID == 0:
		stored.ID = tb.takeID()
	}
	if _, ok := st.parent(n.Kind, n.ParentID); !ok {
		return Note{}, fmt.Errorf("emulator: add note: no %s %d", n.Kind, n.ParentID)
	}
	tb.put(stored)
	return *stored.clone(), nil
}

// Note returns a note, false when there is none with that id of that kind.
func (e *Emulator) Note(kind ParentKind, id int64) (Note, bool) {
	e.customers.mu.RLock()
	defer e.customers.mu.RUnlock()
	tb := e.customers.notes[kind]
	if tb == nil {
		return Note{}, false
	}
	n := tb.find(id)
	if n == nil {
		return Note{}, false
	}
	return *n.clone(), true
}

// DeleteNote removes a note, which no request can, and reports whether there was one.
func (e *Emulator) DeleteNote(kind ParentKind, id int64) bool {
	e.customers.mu.Lock()
	defer e.customers.mu.Unlock()
	tb := e.customers.notes[kind]
	if tb == nil {
		return false
	}
	n := tb.find(id)
	if n == nil {
		return false
	}
	tb.take(id)
	if n.Type == noteCommon {
		e.customers.events.add(event{
			kind: eventNoteDeleted, entity: kind.String(), id: n.ParentID, by: e.config.UserID, at: e.now().UnixNano(),
			after: idValue("note", id), before: noValue,
		})
	}
	return true
}

// CountNotes returns how many notes the records of a kind have.
func (e *Emulator) CountNotes(kind ParentKind) int {
	e.customers.mu.RLock()
	defer e.customers.mu.RUnlock()
	tb := e.customers.notes[kind]
	if tb == nil {
		return 0
	}
	return tb.count()
}

// Notes returns the notes of a kind by updated_at and id. Changes made during the walk may or may not be seen, as when
// paging through the list.
func (e *Emulator) Notes(kind ParentKind) iter.Seq[Note] {
	return func(yield func(Note) bool) {
		for offset := 0; ; offset += maxRows {
			e.customers.mu.RLock()
			page := e.customers.notes.page(noteQuery{kinds: []ParentKind{kind}, rows: maxRows, offset: offset})
			e.customers.mu.RUnlock()
			for _, n := range page {
				if !yield(*n.clone()) {
					return
				}
			}
			if len(page) < maxRows {
				return
			}
		}
	}
}

// SeededNotes returns the ids of the first seeded notes of a kind by updated_at, n at most, whatever became of them.
func (e *Emulator) SeededNotes(kind ParentKind, n int) []int64 {
	tb := e.customers.notes[kind]
	if tb == nil {
		return nil
	}
	var ids []int64
	for j := range min(n, tb.seed.rows.n) {
		ids = append(ids, tb.seed.noteID(j))
	}
	return ids
}
