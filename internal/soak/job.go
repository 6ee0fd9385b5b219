package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Records that transactions and notes belong to.
const (
	buyer = 1
	lead  = 2
)

// prepareAccount adds them.
func prepareAccount(account *emulator.Emulator) error {
	now := time.Now().Unix()
	if _, err := account.AddCustomer(emulator.Customer{ID: buyer, Name: "buyer", NextDate: now, CreatedAt: now, UpdatedAt: now}); err != nil {
		return err
	}
	return account.AddParent(emulator.Parent{Kind: emulator.ParentLead, ID: lead, Name: "lead"})
}

// job is one call: records of one kind that have these texts, which nothing else
// has.
type job struct {
	kind  string
	texts []string
	// isBatch says that a call for many makes them.
	isBatch bool
}

// outcome is what a caller was told of one record.
type outcome struct {
	kind, text string
	isBatch    bool
	// id of the record; 0 = it failed.
	id int64
	// code and reason of the failure; no reason = no answer came.
	code   codes.Code
	reason string
}

// verdict is what an outcome says of the record: it is there, it is not, or nobody
// knows, told so or left without an answer.
type verdict string

const (
	isMade    verdict = "made"
	isNotMade verdict = "not made"
	isUnknown verdict = "unknown"
	isUnheard verdict = "no answer"
)

func (o outcome) verdict() verdict {
	switch {
	case o.id != 0:
		return isMade
	case o.reason == "":
		return isUnheard
	case o.code == codes.Unknown:
		return isUnknown
	}
	return isNotMade
}

// kinds are how records are made and found.
var kinds = map[string]struct {
	create func(ctx context.Context, conn *grpc.ClientConn, j job) []outcome
	stored func(account *emulator.Emulator, each func(id int64, text string))
}{
	"customers":    {createCustomers, storedCustomers},
	"transactions": {createTransactions, storedTransactions},
	"notes":        {createNotes, storedNotes},
}

// plan divides so many records into calls, in no order.
func plan(count int) []job {
	var jobs []job
	names := []string{"customers", "transactions", "notes"}
	serial := 0
	texts := func(n int) []string {
		all := make([]string, n)
		for i := range all {
			serial++
			all[i] = fmt.Sprintf("record %d", serial)
		}
		return all
	}
	for range count * oneByOne / 100 {
		jobs = append(jobs, job{kind: names[len(jobs)%len(names)], texts: texts(1)})
	}
	for serial < count {
		n := min(1+rand.N(largestBatch), count-serial) //nolint:gosec // sizes, not secrets
		jobs = append(jobs, job{kind: names[len(jobs)%len(names)], texts: texts(n), isBatch: true})
	}
	rand.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] }) //nolint:gosec // an order, not a secret
	return jobs
}

// create makes the call.
func (j job) create(ctx context.Context, conn *grpc.ClientConn) []outcome {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return kinds[j.kind].create(ctx, conn, j)
}

// record has an id.
type record interface{ GetId() int64 }

// one is the outcome of a call for one record.
func (j job) one(r record, err error) []outcome {
	o := outcome{kind: j.kind, text: j.texts[0]}
	if err == nil {
		o.id = r.GetId()
	} else {
		o.fail(status.Convert(err))
	}
	return []outcome{o}
}

// many are the outcomes of a batch, of which result gives each.
func (j job) many(err error, result func(i int) (record, *status.Status)) []outcome {
	all := make([]outcome, len(j.texts))
	for i, text := range j.texts {
		all[i] = outcome{kind: j.kind, text: text, isBatch: true}
		if err != nil {
			all[i].fail(status.Convert(err))
			continue
		}
		r, failure := result(i)
		if failure != nil {
			all[i].fail(failure)
			continue
		}
		all[i].id = r.GetId()
	}
	return all
}

func (o *outcome) fail(s *status.Status) {
	o.code = s.Code()
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == "amogate" {
			o.reason = info.GetReason()
		}
	}
}

var due = &timestamppb.Timestamp{Seconds: 2_000_000_000}

func createCustomers(ctx context.Context, conn *grpc.ClientConn, j job) []outcome {
	client := amogatev1.NewCustomerServiceClient(conn)
	var requests []*amogatev1.CreateCustomerRequest
	for _, text := range j.texts {
		requests = append(requests, &amogatev1.CreateCustomerRequest{Customer: &amogatev1.Customer{
			Name: text, NextPurchaseTime: due, NextPrice: &money.Money{Units: 100}, Tags: []*amogatev1.Tag{{Name: "soak"}},
		}})
	}
	if !j.isBatch {
		got, err := client.CreateCustomer(ctx, requests[0])
		return j.one(got, err)
	}
	got, err := client.BatchCreateCustomers(ctx, &amogatev1.BatchCreateCustomersRequest{Requests: requests})
	return j.many(err, func(i int) (record, *status.Status) {
		r := got.GetResults()[i]
		return r.GetCustomer(), failureOf(r.GetError())
	})
}

func createTransactions(ctx context.Context, conn *grpc.ClientConn, j job) []outcome {
	client := amogatev1.NewTransactionServiceClient(conn)
	var requests []*amogatev1.CreateTransactionRequest
	for _, text := range j.texts {
		requests = append(requests, &amogatev1.CreateTransactionRequest{Transaction: &amogatev1.Transaction{
			CustomerId: buyer, Comment: text, Price: &money.Money{Units: 100},
		}})
	}
	if !j.isBatch {
		got, err := client.CreateTransaction(ctx, requests[0])
		return j.one(got, err)
	}
	got, err := client.BatchCreateTransactions(ctx, &amogatev1.BatchCreateTransactionsRequest{Requests: requests})
	return j.many(err, func(i int) (record, *status.Status) {
		r := got.GetResults()[i]
		return r.GetTransaction(), failureOf(r.GetError())
	})
}

func createNotes(ctx context.Context, conn *grpc.ClientConn, j job) []outcome {
	client := amogatev1.NewNoteServiceClient(conn)
	var requests []*amogatev1.CreateNoteRequest
	for _, text := range j.texts {
		requests = append(requests, &amogatev1.CreateNoteRequest{Note: &amogatev1.Note{
			Parent: &amogatev1.Note_LeadId{LeadId: lead}, Content: &amogatev1.Note_Text{Text: text},
		}})
	}
	if !j.isBatch {
		got, err := client.CreateNote(ctx, requests[0])
		return j.one(got, err)
	}
	got, err := client.BatchCreateNotes(ctx, &amogatev1.BatchCreateNotesRequest{Requests: requests})
	return j.many(err, func(i int) (record, *status.Status) {
		r := got.GetResults()[i]
		return r.GetNote(), failureOf(r.GetError())
	})
}

// failureOf is the error of an item; nil when it has none.
func failureOf(e *spb.Status) *status.Status {
	if e == nil {
		return nil
	}
	return status.FromProto(e)
}

func storedCustomers(account *emulator.Emulator, each func(id int64, text string)) {
	for c := range account.Customers() {
		if c.ID != buyer {
			each(c.ID, c.Name)
		}
	}
}

func storedTransactions(account *emulator.Emulator, each func(id int64, text string)) {
	for t := range account.Transactions() {
		each(t.ID, t.Comment)
	}
}

func storedNotes(account *emulator.Emulator, each func(id int64, text string)) {
	for n := range account.Notes(emulator.ParentLead) {
		if text, ok := n.Params["text"].(string); ok {
			each(n.ID, text)
		}
	}
}
