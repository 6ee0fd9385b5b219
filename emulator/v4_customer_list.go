package emulator

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// v4CustomerFilters are the filters of customers, which an account pays for.
var v4CustomerFilters = []string{
	"id", "name", "next_price", "next_date", "status_id", "created_by", "updated_by", "responsible_user_id", "created_at",
	"updated_at", "closest_task_at", "custom_fields_values",
}

// listCustomersV4 answers GET /api/v4/customers.
func (c *call) listCustomersV4() (*reply, error) {
	if err := c.checkCustomersV4(); err != nil {
		return nil, err
	}
	if err := c.checkQuery("page", "limit", "with", "query", "filter", "order"); err != nil {
		return nil, err
	}
	page, err := c.readPage()
	if err != nil {
		return nil, err
	}
	with, err := c.readWithV4(v4CustomerParts...)
	if err != nil {
		return nil, err
	}
	order, err := c.readOrder("id", "updated_at")
	if err != nil {
		return nil, err
	}
	q := listQuery{rows: page.limit, offset: c.action.offset(page.offset()), byID: order.field == "id", desc: order.desc}
	q.text = strings.TrimSpace(c.query.get("query").str())
	if !c.e.config.FiltersOff {
		if err := c.readCustomerFilter(&q); err != nil {
			return nil, err
		}
	}
	st := c.e.customers
	rows := st.pageV4(q)
	st.mu.RLock()
	defer st.mu.RUnlock()
	return v4List[Customer]{
		key: "customers", page: page, rows: rows,
		write: func(w *jsonWriter, cu *Customer) { c.writeCustomerV4(w, cu, customerView{with, c.repeating}) },
	}.reply(c), nil
}

// readCustomerFilter reads the filters. What a head does not hold is judged by the whole row.
func (c *call) readCustomerFilter(q *listQuery) error {
	filter, err := c.readFilterV4(v4CustomerFilters...)
	if err != nil || filter == nil {
		return err
	}
	var status, createdBy, updatedBy []int64
	for _, f := range []struct {
		name string
		to   *[]int64
	}{
		{"id", &q.ids},
		{"status_id", &status},
		{"created_by", &createdBy},
		{"updated_by", &updatedBy},
		{"responsible_user_id", &q.users},
	} {
		if *f.to, err = c.filterIDs(filter, f.name); err != nil {
			return err
		}
	}
	if q.users != nil && len(q.users) == 0 { // asked for, but for nobody
		q.users = []int64{-1}
	}
	var price, task *span
	for _, f := range []struct {
		name string
		to   **span
	}{
		{"created_at", &q.created},
		{"updated_at", &q.updated},
		{"next_date", &q.nextDate},
		{"next_price", &price},
		{"closest_task_at", &task},
	} {
		if *f.to, err = c.filterSpan(filter, f.name, false); err != nil {
			return err
		}
	}
	names := c.filterTexts(filter, "name")
	fields := filter.get("custom_fields_values")
	if status == nil && createdBy == nil && updatedBy == nil && price == nil && task == nil && names == nil && fields == nil {
		return nil
	}
	q.keep = func(cu *Customer) bool {
		return in(status, c.e.customers.periods.current(cu.PeriodID)) && in(createdBy, cu.CreatedBy) &&
			in(updatedBy, cu.UpdatedBy) && price.within(cu.NextPrice) && task.within(cu.ClosestTaskAt) &&
			(names == nil || slices.Contains(names, cu.Name)) && c.fieldsMatch(fields, cu)
	}
	return nil
}

// fieldsMatch reports whether every filtered custom field of a customer has a value that is asked for.
func (c *call) fieldsMatch(filter *node, cu *Customer) bool {
	if filter == nil {
		return true
	}
	for _, name := range filter.keys {
		id, err := strconv.ParseInt(name, 10, 64)
		if err != nil {
			return false
		}
		at := slices.IndexFunc(cu.CustomFields, func(cf CustomField) bool { return cf.ID == id })
		if at < 0 || !c.fieldMatches(filter.members[name], cu.CustomFields[at]) {
			return false
		}
	}
	return true
}

func (c *call) fieldMatches(filter *node, cf CustomField) bool {
	f := c.e.catalogue.get(cf.ID)
	from, to := filter.get("from"), filter.get("to")
	for _, v := range cf.Values {
		text := v.Value
		switch {
		case f == nil:
		case f.Type.hasDate():
			text = digits(c.unixOf(f, v.Value))
		case v.Enum != 0 && f.Type != FieldMultitext:
			text = digits(v.Enum)
		}
		if from == nil && to == nil {
			if slices.Contains(filter.texts(), text) {
				return true
			}
			continue
		}
		number, err := strconv.ParseFloat(text, 64)
		if err == nil && above(from, number) >= 0 && above(to, number) <= 0 {
			return true
		}
	}
	return false
}

// above compares a number with an end of a range; no end is neither above nor below.
func above(end *node, number float64) int {
	limit, err := strconv.ParseFloat(end.str(), 64)
	if err != nil {
		return 0
	}
	return cmp.Compare(number, limit)
}

// texts are the scalar itself or those of a list.
func (n *node) texts() []string {
	if n.isScalar() {
		return []string{n.text}
	}
	var texts []string
	for _, m := range n.items() {
		texts = append(texts, m.str())
	}
	return texts
}

// pageV4 returns the rows a query asks for. Unlike in v2 other filters hold beside ids, and the order may be reversed.
func (st *customerStore) pageV4(q listQuery) []*Customer {
	switch {
	case q.ids != nil:
		return st.someV4(q)
	case !q.desc:
		return st.page(q)
	}
	// The orders are walked from their beginning, so the last rows are found by counting all of them.
	all := q
	all.rows, all.offset = 0, 0
	rest := st.count(all) - q.offset
	if rest <= 0 {
		return nil
	}
	q.offset, q.rows = max(0, rest-q.rows), min(q.rows, rest)
	rows := st.page(q)
	slices.Reverse(rows)
	return rows
}

// count returns how many rows a query finds.
func (st *customerStore) count(q listQuery) int {
	st.mu.RLock()
	defer st.mu.RUnlock()
	if !q.filtered() {
		return st.byID.seeded - len(st.byID.hidden) + len(st.byID.rows)
	}
	if q.updated != nil && q.onlyUpdated() {
		x := &st.byUpdated
		return x.before(sortKey{q.updated.to, math.MaxInt64}) - x.before(sortKey{primary: q.updated.from})
	}
	n := 0
	q.rows = 1
	keep := q.keep
	q.keep = func(cu *Customer) bool {
		if keep == nil || keep(cu) {
			n++
		}
		return false
	}
	x := &st.byUpdated
	if q.byID {
		x = &st.byID
	}
	st.collect(x.seek(0), q, 0, anyTime.to)
	return n
}

// someV4 returns those of the rows with the ids of a query that it finds.
func (st *customerStore) someV4(q listQuery) []*Customer {
	st.mu.RLock()
	defer st.mu.RUnlock()
	ids := slices.Clone(q.ids)
	slices.Sort(ids)
	var rows []*Customer
	for _, id := range slices.Compact(ids) {
		cu := st.find(id)
		if cu != nil && q.match(cu.head()) && (q.text == "" || cu.contains(q.text)) && (q.keep == nil || q.keep(cu)) {
			rows = append(rows, cu)
		}
	}
	if !q.byID {
		slices.SortStableFunc(rows, func(a, b *Customer) int { return cmp.Compare(a.UpdatedAt, b.UpdatedAt) })
	}
	if q.desc {
		slices.Reverse(rows)
	}
	rows = rows[min(q.offset, len(rows)):]
	return rows[:min(q.rows, len(rows))]
}
