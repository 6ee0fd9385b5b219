package gateway

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxViolations bounds how many mistakes one answer lists.
const maxViolations = 50

// checkQuery finds query parameters that name no field of the request, and
// values that do not fit theirs. What it passes, the runtime reads the same way;
// it could not stand in for the runtime's parser, which is one for the whole
// process and is not asked for calls without fields left for the query.
func checkQuery(b *binding, raw string) []*errdetails.BadRequest_FieldViolation {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return []*errdetails.BadRequest_FieldViolation{violation("query", "must be name=value pairs, percent-encoded and joined by &")}
	}
	var found []*errdetails.BadRequest_FieldViolation
	arms := map[protoreflect.FullName]bool{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(found) == maxViolations {
			break
		}
		fd, problem := queryField(b, name)
		switch {
		case problem != "":
			found = append(found, violation(name, problem))
		case !fd.IsList() && len(values[name]) > 1:
			found = append(found, violation(name, fmt.Sprintf("must be given once, not %d times", len(values[name]))))
		default:
			found = append(found, checkValues(b, fd, name, values[name])...)
			if of := armOf(fd); of != nil {
				if arms[of.FullName()] {
					found = append(found, violation(name, fmt.Sprintf("only one field of %q can be given", of.Name())))
				}
				arms[of.FullName()] = true
			}
		}
	}
	return found
}

// queryField finds the field that a parameter names, or says why there is none.
func queryField(b *binding, name string) (fd protoreflect.FieldDescriptor, problem string) {
	fields := b.input.Descriptor().Fields()
	path := strings.Split(name, ".")
	for i, part := range path {
		fd = fields.ByName(protoreflect.Name(part))
		switch {
		case fd == nil && fields.ByJSONName(part) != nil:
			return nil, fmt.Sprintf("unknown parameter; the name is %q", fields.ByJSONName(part).Name())
		case fd == nil:
			return nil, "unknown parameter"
		case i == 0 && b.body == "*":
			return nil, "belongs in the body"
		case i == 0 && part == b.body:
			return nil, "belongs in the body"
		case i == 0 && slices.Contains(b.pathFields, part):
			return nil, "belongs in the path"
		case i == 0 && b.pathArm(fd) != nil:
			return nil, fmt.Sprintf("cannot be given beside %q, which the path has", b.pathArm(fd).Name())
		}
		last := i == len(path)-1
		switch {
		case !last && (fd.Message() == nil || fd.IsList() || fd.IsMap() || isScalarMessage(fd.Message())):
			return nil, fmt.Sprintf("unknown parameter; %q has no fields", strings.Join(path[:i+1], "."))
		case !last:
			fields = fd.Message().Fields()
		case fd.IsMap(), fd.Message() != nil && !isScalarMessage(fd.Message()):
			return nil, "has fields of its own; name one of them"
		}
	}
	return fd, ""
}

func checkValues(b *binding, fd protoreflect.FieldDescriptor, name string, values []string) []*errdetails.BadRequest_FieldViolation {
	var found []*errdetails.BadRequest_FieldViolation
	for i, value := range values {
		at := name
		if fd.IsList() {
			at = fmt.Sprintf("%s[%d]", name, i)
		}
		err := runtime.PopulateFieldFromPath(b.input.New().Interface(), name, value)
		if err != nil || !utf8.ValidString(value) || isMask(fd) && slices.Contains(strings.Split(value, ","), "") {
			found = append(found, violation(at, expectation(fd)))
		}
		if len(found) == maxViolations {
			break
		}
	}
	return found
}

// isScalarMessage reports whether a message is written as one value.
func isScalarMessage(md protoreflect.MessageDescriptor) bool {
	switch md.FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask":
		return true
	default:
		return false
	}
}

func isMask(fd protoreflect.FieldDescriptor) bool {
	return fd.Message() != nil && fd.Message().FullName() == "google.protobuf.FieldMask"
}
