package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// goPackage is what `go list` tells of a package.
type goPackage struct {
	ImportPath, Dir                          string
	GoFiles, Deps, TestGoFiles, XTestGoFiles []string
	TestImports, XTestImports                []string
	Module                                   struct{ Dir string }
}

// relative returns the path of a file of the package below the module.
func (p goPackage) relative(name string) string {
	path, err := filepath.Rel(p.Module.Dir, filepath.Join(p.Dir, name))
	if err != nil {
		return name
	}
	return path
}

func (p goPackage) hasTests() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

// listPackages returns the packages of patterns.
func listPackages(ctx context.Context, patterns string) ([]goPackage, error) {
	out, err := exec.CommandContext(ctx, "go", append([]string{"list", "-json"}, split(patterns)...)...).Output() //nolint:gosec // patterns of the one who runs it
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", patterns, err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
}

// lab tries mutants.
type lab struct {
	scratch string
	users   []goPackage
	timeout time.Duration
}

// verdict is what became of a mutant.
type verdict struct {
	// broken says that it does not compile.
	broken  bool
	noticed bool
	// by is the package or the test that noticed it.
	by string
}

func (v verdict) word() string {
	if v.noticed {
		return "noticed"
	}
	return "SURVIVES"
}

// sound returns an error when tests fail without any mutant: they would notice
// everything.
func (l lab) sound(ctx context.Context) error {
	overlay := filepath.Join(l.scratch, "none.json")
	if err := os.WriteFile(overlay, []byte("{}"), 0o600); err != nil {
		return err
	}
	for _, p := range l.users {
		if out, passed := l.test(ctx, overlay, p.ImportPath); !passed {
			return fmt.Errorf("the tests of %s fail on the whole code:\n%s", p.ImportPath, out)
		}
	}
	return nil
}

// try runs tests against m until one fails.
func (l lab) try(ctx context.Context, m mutant) (verdict, error) {
	path, err := filepath.Abs(m.file)
	if err != nil {
		return verdict{}, err
	}
	source, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return verdict{}, err
	}
	broken := filepath.Join(l.scratch, "mutant.go")
	overlay := filepath.Join(l.scratch, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		return verdict{}, err
	}
	if err := errors.Join(os.WriteFile(broken, m.apply(source), 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil { //nolint:gosec // below a directory of our own
		return verdict{}, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, m.pkg) //nolint:gosec // our own arguments
	if err := build.Run(); err != nil {
		return verdict{broken: true}, ctx.Err()
	}
	for _, p := range l.order(m.pkg) {
		out, passed := l.test(ctx, overlay, p)
		if ctx.Err() != nil {
			return verdict{}, ctx.Err()
		}
		if !passed {
			return verdict{noticed: true, by: noticedBy(p, out)}, nil
		}
	}
	return verdict{}, nil
}

// test runs the tests of a package and returns what they print, and whether they
// pass.
func (l lab) test(ctx context.Context, overlay, pkg string) (string, bool) {
	test := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-failfast", "-timeout", l.timeout.String(), pkg) //nolint:gosec // our own arguments
	out, err := test.CombinedOutput()
	return string(out), err == nil
}

// order returns the packages whose tests may notice a mutant of pkg, its own first,
// then those that use it.
func (l lab) order(pkg string) []string {
	var own, others []string
	for _, p := range l.users {
		switch {
		case !p.hasTests():
		case p.ImportPath == pkg:
			own = append(own, pkg)
		case slices.Contains(p.Deps, pkg) || slices.Contains(p.TestImports, pkg) || slices.Contains(p.XTestImports, pkg):
			others = append(others, p.ImportPath)
		}
	}
	return append(own, others...)
}

// noticedBy names the first test that failed, or the package.
func noticedBy(pkg, out string) string {
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: "); ok {
			name, _, _ = strings.Cut(name, " ")
			return name
		}
	}
	return pkg
}
