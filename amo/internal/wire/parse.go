package wire

import (
	"math"
	"unicode/utf8"
)

// parse takes data apart, if it is one JSON document, as the options have it, that
// is nested no deeper than MaxDepth. It looks at each byte once and tells nothing
// of what is wrong.
func parse(data []byte) (*Document, bool) {
	if len(data) > math.MaxInt32 {
		return nil, false
	}
	doc := newDocument(len(data) / bytesPerPart)
	p := parser{data: data, parts: doc.parts}
	ok := p.value(0) && p.space() == 0
	doc.data, doc.parts = data, p.parts
	if !ok {
		doc.Release()
		return nil, false
	}
	return doc, true
}

// bytesPerPart is how long a part is: rows of upstream have 9 to 11 bytes for each,
// and newDocument leaves some room.
const bytesPerPart = 10

// parser stands before what is left of a document.
type parser struct {
	data  []byte
	at    int
	parts []part
}

// space passes over white space and returns the byte behind it; 0 = the end, or a
// byte that nothing begins with.
func (p *parser) space() byte {
	for p.at < len(p.data) {
		switch b := p.data[p.at]; b {
		case ' ', '\t', '\n', '\r':
			p.at++
		case 0:
			return 1
		default:
			return b
		}
	}
	return 0
}

// value takes a value inside of depth containers, and says whether it is one.
func (p *parser) value(depth int) (ok bool) {
	first := p.space()
	if first == '"' {
		return p.text()
	}
	begin := p.at
	switch first {
	case '{', '[':
		return depth < MaxDepth && p.container(first+2, depth+1)
	case 't':
		ok = p.literal("true")
	case 'f':
		ok = p.literal("false")
	case 'n':
		ok = p.literal("null")
	default:
		ok = p.number()
	}
	p.parts = append(p.parts, scalarPart(begin, p.at, false))
	return ok
}

// container takes an array, or an object where each value has a name. In ASCII the
// bracket that ends one is two behind that which begins it.
func (p *parser) container(end byte, depth int) bool {
	at := len(p.parts)
	p.bracket()
	if !p.held(end, depth) {
		return false
	}
	p.bracket()
	p.parts[at].more = uint32(len(p.parts)) //nolint:gosec // see parse
	return true
}

// bracket takes what begins or ends a container.
func (p *parser) bracket() {
	p.parts = append(p.parts, part{begin: uint32(p.at)}) //nolint:gosec // see parse
	p.at++
}

// held takes what a container holds, up to its end.
func (p *parser) held(end byte, depth int) bool {
	if p.space() == end {
		return true
	}
	for {
		if end == '}' {
			if p.space() != '"' || !p.text() || p.space() != ':' {
				return false
			}
			p.at++
		}
		if !p.value(depth) {
			return false
		}
		switch p.space() {
		case ',':
			p.at++
		case end:
			return true
		default:
			return false
		}
	}
}

func (p *parser) literal(text string) bool {
	if rest := p.data[p.at:]; len(rest) < len(text) || string(rest[:len(text)]) != text {
		return false
	}
	p.at += len(text)
	return true
}

// number passes over -1.5e+10.
func (p *parser) number() bool {
	p.one('-', '-')
	if !p.one('0', '0') && !p.digits() {
		return false
	}
	if p.one('.', '.') && !p.digits() {
		return false
	}
	if p.one('e', 'E') {
		_ = p.one('+', '-')
		return p.digits()
	}
	return true
}

// one passes over one of two bytes, if it is there.
func (p *parser) one(a, b byte) bool {
	if p.at == len(p.data) || p.data[p.at] != a && p.data[p.at] != b {
		return false
	}
	p.at++
	return true
}

// digits passes over one digit or more.
func (p *parser) digits() bool {
	begin := p.at
	for p.at < len(p.data) && p.data[p.at]-'0' <= 9 {
		p.at++
	}
	return p.at > begin
}

// text takes a string. Bytes that are no UTF-8 and lone surrogates are taken.
func (p *parser) text() bool {
	data, plain := p.data, true
	for i := p.at + 1; i < len(data); {
		switch charClass[data[i]] {
		case plainChar:
			i++
		case quoteChar:
			p.parts = append(p.parts, scalarPart(p.at, i+1, plain))
			p.at = i + 1
			return true
		case wideChar:
			plain = false
			i++
		case escapeChar:
			plain = false
			length := escapeLength(data[i:])
			if length == 0 {
				return false
			}
			i += length
		default:
			return false
		}
	}
	return false
}

// The kinds of bytes in a string.
const (
	plainChar = iota
	quoteChar
	escapeChar
	// wideChar is a part of a character that is not ASCII.
	wideChar
	controlChar
)

var charClass = func() (classes [256]byte) {
	for c := range ' ' {
		classes[c] = controlChar
	}
	for c := utf8.RuneSelf; c < len(classes); c++ {
		classes[c] = wideChar
	}
	classes['"'], classes['\\'] = quoteChar, escapeChar
	return classes
}()

// escapeLength is the length of the escape that data begins with; 0 = it is none.
func escapeLength(data []byte) int {
	if len(data) < 2 {
		return 0
	}
	switch data[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(data) < 6 || hexDigit[data[2]]|hexDigit[data[3]]|hexDigit[data[4]]|hexDigit[data[5]] > 15 {
			return 0
		}
		return 6
	}
	return 0
}

// hexDigit holds the values of hexadecimal digits; more than 15 = it is none.
var hexDigit = func() (digits [256]byte) {
	for c := range digits {
		digits[c] = 16
	}
	for c := range 10 {
		digits['0'+c] = byte(c)
	}
	for c := range 6 {
		digits['a'+c], digits['A'+c] = byte(10+c), byte(10+c)
	}
	return digits
}()
