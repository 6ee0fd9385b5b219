package emulator

import (
	"net/url"
	"slices"
	"strconv"
	"time"
)

// maxText is the longest value of a text field.
const maxText = 256

// fieldRule is one element of custom_fields_values. What the account shows beside the values may be sent back.
var fieldRule = isObject(
	key{name: "field_id", rule: isInt},
	key{name: "field_code", rule: orNull(isText)},
	key{name: "field_name", rule: isAny},
	key{name: "field_type", rule: isAny},
	key{name: "is_computed", rule: isAny},
	key{name: "values", required: true, rule: orNull(notEmpty(isList(isAny)))},
)

// readFieldsV4 reads custom_fields_values and notes what is wrong with them. A field of null has no values: it is
// cleared.
func (c *call) readFieldsV4(r *row) []CustomField {
	var fields []CustomField
	for i, n := range r.get("custom_fields_values").items() {
		at := "custom_fields_values." + strconv.Itoa(i)
		before := len(r.wrong)
		fieldRule(r, at, n)
		f := c.fieldOf(r, at, n)
		if f == nil || len(r.wrong) > before {
			continue
		}
		cf := CustomField{ID: f.ID}
		values := n.get("values").items()
		for k, v := range values {
			if value, ok := c.readValueV4(r, under(at, "values."+strconv.Itoa(k)), f, v); ok {
				cf.Values = append(cf.Values, value)
			}
		}
		if limit := f.Type.maxValues(); len(values) > limit {
			r.refuse("TooMany", under(at, "values"),
				"This collection should contain "+strconv.Itoa(limit)+" element or less.")
		}
		if f.Type == FieldCheckbox && len(cf.Values) > 0 && cf.Values[0].Value == "" {
			cf.Values = nil // an unset checkbox is not listed
		}
		if c.e.config.EmojiCut && len(cf.Values) == 1 && cf.Values[0].Object == nil && cf.Values[0].Value == "" {
			cf.Values = nil // nothing was left of it
		}
		fields = append(fields, cf)
	}
	return fields
}

// maxValues is how many values a field of a type has.
func (t FieldType) maxValues() int {
	switch t {
	case FieldMultiselect, FieldMultitext, FieldItems, FieldLegalEntity:
		return 1000
	case FieldSmartAddress:
		return len(subtypes)
	case FieldChainedList:
		return 5
	case FieldText, FieldNumeric, FieldCheckbox, FieldSelect, FieldDate, FieldURL, FieldTextarea, FieldRadiobutton,
		FieldStreetAddress, FieldBirthday, FieldOrgLegalName, FieldDateTime, FieldPrice, FieldCategory, FieldTrackingData,
		FieldLinkedEntity, FieldMonetary, FieldFile, FieldPayer, FieldSupplier:
	}
	return 1
}

// fieldOf finds the field an element names by its id or, without one, by its code.
func (c *call) fieldOf(r *row, at string, n *node) *Field {
	if id, ok := n.get("field_id").integer(); ok {
		f := c.catalogue().get(id)
		if f == nil || f.Type == FieldOrgLegalName { // which can only be read
			r.notAChoice(under(at, "field_id"))
			return nil
		}
		return f
	}
	if code := n.get("field_code").str(); code != "" {
		for _, f := range c.catalogue().all() {
			if f.Code == code {
				return f
			}
		}
		r.notAChoice(under(at, "field_code"))
		return nil
	}
	if n.isArray() && n.get("field_id") == nil {
		r.refuse("FieldMissing", under(at, "field_id"), "This field is missing.")
	}
	return nil
}

// valueKeys are the keys of an element of values, by what a type can have beside its value.
func (t FieldType) valueKeys() []key {
	value, id, code := key{name: "value", rule: isAny}, key{name: "enum_id", rule: orNull(isInt)}, key{name: "enum_code", rule: orNull(isText)}
	switch t {
	case FieldSelect, FieldRadiobutton, FieldCategory, FieldMultitext, FieldSmartAddress:
		return []key{value, id, code}
	case FieldMultiselect: // here the code is refused, whatever the documents say
		return []key{value, id}
	case FieldText, FieldNumeric, FieldCheckbox, FieldDate, FieldURL, FieldTextarea, FieldStreetAddress, FieldBirthday,
		FieldLegalEntity, FieldItems, FieldOrgLegalName, FieldDateTime, FieldPrice, FieldTrackingData, FieldLinkedEntity,
		FieldChainedList, FieldMonetary, FieldFile, FieldPayer, FieldSupplier:
	}
	value.required = true
	return []key{value}
}

// readValueV4 reads one element of values; ok is false when something is wrong with it.
func (c *call) readValueV4(r *row, at string, f *Field, n *node) (v FieldValue, ok bool) {
	before := len(r.wrong)
	if f.Type == FieldChainedList {
		c.checkObjectValue(r, at, f.Type, n)
		if len(r.wrong) > before {
			return v, false
		}
		return objectValue(n), true
	}
	isObject(f.Type.valueKeys()...)(r, at, n)
	if len(r.wrong) > before {
		return v, false
	}
	value, below := n.members["value"], under(at, "value")
	switch f.Type {
	case FieldSelect, FieldRadiobutton, FieldCategory, FieldMultiselect:
		v = f.readOption(r, at, n)
	case FieldMultitext:
		v = f.readMultitext(r, at, n)
	case FieldSmartAddress:
		v = readPartV4(r, at, n)
	case FieldPayer:
		isFree(r, below, value)
		v = objectValue(value)
	case FieldLegalEntity, FieldItems, FieldLinkedEntity, FieldFile, FieldSupplier:
		c.checkObjectValue(r, below, f.Type, value)
		v = objectValue(value)
	case FieldText, FieldNumeric, FieldCheckbox, FieldDate, FieldURL, FieldTextarea, FieldStreetAddress, FieldBirthday,
		FieldOrgLegalName, FieldDateTime, FieldPrice, FieldTrackingData, FieldChainedList, FieldMonetary:
		v.Value = c.readPlain(r, below, f.Type, value)
	}
	return v, len(r.wrong) == before
}

// isFree takes an object of any keys.
func isFree(r *row, path string, n *node) {
	if !n.isArray() || n.ordered && len(n.keys) > 0 {
		r.refuse("InvalidType", path, typeDetail("array"))
	}
}

// objectValue copies an object of a request.
func objectValue(n *node) FieldValue {
	object, _ := anyOf(n).(map[string]any) // an empty one has nothing to hold
	return FieldValue{Object: object}
}

// readPlain reads a value that is one scalar.
func (c *call) readPlain(r *row, at string, t FieldType, n *node) string {
	switch t {
	case FieldText:
		upTo(maxText)(r, at, n)
		return c.cutEmoji(n.text)
	case FieldNumeric, FieldPrice, FieldMonetary: // text and numbers come back as text
		if n.kind != nodeNumber && n.kind != nodeText || !decimal.MatchString(n.text) {
			r.refuse("InvalidType", at, typeDetail("numeric"))
		}
		return n.text
	case FieldCheckbox:
		isBool(r, at, n)
		return n.text
	case FieldDate, FieldBirthday, FieldDateTime:
		return c.readTime(r, at, t, n)
	case FieldURL:
		isText(r, at, n)
		u, err := url.Parse(n.text)
		if n.kind == nodeText && (err != nil || u.Scheme == "" || u.Host == "") {
			r.refuse("57c2f299-1154-4870-89bb-ef3b1f5ad229", at, "This value is not a valid URL.")
		}
		return n.text
	default:
		isText(r, at, n)
		return c.cutEmoji(n.text)
	}
}

// readTime reads unix seconds or RFC 3339 text into the stored form, which is the account's local time.
func (c *call) readTime(r *row, at string, fieldType FieldType, n *node) string {
	var t time.Time
	switch n.kind {
	case nodeNumber:
		isTime(r, at, n)
		sec, _ := n.integer()
		t = time.Unix(sec, 0)
	case nodeText:
		var err error
		if t, err = time.Parse(time.RFC3339, n.text); err != nil {
			r.refuse("InvalidType", at, typeDetail("int"))
			return ""
		}
	case nodeNull, nodeBool, nodeArray:
		isInt(r, at, n)
		return ""
	}
	t = t.In(c.e.zone)
	if fieldType != FieldDateTime {
		return t.Format("2006-01-02") + " 00:00:00"
	}
	return t.Format("2006-01-02 15:04:05")
}

// readOption reads an option by its id, its code or its text.
func (f *Field) readOption(r *row, at string, n *node) FieldValue {
	if id := n.get("enum_id"); id != nil {
		i, _ := id.integer()
		if e, ok := f.enum(i); ok {
			return FieldValue{Value: e.Value, Enum: e.ID}
		}
		r.notAChoice(under(at, "enum_id"))
		return FieldValue{}
	}
	if code := n.get("enum_code"); code != nil {
		for _, e := range f.Enums {
			if code.text != "" && f.EnumCodes[e.ID] == code.text {
				return FieldValue{Value: e.Value, Enum: e.ID}
			}
		}
		r.notAChoice(under(at, "enum_code"))
		return FieldValue{}
	}
	value, sent := n.member("value")
	if !sent {
		r.refuse("FieldMissing", under(at, "value"), "This field is missing.")
		return FieldValue{}
	}
	isText(r, under(at, "value"), value)
	e, ok := f.enumByValue(value.text)
	if value.kind == nodeText && !ok {
		r.notAChoice(under(at, "value"))
	}
	return FieldValue{Value: e.Value, Enum: e.ID}
}

// readMultitext reads a phone or an e-mail; without a kind it is of the first.
func (f *Field) readMultitext(r *row, at string, n *node) FieldValue {
	v := FieldValue{Value: n.get("value").str()}
	if value, sent := n.member("value"); sent {
		isFilled(r, under(at, "value"), value)
	} else {
		r.refuse("FieldMissing", under(at, "value"), "This field is missing.")
	}
	id, code := n.get("enum_id"), n.get("enum_code")
	switch {
	case id != nil:
		i, _ := id.integer()
		e, ok := f.enum(i)
		if v.Enum = e.ID; !ok {
			r.notAChoice(under(at, "enum_id"))
		}
	case code != nil:
		e, ok := f.enumByValue(code.text)
		if v.Enum = e.ID; !ok {
			r.notAChoice(under(at, "enum_code"))
		}
	case len(f.Enums) > 0:
		v.Enum = f.Enums[0].ID
	}
	return v
}

// readPartV4 reads a part of an address.
func readPartV4(r *row, at string, n *node) FieldValue {
	v := FieldValue{Value: n.get("value").str()}
	if value, sent := n.member("value"); sent {
		isText(r, under(at, "value"), value)
	} else {
		r.refuse("FieldMissing", under(at, "value"), "This field is missing.")
	}
	id, code := n.get("enum_id"), n.get("enum_code")
	switch {
	case id != nil:
		i, _ := id.integer()
		if i < 1 || i > int64(len(subtypes)) {
			r.notAChoice(under(at, "enum_id"))
			return v
		}
		v.Subtype = subtypes[i-1]
	case code != nil && slices.Contains(subtypes, code.text):
		v.Subtype = code.text
	case code != nil:
		r.notAChoice(under(at, "enum_code"))
	default:
		r.refuse("FieldMissing", under(at, "enum_id"), "This field is missing.")
	}
	if v.Subtype == "country" && !countryCode.MatchString(v.Value) {
		r.notAChoice(under(at, "value"))
	}
	return v
}

// requiredKeys are those an object value cannot be without.
var requiredKeys = map[FieldType][]string{
	FieldLegalEntity:  {"name"},
	FieldLinkedEntity: {"entity_id", "entity_type"},
	FieldChainedList:  {"catalog_id", "catalog_element_id"},
	FieldFile:         {"file_uuid"},
	FieldSupplier:     {"entity_id"},
}

// checkObjectValue checks an object value against the keys that can be written.
func (c *call) checkObjectValue(r *row, at string, t FieldType, n *node) {
	var keys []key
	for _, k := range v4ObjectKeys[t] {
		if k.readOnly {
			continue
		}
		check := isText
		switch {
		case k.kind == nodeArray:
			check = isObject(
				key{name: "type", required: true, rule: oneOf("percentage", "amount")},
				key{name: "value", required: true, rule: isNumber},
			)
		case k.kind == nodeNumber && (k.name == "unit_price" || k.name == "quantity"):
			check = isNumber
		case k.kind == nodeNumber:
			check = isInt
		case t == FieldLinkedEntity && k.name == "entity_type":
			check = oneOf(linkElements, linkContacts, linkCompanies)
		}
		required := slices.Contains(requiredKeys[t], k.name)
		if !required {
			check = orNull(check)
		}
		keys = append(keys, key{name: k.name, required: required, rule: check})
	}
	isObject(keys...)(r, at, n)
}
