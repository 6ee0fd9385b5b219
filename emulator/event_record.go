package emulator

import (
	"reflect"
	"slices"
	"time"
)

// Kinds of events the code speaks of.
const (
	eventCustomerAdded   = "customer_added"
	eventCustomerDeleted = "customer_deleted"
	eventFieldChanged    = "custom_field_value_changed"
	eventNoteDeleted     = "common_note_deleted"
)

// noteEvents are the events that tell of a new note, by its type; of other notes none does.
var noteEvents = map[string]string{
	noteCommon:        "common_note_added",
	noteAttachment:    "attachment_note_added",
	noteTaskResult:    "task_result_added",
	"call_in":         "incoming_call",
	"call_out":        "outgoing_call",
	"geolocation":     "geo_note_added",
	"link_followed":   "link_followed",
	"message_cashier": "message_to_cashier_note_added",
	"service_message": "service_note_added",
	"site_visit":      "site_visit_note_added",
	"sms_in":          "incoming_sms",
	"sms_out":         "outgoing_sms",
	"targeting_in":    "targeting_in_note_added",
	"targeting_out":   "targeting_out_note_added",
}

// eventValues writes a list of n values, each an object of one key.
func eventValues(key string, n int, write func(w *jsonWriter, i int)) string {
	var w jsonWriter
	w.open('[')
	for i := range n {
		w.open('{')
		w.key(key)
		w.open('{')
		write(&w, i)
		w.close('}')
		w.close('}')
	}
	w.close(']')
	return string(w.buf)
}

// idValue is the list of one value that has but an id.
func idValue(key string, id int64) string {
	return eventValues(key, 1, func(w *jsonWriter, _ int) { w.keyInteger("id", id) })
}

// addCustomer stores a customer that is new to the account. The caller holds the store's lock.
func (e *Emulator) addCustomer(cu *Customer, at time.Time) {
	e.customers.put(cu)
	note := e.noteOfCustomer(noteCustomerCreated, cu, nil, at)
	e.customers.events.add(event{
		kind: eventCustomerAdded, entity: ParentCustomer.String(), id: cu.ID, by: cu.CreatedBy, at: at.UnixNano(),
		after: idValue("note", note), before: noValue,
	})
}

// removeCustomer deletes a customer with what is its own, of which nothing tells. The caller holds the store's lock.
func (e *Emulator) removeCustomer(id int64, at time.Time) {
	e.customers.remove(id)
	e.customers.events.add(event{
		kind: eventCustomerDeleted, entity: ParentCustomer.String(), id: id, by: e.config.UserID, at: at.UnixNano(),
		after: noValue, before: noValue,
	})
}

// addPurchase stores a new transaction. The caller holds the store's lock.
func (e *Emulator) addPurchase(t *Transaction, at time.Time) {
	e.customers.purchases.put(t)
	e.customers.events.add(event{
		kind: "transaction_added", entity: ParentCustomer.String(), id: t.CustomerID, by: t.CreatedBy, at: at.UnixNano(),
		after: idValue("transaction", t.ID), before: noValue,
	})
}

// addNote stores a new note. The caller holds the store's lock.
func (e *Emulator) addNote(n *Note, at time.Time) {
	e.customers.notes[n.Kind].put(n)
	if kind, told := noteEvents[n.Type]; told {
		e.customers.events.add(event{
			kind: kind, entity: n.Kind.String(), id: n.ParentID, by: n.CreatedBy, at: at.UnixNano(),
			after: idValue("note", n.ID), before: noValue,
		})
	}
}

// changeCustomer stores a customer in the place of what it was. The caller holds the store's lock.
func (e *Emulator) changeCustomer(old, cu *Customer, at time.Time) {
	st := e.customers
	tell := func(kind, after, before string, field int64) {
		st.events.add(event{
			kind: kind, entity: ParentCustomer.String(), id: cu.ID, by: cu.UpdatedBy, at: at.UnixNano(), field: field,
			after: after, before: before,
		})
	}
	if old.Name != cu.Name {
		name := func(name string) string {
			return eventValues("name_field_value", 1, func(w *jsonWriter, _ int) { w.keyText("name", name) })
		}
		tell("name_field_changed", name(cu.Name), name(old.Name), 0)
	}
	if old.ResponsibleUserID != cu.ResponsibleUserID {
		const key = "responsible_user"
		tell("entity_responsible_changed", idValue(key, cu.ResponsibleUserID), idValue(key, old.ResponsibleUserID), 0)
	}
	if before, after := st.periods.current(old.PeriodID), st.periods.current(cu.PeriodID); before != after {
		const key = "customer_status"
		tell("customer_status_changed", idValue(key, after), idValue(key, before), 0)
	}
	if added := without(cu.Tags, old.Tags); len(added) > 0 {
		tell("entity_tag_added", tagValues(added), noValue, 0)
	}
	if removed := without(old.Tags, cu.Tags); len(removed) > 0 {
		tell("entity_tag_deleted", noValue, tagValues(removed), 0)
	}
	e.tellFields(old.CustomFields, cu.CustomFields, tell)
	tellLinks("contact", old.ContactIDs, cu.ContactIDs, tell)
	tellLinks("company", companyList(old), companyList(cu), tell)
	st.put(cu)
}

// tellFields makes an event of every field whose values changed.
func (e *Emulator) tellFields(old, now []CustomField, tell func(kind, after, before string, field int64)) {
	values := func(fields []CustomField, id int64) []FieldValue {
		if i := slices.IndexFunc(fields, func(f CustomField) bool { return f.ID == id }); i >= 0 {
			return fields[i].Values
		}
		return nil
	}
	var ids []int64
	for _, f := range slices.Concat(old, now) {
		if !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	for _, id := range ids {
		before, after := values(old, id), values(now, id)
		if !slices.EqualFunc(before, after, sameValue) {
			tell(eventFieldChanged, e.fieldEventValues(id, after), e.fieldEventValues(id, before), id)
		}
	}
}

func sameValue(a, b FieldValue) bool {
	return a.Value == b.Value && a.Enum == b.Enum && a.Subtype == b.Subtype &&
		(a.Object == nil && b.Object == nil || reflect.DeepEqual(a.Object, b.Object))
}

func (e *Emulator) fieldEventValues(id int64, values []FieldValue) string {
	return eventValues("custom_field_value", len(values), func(w *jsonWriter, i int) {
		w.keyInteger("field_id", id)
		if f := e.catalogue.get(id); f != nil {
			w.keyInteger("field_type", int64(f.Type))
		}
		w.keyNullable("enum_id", values[i].Enum)
		w.keyText("text", values[i].Value)
	})
}

func tellLinks(kind string, old, now []int64, tell func(kind, after, before string, field int64)) {
	value := func(id int64) string {
		return eventValues("link", 1, func(w *jsonWriter, _ int) {
			w.key("entity")
			w.open('{')
			w.keyText("type", kind)
			w.keyInteger("id", id)
			w.close('}')
		})
	}
	for _, id := range without(now, old) {
		tell(kind+"_linked", value(id), noValue, 0)
	}
	for _, id := range without(old, now) {
		tell(kind+"_unlinked", noValue, value(id), 0)
	}
}

func companyList(cu *Customer) []int64 {
	if cu.CompanyID == 0 {
		return nil
	}
	return []int64{cu.CompanyID}
}

func tagValues(tags []Tag) string {
	return eventValues("tag", len(tags), func(w *jsonWriter, i int) { w.keyText("name", tags[i].Name) })
}

// without returns what of a list is not in another.
func without[T comparable](list, other []T) []T {
	var rest []T
	for _, v := range list {
		if !slices.Contains(other, v) {
			rest = append(rest, v)
		}
	}
	return rest
}
