package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
)

func TestMain(m *testing.M) {
	if code, asked := replicaMain(); asked {
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}

// inProcess are the rows that need no process of their own. C02 is not among
// them: its bound is a time, which tests that share a machine cannot keep.
var inProcess = []string{
	"P09", "C04", "C10", "C11", "C17", "C18",
	"U12", "U13", "U28", "U40", "U43", "U44", "U45", "U46", "U47", "U48", "U50",
}

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
			measured, err := runOne(withTest(t.Context(), t), r)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(measured)
		})
	}
}

// everyPage has something happen to every request for the page behind so many
// rows.
func everyPage(offset int, action emulator.Action) func(upstreamAPI) []emulator.Rule {
	return func(api upstreamAPI) []emulator.Rule {
		return []emulator.Rule{{Match: emulator.Match{Operation: api.list, Query: api.page(offset, pageRows)}, Action: action}}
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
		"U12 with rows behind the 204": {
			func(ctx context.Context) (string, error) {
				return listWhole(ctx, pagingFault{customers: []int{60}, rules: everyPage(0, emulator.Action{Empty: true})})
			},
			"0 rows came, not the 60 there are",
		},
		"U13 with another field": {
			func(ctx context.Context) (string, error) { return refusedFields(ctx, "customer.name") },
			"got violations of",
		},
		"U28 with a value of its own": {
			func(ctx context.Context) (string, error) {
				return oddSpellings(ctx, []spelling{{"another name", `"id":77,"name":"Lily","periodicity":30,"created_by":5`}})
			},
			"another name: got",
		},
		"U28 with a word for an id": {
			func(ctx context.Context) (string, error) {
				return oddSpellings(ctx, []spelling{{"a word", `"id":"seventy-seven","name":"Rose"`}})
			},
			"a word: rpc error",
		},
		"U40 with a page that stays away": {
			func(ctx context.Context) (string, error) {
				return listWhole(ctx, pagingFault{customers: []int{60}, next: emulator.NextNever, rules: everyPage(pageRows, emulator.Action{Empty: true})})
			},
			"50 rows came, not the 60 there are",
		},
		"U43 with an item less": {
			func(ctx context.Context) (string, error) { return batchRefused(ctx, badItems[1:]) },
			"failed, want",
		},
		"U44 with an item that no answer tells of": {
			func(ctx context.Context) (string, error) { return fewerItems(ctx, [][]int{{1, 2}, {0, 2}, {}}) },
			"item 2 has the id 0",
		},
		"U45 with a row without an id": {
			func(ctx context.Context) (string, error) {
				return unknownAdditions(ctx, func(upstreamAPI) string { return `{"mood":"fine"}` })
			},
			"Unavailable",
		},
		"U45 with a field that everybody knows": {
			func(ctx context.Context) (string, error) {
				return unknownAdditions(ctx, func(api upstreamAPI) string {
					return `{"id":77,` + api.fields([3]string{"1250001", "text", `[{"value":"x"}]`}) + `}`
				})
			},
			"the value of a type that nobody knows became",
		},
		"U46 with data inside": {
			func(ctx context.Context) (string, error) {
				return errorsInside(ctx, []innerError{{amo.V2, `{"_embedded":{"items":[]}}`, codes.PermissionDenied, "UPSTREAM_FORBIDDEN"}})
			},
			"want PermissionDenied",
		},
		"U47 with a 204 that stays": {
			func(ctx context.Context) (string, error) {
				return listWhole(ctx, pagingFault{customers: []int{230}, rules: everyPage(2*pageRows, emulator.Action{Empty: true})})
			},
			"100 rows came, not the 230 there are",
		},
		"U48 with a page that comes again and again": {
			func(ctx context.Context) (string, error) {
				return listWhole(ctx, pagingFault{customers: []int{230}, next: emulator.NextAlways, rules: everyPage(pageRows, emulator.Action{Endless: true})})
			},
			"Aborted/PAGINATION_LOOP",
		},
		"U50 with another character": {
			func(ctx context.Context) (string, error) { return longCharacters(ctx, "Rose 🌷 of 𝔖haron") },
			"upstream and",
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
