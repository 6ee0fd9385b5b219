package emulator

import (
	"net/http"
	"slices"
)

const v4CustomersPath = "/api/v4/customers"

var v4CustomerRoutes = []v4Route{
	{http.MethodGet, v4CustomersPath, OpV4CustomersList, (*call).listCustomersV4},
	{http.MethodPost, v4CustomersPath, OpV4CustomersCreate, (*call).createCustomers},
	{http.MethodPatch, v4CustomersPath, OpV4CustomersUpdate, (*call).updateCustomers},
	{http.MethodGet, v4CustomersPath + "/links", OpV4CustomersLinksMany, (*call).listLinksOfMany},
	{http.MethodPost, v4CustomersPath + "/link", OpV4CustomersLinkMany, (*call).linkMany},
	{http.MethodPost, v4CustomersPath + "/unlink", OpV4CustomersUnlinkMany, (*call).unlinkMany},
	{http.MethodGet, v4CustomersPath + "/custom_fields", OpV4CustomFieldsList, (*call).listFieldsV4},
	{http.MethodGet, v4CustomersPath + "/custom_fields/{id}", OpV4CustomFieldsGet, (*call).getFieldV4},
	{http.MethodGet, v4CustomersPath + "/{id}", OpV4CustomersGet, (*call).getCustomerV4},
	{http.MethodPatch, v4CustomersPath + "/{id}", OpV4CustomersUpdateOne, (*call).updateCustomerV4},
	{http.MethodGet, v4CustomersPath + "/{id}/links", OpV4CustomersLinks, (*call).listLinks},
	{http.MethodPost, v4CustomersPath + "/{id}/link", OpV4CustomersLink, (*call).linkOne},
	{http.MethodPost, v4CustomersPath + "/{id}/unlink", OpV4CustomersUnlink, (*call).unlinkOne},
	{http.MethodGet, v4CustomersPath + "/{id}/subscriptions", OpV4CustomersSubscriptions, (*call).listSubscriptions},
}

// v4CustomerParts are what `with` can add to a customer.
var v4CustomerParts = []string{"catalog_elements", "contacts", "companies"}

func customerPath(id int64) string { return v4CustomersPath + "/" + digits(id) }

// customerView is how customers are shown in one answer.
type customerView struct {
	with []string
	href func(path string) string // of the customer and of what is embedded in it
}

// writeCustomerV4 writes a customer. The caller holds the store's lock.
func (c *call) writeCustomerV4(w *jsonWriter, cu *Customer, view customerView) {
	st := c.e.customers
	totals := st.purchases.totalsOf(cu.ID)
	segments := st.segments.present(cu.SegmentIDs)
	periodicity := cu.Periodicity
	if c.e.CustomersMode() != ModePeriodicity { // it is kept for the time the mode is back
		periodicity = 0
	}
	w.open('{')
	w.keyInteger("id", cu.ID)
	w.keyText("name", cu.Name)
	c.keyAmount(w, "next_price", amount{cu.NextPrice, cu.NextPriceThousandths})
	w.keyInteger("next_date", cu.NextDate)
	w.keyInteger("responsible_user_id", cu.ResponsibleUserID)
	w.keyInteger("status_id", st.periods.current(cu.PeriodID))
	w.keyInteger("periodicity", periodicity)
	w.keyInteger("created_by", cu.CreatedBy)
	w.keyInteger("updated_by", cu.UpdatedBy)
	w.keyInteger("created_at", cu.CreatedAt)
	w.keyInteger("updated_at", cu.UpdatedAt)
	w.keyNullable("closest_task_at", max(0, cu.ClosestTaskAt)) // v2 has times before the year 1 here
	w.keyBool("is_deleted", false)
	c.writeFieldsV4(w, cu.CustomFields)
	c.keyAmount(w, "ltv", totals.sum)
	w.keyInteger("purchases_count", totals.purchases)
	c.keyAmount(w, "average_check", totals.average())
	w.keyInteger("account_id", c.e.config.AccountID)
	w.selfLink(view.href(customerPath(cu.ID)))
	w.key("_embedded")
	w.open('{')
	w.list("segments", len(segments), func(i int) {
		w.open('{')
		w.keyInteger("id", segments[i])
		w.selfLink(view.href(v4CustomersPath + "/segments/" + digits(segments[i])))
		w.close('}')
	})
	w.list("tags", len(cu.Tags), func(i int) {
		w.open('{')
		w.keyInteger("id", cu.Tags[i].ID)
		w.keyText("name", cu.Tags[i].Name)
		w.keyRaw("color", "null")
		w.close('}')
	})
	writeCustomerLinks(w, cu, view)
	w.close('}')
	w.close('}')
}

// writeCustomerLinks writes what a customer is linked to, as far as it was asked for.
func writeCustomerLinks(w *jsonWriter, cu *Customer, view customerView) {
	if slices.Contains(view.with, "contacts") {
		w.list("contacts", len(cu.ContactIDs), func(i int) {
			id := cu.ContactIDs[i]
			w.open('{')
			w.keyInteger("id", id)
			w.keyBool("is_main", id == cu.MainContactID)
			w.selfLink(view.href("/api/v4/contacts/" + digits(id)))
			w.close('}')
		})
	}
	if slices.Contains(view.with, "companies") {
		n := 1
		if cu.CompanyID == 0 {
			n = 0
		}
		w.list("companies", n, func(int) {
			w.open('{')
			w.keyInteger("id", cu.CompanyID)
			w.selfLink(view.href("/api/v4/companies/" + digits(cu.CompanyID)))
			w.close('}')
		})
	}
	if slices.Contains(view.with, "catalog_elements") {
		w.list("catalog_elements", len(cu.CatalogElements), func(i int) {
			w.open('{')
			w.keyInteger("id", cu.CatalogElements[i].ElementID)
			writeElementMetadata(w, cu.CatalogElements[i])
			w.close('}')
		})
	}
}

// writeElementMetadata writes the metadata of a catalogue's element.
func writeElementMetadata(w *jsonWriter, el CatalogElement) {
	w.key("metadata")
	w.open('{')
	keyQuantity(w, "quantity", el.quantity())
	w.keyInteger("catalog_id", el.CatalogID)
	if el.PriceID != 0 {
		w.keyInteger("price_id", el.PriceID)
	}
	w.close('}')
}

// getCustomerV4 answers GET /api/v4/customers/{id}; an unknown one is a 204.
func (c *call) getCustomerV4() (*reply, error) {
	if err := c.checkCustomersV4(); err != nil {
		return nil, err
	}
	if err := c.checkQuery("with"); err != nil {
		return nil, err
	}
	with, err := c.readWithV4(v4CustomerParts...)
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.RLock()
	defer st.mu.RUnlock()
	cu := st.find(c.id("id"))
	if cu == nil {
		return emptyReply(), nil
	}
	var w jsonWriter
	c.writeCustomerV4(&w, cu, customerView{with, c.absolute})
	c.e.counters.change(func(s *Stats) { s.RowsSent++ })
	return c.halReply(w.buf), nil
}

// listSubscriptions answers GET /api/v4/customers/{id}/subscriptions: whoever is responsible for a customer follows it.
func (c *call) listSubscriptions() (*reply, error) {
	if err := c.checkBelowCustomers(); err != nil {
		return nil, err
	}
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.RLock()
	defer st.mu.RUnlock()
	cu := st.find(c.id("id"))
	if cu == nil {
		return nil, noEntity()
	}
	if cu.ResponsibleUserID == 0 {
		return emptyReply(), nil
	}
	var w jsonWriter
	w.open('{')
	w.keyInteger("_total_items", 1)
	w.selfLink(c.absolute(c.requestPath()))
	w.embedded("subscriptions", 1, func(int) {
		w.open('{')
		w.keyInteger("subscriber_id", cu.ResponsibleUserID)
		w.keyText("type", "user")
		w.close('}')
	})
	w.close('}')
	return c.halReply(w.buf), nil
}

// noEntity is the refusal of a call about an entity that is not there.
func noEntity() *problem { return &problem{status: http.StatusNotFound, detail: entityDetail} }
