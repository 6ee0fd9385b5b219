package server

import (
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo"
)

// maskField is the path of the mask in update requests.
const maskField = "update_mask"

// updateRequest is what the requests of all updates have.
type updateRequest interface {
	GetId() int64
	GetUpdateMask() *fieldmaskpb.FieldMask
	GetReadBack() bool
}

// conditionalRequest is what the requests of updates with a condition have.
type conditionalRequest interface {
	GetExpectedUpdateTime() *timestamppb.Timestamp
}

// tagRequest is what the requests of updates of resources with tags have.
type tagRequest interface {
	GetAddTags() []string
	GetRemoveTags() []string
}

// updateOf turns the update of a resource, which stands in the request's field
// name, into an item for package amo. An implicit mask is one that the caller
// did not write: the gateway made it from the keys of a body.
func updateOf[T proto.Message](req updateRequest, name string, resource T, implicit bool) (amo.Update[T], []*violation) {
	m := resource.ProtoReflect()
	if !m.IsValid() {
		m = m.Type().New()
	}
	update := amo.Update[T]{ID: req.GetId(), ReadBack: req.GetReadBack()}
	var fields []*violation
	if field := m.Descriptor().Fields().ByName("id"); field != nil {
		if id := m.Get(field).Int(); id != 0 && id != update.ID {
			fields = append(fields, refuse(join(name, "id"), "is %d, but the request changes %d; leave it out", id, update.ID))
		}
	}
	paths, faulty := maskPaths(m, req.GetUpdateMask().GetPaths(), implicit)
	fields = append(fields, faulty...)
	if tags, ok := req.(tagRequest); ok {
		update.AddTags, update.RemoveTags = tags.GetAddTags(), tags.GetRemoveTags()
		fields = append(fields, checkTags(paths, update.AddTags, update.RemoveTags)...)
	}
	if len(paths)+len(update.AddTags)+len(update.RemoveTags)+len(faulty) == 0 {
		fields = append(fields, refuse(maskField, "nothing to change: name the fields in it or set some of %s", name))
	}
	if conditional, ok := req.(conditionalRequest); ok && conditional.GetExpectedUpdateTime() != nil {
		t := conditional.GetExpectedUpdateTime()
		if t.GetSeconds() <= 0 || t.GetNanos() != 0 {
			fields = append(fields, refuse("expected_update_time", "must be whole seconds after 1970"))
		}
		update.ExpectedUpdateTime = t.GetSeconds()
	}
	if implicit || len(req.GetUpdateMask().GetPaths()) == 0 {
		dropOutputOnlyElements(m)
	}
	clearOutputOnlyArms(m)
	clearOutputOnly(m)
	value, _ := m.Interface().(T)
	update.Value, update.Paths = value, paths
	return update, fields
}

// dropOutputOnlyElements takes out of the lists of m the elements whose value
// is an arm that cannot be written. Without a mask of the caller's own a record
// may be sent back as it was read; such an element then keeps its value, since
// lists with arms merge.
func dropOutputOnlyElements(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if !field.IsList() || field.Message() == nil {
			return true
		}
		list := value.List()
		kept := 0
		for i := range list.Len() {
			if !hasOutputOnlyArm(list.Get(i).Message()) {
				list.Set(kept, list.Get(i))
				kept++
			}
		}
		list.Truncate(kept)
		return true
	})
}

// hasOutputOnlyArm says whether a oneof of m holds a value that cannot be
// written.
func hasOutputOnlyArm(m protoreflect.Message) bool {
	return len(outputOnlyArms(m)) > 0
}

// clearOutputOnlyArms takes out of a changed resource the arms that cannot be
// written. They are no part of what is changed: a mask that names one is refused.
func clearOutputOnlyArms(m protoreflect.Message) {
	for _, arm := range outputOnlyArms(m) {
		m.Clear(arm)
	}
}

// outputOnlyArms returns the fields that are set in oneofs of m and cannot be
// written.
func outputOnlyArms(m protoreflect.Message) []protoreflect.FieldDescriptor {
	var arms []protoreflect.FieldDescriptor
	oneofs := m.Descriptor().Oneofs()
	for i := range oneofs.Len() {
		arm := m.WhichOneof(oneofs.Get(i))
		if arm != nil && isArm(arm) && hasBehavior(arm, annotations.FieldBehavior_OUTPUT_ONLY) {
			arms = append(arms, arm)
		}
	}
	return arms
}

// isArm says whether field is one of several of which only one can be set.
func isArm(field protoreflect.FieldDescriptor) bool {
	oneof := field.ContainingOneof()
	return oneof != nil && !oneof.IsSynthetic()
}

// maskPaths returns the fields of resource to write, in the order of the
// message. Without a mask these are the fields that are set.
func maskPaths(resource protoreflect.Message, mask []string, implicit bool) ([]string, []*violation) {
	named := map[protoreflect.FieldNumber]bool{}
	var faulty []*violation
	for _, path := range mask {
		field := fieldOfPath(resource.Descriptor(), path)
		switch {
		case field != nil && !readOnly(field):
			named[field.Number()] = true
		case implicit && (path == "" || field != nil):
			// A body without keys has the path "". Keys of a resource that was
			// read before may be sent back.
		case path == "*":
			faulty = append(faulty, refuse(maskField, `"*" is not allowed: name the fields, or send no mask for those that are set`))
		case field != nil:
			faulty = append(faulty, refuse(maskField, "field %q cannot be changed", clip(path)))
		default:
			faulty = append(faulty, refuse(maskField, "unknown field %q", clip(path)))
		}
	}
	if len(mask) == 0 {
		resource.Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			named[field.Number()] = !readOnly(field)
			return true
		})
	}
	var paths []string
	fields := resource.Descriptor().Fields()
	for i := range fields.Len() {
		if named[fields.Get(i).Number()] {
			paths = append(paths, string(fields.Get(i).Name()))
		}
	}
	return paths, faulty
}

// fieldOfPath returns the field of message that path is or lies below; nil when
// there is no such path. Below lists and maps there are no paths.
func fieldOfPath(message protoreflect.MessageDescriptor, path string) protoreflect.FieldDescriptor {
	var top protoreflect.FieldDescriptor
	for name := range strings.SplitSeq(path, ".") {
		if message == nil {
			return nil
		}
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return nil
		}
		if top == nil {
			top = field
		}
		message = nil
		if !field.IsList() && !field.IsMap() {
			message = field.Message()
		}
	}
	return top
}

// checkTags refuses tags that are changed in two ways at once.
func checkTags(paths, add, remove []string) []*violation {
	var fields []*violation
	if slices.Contains(paths, "tags") {
		if len(add) > 0 {
			fields = append(fields, refuse("add_tags", "must be empty when tags are replaced"))
		}
		if len(remove) > 0 {
			fields = append(fields, refuse("remove_tags", "must be empty when tags are replaced"))
		}
	}
	for i, tag := range remove {
		if slices.Contains(add, tag) {
			fields = append(fields, refuse(item("remove_tags", i), "is in add_tags too"))
		}
	}
	return fields
}

// readOnly says whether an update cannot write field.
func readOnly(field protoreflect.FieldDescriptor) bool {
	return hasBehavior(field, annotations.FieldBehavior_OUTPUT_ONLY) ||
		hasBehavior(field, annotations.FieldBehavior_IMMUTABLE)
}

// hasBehavior says whether the field is annotated with behavior.
func hasBehavior(field protoreflect.FieldDescriptor, behavior annotations.FieldBehavior) bool {
	behaviors, _ := proto.GetExtension(field.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(behaviors, behavior)
}

// clearOutputOnly clears the output-only fields of a message that a caller
// sent, at every depth: the answer repeats what was sent, and must not repeat
// what only upstream can know. An arm of a oneof stays, to be refused: without
// it the value would count as cleared.
func clearOutputOnly(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case isArm(field) && hasBehavior(field, annotations.FieldBehavior_OUTPUT_ONLY):
		case hasBehavior(field, annotations.FieldBehavior_OUTPUT_ONLY):
			m.Clear(field)
		case field.Message() == nil || field.IsMap():
		case field.IsList():
			for i := range value.List().Len() {
				clearOutputOnly(value.List().Get(i).Message())
			}
		default:
			clearOutputOnly(value.Message())
		}
		return true
	})
}

// createOf turns the creation of a resource into an item for package amo.
func createOf[T proto.Message](req interface{ GetReadBack() bool }, resource T) amo.Create[T] {
	if m := resource.ProtoReflect(); m.IsValid() {
		clearOutputOnly(m)
	}
	return amo.Create[T]{Value: resource, ReadBack: req.GetReadBack()}
}

// parentOf returns the id of a record's parent, which a request names beside the
// record, as its path does, or inside, at field, or in both places alike; 0 =
// nowhere.
func parentOf(field string, beside, inside int64) (int64, []*violation) {
	if beside == 0 {
		return inside, nil
	}
	if inside != 0 && inside != beside {
		return beside, []*violation{refuse(field, "is %d, but the request is for %d; leave it out", inside, beside)}
	}
	return beside, nil
}
