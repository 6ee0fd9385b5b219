package wire

import (
	"bytes"
	"errors"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var errNoObject = errors.New("one value or a list stands where an object is expected")

// Object is an object that may be missing: {}, [], null, false, 0 and the empty
// string are absence, and so is an object that T keeps nothing of.
type Object[T any] struct {
	// Value is nil when the object is absent.
	Value *T
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (o *Object[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	o.Value = nil
	// Decoding in place: the object may be a whole page.
	if dec.PeekKind() == jsontext.KindBeginObject {
		v := new(T)
		if err := json.UnmarshalDecode(dec, v); err != nil {
			return err
		}
		if !reflect.ValueOf(v).Elem().IsZero() {
			o.Value = v
		}
		return nil
	}
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if IsEmpty(value) {
		return nil
	}
	return errNoObject
}

// IsEmpty says whether value is one of upstream's spellings of nothing: no
// bytes at all, null, false, 0, "", [] or {}.
func IsEmpty(value jsontext.Value) bool {
	trimmed := bytes.TrimSpace(value)
	switch string(trimmed) {
	case "", "null", "false", "0", `""`:
		return true
	}
	first, last := trimmed[0], trimmed[len(trimmed)-1]
	isContainer := first == '[' && last == ']' || first == '{' && last == '}'
	return isContainer && len(bytes.TrimSpace(trimmed[1:len(trimmed)-1])) == 0
}
