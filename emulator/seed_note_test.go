package emulator

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestSeededNotes_showEveryType finds each type of both generations among few notes, and the shapes within a type.
func TestSeededNotes_showEveryType(t *testing.T) {
	e := open(t, Config{Customers: 5, Notes: 40})
	types := map[string]bool{}
	for _, kind := range parentKinds {
		for n := range e.Notes(kind) {
			types[n.Type] = true
			if _, ok := e.Parent(kind, n.ParentID); !ok {
				t.Errorf("note %d hangs on no %s", n.ID, kind)
			}
			if n.CreatedAt > n.UpdatedAt || n.UpdatedAt > seedEnd.Unix() {
				t.Errorf("note %d: created %d, updated %d", n.ID, n.CreatedAt, n.UpdatedAt)
			}
			if !noteTypeNamed(n.Type).fits(kind) {
				t.Errorf("a %s has a note %s", kind, n.Type)
			}
			for key := range n.Params {
				if noteTypeNamed(n.Type).param(key) == nil && key != "text" {
					t.Errorf("a note %s has the param %s", n.Type, key)
				}
			}
		}
	}
	for i := range noteTypes {
		if !types[noteTypes[i].word] {
			t.Errorf("no note %s", noteTypes[i].word)
		}
	}
	found := map[string]bool{}
	for n := range open(t, Config{Notes: 800}).Notes(ParentLead) {
		switch n.Type {
		case "sms_in":
			found["sms without params"] = found["sms without params"] || n.Params["phone"] == nil
			found["sms"] = found["sms"] || n.Params["phone"] != nil
		case noteAttachment:
			found["file of old"] = found["file of old"] || n.Attachment != ""
			found["file of the drive"] = found["file of the drive"] || n.Params["file_uuid"] != nil
		case "call_in":
			_, number := n.Params["call_responsible"].(int64)
			_, text := n.Params["call_responsible"].(string)
			found["user of a call"] = found["user of a call"] || number
			found["name of a call"] = found["name of a call"] || text
		}
		found["pinned"] = found["pinned"] || n.Pinned
	}
	for what, there := range found {
		if !there {
			t.Errorf("no %s", what)
		}
	}
}

func TestSeededNotes_dependOnTheirSettings(t *testing.T) {
	all := func(c Config) []Note { return slices.Collect(open(t, c).Notes(ParentLead)) }
	first := all(Config{Notes: 50})
	if diff := cmp.Diff(first, all(Config{Notes: 50})); diff != "" {
		t.Errorf("equal settings (-first +second):\n%s", diff)
	}
	if cmp.Equal(first, all(Config{Notes: 50, Seed: 1})) {
		t.Error("different seeds give equal notes")
	}
	if got := all(Config{Notes: 50, Parents: -1}); got != nil {
		t.Errorf("notes without parents: %v", got)
	}
}

func TestSeededNotes_repeatIDsBySwitch(t *testing.T) {
	ids := func(e *Emulator, kind ParentKind) []int64 { return e.SeededNotes(kind, 20) }
	e := open(t, Config{Notes: 20})
	for _, id := range ids(e, ParentContact) {
		if slices.Contains(ids(e, ParentLead), id) {
			t.Errorf("%d is the id of two notes", id)
		}
	}
	e = open(t, Config{Notes: 20, NoteIDsRepeat: true})
	if diff := cmp.Diff(ids(e, ParentContact), ids(e, ParentLead)); diff != "" {
		t.Errorf("by switch (-contact +lead):\n%s", diff)
	}
}

// TestNoteTable_agreesWithAList runs random changes and queries against a plain list of notes.
func TestNoteTable_agreesWithAList(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e, err := New(Config{Notes: rapid.IntRange(0, 150).Draw(rt, "seeded"), Window: -1})
		if err != nil {
			rt.Fatal(err)
		}
		model := slices.Collect(e.Notes(ParentLead))
		for range rapid.IntRange(0, 30).Draw(rt, "changes") {
			if len(model) > 0 && rapid.Bool().Draw(rt, "delete") {
				i := rapid.IntRange(0, len(model)-1).Draw(rt, "which")
				e.DeleteNote(ParentLead, model[i].ID)
				model = slices.Delete(model, i, i+1)
				continue
			}
			n, err := e.AddNote(Note{
				Kind: ParentLead, ParentID: aLead + rapid.Int64Range(0, 9).Draw(rt, "parent"), Type: noteCommon,
				UpdatedAt: rapid.Int64Range(1_640_000_000, 1_740_000_000).Draw(rt, "at"),
			})
			if err != nil {
				rt.Fatal(err)
			}
			model = append(model, n)
		}
		q := noteQuery{
			kinds: []ParentKind{ParentLead}, byID: rapid.Bool().Draw(rt, "by id"), desc: rapid.Bool().Draw(rt, "desc"),
			rows: rapid.IntRange(1, 20).Draw(rt, "rows"), offset: rapid.IntRange(0, 200).Draw(rt, "offset"),
		}
		if rapid.Bool().Draw(rt, "by parent") {
			q.parents = []int64{aLead + 1, aLead, aLead}
		}
		if rapid.Bool().Draw(rt, "by type") {
			q.types = []string{noteCommon, "sms_in", "call_out"}
		}
		if rapid.Bool().Draw(rt, "by time") {
			from := rapid.Int64Range(1_640_000_000, 1_740_000_000).Draw(rt, "from")
			q.updated = &span{from, from + rapid.Int64Range(0, 50_000_000).Draw(rt, "length")}
		}
		var want []int64
		slices.SortFunc(model, func(a, b Note) int { return q.compare(a.head(), b.head()) })
		skip := q.offset
		for _, n := range model {
			if !q.match(n.head()) || len(want) == q.rows {
				continue
			}
			if skip > 0 {
				skip--
				continue
			}
			want = append(want, n.ID)
		}
		var got []int64
		for _, n := range e.customers.notes.page(q) {
			got = append(got, n.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("%+v (-want +got):\n%s", q, diff)
		}
	})
}

// TestMillionNotes_costNothing reads from both ends and the middle of a large account.
func TestMillionNotes_costNothing(t *testing.T) {
	e := open(t, Config{Notes: 1_000_000})
	for _, desc := range []bool{false, true} {
		for _, offset := range []int{0, 500_000, 999_999} {
			q := noteQuery{kinds: []ParentKind{ParentLead}, rows: 1, offset: offset, desc: desc, byID: true}
			if got := len(e.customers.notes.page(q)); got != 1 {
				t.Errorf("%d rows at %d", got, offset)
			}
			if allocs := testing.AllocsPerRun(3, func() { e.customers.notes.page(q) }); allocs > 200 {
				t.Errorf("a row at %d makes %v allocations", offset, allocs)
			}
		}
	}
}

func TestAddNote_refuses(t *testing.T) {
	e := open(t, Config{})
	mustNote(t, e, Note{Kind: ParentLead, ParentID: aLead, ID: 1})
	for name, n := range map[string]Note{
		"kind":    {Kind: 7, ParentID: aLead, Type: noteCommon},
		"type":    {Kind: ParentLead, ParentID: aLead, Type: "poem"},
		"parent":  {Kind: ParentLead, ParentID: 77, Type: noteCommon},
		"id":      {Kind: ParentLead, ParentID: aLead, Type: noteCommon, ID: -1},
		"same id": {Kind: ParentLead, ParentID: aLead, Type: noteCommon, ID: 1},
	} {
		if _, err := e.AddNote(n); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, p := range map[string]Parent{
		"customer": {Kind: ParentCustomer, ID: 1, Name: "A"},
		"kind":     {Kind: 9, ID: 1, Name: "A"},
		"id":       {Kind: ParentLead, Name: "A"},
		"name":     {Kind: ParentLead, ID: 1, Name: " "},
	} {
		if err := e.AddParent(p); err == nil {
			t.Errorf("parent with a wrong %s: accepted", name)
		}
	}
	if err := e.AddParent(Parent{Kind: ParentTask, ID: 5, Name: "A"}); err != nil {
		t.Fatal(err)
	}
	if p, ok := e.Parent(ParentTask, 5); !ok || p.Name != "A" {
		t.Errorf("parent %+v", p)
	}
	if err := e.AddCompany(6, "B"); err != nil {
		t.Fatal(err)
	}
	if p, ok := e.Parent(ParentCompany, 6); !ok || p.Name != "B" {
		t.Errorf("company %+v", p)
	}
}
