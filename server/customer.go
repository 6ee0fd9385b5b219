package server

import (
	"context"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// customers is the name of the collection in page tokens.
const customers = "customers"

// customerServer implements CustomerService.
type customerServer struct {
	amogatev1.UnimplementedCustomerServiceServer
}

// ListCustomers implements CustomerService.
func (customerServer) ListCustomers(req *amogatev1.ListCustomersRequest, stream grpc.ServerStreamingServer[amogatev1.ListCustomersResponse]) error {
	l, err := listCustomers(stream.Context(), req.GetFilter(), req.GetPageToken())
	if err != nil {
		return err
	}
	return l.stream(stream, messages[*amogatev1.Customer]{
		row: func(customer *amogatev1.Customer, token string) any {
			return &amogatev1.ListCustomersResponse{
				Item:        &amogatev1.ListCustomersResponse_Customer{Customer: customer},
				ResumeToken: token,
			}
		},
		deleted: func(id int64, token string) any {
			return &amogatev1.ListCustomersResponse{
				Item:        &amogatev1.ListCustomersResponse_Deleted{Deleted: &amogatev1.DeletedCustomer{Id: id}},
				ResumeToken: token,
			}
		},
		end: func(end *amogatev1.ListEnd) any {
			return &amogatev1.ListCustomersResponse{Item: &amogatev1.ListCustomersResponse_End{End: end}}
		},
	})
}

// ListCustomersPage implements CustomerService.
func (customerServer) ListCustomersPage(ctx context.Context, req *amogatev1.ListCustomersPageRequest) (*amogatev1.ListCustomersPageResponse, error) {
	l, err := listCustomers(ctx, req.GetFilter(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	rows, token, err := l.page(ctx, req.GetPageSize())
	if err != nil {
		return nil, err
	}
	return &amogatev1.ListCustomersPageResponse{Customers: rows, NextPageToken: token}, nil
}

// listCustomers returns the list that both list methods are made of.
func listCustomers(ctx context.Context, filter *amogatev1.CustomerFilter, token string) (*list[*amogatev1.Customer], error) {
	if filter == nil {
		filter = &amogatev1.CustomerFilter{}
	}
	return newList(ctx, customers, filter, token, func(options amo.ListOptions) listing[*amogatev1.Customer] {
		return callFrom(ctx).client.Customers().List(filter, options)
	})
}

// GetCustomer implements CustomerService.
func (customerServer) GetCustomer(ctx context.Context, req *amogatev1.GetCustomerRequest) (*amogatev1.Customer, error) {
	return callFrom(ctx).client.Customers().Get(ctx, req.GetId())
}

// CreateCustomer implements CustomerService.
func (customerServer) CreateCustomer(ctx context.Context, req *amogatev1.CreateCustomerRequest) (*amogatev1.Customer, error) {
	return createOne(ctx, customerBatch.field, req, createCustomer, callFrom(ctx).client.Customers())
}

// UpdateCustomer implements CustomerService.
func (customerServer) UpdateCustomer(ctx context.Context, req *amogatev1.UpdateCustomerRequest) (*amogatev1.Customer, error) {
	return updateOne(ctx, customerBatch.field, req, updateCustomer, callFrom(ctx).client.Customers())
}

// DeleteCustomer implements CustomerService.
func (customerServer) DeleteCustomer(ctx context.Context, req *amogatev1.DeleteCustomerRequest) (*emptypb.Empty, error) {
	return deleteOne(ctx, req.GetId(), callFrom(ctx).client.Customers())
}

// BatchCreateCustomers implements CustomerService.
func (customerServer) BatchCreateCustomers(ctx context.Context, req *amogatev1.BatchCreateCustomersRequest) (*amogatev1.BatchCreateCustomersResponse, error) {
	results := createBatch(ctx, customerBatch, req, createCustomer, callFrom(ctx).client.Customers())
	return &amogatev1.BatchCreateCustomersResponse{Results: results}, nil
}

// BatchUpdateCustomers implements CustomerService.
func (customerServer) BatchUpdateCustomers(ctx context.Context, req *amogatev1.BatchUpdateCustomersRequest) (*amogatev1.BatchUpdateCustomersResponse, error) {
	results := updateBatch(ctx, customerBatch, req, updateCustomer, callFrom(ctx).client.Customers())
	return &amogatev1.BatchUpdateCustomersResponse{Results: results}, nil
}

// BatchDeleteCustomers implements CustomerService.
func (customerServer) BatchDeleteCustomers(ctx context.Context, req *amogatev1.BatchDeleteCustomersRequest) (*amogatev1.BatchDeleteCustomersResponse, error) {
	results := deleteBatch(ctx, customerBatch, req.GetIds(), callFrom(ctx).client.Customers())
	return &amogatev1.BatchDeleteCustomersResponse{Results: results}, nil
}

// customerBatch describes the batches of customers.
var customerBatch = batch[*amogatev1.Customer, *amogatev1.CustomerResult]{
	field: "customer",
	done: func(customer *amogatev1.Customer) *amogatev1.CustomerResult {
		return &amogatev1.CustomerResult{Result: &amogatev1.CustomerResult_Customer{Customer: customer}}
	},
	failed: func(st *spb.Status) *amogatev1.CustomerResult {
		return &amogatev1.CustomerResult{Result: &amogatev1.CustomerResult_Error{Error: st}}
	},
}

func createCustomer(req *amogatev1.CreateCustomerRequest) (amo.Create[*amogatev1.Customer], []*violation) {
	return createOf(req, req.GetCustomer()), nil
}

func updateCustomer(req *amogatev1.UpdateCustomerRequest, implicit bool) (amo.Update[*amogatev1.Customer], []*violation) {
	return updateOf(req, customerBatch.field, req.GetCustomer(), implicit)
}

// ListCustomerLinks implements CustomerService.
func (customerServer) ListCustomerLinks(ctx context.Context, req *amogatev1.ListCustomerLinksRequest) (*amogatev1.ListCustomerLinksResponse, error) {
	ids := req.GetCustomerIds()
	switch id := req.GetCustomerId(); {
	case id == 0 && len(ids) == 0:
		return nil, invalid(refuse("customer_id", "is required; for several customers name customer_ids"))
	case id != 0 && len(ids) > 0:
		return nil, invalid(refuse("customer_ids", "must be empty beside customer_id; leave one of them out"))
	case id != 0:
		ids = []int64{id}
	}
	links, err := callFrom(ctx).client.CustomerLinks(ctx, ids)
	if err != nil {
		return nil, err
	}
	return &amogatev1.ListCustomerLinksResponse{Links: links}, nil
}

// ListCustomerSubscribers implements CustomerService.
func (customerServer) ListCustomerSubscribers(ctx context.Context, req *amogatev1.ListCustomerSubscribersRequest) (*amogatev1.ListCustomerSubscribersResponse, error) {
	subscribers, err := callFrom(ctx).client.CustomerSubscribers(ctx, req.GetCustomerId())
	if err != nil {
		return nil, err
	}
	return &amogatev1.ListCustomerSubscribersResponse{Subscribers: subscribers}, nil
}

// ChangeBonusPoints implements CustomerService.
func (customerServer) ChangeBonusPoints(ctx context.Context, req *amogatev1.ChangeBonusPointsRequest) (*amogatev1.ChangeBonusPointsResponse, error) {
	return exchangeOnce(ctx, exchange[*amogatev1.ChangeBonusPointsResponse]{
		run: func(ctx context.Context) (*amogatev1.ChangeBonusPointsResponse, error) {
			balance, err := callFrom(ctx).client.ChangeBonusPoints(ctx, req.GetCustomerId(), req.GetEarn(), req.GetRedeem())
			return &amogatev1.ChangeBonusPointsResponse{BonusPoints: balance}, err
		},
		isKept: true, // the balance, which nothing else tells later
	})
}
