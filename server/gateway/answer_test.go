package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// sample has a value of every kind that JSON spells in a way of its own.
func sample() *amogatev1.Customer {
	return &amogatev1.Customer{
		Id:               466791,
		Name:             "Вася <&> co",
		NextPurchaseTime: &timestamppb.Timestamp{Seconds: 1767225600},
		NextPrice:        &money.Money{Units: 5, Nanos: 500_000_000},
		PeriodId:         proto.Int64(0),
		ContactIds:       []int64{1, 2},
		Deleted:          new(false),
		CustomFields: []*amogatev1.CustomField{
			{FieldId: 1, Type: amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_CHECKBOX, Value: &amogatev1.CustomField_Checkbox{}},
			{FieldId: 2, TypeCode: "99", Value: &amogatev1.CustomField_Raw{Raw: structpb.NewNullValue()}},
			{FieldId: 3, TypeCode: "98", Value: &amogatev1.CustomField_Raw{Raw: structpb.NewListValue(&structpb.ListValue{
				Values: []*structpb.Value{structpb.NewNumberValue(1)},
			})}},
		},
	}
}

const sampleJSON = `{
	"id": "466791", "name": "Вася <&> co", "next_purchase_time": "2026-01-01T00:00:00Z",
	"next_price": {"currency_code": "", "units": "5", "nanos": 500000000},
	"period_id": "0", "contact_ids": ["1", "2"], "deleted": false, "tags": [], "catalog_elements": [], "segments": [],
	"custom_fields": [
		{"field_id": "1", "code": "", "name": "", "type": "CUSTOM_FIELD_TYPE_CHECKBOX", "type_code": "", "checkbox": false},
		{"field_id": "2", "code": "", "name": "", "type": "CUSTOM_FIELD_TYPE_UNSPECIFIED", "type_code": "99", "raw": null},
		{"field_id": "3", "code": "", "name": "", "type": "CUSTOM_FIELD_TYPE_UNSPECIFIED", "type_code": "98", "raw": [1]}
	]
}`

func parse(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("answer %q: %v", data, err)
	}
	return v
}

func TestGateway_spellsAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		method, target, body string
		answer               proto.Message
		want                 string
	}{
		"a resource": {
			method: "GET", target: "/v1/customers/466791", answer: sample(), want: sampleJSON,
		},
		"an empty page": {
			method: "GET", target: "/v1/customers", answer: &amogatev1.ListCustomersPageResponse{},
			want: `{"customers":[],"next_page_token":""}`,
		},
		"a created resource": {
			method: "POST", target: "/v1/customers", body: `{"name":"A"}`, answer: &amogatev1.Customer{Id: 1, Name: "A"},
			want: `{"id":"1","name":"A","tags":[],"contact_ids":[],"custom_fields":[],"catalog_elements":[],"segments":[]}`,
		},
		"a delete": {
			method: "DELETE", target: "/v1/customers/1", want: `{}`,
		},
		"a batch with an error in it": {
			method: "POST", target: "/v1/customers:batchDelete", body: `{"ids":[1,2]}`,
			answer: &amogatev1.BatchDeleteCustomersResponse{Results: []*amogatev1.CustomerResult{
				{Result: &amogatev1.CustomerResult_Customer{Customer: &amogatev1.Customer{Id: 1}}},
				{Result: &amogatev1.CustomerResult_Error{Error: &spb.Status{
					Code: 5, Message: "gone",
					Details: []*anypb.Any{anyOf(t, &errdetails.ErrorInfo{Reason: "UPSTREAM_NOT_FOUND", Domain: "amogate"})},
				}}},
			}},
			want: `{"results":[
				{"customer":{"id":"1","name":"","tags":[],"contact_ids":[],"custom_fields":[],"catalog_elements":[],"segments":[]}},
				{"error":{"code":5,"message":"gone","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo",
					"reason":"UPSTREAM_NOT_FOUND","domain":"amogate","metadata":{}}]}}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{}
			if c.answer != nil {
				f.unary = func(context.Context, proto.Message) (proto.Message, error) { return c.answer, nil }
			}
			r := do(t, newHandler(t, f, Options{}), c.method, c.target, c.body, "Accept", "text/html")
			if r.status != http.StatusOK || r.header.Get("Content-Type") != jsonType {
				t.Errorf("answer = %d %q, want 200 %q", r.status, r.header.Get("Content-Type"), jsonType)
			}
			if diff := cmp.Diff(parse(t, []byte(c.want)), parse(t, r.body)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if got := r.header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("X-Content-Type-Options = %q", got)
			}
			if got := r.header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control = %q", got)
			}
		})
	}
}

func anyOf(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serverError makes an error as the server does.
func serverError(t *testing.T, c codes.Code, reason string, details ...protoadapt.MessageV1) error {
	t.Helper()
	info := &errdetails.ErrorInfo{Reason: reason, Domain: errorDomain}
	st, err := status.New(c, "it failed").WithDetails(append([]protoadapt.MessageV1{info}, details...)...)
	if err != nil {
		t.Fatal(err)
	}
	return st.Err()
}

func TestGateway_mapsErrorsToStatuses(t *testing.T) {
	for name, c := range map[string]struct {
		err        error
		want       int
		wantStatus string
		wantReason string
		retryAfter string
	}{
		"a broken rule":            {err: serverError(t, codes.InvalidArgument, "VALIDATION"), want: 400, wantStatus: "INVALID_ARGUMENT", wantReason: "VALIDATION"},
		"a record that is not":     {err: serverError(t, codes.NotFound, "UPSTREAM_NOT_FOUND"), want: 404, wantStatus: "NOT_FOUND", wantReason: "UPSTREAM_NOT_FOUND"},
		"an account not open":      {err: serverError(t, codes.PermissionDenied, "ACCOUNT_NOT_ALLOWED"), want: 403, wantStatus: "PERMISSION_DENIED", wantReason: "ACCOUNT_NOT_ALLOWED"},
		"no account":               {err: serverError(t, codes.FailedPrecondition, "NO_ACCOUNT"), want: 424, wantStatus: "FAILED_PRECONDITION", wantReason: "NO_ACCOUNT"},
		"a conflict":               {err: serverError(t, codes.Aborted, "CONFLICT"), want: 409, wantStatus: "ABORTED", wantReason: "CONFLICT"},
		"a write of unknown fate":  {err: serverError(t, codes.Unknown, "WRITE_OUTCOME_UNKNOWN"), want: 409, wantStatus: "UNKNOWN", wantReason: "WRITE_OUTCOME_UNKNOWN"},
		"a write without answer":   {err: serverError(t, codes.Unknown, "WRITE_APPLIED_RESPONSE_LOST"), want: 409, wantStatus: "UNKNOWN", wantReason: "WRITE_APPLIED_RESPONSE_LOST"},
		"a message too large":      {err: serverError(t, codes.ResourceExhausted, "MESSAGE_TOO_LARGE"), want: 413, wantStatus: "RESOURCE_EXHAUSTED", wantReason: "MESSAGE_TOO_LARGE"},
		"a method unsupported":     {err: serverError(t, codes.Unimplemented, "UNSUPPORTED_BY_API_GENERATION"), want: 501, wantStatus: "UNIMPLEMENTED", wantReason: "UNSUPPORTED_BY_API_GENERATION"},
		"a deadline":               {err: serverError(t, codes.DeadlineExceeded, "DEADLINE_EXCEEDED"), want: 504, wantStatus: "DEADLINE_EXCEEDED", wantReason: "DEADLINE_EXCEEDED"},
		"a panic":                  {err: serverError(t, codes.Internal, "PANIC"), want: 500, wantStatus: "INTERNAL", wantReason: "PANIC"},
		"upstream away":            {err: serverError(t, codes.Unavailable, "UPSTREAM_UNAVAILABLE"), want: 503, wantStatus: "UNAVAILABLE", wantReason: "UPSTREAM_UNAVAILABLE"},
		"a wait of a whole second": {err: serverError(t, codes.ResourceExhausted, "ACCOUNT_QUEUE_FULL", &errdetails.RetryInfo{RetryDelay: durationpb.New(2 * time.Second)}), want: 429, wantStatus: "RESOURCE_EXHAUSTED", wantReason: "ACCOUNT_QUEUE_FULL", retryAfter: "2"},
		"a wait of a part":         {err: serverError(t, codes.ResourceExhausted, "UPSTREAM_RATE_LIMITED", &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Millisecond)}), want: 429, wantStatus: "RESOURCE_EXHAUSTED", wantReason: "UPSTREAM_RATE_LIMITED", retryAfter: "1"},
		"no wait":                  {err: serverError(t, codes.Unavailable, "UPSTREAM_TLS", &errdetails.RetryInfo{RetryDelay: durationpb.New(-1)}), want: 503, wantStatus: "UNAVAILABLE", wantReason: "UPSTREAM_TLS"},

		"a refusal without reason":     {err: status.Error(codes.InvalidArgument, "bad"), want: 400, wantStatus: "INVALID_ARGUMENT", wantReason: "VALIDATION"},
		"the size limit of gRPC":       {err: status.Error(codes.ResourceExhausted, "larger than max"), want: 413, wantStatus: "RESOURCE_EXHAUSTED", wantReason: "MESSAGE_TOO_LARGE"},
		"a method the server lacks":    {err: status.Error(codes.Unimplemented, "x"), want: 501, wantStatus: "UNIMPLEMENTED", wantReason: "METHOD_NOT_FOUND"},
		"a server that goes":           {err: status.Error(codes.Unavailable, "dial"), want: 503, wantStatus: "UNAVAILABLE", wantReason: "SERVER_DRAINING"},
		"a deadline without reason":    {err: status.Error(codes.DeadlineExceeded, "x"), want: 504, wantStatus: "DEADLINE_EXCEEDED", wantReason: "DEADLINE_EXCEEDED"},
		"a caller who went":            {err: status.Error(codes.Canceled, "x"), want: 499, wantStatus: "CANCELLED", wantReason: "CANCELLED"},
		"anything else":                {err: errors.New("secret"), want: 500, wantStatus: "INTERNAL", wantReason: "BUG"},
		"a reason of somebody else":    {err: foreignError(t), want: 500, wantStatus: "INTERNAL", wantReason: "BUG"},
		"a code that nobody has heard": {err: status.Error(codes.Code(77), "x"), want: 500, wantStatus: "INTERNAL", wantReason: "BUG"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{unary: func(context.Context, proto.Message) (proto.Message, error) { return nil, c.err }}
			r := do(t, newHandler(t, f, Options{}), "GET", "/v1/customers/1", "")
			got := r.failure(t)
			if r.status != c.want || got.Status != c.wantStatus || got.Reason != c.wantReason {
				t.Errorf("answer = %d %s %s, want %d %s %s", r.status, got.Status, got.Reason, c.want, c.wantStatus, c.wantReason)
			}
			if after := r.header.Get("Retry-After"); after != c.retryAfter {
				t.Errorf("Retry-After = %q, want %q", after, c.retryAfter)
			}
			if len(got.Details) == 0 || got.Details[0]["reason"] != c.wantReason || got.Details[0]["domain"] != errorDomain {
				t.Errorf("details = %v, want the ErrorInfo of %s first", got.Details, c.wantReason)
			}
			if strings.Contains(string(r.body), "secret") {
				t.Errorf("answer shows an inner error: %s", r.body)
			}
		})
	}
}

func foreignError(t *testing.T) error {
	t.Helper()
	st, err := status.New(codes.Unknown, "x").WithDetails(&errdetails.ErrorInfo{Reason: "WRITE_OUTCOME_UNKNOWN", Domain: "elsewhere.test"})
	if err != nil {
		t.Fatal(err)
	}
	return st.Err()
}

func TestGateway_showsAnErrorWhole(t *testing.T) {
	f := &fakeServer{unary: func(context.Context, proto.Message) (proto.Message, error) {
		return nil, serverError(t, codes.InvalidArgument, "VALIDATION",
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "customer.name", Description: "is empty"}}},
			&errdetails.RequestInfo{RequestId: "r1"})
	}}
	r := do(t, newHandler(t, f, Options{}), "POST", "/v1/customers", `{}`)
	want := `{"error":{"code":3,"status":"INVALID_ARGUMENT","message":"it failed","reason":"VALIDATION","details":[
		{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"VALIDATION","domain":"amogate","metadata":{}},
		{"@type":"type.googleapis.com/google.rpc.BadRequest","field_violations":[{"field":"customer.name","description":"is empty","reason":""}]},
		{"@type":"type.googleapis.com/google.rpc.RequestInfo","request_id":"r1","serving_data":""}]}}`
	if diff := cmp.Diff(parse(t, []byte(want)), parse(t, r.body)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestErrorJSON_leavesOutDetailsThatItCannotSpell(t *testing.T) {
	st := status.FromProto(&spb.Status{Code: 14, Message: "m", Details: []*anypb.Any{
		{TypeUrl: "type.googleapis.com/nobody.knows.This", Value: []byte{1}},
		anyOf(t, &errdetails.ErrorInfo{Reason: "UPSTREAM_DNS", Domain: errorDomain}),
	}})
	got := parseFailure(t, errorJSON(st))
	if got.Reason != "UPSTREAM_DNS" || len(got.Details) != 1 {
		t.Errorf("error = %+v, want reason UPSTREAM_DNS and one detail", got)
	}
}

func TestGateway_answersWhatHasNoRoute(t *testing.T) {
	for name, c := range map[string]struct {
		method, target string
		want           int
		reason         string
		allow          string
	}{
		"an unknown path":             {"GET", "/v1/custmers", 404, "ROUTE_NOT_FOUND", ""},
		"the root":                    {"GET", "/", 404, "ROUTE_NOT_FOUND", ""},
		"an unknown custom verb":      {"POST", "/v1/customers:merge", 404, "ROUTE_NOT_FOUND", ""},
		"options of an unknown path":  {"OPTIONS", "/v2/customers", 404, "ROUTE_NOT_FOUND", ""},
		"a wrong verb":                {"PUT", "/v1/customers", 405, "METHOD_NOT_FOUND", "GET, POST, OPTIONS"},
		"a wrong verb on one":         {"POST", "/v1/customers/5", 405, "METHOD_NOT_FOUND", "DELETE, GET, PATCH, OPTIONS"},
		"a read of a batch":           {"GET", "/v1/customers:batchCreate", 405, "METHOD_NOT_FOUND", "POST, OPTIONS"},
		"head, which would cost":      {"HEAD", "/v1/customers:stream", 405, "METHOD_NOT_FOUND", "GET, OPTIONS"},
		"a wrong verb on own paths":   {"POST", "/healthz", 405, "METHOD_NOT_FOUND", "GET, HEAD, OPTIONS"},
		"a form that stands for GET":  {"POST", "/v1/customers:stream", 405, "METHOD_NOT_FOUND", "GET, OPTIONS"},
		"a path that starts with all": {"OPTIONS", "*", 404, "ROUTE_NOT_FOUND", ""},
		"a path without a slash":      {"GET", "*", 400, "VALIDATION", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{}
			req := httptest.NewRequestWithContext(t.Context(), c.method, "/", nil)
			req.URL.Path = c.target
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("X-HTTP-Method-Override", "DELETE")
			rec := httptest.NewRecorder()
			newHandler(t, f, Options{}).ServeHTTP(rec, req)
			got := parseFailure(t, rec.Body.Bytes())
			if rec.Code != c.want || got.Reason != c.reason {
				t.Errorf("answer = %d %s, want %d %s", rec.Code, got.Reason, c.want, c.reason)
			}
			if allow := rec.Header().Get("Allow"); allow != c.allow {
				t.Errorf("Allow = %q, want %q", allow, c.allow)
			}
			if req, _ := f.request(); req != nil {
				t.Errorf("the server was asked: %v", req)
			}
		})
	}
}

func TestGateway_tellsTheVerbsOfAPath(t *testing.T) {
	h := newHandler(t, &fakeServer{}, Options{})
	for target, want := range map[string]string{
		"/v1/customers":   "GET, POST, OPTIONS",
		"/v1/customers/3": "DELETE, GET, PATCH, OPTIONS",
		"/openapi.json":   "GET, HEAD, OPTIONS",
	} {
		r := do(t, h, "OPTIONS", target, "")
		if r.status != http.StatusNoContent || r.header.Get("Allow") != want {
			t.Errorf("OPTIONS %s = %d %q, want 204 %q", target, r.status, r.header.Get("Allow"), want)
		}
	}
}

func TestGateway_tellsItsHealth(t *testing.T) {
	ready := false
	h := newHandler(t, &fakeServer{}, Options{Ready: func() bool { return ready }})
	check := func(target string, status int, want string) {
		t.Helper()
		r := do(t, h, "GET", target, "")
		if diff := cmp.Diff(parse(t, []byte(want)), parse(t, r.body)); diff != "" || r.status != status || r.header.Get("Content-Type") != jsonType {
			t.Errorf("%s = %d %s %s, want %d %s", target, r.status, r.header.Get("Content-Type"), r.body, status, want)
		}
	}
	check("/healthz", 200, `{"status":"alive"}`)
	check("/readyz", 503, `{"status":"not_ready"}`)
	ready = true
	check("/readyz", 200, `{"status":"ready"}`)
}

func TestGateway_worksBelowAPrefix(t *testing.T) {
	f := &fakeServer{}
	srv := httptest.NewServer(http.StripPrefix("/crm/api", newHandler(t, f, Options{})))
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/crm/api/v1/customers/8", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()                                                                                          //nolint:errcheck // nothing was written to it
	if got, _ := f.request(); resp.StatusCode != http.StatusOK || got.(*amogatev1.GetCustomerRequest).GetId() != 8 { //nolint:errcheck,forcetypeassert // a panic fails the test
		t.Errorf("status = %d, request = %v", resp.StatusCode, got)
	}
}

func TestGateway_answersAPanic(t *testing.T) {
	h := newHandler(t, &fakeServer{}, Options{Ready: func() bool { panic("secret") }})
	r := do(t, h, "GET", "/readyz", "", requestIDHeader, "abc")
	got := r.failure(t)
	if r.status != http.StatusInternalServerError || got.Status != "INTERNAL" || got.Reason != "PANIC" {
		t.Errorf("answer = %d %s %s, want 500 INTERNAL PANIC", r.status, got.Status, got.Reason)
	}
	if strings.Contains(string(r.body), "secret") {
		t.Errorf("answer shows the panic: %s", r.body)
	}
	if id := r.header.Get(requestIDHeader); id != "abc" {
		t.Errorf("%s = %q, want %q", requestIDHeader, id, "abc")
	}
}

func TestGateway_leavesAbortsToNetHTTP(t *testing.T) {
	h := newHandler(t, &fakeServer{}, Options{Ready: func() bool { panic(http.ErrAbortHandler) }})
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // the very value
			t.Errorf("recovered %v, want http.ErrAbortHandler", v)
		}
	}()
	do(t, h, "GET", "/readyz", "")
}

func TestGateway_forwardsOnlyItsHeaders(t *testing.T) {
	f := &fakeServer{}
	r := do(t, newHandler(t, f, Options{}), "GET", "/v1/customers/1", "",
		"Amogate-Account", "shop", "Amogate-Max-Age", "5", requestIDHeader, "r-1",
		"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate", "a=1", "Tracestate", "b=2",
		"Authorization", "Bearer t", "Grpc-Timeout", "30S",
		"Amogate-Remote", "10.0.0.1", "Grpc-Metadata-Amogate-Remote", "10.0.0.2",
		"Grpc-Metadata-X-Internal", "1", "Grpc-Metadata-Amogate-Implicit-Mask", "1", "Amogate-Implicit-Mask", "1", "Cookie", "c", "X-Other", "o")
	if r.status != http.StatusOK {
		t.Fatalf("status = %d: %s", r.status, r.body)
	}
	_, md := f.request()
	got := md.Copy()
	for _, key := range []string{":authority", "content-type", "user-agent", "grpc-accept-encoding"} {
		delete(got, key) // gRPC's own
	}
	for _, key := range []string{"x-forwarded-for", "x-forwarded-host"} {
		delete(got, key) // the runtime's own
	}
	want := metadata.MD{
		"amogate-account": {"shop"}, "amogate-max-age": {"5"}, "amogate-request-id": {"r-1"}, "amogate-remote": {"192.0.2.1"}, "authorization": {"Bearer t"},
		"traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "tracestate": {"a=1", "b=2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestGateway_givesEveryCallAnID(t *testing.T) {
	f := &fakeServer{}
	h := newHandler(t, f, Options{})
	do(t, h, "GET", "/v1/customers/1", "")
	if _, md := f.request(); len(md.Get("amogate-request-id")) != 1 || md.Get("amogate-request-id")[0] == "" {
		t.Errorf("amogate-request-id = %q, want one", md.Get("amogate-request-id"))
	}
	r := do(t, h, "GET", "/v1/nothing", "")
	details := r.failure(t).Details
	if id := r.header.Get(requestIDHeader); id == "" || details[len(details)-1]["request_id"] != id {
		t.Errorf("id of a refused request = %q, details = %v; want it in both", id, details)
	}
}

func TestGateway_passesTheDeadlineOn(t *testing.T) {
	f := &fakeServer{unary: func(ctx context.Context, _ proto.Message) (proto.Message, error) {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}}
	r := do(t, newHandler(t, f, Options{}), "GET", "/v1/customers/1", "", "Grpc-Timeout", "5m")
	if got := r.failure(t); r.status != http.StatusGatewayTimeout || got.Reason != "DEADLINE_EXCEEDED" {
		t.Errorf("answer = %d %s, want 504 DEADLINE_EXCEEDED", r.status, got.Reason)
	}
	// A 504 would be sent again.
	r = do(t, newHandler(t, f, Options{}), "POST", "/v1/customers", `{"name":"A"}`, "Grpc-Timeout", "5m")
	if got := r.failure(t); r.status != http.StatusConflict || got.Status != "UNKNOWN" || got.Reason != "WRITE_OUTCOME_UNKNOWN" {
		t.Errorf("answer to a write = %d %s %s, want 409 UNKNOWN WRITE_OUTCOME_UNKNOWN", r.status, got.Status, got.Reason)
	}
}

func TestGateway_refusesHeadersThatCannotCross(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		want    []string
	}{
		"a line break":            {[]string{"Amogate-Account", "shop\r\nX-Admin: 1"}, []string{"amogate-account"}},
		"a control character":     {[]string{"Amogate-Account", "sh\x00op"}, []string{"amogate-account"}},
		"letters beyond ASCII":    {[]string{"Amogate-Account", "магазин"}, []string{"amogate-account"}},
		"an account given twice":  {[]string{"Amogate-Account", "a", "Amogate-Account", "b"}, []string{"amogate-account"}},
		"a tab in a request id":   {[]string{requestIDHeader, "a\tb"}, []string{"amogate-request-id"}},
		"credentials not ASCII":   {[]string{"Authorization", "Bearer ж"}, []string{"authorization"}},
		"a timeout without unit":  {[]string{"Grpc-Timeout", "30"}, []string{"grpc-timeout"}},
		"a timeout with two":      {[]string{"Grpc-Timeout", "30SS"}, []string{"grpc-timeout"}},
		"a timeout of nine":       {[]string{"Grpc-Timeout", "123456789S"}, []string{"grpc-timeout"}},
		"a negative timeout":      {[]string{"Grpc-Timeout", "-1S"}, []string{"grpc-timeout"}},
		"a timeout of no digits":  {[]string{"Grpc-Timeout", "S"}, []string{"grpc-timeout"}},
		"several bad headers":     {[]string{"Tracestate", "ж", "Traceparent", "ж"}, []string{"traceparent", "tracestate"}},
		"a bad one of tracestate": {[]string{"Tracestate", "a=1", "Tracestate", "ж"}, []string{"tracestate"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{}
			r := do(t, newHandler(t, f, Options{}), "GET", "/v1/customers/1", "", c.headers...)
			got := r.failure(t)
			if r.status != http.StatusBadRequest || got.Reason != "VALIDATION" {
				t.Errorf("answer = %d %s, want 400 VALIDATION", r.status, got.Reason)
			}
			if diff := cmp.Diff(c.want, got.fields()); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if req, _ := f.request(); req != nil {
				t.Errorf("the server was asked: %v", req)
			}
			if id := r.header.Get(requestIDHeader); !printable(id) {
				t.Errorf("%s = %q, want it printable", requestIDHeader, id)
			}
		})
	}
}

func TestGateway_answersOnlyItsHeaders(t *testing.T) {
	for name, fail := range map[string]error{"an answer": nil, "an error": serverError(t, codes.NotFound, "UPSTREAM_NOT_FOUND")} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{unary: func(ctx context.Context, _ proto.Message) (proto.Message, error) {
				err := errors.Join(
					grpc.SetHeader(ctx, metadata.Pairs("amogate-request-id", "r-9", "amogate-read-back", "failed", "amogate-wait-ms", "12", "amogate-age-ms", "34", "x-internal", "1")),
					grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "1", "grpc-retry-pushback-ms", "-1")))
				if err != nil {
					return nil, err
				}
				return nil, fail
			}}
			r := do(t, newHandler(t, f, Options{}), "GET", "/v1/customers/1", "", "TE", "trailers", requestIDHeader, "mine")
			delete(r.header, "Cache-Control")
			delete(r.header, "X-Content-Type-Options")
			want := http.Header{"Content-Type": {jsonType}, "Amogate-Request-Id": {"r-9"}, "Amogate-Read-Back": {"failed"}, "Amogate-Wait-Ms": {"12"}, "Amogate-Age-Ms": {"34"}}
			if diff := cmp.Diff(want, r.header); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}
