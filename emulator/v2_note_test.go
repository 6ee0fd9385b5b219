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

const (
	aContact = seedContacts
	aLead    = 30_000_001
	aCompany = seedCompanies + 1
	aTask    = 40_000_001
)

// mustNote stores a note directly.
func mustNote(t *testing.T, e *Emulator, n Note) Note {
	t.Helper()
	if n.Type == "" {
		n.Type, n.Params = noteCommon, map[string]any{"text": "A"}
	}
	stored, err := e.AddNote(n)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// rowsOf returns the items of a v2 list.
func rowsOf(t *testing.T, a answered) []map[string]any {
	t.Helper()
	if a.status == http.StatusNoContent {
		return nil
	}
	var rows []map[string]any
	items, ok := embedded(t, a)["items"].([]any)
	if !ok {
		t.Fatalf("no items in %s", a.body)
	}
	for _, item := range items {
		row, ok := item.(map[string]any)
		if !ok {
			t.Fatalf("no object: %v", item)
		}
		rows = append(rows, row)
	}
	return rows
}

// TestNoteSamples_writeAndRead sends one item of every type that can be written and compares the answers whole.
func TestNoteSamples_writeAndRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, Config{Strict: true})
		add := ask(t, e, http.MethodPost, notesPath, readFile(t, "testdata/notes_add_request.json"))
		for _, test := range []struct {
			name string
			got  answered
			want string
		}{
			{"add", add, "notes_add_reply"},
			{"list", ask(t, e, http.MethodGet, notesPath+"?type=lead", ""), "notes_list_reply"},
		} {
			want := flatten(t, readFile(t, "testdata/"+test.want+".json"))
			if diff := differences(want, flatten(t, test.got.body)); len(diff) > 0 {
				t.Errorf("%s: %v", test.name, diff)
			}
		}
		n, _ := e.Note(ParentContact, 100_000_001)
		want := Note{
			Kind: ParentContact, ParentID: aContact + 1, ID: 100_000_001, Type: noteCommon, Params: map[string]any{"text": "Просит счёт"},
			ResponsibleUserID: 504141, CreatedBy: 504141, UpdatedBy: 7204833, CreatedAt: 1508101200, UpdatedAt: time.Now().Unix(),
		}
		if diff := cmp.Diff(want, n); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
	})
}

func TestNotesV2_needType(t *testing.T) {
	e := open(t, Config{Notes: 5, Customers: 3})
	for query, want := range map[string]int{
		"": 400, "type=": 400, "type=catalog": 400, "type=contacts": 400, "type[]=lead": 400, "id=100000001": 400,
		"type=contact": 200, "type=lead": 200, "type=company": 200, "type=task": 200, "type=customer": 200, "type=all": 200,
	} {
		a := ask(t, e, http.MethodGet, notesPath+"?"+query, "")
		if a.status != want || want == 400 && errorCode(a) != "221" {
			t.Errorf("%q: status %d, code %q", query, a.status, errorCode(a))
		}
	}
	if a := ask(t, e, http.MethodPut, notesPath, "{}"); a.status != http.StatusMethodNotAllowed {
		t.Errorf("PUT: status %d", a.status)
	}
	if got := e.Stats().ByOperation[OpNotesList]; got != 12 {
		t.Errorf("%d requests counted", got)
	}
}

// TestNotesV2_filter tries the parameters of the list, alone and together.
func TestNotesV2_filter(t *testing.T) {
	notes := []Note{
		{ID: 1, ParentID: aLead, UpdatedAt: 30},
		{ID: 2, ParentID: aLead, UpdatedAt: 10, Type: "sms_in"},
		{ID: 3, ParentID: aLead + 1, UpdatedAt: 20},
		{ID: 4, ParentID: aLead + 1, UpdatedAt: 20, Type: "call_in"},
		{ID: 5, ParentID: aLead, UpdatedAt: 40, Type: "ai_result"}, // no number: v2 does not show it
	}
	since := func(sec int64) string { return time.Unix(sec, 0).UTC().Format("Mon, 02 Jan 2006 15:04:05") + " UTC" }
	for _, test := range []struct {
		config Config
		query  string
		header string
		want   []int64
	}{
		{query: "", want: []int64{2, 3, 4, 1}},
		{query: "limit_rows=2", want: []int64{2, 3}},
		{query: "limit_rows=2&limit_offset=2", want: []int64{4, 1}},
		{query: "limit_rows=2&limit_offset=4"},
		{query: "limit_offset=2", want: []int64{2, 3, 4, 1}},
		{query: "element_id=30000001", want: []int64{2, 1}},
		{query: "element_id=30000001&limit_rows=1&limit_offset=1", want: []int64{1}},
		{query: "element_id=77"},
		{query: "element_id=30000001,30000002", want: []int64{2, 3, 4, 1}}, // one id only: what is none is ignored
		{query: "note_type=4", want: []int64{3, 1}},
		{query: "note_type=4&element_id=30000001", want: []int64{1}},
		{query: "note_type=77"},
		{query: "note_type=4,10", want: []int64{2, 3, 4, 1}},
		{config: Config{NoteTypesList: true}, query: "note_type=4,10", want: []int64{3, 4, 1}},
		{query: "id=4,1,99", want: []int64{1, 4}},
		{query: "id[]=3&id[]=2&note_type=4&element_id=1", want: []int64{2, 3}},
		{query: "id=5"},
		{query: "id=4", header: since(1_000_000), want: []int64{4}},
		{config: Config{ListByID: true}, query: "", want: []int64{1, 2, 3, 4}},
		{query: "", header: since(9), want: []int64{2, 3, 4, 1}},
		{query: "", header: since(10), want: []int64{3, 4, 1}}, // strictly later
		{query: "", header: since(19), want: []int64{3, 4, 1}},
		{query: "", header: since(20), want: []int64{1}},
		{query: "", header: since(30)},
		{query: "limit_rows=1&limit_offset=1", header: since(10), want: []int64{4}},
		{query: "element_id=30000001", header: since(10), want: []int64{1}},
		{query: "", header: "yesterday", want: []int64{2, 3, 4, 1}},
		{config: Config{ListByID: true}, query: "", header: since(10), want: []int64{1, 3, 4}},
	} {
		e := open(t, test.config)
		for _, n := range notes {
			n.Kind = ParentLead
			mustNote(t, e, n)
		}
		var header []string
		if test.header != "" {
			header = []string{"If-Modified-Since", test.header}
		}
		var got []int64
		for _, row := range rowsOf(t, ask(t, e, http.MethodGet, notesPath+"?type=lead&"+test.query, "", header...)) {
			id, _ := row["id"].(float64)
			got = append(got, int64(id))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q since %q (-want +got):\n%s", test.query, test.header, diff)
		}
	}
}

// TestNotesV2_pageThroughAll walks all kinds by pages of every size and finds each note once, in order.
func TestNotesV2_pageThroughAll(t *testing.T) {
	e := open(t, Config{Notes: 60, Customers: 5, NoteIDsRepeat: true})
	mustNote(t, e, Note{Kind: ParentLead, ParentID: aLead, UpdatedAt: 7})
	e.DeleteNote(ParentContact, e.SeededNotes(ParentContact, 1)[0])
	var want []string
	for _, kind := range parentKinds {
		for n := range e.Notes(kind) {
			if noteTypeNamed(n.Type).code != 0 {
				want = append(want, fmt.Sprintf("%012d %d %d", n.UpdatedAt, n.ID, kind))
			}
		}
	}
	slices.Sort(want)
	for _, rows := range []int{1, 7, 64, 500} {
		var got []string
		for offset := 0; ; offset += rows {
			page := rowsOf(t, ask(t, e, http.MethodGet, fmt.Sprintf("%s?type=all&limit_rows=%d&limit_offset=%d", notesPath, rows, offset), ""))
			for _, row := range page {
				got = append(got, fmt.Sprintf("%012.0f %.0f %.0f", row["updated_at"], row["id"], row["element_type"]))
			}
			if len(page) == 0 {
				break
			}
		}
		if !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(a[:12], b[:12]) }) {
			t.Fatalf("pages of %d are out of order", rows)
		}
		slices.Sort(got) // kinds of one id sort as text in another order than as numbers
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("pages of %d (-want +got):\n%s", rows, diff)
		}
	}
}

// TestNotesV2_shape looks at what differs by type and by switch.
func TestNotesV2_shape(t *testing.T) {
	call := Note{Kind: ParentLead, ParentID: aLead, Type: "call_in", Params: map[string]any{
		"uniq": "u", "duration": int64(5), "source": "pbx", "call_status": int64(4), "from": "+7", "text": "t",
	}}
	status := Note{Kind: ParentLead, ParentID: aLead, Type: noteStatusChanged, Params: map[string]any{
		"STATUS_NEW": int64(142), "STATUS_OLD": int64(1),
	}}
	for _, test := range []struct {
		name   string
		config Config
		note   Note
		want   string // of text, params and is_editable
	}{
		{"common", Config{}, Note{Kind: ParentLead, ParentID: aLead}, `{"is_editable":true,"text":"A"}`},
		{"locked", Config{}, Note{Kind: ParentLead, ParentID: aLead, Locked: true}, `{"is_editable":false,"text":"A"}`},
		{"created", Config{}, Note{Kind: ParentLead, ParentID: aLead, Type: "lead_created"}, `{"is_editable":false,"text":"Добавлен новый объект"}`},
		{"call", Config{}, call, `{"is_editable":false,"params":{"DURATION":5,"FROM":"+7","SRC":"pbx","UNIQ":"u","call_status":4,"text":"t"}}`},
		{"call in small letters", Config{NoteParams: NoteParamsLower}, call, `{"is_editable":false,"params":{"call_status":4,"duration":5,"from":"+7","src":"pbx","text":"t","uniq":"u"}}`},
		{"call in capitals", Config{NoteParams: NoteParamsUpper}, call, `{"is_editable":false,"params":{"CALL_STATUS":4,"DURATION":5,"FROM":"+7","SRC":"pbx","TEXT":"t","UNIQ":"u"}}`},
		{"status", Config{}, status, `{"is_editable":false,"params":{"STATUS_NEW":142,"STATUS_OLD":1}}`},
		{"status as text", Config{StatusChangeAsText: true}, status, `{"is_editable":false,"text":"{\"STATUS_NEW\":142,\"STATUS_OLD\":1}"}`},
		{"no params", Config{}, Note{Kind: ParentLead, ParentID: aLead, Type: "key_action_completed"}, `{"is_editable":false,"params":[]}`},
		{"empty sms", Config{}, Note{Kind: ParentLead, ParentID: aLead, Type: "sms_in", Params: map[string]any{"text": nil, "phone": nil}}, `{"is_editable":false,"params":{"phone":null,"text":null}}`},
	} {
		e := open(t, test.config)
		mustNote(t, e, test.note)
		row := rowsOf(t, ask(t, e, http.MethodGet, notesPath+"?type=lead", ""))[0]
		got := map[string]any{}
		for _, key := range []string{"text", "params", "is_editable"} {
			if value, ok := row[key]; ok {
				got[key] = value
			}
		}
		data, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, string(data)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestNotesV2_firstIDAsText(t *testing.T) {
	e := open(t, Config{Notes: 3, NoteIDText: true})
	rows := rowsOf(t, ask(t, e, http.MethodGet, notesPath+"?type=lead", ""))
	if _, text := rows[0]["id"].(string); !text {
		t.Errorf("the first id is a %T", rows[0]["id"])
	}
	if _, number := rows[1]["id"].(float64); !number {
		t.Errorf("the second id is a %T", rows[1]["id"])
	}
}

// TestNotesV2_itemErrors sends items that are refused alone, each beside one that is not.
func TestNotesV2_itemErrors(t *testing.T) {
	const good = `{"element_id":30000001,"element_type":2,"note_type":4,"text":"B","request_id":9}`
	for _, test := range []struct {
		name   string
		config Config
		list   string
		item   string
		code   float64
	}{
		{"no element", Config{}, "add", `{"element_type":2,"note_type":4,"text":"A"}`, 232},
		{"no element type", Config{}, "add", `{"element_id":30000001,"note_type":4,"text":"A"}`, 232},
		{"wrong element type", Config{}, "add", `{"element_id":30000001,"element_type":7,"note_type":4,"text":"A"}`, 232},
		{"unknown lead", Config{}, "add", `{"element_id":77,"element_type":2,"note_type":4,"text":"A"}`, 226},
		{"a contact's id for a lead", Config{}, "add", `{"element_id":1000001,"element_type":2,"note_type":4,"text":"A"}`, 226},
		{"unknown customer", Config{}, "add", `{"element_id":77,"element_type":12,"note_type":4,"text":"A"}`, 226},
		{"no type", Config{}, "add", `{"element_id":30000001,"element_type":2,"text":"A"}`, 400},
		{"system type", Config{}, "add", `{"element_id":30000001,"element_type":2,"note_type":1,"text":"A"}`, 400},
		{"type only v4 makes", Config{}, "add", `{"element_id":30000001,"element_type":2,"note_type":24,"text":"A"}`, 400},
		{"unknown type", Config{}, "add", `{"element_id":30000001,"element_type":2,"note_type":77,"text":"A"}`, 400},
		{"result of a lead", Config{}, "add", `{"element_id":30000001,"element_type":2,"note_type":13,"text":"A"}`, 400},
		{"note of a task", Config{}, "add", `{"element_id":40000001,"element_type":4,"note_type":4,"text":"A"}`, 400},
		{"no text", Config{}, "add", `{"element_id":30000001,"element_type":2,"note_type":4,"params":{"text":"A"}}`, 400},
		{"text outside params", Config{}, "add", `{"element_id":30000001,"element_type":2,"note_type":25,"text":"A"}`, 400},
		{"customers off", Config{CustomersState: CustomersOff}, "add", `{"element_id":466001,"element_type":12,"note_type":4,"text":"A"}`, 244},
		{"unknown note", Config{}, "update", `{"id":77,"updated_at":2000000000,"text":"A"}`, 225},
		{"note of another lead", Config{}, "update", `{"id":1,"updated_at":2000000000,"text":"A","element_id":30000002}`, 225},
		{"note of another kind", Config{}, "update", `{"id":1,"updated_at":2000000000,"text":"A","element_type":1}`, 225},
		{"not editable", Config{}, "update", `{"id":2,"updated_at":2000000000,"text":"A"}`, 244},
		{"locked", Config{}, "update", `{"id":3,"updated_at":2000000000,"text":"A"}`, 244},
		{"another type", Config{}, "update", `{"id":1,"updated_at":2000000000,"note_type":13}`, 400},
		{"empty text", Config{}, "update", `{"id":1,"updated_at":2000000000,"text":" "}`, 400},
		{"no updated_at", Config{}, "update", `{"id":1,"text":"A"}`, 400},
		{"older", Config{}, "update", `{"id":1,"updated_at":99,"text":"A"}`, 400},
		{"equal", Config{}, "update", `{"id":1,"updated_at":100,"text":"A"}`, 400},
	} {
		test.config.ItemErrors = ItemErrorsObjects
		e := open(t, test.config)
		for id, word := range []string{noteCommon, "sms_in", noteCommon} {
			mustNote(t, e, Note{Kind: ParentLead, ParentID: aLead, ID: int64(id + 1), Type: word, UpdatedAt: 100, Locked: id == 2})
		}
		body := `{"add":[` + good + `],"update":[` + test.item + `]}`
		if test.list == "add" {
			body = `{"add":[` + test.item + `,` + good + `]}`
		}
		before := e.CountNotes(ParentLead)
		got := embedded(t, ask(t, e, http.MethodPost, notesPath, body))
		if items, ok := got["items"].([]any); !ok || len(items) != 1 {
			t.Errorf("%s: items %v", test.name, got["items"])
		}
		lists, _ := got["errors"].(map[string]any)
		errs, _ := lists[test.list].([]any)
		first := map[string]any{}
		if len(errs) == 1 {
			first, _ = errs[0].(map[string]any)
		}
		if first["code"] != test.code {
			t.Errorf("%s: errors %v", test.name, got["errors"])
		}
		if n := e.CountNotes(ParentLead); n != before+1 {
			t.Errorf("%s: %d notes after %d", test.name, n, before)
		}
	}
}

// TestNotesV2_lock updates a note at, before and after its time, and tells the stale one with the service's own words.
func TestNotesV2_lock(t *testing.T) {
	e := open(t, Config{})
	n := mustNote(t, e, Note{Kind: ParentContact, ParentID: aContact, UpdatedAt: 100})
	update := func(at int) answered {
		return ask(t, e, http.MethodPost, notesPath, fmt.Sprintf(`{"update":[{"id":%d,"updated_at":%d,"text":"at %[2]d"}]}`, n.ID, at))
	}
	want := map[string]any{"items": []any{}, "errors": map[string]any{"update": map[string]any{"100000001": staleText}}}
	if diff := cmp.Diff(want, embedded(t, update(100))); diff != "" {
		t.Errorf("equal (-want +got):\n%s", diff)
	}
	href := "/api/v2/notes?id=100000001&type=contact"
	want = map[string]any{"items": []any{map[string]any{
		"id": 100000001.0, "_links": map[string]any{"self": map[string]any{"href": href, "method": "get"}},
	}}}
	if diff := cmp.Diff(want, embedded(t, update(101))); diff != "" {
		t.Errorf("newer (-want +got):\n%s", diff)
	}
	if got, _ := e.Note(ParentContact, n.ID); got.UpdatedAt != 101 || got.Params["text"] != "at 101" {
		t.Errorf("stored %+v", got)
	}
	equal := open(t, Config{LockAllowsEqual: true})
	mustNote(t, equal, Note{Kind: ParentContact, ParentID: aContact, ID: 5, UpdatedAt: 100})
	ask(t, equal, http.MethodPost, notesPath, `{"update":[{"id":5,"updated_at":100,"text":"B"}]}`)
	if got, _ := equal.Note(ParentContact, 5); got.Params["text"] != "B" {
		t.Errorf("by switch %+v", got)
	}
}

// TestNotesV2_updateFindsKind meets one id at two kinds of parents.
func TestNotesV2_updateFindsKind(t *testing.T) {
	e := open(t, Config{})
	mustNote(t, e, Note{Kind: ParentContact, ParentID: aContact, ID: 5, UpdatedAt: 1})
	mustNote(t, e, Note{Kind: ParentCompany, ParentID: aCompany, ID: 5, UpdatedAt: 1})
	ask(t, e, http.MethodPost, notesPath, `{"update":[{"id":5,"updated_at":9,"text":"company","element_type":3},{"id":5,"updated_at":9,"text":"first"}]}`)
	for kind, want := range map[ParentKind]string{ParentContact: "first", ParentCompany: "company"} {
		if got, _ := e.Note(kind, 5); got.Params["text"] != want {
			t.Errorf("%s: %v", kind, got.Params)
		}
	}
}

// TestNotesV2_refuseCalls sends calls that are refused whole.
func TestNotesV2_refuseCalls(t *testing.T) {
	for _, w := range []wrong{
		{name: "no body", method: http.MethodPost, code: "103"},
		{name: "broken", body: `{"add":[`, code: "102"},
		{name: "nothing", body: `{"add":[],"update":[]}`},
		{name: "delete is no list of notes", body: `{"delete":[1]}`},
		{name: "item is text", body: `{"add":["A"]}`},
		{name: "unknown key", body: `{"add":[{"element_id":30000001,"element_type":2,"note_type":4,"text":"A","entity":1}]}`},
		{name: "unknown param", body: `{"add":[{"element_id":30000001,"element_type":2,"note_type":25,"params":{"text":"A","colour":1}}]}`},
		{name: "params is text", body: `{"add":[{"element_id":30000001,"element_type":2,"note_type":25,"params":"A"}]}`},
		{name: "param is a list", body: `{"add":[{"element_id":30000001,"element_type":2,"note_type":25,"params":{"text":["A"]}}]}`},
		{name: "duration is a word", body: `{"add":[{"element_id":30000001,"element_type":2,"note_type":10,"params":{"DURATION":"long"}}]}`},
		{name: "text is a list", body: `{"add":[{"element_id":30000001,"element_type":2,"note_type":4,"text":["A"]}]}`},
		{name: "element is a word", body: `{"add":[{"element_id":"x","element_type":2,"note_type":4,"text":"A"}]}`},
		{name: "time in milliseconds", body: `{"add":[{"element_id":30000001,"element_type":2,"note_type":4,"text":"A","created_at":1700000000000}]}`},
		{name: "update without id", body: `{"update":[{"updated_at":1700000000,"text":"A"}]}`},
		{name: "request_id is a list", body: `{"add":[{"element_id":30000001,"element_type":2,"note_type":4,"text":"A","request_id":[1]}]}`},
		{name: "element_id beside id", target: notesPath + "?type=lead&id=1&element_id=1"},
		{name: "note_type is a list", target: notesPath + "?type=lead&note_type=4,10"},
		{name: "element_id is a list", target: notesPath + "?type=lead&element_id=1,2"},
		{name: "unknown parameter", target: notesPath + "?type=lead&order=id"},
		{name: "unreadable time", target: notesPath + "?type=lead", header: []string{"If-Modified-Since", "yesterday"}},
	} {
		e := open(t, Config{Strict: true})
		if w.target == "" {
			w.target = notesPath
		}
		if w.code == "" {
			w.code = "400"
		}
		a := w.send(t, e)
		if a.status != http.StatusBadRequest || errorCode(a) != w.code {
			t.Errorf("%s: status %d: %s", w.name, a.status, a.body)
		}
		if n := e.CountNotes(ParentLead); n != 0 {
			t.Errorf("%s: %d notes are stored", w.name, n)
		}
	}
}

func TestNotesV2_readOnly(t *testing.T) {
	e := open(t, Config{NotesReadOnly: true, ItemErrors: ItemErrorsTexts})
	mustNote(t, e, Note{Kind: ParentLead, ParentID: aLead, ID: 1})
	got := embedded(t, ask(t, e, http.MethodPost, notesPath,
		`{"add":[{"element_id":30000001,"element_type":2,"note_type":4,"text":"A"}],"update":[{"id":1,"updated_at":9,"text":"B"}]}`))
	want := map[string]any{"items": []any{}, "errors": map[string]any{
		"add": []any{"No rights to add a note"}, "update": []any{"No rights to change a note"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNotesV2_paramsInAnyCase writes params of a call in every spelling.
func TestNotesV2_paramsInAnyCase(t *testing.T) {
	e := open(t, Config{Strict: true})
	for i, params := range []string{
		`{"UNIQ":"u","SRC":"s","DURATION":"7","CALL_STATUS":"4"}`,
		`{"uniq":"u","source":"s","duration":7,"call_status":4}`,
		`{"Uniq":"u","src":"s","Duration":7,"Call_Status":"4"}`,
	} {
		ask(t, e, http.MethodPost, notesPath, `{"add":[{"element_id":30000001,"element_type":2,"note_type":11,"params":`+params+`}]}`)
		n, ok := e.Note(ParentLead, 200_000_001+int64(i))
		want := map[string]any{"uniq": "u", "source": "s", "duration": int64(7), "call_status": int64(4)}
		if diff := cmp.Diff(want, n.Params); !ok || diff != "" {
			t.Errorf("%s (-want +got):\n%s", params, diff)
		}
	}
}

// TestNotesV2_kindsOfParams writes numbers and digits in quotes. What is text stays text, a number of either spelling is
// a number, and of who was responsible for a call a number is a user and digits in quotes are a phone.
func TestNotesV2_kindsOfParams(t *testing.T) {
	e := open(t, Config{Strict: true})
	for i, test := range []struct {
		params string
		want   map[string]any
	}{
		{
			`{"PHONE":79991234567,"DURATION":7,"call_responsible":612007}`,
			map[string]any{"phone": "79991234567", "duration": int64(7), "call_responsible": int64(612007)},
		},
		{
			`{"PHONE":"79991234567","DURATION":"7","call_responsible":"79991234567"}`,
			map[string]any{"phone": "79991234567", "duration": int64(7), "call_responsible": "79991234567"},
		},
	} {
		ask(t, e, http.MethodPost, notesPath, `{"add":[{"element_id":30000001,"element_type":2,"note_type":11,"params":`+test.params+`}]}`)
		n, ok := e.Note(ParentLead, 200_000_001+int64(i))
		if diff := cmp.Diff(test.want, n.Params); !ok || diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.params, diff)
		}
	}
}

// TestSystemNotes_followEvents creates a customer and a purchase through each generation, with the switch and without.
func TestSystemNotes_followEvents(t *testing.T) {
	for _, on := range []bool{false, true} {
		e := open(t, Config{SystemNotes: on})
		for _, write := range [][2]string{
			{"/api/v2/customers", `{"add":[{"name":"A","next_date":1700000000}]}`},
			{transactionsPath, `{"add":[{"customer_id":466001,"price":1}]}`},
			{"/api/v4/customers", `[{"name":"A","next_date":1700000000}]`},
			{"/api/v4/customers/466002/transactions", `[{"price":1}]`},
		} {
			if a := ask(t, e, http.MethodPost, write[0], write[1]); a.status != http.StatusOK {
				t.Fatalf("%s: status %d: %s", write[0], a.status, a.body)
			}
		}
		var got []string
		for _, id := range []int64{466001, 466002} {
			for _, n := range readNotes(t, e, fmt.Sprintf("customers/%d/notes", id)).Embedded.Notes {
				got = append(got, fmt.Sprintf("%s %d %s", n.Type, n.Entity, n.Params))
			}
		}
		want := []string{
			"customer_created 466001 []", `transaction 466001 {"transaction_id":5000}`,
			"customer_created 466002 []", `transaction 466002 {"transaction_id":5001}`,
		}
		if !on {
			want = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("switch %v (-want +got):\n%s", on, diff)
		}
	}
}

func TestNotesV2_goWithTheirCustomer(t *testing.T) {
	e := open(t, Config{Customers: 4, Notes: 40})
	id := e.SeededParents(ParentCustomer, 1)[0]
	mustNote(t, e, Note{Kind: ParentCustomer, ParentID: id})
	if got := rowsOf(t, ask(t, e, http.MethodGet, fmt.Sprint(notesPath, "?type=customer&element_id=", id), "")); len(got) < 9 {
		t.Fatalf("%d notes", len(got))
	}
	ask(t, e, http.MethodPost, "/api/v2/customers", fmt.Sprintf(`{"delete":[%d]}`, id))
	for n := range e.Notes(ParentCustomer) {
		if n.ParentID == id {
			t.Errorf("note %d stays", n.ID)
		}
	}
	if got := e.CountNotes(ParentCustomer); got != 24 {
		t.Errorf("%d notes are left", got)
	}
}

// TestNotesV2_customersOff leaves the notes of other records to be read.
func TestNotesV2_customersOff(t *testing.T) {
	e := open(t, Config{Customers: 3, Notes: 3, CustomersState: CustomersOff})
	if a := ask(t, e, http.MethodGet, notesPath+"?type=customer", ""); errorCode(a) != "426" {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	for _, row := range rowsOf(t, ask(t, e, http.MethodGet, notesPath+"?type=all", "")) {
		if row["element_type"] == 12.0 {
			t.Errorf("a note of a customer: %v", row)
		}
	}
}
