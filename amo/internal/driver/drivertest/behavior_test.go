package drivertest_test

import (
	"slices"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/amogate/amogate/amo/internal/driver"
)

// behaves says whether the contract marks a field so.
func behaves(f protoreflect.FieldDescriptor, b annotations.FieldBehavior) bool {
	marks, ok := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return ok && slices.Contains(marks, b)
}

// isWritable says whether the contract lets op set a field.
func isWritable(f protoreflect.FieldDescriptor, op driver.Op) bool {
	if op == driver.OpUpdate && behaves(f, annotations.FieldBehavior_IMMUTABLE) {
		return false
	}
	return !behaves(f, annotations.FieldBehavior_OUTPUT_ONLY)
}

// isReadable says whether the contract lets a read show a field.
func isReadable(f protoreflect.FieldDescriptor) bool {
	return !behaves(f, annotations.FieldBehavior_INPUT_ONLY)
}

// writable are the paths of the fields of a message that are set and that op may
// set.
func writable(m proto.Message, op driver.Op) []string {
	var paths []string
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if isWritable(f, op) {
			paths = append(paths, string(f.Name()))
		}
		return true
	})
	slices.Sort(paths)
	return paths
}

// fieldNamed returns the field of a message.
func fieldNamed(m proto.Message, name string) protoreflect.FieldDescriptor {
	return m.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(name))
}

// copyField makes a field of to what it is in from.
func copyField(from, to proto.Message, name string) {
	f := fieldNamed(from, name)
	source, target := from.ProtoReflect(), to.ProtoReflect()
	if !source.Has(f) {
		target.Clear(f)
		return
	}
	target.Set(f, proto.CloneOf(from).ProtoReflect().Get(f))
}

// fresh returns an empty message of the type of T.
func fresh[T proto.Message]() T {
	var zero T
	m, ok := zero.ProtoReflect().New().Interface().(T)
	if !ok {
		panic("a new message is of another type")
	}
	return m
}
