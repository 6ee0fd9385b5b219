package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/amogate/amogate/store"
)

// smallDisk mounts a disk of 2 MiB at a directory, which nobody else sees, brings
// the files there, and becomes a command. It takes the directory, the directory of
// the files, and the command.
const smallDisk = `
mount -t tmpfs -o size=2m none "$1" && cp "$2"/amogate.db* "$1" && shift 2 && exec "$@"
`

// onSmallDisk has a command run where only it sees the disk.
func onSmallDisk(cmd *exec.Cmd, disk, files string) error {
	shell, err := exec.LookPath("sh")
	if err != nil {
		return err
	}
	cmd.Args = append([]string{"sh", "-c", smallDisk, "sh", disk, files, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = shell
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		// Who may not mount is root in a name space of its own.
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: 1}}
	}
	return nil
}

// fill writes a file until the disk is full.
func fill(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // in a directory of the row
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it need not be whole
	for piece := make([]byte, 4096); ; {
		switch _, err := file.Write(piece); {
		case errors.Is(err, syscall.ENOSPC):
			return nil
		case err != nil:
			return err
		}
	}
}

// diskFull fills the disk of the data directory before it is time to refresh, and
// makes room again.
func (x *executable) diskFull(ctx context.Context) (string, error) {
	full := failure{code: codes.ResourceExhausted, reason: "STORE_FULL"}
	// It is time to refresh in 2 to 4 seconds.
	const old, left = 6 * time.Second, 12 * time.Second
	return onFarm(ctx, farmConfig{}, func(f *farm) (string, error) {
		if _, err := x.build(ctx); err != nil {
			return "", err
		}
		if err := f.ageTo(ctx, old, left); err != nil {
			return "", err
		}
		end := time.Now().Add(left)
		h, disk, err := f.serveOnSmallDisk(ctx, x)
		if err != nil {
			return "", err
		}
		if err := h.call(ctx); err != nil {
			return "", err
		}
		filler := filepath.Join(fmt.Sprintf("/proc/%d/root", h.cmd.Process.Pid), disk, "filler")
		if err := fill(filler); err != nil {
			return "", fmt.Errorf("fill the disk: %w", err)
		}
		stop := calling(ctx, h, shop, allOK)
		err = pause(ctx, time.Until(end)-callPause)
		calls, failed := stop()
		if err := errors.Join(err, failed); err != nil {
			return "", fmt.Errorf("before the access token ended: %w", err)
		}
		if err := pause(ctx, 2*callPause); err != nil {
			return "", err
		}
		for range 3 {
			if err := failureOf(h.call(ctx)).want(full.code, full.reason); err != nil {
				return "", fmt.Errorf("after the access token ended: %w", err)
			}
		}
		if err := f.wantTokens(0, 0); err != nil {
			return "", err
		}
		if err := os.Remove(filler); err != nil {
			return "", err
		}
		took, err := until(ctx, 5*time.Second, func() (bool, error) { return h.call(ctx) == nil, nil })
		if err != nil {
			return "", fmt.Errorf("calls are OK when there is room: %w", err)
		}
		return fmt.Sprintf("%d calls OK, no token call; OK %s after there was room", calls, round(took)), f.wantTokens(1, 0)
	})
}

// serveOnSmallDisk starts `amogate serve` with its data directory on a small disk,
// which it returns.
func (f *farm) serveOnSmallDisk(ctx context.Context, x *executable) (h *farmhand, disk string, err error) {
	disk = filepath.Join(f.dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		return nil, "", err
	}
	secret := filepath.Join(f.dir, "secret")
	if err := os.WriteFile(secret, []byte(integration.ClientSecret), 0o600); err != nil {
		return nil, "", err
	}
	cmd, err := x.command(ctx, nil, []string{
		"serve", "--rest-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0", "--admin-addr=127.0.0.1:0",
		"--data-dir=" + disk, "--store=sqlite://" + filepath.Join(disk, store.File), "--keyring-file=" + f.ring, "--time-scale=20",
		"--allow-insecure-upstream", "--drain-delay=0s",
		"--oauth-client-id=" + integration.ClientID, "--oauth-client-secret-file=" + secret, "--oauth-redirect-url=" + integration.RedirectURL,
	})
	if err != nil {
		return nil, "", err
	}
	if err := onSmallDisk(cmd, disk, f.dir); err != nil {
		return nil, "", err
	}
	c, err := startChild(ctx, cmd)
	if err != nil {
		return nil, "", err
	}
	f.onClose(func() error { c.kill(); return nil })
	h, err = f.connect(c)
	return h, disk, err
}
