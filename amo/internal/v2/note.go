package v2

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/notecontent"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// notesName is the resource in operation names.
const notesName = "notes"

const notesPath = "/api/v2/notes"

// noteParents are upstream's words for the kinds of parents. That it takes the
// one of customers is not documented; clients send it.
var noteParents = map[amogatev1.ParentKind]string{
	amogatev1.ParentKind_PARENT_KIND_CONTACT:  "contact",
	amogatev1.ParentKind_PARENT_KIND_LEAD:     "lead",
	amogatev1.ParentKind_PARENT_KIND_COMPANY:  "company",
	amogatev1.ParentKind_PARENT_KIND_TASK:     "task",
	amogatev1.ParentKind_PARENT_KIND_CUSTOMER: "customer",
}

// notes is the codec of the notes of one kind of parents.
type notes struct {
	kind amogatev1.ParentKind
}

// Notes is the codec of the notes of one kind of parents. The filter is a whole
// request, for its parent and its filter; the page token is not looked at.
func Notes(kind amogatev1.ParentKind) driver.Resource[*amogatev1.Note, *amogatev1.ListNotesRequest] {
	n := notes{kind: kind}
	return driver.Resource[*amogatev1.Note, *amogatev1.ListNotesRequest]{
		Name:       notesName,
		Generation: driver.V2,
		MaxPage:    maxPage,
		MaxIDs:     maxIDs,
		MaxBatch:   maxBatch,
		Locks:      true,
		Supports: func(op driver.Op, path string) bool {
			return driver.SupportsNote(driver.V2, kind, op, path)
		},
		List:       n.list,
		Local:      localNoteFields,
		ByIDs:      n.byIDs,
		DecodeList: n.decodeList,
		Check: func(_ *driver.Env, op driver.Op, value *amogatev1.Note, paths []string) error {
			return driver.CheckNote(driver.V2, kind, op, value, paths)
		},
		NeedsBefore: driver.NoteNeedsBefore,
		CheckChange: func(change driver.Change[*amogatev1.Note]) error {
			return driver.CheckNoteChange(driver.V2, change)
		},
		Create:      n.create,
		Update:      updateNotes,
		DecodeWrite: n.decodeWrite,
		DecodeError: n.decodeError,
	}
}

// list asks for one type of notes where the filter names one; more than one
// upstream is not known to take.
//
//amogate:operation GET /api/v2/notes rpc=NoteService.ListNotes,NoteService.ListNotesPage
func (n notes) list(_ *driver.Env, filter *amogatev1.ListNotesRequest, offset int64, limit int) (driver.Call, error) {
	query, err := pageQuery(notesName, offset, limit)
	if err != nil {
		return driver.Call{}, err
	}
	query.Set("type", noteParents[n.kind])
	if kind, id := driver.Parent(filter); kind == n.kind && id != 0 {
		query.Set("element_id", strconv.FormatInt(id, 10))
	}
	if code, ok := onlyNoteType(filter.GetFilter().GetTypes()); ok {
		query.Set("note_type", code)
	}
	return driver.Call{
		Name:   notesName + ".list",
		Method: http.MethodGet,
		Path:   notesPath,
		Query:  query,
		Header: modifiedSince(filter.GetFilter().GetUpdateTime()),
		Effect: driver.Read,
	}, nil
}

// onlyNoteType returns the code of the only type that is asked for; false when
// there are several, or none, or one that has no code.
func onlyNoteType(types []amogatev1.NoteType) (string, bool) {
	types = slices.Clone(types)
	slices.Sort(types)
	if types = slices.Compact(types); len(types) != 1 {
		return "", false
	}
	code := strconv.Itoa(int(types[0]))
	return code, noteType(code) == types[0]
}

// modifiedSince asks for what was changed in a range. Upstream answers what was
// changed later than the instant, which is a second before the first one wanted.
func modifiedSince(r *amogatev1.TimeRange) http.Header {
	start := r.GetStartTime().GetSeconds()
	if start <= 1 || start > wire.MaxUnix {
		return nil
	}
	return http.Header{"If-Modified-Since": {time.Unix(start-1, 0).UTC().Format(http.TimeFormat)}}
}

// localNoteFields returns what is left to the caller: several types, an end of
// the time of change, and beside ids all else, which upstream ignores then.
func localNoteFields(filter *amogatev1.ListNotesRequest) []string {
	f := filter.GetFilter()
	hasIDs := len(f.GetIds()) > 0
	var paths []string
	if kind, id := driver.Parent(filter); hasIDs && id != 0 {
		paths = append(paths, driver.ParentField(kind))
	}
	if _, ok := onlyNoteType(f.GetTypes()); len(f.GetTypes()) > 0 && (hasIDs || !ok) {
		paths = append(paths, "types")
	}
	if f.GetUpdateTime() != nil && (hasIDs || f.GetUpdateTime().GetEndTime() != nil) {
		paths = append(paths, "update_time")
	}
	slices.Sort(paths)
	return paths
}

// byIDs asks for notes by id. Upstream wants the kind of the parent there too.
//
//amogate:operation GET /api/v2/notes rpc=NoteService.GetNote,NoteService.ListNotes,NoteService.ListNotesPage
func (n notes) byIDs(ids []int64) driver.Call {
	query := idsQuery(ids)
	query.Set("type", noteParents[n.kind])
	return driver.Call{
		Name:   notesName + ".get",
		Method: http.MethodGet,
		Path:   notesPath,
		Query:  query,
		Effect: driver.Read,
	}
}

// note is an item of GET /api/v2/notes. Its id is a text in some rows and a
// number in others.
type note struct {
	ID                wire.Int       `json:"id"`
	ResponsibleUserID wire.Int       `json:"responsible_user_id"`
	CreatedBy         wire.Int       `json:"created_by"`
	UpdatedBy         wire.Int       `json:"updated_by"`
	CreatedAt         wire.Unix      `json:"created_at"`
	UpdatedAt         wire.Unix      `json:"updated_at"`
	AccountID         wire.Int       `json:"account_id"`
	GroupID           wire.Int       `json:"group_id"`
	IsEditable        wire.Bool      `json:"is_editable"`
	Editable          wire.Bool      `json:"editable"`
	ElementID         wire.Int       `json:"element_id"`
	ElementType       wire.Text      `json:"element_type"`
	NoteType          wire.Text      `json:"note_type"`
	Attachment        jsontext.Value `json:"attachment"`
	Text              jsontext.Value `json:"text"`
	Params            jsontext.Value `json:"params"`
}

func (n notes) decodeList(_ *driver.Env, body []byte) (driver.Page[*amogatev1.Note], error) {
	var page driver.Page[*amogatev1.Note]
	items, err := decodeAs[note](body)
	if err != nil {
		return page, named(err, notesName, driver.OpList)
	}
	rows := make([]*amogatev1.Note, 0, len(items))
	for i := range items {
		row, err := items[i].toProto(n.kind)
		if err != nil {
			return page, named(badResponse(err), notesName, driver.OpList)
		}
		rows = append(rows, row)
	}
	page.Rows = rows
	return page, nil
}

// toProto takes kind for the parent's where the note does not tell.
func (w *note) toProto(kind amogatev1.ParentKind) (*amogatev1.Note, error) {
	if w.ID.Value <= 0 {
		return nil, errNoID
	}
	msg := &amogatev1.Note{
		Id:                w.ID.Value,
		Type:              noteType(w.NoteType.Value),
		TypeCode:          w.NoteType.Value,
		ResponsibleUserId: optional(w.ResponsibleUserID),
		GroupId:           optional(w.GroupID),
		CreateTime:        w.CreatedAt.Timestamp(),
		UpdateTime:        w.UpdatedAt.Timestamp(),
		CreatedBy:         optional(w.CreatedBy),
		UpdatedBy:         optional(w.UpdatedBy),
		AccountId:         optional(w.AccountID),
	}
	switch {
	case w.IsEditable.Set:
		msg.Editable = new(w.IsEditable.Value)
	case w.Editable.Set:
		msg.Editable = new(w.Editable.Value)
	}
	if told := parentKind(w.ElementType.Value); told != amogatev1.ParentKind_PARENT_KIND_UNSPECIFIED {
		kind = told
	}
	if w.ElementID.Value > 0 {
		driver.SetParent(msg, kind, w.ElementID.Value)
	}
	return msg, notecontent.Read(msg, notecontent.Source{Params: w.Params, Text: w.Text, Attachment: w.Attachment})
}

// noteType returns the type with upstream's number; the proto enum has the same
// ones, and above them types that have no number.
func noteType(code string) amogatev1.NoteType {
	n, err := strconv.ParseInt(code, 10, 32)
	if err != nil || n > int64(amogatev1.NoteType_NOTE_TYPE_SMS_OUT) {
		return amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED
	}
	if _, known := amogatev1.NoteType_name[int32(n)]; !known {
		return amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED
	}
	return amogatev1.NoteType(n)
}

// parentKind returns the kind with upstream's number or word.
func parentKind(code string) amogatev1.ParentKind {
	for kind, word := range noteParents {
		if code == word || code == strconv.Itoa(int(kind)) {
			return kind
		}
	}
	return amogatev1.ParentKind_PARENT_KIND_UNSPECIFIED
}
