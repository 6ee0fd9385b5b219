package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestGateway_passesRequestsOn(t *testing.T) {
	mask := func(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }
	for name, c := range map[string]struct {
		method, target, body string
		want                 proto.Message
		implicit             bool
	}{
		"a get": {
			method: "GET", target: "/v1/customers/12",
			want: &amogatev1.GetCustomerRequest{Id: 12},
		},
		"a page without parameters": {
			method: "GET", target: "/v1/customers",
			want: &amogatev1.ListCustomersPageRequest{},
		},
		"every kind of query parameter": {
			method: "GET",
			target: "/v1/customers?filter.ids=3&filter.ids=1&filter.query=" + url.QueryEscape("Вася & co") +
				"&filter.update_time.start_time=2026-01-02T03:04:05%2B03:00&page_size=-1&page_token=x",
			want: &amogatev1.ListCustomersPageRequest{
				Filter: &amogatev1.CustomerFilter{
					Ids: []int64{3, 1}, Query: "Вася & co",
					UpdateTime: &amogatev1.TimeRange{StartTime: &timestamppb.Timestamp{Seconds: 1767312245}},
				},
				PageSize: -1, PageToken: "x",
			},
		},
		"a stream": {
			method: "GET", target: "/v1/customers:stream?filter.responsible_user_ids=7",
			want: &amogatev1.ListCustomersRequest{Filter: &amogatev1.CustomerFilter{ResponsibleUserIds: []int64{7}}},
		},
		"a create with a 64-bit integer as number and as string": {
			method: "POST", target: "/v1/customers?read_back=true",
			body: `{"name":"A","responsible_user_id":5,"period_id":"6"}`,
			want: &amogatev1.CreateCustomerRequest{
				Customer: &amogatev1.Customer{Name: "A", ResponsibleUserId: proto.Int64(5), PeriodId: proto.Int64(6)},
				ReadBack: true,
			},
		},
		"a page of a customer's transactions": {
			method: "GET", target: "/v1/customers/7/transactions?filter.ids=3&page_size=2",
			want: &amogatev1.ListTransactionsPageRequest{
				CustomerId: 7, Filter: &amogatev1.TransactionFilter{Ids: []int64{3}}, PageSize: 2,
			},
		},
		"a customer that the path and the filter name": {
			method: "GET", target: "/v1/customers/7/transactions?filter.customer_id=8",
			want: &amogatev1.ListTransactionsPageRequest{CustomerId: 7, Filter: &amogatev1.TransactionFilter{CustomerId: 8}},
		},
		"a stream of a customer's transactions": {
			method: "GET", target: "/v1/customers/7/transactions:stream?page_token=x",
			want: &amogatev1.ListTransactionsRequest{CustomerId: 7, PageToken: "x"},
		},
		"a stream of transactions of a customer in the query": {
			method: "GET", target: "/v1/transactions:stream?customer_id=7",
			want: &amogatev1.ListTransactionsRequest{CustomerId: 7},
		},
		"a create below a customer": {
			method: "POST", target: "/v1/customers/7/transactions?read_back=true", body: `{"price":{"units":5},"customer_id":"7"}`,
			want: &amogatev1.CreateTransactionRequest{
				CustomerId: 7, ReadBack: true,
				Transaction: &amogatev1.Transaction{CustomerId: 7, Price: &money.Money{Units: 5}},
			},
		},
		"a comment that is taken away": {
			method: "PATCH", target: "/v1/transactions/9", body: `{"comment":null}`, implicit: true,
			want: &amogatev1.UpdateTransactionRequest{Id: 9, Transaction: &amogatev1.Transaction{}, UpdateMask: mask("comment")},
		},
		"a set of periods": {
			method: "PUT", target: "/v1/periods", body: `{"periods":[{"id":"4","length_days":5}],"delete_ids":["6"]}`,
			want: &amogatev1.ReplacePeriodsRequest{Periods: []*amogatev1.Period{{Id: 4, LengthDays: 5}}, DeleteIds: []int64{6}},
		},
		"a create of nothing but an object": {
			method: "POST", target: "/v1/customers", body: " {} \n",
			want: &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{}},
		},
		"a change by the keys of the body": {
			method: "PATCH", target: "/v1/customers/3", body: `{"name":"","periodicity":null,"next_price":{"units":"5"},"tags":[]}`,
			want: &amogatev1.UpdateCustomerRequest{
				Id:         3,
				Customer:   &amogatev1.Customer{NextPrice: &money.Money{Units: 5}},
				UpdateMask: mask("name", "next_price.units", "periodicity", "tags"),
			},
			implicit: true,
		},
		"a message that null clears": {
			method: "PATCH", target: "/v1/customers/3", body: `{"next_price":null,"next_purchase_time":null}`,
			want: &amogatev1.UpdateCustomerRequest{
				Id: 3, Customer: &amogatev1.Customer{}, UpdateMask: mask("next_price", "next_purchase_time"),
			},
			implicit: true,
		},
		"a GET body that is sent back, output-only keys included": {
			method: "PATCH", target: "/v1/customers/3", body: `{"id":"3","name":"B","update_time":"2026-01-01T00:00:00Z"}`,
			want: &amogatev1.UpdateCustomerRequest{
				Id:         3,
				Customer:   &amogatev1.Customer{Id: 3, Name: "B", UpdateTime: &timestamppb.Timestamp{Seconds: 1767225600}},
				UpdateMask: mask("id", "name", "update_time"),
			},
			implicit: true,
		},
		"an empty change": {
			method: "PATCH", target: "/v1/customers/3", body: `{}`,
			want:     &amogatev1.UpdateCustomerRequest{Id: 3, Customer: &amogatev1.Customer{}, UpdateMask: mask("")},
			implicit: true,
		},
		"a change of tags alone": {
			method: "PATCH", target: "/v1/customers/3?add_tags=a&add_tags=b&remove_tags=c",
			want:     &amogatev1.UpdateCustomerRequest{Id: 3, AddTags: []string{"a", "b"}, RemoveTags: []string{"c"}, UpdateMask: mask()},
			implicit: true,
		},
		"a mask in the query": {
			method: "PATCH", target: "/v1/customers/3?update_mask=name,next_price&expected_update_time=2026-01-01T00:00:00Z",
			body: `{"name":"B","tags":[]}`,
			want: &amogatev1.UpdateCustomerRequest{
				Id: 3, Customer: &amogatev1.Customer{Name: "B"}, UpdateMask: mask("name", "next_price"),
				ExpectedUpdateTime: &timestamppb.Timestamp{Seconds: 1767225600},
			},
		},
		"a delete": {
			method: "DELETE", target: "/v1/customers/12",
			want: &amogatev1.DeleteCustomerRequest{Id: 12},
		},
		"a batch of creates": {
			method: "POST", target: "/v1/customers:batchCreate", body: `{"requests":[{"customer":{"name":"A"}}],"read_back":true}`,
			want: &amogatev1.BatchCreateCustomersRequest{
				Requests: []*amogatev1.CreateCustomerRequest{{Customer: &amogatev1.Customer{Name: "A"}}}, ReadBack: true,
			},
		},
		"a batch of changes with masks of their own": {
			method: "POST", target: "/v1/customers:batchUpdate",
			body: `{"requests":[
				{"id":"1","update_mask":"next_price.units,a_1,Weird","customer":{"name":"A"}},
				{"id":"2","customer":{"id":"2","name":"B","next_price":null,"create_time":null}},
				{"id":"3","update_mask":null,"customer":{"tags":[]}},
				{"id":"4","customer":{}},
				{"id":"5","add_tags":["x"]}]}`,
			want: &amogatev1.BatchUpdateCustomersRequest{Requests: []*amogatev1.UpdateCustomerRequest{
				{Id: 1, Customer: &amogatev1.Customer{Name: "A"}, UpdateMask: mask("next_price.units", "a_1", "Weird")},
				{Id: 2, Customer: &amogatev1.Customer{Id: 2, Name: "B"}, UpdateMask: mask("name", "next_price")},
				{Id: 3, Customer: &amogatev1.Customer{}, UpdateMask: mask("tags")},
				{Id: 4, Customer: &amogatev1.Customer{}},
				{Id: 5, AddTags: []string{"x"}},
			}},
		},
		"a page of all notes": {
			method: "GET", target: "/v1/notes?filter.parent_kinds=PARENT_KIND_LEAD&filter.types=NOTE_TYPE_COMMON&filter.types=25&page_size=3",
			want: &amogatev1.ListNotesPageRequest{PageSize: 3, Filter: &amogatev1.NoteFilter{
				ParentKinds: []amogatev1.ParentKind{amogatev1.ParentKind_PARENT_KIND_LEAD},
				Types:       []amogatev1.NoteType{amogatev1.NoteType_NOTE_TYPE_COMMON, amogatev1.NoteType_NOTE_TYPE_SERVICE_MESSAGE},
			}},
		},
		"a page of notes of a task in the query": {
			method: "GET", target: "/v1/notes?task_id=7",
			want: &amogatev1.ListNotesPageRequest{Parent: &amogatev1.ListNotesPageRequest_TaskId{TaskId: 7}},
		},
		"a stream of the notes of a company": {
			method: "GET", target: "/v1/companies/7/notes:stream?filter.update_time.end_time=2026-01-01T00:00:00Z",
			want: &amogatev1.ListNotesRequest{
				Parent: &amogatev1.ListNotesRequest_CompanyId{CompanyId: 7},
				Filter: &amogatev1.NoteFilter{UpdateTime: &amogatev1.TimeRange{EndTime: &timestamppb.Timestamp{Seconds: 1767225600}}},
			},
		},
		"a note of a contact": {
			method: "GET", target: "/v1/contacts/7/notes/3",
			want: &amogatev1.GetNoteRequest{Parent: &amogatev1.GetNoteRequest_ContactId{ContactId: 7}, Id: 3},
		},
		"a create of a note that names its parent too": {
			method: "POST", target: "/v1/leads/7/notes?read_back=true", body: `{"lead_id":"7","type":"NOTE_TYPE_SMS_IN","sms":{"text":"a"}}`,
			want: &amogatev1.CreateNoteRequest{
				Parent: &amogatev1.CreateNoteRequest_LeadId{LeadId: 7}, ReadBack: true,
				Note: &amogatev1.Note{
					Parent: &amogatev1.Note_LeadId{LeadId: 7}, Type: amogatev1.NoteType_NOTE_TYPE_SMS_IN,
					Content: &amogatev1.Note_Sms{Sms: &amogatev1.NoteSms{Text: "a"}},
				},
			},
		},
		// The server compares the two parents: it is the one to know notes.
		"a create of a note that names another parent": {
			method: "POST", target: "/v1/leads/7/notes", body: `{"contact_id":"7","text":"a"}`,
			want: &amogatev1.CreateNoteRequest{
				Parent: &amogatev1.CreateNoteRequest_LeadId{LeadId: 7},
				Note:   &amogatev1.Note{Parent: &amogatev1.Note_ContactId{ContactId: 7}, Content: &amogatev1.Note_Text{Text: "a"}},
			},
		},
		"a create of a note without a path": {
			method: "POST", target: "/v1/notes?customer_id=4", body: `{"text":"a"}`,
			want: &amogatev1.CreateNoteRequest{
				Parent: &amogatev1.CreateNoteRequest_CustomerId{CustomerId: 4}, Note: &amogatev1.Note{Content: &amogatev1.Note_Text{Text: "a"}},
			},
		},
		"a change of a text": {
			method: "PATCH", target: "/v1/tasks/7/notes/3", body: `{"text":"b"}`, implicit: true,
			want: &amogatev1.UpdateNoteRequest{
				Parent: &amogatev1.UpdateNoteRequest_TaskId{TaskId: 7}, Id: 3,
				Note: &amogatev1.Note{Content: &amogatev1.Note_Text{Text: "b"}}, UpdateMask: mask("text"),
			},
		},
		"a content of null": {
			method: "PATCH", target: "/v1/leads/7/notes/3", body: `{"text":null}`, implicit: true,
			want: &amogatev1.UpdateNoteRequest{
				Parent: &amogatev1.UpdateNoteRequest_LeadId{LeadId: 7}, Id: 3, Note: &amogatev1.Note{}, UpdateMask: mask("text"),
			},
		},
		"a change of a call with a mask": {
			method: "PATCH", target: "/v1/customers/7/notes/3?update_mask=call&read_back=true", body: `{"call":{"duration":"60s"}}`,
			want: &amogatev1.UpdateNoteRequest{
				Parent: &amogatev1.UpdateNoteRequest_CustomerId{CustomerId: 7}, Id: 3, ReadBack: true, UpdateMask: mask("call"),
				Note: &amogatev1.Note{Content: &amogatev1.Note_Call{Call: &amogatev1.NoteCall{Duration: durationpb.New(time.Minute)}}},
			},
		},
		"a pin without a body": {
			method: "POST", target: "/v1/leads/7/notes/3:pin",
			want: &amogatev1.PinNoteRequest{Parent: &amogatev1.PinNoteRequest_LeadId{LeadId: 7}, Id: 3},
		},
		"a pin with an empty body": {
			method: "POST", target: "/v1/contacts/7/notes/3:pin", body: "{}",
			want: &amogatev1.PinNoteRequest{Parent: &amogatev1.PinNoteRequest_ContactId{ContactId: 7}, Id: 3},
		},
		"an unpin that says it all again": {
			method: "POST", target: "/v1/customers/7/notes/3:unpin", body: `{"customer_id":"7","id":3,"lead_id":null}`,
			want: &amogatev1.UnpinNoteRequest{Parent: &amogatev1.UnpinNoteRequest_CustomerId{CustomerId: 7}, Id: 3},
		},
		"a batch of notes of two kinds": {
			method: "POST", target: "/v1/notes:batchUpdate",
			body: `{"requests":[{"lead_id":"7","id":"3","note":{"text":"a","type":"NOTE_TYPE_COMMON"}},{"contact_id":7,"id":3,"note":{"sms":null}}]}`,
			want: &amogatev1.BatchUpdateNotesRequest{Requests: []*amogatev1.UpdateNoteRequest{
				{
					Parent: &amogatev1.UpdateNoteRequest_LeadId{LeadId: 7}, Id: 3, UpdateMask: mask("text"),
					Note: &amogatev1.Note{Type: amogatev1.NoteType_NOTE_TYPE_COMMON, Content: &amogatev1.Note_Text{Text: "a"}},
				},
				{Parent: &amogatev1.UpdateNoteRequest_ContactId{ContactId: 7}, Id: 3, UpdateMask: mask("sms"), Note: &amogatev1.Note{}},
			}},
		},
		"a change of bonus points": {
			method: "POST", target: "/v1/customers/7:changeBonusPoints", body: `{"earn":"5"}`,
			want: &amogatev1.ChangeBonusPointsRequest{CustomerId: 7, Change: &amogatev1.ChangeBonusPointsRequest_Earn{Earn: 5}},
		},
		"the links of one customer": {
			method: "GET", target: "/v1/customers/7/links", want: &amogatev1.ListCustomerLinksRequest{CustomerId: 7},
		},
		"the links of many customers": {
			method: "GET", target: "/v1/customerLinks?customer_ids=7&customer_ids=8",
			want: &amogatev1.ListCustomerLinksRequest{CustomerIds: []int64{7, 8}},
		},
		"the subscribers of a customer": {
			method: "GET", target: "/v1/customers/7/subscribers", want: &amogatev1.ListCustomerSubscribersRequest{CustomerId: 7},
		},
		"a change of a status": {
			method: "PATCH", target: "/v1/customerStatuses/7", body: `{"id":"7","sort":0,"kind":"CUSTOMER_STATUS_KIND_NORMAL","color":""}`, implicit: true,
			want: &amogatev1.UpdateCustomerStatusRequest{
				Id: 7, UpdateMask: mask("color", "id", "kind", "sort"),
				CustomerStatus: &amogatev1.CustomerStatus{Id: 7, Sort: proto.Int32(0), Kind: amogatev1.CustomerStatusKind_CUSTOMER_STATUS_KIND_NORMAL},
			},
		},
		"a segment": {
			method: "POST", target: "/v1/customerSegments", body: `{"name":"a","available_products_price_types":["4"]}`,
			want: &amogatev1.CreateCustomerSegmentRequest{CustomerSegment: &amogatev1.CustomerSegment{Name: "a", AvailableProductsPriceTypes: []int64{4}}},
		},
		"a mode": {
			method: "PATCH", target: "/v1/customersMode", body: `{"mode":"CUSTOMERS_MODE_SEGMENTS","enabled":true}`,
			want: &amogatev1.UpdateCustomersModeRequest{Mode: amogatev1.CustomersMode_CUSTOMERS_MODE_SEGMENTS, Enabled: new(true)},
		},
		"a batch of deletes": {
			method: "POST", target: "/v1/customers:batchDelete", body: `{"ids":["1",2]}`,
			want: &amogatev1.BatchDeleteCustomersRequest{Ids: []int64{1, 2}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{}
			r := do(t, newHandler(t, f, Options{}), c.method, c.target, c.body)
			if r.status != http.StatusOK {
				t.Fatalf("status = %d, body %s", r.status, r.body)
			}
			got, md := f.request()
			if diff := cmp.Diff(c.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if got := len(md.Get(implicitMaskKey)) > 0; got != c.implicit {
				t.Errorf("%s sent = %v, want %v", implicitMaskKey, got, c.implicit)
			}
		})
	}
}

func TestGateway_refusesWhatItDoesNotKnow(t *testing.T) {
	for name, c := range map[string]struct {
		method, target, body string
		headers              []string
		want                 []string
	}{
		"an unknown parameter of a list":               {method: "GET", target: "/v1/customers?filter.quary=x", want: []string{"filter.quary"}},
		"an unknown parameter of a stream":             {method: "GET", target: "/v1/customers:stream?limit=5", want: []string{"limit"}},
		"an unknown parameter of a get":                {method: "GET", target: "/v1/customers/1?fields=name", want: []string{"fields"}},
		"an unknown parameter of a delete":             {method: "DELETE", target: "/v1/customers/1?force=1", want: []string{"force"}},
		"an unknown parameter of a create":             {method: "POST", target: "/v1/customers?readback=1", body: `{}`, want: []string{"readback"}},
		"several mistakes, sorted":                     {method: "GET", target: "/v1/customers?z=1&page_size=x&a=2", want: []string{"a", "page_size", "z"}},
		"a parameter without a name":                   {method: "GET", target: "/v1/customers?=1", want: []string{""}},
		"a parameter in camel case":                    {method: "GET", target: "/v1/customers?pageSize=1", want: []string{"pageSize"}},
		"a map parameter":                              {method: "GET", target: "/v1/customers?filter[ids]=1", want: []string{"filter[ids]"}},
		"a message as one value":                       {method: "GET", target: "/v1/customers?filter=x", want: []string{"filter"}},
		"a part of a value":                            {method: "GET", target: "/v1/customers?filter.update_time.start_time.seconds=1", want: []string{"filter.update_time.start_time.seconds"}},
		"a part of a list":                             {method: "GET", target: "/v1/customers?filter.ids.x=1", want: []string{"filter.ids.x"}},
		"a value given twice":                          {method: "GET", target: "/v1/customers?page_size=1&page_size=2", want: []string{"page_size"}},
		"a time without a zone":                        {method: "GET", target: "/v1/customers?filter.update_time.start_time=2026-01-01T00:00:00", want: []string{"filter.update_time.start_time"}},
		"a zone whose plus was lost":                   {method: "GET", target: "/v1/customers?filter.create_time.end_time=2026-01-01T00:00:00+03:00", want: []string{"filter.create_time.end_time"}},
		"a bad item of a list":                         {method: "GET", target: "/v1/customers?filter.ids=1&filter.ids=x&filter.ids=", want: []string{"filter.ids[1]", "filter.ids[2]"}},
		"a number out of range":                        {method: "GET", target: "/v1/customers?page_size=3000000000", want: []string{"page_size"}},
		"a query that is not percent-encoded":          {method: "GET", target: "/v1/customers?page_size=%zz", want: []string{"query"}},
		"a text that is not UTF-8":                     {method: "GET", target: "/v1/customers?filter.query=%ff", want: []string{"filter.query"}},
		"a text in a list that is not UTF-8":           {method: "PATCH", target: "/v1/customers/1?add_tags=a&add_tags=%ff", want: []string{"add_tags[1]"}},
		"a query with semicolons":                      {method: "GET", target: "/v1/customers?page_size=1;page_token=x", want: []string{"query"}},
		"the path's field in the query":                {method: "PATCH", target: "/v1/customers/1?id=2", body: `{}`, want: []string{"id"}},
		"the body's field in the query":                {method: "PATCH", target: "/v1/customers/1?customer.name=x", body: `{}`, want: []string{"customer.name"}},
		"a query beside a whole body":                  {method: "POST", target: "/v1/customers:batchDelete?ids=1", body: `{"ids":[1]}`, want: []string{"ids"}},
		"an empty mask":                                {method: "PATCH", target: "/v1/customers/1?update_mask=", body: `{}`, want: []string{"update_mask"}},
		"an empty path in a mask":                      {method: "PATCH", target: "/v1/customers/1?update_mask=name,,tags", body: `{}`, want: []string{"update_mask"}},
		"an id that is no number":                      {method: "GET", target: "/v1/customers/abc", want: []string{"id"}},
		"a parent of zero":                             {method: "GET", target: "/v1/customers/0/transactions", want: []string{"customer_id"}},
		"a parent of zero of a stream":                 {method: "GET", target: "/v1/customers/00/transactions:stream", want: []string{"customer_id"}},
		"a parent of zero of a create":                 {method: "POST", target: "/v1/customers/0/transactions", body: `{}`, want: []string{"customer_id"}},
		"a parent that is no number":                   {method: "GET", target: "/v1/customers/x/transactions", want: []string{"customer_id"}},
		"a parent in the path and the query":           {method: "GET", target: "/v1/customers/7/transactions?customer_id=7", want: []string{"customer_id"}},
		"another parent beside that of the path":       {method: "GET", target: "/v1/leads/7/notes?contact_id=7", want: []string{"contact_id"}},
		"another parent of one note":                   {method: "GET", target: "/v1/leads/7/notes/3?task_id=7", want: []string{"task_id"}},
		"the parent of the path again":                 {method: "GET", target: "/v1/leads/7/notes:stream?lead_id=7", want: []string{"lead_id"}},
		"another parent beside a new note":             {method: "POST", target: "/v1/leads/7/notes?contact_id=7", body: `{"text":"a"}`, want: []string{"contact_id"}},
		"two parents":                                  {method: "GET", target: "/v1/notes?contact_id=7&lead_id=7&task_id=1", want: []string{"lead_id", "task_id"}},
		"a kind of parent that is none":                {method: "GET", target: "/v1/notes?filter.parent_kinds=LEAD", want: []string{"filter.parent_kinds[0]"}},
		"a note of the lead 0":                         {method: "GET", target: "/v1/leads/0/notes", want: []string{"lead_id"}},
		"two contents":                                 {method: "POST", target: "/v1/leads/7/notes", body: `{"text":"a","sms":{}}`, want: []string{"note.sms"}},
		"two parents of a new note":                    {method: "POST", target: "/v1/notes", body: `{"text":"a","lead_id":1,"task_id":1}`, want: []string{"note.task_id"}},
		"a pin of another note in the body":            {method: "POST", target: "/v1/leads/7/notes/3:pin", body: `{"id":"4"}`, want: []string{"id"}},
		"a pin of another lead in the body":            {method: "POST", target: "/v1/leads/7/notes/3:pin", body: `{"leadId":"8"}`, want: []string{"lead_id"}},
		"a pin of another parent in the body":          {method: "POST", target: "/v1/leads/7/notes/3:pin", body: `{"contact_id":"7"}`, want: []string{"contact_id"}},
		"a pin with an unknown field":                  {method: "POST", target: "/v1/leads/7/notes/3:pin", body: `{"note":3}`, want: []string{"note"}},
		"a pin with a query":                           {method: "POST", target: "/v1/leads/7/notes/3:pin?id=3", want: []string{"id"}},
		"a pin of a note whose id is no number":        {method: "POST", target: "/v1/leads/7/notes/x:pin", want: []string{"id"}},
		"bonus points of another customer in the body": {method: "POST", target: "/v1/customers/7:changeBonusPoints", body: `{"customer_id":8,"earn":1}`, want: []string{"customer_id"}},
		"two changes of bonus points":                  {method: "POST", target: "/v1/customers/7:changeBonusPoints", body: `{"earn":1,"redeem":1}`, want: []string{"redeem"}},
		"links of one and, in the path, of another":    {method: "GET", target: "/v1/customers/7/links?customer_id=8", want: []string{"customer_id"}},
		"no body for a mode":                           {method: "PATCH", target: "/v1/customersMode", want: []string{"body"}},
		"an id out of range":                           {method: "DELETE", target: "/v1/customers/9223372036854775808", want: []string{"id"}},

		"a misspelt field":              {method: "POST", target: "/v1/customers", body: `{"nam":"x"}`, want: []string{"customer.nam"}},
		"a misspelt field further down": {method: "POST", target: "/v1/customers", body: `{"tags":[{"name":"a"},{"nam":"b"}]}`, want: []string{"customer.tags[1].nam"}},
		"a misspelt field in a batch":   {method: "POST", target: "/v1/customers:batchCreate", body: `{"requests":[{"customer":{}},{"customer":{"next_price":{"unit":1}}}]}`, want: []string{"requests[1].customer.next_price.unit"}},
		"a wrong type":                  {method: "POST", target: "/v1/customers", body: `{"name":5}`, want: []string{"customer.name"}},
		"a fraction for an integer":     {method: "PATCH", target: "/v1/customers/1", body: `{"periodicity":1.5}`, want: []string{"customer.periodicity"}},
		"a value for a message":         {method: "POST", target: "/v1/customers", body: `{"next_price":500}`, want: []string{"customer.next_price"}},
		"a value for a list":            {method: "POST", target: "/v1/customers", body: `{"contact_ids":5}`, want: []string{"customer.contact_ids"}},
		"a bad item in a list":          {method: "POST", target: "/v1/customers", body: `{"contact_ids":[1,"x",2]}`, want: []string{"customer.contact_ids[1]"}},
		"null in a list":                {method: "POST", target: "/v1/customers", body: `{"tags":[null]}`, want: []string{"customer.tags[0]"}},
		"a bad time":                    {method: "POST", target: "/v1/customers", body: `{"next_purchase_time":"tomorrow"}`, want: []string{"customer.next_purchase_time"}},
		"a mask that is no text":        {method: "POST", target: "/v1/customers:batchUpdate", body: `{"requests":[{"id":1,"update_mask":["name"]}]}`, want: []string{"requests[0].update_mask"}},
		"a mask given twice":            {method: "POST", target: "/v1/customers:batchUpdate", body: `{"requests":[{"update_mask":"name","update_mask":"tags"}]}`, want: []string{"requests[0].update_mask"}},
		"a field given twice":           {method: "POST", target: "/v1/customers", body: `{"name":"a","name":"b"}`, want: []string{"customer.name"}},
		"two arms of a oneof":           {method: "POST", target: "/v1/customers", body: `{"custom_fields":[{"field_id":1,"text":"a","checkbox":true}]}`, want: []string{"customer.custom_fields[0].checkbox"}},
		"several bad fields":            {method: "POST", target: "/v1/customers", body: `{"x":1,"name":2,"tags":[{"id":"y"}]}`, want: []string{"customer.x", "customer.name", "customer.tags[0].id"}},
		"text in no encoding":           {method: "POST", target: "/v1/customers", body: "{\"name\":\"\xff\"}", want: []string{"customer.name"}},
		"a list for a body":             {method: "POST", target: "/v1/customers", body: `[]`, want: []string{"customer"}},
		"null for a body":               {method: "POST", target: "/v1/customers:batchDelete", body: `null`, want: []string{"body"}},
		"text after the body":           {method: "POST", target: "/v1/customers", body: `{"name":"a"} x`, want: []string{"body"}},
		"a second body":                 {method: "PATCH", target: "/v1/customers/1", body: `{"name":"a"}{"name":"b"}`, want: []string{"body"}},
		"half a body":                   {method: "POST", target: "/v1/customers", body: `{"name":"a"`, want: []string{"body"}},
		"no JSON":                       {method: "POST", target: "/v1/customers", body: `name=a`, want: []string{"body"}},
		"no body for a create":          {method: "POST", target: "/v1/customers", want: []string{"body"}},
		"no body for a batch":           {method: "POST", target: "/v1/customers:batchCreate", body: " \n", want: []string{"body"}},
		"a body for a delete":           {method: "DELETE", target: "/v1/customers/1", body: `{"ids":[1]}`, want: []string{"body"}},
		"a body for a list":             {method: "GET", target: "/v1/customers", body: `{"page_size":1}`, want: []string{"body"}},
		"no body for a replacement":     {method: "PUT", target: "/v1/periods", want: []string{"body"}},
		"a misspelt field of a period":  {method: "PUT", target: "/v1/periods", body: `{"periods":[{"period":5}]}`, want: []string{"periods[0].period"}},
		"a compressed body":             {method: "POST", target: "/v1/customers", body: "\x1f\x8b", headers: []string{"Content-Encoding", "gzip"}, want: []string{"content-encoding"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{}
			r := do(t, newHandler(t, f, Options{}), c.method, c.target, c.body, c.headers...)
			got := r.failure(t)
			if r.status != http.StatusBadRequest || got.Status != "INVALID_ARGUMENT" || got.Code != 3 || got.Reason != "VALIDATION" {
				t.Errorf("answer = %d %d %s %s, want 400 3 INVALID_ARGUMENT VALIDATION", r.status, got.Code, got.Status, got.Reason)
			}
			if diff := cmp.Diff(c.want, got.fields()); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if req, _ := f.request(); req != nil {
				t.Errorf("the server was asked: %v", req)
			}
		})
	}
}

func TestGateway_tellsWhereABodyIsMalformed(t *testing.T) {
	h := newHandler(t, &fakeServer{}, Options{})
	for body, want := range map[string]string{
		"{\n  \"name\": oops}":    "line 2, column 11",
		"{\"name\":\"a\"}\n\n  x": "line 3, column 3",
		"{\"name\":":              "line 1, column 8",
	} {
		if got := do(t, h, "POST", "/v1/customers", body).failure(t); !strings.HasSuffix(got.Message, want) {
			t.Errorf("message for %q = %q, want it to end in %q", body, got.Message, want)
		}
	}
}

func TestGateway_namesTheParameterThatWasMeant(t *testing.T) {
	h := newHandler(t, &fakeServer{}, Options{})
	got := do(t, h, "GET", "/v1/customers?filter.updateTime.startTime=x", "").failure(t)
	if want := `"update_time"`; !strings.Contains(got.Message, want) {
		t.Errorf("message = %q, want it to name %s", got.Message, want)
	}
}

func TestGateway_listsOnlySoManyMistakes(t *testing.T) {
	h := newHandler(t, &fakeServer{}, Options{})
	for name, got := range map[string]reply{
		"parameters": do(t, h, "GET", "/v1/customers?x="+strings.Join(strings.Fields(strings.Repeat("1 ", 100)), "&x=")+"&filter.ids=z"+strings.Repeat("&filter.ids=z", 100), ""),
		"fields":     do(t, h, "POST", "/v1/customers:batchDelete", `{"ids":["x"`+strings.Repeat(`,"x"`, 100)+`]}`),
		"items":      do(t, h, "POST", "/v1/customers:batchCreate", `{"requests":[{"x":1}`+strings.Repeat(`,{"x":1}`, 100)+`]}`),
	} {
		if n := len(got.failure(t).fields()); n == 0 || n > maxViolations+1 {
			t.Errorf("%s: %d violations, want 1 to %d", name, n, maxViolations)
		}
	}
}

func TestGateway_limitsTheBody(t *testing.T) {
	f := &fakeServer{}
	h := newHandler(t, f, Options{})
	fits := `{"name":"` + strings.Repeat("a", maxBody-len(`{"name":""}`)-16) + `"}`
	r := do(t, h, "POST", "/v1/customers", fits+strings.Repeat(" ", maxBody-len(fits)))
	if r.status != http.StatusOK {
		t.Errorf("status of a body of %d bytes = %d, want 200: %.200s", maxBody, r.status, r.body)
	}
	f.keep(t.Context(), nil)

	r = do(t, h, "POST", "/v1/customers", fits+strings.Repeat(" ", maxBody-len(fits)+1))
	got := r.failure(t)
	if r.status != http.StatusRequestEntityTooLarge || got.Status != "RESOURCE_EXHAUSTED" || got.Reason != "MESSAGE_TOO_LARGE" {
		t.Errorf("answer to one byte more = %d %s %s, want 413 RESOURCE_EXHAUSTED MESSAGE_TOO_LARGE", r.status, got.Status, got.Reason)
	}
	if req, _ := f.request(); req != nil {
		t.Error("the server was asked")
	}
}

func TestGateway_refusesForeignPages(t *testing.T) {
	for name, c := range map[string]struct {
		method  string
		headers []string
		want    int
	}{
		"a page of another site":  {"POST", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusBadRequest},
		"an origin that differs":  {"POST", []string{"Origin", "https://evil.test"}, http.StatusBadRequest},
		"a page of this server":   {"POST", []string{"Sec-Fetch-Site", "same-origin"}, http.StatusOK},
		"a program":               {"POST", nil, http.StatusOK},
		"a read, without answers": {"GET", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{}
			body := ""
			if c.method == "POST" {
				body = `{"name":"a"}`
			}
			r := do(t, newHandler(t, f, Options{}), c.method, "/v1/customers", body, c.headers...)
			if r.status != c.want {
				t.Errorf("status = %d, want %d", r.status, c.want)
			}
			if req, _ := f.request(); (req != nil) != (c.want == http.StatusOK) {
				t.Errorf("the server got %v", req)
			}
			if got := r.header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("Access-Control-Allow-Origin = %q, want none", got)
			}
		})
	}
}

// A custom verb stands behind a variable; the runtime by itself would take an
// unknown one, or one of another HTTP verb, for a part of the id.
func TestGateway_tellsCustomVerbsFromIDs(t *testing.T) {
	for _, c := range []struct {
		method, target string
		want           int
		allow          string
	}{
		{"POST", "/v1/leads/7/notes/3:pin", http.StatusOK, ""},
		{"GET", "/v1/leads/7/notes/3:pin", http.StatusMethodNotAllowed, "POST, OPTIONS"},
		{"PATCH", "/v1/leads/7/notes/3:unpin", http.StatusMethodNotAllowed, "POST, OPTIONS"},
		{"OPTIONS", "/v1/leads/7/notes/3:pin", http.StatusNoContent, "POST, OPTIONS"},
		{"POST", "/v1/leads/7/notes/3", http.StatusMethodNotAllowed, "GET, OPTIONS, PATCH"},
		{"POST", "/v1/leads/7/notes/3:frob", http.StatusNotFound, ""},
		{"GET", "/v1/leads/7/notes/3:frob", http.StatusNotFound, ""},
		{"POST", "/v1/tasks/7/notes/3:pin", http.StatusNotFound, ""},
		{"GET", "/v1/customers/7:changeBonusPoints", http.StatusMethodNotAllowed, "POST, OPTIONS"},
		{"DELETE", "/v1/customers/7:frob", http.StatusNotFound, ""},
		{"GET", "/v1/leads/7:frob/notes", http.StatusNotFound, ""},
	} {
		f := &fakeServer{}
		r := do(t, newHandler(t, f, Options{}), c.method, c.target, "")
		if r.status != c.want || !sameVerbs(r.header.Get("Allow"), c.allow) {
			t.Errorf("%s %s = %d, allow %q; want %d, %q", c.method, c.target, r.status, r.header.Get("Allow"), c.want, c.allow)
		}
		if req, _ := f.request(); (req != nil) != (c.want == http.StatusOK) {
			t.Errorf("%s %s: the server got %v", c.method, c.target, req)
		}
	}
}

// sameVerbs compares two Allow headers, whatever their order.
func sameVerbs(got, want string) bool {
	a, b := strings.Split(got, ", "), strings.Split(want, ", ")
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
