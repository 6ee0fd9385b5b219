package v4

import (
	"bytes"
	"errors"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

var errNoRows = errors.New("it holds none of the rows that were asked for")

// rows are the rows of one answer.
type rows[T any] struct {
	list []T
	// next says that upstream announced another page.
	next bool
	// failed are the errors beside the rows.
	failed []rowFailure
}

// decodeRows decodes a list: the rows stand in `_embedded` under the first of
// keys that is there. No body is the empty list, and so is an envelope without
// rows; one bare object is a list of one, a bare array is the list itself.
// Links need not be there, and some are in the style of older APIs.
func decodeRows[T any](body []byte, keys ...string) (rows[T], error) {
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 {
		return rows[T]{}, nil
	}
	if trimmed[0] == '[' {
		var list wire.List[item[T]]
		if err := wire.Unmarshal(trimmed, &list); err != nil {
			return rows[T]{}, err
		}
		return rows[T]{list: values(list)}, nil
	}
	d := document[T]{keys: keys}
	if err := wire.Unmarshal(trimmed, &d); err != nil {
		return rows[T]{}, err
	}
	if d.isBare {
		var one item[T]
		if err := wire.Unmarshal(trimmed, &one); err != nil {
			return rows[T]{}, err
		}
		return rows[T]{list: []T{one.value}}, nil
	}
	failed := readRowFailures(d.failed)
	if d.isForeign || !d.isEnvelope && len(failed) == 0 {
		return rows[T]{}, badResponse(errNoRows)
	}
	return rows[T]{list: values(d.rows), next: d.next, failed: failed}, nil
}

func values[T any](items []item[T]) []T {
	list := make([]T, len(items))
	for i := range items {
		list[i] = items[i].value
	}
	return list
}

// document is the envelope of a list.
type document[T any] struct {
	// keys are the names that the rows may have, the best first.
	keys []string
	rows wire.List[item[T]]
	// found is the index in keys of the name that the rows have; behind the
	// last while there are none.
	found int
	// isEnvelope says that the document has a member of envelopes, isBare that
	// it is a row itself, isForeign that it holds rows of another name only.
	isEnvelope, isBare, isForeign bool
	next                          bool
	// failed are the errors beside the rows.
	failed jsontext.Value
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (d *document[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	d.found = len(d.keys)
	err := eachMember(dec, func(name string) error {
		switch name {
		case "_embedded":
			d.isEnvelope = true
			return d.readEmbedded(dec)
		case "_links":
			d.isEnvelope = true
			raw, err := dec.ReadValue()
			d.next = err == nil && hasNext(raw)
			return err
		case "_page", "_total_items", "_page_count":
			d.isEnvelope = true
		case "errors":
			return d.readErrors(dec)
		case "id":
			d.isBare = true
		}
		return dec.SkipValue()
	})
	d.isForeign = d.isForeign && d.found == len(d.keys)
	return err
}

// readEmbedded decodes the rows in place: they may be a whole page. An empty
// `_embedded` is an empty array.
func (d *document[T]) readEmbedded(dec *jsontext.Decoder) error {
	if dec.PeekKind() != jsontext.KindBeginObject {
		raw, err := dec.ReadValue()
		if err == nil && !wire.IsEmpty(raw) {
			d.isForeign = true
		}
		return err
	}
	return eachMember(dec, func(name string) error {
		at := slices.Index(d.keys, name)
		switch {
		case name == "errors":
			return d.readErrors(dec)
		case at >= 0 && at < d.found && !d.isBare:
			d.found = at
			return json.UnmarshalDecode(dec, &d.rows)
		default:
			raw, err := dec.ReadValue()
			if err == nil && !wire.IsEmpty(raw) {
				d.isForeign = true
			}
			return err
		}
	})
}

func (d *document[T]) readErrors(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err == nil && !wire.IsEmpty(raw) {
		d.failed = raw.Clone()
	}
	return err
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

// decodePage decodes a list into a page of messages. A row that cannot be
// understood fails the page: none is left out.
func decodePage[T, M any](resource string, body []byte, toProto func(*T) (M, error), keys ...string) (driver.Page[M], error) {
	decoded, err := decodeRows[T](body, keys...)
	if err != nil {
		return driver.Page[M]{}, named(err, resource, driver.OpList)
	}
	if len(decoded.failed) > 0 {
		// Rows may be missing that the errors stand for.
		return driver.Page[M]{}, named(errorReader{}.itemError(decoded.failed[0], http.StatusOK).Err, resource, driver.OpList)
	}
	page := driver.Page[M]{Rows: make([]M, 0, len(decoded.list)), Next: decoded.next}
	for i := range decoded.list {
		row, err := toProto(&decoded.list[i])
		if err != nil {
			return driver.Page[M]{}, named(badResponse(err), resource, driver.OpList)
		}
		page.Rows = append(page.Rows, row)
	}
	return page, nil
}
