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
	return l.stream(stream, func(customer *amogatev1.Customer, token string) any {
		return &amogatev1.ListCustomersResponse{
			Item:        &amogatev1.ListCustomersResponse_Customer{Customer: customer},
			ResumeToken: token,
		}
	}, func(end *amogatev1.ListEnd) any {
		return &amogatev1.ListCustomersResponse{Item: &amogatev1.ListCustomersResponse_End{End: end}}
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
	create := createOf(req, req.GetCustomer())
	return one(ctx, "customer", callFrom(ctx).client.Customers().Create(ctx, []amo.Create[*amogatev1.Customer]{create}))
}

// UpdateCustomer implements CustomerService.
func (customerServer) UpdateCustomer(ctx context.Context, req *amogatev1.UpdateCustomerRequest) (*amogatev1.Customer, error) {
	c := callFrom(ctx)
	update, fields := updateOf(req, "customer", req.GetCustomer(), c.implicitMask)
	if len(fields) > 0 {
		return nil, invalid(fields...)
	}
	return one(ctx, "customer", c.client.Customers().Update(ctx, []amo.Update[*amogatev1.Customer]{update}))
}

// DeleteCustomer implements CustomerService.
func (customerServer) DeleteCustomer(ctx context.Context, req *amogatev1.DeleteCustomerRequest) (*emptypb.Empty, error) {
	if _, err := one(ctx, "", callFrom(ctx).client.Customers().Delete(ctx, []int64{req.GetId()})); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// BatchCreateCustomers implements CustomerService.
func (customerServer) BatchCreateCustomers(ctx context.Context, req *amogatev1.BatchCreateCustomersRequest) (*amogatev1.BatchCreateCustomersResponse, error) {
	requests := req.GetRequests()
	results := attempt(ctx, len(requests), func(i int) (amo.Create[*amogatev1.Customer], []*violation) {
		create := createOf(requests[i], requests[i].GetCustomer())
		create.ReadBack = create.ReadBack || req.GetReadBack()
		return create, nil
	}, func(items []amo.Create[*amogatev1.Customer]) []amo.Result[*amogatev1.Customer] {
		return callFrom(ctx).client.Customers().Create(ctx, items)
	})
	return &amogatev1.BatchCreateCustomersResponse{Results: customerResults(ctx, "requests", ".customer", results)}, nil
}

// BatchUpdateCustomers implements CustomerService.
func (customerServer) BatchUpdateCustomers(ctx context.Context, req *amogatev1.BatchUpdateCustomersRequest) (*amogatev1.BatchUpdateCustomersResponse, error) {
	requests, seen := req.GetRequests(), twice{}
	results := attempt(ctx, len(requests), func(i int) (amo.Update[*amogatev1.Customer], []*violation) {
		update, fields := updateOf(requests[i], "customer", requests[i].GetCustomer(), false)
		update.ReadBack = update.ReadBack || req.GetReadBack()
		fields = append(fields, seen.check("id", update.ID, i)...)
		return update, below(item("requests", i), fields)
	}, func(items []amo.Update[*amogatev1.Customer]) []amo.Result[*amogatev1.Customer] {
		return callFrom(ctx).client.Customers().Update(ctx, items)
	})
	return &amogatev1.BatchUpdateCustomersResponse{Results: customerResults(ctx, "requests", ".customer", results)}, nil
}

// BatchDeleteCustomers implements CustomerService.
func (customerServer) BatchDeleteCustomers(ctx context.Context, req *amogatev1.BatchDeleteCustomersRequest) (*amogatev1.BatchDeleteCustomersResponse, error) {
	ids, seen := req.GetIds(), twice{}
	results := attempt(ctx, len(ids), func(i int) (int64, []*violation) {
		return ids[i], seen.check(item("ids", i), ids[i], i)
	}, func(items []int64) []amo.Result[*amogatev1.Customer] {
		return callFrom(ctx).client.Customers().Delete(ctx, items)
	})
	return &amogatev1.BatchDeleteCustomersResponse{Results: customerResults(ctx, "ids", "", results)}, nil
}

// customerResults returns the results of a batch; field and suffix are those of
// itemResults.
func customerResults(ctx context.Context, field, suffix string, results []amo.Result[*amogatev1.Customer]) []*amogatev1.CustomerResult {
	return itemResults(ctx, field, suffix, results, func(customer *amogatev1.Customer) *amogatev1.CustomerResult {
		return &amogatev1.CustomerResult{Result: &amogatev1.CustomerResult_Customer{Customer: customer}}
	}, func(st *spb.Status) *amogatev1.CustomerResult {
		return &amogatev1.CustomerResult{Result: &amogatev1.CustomerResult_Error{Error: st}}
	})
}
