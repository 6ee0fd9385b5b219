package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
)

const definition = "#/definitions/"

// prefixes are what the plugin puts before a message's name to tell packages
// apart. One package is published, so the names are clear without them.
var prefixes = regexp.MustCompile(`^(v1|rpc|type|protobuf)([A-Z])`)

func shortName(name string) string { return prefixes.ReplaceAllString(name, "$2") }

// tidy prepares a Swagger 2 document for the conversion.
func tidy(tree map[string]any) {
	definitions, _ := tree["definitions"].(map[string]any)
	renamed := map[string]any{}
	for name, schema := range definitions {
		renamed[shortName(name)] = schema
	}
	tree["definitions"] = renamed
	tidyNode(tree)
}

// tidyNode renames references, and moves what stands beside one (a description,
// readOnly) where OpenAPI 3.0 does not ignore it: around an allOf.
func tidyNode(node any) {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			tidyNode(item)
		}
	case map[string]any:
		for _, child := range node {
			tidyNode(child)
		}
		ref, ok := node["$ref"].(string)
		if !ok {
			return
		}
		ref = definition + shortName(strings.TrimPrefix(ref, definition))
		delete(node, "type")
		node["$ref"] = ref
		if len(node) > 1 {
			delete(node, "$ref")
			node["allOf"] = []any{map[string]any{"$ref": ref}}
		}
	}
}

// toV3 converts the document.
func toV3(tree map[string]any) (*openapi3.T, error) {
	data, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	var swagger openapi2.T
	if err := json.Unmarshal(data, &swagger); err != nil {
		return nil, err
	}
	return openapi2conv.ToV3(&swagger)
}

// reference finds references in the text of a document.
var reference = regexp.MustCompile(`"#/components/schemas/([A-Za-z0-9_]+)"`)

// prune removes tags of services without REST, and schemas that nothing refers
// to, as of messages that only appear as query parameters.
func prune(doc *openapi3.T) error {
	tagged := map[string]bool{}
	for _, path := range doc.Paths.Map() {
		for _, operation := range path.Operations() {
			for _, tag := range operation.Tags {
				tagged[tag] = true
			}
		}
	}
	doc.Tags = slices.DeleteFunc(doc.Tags, func(tag *openapi3.Tag) bool { return !tagged[tag.Name] })
	for {
		data, err := json.Marshal(doc)
		if err != nil {
			return err
		}
		used := map[string]bool{}
		for _, m := range reference.FindAllSubmatch(data, -1) {
			used[string(m[1])] = true
		}
		before := len(doc.Components.Schemas)
		for name := range doc.Components.Schemas {
			if !used[name] {
				delete(doc.Components.Schemas, name)
			}
		}
		if len(doc.Components.Schemas) == before {
			return nil
		}
	}
}

// encode writes the document with sorted keys, readable in a diff.
func encode(doc *openapi3.T) ([]byte, error) {
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(tree); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
