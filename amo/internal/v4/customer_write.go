package v4

import (
	"fmt"
	"net/http"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// customerWrite is a row of POST or PATCH, by key: a key that is absent is kept,
// null clears it.
type customerWrite map[string]any

// setNumber writes null where there is none.
func (w customerWrite) setNumber(key string, isSet bool, n int64) {
	w[key] = nil
	if isSet {
		w[key] = n
	}
}

// embed writes what stands inside of `_embedded`.
func (w customerWrite) embed(key string, value any) {
	embedded, ok := w["_embedded"].(map[string]any)
	if !ok {
		embedded = map[string]any{}
		w["_embedded"] = embedded
	}
	embedded[key] = value
}

// tagWrite carries the name alone: upstream refuses tags with an id and a name.
type tagWrite struct {
	Name string `json:"name"`
}

type linkWrite struct {
	ID int64 `json:"id"`
}

// set writes one field of a checked customer. A field that is not set is
// cleared: texts by "", numbers that have a nothing of their own by 0, everything
// else by null. What cannot be empty upstream refuses, by name.
func (w customerWrite) set(env *driver.Env, value *amogatev1.Customer, path string) {
	switch path {
	case "name":
		w["name"] = value.GetName()
	case "next_purchase_time":
		w.setNumber("next_date", value.GetNextPurchaseTime() != nil, value.GetNextPurchaseTime().GetSeconds())
	case "next_price":
		w["next_price"] = 0
		if price := value.GetNextPrice(); price != nil {
			w["next_price"] = writeMoney(price)
		}
	case "responsible_user_id":
		w.setNumber("responsible_user_id", value.ResponsibleUserId != nil, value.GetResponsibleUserId())
	case "status_id":
		w.setNumber("status_id", value.StatusId != nil, value.GetStatusId())
	case "periodicity":
		w["periodicity"] = value.GetPeriodicity()
	case "custom_fields":
		// They merge by field: none to write is none to change.
		if list := withoutOrganisations(value.GetCustomFields()); len(list) > 0 {
			w["custom_fields_values"] = writeCustomFields(env, list)
		}
	case "tags":
		w.embed("tags", writeTags(value.GetTags()))
	case "segments":
		var segments []linkWrite
		for _, segment := range value.GetSegments() {
			segments = append(segments, linkWrite{ID: segment.GetId()})
		}
		w.embed("segments", segments)
	case "create_time":
		w["created_at"] = value.GetCreateTime().GetSeconds()
	case "created_by":
		w["created_by"] = value.GetCreatedBy()
	}
}

// writeTags returns nil, which is null and clears, when there are none.
func writeTags(tags []*amogatev1.Tag) []tagWrite {
	var writes []tagWrite
	for _, t := range tags {
		writes = append(writes, tagWrite{Name: t.GetName()})
	}
	return writes
}

func tagNames(names []string) []tagWrite {
	writes := make([]tagWrite, len(names))
	for i, name := range names {
		writes[i] = tagWrite{Name: name}
	}
	return writes
}

// createCustomers describes the creation. Upstream puts its own defaults where
// keys are absent.
//
//amogate:operation POST /api/v4/customers rpc=CustomerService.CreateCustomer,CustomerService.BatchCreateCustomers
func createCustomers(env *driver.Env, values []*amogatev1.Customer) (driver.Call, error) {
	writes := make([]customerWrite, len(values))
	for i, value := range values {
		writes[i] = customerWrite{"request_id": requestID(i)}
		for _, path := range populated(value) {
			if path == "responsible_user_id" && value.GetResponsibleUserId() == 0 {
				continue
			}
			if supportsCustomer(driver.OpCreate, path) {
				writes[i].set(env, value, path)
			}
		}
	}
	return writeCall(customersName, driver.OpCreate, http.MethodPost, customersPath, driver.Create, writes)
}

// updateCustomers describes the write of everything but links.
//
//amogate:operation PATCH /api/v4/customers rpc=CustomerService.BatchUpdateCustomers
//amogate:operation PATCH /api/v4/customers/{id} rpc=CustomerService.UpdateCustomer,CustomerService.BatchUpdateCustomers
func updateCustomers(env *driver.Env, changes []driver.Change[*amogatev1.Customer]) (driver.Call, error) {
	var writes []customerWrite
	var id int64
	for i, change := range changes {
		_, rest := linkedCustomer(change.Paths)
		if !rest && len(change.AddTags)+len(change.RemoveTags) == 0 {
			continue
		}
		w := customerWrite{"id": change.ID, "request_id": requestID(i)}
		for _, path := range change.Paths {
			w.set(env, change.Value, path)
		}
		if len(change.AddTags) > 0 {
			w["tags_to_add"] = tagNames(change.AddTags)
		}
		if len(change.RemoveTags) > 0 {
			w["tags_to_delete"] = tagNames(change.RemoveTags)
		}
		writes = append(writes, w)
		id = change.ID
	}
	if len(writes) == 1 {
		delete(writes[0], "id")
		return writeCall(customersName, driver.OpUpdate, http.MethodPatch, itemPath(customersPath, id), driver.Set, writes[0])
	}
	return writeCall(customersName, driver.OpUpdate, http.MethodPatch, customersPath, driver.Set, writes)
}

// customerLinkPaths are the fields that are links, which have requests of their
// own.
var customerLinkPaths = []string{"catalog_elements", "company_id", "contact_ids"}

func isCustomerLink(path string) bool { return slices.Contains(customerLinkPaths, path) }

func linkedCustomer(paths []string) (links, rest bool) {
	for _, path := range paths {
		if isCustomerLink(path) {
			links = true
		} else {
			rest = true
		}
	}
	return links, rest
}

// customerNeedsBefore: links are written as differences, and an organisation can
// only be the one that there is.
func customerNeedsBefore(value *amogatev1.Customer, paths []string) bool {
	links, _ := linkedCustomer(paths)
	return links || slices.Contains(paths, "custom_fields") && slices.ContainsFunc(value.GetCustomFields(), isOrganisation)
}

// checkCustomerChange refuses to change organisations, which upstream shows and
// does not take. The same one is left out of the write, so that a record that was
// read can be sent back.
func checkCustomerChange(change driver.Change[*amogatev1.Customer]) error {
	r := &report{resource: customersName, record: "customer"}
	if slices.Contains(change.Paths, "custom_fields") {
		for i, field := range change.Value.GetCustomFields() {
			same := func(before *amogatev1.CustomField) bool {
				return before.GetFieldId() == field.GetFieldId() && proto.Equal(before.GetOrganisation(), field.GetOrganisation())
			}
			if isOrganisation(field) && !slices.ContainsFunc(change.Before.GetCustomFields(), same) {
				r.unsupported(fmt.Sprintf("custom_fields[%d].organisation", i), organisationRemedy)
			}
		}
	}
	return r.err(driver.OpUpdate)
}

func isOrganisation(field *amogatev1.CustomField) bool { return field.GetOrganisation() != nil }

func withoutOrganisations(fields []*amogatev1.CustomField) []*amogatev1.CustomField {
	return slices.DeleteFunc(slices.Clone(fields), isOrganisation)
}
