package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/pluginpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sample is a file with every shape of field; %s is more of
// the message Row.
const sample = `
name: "sample.proto" package: "sample" syntax: "proto3"
dependency: "google/protobuf/timestamp.proto" dependency: "google/protobuf/struct.proto"
options { go_package: "example.com/sample" }
service {
  name: "Rows"
  method { name: "List" input_type: ".sample.Request" output_type: ".sample.Row" options { [google.api.http] { get: "/rows" } } }
  method { name: "Watch" input_type: ".sample.Request" output_type: ".sample.NotOverREST" }
}
message_type { name: "Request" }
message_type { name: "NotOverREST" }
message_type { name: "Inner" field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL } }
enum_type { name: "Kind" value { name: "KIND_UNSPECIFIED" number: 0 } }
message_type {
  name: "Row"
  field { name: "row_id" number: 1 type: TYPE_INT64 label: LABEL_OPTIONAL }
  field { name: "sizes" number: 2 type: TYPE_DOUBLE label: LABEL_REPEATED }
  field { name: "kind" number: 3 type: TYPE_ENUM type_name: ".sample.Kind" label: LABEL_OPTIONAL }
  field { name: "inner" number: 4 type: TYPE_MESSAGE type_name: ".sample.Inner" label: LABEL_OPTIONAL }
  field { name: "inners" number: 5 type: TYPE_MESSAGE type_name: ".sample.Inner" label: LABEL_REPEATED }
  field { name: "time" number: 6 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
  field { name: "maybe" number: 7 type: TYPE_BOOL label: LABEL_OPTIONAL proto3_optional: true oneof_index: 1 }
  field { name: "text" number: 8 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "raw" number: 9 type: TYPE_MESSAGE type_name: ".google.protobuf.Value" label: LABEL_OPTIONAL oneof_index: 0 }
  %s
  oneof_decl { name: "value" }
  oneof_decl { name: "_maybe" }
}`

// run returns what the plugin makes of the sample with more in its message.
func run(t *testing.T, more string) (string, error) {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{}
	if err := prototext.Unmarshal(fmt.Appendf(nil, sample, more), file); err != nil {
		t.Fatal(err)
	}
	plugin, err := protogen.Options{}.New(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{file.GetName()},
		ProtoFile: []*descriptorpb.FileDescriptorProto{
			protodesc.ToFileDescriptorProto(timestamppb.File_google_protobuf_timestamp_proto),
			protodesc.ToFileDescriptorProto(structpb.File_google_protobuf_struct_proto),
			file,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := generate(plugin); err != nil {
		return "", err
	}
	files := plugin.Response().GetFile()
	if len(files) != 1 || files[0].GetName() != fileName {
		t.Fatalf("files = %v, want %s alone", files, fileName)
	}
	return files[0].GetContent(), nil
}

func TestGenerate(t *testing.T) {
	got, err := run(t, "")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/sample.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-golden +generated:\n%s", diff)
	}
}

func TestGenerate_refusesWhatNoAnswerHas(t *testing.T) {
	for name, more := range map[string]string{
		"a map": `field { name: "bad" number: 20 type: TYPE_MESSAGE type_name: ".sample.Row.BadEntry" label: LABEL_REPEATED }
			nested_type {
				name: "BadEntry" options { map_entry: true }
				field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
				field { name: "value" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
			}`,
		"a null":     `field { name: "bad" number: 20 type: TYPE_ENUM type_name: ".google.protobuf.NullValue" label: LABEL_OPTIONAL }`,
		"a list":     `field { name: "bad" number: 20 type: TYPE_ENUM type_name: ".google.protobuf.NullValue" label: LABEL_REPEATED }`,
		"in a oneof": `field { name: "bad" number: 20 type: TYPE_ENUM type_name: ".google.protobuf.NullValue" label: LABEL_OPTIONAL oneof_index: 0 }`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := run(t, more); err == nil || !strings.Contains(err.Error(), "sample.Row.bad: ") {
				t.Errorf("error = %v, want one that names the field", err)
			}
		})
	}
}
