package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shownEvent is an event as an answer has it, but for what every answer has.
type shownEvent struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	EntityID   int64           `json:"entity_id"`
	EntityType string          `json:"entity_type"`
	CreatedBy  int64           `json:"created_by"`
	CreatedAt  int64           `json:"created_at"`
	After      json.RawMessage `json:"value_after"`
	Before     json.RawMessage `json:"value_before"`
}

// listEvents asks for events.
func listEvents(t *testing.T, e *Emulator, query string) []shownEvent {
	t.Helper()
	a := ask(t, e, http.MethodGet, v4EventsPath+"?"+query, "")
	if a.status == http.StatusNoContent {
		return nil
	}
	if a.status != http.StatusOK {
		t.Fatalf("%s: status %d: %s", query, a.status, a.body)
	}
	var doc struct {
		Embedded struct {
			Events []shownEvent `json:"events"`
		} `json:"_embedded"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Embedded.Events
}

// TestEvents_tellWhatHappened changes the account by requests of both generations and by others' hands.
func TestEvents_tellWhatHappened(t *testing.T) {
	e := open(t, Config{Customers: 3})
	if got := listEvents(t, e, ""); got != nil {
		t.Fatalf("seeded rows have events: %v", got)
	}
	const text = `{"field_id":1250001,"values":[{"value":"words"}]}`
	const choice = `{"field_id":1250009,"values":[{"enum_id":3690011},{"enum_id":3690013}]}`
	id := mustAdd(t, e, Customer{ID: 7, Name: "A", PeriodID: 112801, ResponsibleUserID: 5, CompanyID: 9, Tags: []Tag{{61801, "опт"}}}).ID
	mustPatch(t, e, id, `{"name":"B"}`)
	mustPatch(t, e, id, `{"name":"B","responsible_user_id":6,"updated_by":0}`)
	mustPatch(t, e, id, `{"status_id":112802}`)
	mustPatch(t, e, id, `{"tags_to_add":[{"name":"new"},{"id":61803}],"tags_to_delete":[{"name":"опт"}]}`)
	mustPatch(t, e, id, `{"custom_fields_values":[`+text+`,`+choice+`]}`)
	mustPatch(t, e, id, `{"custom_fields_values":[`+text+`,{"field_id":1250009,"values":null}]}`)
	for _, call := range []struct{ path, body string }{
		{customerPath(7) + "/link", `[{"to_entity_id":44,"to_entity_type":"contacts"},{"to_entity_id":8,"to_entity_type":"companies"}]`},
		{customerPath(7) + "/unlink", `[{"to_entity_id":44,"to_entity_type":"contacts"}]`},
		{customerPath(7) + "/transactions", `[{"price":5,"created_by":4}]`},
		{customerPath(7) + "/notes", `[{"note_type":"common","params":{"text":"hello"}},{"note_type":"bill_paid","params":{"text":"hello"}}]`},
		{"/api/v2/transactions", `{"add":[{"customer_id":7,"price":3}]}`},
		{"/api/v2/notes", `{"add":[{"element_id":7,"element_type":12,"note_type":102,"params":{"UNIQ":"1","PHONE":"2","text":"3"}}]}`},
		{"/api/v2/customers", `{"add":[{"name":"C","next_date":5}]}`},
		{"/api/v2/customers", `{"delete":[7]}`},
		{v4CustomersPath, `[{"name":"D","next_date":5,"created_by":4}]`},
	} {
		if a := ask(t, e, http.MethodPost, call.path, call.body); a.status >= 300 {
			t.Fatalf("%s: status %d: %s", call.path, a.status, a.body)
		}
	}
	made := e.CreateCustomer("E").ID
	e.TouchCustomer(made)
	e.DeleteCustomer(made)

	got := listEvents(t, e, "limit=100")
	slices.Reverse(got) // the newest are first
	var lines []string
	for _, ev := range got {
		lines = append(lines, fmt.Sprintf("%s %s %d by %d: %s from %s", ev.Type, ev.EntityType, ev.EntityID, ev.CreatedBy, ev.After, ev.Before))
	}
	user := e.config.UserID
	of := func(entity int64, by int64, rest string) string {
		kind, values, _ := strings.Cut(rest, " ")
		return fmt.Sprintf("%s customer %d by %d: %s", kind, entity, by, values)
	}
	note := e.customers.notes[ParentCustomer].seed.endNoteID()
	want := []string{
		of(7, user, `name_field_changed [{"name_field_value":{"name":"B"}}] from [{"name_field_value":{"name":"A"}}]`),
		of(7, 0, `entity_responsible_changed [{"responsible_user":{"id":6}}] from [{"responsible_user":{"id":5}}]`),
		of(7, user, `customer_status_changed [{"customer_status":{"id":112802}}] from [{"customer_status":{"id":112801}}]`),
		of(7, user, `entity_tag_added [{"tag":{"name":"new"}},{"tag":{"name":"VIP"}}] from []`),
		of(7, user, `entity_tag_deleted [] from [{"tag":{"name":"\u043e\u043f\u0442"}}]`),
		of(7, user, `custom_field_value_changed [{"custom_field_value":{"field_id":1250001,"field_type":1,"enum_id":null,"text":"words"}}] from []`),
		of(7, user, `custom_field_value_changed [{"custom_field_value":{"field_id":1250009,"field_type":5,"enum_id":3690011,"text":"\u0427\u0430\u0439"}},`+
			`{"custom_field_value":{"field_id":1250009,"field_type":5,"enum_id":3690013,"text":"\u041a\u043e\u0444\u0435"}}] from []`),
		of(7, user, `custom_field_value_changed [] from [{"custom_field_value":{"field_id":1250009,"field_type":5,"enum_id":3690011,"text":"\u0427\u0430\u0439"}},`+
			`{"custom_field_value":{"field_id":1250009,"field_type":5,"enum_id":3690013,"text":"\u041a\u043e\u0444\u0435"}}]`),
		of(7, user, `contact_linked [{"link":{"entity":{"type":"contact","id":44}}}] from []`),
		of(7, user, `company_linked [{"link":{"entity":{"type":"company","id":8}}}] from []`),
		of(7, user, `company_unlinked [] from [{"link":{"entity":{"type":"company","id":9}}}]`),
		of(7, user, `contact_unlinked [] from [{"link":{"entity":{"type":"contact","id":44}}}]`),
		of(7, 4, `transaction_added [{"transaction":{"id":5009}}] from []`),
		of(7, user, `common_note_added [{"note":{"id":`+digits(note)+`}}] from []`), // the other's type has none
		of(7, user, `transaction_added [{"transaction":{"id":5010}}] from []`),
		of(7, user, `incoming_sms [{"note":{"id":`+digits(note+2)+`}}] from []`),
		of(466010, user, `customer_added [{"note":{"id":`+digits(note+3)+`}}] from []`),
		of(7, user, `customer_deleted [] from []`),
		of(466011, 4, `customer_added [{"note":{"id":`+digits(note+4)+`}}] from []`),
		of(made, user, `customer_added [{"note":{"id":`+digits(note+5)+`}}] from []`),
		of(made, user, `name_field_changed [{"name_field_value":{"name":"Touched 1"}}] from [{"name_field_value":{"name":"E"}}]`),
		of(made, user, `customer_deleted [] from []`),
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, ev := range got {
		a := ask(t, e, http.MethodGet, v4EventsPath+"/"+ev.ID, "")
		if a.status != http.StatusOK || !strings.Contains(a.body, `"id":"`+ev.ID+`","type":"`+ev.Type+`"`) {
			t.Errorf("%s: status %d: %s", ev.ID, a.status, a.body)
		}
	}
}

// TestEvents_filter compares every filter with what it says of all events.
func TestEvents_filter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Customers: 5})
		begin := time.Now().Unix()
		mustNote(t, e, Note{Kind: ParentLead, ParentID: e.SeededParents(ParentLead, 1)[0], Type: noteCommon}) // without an event
		lead := e.SeededParents(ParentLead, 1)[0]
		for i, id := range slices.Collect(customerIDs(e)) {
			time.Sleep(time.Second)
			e.TouchCustomer(id)
			mustPatch(t, e, id, fmt.Sprintf(`{"updated_by":%d,"custom_fields_values":[{"field_id":%d,"values":[{"value":"v"}]}]}`, i, 1250001+18*(i%2)))
		}
		if a := ask(t, e, http.MethodPost, "/api/v4/leads/notes", `[{"entity_id":`+digits(lead)+`,"note_type":"common","params":{"text":"A"}}]`); a.status != 200 {
			t.Fatal(a.body)
		}
		all := listEvents(t, e, "limit=100")
		if len(all) != 11 {
			t.Fatalf("%d events", len(all))
		}
		first := all[len(all)-1]
		for query, match := range map[string]func(shownEvent) bool{
			"filter[id]=" + first.ID:                       func(ev shownEvent) bool { return ev.ID == first.ID },
			"filter[id][]=" + first.ID + "&filter[id][]=x": func(ev shownEvent) bool { return ev.ID == first.ID },
			"filter[id]=" + first.ID + "," + all[2].ID:     func(ev shownEvent) bool { return ev.ID == first.ID || ev.ID == all[2].ID },
			"filter[created_at]=" + digits(begin+2):        func(ev shownEvent) bool { return ev.CreatedAt > begin+2 },
			fmt.Sprintf("filter[created_at]=%d,%d", begin+2, begin+4): func(ev shownEvent) bool {
				return ev.CreatedAt >= begin+2 && ev.CreatedAt <= begin+4
			},
			fmt.Sprintf("filter[created_at][from]=%d&filter[created_at][to]=%d", begin+2, begin+4): func(ev shownEvent) bool {
				return ev.CreatedAt >= begin+2 && ev.CreatedAt <= begin+4
			},
			"filter[created_at][to]=" + digits(begin+2):       func(ev shownEvent) bool { return ev.CreatedAt <= begin+2 },
			"filter[created_by][]=0&filter[created_by][]=2":   func(ev shownEvent) bool { return ev.CreatedBy == 0 || ev.CreatedBy == 2 },
			"filter[entity]=lead":                             func(ev shownEvent) bool { return ev.EntityType == "lead" },
			"filter[entity][]=lead&filter[entity][]=customer": func(shownEvent) bool { return true },
			"filter[entity]=catalog_5":                        func(shownEvent) bool { return false },
			"filter[entity]=customer&filter[entity_id]=" + digits(first.EntityID): func(ev shownEvent) bool {
				return ev.EntityID == first.EntityID && ev.EntityType == "customer"
			},
			"filter[type]=name_field_changed,common_note_added": func(ev shownEvent) bool {
				return ev.Type == "name_field_changed" || ev.Type == "common_note_added"
			},
			"filter[type][]=custom_field_value_changed": func(ev shownEvent) bool { return ev.Type == eventFieldChanged },
			"filter[type]=custom_field_1250019_value_changed": func(ev shownEvent) bool {
				return ev.Type == eventFieldChanged && strings.Contains(string(ev.After), "1250019")
			},
			"filter[type]=customer_deleted": func(shownEvent) bool { return false },
			"filter[created_at]=x":          func(shownEvent) bool { return true },
			"filter[value_after][value]=x":  func(shownEvent) bool { return true },
		} {
			var want []shownEvent
			for _, ev := range all {
				if match(ev) {
					want = append(want, ev)
				}
			}
			if diff := cmp.Diff(want, listEvents(t, e, query)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
			var paged []shownEvent
			for page := 1; ; page++ {
				rows := listEvents(t, e, fmt.Sprintf("%s&limit=2&page=%d", query, page))
				if paged = append(paged, rows...); rows == nil {
					break
				}
			}
			if diff := cmp.Diff(want, paged); diff != "" {
				t.Errorf("%s by 2 (-want +got):\n%s", query, diff)
			}
		}
		for query, strictOnly := range map[string]bool{
			"filter[entity_id]=5": false,
			"filter[entity_id]=5&filter[entity][]=lead&filter[entity][]=customer":   false,
			"filter[created_by]=" + strings.Repeat("1,", 11):                        false,
			"filter[id]=" + strings.Repeat("a,", 101):                               false,
			"filter[entity]=customer&filter[entity_id]=" + strings.Repeat("1,", 11): false,
			"filter[created_at]=x":        true,
			"filter[created_at]=1,x":      true,
			"filter[entity]=customers":    true,
			"filter[type]=customer_gone":  true,
			"filter[value_after][value]=": true,
			"order[id]=asc":               true,
		} {
			for _, strict := range []bool{false, true} {
				a := ask(t, open(t, Config{Strict: strict}), http.MethodGet, v4EventsPath+"?"+query, "")
				if want := strict || !strictOnly; (a.status == http.StatusBadRequest) != want {
					t.Errorf("%s, strict %v: status %d: %s", query, strict, a.status, a.body)
				}
			}
		}
	})
}

func TestEvents_takeTheTypesOfSingleFields(t *testing.T) {
	e := open(t, Config{Strict: true})
	for kind, want := range map[string]int{
		"custom_field_1250019_value_changed": http.StatusNoContent,
		"custom_field_x_value_changed":       http.StatusBadRequest,
		"custom_field_1250019_changed":       http.StatusBadRequest,
	} {
		if a := ask(t, e, http.MethodGet, v4EventsPath+"?filter[type]="+kind, ""); a.status != want {
			t.Errorf("%s: status %d, want %d: %s", kind, a.status, want, a.body)
		}
	}
}

// customerIDs are the ids of all customers.
func customerIDs(e *Emulator) func(func(int64) bool) {
	return func(yield func(int64) bool) {
		for cu := range e.Customers() {
			if !yield(cu.ID) {
				return
			}
		}
	}
}

func TestEvents_keepsTheNewestOnly(t *testing.T) {
	for events, want := range map[int]int{-1: 0, 1: 1, 4: 4, 0: 300} {
		e := open(t, Config{Events: events})
		var old []string
		for range 300 {
			e.CreateCustomer("A")
			if events >= 0 {
				old = append(old, e.customers.events.at(e.customers.events.count).name())
			}
		}
		var got []string
		for page := 1; ; page++ {
			rows := listEvents(t, e, fmt.Sprintf("limit=100&page=%d", page))
			if rows == nil {
				break
			}
			for _, ev := range rows {
				got = append(got, ev.ID)
			}
		}
		if len(got) != want {
			t.Fatalf("%d of %d events are kept", len(got), want)
		}
		slices.Reverse(old)
		if diff := cmp.Diff(old[:min(want, len(old))], got); want > 0 && diff != "" {
			t.Errorf("%d (-want +got):\n%s", events, diff)
		}
		for i, name := range old {
			a := ask(t, e, http.MethodGet, v4EventsPath+"/"+name, "")
			if (a.status == http.StatusOK) != (i < want) {
				t.Errorf("event %d of %d: status %d", i, want, a.status)
			}
		}
	}
}

func TestEvents_switches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := open(t, Config{EventDelay: 30 * time.Second})
		id := late.CreateCustomer("A").ID
		name := late.customers.events.at(1).name()
		time.Sleep(30*time.Second - time.Nanosecond)
		if got := listEvents(t, late, ""); got != nil {
			t.Errorf("too early: %v", got)
		}
		if a := ask(t, late, http.MethodGet, v4EventsPath+"/"+name, ""); a.status != http.StatusNotFound {
			t.Errorf("too early: status %d", a.status)
		}
		time.Sleep(time.Nanosecond)
		if got := listEvents(t, late, ""); len(got) != 1 || got[0].EntityID != id || got[0].ID != name {
			t.Errorf("late: %v", got)
		}
	})
	for state, want := range map[EventsState]int{EventsServed: 204, EventsUnpaid: 402, EventsForbidden: 403} {
		if a := ask(t, open(t, Config{EventsState: state}), http.MethodGet, v4EventsPath, ""); a.status != want {
			t.Errorf("state %d: status %d", state, a.status)
		}
	}
	if a := ask(t, open(t, Config{Missing204: true}), http.MethodGet, v4EventsPath+"/01", ""); a.status != http.StatusNoContent {
		t.Errorf("missing: status %d", a.status)
	}
	for _, test := range []struct {
		wide        bool
		limit, want int
	}{{false, 100, 100}, {false, 101, 50}, {false, 250, 50}, {true, 250, 250}, {true, 251, 50}} {
		e := open(t, Config{EventLimit250: test.wide})
		for range 260 {
			e.CreateCustomer("A")
		}
		if got := len(listEvents(t, e, "limit="+digits(int64(test.limit)))); got != test.want {
			t.Errorf("%+v: %d events", test, got)
		}
	}
}

func TestEvents_namesAndLinks(t *testing.T) {
	e := open(t, Config{})
	e.CreateCustomer("A & B")
	a := ask(t, e, http.MethodGet, v4EventsPath+"?with=customer_name&limit=1", "")
	id := e.customers.events.at(1).name()
	if len(id) != 26 || strings.ToLower(id) != id {
		t.Errorf("name %q", id)
	}
	for _, want := range []string{
		`"name":"A & B"`, `"href":"https:\/\/example.amocrm.ru\/api\/v4\/customers\/466001?with=customer_name&limit=1"`,
		`\/api\/v4\/events?with=customer_name&limit=1&page=2`, `"account_id":30117249`,
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s in %s", want, a.body)
		}
	}
	if a := ask(t, e, http.MethodGet, v4EventsPath, ""); strings.Contains(a.body, `"next"`) || strings.Contains(a.body, `"name"`) {
		t.Errorf("more than was asked for: %s", a.body)
	}
}

func TestEventTypes_inALanguage(t *testing.T) {
	e := open(t, Config{})
	for query, want := range map[string]string{
		"": "Новая сделка", "language_code=ru": "Новая сделка", "language_code=en": "Lead added", "language_code=pt": "Lead added",
	} {
		types, _ := embedded(t, ask(t, e, http.MethodGet, v4EventsPath+"/types?"+query, ""))["events_types"].([]any)
		if len(types) != len(eventTypes) {
			t.Fatalf("%d types", len(types))
		}
		if diff := cmp.Diff(map[string]any{"key": "lead_added", "type": 1.0, "lang": want}, types[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	var numbers []int64
	for _, kind := range eventTypes {
		numbers = append(numbers, kind.number)
	}
	if !slices.IsSorted(numbers) || len(slices.Compact(numbers)) != len(eventTypes) {
		t.Error("two types have one number")
	}
	for _, kind := range noteEvents {
		if !isEventKind(kind) {
			t.Errorf("%s is not in the list", kind)
		}
	}
}
