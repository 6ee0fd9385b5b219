package drivertest_test

import (
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

type noteChange = driver.Change[*amogatev1.Note]

// eachNotes runs a test of the notes of each kind of parents that a generation
// serves.
func eachNotes(t *testing.T, test func(t *testing.T, g *generation, kind amogatev1.ParentKind)) {
	t.Helper()
	for _, g := range generations {
		for _, kind := range driver.ParentKinds {
			if g == fourth && kind == amogatev1.ParentKind_PARENT_KIND_TASK {
				continue
			}
			t.Run(g.String()+" "+kind.String(), func(t *testing.T) {
				t.Parallel()
				test(t, g, kind)
			})
		}
	}
}

func newNotesAccount(t *testing.T) *account {
	t.Helper()
	return newAccount(t, emulator.Config{Customers: 4, Notes: 45})
}

func parentIDs(a *account, kind amogatev1.ParentKind) []int64 {
	return a.SeededParents(emulator.ParentKind(kind), 4)
}

// drawNote returns a new note of a type.
func drawNote(rt *rapid.T, a *account, kind amogatev1.ParentKind, t amogatev1.NoteType) *amogatev1.Note {
	note := &amogatev1.Note{Type: t}
	driver.SetParent(note, kind, some(rt, parentIDs(a, kind), "parent")[0])
	drawContent(rt, t, note)
	if rapid.Bool().Draw(rt, "with a user") {
		note.ResponsibleUserId = new(drawID(rt, "user"))
	}
	if rapid.Bool().Draw(rt, "imported") {
		note.CreateTime = drawTime(rt, "creation")
		note.CreatedBy = new(drawID(rt, "creator"))
	}
	return note
}

var noteTrial = &trial[*amogatev1.Note, *amogatev1.ListNotesRequest]{plain: plainNote}

// given are the fields of a note that upstream gives.
var givenOfNotes = []string{"id", "type_code", "editable", "pinned", "group_id", "update_time", "updated_by", "account_id", "other_params"}

// A note of each type that the generation makes is shown as it was made; the
// others are refused by name.
func TestNotes_types(t *testing.T) {
	t.Parallel()
	eachNotes(t, func(t *testing.T, g *generation, kind amogatev1.ParentKind) {
		t.Helper()
		a := newNotesAccount(t)
		c := newCollection(t, a, g, g.notes(kind))
		for _, noteType := range slices.Sorted(maps.Keys(madeNotes)) {
			rapid.Check(t, func(rt *rapid.T) {
				want := drawNote(rt, a, kind, noteType)
				if !g.makesNote(kind, noteType) {
					// What no generation makes below such a parent is wrong, not unsupported.
					err := c.codec.Check(c.env, driver.OpCreate, want, writable(want, driver.OpCreate))
					wantNamed(rt, err, "type", driver.KindUnsupported, driver.KindInvalid)
					return
				}
				got := c.get(rt, c.make(rt, cloneOf(want)))
				except := slices.Clone(givenOfNotes)
				for _, name := range []string{"responsible_user_id", "create_time", "created_by"} {
					if !want.ProtoReflect().Has(fieldNamed(want, name)) {
						except = append(except, name)
					}
				}
				noteTrial.compare(rt, want, got, except)
			})
		}
	})
}

// Content is replaced where the generation changes such notes.
func TestNotes_changeContent(t *testing.T) {
	t.Parallel()
	eachNotes(t, func(t *testing.T, g *generation, kind amogatev1.ParentKind) {
		t.Helper()
		a := newNotesAccount(t)
		c := newCollection(t, a, g, g.notes(kind))
		for _, noteType := range slices.Sorted(maps.Keys(madeNotes)) {
			if !g.makesNote(kind, noteType) {
				continue
			}
			rapid.Check(t, func(rt *rapid.T) {
				id := c.make(rt, drawNote(rt, a, kind, noteType))
				want := c.get(rt, id)
				value := &amogatev1.Note{}
				drawContent(rt, noteType, value)
				path := driver.NoteContent(value)
				reply, err := c.update(rt, noteChange{ID: id, Value: value, Paths: []string{path}})
				changes := noteType == amogatev1.NoteType_NOTE_TYPE_COMMON || g == fourth && madeNotes[noteType].changes
				if changes {
					if err != nil || len(reply.Errors) != 0 {
						rt.Fatalf("%s: %v %v", noteType, err, itemErrors(reply))
					}
					want.Content = value.GetContent()
				} else {
					e := single(rt, reply, err).Err
					failure(rt, e, driver.KindInvalid, driver.KindUnsupported, driver.KindUpstreamInvalid)
				}
				noteTrial.compare(rt, want, c.get(rt, id), []string{"update_time", "updated_by"})
			})
		}
	})
}

// What a note is about, its parent and its times stay.
func TestNotes_immutable(t *testing.T) {
	t.Parallel()
	eachNotes(t, func(t *testing.T, g *generation, kind amogatev1.ParentKind) {
		t.Helper()
		codec := g.notes(kind)
		fields := (&amogatev1.Note{}).ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			name := string(f.Name())
			if isWritable(f, driver.OpUpdate) {
				continue
			}
			if codec.Supports(driver.OpUpdate, name) {
				t.Errorf("update of %s is supported", name)
			}
			err := codec.Check(&driver.Env{}, driver.OpUpdate, &amogatev1.Note{}, []string{name})
			wantNamed(t, err, name, driver.KindInvalid, driver.KindUnsupported)
		}
		err := codec.Check(&driver.Env{}, driver.OpUpdate, &amogatev1.Note{}, []string{"text"})
		wantNamed(t, err, "text", driver.KindInvalid)
		if g == second {
			note := &amogatev1.Note{Content: &amogatev1.Note_Text{Text: "x"}, TriggerDigitalPipeline: new(true)}
			driver.SetParent(note, kind, 5)
			wantNamed(t, codec.Check(&driver.Env{}, driver.OpCreate, note, writable(note, driver.OpCreate)), "trigger_digital_pipeline", driver.KindUnsupported)
		}
	})
}

func TestNotes_lists(t *testing.T) {
	t.Parallel()
	eachNotes(t, func(t *testing.T, g *generation, kind amogatev1.ParentKind) {
		t.Helper()
		a := newNotesAccount(t)
		c := newCollection(t, a, g, g.notes(kind))
		all := c.rows(t, nil, 250)
		stored := map[int64]emulator.Note{}
		for note := range a.Notes(emulator.ParentKind(kind)) {
			stored[note.ID] = note
		}
		for _, row := range all {
			note, ok := stored[row.GetId()]
			gotKind, parent := driver.Parent(row)
			if !ok || gotKind != kind || parent != note.ParentID || row.GetCreateTime().GetSeconds() != note.CreatedAt ||
				row.GetUpdateTime().GetSeconds() != note.UpdatedAt || row.GetResponsibleUserId() != note.ResponsibleUserID {
				t.Errorf("got %v, want %+v", row, note)
			}
			if arm := driver.NoteContent(row); arm != "" && arm != "raw" && arm != driver.NoteArm(row.GetType()) {
				t.Errorf("a note of type %s has content %s", row.GetType(), arm)
			}
			if g == fourth && row.GetTypeCode() != note.Type {
				t.Errorf("note %d is of type %q, want %q", note.ID, row.GetTypeCode(), note.Type)
			}
			delete(stored, row.GetId())
		}
		// v2 has no numbers for some types, and does not show such notes.
		for _, note := range stored {
			if g == fourth || !slices.Contains([]string{"ai_result", "customer_status_changed", "dp_tags_added", "dp_tags_removed"}, note.Type) {
				t.Errorf("note %d of type %s is missing", note.ID, note.Type)
			}
		}
		ids := idsOf(all)
		testPages(t, c, nil, ids)
		testIDs(t, c, ids, unknownID)
		rapid.Check(t, func(rt *rapid.T) { testNoteFilter(rt, a, c, kind, all) })
	})
}

func testNoteFilter(rt *rapid.T, a *account, c *collection[*amogatev1.Note, *amogatev1.ListNotesRequest], kind amogatev1.ParentKind, all []*amogatev1.Note) {
	request := &amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{}}
	var types []amogatev1.NoteType
	var times []*timestamppb.Timestamp
	for _, row := range all {
		times = append(times, row.GetUpdateTime())
		if row.GetType() != amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED {
			types = append(types, row.GetType())
		}
	}
	if len(all) == 0 {
		return
	}
	if rapid.Bool().Draw(rt, "of a parent") {
		driver.SetParent(request, kind, some(rt, parentIDs(a, kind), "parent")[0])
	}
	if rapid.Bool().Draw(rt, "by type") && len(types) > 0 {
		request.Filter.Types = rapid.SliceOfN(rapid.SampledFrom(types), 1, 3).Draw(rt, "types")
	}
	if rapid.Bool().Draw(rt, "by change") {
		request.Filter.UpdateTime = drawRange(rt, times, "updated")
	}
	matches := func(row *amogatev1.Note, types, update bool) bool {
		_, want := driver.Parent(request)
		_, parent := driver.Parent(row)
		return (want == 0 || parent == want) &&
			(!types || len(request.GetFilter().GetTypes()) == 0 || slices.Contains(request.GetFilter().GetTypes(), row.GetType())) &&
			(!update || between(request.GetFilter().GetUpdateTime(), row.GetUpdateTime()))
	}
	local := c.codec.Local(request)
	got := c.rows(rt, request, 10)
	for _, row := range got {
		if !matches(row, !slices.Contains(local, "types"), !slices.Contains(local, "update_time")) {
			rt.Errorf("note %d is not what was asked for", row.GetId())
		}
	}
	ids := idsOf(got)
	for _, row := range all {
		if matches(row, true, true) && !slices.Contains(ids, row.GetId()) {
			rt.Errorf("note %d is missing", row.GetId())
		}
	}
}

func TestNotes_failures(t *testing.T) {
	t.Parallel()
	eachNotes(t, func(t *testing.T, g *generation, kind amogatev1.ParentKind) {
		t.Helper()
		a := newNotesAccount(t)
		c := newCollection(t, a, g, g.notes(kind))
		note := func(parent int64) *amogatev1.Note {
			n := &amogatev1.Note{Content: &amogatev1.Note_Text{Text: "x"}}
			driver.SetParent(n, kind, parent)
			return n
		}
		parents := parentIDs(a, kind)
		reply, err := c.create(t, note(parents[0]), note(unknownID), note(parents[1]))
		if item := single(t, reply, err); item.Index != 1 {
			t.Errorf("the refusal is of item %d (%v), want 1", item.Index, item.Err)
		}
		text := &amogatev1.Note{Content: &amogatev1.Note_Text{Text: "y"}, Type: amogatev1.NoteType_NOTE_TYPE_COMMON}
		if kind == amogatev1.ParentKind_PARENT_KIND_TASK {
			text.Type = amogatev1.NoteType_NOTE_TYPE_TASK_RESULT
		}
		reply, err = c.update(t, noteChange{ID: unknownID, Value: text, Paths: []string{"text"}})
		if item := single(t, reply, err); item.Err.Kind != driver.KindNotFound {
			t.Errorf("update of an unknown note: %v", item.Err)
		}
		_, err = c.create(t, &amogatev1.Note{Content: &amogatev1.Note_Text{Text: "x"}})
		failure(t, err, driver.KindInvalid)
		if !c.codec.Locks {
			return
		}
		id := c.make(t, note(parents[0]))
		late := c.get(t, id).GetUpdateTime().AsTime()
		reply, err = c.update(t, noteChange{ID: id, Value: text, Paths: []string{"text"}, UpdateTime: late})
		if item := single(t, reply, err); !item.Stale || item.ID != id {
			t.Errorf("stale %t, id %d; want a stale write of %d", item.Stale, item.ID, id)
		}
	})
	for _, g := range generations {
		a := newAccount(t, emulator.Config{Customers: 1, NotesReadOnly: true})
		c := newCollection(t, a, g, g.notes(amogatev1.ParentKind_PARENT_KIND_LEAD))
		n := &amogatev1.Note{Content: &amogatev1.Note_Text{Text: "x"}}
		driver.SetParent(n, amogatev1.ParentKind_PARENT_KIND_LEAD, parentIDs(a, amogatev1.ParentKind_PARENT_KIND_LEAD)[0])
		reply, err := c.create(t, n)
		if item := single(t, reply, err); item.Err.Kind != driver.KindForbidden {
			t.Errorf("%s: a note without the right: %v", g, item.Err)
		}
	}
}

// A note that v2 makes is the same over v4, and the other way round.
func TestNotes_cross(t *testing.T) {
	t.Parallel()
	for _, writer := range generations {
		for _, kind := range driver.ParentKinds {
			if kind == amogatev1.ParentKind_PARENT_KIND_TASK {
				continue
			}
			a := newNotesAccount(t)
			from, old, later := newCollection(t, a, writer, writer.notes(kind)), newCollection(t, a, second, second.notes(kind)), newCollection(t, a, fourth, fourth.notes(kind))
			for _, noteType := range slices.Sorted(maps.Keys(madeNotes)) {
				if !second.makesNote(kind, noteType) || !fourth.makesNote(kind, noteType) {
					continue
				}
				rapid.Check(t, func(rt *rapid.T) {
					id := from.make(rt, drawNote(rt, a, kind, noteType))
					noteTrial.compare(rt, old.get(rt, id), later.get(rt, id), []string{"type_code", "pinned", "editable", "updated_by"})
				})
			}
		}
	}
}
