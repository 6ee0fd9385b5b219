package v4

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// The operations on links, for names.
const (
	opLink   driver.Op = "link"
	opUnlink driver.Op = "unlink"
)

// The kinds of records that customers can be linked with, as upstream codes them.
const (
	typeContacts        = "contacts"
	typeCompanies       = "companies"
	typeCatalogElements = "catalog_elements"
)

// relation is one link as it is made or removed. EntityID stands in requests for
// several customers only.
type relation struct {
	EntityID     int64                 `json:"entity_id,omitzero"`
	ToEntityID   int64                 `json:"to_entity_id"`
	ToEntityType string                `json:"to_entity_type"`
	Metadata     *elementMetadataWrite `json:"metadata,omitzero"`
}

// maxLinks is upstream's limit of rows of a request.
const maxLinks = 250

// linkCustomers describes the requests that turn the links that are there into
// the ones that are wanted: what is too much goes first, since a customer has
// one company at most, and since upstream fails when it links again what is
// linked, if only with another quantity.
//
//amogate:operation POST /api/v4/customers/{id}/unlink rpc=CustomerService.UpdateCustomer,CustomerService.BatchUpdateCustomers
//amogate:operation POST /api/v4/customers/unlink rpc=CustomerService.BatchUpdateCustomers
//amogate:operation POST /api/v4/customers/{id}/link rpc=CustomerService.UpdateCustomer,CustomerService.BatchUpdateCustomers
//amogate:operation POST /api/v4/customers/link rpc=CustomerService.BatchUpdateCustomers
func linkCustomers(_ *driver.Env, changes []driver.Change[*amogatev1.Customer]) ([]driver.Call, error) {
	var gone, wanted []relation
	for _, change := range changes {
		if change.Before == nil {
			return nil, &driver.Error{
				Kind:    driver.KindBug,
				Op:      customersName + "." + string(driver.OpUpdate),
				ID:      change.ID,
				Message: "a change of links came without the record as it is",
			}
		}
		from, to := relations(change)
		gone, wanted = append(gone, from...), append(wanted, to...)
	}
	var calls []driver.Call
	for _, part := range []struct {
		op   driver.Op
		rows []relation
	}{{opUnlink, gone}, {opLink, wanted}} {
		for rows := range slices.Chunk(part.rows, maxLinks) {
			call, err := linkCall(part.op, rows)
			if err != nil {
				return nil, err
			}
			calls = append(calls, call)
		}
	}
	return calls, nil
}

// linkCall describes one request with rows of one customer or of several.
func linkCall(op driver.Op, rows []relation) (driver.Call, error) {
	id := rows[0].EntityID
	path := customersPath + "/" + string(op)
	if !slices.ContainsFunc(rows, func(r relation) bool { return r.EntityID != id }) {
		rows = slices.Clone(rows)
		for i := range rows {
			rows[i].EntityID = 0
		}
		path = itemPath(customersPath, id) + "/" + string(op)
	}
	return writeCall(customersName, op, http.MethodPost, path, driver.Set, rows)
}

// decodeLinks decodes the answer to a request that links or unlinks: the links
// that were made, or nothing. Errors may stand beside them.
func decodeLinks(body []byte) error {
	decoded, err := decodeRows(body, "links")
	if err != nil {
		return named(badResponse(err), customersName, driver.OpUpdate)
	}
	if len(decoded.failed) > 0 {
		return named(customerErrors.itemError(decoded.failed[0], http.StatusOK).Err, customersName, driver.OpUpdate)
	}
	return nil
}

// relations returns the links of a change that have to go and those that have to
// be made.
func relations(change driver.Change[*amogatev1.Customer]) (gone, wanted []relation) {
	row := func(kind string, id int64) relation {
		return relation{EntityID: change.ID, ToEntityID: id, ToEntityType: kind}
	}
	for _, path := range change.Paths {
		switch path {
		case "contact_ids":
			before, after := change.Before.GetContactIds(), change.Value.GetContactIds()
			for _, id := range without(before, after) {
				gone = append(gone, row(typeContacts, id))
			}
			for _, id := range without(after, before) {
				wanted = append(wanted, row(typeContacts, id))
			}
		case "company_id":
			before, after := change.Before.GetCompanyId(), change.Value.GetCompanyId()
			if before != 0 && before != after {
				gone = append(gone, row(typeCompanies, before))
			}
			if after != 0 && before != after {
				wanted = append(wanted, row(typeCompanies, after))
			}
		case "catalog_elements":
			from, to := elementRelations(change.ID, change.Before.GetCatalogElements(), change.Value.GetCatalogElements())
			gone, wanted = append(gone, from...), append(wanted, to...)
		}
	}
	return gone, wanted
}

// elementRelations: an element with another quantity or price is unlinked and
// linked again. A price that is not set is kept.
func elementRelations(id int64, before, after []*amogatev1.CatalogElementLink) (gone, wanted []relation) {
	left := map[elementKey]*amogatev1.CatalogElementLink{}
	for _, element := range before {
		left[keyOf(element)] = element
	}
	for _, element := range after {
		metadata := newElementMetadata(element)
		old := left[keyOf(element)]
		if old != nil && element.PriceId == nil {
			metadata.PriceID = old.GetPriceId()
		}
		if old != nil && old.GetQuantity() == element.GetQuantity() && old.GetPriceId() == metadata.PriceID {
			delete(left, keyOf(element))
			continue
		}
		wanted = append(wanted, relation{EntityID: id, ToEntityID: element.GetElementId(), ToEntityType: typeCatalogElements, Metadata: &metadata})
	}
	for _, element := range before {
		if left[keyOf(element)] != nil {
			metadata := elementMetadataWrite{CatalogID: element.GetCatalogId()}
			gone = append(gone, relation{EntityID: id, ToEntityID: element.GetElementId(), ToEntityType: typeCatalogElements, Metadata: &metadata})
		}
	}
	return gone, wanted
}

// without returns the ids that others lack, in order.
func without(ids, others []int64) []int64 {
	var left []int64
	for _, id := range ids {
		if !slices.Contains(others, id) {
			left = append(left, id)
		}
	}
	return left
}

// customerLinksName is the read of links in operation names.
const customerLinksName = "customer_links"

// CustomerLinks reads what customers are linked with; there has to be at least
// one id.
//
//amogate:operation GET /api/v4/customers/{id}/links rpc=CustomerService.ListCustomerLinks
//amogate:operation GET /api/v4/customers/links rpc=CustomerService.ListCustomerLinks
func CustomerLinks(ids []int64) driver.Exchange[[]*amogatev1.CustomerLink] {
	x := driver.Exchange[[]*amogatev1.CustomerLink]{DecodeError: customerErrors.decode}
	only := int64(0)
	if len(ids) == 1 {
		only = ids[0]
		x.Call = readCall(customerLinksName, driver.OpList, itemPath(customersPath, only)+"/links", nil)
	} else {
		query := url.Values{}
		addInts(query, "filter[entity_id][]", ids)
		x.Call = readCall(customerLinksName, driver.OpList, customersPath+"/links", query)
	}
	x.Decode = func(_ *driver.Env, body []byte) ([]*amogatev1.CustomerLink, error) {
		page, err := decodePage(customerLinksName, body, rowAs(func(w *customerLink) (*amogatev1.CustomerLink, error) {
			return w.toProto(only)
		}), "links")
		if err == nil && page.Next {
			err = named(&driver.Error{
				Kind:    driver.KindTooLarge,
				Message: "the customers have more links than upstream answers at once; ask for fewer customers",
			}, customerLinksName, driver.OpList)
		}
		if err != nil {
			return nil, err
		}
		return page.Rows, nil
	}
	return x
}

// customerLink is a row of links. EntityID stands in lists of several customers.
type customerLink struct {
	EntityID     wire.Int                  `json:"entity_id"`
	ToEntityID   wire.Int                  `json:"to_entity_id"`
	ToEntityType wire.Text                 `json:"to_entity_type"`
	Metadata     wire.Object[linkMetadata] `json:"metadata"`
}

// linkMetadata is an empty list where there is none. is_main is the name that
// main_contact has in requests.
type linkMetadata struct {
	MainContact wire.Bool    `json:"main_contact"`
	IsMain      wire.Bool    `json:"is_main"`
	CatalogID   wire.Int     `json:"catalog_id"`
	Quantity    wire.Decimal `json:"quantity"`
	PriceID     wire.Int     `json:"price_id"`
}

// toProto takes only for the customer of a row that does not tell it.
func (w *customerLink) toProto(only int64) (*amogatev1.CustomerLink, error) {
	msg := &amogatev1.CustomerLink{CustomerId: w.EntityID.Value}
	if msg.GetCustomerId() <= 0 {
		msg.CustomerId = only
	}
	id := w.ToEntityID.Value
	if msg.GetCustomerId() <= 0 || id <= 0 {
		return nil, errNoID
	}
	metadata := linkMetadata{}
	if w.Metadata.Value != nil {
		metadata = *w.Metadata.Value
	}
	switch w.ToEntityType.Value {
	case typeContacts:
		msg.Target = &amogatev1.CustomerLink_ContactId{ContactId: id}
		main := metadata.MainContact
		if !main.Set {
			main = metadata.IsMain
		}
		if main.Set {
			msg.Main = new(main.Value)
		}
	case typeCompanies:
		msg.Target = &amogatev1.CustomerLink_CompanyId{CompanyId: id}
	case typeCatalogElements:
		inner := elementMetadata{CatalogID: metadata.CatalogID, Quantity: metadata.Quantity, PriceID: metadata.PriceID}
		element, err := inner.toProto(id)
		if err != nil {
			return nil, err
		}
		msg.Target = &amogatev1.CustomerLink_CatalogElement{CatalogElement: element}
	default:
		msg.Target = &amogatev1.CustomerLink_Other{Other: &amogatev1.OtherLink{EntityType: w.ToEntityType.Value, EntityId: id}}
	}
	return msg, nil
}
