package v4

import (
	"errors"
	"math"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

const (
	// customersName is the resource in operation names.
	customersName = "customers"
	customersPath = basePath + "/customers"
)

// Customers is the codec of customers.
func Customers() driver.Resource[*amogatev1.Customer, *amogatev1.CustomerFilter] {
	return driver.Resource[*amogatev1.Customer, *amogatev1.CustomerFilter]{
		Name:         customersName,
		Generation:   driver.V4,
		MaxPage:      maxPage,
		MaxIDs:       maxIDs,
		MaxBatch:     maxBatch,
		Paged:        true,
		FilteredIDs:  true,
		TagChanges:   true,
		DeletedEvent: customerDeleted,
		Supports:     supportsCustomer,
		List:         listCustomers,
		Window:       windowCustomers,
		Local:        localCustomerFields,
		ByIDs:        customersByIDs,
		DecodeList:   driver.ReadAll(scanCustomers),
		Scan:         scanCustomers,
		Check:        checkCustomer,
		NeedsBefore:  customerNeedsBefore,
		CheckChange:  checkCustomerChange,
		Create:       createCustomers,
		Update:       updateCustomers,
		Links:        linkCustomers,
		DecodeLinks:  decodeLinks,
		Linked:       linkedCustomer,
		DecodeWrite:  decodeCustomerWrite,
		DecodeError:  customerErrors.decode,
	}
}

// customerErrors reads the errors of customers.
var customerErrors = errorReader{
	ofCustomers: true,
	field: withCustomFields(pathMap{
		"id":                         "id",
		"name":                       "name",
		"next_date":                  "next_purchase_time",
		"next_price":                 "next_price",
		"responsible_user_id":        "responsible_user_id",
		"status_id":                  "status_id",
		"periodicity":                "periodicity",
		"created_at":                 "create_time",
		"created_by":                 "created_by",
		"tags_to_add":                "tags",
		"tags_to_delete":             "tags",
		"_embedded.tags":             "tags",
		"_embedded.tags.#":           "tags[#]",
		"_embedded.tags.#.name":      "tags[#].name",
		"_embedded.segments":         "segments",
		"_embedded.segments.#":       "segments[#]",
		"_embedded.segments.#.id":    "segments[#].id",
		"_embedded.contacts":         "contact_ids",
		"_embedded.companies":        "company_id",
		"_embedded.catalog_elements": "catalog_elements",
	}).field,
}

// customer is a row of GET /api/v4/customers.
type customer struct {
	ID, ResponsibleUserID, StatusID, Periodicity wire.Int
	CreatedBy, UpdatedBy, AccountID              wire.Int
	PurchasesCount                               wire.Int
	Name                                         wire.Text
	NextDate, CreatedAt, UpdatedAt               wire.Unix
	ClosestTaskAt                                wire.Unix
	NextPrice, NextPriceMinorUnits               wire.Decimal
	LTV, LTVMinorUnits                           wire.Decimal
	AverageCheck, AverageCheckMinorUnits         wire.Decimal
	IsDeleted                                    wire.Bool
	CustomFields                                 []*amogatev1.CustomField
	// Embedded is the place of what the customer is linked with.
	Embedded wire.Cursor
}

// parse reads a row.
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
	case "next_price":
		return w.NextPrice.Parse(c.Value())
	case "next_price_with_minor_units":
		return w.NextPriceMinorUnits.Parse(c.Value())
	case "next_date":
		return w.NextDate.Parse(c.Value())
	case "responsible_user_id":
		return w.ResponsibleUserID.Parse(c.Value())
	case "status_id":
		return w.StatusID.Parse(c.Value())
	case "periodicity":
		return w.Periodicity.Parse(c.Value())
	case "created_by":
		return w.CreatedBy.Parse(c.Value())
	case "updated_by":
		return w.UpdatedBy.Parse(c.Value())
	case "created_at":
		return w.CreatedAt.Parse(c.Value())
	case "updated_at":
		return w.UpdatedAt.Parse(c.Value())
	case "closest_task_at":
		return w.ClosestTaskAt.Parse(c.Value())
	case "is_deleted":
		return w.IsDeleted.Parse(c.Value())
	case "custom_fields_values":
		w.CustomFields, err = r.customFields(c)
		return err
	case "ltv":
		return w.LTV.Parse(c.Value())
	case "ltv_with_minor_units":
		return w.LTVMinorUnits.Parse(c.Value())
	case "purchases_count":
		return w.PurchasesCount.Parse(c.Value())
	case "average_check":
		return w.AverageCheck.Parse(c.Value())
	case "average_check_with_minor_units":
		return w.AverageCheckMinorUnits.Parse(c.Value())
	case "account_id":
		return w.AccountID.Parse(c.Value())
	case "_embedded":
		w.Embedded = *c
	}
	return nil
}

var errPeriodicity = errors.New("periodicity is out of range")

func scanCustomers(body []byte) (driver.Scanned[*amogatev1.Customer], error) {
	found, err := findRows(customersName, body, "customers")
	if err != nil {
		return driver.Scanned[*amogatev1.Customer]{}, err
	}
	page := driver.Scanned[*amogatev1.Customer]{Heads: make([]driver.Head, len(found.list)), Next: found.next}
	for n, place := range found.list {
		if page.Heads[n], err = customerHead(&place); err != nil {
			return driver.Scanned[*amogatev1.Customer]{}, named(badResponse(err), customersName, driver.OpList)
		}
	}
	r := &rowReader{}
	page.Read = func(env *driver.Env, n int) (*amogatev1.Customer, []int64, error) {
		r.env = env
		place := found.list[n]
		row, err := r.customer(&place)
		if err != nil {
			err = named(badResponse(err), customersName, driver.OpList)
		}
		return row, nil, err // fields tell their types themselves
	}
	page.Release = found.release
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
func (r *rowReader) customer(c *wire.Cursor) (*amogatev1.Customer, error) {
	var w customer
	if err := w.parse(r, c); err != nil {
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
		StatusId:          r.positive(w.StatusID),
		ClosestTaskTime:   r.instant(w.ClosestTaskAt),
		CreateTime:        r.instant(w.CreatedAt),
		UpdateTime:        r.instant(w.UpdatedAt),
		CreatedBy:         r.optional(w.CreatedBy),
		UpdatedBy:         r.optional(w.UpdatedBy),
		AccountId:         r.optional(w.AccountID),
		PurchasesCount:    r.optional(w.PurchasesCount),
	}
	if err := w.setMoney(r.env, msg); err != nil {
		return nil, err
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
	msg.CustomFields = w.CustomFields
	return msg, readLinks(msg, &w.Embedded)
}

func (w *customer) setMoney(env *driver.Env, msg *amogatev1.Customer) error {
	var err error
	if msg.NextPrice, err = readMoney(env, w.NextPrice, w.NextPriceMinorUnits); err != nil {
		return err
	}
	if msg.Ltv, err = readMoney(env, w.LTV, w.LTVMinorUnits); err != nil {
		return err
	}
	msg.AverageCheck, err = readMoney(env, w.AverageCheck, w.AverageCheckMinorUnits)
	return err
}

// readLinks reads what a customer is linked with. Contacts, companies and elements
// stand there only since they are asked for.
func readLinks(msg *amogatev1.Customer, embedded *wire.Cursor) error {
	if isObject, err := embedded.Object(); !isObject {
		return err
	}
	for name := range embedded.Members() {
		var err error
		switch string(name) {
		case "segments":
			msg.Segments = nil
			err = embedded.EachElement(func(element *wire.Cursor) error { return addSegment(msg, element) })
		case "tags":
			msg.Tags = nil
			err = embedded.EachElement(func(element *wire.Cursor) error { return addTag(msg, element) })
		case "contacts":
			msg.ContactIds, msg.MainContactId = nil, nil
			err = embedded.EachElement(func(element *wire.Cursor) error { return addContact(msg, element) })
		case "companies":
			msg.CompanyId = nil
			err = embedded.EachElement(func(element *wire.Cursor) error { return addCompany(msg, element) })
		case "catalog_elements":
			msg.CatalogElements, err = readCatalogElements(embedded.Value())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func addSegment(msg *amogatev1.Customer, element *wire.Cursor) error {
	id, err := linkID(element)
	if id.Value > 0 {
		msg.Segments = append(msg.Segments, &amogatev1.SegmentLink{Id: id.Value})
	}
	return err
}

func addTag(msg *amogatev1.Customer, element *wire.Cursor) error {
	if isObject, err := element.Object(); !isObject {
		return err
	}
	var id wire.Int
	var text wire.Text
	for name := range element.Members() {
		var err error
		switch string(name) {
		case "id":
			err = id.Parse(element.Value())
		case "name":
			err = text.ParseName(element.Value())
		}
		if err != nil {
			return err
		}
	}
	msg.Tags = append(msg.Tags, &amogatev1.Tag{Id: id.Value, Name: text.Value})
	return nil
}

func addContact(msg *amogatev1.Customer, element *wire.Cursor) error {
	if isObject, err := element.Object(); !isObject {
		return err
	}
	var id wire.Int
	var isMain wire.Bool
	for name := range element.Members() {
		var err error
		switch string(name) {
		case "id":
			err = id.Parse(element.Value())
		case "is_main":
			err = isMain.Parse(element.Value())
		}
		if err != nil {
			return err
		}
	}
	if id.Value <= 0 {
		return nil
	}
	msg.ContactIds = append(msg.ContactIds, id.Value)
	if isMain.Value && msg.MainContactId == nil {
		msg.MainContactId = new(id.Value)
	}
	return nil
}

func addCompany(msg *amogatev1.Customer, element *wire.Cursor) error {
	id, err := linkID(element)
	if id.Value > 0 && msg.CompanyId == nil {
		msg.CompanyId = new(id.Value)
	}
	return err
}

// linkID returns the id of a link that has nothing else of use.
func linkID(element *wire.Cursor) (wire.Int, error) {
	var id wire.Int
	if isObject, err := element.Object(); !isObject {
		return id, err
	}
	for name := range element.Members() {
		if string(name) != "id" {
			continue
		}
		if err := id.Parse(element.Value()); err != nil {
			return id, err
		}
	}
	return id, nil
}

// readCatalogElements goes the long way: few customers are linked with elements.
func readCatalogElements(list jsontext.Value) ([]*amogatev1.CatalogElementLink, error) {
	if wire.IsEmpty(list) {
		return nil, nil
	}
	var rows wire.List[catalogElement]
	if err := wire.Unmarshal(list, &rows); err != nil {
		return nil, err
	}
	var links []*amogatev1.CatalogElementLink
	for i := range rows {
		link, err := rows[i].toProto()
		if err != nil {
			return nil, err
		}
		links = append(links, link)
	}
	return links, nil
}

func decodeCustomerWrite(op driver.Op, body []byte) (driver.WriteReply, error) {
	return writeReader{
		resource: customersName,
		op:       op,
		// The documented sample of an update has the rows under "leads".
		keys:   []string{"customers", "leads"},
		errors: customerErrors,
		told:   toldOfCustomer,
	}.decode(body)
}

// toldOfCustomer keeps what only upstream decides. A row that cannot be
// understood tells nothing: the write has happened whatever else it says.
func toldOfCustomer(raw jsontext.Value) (proto.Message, error) {
	var w struct {
		StatusID  wire.Int  `json:"status_id"`
		CreatedBy wire.Int  `json:"created_by"`
		UpdatedBy wire.Int  `json:"updated_by"`
		CreatedAt wire.Unix `json:"created_at"`
		UpdatedAt wire.Unix `json:"updated_at"`
		AccountID wire.Int  `json:"account_id"`
	}
	if err := wire.Unmarshal(raw, &w); err != nil {
		return nil, nil //nolint:nilerr // see above
	}
	return &amogatev1.Customer{
		StatusId:   positive(w.StatusID),
		CreatedBy:  optional(w.CreatedBy),
		UpdatedBy:  optional(w.UpdatedBy),
		CreateTime: w.CreatedAt.Timestamp(),
		UpdateTime: w.UpdatedAt.Timestamp(),
		AccountId:  optional(w.AccountID),
	}, nil
}
