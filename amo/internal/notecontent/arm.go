package notecontent

import (
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/types/known/durationpb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// arms read the arms of the content; each takes the parameters that it has
// fields for. Raw content has no reader.
var arms = map[string]func(*params, *amogatev1.Note){
	"text":               readPlain,
	"call":               readCall,
	"sms":                readSms,
	"attachment":         readAttachment,
	"service_message":    readServiceMessage,
	"geolocation":        readGeolocation,
	"cashier_message":    readCashierMessage,
	"status_change":      readStatusChange,
	"mail":               readMail,
	"link":               readLink,
	"payment":            readPayment,
	"targeting":          readTargeting,
	"ai_result":          readAiResult,
	"zoom_meeting":       readZoomMeeting,
	"transaction":        readTransaction,
	"dropbox_attachment": readDropboxAttachment,
	"lead_auto_created":  readLeadAutoCreated,
}

// readPlain leaves the content out when the text is empty: there is none.
func readPlain(p *params, note *amogatev1.Note) {
	if text := p.text(keyText); text != "" {
		note.Content = &amogatev1.Note_Text{Text: text}
	}
}

// maxDuration is the longest call in seconds.
const maxDuration = math.MaxInt32

func readCall(p *params, note *amogatev1.Note) {
	call := &amogatev1.NoteCall{
		UniqueId: p.text("uniq"),
		Source:   p.text("source", "src"),
		Link:     p.text("link"),
		Phone:    p.text("phone"),
		Result:   p.text("call_result"),
		Text:     p.text(keyText),
	}
	if seconds, ok := p.int(0, maxDuration, "duration"); ok {
		call.Duration = &durationpb.Duration{Seconds: seconds}
	}
	call.StatusCode = p.text("call_status")
	// The proto enum has upstream's numbers.
	if n, err := strconv.ParseInt(call.GetStatusCode(), 10, 32); err == nil && amogatev1.CallStatus_name[int32(n)] != "" {
		call.Status = amogatev1.CallStatus(n)
	}
	readResponsible(p, call)
	note.Content = &amogatev1.Note_Call{Call: call}
}

// readResponsible tells a user, whose id is a number, from a name or a phone,
// which are texts even where they are digits.
func readResponsible(p *params, call *amogatev1.NoteCall) {
	const key = "call_responsible"
	i := p.find(key)
	if i < 0 {
		return
	}
	if p.members[i].value.Kind() == jsontext.KindNumber {
		if id, ok := p.int(1, math.MaxInt64, key); ok {
			call.Responsible = &amogatev1.NoteCall_ResponsibleUserId{ResponsibleUserId: id}
		}
		return
	}
	if name := p.text(key); name != "" {
		call.Responsible = &amogatev1.NoteCall_ResponsibleName{ResponsibleName: name}
	}
}

func readSms(p *params, note *amogatev1.Note) {
	note.Content = &amogatev1.Note_Sms{Sms: &amogatev1.NoteSms{Text: p.text(keyText), Phone: p.text("phone")}}
}

func readAttachment(p *params, note *amogatev1.Note) {
	attachment := &amogatev1.NoteAttachment{
		FileUuid:     p.text("file_uuid"),
		VersionUuid:  p.text("version_uuid"),
		FileName:     p.text("file_name"),
		OriginalName: p.text("original_name"),
		Text:         p.text(keyText),
		DownloadName: p.text(keyAttachment),
	}
	if drive, ok := p.bool("is_drive_attachment"); ok {
		attachment.Drive = &drive
	}
	note.Content = &amogatev1.Note_Attachment{Attachment: attachment}
}

func readServiceMessage(p *params, note *amogatev1.Note) {
	note.Content = &amogatev1.Note_ServiceMessage{ServiceMessage: &amogatev1.NoteServiceMessage{
		Service: p.text("service"), Text: p.text(keyText),
	}}
}

func readGeolocation(p *params, note *amogatev1.Note) {
	note.Content = &amogatev1.Note_Geolocation{Geolocation: &amogatev1.NoteGeolocation{
		Text: p.text(keyText), Address: p.text("address"), Longitude: p.text("longitude"), Latitude: p.text("latitude"),
	}}
}

// cashierStatuses are upstream's words for what became of a message.
var cashierStatuses = map[string]amogatev1.CashierMessageStatus{
	"created":  amogatev1.CashierMessageStatus_CASHIER_MESSAGE_STATUS_CREATED,
	"shown":    amogatev1.CashierMessageStatus_CASHIER_MESSAGE_STATUS_SHOWN,
	"canceled": amogatev1.CashierMessageStatus_CASHIER_MESSAGE_STATUS_CANCELED,
}

func readCashierMessage(p *params, note *amogatev1.Note) {
	message := &amogatev1.NoteCashierMessage{StatusCode: p.text("status"), Text: p.text(keyText)}
	message.Status = cashierStatuses[message.GetStatusCode()]
	note.Content = &amogatev1.Note_CashierMessage{CashierMessage: message}
}

// id takes an id; what is not told is 0.
func (p *params) id(name string) int64 {
	id, _ := p.int(0, math.MaxInt64, name)
	return id
}

func readStatusChange(p *params, note *amogatev1.Note) {
	note.Content = &amogatev1.Note_StatusChange{StatusChange: &amogatev1.NoteStatusChange{
		NewStatusId:   p.id("status_new"),
		OldStatusId:   p.id("status_old"),
		NewPipelineId: p.id("pipeline_id_new"),
		OldPipelineId: p.id("pipeline_id_old"),
		LossReasonId:  p.id("loss_reason_id"),
	}}
	// A text alone does not tell what changed.
	if p.set {
		note.GetStatusChange().Text = p.text(keyText)
	}
}

func readMail(p *params, note *amogatev1.Note) {
	mail := &amogatev1.NoteMail{
		ThreadId:       p.id("thread_id"),
		MessageId:      p.id("message_id"),
		From:           readAddress(p, "from"),
		To:             readAddress(p, "to"),
		Subject:        p.text("subject"),
		ContentSummary: p.text("content_summary"),
		Delivery:       p.value("delivery"),
	}
	mail.Private, _ = p.bool("private")
	mail.Incoming, _ = p.bool("income")
	if n, ok := p.int(0, math.MaxInt32, "attach_cnt"); ok {
		mail.AttachmentCount = int32(n) //nolint:gosec // checked by int
	}
	note.Content = &amogatev1.Note_Mail{Mail: mail}
}

// readAddress takes an end of an e-mail; one that holds anything else stays.
func readAddress(p *params, name string) *amogatev1.NoteMailAddress {
	address, _ := take(p, func(raw jsontext.Value) (*amogatev1.NoteMailAddress, bool) {
		members, ok := readMembers(raw)
		if !ok {
			return nil, false
		}
		inner := &params{members: members}
		address := &amogatev1.NoteMailAddress{Email: inner.text("email"), Name: inner.text("name")}
		rest, err := inner.rest()
		return address, err == nil && rest == nil
	}, name)
	return address
}

func readLink(p *params, note *amogatev1.Note) {
	note.Content = &amogatev1.Note_Link{Link: &amogatev1.NoteLink{Url: p.text("url")}}
}

func readPayment(p *params, note *amogatev1.Note) {
	note.Content = &amogatev1.Note_Payment{Payment: &amogatev1.NotePayment{
		Service: p.text("service"), Text: p.text(keyText), IconUrl: p.text("icon_url"),
	}}
}

func readTargeting(p *params, note *amogatev1.Note) {
	note.Content = &amogatev1.Note_Targeting{Targeting: &amogatev1.NoteTargeting{
		Contacts: p.value("contacts"), Campaign: p.value("campaign"), Service: p.text("service"),
	}}
}

func readAiResult(p *params, note *amogatev1.Note) {
	result := &amogatev1.NoteAiResult{Text: p.text(keyText), AnswerId: p.text("answer_id"), TalkId: p.id("talk_id")}
	result.Error, _ = p.bool("is_error")
	note.Content = &amogatev1.Note_AiResult{AiResult: result}
}

func readZoomMeeting(p *params, note *amogatev1.Note) {
	note.Content = &amogatev1.Note_ZoomMeeting{ZoomMeeting: &amogatev1.NoteZoomMeeting{
		Conference: p.value("conference"), Recordings: p.value("recordings"),
	}}
}

func readTransaction(p *params, note *amogatev1.Note) {
	note.Content = &amogatev1.Note_Transaction{Transaction: &amogatev1.NoteTransaction{TransactionId: p.id("transaction_id")}}
}

func readDropboxAttachment(p *params, note *amogatev1.Note) {
	note.Content = &amogatev1.Note_DropboxAttachment{DropboxAttachment: &amogatev1.NoteDropboxAttachment{
		Url: p.text("link", "url"), FileName: p.text("filename", "file_name"),
	}}
}

func readLeadAutoCreated(p *params, note *amogatev1.Note) {
	note.Content = &amogatev1.Note_LeadAutoCreated{LeadAutoCreated: &amogatev1.NoteLeadAutoCreated{
		Type: p.text("type"), LeadType: p.text("lead_type"), LeadId: p.id("lead_id"), Link: p.value("link"),
	}}
}
