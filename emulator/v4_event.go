package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Operations on events of generation v4.
const (
	OpV4EventsList  = "v4.events.list"
	OpV4EventsGet   = "v4.events.get"
	OpV4EventsTypes = "v4.events.types"
)

const v4EventsPath = "/api/v4/events"

var v4EventRoutes = []v4Route{
	{http.MethodGet, v4EventsPath, OpV4EventsList, (*call).listEvents},
	{http.MethodGet, v4EventsPath + "/types", OpV4EventsTypes, (*call).listEventTypes},
	{http.MethodGet, v4EventsPath + "/{event}", OpV4EventsGet, (*call).getEvent},
}

// EventsState is what a call for events meets.
type EventsState int

// The states of events.
const (
	EventsServed    EventsState = iota
	EventsUnpaid                // 402: the plan has none
	EventsForbidden             // 403: the user has no rights
)

// v4EventParts are what `with` can add to an event: the name of what it happened to.
var v4EventParts = []string{
	"contact_name", "lead_name", "company_name", "catalog_element_name", "customer_name", "catalog_name",
}

// v4EventLimit is the most events of a page.
const v4EventLimit = 100

// How much one filter may name.
const (
	maxEventIDs      = 100
	maxEventUsers    = 10
	maxEventEntities = 10
)

// eventQuery is what a list of events is asked for. A filter that was not sent is nil.
type eventQuery struct {
	until     int64 // what happened later, in nanoseconds by the account's clock, is not shown yet
	names     []string
	created   *span
	users     []int64
	entities  []string
	entityIDs []int64
	kinds     []string
}

func (q *eventQuery) match(ev *event) bool {
	return ev.at <= q.until && q.created.within(ev.createdAt()) && in(q.users, ev.by) && in(q.entityIDs, ev.id) &&
		(q.entities == nil || slices.Contains(q.entities, ev.entity)) &&
		(q.kinds == nil || slices.ContainsFunc(q.kinds, ev.is)) &&
		(q.names == nil || slices.Contains(q.names, ev.name()))
}

// is reports whether the event is of a kind: its own or, of a change of a field's values, that of the one field.
func (ev *event) is(kind string) bool {
	return kind == ev.kind || ev.kind == eventFieldChanged && kind == fieldEventKind(ev.field)
}

// fieldEventKind is what requests call changes of the values of one field.
func fieldEventKind(field int64) string { return "custom_field_" + digits(field) + "_value_changed" }

// listEvents answers GET /api/v4/events.
func (c *call) listEvents() (*reply, error) {
	if err := c.checkEvents(); err != nil {
		return nil, err
	}
	if err := c.checkQuery("page", "limit", "with", "filter"); err != nil {
		return nil, err
	}
	limit := v4EventLimit
	if c.e.config.EventLimit250 {
		limit = v4MaxLimit
	}
	page, err := c.readPageUpTo(limit)
	if err != nil {
		return nil, err
	}
	with, err := c.readWithV4(v4EventParts...)
	if err != nil {
		return nil, err
	}
	q, err := c.readEventQuery()
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.RLock()
	defer st.mu.RUnlock()
	return v4List[event]{
		key: "events", page: page, rows: st.events.page(q, c.action.offset(page.offset()), page.limit),
		write: func(w *jsonWriter, ev *event) { c.writeEvent(w, ev, with, c.repeating) },
	}.reply(c), nil
}

func (c *call) checkEvents() error {
	switch c.e.config.EventsState {
	case EventsUnpaid:
		return &problem{status: http.StatusPaymentRequired, detail: "Payment Required"}
	case EventsForbidden:
		return &problem{status: http.StatusForbidden, detail: "Forbidden"}
	case EventsServed:
	}
	return nil
}

// readEventQuery reads the filters. What is malformed is left aside; what names too much, or records of no kind, is
// refused.
func (c *call) readEventQuery() (*eventQuery, error) {
	q := &eventQuery{until: c.now.Add(-c.e.config.EventDelay).UnixNano()}
	filter, err := c.readFilterV4("id", "created_at", "created_by", "entity", "entity_id", "type")
	if err != nil || filter == nil {
		return q, err
	}
	if q.created, err = c.eventSpan(filter); err != nil {
		return nil, err
	}
	if q.users, err = c.filterIDs(filter, "created_by"); err != nil {
		return nil, err
	}
	if q.entityIDs, err = c.filterIDs(filter, "entity_id"); err != nil {
		return nil, err
	}
	q.names, q.entities, q.kinds = filterWords(filter, "id"), filterWords(filter, "entity"), filterWords(filter, "type")
	for _, word := range q.entities {
		if !isEventEntity(word) {
			if err := c.ignored("filter[entity]: %q is unknown", word); err != nil { // else it finds nothing
				return nil, err
			}
		}
	}
	for _, word := range q.kinds {
		if !isEventKind(word) {
			if err := c.ignored("filter[type]: %q is unknown", word); err != nil { // else it finds nothing
				return nil, err
			}
		}
	}
	for _, named := range []struct {
		name     string
		n, limit int
	}{
		{"id", len(q.names), maxEventIDs},
		{"created_by", len(q.users), maxEventUsers},
		{"entity_id", len(q.entityIDs), maxEventEntities},
	} {
		if named.n > named.limit {
			return nil, badRequest("filter[%s] names %d, more than %d", named.name, named.n, named.limit)
		}
	}
	if q.entityIDs != nil && len(q.entities) != 1 {
		return nil, badRequest("filter[entity_id] needs filter[entity] with one kind of entity")
	}
	return q, nil
}

// eventSpan reads filter[created_at]: from and to in brackets, both in one text, or a moment before all that is shown.
func (c *call) eventSpan(filter *node) (*span, error) {
	n := filter.get("created_at")
	from, to, both := strings.Cut(n.str(), ",")
	if !n.isScalar() || !both {
		return c.filterSpan(filter, "created_at", true)
	}
	var sp span
	var wrong [2]error
	sp.from, wrong[0] = strconv.ParseInt(strings.TrimSpace(from), 10, 64)
	sp.to, wrong[1] = strconv.ParseInt(strings.TrimSpace(to), 10, 64)
	if wrong != [2]error{} {
		return nil, c.ignored("filter[created_at]: %q are not two numbers", n.str())
	}
	return &sp, nil
}

// filterWords reads filter[name]=a,b or filter[name][]=a; nil means no filter.
func filterWords(filter *node, name string) []string {
	n := filter.get(name)
	if n == nil {
		return nil
	}
	return append([]string{}, n.list()...)
}

// isEventEntity reports whether there are events of a kind of entities.
func isEventEntity(word string) bool {
	if id, ok := strings.CutPrefix(word, "catalog_"); ok {
		return isDigits(id)
	}
	_, known := parentNamed(word)
	return known
}

// isEventKind reports whether requests can ask for a kind of events.
func isEventKind(word string) bool {
	if rest, ok := strings.CutPrefix(word, "custom_field_"); ok {
		if id, ok := strings.CutSuffix(rest, "_value_changed"); ok && isDigits(id) {
			return true
		}
	}
	return slices.ContainsFunc(eventTypes, func(t eventType) bool { return t.key == word })
}

// getEvent answers GET of one event; an unknown one is a 404.
func (c *call) getEvent() (*reply, error) {
	if err := c.checkEvents(); err != nil {
		return nil, err
	}
	if err := c.checkQuery("with"); err != nil {
		return nil, err
	}
	with, err := c.readWithV4(v4EventParts...)
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.RLock()
	defer st.mu.RUnlock()
	ev := st.events.find(c.v4.event)
	switch {
	case ev != nil && ev.at <= c.now.Add(-c.e.config.EventDelay).UnixNano():
	case c.e.config.Missing204:
		return emptyReply(), nil
	default:
		return nil, &problem{status: http.StatusNotFound, detail: "Event not found"}
	}
	c.e.counters.change(func(s *Stats) { s.RowsSent++ })
	var w jsonWriter
	c.writeEvent(&w, ev, with, c.absolute)
	return c.halReply(w.buf), nil
}

// writeEvent writes an event. The caller holds the customers' lock.
func (c *call) writeEvent(w *jsonWriter, ev *event, with []string, href func(string) string) {
	name := ev.name()
	w.open('{')
	w.keyText("id", name)
	w.keyText("type", ev.kind)
	w.keyInteger("entity_id", ev.id)
	w.keyText("entity_type", ev.entity)
	w.keyInteger("created_by", ev.by)
	w.keyInteger("created_at", ev.createdAt())
	w.keyRaw("value_after", ev.after)
	w.keyRaw("value_before", ev.before)
	w.keyInteger("account_id", c.e.config.AccountID)
	w.selfLink(href(v4EventsPath + "/" + name))
	w.key("_embedded")
	w.open('{')
	w.key("entity")
	w.open('{')
	w.keyInteger("id", ev.id)
	kind, _ := parentNamed(ev.entity)
	if slices.Contains(with, ev.entity+"_name") {
		if parent, ok := c.e.customers.parent(kind, ev.id); ok {
			w.keyText("name", parent.Name)
		}
	}
	path := "tasks"
	if kind != ParentTask {
		path = kind.plural()
	}
	w.selfLink(href("/api/v4/" + path + "/" + digits(ev.id)))
	w.close('}')
	w.close('}')
	w.close('}')
}
