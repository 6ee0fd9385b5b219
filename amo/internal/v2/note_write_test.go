package v2_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	v2 "github.com/amogate/amogate/amo/internal/v2"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func newNote(t *testing.T, text string) *amogatev1.Note {
	t.Helper()
	note := &amogatev1.Note{}
	if err := protojson.Unmarshal([]byte(text), note); err != nil {
		t.Fatal(err)
	}
	return note
}

func TestSample_noteAdd(t *testing.T) {
	t.Parallel()
	values := []*amogatev1.Note{
		newNote(t, `{"lead_id":1099148,"text":"A remark","create_time":"2017-10-22T21:00:00Z","responsible_user_id":504141,"created_by":504141}`),
		newNote(t, `{"lead_id":1099149,"service_message":{"text":"A message","service":"My service"}}`),
		newNote(t, `{"lead_id":1099150,"type":"NOTE_TYPE_SMS_OUT","sms":{"text":"A text","phone":"+79991112233"}}`),
	}
	for _, value := range values {
		if err := leadNotes.Check(testEnv(t), driver.OpCreate, value, nil); err != nil {
			t.Error(err)
		}
	}
	call, err := leadNotes.Create(testEnv(t), values)
	if err != nil {
		t.Fatal(err)
	}
	got, want := normalise(t, call.Body), normalise(t, readTestdata(t, "note_add_request.json"))
	// Named difference: the sample sends no request ids.
	for i, v := range list(t, object(t, got)["add"]) {
		if item := object(t, v); item["request_id"] != float64(i+1) {
			t.Errorf("request id of %d is %v", i, item["request_id"])
		} else {
			delete(item, "request_id")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	checkCall(t, call, "notes.create", "/api/v2/notes", driver.Create)
}

func TestNotes_Create_sendsKindsAndCalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind       amogatev1.ParentKind
		note, want string
	}{
		{
			amogatev1.ParentKind_PARENT_KIND_TASK, `{"task_id":5,"text":"done"}`,
			`{"request_id":1,"element_id":5,"element_type":4,"note_type":13,"text":"done"}`,
		},
		{
			amogatev1.ParentKind_PARENT_KIND_CUSTOMER,
			`{"customer_id":5,"type":11,"call":{"unique_id":"u","duration":"0s","source":"pbx","link":"l","phone":"+7","result":"r","status":4,"text":"t"},"responsible_user_id":0,"created_by":0}`,
			`{"request_id":1,"element_id":5,"element_type":12,"note_type":11,"created_by":0,"params":{"UNIQ":"u","DURATION":0,"SRC":"pbx","LINK":"l","PHONE":"+7","call_result":"r","call_status":4,"text":"t"}}`,
		},
	} {
		call, err := v2.Notes(c.kind).Create(testEnv(t), []*amogatev1.Note{newNote(t, c.note)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decode(t, []byte(`{"add":[`+c.want+`]}`)), decode(t, call.Body)); diff != "" {
			t.Error(diff)
		}
	}
}

// notePathCases tell for each field of a note what an update of it alone sends. A
// field without a case cannot be updated.
var notePathCases = map[string]struct{ note, want string }{
	"text":                {`{"text":"x"}`, `{"text":"x"}`},
	"sms":                 {`{"sms":{"text":"x","phone":"1"}}`, `{"params":{"text":"x","phone":"1"}}`},
	"service_message":     {`{"service_message":{"text":"x","service":"s"}}`, `{"params":{"text":"x","service":"s"}}`},
	"call":                {`{"call":{"phone":"1"}}`, `{"params":{"PHONE":"1"}}`},
	"responsible_user_id": {`{"responsible_user_id":5}`, `{"responsible_user_id":5}`},
}

func TestNotes_Update_writesEachPathAlone(t *testing.T) {
	t.Parallel()
	fields := (&amogatev1.Note{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		path := string(fields.Get(i).Name())
		c, ok := notePathCases[path]
		if got := leadNotes.Supports(driver.OpUpdate, path); got != ok {
			t.Errorf("%s: supported is %t, and there is a case is %t", path, got, ok)
		}
		if !ok {
			if leadNotes.Check(testEnv(t), driver.OpUpdate, &amogatev1.Note{}, []string{path}) == nil {
				t.Errorf("%s can be written, and there is no case", path)
			}
			continue
		}
		value := newNote(t, c.note)
		if err := leadNotes.Check(testEnv(t), driver.OpUpdate, value, []string{path}); err != nil {
			t.Error(err)
		}
		call, err := leadNotes.Update(testEnv(t), []driver.Change[*amogatev1.Note]{{ID: 77, Value: value, Paths: []string{path}, UpdateTime: time.Unix(9, 0)}})
		if err != nil {
			t.Fatal(err)
		}
		checkCall(t, call, "notes.update", "/api/v2/notes", driver.Set)
		item := object(t, list(t, object(t, decode(t, call.Body))["update"])[0])
		if item["id"] != 77.0 || item["updated_at"] != 9.0 {
			t.Errorf("got %v", item)
		}
		delete(item, "id")
		delete(item, "updated_at")
		if diff := cmp.Diff(decode(t, []byte(c.want)), any(item)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestNotes_Update_leavesOtherContentAlone(t *testing.T) {
	t.Parallel()
	call, err := leadNotes.Update(testEnv(t), []driver.Change[*amogatev1.Note]{{
		ID: 7, Value: newNote(t, `{"text":"x","responsible_user_id":0}`), Paths: []string{"responsible_user_id"}, UpdateTime: time.Unix(9, 0),
	}})
	if err != nil || string(call.Body) != `{"update":[{"id":7,"updated_at":9,"responsible_user_id":0}]}` {
		t.Errorf("got %s and error %v", call.Body, err)
	}
}

func TestNotes_DecodeWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		op         driver.Op
		want       driver.Kind
		id         int64
		index      int
		fields     string
		isStale    bool
	}{
		{"stale", `{"update":{"5":"Last modified date is older than in database"}}`, driver.OpUpdate, driver.KindConflict, 5, -1, "", true},
		{"not found", `{"update":[{"id":5,"code":225}]}`, driver.OpUpdate, driver.KindNotFound, 5, -1, "", false},
		{"parent not found", `{"add":[{"request_id":2,"code":226}]}`, driver.OpCreate, driver.KindUpstreamInvalid, 0, 1, "lead_id", false},
		{"wrong kind of parent", `{"add":[{"request_id":1,"code":"232","message":"x"}]}`, driver.OpCreate, driver.KindUpstreamInvalid, 0, 0, "lead_id", false},
		{"no rights", `{"add":[{"code":244}]}`, driver.OpCreate, driver.KindForbidden, 0, -1, "", false},
		{"wrong text", `{"add":[{"request_id":1,"message":"text is required"}]}`, driver.OpCreate, driver.KindUpstreamInvalid, 0, 0, "text", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reply, err := leadNotes.DecodeWrite(c.op, []byte(`{"_embedded":{"items":[],"errors":`+c.body+`}}`))
			if err != nil || len(reply.Errors) != 1 {
				t.Fatalf("got %+v, error %v", reply, err)
			}
			e := reply.Errors[0]
			if e.ID != c.id || e.Index != c.index || e.Stale != c.isStale || e.Err.Kind != c.want || fieldPaths(e.Err) != c.fields || e.Err.Op != "notes."+string(c.op) {
				t.Errorf("got %+v, %+v", e, e.Err)
			}
		})
	}
	reply, err := leadNotes.DecodeWrite(driver.OpCreate, []byte(`{"_embedded":{"items":[{"id":"9","request_id":1}]}}`))
	if diff := cmp.Diff(driver.WriteReply{Items: []driver.WriteItem{{ID: 9, RequestID: 1}}}, reply); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestNotes_DecodeError(t *testing.T) {
	t.Parallel()
	customerNotes := v2.Notes(amogatev1.ParentKind_PARENT_KIND_CUSTOMER)
	for _, c := range []struct {
		code     string
		status   int
		lead     driver.Kind
		customer driver.Kind
	}{
		{"225", 400, driver.KindNotFound, driver.KindNotFound},
		{"226", 400, driver.KindUpstreamInvalid, driver.KindUpstreamInvalid},
		{"221", 400, driver.KindBadResponse, driver.KindBadResponse},
		{"244", 403, driver.KindForbidden, driver.KindForbidden},
		{"426", 400, driver.KindUpstreamInvalid, driver.KindCustomersDisabled},
		{"288", 403, driver.KindForbidden, driver.KindForbidden},
		{"110", 401, driver.KindReauth, driver.KindReauth},
	} {
		r := driver.Response{Status: c.status, Body: []byte(legacy(c.code))}
		if e := leadNotes.DecodeError(r); e == nil || e.Kind != c.lead {
			t.Errorf("%s of leads: got %v", c.code, e)
		}
		e := customerNotes.DecodeError(r)
		if e == nil || e.Kind != c.customer {
			t.Errorf("%s of customers: got %v", c.code, e)
		}
		if c.code == "226" && fieldPaths(e) != "customer_id" {
			t.Errorf("got %v", e)
		}
	}
	if e := leadNotes.DecodeError(driver.Response{Status: 204}); e != nil {
		t.Errorf("got %v", e)
	}
}

// A note that can be made, written and read back, is the same.
func TestNotes_surviveUpstream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		want := &amogatev1.Note{
			Parent:     &amogatev1.Note_LeadId{LeadId: rapid.Int64Range(1, 1<<62).Draw(rt, "lead")},
			CreateTime: &timestamppb.Timestamp{Seconds: rapid.Int64Range(1, 253402300799).Draw(rt, "created")},
			CreatedBy:  new(rapid.Int64Range(0, 1<<62).Draw(rt, "creator")),
		}
		text := func(name string) string { return "x" + rapid.String().Draw(rt, name) }
		switch want.Type = rapid.SampledFrom([]amogatev1.NoteType{4, 10, 11, 25, 102, 103}).Draw(rt, "type"); want.GetType() {
		case amogatev1.NoteType_NOTE_TYPE_COMMON:
			want.Content = &amogatev1.Note_Text{Text: text("text")}
		case amogatev1.NoteType_NOTE_TYPE_SERVICE_MESSAGE:
			want.Content = &amogatev1.Note_ServiceMessage{ServiceMessage: &amogatev1.NoteServiceMessage{Service: text("service"), Text: text("text")}}
		case amogatev1.NoteType_NOTE_TYPE_SMS_IN, amogatev1.NoteType_NOTE_TYPE_SMS_OUT:
			want.Content = &amogatev1.Note_Sms{Sms: &amogatev1.NoteSms{Text: text("text"), Phone: rapid.String().Draw(rt, "phone")}}
		default:
			status := rapid.Int32Range(0, 7).Draw(rt, "status")
			call := &amogatev1.NoteCall{
				UniqueId: rapid.String().Draw(rt, "id"), Source: text("source"), Link: rapid.String().Draw(rt, "link"),
				Phone: rapid.String().Draw(rt, "phone"), Result: rapid.String().Draw(rt, "result"), Text: rapid.String().Draw(rt, "text"),
				Duration: &durationpb.Duration{Seconds: rapid.Int64Range(0, 1<<31-1).Draw(rt, "duration")}, Status: amogatev1.CallStatus(status),
			}
			if status != 0 {
				call.StatusCode = strconv.Itoa(int(status))
			}
			want.Content = &amogatev1.Note_Call{Call: call}
		}
		want.TypeCode = strconv.Itoa(int(want.GetType()))
		if err := leadNotes.Check(nil, driver.OpCreate, want, nil); err != nil {
			rt.Fatal(err)
		}
		call, err := leadNotes.Create(nil, []*amogatev1.Note{want})
		if err != nil {
			rt.Fatal(err)
		}
		var sent struct {
			Add []map[string]jsontext.Value `json:"add"`
		}
		if err := json.Unmarshal(call.Body, &sent); err != nil {
			rt.Fatal(err)
		}
		delete(sent.Add[0], "request_id")
		sent.Add[0]["id"] = jsontext.Value("1")
		answer, err := json.Marshal(map[string]any{"_embedded": map[string]any{"items": sent.Add}})
		if err != nil {
			rt.Fatal(err)
		}
		page, err := leadNotes.DecodeList(nil, answer)
		if err != nil {
			rt.Fatal(err)
		}
		want.Id = 1
		if diff := cmp.Diff(want, page.Rows[0], protocmp.Transform()); diff != "" {
			rt.Fatalf("%s\n%s", call.Body, diff)
		}
	})
}
