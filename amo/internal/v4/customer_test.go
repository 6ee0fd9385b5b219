package v4

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func decodeOne(tb testing.TB, env *driver.Env, body []byte) *amogatev1.Customer {
	tb.Helper()
	page, err := decodeCustomers(env, body)
	if err != nil {
		tb.Fatal(err)
	}
	if len(page.Rows) != 1 || len(page.UnknownFields) != 0 {
		tb.Fatalf("got %d rows, unknown fields %v", len(page.Rows), page.UnknownFields)
	}
	return page.Rows[0]
}

func TestCustomers_sample(t *testing.T) {
	t.Parallel()
	wantGolden(t, "customer.golden.json", decodeOne(t, moscowEnv(t), readFixture(t, "customer_reply.json")))
	page, err := decodeCustomers(moscowEnv(t), readFixture(t, "customers_reply.json"))
	if err != nil || !page.Next {
		t.Fatalf("next is %v, error %v", page.Next, err)
	}
	wantGolden(t, "customer.golden.json", page.Rows[0])
}

// notRead are the fields that API v4 has nothing for.
var notRead = []protoreflect.FullName{"amogate.v1.Customer.period_id", "amogate.v1.Customer.company_name"}

// Every field of a customer, and of everything in it, is read.
func TestCustomers_readEveryField(t *testing.T) {
	t.Parallel()
	full := decodeOne(t, moscowEnv(t), readFixture(t, "customer_full_reply.json"))
	wantGolden(t, "customer_full.golden.json", full)
	seen := map[protoreflect.FullName]bool{}
	types := map[protoreflect.FullName]protoreflect.MessageDescriptor{}
	collectFields(full.ProtoReflect(), seen, types)
	for _, d := range types {
		for i := range d.Fields().Len() {
			name := d.Fields().Get(i).FullName()
			if seen[name] == slices.Contains(notRead, name) {
				t.Errorf("%s: read is %v", name, seen[name])
			}
		}
	}
	for i := range full.ProtoReflect().Descriptor().Fields().Len() {
		f := full.ProtoReflect().Descriptor().Fields().Get(i)
		if got := supportsCustomer(driver.OpGet, string(f.Name())); got == slices.Contains(notRead, f.FullName()) {
			t.Errorf("reading %s is supported: %v", f.Name(), got)
		}
	}
}

// collectFields notes the fields of our own messages that are set.
func collectFields(m protoreflect.Message, seen map[protoreflect.FullName]bool, types map[protoreflect.FullName]protoreflect.MessageDescriptor) {
	if m.Descriptor().ParentFile().Package() != "amogate.v1" {
		return
	}
	types[m.Descriptor().FullName()] = m.Descriptor()
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		seen[f.FullName()] = true
		switch {
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				collectFields(v.List().Get(i).Message(), seen, types)
			}
		case f.Message() != nil && !f.IsMap():
			collectFields(v.Message(), seen, types)
		}
		return true
	})
}

func TestCustomers_spellings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		want       *amogatev1.Customer
	}{
		{"nothing", `{"id":1,"custom_fields_values":null,"closest_task_at":0,"next_date":null,"_embedded":[]}`, &amogatev1.Customer{Id: 1}},
		{"robot", `{"id":1,"created_by":0,"updated_by":null,"is_deleted":null}`, &amogatev1.Customer{Id: 1, CreatedBy: new(int64(0))}},
		{"numbers in quotes", `{"id":"1","status_id":"5","purchases_count":"3"}`, &amogatev1.Customer{Id: 1, StatusId: new(int64(5)), PurchasesCount: new(int64(3))}},
		{"empty links", `{"id":1,"_embedded":{"contacts":[],"companies":{},"tags":null,"segments":[]}}`, &amogatev1.Customer{Id: 1}},
		{"no main contact", `{"id":1,"_embedded":{"contacts":[{"id":7,"is_main":false},{"id":6}]}}`, &amogatev1.Customer{Id: 1, ContactIds: []int64{7, 6}}},
		{
			"metadata one level higher", `{"id":1,"_embedded":{"catalog_elements":[{"id":2,"catalog_id":3,"quantity":1.5,"metadata":[]}]}}`,
			&amogatev1.Customer{Id: 1, CatalogElements: []*amogatev1.CatalogElementLink{{CatalogId: 3, ElementId: 2, Quantity: 1.5}}},
		},
		{
			"minor units", `{"id":1,"next_price":0,"next_price_with_minor_units":0.1,"ltv":99999999,"ltv_with_minor_units":99999999.999}`,
			&amogatev1.Customer{Id: 1, NextPrice: &money.Money{CurrencyCode: "RUB", Nanos: 100_000_000}, Ltv: &money.Money{CurrencyCode: "RUB", Units: 99999999, Nanos: 999_000_000}},
		},
		{
			"exact amounts", `{"id":1,"next_price_with_minor_units":123456789012345.678901234}`,
			&amogatev1.Customer{Id: 1, NextPrice: &money.Money{CurrencyCode: "RUB", Units: 123456789012345, Nanos: 678_901_234}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, decodeOne(t, moscowEnv(t), []byte(c.body)), protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCustomers_badRows(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"id":1,"next_price":"much"}`, `{"id":1,"next_price":1e40}`, `{"id":1,"periodicity":5000000000}`,
		`{"id":1,"_embedded":{"catalog_elements":[{"id":1,"metadata":{"quantity":"1e999"}}]}}`,
		`{"id":1,"custom_fields_values":[{"values":[{"value":1}]}]}`, `{"id":-1}`,
	} {
		_, err := decodeCustomers(moscowEnv(t), []byte(body))
		if e := wantFailure(t, err, driver.KindBadResponse); e.Op != "customers.list" {
			t.Errorf("%s: operation is %q", body, e.Op)
		}
	}
}

func TestCustomers_list(t *testing.T) {
	t.Parallel()
	filter := &amogatev1.CustomerFilter{
		Ids: []int64{1, 2}, Query: "bakery", ResponsibleUserIds: []int64{3},
		CreateTime:       &amogatev1.TimeRange{StartTime: &timestamppb.Timestamp{Seconds: 100}, EndTime: &timestamppb.Timestamp{Seconds: 200}},
		UpdateTime:       &amogatev1.TimeRange{StartTime: &timestamppb.Timestamp{Seconds: 100, Nanos: 1}, EndTime: &timestamppb.Timestamp{Seconds: 200, Nanos: 1}},
		NextPurchaseTime: &amogatev1.TimeRange{EndTime: &timestamppb.Timestamp{Seconds: -5}},
	}
	call, err := listCustomers(moscowEnv(t), filter, 500, 250)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"page": {"3"}, "limit": {"250"}, "with": {"contacts,companies,catalog_elements"}, "order[id]": {"asc"},
		"query": {"bakery"}, "filter[id][]": {"1", "2"}, "filter[responsible_user_id][]": {"3"},
		"filter[created_at][from]": {"100"}, "filter[created_at][to]": {"199"},
		"filter[updated_at][from]": {"101"}, "filter[updated_at][to]": {"200"},
		"filter[next_date][from]": {"1"}, "filter[next_date][to]": {"1"},
	}
	if diff := cmp.Diff(want, map[string][]string(call.Query)); diff != "" {
		t.Error(diff)
	}
	if call.Name != "customers.list" || call.Method != "GET" || call.Path != "/api/v4/customers" || call.Effect != driver.Read {
		t.Errorf("got %+v", call)
	}
	if local := localCustomerFields(filter); len(local) != 0 {
		t.Errorf("local fields are %v", local)
	}
	if _, err := listCustomers(moscowEnv(t), filter, 10, 250); err == nil {
		t.Error("an offset inside of a page was taken")
	}
}

func TestCustomers_listsThatAreTooLongForAURL(t *testing.T) {
	t.Parallel()
	filter := &amogatev1.CustomerFilter{Ids: make([]int64, maxIDs+1), ResponsibleUserIds: make([]int64, maxIDs+1)}
	call, err := listCustomers(moscowEnv(t), filter, 0, 250)
	if err != nil {
		t.Fatal(err)
	}
	if len(call.Query.Encode()) > 200 {
		t.Errorf("query is %s", call.Query.Encode())
	}
	if diff := cmp.Diff([]string{"ids", "responsible_user_ids"}, localCustomerFields(filter)); diff != "" {
		t.Error(diff)
	}
	ids := make([]int64, maxIDs)
	for i := range ids {
		ids[i] = 1<<63 - 1
	}
	if url := customersByIDs(ids).Query.Encode(); len(url) > 4096+1024 {
		t.Errorf("a read by ids has a query of %d bytes", len(url))
	}
}

func TestCustomers_byIDs(t *testing.T) {
	t.Parallel()
	one, several := customersByIDs([]int64{7}), customersByIDs([]int64{7, 8})
	if one.Path != "/api/v4/customers/7" || one.Query.Encode() != "with=contacts%2Ccompanies%2Ccatalog_elements" {
		t.Errorf("one: %s?%s", one.Path, one.Query.Encode())
	}
	if diff := cmp.Diff([]string{"7", "8"}, several.Query["filter[id][]"]); diff != "" || several.Path != "/api/v4/customers" || several.Query.Get("limit") != "2" {
		t.Errorf("several: %s?%s", several.Path, several.Query.Encode())
	}
}

// sentRow returns the only row of a write as its members.
func sentRow(tb testing.TB, body []byte) map[string]jsontext.Value {
	tb.Helper()
	var row map[string]jsontext.Value
	if body[0] == '{' {
		if err := json.Unmarshal(body, &row); err != nil {
			tb.Fatal(err)
		}
		return row
	}
	var rows []map[string]jsontext.Value
	if err := json.Unmarshal(body, &rows); err != nil || len(rows) != 1 {
		tb.Fatalf("%s: %v", body, err)
	}
	return rows[0]
}

// A path alone sends its key alone: a value, a null, or the empty text.
func TestCustomers_updateSendsOnlyThePaths(t *testing.T) {
	t.Parallel()
	env := moscowEnv(t)
	for _, c := range []struct {
		path, set, cleared string
		value              *amogatev1.Customer
	}{
		{"name", `{"name":"x"}`, `{"name":""}`, &amogatev1.Customer{Name: "x"}},
		{"next_purchase_time", `{"next_date":5}`, `{"next_date":null}`, &amogatev1.Customer{NextPurchaseTime: &timestamppb.Timestamp{Seconds: 5}}},
		{"next_price", `{"next_price":5}`, `{"next_price":0}`, &amogatev1.Customer{NextPrice: &money.Money{Units: 5}}},
		{"responsible_user_id", `{"responsible_user_id":0}`, `{"responsible_user_id":null}`, &amogatev1.Customer{ResponsibleUserId: new(int64(0))}},
		{"status_id", `{"status_id":5}`, `{"status_id":null}`, &amogatev1.Customer{StatusId: new(int64(5))}},
		{"periodicity", `{"periodicity":0}`, `{"periodicity":0}`, &amogatev1.Customer{Periodicity: new(int32(0))}},
		{"tags", `{"_embedded":{"tags":[{"name":"vip"}]}}`, `{"_embedded":{"tags":null}}`, &amogatev1.Customer{Tags: []*amogatev1.Tag{{Id: 9, Name: "vip"}}}},
		{"segments", `{"_embedded":{"segments":[{"id":51}]}}`, `{"_embedded":{"segments":null}}`, &amogatev1.Customer{Segments: []*amogatev1.SegmentLink{{Id: 51}}}},
		{
			"custom_fields", `{"custom_fields_values":[{"field_id":1,"values":[{"value":"a"}]},{"field_id":2,"values":null}]}`, `{}`,
			&amogatev1.Customer{CustomFields: []*amogatev1.CustomField{{FieldId: 1, Value: &amogatev1.CustomField_Text{Text: "a"}}, {FieldId: 2}}},
		},
		{"contact_ids", "", "", &amogatev1.Customer{ContactIds: []int64{1}}},
		{"company_id", "", "", &amogatev1.Customer{CompanyId: new(int64(1))}},
		{"catalog_elements", "", "", &amogatev1.Customer{CatalogElements: []*amogatev1.CatalogElementLink{{CatalogId: 1, ElementId: 2}}}},
	} {
		t.Run(c.path, func(t *testing.T) {
			t.Parallel()
			for value, want := range map[*amogatev1.Customer]string{c.value: c.set, {}: c.cleared} {
				if err := checkCustomer(env, driver.OpUpdate, value, []string{c.path}); err != nil {
					t.Fatal(err)
				}
				links, rest := linkedCustomer([]string{c.path})
				if isLink := want == ""; links != isLink || rest == isLink || customerNeedsBefore(value, []string{c.path}) != isLink {
					t.Errorf("links %v, rest %v", links, rest)
				}
				if want == "" {
					continue
				}
				call, err := updateCustomers(env, []driver.Change[*amogatev1.Customer]{{ID: 7, Value: value, Paths: []string{c.path}}})
				if err != nil {
					t.Fatal(err)
				}
				row := sentRow(t, call.Body)
				if string(row["request_id"]) != `"1"` {
					t.Errorf("request id is %s", row["request_id"])
				}
				delete(row, "request_id")
				got, err := json.Marshal(row, json.Deterministic(true))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, string(got)); diff != "" {
					t.Error(diff)
				}
				if call.Method != "PATCH" || call.Path != "/api/v4/customers/7" || call.Effect != driver.Set || call.Name != "customers.update" {
					t.Errorf("got %+v", call)
				}
			}
		})
	}
	// The table names every field that can be changed.
	for path, ops := range customerWritable {
		if !slices.Contains(ops, driver.OpUpdate) {
			continue
		}
		if !slices.Contains(strings.Fields("name next_purchase_time next_price responsible_user_id status_id periodicity tags segments custom_fields contact_ids company_id catalog_elements"), path) {
			t.Errorf("%s is not tested", path)
		}
	}
}

func TestCustomers_updateOfSeveral(t *testing.T) {
	t.Parallel()
	changes := []driver.Change[*amogatev1.Customer]{
		{ID: 7, Value: &amogatev1.Customer{Name: "a"}, Paths: []string{"name"}},
		{ID: 8, Value: &amogatev1.Customer{}, Paths: []string{"contact_ids"}},
		{ID: 9, Value: &amogatev1.Customer{}, AddTags: []string{"x"}, RemoveTags: []string{"y", "z"}},
	}
	call, err := updateCustomers(moscowEnv(t), changes)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"id":7,"name":"a","request_id":"1"},{"id":9,"request_id":"3","tags_to_add":[{"name":"x"}],"tags_to_delete":[{"name":"y"},{"name":"z"}]}]`
	if diff := cmp.Diff(want, string(call.Body)); diff != "" || call.Path != "/api/v4/customers" || call.Method != "PATCH" {
		t.Errorf("%s %s\n%s", call.Method, call.Path, diff)
	}
}

func TestCustomers_create(t *testing.T) {
	t.Parallel()
	call, err := createCustomers(moscowEnv(t), []*amogatev1.Customer{
		{
			Name: "Bakery", NextPrice: &money.Money{Units: 5, Nanos: 100_000_000}, ResponsibleUserId: new(int64(0)),
			CreatedBy: new(int64(0)), CreateTime: &timestamppb.Timestamp{Seconds: 100},
			Tags: []*amogatev1.Tag{{Name: "vip"}}, Segments: []*amogatev1.SegmentLink{{Id: 51}},
		},
		{Name: "Shop"},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"_embedded":{"segments":[{"id":51}],"tags":[{"name":"vip"}]},"created_at":100,"created_by":0,"name":"Bakery","next_price":5.1,"request_id":"1"},{"name":"Shop","request_id":"2"}]`
	if diff := cmp.Diff(want, string(call.Body)); diff != "" || call.Path != "/api/v4/customers" || call.Method != "POST" || call.Effect != driver.Create {
		t.Errorf("%+v\n%s", call, diff)
	}
}

func TestWriteMoney_form(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]*money.Money{
		"0": {}, "5": {Units: 5}, "5.1": {Units: 5, Nanos: 100_000_000}, "0.000000001": {Nanos: 1},
		"-0.5": {Nanos: -500_000_000}, "-5.5": {Units: -5, Nanos: -500_000_000}, "100": {Units: 100},
		"9223372036854775807.999999999": {Units: 1<<63 - 1, Nanos: 999_999_999},
	} {
		if got := string(writeMoney(m)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestCustomers_check(t *testing.T) {
	t.Parallel()
	periodic := moscowEnv(t)
	periodic.CustomersMode = "periodicity"
	for _, c := range []struct {
		name  string
		env   *driver.Env
		op    driver.Op
		value *amogatev1.Customer
		mask  string
		kind  driver.Kind
		paths string
	}{
		{"no name", nil, driver.OpCreate, &amogatev1.Customer{Name: " "}, "", driver.KindInvalid, "name"},
		{"periodicity", periodic, driver.OpCreate, &amogatev1.Customer{Name: "x"}, "", driver.KindInvalid, "next_purchase_time"},
		{"period", nil, driver.OpCreate, &amogatev1.Customer{Name: "x", PeriodId: new(int64(1))}, "", driver.KindUnsupported, "period_id"},
		{"period in a mask", nil, driver.OpUpdate, &amogatev1.Customer{}, "period_id", driver.KindUnsupported, "period_id"},
		{
			"links on create", nil, driver.OpCreate,
			&amogatev1.Customer{Name: "x", ContactIds: []int64{1}, CompanyId: new(int64(1)), CatalogElements: []*amogatev1.CatalogElementLink{{}}},
			"", driver.KindUnsupported, "catalog_elements company_id contact_ids",
		},
		{"unknown field", nil, driver.OpUpdate, &amogatev1.Customer{}, "colour", driver.KindInvalid, "colour"},
		{"output only", nil, driver.OpUpdate, &amogatev1.Customer{}, "ltv update_time main_contact_id", driver.KindInvalid, "ltv update_time main_contact_id"},
		{"create only", nil, driver.OpUpdate, &amogatev1.Customer{}, "create_time created_by", driver.KindInvalid, "create_time created_by"},
		{"currency", nil, driver.OpUpdate, &amogatev1.Customer{NextPrice: &money.Money{CurrencyCode: "USD"}}, "next_price", driver.KindInvalid, "next_price.currency_code"},
		{"nanos", nil, driver.OpUpdate, &amogatev1.Customer{NextPrice: &money.Money{Units: 1, Nanos: -1}}, "next_price", driver.KindInvalid, "next_price.nanos"},
		{"negative price", nil, driver.OpUpdate, &amogatev1.Customer{NextPrice: &money.Money{Units: -1}}, "next_price", driver.KindInvalid, "next_price.units"},
		{"instant", nil, driver.OpUpdate, &amogatev1.Customer{NextPurchaseTime: &timestamppb.Timestamp{Seconds: 1, Nanos: 1}}, "next_purchase_time", driver.KindInvalid, "next_purchase_time"},
		{"instant 0", nil, driver.OpUpdate, &amogatev1.Customer{NextPurchaseTime: &timestamppb.Timestamp{}}, "next_purchase_time", driver.KindInvalid, "next_purchase_time"},
		{"status 0", nil, driver.OpUpdate, &amogatev1.Customer{StatusId: new(int64(0))}, "status_id", driver.KindInvalid, "status_id"},
		{"numbers", nil, driver.OpUpdate, &amogatev1.Customer{ResponsibleUserId: new(int64(-1)), Periodicity: new(int32(-1)), CompanyId: new(int64(-1))}, "responsible_user_id periodicity company_id", driver.KindInvalid, "responsible_user_id periodicity company_id"},
		{"tag", nil, driver.OpUpdate, &amogatev1.Customer{Tags: []*amogatev1.Tag{{Name: "x"}, {Id: 1}}}, "tags", driver.KindInvalid, "tags[1].name"},
		{"segments", nil, driver.OpUpdate, &amogatev1.Customer{Segments: []*amogatev1.SegmentLink{{Id: 1}, {Id: 1}, {}}}, "segments", driver.KindInvalid, "segments[1].id segments[2].id"},
		{"contacts", nil, driver.OpUpdate, &amogatev1.Customer{ContactIds: []int64{1, 0, 1}}, "contact_ids", driver.KindInvalid, "contact_ids[1] contact_ids[2]"},
		{
			"elements", nil, driver.OpUpdate, &amogatev1.Customer{CatalogElements: []*amogatev1.CatalogElementLink{
				{Quantity: -1, PriceId: new(int64(0))}, {CatalogId: 1, ElementId: 1}, {CatalogId: 1, ElementId: 1},
			}}, "catalog_elements", driver.KindInvalid,
			"catalog_elements[0].catalog_id catalog_elements[0].element_id catalog_elements[0].quantity catalog_elements[0].price_id catalog_elements[2].element_id",
		},
		{"output only without a mask", nil, driver.OpCreate, &amogatev1.Customer{Name: "x", Id: 5, Ltv: &money.Money{}}, "", -1, ""},
		{"more digits than upstream keeps", nil, driver.OpUpdate, &amogatev1.Customer{NextPrice: &money.Money{Units: 1, Nanos: 5_500_000}}, "next_price", driver.KindInexpressible, "next_price.nanos"},
		{"minor units", nil, driver.OpCreate, &amogatev1.Customer{Name: "x", NextPrice: &money.Money{Nanos: 5_000_000, CurrencyCode: "rub"}}, "", -1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := c.env
			if env == nil {
				env = moscowEnv(t)
			}
			err := checkCustomer(env, c.op, c.value, strings.Fields(c.mask))
			if c.kind < 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := wantFailure(t, err, c.kind)
			if diff := cmp.Diff(c.paths, faultyPaths(e)); diff != "" || e.Op != "customers."+string(c.op) {
				t.Errorf("%s\n%s", e.Op, diff)
			}
			if (e.Generation == driver.V4) != (c.kind == driver.KindUnsupported || c.kind == driver.KindInexpressible) {
				t.Errorf("generation is %v", e.Generation)
			}
		})
	}
}

func TestCustomers_supports(t *testing.T) {
	t.Parallel()
	want := map[driver.Op]string{
		driver.OpCreate: "created_by create_time custom_fields name next_price next_purchase_time periodicity responsible_user_id segments status_id tags",
		driver.OpUpdate: "catalog_elements company_id contact_ids custom_fields name next_price next_purchase_time periodicity responsible_user_id segments status_id tags",
		driver.OpDelete: "",
	}
	for op, fields := range want {
		var got []string
		for path := range customerFields {
			if supportsCustomer(op, path) {
				got = append(got, path)
			}
		}
		expected := strings.Fields(fields)
		slices.Sort(got)
		slices.Sort(expected)
		if !slices.Equal(got, expected) || supportsCustomer(op, "") != (op != driver.OpDelete) {
			t.Errorf("%s: got %v", op, got)
		}
	}
	if r := Customers(); r.Delete != nil || r.Locks || !r.Paged || !r.FilteredIDs || !r.TagChanges {
		t.Errorf("got %+v", r)
	}
}

func TestCustomers_told(t *testing.T) {
	t.Parallel()
	created, err := decodeCustomerWrite(driver.OpCreate, readFixture(t, "customer_create_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	updated, err := decodeCustomerWrite(driver.OpUpdate, readFixture(t, "customer_update_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	at := func(seconds int64) *timestamppb.Timestamp { return &timestamppb.Timestamp{Seconds: seconds} }
	want := []driver.WriteItem{
		{ID: 701244, RequestID: 1, Told: &amogatev1.Customer{
			StatusId: new(int64(61200044)), CreatedBy: new(int64(0)), UpdatedBy: new(int64(0)),
			CreateTime: at(1717400000), UpdateTime: at(1717400000), AccountId: new(int64(30123456)),
		}},
		{ID: 701244, RequestID: 1, Told: &amogatev1.Customer{UpdateTime: at(1717486400)}},
		{ID: 701245, RequestID: 2, Told: &amogatev1.Customer{UpdateTime: at(1717486401)}},
	}
	if diff := cmp.Diff(want, append(created.Items, updated.Items...), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestCustomers_links(t *testing.T) {
	t.Parallel()
	element := func(catalog, id int64, quantity float64, price *int64) *amogatev1.CatalogElementLink {
		return &amogatev1.CatalogElementLink{CatalogId: catalog, ElementId: id, Quantity: quantity, PriceId: price}
	}
	before := &amogatev1.Customer{
		ContactIds: []int64{1, 2}, CompanyId: new(int64(5)),
		CatalogElements: []*amogatev1.CatalogElementLink{element(9, 1, 1, new(int64(917))), element(9, 2, 1, nil), element(9, 3, 1, nil), element(8, 3, 1, nil)},
	}
	all := []string{"contact_ids", "company_id", "catalog_elements"}
	type change = driver.Change[*amogatev1.Customer]
	for _, c := range []struct {
		name    string
		changes []change
		want    []string
	}{
		{"nothing changes", []change{{ID: 7, Before: before, Value: before, Paths: all}}, nil},
		{"no link is named", []change{{ID: 7, Before: before, Value: &amogatev1.Customer{}, Paths: []string{"name"}}}, nil},
		{
			"differences",
			[]change{{ID: 7, Before: before, Paths: all, Value: &amogatev1.Customer{
				ContactIds: []int64{2, 3}, CompanyId: new(int64(6)),
				CatalogElements: []*amogatev1.CatalogElementLink{element(9, 1, 2.5, nil), element(9, 2, 1, nil), element(9, 3, 1, new(int64(918)))},
			}}},
			[]string{
				`customers.unlink /api/v4/customers/7/unlink [{"to_entity_id":1,"to_entity_type":"contacts"},{"to_entity_id":5,"to_entity_type":"companies"},` +
					`{"to_entity_id":1,"to_entity_type":"catalog_elements","metadata":{"catalog_id":9}},` +
					`{"to_entity_id":3,"to_entity_type":"catalog_elements","metadata":{"catalog_id":9}},{"to_entity_id":3,"to_entity_type":"catalog_elements","metadata":{"catalog_id":8}}]`,
				`customers.link /api/v4/customers/7/link [{"to_entity_id":3,"to_entity_type":"contacts"},{"to_entity_id":6,"to_entity_type":"companies"},` +
					`{"to_entity_id":1,"to_entity_type":"catalog_elements","metadata":{"catalog_id":9,"quantity":2.5,"price_id":917}},` +
					`{"to_entity_id":3,"to_entity_type":"catalog_elements","metadata":{"catalog_id":9,"quantity":1,"price_id":918}}]`,
			},
		},
		{
			"all goes",
			[]change{{ID: 7, Before: &amogatev1.Customer{CompanyId: new(int64(5))}, Value: &amogatev1.Customer{CompanyId: new(int64(0))}, Paths: []string{"company_id"}}},
			[]string{`customers.unlink /api/v4/customers/7/unlink [{"to_entity_id":5,"to_entity_type":"companies"}]`},
		},
		{
			"several customers",
			[]change{
				{ID: 7, Before: &amogatev1.Customer{}, Value: &amogatev1.Customer{ContactIds: []int64{1}}, Paths: []string{"contact_ids"}},
				{ID: 8, Before: &amogatev1.Customer{ContactIds: []int64{4}}, Value: &amogatev1.Customer{ContactIds: []int64{2}}, Paths: []string{"contact_ids"}},
			},
			[]string{
				`customers.unlink /api/v4/customers/8/unlink [{"to_entity_id":4,"to_entity_type":"contacts"}]`,
				`customers.link /api/v4/customers/link [{"entity_id":7,"to_entity_id":1,"to_entity_type":"contacts"},{"entity_id":8,"to_entity_id":2,"to_entity_type":"contacts"}]`,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			calls, err := linkCustomers(moscowEnv(t), c.changes)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, call := range calls {
				got = append(got, call.Name+" "+call.Path+" "+string(call.Body))
				if call.Method != "POST" || call.Effect != driver.Set {
					t.Errorf("got %+v", call)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := linkCustomers(moscowEnv(t), []change{{ID: 7, Paths: all}}); err == nil {
		t.Error("links were written without the record as it is")
	}
}

func TestCustomers_manyLinksTakeSeveralRequests(t *testing.T) {
	t.Parallel()
	value := &amogatev1.Customer{}
	for id := range int64(2*maxLinks + 1) {
		value.ContactIds = append(value.ContactIds, id+1)
	}
	calls, err := linkCustomers(nil, []driver.Change[*amogatev1.Customer]{{ID: 7, Before: &amogatev1.Customer{}, Value: value, Paths: []string{"contact_ids"}}})
	if err != nil || len(calls) != 3 {
		t.Errorf("got %d calls, error %v", len(calls), err)
	}
}

func TestCustomerLinks_decode(t *testing.T) {
	t.Parallel()
	one := CustomerLinks([]int64{701244})
	if one.Call.Path != "/api/v4/customers/701244/links" || len(one.Call.Query) != 0 {
		t.Errorf("got %+v", one.Call)
	}
	links, err := one.Decode(moscowEnv(t), readFixture(t, "customer_links_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := []*amogatev1.CustomerLink{
		{CustomerId: 701244, Target: &amogatev1.CustomerLink_ContactId{ContactId: 4410021}, Main: new(true)},
		{CustomerId: 701244, Target: &amogatev1.CustomerLink_CatalogElement{CatalogElement: &amogatev1.CatalogElementLink{
			CatalogId: 4521, ElementId: 20411, Quantity: 2, PriceId: new(int64(917)),
		}}},
	}
	if diff := cmp.Diff(want, links, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}

	several := CustomerLinks([]int64{7, 8})
	if several.Call.Path != "/api/v4/customers/links" || !slices.Equal(several.Call.Query["filter[entity_id][]"], []string{"7", "8"}) {
		t.Errorf("got %+v", several.Call)
	}
	links, err = several.Decode(nil, []byte(`{"_embedded":{"links":[
		{"entity_id":"7","entity_type":"customers","to_entity_id":5,"to_entity_type":"companies","metadata":null},
		{"entity_id":8,"to_entity_id":6,"to_entity_type":"contacts","metadata":[]},
		{"entity_id":8,"to_entity_id":9,"to_entity_type":"leads","metadata":{"x":1}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want = []*amogatev1.CustomerLink{
		{CustomerId: 7, Target: &amogatev1.CustomerLink_CompanyId{CompanyId: 5}},
		{CustomerId: 8, Target: &amogatev1.CustomerLink_ContactId{ContactId: 6}},
		{CustomerId: 8, Target: &amogatev1.CustomerLink_Other{Other: &amogatev1.OtherLink{EntityType: "leads", EntityId: 9}}},
	}
	if diff := cmp.Diff(want, links, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	for _, body := range []string{
		`{"_embedded":{"links":[{"to_entity_id":5,"to_entity_type":"companies"}]}}`,
		`{"_embedded":{"links":[{"entity_id":5,"to_entity_type":"companies"}]}}`,
	} {
		_, err := several.Decode(nil, []byte(body))
		_ = wantFailure(t, err, driver.KindBadResponse)
	}
	_, err = several.Decode(nil, []byte(`{"_links":{"next":{"href":"x"}},"_embedded":{"links":[]}}`))
	_ = wantFailure(t, err, driver.KindTooLarge)
	if links, err := one.Decode(nil, nil); err != nil || len(links) != 0 {
		t.Errorf("no body: got %v, %v", links, err)
	}
}

func TestCustomerSubscribers_decode(t *testing.T) {
	t.Parallel()
	x := CustomerSubscribers(7)
	if x.Call.Path != "/api/v4/customers/7/subscriptions" {
		t.Errorf("got %+v", x.Call)
	}
	got, err := x.Decode(nil, []byte(`{"_total_items":3,"_embedded":{"subscriptions":[
		{"subscriber_id":5,"type":"user"},{"subscriber_id":0,"type":"group"},{"subscriber_id":"6","type":"robot"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []*amogatev1.Subscriber{
		{Subscriber: &amogatev1.Subscriber_UserId{UserId: 5}, TypeCode: "user"},
		{Subscriber: &amogatev1.Subscriber_GroupId{GroupId: 0}, TypeCode: "group"},
		{Subscriber: &amogatev1.Subscriber_OtherId{OtherId: 6}, TypeCode: "robot"},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	_, err = x.Decode(nil, []byte(`{"_embedded":{"subscriptions":[{"type":"user"}]}}`))
	_ = wantFailure(t, err, driver.KindBadResponse)
	e := x.DecodeError(driver.Response{Status: 404, Body: []byte(`{"title":"Not Found","status":404,"detail":"Entity not found"}`)})
	if e == nil || e.Kind != driver.KindNotFound {
		t.Errorf("got %v", e)
	}
}

// Our names of upstream's paths are names of fields that exist.
func TestCustomers_paths(t *testing.T) {
	t.Parallel()
	for upstream, want := range map[string]string{
		"next_date": "next_purchase_time", "created_at": "create_time", "custom_fields_values.2.values.0.value": "custom_fields[2]",
		"custom_fields_values.12.field_id": "custom_fields[12].field_id", "custom_fields_values[1][field_id]": "custom_fields[1].field_id",
		"_embedded.tags.3.name": "tags[3].name", "_embedded.segments.0.id": "segments[0].id", "tags_to_add.0": "tags",
		"unheard": "", "": "", "_embedded": "", strconv.Itoa(1): "",
	} {
		got := customerErrors.path(upstream)
		if got != want {
			t.Errorf("%s: got %q, want %q", upstream, got, want)
		}
		if name, _, _ := strings.Cut(got, "["); got != "" && !customerFields[name] {
			t.Errorf("a customer has no field %s", name)
		}
	}
}

func TestCustomers_decodingKeepsNoMemoryOfTheBody(t *testing.T) {
	t.Parallel()
	body := readFixture(t, "customer_full_reply.json")
	got := decodeOne(t, moscowEnv(t), body)
	want := proto.Clone(got)
	for i := range body {
		body[i] = 'x'
	}
	if diff := cmp.Diff(want, proto.Message(got), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}
