package amo

import (
	"bytes"
	"cmp"
	"math/big"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// content returns a new record as it can be compared: without what the account
// fills in (currency, names of options), what is empty, and any order of lists,
// none of which upstream keeps.
func content[T proto.Message](value T) T {
	m := only(value, writable(value))
	settle(m.ProtoReflect())
	return m
}

// contentKey is equal for records of equal content.
func contentKey(content proto.Message) string { return string(encoded(content.ProtoReflect())) }

// encoded returns bytes that are equal for equal messages of one process.
func encoded(m protoreflect.Message) []byte {
	// Only a message that is too large, or a text that is no UTF-8, fails; neither
	// can be sent.
	b, _ := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(m.Interface()) //nolint:forbidigo // compared, never sent or stored
	return b
}

// settle brings m into the form that content describes.
func settle(m protoreflect.Message) {
	switch v := m.Interface().(type) {
	case *structpb.Struct, *structpb.Value:
		return // shapes that only upstream knows
	case *money.Money:
		v.CurrencyCode = ""
	case *amogatev1.Tag:
		v.Id = 0
	case *amogatev1.Choice:
		if v.GetOptionId() != 0 {
			v.Name = ""
		}
	case *amogatev1.MultitextValue:
		if v.GetKindId() != 0 {
			v.Kind = ""
		}
	case *amogatev1.CustomField:
		v.Name, v.Code, v.Type, v.TypeCode = "", "", 0, ""
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
		case f.IsList() && f.Message() != nil:
			settleList(v.List())
		case f.IsList():
			sortList(v.List(), func(a, b protoreflect.Value) int { return cmp.Compare(a.String(), b.String()) })
		case f.Message() != nil:
			settle(v.Message())
			if f.ContainingOneof() == nil && blank(f, v) {
				m.Clear(f)
			}
		case isDecimal(f):
			m.Set(f, protoreflect.ValueOfString(decimal(v.String())))
		case f.ContainingOneof() == nil || f.HasOptionalKeyword():
			if v.Equal(f.Default()) {
				m.Clear(f)
			}
		}
		return true
	})
}

// settleList settles the elements of list and removes those that say nothing.
func settleList(list protoreflect.List) {
	kept := 0
	for i := range list.Len() {
		element := list.Get(i)
		settle(element.Message())
		if !saysNothing(element.Message()) {
			list.Set(kept, element)
			kept++
		}
	}
	list.Truncate(kept)
	sortList(list, func(a, b protoreflect.Value) int {
		return bytes.Compare(encoded(a.Message()), encoded(b.Message()))
	})
}

func sortList(list protoreflect.List, compare func(a, b protoreflect.Value) int) {
	values := make([]protoreflect.Value, list.Len())
	for i := range values {
		values[i] = list.Get(i)
	}
	slices.SortFunc(values, compare)
	for i, v := range values {
		list.Set(i, v)
	}
}

// saysNothing holds for a custom field without a value and for a checkbox that is
// not ticked, which upstream does not tell from one that was never touched.
func saysNothing(m protoreflect.Message) bool {
	field, ok := m.Interface().(*amogatev1.CustomField)
	if !ok {
		return false
	}
	checkbox, isCheckbox := field.GetValue().(*amogatev1.CustomField_Checkbox)
	return field.GetValue() == nil || isCheckbox && !checkbox.Checkbox
}

// blank says whether a value is as good as none.
func blank(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
	switch {
	case f.IsList():
		for i := range v.List().Len() {
			if f.Message() == nil || !saysNothing(v.List().Get(i).Message()) {
				return false
			}
		}
		return true
	case f.IsMap():
		return v.Map().Len() == 0
	case f.Message() != nil:
		amount, ok := v.Message().Interface().(*money.Money)
		return ok && amount.GetUnits() == 0 && amount.GetNanos() == 0
	}
	return v.Equal(f.Default())
}

// isDecimal says whether a field is a text that stands for a number.
func isDecimal(f protoreflect.FieldDescriptor) bool {
	if f.Kind() != protoreflect.StringKind || f.IsList() {
		return false
	}
	switch f.ContainingMessage().FullName() {
	case "amogate.v1.CustomField":
		return f.Name() == "number"
	case "amogate.v1.Item":
		return f.Name() == "unit_price" || f.Name() == "quantity"
	case "amogate.v1.Discount":
		return true
	}
	return false
}

// decimal writes a number as upstream may write it back: "12.50" is "12.5".
func decimal(text string) string {
	// A long exponent would take long; such texts are compared as they are.
	if r, ok := new(big.Rat).SetString(text); ok && !strings.ContainsAny(text, "eE/") {
		return r.RatString()
	}
	return text
}

// shows says whether a record shows everything of content. What it holds beside
// that does not matter, but inside of lists.
func shows(row, content protoreflect.Message) bool {
	switch v := content.Interface().(type) {
	case *structpb.Struct, *structpb.Value:
		return proto.Equal(row.Interface(), v)
	case *money.Money:
		amount, ok := row.Interface().(*money.Money)
		return ok && amount.GetUnits() == v.GetUnits() && amount.GetNanos() == v.GetNanos()
	case *amogatev1.CatalogElementLink:
		element, ok := row.Interface().(*amogatev1.CatalogElementLink)
		if !ok || element.GetQuantity() != v.GetQuantity() {
			return false
		}
	}
	equal := true
	content.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		shown := row.Get(f)
		switch {
		case f.IsMap():
			equal = v.Equal(shown)
		case f.IsList():
			equal = showsList(f, shown.List(), v.List())
		case f.Message() != nil:
			equal = row.Has(f) && shows(shown.Message(), v.Message())
		case isDecimal(f):
			equal = decimal(shown.String()) == v.String()
		default:
			equal = v.Equal(shown) && (row.Has(f) || !f.HasPresence())
		}
		return equal
	})
	return equal
}

// showsList says whether a list shows everything of another and nothing else, in
// whatever order.
func showsList(f protoreflect.FieldDescriptor, list, content protoreflect.List) bool {
	var shown []protoreflect.Value
	for i := range list.Len() {
		if f.Message() == nil || !saysNothing(list.Get(i).Message()) {
			shown = append(shown, list.Get(i))
		}
	}
	if len(shown) != content.Len() {
		return false
	}
	for i := range content.Len() {
		want := content.Get(i)
		at := slices.IndexFunc(shown, func(v protoreflect.Value) bool {
			if f.Message() == nil {
				return v.Equal(want)
			}
			return shows(v.Message(), want.Message())
		})
		if at < 0 {
			return false
		}
		shown = slices.Delete(shown, at, at+1)
	}
	return true
}
