package server

import (
	"context"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// periodServer implements PeriodService.
type periodServer struct {
	amogatev1.UnimplementedPeriodServiceServer
}

// ListPeriods implements PeriodService.
func (periodServer) ListPeriods(ctx context.Context, _ *amogatev1.ListPeriodsRequest) (*amogatev1.ListPeriodsResponse, error) {
	periods, err := callFrom(ctx).client.Periods().List(ctx)
	if err != nil {
		return nil, err
	}
	return &amogatev1.ListPeriodsResponse{Periods: periods}, nil
}

// ReplacePeriods implements PeriodService.
func (periodServer) ReplacePeriods(ctx context.Context, req *amogatev1.ReplacePeriodsRequest) (*amogatev1.ReplacePeriodsResponse, error) {
	return exchangeOnce(ctx, exchange[*amogatev1.ReplacePeriodsResponse]{
		run: func(ctx context.Context) (*amogatev1.ReplacePeriodsResponse, error) {
			periods, err := callFrom(ctx).client.Periods().Replace(ctx, req.GetPeriods(), req.GetDeleteIds())
			return &amogatev1.ReplacePeriodsResponse{Periods: periods}, err
		},
		again: func(ctx context.Context) (*amogatev1.ReplacePeriodsResponse, error) {
			periods, err := callFrom(ctx).client.Periods().List(ctx)
			return &amogatev1.ReplacePeriodsResponse{Periods: periods}, err
		},
	})
}
