package emulator

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEverySwitchIsDocumented holds the package comment to the switches there are.
func TestEverySwitchIsDocumented(t *testing.T) {
	doc := readFile(t, "doc.go")
	for _, config := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[OAuth]()} {
		for f := range config.Fields() {
			choice := f.Type.Kind() == reflect.Bool || f.Type.Kind() == reflect.Int && f.Type.PkgPath() != ""
			if choice && !strings.Contains(doc, f.Name) {
				t.Errorf("the package comment does not tell of %s.%s", config.Name(), f.Name)
			}
		}
	}
}

// TestEveryAdminPathIsDocumented holds the package comment to the paths there are.
func TestEveryAdminPathIsDocumented(t *testing.T) {
	doc := readFile(t, "doc.go")
	var routes []string
	routes = slices.AppendSeq(routes, maps.Keys(adminRoutes))
	routes = slices.AppendSeq(routes, maps.Keys(adminDumps))
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		found := false
		for line := range strings.Lines(doc) {
			found = found || strings.HasPrefix(line, "//\t") && strings.Contains(line, method) && slices.Contains(strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' }), path)
		}
		if !found {
			t.Errorf("the package comment does not tell of %s", route)
		}
	}
}

// TestDocumentedFaultFileIsOne loads the example of the package comment.
func TestDocumentedFaultFileIsOne(t *testing.T) {
	_, file, ok := strings.Cut(readFile(t, "doc.go"), "//\t{\"rules\": [")
	file, _, end := strings.Cut(file, "//\n// All conditions")
	if !ok || !end {
		t.Fatal("there is no example in the package comment")
	}
	e := open(t, Config{})
	if err := e.LoadFaults(strings.NewReader(`{"rules": [` + strings.ReplaceAll(file, "//\t", ""))); err != nil {
		t.Error(err)
	}
	if got := len(e.faults.rules); got != 5 {
		t.Errorf("%d rules", got)
	}
}
