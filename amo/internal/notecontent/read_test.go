package notecontent_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/notecontent"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type readCase struct {
	name string
	// noteType is the name of the type without its prefix.
	noteType                 string
	params, text, attachment string
	// want is the note as protojson, without its type.
	want string
}

// arms are the parameters of each arm, every key of it filled.
var arms = []readCase{
	{name: "text", noteType: "COMMON", params: `{"text":"hi"}`, want: `{"text":"hi"}`},
	{
		name: "call", noteType: "CALL_IN",
		params: `{"uniq":"c","duration":"73","source":"pbx","link":"l","phone":79035550101,"call_responsible":612007,"call_status":"4","call_result":"r","text":"t"}`,
		want:   `{"call":{"unique_id":"c","duration":"73s","source":"pbx","link":"l","phone":"79035550101","responsible_user_id":612007,"status":4,"status_code":"4","result":"r","text":"t"}}`,
	},
	{name: "call by name", noteType: "CALL_OUT", params: `{"call_responsible":"101"}`, want: `{"call":{"responsible_name":"101"}}`},
	{name: "sms", noteType: "SMS_IN", params: `{"text":"t","phone":"+7"}`, want: `{"sms":{"text":"t","phone":"+7"}}`},
	{
		name: "attachment", noteType: "ATTACHMENT",
		params: `{"is_drive_attachment":true,"text":"a.pdf","original_name":"b.pdf","file_uuid":"f","version_uuid":"v","file_name":"c.pdf","attachment":"d"}`,
		want:   `{"attachment":{"drive":true,"text":"a.pdf","original_name":"b.pdf","file_uuid":"f","version_uuid":"v","file_name":"c.pdf","download_name":"d"}}`,
	},
	{name: "service message", noteType: "SERVICE_MESSAGE", params: `{"service":"ERP","text":"t"}`, want: `{"service_message":{"service":"ERP","text":"t"}}`},
	{
		name: "geolocation", noteType: "GEOLOCATION", params: `{"text":"t","address":"a","longitude":37.6156,"latitude":"55.7522"}`,
		want: `{"geolocation":{"text":"t","address":"a","longitude":"37.6156","latitude":"55.7522"}}`,
	},
	{name: "message to a cashier", noteType: "CASHIER_MESSAGE", params: `{"status":"shown","text":"t"}`, want: `{"cashier_message":{"status":2,"status_code":"shown","text":"t"}}`},
	{
		name: "change of status", noteType: "LEAD_STATUS_CHANGED",
		params: `{"STATUS_NEW":1,"STATUS_OLD":"2","PIPELINE_ID_NEW":3,"PIPELINE_ID_OLD":4,"LOSS_REASON_ID":5,"TEXT":"t"}`,
		want:   `{"status_change":{"new_status_id":1,"old_status_id":2,"new_pipeline_id":3,"old_pipeline_id":4,"loss_reason_id":5,"text":"t"}}`,
	},
	{
		name: "mail", noteType: "AMOMAIL_MESSAGE",
		params: `{"thread_id":1,"message_id":"2","private":true,"income":1,"from":{"email":"a@x","name":"A"},"to":{"email":"b@x","name":"B"},"subject":"s","content_summary":"c","attach_cnt":3,"delivery":{"status":"ok"}}`,
		want:   `{"mail":{"thread_id":1,"message_id":2,"private":true,"incoming":true,"from":{"email":"a@x","name":"A"},"to":{"email":"b@x","name":"B"},"subject":"s","content_summary":"c","attachment_count":3,"delivery":{"status":"ok"}}}`,
	},
	{name: "link", noteType: "SITE_VISIT", params: `{"url":"u"}`, want: `{"link":{"url":"u"}}`},
	{name: "payment", noteType: "BILL_PAID", params: `{"service":"s","text":"t","icon_url":"i"}`, want: `{"payment":{"service":"s","text":"t","icon_url":"i"}}`},
	{
		name: "targeting", noteType: "TARGETING_IN", params: `{"contacts":[1],"campaign":{"id":2},"service":"s"}`,
		want: `{"targeting":{"contacts":[1],"campaign":{"id":2},"service":"s"}}`,
	},
	{
		name: "answer of an assistant", noteType: "AI_RESULT", params: `{"text":"t","answer_id":"a","talk_id":5,"is_error":true}`,
		want: `{"ai_result":{"text":"t","answer_id":"a","talk_id":5,"error":true}}`,
	},
	{name: "meeting", noteType: "ZOOM_MEETING", params: `{"conference":{"id":1},"recordings":[]}`, want: `{"zoom_meeting":{"conference":{"id":1},"recordings":[]}}`},
	{name: "purchase", noteType: "TRANSACTION", params: `{"transaction_id":5}`, want: `{"transaction":{"transaction_id":5}}`},
	{name: "file of Dropbox", noteType: "DROPBOX_ATTACHMENT", params: `{"link":"l","filename":"f"}`, want: `{"dropbox_attachment":{"url":"l","file_name":"f"}}`},
	{
		name: "lead from a lead", noteType: "LEAD_AUTO_CREATED", params: `{"type":"x","lead_type":"child","lead_id":5,"link":{"id":1,"type":"y"}}`,
		want: `{"lead_auto_created":{"type":"x","lead_type":"child","lead_id":5,"link":{"id":1,"type":"y"}}}`,
	},
	{name: "type without an arm", noteType: "MAX_SYSTEM", params: `{"a":[1,null]}`, want: `{"raw":{"a":[1,null]}}`},
}

func (c readCase) read(t *testing.T) *amogatev1.Note {
	t.Helper()
	number, ok := amogatev1.NoteType_value["NOTE_TYPE_"+c.noteType]
	if !ok {
		t.Fatalf("no type %s", c.noteType)
	}
	note := &amogatev1.Note{Type: amogatev1.NoteType(number)}
	source := notecontent.Source{Params: jsontext.Value(c.params), Text: jsontext.Value(c.text), Attachment: jsontext.Value(c.attachment)}
	if err := notecontent.Read(note, source); err != nil {
		t.Fatal(err)
	}
	note.Type = amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED
	return note
}

func (c readCase) check(t *testing.T) {
	t.Helper()
	want := &amogatev1.Note{}
	if err := protojson.Unmarshal([]byte(c.want), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, c.read(t), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestRead_everyArm(t *testing.T) {
	t.Parallel()
	for _, c := range arms {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.check(t)
		})
	}
}

// A field that is new in an arm has to come from somewhere.
func TestRead_fillsEveryFieldOfEveryArm(t *testing.T) {
	t.Parallel()
	seen := map[protoreflect.FullName]bool{}
	for _, c := range arms {
		mark(c.read(t).ProtoReflect(), seen)
	}
	note := (&amogatev1.Note{}).ProtoReflect().Descriptor()
	content := note.Oneofs().ByName("content").Fields()
	for i := range content.Len() {
		arm := content.Get(i)
		if !seen[arm.FullName()] {
			t.Errorf("nothing sets %s", arm.FullName())
		}
		checkSeen(t, arm.Message(), seen)
	}
}

func checkSeen(t *testing.T, d protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) {
	t.Helper()
	if d == nil || !strings.HasPrefix(string(d.FullName()), "amogate.v1.") {
		return
	}
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if !seen[f.FullName()] {
			t.Errorf("nothing sets %s", f.FullName())
		}
		checkSeen(t, f.Message(), seen)
	}
}

func mark(m protoreflect.Message, seen map[protoreflect.FullName]bool) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		seen[f.FullName()] = true
		if f.Message() != nil && !f.IsList() && !f.IsMap() {
			mark(v.Message(), seen)
		}
		return true
	})
}

func TestRead_oddSources(t *testing.T) {
	t.Parallel()
	for _, c := range []readCase{
		{name: "nothing", noteType: "COMMON", want: `{}`},
		{name: "empty list of parameters", noteType: "COMMON", params: `[]`, want: `{}`},
		{name: "parameters of nulls", noteType: "SMS_OUT", params: `{"text":null,"phone":null}`, want: `{}`},
		{name: "empty text", noteType: "COMMON", params: `{"text":""}`, want: `{}`},
		{name: "keys in capitals", noteType: "CALL_OUT", params: `{"UNIQ":"u","SRC":"s","PHONE":"p"}`, want: `{"call":{"unique_id":"u","source":"s","phone":"p"}}`},
		{name: "unknown key", noteType: "SMS_IN", params: `{"text":"t","uniq":"u"}`, want: `{"sms":{"text":"t"},"other_params":{"uniq":"u"}}`},
		{name: "null of an unknown key", noteType: "SMS_IN", params: `{"text":"t","uniq":null}`, want: `{"sms":{"text":"t"}}`},
		{name: "one key in two spellings", noteType: "SMS_IN", params: `{"text":"a","TEXT":"b"}`, want: `{"sms":{"text":"a"},"other_params":{"TEXT":"b"}}`},
		{name: "doubled key", noteType: "SMS_IN", params: `{"text":"a","text":"b"}`, want: `{"sms":{"text":"b"}}`},
		{name: "value that does not fit", noteType: "CALL_IN", params: `{"phone":"p","duration":"long"}`, want: `{"call":{"phone":"p"},"other_params":{"duration":"long"}}`},
		{name: "negative duration", noteType: "CALL_IN", params: `{"phone":"p","duration":-1}`, want: `{"call":{"phone":"p"},"other_params":{"duration":-1}}`},
		{name: "call of no time", noteType: "CALL_IN", params: `{"duration":0}`, want: `{"call":{"duration":"0s"}}`},
		{name: "unknown status of a call", noteType: "CALL_IN", params: `{"call_status":8}`, want: `{"call":{"status_code":"8"}}`},
		{name: "nobody talked", noteType: "CALL_IN", params: `{"phone":"p","call_responsible":0}`, want: `{"call":{"phone":"p"},"other_params":{"call_responsible":0}}`},
		{name: "unknown status of a message", noteType: "CASHIER_MESSAGE", params: `{"status":"lost"}`, want: `{"cashier_message":{"status_code":"lost"}}`},
		{name: "nothing for the arm", noteType: "LINK_FOLLOWED", params: `{"planet":1}`, want: `{"raw":{"planet":1}}`},
		{name: "object as a text", noteType: "COMMON", params: `{"text":{"a":1}}`, want: `{"raw":{"text":{"a":1}}}`},
		{name: "address with more", noteType: "AMOMAIL_MESSAGE", params: `{"subject":"s","from":{"email":"a","id":1}}`, want: `{"mail":{"subject":"s"},"other_params":{"from":{"email":"a","id":1}}}`},
		{name: "list of parameters", noteType: "SMS_IN", params: `[1]`, text: `"t"`, want: `{"raw":[1],"other_params":{"text":"t"}}`},
		{name: "text beside a text", noteType: "COMMON", params: `{"text":"a"}`, text: `"b"`, want: `{"text":"b","other_params":{"text":"a"}}`},
		{name: "text beside a message", noteType: "SMS_IN", params: `{"text":"a"}`, text: `"b"`, want: `{"sms":{"text":"a"},"other_params":{"text":"b"}}`},
		{name: "text only", noteType: "SERVICE_MESSAGE", text: `"b"`, want: `{"service_message":{"text":"b"}}`},
		{name: "number as the text", noteType: "COMMON", text: `0`, want: `{"text":"0"}`},
		{name: "call as JSON in the text", noteType: "CALL_IN", params: `[]`, text: `"{\"UNIQ\":\"u\"}"`, want: `{"call":{"unique_id":"u"}}`},
		{name: "broken JSON in the text", noteType: "CALL_IN", text: `"{\"UNIQ"`, want: `{"call":{"text":"{\"UNIQ"}}`},
		{name: "JSON typed by a person", noteType: "COMMON", text: `"{\"a\":1}"`, want: `{"text":"{\"a\":1}"}`},
		{name: "text of an old change of status", noteType: "LEAD_STATUS_CHANGED", text: `"moved"`, want: `{"raw":{"text":"moved"}}`},
		{name: "file beside", noteType: "ATTACHMENT", text: `"a.pdf"`, attachment: `"x_a.pdf"`, want: `{"attachment":{"text":"a.pdf","download_name":"x_a.pdf"}}`},
		{name: "file beside a text", noteType: "COMMON", text: `"a"`, attachment: `"x"`, want: `{"text":"a","other_params":{"attachment":"x"}}`},
		{name: "no file", noteType: "COMMON", text: `"a"`, attachment: `""`, want: `{"text":"a"}`},
		{name: "raw and a text", noteType: "MAX_SYSTEM", params: `{"a":1}`, text: `"t"`, want: `{"raw":{"a":1,"text":"t"}}`},
		{name: "raw and two texts", noteType: "MAX_SYSTEM", params: `{"text":"a"}`, text: `"t"`, want: `{"raw":{"text":"a"},"other_params":{"text":"t"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.check(t)
		})
	}
}

// Each member costs the same however many there are.
func TestRead_refusesEndlessParameters(t *testing.T) {
	t.Parallel()
	var params strings.Builder
	params.WriteString(`{"list":[0`)
	params.WriteString(strings.Repeat(",0", 100_000))
	params.WriteString(`]}`)
	err := notecontent.Read(&amogatev1.Note{}, notecontent.Source{Params: jsontext.Value(params.String())})
	if e := (*driver.Error)(nil); !errors.As(err, &e) || e.Kind != driver.KindBadResponse {
		t.Errorf("got %v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range arms {
		number := amogatev1.NoteType_value["NOTE_TYPE_"+c.noteType]
		f.Add(number, []byte(c.params), []byte(strconv.Quote(c.params)), []byte(`"x"`))
	}
	f.Fuzz(func(t *testing.T, number int32, params, text, attachment []byte) {
		note := &amogatev1.Note{Type: amogatev1.NoteType(number)}
		err := notecontent.Read(note, notecontent.Source{Params: params, Text: text, Attachment: attachment})
		if e := (*driver.Error)(nil); err != nil && !errors.As(err, &e) {
			t.Errorf("got %T %v", err, err)
		}
		if _, err := proto.Marshal(note); err != nil {
			t.Error(err)
		}
		if arm := driver.NoteContent(note); err == nil && arm != "" && arm != "raw" && arm != driver.NoteArm(note.GetType()) {
			t.Errorf("type %v has the arm %s", note.GetType(), arm)
		}
	})
}
