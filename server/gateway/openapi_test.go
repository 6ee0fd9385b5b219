package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// servedDocument is the OpenAPI document as callers get it.
func servedDocument(t *testing.T) *openapi3.T {
	t.Helper()
	r := do(t, newHandler(t, &fakeServer{}, Options{}), "GET", "/openapi.json", "")
	if r.status != http.StatusOK || r.header.Get("Content-Type") != jsonType {
		t.Fatalf("answer = %d %q, want 200 %q", r.status, r.header.Get("Content-Type"), jsonType)
	}
	doc, err := openapi3.NewLoader().LoadFromData(r.body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestOpenAPI_isValid(t *testing.T) {
	doc := servedDocument(t)
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if doc.Info.Title != "amogate" || doc.Info.Version != "v1" || doc.Info.License.Name != "Apache-2.0" || len(doc.Servers) == 0 {
		t.Errorf("info = %+v, servers = %v", doc.Info, doc.Servers)
	}
}

func TestOpenAPI_hasEveryRoute(t *testing.T) {
	doc := servedDocument(t)
	all, err := readBindings()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		item := doc.Paths.Value(b.template)
		if item == nil || item.GetOperation(b.verb) == nil {
			t.Errorf("no operation for %s %s (%s)", b.verb, b.template, b.rpc)
			continue
		}
		op := item.GetOperation(b.verb)
		if op.Summary == "" || op.Description == "" {
			t.Errorf("%s %s is not described", b.verb, b.template)
		}
		for _, name := range []string{"Amogate-Account", "Amogate-Max-Age", "Amogate-Request-Id", "Grpc-Timeout"} {
			if op.Parameters.GetByInAndName("header", name) == nil {
				t.Errorf("%s %s does not show the header %s", b.verb, b.template, name)
			}
		}
		if b.masksBody && op.Parameters.GetByInAndName("query", maskField) == nil {
			t.Errorf("%s %s does not show %s", b.verb, b.template, maskField)
		}
		if (op.RequestBody != nil) != (b.body != "") {
			t.Errorf("%s %s: body shown = %v, taken = %v", b.verb, b.template, op.RequestBody != nil, b.body != "")
		}
		if op.RequestBody != nil && op.RequestBody.Value.Required != b.needsBody {
			t.Errorf("%s %s: body shown as required = %v, is = %v", b.verb, b.template, op.RequestBody.Value.Required, b.needsBody)
		}
		failure := op.Responses.Value("default").Value.Content.Get(jsonType)
		if failure == nil || failure.Schema.Ref != "#/components/schemas/Error" {
			t.Errorf("%s %s does not show the shape of errors", b.verb, b.template)
		}
	}
	for path, item := range doc.Paths.Map() {
		for verb := range item.Operations() {
			if !strings.HasPrefix(path, "/v1/") {
				continue
			}
			if all[verb+" "+pattern(path)] == nil {
				t.Errorf("%s %s is described, but no route", verb, path)
			}
		}
	}
}

// Query parameters that are shown are taken, and the other way round.
func TestOpenAPI_showsTheQueryThatIsTaken(t *testing.T) {
	doc := servedDocument(t)
	all, err := readBindings()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		var shown []string
		for _, p := range doc.Paths.Value(b.template).GetOperation(b.verb).Parameters {
			if p.Value.In == "query" {
				shown = append(shown, p.Value.Name)
			}
		}
		taken := leaves(b, b.input.Descriptor(), "")
		slices.Sort(shown)
		slices.Sort(taken)
		if !slices.Equal(shown, taken) {
			t.Errorf("%s %s: shown %v, taken %v", b.verb, b.template, shown, taken)
		}
	}
}

// leaves lists the names that queryField takes.
func leaves(b *binding, md protoreflect.MessageDescriptor, path string) []string {
	var names []string
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		name := join(path, string(fd.Name()))
		switch _, problem := queryField(b, name); {
		case problem == "":
			names = append(names, name)
		case strings.HasPrefix(problem, "has fields"):
			names = append(names, leaves(b, fd.Message(), name)...)
		}
	}
	return names
}

// validate checks JSON against a schema, in the direction of an answer.
func validate(t *testing.T, schema *openapi3.Schema, data []byte) error {
	t.Helper()
	return schema.VisitJSON(parse(t, data), openapi3.VisitAsResponse(), openapi3.EnableFormatValidation())
}

func TestOpenAPI_describesEveryLine(t *testing.T) {
	f := &fakeServer{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
		return errors.Join(
			s.Send(&amogatev1.ListCustomersResponse{
				Item: &amogatev1.ListCustomersResponse_Customer{Customer: sample()}, ResumeToken: "t",
			}),
			s.Send(&amogatev1.ListCustomersResponse{
				Item: &amogatev1.ListCustomersResponse_Deleted{Deleted: &amogatev1.DeletedCustomer{Id: 2}}, ResumeToken: "t",
			}),
			s.Send(endRow()),
			serverError(t, codes.Aborted, "PAGINATION_LOOP"),
		)
	}}
	resp := list(t.Context(), t, serve(t, f), "*/*")
	body, err := io.ReadAll(resp.body)
	if err != nil {
		t.Fatal(err)
	}
	content := servedDocument(t).Paths.Value("/v1/customers:stream").Get.Responses.Value("200").Value.Content
	if len(content) != 1 || content[ndjsonType] == nil {
		t.Fatalf("content = %v, want %s alone", content, ndjsonType)
	}
	schema := content[ndjsonType].Schema.Value
	lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines, want 4: %s", len(lines), body)
	}
	for _, line := range lines {
		if err := validate(t, schema, []byte(line)); err != nil {
			t.Errorf("line %s: %v", line, err)
		}
	}
	for _, wrong := range []string{
		`{}`,
		`{"result":{"customer":{}}}`,
		`{"customer":{"id":1},"resume_token":"t"}`,
		`{"customer":{"name":"a"}}`,
		`{"error":{"code":3,"message":"m"}}`,
		`{"deleted":{"id":"2"},"end":{},"resume_token":"t"}`,
	} {
		if validate(t, schema, []byte(wrong)) == nil {
			t.Errorf("the schema takes the line %s", wrong)
		}
	}
}

func TestOpenAPI_describesAnswersAndErrors(t *testing.T) {
	doc := servedDocument(t)
	whole := doc.Components.Schemas["Customer"].Value
	if err := validate(t, whole, []byte(sampleJSON)); err != nil {
		t.Errorf("customer: %v", err)
	}
	h := newHandler(t, &fakeServer{}, Options{})
	failed := doc.Components.Schemas["Error"].Value
	for _, r := range []reply{
		do(t, h, "GET", "/v1/nothing", ""),
		do(t, h, "GET", "/v1/customers?x=1", ""),
		do(t, h, "PUT", "/v1/customers", ""),
		do(t, h, "POST", "/v1/customers", `{"x":1}`),
	} {
		if err := validate(t, failed, r.body); err != nil {
			t.Errorf("error %s: %v", r.body, err)
		}
	}
	for path, status := range map[string]int{"/healthz": 200, "/readyz": 200} {
		schema := doc.Paths.Value(path).Get.Responses.Status(status).Value.Content.Get(jsonType).Schema.Value
		if err := validate(t, schema, do(t, h, "GET", path, "").body); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestOpenAPI_letsNullClearInChangesOnly(t *testing.T) {
	doc := servedDocument(t)
	change := doc.Paths.Value("/v1/customers/{id}").Patch.RequestBody.Value
	if change.Required {
		t.Error("the body of a change is shown as required; tags alone can change")
	}
	var values any
	if err := json.Unmarshal([]byte(`{"next_price":null,"periodicity":null,"name":"B"}`), &values); err != nil {
		t.Fatal(err)
	}
	if err := change.Content.Get(jsonType).Schema.Value.VisitJSON(values, openapi3.VisitAsRequest()); err != nil {
		t.Errorf("change: %v", err)
	}
	create := doc.Paths.Value("/v1/customers").Post.RequestBody.Value
	if err := create.Content.Get(jsonType).Schema.Value.VisitJSON(values, openapi3.VisitAsRequest()); err == nil {
		t.Error("null is shown as fit for a create")
	}
}

func TestOpenAPI_showsThatOnlyOneFieldOfAOneofCanBeGiven(t *testing.T) {
	doc := servedDocument(t)
	body := func(path string) *openapi3.Schema {
		return doc.Paths.Value(path).Post.RequestBody.Value.Content.Get(jsonType).Schema.Value
	}
	change := doc.Paths.Value("/v1/leads/{lead_id}/notes/{id}").Patch.RequestBody.Value.Content.Get(jsonType).Schema.Value
	for name, c := range map[string]struct {
		schema *openapi3.Schema
		body   string
		fits   bool
	}{
		"a note":                      {body("/v1/notes"), `{"text":"a","lead_id":"5"}`, true},
		"a note that the path places": {body("/v1/leads/{lead_id}/notes"), `{"text":"a"}`, true},
		"a note of two contents":      {body("/v1/notes"), `{"text":"a","sms":{}}`, false},
		"a note of two parents":       {body("/v1/notes"), `{"text":"a","lead_id":"5","task_id":"5"}`, false},
		"a call of two people":        {body("/v1/notes"), `{"call":{"responsible_name":"a","responsible_user_id":"5"}}`, false},
		"a change of a user":          {change, `{"responsible_user_id":"5"}`, true},
		"a change of two contents":    {change, `{"text":"a","call":{}}`, false},
		"an item of a batch":          {body("/v1/notes:batchUpdate"), `{"requests":[{"id":"3","lead_id":"5","note":{"text":"a"}}]}`, true},
		"an item without a parent":    {body("/v1/notes:batchUpdate"), `{"requests":[{"id":"3","note":{"text":"a"}}]}`, false},
		"bonus points":                {body("/v1/customers/{customer_id}:changeBonusPoints"), `{"earn":"5"}`, true},
		"bonus points of no number":   {body("/v1/customers/{customer_id}:changeBonusPoints"), `{}`, false},
		"bonus points both ways":      {body("/v1/customers/{customer_id}:changeBonusPoints"), `{"earn":"5","redeem":"5"}`, false},
		"a field of two values":       {body("/v1/customers"), `{"name":"a","custom_fields":[{"field_id":"1","text":"a","number":"5"}]}`, false},
		"a field of a value of null":  {body("/v1/customers"), `{"name":"a","custom_fields":[{"field_id":"1","raw":null}]}`, true},
		"a field that is to be empty": {body("/v1/customers"), `{"name":"a","custom_fields":[{"field_id":"1"}]}`, true},
		"a pin, with nothing":         {body("/v1/leads/{lead_id}/notes/{id}:pin"), `{}`, true},
	} {
		err := c.schema.VisitJSON(parse(t, []byte(c.body)))
		if (err == nil) != c.fits {
			t.Errorf("%s: %v, want it to fit: %v", name, err, c.fits)
		}
	}
	if pin := body("/v1/leads/{lead_id}/notes/{id}:pin"); len(pin.Properties) != 1 || pin.Properties["request_id"] == nil {
		t.Errorf("a pin is shown with fields that the path decides: %v", pin.Properties)
	}
}

// A service that is described but not in register would answer 404.
func TestRegister_routesEveryService(t *testing.T) {
	h := newHandler(t, &fakeServer{}, Options{})
	services := 0
	protoregistry.GlobalFiles.RangeFilesByPackage(apiPackage, func(f protoreflect.FileDescriptor) bool {
		services += f.Services().Len()
		return true
	})
	all, err := readBindings()
	if err != nil {
		t.Fatal(err)
	}
	if services == 0 || len(all) < services {
		t.Fatalf("%d routes for %d services", len(all), services)
	}
	for _, b := range all {
		// A parameter that nobody knows: routed calls answer 400.
		target := variable.ReplaceAllString(b.template, "1") + "?no_such_parameter=1"
		if r := do(t, h, b.verb, target, ""); r.status != http.StatusBadRequest {
			t.Errorf("%s %s (%s) = %d, want 400", b.verb, target, b.rpc, r.status)
		}
	}
}

// Two routes of one verb that take the same path would leave the choice to the
// order of registration.
func TestBindings_noTwoTakeTheSamePath(t *testing.T) {
	all, err := readBindings()
	if err != nil {
		t.Fatal(err)
	}
	for key, b := range all {
		// A path with a number for each variable is one that b takes.
		path := variable.ReplaceAllString(b.template, "7")
		for other, o := range all {
			if other != key && o.verb == b.verb && o.path.MatchString(path) {
				t.Errorf("%s %s is taken by %s and by %s", b.verb, path, b.template, o.template)
			}
		}
	}
	for _, clash := range []struct{ template, path string }{
		{"/v1/customers/{id}", "/v1/customers/7"},
		{"/v1/{kind}/7", "/v1/customers/7"},
	} {
		b := &binding{template: clash.template}
		b.compile()
		if !b.path.MatchString(clash.path) {
			t.Errorf("%s does not take %s, so that this test finds nothing", clash.template, clash.path)
		}
	}
}
