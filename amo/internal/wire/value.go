package wire

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/types/known/structpb"
)

// Value returns raw JSON as a google.protobuf.Value. That type has only double
// numbers: a number that a double cannot hold exactly becomes a string of its
// digits. Of doubled names the last one wins. Bytes that are no JSON fail,
// and so do lists longer than MaxElements.
func Value(raw jsontext.Value) (*structpb.Value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(raw), options)
	return readValue(dec)
}

func readValue(dec *jsontext.Decoder) (*structpb.Value, error) {
	token, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case jsontext.KindTrue, jsontext.KindFalse:
		return structpb.NewBoolValue(token.Bool()), nil
	case jsontext.KindString:
		return structpb.NewStringValue(token.String()), nil
	case jsontext.KindNumber:
		return number(token.String()), nil
	case jsontext.KindBeginArray:
		list := &structpb.ListValue{}
		for dec.PeekKind() != jsontext.KindEndArray {
			if len(list.GetValues()) == MaxElements {
				return nil, errTooLong
			}
			v, err := readValue(dec)
			if err != nil {
				return nil, err
			}
			list.Values = append(list.Values, v)
		}
		_, err := dec.ReadToken()
		return structpb.NewListValue(list), err
	case jsontext.KindBeginObject:
		object := &structpb.Struct{Fields: map[string]*structpb.Value{}}
		for dec.PeekKind() != jsontext.KindEndObject {
			if len(object.GetFields()) == MaxElements {
				return nil, errTooLong
			}
			name, err := dec.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String()
			v, err := readValue(dec)
			if err != nil {
				return nil, err
			}
			object.Fields[key] = v
		}
		_, err := dec.ReadToken()
		return structpb.NewStructValue(object), err
	default:
		return structpb.NewNullValue(), nil
	}
}

// maxExact is where doubles begin to lose whole numbers.
const maxExact = 1 << 53

func number(text string) *structpb.Value {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f >= maxExact || f <= -maxExact {
		return structpb.NewStringValue(text)
	}
	return structpb.NewNumberValue(f)
}
