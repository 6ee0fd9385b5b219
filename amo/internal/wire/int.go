package wire

import (
	"bytes"
	"errors"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

var errInt = errors.New("not a whole number of 64 bits")

// Int is a whole number: a JSON number, also 5.0 or 5e3, or the same in quotes;
// true is 1 and false is 0. The empty string, null and an empty container are
// absence.
type Int struct {
	Value int64
	Set   bool
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (i *Int) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return i.Parse(value)
}

// Parse reads a value that a decoder has read.
func (i *Int) Parse(value jsontext.Value) error {
	*i = Int{}
	kind, text, err := scalar(value, nil)
	if err != nil {
		return err
	}
	switch kind {
	case jsontext.KindNull:
		return nil
	case jsontext.KindTrue:
		*i = Int{Value: 1, Set: true}
		return nil
	case jsontext.KindFalse:
		*i = Int{Set: true}
		return nil
	default:
		if n, ok := digits(text); ok {
			*i = Int{Value: n, Set: true}
			return nil
		}
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			return nil
		}
		n, err := ParseInt(string(text))
		if err != nil {
			return err
		}
		*i = Int{Value: n, Set: true}
		return nil
	}
}

// maxDigits is how many digits of any kind an int64 holds.
const maxDigits = 18

// digits reads what nearly all numbers are.
func digits(text []byte) (n int64, ok bool) {
	if len(text) == 0 || len(text) > maxDigits {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}

// ParseInt reads a decimal number without a fraction other than zeros.
func ParseInt(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil {
		return n, nil
	}
	if !isDecimal(text) {
		return 0, errInt
	}
	f, err := strconv.ParseFloat(text, 64)
	// From 2^53 on a float no longer tells neighbouring numbers apart.
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0, errInt
	}
	return int64(f), nil
}
