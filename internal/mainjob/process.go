package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopTimeout is how long the process gets to stop.
const stopTimeout = 15 * time.Second

// process is a running amogate. Its addresses come from its log.
type process struct {
	command *exec.Cmd
	exited  chan error

	REST  string `json:"rest"`
	GRPC  string `json:"grpc"`
	Stats string `json:"sandbox_stats"`
}

// start starts the binary on free ports, with flags beside those of every run,
// and waits until it serves.
func start(ctx context.Context, binary string, flags ...string) (*process, error) {
	p := &process{exited: make(chan error, 1)}
	p.command = exec.CommandContext(ctx, binary, append([]string{ //nolint:gosec // it was built here
		"serve", "--sandbox", "--sandbox-customers", strconv.Itoa(customers), "--rate", strconv.Itoa(rate),
		"--rest-addr", "127.0.0.1:0", "--grpc-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0",
		"--drain-delay", "0s", "--log-format", "json",
	}, flags...)...)
	log, err := p.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	lines := bufio.NewScanner(log)
	var told []string
	for lines.Scan() {
		told = append(told, lines.Text())
		var line struct {
			Message string `json:"msg"`
			*process
		}
		line.process = p
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "serving" {
			go func() {
				// A full pipe would stop the process.
				_, err := io.Copy(io.Discard, log)
				p.exited <- errors.Join(err, p.command.Wait())
			}()
			return p, nil
		}
	}
	return nil, fmt.Errorf("the process does not serve: %w\n%s", errors.Join(lines.Err(), p.command.Wait()), strings.Join(told, "\n"))
}

// stop ends the process as an operator does.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	select {
	case err := <-p.exited:
		if err != nil {
			return fmt.Errorf("stop: %w", err)
		}
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("the process did not stop within %s", stopTimeout), p.command.Process.Kill())
	}
}

// memory returns a figure of /proc/PID/status in bytes: VmRSS is what is in
// memory, VmHWM the most that ever was.
func (p *process) memory(figure string) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("measure memory: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		if name != figure {
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("measure memory: %w", err)
		}
		return kilobytes << 10, nil
	}
	return 0, fmt.Errorf("measure memory: the system tells no %s", figure)
}
