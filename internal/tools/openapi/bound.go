package main

import (
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Bounds are shown for what callers send only: answers show what upstream has,
// and that is not bound by our rules.

// boundRequest adds the rules of a request message to its schema.
func boundRequest(md protoreflect.MessageDescriptor, schema *openapi3.Schema) {
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if property := schema.Properties[string(fd.Name())]; property != nil && property.Ref == "" {
			bound(rulesOf(fd), property.Value)
		}
	}
}

// boundQuery adds the rules of the fields that query and path parameters name.
func boundQuery(input protoreflect.MessageDescriptor, list openapi3.Parameters) {
	for _, p := range list {
		md := input
		var fd protoreflect.FieldDescriptor
		for part := range strings.SplitSeq(p.Value.Name, ".") {
			if md == nil {
				fd = nil
				break
			}
			if fd = md.Fields().ByName(protoreflect.Name(part)); fd == nil {
				break
			}
			md = fd.Message()
		}
		if fd != nil {
			bound(rulesOf(fd), p.Value.Schema.Value)
		}
	}
}

func rulesOf(fd protoreflect.FieldDescriptor) *validate.FieldRules {
	rules, _ := proto.GetExtension(fd.Options(), validate.E_Field).(*validate.FieldRules)
	return rules
}

// bound adds rules to a schema as far as JSON Schema can say them. 64-bit
// integers are strings in JSON and have no range there.
func bound(rules *validate.FieldRules, s *openapi3.Schema) {
	if text := rules.GetString(); text != nil {
		s.MinLength = text.GetMinLen()
		s.Pattern = text.GetPattern()
		switch {
		case text.HasMaxLen():
			s.MaxLength = new(text.GetMaxLen())
		case text.HasMaxBytes():
			// No character is shorter than a byte.
			s.MaxLength = new(text.GetMaxBytes())
		}
	}
	if number := rules.GetInt32(); number != nil && number.HasGte() {
		s.Min = new(float64(number.GetGte()))
	}
	if list := rules.GetRepeated(); list != nil {
		s.MinItems = list.GetMinItems()
		s.UniqueItems = list.GetUnique()
		if list.HasMaxItems() {
			s.MaxItems = new(list.GetMaxItems())
		}
		if s.Items != nil && s.Items.Ref == "" {
			bound(list.GetItems(), s.Items.Value)
		}
	}
}
