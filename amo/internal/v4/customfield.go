package v4

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

var errFieldID = errors.New("a custom field has no id")

// customField is a filled custom field of a record. It tells its type itself.
type customField struct {
	ID               wire.Int
	Name, Code, Type wire.Text
	// Values is the place of the values.
	Values wire.Cursor
}

// parse reads a field that a decoder has read.
func (w *customField) parse(c *wire.Cursor) error {
	if isObject, err := c.Object(); !isObject {
		return err
	}
	for name := range c.Members() {
		var err error
		switch string(name) {
		case "field_id":
			err = w.ID.Parse(c.Value())
		case "field_name":
			err = w.Name.ParseName(c.Value())
		case "field_code":
			err = w.Code.ParseName(c.Value())
		case "field_type":
			err = w.Type.ParseName(c.Value())
		case "values":
			w.Values = *c
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fieldValue is an element of a field's values.
type fieldValue struct {
	Value    jsontext.Value
	EnumID   wire.Int
	EnumCode wire.Text
	// Enum is the key of older answers: an id, or the code of a multitext's kind.
	Enum wire.Text
	// An element of a chained list has no value.
	CatalogID, CatalogElementID wire.Int
}

// parse reads an element that a decoder has read. A bare value is taken for one
// under `value`.
func (v *fieldValue) parse(c *wire.Cursor) error {
	if c.Kind() != jsontext.KindBeginObject {
		v.Value = c.Value()
		return nil
	}
	for name := range c.Members() {
		var err error
		switch string(name) {
		case "value":
			v.Value = c.Value()
		case "enum_id":
			err = v.EnumID.Parse(c.Value())
		case "enum_code":
			err = v.EnumCode.ParseName(c.Value())
		case "enum":
			err = v.Enum.ParseName(c.Value())
		case "catalog_id":
			err = v.CatalogID.Parse(c.Value())
		case "catalog_element_id":
			err = v.CatalogElementID.Parse(c.Value())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fieldValues reads the elements of a field's values. They hold until the next
// call.
func (r *rowReader) fieldValues(list wire.Cursor) ([]fieldValue, error) {
	r.values, r.place = r.values[:0], list
	err := r.place.EachElement(func(element *wire.Cursor) error {
		r.values = append(r.values, fieldValue{})
		return r.values[len(r.values)-1].parse(element)
	})
	return r.values, err
}

// enumID is the id of the chosen option; 0 = none.
func (v *fieldValue) enumID() int64 {
	if v.EnumID.Value > 0 {
		return v.EnumID.Value
	}
	if id, err := wire.ParseInt(v.Enum.Value); err == nil && id > 0 {
		return id
	}
	return 0
}

// enumCode is the code of the chosen option; empty = none.
func (v *fieldValue) enumCode() string {
	if v.EnumCode.Value != "" {
		return v.EnumCode.Value
	}
	if _, err := wire.ParseInt(v.Enum.Value); err != nil {
		return v.Enum.Value
	}
	return ""
}

// text takes a scalar for text.
func (v *fieldValue) text() (text string, ok bool) {
	if len(v.Value) == 0 {
		return "", false
	}
	var t wire.Text
	if err := t.Parse(v.Value); err != nil {
		return "", false
	}
	return t.Value, t.Set
}

// isNull says that there is nothing in v.
func (v *fieldValue) isNull() bool {
	hasValue := len(v.Value) > 0 && v.Value.Kind() != jsontext.KindNull
	return !hasValue && !v.EnumID.Set && !v.EnumCode.Set && !v.Enum.Set && !v.CatalogID.Set && !v.CatalogElementID.Set
}

// typePrefix stands before upstream's word in the names of the proto.
const typePrefix = "CUSTOM_FIELD_TYPE_"

// fieldTypes are the types by upstream's words for them; the proto has the same
// words.
var fieldTypes = func() map[string]amogatev1.CustomFieldType {
	types := map[string]amogatev1.CustomFieldType{}
	for name, number := range amogatev1.CustomFieldType_value {
		types[strings.ToLower(strings.TrimPrefix(name, typePrefix))] = amogatev1.CustomFieldType(number)
	}
	return types
}()

// fieldType returns the type that upstream calls word.
func fieldType(word string) amogatev1.CustomFieldType { return fieldTypes[strings.ToLower(word)] }

// customFields reads the fields of a record.
func (r *rowReader) customFields(c *wire.Cursor) ([]*amogatev1.CustomField, error) {
	r.fields = r.fields[:0]
	err := c.EachElement(func(element *wire.Cursor) error {
		field, err := r.customField(element)
		if field != nil {
			r.fields = append(r.fields, field)
		}
		return err
	})
	if len(r.fields) == 0 {
		return nil, err
	}
	return slices.Clone(r.fields), err
}

// customField returns nil for a field without values: it is not filled. A value
// that does not fit the field's type becomes raw, so that it is never lost.
func (r *rowReader) customField(element *wire.Cursor) (*amogatev1.CustomField, error) {
	var w customField
	if err := w.parse(element); err != nil {
		return nil, err
	}
	if w.ID.Value <= 0 {
		return nil, errFieldID
	}
	if w.Values.IsEmpty() {
		return nil, nil
	}
	msg := r.messages.New()
	msg.FieldId, msg.Name, msg.Code = w.ID.Value, w.Name.Value, w.Code.Value
	msg.Type, msg.TypeCode = fieldType(w.Type.Value), w.Type.Value
	if values, err := r.fieldValues(w.Values); err == nil && len(values) > 0 {
		if len(values) == 1 && values[0].isNull() {
			return nil, nil
		}
		if setValue(r.env, msg, values) {
			return msg, nil
		}
	}
	raw, err := wire.Value(w.Values.Value())
	if err != nil {
		return nil, err
	}
	msg.Value = &amogatev1.CustomField_Raw{Raw: raw}
	return msg, nil
}

// setValue sets the arm of the field's type. It returns false when the values
// do not fit the type.
func setValue(env *driver.Env, msg *amogatev1.CustomField, values []fieldValue) bool {
	switch msg.GetType() {
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_MULTISELECT:
		return setChoices(msg, values)
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_MULTITEXT:
		return setMultitext(msg, values)
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_SMART_ADDRESS:
		return setSmartAddress(msg, values)
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_LEGAL_ENTITY:
		return setLegalEntities(msg, values)
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_ITEMS:
		return setItems(msg, values)
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_CHAINED_LIST:
		return setChainedList(msg, values)
	default:
		return len(values) == 1 && setSingle(env, msg, &values[0])
	}
}

// setSingle is setValue for the types that have one value.
func setSingle(env *driver.Env, msg *amogatev1.CustomField, v *fieldValue) bool {
	switch msg.GetType() {
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_SELECT,
		amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_RADIOBUTTON,
		amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_CATEGORY:
		choice := readChoice(v)
		if choice == nil {
			return false
		}
		msg.Value = &amogatev1.CustomField_Choice{Choice: choice}
		return true
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_ORG_LEGAL_NAME,
		amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_LINKED_ENTITY,
		amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_FILE,
		amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_PAYER,
		amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_SUPPLIER:
		return setObject(msg, v.Value)
	default:
		text, ok := v.text()
		return ok && setScalar(env, msg, text)
	}
}

// setScalar sets the arm of a type whose value is one text. What is a number
// or a flag may come in quotes, and texts without.
func setScalar(env *driver.Env, msg *amogatev1.CustomField, text string) bool {
	switch msg.GetType() {
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_TEXT, amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_TRACKING_DATA:
		msg.Value = &amogatev1.CustomField_Text{Text: text}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_URL:
		msg.Value = &amogatev1.CustomField_Url{Url: text}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_TEXTAREA:
		msg.Value = &amogatev1.CustomField_TextArea{TextArea: text}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_STREETADDRESS:
		msg.Value = &amogatev1.CustomField_StreetAddress{StreetAddress: text}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_NUMERIC,
		amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_PRICE,
		amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_MONETARY:
		if !isNumber(text) {
			return false
		}
		msg.Value = &amogatev1.CustomField_Number{Number: text}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_CHECKBOX:
		ticked, ok := readCheckbox(text)
		if !ok {
			return false
		}
		msg.Value = &amogatev1.CustomField_Checkbox{Checkbox: ticked}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_DATE:
		day := readDay(location(env), text)
		if day == nil {
			return false
		}
		msg.Value = &amogatev1.CustomField_Date{Date: day}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_BIRTHDAY:
		day := readDay(location(env), text)
		if day == nil {
			return false
		}
		msg.Value = &amogatev1.CustomField_Birthday{Birthday: day}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_DATE_TIME:
		at := readInstant(location(env), text)
		if at == nil {
			return false
		}
		msg.Value = &amogatev1.CustomField_DateTime{DateTime: at}
	default:
		return false
	}
	return true
}

func readCheckbox(text string) (ticked, ok bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "1", "true", "y":
		return true, true
	case "0", "false", "n", "":
		return false, true
	}
	return false, false
}

// readChoice reads {"value":"name","enum_id":id}; nil for anything else. A
// name without an id is kept: that of an option that was deleted, for instance.
func readChoice(v *fieldValue) *amogatev1.Choice {
	name, ok := v.text()
	if !ok && len(v.Value) > 0 && v.Value.Kind() != jsontext.KindNull {
		return nil
	}
	id := v.enumID()
	if id == 0 && name == "" {
		return nil
	}
	return &amogatev1.Choice{OptionId: id, Name: name}
}

func setChoices(msg *amogatev1.CustomField, values []fieldValue) bool {
	choices := &amogatev1.Choices{}
	for i := range values {
		choice := readChoice(&values[i])
		if choice == nil {
			return false
		}
		choices.Choices = append(choices.Choices, choice)
	}
	msg.Value = &amogatev1.CustomField_Choices{Choices: choices}
	return true
}

func setMultitext(msg *amogatev1.CustomField, values []fieldValue) bool {
	multitext := &amogatev1.Multitext{}
	for i := range values {
		text, ok := values[i].text()
		if !ok {
			return false
		}
		multitext.Values = append(multitext.Values, &amogatev1.MultitextValue{
			Value:  text,
			Kind:   values[i].enumCode(),
			KindId: values[i].enumID(),
		})
	}
	msg.Value = &amogatev1.CustomField_Multitext{Multitext: multitext}
	return true
}

// addressPart is a part of a smart address.
type addressPart struct {
	id    int64
	code  string
	field func(*amogatev1.SmartAddress) *string
}

var addressParts = []addressPart{
	{1, "address_line_1", func(a *amogatev1.SmartAddress) *string { return &a.AddressLine_1 }},
	{2, "address_line_2", func(a *amogatev1.SmartAddress) *string { return &a.AddressLine_2 }},
	{3, "city", func(a *amogatev1.SmartAddress) *string { return &a.City }},
	{4, "state", func(a *amogatev1.SmartAddress) *string { return &a.State }},
	{5, "zip", func(a *amogatev1.SmartAddress) *string { return &a.Zip }},
	{6, "country", func(a *amogatev1.SmartAddress) *string { return &a.Country }},
}

// setSmartAddress returns false for a part that is unknown or comes twice.
func setSmartAddress(msg *amogatev1.CustomField, values []fieldValue) bool {
	address := &amogatev1.SmartAddress{}
	seen := map[int64]bool{}
	for i := range values {
		v := &values[i]
		text, ok := v.text()
		if !ok && len(v.Value) > 0 && v.Value.Kind() != jsontext.KindNull {
			return false
		}
		known := false
		for _, part := range addressParts {
			if code := v.enumCode(); code == part.code || code == "" && v.enumID() == part.id {
				known = !seen[part.id]
				seen[part.id] = true
				*part.field(address) = text
			}
		}
		if !known {
			return false
		}
	}
	msg.Value = &amogatev1.CustomField_SmartAddress{SmartAddress: address}
	return true
}

func setChainedList(msg *amogatev1.CustomField, values []fieldValue) bool {
	chain := &amogatev1.ChainedList{}
	for i := range values {
		v := &values[i]
		if v.CatalogID.Value <= 0 || v.CatalogElementID.Value <= 0 {
			return false
		}
		chain.Values = append(chain.Values, &amogatev1.ChainedListValue{
			CatalogId: v.CatalogID.Value,
			ElementId: v.CatalogElementID.Value,
		})
	}
	msg.Value = &amogatev1.CustomField_ChainedList{ChainedList: chain}
	return true
}
