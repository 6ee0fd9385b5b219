package v4

import (
	"net/url"
	"strconv"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// customerParams completes the query of a read: links are absent unless they are
// asked for, and the order that pages need is promised only by asking.
func customerParams(query url.Values) url.Values {
	query.Set("with", "contacts,companies,catalog_elements")
	query.Set("order[id]", "asc")
	return query
}

// listCustomers asks for the customers of a filter. Accounts without the paid
// option answer all of them instead, without saying so.
//
//amogate:operation GET /api/v4/customers rpc=CustomerService.ListCustomers,CustomerService.ListCustomersPage
func listCustomers(_ *driver.Env, filter *amogatev1.CustomerFilter, offset int64, limit int) (driver.Call, error) {
	query, err := pageQuery(customersName, offset, limit)
	if err != nil {
		return driver.Call{}, err
	}
	if q := filter.GetQuery(); q != "" {
		query.Set("query", q)
	}
	if ids := filter.GetIds(); len(ids) <= maxIDs {
		addInts(query, "filter[id][]", ids)
	}
	if ids := filter.GetResponsibleUserIds(); len(ids) <= maxIDs {
		addInts(query, "filter[responsible_user_id][]", ids)
	}
	addRange(query, "filter[created_at]", filter.GetCreateTime())
	addRange(query, "filter[updated_at]", filter.GetUpdateTime())
	addRange(query, "filter[next_date]", filter.GetNextPurchaseTime())
	return readCall(customersName, driver.OpList, customersPath, customerParams(query)), nil
}

// windowCustomers asks for the customers of a filter by the time of their change.
// Both keys are sent wherever there are two ends: a scalar is an exact match.
//
//amogate:operation GET /api/v4/customers rpc=CustomerService.ListCustomers
func windowCustomers(env *driver.Env, filter *amogatev1.CustomerFilter, window driver.Window, offset int64, limit int) (driver.Call, error) {
	call, err := listCustomers(env, filter, offset, limit)
	if err != nil {
		return driver.Call{}, err
	}
	call.Query.Set("filter[updated_at][from]", strconv.FormatInt(window.First, 10))
	call.Query.Del("filter[updated_at][to]")
	if window.Last != 0 {
		call.Query.Set("filter[updated_at][to]", strconv.FormatInt(window.Last, 10))
	}
	if window.ByTime {
		call.Query.Del("order[id]")
		call.Query.Set("order[updated_at]", "asc")
	}
	if window.NewestFirst {
		call.Query.Set("order[updated_at]", "desc")
	}
	return call, nil
}

// localCustomerFields returns what is left to the caller: lists that are too
// long for a URL.
func localCustomerFields(filter *amogatev1.CustomerFilter) []string {
	var paths []string
	if len(filter.GetIds()) > maxIDs {
		paths = append(paths, "ids")
	}
	if len(filter.GetResponsibleUserIds()) > maxIDs {
		paths = append(paths, "responsible_user_ids")
	}
	return paths
}

// customersByIDs asks for one customer by its path, which needs no filters. One
// that is missing is an empty answer either way.
//
//amogate:operation GET /api/v4/customers/{id} rpc=CustomerService.GetCustomer
//amogate:operation GET /api/v4/customers rpc=CustomerService.ListCustomers,CustomerService.ListCustomersPage
func customersByIDs(ids []int64) driver.Call {
	if len(ids) == 1 {
		query := customerParams(url.Values{})
		query.Del("order[id]")
		return readCall(customersName, driver.OpGet, itemPath(customersPath, ids[0]), query)
	}
	return readCall(customersName, driver.OpGet, customersPath, customerParams(idsQuery(ids)))
}
