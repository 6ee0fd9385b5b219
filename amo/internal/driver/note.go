package driver

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// contentOneof is the name of the oneof that holds the content of a note.
const contentOneof = "content"

// armText and armRaw are the arms of content that is a text, and of content that
// has no arm of its own.
const (
	armText = "text"
	armRaw  = "raw"
)

// noteType is what the contract says of a type of notes.
type noteType struct {
	arm string
	// v2 and v4 say that a note of the type can be made over that generation.
	v2, v4 bool
}

// noteTypes are the types of notes; those of a task are TASK_RESULT only, and no
// other record has one.
var noteTypes = map[amogatev1.NoteType]noteType{
	amogatev1.NoteType_NOTE_TYPE_LEAD_CREATED:             {arm: armText},
	amogatev1.NoteType_NOTE_TYPE_CONTACT_CREATED:          {arm: armText},
	amogatev1.NoteType_NOTE_TYPE_LEAD_STATUS_CHANGED:      {arm: "status_change"},
	amogatev1.NoteType_NOTE_TYPE_COMMON:                   {arm: armText, v2: true, v4: true},
	amogatev1.NoteType_NOTE_TYPE_ATTACHMENT:               {arm: "attachment", v4: true},
	amogatev1.NoteType_NOTE_TYPE_CALL:                     {arm: "call"},
	amogatev1.NoteType_NOTE_TYPE_MAIL_MESSAGE:             {arm: "mail"},
	amogatev1.NoteType_NOTE_TYPE_MAIL_MESSAGE_ATTACHMENT:  {arm: "attachment"},
	amogatev1.NoteType_NOTE_TYPE_EXTERNAL_ATTACHMENT:      {arm: "attachment"},
	amogatev1.NoteType_NOTE_TYPE_CALL_IN:                  {arm: "call", v2: true, v4: true},
	amogatev1.NoteType_NOTE_TYPE_CALL_OUT:                 {arm: "call", v2: true, v4: true},
	amogatev1.NoteType_NOTE_TYPE_COMPANY_CREATED:          {arm: armText},
	amogatev1.NoteType_NOTE_TYPE_TASK_RESULT:              {arm: armText, v2: true},
	amogatev1.NoteType_NOTE_TYPE_RESPONSIBLE_USER_CHANGED: {arm: armRaw},
	amogatev1.NoteType_NOTE_TYPE_AMOMAIL_MESSAGE:          {arm: "mail"},
	amogatev1.NoteType_NOTE_TYPE_SITE_VISIT:               {arm: "link", v4: true},
	amogatev1.NoteType_NOTE_TYPE_CHAT:                     {arm: armText},
	amogatev1.NoteType_NOTE_TYPE_LEAD_AUTO_CREATED:        {arm: "lead_auto_created"},
	amogatev1.NoteType_NOTE_TYPE_CUSTOMER_CREATED:         {arm: armText},
	amogatev1.NoteType_NOTE_TYPE_TRANSACTION:              {arm: "transaction"},
	amogatev1.NoteType_NOTE_TYPE_GEOLOCATION:              {arm: "geolocation", v4: true},
	amogatev1.NoteType_NOTE_TYPE_SERVICE_MESSAGE:          {arm: "service_message", v2: true, v4: true},
	amogatev1.NoteType_NOTE_TYPE_CASHIER_MESSAGE:          {arm: "cashier_message", v4: true},
	amogatev1.NoteType_NOTE_TYPE_INVOICE_PAID:             {arm: "payment", v4: true},
	amogatev1.NoteType_NOTE_TYPE_LINK_FOLLOWED:            {arm: "link"},
	amogatev1.NoteType_NOTE_TYPE_EXTENDED_SERVICE_MESSAGE: {arm: "service_message", v4: true},
	amogatev1.NoteType_NOTE_TYPE_ZOOM_MEETING:             {arm: "zoom_meeting", v4: true},
	amogatev1.NoteType_NOTE_TYPE_BILL_PAID:                {arm: "payment", v4: true},
	amogatev1.NoteType_NOTE_TYPE_KEY_ACTION_COMPLETED:     {arm: armRaw},
	amogatev1.NoteType_NOTE_TYPE_MAX_SYSTEM:               {arm: armRaw},
	amogatev1.NoteType_NOTE_TYPE_DROPBOX_ATTACHMENT:       {arm: "dropbox_attachment"},
	amogatev1.NoteType_NOTE_TYPE_SMS_IN:                   {arm: "sms", v2: true, v4: true},
	amogatev1.NoteType_NOTE_TYPE_SMS_OUT:                  {arm: "sms", v2: true, v4: true},
	amogatev1.NoteType_NOTE_TYPE_TARGETING_IN:             {arm: "targeting", v4: true},
	amogatev1.NoteType_NOTE_TYPE_TARGETING_OUT:            {arm: "targeting", v4: true},
	amogatev1.NoteType_NOTE_TYPE_AI_RESULT:                {arm: "ai_result", v4: true},
	amogatev1.NoteType_NOTE_TYPE_CUSTOMER_STATUS_CHANGED:  {arm: armRaw},
	amogatev1.NoteType_NOTE_TYPE_TAGS_ADDED:               {arm: armRaw},
	amogatev1.NoteType_NOTE_TYPE_TAGS_REMOVED:             {arm: armRaw},
}

// noteDefaults are the types of new notes that name none, by arm, where the
// contract settles one of several.
var noteDefaults = map[string]amogatev1.NoteType{
	armText:           amogatev1.NoteType_NOTE_TYPE_COMMON,
	"service_message": amogatev1.NoteType_NOTE_TYPE_SERVICE_MESSAGE,
}

// NoteArm returns the arm that the content of a note of type t has, as the field
// of Note is named. It is "raw" for types that are unknown here.
func NoteArm(t amogatev1.NoteType) string {
	if known, ok := noteTypes[t]; ok {
		return known.arm
	}
	return armRaw
}

// NoteContent returns the arm of the content that note has; "" = none.
func NoteContent(note *amogatev1.Note) string {
	m := note.ProtoReflect()
	field := m.WhichOneof(m.Descriptor().Oneofs().ByName(contentOneof))
	if field == nil {
		return ""
	}
	return string(field.Name())
}

// NoteArms are the arms of the content of notes, in the order of the message.
func NoteArms() []string {
	fields := noteDescriptor.Oneofs().ByName(contentOneof).Fields()
	arms := make([]string, fields.Len())
	for i := range arms {
		arms[i] = string(fields.Get(i).Name())
	}
	return arms
}

var noteDescriptor protoreflect.MessageDescriptor = (*amogatev1.Note)(nil).ProtoReflect().Descriptor()

// NewNoteType returns the type of a new note below a parent of this kind: its
// own, or the one that its content tells. It is NOTE_TYPE_UNSPECIFIED where the
// content does not tell.
func NewNoteType(kind amogatev1.ParentKind, note *amogatev1.Note) amogatev1.NoteType {
	if t := note.GetType(); t != amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED {
		return t
	}
	arm := NoteContent(note)
	if arm == armText && kind == amogatev1.ParentKind_PARENT_KIND_TASK {
		return amogatev1.NoteType_NOTE_TYPE_TASK_RESULT
	}
	if t, ok := noteDefaults[arm]; ok {
		return t
	}
	if types := creatableTypes(arm); len(types) == 1 {
		return types[0]
	}
	return amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED
}

// creatableTypes are the types with this arm that some generation makes, in the
// order of their numbers.
func creatableTypes(arm string) []amogatev1.NoteType {
	var types []amogatev1.NoteType
	for t, known := range noteTypes {
		if known.arm == arm && (known.v2 || known.v4) {
			types = append(types, t)
		}
	}
	slices.Sort(types)
	return types
}

// CanCreateNote says whether a note of type t can be made over generation g below
// a parent of this kind.
func CanCreateNote(g Generation, kind amogatev1.ParentKind, t amogatev1.NoteType) bool {
	isResult := t == amogatev1.NoteType_NOTE_TYPE_TASK_RESULT
	if isResult != (kind == amogatev1.ParentKind_PARENT_KIND_TASK) {
		return false
	}
	switch g {
	case V2:
		return noteTypes[t].v2
	case V4:
		return noteTypes[t].v4
	}
	return false
}

// CanWriteNoteArm says whether generation g can write content of this arm below
// a parent of this kind.
func CanWriteNoteArm(g Generation, kind amogatev1.ParentKind, arm string) bool {
	return slices.ContainsFunc(creatableTypes(arm), func(t amogatev1.NoteType) bool { return CanCreateNote(g, kind, t) })
}

// ServesNotes says whether generation g has notes of this kind of parents.
func ServesNotes(g Generation, kind amogatev1.ParentKind) bool {
	return slices.Contains(ParentKinds, kind) && (g == V2 || kind != amogatev1.ParentKind_PARENT_KIND_TASK)
}

// ParentField returns the name of the field that names a parent of this kind;
// "" for no kind.
func ParentField(kind amogatev1.ParentKind) string {
	for name, k := range parentFields {
		if k == kind {
			return string(name)
		}
	}
	return ""
}

// unshownNoteFields are the fields that a generation never shows of a note.
var unshownNoteFields = map[Generation][]string{
	V2: {"pinned", "trigger_digital_pipeline"},
	V4: {"trigger_digital_pipeline"},
}

// SupportsNote is Resource.Supports of the notes of this kind of parents.
func SupportsNote(g Generation, kind amogatev1.ParentKind, op Op, path string) bool {
	if !ServesNotes(g, kind) {
		return false
	}
	if path == "" {
		return op == OpList || op == OpGet || op == OpCreate || op == OpUpdate
	}
	field := noteDescriptor.Fields().ByName(protoreflect.Name(path))
	if field == nil {
		return false
	}
	oneof := field.ContainingOneof()
	isParent := oneof != nil && oneof.Name() == parentOneof
	isContent := oneof != nil && oneof.Name() == contentOneof
	switch op {
	case OpList, OpGet:
		if isParent {
			return path == ParentField(kind)
		}
		return !slices.Contains(unshownNoteFields[g], path)
	case OpCreate:
		switch {
		case isParent:
			return path == ParentField(kind)
		case isContent:
			return CanWriteNoteArm(g, kind, path)
		case path == "trigger_digital_pipeline":
			return g == V4
		}
		return slices.Contains([]string{"type", "responsible_user_id", "create_time", "created_by"}, path)
	case OpUpdate:
		return isContent && CanWriteNoteArm(g, kind, path) || path == "responsible_user_id" && g == V2
	default:
		return false
	}
}
