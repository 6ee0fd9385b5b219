package v2

import (
	"fmt"
	"slices"
	"strings"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// customersWrite is the body of a write; one of its lists is set.
type customersWrite struct {
	Add    []customerWrite `json:"add,omitzero"`
	Update []customerWrite `json:"update,omitzero"`
	Delete []int64         `json:"delete,omitzero"`
}

// customerWrite is an item of add or update; nil is not sent. Numbers are sent
// as numbers, where the documented samples quote them; upstream takes both.
type customerWrite struct {
	ID                int64        `json:"id,omitzero"`
	RequestID         int          `json:"request_id,omitzero"`
	UpdatedAt         int64        `json:"updated_at,omitzero"`
	Name              *string      `json:"name,omitzero"`
	NextDate          *int64       `json:"next_date,omitzero"`
	CreatedAt         *int64       `json:"created_at,omitzero"`
	ResponsibleUserID *int64       `json:"responsible_user_id,omitzero"`
	CreatedBy         *int64       `json:"created_by,omitzero"`
	NextPrice         *int64       `json:"next_price,omitzero"`
	Periodicity       *int64       `json:"periodicity,omitzero"`
	Tags              any          `json:"tags,omitzero"`
	PeriodID          *int64       `json:"period_id,omitzero"`
	ContactsID        []int64      `json:"contacts_id,omitzero"`
	CompanyID         *int64       `json:"company_id,omitzero"`
	CustomFields      []fieldWrite `json:"custom_fields,omitzero"`
	// CatalogElementsID is {catalog:{element:quantity}}.
	CatalogElementsID map[int64]map[int64]float64 `json:"catalog_elements_id,omitzero"`
	Unlink            *unlinkWrite                `json:"unlink,omitzero"`
}

type unlinkWrite struct {
	ContactsID []int64 `json:"contacts_id,omitzero"`
	CompanyID  int64   `json:"company_id,omitzero"`
}

// writable are the fields of a customer that can be written, by operation.
var writable = map[string][]driver.Op{
	"name":                {driver.OpCreate, driver.OpUpdate},
	"next_purchase_time":  {driver.OpCreate, driver.OpUpdate},
	"next_price":          {driver.OpCreate, driver.OpUpdate},
	"responsible_user_id": {driver.OpCreate, driver.OpUpdate},
	"period_id":           {driver.OpCreate, driver.OpUpdate},
	"periodicity":         {driver.OpCreate, driver.OpUpdate},
	"tags":                {driver.OpCreate, driver.OpUpdate},
	"contact_ids":         {driver.OpCreate, driver.OpUpdate},
	"company_id":          {driver.OpCreate, driver.OpUpdate},
	"custom_fields":       {driver.OpCreate, driver.OpUpdate},
	"catalog_elements":    {driver.OpCreate, driver.OpUpdate},
	"create_time":         {driver.OpCreate},
	"created_by":          {driver.OpCreate},
}

// customerFields are the names of the fields of a customer.
var customerFields = fieldNames((*amogatev1.Customer)(nil).ProtoReflect().Descriptor())

func supportsCustomer(op driver.Op, path string) bool {
	switch op {
	case driver.OpList, driver.OpGet:
		return path == "" || customerFields[path] && path != "segments"
	case driver.OpCreate, driver.OpUpdate:
		return path == "" || slices.Contains(writable[path], op)
	case driver.OpDelete:
		return path == "" || path == "id"
	}
	return false
}

// checkCustomer checks the fields of paths; on create without paths, those that
// are set, of which output-only ones are ignored.
func checkCustomer(env *driver.Env, op driver.Op, value *amogatev1.Customer, paths []string) error {
	r := &report{resource: customersName, record: "customer"}
	if op == driver.OpCreate {
		if strings.TrimSpace(value.GetName()) == "" {
			r.invalid("name", "is required of a new customer")
		}
		if len(paths) == 0 {
			paths = slices.DeleteFunc(populated(value), func(path string) bool { return !supportsCustomer(op, path) })
		}
	}
	for _, path := range paths {
		if !supportsCustomer(op, path) && (path != "segments" || len(paths) > 1) {
			checkUnwritable(op, value, path, r)
			continue
		}
		if path == "segments" {
			r.unsupported(path, "API v2 has no segments of customers to write")
			continue
		}
		checkCustomerField(env, value, path, r)
	}
	return r.err(op)
}

// checkUnwritable lets two fields pass that a record that was read can hold: a
// status, which checkCustomerChange compares with the one there is, and segments
// that are none, since a read here never shows any.
func checkUnwritable(op driver.Op, value *amogatev1.Customer, path string, r *report) {
	switch {
	case path == "status_id" && op == driver.OpUpdate:
	case path == "status_id":
		r.unsupported(path, "API v2 has no statuses of customers to write")
	case path == "segments" && len(value.GetSegments()) == 0:
	case path == "segments":
		r.unsupported(path, "API v2 has no segments of customers to write")
	case !customerFields[path]:
		r.invalid(path, "a customer has no such field")
	case op == driver.OpUpdate && supportsCustomer(driver.OpCreate, path):
		r.invalid(path, "can be set on create only")
	case op == driver.OpUpdate:
		r.invalid(path, "is output only")
	}
}

func checkCustomerField(env *driver.Env, value *amogatev1.Customer, path string, r *report) {
	switch path {
	case "next_purchase_time":
		checkInstant(path, value.GetNextPurchaseTime(), r)
	case "create_time":
		checkInstant(path, value.GetCreateTime(), r)
	case "next_price":
		checkPrice(env, path, value.GetNextPrice(), r)
	case "responsible_user_id":
		checkNotNegative(path, value.GetResponsibleUserId(), r)
	case "period_id":
		checkNotNegative(path, value.GetPeriodId(), r)
	case "periodicity":
		checkNotNegative(path, int64(value.GetPeriodicity()), r)
	case "company_id":
		checkNotNegative(path, value.GetCompanyId(), r)
	case "created_by":
		checkNotNegative(path, value.GetCreatedBy(), r)
	case "tags":
		for i, t := range value.GetTags() {
			if strings.TrimSpace(t.GetName()) == "" {
				r.invalid(fmt.Sprintf("tags[%d].name", i), "is required")
			}
		}
	case "contact_ids":
		for i, id := range value.GetContactIds() {
			if id <= 0 {
				r.invalid(fmt.Sprintf("contact_ids[%d]", i), "must be the id of a contact")
			}
		}
	case "custom_fields":
		checkCustomFields(env, value.GetCustomFields(), r)
	case "catalog_elements":
		checkCatalogElements(value.GetCatalogElements(), r)
	}
}

// customerNeedsBefore: contacts are written as differences, an unlink names the
// company to unlink, catalog elements can be cleared only where there are none,
// and a status can only be the one that there is.
func customerNeedsBefore(value *amogatev1.Customer, paths []string) bool {
	return slices.Contains(paths, "contact_ids") ||
		slices.Contains(paths, "status_id") ||
		slices.Contains(paths, "company_id") && value.GetCompanyId() == 0 ||
		clearsCatalogElements(value, paths)
}

func clearsCatalogElements(value *amogatev1.Customer, paths []string) bool {
	return slices.Contains(paths, "catalog_elements") && len(value.GetCatalogElements()) == 0
}

// checkCustomerChange refuses to clear catalog elements that are there, and
// another status than there is. An empty list where there are none and the same
// status change nothing: a record that was read may be sent back.
func checkCustomerChange(change driver.Change[*amogatev1.Customer]) error {
	r := &report{resource: customersName, record: "customer"}
	if clearsCatalogElements(change.Value, change.Paths) && len(change.Before.GetCatalogElements()) > 0 {
		r.unsupported("catalog_elements", "API v2 cannot unlink elements of catalogs; leave the field out")
	}
	// A period of v2 is a status of v4, with the same id: a record that was read
	// over v4 can be sent back.
	before := change.Before.GetStatusId()
	if change.Before.StatusId == nil {
		before = change.Before.GetPeriodId()
	}
	if slices.Contains(change.Paths, "status_id") && change.Value.GetStatusId() != before {
		r.unsupported("status_id", "API v2 has no statuses of customers to write")
	}
	return r.err(driver.OpUpdate)
}

//amogate:operation POST /api/v2/customers#add rpc=CustomerService.CreateCustomer,CustomerService.BatchCreateCustomers
func createCustomers(env *driver.Env, values []*amogatev1.Customer) (driver.Call, error) {
	writes := make([]customerWrite, len(values))
	for i, value := range values {
		w := &writes[i]
		w.RequestID = i + 1
		for _, path := range populated(value) {
			if supportsCustomer(driver.OpCreate, path) {
				w.set(env, value, nil, path)
			}
		}
		// Upstream puts its own defaults only where the keys are absent.
		w.ResponsibleUserID = nonZero(w.ResponsibleUserID)
		w.PeriodID = nonZero(w.PeriodID)
	}
	return writeCall(customersName, customersPath, driver.OpCreate, driver.Create, customersWrite{Add: writes})
}

func nonZero(id *int64) *int64 {
	if id == nil || *id == 0 {
		return nil
	}
	return id
}

//amogate:operation POST /api/v2/customers#update rpc=CustomerService.UpdateCustomer,CustomerService.BatchUpdateCustomers
func updateCustomers(env *driver.Env, changes []driver.Change[*amogatev1.Customer]) (driver.Call, error) {
	writes := make([]customerWrite, len(changes))
	for i, change := range changes {
		if change.Before == nil && customerNeedsBefore(change.Value, change.Paths) {
			return driver.Call{}, &driver.Error{
				Kind:    driver.KindBug,
				Op:      customersName + ".update",
				ID:      change.ID,
				Message: "a change of links came without the record as it is",
			}
		}
		w := &writes[i]
		w.ID = change.ID
		w.UpdatedAt = change.UpdateTime.Unix()
		for _, path := range change.Paths {
			w.set(env, change.Value, change.Before, path)
		}
	}
	return writeCall(customersName, customersPath, driver.OpUpdate, driver.Set, customersWrite{Update: writes})
}

//amogate:operation POST /api/v2/customers#delete rpc=CustomerService.DeleteCustomer,CustomerService.BatchDeleteCustomers
func deleteCustomers(ids []int64) driver.Call {
	// A list of numbers always encodes.
	call, _ := writeCall(customersName, customersPath, driver.OpDelete, driver.Set, customersWrite{Delete: ids})
	return call
}

// set writes one field of a checked customer. A field that is not set is
// cleared: numbers and times by 0, texts by "". Whether upstream takes 0 for
// the responsible user is up to it; it knows no customer without one. before
// is nil on create.
func (w *customerWrite) set(env *driver.Env, value, before *amogatev1.Customer, path string) {
	switch path {
	case "name":
		w.Name = new(value.GetName())
	case "next_purchase_time":
		w.NextDate = new(value.GetNextPurchaseTime().GetSeconds())
	case "next_price":
		w.NextPrice = new(value.GetNextPrice().GetUnits())
	case "responsible_user_id":
		w.ResponsibleUserID = new(value.GetResponsibleUserId())
	case "period_id":
		w.PeriodID = new(value.GetPeriodId())
	case "periodicity":
		w.Periodicity = new(int64(value.GetPeriodicity()))
	case "tags":
		w.Tags = writeTags(value.GetTags())
	case "contact_ids":
		w.ContactsID = without(value.GetContactIds(), before.GetContactIds())
		if gone := without(before.GetContactIds(), value.GetContactIds()); len(gone) > 0 {
			w.unlink().ContactsID = gone
		}
	case "company_id":
		if id := value.GetCompanyId(); id != 0 {
			w.CompanyID = &id
		} else if gone := before.GetCompanyId(); gone != 0 {
			w.unlink().CompanyID = gone
		}
	case "custom_fields":
		if list := value.GetCustomFields(); len(list) > 0 {
			w.CustomFields = writeCustomFields(env, list)
		}
	case "catalog_elements":
		w.CatalogElementsID = writeCatalogElements(value.GetCatalogElements())
	case "create_time":
		w.CreatedAt = new(value.GetCreateTime().GetSeconds())
	case "created_by":
		w.CreatedBy = new(value.GetCreatedBy())
	}
}

func (w *customerWrite) unlink() *unlinkWrite {
	if w.Unlink == nil {
		w.Unlink = &unlinkWrite{}
	}
	return w.Unlink
}

// writeTags joins the names with commas, the one form that is documented for
// customers; "" clears. A name with a comma in it needs the list of names that
// clients send as well.
func writeTags(tags []*amogatev1.Tag) any {
	names := make([]string, len(tags))
	hasComma := false
	for i, t := range tags {
		names[i] = t.GetName()
		hasComma = hasComma || strings.Contains(names[i], ",")
	}
	if hasComma {
		return names
	}
	return strings.Join(names, ", ")
}

// without returns the ids that others lack, in order; nil when there are none.
func without(ids, others []int64) []int64 {
	var left []int64
	for _, id := range ids {
		if !slices.Contains(others, id) {
			left = append(left, id)
		}
	}
	return left
}
