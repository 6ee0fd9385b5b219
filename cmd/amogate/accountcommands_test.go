package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	amosettings "github.com/amogate/amogate/amo/settings"
	adminv1 "github.com/amogate/amogate/gen/amogate/admin/v1"
	"github.com/amogate/amogate/store"
)

// golden compares a text with a golden file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden.txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestCommands_askNoOtherInstallation lets the file be held by a process whose
// address is, from here, that of another one, as that of a container's is.
func TestCommands_askNoOtherInstallation(t *testing.T) {
	clearEnvironment(t)
	fake := &fakeAdmin{}
	dir := t.TempDir()
	url := sqliteURL(filepath.Join(dir, storeFile))
	held, err := store.Open(t.Context(), url, store.Options{AdminAddr: fake.serve(t), Settings: amosettings.Default()})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close() //nolint:errcheck // nothing was written
	code, stdout, stderr := try(t, "account", "remove", "shop", "--data-dir="+dir)
	if code != exitHeld || stdout != "" || !strings.Contains(stderr, "--admin-addr") || fake.asked != nil {
		t.Errorf("exit code %d, asked %v: %s%s", code, fake.asked, stdout, stderr)
	}
}

func TestPrint_isForPeople(t *testing.T) {
	var list, none, trouble, fromFlags, added, checks bytes.Buffer
	writeAccounts(&list, []*adminv1.Account{sampleAccount(), flagsAccount()}, sampleNow)
	writeAccounts(&none, nil, sampleNow)
	writeAccount(&trouble, sampleAccount(), sampleNow)
	writeAccount(&fromFlags, flagsAccount(), sampleNow)
	writeAdded(&added, sampleAccount(), sampleNow)
	writeChecks(&checks, sampleChecks())
	for name, text := range map[string]*bytes.Buffer{
		"account_list": &list, "account_list_none": &none, "account_show": &trouble,
		"account_show_flags": &fromFlags, "account_add": &added, "account_doctor": &checks,
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, text.String()) })
	}
}

func sampleChecks() []*adminv1.Check {
	return []*adminv1.Check{
		{Name: "dns", Result: adminv1.CheckResult_CHECK_RESULT_OK, Finding: "shop.amocrm.ru is 203.0.113.7"},
		{
			Name: "token", Result: adminv1.CheckResult_CHECK_RESULT_FAILED, Finding: "upstream answers 401",
			Remedy: "run `amogate account add shop --oauth --replace`",
		},
		{Name: "pages", Result: adminv1.CheckResult_CHECK_RESULT_SKIPPED, Finding: "needs a token"},
	}
}

func TestPrint_knowsWhatANewerServeMaySay(t *testing.T) {
	var text bytes.Buffer
	writeChecks(&text, []*adminv1.Check{{Name: "quota", Result: 99, Finding: "plenty"}})
	if got, want := text.String(), "99  quota  plenty\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAccountCommands_askTheAdministration(t *testing.T) {
	clearEnvironment(t)
	token := write(t, "token", " token-1\n")
	for name, c := range map[string]struct {
		args []string
		want proto.Message
	}{
		"list":   {[]string{"account", "list"}, &adminv1.ListAccountsRequest{}},
		"show":   {[]string{"account", "show", "shop"}, &adminv1.GetAccountRequest{Name: "shop"}},
		"remove": {[]string{"account", "remove", "shop"}, &adminv1.RemoveAccountRequest{Name: "shop"}},
		"doctor": {[]string{"account", "doctor", "shop"}, &adminv1.CheckAccountRequest{Name: "shop"}},
		"add with a token": {
			[]string{"account", "add", "shop", "--url=https://shop.amocrm.ru", "--token-file=" + token, "--replace"},
			&adminv1.AddAccountRequest{
				Name: "shop", Url: "https://shop.amocrm.ru", Replace: true,
				Credentials: &adminv1.AddAccountRequest_AccessToken{AccessToken: "token-1"},
			},
		},
		"add with a login": {
			[]string{"account", "add", "shop", "--url=https://shop.amocrm.ru", "--login=a@example.com", "--api-key-file=" + token},
			&adminv1.AddAccountRequest{
				Name: "shop", Url: "https://shop.amocrm.ru",
				Credentials: &adminv1.AddAccountRequest_Session{Session: &adminv1.Session{Login: "a@example.com", ApiKey: "token-1"}},
			},
		},
		"add with a code of standard input": {
			[]string{"account", "add", "shop", "--code-file=-"},
			&adminv1.AddAccountRequest{
				Name: "shop", Credentials: &adminv1.AddAccountRequest_AuthorizationCode{AuthorizationCode: "typed-1"},
			},
		},
		"rotate":       {[]string{"keyring", "rotate", "--prune"}, &adminv1.RotateKeyringRequest{Prune: true}},
		"reseal alone": {[]string{"keyring", "rotate", "--reseal-only"}, &adminv1.RotateKeyringRequest{ResealOnly: true}},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &fakeAdmin{accounts: map[string]*adminv1.Account{"shop": sampleAccount()}, checks: sampleChecks()[:1]}
			args := slices.Concat(c.args, []string{"--admin-addr=" + fake.serve(t), "--data-dir=" + filepath.Join(t.TempDir(), "none")})
			code, stdout, stderr := tryWith(t, "typed-1\n", append(args, "--output=json")...)
			if code != exitOK || stderr != "" {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			if diff := cmp.Diff(c.want, fake.asked, protocmp.Transform()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if strings.Count(stdout, "\n") != 1 || !json.Valid([]byte(stdout)) {
				t.Errorf("output is not one line of JSON: %q", stdout)
			}
			if code, stdout, _ := tryWith(t, "typed-1\n", args...); code != exitOK || stdout == "" || json.Valid([]byte(stdout)) {
				t.Errorf("exit code %d, text %q", code, stdout)
			}
		})
	}
}

func TestAccountAdd_refuses(t *testing.T) {
	token := write(t, "token", "token-1")
	const url = "--url=https://shop.amocrm.ru"
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"a bad name", []string{"Shop", url, "--token-file=" + token}, `NAME: "Shop" is not the name of an account`},
		{"no credentials", []string{"shop", url}, "--token-file: 0 kinds of credentials are given"},
		{"two kinds of credentials", []string{"shop", url, "--token-file=" + token, "--oauth"}, "--token-file: 2 kinds of credentials are given"},
		{"a token for no account", []string{"shop", "--token-file=" + token}, "--url: missing"},
		{"a token that is no file", []string{"shop", url, "--token-file=token-1"}, "--token-file: cannot read the file"},
		{"nothing on standard input", []string{"shop", url, "--token-file=-"}, "--token-file: standard input is empty"},
		{"a login without its key", []string{"shop", url, "--login=a"}, "--api-key-file: missing"},
		{"a key without its login", []string{"shop", url, "--api-key-file=" + token}, "--login: missing"},
		{"no time", []string{"shop", url, "--token-file=" + token, "--timeout=0s"}, "--timeout: 0s"},
		{"a timeout that cannot be read", []string{"shop", url, "--token-file=" + token, "--timeout=soon"}, `--timeout: "soon" cannot be read`},
		{"another output", []string{"shop", url, "--token-file=" + token, "--output=xml"}, `--output: "xml" is unknown`},
		{"a high rate", []string{"shop", url, "--token-file=" + token, "--rate=8"}, "--rate: 8"},
		{"no address", []string{"shop", url, "--token-file=" + token, "--admin-addr=9100"}, `--admin-addr: "9100" is not an address`},
	} {
		t.Run(c.name, func(t *testing.T) {
			clearEnvironment(t)
			dir := filepath.Join(t.TempDir(), "data")
			code, _, stderr := try(t, append([]string{"account", "add", "--data-dir=" + dir}, c.args...)...)
			if code != exitConfig || !strings.Contains(stderr, "\n  "+c.want) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, exitConfig, c.want, stderr)
			}
			if exists(dir) {
				t.Error("the data directory was made")
			}
		})
	}
}

func TestAccountCommands_tellErrorsInOneLine(t *testing.T) {
	clearEnvironment(t)
	invalid, err := status.New(codes.InvalidArgument, "invalid").WithDetails(&errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "url", Description: "must be an account of amoCRM"},
			{Field: "session.api_key", Description: "must not be empty"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	token := write(t, "token", "token-1")
	add := []string{"account", "add", "shop", "--url=https://shop.amocrm.ru", "--token-file=" + token}
	for name, c := range map[string]struct {
		args []string
		err  error
		code int
		want string
	}{
		"no such account": {
			[]string{"account", "show", "shop"},
			status.Error(codes.NotFound, "there is no account \"shop\""), exitFailed,
			"amogate: there is no account \"shop\"\n",
		},
		"an account that exists": {
			add, status.Error(codes.AlreadyExists, "there is an account \"shop\" already"), exitFailed,
			"amogate: there is an account \"shop\" already; add --replace to give it new credentials\n",
		},
		"fields": {add, invalid.Err(), exitUsage, "amogate: --url: must be an account of amoCRM; --api-key-file: must not be empty\n"},
		"a store that is away": {
			[]string{"account", "list"},
			status.Error(codes.Unavailable, "the store does not answer"), exitUnavailable,
			"amogate: the store does not answer\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &fakeAdmin{err: c.err}
			code, stdout, stderr := try(t, append(c.args, "--admin-addr="+fake.serve(t))...)
			if code != c.code || stderr != c.want || stdout != "" {
				t.Errorf("exit code %d, want %d; stdout %q, stderr %q, want %q", code, c.code, stdout, stderr, c.want)
			}
		})
	}
}

func TestAccountCommands_sayThatNobodyAnswers(t *testing.T) {
	clearEnvironment(t)
	code, _, stderr := try(t, "account", "list", "--admin-addr=127.0.0.1:1")
	if code != exitUnavailable || !strings.Contains(stderr, "--admin-addr: no amogate serve answers at 127.0.0.1:1") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestAccountDoctor_failsWithAFailedCheck(t *testing.T) {
	clearEnvironment(t)
	fake := &fakeAdmin{checks: sampleChecks()}
	code, stdout, stderr := try(t, "account", "doctor", "shop", "--admin-addr="+fake.serve(t))
	if code != exitFailed || !strings.Contains(stderr, `"shop" does not pass: token`) || !strings.Contains(stdout, "→ run") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

func TestAccountAdd_waitsForTheConsent(t *testing.T) {
	clearEnvironment(t)
	fake := &fakeAdmin{consent: sampleAccount()}
	code, stdout, stderr := try(t, "account", "add", "shop", "--oauth", "--admin-addr="+fake.serve(t))
	if code != exitOK || !strings.Contains(stdout, "\n  https://www.amocrm.ru/oauth?state=s\n") ||
		!strings.Contains(stdout, "account shop is https://shop.amocrm.ru") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

func TestAccountAdd_doesNotAuthorizeAgainByItself(t *testing.T) {
	clearEnvironment(t)
	fake := &fakeAdmin{accounts: map[string]*adminv1.Account{"shop": sampleAccount()}}
	code, _, stderr := try(t, "account", "add", "shop", "--oauth", "--admin-addr="+fake.serve(t))
	if code != exitFailed || !strings.Contains(stderr, "add --replace") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestSecretsOfCommands_areInNoOutput(t *testing.T) {
	clearEnvironment(t)
	const secret = "canary-51f0"
	file := write(t, "secret", secret)
	fake := &fakeAdmin{err: status.Error(codes.FailedPrecondition, "upstream does not accept the credentials")}
	address := fake.serve(t)
	for _, args := range [][]string{
		{"--url=https://shop.amocrm.ru", "--token-file=" + file},
		{"--url=https://shop.amocrm.ru", "--token-file=-"},
		{"--url=https://shop.amocrm.ru", "--token-file=" + secret},
		{"--code-file=-"},
		{"--url=https://shop.amocrm.ru", "--login=a", "--api-key-file=" + file},
	} {
		_, stdout, stderr := tryWith(t, secret, append([]string{"account", "add", "shop", "--admin-addr=" + address}, args...)...)
		if strings.Contains(stdout+stderr, secret) {
			t.Errorf("%q shows the secret:\n%s%s", args, stdout, stderr)
		}
	}
}

func TestAccountAdd_saysWhatBecomesOfAConsentNobodyWaitsFor(t *testing.T) {
	clearEnvironment(t)
	fake := &fakeAdmin{}
	address := fake.serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"account", "add", "shop", "--oauth", "--admin-addr=" + address}, streams{strings.NewReader(""), writer, &stderr})
	}()
	readUntil(t, reader, func(line string) bool { return strings.HasPrefix(line, "  https://") })
	go func() { _, _ = io.Copy(io.Discard, reader) }() // what comes after does not matter
	cancel()
	if got := <-code; got != exitFailed || !strings.Contains(stderr.String(), "still adds the account") {
		t.Errorf("exit code %d: %s", got, stderr.String())
	}
	_ = writer.Close() // a PipeWriter's Close cannot fail
}
