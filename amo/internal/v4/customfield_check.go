package v4

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

const (
	clearRemedy = "must not be empty; to clear the field send it without a value"
	numberForm  = "must be a decimal number such as -12.50"

	organisationRemedy = "API v4 does not take organisations; change custom_fields alone, which goes over API v2, or leave the field out"
)

// arm returns the name of the arm that is set; "" for none.
func arm(msg *amogatev1.CustomField) protoreflect.Name {
	m := msg.ProtoReflect()
	set := m.WhichOneof(m.Descriptor().Oneofs().ByName("value"))
	if set == nil {
		return ""
	}
	return set.Name()
}

// checkCustomFields reports what keeps fields from being written. Whether an arm
// is the one of the field's type is for upstream to say: the definitions are not
// known here. Organisations pass where they are compared with those there are.
func checkCustomFields(env *driver.Env, list []*amogatev1.CustomField, organisations bool, r *report) {
	seen := map[int64]bool{}
	for i, msg := range list {
		path := fmt.Sprintf("custom_fields[%d]", i)
		id := msg.GetFieldId()
		switch {
		case id <= 0:
			r.invalid(path+".field_id", "must be the id of a custom field")
			continue
		case seen[id]:
			r.invalid(path+".field_id", fmt.Sprintf("field %d is listed twice; list it once", id))
			continue
		}
		seen[id] = true
		if organisations && isOrganisation(msg) {
			continue
		}
		checkCustomField(env, path+"."+string(arm(msg)), msg, r)
	}
}

// checkCustomField checks the arm that path ends in.
func checkCustomField(env *driver.Env, path string, msg *amogatev1.CustomField, r *report) {
	switch v := msg.GetValue().(type) {
	case *amogatev1.CustomField_Raw:
		r.unsupported(path, "raw values cannot be written; leave the field out")
	case *amogatev1.CustomField_Organisation:
		r.unsupported(path, organisationRemedy)
	case *amogatev1.CustomField_Number:
		checkNumber(path, v.Number, r)
	case *amogatev1.CustomField_Choice:
		checkOption(path, v.Choice, r)
	case *amogatev1.CustomField_Choices:
		checkFilled(path, len(v.Choices.GetChoices()), r)
		for i, choice := range v.Choices.GetChoices() {
			checkOption(fmt.Sprintf("%s.choices[%d]", path, i), choice, r)
		}
	case *amogatev1.CustomField_Multitext:
		checkFilled(path, len(v.Multitext.GetValues()), r)
		for i, entry := range v.Multitext.GetValues() {
			checkEntry(fmt.Sprintf("%s.values[%d]", path, i), entry, r)
		}
	case *amogatev1.CustomField_Date:
		checkDay(location(env), path, v.Date, r)
	case *amogatev1.CustomField_Birthday:
		checkDay(location(env), path, v.Birthday, r)
	case *amogatev1.CustomField_DateTime:
		checkDateTime(path, v.DateTime, r)
	case *amogatev1.CustomField_SmartAddress:
		checkSmartAddress(path, v.SmartAddress, r)
	case *amogatev1.CustomField_LegalEntities:
		checkFilled(path, len(v.LegalEntities.GetLegalEntities()), r)
		for i, entity := range v.LegalEntities.GetLegalEntities() {
			checkLegalEntity(fmt.Sprintf("%s.legal_entities[%d]", path, i), entity, r)
		}
	case *amogatev1.CustomField_Items:
		checkFilled(path, len(v.Items.GetItems()), r)
		for i, item := range v.Items.GetItems() {
			checkItem(fmt.Sprintf("%s.items[%d]", path, i), item, r)
		}
	case *amogatev1.CustomField_LinkedEntity:
		checkID(path+".entity_id", v.LinkedEntity.GetEntityId(), "a record", r)
		checkText(path+".entity_type", v.LinkedEntity.GetEntityType(), r)
	case *amogatev1.CustomField_ChainedList:
		checkChainedList(path, v.ChainedList, r)
	case *amogatev1.CustomField_File:
		checkText(path+".file_uuid", v.File.GetFileUuid(), r)
		checkNotNegative(path+".file_size", v.File.GetFileSize(), r)
	case *amogatev1.CustomField_Payer:
		checkFilled(path, len(writePayer(v.Payer)), r)
	case *amogatev1.CustomField_Supplier:
		checkID(path+".entity_id", v.Supplier.GetEntityId(), "a record", r)
	}
}

func checkFilled(path string, n int, r *report) {
	if n == 0 {
		r.invalid(path, clearRemedy)
	}
}

func checkNumber(path, number string, r *report) {
	if !isNumber(number) {
		r.invalid(path, numberForm)
	}
}

func checkID(path string, id int64, what string, r *report) {
	if id <= 0 {
		r.invalid(path, "must be the id of "+what)
	}
}

func checkText(path, text string, r *report) {
	if strings.TrimSpace(text) == "" {
		r.invalid(path, "is required")
	}
}

func checkOption(path string, choice *amogatev1.Choice, r *report) {
	checkID(path+".option_id", choice.GetOptionId(), "an option of the field", r)
}

func checkEntry(path string, entry *amogatev1.MultitextValue, r *report) {
	checkText(path+".value", entry.GetValue(), r)
	switch {
	case entry.GetKindId() < 0:
		checkNotNegative(path+".kind_id", entry.GetKindId(), r)
	case entry.GetKindId() == 0 && entry.GetKind() == "":
		r.invalid(path+".kind", "kind or kind_id is required")
	}
}

func checkSmartAddress(path string, address *amogatev1.SmartAddress, r *report) {
	if address == nil {
		r.invalid(path, clearRemedy)
		return
	}
	checkFilled(path, len(writeSmartAddress(address)), r)
}

func checkLegalEntity(path string, entity *amogatev1.LegalEntity, r *report) {
	checkText(path+".name", entity.GetName(), r)
	if _, known := amogatev1.LegalEntityType_name[int32(entity.GetEntityType())]; !known {
		r.invalid(path+".entity_type", "is not a kind of legal entity")
	}
}

func checkItem(path string, item *amogatev1.Item, r *report) {
	for _, number := range []struct{ name, text string }{
		{"unit_price", item.GetUnitPrice()},
		{"quantity", item.GetQuantity()},
	} {
		if number.text != "" {
			checkNumber(path+"."+number.name, number.text, r)
		}
	}
	switch d := item.GetDiscount().GetDiscount().(type) {
	case *amogatev1.Discount_Amount:
		checkNumber(path+".discount.amount", d.Amount, r)
	case *amogatev1.Discount_Percentage:
		checkNumber(path+".discount.percentage", d.Percentage, r)
	}
	if item.GetDiscount() != nil && item.GetDiscount().GetDiscount() == nil {
		r.invalid(path+".discount", "amount or percentage is required")
	}
}

// maxChain is how many lists upstream links with each other.
const maxChain = 5

func checkChainedList(path string, chain *amogatev1.ChainedList, r *report) {
	values := chain.GetValues()
	checkFilled(path, len(values), r)
	if len(values) > maxChain {
		r.invalid(path+".values", fmt.Sprintf("must not be more than %d", maxChain))
	}
	for i, v := range values {
		at := fmt.Sprintf("%s.values[%d]", path, i)
		checkID(at+".catalog_id", v.GetCatalogId(), "a catalog", r)
		checkID(at+".element_id", v.GetElementId(), "an element", r)
	}
}
