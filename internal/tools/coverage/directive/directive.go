// Package directive reads the comments by which the codecs tell what of upstream
// they call. There are two, above functions only:
//
//	//amogate:operation <METHOD> <path>[#<key>] rpc=<Service>.<Method>[,…]
//	//amogate:unused <METHOD> <path>[#<key>] <why>
//
// The first names an operation that the function describes and the RPCs that
// make it; rpc=* is any RPC, when what it needs is not known. A key names the part of
// the body where one path takes several. The second names a path that does what
// the function does and is never called.
package directive

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Operation is an operation of upstream.
type Operation struct {
	// Name is "<METHOD> <path>[#<key>]".
	Name string
	// RPCs are "<Service>.<Method>", sorted; none stands for any.
	RPCs []string
	// Functions describe the operation: "<package>.<function>", sorted.
	Functions []string
	// Unused says why the operation is never called; "" = it is.
	Unused string
}

// Path is the path's template.
func (o Operation) Path() string {
	_, path, _ := strings.Cut(o.Name, " ")
	path, _, _ = strings.Cut(path, "#")
	return path
}

// Generation is "v2" or "v4". The login belongs to v2, which alone takes it.
func (o Operation) Generation() string {
	if strings.HasPrefix(o.Path(), "/api/v4/") {
		return "v4"
	}
	return "v2"
}

// Resource is what the operation works on.
func (o Operation) Resource() string {
	for _, part := range []string{"notes", "transactions", "statuses", "segments", "periods", "customers", "events"} {
		if strings.Contains(o.Path(), part) {
			return part
		}
	}
	return "account"
}

const prefix = "//amogate:"

var (
	called = regexp.MustCompile(`^operation ([A-Z]+ /[^\s#]+(?:#[a-z]+)?) rpc=(\*|\w+\.\w+(?:,\w+\.\w+)*)$`)
	unused = regexp.MustCompile(`^unused ([A-Z]+ /[^\s#]+(?:#[a-z]+)?) (\S.*)$`)
)

// Read returns the operations that the Go files of the directories name, sorted
// by resource, generation, path and name. Operations named by several functions
// become one. It fails when a line cannot be read, stands above no function, or
// calls unused what another calls.
func Read(dirs ...string) ([]Operation, error) {
	found := map[string]*Operation{}
	for _, dir := range dirs {
		names, err := fs.Glob(os.DirFS(dir), "*.go")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			if err := readFile(found, filepath.Join(dir, name)); err != nil {
				return nil, err
			}
		}
	}
	if len(found) == 0 {
		return nil, errors.New("there is no directive; name the directories of the codecs")
	}
	var all []Operation
	for _, o := range found {
		slices.Sort(o.RPCs)
		slices.Sort(o.Functions)
		o.RPCs, o.Functions = slices.Compact(o.RPCs), slices.Compact(o.Functions)
		all = append(all, *o)
	}
	slices.SortFunc(all, func(a, b Operation) int {
		return cmp.Or(
			cmp.Compare(a.Resource(), b.Resource()),
			cmp.Compare(a.Generation(), b.Generation()),
			cmp.Compare(a.Path(), b.Path()),
			cmp.Compare(a.Name, b.Name),
		)
	})
	return all, nil
}

func readFile(found map[string]*Operation, path string) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	above := map[*ast.CommentGroup]*ast.FuncDecl{}
	for _, decl := range file.Decls {
		if function, ok := decl.(*ast.FuncDecl); ok && function.Doc != nil {
			above[function.Doc] = function
		}
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			line, ok := strings.CutPrefix(comment.Text, prefix)
			if !ok {
				continue
			}
			function := above[group]
			if function == nil {
				return fmt.Errorf("%s: a directive stands above no function; move it to one", files.Position(comment.Pos()))
			}
			if err := add(found, line, file.Name.Name+"."+nameOf(function)); err != nil {
				return fmt.Errorf("%s: %w", files.Position(comment.Pos()), err)
			}
		}
	}
	return nil
}

func add(found map[string]*Operation, line, function string) error {
	var name, why string
	var rpcs []string
	if m := called.FindStringSubmatch(line); m != nil {
		name = m[1]
		if m[2] != "*" {
			rpcs = strings.Split(m[2], ",")
		}
	} else if m := unused.FindStringSubmatch(line); m != nil {
		name, why = m[1], m[2]
	} else {
		return fmt.Errorf("cannot read %q; write operation METHOD path rpc=Service.Method, or unused METHOD path why", prefix+line)
	}
	o := found[name]
	if o == nil {
		o = &Operation{Name: name, Unused: why}
		found[name] = o
	}
	if o.Unused != why {
		return fmt.Errorf("%s is used here and unused there, or unused for two reasons; keep one line", name)
	}
	o.RPCs = append(o.RPCs, rpcs...)
	o.Functions = append(o.Functions, function)
	return nil
}

// nameOf is the name of a function, behind the type of its receiver.
func nameOf(function *ast.FuncDecl) string {
	if function.Recv == nil {
		return function.Name.Name
	}
	receiver := function.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if ident, ok := receiver.(*ast.Ident); ok {
		return ident.Name + "." + function.Name.Name
	}
	return function.Name.Name
}
