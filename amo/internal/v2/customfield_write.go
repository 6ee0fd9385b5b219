package v2

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// fieldWrite is a custom field as it is written. Empty values clear the field.
type fieldWrite struct {
	ID     int64 `json:"id"`
	Values []any `json:"values"`
}

// valueWrite is one element of the values of most types.
type valueWrite struct {
	Value   any    `json:"value"`
	Enum    any    `json:"enum,omitzero"`
	Subtype string `json:"subtype,omitzero"`
}

// arms are the arm that each type is written with. Types that are not listed
// cannot be written.
var arms = map[amogatev1.CustomFieldType]protoreflect.Name{
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_TEXT:           "text",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_NUMERIC:        "number",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_CHECKBOX:       "checkbox",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_SELECT:         "choice",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_MULTISELECT:    "choices",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_DATE:           "date",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_URL:            "url",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_MULTITEXT:      "multitext",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_TEXTAREA:       "text_area",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_RADIOBUTTON:    "choice",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_STREETADDRESS:  "street_address",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_SMART_ADDRESS:  "smart_address",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_BIRTHDAY:       "birthday",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_LEGAL_ENTITY:   "legal_entities",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_ITEMS:          "items",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_ORG_LEGAL_NAME: "organisation",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_CATEGORY:       "choice",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_DATE_TIME:      "date_time",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_PRICE:          "number",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_TRACKING_DATA:  "text",
	amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_MONETARY:       "number",
}

// arm returns the name of the arm that is set; "" for none.
func arm(msg *amogatev1.CustomField) protoreflect.Name {
	m := msg.ProtoReflect()
	set := m.WhichOneof(m.Descriptor().Oneofs().ByName("value"))
	if set == nil {
		return ""
	}
	return set.Name()
}

// checkCustomFields reports what keeps fields from being written.
func checkCustomFields(env *driver.Env, list []*amogatev1.CustomField, r *report) {
	seen := map[int64]bool{}
	for i, msg := range list {
		path := fmt.Sprintf("custom_fields[%d]", i)
		id := msg.GetFieldId()
		definition, known := fields(env)[id]
		switch {
		case !known:
			r.invalid(path+".field_id", fmt.Sprintf("the account has no custom field %d of customers", id))
			continue
		case seen[id]:
			r.invalid(path+".field_id", fmt.Sprintf("field %d is listed twice; list it once", id))
			continue
		}
		seen[id] = true
		checkCustomField(env, path, &definition, msg, r)
	}
}

func checkCustomField(env *driver.Env, path string, f *driver.Field, msg *amogatev1.CustomField, r *report) {
	set := arm(msg)
	if set == "" {
		return
	}
	want, writable := arms[f.Type]
	switch {
	case set == "raw":
		r.unsupported(path+".raw", "raw values cannot be written; leave the field out")
		return
	case !writable:
		r.unsupported(path+"."+string(set), fmt.Sprintf("a field of type %s cannot be written; leave it out", typeName(f)))
		return
	case set != want:
		r.invalid(path+"."+string(set), fmt.Sprintf("field %d is of type %s; set %s instead", f.ID, typeName(f), want))
		return
	}
	path += "." + string(set)
	switch v := msg.GetValue().(type) {
	case *amogatev1.CustomField_Number:
		if !isNumber(v.Number) {
			r.invalid(path, "must be a decimal number such as -12.50")
		}
	case *amogatev1.CustomField_Choice:
		checkOption(path+".option_id", f, v.Choice.GetOptionId(), r)
	case *amogatev1.CustomField_Choices:
		for i, choice := range v.Choices.GetChoices() {
			checkOption(fmt.Sprintf("%s.choices[%d].option_id", path, i), f, choice.GetOptionId(), r)
		}
	case *amogatev1.CustomField_Multitext:
		for i, entry := range v.Multitext.GetValues() {
			checkKind(fmt.Sprintf("%s.values[%d]", path, i), f, entry, r)
		}
	case *amogatev1.CustomField_Date:
		checkDate(path, v.Date, r)
	case *amogatev1.CustomField_Birthday:
		checkDate(path, v.Birthday, r)
	case *amogatev1.CustomField_DateTime:
		checkDateTime(env, path, v, r)
	case *amogatev1.CustomField_LegalEntities:
		for i, entity := range v.LegalEntities.GetLegalEntities() {
			checkName(fmt.Sprintf("%s.legal_entities[%d].name", path, i), entity.GetName(), r)
			checkEntityType(fmt.Sprintf("%s.legal_entities[%d].entity_type", path, i), entity.GetEntityType(), r)
		}
	case *amogatev1.CustomField_Organisation:
		checkName(path+".name", v.Organisation.GetName(), r)
		checkEntityType(path+".entity_type", v.Organisation.GetEntityType(), r)
	case *amogatev1.CustomField_Items:
		for i, item := range v.Items.GetItems() {
			checkItem(fmt.Sprintf("%s.items[%d]", path, i), item, r)
		}
	}
}

func typeName(f *driver.Field) string {
	if f.Type == amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_UNSPECIFIED {
		return strconv.Quote(f.TypeCode)
	}
	return strings.TrimPrefix(f.Type.String(), "CUSTOM_FIELD_TYPE_")
}

// checkOption takes any category: the account tells the options of lists only.
func checkOption(path string, f *driver.Field, id int64, r *report) {
	if f.Type == amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_CATEGORY && len(f.Options) == 0 && id > 0 {
		return
	}
	if _, ok := f.Options[id]; !ok {
		r.invalid(path, fmt.Sprintf("field %d has no option %d", f.ID, id))
	}
}

func checkKind(path string, f *driver.Field, entry *amogatev1.MultitextValue, r *report) {
	if id := entry.GetKindId(); id != 0 {
		if _, ok := f.Options[id]; !ok {
			r.invalid(path+".kind_id", fmt.Sprintf("field %d has no kind %d", f.ID, id))
		}
		return
	}
	if entry.GetKind() == "" {
		r.invalid(path+".kind", "kind or kind_id is required")
		return
	}
	if optionID(f, entry.GetKind()) == 0 {
		r.invalid(path+".kind", fmt.Sprintf("field %d has no kind %q", f.ID, entry.GetKind()))
	}
}

func checkDate(path string, d *date.Date, r *report) {
	t := time.Date(int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay()), 0, 0, 0, 0, time.UTC)
	isReal := t.Year() == int(d.GetYear()) && t.Month() == time.Month(d.GetMonth()) && t.Day() == int(d.GetDay())
	if d.GetYear() < 1 || d.GetYear() > 9999 || !isReal {
		r.invalid(path, "must be a day of the calendar with year, month and day")
	}
}

// checkDateTime makes sure that the instant survives: upstream keeps its wall
// clock time, which is ambiguous in the hour that clocks are put back.
func checkDateTime(env *driver.Env, path string, v *amogatev1.CustomField_DateTime, r *report) {
	at := v.DateTime
	if !at.IsValid() || at.GetNanos() != 0 {
		r.invalid(path, "must be an instant in whole seconds")
		return
	}
	zone := location(env)
	local := at.AsTime().In(zone)
	if local.Year() < 1 || local.Year() > 9999 {
		r.invalid(path, "must lie in the years 1 to 9999")
		return
	}
	back, err := time.ParseInLocation(time.DateTime, local.Format(time.DateTime), zone)
	if err != nil || !back.Equal(local) {
		r.inexpressible(path, "lies in the hour that occurs twice when clocks are put back, which API v2 cannot tell apart")
	}
}

func checkName(path, name string, r *report) {
	if strings.TrimSpace(name) == "" {
		r.invalid(path, "is required")
	}
}

func checkEntityType(path string, t amogatev1.LegalEntityType, r *report) {
	if _, known := amogatev1.LegalEntityType_name[int32(t)]; !known {
		r.invalid(path, "is not a kind of legal entity")
	}
}

func checkItem(path string, item *amogatev1.Item, r *report) {
	check := func(name, number string) {
		if number != "" && !isNumber(number) {
			r.invalid(path+"."+name, "must be a decimal number such as -12.50")
		}
	}
	check("unit_price", item.GetUnitPrice())
	check("quantity", item.GetQuantity())
	check("discount.amount", item.GetDiscount().GetAmount())
	check("discount.percentage", item.GetDiscount().GetPercentage())
}

// writeCustomFields turns checked fields into what upstream takes.
func writeCustomFields(env *driver.Env, list []*amogatev1.CustomField) []fieldWrite {
	writes := make([]fieldWrite, 0, len(list))
	for _, msg := range list {
		definition := fields(env)[msg.GetFieldId()]
		writes = append(writes, fieldWrite{ID: msg.GetFieldId(), Values: writeValues(env, &definition, msg)})
	}
	return writes
}

// writeValues is never nil: an empty list clears the field.
func writeValues(env *driver.Env, f *driver.Field, msg *amogatev1.CustomField) []any {
	one := func(value any) []any { return []any{valueWrite{Value: value}} }
	switch v := msg.GetValue().(type) {
	case *amogatev1.CustomField_Text:
		return one(v.Text)
	case *amogatev1.CustomField_Number:
		return one(v.Number)
	case *amogatev1.CustomField_Checkbox:
		if v.Checkbox {
			return one(1)
		}
		return one(0)
	case *amogatev1.CustomField_Choice:
		return one(v.Choice.GetOptionId())
	case *amogatev1.CustomField_Choices:
		// Bare ids, unlike every other type.
		values := []any{}
		for _, choice := range v.Choices.GetChoices() {
			values = append(values, choice.GetOptionId())
		}
		return values
	case *amogatev1.CustomField_Date:
		return one(writeDate(v.Date))
	case *amogatev1.CustomField_Birthday:
		return one(writeDate(v.Birthday))
	case *amogatev1.CustomField_DateTime:
		return one(v.DateTime.AsTime().In(location(env)).Format(time.DateTime))
	case *amogatev1.CustomField_Url:
		return one(v.Url)
	case *amogatev1.CustomField_Multitext:
		return writeMultitext(f, v.Multitext)
	case *amogatev1.CustomField_TextArea:
		return one(v.TextArea)
	case *amogatev1.CustomField_StreetAddress:
		return one(v.StreetAddress)
	case *amogatev1.CustomField_SmartAddress:
		return writeSmartAddress(v.SmartAddress)
	case *amogatev1.CustomField_LegalEntities:
		values := []any{}
		for _, entity := range v.LegalEntities.GetLegalEntities() {
			values = append(values, valueWrite{Value: withOther(newLegalEntityWrite(entity), entity.GetOther())})
		}
		return values
	case *amogatev1.CustomField_Organisation:
		return one(withOther(newOrganisationWrite(v.Organisation), v.Organisation.GetOther()))
	case *amogatev1.CustomField_Items:
		// Bare objects, without `value`.
		values := []any{}
		for _, item := range v.Items.GetItems() {
			values = append(values, withOther(newItemWrite(item), item.GetOther()))
		}
		return values
	}
	return []any{}
}

func writeDate(d *date.Date) string {
	return fmt.Sprintf("%04d-%02d-%02d 00:00:00", d.GetYear(), d.GetMonth(), d.GetDay())
}

func writeMultitext(f *driver.Field, multitext *amogatev1.Multitext) []any {
	values := []any{}
	for _, entry := range multitext.GetValues() {
		v := valueWrite{Value: entry.GetValue()}
		id := entry.GetKindId()
		if id == 0 {
			id = optionID(f, entry.GetKind())
		}
		if id != 0 {
			v.Enum = id
		} else {
			v.Enum = entry.GetKind()
		}
		values = append(values, v)
	}
	return values
}

// writeSmartAddress leaves empty parts out: upstream erases what is not sent.
func writeSmartAddress(address *amogatev1.SmartAddress) []any {
	values := []any{}
	if address == nil {
		return values
	}
	for _, part := range addressParts {
		if text := *part.field(address); text != "" {
			values = append(values, valueWrite{Value: text, Subtype: part.name})
		}
	}
	return values
}
