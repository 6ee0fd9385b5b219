package wire

import (
	"iter"

	"github.com/go-json-experiment/json/jsontext"
)

// Cursor stands before a value of a document that a decoder has read, and takes
// one value after the other without looking at any twice. A copy of it is a place
// to come back to.
type Cursor struct{ rest []byte }

// NewCursor returns the cursor before a value.
func NewCursor(value jsontext.Value) Cursor { return Cursor{value} }

// Kind is the kind of the value that the cursor stands before.
func (c *Cursor) Kind() jsontext.Kind {
	for len(c.rest) > 0 && isBetween(c.rest[0]) {
		c.rest = c.rest[1:]
	}
	return jsontext.Value(c.rest).Kind()
}

// Value takes a value; nil at the end of a container.
func (c *Cursor) Value() (value jsontext.Value) {
	value, c.rest = cutValue(c.rest)
	return value
}

// Members yields the names of the members of an object, each while the cursor
// stands before its value; a value that is not taken is passed over. Behind the
// last one the cursor stands behind the object. Of another value it takes nothing.
func (c *Cursor) Members() iter.Seq[[]byte] {
	return func(yield func(name []byte) bool) {
		if c.Kind() != jsontext.KindBeginObject {
			return
		}
		for c.rest = c.rest[1:]; ; {
			name := c.Value()
			if name == nil {
				c.leave()
				return
			}
			c.Kind() // passes over the colon
			before := len(c.rest)
			if !yield(unquote(nil, name)) {
				return
			}
			if len(c.rest) == before {
				c.Value()
			}
		}
	}
}

// Object says whether the cursor stands before an object. It takes the spellings
// of absence of wire.Object, and fails for everything else.
func (c *Cursor) Object() (bool, error) {
	if c.Kind() == jsontext.KindBeginObject {
		return true, nil
	}
	_, err := AsObject(c.Value())
	return false, err
}

// EachElement calls read before each element of a list, in any of the spellings
// of List; an element that is not taken is passed over.
func (c *Cursor) EachElement(read func(element *Cursor) error) error {
	if c.Kind() != jsontext.KindBeginArray {
		return EachElement(c.Value(), func(element jsontext.Value) error {
			return read(&Cursor{element})
		})
	}
	c.rest = c.rest[1:]
	for n := 0; ; n++ {
		if kind := c.Kind(); kind == jsontext.KindEndArray || len(c.rest) == 0 {
			c.leave()
			return nil
		}
		if n == MaxElements {
			return errTooLong
		}
		before := len(c.rest)
		if err := read(c); err != nil {
			return err
		}
		if len(c.rest) == before && c.Value() == nil {
			return nil
		}
	}
}

// leave takes the end of a container.
func (c *Cursor) leave() {
	if c.Kind(); len(c.rest) > 0 {
		c.rest = c.rest[1:]
	}
}

// IsEmpty says whether the cursor stands before nothing, in any spelling.
func (c *Cursor) IsEmpty() bool {
	inner := *c
	switch c.Kind() {
	case jsontext.KindBeginArray, jsontext.KindBeginObject:
		inner.rest = c.rest[1:]
		kind := inner.Kind()
		return kind == jsontext.KindEndArray || kind == jsontext.KindEndObject
	default:
		return IsEmpty(inner.Value())
	}
}
