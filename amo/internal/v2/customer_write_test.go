package v2_test

import (
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// before is the customer as upstream has it.
var before = &amogatev1.Customer{ContactIds: []int64{1, 2, 3}, CompanyId: new(int64(9))}

// pathCases tell for each field of a customer what an update of it alone sends:
// set, and cleared. A field without a case cannot be updated.
var pathCases = map[string]struct {
	value        *amogatev1.Customer
	set, cleared string
}{
	"name":                {&amogatev1.Customer{Name: "A"}, `{"name":"A"}`, `{"name":""}`},
	"next_purchase_time":  {&amogatev1.Customer{NextPurchaseTime: &timestamppb.Timestamp{Seconds: 5}}, `{"next_date":5}`, `{"next_date":0}`},
	"next_price":          {&amogatev1.Customer{NextPrice: &money.Money{Units: 5}}, `{"next_price":5}`, `{"next_price":0}`},
	"responsible_user_id": {&amogatev1.Customer{ResponsibleUserId: new(int64(5))}, `{"responsible_user_id":5}`, `{"responsible_user_id":0}`},
	"period_id":           {&amogatev1.Customer{PeriodId: new(int64(5))}, `{"period_id":5}`, `{"period_id":0}`},
	"periodicity":         {&amogatev1.Customer{Periodicity: new(int32(5))}, `{"periodicity":5}`, `{"periodicity":0}`},
	"tags":                {&amogatev1.Customer{Tags: []*amogatev1.Tag{{Name: "a"}, {Name: "b"}}}, `{"tags":"a, b"}`, `{"tags":""}`},
	"contact_ids":         {&amogatev1.Customer{ContactIds: []int64{5, 2, 4}}, `{"contacts_id":[5,4],"unlink":{"contacts_id":[1,3]}}`, `{"unlink":{"contacts_id":[1,2,3]}}`},
	"company_id":          {&amogatev1.Customer{CompanyId: new(int64(5))}, `{"company_id":5}`, `{"unlink":{"company_id":9}}`},
	"custom_fields": {
		&amogatev1.Customer{CustomFields: []*amogatev1.CustomField{{FieldId: textField, Value: &amogatev1.CustomField_Text{Text: "x"}}}},
		`{"custom_fields":[{"id":4400017,"values":[{"value":"x"}]}]}`,
		// They merge by id: no list names none.
		`{}`,
	},
	// Clearing is refused by Check.
	"catalog_elements": {
		&amogatev1.Customer{CatalogElements: []*amogatev1.CatalogElementLink{{CatalogId: 7, ElementId: 1, Quantity: 2}, {CatalogId: 7, ElementId: 3, Quantity: 1.5}, {CatalogId: 8, ElementId: 1}}},
		`{"catalog_elements_id":{"7":{"1":2,"3":1.5},"8":{"1":0}}}`,
		"",
	},
}

func TestCustomers_Update_writesEachPathAlone(t *testing.T) {
	t.Parallel()
	fields := (&amogatev1.Customer{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		path := string(fields.Get(i).Name())
		c, ok := pathCases[path]
		if got := customers.Supports(driver.OpUpdate, path); got != ok {
			t.Errorf("%s: supported is %t, and there is a case is %t", path, got, ok)
		}
		if path == "status_id" || path == "segments" {
			// They pass where they change nothing.
			continue
		}
		if !ok {
			err := customers.Check(testEnv(t), driver.OpUpdate, &amogatev1.Customer{}, []string{path})
			if err == nil {
				t.Errorf("%s can be written, and there is no case", path)
			}
			continue
		}
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			checkUpdate(t, path, c.value, c.set)
			if c.cleared != "" {
				checkUpdate(t, path, &amogatev1.Customer{}, c.cleared)
			}
		})
	}
}

// checkUpdate checks that an update of one path sends the id, the time, and
// want.
func checkUpdate(t *testing.T, path string, value *amogatev1.Customer, want string) {
	t.Helper()
	if err := customers.Check(testEnv(t), driver.OpUpdate, value, []string{path}); err != nil {
		t.Error(err)
	}
	call, err := customers.Update(testEnv(t), []driver.Change[*amogatev1.Customer]{{
		ID: 77, Value: value, Paths: []string{path}, Before: before, UpdateTime: time.Unix(1508619600, 0),
	}})
	if err != nil {
		t.Fatal(err)
	}
	item := object(t, list(t, object(t, decode(t, call.Body))["update"])[0])
	if item["id"] != 77.0 || item["updated_at"] != 1508619600.0 {
		t.Errorf("got %v", item)
	}
	delete(item, "id")
	delete(item, "updated_at")
	if diff := cmp.Diff(decode(t, []byte(want)), any(item)); diff != "" {
		t.Error(diff)
	}
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCustomers_Update_linksAreDifferences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		value *amogatev1.Customer
		paths []string
		want  string
	}{
		{"the same contacts", &amogatev1.Customer{ContactIds: []int64{3, 2, 1}}, []string{"contact_ids"}, `{}`},
		{"one more contact", &amogatev1.Customer{ContactIds: []int64{1, 2, 3, 4}}, []string{"contact_ids"}, `{"contacts_id":[4]}`},
		{"one contact less", &amogatev1.Customer{ContactIds: []int64{1, 3}}, []string{"contact_ids"}, `{"unlink":{"contacts_id":[2]}}`},
		{"one contact for another", &amogatev1.Customer{ContactIds: []int64{1, 4, 3}}, []string{"contact_ids"}, `{"contacts_id":[4],"unlink":{"contacts_id":[2]}}`},
		{"company 0", &amogatev1.Customer{CompanyId: new(int64(0))}, []string{"company_id"}, `{"unlink":{"company_id":9}}`},
		{"both unlinked", &amogatev1.Customer{}, []string{"contact_ids", "company_id"}, `{"unlink":{"contacts_id":[1,2,3],"company_id":9}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			call, err := customers.Update(testEnv(t), []driver.Change[*amogatev1.Customer]{{Value: c.value, Paths: c.paths, Before: before}})
			if err != nil {
				t.Fatal(err)
			}
			item := object(t, list(t, object(t, decode(t, call.Body))["update"])[0])
			delete(item, "updated_at")
			if diff := cmp.Diff(decode(t, []byte(c.want)), any(item)); diff != "" {
				t.Error(diff)
			}
		})
	}
	call, err := customers.Update(testEnv(t), []driver.Change[*amogatev1.Customer]{{ID: 1, Value: &amogatev1.Customer{}, Paths: []string{"company_id"}, Before: &amogatev1.Customer{}, UpdateTime: time.Unix(5, 0)}})
	if err != nil || string(call.Body) != `{"update":[{"id":1,"updated_at":5}]}` {
		t.Errorf("no company to unlink: got %s and error %v", call.Body, err)
	}
}

func TestCustomers_NeedsBefore(t *testing.T) {
	t.Parallel()
	linked := &amogatev1.Customer{CompanyId: new(int64(7)), CatalogElements: []*amogatev1.CatalogElementLink{{CatalogId: 1, ElementId: 2}}}
	for _, c := range []struct {
		value *amogatev1.Customer
		path  string
		want  bool
	}{
		{&amogatev1.Customer{}, "contact_ids", true},
		{linked, "contact_ids", true},
		{&amogatev1.Customer{}, "company_id", true},
		{linked, "company_id", false},
		{&amogatev1.Customer{}, "catalog_elements", true},
		{&amogatev1.Customer{}, "status_id", true},
		{linked, "catalog_elements", false},
	} {
		if got := customers.NeedsBefore(c.value, []string{"name", c.path}); got != c.want {
			t.Errorf("%s of %v needs the record: %v, want %v", c.path, c.value, got, c.want)
		}
		if c.want {
			_, err := customers.Update(testEnv(t), []driver.Change[*amogatev1.Customer]{{ID: 1, Value: c.value, Paths: []string{c.path}}})
			wantKind(t, err, driver.KindBug)
		}
	}
	rest := slices.Collect(maps.Keys(pathCases))
	rest = slices.DeleteFunc(rest, func(path string) bool {
		return path == "contact_ids" || path == "company_id" || path == "catalog_elements"
	})
	if customers.NeedsBefore(&amogatev1.Customer{}, rest) {
		t.Error("other fields need the record")
	}
}

func TestCustomers_CheckChange_clearsCatalogElementsOnlyWhereThereAreNone(t *testing.T) {
	t.Parallel()
	change := driver.Change[*amogatev1.Customer]{
		ID: 1, Value: &amogatev1.Customer{}, Paths: []string{"catalog_elements"}, Before: &amogatev1.Customer{}, UpdateTime: time.Unix(5, 0),
	}
	if err := customers.CheckChange(change); err != nil {
		t.Errorf("nothing to clear: %v", err)
	}
	call, err := customers.Update(testEnv(t), []driver.Change[*amogatev1.Customer]{change})
	if err != nil || string(call.Body) != `{"update":[{"id":1,"updated_at":5}]}` {
		t.Errorf("nothing to clear: got %s and error %v", call.Body, err)
	}
	change.Before.CatalogElements = []*amogatev1.CatalogElementLink{{CatalogId: 1, ElementId: 2}}
	wantKind(t, customers.CheckChange(change), driver.KindUnsupported)
}

func TestCustomers_CheckChange_takesTheStatusThereIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value, before *int64
		isSame        bool
	}{
		{new(int64(5)), new(int64(5)), true},
		{nil, nil, true},
		{new(int64(5)), new(int64(6)), false},
		{new(int64(5)), nil, false},
		{nil, new(int64(5)), false},
	} {
		change := driver.Change[*amogatev1.Customer]{
			ID: 1, Value: &amogatev1.Customer{StatusId: c.value}, Paths: []string{"status_id"},
			Before: &amogatev1.Customer{StatusId: c.before}, UpdateTime: time.Unix(5, 0),
		}
		if err := customers.Check(testEnv(t), driver.OpUpdate, change.Value, change.Paths); err != nil {
			t.Error(err)
		}
		err := customers.CheckChange(change)
		if !c.isSame {
			if e := asError(t, err, driver.KindUnsupported); fieldPaths(e) != "status_id" {
				t.Errorf("got %v", e)
			}
			continue
		}
		if err != nil {
			t.Error(err)
		}
		call, err := customers.Update(testEnv(t), []driver.Change[*amogatev1.Customer]{change})
		if err != nil || string(call.Body) != `{"update":[{"id":1,"updated_at":5}]}` {
			t.Errorf("got %s and error %v", call.Body, err)
		}
	}
}

func TestCustomers_Update_tagsWithCommasAreAList(t *testing.T) {
	t.Parallel()
	checkUpdate(t, "tags", &amogatev1.Customer{Tags: []*amogatev1.Tag{{Name: "a, b"}, {Name: "c"}}}, `{"tags":["a, b","c"]}`)
}

func TestCustomers_Create_sendsWhatIsSet(t *testing.T) {
	t.Parallel()
	full := &amogatev1.Customer{
		Id: 5, Name: "A", StatusId: new(int64(5)), Deleted: new(true), AccountId: new(int64(5)), UpdatedBy: new(int64(5)),
		UpdateTime: &timestamppb.Timestamp{Seconds: 5}, ClosestTaskTime: &timestamppb.Timestamp{Seconds: 5},
		MainContactId: new(int64(1)), CompanyName: new("x"), ContactIds: []int64{1, 2}, CompanyId: new(int64(3)),
		CreateTime: &timestamppb.Timestamp{Seconds: 6}, CreatedBy: new(int64(0)), Periodicity: new(int32(0)),
	}
	bare := &amogatev1.Customer{Name: "B", ResponsibleUserId: new(int64(0)), PeriodId: new(int64(0)), CompanyId: new(int64(0))}
	for _, value := range []*amogatev1.Customer{full, bare} {
		if err := customers.Check(testEnv(t), driver.OpCreate, value, nil); err != nil {
			t.Error(err)
		}
	}
	call, err := customers.Create(testEnv(t), []*amogatev1.Customer{full, bare})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"add":[
		{"request_id":1,"name":"A","created_at":6,"created_by":0,"periodicity":0,"contacts_id":[1,2],"company_id":3},
		{"request_id":2,"name":"B"}
	]}`
	if diff := cmp.Diff(decode(t, []byte(want)), decode(t, call.Body)); diff != "" {
		t.Error(diff)
	}
}

func TestCustomers_Supports(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op   driver.Op
		path string
		want bool
	}{
		{driver.OpList, "", true},
		{driver.OpGet, "status_id", true},
		{driver.OpGet, "planet", false},
		{driver.OpList, "ltv", true},
		{driver.OpList, "segments", false},
		{driver.OpUpdate, "segments", false},
		{driver.OpCreate, "", true},
		{driver.OpCreate, "create_time", true},
		{driver.OpUpdate, "create_time", false},
		{driver.OpUpdate, "status_id", false},
		{driver.OpUpdate, "planet", false},
		{driver.OpDelete, "", true},
		{driver.OpDelete, "name", false},
		{"dance", "", false},
	} {
		if got := customers.Supports(c.op, c.path); got != c.want {
			t.Errorf("%s %q: got %t", c.op, c.path, got)
		}
	}
}

func TestCustomers_Check(t *testing.T) {
	t.Parallel()
	type customer = amogatev1.Customer
	price := func(units int64, nanos int32, code string) *customer {
		return &customer{Name: "A", NextPrice: &money.Money{Units: units, Nanos: nanos, CurrencyCode: code}}
	}
	at := func(seconds int64, nanos int32) *customer {
		return &customer{Name: "A", NextPurchaseTime: &timestamppb.Timestamp{Seconds: seconds, Nanos: nanos}}
	}
	elements := func(elements ...*amogatev1.CatalogElementLink) *customer {
		return &customer{Name: "A", CatalogElements: elements}
	}
	for _, c := range []struct {
		name  string
		op    driver.Op
		value *customer
		paths []string
		// kind 0 = it can be written.
		kind driver.Kind
		path string
	}{
		{"new without a name", driver.OpCreate, &customer{}, nil, driver.KindInvalid, "name"},
		{"new with a blank name", driver.OpCreate, &customer{Name: " "}, nil, driver.KindInvalid, "name"},
		{"new with only a name", driver.OpCreate, &customer{Name: "A"}, nil, 0, ""},
		{"cleared name", driver.OpUpdate, &customer{}, []string{"name"}, 0, ""},
		{"account's currency", driver.OpCreate, price(5, 0, "USD"), nil, 0, ""},
		{"no currency", driver.OpCreate, price(5, 0, ""), nil, 0, ""},
		{"currency in small letters", driver.OpCreate, price(5, 0, "usd"), nil, 0, ""},
		{"another currency", driver.OpCreate, price(5, 0, "EUR"), nil, driver.KindInvalid, "next_price.currency_code"},
		{"part of a unit", driver.OpCreate, price(5, 1, ""), nil, driver.KindInexpressible, "next_price.nanos"},
		{"negative price", driver.OpCreate, price(-5, 0, ""), nil, driver.KindInvalid, "next_price.units"},
		{"negative part", driver.OpCreate, price(0, -1, ""), nil, driver.KindInvalid, "next_price.units"},
		{"mixed signs", driver.OpCreate, price(5, -1, ""), nil, driver.KindInvalid, "next_price.nanos"},
		{"too many billionths", driver.OpCreate, price(5, 1_000_000_000, ""), nil, driver.KindInvalid, "next_price.nanos"},
		{"price that is not written", driver.OpUpdate, price(5, 1, "EUR"), []string{"name"}, 0, ""},
		{"instant", driver.OpUpdate, at(1, 0), []string{"next_purchase_time"}, 0, ""},
		{"last instant", driver.OpUpdate, at(253402300799, 0), []string{"next_purchase_time"}, 0, ""},
		{"no instant", driver.OpUpdate, &customer{}, []string{"next_purchase_time"}, 0, ""},
		{"fraction of a second", driver.OpUpdate, at(1, 500), []string{"next_purchase_time"}, driver.KindInvalid, "next_purchase_time"},
		{"instant 0", driver.OpUpdate, at(0, 0), []string{"next_purchase_time"}, driver.KindInvalid, "next_purchase_time"},
		{"instant before 1970", driver.OpUpdate, at(-5, 0), []string{"next_purchase_time"}, driver.KindInvalid, "next_purchase_time"},
		{"year 10000", driver.OpUpdate, at(253402300800, 0), []string{"next_purchase_time"}, driver.KindInvalid, "next_purchase_time"},
		{"creation in fractions", driver.OpCreate, &customer{Name: "A", CreateTime: &timestamppb.Timestamp{Seconds: 1, Nanos: 1}}, nil, driver.KindInvalid, "create_time"},
		{"creation time changed", driver.OpUpdate, &customer{}, []string{"create_time"}, driver.KindInvalid, "create_time"},
		{"creator changed", driver.OpUpdate, &customer{}, []string{"created_by"}, driver.KindInvalid, "created_by"},
		{"output-only field", driver.OpUpdate, &customer{}, []string{"deleted"}, driver.KindInvalid, "deleted"},
		{"unknown field", driver.OpUpdate, &customer{}, []string{"planet"}, driver.KindInvalid, "planet"},
		{"segments", driver.OpUpdate, &customer{Segments: []*amogatev1.SegmentLink{{Id: 5}}}, []string{"segments"}, driver.KindUnsupported, "segments"},
		{"segments of a new one", driver.OpCreate, &customer{Name: "A", Segments: []*amogatev1.SegmentLink{{Id: 5}}}, []string{"name", "segments"}, driver.KindUnsupported, "segments"},
		{"no segments", driver.OpUpdate, &customer{}, []string{"segments"}, driver.KindUnsupported, "segments"},
		{"no segments sent back", driver.OpUpdate, &customer{Name: "A"}, []string{"name", "segments"}, 0, ""},
		{"lifetime value", driver.OpUpdate, &customer{}, []string{"ltv"}, driver.KindInvalid, "ltv"},
		{"price of an element", driver.OpCreate, elements(&amogatev1.CatalogElementLink{CatalogId: 1, ElementId: 2, PriceId: new(int64(3))}), nil, driver.KindUnsupported, "catalog_elements[0].price_id"},
		{"status of a new one", driver.OpCreate, &customer{Name: "A", StatusId: new(int64(5))}, []string{"name", "status_id"}, driver.KindUnsupported, "status_id"},
		{"status sent back", driver.OpCreate, &customer{Name: "A", StatusId: new(int64(5))}, nil, 0, ""},
		{"negative user", driver.OpCreate, &customer{Name: "A", ResponsibleUserId: new(int64(-1))}, nil, driver.KindInvalid, "responsible_user_id"},
		{"negative period", driver.OpCreate, &customer{Name: "A", PeriodId: new(int64(-1))}, nil, driver.KindInvalid, "period_id"},
		{"negative periodicity", driver.OpCreate, &customer{Name: "A", Periodicity: new(int32(-1))}, nil, driver.KindInvalid, "periodicity"},
		{"negative company", driver.OpCreate, &customer{Name: "A", CompanyId: new(int64(-1))}, nil, driver.KindInvalid, "company_id"},
		{"negative creator", driver.OpCreate, &customer{Name: "A", CreatedBy: new(int64(-1))}, nil, driver.KindInvalid, "created_by"},
		{"tag without a name", driver.OpCreate, &customer{Name: "A", Tags: []*amogatev1.Tag{{Name: "a"}, {Id: 5}}}, nil, driver.KindInvalid, "tags[1].name"},
		{"contact 0", driver.OpCreate, &customer{Name: "A", ContactIds: []int64{1, 0}}, nil, driver.KindInvalid, "contact_ids[1]"},
		{"element twice", driver.OpCreate, elements(&amogatev1.CatalogElementLink{CatalogId: 1, ElementId: 2}, &amogatev1.CatalogElementLink{CatalogId: 1, ElementId: 2}), nil, driver.KindInvalid, "catalog_elements[1].element_id"},
		{"element of no catalog", driver.OpCreate, elements(&amogatev1.CatalogElementLink{ElementId: 2}), nil, driver.KindInvalid, "catalog_elements[0].catalog_id"},
		{"catalog without an element", driver.OpCreate, elements(&amogatev1.CatalogElementLink{CatalogId: 2}), nil, driver.KindInvalid, "catalog_elements[0].element_id"},
		{"negative quantity", driver.OpCreate, elements(&amogatev1.CatalogElementLink{CatalogId: 2, ElementId: 2, Quantity: -1}), nil, driver.KindInvalid, "catalog_elements[0].quantity"},
		{"no quantity at all", driver.OpCreate, elements(&amogatev1.CatalogElementLink{CatalogId: 2, ElementId: 2, Quantity: math.NaN()}), nil, driver.KindInvalid, "catalog_elements[0].quantity"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := customers.Check(testEnv(t), c.op, c.value, c.paths)
			if c.kind == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := asError(t, err, c.kind)
			if len(e.Fields) != 1 || e.Fields[0].Path != c.path || e.Fields[0].Description == "" {
				t.Errorf("got fields %v, want %s", e.Fields, c.path)
			}
			if e.Op != "customers."+string(c.op) {
				t.Errorf("operation is %q", e.Op)
			}
		})
	}
}

func TestCustomers_Check_reportsAllAtOnce(t *testing.T) {
	t.Parallel()
	value := &amogatev1.Customer{NextPrice: &money.Money{Units: 1, Nanos: 1, CurrencyCode: "EUR"}, Segments: []*amogatev1.SegmentLink{{Id: 1}}}
	e := asError(t, customers.Check(testEnv(t), driver.OpUpdate, value, []string{"next_price", "segments"}), driver.KindInvalid)
	var paths []string
	for _, f := range e.Fields {
		paths = append(paths, f.Path)
	}
	if diff := cmp.Diff([]string{"next_price.currency_code", "next_price.nanos", "segments"}, paths); diff != "" {
		t.Error(diff)
	}
}

func TestCustomers_Check_unknownCurrencyTakesNone(t *testing.T) {
	t.Parallel()
	env := testEnv(t)
	env.Currency = ""
	value := &amogatev1.Customer{NextPrice: &money.Money{Units: 1, CurrencyCode: "EUR"}}
	wantKind(t, customers.Check(env, driver.OpUpdate, value, []string{"next_price"}), driver.KindInvalid)
}
