package wire_test

import (
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/wire"
)

var seeds = []string{
	``, `null`, `true`, `false`, `0`, `1`, `"1"`, `-1`, `5.0`, `1e400`, `"1e999999999"`, `""`, `" "`, `"Y"`,
	`[]`, `{}`, `[1,2]`, `{"1":1,"0":2}`, `{"id":1}`, `[[[]]]`, `"\ud800"`, "\"\xff\"", `{"a":1,"a":2}`,
	`1619342253000`, `-62169993017`, `"5000.10"`, `{"value":null}`, `[`, `{"a"`, `"abc`,
}

// fuzz checks that T decodes or fails with an *Error, and hands what it decoded
// to check.
func fuzz[T any](f *testing.F, check func(t *testing.T, v T)) {
	f.Helper()
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v T
		err := wire.Unmarshal(data, &v)
		if err == nil {
			check(t, v)
			return
		}
		e := (*driver.Error)(nil)
		if !errors.As(err, &e) || e.Kind != driver.KindBadResponse && e.Kind != driver.KindTooLarge {
			t.Errorf("got %T %v", err, err)
		}
	})
}

func FuzzInt(f *testing.F) {
	fuzz(f, func(t *testing.T, v wire.Int) {
		t.Helper()
		if !v.Set && v.Value != 0 {
			t.Errorf("absent, and yet %d", v.Value)
		}
	})
}

func FuzzText(f *testing.F) {
	fuzz(f, func(t *testing.T, v wire.Text) {
		t.Helper()
		if !utf8.ValidString(v.Value) {
			t.Errorf("%q is no UTF-8", v.Value)
		}
	})
}

func FuzzBool(f *testing.F) {
	fuzz(f, func(t *testing.T, v wire.Bool) {
		t.Helper()
		if v.Value && !v.Set {
			t.Error("absent, and yet true")
		}
	})
}

func FuzzUnix(f *testing.F) {
	fuzz(f, func(t *testing.T, v wire.Unix) {
		t.Helper()
		if ts := v.Timestamp(); ts != nil && (!ts.IsValid() || ts.GetSeconds() <= 0) {
			t.Errorf("%v is no instant", ts)
		}
	})
}

func FuzzDecimal(f *testing.F) {
	fuzz(f, func(t *testing.T, v wire.Decimal) {
		t.Helper()
		units, nanos, err := v.Units()
		if err == nil && (nanos > 999_999_999 || nanos < -999_999_999 || units > 0 && nanos < 0 || units < 0 && nanos > 0) {
			t.Errorf("%q became %d and %d", v.Digits, units, nanos)
		}
	})
}

func FuzzList(f *testing.F) {
	fuzz(f, func(*testing.T, wire.List[wire.Text]) {})
}

func FuzzObject(f *testing.F) {
	type link struct {
		ID wire.Int `json:"id"`
	}
	fuzz(f, func(*testing.T, wire.Object[link]) {})
}

func FuzzValue(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := wire.Value(jsontext.Value(data))
		if err == nil && v == nil {
			t.Error("neither a value nor an error")
		}
	})
}
