package wire

import "github.com/go-json-experiment/json/jsontext"

// Text is a string; numbers and booleans are taken as they are written. Null
// and an empty container are absence, the empty string is not. HTML entities
// stay: whether upstream escaped them or a person typed them is for the reader
// to know.
type Text struct {
	Value string
	Set   bool
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (t *Text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*t = Text{}
	kind, text, err := readScalar(dec)
	if err != nil {
		return err
	}
	if kind != jsontext.KindNull {
		*t = Text{Value: text, Set: true}
	}
	return nil
}
