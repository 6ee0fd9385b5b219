package emulator

import (
	"bytes"
	"net/http"
	"strconv"
)

// v4MaxBatch is the number of rows one write may carry.
const v4MaxBatch = 250

// row is one row of a write and what is wrong with it.
type row struct {
	*node
	place int // in the request, from 0
	wrong []violation
}

// refuse notes a violation.
func (r *row) refuse(code, path, detail string) {
	r.wrong = append(r.wrong, violation{code, path, detail})
}

// notAChoice notes a value that is none of those there are.
func (r *row) notAChoice(path string) {
	r.refuse("NotSupportedChoice", path, "The value you selected is not a valid choice.")
}

// requestID is what the row is called by: its request_id, or its place.
func (r *row) requestID() string {
	if given := r.get("request_id"); given.isScalar() {
		return given.text
	}
	return strconv.Itoa(r.place)
}

// keyRequestID writes the request_id of an answer: as it was sent, or the row's place as text.
func (c *call) keyRequestID(w *jsonWriter, r *row) {
	given := r.get("request_id")
	id := r.requestID()
	_, err := strconv.ParseInt(id, 10, 64)
	if err == nil && (c.e.config.RequestIDAsNumber || given != nil && given.kind == nodeNumber) {
		w.keyRaw("request_id", id)
		return
	}
	w.keyText("request_id", id)
}

// parseV4 reads the body, which is JSON whatever its type says.
func (c *call) parseV4() (*node, error) {
	text := bytes.TrimSpace(c.body)
	if len(text) == 0 {
		return nil, &problem{status: http.StatusBadRequest, detail: emptyBodyDetail}
	}
	n, err := parseJSON(text)
	if err != nil || !n.isArray() {
		return nil, &problem{status: http.StatusBadRequest, detail: invalidBodyDetail}
	}
	if len(n.keys) == 0 {
		return nil, &problem{status: http.StatusBadRequest, detail: emptyBodyDetail}
	}
	return n, nil
}

// readRows reads a body that is a list of rows and checks each against the keys. What is wrong is noted in the rows:
// the caller adds what it finds itself and then asks invalid.
func (c *call) readRows(keys ...key) ([]*row, error) {
	body, err := c.parseV4()
	if err != nil {
		return nil, err
	}
	if !body.ordered {
		return nil, &problem{status: http.StatusBadRequest, detail: invalidBodyDetail}
	}
	if len(body.keys) > v4MaxBatch {
		return nil, &problem{status: http.StatusUnprocessableEntity, detail: limitDetail}
	}
	c.items = len(body.keys)
	rows := make([]*row, 0, len(body.keys))
	for i, n := range body.items() {
		r := &row{node: n, place: i}
		c.checkRow(r, keys)
		rows = append(rows, r)
	}
	return rows, nil
}

// readRow reads a body that is one object, as readRows does a list.
func (c *call) readRow(keys ...key) (*row, error) {
	body, err := c.parseV4()
	if err != nil {
		return nil, err
	}
	if body.ordered {
		return nil, &problem{status: http.StatusBadRequest, detail: invalidBodyDetail}
	}
	c.items = 1
	r := &row{node: body}
	c.checkRow(r, keys)
	return r, nil
}

// checkRow checks a row. Only a strict account refuses keys of it that nobody knows; those of nested objects are
// always refused.
func (c *call) checkRow(r *row, keys []key) {
	if !r.isArray() || r.ordered && len(r.keys) > 0 {
		r.refuse("InvalidType", "", typeDetail("array"))
		r.node = newArray()
		return
	}
	checkObject(r, "", r.node, keys, !c.e.config.Strict)
}

// invalid is the refusal of a whole write some of whose rows have something wrong, nil when none has.
func invalid(rows ...*row) error {
	var wrong []invalidRow
	for _, r := range rows {
		if len(r.wrong) > 0 {
			wrong = append(wrong, invalidRow{requestID: r.requestID(), wrong: r.wrong})
		}
	}
	if wrong == nil {
		return nil
	}
	return &problem{status: http.StatusBadRequest, detail: validationDetail, rows: wrong}
}
