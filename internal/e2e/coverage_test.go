package e2e

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/internal/tools/coverage/directive"
)

// documented are the operations that upstream's references and client libraries
// know of customers, transactions, periods, statuses, segments, bonus points and
// notes, the events that tell of deletions, and those of the account and of the login that all need.
var documented = []string{
	"POST /private/api/auth.php",
	"GET /api/v2/account",

	"GET /api/v2/customers",
	"POST /api/v2/customers#add",
	"POST /api/v2/customers#update",
	"POST /api/v2/customers#delete",
	"GET /api/v2/transactions",
	"POST /api/v2/transactions#add",
	"POST /api/v2/transactions#update",
	"POST /api/v2/transactions#delete",
	"POST /api/v2/transactions/comment#update",
	"GET /api/v2/customers_periods",
	"POST /api/v2/customers_periods#update",
	"GET /api/v2/notes",
	"POST /api/v2/notes#add",
	"POST /api/v2/notes#update",

	"GET /api/v4/account",
	"PATCH /api/v4/customers/mode",
	"GET /api/v4/customers",
	"POST /api/v4/customers",
	"PATCH /api/v4/customers",
	"GET /api/v4/customers/{id}",
	"PATCH /api/v4/customers/{id}",
	"GET /api/v4/customers/links",
	"POST /api/v4/customers/link",
	"POST /api/v4/customers/unlink",
	"GET /api/v4/customers/{id}/links",
	"POST /api/v4/customers/{id}/link",
	"POST /api/v4/customers/{id}/unlink",
	"GET /api/v4/customers/{id}/subscriptions",
	"POST /api/v4/customers/{id}/bonus_points",
	"GET /api/v4/customers/statuses",
	"POST /api/v4/customers/statuses",
	"GET /api/v4/customers/statuses/{id}",
	"PATCH /api/v4/customers/statuses/{id}",
	"DELETE /api/v4/customers/statuses/{id}",
	"GET /api/v4/customers/segments",
	"POST /api/v4/customers/segments",
	"GET /api/v4/customers/segments/{id}",
	"PATCH /api/v4/customers/segments/{id}",
	"DELETE /api/v4/customers/segments/{id}",
	"GET /api/v4/customers/transactions",
	"GET /api/v4/customers/transactions/{id}",
	"DELETE /api/v4/customers/transactions/{id}",
	"GET /api/v4/customers/{customer_id}/transactions",
	"POST /api/v4/customers/{customer_id}/transactions",
	"GET /api/v4/customers/{customer_id}/transactions/{id}",
	"DELETE /api/v4/customers/{customer_id}/transactions/{id}",
	"GET /api/v4/events",
	"GET /api/v4/{entity_type}/notes",
	"POST /api/v4/{entity_type}/notes",
	"PATCH /api/v4/{entity_type}/notes",
	"GET /api/v4/{entity_type}/notes/{id}",
	"PATCH /api/v4/{entity_type}/notes/{id}",
	"POST /api/v4/{entity_type}/notes/{id}/pin",
	"POST /api/v4/{entity_type}/notes/{id}/unpin",
	"GET /api/v4/{entity_type}/{entity_id}/notes",
	"POST /api/v4/{entity_type}/{entity_id}/notes",
	"PATCH /api/v4/{entity_type}/{entity_id}/notes",
	"GET /api/v4/{entity_type}/{entity_id}/notes/{id}",
	"PATCH /api/v4/{entity_type}/{entity_id}/notes/{id}",
}

// coverageCase says how the RPCs of an operation make it happen.
type coverageCase struct {
	Operation string `yaml:"operation"`
	// Counter is the emulator's name of the operation.
	Counter string `yaml:"counter"`
	// Change is the part of the body that a counter does not tell apart: "added",
	// "updated" or "deleted".
	Change string `yaml:"change"`
	// Segments makes an account whose customers work by segments.
	Segments bool `yaml:"segments"`
	// PageSize is the size of upstream's pages; 0 = as large as they can be.
	PageSize int `yaml:"page_size"`
	// Login gives the client a login instead of a token.
	Login bool           `yaml:"login"`
	Calls []coverageCall `yaml:"calls"`
}

// coverageCall is a call on a fresh stack. It has to succeed.
type coverageCall struct {
	Before []parityStep `yaml:"before"`
	Step   parityStep   `yaml:",inline"`
}

func loadOperations(t *testing.T) []directive.Operation {
	t.Helper()
	operations, err := directive.Read("../../amo/internal/v2", "../../amo/internal/v4")
	if err != nil {
		t.Fatal(err)
	}
	return operations
}

func loadCoverageCases(t *testing.T) map[string]coverageCase {
	t.Helper()
	data, err := os.ReadFile("testdata/coverage.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var list []coverageCase
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&list); err != nil {
		t.Fatal(err)
	}
	cases := map[string]coverageCase{}
	for _, c := range list {
		if _, twice := cases[c.Operation]; twice {
			t.Errorf("two cases are of %s", c.Operation)
		}
		cases[c.Operation] = c
	}
	return cases
}

// TestCoverage makes every operation happen that the codecs say they call, by
// each RPC that they say makes it. docs/coverage.md names its subtests.
func TestCoverage(t *testing.T) {
	t.Parallel()
	cases := loadCoverageCases(t)
	operations := loadOperations(t)
	counters := map[string]bool{}
	for _, c := range cases {
		counters[c.Counter] = true
	}
	for _, o := range operations {
		c, ok := cases[o.Name]
		delete(cases, o.Name)
		if ok == (o.Unused != "") {
			t.Errorf("%s: is it never called: %t; has it a case: %t", o.Name, o.Unused != "", ok)
		}
		if !ok {
			continue
		}
		t.Run(o.Name, func(t *testing.T) {
			t.Parallel()
			if got := c.rpcs(t); len(o.RPCs) > 0 && !slices.Equal(got, o.RPCs) {
				t.Errorf("calls (-directives +cases):\n%s", cmp.Diff(o.RPCs, got))
			}
			for _, call := range c.Calls {
				t.Run(call.Step.Call, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { c.run(t, o, call, counters) })
				})
			}
		})
	}
	for name := range cases {
		t.Errorf("no directive names %s", name)
	}
}

// rpcs are the RPCs of a case, sorted.
func (c coverageCase) rpcs(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, call := range c.Calls {
		names = append(names, rpcName(methodOf(t, call.Step.Call)))
	}
	if len(names) == 0 {
		t.Errorf("%s has no call", c.Operation)
	}
	slices.Sort(names)
	return names
}

// rpcName is "<Service>.<Method>".
func rpcName(method protoreflect.MethodDescriptor) string {
	return string(method.Parent().Name()) + "." + string(method.Name())
}

// run makes a call and fails when upstream did not see the operation, or saw
// another that no case is about.
func (c coverageCase) run(t *testing.T, o directive.Operation, call coverageCall, counters map[string]bool) {
	t.Helper()
	generation := amo.V2
	if o.Generation() == "v4" {
		generation = amo.V4
	}
	with := setup{emulator: emulator.Config{Segments: c.Segments}, client: amo.Config{Generation: generation, PageSize: c.PageSize}}
	if c.Login {
		with.client.Auth = amo.Session{Login: emulator.DefaultLogin, APIKey: emulator.DefaultAPIKey}
	}
	s := newStack(t, with)
	fillAccount(t, s.emulator)
	addNotes(t, s.emulator)
	for i, step := range call.Before {
		step.check(t, i, grpcCaller{}.call(t, s, step), nil)
	}
	before := s.emulator.Stats()
	call.Step.check(t, len(call.Before), grpcCaller{}.call(t, s, call.Step), nil)
	after := s.emulator.Stats()

	if after.ByOperation[c.Counter] <= before.ByOperation[c.Counter] {
		t.Errorf("upstream saw no %s; it saw %v", c.Counter, after.ByOperation)
	}
	changes := map[string]int64{
		"":        1,
		"added":   after.Added - before.Added,
		"updated": after.Updated - before.Updated,
		"deleted": after.Deleted - before.Deleted,
	}
	if changes[c.Change] <= 0 {
		t.Errorf("upstream has nothing %q", c.Change)
	}
	for seen := range after.ByOperation {
		if !counters[seen] {
			t.Errorf("upstream saw %s, which no directive names", seen)
		}
	}
}

// addNotes adds the notes that the cases speak of.
func addNotes(t *testing.T, e *emulator.Emulator) {
	t.Helper()
	for i, contact := range []int64{71, 72} {
		if err := e.AddParent(emulator.Parent{Kind: emulator.ParentContact, ID: contact, Name: "Анна"}); err != nil {
			t.Fatal(err)
		}
		if _, err := e.AddNote(emulator.Note{
			Kind: emulator.ParentContact, ParentID: contact, ID: 501 + int64(i), Type: "common",
			Params: map[string]any{"text": "hello"}, CreatedAt: 946684000, UpdatedAt: 946684000 + int64(i),
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCoverage_hasEveryOperation holds the directives against what upstream
// documents.
func TestCoverage_hasEveryOperation(t *testing.T) {
	t.Parallel()
	var named []string
	for _, o := range loadOperations(t) {
		named = append(named, o.Name)
	}
	want := slices.Sorted(slices.Values(documented))
	slices.Sort(named)
	if diff := cmp.Diff(want, named); diff != "" {
		t.Errorf("operations (-documented +directives):\n%s", diff)
	}
}

// TestCoverage_hasEveryMethod fails for an RPC that calls nothing upstream.
func TestCoverage_hasEveryMethod(t *testing.T) {
	t.Parallel()
	var named []string
	for _, o := range loadOperations(t) {
		named = append(named, o.RPCs...)
	}
	eachMethod(func(method protoreflect.MethodDescriptor) {
		if !slices.Contains(named, rpcName(method)) {
			t.Errorf("no directive names %s", rpcName(method))
		}
	})
}

// TestCoverage_documentNamesTests fails when docs/coverage.md misses a test.
func TestCoverage_documentNamesTests(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range loadCoverageCases(t) {
		if test := "`TestCoverage/" + strings.ReplaceAll(name, " ", "_") + "`"; !bytes.Contains(document, []byte(test)) {
			t.Errorf("docs/coverage.md does not name %s; run make generate", test)
		}
	}
}
