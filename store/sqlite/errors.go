package sqlite

import (
	"context"
	"errors"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/amogate/amogate/account"
	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/store/internal/engine"
)

// primary is the part of a result code of SQLite that tells its class.
const primary = 0xff

// failure returns the error of the interfaces for one of the driver.
func failure(ctx context.Context, op string, err error) error {
	var known *amo.Error
	var schema *engine.SchemaError
	switch {
	case errors.As(err, &known), errors.As(err, &schema), errors.Is(err, custody.ErrNotFound), errors.Is(err, account.ErrNotFound),
		errors.Is(err, account.ErrExists), errors.Is(err, account.ErrStateInvalid):
		return err
	case ctx.Err() != nil:
		return engine.Ended(ctx, op)
	case errors.Is(err, context.DeadlineExceeded):
		return engine.Busy(op, err)
	case errors.Is(err, syscall.ENOSPC):
		return engine.Full(op, err)
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return engine.Unavailable(op, err)
	}
	switch e.Code() & primary {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_INTERRUPT:
		return engine.Busy(op, err)
	case lib.SQLITE_FULL:
		return engine.Full(op, err)
	case lib.SQLITE_READONLY:
		return engine.ReadOnly(op, err)
	}
	return engine.Unavailable(op, err)
}
