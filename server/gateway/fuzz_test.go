package gateway

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// routes are the bindings, once for all inputs.
func routes(tb testing.TB) bindings {
	tb.Helper()
	all, err := readBindings()
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// What checkQuery passes, the runtime reads, and every parameter has an effect.
func FuzzCheckQuery(f *testing.F) {
	for _, seed := range []string{
		"", "page_size=3", "page_size=x", "filter.ids=1&filter.ids=2", "filter.update_time.start_time=2026-01-01T00:00:00Z",
		"filter.query=%D0%B0", "filter[ids]=1", "pageSize=1", "filter=1", "filter.ids.x=1", "%zz", "a;b", "=", "filter.query=%ff",
		"filter.create_time.end_time=0001-01-01T00:00:00%2B23:59", "page_size=%2B7",
	} {
		f.Add(seed)
	}
	b := routes(f)["GET "+pattern("/v1/customers")]
	f.Fuzz(func(t *testing.T, raw string) {
		found := checkQuery(b, raw)
		for _, v := range found {
			if !utf8.ValidString(v.GetField()) || !utf8.ValidString(v.GetDescription()) || v.GetDescription() == "" {
				t.Errorf("violation %q: %q", v.GetField(), v.GetDescription())
			}
		}
		if len(found) > 0 {
			return
		}
		values, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatalf("passed a query that cannot be parsed: %v", err)
		}
		msg := &amogatev1.ListCustomersPageRequest{}
		if err := runtime.PopulateQueryParameters(msg, values, utilities.NewDoubleArray(nil)); err != nil {
			t.Fatalf("passed %q, which the runtime refuses: %v", raw, err)
		}
		if _, err := proto.Marshal(msg); err != nil {
			t.Fatalf("passed %q, which cannot be sent on: %v", raw, err)
		}
		for name := range values {
			if fd := at(msg.ProtoReflect(), name); fd == nil {
				t.Errorf("passed %q, which names nothing", name)
			}
		}
	})
}

// at finds the field of a path by its proto names alone.
func at(msg protoreflect.Message, path string) (fd protoreflect.FieldDescriptor) {
	for part := range strings.SplitSeq(path, ".") {
		if fd = msg.Descriptor().Fields().ByName(protoreflect.Name(part)); fd == nil {
			return nil
		}
		if fd.Message() != nil && !fd.IsList() {
			msg = msg.Get(fd).Message()
		}
	}
	return fd
}

// A body is either decoded or explained, and never both panics nor passes text
// that follows it.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"requests":[]}`, `{"requests":[{"id":1,"update_mask":"name","customer":{"name":null}}]}`,
		`{"requests":[{"update_mask":"a","update_mask":"b"}]}`, `{"requests":{"id":1}}`, `{"requests":[null]}`, `null`, `[]`, `{} {}`, `{"requests":`,
		`{"requests":[{"customer":{"custom_fields":[{"text":"a","number":"1"}]}}]}`, "{\"requests\":[{\"add_tags\":[\"\xff\"]}]}",
		`{"requests":[{"update_mask":null,"customer":5}],"read_back":1}`, `{"REQUESTS":[]}`, `{"":1}`,
	} {
		f.Add([]byte(seed))
	}
	all := routes(f)
	b := all["POST "+pattern("/v1/customers:batchUpdate")]
	m := newMarshaler(all)
	f.Fuzz(func(t *testing.T, body []byte) {
		msg := &amogatev1.BatchUpdateCustomersRequest{}
		if err := m.NewDecoder(bytes.NewReader(body)).Decode(msg); err != nil {
			found := diagnose(b, body)
			if len(found) == 0 {
				t.Fatal("refused without saying why")
			}
			if _, err := proto.Marshal(invalid(found).Proto()); err != nil {
				t.Errorf("the refusal cannot be sent: %v", err)
			}
			return
		}
		if _, err := proto.Marshal(msg); err != nil {
			t.Errorf("decoded a message that cannot be sent: %v", err)
		}
		if problem := syntaxProblem(body); problem != "" {
			t.Errorf("decoded although: %s", problem)
		}
	})
}
