package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// errKilled says that a replica ended without an answer.
var errKilled = errors.New("the replica was killed")

// replicaChild is a replica in a process of its own.
type replicaChild struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers *json.Decoder
	stderr  bytes.Buffer
}

// startReplica starts this program as a replica and waits until it is ready.
func startReplica(ctx context.Context, config replicaConfig) (*replicaChild, error) {
	argument, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, err
	}
	r := &replicaChild{cmd: exec.CommandContext(ctx, self, replicaCommand, string(argument))} //nolint:gosec // it is this program
	r.cmd.Stderr = &r.stderr
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.answers = json.NewDecoder(stdout)
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := r.answer(); err != nil {
		return nil, err
	}
	return r, nil
}

// use lets the replica use its tokens once. Its error is errKilled when the
// replica ended itself meanwhile.
func (r *replicaChild) use() (usedToken, error) {
	if _, err := io.WriteString(r.stdin, "use\n"); err != nil {
		return usedToken{}, err
	}
	return r.answer()
}

func (r *replicaChild) answer() (usedToken, error) {
	var u usedToken
	if err := r.answers.Decode(&u); err != nil {
		ended := r.cmd.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](ended); ok && exit.ExitCode() == -1 && r.stderr.Len() == 0 {
			return u, errKilled
		}
		return u, fmt.Errorf("the replica ended: %w: %s", errors.Join(err, ended), r.stderr.Bytes())
	}
	return u, nil
}

// stop ends the replica.
func (r *replicaChild) stop() error {
	if r.cmd.ProcessState != nil {
		return nil // it has ended
	}
	return errors.Join(r.stdin.Close(), r.cmd.Wait())
}
