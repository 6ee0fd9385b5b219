package server

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// customerStatusField is the field of requests that holds a status.
const customerStatusField = "customer_status"

// customerStatusServer implements CustomerStatusService.
type customerStatusServer struct {
	amogatev1.UnimplementedCustomerStatusServiceServer
}

// ListCustomerStatuses implements CustomerStatusService.
func (customerStatusServer) ListCustomerStatuses(ctx context.Context, req *amogatev1.ListCustomerStatusesRequest) (*amogatev1.ListCustomerStatusesResponse, error) {
	statuses, err := callFrom(ctx).client.Statuses().All(ctx, req)
	if err != nil {
		return nil, err
	}
	return &amogatev1.ListCustomerStatusesResponse{CustomerStatuses: statuses}, nil
}

// GetCustomerStatus implements CustomerStatusService.
func (customerStatusServer) GetCustomerStatus(ctx context.Context, req *amogatev1.GetCustomerStatusRequest) (*amogatev1.CustomerStatus, error) {
	return callFrom(ctx).client.Statuses().Get(ctx, req.GetId())
}

// CreateCustomerStatus implements CustomerStatusService.
func (customerStatusServer) CreateCustomerStatus(ctx context.Context, req *amogatev1.CreateCustomerStatusRequest) (*amogatev1.CustomerStatus, error) {
	return createOne(ctx, customerStatusField, req, createCustomerStatus, callFrom(ctx).client.Statuses())
}

// UpdateCustomerStatus implements CustomerStatusService.
func (customerStatusServer) UpdateCustomerStatus(ctx context.Context, req *amogatev1.UpdateCustomerStatusRequest) (*amogatev1.CustomerStatus, error) {
	return updateOne(ctx, customerStatusField, req, updateCustomerStatus, callFrom(ctx).client.Statuses())
}

// DeleteCustomerStatus implements CustomerStatusService.
func (customerStatusServer) DeleteCustomerStatus(ctx context.Context, req *amogatev1.DeleteCustomerStatusRequest) (*emptypb.Empty, error) {
	return deleteOne(ctx, req.GetId(), callFrom(ctx).client.Statuses())
}

func createCustomerStatus(req *amogatev1.CreateCustomerStatusRequest) (amo.Create[*amogatev1.CustomerStatus], []*violation) {
	return createOf(req, req.GetCustomerStatus()), nil
}

func updateCustomerStatus(req *amogatev1.UpdateCustomerStatusRequest, implicit bool) (amo.Update[*amogatev1.CustomerStatus], []*violation) {
	return updateOf(req, customerStatusField, req.GetCustomerStatus(), implicit)
}
