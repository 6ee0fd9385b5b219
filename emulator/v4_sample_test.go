package emulator

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// northAccount is the account of the documented samples of generation v4.
func northAccount(t *testing.T, config Config) *Emulator {
	t.Helper()
	config.AccountID, config.UserID, config.Subdomain, config.AccountName = 30123456, 612007, "north", "North"
	config.Language = "en"
	if config.CustomersMode == "" {
		config.CustomersMode = ModeSegments
	}
	e := open(t, config)
	mustAddField(t, e, Field{ID: 901, Name: "Contract no.", Type: FieldText})
	if err := e.AddTag(Tag{ID: 330721, Name: "vip"}); err != nil {
		t.Fatal(err)
	}
	mustSetPeriods(t, e, Period{ID: 61200044, Kind: PeriodBefore, Days: 10, Color: "#fffeb2", Sort: 1})
	return e
}

func mustAddField(t *testing.T, e *Emulator, f Field) {
	t.Helper()
	if err := e.AddField(f); err != nil {
		t.Fatal(err)
	}
}

// bakery is the customer of the documented samples.
func bakery(t *testing.T, e *Emulator) {
	t.Helper()
	cu := mustAdd(t, e, Customer{
		ID: 701244, Name: "Bakery on Lenina", ResponsibleUserID: 612007, UpdatedBy: 612007, CreatedAt: 1717400000,
		UpdatedAt: 1717486400, MainContactID: 4410021, ContactIDs: []int64{4410021}, CompanyID: 4410330,
		Tags: []Tag{{330721, "vip"}}, CustomFields: []CustomField{{901, []FieldValue{{Value: "A-17/24"}}}},
		NextPrice: 5000, PeriodID: 61200044, NextDate: 1719781200, SegmentIDs: []int64{51},
		CatalogElements: []CatalogElement{{CatalogID: 4521, ElementID: 20411, Quantity: 2}},
	})
	for _, price := range []int64{4200, 300, 8000, 5000} {
		mustPurchase(t, e, Transaction{CustomerID: cu.ID, Price: price})
	}
}

// TestV4Samples sends what the samples of generation v4 answer and compares as TestDocumentedSamples does.
func TestV4Samples(t *testing.T) {
	before2026 := Config{NoMinorUnits: true, NoComputedKey: true}
	for _, test := range []struct {
		name    string
		config  Config
		method  string
		target  string
		request string // a file, or the body itself
		arrange func(*testing.T, *Emulator)
		reply   string
		status  int
		slips   map[string]difference
	}{
		{
			name: "customer", config: before2026, target: "/api/v4/customers/701244?with=contacts,companies,catalog_elements",
			arrange: bakery,
			reply:   "v4_customer", status: http.StatusOK,
		},
		{
			name: "customer since 2026", target: "/api/v4/customers/701244?with=contacts,companies,catalog_elements",
			arrange: bakery,
			reply:   "v4_customer", status: http.StatusOK,
			slips: map[string]difference{
				"/next_price_with_minor_units":        {Answered: 5000.0},
				"/ltv_with_minor_units":               {Answered: 17500.0},
				"/average_check_with_minor_units":     {Answered: 4375.0},
				"/custom_fields_values/0/is_computed": {Answered: false},
			},
		},
		{
			name: "add", method: http.MethodPost, target: v4CustomersPath, request: "v4_customers_add_request",
			arrange: func(t *testing.T, e *Emulator) { t.Helper(); mustAdd(t, e, Customer{ID: 701243}) },
			reply:   "v4_customers_add_reply", status: http.StatusOK,
		},
		{
			name: "account", reply: "v4_account", status: http.StatusOK,
			target: "/api/v4/account?with=users_groups,task_types,datetime_settings,version,drive_url,amojo_id,is_api_filter_enabled",
			slips: map[string]difference{ // recorded since 2025; and the account has more groups and types
				"/language":                       {Answered: "en"},
				"/_embedded/users_groups/1/":      {Answered: "object"},
				"/_embedded/users_groups/1/id":    {Answered: 1.0},
				"/_embedded/users_groups/1/name":  {Answered: "Support"},
				"/_embedded/users_groups/1/uuid":  {},
				"/_embedded/task_types/2/":        {Answered: "object"},
				"/_embedded/task_types/2/id":      {Answered: 3.0},
				"/_embedded/task_types/2/name":    {Answered: "Letter"},
				"/_embedded/task_types/2/color":   {},
				"/_embedded/task_types/2/icon_id": {},
				"/_embedded/task_types/2/code":    {Answered: ""},
			},
		},
		{
			name: "links", target: "/api/v4/customers/701244/links", reply: "v4_links", status: http.StatusOK,
			arrange: func(t *testing.T, e *Emulator) {
				t.Helper()
				mustAdd(t, e, Customer{
					ID: 701244, MainContactID: 4410021, ContactIDs: []int64{4410021},
					CatalogElements: []CatalogElement{{CatalogID: 4521, ElementID: 20411, Quantity: 2, PriceID: 917}},
				})
			},
		},
		{
			name: "what is wrong with a row", method: http.MethodPost, target: v4CustomersPath,
			request: `[{"name":"A","request_id":"inv-17","next_date":"1","custom_fields_values":[{"field_id":77,"values":[{"value":"x"}]}]}]`,
			reply:   "v4_validation", status: http.StatusBadRequest,
			slips: map[string]difference{ // the order within a row is ours
				"/validation-errors/0/errors/0/code":   {Documented: "NotSupportedChoice", Answered: "InvalidType"},
				"/validation-errors/0/errors/0/path":   {Documented: "custom_fields_values.0.field_id", Answered: "next_date"},
				"/validation-errors/0/errors/0/detail": {Documented: "The value you selected is not a valid choice.", Answered: "This value should be of type int."},
				"/validation-errors/0/errors/1/code":   {Documented: "InvalidType", Answered: "NotSupportedChoice"},
				"/validation-errors/0/errors/1/path":   {Documented: "next_date", Answered: "custom_fields_values.0.field_id"},
				"/validation-errors/0/errors/1/detail": {Documented: "This value should be of type int.", Answered: "The value you selected is not a valid choice."},
			},
		},
		{
			name: "customers switched off", config: Config{CustomersMode: ModeDisabled}, target: v4CustomersPath,
			reply: "v4_customers_off", status: http.StatusBadRequest,
		},
		{
			name: "fields of customers switched off", config: Config{CustomersMode: ModeDisabled},
			target: v4CustomersPath + "/custom_fields", reply: "v4_customers_disabled", status: http.StatusUnprocessableEntity,
		},
		{name: "unknown route", target: "/api/v4/notes", reply: "v4_unknown_route", status: http.StatusNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := northAccount(t, test.config)
			if test.arrange != nil {
				test.arrange(t, e)
			}
			body := test.request
			if body != "" && body[0] != '[' {
				body = readFile(t, "testdata/"+body+".json")
			}
			if test.method == "" {
				test.method = http.MethodGet
			}
			a := ask(t, e, test.method, test.target, body)
			if a.status != test.status {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			want := "application/hal+json"
			if test.status >= 400 {
				want = "application/problem+json"
			}
			if got := a.header.Get("Content-Type"); got != want {
				t.Errorf("Content-Type = %q, want %q", got, want)
			}
			slips := test.slips
			if slips == nil {
				slips = map[string]difference{}
			}
			got := differences(flatten(t, readFile(t, "testdata/"+test.reply+".json")), flatten(t, a.body))
			if diff := cmp.Diff(slips, got); diff != "" {
				t.Errorf("differences from the document (-named +found):\n%s", diff)
			}
		})
	}
}

// sampleFields define the fields of the samples of values.
var sampleFields = []Field{
	{ID: 901, Name: "Contract no.", Type: FieldText},
	{ID: 902, Name: "Area", Type: FieldNumeric},
	{ID: 903, Name: "Consent", Type: FieldCheckbox},
	{ID: 904, Name: "Payment", Type: FieldSelect, Enums: []Enum{{55012, "Card"}}},
	{
		ID: 905, Name: "Interests", Type: FieldMultiselect, Enums: []Enum{{55020, "Tea"}, {55021, "Cakes"}},
		EnumCodes: map[int64]string{55021: "cakes"},
	},
	{ID: 906, Name: "Phone", Code: "PHONE", Type: FieldMultitext, Enums: []Enum{{311001, "WORK"}, {311003, "MOB"}}},
	{ID: 907, Name: "Signed on", Type: FieldDate},
	{ID: 908, Name: "Meeting", Type: FieldDateTime},
	{ID: 909, Name: "Birthday", Type: FieldBirthday},
	{ID: 910, Name: "Site", Code: "WEB", Type: FieldURL},
	{ID: 911, Name: "About", Type: FieldTextarea},
	{ID: 912, Name: "Size", Type: FieldRadiobutton, Enums: []Enum{{55030, "L"}}},
	{ID: 913, Name: "Address (short)", Code: "ADDRESS", Type: FieldStreetAddress},
	{ID: 914, Name: "Address", Type: FieldSmartAddress},
	{ID: 915, Name: "Legal entity", Type: FieldLegalEntity},
	{ID: 916, Name: "Items", Code: "ITEMS", Type: FieldItems},
	{ID: 917, Name: "Price", Code: "PRICE", Type: FieldPrice},
	{ID: 918, Name: "Group", Code: "GROUP", Type: FieldCategory, Enums: []Enum{{6319, "Bread"}}},
	{ID: 919, Name: "utm_source", Code: "UTM_SOURCE", Type: FieldTrackingData},
	{ID: 920, Name: "Baker", Type: FieldLinkedEntity},
	{ID: 921, Name: "Model", Type: FieldChainedList},
	{ID: 922, Name: "Deposit", Type: FieldMonetary},
	{ID: 923, Name: "Scan", Type: FieldFile},
	{ID: 924, Name: "Payer", Code: "PAYER", Type: FieldPayer},
	{ID: 925, Name: "Supplier", Code: "SUPPLIER", Type: FieldSupplier},
}

// sampleField is an element of custom_fields_values.
type sampleField struct {
	ID     int64            `json:"field_id"`
	Name   string           `json:"field_name"`
	Code   *string          `json:"field_code"`
	Type   string           `json:"field_type"`
	Values []map[string]any `json:"values"`
}

// TestV4FieldSamplesComeBack writes the documented value of every type and reads it again.
func TestV4FieldSamplesComeBack(t *testing.T) {
	e := northAccount(t, Config{NoComputedKey: true})
	for _, f := range sampleFields {
		mustAddField(t, e, f)
	}
	cu := mustAdd(t, e, Customer{Name: "A"})
	sample := readFile(t, "testdata/v4_field_values.json")
	var fields []sampleField
	if err := json.Unmarshal([]byte(sample), &fields); err != nil {
		t.Fatal(err)
	}
	if len(fields) != len(sampleFields) {
		t.Fatalf("%d samples of %d types", len(fields), len(sampleFields))
	}
	for _, f := range fields { // what is read cannot be sent back as it is
		for _, value := range f.Values {
			object, _ := value["value"].(map[string]any)
			switch f.Type {
			case "multiselect":
				delete(value, "enum_code")
			case "file":
				delete(object, "is_deleted")
			case "items":
				for _, key := range []string{
					"vat_rate_value", "bonus_points_per_purchase", "metadata", "is_discount_recalculated",
					"is_total_sum_recalculated", "total_sum",
				} {
					delete(object, key)
				}
			}
		}
	}
	body, err := json.Marshal(map[string]any{"custom_fields_values": fields})
	if err != nil {
		t.Fatal(err)
	}
	if a := ask(t, e, http.MethodPatch, customerPath(cu.ID), string(body)); a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	a := ask(t, e, http.MethodGet, customerPath(cu.ID), "")
	var got struct {
		Fields json.RawMessage `json:"custom_fields_values"`
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]difference{
		// In Moscow the sample's birthday begins an hour earlier: that summer had a time of its own.
		"/8/values/0/value": {Documented: 641422800.0, Answered: 641419200.0},
		// Keys of other countries are read, but must not be written.
		"/14/values/0/value/unp":    {Answered: ""},
		"/14/values/0/value/bin":    {Answered: ""},
		"/14/values/0/value/egrpou": {Answered: ""},
		"/14/values/0/value/mfo":    {Answered: ""},
		"/14/values/0/value/oked":   {Answered: ""},
	}
	if diff := cmp.Diff(want, differences(flatten(t, sample), flatten(t, string(got.Fields)))); diff != "" {
		t.Errorf("differences from the document (-named +found):\n%s", diff)
	}
}
