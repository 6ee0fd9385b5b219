package emulator

import (
	"cmp"
	"slices"
)

// noteQuery is what a list of notes of either generation is asked for.
type noteQuery struct {
	kinds        []ParentKind
	ids          []int64  // nil: all
	parents      []int64  // nil: all
	types        []string // words; nil: all
	onlyOld      bool     // only types generation v2 has numbers for
	updated      *span
	rows, offset int
	byID, desc   bool // the order; otherwise by updated_at and id, ascending
}

// noteHead is what filters and orders need to know of a note.
type noteHead struct {
	kind    ParentKind
	id      int64
	parent  int64
	word    string
	updated int64
	note    *Note // nil: seeded note j of the kind
	j       int
}

func (n *Note) head() noteHead {
	return noteHead{kind: n.Kind, id: n.ID, parent: n.ParentID, word: n.Type, updated: n.UpdatedAt, note: n}
}

func (q *noteQuery) match(h noteHead) bool {
	return (q.ids == nil || slices.Contains(q.ids, h.id)) &&
		(q.parents == nil || slices.Contains(q.parents, h.parent)) &&
		(q.types == nil || slices.Contains(q.types, h.word)) &&
		(!q.onlyOld || noteTypeNamed(h.word).code != 0) &&
		(q.updated == nil || q.updated.contains(h.updated))
}

// compare orders notes as the query wants; notes of two kinds with one id stay in the order of the kinds.
func (q *noteQuery) compare(a, b noteHead) int {
	order := cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.kind, b.kind))
	if !q.byID {
		order = cmp.Or(cmp.Compare(a.updated, b.updated), order)
	}
	if q.desc {
		return -order
	}
	return order
}

// page returns the notes a query asks for. The caller holds the lock.
func (st noteStore) page(q noteQuery) []*Note {
	page := make([]*Note, 0, min(q.rows, maxRows))
	skip := q.offset
	take := func(h noteHead) bool {
		if !q.match(h) {
			return true
		}
		if skip > 0 {
			skip--
			return true
		}
		if h.note == nil {
			h.note = st[h.kind].seed.note(h.j)
		}
		page = append(page, h.note)
		return len(page) < q.rows
	}
	if q.ids != nil || q.parents != nil { // few notes, and found without a walk through all
		for _, h := range st.some(&q) {
			if !take(h) {
				break
			}
		}
		return page
	}
	walks := make([]*noteWalk, 0, len(q.kinds))
	for _, kind := range q.kinds {
		walks = append(walks, st[kind].walk(&q))
	}
	if len(walks) == 1 && q.types == nil && !q.onlyOld && q.updated == nil {
		walks[0], skip = st[q.kinds[0]].walkFrom(&q, skip), 0
	}
	for {
		var first *noteWalk
		for _, w := range walks {
			if w.ok && (first == nil || q.compare(w.head, first.head) < 0) {
				first = w
			}
		}
		if first == nil || q.updated != nil && !q.byID && !q.desc && first.head.updated > q.updated.to || !take(first.head) {
			return page
		}
		first.next()
	}
}

// some returns the notes with the ids or of the parents a query names, in its order.
func (st noteStore) some(q *noteQuery) []noteHead {
	var heads []noteHead
	for _, kind := range q.kinds {
		if q.ids != nil {
			for _, id := range compact(q.ids) {
				if n := st[kind].find(id); n != nil {
					heads = append(heads, n.head())
				}
			}
			continue
		}
		for _, parent := range compact(q.parents) {
			for _, n := range st[kind].of(parent) {
				heads = append(heads, n.head())
			}
		}
	}
	slices.SortFunc(heads, q.compare)
	return heads
}

// compact returns ids sorted and each once.
func compact(ids []int64) []int64 {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// noteChunk is how many notes a walk backwards reads forwards at a time.
const noteChunk = 256

// noteWalk goes through the notes of one kind in the order of a query.
type noteWalk struct {
	tb   *noteTable
	x    *index[Note]
	byID bool
	cur  *cursor[Note] // of a walk forwards

	desc  bool
	left  int        // notes before the chunk
	chunk []noteHead // of a walk backwards, taken from its end

	head noteHead
	ok   bool
}

// walk starts at the first note a query can match, as far as the order alone tells.
func (tb *noteTable) walk(q *noteQuery) *noteWalk {
	skip := 0
	switch {
	case q.updated == nil || q.byID:
	case q.desc:
		skip = tb.count() - tb.byUpdated.before(sortKey{primary: q.updated.to, id: anyTime.to})
	default:
		skip = tb.byUpdated.before(sortKey{primary: q.updated.from})
	}
	return tb.walkFrom(q, skip)
}

// walkFrom starts behind skip notes.
func (tb *noteTable) walkFrom(q *noteQuery, skip int) *noteWalk {
	w := &noteWalk{tb: tb, x: &tb.byUpdated, byID: q.byID, desc: q.desc}
	if q.byID {
		w.x = &tb.byID
	}
	if q.desc {
		w.left = max(0, tb.count()-skip)
	} else {
		w.cur = w.x.seek(skip)
	}
	w.next()
	return w
}

func (w *noteWalk) next() {
	if !w.desc {
		w.head, w.ok = w.step(w.cur)
		return
	}
	if len(w.chunk) == 0 && w.left > 0 {
		size := min(noteChunk, w.left)
		w.left -= size
		cur := w.x.seek(w.left)
		for range size {
			h, ok := w.step(cur)
			if !ok {
				break
			}
			w.chunk = append(w.chunk, h)
		}
	}
	last := len(w.chunk) - 1
	if w.ok = last >= 0; w.ok {
		w.head, w.chunk = w.chunk[last], w.chunk[:last]
	}
}

func (w *noteWalk) step(cur *cursor[Note]) (noteHead, bool) {
	n, j, ok := cur.next()
	switch {
	case !ok:
		return noteHead{}, false
	case n != nil:
		return n.head(), true
	case w.byID:
		j = w.tb.seed.rows.row(j)
	}
	return w.tb.seed.head(j), true
}
