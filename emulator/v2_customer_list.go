package emulator

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxRows is the most rows a list answers at once, and what it answers when it is not told.
const maxRows = 500

// span is a range of unix seconds, both ends inclusive.
type span struct{ from, to int64 }

var anyTime = span{math.MinInt64, math.MaxInt64}

func (s span) contains(t int64) bool { return t >= s.from && t <= s.to }

// listQuery is what a list is asked for.
type listQuery struct {
	ids          []int64 // when set, nothing else counts
	rows, offset int
	byID         bool // the order
	users        []int64
	created      *span
	updated      *span
	nextDate     *span
	since        int64 // only rows updated later; 0: all
	text         string
	elements     bool // with the links to catalogue elements

	// Of generation v4 only. keep judges by what is not in the head of a row.
	keep func(*Customer) bool
	desc bool
}

// listCustomers answers GET /api/v2/customers.
func (c *call) listCustomers() (*reply, error) {
	if err := c.checkCustomers(); err != nil {
		return nil, err
	}
	q, err := c.readListQuery()
	if err != nil {
		return nil, err
	}
	q.offset = c.action.offset(q.offset)
	page := c.e.customers.page(q)
	c.e.customers.mu.RLock()
	defer c.e.customers.mu.RUnlock()
	return v2ListReply(c, page, 1536, func(w *jsonWriter, _ int, cu *Customer) { c.writeCustomer(w, cu, q.elements) }), nil
}

// readListQuery reads the parameters. What cannot be read is ignored, as the service does, unless in strict mode.
func (c *call) readListQuery() (q listQuery, err error) {
	if err := c.checkQuery("id", "limit_rows", "limit_offset", "filter", "with", "query"); err != nil {
		return q, err
	}
	q.byID = c.e.config.ListByID
	if q.elements, err = c.readWith(); err != nil {
		return q, err
	}
	if q.ids, err = c.readID("filter", "query"); err != nil || q.ids != nil {
		return q, err
	}
	if q.rows, q.offset, err = c.readPaging(); err != nil {
		return q, err
	}
	if err := c.readFilter(&q); err != nil {
		return q, err
	}
	if q.text = strings.TrimSpace(c.query.get("query").str()); c.query.get("query").isArray() {
		return q, c.ignored("query must be text")
	}
	if header := c.request.Header.Get("If-Modified-Since"); header != "" && c.e.config.HonourIfModifiedSince {
		t, ok := parseSince(header)
		if !ok {
			return q, c.ignored("If-Modified-Since: %q is not a time", header)
		}
		q.since = t.Unix()
	}
	return q, nil
}

// ignored is what comes of input that is silently left aside: nothing, or in strict mode a refusal.
func (c *call) ignored(format string, args ...any) error {
	if !c.e.config.Strict {
		return nil
	}
	return badRequest(format, args...)
}

func (c *call) readWith() (elements bool, err error) {
	for _, name := range c.query.get("with").list() {
		switch name {
		case "catalog_elements_links":
			elements = true
		default:
			if err := c.ignored("with: %q is unknown", name); err != nil {
				return false, err
			}
		}
	}
	return elements, nil
}

// list reads a parameter that is a list in any spelling: a=1,2, a[]=1&a[]=2, a[0]=1.
func (n *node) list() []string {
	var texts []string
	if n.isScalar() {
		for part := range strings.SplitSeq(n.text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				texts = append(texts, part)
			}
		}
		return texts
	}
	for _, m := range n.items() {
		texts = append(texts, m.list()...)
	}
	return texts
}

func (c *call) readIDs(n *node, name string) ([]int64, error) {
	var ids []int64
	for _, text := range n.list() {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			if err := c.ignored("%s: %q is not an id", name, text); err != nil {
				return nil, err
			}
			continue
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// readID reads the parameter id, which switches off all others; nil means it was not sent. In strict mode it is refused
// beside the parameters named.
func (c *call) readID(off ...string) ([]int64, error) {
	id := c.query.get("id")
	if id == nil || !id.isArray() && id.text == "" {
		return nil, nil
	}
	for _, name := range off {
		if c.query.get(name) != nil {
			if err := c.ignored("%s is ignored beside id", name); err != nil {
				return nil, err
			}
		}
	}
	ids, err := c.readIDs(id, "id")
	if ids == nil {
		ids = []int64{} // an id that is none finds nothing
	}
	return ids, err
}

// readPaging reads limit_rows and limit_offset, which counts only with it.
func (c *call) readPaging() (rows, offset int, err error) {
	defer func() { rows = c.action.pageSize(rows) }()
	limit, from := c.query.get("limit_rows"), c.query.get("limit_offset")
	if limit == nil {
		if from != nil {
			return maxRows, 0, c.ignored("limit_offset works only with limit_rows")
		}
		return maxRows, 0, nil
	}
	n, ok := limit.integer()
	switch {
	case !ok || n <= 0: // no usable limit is no limit, and then the offset does not count
		return maxRows, 0, c.ignored("limit_rows: %q is not a number above 0", limit.str())
	case n > maxRows:
		if err := c.ignored("limit_rows: %d is above %d", n, maxRows); err != nil {
			return 0, 0, err
		}
		n = maxRows
	}
	rows = int(n)
	if from == nil {
		return rows, 0, nil
	}
	n, ok = from.integer()
	if !ok || n < 0 {
		return rows, 0, c.ignored("limit_offset: %q is not a number", from.str())
	}
	return rows, int(min(n, math.MaxInt32)), nil
}

func (c *call) readFilter(q *listQuery) error {
	filter := c.query.get("filter")
	if filter == nil {
		return nil
	}
	if !filter.isArray() {
		return c.ignored("filter must have a name in brackets")
	}
	if err := c.checkKeys(filter, "filter", "main_user", "date", "next_date"); err != nil {
		return err
	}
	var err error
	if q.users, err = c.readIDs(filter.get("main_user"), "filter[main_user]"); err != nil {
		return err
	}
	if q.nextDate, err = c.readSpan(filter.get("next_date"), "filter[next_date]", "from", "to"); err != nil {
		return err
	}
	date := filter.get("date")
	sp, err := c.readSpan(date, "filter[date]", "type", "from", "to")
	if err != nil || sp == nil {
		return err
	}
	switch kind := date.get("type").str(); kind {
	case "create":
		q.created = sp
	case "modify":
		q.updated = sp
	default:
		return c.ignored("filter[date][type]: %q is neither create nor modify", kind)
	}
	return nil
}

// readSpan reads from and to; nil means no filter. `to` counts only together with `from`.
func (c *call) readSpan(n *node, at string, known ...string) (*span, error) {
	if n == nil {
		return nil, nil
	}
	if !n.isArray() {
		return nil, c.ignored("%s must have from in brackets", at)
	}
	if err := c.checkKeys(n, at, known...); err != nil {
		return nil, err
	}
	from, to := n.get("from"), n.get("to")
	if from == nil {
		return nil, c.ignored("%s works only with from", at)
	}
	sp := anyTime
	start, _, ok := c.parseDate(from.str())
	if !ok {
		return nil, c.ignored("%s[from]: %q is not a date", at, from.str())
	}
	sp.from = start.Unix()
	if c.e.config.BoundsExcluded {
		sp.from++
	}
	if to == nil {
		return &sp, nil
	}
	end, wholeDay, ok := c.parseDate(to.str())
	if !ok {
		return &sp, c.ignored("%s[to]: %q is not a date", at, to.str())
	}
	sp.to = end.Unix()
	if wholeDay && !c.e.config.ToIsMidnight {
		sp.to = endOfDay(end).Unix()
	}
	if c.e.config.BoundsExcluded {
		sp.to--
	}
	return &sp, nil
}

// parseDate reads the text of a date filter as this account does.
func (c *call) parseDate(text string) (t time.Time, wholeDay, ok bool) {
	if c.e.config.NoUnixDates && isDigits(text) {
		return time.Time{}, false, false
	}
	return parseDate(text, c.e.zone)
}

// endOfDay is the last second of a day, which is not always 24 hours long.
func endOfDay(midnight time.Time) time.Time { return midnight.AddDate(0, 0, 1).Add(-time.Second) }

func (q *listQuery) match(h head) bool {
	return (len(q.users) == 0 || slices.Contains(q.users, h.user)) &&
		(q.created == nil || q.created.contains(h.created)) &&
		(q.updated == nil || q.updated.contains(h.updated)) &&
		(q.nextDate == nil || q.nextDate.contains(h.nextDate)) &&
		(q.since == 0 || h.updated > q.since)
}

// filtered reports whether every row must be looked at.
func (q *listQuery) filtered() bool {
	return len(q.users) > 0 || q.created != nil || q.updated != nil || q.nextDate != nil || q.since != 0 || q.text != "" ||
		q.keep != nil
}

// onlyUpdated reports whether the query filters by update time alone.
func (q *listQuery) onlyUpdated() bool {
	return len(q.users) == 0 && q.created == nil && q.nextDate == nil && q.text == "" && q.keep == nil
}

// pageOfIDs returns the customers with the ids, as they are now, whatever lists show.
func (st *customerStore) pageOfIDs(ids []int64) []*Customer {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	var page []*Customer
	for _, id := range slices.Compact(ids) {
		if c := st.find(id); c != nil && len(page) < maxRows {
			page = append(page, c)
		}
	}
	return page
}
