package admin

import (
	"context"
	"errors"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/amogate/amogate/account"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/server"
)

// statusOf turns any error into a status. What the public API has a reason for
// has the same one here.
func statusOf(ctx context.Context, err error) error {
	field, isField := errors.AsType[*account.FieldError](err)
	broken, isBroken := errors.AsType[*protovalidate.ValidationError](err)
	_, isOther := errors.AsType[*account.OtherAccountError](err)
	switch {
	case isField:
		return server.InvalidStatus(ctx, &errdetails.BadRequest_FieldViolation{Field: field.Field, Description: field.Message})
	case isBroken:
		var fields []*errdetails.BadRequest_FieldViolation
		for _, v := range broken.Violations {
			fields = append(fields, &errdetails.BadRequest_FieldViolation{
				Field: protovalidate.FieldPathString(v.Proto.GetField()), Description: v.Proto.GetMessage(),
			})
		}
		return server.InvalidStatus(ctx, fields...)
	case errors.Is(err, account.ErrNotFound):
		return status.Error(codes.NotFound, "there is no account of this name; `amogate account list` shows those there are")
	case errors.Is(err, account.ErrExists):
		return status.Error(codes.AlreadyExists, "there is an account of this name already; give it new credentials with --replace, or choose another name")
	case errors.Is(err, account.ErrNoIntegration):
		return server.ReasonStatus(ctx, amogatev1.ErrorReason_ERROR_REASON_INTEGRATION_MISCONFIGURED, textOf(account.ErrNoIntegration))
	case errors.Is(err, account.ErrFromFlags):
		return status.Error(codes.FailedPrecondition, textOf(account.ErrFromFlags))
	case errors.Is(err, account.ErrFixedRing):
		return status.Error(codes.FailedPrecondition, textOf(account.ErrFixedRing))
	case isOther:
		return status.Error(codes.FailedPrecondition, err.Error())
	}
	return server.Status(ctx, err)
}

// textOf returns the text of an error of package account without its prefix.
func textOf(err error) string { return strings.TrimPrefix(err.Error(), "account: ") }
