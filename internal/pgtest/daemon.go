package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// watch runs a server until it is told a word, or until the process that started
// it is gone: then nothing of the server stays. Its arguments are the directory
// and the command.
const watch = `
dir=$1; shift
"$@" >>"$dir/log" 2>&1 &
pid=$!
read -r word
case $word in
fast) kill -INT $pid ;;
immediate) kill -QUIT $pid ;;
*) kill -TERM $pid; kill -INT $pid ;;
esac
wait $pid
case $word in
fast|immediate) ;;
*) rm -rf "$dir" ;;
esac
`

// pollEvery is how often a server that starts is asked whether it is ready.
const pollEvery = 20 * time.Millisecond

// daemon is a server in a directory of its own, under a user without rights.
type daemon struct {
	dir     string
	account *syscall.Credential
	cmd     *exec.Cmd
	told    io.WriteCloser
}

// newDaemon makes the directory. Servers refuse to run as root, so root gives the
// directory to postgres or nobody.
func newDaemon() (*daemon, error) {
	dir, err := os.MkdirTemp("", "amogate-pgtest-")
	if err != nil {
		return nil, err
	}
	d := &daemon{dir: dir}
	if os.Geteuid() != 0 {
		return d, nil
	}
	if d.account, err = unprivileged(); err == nil {
		err = os.Chown(dir, int(d.account.Uid), int(d.account.Gid))
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return d, nil
}

func unprivileged() (*syscall.Credential, error) {
	var errs []error
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.Join(errs...)
}

// command prepares a command in the directory and under the user of the server.
func (d *daemon) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // The programs of the server.
	cmd.Dir = d.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.account}
	return cmd
}

// start runs the server until stop, or until ready says that it never will be.
func (d *daemon) start(ctx context.Context, ready func(context.Context) error, name string, args ...string) error {
	// The server outlives the call and its context.
	d.cmd = d.command(context.WithoutCancel(ctx), "/bin/sh", append([]string{"-c", watch, "sh", d.dir, name}, args...)...)
	told, err := d.cmd.StdinPipe()
	if err != nil {
		return err
	}
	d.told = told
	if err := d.cmd.Start(); err != nil {
		return err
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(d.dir, "log"))
			return fmt.Errorf("%s does not start: %w: %s", filepath.Base(name), err, log)
		}
	}
}

// stop ends the server: word is "fast", "immediate", or "" to remove the
// directory as well.
func (d *daemon) stop(word string) error {
	if d.cmd == nil {
		if word == "" {
			return os.RemoveAll(d.dir)
		}
		return nil
	}
	_, err := io.WriteString(d.told, word+"\n")
	err = errors.Join(err, d.told.Close())
	// The exit code is that of the last command of the script.
	err = errors.Join(err, d.cmd.Wait())
	d.cmd = nil
	return err
}

// freePort returns a port that nobody listens on.
func freePort(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
