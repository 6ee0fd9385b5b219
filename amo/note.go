package amo

import (
	"context"
	"iter"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v2"
	"github.com/amogate/amogate/amo/internal/v4"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// noteCollection are the notes of one kind of parents: upstream numbers the notes
// of each kind by themselves.
type noteCollection = *Collection[*amogatev1.Note, *amogatev1.ListNotesRequest]

// Notes are the notes of an account. It is safe for concurrent use.
type Notes struct {
	client *Client
	kinds  map[amogatev1.ParentKind]noteCollection
}

func newNotes(c *Client) *Notes {
	n := &Notes{client: c, kinds: map[amogatev1.ParentKind]noteCollection{}}
	for _, kind := range driver.ParentKinds {
		collection := &Collection[*amogatev1.Note, *amogatev1.ListNotesRequest]{
			client:   c,
			name:     "notes",
			drivers:  map[Generation]driver.Resource[*amogatev1.Note, *amogatev1.ListNotesRequest]{V2: v2.Notes(kind)},
			behavior: noteBehavior,
		}
		if kind == amogatev1.ParentKind_PARENT_KIND_TASK {
			collection.name = "task_notes"
		} else {
			collection.drivers[V4] = v4.Notes(kind)
		}
		n.kinds[kind] = collection
	}
	return n
}

var noteBehavior = behavior[*amogatev1.Note, *amogatev1.ListNotesRequest]{
	ids:        func(r *amogatev1.ListNotesRequest) []int64 { return r.GetFilter().GetIds() },
	byIDsAlone: func(r *amogatev1.ListNotesRequest) bool { return len(r.GetFilter().GetIds()) > 0 },
	matches:    noteMatches,
	same: func(sent, stored *amogatev1.Note) bool {
		return sameParent(sent, stored) && sent.GetText() == stored.GetText() && (sent.GetType() == 0 || sent.GetType() == stored.GetType())
	},
	belongs: sameParent,
	recent:  recentNotes,
	explain: func(_ driver.Op, note *amogatev1.Note, refusal *Error) { driver.ExplainNote(note, refusal) },
}

// noteMatches says whether a note is what a request asks for.
func noteMatches(r *amogatev1.ListNotesRequest, n *amogatev1.Note) bool {
	f := r.GetFilter()
	kind, parent := driver.Parent(r)
	ofKind, of := driver.Parent(n)
	return (parent == 0 || kind == ofKind && parent == of) &&
		(len(f.GetIds()) == 0 || slices.Contains(f.GetIds(), n.GetId())) &&
		(len(f.GetTypes()) == 0 || slices.Contains(f.GetTypes(), n.GetType())) &&
		inRange(f.GetUpdateTime(), n.GetUpdateTime())
}

// recentNotes asks for notes by the time of their change, of one parent where all
// have the same.
func recentNotes(values []*amogatev1.Note, since time.Time, _ bool) *amogatev1.ListNotesRequest {
	request := &amogatev1.ListNotesRequest{Filter: &amogatev1.NoteFilter{
		UpdateTime: &amogatev1.TimeRange{StartTime: timestamppb.New(since)},
	}}
	kind, id := driver.Parent(values[0])
	if !slices.ContainsFunc(values, func(n *amogatev1.Note) bool { return !sameParent(n, values[0]) }) {
		driver.SetParent(request, kind, id)
	}
	return request
}

// sameParent says whether two notes have the same parent.
func sameParent(a, b *amogatev1.Note) bool {
	kindA, idA := driver.Parent(a)
	kindB, idB := driver.Parent(b)
	return kindA == kindB && idA == idB
}

// Get reads one note. A note of another parent is KindNotFound.
func (n *Notes) Get(ctx context.Context, kind amogatev1.ParentKind, parentID, id int64) (*amogatev1.Note, error) {
	collection := n.kinds[kind]
	note, err := collection.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, of := driver.Parent(note); of != parentID {
		return nil, collection.notFound(driver.OpGet, id)
	}
	return note, nil
}

// Create makes notes of any kinds of parents, as Collection.Create does. Every
// value names its parent.
func (n *Notes) Create(ctx context.Context, items []Create[*amogatev1.Note]) []Result[*amogatev1.Note] {
	return byKind(ctx, typed(items), createdNote, func(ctx context.Context, kind amogatev1.ParentKind, part []Create[*amogatev1.Note]) []Result[*amogatev1.Note] {
		return n.kinds[kind].Create(ctx, part)
	})
}

// RecallCreate is Collection.RecallCreate of notes of any kinds of parents.
func (n *Notes) RecallCreate(ctx context.Context, items []Create[*amogatev1.Note], since time.Time) []Result[*amogatev1.Note] {
	return byKind(ctx, typed(items), createdNote, func(ctx context.Context, kind amogatev1.ParentKind, part []Create[*amogatev1.Note]) []Result[*amogatev1.Note] {
		return n.kinds[kind].RecallCreate(ctx, part, since)
	})
}

// NewNoteType returns the type of a new note that names none.
func NewNoteType(note *amogatev1.Note) amogatev1.NoteType {
	kind, _ := driver.Parent(note)
	return driver.NewNoteType(kind, note)
}

// typed returns items that all name a type: the answer is to tell what upstream is
// told.
func typed(items []Create[*amogatev1.Note]) []Create[*amogatev1.Note] {
	items = slices.Clone(items)
	for i, item := range items {
		if item.Value.GetType() == amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED {
			items[i].Value = proto.CloneOf(item.Value)
			items[i].Value.Type = NewNoteType(item.Value)
		}
	}
	return items
}

func createdNote(item Create[*amogatev1.Note]) *amogatev1.Note { return item.Value }

func updatedNote(item Update[*amogatev1.Note]) *amogatev1.Note { return item.Value }

// Update changes notes of any kinds of parents, as Collection.Update does. Every
// value names its parent, whatever its paths say.
func (n *Notes) Update(ctx context.Context, items []Update[*amogatev1.Note]) []Result[*amogatev1.Note] {
	results := byKind(ctx, items, updatedNote, func(ctx context.Context, kind amogatev1.ParentKind, part []Update[*amogatev1.Note]) []Result[*amogatev1.Note] {
		return n.kinds[kind].Update(ctx, part)
	})
	return withParents(results, items)
}

// RecallUpdate is Collection.RecallUpdate of notes of any kinds of parents.
func (n *Notes) RecallUpdate(ctx context.Context, items []Update[*amogatev1.Note], since time.Time) []Result[*amogatev1.Note] {
	results := byKind(ctx, items, updatedNote, func(ctx context.Context, kind amogatev1.ParentKind, part []Update[*amogatev1.Note]) []Result[*amogatev1.Note] {
		return n.kinds[kind].RecallUpdate(ctx, part, since)
	})
	return withParents(results, items)
}

// withParents makes updated notes name their parents, since an id says little
// without.
func withParents(results []Result[*amogatev1.Note], items []Update[*amogatev1.Note]) []Result[*amogatev1.Note] {
	for i, result := range results {
		if result.Err == nil {
			kind, id := driver.Parent(items[i].Value)
			driver.SetParent(result.Value, kind, id)
		}
	}
	return results
}

// byKind writes the items of each kind of parents and returns the results in the
// order of the items.
func byKind[A any](ctx context.Context, items []A, note func(A) *amogatev1.Note, write func(ctx context.Context, kind amogatev1.ParentKind, part []A) []Result[*amogatev1.Note]) []Result[*amogatev1.Note] {
	told := outcomesOf[*amogatev1.Note](ctx)
	results := make([]Result[*amogatev1.Note], len(items))
	all := make([]int, len(items))
	for i := range items {
		all[i] = i
	}
	kindOf := func(i int) amogatev1.ParentKind {
		kind, _ := driver.Parent(note(items[i]))
		return kind
	}
	for _, part := range partition(all, kindOf) {
		batch := make([]A, len(part))
		for k, i := range part {
			batch[k] = items[i]
		}
		ctx := WithOutcomes(ctx, func(k int, result Result[*amogatev1.Note]) { told(part[k], result) })
		for k, result := range write(ctx, kindOf(part[0]), batch) {
			results[part[k]] = result
		}
	}
	return results
}

// Pin pins a note to the top of its parent's feed, or unpins it.
func (n *Notes) Pin(ctx context.Context, kind amogatev1.ParentKind, parentID, id int64, pinned bool) error {
	if _, err := n.client.route(notePinsName, driver.OpUpdate, asked{}); err != nil {
		return err
	}
	if kind == amogatev1.ParentKind_PARENT_KIND_TASK {
		return &Error{
			Kind: KindUnsupported, Op: notePinsName + "." + string(driver.OpUpdate), Generation: V4,
			Message: "notes of tasks cannot be pinned",
		}
	}
	// Upstream does not look at the parent.
	if _, err := n.Get(ctx, kind, parentID, id); err != nil {
		return err
	}
	defer n.kinds[kind].changed(id)
	_, err := exchange(ctx, n.client, v4.PinNote(kind, id, pinned))
	return err
}

// NoteListing is one list of notes about to run, kind after kind.
type NoteListing struct {
	notes   *Notes
	request *amogatev1.ListNotesRequest
	options ListOptions
	kinds   []amogatev1.ParentKind
	// optional says that nobody asked for these kinds by name: those that the
	// account does not have are passed over.
	optional bool

	cursor Cursor
	end    ListEnd
	ended  bool
}

// List prepares a list; nothing is sent before its rows are asked for.
func (n *Notes) List(request *amogatev1.ListNotesRequest, options ListOptions) *NoteListing {
	l := &NoteListing{notes: n, request: request, options: options, cursor: options.From}
	kind, _ := driver.Parent(request)
	switch {
	case kind != 0:
		l.kinds = []amogatev1.ParentKind{kind}
	case len(request.GetFilter().GetParentKinds()) > 0:
		l.kinds = slices.Clone(request.GetFilter().GetParentKinds())
		slices.Sort(l.kinds)
		l.kinds = slices.Compact(l.kinds)
	default:
		l.kinds, l.optional = driver.ParentKinds, true
	}
	return l
}

// Rows reads upstream and yields the rows that match, kind after kind. An error,
// always an *Error, is the last thing it yields. It may be ranged over once.
func (l *NoteListing) Rows(ctx context.Context) iter.Seq2[Row[*amogatev1.Note], error] {
	return func(yield func(Row[*amogatev1.Note], error) bool) {
		for _, kind := range l.kinds {
			options := l.options
			from := amogatev1.ParentKind(l.options.From.Kind)
			if kind < from {
				continue
			}
			if kind > from {
				options.From = Cursor{}
			}
			if l.options.MaxPages > 0 && kind > from {
				options.MaxPages = l.options.MaxPages - int(l.end.Pages)
				if options.MaxPages <= 0 && l.begin(ctx, kind) {
					return
				}
				options.MaxPages = max(options.MaxPages, 1)
			}
			if more := l.kind(ctx, kind, options, yield); !more {
				return
			}
		}
		l.end.Completeness, l.ended = amogatev1.Completeness_COMPLETENESS_BEST_EFFORT, true
	}
}

// begin sets the position before the first note of a kind. It cannot where the
// kind is not served: reading on passes it over, or tells why.
func (l *NoteListing) begin(ctx context.Context, kind amogatev1.ParentKind) bool {
	d, err := l.notes.kinds[kind].listRoute(ctx, l.request)
	if err != nil {
		return false
	}
	l.cursor = Cursor{Generation: d.Generation, Kind: int32(kind)}
	return true
}

// kind yields the rows of one kind and says whether the next one is to follow.
func (l *NoteListing) kind(ctx context.Context, kind amogatev1.ParentKind, options ListOptions, yield func(Row[*amogatev1.Note], error) bool) bool {
	list := l.notes.kinds[kind].List(l.request, options)
	defer func() {
		end, _ := list.End()
		l.count(end)
	}()
	for row, err := range list.Rows(ctx) {
		if err != nil && l.optional && missing(err) {
			return true
		}
		if err != nil {
			yield(row, err)
			return false
		}
		row.Cursor.Kind = int32(kind)
		l.cursor = row.Cursor
		if !yield(row, nil) {
			return false
		}
	}
	l.cursor = list.Cursor()
	l.cursor.Kind = int32(kind)
	_, ended := list.End()
	return ended
}

// missing says that the account does not have this kind of records, or that its
// generation does not serve their notes.
func missing(err error) bool {
	return IsKind(err, KindUnsupported) || IsKind(err, KindCustomersDisabled) || IsKind(err, KindCustomersNotInPlan)
}

func (l *NoteListing) count(end ListEnd) {
	l.end.Pages += end.Pages
	l.end.Requests += end.Requests
	l.end.Retries += end.Retries
	l.end.Resent += end.Resent
	l.end.RepairedBorders += end.RepairedBorders
	l.end.Local = append(l.end.Local, end.Local...)
	slices.Sort(l.end.Local)
	l.end.Local = slices.Compact(l.end.Local)
}

// Cursor is the position behind everything that was read, matching or not.
func (l *NoteListing) Cursor() Cursor { return l.cursor }

// End returns the account of the list, and whether it came to its end.
func (l *NoteListing) End() (ListEnd, bool) { return l.end, l.ended }
