package v4

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// readField reads one field of the given type and values.
func readField(tb testing.TB, env *driver.Env, word, values string) *amogatev1.CustomField {
	tb.Helper()
	var fields jsontext.Value
	body := fmt.Sprintf(`[{"field_id":1,"field_name":"N","field_code":null,"field_type":%q,"values":%s}]`, word, values)
	if err := wire.Unmarshal([]byte(body), &fields); err != nil {
		tb.Fatal(err)
	}
	list, err := (&rowReader{env: env}).customFields(new(wire.NewCursor(fields)))
	if err != nil {
		tb.Fatal(err)
	}
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func TestCustomFields_everyTypeIsKnownByItsWord(t *testing.T) {
	t.Parallel()
	for number, name := range amogatev1.CustomFieldType_name {
		word := strings.ToLower(strings.TrimPrefix(name, typePrefix))
		if got := fieldType(word); got != amogatev1.CustomFieldType(number) {
			t.Errorf("%s is %v", word, got)
		}
	}
	if got := fieldType("orbit"); got != 0 {
		t.Errorf("an unknown word is %v", got)
	}
}

// Spellings beside those of the full fixture.
func TestCustomFields_spellings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		word, values string
		want         *amogatev1.CustomField
	}{
		{"text", `[{"value":12}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Text{Text: "12"}}},
		{"text", `["bare"]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Text{Text: "bare"}}},
		{"text", `{"0":{"value":"a"}}`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Text{Text: "a"}}},
		{"text", `[{"value":""}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Text{}}},
		{"numeric", `[{"value":42.5}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Number{Number: "42.5"}}},
		{"price", `[{"value":60}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Number{Number: "60"}}},
		{"checkbox", `[{"value":"1"}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Checkbox{Checkbox: true}}},
		{"checkbox", `[{"value":0}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Checkbox{}}},
		{"checkbox", `[{"value":false}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Checkbox{}}},
		{"select", `[{"value":"Card","enum":"55012"}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Choice{Choice: &amogatev1.Choice{OptionId: 55012, Name: "Card"}}}},
		{"select", `[{"value":"A &amp; B","enum_id":1}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Choice{Choice: &amogatev1.Choice{OptionId: 1, Name: "A &amp; B"}}}},
		{"select", `[{"value":"Gone","enum_id":null}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Choice{Choice: &amogatev1.Choice{Name: "Gone"}}}},
		{"radiobutton", `[{"enum_id":"7"}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Choice{Choice: &amogatev1.Choice{OptionId: 7}}}},
		{"multitext", `[{"value":"+7","enum":"WORK"}]`, multitext(&amogatev1.MultitextValue{Value: "+7", Kind: "WORK"})},
		{"multitext", `[{"value":"+7","enum":81}]`, multitext(&amogatev1.MultitextValue{Value: "+7", KindId: 81})},
		{"multitext", `[{"value":"+7"}]`, multitext(&amogatev1.MultitextValue{Value: "+7"})},
		{"smart_address", `[{"value":"Kazan","enum_id":"3"},{"value":null,"enum_code":"zip"}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_SmartAddress{SmartAddress: &amogatev1.SmartAddress{City: "Kazan"}}}},
		{"date", `[{"value":"1717275600"}]`, day(2024, 6, 2)},
		{"date", `[{"value":"2024-06-02T00:00:00+03:00"}]`, day(2024, 6, 2)},
		{"date", `[{"value":"2024-06-01T21:00:00Z"}]`, day(2024, 6, 2)},
		{"date", `[{"value":"2024-06-02 00:00:00"}]`, day(2024, 6, 2)},
		{"date", `[{"value":"02.06.2024"}]`, day(2024, 6, 2)},
		{"date", `[{"value":-86400}]`, day(1969, 12, 31)},
		{"date", `[{"value":0}]`, day(1970, 1, 1)},
		{"date_time", `[{"value":"2024-06-02T12:00:00+03:00"}]`, instant(1717318800)},
		{"date_time", `[{"value":"2024-06-02 12:00:00"}]`, instant(1717318800)},
		{"date_time", `[{"value":-1}]`, instant(-1)},
		{"file", `[{"value":{"file_uuid":"u"}}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_File{File: &amogatev1.File{FileUuid: "u"}}}},
		{"legal_entity", `[{"value":{"name":"a","external_id":"x"}}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_LegalEntities{LegalEntities: &amogatev1.LegalEntities{
			LegalEntities: []*amogatev1.LegalEntity{{Name: "a", ExternalUid: "x"}},
		}}}},
		{"legal_entity", `[{"value":{"name":"a","entity_type":9,"external_id":"x","external_uid":"y"}}]`, &amogatev1.CustomField{Value: &amogatev1.CustomField_LegalEntities{LegalEntities: &amogatev1.LegalEntities{
			LegalEntities: []*amogatev1.LegalEntity{{Name: "a", ExternalUid: "y", Other: &structpb.Struct{Fields: map[string]*structpb.Value{
				"entity_type": structpb.NewNumberValue(9), "external_id": structpb.NewStringValue("x"),
			}}}},
		}}}},
		// Not filled.
		{"text", `null`, nil},
		{"text", `[]`, nil},
		{"text", `[{"value":null}]`, nil},
		{"select", `[{"value":null,"enum_id":null,"enum_code":null}]`, nil},
		// What does not fit its type is kept as it came.
		{"text", `[{"value":"a"},{"value":"b"}]`, raw()},
		{"text", `[{"value":{"a":1}}]`, raw()},
		{"numeric", `[{"value":"1,5"}]`, raw()},
		{"numeric", `[{"value":"1e5"}]`, raw()},
		{"checkbox", `[{"value":"maybe"}]`, raw()},
		{"date", `[{"value":"someday"}]`, raw()},
		{"date", `[{"value":999999999999999}]`, raw()},
		{"birthday", `[{"value":""}]`, raw()},
		{"date_time", `[{"value":"someday"}]`, raw()},
		{"date_time", `[{"value":999999999999999}]`, raw()},
		{"select", `[{"value":{"a":1},"enum_id":1}]`, raw()},
		{"multiselect", `[{"value":"a","enum_id":1},{"enum_code":"b"}]`, raw()},
		{"multitext", `[{"enum_id":1}]`, raw()},
		{"smart_address", `[{"value":"a","enum_id":7}]`, raw()},
		{"smart_address", `[{"value":"a","enum_id":3},{"value":"b","enum_code":"city"}]`, raw()},
		{"chained_list", `[{"catalog_id":1}]`, raw()},
		{"legal_entity", `[{"value":"Bakery"}]`, raw()},
		{"items", `[{"value":[]},1]`, raw()},
		{"file", `[{"value":{"file_name":"a"}}]`, raw()},
		{"file", `[{"value":{"file_uuid":"u","is_deleted":"maybe"}}]`, raw()},
		{"payer", `[{"value":"me"}]`, raw()},
		{"orbit", `[{"value":"low"}]`, raw()},
		{"", `[{"value":"low"}]`, raw()},
		{"text", `"bare"`, &amogatev1.CustomField{Value: &amogatev1.CustomField_Text{Text: "bare"}}},
	} {
		t.Run(c.word+" "+c.values, func(t *testing.T) {
			t.Parallel()
			got := readField(t, moscowEnv(t), c.word, c.values)
			if c.want == nil {
				if got != nil {
					t.Errorf("got %v", got)
				}
				return
			}
			want := &amogatev1.CustomField{FieldId: 1, Name: "N", TypeCode: c.word, Type: fieldType(c.word), Value: c.want.GetValue()}
			if want.GetRaw() != nil {
				value := &structpb.Value{}
				if err := value.UnmarshalJSON([]byte(c.values)); err != nil {
					t.Fatal(err)
				}
				want.Value = &amogatev1.CustomField_Raw{Raw: value}
			}
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func multitext(values ...*amogatev1.MultitextValue) *amogatev1.CustomField {
	return &amogatev1.CustomField{Value: &amogatev1.CustomField_Multitext{Multitext: &amogatev1.Multitext{Values: values}}}
}

func day(year, month, dayOfMonth int32) *amogatev1.CustomField {
	return &amogatev1.CustomField{Value: &amogatev1.CustomField_Date{Date: &date.Date{Year: year, Month: month, Day: dayOfMonth}}}
}

func instant(seconds int64) *amogatev1.CustomField {
	return &amogatev1.CustomField{Value: &amogatev1.CustomField_DateTime{DateTime: &timestamppb.Timestamp{Seconds: seconds}}}
}

// raw stands for the values as they came.
func raw() *amogatev1.CustomField {
	return &amogatev1.CustomField{Value: &amogatev1.CustomField_Raw{Raw: &structpb.Value{}}}
}

// What the full fixture reads, written.
func TestCustomFields_write(t *testing.T) {
	t.Parallel()
	full := decodeOne(t, moscowEnv(t), readFixture(t, "customer_full_reply.json"))
	want := map[int64]string{
		901: `[{"value":"A-17/24"}]`,
		902: `[{"value":"42.5"}]`,
		903: `[{"value":true}]`,
		904: `[{"enum_id":55012}]`,
		905: `[{"enum_id":55020},{"enum_id":55021}]`,
		906: `[{"value":"+79035550101","enum_id":311001},{"value":"+79035550102","enum_id":311003}]`,
		907: `[{"value":1717275600}]`,
		908: `[{"value":1717318800}]`,
		// Midnight in summer time, as it was then.
		909: `[{"value":641419200}]`,
		910: `[{"value":"https://bakery.example/"}]`,
		911: `[{"value":"first line\nsecond line"}]`,
		912: `[{"enum_id":55030}]`,
		913: `[{"value":"Kazan, Baumana 10"}]`,
		914: `[{"value":"Baumana 10","enum_code":"address_line_1"},{"value":"office 3","enum_code":"address_line_2"},{"value":"Kazan","enum_code":"city"},` +
			`{"value":"Tatarstan","enum_code":"state"},{"value":"420111","enum_code":"zip"},{"value":"RU","enum_code":"country"}]`,
		915: `[{"value":{"address":"Kazan","bank_account_number":"40702810000000000000","bank_code":"049205000","director":"Petrova A.A.","entity_type":2,` +
			`"external_uid":"erp-77","kpp":"165501001","name":"Bakery LLC","tax_registration_reason_code":"1021600000000","vat_id":"1655000000"}}]`,
		916: `[{"value":{"description":"Rye bread","discount":{"type":"amount","value":10.0},"external_uid":"item-1","quantity":3.0,"sku":"BRD-1","unit_price":60.0,"unit_type":"pcs","vat_rate_id":1}},` +
			`{"value":{"description":"Cake","discount":{"type":"percentage","value":5},"quantity":1}}]`,
		917: `[{"value":"60.00"}]`,
		918: `[{"enum_id":6319}]`,
		919: `[{"value":"newsletter"}]`,
		920: `[{"value":{"catalog_id":4521,"entity_id":4410021,"entity_type":"contacts","name":"Anna Petrova"}}]`,
		921: `[{"catalog_id":1001,"catalog_element_id":20411},{"catalog_id":1007,"catalog_element_id":20987}]`,
		922: `[{"value":"1500.50"}]`,
		923: `[{"value":{"file_name":"scan.pdf","file_size":20480,"file_uuid":"0c7a8f0e-4a8c-4d53-9b0b-7b9d7cfb2b11","version_uuid":"5b0d8b43-9a3f-4c1f-8f0a-2e3f6c7d8a90"}}]`,
		924: `[{"value":{"email":"a@b.example","entity_id":4410330,"entity_type":"companies","name":"Bakery LLC","note":"vip","phone":"+79035550101","type":"legal","vat_id":"1655000000"}}]`,
		925: `[{"value":{"entity_id":1410077,"note":"x"}}]`,
	}
	env := moscowEnv(t)
	for _, field := range full.GetCustomFields() {
		r := &report{resource: customersName}
		checkCustomFields(env, []*amogatev1.CustomField{field}, false, r)
		expected, writable := want[field.GetFieldId()]
		if !writable {
			e := wantFailure(t, r.err(driver.OpUpdate), driver.KindUnsupported)
			if got := faultyPaths(e); got != "custom_fields[0]."+string(arm(field)) {
				t.Errorf("got %s", got)
			}
			continue
		}
		if err := r.err(driver.OpUpdate); err != nil {
			t.Error(err)
		}
		got, err := json.Marshal(writeCustomFields(env, []*amogatev1.CustomField{field})[0].Values, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(expected, string(got)); diff != "" {
			t.Errorf("%d: %s", field.GetFieldId(), diff)
		}
	}
	if n := len(full.GetCustomFields()); n != len(want)+2 {
		t.Errorf("the fixture has %d fields", n)
	}
}

func TestCustomFields_check(t *testing.T) {
	t.Parallel()
	samoa := moscowEnv(t)
	zone, err := time.LoadLocation("Pacific/Apia")
	if err != nil {
		t.Fatal(err)
	}
	samoa.Location = zone
	for _, c := range []struct {
		name  string
		env   *driver.Env
		field *amogatev1.CustomField
		kind  driver.Kind
		path  string
	}{
		{"number", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_Number{Number: "1e5"}}, driver.KindInvalid, "number"},
		{"empty number", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_Number{}}, driver.KindInvalid, "number"},
		{"option", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_Choice{Choice: &amogatev1.Choice{Name: "x"}}}, driver.KindInvalid, "choice.option_id"},
		{"no options", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_Choices{}}, driver.KindInvalid, "choices"},
		{"options", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_Choices{Choices: &amogatev1.Choices{Choices: []*amogatev1.Choice{{OptionId: 1}, {}}}}}, driver.KindInvalid, "choices.choices[1].option_id"},
		{"no entries", nil, multitext(), driver.KindInvalid, "multitext"},
		{"entry without a value", nil, multitext(&amogatev1.MultitextValue{Kind: "WORK"}), driver.KindInvalid, "multitext.values[0].value"},
		{"entry without a kind", nil, multitext(&amogatev1.MultitextValue{Value: "x"}), driver.KindInvalid, "multitext.values[0].kind"},
		{"entry with a negative kind", nil, multitext(&amogatev1.MultitextValue{Value: "x", KindId: -1}), driver.KindInvalid, "multitext.values[0].kind_id"},
		{"no day", nil, day(2024, 2, 30), driver.KindInvalid, "date"},
		{"year 0", nil, day(0, 2, 3), driver.KindInvalid, "date"},
		{"a day that did not occur", samoa, day(2011, 12, 30), driver.KindInexpressible, "date"},
		{"the first day east of Greenwich", nil, day(1, 1, 1), driver.KindInexpressible, "date"},
		{"instant", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_DateTime{DateTime: &timestamppb.Timestamp{Nanos: 1}}}, driver.KindInvalid, "date_time"},
		{"no address", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_SmartAddress{}}, driver.KindInvalid, "smart_address"},
		{"empty address", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_SmartAddress{SmartAddress: &amogatev1.SmartAddress{}}}, driver.KindInvalid, "smart_address"},
		{"no entities", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_LegalEntities{}}, driver.KindInvalid, "legal_entities"},
		{"entity", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_LegalEntities{LegalEntities: &amogatev1.LegalEntities{
			LegalEntities: []*amogatev1.LegalEntity{{EntityType: 9}},
		}}}, driver.KindInvalid, "legal_entities.legal_entities[0].name custom_fields[0].legal_entities.legal_entities[0].entity_type"},
		{"no items", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_Items{}}, driver.KindInvalid, "items"},
		{"item", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_Items{Items: &amogatev1.Items{
			Items: []*amogatev1.Item{{Quantity: "x"}, {Discount: &amogatev1.Discount{}}, {Discount: &amogatev1.Discount{Discount: &amogatev1.Discount_Amount{}}}},
		}}}, driver.KindInvalid, "items.items[0].quantity custom_fields[0].items.items[1].discount custom_fields[0].items.items[2].discount.amount"},
		{"linked entity", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_LinkedEntity{}}, driver.KindInvalid, "linked_entity.entity_id custom_fields[0].linked_entity.entity_type"},
		{"no chain", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_ChainedList{}}, driver.KindInvalid, "chained_list"},
		{"chain", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_ChainedList{ChainedList: &amogatev1.ChainedList{
			Values: []*amogatev1.ChainedListValue{{CatalogId: 1}},
		}}}, driver.KindInvalid, "chained_list.values[0].element_id"},
		{"file", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_File{}}, driver.KindInvalid, "file.file_uuid"},
		{"payer", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_Payer{}}, driver.KindInvalid, "payer"},
		{"supplier", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_Supplier{}}, driver.KindInvalid, "supplier.entity_id"},
		{"raw", nil, raw(), driver.KindUnsupported, "raw"},
		{"organisation", nil, &amogatev1.CustomField{Value: &amogatev1.CustomField_Organisation{}}, driver.KindUnsupported, "organisation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := c.env
			if env == nil {
				env = moscowEnv(t)
			}
			c.field.FieldId = 1
			r := &report{}
			checkCustomFields(env, []*amogatev1.CustomField{c.field}, false, r)
			e := wantFailure(t, r.err(driver.OpUpdate), c.kind)
			if diff := cmp.Diff("custom_fields[0]."+c.path, faultyPaths(e)); diff != "" {
				t.Error(diff)
			}
		})
	}
	r := &report{}
	checkCustomFields(nil, []*amogatev1.CustomField{{}, {FieldId: 1}, {FieldId: 1}}, false, r)
	e := wantFailure(t, r.err(driver.OpUpdate), driver.KindInvalid)
	if diff := cmp.Diff("custom_fields[0].field_id custom_fields[2].field_id", faultyPaths(e)); diff != "" {
		t.Error(diff)
	}
}

func TestCustomFields_daysBefore1970(t *testing.T) {
	t.Parallel()
	moscow := moscowEnv(t).Location
	for _, c := range []struct {
		day  *amogatev1.CustomField
		want any
	}{
		{day(1970, 1, 2), int64(75600)},
		{day(1970, 1, 1), "1970-01-01T00:00:00+03:00"},
		{day(1950, 5, 1), "1950-05-01T00:00:00+03:00"},
		// The offset had seconds: noon lies within the day for everybody.
		{day(1850, 5, 1), "1850-05-01T12:00:00+02:30"},
	} {
		if got := writeDay(moscow, c.day.GetDate()); got != c.want {
			t.Errorf("%v: got %v, want %v", c.day.GetDate(), got, c.want)
		}
	}
	if got := writeInstant(&timestamppb.Timestamp{Seconds: -1}); got != "1969-12-31T23:59:59Z" {
		t.Errorf("got %v", got)
	}
}

func TestJSONNumber_form(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"60.0": "60.0", "+5": "5", "-.5": "-0.5", "5.": "5", "007": "7", "000": "0", "-0": "-0", "0.10": "0.10",
	} {
		if got := string(jsonNumber(text)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
		if !jsonNumber(text).IsValid() {
			t.Errorf("%s is no json", jsonNumber(text))
		}
	}
}
