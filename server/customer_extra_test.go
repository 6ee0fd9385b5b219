package server

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// What is wrong with a request is told before the account is asked anything.
func TestCustomerExtras_badRequestsAreRefusedBeforeUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		statuses := amogatev1.NewCustomerStatusServiceClient(r.conn)
		segments := amogatev1.NewCustomerSegmentServiceClient(r.conn)
		modes := amogatev1.NewCustomersModeServiceClient(r.conn)
		mask := func(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }
		for name, c := range map[string]struct {
			call   func(ctx context.Context) error
			fields []string
		}{
			"links of nobody": {func(ctx context.Context) error {
				_, err := r.api.ListCustomerLinks(ctx, &amogatev1.ListCustomerLinksRequest{})
				return err
			}, []string{"customer_id"}},
			"links of one and of many": {func(ctx context.Context) error {
				_, err := r.api.ListCustomerLinks(ctx, &amogatev1.ListCustomerLinksRequest{CustomerId: 7, CustomerIds: []int64{7}})
				return err
			}, []string{"customer_ids"}},
			"links of one twice": {func(ctx context.Context) error {
				_, err := r.api.ListCustomerLinks(ctx, &amogatev1.ListCustomerLinksRequest{CustomerIds: []int64{7, 7}})
				return err
			}, []string{"customer_ids"}},
			"links of too many": {func(ctx context.Context) error {
				ids := make([]int64, 51)
				for i := range ids {
					ids[i] = int64(i + 1)
				}
				_, err := r.api.ListCustomerLinks(ctx, &amogatev1.ListCustomerLinksRequest{CustomerIds: ids})
				return err
			}, []string{"customer_ids"}},
			"subscribers of nobody": {func(ctx context.Context) error {
				_, err := r.api.ListCustomerSubscribers(ctx, &amogatev1.ListCustomerSubscribersRequest{})
				return err
			}, []string{"customer_id"}},
			"no change of bonus points": {func(ctx context.Context) error {
				_, err := r.api.ChangeBonusPoints(ctx, &amogatev1.ChangeBonusPointsRequest{CustomerId: 7})
				return err
			}, []string{"change"}},
			"a change by nothing": {func(ctx context.Context) error {
				_, err := r.api.ChangeBonusPoints(ctx, &amogatev1.ChangeBonusPointsRequest{
					CustomerId: 7, Change: &amogatev1.ChangeBonusPointsRequest_Redeem{},
				})
				return err
			}, []string{"redeem"}},
			"a mode that is none to choose": {func(ctx context.Context) error {
				_, err := modes.UpdateCustomersMode(ctx, &amogatev1.UpdateCustomersModeRequest{
					Mode: amogatev1.CustomersMode_CUSTOMERS_MODE_DYNAMIC, Enabled: new(true),
				})
				return err
			}, []string{"mode"}},
			"no mode": {func(ctx context.Context) error {
				_, err := modes.UpdateCustomersMode(ctx, &amogatev1.UpdateCustomersModeRequest{})
				return err
			}, []string{"enabled", "mode"}},
			"a status without a name": {func(ctx context.Context) error {
				_, err := statuses.CreateCustomerStatus(ctx, &amogatev1.CreateCustomerStatusRequest{
					CustomerStatus: &amogatev1.CustomerStatus{Sort: proto.Int32(1), Color: "red"},
				})
				return err
			}, []string{"customer_status.color", "customer_status.name"}},
			"a change of what the system says of a status": {func(ctx context.Context) error {
				_, err := statuses.UpdateCustomerStatus(ctx, &amogatev1.UpdateCustomerStatusRequest{Id: 3, UpdateMask: mask("kind", "system", "conditions")})
				return err
			}, []string{"update_mask", "update_mask", "update_mask"}},
			"a change of another status": {func(ctx context.Context) error {
				_, err := statuses.UpdateCustomerStatus(ctx, &amogatev1.UpdateCustomerStatusRequest{
					Id: 3, CustomerStatus: &amogatev1.CustomerStatus{Id: 4, Name: "a"},
				})
				return err
			}, []string{"customer_status.id"}},
			"no status to delete": {func(ctx context.Context) error {
				_, err := statuses.DeleteCustomerStatus(ctx, &amogatev1.DeleteCustomerStatusRequest{})
				return err
			}, []string{"id"}},
			"a segment without a name": {func(ctx context.Context) error {
				_, err := segments.CreateCustomerSegment(ctx, &amogatev1.CreateCustomerSegmentRequest{CustomerSegment: &amogatev1.CustomerSegment{}})
				return err
			}, []string{"customer_segment.name"}},
			"no change of a segment": {func(ctx context.Context) error {
				_, err := segments.UpdateCustomerSegment(ctx, &amogatev1.UpdateCustomerSegmentRequest{
					Id: 3, CustomerSegment: &amogatev1.CustomerSegment{CustomersCount: proto.Int64(4)},
				})
				return err
			}, []string{"update_mask"}},
			"no segment to get": {func(ctx context.Context) error {
				_, err := segments.GetCustomerSegment(ctx, &amogatev1.GetCustomerSegmentRequest{Id: -1})
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
