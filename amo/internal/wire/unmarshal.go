package wire

import (
	"bytes"
	"cmp"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
)

// MaxDepth is how deep an answer may be nested. The deepest documented one has
// about ten levels; the parser recurses, so there has to be a limit.
const MaxDepth = 128

// options make a row survive one bad string: bytes that are no UTF-8 and lone
// surrogates become U+FFFD, and of doubled names the last one wins.
var options = json.JoinOptions(
	jsontext.AllowInvalidUTF8(true),
	jsontext.AllowDuplicateNames(true),
)

// Unmarshal decodes one JSON document into v. Its errors are *driver.Error:
// KindTooLarge for a document nested deeper than MaxDepth, else KindBadResponse.
func Unmarshal(data []byte, v any) error {
	if tooDeep(data) {
		return errTooDeep()
	}
	if err := json.Unmarshal(data, v, options); err != nil {
		return notUnderstood(err)
	}
	return nil
}

// Read reads one JSON document, to be taken apart by a Cursor and its scalars by
// Parse. The values are parts of data. Its errors are those of Unmarshal.
func Read(data []byte) (*Document, error) {
	if doc, ok := parse(data); ok {
		return doc, nil
	}
	// Whatever is wrong is found out the long way.
	if tooDeep(data) {
		return nil, errTooDeep()
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(data), options)
	// Not SkipValue, which looks at each token as one for the caller.
	if _, err := dec.ReadValue(); err != nil {
		return nil, notUnderstood(err)
	}
	_, err := dec.ReadToken()
	return nil, notUnderstood(cmp.Or(err, errTrailing))
}

var errTrailing = errors.New("there is more behind the document")

func notUnderstood(err error) error {
	return &driver.Error{
		Kind:    driver.KindBadResponse,
		Message: "upstream's answer cannot be understood",
		Err:     err,
	}
}

func errTooDeep() error {
	return &driver.Error{
		Kind:    driver.KindTooLarge,
		Message: "upstream's answer is nested deeper than 128 levels",
	}
}

// tooDeep counts brackets outside of strings. It does not validate.
func tooDeep(data []byte) bool {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i += stringLength(data[i:]) - 1
		case '[', '{':
			depth++
			if depth > MaxDepth {
				return true
			}
		case ']', '}':
			depth--
		}
	}
	return false
}

// stringLength is the length of the string that data begins with, its quotes
// included.
func stringLength(data []byte) int {
	for end := 1; ; end++ {
		next := bytes.IndexByte(data[min(end, len(data)):], '"')
		if next < 0 {
			return len(data)
		}
		end += next
		escapes := 0 // of backslashes on end, every other one is text itself
		for data[end-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return end + 1
		}
	}
}
