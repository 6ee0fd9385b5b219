package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/amogate/amogate/emulator"
	"github.com/amogate/amogate/internal/pgtest"
	"github.com/amogate/amogate/keyring"
)

// canaries are secrets by what they are, in the spelling in which they exist.
type canaries struct {
	mu     sync.Mutex
	values map[string]string
}

func (c *canaries) add(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values = map[string]string{}
	}
	c.values[name] = value
}

// count counts the secrets of a kind.
func (c *canaries) count(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for name := range c.values {
		if strings.HasSuffix(name, ". "+kind) {
			n++
		}
	}
	return n
}

// watch notes the secrets that upstream makes by itself.
func (c *canaries) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding") // what is compressed cannot be looked through
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		for _, cookie := range recorder.Result().Cookies() {
			c.add("session cookie", cookie.Value)
		}
		var pair struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		if json.Unmarshal(recorder.Body.Bytes(), &pair) == nil && pair.Refresh != "" {
			which := fmt.Sprintf("%d. ", c.count("access token")+1)
			c.add(which+"access token", pair.Access)
			c.add(which+"refresh token", pair.Refresh)
		}
		maps.Copy(w.Header(), recorder.Header())
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes()) // a client that left does not read
	})
}

// shown returns what a text shows, with what stands before it.
func (c *canaries) shown(text []byte) (found []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, value := range c.values {
		for _, spelling := range []string{
			value, url.QueryEscape(value), hex.EncodeToString([]byte(value)),
			base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value)),
		} {
			if at := bytes.Index(text, []byte(spelling)); at >= 0 {
				found = append(found, fmt.Sprintf("the %s behind %q", name, text[max(0, at-120):at]))
				break
			}
		}
	}
	return found
}

func TestCanaries_areFoundInEverySpelling(t *testing.T) {
	secret := "a secret/\xff"
	c := &canaries{values: map[string]string{"key": secret}}
	for _, spelling := range []string{secret, "a+secret%2F%FF", "YSBzZWNyZXQv/w==", "YSBzZWNyZXQv_w", "61207365637265742fff"} {
		if got := c.shown([]byte("here: " + spelling + ".")); len(got) != 1 || got[0] != `the key behind "here: "` {
			t.Errorf("%q: %q", spelling, got)
		}
	}
	if got := c.shown([]byte("a secret")); got != nil {
		t.Errorf("a part of it: %q", got)
	}
}

// canaryRig is an installation whose secrets occur nowhere else.
type canaryRig struct {
	installation
	canaries *canaries
	emulator *emulator.Emulator
	data     string
}

func newCanaryRig(t *testing.T, data string, store ...string) canaryRig {
	t.Helper()
	clearEnvironment(t)
	known := &canaries{}
	for name, value := range map[string]string{
		"long-lived token": "canary-token-93ab1c77", "API key": "canary0key0c41d98ee", "login": "canary-login-5d@example.com",
		"client secret": "canary-client-secret-7e01", "password of the database": "canary-password-b62f",
	} {
		known.add(name, value)
	}
	rest := freeAddress(t)
	redirect := "http://" + rest + "/oauth/callback"
	e, err := emulator.New(emulator.Config{
		Customers: 3, Window: -1, Token: known.values["long-lived token"],
		Login: known.values["login"], APIKey: known.values["API key"],
		OAuth: emulator.OAuth{ClientSecret: known.values["client secret"], RedirectURL: redirect},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(known.watch(e))
	t.Cleanup(s.Close)
	i := installation{store: store, rest: rest, upstream: s.URL}
	i.flags = append(slices.Clone(store),
		"--allow-insecure-upstream", "--time-scale=20", "--rate=7",
		"--oauth-client-id="+emulator.DefaultClientID,
		"--oauth-client-secret-file="+write(t, "secret", known.values["client secret"]),
		"--oauth-redirect-url="+redirect)
	return canaryRig{installation: i, canaries: known, emulator: e, data: data}
}

// command runs a command and returns all it prints, whatever it says.
func (r canaryRig) command(t *testing.T, stdin string, args ...string) []byte {
	t.Helper()
	_, stdout, stderr := tryWith(t, stdin, slices.Concat(args, r.flags)...)
	return []byte(stdout + stderr)
}

// noteKeys adds the keys of a ring's file.
func (r canaryRig) noteKeys(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Load(path); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if id, key, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && !strings.HasPrefix(id, "#") {
			raw, err := base64.StdEncoding.DecodeString(strings.Fields(key)[0])
			if err != nil || len(raw) != 32 {
				t.Fatalf("a line of the ring is no key: %v, %d bytes", err, len(raw))
			}
			r.canaries.add("key "+id, string(raw))
		}
	}
}

// rest calls every kind of method of an account and returns the answers.
func (r canaryRig) rest(t *testing.T, account string) []byte {
	t.Helper()
	var all bytes.Buffer
	for _, call := range []struct{ method, path, body string }{
		{http.MethodGet, "/v1/customers?page_size=1", ""},
		{http.MethodGet, "/v1/customers:stream", ""},
		{http.MethodPost, "/v1/customers", `{"name":"Rose","next_purchase_time":"2027-01-01T00:00:00Z"}`},
		{http.MethodGet, "/v1/customers/1", ""},
		{http.MethodGet, "/v1/transactions", ""},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		req, err := http.NewRequestWithContext(ctx, call.method, "http://"+r.installation.rest+call.path, strings.NewReader(call.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true // no idle connection outlives the test
		req.Header.Set("Amogate-Account", account)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			err = resp.Write(&all)
			_ = resp.Body.Close() // it was read to its end
		}
		cancel()
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.Bytes()
}

// consent has a browser carry a consent back, and notes its state.
func (r canaryRig) consent(t *testing.T) []byte {
	t.Helper()
	var all bytes.Buffer
	client := &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(req *http.Request, _ []*http.Request) error {
			if state := req.URL.Query().Get("state"); state != "" {
				r.canaries.add(fmt.Sprintf("%d. state", r.canaries.count("state")+1), state)
			}
			if code := req.URL.Query().Get("code"); code != "" {
				r.canaries.add(fmt.Sprintf("%d. code", r.canaries.count("code")+1), code)
			}
			return nil
		},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], slices.Concat([]string{"account", "add", "consented", "--oauth", "--url=" + r.upstream}, r.flags)...) //nolint:gosec // this binary
	cmd.Env = append(os.Environ(), actAsCommand+"=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	page := strings.TrimSpace(readUntil(t, stdout, func(line string) bool { return strings.HasPrefix(line, "  http") }))
	// Twice: the second time the state is used up.
	for range 2 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Write(&all); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // it was read to its end
	}
	rest := new(bytes.Buffer)
	_, _ = rest.ReadFrom(stdout) // the exit code says what there is to say
	if err := cmd.Wait(); err != nil {
		t.Fatalf("account add --oauth: %v: %s", err, rest)
	}
	return append(all.Bytes(), rest.Bytes()...)
}

// run has everything happen that touches a secret, well and badly, and checks
// all that is told meanwhile.
func (r canaryRig) run(t *testing.T, stored func() map[string][]byte) {
	t.Helper()
	c := startCanary(t, slices.Concat([]string{
		"serve", "--log-level=debug", "--drain-delay=0s", "--rest-addr=" + r.installation.rest, "--grpc-addr=127.0.0.1:0", "--admin-addr=127.0.0.1:0",
	}, r.flags)...)
	a := c.out.wait(t)

	told := map[string][]byte{"the consent": r.consent(t)}
	told["account add --token-file"] = r.command(t, r.canaries.values["long-lived token"], "account", "add", "shop", "--url="+r.upstream, "--token-file=-")
	told["account add --api-key-file"] = r.command(t, r.canaries.values["API key"], "account", "add", "pet", "--url="+r.upstream, "--login="+r.canaries.values["login"], "--api-key-file=-")
	// Not accepted, and with an answer that repeats them.
	told["account add of a wrong token"] = r.command(t, r.canaries.values["long-lived token"]+"-wrong", "account", "add", "bad", "--url="+r.upstream, "--token-file=-")
	told["account add of a used code"] = r.command(t, r.canaries.values["1. code"], "account", "add", "bad", "--url="+r.upstream, "--code-file=-")
	for _, name := range []string{"consented", "shop", "pet"} {
		told["calls of "+name] = r.rest(t, name)
	}
	// The first pair is replaced, and the second one refused with an answer that
	// repeats it.
	r.emulator.ExpireAccess()
	told["calls after the access token's end"] = r.rest(t, "consented")
	if r.canaries.count("access token") != 2 {
		t.Fatalf("the pair was not replaced: %s\n%s", told["calls after the access token's end"], c.out)
	}
	echo := r.canaries.values["2. refresh token"] + " " + r.canaries.values["client secret"]
	refusal := func(hint string) emulator.Action {
		return emulator.Action{Status: http.StatusUnauthorized, Body: `{"hint":"` + hint + `","title":"` + echo + `","detail":"` + echo + `","status":401}`}
	}
	if err := r.emulator.Script(
		emulator.Rule{Match: emulator.Match{Operation: emulator.OpOAuthToken, Nth: 1}, Action: refusal(echo)},
		emulator.Rule{Match: emulator.Match{Operation: emulator.OpOAuthToken}, Action: refusal("Token has been revoked")},
	); err != nil {
		t.Fatal(err)
	}
	r.emulator.ExpireAccess()
	told["calls with a refused pair"] = r.rest(t, "consented")
	for _, output := range []string{"text", "json"} {
		told["account list as "+output] = r.command(t, "", "account", "list", "--output="+output)
		for _, name := range []string{"consented", "shop", "pet"} {
			told["account show "+name+" as "+output] = r.command(t, "", "account", "show", name, "--output="+output)
			told["account doctor "+name+" as "+output] = r.command(t, "", "account", "doctor", name, "--output="+output)
		}
	}
	told["keyring rotate"] = r.command(t, "", "keyring", "rotate")
	told["the metrics"] = []byte(get(t, "http://"+a.Admin+"/metrics", http.StatusOK))
	// Files while the process runs: a WAL is a file too.
	for place, content := range stored() {
		told[place+", serving"] = content
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	code, _ := c.end(t)
	told["the log"] = []byte(c.out.String())
	told["the spans"] = c.stdout.Bytes()
	maps.Copy(told, stored())

	if code != exitOK {
		t.Fatalf("serve ended with %d:\n%s", code, c.out)
	}
	r.noteKeys(t, filepath.Join(r.data, "keyring"))
	if n := len(r.canaries.values); n < 12 {
		t.Errorf("only %d secrets are looked for: %v", n, r.canaries.values)
	}
	// What was told has to be there, or nothing was looked through.
	for place, want := range map[string]string{
		"the log": `"msg":"call"`, "the spans": "amocrm ", "the metrics": "amogate_upstream_request_duration", "the consent": "Account connected",
		"calls with a refused pair": "ACCOUNT_REAUTH_REQUIRED", "account list as text": "consented", "calls of shop": `"customers"`,
		"account add of a wrong token": "upstream", "calls after the access token's end": `"end"`,
	} {
		if !bytes.Contains(told[place], []byte(want)) {
			t.Errorf("%s has no %q: %.2000s", place, want, told[place])
		}
	}
	for place, text := range told {
		for _, secret := range r.canaries.shown(text) {
			t.Errorf("%s shows %s", place, secret)
		}
	}
}

// canaryProcess is serve in a process whose outputs are all kept.
type canaryProcess struct {
	*child
	stdout *bytes.Buffer
}

func startCanary(t *testing.T, args ...string) *canaryProcess {
	t.Helper()
	p := &canaryProcess{stdout: &bytes.Buffer{}}
	p.child = startProcessWith(t, func(cmd *exec.Cmd) {
		cmd.Stdout = p.stdout
		cmd.Env = append(cmd.Env, "OTEL_TRACES_EXPORTER=console")
	}, args...)
	return p
}

// filesBelow returns every file of a directory but the key ring.
func filesBelow(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "keyring" {
			return err
		}
		found["file "+d.Name()], err = os.ReadFile(path) //nolint:gosec // a file of the test
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestCanaries_standNowhereWithSQLite(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := newCanaryRig(t, data, "--data-dir="+data)
	r.run(t, func() map[string][]byte {
		files := filesBelow(t, data)
		if len(files["file amogate.db"]) == 0 {
			t.Errorf("the database is not among the files")
		}
		return files
	})
	// An address with a password that is wrong in every way it can be.
	password := r.canaries.values["password of the database"]
	for _, store := range []string{
		"postgres://amogate:" + password + "@127.0.0.1:1/db", "postgres://amogate:" + password + "@127.0.0.1:port/db",
		"postgres://amogate:" + password + "@/db?sslmode=odd", "mysql://amogate:" + password + "@host/db", "postgres://amogate:" + password + "@%zz/db",
	} {
		t.Setenv("AMOGATE_STORE", store)
		code, stdout, stderr := try(t, append([]string{"serve", "--data-dir=" + data}, freePorts...)...)
		if code == exitOK || stderr == "" {
			t.Errorf("%s: exit code %d", strings.ReplaceAll(store, password, "…"), code)
		}
		for _, secret := range r.canaries.shown([]byte(stdout + stderr)) {
			t.Errorf("a wrong store shows %s", secret)
		}
	}
}

func TestCanaries_standNowhereWithPostgreSQL(t *testing.T) {
	database, ok := pgtest.Database(t)
	if !ok {
		return
	}
	data := filepath.Join(t.TempDir(), "data")
	r := newCanaryRig(t, data, "--data-dir="+data, "--store="+database)
	for _, args := range [][]string{{"keyring", "generate", filepath.Join(data, "keyring")}, {"migrate", "--store=" + database}} {
		if err := os.MkdirAll(data, 0o700); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := try(t, args...); code != exitOK {
			t.Fatal(stderr)
		}
	}
	r.run(t, func() map[string][]byte {
		found := filesBelow(t, data)
		found["the tables"] = tablesOf(t, database)
		return found
	})
}

// tablesOf returns every row of every table as text.
func tablesOf(t *testing.T, database string) []byte {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // it was only read
	rows, err := conn.Query(t.Context(), `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 3 {
		t.Fatalf("tables %q: %v", tables, err)
	}
	var all bytes.Buffer
	for _, table := range tables {
		rows, err := conn.Query(t.Context(), "SELECT t::text FROM "+table+" t")
		if err != nil {
			t.Fatal(err)
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(strings.Join(texts, "\n"))
	}
	return all.Bytes()
}
