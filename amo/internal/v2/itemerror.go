package v2

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

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
	ID        wire.Int  `json:"id"`
	RequestID wire.Int  `json:"request_id"`
	Code      wire.Text `json:"code"`
	ErrorCode wire.Text `json:"error_code"`
	Message   errorText `json:"message"`
	Msg       errorText `json:"msg"`
	Error     errorText `json:"error"`
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
	e.Err = r.itemError(code, text)
	e.Err.ID = e.ID
	e.Stale = e.Err.Kind == driver.KindConflict
	return e, nil
}
