package amo

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// written returns a period as a caller writes it back.
func written(p *amogatev1.Period) *amogatev1.Period {
	return &amogatev1.Period{Id: p.GetId(), LengthDays: p.GetLengthDays(), Sort: p.GetSort(), Color: p.GetColor()}
}

func TestPeriods_Replace_deletesOnlyWhatIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		before, err := b.client.Periods().List(t.Context())
		if err != nil || len(before) < 3 {
			t.Fatalf("%d periods, %v", len(before), err)
		}
		var all []*amogatev1.Period
		for _, p := range before {
			all = append(all, written(p))
		}
		victim := slices.IndexFunc(before, func(p *amogatev1.Period) bool { return p.GetKind() == amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE })
		rest := slices.Delete(slices.Clone(all), victim, victim+1)
		stranger := &amogatev1.Period{Id: 42, LengthDays: 1, Color: "#fffeb2"}

		for name, test := range map[string]struct {
			periods []*amogatev1.Period
			ids     []int64
			path    string
		}{
			"left out":               {rest, nil, "delete_ids"},
			"kept and deleted":       {all, []int64{all[victim].GetId()}, "delete_ids[0]"},
			"deleted without being":  {all, []int64{42}, "delete_ids[0]"},
			"changed without being":  {append(slices.Clone(all), stranger), nil, "periods[" + strconv.Itoa(len(all)) + "].id"},
			"listed twice":           {append(slices.Clone(all), all[0]), nil, "periods[" + strconv.Itoa(len(all)) + "].id"},
			"left out beside a twin": {append(slices.Clone(rest), stranger), []int64{42}, "periods[" + strconv.Itoa(len(rest)) + "].id"},
		} {
			_, err := b.client.Periods().Replace(t.Context(), test.periods, test.ids)
			if !IsKind(err, KindInvalid) || asError(err).Fields[0].Path != test.path {
				t.Errorf("%s: %v, want %s refused", name, err, test.path)
			}
		}
		if got := b.Stats().ByOperation[emulator.OpPeriodsWrite]; got != 0 {
			t.Fatalf("%d writes before anything was in order", got)
		}

		added := append(slices.Clone(rest), &amogatev1.Period{LengthDays: 3, Sort: 9, Color: "#98cbff"})
		after, err := b.client.Periods().Replace(t.Context(), added, []int64{all[victim].GetId()})
		if err != nil || len(after) != len(all) {
			t.Fatalf("%d periods after the replacement, %v", len(after), err)
		}
		if slices.ContainsFunc(after, func(p *amogatev1.Period) bool { return p.GetId() == all[victim].GetId() }) {
			t.Error("the period is still there")
		}
	})
}

func TestPeriods_Replace_thatMadeOneIsNotReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, emulator.Config{}, Config{})
		before, err := b.client.Periods().List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all := []*amogatev1.Period{{LengthDays: 3, Sort: 9, Color: "#98cbff"}}
		for _, p := range before {
			all = append(all, written(p))
		}
		b.script(t, emulator.Rule{Match: emulator.Match{Operation: emulator.OpPeriodsWrite}, Action: emulator.Action{Cut: new(10)}})
		if _, err := b.client.Periods().Replace(t.Context(), all, nil); !IsKind(err, KindResponseLost) {
			t.Errorf("Replace = %v, want KindResponseLost", err)
		}
		if got := b.Stats().ByOperation[emulator.OpPeriodsWrite]; got != 1 {
			t.Errorf("%d writes, want 1", got)
		}
	})
}
