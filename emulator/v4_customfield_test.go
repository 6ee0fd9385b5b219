package emulator

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fieldsAccount has a field of every type, with the ids of the samples, and customer 7.
func fieldsAccount(t *testing.T, config Config) *Emulator {
	t.Helper()
	e := northAccount(t, config)
	for _, f := range sampleFields {
		mustAddField(t, e, f)
	}
	mustAddField(t, e, Field{ID: 926, Name: "Organisation", Type: FieldOrgLegalName})
	mustAdd(t, e, Customer{ID: 7, Name: "A", CustomFields: []CustomField{{901, []FieldValue{{Value: "kept"}}}}})
	return e
}

func fieldBody(id, values string) string {
	return `{"custom_fields_values":[{"field_id":` + id + `,"values":` + values + `}]}`
}

func TestV4Fields_refuse(t *testing.T) {
	const at = "0 "
	long := strings.Repeat("ж", 257)
	for _, test := range []struct {
		name, id, values string
		want             []string // code, and where below values
	}{
		{"an empty list", "901", `[]`, []string{"TooFew "}},
		{"values are text", "901", `"x"`, []string{"InvalidType "}},
		{"values are an object", "901", `{"value":"x"}`, []string{"InvalidType "}},
		{"a bare value", "901", `["x"]`, []string{"InvalidType .0"}},
		{"no value", "901", `[{}]`, []string{"FieldMissing .0.value"}},
		{"value is null", "901", `[{"value":null}]`, []string{"NotNullable .0.value"}},
		{"two texts", "901", `[{"value":"x"},{"value":"y"}]`, []string{"TooMany "}},
		{"text of 257 characters", "901", `[{"value":"` + long + `"}]`, []string{"TooLong .0.value"}},
		{"text is a number", "901", `[{"value":5}]`, []string{"InvalidType .0.value"}},
		{"text with an enum", "901", `[{"value":"x","enum_id":1}]`, []string{"FieldNotExpected .0.enum_id"}},
		{"number is a word", "902", `[{"value":"ten"}]`, []string{"InvalidType .0.value"}},
		{"number is a bool", "902", `[{"value":true}]`, []string{"InvalidType .0.value"}},
		{"checkbox is 1", "903", `[{"value":1}]`, []string{"InvalidType .0.value"}},
		{"checkbox is text", "903", `[{"value":"1"}]`, []string{"InvalidType .0.value"}},
		{"unknown option by text", "904", `[{"value":"Cash"}]`, []string{"NotSupportedChoice .0.value"}},
		{"unknown option by id", "904", `[{"enum_id":1}]`, []string{"NotSupportedChoice .0.enum_id"}},
		{"another field's option", "904", `[{"enum_id":55020}]`, []string{"NotSupportedChoice .0.enum_id"}},
		{"unknown option by code", "904", `[{"enum_code":"cash"}]`, []string{"NotSupportedChoice .0.enum_code"}},
		{"option id as text", "904", `[{"enum_id":"55012"}]`, []string{"InvalidType .0.enum_id"}},
		{"no option", "904", `[{}]`, []string{"FieldMissing .0.value"}},
		{"two options", "904", `[{"enum_id":55012},{"enum_id":55012}]`, []string{"TooMany "}},
		{"a multiselect's code", "905", `[{"enum_id":55021,"enum_code":"cakes"}]`, []string{"FieldNotExpected .0.enum_code"}},
		{"a multiselect's code that is null", "905", `[{"enum_id":55020,"enum_code":null}]`, []string{"FieldNotExpected .0.enum_code"}},
		{"a multiselect's second option", "905", `[{"enum_id":55020},{"value":"Beer"}]`, []string{"NotSupportedChoice .1.value"}},
		{"phone without a number", "906", `[{"enum_code":"WORK"}]`, []string{"FieldMissing .0.value"}},
		{"phone is a number", "906", `[{"value":7900,"enum_code":"WORK"}]`, []string{"InvalidType .0.value"}},
		{"phone of an unknown kind", "906", `[{"value":"+7900","enum_code":"CAR"}]`, []string{"NotSupportedChoice .0.enum_code"}},
		{"phone of an unknown kind by id", "906", `[{"value":"+7900","enum_id":1}]`, []string{"NotSupportedChoice .0.enum_id"}},
		{"date of a word", "907", `[{"value":"tomorrow"}]`, []string{"InvalidType .0.value"}},
		{"date before 1970", "907", `[{"value":-1}]`, []string{"InvalidType .0.value"}},
		{"date in milliseconds", "907", `[{"value":1717275600000}]`, []string{"InvalidType .0.value"}},
		{"date as v2 has it", "907", `[{"value":"2024-06-02 00:00:00"}]`, []string{"InvalidType .0.value"}},
		{"date is a list", "907", `[{"value":[]}]`, []string{"InvalidType .0.value"}},
		{"url without a scheme", "910", `[{"value":"bakery"}]`, []string{"57c2f299-1154-4870-89bb-ef3b1f5ad229 .0.value"}},
		{"textarea is a number", "911", `[{"value":1}]`, []string{"InvalidType .0.value"}},
		{"address part of no place", "914", `[{"value":"Kazan"}]`, []string{"FieldMissing .0.enum_id"}},
		{"address part number seven", "914", `[{"value":"Kazan","enum_id":7}]`, []string{"NotSupportedChoice .0.enum_id"}},
		{"unknown address part", "914", `[{"value":"Kazan","enum_code":"town"}]`, []string{"NotSupportedChoice .0.enum_code"}},
		{"country by its name", "914", `[{"value":"Russia","enum_code":"country"}]`, []string{"NotSupportedChoice .0.value"}},
		{"address part without text", "914", `[{"enum_id":3}]`, []string{"FieldMissing .0.value"}},
		{"legal entity is text", "915", `[{"value":"Bakery"}]`, []string{"InvalidType .0.value"}},
		{"legal entity without a name", "915", `[{"value":{"vat_id":"1"}}]`, []string{"FieldMissing .0.value.name"}},
		{"legal entity of another country", "915", `[{"value":{"name":"x","bin":""}}]`, []string{"FieldNotExpected .0.value.bin"}},
		{"legal entity's tax number is a number", "915", `[{"value":{"name":"x","vat_id":1655000000}}]`, []string{"InvalidType .0.value.vat_id"}},
		{"item with a computed key", "916", `[{"value":{"description":"x","total_sum":1}}]`, []string{"FieldNotExpected .0.value.total_sum"}},
		{"item's price is text", "916", `[{"value":{"unit_price":"1"}}]`, []string{"InvalidType .0.value.unit_price"}},
		{"item's discount of no type", "916", `[{"value":{"discount":{"value":1}}}]`, []string{"FieldMissing .0.value.discount.type"}},
		{"price is a word", "917", `[{"value":"cheap"}]`, []string{"InvalidType .0.value"}},
		{"link to a lead", "920", `[{"value":{"entity_id":1,"entity_type":"leads"}}]`, []string{"NotSupportedChoice .0.value.entity_type"}},
		{"link to nothing", "920", `[{"value":{"entity_type":"contacts"}}]`, []string{"FieldMissing .0.value.entity_id"}},
		{"chained list with a value", "921", `[{"value":{"catalog_id":1,"catalog_element_id":2}}]`, []string{"FieldMissing .0.catalog_id", "FieldMissing .0.catalog_element_id", "FieldNotExpected .0.value"}},
		{"six chained lists", "921", "[" + strings.Repeat(`{"catalog_id":1,"catalog_element_id":2},`, 5) + `{"catalog_id":1,"catalog_element_id":2}]`, []string{"TooMany "}},
		{"file without uuid", "923", `[{"value":{"file_name":"x"}}]`, []string{"FieldMissing .0.value.file_uuid"}},
		{"file with what is read", "923", `[{"value":{"file_uuid":"x","is_deleted":false}}]`, []string{"FieldNotExpected .0.value.is_deleted"}},
		{"payer is text", "924", `[{"value":"Bakery"}]`, []string{"InvalidType .0.value"}},
		{"supplier without id", "925", `[{"value":{}}]`, []string{"FieldMissing .0.value.entity_id"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := fieldsAccount(t, Config{})
			a := ask(t, e, http.MethodPatch, customerPath(7), fieldBody(test.id, test.values))
			var want []string
			for _, w := range test.want {
				code, below, _ := strings.Cut(w, " ")
				want = append(want, at+code+" custom_fields_values.0.values"+below)
			}
			if diff := cmp.Diff(want, violations(t, a)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := stored(t, e, 7); len(got.CustomFields) != 1 {
				t.Errorf("stored %+v", got.CustomFields)
			}
		})
	}
}

func TestV4Fields_refuseUnknownFields(t *testing.T) {
	e := fieldsAccount(t, Config{})
	for body, want := range map[string][]string{
		`{"custom_fields_values":[{"field_id":901,"values":null},{"field_id":5,"values":null}]}`: {"0 NotSupportedChoice custom_fields_values.1.field_id"},
		`{"custom_fields_values":[{"field_code":"FAX","values":null}]}`:                          {"0 NotSupportedChoice custom_fields_values.0.field_code"},
		`{"custom_fields_values":[{"values":null}]}`:                                             {"0 FieldMissing custom_fields_values.0.field_id"},
		`{"custom_fields_values":[{"field_id":"901","values":null}]}`:                            {"0 InvalidType custom_fields_values.0.field_id"},
		`{"custom_fields_values":[{"field_id":901}]}`:                                            {"0 FieldMissing custom_fields_values.0.values"},
		`{"custom_fields_values":[{"field_id":901,"values":null,"id":1}]}`:                       {"0 FieldNotExpected custom_fields_values.0.id"},
		`{"custom_fields_values":[5]}`:                                                           {"0 InvalidType custom_fields_values.0"},
		`{"custom_fields_values":"x"}`:                                                           {"0 InvalidType custom_fields_values"},
		`{"custom_fields_values":[{"field_id":926,"values":null}]}`:                              {"0 NotSupportedChoice custom_fields_values.0.field_id"}, // can only be read
	} {
		if diff := cmp.Diff(want, violations(t, ask(t, e, http.MethodPatch, customerPath(7), body))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func TestV4Fields_takeEverySpelling(t *testing.T) {
	for _, test := range []struct {
		name, id, values string
		want             []FieldValue
	}{
		{"text of 256 characters", "901", `[{"value":"` + strings.Repeat("ж", 256) + `"}]`, []FieldValue{{Value: strings.Repeat("ж", 256)}}},
		{"number", "902", `[{"value":42.5}]`, []FieldValue{{Value: "42.5"}}},
		{"option by text", "904", `[{"value":"Card"}]`, []FieldValue{{Value: "Card", Enum: 55012}}},
		{"option by id, code null", "904", `[{"value":"Cash","enum_id":55012,"enum_code":null}]`, []FieldValue{{Value: "Card", Enum: 55012}}},
		{"multiselect by both", "905", `[{"value":"Tea"},{"enum_id":55021}]`, []FieldValue{{Value: "Tea", Enum: 55020}, {Value: "Cakes", Enum: 55021}}},
		{"phone without a kind", "906", `[{"value":"+7900"}]`, []FieldValue{{Value: "+7900", Enum: 311001}}},
		{"date as text", "907", `[{"value":"1965-03-01T12:00:00+03:00"}]`, []FieldValue{{Value: "1965-03-01 00:00:00"}}},
		{"date late in the day of another zone", "907", `[{"value":"2024-06-01T22:00:00Z"}]`, []FieldValue{{Value: "2024-06-02 00:00:00"}}},
		{"time", "908", `[{"value":"2024-06-01T22:00:05Z"}]`, []FieldValue{{Value: "2024-06-02 01:00:05"}}},
		{"address by code and id", "914", `[{"value":"Kazan","enum_code":"city"},{"value":"RU","enum_id":6}]`, []FieldValue{{Value: "Kazan", Subtype: "city"}, {Value: "RU", Subtype: "country"}}},
		{"two legal entities", "915", `[{"value":{"name":"a"}},{"value":{"name":"b","entity_type":2}}]`, []FieldValue{{Object: map[string]any{"name": "a"}}, {Object: map[string]any{"name": "b", "entity_type": int64(2)}}}},
		{"a free payer", "924", `[{"value":{"who":{"is":"it"}}}]`, []FieldValue{{Object: map[string]any{"who": map[string]any{"is": "it"}}}}},
	} {
		e := fieldsAccount(t, Config{})
		mustPatch(t, e, 7, fieldBody(test.id, test.values))
		fields := stored(t, e, 7).CustomFields
		if diff := cmp.Diff(test.want, fields[len(fields)-1].Values); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	e := fieldsAccount(t, Config{})
	ask(t, e, http.MethodPost, v4CustomersPath, `[{"name":"B","custom_fields_values":[{"field_code":"WEB","field_name":"Site","field_type":"url","is_computed":false,"values":[{"value":"https://bakery.example/"}]}]}]`)
	for cu := range e.Customers() {
		if cu.Name == "B" && cu.CustomFields[0].ID != 910 {
			t.Errorf("by code: %+v", cu.CustomFields)
		}
	}
}

func TestV4Fields_areClearedByNull(t *testing.T) {
	e := fieldsAccount(t, Config{})
	mustPatch(t, e, 7, `{"custom_fields_values":[{"field_id":902,"values":[{"value":"1"}]},{"field_id":903,"values":[{"value":true}]}]}`)
	if got := len(stored(t, e, 7).CustomFields); got != 3 {
		t.Fatalf("%d fields", got)
	}
	mustPatch(t, e, 7, `{"custom_fields_values":[{"field_id":902,"values":null},{"field_id":903,"values":[{"value":false}]}]}`)
	if diff := cmp.Diff([]CustomField{{901, []FieldValue{{Value: "kept"}}}}, stored(t, e, 7).CustomFields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	mustPatch(t, e, 7, `{"custom_fields_values":null}`)
	a := ask(t, e, http.MethodGet, customerPath(7), "")
	if !strings.Contains(a.body, `"custom_fields_values":null`) {
		t.Errorf("%s", a.body)
	}
}

func TestV4Fields_ofItsOwnTypesAreHiddenFromV2(t *testing.T) {
	e := fieldsAccount(t, Config{CustomersMode: ModePeriodicity})
	mustPatch(t, e, 7, fieldBody("922", `[{"value":"1500.50"}]`))
	a := ask(t, e, http.MethodGet, "/api/v2/customers?id=7", "")
	if strings.Contains(a.body, "1500.50") || !strings.Contains(a.body, "kept") {
		t.Errorf("v2 shows %s", a.body)
	}
	if a := ask(t, e, http.MethodGet, "/api/v2/account?with=custom_fields", ""); strings.Contains(a.body, `"922"`) || !strings.Contains(a.body, `"901"`) {
		t.Error("v2 defines other fields than it has")
	}
	a = ask(t, e, http.MethodPost, "/api/v2/customers", `{"update":[{"id":7,"updated_at":9999999999,"custom_fields":[{"id":922,"values":[{"value":"1"}]}]}]}`)
	if a.status != http.StatusBadRequest {
		t.Errorf("a write by v2: status %d", a.status)
	}
}

func TestV4Definitions_list(t *testing.T) {
	e := fieldsAccount(t, Config{})
	h := readHAL(t, ask(t, e, http.MethodGet, v4CustomersPath+"/custom_fields?limit=10&page=2", ""))
	total := len(e.Fields())
	pages := (total + 9) / 10
	if h.Total != total || h.Page != 2 || len(h.Embedded["custom_fields"]) != 10 {
		t.Errorf("%d of %d on page %d", len(h.Embedded["custom_fields"]), h.Total, h.Page)
	}
	last := "https://north.amocrm.ru/api/v4/customers/custom_fields?limit=10&page=" + digits(int64(pages))
	if h.Links["last"].Href != last || h.Links["prev"].Href == "" || h.Links["next"].Href == "" {
		t.Errorf("links %v", h.Links)
	}
	for query, want := range map[string][]float64{
		"filter[type][0]=multiselect":                                        {1250009, 905},
		"filter[type][]=monetary&filter[type][]=chained_list":                {921, 922},
		"filter[type][]=monetary&filter[type][]=chained_list&order[id]=desc": {922, 921},
		"filter[type]=multiselect&order[id]=asc":                             {905, 1250009},
		"filter[type]=multiselect&order[sort]=desc":                          {905, 1250009},
		"filter[type]=nothing":                                               nil,
		"page=9":                                                             nil,
	} {
		a := ask(t, e, http.MethodGet, v4CustomersPath+"/custom_fields?"+query, "")
		if want == nil {
			if a.status != http.StatusNoContent {
				t.Errorf("%s: status %d", query, a.status)
			}
			continue
		}
		got := numbersOf(t, readHAL(t, a).Embedded["custom_fields"], "id")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestV4Definitions_showOne(t *testing.T) {
	e := fieldsAccount(t, Config{})
	got := flatten(t, ask(t, e, http.MethodGet, v4CustomersPath+"/custom_fields/905", "").body)
	for path, want := range map[string]any{
		"/id": 905.0, "/name": "Interests", "/type": "multiselect", "/code": nil, "/entity_type": "customers", "/is_api_only": false,
		"/enums/0/id": 55020.0, "/enums/0/value": "Tea", "/enums/0/sort": 10.0, "/enums/1/code": "cakes", "/enums/0/code": nil,
		"/currency": nil, "/account_id": 30123456.0,
	} {
		if got[path] != want {
			t.Errorf("%s = %v, want %v", path, got[path], want)
		}
	}
	if got := flatten(t, ask(t, e, http.MethodGet, v4CustomersPath+"/custom_fields/922", "").body)["/currency"]; got != "RUB" {
		t.Errorf("the currency of money is %v", got)
	}
	if a := ask(t, e, http.MethodGet, v4CustomersPath+"/custom_fields/5", ""); a.status != http.StatusNotFound {
		t.Errorf("status %d", a.status)
	}
}

func TestFieldTypes_haveNames(t *testing.T) {
	seen := map[string]bool{}
	for kind, name := range v4FieldTypes {
		if seen[name] {
			t.Errorf("%s is the name of two types", name)
		}
		seen[name] = true
		e := open(t, Config{})
		if err := e.AddField(Field{ID: 1, Type: kind}); err != nil {
			t.Error(err)
		}
	}
	for _, kind := range []FieldType{0, 12, 18, 20, 100, 110} {
		if err := open(t, Config{}).AddField(Field{ID: 1, Type: kind}); err == nil {
			t.Errorf("type %d is accepted", kind)
		}
	}
}

// Only v2 shows entities in the names of options.
func TestV4Fields_showOptionsPlain(t *testing.T) {
	e := northAccount(t, Config{})
	mustAdd(t, e, Customer{ID: 7, Name: "A"})
	mustPatch(t, e, 7, `{"custom_fields_values":[{"field_id":1250007,"values":[{"value":"Розница \"у дома\""}]}]}`)
	stored, _ := e.Customer(7)
	if got := stored.CustomFields[0].Values[0].Enum; got != 3690005 {
		t.Fatalf("option %d is stored, want 3690005", got)
	}
	fields := customerV4(t, e, 7)
	if !strings.Contains(fmt.Sprint(fields), `Розница "у дома"`) {
		t.Errorf("fields %v, want the option without entities", fields)
	}
}
