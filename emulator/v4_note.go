package emulator

import (
	"net/http"
	"slices"
	"strconv"
)

// Operations on notes of generation v4: of a whole kind of entities, and of one entity.
const (
	OpV4NotesList              = "v4.notes.list"
	OpV4NotesListOfEntity      = "v4.notes.list_of_entity"
	OpV4NotesGet               = "v4.notes.get"
	OpV4NotesGetOfEntity       = "v4.notes.get_of_entity"
	OpV4NotesCreate            = "v4.notes.create"
	OpV4NotesCreateOfEntity    = "v4.notes.create_of_entity"
	OpV4NotesUpdate            = "v4.notes.update"
	OpV4NotesUpdateOfEntity    = "v4.notes.update_of_entity"
	OpV4NotesUpdateOne         = "v4.notes.update_one"
	OpV4NotesUpdateOneOfEntity = "v4.notes.update_one_of_entity"
	OpV4NotesPin               = "v4.notes.pin"
	OpV4NotesUnpin             = "v4.notes.unpin"
)

const (
	v4NotesPath      = "/api/v4/{entity}/notes"
	v4EntityNotePath = "/api/v4/{entity}/{entity_id}/notes"
)

var v4NoteRoutes = []v4Route{
	{http.MethodGet, v4NotesPath, OpV4NotesList, (*call).listNotesV4},
	{http.MethodPost, v4NotesPath, OpV4NotesCreate, (*call).createNotes},
	{http.MethodPatch, v4NotesPath, OpV4NotesUpdate, (*call).updateNotes},
	{http.MethodGet, v4NotesPath + "/{note}", OpV4NotesGet, (*call).getNote},
	{http.MethodPatch, v4NotesPath + "/{note}", OpV4NotesUpdateOne, (*call).updateNote},
	{http.MethodPost, v4NotesPath + "/{note}/pin", OpV4NotesPin, (*call).pinNote},
	{http.MethodPost, v4NotesPath + "/{note}/unpin", OpV4NotesUnpin, (*call).pinNote},
	{http.MethodGet, v4EntityNotePath, OpV4NotesListOfEntity, (*call).listNotesV4},
	{http.MethodPost, v4EntityNotePath, OpV4NotesCreateOfEntity, (*call).createNotes},
	{http.MethodPatch, v4EntityNotePath, OpV4NotesUpdateOfEntity, (*call).updateNotes},
	{http.MethodGet, v4EntityNotePath + "/{note}", OpV4NotesGetOfEntity, (*call).getNote},
	{http.MethodPatch, v4EntityNotePath + "/{note}", OpV4NotesUpdateOneOfEntity, (*call).updateNote},
}

// noteScope is whose notes a path speaks of.
type noteScope struct {
	kind   ParentKind
	entity int64 // 0: of all entities of the kind
}

// noteScope reads the path. Notes of customers are refused where there are none.
func (c *call) noteScope() (noteScope, error) {
	kind, ok := parentOfPath(c.v4.entity)
	if !ok {
		return noteScope{}, noteMissing()
	}
	if kind == ParentCustomer {
		if err := c.checkBelowCustomers(); err != nil {
			return noteScope{}, err
		}
	}
	return noteScope{kind: kind, entity: c.id("entity_id")}, nil
}

// find returns a note of the scope, nil when there is none. The caller holds the customers' lock.
func (s noteScope) find(c *call, id int64) *Note {
	n := c.e.customers.notes[s.kind].find(id)
	if n == nil || s.entity != 0 && n.ParentID != s.entity {
		return nil
	}
	return n
}

func noteMissing() *problem { return &problem{status: http.StatusNotFound, detail: "Note not found"} }

// listNotesV4 answers GET of the notes of a kind or of one entity.
func (c *call) listNotesV4() (*reply, error) {
	scope, err := c.noteScope()
	if err != nil {
		return nil, err
	}
	q, page, err := c.readNoteQueryV4(scope)
	if err != nil {
		return nil, err
	}
	with, err := c.readWithV4("is_pinned")
	if err != nil {
		return nil, err
	}
	q.rows, q.offset = page.limit, c.action.offset(page.offset())
	st := c.e.customers
	st.mu.RLock()
	rows := st.notes.page(q)
	st.mu.RUnlock()
	return v4List[Note]{
		key: "notes", page: page, rows: rows, everyNext: true,
		write: func(w *jsonWriter, n *Note) {
			c.writeNoteV4(w, n, slices.Contains(with, "is_pinned"), c.repeating(notePath(n)))
		},
	}.reply(c), nil
}

// readNoteQueryV4 reads the parameters of a list.
func (c *call) readNoteQueryV4(scope noteScope) (q noteQuery, page v4Page, err error) {
	if err := c.checkQuery("page", "limit", "order", "filter", "with"); err != nil {
		return q, page, err
	}
	if page, err = c.readPage(); err != nil {
		return q, page, err
	}
	order, err := c.readOrder("id", "updated_at")
	if err != nil {
		return q, page, err
	}
	q = noteQuery{kinds: []ParentKind{scope.kind}, byID: order.field == "id", desc: order.desc}
	known := []string{"id", "note_type", "updated_at"}
	if scope.entity == 0 {
		known = append(known, "entity_id")
	} else {
		q.parents = []int64{scope.entity}
	}
	filter, err := c.readFilterV4(known...)
	if err != nil {
		return q, page, err
	}
	if q.ids, err = c.filterIDs(filter, "id"); err != nil {
		return q, page, err
	}
	if scope.entity == 0 {
		if q.parents, err = c.filterIDs(filter, "entity_id"); err != nil {
			return q, page, err
		}
	}
	q.types = c.filterTexts(filter, "note_type")
	for _, word := range q.types {
		if noteTypeNamed(word) == nil {
			if err := c.ignored("filter[note_type]: %q is unknown", word); err != nil { // else it finds nothing
				return q, page, err
			}
		}
	}
	q.updated, err = c.filterSpan(filter, "updated_at", true)
	return q, page, err
}

// getNote answers GET of one note.
func (c *call) getNote() (*reply, error) {
	scope, err := c.noteScope()
	if err != nil {
		return nil, err
	}
	if err := c.checkQuery("with"); err != nil {
		return nil, err
	}
	with, err := c.readWithV4("is_pinned")
	if err != nil {
		return nil, err
	}
	c.e.customers.mu.RLock()
	n := scope.find(c, c.id("note"))
	c.e.customers.mu.RUnlock()
	switch {
	case n == nil && c.e.config.NoteMissingEmpty:
		return emptyReply(), nil
	case n == nil:
		return nil, noteMissing()
	}
	c.e.counters.change(func(s *Stats) { s.RowsSent++ })
	var w jsonWriter
	c.writeNoteV4(&w, n, slices.Contains(with, "is_pinned"), c.absolute(notePath(n)))
	return c.halReply(w.buf), nil
}

// notePath is the address of a note, which names its entity.
func notePath(n *Note) string {
	return "/api/v4/" + n.Kind.plural() + "/" + strconv.FormatInt(n.ParentID, 10) + "/notes/" + strconv.FormatInt(n.ID, 10)
}

// writeNoteV4 writes a note as lists show it.
func (c *call) writeNoteV4(w *jsonWriter, n *Note, pinned bool, href string) {
	w.open('{')
	w.keyInteger("id", n.ID)
	w.keyInteger("entity_id", n.ParentID)
	w.keyInteger("created_by", n.CreatedBy)
	w.keyInteger("updated_by", n.UpdatedBy)
	w.keyInteger("created_at", n.CreatedAt)
	w.keyInteger("updated_at", n.UpdatedAt)
	w.keyInteger("responsible_user_id", n.ResponsibleUserID)
	w.keyInteger("group_id", n.GroupID)
	w.keyText("note_type", n.Type)
	w.key("params")
	c.writeParams(w, n, noteTypeNamed(n.Type))
	w.keyInteger("account_id", c.e.config.AccountID)
	if pinned {
		w.keyBool("is_pinned", n.Pinned)
	}
	if c.e.config.NoteEditableKey {
		w.keyBool("is_editable", n.editable())
	}
	w.selfLink(href)
	w.close('}')
}

// writeParams writes the params of a note; a list when there are none.
func (c *call) writeParams(w *jsonWriter, n *Note, t *noteType) {
	keys := slices.DeleteFunc(t.order(n.Params), func(key string) bool {
		p := t.param(key)
		return p != nil && p.oldOnly
	})
	if len(keys) == 0 {
		w.raw("[]")
		return
	}
	w.open('{')
	for _, key := range keys {
		w.key(key)
		seconds, isNumber := n.Params[key].(int64)
		if key == "duration" && isNumber && c.e.config.NoteDurationAsText {
			w.text(strconv.FormatInt(seconds, 10))
			continue
		}
		writeAny(w, n.Params[key])
	}
	w.close('}')
}
