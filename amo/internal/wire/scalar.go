package wire

import (
	"bytes"
	"errors"
	"unicode/utf16"
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
	if text, ok := unescape(buf[:0], inner); ok {
		return text
	}
	// Bytes that are no UTF-8 and lone surrogates are errors and become U+FFFD,
	// as the options of Unmarshal have it; the value was read before.
	text, _ := jsontext.AppendUnquote(buf[:0], value)
	return text
}

// unescape is unquote for what upstream writes: ASCII, other characters of up to
// 16 bits as \u0418, and slashes as \/. False = there is something else.
func unescape(buf, inner []byte) ([]byte, bool) {
	for i := 0; i < len(inner); {
		switch c := inner[i]; {
		case c >= utf8.RuneSelf:
			return nil, false
		case c != '\\':
			buf = append(buf, c)
			i++
		case inner[i+1] == 'u':
			digits := inner[i+2 : i+6]
			r := rune(hexDigit[digits[0]])<<12 | rune(hexDigit[digits[1]])<<8 | rune(hexDigit[digits[2]])<<4 | rune(hexDigit[digits[3]])
			if utf16.IsSurrogate(r) {
				return nil, false
			}
			buf = utf8.AppendRune(buf, r)
			i += 6
		case inner[i+1] == '/' || inner[i+1] == '"' || inner[i+1] == '\\':
			buf = append(buf, inner[i+1])
			i += 2
		default:
			return nil, false
		}
	}
	return buf, true
}
