package server

import (
	"context"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// transactions is the name of the collection in page tokens.
const transactions = "transactions"

// transactionServer implements TransactionService.
type transactionServer struct {
	amogatev1.UnimplementedTransactionServiceServer
}

// ListTransactions implements TransactionService.
func (transactionServer) ListTransactions(req *amogatev1.ListTransactionsRequest, stream grpc.ServerStreamingServer[amogatev1.ListTransactionsResponse]) error {
	l, err := listTransactions(stream.Context(), req.GetCustomerId(), req.GetFilter(), req.GetPageToken())
	if err != nil {
		return err
	}
	return l.stream(stream, messages[*amogatev1.Transaction]{
		row: func(transaction *amogatev1.Transaction, token string) any {
			return &amogatev1.ListTransactionsResponse{
				Item:        &amogatev1.ListTransactionsResponse_Transaction{Transaction: transaction},
				ResumeToken: token,
			}
		},
		end: func(end *amogatev1.ListEnd) any {
			return &amogatev1.ListTransactionsResponse{Item: &amogatev1.ListTransactionsResponse_End{End: end}}
		},
	})
}

// ListTransactionsPage implements TransactionService.
func (transactionServer) ListTransactionsPage(ctx context.Context, req *amogatev1.ListTransactionsPageRequest) (*amogatev1.ListTransactionsPageResponse, error) {
	l, err := listTransactions(ctx, req.GetCustomerId(), req.GetFilter(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	rows, token, err := l.page(ctx, req.GetPageSize())
	if err != nil {
		return nil, err
	}
	return &amogatev1.ListTransactionsPageResponse{Transactions: rows, NextPageToken: token}, nil
}

// listTransactions returns the list that both list methods are made of. The
// customer of the path becomes part of the filter, so that tokens are the same
// however the customer was named.
func listTransactions(ctx context.Context, customerID int64, filter *amogatev1.TransactionFilter, token string) (*list[*amogatev1.Transaction], error) {
	customerID, fields := parentOf("filter.customer_id", customerID, filter.GetCustomerId())
	if len(fields) > 0 {
		return nil, invalid(fields...)
	}
	filter = &amogatev1.TransactionFilter{Ids: filter.GetIds(), CustomerId: customerID}
	return newList(ctx, transactions, filter, token, func(options amo.ListOptions) listing[*amogatev1.Transaction] {
		return callFrom(ctx).client.Transactions().List(filter, options)
	})
}

// GetTransaction implements TransactionService.
func (transactionServer) GetTransaction(ctx context.Context, req *amogatev1.GetTransactionRequest) (*amogatev1.Transaction, error) {
	return callFrom(ctx).client.Transactions().Get(ctx, req.GetId())
}

// CreateTransaction implements TransactionService.
func (transactionServer) CreateTransaction(ctx context.Context, req *amogatev1.CreateTransactionRequest) (*amogatev1.Transaction, error) {
	return createOne(ctx, transactionBatch.field, req, createTransaction, callFrom(ctx).client.Transactions())
}

// UpdateTransaction implements TransactionService.
func (transactionServer) UpdateTransaction(ctx context.Context, req *amogatev1.UpdateTransactionRequest) (*amogatev1.Transaction, error) {
	return updateOne(ctx, transactionBatch.field, req, updateTransaction, callFrom(ctx).client.Transactions())
}

// DeleteTransaction implements TransactionService.
func (transactionServer) DeleteTransaction(ctx context.Context, req *amogatev1.DeleteTransactionRequest) (*emptypb.Empty, error) {
	return deleteOne(ctx, req.GetId(), callFrom(ctx).client.Transactions())
}

// BatchCreateTransactions implements TransactionService.
func (transactionServer) BatchCreateTransactions(ctx context.Context, req *amogatev1.BatchCreateTransactionsRequest) (*amogatev1.BatchCreateTransactionsResponse, error) {
	results := createBatch(ctx, transactionBatch, req, createTransaction, callFrom(ctx).client.Transactions())
	return &amogatev1.BatchCreateTransactionsResponse{Results: results}, nil
}

// BatchUpdateTransactions implements TransactionService.
func (transactionServer) BatchUpdateTransactions(ctx context.Context, req *amogatev1.BatchUpdateTransactionsRequest) (*amogatev1.BatchUpdateTransactionsResponse, error) {
	results := updateBatch(ctx, transactionBatch, req, updateTransaction, callFrom(ctx).client.Transactions())
	return &amogatev1.BatchUpdateTransactionsResponse{Results: results}, nil
}

// BatchDeleteTransactions implements TransactionService.
func (transactionServer) BatchDeleteTransactions(ctx context.Context, req *amogatev1.BatchDeleteTransactionsRequest) (*amogatev1.BatchDeleteTransactionsResponse, error) {
	results := deleteBatch(ctx, transactionBatch, req.GetIds(), callFrom(ctx).client.Transactions())
	return &amogatev1.BatchDeleteTransactionsResponse{Results: results}, nil
}

// transactionBatch describes the batches of transactions.
var transactionBatch = batch[*amogatev1.Transaction, *amogatev1.TransactionResult]{
	field: "transaction",
	done: func(transaction *amogatev1.Transaction) *amogatev1.TransactionResult {
		return &amogatev1.TransactionResult{Result: &amogatev1.TransactionResult_Transaction{Transaction: transaction}}
	},
	failed: func(st *spb.Status) *amogatev1.TransactionResult {
		return &amogatev1.TransactionResult{Result: &amogatev1.TransactionResult_Error{Error: st}}
	},
}

// createTransaction turns the creation of a transaction into an item for
// package amo.
func createTransaction(req *amogatev1.CreateTransactionRequest) (amo.Create[*amogatev1.Transaction], []*violation) {
	transaction := req.GetTransaction()
	create := createOf(req, transaction)
	if transaction == nil {
		return create, nil // validation has refused it
	}
	customerID, fields := parentOf("transaction.customer_id", req.GetCustomerId(), transaction.GetCustomerId())
	transaction.CustomerId = customerID
	if customerID == 0 {
		fields = append(fields, refuse("transaction.customer_id", "is required"))
	}
	if transaction.GetPrice() == nil {
		fields = append(fields, refuse("transaction.price", "is required"))
	}
	return create, fields
}

func updateTransaction(req *amogatev1.UpdateTransactionRequest, implicit bool) (amo.Update[*amogatev1.Transaction], []*violation) {
	return updateOf(req, transactionBatch.field, req.GetTransaction(), implicit)
}
