package amo

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// Whatever is sent, lost, read late and claimed in whatever order: a record is
// given to one item at most, and only to one that was made, where everything that
// this process made is of this process.
func TestLedger_givesNoRecordTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l ledger
		now := time.Now()
		rows := map[string][]int64{} // ids by content
		owner := map[int64]string{}
		given := map[int64]string{}
		give := func(id int64, to string) {
			if other := given[id]; other != "" {
				t.Fatalf("record %d was given to %s and %s", id, other, to)
			}
			given[id] = to
		}
		var lost []*creation
		names := map[*creation]string{}
		for step := range rapid.IntRange(1, 12).Draw(t, "steps") {
			keys := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", ""}), 1, 4).Draw(t, "keys")
			c := l.begin(keys, nil, time.Hour)
			names[c] = fmt.Sprintf("create %d", step)
			l.left(c, now)
			isApplied := rapid.Bool().Draw(t, "applied")
			var ids []int64
			if isApplied {
				for _, key := range keys {
					id := int64(len(owner) + 1)
					owner[id] = names[c]
					rows[key] = append(rows[key], id)
					ids = append(ids, id)
				}
			}
			if isApplied && rapid.Bool().Draw(t, "answered") {
				l.land(c, ids, nil)
				for _, id := range ids {
					give(id, names[c])
				}
				continue
			}
			l.land(c, nil, c.open)
			lost = append(lost, c)
			if rapid.Bool().Draw(t, "looks at once") {
				claimAll(&l, lost, rows, func(c *creation, id int64) { give(id, names[c]) })
			}
		}
		claimAll(&l, lost, rows, func(c *creation, id int64) { give(id, names[c]) })
	})
}

func claimAll(l *ledger, lost []*creation, rows map[string][]int64, give func(c *creation, id int64)) {
	for _, c := range lost {
		claimed, _ := l.claim(c, func(k int) []int64 { return slices.Clone(rows[c.keys[k]]) })
		for _, id := range claimed {
			give(c, id)
		}
	}
}

func TestLedger_forgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		unknown := l.begin([]string{"a"}, nil, time.Minute)
		l.left(unknown, time.Now())
		l.land(unknown, []int64{7}, []int{0})
		time.Sleep(30 * time.Second)
		answered := l.begin([]string{"a"}, nil, time.Minute)
		l.left(answered, time.Now())
		if rivals, since := l.rivals(answered); len(rivals) != 1 || !since.Equal(unknown.since) {
			t.Errorf("%d rivals since %v, want the unknown one", len(rivals), since)
		}
		l.land(answered, []int64{8}, nil)
		time.Sleep(31 * time.Second)
		l.begin(nil, nil, time.Minute)
		if l.made[7] || !l.made[8] || len(l.order) != 1 || len(l.creations) != 1 {
			t.Errorf("%v, %d creates, want only record 8 and the one under way", l.made, len(l.creations))
		}
	})
}

// A rival that is still under way may have made any of the records.
func TestLedger_waitsForRivals(t *testing.T) {
	var l ledger
	mine := l.begin([]string{"a"}, nil, time.Hour)
	l.begin([]string{"a"}, nil, time.Hour)
	l.left(mine, time.Now())
	l.land(mine, nil, []int{0})
	matches := func(int) []int64 { return []int64{1} }
	if claimed, open := l.claim(mine, matches); claimed[0] != 1 || open != 0 {
		t.Errorf("claimed %v, want record 1: the other has not left", claimed)
	}
	l = ledger{}
	mine, other := l.begin([]string{"a"}, nil, time.Hour), l.begin([]string{"a"}, nil, time.Hour)
	l.left(mine, time.Now())
	l.left(other, time.Now())
	l.land(mine, nil, []int{0})
	if claimed, open := l.claim(mine, matches); len(claimed) != 0 || open != 1 {
		t.Errorf("claimed %v, want nothing before the other is answered", claimed)
	}
	l.land(other, nil, nil) // refused
	if claimed, _ := l.claim(mine, matches); claimed[0] != 1 {
		t.Errorf("claimed %v, want record 1", claimed)
	}
}

// Who looks for a record waits for the creates of the same content, one that has
// panicked included.
func TestLedger_doesNotWaitForAnAbandonedCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		abandoned := l.begin([]string{"a"}, nil, time.Hour)
		l.left(abandoned, time.Now())
		l.abandon(abandoned)
		<-abandoned.landed
		c := l.begin([]string{"a"}, nil, time.Hour)
		l.left(c, time.Now())
		l.land(c, nil, []int{0})
		l.abandon(c) // as at the end of every create
		if claimed, open := l.claim(c, func(int) []int64 { return []int64{1} }); len(claimed) != 0 || open != 1 {
			t.Errorf("claimed %v, %d open; want none while the other may have made it", claimed, open)
		}
		if claimed, _ := l.claim(c, func(int) []int64 { return []int64{1, 2} }); claimed[0] != 2 {
			t.Errorf("claimed %v, want the later of two", claimed)
		}
	})
}
