package archtest_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestDependencies_areExplained fails on a module that our code imports and
// docs/dependencies.md does not name.
func TestDependencies_areExplained(t *testing.T) {
	manual, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	var imports []string
	for _, p := range list(t) {
		imports = append(imports, slices.Concat(p.Imports, p.TestImports, p.XTestImports)...)
	}
	slices.Sort(imports)
	imports = slices.Compact(imports)
	modules := golist(t, append([]string{"-f", "{{with .Module}}{{.Path}}{{end}}", "--"}, imports...)...)
	direct := strings.Fields(modules)
	slices.Sort(direct)
	direct = slices.Compact(direct)
	if len(direct) < 10 {
		t.Fatalf("only %d modules were found", len(direct))
	}
	for _, path := range direct {
		if path != module && !strings.Contains(string(manual), "`"+path+"`") {
			t.Errorf("docs/dependencies.md does not say what %s is for", path)
		}
	}
}
