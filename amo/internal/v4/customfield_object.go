package v4

import (
	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// objectReader takes known keys out of an object of upstream and keeps the rest.
type objectReader struct {
	members map[string]jsontext.Value
}

// readObject returns nil when raw is no object.
func readObject(raw jsontext.Value) *objectReader {
	if raw.Kind() != jsontext.KindBeginObject {
		return nil
	}
	members, err := readMembers(raw)
	if err != nil {
		return nil
	}
	r := &objectReader{members: make(map[string]jsontext.Value, len(members))}
	for _, m := range members {
		r.members[m.name] = m.value
	}
	return r
}

// text takes a scalar; null is the empty text. A container stays.
func (r *objectReader) text(key string) string {
	raw, ok := r.members[key]
	if !ok {
		return ""
	}
	var t wire.Text
	if err := wire.Unmarshal(raw, &t); err != nil {
		return ""
	}
	delete(r.members, key)
	return t.Value
}

// externalUID takes the id in another system, whose key is spelt in two ways.
// When both differ, external_id stays.
func (r *objectReader) externalUID() string {
	uid := r.text("external_uid")
	other := scalarText(r.members["external_id"])
	if uid == "" || other == "" || other == uid {
		if id := r.text("external_id"); uid == "" {
			return id
		}
	}
	return uid
}

// id takes an id; 0 and null are none. Anything else stays.
func (r *objectReader) id(key string) int64 {
	var i wire.Int
	raw, ok := r.members[key]
	if !ok {
		return 0
	}
	if err := wire.Unmarshal(raw, &i); err != nil || i.Value < 0 {
		return 0
	}
	delete(r.members, key)
	return i.Value
}

// entityType takes the kind of a legal entity; a code that is unknown stays.
func (r *objectReader) entityType() amogatev1.LegalEntityType {
	switch scalarText(r.members["entity_type"]) {
	case "1":
		delete(r.members, "entity_type")
		return amogatev1.LegalEntityType_LEGAL_ENTITY_TYPE_SOLE_TRADER
	case "2":
		delete(r.members, "entity_type")
		return amogatev1.LegalEntityType_LEGAL_ENTITY_TYPE_COMPANY
	case "", "0":
		_ = r.text("entity_type")
	}
	return amogatev1.LegalEntityType_LEGAL_ENTITY_TYPE_UNSPECIFIED
}

// number takes a decimal number; anything else stays.
func (r *objectReader) number(key string) string {
	text := scalarText(r.members[key])
	if text != "" && !isNumber(text) {
		return ""
	}
	_ = r.text(key)
	return text
}

// rest returns what was not taken; nil when nothing is left.
func (r *objectReader) rest() *structpb.Struct {
	if len(r.members) == 0 {
		return nil
	}
	other := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for key, raw := range r.members {
		value, err := wire.Value(raw)
		if err != nil {
			// A list that is longer than any of upstream's.
			continue
		}
		other.Fields[key] = value
	}
	return other
}

func setLegalEntities(msg *amogatev1.CustomField, values []fieldValue) bool {
	entities := &amogatev1.LegalEntities{}
	for i := range values {
		r := readObject(values[i].Value)
		if r == nil {
			return false
		}
		entities.LegalEntities = append(entities.LegalEntities, &amogatev1.LegalEntity{
			Name:                      r.text("name"),
			EntityType:                r.entityType(),
			VatId:                     r.text("vat_id"),
			Kpp:                       r.text("kpp"),
			TaxRegistrationReasonCode: r.text("tax_registration_reason_code"),
			Address:                   r.text("address"),
			ExternalUid:               r.externalUID(),
			Other:                     r.rest(),
		})
	}
	msg.Value = &amogatev1.CustomField_LegalEntities{LegalEntities: entities}
	return true
}

func setItems(msg *amogatev1.CustomField, values []fieldValue) bool {
	items := &amogatev1.Items{}
	for i := range values {
		r := readObject(values[i].Value)
		if r == nil {
			return false
		}
		items.Items = append(items.Items, r.item())
	}
	msg.Value = &amogatev1.CustomField_Items{Items: items}
	return true
}

func (r *objectReader) item() *amogatev1.Item {
	item := &amogatev1.Item{
		Description: r.text("description"),
		UnitPrice:   r.number("unit_price"),
		UnitType:    r.text("unit_type"),
		Quantity:    r.number("quantity"),
		VatRateId:   r.id("vat_rate_id"),
		ExternalUid: r.externalUID(),
	}
	if raw, ok := r.members["discount"]; ok {
		item.Discount = readDiscount(raw)
		if item.GetDiscount() != nil || wire.IsEmpty(raw) {
			delete(r.members, "discount")
		}
	}
	item.Other = r.rest()
	return item
}

// readDiscount reads {"type":"amount","value":5}; nil for anything else.
func readDiscount(raw jsontext.Value) *amogatev1.Discount {
	r := readObject(raw)
	if r == nil {
		return nil
	}
	kind, value := r.text("type"), r.number("value")
	if value == "" || len(r.members) != 0 {
		return nil
	}
	switch kind {
	case "amount":
		return &amogatev1.Discount{Discount: &amogatev1.Discount_Amount{Amount: value}}
	case "percentage":
		return &amogatev1.Discount{Discount: &amogatev1.Discount_Percentage{Percentage: value}}
	}
	return nil
}

// setObject sets the arm of a type whose value is one object.
func setObject(msg *amogatev1.CustomField, raw jsontext.Value) bool {
	r := readObject(raw)
	if r == nil {
		return false
	}
	switch msg.GetType() {
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_ORG_LEGAL_NAME:
		msg.Value = &amogatev1.CustomField_Organisation{Organisation: r.organisation()}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_LINKED_ENTITY:
		msg.Value = &amogatev1.CustomField_LinkedEntity{LinkedEntity: &amogatev1.LinkedEntity{
			Name:       r.text("name"),
			EntityId:   r.id("entity_id"),
			EntityType: r.text("entity_type"),
			CatalogId:  r.id("catalog_id"),
		}}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_FILE:
		return setFile(msg, r)
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_PAYER:
		msg.Value = &amogatev1.CustomField_Payer{Payer: &amogatev1.Payer{
			Name:       r.text("name"),
			EntityType: r.text("entity_type"),
			EntityId:   r.id("entity_id"),
			VatId:      r.text("vat_id"),
			Type:       r.text("type"),
			Phone:      r.text("phone"),
			Email:      r.text("email"),
			Other:      r.rest(),
		}}
	case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_SUPPLIER:
		msg.Value = &amogatev1.CustomField_Supplier{Supplier: &amogatev1.Supplier{
			EntityId: r.id("entity_id"),
			Other:    r.rest(),
		}}
	default:
		return false
	}
	return true
}

func (r *objectReader) organisation() *amogatev1.Organisation {
	return &amogatev1.Organisation{
		Name:                      r.text("name"),
		EntityType:                r.entityType(),
		VatId:                     r.text("vat_id"),
		TaxRegistrationReasonCode: r.text("tax_registration_reason_code"),
		Address:                   r.text("address"),
		Kpp:                       r.text("kpp"),
		ExternalUid:               r.externalUID(),
		Line_1:                    r.text("line1"),
		Line_2:                    r.text("line2"),
		City:                      r.text("city"),
		State:                     r.text("state"),
		Zip:                       r.text("zip"),
		Country:                   r.text("country"),
		BankCode:                  r.text("bank_code"),
		Other:                     r.rest(),
	}
}

func setFile(msg *amogatev1.CustomField, r *objectReader) bool {
	file := &amogatev1.File{
		FileUuid:    r.text("file_uuid"),
		VersionUuid: r.text("version_uuid"),
		FileName:    r.text("file_name"),
		FileSize:    r.id("file_size"),
	}
	if raw, ok := r.members["is_deleted"]; ok {
		var deleted wire.Bool
		if err := wire.Unmarshal(raw, &deleted); err != nil {
			return false
		}
		if deleted.Set {
			file.Deleted = new(deleted.Value)
		}
	}
	if file.GetFileUuid() == "" {
		return false
	}
	msg.Value = &amogatev1.CustomField_File{File: file}
	return true
}
