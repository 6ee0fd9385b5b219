package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// inSegments is an account in segments whose three seeded segments have nobody.
func inSegments(t *testing.T, config Config) *Emulator {
	t.Helper()
	config.CustomersMode = ModeSegments
	return open(t, config)
}

// countsOf reads how many customers each segment has.
func countsOf(t *testing.T, e *Emulator) map[int64]int64 {
	t.Helper()
	var doc struct {
		Embedded struct {
			Segments []struct {
				ID    int64
				Count int64 `json:"customers_count"`
			}
		} `json:"_embedded"`
	}
	a := ask(t, e, http.MethodGet, v4SegmentsPath+"?limit=250", "")
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	counts := map[int64]int64{}
	for _, s := range doc.Embedded.Segments {
		counts[s.ID] = s.Count
	}
	return counts
}

func TestSampleOfSegment(t *testing.T) {
	e := inSegments(t, samples(Config{}))
	ask(t, e, http.MethodDelete, v4SegmentsPath+"/51", "")
	_, err := e.AddSegment(Segment{
		ID: 51, Name: "Cafes", Color: "6610f2", CreatedAt: 1717000000, UpdatedAt: 1717000000, PriceTypes: []int64{917},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 12 {
		mustAdd(t, e, Customer{SegmentIDs: []int64{51}})
	}
	sameJSON(t, ask(t, e, http.MethodGet, v4SegmentsPath+"/51", ""), http.StatusOK, "v4_segment_reply")
}

func TestSegmentsArePaged(t *testing.T) {
	e := inSegments(t, Config{})
	for target, want := range map[string]string{
		"":                `{"_total_items":3,"_page":1,"_page_count":1,"_links":{"self":`,
		"?limit=2":        `{"_total_items":3,"_page":1,"_page_count":2,"_links":{"self":`,
		"?limit=2&page=2": `{"_total_items":3,"_page":2,"_page_count":2,"_links":{"self":`,
	} {
		a := ask(t, e, http.MethodGet, v4SegmentsPath+target, "")
		next, prev := strings.Contains(a.body, `"next"`), strings.Contains(a.body, `"prev"`)
		if a.status != http.StatusOK || !strings.HasPrefix(a.body, want) || next != (target == "?limit=2") || prev != strings.Contains(target, "page") {
			t.Errorf("%q: status %d: %s", target, a.status, a.body)
		}
	}
	if a := ask(t, e, http.MethodGet, v4SegmentsPath+"?page=2", ""); a.status != http.StatusNoContent || a.body != "" {
		t.Errorf("behind the end: status %d: %s", a.status, a.body)
	}
}

func TestSegmentIsMadeAndChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inSegments(t, Config{})
		now := time.Now().Unix()
		a := ask(t, e, http.MethodPost, v4SegmentsPath, `{"name":"Опт","color":"4a001f","available_products_price_types":[],"request_id":"s"}`)
		want := fmt.Sprintf(`{"id":54,"created_at":%d,"updated_at":%[1]d,"account_id":30117249,"name":"\u041e\u043f\u0442","color":"4a001f",`+
			`"available_products_price_types":[],"customers_count":0,"custom_fields_values":[],"request_id":"s",`+
			`"_links":{"self":{"href":"https:\/\/example.amocrm.ru\/api\/v4\/customers\/segments\/54"}}}`, now)
		if a.status != http.StatusOK || a.body != want {
			t.Errorf("status %d: %s\nwant %s", a.status, a.body, want)
		}
		time.Sleep(time.Minute)
		a = ask(t, e, http.MethodPatch, v4SegmentsPath+"/54", `{"available_products_price_types":[7,8]}`)
		if a.status != http.StatusOK || !strings.Contains(a.body, `"color":"4a001f","available_products_price_types":[7,8],`) || strings.Contains(a.body, "request_id") {
			t.Errorf("status %d: %s", a.status, a.body)
		}
		a = ask(t, e, http.MethodPatch, v4SegmentsPath+"/54", `{"name":"x","available_products_price_types":null}`)
		if !strings.Contains(a.body, `"available_products_price_types":null,`) {
			t.Errorf("status %d: %s", a.status, a.body)
		}
		got := e.Segments()[3]
		if diff := cmp.Diff(Segment{ID: 54, Name: "x", Color: "4a001f", CreatedAt: now, UpdatedAt: now + 61}, got); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		if s := e.Stats(); s.Added != 1 || s.Updated != 2 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestCountsOfSegmentsAreLive compares them with a walk over all customers while these change.
func TestCountsOfSegmentsAreLive(t *testing.T) {
	e := inSegments(t, Config{Customers: 203})
	check := func(when string) {
		t.Helper()
		want := map[int64]int64{}
		for _, s := range e.Segments() {
			want[s.ID] = 0
		}
		for c := range e.Customers() {
			for _, id := range c.SegmentIDs {
				want[id]++
			}
		}
		if diff := cmp.Diff(want, countsOf(t, e)); diff != "" {
			t.Errorf("%s (-counted +answered):\n%s", when, diff)
		}
	}
	check("at the start")
	if got := countsOf(t, e); got[51] != 81 || got[52] != 81 || got[53] != 41 {
		t.Errorf("at the start %v", got)
	}
	ids := list(t, e, "limit_rows=10")
	for i, id := range ids {
		var err error
		switch i % 3 {
		case 0:
			err = e.UpdateCustomer(id, func(c *Customer) { c.SegmentIDs = []int64{51, 53} })
		case 1:
			err = e.UpdateCustomer(id, func(c *Customer) { c.SegmentIDs = nil })
		case 2:
			e.DeleteCustomer(id)
		}
		if err != nil {
			t.Fatal(err)
		}
		check("after a change")
	}
	e.DeleteCustomer(ids[0])
	mustAdd(t, e, Customer{ID: ids[2], SegmentIDs: []int64{52}})
	check("after more changes")
	ask(t, e, http.MethodDelete, v4SegmentsPath+"/51", "")
	check("after the end of a segment")
	if c := stored(t, e, ids[3]); len(c.SegmentIDs) != 1 || c.SegmentIDs[0] != 53 {
		t.Errorf("a customer is in %v", c.SegmentIDs)
	}
}

func TestSegmentRefusals(t *testing.T) {
	for _, test := range []struct {
		name, method, target, body string
		config                     Config
		status                     int
		want                       string // detail, or the only violation
	}{
		{"no name", http.MethodPost, "", `{"color":"10599d"}`, Config{}, 400, "0 FieldMissing name"},
		{"blank name", http.MethodPatch, "/51", `{"name":""}`, Config{}, 400, "0 NotBlank name"},
		{"color with #", http.MethodPost, "", `{"name":"x","color":"#10599d"}`, Config{}, 400, "0 NotSupportedChoice color"},
		{"another color", http.MethodPatch, "/51", `{"color":"ffffff"}`, Config{}, 400, "0 NotSupportedChoice color"},
		{"price types as text", http.MethodPost, "", `{"name":"x","available_products_price_types":["1"]}`, Config{}, 400, "0 InvalidType available_products_price_types.0"},
		{"a list", http.MethodPost, "", `[{"name":"x"}]`, Config{}, 400, invalidBodyDetail},
		{"nothing", http.MethodPost, "", ``, Config{}, 400, emptyBodyDetail},
		{"unknown one changed", http.MethodPatch, "/99", `{"name":"x"}`, Config{}, 404, noSegmentDetail},
		{"unknown one deleted", http.MethodDelete, "/99", "", Config{}, 404, noSegmentDetail},
		{"unknown one read", http.MethodGet, "/99", "", Config{}, 404, noSegmentDetail},
		{"made by a user", http.MethodPost, "", `{"name":"x"}`, Config{NotAdmin: true}, 403, forbiddenDetail},
		{"changed by a user", http.MethodPatch, "/51", `{"name":"x"}`, Config{NotAdmin: true}, 403, forbiddenDetail},
		{"deleted by a user", http.MethodDelete, "/51", "", Config{NotAdmin: true}, 403, forbiddenDetail},
		{"listed among periods", http.MethodGet, "", "", Config{CustomersMode: ModePeriodicity}, 422, notSegmentsDetail},
		{"read among periods", http.MethodGet, "/51", "", Config{CustomersMode: ModePeriodicity}, 422, notSegmentsDetail},
		{"made among periods", http.MethodPost, "", `{"name":"x"}`, Config{CustomersMode: ModePeriodicity}, 422, notSegmentsDetail},
		{"listed while off", http.MethodGet, "", "", Config{CustomersMode: ModeDisabled}, 422, disabledDetail},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.config.CustomersMode == "" {
				test.config.CustomersMode = ModeSegments
			}
			e := open(t, test.config)
			before := e.Segments()
			a := ask(t, e, test.method, v4SegmentsPath+test.target, test.body)
			if strings.HasPrefix(test.want, "0 ") {
				if diff := cmp.Diff([]string{test.want}, violations(t, a)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			} else if a.status != test.status || problemDetail(a) != test.want {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if diff := cmp.Diff(before, e.Segments()); diff != "" {
				t.Errorf("the refused call changed something (-before +after):\n%s", diff)
			}
		})
	}
	if a := ask(t, inSegments(t, Config{Missing204: true}), http.MethodGet, v4SegmentsPath+"/99", ""); a.status != http.StatusNoContent {
		t.Errorf("an unknown one: status %d", a.status)
	}
}

func TestAccountHasAHundredSegments(t *testing.T) {
	e := inSegments(t, Config{})
	for range maxSegments - len(seedSegments) - 1 {
		if _, err := e.AddSegment(Segment{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{http.StatusOK, http.StatusUnprocessableEntity} {
		if a := ask(t, e, http.MethodPost, v4SegmentsPath, `{"name":"x"}`); a.status != want {
			t.Errorf("status %d, want %d: %s", a.status, want, a.body)
		}
	}
}

// TestSegmentsKeepTheirColors reads one outside the palette and writes it back.
func TestSegmentsKeepTheirColors(t *testing.T) {
	e := inSegments(t, Config{})
	if _, err := e.AddSegment(Segment{ID: 70, Name: "x", Color: "abcdef"}); err != nil {
		t.Fatal(err)
	}
	if a := ask(t, e, http.MethodPatch, v4SegmentsPath+"/70", `{"color":"abcdef"}`); a.status != http.StatusOK {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	for _, bad := range []Segment{{ID: -1}, {ID: 70}} {
		if _, err := e.AddSegment(bad); err == nil {
			t.Errorf("id %d is accepted", bad.ID)
		}
	}
}

// TestFieldsOfSegments writes values, reads them back and clears them again.
func TestFieldsOfSegments(t *testing.T) {
	e := inSegments(t, Config{NoComputedKey: true})
	const target = v4SegmentsPath + "/52"
	a := ask(t, e, http.MethodPatch, target, `{"custom_fields_values":[{"field_id":1251001,"values":[{"value":"Anna"}]},
		{"field_id":1251005,"values":[{"enum_id":3691003}]},{"field_id":1251009,"values":[{"value":true}]}]}`)
	const want = `"custom_fields_values":[` +
		`{"field_id":1251001,"field_name":"\u041c\u0435\u043d\u0435\u0434\u0436\u0435\u0440","field_code":null,"field_type":"text","values":[{"value":"Anna"}]},` +
		`{"field_id":1251005,"field_name":"\u041a\u0430\u043d\u0430\u043b","field_code":null,"field_type":"select",` +
		`"values":[{"value":"Wholesale","enum_id":3691003,"enum_code":null}]},` +
		`{"field_id":1251009,"field_name":"\u0414\u0435\u0439\u0441\u0442\u0432\u0443\u0435\u0442","field_code":null,"field_type":"checkbox","values":[{"value":true}]}]`
	if a.status != http.StatusOK || !strings.Contains(a.body, want) {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if got := ask(t, e, http.MethodGet, target, ""); !strings.Contains(got.body, want) {
		t.Errorf("read %s", got.body)
	}
	ask(t, e, http.MethodPatch, target, `{"custom_fields_values":[{"field_id":1251001,"values":null}]}`)
	if got := e.Segments()[1].CustomFields; len(got) != 2 || got[0].ID != 1251005 {
		t.Errorf("stored %+v", got)
	}
	if a := ask(t, e, http.MethodPatch, target, `{"custom_fields_values":null}`); !strings.Contains(a.body, `"custom_fields_values":[],`) {
		t.Errorf("cleared %s", a.body)
	}
	for body, want := range map[string]string{
		`[{"field_id":1250001,"values":[{"value":"a customer's"}]}]`: "0 NotSupportedChoice custom_fields_values.0.field_id",
		`[{"field_id":1251001,"values":[]}]`:                         "0 TooFew custom_fields_values.0.values",
		`[{"field_id":1251001,"values":[{"value":5}]}]`:              "0 InvalidType custom_fields_values.0.values.0.value",
	} {
		a := ask(t, e, http.MethodPost, v4SegmentsPath, `{"name":"x","custom_fields_values":`+body+`}`)
		if diff := cmp.Diff([]string{want}, violations(t, a)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	if got := len(e.Segments()); got != 3 {
		t.Errorf("%d segments", got)
	}
}

func TestDefinitionsOfSegmentFields(t *testing.T) {
	e := inSegments(t, Config{})
	if err := e.AddSegmentField(Field{ID: 5, Name: "x", Type: FieldPrice}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []Field{{ID: 0, Type: FieldText}, {ID: 6}} {
		if err := e.AddSegmentField(bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	a := ask(t, e, http.MethodGet, v4SegmentsPath+"/custom_fields", "")
	if a.status != http.StatusOK || !strings.HasPrefix(a.body, `{"_total_items":6,`) || strings.Contains(a.body, `"customers"`) {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	a = ask(t, e, http.MethodGet, v4SegmentsPath+"/custom_fields/5", "")
	const want = `"entity_type":"segments","_links":{"self":{"href":"https:\/\/example.amocrm.ru\/api\/v4\/customers\/segments\/custom_fields\/5"}}}`
	if a.status != http.StatusOK || !strings.HasSuffix(a.body, want) || !strings.Contains(a.body, `"type":"price"`) {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if a := ask(t, e, http.MethodGet, "/api/v4/customers/custom_fields/5", ""); a.status != http.StatusNotFound {
		t.Errorf("a customer's: status %d", a.status)
	}
	for mode, want := range map[CustomersMode]string{ModeDisabled: disabledDetail, ModePeriodicity: notSegmentsDetail} {
		a := ask(t, open(t, Config{CustomersMode: mode}), http.MethodGet, v4SegmentsPath+"/custom_fields", "")
		if a.status != http.StatusUnprocessableEntity || problemDetail(a) != want {
			t.Errorf("%s: status %d: %s", mode, a.status, a.body)
		}
	}
}
