package gateway

import (
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// bodyField names the body in violations that are about all of it.
const bodyField = "body"

func violation(field, description string) *errdetails.BadRequest_FieldViolation {
	// Field names can come from the caller; a proto string must be UTF-8.
	return &errdetails.BadRequest_FieldViolation{Field: strings.ToValidUTF8(field, "\uFFFD"), Description: description}
}

// expectation says what a value of a field must be.
func expectation(fd protoreflect.FieldDescriptor) string {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return "must be true or false"
	case protoreflect.EnumKind:
		return "must be a name of " + string(fd.Enum().Name())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return "must be a whole number of 32 bits"
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return "must be a whole number of 64 bits"
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return "must be a whole number of 32 bits, not negative"
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return "must be a whole number of 64 bits, not negative"
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return "must be a number"
	case protoreflect.StringKind:
		return "must be text in UTF-8"
	case protoreflect.BytesKind:
		return "must be base64"
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return messageExpectation(fd.Message())
	}
	return "does not fit its type"
}

func messageExpectation(md protoreflect.MessageDescriptor) string {
	switch md.FullName() {
	case "google.protobuf.Timestamp":
		return `must be a time as in RFC 3339, such as "2026-01-31T09:00:00Z"; in a query + is written %2B`
	case "google.protobuf.Duration":
		return `must be a duration such as "1.5s"`
	case "google.protobuf.FieldMask":
		return `must be names of fields joined by commas, such as "name,next_price"`
	default:
		return "must be a JSON object"
	}
}
