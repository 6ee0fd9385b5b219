package v2

import (
	"cmp"
	"html"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// customField is a filled custom field of a record. Its type stands in the
// account's catalogue; type_id came to the records later and is mostly absent.
type customField struct {
	ID                 wire.Int
	Name, Code, TypeID wire.Text
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
		case "id":
			err = w.ID.Parse(c.Value())
		case "name":
			err = w.Name.ParseName(c.Value())
		case "code":
			err = w.Code.ParseName(c.Value())
		case "type_id":
			err = w.TypeID.ParseName(c.Value())
		case "values":
			w.Values = *c
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fieldValue is an element of a field's values: an object with these keys, or a
// bare value, as multiple choices and positions of an invoice are written.
type fieldValue struct {
	Value jsontext.Value
	// Enum is an id, quoted or not; for a multitext it can be the kind's name.
	Enum, Subtype wire.Text
}

// parse reads an element that a decoder has read.
func (v *fieldValue) parse(c *wire.Cursor) error {
	element := *c
	for name := range c.Members() {
		var err error
		switch string(name) {
		case "value":
			v.Value = c.Value()
		case "enum":
			err = v.Enum.ParseName(c.Value())
		case "subtype":
			err = v.Subtype.ParseName(c.Value())
		}
		if err != nil {
			return err
		}
	}
	if len(v.Value) == 0 && !v.Enum.Set && !v.Subtype.Set {
		v.Value = element.Value()
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

// customField returns nil for a field without values: it is not filled. A
// value that does not fit the field's type becomes raw, so that it is never lost;
// an id that is not in the catalogue is added to unknown.
func (r *rowReader) customField(element *wire.Cursor) (*amogatev1.CustomField, error) {
	var w customField
	if err := w.parse(element); err != nil {
		return nil, err
	}
	if w.ID.Value <= 0 {
		return nil, errFieldID
	}
	definition, known := fields(r.env)[w.ID.Value]
	if !known {
		r.unknown = append(r.unknown, w.ID.Value)
	}
	if definition.Type == amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_UNSPECIFIED && w.TypeID.Value != "" {
		definition.Type = fieldType(w.TypeID.Value)
		definition.TypeCode = w.TypeID.Value
	}
	if w.Values.IsEmpty() {
		return nil, nil
	}
	msg := r.messages.New()
	msg.FieldId = w.ID.Value
	msg.Name = cmp.Or(w.Name.Value, definition.Name)
	msg.Code = cmp.Or(w.Code.Value, definition.Code)
	msg.Type, msg.TypeCode = definition.Type, definition.TypeCode
	if values, err := r.fieldValues(w.Values); err == nil && len(values) > 0 {
		if isNull(values) {
			return nil, nil
		}
		if setValue(msg, location(r.env), &definition, values) {
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

func fields(env *driver.Env) driver.Catalogue {
	if env == nil {
		return nil
	}
	return env.Fields[customersName]
}

// isNull says that values hold nothing but one null.
func isNull(values []fieldValue) bool {
	return len(values) == 1 && !values[0].Enum.Set && (len(values[0].Value) == 0 || values[0].Value.Kind() == jsontext.KindNull)
}

// setValue sets the arm of the field's type. It returns false when the values
// do not fit the type.
func setValue(msg *amogatev1.CustomField, zone *time.Location, f *driver.Field, values []fieldValue) bool {
	switch f.Type {
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_MULTISELECT:
		return setChoices(msg, f, values)
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_MULTITEXT:
		return setMultitext(msg, f, values)
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_SMART_ADDRESS:
		return setSmartAddress(msg, values)
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_LEGAL_ENTITY:
		return setLegalEntities(msg, values)
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_ITEMS:
		return setItems(msg, values)
	default:
		return len(values) == 1 && setSingle(msg, zone, f, values[0])
	}
}

// setSingle is setValue for the types that have one value.
func setSingle(msg *amogatev1.CustomField, zone *time.Location, f *driver.Field, v fieldValue) bool {
	switch f.Type {
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_SELECT,
		amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_RADIOBUTTON,
		amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_CATEGORY:
		choice := readChoice(f, v)
		if choice == nil {
			return false
		}
		msg.Value = &amogatev1.CustomField_Choice{Choice: choice}
		return true
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_ORG_LEGAL_NAME:
		organisation := readOrganisation(v.Value)
		if organisation == nil {
			return false
		}
		msg.Value = &amogatev1.CustomField_Organisation{Organisation: organisation}
		return true
	default:
		var text wire.Text
		if err := text.Parse(v.Value); err != nil || !text.Set {
			return false
		}
		return setScalar(msg, zone, f.Type, text.Value)
	}
}

// setScalar sets the arm of a type whose value is one text.
func setScalar(msg *amogatev1.CustomField, zone *time.Location, t amogatev1.CustomFieldType, text string) bool {
	switch t {
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
		t, ok := readWallClock(text, time.UTC)
		if !ok {
			return false
		}
		msg.Value = &amogatev1.CustomField_Date{Date: newDate(t)}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_BIRTHDAY:
		t, ok := readWallClock(text, time.UTC)
		if !ok {
			return false
		}
		msg.Value = &amogatev1.CustomField_Birthday{Birthday: newDate(t)}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_DATE_TIME:
		t, ok := readWallClock(text, zone)
		if !ok {
			return false
		}
		at := timestamppb.New(t)
		if !at.IsValid() {
			return false
		}
		msg.Value = &amogatev1.CustomField_DateTime{DateTime: at}
	default:
		return false
	}
	return true
}

// maxNumber is the most bytes of a number in the proto.
const maxNumber = 64

// isNumber says whether text has the form of CustomField.number: an exponent or
// a comma does not fit.
func isNumber(text string) bool {
	if text == "" || len(text) > maxNumber {
		return false
	}
	if text[0] == '+' || text[0] == '-' {
		text = text[1:]
	}
	digits, point := 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && !point:
			point = true
		default:
			return false
		}
	}
	return digits > 0
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

// wallClocks are the forms of dates: the one that upstream answers, then those
// that it takes as well and may echo.
var wallClocks = []string{
	time.DateTime, "2006-01-02T15:04:05", time.DateOnly,
	"02.01.2006 15:04:05", "02.01.2006", "2006/01/02",
}

// readWallClock reads a date, which has no zone of its own. A time that did not
// occur, since clocks were put forward, is taken as much later, never earlier:
// a midnight must not fall on the day before.
func readWallClock(text string, zone *time.Location) (time.Time, bool) {
	text = strings.TrimSpace(text)
	for _, layout := range wallClocks {
		t, err := time.ParseInLocation(layout, text, zone)
		if err != nil || t.Year() < 1 {
			continue
		}
		if zone == time.UTC {
			return t, true
		}
		_, offset := t.Zone()
		if wall, err := time.Parse(layout, text); err == nil && wall.Unix() > t.Unix()+int64(offset) {
			t = t.Add(time.Duration(wall.Unix()-t.Unix()-int64(offset)) * time.Second)
		}
		return t, true
	}
	return time.Time{}, false
}

// newDate drops the time of day, which means nothing in a field of days. t is in
// UTC: some zones put their clocks forward at midnight, and a midnight that did
// not occur there would become the day before.
func newDate(t time.Time) *date.Date {
	// The layouts have years of four digits.
	return &date.Date{Year: int32(t.Year()), Month: int32(t.Month()), Day: int32(t.Day())} //nolint:gosec // in range
}

// readChoice reads {"value":"name","enum":id}, a bare id, or a name alone.
// Option names come with HTML entities from some accounts; they are decoded.
// It returns nil for anything else.
func readChoice(f *driver.Field, v fieldValue) *amogatev1.Choice {
	var text wire.Text
	if err := text.Parse(v.Value); err != nil {
		return nil
	}
	if v.Enum.Value != "" {
		id, err := wire.ParseInt(v.Enum.Value)
		if err != nil || id <= 0 {
			return nil
		}
		name := html.UnescapeString(text.Value)
		if !text.Set {
			name = f.Options[id]
		}
		return &amogatev1.Choice{OptionId: id, Name: name}
	}
	if !text.Set || text.Value == "" {
		return nil
	}
	if id, err := wire.ParseInt(text.Value); err == nil {
		if name, ok := f.Options[id]; ok {
			return &amogatev1.Choice{OptionId: id, Name: name}
		}
	}
	name := html.UnescapeString(text.Value)
	return &amogatev1.Choice{OptionId: optionID(f, name), Name: name}
}

// optionID returns the id of the only option of this name, else 0.
func optionID(f *driver.Field, name string) int64 {
	found := int64(0)
	for id, option := range f.Options {
		if option != name {
			continue
		}
		if found != 0 {
			return 0
		}
		found = id
	}
	return found
}

func setChoices(msg *amogatev1.CustomField, f *driver.Field, values []fieldValue) bool {
	choices := &amogatev1.Choices{}
	for _, v := range values {
		choice := readChoice(f, v)
		if choice == nil {
			return false
		}
		choices.Choices = append(choices.Choices, choice)
	}
	msg.Value = &amogatev1.CustomField_Choices{Choices: choices}
	return true
}

func setMultitext(msg *amogatev1.CustomField, f *driver.Field, values []fieldValue) bool {
	multitext := &amogatev1.Multitext{}
	for _, v := range values {
		var text wire.Text
		if err := text.Parse(v.Value); err != nil || !text.Set {
			return false
		}
		entry := &amogatev1.MultitextValue{Value: text.Value}
		if id, err := wire.ParseInt(v.Enum.Value); err == nil {
			entry.KindId = id
			entry.Kind = f.Options[id]
		} else if v.Enum.Value != "" {
			entry.Kind = v.Enum.Value
			entry.KindId = optionID(f, v.Enum.Value)
		}
		multitext.Values = append(multitext.Values, entry)
	}
	msg.Value = &amogatev1.CustomField_Multitext{Multitext: multitext}
	return true
}

// addressPart is a part of a smart address. Recorded answers name the parts,
// the documents number them.
type addressPart struct {
	name, number string
	field        func(*amogatev1.SmartAddress) *string
}

var addressParts = []addressPart{
	{"address_line_1", "1", func(a *amogatev1.SmartAddress) *string { return &a.AddressLine_1 }},
	{"address_line_2", "2", func(a *amogatev1.SmartAddress) *string { return &a.AddressLine_2 }},
	{"city", "3", func(a *amogatev1.SmartAddress) *string { return &a.City }},
	{"state", "4", func(a *amogatev1.SmartAddress) *string { return &a.State }},
	{"zip", "5", func(a *amogatev1.SmartAddress) *string { return &a.Zip }},
	{"country", "6", func(a *amogatev1.SmartAddress) *string { return &a.Country }},
}

func setSmartAddress(msg *amogatev1.CustomField, values []fieldValue) bool {
	address := &amogatev1.SmartAddress{}
	seen := map[string]bool{}
	for _, v := range values {
		var text wire.Text
		if err := text.Parse(v.Value); err != nil {
			return false
		}
		known := false
		for _, part := range addressParts {
			if v.Subtype.Value == part.name || v.Subtype.Value == part.number {
				known = !seen[part.name]
				seen[part.name] = true
				*part.field(address) = text.Value
			}
		}
		if !known {
			return false
		}
	}
	msg.Value = &amogatev1.CustomField_SmartAddress{SmartAddress: address}
	return true
}
