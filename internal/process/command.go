package process

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
)

// Server is a running `amogate serve`.
type Server struct {
	*Process
	// GRPC and REST are its addresses.
	GRPC, REST string
	// Stats is the URL of the counters of its sandbox; empty without one.
	Stats string
}

// StartServer starts `amogate serve` on free ports with a data directory of its
// own below dir, and returns once it serves.
func StartServer(ctx context.Context, binary, dir string, env []string, flags ...string) (*Server, error) {
	data, err := os.MkdirTemp(dir, "data-")
	if err != nil {
		return nil, err
	}
	var told struct {
		Message string `json:"msg"`
		REST    string `json:"rest"`
		GRPC    string `json:"grpc"`
		Stats   string `json:"sandbox_stats"`
	}
	command := exec.CommandContext(ctx, binary, append([]string{ //nolint:gosec // it was built here
		"serve", "--rest-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0", "--admin-addr=127.0.0.1:0",
		"--data-dir=" + data, "--drain-delay=0s", "--log-format=json",
	}, flags...)...)
	p, err := start(ctx, dir, command, env, func(line string) bool {
		return json.Unmarshal([]byte(line), &told) == nil && told.Message == "serving"
	})
	if err != nil {
		return nil, err
	}
	return &Server{Process: p, GRPC: told.GRPC, REST: told.REST, Stats: told.Stats}, nil
}

// Emulator is a running `amogate emulator`.
type Emulator struct {
	*Process
	// Address is HOST:PORT, Token opens the account.
	Address, Token string
	// Stats is the URL of its counters.
	Stats string
}

// StartEmulator starts `amogate emulator` on a free port, with its log below dir,
// and returns once it serves.
func StartEmulator(ctx context.Context, binary, dir string, flags ...string) (*Emulator, error) {
	command := exec.CommandContext(ctx, binary, append([]string{"emulator", "--addr=127.0.0.1:0"}, flags...)...) //nolint:gosec // it was built here
	e := &Emulator{}
	var err error
	e.Process, err = start(ctx, dir, command, nil, func(line string) bool {
		if _, address, ok := strings.Cut(line, "emulator of amoCRM on http://"); ok {
			e.Address = strings.TrimSpace(address)
			e.Stats = "http://" + e.Address + "/__emulator/stats"
		}
		if token, ok := strings.CutPrefix(line, "  token "); ok {
			e.Token = strings.TrimSpace(token)
		}
		return e.Address != "" && e.Token != ""
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// StartServer starts a server of the emulator's account, which is named default.
func (e *Emulator) StartServer(ctx context.Context, binary, dir string, flags ...string) (*Server, error) {
	return StartServer(ctx, binary, dir, []string{"AMOGATE_ACCOUNT_TOKEN=" + e.Token},
		append([]string{"--account-url=http://" + e.Address, "--allow-insecure-upstream"}, flags...)...)
}
