package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// executable is the amogate binary, built when the first row asks for it, and the
// servers that its processes need.
type executable struct {
	once sync.Once
	dir  string
	path string
	err  error

	databases databases
}

func (x *executable) build(ctx context.Context) (string, error) {
	x.once.Do(func() {
		if x.dir, x.err = os.MkdirTemp("", "faults"); x.err != nil {
			return
		}
		x.path = filepath.Join(x.dir, "amogate")
		// A row that runs out of time meanwhile fails alone: the others find it built.
		build := exec.CommandContext(context.WithoutCancel(ctx), "go", "build", "-o", x.path, "github.com/amogate/amogate/cmd/amogate") //nolint:gosec // a path of ours
		if output, err := build.CombinedOutput(); err != nil {
			x.err = fmt.Errorf("build amogate: %w: %s", err, output)
		}
	})
	return x.path, x.err
}

func (x *executable) remove() {
	x.databases.close()
	if x.dir != "" {
		// A directory that stays behind in the temporary one does no harm.
		_ = os.RemoveAll(x.dir)
	}
}

// command is a run of the binary with no setting but the given ones.
func (x *executable) command(ctx context.Context, env, args []string) (*exec.Cmd, error) {
	path, err := x.build(ctx)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // the binary was built here
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "AMOGATE_") || strings.HasPrefix(variable, "OTEL_")
	})
	cmd.Env = append(cmd.Env, env...)
	return cmd, nil
}

// child is a running `amogate serve`.
type child struct {
	// rest, grpc and admin are addresses, stats the URL of a sandbox's.
	rest, grpc, admin, stats string

	cmd    *exec.Cmd
	log    *lockedBuffer
	exited chan struct{}
	err    error // how it ended, once exited is closed
}

// sandbox starts a process with an account of its own and returns once it
// serves. The process ends with ctx at the latest.
func (x *executable) sandbox(ctx context.Context, flags ...string) (*child, error) {
	return x.serve(ctx, nil, append([]string{"--sandbox"}, flags...))
}

// serve is sandbox for a process with an account elsewhere.
func (x *executable) serve(ctx context.Context, env, flags []string) (*child, error) {
	if _, err := x.build(ctx); err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp(x.dir, "data")
	if err != nil {
		return nil, fmt.Errorf("start amogate: %w", err)
	}
	cmd, err := x.command(ctx, append([]string{"AMOGATE_DATA_DIR=" + data}, env...), append([]string{
		"serve", "--rest-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0", "--admin-addr=127.0.0.1:0",
	}, flags...))
	if err != nil {
		return nil, err
	}
	return startChild(ctx, cmd)
}

// startChild starts a process and returns once it serves.
func startChild(ctx context.Context, cmd *exec.Cmd) (*child, error) {
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start amogate: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start amogate: %w", err)
	}
	c := &child{cmd: cmd, log: &lockedBuffer{}, exited: make(chan struct{})}
	serving := make(chan struct{})
	go func() {
		defer close(c.exited)
		c.follow(stderr, serving)
		c.err = cmd.Wait()
	}()
	select {
	case <-serving:
		return c, nil
	case <-c.exited:
		return nil, fmt.Errorf("amogate ended before it served: %w: %s", c.err, c.log)
	case <-ctx.Done():
		<-c.exited
		return nil, fmt.Errorf("amogate does not serve: %w: %s", ctx.Err(), c.log)
	}
}

// follow keeps the log and closes serving when a line tells the addresses.
func (c *child) follow(log io.Reader, serving chan struct{}) {
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadBytes('\n')
		_, _ = c.log.Write(line) // never fails
		var told struct {
			Message string `json:"msg"`
			REST    string `json:"rest"`
			GRPC    string `json:"grpc"`
			Admin   string `json:"admin"`
			Stats   string `json:"sandbox_stats"`
		}
		if json.Unmarshal(line, &told) == nil && told.Message == "serving" {
			c.rest, c.grpc, c.admin, c.stats = told.REST, told.GRPC, told.Admin, told.Stats
			close(serving)
		}
		if err != nil {
			return
		}
	}
}

// terminate sends SIGTERM.
func (c *child) terminate() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("send SIGTERM: %w", err)
	}
	return nil
}

// wait waits for the end and fails when the exit code is not 0.
func (c *child) wait(ctx context.Context) error {
	select {
	case <-c.exited:
	case <-ctx.Done():
		return fmt.Errorf("amogate does not end: %w", ctx.Err())
	}
	if c.err != nil {
		return fmt.Errorf("amogate: %w: %s", c.err, c.log.tail())
	}
	return nil
}

// kill ends the process whatever it does.
func (c *child) kill() {
	// It may have ended by itself.
	_ = c.cmd.Process.Kill()
	<-c.exited
}

// inFlight waits until upstream has a request in hand.
func (c *child) inFlight(ctx context.Context) error {
	for {
		var stats struct {
			InFlight int `json:"in_flight"`
		}
		if err := getJSON(ctx, c.stats, &stats); err != nil {
			return err
		}
		if stats.InFlight > 0 {
			return nil
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return errors.Join(errors.New("upstream was not asked"), err)
		}
	}
}

// pause waits for d.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lockedBuffer is a log that is read while it grows.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer; it never fails.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String returns everything that was written.
func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// contains says whether a text is in the log.
func (l *lockedBuffer) contains(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.buf.Bytes(), []byte(text))
}

// tail returns the last line.
func (l *lockedBuffer) tail() string {
	text := strings.TrimSpace(l.String())
	return text[strings.LastIndexByte(text, '\n')+1:]
}
