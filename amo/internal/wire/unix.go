package wire

import (
	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// MaxUnix is the last second of the year 9999, the last one a
// google.protobuf.Timestamp holds.
const MaxUnix = 253402300799

// Unix is an instant in unix seconds, spelt as an Int. Zero and less are
// absence: upstream writes 0 for "none", and in some rows the year 0. What lies
// behind the year 9999 is milliseconds, which one recorded answer holds, and is
// taken as the seconds in it.
type Unix struct {
	Seconds int64
	Set     bool
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (u *Unix) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return u.Parse(value)
}

// Parse reads a value that a decoder has read.
func (u *Unix) Parse(value jsontext.Value) error {
	*u = Unix{}
	var i Int
	if err := i.Parse(value); err != nil {
		return err
	}
	seconds := i.Value
	if seconds > MaxUnix {
		seconds /= 1000
	}
	if seconds > 0 && seconds <= MaxUnix {
		*u = Unix{Seconds: seconds, Set: true}
	}
	return nil
}

// Timestamp returns the instant; nil when there is none.
func (u Unix) Timestamp() *timestamppb.Timestamp {
	if !u.Set {
		return nil
	}
	return &timestamppb.Timestamp{Seconds: u.Seconds}
}
