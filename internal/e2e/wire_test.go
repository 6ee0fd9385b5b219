package e2e

import (
	"fmt"
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
	const size = 5
	for _, c := range []struct {
		generation amo.Generation
		operation  string
		// page is in the query of page n, from 0, and of no other.
		page func(n int) string
	}{
		{amo.V2, emulator.OpCustomersList, func(n int) string { return fmt.Sprintf("limit_offset=%d&", n*size) }},
		{amo.V4, emulator.OpV4CustomersList, func(n int) string { return fmt.Sprintf("page=%d&", n+1) }},
	} {
		t.Run(c.generation.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				patient := settings.Default()
				patient.RetryBurst = 100 // every page is asked for twice
				var rules []emulator.Rule
				for n := range (pagedRows + size - 1) / size {
					rules = append(rules, emulator.Rule{
						Match:  emulator.Match{Operation: c.operation, Query: c.page(n), Nth: 1},
						Action: emulator.Action{Drop: true},
					})
				}
				s := newStack(t, setup{
					emulator: emulator.Config{Customers: pagedRows, FiltersOff: true},
					client:   amo.Config{Generation: c.generation, PageSize: size, Settings: patient},
					wire:     true,
					rules:    rules,
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
				if got := end.GetRetries(); got < int64(len(rules)) {
					t.Errorf("the list tells of %d repeated requests, want at least %d", got, len(rules))
				}
				if end.GetRows() != pagedRows {
					t.Errorf("%d rows, want %d", end.GetRows(), pagedRows)
				}
				s.checkLimit(t)
			})
		})
	}
}
