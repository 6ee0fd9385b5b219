package v4

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// segmentWrite is a new segment or a change of one; what is nil is not sent.
type segmentWrite struct {
	Name  *string `json:"name,omitzero"`
	Color *string `json:"color,omitzero"`
	// PriceTypes replace the set; nil ones clear it.
	PriceTypes   *[]int64     `json:"available_products_price_types,omitzero"`
	CustomFields []fieldWrite `json:"custom_fields_values,omitzero"`
	RequestID    string       `json:"request_id"`
}

// writableSegment are the fields of a segment that can be written.
var writableSegment = map[string]bool{
	"name":                           true,
	"color":                          true,
	"available_products_price_types": true,
	"custom_fields":                  true,
}

// segmentFields are the names of the fields of a segment.
var segmentFields = fieldNames((*amogatev1.CustomerSegment)(nil).ProtoReflect().Descriptor())

func supportsSegment(op driver.Op, path string) bool {
	switch op {
	case driver.OpList, driver.OpGet:
		return path == "" || segmentFields[path]
	case driver.OpCreate, driver.OpUpdate:
		return path == "" || writableSegment[path]
	case driver.OpDelete:
		return path == "" || path == "id"
	}
	return false
}

// checkSegment checks the fields of paths; on create without paths, those that
// are set, of which output-only ones are ignored.
func checkSegment(env *driver.Env, op driver.Op, value *amogatev1.CustomerSegment, paths []string) error {
	r := &report{resource: segmentsName, record: "segment"}
	if op == driver.OpCreate {
		if value.GetName() == "" {
			r.invalid("name", "is required of a new segment")
		}
		paths = writablePaths(value, paths, supportsSegment)
	}
	for _, path := range paths {
		switch {
		case !segmentFields[path]:
			r.invalid(path, "a segment has no such field")
		case supportsSegment(op, path):
			checkSegmentField(env, op, value, path, r)
		case op == driver.OpUpdate:
			r.invalid(path, "is output only")
		}
	}
	return r.err(op)
}

func checkSegmentField(env *driver.Env, op driver.Op, value *amogatev1.CustomerSegment, path string, r *report) {
	isUpdate := op == driver.OpUpdate
	switch path {
	case "name":
		if isUpdate && value.GetName() == "" {
			r.invalid(path, "cannot be cleared; send a name")
		}
	case "color":
		checkColor(path, value.GetColor(), isUpdate, r)
	case "available_products_price_types":
		for i, id := range value.GetAvailableProductsPriceTypes() {
			if id <= 0 {
				r.invalid(fmt.Sprintf("%s[%d]", path, i), "must be the id of a price field")
			}
		}
	case "custom_fields":
		checkCustomFields(env, value.GetCustomFields(), false, r)
	}
}

// createSegment sends the one new segment that a call can hold, not in a list.
//
//amogate:operation POST /api/v4/customers/segments rpc=CustomerSegmentService.CreateCustomerSegment
func createSegment(env *driver.Env, values []*amogatev1.CustomerSegment) (driver.Call, error) {
	if len(values) != 1 {
		return driver.Call{}, oneByOneError(segmentsName, driver.OpCreate)
	}
	w := writeSegment(env, values[0], populated(values[0]))
	return writeCall(segmentsName, driver.OpCreate, http.MethodPost, segmentsPath, driver.Create, w)
}

// updateSegment sends the one change that a call can hold.
//
//amogate:operation PATCH /api/v4/customers/segments/{id} rpc=CustomerSegmentService.UpdateCustomerSegment
func updateSegment(env *driver.Env, changes []driver.Change[*amogatev1.CustomerSegment]) (driver.Call, error) {
	if len(changes) != 1 {
		return driver.Call{}, oneByOneError(segmentsName, driver.OpUpdate)
	}
	w := writeSegment(env, changes[0].Value, changes[0].Paths)
	return writeCall(segmentsName, driver.OpUpdate, http.MethodPatch, itemPath(segmentsPath, changes[0].ID), driver.Set, w)
}

// writeSegment holds the fields of paths that can be written.
func writeSegment(env *driver.Env, value *amogatev1.CustomerSegment, paths []string) segmentWrite {
	w := segmentWrite{RequestID: requestID(0)}
	for _, path := range paths {
		switch path {
		case "name":
			w.Name = new(value.GetName())
		case "color":
			w.Color = new(strings.TrimPrefix(value.GetColor(), "#"))
		case "available_products_price_types":
			w.PriceTypes = new(value.GetAvailableProductsPriceTypes())
		case "custom_fields":
			// They merge: none of them change nothing.
			if len(value.GetCustomFields()) > 0 {
				w.CustomFields = writeCustomFields(env, value.GetCustomFields())
			}
		}
	}
	return w
}

// deleteSegment deletes the one segment that a call can name.
//
//amogate:operation DELETE /api/v4/customers/segments/{id} rpc=CustomerSegmentService.DeleteCustomerSegment
func deleteSegment(ids []int64) driver.Call {
	return deleteOne(segmentsName, segmentsPath, ids)
}

// decodeSegmentWrite decodes the answer to a write: the bare segment, or nothing
// to a deletion.
func decodeSegmentWrite(op driver.Op, body []byte) (driver.WriteReply, error) {
	if err := checkFound(segmentsName, op, body); err != nil {
		return driver.WriteReply{}, err
	}
	return writeReader{
		resource: segmentsName, op: op, keys: []string{segmentsKey}, errors: segmentErrors, told: toldSegment,
	}.decode(body)
}

// toldSegment keeps of an answer what is output only; the rest is as sent.
func toldSegment(raw jsontext.Value) (proto.Message, error) {
	var w segment
	if err := wire.Unmarshal(raw, &w); err != nil {
		return nil, err
	}
	return told(&amogatev1.CustomerSegment{
		CustomersCount: optional(w.CustomersCount),
		CreateTime:     w.CreatedAt.Timestamp(),
		UpdateTime:     w.UpdatedAt.Timestamp(),
		AccountId:      optional(w.AccountID),
	}), nil
}

// segmentPaths are upstream's names of the fields of a segment.
var segmentPaths = pathMap{
	"name":                             "name",
	"color":                            "color",
	"available_products_price_types":   "available_products_price_types",
	"available_products_price_types.#": "available_products_price_types[#]",
	"custom_fields_values":             "custom_fields",
	"custom_fields_values.#":           "custom_fields[#]",
	"custom_fields_values.#.field_id":  "custom_fields[#].field_id",
}

var segmentErrors = errorReader{
	field:       segmentPaths.field,
	ofCustomers: true,
	needed:      modeSegments,
}

// segmentError leaves the answer to the read of an unknown segment to the
// decoder of data, where it is no rows.
func segmentError(r driver.Response) *driver.Error {
	if isMissing(r) {
		return nil
	}
	return segmentErrors.decode(r)
}
