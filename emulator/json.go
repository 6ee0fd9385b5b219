package emulator

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonWriter writes JSON as the service does: slashes escaped, everything outside ASCII as \uXXXX, keys in the order
// they are written.
type jsonWriter struct {
	buf   []byte
	comma bool
}

func (w *jsonWriter) separate() {
	if w.comma {
		w.buf = append(w.buf, ',')
	}
	w.comma = true
}

func (w *jsonWriter) open(bracket byte) {
	w.separate()
	w.buf = append(w.buf, bracket)
	w.comma = false
}

func (w *jsonWriter) close(bracket byte) {
	w.buf = append(w.buf, bracket)
	w.comma = true
}

func (w *jsonWriter) key(name string) {
	w.separate()
	w.buf = appendJSONString(w.buf, name)
	w.buf = append(w.buf, ':')
	w.comma = false
}

func (w *jsonWriter) integer(i int64) {
	w.separate()
	w.buf = strconv.AppendInt(w.buf, i, 10)
}

func (w *jsonWriter) boolean(b bool) {
	w.separate()
	w.buf = strconv.AppendBool(w.buf, b)
}

func (w *jsonWriter) text(s string) {
	w.separate()
	w.buf = appendJSONString(w.buf, s)
}

// raw writes a literal that is JSON already.
func (w *jsonWriter) raw(s string) {
	w.separate()
	w.buf = append(w.buf, s...)
}

func (w *jsonWriter) keyInteger(name string, i int64) { w.key(name); w.integer(i) }
func (w *jsonWriter) keyText(name, s string)          { w.key(name); w.text(s) }
func (w *jsonWriter) keyBool(name string, b bool)     { w.key(name); w.boolean(b) }
func (w *jsonWriter) keyRaw(name, s string)           { w.key(name); w.raw(s) }

// self writes the _links member every resource carries.
func (w *jsonWriter) self(href, method string) {
	w.key("_links")
	w.open('{')
	w.key("self")
	w.open('{')
	w.keyText("href", href)
	w.keyText("method", method)
	w.close('}')
	w.close('}')
}

func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	u16 := func(b []byte, u uint16) []byte {
		return append(b, '\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	var units [2]uint16
	b = append(b, '"')
	for i := 0; i < len(s); {
		plain := i
		for i < len(s) && s[i] >= ' ' && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\' && s[i] != '/' {
			i++
		}
		if b = append(b, s[plain:i]...); i == len(s) {
			break
		}
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch c {
			case '"', '\\', '/':
				b = append(b, '\\', c)
			case '\b':
				b = append(b, '\\', 'b')
			case '\f':
				b = append(b, '\\', 'f')
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = u16(b, uint16(c))
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		for _, u := range utf16.AppendRune(units[:0], r) {
			b = u16(b, u)
		}
	}
	return append(b, '"')
}
