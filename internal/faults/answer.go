package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Ids of custom fields of the emulated account, and one it does not have.
const (
	textField    = 1250001
	numberField  = 1250003
	strangeField = 1299999
)

// fields spells the custom fields of a row: pairs of a field's id, its type as
// API v4 tells it, and its values in JSON.
func (a upstreamAPI) fields(fields ...[3]string) string {
	spelled := make([]string, len(fields))
	for i, f := range fields {
		if a.generation == amo.V4 {
			spelled[i] = fmt.Sprintf(`{"field_id":%s,"field_name":"A field","field_code":null,"field_type":%q,"values":%s}`, f[0], f[1], f[2])
			continue
		}
		spelled[i] = fmt.Sprintf(`{"id":%s,"name":"A field","values":%s,"is_system":false}`, f[0], f[2])
	}
	key := "custom_fields"
	if a.generation == amo.V4 {
		key = "custom_fields_values"
	}
	return `"` + key + `":[` + strings.Join(spelled, ",") + `]`
}

// answerList has upstream answer every list of customers with these rows.
func (s *stack) answerList(api upstreamAPI, rows ...string) error {
	return s.answerOnePage(api, api.list, api.answer(rows...))
}

// answerOnePage has upstream answer the first page of a list with body, however
// often it is asked, and what is behind it with 204.
func (s *stack) answerOnePage(api upstreamAPI, operation, body string) error {
	return s.script(
		emulator.Rule{Match: emulator.Match{Operation: operation, Query: api.page(0, pageRows)}, Action: emulator.Action{Body: body}},
		emulator.Rule{Match: emulator.Match{Operation: operation}, Action: emulator.Action{Empty: true}},
	)
}

// firstPage reads a page of customers.
func (s *stack) firstPage(ctx context.Context) ([]*amogatev1.Customer, error) {
	page, err := s.customers.ListCustomersPage(ctx, &amogatev1.ListCustomersPageRequest{})
	if err != nil {
		return nil, err
	}
	return page.GetCustomers(), nil
}

// fieldOf returns a custom field of a customer, nil when it has none.
func fieldOf(c *amogatev1.Customer, id int64) *amogatev1.CustomField {
	for _, f := range c.GetCustomFields() {
		if f.GetFieldId() == id {
			return f
		}
	}
	return nil
}

// spelling is one way to write a row: its members beside the fields.
type spelling struct{ name, members string }

// spellings are all of the row that spelledRow wants.
var spellings = []spelling{
	{"numbers", `"id":77,"name":"Rose","periodicity":30,"created_by":5,"closest_task_at":null,"is_deleted":false,"tags":[]`},
	{"texts", `"id":"77","name":"Rose","periodicity":"30","created_by":"5","closest_task_at":"","is_deleted":"0","tags":null`},
	{"fractions and lists", `"id":77.0,"name":"Rose","periodicity":3e1,"created_by":5.0,"closest_task_at":[],"is_deleted":0,"tags":{}`},
	{"doubtful keys", `"id":77,"name":"Rose","periodicity":"30.0","created_by":"5","closest_task_at":{},"is_deleted":"N","tags":false,"company":[],"_links":[]`},
}

// digits has more of them than fit 64 bits.
const digits = "123456789012345678901234567890.5"

// oddSpellings has upstream write a row in several ways.
func oddSpellings(ctx context.Context, spellings []spelling) (string, error) {
	return onBoth(ctx, stackConfig{}, func(s *stack, api upstreamAPI) (string, error) {
		for _, sp := range spellings {
			fields := api.fields(
				[3]string{strconv.Itoa(numberField), "numeric", `[{"value":` + digits + `}]`},
				[3]string{strconv.Itoa(textField), "text", `[{"value":{"deep":[1,null]}}]`},
			)
			if err := s.answerList(api, `{`+sp.members+`,`+fields+`}`); err != nil {
				return "", err
			}
			got, err := s.firstPage(ctx)
			if err != nil {
				return "", fmt.Errorf("%s: %w", sp.name, err)
			}
			if len(got) != 1 {
				return "", fmt.Errorf("%s: %d rows", sp.name, len(got))
			}
			c := got[0]
			switch {
			case c.GetId() != 77 || c.GetName() != "Rose" || c.GetPeriodicity() != 30 || c.GetCreatedBy() != 5 ||
				c.GetDeleted() || c.GetClosestTaskTime() != nil || len(c.GetTags()) != 0:
				return "", fmt.Errorf("%s: got %v", sp.name, c)
			case fieldOf(c, numberField).GetNumber() != digits:
				return "", fmt.Errorf("%s: the digits became %v", sp.name, fieldOf(c, numberField))
			case fieldOf(c, textField).GetRaw() == nil:
				return "", fmt.Errorf("%s: the unknown shape became %v", sp.name, fieldOf(c, textField))
			}
		}
		if err := s.answerList(api, `{"id":99999999999999999999,"name":"Rose"}`); err != nil {
			return "", err
		}
		_, err := s.firstPage(ctx)
		if err := failureOf(err).want(codes.Unavailable, "UPSTREAM_BAD_RESPONSE"); err != nil {
			return "", fmt.Errorf("an id beyond 64 bits: %w", err)
		}
		return fmt.Sprintf("%d spellings", len(spellings)), nil
	})
}

// unknownRow is a row with what upstream may add one day.
func unknownRow(api upstreamAPI) string {
	return `{"id":77,"name":"Rose","mood":"fine","orbit":{"height":[1,2]},` +
		api.fields([3]string{strconv.Itoa(strangeField), "hologram", `[{"value":{"angle":12},"enum_code":"X"}]`}) + `}`
}

// unknownAdditions has upstream answer customers and notes of kinds that nobody
// knows.
func unknownAdditions(ctx context.Context, row func(upstreamAPI) string) (string, error) {
	return onBoth(ctx, stackConfig{}, func(s *stack, api upstreamAPI) (string, error) {
		if err := s.answerList(api, row(api)); err != nil {
			return "", err
		}
		got, err := s.firstPage(ctx)
		if err != nil {
			return "", err
		}
		if len(got) != 1 || got[0].GetId() != 77 {
			return "", fmt.Errorf("got rows %v", got)
		}
		field := fieldOf(got[0], strangeField)
		if field.GetRaw() == nil || field.GetType() != amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_UNSPECIFIED {
			return "", fmt.Errorf("the value of a type that nobody knows became %v", field)
		}
		note, err := s.strangeNote(ctx, api)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("type %q of a note came raw", note.GetTypeCode()), nil
	})
}

// strangeNote reads a note of a type that nobody knows.
func (s *stack) strangeNote(ctx context.Context, api upstreamAPI) (*amogatev1.Note, error) {
	operation, body := emulator.OpNotesList, `{"_embedded":{"items":[{"id":5,"element_id":77,"element_type":1,"note_type":777,"text":"","params":{"smell":"nice"}}]}}`
	code := "777"
	if api.generation == amo.V4 {
		operation, body = emulator.OpV4NotesList, `{"_page":1,"_embedded":{"notes":[{"id":5,"entity_id":77,"note_type":"smell","params":{"smell":"nice"}}]}}`
		code = "smell"
	}
	if err := s.answerOnePage(api, operation, body); err != nil {
		return nil, err
	}
	page, err := amogatev1.NewNoteServiceClient(s.conn).ListNotesPage(ctx, &amogatev1.ListNotesPageRequest{
		Filter: &amogatev1.NoteFilter{ParentKinds: []amogatev1.ParentKind{amogatev1.ParentKind_PARENT_KIND_CONTACT}},
	})
	if err != nil {
		return nil, fmt.Errorf("list notes: %w", err)
	}
	if len(page.GetNotes()) != 1 {
		return nil, fmt.Errorf("list notes: %d rows", len(page.GetNotes()))
	}
	note := page.GetNotes()[0]
	smell := note.GetRaw().GetStructValue().GetFields()["smell"].GetStringValue()
	if note.GetTypeCode() != code || note.GetType() != amogatev1.NoteType_NOTE_TYPE_UNSPECIFIED || smell != "nice" {
		return nil, fmt.Errorf("a note of a type that nobody knows became %v", note)
	}
	return note, nil
}

// innerError is an error object inside a 200, and what callers have to see.
type innerError struct {
	generation amo.Generation
	body       string
	code       codes.Code
	reason     string
}

var innerErrors = []innerError{
	{amo.V2, `{"response":{"error":"No rights","error_code":"244"}}`, codes.PermissionDenied, "UPSTREAM_FORBIDDEN"},
	{amo.V2, `{"response":{"error":"Not paid","error_code":"402"}}`, codes.FailedPrecondition, "CUSTOMERS_NOT_IN_PLAN"},
	{amo.V2, `{"title":"Error","status":403,"detail":"Forbidden"}`, codes.PermissionDenied, "UPSTREAM_FORBIDDEN"},
	{amo.V4, `{"title":"Forbidden","type":"https://httpstatus.es/403","status":403,"detail":"No rights"}`, codes.PermissionDenied, "UPSTREAM_FORBIDDEN"},
	{amo.V4, `{"response":{"error":"No rights","error_code":"244"}}`, codes.PermissionDenied, "UPSTREAM_FORBIDDEN"},
	// The last one: after it nothing is read for an hour.
	{amo.V4, `{"title":"Payment Required","status":402,"detail":"Account has been blocked"}`, codes.FailedPrecondition, "ACCOUNT_PAYMENT_REQUIRED"},
}

// errorsInside has upstream answer lists with 200 and an error object.
func errorsInside(ctx context.Context, inner []innerError) (string, error) {
	return onBoth(ctx, stackConfig{}, func(s *stack, api upstreamAPI) (string, error) {
		seen := 0
		for _, e := range inner {
			if e.generation != api.generation {
				continue
			}
			seen++
			if err := s.script(emulator.Rule{Match: emulator.Match{Operation: api.list}, Action: emulator.Action{Body: e.body}}); err != nil {
				return "", err
			}
			_, err := s.firstPage(ctx)
			if err := failureOf(err).want(e.code, e.reason); err != nil {
				return "", fmt.Errorf("%s: %w", e.body, err)
			}
			_, overREST, err := restCall(ctx, http.MethodGet, s.rest+"/v1/customers", "", nil)
			if err := errors.Join(err, overREST.want(e.code, e.reason)); err != nil {
				return "", fmt.Errorf("REST: %s: %w", e.body, err)
			}
		}
		return fmt.Sprintf("%d bodies", seen), nil
	})
}

// flower is a name with characters of four bytes.
const flower = "Rose 🌹 of 𝔖haron"

// longCharacters writes and reads a name with characters of four bytes, and has
// upstream cut one in half.
func longCharacters(ctx context.Context, want string) (string, error) {
	return onBoth(ctx, stackConfig{emulated: emptyAccount}, func(s *stack, api upstreamAPI) (string, error) {
		one := newCustomers(1)[0]
		one.Customer.Name, one.ReadBack = flower, true
		got, err := s.customers.CreateCustomer(ctx, one)
		if err != nil {
			return "", fmt.Errorf("create: %w", err)
		}
		stored, _ := s.emulator.Customer(got.GetId())
		if stored.Name != want || got.GetName() != want {
			return "", fmt.Errorf("%q became %q upstream and %q here", want, stored.Name, got.GetName())
		}
		rows := []string{`{"id":1,"name":"Rose \ud83c"}`, "{\"id\":2,\"name\":\"Rose \xf0\x9f\"}", `{"id":3,"name":"Rose 🌹"}`}
		names := []string{"Rose \ufffd", "Rose \ufffd", "Rose 🌹"}
		if err := s.answerList(api, rows...); err != nil {
			return "", err
		}
		page, err := s.firstPage(ctx)
		if err != nil {
			return "", fmt.Errorf("cut characters: %w", err)
		}
		if len(page) != len(rows) {
			return "", fmt.Errorf("cut characters: %d rows of %d", len(page), len(rows))
		}
		for i, c := range page {
			// Each byte of a cut character may become a sign of its own.
			name := strings.TrimRight(c.GetName(), "\ufffd")
			if c.GetName() != names[i] && (i != 1 || name != "Rose ") {
				return "", fmt.Errorf("cut characters: row %d is named %q", i+1, c.GetName())
			}
		}
		return fmt.Sprintf("%d bytes whole, %d rows", len(want), len(page)), nil
	})
}
