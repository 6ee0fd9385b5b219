package emulator

import (
	"math"
	"testing"
)

func TestAmountOfJSON(t *testing.T) {
	for text, want := range map[string]string{
		"4200":             "4200.0",
		"4200.0":           "4200.0",
		"0.1":              "0.1",
		"0.05":             "0.05",
		"99999999.999":     "99999999.999",
		"1.0009":           "1.0",
		"42e2":             "4200.0",
		"1.5E-1":           "0.15",
		"9007199254740992": "9007199254740992.0",
	} {
		n, err := parseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := n.amount(); !ok || got.String() != want {
			t.Errorf("%s is %s, %v, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{`"4200"`, "-1", "-0.5", "-1e-9", "1e400", "9007199254740993", "1e17", "null", "true", "[]", "{}"} {
		n, err := parseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := n.amount(); ok {
			t.Errorf("%s is read as %s", text, got)
		}
	}
	var absent *node
	if _, ok := absent.amount(); ok {
		t.Error("an absent member is an amount")
	}
}

func TestAmountsAddUpAndDivide(t *testing.T) {
	for _, test := range []struct{ a, b, want amount }{
		{amount{1, 600}, amount{2, 500}, amount{4, 100}},
		{amount{0, 1}, amount{}, amount{0, 1}},
		{amount{math.MaxInt64, 0}, amount{1, 0}, amount{math.MaxInt64, 0}},
		{amount{math.MaxInt64 - 1, 999}, amount{0, 1}, amount{math.MaxInt64, 0}},
	} {
		if got := test.a.add(test.b); got != test.want {
			t.Errorf("%v + %v = %v, want %v", test.a, test.b, got, test.want)
		}
	}
	for _, test := range []struct {
		a    amount
		n    int64
		want amount
	}{
		{amount{1231454, 0}, 11, amount{111950, 363}},
		{amount{10, 0}, 4, amount{2, 500}},
		{amount{0, 5}, 2, amount{0, 2}},
	} {
		if got := test.a.over(test.n); got != test.want {
			t.Errorf("%v over %d is %v, want %v", test.a, test.n, got, test.want)
		}
	}
}
