package emulator

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// tagRule is a tag in a request: the id of one there is, or a name.
var tagRule = isObject(key{name: "id", rule: isInt}, key{name: "name", rule: isFilled})

// customerKeys are the keys of a customer in a write.
func (c *call) customerKeys() []key {
	return []key{
		{name: "name", rule: isFilled},
		{name: "next_price", rule: orNull(c.isPrice)},
		{name: "next_date", rule: orNull(isTime)},
		{name: "responsible_user_id", rule: isInt},
		{name: "status_id", rule: isInt},
		{name: "periodicity", rule: isInt},
		{name: "created_by", rule: isInt},
		{name: "updated_by", rule: isInt},
		{name: "created_at", rule: isTime},
		{name: "updated_at", rule: isTime},
		{name: "custom_fields_values", rule: orNull(isList(isAny))}, // checked by readFieldsV4
		{name: "tags_to_add", rule: isList(tagRule)},
		{name: "_embedded", rule: isObject(
			key{name: "tags", rule: orNull(isList(tagRule))},
			key{name: "segments", rule: orNull(isList(isObject(key{name: "id", required: true, rule: isInt})))},
		)},
		{name: "request_id", rule: isRequestName},
	}
}

// isRequestName is the request_id of a customer, which is neither 0 nor empty.
func isRequestName(r *row, path string, n *node) {
	isRequestID(r, path, n)
	if n.isScalar() && (n.text == "" || n.text == "0") {
		r.refuse("NotBlank", path, "This value should not be blank.")
	}
}

// createKeys are those of POST. In an account with periods a customer needs the date of the next purchase.
func (c *call) createKeys() []key {
	keys := c.customerKeys()
	for i := range keys {
		switch keys[i].name {
		case "name":
			keys[i].required = true
		case "next_date":
			if c.e.CustomersMode() == ModePeriodicity && !c.e.config.AddNeedsOnlyName {
				keys[i].required, keys[i].rule = true, isDue
			}
		}
	}
	return keys
}

// isDue takes a time that is one.
func isDue(r *row, path string, n *node) {
	isTime(r, path, n)
	if n.kind == nodeNumber && n.text == "0" {
		r.refuse("NotBlank", path, "This value should not be blank.")
	}
}

// updateKeys are those of PATCH.
func (c *call) updateKeys() []key {
	return append(c.customerKeys(), key{name: "tags_to_delete", rule: isList(tagRule)})
}

// customerEdit is one row of a write, checked but not applied.
type customerEdit struct {
	*row
	cu     *Customer // of an update; nil for one that is to be made
	fields []CustomField
}

// createCustomers answers POST /api/v4/customers.
func (c *call) createCustomers() (*reply, error) {
	if err := c.checkCustomersWrite(); err != nil {
		return nil, err
	}
	rows, err := c.readRows(c.createKeys()...)
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	edits := make([]customerEdit, 0, len(rows))
	for _, r := range rows {
		edits = append(edits, customerEdit{row: r, fields: c.checkCustomer(r)})
	}
	if err := invalid(rows...); err != nil {
		return nil, err
	}
	made := make([]*Customer, 0, len(edits))
	now, user := c.now.Unix(), c.e.config.UserID
	for _, edit := range edits {
		cu := &Customer{CreatedAt: now, UpdatedAt: now, ResponsibleUserID: user, CreatedBy: user, UpdatedBy: user}
		cu.ID = st.takeID()
		if c.e.CustomersMode() == ModePeriodicity {
			cu.PeriodID = st.firstStatus()
		}
		c.edit(cu, edit, true)
		c.e.addCustomer(cu, c.now)
		made = append(made, cu)
	}
	c.e.counters.change(func(s *Stats) { s.Added += int64(len(made)) })
	return c.writtenReply("customers", len(made), func(w *jsonWriter, i int) {
		cu := made[i]
		w.open('{')
		w.keyInteger("id", cu.ID)
		if !c.e.config.ShortAnswers {
			w.keyText("name", cu.Name)
			w.keyInteger("status_id", cu.PeriodID)
			w.keyInteger("created_by", cu.CreatedBy)
			w.keyInteger("updated_by", cu.UpdatedBy)
			w.keyInteger("created_at", cu.CreatedAt)
			w.keyInteger("updated_at", cu.UpdatedAt)
			w.keyInteger("account_id", c.e.config.AccountID)
		}
		c.keyRequestID(w, rows[i])
		w.selfLink(c.absolute(customerPath(cu.ID)))
		w.close('}')
	}), nil
}

// firstStatus is where new customers stand who are put nowhere else: at the expected purchase.
func (st *customerStore) firstStatus() int64 {
	for _, s := range st.periods.board() {
		if s.Type == StatusExpected {
			return s.ID
		}
	}
	return 0
}

func (c *call) checkCustomersWrite() error {
	if err := c.checkCustomersV4(); err != nil {
		return err
	}
	return c.checkQuery()
}

// updateCustomers answers PATCH /api/v4/customers.
func (c *call) updateCustomers() (*reply, error) {
	if err := c.checkCustomersWrite(); err != nil {
		return nil, err
	}
	rows, err := c.readRows(append(c.updateKeys(), key{name: "id", required: true, rule: isInt})...)
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	edits := make([]customerEdit, 0, len(rows))
	for _, r := range rows {
		id, ok := r.get("id").integer()
		edit := customerEdit{row: r, cu: st.find(id)}
		if ok && edit.cu == nil {
			r.refuse("EntityNotFound", "id", entityDetail)
		}
		edit.fields = c.checkCustomer(r)
		edits = append(edits, edit)
	}
	if err := invalid(rows...); err != nil {
		return nil, err
	}
	changed := make([]*Customer, 0, len(edits))
	for _, edit := range edits {
		changed = append(changed, c.applyEdit(edit))
	}
	key := "customers"
	if c.e.config.PatchSaysLeads {
		key = "leads"
	}
	return c.writtenReply(key, len(changed), func(w *jsonWriter, i int) {
		w.open('{')
		w.keyInteger("id", changed[i].ID)
		w.keyInteger("updated_at", c.answeredTime(changed[i].UpdatedAt))
		c.keyRequestID(w, rows[i])
		w.selfLink(c.absolute(customerPath(changed[i].ID)))
		w.close('}')
	}), nil
}

// updateCustomerV4 answers PATCH /api/v4/customers/{id} with the bare object.
func (c *call) updateCustomerV4() (*reply, error) {
	if err := c.checkCustomersWrite(); err != nil {
		return nil, err
	}
	r, err := c.readRow(append(c.updateKeys(), key{name: "id", rule: isInt})...)
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	edit := customerEdit{row: r, cu: st.find(c.id("id"))}
	if edit.cu == nil {
		return nil, noEntity()
	}
	edit.fields = c.checkCustomer(r)
	if err := invalid(r); err != nil {
		return nil, err
	}
	cu := c.applyEdit(edit)
	var w jsonWriter
	w.open('{')
	w.keyInteger("id", cu.ID)
	w.keyInteger("updated_at", c.answeredTime(cu.UpdatedAt))
	if r.get("request_id") != nil {
		c.keyRequestID(&w, r)
	}
	w.selfLink(c.absolute(customerPath(cu.ID)))
	w.close('}')
	return c.halReply(w.buf), nil
}

// answeredTime is the updated_at of a write's answer.
func (c *call) answeredTime(t int64) int64 {
	if c.action != nil && c.action.UpdatedAtMillis {
		return t * 1000
	}
	return t
}

// applyEdit changes a customer. A row may follow another of the same customer, so it is looked up again. The caller
// holds the store's lock.
func (c *call) applyEdit(edit customerEdit) *Customer {
	st := c.e.customers
	old := st.find(edit.cu.ID)
	cu := st.shown(old)
	cu.UpdatedAt = max(c.now.Unix(), cu.UpdatedAt+1)
	cu.UpdatedBy = c.e.config.UserID
	c.edit(cu, edit, false)
	c.e.changeCustomer(old, cu, c.now)
	c.e.counters.change(func(s *Stats) { s.Updated++ })
	return cu
}

// checkUsers notes users who are no longer in the account.
func (c *call) checkUsers(r *row, names ...string) {
	for _, name := range names {
		if id, ok := r.get(name).integer(); ok && slices.Contains(c.e.config.DeactivatedUsers, id) {
			r.notAChoice(name)
		}
	}
}

// checkCustomer notes what only the account can tell to be wrong with a row, and reads the values of its fields. The
// caller holds the store's lock.
func (c *call) checkCustomer(r *row) []CustomField {
	st := c.e.customers
	c.checkUsers(r, "responsible_user_id", "created_by", "updated_by")
	if id, ok := r.get("status_id").integer(); ok {
		if _, known := st.periods.status(id); !known { // one that was removed is not there, whoever has its customers
			r.notAChoice("status_id")
		}
	}
	embedded := r.get("_embedded")
	for i, n := range embedded.get("segments").items() {
		if id, ok := n.get("id").integer(); ok && st.segments.find(id) == nil {
			r.notAChoice("_embedded.segments." + strconv.Itoa(i) + ".id")
		}
	}
	c.checkTags(r, "tags_to_add", r.get("tags_to_add"))
	c.checkTags(r, "tags_to_delete", r.get("tags_to_delete"))
	c.checkTags(r, "_embedded.tags", embedded.get("tags"))
	return c.readFieldsV4(r)
}

func (c *call) checkTags(r *row, path string, tags *node) {
	for i, n := range tags.items() {
		at := under(path, strconv.Itoa(i))
		id, name := n.get("id"), n.get("name")
		if n.isArray() && id == nil && name == nil {
			r.refuse("FieldMissing", under(at, "name"), "This field is missing.")
		}
		if id != nil && name != nil && c.e.config.Strict {
			r.refuse("FieldNotExpected", under(at, "name"), "This field was not expected.")
		}
		if i, ok := id.integer(); ok && c.e.customers.tagNames[i] == "" {
			r.notAChoice(under(at, "id"))
		}
	}
}

// edit applies a checked row. The caller holds the store's lock.
func (c *call) edit(cu *Customer, edit customerEdit, create bool) {
	for _, f := range []struct {
		name string
		to   *int64
	}{
		{"next_date", &cu.NextDate},
		{"responsible_user_id", &cu.ResponsibleUserID},
		{"status_id", &cu.PeriodID},
		{"periodicity", &cu.Periodicity},
		{"created_by", &cu.CreatedBy},
		{"updated_by", &cu.UpdatedBy},
		{"created_at", &cu.CreatedAt},
		{"updated_at", &cu.UpdatedAt},
	} {
		if n, sent := edit.members[f.name]; sent {
			*f.to, _ = n.integer() // null is 0
		}
	}
	if name := edit.get("name"); name != nil {
		cu.Name = c.cutEmoji(name.text)
	}
	if n, sent := edit.members["next_price"]; sent {
		price, _ := n.amount()
		cu.NextPrice, cu.NextPriceThousandths = price.whole, price.thousandths
	}
	c.editTags(cu, edit.row)
	if segments, sent := edit.get("_embedded").member("segments"); sent && (create || !c.e.config.SegmentsIgnoredOnPatch) {
		cu.SegmentIDs = nil
		for _, n := range segments.items() {
			if id, _ := n.get("id").integer(); !slices.Contains(cu.SegmentIDs, id) {
				cu.SegmentIDs = append(cu.SegmentIDs, id)
			}
		}
	}
	if n, sent := edit.members["custom_fields_values"]; sent && n.kind == nodeNull {
		cu.CustomFields = nil
	}
	for _, f := range edit.fields {
		cu.setField(f)
	}
}

// editTags replaces the tags by those embedded, and adds and removes single ones.
func (c *call) editTags(cu *Customer, r *row) {
	if tags, sent := r.get("_embedded").member("tags"); sent {
		cu.Tags = nil
		c.addTags(cu, tags)
	}
	c.addTags(cu, r.get("tags_to_add"))
	for _, n := range r.get("tags_to_delete").items() {
		id, byID := n.get("id").integer()
		name := n.get("name").str()
		cu.Tags = slices.DeleteFunc(cu.Tags, func(t Tag) bool {
			return byID && t.ID == id || !byID && t.Name == name
		})
	}
}

func (c *call) addTags(cu *Customer, tags *node) {
	st := c.e.customers
	for _, n := range tags.items() {
		var t Tag
		if id, ok := n.get("id").integer(); ok {
			t = Tag{ID: id, Name: st.tagNames[id]}
		} else {
			t = st.tagNamed(strings.TrimSpace(n.get("name").str()))
		}
		if !slices.Contains(cu.Tags, t) {
			cu.Tags = append(cu.Tags, t)
		}
	}
}

// member returns a member, null included, and whether there is one.
func (n *node) member(name string) (m *node, sent bool) {
	if !n.isArray() {
		return nil, false
	}
	m, sent = n.members[name]
	return m, sent
}

// cutEmoji is what the service keeps of a text: with Config.EmojiCut nothing from the first character of four bytes on.
func (c *call) cutEmoji(text string) string {
	if !c.e.config.EmojiCut {
		return text
	}
	for i, r := range text {
		if utf8.RuneLen(r) == utf8.UTFMax {
			return text[:i]
		}
	}
	return text
}
