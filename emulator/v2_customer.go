package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// customersRefusals is what a customers function that is not simply on answers. The codes are documented, their HTTP
// statuses are not, but for 402.
var customersRefusals = map[CustomersState]refusal{
	CustomersOff:         {status: http.StatusForbidden, code: 426, text: "Error 426. The customers function is switched off"},
	CustomersUnavailable: {status: http.StatusForbidden, code: 425, text: "Error 425. The customers function is not available"},
	CustomersUnpaid:      {status: http.StatusPaymentRequired, code: 402, text: "Error 402. The customers function must be paid"},
	CustomersNoRights:    {status: http.StatusForbidden, code: 288, text: "Error 288. No rights, access denied"},
}

func (c *call) checkCustomers() error {
	r, ok := customersRefusals[c.e.customersState()]
	if !ok {
		return nil
	}
	if c.e.config.CustomersStatus != 0 {
		r.status = c.e.config.CustomersStatus
	}
	return &r
}

// writeEmpty writes key with the configured spelling of emptiness.
func (c *call) writeEmpty(w *jsonWriter, key string) {
	switch c.e.config.Empty {
	case EmptyObject:
		w.keyRaw(key, "{}")
	case EmptyList:
		w.keyRaw(key, "[]")
	case EmptyMissing:
	}
}

// writeCustomer writes a customer as lists show it. The caller holds the store's lock.
func (c *call) writeCustomer(w *jsonWriter, cu *Customer, withElements bool) {
	w.open('{')
	w.keyInteger("id", cu.ID)
	w.keyText("name", cu.Name)
	w.keyInteger("responsible_user_id", cu.ResponsibleUserID)
	w.keyInteger("created_by", cu.CreatedBy)
	w.keyInteger("created_at", cu.CreatedAt)
	w.keyInteger("updated_at", cu.UpdatedAt)
	w.keyInteger("account_id", c.e.config.AccountID)
	w.keyInteger("updated_by", cu.UpdatedBy)
	w.keyBool("is_deleted", false) // a deleted customer is not found at all
	if cu.MainContactID == 0 {
		c.writeEmpty(w, "main_contact")
	} else {
		w.key("main_contact")
		w.open('{')
		w.keyInteger("id", cu.MainContactID)
		w.self("/api/v2/contacts?id="+strconv.FormatInt(cu.MainContactID, 10), "get")
		w.close('}')
	}
	c.writeTags(w, cu.Tags)
	c.writeCustomFields(w, cu.CustomFields)
	c.writeContacts(w, cu.ContactIDs)
	c.writeCompany(w, cu.CompanyID)
	w.keyInteger("next_price", cu.NextPrice)
	w.keyInteger("closest_task_at", cu.ClosestTaskAt)
	period, nextDate := c.e.customers.periods.current(cu.PeriodID), cu.NextDate
	if c.e.segments() {
		period, nextDate = 0, 0
	}
	w.keyInteger("period_id", period)
	w.keyInteger("periodicity", cu.Periodicity)
	w.keyInteger("next_date", nextDate)
	w.self(customerHref(cu.ID), "get")
	if withElements {
		writeElements(w, cu.CatalogElements)
	}
	w.close('}')
}

func customerHref(id int64) string { return "/api/v2/customers?id=" + strconv.FormatInt(id, 10) }

func (c *call) writeTags(w *jsonWriter, tags []Tag) {
	if len(tags) == 0 {
		c.writeEmpty(w, "tags")
		return
	}
	w.key("tags")
	w.open('[')
	for _, t := range tags {
		w.open('{')
		w.keyInteger("id", t.ID)
		w.keyText("name", t.Name)
		w.close('}')
	}
	w.close(']')
}

func (c *call) writeContacts(w *jsonWriter, ids []int64) {
	if len(ids) == 0 {
		c.writeEmpty(w, "contacts")
		return
	}
	texts := make([]string, 0, len(ids))
	w.key("contacts")
	w.open('{')
	w.key("id")
	w.open('[')
	for _, id := range ids {
		w.integer(id)
		texts = append(texts, strconv.FormatInt(id, 10))
	}
	w.close(']')
	w.self("/api/v2/contacts?id="+strings.Join(texts, ","), "get")
	w.close('}')
}

func (c *call) writeCompany(w *jsonWriter, id int64) {
	if id == 0 {
		c.writeEmpty(w, "company")
		return
	}
	w.key("company")
	w.open('{')
	w.keyInteger("id", id)
	if name, ok := c.e.customers.companyName(id); ok {
		w.keyText("name", name)
	} else {
		w.keyRaw("name", "null") // a linked company's name can be null
	}
	w.self("/api/v2/companies?id="+strconv.FormatInt(id, 10), "get")
	w.close('}')
}

func writeElements(w *jsonWriter, elements []CatalogElement) {
	if len(elements) == 0 {
		return
	}
	w.key("_embedded")
	w.open('{')
	w.key("catalog_elements_links")
	w.open('[')
	for _, el := range elements {
		w.open('{')
		w.keyInteger("id", el.ElementID)
		w.keyInteger("catalog_id", el.CatalogID)
		w.keyInteger("quantity", el.Quantity)
		w.close('}')
	}
	w.close(']')
	w.close('}')
}

// contains reports whether the customer is found by a search text: by its name, by the text of any field value, and
// by digits where both sides are numbers as people write phones.
func (c *Customer) contains(needle string) bool {
	needle = strings.ToLower(strings.TrimSpace(needle))
	digits := phoneDigits(needle)
	if strings.Contains(strings.ToLower(c.Name), needle) {
		return true
	}
	for _, f := range c.CustomFields {
		for _, v := range f.Values {
			if strings.Contains(strings.ToLower(v.Value), needle) {
				return true
			}
			if digits != "" && strings.Contains(phoneDigits(v.Value), digits) {
				return true
			}
			for _, part := range v.Object {
				if text, ok := part.(string); ok && strings.Contains(strings.ToLower(text), needle) {
					return true
				}
			}
		}
	}
	return false
}

// minPhone is the number of digits from which a text is compared as a phone number.
const minPhone = 5

// phoneDigits returns the digits of a text that is written like a phone number, "" for any other.
func phoneDigits(text string) string {
	if strings.Trim(text, "+0123456789()- .") != "" {
		return ""
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
	if len(digits) < minPhone {
		return ""
	}
	return digits
}

// link adds contacts that are not linked yet and keeps a main contact among them.
func (c *Customer) link(contacts []int64) {
	for _, id := range contacts {
		if !slices.Contains(c.ContactIDs, id) {
			c.ContactIDs = append(c.ContactIDs, id)
		}
	}
	c.settleMainContact()
}

func (c *Customer) unlink(contacts []int64) {
	c.ContactIDs = slices.DeleteFunc(c.ContactIDs, func(id int64) bool { return slices.Contains(contacts, id) })
	c.settleMainContact()
}

// settleMainContact makes the first contact the main one when the main one is not linked.
func (c *Customer) settleMainContact() {
	switch {
	case len(c.ContactIDs) == 0:
		c.MainContactID = 0
	case !slices.Contains(c.ContactIDs, c.MainContactID):
		c.MainContactID = c.ContactIDs[0]
	}
}
