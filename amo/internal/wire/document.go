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

// part is a value, the name of a member, or the end of a container. The parts of a
// document are in its order: a container stands before what it holds and its end
// behind that, a name before its value. A page has a hundred of them for each row,
// so they are small.
type part struct {
	// begin is where it stands in the document.
	begin uint32
	// more is the index of the part behind a container's end; of other values and of
	// names it is twice their length in bytes, and one more where they are plain: text
	// as it stands, with only ASCII characters, none of them escaped.
	more uint32
}

// scalarPart is the part of what stands between two places and holds no other.
func scalarPart(begin, end int, plain bool) part {
	p := part{begin: uint32(begin), more: uint32(end-begin) << 1} //nolint:gosec // see parse
	if plain {
		p.more |= 1
	}
	return p
}

// isContainer says whether the part at an index is an object or an array.
func (d *Document) isContainer(at uint32) bool {
	first := d.data[d.parts[at].begin]
	return first == '{' || first == '['
}

// behind is the index behind the part at an index and all that it holds.
func (d *Document) behind(at uint32) uint32 {
	if d.isContainer(at) {
		return d.parts[at].more
	}
	return at + 1
}

// Cursor returns the cursor before the document's value.
func (d *Document) Cursor() Cursor { return Cursor{doc: d} }

// value returns the part at an index as it stands in the document.
func (d *Document) value(at uint32) jsontext.Value {
	p := d.parts[at]
	end := p.begin + p.more>>1
	if d.isContainer(at) {
		end = d.parts[p.more-1].begin + 1
	}
	return d.data[p.begin:end:end]
}

// name returns the text of the string at an index.
func (d *Document) name(at uint32) []byte {
	value := d.value(at)
	if d.parts[at].more&1 != 0 {
		return value[1 : len(value)-1]
	}
	return unquote(nil, value)
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
