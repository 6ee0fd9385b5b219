package main

import (
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// chooseOne adds to the schema of a message that of the fields of a oneof only
// one can be given, or has to be. A oneof that the path decides has no fields in
// the schema, and nothing is said of it.
func chooseOne(md protoreflect.MessageDescriptor, schema *openapi3.Schema) {
	for i := range md.Oneofs().Len() {
		of := md.Oneofs().Get(i)
		var arms openapi3.SchemaRefs
		for j := range of.Fields().Len() {
			name := string(of.Fields().Get(j).Name())
			if schema.Properties[name] != nil {
				arms = append(arms, openapi3.NewSchemaRef("", &openapi3.Schema{Required: []string{name}}))
			}
		}
		if of.IsSynthetic() || len(arms) < 2 {
			continue
		}
		choice := &openapi3.Schema{OneOf: arms}
		if !isRequired(of) {
			none := &openapi3.Schema{Not: openapi3.NewSchemaRef("", &openapi3.Schema{AnyOf: arms})}
			choice.OneOf = slices.Concat(arms, openapi3.SchemaRefs{openapi3.NewSchemaRef("", none)})
		}
		schema.AllOf = append(schema.AllOf, openapi3.NewSchemaRef("", choice))
	}
}

// isRequired says whether one field of a oneof has to be given.
func isRequired(of protoreflect.OneofDescriptor) bool {
	rules, _ := proto.GetExtension(of.Options(), validate.E_Oneof).(*validate.OneofRules)
	return rules.GetRequired()
}

// completeBody completes the schema of a body that holds all of a request but
// what the path has. Of a oneof that the path decides nothing is left. It says
// whether the call needs its body.
func completeBody(input protoreflect.MessageDescriptor, inPath map[string]bool, schema *openapi3.Schema) bool {
	for i := range input.Oneofs().Len() {
		fields := input.Oneofs().Get(i).Fields()
		decided := false
		for j := range fields.Len() {
			decided = decided || inPath[string(fields.Get(j).Name())]
		}
		for j := range fields.Len() {
			if decided {
				delete(schema.Properties, string(fields.Get(j).Name()))
			}
		}
	}
	needed := len(schema.Required) > 0
	for i := range input.Oneofs().Len() {
		of := input.Oneofs().Get(i)
		needed = needed || isRequired(of) && schema.Properties[string(of.Fields().Get(0).Name())] != nil
	}
	return needed
}
