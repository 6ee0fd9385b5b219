package v4

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

// report collects what keeps a value from being written.
type report struct {
	// resource is the resource in operation names, record what one of it is
	// called.
	resource, record string
	fields           []driver.FieldError
	// isInvalid and isUnsupported say that there is such a field; without either
	// it is only values that cannot be expressed.
	isInvalid, isUnsupported bool
}

func (r *report) invalid(path, description string) {
	r.isInvalid = true
	r.inexpressible(path, description)
}

func (r *report) unsupported(path, description string) {
	r.isUnsupported = true
	r.inexpressible(path, description)
}

func (r *report) inexpressible(path, description string) {
	r.fields = append(r.fields, driver.FieldError{Path: path, Description: description})
}

// err returns nil when nothing was reported. A value that is wrong anywhere is
// wrong, whatever else is not supported; and a field that cannot be written is
// not mended by another value.
func (r *report) err(op driver.Op) error {
	if len(r.fields) == 0 {
		return nil
	}
	e := &driver.Error{Op: r.resource + "." + string(op), Fields: r.fields}
	switch {
	case r.isInvalid:
		e.Kind = driver.KindInvalid
		e.Message = "the " + r.record + " cannot be written"
	case r.isUnsupported:
		e.Kind = driver.KindUnsupported
		e.Generation = driver.V4
		e.Message = "API v4 cannot express a field"
	default:
		e.Kind = driver.KindInexpressible
		e.Generation = driver.V4
		e.Message = "API v4 cannot express a value"
	}
	return e
}

// populated are the paths of the fields of msg that are set, sorted.
func populated(msg proto.Message) []string {
	var paths []string
	msg.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		paths = append(paths, string(f.Name()))
		return true
	})
	slices.Sort(paths)
	return paths
}

// fieldNames are the names of the fields of a message.
func fieldNames(d protoreflect.MessageDescriptor) map[string]bool {
	names := map[string]bool{}
	for i := range d.Fields().Len() {
		names[string(d.Fields().Get(i).Name())] = true
	}
	return names
}

// checkInstant takes nil for "cleared". 0 and less is how upstream spells that.
func checkInstant(path string, t *timestamppb.Timestamp, r *report) {
	switch {
	case t == nil:
	case t.GetNanos() != 0:
		r.invalid(path, "must be in whole seconds")
	case t.GetSeconds() <= 0 || t.GetSeconds() > wire.MaxUnix:
		r.invalid(path, "must lie after 1970-01-01T00:00:00Z and before the year 10000")
	}
}

func checkNotNegative(path string, n int64, r *report) {
	if n < 0 {
		r.invalid(path, "must not be negative")
	}
}

// optional keeps 0: user 0 is upstream itself.
func optional(i wire.Int) *int64 {
	if !i.Set {
		return nil
	}
	return new(i.Value)
}

// positive takes 0 and less for "none".
func positive(i wire.Int) *int64 {
	if i.Value <= 0 {
		return nil
	}
	return new(i.Value)
}
