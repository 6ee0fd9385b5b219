package v4

import (
	"errors"
	"math"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// statusesName is the resource in operation names.
const statusesName = "customer_statuses"

const statusesPath = basePath + "/customers/statuses"

// statusesKey is the key of the rows in answers.
const statusesKey = "statuses"

// Statuses is the codec of the statuses of customers, which accounts whose
// customers work by periodicity have.
func Statuses() driver.Resource[*amogatev1.CustomerStatus, *amogatev1.ListCustomerStatusesRequest] {
	return driver.Resource[*amogatev1.CustomerStatus, *amogatev1.ListCustomerStatusesRequest]{
		Name:        statusesName,
		Generation:  driver.V4,
		MaxPage:     maxPage,
		MaxIDs:      maxIDs,
		MaxBatch:    maxBatch,
		MaxUpdate:   1,
		MaxDelete:   1,
		Whole:       true,
		Supports:    supportsStatus,
		List:        listStatuses,
		Local:       func(*amogatev1.ListCustomerStatusesRequest) []string { return nil },
		ByIDs:       statusesByIDs,
		DecodeList:  decodeStatuses,
		Check:       checkStatus,
		NeedsBefore: func(*amogatev1.CustomerStatus, []string) bool { return false },
		CheckChange: func(driver.Change[*amogatev1.CustomerStatus]) error { return nil },
		Create:      createStatuses,
		Update:      updateStatus,
		Delete:      deleteStatus,
		DecodeWrite: decodeStatusWrite,
		DecodeError: statusError,
	}
}

// listStatuses asks for all statuses: they come on one page, and are at most 30.
//
//amogate:operation GET /api/v4/customers/statuses rpc=CustomerStatusService.ListCustomerStatuses
func listStatuses(_ *driver.Env, _ *amogatev1.ListCustomerStatusesRequest, offset int64, limit int) (driver.Call, error) {
	if offset != 0 || limit < 1 {
		return driver.Call{}, wholeListError(statusesName, offset, limit)
	}
	return readCall(statusesName, driver.OpList, statusesPath, nil), nil
}

// wholeListError says that a page of a list was asked that has only one.
func wholeListError(resource string, offset int64, limit int) *driver.Error {
	return &driver.Error{
		Kind:    driver.KindBug,
		Op:      resource + "." + string(driver.OpList),
		Message: "a list of one page was asked for " + strconv.Itoa(limit) + " rows at " + strconv.FormatInt(offset, 10),
	}
}

// statusesByIDs asks for one status, or, as there is no filter, for all.
//
//amogate:operation GET /api/v4/customers/statuses/{id} rpc=CustomerStatusService.GetCustomerStatus
func statusesByIDs(ids []int64) driver.Call {
	if len(ids) == 1 {
		return readCall(statusesName, driver.OpGet, itemPath(statusesPath, ids[0]), nil)
	}
	return readCall(statusesName, driver.OpGet, statusesPath, nil)
}

// status is a status as reads show it.
type status struct {
	ID        wire.Int  `json:"id"`
	Name      wire.Text `json:"name"`
	Sort      wire.Int  `json:"sort"`
	IsDefault wire.Bool `json:"is_default"`
	// Conditions are free of form.
	Conditions jsontext.Value `json:"conditions"`
	Color      wire.Text      `json:"color"`
	Type       wire.Text      `json:"type"`
	AccountID  wire.Int       `json:"account_id"`
}

// statusKinds are the kinds by upstream's codes.
var statusKinds = map[string]amogatev1.CustomerStatusKind{
	"0": amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_NORMAL,
	"1": amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_PURCHASE_EXPECTED,
	"2": amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_DID_NOT_BUY,
	"3": amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_CLOSED,
	"4": amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_BOUGHT_RECENTLY,
}

var errSort = errors.New("sort is out of range")

// decodeStatuses decodes the statuses; one that does not exist is none.
func decodeStatuses(_ *driver.Env, body []byte) (driver.Page[*amogatev1.CustomerStatus], error) {
	if _, missing := missingText(body); missing {
		return driver.Page[*amogatev1.CustomerStatus]{}, nil
	}
	page, err := decodePage(statusesName, body, rowAs((*status).toProto), statusesKey)
	page.Next = false
	return page, err
}

func (w *status) toProto() (*amogatev1.CustomerStatus, error) {
	if w.ID.Value <= 0 {
		return nil, errNoID
	}
	msg := &amogatev1.CustomerStatus{
		Id:        w.ID.Value,
		Name:      w.Name.Value,
		Color:     w.Color.Value,
		Kind:      statusKinds[w.Type.Value],
		KindCode:  w.Type.Value,
		AccountId: optional(w.AccountID),
	}
	if w.Sort.Set {
		if w.Sort.Value < math.MinInt32 || w.Sort.Value > math.MaxInt32 {
			return nil, errSort
		}
		msg.Sort = new(int32(w.Sort.Value))
	}
	if w.IsDefault.Set {
		msg.System = new(w.IsDefault.Value)
	}
	conditions, err := readConditions(w.Conditions)
	if err != nil {
		return nil, err
	}
	msg.Conditions = conditions
	return msg, nil
}

// readConditions keeps the conditions as they are. No key and null are none,
// which is not the empty list.
func readConditions(raw jsontext.Value) (*structpb.ListValue, error) {
	if len(raw) == 0 || raw.Kind() == jsontext.KindNull {
		return nil, nil
	}
	var elements wire.List[jsontext.Value]
	if members, err := readMembers(raw); err == nil && hasTextKey(members) {
		// One object in place of the list: its names must not be lost.
		elements = wire.List[jsontext.Value]{raw}
	} else if err := wire.Unmarshal(raw, &elements); err != nil {
		return nil, err
	}
	conditions := &structpb.ListValue{}
	for _, element := range elements {
		v, err := wire.Value(element)
		if err != nil {
			return nil, err
		}
		conditions.Values = append(conditions.Values, v)
	}
	return conditions, nil
}

// hasTextKey tells an object from a PHP list that does not begin at 0.
func hasTextKey(members []member) bool {
	return slices.ContainsFunc(members, func(m member) bool {
		_, err := strconv.Atoi(m.name)
		return err != nil
	})
}
