package v4

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// rowReader reads the customers of one page.
type rowReader struct {
	env *driver.Env

	numbers  wire.Slab[int64]
	instants wire.Slab[timestamppb.Timestamp]
	messages wire.Slab[amogatev1.CustomField]

	// What is read of one row, or of one field: room that is used again.
	fields []*amogatev1.CustomField
	values []fieldValue
	place  wire.Cursor
}

// optional keeps 0: user 0 is upstream itself.
func (r *rowReader) optional(i wire.Int) *int64 {
	if !i.Set {
		return nil
	}
	n := r.numbers.New()
	*n = i.Value
	return n
}

// positive takes 0 and less for "none".
func (r *rowReader) positive(i wire.Int) *int64 {
	if i.Value <= 0 {
		return nil
	}
	return r.optional(i)
}

func (r *rowReader) instant(u wire.Unix) *timestamppb.Timestamp {
	if !u.Set {
		return nil
	}
	t := r.instants.New()
	t.Seconds = u.Seconds
	return t
}
