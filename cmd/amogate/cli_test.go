package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func TestHelp(t *testing.T) {
	clearEnvironment(t)
	t.Setenv("COLUMNS", "100")
	for name, args := range map[string][]string{
		"amogate":     {"--help"},
		"serve":       {"serve", "--help"},
		"emulator":    {"emulator", "-h"},
		"healthcheck": {"healthcheck", "--help"},
		"account":     {"account", "--help"},
		"account_add": {"account", "add", "--help"},
		"keyring":     {"keyring", "rotate", "--help"},
		"migrate":     {"migrate", "--help"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := try(t, args...)
			if code != exitOK || stderr != "" {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
			path := filepath.Join("testdata", "help_"+name+".golden.txt")
			if *update {
				if err := os.WriteFile(path, []byte(stdout), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), stdout); diff != "" {
				t.Errorf("help (-want +got):\n%s", diff)
			}
		})
	}
}

// flags calls f for every flag of every command but --help.
func flags(t *testing.T, f func(command string, flag *kong.Flag)) {
	t.Helper()
	var line cli
	var bad badInput
	parser, err := newParser(&line, &bad, streams{strings.NewReader(""), io.Discard, io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, node := range parser.Model.Leaves(false) {
		for _, flag := range node.Flags {
			n++
			f(node.Name, flag)
		}
	}
	if n < 20 {
		t.Fatalf("only %d flags were found", n)
	}
}

// TestFlags_haveTwinsInTheEnvironment holds for what describes an installation.
// What one command is to do is told to that command alone.
func TestFlags_haveTwinsInTheEnvironment(t *testing.T) {
	installation := map[string]bool{}
	flags(t, func(command string, flag *kong.Flag) {
		if command == "serve" || command == "healthcheck" {
			installation[flag.Name] = true
		}
	})
	flags(t, func(command string, flag *kong.Flag) {
		var want []string
		switch name := strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_")); {
		case command == "emulator":
			want = []string{"AMOGATE_EMULATOR_" + name}
		case installation[flag.Name]:
			want = []string{"AMOGATE_" + name}
		}
		if diff := cmp.Diff(want, flag.Envs); diff != "" {
			t.Errorf("%s --%s (-want +got):\n%s", command, flag.Name, diff)
		}
	})
}

func TestFlags_areHelpedAndGrouped(t *testing.T) {
	flags(t, func(command string, flag *kong.Flag) {
		if !strings.HasSuffix(flag.Help, ".") {
			t.Errorf("%s --%s: help %q is not a sentence", command, flag.Name, flag.Help)
		}
		if command == "serve" && flag.Group == nil {
			t.Errorf("serve --%s is in no group", flag.Name)
		}
	})
}

func TestFlags_areInTheManual(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	flags(t, func(command string, flag *kong.Flag) {
		if !strings.Contains(string(manual), "`--"+flag.Name) {
			t.Errorf("docs/operations.md does not tell of %s --%s", command, flag.Name)
		}
		if command == "serve" && flag.Default != "" && !flag.Hidden && !strings.Contains(string(manual), "`"+flag.Default+"`") {
			t.Errorf("docs/operations.md does not tell the default of %s --%s, %s", command, flag.Name, flag.Default)
		}
	})
}

func TestUsage(t *testing.T) {
	clearEnvironment(t)
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"an unknown flag", "unknown flag --rat", []string{"serve", "--rat=1"}},
		{"an unknown command", "unexpected argument sevre", []string{"sevre"}},
		{"no command", "expected one of", nil},
		{"an argument too many", "unexpected argument now", []string{"serve", "now"}},
		{"a group of commands alone", "expected one of", []string{"account"}},
		{"an account without its name", "<name>", []string{"account", "show"}},
		{"a flag without its value", "--rate", []string{"serve", "--rate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, _, stderr := try(t, c.args...)
			if code != exitUsage || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, "amogate --help") {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, exitUsage, c.want, stderr)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	code, stdout, _ := try(t, "version")
	if code != exitOK || !strings.HasPrefix(stdout, "amogate ") || !strings.Contains(stdout, " go1.") {
		t.Errorf("exit code %d, output %q", code, stdout)
	}
}
