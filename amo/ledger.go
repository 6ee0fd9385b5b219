package amo

import (
	"slices"
	"sync"
	"time"
)

// ledger remembers what was made lately through a collection, and what may have
// been, so that no record is taken for two. Its zero value is empty.
type ledger struct {
	mu sync.Mutex
	// made are ids of records that were answered or found, oldest first in order.
	made  map[int64]bool
	order []madeRecord
	// told are the records of items that were found, or whose callers had left, by the
	// items' names.
	told map[string]int64
	// creations are on their way, or left items open; in the order they began.
	creations []*creation
}

type madeRecord struct {
	id   int64
	at   time.Time
	name string
}

// creation is one create. The ledger guards what changes of it.
type creation struct {
	began time.Time
	// keys are the contents of its items; an item without one is recognized by
	// nothing.
	keys []string
	// names are those of its items; an item without one is like no other. An item
	// that is looked for again has the name that it had.
	names []string
	// since is the earliest time that its records can bear, by upstream's clock;
	// zero = it has not left.
	since time.Time
	// open are the items of which it is not known what became of them.
	open []int
	// landed is closed when its answer is there, or nothing else will come.
	landed   chan struct{}
	isFlying bool
}

// begin adds a create of items with these keys and names and forgets what is older
// than memory.
func (l *ledger) begin(keys, names []string, memory time.Duration) *creation {
	c := &creation{began: time.Now(), keys: keys, names: names, landed: make(chan struct{}), isFlying: true}
	for k := range keys {
		c.open = append(c.open, k)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(c.began.Add(-memory))
	l.creations = append(l.creations, c)
	return c
}

// forget drops what is older than limit.
func (l *ledger) forget(limit time.Time) {
	old := 0
	for old < len(l.order) && l.order[old].at.Before(limit) {
		delete(l.made, l.order[old].id)
		delete(l.told, l.order[old].name)
		old++
	}
	l.order = slices.Delete(l.order, 0, old)
	l.creations = slices.DeleteFunc(l.creations, func(c *creation) bool {
		return !c.isFlying && (len(c.open) == 0 || c.began.Before(limit))
	})
}

// left notes that a create is about to be sent; its records can bear no time
// before since.
func (l *ledger) left(c *creation, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.since = since
}

// land notes the ids of what a create made, and which of its items stay open.
func (l *ledger) land(c *creation, ids []int64, open []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(ids...)
	c.open = open
	if c.isFlying {
		c.isFlying = false
		close(c.landed)
	}
}

// abandon ends a create that a panic keeps from landing: others wait for it, and
// what it made is not known.
func (l *ledger) abandon(c *creation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.isFlying {
		c.isFlying = false
		close(c.landed)
	}
}

func (l *ledger) add(ids ...int64) {
	if l.made == nil {
		l.made = map[int64]bool{}
	}
	for _, id := range ids {
		if !l.made[id] {
			l.made[id] = true
			l.order = append(l.order, madeRecord{id: id, at: time.Now()})
		}
	}
}

// tell notes what an item became whose caller had left: who looks for it is to get
// that.
func (l *ledger) tell(name string, id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(name, id)
}

func (l *ledger) note(name string, id int64) {
	if name == "" {
		return
	}
	if l.told == nil {
		l.told = map[string]int64{}
	}
	l.told[name] = id
	l.order = append(l.order, madeRecord{id: id, at: time.Now(), name: name})
}

// rivals returns the other creates that may make, or may have made, what the open
// items of c are, and the earliest time that a record of any of them can bear.
func (l *ledger) rivals(c *creation) (rivals []*creation, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	since = c.since
	for _, other := range l.creations {
		if other == c || !slices.ContainsFunc(c.open, func(k int) bool { return other.holds(c.keys[k]) > 0 }) {
			continue
		}
		rivals = append(rivals, other)
		if !other.since.IsZero() && other.since.Before(since) {
			since = other.since
		}
	}
	return rivals, since
}

// holds counts the open items with a key.
func (c *creation) holds(key string) int {
	n := 0
	for _, k := range c.open {
		if key != "" && c.keys[k] == key {
			n++
		}
	}
	return n
}

// name returns the name of an item; "" = it has none.
func (c *creation) name(k int) string {
	if k < len(c.names) {
		return c.names[k]
	}
	return ""
}

// claim gives records to the open items of c. Matches returns the ids of records
// that an item can have become, ascending. Items of one content get records only
// where these are exactly as many as the items of that content that are open here,
// whoever sent them: else nothing tells which are theirs. An item that is there
// again under its name is one. It returns how many items stay open, too.
func (l *ledger) claim(c *creation, matches func(k int) []int64) (claimed map[int]int64, open int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	claimed = map[int]int64{}
	for _, k := range c.open {
		if id := l.told[c.name(k)]; id != 0 {
			claimed[k] = id
		}
	}
	c.open = slices.DeleteFunc(c.open, func(k int) bool { return claimed[k] != 0 })
	for _, group := range partition(c.open, func(k int) string { return c.keys[k] }) {
		key := c.keys[group[0]]
		if key == "" {
			continue
		}
		ids := slices.DeleteFunc(matches(group[0]), func(id int64) bool { return l.made[id] })
		before, all, isFlying := 0, 0, false
		isBefore := true
		counted := map[string]bool{}
		for _, k := range group {
			counted[c.name(k)] = true
		}
		for _, other := range l.creations {
			if other == c {
				isBefore = false
				all += len(group)
				continue
			}
			if other.holds(key) == 0 || other.since.IsZero() {
				continue
			}
			isFlying = isFlying || other.isFlying
			for _, k := range other.open {
				name := other.name(k)
				if other.keys[k] != key || name != "" && (counted[name] || l.told[name] != 0) {
					continue
				}
				counted[name] = true
				all++
				if isBefore {
					before++
				}
			}
		}
		if isFlying || len(ids) != all {
			continue
		}
		for n, k := range group {
			claimed[k] = ids[before+n]
			l.add(claimed[k])
			l.note(c.name(k), claimed[k])
		}
	}
	c.open = slices.DeleteFunc(c.open, func(k int) bool { return claimed[k] != 0 })
	return claimed, len(c.open)
}
