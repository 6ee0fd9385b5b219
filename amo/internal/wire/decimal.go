package wire

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

var errDecimal = errors.New("not a decimal number")

// Decimal is a decimal number, in quotes or not, kept in the digits that
// upstream sent. The empty string, null, false and an empty container are
// absence.
type Decimal struct {
	// Digits may hold a sign, a point and an exponent; empty = absent.
	Digits string
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (d *Decimal) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return d.Parse(value)
}

// Parse reads a value that a decoder has read.
func (d *Decimal) Parse(value jsontext.Value) error {
	*d = Decimal{}
	kind, text, err := scalar(value, nil)
	if err != nil {
		return err
	}
	if kind == jsontext.KindNull || kind == jsontext.KindFalse {
		return nil
	}
	digits := string(bytes.TrimSpace(text))
	if digits != "" && !isDecimal(digits) {
		return errDecimal
	}
	d.Digits = digits
	return nil
}

// Set says whether there is a number.
func (d Decimal) Set() bool { return d.Digits != "" }

// Float64 returns the nearest float, 0 for absence.
func (d Decimal) Float64() (float64, error) {
	if d.Digits == "" {
		return 0, nil
	}
	f, err := strconv.ParseFloat(d.Digits, 64)
	if err != nil {
		return 0, errDecimal
	}
	return f, nil
}

// Units returns the number in whole units and billionths of the same sign. It
// rounds to the nearest billionth: upstream's runtime writes 99.95 as
// 99.950000000000003. It fails beyond 64 bits.
func (d Decimal) Units() (units int64, nanos int32, err error) {
	digits := d.Digits
	if strings.ContainsAny(digits, "eE") {
		f, err := d.Float64()
		if err != nil {
			return 0, 0, err
		}
		digits = strconv.FormatFloat(f, 'f', -1, 64)
	}
	negative := strings.HasPrefix(digits, "-")
	whole, fraction, _ := strings.Cut(strings.TrimLeft(digits, "+-"), ".")
	if whole != "" {
		units, err = strconv.ParseInt(whole, 10, 64)
		if err != nil {
			return 0, 0, errDecimal
		}
	}
	const places = 9
	roundUp := len(fraction) > places && fraction[places] >= '5'
	fraction = (fraction + "000000000")[:places]
	n, err := strconv.ParseInt(fraction, 10, 32)
	if err != nil {
		return 0, 0, errDecimal
	}
	if roundUp {
		n++
	}
	if n == 1e9 {
		if units == math.MaxInt64 {
			return 0, 0, errDecimal
		}
		units, n = units+1, 0
	}
	if negative {
		units, n = -units, -n
	}
	return units, int32(n), nil //nolint:gosec // below 10^9
}

// isDecimal says whether text is a sign, digits with at most one point, and an
// exponent, all but the digits optional.
func isDecimal(text string) bool {
	if text != "" && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	mantissa, exponent, hasExponent := cutAny(text, "eE")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || !allDigits(whole) || !allDigits(fraction) {
		return false
	}
	if !hasExponent {
		return true
	}
	if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
		exponent = exponent[1:]
	}
	return exponent != "" && allDigits(exponent)
}

func cutAny(text, separators string) (before, after string, found bool) {
	i := strings.IndexAny(text, separators)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+1:], true
}

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}
