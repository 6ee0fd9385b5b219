package server

import (
	"context"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// customersModeServer implements CustomersModeService.
type customersModeServer struct {
	amogatev1.UnimplementedCustomersModeServiceServer
}

// GetCustomersMode implements CustomersModeService.
func (customersModeServer) GetCustomersMode(ctx context.Context, _ *amogatev1.GetCustomersModeRequest) (*amogatev1.CustomersModeState, error) {
	return callFrom(ctx).client.CustomersMode(ctx)
}

// UpdateCustomersMode implements CustomersModeService.
func (customersModeServer) UpdateCustomersMode(ctx context.Context, req *amogatev1.UpdateCustomersModeRequest) (*amogatev1.CustomersModeState, error) {
	return exchangeOnce(ctx, exchange[*amogatev1.CustomersModeState]{
		run: func(ctx context.Context) (*amogatev1.CustomersModeState, error) {
			return callFrom(ctx).client.SetCustomersMode(ctx, req.GetMode(), req.GetEnabled())
		},
		again: func(ctx context.Context) (*amogatev1.CustomersModeState, error) {
			return callFrom(ctx).client.CustomersMode(ctx)
		},
	})
}
