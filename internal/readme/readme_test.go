package readme

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 0 && filepath.Base(os.Args[0]) == "curl" {
		os.Exit(curl(os.Args[1:], os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// root is the directory of the module.
const root = "../.."

// documents are the files whose commands are run, as patterns.
var documents = []string{"*.md", "docs/*.md", "examples/*.md"}

// elsewhere are commands that are not run here, and why.
var elsewhere = map[string]string{
	"go run ./cmd/amogate serve --sandbox": "it is running: every file has a sandbox of its own",
	"go test ./...":                        "it is what runs this; CI runs it on a clean checkout",
}

// commandTimeout is long enough for a stream of the whole sandbox on a busy
// machine.
const commandTimeout = 30 * time.Second

func TestDocuments_printWhatTheySay(t *testing.T) {
	t.Parallel()
	bin := tools(t)
	for _, path := range find(t) {
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			snippets, err := parse(string(document))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(snippets) > 0 {
				runAll(t, bin, name, snippets)
			}
		})
	}
}

func find(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range documents {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	return found
}

// The first screen has to have the two commands that are all the set-up.
func TestReadme_hasTheSetUp(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	snippets, err := parse(string(document))
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, s := range snippets {
		has[s.command] = true
	}
	for command := range elsewhere {
		if !has[command] {
			t.Errorf("README.md has no command %q", command)
		}
	}
}

func runAll(t *testing.T, bin, name string, snippets []snippet) {
	t.Helper()
	there, here := startSandbox(t, bin)
	for _, s := range snippets {
		if _, ok := elsewhere[s.command]; ok {
			continue
		}
		got, err := shell(t, bin, there.Replace(s.command))
		got = here.Replace(got)
		if err != nil {
			t.Errorf("%s:%d: %s\n%v\n%s", name, s.line, s.command, err, got)
			continue
		}
		if !matches(s.want, got) {
			t.Errorf("%s:%d: %s\nwant:\n%s\ngot:\n%s", name, s.line, s.command, strings.Join(s.want, "\n"), got)
		}
	}
}

// shell runs a command as a reader of the document would, and returns what it
// printed.
func shell(t *testing.T, bin, command string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	// What a pipe leaves behind must not hold the test.
	cmd.WaitDelay = time.Second
	output, err := cmd.CombinedOutput()
	return string(output), err
}

// tools returns a directory with amogate, grpcurl, and curl where the machine
// has none.
func tools(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	absolute, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	goCommand(t, "build", "-o", absolute, "./cmd/amogate")
	// -n builds the tool and tells where it is.
	grpcurl := goCommand(t, "tool", "-modfile=tools/grpcurl.mod", "-n", "grpcurl")
	link(t, strings.TrimSpace(grpcurl), filepath.Join(absolute, "grpcurl"))
	if _, err := exec.LookPath("curl"); errors.Is(err, exec.ErrNotFound) {
		// TestMain makes this very test a curl.
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		link(t, self, filepath.Join(absolute, "curl"))
	}
	return absolute
}

// goCommand runs the go command at the root and returns what it printed.
func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String()
}

func link(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Symlink(from, to); err != nil {
		t.Fatal(err)
	}
}

// startSandbox serves a sandbox until the test ends. The replacers lead from the
// default addresses to its own and back.
func startSandbox(t *testing.T, bin string) (there, here *strings.Replacer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "amogate"), "serve", "--sandbox",
		"--rest-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0", "--admin-addr=127.0.0.1:0", "--drain-delay=0s")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var told struct {
		Message string `json:"msg"`
		REST    string `json:"rest"`
		GRPC    string `json:"grpc"`
		Admin   string `json:"admin"`
	}
	var before []string
	lines := bufio.NewScanner(stderr)
	for told.Message != "serving" && lines.Scan() {
		before = append(before, lines.Text())
		_ = json.Unmarshal(lines.Bytes(), &told) // other lines are for people
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() { // or it would wait for its log to be read
		}
	}()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("stop the sandbox: %v", err)
		}
		<-drained
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("the sandbox ended with %v", err)
		}
	})
	if told.Message != "serving" {
		t.Fatalf("the sandbox does not serve:\n%s", strings.Join(before, "\n"))
	}
	return strings.NewReplacer("127.0.0.1:8080", told.REST, "127.0.0.1:9090", told.GRPC, "127.0.0.1:9100", told.Admin),
		strings.NewReplacer(told.REST, "127.0.0.1:8080", told.GRPC, "127.0.0.1:9090", told.Admin, "127.0.0.1:9100")
}
