package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// apiPackage is the proto package that is published.
const apiPackage = "amogate.v1"

// idempotencyKey is the header that mutations have.
const idempotencyKey = "IdempotencyKey"

const schemas = "#/components/schemas/"

const about = `One service between your programs and amoCRM (Kommo abroad).

JSON: fields have the names of the proto files; 64-bit integers are strings; times are RFC 3339; what is not set is
left out. Unknown query parameters, unknown fields and text after the body are refused.

Lists exist twice: in pages, and as a stream of lines (application/x-ndjson) that ends with a line {"end":…}. A stream
without that line was cut; ask again with the last resume_token.

Every failure, also the last line of a broken stream, is {"error":{…}} with a reason to branch on.`

// complete adds what Swagger 2 could not say.
func complete(doc *openapi3.T) error {
	doc.OpenAPI = "3.0.3"
	doc.Info = &openapi3.Info{
		Title:       "amogate",
		Description: about,
		Version:     "v1",
		License:     &openapi3.License{Name: "Apache-2.0", URL: "https://www.apache.org/licenses/LICENSE-2.0"},
	}
	doc.Servers = openapi3.Servers{{URL: "/", Description: "The server that this document came from."}}
	doc.Components.Schemas["Any"] = openapi3.NewSchemaRef("", anySchema())
	doc.Components.Schemas["Error"] = openapi3.NewSchemaRef("", errorSchema())
	doc.Components.Parameters = parameters()
	doc.Components.Headers = headers()
	doc.Components.Responses = openapi3.ResponseBodies{"Error": {Value: errorResponse()}}

	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			rpc, err := findRPC(op.OperationID)
			if err != nil {
				return err
			}
			completeOperation(doc, op, rpc)
		}
	}
	for name, schema := range doc.Components.Schemas {
		for _, property := range schema.Value.Properties {
			if v := property.Value; v != nil && len(v.Type.Slice()) == 0 && len(v.AllOf)+len(v.OneOf) == 0 {
				v.Nullable = true // any JSON value, null included
			}
		}
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(apiPackage + "." + protoreflect.FullName(name))
		md, ok := d.(protoreflect.MessageDescriptor)
		if err != nil || !ok {
			continue
		}
		if strings.HasSuffix(name, "Request") {
			boundRequest(md, schema.Value)
		}
		chooseOne(md, schema.Value)
		freeLists(md, schema.Value)
	}
	addOwnPaths(doc)
	return nil
}

// freeLists says that the elements of google.protobuf.ListValue are any JSON
// values; the plugin takes them for objects.
func freeLists(md protoreflect.MessageDescriptor, schema *openapi3.Schema) {
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		property := schema.Properties[string(fd.Name())]
		if property != nil && property.Value != nil && fd.Message() != nil && fd.Message().FullName() == "google.protobuf.ListValue" {
			property.Value.Items = openapi3.NewSchemaRef("", &openapi3.Schema{Nullable: true})
		}
	}
}

// findRPC finds the method of an operation id, Service_Method. The second route
// of a method has the id Service_Method2, and so on.
func findRPC(id string) (protoreflect.MethodDescriptor, error) {
	name := protoreflect.FullName(apiPackage + "." + strings.Replace(id, "_", ".", 1))
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		first := strings.TrimRight(string(name), "0123456789")
		d, err = protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(first))
	}
	if err != nil {
		return nil, fmt.Errorf("find operation %q: %w", id, err)
	}
	rpc, ok := d.(protoreflect.MethodDescriptor)
	if !ok {
		return nil, fmt.Errorf("find operation %q: not a method", id)
	}
	return rpc, nil
}

func completeOperation(doc *openapi3.T, op *openapi3.Operation, rpc protoreflect.MethodDescriptor) {
	op.Description = op.Summary
	op.Summary = firstSentence(op.Summary)
	boundQuery(rpc.Input(), op.Parameters)
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Parameters)) {
		if name == idempotencyKey && rpc.Input().Fields().ByName("request_id") == nil {
			continue
		}
		op.Parameters = append(op.Parameters, &openapi3.ParameterRef{Ref: "#/components/parameters/" + name})
	}

	ok := op.Responses.Value("200").Value
	ok.Description = new("The answer.")
	ok.Headers = openapi3.Headers{"Amogate-Request-Id": {Ref: "#/components/headers/RequestId"}}
	if rpc.Input().Fields().ByName("read_back") != nil {
		ok.Headers["Amogate-Read-Back"] = &openapi3.HeaderRef{Ref: "#/components/headers/ReadBack"}
	}
	if !rpc.IsStreamingServer() {
		// A stream's is in its trailer, after its headers have left.
		ok.Headers["Amogate-Wait-Ms"] = &openapi3.HeaderRef{Ref: "#/components/headers/WaitMs"}
		ok.Headers["Amogate-Age-Ms"] = &openapi3.HeaderRef{Ref: "#/components/headers/AgeMs"}
	} else {
		name := strings.TrimSuffix(string(rpc.Output().Name()), "Response") + "Line"
		doc.Components.Schemas[name] = openapi3.NewSchemaRef("", lineSchema(rpc.Output(), doc))
		ok.Description = new("Lines, each one JSON object of the schema and ended by a line feed. The content type is the same whatever Accept says.")
		ok.Content = openapi3.Content{"application/x-ndjson": openapi3.NewMediaType().WithSchemaRef(refTo(name))}
	}
	op.Responses.Set("default", &openapi3.ResponseRef{Ref: "#/components/responses/Error"})

	if op.RequestBody == nil {
		return
	}
	delete(op.RequestBody.Extensions, "x-originalParamName")
	body := op.RequestBody.Value
	body.Extensions = nil
	wholeBody(doc, op, rpc)
	resource := updated(rpc)
	if resource == nil {
		return
	}
	// In a change null clears, and nothing is required.
	name := string(resource.Message().Name())
	change := name + "Change"
	doc.Components.Schemas[change] = openapi3.NewSchemaRef("", changeSchema(doc.Components.Schemas[name].Value))
	chooseOne(resource.Message(), doc.Components.Schemas[change].Value)
	if media := body.Content.Get("application/json"); media.Schema.Ref == schemas+name {
		media.Schema = refTo(change)
		body.Required = false
		return
	}
	single := doc.Components.Schemas[string(resource.Parent().Name())].Value
	property := single.Properties[string(resource.Name())].Value
	single.Properties[string(resource.Name())] = openapi3.NewSchemaRef("",
		&openapi3.Schema{AllOf: openapi3.SchemaRefs{refTo(change)}, Description: property.Description})
}

// wholeBody completes a body that holds the whole request.
func wholeBody(doc *openapi3.T, op *openapi3.Operation, rpc protoreflect.MethodDescriptor) {
	body := op.RequestBody.Value
	name := strings.TrimPrefix(body.Content.Get("application/json").Schema.Ref, schemas)
	rest := strings.Replace(strings.TrimRight(op.OperationID, "0123456789"), "_", "", 1) + "Body"
	if name != string(rpc.Input().Name()) && name != rest {
		return
	}
	inPath := map[string]bool{}
	for _, p := range op.Parameters {
		if p.Value != nil && p.Value.In == openapi3.ParameterInPath {
			inPath[p.Value.Name] = true
		}
	}
	schema := doc.Components.Schemas[name].Value
	body.Required = completeBody(rpc.Input(), inPath, schema)
	if name == rest && len(schema.AllOf) == 0 {
		chooseOne(rpc.Input(), schema)
	}
}

// updated is the field of the request, or of an item of a batch, that holds the
// resource which a mask changes; nil when there is none.
func updated(rpc protoreflect.MethodDescriptor) protoreflect.FieldDescriptor {
	in := rpc.Input()
	if items := in.Fields().ByName("requests"); items != nil {
		in = items.Message()
	}
	if in.Fields().ByName("update_mask") == nil {
		return nil
	}
	for i := range in.Fields().Len() {
		fd := in.Fields().Get(i)
		if fd.Message() != nil && !fd.IsList() && fd.Message().ParentFile().Package() == apiPackage {
			return fd
		}
	}
	return nil
}

// changeSchema is the schema of a resource in an update.
func changeSchema(resource *openapi3.Schema) *openapi3.Schema {
	change := *resource
	change.Required = nil
	change.Description = "The new values. null clears a field; without update_mask the keys given here are the mask, output-only ones left out."
	change.Properties = openapi3.Schemas{}
	for name, field := range resource.Properties {
		nullable := openapi3.Schema{}
		if field.Ref != "" {
			nullable.AllOf = openapi3.SchemaRefs{{Ref: field.Ref}}
		} else {
			nullable = *field.Value
		}
		nullable.Nullable = true
		change.Properties[name] = openapi3.NewSchemaRef("", &nullable)
	}
	return &change
}

// lineSchema is one line of a stream: what one arm of the oneof tells, or the
// error that ended the stream.
func lineSchema(output protoreflect.MessageDescriptor, doc *openapi3.T) *openapi3.Schema {
	whole := doc.Components.Schemas[string(output.Name())].Value
	line := &openapi3.Schema{Description: whole.Description + "\nThe last line is `end`, or `error` when the stream broke off."}
	arms := output.Oneofs().Get(0).Fields()
	for i := range arms.Len() {
		arm := string(arms.Get(i).Name())
		one := openapi3.NewObjectSchema()
		one.Properties = openapi3.Schemas{}
		for name, field := range whole.Properties {
			fd := output.Fields().ByName(protoreflect.Name(name))
			if name == arm || fd.ContainingOneof() == nil {
				one.Properties[name] = field
				one.Required = append(one.Required, name)
			}
		}
		slices.Sort(one.Required)
		line.OneOf = append(line.OneOf, openapi3.NewSchemaRef("", one))
	}
	line.OneOf = append(line.OneOf, refTo("Error"))
	return line
}

func errorSchema() *openapi3.Schema {
	var statuses []any
	for _, n := range slices.Sorted(maps.Keys(code.Code_name)) {
		if n != 0 {
			statuses = append(statuses, code.Code_name[n])
		}
	}
	var reasons []string
	values := amogatev1.ErrorReason(0).Descriptor().Values()
	for i := range values.Len() {
		if v := values.Get(i); v.Number() != 0 {
			reasons = append(reasons, strings.TrimPrefix(string(v.Name()), "ERROR_REASON_"))
		}
	}
	content := openapi3.NewObjectSchema()
	content.Properties = openapi3.Schemas{
		"code":    openapi3.NewSchemaRef("", described(openapi3.NewInt32Schema().WithMin(1).WithMax(16), "The gRPC status code.")),
		"status":  openapi3.NewSchemaRef("", described(openapi3.NewStringSchema().WithEnum(statuses...), "Name of the code.")),
		"message": openapi3.NewSchemaRef("", described(openapi3.NewStringSchema(), "What happened, for people. It may change.")),
		"reason": openapi3.NewSchemaRef("", described(openapi3.NewStringSchema(),
			"What happened, for programs. Never renamed; more may come. Known: "+strings.Join(reasons, ", ")+".")),
		"details": openapi3.NewSchemaRef("", &openapi3.Schema{
			Type:        &openapi3.Types{openapi3.TypeArray},
			Description: "google.rpc.ErrorInfo always; BadRequest, RetryInfo and RequestInfo where they apply.",
			Items:       refTo("Any"),
		}),
	}
	content.Required = slices.Sorted(maps.Keys(content.Properties))
	body := openapi3.NewObjectSchema()
	body.Description = "The one shape of every failure."
	body.Properties = openapi3.Schemas{"error": openapi3.NewSchemaRef("", content)}
	body.Required = []string{"error"}
	return body
}

// anySchema replaces the schema of google.protobuf.Any.
func anySchema() *openapi3.Schema {
	s := openapi3.NewObjectSchema()
	s.Description = "A message of the type that `@type` names, with its fields beside it."
	s.Properties = openapi3.Schemas{
		"@type": openapi3.NewSchemaRef("", described(openapi3.NewStringSchema(), "For instance type.googleapis.com/google.rpc.ErrorInfo.")),
	}
	s.Required = []string{"@type"}
	s.AdditionalProperties = openapi3.AdditionalProperties{Has: new(true)}
	return s
}

func errorResponse() *openapi3.Response {
	r := openapi3.NewResponse().
		WithDescription("The call failed. The HTTP status follows the code; FAILED_PRECONDITION is 424, a write that may have happened 409, a request over 4 MiB 413.").
		WithContent(openapi3.NewContentWithJSONSchemaRef(refTo("Error")))
	r.Headers = openapi3.Headers{
		"Amogate-Request-Id": {Ref: "#/components/headers/RequestId"},
		"Retry-After":        {Ref: "#/components/headers/RetryAfter"},
	}
	return r
}

func parameters() openapi3.ParametersMap {
	header := func(name, description string) *openapi3.ParameterRef {
		return &openapi3.ParameterRef{Value: openapi3.NewHeaderParameter(name).
			WithDescription(description).WithSchema(openapi3.NewStringSchema())}
	}
	timeout := header("Grpc-Timeout", "Deadline of the call: at most 8 digits and a unit of H, M, S, m, u or n, such as 30S.")
	timeout.Value.Schema.Value.Pattern = "^[0-9]{1,8}[HMSmun]$"
	priority := header("Amogate-Priority", "Lowers the priority of the call among those that wait for the account's limiter. Nothing raises it: what follows the first page of a list stays sync.")
	priority.Value.Schema.Value.WithEnum("interactive", "sync", "export")
	idempotency := header("Idempotency-Key", "Id of the call, as request_id: a call that is repeated with it within 24 hours gets the answer of the first one and changes nothing again.")
	idempotency.Value.Schema.Value.WithMinLength(1).WithMaxLength(128).Pattern = "^[!-~]+$"
	maxAge := header("Amogate-Max-Age", "How many seconds ago what amogate remembers of the account (time zone, currency, custom fields, periods) may have been read; 0 reads it now. Without it the account is remembered for 10 minutes and its periods for one. What this amogate changes itself is never remembered as it was before.")
	maxAge.Value.Schema.Value.Pattern = "^[0-9]{1,9}$"
	return openapi3.ParametersMap{
		idempotencyKey: idempotency,
		"Account":      header("Amogate-Account", "Name of the account. Without it the default account, else the only one."),
		"MaxAge":       maxAge,
		"Priority":     priority,
		"RequestId":    header("Amogate-Request-Id", "Id of the call in the server's log; made up when absent."),
		"Timeout":      timeout,
	}
}

func headers() openapi3.Headers {
	header := func(description string, s *openapi3.Schema) *openapi3.HeaderRef {
		return &openapi3.HeaderRef{Value: &openapi3.Header{Parameter: openapi3.Parameter{
			Description: description,
			Schema:      openapi3.NewSchemaRef("", s),
		}}}
	}
	return openapi3.Headers{
		"AgeMs":      header("Milliseconds since the oldest was read of what the call took from amogate's memory of the account; absent when it took nothing.", openapi3.NewIntegerSchema().WithMin(0)),
		"ReadBack":   header("`failed` when the write succeeded and only reading it back failed.", openapi3.NewStringSchema().WithEnum("failed")),
		"RequestId":  header("Id of the call in the server's log.", openapi3.NewStringSchema()),
		"RetryAfter": header("Seconds to wait before the call is worth sending again.", openapi3.NewIntegerSchema().WithMin(1)),
		"WaitMs":     header("Milliseconds that the requests of the call waited for the account's limiter.", openapi3.NewIntegerSchema().WithMin(0)),
	}
}

// addOwnPaths describes what the process answers by itself.
func addOwnPaths(doc *openapi3.T) {
	const tag = "Process"
	doc.Tags = append(doc.Tags, &openapi3.Tag{Name: tag, Description: "What the process answers without asking upstream."})
	add := func(path, id, summary string, responses ...openapi3.NewResponsesOption) {
		doc.Paths.Set(path, &openapi3.PathItem{Get: &openapi3.Operation{
			OperationID: id,
			Summary:     summary,
			Tags:        []string{tag},
			Responses:   openapi3.NewResponses(responses...),
		}})
	}
	state := func(status int, value, description string) openapi3.NewResponsesOption {
		s := openapi3.NewObjectSchema().WithProperty("status", openapi3.NewStringSchema().WithEnum(value))
		s.Required = []string{"status"}
		return openapi3.WithStatus(status, &openapi3.ResponseRef{Value: openapi3.NewResponse().
			WithDescription(description).WithJSONSchema(s)})
	}
	add("/healthz", "Process_Health", "Tells that the process lives.", state(200, "alive", "It does."))
	add("/readyz", "Process_Ready", "Tells whether the process wants traffic.",
		state(200, "ready", "It does."), state(503, "not_ready", "It starts or stops."))
	add("/openapi.json", "Process_OpenAPI", "Answers this document.", openapi3.WithStatus(200, &openapi3.ResponseRef{
		Value: openapi3.NewResponse().WithDescription("OpenAPI 3.").WithJSONSchema(openapi3.NewObjectSchema()),
	}))
}

func refTo(name string) *openapi3.SchemaRef { return openapi3.NewSchemaRef(schemas+name, nil) }

func described(s *openapi3.Schema, text string) *openapi3.Schema {
	s.Description = text
	return s
}

func firstSentence(text string) string {
	text = strings.ReplaceAll(text, "\n", " ")
	if i := strings.Index(text, ". "); i >= 0 {
		return text[:i+1]
	}
	return text
}
