package gateway

import (
	"encoding/json"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// maskedTypes are the request messages that hold an update mask somewhere. JSON
// spells paths in a mask in camel case, which is not how this API spells fields
// anywhere else, and says nothing of a mask that is left out: such a mask is
// made from the keys of the resource, as for a single PATCH.
type maskedTypes map[protoreflect.FullName]bool

// add looks through a message and the messages in it.
func (t maskedTypes) add(md protoreflect.MessageDescriptor) bool {
	if found, seen := t[md.FullName()]; seen {
		return found
	}
	t[md.FullName()] = false // ends the walk of a message that holds itself
	found := false
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if isMask(fd) || fd.Message() != nil && t.add(fd.Message()) {
			found = true
		}
	}
	t[md.FullName()] = found
	return found
}

// unmarshal decodes a body, masks included.
func (t maskedTypes) unmarshal(data []byte, msg proto.Message) error {
	if !t[msg.ProtoReflect().Descriptor().FullName()] {
		return protojson.Unmarshal(data, msg)
	}
	data, set := t.extract(msg.ProtoReflect().Descriptor(), data)
	if err := protojson.Unmarshal(data, msg); err != nil {
		return err
	}
	set(msg.ProtoReflect())
	return nil
}

// extract takes the masks out of a JSON object and returns what puts them into
// the decoded message. What is not well formed it leaves alone for protojson to
// refuse.
func (t maskedTypes) extract(md protoreflect.MessageDescriptor, data []byte) (rest []byte, set func(protoreflect.Message)) {
	nothing := func(protoreflect.Message) {}
	members, err := readObject(data)
	if err != nil {
		return data, nothing
	}
	doubles := map[protoreflect.FieldDescriptor]int{}
	for _, m := range members {
		doubles[fieldOf(md, m.name)]++
	}
	var sets []func(protoreflect.Message)
	kept := members[:0:0]
	masked := false
	for _, m := range members {
		fd := fieldOf(md, m.name)
		switch {
		case fd == nil:
		case isMask(fd) && !fd.IsList():
			var paths string
			if doubles[fd] == 1 && m.value[0] == '"' && json.Unmarshal(m.value, &paths) == nil {
				masked = true
				sets = append(sets, func(msg protoreflect.Message) { setMask(msg, fd, strings.Split(paths, ",")) })
				continue
			}
		case fd.Message() != nil && t[fd.Message().FullName()]:
			var put func(protoreflect.Message)
			m.value, put = t.extractField(fd, m.value)
			sets = append(sets, put)
		}
		kept = append(kept, m)
	}
	if !masked {
		sets = append(sets, impliedMask(md, members))
	}
	return writeObject(kept), func(msg protoreflect.Message) {
		for _, set := range sets {
			set(msg)
		}
	}
}

// extractField is extract for a message or a list of messages in a field.
func (t maskedTypes) extractField(fd protoreflect.FieldDescriptor, value json.RawMessage) (json.RawMessage, func(protoreflect.Message)) {
	if !fd.IsList() {
		rest, set := t.extract(fd.Message(), value)
		return rest, func(msg protoreflect.Message) {
			if msg.Has(fd) {
				set(msg.Mutable(fd).Message())
			}
		}
	}
	var items []json.RawMessage
	if err := json.Unmarshal(value, &items); err != nil || items == nil {
		return value, func(protoreflect.Message) {}
	}
	sets := make([]func(protoreflect.Message), len(items))
	for i, item := range items {
		items[i], sets[i] = t.extract(fd.Message(), item)
	}
	value, _ = json.Marshal(items) // raw messages that were just parsed
	return value, func(msg protoreflect.Message) {
		for i, set := range sets {
			set(msg.Mutable(fd).List().Get(i).Message())
		}
	}
}

// impliedMask makes the mask of an update that has none: the keys of the
// resource. Output-only and immutable ones are left out, so that an answer can
// be sent back.
func impliedMask(md protoreflect.MessageDescriptor, members []member) func(protoreflect.Message) {
	mask := md.Fields().ByName(maskField)
	resource := resourceField(md)
	i := slices.IndexFunc(members, func(m member) bool { return resource != nil && fieldOf(md, m.name) == resource })
	if mask == nil || i < 0 {
		return func(protoreflect.Message) {}
	}
	keys, _ := readObject(members[i].value) // no object, no keys
	var paths []string
	for _, key := range keys {
		fd := fieldOf(resource.Message(), key.name)
		if fd != nil && !hasBehavior(fd, annotations.FieldBehavior_OUTPUT_ONLY) && !hasBehavior(fd, annotations.FieldBehavior_IMMUTABLE) {
			paths = append(paths, string(fd.Name()))
		}
	}
	return func(msg protoreflect.Message) { setMask(msg, mask, paths) }
}

// resourceField is the field of an update request that holds the resource: the
// one message of this API in it.
func resourceField(md protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if fd.Message() != nil && !fd.IsList() && fd.Message().ParentFile().Package() == apiPackage {
			return fd
		}
	}
	return nil
}

func setMask(msg protoreflect.Message, fd protoreflect.FieldDescriptor, paths []string) {
	if len(paths) > 0 {
		msg.Set(fd, protoreflect.ValueOfMessage((&fieldmaskpb.FieldMask{Paths: paths}).ProtoReflect()))
	}
}
