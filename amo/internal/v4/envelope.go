package v4

import (
	"bytes"
	"errors"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

var errNoRows = errors.New("it holds none of the rows that were asked for")

// rows are the rows of one answer.
type rows struct {
	// list are the places of the rows in the answer, each of them an object.
	list []wire.Cursor
	// answer holds the rows; nil = there are none.
	answer *wire.Document
	// next says that upstream announced another page.
	next bool
	// failed are the errors beside the rows.
	failed []rowFailure
}

// decodeRows finds the rows of a list: they stand in `_embedded` under the first
// of keys that is there. No body is the empty list, and so is an envelope without
// rows; one bare object is a list of one, a bare array is the list itself. Links
// need not be there, and some are in the style of older APIs.
func decodeRows(body []byte, keys ...string) (rows, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return rows{}, nil
	}
	answer, err := wire.Read(body)
	if err != nil {
		return rows{}, err
	}
	c := answer.Cursor()
	switch c.Kind() {
	case jsontext.KindBeginArray:
		list, err := listRows(&c)
		return rows{list: list, answer: answer}, err
	case jsontext.KindBeginObject:
	default:
		return rows{}, badResponse(errNoObject)
	}
	d := document{keys: keys, found: len(keys)}
	d.read(&c)
	if d.isBare {
		return rows{list: []wire.Cursor{answer.Cursor()}, answer: answer}, nil
	}
	if d.err != nil {
		return rows{}, d.err
	}
	failed := readRowFailures(d.failed)
	if d.isForeign && d.found == len(keys) || !d.isEnvelope && len(failed) == 0 {
		return rows{}, badResponse(errNoRows)
	}
	return rows{list: d.rows, answer: answer, next: d.next, failed: failed}, nil
}

// release gives up the rows. What was read of them stays.
func (r *rows) release() {
	if r.answer != nil {
		r.answer.Release()
	}
	r.list, r.answer = nil, nil
}

// listRows returns the elements of a list. What is no object fails the list, else
// a row would be missing from it.
func listRows(c *wire.Cursor) ([]wire.Cursor, error) {
	var objects []wire.Cursor
	err := c.EachElement(func(element *wire.Cursor) error {
		if element.Kind() != jsontext.KindBeginObject {
			return errNoObject
		}
		objects = append(objects, *element)
		return nil
	})
	if err != nil {
		return nil, badResponse(err)
	}
	return objects, nil
}

// document is the envelope of a list.
type document struct {
	// keys are the names that the rows may have, the best first.
	keys []string
	rows []wire.Cursor
	// err says why the rows cannot be read.
	err error
	// found is the index in keys of the name that the rows have; behind the
	// last while there are none.
	found int
	// isEnvelope says that the document has a member of envelopes, isBare that
	// it is a row itself, isForeign that it holds something else than rows.
	isEnvelope, isBare, isForeign bool
	next                          bool
	// failed are the errors beside the rows.
	failed jsontext.Value
}

func (d *document) read(c *wire.Cursor) {
	for name := range c.Members() {
		switch string(name) {
		case "_embedded":
			d.isEnvelope = true
			d.readEmbedded(c)
		case "_links":
			d.isEnvelope, d.next = true, hasNext(c.Value())
		case "_page", "_total_items", "_page_count":
			d.isEnvelope = true
		case "errors":
			d.readErrors(c.Value())
		case "id":
			d.isBare = true
		}
	}
}

// readEmbedded finds the rows. An empty `_embedded` is an empty array.
func (d *document) readEmbedded(c *wire.Cursor) {
	if c.Kind() != jsontext.KindBeginObject {
		d.isForeign = d.isForeign || !c.IsEmpty()
		return
	}
	for name := range c.Members() {
		at := slices.Index(d.keys, string(name))
		switch {
		case string(name) == "errors":
			d.readErrors(c.Value())
		case at >= 0 && at < d.found:
			place := *c
			if d.rows, d.err = listRows(c); d.err != nil {
				// The rest is read all the same: it may say more.
				*c = place
			}
			d.found = at
		default:
			d.isForeign = d.isForeign || !c.IsEmpty()
		}
	}
}

func (d *document) readErrors(value jsontext.Value) {
	if !wire.IsEmpty(value) {
		d.failed = value
	}
}

// hasNext says whether links announce another page: `next` is an object with an
// address, or the address itself.
func hasNext(links jsontext.Value) bool {
	members, err := readMembers(links)
	if err != nil {
		return false
	}
	next, _ := find(members, "next")
	if inner, err := readMembers(next); err == nil {
		next, _ = find(inner, "href")
	}
	return scalarText(next) != "" && !wire.IsEmpty(next)
}

// rowAs reads a row as a T first.
func rowAs[T, M any](toProto func(*T) (M, error)) func(jsontext.Value) (M, error) {
	return func(row jsontext.Value) (M, error) {
		var w T
		if err := wire.Unmarshal(row, &w); err != nil {
			return *new(M), err
		}
		return toProto(&w)
	}
}

// findRows finds the rows of a page.
func findRows(resource string, body []byte, keys ...string) (rows, error) {
	found, err := decodeRows(body, keys...)
	if err != nil {
		return rows{}, named(err, resource, driver.OpList)
	}
	if len(found.failed) > 0 {
		// Rows may be missing that the errors stand for.
		return rows{}, named(errorReader{}.itemError(found.failed[0], http.StatusOK).Err, resource, driver.OpList)
	}
	return found, nil
}

// decodePage decodes a list into a page of messages. A row that cannot be
// understood fails the page: none is left out.
func decodePage[M any](resource string, body []byte, read func(row jsontext.Value) (M, error), keys ...string) (driver.Page[M], error) {
	decoded, err := findRows(resource, body, keys...)
	if err != nil {
		return driver.Page[M]{}, err
	}
	defer decoded.release()
	page := driver.Page[M]{Rows: make([]M, len(decoded.list)), Next: decoded.next}
	for i, row := range decoded.list {
		if page.Rows[i], err = read(row.Value()); err != nil {
			return driver.Page[M]{}, named(badResponse(err), resource, driver.OpList)
		}
	}
	return page, nil
}
