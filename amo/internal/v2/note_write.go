package v2

import (
	"maps"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// notesWrite is the body of a write; one of its lists is set.
type notesWrite struct {
	Add    []noteWrite `json:"add,omitzero"`
	Update []noteWrite `json:"update,omitzero"`
}

// noteWrite is an item of add or update; nil is not sent.
type noteWrite struct {
	ID                int64        `json:"id,omitzero"`
	RequestID         int          `json:"request_id,omitzero"`
	UpdatedAt         int64        `json:"updated_at,omitzero"`
	ElementID         int64        `json:"element_id,omitzero"`
	ElementType       int32        `json:"element_type,omitzero"`
	NoteType          int32        `json:"note_type,omitzero"`
	Text              *string      `json:"text,omitzero"`
	Params            *paramsWrite `json:"params,omitzero"`
	ResponsibleUserID *int64       `json:"responsible_user_id,omitzero"`
	CreatedAt         *int64       `json:"created_at,omitzero"`
	CreatedBy         *int64       `json:"created_by,omitzero"`
}

// paramsWrite are the parameters of calls and messages. The keys of calls are
// those that clients send; upstream tells none.
type paramsWrite struct {
	Text    string `json:"text,omitzero"`
	Service string `json:"service,omitzero"`
	// Messages are documented with "phone"; calls come with "PHONE".
	Phone      string `json:"phone,omitzero"`
	CallPhone  string `json:"PHONE,omitzero"`
	UniqueID   string `json:"UNIQ,omitzero"`
	Source     string `json:"SRC,omitzero"`
	Link       string `json:"LINK,omitzero"`
	Duration   *int64 `json:"DURATION,omitzero"`
	CallStatus int32  `json:"call_status,omitzero"`
	CallResult string `json:"call_result,omitzero"`
}

//amogate:operation POST /api/v2/notes#add rpc=NoteService.CreateNote,NoteService.BatchCreateNotes
func (n notes) create(_ *driver.Env, values []*amogatev1.Note) (driver.Call, error) {
	writes := make([]noteWrite, len(values))
	for i, value := range values {
		w := &writes[i]
		_, parent := driver.Parent(value)
		w.RequestID = i + 1
		w.ElementID = parent
		w.ElementType = int32(n.kind)
		w.NoteType = int32(driver.NewNoteType(n.kind, value))
		w.setContent(value)
		if id := value.GetResponsibleUserId(); id != 0 {
			// Upstream puts its own default only where the key is absent.
			w.ResponsibleUserID = &id
		}
		if t := value.GetCreateTime(); t != nil {
			w.CreatedAt = new(t.GetSeconds())
		}
		if value.CreatedBy != nil {
			w.CreatedBy = new(value.GetCreatedBy())
		}
	}
	return writeCall(notesName, notesPath, driver.OpCreate, driver.Create, notesWrite{Add: writes})
}

//amogate:operation POST /api/v2/notes#update rpc=NoteService.UpdateNote,NoteService.BatchUpdateNotes
func updateNotes(_ *driver.Env, changes []driver.Change[*amogatev1.Note]) (driver.Call, error) {
	writes := make([]noteWrite, len(changes))
	for i, change := range changes {
		w := &writes[i]
		w.ID = change.ID
		w.UpdatedAt = change.UpdateTime.Unix()
		for _, path := range change.Paths {
			switch path {
			case "responsible_user_id":
				w.ResponsibleUserID = new(change.Value.GetResponsibleUserId())
			case driver.NoteContent(change.Value):
				w.setContent(change.Value)
			}
		}
	}
	return writeCall(notesName, notesPath, driver.OpUpdate, driver.Set, notesWrite{Update: writes})
}

// setContent writes the content of a checked note: a text as such, all else as
// parameters.
func (w *noteWrite) setContent(value *amogatev1.Note) {
	switch content := value.GetContent().(type) {
	case *amogatev1.Note_Text:
		w.Text = &content.Text
	case *amogatev1.Note_ServiceMessage:
		w.Params = &paramsWrite{Service: content.ServiceMessage.GetService(), Text: content.ServiceMessage.GetText()}
	case *amogatev1.Note_Sms:
		w.Params = &paramsWrite{Phone: content.Sms.GetPhone(), Text: content.Sms.GetText()}
	case *amogatev1.Note_Call:
		call := content.Call
		w.Params = &paramsWrite{
			UniqueID:   call.GetUniqueId(),
			Source:     call.GetSource(),
			Link:       call.GetLink(),
			CallPhone:  call.GetPhone(),
			CallStatus: int32(call.GetStatus()),
			CallResult: call.GetResult(),
			Text:       call.GetText(),
		}
		if d := call.GetDuration(); d != nil {
			w.Params.Duration = new(d.GetSeconds())
		}
	}
}

// noteKeys are upstream's names of the fields of a note, as its texts mention
// them; that of the parent is added for each kind.
var noteKeys = map[string]string{
	"note_type":           "type",
	"text":                "text",
	"responsible_user_id": "responsible_user_id",
	"created_at":          "create_time",
	"created_by":          "created_by",
}

// Codes of the section of notes.
const (
	codeNoteNotFound   = "225"
	codeParentNotFound = "226"
)

// parentCodes are the codes of faults of the parent: not found, no or a wrong id
// or kind, and contacts or leads that are not found.
var parentCodes = map[string]bool{codeParentNotFound: true, "232": true, "233": true, "234": true}

func (n notes) keys() map[string]string {
	keys := maps.Clone(noteKeys)
	keys["element_id"] = driver.ParentField(n.kind)
	keys["element_type"] = driver.ParentField(n.kind)
	return keys
}

// classify adds the codes of notes; those of customers' notes have the codes of
// that section too.
func (n notes) classify(f failure) driver.Kind {
	switch f.code {
	case codeNoteNotFound:
		return driver.KindNotFound
	case codeParentNotFound, "218", "222", "224", "232", "233", "234":
		return driver.KindUpstreamInvalid
	case "221", "223":
		// It misses the kind of parents, or the method: not the API that is
		// spoken here.
		return driver.KindBadResponse
	}
	if n.kind == amogatev1.ParentKind_PARENT_KIND_CUSTOMER {
		return classifyCustomers(f)
	}
	return classify(f)
}

func (n notes) decodeWrite(op driver.Op, body []byte) (driver.WriteReply, error) {
	reply, err := writeReader{resource: notesName, op: op, classify: n.classify, keys: n.keys()}.decode(body)
	for _, e := range reply.Errors {
		n.nameParent(e.Err)
	}
	return reply, err
}

func (n notes) decodeError(r driver.Response) *driver.Error {
	e := decodeError(r, n.classify, n.keys())
	if e != nil {
		n.nameParent(e)
	}
	return e
}

// nameParent names the parent as the faulty field where the code tells.
func (n notes) nameParent(e *driver.Error) {
	if e.Kind == driver.KindUpstreamInvalid && parentCodes[e.Code] {
		e.Fields = []driver.FieldError{{Path: driver.ParentField(n.kind), Description: e.Message}}
	}
}
