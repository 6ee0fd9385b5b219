package v2

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

const customersPath = "/api/v2/customers"

// withCatalogElements asks for the links to catalogs, which a list lacks
// otherwise.
const withCatalogElements = "catalog_elements_links"

// listCustomers asks for a set that encloses the filter's.
//
//amogate:operation GET /api/v2/customers rpc=CustomerService.ListCustomers,CustomerService.ListCustomersPage
func listCustomers(env *driver.Env, filter *amogatev1.CustomerFilter, offset int64, limit int) (driver.Call, error) {
	query, err := pageQuery(customersName, offset, limit)
	if err != nil {
		return driver.Call{}, err
	}
	query.Set("with", withCatalogElements)
	if q := filter.GetQuery(); q != "" {
		query.Set("query", q)
	}
	for _, id := range filter.GetResponsibleUserIds() {
		query.Add("filter[main_user][]", strconv.FormatInt(id, 10))
	}
	// Upstream takes one of the two; what changed lately is the smaller set.
	switch {
	case filter.GetUpdateTime() != nil:
		query.Set("filter[date][type]", "modify")
		enclose(query, "filter[date]", env, filter.GetUpdateTime())
	case filter.GetCreateTime() != nil:
		query.Set("filter[date][type]", "create")
		enclose(query, "filter[date]", env, filter.GetCreateTime())
	}
	if filter.GetNextPurchaseTime() != nil {
		enclose(query, "filter[next_date]", env, filter.GetNextPurchaseTime())
	}
	return driver.Call{
		Name:   customersName + ".list",
		Method: http.MethodGet,
		Path:   customersPath,
		Query:  query,
		Effect: driver.Read,
	}, nil
}

// dateLayout is the one of the documented sample and of the clients that work.
// The text beside the sample says MM/HH/YYYY, which cannot be meant.
const dateLayout = "02.01.2006"

// epoch is a day before every instant that upstream can tell, in every zone.
// Upstream reads `to` only beside `from`. The vendor advises the year 2000
// there, which would lose imported records that are older.
const epoch = "31.12.1969"

// enclose asks for the days around a range, one more at either end: whether
// upstream's bounds are inclusive, and at which time of day, is not known.
func enclose(query url.Values, key string, env *driver.Env, r *amogatev1.TimeRange) {
	from, to := epoch, ""
	if start := r.GetStartTime(); start.GetSeconds() > secondsPerDay {
		from = day(env, start, -1)
	}
	// A year of five digits fits no layout, and nothing lies behind it.
	if end := r.GetEndTime(); end != nil && end.GetSeconds() < wire.MaxUnix-3*secondsPerDay {
		to = day(env, &timestamppb.Timestamp{Seconds: max(end.GetSeconds(), 0)}, 1)
	}
	query.Set(key+"[from]", from)
	if to != "" {
		query.Set(key+"[to]", to)
	}
}

const secondsPerDay = 24 * 60 * 60

// day returns the day of t in the account's zone, some days later. Days are
// counted in UTC: added in the account's zone they can end in an hour that did
// not occur there, and so a day too early.
func day(env *driver.Env, t *timestamppb.Timestamp, later int) string {
	year, month, dayOfMonth := time.Unix(t.GetSeconds(), 0).In(location(env)).Date()
	return time.Date(year, month, dayOfMonth+later, 0, 0, 0, 0, time.UTC).Format(dateLayout)
}

func location(env *driver.Env) *time.Location {
	if env == nil || env.Location == nil {
		return time.UTC
	}
	return env.Location
}

// localCustomerFields returns what is left to the caller: all times, since
// upstream knows only whole days; the ids beside a search; and with ids alone
// everything else, since upstream ignores it then.
func localCustomerFields(filter *amogatev1.CustomerFilter) []string {
	var paths []string
	if filter.GetCreateTime() != nil {
		paths = append(paths, "create_time")
	}
	if filter.GetUpdateTime() != nil {
		paths = append(paths, "update_time")
	}
	if filter.GetNextPurchaseTime() != nil {
		paths = append(paths, "next_purchase_time")
	}
	hasIDs, hasQuery := len(filter.GetIds()) > 0, filter.GetQuery() != ""
	if hasIDs && hasQuery {
		paths = append(paths, "ids")
	}
	if hasIDs && !hasQuery && len(filter.GetResponsibleUserIds()) > 0 {
		paths = append(paths, "responsible_user_ids")
	}
	slices.Sort(paths)
	return paths
}

//amogate:operation GET /api/v2/customers rpc=CustomerService.GetCustomer,CustomerService.ListCustomers,CustomerService.ListCustomersPage
func customersByIDs(ids []int64) driver.Call {
	query := idsQuery(ids)
	query.Set("with", withCatalogElements)
	return driver.Call{
		Name:   customersName + ".get",
		Method: http.MethodGet,
		Path:   customersPath,
		Query:  query,
		Effect: driver.Read,
	}
}
