package v4

import (
	"fmt"
	"slices"
	"strings"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// customerWritable are the fields of a customer that can be written, by
// operation.
var customerWritable = map[string][]driver.Op{
	"name":                {driver.OpCreate, driver.OpUpdate},
	"next_purchase_time":  {driver.OpCreate, driver.OpUpdate},
	"next_price":          {driver.OpCreate, driver.OpUpdate},
	"responsible_user_id": {driver.OpCreate, driver.OpUpdate},
	"status_id":           {driver.OpCreate, driver.OpUpdate},
	"periodicity":         {driver.OpCreate, driver.OpUpdate},
	"tags":                {driver.OpCreate, driver.OpUpdate},
	"segments":            {driver.OpCreate, driver.OpUpdate},
	"custom_fields":       {driver.OpCreate, driver.OpUpdate},
	"contact_ids":         {driver.OpUpdate},
	"company_id":          {driver.OpUpdate},
	"catalog_elements":    {driver.OpUpdate},
	"create_time":         {driver.OpCreate},
	"created_by":          {driver.OpCreate},
}

// customerFields are the names of the fields of a customer.
var customerFields = fieldNames((*amogatev1.Customer)(nil).ProtoReflect().Descriptor())

func supportsCustomer(op driver.Op, path string) bool {
	switch op {
	case driver.OpList, driver.OpGet:
		// Periods are statuses here, and companies come without their names.
		return path == "" || customerFields[path] && path != "period_id" && path != "company_name"
	case driver.OpCreate, driver.OpUpdate:
		return path == "" || slices.Contains(customerWritable[path], op)
	case driver.OpDelete:
	}
	return false
}

// checkCustomer checks the fields of paths; on create without paths, those that
// are set, of which output-only ones are ignored.
func checkCustomer(env *driver.Env, op driver.Op, value *amogatev1.Customer, paths []string) error {
	r := &report{resource: customersName, record: "customer"}
	if op == driver.OpCreate {
		checkNewCustomer(env, value, r)
		if len(paths) == 0 {
			paths = slices.DeleteFunc(populated(value), func(path string) bool {
				return len(customerWritable[path]) == 0 && path != "period_id"
			})
		}
	}
	for _, path := range paths {
		if !supportsCustomer(op, path) {
			checkUnwritableCustomer(op, path, r)
			continue
		}
		checkCustomerField(env, op, value, path, r)
	}
	return r.err(op)
}

func checkNewCustomer(env *driver.Env, value *amogatev1.Customer, r *report) {
	checkText("name", value.GetName(), r)
	if env != nil && env.CustomersMode == modePeriodicity && value.GetNextPurchaseTime() == nil {
		r.invalid("next_purchase_time", "is required of a new customer, since this account works by periodicity")
	}
}

func checkUnwritableCustomer(op driver.Op, path string, r *report) {
	switch {
	case path == "period_id":
		r.unsupported(path, "API v4 has no periods; set status_id instead")
	case op == driver.OpCreate && isCustomerLink(path):
		r.unsupported(path, "API v4 cannot link a customer while it is made; make it without, and link it by an update")
	case !customerFields[path]:
		r.invalid(path, "a customer has no such field")
	case op == driver.OpUpdate && supportsCustomer(driver.OpCreate, path):
		r.invalid(path, "can be set on create only")
	default:
		r.invalid(path, "is output only")
	}
}

func checkCustomerField(env *driver.Env, op driver.Op, value *amogatev1.Customer, path string, r *report) {
	switch path {
	case "next_purchase_time":
		checkInstant(path, value.GetNextPurchaseTime(), r)
	case "create_time":
		checkInstant(path, value.GetCreateTime(), r)
	case "next_price":
		checkMoney(env, path, value.GetNextPrice(), r)
	case "responsible_user_id":
		checkNotNegative(path, value.GetResponsibleUserId(), r)
	case "status_id":
		if value.StatusId != nil {
			checkID(path, value.GetStatusId(), "a status", r)
		}
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
	case "segments":
		ids := make([]int64, len(value.GetSegments()))
		for i, segment := range value.GetSegments() {
			ids[i] = segment.GetId()
		}
		checkIDs("segments[%d].id", ids, "a segment", r)
	case "contact_ids":
		checkIDs("contact_ids[%d]", value.GetContactIds(), "a contact", r)
	case "custom_fields":
		checkCustomFields(env, value.GetCustomFields(), op == driver.OpUpdate, r)
	case "catalog_elements":
		checkCatalogElements(value.GetCatalogElements(), r)
	}
}

// checkIDs wants distinct ids; path is the format of the path of one.
func checkIDs(path string, ids []int64, what string, r *report) {
	for i, id := range ids {
		at := fmt.Sprintf(path, i)
		checkID(at, id, what, r)
		if slices.Contains(ids[:i], id) {
			r.invalid(at, "is listed twice; list it once")
		}
	}
}
