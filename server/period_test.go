package server

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// somePeriods is a small board, in the order of lists.
func somePeriods(t *testing.T, e *emulator.Emulator) {
	t.Helper()
	if err := e.SetPeriods(
		emulator.Period{ID: 10, Kind: emulator.PeriodBefore, Days: 5, Color: "#e6e8ea", Sort: 1},
		emulator.Period{ID: 11, Kind: emulator.PeriodBefore, Days: 20, Color: "#fffd7f", Sort: 2},
		emulator.Period{ID: 12, Kind: emulator.PeriodAfter, Days: 60, Color: "#fd5598", Sort: 0},
	); err != nil {
		t.Fatal(err)
	}
}

func periodsOf(ids ...int64) []*amogatev1.Period {
	var out []*amogatev1.Period
	for i, id := range ids {
		out = append(out, &amogatev1.Period{Id: id, LengthDays: 7, Sort: int32(i), Color: "#fffeb2"})
	}
	return out
}

func TestListPeriods_showsBothKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		somePeriods(t, r.emulator)
		got, err := amogatev1.NewPeriodServiceClient(r.conn).ListPeriods(t.Context(), &amogatev1.ListPeriodsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		before, after := amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE, amogatev1.PeriodKind_PERIOD_KIND_AFTER_PURCHASE
		want := &amogatev1.ListPeriodsResponse{Periods: []*amogatev1.Period{
			{Id: 10, Kind: before, KindCode: "before", LengthDays: 5, Sort: 1, Color: "#e6e8ea", DaysBeforePurchase: proto.Int32(5)},
			{Id: 11, Kind: before, KindCode: "before", LengthDays: 20, Sort: 2, Color: "#fffd7f", DaysBeforePurchase: proto.Int32(25)},
			{Id: 12, Kind: after, KindCode: "after", LengthDays: 60, Color: "#fd5598", DaysAfterPurchase: proto.Int32(60)},
		}}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// What was read can be sent back with one field changed.
func TestReplacePeriods_changesMakesAndDeletes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		api := amogatev1.NewPeriodServiceClient(r.conn)
		somePeriods(t, r.emulator)
		read, err := api.ListPeriods(t.Context(), &amogatev1.ListPeriodsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		set := slices.Delete(read.GetPeriods(), 1, 2)
		set[0].LengthDays = 9
		set = append(set, &amogatev1.Period{LengthDays: 30, Sort: 2, Color: "#87f2c0", Kind: amogatev1.PeriodKind_PERIOD_KIND_AFTER_PURCHASE})
		got, err := api.ReplacePeriods(t.Context(), &amogatev1.ReplacePeriodsRequest{Periods: set, DeleteIds: []int64{11}})
		if err != nil {
			t.Fatal(err)
		}
		var lengths []int32
		for _, p := range got.GetPeriods() {
			lengths = append(lengths, p.GetLengthDays())
		}
		if !slices.Equal(lengths, []int32{9, 30, 60}) || got.GetPeriods()[0].GetId() != 10 || got.GetPeriods()[2].GetId() != 12 {
			t.Errorf("answer: %v", got)
		}
		if kind := got.GetPeriods()[1].GetKind(); kind != amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE {
			t.Errorf("the kind of the new period was taken from the request: %v", kind)
		}
		again, err := api.ListPeriods(t.Context(), &amogatev1.ListPeriodsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got.GetPeriods(), again.GetPeriods(), protocmp.Transform()); diff != "" {
			t.Errorf("(-replaced +listed):\n%s", diff)
		}
	})
}

func TestReplacePeriods_losesNoneByMistake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		api := amogatev1.NewPeriodServiceClient(r.conn)
		somePeriods(t, r.emulator)
		before := r.emulator.Periods()
		for name, c := range map[string]struct {
			periods   []*amogatev1.Period
			deleteIDs []int64
			fields    []string
		}{
			"neither kept nor named":    {periodsOf(10, 12), nil, []string{"delete_ids"}},
			"two of them":               {periodsOf(12), nil, []string{"delete_ids", "delete_ids"}},
			"kept and named":            {periodsOf(10, 11, 12), []int64{11}, []string{"delete_ids[0]"}},
			"kept twice":                {periodsOf(10, 11, 12, 11), nil, []string{"periods[3].id"}},
			"one that is not there":     {periodsOf(10, 11, 12, 13), nil, []string{"periods[3].id"}},
			"delete what is not there":  {periodsOf(10, 11, 12), []int64{13}, []string{"delete_ids[0]"}},
			"a new one instead of one":  {periodsOf(10, 0, 12), nil, []string{"delete_ids"}},
			"a length of none, no read": {[]*amogatev1.Period{{Id: 10, Color: "#fffeb2"}}, nil, []string{"periods[0].length_days"}},
		} {
			_, err := api.ReplacePeriods(t.Context(), &amogatev1.ReplacePeriodsRequest{Periods: c.periods, DeleteIds: c.deleteIDs})
			if p := problemOf(t, err); p.code != "InvalidArgument" || p.reason != "VALIDATION" || !slices.Equal(p.fields, c.fields) {
				t.Errorf("%s: %+v, want %v", name, p, c.fields)
			}
		}
		if n := r.emulator.Stats().ByOperation[emulator.OpPeriodsWrite]; n != 0 {
			t.Errorf("upstream got %d writes", n)
		}
		if diff := cmp.Diff(before, r.emulator.Periods()); diff != "" {
			t.Errorf("the periods changed (-before +after):\n%s", diff)
		}
	})
}

func TestReplacePeriods_upstreamsRefusalIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{}, Config{})
		somePeriods(t, r.emulator)
		_, err := amogatev1.NewPeriodServiceClient(r.conn).ReplacePeriods(t.Context(),
			&amogatev1.ReplacePeriodsRequest{Periods: periodsOf(10, 11), DeleteIds: []int64{12}})
		if p := problemOf(t, err); p.code != "InvalidArgument" || p.reason != "UPSTREAM_VALIDATION" {
			t.Errorf("deleting a period after the purchase: %+v", p)
		}
	})
}

func TestPeriods_areForAdministrators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, upstream{emulator: emulator.Config{NotAdmin: true}}, Config{})
		_, err := amogatev1.NewPeriodServiceClient(r.conn).ReplacePeriods(t.Context(),
			&amogatev1.ReplacePeriodsRequest{Periods: periodsOf(10)})
		if p := problemOf(t, err); p.code != "PermissionDenied" || p.reason != "UPSTREAM_FORBIDDEN" {
			t.Errorf("got %+v", p)
		}
	})
}
