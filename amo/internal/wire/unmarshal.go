package wire

import (
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
		return &driver.Error{
			Kind:    driver.KindTooLarge,
			Message: "upstream's answer is nested deeper than 128 levels",
		}
	}
	if err := json.Unmarshal(data, v, options); err != nil {
		return &driver.Error{
			Kind:    driver.KindBadResponse,
			Message: "upstream's answer cannot be understood",
			Err:     err,
		}
	}
	return nil
}

// tooDeep counts brackets outside of strings. It does not validate.
func tooDeep(data []byte) bool {
	depth := 0
	inString := false
	for i := 0; i < len(data); i++ {
		c := data[i]
		if inString {
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
			}
			continue
		}
		switch c {
		case '"':
			inString = true
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
