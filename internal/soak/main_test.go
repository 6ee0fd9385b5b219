package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSoak_knowsItsPrograms(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	if code := mainWith(context.Background(), []string{"nothing"}, &stderr, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "creates") {
		t.Errorf("exit code %d with %q, want %d and the names of the programs", code, stderr.String(), exitUsage)
	}
}

func TestPlan_holdsAllRecordsOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	single := 0
	for _, j := range plan(createCount) {
		if !j.isBatch {
			single++
		}
		for _, text := range j.texts {
			if seen[text] {
				t.Fatalf("%q is made twice", text)
			}
			seen[text] = true
		}
	}
	if len(seen) != createCount || single != createCount*oneByOne/100 {
		t.Errorf("%d records, %d by themselves, want %d and %d", len(seen), single, createCount, createCount*oneByOne/100)
	}
}

// Each figure fails when callers were told something else than upstream has.
func TestReportCreates_canFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stored []string // names of customers, with the ids 11, 12 and so on
		told   []outcome
		figure string
	}{
		"two records":           {[]string{"a", "a"}, []outcome{{text: "a", id: 11}}, "twice"},
		"two records, unknown":  {[]string{"a", "a"}, []outcome{{text: "a", code: codes.Unknown, reason: "WRITE_OUTCOME_UNKNOWN"}}, "twice"},
		"no record":             {nil, []outcome{{text: "a", id: 11}}, "made"},
		"another's id":          {[]string{"a"}, []outcome{{text: "a", id: 99}}, "made"},
		"refused and made":      {[]string{"a"}, []outcome{{text: "a", code: codes.Unavailable, reason: "UPSTREAM_UNAVAILABLE"}}, "not made"},
		"a record nobody made":  {[]string{"a", "b"}, []outcome{{text: "a", id: 11}}, "unknown"},
		"not told of every one": {nil, nil, "told"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			account, err := emulator.New(emulator.Config{})
			if err != nil {
				t.Fatal(err)
			}
			for i, stored := range test.stored {
				if _, err := account.AddCustomer(emulator.Customer{ID: int64(11 + i), Name: stored, NextDate: 1, CreatedAt: 1, UpdatedAt: 1}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range test.told {
				test.told[i].kind = "customers"
			}
			var out bytes.Buffer
			r := &report{out: &out, program: "test"}
			reportCreates(r, account, nil, test.told, createCount, 0, time.Second)
			for line := range strings.Lines(out.String()) {
				if strings.HasPrefix(line, "test     "+test.figure+" ") && !strings.Contains(line, "FAIL") {
					t.Errorf("passed: %s", line)
				}
			}
			if !r.failed {
				t.Error("the report did not fail")
			}
		})
	}
}

func TestOutcome_saysWhatIsKnown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		outcome outcome
		want    verdict
	}{
		{outcome{id: 5}, isMade},
		{outcome{code: codes.Unavailable}, isUnheard},
		{outcome{code: codes.Unavailable, reason: "UPSTREAM_UNAVAILABLE"}, isNotMade},
		{outcome{code: codes.Unknown, reason: "WRITE_OUTCOME_UNKNOWN"}, isUnknown},
	} {
		if got := test.outcome.verdict(); got != test.want {
			t.Errorf("%+v is %q, want %q", test.outcome, got, test.want)
		}
	}
}
