// Package randomproto draws messages for properties.
package randomproto

import (
	"math"

	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"
)

// Fill sets random fields of a message, those of messages in it to so many levels.
// Among them are values that have no JSON, and now and then a string that is not
// UTF-8. Maps stay empty, and no number is -0, which a marshaler may take for 0.
func Fill(t *rapid.T, m protoreflect.Message, depth int) {
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		isMessage := fd.Message() != nil
		if isMessage && depth == 0 || rapid.IntRange(0, 2).Draw(t, "skip") == 0 {
			continue
		}
		switch {
		case fd.IsMap():
		case fd.IsList():
			list := m.Mutable(fd).List()
			for range rapid.IntRange(0, 3).Draw(t, "length") {
				if isMessage {
					Fill(t, list.AppendMutable().Message(), depth-1)
				} else {
					list.Append(scalar(t, fd))
				}
			}
		case isMessage:
			Fill(t, m.Mutable(fd).Message(), depth-1)
		default:
			m.Set(fd, scalar(t, fd))
		}
	}
}

// scalar draws a value for a field that is no message.
func scalar(t *rapid.T, fd protoreflect.FieldDescriptor) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "bool"))
	case protoreflect.StringKind:
		if rapid.IntRange(0, 50).Draw(t, "broken") == 0 {
			return protoreflect.ValueOfString("a\xff")
		}
		return protoreflect.ValueOfString(rapid.String().Draw(t, "string"))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, "int32"))
	case protoreflect.Int64Kind:
		// Small ones make seconds that are in range.
		return protoreflect.ValueOfInt64(rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 1<<33)).Draw(t, "int64"))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(0 + rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1)})).Draw(t, "double"))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.Int32Range(-1, int32(fd.Enum().Values().Len())+1).Draw(t, "enum"))) //nolint:gosec // enums have few values
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	default:
		t.Fatalf("%s: draw a value of kind %v", fd.FullName(), fd.Kind())
		panic("unreachable")
	}
}
