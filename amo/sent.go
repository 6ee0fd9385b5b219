package amo

// sentRows are the rows that a run of a list has sent. Of the many that have not
// changed for long it keeps their ids alone.
type sentRows struct {
	ids idSet
	// late are the times of change of the rows that changed lately.
	late map[int64]int64
}

// has says whether a row was sent.
func (s *sentRows) has(id int64) bool { return s.ids.has(id) }

// add takes a row that changed in a second, and says whether it is to be sent, and
// whether it was before. What was sent before and has not changed since horizon
// is as it was.
func (s *sentRows) add(id, second, horizon int64) (send, again bool) {
	again = s.ids.add(id)
	if again {
		was, isLate := s.late[id]
		if isLate && was == second || !isLate && second < horizon {
			return false, true
		}
	}
	if second >= horizon {
		if s.late == nil {
			s.late = make(map[int64]int64)
		}
		s.late[id] = second
	} else {
		delete(s.late, id)
	}
	return true, again
}
