package v2

import (
	"github.com/go-json-experiment/json"
	"google.golang.org/protobuf/types/known/structpb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// legalEntityWrite spells external_id as the documents of the field do, and
// external_uid only beside another external_id that came with the record.
type legalEntityWrite struct {
	Name                      string `json:"name"`
	EntityType                int32  `json:"entity_type,omitzero"`
	VatID                     string `json:"vat_id,omitzero"`
	Kpp                       string `json:"kpp,omitzero"`
	TaxRegistrationReasonCode string `json:"tax_registration_reason_code,omitzero"`
	Address                   string `json:"address,omitzero"`
	ExternalID                string `json:"external_id,omitzero"`
	ExternalUID               string `json:"external_uid,omitzero"`
}

func newLegalEntityWrite(entity *amogatev1.LegalEntity) legalEntityWrite {
	w := legalEntityWrite{
		Name:                      entity.GetName(),
		EntityType:                int32(entity.GetEntityType()),
		VatID:                     entity.GetVatId(),
		Kpp:                       entity.GetKpp(),
		TaxRegistrationReasonCode: entity.GetTaxRegistrationReasonCode(),
		Address:                   entity.GetAddress(),
	}
	if _, taken := entity.GetOther().GetFields()["external_id"]; taken {
		w.ExternalUID = entity.GetExternalUid()
	} else {
		w.ExternalID = entity.GetExternalUid()
	}
	return w
}

// organisationWrite has the keys of a recorded answer.
type organisationWrite struct {
	Name                      string `json:"name"`
	EntityType                int32  `json:"entity_type,omitzero"`
	VatID                     string `json:"vat_id,omitzero"`
	TaxRegistrationReasonCode string `json:"tax_registration_reason_code,omitzero"`
	Address                   string `json:"address,omitzero"`
	Kpp                       string `json:"kpp,omitzero"`
	ExternalUID               string `json:"external_uid,omitzero"`
	Line1                     string `json:"line1,omitzero"`
	Line2                     string `json:"line2,omitzero"`
	City                      string `json:"city,omitzero"`
	State                     string `json:"state,omitzero"`
	Zip                       string `json:"zip,omitzero"`
	Country                   string `json:"country,omitzero"`
	BankCode                  string `json:"bank_code,omitzero"`
}

func newOrganisationWrite(o *amogatev1.Organisation) organisationWrite {
	return organisationWrite{
		Name:                      o.GetName(),
		EntityType:                int32(o.GetEntityType()),
		VatID:                     o.GetVatId(),
		TaxRegistrationReasonCode: o.GetTaxRegistrationReasonCode(),
		Address:                   o.GetAddress(),
		Kpp:                       o.GetKpp(),
		ExternalUID:               o.GetExternalUid(),
		Line1:                     o.GetLine_1(),
		Line2:                     o.GetLine_2(),
		City:                      o.GetCity(),
		State:                     o.GetState(),
		Zip:                       o.GetZip(),
		Country:                   o.GetCountry(),
		BankCode:                  o.GetBankCode(),
	}
}

type itemWrite struct {
	Description string         `json:"description,omitzero"`
	UnitPrice   string         `json:"unit_price,omitzero"`
	UnitType    string         `json:"unit_type,omitzero"`
	Quantity    string         `json:"quantity,omitzero"`
	Discount    *discountWrite `json:"discount,omitzero"`
	VatRateID   int64          `json:"vat_rate_id,omitzero"`
	ExternalUID string         `json:"external_uid,omitzero"`
}

type discountWrite struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

func newItemWrite(item *amogatev1.Item) itemWrite {
	w := itemWrite{
		Description: item.GetDescription(),
		UnitPrice:   item.GetUnitPrice(),
		UnitType:    item.GetUnitType(),
		Quantity:    item.GetQuantity(),
		VatRateID:   item.GetVatRateId(),
		ExternalUID: item.GetExternalUid(),
	}
	switch d := item.GetDiscount().GetDiscount().(type) {
	case *amogatev1.Discount_Amount:
		w.Discount = &discountWrite{Type: "amount", Value: d.Amount}
	case *amogatev1.Discount_Percentage:
		w.Discount = &discountWrite{Type: "percentage", Value: d.Percentage}
	}
	return w
}

// withOther returns an object to write with the keys of other that it does not
// have itself: upstream replaces the whole object, and would lose them.
func withOther(object any, other *structpb.Struct) any {
	if len(other.GetFields()) == 0 {
		return object
	}
	data, err := json.Marshal(object)
	if err != nil {
		// A text that is no UTF-8: the request will not encode either.
		return object
	}
	// Raw values: decoded, large numbers would lose digits.
	members, err := readMembers(data)
	if err != nil {
		return object
	}
	merged := other.AsMap()
	for _, m := range members {
		merged[m.name] = m.value
	}
	return merged
}
