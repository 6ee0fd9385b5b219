package drivertest_test

import (
	"errors"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
)

// itemErrors are the refusals of a reply as texts.
func itemErrors(reply driver.WriteReply) []string {
	var texts []string
	for _, e := range reply.Errors {
		texts = append(texts, e.Err.Error())
	}
	return texts
}

// failure fails the test unless err is an *Error of one of the kinds.
func failure(tb rapid.TB, err error, kinds ...driver.Kind) {
	tb.Helper()
	_ = asFailure(tb, err, kinds...)
}

// asFailure is failure with the error.
func asFailure(tb rapid.TB, err error, kinds ...driver.Kind) *driver.Error {
	tb.Helper()
	e := (*driver.Error)(nil)
	if !errors.As(err, &e) {
		tb.Fatalf("got %T %v, want an *Error of kind %v", err, err, kinds)
	}
	if !slices.Contains(kinds, e.Kind) {
		tb.Fatalf("got kind %d (%v), want one of %v", e.Kind, e, kinds)
	}
	return e
}

// names says whether the error names the field, or a part of it.
func names(e *driver.Error, field string) bool {
	return slices.ContainsFunc(e.Fields, func(f driver.FieldError) bool {
		rest, ok := strings.CutPrefix(f.Path, field)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// wantNamed fails the test unless err is of one of the kinds and names the field
// and how to mend it.
func wantNamed(tb rapid.TB, err error, field string, kinds ...driver.Kind) {
	tb.Helper()
	_ = asNamed(tb, err, field, kinds...)
}

// asNamed is wantNamed with the error.
func asNamed(tb rapid.TB, err error, field string, kinds ...driver.Kind) *driver.Error {
	tb.Helper()
	e := asFailure(tb, err, kinds...)
	if !names(e, field) {
		tb.Errorf("the error names %v, want %s", e.Fields, field)
	}
	for _, f := range e.Fields {
		if f.Description == "" {
			tb.Errorf("the error says nothing of %s", f.Path)
		}
	}
	return e
}

// single returns the only refusal of a write, whether upstream refused all of it
// or told it beside other items.
func single(tb rapid.TB, reply driver.WriteReply, err error) driver.ItemError {
	tb.Helper()
	items := reply.Errors
	if err != nil {
		e := (*driver.Error)(nil)
		if !errors.As(err, &e) {
			tb.Fatalf("got %T %v, want an *Error", err, err)
		}
		if items = e.Items; len(items) == 0 {
			return driver.ItemError{Index: -1, Err: e}
		}
	}
	if len(items) != 1 {
		tb.Fatalf("got %d refusals (%v), want one", len(items), err)
	}
	return items[0]
}
