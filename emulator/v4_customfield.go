package emulator

import (
	"encoding/json"
	"html"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// v4FieldTypes are the names of the types of custom fields.
var v4FieldTypes = map[FieldType]string{
	FieldText: "text", FieldNumeric: "numeric", FieldCheckbox: "checkbox", FieldSelect: "select",
	FieldMultiselect: "multiselect", FieldDate: "date", FieldURL: "url", FieldMultitext: "multitext",
	FieldTextarea: "textarea", FieldRadiobutton: "radiobutton", FieldStreetAddress: "streetaddress",
	FieldSmartAddress: "smart_address", FieldBirthday: "birthday", FieldLegalEntity: "legal_entity", FieldItems: "items",
	FieldOrgLegalName: "org_legal_name", FieldDateTime: "date_time", FieldPrice: "price", FieldCategory: "category",
	FieldTrackingData: "tracking_data", FieldLinkedEntity: "linked_entity", FieldChainedList: "chained_list",
	FieldMonetary: "monetary", FieldFile: "file", FieldPayer: "payer", FieldSupplier: "supplier",
}

// hasDate reports whether values of a type are times in this generation.
func (t FieldType) hasDate() bool { return t == FieldDate || t == FieldBirthday || t == FieldDateTime }

// v4Key is a key of an object value.
type v4Key struct {
	objectKey
	readOnly bool   // shown, but refused in a write
	unset    string // what it reads as when it is not set; "": it is left out
}

func textKey(name, unset string) v4Key {
	return v4Key{objectKey: objectKey{name, nodeText}, unset: unset}
}

func numberKey(name, unset string) v4Key {
	return v4Key{objectKey: objectKey{name, nodeNumber}, unset: unset}
}

func computedKey(name, value string) v4Key {
	return v4Key{objectKey: objectKey{name, nodeNull}, readOnly: true, unset: value}
}

func foreignKey(name string) v4Key {
	return v4Key{objectKey: objectKey{name, nodeText}, readOnly: true, unset: `""`}
}

// v4ObjectKeys are the keys of object values by type. A payer may have any.
var v4ObjectKeys = map[FieldType][]v4Key{
	FieldLegalEntity: {
		textKey("name", `""`), numberKey("entity_type", "null"), textKey("vat_id", `""`), textKey("kpp", `""`),
		textKey("tax_registration_reason_code", `""`), textKey("address", `""`), textKey("real_address", `""`),
		textKey("bank_account_number", `""`), textKey("bank_code", `""`), textKey("director", `""`),
		textKey("external_uid", `""`),
		// Keys of other countries are shown, empty, and refused in a write.
		foreignKey("unp"), foreignKey("bin"), foreignKey("egrpou"), foreignKey("mfo"), foreignKey("oked"),
	},
	FieldOrgLegalName: {
		textKey("name", `""`), numberKey("entity_type", "null"), textKey("vat_id", "null"), textKey("kpp", "null"),
		textKey("address", "null"), textKey("city", "null"), textKey("zip", "null"), textKey("country", "null"),
	},
	FieldItems: {
		textKey("sku", `""`), numberKey("product_id", "null"), textKey("description", `""`), numberKey("unit_price", "0.0"),
		numberKey("quantity", "0.0"), textKey("unit_type", `""`),
		{objectKey: objectKey{"discount", nodeArray}, unset: `{"type":"amount","value":0.0}`},
		numberKey("vat_rate_id", "0"), computedKey("vat_rate_value", "0"), computedKey("bonus_points_per_purchase", "0.0"),
		textKey("external_uid", `""`), computedKey("metadata", "[]"), computedKey("is_discount_recalculated", "false"),
		computedKey("is_total_sum_recalculated", "false"), computedKey("total_sum", ""),
	},
	FieldLinkedEntity: {
		textKey("name", "null"), numberKey("entity_id", "null"), textKey("entity_type", "null"), numberKey("catalog_id", "null"),
	},
	FieldChainedList: {numberKey("catalog_id", "null"), numberKey("catalog_element_id", "null")},
	FieldFile: {
		textKey("file_uuid", "null"), textKey("version_uuid", "null"), textKey("file_name", "null"),
		numberKey("file_size", "null"), computedKey("is_deleted", "false"),
	},
	FieldSupplier: {numberKey("entity_id", "null")},
}

// writeFieldsV4 writes the custom fields of a customer or a segment; where there are none the one has null, the other an
// empty list.
func (c *call) writeFieldsV4(w *jsonWriter, fields []CustomField) {
	if len(fields) == 0 && c.catalogue() == &c.e.catalogue {
		w.keyRaw("custom_fields_values", "null")
		return
	}
	w.list("custom_fields_values", len(fields), func(i int) {
		cf := fields[i]
		f := c.catalogue().get(cf.ID)
		if f == nil {
			f = &Field{ID: cf.ID, Type: FieldText} // put there by AddCustomer without a definition
		}
		w.open('{')
		w.keyInteger("field_id", f.ID)
		w.keyText("field_name", f.Name)
		w.keyTextOrNull("field_code", f.Code)
		w.keyText("field_type", v4FieldTypes[f.Type])
		if !c.e.config.NoComputedKey {
			w.keyBool("is_computed", false)
		}
		w.list("values", len(cf.Values), func(k int) { c.writeValueV4(w, f, cf.Values[k]) })
		w.close('}')
	})
}

func (c *call) writeValueV4(w *jsonWriter, f *Field, v FieldValue) {
	if f.Type == FieldChainedList { // has no key value
		writeObjectV4(w, f.Type, v.Object)
		return
	}
	w.open('{')
	w.key("value")
	switch {
	case f.Type == FieldPayer:
		writeAny(w, v.Object)
	case v4ObjectKeys[f.Type] != nil:
		writeObjectV4(w, f.Type, v.Object)
	case f.Type == FieldCheckbox:
		w.boolean(v.Value == "1")
	case f.Type.hasDate():
		w.integer(c.unixOf(f, v.Value))
	case v.Enum != 0 && f.Type != FieldMultitext:
		w.text(plainOption(v.Value))
	default:
		w.text(v.Value)
	}
	switch {
	case v.Subtype != "":
		w.keyInteger("enum_id", int64(slices.Index(subtypes, v.Subtype)+1))
		w.keyText("enum_code", v.Subtype)
	case v.Enum != 0:
		w.keyInteger("enum_id", v.Enum)
		if f.Type != FieldCategory {
			w.keyTextOrNull("enum_code", f.enumCode(v.Enum))
		}
	}
	w.close('}')
}

// plainOption is the text of an option as v4 has it: the entities are v2's.
func plainOption(text string) string { return html.UnescapeString(text) }

// enumCode is the code of an option: of a phone or an e-mail its kind.
func (f *Field) enumCode(id int64) string {
	if f.Type == FieldMultitext {
		e, _ := f.enum(id)
		return e.Value
	}
	return f.EnumCodes[id]
}

func (w *jsonWriter) keyTextOrNull(name, s string) {
	if s == "" {
		w.keyRaw(name, "null")
		return
	}
	w.keyText(name, s)
}

// unixOf is the time of a date's stored text, which has no zone: that of the account.
func (c *call) unixOf(f *Field, text string) int64 {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", text, c.e.zone)
	if err != nil {
		return 0
	}
	if f.Type != FieldDateTime {
		t = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, c.e.zone)
	}
	return t.Unix()
}

// numberV4 is a number of an object: prices and quantities of items always have a point.
func numberV4(t FieldType, key, text string) string {
	if t == FieldItems && (key == "unit_price" || key == "quantity") && !strings.ContainsAny(text, ".eE") {
		return text + ".0"
	}
	return text
}

func writeObjectV4(w *jsonWriter, t FieldType, o map[string]any) {
	w.open('{')
	for _, k := range v4ObjectKeys[t] {
		if k.name == "total_sum" {
			w.keyRaw(k.name, totalOf(o))
			continue
		}
		switch v := o[k.name].(type) {
		case string:
			w.keyText(k.name, v)
		case int64:
			w.keyRaw(k.name, numberV4(t, k.name, digits(v)))
		case json.Number:
			w.keyRaw(k.name, numberV4(t, k.name, v.String()))
		case map[string]any:
			w.key(k.name)
			writeObject(w, v, discountKeys, false)
		default:
			if k.unset != "" {
				w.keyRaw(k.name, k.unset)
			}
		}
	}
	w.close('}')
}

// totalOf is the sum of an item: its price times its quantity, less the discount.
func totalOf(o map[string]any) string {
	total := floatOf(o["unit_price"]) * floatOf(o["quantity"])
	if discount, ok := o["discount"].(map[string]any); ok {
		value := floatOf(discount["value"])
		if discount["type"] == "percentage" {
			value = total * value / 100
		}
		total -= value
	}
	total = math.Round(total*100) / 100
	text := strconv.FormatFloat(total, 'f', -1, 64)
	if math.Trunc(total) == total {
		text += ".0"
	}
	return text
}

func floatOf(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case json.Number:
		f, err := v.Float64()
		if err == nil {
			return f
		}
	}
	return 0
}

// catalogue returns the definitions a path has to do with: below segments those of segments, else those of customers.
func (c *call) catalogue() *catalogue {
	if strings.HasPrefix(c.path, v4SegmentsPath) {
		return &c.e.segmentFields
	}
	return &c.e.catalogue
}

// checkCatalogue refuses a call to definitions where there is nothing they define.
func (c *call) checkCatalogue() error {
	if c.catalogue() == &c.e.segmentFields {
		return c.checkSegments()
	}
	return c.checkBelowCustomers()
}

// listFieldsV4 answers GET /api/v4/customers/custom_fields and that of segments.
func (c *call) listFieldsV4() (*reply, error) {
	if err := c.checkCatalogue(); err != nil {
		return nil, err
	}
	if err := c.checkQuery("page", "limit", "filter", "order"); err != nil {
		return nil, err
	}
	page, err := c.readPage()
	if err != nil {
		return nil, err
	}
	order, err := c.readOrder("sort", "id")
	if err != nil {
		return nil, err
	}
	filter, err := c.readFilterV4("type")
	if err != nil {
		return nil, err
	}
	types := c.filterTexts(filter, "type")
	places := c.fieldPlaces()
	fields := slices.DeleteFunc(c.catalogue().all(), func(f *Field) bool {
		return types != nil && !slices.Contains(types, v4FieldTypes[f.Type])
	})
	if order.field == "id" {
		slices.SortFunc(fields, func(a, b *Field) int { return int(a.ID - b.ID) })
	}
	if order.desc {
		slices.Reverse(fields)
	}
	total := len(fields)
	fields = fields[min(c.action.offset(page.offset()), total):]
	fields = fields[:min(page.limit, len(fields))]
	if len(fields) == 0 {
		return emptyReply(), nil
	}
	fields = repeated(c.action, fields)
	last := (total + page.limit - 1) / page.limit
	var w jsonWriter
	w.open('{')
	w.keyInteger("_total_items", int64(total))
	w.keyInteger("_page", int64(page.number))
	w.keyInteger("_page_count", int64(last))
	w.key("_links")
	w.open('{')
	c.pageLinks(&w, page, c.hasNext(page.number < last, false))
	w.link("last", c.pageHref(page, last))
	w.close('}')
	w.embedded("custom_fields", len(fields), func(i int) {
		c.writeFieldV4(&w, fields[i], places[fields[i].ID], c.repeating)
	})
	w.close('}')
	c.e.counters.change(func(s *Stats) { s.RowsSent += int64(len(fields)) })
	return c.halReply(w.buf), nil
}

// getFieldV4 answers GET /api/v4/customers/custom_fields/{id} and that of segments.
func (c *call) getFieldV4() (*reply, error) {
	if err := c.checkCatalogue(); err != nil {
		return nil, err
	}
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	f := c.catalogue().get(c.id("id"))
	if f == nil {
		return nil, &problem{status: http.StatusNotFound, detail: entityDetail}
	}
	var w jsonWriter
	c.writeFieldV4(&w, f, c.fieldPlaces()[f.ID], c.absolute)
	return c.halReply(w.buf), nil
}

// fieldPlaces are the places of the fields on the card, from 0.
func (c *call) fieldPlaces() map[int64]int {
	places := map[int64]int{}
	for i, f := range c.catalogue().all() {
		places[f.ID] = i
	}
	return places
}

func (c *call) writeFieldV4(w *jsonWriter, f *Field, place int, href func(string) string) {
	w.open('{')
	w.keyInteger("id", f.ID)
	w.keyText("name", f.Name)
	w.keyText("type", v4FieldTypes[f.Type])
	w.keyInteger("account_id", c.e.config.AccountID)
	w.keyTextOrNull("code", f.Code)
	w.keyInteger("sort", int64(place+1)*10)
	w.keyBool("is_api_only", f.Type == FieldTrackingData)
	if len(f.Enums) == 0 {
		w.keyRaw("enums", "null")
	} else {
		w.list("enums", len(f.Enums), func(i int) {
			w.open('{')
			w.keyInteger("id", f.Enums[i].ID)
			w.keyText("value", plainOption(f.Enums[i].Value))
			w.keyInteger("sort", int64(i+1)*10)
			if code := f.EnumCodes[f.Enums[i].ID]; code != "" {
				w.keyText("code", code)
			}
			w.close('}')
		})
	}
	w.keyRaw("group_id", "null")
	w.keyBool("is_predefined", f.System)
	w.keyBool("is_deletable", !f.System)
	w.keyRaw("required_statuses", "[]")
	w.keyRaw("hidden_statuses", "[]")
	w.keyRaw("settings", "[]")
	w.keyRaw("remind", "null")
	switch f.Type {
	case FieldMonetary:
		w.keyText("currency", c.e.config.Currency)
	default:
		w.keyRaw("currency", "null")
	}
	w.keyRaw("chained_lists", "null")
	w.keyRaw("nested", "null")
	entity, path := "customers", v4CustomersPath
	if c.catalogue() == &c.e.segmentFields {
		entity, path = "segments", v4SegmentsPath
	}
	w.keyText("entity_type", entity)
	w.selfLink(href(path + "/custom_fields/" + digits(f.ID)))
	w.close('}')
}
