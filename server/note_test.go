package server

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Ways to name a parent, inside a note and beside it.
var (
	ofLead5  = &amogatev1.Note_LeadId{LeadId: 5}
	textA    = &amogatev1.Note_Text{Text: "a"}
	besideL5 = &amogatev1.CreateNoteRequest_LeadId{LeadId: 5}
)

func TestCreateNote_findsTheParent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		req    *amogatev1.CreateNoteRequest
		faulty []string
	}{
		"in the path": {req: &amogatev1.CreateNoteRequest{Parent: besideL5, Note: &amogatev1.Note{Content: textA}}},
		"in the note": {req: &amogatev1.CreateNoteRequest{Note: &amogatev1.Note{Parent: ofLead5, Content: textA}}},
		"in both":     {req: &amogatev1.CreateNoteRequest{Parent: besideL5, Note: &amogatev1.Note{Parent: ofLead5, Content: textA}}},
		"another of the kind": {
			req:    &amogatev1.CreateNoteRequest{Parent: besideL5, Note: &amogatev1.Note{Parent: &amogatev1.Note_LeadId{LeadId: 6}, Content: textA}},
			faulty: []string{"note.lead_id"},
		},
		"another kind": {
			req:    &amogatev1.CreateNoteRequest{Parent: besideL5, Note: &amogatev1.Note{Parent: &amogatev1.Note_CustomerId{CustomerId: 5}, Content: textA}},
			faulty: []string{"note.customer_id"},
		},
		"without a content": {
			req:    &amogatev1.CreateNoteRequest{Parent: besideL5, Note: &amogatev1.Note{Type: amogatev1.NoteType_NOTE_TYPE_COMMON}},
			faulty: []string{"note.content"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			create, fields := createNote(c.req)
			if diff := cmp.Diff(c.faulty, paths(fields)); diff != "" {
				t.Errorf("violations %v (-want +got):\n%s", fields, diff)
			}
			if kind, id := amo.ParentOf(create.Value); kind != amogatev1.ParentKind_PARENT_KIND_LEAD || id != 5 {
				t.Errorf("the note is of %v %d, want lead 5", kind, id)
			}
		})
	}
}

func TestCreateNote_requiresAParentAndAContent(t *testing.T) {
	t.Parallel()
	_, fields := createNote(&amogatev1.CreateNoteRequest{Note: &amogatev1.Note{Id: 4}})
	if want := []string{"note.content", "note.parent"}; !slices.Equal(paths(fields), want) {
		t.Errorf("got %v, want %v", fields, want)
	}
	// Validation refuses it; in a batch that is the item's result.
	if create, fields := createNote(&amogatev1.CreateNoteRequest{Parent: besideL5}); create.Value != nil || fields != nil {
		t.Errorf("no note became %v, %v", create.Value, fields)
	}
}

func TestCreateNote_keepsWhatIsForUpstreamAlone(t *testing.T) {
	t.Parallel()
	create, fields := createNote(&amogatev1.CreateNoteRequest{
		Parent: besideL5, ReadBack: true,
		Note: &amogatev1.Note{
			Id: 9, TypeCode: "4", Editable: new(true), Pinned: new(true), GroupId: proto.Int64(3),
			UpdateTime: timestamppb.New(timestamp(2)), CreateTime: timestamppb.New(timestamp(1)), CreatedBy: proto.Int64(7),
			TriggerDigitalPipeline: new(false),
			Content:                &amogatev1.Note_Attachment{Attachment: &amogatev1.NoteAttachment{FileUuid: "u", FileName: "n", OriginalName: "o", Text: "t"}},
		},
	})
	want := &amogatev1.Note{
		Parent: ofLead5, CreateTime: timestamppb.New(timestamp(1)), CreatedBy: proto.Int64(7), TriggerDigitalPipeline: new(false),
		Type:    amogatev1.NoteType_NOTE_TYPE_ATTACHMENT, // that of its content
		Content: &amogatev1.Note_Attachment{Attachment: &amogatev1.NoteAttachment{FileUuid: "u", FileName: "n"}},
	}
	if diff := cmp.Diff(want, create.Value, protocmp.Transform()); diff != "" || len(fields) > 0 || !create.ReadBack {
		t.Errorf("%v, read back %t (-want +got):\n%s", fields, create.ReadBack, diff)
	}
	// An arm that cannot be written stays, for the codec to refuse: the note would
	// count as one without content.
	create, _ = createNote(&amogatev1.CreateNoteRequest{Parent: besideL5, Note: &amogatev1.Note{
		Content: &amogatev1.Note_Mail{Mail: &amogatev1.NoteMail{ThreadId: 1}},
	}})
	if create.Value.GetMail() == nil {
		t.Error("the arm is gone")
	}
}

func TestUpdateNote_choosesTheFieldsToWrite(t *testing.T) {
	t.Parallel()
	path := &amogatev1.UpdateNoteRequest_LeadId{LeadId: 5}
	read := &amogatev1.Note{
		Id: 3, Parent: ofLead5, Type: amogatev1.NoteType_NOTE_TYPE_COMMON, TypeCode: "common", Content: textA,
		Editable: new(true), ResponsibleUserId: proto.Int64(8), CreateTime: timestamppb.New(timestamp(1)),
		UpdateTime: timestamppb.New(timestamp(2)), TriggerDigitalPipeline: new(true),
	}
	for name, c := range map[string]struct {
		note     *amogatev1.Note
		mask     []string
		implicit bool
		want     []string
		faulty   []string
	}{
		"as it was read":            {note: read, want: []string{"text", "responsible_user_id"}},
		"as it was read, over REST": {note: read, implicit: true, mask: []string{"id", "lead_id", "type", "type_code", "text", "create_time", "trigger_digital_pipeline"}, want: []string{"text"}},
		"the arm of the mask":       {note: read, mask: []string{"text"}, want: []string{"text"}},
		"below an arm":              {note: &amogatev1.Note{Content: &amogatev1.Note_Call{Call: &amogatev1.NoteCall{Phone: "1"}}}, mask: []string{"call.phone"}, want: []string{"call"}},
		"the user alone":            {note: read, mask: []string{"responsible_user_id"}, want: []string{"responsible_user_id"}},
		"the user of a note without an arm": {
			note: &amogatev1.Note{ResponsibleUserId: proto.Int64(8), Content: &amogatev1.Note_Raw{Raw: structpb.NewBoolValue(true)}},
			want: []string{"responsible_user_id"},
		},
		"a content of null":          {note: &amogatev1.Note{}, mask: []string{"text"}, implicit: true, want: []string{"text"}, faulty: []string{"note.text"}},
		"a content that is not set":  {mask: []string{"call"}, want: []string{"call"}, faulty: []string{"note.call"}},
		"one content for another":    {note: read, mask: []string{"sms", "text"}, want: []string{"text", "sms"}, faulty: []string{"note.sms"}},
		"a content of upstream":      {note: &amogatev1.Note{}, mask: []string{"raw"}, faulty: []string{"update_mask"}},
		"the whole oneof":            {note: read, mask: []string{"content"}, faulty: []string{"update_mask"}},
		"the type":                   {note: read, mask: []string{"type"}, faulty: []string{"update_mask"}},
		"the parent":                 {note: read, mask: []string{"lead_id"}, faulty: []string{"update_mask"}},
		"the pipeline":               {note: read, mask: []string{"trigger_digital_pipeline"}, faulty: []string{"update_mask"}},
		"pinned, which has a method": {note: &amogatev1.Note{Pinned: new(true)}, faulty: []string{"update_mask"}},
		"nothing":                    {faulty: []string{"update_mask"}},
		"another id":                 {note: &amogatev1.Note{Id: 4, Content: textA}, want: []string{"text"}, faulty: []string{"note.id"}},
		"another lead":               {note: &amogatev1.Note{Parent: &amogatev1.Note_LeadId{LeadId: 6}, Content: textA}, want: []string{"text"}, faulty: []string{"note.lead_id"}},
		"another kind":               {note: &amogatev1.Note{Parent: &amogatev1.Note_TaskId{TaskId: 5}, Content: textA}, want: []string{"text"}, faulty: []string{"note.task_id"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := &amogatev1.UpdateNoteRequest{Parent: path, Id: 3, ReadBack: true, ExpectedUpdateTime: &timestamppb.Timestamp{Seconds: 9}}
			if c.note != nil {
				req.Note, _ = proto.Clone(c.note).(*amogatev1.Note)
			}
			if c.mask != nil {
				req.UpdateMask = &fieldmaskpb.FieldMask{Paths: c.mask}
			}
			update, fields := updateNote(req, c.implicit)
			if diff := cmp.Diff(c.want, update.Paths); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.faulty, paths(fields)); diff != "" {
				t.Errorf("violations %v (-want +got):\n%s", fields, diff)
			}
			// Whatever changes, upstream has to be asked for the note of a kind.
			if kind, id := amo.ParentOf(update.Value); kind != amogatev1.ParentKind_PARENT_KIND_LEAD || id != 5 {
				t.Errorf("the note is of %v %d, want lead 5", kind, id)
			}
			if update.Value.GetRaw() != nil || update.ID != 3 || update.ExpectedUpdateTime != 9 || !update.ReadBack {
				t.Errorf("got %+v", update)
			}
		})
	}
}

func TestBatchUpdateNotes_anIdMayOccurOnceForEachKind(t *testing.T) {
	t.Parallel()
	request := func(parent int64, set func(*amogatev1.UpdateNoteRequest, int64)) *amogatev1.UpdateNoteRequest {
		req := &amogatev1.UpdateNoteRequest{Id: 3, Note: &amogatev1.Note{Content: textA}}
		set(req, parent)
		return req
	}
	lead := func(req *amogatev1.UpdateNoteRequest, id int64) {
		req.Parent = &amogatev1.UpdateNoteRequest_LeadId{LeadId: id}
	}
	contact := func(req *amogatev1.UpdateNoteRequest, id int64) {
		req.Parent = &amogatev1.UpdateNoteRequest_ContactId{ContactId: id}
	}
	var sent []amo.Update[*amogatev1.Note]
	results := updateBatch(testCall(t), noteBatch, &amogatev1.BatchUpdateNotesRequest{
		ReadBack: true,
		Requests: []*amogatev1.UpdateNoteRequest{
			request(5, lead), request(5, contact),
			// The note 3 of leads is one note, whatever lead it is said to be of.
			request(6, lead),
			{Id: 3}, // validation refuses it
		},
	}, updateNote, noteUpdates{Notes: &amo.Notes{}, sent: &sent})
	if len(sent) != 2 || !sent[0].ReadBack || !sent[1].ReadBack || len(results) != 4 {
		t.Fatalf("sent %v, results %v", sent, results)
	}
	if results[0].GetNote().GetLeadId() != 5 || results[1].GetNote().GetContactId() != 5 {
		t.Errorf("got %v", results[:2])
	}
	for i, want := range map[int]string{2: "requests[2].id", 3: "requests[3].update_mask"} {
		if p := problemOfProto(results[i].GetError()); p.reason != "VALIDATION" || !slices.Contains(p.fields, want) {
			t.Errorf("item %d: %+v, want %s", i, p, want)
		}
	}
}

// noteUpdates answer updates by what was sent.
type noteUpdates struct {
	*amo.Notes
	sent *[]amo.Update[*amogatev1.Note]
}

func (n noteUpdates) Update(_ context.Context, items []amo.Update[*amogatev1.Note]) []amo.Result[*amogatev1.Note] {
	*n.sent = items
	out := make([]amo.Result[*amogatev1.Note], len(items))
	for i, item := range items {
		out[i].Value = item.Value
	}
	return out
}

func TestListNotes_tokensBelongToTheirParentAndKinds(t *testing.T) {
	t.Parallel()
	ctx := testCall(t)
	lists := map[string]struct {
		parent proto.Message
		filter *amogatev1.NoteFilter
	}{
		"all":           {parent: &amogatev1.ListNotesRequest{}},
		"of a lead":     {parent: &amogatev1.ListNotesRequest{Parent: &amogatev1.ListNotesRequest_LeadId{LeadId: 5}}},
		"of a contact":  {parent: &amogatev1.ListNotesRequest{Parent: &amogatev1.ListNotesRequest_ContactId{ContactId: 5}}},
		"of leads":      {parent: &amogatev1.ListNotesRequest{}, filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{2}}},
		"of two kinds":  {parent: &amogatev1.ListNotesRequest{}, filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{12, 2}}},
		"of a type":     {parent: &amogatev1.ListNotesRequest{}, filter: &amogatev1.NoteFilter{Types: []amogatev1.NoteType{4}}},
		"since":         {parent: &amogatev1.ListNotesRequest{}, filter: &amogatev1.NoteFilter{UpdateTime: &amogatev1.TimeRange{StartTime: timestamppb.New(timestamp(5))}}},
		"some, by ids":  {parent: &amogatev1.ListNotesRequest{}, filter: &amogatev1.NoteFilter{Ids: []int64{4}}},
		"ids of a lead": {parent: &amogatev1.ListNotesRequest{Parent: &amogatev1.ListNotesRequest_LeadId{LeadId: 5}}, filter: &amogatev1.NoteFilter{Ids: []int64{4}}},
	}
	position := amo.Cursor{Generation: amo.V4, Offset: 3, LastID: 8, Kind: 12}
	for name, c := range lists {
		l, err := listNotes(ctx, c.parent, c.filter, "")
		if err != nil {
			t.Fatal(err)
		}
		token, err := l.tokens.encode(position)
		if err != nil {
			t.Fatal(err)
		}
		for other, o := range lists {
			switch got, err := listNotes(ctx, o.parent, o.filter, token); {
			case other == name && (err != nil || got.from != position):
				t.Errorf("the token of notes %s is %+v, %v", name, got, err)
			case other != name && err == nil:
				t.Errorf("the token of notes %s is taken for notes %s", name, other)
			}
		}
		// A page goes on where the stream stopped.
		page := &amogatev1.ListNotesPageRequest{PageSize: 7}
		if kind, id := amo.ParentOf(c.parent); kind != 0 {
			amo.SetParent(page, kind, id)
		}
		if got, err := listNotes(ctx, page, c.filter, token); err != nil || got.from != position {
			t.Errorf("the token of the stream of notes %s is no token of its pages: %v", name, err)
		}
	}
	if _, err := listNotes(ctx, &amogatev1.ListNotesRequest{}, &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{2, 12, 2}}, ""); err != nil {
		t.Error(err)
	}
}

func TestNotes_badRequestsAreRefusedBeforeUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		api := amogatev1.NewNoteServiceClient(r.conn)
		long := &amogatev1.Note{Content: &amogatev1.Note_Text{Text: strings.Repeat("a", 65536)}}
		for name, c := range map[string]struct {
			call   func(ctx context.Context) error
			fields []string
		}{
			"a stream of a lead and of kinds": {func(ctx context.Context) error {
				stream, err := api.ListNotes(ctx, &amogatev1.ListNotesRequest{
					Parent: &amogatev1.ListNotesRequest_LeadId{LeadId: 5},
					Filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{amogatev1.ParentKind_PARENT_KIND_LEAD}},
				})
				if err == nil {
					_, err = stream.Recv()
				}
				return err
			}, []string{"filter.parent_kinds"}},
			"a page of a lead and of kinds": {func(ctx context.Context) error {
				_, err := api.ListNotesPage(ctx, &amogatev1.ListNotesPageRequest{
					Parent: &amogatev1.ListNotesPageRequest_LeadId{LeadId: 5},
					Filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{amogatev1.ParentKind_PARENT_KIND_CUSTOMER}},
				})
				return err
			}, []string{"filter.parent_kinds"}},
			"a page of no kind": {func(ctx context.Context) error {
				_, err := api.ListNotesPage(ctx, &amogatev1.ListNotesPageRequest{Filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{0, 4, 7}}})
				return err
			}, []string{"filter.parent_kinds[0]", "filter.parent_kinds[2]"}},
			"a page of the lead 0": {func(ctx context.Context) error {
				_, err := api.ListNotesPage(ctx, &amogatev1.ListNotesPageRequest{Parent: &amogatev1.ListNotesPageRequest_LeadId{}})
				return err
			}, []string{"lead_id"}},
			"a get without a parent": {func(ctx context.Context) error {
				_, err := api.GetNote(ctx, &amogatev1.GetNoteRequest{Id: 3})
				return err
			}, []string{"parent"}},
			"a create without a parent": {func(ctx context.Context) error {
				_, err := api.CreateNote(ctx, &amogatev1.CreateNoteRequest{Note: &amogatev1.Note{Content: textA}})
				return err
			}, []string{"note.parent"}},
			"a create of a text that is too long": {func(ctx context.Context) error {
				_, err := api.CreateNote(ctx, &amogatev1.CreateNoteRequest{Parent: besideL5, Note: long})
				return err
			}, []string{"note.text"}},
			"a create of nothing": {func(ctx context.Context) error {
				_, err := api.CreateNote(ctx, &amogatev1.CreateNoteRequest{Parent: besideL5})
				return err
			}, []string{"note"}},
			"a create of an unknown type": {func(ctx context.Context) error {
				_, err := api.CreateNote(ctx, &amogatev1.CreateNoteRequest{Parent: besideL5, Note: &amogatev1.Note{Type: 98, Content: textA}})
				return err
			}, []string{"note.type"}},
			"an update without a parent": {func(ctx context.Context) error {
				_, err := api.UpdateNote(ctx, &amogatev1.UpdateNoteRequest{Id: 3, Note: &amogatev1.Note{Content: textA}})
				return err
			}, []string{"parent"}},
			"an update that clears the content": {func(ctx context.Context) error {
				_, err := api.UpdateNote(ctx, &amogatev1.UpdateNoteRequest{
					Parent: &amogatev1.UpdateNoteRequest_LeadId{LeadId: 5}, Id: 3, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"text"}},
				})
				return err
			}, []string{"note.text"}},
			"a pin without a parent": {func(ctx context.Context) error {
				_, err := api.PinNote(ctx, &amogatev1.PinNoteRequest{Id: 3})
				return err
			}, []string{"parent"}},
			"an unpin without an id": {func(ctx context.Context) error {
				_, err := api.UnpinNote(ctx, &amogatev1.UnpinNoteRequest{Parent: &amogatev1.UnpinNoteRequest_LeadId{LeadId: 5}})
				return err
			}, []string{"id"}},
			"a batch of nothing": {func(ctx context.Context) error {
				_, err := api.BatchCreateNotes(ctx, &amogatev1.BatchCreateNotesRequest{})
				return err
			}, []string{"requests"}},
		} {
			p := problemOf(t, c.call(t.Context()))
			if p.code != "InvalidArgument" || p.reason != "VALIDATION" || !slices.Equal(p.fields, c.fields) || p.id == "" {
				t.Errorf("%s: got %+v, want %v", name, p, c.fields)
			}
		}
		if n := r.emulator.Stats().Requests; n != 0 {
			t.Errorf("upstream got %d requests", n)
		}
	})
}

func TestBatchCreateNotes_badItemsAreTheirOwnResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		created, err := amogatev1.NewNoteServiceClient(r.conn).BatchCreateNotes(t.Context(), &amogatev1.BatchCreateNotesRequest{
			Requests: []*amogatev1.CreateNoteRequest{
				{Note: &amogatev1.Note{Content: textA}},
				{Parent: besideL5},
				{Parent: besideL5, Note: &amogatev1.Note{Parent: &amogatev1.Note_LeadId{LeadId: 6}, Content: textA}},
				{Parent: besideL5, Note: &amogatev1.Note{Content: &amogatev1.Note_Text{}}},
				{Parent: besideL5, Note: &amogatev1.Note{}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"requests[0].note.parent", "requests[1].note", "requests[2].note.lead_id", "requests[3].note.text", "requests[4].note.content"} {
			if p := problemOfProto(created.GetResults()[i].GetError()); p.reason != "VALIDATION" || !slices.Equal(p.fields, []string{want}) {
				t.Errorf("item %d: %+v, want %s", i, p, want)
			}
		}
		if n := r.emulator.Stats().Requests; n != 0 {
			t.Errorf("upstream got %d requests", n)
		}
	})
}
