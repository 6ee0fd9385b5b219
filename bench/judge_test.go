package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/amogate/amogate/internal/process"
)

// listedAt is a whole list of so many pages that comes at a rate of pages.
func listedAt(pages, page int, perSecond float64) listed {
	n := int64(pages * page)
	begun := time.Now()
	return listed{
		rows: n, distinct: n, told: n, ended: true, completeness: "WINDOWED",
		first: begun, last: begun.Add(time.Duration(float64(pages-1) / perSecond * float64(time.Second))),
	}
}

func TestJudgeList(t *testing.T) {
	ids, windows := listKinds[0], listKinds[2]
	whole := func(kind listKind, rowRate, requestRate float64) list {
		return list{customers: 100 * kind.page, listed: listedAt(100, kind.page, rowRate), seen: seenAt(requestRate)}
	}
	limited := whole(ids, rate, rate)
	limited.seen.TooMany = 1
	promise := whole(windows, rate, rate)
	promise.listed.completeness = "BEST_EFFORT"
	for name, c := range map[string]struct {
		kind    listKind
		latency time.Duration
		list    list
		want    verdict
		says    string
	}{
		"at the rate":              {ids, 0, whole(ids, rate, rate), pass, "100.0 % (requests 100.0 %), 3000 rows/s, 0 × 429"},
		"just enough":              {ids, 0, whole(ids, 0.975*rate, 0.975*rate), pass, "97.5 %"},
		"rows too slow":            {ids, 0, whole(ids, 0.96*rate, rate), fail, "96.0 % (requests 100.0 %)"},
		"requests too slow":        {ids, 0, whole(ids, rate, 0.96*rate), fail, "100.0 % (requests 96.0 %)"},
		"a 429":                    {ids, 0, limited, fail, "1 × 429"},
		"windows at a second":      {windows, time.Second, whole(windows, 0.86*rate, rate), pass, "86.0 %"},
		"windows below the bound":  {windows, time.Second, whole(windows, 0.84*rate, rate), fail, "84.0 %"},
		"windows, not judged":      {windows, 0, whole(windows, 0.5*rate, rate), pass, "50.0 %"},
		"windows, promised little": {windows, 0, promise, fail, "BEST_EFFORT"},
	} {
		t.Run(name, func(t *testing.T) {
			f := judgeList(c.kind, c.latency, c.list)
			if f.verdict != c.want || !strings.Contains(f.reached, c.says) {
				t.Errorf("%s %q, want %s %q", f.verdict, f.reached, c.want, c.says)
			}
		})
	}
}

func TestBoundOf_isWhatCallersCanReach(t *testing.T) {
	for _, c := range []struct {
		callers int
		latency time.Duration
		want    float64
	}{
		{2000, 0, 1500},              // six full batches a second
		{2000, 2 * time.Second, 923}, // nobody calls more often than he is answered
		{64, 0, 384},                 // six batches of all callers
		{64, 500 * time.Millisecond, 96},
	} {
		if got := math.Round(boundOf(c.callers, c.latency)); got != c.want {
			t.Errorf("%d callers at %v: %v creates a second, want %v", c.callers, c.latency, got, c.want)
		}
	}
}

func TestLoop_addsUpWhatEachCallerGets(t *testing.T) {
	begun := time.Now()
	l := newLoop(3, begun, time.Minute)
	// Two callers in step, answered every two seconds, and one that got nothing.
	for caller := range 2 {
		for n := range 6 {
			l.counted[caller].add(begun.Add(time.Duration(2*n) * time.Second))
		}
	}
	if got := l.perSecond(); got != 1 {
		t.Errorf("perSecond = %v, want 1", got)
	}
}

func TestLoop_countsWhatIsAnsweredInTheSpan(t *testing.T) {
	early, late := newLoop(1, time.Now().Add(time.Hour), time.Second), newLoop(1, time.Now().Add(-time.Hour), time.Second)
	for _, l := range []*loop{early, late} {
		l.note(0, 1, nil)
		if l.counted[0].count != 0 || l.answered != 1 {
			t.Errorf("counted %+v of %d", l.counted[0], l.answered)
		}
	}
}

func TestAnswers_comeInAnyOrder(t *testing.T) {
	begun := time.Now()
	var a answers
	for _, second := range []int{2, 0, 1} {
		a.add(begun.Add(time.Duration(second) * time.Second))
	}
	if got := a.perSecond(); got != 1 {
		t.Errorf("perSecond = %v, want 1", got)
	}
	if got := (&answers{count: 1}).perSecond(); got != 0 {
		t.Errorf("of one answer %v, want 0", got)
	}
}

func TestJudgeCreates(t *testing.T) {
	good := creates{perSecond: 0.96 * 384, answered: 10, ids: 10, stored: 10}
	slow, lost, twice, limited, failed := good, good, good, good, good
	slow.perSecond = 0.94 * 384
	lost.stored = 9
	twice.stored = 11
	limited.tooMany = 1
	failed.failed = map[string]int{"Unknown WRITE_OUTCOME_UNKNOWN": 2}
	for name, c := range map[string]struct {
		creates creates
		want    verdict
		says    string
	}{
		"good":             {good, pass, "96.0 %"},
		"slow":             {slow, fail, "94.0 %"},
		"answered, lost":   {lost, fail, "10 answered with 10 ids, 9 stored"},
		"made twice":       {twice, fail, "11 stored"},
		"a 429":            {limited, fail, "1 × 429"},
		"unclear outcomes": {failed, fail, "2 × Unknown WRITE_OUTCOME_UNKNOWN"},
	} {
		if f := judgeCreates(64, 0, c.creates); f.verdict != c.want || !strings.Contains(f.reached, c.says) {
			t.Errorf("%s: %s %q, want %s %q", name, f.verdict, f.reached, c.want, c.says)
		}
	}
}

func TestWritesOf_countsBothGenerations(t *testing.T) {
	if got := writesOf(process.Stats{ByOperation: map[string]int64{"v4.customers.create": 3, "customers.write": 4, "account": 5}}); got != 7 {
		t.Errorf("writesOf = %d, want 7", got)
	}
}

func times(n int, d time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = d
	}
	return all
}

func TestJudgeIdle(t *testing.T) {
	for added, want := range map[time.Duration]verdict{
		time.Millisecond:                pass,
		mostAdded + time.Millisecond/10: fail,
	} {
		// One slow call is the machine's.
		ours := append(times(9, added+3*time.Millisecond), time.Second)
		if f := judgeIdle(ours, times(10, 3*time.Millisecond)); f.verdict != want {
			t.Errorf("%v added: %s, want %s: %s", added, f.verdict, want, f.reached)
		}
	}
	if f := judgeIdle(nil, nil); f.verdict != fail {
		t.Errorf("nothing measured: %s", f.verdict)
	}
}

func TestJudgeFirstRow(t *testing.T) {
	for name, c := range map[string]struct {
		took []time.Duration
		want verdict
	}{
		"soon": {append(times(5, 9*time.Millisecond), time.Second), pass},
		"late": {times(5, 11*time.Millisecond), fail},
		"none": {nil, fail},
	} {
		if f := judgeFirstRow(name, c.took); f.verdict != c.want {
			t.Errorf("%s: %s, want %s: %s", name, f.verdict, c.want, f.reached)
		}
	}
}

func TestJudgeStream(t *testing.T) {
	good := stream{listed: listedAt(2, 500, 10), before: 50 << 20, peak: 82 << 20, cpu: 50 * time.Millisecond, took: time.Second}
	grown, short := good, good
	grown.peak++
	short.listed.rows--
	for name, c := range map[string]struct {
		stream stream
		want   verdict
		says   string
	}{
		"good":  {good, pass, "32.0 MB more than 50.0 MB"},
		"grown": {grown, fail, "32.0 MB"},
		"short": {short, fail, "999 rows"},
	} {
		figures := judgeStream(name, 1000, c.stream)
		if f := figures[0]; f.verdict != c.want || !strings.Contains(f.reached, c.says) {
			t.Errorf("%s: %s %q, want %s %q", name, f.verdict, f.reached, c.want, c.says)
		}
	}
	if got, want := judgeStream("cpu", 1000, good)[1].reached, "50.0 s per million rows, 20,000 rows/s a core, 1000 rows/s reached"; got != want {
		t.Errorf("CPU %q, want %q", got, want)
	}
}

func TestJudgeStalled(t *testing.T) {
	const pages = 100
	alone := listedAt(pages, pageV4, rate)
	for share, want := range map[float64]verdict{1: pass, 0.96: pass, 0.94: fail, 1.06: fail} {
		if f := judgeStalled(pages*pageV4, alone, listedAt(pages, pageV4, share*rate)); f.verdict != want {
			t.Errorf("%v of the throughput: %s, want %s: %s", share, f.verdict, want, f.reached)
		}
	}
	cut := alone
	cut.ended = false
	for _, pair := range [][2]listed{{alone, cut}, {cut, alone}, {{}, {}}} {
		if f := judgeStalled(pages*pageV4, pair[0], pair[1]); f.verdict != fail {
			t.Errorf("lists that did not end: %s", f.reached)
		}
	}
}
