package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// actAsCommand makes the test binary be amogate, so that signals and exit codes
// of a whole process can be tested without a build.
const actAsCommand = "TEST_ACT_AS_AMOGATE"

func TestMain(m *testing.M) {
	if os.Getenv(actAsCommand) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// clearEnvironment hides the variables of the machine the test runs on.
func clearEnvironment(t *testing.T) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AMOGATE_") || strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
}

// try runs a command line that ends by itself; one that does not, by mistake, is
// stopped.
func try(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return tryWith(t, "", args...)
}

// tryWith does the same with something on standard input.
func tryWith(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	code = run(ctx, args, streams{strings.NewReader(stdin), &out, &err})
	return code, out.String(), err.String()
}

// addresses are what serve logs at its start.
type addresses struct {
	Msg, REST, GRPC, Admin string
	SandboxStats           string `json:"sandbox_stats"`
}

// output collects what a server writes and tells when it is serving.
type output struct {
	mu      sync.Mutex
	lines   []string
	serving chan addresses // closed at the end of the output
}

func readOutput(r io.Reader) *output {
	o := &output{serving: make(chan addresses, 1)}
	go func() {
		defer close(o.serving)
		scanner := bufio.NewScanner(r)
		for scanner.Scan() {
			o.mu.Lock()
			o.lines = append(o.lines, scanner.Text())
			o.mu.Unlock()
			var a addresses
			if json.Unmarshal(scanner.Bytes(), &a) == nil && a.Msg == "serving" {
				o.serving <- a
			}
		}
	}()
	return o
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.lines, "\n")
}

// wait returns the addresses of a server that has started.
func (o *output) wait(t *testing.T) addresses {
	t.Helper()
	a, ok := <-o.serving
	if !ok {
		t.Fatalf("did not start:\n%s", o)
	}
	return a
}

// freePorts are flags with which tests do not meet.
var freePorts = []string{"--rest-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0", "--admin-addr=127.0.0.1:0"}

// startServe runs serve in this process. stop ends it as SIGTERM would and
// returns its exit code and output; it is called once.
func startServe(t *testing.T, flags ...string) (a addresses, stop func() (int, string)) {
	t.Helper()
	clearEnvironment(t)
	t.Setenv("AMOGATE_DATA_DIR", filepath.Join(t.TempDir(), "data"))
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	out := readOutput(reader)
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append(append([]string{"serve"}, freePorts...), flags...), streams{strings.NewReader(""), io.Discard, writer})
		_ = writer.Close() // a PipeWriter's Close cannot fail
	}()
	a = out.wait(t)
	var once sync.Once
	stop = func() (c int, text string) {
		once.Do(func() {
			cancel()
			for range out.serving { // until the end of the output
			}
			c, text = <-code, out.String()
		})
		return c, text
	}
	t.Cleanup(func() { stop() })
	return a, stop
}

// child is amogate in a process of its own.
type child struct {
	*exec.Cmd
	out *output
}

func startProcess(t *testing.T, args ...string) *child {
	t.Helper()
	return startProcessWith(t, func(*exec.Cmd) {}, args...)
}

// startProcessWith lets the command be changed before it starts.
func startProcessWith(t *testing.T, change func(*exec.Cmd), args ...string) *child {
	t.Helper()
	clearEnvironment(t)
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: exec.CommandContext(t.Context(), executable, args...)}
	c.Env = append(os.Environ(), actAsCommand+"=1")
	change(c.Cmd)
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	c.out = readOutput(stderr)
	return c
}

// end waits for the process and returns its exit code and how long it took.
func (c *child) end(t *testing.T) (int, time.Duration) {
	t.Helper()
	begun := time.Now()
	for range c.out.serving { // until the end of the output
	}
	// The exit code says what there is to say.
	_ = c.Wait()
	return c.ProcessState.ExitCode(), time.Since(begun)
}

// get reads a URL and expects a status.
func get(t *testing.T, url string, status int) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true // no idle connection outlives the test
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read to its end
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != status {
		t.Fatalf("GET %s: status %d, want %d: %s", url, response.StatusCode, status, body)
	}
	return string(body)
}

// readUntil returns the first line that is looked for, and reads no further.
func readUntil(t *testing.T, r io.Reader, found func(line string) bool) string {
	t.Helper()
	var text strings.Builder
	one := make([]byte, 1)
	for {
		if _, err := r.Read(one); err != nil {
			t.Fatalf("%v after:\n%s", err, text.String())
		}
		text.Write(one)
		if one[0] != '\n' {
			continue
		}
		lines := strings.Split(text.String(), "\n")
		if line := lines[len(lines)-2]; found(line) {
			return line
		}
	}
}
