package emulator

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestV4Links_areMadeShownAndRemoved(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7, Name: "A", ContactIDs: []int64{11}, MainContactID: 11, UpdatedAt: 100})
	a := ask(t, e, http.MethodPost, customerPath(7)+"/link", `[
		{"to_entity_id":12,"to_entity_type":"contacts","metadata":{"is_main":true,"updated_by":5}},
		{"to_entity_id":3,"to_entity_type":"companies","metadata":null},
		{"to_entity_id":20411,"to_entity_type":"catalog_elements","metadata":{"catalog_id":4521,"quantity":2.5,"price_id":917}},
		{"to_entity_id":20412,"to_entity_type":"catalog_elements","metadata":{"catalog_id":4521}}]`)
	var answered []any
	for _, row := range readHAL(t, a).Embedded["links"] {
		if row["entity_id"] != 7.0 || row["entity_type"] != "customers" {
			t.Errorf("%v", row)
		}
		answered = append(answered, row["metadata"])
	}
	want := []any{
		map[string]any{"main_contact": true},
		nil,
		map[string]any{"catalog_id": 4521.0, "quantity": 2.5, "price_id": 917.0},
		map[string]any{"catalog_id": 4521.0, "quantity": 1.0},
	}
	if diff := cmp.Diff(want, answered); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	got := stored(t, e, 7)
	if got.UpdatedAt <= 100 || got.UpdatedBy != 7204833 {
		t.Errorf("updated at %d by %d", got.UpdatedAt, got.UpdatedBy)
	}
	got.UpdatedAt, got.UpdatedBy = 0, 0
	linked := Customer{
		ID: 7, Name: "A", ContactIDs: []int64{11, 12}, MainContactID: 12, CompanyID: 3,
		CatalogElements: []CatalogElement{
			{CatalogID: 4521, ElementID: 20411, Quantity: 2, Thousandths: 500, PriceID: 917},
			{CatalogID: 4521, ElementID: 20412, Quantity: 1},
		},
	}
	if diff := cmp.Diff(linked, got); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}

	a = ask(t, e, http.MethodPost, customerPath(7)+"/unlink", `[
		{"to_entity_id":12,"to_entity_type":"contacts"},{"to_entity_id":4,"to_entity_type":"companies"},
		{"to_entity_id":20411,"to_entity_type":"catalog_elements","metadata":{"catalog_id":4521}},
		{"to_entity_id":20412,"to_entity_type":"catalog_elements","metadata":{"catalog_id":9}}]`)
	if a.status != http.StatusNoContent || a.body != "" {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	got = stored(t, e, 7)
	got.UpdatedAt, got.UpdatedBy = 0, 0
	linked.ContactIDs, linked.MainContactID, linked.CatalogElements = []int64{11}, 11, linked.CatalogElements[1:]
	if diff := cmp.Diff(linked, got); diff != "" { // what is not linked that way stays
		t.Errorf("after unlink (-want +got):\n%s", diff)
	}
}

func TestV4Links_ofSeveralCustomers(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7, Name: "A"})
	mustAdd(t, e, Customer{ID: 8, Name: "B"})
	a := ask(t, e, http.MethodPost, v4CustomersPath+"/link", `[{"entity_id":7,"to_entity_id":1,"to_entity_type":"contacts"},
		{"entity_id":8,"to_entity_id":2,"to_entity_type":"companies"},{"entity_id":8,"to_entity_id":3,"to_entity_type":"contacts"}]`)
	if got := readHAL(t, a).Total; got != 3 {
		t.Errorf("%d items", got)
	}
	for query, want := range map[string][]float64{
		"filter[entity_id][]=7":                                                       {1},
		"filter[entity_id][]=7&filter[entity_id][]=8":                                 {1, 3, 2},
		"filter[entity_id][0]=8&filter[entity_id][1]=99":                              {3, 2},
		"filter[entity_id]=8&filter[to_entity_type]=companies":                        {3, 2}, // not without the other
		"filter[entity_id]=8&filter[to_catalog_id]=4521":                              nil,
		"filter[entity_id]=99":                                                        nil,
		"filter[entity_id]=8&filter[to_entity_id]=2&filter[to_entity_type]=companies": {2},
		"filter[entity_id]=8&filter[to_entity_id]=2&filter[to_entity_type]=contacts":  nil,
	} {
		a := ask(t, e, http.MethodGet, v4CustomersPath+"/links?"+query, "")
		if a.status == http.StatusNoContent {
			if want != nil {
				t.Errorf("%s: nothing", query)
			}
			continue
		}
		got := numbersOf(t, readHAL(t, a).Embedded["links"], "to_entity_id")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	if a := ask(t, e, http.MethodGet, v4CustomersPath+"/links", ""); a.status != http.StatusBadRequest {
		t.Errorf("links of nobody: status %d", a.status)
	}
	ask(t, e, http.MethodPost, v4CustomersPath+"/unlink", `[{"entity_id":8,"to_entity_id":2,"to_entity_type":"companies"}]`)
	if got := stored(t, e, 8); got.CompanyID != 0 || len(got.ContactIDs) != 1 {
		t.Errorf("after unlink: %+v", got)
	}
}

func TestV4Links_filterByCatalog(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7, ContactIDs: []int64{1}, CatalogElements: []CatalogElement{
		{CatalogID: 1, ElementID: 5, Quantity: 1}, {CatalogID: 2, ElementID: 5, Quantity: 1},
	}})
	h := readHAL(t, ask(t, e, http.MethodGet, customerPath(7)+"/links?filter[to_catalog_id]=2", ""))
	want := []map[string]any{{ // links of one customer do not repeat it
		"to_entity_id": 5.0, "to_entity_type": "catalog_elements", "metadata": map[string]any{"catalog_id": 2.0, "quantity": 1.0},
	}}
	if diff := cmp.Diff(want, h.Embedded["links"]); diff != "" || h.Total != 1 {
		t.Errorf("%d items (-want +got):\n%s", h.Total, diff)
	}
}

func TestV4Links_refuse(t *testing.T) {
	e := open(t, Config{})
	before := mustAdd(t, e, Customer{ID: 7, Name: "A"})
	const good = `{"to_entity_id":1,"to_entity_type":"contacts"},`
	for _, test := range []struct {
		name, target, row string
		want              []string
	}{
		{"no id", "/7/link", `{"to_entity_type":"contacts"}`, []string{"1 FieldMissing to_entity_id"}},
		{"id as text", "/7/link", `{"to_entity_id":"1","to_entity_type":"contacts"}`, []string{"1 InvalidType to_entity_id"}},
		{"no kind", "/7/link", `{"to_entity_id":1}`, []string{"1 FieldMissing to_entity_type"}},
		{"leads", "/7/link", `{"to_entity_id":1,"to_entity_type":"leads"}`, []string{"1 NotSupportedChoice to_entity_type"}},
		{"singular", "/7/link", `{"to_entity_id":1,"to_entity_type":"contact"}`, []string{"1 NotSupportedChoice to_entity_type"}},
		{"the key of an answer", "/7/link", `{"to_entity_id":1,"to_entity_type":"contacts","metadata":{"main_contact":true}}`, []string{"1 FieldNotExpected metadata.main_contact"}},
		{"is_main as a number", "/7/link", `{"to_entity_id":1,"to_entity_type":"contacts","metadata":{"is_main":1}}`, []string{"1 InvalidType metadata.is_main"}},
		{"is_main of a company", "/7/link", `{"to_entity_id":1,"to_entity_type":"companies","metadata":{"is_main":true}}`, []string{"1 FieldNotExpected metadata.is_main"}},
		{"an element of no catalogue", "/7/link", `{"to_entity_id":1,"to_entity_type":"catalog_elements"}`, []string{"1 FieldMissing metadata.catalog_id"}},
		{"an element of no catalogue, counted", "/7/link", `{"to_entity_id":1,"to_entity_type":"catalog_elements","metadata":{"quantity":1}}`, []string{"1 FieldMissing metadata.catalog_id"}},
		{"no quantity", "/7/link", `{"to_entity_id":1,"to_entity_type":"catalog_elements","metadata":{"catalog_id":1,"quantity":0}}`, []string{"1 InvalidType metadata.quantity"}},
		{"quantity as text", "/7/link", `{"to_entity_id":1,"to_entity_type":"catalog_elements","metadata":{"catalog_id":1,"quantity":"2"}}`, []string{"1 InvalidType metadata.quantity"}},
		{"metadata is text", "/7/link", `{"to_entity_id":1,"to_entity_type":"contacts","metadata":"main"}`, []string{"1 InvalidType metadata"}},
		{"unlink of leads", "/7/unlink", `{"to_entity_id":1,"to_entity_type":"leads"}`, []string{"1 NotSupportedChoice to_entity_type"}},
		{"many without a customer", "/link", `{"to_entity_id":1,"to_entity_type":"contacts"}`, []string{"0 FieldMissing entity_id", "1 FieldMissing entity_id"}},
		{"many of an unknown customer", "/link", `{"entity_id":9,"to_entity_id":1,"to_entity_type":"contacts"}`, []string{"0 FieldMissing entity_id", "1 EntityNotFound entity_id"}},
	} {
		a := ask(t, e, http.MethodPost, v4CustomersPath+test.target, "["+good+test.row+"]")
		if diff := cmp.Diff(test.want, violations(t, a)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if diff := cmp.Diff(before, stored(t, e, 7)); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestV4Links_thatAreThereAlready(t *testing.T) {
	for _, fails := range []bool{false, true} {
		e := open(t, Config{RelinkFails: fails})
		mustAdd(t, e, Customer{ID: 7, ContactIDs: []int64{1}, CompanyID: 2, CatalogElements: []CatalogElement{{CatalogID: 1, ElementID: 5, Quantity: 1}}})
		for _, row := range []string{
			`{"to_entity_id":1,"to_entity_type":"contacts"}`, `{"to_entity_id":2,"to_entity_type":"companies"}`,
			`{"to_entity_id":5,"to_entity_type":"catalog_elements","metadata":{"catalog_id":1,"quantity":4}}`,
		} {
			a := ask(t, e, http.MethodPost, customerPath(7)+"/link", "["+row+"]")
			if fails {
				if p := readProblem(t, a); a.status != http.StatusInternalServerError || p.Title != "ErrInternalServer" || p.TraceID == "" {
					t.Errorf("%s: status %d: %s", row, a.status, a.body)
				}
			} else if a.status != http.StatusOK {
				t.Errorf("%s: status %d: %s", row, a.status, a.body)
			}
		}
		quantity := int64(4)
		if fails {
			quantity = 1
		}
		if got := stored(t, e, 7); len(got.ContactIDs) != 1 || got.CatalogElements[0].Quantity != quantity {
			t.Errorf("fails %v: %+v", fails, got)
		}
	}
}

func TestV4Subscriptions_nameTheResponsibleUser(t *testing.T) {
	e := open(t, Config{})
	mustAdd(t, e, Customer{ID: 7, ResponsibleUserID: 5})
	mustAdd(t, e, Customer{ID: 8})
	h := readHAL(t, ask(t, e, http.MethodGet, customerPath(7)+"/subscriptions", ""))
	if diff := cmp.Diff([]map[string]any{{"subscriber_id": 5.0, "type": "user"}}, h.Embedded["subscriptions"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a := ask(t, e, http.MethodGet, customerPath(8)+"/subscriptions", ""); a.status != http.StatusNoContent {
		t.Errorf("status %d", a.status)
	}
}
