package driver_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	lead     = amogatev1.ParentKind_PARENT_KIND_LEAD
	task     = amogatev1.ParentKind_PARENT_KIND_TASK
	customer = amogatev1.ParentKind_PARENT_KIND_CUSTOMER
)

// The comments of the contract say which types can be made; this is their sum.
func TestCanCreateNote_isWhatTheContractSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		generation driver.Generation
		kind       amogatev1.ParentKind
		want       string
	}{
		{driver.V2, lead, "COMMON CALL_IN CALL_OUT SERVICE_MESSAGE SMS_IN SMS_OUT"},
		{driver.V2, task, "TASK_RESULT"},
		{
			driver.V4, customer, "COMMON ATTACHMENT CALL_IN CALL_OUT SITE_VISIT GEOLOCATION SERVICE_MESSAGE CASHIER_MESSAGE INVOICE_PAID" +
				" EXTENDED_SERVICE_MESSAGE ZOOM_MEETING BILL_PAID SMS_IN SMS_OUT TARGETING_IN TARGETING_OUT AI_RESULT",
		},
		{driver.V4, task, ""},
	} {
		var got []string
		values := amogatev1.NoteType(0).Descriptor().Values()
		for i := range values.Len() {
			if driver.CanCreateNote(c.generation, c.kind, amogatev1.NoteType(values.Get(i).Number())) {
				got = append(got, strings.TrimPrefix(string(values.Get(i).Name()), "NOTE_TYPE_"))
			}
		}
		if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s of %s: %s", c.generation, c.kind, diff)
		}
	}
}

// A type that is new in the proto needs an arm, and every arm a type.
func TestNoteArm_everyTypeHasAnArm(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, arm := range driver.NoteArms() {
		known[arm] = true
	}
	used := map[string]bool{}
	for number, name := range amogatev1.NoteType_name {
		arm := driver.NoteArm(amogatev1.NoteType(number))
		used[arm] = true
		if !known[arm] {
			t.Errorf("%s has the arm %q", name, arm)
		}
	}
	for arm := range known {
		if !used[arm] {
			t.Errorf("no type has the arm %s", arm)
		}
	}
}

func newNote(t *testing.T, text string) *amogatev1.Note {
	t.Helper()
	note := &amogatev1.Note{}
	if err := protojson.Unmarshal([]byte(text), note); err != nil {
		t.Fatal(err)
	}
	return note
}

func TestNewNoteType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind amogatev1.ParentKind
		note string
		want amogatev1.NoteType
	}{
		{lead, `{"text":"x"}`, amogatev1.NoteType_NOTE_TYPE_COMMON},
		{task, `{"text":"x"}`, amogatev1.NoteType_NOTE_TYPE_TASK_RESULT},
		{lead, `{"service_message":{}}`, amogatev1.NoteType_NOTE_TYPE_SERVICE_MESSAGE},
		{lead, `{"service_message":{},"type":34}`, amogatev1.NoteType_NOTE_TYPE_EXTENDED_SERVICE_MESSAGE},
		{lead, `{"link":{}}`, amogatev1.NoteType_NOTE_TYPE_SITE_VISIT},
		{lead, `{"attachment":{}}`, amogatev1.NoteType_NOTE_TYPE_ATTACHMENT},
		{lead, `{"geolocation":{}}`, amogatev1.NoteType_NOTE_TYPE_GEOLOCATION},
		{lead, `{"cashier_message":{}}`, amogatev1.NoteType_NOTE_TYPE_CASHIER_MESSAGE},
		{lead, `{"ai_result":{}}`, amogatev1.NoteType_NOTE_TYPE_AI_RESULT},
		{lead, `{"zoom_meeting":{}}`, amogatev1.NoteType_NOTE_TYPE_ZOOM_MEETING},
		{lead, `{"call":{}}`, 0},
		{lead, `{"sms":{}}`, 0},
		{lead, `{"payment":{}}`, 0},
		{lead, `{"targeting":{}}`, 0},
		{lead, `{}`, 0},
	} {
		if got := driver.NewNoteType(c.kind, newNote(t, c.note)); got != c.want {
			t.Errorf("%s of %s is %s, want %s", c.note, c.kind, got, c.want)
		}
	}
}

func TestCheckNote(t *testing.T) {
	t.Parallel()
	const call = `"call":{"duration":"0s","source":"pbx"`
	for _, c := range []struct {
		name       string
		generation driver.Generation
		kind       amogatev1.ParentKind
		op         driver.Op
		note       string
		paths      []string
		// kinds 0 = it can be written.
		want driver.Kind
		path string
	}{
		{"remark", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"text":"x"}`, nil, 0, ""},
		{"everything that is output only", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"text":"x","id":5,"type_code":"4","editable":true,"pinned":true,"group_id":1,"update_time":"2020-01-01T00:00:00Z","updated_by":1,"account_id":1,"other_params":{}}`, nil, 0, ""},
		{"no parent", driver.V4, lead, driver.OpCreate, `{"text":"x"}`, nil, driver.KindInvalid, "lead_id"},
		{"parent of another kind", driver.V4, lead, driver.OpCreate, `{"contact_id":1,"text":"x"}`, nil, driver.KindInvalid, "lead_id"},
		{"no content", driver.V4, lead, driver.OpCreate, `{"lead_id":1}`, nil, driver.KindInvalid, "content"},
		{"empty text", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"text":""}`, nil, driver.KindInvalid, "text"},
		{"content of the system", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"mail":{}}`, nil, driver.KindInvalid, "mail"},
		{"call of no direction", driver.V4, lead, driver.OpCreate, `{"lead_id":1,` + call + `}}`, nil, driver.KindInvalid, "type"},
		{"arm of another type", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"type":4,"sms":{"text":"x"}}`, nil, driver.KindInvalid, "sms"},
		{"type of the system", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"type":1,"text":"x"}`, nil, driver.KindInvalid, "type"},
		{"type that only v4 makes", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"geolocation":{"longitude":"1","latitude":"2"}}`, nil, driver.KindUnsupported, "type"},
		{"the same on v4", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"geolocation":{"longitude":"-1.5","latitude":"2"}}`, nil, 0, ""},
		{"result of a lead", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"type":13,"text":"x"}`, nil, driver.KindInvalid, "type"},
		{"result of a task", driver.V2, task, driver.OpCreate, `{"task_id":1,"text":"x"}`, nil, 0, ""},
		{"remark on a task", driver.V2, task, driver.OpCreate, `{"task_id":1,"type":4,"text":"x"}`, nil, driver.KindInvalid, "type"},
		{"call", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"type":10,` + call + `,"text":"x"}}`, nil, 0, ""},
		{"call without a duration", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"type":10,"call":{"source":"pbx"}}`, nil, driver.KindInvalid, "call.duration"},
		{"call without a source", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"type":10,"call":{"duration":"1s","source":" "}}`, nil, driver.KindInvalid, "call.source"},
		{"parts of a second", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"type":10,"call":{"duration":"1.5s","source":"pbx"}}`, nil, driver.KindInvalid, "call.duration"},
		{"negative duration", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"type":10,"call":{"duration":"-1s","source":"pbx"}}`, nil, driver.KindInvalid, "call.duration"},
		{"unknown status", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"type":10,` + call + `,"status":9}}`, nil, driver.KindInvalid, "call.status"},
		{"user of a call over v2", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"type":10,` + call + `,"responsible_user_id":5}}`, nil, driver.KindUnsupported, "call.responsible_user_id"},
		{"name of a call over v2", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"type":10,` + call + `,"responsible_name":"A"}}`, nil, driver.KindUnsupported, "call.responsible_name"},
		{"text of a call over v4", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"type":10,` + call + `,"text":"A"}}`, nil, driver.KindUnsupported, "call.text"},
		{"message without a text", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"type":102,"sms":{"phone":"1"}}`, nil, driver.KindInvalid, "sms.text"},
		{"file without a name", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"attachment":{"file_uuid":"f"}}`, nil, driver.KindInvalid, "attachment.file_name"},
		{"name without a file", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"attachment":{"file_name":"f"}}`, nil, driver.KindInvalid, "attachment.file_uuid"},
		{"message of no service", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"service_message":{"text":"x"}}`, nil, driver.KindInvalid, "service_message.service"},
		{"no address of a link", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"link":{}}`, nil, driver.KindInvalid, "link.url"},
		{"payment without a text", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"type":29,"payment":{"service":"x"}}`, nil, driver.KindInvalid, "payment.text"},
		{"degrees in words", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"geolocation":{"longitude":"east"}}`, nil, driver.KindInvalid, "geolocation.longitude"},
		{"degrees of two points", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"geolocation":{"latitude":"1.2.3"}}`, nil, driver.KindInvalid, "geolocation.latitude"},
		{"automation over v2", driver.V2, lead, driver.OpCreate, `{"lead_id":1,"text":"x","trigger_digital_pipeline":false}`, nil, driver.KindUnsupported, "trigger_digital_pipeline"},
		{"automation over v4", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"text":"x","trigger_digital_pipeline":false}`, nil, 0, ""},
		{"creation in fractions", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"text":"x","create_time":"2020-01-01T00:00:00.5Z"}`, nil, driver.KindInvalid, "create_time"},
		{"creation before 1970", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"text":"x","create_time":"1969-01-01T00:00:00Z"}`, nil, driver.KindInvalid, "create_time"},
		{"negative user", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"text":"x","responsible_user_id":-1}`, nil, driver.KindInvalid, "responsible_user_id"},
		{"negative creator", driver.V4, lead, driver.OpCreate, `{"lead_id":1,"text":"x","created_by":-1}`, nil, driver.KindInvalid, "created_by"},

		{"new text", driver.V2, lead, driver.OpUpdate, `{"text":"x"}`, []string{"text"}, 0, ""},
		{"text cleared", driver.V2, lead, driver.OpUpdate, `{}`, []string{"text"}, driver.KindInvalid, "text"},
		{"two contents", driver.V2, lead, driver.OpUpdate, `{"text":"x"}`, []string{"text", "sms"}, driver.KindInvalid, "sms"},
		{"content of another type", driver.V2, lead, driver.OpUpdate, `{"type":4,"sms":{}}`, []string{"sms"}, driver.KindInvalid, "sms"},
		{"content that v2 cannot write", driver.V2, lead, driver.OpUpdate, `{"geolocation":{}}`, []string{"geolocation"}, driver.KindUnsupported, "geolocation"},
		{"message changed in part", driver.V4, lead, driver.OpUpdate, `{"sms":{"phone":"1"}}`, []string{"sms"}, 0, ""},
		{"content that is output only", driver.V4, lead, driver.OpUpdate, `{"mail":{}}`, []string{"mail"}, driver.KindInvalid, "mail"},
		{"output only", driver.V4, lead, driver.OpUpdate, `{"pinned":true}`, []string{"pinned"}, driver.KindInvalid, "pinned"},
		{"another type", driver.V4, lead, driver.OpUpdate, `{"type":4}`, []string{"type"}, driver.KindInvalid, "type"},
		{"another parent", driver.V4, lead, driver.OpUpdate, `{"lead_id":4}`, []string{"lead_id"}, driver.KindInvalid, "lead_id"},
		{"another user", driver.V2, lead, driver.OpUpdate, `{"responsible_user_id":4}`, []string{"responsible_user_id"}, 0, ""},
		{"another user over v4", driver.V4, lead, driver.OpUpdate, `{"responsible_user_id":4}`, []string{"responsible_user_id"}, driver.KindUnsupported, "responsible_user_id"},
		{"unknown field", driver.V4, lead, driver.OpUpdate, `{}`, []string{"planet"}, driver.KindInvalid, "planet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := driver.CheckNote(c.generation, c.kind, c.op, newNote(t, c.note), c.paths)
			if c.want == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := (*driver.Error)(nil)
			if !errors.As(err, &e) || e.Kind != c.want {
				t.Fatalf("got %v, want kind %d", err, c.want)
			}
			if len(e.Fields) != 1 || e.Fields[0].Path != c.path || e.Fields[0].Description == "" || e.Op != "notes."+string(c.op) {
				t.Errorf("got %+v, want %s", e, c.path)
			}
			if isUnsupported := c.want == driver.KindUnsupported; isUnsupported != (e.Generation == c.generation) {
				t.Errorf("generation is %v", e.Generation)
			}
		})
	}
}

func TestCheckNote_refusesWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	note := &amogatev1.Note{Content: &amogatev1.Note_ZoomMeeting{ZoomMeeting: &amogatev1.NoteZoomMeeting{
		Conference: structpb.NewNumberValue(math.NaN()), Recordings: &structpb.Value{},
	}}}
	e := (*driver.Error)(nil)
	if err := driver.CheckNote(driver.V4, lead, driver.OpUpdate, note, []string{"zoom_meeting"}); !errors.As(err, &e) || e.Kind != driver.KindInvalid || len(e.Fields) != 2 {
		t.Errorf("got %v", e)
	}
}

func TestCheckNoteChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, before string
		paths        []string
		want         bool
	}{
		{"same type", `{"type":4,"editable":true}`, []string{"text"}, true},
		{"not told", `{"type":4}`, []string{"text"}, true},
		{"other type", `{"type":10}`, []string{"text"}, false},
		{"unknown type", `{"type_code":"26"}`, []string{"text"}, false},
		{"not editable", `{"type":4,"editable":false}`, []string{"text"}, false},
		{"no content", `{"type":10,"editable":false}`, []string{"responsible_user_id"}, true},
	} {
		err := driver.CheckNoteChange(driver.V4, driver.Change[*amogatev1.Note]{ID: 5, Paths: c.paths, Before: newNote(t, c.before)})
		e := (*driver.Error)(nil)
		switch {
		case c.want && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case !c.want && (!errors.As(err, &e) || e.Kind != driver.KindInvalid || e.ID != 5 || e.Fields[0].Path != "text"):
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func TestNoteNeedsBefore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		note string
		path string
		want bool
	}{
		{`{"text":"x"}`, "text", true},
		{`{"text":"x","type":4}`, "text", false},
		{`{"responsible_user_id":5}`, "responsible_user_id", false},
	} {
		if got := driver.NoteNeedsBefore(newNote(t, c.note), []string{c.path}); got != c.want {
			t.Errorf("%s: got %t", c.note, got)
		}
	}
}

// Check takes what Supports promises, and nothing else.
func TestSupportsNote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		generation driver.Generation
		kind       amogatev1.ParentKind
		op         driver.Op
		path       string
		want       bool
	}{
		{driver.V2, lead, driver.OpList, "", true},
		{driver.V2, task, driver.OpList, "", true},
		{driver.V4, task, driver.OpList, "", false},
		{driver.V4, lead, driver.OpDelete, "", false},
		{driver.V2, lead, driver.OpGet, "lead_id", true},
		{driver.V2, lead, driver.OpGet, "contact_id", false},
		{driver.V2, lead, driver.OpGet, "pinned", false},
		{driver.V4, lead, driver.OpGet, "pinned", true},
		{driver.V4, lead, driver.OpGet, "trigger_digital_pipeline", false},
		{driver.V4, lead, driver.OpGet, "planet", false},
		{driver.V4, lead, driver.OpCreate, "lead_id", true},
		{driver.V4, lead, driver.OpCreate, "task_id", false},
		{driver.V4, lead, driver.OpCreate, "trigger_digital_pipeline", true},
		{driver.V2, lead, driver.OpCreate, "trigger_digital_pipeline", false},
		{driver.V2, lead, driver.OpCreate, "type", true},
		{driver.V2, lead, driver.OpUpdate, "type", false},
		{driver.V2, lead, driver.OpUpdate, "text", true},
		{driver.V2, task, driver.OpUpdate, "sms", false},
		{driver.V2, lead, driver.OpUpdate, "geolocation", false},
		{driver.V4, lead, driver.OpUpdate, "geolocation", true},
		{driver.V4, lead, driver.OpUpdate, "mail", false},
		{driver.V4, lead, driver.OpUpdate, "responsible_user_id", false},
		{driver.V2, lead, driver.OpUpdate, "responsible_user_id", true},
		{driver.V4, 0, driver.OpList, "", false},
	} {
		if got := driver.SupportsNote(c.generation, c.kind, c.op, c.path); got != c.want {
			t.Errorf("%s %s %s %q: got %t", c.generation, c.kind, c.op, c.path, got)
		}
	}
}

func TestExplainNote_namesTheArm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ note, path, want string }{
		{`{"text":"x"}`, "content.text", "text"},
		{`{"text":"x"}`, "content", "text"},
		{`{"sms":{}}`, "content.text", "sms.text"},
		{`{"sms":{}}`, "content", "sms"},
		{`{"sms":{}}`, "type", "type"},
		{`{}`, "content", "content"},
	} {
		e := &driver.Error{Fields: []driver.FieldError{{Path: c.path}}}
		driver.ExplainNote(newNote(t, c.note), e)
		if e.Fields[0].Path != c.want {
			t.Errorf("%s of %s became %s", c.path, c.note, e.Fields[0].Path)
		}
	}
}
