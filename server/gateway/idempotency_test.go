package gateway

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestGateway_takesTheRequestIDFromTheHeader(t *testing.T) {
	for name, c := range map[string]struct {
		method, target, body string
		want                 string
	}{
		"a create":               {"POST", "/v1/customers", `{"name":"A"}`, "k1"},
		"a create that has it":   {"POST", "/v1/customers?request_id=k1", `{"name":"A"}`, "k1"},
		"a change":               {"PATCH", "/v1/customers/7", `{"name":"A"}`, "k1"},
		"a deletion":             {"DELETE", "/v1/customers/7", "", "k1"},
		"a batch":                {"POST", "/v1/customers:batchDelete", `{"ids":["7"]}`, "k1"},
		"a batch that has it":    {"POST", "/v1/customers:batchDelete", `{"ids":["7"],"request_id":"k1"}`, "k1"},
		"a list, which has none": {"GET", "/v1/customers", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{}
			r := do(t, newHandler(t, f, Options{}), c.method, c.target, c.body, "Idempotency-Key", "k1")
			if r.status != http.StatusOK {
				t.Fatalf("status = %d, body %s", r.status, r.body)
			}
			got, md := f.request()
			id := ""
			if mutation, ok := got.(interface{ GetRequestId() string }); ok {
				id = mutation.GetRequestId()
			}
			if id != c.want || len(md.Get("idempotency-key")) > 0 {
				t.Errorf("the id is %q, want %q; metadata %q", id, c.want, md.Get("idempotency-key"))
			}
		})
	}
}

func TestGateway_refusesAWrongIdempotencyKey(t *testing.T) {
	for name, c := range map[string]struct {
		target, field string
		headers       []string
	}{
		"another one in the request": {"/v1/customers?request_id=k2", "request_id", []string{"Idempotency-Key", "k1"}},
		"an empty one":               {"/v1/customers", "idempotency-key", []string{"Idempotency-Key", ""}},
		"a long one":                 {"/v1/customers", "idempotency-key", []string{"Idempotency-Key", strings.Repeat("k", 129)}},
		"one with a blank":           {"/v1/customers", "idempotency-key", []string{"Idempotency-Key", "k 1"}},
		"two":                        {"/v1/customers", "idempotency-key", []string{"Idempotency-Key", "k1", "Idempotency-Key", "k1"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{}
			r := do(t, newHandler(t, f, Options{}), "POST", c.target, `{"name":"A"}`, c.headers...)
			failed := r.failure(t)
			if r.status != http.StatusBadRequest || failed.Reason != "VALIDATION" || !slices.Equal(failed.fields(), []string{c.field}) {
				t.Errorf("status %d, %+v; want %s", r.status, failed, c.field)
			}
			if got, _ := f.request(); got != nil && !proto.Equal(got, &amogatev1.CreateCustomerRequest{}) {
				t.Errorf("the server got %v", got)
			}
		})
	}
}
