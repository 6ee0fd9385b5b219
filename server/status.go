package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// domain of every ErrorInfo.
const domain = "amogate"

// Bounds of what a status carries: it travels in an HTTP/2 trailer, in base64,
// of which some clients accept no more than 8 KiB.
const (
	maxMessageBytes   = 1024
	maxViolationBytes = 3072
)

// codeOfReason holds the status code of every reason; ROUTE_NOT_FOUND is the
// gateway's alone.
var codeOfReason = map[amogatev1.ErrorReason]codes.Code{
	amogatev1.ErrorReason_ERROR_REASON_VALIDATION:                    codes.InvalidArgument,
	amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_VALIDATION:           codes.InvalidArgument,
	amogatev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID:            codes.InvalidArgument,
	amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_REQUIRED:              codes.InvalidArgument,
	amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_ALLOWED:           codes.PermissionDenied,
	amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_FORBIDDEN:            codes.PermissionDenied,
	amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_NOT_FOUND:            codes.NotFound,
	amogatev1.ErrorReason_ERROR_REASON_ROUTE_NOT_FOUND:               codes.NotFound,
	amogatev1.ErrorReason_ERROR_REASON_NO_ACCOUNT:                    codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_REAUTH_REQUIRED:       codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_PAYMENT_REQUIRED:      codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_BLOCKED:               codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_MOVED:                 codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_CUSTOMERS_DISABLED:            codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_CUSTOMERS_NOT_IN_PLAN:         codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_CUSTOMERS_MODE:                codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_UNSUPPORTED_BY_API_GENERATION: codes.Unimplemented,
	amogatev1.ErrorReason_ERROR_REASON_METHOD_NOT_FOUND:              codes.Unimplemented,
	amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED:         codes.ResourceExhausted,
	amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_QUEUE_FULL:            codes.ResourceExhausted,
	amogatev1.ErrorReason_ERROR_REASON_MESSAGE_TOO_LARGE:             codes.ResourceExhausted,
	amogatev1.ErrorReason_ERROR_REASON_CONFLICT:                      codes.Aborted,
	amogatev1.ErrorReason_ERROR_REASON_NOT_ATTEMPTED:                 codes.Aborted,
	amogatev1.ErrorReason_ERROR_REASON_PAGINATION_LOOP:               codes.Aborted,
	amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE:          codes.Unavailable,
	amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_BAD_RESPONSE:         codes.Unavailable,
	amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_DNS:                  codes.Unavailable,
	amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_TLS:                  codes.Unavailable,
	amogatev1.ErrorReason_ERROR_REASON_SERVER_DRAINING:               codes.Unavailable,
	amogatev1.ErrorReason_ERROR_REASON_WRITE_OUTCOME_UNKNOWN:         codes.Unknown,
	amogatev1.ErrorReason_ERROR_REASON_WRITE_APPLIED_RESPONSE_LOST:   codes.Unknown,
	amogatev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED:             codes.DeadlineExceeded,
	amogatev1.ErrorReason_ERROR_REASON_STREAM_STALLED:                codes.DeadlineExceeded,
	amogatev1.ErrorReason_ERROR_REASON_CANCELLED:                     codes.Canceled,
	amogatev1.ErrorReason_ERROR_REASON_BUG:                           codes.Internal,
	amogatev1.ErrorReason_ERROR_REASON_PANIC:                         codes.Internal,
	amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_RESPONSE_TOO_LARGE:   codes.Internal,
	amogatev1.ErrorReason_ERROR_REASON_TOKEN_LOST:                    codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_EGRESS_BLOCKED:                codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_HOST_GONE:             codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_INTEGRATION_MISCONFIGURED:     codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_CREDENTIAL_UNDECRYPTABLE:      codes.FailedPrecondition,
	amogatev1.ErrorReason_ERROR_REASON_STORE_UNAVAILABLE:             codes.Unavailable,
	amogatev1.ErrorReason_ERROR_REASON_STORE_BUSY:                    codes.Unavailable,
	amogatev1.ErrorReason_ERROR_REASON_STORE_FULL:                    codes.ResourceExhausted,
	amogatev1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED:             codes.InvalidArgument,
	amogatev1.ErrorReason_ERROR_REASON_REQUEST_IN_PROGRESS:           codes.Aborted,
}

// reasonOfKind holds the reason of every kind of error of package amo.
var reasonOfKind = [amo.KindCount]amogatev1.ErrorReason{
	amo.KindBug:                amogatev1.ErrorReason_ERROR_REASON_BUG,
	amo.KindInvalid:            amogatev1.ErrorReason_ERROR_REASON_VALIDATION,
	amo.KindUpstreamInvalid:    amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_VALIDATION,
	amo.KindUnsupported:        amogatev1.ErrorReason_ERROR_REASON_UNSUPPORTED_BY_API_GENERATION,
	amo.KindInexpressible:      amogatev1.ErrorReason_ERROR_REASON_UNSUPPORTED_BY_API_GENERATION,
	amo.KindNotFound:           amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_NOT_FOUND,
	amo.KindForbidden:          amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_FORBIDDEN,
	amo.KindReauth:             amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_REAUTH_REQUIRED,
	amo.KindPaymentRequired:    amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_PAYMENT_REQUIRED,
	amo.KindBlocked:            amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_BLOCKED,
	amo.KindMoved:              amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_MOVED,
	amo.KindCustomersDisabled:  amogatev1.ErrorReason_ERROR_REASON_CUSTOMERS_DISABLED,
	amo.KindCustomersNotInPlan: amogatev1.ErrorReason_ERROR_REASON_CUSTOMERS_NOT_IN_PLAN,
	amo.KindCustomersMode:      amogatev1.ErrorReason_ERROR_REASON_CUSTOMERS_MODE,
	amo.KindRateLimited:        amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED,
	amo.KindQueueFull:          amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_QUEUE_FULL,
	amo.KindConflict:           amogatev1.ErrorReason_ERROR_REASON_CONFLICT,
	amo.KindNotAttempted:       amogatev1.ErrorReason_ERROR_REASON_NOT_ATTEMPTED,
	amo.KindLoop:               amogatev1.ErrorReason_ERROR_REASON_PAGINATION_LOOP,
	amo.KindUnavailable:        amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE,
	amo.KindBadResponse:        amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_BAD_RESPONSE,
	amo.KindDNS:                amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_DNS,
	amo.KindTLS:                amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_TLS,
	amo.KindTooLarge:           amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_RESPONSE_TOO_LARGE,
	amo.KindOutcomeUnknown:     amogatev1.ErrorReason_ERROR_REASON_WRITE_OUTCOME_UNKNOWN,
	amo.KindResponseLost:       amogatev1.ErrorReason_ERROR_REASON_WRITE_APPLIED_RESPONSE_LOST,
	amo.KindDeadline:           amogatev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
	amo.KindCancelled:          amogatev1.ErrorReason_ERROR_REASON_CANCELLED,
	amo.KindCursor:             amogatev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID,
	amo.KindTokenLost:          amogatev1.ErrorReason_ERROR_REASON_TOKEN_LOST,
	amo.KindEgressBlocked:      amogatev1.ErrorReason_ERROR_REASON_EGRESS_BLOCKED,
	amo.KindHostGone:           amogatev1.ErrorReason_ERROR_REASON_ACCOUNT_HOST_GONE,
	amo.KindMisconfigured:      amogatev1.ErrorReason_ERROR_REASON_INTEGRATION_MISCONFIGURED,
	amo.KindUndecryptable:      amogatev1.ErrorReason_ERROR_REASON_CREDENTIAL_UNDECRYPTABLE,
	amo.KindStoreUnavailable:   amogatev1.ErrorReason_ERROR_REASON_STORE_UNAVAILABLE,
	amo.KindStoreBusy:          amogatev1.ErrorReason_ERROR_REASON_STORE_BUSY,
	amo.KindStoreFull:          amogatev1.ErrorReason_ERROR_REASON_STORE_FULL,
}

// reasonOfCode holds the reasons of the statuses that the gRPC library itself
// makes while a call runs. Others pass as they are.
var reasonOfCode = map[codes.Code]amogatev1.ErrorReason{
	codes.Canceled:          amogatev1.ErrorReason_ERROR_REASON_CANCELLED,
	codes.DeadlineExceeded:  amogatev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
	codes.Unimplemented:     amogatev1.ErrorReason_ERROR_REASON_METHOD_NOT_FOUND,
	codes.ResourceExhausted: amogatev1.ErrorReason_ERROR_REASON_MESSAGE_TOO_LARGE,
}

// answer is what a call, or an item of a batch, tells its caller.
type answer struct {
	status *status.Status
	reason amogatev1.ErrorReason
	// final says that sending the call again is pointless though its code
	// suggests it.
	final bool
}

// answerOf turns any error into the status of the call of ctx.
func answerOf(ctx context.Context, err error) answer {
	if err == nil {
		return answer{status: status.New(codes.OK, "")}
	}
	f, retryAfter := faultOf(ctx, err)
	if f == nil {
		st, _ := status.FromError(err)
		return answer{status: st}
	}

	code, ok := codeOfReason[f.reason]
	if f.aboutValue {
		code = codes.InvalidArgument
	}
	if !ok {
		f.reason, code = amogatev1.ErrorReason_ERROR_REASON_BUG, codes.Internal
	}
	if code == codes.Internal {
		// The text could tell what is none of the caller's business.
		f.message = "internal error; the request id finds its log line"
	}
	message := f.message
	if len(message) > maxMessageBytes {
		message = strings.ToValidUTF8(message[:maxMessageBytes], "") + "…"
	}
	details := []protoadapt.MessageV1{
		&errdetails.ErrorInfo{Reason: reasonName(f.reason), Domain: domain, Metadata: f.metadata},
	}
	if len(f.fields) > 0 {
		details = append(details, &errdetails.BadRequest{FieldViolations: bounded(f.fields)})
	}
	if retryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
	}
	if id := callFrom(ctx).requestID; id != "" {
		details = append(details, &errdetails.RequestInfo{RequestId: id})
	}
	st := status.New(code, message)
	if detailed, err := st.WithDetails(details...); err == nil {
		st = detailed
	}
	return answer{status: st, reason: f.reason, final: f.reason == amogatev1.ErrorReason_ERROR_REASON_UPSTREAM_TLS}
}

// Status returns an error as a status, as the services of this package answer it,
// for other services of the same process. Errors of package amo have the reason
// of their kind; a status passes as it is.
func Status(ctx context.Context, err error) error { return answerOf(ctx, err).status.Err() }

// InvalidStatus returns the status of a request with faulty fields, of which
// there is at least one.
func InvalidStatus(ctx context.Context, fields ...*errdetails.BadRequest_FieldViolation) error {
	return Status(ctx, invalid(fields...))
}

// ReasonStatus returns the status of a reason.
func ReasonStatus(ctx context.Context, reason amogatev1.ErrorReason, message string) error {
	return Status(ctx, &fault{reason: reason, message: message})
}

// faultOf returns err as a fault of its own, and how long to wait before
// another try. It is nil for a status that passes as it is.
func faultOf(ctx context.Context, err error) (*fault, time.Duration) {
	// The end of a stream's context shows as whatever the handler was at.
	draining := errors.Is(context.Cause(ctx), errDraining)

	own, isOwn := errors.AsType[*fault](err)
	upstream, isUpstream := errors.AsType[*amo.Error](err)
	var f *fault
	var retryAfter time.Duration
	switch {
	case isOwn:
		f = &fault{reason: own.reason, message: own.message, fields: own.fields, metadata: own.metadata}
		retryAfter = own.retryAfter
	case isUpstream:
		f = upstreamFault(ctx, err, upstream)
		retryAfter = upstream.RetryAfter
	case errors.Is(err, context.Canceled):
		f = &fault{reason: amogatev1.ErrorReason_ERROR_REASON_CANCELLED, message: "the call was cancelled"}
	case errors.Is(err, context.DeadlineExceeded):
		f = &fault{reason: amogatev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, message: "the deadline of the call passed"}
	default:
		st, ok := status.FromError(err)
		if !ok {
			return &fault{reason: amogatev1.ErrorReason_ERROR_REASON_BUG}, 0
		}
		reason, ok := reasonOfCode[st.Code()]
		if !ok {
			return nil, 0
		}
		f = &fault{reason: reason, message: st.Message()}
	}
	if draining && f.reason == amogatev1.ErrorReason_ERROR_REASON_CANCELLED {
		f = &fault{
			reason:  amogatev1.ErrorReason_ERROR_REASON_SERVER_DRAINING,
			message: "the server is stopping: call again; a list goes on from its last resume token",
		}
	}
	return f, retryAfter
}

// upstreamFault returns the fault of an error of package amo; err is upstream
// with the place it was given on its way.
func upstreamFault(ctx context.Context, err error, upstream *amo.Error) *fault {
	f := &fault{reason: amogatev1.ErrorReason_ERROR_REASON_BUG, message: upstream.Message}
	if upstream.Kind >= 0 && int(upstream.Kind) < len(reasonOfKind) {
		f.reason = reasonOfKind[upstream.Kind]
	}
	base := ""
	if place, ok := errors.AsType[*located](err); ok {
		base = place.path
	}
	for _, field := range upstream.Fields {
		f.fields = append(f.fields, &violation{Field: join(base, field.Path), Description: field.Description})
	}
	if f.message == "" {
		f.message = strings.ToLower(strings.ReplaceAll(reasonName(f.reason), "_", " "))
		if len(f.fields) > 0 {
			f.message = f.fields[0].GetField() + ": " + f.fields[0].GetDescription()
		}
	}

	f.metadata = map[string]string{}
	set := func(key, value string) {
		if value != "" {
			f.metadata[key] = value
		}
	}
	if upstream.Status != 0 {
		set("upstream_status", strconv.Itoa(upstream.Status))
	}
	if upstream.ID != 0 {
		set("id", strconv.FormatInt(upstream.ID, 10))
	}
	set("upstream_code", upstream.Code)
	set("location_host", upstream.Host)
	switch upstream.Kind { //nolint:exhaustive // the other kinds have no metadata of their own
	case amo.KindUnsupported, amo.KindInexpressible:
		f.aboutValue = upstream.Kind == amo.KindInexpressible
		set("operation", upstream.Op)
		if upstream.Generation != amo.Auto {
			set("generation", upstream.Generation.String())
		}
		if len(upstream.Fields) > 0 {
			set("field", upstream.Fields[0].Path)
		}
	case amo.KindCustomersMode:
		set("mode", upstream.Mode)
		set("needed", upstream.Needed)
	case amo.KindQueueFull, amo.KindTokenLost, amo.KindHostGone, amo.KindMisconfigured, amo.KindUndecryptable:
		set("account", callFrom(ctx).account)
	}
	return f
}

// bounded returns as many violations as a status can carry. The last one tells
// how many were left out.
func bounded(fields []*violation) []*violation {
	size := 0
	for i, v := range fields {
		size += len(v.GetField()) + len(v.GetDescription())
		if size > maxViolationBytes && i > 0 {
			rest := &violation{Field: v.GetField(), Description: fmt.Sprintf("and %d more violations from here on", len(fields)-i)}
			return append(fields[:i:i], rest)
		}
	}
	return fields
}

// reasonName returns a reason as it stands in ErrorInfo; empty for none.
func reasonName(reason amogatev1.ErrorReason) string {
	if reason == amogatev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return ""
	}
	return strings.TrimPrefix(reason.String(), "ERROR_REASON_")
}

// levelOf returns the level of the log line of a call that ended with code:
// errors are ours, warnings are for the operator, the rest is the caller's.
func levelOf(code codes.Code) slog.Level {
	switch code { //nolint:exhaustive // the codes that are left are the caller's business
	case codes.Internal, codes.DataLoss:
		return slog.LevelError
	case codes.Unknown, codes.Unavailable, codes.FailedPrecondition, codes.ResourceExhausted, codes.DeadlineExceeded:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
