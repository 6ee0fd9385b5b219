package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/amogate/amogate/amo"
)

// URLError is the error of Open for a URL that names no store. It never holds a
// password.
type URLError struct {
	// URL is the URL without its password.
	URL string
	// Problem says what is wrong with it and how to mend it.
	Problem string
}

// Error implements error.
func (e *URLError) Error() string {
	return fmt.Sprintf("store: --store=%s: %s", e.URL, e.Problem)
}

// HeldError is the error of opening a SQLite file that another process has open.
type HeldError struct {
	// Path of the file.
	Path string
	// PID and AdminAddr are those of the holder; 0 and "" when it does not tell.
	PID       int
	AdminAddr string
}

// Error implements error.
func (e *HeldError) Error() string {
	holder := "another process"
	if e.PID != 0 {
		holder = fmt.Sprintf("process %d", e.PID)
	}
	if e.AdminAddr != "" {
		holder += " with the admin address " + e.AdminAddr
	}
	return fmt.Sprintf("store: %s is held by %s: a SQLite file has one owner; ask that one, end it, or use --store=postgres://… for several", e.Path, holder)
}

// SchemaError is the error of opening a schema that this binary does not serve.
type SchemaError struct {
	// Store is the store's URL without a password.
	Store string
	// Version is that of the schema, Oldest and Newest the range of this binary.
	// Version 0 is an empty database.
	Version, Oldest, Newest int
	// Altered is the version of a migration that was applied with another text
	// than this binary has, or left out; 0 = none.
	Altered int
}

// Error implements error. It names the command that helps.
func (e *SchemaError) Error() string {
	serves := fmt.Sprintf("this binary serves versions %d to %d", e.Oldest, e.Newest)
	switch {
	case e.Altered != 0:
		return fmt.Sprintf("store: migration %d of %s is not the one that this binary has: the database belongs to another build of amogate", e.Altered, e.Store)
	case e.Version > e.Newest:
		return fmt.Sprintf("store: the schema of %s has version %d and %s: install a newer amogate", e.Store, e.Version, serves)
	}
	return fmt.Sprintf("store: the schema of %s has version %d and %s: run `amogate migrate --store=%s`", e.Store, e.Version, serves, e.Store)
}

// Unavailable is the error of a store that does not answer.
func Unavailable(op string, err error) error {
	return &amo.Error{Kind: amo.KindStoreUnavailable, Op: op, Message: "the store does not answer", Err: err}
}

// Busy is the error of a store that does not answer in time.
func Busy(op string, err error) error {
	return &amo.Error{Kind: amo.KindStoreBusy, Op: op, Message: "the store is too busy to answer in time", Err: err}
}

// Full is the error of a store that cannot grow.
func Full(op string, err error) error {
	return &amo.Error{Kind: amo.KindStoreFull, Op: op, Message: "the disk of the store is full: nothing can be stored until there is room", Err: err}
}

// ReadOnly is the error of a store that takes no changes.
func ReadOnly(op string, err error) error {
	return &amo.Error{Kind: amo.KindStoreUnavailable, Op: op, Message: "the store is read-only: nothing can be stored until it takes changes again", Err: err}
}

// Ended is the error of a caller that did not wait for the answer. What it asked
// for may have been stored.
func Ended(ctx context.Context, op string) error {
	kind, message := amo.KindCancelled, "cancelled while the store was asked"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		kind, message = amo.KindDeadline, "the deadline passed while the store was asked"
	}
	return &amo.Error{Kind: kind, Op: op, Message: message, Err: ctx.Err()}
}

// Closed is the error of a store that was closed.
func Closed(op string) error {
	return &amo.Error{Kind: amo.KindStoreUnavailable, Op: op, Message: "the store is closed"}
}
