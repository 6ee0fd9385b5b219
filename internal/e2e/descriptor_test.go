package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestDescriptors_everyServiceIsRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, setup{})
		services := map[protoreflect.FullName]bool{}
		eachMethod(func(m protoreflect.MethodDescriptor) { services[m.Parent().FullName()] = true })
		if len(services) == 0 {
			t.Fatal("the API has no services")
		}
		for name := range services {
			// The server knows the health of what it has registered alone.
			resp, err := healthpb.NewHealthClient(s.conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: string(name)})
			if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
				t.Errorf("%s is not served: %v, %v", name, resp.GetStatus(), err)
			}
		}
	})
}

func TestDescriptors_everyMethodIsRoutedAndDescribed(t *testing.T) {
	api := loadOpenAPI(t)
	eachMethod(func(m protoreflect.MethodDescriptor) {
		want := string(m.Parent().Name()) + "_" + string(m.Name())
		for i, via := range routesOf(t, m) {
			operation := api.operation(via)
			if operation == nil {
				t.Errorf("%s: the description has no %s %s", m.FullName(), via.verb, via.template)
				continue
			}
			id := want
			if i > 0 {
				id += strconv.Itoa(i + 1)
			}
			if operation.OperationID != id {
				t.Errorf("%s %s: operation %q, want %q", via.verb, via.template, operation.OperationID, id)
			}
		}
	})
}

// neverSucceeds are the routes that upstream always refuses, with the reason.
var neverSucceeds = map[string]string{
	"PATCH /v1/tasks/{task_id}/notes/{id}": "the results of tasks are not editable",
}

func TestDescriptors_everyRouteHasACase(t *testing.T) {
	type call struct {
		method string
		route  int
	}
	called, refused := map[call]bool{}, map[call]bool{}
	for _, cases := range loadParityCases(t) {
		for _, c := range cases {
			for _, step := range c.Steps {
				if step.Error == nil {
					called[call{step.Call, step.route()}] = true
				} else {
					refused[call{step.Call, step.route()}] = true
				}
			}
		}
	}
	eachMethod(func(m protoreflect.MethodDescriptor) {
		for i, via := range routesOf(t, m) {
			this, name := call{string(m.Name()), i}, via.verb+" "+via.template
			switch reason, never := neverSucceeds[name]; {
			case never && called[this]:
				t.Errorf("%s succeeds, though %s", name, reason)
			case never && !refused[this]:
				t.Errorf("%s has no case of testdata/parity", name)
			case !never && !called[this]:
				t.Errorf("%s has no case of testdata/parity that succeeds", name)
			}
		}
	})
}

// notShown are the fields that no record of the fixtures can have over either
// generation, with the reason.
var notShown = map[protoreflect.FullName]string{
	"amogate.v1.CustomField.raw":    "is for types that no account is known to have",
	"amogate.v1.Organisation.other": otherKeys,
	"amogate.v1.Payer.other":        otherKeys,
	"amogate.v1.Supplier.other":     otherKeys,

	"amogate.v1.Transaction.next_price":         writtenOnly,
	"amogate.v1.Transaction.next_purchase_time": writtenOnly,
	"amogate.v1.Transaction.accrue_bonus":       writtenOnly,
	"amogate.v1.Note.trigger_digital_pipeline":  writtenOnly,
}

const (
	otherKeys   = "is for keys that no account is known to send"
	writtenOnly = "is taken by upstream and not shown"
)

// TestDescriptors_everyFieldIsReadOverAGeneration has every field of the records
// of the API read over at least one generation of the upstream API.
func TestDescriptors_everyFieldIsReadOverAGeneration(t *testing.T) {
	populated, all := map[protoreflect.FullName]bool{}, map[protoreflect.FullName]bool{}
	for _, generation := range []amo.Generation{amo.V2, amo.V4} {
		var shown []proto.Message
		t.Run(generation.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { shown = readEverything(t, generation) })
		})
		for _, m := range shown {
			markPopulated(m.ProtoReflect(), populated)
			markAll(m.ProtoReflect().Descriptor(), all)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		reason, excepted := notShown[name]
		switch {
		case excepted && populated[name]:
			t.Errorf("%s is read, so that its exception is not needed: %s", name, reason)
		case !excepted && !populated[name]:
			t.Errorf("%s is in no record that is read: add it to a fixture, or say in notShown why it cannot be there", name)
		}
	}
	for name := range notShown {
		if !all[name] {
			t.Errorf("notShown names %s, which does not exist", name)
		}
	}
}

// readEverything writes records over a generation and reads them over it.
func readEverything(t *testing.T, generation amo.Generation) []proto.Message {
	t.Helper()
	s := newStack(t, setup{client: amo.Config{Generation: generation}})
	customer := s.writeFullCustomer(t, generation)
	transaction, err := amogatev1.NewTransactionServiceClient(s.conn).CreateTransaction(t.Context(), &amogatev1.CreateTransactionRequest{
		Transaction: &amogatev1.Transaction{
			CustomerId: customer.GetId(), Price: &money.Money{Units: 1}, CompleteTime: customer.GetNextPurchaseTime(), Comment: "a",
			CatalogElements: []*amogatev1.CatalogElementLink{{CatalogId: 4521, ElementId: 890001, Quantity: 2}},
		},
		ReadBack: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	periods, err := amogatev1.NewPeriodServiceClient(s.conn).ListPeriods(t.Context(), &amogatev1.ListPeriodsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	shown := []proto.Message{customer, transaction, periods}
	for _, note := range readNotes(t, generation) {
		shown = append(shown, note)
	}
	if generation == amo.V4 {
		statuses, err := amogatev1.NewCustomerStatusServiceClient(s.conn).ListCustomerStatuses(t.Context(), &amogatev1.ListCustomerStatusesRequest{})
		if err != nil {
			t.Fatal(err)
		}
		shown = append(append(shown, statuses), readSegments(t)...)
	}
	return shown
}

// writeFullCustomer writes a customer with everything that a generation can
// write, lets upstream add what only it can, and reads it over both transports.
func (s *stack) writeFullCustomer(t *testing.T, generation amo.Generation) *amogatev1.Customer {
	t.Helper()
	sent, want := &amogatev1.Customer{}, &amogatev1.Customer{}
	readJSON(t, "testdata/full_customer.json", sent)
	golden := "testdata/full_customer." + generation.String() + ".golden.json"
	if !*update {
		readJSON(t, golden, want)
	}
	links := &amogatev1.Customer{}
	if generation == amo.V4 {
		// Periods are statuses there, and links follow the creation.
		sent.StatusId, sent.PeriodId = sent.PeriodId, nil
		links.ContactIds, links.CatalogElements = sent.GetContactIds(), sent.GetCatalogElements()
		links.CompanyId = new(sent.GetCompanyId())
		sent.ContactIds, sent.CompanyId, sent.CatalogElements = nil, nil, nil
		links.CatalogElements[0].PriceId = proto.Int64(917)
		sent.CustomFields = slices.DeleteFunc(sent.GetCustomFields(), func(f *amogatev1.CustomField) bool { return f.GetOrganisation() != nil })
		beyondV2 := &amogatev1.Customer{}
		readJSON(t, "testdata/full_customer.v4.json", beyondV2)
		proto.Merge(sent, beyondV2)
		s.addFieldsOfV4(t)
	}
	created, err := s.api.CreateCustomer(t.Context(), &amogatev1.CreateCustomerRequest{Customer: sent})
	if err != nil {
		t.Fatal(err)
	}
	if generation == amo.V4 {
		if _, err := s.api.UpdateCustomer(t.Context(), &amogatev1.UpdateCustomerRequest{Id: created.GetId(), Customer: links}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.emulator.AddCompany(20000003, "Северный ветер"); err != nil {
		t.Fatal(err)
	}
	if err := s.emulator.UpdateCustomer(created.GetId(), func(c *emulator.Customer) {
		c.ClosestTaskAt = c.NextDate - 3600
	}); err != nil {
		t.Fatal(err)
	}
	got, err := s.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: created.GetId()})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		writeJSON(t, golden, got)
		want = got
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("read over gRPC (-want +got):\n%s", diff)
	}
	r := s.do(t, "GET", "/v1/customers/"+text(created.GetId()), "")
	overREST := &amogatev1.Customer{}
	if err := protojson.Unmarshal([]byte(r.body), overREST); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, overREST, protocmp.Transform()); diff != "" {
		t.Errorf("read over REST (-want +got):\n%s", diff)
	}
	return got
}

// addFieldsOfV4 adds fields of the types that only API v4 writes.
func (s *stack) addFieldsOfV4(t *testing.T) {
	t.Helper()
	for id, fieldType := range map[int64]emulator.FieldType{
		1250101: emulator.FieldLinkedEntity,
		1250103: emulator.FieldChainedList,
		1250105: emulator.FieldFile,
		1250107: emulator.FieldPayer,
		1250109: emulator.FieldSupplier,
	} {
		if err := s.emulator.AddField(emulator.Field{ID: id, Name: "Field " + text(id), Type: fieldType}); err != nil {
			t.Fatal(err)
		}
	}
}

// readNotes reads the notes of an account that has every type, and one that is
// written first.
func readNotes(t *testing.T, generation amo.Generation) []*amogatev1.Note {
	t.Helper()
	s := newStack(t, setup{
		emulator: emulator.Config{Customers: 10, Notes: 60},
		client:   amo.Config{Generation: generation},
	})
	api := amogatev1.NewNoteServiceClient(s.conn)
	for parent := range s.emulator.Customers() {
		if _, err := api.CreateNote(t.Context(), &amogatev1.CreateNoteRequest{
			Parent: &amogatev1.CreateNoteRequest_CustomerId{CustomerId: parent.ID},
			Note: &amogatev1.Note{
				Type: amogatev1.NoteType_NOTE_TYPE_CALL_IN,
				Content: &amogatev1.Note_Call{Call: &amogatev1.NoteCall{
					Duration: durationpb.New(time.Minute), Source: "pbx", Phone: "+7 921 000 00 01", Status: amogatev1.CallStatus_CALL_STATUS_LEFT_MESSAGE,
				}},
			},
		}); err != nil {
			t.Fatal(err)
		}
		break
	}
	s.addRareNotes(t)
	var notes []*amogatev1.Note
	for token, begun := "", false; !begun || token != ""; begun = true {
		page, err := api.ListNotesPage(t.Context(), &amogatev1.ListNotesPageRequest{PageSize: 500, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, page.GetNotes()...)
		token = page.GetNextPageToken()
	}
	return notes
}

// addRareNotes adds what seeded notes do not have.
func (s *stack) addRareNotes(t *testing.T) {
	t.Helper()
	lead := s.emulator.SeededParents(emulator.ParentLead, 1)[0]
	for word, params := range map[string]map[string]any{
		"mail_message":        {"thread_id": 1, "private": true, "delivery": map[string]any{"status": "sent"}},
		"lead_status_changed": {"STATUS_NEW": 142, "STATUS_OLD": 143, "TEXT": "won"},
		"ai_result":           {"text": "no answer", "is_error": true},
		"call_out":            {"duration": 1, "source": "pbx", "from": "site"},
	} {
		if _, err := s.emulator.AddNote(emulator.Note{Kind: emulator.ParentLead, ParentID: lead, Type: word, Params: params, CreatedAt: 1, UpdatedAt: 1}); err != nil {
			t.Fatal(err)
		}
	}
}

// readSegments writes and reads a segment and a customer in it, which only
// accounts that work by segments have.
func readSegments(t *testing.T) []proto.Message {
	t.Helper()
	s := newStack(t, setup{emulator: emulator.Config{CustomersMode: emulator.ModeSegments}, client: amo.Config{Generation: amo.V4}})
	if err := s.emulator.AddSegmentField(emulator.Field{ID: 7, Name: "Remark", Type: emulator.FieldText}); err != nil {
		t.Fatal(err)
	}
	api := amogatev1.NewCustomerSegmentServiceClient(s.conn)
	segment, err := api.CreateCustomerSegment(t.Context(), &amogatev1.CreateCustomerSegmentRequest{CustomerSegment: &amogatev1.CustomerSegment{
		Name: "Regulars", Color: "#10599d", AvailableProductsPriceTypes: []int64{917},
		CustomFields: []*amogatev1.CustomField{{FieldId: 7, Value: &amogatev1.CustomField_Text{Text: "daily"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	customer, err := s.api.CreateCustomer(t.Context(), &amogatev1.CreateCustomerRequest{
		Customer: &amogatev1.Customer{Name: "Rose", Segments: []*amogatev1.SegmentLink{{Id: segment.GetId()}}},
		ReadBack: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(customer.GetSegments()) != 1 || customer.GetSegments()[0].GetId() != segment.GetId() {
		t.Errorf("the customer is in the segments %v, want %d", customer.GetSegments(), segment.GetId())
	}
	read, err := api.GetCustomerSegment(t.Context(), &amogatev1.GetCustomerSegmentRequest{Id: segment.GetId()})
	if err != nil {
		t.Fatal(err)
	}
	return []proto.Message{customer, read}
}

func readJSON(t *testing.T, name string, msg proto.Message) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := protojson.Unmarshal(data, msg); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// writeJSON writes a message without the blanks that protojson puts at random.
func writeJSON(t *testing.T, name string, msg proto.Message) {
	t.Helper()
	data, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(msg)
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(indented.Bytes(), '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// markPopulated notes the fields of this API that are set in a message.
func markPopulated(m protoreflect.Message, seen map[protoreflect.FullName]bool) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		seen[fd.FullName()] = true
		switch {
		case fd.Message() == nil || fd.IsMap():
		case fd.IsList():
			for i := range v.List().Len() {
				markPopulated(v.List().Get(i).Message(), seen)
			}
		default:
			markPopulated(v.Message(), seen)
		}
		return true
	})
}

// markAll notes the fields of a message of this API and of those in it. Below a
// field that is excepted nothing is noted.
func markAll(d protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) {
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		if seen[fd.FullName()] {
			continue
		}
		seen[fd.FullName()] = true
		_, excepted := notShown[fd.FullName()]
		if !excepted && fd.Message() != nil && strings.HasPrefix(string(fd.Message().FullName()), "amogate.v1.") {
			markAll(fd.Message(), seen)
		}
	}
}
