package amo

import (
	"cmp"
	"context"

	"google.golang.org/protobuf/proto"
)

// pageRow is one row of a page: what has to be known of all of them before the
// first is sent, and where the rest of it is, which is read when its turn comes.
type pageRow[T proto.Message] struct {
	id int64
	// changed is the time of its last change in unix seconds; 0 = not told.
	changed int64
	page    rowPage[T]
	place   int
}

// rowPage is a page whose rows are read one by one, until it is released, which may
// be done twice.
type rowPage[T proto.Message] interface {
	row(ctx context.Context, place int) (T, error)
	release()
}

// read reads the row.
func (r pageRow[T]) read(ctx context.Context) (T, error) { return r.page.row(ctx, r.place) }

// maxRowsAtOnce is how many rows are read before the first of them is sent: what
// is sent without a pause leaves in few writes, which cost more than the rows.
const maxRowsAtOnce = 64

// rowReader reads the rows of a page in their order: the first alone, since
// somebody waits for it, then two, four and more at once.
type rowReader[T proto.Message] struct {
	rows []pageRow[T]
	// read are those from begin on.
	begin int
	read  []T
}

// at returns row i.
func (r *rowReader[T]) at(ctx context.Context, i int) (T, error) {
	if i < r.begin+len(r.read) {
		return r.read[i-r.begin], nil
	}
	size := min(max(2*len(r.read), 1), maxRowsAtOnce, len(r.rows)-i)
	r.begin, r.read = i, r.read[:0]
	var err error
	for _, row := range r.rows[i : i+size] {
		var value T
		if value, err = row.read(ctx); err != nil {
			break
		}
		r.read = append(r.read, value)
	}
	if len(r.read) == 0 {
		return *new(T), err
	}
	return r.read[0], nil // an error behind it comes when it is its row's turn
}

// release gives up the pages that the rows are of.
func (r *rowReader[T]) release() { releaseRows(r.rows) }

// releaseRows gives up the pages that rows are of.
func releaseRows[T proto.Message](rows []pageRow[T]) {
	for _, row := range rows {
		row.page.release()
	}
}

// byID compares rows by their ids, byTime by their times of change and then by
// their ids.
func byID[T proto.Message](a, b pageRow[T]) int { return cmp.Compare(a.id, b.id) }

func byTime[T proto.Message](a, b pageRow[T]) int {
	return cmp.Or(cmp.Compare(a.changed, b.changed), cmp.Compare(a.id, b.id))
}

// sentPage is what upstream sent as one page.
type sentPage[T proto.Message] struct {
	rows []pageRow[T]
	// next says that upstream announced another page.
	next bool
}
