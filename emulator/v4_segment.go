package emulator

import (
	"net/http"
	"slices"
	"strconv"
)

// Operations of segments.
const (
	OpV4SegmentsList   = "v4.segments.list"
	OpV4SegmentsGet    = "v4.segments.get"
	OpV4SegmentsCreate = "v4.segments.create"
	OpV4SegmentsUpdate = "v4.segments.update"
	OpV4SegmentsDelete = "v4.segments.delete"

	OpV4SegmentFieldsList = "v4.segments.custom_fields.list"
	OpV4SegmentFieldsGet  = "v4.segments.custom_fields.get"
)

const v4SegmentsPath = "/api/v4/customers/segments"

var v4SegmentRoutes = []v4Route{
	{http.MethodGet, v4SegmentsPath, OpV4SegmentsList, (*call).listSegments},
	{http.MethodPost, v4SegmentsPath, OpV4SegmentsCreate, (*call).createSegment},
	{http.MethodGet, v4SegmentsPath + "/{id}", OpV4SegmentsGet, (*call).getSegment},
	{http.MethodPatch, v4SegmentsPath + "/{id}", OpV4SegmentsUpdate, (*call).updateSegment},
	{http.MethodDelete, v4SegmentsPath + "/{id}", OpV4SegmentsDelete, (*call).deleteSegment},
	{http.MethodGet, v4SegmentsPath + "/custom_fields", OpV4SegmentFieldsList, (*call).listFieldsV4},
	{http.MethodGet, v4SegmentsPath + "/custom_fields/{id}", OpV4SegmentFieldsGet, (*call).getFieldV4},
}

// Details of refusals, all ours.
const (
	notSegmentsDetail  = "Segments of customers need the mode segments"
	noSegmentDetail    = "Segment not found"
	manySegmentsDetail = "Limit 100 segments per account"
)

// segmentColors are what a segment can be given.
var segmentColors = []string{
	"10599d", "2176ff", "006acc", "07a0c3", "247ba0", "177e89", "046e8f", "598381", "0c7c59", "495f41",
	"00a44b", "08605f", "bf2600", "06d6a0", "e14945", "79b473", "ae003f", "a2ad59", "cd0f53", "8e936d",
	"832161", "2e5339", "bf126f", "6f7c12", "ff5376", "dd1c1a", "bb304e", "631d76", "9d2b32", "4a001f",
	"b118c8", "6a0f49", "6610f2", "b38a58", "8963ba", "4b3666", "932f6d", "6b2d5c", "6461a0", "4f517d",
}

// checkSegments refuses a call where customers have no segments.
func (c *call) checkSegments() error {
	if err := c.checkBelowCustomers(); err != nil {
		return err
	}
	if !c.e.segments() {
		return &problem{status: http.StatusUnprocessableEntity, detail: notSegmentsDetail}
	}
	return nil
}

// checkSegmentsWrite refuses a change of segments by whom may not make it.
func (c *call) checkSegmentsWrite() error {
	if err := c.checkSegments(); err != nil {
		return err
	}
	if err := c.checkQuery(); err != nil {
		return err
	}
	return c.checkAdminV4()
}

// listSegments answers GET /api/v4/customers/segments, one of the lists that tell how long they are.
func (c *call) listSegments() (*reply, error) {
	if err := c.checkSegments(); err != nil {
		return nil, err
	}
	if err := c.checkQuery("page", "limit"); err != nil {
		return nil, err
	}
	page, err := c.readPage()
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.RLock()
	defer st.mu.RUnlock()
	all := st.segments.rows
	rows := all[min(c.action.offset(page.offset()), len(all)):]
	rows = rows[:min(page.limit, len(rows))]
	if len(rows) == 0 {
		return emptyReply(), nil
	}
	rows = repeated(c.action, rows)
	pages := (len(all) + page.limit - 1) / page.limit
	var w jsonWriter
	w.open('{')
	w.keyInteger("_total_items", int64(len(all)))
	w.keyInteger("_page", int64(page.number))
	w.keyInteger("_page_count", int64(pages))
	w.key("_links")
	w.open('{')
	c.pageLinks(&w, page, c.hasNext(page.number < pages, false))
	w.close('}')
	w.embedded("segments", len(rows), func(i int) { c.writeSegment(&w, rows[i], nil) })
	w.close('}')
	c.e.counters.change(func(s *Stats) { s.RowsSent += int64(len(rows)) })
	return c.halReply(w.buf), nil
}

// getSegment answers GET /api/v4/customers/segments/{id}.
func (c *call) getSegment() (*reply, error) {
	if err := c.checkSegments(); err != nil {
		return nil, err
	}
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.RLock()
	defer st.mu.RUnlock()
	s := st.segments.find(c.id("id"))
	if s == nil {
		return c.missingV4(noSegmentDetail)
	}
	c.e.counters.change(func(s *Stats) { s.RowsSent++ })
	return c.segmentReply(s, nil), nil
}

// readSegment reads what is to be written to a segment of a color, and the values of its fields.
func (c *call) readSegment(create bool, color string) (*row, []CustomField, error) {
	r, err := c.readRow(
		key{"name", create, isFilled},
		key{"color", false, oneOf(append(slices.Clone(segmentColors), color)...)},
		key{"available_products_price_types", false, orNull(isList(isInt))},
		key{"custom_fields_values", false, orNull(isList(isAny))}, // checked by readFieldsV4
		key{"request_id", false, isRequestID},
	)
	if err != nil {
		return nil, nil, err
	}
	fields := c.readFieldsV4(r)
	return r, fields, invalid(r)
}

// createSegment answers POST /api/v4/customers/segments, which takes one object and answers with all of it.
func (c *call) createSegment() (*reply, error) {
	if err := c.checkSegmentsWrite(); err != nil {
		return nil, err
	}
	r, fields, err := c.readSegment(true, segmentColors[0])
	if err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.segments.rows) >= maxSegments {
		return nil, &problem{status: http.StatusUnprocessableEntity, detail: manySegmentsDetail}
	}
	s := &Segment{ID: st.segments.takeID(), Color: segmentColors[0], CreatedAt: c.now.Unix(), UpdatedAt: c.now.Unix()}
	s.change(r, fields)
	st.segments.put(s)
	c.e.counters.change(func(s *Stats) { s.Added++ })
	return c.segmentReply(s, r), nil
}

// updateSegment answers PATCH /api/v4/customers/segments/{id}.
func (c *call) updateSegment() (*reply, error) {
	if err := c.checkSegmentsWrite(); err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	old := st.segments.find(c.id("id"))
	if old == nil {
		return nil, &problem{status: http.StatusNotFound, detail: noSegmentDetail}
	}
	r, fields, err := c.readSegment(false, old.Color)
	if err != nil {
		return nil, err
	}
	s := old.clone()
	s.change(r, fields)
	s.UpdatedAt = max(c.now.Unix(), old.UpdatedAt+1)
	st.segments.put(s)
	c.e.counters.change(func(s *Stats) { s.Updated++ })
	return c.segmentReply(s, r), nil
}

// change writes what a checked row and its fields have of a segment.
func (s *Segment) change(r *row, fields []CustomField) {
	if name := r.get("name"); name != nil {
		s.Name = name.text
	}
	if color := r.get("color"); color != nil {
		s.Color = color.text
	}
	if n, sent := r.members["custom_fields_values"]; sent && n.kind == nodeNull {
		s.CustomFields = nil
	}
	for _, f := range fields {
		s.CustomFields = withField(s.CustomFields, f)
	}
	types, sent := r.members["available_products_price_types"]
	if !sent {
		return
	}
	s.PriceTypes = nil
	if types.isArray() {
		s.PriceTypes = []int64{}
	}
	for _, n := range types.items() {
		id, _ := n.integer()
		s.PriceTypes = append(s.PriceTypes, id)
	}
}

// deleteSegment answers DELETE /api/v4/customers/segments/{id}. Its customers stay, without it.
func (c *call) deleteSegment() (*reply, error) {
	if err := c.checkSegmentsWrite(); err != nil {
		return nil, err
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.segments.find(c.id("id")) == nil {
		return nil, &problem{status: http.StatusNotFound, detail: noSegmentDetail}
	}
	st.segments.take(c.id("id"))
	c.e.counters.change(func(s *Stats) { s.Deleted++ })
	return noContent(), nil
}

// segmentReply answers one segment; r is the row that wrote it, nil for none. The caller holds the store's lock.
func (c *call) segmentReply(s *Segment, r *row) *reply {
	var w jsonWriter
	c.writeSegment(&w, s, r)
	return c.halReply(w.buf)
}

// writeSegment writes a segment. The caller holds the store's lock.
func (c *call) writeSegment(w *jsonWriter, s *Segment, r *row) {
	w.open('{')
	w.keyInteger("id", s.ID)
	w.keyInteger("created_at", s.CreatedAt)
	w.keyInteger("updated_at", s.UpdatedAt)
	w.keyInteger("account_id", c.e.config.AccountID)
	w.keyText("name", s.Name)
	w.keyText("color", s.Color)
	if s.PriceTypes == nil {
		w.keyRaw("available_products_price_types", "null")
	} else {
		w.list("available_products_price_types", len(s.PriceTypes), func(i int) { w.integer(s.PriceTypes[i]) })
	}
	w.keyInteger("customers_count", c.e.customers.segments.counts[s.ID])
	c.writeFieldsV4(w, s.CustomFields)
	if r != nil && r.get("request_id") != nil {
		c.keyRequestID(w, r)
	}
	w.selfLink(c.absolute(v4SegmentsPath + "/" + strconv.FormatInt(s.ID, 10)))
	w.close('}')
}
