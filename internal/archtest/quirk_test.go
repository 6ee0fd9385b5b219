package archtest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestQuirks_nameTestsThatExist holds docs/quirks.md against the tree: a quirk
// without a test is a rumour.
func TestQuirks_nameTestsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/quirks.md")
	if err != nil {
		t.Fatal(err)
	}
	exist := testNames(t)
	quirks := regexp.MustCompile(`(?m)^\d+\. (?:.*\n(?:    ?.*\n)*)`).FindAllString(string(text), -1)
	if len(quirks) < 40 {
		t.Fatalf("found %d quirks, want at least 40: did the form of the list change?", len(quirks))
	}
	for _, quirk := range quirks {
		named := regexp.MustCompile("`(Test[A-Za-z0-9_]+)`").FindAllStringSubmatch(quirk, -1)
		if len(named) == 0 {
			t.Errorf("no test is named by quirk %q", quirk)
		}
		for _, name := range named {
			if !exist[name[1]] {
				t.Errorf("there is no test %s, named by quirk %q", name[1], quirk)
			}
		}
	}
}

// testNames returns the names of all tests of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{$d := .Dir}}{{range .TestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}`, "../../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for file := range strings.FieldsSeq(string(out)) {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`).FindAllSubmatch(source, -1) {
			names[string(match[1])] = true
		}
	}
	return names
}
