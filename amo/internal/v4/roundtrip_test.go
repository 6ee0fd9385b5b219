package v4

import (
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

// roundTripTypes are the types that can be written.
var roundTripTypes = []string{
	"text", "tracking_data", "numeric", "price", "monetary", "checkbox", "select", "radiobutton", "category", "multiselect", "date", "birthday",
	"date_time", "url", "multitext", "textarea", "streetaddress", "smart_address", "legal_entity", "items", "linked_entity", "chained_list",
	"file", "payer", "supplier",
}

// A valid customer, written and read back as upstream shows it, is the same.
func TestCustomers_surviveUpstream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		env := moscowEnv(t)
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(rt, "zone"))
		if err != nil {
			rt.Fatal(err)
		}
		env.Location = zone
		want := drawCustomer(rt, env)
		if err := checkCustomer(env, driver.OpCreate, want, nil); err != nil {
			return // A day that did not occur.
		}
		call, err := createCustomers(env, []*amogatev1.Customer{want})
		if err != nil {
			rt.Fatal(err)
		}
		var sent []map[string]jsontext.Value
		if err := json.Unmarshal(call.Body, &sent); err != nil {
			rt.Fatal(err)
		}
		answer, err := json.Marshal(map[string]any{"_embedded": map[string]any{"customers": []any{shown(rt, env, sent[0], want)}}})
		if err != nil {
			rt.Fatal(err)
		}
		page, err := decodeCustomers(env, answer)
		if err != nil {
			rt.Fatalf("%s: %v", answer, err)
		}
		want.Id = 1
		if diff := cmp.Diff(want, page.Rows[0], protocmp.Transform()); diff != "" {
			rt.Fatalf("%s\n%s\n%s", call.Body, answer, diff)
		}
	})
}

// shown turns a row that was sent into one that is read: with an id, the types of
// the custom fields, days and instants in unix seconds, and amounts with minor
// units beside truncated ones.
func shown(rt *rapid.T, env *driver.Env, sent map[string]jsontext.Value, c *amogatev1.Customer) map[string]any {
	row := map[string]any{"id": 1}
	for key, value := range sent {
		switch key {
		case "request_id":
		case "next_price":
			row["next_price"] = c.GetNextPrice().GetUnits()
			row["next_price_with_minor_units"] = value
		case "custom_fields_values":
			var fields []map[string]any
			if err := json.Unmarshal(value, &fields); err != nil {
				rt.Fatal(err)
			}
			var raws []struct {
				Values jsontext.Value `json:"values"`
			}
			if err := json.Unmarshal(value, &raws); err != nil {
				rt.Fatal(err)
			}
			for i, field := range c.GetCustomFields() {
				fields[i]["field_type"] = field.GetTypeCode()
				fields[i]["values"] = raws[i].Values
				if field.GetDate() != nil || field.GetBirthday() != nil || field.GetDateTime() != nil {
					fields[i]["values"] = []any{map[string]any{"value": stored(rt, env, field, raws[i].Values)}}
				}
			}
			row[key] = fields
		default:
			row[key] = value
		}
	}
	return row
}

// stored is what upstream makes of a time: of a day, its midnight in the
// account's zone.
func stored(rt *rapid.T, env *driver.Env, field *amogatev1.CustomField, values jsontext.Value) int64 {
	var list []struct {
		Value any `json:"value"`
	}
	if err := json.Unmarshal(values, &list); err != nil {
		rt.Fatal(err)
	}
	var at time.Time
	switch v := list[0].Value.(type) {
	case float64:
		at = time.Unix(int64(v), 0)
	case string:
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			rt.Fatal(err)
		}
		at = t
	}
	if field.GetDateTime() != nil {
		return at.Unix()
	}
	year, month, dayOfMonth := at.In(env.Location).Date()
	start, _ := startOfDay(env.Location, &date.Date{Year: int32(year), Month: int32(month), Day: int32(dayOfMonth)})
	return start.Unix()
}

func drawCustomer(rt *rapid.T, env *driver.Env) *amogatev1.Customer {
	id := rapid.Int64Range(1, 1<<62)
	at := rapid.Custom(func(rt *rapid.T) *timestamppb.Timestamp {
		return &timestamppb.Timestamp{Seconds: rapid.Int64Range(1, 253402300799).Draw(rt, "seconds")}
	})
	c := &amogatev1.Customer{
		Name:              "x" + rapid.String().Draw(rt, "name"),
		NextPurchaseTime:  at.Draw(rt, "next purchase"),
		CreateTime:        at.Draw(rt, "created"),
		NextPrice:         &money.Money{CurrencyCode: env.Currency, Units: rapid.Int64Min(0).Draw(rt, "price"), Nanos: 1_000_000 * rapid.Int32Range(0, 999).Draw(rt, "thousandths")},
		ResponsibleUserId: new(id.Draw(rt, "user")),
		CreatedBy:         new(rapid.Int64Range(0, 1<<62).Draw(rt, "creator")),
		StatusId:          new(id.Draw(rt, "status")),
		Periodicity:       new(rapid.Int32Min(0).Draw(rt, "periodicity")),
	}
	for _, name := range rapid.SliceOfDistinct(rapid.StringMatching(`[a-z]{1,9}`), rapid.ID[string]).Draw(rt, "tags") {
		c.Tags = append(c.Tags, &amogatev1.Tag{Name: name})
	}
	for _, segment := range rapid.SliceOfDistinct(id, rapid.ID[int64]).Draw(rt, "segments") {
		c.Segments = append(c.Segments, &amogatev1.SegmentLink{Id: segment})
	}
	for i, word := range rapid.SliceOf(rapid.SampledFrom(roundTripTypes)).Draw(rt, "fields") {
		field := &amogatev1.CustomField{FieldId: int64(i + 1), Type: fieldType(word), TypeCode: word}
		drawValue(rt, field)
		c.CustomFields = append(c.CustomFields, field)
	}
	return c
}

func drawValue(rt *rapid.T, field *amogatev1.CustomField) {
	text := rapid.String()
	id := rapid.Int64Range(1, 1<<62)
	number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,9})?`)
	days := rapid.Custom(func(rt *rapid.T) *date.Date {
		at := time.Unix(rapid.Int64Range(-60e9, 200e9).Draw(rt, "day"), 0).UTC()
		return &date.Date{Year: int32(at.Year()), Month: int32(at.Month()), Day: int32(at.Day())}
	})
	day := rapid.OneOf(days, rapid.Just(&date.Date{Year: 2018, Month: 11, Day: 4}), rapid.Just(&date.Date{Year: 2011, Month: 12, Day: 30}), rapid.Just(&date.Date{Year: 1970, Month: 1, Day: 1}))
	other := rapid.Custom(func(rt *rapid.T) *structpb.Struct {
		if rapid.Bool().Draw(rt, "known keys only") {
			return nil
		}
		return &structpb.Struct{Fields: map[string]*structpb.Value{
			"x" + text.Draw(rt, "key"): structpb.NewStringValue("x" + text.Draw(rt, "value")),
			"n":                        structpb.NewNumberValue(rapid.Float64Range(-1e15, 1e15).Draw(rt, "n")),
		}}
	})
	switch field.GetTypeCode() {
	case "text", "tracking_data":
		field.Value = &amogatev1.CustomField_Text{Text: text.Draw(rt, "text")}
	case "url":
		field.Value = &amogatev1.CustomField_Url{Url: text.Draw(rt, "url")}
	case "textarea":
		field.Value = &amogatev1.CustomField_TextArea{TextArea: text.Draw(rt, "area")}
	case "streetaddress":
		field.Value = &amogatev1.CustomField_StreetAddress{StreetAddress: text.Draw(rt, "street")}
	case "numeric", "price", "monetary":
		field.Value = &amogatev1.CustomField_Number{Number: number.Draw(rt, "number")}
	case "checkbox":
		field.Value = &amogatev1.CustomField_Checkbox{Checkbox: rapid.Bool().Draw(rt, "ticked")}
	case "select", "radiobutton", "category":
		field.Value = &amogatev1.CustomField_Choice{Choice: &amogatev1.Choice{OptionId: id.Draw(rt, "option")}}
	case "multiselect":
		choices := &amogatev1.Choices{}
		for _, option := range rapid.SliceOfN(id, 1, 3).Draw(rt, "options") {
			choices.Choices = append(choices.Choices, &amogatev1.Choice{OptionId: option})
		}
		field.Value = &amogatev1.CustomField_Choices{Choices: choices}
	case "date":
		field.Value = &amogatev1.CustomField_Date{Date: day.Draw(rt, "date")}
	case "birthday":
		field.Value = &amogatev1.CustomField_Birthday{Birthday: day.Draw(rt, "birthday")}
	case "date_time":
		field.Value = &amogatev1.CustomField_DateTime{DateTime: &timestamppb.Timestamp{Seconds: rapid.Int64Range(-60e9, 200e9).Draw(rt, "instant")}}
	case "multitext":
		entries := &amogatev1.Multitext{}
		for range rapid.IntRange(1, 3).Draw(rt, "entries") {
			entry := &amogatev1.MultitextValue{Value: "+" + text.Draw(rt, "phone")}
			if rapid.Bool().Draw(rt, "by id") {
				entry.KindId = id.Draw(rt, "kind id")
			} else {
				entry.Kind = rapid.StringMatching(`[A-Z]{1,9}`).Draw(rt, "kind")
			}
			entries.Values = append(entries.Values, entry)
		}
		field.Value = &amogatev1.CustomField_Multitext{Multitext: entries}
	case "smart_address":
		field.Value = &amogatev1.CustomField_SmartAddress{SmartAddress: &amogatev1.SmartAddress{
			AddressLine_1: text.Draw(rt, "line 1"), AddressLine_2: text.Draw(rt, "line 2"), City: text.Draw(rt, "city"),
			State: text.Draw(rt, "state"), Zip: text.Draw(rt, "zip"), Country: "RU",
		}}
	case "legal_entity":
		field.Value = &amogatev1.CustomField_LegalEntities{LegalEntities: &amogatev1.LegalEntities{LegalEntities: []*amogatev1.LegalEntity{{
			Name: "x" + text.Draw(rt, "name"), EntityType: rapid.SampledFrom([]amogatev1.LegalEntityType{0, 1, 2}).Draw(rt, "entity type"),
			VatId: text.Draw(rt, "vat id"), Kpp: text.Draw(rt, "kpp"), TaxRegistrationReasonCode: text.Draw(rt, "ogrn"),
			Address: text.Draw(rt, "address"), ExternalUid: text.Draw(rt, "uid"), Other: other.Draw(rt, "other"),
		}}}}
	case "items":
		item := &amogatev1.Item{
			Description: "x" + text.Draw(rt, "description"), UnitPrice: number.Draw(rt, "unit price"), UnitType: text.Draw(rt, "unit"),
			Quantity: number.Draw(rt, "quantity"), VatRateId: rapid.Int64Range(0, 1<<62).Draw(rt, "vat rate"),
			ExternalUid: text.Draw(rt, "uid"), Other: other.Draw(rt, "other"),
		}
		switch rapid.IntRange(0, 2).Draw(rt, "discount") {
		case 1:
			item.Discount = &amogatev1.Discount{Discount: &amogatev1.Discount_Amount{Amount: number.Draw(rt, "amount")}}
		case 2:
			item.Discount = &amogatev1.Discount{Discount: &amogatev1.Discount_Percentage{Percentage: number.Draw(rt, "per cent")}}
		}
		field.Value = &amogatev1.CustomField_Items{Items: &amogatev1.Items{Items: []*amogatev1.Item{item}}}
	case "linked_entity":
		field.Value = &amogatev1.CustomField_LinkedEntity{LinkedEntity: &amogatev1.LinkedEntity{
			Name: text.Draw(rt, "name"), EntityId: id.Draw(rt, "entity"), EntityType: "contacts", CatalogId: rapid.Int64Range(0, 1<<62).Draw(rt, "catalog"),
		}}
	case "chained_list":
		chain := &amogatev1.ChainedList{}
		for range rapid.IntRange(1, maxChain).Draw(rt, "chain") {
			chain.Values = append(chain.Values, &amogatev1.ChainedListValue{CatalogId: id.Draw(rt, "catalog"), ElementId: id.Draw(rt, "element")})
		}
		field.Value = &amogatev1.CustomField_ChainedList{ChainedList: chain}
	case "file":
		field.Value = &amogatev1.CustomField_File{File: &amogatev1.File{
			FileUuid: "x" + text.Draw(rt, "file"), VersionUuid: text.Draw(rt, "version"), FileName: text.Draw(rt, "file name"),
			FileSize: rapid.Int64Range(0, 1<<62).Draw(rt, "size"),
		}}
	case "payer":
		field.Value = &amogatev1.CustomField_Payer{Payer: &amogatev1.Payer{
			Name: "x" + text.Draw(rt, "name"), EntityType: text.Draw(rt, "entity type"), EntityId: rapid.Int64Range(0, 1<<62).Draw(rt, "entity"),
			VatId: text.Draw(rt, "vat id"), Type: text.Draw(rt, "type"), Phone: text.Draw(rt, "phone"), Email: text.Draw(rt, "email"),
			Other: other.Draw(rt, "other"),
		}}
	case "supplier":
		field.Value = &amogatev1.CustomField_Supplier{Supplier: &amogatev1.Supplier{EntityId: id.Draw(rt, "entity"), Other: other.Draw(rt, "other")}}
	}
}
