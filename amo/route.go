package amo

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Resources that are no collection, in routes and operation names.
const (
	periodsName       = "periods"
	customerLinksName = "customer_links"
	subscribersName   = "customer_subscribers"
	bonusPointsName   = "bonus_points"
	customersModeName = "customers_mode"
	notePinsName      = "note_pins"
)

// route is one row of the table that says which generation serves what.
type route struct {
	resource   string
	op         driver.Op
	generation Generation
	// when says for which requests; nil = for all.
	when func(asked) bool
	// reason says why this generation and not the other.
	reason string
}

// asked is what a row's condition is asked about.
type asked struct {
	// filtered says that the filter of a list has fields that upstream's paid
	// filters would have to apply; filters, that the account has these.
	filtered, filters bool
	// paths are the fields that a write sets, conditional says that it depends on
	// the record's time of change.
	paths       []string
	conditional bool
	// organisations says that the custom fields of a write hold one; foreign, that
	// they hold keys without fields of ours, as a read over v4 shows them.
	organisations, foreign bool
	// fits says whether a generation can express the write.
	fits func(Generation) bool
}

// has says whether the write sets one of these fields.
func (a asked) has(paths ...string) bool {
	return slices.ContainsFunc(a.paths, func(path string) bool { return slices.Contains(paths, path) })
}

// routes is the table behind Auto: the first row whose condition holds serves
// the request. A pair that is not in it is not served. A forced generation
// serves what it has a row for, whatever the conditions.
var routes = []route{
	{"customers", driver.OpList, V4, honoured, "shows lifetime value, segments and statuses"},
	{"customers", driver.OpList, V2, nil, "filters work in every plan"},
	{"customers", driver.OpGet, V4, nil, "shows lifetime value, segments and statuses"},
	{"customers", driver.OpGet, V2, nil, "one read by ids, like the list"},
	{"customers", driver.OpCreate, V2, createsLinks, "contacts, company and elements go in the same, atomic call; periods are known"},
	{"customers", driver.OpCreate, V4, fitsV4, "takes segments, statuses and parts of currency units; a date is needed only where the account works by periodicity"},
	{"customers", driver.OpCreate, V2, nil, "takes logins with a key"},
	{"customers", driver.OpUpdate, V2, conditional, "the lock on the time of change is exact"},
	{"customers", driver.OpUpdate, V2, changesLinks, "links go in the same, atomic call; periods are known"},
	{"customers", driver.OpUpdate, V2, changesOrganisations, "v4 shows organisations and does not take them"},
	{"customers", driver.OpUpdate, V4, fitsV4, "takes segments, statuses, parts of currency units and single tags; needs no lock"},
	{"customers", driver.OpUpdate, V2, nil, "takes logins with a key"},
	{"customers", driver.OpDelete, V2, nil, "only v2 deletes customers"},

	{"transactions", driver.OpList, V4, nil, "shows parts of currency units and elements"},
	{"transactions", driver.OpList, V2, nil, "larger pages"},
	{"transactions", driver.OpGet, V4, nil, "shows parts of currency units and elements"},
	{"transactions", driver.OpGet, V2, nil, "one read by ids, like the list"},
	{"transactions", driver.OpCreate, V4, beyondV2, "only v4 takes parts of currency units and bonus points"},
	{"transactions", driver.OpCreate, V2, nil, "one call for transactions of many customers"},
	{"transactions", driver.OpUpdate, V2, nil, "only v2 edits comments"},
	{"transactions", driver.OpDelete, V2, nil, "one call for many"},
	{"transactions", driver.OpDelete, V4, nil, "one by one"},

	{"notes", driver.OpList, V4, nil, "one shape of content; pins; customers' notes are documented"},
	{"notes", driver.OpList, V2, nil, "larger pages"},
	{"notes", driver.OpGet, V4, nil, "as the list"},
	{"notes", driver.OpGet, V2, nil, "as the list"},
	{"notes", driver.OpCreate, V4, fitsV4, "takes every type that can be made"},
	{"notes", driver.OpCreate, V2, nil, "one call for many parents"},
	{"notes", driver.OpUpdate, V2, conditional, "the lock on the time of change is exact"},
	{"notes", driver.OpUpdate, V4, fitsV4, "takes every type that can be changed; needs no lock"},
	{"notes", driver.OpUpdate, V2, nil, "takes logins with a key"},
	{notePinsName, driver.OpUpdate, V4, nil, "only v4 pins notes"},

	{"task_notes", driver.OpList, V2, nil, "v4 has no notes of tasks"},
	{"task_notes", driver.OpGet, V2, nil, "v4 has no notes of tasks"},
	{"task_notes", driver.OpCreate, V2, nil, "v4 has no notes of tasks"},
	{"task_notes", driver.OpUpdate, V2, nil, "v4 has no notes of tasks"},

	{periodsName, driver.OpList, V2, nil, "raw lengths, and the ids that a replacement names"},
	{periodsName, driver.OpList, V4, nil, "computed from the conditions of statuses"},
	{periodsName, driver.OpUpdate, V2, nil, "v4 has no way to write conditions"},

	{"customer_statuses", driver.OpList, V4, nil, "only v4 has statuses"},
	{"customer_statuses", driver.OpGet, V4, nil, "only v4 has statuses"},
	{"customer_statuses", driver.OpCreate, V4, nil, "only v4 has statuses"},
	{"customer_statuses", driver.OpUpdate, V4, nil, "only v4 has statuses"},
	{"customer_statuses", driver.OpDelete, V4, nil, "only v4 has statuses"},

	{"customer_segments", driver.OpList, V4, nil, "only v4 has segments"},
	{"customer_segments", driver.OpGet, V4, nil, "only v4 has segments"},
	{"customer_segments", driver.OpCreate, V4, nil, "only v4 has segments"},
	{"customer_segments", driver.OpUpdate, V4, nil, "only v4 has segments"},
	{"customer_segments", driver.OpDelete, V4, nil, "only v4 has segments"},

	{customerLinksName, driver.OpList, V4, nil, "only v4 tells links by themselves"},
	{subscribersName, driver.OpList, V4, nil, "only v4 tells subscribers"},
	{bonusPointsName, driver.OpUpdate, V4, nil, "only v4 has bonus points"},
	{customersModeName, driver.OpGet, V4, nil, "only v4 tells the mode"},
	{customersModeName, driver.OpUpdate, V4, nil, "only v4 changes the mode"},
}

// honoured holds where v4 applies the filter: without the paid option it would
// answer everything without a word.
func honoured(a asked) bool { return !a.filtered || a.filters }

// linkPaths are what v4 links in requests of their own, and the period that it
// does not know.
var linkPaths = []string{"contact_ids", "company_id", "catalog_elements", "period_id"}

func createsLinks(a asked) bool { return a.has(linkPaths...) }

func changesLinks(a asked) bool { return a.has(linkPaths...) && !a.foreign && a.fits(V2) }

// fitsV4 holds unless v2 can express what v4 cannot.
func fitsV4(a asked) bool { return a.fits(V4) || !a.fits(V2) }

// changesOrganisations holds for a change of custom fields alone: a record that
// was read over v4 and is sent back whole holds what v2 does not know.
func changesOrganisations(a asked) bool {
	return a.organisations && len(a.paths) == 1 && a.fits(V2)
}

func conditional(a asked) bool { return a.conditional && !a.foreign && a.fits(V2) }

func beyondV2(a asked) bool { return !a.fits(V2) && a.fits(V4) }

// route returns the generation that serves op of a resource, or an *Error of
// KindUnsupported when the forced generation does not.
func (c *Client) route(resource string, op driver.Op, a asked) (Generation, error) {
	forced := c.config.Generation
	for _, r := range routes {
		if r.resource != resource || r.op != op {
			continue
		}
		if forced == r.generation || forced == Auto && c.config.Auth.takenBy(r.generation) && (r.when == nil || r.when(a)) {
			return r.generation, nil
		}
	}
	e := &Error{Kind: KindUnsupported, Op: resource + "." + string(op), Generation: forced}
	if forced == Auto {
		// Only a session, which v4 does not take, leaves Auto without a row.
		e.Generation = V2
		e.Message = fmt.Sprintf("%s of %s needs the upstream API v4, which takes no login with a key; give the account a token", op, resource)
		return 0, e
	}
	e.Message = fmt.Sprintf("%s of %s is not served over the upstream API %s; start amogate with --upstream-api=auto", op, resource, forced)
	return 0, e
}

// listRoute returns the codec that serves a list with this filter.
func (c *Collection[T, F]) listRoute(ctx context.Context, filter F) (driver.Resource[T, F], error) {
	a := asked{filtered: c.behavior.paid != nil && c.behavior.paid(filter)}
	if a.filtered && c.client.config.Generation == Auto && c.client.config.Auth.takenBy(V4) {
		env, err := c.client.account(ctx, V4)
		if err != nil {
			return driver.Resource[T, F]{}, err
		}
		a.filters = env.Filters
	}
	return c.driver(driver.OpList, a)
}

// writeRoute returns the codec that serves a write of these paths of value.
func (c *Collection[T, F]) writeRoute(ctx context.Context, op driver.Op, value T, paths []string, conditional bool) (driver.Resource[T, F], error) {
	fields := customFieldsOf(value)
	return c.driver(op, asked{
		paths: paths, conditional: conditional,
		organisations: slices.ContainsFunc(fields, func(f *amogatev1.CustomField) bool { return f.GetOrganisation() != nil }),
		foreign:       slices.ContainsFunc(fields, hasForeignKeys),
		fits: func(g Generation) bool {
			d, ok := c.drivers[g]
			if !ok || !c.client.config.Auth.takenBy(g) {
				return false
			}
			env, err := c.client.account(ctx, g)
			if err != nil {
				return true // whoever writes is told
			}
			err = d.Check(env, op, value, paths)
			return !IsKind(err, KindUnsupported) && !IsKind(err, KindInexpressible)
		},
	})
}

// customFieldsOf returns the custom fields of a record that has some.
func customFieldsOf(m any) []*amogatev1.CustomField {
	record, ok := m.(interface {
		GetCustomFields() []*amogatev1.CustomField
	})
	if !ok {
		return nil
	}
	return record.GetCustomFields()
}

// hasForeignKeys says whether a value holds keys that have no field of ours.
func hasForeignKeys(f *amogatev1.CustomField) bool {
	has := func(other *structpb.Struct) bool { return len(other.GetFields()) > 0 }
	return slices.ContainsFunc(f.GetItems().GetItems(), func(i *amogatev1.Item) bool { return has(i.GetOther()) }) ||
		slices.ContainsFunc(f.GetLegalEntities().GetLegalEntities(), func(e *amogatev1.LegalEntity) bool { return has(e.GetOther()) }) ||
		has(f.GetOrganisation().GetOther()) || has(f.GetPayer().GetOther()) || has(f.GetSupplier().GetOther())
}
