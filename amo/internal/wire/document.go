package wire

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/reuse"
)

// Document is a JSON document that was read: it is known where each of its values
// begins and ends, so that a Cursor need not look for it.
type Document struct {
	data  []byte
	parts []part
}

// part is a value or the name of a member. The parts of a document are in its
// order: a container stands before what it holds, a name before its value.
type part struct {
	// begin and end are where it stands in the document.
	begin, end uint32
	// behind is the index of the part behind it and all that it holds.
	behind uint32
	// plain says of a string that it is text as it stands: it has only ASCII
	// characters, and none of them escaped.
	plain bool
}

// Cursor returns the cursor before the document's value.
func (d *Document) Cursor() Cursor { return Cursor{doc: d} }

// value returns the part at an index as it stands in the document.
func (d *Document) value(at uint32) jsontext.Value {
	p := &d.parts[at]
	return d.data[p.begin:p.end:p.end]
}

// name returns the text of the string at an index.
func (d *Document) name(at uint32) []byte {
	if p := &d.parts[at]; p.plain {
		return d.data[p.begin+1 : p.end-1]
	}
	return unquote(nil, d.value(at))
}

// maxReused is the most parts of a document whose memory is used again: twice
// those of a usual page of 500 rows.
const maxReused = 200_000

// documents are those that nobody needs any more.
var documents reuse.Stack[Document]

// newDocument returns a document with room for so many parts.
func newDocument(parts int) *Document {
	if doc := documents.Get(); doc != nil && cap(doc.parts) >= parts {
		return doc
	}
	// Pages differ a little: what is made for one is to do for the next.
	return &Document{parts: make([]part, 0, parts+parts/4)}
}

// Release gives the memory of the document to others. Its cursors must not be used
// any more; what they returned stays.
func (d *Document) Release() {
	if cap(d.parts) > maxReused {
		return
	}
	d.data, d.parts = nil, d.parts[:0]
	documents.Put(d)
}
