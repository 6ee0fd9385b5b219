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
		Name:        customersName,
		Generation:  driver.V4,
		MaxPage:     maxPage,
		MaxIDs:      maxIDs,
		MaxBatch:    maxBatch,
		Paged:       true,
		FilteredIDs: true,
		TagChanges:  true,
		Supports:    supportsCustomer,
		List:        listCustomers,
		Local:       localCustomerFields,
		ByIDs:       customersByIDs,
		DecodeList:  decodeCustomers,
		Check:       checkCustomer,
		NeedsBefore: customerNeedsBefore,
		CheckChange: checkCustomerChange,
		Create:      createCustomers,
		Update:      updateCustomers,
		Links:       linkCustomers,
		DecodeLinks: decodeLinks,
		Linked:      linkedCustomer,
		DecodeWrite: decodeCustomerWrite,
		DecodeError: customerErrors.decode,
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
	ID                     wire.Int                      `json:"id"`
	Name                   wire.Text                     `json:"name"`
	NextPrice              wire.Decimal                  `json:"next_price"`
	NextPriceMinorUnits    wire.Decimal                  `json:"next_price_with_minor_units"`
	NextDate               wire.Unix                     `json:"next_date"`
	ResponsibleUserID      wire.Int                      `json:"responsible_user_id"`
	StatusID               wire.Int                      `json:"status_id"`
	Periodicity            wire.Int                      `json:"periodicity"`
	CreatedBy              wire.Int                      `json:"created_by"`
	UpdatedBy              wire.Int                      `json:"updated_by"`
	CreatedAt              wire.Unix                     `json:"created_at"`
	UpdatedAt              wire.Unix                     `json:"updated_at"`
	ClosestTaskAt          wire.Unix                     `json:"closest_task_at"`
	IsDeleted              wire.Bool                     `json:"is_deleted"`
	CustomFields           wire.List[customField]        `json:"custom_fields_values"`
	LTV                    wire.Decimal                  `json:"ltv"`
	LTVMinorUnits          wire.Decimal                  `json:"ltv_with_minor_units"`
	PurchasesCount         wire.Int                      `json:"purchases_count"`
	AverageCheck           wire.Decimal                  `json:"average_check"`
	AverageCheckMinorUnits wire.Decimal                  `json:"average_check_with_minor_units"`
	AccountID              wire.Int                      `json:"account_id"`
	Embedded               wire.Object[customerEmbedded] `json:"_embedded"`
}

// customerEmbedded is what a customer is linked with. Contacts, companies and
// elements stand there only since they are asked for.
type customerEmbedded struct {
	Segments        wire.List[link]           `json:"segments"`
	Tags            wire.List[tag]            `json:"tags"`
	Contacts        wire.List[contactLink]    `json:"contacts"`
	Companies       wire.List[link]           `json:"companies"`
	CatalogElements wire.List[catalogElement] `json:"catalog_elements"`
}

type link struct {
	ID wire.Int `json:"id"`
}

type contactLink struct {
	ID     wire.Int  `json:"id"`
	IsMain wire.Bool `json:"is_main"`
}

type tag struct {
	ID   wire.Int  `json:"id"`
	Name wire.Text `json:"name"`
}

var errPeriodicity = errors.New("periodicity is out of range")

func decodeCustomers(env *driver.Env, body []byte) (driver.Page[*amogatev1.Customer], error) {
	return decodePage(customersName, body, func(w *customer) (*amogatev1.Customer, error) { return w.toProto(env) }, "customers")
}

func (w *customer) toProto(env *driver.Env) (*amogatev1.Customer, error) {
	if w.ID.Value <= 0 {
		return nil, errNoID
	}
	msg := &amogatev1.Customer{
		Id:                w.ID.Value,
		Name:              w.Name.Value,
		NextPurchaseTime:  w.NextDate.Timestamp(),
		ResponsibleUserId: optional(w.ResponsibleUserID),
		StatusId:          positive(w.StatusID),
		ClosestTaskTime:   w.ClosestTaskAt.Timestamp(),
		CreateTime:        w.CreatedAt.Timestamp(),
		UpdateTime:        w.UpdatedAt.Timestamp(),
		CreatedBy:         optional(w.CreatedBy),
		UpdatedBy:         optional(w.UpdatedBy),
		AccountId:         optional(w.AccountID),
		PurchasesCount:    optional(w.PurchasesCount),
	}
	if err := w.setMoney(env, msg); err != nil {
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
	var err error
	msg.CustomFields, err = readCustomFields(env, w.CustomFields)
	if err != nil {
		return nil, err
	}
	if w.Embedded.Value != nil {
		if err := w.Embedded.Value.addTo(msg); err != nil {
			return nil, err
		}
	}
	return msg, nil
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

func (w *customerEmbedded) addTo(msg *amogatev1.Customer) error {
	for _, segment := range w.Segments {
		if segment.ID.Value > 0 {
			msg.Segments = append(msg.Segments, &amogatev1.SegmentLink{Id: segment.ID.Value})
		}
	}
	for _, t := range w.Tags {
		msg.Tags = append(msg.Tags, &amogatev1.Tag{Id: t.ID.Value, Name: t.Name.Value})
	}
	for _, contact := range w.Contacts {
		if contact.ID.Value <= 0 {
			continue
		}
		msg.ContactIds = append(msg.ContactIds, contact.ID.Value)
		if contact.IsMain.Value && msg.MainContactId == nil {
			msg.MainContactId = new(contact.ID.Value)
		}
	}
	for _, company := range w.Companies {
		if company.ID.Value > 0 && msg.CompanyId == nil {
			msg.CompanyId = new(company.ID.Value)
		}
	}
	for i := range w.CatalogElements {
		element, err := w.CatalogElements[i].toProto()
		if err != nil {
			return err
		}
		msg.CatalogElements = append(msg.CatalogElements, element)
	}
	return nil
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
