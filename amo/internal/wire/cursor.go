package wire

import (
	"iter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Cursor stands before a value of a document, and takes one value after the other.
// A copy of it is a place to come back to. The zero value stands before nothing.
type Cursor struct {
	doc *Document
	at  uint32
}

// NewCursor returns the cursor before a value that a decoder has read, of which
// nothing but its bytes is known.
func NewCursor(value jsontext.Value) Cursor {
	doc, ok := parse(value)
	if !ok {
		return Cursor{}
	}
	return doc.Cursor()
}

// isAtEnd says that there is nothing behind the cursor.
func (c *Cursor) isAtEnd() bool { return c.doc == nil || int(c.at) == len(c.doc.parts) }

// Kind is the kind of the value that the cursor stands before; the zero value =
// none.
func (c *Cursor) Kind() jsontext.Kind {
	if c.isAtEnd() {
		return jsontext.KindInvalid
	}
	return c.doc.value(c.at).Kind()
}

// Value takes a value; nil where there is none.
func (c *Cursor) Value() jsontext.Value {
	if c.isAtEnd() {
		return nil
	}
	at := c.at
	c.at = c.doc.behind(at)
	return c.doc.value(at)
}

// Members yields the names of the members of an object, each while the cursor
// stands before its value; a value that is not taken is passed over. Behind the
// last one the cursor stands behind the object. Of another value it takes nothing.
func (c *Cursor) Members() iter.Seq[[]byte] {
	return func(yield func(name []byte) bool) {
		if c.Kind() != jsontext.KindBeginObject {
			return
		}
		end := c.doc.behind(c.at) - 1
		for c.at++; c.at < end; {
			name := c.doc.name(c.at)
			c.at++
			before := c.at
			if !yield(name) {
				return
			}
			if c.at == before {
				c.Value()
			}
		}
		c.at = end + 1
	}
}

// Object says whether the cursor stands before an object. It takes the spellings
// of absence of wire.Object, and fails for everything else.
func (c *Cursor) Object() (bool, error) {
	if c.Kind() == jsontext.KindBeginObject {
		return true, nil
	}
	if !IsEmpty(c.Value()) {
		return false, errNoObject
	}
	return false, nil
}

// EachElement calls read before each element of a list, in any of the spellings
// of List; an element that is not taken is passed over.
func (c *Cursor) EachElement(read func(element *Cursor) error) error {
	switch c.Kind() {
	case jsontext.KindBeginArray:
		return c.eachOfArray(read)
	case jsontext.KindBeginObject:
		return eachOfObject(c.Value(), read)
	default:
		one := *c
		if isNoList(c.Value()) {
			return nil
		}
		return read(&one)
	}
}

func (c *Cursor) eachOfArray(read func(element *Cursor) error) error {
	end := c.doc.behind(c.at) - 1
	c.at++
	for n := 0; c.at < end; n++ {
		if n == MaxElements {
			return errTooLong
		}
		before := c.at
		if err := read(c); err != nil {
			return err
		}
		if c.at == before {
			c.Value()
		}
	}
	c.at = end + 1
	return nil
}

// eachOfObject goes the long way: few lists are spelt so.
func eachOfObject(object jsontext.Value, read func(element *Cursor) error) error {
	var list List[jsontext.Value]
	if err := json.Unmarshal(object, &list, options); err != nil {
		return err
	}
	for _, element := range list {
		c := NewCursor(element)
		if err := read(&c); err != nil {
			return err
		}
	}
	return nil
}

// IsEmpty says whether the cursor stands before nothing, in any spelling.
func (c *Cursor) IsEmpty() bool {
	if c.isAtEnd() {
		return true
	}
	switch c.Kind() {
	case jsontext.KindBeginArray, jsontext.KindBeginObject:
		return c.doc.behind(c.at) == c.at+2
	default:
		return IsEmpty(c.doc.value(c.at))
	}
}
