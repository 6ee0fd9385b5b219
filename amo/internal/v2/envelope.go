package v2

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

var errNoItems = errors.New("it has no _embedded.items")

// decodeItems decodes the items of a list. No body is the empty list: upstream
// answers 204 to a list that finds nothing. So is the documented error code
// 2002, "nothing found".
func decodeItems[T any](body []byte) ([]T, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	var document struct {
		Embedded wire.Object[struct {
			Items *wire.List[item[T]] `json:"items"`
		}] `json:"_embedded"`
	}
	if err := wire.Unmarshal(body, &document); err != nil {
		return nil, err
	}
	if document.Embedded.Value == nil || document.Embedded.Value.Items == nil {
		if f := readFailure(body); f.code == codeNothingFound {
			return nil, nil
		}
		return nil, badResponse(errNoItems)
	}
	items := *document.Embedded.Value.Items
	values := make([]T, len(items))
	for i := range items {
		values[i] = items[i].value
	}
	return values, nil
}

// item is an element of a list. Unlike wire.Object it has to be there: an item
// that is no object must fail the page, else a row would be missing from it.
type item[T any] struct{ value T }

var errItem = errors.New("an item is no object")

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (i *item[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != jsontext.KindBeginObject {
		return errItem
	}
	return unmarshalDecode(dec, &i.value)
}

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

// readItemErrors reads the errors beside the items of a write. They are, by
// verb or without one: an object of texts or objects by key, a list of texts,
// or a list of objects. The keys are ids of the records for an update or
// delete; for an add, what they count is worked out by addIndexes.
func (r writeReader) readItemErrors(raw jsontext.Value, written []driver.WriteItem) ([]driver.ItemError, error) {
	if wire.IsEmpty(raw) {
		return nil, nil
	}
	if raw.Kind() != jsontext.KindBeginObject {
		return r.readErrorList(raw, verbUnknown, written)
	}
	members, err := readMembers(raw)
	if err != nil {
		return nil, err
	}
	var itemErrors []driver.ItemError
	for _, m := range members {
		if wire.IsEmpty(m.value) {
			continue
		}
		verb, known := verbs[m.name]
		if !known {
			// No verbs: the object itself is one of the shapes.
			return r.readErrorList(raw, verbUnknown, written)
		}
		of, err := r.readErrorList(m.value, verb, written)
		if err != nil {
			return nil, err
		}
		itemErrors = append(itemErrors, of...)
	}
	return itemErrors, nil
}

type verb int

const (
	verbUnknown verb = iota
	verbAdd
	verbChange
)

var verbs = map[string]verb{
	"add":    verbAdd,
	"update": verbChange,
	"delete": verbChange,
}

// itemFailure is a per-item error that is an object. Which keys it has is not
// documented for customers; these are the ones of the sibling resources.
type itemFailure struct {
	ID        wire.Int       `json:"id"`
	RequestID wire.Int       `json:"request_id"`
	Code      wire.Text      `json:"code"`
	ErrorCode wire.Text      `json:"error_code"`
	Message   errorText      `json:"message"`
	Msg       errorText      `json:"msg"`
	Error     errorText      `json:"error"`
	Item      jsontext.Value `json:"item"`
}

// errorText is the text of an error, or several in a list or object, joined:
// what exactly was refused must not hide what else was written.
type errorText string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (t *errorText) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*t = ""
	var texts []string
	for depth := dec.StackDepth(); ; {
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		switch token.Kind() {
		case jsontext.KindString, jsontext.KindNumber:
			// Names of members count: they tell the field.
			texts = append(texts, token.String())
		default:
			// Null, a flag or a bracket tells nothing.
		}
		if dec.StackDepth() == depth {
			*t = errorText(strings.Join(texts, " "))
			return nil
		}
	}
}

func (r writeReader) readErrorList(raw jsontext.Value, v verb, written []driver.WriteItem) ([]driver.ItemError, error) {
	switch raw.Kind() {
	case jsontext.KindBeginArray:
		var elements wire.List[jsontext.Value]
		if err := wire.Unmarshal(raw, &elements); err != nil {
			return nil, err
		}
		itemErrors := make([]driver.ItemError, 0, len(elements))
		for _, element := range elements {
			e, err := r.readItemError(element)
			if err != nil {
				return nil, err
			}
			itemErrors = append(itemErrors, e)
		}
		return itemErrors, nil
	case jsontext.KindBeginObject:
		members, err := readMembers(raw)
		if err != nil {
			return nil, err
		}
		if hasMember(members, "code") || hasMember(members, "msg") || hasMember(members, "message") {
			// One error object instead of a list of one.
			e, err := r.readItemError(raw)
			return []driver.ItemError{e}, err
		}
		return r.readErrorsByKey(members, v, written)
	default:
		e, err := r.readItemError(raw)
		return []driver.ItemError{e}, err
	}
}

func (r writeReader) readErrorsByKey(members []member, v verb, written []driver.WriteItem) ([]driver.ItemError, error) {
	keys := make([]int64, len(members))
	for i, m := range members {
		key, err := strconv.ParseInt(m.name, 10, 64)
		if err != nil {
			key = -1
		}
		keys[i] = key
	}
	indexes := r.addIndexes(keys, written)
	itemErrors := make([]driver.ItemError, 0, len(members))
	for i, m := range members {
		e, err := r.readItemError(m.value)
		if err != nil {
			return nil, err
		}
		switch {
		case v == verbAdd:
			if e.Index < 0 {
				e.Index = indexes[i]
			}
		case e.ID == 0 && keys[i] > 0:
			e.ID, e.Err.ID = keys[i], keys[i]
		}
		itemErrors = append(itemErrors, e)
	}
	slices.SortStableFunc(itemErrors, func(a, b driver.ItemError) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Index, b.Index))
	})
	return itemErrors, nil
}

// addIndexes turns the keys of failed adds into indexes of the request. No
// source says whether they are indexes or request ids (index + 1). What was
// written settles it where only one reading fits; else all are -1, since
// blaming the wrong item would repeat a create.
func (r writeReader) addIndexes(keys []int64, written []driver.WriteItem) []int {
	done := map[int64]bool{}
	for _, w := range written {
		if w.RequestID > 0 {
			done[w.RequestID] = true
		}
	}
	byIndex, byRequestID := true, true
	for _, key := range keys {
		if key < 0 || done[key+1] {
			byIndex = false
		}
		if key < 1 || done[key] || r.isPositional {
			byRequestID = false
		}
	}
	indexes := make([]int, len(keys))
	for i, key := range keys {
		switch {
		case byIndex && !byRequestID:
			indexes[i] = int(key)
		case byRequestID && !byIndex:
			indexes[i] = int(key - 1)
		default:
			indexes[i] = -1
		}
	}
	return indexes
}

// readItemError reads a text, several, or an object.
func (r writeReader) readItemError(raw jsontext.Value) (driver.ItemError, error) {
	e := driver.ItemError{Index: -1}
	var f itemFailure
	if raw.Kind() == jsontext.KindBeginObject {
		if err := wire.Unmarshal(raw, &f); err != nil {
			return e, err
		}
	} else if err := wire.Unmarshal(raw, &f.Message); err != nil {
		return e, err
	}
	e.ID = max(f.ID.Value, 0)
	if f.RequestID.Value > 0 && !r.isPositional {
		e.Index = int(f.RequestID.Value - 1)
	}
	code := cmp.Or(f.Code.Value, f.ErrorCode.Value)
	text := string(cmp.Or(f.Message, f.Msg, f.Error))
	e.Err = itemError(r.op, r.keys, code, text)
	e.Err.ID = e.ID
	e.Stale = e.Err.Kind == driver.KindConflict
	return e, nil
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
