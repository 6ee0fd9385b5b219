package wire_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// absent are the spellings of nothing that every scalar takes.
var absent = []string{`null`, `[]`, `{}`, ` [ ] `, `{ }`}

// spelling is one document and what it means; want nil = refused.
type spelling[T any] struct {
	json string
	want *T
}

func checkSpellings[T any](t *testing.T, cases []spelling[T]) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.json, func(t *testing.T) {
			t.Parallel()
			var got T
			err := wire.Unmarshal([]byte(c.json), &got)
			if c.want == nil {
				if e := (*driver.Error)(nil); !errors.As(err, &e) || e.Kind != driver.KindBadResponse {
					t.Fatalf("decoded %v with error %v, want a bad response", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(*c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func withAbsent[T any](cases []spelling[T], nothing T) []spelling[T] {
	for _, text := range absent {
		cases = append(cases, spelling[T]{text, &nothing})
	}
	return cases
}

func TestInt_readsEverySpelling(t *testing.T) {
	t.Parallel()
	n := func(n int64) *wire.Int { return &wire.Int{Value: n, Set: true} }
	checkSpellings(t, withAbsent([]spelling[wire.Int]{
		{`5`, n(5)},
		{`"5"`, n(5)},
		{`" 5 "`, n(5)},
		{`-5`, n(-5)},
		{`0`, n(0)},
		{`"0"`, n(0)},
		{`5.0`, n(5)},
		{`"5000.00"`, n(5000)},
		{`5e3`, n(5000)},
		{`9223372036854775807`, n(9223372036854775807)},
		{`true`, n(1)},
		{`false`, n(0)},
		{`""`, &wire.Int{}},
		{`" "`, &wire.Int{}},
		{`5.5`, nil},
		{`"five"`, nil},
		{`"0x10"`, nil},
		{`"Inf"`, nil},
		{`"NaN"`, nil},
		{`9223372036854775808`, nil},
		{`1e300`, nil},
		{`9007199254740993.0`, nil},
		{`[5]`, nil},
		{`{"id":5}`, nil},
		{`5`[:0], nil},
		{`"5`, nil},
	}, wire.Int{}))
}

func TestText_readsEverySpelling(t *testing.T) {
	t.Parallel()
	s := func(s string) *wire.Text { return &wire.Text{Value: s, Set: true} }
	checkSpellings(t, withAbsent([]spelling[wire.Text]{
		{`"a"`, s("a")},
		{`""`, s("")},
		{`"\u0418\u0440\u0430 \/"`, s("Ира /")},
		{`12`, s("12")},
		{`1.50`, s("1.50")},
		{`true`, s("true")},
		{`false`, s("false")},
		{`"Tom &amp; Co"`, s("Tom &amp; Co")},
		{"\"a\xffb\"", s("a\uFFFDb")},
		{`"a\ud800b"`, s("a\uFFFDb")},
		{`["a"]`, nil},
		{`{"a":1}`, nil},
	}, wire.Text{}))
}

func TestBool_readsEverySpelling(t *testing.T) {
	t.Parallel()
	yes, no := &wire.Bool{Value: true, Set: true}, &wire.Bool{Set: true}
	checkSpellings(t, withAbsent([]spelling[wire.Bool]{
		{`true`, yes},
		{`1`, yes},
		{`"1"`, yes},
		{`"Y"`, yes},
		{`"y"`, yes},
		{`"true"`, yes},
		{`false`, no},
		{`0`, no},
		{`"0"`, no},
		{`"N"`, no},
		{`"false"`, no},
		{`""`, &wire.Bool{}},
		{`2`, nil},
		{`"maybe"`, nil},
		{`[true]`, nil},
	}, wire.Bool{}))
}

func TestUnix_readsEverySpelling(t *testing.T) {
	t.Parallel()
	at := func(s int64) *wire.Unix { return &wire.Unix{Seconds: s, Set: true} }
	checkSpellings(t, withAbsent([]spelling[wire.Unix]{
		{`1508500193`, at(1508500193)},
		{`"1508500193"`, at(1508500193)},
		{`1619342253000`, at(1619342253)},
		{`253402300799`, at(wire.MaxUnix)},
		{`253402300800`, at(253402300)},
		{`9223372036854775807`, &wire.Unix{}},
		{`0`, &wire.Unix{}},
		{`"0"`, &wire.Unix{}},
		{`-62169993017`, &wire.Unix{}},
		{`-9223372036854775808`, &wire.Unix{}},
		{`false`, &wire.Unix{}},
		{`""`, &wire.Unix{}},
		{`"2017-10-10"`, nil},
	}, wire.Unix{}))
}

func TestUnix_Timestamp_isNilForNone(t *testing.T) {
	t.Parallel()
	if got := (wire.Unix{}).Timestamp(); got != nil {
		t.Errorf("got %v", got)
	}
	if got := (wire.Unix{Seconds: 5, Set: true}).Timestamp().GetSeconds(); got != 5 {
		t.Errorf("got %d seconds, want 5", got)
	}
}

func TestDecimal_keepsDigits(t *testing.T) {
	t.Parallel()
	d := func(digits string) *wire.Decimal { return &wire.Decimal{Digits: digits} }
	checkSpellings(t, withAbsent([]spelling[wire.Decimal]{
		{`5000`, d("5000")},
		{`"5000"`, d("5000")},
		{`"5000.10"`, d("5000.10")},
		{`-0.5`, d("-0.5")},
		{`"+.5"`, d("+.5")},
		{`1e3`, d("1e3")},
		{`"744718888838000000000"`, d("744718888838000000000")},
		{`""`, d("")},
		{`false`, d("")},
		{`true`, nil},
		{`"1,5"`, nil},
		{`"."`, nil},
		{`"1e"`, nil},
		{`"--1"`, nil},
		{`"1.2.3"`, nil},
		{`[1]`, nil},
	}, wire.Decimal{}))
}

func TestDecimal_Units(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		digits string
		units  int64
		nanos  int32
		fails  bool
	}{
		{digits: "", units: 0},
		{digits: "5000", units: 5000},
		{digits: "99.95", units: 99, nanos: 950_000_000},
		{digits: "-99.95", units: -99, nanos: -950_000_000},
		{digits: "-0.5", nanos: -500_000_000},
		{digits: ".5", nanos: 500_000_000},
		{digits: "5.", units: 5},
		{digits: "99.950000000000003", units: 99, nanos: 950_000_000},
		{digits: "99.949999999999996", units: 99, nanos: 950_000_000},
		{digits: "0.0000000005", nanos: 1},
		{digits: "0.00000000049", nanos: 0},
		{digits: "0.9999999996", units: 1},
		{digits: "-0.9999999996", units: -1},
		{digits: "1.5e3", units: 1500},
		{digits: "1e-2", nanos: 10_000_000},
		{digits: "9223372036854775807", units: 9223372036854775807},
		{digits: "9223372036854775807.9999999999", fails: true},
		{digits: "9223372036854775808", fails: true},
		{digits: "1e300", fails: true},
		{digits: "1e999999999", fails: true},
	} {
		t.Run(c.digits, func(t *testing.T) {
			t.Parallel()
			units, nanos, err := wire.Decimal{Digits: c.digits}.Units()
			if c.fails {
				if err == nil {
					t.Fatalf("got %d and %d, want an error", units, nanos)
				}
				return
			}
			if err != nil || units != c.units || nanos != c.nanos {
				t.Errorf("got %d and %d with error %v, want %d and %d", units, nanos, err, c.units, c.nanos)
			}
		})
	}
}

func TestList_readsEverySpelling(t *testing.T) {
	t.Parallel()
	l := func(values ...int64) *wire.List[wire.Int] {
		list := make(wire.List[wire.Int], 0, len(values))
		for _, v := range values {
			list = append(list, wire.Int{Value: v, Set: true})
		}
		if len(list) == 0 {
			list = nil
		}
		return &list
	}
	checkSpellings(t, withAbsent([]spelling[wire.List[wire.Int]]{
		{`[1,"2",3]`, l(1, 2, 3)},
		{`{"10":3,"2":2,"1":1}`, l(1, 2, 3)},
		{`{"250":1,"251":2}`, l(1, 2)},
		{`{"b":8,"1":1,"a":9}`, l(1, 8, 9)},
		{`""`, l()},
		{`false`, l()},
		{`7`, l(7)},
		{`"7"`, l(7)},
		{`["seven"]`, nil},
		{`[1,2`, nil},
		{`{"1":1`, nil},
		{`{"1":"one"}`, nil},
	}, nil))
}

func TestList_isNotTooLong(t *testing.T) {
	t.Parallel()
	array := "[" + strings.Repeat("1,", wire.MaxElements-1) + "1]"
	object := "{" + strings.Repeat(`"1":1,`, wire.MaxElements-1) + `"1":1}`
	for _, document := range []string{array, object} {
		var l wire.List[wire.Int]
		if err := wire.Unmarshal([]byte(document), &l); err != nil || len(l) != wire.MaxElements {
			t.Errorf("got %d elements and error %v, want all", len(l), err)
		}
	}
	for _, document := range []string{"[1," + array[1:], `{"1":1,` + object[1:]} {
		var l wire.List[wire.Int]
		err := wire.Unmarshal([]byte(document), &l)
		if e := (*driver.Error)(nil); !errors.As(err, &e) || e.Kind != driver.KindBadResponse {
			t.Errorf("one more: got %v, want KindBadResponse", err)
		}
	}
}

func TestObject_readsEverySpelling(t *testing.T) {
	t.Parallel()
	type link struct {
		ID wire.Int `json:"id"`
	}
	o := func(id int64) *wire.Object[link] {
		return &wire.Object[link]{Value: &link{ID: wire.Int{Value: id, Set: true}}}
	}
	checkSpellings(t, withAbsent([]spelling[wire.Object[link]]{
		{`{"id":5}`, o(5)},
		{`{"id":1,"id":2}`, o(2)},
		{`{"id":5,"_links":{"self":{"href":"\/api"}}}`, o(5)},
		{`{"id":0}`, o(0)},
		{`{"other":5}`, &wire.Object[link]{}},
		{`""`, &wire.Object[link]{}},
		{`false`, &wire.Object[link]{}},
		{`0`, &wire.Object[link]{}},
		{`[1]`, nil},
		{`"5"`, nil},
		{`5`, nil},
	}, wire.Object[link]{}))
}

func TestUnmarshal_refusesDepth(t *testing.T) {
	t.Parallel()
	nested := func(depth int) []byte {
		return []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))
	}
	var v jsontext.Value
	if err := wire.Unmarshal(nested(wire.MaxDepth), &v); err != nil {
		t.Errorf("depth %d: %v", wire.MaxDepth, err)
	}
	err := wire.Unmarshal(nested(wire.MaxDepth+1), &v)
	if e := (*driver.Error)(nil); !errors.As(err, &e) || e.Kind != driver.KindTooLarge {
		t.Errorf("depth %d: got %v, want KindTooLarge", wire.MaxDepth+1, err)
	}
	// Brackets in strings do not count.
	if err := wire.Unmarshal([]byte(`"`+strings.Repeat(`\"[`, 500)+`"`), &v); err != nil {
		t.Errorf("brackets in a string: %v", err)
	}
}

func TestValue_keepsWhatDoublesCannot(t *testing.T) {
	t.Parallel()
	got, err := wire.Value(jsontext.Value(`{"a":[1,2.5,null,true,"x\ud800"],"big":9007199254740993,"huge":1e999,"d":1,"d":2}`))
	if err != nil {
		t.Fatal(err)
	}
	want, err := structpb.NewValue(map[string]any{
		"a":    []any{1, 2.5, nil, true, "x\uFFFD"},
		"big":  "9007199254740993",
		"huge": "1e999",
		"d":    2,
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	for _, broken := range []string{``, `{`, `{"a"`, `[1`, `nope`} {
		if _, err := wire.Value(jsontext.Value(broken)); err == nil {
			t.Errorf("%q was decoded", broken)
		}
	}
}

func TestValue_isNotTooLong(t *testing.T) {
	t.Parallel()
	array := "[" + strings.Repeat("1,", wire.MaxElements-1) + "1]"
	if v, err := wire.Value([]byte(array)); err != nil || len(v.GetListValue().GetValues()) != wire.MaxElements {
		t.Errorf("got %d elements and error %v, want all", len(v.GetListValue().GetValues()), err)
	}
	if _, err := wire.Value([]byte("[1," + array[1:])); err == nil {
		t.Error("one more: got no error")
	}
}

func TestInt_roundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64().Draw(t, "n")
		text := strconv.FormatInt(n, 10)
		for _, document := range []string{text, `"` + text + `"`} {
			var got wire.Int
			if err := wire.Unmarshal([]byte(document), &got); err != nil || got.Value != n || !got.Set {
				t.Fatalf("%s: got %v with error %v", document, got, err)
			}
		}
	})
}

func TestDecimal_roundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,9})?`).Draw(t, "digits")
		for _, document := range []string{digits, `"` + digits + `"`} {
			var got wire.Decimal
			if err := wire.Unmarshal([]byte(document), &got); err != nil || got.Digits != digits {
				t.Fatalf("%s: got %q with error %v", document, got.Digits, err)
			}
		}
	})
}

func TestText_roundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		document, err := jsontext.AppendQuote(nil, s)
		if err != nil {
			t.Fatal(err)
		}
		var got wire.Text
		if err := wire.Unmarshal(document, &got); err != nil || got.Value != s {
			t.Fatalf("%s: got %q with error %v", document, got.Value, err)
		}
	})
}
