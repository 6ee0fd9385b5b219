package server

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// errDraining is the cause of the end of a call's context while the server
// stops.
var errDraining = errors.New("server is draining")

// violation is one faulty field of a request, with its path from the request.
type violation = errdetails.BadRequest_FieldViolation

// fault is an error that the server itself finds. status.go gives it its code.
type fault struct {
	reason   amogatev1.ErrorReason
	message  string
	fields   []*violation
	metadata map[string]string
	// aboutValue says that the value is at fault, and not what it is for.
	aboutValue bool
	// retryAfter is when another try is worth it; 0 = nobody knows.
	retryAfter time.Duration
	// err is the cause; it is logged and not sent.
	err error
}

// Error implements error.
func (f *fault) Error() string {
	if f.err != nil {
		return f.message + ": " + f.err.Error()
	}
	return f.message
}

// Unwrap returns the cause.
func (f *fault) Unwrap() error { return f.err }

// invalid returns the fault of a request that breaks rules of this API. There
// is at least one violation.
func invalid(fields ...*violation) *fault {
	message := fields[0].GetField() + ": " + fields[0].GetDescription()
	if n := len(fields) - 1; n > 0 {
		message += fmt.Sprintf(" (and %d more)", n)
	}
	return &fault{
		reason:  amogatev1.ErrorReason_ERROR_REASON_VALIDATION,
		message: message,
		fields:  fields,
	}
}

// refuse returns one violation.
func refuse(field, format string, args ...any) *violation {
	return &violation{Field: field, Description: fmt.Sprintf(format, args...)}
}

// located is an error about the message at path in the request; the paths in
// err are relative to that message.
type located struct {
	path string
	err  error
}

// at tells where in the request the message is that err, which is not nil,
// speaks of.
func at(path string, err error) error {
	return &located{path: path, err: err}
}

// Error implements error.
func (l *located) Error() string { return l.err.Error() }

// Unwrap returns the error without its place.
func (l *located) Unwrap() error { return l.err }

// item returns the path of element i of a repeated field.
func item(field string, i int) string {
	return field + "[" + strconv.Itoa(i) + "]"
}

// join returns the path of a field in the message at base. A field path that
// starts with an index, or an empty one, belongs to base itself.
func join(base, path string) string {
	switch {
	case base == "":
		return path
	case path == "":
		return base
	case path[0] == '[':
		return base + path
	}
	return base + "." + path
}

// clipBytes bounds what a caller sent and an error repeats: statuses travel in
// HTTP/2 trailers, of which some clients accept no more than 8 KiB.
const clipBytes = 128

// clip shortens s for an error.
func clip(s string) string {
	if len(s) <= clipBytes {
		return s
	}
	end := clipBytes
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// below returns the violations of a message that stands at path in the request.
func below(path string, fields []*violation) []*violation {
	for _, v := range fields {
		v.Field = join(path, v.GetField())
	}
	return fields
}
