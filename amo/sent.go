package amo

import (
	"hash/fnv"

	"google.golang.org/protobuf/proto"
)

// sentRows are the rows that a run of a list has sent. Of the many that have not
// changed for long it keeps their ids alone.
type sentRows struct {
	ids idSet
	// late are the fingerprints of the rows that changed lately: two changes can
	// share a second.
	late map[int64]uint64
	// room is where rows are written for it.
	room []byte
}

// has says whether a row was sent.
func (s *sentRows) has(id int64) bool { return s.ids.has(id) }

// add takes a row that changed in a second, and says whether it is to be sent, and
// whether it was before. What was sent before and has not changed since horizon
// is as it was.
func (s *sentRows) add(row proto.Message, id, second, horizon int64) (send, again bool) {
	again = s.ids.add(id)
	was, isLate := s.late[id]
	if second < horizon {
		delete(s.late, id)
		return !again || isLate, again
	}
	is := s.fingerprint(row)
	if s.late == nil {
		s.late = make(map[int64]uint64)
	}
	s.late[id] = is
	return !isLate || was != is, again
}

// fingerprint tells versions of a row apart.
func (s *sentRows) fingerprint(row proto.Message) uint64 {
	// A message without required fields can always be written.
	s.room, _ = proto.MarshalOptions{Deterministic: true}.MarshalAppend(s.room[:0], row)
	hash := fnv.New64a()
	_, _ = hash.Write(s.room) // never fails
	return hash.Sum64()
}
