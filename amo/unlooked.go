package amo

import "errors"

// unlookedError is the cause of the error of a write that may have happened, where it
// was not looked for what became of it: nobody waited any more, or upstream could not
// be asked.
type unlookedError struct{ cause error }

// Error implements error.
func (e *unlookedError) Error() string {
	if e.cause == nil {
		return "upstream was not asked what became of it"
	}
	return e.cause.Error()
}

// Unwrap returns what was the cause before.
func (e *unlookedError) Unwrap() error { return e.cause }

// unlooked returns an error that says that it was not looked for what became of a
// write.
func unlooked(e *Error) *Error {
	own := *e
	own.Err = &unlookedError{e.Err}
	return &own
}

// IsUnlooked says whether err leaves open what became of a write that was not looked
// for: a recall may find it.
func IsUnlooked(err error) bool {
	_, ok := errors.AsType[*unlookedError](err)
	return ok
}
