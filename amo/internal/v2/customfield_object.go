package v2

import (
	"strconv"

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
	if other := scalarText(r.members["external_id"]); uid == "" || other == "" || other == uid {
		if id := r.text("external_id"); uid == "" {
			return id
		}
	}
	return uid
}

// entityType takes the kind of a legal entity; a code that is unknown stays.
func (r *objectReader) entityType() amogatev1.LegalEntityType {
	code := scalarText(r.members["entity_type"])
	switch code {
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
			// The members of a decoded object are valid JSON.
			continue
		}
		other.Fields[key] = value
	}
	return other
}

func setLegalEntities(msg *amogatev1.CustomField, values []fieldValue) bool {
	entities := &amogatev1.LegalEntities{}
	for _, v := range values {
		r := readObject(v.Value)
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

func readOrganisation(raw jsontext.Value) *amogatev1.Organisation {
	r := readObject(raw)
	if r == nil {
		return nil
	}
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

// setItems reads the positions of an invoice: each is an object under `value`,
// or stands in a list inside of the list, or, as it is written, alone.
func setItems(msg *amogatev1.CustomField, values []fieldValue) bool {
	items := &amogatev1.Items{}
	for _, v := range values {
		var elements wire.List[jsontext.Value]
		if v.Value.Kind() == jsontext.KindBeginArray {
			if err := wire.Unmarshal(v.Value, &elements); err != nil {
				return false
			}
		} else {
			elements = wire.List[jsontext.Value]{v.Value}
		}
		for _, element := range elements {
			r := readObject(element)
			if r == nil {
				return false
			}
			items.Items = append(items.Items, r.item())
		}
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
		ExternalUid: r.externalUID(),
	}
	if id, err := strconv.ParseInt(scalarText(r.members["vat_rate_id"]), 10, 64); err == nil {
		item.VatRateId = id
		delete(r.members, "vat_rate_id")
	}
	for _, key := range []string{"vat_rate_id", "discount"} {
		if wire.IsEmpty(r.members[key]) {
			delete(r.members, key)
		}
	}
	if discount := readDiscount(r.members["discount"]); discount != nil {
		item.Discount = discount
		delete(r.members, "discount")
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
