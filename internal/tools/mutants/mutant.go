package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// mutant is one token of a file in exchange for another.
type mutant struct {
	// pkg is the import path, file the path of the file.
	pkg, file string
	line      int
	// path is the file, too, as the compiler is told of it.
	path string
	// offset is where the token stands in the file.
	offset   int
	from, to string
	// from lo to hi stands what a switch takes the place of: an expression, whose
	// node is kept, too, or a statement.
	lo, hi int
	expr   ast.Expr
	// kind is the type of expr, and number the one by which the mutant is switched
	// on; 0 = it needs a build of its own.
	kind   string
	number int
}

// String returns the mutant as it is told: amo/page.go:12 `<` → `<=`.
func (m mutant) String() string {
	return fmt.Sprintf("%s:%d `%s` → `%s`", m.file, m.line, m.from, m.to)
}

// apply returns the file with the token exchanged.
func (m mutant) apply(source []byte) []byte {
	out := append([]byte{}, source[:m.offset]...)
	out = append(out, m.to...)
	return append(out, source[m.offset+len(m.from):]...)
}

// operators are the tokens that are exchanged wherever they are operators.
var operators = map[token.Token]string{
	token.EQL: "!=", token.NEQ: "==",
	token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
	token.LAND: "||", token.LOR: "&&",
	token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*", token.REM: "*",
	token.SHL: ">>", token.SHR: "<<", token.AND: "|", token.OR: "&",
	token.ADD_ASSIGN: "-=", token.SUB_ASSIGN: "+=", token.INC: "--", token.DEC: "++",
}

// words are the names and keywords that are exchanged.
var words = map[string]string{
	"true": "false", "false": "true", "break": "continue", "continue": "break",
}

// functions are the names of functions that are exchanged.
var functions = map[string]string{"min": "max", "max": "min"}

// find returns the mutants of a package, in order. What was generated is not ours to
// test.
func find(p *checkedPackage) []mutant {
	var all []mutant
	for _, name := range p.GoFiles {
		if file := p.files[name]; !ast.IsGenerated(file) {
			for _, m := range findIn(p.positions, file) {
				m.pkg, m.file, m.path = p.ImportPath, p.relative(name), filepath.Join(p.Dir, name)
				all = append(all, m)
			}
		}
	}
	return all
}

// findIn returns the mutants of one file.
func findIn(positions *token.FileSet, file *ast.File) []mutant {
	var found []mutant
	add := func(node ast.Node, at token.Pos, from, to string) {
		if to == "" {
			return
		}
		place := positions.Position(at)
		expr, _ := node.(ast.Expr)
		found = append(found, mutant{
			line: place.Line, offset: place.Offset, from: from, to: to,
			lo: positions.Position(node.Pos()).Offset, hi: positions.Position(node.End()).Offset, expr: expr,
		})
	}
	var visit func(n ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BinaryExpr:
			// Texts are joined, not added.
			if n.Op != token.ADD || !isText(n.X) && !isText(n.Y) {
				add(n, n.OpPos, n.Op.String(), operators[n.Op])
			}
		case *ast.AssignStmt:
			add(n, n.TokPos, n.Tok.String(), operators[n.Tok])
		case *ast.IncDecStmt:
			add(n, n.TokPos, n.Tok.String(), operators[n.Tok])
		case *ast.UnaryExpr:
			if n.Op == token.NOT {
				add(n, n.OpPos, "!", "!!")
			}
		case *ast.BranchStmt:
			if n.Label == nil {
				add(n, n.TokPos, n.Tok.String(), words[n.Tok.String()])
			}
		case *ast.CallExpr:
			if name, ok := n.Fun.(*ast.Ident); ok {
				add(n, n.Pos(), name.Name, functions[name.Name])
				if name.Name == "make" {
					for _, arg := range n.Args[:sized(n)] {
						ast.Inspect(arg, visit)
					}
					return false
				}
			}
		case *ast.Ident:
			add(n, n.Pos(), n.Name, words[n.Name])
		case *ast.BasicLit:
			if value, err := strconv.ParseInt(n.Value, 10, 32); err == nil && n.Kind == token.INT {
				add(n, n.Pos(), n.Value, strconv.FormatInt(value+1, 10))
			}
		}
		return true
	}
	ast.Inspect(file, visit)
	return found
}

// sized returns how many arguments of a make can be seen in what it makes: how much
// room there is for more cannot.
func sized(call *ast.CallExpr) int {
	if _, ok := call.Args[0].(*ast.MapType); ok {
		return 1
	}
	return min(len(call.Args), 2)
}

// isText says whether an operand is a text for certain.
func isText(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.BasicLit:
		return x.Kind == token.STRING || x.Kind == token.CHAR
	case *ast.BinaryExpr:
		return x.Op == token.ADD && (isText(x.X) || isText(x.Y))
	case *ast.CallExpr:
		name, ok := x.Fun.(*ast.Ident)
		return ok && strings.EqualFold(name.Name, "string")
	}
	return false
}
