package archtest_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const module = "github.com/amogate/amogate"

// ban says which packages may not be imported, at any distance unless direct.
// Patterns are paths below the module, or whole import paths outside of it;
// "x/..." is x and everything below.
type ban struct {
	from, to []string
	// but are exceptions among from.
	but    []string
	direct bool
	reason string
}

var bans = []ban{
	{
		from: []string{"emulator/..."}, to: []string{"amo/...", "gen/...", "server/...", "cmd/..."},
		reason: "the emulator shares nothing with the client, so that neither copies the other's misreadings",
	},
	{
		from: []string{"..."}, but: []string{"cmd/amogate", "emulator/...", "examples/...", "internal/e2e/...", "internal/faults", "internal/soak/..."},
		to:     []string{"emulator/..."},
		reason: "production code does not know the emulator",
	},
	{
		from: []string{"gen/..."}, to: []string{"amo/...", "server/...", "cmd/...", "internal/..."},
		reason: "the model is the bottom",
	},
	{
		from: []string{"amo/..."}, to: []string{"server/...", "cmd/..."},
		reason: "imports run from server to amo",
	},
	{
		from: []string{"amo/..."}, to: []string{"google.golang.org/grpc/..."}, direct: true,
		reason: "amo answers kinds of errors; server/status.go makes codes of them",
	},
	{
		from: []string{"amo/internal/..."}, to: []string{"amo"},
		reason: "codecs do not know the client",
	},
	{
		from: []string{"amo/internal/driver", "amo/internal/notecontent", "amo/internal/wire"}, to: []string{"amo/internal/v2", "amo/internal/v4"},
		reason: "the seam knows no generation",
	},
	{
		from: []string{"amo/internal/v2"}, to: []string{"amo/internal/v4"},
		reason: "generations do not know each other",
	},
	{
		from: []string{"amo/internal/v4"}, to: []string{"amo/internal/v2"},
		reason: "generations do not know each other",
	},
	{
		from: []string{"server/gateway/..."}, to: []string{"amo/...", "server", "cmd/..."},
		reason: "the gateway is one more caller of the API",
	},
	{
		from: []string{"server"}, to: []string{"server/gateway", "amo/internal/v2", "amo/internal/v4", "internal/telemetry"}, direct: true,
		reason: "handlers know the client and nothing around it",
	},
	{
		from: []string{"amo/settings", "keyring"}, to: []string{"amo", "store/...", "account", "gen/..."},
		reason: "settings and keys know nobody",
	},
	{
		from: []string{"amo/limit", "amo/custody"}, to: []string{"amo", "store/...", "account", "gen/amogate/admin/..."},
		reason: "they declare what they need of a store, and know no store and no client",
	},
	{
		from: []string{"idempotency"}, to: []string{"store/...", "server/...", "account"},
		reason: "it declares what it needs of a store, and knows calls by their hashes",
	},
	{
		from: []string{"account"}, to: []string{"store/...", "server/...", "admin"},
		reason: "the registry declares what it needs of a store, and is asked by servers",
	},
	{
		from: []string{"store/..."}, to: []string{"server/...", "admin"},
		reason: "the store is below the servers",
	},
	{
		from: []string{"server/..."}, to: []string{"admin", "store/..."},
		reason: "handlers ask for an account and know nothing of its keeping",
	},
	{
		from: []string{"..."}, but: []string{"cmd/..."}, to: []string{"cmd/..."},
		reason: "the command is the top",
	},
}

// goPackage is what go list tells of a package.
type goPackage struct {
	ImportPath, Dir                    string
	Imports, TestImports, XTestImports []string
	Deps, GoFiles                      []string
}

func TestImports_runOneWay(t *testing.T) {
	packages := list(t)
	for _, b := range bans {
		for _, p := range packages {
			if !matches(b.from, p.ImportPath) || matches(b.but, p.ImportPath) {
				continue
			}
			imports := p.Deps
			if b.direct {
				imports = p.Imports
			}
			for _, path := range imports {
				if matches(b.to, path) {
					t.Errorf("%s imports %s: %s", p.ImportPath, path, b.reason)
				}
			}
		}
	}
}

func TestStatusCodes_areDecidedInOneFile(t *testing.T) {
	for _, p := range list(t) {
		if p.ImportPath != module+"/server" {
			continue
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range file.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				if path == "google.golang.org/grpc/codes" && name != "status.go" {
					t.Errorf("server/%s imports %s; only status.go decides codes", name, path)
				}
			}
		}
		return
	}
	t.Error("package server is not there")
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"amo", module + "/amo", true},
		{"amo", module + "/amo/internal/v2", false},
		{"amo/...", module + "/amo", true},
		{"amo/...", module + "/amo/internal/v2", true},
		{"amo/...", module + "/amogate", false},
		{"...", module + "/amo", true},
		{"...", "fmt", false},
		{"google.golang.org/grpc/...", "google.golang.org/grpc/codes", true},
		{"google.golang.org/grpc/...", "google.golang.org/grpcx", false},
	} {
		if got := matches([]string{c.pattern}, c.path); got != c.want {
			t.Errorf("matches(%q, %q) = %v, want %v", c.pattern, c.path, got, c.want)
		}
	}
}

// list asks the Go command for every package of the module. It fails on
// packages that do not compile, for their imports may be incomplete.
func list(t *testing.T) []goPackage {
	t.Helper()
	output := golist(t, "-json=ImportPath,Dir,Imports,TestImports,XTestImports,Deps,GoFiles", "./...")
	var packages []goPackage
	decoder := json.NewDecoder(strings.NewReader(output))
	for {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	for _, want := range []string{"amo", "emulator", "server", "server/gateway", "cmd/amogate"} {
		if !slices.ContainsFunc(packages, func(p goPackage) bool { return p.ImportPath == module+"/"+want }) {
			t.Fatalf("go list does not know %s", want)
		}
	}
	return packages
}

// golist runs go list at the module's root.
func golist(t *testing.T, args ...string) string {
	t.Helper()
	openTree(t)
	command := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	command.Dir = "../.."
	command.Env = append(os.Environ(), "GOWORK=off")
	var stderr strings.Builder
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	return string(output)
}

// openTree opens every directory and looks at every Go file of the module. The
// Go command caches the result of a test by what the test opens, and does not
// see what go list opens.
func openTree(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".."):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			_, err := os.Stat(path)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if first, _, _ := strings.Cut(pattern, "/"); !strings.Contains(first, ".") || pattern == "..." {
			pattern = module + "/" + pattern
		}
		if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
			return path == prefix || strings.HasPrefix(path, prefix+"/")
		}
		return path == pattern
	})
}
