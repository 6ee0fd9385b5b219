package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxBatch is the number of items one call may carry over all its lists.
const maxBatch = 500

// staleText is the exact text of the lock's refusal; clients compare it.
const staleText = "Last modified date is older than in database"

// customerChange is one item of add or update, checked but not applied.
type customerChange struct {
	position  int
	id        int64 // of an update
	requestID *node
	updatedAt *int64

	name                                                 *string
	nextDate, createdAt, responsible, createdBy          *int64
	nextPrice, periodicity, period, company, mainContact *int64

	tags           *node // nil: not sent
	contacts       []int64
	unlinkContacts []int64
	unlinkCompany  int64
	fields         []CustomField
	elements       []CatalogElement
}

// itemError is an item refused inside a call that succeeded.
type itemError struct {
	position  int   // in its list
	id        int64 // of an update
	requestID *node
	code      int
	text      string
}

// customerWrite is a whole call, and then what came of it.
type customerWrite struct {
	adds, updates []customerChange
	deletes       []int64

	items                   []writtenItem
	addErrors, updateErrors []itemError
	deleted                 []*Customer
}

// writtenItem is an item of the answer.
type writtenItem struct {
	id        int64
	requestID *node
	updatedAt int64 // of an update, else 0
}

// writeCustomers answers POST /api/v2/customers. A malformed call is refused whole; what is wrong with an item alone
// is told beside the items that succeeded.
func (c *call) writeCustomers() (*reply, error) {
	if err := c.checkCustomers(); err != nil {
		return nil, err
	}
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	body, err := c.parseBody()
	if err != nil {
		return nil, err
	}
	cw, err := c.readCustomerWrite(body)
	if err != nil {
		return nil, err
	}
	c.applyCustomers(cw)
	return c.halReply(c.renderCustomerWrite(cw)), nil
}

func (c *call) readCustomerWrite(body *node) (*customerWrite, error) {
	if err := c.checkLists(body, "add", "update", "delete"); err != nil {
		return nil, err
	}
	cw := &customerWrite{}
	var err error
	if cw.adds, err = c.readChanges(body.get("add"), "add"); err != nil {
		return nil, err
	}
	if cw.updates, err = c.readChanges(body.get("update"), "update"); err != nil {
		return nil, err
	}
	cw.deletes, err = readDeletes(body)
	return cw, err
}

// checkLists checks that a body is an object of the named lists, with neither nothing nor too much in them.
func (c *call) checkLists(body *node, names ...string) error {
	if !body.isArray() {
		return badRequest("the body must be an object")
	}
	if err := c.checkKeys(body, "the body", names...); err != nil {
		return err
	}
	total := 0
	for _, name := range names {
		list := body.get(name)
		if list != nil && !list.isArray() && (!list.isScalar() || list.text != "") {
			return badRequest("%s must be a list", name)
		}
		total += len(list.items())
	}
	if total == 0 {
		return badRequest("nothing to do in %s", strings.Join(names, ", "))
	}
	if total > maxBatch {
		if c.e.config.BigBatchTimesOut {
			return &refusal{status: http.StatusGatewayTimeout, code: 504, text: "Gateway Time-out"}
		}
		return badRequest("%d items are more than the %d of one call", total, maxBatch)
	}
	return nil
}

// readDeletes reads the list of ids to delete; nil means there was none.
func readDeletes(body *node) ([]int64, error) {
	var ids []int64
	list := body.get("delete")
	for i, item := range list.items() {
		id, ok := item.integer()
		if !ok || id <= 0 {
			return nil, badRequest("delete[%s] must be an id", list.keys[i])
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (c *call) readChanges(list *node, name string) ([]customerChange, error) {
	var changes []customerChange
	for i, item := range list.items() {
		at := name + "[" + list.keys[i] + "]"
		if !item.isArray() {
			return nil, badRequest("%s must be an object", at)
		}
		ch, err := c.readChange(item, at, name == "update")
		if err != nil {
			return nil, err
		}
		ch.position = i
		changes = append(changes, ch)
	}
	return changes, nil
}

func (c *call) readChange(n *node, at string, update bool) (ch customerChange, err error) {
	known := []string{
		"name", "next_date", "created_at", "updated_at", "responsible_user_id", "created_by", "next_price",
		"periodicity", "tags", "period_id", "contacts_id", "company_id", "main_contact_id", "custom_fields",
		"catalog_elements_id", "request_id",
	}
	if update {
		known = append(known, "id", "unlink")
		id, ok := n.get("id").integer()
		if !ok || id <= 0 {
			return ch, badRequest("%s[id] must be the id of a customer", at)
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
		{"next_date", &ch.nextDate, true},
		{"created_at", &ch.createdAt, true},
		{"updated_at", &ch.updatedAt, true},
		{"responsible_user_id", &ch.responsible, false},
		{"created_by", &ch.createdBy, false},
		{"next_price", &ch.nextPrice, false},
		{"periodicity", &ch.periodicity, false},
		{"period_id", &ch.period, false},
		{"company_id", &ch.company, false},
		{"main_contact_id", &ch.mainContact, false},
	} {
		if *f.to, err = n.wholeNumber(f.key, at, f.isTime); err != nil {
			return ch, err
		}
	}
	if name := n.get("name"); name != nil {
		if !name.isScalar() {
			return ch, badRequest("%s[name] must be text", at)
		}
		ch.name = &name.text
	}
	if ch.requestID = n.get("request_id"); ch.requestID != nil && !ch.requestID.isScalar() {
		return ch, badRequest("%s[request_id] must be a number", at)
	}
	if err := c.readLinks(&ch, n, at); err != nil {
		return ch, err
	}
	ch.fields, err = c.readCustomFields(n.get("custom_fields"), at+"[custom_fields]")
	return ch, err
}

// wholeNumber reads a member that must be a whole number, as a number or as text; nil when it is absent or "".
func (n *node) wholeNumber(key, at string, isTime bool) (*int64, error) {
	m := n.get(key)
	if m == nil || m.isScalar() && m.text == "" {
		return nil, nil
	}
	i, ok := m.integer()
	if !ok || i < 0 {
		return nil, badRequest("%s[%s] must be a whole number", at, key)
	}
	if isTime && i > maxUnix {
		return nil, badRequest("%s[%s] must be a time in seconds", at, key)
	}
	return &i, nil
}

func (c *call) readLinks(ch *customerChange, n *node, at string) (err error) {
	if ch.tags = n.get("tags"); ch.tags.isArray() {
		for i, t := range ch.tags.items() {
			if !t.isScalar() {
				return badRequest("%s[tags][%s] must be a name or an id", at, ch.tags.keys[i])
			}
		}
	}
	if ch.contacts, err = n.ids("contacts_id", at); err != nil {
		return err
	}
	if unlink := n.get("unlink"); unlink != nil && ch.id != 0 {
		if !unlink.isArray() {
			return badRequest("%s[unlink] must be an object", at)
		}
		if err := c.checkKeys(unlink, at+"[unlink]", "contacts_id", "company_id"); err != nil {
			return err
		}
		if ch.unlinkContacts, err = unlink.ids("contacts_id", at+"[unlink]"); err != nil {
			return err
		}
		company, err := unlink.wholeNumber("company_id", at+"[unlink]", false)
		if err != nil {
			return err
		}
		if company != nil {
			ch.unlinkCompany = *company
		}
	}
	ch.elements, err = readElements(n.get("catalog_elements_id"), at+"[catalog_elements_id]")
	return err
}

func (n *node) ids(key, at string) ([]int64, error) {
	m := n.get(key)
	if m == nil || m.isScalar() && m.text == "" {
		return nil, nil
	}
	if !m.isArray() {
		return nil, badRequest("%s[%s] must be a list of ids", at, key)
	}
	var ids []int64
	for i, item := range m.items() {
		id, ok := item.integer()
		if !ok || id <= 0 {
			return nil, badRequest("%s[%s][%s] must be an id", at, key, m.keys[i])
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// readElements reads {catalogue: {element: quantity}}.
func readElements(n *node, at string) ([]CatalogElement, error) {
	if n == nil || n.isScalar() && n.text == "" {
		return nil, nil
	}
	if !n.isArray() {
		return nil, badRequest("%s must be an object", at)
	}
	var elements []CatalogElement
	for _, key := range n.keys {
		catalog, err := strconv.ParseInt(key, 10, 64)
		list := n.members[key]
		if err != nil || !list.isArray() {
			return nil, badRequest("%s[%s] must be an object of a catalogue's elements", at, key)
		}
		for _, name := range list.keys {
			element, err := strconv.ParseInt(name, 10, 64)
			quantity, ok := list.members[name].integer()
			if err != nil || !ok || quantity < 0 {
				return nil, badRequest("%s[%s][%s] must be a quantity", at, key, name)
			}
			elements = append(elements, CatalogElement{CatalogID: catalog, ElementID: element, Quantity: quantity})
		}
	}
	return elements, nil
}

func (c *call) applyCustomers(cw *customerWrite) {
	st := c.e.customers
	st.mu.Lock()
	for _, ch := range cw.adds {
		c.applyAdd(cw, ch)
	}
	for _, ch := range cw.updates {
		c.applyUpdate(cw, ch)
	}
	for _, id := range cw.deletes {
		if cu := st.find(id); cu != nil { // an unknown id is left out of the answer
			st.remove(id)
			cw.deleted = append(cw.deleted, cu)
		}
	}
	st.mu.Unlock()
	c.e.counters.change(func(s *Stats) {
		updated := int64(len(cw.updates) - len(cw.updateErrors))
		s.Updated += updated
		s.Added += int64(len(cw.items)) - updated
		s.Deleted += int64(len(cw.deleted))
		s.ItemErrors += int64(len(cw.addErrors) + len(cw.updateErrors))
	})
}

func (c *call) applyAdd(cw *customerWrite, ch customerChange) {
	if text := c.missing(ch.name, ch.nextDate, true); text != "" {
		cw.addErrors = append(cw.addErrors, itemError{position: ch.position, requestID: ch.requestID, code: 400, text: text})
		return
	}
	now, user := c.now.Unix(), c.e.config.UserID
	cu := &Customer{CreatedAt: now, UpdatedAt: now, ResponsibleUserID: user, CreatedBy: user, UpdatedBy: user}
	cu.ID = c.e.customers.takeID()
	c.change(cu, ch)
	c.e.customers.put(cu)
	cw.items = append(cw.items, writtenItem{id: cu.ID, requestID: c.echo(ch.requestID, 0)})
}

// missing names the required field that is absent or empty. An update may leave fields out but not empty them.
func (c *call) missing(name *string, nextDate *int64, add bool) string {
	if name == nil && add || name != nil && strings.TrimSpace(*name) == "" {
		return "Field name is required"
	}
	if c.e.config.AddNeedsOnlyName {
		return ""
	}
	if nextDate == nil && add || nextDate != nil && *nextDate == 0 {
		return "Field next_date is required"
	}
	return ""
}

func (c *call) applyUpdate(cw *customerWrite, ch customerChange) {
	refuse := func(code int, text string) {
		cw.updateErrors = append(cw.updateErrors, itemError{
			position: ch.position, id: ch.id, requestID: ch.requestID, code: code, text: text,
		})
	}
	old := c.e.customers.find(ch.id)
	if old == nil {
		refuse(404, "Customer is not found")
		return
	}
	equal := ch.updatedAt != nil && *ch.updatedAt == old.UpdatedAt && c.e.config.LockAllowsEqual
	if ch.updatedAt == nil || *ch.updatedAt <= old.UpdatedAt && !equal {
		refuse(400, staleText)
		return
	}
	if text := c.missing(ch.name, ch.nextDate, false); text != "" {
		refuse(400, text)
		return
	}
	cu := old.clone()
	c.change(cu, ch)
	cu.UpdatedBy = c.e.config.UserID
	c.e.customers.put(cu)
	cw.items = append(cw.items, writtenItem{
		id: cu.ID, requestID: c.echo(ch.requestID, cu.ID), updatedAt: cu.UpdatedAt,
	})
}

// change applies what was sent to a customer and leaves the rest. The caller holds the store's lock.
func (c *call) change(cu *Customer, ch customerChange) {
	if ch.name != nil {
		cu.Name = *ch.name
	}
	for _, f := range []struct {
		from *int64
		to   *int64
	}{
		{ch.nextDate, &cu.NextDate},
		{ch.createdAt, &cu.CreatedAt},
		{ch.updatedAt, &cu.UpdatedAt},
		{ch.responsible, &cu.ResponsibleUserID},
		{ch.createdBy, &cu.CreatedBy},
		{ch.nextPrice, &cu.NextPrice},
		{ch.periodicity, &cu.Periodicity},
		{ch.period, &cu.PeriodID},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if ch.tags != nil {
		cu.Tags = c.e.customers.tagsOf(ch.tags)
	}
	cu.unlink(ch.unlinkContacts)
	if ch.unlinkCompany != 0 && cu.CompanyID == ch.unlinkCompany {
		cu.CompanyID = 0
	}
	cu.link(ch.contacts)
	if ch.company != nil && *ch.company != 0 {
		cu.CompanyID = *ch.company
	}
	if ch.mainContact != nil && slices.Contains(cu.ContactIDs, *ch.mainContact) {
		cu.MainContactID = *ch.mainContact
	}
	for _, f := range ch.fields {
		cu.setField(f)
	}
	for _, el := range ch.elements {
		cu.setElement(el)
	}
}

// setField replaces the values of one field whole; parts of an address that were not sent are gone.
func (c *Customer) setField(f CustomField) {
	at := slices.IndexFunc(c.CustomFields, func(old CustomField) bool { return old.ID == f.ID })
	switch {
	case len(f.Values) == 0 && at >= 0:
		c.CustomFields = slices.Delete(c.CustomFields, at, at+1)
	case len(f.Values) == 0:
	case at >= 0:
		c.CustomFields[at] = f
	default:
		c.CustomFields = append(c.CustomFields, f)
	}
}

// setElement sets the quantity of a linked element; 0 unlinks it.
func (c *Customer) setElement(el CatalogElement) {
	c.CatalogElements = slices.DeleteFunc(c.CatalogElements, func(old CatalogElement) bool {
		return old.CatalogID == el.CatalogID && old.ElementID == el.ElementID
	})
	if el.Quantity > 0 {
		c.CatalogElements = append(c.CatalogElements, el)
	}
}

// tagsOf reads tags in every accepted spelling: names in one text, separated by commas, or a list of names and ids of
// existing tags. The caller holds the store's lock.
func (st *customerStore) tagsOf(n *node) []Tag {
	var tags []Tag
	add := func(t Tag) {
		if !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	if !n.isArray() {
		for name := range strings.SplitSeq(n.str(), ",") {
			if name = strings.TrimSpace(name); name != "" {
				add(st.tagNamed(name))
			}
		}
		return tags
	}
	for _, item := range n.items() {
		id, isNumber := item.integer()
		if name, known := st.tagNames[id]; isNumber && known {
			add(Tag{ID: id, Name: name})
		} else if name := strings.TrimSpace(item.str()); name != "" {
			add(st.tagNamed(name))
		}
	}
	return tags
}

// echo decides the request_id of an answer's item: what the client sent, or with a switch what the documents print.
func (c *call) echo(sent *node, otherwise int64) *node {
	if sent == nil && c.e.config.RequestIDAlways {
		return &node{kind: nodeNumber, text: strconv.FormatInt(otherwise, 10)}
	}
	return sent
}

func (c *call) renderCustomerWrite(cw *customerWrite) []byte {
	var w jsonWriter
	w.open('{')
	w.self(c.href(), "post")
	w.key("_embedded")
	w.open('{')
	w.key("items")
	if cw.deletes != nil { // then items is an object, whatever else it holds
		w.open('{')
		for i, item := range cw.items {
			w.key(strconv.Itoa(i))
			c.writeItem(&w, item)
		}
		w.key("deleted")
		w.open('[')
		for _, cu := range cw.deleted {
			w.open('{')
			w.keyInteger("id", cu.ID)
			w.keyText("name", cu.Name)
			w.close('}')
		}
		w.close(']')
		w.close('}')
	} else {
		w.open('[')
		for _, item := range cw.items {
			c.writeItem(&w, item)
		}
		w.close(']')
	}
	c.writeItemErrors(&w, cw.addErrors, cw.updateErrors)
	w.close('}')
	w.close('}')
	return w.buf
}

func (c *call) writeItem(w *jsonWriter, item writtenItem) {
	w.open('{')
	w.keyInteger("id", item.id)
	if item.requestID != nil {
		w.key("request_id")
		writeScalar(w, item.requestID)
	}
	if item.updatedAt != 0 && (c.e.config.UpdatedAtEchoMillis || c.action != nil && c.action.UpdatedAtMillis) {
		w.keyInteger("updated_at", item.updatedAt*1000)
	}
	w.self(customerHref(item.id), "get")
	w.close('}')
}

// writeScalar writes a request_id back, a number whether it came as one or as text.
func writeScalar(w *jsonWriter, n *node) {
	if i, ok := n.integer(); ok {
		w.integer(i)
		return
	}
	w.text(n.text)
}

func (c *call) writeItemErrors(w *jsonWriter, adds, updates []itemError) {
	if len(adds)+len(updates) == 0 {
		return
	}
	w.key("errors")
	w.open('{')
	if len(adds) > 0 {
		w.key("add")
		c.writeErrorList(w, adds, false)
	}
	if len(updates) > 0 {
		w.key("update")
		c.writeErrorList(w, updates, true)
	}
	w.close('}')
}

func (c *call) writeErrorList(w *jsonWriter, errs []itemError, update bool) {
	shape := c.e.config.ItemErrors
	switch {
	case shape == ItemErrorsRecorded && update:
		w.open('{')
		for i, e := range errs {
			last := slices.IndexFunc(errs[i+1:], func(o itemError) bool { return o.id == e.id }) < 0
			if last { // an object cannot hold two errors of one id
				w.keyText(strconv.FormatInt(e.id, 10), e.text)
			}
		}
		w.close('}')
	case shape == ItemErrorsIndexed:
		w.open('{')
		for _, e := range errs {
			w.keyText(strconv.Itoa(e.position), e.text)
		}
		w.close('}')
	case shape == ItemErrorsTexts:
		w.open('[')
		for _, e := range errs {
			w.text(e.text)
		}
		w.close(']')
	default:
		w.open('[')
		for _, e := range errs {
			w.open('{')
			if update {
				w.keyInteger("id", e.id)
			}
			w.keyInteger("code", int64(e.code))
			w.keyText("message", e.text)
			if e.requestID != nil {
				w.key("request_id")
				writeScalar(w, e.requestID)
			}
			w.close('}')
		}
		w.close(']')
	}
}
