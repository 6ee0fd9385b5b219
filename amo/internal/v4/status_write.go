package v4

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// statusWrite is a new status or a change of one; what is nil is not sent.
type statusWrite struct {
	Name      *string `json:"name,omitzero"`
	Sort      *int32  `json:"sort,omitzero"`
	Color     *string `json:"color,omitzero"`
	RequestID string  `json:"request_id"`
}

// writableStatus are the fields of a status that can be written.
var writableStatus = map[string]bool{"name": true, "sort": true, "color": true}

// statusFields are the names of the fields of a status.
var statusFields = fieldNames((*amogatev1.CustomerStatus)(nil).ProtoReflect().Descriptor())

func supportsStatus(op driver.Op, path string) bool {
	switch op {
	case driver.OpList, driver.OpGet:
		return path == "" || statusFields[path]
	case driver.OpCreate, driver.OpUpdate:
		return path == "" || writableStatus[path]
	case driver.OpDelete:
		return path == "" || path == "id"
	}
	return false
}

// checkStatus checks the fields of paths; on create without paths, those that
// are set, of which output-only ones are ignored.
func checkStatus(_ *driver.Env, op driver.Op, value *amogatev1.CustomerStatus, paths []string) error {
	r := &report{resource: statusesName, record: "status"}
	if op == driver.OpCreate {
		if value.GetName() == "" {
			r.invalid("name", "is required of a new status")
		}
		if value.Sort == nil {
			r.invalid("sort", "is required of a new status")
		}
		paths = writablePaths(value, paths, supportsStatus)
	}
	for _, path := range paths {
		switch {
		case !statusFields[path]:
			r.invalid(path, "a status has no such field")
		case supportsStatus(op, path):
			checkStatusField(op, value, path, r)
		case op == driver.OpUpdate:
			r.invalid(path, "is output only")
		}
	}
	return r.err(op)
}

// writablePaths returns paths, or, where there are none, those of the fields of
// a new value that are set and can be written.
func writablePaths(value proto.Message, paths []string, supports func(driver.Op, string) bool) []string {
	if len(paths) > 0 {
		return paths
	}
	return slices.DeleteFunc(populated(value), func(path string) bool { return !supports(driver.OpCreate, path) })
}

// checkStatusField refuses to clear a field: upstream documents no status
// without them. A new status may go without a colour.
func checkStatusField(op driver.Op, value *amogatev1.CustomerStatus, path string, r *report) {
	isUpdate := op == driver.OpUpdate
	switch path {
	case "name":
		if isUpdate && value.GetName() == "" {
			r.invalid(path, "cannot be cleared; send a name")
		}
	case "sort":
		if value.Sort == nil && isUpdate {
			r.invalid(path, "cannot be cleared; send a number")
		}
		checkNotNegative(path, int64(value.GetSort()), r)
	case "color":
		checkColor(path, value.GetColor(), isUpdate, r)
	}
}

// colorPattern takes colours outside of the palettes of upstream's interface:
// those of the system's statuses are.
var colorPattern = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

func checkColor(path, color string, isUpdate bool, r *report) {
	switch {
	case color == "" && isUpdate:
		r.invalid(path, "cannot be cleared; send a colour")
	case color != "" && !colorPattern.MatchString(color):
		r.invalid(path, `must be a colour like "#fffeb2"`)
	}
}

// createStatuses sends new statuses; all of them at once is what upstream wants.
//
//amogate:operation POST /api/v4/customers/statuses rpc=CustomerStatusService.CreateCustomerStatus
func createStatuses(_ *driver.Env, values []*amogatev1.CustomerStatus) (driver.Call, error) {
	writes := make([]statusWrite, len(values))
	for i, value := range values {
		writes[i] = statusWrite{Name: new(value.GetName()), Sort: new(value.GetSort()), RequestID: requestID(i)}
		if color := value.GetColor(); color != "" {
			writes[i].Color = &color
		}
	}
	return writeCall(statusesName, driver.OpCreate, http.MethodPost, statusesPath, driver.Create, writes)
}

// updateStatus sends the one change that a call can hold.
//
//amogate:operation PATCH /api/v4/customers/statuses/{id} rpc=CustomerStatusService.UpdateCustomerStatus
func updateStatus(_ *driver.Env, changes []driver.Change[*amogatev1.CustomerStatus]) (driver.Call, error) {
	if len(changes) != 1 {
		return driver.Call{}, oneByOneError(statusesName, driver.OpUpdate)
	}
	change := changes[0]
	w := statusWrite{RequestID: requestID(0)}
	for _, path := range change.Paths {
		switch path {
		case "name":
			w.Name = new(change.Value.GetName())
		case "sort":
			w.Sort = new(change.Value.GetSort())
		case "color":
			w.Color = new(change.Value.GetColor())
		}
	}
	return writeCall(statusesName, driver.OpUpdate, http.MethodPatch, itemPath(statusesPath, change.ID), driver.Set, w)
}

// deleteStatus deletes the one status that a call can name.
//
//amogate:operation DELETE /api/v4/customers/statuses/{id} rpc=CustomerStatusService.DeleteCustomerStatus
func deleteStatus(ids []int64) driver.Call {
	return deleteOne(statusesName, statusesPath, ids)
}

// decodeStatusWrite decodes the answer to a write: rows in an envelope, the bare
// status, or nothing to a deletion.
func decodeStatusWrite(op driver.Op, body []byte) (driver.WriteReply, error) {
	if err := checkFound(statusesName, op, body); err != nil {
		return driver.WriteReply{}, err
	}
	return writeReader{
		resource: statusesName, op: op, keys: []string{statusesKey}, errors: statusErrors, told: toldStatus,
	}.decode(body)
}

// toldStatus keeps of an answer what is output only. The rest is as sent, and
// upstream may number `sort` anew some time later.
func toldStatus(raw jsontext.Value) (proto.Message, error) {
	var w status
	if err := wire.Unmarshal(raw, &w); err != nil {
		return nil, err
	}
	msg, err := w.toProto()
	if err != nil {
		return nil, err
	}
	return told(&amogatev1.CustomerStatus{Kind: msg.GetKind(), KindCode: msg.GetKindCode(), System: msg.System, AccountId: msg.AccountId}), nil
}

// statusPaths are upstream's names of the fields of a status.
var statusPaths = pathMap{"name": "name", "sort": "sort", "color": "color"}

var statusErrors = errorReader{
	field:       statusPaths.field,
	ofCustomers: true,
	needed:      modePeriodicity,
}

// statusError leaves the answer to the read of an unknown status to the decoder
// of data, where it is no rows.
func statusError(r driver.Response) *driver.Error {
	if isMissing(r) {
		return nil
	}
	return statusErrors.decode(r)
}
