package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
)

// parityCase is one case of testdata/parity: calls one after another to a fresh
// stack. It runs over gRPC and, on another stack, over REST.
type parityCase struct {
	Name string `yaml:"name"`
	// Empty leaves the customers of testdata/account.json, their transactions and
	// all notes out of the account.
	Empty bool `yaml:"empty"`
	// State is that of the account's customers function.
	State string `yaml:"state"`
	// API is the generation of the upstream API, "v2" or "v4"; by default the
	// table of routes chooses.
	API string `yaml:"api"`
	// Mode is how the account keeps its customers; by default by periodicity.
	Mode emulator.CustomersMode `yaml:"mode"`
	// NotAdmin makes the account's user no administrator.
	NotAdmin bool `yaml:"not_admin"`
	// PageSize is the upstream page size.
	PageSize int `yaml:"page_size"`
	// Wire puts HTTP between client and emulator.
	Wire bool `yaml:"wire"`
	// Repeats lets calls have request ids.
	Repeats bool `yaml:"repeats"`
	// Faults are rules as in a fault file of the emulator.
	Faults []any        `yaml:"faults"`
	Steps  []parityStep `yaml:"steps"`
	// Requests is how many requests upstream must have seen in the end.
	Requests *int64 `yaml:"requests"`
}

// parityStep is one call.
type parityStep struct {
	// Call is the name of the method.
	Call string `yaml:"call"`
	// Request is the message, as JSON with the names of the proto files, masks as
	// in REST. ${name} stands for a saved text. Over REST it is sent as the
	// method's route says.
	Request map[string]any `yaml:"request"`
	// Route chooses among the routes of the method, counted from 1; by default
	// it is the first.
	Route int `yaml:"route"`
	// Fill adds lists of the ids from 1 on to the request.
	Fill map[string]int `yaml:"fill"`
	// REST replaces the request over REST. Without Request the step has no
	// counterpart over gRPC and is left out there.
	REST *rawRequest `yaml:"rest"`
	// Timeout is the deadline of the call; by default there is none.
	Timeout time.Duration `yaml:"timeout"`
	// Headers are sent as metadata or HTTP headers.
	Headers map[string]string `yaml:"headers"`
	// Want is a part of the answer, a list of messages for a stream: members that
	// are not named are not compared, null members must be absent, lists must
	// have the same length.
	Want any `yaml:"want"`
	// Pick compares single scalars of a long answer by their paths.
	Pick map[string]any `yaml:"pick"`
	// Answer are headers of the answer.
	Answer map[string]string `yaml:"answer"`
	// Error is how the call fails, after the messages of Want.
	Error *wantedError `yaml:"error"`
	// Save names parts of the answer: {token: 0.resume_token}.
	Save map[string]string `yaml:"save"`
}

// route is the index of the step's route.
func (step parityStep) route() int { return max(step.Route, 1) - 1 }

// rawRequest is an HTTP request as it is.
type rawRequest struct {
	Method string `yaml:"method"`
	Path   string `yaml:"path"`
	Body   string `yaml:"body"`
}

type wantedError struct {
	Code   string   `yaml:"code"`
	Reason string   `yaml:"reason"`
	Fields []string `yaml:"fields"`
	// HTTP is the status of a refused REST call. An error in the middle of a
	// stream has none, since 200 is out.
	HTTP int `yaml:"http"`
}

// answer is what a call brought, whatever its transport.
type answer struct {
	// messages are those of a stream, or the one of a unary call.
	messages []proto.Message
	// status is nil for a success.
	status *spb.Status
	// headers holds those that Answer names.
	headers map[string]string
	// http is 0 over gRPC.
	http int
}

func loadParityCases(t *testing.T) map[string][]parityCase {
	t.Helper()
	const dir = "testdata/parity"
	files, err := fs.Glob(os.DirFS(dir), "*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", dir, err)
	}
	cases := map[string][]parityCase{}
	names := map[string]bool{}
	for _, name := range files {
		data, err := os.ReadFile(path.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var list []parityCase
		decoder := yaml.NewDecoder(bytes.NewReader(data))
		decoder.KnownFields(true)
		if err := decoder.Decode(&list); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, c := range list {
			if names[c.Name] {
				t.Errorf("%s: two cases are named %q", name, c.Name)
			}
			names[c.Name] = true
		}
		cases[name] = list
	}
	return cases
}

func TestParity(t *testing.T) {
	t.Parallel()
	describe := loadOpenAPI(t)
	count := 0
	for file, cases := range loadParityCases(t) {
		for _, c := range cases {
			count++
			t.Run(file+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				var overGRPC, overREST []*answer
				synctest.Test(t, func(t *testing.T) {
					overGRPC = c.run(t, grpcCaller{})
				})
				synctest.Test(t, func(t *testing.T) {
					overREST = c.run(t, restCaller{describe})
				})
				if t.Failed() {
					return
				}
				for i := range c.Steps {
					compareAnswers(t, i, overGRPC[i], overREST[i])
				}
			})
		}
	}
	if count < 60 {
		t.Errorf("%d cases, want at least 60", count)
	}
}

// caller makes a call over one transport; it returns nil when the step does not
// exist there.
type caller interface {
	call(t *testing.T, s *stack, step parityStep) *answer
}

// run makes the calls of a case on a stack of its own and checks the answers.
func (c parityCase) run(t *testing.T, over caller) []*answer {
	t.Helper()
	states := map[string]emulator.CustomersState{
		"": emulator.CustomersOn, "off": emulator.CustomersOff, "unavailable": emulator.CustomersUnavailable,
		"unpaid": emulator.CustomersUnpaid, "no_rights": emulator.CustomersNoRights,
	}
	state, ok := states[c.State]
	if !ok {
		t.Fatalf("unknown state %q", c.State)
	}
	generations := map[string]amo.Generation{"": amo.Auto, "v2": amo.V2, "v4": amo.V4}
	generation, ok := generations[c.API]
	if !ok {
		t.Fatalf("unknown API %q", c.API)
	}
	s := newStack(t, setup{
		emulator: emulator.Config{CustomersState: state, CustomersMode: c.Mode, NotAdmin: c.NotAdmin},
		client:   amo.Config{PageSize: c.PageSize, Generation: generation},
		wire:     c.Wire,
		repeats:  c.Repeats,
	})
	if !c.Empty {
		fillAccount(t, s.emulator)
	}
	if c.Faults != nil {
		file, err := json.Marshal(map[string]any{"rules": c.Faults})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.emulator.LoadFaults(bytes.NewReader(file)); err != nil {
			t.Fatal(err)
		}
	}
	saved := map[string]string{}
	var answers []*answer
	for i, step := range c.Steps {
		a := over.call(t, s, step.with(t, saved))
		answers = append(answers, a)
		if a == nil {
			continue
		}
		step.check(t, i, a, saved)
	}
	if got := s.emulator.Stats().Requests; c.Requests != nil && got != *c.Requests {
		t.Errorf("%T: upstream saw %d requests, want %d", over, got, *c.Requests)
	}
	if got := s.emulator.Stats().FullestWindow; got > 7 {
		t.Errorf("%T: upstream saw %d requests in a second", over, got)
	}
	return answers
}

// fillAccount adds the customers, their transactions and the notes that the cases
// speak of. Those of the seed would change with it.
func fillAccount(t *testing.T, e *emulator.Emulator) {
	t.Helper()
	var customers []emulator.Customer
	readRecords(t, "testdata/account.json", &customers)
	for _, c := range customers {
		if _, err := e.AddCustomer(c); err != nil {
			t.Fatal(err)
		}
	}
	var transactions []emulator.Transaction
	readRecords(t, "testdata/transactions.json", &transactions)
	for _, transaction := range transactions {
		if _, err := e.AddTransaction(transaction); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.AddCompany(20000006, "Северный ветер"); err != nil {
		t.Fatal(err)
	}
	var parents []emulator.Parent
	readRecords(t, "testdata/parents.json", &parents)
	for _, parent := range parents {
		if err := e.AddParent(parent); err != nil {
			t.Fatal(err)
		}
	}
	var notes []emulator.Note
	readRecords(t, "testdata/notes.json", &notes)
	for _, note := range notes {
		if _, err := e.AddNote(note); err != nil {
			t.Fatal(err)
		}
	}
}

func readRecords(t *testing.T, name string, records any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, records); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// with returns the step with saved texts in the place of their names.
func (step parityStep) with(t *testing.T, saved map[string]string) parityStep {
	t.Helper()
	fill := func(text string) string {
		return os.Expand(text, func(name string) string {
			value, ok := saved[name]
			if !ok {
				t.Fatalf("nothing is saved as %q", name)
			}
			return value
		})
	}
	if step.Request != nil {
		filled, ok := mapTexts(step.Request, fill).(map[string]any)
		if !ok {
			t.Fatal("request is no object")
		}
		step.Request = filled
	}
	for name, n := range step.Fill {
		ids := make([]any, n)
		for i := range ids {
			ids[i] = i + 1
		}
		if step.Request == nil {
			step.Request = map[string]any{}
		}
		step.Request[name] = ids
	}
	if step.REST != nil {
		step.REST = &rawRequest{Method: step.REST.Method, Path: fill(step.REST.Path), Body: fill(step.REST.Body)}
	}
	return step
}

// check compares an answer with what the step wants, and saves its parts.
func (step parityStep) check(t *testing.T, i int, a *answer, saved map[string]string) {
	t.Helper()
	tree := a.tree(t)
	if step.Want != nil {
		for _, problem := range differences("", step.Want, tree) {
			t.Errorf("step %d, %s: %s", i+1, step.Call, problem)
		}
	}
	for at, want := range step.Pick {
		if got := pick(t, tree, at); got != text(want) {
			t.Errorf("step %d, %s: %s is %s, want %v", i+1, step.Call, at, got, want)
		}
	}
	for name, want := range step.Answer {
		if got := a.headers[name]; got != want {
			t.Errorf("step %d, %s: header %s = %q, want %q", i+1, step.Call, name, got, want)
		}
	}
	step.checkError(t, i, a)
	if t.Failed() {
		t.Logf("step %d, %s: status %v, http %d, answer %v", i+1, step.Call, a.status, a.http, protojson.Format(lastOf(a.messages)))
		t.FailNow()
	}
	for name, at := range step.Save {
		saved[name] = pick(t, tree, at)
	}
}

func (step parityStep) checkError(t *testing.T, i int, a *answer) {
	t.Helper()
	want := step.Error
	if want == nil {
		if a.status != nil {
			t.Errorf("step %d, %s: failed: %v", i+1, step.Call, a.status)
		}
		if a.http != 0 && a.http != 200 {
			t.Errorf("step %d, %s: HTTP status %d, want 200", i+1, step.Call, a.http)
		}
		return
	}
	if a.status == nil {
		t.Errorf("step %d, %s: succeeded, want %s/%s", i+1, step.Call, want.Code, want.Reason)
		return
	}
	gotCode := code.Code(a.status.GetCode()).String()
	reason, fields := explain(a.status)
	if gotCode != want.Code || reason != want.Reason {
		t.Errorf("step %d, %s: failed with %s/%s, want %s/%s", i+1, step.Call, gotCode, reason, want.Code, want.Reason)
	}
	if diff := cmp.Diff(want.Fields, fields); diff != "" {
		t.Errorf("step %d, %s: faulty fields (-want +got):\n%s", i+1, step.Call, diff)
	}
	wantHTTP := want.HTTP
	if wantHTTP == 0 {
		wantHTTP = 200
	}
	if a.http != 0 && a.http != wantHTTP {
		t.Errorf("step %d, %s: HTTP status %d, want %d", i+1, step.Call, a.http, wantHTTP)
	}
}

// compareAnswers fails when the two transports did not tell the same.
func compareAnswers(t *testing.T, i int, overGRPC, overREST *answer) {
	t.Helper()
	if overGRPC == nil || overREST == nil {
		return
	}
	// Pauses before a retry are random.
	options := cmp.Options{protocmp.Transform(), protocmp.IgnoreFields(&errdetails.RetryInfo{}, "retry_delay")}
	// To find out in what long answers differ takes long.
	if !slices.EqualFunc(overGRPC.messages, overREST.messages, proto.Equal) {
		if diff := cmp.Diff(overGRPC.messages, overREST.messages, options); diff != "" {
			t.Errorf("step %d: answers differ (-gRPC +REST):\n%s", i+1, diff)
		}
	}
	if diff := cmp.Diff(overGRPC.status, overREST.status, options); diff != "" {
		t.Errorf("step %d: errors differ (-gRPC +REST):\n%s", i+1, diff)
	}
	if diff := cmp.Diff(overGRPC.headers, overREST.headers); diff != "" {
		t.Errorf("step %d: headers differ (-gRPC +REST):\n%s", i+1, diff)
	}
}

// explain returns the reason of an error and the paths of its faulty fields.
func explain(st *spb.Status) (reason string, fields []string) {
	for _, detail := range status.FromProto(st).Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetReason()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	return reason, fields
}

// tree is the answer as parsed JSON: an object, or for a stream a list.
func (a *answer) tree(t *testing.T) any {
	t.Helper()
	list := []any{}
	for _, m := range a.messages {
		data, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var parsed any
		if err := json.Unmarshal(data, &parsed); err != nil {
			t.Fatal(err)
		}
		list = append(list, parsed)
	}
	if len(list) == 1 && !isListMessage(a.messages[0]) {
		return list[0]
	}
	return list
}

func lastOf(messages []proto.Message) proto.Message {
	if len(messages) == 0 {
		return nil
	}
	return messages[len(messages)-1]
}

var errNoEnd = errors.New("the stream has no end message and no error")
