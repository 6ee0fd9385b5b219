package v4

import (
	"maps"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// fieldWrite is a custom field as it is written. Nil values are null, which
// clears the field; upstream refuses an empty list.
type fieldWrite struct {
	ID     int64        `json:"field_id"`
	Values []valueWrite `json:"values"`
}

// valueWrite is one element of the values. Upstream refuses keys that the type
// does not know.
type valueWrite struct {
	Value            any    `json:"value,omitzero"`
	EnumID           int64  `json:"enum_id,omitzero"`
	EnumCode         string `json:"enum_code,omitzero"`
	CatalogID        int64  `json:"catalog_id,omitzero"`
	CatalogElementID int64  `json:"catalog_element_id,omitzero"`
}

// writeCustomFields turns checked fields into what upstream takes. The arm
// alone tells the type.
func writeCustomFields(env *driver.Env, list []*amogatev1.CustomField) []fieldWrite {
	writes := make([]fieldWrite, 0, len(list))
	for _, msg := range list {
		writes = append(writes, fieldWrite{ID: msg.GetFieldId(), Values: writeValues(env, msg)})
	}
	return writes
}

// writeValues returns nil for a field without a value.
func writeValues(env *driver.Env, msg *amogatev1.CustomField) []valueWrite {
	one := func(value any) []valueWrite { return []valueWrite{{Value: value}} }
	switch v := msg.GetValue().(type) {
	case *amogatev1.CustomField_Text:
		return one(v.Text)
	case *amogatev1.CustomField_Number:
		return one(v.Number)
	case *amogatev1.CustomField_Checkbox:
		return one(v.Checkbox)
	case *amogatev1.CustomField_Choice:
		return []valueWrite{{EnumID: v.Choice.GetOptionId()}}
	case *amogatev1.CustomField_Choices:
		return writeChoices(v.Choices)
	case *amogatev1.CustomField_Date:
		return one(writeDay(location(env), v.Date))
	case *amogatev1.CustomField_Birthday:
		return one(writeDay(location(env), v.Birthday))
	case *amogatev1.CustomField_DateTime:
		return one(writeInstant(v.DateTime))
	case *amogatev1.CustomField_Url:
		return one(v.Url)
	case *amogatev1.CustomField_Multitext:
		return writeMultitext(v.Multitext)
	case *amogatev1.CustomField_TextArea:
		return one(v.TextArea)
	case *amogatev1.CustomField_StreetAddress:
		return one(v.StreetAddress)
	case *amogatev1.CustomField_SmartAddress:
		return writeSmartAddress(v.SmartAddress)
	case *amogatev1.CustomField_LegalEntities:
		return writeLegalEntities(v.LegalEntities)
	case *amogatev1.CustomField_Items:
		return writeItems(v.Items)
	case *amogatev1.CustomField_LinkedEntity:
		return one(writeLinkedEntity(v.LinkedEntity))
	case *amogatev1.CustomField_ChainedList:
		return writeChainedList(v.ChainedList)
	case *amogatev1.CustomField_File:
		return one(writeFile(v.File))
	case *amogatev1.CustomField_Payer:
		return one(writePayer(v.Payer))
	case *amogatev1.CustomField_Supplier:
		return one(writeSupplier(v.Supplier))
	}
	return nil
}

// writeChoices writes ids alone: of a multiple choice upstream refuses codes.
func writeChoices(choices *amogatev1.Choices) []valueWrite {
	var values []valueWrite
	for _, choice := range choices.GetChoices() {
		values = append(values, valueWrite{EnumID: choice.GetOptionId()})
	}
	return values
}

func writeMultitext(multitext *amogatev1.Multitext) []valueWrite {
	var values []valueWrite
	for _, entry := range multitext.GetValues() {
		v := valueWrite{Value: entry.GetValue(), EnumID: entry.GetKindId()}
		if v.EnumID == 0 {
			v.EnumCode = entry.GetKind()
		}
		values = append(values, v)
	}
	return values
}

// writeSmartAddress leaves empty parts out: upstream erases what is not sent.
func writeSmartAddress(address *amogatev1.SmartAddress) []valueWrite {
	var values []valueWrite
	for _, part := range addressParts {
		if text := *part.field(address); text != "" {
			values = append(values, valueWrite{Value: text, EnumCode: part.code})
		}
	}
	return values
}

func writeChainedList(chain *amogatev1.ChainedList) []valueWrite {
	var values []valueWrite
	for _, v := range chain.GetValues() {
		values = append(values, valueWrite{CatalogID: v.GetCatalogId(), CatalogElementID: v.GetElementId()})
	}
	return values
}

func writeLegalEntities(entities *amogatev1.LegalEntities) []valueWrite {
	var values []valueWrite
	for _, entity := range entities.GetLegalEntities() {
		object := newObject(entity.GetOther())
		object.text("name", entity.GetName())
		object.id("entity_type", int64(entity.GetEntityType()))
		object.text("vat_id", entity.GetVatId())
		object.text("kpp", entity.GetKpp())
		object.text("tax_registration_reason_code", entity.GetTaxRegistrationReasonCode())
		object.text("address", entity.GetAddress())
		object.text("external_uid", entity.GetExternalUid())
		values = append(values, valueWrite{Value: object})
	}
	return values
}

// computedItemKeys are the keys of a position that upstream works out itself.
var computedItemKeys = []string{
	"is_discount_recalculated", "is_total_sum_recalculated", "total_sum", "vat_rate_value", "bonus_points_per_purchase",
}

func writeItems(items *amogatev1.Items) []valueWrite {
	var values []valueWrite
	for _, item := range items.GetItems() {
		object := newObject(item.GetOther())
		for _, key := range computedItemKeys {
			delete(object, key)
		}
		object.text("description", item.GetDescription())
		object.number("unit_price", item.GetUnitPrice())
		object.text("unit_type", item.GetUnitType())
		object.number("quantity", item.GetQuantity())
		object.id("vat_rate_id", item.GetVatRateId())
		object.text("external_uid", item.GetExternalUid())
		switch d := item.GetDiscount().GetDiscount().(type) {
		case *amogatev1.Discount_Amount:
			object["discount"] = map[string]any{"type": "amount", "value": jsonNumber(d.Amount)}
		case *amogatev1.Discount_Percentage:
			object["discount"] = map[string]any{"type": "percentage", "value": jsonNumber(d.Percentage)}
		}
		values = append(values, valueWrite{Value: object})
	}
	return values
}

func writeLinkedEntity(entity *amogatev1.LinkedEntity) objectWrite {
	object := objectWrite{}
	object.text("name", entity.GetName())
	object.id("entity_id", entity.GetEntityId())
	object.text("entity_type", entity.GetEntityType())
	object.id("catalog_id", entity.GetCatalogId())
	return object
}

func writeFile(file *amogatev1.File) objectWrite {
	object := objectWrite{}
	object.text("file_uuid", file.GetFileUuid())
	object.text("version_uuid", file.GetVersionUuid())
	object.text("file_name", file.GetFileName())
	object.id("file_size", file.GetFileSize())
	return object
}

func writePayer(payer *amogatev1.Payer) objectWrite {
	object := newObject(payer.GetOther())
	object.text("name", payer.GetName())
	object.text("entity_type", payer.GetEntityType())
	object.id("entity_id", payer.GetEntityId())
	object.text("vat_id", payer.GetVatId())
	object.text("type", payer.GetType())
	object.text("phone", payer.GetPhone())
	object.text("email", payer.GetEmail())
	return object
}

func writeSupplier(supplier *amogatev1.Supplier) objectWrite {
	object := newObject(supplier.GetOther())
	object.id("entity_id", supplier.GetEntityId())
	return object
}

// objectWrite is an object with its filled keys: upstream shows keys of other
// countries that it refuses, all of them empty.
type objectWrite map[string]any

// newObject begins with the filled keys of other. Fields win over them.
func newObject(other *structpb.Struct) objectWrite {
	object := objectWrite(other.AsMap())
	if object == nil {
		return objectWrite{}
	}
	maps.DeleteFunc(object, func(_ string, value any) bool {
		switch v := value.(type) {
		case nil:
			return true
		case string:
			return v == ""
		case []any:
			return len(v) == 0
		case map[string]any:
			return len(v) == 0
		}
		return false
	})
	return object
}

func (o objectWrite) text(key, text string) {
	if text != "" {
		o[key] = text
	}
}

func (o objectWrite) id(key string, id int64) {
	if id != 0 {
		o[key] = id
	}
}

func (o objectWrite) number(key, number string) {
	if number != "" {
		o[key] = jsonNumber(number)
	}
}
