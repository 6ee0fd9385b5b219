package amo

import (
	"fmt"
	"slices"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Every resource has an id; a descriptor without one is a bug that the first
// test meets.
const (
	idField         protoreflect.Name = "id"
	nameField       protoreflect.Name = "name"
	createTimeField protoreflect.Name = "create_time"
	createdByField  protoreflect.Name = "created_by"
	updateTimeField protoreflect.Name = "update_time"
	tagsField       protoreflect.Name = "tags"
)

// field returns the field of m's type with this name.
func field(m proto.Message, name protoreflect.Name) protoreflect.FieldDescriptor {
	f := m.ProtoReflect().Descriptor().Fields().ByName(name)
	if f == nil {
		panic(fmt.Sprintf("BUG: %s has no field %s", m.ProtoReflect().Descriptor().FullName(), name))
	}
	return f
}

// recordID returns the id of a record.
func recordID(m proto.Message) int64 {
	return m.ProtoReflect().Get(field(m, idField)).Int()
}

func setRecordID(m proto.Message, id int64) {
	m.ProtoReflect().Set(field(m, idField), protoreflect.ValueOfInt64(id))
}

// setRecordName sets the name of a record whose resource has names.
func setRecordName(m proto.Message, name string) {
	if f := m.ProtoReflect().Descriptor().Fields().ByName(nameField); f != nil {
		m.ProtoReflect().Set(f, protoreflect.ValueOfString(name))
	}
}

// recordUpdateTime returns the time of the last change in unix seconds; 0 = not
// set.
func recordUpdateTime(m proto.Message) int64 { return recordTime(m, updateTimeField) }

// recordCreateTime returns the time of creation in unix seconds; 0 = not set.
func recordCreateTime(m proto.Message) int64 { return recordTime(m, createTimeField) }

func recordTime(m proto.Message, name protoreflect.Name) int64 {
	f := m.ProtoReflect().Descriptor().Fields().ByName(name)
	if f == nil || !m.ProtoReflect().Has(f) {
		return 0
	}
	t, ok := m.ProtoReflect().Get(f).Message().Interface().(*timestamppb.Timestamp)
	if !ok {
		panic(fmt.Sprintf("BUG: %s is no timestamp", f.FullName()))
	}
	return t.GetSeconds()
}

// setRecordUpdateTime sets the time of the last change of a record whose
// resource has one.
func setRecordUpdateTime(m proto.Message, seconds int64) {
	if f := m.ProtoReflect().Descriptor().Fields().ByName(updateTimeField); f != nil {
		t := &timestamppb.Timestamp{Seconds: seconds}
		m.ProtoReflect().Set(f, protoreflect.ValueOfMessage(t.ProtoReflect()))
	}
}

// writable returns the top-level fields of m that are set and not output-only.
func writable(m proto.Message) []string {
	var paths []string
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if !outputOnly(f) {
			paths = append(paths, string(f.Name()))
		}
		return true
	})
	slices.Sort(paths)
	return paths
}

// only returns a copy of m with nothing but the given top-level fields.
func only[T proto.Message](m T, paths []string) T {
	c := cloneOf(m)
	c.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if !slices.Contains(paths, string(f.Name())) {
			c.ProtoReflect().Clear(f)
		}
		return true
	})
	return c
}

// cloneOf returns a deep copy of a record.
func cloneOf[T proto.Message](m T) T {
	c, ok := proto.Clone(m).(T)
	if !ok {
		panic("BUG: a clone of another type")
	}
	return c
}

func outputOnly(f protoreflect.FieldDescriptor) bool {
	behaviors, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(behaviors, annotations.FieldBehavior_OUTPUT_ONLY)
}

// newRecord returns an empty record of T's type.
func newRecord[T proto.Message]() T {
	var zero T
	m, ok := zero.ProtoReflect().New().Interface().(T)
	if !ok {
		panic("BUG: a new record of another type")
	}
	return m
}
