package e2e

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/amogate/amogate/amo"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// net/http by itself repeats a GET whose connection broke, past the limiter.
func TestWire_brokenConnectionsCostASlotEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var rules []emulator.Rule
		for offset := 0; offset < pagedRows; offset += 5 {
			rules = append(rules, emulator.Rule{
				Match:  emulator.Match{Operation: emulator.OpCustomersList, Query: fmt.Sprintf("limit_offset=%d&", offset), Nth: 1},
				Action: emulator.Action{Drop: true},
			})
		}
		s := newStack(t, setup{
			emulator: emulator.Config{Customers: pagedRows},
			client:   amo.Config{PageSize: 5, Generation: amo.V2}, // the rules are about offsets
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
		stats := s.emulator.Stats()
		if got := stats.ByOperation[emulator.OpCustomersList]; got != end.GetRequests() {
			t.Errorf("upstream saw %d requests of the list, which tells of %d", got, end.GetRequests())
		}
		if end.GetRows() != pagedRows {
			t.Errorf("%d rows, want %d", end.GetRows(), pagedRows)
		}
		s.checkLimit(t)
	})
}
