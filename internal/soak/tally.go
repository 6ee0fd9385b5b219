package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/amogate/amogate/emulator"
)

// reportCreates compares what the callers were told with what upstream has.
func reportCreates(out *report, account *emulator.Emulator, children []*child, told []outcome, count, kills int, took time.Duration) {
	ids := map[string][]int64{} // of the records, by kind and text
	for name, kind := range kinds {
		kind.stored(account, func(id int64, text string) {
			ids[name+" "+text] = append(ids[name+" "+text], id)
		})
	}
	counts := map[verdict]int{}
	reasons := map[string]int{}
	var batched, twice, missing, wrong, ghosts int
	unclear := map[verdict]int{} // that have a record all the same
	for _, o := range told {
		if o.isBatch {
			batched++
		}
		stored := ids[o.kind+" "+o.text]
		delete(ids, o.kind+" "+o.text)
		counts[o.verdict()]++
		if o.verdict() != isMade {
			reasons[strings.TrimSpace(o.code.String()+" "+o.reason)]++
		}
		switch v := o.verdict(); {
		case len(stored) > 1:
			twice++
		case v == isMade && len(stored) == 0:
			missing++
		case v == isMade && stored[0] != o.id:
			wrong++
		case v == isNotMade && len(stored) > 0:
			ghosts++
		case (v == isUnknown || v == isUnheard) && len(stored) > 0:
			unclear[v]++
		}
	}
	var lost, found int
	for _, c := range children {
		items, of := c.lost()
		lost, found = lost+items, found+of
	}
	stats := account.Stats()
	out.note("creates", fmt.Sprintf("%d one by one and %d in batches, %d processes, %d kills, %.0fs; the emulator's limit of requests is off", len(told)-batched, batched, len(children), kills, took.Seconds()))
	out.note("faults", fmt.Sprintf("%d of %d requests (%.1f %%) were cut, failed or refused", stats.Faulted, stats.Requests, 100*float64(stats.Faulted)/float64(max(1, stats.Requests))))
	out.note("failures", fmt.Sprint(reasons))
	out.figure("told", len(told) == count, fmt.Sprintf("= %d", count), fmt.Sprintf("%d made, %d not made, %d unknown, %d without an answer", counts[isMade], counts[isNotMade], counts[isUnknown], counts[isUnheard]))
	out.figure("twice", twice == 0, "= 0 texts of two records", strconv.Itoa(twice))
	out.figure("made", missing+wrong == 0, "each has its one record", fmt.Sprintf("%d have none, %d another's id", missing, wrong))
	out.figure("not made", ghosts == 0, "none has a record", fmt.Sprintf("%d have one", ghosts))
	out.figure("unknown", len(ids) == 0, "no record that nobody told of",
		fmt.Sprintf("%d; %d of the unknown and %d of those without an answer have one", len(ids), unclear[isUnknown], unclear[isUnheard]))
	out.figure("found", found > 0, "> 0 of lost answers", fmt.Sprintf("%d of %d items", found, lost))
}

// pause waits for d, and says whether that passed before the end of ctx.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// during returns a context that ends after d and has no deadline: calls with one
// too near are refused, which is not what is measured.
func during(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(d, cancel)
	return ctx, func() {
		timer.Stop()
		cancel()
	}
}
