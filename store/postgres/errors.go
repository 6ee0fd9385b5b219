package postgres

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/store/internal/engine"
)

// Codes of PostgreSQL's errors, of which callers see the kind only.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	queryCanceled        = "57014"
	diskFull             = "53100"
	readOnly             = "25006"
	noDatabase           = "3D000"
	noSchema             = "3F000"
	noTable              = "42P01"
	noRight              = "42501"
	classAuthorization   = "28"
)

// code returns the code of an error of the database; empty = it is none.
func code(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

// undone says that nothing has happened, so that it may be asked again.
func undone(err error) bool {
	switch code(err) {
	case serializationFailure, deadlockDetected, lockNotAvailable:
		return true
	}
	return pgconn.SafeToRetry(err)
}

// cut says that the connection ended under a statement.
func cut(err error) bool {
	class := code(err)
	if class != "" {
		return strings.HasPrefix(class, "08") || strings.HasPrefix(class, "57P")
	}
	var network net.Error
	return !errors.Is(err, context.DeadlineExceeded) && !isKnown(err) && !errors.Is(err, errExhausted) &&
		(!errors.As(err, &network) || !network.Timeout())
}

// isKnown says that this error is one for callers already.
func isKnown(err error) bool {
	var e *amo.Error
	var schema *engine.SchemaError
	return errors.As(err, &e) || errors.As(err, &schema) || errors.Is(err, custody.ErrNotFound) || errors.Is(err, account.ErrNotFound) ||
		errors.Is(err, account.ErrExists) || errors.Is(err, account.ErrStateInvalid)
}

// failure returns the error of the interfaces for one of the driver.
func failure(ctx context.Context, op string, err error) error {
	switch {
	case isKnown(err):
		return err
	case ctx.Err() != nil:
		return engine.Ended(ctx, op)
	case errors.Is(err, errExhausted):
		return engine.Busy(op, err)
	}
	refused := func(message string) error {
		return &amo.Error{Kind: amo.KindStoreUnavailable, Op: op, Message: message, Err: hide(err)}
	}
	switch code := code(err); code {
	case serializationFailure, deadlockDetected, lockNotAvailable, queryCanceled:
		return engine.Busy(op, err)
	case diskFull:
		return engine.Full(op, err)
	case readOnly:
		return engine.ReadOnly(op, err)
	case noDatabase:
		return refused("the database that --store names does not exist")
	case noSchema, noTable:
		return refused("the database has lost its schema: run `amogate migrate`")
	case noRight:
		return refused("the user that --store names lacks a right in the database")
	default:
		if strings.HasPrefix(code, classAuthorization) {
			return refused("the database does not accept the user or the password of --store")
		}
	}
	return engine.Unavailable(op, hide(err))
}

// hide drops what pgx tells about its configuration from an error.
func hide(err error) error {
	if e, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return e.Unwrap()
	}
	return err
}
