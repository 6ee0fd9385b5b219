package emulator

import (
	"slices"
	"strconv"
)

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
		"periodicity", "tags", "period_id", "contacts_id", "company_id", "custom_fields", "catalog_elements_id",
		"request_id",
	}
	if c.e.config.MainContactWritable {
		known = append(known, "main_contact_id")
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
		if !slices.Contains(known, f.key) {
			continue
		}
		if *f.to, err = n.wholeNumber(f.key, at, f.isTime); err != nil {
			return ch, err
		}
	}
	if update && ch.updatedAt == nil && c.e.config.LockMissingRefusesCall {
		return ch, badRequest("%s[updated_at] is required", at)
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
