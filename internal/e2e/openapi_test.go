package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/grpc"

	"github.com/amogate/amogate/server/gateway"
)

// openAPI is the description that the gateway serves.
type openAPI struct{ doc *openapi3.T }

func loadOpenAPI(t *testing.T) *openAPI {
	t.Helper()
	handler, err := gateway.New(t.Context(), (*grpc.ClientConn)(nil), gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	served := httptest.NewRecorder()
	handler.ServeHTTP(served, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/openapi.json", nil))
	doc, err := openapi3.NewLoader().LoadFromData(served.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatalf("the served description is invalid: %v", err)
	}
	return &openAPI{doc}
}

// operation returns the operation of a route, nil when there is none.
func (o *openAPI) operation(via route) *openapi3.Operation {
	item := o.doc.Paths.Value(via.template)
	if item == nil {
		return nil
	}
	return item.GetOperation(via.verb)
}

// check validates one JSON document, a line of a stream or a whole body,
// against the schema of an answer.
func (o *openAPI) check(t *testing.T, via route, status int, body string) {
	t.Helper()
	method := via.method
	operation := o.operation(via)
	if operation == nil {
		t.Errorf("%s %s is not described", via.verb, via.template)
		return
	}
	response := operation.Responses.Value(strconv.Itoa(status))
	if response == nil {
		response = operation.Responses.Default()
	}
	if response == nil || len(response.Value.Content) != 1 {
		t.Errorf("%s: the answer with status %d is not described by one content type", method.FullName(), status)
		return
	}
	var document any
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		t.Errorf("%s: answer %q is no JSON: %v", method.FullName(), body, err)
		return
	}
	for contentType, content := range response.Value.Content {
		if err := content.Schema.Value.VisitJSON(document, openapi3.MultiErrors()); err != nil {
			t.Errorf("%s: answer with status %d does not fit the description of %s: %v\n%s", method.FullName(), status, contentType, err, body)
		}
	}
}
