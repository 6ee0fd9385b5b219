package v4

import (
	"cmp"
	"math"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// periodsName is the resource in operation names.
const periodsName = "periods"

// Periods is the codec of the periods of the customers' life cycle, which API v4
// knows as statuses whose conditions tell the days. They cannot be written as a
// set; statuses are written one by one.
func Periods() driver.Periods {
	return driver.Periods{
		Generation:  driver.V4,
		List:        listPeriods,
		Decode:      decodePeriods,
		DecodeError: statusError,
	}
}

// listPeriods asks for the statuses.
//
//amogate:operation GET /api/v4/customers/statuses rpc=PeriodService.ListPeriods
func listPeriods() driver.Call {
	return readCall(periodsName, driver.OpList, statusesPath, nil)
}

// Types of conditions that tell days.
const (
	beforePurchase = "before_purchase"
	afterToday     = "after_today"
)

// stage is a status on its way to a period.
type stage struct {
	status *amogatev1.CustomerStatus
	kind   amogatev1.PeriodKind
	// code is the type of the first condition, where the kind is not known.
	code string
	// days is the distance to the purchase at which the status begins; told says
	// that upstream tells it.
	days int32
	told bool
}

// decodePeriods puts the statuses before the purchase first, then those after
// it, then those of which neither is known; each kind from the purchase on.
func decodePeriods(body []byte) ([]*amogatev1.Period, error) {
	page, err := decodePage(periodsName, body, rowAs((*status).toProto), statusesKey)
	if err != nil {
		return nil, err
	}
	stages := make([]stage, len(page.Rows))
	for i, s := range page.Rows {
		stages[i] = newStage(s)
	}
	slices.SortStableFunc(stages, compareStages)
	periods := make([]*amogatev1.Period, len(stages))
	for start := 0; start < len(stages); {
		end := start + 1
		for end < len(stages) && stages[end].kind == stages[start].kind {
			end++
		}
		for i := range stages[start:end] {
			periods[start+i] = stages[start+i].period(i, stages[start:end])
		}
		start = end
	}
	return periods, nil
}

// newStage goes by the conditions first: a documented sample has a type that is
// not that of its condition. Of several days it takes the longest before the
// purchase and the shortest after it, at which customers come in first.
func newStage(s *amogatev1.CustomerStatus) stage {
	st := stage{status: s}
	var hasBefore, hasAfter bool
	var before, after int32
	for _, c := range conditionsOf(s.GetConditions()) {
		if st.code == "" {
			st.code = c.code
		}
		switch c.code {
		case beforePurchase:
			before, hasBefore = max(before, c.days), true
		case afterToday:
			if !hasAfter || c.days < after {
				after = c.days
			}
			hasAfter = true
		}
	}
	isAfter := s.GetKind() == amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_DID_NOT_BUY ||
		s.GetKind() == amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_CLOSED
	switch {
	case hasBefore && (!hasAfter || !isAfter):
		st.kind, st.days, st.told = amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE, before, true
	case hasAfter:
		st.kind, st.days, st.told = amogatev1.PeriodKind_PERIOD_KIND_AFTER_PURCHASE, after, true
	case isAfter:
		// "Did not buy" has no condition: it begins with the missed purchase.
		st.kind = amogatev1.PeriodKind_PERIOD_KIND_AFTER_PURCHASE
	case s.GetKind() != amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_UNSPECIFIED:
		// "Bought recently" has no condition either, and the account's own
		// statuses stand between that one and the purchase.
		st.kind = amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE
	}
	return st
}

// compareStages puts what begins at an untold day farthest from the purchase,
// or, after it, next to it. Upstream's order runs towards the purchase before
// it and away from it after it.
func compareStages(a, b stage) int {
	if c := cmp.Compare(kindOrder(a.kind), kindOrder(b.kind)); c != 0 {
		return c
	}
	if a.kind == amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE {
		if a.told != b.told {
			return falseLast(a.told)
		}
		return cmp.Or(cmp.Compare(a.days, b.days), cmp.Compare(b.status.GetSort(), a.status.GetSort()))
	}
	if a.told != b.told {
		return -falseLast(a.told)
	}
	return cmp.Or(cmp.Compare(a.days, b.days), cmp.Compare(a.status.GetSort(), b.status.GetSort()))
}

func falseLast(a bool) int {
	if a {
		return -1
	}
	return 1
}

// kindOrder puts the kinds in the order of their numbers, the unknown one last.
func kindOrder(kind amogatev1.PeriodKind) int32 {
	if kind != amogatev1.PeriodKind_PERIOD_KIND_UNSPECIFIED {
		return int32(kind)
	}
	return math.MaxInt32
}

// periodCodes are the codes of the kinds that API v2 has for them.
var periodCodes = map[amogatev1.PeriodKind]string{
	amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE: "before",
	amogatev1.PeriodKind_PERIOD_KIND_AFTER_PURCHASE:  "after",
}

// period returns the period of the stage at index i of those of its kind. Its
// length is what lies between its first day and that of the neighbour that
// follows in time; 0 = upstream does not tell, or there is no end. Its order is
// the place, counted from the purchase: upstream's runs over the whole board.
func (st *stage) period(i int, kin []stage) *amogatev1.Period {
	p := &amogatev1.Period{
		Id:       st.status.GetId(),
		Kind:     st.kind,
		KindCode: cmp.Or(periodCodes[st.kind], st.code),
		Sort:     int32(i), //nolint:gosec // a list has no more than 100,000 elements
		Color:    st.status.GetColor(),
		Name:     st.status.GetName(),
	}
	switch st.kind {
	case amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE:
		if !st.told {
			break
		}
		p.DaysBeforePurchase = new(st.days)
		p.LengthDays = st.days
		if i > 0 {
			p.LengthDays = st.days - kin[i-1].days
		}
	case amogatev1.PeriodKind_PERIOD_KIND_AFTER_PURCHASE:
		if st.told {
			p.DaysAfterPurchase = new(st.days)
		}
		if i+1 < len(kin) && kin[i+1].told {
			p.LengthDays = kin[i+1].days - st.days
		}
	case amogatev1.PeriodKind_PERIOD_KIND_UNSPECIFIED:
	}
	return p
}

// conditionDays is one condition of a status: its type and, where the type is
// one that tells days, the days.
type conditionDays struct {
	code string
	days int32
}

// conditionsOf flattens the conditions, which upstream keeps free of form:
// alternatives of conditions, of which some can be empty. A condition that
// should tell days and does not is left out.
func conditionsOf(groups *structpb.ListValue) []conditionDays {
	var found []conditionDays
	add := func(v *structpb.Value) {
		fields := v.GetStructValue().GetFields()
		code := fields["type"].GetStringValue()
		switch code {
		case "":
			return
		case beforePurchase, afterToday:
			days, ok := daysOf(fields)
			if ok {
				found = append(found, conditionDays{code, days})
			}
		default:
			found = append(found, conditionDays{code: code})
		}
	}
	for _, group := range groups.GetValues() {
		switch {
		case group.GetListValue() != nil:
			for _, v := range group.GetListValue().GetValues() {
				add(v)
			}
		case group.GetStructValue().GetFields()["type"] != nil:
			add(group)
		default:
			// A PHP list that does not begin at 0.
			members := group.GetStructValue().GetFields()
			for _, key := range sortedKeys(members) {
				add(members[key])
			}
		}
	}
	return found
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// daysOf reads {"match":{"value":60},"conditions":[{"value":60}]}.
func daysOf(condition map[string]*structpb.Value) (int32, bool) {
	if days, ok := wholeDays(condition["match"].GetStructValue().GetFields()["value"]); ok {
		return days, true
	}
	for _, v := range condition["conditions"].GetListValue().GetValues() {
		if days, ok := wholeDays(v.GetStructValue().GetFields()["value"]); ok {
			return days, true
		}
	}
	return 0, false
}

// wholeDays reads a number of days, in quotes or not.
func wholeDays(v *structpb.Value) (int32, bool) {
	switch kind := v.GetKind().(type) {
	case *structpb.Value_NumberValue:
		n := kind.NumberValue
		if n != math.Trunc(n) || n < 0 || n > math.MaxInt32 {
			return 0, false
		}
		return int32(n), true
	case *structpb.Value_StringValue:
		n, err := wire.ParseInt(kind.StringValue)
		if err != nil || n < 0 || n > math.MaxInt32 {
			return 0, false
		}
		return int32(n), true
	}
	return 0, false
}
