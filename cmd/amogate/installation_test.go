package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/internal/pgtest"
)

// installation is what serve and the commands have in common.
type installation struct {
	// store are the flags of the store, flags those of it and of the upstream.
	store, flags []string
	// upstream is the root of the account's API, emulator what answers there.
	upstream string
	emulator *emulator.Emulator
	// rest is the address that the integration sends browsers back to.
	rest string
}

// newInstallation makes an emulated account with an integration, and the flags
// that lead to it.
func newInstallation(t *testing.T, store ...string) installation {
	t.Helper()
	clearEnvironment(t)
	i := installation{store: store, rest: freeAddress(t)}
	redirect := "http://" + i.rest + "/oauth/callback"
	e, err := emulator.New(emulator.Config{Customers: 3, Window: -1, OAuth: emulator.OAuth{RedirectURL: redirect}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	i.upstream, i.emulator = s.URL, e
	i.flags = append(slices.Clone(store),
		"--allow-insecure-upstream", "--rate=7",
		"--oauth-client-id="+emulator.DefaultClientID,
		"--oauth-client-secret-file="+write(t, "secret", emulator.DefaultClientSecret),
		"--oauth-redirect-url="+redirect)
	return i
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // nothing was accepted
	return listener.Addr().String()
}

// sqliteFlags are those of a store in a directory of its own.
func sqliteFlags(t *testing.T) []string {
	t.Helper()
	return []string{"--data-dir=" + filepath.Join(t.TempDir(), "data")}
}

// postgresFlags are those of a store in a database, with a key ring.
func postgresFlags(t *testing.T, url string) []string {
	t.Helper()
	ring := filepath.Join(t.TempDir(), "keyring")
	if code, _, stderr := try(t, "keyring", "generate", ring); code != exitOK {
		t.Fatal(stderr)
	}
	return append(sqliteFlags(t), "--store="+url, "--keyring-file="+ring)
}

// serve runs serve until the end of the test, or stop.
func (i installation) serve(t *testing.T) (addresses, func() (int, string)) {
	t.Helper()
	return startServe(t, append(slices.Clone(i.flags), "--rest-addr="+i.rest, "--drain-delay=0s")...)
}

// do runs a command that has to succeed and returns what it prints.
func (i installation) do(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	flags := i.flags
	if args[0] == "migrate" { // it opens nothing that is sealed
		flags = slices.DeleteFunc(slices.Clone(i.store), func(flag string) bool { return strings.HasPrefix(flag, "--keyring-file=") })
	}
	code, stdout, stderr := tryWith(t, stdin, slices.Concat(args, flags)...)
	if code != exitOK {
		t.Fatalf("%q: exit code %d: %s%s", args, code, stdout, stderr)
	}
	return stdout
}

// refuse runs a command that has to fail and returns its one line.
func (i installation) refuse(t *testing.T, want int, args ...string) string {
	t.Helper()
	code, stdout, stderr := try(t, slices.Concat(args, i.flags)...)
	if code != want || stdout != "" || strings.Count(stderr, "\n") != 1 {
		t.Fatalf("%q: exit code %d, want %d in one line: %s%s", args, code, want, stdout, stderr)
	}
	return stderr
}

// code returns an authorization code, as the integration's page shows it.
func (i installation) code(t *testing.T) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.upstream+"/__emulator/oauth/code", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true // no idle connection outlives the test
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read to its end
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(body), `"code":"`)
	code, _, ok := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no code: %s", body)
	}
	return code
}

// runCommands runs every command about accounts and keys.
func (i installation) runCommands(t *testing.T) {
	t.Helper()
	if got := i.do(t, "", "account", "list"); !strings.HasPrefix(got, "no accounts") {
		t.Errorf("list of none: %q", got)
	}
	i.do(t, emulator.DefaultToken, "account", "add", "shop", "--url="+i.upstream, "--token-file=-")
	i.do(t, emulator.DefaultAPIKey, "account", "add", "pet", "--url="+i.upstream, "--login="+emulator.DefaultLogin, "--api-key-file=-")
	i.do(t, i.code(t), "account", "add", "toys", "--url="+i.upstream, "--code-file=-")
	token := write(t, "token", emulator.DefaultToken)
	if got := i.refuse(t, exitFailed, "account", "add", "shop", "--url="+i.upstream, "--token-file="+token); !strings.Contains(got, "--replace") {
		t.Errorf("adding twice: %s", got)
	}
	i.do(t, "", "account", "add", "shop", "--url="+i.upstream, "--token-file="+token, "--replace")
	i.refuse(t, exitFailed, "account", "add", "bad", "--url="+i.upstream, "--token-file="+write(t, "bad", "no-token"))

	list := i.do(t, "", "account", "list")
	for _, want := range []string{"shop", "pet", "toys", "token", "session", "oauth"} {
		if !strings.Contains(list, want) {
			t.Errorf("list has no %q:\n%s", want, list)
		}
	}
	if strings.Contains(list, "bad") {
		t.Errorf("list has an account that was refused:\n%s", list)
	}
	shown := i.do(t, "", "account", "show", "shop")
	for _, want := range []string{"generation   2", "of 7 requests/s", "by the store", "interactive  0"} {
		if !strings.Contains(shown, want) {
			t.Errorf("show has no %q:\n%s", want, shown)
		}
	}
	checked := i.do(t, "", "account", "doctor", "toys")
	for _, check := range []string{"dns", "token", "rights", "rate", "clock", "pages", "tokens"} {
		if !strings.Contains(checked, "ok       "+check) {
			t.Errorf("doctor does not pass %q:\n%s", check, checked)
		}
	}
	if got := i.do(t, "", "keyring", "rotate"); !strings.Contains(got, ": 3 accounts") {
		t.Errorf("rotate: %s", got)
	}
	if got := i.do(t, "", "keyring", "rotate", "--reseal-only", "--prune"); !strings.Contains(got, ": 0 accounts") || strings.Contains(got, ",") {
		t.Errorf("prune: %s", got)
	}
	for _, name := range []string{"shop", "pet", "toys"} {
		i.do(t, "", "account", "remove", name)
	}
	for _, command := range []string{"show", "remove", "doctor"} {
		i.refuse(t, exitFailed, "account", command, "shop")
	}
	if got := i.do(t, "", "account", "list", "--output=json"); got != "{\"accounts\":[]}\n" {
		t.Errorf("list after all: %q", got)
	}
}

func TestCommands_onSQLite(t *testing.T) {
	i := newInstallation(t, sqliteFlags(t)...)
	i.flags = append(i.flags, "--time-scale=4") // the first second of limiters passes sooner
	if got := i.do(t, "", "migrate", "--dry-run"); !strings.Contains(got, "CREATE TABLE") {
		t.Errorf("migrate --dry-run: %.200s", got)
	}
	if got := i.do(t, "", "migrate"); !strings.HasPrefix(got, "applied 1: ") {
		t.Errorf("migrate: %s", got)
	}
	i.runCommands(t) // nobody holds the store
	_, stop := i.serve(t)
	if got := i.do(t, "", "migrate"); !strings.HasPrefix(got, "the schema is up to date") {
		t.Errorf("migrate beside serve: %s", got)
	}
	i.runCommands(t) // serve holds it
	if code, out := stop(); code != exitOK || strings.Count(out, `"msg":"administration"`) < 15 {
		t.Errorf("serve ended with %d; was it asked?\n%s", code, out)
	}
	i.runCommands(t)
}

func TestCommands_onPostgreSQL(t *testing.T) {
	url, ok := pgtest.Database(t)
	if !ok {
		return
	}
	i := newInstallation(t, postgresFlags(t, url)...)
	if got := i.refuse(t, exitConfig, "account", "list"); !strings.Contains(got, "amogate migrate") {
		t.Errorf("without a schema: %s", got)
	}
	if got := i.do(t, "", "migrate"); !strings.HasPrefix(got, "applied 1: ") {
		t.Errorf("migrate: %s", got)
	}
	a, stop := i.serve(t)
	found, name, err := dialAdmin(t.Context(), a.Admin)
	if err != nil {
		t.Fatal(err)
	}
	if err := found.close(t.Context()); err != nil {
		t.Error(err)
	}
	if want := (storeConfig{url: url}).name(); name != want {
		t.Errorf("serve says that its store is %q, not %q", name, want)
	}
	i.runCommands(t) // beside serve
	i.flags = []string{"--admin-addr=" + a.Admin}
	i.runCommands(t) // through it
	if code, out := stop(); code != exitOK || strings.Count(out, `"msg":"administration"`) < 15 {
		t.Errorf("serve ended with %d; was it asked?\n%s", code, out)
	}
}

func TestCommands_throughPgBouncer(t *testing.T) {
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	url, ok := pgtest.Bounced(t, database)
	if !ok {
		return
	}
	i := newInstallation(t, postgresFlags(t, url)...)
	i.do(t, "", "migrate")
	i.serve(t)
	i.runCommands(t)
}

// consent lets a browser carry a consent back to serve while the command waits.
func (i installation) consent(t *testing.T) {
	t.Helper()
	reader, writer := io.Pipe()
	done := make(chan int, 1)
	add := slices.Concat([]string{"account", "add", "toys", "--oauth", "--url=" + i.upstream}, i.flags)
	go func() {
		done <- run(t.Context(), add, streams{strings.NewReader(""), writer, writer})
		_ = writer.Close() // a PipeWriter's Close cannot fail
	}()
	page := strings.TrimSpace(readUntil(t, reader, func(line string) bool { return strings.HasPrefix(line, "  http") }))
	if got := get(t, page, http.StatusOK); !strings.Contains(got, "Account connected") {
		t.Errorf("the browser sees %s", got)
	}
	added := readUntil(t, reader, func(line string) bool { return strings.HasPrefix(line, "account toys is ") })
	if code := <-done; code != exitOK || !strings.Contains(added, "access token ends") {
		t.Errorf("exit code %d: %s", code, added)
	}
	// A consent works once.
	get(t, page, http.StatusBadRequest)
}

func TestAccountAdd_byConsent(t *testing.T) {
	i := newInstallation(t, sqliteFlags(t)...)
	add := slices.Concat([]string{"account", "add", "toys", "--oauth", "--url=" + i.upstream}, i.flags)
	if code, _, stderr := try(t, add...); code != exitConfig || !strings.Contains(stderr, "no amogate serve is running") {
		t.Errorf("without serve: exit code %d: %s", code, stderr)
	}
	i.serve(t)
	i.consent(t)
}

// TestAccountAdd_byConsentToAnyReplica begins the consent beside the replica that
// takes it.
func TestAccountAdd_byConsentToAnyReplica(t *testing.T) {
	url, ok := pgtest.Database(t)
	if !ok {
		return
	}
	i := newInstallation(t, postgresFlags(t, url)...)
	i.do(t, "", "migrate")
	i.serve(t)
	i.consent(t)
}
