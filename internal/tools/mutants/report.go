package main

import (
	"fmt"
	"strings"
)

// result is a mutant and what became of it.
type result struct {
	*mutant
	verdict
}

// report is what is told of a run.
type report struct {
	options
	candidates, uncompiled int
	results                []result
}

func (r report) mutants() []*mutant {
	var all []*mutant
	for _, x := range r.results {
		all = append(all, x.mutant)
	}
	return all
}

// switched counts the mutants that need no build of their own.
func (r report) switched() int {
	n := 0
	for _, x := range r.results {
		if x.number > 0 {
			n++
		}
	}
	return n
}

func (r report) noticed() int {
	return r.count(func(v verdict) bool { return v.noticed })
}

func (r report) count(is func(verdict) bool) int {
	n := 0
	for _, x := range r.results {
		if is(x.verdict) {
			n++
		}
	}
	return n
}

// markdown returns the report as a page of the documents.
func (r report) markdown() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "# Mutants\n\nOne token of the code is exchanged at a time; the tests should notice. `make mutants` draws %d of the %d\n", len(r.results), r.candidates)
	_, _ = fmt.Fprintf(&b, "exchangeable tokens of `amo` and `emulator` by seed %d and writes this page (%d more did not compile and do not count).\n\n", r.seed, r.uncompiled)
	if len(r.results) > 0 {
		_, _ = fmt.Fprintf(&b, "**%d of %d noticed, %.0f %%** (bound: %d %%); %d of them by tests that came to no end.\n",
			r.noticed(), len(r.results), 100*float64(r.noticed())/float64(len(r.results)), r.least, r.count(func(v verdict) bool { return v.hung }))
	}
	if r.skip != "" {
		_, _ = fmt.Fprintf(&b, "\nNot asked, so that the figure is lower than it might be: `%s`.\n", r.skip)
	}
	var survivors []result
	for _, x := range r.results {
		if !x.noticed {
			survivors = append(survivors, x)
		}
	}
	if len(survivors) == 0 {
		return b.String()
	}
	b.WriteString("\nThe survivors, of which some change nothing that anybody could see:\n\n| place | token | in its place |\n|---|---|---|\n")
	for _, x := range survivors {
		_, _ = fmt.Fprintf(&b, "| %s:%d | `%s` | `%s` |\n", x.file, x.line, cell(x.from), cell(x.to))
	}
	return b.String()
}

// cell returns a token as it stands in a table.
func cell(token string) string { return strings.ReplaceAll(token, "|", "\\|") }
