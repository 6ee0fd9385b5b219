package amo

// idSet is a set of ids, one bit each, in blocks of 64 neighbours.
type idSet struct {
	blocks map[int64]uint64
}

// add adds id and says whether it was there.
func (s *idSet) add(id int64) bool {
	if s.blocks == nil {
		s.blocks = make(map[int64]uint64)
	}
	block, bit := id>>6, uint64(1)<<(id&63)
	was := s.blocks[block]&bit != 0
	s.blocks[block] |= bit
	return was
}

// has says whether id is there.
func (s *idSet) has(id int64) bool { return s.blocks[id>>6]&(1<<(id&63)) != 0 }

// any says whether there is one.
func (s *idSet) any() bool { return len(s.blocks) > 0 }
