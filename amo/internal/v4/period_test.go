package v4_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

const (
	kindBefore = amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE
	kindAfter  = amogatev1.PeriodKind_PERIOD_KIND_AFTER_PURCHASE
)

// The board of a new account with stages of its own at 10, 30 and 90 days, as
// API v2 has it with lengths of 10, 20 and 60.
func TestPeriods_Decode_board(t *testing.T) {
	t.Parallel()
	got, err := periods.Decode(sectionFile(t, "status_list_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := []*amogatev1.Period{
		{Id: 5, Name: "Expected", Color: "#99ccff", Kind: kindBefore, KindCode: "before", Sort: 0, DaysBeforePurchase: new(int32(0))},
		{Id: 4, Name: "Soon", Color: "#ffce5a", Kind: kindBefore, KindCode: "before", Sort: 1, DaysBeforePurchase: new(int32(10)), LengthDays: 10},
		{Id: 3, Name: "Later", Color: "#ffdc7f", Kind: kindBefore, KindCode: "before", Sort: 2, DaysBeforePurchase: new(int32(30)), LengthDays: 20},
		{Id: 2, Name: "Far off", Color: "#fffeb2", Kind: kindBefore, KindCode: "before", Sort: 3, DaysBeforePurchase: new(int32(90)), LengthDays: 60},
		{Id: 1, Name: "Bought recently", Color: "#ccff66", Kind: kindBefore, KindCode: "before", Sort: 4},
		{Id: 6, Name: "Did not buy", Color: "#fd5598", Kind: kindAfter, KindCode: "after", Sort: 0, LengthDays: 60},
		{Id: 7, Name: "Closed", Color: "#d5d8db", Kind: kindAfter, KindCode: "after", Sort: 1, DaysAfterPurchase: new(int32(60))},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

// Conditions are free of form; days are found wherever one tells them.
func TestPeriods_Decode_readsConditions(t *testing.T) {
	t.Parallel()
	type period = amogatev1.Period
	before := func(days int32) *period {
		return &period{Id: 1, Kind: kindBefore, KindCode: "before", DaysBeforePurchase: &days, LengthDays: days}
	}
	after := func(days int32) *period {
		return &period{Id: 1, Kind: kindAfter, KindCode: "after", DaysAfterPurchase: &days}
	}
	for keys, want := range map[string]*period{
		// The documented sample of an expected purchase has the type of a closed
		// customer: the condition wins.
		`"type":3,"conditions":[[{"type":"before_purchase","match":{"value":0}}]]`:                                                                                            before(0),
		`"type":0,"conditions":[[{"type":"before_purchase","match":{"value":"7"}}]]`:                                                                                          before(7),
		`"type":0,"conditions":[[{"type":"before_purchase","conditions":[{"value":7}]}]]`:                                                                                     before(7),
		`"type":0,"conditions":[[{"type":"before_purchase","match":{"value":[]},"conditions":[{"value":7}]}]]`:                                                                before(7),
		`"type":0,"conditions":[[],[{"type":"tag","match":{"value":[174]}},{"type":"before_purchase","match":{"value":7}}],[{"type":"before_purchase","match":{"value":9}}]]`: before(9),
		`"type":0,"conditions":{"1":{"5":{"type":"before_purchase","match":{"value":7}}}}`:                                                                                    before(7),
		`"type":0,"conditions":[{"type":"before_purchase","match":{"value":7}}]`:                                                                                              before(7),
		`"type":0,"conditions":[[{"type":"after_today","match":{"value":60}}],[{"type":"after_today","match":{"value":30}}]]`:                                                 after(30),
		`"type":3,"conditions":[[{"type":"after_today","match":{"value":60}}],[{"type":"before_purchase","match":{"value":5}}]]`:                                              after(60),
		`"type":1,"conditions":[[{"type":"after_today","match":{"value":60}}],[{"type":"before_purchase","match":{"value":5}}]]`:                                              before(5),
		`"type":3,"conditions":[]`:      {Id: 1, Kind: kindAfter, KindCode: "after"},
		`"type":0`:                      {Id: 1, Kind: kindBefore, KindCode: "before"},
		`"type":4,"conditions":[[],[]]`: {Id: 1, Kind: kindBefore, KindCode: "before"},
		`"type":0,"conditions":[[{"type":"before_purchase","match":{"value":-1}}]]`:           {Id: 1, Kind: kindBefore, KindCode: "before"},
		`"type":0,"conditions":[[{"type":"before_purchase","match":{"value":1.5}}]]`:          {Id: 1, Kind: kindBefore, KindCode: "before"},
		`"type":0,"conditions":[[{"type":"before_purchase","match":{"value":2147483648}}]]`:   {Id: 1, Kind: kindBefore, KindCode: "before"},
		`"type":0,"conditions":[[{"type":"before_purchase","match":{"value":"2147483648"}}]]`: {Id: 1, Kind: kindBefore, KindCode: "before"},
		`"type":0,"conditions":[[{"type":"before_purchase","match":{"value":"soon"}}]]`:       {Id: 1, Kind: kindBefore, KindCode: "before"},
		`"type":9,"conditions":[[{"type":"tag"}]]`:                                            {Id: 1, KindCode: "tag"},
		`"type":9,"conditions":[[5,"x",null,[]],7]`:                                           {Id: 1},
	} {
		got, err := periods.Decode([]byte(`{"_embedded":{"statuses":[{"id":1,` + keys + `}]}}`))
		if err != nil {
			t.Errorf("%s: %v", keys, err)
			continue
		}
		if diff := cmp.Diff([]*period{want}, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s: %s", keys, diff)
		}
	}
}

// Two statuses that begin on one day share it: the lengths still add up to the
// distances.
func TestPeriods_Decode_sameDay(t *testing.T) {
	t.Parallel()
	status := func(id, sort, condition, days string) string {
		return `{"id":` + id + `,"sort":` + sort + `,"type":0,"conditions":[[{"type":"` + condition + `","match":{"value":` + days + `}}]]}`
	}
	got, err := periods.Decode([]byte(`{"_embedded":{"statuses":[` +
		status("1", "1", "before_purchase", "10") + `,` + status("2", "2", "before_purchase", "10") + `,` + status("3", "3", "before_purchase", "25") + `,` +
		status("4", "5", "after_today", "9") + `,` + status("5", "4", "after_today", "9") + `,{"id":6,"type":77,"sort":2},{"id":7,"type":77,"sort":1}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []*amogatev1.Period{
		{Id: 2, Kind: kindBefore, KindCode: "before", Sort: 0, DaysBeforePurchase: new(int32(10)), LengthDays: 10},
		{Id: 1, Kind: kindBefore, KindCode: "before", Sort: 1, DaysBeforePurchase: new(int32(10))},
		{Id: 3, Kind: kindBefore, KindCode: "before", Sort: 2, DaysBeforePurchase: new(int32(25)), LengthDays: 15},
		{Id: 5, Kind: kindAfter, KindCode: "after", Sort: 0, DaysAfterPurchase: new(int32(9))},
		{Id: 4, Kind: kindAfter, KindCode: "after", Sort: 1, DaysAfterPurchase: new(int32(9))},
		{Id: 7, Sort: 0},
		{Id: 6, Sort: 1},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestPeriods_areReadOnly(t *testing.T) {
	t.Parallel()
	if periods.Generation != driver.V4 || periods.Check != nil || periods.Replace != nil {
		t.Error("periods can be written as a set")
	}
	if got, err := periods.Decode(nil); err != nil || len(got) != 0 {
		t.Errorf("got %v %v", got, err)
	}
	for _, body := range []string{`<html></html>`, `{}`, `{"_embedded":{"statuses":[{"id":1},{}]}}`} {
		got, err := periods.Decode([]byte(body))
		if e := sectionError(t, err, driver.KindBadResponse); len(got) != 0 || e.Op != "periods.list" {
			t.Errorf("%s: got %v", body, got)
		}
	}
}
