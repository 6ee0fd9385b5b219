package driver

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// noteReport collects what keeps a note from being written.
type noteReport struct {
	generation Generation
	kind       amogatev1.ParentKind
	fields     []FieldError
	// isInvalid says that a field is wrong, and not only beyond the generation.
	isInvalid bool
}

func (r *noteReport) invalid(path, format string, args ...any) {
	r.isInvalid = true
	r.fields = append(r.fields, FieldError{Path: path, Description: fmt.Sprintf(format, args...)})
}

func (r *noteReport) unsupported(path, format string, args ...any) {
	r.fields = append(r.fields, FieldError{Path: path, Description: fmt.Sprintf(format, args...)})
}

// err returns nil when nothing was reported. A value that is wrong anywhere is
// wrong, whatever else is not supported.
func (r *noteReport) err(op Op, id int64) error {
	if len(r.fields) == 0 {
		return nil
	}
	e := &Error{Kind: KindInvalid, Op: "notes." + string(op), ID: id, Fields: r.fields, Message: "the note cannot be written"}
	if !r.isInvalid {
		e.Kind = KindUnsupported
		e.Generation = r.generation
		e.Message = "API " + r.generation.String() + " cannot express a field of the note"
	}
	return e
}

// CheckNote is Resource.Check of the notes of this kind of parents in generation
// g.
func CheckNote(g Generation, kind amogatev1.ParentKind, op Op, note *amogatev1.Note, paths []string) error {
	r := &noteReport{generation: g, kind: kind}
	if op == OpCreate {
		r.newNote(note)
		if len(paths) == 0 {
			paths = slices.DeleteFunc(setNoteFields(note), func(path string) bool { return outputOnlyNoteFields[path] })
		}
	}
	for _, path := range paths {
		if path == NoteContent(note) && op == OpCreate {
			// newNote has told whether it fits; what is in it is checked here.
			if CanWriteNoteArm(g, kind, path) {
				r.content(op, note)
			}
			continue
		}
		r.field(op, note, path)
	}
	return r.err(op, 0)
}

// CheckNoteChange is Resource.CheckChange of notes.
func CheckNoteChange(g Generation, change Change[*amogatev1.Note]) error {
	r := &noteReport{generation: g}
	before := change.Before
	for _, path := range change.Paths {
		if !isNoteArm(path) {
			continue
		}
		switch want := NoteArm(before.GetType()); {
		case before.Editable != nil && !before.GetEditable():
			r.invalid(path, "upstream lets this note not be changed; make a new one")
		case path != want:
			r.invalid(path, "the note is of type %s, whose content is %s", noteTypeName(before), want)
		}
	}
	return r.err(OpUpdate, change.ID)
}

// NoteNeedsBefore is Resource.NeedsBefore of notes: whether content fits shows
// only beside the type.
func NoteNeedsBefore(note *amogatev1.Note, paths []string) bool {
	return note.GetType() == amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED && slices.ContainsFunc(paths, isNoteArm)
}

func isNoteArm(path string) bool { return slices.Contains(NoteArms(), path) }

// newNote checks what a new note must have: a parent, a content and a type that
// fit each other.
func (r *noteReport) newNote(note *amogatev1.Note) {
	parent := ParentField(r.kind)
	if kind, id := Parent(note); kind != r.kind || id <= 0 {
		r.invalid(parent, "is required of a new note")
	}
	arm := NoteContent(note)
	switch {
	case arm == "":
		r.invalid(contentOneof, "is required of a new note; set text or another arm")
		return
	case outputOnlyNoteFields[arm]:
		r.invalid(arm, "is output only; such notes are upstream's to make")
		return
	}
	t := NewNoteType(r.kind, note)
	switch {
	case t == amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED:
		r.invalid("type", "is required where %s does not tell it; set %s", arm, typeNames(creatableTypes(arm)))
	case r.canCreateAnywhere(t) && NoteArm(t) != arm:
		r.invalid(arm, "the content of a note of type %s is %s", typeName(t), NoteArm(t))
	case CanCreateNote(r.generation, r.kind, t):
	case r.canCreateAnywhere(t):
		r.unsupported("type", "API %s cannot make notes of type %s", r.generation, typeName(t))
	case r.kind == amogatev1.ParentKind_PARENT_KIND_TASK:
		r.invalid("type", "the only notes of tasks are of type TASK_RESULT")
	case t == amogatev1.NoteType_NOTE_TYPE_TASK_RESULT:
		r.invalid("type", "only tasks have notes of type TASK_RESULT")
	default:
		r.invalid("type", "notes of type %s are upstream's to make", typeName(t))
	}
}

func (r *noteReport) canCreateAnywhere(t amogatev1.NoteType) bool {
	return CanCreateNote(V2, r.kind, t) || CanCreateNote(V4, r.kind, t)
}

// field checks one field to write.
func (r *noteReport) field(op Op, note *amogatev1.Note, path string) {
	switch {
	case noteDescriptor.Fields().ByName(protoreflect.Name(path)) == nil:
		r.invalid(path, "a note has no such field")
	case outputOnlyNoteFields[path]:
		r.invalid(path, "is output only")
	case op == OpUpdate && immutableNoteFields[path]:
		r.invalid(path, "can be set on create only")
	case isNoteArm(path) && path != NoteContent(note):
		r.invalid(path, "can be replaced and not cleared; set it or leave it out")
	case isNoteArm(path) && note.GetType() != amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED && NoteArm(note.GetType()) != path:
		r.invalid(path, "the content of a note of type %s is %s", typeName(note.GetType()), NoteArm(note.GetType()))
	case isNoteArm(path) && !CanWriteNoteArm(r.generation, r.kind, path):
		r.unsupported(path, "API %s cannot write it", r.generation)
	case isNoteArm(path):
		r.content(op, note)
	case path == "trigger_digital_pipeline" && r.generation != V4:
		r.unsupported(path, "only API v4 has it; leave it out")
	case path == "create_time":
		r.instant(path, note.GetCreateTime())
	case path == "responsible_user_id" && op == OpUpdate && r.generation == V4:
		r.unsupported(path, "API v4 changes the content of notes alone; leave it out")
	case path == "responsible_user_id":
		r.notNegative(path, note.GetResponsibleUserId())
	case path == "created_by":
		r.notNegative(path, note.GetCreatedBy())
	}
}

// maxInstant is the last second of the year 9999.
const maxInstant = 253402300799

func (r *noteReport) instant(path string, t *timestamppb.Timestamp) {
	switch {
	case t == nil:
	case t.GetNanos() != 0:
		r.invalid(path, "must be in whole seconds")
	case t.GetSeconds() <= 0 || t.GetSeconds() > maxInstant:
		r.invalid(path, "must lie after 1970-01-01T00:00:00Z and before the year 10000")
	}
}

func (r *noteReport) notNegative(path string, n int64) {
	if n < 0 {
		r.invalid(path, "must not be negative")
	}
}

// content checks the arm that is set. What is required of new content may be
// missing from a change: whether it does is upstream's to say.
func (r *noteReport) content(op Op, note *amogatev1.Note) {
	required := func(path, text string) {
		if op == OpCreate && strings.TrimSpace(text) == "" {
			r.invalid(path, "is required of a new note")
		}
	}
	switch content := note.GetContent().(type) {
	case *amogatev1.Note_Text:
		if content.Text == "" {
			r.invalid(armText, "must not be empty")
		}
	case *amogatev1.Note_Call:
		required("call.source", content.Call.GetSource())
		r.call(op, content.Call)
	case *amogatev1.Note_Sms:
		required("sms.text", content.Sms.GetText())
	case *amogatev1.Note_Attachment:
		required("attachment.file_uuid", content.Attachment.GetFileUuid())
		required("attachment.file_name", content.Attachment.GetFileName())
	case *amogatev1.Note_ServiceMessage:
		required("service_message.service", content.ServiceMessage.GetService())
		required("service_message.text", content.ServiceMessage.GetText())
	case *amogatev1.Note_Link:
		required("link.url", content.Link.GetUrl())
	case *amogatev1.Note_Payment:
		required("payment.service", content.Payment.GetService())
		required("payment.text", content.Payment.GetText())
	case *amogatev1.Note_Geolocation:
		r.degrees("geolocation.longitude", content.Geolocation.GetLongitude())
		r.degrees("geolocation.latitude", content.Geolocation.GetLatitude())
	case *amogatev1.Note_Targeting:
		r.json("targeting.contacts", content.Targeting.GetContacts())
		r.json("targeting.campaign", content.Targeting.GetCampaign())
	case *amogatev1.Note_ZoomMeeting:
		r.json("zoom_meeting.conference", content.ZoomMeeting.GetConference())
		r.json("zoom_meeting.recordings", content.ZoomMeeting.GetRecordings())
	}
}

// json checks a value that is passed through: one that is not set in it, and
// numbers that JSON does not have, cannot be sent.
func (r *noteReport) json(path string, v *structpb.Value) {
	if v == nil {
		return
	}
	if _, err := v.MarshalJSON(); err != nil {
		r.invalid(path, "is no JSON value")
	}
}

// maxDuration is the longest call in seconds.
const maxDuration = 1<<31 - 1

func (r *noteReport) call(op Op, call *amogatev1.NoteCall) {
	switch d := call.GetDuration(); {
	case d == nil && op == OpCreate:
		r.invalid("call.duration", "is required of a new note; zero is fine")
	case d == nil:
	case d.GetNanos() != 0:
		r.invalid("call.duration", "must be in whole seconds")
	case d.GetSeconds() < 0 || d.GetSeconds() > maxDuration:
		r.invalid("call.duration", "must lie between 0 and %d seconds", maxDuration)
	}
	if _, known := amogatev1.CallStatus_name[int32(call.GetStatus())]; !known {
		r.invalid("call.status", "is not a status of calls")
	}
	switch {
	case r.generation == V2:
		switch call.GetResponsible().(type) {
		case *amogatev1.NoteCall_ResponsibleUserId:
			r.unsupported("call.responsible_user_id", "only API v4 has it; leave it out")
		case *amogatev1.NoteCall_ResponsibleName:
			r.unsupported("call.responsible_name", "only API v4 has it; leave it out")
		}
	case call.GetText() != "":
		r.unsupported("call.text", "only API v2 has it; leave it out")
	}
}

// ExplainNote completes upstream's refusal of note. A codec does not know which
// arm a parameter belongs to that several have: it names it below "content", which
// becomes the arm that note has.
func ExplainNote(note *amogatev1.Note, refusal *Error) {
	arm := NoteContent(note)
	if arm == "" {
		return
	}
	for i, field := range refusal.Fields {
		rest, isContent := strings.CutPrefix(field.Path, contentOneof)
		switch {
		case !isContent:
		case arm == armText:
			// A text has nothing below it.
			refusal.Fields[i].Path = armText
		default:
			refusal.Fields[i].Path = arm + rest
		}
	}
}

// degrees takes "" for not told.
func (r *noteReport) degrees(path, text string) {
	digits, points := 0, 0
	for _, c := range strings.TrimLeft(text, "+-") {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			points++
		default:
			points = 2
		}
	}
	if text != "" && (digits == 0 || points > 1) {
		r.invalid(path, "must be a decimal number such as 37.6156")
	}
}

// setNoteFields are the fields of note that are set, in the order of the message.
func setNoteFields(note *amogatev1.Note) []string {
	var paths []string
	m := note.ProtoReflect()
	for i := range noteDescriptor.Fields().Len() {
		if field := noteDescriptor.Fields().Get(i); m.Has(field) {
			paths = append(paths, string(field.Name()))
		}
	}
	return paths
}

func typeName(t amogatev1.NoteType) string { return strings.TrimPrefix(t.String(), "NOTE_TYPE_") }

// noteTypeName names the type of a note as upstream codes it where it is unknown
// here.
func noteTypeName(note *amogatev1.Note) string {
	if note.GetType() == amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED {
		return fmt.Sprintf("%q", note.GetTypeCode())
	}
	return typeName(note.GetType())
}

func typeNames(types []amogatev1.NoteType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = typeName(t)
	}
	return strings.Join(names, " or ")
}

// The fields of notes that are output-only, and those that can be set on create
// only.
var outputOnlyNoteFields, immutableNoteFields = noteFieldBehaviors()

func noteFieldBehaviors() (outputOnly, immutable map[string]bool) {
	outputOnly, immutable = map[string]bool{}, map[string]bool{}
	for i := range noteDescriptor.Fields().Len() {
		field := noteDescriptor.Fields().Get(i)
		behaviors, _ := proto.GetExtension(field.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
		outputOnly[string(field.Name())] = slices.Contains(behaviors, annotations.FieldBehavior_OUTPUT_ONLY)
		immutable[string(field.Name())] = slices.Contains(behaviors, annotations.FieldBehavior_IMMUTABLE)
	}
	return outputOnly, immutable
}
