package v2

import (
	"errors"
	"math"
	"slices"

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
		DecodeList:  decodeCustomers,
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

// customer is an item of GET /api/v2/customers. The last three keys of it are
// known from clients' models only; most accounts show none.
type customer struct {
	ID                wire.Int               `json:"id"`
	Name              wire.Text              `json:"name"`
	ResponsibleUserID wire.Int               `json:"responsible_user_id"`
	CreatedBy         wire.Int               `json:"created_by"`
	CreatedAt         wire.Unix              `json:"created_at"`
	UpdatedAt         wire.Unix              `json:"updated_at"`
	AccountID         wire.Int               `json:"account_id"`
	UpdatedBy         wire.Int               `json:"updated_by"`
	IsDeleted         wire.Bool              `json:"is_deleted"`
	MainContact       wire.Object[link]      `json:"main_contact"`
	Tags              wire.List[tag]         `json:"tags"`
	CustomFields      wire.List[customField] `json:"custom_fields"`
	Contacts          wire.Object[links]     `json:"contacts"`
	Company           wire.Object[link]      `json:"company"`
	NextPrice         wire.Decimal           `json:"next_price"`
	ClosestTaskAt     wire.Unix              `json:"closest_task_at"`
	PeriodID          wire.Int               `json:"period_id"`
	StatusID          wire.Int               `json:"status_id"`
	Periodicity       wire.Int               `json:"periodicity"`
	NextDate          wire.Unix              `json:"next_date"`
	Embedded          wire.Object[embedded]  `json:"_embedded"`
	LTV               wire.Decimal           `json:"ltv"`
	PurchasesCount    wire.Int               `json:"purchases_count"`
	AverageCheck      wire.Decimal           `json:"average_check"`
}

// link is a link to one record; only companies have a name, and it may be null.
type link struct {
	ID   wire.Int  `json:"id"`
	Name wire.Text `json:"name"`
}

// links is a link to several records of one kind.
type links struct {
	IDs wire.List[wire.Int] `json:"id"`
}

type tag struct {
	ID   wire.Int  `json:"id"`
	Name wire.Text `json:"name"`
}

type embedded struct {
	CatalogElements wire.List[catalogElement] `json:"catalog_elements_links"`
}

var (
	errNoID        = errors.New("an item has no id")
	errAmount      = errors.New("an amount is out of range")
	errPeriodicity = errors.New("periodicity is out of range")
	errQuantity    = errors.New("quantity is out of range")
)

func decodeCustomers(env *driver.Env, body []byte) (driver.Page[*amogatev1.Customer], error) {
	var page driver.Page[*amogatev1.Customer]
	items, err := decodeItems[customer](body)
	if err != nil {
		return page, named(err, customersName, driver.OpList)
	}
	unknown := map[int64]bool{}
	page.Rows = make([]*amogatev1.Customer, 0, len(items))
	for i := range items {
		row, err := items[i].toProto(env, unknown)
		if err != nil {
			return driver.Page[*amogatev1.Customer]{}, named(badResponse(err), customersName, driver.OpList)
		}
		page.Rows = append(page.Rows, row)
	}
	for id := range unknown {
		page.UnknownFields = append(page.UnknownFields, id)
	}
	slices.Sort(page.UnknownFields)
	return page, nil
}

// toProto adds the ids of custom fields that env does not know to unknown.
func (w *customer) toProto(env *driver.Env, unknown map[int64]bool) (*amogatev1.Customer, error) {
	if w.ID.Value <= 0 {
		return nil, errNoID
	}
	msg := &amogatev1.Customer{
		Id:                w.ID.Value,
		Name:              w.Name.Value,
		NextPurchaseTime:  w.NextDate.Timestamp(),
		ResponsibleUserId: optional(w.ResponsibleUserID),
		PeriodId:          positive(w.PeriodID),
		StatusId:          positive(w.StatusID),
		ClosestTaskTime:   w.ClosestTaskAt.Timestamp(),
		CreateTime:        w.CreatedAt.Timestamp(),
		UpdateTime:        w.UpdatedAt.Timestamp(),
		CreatedBy:         optional(w.CreatedBy),
		UpdatedBy:         optional(w.UpdatedBy),
		AccountId:         optional(w.AccountID),
		PurchasesCount:    optional(w.PurchasesCount),
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
		*amount.into = &money.Money{CurrencyCode: currency(env), Units: units, Nanos: nanos}
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
	for _, t := range w.Tags {
		msg.Tags = append(msg.Tags, &amogatev1.Tag{Id: t.ID.Value, Name: t.Name.Value})
	}
	if c := w.MainContact.Value; c != nil {
		msg.MainContactId = positive(c.ID)
	}
	if c := w.Contacts.Value; c != nil {
		for _, id := range c.IDs {
			if id.Value > 0 {
				msg.ContactIds = append(msg.ContactIds, id.Value)
			}
		}
	}
	if c := w.Company.Value; c != nil && c.ID.Value > 0 {
		msg.CompanyId = new(c.ID.Value)
		if c.Name.Set {
			msg.CompanyName = new(c.Name.Value)
		}
	}
	for i := range w.CustomFields {
		field, err := w.CustomFields[i].toProto(env, unknown)
		if err != nil {
			return nil, err
		}
		if field != nil {
			msg.CustomFields = append(msg.CustomFields, field)
		}
	}
	if e := w.Embedded.Value; e != nil {
		for _, element := range e.CatalogElements {
			quantity, err := element.Quantity.Float64()
			if err != nil {
				return nil, errQuantity
			}
			msg.CatalogElements = append(msg.CatalogElements, &amogatev1.CatalogElementLink{
				CatalogId: element.CatalogID.Value,
				ElementId: element.ID.Value,
				Quantity:  quantity,
			})
		}
	}
	return msg, nil
}

// optional keeps 0: user 0 is upstream itself.
func optional(i wire.Int) *int64 {
	if !i.Set {
		return nil
	}
	return new(i.Value)
}

// positive takes 0 and less for "none".
func positive(i wire.Int) *int64 {
	if i.Value <= 0 {
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
