package wire

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxElements is how many elements a list may have, far beyond any documented
// limit. An element takes more memory than its text: without a limit a few
// megabytes of "{},{}," would take gigabytes.
const MaxElements = 100_000

var errTooLong = errors.New("a list has more than 100,000 elements")

// List is a list: a JSON array, or an object whose values are the elements, in
// the order of its keys as numbers (PHP arrays that do not start at 0); keys
// that are no numbers come last, in the order of the document. Null, false and
// the empty string are the empty list; any other single value is a list of one.
type List[T any] []T

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *List[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*l = nil
	switch dec.PeekKind() {
	case jsontext.KindBeginArray:
		return l.readArray(dec)
	case jsontext.KindBeginObject:
		return l.readObject(dec)
	default:
		return l.readOne(dec)
	}
}

func (l *List[T]) readOne(dec *jsontext.Decoder) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if isNoList(value) {
		return nil
	}
	var one T
	if err := json.Unmarshal(value, &one, options); err != nil {
		return err
	}
	*l = List[T]{one}
	return nil
}

// isNoList says whether a single value is the empty list.
func isNoList(value jsontext.Value) bool {
	switch string(value) {
	case ``, `null`, `false`, `""`:
		return true
	}
	return false
}

func (l *List[T]) readArray(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != jsontext.KindEndArray {
		if len(*l) == MaxElements {
			return errTooLong
		}
		// Decoding in place: T may be large.
		*l = append(*l, *new(T))
		if err := json.UnmarshalDecode(dec, &(*l)[len(*l)-1]); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

func (l *List[T]) readObject(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	type member struct {
		key   int64
		value T
	}
	var members []member
	for dec.PeekKind() != jsontext.KindEndObject {
		if len(members) == MaxElements {
			return errTooLong
		}
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		key, err := strconv.ParseInt(name.String(), 10, 64)
		if err != nil {
			key = math.MaxInt64
		}
		m := member{key: key}
		if err := json.UnmarshalDecode(dec, &m.value); err != nil {
			return err
		}
		members = append(members, m)
	}
	slices.SortStableFunc(members, func(a, b member) int { return cmp.Compare(a.key, b.key) })
	for _, m := range members {
		*l = append(*l, m.value)
	}
	_, err := dec.ReadToken()
	return err
}
