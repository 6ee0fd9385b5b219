package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Operations of statuses.
const (
	OpV4StatusesList   = "v4.statuses.list"
	OpV4StatusesGet    = "v4.statuses.get"
	OpV4StatusesCreate = "v4.statuses.create"
	OpV4StatusesUpdate = "v4.statuses.update"
	OpV4StatusesDelete = "v4.statuses.delete"
)

const v4StatusesPath = "/api/v4/customers/statuses"

var v4StatusRoutes = []v4Route{
	{http.MethodGet, v4StatusesPath, OpV4StatusesList, (*call).listStatuses},
	{http.MethodPost, v4StatusesPath, OpV4StatusesCreate, (*call).createStatuses},
	{http.MethodGet, v4StatusesPath + "/{id}", OpV4StatusesGet, (*call).getStatus},
	{http.MethodPatch, v4StatusesPath + "/{id}", OpV4StatusesUpdate, (*call).updateStatus},
	{http.MethodDelete, v4StatusesPath + "/{id}", OpV4StatusesDelete, (*call).deleteStatus},
}

// Details of refusals, all ours.
const (
	notPeriodicityDetail = "Statuses of customers need the mode periodicity"
	noStatusDetail       = "Status not found"
	manyStatusesDetail   = "Limit 30 statuses per account"
	defaultStatusDetail  = "A default status can not be deleted"
	nothingToDoDetail    = "Nothing to change"
	forbiddenDetail      = "Only an administrator may do this"
)

// statusColors are what a new status can have; the system's own have others.
var statusColors = []string{
	"#fffeb2", "#fffd7f", "#fff000", "#ffeab2", "#ffdc7f", "#ffce5a", "#ffdbdb", "#ffc8c8", "#ff8f92", "#d6eaff", "#c1e0ff",
	"#98cbff", "#ebffb1", "#deff81", "#87f2c0", "#f9deff", "#f3beff", "#ccc8f9", "#eb93ff", "#f2f3f4", "#e6e8ea",
}

// checkStatuses refuses a call where customers have no statuses.
func (c *call) checkStatuses() error {
	if err := c.checkBelowCustomers(); err != nil {
		return err
	}
	if c.e.CustomersMode() != ModePeriodicity {
		return &problem{status: http.StatusUnprocessableEntity, detail: notPeriodicityDetail}
	}
	return c.checkQuery()
}

// checkAdminV4 refuses what only an administrator may do.
func (c *call) checkAdminV4() error {
	if c.e.config.NotAdmin {
		return &problem{status: http.StatusForbidden, detail: forbiddenDetail}
	}
	return nil
}

// listStatuses answers GET /api/v4/customers/statuses, which has neither parameters nor pages.
func (c *call) listStatuses() (*reply, error) {
	if err := c.checkStatuses(); err != nil {
		return nil, err
	}
	board := c.e.Statuses()
	total := len(board)
	board = repeated(c.action, board)
	var w jsonWriter
	w.open('{')
	w.keyInteger("_total_items", int64(total))
	w.selfLink(c.repeating(v4StatusesPath))
	w.embedded("statuses", len(board), func(i int) { c.writeStatus(&w, board[i], nil) })
	w.close('}')
	c.e.counters.change(func(s *Stats) { s.RowsSent += int64(len(board)) })
	return c.halReply(w.buf), nil
}

// getStatus answers GET /api/v4/customers/statuses/{id}.
func (c *call) getStatus() (*reply, error) {
	if err := c.checkStatuses(); err != nil {
		return nil, err
	}
	c.e.customers.mu.RLock()
	s, ok := c.e.customers.periods.status(c.id("id"))
	c.e.customers.mu.RUnlock()
	if !ok {
		return c.missingV4(noStatusDetail)
	}
	c.e.counters.change(func(s *Stats) { s.RowsSent++ })
	return c.statusReply(s, nil), nil
}

// createStatuses answers POST /api/v4/customers/statuses. A new status has no length, so nothing moves customers to it
// before generation v2 gives its period one.
func (c *call) createStatuses() (*reply, error) {
	if err := c.checkStatuses(); err != nil {
		return nil, err
	}
	if err := c.checkAdminV4(); err != nil {
		return nil, err
	}
	rows, err := c.readRows(
		key{"name", true, isFilled},
		key{"sort", true, isInt},
		key{"color", false, oneOf(statusColors...)},
		key{"request_id", false, isRequestID},
	)
	if err != nil {
		return nil, err
	}
	if err := invalid(rows...); err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.periods.board())+len(rows) > maxStatuses {
		return nil, &problem{status: http.StatusUnprocessableEntity, detail: manyStatusesDetail}
	}
	ids := make([]int64, 0, len(rows))
	for _, r := range rows {
		p := Period{ID: st.periods.takeID(), Color: statusColors[0], Name: r.get("name").str()}
		if color := r.get("color"); color != nil {
			p.Color = color.text
		}
		sort, _ := r.get("sort").integer()
		st.periods.place(p, sort)
		ids = append(ids, p.ID)
	}
	c.e.counters.change(func(s *Stats) { s.Added += int64(len(ids)) })
	return c.writtenReply("statuses", len(ids), func(w *jsonWriter, i int) {
		w.open('{')
		w.keyInteger("id", ids[i])
		c.keyRequestID(w, rows[i])
		w.selfLink(c.statusHref(ids[i]))
		w.close('}')
	}), nil
}

// updateStatus answers PATCH /api/v4/customers/statuses/{id}. The system's statuses keep their places.
func (c *call) updateStatus() (*reply, error) {
	if err := c.checkStatuses(); err != nil {
		return nil, err
	}
	if err := c.checkAdminV4(); err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	old, ok := st.periods.status(c.id("id"))
	if !ok {
		return nil, &problem{status: http.StatusNotFound, detail: noStatusDetail}
	}
	r, err := c.readRow(
		key{"name", false, isFilled},
		key{"sort", false, isInt},
		key{"color", false, oneOf(append(slices.Clone(statusColors), old.Color)...)},
		key{"request_id", false, isRequestID},
	)
	if err != nil {
		return nil, err
	}
	if err := invalid(r); err != nil {
		return nil, err
	}
	name, sort, color := r.get("name"), r.get("sort"), r.get("color")
	if name == nil && sort == nil && color == nil {
		return nil, &problem{status: http.StatusBadRequest, detail: nothingToDoDetail}
	}
	p := *st.periods.stored(old.ID)
	if name != nil {
		p.Name = name.text
	}
	if color != nil {
		p.Color = color.text
	}
	*st.periods.stored(old.ID) = p
	if place, ok := sort.integer(); ok && !old.IsDefault() {
		st.periods.place(p, place)
	}
	s, _ := st.periods.status(old.ID)
	c.e.counters.change(func(s *Stats) { s.Updated++ })
	return c.statusReply(s, r), nil
}

// deleteStatus answers DELETE /api/v4/customers/statuses/{id}. Its customers move on as those of a removed period do,
// the service says some time later.
func (c *call) deleteStatus() (*reply, error) {
	if err := c.checkStatuses(); err != nil {
		return nil, err
	}
	if err := c.checkAdminV4(); err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	s, ok := st.periods.status(c.id("id"))
	switch {
	case !ok:
		return nil, &problem{status: http.StatusNotFound, detail: noStatusDetail}
	case s.IsDefault():
		return nil, &problem{status: http.StatusBadRequest, detail: defaultStatusDetail}
	}
	st.periods.remove(s.ID, c.now.Add(c.e.config.StatusMoveDelay))
	c.e.counters.change(func(s *Stats) { s.Deleted++ })
	return noContent(), nil
}

// remove takes a period off the board, and at the given time its customers to the next one.
func (st *periodStore) remove(id int64, at time.Time) {
	st.replace(slices.DeleteFunc(slices.Clone(st.rows), func(p Period) bool { return p.ID == id }), at)
}

func (c *call) statusHref(id int64) string {
	return c.absolute(v4StatusesPath + "/" + strconv.FormatInt(id, 10))
}

// statusReply answers one status; r is the row that changed it, nil for none.
func (c *call) statusReply(s Status, r *row) *reply {
	var w jsonWriter
	c.writeStatus(&w, s, r)
	return c.halReply(w.buf)
}

func (c *call) writeStatus(w *jsonWriter, s Status, r *row) {
	w.open('{')
	w.keyInteger("id", s.ID)
	w.keyText("name", s.Name)
	w.keyInteger("sort", s.Sort)
	w.keyBool("is_default", s.IsDefault())
	w.keyRaw("conditions", s.Conditions)
	w.keyText("color", s.Color)
	w.keyInteger("type", int64(s.Type))
	w.keyInteger("account_id", c.e.config.AccountID)
	if r != nil {
		c.keyRequestID(w, r)
	}
	w.selfLink(c.statusHref(s.ID))
	w.close('}')
}
