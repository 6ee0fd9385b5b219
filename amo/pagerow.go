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

// rowPage is a page whose rows are read one by one.
type rowPage[T proto.Message] interface {
	row(ctx context.Context, place int) (T, error)
}

// read reads the row.
func (r pageRow[T]) read(ctx context.Context) (T, error) { return r.page.row(ctx, r.place) }

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
