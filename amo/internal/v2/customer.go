package v2

import (
	"errors"
	"math"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/genproto/googleapis/type/money"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// customersName is the resource in operation names and catalogues.
const customersName = "customers"

// Customers is the codec of customers.
func Customers() driver.Resource[*amogatev1.Customer, *amogatev1.CustomerFilter] {
	return driver.Resource[*amogatev1.Customer, *amogatev1.CustomerFilter]{
		Name:        customersName,
		Generation:  driver.V2,
		MaxPage:     maxPage,
		MaxIDs:      maxIDs,
		MaxBatch:    maxBatch,
		Locks:       true,
		Supports:    supportsCustomer,
		List:        listCustomers,
		Local:       localCustomerFields,
		ByIDs:       customersByIDs,
		DecodeList:  driver.ReadAll(scanCustomers),
		Scan:        scanCustomers,
		Check:       checkCustomer,
		NeedsBefore: customerNeedsBefore,
		CheckChange: checkCustomerChange,
		Create:      createCustomers,
		Update:      updateCustomers,
		Delete:      deleteCustomers,
		DecodeWrite: func(op driver.Op, body []byte) (driver.WriteReply, error) {
			return writeReader{resource: customersName, op: op, classify: classifyCustomers, keys: customerKeys}.decode(body)
		},
		DecodeError: sectionError(customerKeys),
	}
}

// customer is an item of GET /api/v2/customers. ltv, purchases_count and
// average_check are known from clients' models only; most accounts show none.
type customer struct {
	ID, ResponsibleUserID, CreatedBy, UpdatedBy, AccountID wire.Int
	PeriodID, StatusID, Periodicity, PurchasesCount        wire.Int
	Name                                                   wire.Text
	CreatedAt, UpdatedAt, ClosestTaskAt, NextDate          wire.Unix
	NextPrice, LTV, AverageCheck                           wire.Decimal
	IsDeleted                                              wire.Bool
	CustomFields                                           []*amogatev1.CustomField
	// The places of what the customer is linked with.
	MainContact, Contacts, Company, Tags, Embedded wire.Cursor
}

// parse reads a row that a decoder has read.
func (w *customer) parse(r *rowReader, c *wire.Cursor) error {
	for name := range c.Members() {
		if err := w.set(r, name, c); err != nil {
			return err
		}
	}
	return nil
}

func (w *customer) set(r *rowReader, name []byte, c *wire.Cursor) (err error) {
	switch string(name) {
	case "id":
		return w.ID.Parse(c.Value())
	case "name":
		return w.Name.Parse(c.Value())
	case "responsible_user_id":
		return w.ResponsibleUserID.Parse(c.Value())
	case "created_by":
		return w.CreatedBy.Parse(c.Value())
	case "created_at":
		return w.CreatedAt.Parse(c.Value())
	case "updated_at":
		return w.UpdatedAt.Parse(c.Value())
	case "account_id":
		return w.AccountID.Parse(c.Value())
	case "updated_by":
		return w.UpdatedBy.Parse(c.Value())
	case "is_deleted":
		return w.IsDeleted.Parse(c.Value())
	case "main_contact":
		w.MainContact = *c
	case "tags":
		w.Tags = *c
	case "custom_fields":
		w.CustomFields, err = r.customFields(c)
		return err
	case "contacts":
		w.Contacts = *c
	case "company":
		w.Company = *c
	case "next_price":
		return w.NextPrice.Parse(c.Value())
	case "closest_task_at":
		return w.ClosestTaskAt.Parse(c.Value())
	case "period_id":
		return w.PeriodID.Parse(c.Value())
	case "status_id":
		return w.StatusID.Parse(c.Value())
	case "periodicity":
		return w.Periodicity.Parse(c.Value())
	case "next_date":
		return w.NextDate.Parse(c.Value())
	case "_embedded":
		w.Embedded = *c
	case "ltv":
		return w.LTV.Parse(c.Value())
	case "purchases_count":
		return w.PurchasesCount.Parse(c.Value())
	case "average_check":
		return w.AverageCheck.Parse(c.Value())
	}
	return nil
}

var (
	errNoID        = errors.New("an item has no id")
	errAmount      = errors.New("an amount is out of range")
	errPeriodicity = errors.New("periodicity is out of range")
	errQuantity    = errors.New("quantity is out of range")
)

func scanCustomers(body []byte) (driver.Scanned[*amogatev1.Customer], error) {
	found, err := findItems(body)
	if err != nil {
		return driver.Scanned[*amogatev1.Customer]{}, named(err, customersName, driver.OpList)
	}
	page := driver.Scanned[*amogatev1.Customer]{Heads: make([]driver.Head, len(found.list)), Release: found.release}
	for n, place := range found.list {
		if page.Heads[n], err = customerHead(&place); err != nil {
			return driver.Scanned[*amogatev1.Customer]{}, named(badResponse(err), customersName, driver.OpList)
		}
	}
	r := &rowReader{}
	page.Read = func(env *driver.Env, n int) (*amogatev1.Customer, []int64, error) {
		place := found.list[n]
		r.env, r.unknown = env, nil
		row, err := r.customer(&place)
		if err != nil {
			err = named(badResponse(err), customersName, driver.OpList)
		}
		return row, r.unknown, err
	}
	return page, nil
}

// customerHead reads the head of a row.
func customerHead(c *wire.Cursor) (driver.Head, error) {
	var id wire.Int
	var updatedAt wire.Unix
	for name := range c.Members() {
		var err error
		switch string(name) {
		case "id":
			err = id.Parse(c.Value())
		case "updated_at":
			err = updatedAt.Parse(c.Value())
		}
		if err != nil {
			return driver.Head{}, err
		}
	}
	if id.Value <= 0 {
		return driver.Head{}, errNoID
	}
	return driver.Head{ID: id.Value, Changed: updatedAt.Seconds}, nil
}

// customer reads a row.
func (r *rowReader) customer(item *wire.Cursor) (*amogatev1.Customer, error) {
	var w customer
	if err := w.parse(r, item); err != nil {
		return nil, err
	}
	if w.ID.Value <= 0 {
		return nil, errNoID
	}
	msg := &amogatev1.Customer{
		Id:                w.ID.Value,
		Name:              w.Name.Value,
		NextPurchaseTime:  r.instant(w.NextDate),
		ResponsibleUserId: r.optional(w.ResponsibleUserID),
		PeriodId:          r.positive(w.PeriodID),
		StatusId:          r.positive(w.StatusID),
		ClosestTaskTime:   r.instant(w.ClosestTaskAt),
		CreateTime:        r.instant(w.CreatedAt),
		UpdateTime:        r.instant(w.UpdatedAt),
		CreatedBy:         r.optional(w.CreatedBy),
		UpdatedBy:         r.optional(w.UpdatedBy),
		AccountId:         r.optional(w.AccountID),
		PurchasesCount:    r.optional(w.PurchasesCount),
	}
	for _, amount := range []struct {
		read wire.Decimal
		into **money.Money
	}{{w.NextPrice, &msg.NextPrice}, {w.LTV, &msg.Ltv}, {w.AverageCheck, &msg.AverageCheck}} {
		if !amount.read.Set() {
			continue
		}
		units, nanos, err := amount.read.Units()
		if err != nil {
			return nil, errAmount
		}
		*amount.into = &money.Money{CurrencyCode: currency(r.env), Units: units, Nanos: nanos}
	}
	if w.Periodicity.Set {
		days := w.Periodicity.Value
		if days < math.MinInt32 || days > math.MaxInt32 {
			return nil, errPeriodicity
		}
		msg.Periodicity = new(int32(days))
	}
	if w.IsDeleted.Set {
		msg.Deleted = new(w.IsDeleted.Value)
	}
	if err := w.addLinks(r, msg); err != nil {
		return nil, err
	}
	msg.CustomFields = w.CustomFields
	return msg, nil
}

// customFields reads the fields of a row.
func (r *rowReader) customFields(c *wire.Cursor) ([]*amogatev1.CustomField, error) {
	r.fields = r.fields[:0]
	err := c.EachElement(func(element *wire.Cursor) error {
		field, err := r.customField(element)
		if field != nil {
			r.fields = append(r.fields, field)
		}
		return err
	})
	if len(r.fields) == 0 {
		return nil, err
	}
	return slices.Clone(r.fields), err
}

// addLinks reads what a customer is linked with.
func (w *customer) addLinks(r *rowReader, msg *amogatev1.Customer) error {
	err := w.Tags.EachElement(func(element *wire.Cursor) error {
		id, name, err := readLink(element)
		var text wire.Text
		if err == nil {
			err = text.ParseName(name)
		}
		msg.Tags = append(msg.Tags, &amogatev1.Tag{Id: id.Value, Name: text.Value})
		return err
	})
	if err != nil {
		return err
	}
	contact, _, err := readLink(&w.MainContact)
	if err != nil {
		return err
	}
	msg.MainContactId = r.positive(contact)
	if msg.ContactIds, err = readContactIDs(&w.Contacts); err != nil {
		return err
	}
	company, name, err := readLink(&w.Company)
	if err != nil {
		return err
	}
	if company.Value > 0 {
		msg.CompanyId = r.optional(company)
		var text wire.Text
		if err := text.Parse(name); err != nil {
			return err
		}
		if text.Set {
			msg.CompanyName = new(text.Value)
		}
	}
	msg.CatalogElements, err = readCatalogElements(w.Embedded.Value())
	return err
}

// readLink reads the link to one record, if there is one. Companies and tags have
// a name, which may be null.
func readLink(c *wire.Cursor) (id wire.Int, text jsontext.Value, err error) {
	isObject, err := c.Object()
	if !isObject {
		return id, nil, err
	}
	for name := range c.Members() {
		switch string(name) {
		case "id":
			err = id.Parse(c.Value())
		case "name":
			text = c.Value()
		}
		if err != nil {
			return id, nil, err
		}
	}
	return id, text, nil
}

// readContactIDs reads {"id":[…]}.
func readContactIDs(c *wire.Cursor) ([]int64, error) {
	if isObject, err := c.Object(); !isObject {
		return nil, err
	}
	var ids []int64
	for name := range c.Members() {
		if string(name) != "id" {
			continue
		}
		ids = nil
		err := c.EachElement(func(element *wire.Cursor) error {
			var id wire.Int
			err := id.Parse(element.Value())
			if id.Value > 0 {
				ids = append(ids, id.Value)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// readCatalogElements goes the long way: few customers are linked with elements.
func readCatalogElements(embedded jsontext.Value) ([]*amogatev1.CatalogElementLink, error) {
	if len(embedded) == 0 {
		return nil, nil
	}
	var w wire.Object[struct {
		CatalogElements wire.List[catalogElement] `json:"catalog_elements_links"`
	}]
	if err := wire.Unmarshal(embedded, &w); err != nil || w.Value == nil {
		return nil, err
	}
	var links []*amogatev1.CatalogElementLink
	for _, element := range w.Value.CatalogElements {
		quantity, err := element.Quantity.Float64()
		if err != nil {
			return nil, errQuantity
		}
		links = append(links, &amogatev1.CatalogElementLink{
			CatalogId: element.CatalogID.Value,
			ElementId: element.ID.Value,
			Quantity:  quantity,
		})
	}
	return links, nil
}

// optional keeps 0: user 0 is upstream itself.
func optional(i wire.Int) *int64 {
	if !i.Set {
		return nil
	}
	return new(i.Value)
}

func currency(env *driver.Env) string {
	if env == nil {
		return ""
	}
	return env.Currency
}
