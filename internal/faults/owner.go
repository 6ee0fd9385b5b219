package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/amogate/amogate/store"
)

// Exit codes of amogate.
const (
	exitHeld   = 75
	exitConfig = 78
)

// refusal is a process that does not serve.
type refusal struct {
	code   int
	output string
	took   time.Duration
}

// refused runs a command that has to end by itself.
func (x *executable) refused(ctx context.Context, env, args []string) (refusal, error) {
	cmd, err := x.command(ctx, env, args)
	if err != nil {
		return refusal{}, err
	}
	begun := time.Now()
	output, err := cmd.CombinedOutput()
	r := refusal{output: string(output), took: time.Since(begun)}
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	default:
		return refusal{}, fmt.Errorf("run amogate: %w", err)
	}
	return r, nil
}

// want returns an error unless the process ended with a code, before it listened,
// and said all of these.
func (r refusal) want(code int, says ...string) error {
	switch {
	case r.code != code:
		return fmt.Errorf("exit %d, want %d: %s", r.code, code, r.output)
	case strings.Contains(r.output, `"msg":"serving"`):
		return fmt.Errorf("exit %d after it served", code)
	}
	for _, text := range says {
		if !strings.Contains(r.output, text) {
			return fmt.Errorf("nothing of %q: %s", text, r.output)
		}
	}
	return nil
}

// serveArgs are those of a process with addresses of its own.
func serveArgs(data, storeURL string) []string {
	return []string{"serve", "--rest-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0", "--admin-addr=127.0.0.1:0", "--data-dir=" + data, "--store=" + storeURL}
}

// secondOwner starts a process on a SQLite file that another one has open.
func (x *executable) secondOwner(ctx context.Context, within time.Duration) (string, error) {
	return inTempDir(func(dir string) (string, error) {
		url := "sqlite://" + filepath.Join(dir, store.File)
		args := serveArgs(filepath.Join(dir, "data"), url)
		start := func() (*child, error) {
			cmd, err := x.command(ctx, nil, args)
			if err != nil {
				return nil, err
			}
			return startChild(ctx, cmd)
		}
		owner, err := start()
		if err != nil {
			return "", err
		}
		defer owner.kill()
		second, err := x.refused(ctx, nil, serveArgs(filepath.Join(dir, "other"), url))
		if err != nil {
			return "", err
		}
		if err := second.want(exitHeld, fmt.Sprintf("process %d", owner.cmd.Process.Pid)); err != nil {
			return "", err
		}
		if second.took > within {
			return "", fmt.Errorf("exit after %s", round(second.took))
		}
		// The lock goes with its owner, however that ends.
		owner.kill()
		next, err := start()
		if err != nil {
			return "", fmt.Errorf("after the owner was killed: %w", err)
		}
		next.kill()
		return fmt.Sprintf("exit %d after %s; the next one serves once the owner is killed", exitHeld, round(second.took)), nil
	})
}
