package amo

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// noteKey names a note: ids are unique among the notes of one kind of parents.
type noteKey struct {
	kind amogatev1.ParentKind
	id   int64
}

// notesOf runs a list of notes to its end.
func notesOf(t *testing.T, b *bench, request *amogatev1.ListNotesRequest, options ListOptions) ([]Row[*amogatev1.Note], ListEnd) {
	t.Helper()
	l := b.client.Notes().List(request, options)
	var rows []Row[*amogatev1.Note]
	for row, err := range l.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	end, ended := l.End()
	if !ended {
		t.Fatal("the list stopped before its end")
	}
	return rows, end
}

func keysOf(rows []Row[*amogatev1.Note]) []noteKey {
	keys := make([]noteKey, len(rows))
	for i, row := range rows {
		kind, _ := ParentOf(row.Value)
		keys[i] = noteKey{kind, row.Value.GetId()}
	}
	return keys
}

// storedNotes counts what upstream shows of each kind.
func storedNotes(b *bench) map[amogatev1.ParentKind]int {
	n := map[amogatev1.ParentKind]int{}
	for kind, parent := range map[amogatev1.ParentKind]emulator.ParentKind{
		amogatev1.ParentKind_PARENT_KIND_CONTACT:  emulator.ParentContact,
		amogatev1.ParentKind_PARENT_KIND_LEAD:     emulator.ParentLead,
		amogatev1.ParentKind_PARENT_KIND_COMPANY:  emulator.ParentCompany,
		amogatev1.ParentKind_PARENT_KIND_TASK:     emulator.ParentTask,
		amogatev1.ParentKind_PARENT_KIND_CUSTOMER: emulator.ParentCustomer,
	} {
		n[kind] = b.CountNotes(parent)
	}
	return n
}

// Kinds follow one another in the order of their numbers, and every position,
// also that of the last note of a kind, leads to the exact tail.
func TestNotes_listKindByKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newAutoBench(t, emulator.Config{Customers: 10, Notes: 12, NoteIDsRepeat: true, Window: -1}, Config{PageSize: 5})
		rows, end := notesOf(t, b, &amogatev1.ListNotesRequest{}, ListOptions{})
		keys := keysOf(rows)
		if !slices.IsSortedFunc(keys, func(a, b noteKey) int { return int(a.kind - b.kind) }) {
			t.Errorf("kinds %v, want them in order", keys)
		}
		got := map[amogatev1.ParentKind]int{}
		for _, key := range keys {
			got[key.kind]++
		}
		for kind, n := range storedNotes(b) {
			if got[kind] != n || n == 0 {
				t.Errorf("%d notes of %v, want %d", got[kind], kind, n)
			}
		}
		if end.Pages < 5*3 || end.Requests < end.Pages {
			t.Errorf("end = %+v, want the pages of all kinds", end)
		}
		for i, row := range rows {
			tail, _ := notesOf(t, b, &amogatev1.ListNotesRequest{}, ListOptions{From: row.Cursor})
			if !slices.Equal(keysOf(tail), keys[i+1:]) {
				t.Fatalf("resumed after row %d: %v, want %v", i, keysOf(tail), keys[i+1:])
			}
		}
	})
}

// A run that is bounded comes to the end by its cursors alone.
func TestNotes_boundedRunsComeToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newAutoBench(t, emulator.Config{Customers: 10, Notes: 7, Window: -1}, Config{PageSize: 5})
		rows, _ := notesOf(t, b, &amogatev1.ListNotesRequest{}, ListOptions{})
		var got []noteKey
		from := Cursor{}
		for range 100 {
			l := b.client.Notes().List(&amogatev1.ListNotesRequest{}, ListOptions{From: from, MaxPages: 2, Rows: 3})
			for row, err := range l.Rows(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				kind, _ := ParentOf(row.Value)
				got = append(got, noteKey{kind, row.Value.GetId()})
			}
			if _, ended := l.End(); ended {
				if !slices.Equal(got, keysOf(rows)) {
					t.Errorf("%v, want %v", got, keysOf(rows))
				}
				return
			}
			from = l.Cursor()
		}
		t.Error("no end after 100 runs")
	})
}

// A list of every kind passes over kinds that are not served. The rest of a kind
// that was begun over another generation is not among these.
func TestNotes_aCursorOfAnotherGenerationIsNoKindToPassOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Notes: 5}, Config{Generation: V4})
		from := Cursor{Generation: V2, Offset: 1, LastID: 1, Kind: int32(amogatev1.ParentKind_PARENT_KIND_CONTACT)}
		l := b.client.Notes().List(&amogatev1.ListNotesRequest{}, ListOptions{From: from})
		for _, err := range l.Rows(t.Context()) {
			if !IsKind(err, KindCursor) {
				t.Fatalf("%v, want KindCursor", err)
			}
		}
		if _, ended := l.End(); ended {
			t.Error("the list ended without the rest of the first kind")
		}
	})
}

// Every account begins without customers: their notes are then no part of a list
// of everything, and asking for them by name says why.
func TestNotes_passOverWhatTheAccountDoesNotHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newAutoBench(t, emulator.Config{Notes: 5, CustomersMode: emulator.ModeDisabled, Window: -1}, Config{})
		rows, _ := notesOf(t, b, &amogatev1.ListNotesRequest{}, ListOptions{})
		if len(rows) != 20 {
			t.Errorf("%d notes, want those of four kinds", len(rows))
		}
		named := &amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{amogatev1.ParentKind_PARENT_KIND_CUSTOMER}}}
		for _, err := range b.client.Notes().List(named, ListOptions{}).Rows(t.Context()) {
			if !IsKind(err, KindCustomersDisabled) {
				t.Errorf("by name: %v, want KindCustomersDisabled", err)
			}
		}
	})
	b := newBench(t, emulator.Config{}, Config{Generation: V4})
	tasks := &amogatev1.ListNotesRequest{Parent: &amogatev1.ListNotesRequest_TaskId{TaskId: 1}}
	for _, err := range b.client.Notes().List(tasks, ListOptions{}).Rows(t.Context()) {
		if !IsKind(err, KindUnsupported) {
			t.Errorf("of a task over v4: %v, want KindUnsupported", err)
		}
	}
}

func TestNotes_filterExactly(t *testing.T) {
	for _, generation := range []Generation{V2, V4} {
		t.Run(generation.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Notes: 40, Window: -1}, Config{Generation: generation})
				lead := amogatev1.ParentKind_PARENT_KIND_LEAD
				all, _ := notesOf(t, b, &amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{lead}}}, ListOptions{})
				at := all[len(all)/2].Value.GetUpdateTime()
				_, parent := ParentOf(all[3].Value)
				types := []amogatev1.NoteType{amogatev1.NoteType_NOTE_TYPE_COMMON, amogatev1.NoteType_NOTE_TYPE_CALL_IN}
				tests := map[string]struct {
					request *amogatev1.ListNotesRequest
					keep    func(*amogatev1.Note) bool
				}{
					"of a parent": {
						&amogatev1.ListNotesRequest{Parent: &amogatev1.ListNotesRequest_LeadId{LeadId: parent}},
						func(n *amogatev1.Note) bool { return n.GetLeadId() == parent },
					},
					"of a type": {
						&amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{lead}, Types: types[:1]}},
						func(n *amogatev1.Note) bool { return n.GetType() == types[0] },
					},
					"of two types": {
						&amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{lead}, Types: types}},
						func(n *amogatev1.Note) bool { return slices.Contains(types, n.GetType()) },
					},
					"changed since": {
						&amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{lead}, UpdateTime: &amogatev1.TimeRange{StartTime: at}}},
						func(n *amogatev1.Note) bool { return n.GetUpdateTime().GetSeconds() >= at.GetSeconds() },
					},
					"changed before": {
						&amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{lead}, UpdateTime: &amogatev1.TimeRange{EndTime: at}}},
						func(n *amogatev1.Note) bool { return n.GetUpdateTime().GetSeconds() < at.GetSeconds() },
					},
					"by ids": {
						&amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{lead}, Ids: []int64{all[1].Value.GetId(), 3, all[7].Value.GetId()}}},
						func(n *amogatev1.Note) bool {
							return n.GetId() == all[1].Value.GetId() || n.GetId() == all[7].Value.GetId()
						},
					},
				}
				for name, test := range tests {
					rows, _ := notesOf(t, b, test.request, ListOptions{})
					got := map[int64]bool{}
					for _, row := range rows {
						got[row.Value.GetId()] = true
					}
					for _, row := range all {
						if want := test.keep(row.Value); want != got[row.Value.GetId()] {
							t.Errorf("%s: note %d listed %v, want %v", name, row.Value.GetId(), !want, want)
						}
					}
					if len(rows) != len(got) || len(rows) == 0 {
						t.Errorf("%s: %d rows of %d notes", name, len(rows), len(got))
					}
				}
			})
		})
	}
}

func TestNotes_belongToTheirParents(t *testing.T) {
	for _, generation := range []Generation{V2, V4} {
		t.Run(generation.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, emulator.Config{Notes: 3}, Config{Generation: generation})
				contact := amogatev1.ParentKind_PARENT_KIND_CONTACT
				parents := b.SeededParents(emulator.ParentContact, 2)
				note := &amogatev1.Note{Parent: &amogatev1.Note_ContactId{ContactId: parents[0]}, Content: &amogatev1.Note_Text{Text: "called back"}}
				created := b.client.Notes().Create(t.Context(), []Create[*amogatev1.Note]{{Value: note, ReadBack: true}})[0]
				if created.Err != nil || created.ReadBackErr != nil {
					t.Fatal(created.Err, created.ReadBackErr)
				}
				id := created.Value.GetId()
				if got := created.Value; got.GetText() != "called back" || got.GetType() != amogatev1.NoteType_NOTE_TYPE_COMMON || got.GetContactId() != parents[0] {
					t.Errorf("created %v", got)
				}
				if _, err := b.client.Notes().Get(t.Context(), contact, parents[1], id); !IsKind(err, KindNotFound) {
					t.Errorf("of another contact: %v, want KindNotFound", err)
				}
				update := func(parent int64) Result[*amogatev1.Note] {
					return b.client.Notes().Update(t.Context(), []Update[*amogatev1.Note]{{
						ID:    id,
						Value: &amogatev1.Note{Parent: &amogatev1.Note_ContactId{ContactId: parent}, Content: &amogatev1.Note_Text{Text: "answered"}},
						Paths: []string{"text"},
					}})[0]
				}
				if err := update(parents[1]).Err; !IsKind(err, KindNotFound) {
					t.Errorf("update through another contact: %v, want KindNotFound", err)
				}
				changed := update(parents[0])
				if changed.Err != nil || changed.Value.GetText() != "answered" || changed.Value.GetContactId() != parents[0] || changed.Value.GetUpdateTime() == nil {
					t.Errorf("update: %v, %v", changed.Value, changed.Err)
				}
				if got, err := b.client.Notes().Get(t.Context(), contact, parents[0], id); err != nil || got.GetText() != "answered" {
					t.Errorf("read: %v, %v", got, err)
				}
			})
		})
	}
}

// The codec of an answer does not know which content was sent; the caller hears of
// the field that it sent.
func TestNotes_refusalsNameTheContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{Notes: 3}, Config{Generation: V4})
		lead := b.SeededParents(emulator.ParentLead, 1)[0]
		b.script(t, emulator.Rule{
			Match: emulator.Match{Method: "POST"},
			Action: emulator.Action{Status: 400, Body: `{"validation-errors":[{"request_id":"1","errors":[{"code":"NotBlank","path":"params.phone","detail":"This value should not be blank."}]}],` +
				`"title":"Bad Request","type":"https://httpstatus.es/400","status":400,"detail":"Request validation failed"}`},
		})
		result := b.client.Notes().Create(t.Context(), []Create[*amogatev1.Note]{{Value: &amogatev1.Note{
			Parent:  &amogatev1.Note_LeadId{LeadId: lead},
			Type:    amogatev1.NoteType_NOTE_TYPE_SMS_IN,
			Content: &amogatev1.Note_Sms{Sms: &amogatev1.NoteSms{Text: "hello"}},
		}}})[0]
		if e := asError(result.Err); e.Kind != KindUpstreamInvalid || len(e.Fields) != 1 || e.Fields[0].Path != "sms.phone" {
			t.Errorf("refusal %v, want KindUpstreamInvalid at sms.phone", result.Err)
		}
	})
}

func TestNotes_pin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newAutoBench(t, emulator.Config{Notes: 3}, Config{})
		rows, _ := notesOf(t, b, &amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{amogatev1.ParentKind_PARENT_KIND_COMPANY}}}, ListOptions{})
		kind, parent := ParentOf(rows[0].Value)
		id := rows[0].Value.GetId()
		for _, pinned := range []bool{true, true, false} {
			if err := b.client.Notes().Pin(t.Context(), kind, parent, id, pinned); err != nil {
				t.Fatal(err)
			}
			if got, err := b.client.Notes().Get(t.Context(), kind, parent, id); err != nil || got.GetPinned() != pinned {
				t.Errorf("pinned %v, %v, want %v", got.GetPinned(), err, pinned)
			}
		}
		if err := b.client.Notes().Pin(t.Context(), kind, parent+1, id, true); !IsKind(err, KindNotFound) {
			t.Errorf("of another company: %v, want KindNotFound", err)
		}
		if err := b.client.Notes().Pin(t.Context(), amogatev1.ParentKind_PARENT_KIND_TASK, 1, 1, true); !IsKind(err, KindUnsupported) {
			t.Errorf("of a task: %v, want KindUnsupported", err)
		}
	})
}

// A batch holds notes of many kinds; results stand in the order of the items, and
// a parent that is not there costs the others nothing.
func TestNotes_batchesOverKinds(t *testing.T) {
	for _, generation := range []Generation{V2, V4, Auto} {
		t.Run(generation.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newAutoBench(t, emulator.Config{Customers: 1}, Config{Generation: generation})
				lead := b.SeededParents(emulator.ParentLead, 1)[0]
				contact := b.SeededParents(emulator.ParentContact, 1)[0]
				items := []Create[*amogatev1.Note]{
					{Value: &amogatev1.Note{Parent: &amogatev1.Note_LeadId{LeadId: lead}, Content: &amogatev1.Note_Text{Text: "0"}}},
					{Value: &amogatev1.Note{Parent: &amogatev1.Note_ContactId{ContactId: contact}, Content: &amogatev1.Note_Text{Text: "1"}}},
					{Value: &amogatev1.Note{Parent: &amogatev1.Note_LeadId{LeadId: 1}, Content: &amogatev1.Note_Text{Text: "2"}}},
					{Value: &amogatev1.Note{Parent: &amogatev1.Note_LeadId{LeadId: lead}, Content: &amogatev1.Note_Text{Text: "3"}}},
				}
				for i, result := range b.client.Notes().Create(t.Context(), items) {
					if i == 2 {
						if e := asError(result.Err); e.Kind != KindUpstreamInvalid || len(e.Fields) == 0 || e.Fields[0].Path != "lead_id" {
							t.Errorf("unknown lead: %v, want KindUpstreamInvalid at lead_id", result.Err)
						}
						continue
					}
					if result.Err != nil {
						t.Errorf("item %d: %v", i, result.Err)
						continue
					}
					kind, parent := ParentOf(items[i].Value)
					got, err := b.client.Notes().Get(t.Context(), kind, parent, result.Value.GetId())
					if err != nil || got.GetText() != items[i].Value.GetText() {
						t.Errorf("item %d: %v, %v", i, got, err)
					}
				}
			})
		})
	}
}
