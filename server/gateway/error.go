package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/server/gateway/internal/jsonwriter"
)

// errorDomain is the domain of every ErrorInfo of this API.
const errorDomain = "amogate"

// errorBody is the one shape of every failure.
type errorBody struct {
	Error errorContent `json:"error"`
}

type errorContent struct {
	Code    int               `json:"code"`
	Status  string            `json:"status"`
	Message string            `json:"message"`
	Reason  string            `json:"reason"`
	Details []json.RawMessage `json:"details"`
}

// fault makes an error that is born here, in the shape of the server's.
func fault(c codes.Code, reason amogatev1.ErrorReason, message string, details ...protoadapt.MessageV1) *status.Status {
	info := &errdetails.ErrorInfo{Reason: strings.TrimPrefix(reason.String(), "ERROR_REASON_"), Domain: errorDomain}
	st, err := status.New(c, message).WithDetails(append([]protoadapt.MessageV1{info}, details...)...)
	if err != nil {
		return status.New(c, message)
	}
	return st
}

// invalid makes the error of a request that breaks rules of the API.
func invalid(found []*errdetails.BadRequest_FieldViolation) *status.Status {
	message := "invalid request"
	if len(found) > 0 {
		message = found[0].GetField() + ": " + found[0].GetDescription()
	}
	if len(found) > 1 {
		message += " (and " + strconv.Itoa(len(found)-1) + " more)"
	}
	return fault(codes.InvalidArgument, amogatev1.ErrorReason_ERROR_REASON_VALIDATION, message,
		&errdetails.BadRequest{FieldViolations: found})
}

// callError answers a call that failed, here or at the server.
func (g *gateway) callError(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	if md, ok := runtime.ServerMetadataFromContext(ctx); ok {
		for key, values := range md.HeaderMD {
			if name, ok := outgoingHeader(key); ok {
				w.Header()[name] = values
			}
		}
	}
	g.write(w, r, g.complete(ctx, err), 0)
}

// streamError gives the error that ends a stream.
func (g *gateway) streamError(ctx context.Context, err error) *status.Status {
	st := g.complete(ctx, err)
	if c := callOf(ctx); c != nil {
		st = withRequestID(st, c.requestID)
	}
	return st
}

// withRequestID adds the id of the request to an error that has none, as those
// that are born here.
func withRequestID(st *status.Status, id string) *status.Status {
	for _, detail := range st.Details() {
		if _, ok := detail.(*errdetails.RequestInfo); ok {
			return st
		}
	}
	if with, err := st.WithDetails(&errdetails.RequestInfo{RequestId: id}); err == nil {
		return with
	}
	return st
}

// routingError answers a request that no route takes.
func (g *gateway) routingError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, httpStatus int) {
	switch httpStatus {
	case http.StatusBadRequest:
		g.refuse(w, r, violation("path", "must start with a slash"))
	default:
		g.noRoute(w, r)
	}
}

// noRoute answers a request whose path has no route, or none with its verb.
func (g *gateway) noRoute(w http.ResponseWriter, r *http.Request) {
	allow := g.bindings.allow(r.URL.Path)
	if allow == "" {
		g.routeNotFound(w, r)
		return
	}
	w.Header().Set("Allow", allow)
	g.write(w, r, fault(codes.Unimplemented, amogatev1.ErrorReason_ERROR_REASON_METHOD_NOT_FOUND,
		"the path takes only "+allow), http.StatusMethodNotAllowed)
}

func (g *gateway) routeNotFound(w http.ResponseWriter, r *http.Request) {
	g.write(w, r, fault(codes.NotFound, amogatev1.ErrorReason_ERROR_REASON_ROUTE_NOT_FOUND,
		"no route has this path; /openapi.json lists them"), 0)
}

// complete turns an error into one that has a reason. Errors of the services
// have theirs; without one are those of the runtime, which could not decode the
// request, and of the transport.
func (g *gateway) complete(ctx context.Context, err error) *status.Status {
	st, ok := status.FromError(err)
	if !ok {
		st = status.FromContextError(err)
	}
	if reasonOf(st) != "" {
		return st
	}
	if bad := (*runtime.HTTPStatusError)(nil); errors.As(err, &bad) && bad.HTTPStatus == http.StatusBadRequest {
		return invalid([]*errdetails.BadRequest_FieldViolation{violation("path", "must be percent-encoded")})
	}
	switch st.Code() {
	case codes.InvalidArgument:
		if c := callOf(ctx); c != nil && !isBlank(c.body) {
			return invalid(diagnose(c.binding, c.body))
		}
		return fault(st.Code(), amogatev1.ErrorReason_ERROR_REASON_VALIDATION, st.Message())
	case codes.Canceled:
		return fault(st.Code(), amogatev1.ErrorReason_ERROR_REASON_CANCELLED, "the caller went away")
	case codes.DeadlineExceeded:
		if c := callOf(ctx); c != nil && c.binding.verb != http.MethodGet {
			// The server was not heard in time: it may have sent the write.
			return fault(codes.Unknown, amogatev1.ErrorReason_ERROR_REASON_WRITE_OUTCOME_UNKNOWN,
				"the deadline passed before the outcome of the write was known; look before you send it again")
		}
		return fault(st.Code(), amogatev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, "the deadline passed")
	case codes.ResourceExhausted:
		return fault(st.Code(), amogatev1.ErrorReason_ERROR_REASON_MESSAGE_TOO_LARGE, "the request is larger than 4 MiB; send it in parts")
	case codes.Unimplemented:
		return fault(st.Code(), amogatev1.ErrorReason_ERROR_REASON_METHOD_NOT_FOUND, "the server does not have this method")
	case codes.Unavailable:
		return fault(st.Code(), amogatev1.ErrorReason_ERROR_REASON_SERVER_DRAINING, "the server is stopping; call again")
	default:
		// Whatever it is, its text was not written for callers.
		g.log.ErrorContext(ctx, "call failed without a reason", slog.Any("error", err))
		return fault(codes.Internal, amogatev1.ErrorReason_ERROR_REASON_BUG, "internal error; the request id finds it in the log")
	}
}

// write answers with an error. httpStatus is 0 for the one of its code.
func (g *gateway) write(w http.ResponseWriter, r *http.Request, st *status.Status, httpStatus int) {
	h := w.Header()
	h.Set("Content-Type", jsonType)
	if id := r.Header.Get(requestIDHeader); printable(id) {
		if h.Get(requestIDHeader) == "" {
			h.Set(requestIDHeader, id)
		}
		st = withRequestID(st, id)
	}
	for _, detail := range st.Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok && retry.GetRetryDelay().AsDuration() > 0 {
			seconds := math.Ceil(float64(retry.GetRetryDelay().AsDuration()) / float64(time.Second))
			h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
		}
	}
	if httpStatus == 0 {
		httpStatus = statusCode(st)
	}
	w.WriteHeader(httpStatus)
	_, _ = w.Write(errorJSON(st)) //nolint:gosec // JSON, shown as such and never sniffed; nobody is left to tell of a failure
}

// statusCode is the HTTP status of an error.
func statusCode(st *status.Status) int {
	switch reasonOf(st) {
	case "WRITE_OUTCOME_UNKNOWN", "WRITE_APPLIED_RESPONSE_LOST":
		// A 5xx would be sent again by clients and proxies that mean well.
		return http.StatusConflict
	case "MESSAGE_TOO_LARGE":
		return http.StatusRequestEntityTooLarge
	}
	if st.Code() == codes.FailedPrecondition {
		return http.StatusFailedDependency
	}
	return runtime.HTTPStatusFromCode(st.Code())
}

// reasonOf is the reason of an error, empty when it has none of ours.
func reasonOf(st *status.Status) string {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == errorDomain {
			return info.GetReason()
		}
	}
	return ""
}

// errorJSON spells an error.
func errorJSON(st *status.Status) []byte {
	content := errorContent{
		Code:    int(st.Code()),
		Status:  code.Code(st.Code()).String(), //nolint:gosec // codes are 0 to 16
		Message: st.Message(),
		Reason:  reasonOf(st),
		Details: []json.RawMessage{},
	}
	for _, detail := range st.Proto().GetDetails() {
		// A detail of a type that this build does not know is left out: the rest
		// still tells what happened.
		if data, err := jsonwriter.Options.Marshal(detail); err == nil {
			content.Details = append(content.Details, data)
		}
	}
	data, err := json.Marshal(errorBody{content})
	if err != nil {
		return []byte(`{"error":{"code":13,"status":"INTERNAL","message":"the error cannot be shown","reason":"BUG","details":[]}}`)
	}
	return data
}
