package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// readyTimeout is how long a process gets to serve.
const readyTimeout = 30 * time.Second

// child is an amogate that is killed and started again on the same address.
type child struct {
	binary string
	flags  []string
	// grpc is its address.
	grpc string

	mu      sync.Mutex
	cmd     *exec.Cmd
	exited  chan struct{}
	serving chan struct{}
	// log has the lines of all its lives.
	log [][]byte
}

// newChild describes an amogate with a directory of its own. It does not start it.
func newChild(binary, dir string, flags ...string) (*child, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return &child{binary: binary, grpc: address, flags: append([]string{
		"serve", "--grpc-addr=" + address, "--rest-addr=127.0.0.1:0", "--admin-addr=127.0.0.1:0", "--log-format=json",
		"--allow-insecure-upstream", "--data-dir=" + filepath.Join(dir, "data"),
	}, flags...)}, nil
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress() (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// start starts the process and waits until it serves.
func (c *child) start(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.binary, c.flags...) //nolint:gosec // it was built here
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "AMOGATE_") || strings.HasPrefix(variable, "OTEL_")
	})
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start amogate: %w", err)
	}
	exited, serving := make(chan struct{}), make(chan struct{})
	c.mu.Lock()
	c.cmd, c.exited, c.serving = cmd, exited, serving
	c.mu.Unlock()
	go func() {
		defer close(exited)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		isServing := false
		for lines.Scan() {
			line := bytes.Clone(lines.Bytes())
			c.mu.Lock()
			c.log = append(c.log, line)
			c.mu.Unlock()
			if !isServing && bytes.Contains(line, []byte(`"msg":"serving"`)) {
				isServing = true
				close(serving)
			}
		}
		_ = cmd.Wait() // it is killed, most of the time
	}()
	timer := time.NewTimer(readyTimeout)
	defer timer.Stop()
	select {
	case <-serving:
		return nil
	case <-exited:
		return fmt.Errorf("amogate ended before it served: %s", c.tail())
	case <-timer.C:
		c.kill()
		return fmt.Errorf("amogate does not serve after %v: %s", readyTimeout, c.tail())
	}
}

// kill ends the process by SIGKILL and waits for its end.
func (c *child) kill() {
	c.mu.Lock()
	cmd, exited := c.cmd, c.exited
	c.mu.Unlock()
	if cmd == nil {
		return // it was never started
	}
	_ = cmd.Process.Kill() // it may have ended by itself
	<-exited
}

// tail returns the last line of the log.
func (c *child) tail() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.log) == 0 {
		return "it logged nothing"
	}
	return string(c.log[len(c.log)-1])
}

// lost sums up what its log tells of creates whose answers were lost: how many
// items, and how many of them were found.
func (c *child) lost() (items, found int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, raw := range c.log {
		var line struct {
			Message string `json:"msg"`
			Items   int    `json:"items"`
			Found   int    `json:"found"`
		}
		if json.Unmarshal(raw, &line) == nil && line.Message == "the answer to a create was lost" {
			items += line.Items
			found += line.Found
		}
	}
	return items, found
}
