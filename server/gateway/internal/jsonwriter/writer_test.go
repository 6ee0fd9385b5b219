package jsonwriter_test

import (
	"encoding/json"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	"github.com/amogate/amogate/server/gateway/internal/jsonwriter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tb is what tests, fuzz targets and properties have in common.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
}

// written returns what a Writer makes of a value.
func written(write func(*jsonwriter.Writer)) ([]byte, error) {
	w := jsonwriter.New(nil)
	write(&w)
	return w.Done()
}

// equal compares what a Writer makes of a value with what protojson does: the
// same after parsing, and an error where that has one.
func equal(t tb, value proto.Message, write func(*jsonwriter.Writer)) {
	t.Helper()
	want, wantErr := jsonwriter.Options.Marshal(value)
	got, err := written(write)
	if (err != nil) != (wantErr != nil) {
		t.Errorf("%v: error = %v, that of protojson is %v", value, err, wantErr)
	}
	if err != nil || wantErr != nil {
		return
	}
	var gotValue, wantValue any
	if err := json.Unmarshal(want, &wantValue); err != nil {
		t.Errorf("%s: %v", want, err)
	}
	if err := json.Unmarshal(got, &gotValue); err != nil {
		t.Errorf("%s: %v", got, err)
	}
	if diff := cmp.Diff(wantValue, gotValue); diff != "" {
		t.Errorf("%s, want %s (-want +got):\n%s", got, want, diff)
	}
}

func TestWriter_writesNumbersAsProtojson(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i32, i64 := rapid.Int32().Draw(t, "int32"), rapid.Int64().Draw(t, "int64")
		u32, u64 := rapid.Uint32().Draw(t, "uint32"), rapid.Uint64().Draw(t, "uint64")
		yes, data := rapid.Bool().Draw(t, "bool"), rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		double := rapid.OneOf(rapid.Float64(), rapid.Map(rapid.Uint64(), math.Float64frombits)).Draw(t, "double")
		float := rapid.OneOf(rapid.Float32(), rapid.Map(rapid.Uint32(), math.Float32frombits)).Draw(t, "float")
		equal(t, wrapperspb.Int32(i32), func(w *jsonwriter.Writer) { w.Int32(i32) })
		equal(t, wrapperspb.Int64(i64), func(w *jsonwriter.Writer) { w.Int64(i64) })
		equal(t, wrapperspb.UInt32(u32), func(w *jsonwriter.Writer) { w.Uint32(u32) })
		equal(t, wrapperspb.UInt64(u64), func(w *jsonwriter.Writer) { w.Uint64(u64) })
		equal(t, wrapperspb.Bool(yes), func(w *jsonwriter.Writer) { w.Bool(yes) })
		equal(t, wrapperspb.Bytes(data), func(w *jsonwriter.Writer) { w.Bytes(data) })
		equal(t, wrapperspb.Double(double), func(w *jsonwriter.Writer) { w.Double(double) })
		equal(t, wrapperspb.Float(float), func(w *jsonwriter.Writer) { w.Float(float) })
	})
}

func TestWriter_writesSpecialNumbersAsProtojson(t *testing.T) {
	for _, v := range []float64{
		0, math.Copysign(0, -1), 1e20, 1e21, 1e22, 1e-5, 1e-6, 1e-7, -1.5e300, math.MaxFloat64, math.SmallestNonzeroFloat64,
		math.NaN(), math.Inf(1), math.Inf(-1),
	} {
		equal(t, wrapperspb.Double(v), func(w *jsonwriter.Writer) { w.Double(v) })
		equal(t, wrapperspb.Float(float32(v)), func(w *jsonwriter.Writer) { w.Float(float32(v)) })
	}
	// Parsing loses the sign of nothing, but other readers keep it.
	if got, err := written(func(w *jsonwriter.Writer) { w.Double(math.Copysign(0, -1)) }); string(got) != "-0" || err != nil {
		t.Errorf("negative zero = %s, %v", got, err)
	}
}

func TestWriter_writesEnumsByName(t *testing.T) {
	names := structpb.NullValue_name
	for v, want := range map[int32]string{0: `"NULL_VALUE"`, 7: `7`, -1: `-1`} {
		if got, err := written(func(w *jsonwriter.Writer) { w.Enum(v, names) }); string(got) != want || err != nil {
			t.Errorf("enum %d = %s, %v; want %s", v, got, err, want)
		}
	}
}

func FuzzWriter_String(f *testing.F) {
	for _, seed := range []string{
		"", "Иван Петров", `"\/`, "\x00\x01\b\f\n\r\t\x1f\x7f", "\u2028\u2029", "😀", "<&>'", "a\xffb", "\xed\xa0\x80", "\xc0\x80", "\ufffd",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		equal(t, wrapperspb.String(s), func(w *jsonwriter.Writer) { w.String(s) })
		if _, err := written(func(w *jsonwriter.Writer) { w.String(s) }); (err == nil) != utf8.ValidString(s) {
			t.Errorf("%q: %v", s, err)
		}
	})
}

func FuzzWriter_Timestamp(f *testing.F) {
	for _, seconds := range []int64{
		0, -1, 1_700_000_000, -62135596800, -62135596801, 253402300799, 253402300800, math.MaxInt64, math.MinInt64,
	} {
		for _, nanos := range []int32{0, 1, 10, 999, 1000, 120_000, 1_000_000, 20_000_000, 500_000_000, 999_999_999, 1_000_000_000, -1} {
			f.Add(seconds, nanos)
		}
	}
	f.Fuzz(func(t *testing.T, seconds int64, nanos int32) {
		stamp := &timestamppb.Timestamp{Seconds: seconds, Nanos: nanos}
		equal(t, stamp, func(w *jsonwriter.Writer) { w.Timestamp(stamp) })
	})
}

func TestWriter_writesOthersByProtojson(t *testing.T) {
	for _, v := range []*structpb.Value{
		structpb.NewNullValue(), structpb.NewStringValue("я"), structpb.NewNumberValue(1.5), structpb.NewNumberValue(math.NaN()), {},
	} {
		equal(t, v, func(w *jsonwriter.Writer) { w.Other(v) })
	}
}

func TestWriter_keepsTheFirstError(t *testing.T) {
	got, err := written(func(w *jsonwriter.Writer) {
		start := w.Begin()
		w.Raw(",")
		w.String("a\xff")
		w.Raw(",")
		w.Timestamp(&timestamppb.Timestamp{Nanos: -1})
		w.EndList(start)
	})
	if got != nil || err == nil || err.Error() != `text is not UTF-8: "a\xff"` {
		t.Errorf("got %s, %v; want the error of the text", got, err)
	}
}

func TestWriter_appends(t *testing.T) {
	w := jsonwriter.New([]byte("x"))
	start := w.Begin()
	w.EndObject(start)
	w.Raw(",")
	start = w.Begin()
	w.Raw(",")
	w.Int32(1)
	w.Raw(",")
	w.Int32(2)
	w.EndList(start)
	if got, err := w.Done(); string(got) != "x{},[1,2]" || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}
