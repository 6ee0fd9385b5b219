package server

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// requestIDField is the path of the id for idempotency in mutation requests.
const requestIDField = "request_id"

// hashRequest returns a hash of what a mutation asks for, its request id apart. An
// implicit mask makes it another request. It is of a description of our own, for
// the bytes of a message may change from one build to the next.
func hashRequest(req proto.Message, implicit bool) ([sha256.Size]byte, error) {
	description := binary.AppendUvarint(nil, tokenVersion)
	if implicit {
		description = appendText(description, implicitMaskKey)
	}
	description, err := appendMessage(description, req.ProtoReflect(), requestIDField)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("describe %s: %w", req.ProtoReflect().Descriptor().FullName(), err)
	}
	return sha256.Sum256(description), nil
}

// appendMessage appends the fields of a message that are set, in the order of
// their numbers, but for the one that is left out. Unlike in the description of a
// filter the order of a list counts, and so does a message that is set and empty.
func appendMessage(b []byte, m protoreflect.Message, without protoreflect.Name) ([]byte, error) {
	if mask, ok := m.Interface().(*fieldmaskpb.FieldMask); ok {
		paths := slices.Clone(mask.GetPaths())
		slices.Sort(paths)
		return appendValues(b, "paths", slices.Compact(paths)...), nil
	}
	var set []protoreflect.FieldDescriptor
	m.Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if field.Name() != without {
			set = append(set, field)
		}
		return true
	})
	slices.SortFunc(set, func(a, b protoreflect.FieldDescriptor) int { return int(a.Number() - b.Number()) })
	b = binary.AppendUvarint(b, uint64(len(set)))
	for _, field := range set {
		b = appendText(b, string(field.Name()))
		var err error
		switch value := m.Get(field); {
		case field.IsMap():
			b, err = appendMap(b, field, value.Map())
		case field.IsList():
			b = binary.AppendUvarint(b, uint64(value.List().Len())) //nolint:gosec // a length
			for i := range value.List().Len() {
				if b, err = appendValue(b, field, value.List().Get(i)); err != nil {
					break
				}
			}
		default:
			b, err = appendValue(b, field, value)
		}
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

// appendMap appends the entries of a map in the order of their keys, which are
// texts wherever a request holds a map.
func appendMap(b []byte, field protoreflect.FieldDescriptor, entries protoreflect.Map) ([]byte, error) {
	var keys []string
	entries.Range(func(key protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, key.String())
		return true
	})
	slices.Sort(keys)
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, key := range keys {
		b = appendText(b, key)
		var err error
		if b, err = appendValue(b, field.MapValue(), entries.Get(protoreflect.ValueOfString(key).MapKey())); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// appendValue appends one value of a field.
func appendValue(b []byte, field protoreflect.FieldDescriptor, value protoreflect.Value) ([]byte, error) {
	if field.Message() != nil {
		return appendMessage(b, value.Message(), "")
	}
	switch v := value.Interface().(type) {
	case float32, float64, []byte:
		return appendText(b, fmt.Sprint(v)), nil
	}
	text, err := scalarText(string(field.Name()), field, value)
	if err != nil {
		return nil, err
	}
	return appendText(b, text), nil
}
