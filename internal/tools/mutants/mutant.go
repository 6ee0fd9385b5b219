package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// mutant is one token of a file in exchange for another.
type mutant struct {
	// pkg is the import path, file the path of the file.
	pkg, file string
	line      int
	// offset is where the token stands in the file.
	offset   int
	from, to string
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
	"true": "false", "false": "true", "min": "max", "max": "min", "break": "continue", "continue": "break",
}

// findAll returns the mutants of all packages, in order.
func findAll(packages []goPackage) ([]mutant, error) {
	var all []mutant
	for _, p := range packages {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			source, err := os.ReadFile(filepath.Clean(path))
			if err != nil {
				return nil, err
			}
			found, err := find(path, source)
			if err != nil {
				return nil, err
			}
			for _, m := range found {
				m.pkg = p.ImportPath
				m.file = p.relative(name)
				all = append(all, m)
			}
		}
	}
	return all, nil
}

// find returns the mutants of one file.
func find(path string, source []byte) ([]mutant, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []mutant
	add := func(at token.Pos, from, to string) {
		place := files.Position(at)
		found = append(found, mutant{line: place.Line, offset: place.Offset, from: from, to: to})
	}
	operator := func(at token.Pos, op token.Token) {
		if to, ok := operators[op]; ok {
			add(at, op.String(), to)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BinaryExpr:
			// Texts are joined, not added.
			if n.Op != token.ADD || !isText(n.X) && !isText(n.Y) {
				operator(n.OpPos, n.Op)
			}
		case *ast.AssignStmt:
			operator(n.TokPos, n.Tok)
		case *ast.IncDecStmt:
			operator(n.TokPos, n.Tok)
		case *ast.UnaryExpr:
			if n.Op == token.NOT {
				add(n.OpPos, "!", "!!")
			}
		case *ast.BranchStmt:
			if to, ok := words[n.Tok.String()]; ok && n.Label == nil {
				add(n.TokPos, n.Tok.String(), to)
			}
		case *ast.Ident:
			if to, ok := words[n.Name]; ok {
				add(n.Pos(), n.Name, to)
			}
		case *ast.BasicLit:
			if value, err := strconv.ParseInt(n.Value, 10, 32); err == nil && n.Kind == token.INT {
				add(n.Pos(), n.Value, strconv.FormatInt(value+1, 10))
			}
		}
		return true
	})
	return found, nil
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
