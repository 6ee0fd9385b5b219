package drivertest_test

import (
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// madeNotes is what the contract says of the types of notes that can be made: the
// generations that make them, and whether the content can be changed over v4.
var madeNotes = map[amogatev1.NoteType]struct{ v2, v4, changes bool }{
	amogatev1.NoteType_NOTE_TYPE_COMMON:                   {v2: true, v4: true, changes: true},
	amogatev1.NoteType_NOTE_TYPE_ATTACHMENT:               {v4: true, changes: true},
	amogatev1.NoteType_NOTE_TYPE_CALL_IN:                  {v2: true, v4: true, changes: true},
	amogatev1.NoteType_NOTE_TYPE_CALL_OUT:                 {v2: true, v4: true, changes: true},
	amogatev1.NoteType_NOTE_TYPE_SITE_VISIT:               {v4: true},
	amogatev1.NoteType_NOTE_TYPE_GEOLOCATION:              {v4: true, changes: true},
	amogatev1.NoteType_NOTE_TYPE_SERVICE_MESSAGE:          {v2: true, v4: true, changes: true},
	amogatev1.NoteType_NOTE_TYPE_CASHIER_MESSAGE:          {v4: true, changes: true},
	amogatev1.NoteType_NOTE_TYPE_INVOICE_PAID:             {v4: true},
	amogatev1.NoteType_NOTE_TYPE_EXTENDED_SERVICE_MESSAGE: {v4: true, changes: true},
	amogatev1.NoteType_NOTE_TYPE_ZOOM_MEETING:             {v4: true},
	amogatev1.NoteType_NOTE_TYPE_BILL_PAID:                {v4: true},
	amogatev1.NoteType_NOTE_TYPE_SMS_IN:                   {v2: true, v4: true, changes: true},
	amogatev1.NoteType_NOTE_TYPE_SMS_OUT:                  {v2: true, v4: true, changes: true},
	amogatev1.NoteType_NOTE_TYPE_TARGETING_IN:             {v4: true},
	amogatev1.NoteType_NOTE_TYPE_TARGETING_OUT:            {v4: true},
	amogatev1.NoteType_NOTE_TYPE_AI_RESULT:                {v4: true},
	amogatev1.NoteType_NOTE_TYPE_TASK_RESULT:              {v2: true},
}

// makesNote says whether the contract lets a generation make notes of a type
// below a kind of parent.
func (g *generation) makesNote(kind amogatev1.ParentKind, t amogatev1.NoteType) bool {
	isTask := kind == amogatev1.ParentKind_PARENT_KIND_TASK
	if isTask != (t == amogatev1.NoteType_NOTE_TYPE_TASK_RESULT) {
		return false
	}
	if g.number == driver.V2 {
		return madeNotes[t].v2
	}
	return madeNotes[t].v4
}

// drawContent sets the content of a note of a type, as much as both generations
// know of it.
func drawContent(rt *rapid.T, t amogatev1.NoteType, note *amogatev1.Note) {
	switch t {
	case amogatev1.NoteType_NOTE_TYPE_COMMON, amogatev1.NoteType_NOTE_TYPE_TASK_RESULT:
		note.Content = &amogatev1.Note_Text{Text: drawText(rt, "text")}
	case amogatev1.NoteType_NOTE_TYPE_CALL_IN, amogatev1.NoteType_NOTE_TYPE_CALL_OUT:
		note.Content = &amogatev1.Note_Call{Call: &amogatev1.NoteCall{
			UniqueId: drawDigits(rt, "unique id"), Source: drawText(rt, "source"), Link: drawMaybe(rt, "link"), Phone: drawDigits(rt, "phone"),
			Duration: &durationpb.Duration{Seconds: rapid.Int64Range(0, 1<<31-1).Draw(rt, "duration")}, Result: drawMaybe(rt, "result"),
			Status: amogatev1.CallStatus(rapid.Int32Range(0, 7).Draw(rt, "status")),
		}}
	case amogatev1.NoteType_NOTE_TYPE_SMS_IN, amogatev1.NoteType_NOTE_TYPE_SMS_OUT:
		note.Content = &amogatev1.Note_Sms{Sms: &amogatev1.NoteSms{Text: drawText(rt, "text"), Phone: drawDigits(rt, "phone")}}
	case amogatev1.NoteType_NOTE_TYPE_SERVICE_MESSAGE, amogatev1.NoteType_NOTE_TYPE_EXTENDED_SERVICE_MESSAGE:
		note.Content = &amogatev1.Note_ServiceMessage{ServiceMessage: &amogatev1.NoteServiceMessage{Service: drawText(rt, "service"), Text: drawText(rt, "text")}}
	case amogatev1.NoteType_NOTE_TYPE_ATTACHMENT:
		note.Content = &amogatev1.Note_Attachment{Attachment: &amogatev1.NoteAttachment{
			FileUuid: rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}`).Draw(rt, "file"), VersionUuid: drawDigits(rt, "version"), FileName: drawText(rt, "file name"),
		}}
	case amogatev1.NoteType_NOTE_TYPE_SITE_VISIT:
		note.Content = &amogatev1.Note_Link{Link: &amogatev1.NoteLink{Url: "https://example.com/" + drawDigits(rt, "page")}}
	case amogatev1.NoteType_NOTE_TYPE_GEOLOCATION:
		note.Content = &amogatev1.Note_Geolocation{Geolocation: &amogatev1.NoteGeolocation{
			Text: drawText(rt, "text"), Address: drawText(rt, "address"), Longitude: "37.6156", Latitude: "-55.75",
		}}
	case amogatev1.NoteType_NOTE_TYPE_CASHIER_MESSAGE:
		note.Content = &amogatev1.Note_CashierMessage{CashierMessage: &amogatev1.NoteCashierMessage{
			Status: amogatev1.CashierMessageStatus(rapid.Int32Range(1, 3).Draw(rt, "status")), Text: drawText(rt, "text"),
		}}
	case amogatev1.NoteType_NOTE_TYPE_INVOICE_PAID, amogatev1.NoteType_NOTE_TYPE_BILL_PAID:
		note.Content = &amogatev1.Note_Payment{Payment: &amogatev1.NotePayment{Service: drawText(rt, "service"), Text: drawText(rt, "text"), IconUrl: drawMaybe(rt, "icon")}}
	case amogatev1.NoteType_NOTE_TYPE_TARGETING_IN, amogatev1.NoteType_NOTE_TYPE_TARGETING_OUT:
		note.Content = &amogatev1.Note_Targeting{Targeting: &amogatev1.NoteTargeting{
			Contacts: structpb.NewStringValue(drawText(rt, "contacts")), Campaign: structpb.NewStringValue(drawText(rt, "campaign")), Service: drawText(rt, "service"),
		}}
	case amogatev1.NoteType_NOTE_TYPE_AI_RESULT:
		note.Content = &amogatev1.Note_AiResult{AiResult: &amogatev1.NoteAiResult{
			Text: drawText(rt, "text"), AnswerId: drawDigits(rt, "answer"), TalkId: drawID(rt, "talk"), Error: rapid.Bool().Draw(rt, "failed"),
		}}
	case amogatev1.NoteType_NOTE_TYPE_ZOOM_MEETING:
		note.Content = &amogatev1.Note_ZoomMeeting{ZoomMeeting: &amogatev1.NoteZoomMeeting{
			Conference: structpb.NewStringValue(drawText(rt, "conference")), Recordings: structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewBoolValue(true)}}),
		}}
	default:
		rt.Fatalf("no content is known of notes of type %s", t)
	}
}

// plainNote keeps of the content what a caller writes.
func plainNote(note *amogatev1.Note) *amogatev1.Note {
	if call := note.GetCall(); call != nil {
		call.StatusCode = ""
	}
	if message := note.GetCashierMessage(); message != nil {
		message.StatusCode = ""
	}
	if file := note.GetAttachment(); file != nil {
		file.OriginalName, file.Text, file.DownloadName, file.Drive = "", "", "", nil
	}
	return note
}
