// Command answerjson is a protoc plugin that generates the JSON writers of the
// gateway: a function for each message that an answer of a REST call can hold.
// What they write equals protojson with the options of package jsonwriter, after
// parsing.
//
// A field of a kind that no answer has so far, a map for instance, is refused:
// its writer would have nothing to be tested by.
package main

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	protogen.Options{}.Run(func(plugin *protogen.Plugin) error {
		plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		return generate(plugin)
	})
}
