package notecontent

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/amogate/amogate/amo/internal/wire"
)

// params are the members of an object, which are taken out one by one. Keys are
// looked up in any case.
type params struct {
	members []param
	// set says that a value was taken.
	set bool
}

type param struct {
	name  string
	value jsontext.Value
}

// readMembers returns the members of an object; of those with one name the last
// one stays. It returns false when raw is no object.
func readMembers(raw jsontext.Value) ([]param, bool) {
	if raw.Kind() != jsontext.KindBeginObject {
		return nil, false
	}
	var all memberList
	if err := wire.Unmarshal(raw, &all); err != nil {
		return nil, false
	}
	last := make(map[string]int, len(all))
	for i, m := range all {
		last[m.name] = i
	}
	members := make([]param, 0, len(last))
	for i, m := range all {
		if last[m.name] == i {
			members = append(members, m)
		}
	}
	return members, true
}

type memberList []param

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *memberList) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		m := param{name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		m.value = value.Clone()
		*l = append(*l, m)
	}
	_, err := dec.ReadToken()
	return err
}

// find returns the position of the first member with one of the names, which are
// in lower case; -1 = none.
func (p *params) find(names ...string) int {
	for _, name := range names {
		if i := slices.IndexFunc(p.members, func(m param) bool { return strings.ToLower(m.name) == name }); i >= 0 {
			return i
		}
	}
	return -1
}

// take takes a member and decodes it. Null is nothing and is taken as well; a
// value that does not fit stays.
func take[T any](p *params, decode func(raw jsontext.Value) (T, bool), names ...string) (T, bool) {
	var zero T
	i := p.find(names...)
	if i < 0 {
		return zero, false
	}
	raw := p.members[i].value
	if raw.Kind() == jsontext.KindNull {
		p.members = slices.Delete(p.members, i, i+1)
		return zero, false
	}
	v, ok := decode(raw)
	if !ok {
		return zero, false
	}
	p.members = slices.Delete(p.members, i, i+1)
	p.set = true
	return v, true
}

// text takes a scalar as text.
func (p *params) text(names ...string) string {
	text, _ := take(p, decodeText, names...)
	return text
}

func decodeText(raw jsontext.Value) (string, bool) {
	var t wire.Text
	err := wire.Unmarshal(raw, &t)
	return t.Value, err == nil
}

// int takes a whole number from low to high.
func (p *params) int(low, high int64, names ...string) (int64, bool) {
	return take(p, func(raw jsontext.Value) (int64, bool) {
		var i wire.Int
		err := wire.Unmarshal(raw, &i)
		return i.Value, err == nil && i.Value >= low && i.Value <= high
	}, names...)
}

func (p *params) bool(names ...string) (value, ok bool) {
	return take(p, func(raw jsontext.Value) (bool, bool) {
		var b wire.Bool
		err := wire.Unmarshal(raw, &b)
		return b.Value, err == nil && b.Set
	}, names...)
}

// value takes any JSON; nil = there is none.
func (p *params) value(names ...string) *structpb.Value {
	v, _ := take(p, func(raw jsontext.Value) (*structpb.Value, bool) {
		v, err := wire.Value(raw)
		return v, err == nil
	}, names...)
	return v
}

// rest returns what was not taken; nil = nothing. Nulls tell nothing.
func (p *params) rest() (*structpb.Struct, error) {
	left := slices.DeleteFunc(p.members, func(m param) bool { return m.value.Kind() == jsontext.KindNull })
	object, _, err := newStruct(left)
	return object, err
}

// newStruct makes an object of members, and another of those whose name the
// first one has already; nil = there are none.
func newStruct(members []param) (object, doubles *structpb.Struct, err error) {
	for _, m := range members {
		v, err := wire.Value(m.value)
		if err != nil {
			return nil, nil, err
		}
		into := &object
		if _, has := object.GetFields()[m.name]; has {
			into = &doubles
		}
		if *into == nil {
			*into = &structpb.Struct{Fields: map[string]*structpb.Value{}}
		}
		(*into).Fields[m.name] = v
	}
	return object, doubles, nil
}
