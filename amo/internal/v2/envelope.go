package v2

import (
	"bytes"
	"errors"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

var errNoItems = errors.New("it has no _embedded.items")

// items are the items of one answer.
type items struct {
	// list are their places in the answer, each of them an object.
	list []wire.Cursor
	// answer holds the items; nil = there are none.
	answer *wire.Document
}

// findItems finds the items of a list. No body is the empty list: upstream answers
// 204 to a list that finds nothing. So is the documented error code 2002, "nothing
// found".
func findItems(body []byte) (items, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return items{}, nil
	}
	answer, err := wire.Read(body)
	if err != nil {
		return items{}, err
	}
	found, isThere := items{answer: answer}, false
	c := answer.Cursor()
	err = readEnvelope(&c, func() error {
		found.list, isThere = nil, true
		return c.EachElement(func(item *wire.Cursor) error {
			// It must fail the page, else a row would be missing from it.
			if item.Kind() != jsontext.KindBeginObject {
				return errItem
			}
			found.list = append(found.list, *item)
			return nil
		})
	}, func() { found.list, isThere = nil, false })
	if err != nil {
		return items{}, badResponse(err)
	}
	if !isThere {
		if f := readFailure(body); f.code == codeNothingFound {
			return items{}, nil
		}
		return items{}, badResponse(errNoItems)
	}
	return found, nil
}

// release gives up the items. What was read of them stays.
func (i *items) release() {
	if i.answer != nil {
		i.answer.Release()
	}
	i.list, i.answer = nil, nil
}

// readEnvelope calls items before what stands under _embedded.items. Of doubled
// names the last one wins: none is called before an _embedded.
func readEnvelope(c *wire.Cursor, items func() error, none func()) error {
	if isObject, err := c.Object(); !isObject {
		return err
	}
	for name := range c.Members() {
		if string(name) != "_embedded" {
			continue
		}
		none()
		if isObject, err := c.Object(); err != nil {
			return err
		} else if !isObject {
			continue
		}
		for name := range c.Members() {
			if string(name) != "items" {
				continue
			}
			if err := items(); err != nil {
				return err
			}
		}
	}
	return nil
}

// decodeAs reads each item of a list as a T.
func decodeAs[T any](body []byte) ([]T, error) {
	found, err := findItems(body)
	if err != nil {
		return nil, err
	}
	defer found.release()
	var list []T
	for _, place := range found.list {
		var row T
		if err := wire.Unmarshal(place.Value(), &row); err != nil {
			return nil, badResponse(err)
		}
		list = append(list, row)
	}
	return list, nil
}

var errItem = errors.New("an item is no object")

// writeDocument is the answer to a write.
type writeDocument struct {
	Embedded wire.Object[struct {
		Items  jsontext.Value `json:"items"`
		Errors jsontext.Value `json:"errors"`
	}] `json:"_embedded"`
}

// writeReader reads the answer to a write.
type writeReader struct {
	resource string
	op       driver.Op
	// classify reads the codes of the resource's section.
	classify func(failure) driver.Kind
	// keys are upstream's names of the resource's fields.
	keys map[string]string
	// isPositional says that items are known by their position only: no request
	// ids are sent, and what upstream makes up for them means nothing.
	isPositional bool
}

// decode decodes the answer. Its items are a list, an object of lists
// ({"deleted":[…]}) or an object by id; its errors come in the shapes of
// readItemErrors. The updated_at that some answers hold is in milliseconds and
// of no use.
func (r writeReader) decode(body []byte) (driver.WriteReply, error) {
	reply, err := r.read(body)
	if err != nil {
		return driver.WriteReply{}, named(err, r.resource, r.op)
	}
	for i := range reply.Errors {
		reply.Errors[i].Err.Op = r.resource + "." + string(r.op)
	}
	return reply, nil
}

func (r writeReader) read(body []byte) (driver.WriteReply, error) {
	var reply driver.WriteReply
	if len(bytes.TrimSpace(body)) == 0 {
		return reply, badResponse(errNoItems)
	}
	var document writeDocument
	if err := wire.Unmarshal(body, &document); err != nil {
		return reply, err
	}
	embedded := document.Embedded.Value
	if embedded == nil || embedded.Items == nil && wire.IsEmpty(embedded.Errors) {
		return reply, badResponse(errNoItems)
	}
	if !wire.IsEmpty(embedded.Items) {
		items, err := readWriteItems(embedded.Items, 0, 0)
		if err != nil {
			return reply, err
		}
		if r.isPositional {
			for i := range items {
				items[i].RequestID = 0
			}
		}
		reply.Items = items
	}
	itemErrors, err := r.readItemErrors(embedded.Errors, reply.Items)
	if err != nil {
		return driver.WriteReply{}, err
	}
	reply.Errors = itemErrors
	return reply, nil
}

// firstError returns the first error that stands beside the items of an answer;
// nil when there is none.
func (r writeReader) firstError(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	var document writeDocument
	if err := wire.Unmarshal(body, &document); err != nil {
		return named(err, r.resource, r.op)
	}
	if document.Embedded.Value == nil {
		return nil
	}
	itemErrors, err := r.readItemErrors(document.Embedded.Value.Errors, nil)
	if err != nil {
		return named(err, r.resource, r.op)
	}
	for _, e := range itemErrors {
		e.Err.Op = r.resource + "." + string(r.op)
		return e.Err
	}
	return nil
}

// writeItem is one item of the answer to a write.
type writeItem struct {
	ID        wire.Int  `json:"id"`
	RequestID wire.Int  `json:"request_id"`
	Name      wire.Text `json:"name"`
}

// maxItemDepth is how deep items may be nested: {"deleted":{"5":{…}}} is 2. Each
// level is decoded again, so that a deep answer would take minutes.
const maxItemDepth = 4

// readWriteItems reads a list of items, or an object whose values are items or
// lists of items. key is the key of the enclosing object if it was an id.
func readWriteItems(raw jsontext.Value, key int64, depth int) ([]driver.WriteItem, error) {
	if depth > maxItemDepth {
		return nil, badResponse(errItem)
	}
	switch raw.Kind() {
	case jsontext.KindBeginArray:
		var elements wire.List[jsontext.Value]
		if err := wire.Unmarshal(raw, &elements); err != nil {
			return nil, err
		}
		var items []driver.WriteItem
		for _, element := range elements {
			if element.Kind() == jsontext.KindBeginObject {
				item, err := readWriteItem(element, 0)
				if err != nil {
					return nil, err
				}
				items = append(items, item)
				continue
			}
			nested, err := readWriteItems(element, 0, depth+1)
			if err != nil {
				return nil, err
			}
			items = append(items, nested...)
		}
		return items, nil
	case jsontext.KindBeginObject:
		members, err := readMembers(raw)
		if err != nil {
			return nil, err
		}
		if key != 0 || hasMember(members, "id") {
			item, err := readWriteItem(raw, key)
			if err != nil {
				return nil, err
			}
			return []driver.WriteItem{item}, nil
		}
		var items []driver.WriteItem
		for _, m := range members {
			id, _ := strconv.ParseInt(m.name, 10, 64)
			nested, err := readWriteItems(m.value, id, depth+1)
			if err != nil {
				return nil, err
			}
			items = append(items, nested...)
		}
		return items, nil
	default:
		// {"466812":true} or a bare id.
		if raw.Kind() == jsontext.KindTrue && key > 0 {
			return []driver.WriteItem{{ID: key}}, nil
		}
		if key > 0 && (raw.Kind() == jsontext.KindFalse || raw.Kind() == jsontext.KindNull) {
			// {"466812":false}: the item was not written, others were.
			return nil, nil
		}
		var id wire.Int
		if err := wire.Unmarshal(raw, &id); err != nil {
			return nil, err
		}
		if id.Value <= 0 {
			return nil, badResponse(errNoID)
		}
		return []driver.WriteItem{{ID: id.Value}}, nil
	}
}

func readWriteItem(raw jsontext.Value, key int64) (driver.WriteItem, error) {
	var w writeItem
	if err := wire.Unmarshal(raw, &w); err != nil {
		return driver.WriteItem{}, err
	}
	if !w.ID.Set {
		w.ID.Value = key
	}
	if w.ID.Value <= 0 {
		return driver.WriteItem{}, badResponse(errNoID)
	}
	return driver.WriteItem{ID: w.ID.Value, RequestID: w.RequestID.Value, Name: w.Name.Value}, nil
}

// member is one member of a JSON object.
type member struct {
	name  string
	value jsontext.Value
}

// readMembers returns the members of an object in their order. Nested errors
// cannot occur in raw, which was part of a decoded document.
func readMembers(raw jsontext.Value) ([]member, error) {
	var m memberList
	if err := wire.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	return m, nil
}

type memberList []member

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *memberList) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != jsontext.KindBeginObject {
		return errItem
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		m := member{name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		m.value = value.Clone()
		*l = append(*l, m)
	}
	_, err := dec.ReadToken()
	return err
}

func hasMember(members []member, name string) bool {
	return slices.ContainsFunc(members, func(m member) bool { return m.name == name })
}
