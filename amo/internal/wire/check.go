package wire

// isDocument says whether data is one JSON document, as the options have it, that
// is nested no deeper than MaxDepth. It looks at each byte once and tells nothing
// of what is wrong.
func isDocument(data []byte) bool {
	c := checker{data: data}
	return c.value(0) && c.space() == 0
}

// checker stands before what is left to be checked.
type checker struct {
	data []byte
	at   int
}

// space passes over white space and returns the byte behind it; 0 = the end, or a
// byte that nothing begins with.
func (c *checker) space() byte {
	for c.at < len(c.data) {
		switch b := c.data[c.at]; b {
		case ' ', '\t', '\n', '\r':
			c.at++
		case 0:
			return 1
		default:
			return b
		}
	}
	return 0
}

// value passes over a value inside of depth containers, and says whether it is
// one.
func (c *checker) value(depth int) bool {
	switch c.space() {
	case '"':
		return c.text()
	case '{':
		return depth < MaxDepth && c.container('}', depth+1)
	case '[':
		return depth < MaxDepth && c.container(']', depth+1)
	case 't':
		return c.literal("true")
	case 'f':
		return c.literal("false")
	case 'n':
		return c.literal("null")
	}
	return c.number()
}

// container passes over an array, or an object where each value has a name.
func (c *checker) container(end byte, depth int) bool {
	c.at++
	if c.space() == end {
		c.at++
		return true
	}
	for {
		if end == '}' {
			if c.space() != '"' || !c.text() || c.space() != ':' {
				return false
			}
			c.at++
		}
		if !c.value(depth) {
			return false
		}
		switch c.space() {
		case ',':
			c.at++
		case end:
			c.at++
			return true
		default:
			return false
		}
	}
}

func (c *checker) literal(text string) bool {
	if rest := c.data[c.at:]; len(rest) < len(text) || string(rest[:len(text)]) != text {
		return false
	}
	c.at += len(text)
	return true
}

// number passes over -1.5e+10.
func (c *checker) number() bool {
	c.one('-', '-')
	if !c.one('0', '0') && !c.digits() {
		return false
	}
	if c.one('.', '.') && !c.digits() {
		return false
	}
	if c.one('e', 'E') {
		_ = c.one('+', '-')
		return c.digits()
	}
	return true
}

// one passes over one of two bytes, if it is there.
func (c *checker) one(a, b byte) bool {
	if c.at == len(c.data) || c.data[c.at] != a && c.data[c.at] != b {
		return false
	}
	c.at++
	return true
}

// digits passes over one digit or more.
func (c *checker) digits() bool {
	begin := c.at
	for c.at < len(c.data) && c.data[c.at]-'0' <= 9 {
		c.at++
	}
	return c.at > begin
}

// text passes over a string. Bytes that are no UTF-8 and lone surrogates are
// taken.
func (c *checker) text() bool {
	data := c.data
	for i := c.at + 1; i < len(data); {
		switch charClass[data[i]] {
		case plainChar:
			i++
		case quoteChar:
			c.at = i + 1
			return true
		case escapeChar:
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
	controlChar
)

var charClass = func() (classes [256]byte) {
	for c := range ' ' {
		classes[c] = controlChar
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
