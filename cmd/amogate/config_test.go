package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo"
	amosettings "github.com/amogate/amogate/amo/settings"
)

// readServe reads a command line of serve without serving.
func readServe(t *testing.T, args ...string) (settings, error) {
	t.Helper()
	var line cli
	var bad badInput
	out := streams{strings.NewReader(""), io.Discard, io.Discard}
	parser, err := newParser(&line, &bad, out)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(append([]string{"serve"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	line.Serve.unreadable = bad.of(parsed.Selected())
	return line.Serve.read(out)
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestServe_defaults(t *testing.T) {
	clearEnvironment(t)
	s, err := readServe(t)
	if err != nil {
		t.Fatal(err)
	}
	s.logger = nil
	dir, err := filepath.Abs("data")
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		store: storeConfig{
			dir: dir, file: filepath.Join(dir, "amogate.db"), url: "sqlite://" + filepath.Join(dir, "amogate.db"),
			ringFile: filepath.Join(dir, "keyring"), settings: amosettings.Default(),
		},
		rest: "127.0.0.1:8080", grpc: "127.0.0.1:9090", admin: "127.0.0.1:9100",
		pageSize: 500, rate: 6, generation: amo.Auto,
		drainDelay: 5 * time.Second, stopTimeout: 30 * time.Second,
	}
	if diff := cmp.Diff(want, s, cmp.AllowUnexported(settings{}, storeConfig{})); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if s, err = readServe(t, "--sandbox"); err != nil {
		t.Fatal(err)
	}
	if s.sandbox == nil || s.sandbox.Customers != 1200 || s.sandbox.Latency != 120*time.Millisecond || s.sandbox.Strict {
		t.Errorf("sandbox %+v", s.sandbox)
	}
}

func TestServe_accepts(t *testing.T) {
	token := write(t, "token", "  \ttoken-1\n")
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		url  string
		auth amo.Auth
	}{
		{
			name: "a token's file, trimmed",
			args: []string{"--account-url=https://shop.amocrm.ru", "--account-token-file=" + token},
			url:  "https://shop.amocrm.ru", auth: amo.BearerToken("token-1"),
		},
		{
			name: "a token of the environment, trimmed",
			args: []string{"--account-url=https://Shop.kommo.com/"},
			env:  map[string]string{"AMOGATE_ACCOUNT_TOKEN": "token-2\n"},
			url:  "https://shop.kommo.com", auth: amo.BearerToken("token-2"),
		},
		{
			name: "a login with its key",
			args: []string{"--account-url=https://shop.amocrm.com:443", "--account-login=a@example.com", "--account-api-key-file=" + token},
			url:  "https://shop.amocrm.com", auth: amo.Session{Login: "a@example.com", APIKey: "token-1"},
		},
		{
			name: "plain http to loopback when allowed",
			args: []string{"--account-url=http://127.0.0.1:8081", "--allow-insecure-upstream", "--account-token-file=" + token},
			url:  "http://127.0.0.1:8081", auth: amo.BearerToken("token-1"),
		},
		{
			name: "everything from the environment",
			env: map[string]string{
				"AMOGATE_ACCOUNT_URL": "https://shop.amocrm.ru", "AMOGATE_ACCOUNT_TOKEN_FILE": token,
				"AMOGATE_RATE": "0.5", "AMOGATE_REST_ADDR": "", "AMOGATE_INSECURE_NO_AUTH": "TRUE",
				"AMOGATE_GRPC_ADDR": ":9090",
			},
			url: "https://shop.amocrm.ru", auth: amo.BearerToken("token-1"),
		},
		{name: "no account at all"},
		{name: "another address of this host", args: []string{"--rest-addr=[::1]:0", "--grpc-addr=localhost:1", "--admin-addr=127.9.9.9:2"}},
		{name: "any address when allowed", args: []string{"--rest-addr=:0", "--grpc-addr=0.0.0.0:0", "--admin-addr=[::]:0", "--insecure-no-auth"}},
		{name: "a store with its password in the environment", env: map[string]string{"AMOGATE_STORE": "postgres://a:b@db/amogate"}},
		{name: "a key ring in the environment", env: map[string]string{"AMOGATE_KEYRING": "k1:x"}},
		{
			name: "an integration",
			args: []string{"--oauth-client-id=a", "--oauth-client-secret-file=" + token, "--oauth-redirect-url=http://127.0.0.1:8080/oauth/callback"},
		},
		{name: "the account's name as default", args: []string{"--default-account=default"}},
		{name: "a data directory that is not there yet", args: []string{"--data-dir=" + filepath.Join(t.TempDir(), "new")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			clearEnvironment(t)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			s, err := readServe(t, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case c.url == "" && s.account == nil:
			case s.account == nil:
				t.Error("no account")
			case s.account.host.String() != c.url || s.account.auth != c.auth:
				t.Errorf("account %s with %#v", s.account.host, s.account.auth)
			}
		})
	}
}

func TestServe_refuses(t *testing.T) {
	token := write(t, "token", "token-1")
	const account = "--account-url=https://shop.amocrm.ru"
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		want string // the flag and what it says
	}{
		{"a number that is none", []string{"--rate=fast"}, nil, `--rate: "fast" cannot be read; give a number`},
		{"a variable that cannot be read", nil, map[string]string{"AMOGATE_SANDBOX": "maybe"}, `--sandbox: "maybe" cannot be read; give true or false`},
		{"a duration without unit", []string{"--drain-delay=5"}, nil, `--drain-delay: "5" cannot be read; give a duration`},
		{"a page size with a fraction", []string{"--upstream-page-size=1.5"}, nil, `--upstream-page-size: "1.5" cannot be read; give a whole number`},
		{"a rate of 0", []string{"--rate=0"}, nil, "--rate: 0 is not above 0"},
		{"a rate above the vendor's", []string{"--rate=7.1"}, nil, "--rate: 7.1 is not above 0 and at most 7"},
		{"a rate for measurements, against anything", []string{"--rate=200"}, nil, "--rate: 200 is not above 0 and at most 7, which is what amoCRM allows an account; up to 1000 only against the emulator"},
		{"a rate above that of measurements", []string{"--rate=1001", "--allow-insecure-upstream"}, nil, "--rate: 1001 is not above 0 and at most 1000"},
		{"a rate that is not a number", []string{"--rate=NaN"}, nil, "--rate: NaN is not"},
		{"a page size of 0", []string{"--upstream-page-size=0"}, nil, "--upstream-page-size: 0 is not from 1 to 500"},
		{"a page size of 501", []string{"--upstream-page-size=501"}, nil, "--upstream-page-size: 501"},
		{"an unknown generation", []string{"--upstream-api=v3"}, nil, `--upstream-api: "v3" is unknown`},
		{"an unknown level", []string{"--log-level=loud"}, nil, `--log-level: "loud" is unknown`},
		{"an unknown format", []string{"--log-format=xml"}, nil, `--log-format: "xml" is unknown`},
		{"a negative drain delay", []string{"--drain-delay=-1s"}, nil, "--drain-delay: -1s is negative"},
		{"no stop timeout beside a bad drain delay", []string{"--drain-delay=-1s", "--stop-timeout=0s"}, nil, "--stop-timeout: 0s is not longer"},
		{"a stop timeout within the drain delay", []string{"--stop-timeout=5s"}, nil, "--stop-timeout: 5s is not longer"},
		{"no port", []string{"--rest-addr=127.0.0.1"}, nil, `--rest-addr: "127.0.0.1" is not an address`},
		{"a port out of range", []string{"--grpc-addr=127.0.0.1:65536"}, nil, `--grpc-addr: port "65536"`},
		{"every interface", []string{"--rest-addr=:8080"}, nil, `--rest-addr: ":8080" can be reached from other hosts`},
		{"another host's address", []string{"--admin-addr=192.0.2.1:1"}, nil, `--admin-addr: "192.0.2.1:1" can be reached`},
		{"a name that may be anything", []string{"--grpc-addr=shop:1"}, nil, `--grpc-addr: "shop:1" can be reached`},
		{"one port twice", []string{"--grpc-addr=127.0.0.1:8080"}, nil, `--grpc-addr: "127.0.0.1:8080" is --rest-addr already`},
		{"a default account that cannot be", []string{"--default-account=Other"}, nil, `--default-account: "Other" is not the name`},
		{"a store of another engine", []string{"--store=mysql://db/amogate"}, nil, "--store: the scheme is unknown"},
		{"a store that is no URL", []string{"--store=postgres://a:%zz@db"}, nil, "--store: cannot be read as a URL"},
		{"a store with a relative path", []string{"--store=sqlite://data/amogate.db"}, nil, "--store: sqlite takes three slashes"},
		{"a store with options", []string{"--store=sqlite:///data/amogate.db?mode=ro"}, nil, "--store: sqlite takes three slashes"},
		{"a store's password on the command line", []string{"--store=postgres://a:b@db/amogate"}, nil, "--store: holds a password"},
		{"a store's password among its options", []string{"--store=postgres://a@db/amogate?password=b"}, nil, "--store: holds a password"},
		{"a key ring twice", []string{"--keyring-file=" + token}, map[string]string{"AMOGATE_KEYRING": "k1:x"}, "--keyring-file: AMOGATE_KEYRING is set too"},
		{"an integration's id alone", []string{"--oauth-client-id=a"}, nil, "--oauth-client-secret-file: missing"},
		{"an integration without its address", []string{"--oauth-client-id=a", "--oauth-client-secret-file=" + token}, nil, "--oauth-redirect-url: missing"},
		{"an integration without its id", []string{"--oauth-client-secret-file=" + token}, nil, "--oauth-client-id: missing"},
		{"an integration's secret twice", []string{"--oauth-client-secret-file=" + token}, map[string]string{"AMOGATE_OAUTH_CLIENT_SECRET": "x"}, "--oauth-client-secret-file: AMOGATE_OAUTH_CLIENT_SECRET is set too"},
		{"a secret of two words", nil, map[string]string{"AMOGATE_OAUTH_CLIENT_SECRET": "x y"}, "--oauth-client-secret-file: AMOGATE_OAUTH_CLIENT_SECRET holds"},
		{"a redirect address in clear", []string{"--oauth-redirect-url=http://amogate.example/oauth/callback"}, nil, `--oauth-redirect-url: plain http to "amogate.example"`},
		{"a redirect address without a host", []string{"--oauth-redirect-url=/oauth/callback"}, nil, "--oauth-redirect-url: is not an address"},
		{"an unknown zone", []string{"--oauth-zone=amocrm.de"}, nil, `--oauth-zone: "amocrm.de" is unknown`},
		{"a time scale below 1", []string{"--time-scale=0.5"}, nil, "--time-scale: 0.5 is less than 1"},
		{"a data directory that is a file", []string{"--data-dir=" + token}, nil, "--data-dir: "},
		{"a negative number of customers", []string{"--sandbox", "--sandbox-customers=-1"}, nil, "--sandbox-customers: -1"},
		{"a negative latency", []string{"--sandbox", "--sandbox-latency=-1s"}, nil, "--sandbox-latency: -1s"},
		{"an account for the sandbox", []string{"--sandbox", account}, nil, "--account-url: the sandbox has an account of its own"},
		{"a token for the sandbox", []string{"--sandbox"}, map[string]string{"AMOGATE_ACCOUNT_TOKEN": "x"}, "--account-token-file: AMOGATE_ACCOUNT_TOKEN is set, but the sandbox"},
		{"an account without credentials", []string{account}, nil, "--account-url: the account has no credentials"},
		{"credentials without an account", []string{"--account-token-file=" + token}, nil, "--account-url: missing"},
		{"a login without its key", []string{account, "--account-login=a"}, nil, "--account-api-key-file: missing"},
		{"a key without its login", []string{account, "--account-api-key-file=" + token}, nil, "--account-login: missing"},
		{"a token and a login", []string{account, "--account-token-file=" + token, "--account-login=a", "--account-api-key-file=" + token}, nil, "--account-login: the account has a token too"},
		{"two tokens", []string{account, "--account-token-file=" + token}, map[string]string{"AMOGATE_ACCOUNT_TOKEN": "x"}, "--account-token-file: AMOGATE_ACCOUNT_TOKEN is set too"},
		{"a file that is not there", []string{account, "--account-token-file=nowhere"}, nil, "--account-token-file: cannot read the file: no such file"},
		{"an empty file", []string{account, "--account-token-file=" + write(t, "empty", " \n")}, nil, "--account-token-file: the file is empty"},
		{"a file of two lines", []string{account, "--account-token-file=" + write(t, "two", "one\ntwo")}, nil, "--account-token-file: the file holds more than a secret"},
		{"a huge file", []string{account, "--account-token-file=" + write(t, "huge", strings.Repeat("x", maxSecret+1))}, nil, "--account-token-file: the file is larger"},
		{"a token of two words", []string{account}, map[string]string{"AMOGATE_ACCOUNT_TOKEN": "Bearer x"}, "--account-token-file: AMOGATE_ACCOUNT_TOKEN holds"},
		{"plain http", []string{"--account-url=http://shop.amocrm.ru"}, nil, `--account-url: plain http to "shop.amocrm.ru"`},
		{"loopback", []string{"--account-url=https://127.0.0.1"}, nil, `--account-url: "127.0.0.1" is not an account`},
		{"another domain", []string{"--account-url=https://shop.example.com"}, nil, `--account-url: "shop.example.com" is not an account`},
		{"a domain that only ends alike", []string{"--account-url=https://shop.notamocrm.ru"}, nil, `--account-url: "shop.notamocrm.ru" is not`},
		{"a domain that only begins alike", []string{"--account-url=https://shop.amocrm.ru.example.com"}, nil, "--account-url: "},
		{"the vendor's own site", []string{"--account-url=https://amocrm.ru"}, nil, `--account-url: "amocrm.ru" is not an account`},
		{"another port", []string{"--account-url=https://shop.amocrm.ru:8443"}, nil, `--account-url: "shop.amocrm.ru:8443" is not`},
		{"a path", []string{"--account-url=https://shop.amocrm.ru/api/v2"}, nil, "--account-url: the URL has more than a host; give https://shop.amocrm.ru"},
		{"a query", []string{"--account-url=https://shop.amocrm.ru?a=b"}, nil, "--account-url: the URL has more than a host"},
		{"a fragment", []string{"--account-url=https://shop.amocrm.ru#a"}, nil, "--account-url: the URL has more than a host"},
		{"credentials in the URL", []string{"--account-url=https://a:b@shop.amocrm.ru"}, nil, "--account-url: the URL holds credentials"},
		{"no URL", []string{"--account-url=shop.amocrm.ru"}, nil, "--account-url: cannot be read as a URL"},
		{"another scheme", []string{"--account-url=ftp://shop.amocrm.ru"}, nil, "--account-url: cannot be read as a URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			clearEnvironment(t)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			code, _, stderr := try(t, append([]string{"serve"}, c.args...)...)
			if code != exitConfig {
				t.Errorf("exit code %d, want %d", code, exitConfig)
			}
			if !strings.Contains(stderr, "\n  "+c.want) {
				t.Errorf("output does not say %q:\n%s", c.want, stderr)
			}
		})
	}
}

func TestServe_tellsEverythingThatIsWrongAtOnceAndNoSecret(t *testing.T) {
	clearEnvironment(t)
	const secret = "s3cr3t"
	t.Setenv("AMOGATE_ACCOUNT_TOKEN", secret+" "+secret)
	t.Setenv("AMOGATE_KEYRING", "k1:"+secret)
	t.Setenv("AMOGATE_RATE", "fast")
	code, stdout, stderr := try(t, "serve",
		"--rest-addr=0.0.0.0:8080", "--grpc-addr=nowhere", "--admin-addr=127.0.0.1:x",
		"--account-url=http://user:"+secret+"@shop.example.com/?USER_HASH="+secret,
		"--account-token-file="+secret, "--account-login=a@example.com", "--account-api-key-file=./"+secret,
		"--default-account=Other", "--store=postgres://u:"+secret+"@db/a", "--keyring-file="+secret,
		"--oauth-client-secret-file="+secret, "--upstream-api=v9", "--upstream-page-size=0",
		"--log-level=loud", "--log-format=xml", "--drain-delay=-1s", "--stop-timeout=-2s")
	want := []string{
		"rate", "rest-addr", "grpc-addr", "admin-addr", "account-url", "account-login", "default-account",
		"store", "keyring-file", "oauth-client-id", "oauth-client-secret-file", "oauth-redirect-url",
		"upstream-api", "upstream-page-size", "log-level", "log-format", "drain-delay", "stop-timeout",
	}
	for _, flag := range want {
		if !strings.Contains(stderr, "\n  --"+flag+": ") {
			t.Errorf("nothing is told of --%s", flag)
		}
	}
	if code != exitConfig {
		t.Errorf("exit code %d, want %d", code, exitConfig)
	}
	if strings.Contains(stdout+stderr, secret) {
		t.Errorf("the secret is shown:\n%s", stderr)
	}
}

func TestSecrets_areNotInErrorsOfTheirFiles(t *testing.T) {
	clearEnvironment(t)
	const secret = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"
	for _, args := range [][]string{
		{"--account-token-file=" + secret},
		{"--account-token-file=" + write(t, "token", secret+"\n"+secret)},
		{"--account-login=a", "--account-api-key-file=" + secret},
		{"--account-login=a", "--account-api-key-file=" + write(t, "key", secret+" ")},
	} {
		_, stdout, stderr := try(t, append([]string{"serve", "--account-url=https://shop.amocrm.ru", "--rate=9"}, args...)...)
		if strings.Contains(stdout+stderr, secret) {
			t.Errorf("serve %q shows the secret:\n%s", args, stderr)
		}
	}
}

func TestFlag_goesBeforeItsVariable(t *testing.T) {
	clearEnvironment(t)
	t.Setenv("AMOGATE_RATE", "not a number")
	s, err := readServe(t, "--rate=2.5")
	if err != nil {
		t.Fatal(err)
	}
	if s.rate != 2.5 {
		t.Errorf("rate %v, want the flag's", s.rate)
	}
}

func TestVariables_ofOtherCommandsDoNotMatter(t *testing.T) {
	clearEnvironment(t)
	t.Setenv("AMOGATE_EMULATOR_SEED", "not a number")
	if _, err := readServe(t); err != nil {
		t.Error(err)
	}
}

func TestState_isNamedWithoutItsPassword(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://a:b@db:5432/amogate?sslmode=require&password=c": "postgres://db:5432/amogate",
		"sqlite:///var/lib/amogate/amogate.db":                      "sqlite:///var/lib/amogate/amogate.db",
	} {
		if got := (storeConfig{url: url}).name(); got != want {
			t.Errorf("name of %q is %q, want %q", url, got, want)
		}
	}
}

func TestTimeScale_dividesTheDurations(t *testing.T) {
	clearEnvironment(t)
	for _, args := range [][]string{{"--time-scale=20"}, {"--time-scale=20", "--sandbox"}} {
		s, err := readServe(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := s.store.settings, amosettings.Default().Divided(20); got != want {
			t.Errorf("%q: settings %+v, want %+v", args, got, want)
		}
	}
}
