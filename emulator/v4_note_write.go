package emulator

import (
	"maps"
	"net/http"
)

// noteKeys are the keys of a row that creates a note; one of a whole kind names its entity too.
var noteKeys = []key{
	{"note_type", true, isText},
	{"params", true, isAny}, // as the type wants, see checkParams
	{"created_by", false, isInt},
	{"responsible_user_id", false, isInt},
	{"created_at", false, isTime},
	{"updated_at", false, isTime},
	{"request_id", false, isRequestID},
	{"is_need_to_trigger_digital_pipeline", false, isBool},
}

// noteChangeKeys are the keys of a row that changes one.
var noteChangeKeys = []key{
	{"note_type", false, isText},
	{"params", false, isAny},
	{"request_id", false, isRequestID},
	{"is_need_to_trigger_digital_pipeline", false, isBool},
}

// noteScopeToWrite reads the path of a write, which has no query and needs rights.
func (c *call) noteScopeToWrite() (noteScope, error) {
	scope, err := c.noteScope()
	if err != nil {
		return scope, err
	}
	if c.e.config.NotesReadOnly {
		return scope, &problem{status: http.StatusForbidden, detail: "Access denied"}
	}
	return scope, c.checkQuery()
}

// createNotes answers POST of notes of a kind or of one entity. One bad row refuses all.
func (c *call) createNotes() (*reply, error) {
	scope, err := c.noteScopeToWrite()
	if err != nil {
		return nil, err
	}
	keys := noteKeys
	if scope.entity == 0 {
		keys = append([]key{{"entity_id", true, isInt}}, noteKeys...)
	}
	rows, err := c.readRows(keys...)
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	notes := make([]*Note, 0, len(rows))
	for _, r := range rows {
		notes = append(notes, c.newNote(r, scope))
	}
	if err := invalid(rows...); err != nil {
		return nil, err
	}
	tb := st.notes[scope.kind]
	for _, n := range notes {
		n.ID = tb.takeID()
		c.e.addNote(n, c.now)
	}
	c.e.counters.change(func(s *Stats) { s.Added += int64(len(notes)) })
	return c.writtenReply("notes", len(notes), func(w *jsonWriter, i int) {
		w.open('{')
		w.keyInteger("id", notes[i].ID)
		w.keyInteger("entity_id", notes[i].ParentID)
		c.keyRequestID(w, rows[i])
		w.selfLink(c.absolute(notePath(notes[i])))
		w.close('}')
	}), nil
}

// newNote makes the note of a row and notes in the row what is wrong with it. What updated_at was sent does not count.
// The caller holds the store's lock.
func (c *call) newNote(r *row, scope noteScope) *Note {
	now, user := c.now.Unix(), c.e.config.UserID
	n := &Note{
		Kind: scope.kind, ParentID: scope.entity, Type: r.get("note_type").str(),
		ResponsibleUserID: user, CreatedBy: user, UpdatedBy: user, CreatedAt: now, UpdatedAt: now,
	}
	if scope.entity == 0 {
		n.ParentID, _ = r.get("entity_id").integer()
	}
	_, found := c.e.customers.parent(n.Kind, n.ParentID)
	if sent := r.get("entity_id"); !found && (scope.entity != 0 || sent != nil && sent.kind == nodeNumber) {
		r.refuse("EntityNotFound", "entity_id", "Entity not found")
	}
	for _, f := range []struct {
		key string
		to  *int64
	}{
		{"created_by", &n.CreatedBy},
		{"responsible_user_id", &n.ResponsibleUserID},
		{"created_at", &n.CreatedAt},
	} {
		if i, ok := r.get(f.key).integer(); ok {
			*f.to = i
		}
	}
	c.checkUsers(r, "responsible_user_id", "created_by")
	t := noteTypeNamed(n.Type)
	switch sent := r.get("note_type"); {
	case t != nil && t.create:
		n.Params = checkParams(r, t)
	case sent != nil && sent.kind == nodeText:
		r.notAChoice("note_type")
	}
	return n
}

// rule is what a param must be.
func (p *noteParam) rule() rule {
	var of rule
	switch p.kind {
	case paramText:
		of = isText
		if p.notBlank {
			of = isFilled
		}
		if p.choices != nil {
			of = oneOf(p.choices...)
		}
	case paramInteger:
		of = isInt
		if p.max != 0 {
			of = between(p.min, p.max)
		}
	case paramTextOrInteger:
		of = isTextOrInt
	case paramBool:
		of = isBool
	case paramAny:
		of = isAny
	}
	if p.required {
		return of
	}
	return orNull(of)
}

// isTextOrInt takes a name or the id of a user.
func isTextOrInt(r *row, path string, n *node) {
	if n.kind == nodeNumber {
		isInt(r, path, n)
		return
	}
	isText(r, path, n)
}

// between takes some whole numbers only.
func between(first, last int64) rule {
	return func(r *row, path string, n *node) {
		isInt(r, path, n)
		if i, ok := n.integer(); n.kind == nodeNumber && ok && (i < first || i > last) {
			r.notAChoice(path)
		}
	}
}

// checkParams checks the params of a row as its type wants and returns them as they are stored; nil when they were not
// sent.
func checkParams(r *row, t *noteType) map[string]any {
	sent, ok := r.members["params"]
	if !ok {
		return nil
	}
	var keys []key
	for i := range t.params {
		if p := &t.params[i]; !p.readOnly && !p.oldOnly {
			keys = append(keys, key{p.name, p.required, p.rule()})
		}
	}
	isObject(keys...)(r, "params", sent)
	params := map[string]any{}
	for name, value := range sent.members {
		params[name] = anyOf(value)
	}
	if t.word == noteAttachment { // what was sent is a file of the drive
		maps.Copy(params, map[string]any{
			"is_drive_attachment": true, "text": params["file_name"], "original_name": params["file_name"],
		})
	}
	return params
}

// updateNotes answers PATCH of notes of a kind or of one entity. One bad row refuses all.
func (c *call) updateNotes() (*reply, error) {
	scope, err := c.noteScopeToWrite()
	if err != nil {
		return nil, err
	}
	keys := append([]key{
		{"id", true, isInt}, {"entity_id", c.e.config.NotePatchNeedsEntity && scope.entity == 0, isInt},
	}, noteChangeKeys...)
	rows, err := c.readRows(keys...)
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	changed := map[int64]*Note{} // one note may stand in two rows
	notes := make([]*Note, 0, len(rows))
	for _, r := range rows {
		id, _ := r.get("id").integer()
		old := changed[id]
		if old == nil {
			old = scope.find(c, id)
		}
		if old == nil {
			if sent := r.get("id"); sent != nil && sent.kind == nodeNumber && isWhole(sent.text) {
				r.refuse("EntityNotFound", "id", "Entity not found")
			}
			continue
		}
		if entity, ok := r.get("entity_id").integer(); ok && entity != old.ParentID {
			r.refuse("EntityNotFound", "entity_id", "Entity not found")
		}
		n := c.changedNote(r, old)
		changed[id] = n
		notes = append(notes, n)
	}
	if err := invalid(rows...); err != nil {
		return nil, err
	}
	for _, n := range changed {
		st.notes[n.Kind].put(n)
	}
	c.e.counters.change(func(s *Stats) { s.Updated += int64(len(rows)) })
	return c.writtenReply("notes", len(notes), func(w *jsonWriter, i int) { c.writeChangedNote(w, notes[i]) }), nil
}

// updateNote answers PATCH of one note.
func (c *call) updateNote() (*reply, error) {
	scope, err := c.noteScopeToWrite()
	if err != nil {
		return nil, err
	}
	r, err := c.readRow(append([]key{{"id", false, isInt}, {"entity_id", false, isInt}}, noteChangeKeys...)...)
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	old := scope.find(c, c.id("note"))
	if old == nil {
		return nil, noteMissing()
	}
	n := c.changedNote(r, old)
	if err := invalid(r); err != nil {
		return nil, err
	}
	st.notes[n.Kind].put(n)
	c.e.counters.change(func(s *Stats) { s.Updated++ })
	var w jsonWriter
	c.writeChangedNote(&w, n)
	return c.halReply(w.buf), nil
}

// changedNote returns a note as a row changes it and notes in the row what is wrong with it.
func (c *call) changedNote(r *row, old *Note) *Note {
	n := old.clone()
	n.UpdatedAt, n.UpdatedBy = max(c.now.Unix(), old.UpdatedAt), c.e.config.UserID
	sent := r.get("note_type")
	if !old.editable() || sent != nil && sent.kind == nodeText && sent.text != old.Type {
		r.notAChoice("note_type")
		return n
	}
	if params := checkParams(r, noteTypeNamed(old.Type)); params != nil {
		n.Params, n.Attachment = params, ""
	}
	return n
}

// writeChangedNote writes a row of the answer to a change: without request_id, so it is known by its id.
func (c *call) writeChangedNote(w *jsonWriter, n *Note) {
	w.open('{')
	w.keyInteger("id", n.ID)
	w.keyInteger("entity_id", n.ParentID)
	w.keyInteger("updated_at", c.answeredTime(n.UpdatedAt))
	w.selfLink(c.absolute(notePath(n)))
	w.close('}')
}

// pinNote answers POST of pin and unpin, which leave the times of the note alone.
func (c *call) pinNote() (*reply, error) {
	scope, err := c.noteScopeToWrite()
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	old := scope.find(c, c.id("note"))
	if old == nil {
		return nil, noteMissing()
	}
	n := old.clone()
	n.Pinned = c.op == OpV4NotesPin
	st.notes[n.Kind].put(n)
	c.e.counters.change(func(s *Stats) { s.Updated++ })
	return noContent(), nil
}
