package v2_test

import (
	"html"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Zones that put their clocks forward at midnight, by half an hour, or never.
var zones = []string{"Europe/Moscow", "America/Sao_Paulo", "America/Havana", "Australia/Lord_Howe", "Pacific/Apia", "UTC"}

// A valid customer, written and read back as upstream shows it, is the same.
func TestCustomers_surviveUpstream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		env := testEnv(t)
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(rt, "zone"))
		if err != nil {
			rt.Fatal(err)
		}
		env.Location = zone
		want := drawCustomer(rt, env)
		if customers.Check(env, driver.OpCreate, want, nil) != nil {
			return // An hour that came twice.
		}
		call, err := customers.Create(env, []*amogatev1.Customer{want})
		if err != nil {
			rt.Fatal(err)
		}
		var sent struct {
			Add []map[string]jsontext.Value `json:"add"`
		}
		if err := json.Unmarshal(call.Body, &sent); err != nil {
			rt.Fatal(err)
		}
		answer, err := json.Marshal(map[string]any{"_embedded": map[string]any{"items": []any{readForm(rt, env, sent.Add[0])}}})
		if err != nil {
			rt.Fatal(err)
		}
		page, err := customers.DecodeList(env, answer)
		if err != nil {
			rt.Fatal(err)
		}
		want.Id = 1
		if diff := cmp.Diff(want, page.Rows[0], protocmp.Transform(), protocmp.IgnoreFields(&amogatev1.Tag{}, "id")); diff != "" {
			rt.Fatalf("%s\n%s\n%s", call.Body, answer, diff)
		}
	})
}

// drawCustomer returns a customer as a read tells it: with the names of fields
// and options, which a write ignores.
func drawCustomer(rt *rapid.T, env *driver.Env) *amogatev1.Customer {
	id := rapid.Int64Range(1, 1<<62)
	instant := rapid.Custom(func(rt *rapid.T) *timestamppb.Timestamp {
		return &timestamppb.Timestamp{Seconds: rapid.Int64Range(1, 253402300799).Draw(rt, "seconds")}
	})
	c := &amogatev1.Customer{
		Name:              "x" + rapid.String().Draw(rt, "name"),
		NextPurchaseTime:  instant.Draw(rt, "next purchase"),
		CreateTime:        instant.Draw(rt, "created"),
		NextPrice:         &money.Money{CurrencyCode: env.Currency, Units: rapid.Int64Min(0).Draw(rt, "price")},
		ResponsibleUserId: new(id.Draw(rt, "user")),
		CreatedBy:         new(rapid.Int64Range(0, 1<<62).Draw(rt, "creator")),
		PeriodId:          new(id.Draw(rt, "period")),
		Periodicity:       new(rapid.Int32Min(0).Draw(rt, "periodicity")),
		CompanyId:         new(id.Draw(rt, "company")),
		ContactIds:        rapid.SliceOfDistinct(id, rapid.ID[int64]).Draw(rt, "contacts"),
	}
	for _, name := range rapid.SliceOfDistinct(rapid.StringMatching(`\S([^,]*\S)?`).Filter(func(s string) bool {
		return strings.TrimSpace(s) == s && !strings.Contains(s, ",")
	}), rapid.ID[string]).Draw(rt, "tags") {
		c.Tags = append(c.Tags, &amogatev1.Tag{Name: name})
	}
	for catalog := range rapid.Int64Range(0, 3).Draw(rt, "catalogs") {
		c.CatalogElements = append(c.CatalogElements, &amogatev1.CatalogElementLink{
			CatalogId: catalog + 1, ElementId: id.Draw(rt, "element"), Quantity: rapid.Float64Range(0, 1e15).Draw(rt, "quantity"),
		})
	}
	for _, fieldID := range rapid.SliceOfDistinct(rapid.SampledFrom([]int64{
		textField, multiselectField, smartAddressField, numericField, checkboxField, selectField, dateField, urlField, multitextField,
		textareaField, radiobuttonField, streetAddressField, birthdayField, legalEntityField, itemsField, orgField, dateTimeField,
	}), rapid.ID[int64]).Draw(rt, "fields") {
		f := env.Fields["customers"][fieldID]
		field := &amogatev1.CustomField{FieldId: f.ID, Name: f.Name, Code: f.Code, Type: f.Type, TypeCode: f.TypeCode}
		drawValue(rt, &f, field)
		c.CustomFields = append(c.CustomFields, field)
	}
	return c
}

func drawValue(rt *rapid.T, f *driver.Field, field *amogatev1.CustomField) {
	text := rapid.String()
	number := rapid.StringMatching(`[+-]?([0-9]{1,20}(\.[0-9]{0,9})?|\.[0-9]{1,9})`)
	entityType := rapid.SampledFrom([]amogatev1.LegalEntityType{0, 1, 2})
	choice := rapid.Custom(func(rt *rapid.T) *amogatev1.Choice {
		var ids []int64
		for id := range f.Options {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		id := rapid.SampledFrom(ids).Draw(rt, "option")
		return &amogatev1.Choice{OptionId: id, Name: f.Options[id]}
	})
	day := rapid.OneOf(rapid.Custom(func(rt *rapid.T) *date.Date {
		at := time.Unix(rapid.Int64Range(-30e9, 200e9).Draw(rt, "day"), 0).UTC()
		return &date.Date{Year: int32(at.Year()), Month: int32(at.Month()), Day: int32(at.Day())}
	}), rapid.Just(&date.Date{Year: 2018, Month: 11, Day: 4}), rapid.Just(&date.Date{Year: 2011, Month: 12, Day: 30}))
	other := rapid.Custom(func(rt *rapid.T) *structpb.Struct {
		if rapid.Bool().Draw(rt, "known keys only") {
			return nil
		}
		return &structpb.Struct{Fields: map[string]*structpb.Value{
			"x" + text.Draw(rt, "key"): structpb.NewStringValue(text.Draw(rt, "value")),
			"n":                        structpb.NewNumberValue(rapid.Float64Range(-1e15, 1e15).Draw(rt, "n")),
		}}
	})
	switch field.GetFieldId() {
	case textField:
		field.Value = &amogatev1.CustomField_Text{Text: text.Draw(rt, "text")}
	case urlField:
		field.Value = &amogatev1.CustomField_Url{Url: text.Draw(rt, "url")}
	case textareaField:
		field.Value = &amogatev1.CustomField_TextArea{TextArea: text.Draw(rt, "area")}
	case streetAddressField:
		field.Value = &amogatev1.CustomField_StreetAddress{StreetAddress: text.Draw(rt, "street")}
	case numericField:
		field.Value = &amogatev1.CustomField_Number{Number: number.Draw(rt, "number")}
	case checkboxField:
		field.Value = &amogatev1.CustomField_Checkbox{Checkbox: rapid.Bool().Draw(rt, "ticked")}
	case selectField, radiobuttonField:
		field.Value = &amogatev1.CustomField_Choice{Choice: choice.Draw(rt, "choice")}
	case multiselectField:
		choices := rapid.SliceOfNDistinct(choice, 1, 3, (*amogatev1.Choice).GetOptionId).Draw(rt, "choices")
		field.Value = &amogatev1.CustomField_Choices{Choices: &amogatev1.Choices{Choices: choices}}
	case dateField:
		field.Value = &amogatev1.CustomField_Date{Date: day.Draw(rt, "date")}
	case birthdayField:
		field.Value = &amogatev1.CustomField_Birthday{Birthday: day.Draw(rt, "birthday")}
	case dateTimeField:
		field.Value = &amogatev1.CustomField_DateTime{DateTime: &timestamppb.Timestamp{Seconds: rapid.Int64Range(-30e9, 200e9).Draw(rt, "instant")}}
	case multitextField:
		m := &amogatev1.Multitext{}
		for range rapid.IntRange(1, 3).Draw(rt, "phones") {
			kind := choice.Draw(rt, "kind")
			m.Values = append(m.Values, &amogatev1.MultitextValue{Value: "+" + text.Draw(rt, "phone"), Kind: kind.GetName(), KindId: kind.GetOptionId()})
		}
		field.Value = &amogatev1.CustomField_Multitext{Multitext: m}
	case smartAddressField:
		field.Value = &amogatev1.CustomField_SmartAddress{SmartAddress: &amogatev1.SmartAddress{
			AddressLine_1: text.Draw(rt, "line 1"), AddressLine_2: text.Draw(rt, "line 2"), City: text.Draw(rt, "city"),
			State: text.Draw(rt, "state"), Zip: text.Draw(rt, "zip"), Country: "RU",
		}}
	case legalEntityField:
		list := &amogatev1.LegalEntities{}
		for range rapid.IntRange(1, 2).Draw(rt, "entities") {
			entity := &amogatev1.LegalEntity{
				Name: "x" + text.Draw(rt, "name"), EntityType: entityType.Draw(rt, "entity type"), VatId: text.Draw(rt, "vat id"),
				Kpp: text.Draw(rt, "kpp"), TaxRegistrationReasonCode: text.Draw(rt, "ogrn"), Address: text.Draw(rt, "address"),
				ExternalUid: "x" + text.Draw(rt, "uid"), Other: other.Draw(rt, "other"),
			}
			if rapid.Bool().Draw(rt, "second id") {
				entity.Other = &structpb.Struct{Fields: map[string]*structpb.Value{"external_id": structpb.NewStringValue("another id")}}
			}
			list.LegalEntities = append(list.LegalEntities, entity)
		}
		field.Value = &amogatev1.CustomField_LegalEntities{LegalEntities: list}
	case orgField:
		field.Value = &amogatev1.CustomField_Organisation{Organisation: &amogatev1.Organisation{
			Name: "x" + text.Draw(rt, "name"), EntityType: entityType.Draw(rt, "entity type"), VatId: text.Draw(rt, "vat id"),
			TaxRegistrationReasonCode: text.Draw(rt, "ogrn"), Address: text.Draw(rt, "address"), Kpp: text.Draw(rt, "kpp"),
			ExternalUid: text.Draw(rt, "uid"), Line_1: text.Draw(rt, "line 1"), Line_2: text.Draw(rt, "line 2"), City: text.Draw(rt, "city"),
			State: text.Draw(rt, "state"), Zip: text.Draw(rt, "zip"), Country: text.Draw(rt, "country"), BankCode: text.Draw(rt, "bank"),
			Other: other.Draw(rt, "other"),
		}}
	case itemsField:
		list := &amogatev1.Items{}
		for range rapid.IntRange(1, 2).Draw(rt, "items") {
			item := &amogatev1.Item{
				Description: text.Draw(rt, "description"), UnitPrice: number.Draw(rt, "price"), UnitType: text.Draw(rt, "unit"),
				Quantity: number.Draw(rt, "quantity"), VatRateId: rapid.Int64Min(0).Draw(rt, "vat rate"),
				ExternalUid: text.Draw(rt, "uid"), Other: other.Draw(rt, "other"),
			}
			switch rapid.IntRange(0, 2).Draw(rt, "discount") {
			case 1:
				item.Discount = &amogatev1.Discount{Discount: &amogatev1.Discount_Amount{Amount: number.Draw(rt, "amount")}}
			case 2:
				item.Discount = &amogatev1.Discount{Discount: &amogatev1.Discount_Percentage{Percentage: number.Draw(rt, "per cent")}}
			}
			list.Items = append(list.Items, item)
		}
		field.Value = &amogatev1.CustomField_Items{Items: list}
	}
}

// readForm turns an item of add into an item of a list, as the documents and
// recorded answers show it. Values stay the bytes that were sent: decoded, large
// numbers would lose digits.
func readForm(rt *rapid.T, env *driver.Env, sent map[string]jsontext.Value) map[string]any {
	item := map[string]any{"id": 1, "tags": struct{}{}, "contacts": struct{}{}, "company": struct{}{}, "custom_fields": struct{}{}}
	for key, value := range sent {
		switch key {
		case "request_id":
		case "tags":
			tags := []any{}
			for i, name := range strings.Split(decodeAs[string](rt, value), ",") {
				if name = strings.TrimSpace(name); name != "" {
					tags = append(tags, map[string]any{"id": i + 1, "name": name})
				}
			}
			item["tags"] = tags
		case "contacts_id":
			item["contacts"] = map[string]any{"id": value, "_links": struct{}{}}
		case "company_id":
			item["company"] = map[string]any{"id": value, "name": nil, "_links": struct{}{}}
		case "catalog_elements_id":
			elements := []any{}
			catalogs := decodeAs[map[string]map[string]jsontext.Value](rt, value)
			for catalog := range len(catalogs) {
				id := strconv.Itoa(catalog + 1)
				for element, quantity := range catalogs[id] {
					elements = append(elements, map[string]any{"id": element, "catalog_id": id, "quantity": quantity})
				}
			}
			item["_embedded"] = map[string]any{"catalog_elements_links": elements}
		case "custom_fields":
			fields := []any{}
			for _, field := range decodeAs[[]sentField](rt, value) {
				f := env.Fields["customers"][field.ID]
				if values := readValues(rt, &f, field.Values); len(values) > 0 {
					fields = append(fields, map[string]any{"id": field.ID, "name": f.Name, "values": values, "is_system": false})
				}
			}
			item["custom_fields"] = fields
		default:
			item[key] = value
		}
	}
	return item
}

type sentField struct {
	ID     int64            `json:"id"`
	Values []jsontext.Value `json:"values"`
}

type sentValue struct {
	Value jsontext.Value `json:"value"`
}

func readValues(rt *rapid.T, f *driver.Field, sent []jsontext.Value) []any {
	values := make([]any, len(sent))
	for i, value := range sent {
		switch f.ID {
		case multiselectField:
			values[i] = readOption(rt, f, value)
		case selectField, radiobuttonField:
			values[i] = readOption(rt, f, decodeAs[sentValue](rt, value).Value)
		case checkboxField:
			values[i] = map[string]any{"value": string(decodeAs[sentValue](rt, value).Value)}
		case orgField:
			organisation := map[string]any{}
			for _, key := range []string{
				"name", "entity_type", "vat_id", "tax_registration_reason_code", "address", "kpp", "external_uid",
				"line1", "line2", "city", "state", "zip", "country",
			} {
				organisation[key] = nil
			}
			for key, part := range decodeAs[map[string]jsontext.Value](rt, decodeAs[sentValue](rt, value).Value) {
				organisation[key] = part
			}
			values[i] = map[string]any{"value": organisation}
		default:
			values[i] = value
		}
	}
	if f.ID == itemsField {
		return []any{values}
	}
	return values
}

// readOption shows an option by its name, with HTML entities, and its id.
func readOption(rt *rapid.T, f *driver.Field, raw jsontext.Value) any {
	id := decodeAs[int64](rt, raw)
	return map[string]any{"value": html.EscapeString(f.Options[id]), "enum": id}
}

func decodeAs[T any](rt *rapid.T, raw jsontext.Value) T {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		rt.Fatalf("%s: %v", raw, err)
	}
	return v
}
