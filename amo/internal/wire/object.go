package wire

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Object is an object that may be missing: {}, [], null, false, 0 and the empty
// string are absence.
type Object[T any] struct {
	// Value is nil when the object is absent.
	Value *T
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (o *Object[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	o.Value = nil
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if IsEmpty(value) {
		return nil
	}
	v := new(T)
	if err := json.Unmarshal(value, v, options); err != nil {
		return err
	}
	o.Value = v
	return nil
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
