package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// inProcess are the rows that need no process of their own. C02 is not among
// them: its bound is a time, which tests that share a machine cannot keep.
var inProcess = []string{"P09", "C04", "C10", "C11", "C17", "C18"}

func TestCancelInStream_leavesUpstream(t *testing.T) {
	t.Parallel()
	measured, err := cancelInStream(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(measured)
}

func TestTable_rowsInProcessPass(t *testing.T) {
	t.Parallel()
	rows, err := choose(table(&executable{}), inProcess)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			measured, err := runOne(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(measured)
		})
	}
}

// A row that passes whatever happens would show nothing.
func TestRows_failWhenTheirBoundIsBroken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run  func(ctx context.Context) (string, error)
		want string
	}{
		"C02 with no time at all": {
			func(ctx context.Context) (string, error) { return cancelInStream(ctx, 0) },
			"upstream was left",
		},
		"C04 with another default": {
			func(ctx context.Context) (string, error) { return noDeadline(ctx, 30*time.Second) },
			"the default is",
		},
		"C10 with a violation less": {
			func(ctx context.Context) (string, error) { return manyViolations(ctx, violatedFields[1:]) },
			"got violations of",
		},
		"C11 with a body that is right": {
			func(ctx context.Context) (string, error) {
				return badJSON(ctx, []badBody{{`{"name": "Rose", "next_purchase_time": "2025-01-01T00:00:00Z"}`, "body", ""}})
			},
			"want InvalidArgument/VALIDATION",
		},
		"C11 with another position": {
			func(ctx context.Context) (string, error) {
				return badJSON(ctx, []badBody{{`{"name": Rose}`, "body", "line 2"}})
			},
			"line 1, column 10",
		},
		"C17 with a header that passes": {
			func(ctx context.Context) (string, error) {
				return foreignHeaders(ctx, []string{"Amogate-Request-Id"})
			},
			"the server got",
		},
		"C18 with an account that exists": {
			func(ctx context.Context) (string, error) {
				return hostileValues(ctx, []hostileAccount{{"default", http.StatusBadRequest}})
			},
			"status 200",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			measured, err := c.run(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q and error %v, want an error with %q", measured, err, c.want)
			}
		})
	}
}

func TestRun_printsEveryRowAndFailsWithOne(t *testing.T) {
	t.Parallel()
	pass := Row{"X01", "holds", func(context.Context) (string, error) { return "5ms", nil }}
	fail := Row{"X02", "does not hold", func(context.Context) (string, error) { return "5ms", errors.New("took\n 7ms") }}
	for _, c := range []struct {
		rows []Row
		want string
		err  error
	}{
		{[]Row{pass}, "X01 PASS holds | 5ms\n", nil},
		{[]Row{fail, pass}, "X02 FAIL does not hold | took 7ms\nX01 PASS holds | 5ms\n", errRowFailed},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), c.rows, &out); !errors.Is(err, c.err) {
			t.Errorf("got error %v, want %v", err, c.err)
		}
		if out.String() != c.want {
			t.Errorf("got %q, want %q", out.String(), c.want)
		}
	}
}

func TestRunOne_boundsARowThatHangs(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := runOne(ctx, Row{Run: func(ctx context.Context) (string, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the row has no deadline")
		}
		<-ctx.Done()
		return "", ctx.Err()
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestMainWith_refusesAnUnknownRow(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := mainWith(t.Context(), []string{"C10", "Z99"}, &stdout, &stderr); code != exitUsage {
		t.Errorf("got exit code %d, want %d", code, exitUsage)
	}
	if !strings.Contains(stderr.String(), `"Z99"`) || !strings.Contains(stderr.String(), "P01") || stdout.Len() > 0 {
		t.Errorf("got %q and %q, want the unknown and the known rows", stdout.String(), stderr.String())
	}
}

func TestTable_idsAreDistinctAndBoundsTold(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range table(&executable{}) {
		if seen[r.ID] || !regexp.MustCompile(`^[A-Z]\d\d$`).MatchString(r.ID) {
			t.Errorf("id %q is not one of its own", r.ID)
		}
		seen[r.ID] = true
		if r.Bound == "" || strings.Contains(r.Bound, "|") || r.Run == nil {
			t.Errorf("%s: no bound, a bar in it, or nothing to run", r.ID)
		}
	}
}
