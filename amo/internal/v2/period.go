package v2

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// periodsName is the resource in operation names.
const periodsName = "periods"

const periodsPath = "/api/v2/customers_periods"

// Periods is the codec of the periods of the customers' life cycle.
func Periods() driver.Periods {
	return driver.Periods{
		Generation:  driver.V2,
		List:        listPeriods,
		Check:       checkPeriods,
		Replace:     replacePeriods,
		Decode:      decodePeriods,
		DecodeError: sectionError(periodKeys),
	}
}

//amogate:operation GET /api/v2/customers_periods rpc=PeriodService.ListPeriods
func listPeriods() driver.Call {
	return driver.Call{
		Name:   periodsName + ".list",
		Method: http.MethodGet,
		Path:   periodsPath,
		Effect: driver.Read,
	}
}

// periodKeys are upstream's names of the fields of a period, as its texts
// mention them. Which period of the set is meant, they do not tell.
var periodKeys = map[string]string{
	"period":  "periods",
	"periods": "periods",
	"color":   "periods",
	"sort":    "periods",
}

// period is an item of GET /api/v2/customers_periods, of the answer to POST as
// well. It has before_buy or after_buy, by its type.
type period struct {
	ID        wire.Int  `json:"id"`
	Type      wire.Text `json:"type"`
	Period    wire.Int  `json:"period"`
	Color     wire.Text `json:"color"`
	Sort      wire.Int  `json:"sort"`
	BeforeBuy wire.Int  `json:"before_buy"`
	AfterBuy  wire.Int  `json:"after_buy"`
}

// periodKinds are upstream's codes of the kinds.
var periodKinds = map[string]amogatev1.PeriodKind{
	"before": amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE,
	"after":  amogatev1.PeriodKind_PERIOD_KIND_AFTER_PURCHASE,
}

var errPeriodNumber = errors.New("a number of a period is out of range")

// decodePeriods sorts the periods: those before the purchase first, then those
// after it, then kinds that are not known here, each in its order. The answer
// to a write can hold errors beside its items; then the set is not what was
// asked for.
func decodePeriods(body []byte) ([]*amogatev1.Period, error) {
	r := writeReader{resource: periodsName, op: driver.OpUpdate, classify: classifyCustomers, keys: periodKeys}
	if err := r.firstError(body); err != nil {
		return nil, err
	}
	items, err := decodeAs[period](body)
	if err != nil {
		return nil, named(err, periodsName, driver.OpList)
	}
	periods := make([]*amogatev1.Period, 0, len(items))
	for i := range items {
		p, err := items[i].toProto()
		if err != nil {
			return nil, named(badResponse(err), periodsName, driver.OpList)
		}
		periods = append(periods, p)
	}
	slices.SortStableFunc(periods, func(a, b *amogatev1.Period) int {
		return cmp.Or(cmp.Compare(kindOrder(a), kindOrder(b)), cmp.Compare(a.GetSort(), b.GetSort()))
	})
	return periods, nil
}

// kindOrder puts the kinds in the order of their numbers, the unknown one last.
func kindOrder(p *amogatev1.Period) int32 {
	if k := p.GetKind(); k != amogatev1.PeriodKind_PERIOD_KIND_UNSPECIFIED {
		return int32(k)
	}
	return math.MaxInt32
}

func (w *period) toProto() (*amogatev1.Period, error) {
	if w.ID.Value <= 0 {
		return nil, errNoID
	}
	for _, n := range []wire.Int{w.Period, w.Sort, w.BeforeBuy, w.AfterBuy} {
		if n.Value < math.MinInt32 || n.Value > math.MaxInt32 {
			return nil, errPeriodNumber
		}
	}
	return &amogatev1.Period{
		Id:                 w.ID.Value,
		Kind:               periodKinds[w.Type.Value],
		KindCode:           w.Type.Value,
		LengthDays:         int32(w.Period.Value), //nolint:gosec // checked above
		Sort:               int32(w.Sort.Value),   //nolint:gosec // checked above
		Color:              w.Color.Value,
		DaysBeforePurchase: days(w.BeforeBuy),
		DaysAfterPurchase:  days(w.AfterBuy),
	}, nil
}

// days keeps 0: the day of the purchase.
func days(i wire.Int) *int32 {
	if !i.Set {
		return nil
	}
	return new(int32(i.Value)) //nolint:gosec // the caller has checked it
}

// maxPeriodDays is a hundred years; upstream documents no limit.
const maxPeriodDays = 36500

// colorPattern takes colours outside of the palette of upstream's interface:
// the documented samples have some.
var colorPattern = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

func checkPeriods(periods []*amogatev1.Period) error {
	r := &report{resource: periodsName, record: "set of periods"}
	if len(periods) == 0 {
		r.invalid("periods", "is required: an empty set would delete all periods")
	}
	for i, p := range periods {
		path := fmt.Sprintf("periods[%d]", i)
		checkNotNegative(path+".id", p.GetId(), r)
		checkNotNegative(path+".sort", int64(p.GetSort()), r)
		if n := p.GetLengthDays(); n < 1 || n > maxPeriodDays {
			r.invalid(path+".length_days", fmt.Sprintf("must be from 1 to %d days", maxPeriodDays))
		}
		if !colorPattern.MatchString(p.GetColor()) {
			r.invalid(path+".color", `must be a colour like "#fffeb2"`)
		}
	}
	return r.err(driver.OpUpdate)
}

// periodsWrite is the body of a write, which knows only update.
type periodsWrite struct {
	Update []periodWrite `json:"update"`
}

// periodWrite is an item of update. Its type is upstream's to give.
type periodWrite struct {
	ID     int64  `json:"id,omitzero"`
	Period int32  `json:"period"`
	Color  string `json:"color"`
	Sort   int32  `json:"sort"`
}

// replacePeriods sends the whole set: upstream deletes what is left out. With a
// new period in it the write is not repeated once it may have arrived: the
// second one would delete the new period and make another.
//
//amogate:operation POST /api/v2/customers_periods#update rpc=PeriodService.ReplacePeriods
func replacePeriods(periods []*amogatev1.Period) (driver.Call, error) {
	effect := driver.Set
	writes := make([]periodWrite, len(periods))
	for i, p := range periods {
		if p.GetId() == 0 {
			effect = driver.Create
		}
		writes[i] = periodWrite{ID: p.GetId(), Period: p.GetLengthDays(), Color: p.GetColor(), Sort: p.GetSort()}
	}
	return writeCall(periodsName, periodsPath, driver.OpUpdate, effect, periodsWrite{Update: writes})
}
