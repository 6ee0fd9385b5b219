package v2_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// fieldCase is one custom field: as upstream answers it, as callers see it, and
// as it is written.
type fieldCase struct {
	name string
	id   int64
	// read is upstream's `values`.
	read string
	// want is the arm as protojson; "" = the field is not filled.
	want string
	// write is what is sent as `values`; "" = it cannot be written.
	write string
}

var fieldCases = []fieldCase{
	{"text", textField, `[{"value":"a \"b\"\nc"}]`, `{"text":"a \"b\"\nc"}`, `[{"value":"a \"b\"\nc"}]`},
	{"empty text", textField, `[{"value":""}]`, `{"text":""}`, `[{"value":""}]`},
	{"number in quotes", numericField, `[{"value":"744718888838.50"}]`, `{"number":"744718888838.50"}`, `[{"value":"744718888838.50"}]`},
	{"negative number", numericField, `[{"value":-12}]`, `{"number":"-12"}`, `[{"value":"-12"}]`},
	{"number with a plus", numericField, `[{"value":"+.5"}]`, `{"number":"+.5"}`, `[{"value":"+.5"}]`},
	{"ticked checkbox", checkboxField, `[{"value":"1"}]`, `{"checkbox":true}`, `[{"value":1}]`},
	{"unticked checkbox", checkboxField, `[{"value":"0"}]`, `{"checkbox":false}`, `[{"value":0}]`},
	{"select", selectField, `[{"value":"red","enum":41}]`, `{"choice":{"option_id":"41","name":"red"}}`, `[{"value":41}]`},
	{
		"multiselect", multiselectField, `[{"value":"3","enum":3692471},{"value":"4","enum":3692472}]`,
		`{"choices":{"choices":[{"option_id":"3692471","name":"3"},{"option_id":"3692472","name":"4"}]}}`, `[3692471,3692472]`,
	},
	{"date", dateField, `[{"value":"2020-04-17 00:00:00"}]`, `{"date":{"year":2020,"month":4,"day":17}}`, `[{"value":"2020-04-17 00:00:00"}]`},
	{"link", urlField, `[{"value":"https:\/\/example.com\/?a=b"}]`, `{"url":"https://example.com/?a=b"}`, `[{"value":"https://example.com/?a=b"}]`},
	{
		"multitext", multitextField, `[{"value":"+7 999","enum":82},{"value":"+7 495","enum":81}]`,
		`{"multitext":{"values":[{"value":"+7 999","kind":"MOB","kind_id":"82"},{"value":"+7 495","kind":"WORK","kind_id":"81"}]}}`,
		`[{"value":"+7 999","enum":82},{"value":"+7 495","enum":81}]`,
	},
	{"text area", textareaField, `[{"value":"one\ntwo"}]`, `{"text_area":"one\ntwo"}`, `[{"value":"one\ntwo"}]`},
	{"radio button", radiobuttonField, `[{"value":"M","enum":102}]`, `{"choice":{"option_id":"102","name":"M"}}`, `[{"value":102}]`},
	{"street address", streetAddressField, `[{"value":"Main st, 1"}]`, `{"street_address":"Main st, 1"}`, `[{"value":"Main st, 1"}]`},
	{
		"smart address", smartAddressField,
		`[{"value":"Main st, 1","subtype":"address_line_1"},{"value":"flat 2","subtype":"address_line_2"},{"value":"Omsk","subtype":"city"},{"value":"Omsk region","subtype":"state"},{"value":"644000","subtype":"zip"},{"value":"RU","subtype":"country"}]`,
		`{"smart_address":{"address_line_1":"Main st, 1","address_line_2":"flat 2","city":"Omsk","state":"Omsk region","zip":"644000","country":"RU"}}`,
		`[{"value":"Main st, 1","subtype":"address_line_1"},{"value":"flat 2","subtype":"address_line_2"},{"value":"Omsk","subtype":"city"},{"value":"Omsk region","subtype":"state"},{"value":"644000","subtype":"zip"},{"value":"RU","subtype":"country"}]`,
	},
	{"birthday", birthdayField, `[{"value":"1999-10-21 00:00:00"}]`, `{"birthday":{"year":1999,"month":10,"day":21}}`, `[{"value":"1999-10-21 00:00:00"}]`},
	{
		"legal entity", legalEntityField,
		`[{"value":{"name":"Shop LLC","entity_type":2,"vat_id":7701,"kpp":"770101001","tax_registration_reason_code":"1027700","address":"Moscow","external_id":"x1"}},{"value":{"name":"Ivanov","entity_type":"1"}}]`,
		`{"legal_entities":{"legal_entities":[{"name":"Shop LLC","entity_type":"LEGAL_ENTITY_TYPE_COMPANY","vat_id":"7701","kpp":"770101001","tax_registration_reason_code":"1027700","address":"Moscow","external_uid":"x1"},{"name":"Ivanov","entity_type":"LEGAL_ENTITY_TYPE_SOLE_TRADER"}]}}`,
		`[{"value":{"name":"Shop LLC","entity_type":2,"vat_id":"7701","kpp":"770101001","tax_registration_reason_code":"1027700","address":"Moscow","external_id":"x1"}},{"value":{"name":"Ivanov","entity_type":1}}]`,
	},
	{
		"organisation", orgField,
		`[{"value":{"name":"Org","entity_type":2,"vat_id":"1","tax_registration_reason_code":"2","address":"A","kpp":"3","external_uid":"u","line1":"l1","line2":"l2","city":"c","state":"s","zip":"z","country":"RU","bank_code":"b"}}]`,
		`{"organisation":{"name":"Org","entity_type":"LEGAL_ENTITY_TYPE_COMPANY","vat_id":"1","tax_registration_reason_code":"2","address":"A","kpp":"3","external_uid":"u","line_1":"l1","line_2":"l2","city":"c","state":"s","zip":"z","country":"RU","bank_code":"b"}}`,
		`[{"value":{"name":"Org","entity_type":2,"vat_id":"1","tax_registration_reason_code":"2","address":"A","kpp":"3","external_uid":"u","line1":"l1","line2":"l2","city":"c","state":"s","zip":"z","country":"RU","bank_code":"b"}}]`,
	},
	{
		"organisation with nulls", orgField,
		`[{"value":{"name":"Org","entity_type":null,"vat_id":null,"tax_registration_reason_code":null,"address":null,"kpp":null,"external_uid":null,"line1":null,"line2":null,"city":null,"state":null,"zip":null,"country":null}}]`,
		`{"organisation":{"name":"Org"}}`, `[{"value":{"name":"Org"}}]`,
	},
	{
		"items", itemsField,
		`[[{"description":"Boots","unit_price":99.5,"unit_type":"pcs","quantity":"2","discount":{"type":"amount","value":"5"},"vat_rate_id":3,"external_uid":"e"},{"description":"Laces","discount":{"type":"percentage","value":10}}]]`,
		`{"items":{"items":[{"description":"Boots","unit_price":"99.5","unit_type":"pcs","quantity":"2","discount":{"amount":"5"},"vat_rate_id":"3","external_uid":"e"},{"description":"Laces","discount":{"percentage":"10"}}]}}`,
		`[{"description":"Boots","unit_price":"99.5","unit_type":"pcs","quantity":"2","discount":{"type":"amount","value":"5"},"vat_rate_id":3,"external_uid":"e"},{"description":"Laces","discount":{"type":"percentage","value":"10"}}]`,
	},
	{"category", categoryField, `[{"value":"shoes","enum":5}]`, `{"choice":{"option_id":"5","name":"shoes"}}`, `[{"value":5}]`},
	{"price", priceField, `[{"value":"99.90"}]`, `{"number":"99.90"}`, `[{"value":"99.90"}]`},
	{"tracking data", trackingField, `[{"value":"google"}]`, `{"text":"google"}`, `[{"value":"google"}]`},
	{"amount", monetaryField, `[{"value":1500.5}]`, `{"number":"1500.5"}`, `[{"value":"1500.5"}]`},
	// 22:45 in Moscow is 19:45 UTC.
	{"date and time", dateTimeField, `[{"value":"2020-04-24 22:45:00"}]`, `{"date_time":"2020-04-24T19:45:00Z"}`, `[{"value":"2020-04-24 22:45:00"}]`},
}

func TestCustomField_readsAndWritesEveryType(t *testing.T) {
	t.Parallel()
	written := map[amogatev1.CustomFieldType]bool{}
	for _, c := range fieldCases {
		written[testEnv(t).Fields["customers"][c.id].Type] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, _ := readField(t, c.id, c.read)
			want := &amogatev1.CustomField{}
			if err := protojson.Unmarshal([]byte(c.want), want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, valueOnly(got), protocmp.Transform()); diff != "" {
				t.Errorf("read: %s", diff)
			}
			want.FieldId = c.id
			if err := checkField(t, want); err != nil {
				t.Fatal(err)
			}
			var wantJSON any
			if err := json.Unmarshal([]byte(c.write), &wantJSON); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wantJSON, writeField(t, want)); diff != "" {
				t.Errorf("write: %s", diff)
			}
		})
	}
	// Every type is in the table, but for those that only raw can hold.
	for number, name := range amogatev1.CustomFieldType_name {
		switch fieldType := amogatev1.CustomFieldType(number); fieldType {
		case amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_UNSPECIFIED,
			amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_CHAINED_LIST,
			amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_FILE,
			amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_LINKED_ENTITY,
			amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_PAYER,
			amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_SUPPLIER:
		default:
			if !written[fieldType] {
				t.Errorf("no case for %s", name)
			}
		}
	}
}

func TestCustomField_readsOtherSpellings(t *testing.T) {
	t.Parallel()
	for _, c := range []fieldCase{
		{name: "option names with entities", id: selectField, read: `[{"value":"&quot;blue&quot;","enum":"42"}]`, want: `{"choice":{"option_id":"42","name":"\"blue\""}}`},
		{name: "option id alone", id: selectField, read: `[{"enum":41}]`, want: `{"choice":{"option_id":"41","name":"red"}}`},
		{name: "option name alone", id: selectField, read: `[{"value":"red"}]`, want: `{"choice":{"option_id":"41","name":"red"}}`},
		{name: "address part without value", id: smartAddressField, read: `[{"value":"Omsk","subtype":"city"},{"subtype":"zip"}]`, want: `{"smart_address":{"city":"Omsk"}}`},
		{name: "longest number", id: numericField, read: `[{"value":"` + strings.Repeat("1", 64) + `"}]`, want: `{"number":"` + strings.Repeat("1", 64) + `"}`},
		{name: "option that is gone", id: selectField, read: `[{"value":"green","enum":49}]`, want: `{"choice":{"option_id":"49","name":"green"}}`},
		{name: "bare ids of options", id: multiselectField, read: `["3692471",3692473]`, want: `{"choices":{"choices":[{"option_id":"3692471","name":"3"},{"option_id":"3692473","name":"5"}]}}`},
		{name: "values as an object", id: multiselectField, read: `{"1":{"value":"4","enum":3692472},"0":{"value":"3","enum":3692471}}`, want: `{"choices":{"choices":[{"option_id":"3692471","name":"3"},{"option_id":"3692472","name":"4"}]}}`},
		{name: "bare text", id: textField, read: `["hello"]`, want: `{"text":"hello"}`},
		{name: "number as text", id: textField, read: `[{"value":12}]`, want: `{"text":"12"}`},
		{name: "entities of a text stay", id: textField, read: `[{"value":"a &amp; b"}]`, want: `{"text":"a &amp; b"}`},
		{name: "bad string", id: textField, read: `[{"value":"a\ud800"}]`, want: `{"text":"a�"}`},
		{name: "null keys", id: textField, read: `[{"value":"x","enum":null,"subtype":null}]`, want: `{"text":"x"}`},
		{
			name: "kind by name", id: multitextField, read: `[{"value":"1","enum":"MOB"},{"value":"2","enum":"PAGER"},{"value":"3"},{"value":"4","enum":99}]`,
			want: `{"multitext":{"values":[{"value":"1","kind":"MOB","kind_id":"82"},{"value":"2","kind":"PAGER"},{"value":"3"},{"value":"4","kind_id":"99"}]}}`,
		},
		{
			name: "documented address parts", id: smartAddressField, read: `[{"value":"A","subtype":"1"},{"value":"B","subtype":2},{"value":"C","subtype":"3"},{"value":"D","subtype":"4"},{"value":"E","subtype":"5"},{"value":"US","subtype":"6"}]`,
			want: `{"smart_address":{"address_line_1":"A","address_line_2":"B","city":"C","state":"D","zip":"E","country":"US"}}`,
		},
		{name: "date without time", id: dateField, read: `[{"value":"2017-10-26"}]`, want: `{"date":{"year":2017,"month":10,"day":26}}`},
		{name: "Russian date", id: dateField, read: `[{"value":"14.06.2014"}]`, want: `{"date":{"year":2014,"month":6,"day":14}}`},
		{name: "date with slashes", id: birthdayField, read: `[{"value":"1999\/10\/21"}]`, want: `{"birthday":{"year":1999,"month":10,"day":21}}`},
		{name: "checkbox as boolean", id: checkboxField, read: `[{"value":true}]`, want: `{"checkbox":true}`},
		{
			name: "both ids of another system", id: legalEntityField, read: `[{"value":{"name":"A","external_uid":"u","external_id":"i"}}]`,
			want: `{"legal_entities":{"legal_entities":[{"name":"A","external_uid":"u","other":{"external_id":"i"}}]}}`,
		},
		{
			name: "unknown keys of an entity", id: legalEntityField, read: `[{"value":{"name":"A","entity_type":7,"real_value":[1]}}]`,
			want: `{"legal_entities":{"legal_entities":[{"name":"A","other":{"entity_type":7,"real_value":[1]}}]}}`,
		},
		{
			name: "unknown keys of an item", id: itemsField, read: `[{"value":{"description":"A","quantity":"two","discount":{"type":"gift","value":1},"vat_rate_id":"x"}}]`,
			want: `{"items":{"items":[{"description":"A","other":{"quantity":"two","discount":{"type":"gift","value":1},"vat_rate_id":"x"}}]}}`,
		},
		{name: "no values", id: textField, read: `[]`},
		{name: "empty object of values", id: textField, read: `{}`},
		{name: "null values", id: textField, read: `null`},
		{name: "one null", id: numericField, read: `[{"value":null}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, _ := readField(t, c.id, c.read)
			if c.want == "" {
				if got != nil {
					t.Errorf("got %v, want no field", got)
				}
				return
			}
			want := &amogatev1.CustomField{}
			if err := protojson.Unmarshal([]byte(c.want), want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, valueOnly(got), protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What does not fit its type is not lost: raw holds all of `values`.
func TestCustomField_keepsMisfitsRaw(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		id   int64
		read string
	}{
		{"two texts", textField, `[{"value":"a"},{"value":"b"}]`},
		{"object as text", textField, `[{"value":{"a":1}}]`},
		{"number with comma", numericField, `[{"value":"1,5"}]`},
		{"number with exponent", numericField, `[{"value":"1e5"}]`},
		{"empty number", numericField, `[{"value":""}]`},
		{"checkbox in words", checkboxField, `[{"value":"perhaps"}]`},
		{"two options of a select", selectField, `[{"value":"red","enum":41},{"value":"x","enum":42}]`},
		{"option id in words", selectField, `[{"value":"red","enum":"first"}]`},
		{"option without anything", selectField, `[{"enum":""}]`},
		{"option as object", multiselectField, `[{"value":{"id":3692471}}]`},
		{"impossible day", dateField, `[{"value":"2017-02-30 00:00:00"}]`},
		{"year 0", dateField, `[{"value":"0000-00-00 00:00:00"}]`},
		{"year 0, a real day", dateField, `[{"value":"0000-01-01 00:00:00"}]`},
		{"number too long", numericField, `[{"value":"` + strings.Repeat("1", 65) + `"}]`},
		{"number without digits", numericField, `[{"value":"-."}]`},
		{"option 0", selectField, `[{"value":"red","enum":0}]`},
		{"day in words", birthdayField, `[{"value":"soon"}]`},
		{"instant in words", dateTimeField, `[{"value":"soon"}]`},
		{"unknown address part", smartAddressField, `[{"value":"A","subtype":"planet"}]`},
		{"doubled address part", smartAddressField, `[{"value":"A","subtype":"city"},{"value":"B","subtype":"3"}]`},
		{"text as legal entity", legalEntityField, `[{"value":"Shop LLC"}]`},
		{"two organisations", orgField, `[{"value":{"name":"A"}},{"value":{"name":"B"}}]`},
		{"text as organisation", orgField, `[{"value":"A"}]`},
		{"text as item", itemsField, `[{"value":"Boots"}]`},
		{"phone as object", multitextField, `[{"value":{"number":1}}]`},
		{"enum as object", multitextField, `[{"value":"1","enum":{"id":5}}]`},
		{"type that has no arm here", chainedListField, `[{"catalog_id":7,"catalog_element_id":8}]`},
		{"file", fileField, `[{"value":{"file_uuid":"f","file_name":"a.pdf"}}]`},
		{"category as object", categoryField, `[{"value":{"id":5}}]`},
		{"price in words", priceField, `[{"value":"much"}]`},
		{"amount with its currency", monetaryField, `[{"value":"15","currency":"USD"},{"value":"16"}]`},
		{"tracking data as object", trackingField, `[{"value":{"utm":"x"}}]`},
		{"type that is unknown", unknownTypeField, `[{"value":"x","planet":[1,2]}]`},
		{"scalar instead of a list", numericField, `"many"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, _ := readField(t, c.id, c.read)
			if got.GetRaw() == nil {
				t.Fatalf("got %v, want raw", got)
			}
			var want any
			if err := json.Unmarshal([]byte(c.read), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.GetRaw().AsInterface()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCustomField_takesWhatTheAccountTells(t *testing.T) {
	t.Parallel()
	got, unknown := readField(t, multitextField, `[{"value":"1","enum":81}]`)
	if got.GetName() != "Phone" || got.GetCode() != "PHONE" || got.GetTypeCode() != "8" || got.GetType() != amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_MULTITEXT {
		t.Errorf("got %v", got)
	}
	if len(unknown) != 0 {
		t.Errorf("unknown fields: %v", unknown)
	}
}

func TestCustomField_unknownID(t *testing.T) {
	t.Parallel()
	body := `{"_embedded":{"items":[{"id":1,"custom_fields":[
		{"id":9002,"name":"Later","type_id":"2","values":[{"value":"7"}]},
		{"id":9001,"name":"New","values":[{"value":"7"}]},
		{"id":9001,"name":"New","values":[]}
	]}]}}`
	page, err := customers.DecodeList(testEnv(t), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{9001, 9002}, page.UnknownFields); diff != "" {
		t.Error(diff)
	}
	fields := page.Rows[0].GetCustomFields()
	if len(fields) != 2 || fields[0].GetNumber() != "7" || fields[0].GetType() != amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_NUMERIC {
		t.Errorf("with a type_id: got %v", fields)
	}
	if fields[1].GetRaw() == nil || fields[1].GetName() != "New" {
		t.Errorf("without: got %v", fields)
	}
}

func TestCustomField_withoutValueIsCleared(t *testing.T) {
	t.Parallel()
	for _, id := range []int64{textField, multiselectField, categoryField, unknownTypeField} {
		field := &amogatev1.CustomField{FieldId: id}
		if err := checkField(t, field); err != nil {
			t.Errorf("field %d: %v", id, err)
		}
		if diff := cmp.Diff([]any{}, writeField(t, field)); diff != "" {
			t.Errorf("field %d: %s", id, diff)
		}
	}
}

func TestCustomField_writesKinds(t *testing.T) {
	t.Parallel()
	field := &amogatev1.CustomField{FieldId: multitextField, Value: &amogatev1.CustomField_Multitext{Multitext: &amogatev1.Multitext{
		Values: []*amogatev1.MultitextValue{{Value: "1", Kind: "MOB"}, {Value: "2", Kind: "MOB", KindId: 81}},
	}}}
	want := []any{map[string]any{"value": "1", "enum": 82.0}, map[string]any{"value": "2", "enum": 81.0}}
	if diff := cmp.Diff(want, writeField(t, field)); diff != "" {
		t.Error(diff)
	}
}

func TestCustomField_check(t *testing.T) {
	t.Parallel()
	choice := func(id int64) *amogatev1.CustomField_Choice {
		return &amogatev1.CustomField_Choice{Choice: &amogatev1.Choice{OptionId: id}}
	}
	multitext := func(v *amogatev1.MultitextValue) *amogatev1.CustomField_Multitext {
		return &amogatev1.CustomField_Multitext{Multitext: &amogatev1.Multitext{Values: []*amogatev1.MultitextValue{v}}}
	}
	day := func(y, m, d int32) *amogatev1.CustomField_Date {
		return &amogatev1.CustomField_Date{Date: &date.Date{Year: y, Month: m, Day: d}}
	}
	for _, c := range []struct {
		name  string
		field *amogatev1.CustomField
		kind  driver.Kind
		path  string
	}{
		{"unknown field", &amogatev1.CustomField{FieldId: 9001}, driver.KindInvalid, "field_id"},
		{"arm of another type", &amogatev1.CustomField{FieldId: textField, Value: choice(41)}, driver.KindInvalid, "choice"},
		{"raw", &amogatev1.CustomField{FieldId: textField, Value: &amogatev1.CustomField_Raw{}}, driver.KindUnsupported, "raw"},
		{"linked lists", &amogatev1.CustomField{FieldId: chainedListField, Value: &amogatev1.CustomField_ChainedList{ChainedList: &amogatev1.ChainedList{}}}, driver.KindUnsupported, "chained_list"},
		{"file", &amogatev1.CustomField{FieldId: fileField, Value: &amogatev1.CustomField_File{File: &amogatev1.File{FileUuid: "f"}}}, driver.KindUnsupported, "file"},
		{"text of a category", &amogatev1.CustomField{FieldId: categoryField, Value: &amogatev1.CustomField_Text{}}, driver.KindInvalid, "text"},
		{"no category", &amogatev1.CustomField{FieldId: categoryField, Value: choice(0)}, driver.KindInvalid, "choice.option_id"},
		{"type that is unknown", &amogatev1.CustomField{FieldId: unknownTypeField, Value: &amogatev1.CustomField_Text{}}, driver.KindUnsupported, "text"},
		{"no number", &amogatev1.CustomField{FieldId: numericField, Value: &amogatev1.CustomField_Number{Number: "1,5"}}, driver.KindInvalid, "number"},
		{"unknown option", &amogatev1.CustomField{FieldId: selectField, Value: choice(43)}, driver.KindInvalid, "choice.option_id"},
		{"option by name only", &amogatev1.CustomField{FieldId: selectField, Value: &amogatev1.CustomField_Choice{Choice: &amogatev1.Choice{Name: "red"}}}, driver.KindInvalid, "choice.option_id"},
		{"unknown second option", &amogatev1.CustomField{FieldId: multiselectField, Value: &amogatev1.CustomField_Choices{Choices: &amogatev1.Choices{Choices: []*amogatev1.Choice{{OptionId: 3692471}, {OptionId: 5}}}}}, driver.KindInvalid, "choices.choices[1].option_id"},
		{"no kind", &amogatev1.CustomField{FieldId: multitextField, Value: multitext(&amogatev1.MultitextValue{Value: "1"})}, driver.KindInvalid, "multitext.values[0].kind"},
		{"unknown kind", &amogatev1.CustomField{FieldId: multitextField, Value: multitext(&amogatev1.MultitextValue{Value: "1", Kind: "PAGER"})}, driver.KindInvalid, "multitext.values[0].kind"},
		{"unknown kind id", &amogatev1.CustomField{FieldId: multitextField, Value: multitext(&amogatev1.MultitextValue{Value: "1", Kind: "MOB", KindId: 5})}, driver.KindInvalid, "multitext.values[0].kind_id"},
		{"30 February", &amogatev1.CustomField{FieldId: dateField, Value: day(2017, 2, 30)}, driver.KindInvalid, "date"},
		{"29 February of a common year", &amogatev1.CustomField{FieldId: dateField, Value: day(2017, 2, 29)}, driver.KindInvalid, "date"},
		{"month only", &amogatev1.CustomField{FieldId: dateField, Value: day(2017, 2, 0)}, driver.KindInvalid, "date"},
		{"year 10000", &amogatev1.CustomField{FieldId: dateField, Value: day(10000, 1, 1)}, driver.KindInvalid, "date"},
		{"no year", &amogatev1.CustomField{FieldId: birthdayField, Value: &amogatev1.CustomField_Birthday{Birthday: &date.Date{Month: 2, Day: 2}}}, driver.KindInvalid, "birthday"},
		{"no date", &amogatev1.CustomField{FieldId: birthdayField, Value: &amogatev1.CustomField_Birthday{}}, driver.KindInvalid, "birthday"},
		{"fraction of a second", &amogatev1.CustomField{FieldId: dateTimeField, Value: &amogatev1.CustomField_DateTime{DateTime: &timestamppb.Timestamp{Nanos: 1}}}, driver.KindInvalid, "date_time"},
		{"no instant", &amogatev1.CustomField{FieldId: dateTimeField, Value: &amogatev1.CustomField_DateTime{}}, driver.KindInvalid, "date_time"},
		{"year 10000 in the account's zone", &amogatev1.CustomField{FieldId: dateTimeField, Value: &amogatev1.CustomField_DateTime{DateTime: &timestamppb.Timestamp{Seconds: 253402300799}}}, driver.KindInvalid, "date_time"},
		{"entity without a name", &amogatev1.CustomField{FieldId: legalEntityField, Value: &amogatev1.CustomField_LegalEntities{LegalEntities: &amogatev1.LegalEntities{LegalEntities: []*amogatev1.LegalEntity{{Name: "A"}, {}}}}}, driver.KindInvalid, "legal_entities.legal_entities[1].name"},
		{"entity of a kind unheard of", &amogatev1.CustomField{FieldId: legalEntityField, Value: &amogatev1.CustomField_LegalEntities{LegalEntities: &amogatev1.LegalEntities{LegalEntities: []*amogatev1.LegalEntity{{Name: "A", EntityType: 7}}}}}, driver.KindInvalid, "legal_entities.legal_entities[0].entity_type"},
		{"organisation without a name", &amogatev1.CustomField{FieldId: orgField, Value: &amogatev1.CustomField_Organisation{}}, driver.KindInvalid, "organisation.name"},
		{"item with a price in words", &amogatev1.CustomField{FieldId: itemsField, Value: &amogatev1.CustomField_Items{Items: &amogatev1.Items{Items: []*amogatev1.Item{{UnitPrice: "much"}}}}}, driver.KindInvalid, "items.items[0].unit_price"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := asError(t, checkField(t, c.field), c.kind)
			if len(e.Fields) != 1 || e.Fields[0].Path != "custom_fields[0]."+c.path || e.Fields[0].Description == "" {
				t.Errorf("got fields %v, want custom_fields[0].%s", e.Fields, c.path)
			}
			if c.kind == driver.KindUnsupported && e.Generation != driver.V2 {
				t.Errorf("generation is %v", e.Generation)
			}
		})
	}
}

// Moscow put its clocks back at 2014-10-25T22:00:00Z: 01:30 came twice there,
// and only one of the two can be what wall clock time means.
func TestCustomField_check_refusesTheHourThatCameTwice(t *testing.T) {
	t.Parallel()
	refused := 0
	for _, hour := range []int{21, 22} {
		at := timestamppb.New(time.Date(2014, 10, 25, hour, 30, 0, 0, time.UTC))
		err := checkField(t, &amogatev1.CustomField{FieldId: dateTimeField, Value: &amogatev1.CustomField_DateTime{DateTime: at}})
		if err != nil {
			wantKind(t, err, driver.KindInexpressible)
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("%d of both are refused, want one", refused)
	}
}

func TestCustomField_check_refusesDoubles(t *testing.T) {
	t.Parallel()
	value := &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{{FieldId: textField}, {FieldId: textField}}}
	e := asError(t, customers.Check(testEnv(t), driver.OpUpdate, value, []string{"custom_fields"}), driver.KindInvalid)
	if e.Fields[0].Path != "custom_fields[1].field_id" {
		t.Errorf("got %v", e.Fields)
	}
}

// What is written and read back, as upstream answers it, is what was sent.
func TestCustomField_survivesUpstream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := rapid.SampledFrom([]int64{textField, numericField, checkboxField, dateField, urlField, textareaField, streetAddressField, smartAddressField, birthdayField, dateTimeField}).Draw(rt, "field")
		field := &amogatev1.CustomField{FieldId: c}
		text := rapid.String().Draw(rt, "text")
		day := rapid.Custom(func(rt *rapid.T) *date.Date {
			at := time.Unix(rapid.Int64Range(-30e9, 200e9).Draw(rt, "day"), 0).UTC()
			return &date.Date{Year: int32(at.Year()), Month: int32(at.Month()), Day: int32(at.Day())}
		})
		switch c {
		case textField:
			field.Value = &amogatev1.CustomField_Text{Text: text}
		case urlField:
			field.Value = &amogatev1.CustomField_Url{Url: text}
		case textareaField:
			field.Value = &amogatev1.CustomField_TextArea{TextArea: text}
		case streetAddressField:
			field.Value = &amogatev1.CustomField_StreetAddress{StreetAddress: text}
		case numericField:
			field.Value = &amogatev1.CustomField_Number{Number: rapid.StringMatching(`[+-]?([0-9]{1,20}(\.[0-9]{0,9})?|\.[0-9]{1,9})`).Draw(rt, "number")}
		case checkboxField:
			field.Value = &amogatev1.CustomField_Checkbox{Checkbox: rapid.Bool().Draw(rt, "ticked")}
		case dateField:
			field.Value = &amogatev1.CustomField_Date{Date: day.Draw(rt, "date")}
		case birthdayField:
			field.Value = &amogatev1.CustomField_Birthday{Birthday: day.Draw(rt, "birthday")}
		case dateTimeField:
			field.Value = &amogatev1.CustomField_DateTime{DateTime: &timestamppb.Timestamp{Seconds: rapid.Int64Range(-30e9, 200e9).Draw(rt, "instant")}}
		case smartAddressField:
			field.Value = &amogatev1.CustomField_SmartAddress{SmartAddress: &amogatev1.SmartAddress{City: "x" + text, Country: "RU"}}
		}
		if customers.Check(testEnv(t), driver.OpUpdate, &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{field}}, []string{"custom_fields"}) != nil {
			return // An hour that came twice.
		}
		// These types are answered in the form they are written in.
		values, err := json.Marshal(writeField(t, field))
		if err != nil {
			rt.Fatal(err)
		}
		got, _ := readField(t, c, string(values))
		if diff := cmp.Diff(valueOnly(field), valueOnly(got), protocmp.Transform()); diff != "" {
			rt.Fatalf("%s: %s", values, diff)
		}
	})
}

// readField decodes a customer with one custom field; nil = it has none.
func readField(t *testing.T, id int64, values string) (*amogatev1.CustomField, []int64) {
	t.Helper()
	body := fmt.Sprintf(`{"_embedded":{"items":[{"id":1,"custom_fields":[{"id":%d,"values":%s}]}]}}`, id, values)
	page, err := customers.DecodeList(testEnv(t), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	fields := page.Rows[0].GetCustomFields()
	if len(fields) == 0 {
		return nil, page.UnknownFields
	}
	return fields[0], page.UnknownFields
}

// valueOnly drops everything but the value.
func valueOnly(field *amogatev1.CustomField) *amogatev1.CustomField {
	bare := proto.CloneOf(field)
	bare.FieldId, bare.Name, bare.Code, bare.TypeCode = 0, "", "", ""
	bare.Type = amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_UNSPECIFIED
	return bare
}

func checkField(t *testing.T, field *amogatev1.CustomField) error {
	t.Helper()
	value := &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{field}}
	return customers.Check(testEnv(t), driver.OpUpdate, value, []string{"custom_fields"})
}

// writeField returns the `values` that are sent for a field.
func writeField(t *testing.T, field *amogatev1.CustomField) any {
	t.Helper()
	call, err := customers.Update(testEnv(t), []driver.Change[*amogatev1.Customer]{{
		ID:    1,
		Value: &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{field}},
		Paths: []string{"custom_fields"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var body any
	if err := json.Unmarshal(call.Body, &body); err != nil {
		t.Fatal(err)
	}
	item := object(t, list(t, object(t, body)["update"])[0])
	return object(t, list(t, item["custom_fields"])[0])["values"]
}

func TestCustomField_writesUnknownKeysBack(t *testing.T) {
	t.Parallel()
	other, err := structpb.NewStruct(map[string]any{"bank_account": "40702", "entity_type": "3", "name": "other"})
	if err != nil {
		t.Fatal(err)
	}
	entities := &amogatev1.LegalEntities{LegalEntities: []*amogatev1.LegalEntity{{Name: "Shop LLC", Kpp: "7701", Other: other}}}
	checkUpdate(t, "custom_fields", &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{
		{FieldId: legalEntityField, Value: &amogatev1.CustomField_LegalEntities{LegalEntities: entities}},
	}}, fmt.Sprintf(`{"custom_fields":[{"id":%d,"values":[{"value":{"bank_account":"40702","entity_type":"3","kpp":"7701","name":"Shop LLC"}}]}]}`, legalEntityField))
}

// In 2018 the clocks of São Paulo went from 3 November, 23:59:59, to 4 November,
// 01:00: the midnight that upstream writes for the day did not occur.
func TestCustomField_daysHaveNoZone(t *testing.T) {
	t.Parallel()
	env := testEnv(t)
	zone, err := time.LoadLocation("America/Sao_Paulo")
	if err != nil {
		t.Fatal(err)
	}
	env.Location = zone
	page, err := customers.DecodeList(env, fmt.Appendf(nil, `{"_embedded":{"items":[{"id":1,"custom_fields":[
		{"id":%d,"values":[{"value":"2018-11-04 00:00:00"}]},{"id":%d,"values":[{"value":"2018-11-04"}]}]}]}}`, dateField, birthdayField))
	if err != nil {
		t.Fatal(err)
	}
	fields := page.Rows[0].GetCustomFields()
	want := &date.Date{Year: 2018, Month: 11, Day: 4}
	if diff := cmp.Diff([]*date.Date{want, want}, []*date.Date{fields[0].GetDate(), fields[1].GetBirthday()}, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestCustomField_timesThatDidNotOccurAreLater(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, read, want string }{
		{"America/Sao_Paulo", "2018-11-04 00:00:00", "2018-11-04T03:00:00Z"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"},
		{"America/Sao_Paulo", "2018-11-03 23:59:59", "2018-11-04T02:59:59Z"},
		{"America/Sao_Paulo", "2018-11-04 01:00:00", "2018-11-04T03:00:00Z"},
		{"Europe/Moscow", "2010-03-28 02:30:00", "2010-03-27T23:30:00Z"},
	} {
		env := testEnv(t)
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		env.Location = zone
		page, err := customers.DecodeList(env, fmt.Appendf(nil, `{"_embedded":{"items":[{"id":1,"custom_fields":[{"id":%d,"values":[{"value":%q}]}]}]}}`, dateTimeField, c.read))
		if err != nil {
			t.Fatal(err)
		}
		if got := page.Rows[0].GetCustomFields()[0].GetDateTime().AsTime().Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s: got %s, want %s", c.read, c.zone, got, c.want)
		}
	}
}

// An option's name that stands twice tells no id.
func TestCustomField_optionsOfOneName(t *testing.T) {
	t.Parallel()
	env := testEnv(t)
	env.Fields["customers"][selectField].Options[43] = "red"
	page, err := customers.DecodeList(env, fmt.Appendf(nil, `{"_embedded":{"items":[{"id":1,"custom_fields":[{"id":%d,"values":[{"value":"red"}]}]}]}}`, selectField))
	if err != nil {
		t.Fatal(err)
	}
	want := &amogatev1.Choice{Name: "red"}
	if diff := cmp.Diff(want, page.Rows[0].GetCustomFields()[0].GetChoice(), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestCustomField_oneExternalIDInTwoKeys(t *testing.T) {
	t.Parallel()
	for _, values := range []string{
		`[{"value":{"name":"A","external_uid":"a","external_id":"a"}}]`,
		`[{"value":{"name":"A","external_uid":"a","external_id":null}}]`,
		`[{"value":{"name":"A","external_uid":"","external_id":"a"}}]`,
	} {
		got, _ := readField(t, legalEntityField, values)
		want := &amogatev1.LegalEntities{LegalEntities: []*amogatev1.LegalEntity{{Name: "A", ExternalUid: "a"}}}
		if diff := cmp.Diff(want, got.GetLegalEntities(), protocmp.Transform()); diff != "" {
			t.Errorf("%s: %s", values, diff)
		}
	}
}

// A discount that has no arm is written back as it came.
func TestCustomField_keepsOtherDiscounts(t *testing.T) {
	t.Parallel()
	for _, discount := range []string{`{"type":"amount","value":"5","note":"x"}`, `{"type":"gift","value":"5"}`, `{"type":"amount"}`, `7`} {
		got, _ := readField(t, itemsField, `[[{"description":"Boots","discount":`+discount+`}]]`)
		var want any
		if err := json.Unmarshal([]byte(`[{"description":"Boots","discount":`+discount+`}]`), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, writeField(t, got)); diff != "" {
			t.Errorf("%s: %s", discount, diff)
		}
	}
}

func TestCustomField_keepsTwoExternalIDs(t *testing.T) {
	t.Parallel()
	const values = `[{"value":{"name":"A","external_uid":"a","external_id":"b"}}]`
	got, _ := readField(t, legalEntityField, values)
	var want any
	if err := json.Unmarshal([]byte(values), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, writeField(t, got)); diff != "" {
		t.Error(diff)
	}
}

func TestCustomField_itemWithoutDiscount(t *testing.T) {
	t.Parallel()
	for _, nothing := range []string{`null`, `[]`, `{}`, `""`} {
		got, _ := readField(t, itemsField, `[[{"description":"Boots","discount":`+nothing+`,"vat_rate_id":`+nothing+`}]]`)
		want := &amogatev1.Items{Items: []*amogatev1.Item{{Description: "Boots"}}}
		if diff := cmp.Diff(want, got.GetItems(), protocmp.Transform()); diff != "" {
			t.Errorf("%s: %s", nothing, diff)
		}
	}
}

func TestCustomField_addressWithoutParts(t *testing.T) {
	t.Parallel()
	for _, address := range []*amogatev1.SmartAddress{nil, {}} {
		field := &amogatev1.CustomField{FieldId: smartAddressField, Value: &amogatev1.CustomField_SmartAddress{SmartAddress: address}}
		if diff := cmp.Diff([]any{}, writeField(t, field)); diff != "" {
			t.Errorf("%v: %s", address, diff)
		}
	}
}

// A text that cannot be encoded fails the write; it must not be left out of it.
func TestCustomField_refusesInvalidUTF8BesideUnknownKeys(t *testing.T) {
	t.Parallel()
	entity := &amogatev1.LegalEntity{Name: "A", Kpp: "\xff", Other: &structpb.Struct{Fields: map[string]*structpb.Value{"x": structpb.NewNullValue()}}}
	_, err := customers.Create(testEnv(t), []*amogatev1.Customer{{Name: "A", CustomFields: []*amogatev1.CustomField{
		{FieldId: legalEntityField, Value: &amogatev1.CustomField_LegalEntities{LegalEntities: &amogatev1.LegalEntities{LegalEntities: []*amogatev1.LegalEntity{entity}}}},
	}}})
	wantKind(t, err, driver.KindBug)
}

// The proto enum has numbers above upstream's, for types that have none there.
func TestCustomField_knowsOnlyTheNumbersOfUpstream(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]amogatev1.CustomFieldType{
		"20":   amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_PRICE,
		"1001": amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_UNSPECIFIED,
	} {
		page, err := customers.DecodeList(testEnv(t), []byte(`{"_embedded":{"items":[{"id":1,"custom_fields":[{"id":9001,"type_id":`+code+`,"values":[{"value":"5"}]}]}]}}`))
		if err != nil {
			t.Fatal(err)
		}
		if field := page.Rows[0].GetCustomFields()[0]; field.GetType() != want || field.GetTypeCode() != code {
			t.Errorf("type %s is %s", code, field.GetType())
		}
	}
}
