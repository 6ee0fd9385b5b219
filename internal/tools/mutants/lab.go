package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// lab tries mutants.
type lab struct {
	scratch string
	mutated []*checkedPackage
	users   []goPackage
	// skip are the tests that are not asked; quick is what a test may take to be
	// among the first, and timeout what all tests of a package may.
	skip           string
	quick, timeout time.Duration
	// parallel is how many tests run at a time.
	parallel int

	// binaries are the tests of packages with all switches built in.
	binaries map[string]string
	// slow are the tests that took longer than quick, and took what all did.
	slow map[string][]string
	took map[string]time.Duration
}

// verdict is what became of a mutant.
type verdict struct {
	noticed bool
	// hung says that it was noticed by tests that came to no end.
	hung bool
	// by is the package or the test that noticed it.
	by string
}

func (v verdict) word() string {
	if v.noticed {
		return "noticed"
	}
	return "SURVIVES"
}

// prepare builds all tests once, with a switch for each mutant that can have one,
// and runs them with none on: tests that fail anyway would notice everything.
func (l *lab) prepare(ctx context.Context, mutants []*mutant) error {
	replace := map[string][]byte{}
	for _, p := range l.mutated {
		replace[filepath.Join(p.Dir, "mutant_switch.go")] = fmt.Appendf(nil, switchFile, p.Name)
		for name, source := range p.sources {
			var here []*mutant
			for _, m := range mutants {
				if m.path == filepath.Join(p.Dir, name) && m.number > 0 {
					here = append(here, m)
				}
			}
			if len(here) > 0 {
				replace[here[0].path] = switched(source, here)
			}
		}
	}
	overlay, err := l.overlay("switches", replace)
	if err != nil {
		return err
	}
	l.binaries, l.slow, l.took = map[string]string{}, map[string][]string{}, map[string]time.Duration{}
	for _, p := range l.users {
		if !p.hasTests() {
			continue
		}
		if l.binaries[p.ImportPath], err = l.build(ctx, overlay, p); err != nil {
			return err
		}
	}
	// As many at a time as will run later, so that they take as long.
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(l.parallel)
	for _, p := range l.users {
		binary, ok := l.binaries[p.ImportPath]
		if !ok {
			continue
		}
		group.Go(func() error {
			began := time.Now()
			out, err := l.run(ctx, p, binary, 0, "", l.timeout)
			if err != nil {
				return fmt.Errorf("the tests of %s fail on the whole code: %w\n%s", p.ImportPath, err, out)
			}
			mu.Lock()
			defer mu.Unlock()
			l.took[p.ImportPath] = time.Since(began)
			l.slow[p.ImportPath] = slowTests(out, l.quick)
			return nil
		})
	}
	return group.Wait()
}

// overlay writes files and tells the compiler to read them in place of others.
func (l *lab) overlay(name string, replace map[string][]byte) (string, error) {
	dir := filepath.Join(l.scratch, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	var files struct{ Replace map[string]string }
	files.Replace = map[string]string{}
	for path, source := range replace {
		files.Replace[path] = filepath.Join(dir, strconv.Itoa(len(files.Replace))+".go")
		if err := os.WriteFile(files.Replace[path], source, 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(files)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

// build returns the tests of a package, built.
func (l *lab) build(ctx context.Context, overlay string, p goPackage) (string, error) {
	binary := filepath.Join(filepath.Dir(overlay), strings.ReplaceAll(p.ImportPath, "/", "_")+".test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", binary, p.ImportPath) //nolint:gosec // our own arguments
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s does not compile: %w\n%s", p.ImportPath, err, out)
	}
	return binary, nil
}

// run runs those tests of a package that match, all for "", with a mutant on.
func (l *lab) run(ctx context.Context, p goPackage, binary string, number int, match string, timeout time.Duration, more ...string) (string, error) {
	arguments := append([]string{"-test.v", "-test.failfast", "-test.timeout=" + timeout.String(), "-test.run=" + match}, more...)
	if p.testsUse("pgregory.net/rapid") {
		// To fail is enough; the example is of no use, nor is a file in the tree.
		arguments = append(arguments, "-rapid.nofailfile", "-rapid.shrinktime=1ms")
	}
	if l.skip != "" && !slices.ContainsFunc(more, func(flag string) bool { return strings.HasPrefix(flag, "-test.skip=") }) {
		arguments = append(arguments, "-test.skip="+l.skip)
	}
	test := exec.CommandContext(ctx, binary, arguments...) //nolint:gosec // our own arguments
	test.Dir = p.Dir
	test.Env = append(os.Environ(), switchVariable+"="+strconv.Itoa(number))
	test.WaitDelay = time.Second
	out, err := test.CombinedOutput()
	return string(out), err
}

// try runs tests against m until one fails.
func (l *lab) try(ctx context.Context, m *mutant) (verdict, error) {
	overlay := ""
	for _, p := range l.order(m.pkg) {
		binary := l.binaries[p.ImportPath]
		if m.number == 0 {
			var err error
			if overlay == "" {
				overlay, err = l.overlay(fmt.Sprintf("mutant-%s-%d", filepath.Base(m.path), m.offset), map[string][]byte{m.path: m.apply(l.source(m))})
			}
			if err == nil {
				binary, err = l.build(ctx, overlay, p)
			}
			if err != nil {
				return verdict{}, err
			}
		}
		v, err := l.ask(ctx, p, binary, m)
		if v.noticed || err != nil {
			return v, err
		}
	}
	return verdict{}, nil
}

func (l *lab) source(m *mutant) []byte {
	for _, p := range l.mutated {
		if p.ImportPath == m.pkg {
			return p.sources[filepath.Base(m.path)]
		}
	}
	return nil
}

// ask runs the tests of a package against m, the slow ones last.
func (l *lab) ask(ctx context.Context, p goPackage, binary string, m *mutant) (verdict, error) {
	slow := anyOf(l.slow[p.ImportPath])
	leave := strings.Trim(l.skip+"|"+slow, "|")
	passes := [][2]string{{"", leave}}
	if slow != "" {
		passes = append(passes, [2]string{slow, l.skip})
	}
	// A machine that is busier than before gets several times what it took.
	timeout := min(l.timeout, 20*time.Second+5*l.took[p.ImportPath])
	for _, pass := range passes {
		out, err := l.run(ctx, p, binary, m.number, pass[0], timeout, "-test.skip="+pass[1])
		if ctx.Err() != nil {
			return verdict{}, ctx.Err()
		}
		var failed *exec.ExitError
		switch {
		case errors.As(err, &failed):
			return verdict{noticed: true, hung: strings.Contains(out, "panic: test timed out"), by: noticedBy(p.ImportPath, out)}, nil
		case err != nil:
			return verdict{}, err
		}
	}
	return verdict{}, nil
}

// order returns the packages whose tests may notice a mutant of pkg, its own first,
// then those that use it.
func (l *lab) order(pkg string) []goPackage {
	var own, others []goPackage
	for _, p := range l.users {
		switch {
		case !p.hasTests():
		case p.ImportPath == pkg:
			own = append(own, p)
		case p.uses(pkg):
			others = append(others, p)
		}
	}
	return append(own, others...)
}

// anyOf returns the expression that matches these tests alone, "" for none.
func anyOf(tests []string) string {
	if len(tests) == 0 {
		return ""
	}
	return "^(" + strings.Join(tests, "|") + ")$"
}

var passed = regexp.MustCompile(`(?m)^--- PASS: (\S+) \(([0-9.]+)s\)$`)

// slowTests returns the tests that took longer than quick, by what they print.
func slowTests(out string, quick time.Duration) []string {
	var slow []string
	for _, match := range passed.FindAllStringSubmatch(out, -1) {
		if took, err := time.ParseDuration(match[2] + "s"); err == nil && took > quick {
			slow = append(slow, match[1])
		}
	}
	return slow
}

// noticedBy names the first test that failed, or the package.
func noticedBy(pkg, out string) string {
	for line := range bytes.Lines([]byte(out)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "--- FAIL: "); ok {
			name, _, _ = strings.Cut(name, " ")
			return name
		}
	}
	return pkg
}
