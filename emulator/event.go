package emulator

import (
	"strings"
	"time"
)

// event is what happened to one record of the account. It is never changed.
type event struct {
	number uint64 // counted from 1
	kind   string
	entity string // the kind of record, in the singular
	id     int64  // of the record
	by     int64  // a user, 0 for the service itself
	at     int64  // unix nanoseconds by the account's clock
	field  int64  // whose values changed, 0 in any other kind of event

	after, before string // JSON lists
}

// noValue is what an event without values has.
const noValue = "[]"

func (ev *event) createdAt() int64 { return time.Unix(0, ev.at).Unix() }

// eventDigits are those of an event's name.
const eventDigits = "0123456789abcdefghjkmnpqrstvwxyz"

// name is the id of the event in answers: 26 digits, of which the first ten are its time, so that names sort by it, and
// the last eight its number.
func (ev *event) name() string {
	noise := dice(ev.number)
	var b [26]byte
	writeDigits(b[:10], uint64(max(0, ev.at))/uint64(time.Millisecond))
	writeDigits(b[10:18], noise.next())
	writeDigits(b[18:], ev.number)
	return string(b[:])
}

// writeDigits fills b with the last digits of a number.
func writeDigits(b []byte, number uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = eventDigits[number%uint64(len(eventDigits))]
		number /= uint64(len(eventDigits))
	}
}

// eventNumber reads the number in an event's name; ok is false for what is no name.
func eventNumber(name string) (number uint64, ok bool) {
	if len(name) != 26 {
		return 0, false
	}
	for _, digit := range []byte(name[18:]) {
		value := strings.IndexByte(eventDigits, digit)
		if value < 0 {
			return 0, false
		}
		number = number*uint64(len(eventDigits)) + uint64(value)
	}
	return number, true
}

// eventStore keeps the newest events. It has no lock: that of the customers guards it.
type eventStore struct {
	keep  int
	ring  []event // event n is at (n-1) modulo keep
	count uint64  // of all events there were
}

func (st *eventStore) add(ev event) {
	if st.keep <= 0 {
		return
	}
	st.count++
	ev.number = st.count
	if len(st.ring) < st.keep {
		st.ring = append(st.ring, ev)
		return
	}
	*st.at(ev.number) = ev
}

func (st *eventStore) at(number uint64) *event {
	return &st.ring[(number-1)%uint64(st.keep)] //nolint:gosec // only asked of a store that keeps some
}

// oldest is the number of the oldest event that is kept, one above the newest when there is none.
func (st *eventStore) oldest() uint64 { return st.count - uint64(len(st.ring)) + 1 }

// find returns the event with a name, nil when there is none.
func (st *eventStore) find(name string) *event {
	number, ok := eventNumber(name)
	if !ok || number < st.oldest() || number > st.count || st.at(number).name() != name {
		return nil
	}
	ev := *st.at(number)
	return &ev
}

// page returns rows of the events a query asks for behind the first offset of them, the newest first.
func (st *eventStore) page(q *eventQuery, offset, rows int) []*event {
	var page []*event
	for number := st.count; number >= st.oldest() && len(page) < rows; number-- {
		ev := st.at(number)
		if !q.match(ev) {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		kept := *ev // its place in the ring may be another event's before it is written
		page = append(page, &kept)
	}
	return page
}
