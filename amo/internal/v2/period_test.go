package v2_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/amogate/amogate/amo/internal/driver"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

func TestSample_periodList(t *testing.T) {
	t.Parallel()
	got, err := periods.Decode(readTestdata(t, "period_list_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := &amogatev1.ListPeriodsResponse{}
	if err := protojson.Unmarshal(readTestdata(t, "period_list.golden.json"), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.GetPeriods(), got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	// Between them, the two kinds set every field.
	seen, reachable := map[protoreflect.FullName]bool{}, map[protoreflect.FullName]bool{}
	walkFields((&amogatev1.Period{}).ProtoReflect().Descriptor(), reachable, map[protoreflect.FullName]bool{})
	for _, p := range got {
		markSet(p.ProtoReflect(), seen)
	}
	for name := range reachable {
		// API v2 knows no names.
		if seen[name] == (name == "amogate.v1.Period.name") {
			t.Errorf("%s is set: %t", name, seen[name])
		}
	}
}

// The colour is outside of the palette that the reference prints beside it, so
// the palette is no rule.
func TestSample_periodReplace(t *testing.T) {
	t.Parallel()
	set := []*amogatev1.Period{{Id: 15563, LengthDays: 5, Color: "#000000", Sort: 1}}
	if err := periods.Check(set); err != nil {
		t.Fatal(err)
	}
	call, err := periods.Replace(set)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(normalise(t, readTestdata(t, "period_replace_request.json")), normalise(t, call.Body)); diff != "" {
		t.Error(diff)
	}
	checkCall(t, call, "periods.update", "/api/v2/customers_periods", driver.Set)
}

// The sample's answer is about another period than its request: a slip.
func TestSample_periodReplaceReply(t *testing.T) {
	t.Parallel()
	got, err := periods.Decode(readTestdata(t, "period_replace_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := []*amogatev1.Period{{
		Id: 112805, Kind: amogatev1.PeriodKind_PERIOD_KIND_AFTER_PURCHASE, KindCode: "after",
		LengthDays: 60, Color: "#fd5598", DaysAfterPurchase: new(int32(60)),
	}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestPeriods_List(t *testing.T) {
	t.Parallel()
	want := driver.Call{Name: "periods.list", Method: "GET", Path: "/api/v2/customers_periods", Effect: driver.Read}
	if diff := cmp.Diff(want, periods.List()); diff != "" {
		t.Error(diff)
	}
	if periods.Generation != driver.V2 {
		t.Errorf("generation is %s", periods.Generation)
	}
}

func TestPeriods_Replace_sendsTheWholeSet(t *testing.T) {
	t.Parallel()
	// What was read goes back as it is; what only upstream gives is left out.
	set := []*amogatev1.Period{
		{LengthDays: 10, Color: "#fffd7f"},
		{
			Id: 2, Kind: amogatev1.PeriodKind_PERIOD_KIND_AFTER_PURCHASE, KindCode: "after", LengthDays: 60, Sort: 3, Color: "#FD5598",
			DaysAfterPurchase: new(int32(60)), DaysBeforePurchase: new(int32(1)),
		},
	}
	call, err := periods.Replace(set)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"update":[{"period":10,"color":"#fffd7f","sort":0},{"id":2,"period":60,"color":"#FD5598","sort":3}]}`
	if string(call.Body) != want {
		t.Errorf("got %s, want %s", call.Body, want)
	}
	// Sent twice, the new one would be deleted and made again.
	checkCall(t, call, "periods.update", "/api/v2/customers_periods", driver.Create)
}

func TestPeriods_Check(t *testing.T) {
	t.Parallel()
	ok := &amogatev1.Period{Id: 1, LengthDays: 1, Color: "#abcdef"}
	for _, c := range []struct {
		name   string
		period *amogatev1.Period
		path   string
	}{
		{"the least", &amogatev1.Period{LengthDays: 1, Color: "#000000"}, ""},
		{"the longest", &amogatev1.Period{LengthDays: 36500, Color: "#FFFFFF", Sort: math.MaxInt32}, ""},
		{"no length", &amogatev1.Period{Color: "#000000"}, "periods[1].length_days"},
		{"negative length", &amogatev1.Period{LengthDays: -1, Color: "#000000"}, "periods[1].length_days"},
		{"too long", &amogatev1.Period{LengthDays: 36501, Color: "#000000"}, "periods[1].length_days"},
		{"negative order", &amogatev1.Period{LengthDays: 1, Color: "#000000", Sort: -1}, "periods[1].sort"},
		{"negative id", &amogatev1.Period{Id: -1, LengthDays: 1, Color: "#000000"}, "periods[1].id"},
		{"no colour", &amogatev1.Period{LengthDays: 1}, "periods[1].color"},
		{"name of a colour", &amogatev1.Period{LengthDays: 1, Color: "red"}, "periods[1].color"},
		{"short colour", &amogatev1.Period{LengthDays: 1, Color: "#fff"}, "periods[1].color"},
		{"colour and a line", &amogatev1.Period{LengthDays: 1, Color: "#000000\n"}, "periods[1].color"},
		{"no hex", &amogatev1.Period{LengthDays: 1, Color: "#00000g"}, "periods[1].color"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := periods.Check([]*amogatev1.Period{ok, c.period})
			if c.path == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := asError(t, err, driver.KindInvalid)
			if len(e.Fields) != 1 || e.Fields[0].Path != c.path || e.Fields[0].Description == "" || e.Op != "periods.update" {
				t.Errorf("got %v, want %s", e, c.path)
			}
		})
	}
	if e := asError(t, periods.Check(nil), driver.KindInvalid); len(e.Fields) != 1 || e.Fields[0].Path != "periods" {
		t.Errorf("got %v", e)
	}
}

func TestPeriods_Decode_sortsByKindAndOrder(t *testing.T) {
	t.Parallel()
	got, err := periods.Decode([]byte(`{"_embedded":{"items":{
		"0":{"id":1,"type":"beside","sort":0},
		"1":{"id":2,"type":"after","sort":"2"},
		"2":{"id":3,"type":"before","sort":10},
		"3":{"id":4,"type":"after","sort":1},
		"4":{"id":5,"type":"before","sort":"9"},
		"5":{"id":6,"type":"before","sort":9},
		"6":{"id":7,"type":null,"sort":-1}
	}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, p := range got {
		ids = append(ids, p.GetId())
	}
	if diff := cmp.Diff([]int64{5, 6, 3, 4, 2, 7, 1}, ids); diff != "" {
		t.Error(diff)
	}
	last := got[len(got)-1]
	if last.GetKind() != amogatev1.PeriodKind_PERIOD_KIND_UNSPECIFIED || last.GetKindCode() != "beside" {
		t.Errorf("got %v", last)
	}
}

func TestPeriods_Decode_readsOtherSpellings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		item string
		want *amogatev1.Period
	}{
		{`{"id":"5","type":"before","period":"7","color":"#abcdef","sort":"2","before_buy":"7"}`, &amogatev1.Period{
			Id: 5, Kind: amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE, KindCode: "before", LengthDays: 7, Color: "#abcdef", Sort: 2, DaysBeforePurchase: new(int32(7)),
		}},
		// The day of the purchase itself.
		{`{"id":5,"type":"before","period":0,"before_buy":0,"after_buy":null,"_links":{}}`, &amogatev1.Period{
			Id: 5, Kind: amogatev1.PeriodKind_PERIOD_KIND_BEFORE_PURCHASE, KindCode: "before", DaysBeforePurchase: new(int32(0)),
		}},
		{`{"id":5,"period":null,"color":null,"sort":"","planet":[]}`, &amogatev1.Period{Id: 5}},
	} {
		got, err := periods.Decode([]byte(`{"_embedded":{"items":[` + c.item + `]}}`))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]*amogatev1.Period{c.want}, got, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestPeriods_Decode_none(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, ` `, `{"_embedded":{"items":[]}}`, `{"_embedded":{"items":{},"errors":[]}}`, `{"response":{"error_code":"2002"}}`,
	} {
		if got, err := periods.Decode([]byte(body)); err != nil || len(got) != 0 {
			t.Errorf("%q: got %v and error %v", body, got, err)
		}
	}
}

// An answer with errors beside its items is no success, whatever its status.
func TestPeriods_Decode_errorsBesideItems(t *testing.T) {
	t.Parallel()
	for body, kind := range map[string]driver.Kind{
		`{"items":[{"id":1}],"errors":{"update":{"5":"wrong color"}}}`: driver.KindUpstreamInvalid,
		`{"items":[],"errors":{"update":[{"code":288}]}}`:              driver.KindForbidden,
		`{"errors":["wrong color"]}`:                                   driver.KindUpstreamInvalid,
		`{"items":[{"id":1}],"errors":{"update":[{"code":{"a":1}}]}}`:  driver.KindBadResponse,
	} {
		got, err := periods.Decode([]byte(`{"_embedded":` + body + `}`))
		e := asError(t, err, kind)
		if len(got) != 0 || e.Op != "periods.update" {
			t.Errorf("%s: got %v, operation %q", body, got, e.Op)
		}
		if kind == driver.KindUpstreamInvalid && (len(e.Fields) != 1 || e.Fields[0].Path != "periods") {
			t.Errorf("%s: fields %v", body, e.Fields)
		}
	}
}

func TestPeriods_Decode_refusesGarbledAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`<html></html>`, `{}`, `[]`, `null`, `{"_embedded":{}}`, `{"_embedded":{"items":[{"id":1}]}`,
		`{"_embedded":{"items":[{"id":1},{}]}}`,
		`{"_embedded":{"items":[{"id":1},null]}}`,
		`{"_embedded":{"items":[{"id":0}]}}`,
		`{"_embedded":{"items":[{"id":1,"period":"long"}]}}`,
		`{"_embedded":{"items":[{"id":1,"period":2147483648}]}}`,
		`{"_embedded":{"items":[{"id":1,"sort":-2147483649}]}}`,
		`{"_embedded":{"items":[{"id":1,"before_buy":2147483648}]}}`,
		`{"_embedded":{"items":[{"id":1,"after_buy":2147483648}]}}`,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			got, err := periods.Decode([]byte(body))
			if e := asError(t, err, driver.KindBadResponse); len(got) != 0 || e.Op == "" || e.Message == "" {
				t.Errorf("got %v and %+v", got, e)
			}
		})
	}
}

func TestPeriods_DecodeError(t *testing.T) {
	t.Parallel()
	for _, c := range sectionErrors {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := periods.DecodeError(driver.Response{Status: c.status, Body: []byte(c.body)})
			if e == nil || e.Kind != c.kind || e.Status != c.status || len(e.Fields) != 0 {
				t.Errorf("got %+v, want kind %d", e, c.kind)
			}
		})
	}
	e := periods.DecodeError(driver.Response{Status: 400, Body: []byte(`{"error":"Wrong color of a period"}`)})
	if e == nil || len(e.Fields) != 1 || e.Fields[0].Path != "periods" {
		t.Errorf("got %+v", e)
	}
	if e := periods.DecodeError(driver.Response{Status: 204}); e != nil {
		t.Errorf("got %v", e)
	}
}
