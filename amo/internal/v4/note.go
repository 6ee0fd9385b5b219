package v4

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/notecontent"
	"github.com/amogate/amogate/amo/internal/wire"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// notesName and notePinsName are the notes and their pins in operation names.
const (
	notesName    = "notes"
	notePinsName = "note_pins"
)

// notesKey is the key of the rows in answers.
const notesKey = "notes"

// noteParents are upstream's words for the kinds of parents. Tasks have no
// notes here.
var noteParents = map[amogatev1.ParentKind]string{
	amogatev1.ParentKind_PARENT_KIND_CONTACT:  "contacts",
	amogatev1.ParentKind_PARENT_KIND_LEAD:     "leads",
	amogatev1.ParentKind_PARENT_KIND_COMPANY:  "companies",
	amogatev1.ParentKind_PARENT_KIND_CUSTOMER: "customers",
}

// notes is the codec of the notes of one kind of parents.
type notes struct {
	kind amogatev1.ParentKind
}

// Notes is the codec of the notes of one kind of parents. The filter is a whole
// request, for its parent and its filter; the page token is not looked at. Of
// tasks it can do nothing.
func Notes(kind amogatev1.ParentKind) driver.Resource[*amogatev1.Note, *amogatev1.ListNotesRequest] {
	n := notes{kind: kind}
	r := driver.Resource[*amogatev1.Note, *amogatev1.ListNotesRequest]{
		Name:       notesName,
		Generation: driver.V4,
		Supports: func(op driver.Op, path string) bool {
			return driver.SupportsNote(driver.V4, kind, op, path)
		},
	}
	if !driver.ServesNotes(driver.V4, kind) {
		return r
	}
	r.MaxPage, r.MaxIDs, r.MaxBatch = maxPage, maxIDs, maxBatch
	r.Paged = true
	r.List = n.list
	r.Local = localNoteFields
	r.ByIDs = n.byIDs
	r.DecodeList = n.decodeList
	r.Check = func(_ *driver.Env, op driver.Op, value *amogatev1.Note, paths []string) error {
		return driver.CheckNote(driver.V4, kind, op, value, paths)
	}
	r.NeedsBefore = driver.NoteNeedsBefore
	r.CheckChange = func(change driver.Change[*amogatev1.Note]) error {
		return driver.CheckNoteChange(driver.V4, change)
	}
	r.Create = n.create
	r.Update = n.update
	r.DecodeWrite = n.decodeWrite
	r.DecodeError = n.decodeError
	return r
}

// collectionPath is the path of the notes of one parent; of all parents where id
// is 0.
func (n notes) collectionPath(id int64) string {
	path := basePath + "/" + noteParents[n.kind]
	if id != 0 {
		path = itemPath(path, id)
	}
	return path + "/notes"
}

// withPinned asks for whether notes are pinned, which reads lack otherwise.
const withPinned = "is_pinned"

// list asks for a set that encloses the filter's.
//
//amogate:operation GET /api/v4/{entity_type}/notes rpc=NoteService.ListNotes,NoteService.ListNotesPage
//amogate:operation GET /api/v4/{entity_type}/{entity_id}/notes rpc=NoteService.ListNotes,NoteService.ListNotesPage
func (n notes) list(_ *driver.Env, filter *amogatev1.ListNotesRequest, offset int64, limit int) (driver.Call, error) {
	query, err := pageQuery(notesName, offset, limit)
	if err != nil {
		return driver.Call{}, err
	}
	query.Set("with", withPinned)
	query.Set("order[id]", "asc")
	f := filter.GetFilter()
	if words, ok := filterWords(f.GetTypes()); ok {
		query["filter[note_type][]"] = words
	}
	if r := f.GetUpdateTime(); r != nil {
		// Whether the bounds are inclusive is not documented. An end goes along
		// with a beginning, without which API v2 ignores ends.
		query.Set("filter[updated_at][from]", strconv.FormatInt(max(r.GetStartTime().GetSeconds()-1, 1), 10))
		if end := r.GetEndTime(); end != nil {
			query.Set("filter[updated_at][to]", strconv.FormatInt(max(end.GetSeconds()+1, 1), 10))
		}
	}
	_, parent := driver.Parent(filter)
	return readCall(notesName, driver.OpList, n.collectionPath(parent), query), nil
}

// filterWords returns the words of types to filter by; false when there are none
// or one of them has two words, of which upstream may not know both.
func filterWords(types []amogatev1.NoteType) ([]string, bool) {
	var words []string
	for _, t := range types {
		word, ok := noteWords[t]
		if _, hasOther := otherNoteWords[t]; !ok || hasOther {
			return nil, false
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words, len(words) > 0
}

// localNoteFields returns what is left to the caller: the bounds of the time of
// change, types that cannot be filtered by, and beside ids all else, since only
// these are sent then.
func localNoteFields(filter *amogatev1.ListNotesRequest) []string {
	f := filter.GetFilter()
	hasIDs := len(f.GetIds()) > 0
	var paths []string
	if kind, id := driver.Parent(filter); hasIDs && id != 0 {
		paths = append(paths, driver.ParentField(kind))
	}
	if _, ok := filterWords(f.GetTypes()); len(f.GetTypes()) > 0 && (hasIDs || !ok) {
		paths = append(paths, "types")
	}
	if f.GetUpdateTime() != nil {
		paths = append(paths, "update_time")
	}
	slices.Sort(paths)
	return paths
}

// byIDs asks for one note by its path, and for several by a filter.
//
//amogate:operation GET /api/v4/{entity_type}/notes/{id} rpc=NoteService.GetNote
//amogate:operation GET /api/v4/{entity_type}/notes rpc=NoteService.ListNotes,NoteService.ListNotesPage
//amogate:unused GET /api/v4/{entity_type}/{entity_id}/notes/{id} the path without the parent needs only the id; the parent is compared after the read
func (n notes) byIDs(ids []int64) driver.Call {
	if len(ids) == 1 {
		return readCall(notesName, driver.OpGet, itemPath(n.collectionPath(0), ids[0]), map[string][]string{"with": {withPinned}})
	}
	query := idsQuery(ids)
	query.Set("with", withPinned)
	return readCall(notesName, driver.OpGet, n.collectionPath(0), query)
}

// PinNote describes the pinning of a note of this kind of parents, or its
// opposite.
//
//amogate:operation POST /api/v4/{entity_type}/notes/{id}/pin rpc=NoteService.PinNote
//amogate:operation POST /api/v4/{entity_type}/notes/{id}/unpin rpc=NoteService.UnpinNote
func PinNote(kind amogatev1.ParentKind, id int64, pinned bool) driver.Exchange[struct{}] {
	n := notes{kind: kind}
	verb := "unpin"
	if pinned {
		verb = "pin"
	}
	// A call without a body always encodes.
	call, _ := writeCall(notePinsName, driver.OpUpdate, http.MethodPost, itemPath(n.collectionPath(0), id)+"/"+verb, driver.Set, nil)
	return driver.Exchange[struct{}]{
		Call: call,
		// What is no error says that it is done; the answer has no body.
		Decode:      func(*driver.Env, []byte) (struct{}, error) { return struct{}{}, nil },
		DecodeError: n.errors().decode,
	}
}

// note is a note as reads show it. It does not tell the kind of its parent.
type note struct {
	ID                wire.Int       `json:"id"`
	EntityID          wire.Int       `json:"entity_id"`
	CreatedBy         wire.Int       `json:"created_by"`
	UpdatedBy         wire.Int       `json:"updated_by"`
	CreatedAt         wire.Unix      `json:"created_at"`
	UpdatedAt         wire.Unix      `json:"updated_at"`
	ResponsibleUserID wire.Int       `json:"responsible_user_id"`
	GroupID           wire.Int       `json:"group_id"`
	NoteType          wire.Text      `json:"note_type"`
	Params            jsontext.Value `json:"params"`
	AccountID         wire.Int       `json:"account_id"`
	IsPinned          wire.Bool      `json:"is_pinned"`
	IsEditable        wire.Bool      `json:"is_editable"`
}

// decodeList decodes notes; one that does not exist is none.
func (n notes) decodeList(_ *driver.Env, body []byte) (driver.Page[*amogatev1.Note], error) {
	if _, missing := missingText(body); missing {
		return driver.Page[*amogatev1.Note]{}, nil
	}
	return decodePage(notesName, body, rowAs(func(w *note) (*amogatev1.Note, error) { return w.toProto(n.kind) }), notesKey)
}

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
	if w.IsEditable.Set {
		msg.Editable = new(w.IsEditable.Value)
	}
	if w.IsPinned.Set {
		msg.Pinned = new(w.IsPinned.Value)
	}
	if w.EntityID.Value > 0 {
		driver.SetParent(msg, kind, w.EntityID.Value)
	}
	return msg, notecontent.Read(msg, notecontent.Source{Params: w.Params})
}
