package sqlite

import (
	"maps"
	"sync"
	"time"

	"github.com/amogate/amogate/amo/limit"
)

// slots are the next slots of limiters. They are in memory: the process is alone,
// and after a restart the first slot is far enough from the last one before.
type slots struct {
	now   func() time.Time
	first time.Time

	mu       sync.Mutex
	next     map[string]time.Time
	versions map[string]int64
	beats    map[string]time.Time
}

// newSlots returns slots that begin a while from now. versions are those of the
// durable states.
func newSlots(now func() time.Time, first time.Duration, versions map[string]int64) *slots {
	return &slots{
		now: now, first: now().Add(first),
		next: make(map[string]time.Time), versions: versions, beats: make(map[string]time.Time),
	}
}

// free returns the earliest time of a key's next slot. The lock is held.
func (s *slots) free(key string, now time.Time) time.Time {
	at := s.first
	if next, ok := s.next[key]; ok {
		at = next
	}
	if at.Before(now) {
		return now
	}
	return at
}

func (s *slots) reserve(r limit.Reservation) limit.Slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	slot := limit.Slot{At: s.free(r.Key, now), Now: now}
	switch {
	case s.versions[r.Key] != r.Version || s.versions[limit.EgressKey] != r.EgressVersion:
		slot.Stale = true
	case slot.At.Sub(now) <= r.Within:
		slot.Granted = true
		s.next[r.Key] = slot.At.Add(r.Interval)
	}
	return slot
}

func (s *slots) giveBack(key string, slot limit.Slot, interval time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next, ok := s.next[key]; ok && next.Equal(slot.At.Add(interval)) {
		s.next[key] = slot.At
	}
}

func (s *slots) delay(key string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	at := s.free(key, now)
	if later := now.Add(d); later.After(at) {
		at = later
	}
	s.next[key] = at
}

// saved notes the version of a state that has become durable.
func (s *slots) saved(key string, version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions[key] = version
}

func (s *slots) beat(replica string, age time.Duration) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.beats[replica] = now
	maps.DeleteFunc(s.beats, func(_ string, at time.Time) bool { return now.Sub(at) > age })
	return len(s.beats)
}
