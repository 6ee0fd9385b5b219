package e2e

import (
	"testing"
	"testing/synctest"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/amo/settings"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// net/http by itself repeats a GET whose connection broke, past the limiter.
func TestWire_brokenConnectionsCostASlotEach(t *testing.T) {
	t.Parallel()
	// Each third request breaks: half as many as there are pages.
	const rows, size, broken = 103, 5, 103 / 5 / 2
	for _, c := range []struct {
		generation amo.Generation
		operation  string
	}{
		{amo.V2, emulator.OpCustomersList},
		{amo.V4, emulator.OpV4CustomersList},
	} {
		t.Run(c.generation.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				patient := settings.Default()
				patient.RetryBurst = 100
				s := newStack(t, setup{
					emulator: emulator.Config{Customers: rows, FiltersOff: true},
					client:   amo.Config{Generation: c.generation, PageSize: size, Settings: patient},
					wire:     true,
					rules: []emulator.Rule{{
						Match:  emulator.Match{Operation: c.operation, Every: 3},
						Action: emulator.Action{Drop: true},
					}},
				})
				stream, err := s.api.ListCustomers(t.Context(), &amogatev1.ListCustomersRequest{})
				if err != nil {
					t.Fatal(err)
				}
				var end *amogatev1.ListEnd
				for end == nil {
					msg, err := stream.Recv()
					if err != nil {
						t.Fatal(err)
					}
					end = msg.GetEnd()
				}
				seen := s.emulator.Stats().ByOperation
				if got := seen[c.operation] + seen[emulator.OpV4EventsList]; got != end.GetRequests() {
					t.Errorf("upstream saw %d requests of the list, which tells of %d", got, end.GetRequests())
				}
				if got := end.GetRetries(); got < broken {
					t.Errorf("the list tells of %d repeated requests, want at least %d", got, broken)
				}
				if end.GetRows() != rows {
					t.Errorf("%d rows, want %d", end.GetRows(), rows)
				}
				s.checkLimit(t)
			})
		})
	}
}
