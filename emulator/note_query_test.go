package emulator

import (
	"slices"
	"testing"
)

// TestNoteWalk_backwards goes through more notes than are read at a time.
func TestNoteWalk_backwards(t *testing.T) {
	e := open(t, Config{Notes: 2*noteChunk + 10})
	mustNote(t, e, Note{Kind: ParentLead, ParentID: e.SeededParents(ParentLead, 1)[0]})
	for _, byID := range []bool{false, true} {
		walk := func(desc bool) []int64 {
			var ids []int64
			for w := e.customers.notes[ParentLead].walk(&noteQuery{byID: byID, desc: desc}); w.ok; w.next() {
				ids = append(ids, w.head.id)
			}
			return ids
		}
		forwards, backwards := walk(false), walk(true)
		slices.Reverse(backwards)
		if len(forwards) != 2*noteChunk+11 || !slices.Equal(forwards, backwards) {
			t.Errorf("by id %v: %d notes forwards, %d backwards, or others", byID, len(forwards), len(backwards))
		}
	}
}
