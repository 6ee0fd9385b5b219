// Command openapi writes the OpenAPI 3 document that the gateway serves. It
// starts from the Swagger 2 document that protoc-gen-openapiv2 makes of the
// proto files and completes what that format or that plugin cannot say: streams
// of lines, the headers, the shape of errors, bodies in which null clears, and
// the bounds of requests. The output is a function of its input.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/getkin/kin-openapi/openapi3"
)

func main() {
	in := flag.String("in", "gen/openapi/amogate.swagger.json", "Swagger 2 `file` to read")
	out := flag.String("out", "server/gateway/openapi.json", "OpenAPI 3 `file` to write")
	flag.Parse()
	if err := run(context.Background(), *in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, in, out string) error {
	swagger, err := os.ReadFile(in) //nolint:gosec // the file that the developer names
	if err != nil {
		return err
	}
	data, err := convert(ctx, swagger)
	if err != nil {
		return fmt.Errorf("convert %s: %w", in, err)
	}
	return os.WriteFile(out, data, 0o644) //nolint:gosec // a source file, for everybody to read
}

// convert makes the OpenAPI 3 document of a Swagger 2 document.
func convert(ctx context.Context, swagger []byte) ([]byte, error) {
	var tree map[string]any
	if err := json.Unmarshal(swagger, &tree); err != nil {
		return nil, err
	}
	tidy(tree)
	doc, err := toV3(tree)
	if err != nil {
		return nil, err
	}
	if err := complete(doc); err != nil {
		return nil, err
	}
	if err := prune(doc); err != nil {
		return nil, err
	}
	data, err := encode(doc)
	if err != nil {
		return nil, err
	}
	// Only a document that was read has its references resolved.
	if doc, err = openapi3.NewLoader().LoadFromData(data); err != nil {
		return nil, err
	}
	return data, doc.Validate(ctx)
}
