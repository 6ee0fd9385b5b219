package server

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// purchases reads a stream of transactions to its end.
func purchases(stream grpc.ServerStreamingClient[amogatev1.ListTransactionsResponse], err error) ([]*amogatev1.ListTransactionsResponse, error) {
	if err != nil {
		return nil, err
	}
	var got []*amogatev1.ListTransactionsResponse
	for {
		msg, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, msg)
	}
}

// purchaseIDs returns the ids of a list's rows.
func purchaseIDs(messages []*amogatev1.ListTransactionsResponse) []int64 {
	var out []int64
	for _, m := range messages {
		if t := m.GetTransaction(); t != nil {
			out = append(out, t.GetId())
		}
	}
	return out
}

// addCustomers adds customers with these ids.
func (r *rig) addCustomers(ids ...int64) {
	r.t.Helper()
	for _, id := range ids {
		if _, err := r.emulator.AddCustomer(emulator.Customer{ID: id, Name: "Rose", NextDate: 1_000_000_000, UpdatedAt: 900_000_000}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// addTransactions adds n transactions of a customer.
func (r *rig) addTransactions(customerID int64, n int) []int64 {
	r.t.Helper()
	var out []int64
	for range n {
		t, err := r.emulator.AddTransaction(emulator.Transaction{CustomerID: customerID, Price: 10, CreatedAt: 900_000_000, UpdatedAt: 900_000_000, Date: 900_000_000})
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, t.ID)
	}
	return out
}

func TestListTransactions_ofOneCustomerAndOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{pageSize: 3}, Config{})
		api := amogatev1.NewTransactionServiceClient(r.conn)
		r.addCustomers(7, 8)
		first, second := r.addTransactions(7, 8), r.addTransactions(8, 2)

		whole, err := purchases(api.ListTransactions(t.Context(), &amogatev1.ListTransactionsRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := slices.Sorted(slices.Values(purchaseIDs(whole))), slices.Concat(first, second); !slices.Equal(got, want) {
			t.Errorf("of all: %v, want %v", got, want)
		}
		last := whole[len(whole)-1]
		if end := last.GetEnd(); end.GetRows() != 10 || end.GetPages() < 4 || last.GetResumeToken() != "" {
			t.Errorf("end: %v", last)
		}

		for name, req := range map[string]*amogatev1.ListTransactionsRequest{
			"by the path":   {CustomerId: 7},
			"by the filter": {Filter: &amogatev1.TransactionFilter{CustomerId: 7}},
			"by both":       {CustomerId: 7, Filter: &amogatev1.TransactionFilter{CustomerId: 7}},
		} {
			got, err := purchases(api.ListTransactions(t.Context(), req))
			if err != nil {
				t.Fatal(err)
			}
			if ids := slices.Sorted(slices.Values(purchaseIDs(got))); !slices.Equal(ids, first) {
				t.Errorf("%s: %v, want %v", name, ids, first)
			}
			// A token fits however the customer is named.
			page, err := api.ListTransactionsPage(t.Context(), &amogatev1.ListTransactionsPageRequest{CustomerId: 7, PageToken: got[2].GetResumeToken(), PageSize: 1})
			if err != nil || len(page.GetTransactions()) != 1 || page.GetTransactions()[0].GetId() != got[3].GetTransaction().GetId() {
				t.Errorf("%s: page behind the third row: %v, %v", name, page, err)
			}
			_, err = api.ListTransactionsPage(t.Context(), &amogatev1.ListTransactionsPageRequest{CustomerId: 8, PageToken: got[2].GetResumeToken()})
			if p := problemOf(t, err); p.reason != "PAGE_TOKEN_INVALID" {
				t.Errorf("%s: token for another customer: %+v", name, p)
			}
		}

		page, err := api.ListTransactionsPage(t.Context(), &amogatev1.ListTransactionsPageRequest{
			CustomerId: 8, Filter: &amogatev1.TransactionFilter{Ids: []int64{second[1], first[0]}},
		})
		if err != nil || len(page.GetTransactions()) != 1 || page.GetTransactions()[0].GetId() != second[1] {
			t.Errorf("ids of one customer: %v, %v", page, err)
		}
	})
}

// A token of customers is none of transactions, though both filters are empty.
func TestListTransactions_tokensBelongToTheirCollection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		r.addCustomers(7, 8)
		page, err := r.api.ListCustomersPage(t.Context(), &amogatev1.ListCustomersPageRequest{PageSize: 1})
		if err != nil || page.GetNextPageToken() == "" {
			t.Fatalf("got %v, %v; want a token", page, err)
		}
		_, err = amogatev1.NewTransactionServiceClient(r.conn).ListTransactionsPage(t.Context(),
			&amogatev1.ListTransactionsPageRequest{PageToken: page.GetNextPageToken()})
		if p := problemOf(t, err); p.reason != "PAGE_TOKEN_INVALID" {
			t.Errorf("got %+v", p)
		}
	})
}

func TestTransactions_liveOneLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		api := amogatev1.NewTransactionServiceClient(r.conn)
		r.addCustomers(7)
		at := timestamppb.New(timestamp(915_148_800))
		next := timestamppb.New(time.Now().Add(48 * time.Hour).Truncate(time.Second))
		created, err := api.CreateTransaction(t.Context(), &amogatev1.CreateTransactionRequest{
			CustomerId: 7,
			Transaction: &amogatev1.Transaction{
				Id: 99, Price: &money.Money{Units: 1500}, CompleteTime: at, Comment: "two boxes",
				NextPrice: &money.Money{Units: 700}, NextPurchaseTime: next, CreatedBy: proto.Int64(3),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if created.GetId() == 0 || created.GetId() == 99 || created.GetCustomerId() != 7 || created.CreatedBy != nil || created.GetNextPrice().GetUnits() != 700 {
			t.Errorf("created: %v", created)
		}
		customer, err := r.api.GetCustomer(t.Context(), &amogatev1.GetCustomerRequest{Id: 7})
		if err != nil || customer.GetNextPrice().GetUnits() != 700 || !proto.Equal(customer.GetNextPurchaseTime(), next) {
			t.Errorf("the plan of the customer: %v, %v", customer, err)
		}
		got, err := api.GetTransaction(t.Context(), &amogatev1.GetTransactionRequest{Id: created.GetId()})
		if err != nil {
			t.Fatal(err)
		}
		if got.GetPrice().GetUnits() != 1500 || got.GetComment() != "two boxes" || !proto.Equal(got.GetCompleteTime(), at) || got.GetNextPrice() != nil {
			t.Errorf("got: %v", got)
		}

		time.Sleep(time.Hour)
		updated, err := api.UpdateTransaction(t.Context(), &amogatev1.UpdateTransactionRequest{
			Id: created.GetId(), Transaction: &amogatev1.Transaction{Comment: "three boxes"},
		})
		if err != nil || updated.GetComment() != "three boxes" || updated.GetId() != created.GetId() || updated.GetUpdateTime() != nil {
			t.Errorf("updated: %v, %v", updated, err)
		}
		updated, err = api.UpdateTransaction(t.Context(), &amogatev1.UpdateTransactionRequest{
			Id: created.GetId(), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"comment"}}, ReadBack: true,
		})
		if err != nil || updated.GetComment() != "" || updated.GetPrice().GetUnits() != 1500 || !proto.Equal(updated.GetUpdateTime(), got.GetUpdateTime()) {
			t.Errorf("cleared and read back: %v, %v", updated, err)
		}

		if _, err := api.DeleteTransaction(t.Context(), &amogatev1.DeleteTransactionRequest{Id: created.GetId()}); err != nil {
			t.Fatal(err)
		}
		_, err = api.GetTransaction(t.Context(), &amogatev1.GetTransactionRequest{Id: created.GetId()})
		if p := problemOf(t, err); p.code != "NotFound" || p.reason != "UPSTREAM_NOT_FOUND" {
			t.Errorf("get of a deleted transaction: %+v", p)
		}
		_, err = api.UpdateTransaction(t.Context(), &amogatev1.UpdateTransactionRequest{
			Id: created.GetId(), Transaction: &amogatev1.Transaction{Comment: "a"},
		})
		if p := problemOf(t, err); p.reason != "UPSTREAM_NOT_FOUND" {
			t.Errorf("update of a deleted transaction: %+v", p)
		}
	})
}

func TestTransactions_badRequestsNameTheFieldAndCostUpstreamNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		api := amogatev1.NewTransactionServiceClient(r.conn)
		create := func(customerID int64, transaction *amogatev1.Transaction) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := api.CreateTransaction(ctx, &amogatev1.CreateTransactionRequest{CustomerId: customerID, Transaction: transaction})
				return err
			}
		}
		price := &money.Money{Units: 1}
		for name, c := range map[string]struct {
			call   func(ctx context.Context) error
			fields []string
		}{
			"stream of two customers": {func(ctx context.Context) error {
				_, err := purchases(api.ListTransactions(ctx, &amogatev1.ListTransactionsRequest{CustomerId: 7, Filter: &amogatev1.TransactionFilter{CustomerId: 8}}))
				return err
			}, []string{"filter.customer_id"}},
			"page of two customers": {func(ctx context.Context) error {
				_, err := api.ListTransactionsPage(ctx, &amogatev1.ListTransactionsPageRequest{CustomerId: 7, Filter: &amogatev1.TransactionFilter{CustomerId: 8}})
				return err
			}, []string{"filter.customer_id"}},
			"create of two customers":    {create(7, &amogatev1.Transaction{CustomerId: 8, Price: price}), []string{"transaction.customer_id"}},
			"create without a customer":  {create(0, &amogatev1.Transaction{Price: price}), []string{"transaction.customer_id"}},
			"create without a price":     {create(7, &amogatev1.Transaction{}), []string{"transaction.price"}},
			"create of nothing":          {create(0, &amogatev1.Transaction{}), []string{"transaction.customer_id", "transaction.price"}},
			"create without transaction": {create(7, nil), []string{"transaction"}},
			"update of a price": {func(ctx context.Context) error {
				_, err := api.UpdateTransaction(ctx, &amogatev1.UpdateTransactionRequest{Id: 1, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"price"}}})
				return err
			}, []string{"update_mask"}},
			"delete without an id": {func(ctx context.Context) error {
				_, err := api.DeleteTransaction(ctx, &amogatev1.DeleteTransactionRequest{})
				return err
			}, []string{"id"}},
		} {
			p := problemOf(t, c.call(t.Context()))
			if p.code != "InvalidArgument" || p.reason != "VALIDATION" || !slices.Equal(p.fields, c.fields) || p.id == "" {
				t.Errorf("%s: got %+v, want %v", name, p, c.fields)
			}
		}
		if n := r.emulator.Stats().Requests; n != 0 {
			t.Errorf("upstream got %d requests", n)
		}
	})
}

func TestBatchTransactions_oneBadItemCostsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		api := amogatev1.NewTransactionServiceClient(r.conn)
		r.addCustomers(7)
		price := &money.Money{Units: 1}
		created, err := api.BatchCreateTransactions(t.Context(), &amogatev1.BatchCreateTransactionsRequest{
			Requests: []*amogatev1.CreateTransactionRequest{
				{CustomerId: 7, Transaction: &amogatev1.Transaction{Price: price, Comment: "a"}},
				{Transaction: &amogatev1.Transaction{Price: price}},
				{CustomerId: 7},
				{CustomerId: 7, Transaction: &amogatev1.Transaction{CustomerId: 8, Price: price}},
				{Transaction: &amogatev1.Transaction{CustomerId: 7, Price: &money.Money{Units: 1, Nanos: 5}}},
				{Transaction: &amogatev1.Transaction{CustomerId: 7, Price: price, Comment: "f"}},
			},
			ReadBack: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		results := created.GetResults()
		if len(results) != 6 {
			t.Fatalf("%d results", len(results))
		}
		for i, want := range map[int]string{0: "a", 5: "f"} {
			if got := results[i].GetTransaction(); got.GetComment() != want || got.GetId() == 0 || got.GetCreateTime() == nil {
				t.Errorf("item %d: %v", i, results[i])
			}
		}
		for i, want := range map[int]problem{
			1: {reason: "VALIDATION", fields: []string{"requests[1].transaction.customer_id"}},
			2: {reason: "VALIDATION", fields: []string{"requests[2].transaction"}},
			3: {reason: "VALIDATION", fields: []string{"requests[3].transaction.customer_id"}},
			4: {reason: "UNSUPPORTED_BY_API_GENERATION", fields: []string{"requests[4].transaction.price.nanos"}},
		} {
			if p := problemOfProto(results[i].GetError()); p.reason != want.reason || !slices.Equal(p.fields, want.fields) {
				t.Errorf("item %d: %+v, want %+v", i, p, want)
			}
		}

		a, f := results[0].GetTransaction().GetId(), results[5].GetTransaction().GetId()
		updated, err := api.BatchUpdateTransactions(t.Context(), &amogatev1.BatchUpdateTransactionsRequest{
			Requests: []*amogatev1.UpdateTransactionRequest{
				{Id: a, Transaction: &amogatev1.Transaction{Comment: "A"}},
				{Id: a, Transaction: &amogatev1.Transaction{Comment: "again"}},
				{Id: f, Transaction: &amogatev1.Transaction{Price: price}},
				{Id: 424242, Transaction: &amogatev1.Transaction{Comment: "nobody"}},
			},
			ReadBack: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		results = updated.GetResults()
		if got := results[0].GetTransaction(); got.GetComment() != "A" || got.GetId() != a || got.GetCreateTime() == nil {
			t.Errorf("item 0: %v", results[0])
		}
		for i, want := range map[int]problem{
			1: {reason: "VALIDATION", fields: []string{"requests[1].id"}},
			2: {reason: "VALIDATION", fields: []string{"requests[2].update_mask"}},
			3: {reason: "UPSTREAM_NOT_FOUND"},
		} {
			if p := problemOfProto(results[i].GetError()); p.reason != want.reason || !slices.Equal(p.fields, want.fields) {
				t.Errorf("item %d: %+v, want %+v", i, p, want)
			}
		}

		deleted, err := api.BatchDeleteTransactions(t.Context(), &amogatev1.BatchDeleteTransactionsRequest{Ids: []int64{f, -5, 424242, a}})
		if err != nil {
			t.Fatal(err)
		}
		results = deleted.GetResults()
		if results[0].GetTransaction().GetId() != f || results[3].GetTransaction().GetId() != a {
			t.Errorf("deleted: %v", results)
		}
		if p := problemOfProto(results[1].GetError()); p.reason != "VALIDATION" || !slices.Equal(p.fields, []string{"ids[1]"}) {
			t.Errorf("item 1: %+v", p)
		}
		if p := problemOfProto(results[2].GetError()); p.reason != "UPSTREAM_NOT_FOUND" {
			t.Errorf("item 2: %+v", p)
		}
	})
}

func TestTransactions_troubleOfTheAccountIsThatOfCustomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{CustomersState: emulator.CustomersOff}}, Config{})
		_, err := amogatev1.NewTransactionServiceClient(r.conn).ListTransactionsPage(t.Context(), &amogatev1.ListTransactionsPageRequest{})
		if p := problemOf(t, err); p.code != "FailedPrecondition" || p.reason != "CUSTOMERS_DISABLED" {
			t.Errorf("transactions: %+v", p)
		}
		_, err = amogatev1.NewPeriodServiceClient(r.conn).ListPeriods(t.Context(), &amogatev1.ListPeriodsRequest{})
		if p := problemOf(t, err); p.code != "FailedPrecondition" || p.reason != "CUSTOMERS_DISABLED" {
			t.Errorf("periods: %+v", p)
		}
	})
}
