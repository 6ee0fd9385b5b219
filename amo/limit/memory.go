package limit

import (
	"context"
	"maps"
	"sync"
	"time"
)

// Memory is a Store within one process. It forgets with the process, so an
// engine that has to remember keeps the states itself and mirrors them with Put.
// It is safe for concurrent use and never fails.
type Memory struct {
	// clock tells the store's time.
	clock func() time.Time

	mu sync.Mutex
	// first is the earliest slot of an account that was never seen.
	first  time.Time
	next   map[string]time.Time
	states map[string]Stored
	beats  map[string]time.Time
}

// NewMemory returns a store whose first slots are firstSlot away, as
// Settings.FirstSlot is: the process before may have filled the second.
func NewMemory(firstSlot time.Duration) *Memory {
	// The wall clock at the start, and what has passed since: a clock that is set
	// in between moves no slot and no ban.
	born := time.Now()
	wall := born.Round(0)
	return newMemory(func() time.Time { return wall.Add(time.Since(born)) }, firstSlot)
}

func newMemory(clock func() time.Time, firstSlot time.Duration) *Memory {
	return &Memory{
		clock:  clock,
		first:  clock().Add(firstSlot),
		next:   map[string]time.Time{},
		states: map[string]Stored{},
		beats:  map[string]time.Time{},
	}
}

// Reserve implements Store.
func (m *Memory) Reserve(_ context.Context, r Reservation) (Slot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	slot := Slot{Now: m.clock()}
	slot.At = m.due(r.Key)
	if soonest := slot.Now.Add(r.Ahead); slot.At.Before(soonest) {
		slot.At = soonest
	}
	switch {
	case m.states[r.Key].Version != r.Version || m.states[EgressKey].Version != r.EgressVersion:
		slot.Stale = true
	case slot.At.Sub(slot.Now) <= r.Within:
		slot.Granted = true
		m.next[r.Key] = slot.At.Add(r.Interval)
	}
	return slot, nil
}

// Return implements Store.
func (m *Memory) Return(_ context.Context, key string, slot Slot, interval time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.due(key).Equal(slot.At.Add(interval)) {
		m.next[key] = slot.At
	}
	return nil
}

// Delay implements Store.
func (m *Memory) Delay(_ context.Context, key string, d time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if until := m.clock().Add(d); m.due(key).Before(until) {
		m.next[key] = until
	}
	return nil
}

// due is the earliest time of an account's next slot.
func (m *Memory) due(key string) time.Time {
	if next, ok := m.next[key]; ok {
		return next
	}
	return m.first
}

// Load implements Store.
func (m *Memory) Load(_ context.Context, keys ...string) (time.Time, []Stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	states := make([]Stored, len(keys))
	for i, key := range keys {
		states[i] = m.states[key]
	}
	return m.clock(), states, nil
}

// Save implements Store.
func (m *Memory) Save(_ context.Context, key string, version int64, data []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.states[key].Version != version {
		return false, nil
	}
	m.states[key] = Stored{Version: version + 1, Data: data}
	return true, nil
}

// Put mirrors a state that is kept elsewhere, unless a newer one is here.
func (m *Memory) Put(key string, state Stored) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.states[key].Version < state.Version {
		m.states[key] = state
	}
}

// Forget removes what is kept of an account that is no more, but for its next
// slot: the account may come back within the second.
func (m *Memory) Forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.states, key)
}

// Beat implements Store.
func (m *Memory) Beat(_ context.Context, replica string, age time.Duration) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock()
	m.beats[replica] = now
	maps.DeleteFunc(m.beats, func(_ string, at time.Time) bool { return now.Sub(at) > age })
	return len(m.beats), nil
}
