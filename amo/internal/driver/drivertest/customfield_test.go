package drivertest_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

var unstamped = []string{"update_time", "updated_by"}

// A field of each type is replaced and cleared; the others keep their values.
func TestCustomFields_merge(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		tr := newCustomerTrial(t, g, emulator.Config{Customers: 1})
		id := customerIDs(tr.account)[0]
		rapid.Check(t, func(rt *rapid.T) {
			full := &amogatev1.Customer{}
			for _, definition := range tr.scene.writableFields() {
				full.CustomFields = append(full.CustomFields, drawCustomField(rt, definition))
			}
			tr.set(rt, id, full, "custom_fields")
			for range 3 {
				definition := rapid.SampledFrom(tr.scene.writableFields()).Draw(rt, "field")
				want := tr.get(rt, id)
				change := &amogatev1.Customer{CustomFields: []*amogatev1.CustomField{drawCustomField(rt, definition)}}
				tr.set(rt, id, change, "custom_fields")
				mergeCustomFields(want, change)
				tr.compare(rt, want, tr.get(rt, id), unstamped)

				change.CustomFields[0].Value = nil
				tr.set(rt, id, change, "custom_fields")
				want.CustomFields = slices.DeleteFunc(want.GetCustomFields(), func(f *amogatev1.CustomField) bool { return f.GetFieldId() == definition.ID })
				got := tr.get(rt, id)
				tr.compare(rt, want, got, unstamped)
				for _, f := range got.GetCustomFields() {
					if f.GetFieldId() == definition.ID && f.GetValue() != nil && !isUnticked(f) {
						rt.Errorf("%s: the field %d is filled after it was cleared: %v", g, definition.ID, f)
					}
				}
			}
		})
	}
}

func isUnticked(f *amogatev1.CustomField) bool {
	box, ok := f.GetValue().(*amogatev1.CustomField_Checkbox)
	return ok && !box.Checkbox
}

// Reads name each field by its definition, and have the arm of its type.
func TestCustomFields_areDescribed(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		a := newAccount(t, emulator.Config{Customers: 60})
		c := newCollection(t, a, g, g.customers)
		definitions := map[int64]emulator.Field{}
		for _, f := range a.Fields() {
			definitions[f.ID] = f
		}
		seen := map[emulator.FieldType]bool{}
		for _, row := range c.rows(t, nil, 100) {
			for _, f := range row.GetCustomFields() {
				definition := definitions[f.GetFieldId()]
				seen[definition.Type] = true
				if f.GetName() != definition.Name || f.GetCode() != definition.Code || int32(f.GetType()) != int32(definition.Type) || f.GetTypeCode() == "" {
					t.Errorf("%s: got %v, want %+v", g, f, definition)
				}
				if _, isRaw := f.GetValue().(*amogatev1.CustomField_Raw); isRaw || f.GetValue() == nil {
					t.Errorf("%s: a field of type %s has no value of its own: %v", g, f.GetType(), f)
				}
				for _, choice := range append(f.GetChoices().GetChoices(), f.GetChoice()) {
					if choice != nil && (choice.GetOptionId() == 0 || choice.GetName() == "" || strings.Contains(choice.GetName(), "&quot;")) {
						t.Errorf("%s: got option %v of field %d", g, choice, f.GetFieldId())
					}
				}
			}
		}
		if len(seen) < 15 {
			t.Errorf("%s: only %d types were seen", g, len(seen))
		}
	}
}

// What was read can be sent back whole, and changes nothing.
func TestCustomers_sendBack(t *testing.T) {
	t.Parallel()
	for _, g := range generations {
		tr := newCustomerTrial(t, g, emulator.Config{Customers: 40})
		for _, row := range tr.rows(t, nil, 100) {
			// Organisations are not written over v4, and periods and statuses not over the other generation.
			row.CustomFields = slices.DeleteFunc(row.GetCustomFields(), func(f *amogatev1.CustomField) bool { return g == fourth && f.GetOrganisation() != nil })
			var paths []string
			for _, path := range writable(row, driver.OpUpdate) {
				if tr.codec.Supports(driver.OpUpdate, path) {
					paths = append(paths, path)
				}
			}
			want := tr.get(t, row.GetId())
			reply, err := tr.update(t, customerChange{ID: row.GetId(), Value: row, Paths: paths})
			if err != nil || len(reply.Errors) != 0 {
				t.Errorf("%s: customer %d: %v %v", g, row.GetId(), err, itemErrors(reply))
				continue
			}
			tr.compare(t, want, tr.get(t, row.GetId()), unstamped)
		}
	}
}
