package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// goPackage is what `go list` tells of a package.
type goPackage struct {
	ImportPath, Name, Dir, Export      string
	DepOnly                            bool
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports, TestImports, XTestImports []string
	Module                             struct{ Dir string }
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

// uses says whether the package or its tests import another.
func (p goPackage) uses(other string) bool {
	return slices.Contains(p.Imports, other) || p.testsUse(other)
}

func (p goPackage) testsUse(other string) bool {
	return slices.Contains(p.TestImports, other) || slices.Contains(p.XTestImports, other)
}

// listPackages returns the packages of patterns; flags are more for `go list`.
func listPackages(ctx context.Context, patterns string, flags ...string) ([]goPackage, error) {
	arguments := slices.Concat([]string{"list", "-json"}, flags, strings.Split(patterns, ","))
	out, err := exec.CommandContext(ctx, "go", arguments...).Output() //nolint:gosec // patterns of the one who runs it
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

// checkedPackage is a package with its syntax and its types.
type checkedPackage struct {
	goPackage
	positions *token.FileSet
	sources   map[string][]byte
	files     map[string]*ast.File
	info      types.Info
	config    types.Config
}

// loadPackages returns the packages of patterns with their types.
func loadPackages(ctx context.Context, patterns string) ([]*checkedPackage, error) {
	listed, err := listPackages(ctx, patterns, "-deps", "-export")
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for _, p := range listed {
		exports[p.ImportPath] = p.Export
	}
	positions := token.NewFileSet()
	config := types.Config{
		Importer: importer.ForCompiler(positions, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }),
		Sizes:    types.SizesFor("gc", runtime.GOARCH),
	}
	var checked []*checkedPackage
	for _, p := range listed {
		if p.DepOnly {
			continue
		}
		c := &checkedPackage{goPackage: p, positions: positions, sources: map[string][]byte{}, files: map[string]*ast.File{}, config: config}
		c.info.Types = map[ast.Expr]types.TypeAndValue{}
		for _, name := range p.GoFiles {
			if c.sources[name], err = os.ReadFile(filepath.Clean(filepath.Join(p.Dir, name))); err != nil {
				return nil, err
			}
			if c.files[name], err = parser.ParseFile(positions, name, c.sources[name], parser.ParseComments|parser.SkipObjectResolution); err != nil {
				return nil, err
			}
		}
		if _, err := c.config.Check(p.ImportPath, positions, c.syntax(), &c.info); err != nil {
			return nil, err
		}
		checked = append(checked, c)
	}
	return checked, nil
}

// syntax returns the files of the package in order.
func (p *checkedPackage) syntax() []*ast.File {
	var files []*ast.File
	for _, name := range p.GoFiles {
		files = append(files, p.files[name])
	}
	return files
}

// compiles says whether the package does with another text of a file, and with the
// function that switches ask.
func (p *checkedPackage) compiles(name string, source []byte) bool {
	var files []*ast.File
	for other, file := range p.files {
		if other != name {
			files = append(files, file)
		}
	}
	for _, text := range [][]byte{source, fmt.Appendf(nil, "package %s\nfunc mutantIs(int) bool { return false }\n", p.Name)} {
		file, err := parser.ParseFile(p.positions, name, text, parser.SkipObjectResolution)
		if err != nil {
			return false
		}
		files = append(files, file)
	}
	_, err := p.config.Check(p.ImportPath, p.positions, files, nil)
	return err == nil
}
