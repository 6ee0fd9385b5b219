package server

import (
	"context"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// notes is the name of the collection in page tokens.
const notes = "notes"

// noteServer implements NoteService.
type noteServer struct {
	amogatev1.UnimplementedNoteServiceServer
}

// ListNotes implements NoteService.
func (noteServer) ListNotes(req *amogatev1.ListNotesRequest, stream grpc.ServerStreamingServer[amogatev1.ListNotesResponse]) error {
	l, err := listNotes(stream.Context(), req, req.GetFilter(), req.GetPageToken())
	if err != nil {
		return err
	}
	return l.stream(stream, messages[*amogatev1.Note]{
		row: func(note *amogatev1.Note, token string) any {
			return &amogatev1.ListNotesResponse{
				Item:        &amogatev1.ListNotesResponse_Note{Note: note},
				ResumeToken: token,
			}
		},
		end: func(end *amogatev1.ListEnd) any {
			return &amogatev1.ListNotesResponse{Item: &amogatev1.ListNotesResponse_End{End: end}}
		},
	})
}

// ListNotesPage implements NoteService.
func (noteServer) ListNotesPage(ctx context.Context, req *amogatev1.ListNotesPageRequest) (*amogatev1.ListNotesPageResponse, error) {
	l, err := listNotes(ctx, req, req.GetFilter(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	rows, token, err := l.page(ctx, req.GetPageSize())
	if err != nil {
		return nil, err
	}
	return &amogatev1.ListNotesPageResponse{Notes: rows, NextPageToken: token}, nil
}

// listNotes returns the list that both list methods are made of. Parent and
// filter together describe it, so that tokens of one record's notes are none of
// another's.
func listNotes(ctx context.Context, parent proto.Message, filter *amogatev1.NoteFilter, token string) (*list[*amogatev1.Note], error) {
	wanted := &amogatev1.ListNotesRequest{Filter: filter}
	if kind, id := amo.ParentOf(parent); kind != 0 {
		amo.SetParent(wanted, kind, id)
		if len(filter.GetParentKinds()) > 0 {
			return nil, invalid(refuse("filter.parent_kinds", "must be empty beside a parent, here the %s %d; leave one of them out", kindName(kind), id))
		}
	}
	return newList(ctx, notes, wanted, token, func(options amo.ListOptions) listing[*amogatev1.Note] {
		return callFrom(ctx).client.Notes().List(wanted, options)
	})
}

// GetNote implements NoteService.
func (noteServer) GetNote(ctx context.Context, req *amogatev1.GetNoteRequest) (*amogatev1.Note, error) {
	kind, parentID := amo.ParentOf(req)
	return callFrom(ctx).client.Notes().Get(ctx, kind, parentID, req.GetId())
}

// CreateNote implements NoteService.
func (noteServer) CreateNote(ctx context.Context, req *amogatev1.CreateNoteRequest) (*amogatev1.Note, error) {
	return createOne(ctx, noteBatch.field, req, createNote, callFrom(ctx).client.Notes())
}

// UpdateNote implements NoteService.
func (noteServer) UpdateNote(ctx context.Context, req *amogatev1.UpdateNoteRequest) (*amogatev1.Note, error) {
	return updateOne(ctx, noteBatch.field, req, updateNote, callFrom(ctx).client.Notes())
}

// PinNote implements NoteService.
func (noteServer) PinNote(ctx context.Context, req *amogatev1.PinNoteRequest) (*amogatev1.PinNoteResponse, error) {
	kind, parentID := amo.ParentOf(req)
	return exchangeOnce(ctx, exchange[*amogatev1.PinNoteResponse]{run: func(ctx context.Context) (*amogatev1.PinNoteResponse, error) {
		return &amogatev1.PinNoteResponse{}, callFrom(ctx).client.Notes().Pin(ctx, kind, parentID, req.GetId(), true)
	}})
}

// UnpinNote implements NoteService.
func (noteServer) UnpinNote(ctx context.Context, req *amogatev1.UnpinNoteRequest) (*amogatev1.UnpinNoteResponse, error) {
	kind, parentID := amo.ParentOf(req)
	return exchangeOnce(ctx, exchange[*amogatev1.UnpinNoteResponse]{run: func(ctx context.Context) (*amogatev1.UnpinNoteResponse, error) {
		return &amogatev1.UnpinNoteResponse{}, callFrom(ctx).client.Notes().Pin(ctx, kind, parentID, req.GetId(), false)
	}})
}

// BatchCreateNotes implements NoteService.
func (noteServer) BatchCreateNotes(ctx context.Context, req *amogatev1.BatchCreateNotesRequest) (*amogatev1.BatchCreateNotesResponse, error) {
	results := createBatch(ctx, noteBatch, req, createNote, callFrom(ctx).client.Notes())
	return &amogatev1.BatchCreateNotesResponse{Results: results}, nil
}

// BatchUpdateNotes implements NoteService.
func (noteServer) BatchUpdateNotes(ctx context.Context, req *amogatev1.BatchUpdateNotesRequest) (*amogatev1.BatchUpdateNotesResponse, error) {
	results := updateBatch(ctx, noteBatch, req, updateNote, callFrom(ctx).client.Notes())
	return &amogatev1.BatchUpdateNotesResponse{Results: results}, nil
}

// noteBatch describes the batches of notes.
var noteBatch = batch[*amogatev1.Note, *amogatev1.NoteResult]{
	field: "note",
	kind: func(note *amogatev1.Note) amogatev1.ParentKind {
		kind, _ := amo.ParentOf(note)
		return kind
	},
	done: func(note *amogatev1.Note) *amogatev1.NoteResult {
		return &amogatev1.NoteResult{Result: &amogatev1.NoteResult_Note{Note: note}}
	},
	failed: func(st *spb.Status) *amogatev1.NoteResult {
		return &amogatev1.NoteResult{Result: &amogatev1.NoteResult_Error{Error: st}}
	},
}

// createNote turns the creation of a note into an item for package amo. Whether
// the content fits the type, and whether such a note can be made, the codecs
// tell.
func createNote(req *amogatev1.CreateNoteRequest) (amo.Create[*amogatev1.Note], []*violation) {
	note := req.GetNote()
	create := createOf(req, note)
	if note == nil {
		return create, nil // validation has refused it
	}
	fields := adoptParent(req, note)
	if kind, _ := amo.ParentOf(note); kind == 0 {
		fields = append(fields, refuse("note.parent", "is required: set one of contact_id, lead_id, company_id, task_id and customer_id"))
	}
	if note.GetContent() == nil {
		fields = append(fields, refuse("note.content", "is required: set the field of the note's type, such as text"))
	}
	if note.GetType() == amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED {
		// A call that is repeated is to be answered as the first one.
		note.Type = amo.NewNoteType(note)
	}
	return create, fields
}

// updateNote turns the update of a note into an item for package amo. The note
// names its parent, whatever changes: ids are unique among the notes of a kind
// of parents only.
func updateNote(req *amogatev1.UpdateNoteRequest, implicit bool) (amo.Update[*amogatev1.Note], []*violation) {
	note := req.GetNote()
	if note == nil {
		note = &amogatev1.Note{}
	}
	fields := adoptParent(req, note)
	update, faulty := updateOf(req, noteBatch.field, note, implicit)
	fields = append(fields, faulty...)
	descriptors := note.ProtoReflect().Descriptor().Fields()
	for _, path := range update.Paths {
		field := descriptors.ByName(protoreflect.Name(path))
		if isArm(field) && !note.ProtoReflect().Has(field) {
			fields = append(fields, refuse(join(noteBatch.field, path), "content cannot be cleared, only replaced; set it, or leave it out"))
		}
	}
	return update, fields
}

// adoptParent makes a note name the parent that its request names beside it, as
// its path does. A note that names another is refused.
func adoptParent(req proto.Message, note *amogatev1.Note) []*violation {
	kind, id := amo.ParentOf(req)
	if kind == 0 {
		return nil
	}
	was, wasID := amo.ParentOf(note)
	amo.SetParent(note, kind, id)
	if was == 0 || was == kind && wasID == id {
		return nil
	}
	return []*violation{refuse(join(noteBatch.field, kindName(was)+"_id"), "is %d, but the request is for the %s %d; leave it out", wasID, kindName(kind), id)}
}

// kindName returns the name of a kind of parents as fields have it: "lead".
func kindName(kind amogatev1.ParentKind) string {
	return strings.ToLower(strings.TrimPrefix(kind.String(), "PARENT_KIND_"))
}
