package wire

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

var errContainer = errors.New("a list or an object stands where one value is expected")

// readScalar reads one value. An empty container is null: PHP writes [] and {}
// for nothing. For strings text is the unquoted string, else the literal.
func readScalar(dec *jsontext.Decoder) (kind jsontext.Kind, text string, err error) {
	token, err := dec.ReadToken()
	if err != nil {
		return 0, "", err
	}
	kind = token.Kind()
	if kind != jsontext.KindBeginObject && kind != jsontext.KindBeginArray {
		return kind, token.String(), nil
	}
	end := jsontext.KindEndObject
	if kind == jsontext.KindBeginArray {
		end = jsontext.KindEndArray
	}
	if dec.PeekKind() != end {
		return 0, "", errContainer
	}
	if _, err := dec.ReadToken(); err != nil {
		return 0, "", err
	}
	return jsontext.KindNull, "", nil
}
