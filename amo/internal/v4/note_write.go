package v4

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// noteWrite is a note as it is written; what is nil is not sent.
type noteWrite struct {
	ID       int64  `json:"id,omitzero"`
	EntityID int64  `json:"entity_id,omitzero"`
	NoteType string `json:"note_type,omitzero"`
	// Params is nil where the content does not change.
	Params            map[string]any `json:"params,omitzero"`
	CreatedBy         *int64         `json:"created_by,omitzero"`
	ResponsibleUserID *int64         `json:"responsible_user_id,omitzero"`
	CreatedAt         *int64         `json:"created_at,omitzero"`
	Trigger           *bool          `json:"is_need_to_trigger_digital_pipeline,omitzero"`
	RequestID         string         `json:"request_id"`
}

// create sends notes of one parent below it, and those of several with the id of
// each.
//
//amogate:operation POST /api/v4/{entity_type}/notes rpc=NoteService.BatchCreateNotes
//amogate:operation POST /api/v4/{entity_type}/{entity_id}/notes rpc=NoteService.CreateNote,NoteService.BatchCreateNotes
func (n notes) create(_ *driver.Env, values []*amogatev1.Note) (driver.Call, error) {
	common := commonParent(values)
	writes := make([]noteWrite, len(values))
	for i, value := range values {
		w := &writes[i]
		w.RequestID = requestID(i)
		w.NoteType = noteWords[driver.NewNoteType(n.kind, value)]
		w.Params = noteParams(value)
		w.Trigger = value.TriggerDigitalPipeline
		if common == 0 {
			_, w.EntityID = driver.Parent(value)
		}
		if id := value.GetResponsibleUserId(); id != 0 {
			// Upstream puts its own default only where the key is absent.
			w.ResponsibleUserID = &id
		}
		if value.CreatedBy != nil {
			w.CreatedBy = new(value.GetCreatedBy())
		}
		if t := value.GetCreateTime(); t != nil {
			w.CreatedAt = new(t.GetSeconds())
		}
	}
	return writeCall(notesName, driver.OpCreate, http.MethodPost, n.collectionPath(common), driver.Create, writes)
}

// commonParent returns the id of the parent of all values; 0 = they have
// several.
func commonParent(values []*amogatev1.Note) int64 {
	common := int64(0)
	for i, value := range values {
		_, id := driver.Parent(value)
		if i > 0 && id != common {
			return 0
		}
		common = id
	}
	return common
}

// update sends one change to the path of its note, and several in a list.
//
//amogate:operation PATCH /api/v4/{entity_type}/{entity_id}/notes/{id} rpc=NoteService.UpdateNote,NoteService.BatchUpdateNotes
//amogate:operation PATCH /api/v4/{entity_type}/notes rpc=NoteService.BatchUpdateNotes
//amogate:unused PATCH /api/v4/{entity_type}/notes/{id} the path with the parent is the documented one
//amogate:unused PATCH /api/v4/{entity_type}/{entity_id}/notes the list of the whole kind takes notes of one parent too
func (n notes) update(_ *driver.Env, changes []driver.Change[*amogatev1.Note]) (driver.Call, error) {
	writes := make([]noteWrite, len(changes))
	for i, change := range changes {
		w := &writes[i]
		w.RequestID = requestID(i)
		w.ID, w.EntityID = change.ID, changedParent(change)
		for _, path := range change.Paths {
			switch path {
			case "responsible_user_id":
				w.ResponsibleUserID = new(change.Value.GetResponsibleUserId())
			case driver.NoteContent(change.Value):
				t := change.Value.GetType()
				if t == amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED {
					t = change.Before.GetType()
				}
				if t == amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED {
					return driver.Call{}, &driver.Error{
						Kind:    driver.KindBug,
						Op:      notesName + "." + string(driver.OpUpdate),
						ID:      change.ID,
						Message: "a change of content came without the type of the note",
					}
				}
				w.NoteType = noteWords[t]
				w.Params = noteParams(change.Value)
			}
		}
	}
	if len(writes) != 1 {
		return writeCall(notesName, driver.OpUpdate, http.MethodPatch, n.collectionPath(0), driver.Set, writes)
	}
	// The path names both.
	path := itemPath(n.collectionPath(writes[0].EntityID), changes[0].ID)
	writes[0].ID, writes[0].EntityID = 0, 0
	return writeCall(notesName, driver.OpUpdate, http.MethodPatch, path, driver.Set, writes[0])
}

// changedParent returns the parent that the change names, or that the note has.
func changedParent(change driver.Change[*amogatev1.Note]) int64 {
	if _, id := driver.Parent(change.Value); id != 0 {
		return id
	}
	if change.Before == nil {
		return 0
	}
	_, id := driver.Parent(change.Before)
	return id
}

// noteParams returns the parameters of a checked note. Texts that are empty are
// left out, as upstream takes no blanks; keys that a type does not have are
// refused, which those of read-only parameters are.
func noteParams(value *amogatev1.Note) map[string]any {
	params := map[string]any{}
	text := func(key, text string) {
		if text != "" {
			params[key] = text
		}
	}
	anyValue := func(key string, v *structpb.Value) {
		if v != nil {
			params[key] = v.AsInterface()
		}
	}
	switch content := value.GetContent().(type) {
	case *amogatev1.Note_Text:
		text("text", content.Text)
	case *amogatev1.Note_Call:
		call := content.Call
		text("uniq", call.GetUniqueId())
		text("source", call.GetSource())
		text("link", call.GetLink())
		text("phone", call.GetPhone())
		text("call_result", call.GetResult())
		if d := call.GetDuration(); d != nil {
			params["duration"] = d.GetSeconds()
		}
		if s := call.GetStatus(); s != amogatev1.CallStatus_CALL_STATUS_UNSPECIFIED {
			params["call_status"] = int32(s)
		}
		switch by := call.GetResponsible().(type) {
		case *amogatev1.NoteCall_ResponsibleUserId:
			params["call_responsible"] = by.ResponsibleUserId
		case *amogatev1.NoteCall_ResponsibleName:
			text("call_responsible", by.ResponsibleName)
		}
	case *amogatev1.Note_Sms:
		text("text", content.Sms.GetText())
		text("phone", content.Sms.GetPhone())
	case *amogatev1.Note_Attachment:
		text("file_uuid", content.Attachment.GetFileUuid())
		text("version_uuid", content.Attachment.GetVersionUuid())
		text("file_name", content.Attachment.GetFileName())
	case *amogatev1.Note_ServiceMessage:
		text("service", content.ServiceMessage.GetService())
		text("text", content.ServiceMessage.GetText())
	case *amogatev1.Note_Geolocation:
		text("text", content.Geolocation.GetText())
		text("address", content.Geolocation.GetAddress())
		text("longitude", content.Geolocation.GetLongitude())
		text("latitude", content.Geolocation.GetLatitude())
	case *amogatev1.Note_CashierMessage:
		text("status", cashierWords[content.CashierMessage.GetStatus()])
		text("text", content.CashierMessage.GetText())
	case *amogatev1.Note_Link:
		text("url", content.Link.GetUrl())
	case *amogatev1.Note_Payment:
		text("service", content.Payment.GetService())
		text("text", content.Payment.GetText())
		text("icon_url", content.Payment.GetIconUrl())
	case *amogatev1.Note_Targeting:
		anyValue("contacts", content.Targeting.GetContacts())
		anyValue("campaign", content.Targeting.GetCampaign())
		text("service", content.Targeting.GetService())
	case *amogatev1.Note_AiResult:
		text("text", content.AiResult.GetText())
		text("answer_id", content.AiResult.GetAnswerId())
		if id := content.AiResult.GetTalkId(); id != 0 {
			params["talk_id"] = id
		}
		params["is_error"] = content.AiResult.GetError()
	case *amogatev1.Note_ZoomMeeting:
		anyValue("conference", content.ZoomMeeting.GetConference())
		anyValue("recordings", content.ZoomMeeting.GetRecordings())
	}
	return params
}

// cashierWords are upstream's words for what became of a message.
var cashierWords = map[amogatev1.CashierMessageStatus]string{
	amogatev1.CashierMessageStatus_CASHIER_MESSAGE_STATUS_CREATED:  "created",
	amogatev1.CashierMessageStatus_CASHIER_MESSAGE_STATUS_SHOWN:    "shown",
	amogatev1.CashierMessageStatus_CASHIER_MESSAGE_STATUS_CANCELED: "canceled",
}

// decodeWrite decodes the answer to a write. Changes are not answered with the
// ids of their requests.
func (n notes) decodeWrite(op driver.Op, body []byte) (driver.WriteReply, error) {
	if err := checkFound(notesName, op, body); err != nil {
		return driver.WriteReply{}, err
	}
	return writeReader{resource: notesName, op: op, keys: []string{notesKey}, errors: n.errors(), told: toldNote}.decode(body)
}

// toldNote keeps the times and the account.
func toldNote(raw jsontext.Value) (proto.Message, error) {
	var w struct {
		CreatedAt wire.Unix `json:"created_at"`
		UpdatedAt wire.Unix `json:"updated_at"`
		AccountID wire.Int  `json:"account_id"`
	}
	if err := wire.Unmarshal(raw, &w); err != nil {
		return nil, err
	}
	return told(&amogatev1.Note{
		CreateTime: w.CreatedAt.Timestamp(), UpdateTime: w.UpdatedAt.Timestamp(), AccountId: optional(w.AccountID),
	}), nil
}

// notePaths are upstream's names of the fields of a note. Parameters that several
// arms have lie below "content"; driver.ExplainNote knows the arm.
var notePaths = pathMap{
	"note_type":                           "type",
	"responsible_user_id":                 "responsible_user_id",
	"created_at":                          "create_time",
	"created_by":                          "created_by",
	"is_need_to_trigger_digital_pipeline": "trigger_digital_pipeline",
	"params":                              "content",
	"params.text":                         "content.text",
	"params.phone":                        "content.phone",
	"params.service":                      "content.service",
	"params.uniq":                         "call.unique_id",
	"params.duration":                     "call.duration",
	"params.source":                       "call.source",
	"params.link":                         "call.link",
	"params.call_responsible":             "call",
	"params.call_result":                  "call.result",
	"params.call_status":                  "call.status",
	"params.file_uuid":                    "attachment.file_uuid",
	"params.version_uuid":                 "attachment.version_uuid",
	"params.file_name":                    "attachment.file_name",
	"params.status":                       "cashier_message.status",
	"params.address":                      "geolocation.address",
	"params.longitude":                    "geolocation.longitude",
	"params.latitude":                     "geolocation.latitude",
	"params.url":                          "link.url",
	"params.icon_url":                     "payment.icon_url",
	"params.contacts":                     "targeting.contacts",
	"params.campaign":                     "targeting.campaign",
	"params.answer_id":                    "ai_result.answer_id",
	"params.talk_id":                      "ai_result.talk_id",
	"params.is_error":                     "ai_result.error",
	"params.conference":                   "zoom_meeting.conference",
	"params.recordings":                   "zoom_meeting.recordings",
}

func (n notes) errors() errorReader {
	return errorReader{
		field: func(path string) string {
			if path == "entity_id" {
				return driver.ParentField(n.kind)
			}
			return notePaths.field(path)
		},
		ofCustomers: n.kind == amogatev1.ParentKind_PARENT_KIND_CUSTOMER,
	}
}

// decodeError leaves the answer to the read of an unknown note to the decoder of
// data, where it is no rows.
func (n notes) decodeError(r driver.Response) *driver.Error {
	if isMissing(r) {
		return nil
	}
	return n.errors().decode(r)
}
