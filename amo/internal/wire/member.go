package wire

import (
	"bytes"
	"iter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Members yields the members of an object, in their order: names unquoted, values
// as they stand in it. The object must be one that a decoder has read: it is
// taken apart without being checked again, which takes far less time. It
// yields nothing of another value.
func Members(object jsontext.Value) iter.Seq2[[]byte, jsontext.Value] {
	return func(yield func(name []byte, value jsontext.Value) bool) {
		if object.Kind() != jsontext.KindBeginObject {
			return
		}
		for rest := inside(object); ; {
			name, behind := cutValue(rest)
			if name == nil {
				return
			}
			value, behind := cutValue(behind)
			if value == nil || !yield(unquote(nil, name), value) {
				return
			}
			rest = behind
		}
	}
}

// elements is Members for arrays.
func elements(array jsontext.Value) iter.Seq[jsontext.Value] {
	return func(yield func(jsontext.Value) bool) {
		for rest := inside(array); ; {
			value, behind := cutValue(rest)
			if value == nil || !yield(value) {
				return
			}
			rest = behind
		}
	}
}

// inside returns what stands between the brackets of a container.
func inside(container jsontext.Value) []byte {
	return container[bytes.IndexAny(container, "[{")+1:]
}

// cutValue cuts the first value off data, which may begin with white space and a
// comma or a colon; nil at the end of the container.
func cutValue(data []byte) (value jsontext.Value, rest []byte) {
	begin := 0
	for begin < len(data) && isBetween(data[begin]) {
		begin++
	}
	data = data[begin:]
	end := valueLength(data)
	if end == 0 {
		return nil, data
	}
	return data[:end:end], data[end:]
}

// isBetween says whether c separates values.
func isBetween(c byte) bool {
	return c == ' ' || c == ',' || c == ':' || c == '\n' || c == '\r' || c == '\t'
}

// valueLength is the length of the value that data begins with; 0 = none.
func valueLength(data []byte) int {
	if len(data) == 0 {
		return 0
	}
	switch data[0] {
	case '"':
		return stringLength(data)
	case '{', '[':
		return containerLength(data)
	}
	// A number or a literal.
	for i, c := range data {
		if c == ',' || c == '}' || c == ']' || c <= ' ' {
			return i
		}
	}
	return len(data)
}

// stringLength is the length of the string that data begins with, its quotes
// included.
func stringLength(data []byte) int {
	for end := 1; ; end++ {
		next := bytes.IndexByte(data[min(end, len(data)):], '"')
		if next < 0 {
			return len(data)
		}
		end += next
		escapes := 0 // of backslashes on end, every other one is text itself
		for data[end-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return end + 1
		}
	}
}

// containerLength is the length of the object or the array that data begins with.
func containerLength(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i += stringLength(data[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(data)
}

// AsObject takes a value for an object that may be missing: the spellings of
// absence of Object are nil, of which Members yields nothing.
func AsObject(value jsontext.Value) (jsontext.Value, error) {
	switch {
	case value.Kind() == jsontext.KindBeginObject:
		return value, nil
	case IsEmpty(value):
		return nil, nil
	default:
		return nil, errNoObject
	}
}

// EachElement calls read for each element of a value that a decoder has read, and
// that is a list in any of the spellings of List.
func EachElement(value jsontext.Value, read func(jsontext.Value) error) error {
	switch value.Kind() {
	case jsontext.KindBeginArray:
		n := 0
		for element := range elements(value) {
			if n++; n > MaxElements {
				return errTooLong
			}
			if err := read(element); err != nil {
				return err
			}
		}
		return nil
	case jsontext.KindBeginObject:
		var list List[jsontext.Value]
		if err := json.Unmarshal(value, &list, options); err != nil {
			return err
		}
		for _, element := range list {
			if err := read(element); err != nil {
				return err
			}
		}
		return nil
	default:
		if isNoList(value) {
			return nil
		}
		return read(value)
	}
}
