package emulator

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// subtypes are the parts of a smart address; the digit of a part is its place counted from 1.
var subtypes = []string{"address_line_1", "address_line_2", "city", "state", "zip", "country"}

// objectKey is a key of a legal entity, an organisation or an item.
type objectKey struct {
	name string
	kind nodeKind // nodeText, nodeNumber or, for a discount, nodeArray
}

var (
	legalEntityKeys = []objectKey{
		{"name", nodeText},
		{"entity_type", nodeNumber},
		{"vat_id", nodeText},
		{"tax_registration_reason_code", nodeText},
		{"address", nodeText},
		{"kpp", nodeText},
		{"external_id", nodeText},
		{"external_uid", nodeText},
	}
	// An organisation is read with all of these, unset ones null.
	organisationKeys = []objectKey{
		{"name", nodeText},
		{"entity_type", nodeNumber},
		{"vat_id", nodeText},
		{"tax_registration_reason_code", nodeText},
		{"address", nodeText},
		{"kpp", nodeText},
		{"external_uid", nodeText},
		{"line1", nodeText},
		{"line2", nodeText},
		{"city", nodeText},
		{"state", nodeText},
		{"zip", nodeText},
		{"country", nodeText},
	}
	// A key that is written and read only when it is set.
	bankCode = objectKey{"bank_code", nodeText}
	itemKeys = []objectKey{
		{"description", nodeText},
		{"unit_price", nodeNumber},
		{"unit_type", nodeText},
		{"quantity", nodeNumber},
		{"discount", nodeArray},
		{"vat_rate_id", nodeNumber},
		{"external_uid", nodeText},
	}
	discountKeys = []objectKey{{"type", nodeText}, {"value", nodeNumber}}
)

func (c *call) writeCustomFields(w *jsonWriter, fields []CustomField) {
	fields = slices.DeleteFunc(slices.Clone(fields), func(cf CustomField) bool {
		f := c.e.catalogue.get(cf.ID)
		return f != nil && !f.Type.inV2()
	})
	if len(fields) == 0 {
		c.writeEmpty(w, "custom_fields")
		return
	}
	w.key("custom_fields")
	w.open('[')
	for _, cf := range fields {
		f := c.e.catalogue.get(cf.ID)
		if f == nil {
			f = &Field{ID: cf.ID, Type: FieldText} // put there by AddCustomer without a definition
		}
		w.open('{')
		w.keyInteger("id", f.ID)
		w.keyText("name", f.Name)
		if f.Code != "" {
			w.keyText("code", f.Code)
		}
		if c.e.config.FieldTypeID {
			w.keyInteger("type_id", int64(f.Type))
		}
		w.key("values")
		w.open('[')
		if f.Type == FieldItems { // one element that holds all items
			w.open('[')
			for _, v := range cf.Values {
				writeObject(w, v.Object, itemKeys, false)
			}
			w.close(']')
		} else {
			for _, v := range cf.Values {
				c.writeValue(w, f, v)
			}
		}
		w.close(']')
		w.keyBool("is_system", f.System)
		w.close('}')
	}
	w.close(']')
}

func (c *call) writeValue(w *jsonWriter, f *Field, v FieldValue) {
	w.open('{')
	switch {
	case v.Object != nil && f.Type == FieldOrgLegalName:
		w.key("value")
		keys := organisationKeys
		if v.Object[bankCode.name] != nil {
			keys = append(slices.Clone(keys), bankCode)
		}
		writeObject(w, v.Object, keys, true)
	case v.Object != nil:
		w.key("value")
		writeObject(w, v.Object, legalEntityKeys, false)
	default:
		w.keyText("value", v.Value)
	}
	if v.Enum != 0 {
		if c.e.config.EnumAsText {
			w.keyText("enum", strconv.FormatInt(v.Enum, 10))
		} else {
			w.keyInteger("enum", v.Enum)
		}
	}
	if v.Subtype != "" {
		subtype := v.Subtype
		if at := slices.Index(subtypes, subtype); at >= 0 && c.e.config.SubtypeDigits {
			subtype = strconv.Itoa(at + 1)
		}
		w.keyText("subtype", subtype)
	}
	w.close('}')
}

// writeObject writes the keys of o in their order; with all, those it lacks as null.
func writeObject(w *jsonWriter, o map[string]any, keys []objectKey, all bool) {
	w.open('{')
	for _, k := range keys {
		value, ok := o[k.name]
		if !ok && !all {
			continue
		}
		w.key(k.name)
		switch v := value.(type) {
		case string:
			w.text(v)
		case int64:
			w.integer(v)
		case json.Number:
			w.raw(v.String())
		case map[string]any:
			writeObject(w, v, discountKeys, false)
		default:
			w.raw("null")
		}
	}
	w.close('}')
}

// readCustomFields reads the custom_fields of a write. A field without values comes back without values: it clears.
func (c *call) readCustomFields(n *node, at string) ([]CustomField, error) {
	if n == nil {
		return nil, nil
	}
	if !n.isArray() {
		return nil, badRequest("%s must be a list", at)
	}
	var fields []CustomField
	for i, item := range n.items() {
		at := at + "[" + n.keys[i] + "]"
		if !item.isArray() {
			return nil, badRequest("%s must be an object", at)
		}
		if err := c.checkKeys(item, at, "id", "values"); err != nil {
			return nil, err
		}
		id, ok := item.get("id").integer()
		if !ok {
			return nil, badRequest("%s[id] must be the id of a custom field", at)
		}
		f := c.e.catalogue.get(id)
		if f == nil || !f.Type.inV2() {
			return nil, badRequest("%s: custom field %d is not found", at, id)
		}
		values, err := c.readValues(f, item.get("values"), at+"[values]")
		if err != nil {
			return nil, err
		}
		fields = append(fields, CustomField{ID: id, Values: values})
	}
	return fields, nil
}

func (c *call) readValues(f *Field, n *node, at string) ([]FieldValue, error) {
	if n == nil || n.isScalar() && n.text == "" {
		return nil, nil
	}
	if !n.isArray() {
		return nil, badRequest("%s must be a list", at)
	}
	var values []FieldValue
	for i, item := range n.items() {
		v, err := c.readValue(f, item, at+"["+n.keys[i]+"]")
		if err != nil {
			return nil, err
		}
		if v != nil {
			values = append(values, *v)
		}
	}
	switch f.Type {
	case FieldMultiselect, FieldMultitext, FieldSmartAddress, FieldItems:
	case FieldText, FieldNumeric, FieldCheckbox, FieldSelect, FieldDate, FieldURL, FieldTextarea, FieldRadiobutton,
		FieldStreetAddress, FieldBirthday, FieldLegalEntity, FieldOrgLegalName, FieldDateTime, FieldPrice, FieldCategory, FieldTrackingData, FieldLinkedEntity,
		FieldChainedList, FieldMonetary, FieldFile, FieldPayer, FieldSupplier:
		if len(values) > 1 {
			return nil, badRequest("%s: custom field %d takes one value", at, f.ID)
		}
	}
	return values, nil
}

// readValue reads one element of values; nil means an empty one, which clears.
func (c *call) readValue(f *Field, n *node, at string) (*FieldValue, error) {
	if f.Type == FieldItems {
		return c.readObject(n, at, itemKeys)
	}
	if f.Type == FieldMultiselect && n.isScalar() {
		return f.readChoice(n, at)
	}
	if !n.isArray() {
		return nil, badRequest("%s must be an object with a value", at)
	}
	if err := c.checkKeys(n, at, "value", "enum", "subtype"); err != nil {
		return nil, err
	}
	value, enum, subtype := n.get("value"), n.get("enum"), n.get("subtype")
	if c.e.config.Strict {
		if enum != nil && f.Type != FieldMultitext && f.Type != FieldMultiselect {
			return nil, badRequest("%s[enum] does not belong to custom field %d", at, f.ID)
		}
		if subtype != nil && f.Type != FieldSmartAddress {
			return nil, badRequest("%s[subtype] does not belong to custom field %d", at, f.ID)
		}
	}
	if value == nil && (enum == nil || f.Type != FieldMultiselect) {
		return nil, nil
	}
	at += "[value]"
	switch f.Type {
	case FieldLegalEntity:
		return c.readObject(value, at, legalEntityKeys)
	case FieldOrgLegalName:
		return c.readObject(value, at, append(slices.Clone(organisationKeys), bankCode))
	case FieldMultiselect:
		if enum != nil {
			return f.readChoice(enum, at)
		}
		return f.readChoice(value, at)
	case FieldText, FieldNumeric, FieldCheckbox, FieldSelect, FieldDate, FieldURL, FieldMultitext, FieldTextarea,
		FieldRadiobutton, FieldStreetAddress, FieldSmartAddress, FieldBirthday, FieldItems, FieldDateTime, FieldPrice, FieldCategory, FieldTrackingData, FieldLinkedEntity,
		FieldChainedList, FieldMonetary, FieldFile, FieldPayer, FieldSupplier:
	}
	if !value.isScalar() {
		return nil, badRequest("%s must be text or a number", at)
	}
	if value.text == "" {
		return nil, nil
	}
	return f.readScalar(value, enum, subtype, at)
}

// decimal is how a numeric field's value is spelled.
var decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

func (f *Field) readScalar(value, enum, subtype *node, at string) (*FieldValue, error) {
	text := value.text
	switch f.Type {
	case FieldText, FieldURL, FieldTextarea, FieldStreetAddress:
		return &FieldValue{Value: text}, nil
	case FieldNumeric:
		if !decimal.MatchString(text) {
			return nil, badRequest("%s: %q is not a number", at, text)
		}
		return &FieldValue{Value: text}, nil
	case FieldCheckbox:
		switch text {
		case "1", "true":
			return &FieldValue{Value: "1"}, nil
		case "0", "false":
			return nil, nil // an empty checkbox is not listed
		}
		return nil, badRequest("%s: %q is neither 1 nor 0", at, text)
	case FieldSelect, FieldRadiobutton:
		return f.readChoice(value, at)
	case FieldDate, FieldBirthday, FieldDateTime:
		day, ok := fieldDate(text, f.Type == FieldDateTime)
		if !ok || value.kind != nodeText {
			return nil, badRequest("%s: %q is not a date", at, text)
		}
		return &FieldValue{Value: day}, nil
	case FieldMultitext:
		e, err := f.readKind(enum, at)
		if err != nil {
			return nil, err
		}
		return &FieldValue{Value: text, Enum: e}, nil
	case FieldSmartAddress:
		return readAddressPart(text, subtype, at)
	case FieldMultiselect, FieldLegalEntity, FieldItems, FieldOrgLegalName, FieldPrice, FieldCategory, FieldTrackingData, FieldLinkedEntity,
		FieldChainedList, FieldMonetary, FieldFile, FieldPayer, FieldSupplier:
	}
	return nil, badRequest("%s: type %d has no such value", at, f.Type)
}

// readChoice reads an enum id; the text of an option is not accepted.
func (f *Field) readChoice(n *node, at string) (*FieldValue, error) {
	if n.isScalar() && n.text == "" {
		return nil, nil
	}
	id, ok := n.integer()
	e, found := f.enum(id)
	if !ok || !found {
		return nil, badRequest("%s: %q is not an option of custom field %d", at, n.str(), f.ID)
	}
	return &FieldValue{Value: e.Value, Enum: e.ID}, nil
}

// readKind reads the kind of a phone or an e-mail: an enum id or a standard name; without one it is the first.
func (f *Field) readKind(n *node, at string) (int64, error) {
	if n == nil || n.str() == "" && n.isScalar() {
		if len(f.Enums) == 0 {
			return 0, nil
		}
		return f.Enums[0].ID, nil
	}
	if id, ok := n.integer(); ok {
		if e, found := f.enum(id); found {
			return e.ID, nil
		}
	}
	if e, found := f.enumByValue(strings.ToUpper(n.str())); found {
		return e.ID, nil
	}
	return 0, badRequest("%s: %q is not a kind of custom field %d", at, n.str(), f.ID)
}

func readAddressPart(text string, subtype *node, at string) (*FieldValue, error) {
	name := subtype.str()
	if digit, ok := subtype.integer(); ok && digit >= 1 && digit <= int64(len(subtypes)) {
		name = subtypes[digit-1]
	}
	if !slices.Contains(subtypes, name) {
		return nil, badRequest("%s: subtype %q is not a part of an address", at, subtype.str())
	}
	if name == "country" && !countryCode.MatchString(text) {
		return nil, badRequest("%s: country %q is not a two-letter code", at, text)
	}
	return &FieldValue{Value: text, Subtype: name}, nil
}

var countryCode = regexp.MustCompile(`^[A-Za-z]{2}$`)

// readObject reads the value of a legal entity or an organisation, or an item.
func (c *call) readObject(n *node, at string, keys []objectKey) (*FieldValue, error) {
	if n.isScalar() && n.text == "" {
		return nil, nil
	}
	if !n.isArray() {
		return nil, badRequest("%s must be an object", at)
	}
	names := make([]string, 0, len(keys))
	for _, k := range keys {
		names = append(names, k.name)
	}
	if err := c.checkKeys(n, at, names...); err != nil {
		return nil, err
	}
	object := map[string]any{}
	for _, k := range keys {
		m := n.get(k.name)
		if m == nil {
			continue
		}
		value, err := c.readObjectValue(k, m, at+"["+k.name+"]")
		if err != nil {
			return nil, err
		}
		object[k.name] = value
	}
	if len(object) == 0 {
		return nil, nil
	}
	return &FieldValue{Object: object}, nil
}

func (c *call) readObjectValue(k objectKey, m *node, at string) (any, error) {
	switch k.kind {
	case nodeArray:
		v, err := c.readObject(m, at, discountKeys)
		if err != nil || v == nil {
			return nil, err
		}
		return maps.Clone(v.Object), nil
	case nodeNumber:
		if !m.isScalar() || !decimal.MatchString(m.text) {
			return nil, badRequest("%s must be a number", at)
		}
		if i, ok := m.integer(); ok {
			return i, nil
		}
		return json.Number(m.text), nil
	case nodeText, nodeNull, nodeBool:
	}
	if !m.isScalar() {
		return nil, badRequest("%s must be text", at)
	}
	return m.text, nil
}

// checkKeys refuses, in strict mode, a key of n that is not among known.
func (c *call) checkKeys(n *node, at string, known ...string) error {
	if !c.e.config.Strict {
		return nil
	}
	if key := n.unknownKey(known...); key != "" {
		return badRequest("unknown key %q in %s", key, at)
	}
	return nil
}
