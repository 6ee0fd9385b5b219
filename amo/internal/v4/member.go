package v4

import (
	"errors"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/wire"
)

var errNoObject = errors.New("an item is no object")

// member is one member of a JSON object.
type member struct {
	name  string
	value jsontext.Value
}

type memberList []member

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *memberList) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*l = nil
	return eachMember(dec, func(name string) error {
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		*l = append(*l, member{name: name, value: value.Clone()})
		return nil
	})
}

// eachMember calls read for each member of the next object; read has to take
// the member's value from dec.
func eachMember(dec *jsontext.Decoder, read func(name string) error) error {
	if dec.PeekKind() != jsontext.KindBeginObject {
		return errNoObject
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if err := read(name.String()); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// readMembers returns the members of an object in their order.
func readMembers(raw jsontext.Value) ([]member, error) {
	var l memberList
	if err := wire.Unmarshal(raw, &l); err != nil {
		return nil, err
	}
	return l, nil
}

// find returns the value of a member; of doubled names the last one wins, as
// elsewhere.
func find(members []member, name string) (jsontext.Value, bool) {
	for _, m := range slices.Backward(members) {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

// scalarText returns a scalar as text; a container is empty.
func scalarText(raw jsontext.Value) string {
	var t wire.Text
	if len(raw) == 0 {
		return ""
	}
	if err := wire.Unmarshal(raw, &t); err != nil {
		return ""
	}
	return t.Value
}

// item is an element of a list. Unlike wire.Object it has to be there: an item
// that is no object must fail the page, else a row would be missing from it.
type item[T any] struct{ value T }

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (i *item[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != jsontext.KindBeginObject {
		return errNoObject
	}
	return json.UnmarshalDecode(dec, &i.value)
}
