package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// readyTimeout is how long a process gets to serve.
	readyTimeout = 30 * time.Second
	// readyPoll is how often its log is looked at until then.
	readyPoll = 10 * time.Millisecond
	// stopTimeout is how long a process gets to stop.
	stopTimeout = 15 * time.Second
)

// Build builds amogate into a directory and returns the path of the binary.
func Build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "amogate")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/amogate/amogate/cmd/amogate") //nolint:gosec // a path of ours
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build amogate: %w: %s", err, output)
	}
	return binary, nil
}

// Process is a running command. It ends with the context of its start at the
// latest.
type Process struct {
	command *exec.Cmd
	exited  chan struct{}
	err     error // how it ended, once exited is closed
	log     string
}

// start starts a command with no setting but the given ones, and waits until
// ready finds in its log what it looks for. The log is a file in dir: whoever
// read a pipe would take part in what is measured.
func start(ctx context.Context, dir string, command *exec.Cmd, env []string, ready func(line string) bool) (*Process, error) {
	log, err := os.CreateTemp(dir, "log-")
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the process has a descriptor of its own
	command.Stdout, command.Stderr = log, log
	command.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "AMOGATE_") || strings.HasPrefix(variable, "OTEL_")
	})
	command.Env = append(command.Env, env...)
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", command.Args[1], err)
	}
	p := &Process{command: command, exited: make(chan struct{}), log: log.Name()}
	go func() {
		defer close(p.exited)
		p.err = command.Wait()
	}()
	if err := p.await(ctx, ready); err != nil {
		_ = command.Process.Kill() // it may have ended by itself
		<-p.exited
		return nil, fmt.Errorf("start %s: %w: %s", command.Args[1], err, p.tail())
	}
	return p, nil
}

// await reads the log until ready is satisfied.
func (p *Process) await(ctx context.Context, ready func(line string) bool) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ticks := time.NewTicker(readyPoll)
	defer ticks.Stop()
	for {
		told, err := os.ReadFile(p.log)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(told)) {
			if strings.HasSuffix(line, "\n") && ready(line) {
				return nil
			}
		}
		select {
		case <-ticks.C:
		case <-p.exited:
			return fmt.Errorf("it ended before it served: %w", p.err)
		case <-ctx.Done():
			return fmt.Errorf("it does not serve: %w", ctx.Err())
		}
	}
}

// tail returns the end of the log.
func (p *Process) tail() string {
	const most = 2000
	told, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(told[max(len(told)-most, 0):]))
}

// Stop ends the process as an operator does.
func (p *Process) Stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.command.Args[1], err)
	}
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-p.exited:
		if p.err != nil {
			return fmt.Errorf("stop %s: %w: %s", p.command.Args[1], p.err, p.tail())
		}
		return nil
	case <-timer.C:
		_ = p.command.Process.Kill() // it may have ended by itself
		<-p.exited
		return fmt.Errorf("%s did not stop within %s: %s", p.command.Args[1], stopTimeout, p.tail())
	}
}
