package amo

import (
	"testing"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// bare426 is an answer that also stands for other things than customers that are
// switched off.
const bare426 = `{"title":"Bad Request","type":"https://httpstatus.es/400","status":400,"detail":"Error 426."}`

// A bare 426 is believed only when the account says so too.
func TestConfirm_asksTheAccount(t *testing.T) {
	for mode, want := range map[emulator.CustomersMode]Kind{
		emulator.ModePeriodicity: KindUnavailable,
		emulator.ModeDisabled:    KindCustomersDisabled,
		emulator.ModeUnavailable: KindCustomersNotInPlan,
	} {
		b := newBench(t, emulator.Config{CustomersMode: mode}, Config{Generation: V4})
		b.script(t, emulator.Rule{
			Match:  emulator.Match{Operation: emulator.OpV4CustomersGet},
			Action: emulator.Action{Status: 400, Body: bare426},
		})
		if _, err := b.client.Customers().Get(t.Context(), 1); !IsKind(err, want) {
			t.Errorf("in mode %s: %v, want kind %d", mode, err, want)
		}
	}
}

// Statuses and segments tell which mode they need and which there is.
func TestConfirm_tellsTheMode(t *testing.T) {
	b := newBench(t, emulator.Config{}, Config{Generation: V4})
	_, err := b.client.Segments().All(t.Context(), &amogatev1.ListCustomerSegmentsRequest{})
	if e := asError(err); e.Kind != KindCustomersMode || e.Mode != "periodicity" || e.Needed != "segments" {
		t.Errorf("segments: %v, want the mode that there is and the one that is needed", err)
	}
	b = newBench(t, emulator.Config{CustomersMode: emulator.ModeDisabled}, Config{Generation: V4})
	if _, err := b.client.Segments().All(t.Context(), &amogatev1.ListCustomerSegmentsRequest{}); !IsKind(err, KindCustomersDisabled) {
		t.Errorf("segments of no customers: %v, want KindCustomersDisabled", err)
	}
}

func TestChangeBonusPoints_namesWhatIsRefused(t *testing.T) {
	b := newBench(t, emulator.Config{Customers: 1}, Config{Generation: V4})
	id := v4IDs(b)[0]
	if balance, err := b.client.ChangeBonusPoints(t.Context(), id, 10, 0); err != nil || balance != 10 {
		t.Fatalf("earned: %d, %v, want 10", balance, err)
	}
	_, err := b.client.ChangeBonusPoints(t.Context(), id, 0, 11)
	if e := asError(err); e.Kind != KindUpstreamInvalid || len(e.Fields) != 1 || e.Fields[0].Path != "redeem" {
		t.Errorf("redeemed beyond the balance: %v, want KindUpstreamInvalid at redeem", err)
	}
	if balance, err := b.client.ChangeBonusPoints(t.Context(), id, 0, 10); err != nil || balance != 0 {
		t.Errorf("redeemed: %d, %v, want 0", balance, err)
	}
}
