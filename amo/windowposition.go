package amo

import "github.com/amogate/amogate/amo/internal/wire"

// WindowPosition is a position in a list by windows of the time of change, whose
// rows come in the order of their times of change, those of one second in the
// order of their ids. The zero value is none.
type WindowPosition struct {
	// Signpost is upstream's time when the list began, in unix seconds.
	Signpost int64
	// Second is the one up to which all rows were sent, ID the id up to which those
	// of the next second were.
	Second, ID int64
	// Tail says that what changed since Signpost is being sent.
	Tail bool
}

// holds says whether a row that changed in a second lies before the position.
func (p WindowPosition) holds(second, id int64) bool {
	return p.Signpost > 0 && (second <= p.Second || second == p.Second+1 && id <= p.ID)
}

// clock is a second that upstream's clock had reached at the position.
func (p WindowPosition) clock() int64 {
	if p.Tail {
		return max(p.Signpost, p.Second)
	}
	return p.Signpost
}

// maxAhead is how many seconds a position may lie before upstream's clock, which
// can have been set back.
const maxAhead = 24 * 60 * 60

// possible says whether a list could have come to the position by now.
func (p WindowPosition) possible(now, overlap int64) bool {
	return p.Signpost > 0 && p.Second >= 0 && p.Second <= wire.MaxUnix && p.ID >= 0 && p.Signpost <= now+maxAhead &&
		(!p.Tail || p.Second+1 >= p.Signpost-overlap)
}

// after says whether the position is behind another one.
func (p WindowPosition) after(q WindowPosition) bool {
	return p.Tail && !q.Tail || p.Second > q.Second || p.Second == q.Second && p.ID > q.ID
}
