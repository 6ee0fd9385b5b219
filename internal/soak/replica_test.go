package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/amogate/amogate/emulator"
)

// A replica over a SQLite file: what it says of tokens that live, that die, and
// that nobody can renew.
func TestReplica_saysHowItsUseWent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before     func(*emulator.Emulator)
		generation int64
		calls      int64
		failure    string
	}{
		"a living token":  {func(*emulator.Emulator) {}, 1, 0, ""},
		"an expired one":  {(*emulator.Emulator).ExpireAccess, 2, 1, ""},
		"revoked for all": {(*emulator.Emulator).Disconnect, 0, 1, "authorize the account again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up, err := newUpstream(emulator.Config{Window: -1}, slowTokens)
			if err != nil {
				t.Fatal(err)
			}
			defer up.server.Close()
			defer http.DefaultClient.CloseIdleConnections()
			in, err := newInstallation(t.Context(), t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			if err := in.add(t.Context(), name, up); err != nil {
				t.Fatal(err)
			}
			test.before(up.account)
			argument, err := json.Marshal(replicaConfig{Store: in.store, Ring: in.ring, Dir: t.TempDir(), Account: name, Upstream: up.server.URL, Divisor: shortDivisor})
			if err != nil {
				t.Fatal(err)
			}
			var out, problems bytes.Buffer
			if code := replicaMain(string(argument), strings.NewReader("use\nuse\n"), &out, &problems); code != 0 {
				t.Fatalf("exit code %d: %s", code, &problems)
			}
			answers := json.NewDecoder(&out)
			var ready, first, second usedToken
			for _, u := range []*usedToken{&ready, &first, &second} {
				if err := answers.Decode(u); err != nil {
					t.Fatal(err)
				}
			}
			if ready != (usedToken{}) {
				t.Errorf("it is ready with %+v", ready)
			}
			if first.Generation != test.generation || second.Generation != test.generation || !strings.Contains(first.Failure, test.failure) || (first.Failure == "") != (test.failure == "") {
				t.Errorf("uses %+v and %+v, want generation %d and %q", first, second, test.generation, test.failure)
			}
			if (first.Wait > 0) != (test.calls > 0) || second.Wait != 0 && test.failure == "" {
				t.Errorf("waits %v and %v after %d calls", first.Wait, second.Wait, test.calls)
			}
			if got := up.account.Stats().Tokens.Calls; got != test.calls {
				t.Errorf("%d token calls, want %d", got, test.calls)
			}
		})
	}
}

func TestReplica_refusesWhatItCannotOpen(t *testing.T) {
	t.Parallel()
	var out, problems bytes.Buffer
	if code := replicaMain("{", nil, &out, &problems); code != 1 || problems.Len() == 0 {
		t.Errorf("exit code %d with %q", code, &problems)
	}
	argument, err := json.Marshal(replicaConfig{Store: "sqlite:///dev/null/none.db", Ring: "/dev/null/none", Divisor: 1})
	if err != nil {
		t.Fatal(err)
	}
	if code := replicaMain(string(argument), nil, &out, &problems); code != 1 || out.Len() > 0 {
		t.Errorf("exit code %d with %q", code, &out)
	}
}
