package server

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// customerSegmentField is the field of requests that holds a segment.
const customerSegmentField = "customer_segment"

// customerSegmentServer implements CustomerSegmentService.
type customerSegmentServer struct {
	amogatev1.UnimplementedCustomerSegmentServiceServer
}

// ListCustomerSegments implements CustomerSegmentService.
func (customerSegmentServer) ListCustomerSegments(ctx context.Context, req *amogatev1.ListCustomerSegmentsRequest) (*amogatev1.ListCustomerSegmentsResponse, error) {
	segments, err := callFrom(ctx).client.Segments().All(ctx, req)
	if err != nil {
		return nil, err
	}
	return &amogatev1.ListCustomerSegmentsResponse{CustomerSegments: segments}, nil
}

// GetCustomerSegment implements CustomerSegmentService.
func (customerSegmentServer) GetCustomerSegment(ctx context.Context, req *amogatev1.GetCustomerSegmentRequest) (*amogatev1.CustomerSegment, error) {
	return callFrom(ctx).client.Segments().Get(ctx, req.GetId())
}

// CreateCustomerSegment implements CustomerSegmentService.
func (customerSegmentServer) CreateCustomerSegment(ctx context.Context, req *amogatev1.CreateCustomerSegmentRequest) (*amogatev1.CustomerSegment, error) {
	return createOne(ctx, customerSegmentField, req, createCustomerSegment, callFrom(ctx).client.Segments())
}

// UpdateCustomerSegment implements CustomerSegmentService.
func (customerSegmentServer) UpdateCustomerSegment(ctx context.Context, req *amogatev1.UpdateCustomerSegmentRequest) (*amogatev1.CustomerSegment, error) {
	return updateOne(ctx, customerSegmentField, req, updateCustomerSegment, callFrom(ctx).client.Segments())
}

// DeleteCustomerSegment implements CustomerSegmentService.
func (customerSegmentServer) DeleteCustomerSegment(ctx context.Context, req *amogatev1.DeleteCustomerSegmentRequest) (*emptypb.Empty, error) {
	return deleteOne(ctx, req.GetId(), callFrom(ctx).client.Segments())
}

func createCustomerSegment(req *amogatev1.CreateCustomerSegmentRequest) (amo.Create[*amogatev1.CustomerSegment], []*violation) {
	return createOf(req, req.GetCustomerSegment()), nil
}

func updateCustomerSegment(req *amogatev1.UpdateCustomerSegmentRequest, implicit bool) (amo.Update[*amogatev1.CustomerSegment], []*violation) {
	return updateOf(req, customerSegmentField, req.GetCustomerSegment(), implicit)
}
