// Package jsonwriter writes values of proto messages as JSON, as protojson
// does with the options of [Options]. The writers of whole messages are
// generated from the proto files by internal/tools/answerjson; they are what
// protojson is too slow for, which finds every field by reflection.
package jsonwriter

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Options are the JSON of answers: names as in the proto files, zeros and empty
// lists shown, messages and optional fields that are not set left out.
var Options = protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}

// Writer appends JSON to a buffer and keeps the first error.
type Writer struct {
	buf []byte
	err error
}

// New returns a Writer that appends to b.
func New(b []byte) Writer { return Writer{buf: b} }

// Done returns the buffer, or the first error.
func (w *Writer) Done() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	return w.buf, nil
}

// Begin starts an object or a list. Each member is written with a comma before
// it; the end makes the bracket of the first.
func (w *Writer) Begin() (start int) { return len(w.buf) }

// EndObject ends the object that began at start.
func (w *Writer) EndObject(start int) { w.end(start, '{', '}') }

// EndList ends the list that began at start.
func (w *Writer) EndList(start int) { w.end(start, '[', ']') }

func (w *Writer) end(start int, opening, closing byte) {
	if len(w.buf) == start {
		w.buf = append(w.buf, opening)
	} else {
		w.buf[start] = opening
	}
	w.buf = append(w.buf, closing)
}

// Raw writes a piece of JSON as it is: commas and names.
func (w *Writer) Raw(s string) { w.buf = append(w.buf, s...) }

// Bool writes true or false.
func (w *Writer) Bool(v bool) { w.buf = strconv.AppendBool(w.buf, v) }

// Int32 writes a number.
func (w *Writer) Int32(v int32) { w.buf = strconv.AppendInt(w.buf, int64(v), 10) }

// Uint32 writes a number.
func (w *Writer) Uint32(v uint32) { w.buf = strconv.AppendUint(w.buf, uint64(v), 10) }

// Int64 writes a string: many readers of JSON keep numbers as doubles.
func (w *Writer) Int64(v int64) {
	w.buf = append(w.buf, '"')
	w.buf = strconv.AppendInt(w.buf, v, 10)
	w.buf = append(w.buf, '"')
}

// Uint64 writes a string, as Int64.
func (w *Writer) Uint64(v uint64) {
	w.buf = append(w.buf, '"')
	w.buf = strconv.AppendUint(w.buf, v, 10)
	w.buf = append(w.buf, '"')
}

// Float writes a number of 32 bits.
func (w *Writer) Float(v float32) { w.float(float64(v), 32) }

// Double writes a number of 64 bits.
func (w *Writer) Double(v float64) { w.float(v, 64) }

// float writes what is no number for JSON as a string.
func (w *Writer) float(v float64, bits int) {
	switch {
	case math.IsNaN(v):
		w.Raw(`"NaN"`)
	case math.IsInf(v, 1):
		w.Raw(`"Infinity"`)
	case math.IsInf(v, -1):
		w.Raw(`"-Infinity"`)
	default:
		w.buf = strconv.AppendFloat(w.buf, v, 'g', -1, bits)
	}
}

// Bytes writes base64.
func (w *Writer) Bytes(v []byte) {
	w.buf = append(w.buf, '"')
	w.buf = base64.StdEncoding.AppendEncode(w.buf, v)
	w.buf = append(w.buf, '"')
}

// Enum writes the name of a value, and the number of one without a name.
func (w *Writer) Enum(v int32, names map[int32]string) {
	name, ok := names[v]
	if !ok {
		w.Int32(v)
		return
	}
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"')
}

// String writes text; it must be UTF-8.
func (w *Writer) String(s string) {
	if !utf8.ValidString(s) {
		w.fail("text is not UTF-8: %q", s)
		return
	}
	w.buf = append(w.buf, '"')
	written := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		w.buf = append(w.buf, s[written:i]...)
		written = i + 1
		switch c {
		case '"', '\\':
			w.buf = append(w.buf, '\\', c)
		case '\n':
			w.buf = append(w.buf, '\\', 'n')
		default:
			const digits = "0123456789abcdef"
			w.buf = append(w.buf, '\\', 'u', '0', '0', digits[c>>4], digits[c&0xf])
		}
	}
	w.buf = append(w.buf, s[written:]...)
	w.buf = append(w.buf, '"')
}

// The first and the last second that RFC 3339 can write: years have four
// digits.
const (
	minSecond = -62135596800
	maxSecond = 253402300799
)

// Timestamp writes RFC 3339 in UTC with as many fractional digits as are
// needed, in steps of three. A time outside of the years 1 to 9999 is an error.
func (w *Writer) Timestamp(stamp *timestamppb.Timestamp) {
	seconds, nanos := stamp.GetSeconds(), stamp.GetNanos()
	if seconds < minSecond || seconds > maxSecond || nanos < 0 || nanos > 999_999_999 {
		w.fail("timestamp of %d seconds and %d nanoseconds is out of range", seconds, nanos)
		return
	}
	w.buf = append(w.buf, '"')
	w.buf = time.Unix(seconds, 0).UTC().AppendFormat(w.buf, time.RFC3339)
	if nanos > 0 {
		w.buf = w.buf[:len(w.buf)-1] // the zone, which the fraction precedes
		w.fraction(nanos)
		w.buf = append(w.buf, 'Z')
	}
	w.buf = append(w.buf, '"')
}

// fraction writes a point and nanoseconds in 3, 6 or 9 digits.
func (w *Writer) fraction(nanos int32) {
	digits := 9
	for digits > 3 && nanos%1000 == 0 {
		nanos /= 1000
		digits -= 3
	}
	w.buf = append(w.buf, ".000000000"[:1+digits]...)
	for i := len(w.buf) - 1; nanos > 0; i-- {
		w.buf[i] += byte(nanos % 10)
		nanos /= 10
	}
}

// Other writes a message that has no writer of its own, by protojson: what is
// rare in answers or has a JSON form that is hard to get right.
func (w *Writer) Other(m proto.Message) {
	b, err := Options.MarshalAppend(w.buf, m)
	if err != nil {
		w.fail("%w", err)
		return
	}
	w.buf = b
}

func (w *Writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}
