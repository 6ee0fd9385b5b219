package v4_test

import (
	"errors"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	v4 "github.com/amogate/amogate/amo/internal/v4"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

var (
	leadNotes     = v4.Notes(amogatev1.ParentKind_PARENT_KIND_LEAD)
	customerNotes = v4.Notes(amogatev1.ParentKind_PARENT_KIND_CUSTOMER)
)

func noteFile(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func newNote(tb testing.TB, text string) *amogatev1.Note {
	tb.Helper()
	note := &amogatev1.Note{}
	if err := protojson.Unmarshal([]byte(text), note); err != nil {
		tb.Fatal(err)
	}
	return note
}

func noteJSON(tb testing.TB, data []byte) any {
	tb.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		tb.Fatalf("%s: %v", data, err)
	}
	return v
}

func noteError(t *testing.T, err error, kind driver.Kind) *driver.Error {
	t.Helper()
	e := (*driver.Error)(nil)
	if !errors.As(err, &e) || e.Kind != kind || e.Message == "" {
		t.Fatalf("got %T %v, want an *Error of kind %d", err, err, kind)
	}
	return e
}

func TestSample_noteList(t *testing.T) {
	t.Parallel()
	page, err := customerNotes.DecodeList(nil, noteFile(t, "note_list_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := &amogatev1.ListNotesPageResponse{}
	if err := protojson.Unmarshal(noteFile(t, "note_list.golden.json"), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.GetNotes(), page.Rows, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if !page.Next {
		t.Error("no next page")
	}
}

func TestNotes_DecodeList_fillsEveryField(t *testing.T) {
	t.Parallel()
	page, err := leadNotes.DecodeList(nil, []byte(`{
		"id":"7","entity_id":"5","created_by":"0","updated_by":12,"created_at":"1717300000","updated_at":1717300001,
		"responsible_user_id":"11","group_id":"3","note_type":"sms_in","params":{"text":"t","uniq":"u"},"account_id":"30123456",
		"is_pinned":1,"is_editable":"true","_links":[]
	}`))
	if err != nil || len(page.Rows) != 1 {
		t.Fatalf("%d rows, error %v", len(page.Rows), err)
	}
	want := newNote(t, `{
		"id":7,"lead_id":5,"created_by":0,"updated_by":12,"create_time":"2024-06-02T03:46:40Z","update_time":"2024-06-02T03:46:41Z",
		"responsible_user_id":11,"group_id":3,"type":102,"type_code":"sms_in","sms":{"text":"t"},"other_params":{"uniq":"u"},
		"account_id":30123456,"pinned":true,"editable":true
	}`)
	if diff := cmp.Diff(want, page.Rows[0], protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	m := page.Rows[0].ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		if oneof := f.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
			continue
		}
		isUnread := f.Name() == "trigger_digital_pipeline"
		if m.Has(f) == isUnread || leadNotes.Supports(driver.OpGet, string(f.Name())) == isUnread {
			t.Errorf("%s is set: %t", f.Name(), m.Has(f))
		}
	}
}

// Every type has a word, and every word leads back to its type.
func TestNotes_DecodeList_knowsEveryWord(t *testing.T) {
	t.Parallel()
	words := []string{
		"lead_created", "contact_created", "lead_status_changed", "common", "attachment", "call", "mail_message", "mail_message_attachment",
		"external_attach", "call_in", "call_out", "company_created", "task_result", "main_user_changed", "amomail_message", "site_visit", "chat",
		"lead_auto_created", "customer_created", "transaction", "geolocation", "service_message", "message_cashier", "invoice_paid",
		"link_followed", "extended_service_message", "zoom_meeting", "bill_paid", "key_action_completed", "max_system", "dropbox_attachment",
		"sms_in", "sms_out", "targeting_in", "targeting_out", "ai_result", "customer_status_changed", "dp_tags_added", "dp_tags_removed",
	}
	seen := map[amogatev1.NoteType]bool{}
	for _, word := range append(words, "followed_link", "dropbox") {
		page, err := leadNotes.DecodeList(nil, []byte(`{"id":1,"note_type":"`+word+`"}`))
		if err != nil || page.Rows[0].GetType() == 0 || page.Rows[0].GetTypeCode() != word {
			t.Errorf("%s: got %v, error %v", word, page.Rows, err)
		}
		seen[page.Rows[0].GetType()] = true
	}
	if len(seen) != len(words) || len(seen) != len(amogatev1.NoteType_name)-1 {
		t.Errorf("%d words, %d types of %d", len(words), len(seen), len(amogatev1.NoteType_name)-1)
	}
}

func TestNotes_DecodeList_oddAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		// want is the only row; empty = none.
		want string
	}{
		{"no body", ``, ``},
		{"no such note", `{"title":"Not Found","type":"https://httpstatus.es/404","status":404,"detail":"Entity not found"}`, ``},
		{"empty list", `{"_page":1,"_embedded":{"notes":[]}}`, ``},
		{"no parameters", `{"_embedded":{"notes":[{"id":1,"note_type":"chat","params":[]}]}}`, `{"id":1,"type":"NOTE_TYPE_CHAT","type_code":"chat"}`},
		{"null parameters", `{"_embedded":{"notes":[{"id":1,"note_type":"sms_in","params":{"text":null,"phone":null}}]}}`, `{"id":1,"type":"NOTE_TYPE_SMS_IN","type_code":"sms_in"}`},
		{"unknown word", `{"_embedded":{"notes":[{"id":1,"note_type":"moon","params":{"phase":"full"}}]}}`, `{"id":1,"type_code":"moon","raw":{"phase":"full"}}`},
		{"duration in quotes", `{"_embedded":{"notes":[{"id":1,"note_type":"call_out","params":{"duration":"73","call_responsible":"Anna"}}]}}`, `{"id":1,"type":"NOTE_TYPE_CALL_OUT","type_code":"call_out","call":{"duration":"73s","responsible_name":"Anna"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			page, err := leadNotes.DecodeList(nil, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			var want []*amogatev1.Note
			if c.want != "" {
				want = append(want, newNote(t, c.want))
			}
			if len(page.Rows) != len(want) {
				t.Fatalf("got %v", page.Rows)
			}
			for i := range want {
				if diff := cmp.Diff(want[i], page.Rows[i], protocmp.Transform()); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	for _, body := range []string{`<html></html>`, `{}`, `{"_embedded":{"notes":[{"id":1},{}]}}`, `{"_embedded":{"notes":[5]}}`, `{"_embedded":{"leads":[{"id":1}]}}`} {
		page, err := leadNotes.DecodeList(nil, []byte(body))
		if e := noteError(t, err, driver.KindBadResponse); len(page.Rows) != 0 || e.Op != "notes.list" {
			t.Errorf("%s: got %d rows, operation %q", body, len(page.Rows), e.Op)
		}
	}
}

func TestNotes_List(t *testing.T) {
	t.Parallel()
	at := func(seconds int64) *timestamppb.Timestamp { return &timestamppb.Timestamp{Seconds: seconds} }
	type request = amogatev1.ListNotesRequest
	for _, c := range []struct {
		name   string
		filter *request
		path   string
		// query is what stands behind that of every list.
		query string
		local []string
	}{
		{"nothing", nil, "/api/v4/leads/notes", "", nil},
		{"of one lead", &request{Parent: &amogatev1.ListNotesRequest_LeadId{LeadId: 5}}, "/api/v4/leads/5/notes", "", nil},
		{"types", &request{Filter: &amogatev1.NoteFilter{Types: []amogatev1.NoteType{4, 10, 4}}}, "/api/v4/leads/notes", "filter[note_type][]=common&filter[note_type][]=call_in", nil},
		{"type of two words", &request{Filter: &amogatev1.NoteFilter{Types: []amogatev1.NoteType{4, 32}}}, "/api/v4/leads/notes", "", []string{"types"}},
		{
			"changed", &request{Filter: &amogatev1.NoteFilter{UpdateTime: &amogatev1.TimeRange{StartTime: at(100), EndTime: at(200)}}},
			"/api/v4/leads/notes", "filter[updated_at][from]=99&filter[updated_at][to]=201",
			[]string{"update_time"},
		},
		{
			"changed until", &request{Filter: &amogatev1.NoteFilter{UpdateTime: &amogatev1.TimeRange{EndTime: at(200)}}},
			"/api/v4/leads/notes", "filter[updated_at][from]=1&filter[updated_at][to]=201",
			[]string{"update_time"},
		},
		{
			"all beside ids", &request{Parent: &amogatev1.ListNotesRequest_LeadId{LeadId: 5}, Filter: &amogatev1.NoteFilter{Ids: []int64{1}, Types: []amogatev1.NoteType{4}}},
			"/api/v4/leads/5/notes", "filter[note_type][]=common",
			[]string{"lead_id", "types"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			call, err := leadNotes.List(nil, c.filter, 500, 250)
			if err != nil {
				t.Fatal(err)
			}
			query, err := url.ParseQuery("page=3&limit=250&with=is_pinned&order[id]=asc&" + c.query)
			if err != nil {
				t.Fatal(err)
			}
			want := driver.Call{Name: "notes.list", Method: "GET", Path: c.path, Query: query, Effect: driver.Read}
			if diff := cmp.Diff(want, call); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.local, leadNotes.Local(c.filter)); diff != "" {
				t.Error(diff)
			}
		})
	}
	_, err := leadNotes.List(nil, nil, 5, 250)
	_ = noteError(t, err, driver.KindBug)
}

func TestNotes_ByIDs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  amogatev1.ParentKind
		ids   []int64
		path  string
		query url.Values
	}{
		{amogatev1.ParentKind_PARENT_KIND_CONTACT, []int64{3}, "/api/v4/contacts/notes/3", url.Values{"with": {"is_pinned"}}},
		{amogatev1.ParentKind_PARENT_KIND_COMPANY, []int64{3, 1}, "/api/v4/companies/notes", url.Values{"with": {"is_pinned"}, "filter[id][]": {"3", "1"}, "limit": {"2"}, "page": {"1"}}},
	} {
		want := driver.Call{Name: "notes.get", Method: "GET", Path: c.path, Query: c.query, Effect: driver.Read}
		if diff := cmp.Diff(want, v4.Notes(c.kind).ByIDs(c.ids)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestNotes_ofTasksAreNotServed(t *testing.T) {
	t.Parallel()
	tasks := v4.Notes(amogatev1.ParentKind_PARENT_KIND_TASK)
	if tasks.List != nil || tasks.Create != nil || tasks.Update != nil || tasks.Supports(driver.OpList, "") {
		t.Error("notes of tasks are served")
	}
	got := []any{leadNotes.Name, leadNotes.Generation, leadNotes.MaxPage, leadNotes.Paged, leadNotes.Locks, leadNotes.FilteredIDs, leadNotes.Delete == nil}
	if diff := cmp.Diff([]any{"notes", driver.V4, 250, true, false, false, true}, got); diff != "" {
		t.Error(diff)
	}
}

// noteCases are what each content sends that can be made.
var noteCases = []struct{ name, note, noteType, params string }{
	{"remark", `{"lead_id":5,"text":"x"}`, "common", `{"text":"x"}`},
	{
		"call", `{"lead_id":5,"type":10,"call":{"unique_id":"u","duration":"0s","source":"pbx","link":"l","phone":"+7","result":"r","status":4,"responsible_user_id":9}}`,
		"call_in", `{"uniq":"u","duration":0,"source":"pbx","link":"l","phone":"+7","call_result":"r","call_status":4,"call_responsible":9}`,
	},
	{"call by name", `{"lead_id":5,"type":11,"call":{"duration":"5s","source":"pbx","responsible_name":"9"}}`, "call_out", `{"duration":5,"source":"pbx","call_responsible":"9"}`},
	{"message", `{"lead_id":5,"type":102,"sms":{"text":"x","phone":"1"}}`, "sms_in", `{"text":"x","phone":"1"}`},
	{
		"file", `{"lead_id":5,"attachment":{"file_uuid":"f","version_uuid":"v","file_name":"n","original_name":"o","text":"t","download_name":"d","drive":true}}`,
		"attachment", `{"file_uuid":"f","version_uuid":"v","file_name":"n"}`,
	},
	{"service message", `{"lead_id":5,"service_message":{"service":"s","text":"t"}}`, "service_message", `{"service":"s","text":"t"}`},
	{"long service message", `{"lead_id":5,"type":34,"service_message":{"service":"s","text":"t"}}`, "extended_service_message", `{"service":"s","text":"t"}`},
	{"place", `{"lead_id":5,"geolocation":{"text":"t","address":"a","longitude":"1.5","latitude":"-2"}}`, "geolocation", `{"text":"t","address":"a","longitude":"1.5","latitude":"-2"}`},
	{"message to a cashier", `{"lead_id":5,"cashier_message":{"status":3,"text":"t"}}`, "message_cashier", `{"status":"canceled","text":"t"}`},
	{"link", `{"lead_id":5,"link":{"url":"u"}}`, "site_visit", `{"url":"u"}`},
	{"payment", `{"lead_id":5,"type":36,"payment":{"service":"s","text":"t","icon_url":"i"}}`, "bill_paid", `{"service":"s","text":"t","icon_url":"i"}`},
	{"targeting", `{"lead_id":5,"type":1001,"targeting":{"contacts":[1],"campaign":{"a":null},"service":"s"}}`, "targeting_in", `{"contacts":[1],"campaign":{"a":null},"service":"s"}`},
	{"answer of an assistant", `{"lead_id":5,"ai_result":{"text":"t","answer_id":"a","talk_id":7,"error":true}}`, "ai_result", `{"text":"t","answer_id":"a","talk_id":7,"is_error":true}`},
	{"meeting", `{"lead_id":5,"zoom_meeting":{"conference":{"id":1},"recordings":["r"]}}`, "zoom_meeting", `{"conference":{"id":1},"recordings":["r"]}`},
}

func TestNotes_Create_everyContent(t *testing.T) {
	t.Parallel()
	made := map[string]bool{}
	for _, c := range noteCases {
		value := newNote(t, c.note)
		made[driver.NoteContent(value)] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if err := leadNotes.Check(nil, driver.OpCreate, value, nil); err != nil {
				t.Error(err)
			}
			call, err := leadNotes.Create(nil, []*amogatev1.Note{value})
			if err != nil {
				t.Fatal(err)
			}
			want := `[{"note_type":"` + c.noteType + `","params":` + c.params + `,"request_id":"1"}]`
			if diff := cmp.Diff(noteJSON(t, []byte(want)), noteJSON(t, call.Body)); diff != "" {
				t.Error(diff)
			}
			call.Body = nil
			if diff := cmp.Diff(driver.Call{Name: "notes.create", Method: "POST", Path: "/api/v4/leads/5/notes", Effect: driver.Create}, call); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, arm := range driver.NoteArms() {
		if can := leadNotes.Supports(driver.OpCreate, arm); can != made[arm] {
			t.Errorf("%s: supported is %t, and there is a case is %t", arm, can, made[arm])
		}
	}
}

func TestNotes_Create_ofSeveralParents(t *testing.T) {
	t.Parallel()
	call, err := leadNotes.Create(nil, []*amogatev1.Note{
		newNote(t, `{"lead_id":5,"text":"x","created_by":0,"create_time":"2024-06-02T03:46:40Z","trigger_digital_pipeline":false}`),
		newNote(t, `{"lead_id":6,"text":"y","responsible_user_id":9}`),
		newNote(t, `{"lead_id":6,"text":"z","responsible_user_id":0}`),
	})
	if err != nil || call.Path != "/api/v4/leads/notes" {
		t.Fatalf("got %+v, error %v", call, err)
	}
	want := `[
		{"entity_id":5,"note_type":"common","params":{"text":"x"},"created_by":0,"created_at":1717300000,"is_need_to_trigger_digital_pipeline":false,"request_id":"1"},
		{"entity_id":6,"note_type":"common","params":{"text":"y"},"responsible_user_id":9,"request_id":"2"},
		{"entity_id":6,"note_type":"common","params":{"text":"z"},"request_id":"3"}
	]`
	if diff := cmp.Diff(noteJSON(t, []byte(want)), noteJSON(t, call.Body)); diff != "" {
		t.Error(diff)
	}
}

// An update of one field says nothing of the others.
func TestNotes_Update_writesEachPathAlone(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ note, want string }{}
	for _, c := range noteCases {
		arm := driver.NoteContent(newNote(t, c.note))
		cases[arm] = struct{ note, want string }{c.note, `{"note_type":"` + c.noteType + `","params":` + c.params + `,"request_id":"1"}`}
	}
	fields := (&amogatev1.Note{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		path := string(fields.Get(i).Name())
		c, ok := cases[path]
		if got := leadNotes.Supports(driver.OpUpdate, path); got != ok {
			t.Errorf("%s: supported is %t, and there is a case is %t", path, got, ok)
		}
		if !ok {
			if leadNotes.Check(nil, driver.OpUpdate, &amogatev1.Note{}, []string{path}) == nil {
				t.Errorf("%s can be written, and there is no case", path)
			}
			continue
		}
		value := newNote(t, c.note)
		change := driver.Change[*amogatev1.Note]{ID: 77, Value: value, Paths: []string{path}}
		if leadNotes.NeedsBefore(value, change.Paths) {
			change.Before = &amogatev1.Note{Type: driver.NewNoteType(amogatev1.ParentKind_PARENT_KIND_LEAD, value)}
			if err := leadNotes.CheckChange(change); err != nil {
				t.Error(err)
			}
			// Without the record it is not known what is written.
			_, err := leadNotes.Update(nil, []driver.Change[*amogatev1.Note]{{ID: 77, Value: value, Paths: []string{path}}})
			_ = noteError(t, err, driver.KindBug)
		}
		call, err := leadNotes.Update(nil, []driver.Change[*amogatev1.Note]{change})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(noteJSON(t, []byte(c.want)), noteJSON(t, call.Body)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		call.Body = nil
		if diff := cmp.Diff(driver.Call{Name: "notes.update", Method: "PATCH", Path: "/api/v4/leads/5/notes/77", Effect: driver.Set}, call); diff != "" {
			t.Error(diff)
		}
	}
}

func TestNotes_Update_ofSeveral(t *testing.T) {
	t.Parallel()
	call, err := leadNotes.Update(nil, []driver.Change[*amogatev1.Note]{
		{ID: 1, Value: newNote(t, `{"lead_id":5,"type":4,"text":"x"}`), Paths: []string{"text"}},
		{ID: 2, Value: newNote(t, `{"text":"y"}`), Paths: []string{"text"}, Before: newNote(t, `{"lead_id":6,"type":4}`)},
	})
	if err != nil || call.Path != "/api/v4/leads/notes" || call.Method != "PATCH" {
		t.Fatalf("got %+v, error %v", call, err)
	}
	want := `[
		{"id":1,"entity_id":5,"note_type":"common","params":{"text":"x"},"request_id":"1"},
		{"id":2,"entity_id":6,"note_type":"common","params":{"text":"y"},"request_id":"2"}
	]`
	if diff := cmp.Diff(noteJSON(t, []byte(want)), noteJSON(t, call.Body)); diff != "" {
		t.Error(diff)
	}
	call, err = leadNotes.Update(nil, []driver.Change[*amogatev1.Note]{{ID: 1, Value: newNote(t, `{"type":4,"text":"x"}`), Paths: []string{"text"}}})
	if err != nil || call.Path != "/api/v4/leads/notes/1" {
		t.Errorf("parent not known: got %s, error %v", call.Path, err)
	}
}

func TestNotes_DecodeWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		op         driver.Op
		want       driver.WriteReply
	}{
		{
			"made", `{"_links":{},"_embedded":{"notes":[{"id":9,"entity_id":5,"request_id":"2"},{"id":8,"entity_id":5,"request_id":"1"}]}}`, driver.OpCreate,
			driver.WriteReply{Items: []driver.WriteItem{{ID: 9, RequestID: 2}, {ID: 8, RequestID: 1}}},
		},
		{
			"changed, without request ids", `{"_embedded":{"notes":[{"id":9,"entity_id":5,"updated_at":1717300000}]}}`, driver.OpUpdate,
			driver.WriteReply{Items: []driver.WriteItem{{ID: 9, Told: &amogatev1.Note{UpdateTime: &timestamppb.Timestamp{Seconds: 1717300000}}}}},
		},
		{
			"one changed", `{"id":9,"updated_at":1717300000,"account_id":3}`, driver.OpUpdate,
			driver.WriteReply{Items: []driver.WriteItem{{ID: 9, Told: &amogatev1.Note{UpdateTime: &timestamppb.Timestamp{Seconds: 1717300000}, AccountId: new(int64(3))}}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reply, err := leadNotes.DecodeWrite(c.op, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, reply, protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
	_, err := leadNotes.DecodeWrite(driver.OpUpdate, []byte(`{"title":"Not Found","status":404,"detail":"Entity not found"}`))
	_ = noteError(t, err, driver.KindNotFound)
}

func TestNotes_DecodeError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   driver.Kind
		path   string
	}{
		{"text", 400, `{"validation-errors":[{"request_id":"1","errors":[{"code":"NotBlank","path":"params.text","detail":"d"}]}],"status":400}`, driver.KindUpstreamInvalid, "content.text"},
		{"type", 400, `{"validation-errors":[{"request_id":"1","errors":[{"code":"NotSupportedChoice","path":"note_type","detail":"d"}]}],"status":400}`, driver.KindUpstreamInvalid, "type"},
		{"parent", 400, `{"validation-errors":[{"request_id":"1","errors":[{"code":"NotSupportedChoice","path":"entity_id","detail":"d"}]}],"status":400}`, driver.KindUpstreamInvalid, "customer_id"},
		{"source", 400, `{"validation-errors":[{"request_id":"1","errors":[{"code":"NotBlank","path":"params.source","detail":"d"}]}],"status":400}`, driver.KindUpstreamInvalid, "call.source"},
		{"unknown parameter", 400, `{"validation-errors":[{"request_id":"1","errors":[{"code":"FieldNotExpected","path":"params.moon","detail":"d"}]}],"status":400}`, driver.KindUpstreamInvalid, "content"},
		{"customers off", 400, `{"status":400,"detail":"Error 426."}`, driver.KindCustomersDisabled, ""},
		{"no rights", 403, `{"title":"Forbidden","status":403}`, driver.KindForbidden, ""},
		{"unknown address", 404, `{"title":"Not Found","status":404,"detail":"Cannot GET https://north.amocrm.ru/api/v4/notes"}`, driver.KindBadResponse, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := customerNotes.DecodeError(driver.Response{Status: c.status, Body: []byte(c.body)})
			if e == nil || e.Kind != c.want {
				t.Fatalf("got %v", e)
			}
			if c.path != "" && (len(e.Fields) != 1 || e.Fields[0].Path != c.path) {
				t.Errorf("got %v, want %s", e.Fields, c.path)
			}
		})
	}
	// A read of an unknown note holds no rows.
	if e := leadNotes.DecodeError(driver.Response{Status: 404, Body: []byte(`{"title":"Not Found","status":404,"detail":"Entity not found"}`)}); e != nil {
		t.Errorf("got %v", e)
	}
}

func TestPinNote(t *testing.T) {
	t.Parallel()
	for path, pinned := range map[string]bool{"/api/v4/leads/notes/7/pin": true, "/api/v4/leads/notes/7/unpin": false} {
		x := v4.PinNote(amogatev1.ParentKind_PARENT_KIND_LEAD, 7, pinned)
		want := driver.Call{Name: "note_pins.update", Method: "POST", Path: path, Effect: driver.Set}
		if diff := cmp.Diff(want, x.Call); diff != "" {
			t.Error(diff)
		}
		if _, err := x.Decode(nil, nil); err != nil {
			t.Error(err)
		}
		if e := x.DecodeError(driver.Response{Status: 204}); e != nil {
			t.Error(e)
		}
		if e := x.DecodeError(driver.Response{Status: 404, Body: []byte(`{"title":"Not Found","status":404,"detail":"Entity not found"}`)}); e == nil || e.Kind != driver.KindNotFound {
			t.Errorf("got %v", e)
		}
	}
}

// What is passed through, written and read back, is the same.
func TestNotes_surviveUpstream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := rapid.SampledFrom(noteCases).Draw(rt, "content")
		want := newNote(t, c.note)
		mutateNote(rt, want)
		if leadNotes.Check(nil, driver.OpCreate, want, nil) != nil {
			return // A required text is blank.
		}
		call, err := leadNotes.Create(nil, []*amogatev1.Note{want})
		if err != nil {
			rt.Fatal(err)
		}
		var sent []map[string]any
		if err := json.Unmarshal(call.Body, &sent); err != nil {
			rt.Fatal(err)
		}
		answer, err := json.Marshal(map[string]any{"id": 1, "entity_id": 5, "note_type": sent[0]["note_type"], "params": sent[0]["params"]})
		if err != nil {
			rt.Fatal(err)
		}
		page, err := leadNotes.DecodeList(nil, answer)
		if err != nil {
			rt.Fatal(err)
		}
		got := page.Rows[0]
		got.Id, got.TypeCode = 0, ""
		want.Type = got.GetType()
		clearUnsentNote(got, want)
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			rt.Fatalf("%s\n%s", call.Body, diff)
		}
	})
}

// mutateNote draws the texts and values of a note anew.
func mutateNote(rt *rapid.T, note *amogatev1.Note) {
	switch content := note.GetContent().(type) {
	case *amogatev1.Note_Text:
		content.Text = rapid.String().Draw(rt, "text")
	case *amogatev1.Note_Call:
		content.Call.Source, content.Call.Link = rapid.String().Draw(rt, "source"), rapid.String().Draw(rt, "link")
		content.Call.Duration.Seconds = rapid.Int64Range(0, math.MaxInt32).Draw(rt, "duration")
	case *amogatev1.Note_Sms:
		content.Sms.Text, content.Sms.Phone = rapid.String().Draw(rt, "text"), rapid.String().Draw(rt, "phone")
	case *amogatev1.Note_ServiceMessage:
		content.ServiceMessage.Text = rapid.String().Draw(rt, "text")
	case *amogatev1.Note_Geolocation:
		content.Geolocation.Address = rapid.String().Draw(rt, "address")
	case *amogatev1.Note_ZoomMeeting:
		content.ZoomMeeting.Conference = structpb.NewNumberValue(rapid.Float64Range(-1e15, 1e15).Draw(rt, "number"))
		content.ZoomMeeting.Recordings = structpb.NewStringValue(rapid.String().Draw(rt, "value"))
	}
}

// clearUnsentNote takes out what is told by reads only.
func clearUnsentNote(notes ...*amogatev1.Note) {
	for _, note := range notes {
		switch content := note.GetContent().(type) {
		case *amogatev1.Note_Call:
			content.Call.StatusCode = ""
		case *amogatev1.Note_CashierMessage:
			content.CashierMessage.StatusCode = ""
		case *amogatev1.Note_Attachment:
			a := content.Attachment
			a.OriginalName, a.Text, a.DownloadName, a.Drive = "", "", "", nil
		}
	}
}

func FuzzDecodeNotes(f *testing.F) {
	f.Add(noteFile(f, "note_list_reply.json"))
	f.Add([]byte(`{"id":"1","note_type":"call_in","params":{"duration":"x","a\xff":"\xff"}}`))
	f.Add([]byte(`{"title":"Not Found","status":404,"detail":"Entity not found"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := leadNotes.DecodeList(nil, body)
		if e := (*driver.Error)(nil); err != nil && !errors.As(err, &e) {
			t.Errorf("got %T %v", err, err)
		}
		if err != nil && len(page.Rows) != 0 {
			t.Error("rows beside an error")
		}
		for _, row := range page.Rows {
			if row.GetId() <= 0 {
				t.Error("a row has no id")
			}
			if _, err := proto.Marshal(row); err != nil {
				t.Error(err)
			}
		}
		for _, op := range []driver.Op{driver.OpCreate, driver.OpUpdate} {
			reply, err := leadNotes.DecodeWrite(op, body)
			if e := (*driver.Error)(nil); err != nil && !errors.As(err, &e) {
				t.Errorf("got %T %v", err, err)
			}
			for _, item := range reply.Items {
				if item.ID <= 0 {
					t.Error("an item has no id")
				}
			}
		}
	})
}
