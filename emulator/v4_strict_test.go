package emulator

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// operationCall is a call of an operation that succeeds in a strict account too.
type operationCall struct {
	op     string
	mode   CustomersMode // periodicity unless set
	method string        // GET unless set
	target string
	body   string
	pages  bool // it is a list with pages
	nested bool // its row has an object, metadata or params or _embedded, of known keys
}

// callsV4 are calls of every operation of generation v4.
func callsV4(e *Emulator) []operationCall {
	var bought Transaction
	for bought = range e.Transactions() {
		break
	}
	customer := customerPath(bought.CustomerID)
	purchases, statuses := customer+"/transactions", v4StatusesPath+"/112801"
	const (
		contacts = "/api/v4/contacts/notes"
		link     = `"to_entity_id":5,"to_entity_type":"contacts","metadata":{}`
	)
	contact := "/api/v4/contacts/" + digits(e.SeededParents(ParentContact, 1)[0]) + "/notes"
	entity := `"entity_id":` + digits(e.SeededParents(ParentContact, 1)[0])
	const note = `"note_type":"common","params":{"text":"A"}`
	const get, post, patch, remove = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	return []operationCall{
		{op: OpV4Account, target: "/api/v4/account"},

		{op: OpV4CustomersList, target: v4CustomersPath, pages: true},
		{op: OpV4CustomersGet, target: customer},
		{op: OpV4CustomersCreate, method: post, target: v4CustomersPath, body: `[{"name":"A","next_date":5,"_embedded":{}}]`, nested: true},
		{op: OpV4CustomersUpdate, method: patch, target: v4CustomersPath, body: `[{"id":` + digits(bought.CustomerID) + `,"_embedded":{}}]`, nested: true},
		{op: OpV4CustomersUpdateOne, method: patch, target: customer, body: `{"name":"A","_embedded":{}}`, nested: true},
		{op: OpV4CustomersLinks, target: customer + "/links"},
		{op: OpV4CustomersLink, method: post, target: customer + "/link", body: `[{` + link + `}]`, nested: true},
		{op: OpV4CustomersUnlink, method: post, target: customer + "/unlink", body: `[{` + link + `}]`, nested: true},
		{op: OpV4CustomersLinksMany, target: v4CustomersPath + "/links?filter[entity_id][]=" + digits(bought.CustomerID)},
		{op: OpV4CustomersLinkMany, method: post, target: v4CustomersPath + "/link", body: `[{"entity_id":` + digits(bought.CustomerID) + `,` + link + `}]`, nested: true},
		{op: OpV4CustomersUnlinkMany, method: post, target: v4CustomersPath + "/unlink", body: `[{"entity_id":` + digits(bought.CustomerID) + `,` + link + `}]`, nested: true},
		{op: OpV4CustomersSubscriptions, target: customer + "/subscriptions"},
		{op: OpV4CustomFieldsList, target: v4CustomersPath + "/custom_fields", pages: true},
		{op: OpV4CustomFieldsGet, target: v4CustomersPath + "/custom_fields/1250001"},
		{op: OpV4BonusPoints, method: post, target: customer + "/bonus_points", body: `{"earn":5}`},
		{op: OpV4CustomersMode, method: patch, target: v4CustomersPath + "/mode", body: `{"mode":"segments","is_enabled":true}`},

		{op: OpV4TransactionsList, target: v4TransactionsPath, pages: true},
		{op: OpV4TransactionsGet, target: v4TransactionsPath + "/" + digits(bought.ID)},
		{op: OpV4TransactionsDelete, method: remove, target: v4TransactionsPath + "/" + digits(bought.ID)},
		{op: OpV4TransactionsListOfCustomer, target: purchases, pages: true},
		{op: OpV4TransactionsGetOfCustomer, target: purchases + "/" + digits(bought.ID)},
		{op: OpV4TransactionsCreate, method: post, target: purchases, body: `[{"price":5,"metadata":{}}]`, nested: true},
		{op: OpV4TransactionsDeleteOfCustomer, method: remove, target: purchases + "/" + digits(bought.ID)},

		{op: OpV4StatusesList, target: v4StatusesPath},
		{op: OpV4StatusesGet, target: statuses},
		{op: OpV4StatusesCreate, method: post, target: v4StatusesPath, body: `[{"name":"A","sort":2}]`},
		{op: OpV4StatusesUpdate, method: patch, target: statuses, body: `{"name":"A"}`},
		{op: OpV4StatusesDelete, method: remove, target: statuses},

		{op: OpV4SegmentsList, mode: ModeSegments, target: v4SegmentsPath, pages: true},
		{op: OpV4SegmentsGet, mode: ModeSegments, target: v4SegmentsPath + "/51"},
		{op: OpV4SegmentsCreate, mode: ModeSegments, method: post, target: v4SegmentsPath, body: `{"name":"A"}`},
		{op: OpV4SegmentsUpdate, mode: ModeSegments, method: patch, target: v4SegmentsPath + "/51", body: `{"name":"A"}`},
		{op: OpV4SegmentsDelete, mode: ModeSegments, method: remove, target: v4SegmentsPath + "/51"},
		{op: OpV4SegmentFieldsList, mode: ModeSegments, target: v4SegmentsPath + "/custom_fields", pages: true},
		{op: OpV4SegmentFieldsGet, mode: ModeSegments, target: v4SegmentsPath + "/custom_fields/1251001"},

		{op: OpV4NotesList, target: contacts, pages: true},
		{op: OpV4NotesListOfEntity, target: contact, pages: true},
		{op: OpV4NotesGet, target: contacts + "/7"},
		{op: OpV4NotesGetOfEntity, target: contact + "/7"},
		{op: OpV4NotesCreate, method: post, target: contacts, body: `[{` + entity + `,` + note + `}]`, nested: true},
		{op: OpV4NotesCreateOfEntity, method: post, target: contact, body: `[{` + note + `}]`, nested: true},
		{op: OpV4NotesUpdate, method: patch, target: contacts, body: `[{"id":7,` + note + `}]`, nested: true},
		{op: OpV4NotesUpdateOfEntity, method: patch, target: contact, body: `[{"id":7,` + note + `}]`, nested: true},
		{op: OpV4NotesUpdateOne, method: patch, target: contacts + "/7", body: `{` + note + `}`, nested: true},
		{op: OpV4NotesUpdateOneOfEntity, method: patch, target: contact + "/7", body: `{` + note + `}`, nested: true},
		{op: OpV4NotesPin, method: post, target: contacts + "/7/pin"},
		{op: OpV4EventsList, target: v4EventsPath, pages: true},
		{op: OpV4EventsTypes, target: v4EventsPath + "/types"},
		{op: OpV4EventsGet, target: v4EventsPath + "/newest"},

		{op: OpV4NotesUnpin, method: post, target: contacts + "/7/unpin"},
	}
}

// withColour adds a parameter nobody knows.
func withColour(target string) string {
	if strings.Contains(target, "?") {
		return target + "&colour=red"
	}
	return target + "?colour=red"
}

// TestV4Strict_holdsEveryOperation calls every operation right, with a parameter, a header, a key and a limit that are
// left aside, and with what no account takes.
func TestV4Strict_holdsEveryOperation(t *testing.T) {
	account := func(t *testing.T, mode CustomersMode, strict bool) *Emulator {
		t.Helper()
		if mode == "" {
			mode = ModePeriodicity
		}
		e := open(t, Config{Customers: 5, Strict: strict, CustomersMode: mode})
		mustNote(t, e, Note{
			Kind: ParentContact, ParentID: e.SeededParents(ParentContact, 1)[0], ID: 7, Type: noteCommon,
			Params: map[string]any{"text": "A"},
		})
		if id, ok := e.RandomCustomer(rand.New(rand.NewPCG(1, 2))); !ok || !e.TouchCustomer(id) { // for an event to ask for
			t.Fatal("nobody is there")
		}
		return e
	}
	var covered []string
	for _, call := range callsV4(account(t, "", false)) {
		covered = append(covered, call.op)
		if call.method == "" {
			call.method = http.MethodGet
		}
		odd := []struct {
			name, target, body string
			header             []string
			strict, tolerant   int // statuses; 0: that of the right call
		}{
			{name: "right", target: call.target, body: call.body},
			{name: "parameter", target: withColour(call.target), body: call.body, strict: 400},
			{
				name: "time", target: call.target, body: call.body, strict: 400,
				header: []string{"If-Modified-Since", "Mon, 01 Aug 2022 07:07:23 GMT"},
			},
		}
		add := func(name, target, body string, strict, tolerant int) {
			odd = append(odd, struct {
				name, target, body string
				header             []string
				strict, tolerant   int
			}{name: name, target: target, body: body, strict: strict, tolerant: tolerant})
		}
		if call.pages {
			add("limit", call.target+"?limit=251", "", 400, 0)
			add("page", call.target+"?page=0", "", 400, 0)
		}
		if call.body != "" {
			add("key", call.target, strings.Replace(call.body, "{", `{"colour":"red",`, 1), 400, 0)
			add("no body", call.target, "", 400, 400)
			add("no JSON", call.target, "a=b", 400, 400)
			wrong := "[" + call.body + "]"
			if list, isList := strings.CutPrefix(call.body, "["); isList {
				wrong = strings.TrimSuffix(list, "]")
				row := "," + wrong
				add("251 rows", call.target, "["+wrong+strings.Repeat(row, v4MaxBatch)+"]", 422, 422)
			}
			add("list for object or object for list", call.target, wrong, 400, 400)
		}
		if call.nested {
			at := strings.LastIndex(call.body, ":{") + len(":{")
			comma := ","
			if call.body[at] == '}' {
				comma = ""
			}
			add("nested key", call.target, call.body[:at]+`"colour":"red"`+comma+call.body[at:], 400, 400)
		}
		for _, test := range odd {
			for _, strict := range []bool{false, true} {
				want := test.tolerant
				if strict {
					want = test.strict
				}
				e := account(t, call.mode, strict)
				newest := e.customers.events.at(e.customers.events.count).name()
				a := ask(t, e, call.method, strings.Replace(test.target, "newest", newest, 1), test.body, test.header...)
				if ok := a.status == want || want == 0 && (a.status == http.StatusOK || a.status == http.StatusNoContent); !ok {
					t.Errorf("%s, %s, strict %v: status %d: %s", call.op, test.name, strict, a.status, a.body)
				}
				if got := e.Stats(); got.ByOperation[call.op] != 1 || a.status >= 400 && got.Added+got.Updated+got.Deleted != 0 {
					t.Errorf("%s, %s, strict %v: %+v", call.op, test.name, strict, got)
				}
			}
		}
	}
	for _, op := range v4Operations() {
		if !slices.Contains(covered, op) {
			t.Errorf("%s is not held", op)
		}
	}
}

// TestV4_everyOperationAtOnce calls every operation from several callers against each other while the mode of customers
// changes under them, and expects answers, however the account stands by then.
func TestV4_everyOperationAtOnce(t *testing.T) {
	e := open(t, Config{Customers: 5, SystemNotes: true})
	mustNote(t, e, Note{Kind: ParentContact, ParentID: e.SeededParents(ParentContact, 1)[0], ID: 7})
	var all sync.WaitGroup
	for range 3 {
		for _, call := range callsV4(e) {
			if call.method == "" {
				call.method = http.MethodGet
			}
			all.Go(func() {
				for range 3 {
					if a := ask(t, e, call.method, call.target, call.body); a.status >= 500 || a.status == http.StatusUnauthorized {
						t.Errorf("%s: status %d: %s", call.op, a.status, a.body)
					}
				}
			})
		}
		all.Go(func() {
			for range 3 {
				ask(t, e, http.MethodPatch, v4CustomersPath+"/mode", `{"mode":"periodicity","is_enabled":true}`)
				for range e.Customers() {
					continue
				}
				e.Statuses()
				e.Segments()
			}
		})
	}
	all.Wait()
	want := map[string]int64{}
	for _, op := range v4Operations() {
		want[op] = 9
	}
	want[OpV4CustomersMode] = 18
	if diff := cmp.Diff(want, e.Stats().ByOperation); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if got := e.CountCustomers(); got < 5 || got > 5+9 {
		t.Errorf("%d customers", got)
	}
}
