package v2_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	v2 "github.com/amogate/amogate/amo/internal/v2"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

var leadNotes = v2.Notes(amogatev1.ParentKind_PARENT_KIND_LEAD)

// The sample has the shape of the vendor's v2 reference; the parameters of calls
// and changes of status are those that clients meet.
func TestSample_noteList(t *testing.T) {
	t.Parallel()
	page, err := leadNotes.DecodeList(testEnv(t), readTestdata(t, "note_list_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := &amogatev1.ListNotesPageResponse{}
	if err := protojson.Unmarshal(readTestdata(t, "note_list.golden.json"), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.GetNotes(), page.Rows, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if len(page.UnknownFields) != 0 || page.Next {
		t.Errorf("unknown fields %v, next %v; want none", page.UnknownFields, page.Next)
	}
}

func decodeNote(t *testing.T, item string) *amogatev1.Note {
	t.Helper()
	page, err := leadNotes.DecodeList(testEnv(t), []byte(`{"_embedded":{"items":[`+item+`]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Rows) != 1 {
		t.Fatalf("got %d rows", len(page.Rows))
	}
	return page.Rows[0]
}

// unreadNoteFields are those that API v2 never shows.
var unreadNoteFields = map[protoreflect.Name]bool{"pinned": true, "trigger_digital_pipeline": true}

// Between them, these set every field of a note that API v2 shows, but for the
// content, whose arms have tests of their own.
func TestNotes_DecodeList_fillsEveryField(t *testing.T) {
	t.Parallel()
	got := decodeNote(t, `{
		"id": "7", "responsible_user_id": "11", "created_by": "0", "updated_by": 12, "created_at": "1508160305",
		"updated_at": 1508160306000, "account_id": "13667499", "group_id": "3", "is_editable": "1", "element_id": "1100148",
		"element_type": "2", "attachment": "f", "note_type": "4", "text": "x", "params": {"planet": 1}, "_links": []
	}`)
	want := &amogatev1.Note{
		Id: 7, Parent: &amogatev1.Note_LeadId{LeadId: 1100148}, Type: amogatev1.NoteType_NOTE_TYPE_COMMON, TypeCode: "4",
		Content: &amogatev1.Note_Text{Text: "x"}, Editable: new(true), ResponsibleUserId: new(int64(11)), GroupId: new(int64(3)),
		CreateTime: &timestamppb.Timestamp{Seconds: 1508160305}, UpdateTime: &timestamppb.Timestamp{Seconds: 1508160306},
		CreatedBy: new(int64(0)), UpdatedBy: new(int64(12)), AccountId: new(int64(13667499)),
		OtherParams: newStruct(t, `{"planet":1,"attachment":"f"}`),
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	m := got.ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		oneof := f.ContainingOneof()
		if oneof != nil && !oneof.IsSynthetic() {
			continue
		}
		if m.Has(f) == unreadNoteFields[f.Name()] {
			t.Errorf("%s is set: %t, by a reply that has every key", f.Name(), m.Has(f))
		}
		if leadNotes.Supports(driver.OpGet, string(f.Name())) == unreadNoteFields[f.Name()] {
			t.Errorf("%s: the answer of Supports is not what a read shows", f.Name())
		}
	}
}

func newStruct(t *testing.T, text string) (s *structpb.Struct) {
	t.Helper()
	s = &structpb.Struct{}
	if err := protojson.Unmarshal([]byte(text), s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNotes_DecodeList_readsOtherSpellings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, item, want string }{
		{"nothing", `{"id":1}`, `{}`},
		{"every spelling of nothing", `{"id":1,"params":[],"text":"","attachment":null,"element_id":0,"is_editable":null,"note_type":""}`, `{}`},
		{"old flag", `{"id":1,"editable":"N"}`, `{"editable":false}`},
		{"new flag beside the old one", `{"id":1,"is_editable":true,"editable":"N"}`, `{"editable":true}`},
		{"parent of another kind", `{"id":1,"element_type":12,"element_id":5}`, `{"customer_id":5}`},
		{"parent's kind as a word", `{"id":1,"element_type":"company","element_id":5}`, `{"company_id":5}`},
		{"parent without a kind", `{"id":1,"element_id":5}`, `{"lead_id":5}`},
		{"unknown type", `{"id":1,"note_type":26,"params":{"TAG":"a"},"text":"x"}`, `{"type_code":"26","raw":{"TAG":"a","text":"x"}}`},
		{"type without a number here", `{"id":1,"note_type":1001,"text":"x"}`, `{"type_code":"1001","raw":{"text":"x"}}`},
		{"type as a word", `{"id":1,"note_type":"common","text":"x"}`, `{"type_code":"common","raw":{"text":"x"}}`},
		{
			"change of status as JSON in a text", `{"id":1,"note_type":3,"text":"{\"STATUS_NEW\":142,\"STATUS_OLD\":143}"}`,
			`{"type":3,"type_code":"3","status_change":{"new_status_id":142,"old_status_id":143}}`,
		},
		{"change of status in words", `{"id":1,"note_type":3,"text":"moved"}`, `{"type":3,"type_code":"3","raw":{"text":"moved"}}`},
		{"JSON that somebody typed", `{"id":1,"note_type":4,"text":"{\"a\":1}"}`, `{"type":4,"type_code":"4","text":"{\"a\":1}"}`},
		{"text and parameters that say the same", `{"id":1,"note_type":102,"text":"hi","params":{"TEXT":"hi"}}`, `{"type":102,"type_code":"102","sms":{"text":"hi"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := &amogatev1.Note{}
			if err := protojson.Unmarshal([]byte(c.want), want); err != nil {
				t.Fatal(err)
			}
			want.Id = 1
			if diff := cmp.Diff(want, decodeNote(t, c.item), protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNotes_DecodeList_refusesGarbledAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`<html></html>`, `{}`, `[]`, `{"_embedded":{}}`,
		`{"_embedded":{"items":[{"id":1},null]}}`,
		`{"_embedded":{"items":[{"id":1},{}]}}`,
		`{"_embedded":{"items":[{"id":"seven"}]}}`,
		`{"_embedded":{"items":[{"id":1,"note_type":[4]}]}}`,
		`{"_embedded":{"items":[{"id":1,"is_editable":"perhaps"}]}}`,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			page, err := leadNotes.DecodeList(testEnv(t), []byte(body))
			if e := asError(t, err, driver.KindBadResponse); len(page.Rows) != 0 || e.Op != "notes.list" {
				t.Errorf("got %d rows, operation %q", len(page.Rows), e.Op)
			}
		})
	}
	for _, body := range []string{``, `{"_embedded":{"items":[]}}`, `{"response":{"error_code":"2002"}}`} {
		if page, err := leadNotes.DecodeList(testEnv(t), []byte(body)); err != nil || len(page.Rows) != 0 {
			t.Errorf("%q: got %d rows and error %v", body, len(page.Rows), err)
		}
	}
}

func TestNotes_List(t *testing.T) {
	t.Parallel()
	type types = []amogatev1.NoteType
	at := func(seconds int64) *timestamppb.Timestamp { return &timestamppb.Timestamp{Seconds: seconds} }
	for _, c := range []struct {
		name   string
		filter *amogatev1.ListNotesRequest
		// query is what stands behind the type, limit_rows and limit_offset.
		query, since string
		local        []string
	}{
		{"nothing", nil, "", "", nil},
		{"of one lead", &amogatev1.ListNotesRequest{Parent: &amogatev1.ListNotesRequest_LeadId{LeadId: 5}}, "element_id=5", "", nil},
		{"one type", &amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{Types: types{4, 4}}}, "note_type=4", "", nil},
		{"two types", &amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{Types: types{4, 10}}}, "", "", []string{"types"}},
		{"type without a number", &amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{Types: types{1001}}}, "", "", []string{"types"}},
		{"since", &amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{UpdateTime: &amogatev1.TimeRange{StartTime: at(1508160306)}}}, "", "Mon, 16 Oct 2017 13:25:05 GMT", nil},
		{"since the beginning", &amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{UpdateTime: &amogatev1.TimeRange{StartTime: at(1)}}}, "", "", nil},
		{"until", &amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{UpdateTime: &amogatev1.TimeRange{EndTime: at(1508160306)}}}, "", "", []string{"update_time"}},
		{
			"all beside ids", &amogatev1.ListNotesRequest{
				Parent: &amogatev1.ListNotesRequest_LeadId{LeadId: 5},
				Filter: &amogatev1.NoteFilter{Ids: []int64{1}, Types: types{4}, UpdateTime: &amogatev1.TimeRange{StartTime: at(1)}},
			}, "element_id=5&note_type=4", "", []string{"lead_id", "types", "update_time"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			call, err := leadNotes.List(testEnv(t), c.filter, 1500, 50)
			if err != nil {
				t.Fatal(err)
			}
			query, err := url.ParseQuery("type=lead&limit_rows=50&limit_offset=1500&" + c.query)
			if err != nil {
				t.Fatal(err)
			}
			want := driver.Call{Name: "notes.list", Method: "GET", Path: "/api/v2/notes", Query: query, Effect: driver.Read}
			if c.since != "" {
				want.Header = http.Header{"If-Modified-Since": {c.since}}
			}
			if diff := cmp.Diff(want, call); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.local, leadNotes.Local(c.filter)); diff != "" {
				t.Error(diff)
			}
		})
	}
	_, err := leadNotes.List(testEnv(t), nil, 0, 501)
	wantKind(t, err, driver.KindBug)
}

// A field that is new in the filter is either sent or left to the caller; the
// kinds are the caller's, who asks for one after the other.
func TestNotes_List_everyFilterFieldCounts(t *testing.T) {
	t.Parallel()
	known := []protoreflect.Name{"ids", "parent_kinds", "types", "update_time"}
	fields := (&amogatev1.NoteFilter{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if name := fields.Get(i).Name(); !slices.Contains(known, name) {
			t.Errorf("nothing is known of filter field %s", name)
		}
	}
}

func TestNotes_ByIDs_namesTheKind(t *testing.T) {
	t.Parallel()
	for kind, word := range map[amogatev1.ParentKind]string{1: "contact", 2: "lead", 3: "company", 4: "task", 12: "customer"} {
		want := driver.Call{
			Name: "notes.get", Method: "GET", Path: "/api/v2/notes", Effect: driver.Read,
			Query: url.Values{"type": {word}, "id": {"3,1"}, "limit_rows": {"2"}, "limit_offset": {"0"}},
		}
		if diff := cmp.Diff(want, v2.Notes(kind).ByIDs([]int64{3, 1})); diff != "" {
			t.Error(diff)
		}
	}
}

func TestNotes_limits(t *testing.T) {
	t.Parallel()
	got := []any{leadNotes.Name, leadNotes.Generation, leadNotes.MaxPage, leadNotes.MaxIDs, leadNotes.MaxBatch, leadNotes.Locks, leadNotes.Delete == nil}
	if diff := cmp.Diff([]any{"notes", driver.V2, 500, 250, 250, true, true}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecodeNotes(f *testing.F) {
	f.Add(readTestdata(f, "note_list_reply.json"))
	for number := range amogatev1.NoteType_name {
		f.Add([]byte(`{"_embedded":{"items":[{"id":1,"note_type":` + strconv.Itoa(int(number)) + `,"params":{"text":"x","LINK":"y","a\xff":"\xff"},"attachment":"z"}]}}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := leadNotes.DecodeList(nil, body)
		checkDecodeError(t, err)
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
	})
}
