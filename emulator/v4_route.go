package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// v4Prefix is where generation v4 lives.
const v4Prefix = "/api/v4/"

// Operations of generation v4, as those of v2 in Stats.ByOperation and in fault rules.
const (
	OpV4Account = "v4.account"

	OpV4CustomersList          = "v4.customers.list"
	OpV4CustomersGet           = "v4.customers.get"
	OpV4CustomersCreate        = "v4.customers.create"
	OpV4CustomersUpdate        = "v4.customers.update"
	OpV4CustomersUpdateOne     = "v4.customers.update_one"
	OpV4CustomersLink          = "v4.customers.link"
	OpV4CustomersUnlink        = "v4.customers.unlink"
	OpV4CustomersLinkMany      = "v4.customers.link_many"
	OpV4CustomersUnlinkMany    = "v4.customers.unlink_many"
	OpV4CustomersLinks         = "v4.customers.links"
	OpV4CustomersLinksMany     = "v4.customers.links_many"
	OpV4CustomersSubscriptions = "v4.customers.subscriptions"
	OpV4CustomFieldsList       = "v4.customers.custom_fields.list"
	OpV4CustomFieldsGet        = "v4.customers.custom_fields.get"
)

// v4Route is one method of one path. A path's {entity} stands for a kind of entity in the plural, {event} for an event's
// id, every other name in braces for an id above 0.
type v4Route struct {
	method, path, op string
	answer           func(*call) (*reply, error)
}

// v4Routes are all routes; where two paths fit, the earlier one is taken, so literal paths stand before those with ids.
var v4Routes = slices.Concat(
	v4AccountRoutes,
	v4CustomerRoutes,
	v4TransactionRoutes,
	v4StatusRoutes,
	v4SegmentRoutes,
	v4BonusRoutes,
	v4ModeRoutes,
	v4NoteRoutes,
	v4EventRoutes,
)

// v4Entities are the kinds {entity} stands for.
var v4Entities = []string{"leads", "contacts", "companies", "customers"}

// v4Match is what a request's path says to generation v4.
type v4Match struct {
	route *v4Route // nil when no route has the path and the method
	path  string   // the template that fits, "" for none
	v4Names
}

// v4Names are what the names in a route's path stand for.
type v4Names struct {
	entity string           // {entity}
	event  string           // {event}
	ids    map[string]int64 // the others
}

func matchV4(method, path string) *v4Match {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	found := &v4Match{}
	for i := range v4Routes {
		route := &v4Routes[i]
		if found.path != "" && route.path != found.path {
			continue // another method of the first path that fits
		}
		names, ok := matchPath(route.path, parts)
		if !ok {
			continue
		}
		found.path, found.v4Names = route.path, names
		if route.method == method {
			found.route = route
			break
		}
	}
	return found
}

func matchPath(template string, parts []string) (names v4Names, ok bool) {
	if strings.Count(template, "/") != len(parts) {
		return names, false
	}
	i := -1
	for name := range strings.SplitSeq(strings.TrimPrefix(template, "/"), "/") {
		i++
		switch {
		case !strings.HasPrefix(name, "{"):
			if name != parts[i] {
				return names, false
			}
		case name == "{entity}":
			if !slices.Contains(v4Entities, parts[i]) {
				return names, false
			}
			names.entity = parts[i]
		case name == "{event}":
			names.event = parts[i]
		default:
			id, err := strconv.ParseInt(parts[i], 10, 64)
			if err != nil || id <= 0 {
				return names, false
			}
			if names.ids == nil {
				names.ids = map[string]int64{}
			}
			names.ids[strings.Trim(name, "{}")] = id
		}
	}
	return names, true
}

// v4Operations are the operations of all routes.
func v4Operations() []string {
	var ops []string
	for _, route := range v4Routes {
		if !slices.Contains(ops, route.op) {
			ops = append(ops, route.op)
		}
	}
	return ops
}

// isV4 reports whether the call is one of generation v4.
func (c *call) isV4() bool { return c.v4 != nil }

// routeV4 answers a request of generation v4 as the service would without faults.
func (c *call) routeV4() *reply {
	if p := c.authenticateV4(); p != nil {
		return c.problemReply(p)
	}
	switch {
	case c.v4.path == "":
		return c.problemReply(&problem{status: http.StatusNotFound, detail: "Cannot " + c.request.Method + " " + c.absolute(c.requestPath())})
	case c.v4.route == nil:
		return c.problemReply(&problem{status: http.StatusMethodNotAllowed, detail: "Method Not Allowed"})
	}
	rep, err := c.v4.route.answer(c)
	if err != nil {
		return c.problemReply(problemOf(err))
	}
	return rep
}

// authenticateV4 accepts a bearer token and nothing else.
func (c *call) authenticateV4() *problem {
	if c.hasAccess() {
		return nil
	}
	return &problem{status: http.StatusUnauthorized, detail: unauthorizedDetail}
}

// requestPath is the path and the query of the request.
func (c *call) requestPath() string {
	if q := c.request.URL.RawQuery; q != "" {
		return c.path + "?" + q
	}
	return c.path
}

// absolute makes an address of a path, as the links of this generation are.
func (c *call) absolute(path string) string {
	host, _ := c.e.hosts.get()
	if host == "" {
		host = c.e.config.Subdomain + ".amocrm.ru"
	}
	return "https://" + host + path
}

// id returns what a name of the route's path stands for.
func (c *call) id(name string) int64 { return c.v4.ids[name] }
