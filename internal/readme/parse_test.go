package readme

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse_findsCommandsAndTheirOutput(t *testing.T) {
	t.Parallel()
	document := strings.ReplaceAll(`# Title

    $ indented blocks are not run

'''sh
$ one
'''

'''go
$ not sh
'''

'''sh
$ two \
    --flag
first
{"second":1}
$ three
…
'''
`, "'''", "```")
	got, err := parse(document)
	if err != nil {
		t.Fatal(err)
	}
	want := []snippet{
		{line: 6, command: "one"},
		{line: 14, command: "two \\\n    --flag", want: []string{"first", `{"second":1}`}},
		{line: 18, command: "three", want: []string{"…"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(snippet{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParse_refusesWhatNobodyWouldRun(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"output without a command":             "```sh\noutput\n```\n",
		"output without a command of its own":  "```sh\n$ one\n```\n```sh\noutput\n```\n",
		"a command without its dollar":         "```sh\ncurl 127.0.0.1:8080\n```\n",
		"a block that is not closed":           "```sh\n$ one\n",
		"a block that another one would close": "````sh\n$ one\n```\n",
	} {
		if got, err := parse(document); err == nil {
			t.Errorf("%s: got %v, want an error", name, got)
		}
	}
}

func TestMatches_anyTextAndAnyLayoutOfJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want, got string
		matches   bool
	}{
		{"", "", true},
		{"", "something", false},
		{"a", "a\n", true},
		{"a", "b", false},
		{"a", "a\nb", false},
		{"a\nb", "a", false},
		{"a…c", "abbbc", true},
		{"a…c", "ac", true},
		{"a…c", "abbbd", false},
		{"a.c", "abc", false},
		{"…", "", true},
		{"…", "a\nb", true},
		{"a\n…\nd", "a\nb\nc\nd", true},
		{"a\n…\nd", "a\nd", true},
		{"a\n…\nd", "a\nb\nc", false},
		{`{"a":1}`, `{ "a" : 1 }`, true},
		{`{"a":1}`, "{\n  \"a\": 1\n}", true},
		{"{\n  \"a\": 1\n}", `{"a":1}`, true},
		{`{"a":1}`, `{"a":2}`, false},
		{`{"a":"x y"}`, `{"a": "xy"}`, false},
		{`{"a":"x…"}`, `{"a": "x y"}`, true},
		{`{"a":1,…}`, `{"a": 1, "b": [1, 2]}`, true},
		{`{"a":1,…,"c":3}`, `{"a": 1, "b": [1, 2], "c": 4}`, false},
		{`{"a":"\" {","b":…}`, `{"a": "\" {", "b": 5}`, true},
		{"{\n  \"a\": 1,\n  …\n}", `{"a": 1, "b": 2}`, true},
		{"{\"a\":1}\n{\"b\":2}", "{\"a\": 1}\n{\"b\": 2}", true},
		{"…\n{\"b\":2}", "{\"a\": 1}\n{\"b\": 2}", true},
		{"…\n{\"b\":2}", "{\"a\": 1}\n{\"b\": 3}", false},
	} {
		var want []string
		if c.want != "" {
			want = strings.Split(c.want, "\n")
		}
		if got := matches(want, c.got); got != c.matches {
			t.Errorf("%q against %q: got %v", c.want, c.got, got)
		}
	}
}
