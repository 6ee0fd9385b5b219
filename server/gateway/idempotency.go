package gateway

import (
	"fmt"
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// idempotencyHeader is another way to give the request id of a mutation. Calls
// that change nothing do not look at it.
const idempotencyHeader = "Idempotency-Key"

// requestIDField is the field of every mutation that holds it.
const requestIDField = "request_id"

// maxRequestID is the longest request id in bytes.
const maxRequestID = 128

// checkIdempotencyKey finds what is wrong with the header. One that is given and
// empty is a mistake: its caller relies on it.
func checkIdempotencyKey(h http.Header) []*errdetails.BadRequest_FieldViolation {
	values := h.Values(idempotencyHeader)
	if len(values) == 0 {
		return nil
	}
	switch key := values[0]; {
	case len(values) > 1:
		return []*errdetails.BadRequest_FieldViolation{violation(idempotencyField, "must be given once")}
	case key == "" || len(key) > maxRequestID || !visible(key):
		return []*errdetails.BadRequest_FieldViolation{violation(idempotencyField, fmt.Sprintf("must be 1 to %d visible ASCII characters", maxRequestID))}
	}
	return nil
}

// idempotencyField is how errors name the header.
const idempotencyField = "idempotency-key"

// visible says whether s is ASCII without blanks.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// setRequestID puts the header into the request of a mutation. A request that has
// another id is refused.
func setRequestID(c *call, request any) error {
	message, ok := request.(proto.Message)
	if !ok || c == nil || c.idempotencyKey == "" {
		return nil
	}
	m := message.ProtoReflect()
	field := m.Descriptor().Fields().ByName(requestIDField)
	if field == nil {
		return nil
	}
	if given := m.Get(field).String(); given != "" && given != c.idempotencyKey {
		return invalid([]*errdetails.BadRequest_FieldViolation{
			violation(requestIDField, "is not the Idempotency-Key of the header; leave one of them out"),
		}).Err()
	}
	m.Set(field, protoreflect.ValueOfString(c.idempotencyKey))
	return nil
}
