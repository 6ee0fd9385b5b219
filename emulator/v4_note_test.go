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

// notesDoc is an answer about notes: a list or one.
type notesDoc struct {
	Links map[string]struct {
		Href string `json:"href"`
	} `json:"_links"`
	Embedded struct {
		Notes []noteDoc `json:"notes"`
	} `json:"_embedded"`
}

type noteDoc struct {
	ID        int64           `json:"id"`
	Entity    int64           `json:"entity_id"`
	UpdatedAt int64           `json:"updated_at"`
	Type      string          `json:"note_type"`
	Params    json.RawMessage `json:"params"`
	Pinned    *bool           `json:"is_pinned"`
	Editable  *bool           `json:"is_editable"`
	RequestID any             `json:"request_id"`
}

// readNotes asks for a list of v4.
func readNotes(t *testing.T, e *Emulator, target string) notesDoc {
	t.Helper()
	return notesIn(t, ask(t, e, http.MethodGet, "/api/v4/"+target, ""))
}

func notesIn(t *testing.T, a answered) (doc notesDoc) {
	t.Helper()
	if a.status == http.StatusNoContent && a.body == "" {
		return doc
	}
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return doc
}

func (d notesDoc) ids() []int64 {
	var ids []int64
	for _, n := range d.Embedded.Notes {
		ids = append(ids, n.ID)
	}
	return ids
}

// refusedRows returns what is wrong with the rows of a refused write: "request_id code path" of each violation.
func refusedRows(t *testing.T, a answered) []string {
	t.Helper()
	var doc struct {
		Rows []struct {
			RequestID string                        `json:"request_id"`
			Errors    []struct{ Code, Path string } `json:"errors"`
		} `json:"validation-errors"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || a.status != http.StatusBadRequest {
		t.Fatalf("status %d: %s: %v", a.status, a.body, err)
	}
	var wrong []string
	for _, r := range doc.Rows {
		for _, v := range r.Errors {
			wrong = append(wrong, r.RequestID+" "+v.Code+" "+v.Path)
		}
	}
	return wrong
}

func north(t *testing.T) *Emulator {
	t.Helper()
	e := open(t, Config{Strict: true, Subdomain: "north", AccountID: 30123456, UserID: 612007})
	mustAdd(t, e, Customer{ID: 701244, Name: "A"})
	return e
}

// TestNotesV4_documentedSample stores the notes of the sample and reads exactly it.
func TestNotesV4_documentedSample(t *testing.T) {
	e := north(t)
	sample := readFile(t, "testdata/v4_notes_list_reply.json")
	var doc struct {
		Embedded struct {
			Notes []struct {
				ID        int64          `json:"id"`
				CreatedBy int64          `json:"created_by"`
				CreatedAt int64          `json:"created_at"`
				Type      string         `json:"note_type"`
				Params    map[string]any `json:"params"`
			} `json:"notes"`
		} `json:"_embedded"`
	}
	if err := json.Unmarshal([]byte(sample), &doc); err != nil {
		t.Fatal(err)
	}
	for _, n := range doc.Embedded.Notes {
		for key, value := range n.Params {
			if number, ok := value.(float64); ok {
				n.Params[key] = int64(number)
			}
		}
		mustNote(t, e, Note{
			Kind: ParentCustomer, ParentID: 701244, ID: n.ID, Type: n.Type, Params: n.Params, ResponsibleUserID: 612007,
			CreatedBy: n.CreatedBy, UpdatedBy: n.CreatedBy, CreatedAt: n.CreatedAt, UpdatedAt: n.CreatedAt,
		})
	}
	a := ask(t, e, http.MethodGet, "/api/v4/customers/notes", "")
	if diff := differences(flatten(t, sample), flatten(t, a.body)); len(diff) > 0 {
		t.Errorf("list: %v", diff)
	}
	if got := a.header.Get("Content-Type"); got != "application/hal+json" {
		t.Errorf("type %s", got)
	}
	for path, value := range flatten(t, ask(t, e, http.MethodGet, "/api/v4/customers/notes/95200102", "").body) {
		if want := flatten(t, sample)["/_embedded/notes/1"+path]; value != want {
			t.Errorf("one note: %s is %v instead of %v", path, value, want)
		}
	}
}

// TestNotesV4_documentedCreate sends the sample of a write and compares the answer whole.
func TestNotesV4_documentedCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := north(t)
		a := ask(t, e, http.MethodPost, "/api/v4/customers/notes", readFile(t, "testdata/v4_notes_create_request.json"))
		if diff := differences(flatten(t, readFile(t, "testdata/v4_notes_create_reply.json")), flatten(t, a.body)); len(diff) > 0 {
			t.Errorf("answer: %v", diff)
		}
		got, _ := e.Note(ParentCustomer, 500_000_001)
		want := Note{
			Kind: ParentCustomer, ParentID: 701244, ID: 500_000_001, Type: noteCommon, Params: map[string]any{"text": "Prefers mornings"},
			ResponsibleUserID: 612007, CreatedBy: 612007, UpdatedBy: 612007,
			CreatedAt: 1717300000, UpdatedAt: time.Now().Unix(), // what was sent as updated_at does not count
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		file := readNotes(t, e, "customers/701244/notes?filter[note_type]=attachment").Embedded.Notes[0]
		const params = `{"is_drive_attachment":true,"text":"scan.pdf","original_name":"scan.pdf",` +
			`"file_uuid":"0c7a8f0e-4a8c-4d53-9b0b-7b9d7cfb2b11","version_uuid":"5b0d8b43-9a3f-4c1f-8f0a-2e3f6c7d8a90","file_name":"scan.pdf"}`
		if string(file.Params) != params {
			t.Errorf("file: %s", file.Params)
		}
	})
}

// TestNotesV4_refuseRows sends rows with something wrong; nothing of their call is stored.
func TestNotesV4_refuseRows(t *testing.T) {
	for _, test := range []struct {
		row  string
		want []string
	}{
		{`{}`, []string{"1 FieldMissing entity_id", "1 FieldMissing note_type", "1 FieldMissing params"}},
		{`{"entity_id":77,"note_type":"common","params":{"text":"A"},"request_id":"q"}`, []string{"q EntityNotFound entity_id"}},
		{`{"entity_id":"30000001","note_type":"common","params":{"text":"A"}}`, []string{"1 InvalidType entity_id"}},
		{`{"entity_id":30000001,"note_type":4,"params":{"text":"A"}}`, []string{"1 InvalidType note_type"}},
		{`{"entity_id":30000001,"note_type":"poem","params":{"text":"A"}}`, []string{"1 NotSupportedChoice note_type"}},
		{`{"entity_id":30000001,"note_type":"common"}`, []string{"1 FieldMissing params"}},
		{`{"entity_id":30000001,"note_type":"common","params":null}`, []string{"1 NotNullable params"}},
		{`{"entity_id":30000001,"note_type":"common","params":"A"}`, []string{"1 InvalidType params"}},
		{`{"entity_id":30000001,"note_type":"common","params":["A"]}`, []string{"1 InvalidType params"}},
		{`{"entity_id":30000001,"note_type":"common","params":{}}`, []string{"1 FieldMissing params.text"}},
		{`{"entity_id":30000001,"note_type":"common","params":{"text":5}}`, []string{"1 InvalidType params.text"}},
		{`{"entity_id":30000001,"note_type":"common","params":{"text":"A","service":"B"}}`, []string{"1 FieldNotExpected params.service"}},
		{`{"entity_id":30000001,"note_type":"sms_in","params":{"text":"A","phone":"B","uniq":"C"}}`, []string{"1 FieldNotExpected params.uniq"}},
		{`{"entity_id":30000001,"note_type":"call_in","params":{"source":"A"}}`, []string{"1 FieldMissing params.duration"}},
		{`{"entity_id":30000001,"note_type":"call_in","params":{"duration":"5","source":"A"}}`, []string{"1 InvalidType params.duration"}},
		{`{"entity_id":30000001,"note_type":"call_out","params":{"duration":5}}`, []string{"1 FieldMissing params.source"}},
		{`{"entity_id":30000001,"note_type":"call_out","params":{"duration":5,"source":""}}`, []string{"1 NotBlank params.source"}},
		{`{"entity_id":30000001,"note_type":"call_out","params":{"duration":5,"source":null}}`, []string{"1 NotNullable params.source"}},
		{`{"entity_id":30000001,"note_type":"call_out","params":{"duration":5,"source":"A","call_status":8}}`, []string{"1 NotSupportedChoice params.call_status"}},
		{`{"entity_id":30000001,"note_type":"call_out","params":{"duration":5,"source":"A","call_responsible":[]}}`, []string{"1 InvalidType params.call_responsible"}},
		{`{"entity_id":30000001,"note_type":"call_out","params":{"duration":5,"source":"A","FROM":"A","text":"A"}}`, []string{"1 FieldNotExpected params.FROM", "1 FieldNotExpected params.text"}},
		{`{"entity_id":30000001,"note_type":"service_message","params":{"text":"A"}}`, []string{"1 FieldMissing params.service"}},
		{`{"entity_id":30000001,"note_type":"extended_service_message","params":{"service":"A"}}`, []string{"1 FieldMissing params.text"}},
		{`{"entity_id":30000001,"note_type":"message_cashier","params":{"status":"lost"}}`, []string{"1 NotSupportedChoice params.status"}},
		{`{"entity_id":30000001,"note_type":"geolocation","params":{"longitude":37.6}}`, []string{"1 InvalidType params.longitude"}},
		{`{"entity_id":30000001,"note_type":"attachment","params":{"file_uuid":"A","original_name":"B"}}`, []string{"1 FieldMissing params.file_name", "1 FieldNotExpected params.original_name"}},
		{`{"entity_id":30000001,"note_type":"common","params":{"text":"A"},"created_at":1700000000000}`, []string{"1 InvalidType created_at"}},
		{`{"entity_id":30000001,"note_type":"common","params":{"text":"A"},"is_need_to_trigger_digital_pipeline":1}`, []string{"1 InvalidType is_need_to_trigger_digital_pipeline"}},
		{`{"entity_id":30000001,"note_type":"common","params":{"text":"A"},"text":"A"}`, []string{"1 FieldNotExpected text"}}, // in strict mode
		{`{"entity_id":30000001,"note_type":"common","params":{"text":"A"},"created_by":13,"responsible_user_id":13}`, []string{"1 NotSupportedChoice responsible_user_id", "1 NotSupportedChoice created_by"}},
		{`"A"`, []string{"1 InvalidType "}},
	} {
		e := open(t, Config{Strict: true, DeactivatedUsers: []int64{13}})
		const good = `{"entity_id":30000001,"note_type":"common","params":{"text":"A"}}`
		got := refusedRows(t, ask(t, e, http.MethodPost, "/api/v4/leads/notes", "["+good+","+test.row+"]"))
		if test.row == `"A"` { // and every key is missing then
			got = got[:1]
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.row, diff)
		}
		if n := e.CountNotes(ParentLead); n != 0 {
			t.Errorf("%s: %d notes are stored", test.row, n)
		}
	}
}

// TestNotesV4_createEveryType creates each type that can be created and is refused at each that cannot.
func TestNotesV4_createEveryType(t *testing.T) {
	e := open(t, Config{Notes: 40, Strict: true})
	tried := map[string]bool{}
	for n := range e.Notes(ParentLead) {
		typ := noteTypeNamed(n.Type)
		if tried[n.Type] {
			continue
		}
		tried[n.Type] = true
		params := map[string]any{}
		for key, value := range n.Params {
			if p := typ.param(key); p != nil && !p.readOnly {
				params[key] = value
			}
		}
		if n.Type == noteAttachment {
			params = map[string]any{"file_uuid": "A", "file_name": "B"}
		}
		body, err := json.Marshal(map[string]any{"note_type": n.Type, "params": params})
		if err != nil {
			t.Fatal(err)
		}
		a := ask(t, e, http.MethodPost, "/api/v4/leads/30000001/notes", "["+string(body)+"]")
		if typ.create && a.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", n.Type, a.status, a.body)
		}
		if !typ.create && !slices.Contains(refusedRows(t, a), "0 NotSupportedChoice note_type") {
			t.Errorf("%s: %s", n.Type, a.body)
		}
	}
	for _, n := range noteTypes {
		if n.create && !tried[n.word] {
			t.Errorf("%s was not tried", n.word)
		}
	}
}

// TestNotesV4_refuseCalls sends calls that are refused whole.
func TestNotesV4_refuseCalls(t *testing.T) {
	long := "[" + strings.Repeat(`{"entity_id":30000001,"note_type":"common","params":{"text":"A"}},`, 251)
	for _, test := range []struct {
		method, target, body string
		status               int
	}{
		{http.MethodGet, "notes", "", 404},
		{http.MethodGet, "tasks/notes", "", 404},
		{http.MethodGet, "tasks/40000001/notes", "", 404},
		{http.MethodGet, "lead/notes", "", 404},
		{http.MethodDelete, "leads/notes", "[]", 405},
		{http.MethodDelete, "leads/30000001/notes/1", "", 405},
		{http.MethodGet, "leads/notes/1/pin", "", 405},
		{http.MethodPost, "leads/30000001/notes/1/pin", "", 404},
		{http.MethodGet, "leads/notes/77", "", 404},
		{http.MethodGet, "leads/30000002/notes/1", "", 404}, // of another lead
		{http.MethodGet, "contacts/notes/1", "", 404},       // of another kind
		{http.MethodPatch, "leads/notes/77", `{"note_type":"common","params":{"text":"A"}}`, 404},
		{http.MethodPatch, "leads/30000002/notes/1", `{"note_type":"common","params":{"text":"A"}}`, 404},
		{http.MethodPost, "leads/notes/77/pin", "", 404},
		{http.MethodPost, "leads/notes/77/unpin", "", 404},
		{http.MethodPost, "leads/notes", "", 400},
		{http.MethodPost, "leads/notes", "[]", 400},
		{http.MethodPost, "leads/notes", "{}", 400},
		{http.MethodPost, "leads/notes", `{"entity_id":30000001,"note_type":"common","params":{"text":"A"}}`, 400},
		{http.MethodPost, "leads/77/notes", `[{"note_type":"common","params":{"text":"A"}}]`, 400},
		{http.MethodPatch, "leads/notes/1", `[{"note_type":"common","params":{"text":"A"}}]`, 400},
		{http.MethodPost, "leads/notes", long[:len(long)-1] + "]", 422},
		{http.MethodGet, "leads/notes?sort=id", "", 400},
		{http.MethodGet, "leads/notes?limit=251", "", 400},
		{http.MethodGet, "leads/notes?page=0", "", 400},
		{http.MethodGet, "leads/notes?filter[text]=A", "", 400},
		{http.MethodGet, "leads/notes?filter[note_type]=4", "", 400},
		{http.MethodGet, "leads/30000001/notes?filter[entity_id]=30000001", "", 400},
		{http.MethodGet, "leads/notes?order[created_at]=asc", "", 400},
		{http.MethodGet, "leads/notes?with=contacts", "", 400},
		{http.MethodGet, "leads/notes/1?page=1", "", 400},
	} {
		e := open(t, Config{Strict: true})
		mustNote(t, e, Note{Kind: ParentLead, ParentID: aLead, ID: 1, UpdatedAt: 5})
		a := ask(t, e, test.method, "/api/v4/"+test.target, test.body)
		if a.status != test.status || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: status %d: %s", test.method, test.target, a.status, a.body)
		}
		if n, _ := e.Note(ParentLead, 1); n.UpdatedAt != 5 || n.Pinned || e.CountNotes(ParentLead) != 1 {
			t.Errorf("%s %s: something is stored: %+v", test.method, test.target, n)
		}
	}
}

// TestNotesV4_filter tries the parameters of both lists, alone and together.
func TestNotesV4_filter(t *testing.T) {
	e := open(t, Config{})
	for _, n := range []Note{
		{ID: 1, ParentID: aLead, UpdatedAt: 30},
		{ID: 2, ParentID: aLead, UpdatedAt: 10, Type: "sms_in"},
		{ID: 3, ParentID: aLead + 1, UpdatedAt: 20},
		{ID: 4, ParentID: aLead + 1, UpdatedAt: 20, Type: "call_in"},
		{ID: 5, ParentID: aLead + 2, UpdatedAt: 40, Type: "ai_result"},
	} {
		n.Kind = ParentLead
		mustNote(t, e, n)
	}
	for target, want := range map[string][]int64{
		"leads/notes":          {1, 2, 3, 4, 5},
		"leads/notes/":         {1, 2, 3, 4, 5},
		"contacts/notes":       nil,
		"leads/77/notes":       nil,
		"leads/30000001/notes": {1, 2},
		"leads/30000001/notes?order[updated_at]=asc":                                               {2, 1},
		"leads/notes?order[updated_at]=asc":                                                        {2, 3, 4, 1, 5},
		"leads/notes?order[updated_at]=desc":                                                       {5, 1, 4, 3, 2},
		"leads/notes?order[id]=desc":                                                               {5, 4, 3, 2, 1},
		"leads/notes?order[id]=desc&limit=2&page=2":                                                {3, 2},
		"leads/notes?limit=2&page=2":                                                               {3, 4},
		"leads/notes?limit=2&page=3":                                                               {5},
		"leads/notes?limit=2&page=4":                                                               nil,
		"leads/notes?filter[id]=4":                                                                 {4},
		"leads/notes?filter[id][]=4&filter[id][]=1":                                                {1, 4},
		"leads/notes?filter[id][0]=4&order[id]=desc":                                               {4},
		"leads/notes?filter[id]=99":                                                                nil,
		"leads/30000001/notes?filter[id][]=4&filter[id][]=1":                                       {1},
		"leads/notes?filter[entity_id][]=30000002":                                                 {3, 4},
		"leads/notes?filter[entity_id][]=30000002&limit=1&page=2":                                  {4},
		"leads/notes?filter[entity_id][]=30000001&filter[entity_id][]=30000003":                    {1, 2, 5},
		"leads/notes?filter[note_type]=common":                                                     {1, 3},
		"leads/notes?filter[note_type][]=common&filter[note_type][]=call_in":                       {1, 3, 4},
		"leads/notes?filter[note_type]=poem":                                                       nil,
		"leads/30000001/notes?filter[note_type]=common":                                            {1},
		"leads/notes?filter[updated_at]=20":                                                        {1, 5}, // changed after it
		"leads/notes?filter[updated_at]=19":                                                        {1, 3, 4, 5},
		"leads/notes?filter[updated_at][from]=20":                                                  {1, 3, 4, 5},
		"leads/notes?filter[updated_at][to]=20":                                                    {2, 3, 4},
		"leads/notes?filter[updated_at][from]=20&filter[updated_at][to]=30":                        {1, 3, 4},
		"leads/notes?filter[updated_at][from]=20&filter[updated_at][to]=30&order[updated_at]=desc": {1, 4, 3},
		"leads/notes?filter[updated_at][from]=20&order[updated_at]=asc&limit=2&page=2":             {1, 5},
	} {
		if diff := cmp.Diff(want, readNotes(t, e, target).ids()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
}

// TestNotesV4_next holds every page with rows to a link to the next one, which may find nothing.
func TestNotesV4_next(t *testing.T) {
	e := open(t, Config{Notes: 60})
	var ids []int64
	next := "/api/v4/leads/notes?limit=25"
	for pages := 0; next != ""; pages++ {
		doc := notesIn(t, ask(t, e, http.MethodGet, strings.TrimPrefix(next, "https://example.amocrm.ru"), ""))
		ids = append(ids, doc.ids()...)
		next = doc.Links["next"].Href
		if (next == "") != (pages == 3) {
			t.Fatalf("page %d: next %q", pages+1, next)
		}
	}
	if len(ids) != 60 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 60 {
		t.Errorf("ids %v", ids)
	}
	never := open(t, Config{Notes: 60, NextLinks: NextNever})
	if doc := readNotes(t, never, "leads/notes?limit=25"); doc.Links["next"].Href != "" {
		t.Error("a next link by switch")
	}
}

// TestNotesV4_change changes notes by all four paths.
func TestNotesV4_change(t *testing.T) {
	for _, test := range []struct {
		path, body string
		one        bool
	}{
		{"leads/notes", `[{"id":1,"note_type":"common","params":{"text":"B"},"request_id":"q"}]`, false},
		{"leads/notes", `[{"id":1,"entity_id":30000001,"params":{"text":"B"}}]`, false},
		{"leads/30000001/notes", `[{"id":1,"note_type":"common","params":{"text":"B"}}]`, false},
		{"leads/notes/1", `{"note_type":"common","params":{"text":"B"}}`, true},
		{"leads/30000001/notes/1", `{"params":{"text":"B"}}`, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := open(t, Config{Strict: true})
			mustNote(t, e, Note{Kind: ParentLead, ParentID: aLead, ID: 1, CreatedBy: 8, CreatedAt: 3, UpdatedAt: 5, Pinned: true})
			a := ask(t, e, http.MethodPatch, "/api/v4/"+test.path, test.body)
			now := time.Now().Unix()
			row := fmt.Sprintf(`{"id":1,"entity_id":30000001,"updated_at":%d,`+
				`"_links":{"self":{"href":"https://example.amocrm.ru/api/v4/leads/30000001/notes/1"}}}`, now)
			if !test.one {
				row = `{"_links":{"self":{"href":"https://example.amocrm.ru/api/v4/` + test.path + `"}},"_embedded":{"notes":[` + row + `]}}`
			}
			if diff := cmp.Diff(row, strings.ReplaceAll(a.body, `\/`, `/`)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.path, diff)
			}
			want := Note{
				Kind: ParentLead, ParentID: aLead, ID: 1, Type: noteCommon, Params: map[string]any{"text": "B"},
				CreatedBy: 8, UpdatedBy: 7204833, CreatedAt: 3, UpdatedAt: now, Pinned: true,
			}
			got, _ := e.Note(ParentLead, 1)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: stored (-want +got):\n%s", test.path, diff)
			}
		})
	}
}

// TestNotesV4_refuseChanges sends changes with something wrong; the good row beside them is not applied.
func TestNotesV4_refuseChanges(t *testing.T) {
	for _, test := range []struct {
		config Config
		row    string
		want   []string
	}{
		{Config{}, `{"params":{"text":"B"}}`, []string{"1 FieldMissing id"}},
		{Config{}, `{"id":"2","params":{"text":"B"}}`, []string{"1 InvalidType id"}},
		{Config{}, `{"id":77,"params":{"text":"B"}}`, []string{"1 EntityNotFound id"}},
		{Config{}, `{"id":2,"entity_id":30000002,"params":{"text":"B"}}`, []string{"1 EntityNotFound entity_id"}},
		{Config{}, `{"id":2,"note_type":"sms_out","params":{"text":"B"}}`, []string{"1 NotSupportedChoice note_type"}},
		{Config{}, `{"id":2,"params":{"text":"B","uniq":"B"}}`, []string{"1 FieldNotExpected params.uniq"}},
		{Config{}, `{"id":3,"params":{}}`, []string{"1 NotSupportedChoice note_type"}},
		{Config{}, `{"id":4,"params":{"text":"B"}}`, []string{"1 NotSupportedChoice note_type"}},
		{Config{NotePatchNeedsEntity: true}, `{"id":2,"params":{"text":"B"}}`, []string{"0 FieldMissing entity_id", "1 FieldMissing entity_id"}},
	} {
		e := open(t, test.config)
		for i, n := range []Note{{}, {Type: "sms_in"}, {Type: "lead_created"}, {Locked: true}} {
			n.Kind, n.ParentID, n.ID, n.UpdatedAt = ParentLead, aLead, int64(i+1), 5
			mustNote(t, e, n)
		}
		got := refusedRows(t, ask(t, e, http.MethodPatch, "/api/v4/leads/notes", `[{"id":1,"params":{"text":"B"}},`+test.row+`]`))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.row, diff)
		}
		for n := range e.Notes(ParentLead) {
			if n.UpdatedAt != 5 {
				t.Errorf("%s: note %d was changed", test.row, n.ID)
			}
		}
	}
}

// TestNotesV4_changeOnlyTenTypes tries every type there is.
func TestNotesV4_changeOnlyTenTypes(t *testing.T) {
	var editable []string
	for _, typ := range noteTypes {
		e := open(t, Config{NoteEditableKey: true})
		mustNote(t, e, Note{Kind: ParentLead, ParentID: aLead, ID: 1, Type: typ.word, Params: map[string]any{"text": "A"}})
		one := ask(t, e, http.MethodPatch, "/api/v4/leads/notes/1", `{"id":1}`)
		told := readNotes(t, e, "leads/notes").Embedded.Notes[0].Editable
		if told == nil || *told != (one.status == http.StatusOK) {
			t.Errorf("%s: editable %v, status %d", typ.word, told, one.status)
		}
		if one.status == http.StatusOK {
			editable = append(editable, typ.word)
		}
	}
	want := []string{
		"common", "attachment", "call_in", "call_out", "geolocation", "service_message", "message_cashier",
		"extended_service_message", "sms_in", "sms_out",
	}
	if diff := cmp.Diff(want, editable); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNotesV4_sameNoteTwice changes one note in two rows: the later one holds.
func TestNotesV4_sameNoteTwice(t *testing.T) {
	e := open(t, Config{})
	mustNote(t, e, Note{Kind: ParentLead, ParentID: aLead, ID: 1})
	a := ask(t, e, http.MethodPatch, "/api/v4/leads/notes", `[{"id":1,"params":{"text":"B"}},{"id":1,"params":{"text":"C"}}]`)
	if got := notesIn(t, a).ids(); !slices.Equal(got, []int64{1, 1}) {
		t.Errorf("ids %v", got)
	}
	if n, _ := e.Note(ParentLead, 1); n.Params["text"] != "C" {
		t.Errorf("stored %v", n.Params)
	}
}

func TestNotesV4_pin(t *testing.T) {
	e := open(t, Config{Strict: true})
	mustNote(t, e, Note{Kind: ParentCompany, ParentID: aCompany, ID: 1, UpdatedAt: 5})
	if n := readNotes(t, e, "companies/notes").Embedded.Notes[0]; n.Pinned != nil {
		t.Error("is_pinned without with")
	}
	for _, test := range []struct {
		verb string
		want bool
	}{{"pin", true}, {"pin", true}, {"unpin", false}} {
		if a := ask(t, e, http.MethodPost, "/api/v4/companies/notes/1/"+test.verb, ""); a.status != http.StatusNoContent || a.body != "" {
			t.Errorf("%s: status %d: %s", test.verb, a.status, a.body)
		}
		n := readNotes(t, e, "companies/20000001/notes?with=is_pinned").Embedded.Notes[0]
		if n.Pinned == nil || *n.Pinned != test.want || n.UpdatedAt != 5 {
			t.Errorf("%s: %+v", test.verb, n)
		}
	}
	if s := e.Stats().ByOperation; s[OpV4NotesPin] != 2 || s[OpV4NotesUnpin] != 1 || s[OpV4NotesListOfEntity] != 3 {
		t.Errorf("operations %v", s)
	}
}

// TestNotesV4_switches reads notes as each switch shows them.
func TestNotesV4_switches(t *testing.T) {
	call := Note{Kind: ParentLead, ParentID: aLead, ID: 1, Type: "call_in", Params: map[string]any{
		"duration": int64(5), "source": "pbx", "from": "+7", "text": "t",
	}}
	for _, test := range []struct {
		name   string
		config Config
		note   Note
		want   string
	}{
		{"call", Config{}, call, `{"duration":5,"source":"pbx"}`},
		{"duration as text", Config{NoteDurationAsText: true}, call, `{"duration":"5","source":"pbx"}`},
		{"no params", Config{}, Note{Kind: ParentLead, ParentID: aLead, Type: "lead_created"}, `[]`},
		{"imported sms", Config{}, Note{Kind: ParentLead, ParentID: aLead, Type: "sms_in", Params: map[string]any{"text": nil, "phone": nil}}, `{"text":null,"phone":null}`},
		{"unknown keys stay", Config{}, Note{Kind: ParentLead, ParentID: aLead, Type: "dp_tags_added", Params: map[string]any{"b": []any{true, 1.5}, "a": int64(1)}}, `{"a":1,"b":[true,1.5]}`},
	} {
		e := open(t, test.config)
		mustNote(t, e, test.note)
		if got := string(readNotes(t, e, "leads/notes").Embedded.Notes[0].Params); got != test.want {
			t.Errorf("%s: %s", test.name, got)
		}
	}
	e := open(t, Config{NoteMissingEmpty: true})
	if a := ask(t, e, http.MethodGet, "/api/v4/leads/notes/1", ""); a.status != http.StatusNoContent || a.body != "" {
		t.Errorf("missing note: status %d", a.status)
	}
	e = open(t, Config{RequestIDAsNumber: true})
	a := ask(t, e, http.MethodPost, "/api/v4/leads/30000001/notes", `[{"note_type":"common","params":{"text":"A"}}]`)
	if got := notesIn(t, a).Embedded.Notes[0].RequestID; got != 0.0 {
		t.Errorf("request_id %v", got)
	}
	e = open(t, Config{NotesReadOnly: true})
	mustNote(t, e, Note{Kind: ParentLead, ParentID: aLead, ID: 1})
	for method, target := range map[string]string{http.MethodPost: "leads/notes/1/pin", http.MethodPatch: "leads/notes/1"} {
		if a := ask(t, e, method, "/api/v4/"+target, `{}`); a.status != http.StatusForbidden {
			t.Errorf("%s: status %d", target, a.status)
		}
	}
	if got := readNotes(t, e, "leads/notes").ids(); len(got) != 1 {
		t.Errorf("notes %v", got)
	}
}

// TestNotesV4_customersOff refuses the notes of customers and no others.
func TestNotesV4_customersOff(t *testing.T) {
	e := open(t, Config{Notes: 3, Customers: 3, CustomersState: CustomersOff})
	if a := ask(t, e, http.MethodGet, "/api/v4/customers/notes", ""); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, disabledDetail) {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if got := readNotes(t, e, "contacts/notes").ids(); len(got) != 3 {
		t.Errorf("notes of contacts: %v", got)
	}
}

// TestNotes_oneState writes by one generation and reads by the other.
func TestNotes_oneState(t *testing.T) {
	e := open(t, Config{Strict: true})
	ask(t, e, http.MethodPost, notesPath, `{"add":[{"element_id":30000001,"element_type":2,"note_type":10,"params":{"UNIQ":"u","DURATION":"5","SRC":"pbx"}},`+
		`{"element_id":30000001,"element_type":2,"note_type":4,"text":"old"}]}`)
	var got []string
	for _, n := range readNotes(t, e, "leads/30000001/notes").Embedded.Notes {
		got = append(got, n.Type+" "+string(n.Params))
	}
	want := []string{`call_in {"uniq":"u","duration":5,"source":"pbx"}`, `common {"text":"old"}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("v2 to v4 (-want +got):\n%s", diff)
	}
	const id = 200_000_002
	ask(t, e, http.MethodPatch, "/api/v4/leads/notes/200000002", `{"params":{"text":"new"}}`)
	ask(t, e, http.MethodPost, "/api/v4/leads/30000001/notes", `[{"note_type":"attachment","params":{"file_uuid":"A","file_name":"scan.pdf"}},`+
		`{"note_type":"geolocation","params":{"text":"B"}},{"note_type":"ai_result","params":{"text":"C"}}]`)
	got = nil
	for _, row := range rowsOf(t, ask(t, e, http.MethodGet, notesPath+"?type=lead&element_id=30000001", "")) {
		got = append(got, fmt.Sprint(row["note_type"], " ", row["text"], " ", row["params"], " ", row["attachment"]))
	}
	want = []string{
		"10 <nil> map[DURATION:5 SRC:pbx UNIQ:u] ", "4 new <nil> ", "5 scan.pdf <nil> ", "24 <nil> map[text:B] ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("v4 to v2 (-want +got):\n%s", diff)
	}
	stored, _ := e.Note(ParentLead, id)
	ask(t, e, http.MethodPost, notesPath, fmt.Sprintf(`{"update":[{"id":%d,"updated_at":%d,"text":"newest"}]}`, id, stored.UpdatedAt+1))
	if n := readNotes(t, e, "leads/notes?filter[id]=200000002").Embedded.Notes[0]; string(n.Params) != `{"text":"newest"}` || n.UpdatedAt != stored.UpdatedAt+1 {
		t.Errorf("v2 changed %+v", n)
	}
	ask(t, e, http.MethodPatch, "/api/v4/leads/notes/200000002", `{}`)
	if n, _ := e.Note(ParentLead, id); n.UpdatedAt < stored.UpdatedAt+1 {
		t.Errorf("v4 set updated_at back to %d", n.UpdatedAt)
	}
}

// TestNotesV4_faults lets lists of v4 go wrong.
func TestNotesV4_faults(t *testing.T) {
	for _, test := range []struct {
		action Action
		query  string
		want   int
		first  int64
	}{
		{Action{Shift: 2}, "limit=3", 3, 2},
		{Action{Duplicate: 2}, "limit=3", 5, 0},
		{Action{Endless: true}, "limit=3&page=9", 3, 0},
		{Action{Empty: true}, "limit=3", 0, 0},
	} {
		e := open(t, Config{Notes: 9})
		all := readNotes(t, e, "leads/notes").ids()
		if err := e.Script(Rule{Match: Match{Operation: OpV4NotesList}, Action: test.action}); err != nil {
			t.Fatal(err)
		}
		got := readNotes(t, e, "leads/notes?"+test.query).ids()
		if len(got) != test.want || len(got) > 0 && got[0] != all[test.first] {
			t.Errorf("%+v: %v of %v", test.action, got, all)
		}
	}
}

// TestNotesV4_answerMilliseconds lets a change tell its time as a recording of v2 has it.
func TestNotesV4_answerMilliseconds(t *testing.T) {
	e := open(t, Config{})
	n := mustNote(t, e, Note{Kind: ParentLead, ParentID: aLead, UpdatedAt: 4_000_000_000})
	if err := e.Script(Rule{Action: Action{UpdatedAtMillis: true}}); err != nil {
		t.Fatal(err)
	}
	a := ask(t, e, http.MethodPatch, "/api/v4/leads/notes", `[{"id":`+digits(n.ID)+`,"params":{"text":"B"}}]`)
	if !strings.Contains(a.body, `"updated_at":4000000000000`) {
		t.Errorf("status %d: %s", a.status, a.body)
	}
}

// TestNotesV4_tellAllThatIsWrong sends a change of an unknown note that is malformed too.
func TestNotesV4_tellAllThatIsWrong(t *testing.T) {
	a := ask(t, open(t, Config{}), http.MethodPatch, "/api/v4/leads/notes", `[{"id":5,"note_type":4},{"id":"5"}]`)
	want := []string{"0 InvalidType note_type", "0 EntityNotFound id", "1 InvalidType id"}
	if diff := cmp.Diff(want, violations(t, a)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
