package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/amogate/amogate/emulator"
	adminv1 "github.com/amogate/amogate/gen/amogate/admin/v1"
	"github.com/amogate/amogate/internal/pgtest"
)

func TestServe_makesItsStateForThisUserAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	begun := time.Now()
	_, stop := startServe(t, "--data-dir="+dir, "--drain-delay=0s")
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the first start took %v", took)
	}
	code, out := stop()
	if code != exitOK {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	for name, want := range map[string]fs.FileMode{"": fs.ModeDir | 0o700, "keyring": 0o600, "amogate.db": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Mode() != want {
			t.Errorf("mode of %q is %v, want %v", name, info.Mode(), want)
		}
	}
	if !strings.Contains(out, `"made a key ring; keep a copy of it apart from the store`) {
		t.Errorf("the log does not tell of the key ring:\n%s", out)
	}
	ring, err := os.ReadFile(filepath.Join(dir, "keyring"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(ring)) {
		if _, key, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && !strings.HasPrefix(line, "#") && strings.Contains(out, key) {
			t.Errorf("the log shows the key")
		}
	}
	_, stop = startServe(t, "--data-dir="+dir, "--drain-delay=0s")
	if _, out := stop(); strings.Contains(out, "made a key ring") {
		t.Errorf("a second start makes another ring:\n%s", out)
	}
}

func TestServe_namesTheHolderOfItsFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	a, _ := startServe(t, "--data-dir="+dir, "--drain-delay=0s")
	begun := time.Now()
	code, _, stderr := try(t, append([]string{"serve", "--data-dir=" + dir}, freePorts...)...)
	if code != exitHeld || time.Since(begun) > 5*time.Second {
		t.Errorf("exit code %d after %v, want %d at once", code, time.Since(begun), exitHeld)
	}
	for _, want := range []string{"amogate.db", strconv.Itoa(os.Getpid()), a.Admin} {
		if !strings.Contains(stderr, want) {
			t.Errorf("output does not name %q: %s", want, stderr)
		}
	}
}

func TestServe_needsTheRingThatSealed(t *testing.T) {
	i := newInstallation(t, sqliteFlags(t)...)
	dir := strings.TrimPrefix(i.store[0], "--data-dir=")
	i.do(t, emulator.DefaultToken, "account", "add", "shop", "--url="+i.upstream, "--token-file=-")
	ring := filepath.Join(dir, "keyring")
	if err := os.Rename(ring, ring+".old"); err != nil {
		t.Fatal(err)
	}
	serve := slices.Concat([]string{"serve"}, freePorts, i.flags)
	code, _, stderr := try(t, serve...)
	if code != exitConfig || !strings.Contains(stderr, "--keyring-file: ") || !strings.Contains(stderr, "restore it from the backup") || exists(ring) {
		t.Errorf("without the ring: exit code %d: %s", code, stderr)
	}
	if code, _, stderr := try(t, "keyring", "generate", ring); code != exitOK {
		t.Fatal(stderr)
	}
	if code, _, stderr := try(t, serve...); code != exitConfig || !strings.Contains(stderr, "opens any of the stored credentials") {
		t.Errorf("with another ring: exit code %d: %s", code, stderr)
	}
	if code, _, stderr := try(t, "keyring", "generate", ring); code != exitConfig || !strings.Contains(stderr, "exists") {
		t.Errorf("making a ring twice: exit code %d: %s", code, stderr)
	}
	if err := os.Rename(ring+".old", ring); err != nil {
		t.Fatal(err)
	}
	if list := i.do(t, "", "account", "list"); !strings.Contains(list, "shop") {
		t.Errorf("with the ring again: %s", list)
	}
	content, err := os.ReadFile(ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(keyringVariable, string(content))
	if err := os.Remove(ring); err != nil {
		t.Fatal(err)
	}
	if shown := i.do(t, "", "account", "show", "shop"); !strings.Contains(shown, "state        ok") || exists(ring) {
		t.Errorf("with the ring in the environment: %s", shown)
	}
	if got := i.refuse(t, exitFailed, "keyring", "rotate"); !strings.Contains(got, keyringVariable) {
		t.Errorf("rotation of a ring in the environment: %s", got)
	}
}

func TestServe_refusesStateItCannotUse(t *testing.T) {
	file := write(t, "file", "no database")
	forged := write(t, "keyring", "k1:not-a-key\n")
	const secret = "s3cr3t"
	for _, c := range []struct {
		name  string
		flags []string
		env   map[string]string
		code  int
		want  string
	}{
		{"a directory below a file", []string{"--data-dir=" + file + "/data"}, nil, exitConfig, "--data-dir: "},
		{"a key ring that is none", []string{"--keyring-file=" + forged}, nil, exitConfig, "--keyring-file: "},
		{"a key ring in the environment that is none", nil, map[string]string{keyringVariable: "k1:" + secret}, exitConfig, keyringVariable + ": "},
		{
			"a database that is away",
			[]string{"--keyring-file=" + forged},
			map[string]string{storeVariable: "postgres://u:" + secret + "@127.0.0.1:1/amogate"},
			exitUnavailable, "--store: ",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			clearEnvironment(t)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			flags := slices.Concat([]string{"serve"}, freePorts, sqliteFlags(t), c.flags)
			code, _, stderr := try(t, flags...)
			if code != c.code || !strings.Contains(stderr, c.want) || strings.Contains(stderr, secret) {
				t.Errorf("exit code %d, want %d with %q and no secret:\n%s", code, c.code, c.want, stderr)
			}
		})
	}
}

func TestServe_onPostgreSQLMakesNoKeyRing(t *testing.T) {
	url, ok := pgtest.Database(t)
	if !ok {
		return
	}
	clearEnvironment(t)
	flags := append(sqliteFlags(t), "--store="+url)
	serve := slices.Concat([]string{"serve"}, freePorts, flags)
	if code, _, stderr := try(t, serve...); code != exitConfig || !strings.Contains(stderr, "amogate migrate") {
		t.Errorf("without a schema: exit code %d: %s", code, stderr)
	}
	if code, _, stderr := try(t, append([]string{"migrate"}, flags...)...); code != exitOK {
		t.Fatal(stderr)
	}
	if code, _, stderr := try(t, serve...); code != exitConfig || !strings.Contains(stderr, "amogate keyring generate") {
		t.Errorf("without a ring: exit code %d: %s", code, stderr)
	}
}

// TestHealth_tellsOfTheStore stops the database under a server.
func TestHealth_tellsOfTheStore(t *testing.T) {
	cluster, ok := pgtest.Own(t)
	if !ok {
		return
	}
	i := newInstallation(t, postgresFlags(t, cluster.URL)...)
	i.do(t, "", "migrate")
	a, _ := i.serve(t)
	health := healthpb.NewHealthClient(dial(t, a.GRPC))
	await := func(want healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		stream, err := health.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: storeHealth})
		for err == nil {
			var answer *healthpb.HealthCheckResponse
			if answer, err = stream.Recv(); answer.GetStatus() == want {
				return
			}
		}
		t.Fatalf("health of the store is not %v: %v", want, err)
	}
	await(healthpb.HealthCheckResponse_SERVING)
	if err := cluster.Stop(pgtest.Immediate); err != nil {
		t.Fatal(err)
	}
	await(healthpb.HealthCheckResponse_NOT_SERVING)
	get(t, "http://"+a.Admin+"/readyz", 200)
	if answer, err := health.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health of the server: %v, %v", answer, err)
	}
	if err := cluster.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(healthpb.HealthCheckResponse_SERVING)
}

func TestAdmin_isOneAddress(t *testing.T) {
	a, stop := startServe(t, "--sandbox", "--sandbox-latency=0s", "--drain-delay=0s")
	conn := dial(t, a.Admin)
	answer, err := adminv1.NewAdminServiceClient(conn).ListAccounts(t.Context(), &adminv1.ListAccountsRequest{})
	if err != nil || len(answer.GetAccounts()) != 1 || !answer.GetAccounts()[0].GetFromFlags() {
		t.Errorf("accounts of the sandbox: %v, %v", answer, err)
	}
	get(t, "http://"+a.Admin+"/metrics", 200)
	if _, err := adminv1.NewAdminServiceClient(dial(t, a.GRPC)).ListAccounts(t.Context(), &adminv1.ListAccountsRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("the address of callers answers the administration: %v", err)
	}
	if code, out := stop(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// TestSandbox_leavesNothing looks for its directory among the temporary ones.
func TestSandbox_leavesNothing(t *testing.T) {
	temporary, working := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Chdir(working)
	_, stop := startServe(t, "--sandbox", "--drain-delay=0s")
	if names := list(t, temporary); len(names) != 1 || !strings.HasPrefix(names[0], "amogate-sandbox-") {
		t.Errorf("while it serves: %q", names)
	}
	if code, out := stop(); code != exitOK {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	if names := slices.Concat(list(t, temporary), list(t, working)); len(names) != 0 {
		t.Errorf("left behind: %q", names)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
