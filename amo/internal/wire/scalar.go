package wire

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

var errContainer = errors.New("a list or an object stands where one value is expected")

// scalar takes a value for one without parts. An empty container is null: PHP
// writes [] and {} for nothing. For strings text is the unquoted string, which
// goes to buf where it has escapes, else the literal.
func scalar(value jsontext.Value, buf []byte) (kind jsontext.Kind, text []byte, err error) {
	if len(value) == 0 {
		return jsontext.KindNull, nil, nil // there is no such member
	}
	switch kind = value.Kind(); kind {
	case jsontext.KindString:
		return kind, unquote(buf, value), nil
	case jsontext.KindBeginObject, jsontext.KindBeginArray:
		if !IsEmpty(value) {
			return 0, nil, errContainer
		}
		return jsontext.KindNull, nil, nil
	default:
		return kind, value, nil
	}
}

// unquote returns a string without its quotes and escapes. Only what has none can
// stay where it is.
func unquote(buf []byte, value jsontext.Value) []byte {
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return inner
	}
	// Bytes that are no UTF-8 and lone surrogates are errors and become U+FFFD,
	// as the options of Unmarshal have it; the value was read before.
	text, _ := jsontext.AppendUnquote(buf[:0], value)
	return text
}
