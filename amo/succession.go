package amo

import (
	"slices"
	"sync"
)

// order lets the writes of one record go one after the other, in order of arrival:
// the next one leaves when the one before was answered. Its zero value is empty.
type order struct {
	mu sync.Mutex
	// lines are the writes by record; the first of each has its turn.
	lines map[int64][]*turn
}

// turn is one write of one record.
type turn struct {
	id int64
	// comes is called once, when it is its turn.
	comes func()
}

// enter puts writes into the lines of their records.
func (o *order) enter(turns []*turn) {
	o.mu.Lock()
	var first []*turn
	if o.lines == nil {
		o.lines = map[int64][]*turn{}
	}
	for _, t := range turns {
		if len(o.lines[t.id]) == 0 {
			first = append(first, t)
		}
		o.lines[t.id] = append(o.lines[t.id], t)
	}
	o.mu.Unlock()
	for _, t := range first {
		t.comes()
	}
}

// leave takes a write out of its line, be it done or given up.
func (o *order) leave(t *turn) {
	o.mu.Lock()
	line := o.lines[t.id]
	at := slices.Index(line, t)
	if at >= 0 {
		line = slices.Delete(line, at, at+1)
	}
	if len(line) == 0 {
		delete(o.lines, t.id)
	} else {
		o.lines[t.id] = line
	}
	o.mu.Unlock()
	if at == 0 && len(line) > 0 {
		line[0].comes()
	}
}

// sequence is the part of a call that writes records in their order. Its goroutine
// is that of the call.
type sequence[W any] struct {
	order *order
	party *party[W]
	turns map[int]*turn

	mu sync.Mutex
	// came are the places whose turn has come and that were not started.
	came []int
	// ahead counts the turns that have not come.
	ahead map[int]bool
}

// inOrder writes the records of items, those at places: it calls start with those
// whose turn has come, which is to make them join a lane or to end them, finish
// with those that were answered, and refuse for those that are not to be sent. Each
// of them ends an item by calling end.
func inOrder[W any](p *party[W], o *order, places []int, id func(place int) int64) *sequence[W] {
	s := &sequence[W]{order: o, party: p, turns: map[int]*turn{}, ahead: map[int]bool{}}
	turns := make([]*turn, len(places))
	for n, place := range places {
		turns[n] = &turn{id: id(place), comes: func() { s.come(place) }}
		s.turns[place], s.ahead[place] = turns[n], true
	}
	o.enter(turns)
	return s
}

func (s *sequence[W]) come(place int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ahead[place] {
		delete(s.ahead, place)
		s.came = append(s.came, place)
		s.party.wake()
	}
}

// run carries the sequence out.
func (s *sequence[W]) run(start func(places []int), finish func(answered []*item[W]), refuse func(place int, err error)) {
	defer func() {
		// After a panic, too, others have their turns.
		for place := range s.turns {
			s.end(place)
		}
	}()
	for {
		s.mu.Lock()
		came := s.came
		s.came = nil
		ahead := len(s.ahead)
		s.mu.Unlock()
		answered, isEmpty := s.party.take()
		for _, it := range answered {
			it.err = release(it.err)
			if it.isLeft {
				delete(s.turns, it.place) // it ends with its batch
			}
		}
		if reason := s.party.stopped(); reason != nil {
			for _, place := range append(came, s.giveUp()...) {
				refuse(place, reason)
				s.end(place)
			}
			came = nil
		}
		switch {
		case len(answered) > 0:
			finish(answered)
			if len(came) > 0 {
				start(came)
			}
		case len(came) > 0:
			start(came)
		case isEmpty && ahead == 0:
			return
		case s.party.stopped() == nil || !isEmpty:
			s.party.wait()
		}
	}
}

// giveUp returns the places whose turn has not come, and takes them out.
func (s *sequence[W]) giveUp() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var places []int
	for place := range s.ahead {
		places = append(places, place)
	}
	clear(s.ahead)
	return places
}

// end lets the next write of the record of a place go.
func (s *sequence[W]) end(place int) {
	if t := s.turns[place]; t != nil {
		delete(s.turns, place)
		s.order.leave(t)
	}
}

// abandon returns what ends a place whose caller has gone.
func (s *sequence[W]) abandon(place int) func() {
	t := s.turns[place]
	return func() { s.order.leave(t) }
}
