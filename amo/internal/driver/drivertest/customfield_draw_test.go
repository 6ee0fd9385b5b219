package drivertest_test

import (
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// fieldTypes are the types of custom fields that a generation can write.
func (g *generation) fieldTypes() []emulator.FieldType {
	types := []emulator.FieldType{
		emulator.FieldText, emulator.FieldNumeric, emulator.FieldCheckbox, emulator.FieldSelect, emulator.FieldMultiselect,
		emulator.FieldDate, emulator.FieldURL, emulator.FieldMultitext, emulator.FieldTextarea, emulator.FieldRadiobutton,
		emulator.FieldStreetAddress, emulator.FieldSmartAddress, emulator.FieldBirthday, emulator.FieldLegalEntity,
		emulator.FieldItems, emulator.FieldDateTime,
	}
	if g.number == driver.V2 {
		types = append(types, emulator.FieldOrgLegalName)
	}
	return types
}

// writableFields are the definitions of custom fields that the generation can
// write.
func (s *scene) writableFields() []emulator.Field {
	types := s.fieldTypes()
	return slices.DeleteFunc(s.account.Fields(), func(f emulator.Field) bool { return !slices.Contains(types, f.Type) })
}

// drawCustomFields fills a few fields.
func drawCustomFields(rt *rapid.T, s *scene) []*amogatev1.CustomField {
	definitions := rapid.SliceOfNDistinct(rapid.SampledFrom(s.writableFields()), 1, 4, func(f emulator.Field) int64 { return f.ID }).Draw(rt, "custom fields")
	var fields []*amogatev1.CustomField
	for _, definition := range definitions {
		fields = append(fields, drawCustomField(rt, definition))
	}
	return fields
}

// drawCustomField fills one field.
func drawCustomField(rt *rapid.T, f emulator.Field) *amogatev1.CustomField {
	msg := &amogatev1.CustomField{FieldId: f.ID}
	switch f.Type {
	case emulator.FieldText:
		msg.Value = &amogatev1.CustomField_Text{Text: drawText(rt, "text")}
	case emulator.FieldNumeric:
		msg.Value = &amogatev1.CustomField_Number{Number: drawNumber(rt)}
	case emulator.FieldCheckbox:
		msg.Value = &amogatev1.CustomField_Checkbox{Checkbox: rapid.Bool().Draw(rt, "box")}
	case emulator.FieldSelect, emulator.FieldRadiobutton:
		msg.Value = &amogatev1.CustomField_Choice{Choice: drawChoices(rt, f, 1)[0]}
	case emulator.FieldMultiselect:
		msg.Value = &amogatev1.CustomField_Choices{Choices: &amogatev1.Choices{Choices: drawChoices(rt, f, len(f.Enums))}}
	case emulator.FieldDate:
		msg.Value = &amogatev1.CustomField_Date{Date: drawDay(rt)}
	case emulator.FieldBirthday:
		msg.Value = &amogatev1.CustomField_Birthday{Birthday: drawDay(rt)}
	case emulator.FieldDateTime:
		// Moscow's clocks were last put back in October 2014.
		at := rapid.Int64Range(1420070400, 4102444800).Draw(rt, "instant")
		msg.Value = &amogatev1.CustomField_DateTime{DateTime: &timestamppb.Timestamp{Seconds: at}}
	case emulator.FieldURL:
		msg.Value = &amogatev1.CustomField_Url{Url: "https://example.com/" + rapid.StringMatching(`[a-z0-9/_-]{0,20}`).Draw(rt, "url")}
	case emulator.FieldMultitext:
		msg.Value = &amogatev1.CustomField_Multitext{Multitext: drawMultitext(rt, f)}
	case emulator.FieldTextarea:
		msg.Value = &amogatev1.CustomField_TextArea{TextArea: drawText(rt, "text")}
	case emulator.FieldStreetAddress:
		msg.Value = &amogatev1.CustomField_StreetAddress{StreetAddress: drawText(rt, "address")}
	case emulator.FieldSmartAddress:
		msg.Value = &amogatev1.CustomField_SmartAddress{SmartAddress: &amogatev1.SmartAddress{
			AddressLine_1: drawText(rt, "line 1"), AddressLine_2: drawMaybe(rt, "line 2"), City: drawMaybe(rt, "city"),
			State: drawMaybe(rt, "state"), Zip: drawMaybe(rt, "zip"), Country: rapid.SampledFrom([]string{"", "RU", "KZ", "US"}).Draw(rt, "country"),
		}}
	case emulator.FieldLegalEntity:
		msg.Value = &amogatev1.CustomField_LegalEntities{LegalEntities: &amogatev1.LegalEntities{
			LegalEntities: []*amogatev1.LegalEntity{drawLegalEntity(rt)},
		}}
	case emulator.FieldItems:
		var items []*amogatev1.Item
		for range rapid.IntRange(1, 3).Draw(rt, "items") {
			items = append(items, drawItem(rt))
		}
		msg.Value = &amogatev1.CustomField_Items{Items: &amogatev1.Items{Items: items}}
	case emulator.FieldOrgLegalName:
		msg.Value = &amogatev1.CustomField_Organisation{Organisation: &amogatev1.Organisation{
			Name: drawText(rt, "name"), EntityType: drawEntityType(rt), VatId: drawDigits(rt, "tax number"), Address: drawMaybe(rt, "address"),
			Kpp: drawDigits(rt, "kpp"), TaxRegistrationReasonCode: drawDigits(rt, "code"), ExternalUid: drawDigits(rt, "uid"),
			Line_1: drawMaybe(rt, "line 1"), Line_2: drawMaybe(rt, "line 2"), City: drawMaybe(rt, "city"), State: drawMaybe(rt, "state"),
			Zip: drawDigits(rt, "zip"), Country: drawMaybe(rt, "country"), BankCode: drawDigits(rt, "bank"),
		}}
	default:
		rt.Fatalf("no values are known of fields of type %d", f.Type)
	}
	return msg
}

func drawMaybe(rt *rapid.T, label string) string {
	if rapid.Bool().Draw(rt, "no "+label) {
		return ""
	}
	return drawText(rt, label)
}

func drawDigits(rt *rapid.T, label string) string {
	return rapid.StringMatching(`([1-9][0-9]{5,12})?`).Draw(rt, label)
}

func drawNumber(rt *rapid.T) string {
	return rapid.StringMatching(`(0|-?[1-9][0-9]{0,8})(\.[0-9]{0,3}[1-9])?`).Draw(rt, "number")
}

// drawSmall is drawNumber for what is multiplied: the product stays exact.
func drawSmall(rt *rapid.T, label string) string {
	return rapid.StringMatching(`(0|[1-9][0-9]{0,5})(\.[0-9]?[1-9])?`).Draw(rt, label)
}

func drawDay(rt *rapid.T) *date.Date {
	day := time.Date(1900, time.January, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 73000).Draw(rt, "day"))
	return &date.Date{Year: int32(day.Year()), Month: int32(day.Month()), Day: int32(day.Day())}
}

func drawChoices(rt *rapid.T, f emulator.Field, most int) []*amogatev1.Choice {
	options := rapid.SliceOfNDistinct(rapid.SampledFrom(f.Enums), 1, most, func(e emulator.Enum) int64 { return e.ID }).Draw(rt, "options")
	var choices []*amogatev1.Choice
	for _, option := range options {
		choices = append(choices, &amogatev1.Choice{OptionId: option.ID})
	}
	return choices
}

// drawMultitext names some kinds by id and some by name.
func drawMultitext(rt *rapid.T, f emulator.Field) *amogatev1.Multitext {
	multitext := &amogatev1.Multitext{}
	for range rapid.IntRange(1, 4).Draw(rt, "entries") {
		kind := rapid.SampledFrom(f.Enums).Draw(rt, "kind")
		entry := &amogatev1.MultitextValue{Value: rapid.StringMatching(`\+7[0-9]{10}|[a-z]{1,8}@example\.com`).Draw(rt, "entry")}
		if rapid.Bool().Draw(rt, "kind by id") {
			entry.KindId = kind.ID
		} else {
			entry.Kind = kind.Value
		}
		multitext.Values = append(multitext.Values, entry)
	}
	return multitext
}

func drawEntityType(rt *rapid.T) amogatev1.LegalEntityType {
	return rapid.SampledFrom([]amogatev1.LegalEntityType{
		amogatev1.LegalEntityType_LEGAL_ENTITY_TYPE_UNSPECIFIED,
		amogatev1.LegalEntityType_LEGAL_ENTITY_TYPE_SOLE_TRADER,
		amogatev1.LegalEntityType_LEGAL_ENTITY_TYPE_COMPANY,
	}).Draw(rt, "entity type")
}

func drawLegalEntity(rt *rapid.T) *amogatev1.LegalEntity {
	return &amogatev1.LegalEntity{
		Name: drawText(rt, "name"), EntityType: drawEntityType(rt), VatId: drawDigits(rt, "tax number"), Kpp: drawDigits(rt, "kpp"),
		TaxRegistrationReasonCode: drawDigits(rt, "code"), Address: drawMaybe(rt, "address"), ExternalUid: drawDigits(rt, "uid"),
	}
}

func drawItem(rt *rapid.T) *amogatev1.Item {
	item := &amogatev1.Item{Description: drawText(rt, "description"), UnitPrice: drawSmall(rt, "price"), UnitType: "pcs", Quantity: drawSmall(rt, "quantity")}
	switch rapid.IntRange(0, 2).Draw(rt, "discount") {
	case 1:
		item.Discount = &amogatev1.Discount{Discount: &amogatev1.Discount_Amount{Amount: drawSmall(rt, "amount")}}
	case 2:
		item.Discount = &amogatev1.Discount{Discount: &amogatev1.Discount_Percentage{Percentage: drawSmall(rt, "percentage")}}
	}
	return item
}

// plainCustomFields keeps of fields what a caller writes: ids and values. An
// empty box is no value. Kinds are named by their names.
func plainCustomFields(a *account, fields []*amogatev1.CustomField) []*amogatev1.CustomField {
	kinds := map[int64]string{}
	for _, f := range a.Fields() {
		for _, e := range f.Enums {
			kinds[e.ID] = e.Value
		}
	}
	fields = slices.DeleteFunc(fields, func(f *amogatev1.CustomField) bool {
		box, isBox := f.GetValue().(*amogatev1.CustomField_Checkbox)
		return f.GetValue() == nil || isBox && !box.Checkbox
	})
	slices.SortFunc(fields, func(x, y *amogatev1.CustomField) int { return compareIDs(x.GetFieldId(), y.GetFieldId()) })
	for _, f := range fields {
		f.Code, f.Name, f.Type, f.TypeCode = "", "", 0, ""
		if f.GetChoice() != nil {
			f.GetChoice().Name = ""
		}
		for _, choice := range f.GetChoices().GetChoices() {
			choice.Name = ""
		}
		for _, entity := range f.GetLegalEntities().GetLegalEntities() {
			entity.Other = nil
		}
		for _, item := range f.GetItems().GetItems() {
			plainItem(item)
		}
		for _, entry := range f.GetMultitext().GetValues() {
			if entry.GetKindId() != 0 {
				entry.Kind = kinds[entry.GetKindId()]
			}
			entry.KindId = 0
		}
	}
	return fields
}

// plainItem keeps of a position what a caller writes, in one spelling: upstream
// counts with its numbers, and fills in what is not told.
func plainItem(item *amogatev1.Item) {
	item.Other = nil
	item.UnitPrice, item.Quantity = plainNumber(item.GetUnitPrice()), plainNumber(item.GetQuantity())
	switch d := item.GetDiscount().GetDiscount().(type) {
	case *amogatev1.Discount_Amount:
		d.Amount = plainNumber(d.Amount)
		if d.Amount == "0" {
			item.Discount = nil
		}
	case *amogatev1.Discount_Percentage:
		d.Percentage = plainNumber(d.Percentage)
		if d.Percentage == "0" {
			item.Discount = nil
		}
	}
}

// mergeCustomFields replaces the fields of a record that value lists, and keeps
// the others.
func mergeCustomFields[T interface {
	GetCustomFields() []*amogatev1.CustomField
	message
}](record, value T) {
	listed := map[int64]bool{}
	for _, f := range value.GetCustomFields() {
		listed[f.GetFieldId()] = true
	}
	merged := slices.Clone(value.GetCustomFields())
	for _, f := range record.GetCustomFields() {
		if !listed[f.GetFieldId()] {
			merged = append(merged, f)
		}
	}
	list := record.ProtoReflect().Mutable(fieldNamed(record, "custom_fields")).List()
	list.Truncate(0)
	for _, f := range merged {
		list.Append(protoreflect.ValueOfMessage(f.ProtoReflect()))
	}
}
