package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/amogate/amogate/amo/custody"
	"github.com/amogate/amogate/emulator"
)

// wantFigures runs a report and compares the figures that fail, by a part of their
// line.
func wantFigures(t *testing.T, failing []string, tell func(*report)) {
	t.Helper()
	var out bytes.Buffer
	r := &report{out: &out, program: "test"}
	tell(r)
	var failed []string
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "FAIL") {
			failed = append(failed, line)
		}
	}
	if len(failed) != len(failing) || r.failed != (len(failing) > 0) {
		t.Fatalf("failed %v (%q), want %q", r.failed, failed, failing)
	}
	for n, want := range failing {
		if line := failed[n]; !strings.Contains(line, want) {
			t.Errorf("failed %q, want %q", line, want)
		}
	}
}

func TestReportTokens_canFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		set     tokenSet
		failing []string
	}{
		"as it should be":  {tokenSet{stats: emulator.TokenStats{Calls: 10}}, nil},
		"a call too many":  {tokenSet{stats: emulator.TokenStats{Calls: 11}}, []string{"token calls"}},
		"revoked":          {tokenSet{stats: emulator.TokenStats{Calls: 10, Revoked: 1}}, []string{"revoked"}},
		"sent twice":       {tokenSet{stats: emulator.TokenStats{Calls: 10, PresentedTwice: 1}}, []string{"revoked"}},
		"a use that fails": {tokenSet{stats: emulator.TokenStats{Calls: 10}, failed: 1, first: "refused"}, []string{"refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.set.replicas, test.set.rounds, test.set.waits = 2, 10, []time.Duration{time.Second}
			wantFigures(t, test.failing, test.set.report)
		})
	}
}

func TestReportKills_canFail(t *testing.T) {
	t.Parallel()
	ok, lost, other := usedToken{Generation: 2}, usedToken{Failure: "lost", Lost: true}, usedToken{Failure: "no idea"}
	for name, test := range map[string]struct {
		grace   bool
		point   custody.Point
		result  usedToken
		failing []string
	}{
		"nothing is lost":                    {true, custody.AfterCall, ok, nil},
		"an answer, with grace":              {true, custody.AfterCall, lost, []string{"grace lost"}},
		"an answer, which nobody can save":   {false, custody.AfterCall, lost, nil},
		"an answer, and nobody knows":        {false, custody.AfterCall, other, []string{"strict answer lost"}},
		"what the journal had":               {false, custody.AfterJournal, lost, []string{"strict lost"}},
		"a token that nobody exchanged":      {false, custody.BeforeCall, other, []string{"strict lost"}},
		"a token of an issuer that is grace": {true, custody.AfterCommit, other, []string{"grace lost"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tallies := map[custody.Point]*killTally{}
			for _, p := range points {
				tallies[p] = &killTally{}
				tallies[p].add(ok)
			}
			tallies[test.point].add(test.result)
			wantFigures(t, test.failing, func(r *report) { reportKills(r, test.grace, tallies) })
		})
	}
}

func TestReportWindows_canFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stats   emulator.Stats
		failing []string
	}{
		"seven":  {emulator.Stats{FullestWindow: 7, ByWindow: map[int]int64{7: 100}}, nil},
		"eight":  {emulator.Stats{FullestWindow: 8, ByWindow: map[int]int64{7: 100, 8: 1}}, []string{"windows"}},
		"a 429":  {emulator.Stats{TooMany: 1}, []string{"bans"}},
		"banned": {emulator.Stats{Bans: 1}, []string{"bans"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantFigures(t, test.failing, func(r *report) { reportWindows(r, "test", test.stats) })
		})
	}
}

func TestReportUsed_canFail(t *testing.T) {
	t.Parallel()
	wantFigures(t, nil, func(r *report) { reportUsed(r, "used", 342, time.Minute, leastUsed) })
	wantFigures(t, []string{"94.7 %"}, func(r *report) { reportUsed(r, "used", 341, time.Minute, leastUsed) })
}
