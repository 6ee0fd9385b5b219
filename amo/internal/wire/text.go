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
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return t.Parse(value)
}

// Parse reads a value that a decoder has read.
func (t *Text) Parse(value jsontext.Value) error {
	*t = Text{}
	kind, text, err := scalar(value, make([]byte, 0, 256))
	if err != nil {
		return err
	}
	if kind != jsontext.KindNull {
		*t = Text{Value: string(text), Set: true}
	}
	return nil
}
