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

// inProcess are the rows that need no process of their own. C02, U17 and U27 are
// not among them: their bounds are times, which tests that share a machine cannot
// keep.
var inProcess = []string{
	"P09", "C01", "C03", "C04", "C05", "C10", "C11", "C17", "C18",
	"U01", "U02", "U03", "U04", "U05", "U06", "U07", "U08", "U09", "U10",
	"U11", "U12", "U13", "U14", "U15", "U16", "U18", "U19", "U20",
	"U21", "U22", "U23", "U24", "U25", "U28", "U29", "U30",
	"U31", "U32", "U33", "U34", "U35",
	"U36", "U37", "U38", "U39", "U40", "U41", "U42", "U43", "U44", "U45", "U46", "U47", "U48", "U49", "U50",
}

func TestJSONBombs_areReadOrRefused(t *testing.T) {
	t.Parallel()
	if _, err := jsonBombsRead(t.Context(), jsonBombs, time.Minute); err != nil {
		t.Error(err)
	}
}

func TestSlowAnswer_leavesUpstream(t *testing.T) {
	t.Parallel()
	ctx := withTest(t.Context(), t)
	if _, err := slowAnswer(ctx, 5050*time.Millisecond); err != nil {
		t.Error(err)
	}
	if _, err := slowConnection(ctx, time.Minute); err != nil {
		t.Error(err)
	}
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
	checkRowsPass(t, inProcess)
}

func checkRowsPass(t *testing.T, ids []string) {
	t.Helper()
	rows, err := choose(table(&executable{}), ids)
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

// brokenRow is a row with another bound, and what it says then.
type brokenRow struct {
	run  func(ctx context.Context) (string, error)
	want string
}

func checkRowsFail(t *testing.T, broken map[string]brokenRow) {
	t.Helper()
	for name, c := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*rowTimeout)
			defer cancel()
			measured, err := c.run(withTest(ctx, t))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q and error %v, want an error with %q", measured, err, c.want)
			}
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
	x := &executable{}
	t.Cleanup(x.remove)
	checkRowsFail(t, map[string]brokenRow{
		"C02 with no time at all": {
			func(ctx context.Context) (string, error) { return cancelInStream(ctx, 0) },
			"upstream was left",
		},
		"C01 with no page that waits": {
			func(ctx context.Context) (string, error) { return stalled(ctx, 0, time.Minute) },
			"pages more",
		},
		"C01 with another patience": {
			func(ctx context.Context) (string, error) { return stalled(ctx, 3, 30*time.Second) },
			"counts as stalled after",
		},
		"C01 over REST with no page that waits": {
			func(ctx context.Context) (string, error) { return stalledBy(ctx, overConnection, 0, time.Minute) },
			"pages more",
		},
		"C01 over REST with less patience": {
			func(ctx context.Context) (string, error) {
				return stalledBy(ctx, overConnection, 3, 30*time.Second)
			},
			"the connection was cut after 1m",
		},
		"C03 with nobody before": {
			func(ctx context.Context) (string, error) { return impatient(ctx, 0, 5*time.Millisecond) },
			"got OK/",
		},
		"C04 with another default": {
			func(ctx context.Context) (string, error) { return noDeadline(ctx, 30*time.Second) },
			"the default is",
		},
		"C05 with time for all": {
			func(ctx context.Context) (string, error) { return cutBatch(ctx, 1000, time.Minute) },
			"not in the middle of the batch",
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
		"U01 with a longer pause": {
			func(ctx context.Context) (string, error) {
				longer := namedPauses[0]
				longer.until = func(_, read time.Time) time.Time { return read.Add(askedPause + 500*time.Millisecond) }
				return limitedFor(ctx, []namedPause{longer}, time.Minute)
			},
			"left before the pause was over",
		},
		"U01 with another time of the halved rate": {
			func(ctx context.Context) (string, error) { return limitedFor(ctx, namedPauses[:1], 3*time.Minute) },
			"want about 540",
		},
		"U02 with longer pauses": {
			func(ctx context.Context) (string, error) { return limitedAgain(ctx, 3, 5*time.Second, 30*time.Second) },
			"after 429 number 1, want 2.5s at least",
		},
		"U03 with no time at all": {
			func(ctx context.Context) (string, error) { return limitedByOthers(ctx, storm[2:], 0) },
			"a page took",
		},
		"U03 with another lowest rate": {
			func(ctx context.Context) (string, error) { return floor(ctx, time.Second) },
			"apart, want 1s each",
		},
		"U04 with another reason": {
			func(ctx context.Context) (string, error) {
				return noRights(ctx, codes.FailedPrecondition, "ACCOUNT_BLOCKED")
			},
			"got PermissionDenied/UPSTREAM_FORBIDDEN",
		},
		"U05 with a later probe": {
			func(ctx context.Context) (string, error) { return banned(ctx, 25*time.Minute) },
			"told to wait",
		},
		"U06 with bans too far apart": {
			func(ctx context.Context) (string, error) {
				return bannedAddress(ctx, 2*time.Minute, 15*time.Minute, true)
			},
			"the third account: got OK/",
		},
		"U07 without a refresh": {
			func(ctx context.Context) (string, error) { return expiredAccess(ctx, 0) },
			"1 calls of the token endpoint, want 0",
		},
		"U08 without a refresh": {
			func(ctx context.Context) (string, error) { return refusedCredentials(ctx, 0) },
			"2 calls of the token endpoint",
		},
		"U09 with a refresh by a replica behind": {
			func(ctx context.Context) (string, error) { return staleReplica(ctx, 1) },
			"by replicas behind, want 1",
		},
		"U10 with an earlier probe": {
			func(ctx context.Context) (string, error) { return unpaidFor(ctx, 30*time.Minute) },
			"2 requests in 1h15m0s",
		},
		"U11 with a server that fails": {
			func(ctx context.Context) (string, error) {
				return missing(ctx, []missingAnswer{{status: http.StatusInternalServerError}})
			},
			"want NotFound/UPSTREAM_NOT_FOUND",
		},
		"U14 with a try less": {
			func(ctx context.Context) (string, error) { return outageOnRead(ctx, outageStatuses[:1], outageTries-1) },
			"3 requests for a read that fails",
		},
		"U14 without a retry in the outage": {
			func(ctx context.Context) (string, error) { return outageStorm(ctx, 1) },
			"requests for each of 200 calls",
		},
		"U15 with what is not found": {
			func(ctx context.Context) (string, error) {
				hidden := failedCreates()[2]
				hidden.reason = ""
				return lostCreates(ctx, []lostCreate{hidden})
			},
			"item 0: Unknown/WRITE_OUTCOME_UNKNOWN",
		},
		"U15 with what was not written": {
			func(ctx context.Context) (string, error) {
				unwritten := failedCreates()[1]
				unwritten.applied = true
				return lostCreates(ctx, []lostCreate{unwritten})
			},
			"0 customers were made",
		},
		"U16 with not even one row": {
			func(ctx context.Context) (string, error) { return heavyPage(ctx, 0) },
			"0 rows of 1200 came",
		},
		"U17 with a shorter deadline": {
			func(ctx context.Context) (string, error) { return slowAnswer(ctx, time.Second) },
			": ended after ",
		},
		"U17 with a connection that ends earlier": {
			func(ctx context.Context) (string, error) { return slowConnection(ctx, -250*time.Millisecond) },
			"the connection was closed after",
		},
		"U18 with a shorter attempt": {
			func(ctx context.Context) (string, error) { return dripping(ctx, 20*time.Second) },
			"requests lasted",
		},
		"U19 with another reason": {
			func(ctx context.Context) (string, error) { return halfClosed(ctx, 1, "WRITE_APPLIED_RESPONSE_LOST") },
			"got Unknown/WRITE_OUTCOME_UNKNOWN",
		},
		"U20 with a try less": {
			func(ctx context.Context) (string, error) { return resetInBody(ctx, outageTries-1) },
			"3 requests, want at most 2",
		},
		"U21 with a try less": {
			func(ctx context.Context) (string, error) { return truncated(ctx, outageTries-1) },
			"3 requests, want at most 2",
		},
		"U22 with what is not found": {
			func(ctx context.Context) (string, error) {
				return lostCreates(ctx, []lostCreate{{"hidden", emulator.Action{HTML: true, Apply: true}, true, true, ""}})
			},
			"item 0: Unknown/WRITE_APPLIED_RESPONSE_LOST",
		},
		"U23 with a text of its own": {
			func(ctx context.Context) (string, error) { return badTexts(ctx, "Rose") },
			"is \"Rose\", want",
		},
		"U24 with a try less": {
			func(ctx context.Context) (string, error) { return pageForData(ctx, outageTries-1) },
			"3 requests, want at most 2",
		},
		"U25 with a row more": {
			func(ctx context.Context) (string, error) { return mislabelled(ctx, labels, 61) },
			"60 rows came, not 61",
		},
		"U27 with what can be read": {
			func(ctx context.Context) (string, error) {
				return jsonBombsRead(ctx, []jsonBomb{{"a row", func(api upstreamAPI) string { return api.answer(`{"id":77}`) }, true, ""}}, time.Minute)
			},
			"a row: got OK/",
		},
		"U27 with another number": {
			func(ctx context.Context) (string, error) {
				other := jsonBombs[len(jsonBombs)-1]
				other.number = "1e5"
				return jsonBombsRead(ctx, []jsonBomb{other}, time.Minute)
			},
			"the number became",
		},
		"U29 with another reason": {
			func(ctx context.Context) (string, error) {
				return redirectElsewhere(ctx, redirectStatuses[:1], codes.Unavailable, "UPSTREAM_BAD_RESPONSE")
			},
			"got FailedPrecondition/ACCOUNT_MOVED",
		},
		"U30 with a place that there is": {
			func(ctx context.Context) (string, error) {
				return redirectNowhere(ctx, []string{"https://other.amocrm.ru/"})
			},
			"got FailedPrecondition/ACCOUNT_MOVED",
		},
		"U31 with another life": {
			func(ctx context.Context) (string, error) {
				return nameLost(ctx, []error{errServerFailure}, time.Minute, time.Second)
			},
			"an address is kept for 5m0s",
		},
		"U31 with a name that is gone": {
			func(ctx context.Context) (string, error) {
				return nameLost(ctx, []error{errNoSuchHost}, 5*time.Minute, 2*time.Second)
			},
			"after the last address: rpc error",
		},
		"U32 with another time": {
			func(ctx context.Context) (string, error) { return nameGone(ctx, 10*time.Minute) },
			"the account counts as gone after 5m",
		},
		"U33 with another reason": {
			func(ctx context.Context) (string, error) {
				return namesInside(ctx, insideAddresses[:1], "UPSTREAM_DNS")
			},
			"got FailedPrecondition/ACCOUNT_HOST_GONE",
		},
		"U34 with a certificate that is right": {
			func(ctx context.Context) (string, error) {
				return untrusted(ctx, []badCertificate{{"right", upstreamHost, -time.Hour, time.Hour, true}})
			},
			"read: got OK/",
		},
		"U35 with more refreshes": {
			func(ctx context.Context) (string, error) { return wrongClock(ctx, 5) },
			"2 refreshes in 27h0m0s, want 5",
		},
		"U36 with rows that move": {
			func(ctx context.Context) (string, error) {
				return clockBack(ctx, 10*time.Minute, func(r *listRun) error { return r.remove(r.ids()[:3]) })
			},
			"3 rows of 600 are missing",
		},
		"U37 with a row that comes again": {
			func(ctx context.Context) (string, error) { return duplicates(ctx, 1) },
			"0 rows came again, want 1",
		},
		"U38 with another promise": {
			func(ctx context.Context) (string, error) {
				return deletions(ctx, 7, map[string]string{"v2": "WINDOWED"})
			},
			"promises BEST_EFFORT, want WINDOWED",
		},
		"U39 with a page that stays away": {
			func(ctx context.Context) (string, error) {
				fault := otherSizes(pageRows)
				fault.empty, fault.times = 3, 9
				return listWholeBy(ctx, 125, fault)
			},
			"not the 630 there are",
		},
		"U41 without a page more": {
			func(ctx context.Context) (string, error) {
				return loop(ctx, listWays, -2, emulator.Action{Endless: true})
			},
			"rows came",
		},
		"U42 with an upstream that ends lists": {
			func(ctx context.Context) (string, error) { return crowdedSecond(ctx, 0, 3) },
			"are missing",
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
		"C20 with two writes": {
			func(ctx context.Context) (string, error) {
				return onFarm(ctx, farmConfig{}, func(f *farm) (string, error) { return f.repeatedTogether(ctx, 1, 2) })
			},
			"1 customers were made, want 2",
		},
		"C21 with another reason": {
			func(ctx context.Context) (string, error) {
				return onFarm(ctx, farmConfig{}, func(f *farm) (string, error) { return f.otherBody(ctx, 1, codes.InvalidArgument, "VALIDATION") })
			},
			"want InvalidArgument/VALIDATION",
		},
		"P04 with no time at all": {
			func(ctx context.Context) (string, error) {
				return onFarm(ctx, farmConfig{}, func(f *farm) (string, error) { return x.stoppedInBatch(ctx, f, 0) })
			},
			"exit after",
		},
		"P06 with a row that comes again": {
			func(ctx context.Context) (string, error) { return x.killedInList(ctx, 2000, -1) },
			"rows came again unchanged",
		},
		"P05 with a duplicate": {
			func(ctx context.Context) (string, error) {
				return onFarm(ctx, farmConfig{}, func(f *farm) (string, error) { return f.killedInBatch(ctx, 1) })
			},
			"0 customers were made twice, want 1",
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
		"U49 with a share that is smaller": {
			func(ctx context.Context) (string, error) { return timedOutBatch(ctx, listWays[1:2], 4) },
			"items, behind one of",
		},
		"U50 with another character": {
			func(ctx context.Context) (string, error) { return longCharacters(ctx, "Rose 🌷 of 𝔖haron") },
			"upstream and",
		},
	})
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
