package main

import (
	"cmp"
	"fmt"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
)

// switchFile is the source of the function that switches ask: which mutant is on
// is told by the environment, so that one build has them all.
const switchFile = `package %s

import (
	"os"
	"strconv"
)

var mutantOn, _ = strconv.Atoi(os.Getenv("` + switchVariable + `"))

func mutantIs(n int) bool { return n == mutantOn }
`

const switchVariable = "AMOGATE_MUTANT"

// switchable says whether m can be switched on when the program runs, and keeps
// what that takes: a constant that the compiler needs cannot.
func (p *checkedPackage) switchable(m *mutant) bool {
	name := filepath.Base(m.file)
	if m.expr != nil {
		kind := p.info.Types[m.expr].Type
		if kind == nil {
			return false
		}
		m.kind = types.TypeString(types.Default(kind), func(of *types.Package) string { return p.nameIn(name, of) })
	}
	return p.compiles(name, switched(p.sources[name], []*mutant{m}))
}

// nameIn returns how a file of the package calls another one, with "" for itself.
func (p *checkedPackage) nameIn(name string, of *types.Package) string {
	if of.Path() == p.ImportPath {
		return ""
	}
	for _, spec := range p.files[name].Imports {
		if spec.Name != nil && strings.Trim(spec.Path.Value, `"`) == of.Path() {
			return spec.Name.Name
		}
	}
	return of.Name()
}

// switched returns a file with switches for mutants of it.
func switched(source []byte, mutants []*mutant) []byte {
	s := switches{source: string(source), mutants: slices.SortedFunc(slices.Values(mutants), func(a, b *mutant) int {
		return cmp.Or(cmp.Compare(a.lo, b.lo), cmp.Compare(b.hi, a.hi))
	})}
	return []byte(s.text(0, len(source), nil))
}

// switches writes a file with mutants, from the outermost to the innermost.
type switches struct {
	source  string
	mutants []*mutant
}

// text returns what stands from lo to hi, with all switches but except's.
func (s switches) text(lo, hi int, except *mutant) string {
	var b strings.Builder
	for _, m := range s.mutants {
		if m == except || m.lo < lo || m.hi > hi {
			continue
		}
		_, _ = b.WriteString(s.source[lo:m.lo])
		_, _ = b.WriteString(s.choice(m))
		lo = m.hi
	}
	_, _ = b.WriteString(s.source[lo:hi])
	return b.String()
}

// choice returns the switch that stands in the place of m's expression or
// statement.
func (s switches) choice(m *mutant) string {
	whole := s.text(m.lo, m.hi, m)
	broken := s.text(m.lo, m.offset, m) + m.to + s.text(m.offset+len(m.from), m.hi, m)
	switch {
	case m.expr != nil:
		return fmt.Sprintf("(func() %s { if mutantIs(%d) { return %s }; return %s }())", m.kind, m.number, broken, whole)
	case m.from == "break", m.from == "continue":
		return fmt.Sprintf("if mutantIs(%d) { %s } else { %s }", m.number, broken, whole)
	default:
		return fmt.Sprintf("func() { if mutantIs(%d) { %s } else { %s } }()", m.number, broken, whole)
	}
}
