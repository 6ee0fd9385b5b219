package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const source = `package p

import "fmt"

func f(a, b int, s string) (int, bool) {
	for i := 0; i < a; i++ {
		if !(a == b) && s+"x" != "" {
			continue
		}
		a += min(b, 12)
	}
	fmt.Println(string(rune(a)) + s)
	return a - b, true
}
`

func TestFind(t *testing.T) {
	found, err := find("p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range found {
		got = append(got, m.from+" "+m.to)
		if at := source[m.offset : m.offset+len(m.from)]; at != m.from {
			t.Errorf("%q stands where %q should", at, m.from)
		}
	}
	want := []string{"0 1", "< <=", "++ --", "&& ||", "! !!", "== !=", "!= ==", "continue break", "+= -=", "min max", "12 13", "- +", "true false"}
	less := func(a, b string) bool { return a < b }
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(less)); diff != "" {
		t.Errorf("mutants (-want +got):\n%s", diff)
	}
}

func TestApply_exchangesTheTokenAlone(t *testing.T) {
	m := mutant{offset: strings.Index(source, "<"), from: "<", to: "<="}
	if got, want := string(m.apply([]byte(source))), strings.Replace(source, "<", "<=", 1); got != want {
		t.Errorf("applied:\n%s", got)
	}
}

// Tests that fail anyway would notice everything.
func TestRun_refusesTestsThatFail(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("GOFLAGS", "-mod=mod")
	write(t, map[string]string{
		"go.mod":    "module example.test/p\n\ngo 1.24\n",
		"p.go":      "package p\n\nfunc Seen(a int) bool { return a < 3 }\n",
		"p_test.go": "package p\n\nimport \"testing\"\n\nfunc TestSeen(t *testing.T) { t.Error(\"wrong\") }\n",
	})
	var out strings.Builder
	err := run(t.Context(), options{n: 10, seed: 1, packages: "./...", users: "./...", timeout: 60e9}, &out)
	if err == nil || !strings.Contains(err.Error(), "fail on the whole code") {
		t.Errorf("run: %v, want a refusal", err)
	}
}

// write writes files into the working directory.
func write(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A module whose test looks at one of two functions: mutants of the other survive.
func TestRun_tellsWhatTestsNotice(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, map[string]string{
		"go.mod":    "module example.test/p\n\ngo 1.24\n",
		"p.go":      "package p\n\nfunc Seen(a int) bool { return a < 3 }\n\nfunc Unseen(a int) bool { return a < 3 }\n",
		"p_test.go": "package p\n\nimport \"testing\"\n\nfunc TestSeen(t *testing.T) {\n\tif !Seen(2) || Seen(3) {\n\t\tt.Error(\"wrong\")\n\t}\n}\n",
	})
	t.Setenv("GOFLAGS", "-mod=mod")
	var out strings.Builder
	const page = "page.md"
	err := run(t.Context(), options{n: 10, least: 80, seed: 1, packages: "./...", users: "./...", timeout: 60e9, out: page}, &out)
	if err == nil || !strings.Contains(err.Error(), "too few") {
		t.Errorf("run: %v, want too few noticed", err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"**2 of 4 noticed, 50 %**", "| p.go:5 | `<` | `<=` |", "| p.go:5 | `3` | `4` |"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if !strings.Contains(out.String(), "TestSeen") {
		t.Errorf("the test that noticed is not told:\n%s", out.String())
	}
}
