package wire

import (
	"bytes"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

var errBool = errors.New("neither true nor false")

// Bool is true, 1, "1", "Y" or "true", or their opposites, letters in either
// case. The empty string, null and an empty container are absence.
type Bool struct {
	Value bool
	Set   bool
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (b *Bool) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return b.Parse(value)
}

// Parse reads a value that a decoder has read.
func (b *Bool) Parse(value jsontext.Value) error {
	*b = Bool{}
	kind, text, err := scalar(value, nil)
	if err != nil {
		return err
	}
	if kind == jsontext.KindNull {
		return nil
	}
	switch strings.ToLower(string(bytes.TrimSpace(text))) {
	case "":
	case "true", "1", "y":
		*b = Bool{Value: true, Set: true}
	case "false", "0", "n":
		*b = Bool{Set: true}
	default:
		return errBool
	}
	return nil
}
