package emulator

import (
	"net/http"
	"regexp"
	"slices"
)

const (
	// maxPeriods is the most periods the board holds, the system's own included.
	maxPeriods = 10
	// maxDays is the longest period, a hundred years; ours, so that sums stay sums.
	maxDays = 36500
)

// colorPattern is all that is asked of a color: the documented samples use some outside the documented palette.
var colorPattern = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

const periodsPath = "/api/v2/customers_periods"

// checkAdmin refuses whoever may not see periods: they belong to the account's administrators.
func (c *call) checkAdmin() error {
	if err := c.checkCustomers(); err != nil {
		return err
	}
	if c.e.segments() && c.op == OpPeriodsWrite {
		unavailable := customersRefusals[CustomersUnavailable]
		return &unavailable
	}
	if !c.e.config.NotAdmin {
		return nil
	}
	return &refusal{status: http.StatusForbidden, code: 288, text: "Error 288. No rights, access denied"}
}

// listPeriods answers GET /api/v2/customers_periods, which has no parameters.
func (c *call) listPeriods() (*reply, error) {
	if err := c.checkAdmin(); err != nil {
		return nil, err
	}
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.RLock()
	defer st.mu.RUnlock()
	rows := st.periods.rows
	if len(rows) == 0 || c.e.segments() {
		return emptyReply(), nil
	}
	rows = repeated(c.action, rows)
	c.e.counters.change(func(s *Stats) { s.RowsSent += int64(len(rows)) })
	return c.halReply(c.renderPeriods(rows, "get")), nil
}

// writePeriods answers POST /api/v2/customers_periods: update is the whole list from now on, what is not in it goes.
// Everything wrong with it refuses the call, so nothing is ever half replaced.
func (c *call) writePeriods() (*reply, error) {
	if err := c.checkAdmin(); err != nil {
		return nil, err
	}
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	body, err := c.parseBody()
	if err != nil {
		return nil, err
	}
	if err := c.checkLists(body, "update"); err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	old := st.periods.rows
	rows, err := c.readPeriods(body.get("update"))
	if err != nil {
		return nil, err
	}
	added := 0
	for i := range rows {
		if rows[i].ID == 0 {
			rows[i].ID = st.periods.takeID()
			added++
		}
	}
	st.periods.replace(slices.Clone(rows), c.now)
	c.e.counters.change(func(s *Stats) {
		s.Added += int64(added)
		s.Updated += int64(len(rows) - added)
		s.Deleted += int64(len(old) - (len(rows) - added))
	})
	return c.halReply(c.renderPeriods(rows, "post")), nil
}

// readPeriods reads the new list, in the order sent; new periods have no id yet. The caller holds the store's lock.
func (c *call) readPeriods(list *node) ([]Period, error) {
	old := c.e.customers.periods.rows
	var rows []Period
	counted := 0
	for i, item := range list.items() {
		at := "update[" + list.keys[i] + "]"
		if !item.isArray() {
			return nil, badRequest("%s must be an object", at)
		}
		p, err := c.readPeriod(item, at)
		if err != nil {
			return nil, err
		}
		if p.ID != 0 && slices.ContainsFunc(rows, func(o Period) bool { return o.ID == p.ID }) {
			return nil, badRequest("%s[id] %d is in the list twice", at, p.ID)
		}
		if p.Kind == PeriodBefore || !c.e.config.TenPeriodsBefore {
			counted++
		}
		rows = append(rows, p)
	}
	if counted > maxPeriods {
		return nil, badRequest("%d periods are more than %d", counted, maxPeriods)
	}
	for _, p := range old {
		if p.Kind == PeriodAfter && !slices.ContainsFunc(rows, func(o Period) bool { return o.ID == p.ID }) {
			return nil, badRequest("period %d lies after the purchase and cannot be removed", p.ID)
		}
	}
	return rows, nil
}

// readPeriod reads one period: a known one keeps what is not sent, a new one needs everything.
func (c *call) readPeriod(n *node, at string) (p Period, err error) {
	if err := c.checkKeys(n, at, "period", "id", "color", "sort"); err != nil {
		return p, err
	}
	p = Period{Kind: PeriodBefore}
	id, err := n.wholeNumber("id", at, false)
	if err != nil {
		return p, err
	}
	known := id != nil && *id != 0
	if known {
		k := slices.IndexFunc(c.e.customers.periods.rows, func(o Period) bool { return o.ID == *id })
		if k < 0 {
			return p, badRequest("%s[id] %d is not a period", at, *id)
		}
		p = c.e.customers.periods.rows[k]
	} else if n.get("type").str() == string(PeriodAfter) {
		return p, badRequest("%s: a period after the purchase cannot be made", at)
	}
	for _, f := range []struct {
		key string
		to  *int64
	}{
		{"period", &p.Days},
		{"sort", &p.Sort},
	} {
		value, err := n.wholeNumber(f.key, at, false)
		switch {
		case err != nil:
			return p, err
		case value == nil && !known:
			return p, badRequest("%s[%s] is required", at, f.key)
		case value != nil && *value > maxDays:
			return p, badRequest("%s[%s] %d is above %d", at, f.key, *value, maxDays)
		case value != nil:
			*f.to = *value
		}
	}
	color := n.get("color")
	switch {
	case color == nil && known:
	case color == nil:
		return p, badRequest("%s[color] is required", at)
	case !colorPattern.MatchString(color.str()):
		return p, badRequest("%s[color] must be a color as #rrggbb", at)
	default:
		p.Color = color.str()
	}
	return p, nil
}

// renderPeriods writes periods; only the answer to a write links them. The caller holds the store's lock.
func (c *call) renderPeriods(rows []Period, method string) []byte {
	var w jsonWriter
	w.open('{')
	w.self(c.href(), method)
	w.key("_embedded")
	w.open('{')
	w.key("items")
	w.open('[')
	for _, p := range rows {
		w.open('{')
		w.keyInteger("id", p.ID)
		w.keyText("type", string(p.Kind))
		w.keyInteger("period", p.Days)
		w.keyText("color", p.Color)
		w.keyInteger("sort", p.Sort)
		w.keyInteger(string(p.Kind)+"_buy", c.e.customers.periods.distance(p))
		if method == "post" {
			w.self(periodsPath, "get")
		}
		w.close('}')
	}
	w.close(']')
	w.close('}')
	w.close('}')
	return w.buf
}
