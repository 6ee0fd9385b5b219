package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const notesPath = "/api/v2/notes"

// listNotes answers GET /api/v2/notes.
func (c *call) listNotes() (*reply, error) {
	q, err := c.readNoteQuery()
	if err != nil {
		return nil, err
	}
	q.offset = c.action.offset(q.offset)
	st := c.e.customers
	st.mu.RLock()
	page := st.notes.page(q)
	st.mu.RUnlock()
	return v2ListReply(c, page, 512, func(w *jsonWriter, i int, n *Note) {
		c.writeNote(w, n, i == 0 && c.e.config.NoteIDText)
	}), nil
}

// readNoteQuery reads the parameters. What cannot be read is ignored unless in strict mode, but for the type of the
// parents, without which there is no list.
func (c *call) readNoteQuery() (q noteQuery, err error) {
	if err := c.checkQuery("type", "id", "element_id", "note_type", "limit_rows", "limit_offset"); err != nil {
		return q, err
	}
	q.byID, q.onlyOld = c.e.config.ListByID, true
	if q.kinds, err = c.readNoteKinds(); err != nil {
		return q, err
	}
	if q.ids, err = c.readID("element_id", "note_type"); err != nil {
		return q, err
	}
	if q.ids != nil {
		q.byID, q.rows = true, maxRows
		return q, nil
	}
	if q.rows, q.offset, err = c.readPaging(); err != nil {
		return q, err
	}
	if element := c.query.get("element_id"); element != nil && (element.isArray() || element.text != "") {
		id, ok := element.integer()
		if !ok || id <= 0 {
			if err := c.ignored("element_id must be the id of one element"); err != nil {
				return q, err
			}
		} else {
			q.parents = []int64{id}
		}
	}
	if q.types, err = c.readNoteTypes(); err != nil {
		return q, err
	}
	if header := c.request.Header.Get("If-Modified-Since"); header != "" {
		t, ok := parseSince(header)
		if !ok {
			return q, c.ignored("If-Modified-Since: %q is not a time", header)
		}
		q.updated = &span{from: t.Unix() + 1, to: anyTime.to}
	}
	return q, nil
}

// readNoteKinds reads type, whose absence has a code of its own. Notes of customers need the customers function.
func (c *call) readNoteKinds() ([]ParentKind, error) {
	word := c.query.get("type").str()
	if word == "all" {
		if c.checkCustomers() == nil {
			return parentKinds, nil
		}
		return slices.DeleteFunc(slices.Clone(parentKinds), func(k ParentKind) bool { return k == ParentCustomer }), nil
	}
	kind, ok := parentNamed(word)
	if !ok {
		return nil, &refusal{
			status: http.StatusBadRequest, code: 221, text: "type is required: contact, lead, company, task, customer or all",
		}
	}
	if kind == ParentCustomer {
		if err := c.checkCustomers(); err != nil {
			return nil, err
		}
	}
	return []ParentKind{kind}, nil
}

// readNoteTypes reads note_type; nil means it was not sent. A number that is of no type finds nothing.
func (c *call) readNoteTypes() ([]string, error) {
	asked := c.query.get("note_type")
	if asked == nil || asked.isScalar() && asked.text == "" {
		return nil, nil
	}
	if _, one := asked.integer(); !one && !c.e.config.NoteTypesList {
		return nil, c.ignored("note_type must be the number of one type")
	}
	codes, err := c.readIDs(asked, "note_type")
	if err != nil || codes == nil {
		return nil, err
	}
	words := []string{}
	for _, code := range codes {
		if t := noteTypeNumbered(code); t != nil {
			words = append(words, t.word)
		}
	}
	return words, nil
}

func noteHref(kind ParentKind, id int64) string {
	return notesPath + "?id=" + strconv.FormatInt(id, 10) + "&type=" + kind.String()
}

// writeNote writes a note as lists show it. Its type has a number.
func (c *call) writeNote(w *jsonWriter, n *Note, idAsText bool) {
	t := noteTypeNamed(n.Type)
	w.open('{')
	if idAsText {
		w.keyText("id", strconv.FormatInt(n.ID, 10))
	} else {
		w.keyInteger("id", n.ID)
	}
	w.keyInteger("responsible_user_id", n.ResponsibleUserID)
	w.keyInteger("created_by", n.CreatedBy)
	w.keyInteger("created_at", n.CreatedAt)
	w.keyInteger("updated_at", n.UpdatedAt)
	w.keyInteger("account_id", c.e.config.AccountID)
	w.keyInteger("group_id", n.GroupID)
	w.keyBool("is_editable", n.editableOld())
	w.keyInteger("element_id", n.ParentID)
	w.keyInteger("element_type", int64(n.Kind))
	w.keyText("attachment", n.Attachment)
	w.keyInteger("note_type", t.code)
	switch {
	case t.asText:
		w.keyText("text", n.text(t))
	case t.word == noteStatusChanged && c.e.config.StatusChangeAsText:
		var inner jsonWriter
		c.writeOldParams(&inner, n, t)
		w.keyText("text", string(inner.buf))
	default:
		w.key("params")
		c.writeOldParams(w, n, t)
	}
	w.self(noteHref(n.Kind, n.ID), "get")
	w.close('}')
}

// writeOldParams writes params with the keys of generation v2.
func (c *call) writeOldParams(w *jsonWriter, n *Note, t *noteType) {
	keys := t.order(n.Params)
	if len(keys) == 0 {
		w.raw("[]")
		return
	}
	w.open('{')
	for _, key := range keys {
		value := n.Params[key]
		if p := t.param(key); p != nil && p.old != "" {
			key = p.old
		}
		switch c.e.config.NoteParams {
		case NoteParamsMixed:
		case NoteParamsLower:
			key = strings.ToLower(key)
		case NoteParamsUpper:
			key = strings.ToUpper(key)
		}
		w.key(key)
		writeAny(w, value)
	}
	w.close('}')
}

// order returns the keys of params: those the type knows in its order, then the others by name.
func (t *noteType) order(params map[string]any) []string {
	var keys, others []string
	for _, p := range t.params {
		if _, ok := params[p.name]; ok {
			keys = append(keys, p.name)
		}
	}
	for key := range params {
		if t.param(key) == nil {
			others = append(others, key)
		}
	}
	slices.Sort(others)
	return append(keys, others...)
}
