package emulator

import (
	"reflect"
	"strings"
	"testing"
)

// TestEverySwitchIsDocumented holds the package comment to the switches there are.
func TestEverySwitchIsDocumented(t *testing.T) {
	doc := readFile(t, "doc.go")
	for f := range reflect.TypeFor[Config]().Fields() {
		choice := f.Type.Kind() == reflect.Bool || f.Type.Kind() == reflect.Int && f.Type.PkgPath() != ""
		if choice && !strings.Contains(doc, f.Name) {
			t.Errorf("the package comment does not tell of Config.%s", f.Name)
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
	if got := len(e.faults.rules); got != 3 {
		t.Errorf("%d rules", got)
	}
}
