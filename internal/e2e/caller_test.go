package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/rpc/code"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// requestID is the id of every call of a case, so that errors are equal.
const requestID = "parity"

// answerHeaders are the headers of answers that cases look at.
var answerHeaders = []string{"amogate-read-back", "amogate-request-id"}

// methodOf finds a method of this API by its name.
func methodOf(t *testing.T, name string) protoreflect.MethodDescriptor {
	t.Helper()
	var found protoreflect.MethodDescriptor
	eachMethod(func(m protoreflect.MethodDescriptor) {
		if string(m.Name()) == name {
			found = m
		}
	})
	if found == nil {
		t.Fatalf("there is no method %q", name)
	}
	return found
}

// eachMethod walks the methods of all services of the API.
func eachMethod(visit func(protoreflect.MethodDescriptor)) {
	pkg := amogatev1.File_amogate_v1_customer_proto.Package()
	protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				visit(methods.Get(j))
			}
		}
		return true
	})
}

// newMessage returns an empty message of a type.
func newMessage(t *testing.T, d protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	mt, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return mt.New().Interface()
}

// isListMessage says whether m is one of a stream's messages.
func isListMessage(m proto.Message) bool {
	return m.ProtoReflect().Descriptor().Fields().ByName("resume_token") != nil
}

// isEnd says whether m is the last message of a stream.
func isEnd(m proto.Message) bool {
	r := m.ProtoReflect()
	end := r.Descriptor().Fields().ByName("end")
	return end != nil && r.Has(end)
}

// grpcCaller calls over gRPC.
type grpcCaller struct{}

func (grpcCaller) call(t *testing.T, s *stack, step parityStep) *answer {
	t.Helper()
	if step.Request == nil && step.REST != nil {
		return nil
	}
	method := methodOf(t, step.Call)
	req := newMessage(t, method.Input())
	decodeRequest(t, step.Request, req)
	pairs := []string{"amogate-request-id", requestID}
	for k, v := range step.Headers {
		pairs = append(pairs, k, v)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), pairs...)
	if step.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, step.Timeout)
		defer cancel()
	}
	target := "/" + string(method.Parent().FullName()) + "/" + string(method.Name())

	a := &answer{headers: map[string]string{}}
	var header metadata.MD
	var err error
	if !method.IsStreamingServer() {
		resp := newMessage(t, method.Output())
		if err = s.conn.Invoke(ctx, target, req, resp, grpc.Header(&header)); err == nil {
			a.messages = append(a.messages, resp)
		}
	} else {
		header, err = a.receive(ctx, t, s.conn, method, target, req)
	}
	for _, name := range answerHeaders {
		if values := header.Get(name); len(values) > 0 {
			a.headers[name] = strings.Join(values, ",")
		}
	}
	if err != nil {
		a.status = status.Convert(err).Proto()
	}
	return a
}

// receive reads a stream to its end.
func (a *answer) receive(ctx context.Context, t *testing.T, conn *grpc.ClientConn, method protoreflect.MethodDescriptor, target string, req proto.Message) (metadata.MD, error) {
	t.Helper()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, target)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(stream.SendMsg(req), stream.CloseSend()); err != nil {
		return nil, err
	}
	header, err := stream.Header()
	if err != nil {
		return nil, err
	}
	for {
		msg := newMessage(t, method.Output())
		err := stream.RecvMsg(msg)
		switch {
		case errors.Is(err, io.EOF):
			if last := lastOf(a.messages); last == nil || !isEnd(last) {
				t.Error(errNoEnd)
			}
			return header, nil
		case err != nil:
			return header, err
		}
		a.messages = append(a.messages, msg)
	}
}

// decodeRequest reads the message of a step. Masks are spelled as in REST, with
// the names of the proto files, which protojson does not take.
func decodeRequest(t *testing.T, tree map[string]any, msg proto.Message) {
	t.Helper()
	rest := maps.Clone(tree)
	mask, hasMask := rest["update_mask"].(string)
	items, hasItems := rest["requests"].([]any)
	delete(rest, "update_mask")
	if hasItems {
		delete(rest, "requests")
	}
	data, err := json.Marshal(rest)
	if err != nil {
		t.Fatal(err)
	}
	if err := protojson.Unmarshal(data, msg); err != nil {
		t.Fatalf("decode request %s: %v", data, err)
	}
	r := msg.ProtoReflect()
	if hasMask {
		paths := &fieldmaskpb.FieldMask{Paths: strings.Split(mask, ",")}
		r.Set(r.Descriptor().Fields().ByName("update_mask"), protoreflect.ValueOfMessage(paths.ProtoReflect()))
	}
	if hasItems {
		list := r.Mutable(r.Descriptor().Fields().ByName("requests")).List()
		for _, item := range items {
			object, ok := item.(map[string]any)
			if !ok {
				t.Fatalf("item %v is no object", item)
			}
			decodeRequest(t, object, list.AppendMutable().Message().Interface())
		}
	}
}

// restCaller calls over REST and holds every answer against the served
// description.
type restCaller struct{ api *openAPI }

func (c restCaller) call(t *testing.T, s *stack, step parityStep) *answer {
	t.Helper()
	method := methodOf(t, step.Call)
	via := routesOf(t, method)[step.route()]
	raw := step.REST
	if raw == nil {
		raw = via.transcode(t, step.Request)
	}
	pairs := []string{"Amogate-Request-Id", requestID}
	for k, v := range step.Headers {
		pairs = append(pairs, k, v)
	}
	if step.Timeout > 0 {
		pairs = append(pairs, "Grpc-Timeout", strconv.FormatInt(step.Timeout.Milliseconds(), 10)+"m")
	}
	r := s.do(t, raw.Method, raw.Path, raw.Body, pairs...)

	a := &answer{headers: map[string]string{}, http: r.status}
	for _, name := range answerHeaders {
		if values := r.header.Values(name); len(values) > 0 {
			a.headers[name] = strings.Join(values, ",")
		}
	}
	wantType := "application/json"
	if r.status == http.StatusOK && method.IsStreamingServer() {
		wantType = "application/x-ndjson"
	}
	if got := r.header.Get("Content-Type"); got != wantType {
		t.Errorf("%s %s: content type %q, want %q", raw.Method, raw.Path, got, wantType)
	}
	switch {
	case r.status != http.StatusOK:
		c.api.check(t, via, r.status, r.body)
		a.status = decodeFailure(t, []byte(r.body))
	case method.IsStreamingServer():
		a.decodeLines(t, c.api, via, r.body)
	default:
		c.api.check(t, via, r.status, r.body)
		a.messages = append(a.messages, decodeMessage(t, method, []byte(r.body)))
	}
	return a
}

// decodeLines reads a body of NDJSON.
func (a *answer) decodeLines(t *testing.T, api *openAPI, via route, body string) {
	t.Helper()
	if !strings.HasSuffix(body, "\n") {
		t.Errorf("the last line %q has no line feed", body[strings.LastIndexByte(body, '\n')+1:])
	}
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	for i, line := range lines {
		api.check(t, via, http.StatusOK, line)
		if strings.HasPrefix(line, `{"error"`) {
			if i != len(lines)-1 {
				t.Errorf("line %d of %d is an error, which must be the last", i+1, len(lines))
			}
			a.status = decodeFailure(t, []byte(line))
			return
		}
		a.messages = append(a.messages, decodeMessage(t, via.method, []byte(line)))
	}
	if last := lastOf(a.messages); last == nil || !isEnd(last) {
		t.Error(errNoEnd)
	}
}

func decodeMessage(t *testing.T, method protoreflect.MethodDescriptor, data []byte) proto.Message {
	t.Helper()
	msg := newMessage(t, method.Output())
	if err := protojson.Unmarshal(data, msg); err != nil {
		t.Fatalf("decode answer %s: %v", data, err)
	}
	return msg
}

// decodeFailure reads an error body, whose members must agree.
func decodeFailure(t *testing.T, data []byte) *spb.Status {
	t.Helper()
	var body struct {
		Error *struct {
			Code    int32             `json:"code"`
			Status  string            `json:"status"`
			Message string            `json:"message"`
			Reason  string            `json:"reason"`
			Details []json.RawMessage `json:"details"`
		} `json:"error"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil || body.Error == nil {
		t.Fatalf("error body %s: %v", data, err)
	}
	plain, err := json.Marshal(map[string]any{"code": body.Error.Code, "message": body.Error.Message, "details": body.Error.Details})
	if err != nil {
		t.Fatal(err)
	}
	st := &spb.Status{}
	if err := protojson.Unmarshal(plain, st); err != nil {
		t.Fatalf("error body %s: %v", data, err)
	}
	if name := code.Code(body.Error.Code).String(); name != body.Error.Status {
		t.Errorf("error body: status %q beside code %d, which is %s", body.Error.Status, body.Error.Code, name)
	}
	if reason, _ := explain(st); reason != body.Error.Reason {
		t.Errorf("error body: reason %q beside details with %q", body.Error.Reason, reason)
	}
	return st
}

// route is one way to call a method over REST.
type route struct {
	method         protoreflect.MethodDescriptor
	verb, template string
	// body is the field of the request that the body holds, "*" for all of it.
	body string
}

// routesOf returns the routes of a method; there is at least one.
func routesOf(t *testing.T, method protoreflect.MethodDescriptor) []route {
	t.Helper()
	rule, ok := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	if !ok || rule == nil {
		t.Fatalf("%s has no route", method.FullName())
	}
	var routes []route
	for _, one := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
		r := route{method: method, body: one.GetBody()}
		switch p := one.GetPattern().(type) {
		case *annotations.HttpRule_Get:
			r.verb, r.template = http.MethodGet, p.Get
		case *annotations.HttpRule_Post:
			r.verb, r.template = http.MethodPost, p.Post
		case *annotations.HttpRule_Patch:
			r.verb, r.template = http.MethodPatch, p.Patch
		case *annotations.HttpRule_Put:
			r.verb, r.template = http.MethodPut, p.Put
		case *annotations.HttpRule_Delete:
			r.verb, r.template = http.MethodDelete, p.Delete
		}
		routes = append(routes, r)
	}
	return routes
}

// transcode spells a request as the route says.
func (r route) transcode(t *testing.T, tree map[string]any) *rawRequest {
	t.Helper()
	target, body := r.template, r.body
	rest := maps.Clone(tree)
	for name, value := range tree {
		if variable := "{" + name + "}"; strings.Contains(target, variable) {
			target = strings.Replace(target, variable, url.PathEscape(text(value)), 1)
			delete(rest, name)
		}
	}
	raw := &rawRequest{Method: r.verb}
	var content any
	switch body {
	case "":
	case "*":
		content, rest = rest, nil
	default:
		content = rest[body]
		delete(rest, body)
	}
	if content != nil {
		data, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		raw.Body = string(data)
	}
	query := url.Values{}
	flatten(query, "", rest)
	raw.Path = target
	if len(query) > 0 {
		raw.Path += "?" + query.Encode()
	}
	return raw
}

// flatten turns what is left of a request into query parameters.
func flatten(query url.Values, name string, node any) {
	switch node := node.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(node)) {
			flatten(query, strings.TrimPrefix(name+"."+k, "."), node[k])
		}
	case []any:
		for _, v := range node {
			flatten(query, name, v)
		}
	case nil:
	default:
		query.Add(name, text(node))
	}
}
