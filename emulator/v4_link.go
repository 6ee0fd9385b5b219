package emulator

import (
	"net/http"
	"slices"
)

// Kinds of what customers are linked to.
const (
	linkContacts  = "contacts"
	linkCompanies = "companies"
	linkElements  = "catalog_elements"
)

// linkMetadata are the keys of a link's metadata, by what it leads to.
var linkMetadata = map[string]rule{
	linkContacts: isObject(
		key{name: "is_main", rule: isBool}, key{name: "updated_by", rule: isInt},
	),
	linkCompanies: isObject(key{name: "updated_by", rule: isInt}),
	linkElements: isObject(
		key{name: "catalog_id", required: true, rule: isInt},
		key{name: "quantity", rule: isAmount},
		key{name: "price_id", rule: orNull(isInt)},
		key{name: "updated_by", rule: isInt},
	),
}

// linkKeys are the keys of a row of link and unlink.
var linkKeys = []key{
	{name: "to_entity_id", required: true, rule: isInt},
	{name: "to_entity_type", required: true, rule: oneOf(linkContacts, linkCompanies, linkElements)},
	{name: "metadata", rule: isAny}, // checked by the kind
	{name: "request_id", rule: isRequestID},
}

// entityLink is a link from a customer.
type entityLink struct {
	customer int64
	kind     string
	to       int64
	main     bool           // of a contact
	element  CatalogElement // of an element
	user     int64          // who links, 0 for the account's user
}

func (c *call) linkOne() (*reply, error)    { return c.writeLinks(c.id("id"), true) }
func (c *call) unlinkOne() (*reply, error)  { return c.writeLinks(c.id("id"), false) }
func (c *call) linkMany() (*reply, error)   { return c.writeLinks(0, true) }
func (c *call) unlinkMany() (*reply, error) { return c.writeLinks(0, false) }

// writeLinks answers link and unlink, of one customer or, with 0, of those the rows name.
func (c *call) writeLinks(customer int64, link bool) (*reply, error) {
	if err := c.checkCustomersWrite(); err != nil {
		return nil, err
	}
	keys := linkKeys
	if customer == 0 {
		keys = append(slices.Clone(keys), key{name: "entity_id", required: true, rule: isInt})
	}
	rows, err := c.readRows(keys...)
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	if customer != 0 && st.find(customer) == nil {
		return nil, noEntity()
	}
	links := make([]entityLink, 0, len(rows))
	for _, r := range rows {
		links = append(links, c.readLink(r, customer, link))
	}
	if err := invalid(rows...); err != nil {
		return nil, err
	}
	if link && c.e.config.RelinkFails && slices.ContainsFunc(links, st.linked) {
		return nil, &refusal{status: http.StatusInternalServerError, code: 500, text: "Internal Server Error"}
	}
	for _, l := range links {
		c.applyLink(l, link)
	}
	if !link {
		return noContent(), nil
	}
	return c.linksReply(links, true), nil
}

// readLink reads a checked row and notes what is wrong with its metadata and its customer.
func (c *call) readLink(r *row, customer int64, link bool) entityLink {
	l := entityLink{customer: customer, kind: r.get("to_entity_type").str()}
	l.to, _ = r.get("to_entity_id").integer()
	if l.customer == 0 {
		id, ok := r.get("entity_id").integer()
		if l.customer = id; ok && c.e.customers.find(id) == nil {
			r.refuse("EntityNotFound", "entity_id", entityDetail)
		}
	}
	check, known := linkMetadata[l.kind]
	metadata := r.get("metadata")
	switch {
	case !known:
	case metadata != nil:
		check(r, "metadata", metadata)
	case l.kind == linkElements:
		r.refuse("FieldMissing", "metadata.catalog_id", "This field is missing.")
	}
	if main, sent := metadata.member("is_main"); sent {
		l.main = main.str() == "1"
	}
	l.user, _ = metadata.get("updated_by").integer()
	if l.kind == linkElements {
		l.element = CatalogElement{ElementID: l.to, Quantity: 1}
		l.element.CatalogID, _ = metadata.get("catalog_id").integer()
		l.element.PriceID, _ = metadata.get("price_id").integer()
		if quantity, sent := metadata.get("quantity").amount(); sent {
			l.element.Quantity, l.element.Thousandths = quantity.whole, quantity.thousandths
			if link && quantity.isZero() {
				r.refuse("InvalidType", "metadata.quantity", "This value should be greater than 0.")
			}
		}
	}
	return l
}

// linked reports whether there is such a link already.
func (st *customerStore) linked(l entityLink) bool {
	cu := st.find(l.customer)
	switch l.kind {
	case linkContacts:
		return slices.Contains(cu.ContactIDs, l.to)
	case linkCompanies:
		return cu.CompanyID == l.to
	}
	return slices.ContainsFunc(cu.CatalogElements, func(el CatalogElement) bool {
		return el.CatalogID == l.element.CatalogID && el.ElementID == l.to
	})
}

// applyLink adds or removes a link. The caller holds the store's lock.
func (c *call) applyLink(l entityLink, link bool) {
	st := c.e.customers
	old := st.find(l.customer)
	if !link && !st.linked(l) { // there is nothing to remove
		return
	}
	cu := old.clone()
	switch {
	case l.kind == linkContacts && link:
		cu.link([]int64{l.to})
		if l.main {
			cu.MainContactID = l.to
		}
	case l.kind == linkContacts:
		cu.unlink([]int64{l.to})
	case l.kind == linkCompanies && link:
		cu.CompanyID = l.to // a customer has one
	case l.kind == linkCompanies:
		cu.CompanyID = 0
	case link:
		cu.setElement(l.element)
	default:
		cu.setElement(CatalogElement{CatalogID: l.element.CatalogID, ElementID: l.to})
	}
	cu.UpdatedAt = max(c.now.Unix(), old.UpdatedAt+1)
	cu.UpdatedBy = c.e.config.UserID
	if l.user != 0 {
		cu.UpdatedBy = l.user
	}
	c.e.changeCustomer(old, cu, c.now)
	c.e.counters.change(func(s *Stats) { s.Updated++ })
}

// linksOf returns the links of a customer.
func linksOf(cu *Customer) []entityLink {
	var links []entityLink
	for _, id := range cu.ContactIDs {
		links = append(links, entityLink{customer: cu.ID, kind: linkContacts, to: id, main: id == cu.MainContactID})
	}
	if cu.CompanyID != 0 {
		links = append(links, entityLink{customer: cu.ID, kind: linkCompanies, to: cu.CompanyID})
	}
	for _, el := range cu.CatalogElements {
		links = append(links, entityLink{customer: cu.ID, kind: linkElements, to: el.ElementID, element: el})
	}
	return links
}

// linksReply answers links; of writes and of several customers with where they start.
func (c *call) linksReply(links []entityLink, from bool) *reply {
	st := c.e.customers
	var w jsonWriter
	w.open('{')
	w.keyInteger("_total_items", int64(len(links)))
	w.selfLink(c.absolute(c.requestPath()))
	w.embedded("links", len(links), func(i int) {
		l := links[i]
		w.open('{')
		if from {
			w.keyInteger("entity_id", l.customer)
			w.keyText("entity_type", "customers")
		}
		w.keyInteger("to_entity_id", l.to)
		w.keyText("to_entity_type", l.kind)
		switch l.kind {
		case linkContacts: // is_main goes in, main_contact comes out
			w.key("metadata")
			w.open('{')
			w.keyBool("main_contact", st.find(l.customer).MainContactID == l.to)
			w.close('}')
		case linkCompanies:
			w.keyRaw("metadata", "null")
		default:
			writeElementMetadata(&w, l.element)
		}
		w.close('}')
	})
	w.close('}')
	return c.halReply(w.buf)
}

// listLinks answers GET /api/v4/customers/{id}/links.
func (c *call) listLinks() (*reply, error) {
	return c.readLinksOf(func(*node) ([]int64, error) { return []int64{c.id("id")}, nil })
}

// listLinksOfMany answers GET /api/v4/customers/links, which must be told of whom.
func (c *call) listLinksOfMany() (*reply, error) {
	return c.readLinksOf(func(filter *node) ([]int64, error) {
		ids, err := c.filterIDs(filter, "entity_id")
		if err == nil && len(ids) == 0 {
			err = &problem{status: http.StatusBadRequest, detail: "filter[entity_id] is required"}
		}
		return ids, err
	})
}

func (c *call) readLinksOf(customers func(filter *node) ([]int64, error)) (*reply, error) {
	if err := c.checkCustomersV4(); err != nil {
		return nil, err
	}
	if err := c.checkQuery("filter"); err != nil {
		return nil, err
	}
	one := c.op == OpV4CustomersLinks
	known := []string{"to_entity_id", "to_entity_type", "to_catalog_id"}
	if !one {
		known = append(known, "entity_id")
	}
	filter, err := c.readFilterV4(known...)
	if err != nil {
		return nil, err
	}
	ids, err := customers(filter)
	if err != nil {
		return nil, err
	}
	keep, err := c.readLinkFilter(filter)
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.RLock()
	defer st.mu.RUnlock()
	var links []entityLink
	for _, id := range ids {
		cu := st.find(id)
		if cu == nil && one {
			return nil, noEntity()
		}
		if cu != nil {
			links = append(links, linksOf(cu)...)
		}
	}
	links = slices.DeleteFunc(links, func(l entityLink) bool { return !keep(l) })
	if len(links) == 0 {
		return emptyReply(), nil
	}
	return c.linksReply(repeated(c.action, links), !one), nil
}

// readLinkFilter reads to_entity_id, which counts only together with to_entity_type, and to_catalog_id.
func (c *call) readLinkFilter(filter *node) (func(entityLink) bool, error) {
	to, err := c.filterIDs(filter, "to_entity_id")
	if err != nil {
		return nil, err
	}
	catalogs, err := c.filterIDs(filter, "to_catalog_id")
	if err != nil {
		return nil, err
	}
	kinds := c.filterTexts(filter, "to_entity_type")
	if (to == nil) != (kinds == nil) {
		if err := c.ignored("filter[to_entity_id] and filter[to_entity_type] work only together"); err != nil {
			return nil, err
		}
		to, kinds = nil, nil
	}
	return func(l entityLink) bool {
		return in(to, l.to) && (kinds == nil || slices.Contains(kinds, l.kind)) &&
			(catalogs == nil || l.kind == linkElements && slices.Contains(catalogs, l.element.CatalogID))
	}, nil
}
