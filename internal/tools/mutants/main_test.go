package main

import (
	"go/ast"
	"go/parser"
	"go/token"
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
	positions := token.NewFileSet()
	file, err := parser.ParseFile(positions, "p.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range findIn(positions, file) {
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

// Whichever switch is on, that token alone is exchanged, be it inside of others.
func TestSwitched_holdsMutantsInsideOthers(t *testing.T) {
	const line = "a := 1 + f(b, c == 2); n++; break"
	mutants := []*mutant{
		{number: 1, from: "+", to: "-", offset: 7, lo: 5, hi: 21, expr: ast.NewIdent("_"), kind: "int"},
		{number: 2, from: "2", to: "3", offset: 19, lo: 19, hi: 20, expr: ast.NewIdent("_"), kind: "int"},
		{number: 3, from: "==", to: "!=", offset: 16, lo: 14, hi: 20, expr: ast.NewIdent("_"), kind: "bool"},
		{number: 4, from: "++", to: "--", offset: 24, lo: 23, hi: 26},
		{number: 5, from: "break", to: "continue", offset: 28, lo: 28, hi: 33},
	}
	const (
		two   = "(func() int { if mutantIs(2) { return 3 }; return 2 }())"
		equal = "(func() bool { if mutantIs(3) { return c != " + two + " }; return c == " + two + " }())"
		want  = "a := (func() int { if mutantIs(1) { return 1 - f(b, " + equal + ") }; return 1 + f(b, " + equal + ") }()); " +
			"func() { if mutantIs(4) { n-- } else { n++ } }(); if mutantIs(5) { continue } else { break }"
	)
	if diff := cmp.Diff(want, string(switched([]byte(line), mutants))); diff != "" {
		t.Errorf("switched (-want +got):\n%s", diff)
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
	err := run(t.Context(), options{n: 10, seed: 1, packages: "./...", users: "./...", parallel: 2, timeout: 60e9}, &out)
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
		"go.mod": "module example.test/p\n\ngo 1.24\n",
		"p.go":   "package p\n\nfunc Seen(a int) bool { return a < 3 }\n\nfunc Unseen(a int) bool { return a < 3 }\n\nconst Size = 4\n\nfunc Joined(a, b string) string { return a + b }\n",
		"p_test.go": "package p\n\nimport \"testing\"\n\n" +
			"func TestSeen(t *testing.T) {\n\tif !Seen(2) || Seen(3) || Size != 4 {\n\t\tt.Error(\"wrong\")\n\t}\n}\n\n" +
			"func TestSkipped(t *testing.T) {\n\tif !Unseen(2) || Unseen(3) {\n\t\tt.Error(\"wrong\")\n\t}\n}\n",
	})
	t.Setenv("GOFLAGS", "-mod=mod")
	var out strings.Builder
	const page = "page.md"
	err := run(t.Context(), options{n: 10, least: 80, seed: 1, packages: "./...", users: "./...", skip: "TestSkipped", parallel: 2, timeout: 60e9, out: page}, &out)
	if err == nil || !strings.Contains(err.Error(), "too few") {
		t.Errorf("run: %v, want too few noticed", err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"**3 of 5 noticed, 60 %**", "(1 more did not compile", "`TestSkipped`", "| p.go:5 | `<` | `<=` |", "| p.go:5 | `3` | `4` |"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if !strings.Contains(out.String(), "TestSeen") {
		t.Errorf("the test that noticed is not told:\n%s", out.String())
	}
}
