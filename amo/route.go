package amo

import (
	"fmt"

	"github.com/amogate/amogate/amo/internal/driver"
)

// route is one row of the table that says which generation serves what.
type route struct {
	resource   string
	op         driver.Op
	generation Generation
	// reason says why this generation and not the other.
	reason string
}

// routes is the table behind Auto. A pair that is not in it is not served.
var routes = []route{
	{"customers", driver.OpList, V2, "filters work in every plan"},
	{"customers", driver.OpGet, V2, "one read by ids, like the list"},
	{"customers", driver.OpCreate, V2, "contacts, company and tags go in one atomic call"},
	{"customers", driver.OpUpdate, V2, "the lock on the time of change is exact"},
	{"customers", driver.OpDelete, V2, "only v2 deletes customers"},

	{"transactions", driver.OpList, V2, "empty lists are told apart from missing routes"},
	{"transactions", driver.OpGet, V2, "one read by ids, like the list"},
	{"transactions", driver.OpCreate, V2, "one call for transactions of many customers"},
	{"transactions", driver.OpUpdate, V2, "only v2 edits comments"},
	{"transactions", driver.OpDelete, V2, "one call for many"},

	{"periods", driver.OpList, V2, "v4 has statuses instead"},
	{"periods", driver.OpUpdate, V2, "v4 has statuses instead"},
}

// routeFor returns the generation that serves op of a resource, or an *Error of
// KindUnsupported when the forced generation does not.
func routeFor(forced Generation, resource string, op driver.Op) (Generation, error) {
	for _, r := range routes {
		if r.resource == resource && r.op == op && (forced == Auto || forced == r.generation) {
			return r.generation, nil
		}
	}
	return 0, &Error{
		Kind:       KindUnsupported,
		Op:         resource + "." + string(op),
		Generation: forced,
		Message:    fmt.Sprintf("%s of %s is not served over the upstream API %s; start amogate with --upstream-api=auto", op, resource, forced),
	}
}
