package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/amogate/amogate/emulator"
)

func TestEmulator_servesAndTellsItsCredentials(t *testing.T) {
	clearEnvironment(t)
	fault := write(t, "fault.json", `{"rules":[{"match":{"operation":"unknown"},"action":{"status":418}}]}`)
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"emulator", "--addr=127.0.0.1:0", "--customers=3", "--fault=" + fault, "--strict"}, writer, io.Discard)
		_ = writer.Close() // a PipeWriter's Close cannot fail
	}()
	var url, text string
	lines := bufio.NewScanner(reader)
	for !strings.Contains(text, "/__emulator/stats") && lines.Scan() {
		text += lines.Text() + "\n"
		if _, after, found := strings.Cut(lines.Text(), " on "); found {
			url = after
		}
	}
	for _, want := range []string{emulator.DefaultToken, emulator.DefaultLogin, emulator.DefaultAPIKey} {
		if !strings.Contains(text, want) {
			t.Errorf("output has no %q:\n%s", want, text)
		}
	}
	get(t, url+"/api/v2/account", http.StatusUnauthorized)
	get(t, url+"/api/v2/nothing", http.StatusTeapot)
	if stats := get(t, url+"/__emulator/stats", http.StatusOK); !strings.Contains(stats, `"requests":2`) {
		t.Errorf("stats %s", stats)
	}
	cancel()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d, want 0", got)
	}
}

func TestEmulator_refuses(t *testing.T) {
	clearEnvironment(t)
	code, _, stderr := try(t, "emulator", "--addr=here", "--customers=-1", "--seed=-1", "--window=-1", "--latency=-1s",
		"--fault="+write(t, "fault.json", `{"rulez":[]}`))
	if code != exitConfig {
		t.Errorf("exit code %d, want %d", code, exitConfig)
	}
	for _, flag := range []string{"addr", "customers", "seed", "window", "latency", "fault"} {
		if !strings.Contains(stderr, "\n  --"+flag+": ") {
			t.Errorf("nothing is told of --%s:\n%s", flag, stderr)
		}
	}
}
