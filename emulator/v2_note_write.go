package emulator

import (
	"fmt"
	"strings"
)

// noteChange is one item of add or update, checked but not applied.
type noteChange struct {
	position  int
	id        int64 // of an update
	requestID *node

	element, elementType, code                   *int64
	createdAt, updatedAt, responsible, createdBy *int64
	text, attachment                             *string
	params                                       *node
}

// noteWrite is a whole call, and then what came of it.
type noteWrite struct {
	adds, updates []noteChange

	items                   []writtenItem
	hrefs                   []string // of items
	addErrors, updateErrors []itemError
}

// writeNotes answers POST /api/v2/notes. As with customers, a malformed call is refused whole, and what is wrong with an
// item alone is told beside the others.
func (c *call) writeNotes() (*reply, error) {
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	body, err := c.parseBody()
	if err != nil {
		return nil, err
	}
	if err := c.checkLists(body, "add", "update"); err != nil {
		return nil, err
	}
	nw := &noteWrite{}
	if nw.adds, err = c.readNoteChanges(body.get("add"), "add"); err != nil {
		return nil, err
	}
	if nw.updates, err = c.readNoteChanges(body.get("update"), "update"); err != nil {
		return nil, err
	}
	c.applyNotes(nw)
	return c.halReply(c.renderNoteWrite(nw)), nil
}

func (c *call) readNoteChanges(list *node, name string) ([]noteChange, error) {
	var changes []noteChange
	for i, item := range list.items() {
		at := name + "[" + list.keys[i] + "]"
		if !item.isArray() {
			return nil, badRequest("%s must be an object", at)
		}
		ch, err := c.readNoteChange(item, at, name == "update")
		if err != nil {
			return nil, err
		}
		ch.position = i
		changes = append(changes, ch)
	}
	return changes, nil
}

func (c *call) readNoteChange(n *node, at string, update bool) (ch noteChange, err error) {
	known := []string{
		"element_id", "element_type", "note_type", "text", "params", "created_at", "updated_at", "responsible_user_id",
		"created_by", "attachment", "request_id",
	}
	if update {
		known = append(known, "id")
		id, ok := n.get("id").integer()
		if !ok || id <= 0 {
			return ch, badRequest("%s[id] must be the id of a note", at)
		}
		ch.id = id
	}
	if err := c.checkKeys(n, at, known...); err != nil {
		return ch, err
	}
	for _, f := range []struct {
		key    string
		to     **int64
		isTime bool
	}{
		{"element_id", &ch.element, false},
		{"element_type", &ch.elementType, false},
		{"note_type", &ch.code, false},
		{"created_at", &ch.createdAt, true},
		{"updated_at", &ch.updatedAt, true},
		{"responsible_user_id", &ch.responsible, false},
		{"created_by", &ch.createdBy, false},
	} {
		if *f.to, err = n.wholeNumber(f.key, at, f.isTime); err != nil {
			return ch, err
		}
	}
	if update && ch.updatedAt == nil && c.e.config.LockMissingRefusesCall {
		return ch, badRequest("%s[updated_at] is required", at)
	}
	for _, f := range []struct {
		key string
		to  **string
	}{
		{"text", &ch.text},
		{"attachment", &ch.attachment},
	} {
		m := n.get(f.key)
		if m == nil {
			continue
		}
		if !m.isScalar() {
			return ch, badRequest("%s[%s] must be text", at, f.key)
		}
		*f.to = &m.text
	}
	if ch.requestID = n.get("request_id"); ch.requestID != nil && !ch.requestID.isScalar() {
		return ch, badRequest("%s[request_id] must be a number", at)
	}
	ch.params = n.get("params")
	return ch, c.checkNoteParams(&ch, at)
}

// checkNoteParams refuses params that are no object of scalars, and in strict mode keys their type does not have.
func (c *call) checkNoteParams(ch *noteChange, at string) error {
	if ch.params == nil || ch.params.isScalar() && ch.params.text == "" {
		ch.params = nil
		return nil
	}
	if !ch.params.isArray() {
		return badRequest("%s[params] must be an object", at)
	}
	var t *noteType
	if ch.code != nil {
		t = noteTypeNumbered(*ch.code)
	}
	for i, m := range ch.params.items() {
		key := ch.params.keys[i]
		if m.isArray() {
			return badRequest("%s[params][%s] must be text or a number", at, key)
		}
		if t == nil {
			continue
		}
		p := t.oldParam(key)
		if p == nil {
			if err := c.ignored("%s[params]: unknown key %q", at, key); err != nil {
				return err
			}
			continue
		}
		if _, ok := m.integer(); p.kind == paramInteger && !ok && m.str() != "" {
			return badRequest("%s[params][%s] must be a whole number", at, key)
		}
	}
	return nil
}

// storedParams returns the params of a v2 item as they are stored: under the names of generation v4.
func (ch *noteChange) storedParams(t *noteType) map[string]any {
	stored := map[string]any{}
	if t.asText {
		if ch.text != nil {
			stored["text"] = *ch.text
		}
		return stored
	}
	for i, m := range ch.params.items() {
		p := t.oldParam(ch.params.keys[i])
		if p == nil || !m.isScalar() {
			continue
		}
		value, isNumber := m.integer()
		if isNumber && (p.kind == paramInteger || p.kind == paramTextOrInteger && m.kind == nodeNumber) {
			stored[p.name] = value
		} else if p.kind != paramInteger {
			stored[p.name] = m.text
		}
	}
	return stored
}

func (c *call) applyNotes(nw *noteWrite) {
	st := c.e.customers
	st.mu.Lock()
	for _, ch := range nw.adds {
		if code, text := c.applyNoteAdd(nw, ch); text != "" {
			nw.addErrors = append(nw.addErrors, itemError{position: ch.position, requestID: ch.requestID, code: code, text: text})
		}
	}
	for _, ch := range nw.updates {
		if code, text := c.applyNoteUpdate(nw, ch); text != "" {
			nw.updateErrors = append(nw.updateErrors, itemError{
				position: ch.position, id: ch.id, requestID: ch.requestID, code: code, text: text,
			})
		}
	}
	st.mu.Unlock()
	c.e.counters.change(func(s *Stats) {
		s.Added += int64(len(nw.adds) - len(nw.addErrors))
		s.Updated += int64(len(nw.updates) - len(nw.updateErrors))
		s.ItemErrors += int64(len(nw.addErrors) + len(nw.updateErrors))
	})
}

// Codes of items that were refused, in the section of notes.
const (
	noteNotFound    = 225
	elementNotFound = 226
	elementMissing  = 232
	noteNoRights    = 244
)

// applyNoteAdd returns a text when the item is refused. The caller holds the store's lock.
func (c *call) applyNoteAdd(nw *noteWrite, ch noteChange) (code int, text string) {
	switch {
	case c.e.config.NotesReadOnly:
		return noteNoRights, "No rights to add a note"
	case ch.element == nil || ch.elementType == nil:
		return elementMissing, "Fields element_id and element_type are required"
	case ch.code == nil:
		return 400, "Field note_type is required"
	}
	kind := ParentKind(*ch.elementType)
	tb := c.e.customers.notes[kind]
	if tb == nil {
		return elementMissing, fmt.Sprintf("Element type %d is wrong", *ch.elementType)
	}
	t := noteTypeNumbered(*ch.code)
	if t == nil || !t.createOld || !t.fits(kind) {
		return 400, fmt.Sprintf("A note of type %d cannot be added to a %s", *ch.code, kind)
	}
	if kind == ParentCustomer && c.checkCustomers() != nil {
		return noteNoRights, "No rights to add a note"
	}
	if _, ok := c.e.customers.parent(kind, *ch.element); !ok {
		return elementNotFound, "Element is not found"
	}
	params := ch.storedParams(t)
	if text, _ := params["text"].(string); strings.TrimSpace(text) == "" {
		if t.asText {
			return 400, "Field text is required"
		}
		if p := t.param("text"); p != nil && !p.oldOnly {
			return 400, "Field params[text] is required"
		}
	}
	now, user := c.now.Unix(), c.e.config.UserID
	n := &Note{
		Kind: kind, ParentID: *ch.element, ID: tb.takeID(), Type: t.word, Params: params,
		ResponsibleUserID: user, CreatedBy: user, UpdatedBy: user, CreatedAt: now, UpdatedAt: now,
	}
	ch.fill(n)
	c.e.addNote(n, c.now)
	nw.add(writtenItem{id: n.ID, requestID: c.echo(ch.requestID, 0)}, n)
	return 0, ""
}

// fill applies what both lists may carry.
func (ch *noteChange) fill(n *Note) {
	for _, f := range []struct {
		from *int64
		to   *int64
	}{
		{ch.createdAt, &n.CreatedAt},
		{ch.updatedAt, &n.UpdatedAt},
		{ch.responsible, &n.ResponsibleUserID},
		{ch.createdBy, &n.CreatedBy},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if ch.attachment != nil {
		n.Attachment = *ch.attachment
	}
}

// applyNoteUpdate returns a text when the item is refused. The caller holds the store's lock.
func (c *call) applyNoteUpdate(nw *noteWrite, ch noteChange) (code int, text string) {
	if c.e.config.NotesReadOnly {
		return noteNoRights, "No rights to change a note"
	}
	old := c.noteOfChange(ch)
	if old == nil {
		return noteNotFound, "Note is not found"
	}
	equal := ch.updatedAt != nil && *ch.updatedAt == old.UpdatedAt && c.e.config.LockAllowsEqual
	if ch.updatedAt == nil || *ch.updatedAt <= old.UpdatedAt && !equal {
		return 400, staleText
	}
	if !old.editableOld() {
		return noteNoRights, "The note is not editable"
	}
	t := noteTypeNamed(old.Type)
	if ch.code != nil && *ch.code != t.code {
		return 400, "Field note_type cannot be changed"
	}
	if ch.text != nil && strings.TrimSpace(*ch.text) == "" {
		return 400, "Field text is required"
	}
	n := old.clone()
	if ch.text != nil {
		n.Params = map[string]any{"text": *ch.text}
	}
	ch.fill(n)
	n.UpdatedBy = c.e.config.UserID
	if c.e.config.UpdatedAtIsClock {
		n.UpdatedAt = c.now.Unix()
	}
	c.e.customers.notes[n.Kind].put(n)
	nw.add(writtenItem{id: n.ID, requestID: c.echo(ch.requestID, n.ID), updatedAt: n.UpdatedAt}, n)
	return 0, ""
}

// noteOfChange finds the note an update names, by its id and, as far as they were sent, the record it hangs on; nil when
// there is none. The caller holds the store's lock.
func (c *call) noteOfChange(ch noteChange) *Note {
	for _, kind := range parentKinds {
		if ch.elementType != nil && *ch.elementType != int64(kind) {
			continue
		}
		n := c.e.customers.notes[kind].find(ch.id)
		if n != nil && (ch.element == nil || *ch.element == n.ParentID) {
			return n
		}
	}
	return nil
}

func (nw *noteWrite) add(item writtenItem, n *Note) {
	nw.items = append(nw.items, item)
	nw.hrefs = append(nw.hrefs, noteHref(n.Kind, n.ID))
}

func (c *call) renderNoteWrite(nw *noteWrite) []byte {
	var w jsonWriter
	w.open('{')
	w.self(c.href(), "post")
	w.key("_embedded")
	w.open('{')
	w.key("items")
	w.open('[')
	for i, item := range nw.items {
		c.writeItem(&w, item, nw.hrefs[i])
	}
	w.close(']')
	c.writeItemErrors(&w, nw.addErrors, nw.updateErrors, nil)
	w.close('}')
	w.close('}')
	return w.buf
}
