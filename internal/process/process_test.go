package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fake writes a program in the place of amogate: lines of sh.
func fake(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "amogate")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

const waits = `
trap 'exit 0' TERM
while :; do sleep 0.01; done
`

func TestStartEmulator_readsItsAddresses(t *testing.T) {
	binary := fake(t, `echo "emulator of amoCRM on http://127.0.0.1:4711"; echo "  token    abc"`+waits)
	e, err := StartEmulator(t.Context(), binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if e.Address != "127.0.0.1:4711" || e.Token != "abc" || e.Stats != "http://127.0.0.1:4711/__emulator/stats" {
		t.Errorf("emulator %+v", e)
	}
	if memory, err := e.Memory(); err != nil || memory <= 0 {
		t.Errorf("Memory = %d, %v", memory, err)
	}
	if err := e.ResetPeak(); err != nil {
		t.Error(err)
	}
	if peak, err := e.PeakMemory(); err != nil || peak <= 0 {
		t.Errorf("PeakMemory = %d, %v", peak, err)
	}
	if _, err := e.CPU(); err != nil {
		t.Error(err)
	}
	if err := e.Stop(); err != nil {
		t.Error(err)
	}
}

func TestStartServer_passesAccountAndFlags(t *testing.T) {
	dir := t.TempDir()
	binary := fake(t, `echo "$AMOGATE_ACCOUNT_TOKEN $AMOGATE_RATE $*" >"`+dir+`/given"
echo '{"msg":"starting"}'; echo '{"msg":"serving","rest":"r:1","grpc":"g:2","sandbox_stats":"http://s"}'`+waits)
	t.Setenv("AMOGATE_RATE", "3") // nothing of ours is inherited
	s, err := (&Emulator{Address: "127.0.0.1:4711", Token: "abc"}).StartServer(t.Context(), binary, dir, "--rate=5")
	if err != nil {
		t.Fatal(err)
	}
	if s.REST != "r:1" || s.GRPC != "g:2" || s.Stats != "http://s" {
		t.Errorf("server %+v", s)
	}
	given, err := os.ReadFile(filepath.Join(dir, "given"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"abc  serve ", "--account-url=http://127.0.0.1:4711 --allow-insecure-upstream", "--rate=5"} {
		if !strings.Contains(string(given), want) {
			t.Errorf("given %q, want %q", given, want)
		}
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestStart_tellsWhyItFailed(t *testing.T) {
	_, err := StartServer(t.Context(), fake(t, "echo no such flag; exit 3"), t.TempDir(), nil)
	if err == nil || !strings.Contains(err.Error(), "no such flag") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error %v", err)
	}
}

func TestStop_tellsOfABadEnd(t *testing.T) {
	binary := fake(t, `echo '{"msg":"serving"}'
trap 'echo lost tokens; exit 7' TERM
while :; do sleep 0.01; done`)
	s, err := StartServer(t.Context(), binary, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err == nil || !strings.Contains(err.Error(), "lost tokens") {
		t.Errorf("Stop = %v", err)
	}
}

func TestParseCPU(t *testing.T) {
	// The name holds blanks and brackets, as it may.
	const stat = "12 (a) b (c) S 1 12 12 0 -1 4194304 100 0 0 0 250 50 7 9 20 0 8 0 100 1000 10"
	got, err := parseCPU(stat)
	if want := 3 * time.Second; err != nil || got != want {
		t.Errorf("parseCPU = %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"", "12 (a) S 1", "12 (a) S 1 12 12 0 -1 4194304 100 0 0 0 x 50"} {
		if _, err := parseCPU(bad); err == nil {
			t.Errorf("parseCPU(%q): no error", bad)
		}
	}
}

func TestParseMemory(t *testing.T) {
	const status = "Name:\tamogate\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\nThreads:\t8\n"
	for figure, want := range map[string]int64{"VmRSS": 1 << 20, "VmHWM": 2 << 20} {
		if got, err := parseMemory(status, figure); err != nil || got != want {
			t.Errorf("%s = %d, %v, want %d", figure, got, err, want)
		}
	}
	for _, figure := range []string{"VmSwap", "Name"} {
		if _, err := parseMemory(status, figure); err == nil {
			t.Errorf("%s: no error", figure)
		}
	}
}
