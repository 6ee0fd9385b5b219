package emulator

import (
	"slices"
	"strconv"
	"strings"
)

// maxBatch is the number of items one call may carry over all its lists.
const maxBatch = 500

// staleText is the exact text of the lock's refusal; clients compare it.
const staleText = "Last modified date is older than in database"

// customerWrite is a whole call, and then what came of it.
type customerWrite struct {
	adds, updates []customerChange
	deletes       []int64

	items                   []writtenItem
	addErrors, updateErrors []itemError
	deleteErrors            []itemError // told only with Config.DeleteTellsUnknown
	deleted                 []*Customer
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

func (c *call) applyCustomers(cw *customerWrite) {
	st := c.e.customers
	st.mu.Lock()
	for _, ch := range cw.adds {
		c.applyAdd(cw, ch)
	}
	for _, ch := range cw.updates {
		c.applyUpdate(cw, ch)
	}
	for i, id := range cw.deletes {
		cu := st.find(id)
		if cu == nil {
			if c.e.config.DeleteTellsUnknown { // else it is left out of the answer
				cw.deleteErrors = append(cw.deleteErrors, itemError{position: i, id: id, code: 404, text: "Customer is not found"})
			}
			continue
		}
		c.e.removeCustomer(id, c.now)
		cw.deleted = append(cw.deleted, cu)
	}
	st.mu.Unlock()
	c.e.counters.change(func(s *Stats) {
		updated := int64(len(cw.updates) - len(cw.updateErrors))
		s.Updated += updated
		s.Added += int64(len(cw.items)) - updated
		s.Deleted += int64(len(cw.deleted))
		s.ItemErrors += int64(len(cw.addErrors) + len(cw.updateErrors) + len(cw.deleteErrors))
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
	c.e.addCustomer(cu, c.now)
	cw.items = append(cw.items, writtenItem{id: cu.ID, requestID: c.echo(ch.requestID, 0)})
}

// missing names the required field that is absent or empty. An update may leave fields out but not empty them.
func (c *call) missing(name *string, nextDate *int64, add bool) string {
	if name == nil && add || name != nil && strings.TrimSpace(*name) == "" {
		return "Field name is required"
	}
	if c.e.config.AddNeedsOnlyName || c.e.segments() {
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
	if c.e.config.UpdatedAtIsClock {
		cu.UpdatedAt = c.now.Unix()
	}
	c.e.changeCustomer(old, cu, c.now)
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
	if ch.nextPrice != nil {
		cu.NextPriceThousandths = 0
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
func (c *Customer) setField(f CustomField) { c.CustomFields = withField(c.CustomFields, f) }

// withField puts a field among others in the place of its old values; without values it is taken out.
func withField(fields []CustomField, f CustomField) []CustomField {
	at := slices.IndexFunc(fields, func(old CustomField) bool { return old.ID == f.ID })
	switch {
	case len(f.Values) == 0 && at >= 0:
		return slices.Delete(fields, at, at+1)
	case len(f.Values) == 0:
		return fields
	case at >= 0:
		fields[at] = f
		return fields
	}
	return append(fields, f)
}

// setElement sets the quantity of a linked element; 0 unlinks it.
func (c *Customer) setElement(el CatalogElement) {
	c.CatalogElements = slices.DeleteFunc(c.CatalogElements, func(old CatalogElement) bool {
		return old.CatalogID == el.CatalogID && old.ElementID == el.ElementID
	})
	if !el.quantity().isZero() {
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
			c.writeItem(&w, item, customerHref(item.id))
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
			c.writeItem(&w, item, customerHref(item.id))
		}
		w.close(']')
	}
	c.writeItemErrors(&w, cw.addErrors, cw.updateErrors, cw.deleteErrors)
	w.close('}')
	w.close('}')
	return w.buf
}
