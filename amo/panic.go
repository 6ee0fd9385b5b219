package amo

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// PanicError is a panic of a goroutine that worked for a call. The panic goes on
// in the goroutine of the call, with a *PanicError for its value: only there
// can a server keep it from ending the process.
type PanicError struct {
	// Value is that of the panic.
	Value any
	// Stack is where it happened.
	Stack []byte
}

// Error implements error; it is what the runtime prints of a panic that nobody
// recovers.
func (p *PanicError) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// contain runs fn and returns its error, or its panic as a *PanicError.
func contain(fn func() error) (err error) {
	defer func() {
		switch value := recover().(type) {
		case nil:
		case *PanicError:
			err = value // of a goroutine that fn waited for
		default:
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	return fn()
}

// release lets the panic go on that contain has stopped; it returns any other
// error.
func release(err error) error {
	if p, ok := errors.AsType[*PanicError](err); ok {
		panic(p)
	}
	return err
}
