package emulator

import (
	"cmp"
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
	if c.e.config.OrderIgnored {
		order = v4Order{field: "id"}
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
	if q.updated != nil && !filter.get("updated_at").isScalar() && filter.get("updated_at").get("to") != nil && c.e.config.UpdatedToExcluded {
		q.updated.to--
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
