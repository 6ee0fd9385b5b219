package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// maxBody is the largest body in bytes that is read, as large as the messages
// that the gRPC server takes.
const maxBody = 4 << 20

// call is what the gateway knows of a request that has a route.
type call struct {
	binding   *binding
	body      []byte
	requestID string
	// idempotencyKey is the header of this name; "" = it is not given.
	idempotencyKey string
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// check refuses, before the runtime decodes it, a request that holds anything
// unknown. The runtime by itself ignores unknown query parameters, does not look
// at the query of calls that have no field left for it, and loses the path of a
// field when it reports an error.
func (g *gateway) check(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
		route, _ := runtime.HTTPPattern(r.Context())
		b := g.bindings[r.Method+" "+route.String()]
		if b == nil {
			g.write(w, r, fault(codes.Internal, amogatev1.ErrorReason_ERROR_REASON_BUG, "the route has no description"), 0)
			return
		}
		if !b.path.MatchString(r.URL.Path) {
			// The runtime takes a custom verb that the route does not have for a
			// part of the last variable.
			g.noRoute(w, r)
			return
		}
		if err := g.origins.Check(r); err != nil {
			g.refuse(w, r, violation("origin", "must be this server: requests of foreign web pages are not taken"))
			return
		}
		found := append(checkHeaders(r.Header), checkIdempotencyKey(r.Header)...)
		found = append(found, checkPath(b, params)...)
		found = append(found, checkQuery(b, r.URL.RawQuery)...)
		if len(found) > 0 {
			g.refuse(w, r, found...)
			return
		}

		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			g.write(w, r, fault(codes.ResourceExhausted, amogatev1.ErrorReason_ERROR_REASON_MESSAGE_TOO_LARGE,
				"the request is larger than 4 MiB; send it in parts"), 0)
			return
		}
		blank := isBlank(body)
		switch {
		case err != nil:
			g.refuse(w, r, violation(bodyField, "could not be read to its end"))
			return
		case b.body == "" && !blank:
			g.refuse(w, r, violation(bodyField, "must be empty for this call"))
			return
		case b.needsBody && blank:
			g.refuse(w, r, violation(bodyField, "must be a JSON object; it is empty"))
			return
		}
		if found := checkBody(b, params, body); len(found) > 0 {
			g.refuse(w, r, found...)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, &call{
			binding: b, body: body, requestID: r.Header.Get(requestIDHeader), idempotencyKey: r.Header.Get(idempotencyHeader),
		}))
		r.Body = io.NopCloser(bytes.NewReader(body))
		next(w, r, params)
	}
}

// refuse answers a request that never leaves the gateway.
func (g *gateway) refuse(w http.ResponseWriter, r *http.Request, found ...*errdetails.BadRequest_FieldViolation) {
	g.write(w, r, invalid(found), 0)
}

// checkPath finds values in the path that do not fit their field. An id that
// the request could do without must not be 0, which stands for none: the path
// of one customer would answer for all.
func checkPath(b *binding, params map[string]string) []*errdetails.BadRequest_FieldViolation {
	var found []*errdetails.BadRequest_FieldViolation
	for _, name := range b.pathFields {
		fd := b.input.Descriptor().Fields().ByName(protoreflect.Name(name))
		input := b.input.New()
		switch err := runtime.PopulateFieldFromPath(input.Interface(), name, params[name]); {
		case err != nil:
			found = append(found, violation(name, expectation(fd)))
		case input.Get(fd).Interface() == int64(0) && !hasBehavior(fd, annotations.FieldBehavior_REQUIRED):
			found = append(found, violation(name, "must be above 0"))
		}
	}
	return found
}

// checkBody finds fields of a body that holds the whole request which the path
// has too, with another value: the runtime would let the path win and say
// nothing. What cannot be decoded is found later.
func checkBody(b *binding, params map[string]string, body []byte) []*errdetails.BadRequest_FieldViolation {
	if b.body != "*" || len(b.pathFields) == 0 {
		return nil
	}
	members, err := readObject(body)
	if err != nil {
		return nil
	}
	var found []*errdetails.BadRequest_FieldViolation
	for _, m := range members {
		fd := fieldOf(b.input.Descriptor(), m.name)
		if fd == nil || string(m.value) == "null" {
			continue
		}
		name := string(fd.Name())
		if arm := b.pathArm(fd); arm != nil {
			found = append(found, violation(name, fmt.Sprintf("cannot be given beside %q, which the path has", arm.Name())))
			continue
		}
		if !slices.Contains(b.pathFields, name) {
			continue
		}
		inPath, inBody := b.input.New(), b.input.New()
		if runtime.PopulateFieldFromPath(inPath.Interface(), name, params[name]) != nil ||
			protojson.Unmarshal(writeObject([]member{m}), inBody.Interface()) != nil {
			continue
		}
		if inBody.Has(fd) && !inBody.Get(fd).Equal(inPath.Get(fd)) {
			found = append(found, violation(name, fmt.Sprintf("is not the %s of the path; leave it out", params[name])))
		}
	}
	return found
}
