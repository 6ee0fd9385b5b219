package drivertest_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func readPeriods(tb rapid.TB, a *account, g *generation) []*amogatev1.Period {
	tb.Helper()
	response := a.do(tb, g.periods.List())
	if err := g.periods.DecodeError(response); err != nil {
		tb.Fatalf("%v", err)
	}
	periods, err := g.periods.Decode(response.Body)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return periods
}

func replacePeriods(tb rapid.TB, a *account, periods []*amogatev1.Period) ([]*amogatev1.Period, error) {
	tb.Helper()
	if err := second.periods.Check(periods); err != nil {
		return nil, err
	}
	call, err := second.periods.Replace(periods)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	wantEffect := driver.Set
	if slices.ContainsFunc(periods, func(p *amogatev1.Period) bool { return p.GetId() == 0 }) {
		wantEffect = driver.Create
	}
	if call.Effect != wantEffect {
		tb.Errorf("the effect is %d, want %d", call.Effect, wantEffect)
	}
	response := a.do(tb, call)
	if err := second.periods.DecodeError(response); err != nil {
		return nil, err
	}
	return second.periods.Decode(response.Body)
}

// sets are periods of accounts: as seeded, of the system's only, and without any
// after the purchase.
var sets = [][]emulator.Period{
	nil,
	{{ID: 5, Kind: emulator.PeriodAfter, Days: 7, Color: "#fd5598"}},
	{
		{ID: 5, Kind: emulator.PeriodBefore, Days: 3, Color: "#e6e8ea", Sort: 1},
		{ID: 7, Kind: emulator.PeriodBefore, Days: 4, Color: "#fffd7f", Sort: 2},
		{ID: 6, Kind: emulator.PeriodBefore, Days: 30, Color: "#ffdc7f", Sort: 3},
	},
}

// Both generations put the periods that both show in one order, with one
// distance to the purchase.
func TestPeriods_agree(t *testing.T) {
	t.Parallel()
	for i, set := range sets {
		a := newAccount(t, emulator.Config{})
		if set != nil {
			if err := a.SetPeriods(set...); err != nil {
				t.Fatal(err)
			}
		}
		old, later := readPeriods(t, a, second), readPeriods(t, a, fourth)
		stored := a.Periods()
		if len(old) != len(stored) {
			t.Fatalf("set %d: got %d periods, want %d", i, len(old), len(stored))
		}
		for k, p := range stored {
			kind := amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE
			if p.Kind == emulator.PeriodAfter {
				kind = amogatev1.PeriodKind_PERIOD_KIND_AFTER_PURCHASE
			}
			got := old[k]
			if got.GetId() != p.ID || got.GetKind() != kind || int64(got.GetLengthDays()) != p.Days || got.GetColor() != p.Color || int64(got.GetSort()) != p.Sort {
				t.Errorf("set %d: got %v, want %+v", i, got, p)
			}
		}
		at := -1
		for _, p := range old {
			k := slices.IndexFunc(later, func(o *amogatev1.Period) bool { return o.GetId() == p.GetId() })
			if k < 0 {
				t.Errorf("set %d: v4 does not show period %d", i, p.GetId())
				continue
			}
			if k < at {
				t.Errorf("set %d: v4 shows period %d in another place", i, p.GetId())
			}
			at = k
			if p.GetKind() != later[k].GetKind() || p.GetColor() != later[k].GetColor() || later[k].GetName() == "" {
				t.Errorf("set %d: v2 shows %v, v4 %v", i, p, later[k])
			}
			if p.DaysBeforePurchase != nil && p.GetDaysBeforePurchase() != later[k].GetDaysBeforePurchase() {
				t.Errorf("set %d: period %d begins %d days before the purchase over v2, %d over v4", i, p.GetId(), p.GetDaysBeforePurchase(), later[k].GetDaysBeforePurchase())
			}
		}
	}
}

func TestPeriods_replace(t *testing.T) {
	t.Parallel()
	a := newAccount(t, emulator.Config{})
	rapid.Check(t, func(rt *rapid.T) {
		var want []*amogatev1.Period
		sort := int32(1)
		for _, p := range readPeriods(rt, a, second) {
			if p.GetKind() == amogatev1.PeriodKind_PERIOD_KIND_AFTER_PURCHASE {
				want = append(want, p)
			} else if rapid.Bool().Draw(rt, "keep") {
				p.Sort, p.LengthDays = sort, rapid.Int32Range(1, 400).Draw(rt, "days")
				want, sort = append(want, p), sort+1
			}
		}
		for range rapid.IntRange(0, 2).Draw(rt, "new") {
			if len(want) < 9 {
				want = append(want, &amogatev1.Period{
					Kind: amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE, Sort: sort, LengthDays: rapid.Int32Range(1, 400).Draw(rt, "new days"),
					Color: drawColor(rt, "#fffeb2", "#fffd7f", "#98cbff"),
				})
				sort++
			}
		}
		answered, err := replacePeriods(rt, a, want)
		if err != nil {
			rt.Fatal(err)
		}
		shown := readPeriods(rt, a, second)
		if diff := cmp.Diff(shown, answered, protocmp.Transform()); diff != "" {
			rt.Errorf("(-read +answered):\n%s", diff)
		}
		bySide := func(x, y *amogatev1.Period) int {
			return compareIDs(int64(x.GetKind())<<32+int64(x.GetSort()), int64(y.GetKind())<<32+int64(y.GetSort()))
		}
		slices.SortFunc(want, bySide)
		ignore := protocmp.IgnoreFields(&amogatev1.Period{}, "id", "kind_code", "days_before_purchase", "days_after_purchase")
		if diff := cmp.Diff(want, shown, protocmp.Transform(), ignore); diff != "" {
			rt.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestPeriods_failures(t *testing.T) {
	t.Parallel()
	good := func() *amogatev1.Period { return &amogatev1.Period{LengthDays: 5, Sort: 1, Color: "#fffeb2"} }
	for _, c := range []struct {
		field  string
		change func(*amogatev1.Period)
	}{
		{"periods[1].color", func(p *amogatev1.Period) { p.Color = "red" }},
		{"periods[1].length_days", func(p *amogatev1.Period) { p.LengthDays = 0 }},
		{"periods[1].sort", func(p *amogatev1.Period) { p.Sort = -1 }},
	} {
		bad := good()
		c.change(bad)
		wantNamed(t, second.periods.Check([]*amogatev1.Period{good(), bad}), c.field, driver.KindInvalid)
	}
	wantNamed(t, second.periods.Check(nil), "periods", driver.KindInvalid)

	a := newAccount(t, emulator.Config{})
	before := a.Periods()
	for _, set := range [][]*amogatev1.Period{
		{good()}, // without those after the purchase
		append(readPeriods(t, a, second), &amogatev1.Period{Id: unknownID, LengthDays: 5, Sort: 9, Color: "#fffeb2"}),
	} {
		_, err := replacePeriods(t, a, set)
		failure(t, err, driver.KindUpstreamInvalid, driver.KindNotFound)
	}
	if diff := cmp.Diff(before, a.Periods()); diff != "" {
		t.Errorf("a refused set was written:\n%s", diff)
	}
	other := newAccount(t, emulator.Config{NotAdmin: true})
	failure(t, second.periods.DecodeError(other.do(t, second.periods.List())), driver.KindForbidden)
}
